//! The page of what the audit log records.

use super::STATEMENT;
use crate::docs::Doc;

pub(super) static DOCS: [Doc; 1] = [Doc {
    name: "ALTER SYSTEM",
    summary: "Says what the audit log records: who read which class of which table for which purpose, and who changed what others may.",
    syntax: "ALTER SYSTEM SET portrait.audit = 'all' | 'none' | 'event, …'
ALTER SYSTEM RESET portrait.audit",
    description: "\
Only for SUPERUSER; the change is recorded itself, whatever is recorded. `system.audit` shows the records to SUPERUSER and to members of `pg_monitor`.

| event | what is recorded |
|---|---|
| `read` | each table of which a statement reads columns that have a class, with these columns and classes; one that a view, a report or a refresh reads, too |
| `export` | COPY TO, COPY REPORT and COPY CARD, BACKUP: where to |
| `grant` | GRANT and REVOKE |
| `role` | roles that are made, altered and dropped |
| `policy` | masks, row policies and classes of columns |
| `erase` | ERASE |
| `denied` | statements that were refused, as their role may not |

By default all are. A record has the time, the role and who opened the session, the client, the purpose that the session gave (`SET portrait.purpose = 'marketing'`) and the statement, with `?` in the place of
the values in it; once the statement has ended also its rows and how it ended. It is on disk before the first row is given: a statement that cannot be recorded is not done. A record stays when the transaction
is rolled back.

The records are lines of JSON in the file `audit.log` of the database directory. Each names the hash of the one before, so that a record shows that was changed, taken away, moved or put in: `portrait audit`
looks at all of them. Write its last number and hash down elsewhere now and then, and give them with `--expect`: who may write the file could write it anew, also shorter than it was. A key that others do not have
prevents that: `PORTRAIT_AUDIT_KEY_FILE` names a file as `pseudonymize` describes it, and hashes are then HMAC-SHA-256 under a key that is derived from it.

In a database that can only be read nothing can be recorded: columns that have a class cannot be read there.",
    examples: &["ALTER SYSTEM SET portrait.audit = 'read, export, grant, role, policy, erase, denied';
SET portrait.purpose = 'marketing';"],
    ..STATEMENT
}];
