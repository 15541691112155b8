//! The documentation pages of the statements that grant privileges to roles.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 2] = [
    Doc {
        name: "GRANT",
        summary: "Gives roles rights on a table, profile, schema, the database or files, or makes them members of another role.",
        syntax: "GRANT privilege, … | ALL ON target TO role | PUBLIC, … [WITH GRANT OPTION]
REVOKE [GRANT OPTION FOR] privilege, … | ALL ON target FROM role | PUBLIC, …
GRANT role, … TO role, … [WITH ADMIN OPTION]
REVOKE [ADMIN OPTION FOR] role, … FROM role, …
ALTER TABLE | VIEW | SCHEMA | PROFILE | … name OWNER TO role
REASSIGN OWNED BY role TO role
SET ROLE role | NONE",
        description: "\
A role owns what it has created, and may do everything with it. With other objects it may do what was granted to it, to a role that it is a member of, or to PUBLIC
(everybody). Objects on which a role has no rights do not exist for it: no list names them, and an error only says that the role is not allowed. SUPERUSER may do everything.

| target | privileges |
|---|---|
| `[TABLE] name`, a table, view or external table | `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`; `FILTER`, which lets conditions see the real values of masked columns (and `REFERENCES`, `TRIGGER`, which have no effect) |
| `PROFILE name`, or `profile.name` | `SELECT` of its rows, tags and history; `REFRESH`; `FILTER` |
| `SEGMENT name`, or `segment.name` | `SELECT`, `REFRESH` |
| `MODEL name`, `FUNCTION name` | `USAGE`; `EXECUTE` is the same |
| `SCHEMA name` | `USAGE`, without which nothing in it can be named; `CREATE`; also `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFRESH` on everything in it, now and later |
| `DATABASE portrait` | `CONNECT`, `TEMPORARY`; `DETOKENIZE`; `CREATE` of schemas, profiles, segments, models and functions; also the privileges of a schema such as `SELECT`, on everything, now and later |
| `ALL TABLES`, `ALL VIEWS`, `ALL PROFILES`, `ALL SEGMENTS`, `ALL MODELS` or `ALL FUNCTIONS`, `[IN SCHEMA name]` | the privileges of that kind, on the objects that exist now |
| `FILES` | `READ` of files and URLs by name, also for CREATE EXTERNAL TABLE; `WRITE` by COPY. `portrait serve --files` sets the folders. The files of the database itself are neither read nor written by name |

At first everybody has CONNECT and TEMPORARY on the database and USAGE on the schema `public`; REVOKE takes these away. DELETE, UPDATE and MERGE read the
table, so they also need SELECT. Only the owner can alter, drop or comment on an object, and see its definition, such as the text of a view.

A view, a profile or a segment reads with the rights of its owner, so it can show a part of a table that its readers may not read. A function made with
CREATE FUNCTION reads with the rights of its caller.

No part of a statement is evaluated on rows that such a view leaves out, and EXPLAIN does not show what it reads. So no error, estimate or plan reveals what the reader may not see. If reading the view itself
fails, the reader gets an error without the reason, and a role with SUPERUSER sees the reason.

`pg_read_all_data`, `pg_write_all_data`, `pg_read_server_files`, `pg_write_server_files`, `pg_monitor` and `pg_signal_backend` can be granted like roles, and give the same rights as in
PostgreSQL. `system.grants` lists what was granted. `SET ROLE` lets a member of a role, or SUPERUSER, act as that role for the rest of the session.

**Elsewhere.** As in PostgreSQL, with profiles and files as further targets. Columns are protected by masks (CREATE MASK).",
        examples: &["CREATE ROLE analyst;
CREATE ROLE mia LOGIN PASSWORD 'a long one' IN ROLE analyst;
GRANT SELECT ON SCHEMA public TO analyst;
SELECT role, privilege, kind, name FROM system.grants WHERE role IN ('analyst', 'mia');
DROP ROLE mia;
DROP ROLE analyst;"],
        ..STATEMENT
    },
    Doc {
        name: "REVOKE",
        summary: "Takes away rights that GRANT gave.",
        syntax: "REVOKE [GRANT OPTION FOR] privilege, … | ALL ON target FROM role | PUBLIC, …
REVOKE [ADMIN OPTION FOR] role, … FROM role, …",
        description: "\
Targets and privileges are the same as for GRANT. A right that a role has through PUBLIC, or through a role that it is a member of, stays until it is revoked there.

**Elsewhere.** As in PostgreSQL.",
        examples: &["CREATE ROLE leo;
GRANT READ ON FILES TO leo;
REVOKE READ ON FILES FROM leo;
DROP ROLE leo;"],
        ..STATEMENT
    },
];
