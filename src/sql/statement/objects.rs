//! The documentation pages of the statements for named objects of any kind. The page of a CREATE statement is in the module of its kind.

use super::STATEMENT;
use crate::docs::Doc;

/// In the order in which a user needs them.
pub static DOCS: [Doc; 9] = [
    Doc {
        name: "REFRESH",
        summary: "Computes a profile with its tags and segments, or an identity, and publishes everything at once.",
        syntax: "REFRESH PROFILE name [TAGS (tag, …)] [WITH ([as_of = time], [rewind = true])]
REFRESH SEGMENT name
REFRESH IDENTITY name
EXPLAIN REFRESH PROFILE name …",
        description: "\
Tags over the same source share one scan and one aggregation, whatever their conditions; EXPLAIN shows it. Readers see the earlier state
until the refresh is committed, and the new state afterwards. A refresh that fails or is killed changes nothing. Other profiles and tables
can be written to at the same time. Another refresh of the same profile waits for up to `portrait.lock_timeout` seconds, then fails with an error that names
the process it waited for.

`as_of` is the time that the profile is computed for (default: now; a DATE means the end of that day). It cannot be before the last refresh, unless
`rewind = true` withdraws the refreshes after it. A refresh repeated for the same time replaces the earlier one. `TAGS (…)` computes only these
tags, those that depend on them, and those that are not published yet: the first refresh computes all tags. Other tags keep their values, unless these have another type now; after a rewind, the values of the last refresh up to that time. If the data ends more than 60 days
ago, a refresh as of now gives a note, because a later refresh cannot go back in time without `rewind`.

`CREATE IDENTITY` explains what an identity publishes.

A value that cannot be computed, such as a division by zero, makes the whole refresh fail, and the error names the profile or tag. An expression is
computed only for the rows that pass the WHERE and HAVING of its own query, even when other tags share the scan.

| published | rows |
|---|---|
| `profile.<name>` | one per customer: the key, the attributes, and one column per tag |
| `profile.<name>_tags` | one per value: key, tag, value as text |
| `profile.<name>_history` | one per period in which a tag, or an attribute listed in `history`, had a value: key, tag, value, valid_from, valid_to (NULL while the value is current), tag_version |
| `segment.<name>` | one per member: key, since |

In the history, a value is closed when it changes, becomes NULL or is renamed by a new version of the tag, or when its customer or tag goes away; `valid_to` is the time of
the refresh that noticed. A value that stays keeps its `valid_from` and the version of the tag that gave it. `system.runs` lists every run with its status (`running`, `succeeded`,
`failed`, `cancelled`, or `lost` when its process was killed) and the time of its last sign of life. `system.profiles`, `system.tags` and `system.segments` show what was computed when, and for how many customers.

**Cost.** One scan of each source, whatever the number of tags over it; memory grows with the customers, and what does not fit is written to disk.

**Elsewhere.** `REFRESH MATERIALIZED VIEW` in PostgreSQL, one at a time and without history; `dbt build` in a warehouse, where the tables of
one run appear one after the other.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT name, customers, last_refresh FROM system.profiles;"],
        ..STATEMENT
    },
    Doc {
        name: "FOR SYSTEM_TIME AS OF",
        summary: "Reads a table or profile as it was at a time in the past.",
        syntax: "FROM name FOR SYSTEM_TIME AS OF time [AS alias]",
        description: "\
Works for the tables of the schemas `profile` and `segment`, and for tables made with CREATE TABLE in a database. The time is a constant: a DATE, which means the end of
that day, or a timestamp. For profiles it is compared with the `as_of` of each refresh. You get the newest version at or before it.

**Cost.** That of reading the table now: each state names its own files.

**Elsewhere.** The words are those of SQL:2011, MariaDB, SQL Server and BigQuery; Snowflake says `AT (TIMESTAMP => …)`, DuckLake
`AT (TIMESTAMP => …)`. PostgreSQL and DuckDB's own files have nothing like it.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-05-31');
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT count(*) AS customers FROM profile.member FOR SYSTEM_TIME AS OF DATE '2025-06-15';"],
        ..STATEMENT
    },
    Doc {
        name: "SHOW PROFILES, DESCRIBE PROFILE",
        summary: "SHOW lists profiles, tags, segments, models or identities; DESCRIBE shows one with its definition.",
        syntax: "SHOW PROFILES | TAGS | SEGMENTS | MODELS | IDENTITIES
DESCRIBE PROFILE | TAG | SEGMENT | MODEL | IDENTITY name [ON profile]",
        description: "\
`system.profiles`, `system.tags`, `system.segments`, `system.models` and `system.versions` have the same information and more. `portrait dump` prints all definitions as a script,
with the classes of columns, owners, rights and budgets.

**Elsewhere.** SHOW TABLES and DESCRIBE of MySQL and DuckDB, `\\d` of psql, for other kinds of objects.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
DESCRIBE PROFILE member;
SHOW PROFILES;"],
        ..STATEMENT
    },
    Doc {
        name: "DROP PROFILE",
        summary: "Drops a profile, tag, segment, model or identity that nothing uses.",
        syntax: "DROP PROFILE | TAG | SEGMENT | MODEL | IDENTITY [IF EXISTS] name, … [ON profile]",
        description: "\
An object that other objects use cannot be dropped; the error lists those objects. A dropped tag or segment is missing from what the next refresh publishes, but its
history stays. Dropping a profile also removes everything it has published.

**Elsewhere.** DROP of tables and views in other databases, which with CASCADE also drops what uses them; there is no CASCADE here.",
        examples: &["DROP TAG IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
    Doc {
        name: "COMMENT ON",
        summary: "Describes an object or a column in words.",
        syntax: "COMMENT [IF EXISTS] ON TABLE | VIEW | EXTERNAL TABLE | COLUMN | SCHEMA | PROFILE | TAG | SEGMENT | MODEL | FUNCTION name [ON profile] IS 'text' | NULL",
        description: "\
A column is written with its table or view: `orders.amount`. The comment stays when the object is altered, renamed or replaced, and makes no new version of
the definition. A later definition that has its own comment replaces it. NULL removes the comment. `system.comments`,
`information_schema.tables` and `information_schema.columns` show the comments of tables and columns; DESCRIBE and the system table of the kind show the comment of an object.
`portrait dump` writes comments too. A table of the session keeps its comments until it is dropped or replaced.

**Elsewhere.** As in PostgreSQL and DuckDB, with profiles, tags, segments and models as further objects; MySQL writes COMMENT within the
definition.",
        examples: &["CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 100);
COMMENT ON TABLE orders IS 'one row per order';
COMMENT ON COLUMN orders.amount IS '金额，元';
SELECT table_name, column_name, comment FROM system.comments;"],
        ..STATEMENT
    },
    Doc {
        name: "BACKUP DATABASE",
        summary: "Saves the database in one file while others read and write.",
        syntax: "BACKUP DATABASE TO 'archive'",
        description: "\
The archive contains one state of the catalog and every data file that it names: definitions, snapshots, runs, the rows of tables and profiles. Every file
is compared with its checksum while it is saved. The archive appears complete or not at all, only its owner can read it, and it never replaces an existing file.
Files of external tables are not part of the database, and so not part of the archive. `portrait -d DIR backup ARCHIVE` does the same. `portrait restore
ARCHIVE DIR` restores the database in a new or empty directory and compares every checksum. `portrait -d DIR check` checks a database at any time. The
archive is a tar file whose first entry, `manifest.json`, lists the others. The archive of an encrypted database is encrypted in the same way: restoring
it needs no key, but opening the restored database needs the master key that was in use when the archive was made.

**Cost.** Every data file is read once and copied, so it takes the time of copying the folder. Reading and writing go on meanwhile.

**Elsewhere.** `pg_basebackup` and `pg_dump` in PostgreSQL; DuckDB has `EXPORT DATABASE` and copies of its file while nobody writes.

**An example** needs a database, `portrait -d crm`:

```sql
BACKUP DATABASE TO 'crm.backup';
```

Then, in a terminal, `portrait restore crm.backup copy` makes a database of it, and `portrait -d copy check` compares every file.",
        ..STATEMENT
    },
    Doc {
        name: "COPY REPORT",
        summary: "Writes a report on a profile as one HTML page: sections with charts, conclusions in sentences, and the SQL of every number.",
        syntax: "COPY REPORT profile TO 'file.html'
[WITH ([as_of = time], [compare_with = time], [language = 'en' | 'zh'], [smallest = 5], [sections = 'folder'], [title = 'text'])]",
        description: "\
The page loads nothing from elsewhere and runs no script, so you can send it by e-mail and print it. It shows the profile as of its last refresh, or as of the refresh
at `as_of`. `compare_with` names an earlier refresh, and each number then shows how it has changed. The same data gives the same bytes.

Each section is a script in `sql/report`, described by the comments at its top: title, chart, the columns that it needs, and rules. A rule is a condition over
the columns of a row, and a sentence to write where it is true, in English and Chinese: `-- say: customers < 50` with `-- say.en: {segment} is too small to act on.` A section whose columns
do not exist is left out, and the page says so. Sections read tables with the names used in `sql/shop.sql`; if yours have other names, make views. `sections` names a folder with your own scripts: a script with
the name of a built-in section replaces it, the others are added.

Groups of fewer than `smallest` customers are suppressed: their numbers show `< 5`. If only one group is suppressed, the next smallest is suppressed too, because otherwise its number could be computed from the total.
The page shows nothing about single customers. `portrait report` does the same from the command line.

In a section's query, `$profile`, `$key`, `$members`, `$tags`, `$history`, `$segments` (segment and key) and `$as_of` stand for the subject of the report. The keys of a description are `title`, `text`, `needs`,
`when` (a query that returns one boolean), `latest`, `chart` (a kind, `numbers` or `none`), `x`, `y`, `series`, `count` (the column that counts customers), `percent`, `say`, `most`, `words.zh`.

**Cost.** One query per section, over the published profile or the source tables that the section names.

**Elsewhere.** A dashboard of a BI tool shows the same charts, but lives on a server; `ydata-profiling` of Python makes one HTML page of a
table's columns; Quarto and R Markdown render pages from scripts.",
        examples: &["CREATE OR REPLACE VIEW orders AS SELECT * FROM sample_orders(rows => 3000);
CREATE OR REPLACE PROFILE reported WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS SELECT customer_id, gender FROM sample_customers(rows => 300);
CREATE OR REPLACE TAG spent ON reported AS SELECT customer_id, sum(amount) FROM orders GROUP BY customer_id;
CREATE OR REPLACE SEGMENT big_spender ON reported AS spent > 5000;
REFRESH PROFILE reported WITH (as_of = DATE '2025-06-30');
COPY REPORT reported TO 'reported.html' WITH (language = 'zh');"],
        ..STATEMENT
    },
    Doc {
        name: "COPY CARD",
        summary: "Writes one customer of a profile as an HTML page: attributes, tags with their reasons, segments, orders, what to offer next.",
        syntax: "COPY CARD profile FOR key TO 'file.html' [WITH ([as_of = time], [language = 'en' | 'zh'], [sections = 'folder'], [title = 'text'])]",
        description: "\
The page consists of the sections in `sql/card`, as a report consists of those in `sql/report`; `$customer` stands for the key. Names, phone numbers, e-mail and postal addresses and identity
numbers are masked; such columns are recognised by their names. `portrait card` does the same from the command line.

A company is a customer, too. Its industry, region, source, level and special needs are attributes of the profile. The people there come from a table `contacts` (`customer_id`, `name`, `role`), visits, calls and
complaints from a table `interactions` (`customer_id`, `at`, `kind`), motives and obstacles from a table `answers` of surveys (`customer_id`, `answered_at`, `question`, `answer`). A section whose table does not exist is left out.

**Cost.** One query per section, each for one customer; those over your source tables read them as any query does.

**Elsewhere.** The customer page of a CRM or a customer data platform.",
        examples: &["CREATE OR REPLACE PROFILE carded WITH (key = 'customer_id') AS SELECT customer_id, name, city FROM sample_customers(rows => 100);
REFRESH PROFILE carded;
COPY CARD carded FOR 42 TO '42.html';"],
        ..STATEMENT
    },
    Doc {
        name: "COPY … (CHART …)",
        summary: "Draws the rows of a query as a chart: SVG, PNG or an HTML page.",
        syntax: "COPY (query) | table TO 'file.svg' | 'file.png' | 'file.html'
[(CHART bar | line | area | pie | radar | heatmap | funnel | sankey | scatter | histogram | treemap,
  X column, Y column | (column, …), SERIES column, TITLE 'text', WIDTH 860, LANGUAGE 'en' | 'zh')]",
        description: "\
Everything you leave out is chosen for you. X is a column of times or strings, Y is the columns of numbers, and a second column of strings becomes SERIES. Times give a line chart, strings give bars (a heat map
if there are many), and numbers alone give a histogram or a scatter chart; if another kind is asked for, the first number is X where it differs in each row, such as a year. A `sankey` takes X as the source, SERIES as the target and Y as the amount. A `histogram` counts the values of one column of numbers, Y; a `pie`, a `funnel` and a `treemap` show one column of numbers too. Each value is one mark
with its numbers in its title. Nothing is merged or left out; too many values to read are an error that says what to do. The colours can be told apart by colour-blind people, in light and dark mode.
The same rows give the same bytes. A `.png` uses the fonts of the system. In the shell, `\\chart` draws the last result with characters.

**Cost.** The rows of the query are in memory: aggregate first.

**Elsewhere.** `plot` of pandas with matplotlib, ggplot2 in R, Vega-Lite. Databases draw nothing, but DuckDB has bars of text,
`bar(x, 0, 100)`.",
        examples: &["COPY (SELECT CAST(date_trunc('month', ordered_at) AS DATE) AS month, count(*) AS orders FROM sample_orders(rows => 3000) GROUP BY 1) TO 'orders.svg' (CHART line, TITLE '订单');
COPY (SELECT amount FROM sample_orders(rows => 3000)) TO 'amounts.html';"],
        ..STATEMENT
    },
];
