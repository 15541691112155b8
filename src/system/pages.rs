//! The pages of the tables of the schema and of the settings, with an example each.

use std::slice;
use std::sync::LazyLock;

use datafusion::config::ExtensionOptions;

use super::{SystemTable, tables};
use crate::docs::{Doc, Kind};
use crate::settings::PortraitSettings;

/// The tables of the schema, each with a query that shows what it is for.
static TABLES: [(&str, &str); 37] = [
    (
        "system.audit",
        "SELECT event, role, command, object, classes, purpose, rows, outcome FROM system.audit
WHERE event IN ('read', 'export') ORDER BY number DESC LIMIT 10;",
    ),
    (
        "system.check_results",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT \"check\", status, rows, failed, round(passed_share, 2) AS passed_share FROM system.check_results ORDER BY checked_at DESC LIMIT 5;",
    ),
    (
        "system.table_scores",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT \"table\", round(validity, 2) AS validity, round(score, 2) AS score, failed_checks FROM system.table_scores ORDER BY checked_at DESC LIMIT 5;",
    ),
    (
        "system.column_classes",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, phone FROM sample_customers(rows => 100);
ALTER PROFILE shopper ALTER COLUMN phone SET CLASS 'phone';
SELECT \"table\", \"column\", class, origin FROM system.column_classes;",
    ),
    (
        "system.comments",
        "CREATE TABLE buyers AS SELECT customer_id, city_tier FROM sample_customers(rows => 100);
COMMENT ON COLUMN buyers.city_tier IS 'by the list of 2024';
SELECT table_name, column_name, comment FROM system.comments ORDER BY table_name, column_name;",
    ),
    (
        "system.erasures",
        "SELECT erasure, kind, object, subjects, rows, files, to_do FROM system.erasures
WHERE finished_at IS NULL OR to_do > 0 ORDER BY erasure;",
    ),
    ("system.erased_objects", "SELECT erasure, object, note FROM system.erased_objects WHERE state = 'to do' ORDER BY erasure, object;"),
    (
        "system.files",
        "SELECT object, count(*) AS files, sum(bytes) AS bytes, sum(rows) AS rows FROM system.files GROUP BY object ORDER BY bytes DESC;",
    ),
    ("system.functions", "SELECT name, summary FROM system.functions WHERE domain = 'rfm' ORDER BY name;"),
    (
        "system.runs",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT kind, name, status, customers, changes, message FROM system.runs ORDER BY run DESC LIMIT 5;",
    ),
    (
        "system.grants",
        "CREATE ROLE analyst;
CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
GRANT SELECT ON paid TO analyst;
SELECT role, privilege, kind, name, is_grantable FROM system.grants WHERE role = 'analyst';",
    ),
    (
        "system.connections",
        "SELECT pid, role, door, application, is_encrypted FROM system.connections WHERE query IS NULL ORDER BY connected_at;",
    ),
    (
        "system.privacy_budgets",
        "CREATE ROLE analyst;
ALTER ROLE analyst SET portrait.privacy_budget = 2;
SELECT role, budget, spent, remaining, answers FROM system.privacy_budgets;",
    ),
    (
        "system.queries",
        "SELECT query, role, text, step, rows_read FROM system.queries WHERE milliseconds > 60000 ORDER BY milliseconds DESC;",
    ),
    ("system.retention", "SELECT table_name, column_name, retained_for, applied_at FROM system.retention ORDER BY retained_days;"),
    ("system.settings", "SELECT name, \"default\" FROM system.settings WHERE name LIKE '%max%' ORDER BY name;"),
    ("system.statements", "SELECT name, syntax FROM system.statements WHERE name LIKE '%SUBJECT%' ORDER BY name;"),
    (
        "system.versions",
        "CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
CREATE OR REPLACE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid' AND amount > 0;
SELECT kind, name, version, definition FROM system.versions ORDER BY version;",
    ),
    (
        "system.roles",
        "CREATE ROLE analyst;
CREATE ROLE mia LOGIN PASSWORD 'a long one' CONNECTION LIMIT 5 IN ROLE analyst;
SELECT name, login, superuser, has_password, connection_limit FROM system.roles ORDER BY name;",
    ),
    (
        "system.schemas",
        "CREATE SCHEMA staging;
SELECT name, version FROM system.schemas;",
    ),
    (
        "system.sequences",
        "CREATE SEQUENCE tickets START WITH 100;
SELECT nextval('tickets');
SELECT name, start_value, increment_by, last_value FROM system.sequences;",
    ),
    (
        "system.external_tables",
        "CREATE EXTERNAL TABLE shop_orders STORED AS PARQUET LOCATION 'data/sample/orders.parquet';
SELECT name, version FROM system.external_tables;",
    ),
    ("system.tables", "SELECT name, version, definition FROM system.tables ORDER BY name;"),
    (
        "system.views",
        "CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
SELECT name, definition FROM system.views;",
    ),
    (
        "system.profiles",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-06-30');
SELECT name, key, customers, last_refresh FROM system.profiles;",
    ),
    (
        "system.stored_functions",
        "CREATE FUNCTION best(most BIGINT DEFAULT 10) AS SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 1000) GROUP BY customer_id ORDER BY revenue DESC LIMIT $most;
SELECT name, parameters, version FROM system.stored_functions;",
    ),
    (
        "system.models",
        "CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT name, type, version, features, rows_used, rows_skipped FROM system.models;",
    ),
    (
        "system.identities",
        "CREATE OR REPLACE IDENTITY shopper WITH (key = 'customer_id', match_on = 'phone') AS
SELECT customer_id, clean_phone(phone) AS phone FROM sample_customers(rows => 500);
SELECT name, key, match_on, hard_keys FROM system.identities;",
    ),
    (
        "system.tags",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE TAG age_band ON shopper AS SELECT customer_id, CASE WHEN age < 26 THEN 'young' WHEN age < 60 THEN 'middle' END FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT profile, name, type, filled, coverage, version FROM system.tags;",
    ),
    (
        "system.segments",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE SEGMENT young ON shopper AS age < 30;
REFRESH PROFILE shopper;
SELECT profile, name, condition, customers, coverage FROM system.segments;",
    ),
    (
        "system.experiments",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-05-31');
CREATE OR REPLACE EXPERIMENT coupon ON shopper WITH (start = '2025-06-01', \"end\" = '2025-06-30') AS
SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 1000) GROUP BY customer_id;
SELECT name, profile, state, groups, control, start_time, end_time FROM system.experiments;",
    ),
    (
        "system.masks",
        "CREATE MASK no_emails ON CLASS email USING NULL;
SELECT name, class, shows, roles FROM system.masks;",
    ),
    (
        "system.row_policies",
        "CREATE VIEW shoppers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE ROW POLICY adults ON shoppers USING (age >= 18);
SELECT name, \"table\", condition, roles FROM system.row_policies;",
    ),
    (
        "system.consents",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CONSENT marketing ON shopper AS SELECT customer_id FROM sample_customers(rows => 50);
SELECT profile, purpose, query FROM system.consents;",
    ),
    (
        "system.checks",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT name, expectation, severity, status, failed FROM system.checks WHERE status IS DISTINCT FROM 'passed';",
    ),
    (
        "system.schedules",
        "CREATE SCHEDULE nightly WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3) AS BEGIN
  SELECT count(*) FROM sample_orders(rows => 100);
END;
SELECT name, state, cron, timezone, retries, on_missed FROM system.schedules;",
    ),
    (
        "system.notices",
        "SELECT schedule, about, status, attempts, error FROM system.notices
WHERE status <> 'sent' ORDER BY made_at;",
    ),
];

/// The settings of Portrait: what each changes, and an example.
static SETTINGS: [(&str, &str, &str); 11] = [
    (
        "portrait.grouped_aggregation",
        "\
Only the speed and the memory of GROUP BY change, never the result.

**Elsewhere.** DuckDB and ClickHouse choose the way of grouping by themselves; there is no such setting.",
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
Needed only for statements that programs write, such as a sum of more than a thousand columns.

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
Only tables on a terminal are cut; with `-f csv`, in files and in pipes all rows are written.

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
The audit log says for what purpose personal data was read. Of a profile with consents, only customers who agreed to this purpose are read.

**Elsewhere.** Snowflake: `QUERY_TAG`, a text in the history of queries; BigQuery: labels of a job. Neither limits the rows that are
read.",
        "SET portrait.purpose = 'marketing';
SHOW portrait.purpose;",
    ),
];

/// The pages of the tables.
pub static TABLE_PAGES: LazyLock<Vec<Doc>> = LazyLock::new(|| {
    let page = |table: &dyn SystemTable| {
        let (name, example) = TABLES.iter().find(|(name, _)| name.strip_prefix("system.") == Some(table.name()))?;
        Some(Doc {
            name,
            kind: Kind::Table,
            domain: "system",
            summary: table.summary(),
            columns: table.columns(),
            examples: slice::from_ref(example),
            ..Doc::EMPTY
        })
    };
    tables().iter().filter_map(|table| page(table.as_ref())).collect()
});

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
