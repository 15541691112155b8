//! The table macro `match_parameters`.

use datafusion::common::Result;

use super::macros::{
    BLOCKING, COMPARISONS, INPUT, KEY, MAX_BLOCK_SIZE, MAX_RANDOM_PAIRS, PRIOR, RANDOM_STATE, SOURCE, SOURCE_OF_METHOD, expand,
};
use super::spec::Gives;
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Column, Doc, Kind};

#[derive(Debug)]
pub struct MatchParameters;

const DOC: Doc = Doc {
    name: "match_parameters",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Shows what match_pairs learns: m, u and the weight of each level of each comparison.",
    description: "\
The first row, `prior`, is the probability that two random records are one person. You can keep the rows in a table and pass it to
`match_pairs` as `parameters`: then weights do not change from day to day, and you can edit a value by hand. The columns comparison, level,
m and u are read. Level 0 is everything else, the highest level is equality. Arguments and method are those of `match_pairs`.

**Cost.** As `match_pairs`.

**Elsewhere.** Splink: `match_weights_chart` and the settings that it saves.",
    arguments: &[INPUT, KEY, COMPARISONS, BLOCKING, SOURCE, PRIOR, MAX_BLOCK_SIZE, MAX_RANDOM_PAIRS, RANDOM_STATE],
    columns: &[
        Column { name: "comparison", data_type: "VARCHAR", text: "the comparison as written; `prior` in the first row" },
        Column { name: "level", data_type: "INT", text: "0 for everything else, the highest for equality; NULL for the prior" },
        Column { name: "label", data_type: "VARCHAR", text: "meaning of the level" },
        Column { name: "m", data_type: "DOUBLE", text: "probability of the level if the records are one person" },
        Column { name: "u", data_type: "DOUBLE", text: "probability of the level if they are two persons" },
        Column { name: "match_weight", data_type: "DOUBLE", text: "log₂(m ∕ u)" },
    ],
    examples: &["SELECT comparison, level, label, round(match_weight, 1) AS match_weight
FROM match_parameters((SELECT * FROM sample_customers(rows => 600)), key => customer_id,
  comparisons => [jaro_winkler(name), city], blocking => [l.name = r.name, l.city = r.city]);"],
    source: SOURCE_OF_METHOD,
    ..Doc::EMPTY
};

impl TableMacro for MatchParameters {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(format!("SELECT * FROM {}", call.relation("input")?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        expand(&call, Gives::Parameters)
    }
}
