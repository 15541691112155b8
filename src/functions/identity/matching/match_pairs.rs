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
    summary: "Compares records and returns the probability that two of them are one person: the model of Fellegi and Sunter.",
    description: "\
**Blocking.** A pair is compared if one of the rules in `blocking` holds: equalities between the record `l` and the record `r`, joined with
AND. NULL and blank values match nothing. Each pair is compared once; `blocking_rule` is the first rule that holds. Use several rules, so
that one typo does not hide a pair.

**Comparisons.** Each assigns the pair to a level: equal, one level per threshold, everything else. A missing value counts neither for nor
against. Values are compared as they are: clean them in the query.

| comparison | default levels | for |
|---|---|---|
| `exact(x)`, or `x` alone | equal | anything |
| `jaro_winkler(x, 0.92, 0.8)`, `jaro(…)` | similarity at least 0.92, 0.8 | names |
| `levenshtein(x, 1, 2)`, `damerau_levenshtein(…)` | at most 1, 2 edits; the second counts a swap of neighbours as one edit | codes, phones |
| `date_distance(x, 31, 366)` | at most 31, 366 days apart | dates; anything else counts as missing |
| `numeric_distance(x, 1)` | difference at most 1 | numbers |
| `pinyin(x, …)` | the same pinyin without tones; then Jaro–Winkler of the pinyin | Chinese names |

With `term_frequency => true`, equal values count more when they are rare: two 欧阳 say more than two 王.

**Weights.** For each level, m is its probability if the records are one person, and u if they are two. A pair's `match_weight` is the sum
of log₂(m ∕ u) over its levels plus the prior log₂(p ∕ (1 − p)); `match_probability` is 1 ∕ (1 + 2^−weight). u is estimated from random
pairs. m is estimated by expectation maximisation over the pairs of each rule, without the comparisons that read a column of that rule;
of three rules or more the median counts. `match_parameters` shows both. `explain_match` shows how the weight of one pair is computed.

A rule that finds hardly any true pairs, such as equal names alone among a hundred thousand records, misleads the estimate, and so does a
column that is made of another: the e-mail addresses of a family agree because its surname does, and count twice. In that case
learn from narrow rules with `match_parameters`, and pass the result as `parameters` to `match_pairs` with the wide rules.

To turn pairs into persons, use `connected_components`, or pass them to `resolve_identities` as `pairs`, with its guards.

**Reproducible.** The result depends only on the rows and `random_state`. A duplicate key is an error; rows without a key are dropped and
counted.

**Cost.** Records are kept in memory, with 24 bytes per pair of the rules; pairs are compared on all threads, about a million per second and
thread.

**Elsewhere.** Splink (Python, on DuckDB or Spark), R's `fastLink` and RecordLinkage use the same model; Splink's `blocking_rules` and
comparison levels are `blocking` and `comparisons` here.",
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
            "which records are new: only pairs with at least one new record are compared; pass the `parameters` of a run over all records",
        ),
        Argument::optional("min_probability", Takes::Float(0.0, 1.0), "0.5", "pairs that are less probable are dropped"),
        PRIOR,
        MAX_BLOCK_SIZE,
        MAX_RANDOM_PAIRS,
        RANDOM_STATE,
    ],
    columns: &[
        Column { name: "(key)_l", data_type: "as the key", text: "key of one record, the smaller key" },
        Column { name: "(key)_r", data_type: "as the key", text: "key of the other record" },
        Column { name: "match_weight", data_type: "DOUBLE", text: "log₂ of the odds that they are one person" },
        Column { name: "match_probability", data_type: "DOUBLE", text: "probability that they are one person" },
        Column { name: "blocking_rule", data_type: "INT", text: "number of the first rule that holds, from 1" },
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
