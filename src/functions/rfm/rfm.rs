//! The relation function `rfm`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::options::{self, ARGUMENTS};
use super::step::ScoreCustomers;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Column, Doc, Kind};

#[derive(Debug)]
pub struct Rfm;

const DOC: Doc = Doc {
    name: "rfm",
    kind: Kind::Relation,
    domain: "rfm",
    summary: "Scores every customer by recency, frequency and monetary value, and assigns a segment: one row per customer.",
    description: "\
**Measures.** `recency_days`: days from the last order to `as_of`. `frequency`: number of orders; distinct values of `order_id` when it is
given. `monetary`: sum of `amount`. Integers and decimals are summed exactly; a sum that does not fit its type is an error.

**Period.** If `as_of` is a DATE, `lookback => INTERVAL '30 days'` covers the 30 calendar days that end with `as_of`: orders after the day
`as_of` − 30 and up to the end of `as_of`. The default `as_of` is the day after the last order. That day has no orders, so the same interval
covers only 29 days with orders; pass the day of the last order to get 30. If `as_of` is a TIMESTAMP, exact times are compared: later than
`as_of` − `lookback`, and not later than `as_of`.

A customer with no order in the period has no row and is in no bin: scores compare only the customers that remain. A tag made with `rfm` and
`lookback` has no value for the others; CREATE TAG and REFRESH report this. To label them as lost, use a join:
`SELECT o.customer_id, coalesce(r.segment, 'lost') FROM (SELECT DISTINCT customer_id FROM orders) AS o LEFT JOIN rfm(orders, …) AS r ON o.customer_id = r.customer_id`.

**Scores.** The highest score is the best: few days since the last order, many orders, a large amount.

- `quantile`: equal values always get equal scores. Cut `i` is the value at rank ⌈i·n/bins⌉; the score is one more than the number of cuts
  below the value, and the reverse for recency. When many values are equal, some scores are not used; the scale stays the same, and
  `rfm_bins` shows it.
- `ntile`: bins of equal size, `ntile(bins)` from worst to best; equal values are ordered by the key.
- `fixed`: by `recency_cuts`, `frequency_cuts` and `monetary_cuts`. Recency gets the better score when it is at most the cut; frequency and
  amount get the better score when they are at least the cut.
- `percent`: 0 to 100, the share of the other customers who are worse, rounded down (`percent_rank`).

`rfm_score` is the three scores written together, `555`, or `10-8-9` where a score can have two digits.

**Segments.** See `rfm_scheme`. `standard` works on fifths of the scale. `eight` calls a score high when it is above the mean of that score
over all customers in the result. `value_tier` has thresholds at 40, 60 and 80 of 100.

**Rows that are dropped.** Rows whose customer, time, amount or (if given) order is NULL, and rows whose amount is NaN or infinite, are
dropped and counted: see `rows_without_customer` and similar metrics in EXPLAIN ANALYZE, and a note in the shell.

**Cost.** One pass over the input, in parallel. Memory grows with the number of customers, not of orders. The aggregation spills to disk;
scoring needs about 100 bytes per customer. `lookback` without `as_of` reads the input a second time, to find the last order.

**Elsewhere.** DuckDB and PostgreSQL have no such function: you write GROUP BY and `ntile(5) OVER (ORDER BY …)`, which separates customers
with equal values; `method => 'ntile'` does the same, with the key as the last order. `pandas.qcut` keeps equal values together like
`quantile`, but fails when two cuts are equal, unless `duplicates='drop'` takes scores away. R's package `rfm` has `rfm_table_order`.
`frequency` here counts all orders; that of lifetime models (`clv_summary`) leaves out the first.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "(customer)", data_type: "as the role", text: "customer key, under the column's own name" },
        Column { name: "recency_days", data_type: "BIGINT", text: "days from the last order to `as_of`" },
        Column { name: "frequency", data_type: "BIGINT", text: "number of orders" },
        Column {
            name: "monetary",
            data_type: "BIGINT, DECIMAL or DOUBLE",
            text: "sum of amounts; for decimals the precision grows by ten digits",
        },
        Column { name: "recency_score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column { name: "frequency_score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column { name: "monetary_score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column { name: "rfm_score", data_type: "VARCHAR", text: "the three scores written together" },
        Column { name: "segment", data_type: "VARCHAR", text: "segment of the scheme" },
    ],
    examples: &[
        "SELECT segment, count(*) AS customers, sum(monetary) AS revenue
FROM rfm(sample_orders(rows => 2000), customer => customer_id, order_time => ordered_at, amount => amount)
GROUP BY segment ORDER BY revenue DESC;",
        "SELECT * FROM rfm((SELECT * FROM sample_orders(rows => 2000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, order_id => order_id,
  as_of => DATE '2025-06-30', lookback => INTERVAL '1 year', scheme => 'eight', labels => 'zh')
ORDER BY monetary DESC LIMIT 5;",
    ],
    source: "A. M. Hughes, Strategic Database Marketing (1994); R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages (1996).",
    ..Doc::EMPTY
};

impl RelationFunction for Rfm {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let customer = roles.required("customer")?;
        let field = |name: &str, data_type: DataType| Arc::new(Field::new(name, data_type, false));
        Ok(vec![
            field(&customer.column, customer.field.data_type().clone()),
            field("recency_days", DataType::Int64),
            field("frequency", DataType::Int64),
            field("monetary", options::monetary(roles)?),
            field("recency_score", DataType::Int32),
            field("frequency_score", DataType::Int32),
            field("monetary_score", DataType::Int32),
            field("rfm_score", DataType::Utf8View),
            field("segment", DataType::Utf8View),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (measured, scoring) = options::read(&call)?;
        ScoreCustomers(scoring).over([measured], call.schema)
    }
}
