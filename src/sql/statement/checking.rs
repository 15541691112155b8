//! The page of CHECK TABLE.

use super::STATEMENT;
use crate::docs::Doc;

pub static DOCS: [Doc; 1] = [Doc {
    name: "CHECK TABLE",
    summary: "Looks whether a table is as its checks say, and remembers what was found.",
    syntax: "CHECK TABLE table, …",
    description: "\
One row per check of CREATE CHECK, whether it passed or not; the statement itself does not fail. A check that cannot be computed, because a column is gone say, has the status
`error`, and the others go on. What was found stays in `system.checks`, `system.check_results` and `system.table_scores`; the score of a table is the mean of its
dimensions, each the mean share of rows that passed.

In a script, a table that must be right is best told by a profile's REFRESH (`on_failure = 'stop'`).",
    examples: &["CREATE VIEW paid_orders AS SELECT * FROM sample_orders(rows => 1000) WHERE status = 'paid';
CREATE CHECK amount_is_positive ON paid_orders AS amount > 0;
CREATE CHECK order_is_unique ON paid_orders AS unique(order_id);
CHECK TABLE paid_orders;
SELECT \"table\", validity, uniqueness, score FROM system.table_scores;"],
    ..STATEMENT
}];
