//! Lists, under the names of other systems.

use super::given::{numbers, of_list, values, without};
use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Takes};

pub static ALL: [ExpressionMacro; 15] = [
    ExpressionMacro::scalar(
        "list_reverse_sort",
        "lists",
        "Sorts a list in descending order.",
        Meaning::Sql(&[(1, "array_sort($1, 'DESC', 'NULLS LAST')")]),
    )
    .page(
        &[Argument::required("list", Takes::Value("list"), "list to sort; NULL gives NULL")],
        &["SELECT list_reverse_sort([3, 1, 2]) AS falling;"],
    )
    .says(
        "\
NULLs come last.

**Elsewhere.** DuckDB: `list_reverse_sort`; Spark: `sort_array(list, false)`; Python: `sorted(list, reverse=True)`.",
    ),
    ExpressionMacro::scalar(
        "sort_array",
        "lists",
        "Sorts a list in ascending order.",
        Meaning::Sql(&[(1, "array_sort($1, 'ASC', 'NULLS FIRST')")]),
    )
    .page(
        &[Argument::required("list", Takes::Value("list"), "list to sort; NULL gives NULL")],
        &["SELECT sort_array([3, 1, 2]) AS rising;"],
    )
    .says(
        "\
NULLs come first, as in Spark.

**Elsewhere.** Spark: `sort_array`; DuckDB and Snowflake: `list_sort` and `array_sort`.",
    ),
    ExpressionMacro::scalar(
        "array_size",
        "lists",
        "Returns the number of values in a list.",
        Meaning::Sql(&[(1, "cardinality($1)")]),
    )
    .page(
        &[Argument::required("list", Takes::Value("list"), "list to count; NULL gives NULL, an empty list 0")],
        &[
            "SELECT array_size([1, 2]) AS count;",
            "SELECT lines, count(*) AS orders
FROM (
  SELECT array_size(array_agg(product_id)) AS lines FROM sample_order_items(rows => 1000) GROUP BY order_id)
GROUP BY lines ORDER BY lines LIMIT 3;",
        ],
    )
    .says(
        "\
NULLs in the list count.

**Elsewhere.** Snowflake: `array_size`; PostgreSQL: `cardinality`; DuckDB: `len`; BigQuery: `array_length`.",
    ),
    ExpressionMacro::scalar("size", "lists", "Returns the number of values in a list.", Meaning::Sql(&[(1, "cardinality($1)")]))
        .page(
            &[Argument::required("list", Takes::Value("list"), "list to count; NULL gives NULL, an empty list 0")],
            &["SELECT size([1, 2]) AS count;"],
        )
        .says("As `array_size`, in Spark and Hive. NULLs in the list count."),
    ExpressionMacro::scalar(
        "array_contains",
        "lists",
        "True if a list contains a value.",
        Meaning::Sql(&[(2, "array_has($1, $2)")]),
    )
    .page(
        &[
            Argument::required("list", Takes::Value("list"), "list to search; NULL gives NULL"),
            Argument::required(
                "value",
                Takes::Value("any type"),
                "value to look for, of the type of the list's values; NULL gives NULL",
            ),
        ],
        &[
            "SELECT array_contains([1, 2], 2) AS yes;",
            "SELECT count(*) AS orders_with_food
FROM (SELECT array_agg(category) AS categories FROM sample_order_items(rows => 1000) GROUP BY order_id)
WHERE array_contains(categories, 'food');",
        ],
    )
    .says(
        "\
A NULL in the list is ignored: the result is false if no other value matches.

**Elsewhere.** Spark: `array_contains`; DuckDB: `list_contains`; PostgreSQL: `value = ANY (list)`. Snowflake's
`array_contains(value, list)` has the value first.",
    ),
    ExpressionMacro::scalar(
        "generate_array",
        "lists",
        "Generates a list of numbers, both ends included, as in BigQuery.",
        Meaning::Code(numbers),
    )
    .page(
        &[
            Argument::required("start", Takes::Value("integer"), "first number; NULL gives NULL"),
            Argument::required("end", Takes::Value("integer"), "last number, included if a step reaches it; NULL gives NULL"),
            Argument::optional(
                "step",
                Takes::Value("integer"),
                "",
                "distance between numbers, default 1; negative to count down; 0 is an error",
            ),
        ],
        &["SELECT generate_array(1, 3) AS numbers;"],
    )
    .says(
        "\
Empty if the step leads away from `end`.

**Elsewhere.** PostgreSQL and DuckDB: `generate_series(start, end, step)`, as rows in FROM; numpy: `arange`, without
the end.",
    ),
    ExpressionMacro::scalar(
        "generate_date_array",
        "lists",
        "Generates a list of dates, both ends included, as in BigQuery.",
        Meaning::Sql(&[(2, "dates_counted_from_start($1, $2, INTERVAL '1 day')"), (3, "dates_counted_from_start($1, $2, $3)")]),
    )
    .page(
        &[
            Argument::required("start", Takes::Value("date"), "first date; NULL gives NULL"),
            Argument::required("end", Takes::Value("date"), "last date, included if a step reaches it; NULL gives NULL"),
            Argument::optional(
                "step",
                Takes::Value("interval"),
                "",
                "distance between dates, default one day: `INTERVAL '1 month'`",
            ),
        ],
        &[
            "SELECT generate_date_array(DATE '2025-05-01', DATE '2025-05-03') AS days;",
            "SELECT day, count(order_id) AS orders
FROM (SELECT unnest(generate_date_array(DATE '2025-06-28', DATE '2025-06-30')) AS day)
LEFT JOIN sample_orders(rows => 10000) ON CAST(ordered_at AS DATE) = day
GROUP BY day ORDER BY day;",
        ],
    )
    .says(
        "\
Each date is counted from the start: from January 31 by months, the list goes on with February 28 and March 31. Empty if
the step leads away from `end`; a step of 0, or of less than a day, is an error. Use the list with `unnest` to count
days without rows as 0.

**Elsewhere.** BigQuery: `generate_date_array`; PostgreSQL, and here: `generate_series`, which adds each step to the
date before and so goes on from February 28 to March 28; pandas: `date_range`.",
    ),
    ExpressionMacro::scalar(
        "list_aggregate",
        "lists",
        "Applies an aggregate to the values of a list, as in DuckDB.",
        Meaning::Code(of_list),
    )
    .page(
        &[
            Argument::required("list", Takes::Value("list"), "list to aggregate; NULL and an empty list give NULL"),
            Argument::required(
                "name",
                Takes::Value("name of an aggregate"),
                "a constant string: 'sum', 'avg', 'median', 'mode', 'stddev', 'min', 'max', 'count', 'first', 'bool_and', 'string_agg', …",
            ),
            Argument::optional("between", Takes::Value("string"), "','", "what stands between the texts, for 'string_agg' only"),
        ],
        &["SELECT list_aggregate([1, 2, 3], 'sum') AS sum, list_median([1, 2, 4]) AS middle;"],
    )
    .says(
        "\
NULLs in the list are left out, by 'count' too; `cardinality` counts them.

The results and their types are those of the aggregate over rows. Each may also be written as a function:
`list_sum`, `list_avg`, `list_median`, `list_mode`, `list_stddev`, `list_bool_and` …

**Elsewhere.** DuckDB: `list_aggregate`, also `list_aggr`, with any aggregate; for others, `unnest` the list and group.",
    ),
    ExpressionMacro::scalar("array_remove", "lists", "Removes every occurrence of a value from a list.", Meaning::Code(without))
        .page(
            &[
                Argument::required("list", Takes::Value("list"), "list to remove from; NULL gives NULL"),
                Argument::required("value", Takes::Value("any type"), "value to remove; NULL removes the NULLs"),
            ],
            &["SELECT array_remove([1, 2, 1], 1) AS rest;"],
        )
        .says(
            "\
As in PostgreSQL. `array_remove_n(list, value, 1)` removes only the first. If the value does not occur, the list stays
as it is.

**Elsewhere.** PostgreSQL: `array_remove`; DuckDB: `list_filter`; Spark's `array_remove(list, NULL)` gives NULL.",
        ),
    ExpressionMacro::scalar("list_value", "lists", "Makes a list of values.", Meaning::Code(values))
        .page(
            &[Argument::optional(
                "values",
                Takes::Value("values of one type"),
                "",
                "values of the list, in order; NULLs are kept",
            )],
            &["SELECT list_value(3, 1, 2) AS numbers;"],
        )
        .says(
            "\
The same as `[3, 1, 2]` and `make_array(3, 1, 2)`. Without values the list is empty.

**Elsewhere.** DuckDB: `list_value`; PostgreSQL: `ARRAY[…]`; Spark: `array`; Snowflake: `array_construct`.",
        ),
    ExpressionMacro::scalar("list_reduce", "lists", "Reduces a list to one value, step by step.", Meaning::Itself)
        .page(
            &[
                Argument::required("list", Takes::Value("list"), "list to reduce; NULL gives NULL"),
                Argument::required(
                    "lambda",
                    Takes::Value("lambda"),
                    "`(so_far, value) -> …`, the next result from the one so far and the next value; a third name is the number of the value",
                ),
                Argument::optional(
                    "start",
                    Takes::Value("any type"),
                    "",
                    "the result before the first value; without it, the first value is the first result, and an empty list is an error",
                ),
            ],
            &[
                "SELECT list_reduce([1, 2, 3, 4], (sum, x) -> sum + x) AS sum, list_reduce(['a', 'b'], (all, x) -> all || '-' || x) AS joined;",
                "SELECT list_reduce(CAST([] AS BIGINT[]), (sum, x) -> sum + x, 0) AS nothing;",
            ],
        )
        .says(
            "\
The results so far are converted to the type of what the lambda returns. All lists of a batch go forward together, so
that the lambda is evaluated once for each place in a list, not once for each value.

**Elsewhere.** DuckDB: `list_reduce`, also written `lambda sum, x : sum + x`; Snowflake: `reduce(list, 0, lambda)`, which works here too;
Spark: `aggregate`; Python: `functools.reduce`. For sums and products: `list_sum`, `list_product`.",
        ),
    ExpressionMacro::scalar(
        "list_unique",
        "lists",
        "Counts the different values of a list.",
        Meaning::Sql(&[(1, "cardinality(array_distinct(array_compact($1)))")]),
    )
    .page(
        &[Argument::required("list", Takes::Value("list"), "list to count in; NULL gives NULL, an empty list 0")],
        &["SELECT list_unique([1, 2, 2, NULL]) AS count;"],
    )
    .says(
        "\
NULLs in the list do not count. `array_distinct` returns the values themselves.

**Elsewhere.** DuckDB: `list_unique` and `array_unique`; pandas: `nunique`; Python: `len(set(list))`.",
    ),
    ExpressionMacro::scalar(
        "map_contains",
        "lists",
        "True if a map has a key.",
        Meaning::Sql(&[(2, "array_has(map_keys($1), $2)")]),
    )
    .page(
        &[
            Argument::required("map", Takes::Value("map"), "map to search; NULL gives NULL"),
            Argument::required(
                "key",
                Takes::Value("any type"),
                "key to look for, of the type of the map's keys; NULL gives NULL",
            ),
        ],
        &["SELECT map_contains(MAP {'tea': 3}, 'tea') AS yes;"],
    )
    .says(
        "\
Also true for a key whose value is NULL.

**Elsewhere.** DuckDB: `map_contains`; Spark: `map_contains_key`; ClickHouse: `mapContains`; Python: `key in map`.",
    ),
    ExpressionMacro::scalar("list_min", "lists", "Returns the least value of a list.", Meaning::Sql(&[(1, "array_min($1)")]))
        .page(
            &[Argument::required("list", Takes::Value("list"), "list to search; NULL gives NULL")],
            &["SELECT list_min([3, 1, 2]) AS least;"],
        )
        .says(
            "\
NULLs in the list are left out; an empty list gives NULL. `list_max` returns the greatest value.

**Elsewhere.** DuckDB: `list_min`; Spark and Snowflake: `array_min`; Python: `min(list)`.",
        ),
    ExpressionMacro::scalar("struct_extract", "lists", "Returns a field of a struct.", Meaning::Sql(&[(2, "get_field($1, $2)")]))
        .page(
            &[
                Argument::required("struct", Takes::Value("struct"), "struct to read; NULL gives NULL"),
                Argument::required("field", Takes::Value("string"), "name of the field, a constant"),
            ],
            &["SELECT struct_extract({'item': 'tea', 'price': 5}, 'price') AS price;"],
        )
        .says(
            "\
The same as `value['price']`.

**Elsewhere.** DuckDB: `struct_extract`; PostgreSQL: `(value).price`; Spark and BigQuery: `value.price`.",
        ),
];
