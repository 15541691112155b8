//! The documentation pages of transactions.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 2] = [
    Doc {
        name: "BEGIN",
        summary: "Begins a transaction: its changes appear together at COMMIT or not at all, and it reads one state of the database.",
        syntax: "BEGIN | START TRANSACTION [READ ONLY | READ WRITE] [ISOLATION LEVEL …]; …; COMMIT | ROLLBACK [AND CHAIN]",
        description: "\
The statements read the database as it was at BEGIN, plus their own changes. This is PostgreSQL's REPEATABLE READ, whatever level below
SERIALIZABLE is requested. Nobody else sees the changes before COMMIT. Changes that others publish meanwhile are a conflict only if they touch the
same table or, for a transaction that creates or drops objects, any definition. Then COMMIT fails with SQLSTATE 40001, nothing is changed, and
you can run the transaction again. A table that a transaction writes to is locked for other writers until the transaction ends. SET SESSION
CHARACTERISTICS AS TRANSACTION READ ONLY holds for all transactions and statements of the session that do not say otherwise.

After a statement fails, every other statement is refused until ROLLBACK, and COMMIT rolls back. Tables of the session are restored to
their earlier state. Files written by COPY stay. Statements that cannot be undone are refused within a transaction: REFRESH, BACKUP, CREATE MODEL, ALTER SYSTEM and INSERT into
an external table; in an in-memory database also everything that creates or drops objects.

A client of a server can send several statements in one message, as `psql -c 'a; b'` does. They are one transaction, also without BEGIN. If one of them
fails, the changes of those before it are undone. A statement that cannot be undone must be sent by itself. If BEGIN is among them, its transaction includes
the statements before it in the message; COMMIT and ROLLBACK end it. The same is true of changes that a driver sends in one batch or
pipeline, such as the rows of `executemany`, or tables that are created there. In memory each statement takes effect by itself. The shell and scripts of `portrait run` send
each statement by itself.

**Cost.** Changes are written when their statement runs, and COMMIT publishes them in one step, however many they are. A long
transaction keeps other writers of its tables waiting, and old files on disk.

**Elsewhere.** As in PostgreSQL at REPEATABLE READ. DuckDB has the same isolation, and conflicts by row; here they are by table.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
BEGIN;
DELETE FROM visits;
ROLLBACK;
SELECT count(*) AS visits FROM visits;"],
        ..STATEMENT
    },
    Doc {
        name: "SAVEPOINT",
        summary: "Marks a place within a transaction to go back to.",
        syntax: "SAVEPOINT name; …; ROLLBACK TO [SAVEPOINT] name | RELEASE [SAVEPOINT] name",
        description: "\
ROLLBACK TO undoes everything since the savepoint, also a failed statement; the savepoint remains. RELEASE removes the savepoint. If several savepoints have the same name,
the newest is used.

**Elsewhere.** As in PostgreSQL; DuckDB has none.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
BEGIN;
SAVEPOINT before;
TRUNCATE visits;
ROLLBACK TO before;
COMMIT;
SELECT count(*) AS visits FROM visits;"],
        ..STATEMENT
    },
];
