//! Strings mapped by the user's own table.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::given_table::{self, Compiled};
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::invalid;
use crate::kernels::cleaning::vocabulary::{Vocabulary, folded};

const TEXT: Argument = text("text", "text as typed, compared with the synonyms; NULL gives NULL");

const MAPPING: Argument = Argument::required(
    "mapping",
    Takes::Table(&["synonym", "standard"]),
    "table of synonyms and their standard values; each standard value is its own synonym",
);

const MIN_SIMILARITY: Argument = Argument::optional(
    "min_similarity",
    Takes::Float(0.0, 1.0),
    "0.9",
    "minimum similarity for a match by similarity; 1 turns this off",
);

pub static ALL: [TextFunction; 2] = [
    TextFunction::new(
        Doc {
            name: "standardize",
            domain: "clean",
            summary: "Replaces a text by its standard value from a table of synonyms: 采购决策者 becomes 决策层.",
            description: "\
`mapping` is a table with the columns `synonym` and `standard`, or a query in parentheses. Texts are compared ignoring width, case, spaces
and punctuation. A text that is not a synonym gets the standard value of the most similar synonym by `jaro_winkler_similarity`, if that
reaches `min_similarity`; if equally similar synonyms have different standard values, it gets none. A text without a match becomes NULL, or
stays as it is with `otherwise => 'keep'`. `standardize_problem` names the candidate.

A synonym with several standard values in the table is an error. The table is read once per statement; the result does not depend on the
order of its rows.

This is an ordinary function, not one in FROM, so it works wherever an expression does: in a tag, in WHERE, in GROUP BY.

**Cost.** A synonym is looked up. Any other text is compared with every synonym: about 0.2 ms per thousand of them; within a batch of
some 8,000 rows, equal texts are compared once. The table of synonyms is in memory.

**Elsewhere.** SQL: a join with the table of synonyms, exact matches only; OpenRefine: clusters of spellings, merged by hand; Python:
`rapidfuzz.process.extractOne`.",
            arguments: &[
                TEXT,
                MAPPING,
                MIN_SIMILARITY,
                Argument::optional("otherwise", Takes::Choice(&["null", "keep"]), "'null'", "result for a text without a match"),
            ],
            examples: &["WITH titles AS (SELECT * FROM (VALUES ('采购决策者', '决策层'), ('总经理', '决策层'), ('财务主管', '管理层')) AS given(synonym, standard))
SELECT title, standardize(title, mapping => titles) AS standard, standardize_problem(title, mapping => titles) AS problem
FROM (VALUES ('采购决策者'), ('采购 决策人'), ('决策层'), ('前台')) AS given(title);"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let mapping = mapping("standardize", options)?;
            let least = options.float("min_similarity")?;
            let keep = options.word("otherwise")? == "keep";
            let mut known: HashMap<String, Match> = HashMap::new();
            Ok(Box::new(move |text, standard| {
                let found = known.entry(text.to_string()).or_insert_with(|| mapping.find(text, least));
                match found.standard(least) {
                    Some(meaning) => standard.push_str(&mapping.standards[meaning]),
                    None if keep => standard.push_str(text),
                    None => return false,
                }
                true
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "standardize_problem",
            domain: "clean",
            summary: "Explains why `standardize` gives NULL or a similar match, with the candidate; NULL for a text that is a synonym.",
            description: "\
| problem | meaning |
|---|---|
| `blank` | the text has no letter or digit |
| `like '…' (0.93)` | it is not a synonym, but similar to one with this standard value, which `standardize` returns |
| `unknown, nearest '…' (0.71)` | nothing reaches `min_similarity`; this is the nearest, with at least 0.7 |
| `unknown` | no synonym reaches 0.7 |
| `ambiguous: '…', '…' (0.93)` | equally similar synonyms have different standard values |

**Cost.** As `standardize`: each call reads the text again.

**Elsewhere.** Python: `rapidfuzz.process.extractOne` returns the candidate and its score.",
            arguments: &[TEXT, MAPPING, MIN_SIMILARITY],
            examples: &["SELECT standardize_problem('采购决策人', mapping => (SELECT '采购决策者' AS synonym, '决策层' AS standard)) AS problem;"],
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let mapping = mapping("standardize_problem", options)?;
            let least = options.float("min_similarity")?;
            Ok(Box::new(move |text, problem| {
                let told = mapping.find(text, least).problem(least, &mapping.standards);
                problem.push_str(told.as_deref().unwrap_or_default());
                told.is_some()
            }))
        }),
    ),
];

/// The minimum similarity of a candidate that is named.
const WORTH_NAMING: f64 = 0.7;

/// Synonyms and what they mean.
#[derive(Debug, Default)]
struct Mapping {
    vocabulary: Vocabulary,
    standards: Vec<String>,
}

/// What a string is to a mapping.
#[derive(Debug)]
enum Match {
    Blank,
    Exact(usize),
    /// The meanings of the nearest synonyms, and how near they are.
    Like(Vec<usize>, f64),
    Unknown,
}

impl Match {
    fn standard(&self, least: f64) -> Option<usize> {
        match self {
            Self::Exact(meaning) => Some(*meaning),
            Self::Like(meanings, similarity) if *similarity >= least && meanings.len() == 1 => meanings.first().copied(),
            _ => None,
        }
    }

    fn problem(&self, least: f64, standards: &[String]) -> Option<String> {
        Some(match self {
            Self::Exact(_) => return None,
            Self::Blank => "blank".into(),
            Self::Unknown => "unknown".into(),
            Self::Like(meanings, similarity) => {
                let names: Vec<String> = meanings.iter().map(|meaning| format!("'{}'", standards[*meaning])).collect();
                let how = match (*similarity >= least, names.len()) {
                    (true, 1) => "like ",
                    (true, _) => "ambiguous: ",
                    (false, _) => "unknown, nearest ",
                };
                format!("{how}{} ({similarity:.2})", names.join(", "))
            }
        })
    }
}

impl Mapping {
    fn find(&self, text: &str, least: f64) -> Match {
        let word = folded(text);
        if word.is_empty() {
            return Match::Blank;
        }
        if let Some(meaning) = self.vocabulary.meaning(&word) {
            return Match::Exact(meaning);
        }
        // What is near enough is found soonest when no more is asked for.
        let nearest = self.vocabulary.nearest(&word, least).or_else(|| self.vocabulary.nearest(&word, WORTH_NAMING));
        nearest.map_or(Match::Unknown, |nearest| Match::Like(nearest.meanings, nearest.similarity))
    }
}

static MAPPINGS: Compiled<Mapping> = Compiled::new();

fn mapping(function: &'static str, options: &Options) -> Result<Arc<Mapping>> {
    // A table without rows is no list.
    options.list("mapping").map_or_else(|| Ok(Arc::default()), |rows| MAPPINGS.of(rows, |rows| read(function, rows)))
}

fn read(function: &str, rows: &ArrayRef) -> Result<Mapping> {
    let (synonyms, standards) = (given_table::texts(function, rows, "synonym")?, given_table::texts(function, rows, "standard")?);
    // In the order of their letters, whatever that of the rows.
    let mut words: BTreeMap<String, &str> = BTreeMap::new();
    for (synonym, standard) in synonyms.iter().zip(&standards) {
        let (Some(synonym), Some(standard)) = (synonym, standard) else { continue };
        if let Some(other) = words.insert(folded(synonym), standard).filter(|other| *other != standard) {
            let (one, other) = (other.min(standard), other.max(standard));
            let advice = "leave one standard for each synonym";
            return Err(invalid(function, format!("mapping has '{one}' and '{other}' for the synonym '{synonym}'; {advice}")));
        }
    }
    let mut own: Vec<&str> = words.values().copied().collect();
    own.sort_unstable();
    own.dedup();
    for standard in &own {
        words.entry(folded(standard)).or_insert(standard);
    }
    let mut mapping = Mapping { standards: own.iter().map(ToString::to_string).collect(), ..Mapping::default() };
    for (word, standard) in words {
        if let Ok(meaning) = own.binary_search(&standard) {
            mapping.vocabulary.add(word, meaning);
        }
    }
    Ok(mapping)
}
