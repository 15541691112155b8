//! Values read from JSON strings, under the names of DuckDB, PostgreSQL, MySQL, Snowflake and BigQuery.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::adapter::expression_macro::{ExpressionMacro, Meaning, Written};
use crate::docs::{Argument, Takes};
use crate::error::invalid;

const JSON: Argument =
    Argument::required("json", Takes::Value("string"), "JSON string; NULL gives NULL, a string that is not JSON is an error");
const PLACE: Argument = Argument::required(
    "place",
    Takes::Value("string or integer"),
    "path such as `'$.items[0].name'`, a name, or the number of an element from 0; negative numbers count from the end",
);
const OPTIONAL_PLACE: Argument = Argument::optional(
    "place",
    Takes::Value("string or integer"),
    "",
    "path such as `'$.items'`, a name, or the number of an element; without it, the whole value",
);

pub static ALL: [ExpressionMacro; 14] = [
    ExpressionMacro::scalar("json_extract", "json", "Returns a value from within JSON, as JSON.", Meaning::Itself)
        .page(
            &[JSON, PLACE],
            &[
                "SELECT json_extract('{\"items\": [{\"name\": \"tea\"}]}', '$.items[0].name') AS name;",
                "SELECT page, count(*) AS views
FROM (SELECT json_extract(json, '$.page') AS page FROM (VALUES ('{\"page\": \"home\"}'), ('{\"page\": \"home\"}')) AS t(json))
GROUP BY page;",
            ],
        )
        .says(
            "\
`json -> place` is the same. NULL if there is no such value; JSON's null is the string `null`. A path leads to one value:
`*` and `..` are not supported, see `json_query_array`. A string that begins with `$` is a path, any other is a name. What is
returned is the part of the string as it stands there; the whole string is checked. Of equal names the last counts.

**Elsewhere.** DuckDB, MySQL and SQLite: `json_extract`, `->`; PostgreSQL: `->`, where `$` has no meaning; Snowflake:
`json:items[0].name`, which works here too; BigQuery: `json_query`, which does too.",
        ),
    ExpressionMacro::scalar("json_extract_string", "json", "Returns a value from within JSON, as a string.", Meaning::Itself)
        .page(
            &[JSON, PLACE],
            &["SELECT json_extract_string('{\"city\": \"Xian\"}', '$.city') AS city, CAST('{\"ms\": 80}' ->> 'ms' AS INT) AS ms;"],
        )
        .says(
            "\
`json ->> place` is the same. A string loses its quotes, JSON's null becomes NULL, and objects and arrays stay JSON. CAST
the result to a number or a time.

**Elsewhere.** DuckDB: `json_extract_string`, `->>`; PostgreSQL: `->>`; MySQL: `->>`; Spark: `get_json_object`, which works
here too; Snowflake: `json:city::VARCHAR`, which does too.",
        ),
    ExpressionMacro::scalar("json_value", "json", "Returns a string, number or boolean from within JSON.", Meaning::Itself)
        .page(
            &[JSON, OPTIONAL_PLACE],
            &["SELECT json_value('{\"city\": \"Xian\", \"tags\": []}', '$.city') AS city;"],
        )
        .says(
            "\
As `json_extract_string`, but objects and arrays give NULL.

**Elsewhere.** BigQuery, MySQL, SQL Server and Oracle: `json_value`; BigQuery and Trino: `json_extract_scalar`, which works here
too.",
        ),
    ExpressionMacro::scalar(
        "json_extract_path",
        "json",
        "Returns the value to which names and numbers lead, as JSON.",
        Meaning::Code(at_path),
    )
    .page(
        &[
            JSON,
            Argument::required(
                "steps",
                Takes::Value("strings"),
                "names of an object's members and places in an array, from 0, one argument each",
            ),
        ],
        &["SELECT json_extract_path('{\"items\": [\"tea\"]}', 'items', '0') AS item;"],
    )
    .says(
        "\
`json #> ARRAY['items', '0']` is the same.

**Elsewhere.** PostgreSQL: `json_extract_path` and `jsonb_extract_path`, `#>`.",
    ),
    ExpressionMacro::scalar(
        "json_extract_path_text",
        "json",
        "Returns the value to which names and numbers lead, as a string.",
        Meaning::Code(text_at_path),
    )
    .page(
        &[
            JSON,
            Argument::required(
                "steps",
                Takes::Value("strings"),
                "names of an object's members and places in an array, from 0, one argument each",
            ),
        ],
        &["SELECT json_extract_path_text('{\"items\": [\"tea\"]}', 'items', '0') AS item;"],
    )
    .says(
        "\
`json #>> ARRAY['items', '0']` is the same.

**Elsewhere.** PostgreSQL: `json_extract_path_text` and `jsonb_extract_path_text`, `#>>`; Redshift: `json_extract_path_text`.",
    ),
    ExpressionMacro::scalar("json_array_length", "json", "Returns the number of elements of a JSON array.", Meaning::Itself)
        .page(&[JSON, OPTIONAL_PLACE], &["SELECT json_array_length('{\"tags\": [\"a\", \"b\"]}', '$.tags') AS tags;"])
        .says(
            "\
NULL for a value that is no array.

**Elsewhere.** PostgreSQL: `json_array_length`, where such a value is an error; DuckDB: the same, where it gives 0; MySQL:
`json_length`.",
        ),
    ExpressionMacro::scalar("json_typeof", "json", "Returns what a JSON value is.", Meaning::Itself)
        .page(&[JSON, OPTIONAL_PLACE], &["SELECT json_typeof('[1]') AS list, json_typeof('{\"a\": 1}', '$.a') AS a;"])
        .says(
            "\
`object`, `array`, `string`, `number`, `boolean` or `null`.

**Elsewhere.** PostgreSQL: `json_typeof` and `jsonb_typeof`; DuckDB, MySQL and BigQuery: `json_type`, each with words of its own.",
        ),
    ExpressionMacro::scalar("json_keys", "json", "Returns the names of the members of a JSON object.", Meaning::Itself)
        .page(&[JSON, OPTIONAL_PLACE], &["SELECT json_keys('{\"b\": 1, \"a\": 2}') AS names;"])
        .says(
            "\
A list of texts, in the order of the object; NULL for any other value.

**Elsewhere.** DuckDB: `json_keys`; MySQL: `json_keys`, a JSON array; PostgreSQL: `json_object_keys`, which works here too, one row per
name; Snowflake: `object_keys`.",
        ),
    ExpressionMacro::scalar("json_query_array", "json", "Returns the elements of a JSON array, as JSON.", Meaning::Itself)
        .page(
            &[JSON, OPTIONAL_PLACE],
            &[
                "SELECT json_query_array('{\"items\": [{\"n\": 1}, \"x\"]}', '$.items') AS items;",
                "SELECT json_extract_string(line, '$.item') AS item
FROM (SELECT unnest(json_query_array('[{\"item\": \"tea\"}, {\"item\": \"cup\"}]')) AS line);",
            ],
        )
        .says(
            "\
A list of strings; of an object, the values of its members. NULL for any other value. Use the list with `unnest` for one
row per element.

**Elsewhere.** BigQuery: `json_query_array`; PostgreSQL: `json_array_elements`, which works here too, one row per element; DuckDB:
`json_extract(json, '$.items[*]')`; Snowflake: `LATERAL FLATTEN`.",
        ),
    ExpressionMacro::scalar("json_value_array", "json", "Returns the elements of a JSON array, as strings.", Meaning::Itself)
        .page(
            &[JSON, OPTIONAL_PLACE],
            &["SELECT json_value_array('{\"tags\": [\"a\", 2, null]}', '$.tags') AS tags;"],
        )
        .says(
            "\
Strings lose their quotes, JSON's null becomes NULL, and objects and arrays stay JSON. NULL for a value that is no
array or object.

**Elsewhere.** BigQuery: `json_value_array`; PostgreSQL: `json_array_elements_text`, which works here too, one row per element.",
        ),
    ExpressionMacro::scalar("json_valid", "json", "True if a string is JSON.", Meaning::Itself)
        .page(
            &[Argument::required("text", Takes::Value("string"), "string to check; NULL gives NULL")],
            &["SELECT json_valid('{\"a\": 1}') AS yes, json_valid('{a: 1}') AS no;"],
        )
        .says(
            "\
One value and nothing after it, nested at most 512 deep.

**Elsewhere.** DuckDB, MySQL and SQLite: `json_valid`; PostgreSQL: `text IS JSON`; SQL Server: `isjson`.",
        ),
    ExpressionMacro::scalar("parse_json", "json", "Checks that a string is JSON, and returns it.", Meaning::Itself)
        .page(
            &[Argument::required("text", Takes::Value("string"), "string to check; NULL gives NULL, a string that is not JSON is an error")],
            &["SELECT parse_json('{\"a\": 1}') ->> 'a' AS a;"],
        )
        .says(
            "\
JSON is a VARCHAR here. `try_parse_json` returns NULL instead of an error.

**Elsewhere.** Snowflake and BigQuery: `parse_json`; PostgreSQL: `CAST(text AS json)`; DuckDB: `json(text)`.",
        ),
    ExpressionMacro::scalar("try_parse_json", "json", "Returns a string if it is JSON, NULL if it is not.", Meaning::Itself)
        .page(
            &[Argument::required("text", Takes::Value("string"), "string to check; NULL gives NULL")],
            &["SELECT try_parse_json('{\"a\": 1}') AS json, try_parse_json('{a: 1}') AS nothing;"],
        )
        .says(
            "\
**Elsewhere.** Snowflake: `try_parse_json`; BigQuery: `safe.parse_json`; DuckDB: `try_cast(text AS json)`.",
        ),
    ExpressionMacro::scalar("json_unquote", "json", "Returns what a JSON string contains.", Meaning::Itself)
        .page(
            &[Argument::required("json", Takes::Value("string"), "JSON string; any other text is returned as it is")],
            &["SELECT json_unquote('\"tea\"') AS item, json_unquote(json_extract('{\"a\": \"x\"}', '$.a')) AS a;"],
        )
        .says(
            "\
`json_extract_string` does the same for a value within JSON.

**Elsewhere.** MySQL: `json_unquote`; PostgreSQL: `json #>> '{}'`.",
        ),
];

fn at_path(arguments: &[Expr]) -> Result<Option<Written>> {
    steps("json_extract_path", "json_extract_list", arguments)
}

fn text_at_path(arguments: &[Expr]) -> Result<Option<Written>> {
    steps("json_extract_path_text", "json_extract_list_string", arguments)
}

fn steps(name: &str, function: &str, arguments: &[Expr]) -> Result<Option<Written>> {
    if arguments.len() < 2 {
        return Err(invalid(name, "takes a JSON string, and at least one name or place"));
    }
    let steps: Vec<String> = (2..=arguments.len()).map(|place| format!("CAST(${place} AS VARCHAR)")).collect();
    Ok(Some((format!("{function}($1, make_array({}))", steps.join(", ")), arguments.to_vec())))
}
