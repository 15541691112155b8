//! Industries by GB/T 4754.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Float64Builder, StringViewArray, StringViewBuilder, StructArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::given_table::{self, Compiled};
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::error::unusable;
use crate::kernels::chinese::industries::{Found, Level, industries};
use crate::kernels::cleaning::vocabulary::folded;

const ARGUMENTS: &[Argument] = &[
    text("industry", "industry as typed: a code of the standard, its name, or people's word for it; NULL gives NULL"),
    Argument::optional(
        "level",
        Takes::Choice(&["as written", "section", "division", "group", "class"]),
        "'as written'",
        "level of the result: 20 sections (a letter), 97 divisions (2 digits), 473 groups (3), 1,381 classes (4)",
    ),
    Argument::optional(
        "min_similarity",
        Takes::Float(0.0, 1.0),
        "0.88",
        "minimum similarity for a match by similarity; 1 turns this off",
    ),
    Argument::optional("mapping", Takes::Table(&["synonym", "code"]), "", "your own words and their codes"),
];

pub static ALL: [TextFunction; 2] = [TextFunction::new(
    Doc {
        name: "standard_industry",
        domain: "clean",
        summary: "Returns the GB/T 4754-2017 industry that a text means: STRUCT(code, name, similarity).",
        description: "\
Matches are tried in this order, ignoring width, case, spaces and punctuation:

1. your own `mapping`, if given;
2. a code, with or without the letter of its section: `I6513`, `6513`, `65`, `I`;
3. a name of the standard, or one of some 800 words that people use for it (互联网, IT, 电商, 餐饮, 教培);
4. the same after removing or adding an ending without meaning: 行业, 产业, 服务, 业, 类;
5. the first known part of a text with separators: `互联网/电商` gives 互联网;
6. the most similar name or word by `jaro_winkler_similarity`, if it reaches `min_similarity`; if several are equally similar, the finest
industry that they have in common.

`similarity` is 1 for the first five and the measured similarity for the last. If nothing matches, the result is NULL.

The result is as fine as the text: 软件 is division 65, 应用软件开发 class 6513. `level` goes up to a coarser level, and gives NULL if the text is
coarser than that. People's words are often less exact than the standard (制造业 means all of section C, 科技 nothing in particular); the word
list was made for customer profiles, not for statistics.

**Cost.** A code, a name or a known word is looked up: less than half a second of CPU per million. A text that needs similarity is
compared with all names and words, about 0.1 ms; within a batch of some 8,000 rows, equal texts are compared once.

**Elsewhere.** A join with the table of the standard, by code or exact name; people's words then need a list of your own, as with
`standardize`.",
        arguments: ARGUMENTS,
        examples: &[
            "SELECT said, standard_industry(said)['code'] AS code, standard_industry(said)['name'] AS name,
  standard_industry(said, level => 'section')['name'] AS section
FROM (VALUES ('互联网'), ('电商'), ('应用软件开发'), ('ＩＴ／通信'), ('餐饮业'), ('不知道')) AS given(said);",
            "WITH words AS (SELECT * FROM (VALUES ('母婴连锁', '5212')) AS given(synonym, code))
SELECT standard_industry('母婴连锁', mapping => words)['name'] AS name;",
        ],
        source: "GB/T 4754-2017, Industrial classification for national economic activities",
        ..Doc::EMPTY
    },
    Gives::Array(|_| Ok(DataType::Struct(fields())), standard),
), TextFunction::new(
    Doc {
        name: "industry_problem",
        domain: "clean",
        summary: "Explains why `standard_industry` gives NULL or a similar match, with the candidate; NULL for a code, a name or a known word.",
        description: "\
| problem | meaning |
|---|---|
| `blank` | the text has no letter or digit |
| `like '…' (0.91)` | it is only similar to the name or a word of this industry, which `standard_industry` returns |
| `coarser than class` | the industry is known, but not at the requested `level` |
| `unknown, nearest '…' (0.81)` | nothing reaches `min_similarity`; this is the nearest, with at least 0.7 |
| `unknown` | nothing reaches 0.7 |

**Cost.** As `standard_industry`: each call reads the text again.

**Elsewhere.** Python: `rapidfuzz.process.extractOne` returns the candidate and its score.",
        arguments: ARGUMENTS,
        examples: &["SELECT said, industry_problem(said) AS problem, industry_problem(said, level => 'class') AS at_class
FROM (VALUES ('互联网'), ('应用软件开发'), ('软件开法'), ('不知道')) AS given(said);"],
        ..Doc::EMPTY
    },
    Gives::Text(|options| {
        let lookup = Lookup::of("industry_problem", options)?;
        Ok(Box::new(move |text, problem| {
            let told = lookup.problem(text);
            problem.push_str(told.as_deref().unwrap_or_default());
            told.is_some()
        }))
    }),
)];

fn fields() -> Fields {
    vec![
        Field::new("code", DataType::Utf8View, true),
        Field::new("name", DataType::Utf8View, true),
        Field::new("similarity", DataType::Float64, true),
    ]
    .into()
}

/// The caller's own words, folded, and the industries they stand for.
type Mapping = HashMap<String, usize>;

static MAPPINGS: Compiled<Mapping> = Compiled::new();

fn mapping(function: &str, rows: &ArrayRef) -> Result<Mapping> {
    let (synonyms, codes) = (given_table::texts(function, rows, "synonym")?, given_table::texts(function, rows, "code")?);
    let mut mapping = Mapping::new();
    for (synonym, code) in synonyms.iter().zip(&codes) {
        let (Some(synonym), Some(code)) = (synonym, code) else { continue };
        let Some(industry) = industries().by_code(code) else {
            let advice = "codes are as 'I', '65', '651' or '6513'";
            return Err(unusable(function, format!("mapping has the code '{code}', which is not in GB/T 4754-2017; {advice}")));
        };
        // Of a word given twice the code that comes first in the standard: the order of rows must not matter.
        mapping.entry(folded(synonym)).and_modify(|known| *known = industry.min(*known)).or_insert(industry);
    }
    Ok(mapping)
}

/// The minimum similarity of a candidate that is named.
const WORTH_NAMING: f64 = 0.7;

/// How a call looks industries up.
struct Lookup {
    /// None: as fine as the text.
    level: Option<Level>,
    least: f64,
    mapping: Option<Arc<Mapping>>,
}

impl Lookup {
    fn of(function: &str, options: &Options) -> Result<Self> {
        let level = options.word("level")?;
        let level = Level::WORDS.iter().find(|(_, word)| *word == level).map(|(level, _)| *level);
        let own = options.list("mapping").map(|rows| MAPPINGS.of(rows, |rows| mapping(function, rows)));
        Ok(Self { level, least: options.float("min_similarity")?, mapping: own.transpose()? })
    }

    /// The industry of a string, however coarse.
    fn find(&self, text: &str, least: f64) -> Option<Found> {
        let own = self.mapping.as_ref().and_then(|mapping| mapping.get(&folded(text)));
        own.map_or_else(|| industries().find(text, least), |industry| Some(Found { industry: *industry, similarity: 1.0 }))
    }

    fn at_level(&self, found: Found) -> Option<Found> {
        let industry = self.level.map_or(Some(found.industry), |level| industries().at_level(found.industry, level))?;
        Some(Found { industry, ..found })
    }

    fn problem(&self, text: &str) -> Option<String> {
        if folded(text).is_empty() {
            return Some("blank".into());
        }
        let Some(found) = self.find(text, self.least) else {
            let nearest = self.find(text, WORTH_NAMING);
            let told =
                |found: Found| format!("unknown, nearest '{}' ({:.2})", industries().all[found.industry].name, found.similarity);
            return Some(nearest.map_or_else(|| "unknown".into(), told));
        };
        if self.at_level(found).is_none() {
            let level = Level::WORDS.iter().find(|(level, _)| Some(*level) == self.level).map_or("", |(_, word)| word);
            return Some(format!("coarser than {level}"));
        }
        (found.similarity < 1.0).then(|| format!("like '{}' ({:.2})", industries().all[found.industry].name, found.similarity))
    }
}

fn standard(texts: &StringViewArray, options: &Options) -> Result<ArrayRef> {
    let lookup = Lookup::of("standard_industry", options)?;
    let standard = industries();
    let one = |text: &str| lookup.find(text, lookup.least).and_then(|found| lookup.at_level(found));
    // Few texts differ, and the nearest word takes a while to find.
    let mut known: HashMap<&str, Option<Found>> = HashMap::new();
    let (mut codes, mut names) = (StringViewBuilder::with_capacity(texts.len()), StringViewBuilder::with_capacity(texts.len()));
    let mut similarities = Float64Builder::with_capacity(texts.len());
    let mut is_known = Vec::with_capacity(texts.len());
    for text in texts {
        let found = text.and_then(|text| *known.entry(text).or_insert_with(|| one(text)));
        let industry = found.map(|found| &standard.all[found.industry]);
        codes.append_option(industry.map(|industry| industry.code));
        names.append_option(industry.map(|industry| industry.name));
        similarities.append_option(found.map(|found| found.similarity));
        is_known.push(found.is_some());
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(codes.finish()), Arc::new(names.finish()), Arc::new(similarities.finish())];
    Ok(Arc::new(StructArray::try_new(fields(), columns, Some(NullBuffer::from(is_known)))?))
}
