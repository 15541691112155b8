//! The documentation pages of the statements about personal data and its retention.

use super::STATEMENT;
use crate::docs::{Argument, Doc, Takes};

pub static DOCS: [&Doc; 4] = [&ERASE, &EXPORT, &RETAIN, &REFRESH];

pub static ERASE: Doc = Doc {
    name: "ERASE SUBJECT",
    summary: "Removes a person from everything in the database, including earlier states, and writes a receipt.",
    syntax: "ERASE SUBJECT key, … FROM PROFILE profile | FROM IDENTITY identity
WITH (reason = '…', [columns = 'table.column, …'], [keep = 'table, …'])",
    description: "\
The key is a key of the profile. For an identity it is a `person_id`, and all records of that person are removed. These places are searched:

| what | how a person is found there |
|---|---|
| tables that the profile, its tags, experiments and consents read | by the column that the key comes from, followed through views, joins, groups, casts and UNION |
| other profiles and identities over the same column, with tags, segments and history | by their keys |
| tables that none of these reads, for example a list made for a mailing | by a column with the same name as the key, or as a column that the key comes from; names such as `id` are too general |
| tables with a foreign key to one of these | by its column; rows that refer to rows of the person by another key, such as the lines of an order, go too. With ON DELETE SET NULL, rows stay and lose the key. A row of a table with persons of its own, such as customers who were recommended, is not removed: without SET NULL the erasure is refused, unless `columns` names the column |
| copies, made by `CREATE TABLE … AS` or `INSERT … SELECT` | by the column into which the key was copied as it is, whatever its name |
| the tables of an identity | by the key of the record, `example_key` of the ledger, the pairs of `_must_link` and `_cannot_link` |
| `columns = 'orders.buyer'` | by the columns named here, also columns that had another name in earlier states of a table |
| messages of runs, comments, results of checks, earlier versions of definitions | by the key as a word in the text (at least 3 letters or 5 digits); it is replaced by `***` |
| definitions | by a text that occurred only in the erased rows, as in `CREATE TABLE … AS VALUES`; the definition of a table, and earlier versions, lose their literals |

The rows are removed from every state that is kept: the newest one, and all that `FOR SYSTEM_TIME AS OF` reads. Files that contain them are rewritten with the
rows of everybody else, and the old files are deleted. Row counts of earlier states are corrected. The catalog is rewritten without its free pages, and its log is emptied. Everything
becomes visible in one transaction. If the process is killed before that, nothing has changed. If it is killed after that, traces may remain, which the
next process that opens the database or writes to it removes. Nobody else can write during the erasure: a statement that tries fails, and can be run again.
Statements that read are not blocked. A file that one of them still reads is deleted when that statement has ended; `finished_at` in `system.erasures` is set then. Temporary tables stay until
their session ends. The disk blocks of a deleted file are not overwritten.

Models keep no training rows. If a feature had a value that occurred in no other row of a table, such as a name, that value gets another name in what the model has learned; its predictions do not
change. The groups of experiments are computed and stored nowhere.

The receipt, in `system.erasures` and `system.erased_objects`, has the number, time, role, reason and counts, and no personal data. It lists what remains **to do** elsewhere:
external tables and files that the profile reads; tables whose columns do not show which rows are meant; tables that statements have made from the rows or added them to (`INSERT … SELECT`, UPDATE, MERGE), without the key, also by way of tables that are gone; definitions that contain the key or such a text; archives of BACKUP. If the next load brings a row back, it
is in the database again, so erase first in the system that the data comes from. `keep` names tables that must be kept by law, for example invoices; the receipt lists them as kept. `EXPORT SUBJECT` shows
what would be erased.

Only for SUPERUSER, or for the owner of the profile or identity who also owns everything that is changed. Not allowed in a transaction. The history of the shell keeps the statement without the key.

**Cost.** Each file that holds a row of the person, in any kept state, is written again, and the catalog is rewritten: minutes for a large
database. Name several keys in one statement.

**Elsewhere.** A DELETE in other databases leaves the person in earlier states, logs, backups and copies; finding these is work by hand, or
of tools such as BigID.

**An example** needs a database, `portrait -d crm`:

```sql
CREATE TABLE buyers AS SELECT customer_id, name, phone FROM sample_customers(rows => 200);
CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, name, phone FROM buyers;
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
ERASE SUBJECT 7 FROM PROFILE member WITH (reason = 'request of 2025-07-01');
SELECT object, state, rows FROM system.erased_objects ORDER BY object;
```

```text
 object                                                | state  | rows
-------------------------------------------------------+--------+------
 archives of BACKUP DATABASE, files of COPY and EXPORT | to do  |    0
 profile member                                        | erased |    1
 table buyers                                          | erased |    1
```",
    arguments: &[
        Argument::required("reason", Takes::Text, "the reason, as the receipt shows it; it must not contain the key"),
        Argument::optional("columns", Takes::Names, "", "'table.column, …': more columns that contain the key"),
        Argument::optional("keep", Takes::Names, "", "'table, …': tables whose rows are kept"),
    ],
    ..STATEMENT
};

pub static EXPORT: Doc = Doc {
    name: "EXPORT SUBJECT",
    summary: "Writes everything that the database holds about a person as one JSON document.",
    syntax: "EXPORT SUBJECT key, … FROM PROFILE profile | FROM IDENTITY identity [TO 'file.json'] [WITH ([columns = 'table.column, …'], [keep = 'table, …'])]",
    description: "\
The person is found in the same way as by `ERASE SUBJECT`, so the document shows what that statement would erase. It has four parts:

| part | contents |
|---|---|
| `profiles` | for each profile: the row as of the last refresh, tags, segments with the time of entry, the history of tags, and rows of earlier states |
| `tables` | the rows of each table, and rows that only earlier states have |
| `experiments` | the groups |
| `elsewhere` | what may be stored outside the database, or cannot be found for certain |

The file appears complete or not at all. Without TO, the document is the result: one row with the column `document`.

Only for SUPERUSER, or for the owner of the profile or identity who also owns everything that is read.

**Cost.** Every kept state of every table that may name the person is searched, so it grows with the database and its history.

**Elsewhere.** The right of access of GDPR (Art. 15) and PIPL (Art. 45); in other databases you write a query for each table.

**An example** needs a database, `portrait -d crm`:

```sql
CREATE TABLE buyers AS SELECT customer_id, name, phone FROM sample_customers(rows => 200);
CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, name, phone FROM buyers;
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
EXPORT SUBJECT 7 FROM PROFILE member TO 'customer_7.json';
```",
    arguments: &[
        Argument::optional("columns", Takes::Names, "", "'table.column, …': more columns that contain the key"),
        Argument::optional("keep", Takes::Names, "", "'table, …': tables that are left out"),
    ],
    ..STATEMENT
};

pub static RETAIN: Doc = Doc {
    name: "RETAIN",
    summary: "Sets how long the rows of a table are kept.",
    syntax: "RETAIN table FOR INTERVAL '…' [ON column]
RETAIN table FOREVER",
    description: "\
The column contains dates or times, in UTC. You can leave it out if the table has only one such column. `REFRESH RETENTION` removes older rows, also from earlier states of the table.
Rows without a time are kept. Rows that refer to removed ones by a foreign key go too with ON DELETE CASCADE, and lose the key with SET NULL; with another one, nothing is removed from the table while there are such rows.
A table has one rule: a new rule replaces it, FOREVER removes it, and it is dropped with the table. `system.retention` lists the rules. Only for the owner of the table.

**Cost.** None until REFRESH RETENTION runs.

**Elsewhere.** `TTL` of ClickHouse and partition expiration of BigQuery, which leave earlier states and copies alone; in PostgreSQL a job
that deletes, or dropped partitions.

**An example** needs a database, `portrait -d crm`:

```sql
CREATE TABLE visits AS SELECT * FROM sample_events(rows => 1000);
RETAIN visits FOR INTERVAL '1 year' ON event_time;
SELECT table_name, column_name, retained_for FROM system.retention;
```",
    ..STATEMENT
};

pub static REFRESH: Doc = Doc {
    name: "REFRESH RETENTION",
    summary: "Removes rows that are older than RETAIN allows, also from earlier states.",
    syntax: "REFRESH RETENTION [table]",
    description: "\
Without a name it works on all tables with a rule that the role owns. The rows are removed as by `ERASE SUBJECT`: from every state that is kept, with a receipt in `system.erasures`. Run it by a schedule:
`CREATE SCHEDULE old_rows WITH (cron = '0 3 * * *') AS BEGIN REFRESH RETENTION; END`. What a profile has computed from the rows stays until its next refresh; its history stays too.

**Cost.** Files that hold rows to be removed are written again, in every kept state; run it when few write.

**An example** needs a database, `portrait -d crm`:

```sql
CREATE TABLE visits AS SELECT * FROM sample_events(rows => 1000);
RETAIN visits FOR INTERVAL '1 year' ON event_time;
REFRESH RETENTION visits;
SELECT kind, object, reason FROM system.erasures;
```

```text
 kind      | object       | reason
-----------+--------------+-------------------
 retention | table visits | older than 1 year
```

**Elsewhere.** As for RETAIN.",
    ..STATEMENT
};
