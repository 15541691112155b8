//! Pages of the statements over named objects of any kind; that of its CREATE statement stands with each kind.

use super::STATEMENT;
use crate::docs::Doc;

/// In the order one meets them.
pub static DOCS: [Doc; 9] = [
    Doc {
        name: "REFRESH",
        summary: "Computes a profile with its tags and segments, or an identity, and publishes everything at once.",
        syntax: "REFRESH PROFILE name [TAGS (tag, …)] [WITH ([as_of = time], [rewind = true])]
REFRESH SEGMENT name
REFRESH IDENTITY name
EXPLAIN REFRESH PROFILE name …",
        description: "\
Tags over the same source share one scan and one aggregation, whatever their conditions; EXPLAIN shows it. Readers see the state before
until the refresh is committed, and the new one after; a refresh that fails or is killed leaves the state before. Other profiles and tables
can be written to meanwhile; another refresh of the same profile waits for `portrait.lock_timeout` seconds, and then fails with an error that says
which process it waited for.

`as_of` (a date counts whole; default now) is the time the profile is computed for; it may not lie before that of the last refresh, unless
`rewind = true` withdraws what came after. Repeated for the same time, a refresh takes the place of the one before. `TAGS (…)` computes these
tags, and those that need them; others keep their values, after a rewind those of the last refresh up to that time. Over data that ended more than 60 days
ago a refresh as of now is noted: the time of a profile does not go back of itself.

What an identity publishes is said in `CREATE IDENTITY`.

A value that cannot be computed, such as a division by zero, fails the whole refresh, and the error names the profile or tag. An expression is
computed only for the rows that the WHERE and HAVING of its own query leave, whatever else shares its scan.

| published | rows |
|---|---|
| `profile.<name>` | one a customer: key, attributes, one column a tag |
| `profile.<name>_tags` | one a value: key, tag, value as text |
| `profile.<name>_history` | one a value of a tag, or of an attribute that `history` names, and time: key, tag, value, valid_from, valid_to (NULL while it holds), tag_version |
| `segment.<name>` | one a member: key, since |

In the history, a value that another takes the place of, that becomes NULL, that is renamed by a new version of the tag, or whose customer left or tag
was dropped, is closed at the time of the refresh that found it; a value that stays keeps its beginning and the version of the tag that gave
it. `system.runs` lists every run, its status (`running`, `succeeded`, `failed`, `cancelled`, or `lost` when its process was killed) and when it last showed
that it goes on; `system.profiles`, `system.tags` and `system.segments` say what was computed when, and for how many.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT name, customers, last_refresh FROM system.profiles;"],
        ..STATEMENT
    },
    Doc {
        name: "FOR SYSTEM_TIME AS OF",
        summary: "Reads what was published as it was at a time.",
        syntax: "FROM name FOR SYSTEM_TIME AS OF time [AS alias]",
        description: "\
For the tables of the schemas `profile` and `segment`, and tables made with CREATE TABLE in a database. The time is a constant: a date, which counts
whole, or a timestamp, for profiles that of the refresh's `as_of`. What was published last at or before it is shown.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
REFRESH PROFILE member WITH (as_of = DATE '2025-05-31');
REFRESH PROFILE member WITH (as_of = DATE '2025-06-30');
SELECT count(*) AS customers FROM profile.member FOR SYSTEM_TIME AS OF DATE '2025-06-15';"],
        ..STATEMENT
    },
    Doc {
        name: "SHOW PROFILES, DESCRIBE PROFILE",
        summary: "Lists profiles, tags, segments, models or identities; shows one with its definition.",
        syntax: "SHOW PROFILES | TAGS | SEGMENTS | MODELS | IDENTITIES
DESCRIBE PROFILE | TAG | SEGMENT | MODEL | IDENTITY name [ON profile]",
        description: "The same and more stands in `system.profiles`, `system.tags`, `system.segments`, `system.models` and `system.versions`. `portrait dump` prints all definitions as a script.",
        examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
SHOW PROFILES;
DESCRIBE PROFILE member;"],
        ..STATEMENT
    },
    Doc {
        name: "DROP PROFILE",
        summary: "Forgets a profile, tag, segment, model or identity that nothing uses.",
        syntax: "DROP PROFILE | TAG | SEGMENT | MODEL | IDENTITY [IF EXISTS] name [ON profile]",
        description: "\
What another object uses is not dropped; the error lists the users. A dropped tag or segment is gone from what the next refresh publishes; its
history stays. A dropped profile takes all it has published with it.",
        examples: &["DROP TAG IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
    Doc {
        name: "COMMENT ON",
        summary: "Says what an object or a column is.",
        syntax: "COMMENT [IF EXISTS] ON TABLE | VIEW | EXTERNAL TABLE | COLUMN | SCHEMA | PROFILE | TAG | SEGMENT | MODEL | FUNCTION name [ON profile] IS 'text' | NULL",
        description: "\
A column is named after its table or view: `orders.amount`. The comment stays with the object when that is altered, renamed or replaced, and the version of
its definition stays too; a later definition with a comment of its own says it anew. NULL takes the comment away. `system.comments`,
`information_schema.tables` and `information_schema.columns` show comments of tables and columns, DESCRIBE and the table of its kind that of an object;
`portrait dump` writes them. A table of the session alone keeps its comments until it is dropped or replaced.",
        examples: &["CREATE TABLE orders AS SELECT * FROM sample_orders(rows => 100);
COMMENT ON TABLE orders IS 'one row per order';
COMMENT ON COLUMN orders.amount IS '金额，元';
SELECT table_name, column_name, comment FROM system.comments;"],
        ..STATEMENT
    },
    Doc {
        name: "BACKUP DATABASE",
        summary: "Saves the database in one file, while others read and write.",
        syntax: "BACKUP DATABASE TO 'archive'",
        description: "\
The file holds one state of the catalog and every data file that it names: definitions, snapshots, runs, the rows of tables and profiles. Every file
is compared with its checksum as it is saved. The archive appears whole or not at all, only its owner may read it, and it replaces no file that is there.
Files of external tables are no part of a database, and so none of its archive. `portrait -d DIR backup ARCHIVE` does the same; `portrait restore
ARCHIVE DIR` makes the database again in a new or empty directory and compares every checksum; `portrait -d DIR check` looks at one at any time. The
archive is a tar file whose first entry, `manifest.json`, lists the others. That of an encrypted database is encrypted as the database is: restoring
it needs no key, opening what was restored needs the master key of that time.",
        ..STATEMENT
    },
    Doc {
        name: "COPY REPORT",
        summary: "Writes a profile as one page of HTML: sections with charts, conclusions in sentences, and the SQL of every number.",
        syntax: "COPY REPORT profile TO 'file.html'
[WITH ([as_of = time], [compare_with = time], [language = 'en' | 'zh'], [smallest = 5], [sections = 'folder'], [title = 'text'])]",
        description: "\
The page loads nothing and runs no script, so that it can be sent by e-mail and printed. It shows the profile as of its last refresh, or of the one
at `as_of`; `compare_with` names an earlier refresh, and each number then shows how it has changed. The same data gives the same bytes.

Each section is a script of `sql/report` with a description in the comments at its top: title, chart, the columns that it needs, and rules. A rule is a condition over
the columns of a row and a sentence for where it holds, in English and Chinese: `-- say: customers < 50` with `-- say.en: {segment} is too small to act on.` A section whose columns
are not there is left out, and the page says so. Sections read tables that are called as in `sql/shop.sql`; make views of these names for others. `sections` names a folder with scripts of your own: one that
is called as a shipped one takes its place, the others come beside.

Groups of fewer than `smallest` customers are suppressed: their numbers show `< 5`, and where that is one group alone, the next smallest is suppressed too, as one could be told from the whole.
Nothing of a single customer is on the page. `portrait report` does the same from the command line.

In a section's query `$profile`, `$key`, `$members`, `$tags`, `$history`, `$segments` (segment and key) and `$as_of` stand for what the report is of. The keys of a description: `title`, `text`, `needs`,
`when` (a query of one boolean), `latest`, `chart` (a kind, `numbers` or `none`), `x`, `y`, `series`, `count` (the column that counts customers), `percent`, `say`, `most`, `words.zh`.",
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
        summary: "Writes one member of a profile as a page of HTML: attributes, tags and why, segments, orders, what to offer next.",
        syntax: "COPY CARD profile FOR key TO 'file.html' [WITH ([as_of = time], [language = 'en' | 'zh'], [sections = 'folder'], [title = 'text'])]",
        description: "\
Made of the sections in `sql/card`, as a report is of those in `sql/report`; `$customer` stands for the key. Names, phone numbers, e-mail and postal addresses and identity
numbers are masked: columns are known by what they are called. `portrait card` does the same from the command line.",
        examples: &["CREATE OR REPLACE PROFILE carded WITH (key = 'customer_id') AS SELECT customer_id, name, city FROM sample_customers(rows => 100);
REFRESH PROFILE carded;
COPY CARD carded FOR 42 TO '42.html';"],
        ..STATEMENT
    },
    Doc {
        name: "COPY … (CHART …)",
        summary: "Draws the rows of a query as a picture: SVG, PNG or a page of HTML.",
        syntax: "COPY (query) | table TO 'file.svg' | 'file.png' | 'file.html'
[(CHART bar | line | area | pie | radar | heatmap | funnel | sankey | scatter | histogram | treemap,
  X column, Y column | (column, …), SERIES column, TITLE 'text', WIDTH 860, LANGUAGE 'en' | 'zh')]",
        description: "\
What is not said is chosen: a column of times or texts runs across, columns of numbers are measured, a second column of texts makes series; times make a line, texts bars, or a heat map where they are
many, numbers alone a histogram or a scatter chart. A `sankey` takes X where from, SERIES where to and Y how much; a `histogram` of one column of numbers counts them. Each value is one mark with its
numbers in its title; nothing is pooled or left out, and more than can be read is an error that says what to do. Colour-blind people can tell the colours apart, in light and in dark;
the same rows give the same bytes. A `.png` is written with the fonts of the system. In the shell `\\chart` draws the last result with characters.",
        examples: &["COPY (SELECT CAST(date_trunc('month', ordered_at) AS DATE) AS month, count(*) AS orders FROM sample_orders(rows => 3000) GROUP BY 1) TO 'orders.svg' (CHART line, TITLE '订单');
COPY (SELECT amount FROM sample_orders(rows => 3000)) TO 'amounts.html';"],
        ..STATEMENT
    },
];
