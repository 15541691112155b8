//! The documentation pages of the statements that clients of a server use.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 4] = [
    Doc {
        name: "ANALYZE",
        summary: "Does nothing: statistics and clean-up are automatic. Scripts for PostgreSQL may say it.",
        syntax: "ANALYZE [VERBOSE] [name, …]
VACUUM [FULL | FREEZE | VERBOSE | ANALYZE] [name, …]
REINDEX TABLE | INDEX | SCHEMA | DATABASE name
CLUSTER [name [USING index]]
CHECKPOINT
CREATE INDEX [IF NOT EXISTS] [name] ON table (column, …)",
        description: "\
Files have their statistics from the moment they are written, small files are put together by the statements that write, files that nothing needs are
removed, and there are no indexes. The statements are accepted, with a note, if their tables exist.

**Cost.** None: no file is read.

**Elsewhere.** Of PostgreSQL. Delta Lake and Iceberg put files together with OPTIMIZE.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
ANALYZE visits;"],
        ..STATEMENT
    },
    Doc {
        name: "CANCEL",
        summary: "Stops a statement that is running in this process.",
        syntax: "CANCEL [QUERY] number",
        description: "\
The number is the one in `system.queries`. You can stop your own statements; SUPERUSER and members of `pg_signal_backend` can stop those of others. The statement
ends with SQLSTATE 57014. `pg_cancel_backend(pid)` stops what a connection is running, and `pg_terminate_backend(pid)` closes the connection.

**Elsewhere.** `pg_cancel_backend(pid)` in PostgreSQL, which goes by connection; `KILL QUERY` in MySQL and ClickHouse.",
        examples: &["SELECT query, role, step FROM system.queries;"],
        ..STATEMENT
    },
    Doc {
        name: "DECLARE",
        summary: "Creates a cursor: a query whose rows are fetched in parts.",
        syntax: "DECLARE name [SCROLL] CURSOR [WITH HOLD] FOR query
FETCH [NEXT | n | ALL | FORWARD n | PRIOR | BACKWARD n | FIRST | LAST | ABSOLUTE n | RELATIVE n] [FROM] name
MOVE … name
CLOSE name | ALL",
        description: "\
All rows come from the state of the database at DECLARE. They are computed while they are fetched. A cursor ends with its transaction; WITH HOLD keeps it until the session
ends. With SCROLL the rows are kept in memory, and the cursor can go back; without it, the cursor only goes forward.
Only the role that opened a cursor can fetch from it.

**Cost.** As the query, spread over the fetches; with SCROLL the rows that were fetched are in memory.

**Elsewhere.** As in PostgreSQL. DuckDB has none; its clients fetch results in parts by themselves.",
        examples: &["BEGIN;
DECLARE best CURSOR FOR SELECT order_id, amount FROM sample_orders(rows => 1000) ORDER BY amount DESC, order_id;
FETCH 3 FROM best;
COMMIT;"],
        ..STATEMENT
    },
    Doc {
        name: "DISCARD",
        summary: "Resets a session: drops its cursors, prepared statements and temporary tables, and resets its settings.",
        syntax: "DISCARD ALL | TEMP | PLANS",
        description: "\
Connection pools use it before they reuse a connection. `DEALLOCATE ALL` drops only prepared statements. `LISTEN`, `UNLISTEN` and `NOTIFY` are accepted because
drivers send them, but no messages are delivered.

**Elsewhere.** As in PostgreSQL.",
        examples: &["PREPARE one AS SELECT 1;
DISCARD ALL;"],
        ..STATEMENT
    },
];
