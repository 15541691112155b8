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
    summary: "Shows how the weight of one pair comes about: prior, then comparison by comparison.",
    description: "\
The waterfall of a pair: what each comparison found, what that level weighs, and the probability so far. Rare and frequent values have a row of their own where
`term_frequency` counts. The pair need not be one of a rule. Arguments and method are those of `match_pairs`.",
    arguments: &[
        INPUT,
        PARAMETERS_RELATION,
        KEY,
        Argument::required("a", Takes::Value("key"), "one record"),
        Argument::required("b", Takes::Value("key"), "the other"),
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
        Column { name: "comparison", data_type: "VARCHAR", text: "as it was written; `prior` in the first row" },
        Column { name: "label", data_type: "VARCHAR", text: "what was found: `equal`, `jaro_winkler ≥ 0.92`, `missing`, …" },
        Column { name: "value_l", data_type: "VARCHAR", text: "the value of a" },
        Column { name: "value_r", data_type: "VARCHAR", text: "the value of b" },
        Column { name: "m", data_type: "DOUBLE", text: "how probable the level is of one person" },
        Column { name: "u", data_type: "DOUBLE", text: "how probable it is of two; of a term frequency, how frequent the value is" },
        Column { name: "match_weight", data_type: "DOUBLE", text: "what this step adds" },
        Column { name: "match_probability", data_type: "DOUBLE", text: "how probable one person is after this step" },
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
