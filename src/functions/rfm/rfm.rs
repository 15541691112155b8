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
    summary: "Scores every customer by recency, frequency and monetary value, and names the segment: one row a customer.",
    description: "\
**Measures.** `recency_days`: days from the last order to `as_of`. `frequency`: orders, counted by `order_id` when given.
`monetary`: the sum of `amount`; integers and decimals are exact, a sum that does not fit its type is an error.

**Period.** With `as_of` a DATE, `lookback => INTERVAL '30 days'` takes the orders of 30 calendar days, the last of which is `as_of`: after
the day `as_of` − 30, up to the end of `as_of`. The default `as_of` is the day after the last order, a day without orders, so that the same
interval takes the orders of 29 days; name the day of the last order to have 30. With a TIMESTAMP it is instants that count: later than
`as_of` − `lookback`, and not later than `as_of`. A customer all of whose orders lie before that has no row, and is in no bin: the scores compare
those that are left. A tag of `rfm` with `lookback` has no value for them, which CREATE TAG and REFRESH tell; to call them lost, join:
`SELECT o.customer_id, coalesce(r.segment, 'lost') FROM (SELECT DISTINCT customer_id FROM orders) AS o LEFT JOIN rfm(orders, …) AS r ON o.customer_id = r.customer_id`.

**Scores.** The highest score is the best: few days, many orders, much money.

- `quantile`: equal values always get equal scores. Cut `i` is the value at rank ⌈i·n/bins⌉; the score is one more than the
  number of cuts below the value, for recency the other way round. With many equal values some scores stay unused; the
  scale does not shrink, and `rfm_bins` shows it.
- `ntile`: bins of equal size, `ntile(bins)` from worst to best; equal values are told apart by the key.
- `fixed`: by `recency_cuts`, `frequency_cuts`, `monetary_cuts`. Days up to a cut earn the score before it; orders and amounts
  that reach a cut earn the score after it.
- `percent`: 0 to 100, the share of the other customers who are worse, rounded down (`percent_rank`).

`rfm_score` writes the three scores in a row, `555`; where a score can have two digits, `10-8-9`.

**Segments.** See `rfm_scheme`. `standard` works on fifths of the scale. `eight` calls a score high when it is above the mean
of that score over all customers of the result. `value_tier` has thresholds at 40, 60 and 80 of 100.

**Rows that cannot be used.** Rows whose customer, time, amount or (when given) order is NULL, and amounts that are NaN or
infinite, are left out and counted: `rows_without_customer` and so on in EXPLAIN ANALYZE, and in a note of the shell.

**Cost.** One pass over the input, in parallel; memory for the customers, not for the orders. Aggregation spills to disk;
scoring holds some 100 bytes a customer. `lookback` without `as_of` reads the input a second time, to find the last order.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "(customer)", data_type: "as the role", text: "the key, under its own name" },
        Column { name: "recency_days", data_type: "BIGINT", text: "days from the last order to `as_of`" },
        Column { name: "frequency", data_type: "BIGINT", text: "orders" },
        Column {
            name: "monetary",
            data_type: "BIGINT, DECIMAL or DOUBLE",
            text: "sum of amounts; a decimal's precision grows by ten digits",
        },
        Column { name: "recency_score", data_type: "INT", text: "1 to bins, or 0 to 100" },
        Column { name: "frequency_score", data_type: "INT", text: "likewise" },
        Column { name: "monetary_score", data_type: "INT", text: "likewise" },
        Column { name: "rfm_score", data_type: "VARCHAR", text: "the three scores in a row" },
        Column { name: "segment", data_type: "VARCHAR", text: "the segment of the scheme" },
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
