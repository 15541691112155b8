//! Pages of the statements that make no object.

mod auditing;
mod changes;
mod checking;
mod clients;
pub mod erasing;
mod granting;
mod objects;
mod transactions;

use crate::docs::{Doc, Kind};

pub const STATEMENT: Doc = Doc { kind: Kind::Statement, domain: "statements", ..Doc::EMPTY };

/// The statements there are, beside queries.
pub fn docs() -> impl Iterator<Item = &'static Doc> {
    DOCS.iter()
        .chain(&changes::DOCS)
        .chain(&objects::DOCS)
        .chain(&transactions::DOCS)
        .chain(&clients::DOCS)
        .chain(&granting::DOCS)
        .chain(&checking::DOCS)
        .chain(erasing::DOCS)
        .chain(&auditing::DOCS)
}

static DOCS: [Doc; 7] = [
    Doc {
        name: "SELECT",
        summary: "A query, with the rules that its numbers and times follow.",
        syntax: "SELECT … FROM … [WHERE …] [GROUP BY … [HAVING …]] [QUALIFY …] [ORDER BY …] [LIMIT …]",
        description: "\
The syntax is PostgreSQL's, and operators bind as there. A clause that is not supported is refused by its name, with what to write instead.

**Numbers.** `+`, `-`, `*` and `sum` give the right number or an error that names the expression. Whole numbers of up to 32 bits are computed as
BIGINT; `sum` of BIGINT may leave its range on the way and not in the end. Decimals have up to 38 digits. A cast to a whole number
gives the nearest: 3 for 2.5 as a decimal, and the even one of two for a float. NaN is greater than all other numbers.

**Spans of time.** Intervals are compared, sorted, grouped and joined by their length: a month is 30 days, a day 24 hours. An interval can be
multiplied with a number and divided by one. A day plus a number, or a constant of whole days, is a day; plus any other interval it is a time.

**Dates and times.** A date or a time without a zone that meets a time with a zone (in a comparison, BETWEEN, IN, a join, a difference, `as_of`) is what
clocks of that zone show: `at >= DATE '2025-05-02'` begins at midnight in Shanghai where `at` is in that zone. A time that its clocks
show twice is the later one, and one that they skip is counted on from before the change. `CAST(at AS DATE)` and `CAST(at AS TIMESTAMP)` give
what the clocks of its zone show. `$as_of` of a refresh is an instant, in UTC.

A number has no unit, and neither becomes a date or a time nor is compared with one: a day written as 20250308 is `CAST(CAST(x AS VARCHAR) AS DATE)`, seconds
since 1970 are `to_timestamp(x)`, milliseconds `to_timestamp_millis(x)`.

**Names.** Columns that would share a name get one each: `SELECT *, a` gives `a` and `a_1`.",
        examples: &["SELECT customer_id, max(ordered_at) < TIMESTAMP '2025-06-30' - INTERVAL '90 days' AS lapsed
FROM sample_orders(rows => 1000) GROUP BY customer_id ORDER BY customer_id LIMIT 3;"],
        ..STATEMENT
    },
    Doc {
        name: "DROP",
        summary: "Forgets a table or view; the files of an external table stay, the rows of any other table go.",
        syntax: "DROP TABLE | VIEW [IF EXISTS] name",
        description: "A table that a profile, tag or segment uses stays, and so does one with rows of its own that a view uses. What functions in FROM
are given by name is used, too, and so is every tag of a profile that `SELECT *` reads.",
        examples: &["DROP TABLE IF EXISTS nothing_of_that_name;"],
        ..STATEMENT
    },
    Doc {
        name: "COPY",
        summary: "Writes a table or query to a file or folder.",
        syntax: "COPY name | (query) TO 'place' [STORED AS PARQUET | CSV | JSON | NDJSON | EXCEL] [PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]",
        description: "\
A local file or folder appears whole when the statement has succeeded, and not at all when it fails or the program is killed. An
existing file is replaced; an existing folder must be empty.

The end of the name says the format, and a compression after it: `orders.csv.gz`, `orders.ndjson.zst`, `orders.xlsx`. A `.json` file is one list of
objects, an `.ndjson` file has one on each line. Options of CSV: `separator`, `header`, `null` (the text for NULL, by default none; an empty text is `\"\"`), `bom`
(a byte order mark, by which Excel knows UTF-8); of all texts: `compression` (`gzip`, `zstd`, `bzip2`, `xz`). A folder that is partitioned by columns has them in the
names of its folders, NULL as `__HIVE_DEFAULT_PARTITION__`.

Of a query with GROUP BY, `suppress_below` (2 or more) writes NULL for all numbers of groups of fewer persons, and of the next smallest group where that would be one group alone, as one could be told from the whole:
`OPTIONS (suppress_below 5)`. The persons of a group are what `count` in the query counts; where there is no count or several, `suppress_by 'column'` names one. What is suppressed is no number in ORDER BY either.",
        ..STATEMENT
    },
    Doc {
        name: "INSERT INTO",
        summary: "Adds rows to a table.",
        syntax: "INSERT INTO name [(column, …)] query | VALUES (…), … [RETURNING …]",
        description: "\
The rows appear together when the statement has succeeded, and not at all when it fails or is killed. A column that is left out gets its
DEFAULT, or NULL. Each statement writes a file: many rows in one are better than one in each of many; of small files, many become
one from time to time. An external table must be a local folder without partitions. `RETURNING` gives the new rows of a table back.",
        ..STATEMENT
    },
    Doc {
        name: "EXPLAIN",
        summary: "Shows how a query is run; with ANALYZE, runs it and shows what each step did.",
        syntax: "EXPLAIN [ANALYZE] [VERBOSE] query",
        description: "Relation functions show their steps, with memory, time and rows that could not be used.",
        examples: &["EXPLAIN SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount);"],
        ..STATEMENT
    },
    Doc {
        name: "PREPARE",
        summary: "Keeps a query with parameters `$1`, `$2` … for EXECUTE, which reads what is there by then.",
        syntax: "PREPARE name [(type, …)] AS query; EXECUTE name(value, …); DEALLOCATE name",
        description: "Parameters may stand for the options of relation functions. A script has named ones, `$name`, given by `portrait run --set name=value`.",
        examples: &["PREPARE best AS SELECT * FROM rfm(sample_orders(rows => 1000), customer => customer_id, order_time => ordered_at, amount => amount, bins => $1) ORDER BY monetary DESC LIMIT 3;
EXECUTE best(4);"],
        ..STATEMENT
    },
    Doc {
        name: "SET",
        summary: "Changes a setting of the session; SHOW tells it.",
        syntax: "SET name = value; RESET name; SHOW name; SHOW ALL",
        description: "Portrait's settings are listed under `portrait.`, those of the engine under `datafusion.`.",
        examples: &["SET portrait.max_rows_shown = 20; SHOW portrait.max_rows_shown;"],
        ..STATEMENT
    },
];
