//! Pages of transactions.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 2] = [
    Doc {
        name: "BEGIN",
        summary: "Begins a transaction: statements up to COMMIT appear together or not at all, and read one state of the database.",
        syntax: "BEGIN | START TRANSACTION [READ ONLY | READ WRITE] [ISOLATION LEVEL …]; …; COMMIT | ROLLBACK [AND CHAIN]",
        description: "\
What the statements read is the database as it was at BEGIN, with what they have changed themselves: PostgreSQL's REPEATABLE READ, whatever level below
SERIALIZABLE is asked for. Until COMMIT nobody else sees anything of it. What another has published meanwhile is no conflict, unless it is the
same table or, for a transaction that makes or drops objects, any definition: then COMMIT fails with SQLSTATE 40001, nothing has happened, and
the transaction can be run again. A table that a transaction writes to is kept from other writers until its end, as by LOCK TABLE.

A statement that fails ends the transaction: until ROLLBACK nothing else is taken, and COMMIT rolls back. Tables of the session alone are put back as they
were. Files that COPY writes stay. What cannot be undone is refused within a transaction: REFRESH, BACKUP, CREATE MODEL, INSERT into an external
table; in a database in memory also everything that makes or drops objects.",
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
        description: "ROLLBACK TO undoes what was done since, also a failure, and the place stays marked; RELEASE forgets it. Of several of one name
the newest counts.",
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
