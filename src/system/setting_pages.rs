//! The pages of the settings, with an example each.

use std::slice;
use std::sync::LazyLock;

use datafusion::config::ExtensionOptions;

use crate::docs::{Doc, Kind};
use crate::settings::PortraitSettings;

/// The settings of Portrait: what each changes, and an example.
static SETTINGS: [(&str, &str, &str); 11] = [
    (
        "portrait.grouped_aggregation",
        "\
Only the speed and the memory of GROUP BY change, never the result.

**Elsewhere.** DuckDB chooses the way of grouping by itself; ClickHouse has settings for it, such as `group_by_two_level_threshold`.",
        "SET portrait.grouped_aggregation = off;
SELECT channel, count(*) AS orders FROM sample_orders(rows => 10000) GROUP BY channel ORDER BY channel;",
    ),
    (
        "portrait.language",
        "\
Messages, notes, pages (`\\h`) and reports come in this language; names of columns, and values, do not change.

**Elsewhere.** PostgreSQL: `lc_messages`; MySQL: `lc_messages`. DuckDB speaks English only.",
        "SET portrait.language = 'zh';
SHOW portrait.language;",
    ),
    (
        "portrait.lock_timeout",
        "\
A script that runs at night may wait long; a person at a shell would rather see at once who is writing.

**Elsewhere.** PostgreSQL: `lock_timeout`, in milliseconds, where 0 waits without end; MySQL: `innodb_lock_wait_timeout`. DuckDB does
not wait: the second writer fails.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
SET portrait.lock_timeout = 300;
REFRESH PROFILE shopper;
SHOW portrait.lock_timeout;",
    ),
    (
        "portrait.max_itemsets",
        "\
Raise it if you mean to write millions of itemsets to a file; first look at `support_curve`.

**Elsewhere.** `apriori` of arules in R stops after `maxtime`, 5 seconds; mlxtend has no limit and can use up the memory.",
        "SET portrait.max_itemsets = 10000000;
SELECT count(*) AS itemsets FROM frequent_itemsets(sample_order_items(rows => 5000), basket => order_id, item => product, min_count => 10);",
    ),
    (
        "portrait.max_operators",
        "\
Raise it only for statements that programs write, such as a sum of more than a thousand columns.

**Elsewhere.** DuckDB: `max_expression_depth`, 1000; SQLite: `SQLITE_MAX_EXPR_DEPTH`, 1000; PostgreSQL: `max_stack_depth`, in kilobytes.",
        "SET portrait.max_operators = 2000;
SHOW portrait.max_operators;",
    ),
    (
        "portrait.max_recursion",
        "\
Lower it while you write a WITH RECURSIVE query, so that a mistake ends soon.

**Elsewhere.** MySQL: `cte_max_recursion_depth`, 1000; SQL Server: `OPTION (MAXRECURSION 100)`. PostgreSQL and DuckDB have no limit.",
        "SET portrait.max_recursion = 100;
WITH RECURSIVE months(month) AS (SELECT DATE '2025-01-01' UNION ALL SELECT CAST(month + INTERVAL '1 month' AS DATE) FROM months WHERE month < DATE '2025-04-01')
SELECT month FROM months ORDER BY month;",
    ),
    (
        "portrait.max_rows_shown",
        "\
Only a table on a terminal is cut. Files, pipes and other formats (`-f csv`) get every row.

**Elsewhere.** DuckDB: `.maxrows`, 40; pandas: `display.max_rows`, 60. psql shows all rows, in a pager.",
        "SET portrait.max_rows_shown = 20;
SHOW portrait.max_rows_shown;",
    ),
    (
        "portrait.max_value_bytes",
        "\
A value of more bytes is an error that names the function, before memory is taken for it.

**Elsewhere.** PostgreSQL: 1 GB for any value, which cannot be changed; MySQL: `max_allowed_packet`, above which `repeat` returns NULL.",
        "SET portrait.max_value_bytes = 67108864;
SELECT length(repeat('ab', 20000000)) AS letters;",
    ),
    (
        "portrait.memory_share",
        "\
Lets several statements of a server run at the same time: a statement that needs more than its share writes to disk, or fails.

**Elsewhere.** PostgreSQL: `work_mem`, for each sort or hash of a statement; DuckDB: `memory_limit`, for the whole process, which here
is `--memory-limit`.",
        "SET portrait.memory_share = 25;
SHOW portrait.memory_share;",
    ),
    (
        "portrait.statement_timeout",
        "\
Ends a statement that takes too long, as CANCEL does; what it has written disappears.

**Elsewhere.** PostgreSQL: `statement_timeout`, in milliseconds, a name that is accepted here too; MySQL: `max_execution_time`, for
SELECT only.",
        "SET portrait.statement_timeout = 60;
SELECT count(*) AS orders FROM sample_orders(rows => 10000);",
    ),
    (
        "portrait.purpose",
        "\
The audit log records the purpose with what was read. From a profile that has consents, only customers who agreed to this purpose are read.

**Elsewhere.** Snowflake: `QUERY_TAG`, a text in the history of queries; BigQuery: labels of a job. Neither limits the rows that are
read.",
        "SET portrait.purpose = 'marketing';
SHOW portrait.purpose;",
    ),
];

/// The pages of the settings.
pub static SETTING_PAGES: LazyLock<Vec<Doc>> = LazyLock::new(|| {
    let entries = PortraitSettings::default().entries();
    let page = |(name, changes, example): &'static (&'static str, &'static str, &'static str)| {
        let entry = entries.iter().find(|entry| entry.key == *name)?;
        Some(Doc {
            name,
            kind: Kind::Setting,
            domain: "settings",
            summary: entry.description,
            description: changes,
            examples: slice::from_ref(example),
            ..Doc::EMPTY
        })
    };
    SETTINGS.iter().filter_map(page).collect()
});
