//! Pages of the statements that change rows.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 5] = [
    Doc {
        name: "DELETE",
        summary: "Removes rows of a table.",
        syntax: "[WITH …] DELETE FROM name [AS alias] [USING other, …] [WHERE condition] [ORDER BY … LIMIT …] [RETURNING …]",
        description: "\
All of them go at once for every reader when the statement has succeeded, and none when it fails or is killed. What the table was before can be
read with `FOR SYSTEM_TIME AS OF`. Only the files that have such rows are written anew.

`USING` names tables that the condition compares with; a row goes once, however many rows of them belong to it. `RETURNING` gives expressions over
the rows that are removed, `*` all of their columns. A table of the session (TEMPORARY, or without a database) is changed likewise. Rows of views, external
tables, profiles and files are not.",
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
        summary: "Gives columns of rows other values.",
        syntax: "[WITH …] UPDATE name [AS alias] SET column = value, … | (column, …) = (value, …) [FROM other, …] [WHERE condition] [RETURNING …]",
        description: "\
All rows change at once for every reader when the statement has succeeded, and none when it fails or is killed. What the table was before can be
read with `FOR SYSTEM_TIME AS OF`. Only the files that have such rows are written anew.

Each value is computed from the row as it was, and cast to the type of its column; `DEFAULT` is the column's default, or NULL. `FROM` names tables that the
values and the condition may read, also as MySQL writes it: `UPDATE a JOIN b ON … SET …`. A row that several of their rows belong to is an error, as it
is not decided which of them it gets. `RETURNING` gives expressions over the rows as they are now.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
UPDATE visits SET amount = 0 WHERE status = 'refunded';"],
        ..STATEMENT
    },
    Doc {
        name: "MERGE INTO",
        summary: "Changes, removes and adds rows by those of another table.",
        syntax: "[WITH …] MERGE INTO name [AS alias] USING other ON condition
  WHEN MATCHED [AND condition] THEN UPDATE SET column = value, … | DELETE
  WHEN NOT MATCHED [BY TARGET] [AND condition] THEN INSERT [(column, …)] VALUES (value, …)
  WHEN NOT MATCHED BY SOURCE [AND condition] THEN UPDATE SET column = value, … | DELETE
  [RETURNING …]",
        description: "\
Of each pair of rows that belong together, and of each row that has no other, the first WHEN whose condition holds says what happens; nothing, when none
does. All of it appears at once when the statement has succeeded, and nothing when it fails or is killed. A row that two rows of the source would change
is an error: leave one for each, with GROUP BY or DISTINCT ON.

`MATCHED` rows are in both, `NOT MATCHED` rows in the source alone, `NOT MATCHED BY SOURCE` rows in the table alone. `RETURNING` gives expressions over the new
rows, and over those that were removed.",
        examples: &["CREATE TABLE visits AS SELECT customer_id, sum(amount) AS spent FROM sample_orders(rows => 1000) GROUP BY customer_id;
MERGE INTO visits USING (VALUES (1, 10.0), (-1, 20.0)) AS new(customer_id, amount) ON visits.customer_id = new.customer_id
WHEN MATCHED THEN UPDATE SET spent = visits.spent + new.amount
WHEN NOT MATCHED THEN INSERT (customer_id, spent) VALUES (new.customer_id, new.amount);"],
        ..STATEMENT
    },
    Doc {
        name: "TRUNCATE",
        summary: "Removes all rows of a table.",
        syntax: "TRUNCATE [TABLE] name",
        description: "The same as DELETE without a condition: what the table was before can be read with `FOR SYSTEM_TIME AS OF`.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
TRUNCATE TABLE visits;"],
        ..STATEMENT
    },
    Doc {
        name: "ALTER TABLE",
        summary: "Changes the columns of a table, or its name.",
        syntax: "ALTER TABLE [IF EXISTS] name change, …
  ADD [COLUMN] [IF NOT EXISTS] column type [NOT NULL] [DEFAULT value]
  DROP [COLUMN] [IF EXISTS] column
  RENAME [COLUMN] column TO column
  ALTER [COLUMN] column [SET DATA] TYPE type [USING value]
  ALTER [COLUMN] column SET | DROP NOT NULL
  ALTER [COLUMN] column SET DEFAULT value | DROP DEFAULT
ALTER TABLE | VIEW [IF EXISTS] name RENAME TO name",
        description: "\
All changes of a statement appear at once when it has succeeded, and none when it fails. What would break a view, profile, tag or segment is refused, and so is
another name while one of them reads the table. What the table was before can be read with `FOR SYSTEM_TIME AS OF`, also under its new name.

A type is changed only where each value stays what it is: BIGINT to DECIMAL(20, 2), but not the text `007` to a number. `USING` gives the new values, whatever
they are. A column that is added has its default in all rows. All rows are written anew, unless only defaults or the name change.",
        examples: &["CREATE TABLE visits AS SELECT * FROM sample_orders(rows => 1000);
ALTER TABLE visits ADD COLUMN shop VARCHAR DEFAULT 'Shanghai', RENAME COLUMN amount TO paid;"],
        ..STATEMENT
    },
];
