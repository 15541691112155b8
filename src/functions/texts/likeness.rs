//! How like two texts are.

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
        "The least number of letters to change, add, leave out, or swap with their neighbour, to make one text the other.",
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
        "How like two texts are, from 0 to 1, by the letters near one another.",
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
        "As `jaro_similarity`, with more for texts that begin alike.",
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
        "As `jaro_winkler_similarity`, from 0 to 100 without a fraction, in Snowflake.",
        Meaning::Sql(&[(2, "CAST(floor(jaro_winkler_similarity($1, $2) * 100 + 0.0000001) AS INT)")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT jarowinkler_similarity('martha', 'marhta') AS likeness;"],
    )
    .says("Small and capital letters differ here."),
    ExpressionMacro::scalar(
        "jaccard",
        "texts",
        "The share of letters of two texts that both have, from 0 to 1.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT jaccard('duck', 'luck') AS likeness;"],
    ),
    ExpressionMacro::scalar("hamming", "texts", "How many letters differ in two texts of one length.", Meaning::Itself).page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT hamming('duck', 'luck') AS letters;"],
    ),
    ExpressionMacro::scalar(
        "soundex",
        "texts",
        "A letter and three digits that names of like sound share in English.",
        Meaning::Itself,
    )
    .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT soundex('Robert') AS sound;"]),
];
