//! The pages of the tables of the schema, with an example each.

use std::slice;
use std::sync::LazyLock;

use super::{SystemTable, tables};
use crate::docs::{Doc, Kind};

/// The tables of the schema: what each is for, what others have instead, and an example.
static TABLES: [(&str, &str, &str); 37] = [
    (
        "system.audit",
        "\
Read it to answer who saw personal data, and to prove it. Filter by `event` and `role`; it is read from the file `audit.log`, whose end
is the newest.

**Elsewhere.** PostgreSQL: the extension pgaudit, as lines of the server's log; Snowflake: `ACCESS_HISTORY`; BigQuery: audit logs of the
cloud.",
        "SELECT event, role, command, object, classes, purpose, rows, outcome FROM system.audit
WHERE event IN ('read', 'export') ORDER BY number DESC LIMIT 10;",
    ),
    (
        "system.check_results",
        "\
Shows since when a check fails, and which rows: `examples` has some of them, masked.

**Elsewhere.** dbt: `store_failures`, a table per test; Great Expectations: validation results as JSON files; Soda: a service.",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT \"check\", status, rows, failed, round(passed_share, 2) AS passed_share FROM system.check_results ORDER BY checked_at DESC LIMIT 5;",
    ),
    (
        "system.table_scores",
        "\
For a chart of the quality of a table over time, and to compare tables.

**Elsewhere.** Data catalogs and Soda show such scores in a user interface; their formulas differ.",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT \"table\", round(validity, 2) AS validity, round(score, 2) AS score, failed_checks FROM system.table_scores ORDER BY checked_at DESC LIMIT 5;",
    ),
    (
        "system.column_classes",
        "\
`origin` tells whether a class was set by hand or follows from the columns that the values come from. `find_personal_data` proposes
classes for columns that have none.

**Elsewhere.** Snowflake: tags of columns, with `TAG_REFERENCES`; BigQuery: policy tags; PostgreSQL Anonymizer: security labels.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, phone FROM sample_customers(rows => 100);
ALTER PROFILE shopper ALTER COLUMN phone SET CLASS 'phone';
SELECT \"table\", \"column\", class, origin FROM system.column_classes;",
    ),
    (
        "system.comments",
        "\
A dictionary of the data, to be printed or searched.

**Elsewhere.** PostgreSQL: `pg_description` and `obj_description`, which work here too; DuckDB: `duckdb_columns()`, the column
`comment`.",
        "CREATE TABLE buyers AS SELECT customer_id, city_tier FROM sample_customers(rows => 100);
COMMENT ON COLUMN buyers.city_tier IS 'by the list of 2024';
SELECT table_name, column_name, comment FROM system.comments ORDER BY table_name, column_name;",
    ),
    (
        "system.erasures",
        "\
The proof that a request was answered. `to_do` above 0: read `system.erased_objects` for what people must do by hand.

**Elsewhere.** Other databases have none; privacy tools such as OneTrust keep such records outside.",
        "SELECT erasure, kind, object, subjects, rows, files, to_do FROM system.erasures
WHERE finished_at IS NULL OR to_do > 0 ORDER BY erasure;",
    ),
    (
        "system.erased_objects",
        "\
The lines with `to do` are a list of work: external files, backups, copies without the key.

**Elsewhere.** Other databases have none.",
        "SELECT erasure, object, note FROM system.erased_objects WHERE state = 'to do' ORDER BY erasure, object;",
    ),
    (
        "system.files",
        "\
Shows which table takes how much of the disk, and how much of it is history.

**Elsewhere.** PostgreSQL: `pg_total_relation_size`; DuckLake: `ducklake_list_files`; Iceberg: the table `files`.",
        "SELECT object, count(*) AS files, sum(bytes) AS bytes, sum(rows) AS rows FROM system.files GROUP BY object ORDER BY bytes DESC;",
    ),
    (
        "system.functions",
        "\
Search it for a word of the task: `WHERE summary ILIKE '%funnel%'`. In the shell, `\\h word` does this.

**Elsewhere.** DuckDB: `duckdb_functions()`; PostgreSQL: `pg_proc`; Snowflake: `SHOW FUNCTIONS`.",
        "SELECT name, summary FROM system.functions WHERE domain = 'rfm' ORDER BY name;",
    ),
    (
        "system.runs",
        "\
The first place to look when numbers are old or a job failed. Rows of schedules are limited by their option `keep`.

**Elsewhere.** pg_cron: `cron.job_run_details`; Snowflake: `TASK_HISTORY`; Airflow: its own database.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT kind, name, status, customers, changes, message FROM system.runs ORDER BY run DESC LIMIT 5;",
    ),
    (
        "system.grants",
        "\
Who can read a table? `WHERE name = 'orders'`. Owners and roles with SUPERUSER have their rights without a grant, so they are not
listed.

**Elsewhere.** PostgreSQL: `information_schema.table_privileges` and `relacl`; Snowflake: `SHOW GRANTS`.",
        "CREATE ROLE analyst;
CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
GRANT SELECT ON paid TO analyst;
SELECT role, privilege, kind, name, is_grantable FROM system.grants WHERE role = 'analyst';",
    ),
    (
        "system.connections",
        "\
Who is connected, from where, and since when idle. `pg_terminate_backend(pid)` closes one.

**Elsewhere.** PostgreSQL: `pg_stat_activity`, which works here too; MySQL: `SHOW PROCESSLIST`.",
        "SELECT pid, role, door, application, is_encrypted FROM system.connections WHERE query IS NULL ORDER BY connected_at;",
    ),
    (
        "system.privacy_budgets",
        "\
Look here before a role gets another answer: `remaining` is what it may still spend.

**Elsewhere.** Tumult and OpenDP keep such accounts within one program; no common database has them.",
        "CREATE ROLE analyst;
ALTER ROLE analyst SET portrait.privacy_budget = 2;
SELECT role, budget, spent, remaining, answers FROM system.privacy_budgets;",
    ),
    (
        "system.queries",
        "\
Find what slows the server, and stop it with `CANCEL number`. Text of a statement has `?` in place of its values.

**Elsewhere.** PostgreSQL: `pg_stat_activity`, without progress; DuckDB: a progress bar for the own query; ClickHouse:
`system.processes`.",
        "SELECT query, role, text, step, rows_read FROM system.queries WHERE milliseconds > 60000 ORDER BY milliseconds DESC;",
    ),
    (
        "system.retention",
        "\
Shows at a glance which tables have a rule, and when it was last applied.

**Elsewhere.** ClickHouse: TTL in `SHOW CREATE TABLE`; BigQuery: `OPTIONS` of the table.",
        "SELECT table_name, column_name, retained_for, applied_at FROM system.retention ORDER BY retained_days;",
    ),
    (
        "system.settings",
        "\
`SHOW ALL` shows the values of the session; this table has defaults and descriptions.

**Elsewhere.** PostgreSQL: `pg_settings`; DuckDB: `duckdb_settings()`.",
        "SELECT name, \"default\" FROM system.settings WHERE name LIKE '%max%' ORDER BY name;",
    ),
    (
        "system.statements",
        "\
Search it for a word: `WHERE summary ILIKE '%schedule%'`. In the shell, `\\h word` does this.

**Elsewhere.** psql: `\\h`; MySQL: `HELP`.",
        "SELECT name, syntax FROM system.statements WHERE name LIKE '%SUBJECT%' ORDER BY name;",
    ),
    (
        "system.versions",
        "\
What was the definition in May? Which change came before the numbers changed? Take the text of an old version and run it to go back.

**Elsewhere.** dbt projects keep definitions in git; databases keep only the newest.",
        "CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
CREATE OR REPLACE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid' AND amount > 0;
SELECT kind, name, version, definition FROM system.versions ORDER BY version;",
    ),
    (
        "system.roles",
        "\
Who can log in, until when, and with which limits.

**Elsewhere.** PostgreSQL: `pg_roles`, which works here too.",
        "CREATE ROLE analyst;
CREATE ROLE mia LOGIN PASSWORD 'a long one' CONNECTION LIMIT 5 IN ROLE analyst;
SELECT name, login, superuser, has_password, connection_limit FROM system.roles ORDER BY name;",
    ),
    (
        "system.schemas",
        "\
Without `public`, `profile`, `segment`, `system` and `information_schema`, which are always there.

**Elsewhere.** PostgreSQL: `pg_namespace` and `information_schema.schemata`, which list all.",
        "CREATE SCHEMA staging;
SELECT name, version FROM system.schemas;",
    ),
    (
        "system.sequences",
        "\
`pg_sequences` lists those of SERIAL and IDENTITY columns, too.

**Elsewhere.** PostgreSQL: `pg_sequences`, which works here too.",
        "CREATE SEQUENCE tickets START WITH 100;
SELECT nextval('tickets');
SELECT name, start_value, increment_by, last_value FROM system.sequences;",
    ),
    (
        "system.external_tables",
        "\
`definition` has the location and the options of the files.

**Elsewhere.** Snowflake: `SHOW EXTERNAL TABLES`; PostgreSQL: `information_schema.foreign_tables`.",
        "CREATE EXTERNAL TABLE shop_orders STORED AS PARQUET LOCATION 'data/sample/orders.parquet';
SELECT name, version FROM system.external_tables;",
    ),
    (
        "system.tables",
        "\
Tables of the session are not listed: `SHOW TABLES` has them too.

**Elsewhere.** PostgreSQL: `pg_tables`; DuckDB: `duckdb_tables()`.",
        "SELECT name, version, definition FROM system.tables ORDER BY name;",
    ),
    (
        "system.views",
        "\
`definition` is shown to the owner of a view.

**Elsewhere.** PostgreSQL: `pg_views`; DuckDB: `duckdb_views()`.",
        "CREATE VIEW paid AS SELECT * FROM sample_orders(rows => 100) WHERE status = 'paid';
SELECT name, definition FROM system.views;",
    ),
    (
        "system.profiles",
        "\
Is the profile fresh? `last_refresh` is the time that it is computed for; `system.runs` has when that ran.

**Elsewhere.** dbt: `run_results.json` and source freshness; Feast: the registry.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-06-30');
SELECT name, key, customers, last_refresh FROM system.profiles;",
    ),
    (
        "system.stored_functions",
        "\
`system.functions` has them together with those of Portrait.

**Elsewhere.** DuckDB: `duckdb_functions()` with `function_type = 'table_macro'`; PostgreSQL: `pg_proc`.",
        "CREATE FUNCTION best(most BIGINT DEFAULT 10) AS SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 1000) GROUP BY customer_id ORDER BY revenue DESC LIMIT $most;
SELECT name, parameters, version FROM system.stored_functions;",
    ),
    (
        "system.models",
        "\
`metrics` has what was measured in the training; `system.versions` has the earlier versions.

**Elsewhere.** BigQuery: `INFORMATION_SCHEMA.MODELS`, `ML.TRAINING_INFO`; MLflow: its registry.",
        "CREATE OR REPLACE MODEL shopper_groups WITH (type = 'kmeans', key = 'customer_id', n_clusters = 3) AS
SELECT customer_id, recency_days, frequency FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);
SELECT name, type, version, features, rows_used, rows_skipped FROM system.models;",
    ),
    (
        "system.identities",
        "\
The persons themselves are in `identity.NAME`, and what happened to them in `identity.NAME_ledger`.

**Elsewhere.** Identity graphs of customer data platforms show their rules in a user interface.",
        "CREATE OR REPLACE IDENTITY shopper WITH (key = 'customer_id', match_on = 'phone') AS
SELECT customer_id, clean_phone(phone) AS phone FROM sample_customers(rows => 500);
SELECT name, key, match_on, hard_keys FROM system.identities;",
    ),
    (
        "system.tags",
        "\
The catalogue of tags: what there is, how many customers have a value, whether a tag has drifted, pays, and is used.

**Elsewhere.** Customer data platforms have such a list in their user interface; dbt: `manifest.json`.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE TAG age_band ON shopper AS SELECT customer_id, CASE WHEN age < 26 THEN 'young' WHEN age < 60 THEN 'middle' END FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT profile, name, type, filled, coverage, version FROM system.tags;",
    ),
    (
        "system.segments",
        "\
Sizes of all audiences in one query, such as for a daily note of those that changed much.

**Elsewhere.** Customer data platforms and mailing tools show sizes in a user interface.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE SEGMENT young ON shopper AS age < 30;
REFRESH PROFILE shopper;
SELECT profile, name, condition, customers, coverage FROM system.segments;",
    ),
    (
        "system.experiments",
        "\
`state` tells whether an experiment is planned, running or over; `decision` what came of it.

**Elsewhere.** GrowthBook, Statsig and Eppo keep such a list in a service.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-05-31');
CREATE OR REPLACE EXPERIMENT coupon ON shopper WITH (start = '2025-06-01', \"end\" = '2025-06-30') AS
SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 1000) GROUP BY customer_id;
SELECT name, profile, state, groups, control, start_time, end_time FROM system.experiments;",
    ),
    (
        "system.masks",
        "\
With `system.column_classes`, this shows which columns are masked for whom.

**Elsewhere.** Snowflake: `POLICY_REFERENCES`; SQL Server: `sys.masked_columns`.",
        "CREATE MASK no_emails ON CLASS email USING NULL;
SELECT name, class, shows, roles FROM system.masks;",
    ),
    (
        "system.row_policies",
        "\
A table that has a policy shows no rows to roles without one of their own.

**Elsewhere.** PostgreSQL: `pg_policies`; Snowflake: `POLICY_REFERENCES`.",
        "CREATE VIEW shoppers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE ROW POLICY adults ON shoppers USING (age >= 18);
SELECT name, \"table\", condition, roles FROM system.row_policies;",
    ),
    (
        "system.consents",
        "\
The purposes for which a profile can be read. The agreements themselves are in the tables that `query` reads.

**Elsewhere.** Tools such as OneTrust keep purposes and agreements outside the database.",
        "CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CONSENT marketing ON shopper AS SELECT customer_id FROM sample_customers(rows => 50);
SELECT profile, purpose, query FROM system.consents;",
    ),
    (
        "system.checks",
        "\
What is wrong now: `WHERE status <> 'passed'`. `system.check_results` has the results of earlier runs.

**Elsewhere.** dbt: tests in `manifest.json`; Great Expectations: expectation suites.",
        "CREATE TABLE buyers AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE CHECK possible_age ON buyers AS age BETWEEN 0 AND 120;
CHECK TABLE buyers;
SELECT name, expectation, severity, status, failed FROM system.checks WHERE status IS DISTINCT FROM 'passed';",
    ),
    (
        "system.schedules",
        "\
When does each schedule run next, and how did it end last time? `system.runs` has the history.

**Elsewhere.** pg_cron: `cron.job`; Snowflake: `SHOW TASKS`; systemd: `systemctl list-timers`.",
        "CREATE SCHEDULE nightly WITH (cron = '0 2 * * *', timezone = 'Asia/Shanghai', retries = 3) AS BEGIN
  SELECT count(*) FROM sample_orders(rows => 100);
END;
SELECT name, state, cron, timezone, retries, on_missed FROM system.schedules;",
    ),
    (
        "system.notices",
        "\
Shows which failures have not reached anybody yet, and why.

**Elsewhere.** Airflow and Dagster send messages without a record of them; Snowflake: `NOTIFICATION_HISTORY`.",
        "SELECT schedule, about, status, attempts, error FROM system.notices
WHERE status <> 'sent' ORDER BY made_at;",
    ),
];

/// The pages of the tables.
pub static TABLE_PAGES: LazyLock<Vec<Doc>> = LazyLock::new(|| {
    let page = |table: &dyn SystemTable| {
        let (name, about, example) = TABLES.iter().find(|(name, ..)| name.strip_prefix("system.") == Some(table.name()))?;
        Some(Doc {
            name,
            kind: Kind::Table,
            domain: "system",
            summary: table.summary(),
            description: about,
            columns: table.columns(),
            examples: slice::from_ref(example),
            ..Doc::EMPTY
        })
    };
    tables().iter().filter_map(|table| page(table.as_ref())).collect()
});
