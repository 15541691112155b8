//! How similar two strings are.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 10] = [
    ExpressionMacro::scalar(
        "editdistance",
        "texts",
        "As `levenshtein`, in Snowflake.",
        Meaning::Sql(&[(2, "levenshtein($1, $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT editdistance('tea', 'ten') AS letters;"],
    )
    .says("\
Each edit changes, inserts or deletes one character.

**Cost.** The time grows with the product of the two lengths. To compare all pairs of a table, use `record_links`,
which compares only likely pairs.

**Elsewhere.** PostgreSQL (fuzzystrmatch) and DuckDB: `levenshtein`; Snowflake: `editdistance`; BigQuery:
`edit_distance`; Oracle: `utl_match.edit_distance`."),
    ExpressionMacro::scalar(
        "edit_distance",
        "texts",
        "As `levenshtein`, in BigQuery.",
        Meaning::Sql(&[(2, "levenshtein($1, $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT edit_distance('tea', 'ten') AS letters;"],
    )
    .says("\
Each edit changes, inserts or deletes one character.

**Cost.** The time grows with the product of the two lengths. To compare all pairs of a table, use `record_links`,
which compares only likely pairs.

**Elsewhere.** PostgreSQL (fuzzystrmatch) and DuckDB: `levenshtein`; Snowflake: `editdistance`; BigQuery:
`edit_distance`; Oracle: `utl_match.edit_distance`."),
    ExpressionMacro::scalar(
        "damerau_levenshtein",
        "texts",
        "Counts the fewest edits (change, insert, delete, or swap of neighbouring letters) that turn one string into the other.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT damerau_levenshtein('tea', 'tae') AS letters;"],
    )
    .says("\
A swap counts once, where `levenshtein` counts two: typing errors are closer.

**Cost.** The time grows with the product of the two lengths. To compare all pairs of a table, use `record_links`,
which compares only likely pairs.

**Elsewhere.** DuckDB: `damerau_levenshtein`; Python: `jellyfish.damerau_levenshtein_distance`."),
    ExpressionMacro::scalar(
        "jaro_similarity",
        "texts",
        "Returns the Jaro similarity of two strings, from 0 to 1.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT round(jaro_similarity('martha', 'marhta'), 4) AS likeness;"],
    )
    .says("\
(m/|a| + m/|b| + (m − t)/m) / 3: m characters match, that is, are equal and not further apart than half the longer
text less one; t is half the number of them in another order. 0 if none match. Upper and lower case and spaces differ:
clean both first, as with `lower(trim(…))`.

**Cost.** The time grows with the product of the two lengths. To compare all pairs of a table, use `record_links`,
which compares only likely pairs.

**Elsewhere.** DuckDB: `jaro_similarity`; Python: `jellyfish.jaro_similarity`."),
    ExpressionMacro::scalar(
        "jaro_winkler_similarity",
        "texts",
        "As `jaro_similarity`, with a higher result for strings that begin alike.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT round(jaro_winkler_similarity('martha', 'marhta'), 4) AS likeness;"],
    )
    .says("\
j + l · 0.1 · (1 − j), with j the Jaro similarity and l the number of equal characters at the beginning, at most 4.
Made for names of people. Upper and lower case and spaces differ: clean both first, as with `lower(trim(…))`.

**Cost.** The time grows with the product of the two lengths. To compare all pairs of a table, use `record_links`,
which compares only likely pairs.

**Elsewhere.** DuckDB: `jaro_winkler_similarity`; Snowflake: `jarowinkler_similarity`, 0 to 100; Python:
`jellyfish.jaro_winkler_similarity`."),
    ExpressionMacro::scalar(
        "jaro_winkler",
        "texts",
        "As `jaro_winkler_similarity`.",
        Meaning::Sql(&[(2, "jaro_winkler_similarity($1, $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT round(jaro_winkler('martha', 'marhta'), 4) AS likeness;"],
    )
    .says("See `jaro_winkler_similarity` for the formula."),
    ExpressionMacro::scalar(
        "jarowinkler_similarity",
        "texts",
        "As `jaro_winkler_similarity`, as an integer from 0 to 100, in Snowflake.",
        Meaning::Sql(&[(2, "CAST(floor(jaro_winkler_similarity($1, $2) * 100 + 0.0000001) AS INT)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT jarowinkler_similarity('martha', 'marhta') AS likeness;"],
    )
    .says("\
Upper and lower case letters differ. In Snowflake they do not. See `jaro_winkler_similarity` for the formula."),
    ExpressionMacro::scalar(
        "jaccard",
        "texts",
        "Returns the share of the letters of two strings that both have, from 0 to 1.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT jaccard('duck', 'luck') AS likeness;"],
    )
    .says("\
The index is |A ∩ B| / |A ∪ B|, with A and B the sets of characters of the texts: order and repetition do not matter, so `aab` and `ab` have 1. Two empty texts have 0.

**Elsewhere.** DuckDB: `jaccard`, where an empty text is an error; for lists of words write the intersection and the
union of the lists."),
    ExpressionMacro::scalar(
        "hamming",
        "texts",
        "Counts the positions in which two strings of the same length differ.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("string"), "first text; NULL gives NULL"),
            Argument::required("b", Takes::Value("string"), "second text; NULL gives NULL"),
        ],
        &["SELECT hamming('duck', 'luck') AS letters;"],
    )
    .says("\
Texts of different lengths are an error. For codes of a fixed length, such as article numbers.

**Elsewhere.** DuckDB: `hamming` and `mismatches`; Python: `jellyfish.hamming_distance`, which takes different
lengths."),
    ExpressionMacro::scalar(
        "soundex",
        "texts",
        "Returns a letter and three digits that are the same for names that sound alike in English.",
        Meaning::Itself,
    )
    .page(&[Argument::required("text", Takes::Value("string"), "name in Latin letters; a text without any gives an empty text, NULL gives NULL")], &["SELECT soundex('Robert') AS sound;"])
    .says("\
The first letter stays; the consonants after it become digits, equal neighbours once: `Robert` and `Rupert` both have
R163. Use it to find candidates, not to decide. For Chinese names, compare the pinyin.

**Elsewhere.** PostgreSQL (fuzzystrmatch), Oracle, Snowflake and SQL Server: `soundex`; MySQL's may be longer than
four characters."),
];
