//! The table macro `explain_match`.

use datafusion::common::Result;

use super::macros::{
    BLOCKING, COMPARISONS, INPUT, KEY, MAX_BLOCK_SIZE, MAX_RANDOM_PAIRS, PARAMETERS_RELATION, PRIOR, RANDOM_STATE, SOURCE,
    SOURCE_OF_METHOD, expand,
};
use super::spec::Gives;
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};

#[derive(Debug)]
pub struct ExplainMatch;

const DOC: Doc = Doc {
    name: "explain_match",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Shows how the weight of one pair is computed: the prior, then one comparison after another.",
    description: "\
For each step: what the comparison found, the weight of that level, and the probability so far. Where `term_frequency` is used, rare and
frequent values have a row of their own. The pair does not need to match a blocking rule. Arguments and method are those of `match_pairs`.

**Cost.** As `match_parameters`: the parameters are learned first. Pass `parameters` to skip that.

**Elsewhere.** Splink: `waterfall_chart`.",
    arguments: &[
        INPUT,
        PARAMETERS_RELATION,
        KEY,
        Argument::required("a", Takes::Value("key"), "key of one record"),
        Argument::required("b", Takes::Value("key"), "key of the other record"),
        COMPARISONS,
        BLOCKING,
        SOURCE,
        PRIOR,
        MAX_BLOCK_SIZE,
        MAX_RANDOM_PAIRS,
        RANDOM_STATE,
    ],
    columns: &[
        Column { name: "step", data_type: "INT", text: "from 0, the prior" },
        Column { name: "comparison", data_type: "VARCHAR", text: "the comparison as written; `prior` in the first row" },
        Column { name: "label", data_type: "VARCHAR", text: "what was found: `equal`, `jaro_winkler ≥ 0.92`, `missing`, …" },
        Column { name: "value_l", data_type: "VARCHAR", text: "the value of a" },
        Column { name: "value_r", data_type: "VARCHAR", text: "the value of b" },
        Column { name: "m", data_type: "DOUBLE", text: "probability of this level if the records are one person" },
        Column { name: "u", data_type: "DOUBLE", text: "probability of this level if they are two persons; for a term frequency, the frequency of the value" },
        Column { name: "match_weight", data_type: "DOUBLE", text: "weight that this step adds" },
        Column { name: "match_probability", data_type: "DOUBLE", text: "probability of one person after this step" },
    ],
    examples: &["SELECT step, comparison, label, round(match_weight, 1) AS match_weight, round(match_probability, 3) AS probability
FROM explain_match((SELECT * FROM sample_customers(rows => 600)), key => customer_id, a => 1, b => 2,
  comparisons => [jaro_winkler(name), city], blocking => [l.name = r.name, l.city = r.city])
ORDER BY step;"],
    source: SOURCE_OF_METHOD,
    ..Doc::EMPTY
};

impl TableMacro for ExplainMatch {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(format!("SELECT * FROM {}", call.relation("input")?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        expand(&call, Gives::Explanation)
    }
}
