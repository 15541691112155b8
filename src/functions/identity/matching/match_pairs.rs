//! The table macro `match_pairs`.

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
pub struct MatchPairs;

const DOC: Doc = Doc {
    name: "match_pairs",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Compares records and tells how probable it is that two are one person: the model of Fellegi and Sunter.",
    description: "\
**Blocking.** A pair is compared when one of the rules in `blocking` holds: equalities between the record `l` and the record `r`, joined with AND. NULL and blank
values bring nobody together. Each pair is compared once, `blocking_rule` is the first rule that holds. Take several rules, so that one typo does not keep a pair apart.

**Comparisons.** Each gives a pair a level: equal, one for each threshold met, all else. A missing value says nothing. Values are compared as they are: clean them in the query.

| comparison | levels by default | of |
|---|---|---|
| `exact(x)`, or `x` alone | equal | anything |
| `jaro_winkler(x, 0.92, 0.8)`, `jaro(…)` | similarity at least 0.92, 0.8 | names |
| `levenshtein(x, 1, 2)`, `damerau_levenshtein(…)` | edits at most 1, 2; the second takes a swap of neighbours as one | codes, phones |
| `date_distance(x, 31, 366)` | days apart at most 31, 366 | dates; what is no date is missing |
| `numeric_distance(x, 1)` | difference at most 1 | numbers |
| `pinyin(x, …)` | the same pinyin without tones; then Jaro–Winkler of the pinyin | Chinese names |

With `term_frequency => true` equal values count by how rare they are: two 欧阳 say more than two 王.

**Weights.** For each level m is how probable it is of one person, u of two. A pair's `match_weight` is the sum of log₂(m ∕ u) of its levels and of the prior's
log₂(p ∕ (1 − p)), `match_probability` 1 ∕ (1 + 2^−weight). u is estimated from pairs drawn at random, m by expectation maximisation over the pairs of each rule, without
the comparisons that read a column of the rule; `match_parameters` shows both. `explain_match` shows how one pair's weight comes about.

A rule that brings together hardly any pairs of one person, as the same name alone among a hundred thousand records, misleads the estimate. Learn from narrow rules with
`match_parameters` then, and give the answer as `parameters` to `match_pairs` with the wide ones.

Make persons of the pairs with `connected_components`, or give them to `resolve_identities` as `pairs`, with its guards.

**Same answer.** It depends on the rows and `random_state` alone. A key that is there twice is an error, rows without key are left out and counted.

**Cost.** Records are kept in memory, with 24 bytes for each pair of the rules; pairs are compared on all threads, about a million a second on each.",
    arguments: &[
        INPUT,
        PARAMETERS_RELATION,
        KEY,
        COMPARISONS,
        BLOCKING,
        SOURCE,
        Argument::optional(
            "new_records",
            Takes::Value("condition"),
            "",
            "which records are new: only pairs with one of these are compared; give the `parameters` of a run over all",
        ),
        Argument::optional("min_probability", Takes::Float(0.0, 1.0), "0.5", "pairs that are less probable are left out"),
        PRIOR,
        MAX_BLOCK_SIZE,
        MAX_RANDOM_PAIRS,
        RANDOM_STATE,
    ],
    columns: &[
        Column { name: "(key)_l", data_type: "as the key", text: "one record, the smaller key" },
        Column { name: "(key)_r", data_type: "as the key", text: "the other" },
        Column { name: "match_weight", data_type: "DOUBLE", text: "log₂ of the odds that they are one person" },
        Column { name: "match_probability", data_type: "DOUBLE", text: "how probable that is" },
        Column { name: "blocking_rule", data_type: "INT", text: "the first rule that brings them together, from 1" },
    ],
    examples: &["SELECT customer_id_l, customer_id_r, round(match_probability, 2) AS probability
FROM match_pairs((SELECT * FROM sample_customers(rows => 600)), key => customer_id,
  comparisons => [jaro_winkler(name), exact(right(regexp_replace(phone, '[^0-9]', '', 'g'), 11)), exact(city, term_frequency => true), numeric_distance(age)],
  blocking => [l.name = r.name, right(regexp_replace(l.phone, '[^0-9]', '', 'g'), 11) = right(regexp_replace(r.phone, '[^0-9]', '', 'g'), 11)])
ORDER BY match_weight DESC, customer_id_l LIMIT 3;"],
    source: SOURCE_OF_METHOD,
    ..Doc::EMPTY
};

impl TableMacro for MatchPairs {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(format!("SELECT * FROM {}", call.relation("input")?)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        expand(&call, Gives::Pairs)
    }
}
