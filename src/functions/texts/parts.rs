//! Parts of strings.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 15] = [
    ExpressionMacro::scalar(
        "len",
        "texts",
        "Returns the number of characters in a string, or of values in a list.",
        Meaning::Itself,
    )
    .page(&[Argument::required("text", Takes::Value("text or list"), "the text")], &["SELECT len('茶') AS letters;"])
    .says("NULL gives NULL."),
    ExpressionMacro::scalar(
        "char_len",
        "texts",
        "Returns the number of characters in a string.",
        Meaning::Sql(&[(1, "length($1)")]),
    )
    .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT char_len('茶') AS letters;"]),
    ExpressionMacro::scalar("lcase", "texts", "Converts a string to lower case.", Meaning::Sql(&[(1, "lower($1)")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT lcase('TEA') AS small;"]),
    ExpressionMacro::scalar("ucase", "texts", "Converts a string to upper case.", Meaning::Sql(&[(1, "upper($1)")]))
        .page(&[Argument::required("text", Takes::Value("text"), "the text")], &["SELECT ucase('tea') AS capital;"]),
    ExpressionMacro::scalar(
        "mid",
        "texts",
        "Returns part of a string, from a given position.",
        Meaning::Sql(&[(2, "substr($1, $2)"), (3, "substr($1, $2, $3)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("start", Takes::Value("integer"), "the start"),
            Argument::optional("count", Takes::Value("integer"), "", "the count"),
        ],
        &["SELECT mid('teapot', 2, 3) AS part;"],
    ),
    ExpressionMacro::scalar("space", "texts", "Returns a string of so many spaces.", Meaning::Sql(&[(1, "repeat(' ', $1)")]))
        .page(&[Argument::required("count", Takes::Value("integer"), "the count")], &["SELECT space(2) || 'x' AS text;"]),
    ExpressionMacro::scalar(
        "locate",
        "texts",
        "Returns the position of a substring, or 0 if it does not occur.",
        Meaning::Sql(&[(2, "strpos($2, $1)")]),
    )
    .page(
        &[
            Argument::required("part", Takes::Value("text"), "the part"),
            Argument::required("text", Takes::Value("text"), "the text"),
        ],
        &["SELECT locate('b', 'abc') AS place;"],
    ),
    ExpressionMacro::scalar(
        "charindex",
        "texts",
        "As `locate`, in SQL Server and Snowflake.",
        Meaning::Sql(&[(2, "strpos($2, $1)")]),
    )
    .page(
        &[
            Argument::required("part", Takes::Value("text"), "the part"),
            Argument::required("text", Takes::Value("text"), "the text"),
        ],
        &["SELECT charindex('b', 'abc') AS place;"],
    ),
    ExpressionMacro::scalar(
        "startswith",
        "texts",
        "True if a string starts with another.",
        Meaning::Sql(&[(2, "starts_with($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("prefix", Takes::Value("text"), "the prefix"),
        ],
        &["SELECT startswith('tea', 't') AS yes;"],
    ),
    ExpressionMacro::scalar(
        "endswith",
        "texts",
        "True if a string ends with another.",
        Meaning::Sql(&[(2, "ends_with($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("suffix", Takes::Value("text"), "the suffix"),
        ],
        &["SELECT endswith('tea', 'a') AS yes;"],
    ),
    ExpressionMacro::scalar(
        "insert",
        "texts",
        "Replaces some characters of a string by another string.",
        Meaning::Sql(&[(4, "overlay($1 PLACING $4 FROM $2 FOR $3)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("start", Takes::Value("integer"), "the start"),
            Argument::required("count", Takes::Value("integer"), "the count"),
            Argument::required("other", Takes::Value("text"), "the other"),
        ],
        &["SELECT insert('abcd', 2, 2, 'xx') AS text;"],
    ),
    ExpressionMacro::scalar(
        "strcmp",
        "texts",
        "Returns -1, 0 or 1 if the first string is before, equal to or after the second.",
        Meaning::Sql(&[(2, "CASE WHEN $1 < $2 THEN -1 WHEN $1 = $2 THEN 0 WHEN $1 > $2 THEN 1 END")]),
    )
    .page(
        &[
            Argument::required("a", Takes::Value("text"), "first operand"),
            Argument::required("b", Takes::Value("text"), "second operand"),
        ],
        &["SELECT strcmp('a', 'b') AS order;"],
    ),
    ExpressionMacro::scalar(
        "split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(1, "string_to_array($1, ',')"), (2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::optional("separator", Takes::Value("text"), "", "the separator"),
        ],
        &["SELECT split('a,b', ',') AS parts;"],
    ),
    ExpressionMacro::scalar(
        "string_split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("separator", Takes::Value("text"), "the separator"),
        ],
        &["SELECT string_split('a,b', ',') AS parts;"],
    ),
    ExpressionMacro::scalar(
        "str_split",
        "texts",
        "Splits a string into a list of parts.",
        Meaning::Sql(&[(2, "string_to_array($1, $2)")]),
    )
    .page(
        &[
            Argument::required("text", Takes::Value("text"), "the text"),
            Argument::required("separator", Takes::Value("text"), "the separator"),
        ],
        &["SELECT str_split('a,b', ',') AS parts;"],
    ),
];
