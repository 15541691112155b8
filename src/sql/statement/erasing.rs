//! Pages of the statements over the data of one person, and over data that has its time.

use super::STATEMENT;
use crate::docs::{Argument, Doc, Takes};

pub static DOCS: [&Doc; 4] = [&ERASE, &EXPORT, &RETAIN, &REFRESH];

pub static ERASE: Doc = Doc {
    name: "ERASE SUBJECT",
    summary: "Takes a person out of everything that the database holds, the past included, and writes a receipt.",
    syntax: "ERASE SUBJECT key, … FROM PROFILE profile | FROM IDENTITY identity
WITH (reason = '…', [columns = 'table.column, …'], [keep = 'table, …'])",
    description: "\
The key is one of the profile; of an identity it is a `person_id`, and all records of that person go. What is looked through:

| what | how a person is found there |
|---|---|
| tables that the profile, its tags, experiments and consents read | the column that the key comes from, followed through views, joins, groups, casts and UNION |
| other profiles and identities over the same column, with tags, segments and history | by their keys |
| tables that nothing of these reads, a list made for a mailing say | a column called as the key is, or as a column that it comes from; names such as `id` say too little |
| the tables of an identity | the key of the record, `example_key` of the ledger, the pairs of `_must_link` and `_cannot_link` |
| `columns = 'orders.buyer'` | the columns that it names, those that a table had under another name in earlier states among them |
| messages of runs, comments, results of checks, earlier versions of definitions | the key as a word in the text (of 3 letters, or 5 digits, at least), which `***` takes the place of |

The rows are gone from every state that is kept: the newest, and all that `FOR SYSTEM_TIME AS OF` reads. Files that hold them are written anew, with the same
rows of everybody else, and the old ones are removed; counts of earlier states are corrected. The catalog is written anew without its free pages, and its log is emptied. All of
it becomes visible in one transaction. A process that is killed before leaves everything as it was; one that is killed after leaves traces which the
next that opens the database, or writes to it, removes. Nobody else writes meanwhile: a statement that tries fails, and can be run again.
Statements that read are not held up; a file that one still reads goes when it has ended, and `finished_at` in `system.erasures` is set then. Temporary tables stay until
their session ends. What a file system keeps of a removed file is not overwritten.

Models keep no rows of training. A value of a feature that stood in no other row of a table, a name say, has another name in what a model has learned; its predictions stay
as they are. The groups of experiments are computed and stored nowhere.

The receipt, in `system.erasures` and `system.erased_objects`, has number, time, role, reason and counts, and no personal data. It lists what is **to do** elsewhere:
external tables and files that the profile reads, tables whose columns do not say which rows are meant, definitions that name the key, archives of BACKUP. A row that comes back with the next
load comes back: erase where the data comes from first. `keep` names tables that a law says to keep, invoices say; the receipt lists them as kept. `EXPORT SUBJECT` shows
what would be erased.

For SUPERUSER, or for the owner of the profile or identity who owns all that is touched. No part of a transaction. The history of the shell keeps the statement without the key.",
    arguments: &[
        Argument::required("reason", Takes::Text, "why, as it stands in the receipt; without the key"),
        Argument::optional("columns", Takes::Names, "", "'table.column, …': further columns that hold the key"),
        Argument::optional("keep", Takes::Names, "", "'table, …': tables whose rows stay"),
    ],
    ..STATEMENT
};

pub static EXPORT: Doc = Doc {
    name: "EXPORT SUBJECT",
    summary: "Writes everything that the database holds of a person as one JSON document.",
    syntax: "EXPORT SUBJECT key, … FROM PROFILE profile | FROM IDENTITY identity [TO 'file.json'] [WITH ([columns = 'table.column, …'], [keep = 'table, …'])]",
    description: "\
The person is found as `ERASE SUBJECT` finds it, so that the document shows what that would erase. `profiles` has, of each, the row as of the last refresh, tags, segments
with the time since when, the history of tags, and rows of earlier states; `tables` the rows of each table, and those that only earlier states have; `experiments` the groups; `elsewhere` what may be
held outside the database or cannot be told. The file appears whole or not at all; without TO the document is the answer, one row with the column `document`.

For SUPERUSER, or for the owner of the profile or identity who owns all that is read.",
    arguments: &[
        Argument::optional("columns", Takes::Names, "", "'table.column, …': further columns that hold the key"),
        Argument::optional("keep", Takes::Names, "", "'table, …': tables that are left out"),
    ],
    ..STATEMENT
};

pub static RETAIN: Doc = Doc {
    name: "RETAIN",
    summary: "Says how long the rows of a table are kept.",
    syntax: "RETAIN table FOR INTERVAL '…' [ON column]
RETAIN table FOREVER",
    description: "\
The column holds dates or times, in UTC; it need not be named where it is the only one. `REFRESH RETENTION` removes the rows that are older, from earlier states of the table too.
Rows without a time stay. A table has one rule; another takes its place, FOREVER takes it away, and it goes with the table. `system.retention` lists the rules. For the owner of the table.",
    ..STATEMENT
};

pub static REFRESH: Doc = Doc {
    name: "REFRESH RETENTION",
    summary: "Removes the rows that are older than RETAIN says, from earlier states too.",
    syntax: "REFRESH RETENTION [table]",
    description: "\
Of all tables with a rule that the role owns, or of one. The rows go as those of `ERASE SUBJECT` do: out of every state that is kept, with a receipt in `system.erasures`. Run it by a schedule:
`CREATE SCHEDULE old_rows WITH (cron = '0 3 * * *') AS BEGIN REFRESH RETENTION; END`. What a profile has computed of the rows stays until its next refresh, and its history.",
    ..STATEMENT
};
