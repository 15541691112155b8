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
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT editdistance('tea', 'ten') AS letters;"],
    ),
    ExpressionMacro::scalar(
        "edit_distance",
        "texts",
        "As `levenshtein`, in BigQuery.",
        Meaning::Sql(&[(2, "levenshtein($1, $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT edit_distance('tea', 'ten') AS letters;"],
    ),
    ExpressionMacro::scalar(
        "damerau_levenshtein",
        "texts",
        "Counts the fewest edits (change, insert, delete, or swap of neighbouring letters) that turn one string into the other.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT damerau_levenshtein('tea', 'tae') AS letters;"],
    ),
    ExpressionMacro::scalar(
        "jaro_similarity",
        "texts",
        "Returns the Jaro similarity of two strings, from 0 to 1.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT round(jaro_similarity('martha', 'marhta'), 4) AS likeness;"],
    ),
    ExpressionMacro::scalar(
        "jaro_winkler_similarity",
        "texts",
        "As `jaro_similarity`, with a higher result for strings that begin alike.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT round(jaro_winkler_similarity('martha', 'marhta'), 4) AS likeness;"],
    ),
    ExpressionMacro::scalar(
        "jaro_winkler",
        "texts",
        "As `jaro_winkler_similarity`.",
        Meaning::Sql(&[(2, "jaro_winkler_similarity($1, $2)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT round(jaro_winkler('martha', 'marhta'), 4) AS likeness;"],
    ),
    ExpressionMacro::scalar(
        "jarowinkler_similarity",
        "texts",
        "As `jaro_winkler_similarity`, as an integer from 0 to 100, in Snowflake.",
        Meaning::Sql(&[(2, "CAST(floor(jaro_winkler_similarity($1, $2) * 100 + 0.0000001) AS INT)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT jarowinkler_similarity('martha', 'marhta') AS likeness;"],
    )
    .says("Upper and lower case letters differ."),
    ExpressionMacro::scalar(
        "jaccard",
        "texts",
        "Returns the share of the letters of two strings that both have, from 0 to 1.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT jaccard('duck', 'luck') AS likeness;"],
    ),
    ExpressionMacro::scalar(
        "hamming",
        "texts",
        "Counts the positions in which two strings of the same length differ.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT hamming('duck', 'luck') AS letters;"],
    ),
    ExpressionMacro::scalar(
        "soundex",
        "texts",
        "Returns a letter and three digits that are the same for names that sound alike in English.",
        Meaning::Itself,
    )
    .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT soundex('Robert') AS sound;"]),
];
