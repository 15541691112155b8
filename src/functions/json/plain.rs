//! Values as JSON, under the names of PostgreSQL.

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 12] = [
    ExpressionMacro::scalar(
        "to_json",
        "json",
        "Converts a value to JSON: a struct becomes an object, a list an array.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "value of any type; a NULL becomes `null`")],
        &[
            "SELECT to_json({'a': 1, 'b': ['x', NULL]}) AS json;",
            "SELECT to_json({'id': customer_id, 'city': city, 'since': registered_at}) AS customer
FROM sample_customers(rows => 2) ORDER BY customer_id;",
        ],
    )
    .says(
        "\
Numbers are written without quotes, a decimal with all its digits; dates and times as ISO 8601 strings; NaN and
infinity as strings, since JSON has no such numbers; bytes as `\\x` and hexadecimal digits. The result is a VARCHAR.

**Elsewhere.** PostgreSQL and DuckDB: `to_json`, with the type `json`; Snowflake: `to_json(to_variant(value))`;
BigQuery: `to_json_string`; Python: `json.dumps`.",
    ),
    ExpressionMacro::scalar(
        "to_jsonb",
        "json",
        "As `to_json`, with spaces after colons and commas, as PostgreSQL writes jsonb.",
        Meaning::Itself,
    )
    .page(
        &[Argument::required("value", Takes::Value("any type"), "value of any type; a NULL becomes `null`")],
        &["SELECT to_jsonb({'a': 1}) AS json;"],
    )
    .says(
        "\
The content is that of `to_json`; the result is a VARCHAR too. PostgreSQL's jsonb also sorts the names of an object
and keeps only the last of equal names; here they stay as they are.",
    ),
    ExpressionMacro::scalar("row_to_json", "json", "Converts a row, given as a struct, to a JSON object.", Meaning::Itself)
        .page(
            &[Argument::required("row", Takes::Value("struct"), "struct whose fields become the names of the object")],
            &[
                "SELECT row_to_json({'a': 1, 'b': 'x'}) AS json;",
                "SELECT row_to_json(t) AS json FROM (SELECT 1 AS a, 'x' AS b) AS t;",
            ],
        )
        .says(
            "\
Fields that are NULL are written as `null`, not left out.

The name of a table of FROM stands for its row: `row_to_json(t)`.

**Elsewhere.** The same in PostgreSQL; DuckDB: `to_json(t)`.",
        ),
    ExpressionMacro::scalar(
        "json_build_object",
        "json",
        "Builds a JSON object from alternating names and values.",
        Meaning::Itself,
    )
    .page(
        &[
            Argument::required("name", Takes::Value("string"), "first name; a NULL is an error"),
            Argument::required("value", Takes::Value("any type"), "its value; more names and values follow"),
        ],
        &[
            "SELECT json_build_object('a', 1, 'b', 'x') AS json;",
            "SELECT json_build_object('order', order_id, 'amount', amount) AS json
FROM sample_orders(rows => 2) ORDER BY order_id;",
        ],
    )
    .says(
        "\
Names and values must come in pairs. A value NULL is written as `null`.

**Elsewhere.** PostgreSQL: `json_build_object`; DuckDB and MySQL: `json_object`; Snowflake: `object_construct`, which
leaves out pairs with NULL.",
    ),
    ExpressionMacro::scalar("jsonb_build_object", "json", "As `json_build_object`, as PostgreSQL writes jsonb.", Meaning::Itself)
        .page(
            &[
                Argument::required("name", Takes::Value("string"), "first name; a NULL is an error"),
                Argument::required("value", Takes::Value("any type"), "its value; more names and values follow"),
            ],
            &["SELECT jsonb_build_object('a', 1, 'b', 'x') AS json;"],
        )
        .says("See `json_build_object`."),
    ExpressionMacro::scalar("json_build_array", "json", "Builds a JSON array from the arguments.", Meaning::Itself)
        .page(
            &[Argument::required(
                "value",
                Takes::Value("any type"),
                "first value, of any type; more follow, and NULL becomes `null`",
            )],
            &["SELECT json_build_array(1, 'x', NULL) AS json;"],
        )
        .says(
            "\
The values may have different types. Without arguments the result is `[]`.

**Elsewhere.** PostgreSQL: `json_build_array`; DuckDB and MySQL: `json_array`.",
        ),
    ExpressionMacro::scalar("jsonb_build_array", "json", "As `json_build_array`, as PostgreSQL writes jsonb.", Meaning::Itself)
        .page(
            &[Argument::required(
                "value",
                Takes::Value("any type"),
                "first value, of any type; more follow, and NULL becomes `null`",
            )],
            &["SELECT jsonb_build_array(1, 'x') AS json;"],
        )
        .says("See `json_build_array`."),
    ExpressionMacro::aggregate(
        "json_agg",
        "json",
        "Collects the values of a group in a JSON array; NULL if there are no rows.",
        Meaning::Sql(&[(1, "told_json('[' || string_agg(coalesce(to_json($1), 'null'), ', ') || ']')")]),
    )
    .page(
        &[Argument::required(
            "value",
            Takes::Value("any type"),
            "value of each row; NULL becomes `null`; ORDER BY may follow it",
        )],
        &[
            "SELECT json_agg(v ORDER BY v) AS json FROM (VALUES (2), (1)) AS t(v);",
            "SELECT customer_id, json_agg(order_id ORDER BY order_id) AS orders
FROM sample_orders(rows => 1000) WHERE customer_id IN (1, 5) GROUP BY customer_id ORDER BY customer_id;",
        ],
    )
    .says(
        "\
Without ORDER BY the order of the values is not fixed: it may differ between runs.

**Cost.** The text of a group is held in memory and grows with its rows. Collect small groups, or keep the rows.

**Elsewhere.** PostgreSQL: `json_agg`; DuckDB: `json_group_array`; MySQL: `json_arrayagg`.",
    ),
    ExpressionMacro::aggregate(
        "jsonb_agg",
        "json",
        "As `json_agg`, as PostgreSQL writes jsonb.",
        Meaning::Sql(&[(1, "told_jsonb('[' || string_agg(coalesce(to_jsonb($1), 'null'), ', ') || ']')")]),
    )
    .page(
        &[Argument::required(
            "value",
            Takes::Value("any type"),
            "value of each row; NULL becomes `null`; ORDER BY may follow it",
        )],
        &["SELECT jsonb_agg(v ORDER BY v) AS json FROM (VALUES (2), (1)) AS t(v);"],
    )
    .says("See `json_agg` for order and memory."),
    ExpressionMacro::aggregate(
        "json_object_agg",
        "json",
        "Collects names and values of a group in a JSON object; NULL if there are no rows.",
        Meaning::Sql(&[(
            2,
            "told_json('{ ' || string_agg(to_json(CAST($1 AS VARCHAR)) || ' : ' || coalesce(to_json($2), 'null'), ', ') || ' }')",
        )]),
    )
    .page(
        &[
            Argument::required(
                "name",
                Takes::Value("string"),
                "name of the pair, converted to text; rows whose name is NULL are left out",
            ),
            Argument::required("value", Takes::Value("any type"), "its value; ORDER BY may follow it"),
        ],
        &[
            "SELECT json_object_agg(k, v ORDER BY k) AS json FROM (VALUES ('b', 2), ('a', 1)) AS t(k, v);",
            "SELECT json_object_agg(channel, orders ORDER BY channel) AS orders
FROM (SELECT channel, count(*) AS orders FROM sample_orders(rows => 1000) GROUP BY channel);",
        ],
    )
    .says(
        "\
Equal names are all kept, as in PostgreSQL. Without ORDER BY the order of the values is not fixed: it may differ
between runs.

**Cost.** The text of a group is held in memory and grows with its rows. Collect small groups, or keep the rows.

**Elsewhere.** PostgreSQL: `json_object_agg`, where a name NULL is an error; DuckDB: `json_group_object`; MySQL:
`json_objectagg`.",
    ),
    ExpressionMacro::aggregate(
        "jsonb_object_agg",
        "json",
        "As `json_object_agg`, as PostgreSQL writes jsonb.",
        Meaning::Sql(&[(
            2,
            "told_jsonb('{' || string_agg(to_json(CAST($1 AS VARCHAR)) || ': ' || coalesce(to_jsonb($2), 'null'), ', ') || '}')",
        )]),
    )
    .page(
        &[
            Argument::required(
                "name",
                Takes::Value("string"),
                "name of the pair, converted to text; rows whose name is NULL are left out",
            ),
            Argument::required("value", Takes::Value("any type"), "its value; ORDER BY may follow it"),
        ],
        &["SELECT jsonb_object_agg(k, v ORDER BY k) AS json FROM (VALUES ('b', 2), ('a', 1)) AS t(k, v);"],
    )
    .says(
        "\
Equal names are all kept; PostgreSQL's jsonb keeps the last. See `json_object_agg` for order and memory.",
    ),
    ExpressionMacro::scalar("json_merge_patch", "json", "Changes JSON by another JSON object.", Meaning::Itself)
        .page(
            &[
                Argument::required("json", Takes::Value("string"), "JSON to change; NULL gives NULL"),
                Argument::required(
                    "patch",
                    Takes::Value("string"),
                    "JSON object with the changes; more may follow, NULL gives NULL",
                ),
            ],
            &["SELECT json_merge_patch('{\"item\": \"tea\", \"old\": 1}', '{\"price\": 5, \"old\": null}') AS json;"],
        )
        .says(
            "\
Members of the patch replace those of the same name; one that is null removes it; objects within objects are merged in
the same way (RFC 7396). Lists are replaced as a whole. The result has no spaces between members.

**Elsewhere.** MySQL and DuckDB: `json_merge_patch`; SQLite: `json_patch`; PostgreSQL: `json || patch`, which keeps
nulls and merges only the outermost object.",
        ),
];
