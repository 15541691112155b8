//! The documentation page of what the audit log records.

use super::STATEMENT;
use crate::docs::Doc;

pub(super) static DOCS: [Doc; 1] = [Doc {
    name: "ALTER SYSTEM",
    summary: "Sets what the audit log records: who read which class of which table for which purpose, and who changed the rights of others.",
    syntax: "ALTER SYSTEM SET portrait.audit = 'all' | 'none' | 'event, …'
ALTER SYSTEM RESET portrait.audit",
    description: "\
Only for SUPERUSER. The change itself is always recorded. `system.audit` shows the records to SUPERUSER and to members of `pg_monitor`.

| event | what is recorded |
|---|---|
| `read` | each table from which a statement reads columns that have a class, with these columns and classes; also tables that a view, a report or a refresh reads |
| `export` | COPY TO, COPY REPORT, COPY CARD and BACKUP, with the destination |
| `grant` | GRANT and REVOKE |
| `role` | roles that are created, altered or dropped |
| `policy` | masks, row policies and classes of columns |
| `erase` | ERASE |
| `denied` | statements that were refused because the role has no right to run them |

By default all events are recorded. A record has the time, the role and who opened the session, the client, the purpose that the session gave (`SET portrait.purpose = 'marketing'`) and the
statement, in which `?` replaces the values. When the statement has ended, the number of rows and the outcome are added. The record is on disk before the first row is returned: a statement that cannot be
recorded is not run. A record stays when the transaction is rolled back.

The records are lines of JSON in the file `audit.log` of the database directory. Each record contains the hash of the one before, so that changed, removed, moved or inserted records can be found:
`portrait audit` checks all of them. Whoever can write the file could also rewrite all of it, or cut off its end. To notice that, write down the last number and hash elsewhere from time to time, and pass them
with `--expect`. A secret key prevents it: `PORTRAIT_AUDIT_KEY_FILE` names a key file as described under `pseudonymize`, and the hashes are then HMAC-SHA-256 under a key derived from it.

In an encrypted database, records are encrypted as well: the file shows their numbers, times, events and hashes. Records that were written before by a version without this stay as they are.

In a database that is read-only nothing can be recorded, so columns that have a class cannot be read there.

**Cost.** Each statement that is recorded waits until its record is on disk, a few milliseconds at most on an SSD; `audit.log` grows
with them and is never shortened.

**Elsewhere.** PostgreSQL's statement of the same name sets any parameter; auditing there is the extension pgaudit, which writes statements
and not the classes that were read.",
    examples: &["ALTER SYSTEM SET portrait.audit = 'read, export, grant, role, policy, erase, denied';
SET portrait.purpose = 'marketing';"],
    ..STATEMENT
}];
