//! Pages of what roles may do.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 2] = [
    Doc {
        name: "GRANT",
        summary: "Lets roles do something with a table, profile, schema, the database or files; or makes them members of another role.",
        syntax: "GRANT privilege, … | ALL ON target TO role | PUBLIC, … [WITH GRANT OPTION]
REVOKE [GRANT OPTION FOR] privilege, … | ALL ON target FROM role | PUBLIC, …
GRANT role, … TO role, … [WITH ADMIN OPTION]
REVOKE [ADMIN OPTION FOR] role, … FROM role, …
ALTER TABLE | VIEW | SCHEMA | PROFILE | … name OWNER TO role
REASSIGN OWNED BY role TO role
SET ROLE role | NONE",
        description: "\
A role may do all with what it owns, which is what it has made. With everything else it may do what is granted to it, to a role that it is a member of, or to PUBLIC,
which is everybody. What it may do nothing with is not there for it: no list names it, and an error says no more than that the role may not. SUPERUSER may do all.

| target | privileges |
|---|---|
| `[TABLE] name`, a table, view or external table | `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE` (and `REFERENCES`, `TRIGGER`, for which there is no use) |
| `PROFILE name`, or `profile.name` | `SELECT` of its rows, tags and history; `REFRESH` |
| `SEGMENT name`, or `segment.name` | `SELECT`, `REFRESH` |
| `MODEL name`, `FUNCTION name` | `USAGE`; `EXECUTE` is the same |
| `SCHEMA name` | `USAGE`, without which nothing in it can be named; `CREATE`; also `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFRESH` on all that is in it, now and later |
| `DATABASE portrait` | `CONNECT`, `TEMPORARY`; `CREATE` of schemas, profiles, segments, models and functions; also `SELECT` and the like on everything, now and later |
| `ALL TABLES`, `ALL VIEWS`, `ALL PROFILES`, `ALL SEGMENTS`, `ALL MODELS` or `ALL FUNCTIONS`, `[IN SCHEMA name]` | those of what is there now |
| `FILES` | `READ` of files and URLs by name, also for CREATE EXTERNAL TABLE; `WRITE` by COPY. `portrait serve --files` says where they are |

From the start everybody has CONNECT and TEMPORARY on the database and USAGE on the schema `public`; REVOKE takes it away. DELETE, UPDATE and MERGE read the
table, and need SELECT as well. Altering, dropping and commenting on something is for its owner, and so is what it is made of: the text of a view.

A view, a profile or a segment reads with the rights of its owner, so that it can show a part of a table that its readers may not read. A macro of
CREATE FUNCTION reads with the rights of the one who calls it.

`pg_read_all_data`, `pg_write_all_data`, `pg_read_server_files`, `pg_write_server_files`, `pg_monitor` and `pg_signal_backend` can be granted like roles, and give what they give in
PostgreSQL. `system.grants` lists what was granted. `SET ROLE` makes a member of a role, or who may do all, that role for the rest of the session.",
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
        summary: "Takes away what GRANT gave.",
        syntax: "REVOKE [GRANT OPTION FOR] privilege, … | ALL ON target FROM role | PUBLIC, …
REVOKE [ADMIN OPTION FOR] role, … FROM role, …",
        description: "Targets and privileges are those of GRANT. What a role has by PUBLIC, or by a role that it is a member of, stays until it is revoked there.",
        examples: &["CREATE ROLE leo;
GRANT READ ON FILES TO leo;
REVOKE READ ON FILES FROM leo;
DROP ROLE leo;"],
        ..STATEMENT
    },
];
