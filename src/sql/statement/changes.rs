//! The documentation pages of the statements that change rows.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 5] = [
    Doc {
        name: "DELETE",
        summary: "Deletes rows from a table.",
        syntax: "[WITH …] DELETE FROM name [AS alias] [USING other, …] [WHERE condition] [RETURNING …] [ORDER BY … LIMIT …]",
        description: "\
When the statement succeeds, the rows disappear for every reader at once. When it fails or is killed, no row is deleted. The earlier state of the table can be
read with `FOR SYSTEM_TIME AS OF`. Only files that contain deleted rows are rewritten.

`USING` names tables that the condition compares with. A row is deleted once, however many of their rows match it. `RETURNING` returns expressions over
the deleted rows and those of USING; `*` returns all of their columns.

A query can read what statements return that change rows: `WITH gone AS (DELETE FROM a WHERE … RETURNING *) INSERT INTO b SELECT * FROM gone`. All of them take
effect together or not at all, and each reads the rows that were there before; only RETURNING shows the changes of the others.

Tables of the session (TEMPORARY, or without a database) work the same way. Rows of views, external
tables, profiles and files cannot be deleted.

**Cost.** The files that hold deleted rows are read and written again, all others stay; disk space is freed when no kept state needs the old
files.

**Elsewhere.** As in PostgreSQL; `ORDER BY … LIMIT` is MySQL's.",
        examples: &[
            "CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
DELETE FROM visits WHERE amount < 50;",
            "CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
DELETE FROM visits AS v USING (SELECT max(ordered_at) AS last FROM visits) AS m WHERE v.ordered_at = m.last RETURNING v.customer_id;",
        ],
        ..STATEMENT
    },
    Doc {
        name: "UPDATE",
        summary: "Changes the values of columns in rows of a table.",
        syntax: "[WITH …] UPDATE name [AS alias] SET column = value, … | (column, …) = (value, …) [FROM other, …] [WHERE condition] [RETURNING …]",
        description: "\
When the statement succeeds, all rows change at once for every reader. When it fails or is killed, no row changes. The earlier state of the table can be
read with `FOR SYSTEM_TIME AS OF`. Only files that contain changed rows are rewritten.

Each value is computed from the row as it was before, and cast to the type of its column. `DEFAULT` is the column's default, or NULL. `FROM` names tables that the
values and the condition may read; MySQL's form `UPDATE a JOIN b ON … SET …` works too. A row that matches several of their rows is an error, because it would not
be clear which values it gets. `RETURNING` returns expressions over the changed rows and those of FROM.

**Cost.** As DELETE: one row changed is one file written, so change many rows in one statement.

**Elsewhere.** As in PostgreSQL and DuckDB; there a row that matches several rows of FROM takes any of them.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
UPDATE visits SET amount = 0 WHERE status = 'refunded';"],
        ..STATEMENT
    },
    Doc {
        name: "MERGE INTO",
        summary: "Updates, deletes and inserts rows by comparing a table with another.",
        syntax: "[WITH …] MERGE INTO name [AS alias] USING other ON condition
  WHEN MATCHED [AND condition] THEN UPDATE SET column = value, … | DELETE | DO NOTHING
  WHEN NOT MATCHED [BY TARGET] [AND condition] THEN INSERT [(column, …)] VALUES (value, …) | DO NOTHING
  WHEN NOT MATCHED BY SOURCE [AND condition] THEN UPDATE SET column = value, … | DELETE | DO NOTHING
  [RETURNING …]",
        description: "\
`MATCHED` rows are in both tables, `NOT MATCHED` rows only in the source, `NOT MATCHED BY SOURCE` rows only in the target table.

For each pair of matching rows, and for each row without a match, the first WHEN whose condition is true decides what happens. If none is true, nothing happens,
as with `DO NOTHING`, after which no later WHEN applies.
All changes appear at once when the statement succeeds, and none when it fails or is killed. A row that two rows of the source would change
is an error: keep one source row for each, with GROUP BY or DISTINCT ON. `RETURNING` returns expressions over the new rows and over the deleted ones.

**Cost.** A join of both tables; then as UPDATE.

**Elsewhere.** As in PostgreSQL 17, DuckDB 1.4 and the SQL standard. MySQL and SQLite say INSERT … ON DUPLICATE KEY / ON CONFLICT, which
need a key.",
        examples: &["CREATE TABLE visits AS SELECT customer_id, sum(amount) AS spent FROM sample_orders(rows => 1000) GROUP BY customer_id;
MERGE INTO visits USING (VALUES (1, 10.0), (-1, 20.0)) AS new(customer_id, amount) ON visits.customer_id = new.customer_id
WHEN MATCHED THEN UPDATE SET spent = visits.spent + new.amount
WHEN NOT MATCHED THEN INSERT (customer_id, spent) VALUES (new.customer_id, new.amount);"],
        ..STATEMENT
    },
    Doc {
        name: "TRUNCATE",
        summary: "Deletes all rows of tables.",
        syntax: "TRUNCATE [TABLE] name, … [RESTART IDENTITY | CONTINUE IDENTITY] [CASCADE | RESTRICT]",
        description: "\
The same as DELETE without a condition: the earlier state of a table can be read with `FOR SYSTEM_TIME AS OF`. Several tables are emptied together or not at
all. A table that others refer to by foreign keys is emptied together with these, or with `CASCADE`, which empties all of them.

`RESTART IDENTITY` restarts the counters of IDENTITY columns and the sequences that the tables own. It cannot be part of a transaction, which could not undo it.

**Cost.** No row is rewritten. Disk space is freed when no kept state needs the old files.

**Elsewhere.** As in PostgreSQL; DuckDB empties one table at a time.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
TRUNCATE TABLE visits;"],
        ..STATEMENT
    },
    Doc {
        name: "ALTER TABLE",
        summary: "Changes the columns or the name of a table.",
        syntax: "ALTER TABLE [IF EXISTS] name change, …
  ADD [COLUMN] [IF NOT EXISTS] column type [NOT NULL] [DEFAULT value]
  DROP [COLUMN] [IF EXISTS] column
  RENAME [COLUMN] column TO column
  ALTER [COLUMN] column [SET DATA] TYPE type [USING value]
  ALTER [COLUMN] column SET | DROP NOT NULL
  ALTER [COLUMN] column SET DEFAULT value | DROP DEFAULT
  ADD [CONSTRAINT name] PRIMARY KEY (column, …) | UNIQUE (column, …) | CHECK (condition) | FOREIGN KEY (column, …) REFERENCES table [(column, …)] …
  DROP CONSTRAINT [IF EXISTS] name
  RENAME CONSTRAINT name TO name
ALTER TABLE | VIEW [IF EXISTS] name RENAME TO name",
        description: "\
All changes of a statement appear at once when it succeeds, and none when it fails. A change that would break a view, profile, tag or segment is refused. A
table cannot be renamed while one of them reads it. The earlier state of the table can be read with `FOR SYSTEM_TIME AS OF`, also under its new name.

A type can be changed only if each value stays the same: BIGINT to DECIMAL(20, 2), but not the string `007` to a number. `USING` computes new values
instead. A new column has its default in all rows.

A constraint can be added only if all rows satisfy it. A column that is dropped takes its constraints with it, and a column that is renamed keeps them. Keys and conditions are those of CREATE TABLE.
Foreign keys of other tables follow the new names of a table and its columns; what they need cannot be dropped before them.

**Cost.** All rows are rewritten, unless only defaults or the name change. So make several changes in one statement.

**Elsewhere.** As in PostgreSQL; SQLite and DuckDB change one thing per statement.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
ALTER TABLE visits ADD COLUMN shop VARCHAR DEFAULT 'Shanghai', RENAME COLUMN amount TO paid;"],
        ..STATEMENT
    },
];
