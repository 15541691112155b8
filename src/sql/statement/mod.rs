//! Pages of the statements.

mod objects;

use crate::docs::{Doc, Kind};

const STATEMENT: Doc = Doc { kind: Kind::Statement, domain: "statements", ..Doc::EMPTY };

/// The statements there are, beside queries.
pub fn docs() -> impl Iterator<Item = &'static Doc> {
    DOCS.iter().chain(&objects::DOCS)
}

static DOCS: [Doc; 9] = [
    Doc {
        name: "CREATE EXTERNAL TABLE",
        summary: "Gives files a name. The files stay where they are; a database remembers the name.",
        syntax: "CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name [(column type, …)]
STORED AS PARQUET | CSV | NDJSON
[PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]
LOCATION 'place'",
        description: "\
`place` is a file, a folder (all its files of that kind), a pattern with `*`, or a URL: `s3://`, `gs://`, `az://`, `https://`, with
credentials from the usual environment variables (`AWS_ACCESS_KEY_ID`, `GOOGLE_APPLICATION_CREDENTIALS`,
`AZURE_STORAGE_ACCOUNT_NAME` …). Folders such as `year=2025/` become columns. Relative paths start from the current directory and are
remembered whole. What does not exist or cannot be read is an error that names it. Without a name: `FROM 'orders.parquet'`.",
        examples: &["CREATE EXTERNAL TABLE customers STORED AS PARQUET LOCATION 'data/sample/customers.parquet';"],
        ..STATEMENT
    },
    Doc {
        name: "CREATE VIEW",
        summary: "Gives a query a name. A database remembers it.",
        syntax: "CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name AS query",
        description: "The query is planned when the view is made, and again whenever it is used. A view cannot refer to itself.",
        examples: &["CREATE VIEW paid_orders AS SELECT * FROM sample_orders(rows => 1000) WHERE status = 'paid';"],
        ..STATEMENT
    },
    Doc {
        name: "CREATE TABLE",
        summary: "Makes a table with rows of its own, of a query or empty. A database keeps it.",
        syntax: "CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name AS query
CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name (column type [NOT NULL] [DEFAULT value], …)",
        description: "\
Its rows are written to the database when the statement has succeeded, at once for every reader; one that fails or is killed leaves what
was before. Without a database, and with TEMPORARY, they are in memory, seen by this session only and gone when it ends.

Written rows do not change: INSERT INTO adds to them, and `CREATE OR REPLACE TABLE name AS SELECT … FROM name WHERE …` takes the place of
DELETE and UPDATE. It is refused when another has written to the table since it was read. Keys are not checked, and rows have no order
without ORDER BY.

`FROM name FOR SYSTEM_TIME AS OF TIMESTAMP '2025-06-30 12:00:00'`, in UTC, reads the table as it was then, also when its columns
were others. The last 100 states are kept, until DROP TABLE.",
        examples: &["CREATE TABLE recent AS SELECT * FROM sample_orders(rows => 1000) WHERE ordered_at >= DATE '2025-01-01';"],
        ..STATEMENT
    },
    Doc {
        name: "DROP",
        summary: "Forgets a table or view; the files of an external table stay, the rows of any other table go.",
        syntax: "DROP TABLE | VIEW [IF EXISTS] name",
        description: "A table that a profile, tag or segment uses stays, and so does one with rows of its own that a view uses.",
        examples: &["DROP TABLE IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
    Doc {
        name: "COPY",
        summary: "Writes a table or query to a file or folder.",
        syntax: "COPY name | (query) TO 'place' [STORED AS PARQUET | CSV | NDJSON] [PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]",
        description: "\
A local file or folder appears whole when the statement has succeeded, and not at all when it fails or the program is killed. An
existing file is replaced; an existing folder must be empty.",
        ..STATEMENT
    },
    Doc {
        name: "INSERT INTO",
        summary: "Adds rows to a table.",
        syntax: "INSERT INTO name [(column, …)] query | VALUES (…), …",
        description: "\
The rows appear together when the statement has succeeded, and not at all when it fails or is killed. A column that is left out gets its
DEFAULT, or NULL. Each statement writes a file: many rows in one are better than one in each of many; of small files, many become
one from time to time. An external table must be a local folder without partitions.",
        ..STATEMENT
    },
    Doc {
        name: "EXPLAIN",
        summary: "Shows how a query is run; with ANALYZE, runs it and shows what each step did.",
        syntax: "EXPLAIN [ANALYZE] [VERBOSE] query",
        description: "Relation functions show their steps, with memory, time and rows that could not be used.",
        examples: &["EXPLAIN SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);"],
        ..STATEMENT
    },
    Doc {
        name: "PREPARE",
        summary: "Keeps a query with parameters `$1`, `$2` … for EXECUTE, which reads what is there by then.",
        syntax: "PREPARE name [(type, …)] AS query; EXECUTE name(value, …); DEALLOCATE name",
        description: "Parameters may stand for the options of relation functions. A script has named ones, `$name`, given by `portrait run --set name=value`.",
        examples: &["PREPARE best AS SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount, bins => $1) ORDER BY monetary DESC LIMIT 3;
EXECUTE best(4);"],
        ..STATEMENT
    },
    Doc {
        name: "SET",
        summary: "Changes a setting of the session; SHOW tells it.",
        syntax: "SET name = value; RESET name; SHOW name; SHOW ALL",
        description: "Portrait's settings are listed under `portrait.`, those of the engine under `datafusion.`.",
        examples: &["SET portrait.max_rows_shown = 20; SHOW portrait.max_rows_shown;"],
        ..STATEMENT
    },
];
