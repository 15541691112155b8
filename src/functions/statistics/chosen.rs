//! Values that are selected or collected.

use super::given::mode;
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 14] = [
    ExpressionMacro::aggregate("arg_max", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT arg_max(order_id, amount) AS largest FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("argmax", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT argmax(order_id, amount) AS largest FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("max_by", "statistics", "Returns the value in the row where another value is largest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2 DESC, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT max_by(order_id, amount) AS largest FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("arg_min", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT arg_min(order_id, amount) AS least FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("argmin", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT argmin(order_id, amount) AS least FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("min_by", "statistics", "Returns the value in the row where another value is smallest.", Meaning::Sql(&[(2, "first_value($1 ORDER BY $2, $1) FILTER (WHERE $2 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value"), Argument::required("by", Takes::Value("any type with an order"), "value that decides which row is taken")], &["SELECT min_by(order_id, amount) AS least FROM sample_orders(rows => 100);"]).says("Rows where the other value is NULL are ignored; ties: the smallest value."),
    ExpressionMacro::aggregate("first", "statistics", "Returns the value of the first row.", Meaning::Sql(&[(1, "first_value($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT first(order_id ORDER BY ordered_at) AS first FROM sample_orders(rows => 100);"]).says("Write ORDER BY inside the call; without it, any row may be the first."),
    ExpressionMacro::aggregate("last", "statistics", "Returns the value of the last row.", Meaning::Sql(&[(1, "last_value($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT last(order_id ORDER BY ordered_at) AS last FROM sample_orders(rows => 100);"]).says("Write ORDER BY inside the call; without it, any row may be the last."),
    ExpressionMacro::aggregate("listagg", "statistics", "Joins strings, with a separator between them.", Meaning::Sql(&[(1, "string_agg(CAST($1 AS VARCHAR), '')"), (2, "string_agg(CAST($1 AS VARCHAR), $2)")]))
        .page(&[Argument::required("value", Takes::Value("text"), "the value"), Argument::optional("separator", Takes::Value("text"), "", "the separator")], &["SELECT listagg(category, ', ') WITHIN GROUP (ORDER BY category) AS categories FROM (SELECT DISTINCT category FROM sample_order_items(rows => 100));"]).says("Write ORDER BY inside the call, or WITHIN GROUP after it."),
    ExpressionMacro::aggregate("group_concat", "statistics", "Joins strings, with a separator between them.", Meaning::Sql(&[(1, "string_agg(CAST($1 AS VARCHAR), ',')"), (2, "string_agg(CAST($1 AS VARCHAR), $2)")]))
        .page(&[Argument::required("value", Takes::Value("text"), "the value"), Argument::optional("separator", Takes::Value("text"), "", "the separator")], &["SELECT group_concat(category ORDER BY category SEPARATOR '; ') AS categories FROM (SELECT DISTINCT category FROM sample_order_items(rows => 100));"]).says("Write ORDER BY inside the call, or WITHIN GROUP after it."),
    ExpressionMacro::aggregate("list", "statistics", "Collects the values in a list.", Meaning::Sql(&[(1, "array_agg($1)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT list(status ORDER BY status) AS all FROM (SELECT DISTINCT status FROM sample_orders(rows => 100));"]),
    ExpressionMacro::aggregate("collect_list", "statistics", "Collects the values in a list.", Meaning::Sql(&[(1, "array_agg($1) FILTER (WHERE $1 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT cardinality(collect_list(status)) AS rows FROM sample_orders(rows => 100);"]),
    ExpressionMacro::aggregate("collect_set", "statistics", "Collects the distinct values in a sorted list.", Meaning::Sql(&[(1, "array_agg(DISTINCT $1 ORDER BY $1) FILTER (WHERE $1 IS NOT NULL)")]))
        .page(&[Argument::required("value", Takes::Value("any type"), "the value")], &["SELECT collect_set(status) AS all FROM sample_orders(rows => 100);"]),
    ExpressionMacro::aggregate("mode", "statistics", "Returns the most frequent value; ties: the smallest.", Meaning::Code(mode))
        .page(&[Argument::required("value", Takes::Value("any type with an order"), "the value")], &["SELECT mode(status) AS status FROM sample_orders(rows => 100);"]).says("Also `mode() WITHIN GROUP (ORDER BY value)`. NULLs are ignored."),
];
