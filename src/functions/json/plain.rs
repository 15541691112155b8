//! Values as JSON, under the names of PostgreSQL.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 11] = [
    ExpressionMacro::scalar(
        "to_json",
        "json",
        "Converts a value to JSON: a struct becomes an object, a list an array.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "the value")],
        &["SELECT to_json({'a': 1, 'b': ['x', NULL]}) AS json;"],
    ),
    ExpressionMacro::scalar(
        "to_jsonb",
        "json",
        "As `to_json`, with spaces after colons and commas, as PostgreSQL writes jsonb.",
        Meaning::Itself,
    )
    .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT to_jsonb({'a': 1}) AS json;"]),
    ExpressionMacro::scalar("row_to_json", "json", "Converts a row, given as a struct, to a JSON object.", Meaning::Itself).page(
        &[Argument::required("row", Takes::Value("struct"), "the row")],
        &["SELECT row_to_json({'a': 1, 'b': 'x'}) AS json;"],
    ),
    ExpressionMacro::scalar(
        "json_build_object",
        "json",
        "Builds a JSON object from alternating names and values.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("name", Takes::Value("text"), "the first name"),
            Argument::required("value", Takes::Value("any type"), "its value; more names and values follow"),
        ],
        &["SELECT json_build_object('a', 1, 'b', 'x') AS json;"],
    ),
    ExpressionMacro::scalar("jsonb_build_object", "json", "As `json_build_object`, as PostgreSQL writes jsonb.", Meaning::Itself)
        .page(
            &[
                Argument::required("name", Takes::Value("text"), "the first name"),
                Argument::required("value", Takes::Value("any type"), "its value; more names and values follow"),
            ],
            &["SELECT jsonb_build_object('a', 1, 'b', 'x') AS json;"],
        ),
    ExpressionMacro::scalar("json_build_array", "json", "Builds a JSON array from the arguments.", Meaning::Itself).page(
        &[Argument::required("value", Takes::Value("any type"), "the first value; more follow")],
        &["SELECT json_build_array(1, 'x', NULL) AS json;"],
    ),
    ExpressionMacro::scalar("jsonb_build_array", "json", "As `json_build_array`, as PostgreSQL writes jsonb.", Meaning::Itself)
        .page(
            &[Argument::required("value", Takes::Value("any type"), "the first value; more follow")],
            &["SELECT jsonb_build_array(1, 'x') AS json;"],
        ),
    ExpressionMacro::aggregate(
        "json_agg",
        "json",
        "Collects the values of a group in a JSON array; NULL if there are no rows.",
        Meaning::Sql(&[(1, "'[' || string_agg(coalesce(to_json($1), 'null'), ', ') || ']'")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "the value; ORDER BY may follow it")],
        &["SELECT json_agg(v ORDER BY v) AS json FROM (VALUES (2), (1)) AS t(v);"],
    ),
    ExpressionMacro::aggregate(
        "jsonb_agg",
        "json",
        "As `json_agg`, as PostgreSQL writes jsonb.",
        Meaning::Sql(&[(1, "'[' || string_agg(coalesce(to_jsonb($1), 'null'), ', ') || ']'")]),
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "the value; ORDER BY may follow it")],
        &["SELECT jsonb_agg(v ORDER BY v) AS json FROM (VALUES (2), (1)) AS t(v);"],
    ),
    ExpressionMacro::aggregate(
        "json_object_agg",
        "json",
        "Collects names and values of a group in a JSON object; NULL if there are no rows.",
        Meaning::Sql(&[(
            2,
            "'{ ' || string_agg(to_json(CAST($1 AS VARCHAR)) || ' : ' || coalesce(to_json($2), 'null'), ', ') || ' }'",
        )]),
    )
    .page(
        &[
            Argument::required("name", Takes::Value("text"), "the name"),
            Argument::required("value", Takes::Value("any type"), "its value; ORDER BY may follow it"),
        ],
        &["SELECT json_object_agg(k, v ORDER BY k) AS json FROM (VALUES ('b', 2), ('a', 1)) AS t(k, v);"],
    ),
    ExpressionMacro::aggregate(
        "jsonb_object_agg",
        "json",
        "As `json_object_agg`, as PostgreSQL writes jsonb.",
        Meaning::Sql(&[(
            2,
            "'{' || string_agg(to_json(CAST($1 AS VARCHAR)) || ': ' || coalesce(to_jsonb($2), 'null'), ', ') || '}'",
        )]),
    )
    .page(
        &[
            Argument::required("name", Takes::Value("text"), "the name"),
            Argument::required("value", Takes::Value("any type"), "its value; ORDER BY may follow it"),
        ],
        &["SELECT jsonb_object_agg(k, v ORDER BY k) AS json FROM (VALUES ('b', 2), ('a', 1)) AS t(k, v);"],
    ),
];
