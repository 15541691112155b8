//! Pages of statements that clients of a server use.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 3] = [
    Doc {
        name: "CANCEL",
        summary: "Ends a statement that runs in this process.",
        syntax: "CANCEL [QUERY] number",
        description: "The number is that of `system.queries`. One ends one's own statements; SUPERUSER and members of `pg_signal_backend` those of others. The statement
ends with SQLSTATE 57014. `pg_cancel_backend(pid)` ends what a connection runs, and `pg_terminate_backend(pid)` the connection.",
        examples: &["SELECT query, role, step, milliseconds FROM system.queries;"],
        ..STATEMENT
    },
    Doc {
        name: "DECLARE",
        summary: "Makes a cursor: a query whose rows are fetched in parts.",
        syntax: "DECLARE name [SCROLL] CURSOR [WITH HOLD] FOR query
FETCH [NEXT | n | ALL | FORWARD n | PRIOR | BACKWARD n | FIRST | LAST | ABSOLUTE n | RELATIVE n] [FROM] name
MOVE … name
CLOSE name | ALL",
        description: "\
All its rows are of the state that the database had at DECLARE, and are computed as they are fetched. A cursor ends with its transaction, or with the session
when it is made WITH HOLD. With SCROLL its rows are kept in memory, and can be gone back to; without, it only goes forward.",
        examples: &["BEGIN;
DECLARE best CURSOR FOR SELECT order_id, amount FROM sample_orders(rows => 1000) ORDER BY amount DESC, order_id;
FETCH 3 FROM best;
COMMIT;"],
        ..STATEMENT
    },
    Doc {
        name: "DISCARD",
        summary: "Gives up what a session holds: its cursors, prepared statements, temporary tables and settings.",
        syntax: "DISCARD ALL | TEMP | PLANS",
        description: "Connections that are used again begin so. `DEALLOCATE ALL` gives up prepared statements alone. `LISTEN`, `UNLISTEN` and `NOTIFY` are taken, as
drivers send them; there are no messages.",
        examples: &["PREPARE one AS SELECT 1;
DISCARD ALL;"],
        ..STATEMENT
    },
];
