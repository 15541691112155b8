//! The documentation page of CHECK TABLE.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 1] = [Doc {
    name: "CHECK TABLE",
    summary: "Runs the checks of a table and keeps the results.",
    syntax: "CHECK TABLE table, …",
    description: "\
Returns one row per check made with CREATE CHECK, whether it passed or not. The statement itself does not fail. If a check cannot be computed, for example because a column is missing, its status is
`error`, and the other checks still run. The results are kept in `system.checks`, `system.check_results` and `system.table_scores`. The score of a table is the mean of its
dimensions, and each dimension is the mean share of rows that passed.

A check of another role is run too, and reads what its owner sees; only its status is shown, as the rest may tell of rows that the role does not see.

To stop a script when a table is wrong, let the REFRESH of a profile depend on its checks (`on_failure = 'stop'`).

**Cost.** The table is read for its checks; conditions over rows cost little, `unique` and the expectations about other tables an
aggregation or a join.

**Elsewhere.** `dbt test` and `great_expectations checkpoint run` outside of the database. MySQL's statement of the same name tests the
files of a table; here that is `portrait check`.",
    examples: &["CREATE VIEW paid_orders AS SELECT * FROM sample_orders(rows => 1000) WHERE status = 'paid';
CREATE CHECK amount_is_positive ON paid_orders AS amount > 0;
CREATE CHECK order_is_unique ON paid_orders AS unique(order_id);
CHECK TABLE paid_orders;
SELECT \"table\", validity, uniqueness, score FROM system.table_scores;"],
    ..STATEMENT
}];
