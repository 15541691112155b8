//! The table macro `next_purchase`.

use chrono::{Days, NaiveDate};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use sqlparser::ast::Expr;

use crate::adapter::arguments::Moment;
use crate::adapter::definitions::Definitions;
use crate::adapter::macro_input::{Known, question, required};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::as_sql;

#[derive(Debug)]
pub struct NextPurchase;

const INPUT: &str = "input";
const CUSTOMER: &str = "customer";
const ORDER_TIME: &str = "order_time";
const AS_OF: &str = "as_of";
const DAYS: &str = "within_days";
const INTERVAL: &str = "interval";
const FACTOR: &str = "churn_factor";
const CHURN_DAYS: &str = "churn_days";

const DOC: Doc = Doc {
    name: "next_purchase",
    kind: Kind::Relation,
    domain: "clv",
    summary: "Predicts when each customer will buy again from the customer's own rhythm, and shows who is overdue.",
    description: "\
One row per customer. Several orders on one calendar day are one purchase; gaps are the days from one purchase day to the next. The
**interval** of a customer is the median of the gaps, or with `interval => 'mean'` their mean, which equals the aggregate `purchase_cycle`.

- `expected_next`: the last purchase plus the interval, rounded to a day. It can be in the past; `days_overdue` is then how long ago.
- `probability`: probability that the customer buys within the next `within_days` days, given the days of silence so far. Gaps are assumed
  to follow a gamma distribution with the customer's mean and standard deviation, which counts as at least 3.2 % of the mean; with fewer
  than three gaps, or if all gaps are equal, an exponential distribution with the mean. Customers who leave for good are not modelled: for
  that, train `bg_nbd`.
- `is_churned`: silent for more than `churn_factor` intervals. `is_silent` is a simpler rule, the same for every customer: silent for more
  than `churn_days` days.

A customer with only one purchase day has no interval: columns that depend on it are NULL, and only `is_silent` has a value. Orders after
`as_of`, and rows without a customer or time, are dropped. The gaps of each customer are sorted: memory for the days of one customer at a
time; sorting spills to disk.

**Cost.** One pass, then one sort by customer and day. It grows with the purchase days, and runs in parallel by customer.

**Elsewhere.** In SQL a window `lag(day) OVER (PARTITION BY customer ORDER BY day)` and a median; in pandas `groupby().diff()`. Python's
lifetimes and pymc-marketing answer the question by models of all customers together (`bg_nbd`), which is better for customers with few
purchases.",
    arguments: &[
        Argument::required(INPUT, Takes::Relation, "orders, or order lines: one row per order or line, without cancelled ones"),
        Argument::required(
            CUSTOMER,
            Takes::Value("column"),
            "key of the customer, of any type; rows where it is NULL are dropped and counted",
        ),
        Argument::required(
            ORDER_TIME,
            Takes::Value("date or timestamp column"),
            "time of the order; rows where it is NULL are dropped and counted",
        ),
        Argument::optional(AS_OF, Takes::Moment, "", "day to look from, included; default: the day of the last order"),
        Argument::optional(DAYS, Takes::Integer(1, 3_650), "30", "number of days that `probability` looks ahead"),
        Argument::optional(
            INTERVAL,
            Takes::Choice(&["median", "mean"]),
            "'median'",
            "how the interval is computed from the gaps; the median is not moved by one long pause",
        ),
        Argument::optional(
            FACTOR,
            Takes::Float(0.1, 100.0),
            "2",
            "number of the customer's own intervals of silence after which the customer is churned",
        ),
        Argument::optional(
            CHURN_DAYS,
            Takes::Integer(1, 36_500),
            "90",
            "number of days of silence after which a customer is silent",
        ),
    ],
    columns: &[
        Column {
            name: "(customer)",
            data_type: "as the column",
            text: "customer key, under the column's own name; `customer` for an expression",
        },
        Column { name: "purchases", data_type: "BIGINT", text: "number of days with an order" },
        Column { name: "last_purchase", data_type: "DATE", text: "last day with an order" },
        Column { name: "days_silent", data_type: "BIGINT", text: "days from the last purchase to `as_of`" },
        Column { name: "interval_mean", data_type: "DOUBLE", text: "mean of the gaps in days" },
        Column { name: "interval_median", data_type: "DOUBLE", text: "median of the gaps" },
        Column {
            name: "interval_deviation",
            data_type: "DOUBLE",
            text: "sample standard deviation of the gaps; NULL with one gap",
        },
        Column { name: "expected_next", data_type: "DATE", text: "expected day of the next purchase" },
        Column {
            name: "days_overdue",
            data_type: "BIGINT",
            text: "days from the expected day to `as_of`; 0 if it is still to come",
        },
        Column { name: "probability", data_type: "DOUBLE", text: "probability of a purchase within the next `within_days` days" },
        Column { name: "is_churned", data_type: "BOOLEAN", text: "true if silent for more than `churn_factor` intervals" },
        Column { name: "is_silent", data_type: "BOOLEAN", text: "true if silent for more than `churn_days` days" },
    ],
    examples: &["SELECT customer_id, purchases, last_purchase, interval_median, expected_next, days_overdue, round(probability, 3) AS probability, is_churned
FROM next_purchase((SELECT * FROM sample_orders(rows => 2000) WHERE status = 'paid'), customer => customer_id, order_time => ordered_at,
  as_of => DATE '2025-06-30')
WHERE purchases > 5 ORDER BY days_overdue DESC, customer_id LIMIT 5;"],
    source: "S. Gupta: Stochastic Models of Interpurchase Time with Time-Dependent Covariates (1991), for gamma (Erlang) distributed gaps.",
    ..Doc::EMPTY
};

impl TableMacro for NextPurchase {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        Ok(Some(question(&call.relation(INPUT)?, &[required(call, ORDER_TIME)?])))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let input = call.relation(INPUT)?;
        let (customer, time) = (required(&call, CUSTOMER)?, required(&call, ORDER_TIME)?);
        Known::of(&call, 1).check(&call, ORDER_TIME, Takes::Time, 0, time)?;
        let name = match customer {
            Expr::Identifier(name) => as_sql(&Expr::Identifier(name.clone())),
            Expr::CompoundIdentifier(names) => {
                names.last().map_or_else(|| CUSTOMER.to_string(), |name| as_sql(&Expr::Identifier(name.clone())))
            }
            _ => CUSTOMER.to_string(),
        };
        let (customer, time) = (as_sql(customer), as_sql(time));
        let usable = format!("FROM {input} WHERE ({customer}) IS NOT NULL AND ({time}) IS NOT NULL");
        let (as_of, until) = match call.options.moment(AS_OF) {
            Some(moment) => {
                let day = format!("DATE '{}'", day(moment)?);
                (day.clone(), format!(" AND CAST({time} AS DATE) <= {day}"))
            }
            None => (format!("(SELECT max(CAST({time} AS DATE)) {usable})"), String::new()),
        };
        let interval = if call.options.word(INTERVAL)? == "mean" { "interval_mean" } else { "interval_median" };
        // If X is gamma-distributed with shape a and scale s, then 2X/s follows χ² with 2a degrees of freedom.
        let passed = |days: &str| format!("chi2_cdf(2 * ({days}) * shape / interval_mean, 2 * shape)");
        let within = call.options.integer(DAYS)?;
        let (before, after) = (passed("days_silent"), passed(&format!("days_silent + {within}")));
        Ok(format!(
            "SELECT c AS {name}, purchases, last_purchase, days_silent, interval_mean, interval_median, interval_deviation, \
               last_purchase + CAST(round({interval}) AS INT) AS expected_next, \
               CASE WHEN {interval} IS NOT NULL THEN greatest(days_silent - CAST(round({interval}) AS BIGINT), 0) END AS days_overdue, \
               CASE WHEN interval_mean IS NULL THEN NULL WHEN {before} > 1 - 1e-10 THEN 1 - exp(-{within} * shape / interval_mean) \
                 ELSE ({after} - {before}) / (1 - {before}) END AS probability, \
               days_silent > {factor} * {interval} AS is_churned, days_silent > {churn_days} AS is_silent \
             FROM (SELECT c, purchases, last_purchase, CAST(as_of - last_purchase AS BIGINT) AS days_silent, interval_mean, interval_median, interval_deviation, \
                 CASE WHEN purchases > 3 AND interval_deviation > 0 \
                   THEN least(interval_mean * interval_mean / (interval_deviation * interval_deviation), 1000) ELSE 1 END AS shape \
               FROM (SELECT c, purchases, last_purchase, as_of, CASE WHEN purchases > 1 THEN total / (purchases - 1) END AS interval_mean, interval_median, \
                   CASE WHEN purchases > 2 THEN sqrt(greatest(squares - total * total / (purchases - 1), 0) / (purchases - 2)) END AS interval_deviation \
                 FROM (SELECT c, count(*) AS purchases, max(d) AS last_purchase, max(as_of) AS as_of, CAST(sum(gap) AS DOUBLE) AS total, \
                     CAST(sum(gap * gap) AS DOUBLE) AS squares, median(CAST(gap AS DOUBLE)) AS interval_median \
                   FROM (SELECT c, d, as_of, CAST(d - lag(d) OVER (PARTITION BY c ORDER BY d) AS BIGINT) AS gap \
                     FROM (SELECT DISTINCT ({customer}) AS c, CAST({time} AS DATE) AS d, {as_of} AS as_of {usable}{until}) AS days) AS gaps \
                   GROUP BY c) AS counted) AS measured) AS shaped",
            factor = call.options.float(FACTOR)?,
            churn_days = call.options.integer(CHURN_DAYS)?,
        ))
    }
}

/// The calendar day of a moment, as text.
fn day(moment: &Moment) -> Result<String> {
    let days = match moment {
        Moment::Day(day) => Some(*day),
        Moment::Instant(instant) => match instant.cast_to(&DataType::Date32)? {
            ScalarValue::Date32(day) => day,
            _ => None,
        },
    };
    let epoch = NaiveDate::default();
    let date = days.and_then(|days| {
        let distance = Days::new(u64::from(days.unsigned_abs()));
        if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
    });
    date.map(|date| date.to_string()).ok_or_else(|| invalid(DOC.name, "as_of is out of range; give a day of the years 1 to 9999"))
}
