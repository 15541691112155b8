//! The documentation pages of the statements that create no object.

mod auditing;
mod changes;
mod checking;
mod clients;
pub mod erasing;
mod granting;
mod objects;
mod transactions;
mod types;

use crate::docs::{Doc, Kind};

pub const STATEMENT: Doc = Doc { kind: Kind::Statement, domain: "statements", ..Doc::EMPTY };

/// The pages of all statements in this module.
pub fn docs() -> impl Iterator<Item = &'static Doc> {
    DOCS.iter()
        .chain(&types::DOCS)
        .chain(&changes::DOCS)
        .chain(&objects::DOCS)
        .chain(&transactions::DOCS)
        .chain(&clients::DOCS)
        .chain(&granting::DOCS)
        .chain(&checking::DOCS)
        .chain(erasing::DOCS)
        .chain(&auditing::DOCS)
}

static DOCS: [Doc; 7] = [
    Doc {
        name: "SELECT",
        summary: "Runs a query; this page has the rules for numbers, dates, times and names.",
        syntax: "SELECT … FROM … [WHERE …] [GROUP BY … [HAVING …]] [QUALIFY …] [ORDER BY …] [LIMIT …]",
        description: "\
The syntax is PostgreSQL's, with the same operator precedence. A clause that is not supported is an error that names the clause and says what to write instead.

**Numbers.** `+`, `-`, `*` and `sum` return the right number or an error that names the expression. Integers of up to 32 bits are computed as
BIGINT. `sum` of BIGINT may go beyond the range of BIGINT on the way, but not in the end. Decimals have up to 38 digits. A cast to an integer
rounds to the nearest: 2.5 as a decimal becomes 3; a float halfway between two integers becomes the even one. NaN is greater than all other numbers.

**Intervals.** Intervals are compared, sorted, grouped and joined by their length: a month is 30 days, a day is 24 hours. An interval can be
multiplied by a number or divided by one. A date plus a number, a constant interval of whole days, or a whole number of them (`day + n * INTERVAL '1 month'`), is a date;
plus any other interval it is a timestamp.

**Dates and times.** A date or a time without a zone can meet a time with a zone: in a comparison, BETWEEN, IN, a join, a difference or `as_of`. Then it is read as local
time in that zone. If `at` is in the zone of Shanghai, `at >= DATE '2025-05-02'` begins at midnight there. If local clocks show a time
twice, the later one is meant; a time that they skip is counted on from before the change. `CAST(at AS DATE)` and `CAST(at AS TIMESTAMP)` give
the local date and time in its zone. `$as_of` of a refresh is an instant, in UTC.
`at AT TIME ZONE 'Asia/Shanghai'` depends on `at`. If `at` has a zone or is `now()`, the result is the time that clocks in Shanghai show, a TIMESTAMP without a zone. If `at` has
no zone, it is read as local time in Shanghai, and the result has that zone.

A number has no unit, so it is never converted to a date or a time, nor compared with one. For a day written as 20250308 use `CAST(CAST(x AS VARCHAR) AS DATE)`, for seconds
since 1970 `to_timestamp(x)`, for milliseconds `to_timestamp_millis(x)`.

**Names.** Columns of a result may have the same name: `SELECT *, a` returns `a` twice. In JSON and Parquet the later ones are numbered: `a`,
`a_1`. A table, a view and a subquery in FROM need different names; give them with AS.

**Elsewhere.** What DuckDB, PostgreSQL, MySQL, Snowflake and BigQuery write differently is listed in `sql/reference/dialects.md`; many of
their words work here too.",
        examples: &["SELECT customer_id, max(ordered_at) < TIMESTAMP '2025-06-30' - INTERVAL '90 days' AS lapsed
FROM sample_orders(rows => 1000) GROUP BY customer_id ORDER BY customer_id LIMIT 3;"],
        ..STATEMENT
    },
    Doc {
        name: "DROP",
        summary: "Drops a table or view. An external table's files are kept; the rows of any other table are deleted.",
        syntax: "DROP TABLE | VIEW [IF EXISTS] name, …
DROP TABLE [IF EXISTS] name, … CASCADE",
        description: "\
A table that a profile, tag or segment uses cannot be dropped; neither can a table with rows of its own that a view uses. A table also counts as used
when it is passed by name to a function in FROM. `SELECT *` from a profile uses all of its tags. With CASCADE, foreign keys of other tables that refer to the table are
dropped too.

**Elsewhere.** As in PostgreSQL and DuckDB, where CASCADE drops views too: here, what else uses the table has to be dropped or changed first.",
        examples: &["DROP TABLE IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
    Doc {
        name: "COPY",
        summary: "Writes a table or query to a file or folder.",
        syntax: "COPY name | (query) TO 'place' [STORED AS PARQUET | CSV | JSON | NDJSON | EXCEL | ARROW] [PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]",
        description: "\
A local file or folder appears complete when the statement succeeds, and not at all when it fails or the program is killed. An
existing file is replaced; an existing folder must be empty.

The end of the name decides the format and the compression: `orders.csv.gz`, `orders.ndjson.zst`, `orders.xlsx`. For another name, say the format: `STORED AS CSV` or
`(FORMAT csv)`.

| format | end of the name | what is special |
|---|---|---|
| Parquet | `.parquet` | every type; compressed within |
| CSV | `.csv`, `.txt`, `.tsv` | NaN and Infinity are `NaN`, `inf`, `-inf`; structs, maps and lists are JSON; bytes are `\\x00ff` |
| JSON | `.json` | one list of objects; NaN and Infinity are null; bytes are `\\x00ff` |
| NDJSON | `.ndjson`, `.jsonl` | one object per line; otherwise as JSON |
| Excel | `.xlsx` | one sheet; otherwise as CSV |
| Arrow | `.arrow` | Arrow IPC for other programs; such files are not read here |

| option | of | default | meaning |
|---|---|---|---|
| `separator` | CSV | `,`; a tab for `.tsv` | the character between fields |
| `decimal` | CSV | `.` | the decimal sign: `,` writes 2,5 |
| `header` | CSV | true | whether the first line has the names |
| `null` | CSV | nothing | the text for NULL; an empty string is written as `\"\"` |
| `bom` | CSV | false | a byte order mark, so that Excel recognises UTF-8 |
| `encoding` | CSV | UTF-8 | `gb18030`, `big5`, `shift_jis`, `windows-1252` … for older programs |
| `compression` | CSV, JSON, NDJSON | by the name | `gzip`, `zstd`, `bzip2` or `xz` |
| `compression` | Parquet | `zstd` | or `snappy`, `gzip`, `brotli`, `lz4`, `none` |
| `compression_level` | Parquet | that of its tool | how hard it tries: 1 to 22 for `zstd` |
| `row_group_size` | Parquet | | the rows of a row group |
| `sorted_by` | all | | sorts the rows: `'day, amount DESC'` |
| `suppress_below`, `suppress_by` | all | | hide small groups, as described below |

Some names of DuckDB and PostgreSQL work too: `TO 'orders.csv' (FORMAT csv, DELIMITER ';', HEADER)`. With PARTITIONED BY, the values of those columns are in the names of
folders; NULL is `__HIVE_DEFAULT_PARTITION__`.

`suppress_below` (2 or more) hides small groups of a query with GROUP BY: the numbers of groups with fewer persons are written as NULL. If only one group is hidden, or those
that are have fewer persons together, the next smallest group is hidden as well, because the total would reveal it: `OPTIONS (suppress_below 5)`. With several grouping columns this
holds for each of their values too, because another query may give its total. The persons of a group are what `count` in the query counts; if there is no
count or more than one, `suppress_by 'column'` names it. ORDER BY does not use the hidden numbers either.

**Cost.** Rows are written as they come, so memory does not grow with them; Excel sheets end at 1,048,576 rows.

**Elsewhere.** As in DuckDB, whose options are `(FORMAT parquet, …)`; in PostgreSQL COPY TO writes on the server, and `\\copy` at the client.
`to_csv` and `to_parquet` in pandas.",
        examples: &["COPY (SELECT channel, count(*) AS orders, sum(amount) AS revenue FROM sample_orders(rows => 1000) GROUP BY channel) TO 'channels.csv' OPTIONS (separator ';');
SELECT * FROM read_csv('channels.csv', separator => ';') ORDER BY channel;"],
        ..STATEMENT
    },
    Doc {
        name: "INSERT INTO",
        summary: "Adds rows to a table.",
        syntax: "INSERT INTO name [(column, …)] query | VALUES (…), … | DEFAULT VALUES [ON CONFLICT [(column, …) | ON CONSTRAINT name] DO NOTHING | DO UPDATE SET column = excluded.column, … [WHERE condition]] [RETURNING …]",
        description: "\
The rows appear together when the statement succeeds, and not at all when it fails or is killed. A column that is left out, or
whose value is `DEFAULT`, gets its default, or NULL; without a list of columns, the last ones may be left out. An external table must be a local folder without partitions. `RETURNING` returns the new rows of a table.

`ON CONFLICT (column, …)` names the columns that identify a row, as MERGE INTO does with its condition: a row whose values exist already is left out (DO NOTHING), or updates the existing row (DO UPDATE). `ON CONFLICT ON CONSTRAINT name` names a key instead, and DO NOTHING alone means the only key of the
table. In a table with keys, the columns must be those of one key; in a table without keys they can be any. A row that violates another key makes the statement fail.

**Cost.** Each statement writes a file, so one statement with many rows is better than many statements with one row. Small files are
merged from time to time. ON CONFLICT reads the columns of its key where the new values may be.

**Elsewhere.** As in PostgreSQL, where the columns of ON CONFLICT are always those of a key; MySQL: `ON DUPLICATE KEY UPDATE`; SQLite: `INSERT OR REPLACE`.",
        examples: &["CREATE TABLE visits (customer_id BIGINT, channel VARCHAR DEFAULT 'app');
INSERT INTO visits (customer_id) VALUES (7), (9) RETURNING *;"],
        ..STATEMENT
    },
    Doc {
        name: "EXPLAIN",
        summary: "Shows how a query would run; with ANALYZE, runs it and shows what each step did.",
        syntax: "EXPLAIN [ANALYZE] [VERBOSE] query",
        description: "\
Relation functions show their steps, with memory, time and the number of rows that could not be used.

Read it from the bottom: the last line reads a table, with the columns and filters that reach its files. With ANALYZE look for the step with
the most `elapsed_compute`, and for `spilled` bytes.

**Cost.** EXPLAIN reads no rows; with ANALYZE it costs what the query costs.

**Elsewhere.** As in PostgreSQL and DuckDB, whose plans name other operators; with ANALYZE the statement runs there too.",
        examples: &["EXPLAIN SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);"],
        ..STATEMENT
    },
    Doc {
        name: "PREPARE",
        summary: "Prepares a query with parameters `$1`, `$2` … for EXECUTE, which reads the data as it is at that time.",
        syntax: "PREPARE name [(type, …)] AS query; EXECUTE name(value, …); DEALLOCATE name",
        description: "\
Parameters can also be options of relation functions. Scripts have named parameters, `$name`, which `portrait run --set name=value` sets.

**Cost.** The text is parsed once, and planned at each EXECUTE, for the tables and files as they are then.

**Elsewhere.** As in PostgreSQL and DuckDB. The gain is that values never become part of the text of a statement.",
        examples: &["PREPARE best AS SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount, bins => $1) ORDER BY monetary DESC LIMIT 3;
EXECUTE best(4);"],
        ..STATEMENT
    },
    Doc {
        name: "SET",
        summary: "Changes a setting of the session; SHOW shows it.",
        syntax: "SET name = value; RESET name; SHOW name; SHOW ALL",
        description: "\
Portrait's settings begin with `portrait.`, those of the engine with `datafusion.`. `SHOW ALL` lists them.
`SET portrait.language = 'zh'` gives messages, help and reports in Chinese.

Every setting of Portrait has an example on the page about settings, in `sql/reference/settings.md`.

**Elsewhere.** As in PostgreSQL and DuckDB; settings of PostgreSQL that drivers send are accepted.",
        examples: &["SET portrait.max_rows_shown = 20; SHOW portrait.max_rows_shown;"],
        ..STATEMENT
    },
];
