//! Values that are selected or collected.

use super::given::mode;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 16] = [
    ExpressionMacro::aggregate("arg_max", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $1 IS NOT NULL AND $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; rows where it is NULL are left out"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT arg_max(order_id, amount) AS largest FROM sample_orders(rows => 100);", "SELECT channel, arg_max(order_id, amount) AS order_id, max(amount) AS amount
FROM sample_orders(rows => 1000) GROUP BY channel ORDER BY channel;"]).says("\
Rows where either value is NULL are ignored; ties: the smallest value. `arg_max_null` keeps rows whose value is NULL.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `arg_max` and `arg_min`; ClickHouse: `argMax` and `argMin`; Snowflake, BigQuery, Trino and Spark:
`max_by` and `min_by`, which may return a NULL; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("arg_max_null", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; may be NULL"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT arg_max_null(value, weight) AS value FROM (VALUES (NULL, 3), (5, 2)) AS t(value, weight);"]).says("\
Rows where the other value is NULL are ignored; ties: the smallest value. If the value of the row is NULL, the result is
NULL; `arg_max` takes the next row that has a value.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** Snowflake, BigQuery, Trino and Spark: `max_by` and `min_by`; DuckDB: `arg_max_null` and `arg_min_null`, as
its `max_by` is `arg_max`; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("argmax", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $1 IS NOT NULL AND $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; rows where it is NULL are left out"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT argmax(order_id, amount) AS largest FROM sample_orders(rows => 100);"]).says("\
Rows where either value is NULL are ignored; ties: the smallest value. `arg_max_null` keeps rows whose value is NULL.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `arg_max` and `arg_min`; ClickHouse: `argMax` and `argMin`; Snowflake, BigQuery, Trino and Spark:
`max_by` and `min_by`, which may return a NULL; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("max_by", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; may be NULL"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT max_by(order_id, amount) AS largest FROM sample_orders(rows => 100);"]).says("\
Rows where the other value is NULL are ignored; ties: the smallest value. If the value of the row is NULL, the result is
NULL; `arg_max` takes the next row that has a value.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** Snowflake, BigQuery, Trino and Spark: `max_by` and `min_by`; DuckDB: `arg_max_null` and `arg_min_null`, as
its `max_by` is `arg_max`; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("arg_min", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $1 IS NOT NULL AND $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; rows where it is NULL are left out"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT arg_min(order_id, amount) AS least FROM sample_orders(rows => 100);", "SELECT customer_id, arg_min(channel, ordered_at) AS first_channel
FROM sample_orders(rows => 1000) WHERE customer_id <= 5 GROUP BY customer_id ORDER BY customer_id;"]).says("\
Rows where either value is NULL are ignored; ties: the smallest value. `arg_min_null` keeps rows whose value is NULL.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `arg_max` and `arg_min`; ClickHouse: `argMax` and `argMin`; Snowflake, BigQuery, Trino and Spark:
`max_by` and `min_by`, which may return a NULL; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("arg_min_null", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; may be NULL"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT arg_min_null(value, weight) AS value FROM (VALUES (NULL, 1), (5, 2)) AS t(value, weight);"]).says("\
Rows where the other value is NULL are ignored; ties: the smallest value. If the value of the row is NULL, the result is
NULL; `arg_min` takes the next row that has a value.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** Snowflake, BigQuery, Trino and Spark: `max_by` and `min_by`; DuckDB: `arg_max_null` and `arg_min_null`, as
its `max_by` is `arg_max`; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("argmin", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $1 IS NOT NULL AND $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; rows where it is NULL are left out"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT argmin(order_id, amount) AS least FROM sample_orders(rows => 100);"]).says("\
Rows where either value is NULL are ignored; ties: the smallest value. `arg_min_null` keeps rows whose value is NULL.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `arg_max` and `arg_min`; ClickHouse: `argMax` and `argMin`; Snowflake, BigQuery, Trino and Spark:
`max_by` and `min_by`, which may return a NULL; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("min_by", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value to return from that row; may be NULL"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken; rows where it is NULL are left out")], &["SELECT min_by(order_id, amount) AS least FROM sample_orders(rows => 100);"]).says("\
Rows where the other value is NULL are ignored; ties: the smallest value. If the value of the row is NULL, the result is
NULL; `arg_min` takes the next row that has a value.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** Snowflake, BigQuery, Trino and Spark: `max_by` and `min_by`; DuckDB: `arg_max_null` and `arg_min_null`, as
its `max_by` is `arg_max`; PostgreSQL: `DISTINCT ON`."),
    ExpressionMacro::aggregate("first", "statistics", "Returns the value of the first row.", Meaning::Sql(&[(1, "first_value($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value of the first row; NULL if it is NULL there")], &["SELECT first(order_id ORDER BY ordered_at) AS first FROM sample_orders(rows => 100);", "SELECT customer_id, first(channel ORDER BY ordered_at) AS first_channel
FROM sample_orders(rows => 1000) WHERE customer_id <= 5 GROUP BY customer_id ORDER BY customer_id;"]).says("\
Write ORDER BY inside the call; without it, any row may be the first.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `first`, `first_value` in windows; pandas: `groupby(…).first()`, which skips missing values."),
    ExpressionMacro::aggregate("last", "statistics", "Returns the value of the last row.", Meaning::Sql(&[(1, "last_value($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value of the last row; NULL if it is NULL there")], &["SELECT last(order_id ORDER BY ordered_at) AS last FROM sample_orders(rows => 100);", "SELECT customer_id, last(status ORDER BY ordered_at) AS last_status
FROM sample_orders(rows => 1000) WHERE customer_id <= 5 GROUP BY customer_id ORDER BY customer_id;"]).says("\
Write ORDER BY inside the call; without it, any row may be the last.

**Cost.** One pass; memory grows with the number of groups, not of rows.

**Elsewhere.** DuckDB: `last`, `last_value` in windows; pandas: `groupby(…).last()`, which skips missing values."),
    ExpressionMacro::aggregate("listagg", "statistics", "Joins strings, with a separator between them.", Meaning::Sql(&[(1, "string_agg(CAST($1 AS VARCHAR), '')"), (2, "string_agg(CAST($1 AS VARCHAR), $2)")]))
        .page(&[Argument::required("value", Takes::Value("string"), "value to join, converted to text; NULLs are left out"), Argument::optional("separator", Takes::Value("string"), "", "text between two values, default none")], &["SELECT listagg(category, ', ') WITHIN GROUP (ORDER BY category) AS categories FROM (SELECT DISTINCT category FROM sample_order_items(rows => 100));"]).says("\
Write ORDER BY inside the call, or WITHIN GROUP after it. Without an order, the order of the values may differ between
runs. NULL if there are no values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** Oracle, Snowflake and Redshift: `listagg`; PostgreSQL, DuckDB and SQL Server: `string_agg`; MySQL:
`group_concat`."),
    ExpressionMacro::aggregate("group_concat", "statistics", "Joins strings, with a separator between them.", Meaning::Sql(&[(1, "string_agg(CAST($1 AS VARCHAR), ',')"), (2, "string_agg(CAST($1 AS VARCHAR), $2)")]))
        .page(&[Argument::required("value", Takes::Value("string"), "value to join, converted to text; NULLs are left out"), Argument::optional("separator", Takes::Value("string"), "", "text between two values, default a comma; also after the word SEPARATOR")], &["SELECT group_concat(category ORDER BY category SEPARATOR '; ') AS categories FROM (SELECT DISTINCT category FROM sample_order_items(rows => 100));"]).says("\
Write ORDER BY inside the call, or WITHIN GROUP after it. Without an order, the order of the values may differ between
runs. NULL if there are no values.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** MySQL and SQLite: `group_concat`, where MySQL cuts the result at 1,024 bytes by default; PostgreSQL and
DuckDB: `string_agg`."),
    ExpressionMacro::aggregate("list", "statistics", "Collects the values in a list.", Meaning::Sql(&[(1, "array_agg($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value of each row; NULLs are kept; ORDER BY may follow it")], &["SELECT list(status ORDER BY status) AS all FROM (SELECT DISTINCT status FROM sample_orders(rows => 100));", "SELECT customer_id, list(channel ORDER BY ordered_at) AS channels
FROM sample_orders(rows => 1000) WHERE customer_id = 1 GROUP BY customer_id;"])
    .says("\
NULL if there are no rows. Without ORDER BY, the order of the values may differ between runs.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** DuckDB: `list`; PostgreSQL and BigQuery: `array_agg`; Spark and Hive: `collect_list`; pandas:
`groupby(…).agg(list)`."),
    ExpressionMacro::aggregate("collect_list", "statistics", "Collects the values in a list.", Meaning::Sql(&[(1, "array_agg($1) FILTER (WHERE $1 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value of each row; NULLs are left out")], &["SELECT cardinality(collect_list(status)) AS rows FROM sample_orders(rows => 100);"])
    .says("\
As `list`, but without NULLs. Write `list(value ORDER BY …)` for a fixed order.

**Cost.** The values of a group are kept until its end: memory grows with the number of rows.

**Elsewhere.** Spark and Hive: `collect_list`; Snowflake: `array_agg`, without NULLs too."),
    ExpressionMacro::aggregate("collect_set", "statistics", "Collects the distinct values in a sorted list.", Meaning::Sql(&[(1, "array_agg(DISTINCT $1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "value of each row, of a type with an order; NULLs are left out")], &["SELECT collect_set(status) AS all FROM sample_orders(rows => 100);", "SELECT customer_id, collect_set(channel) AS channels
FROM sample_orders(rows => 1000) WHERE customer_id <= 5 GROUP BY customer_id ORDER BY customer_id;"])
    .says("\
In ascending order.

**Cost.** The distinct values of a group are kept in memory.

**Elsewhere.** Spark and Hive: `collect_set`, in no fixed order; PostgreSQL and DuckDB: `array_agg(DISTINCT value
ORDER BY value)`; pandas: `unique`."),
    ExpressionMacro::aggregate("mode", "statistics", "Returns the most frequent value; ties: the smallest.", Meaning::Code(mode))
        .page(&[Argument::required("value", Takes::Value("any type with an order"), "value of each row; NULLs are left out")], &["SELECT mode(status) AS status FROM sample_orders(rows => 100);", "SELECT channel, mode(payment) AS payment FROM sample_orders(rows => 1000) GROUP BY channel ORDER BY channel;"]).says("\
Also `mode() WITHIN GROUP (ORDER BY value)`. NULLs are ignored.

**Cost.** The distinct values of a group are kept in memory with their counts.

**Elsewhere.** PostgreSQL: `mode() WITHIN GROUP`, ties in any order; DuckDB: `mode`, ties the value seen first;
pandas: `mode`, all ties; Spark: `mode`."),
];
