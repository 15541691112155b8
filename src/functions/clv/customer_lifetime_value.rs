//! The relation function `customer_lifetime_value`.
//!
//! ```text
//! Projection: the columns, tier by rank
//!   Window: percent_rank over the value
//!     Projection: the columns of the input, clv[model m, version 1, model v, version 1](frequency, recency, "T", monetary_value)
//! ```

use std::sync::Arc;

use chrono::{Days, Months, NaiveDate};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Column as Name, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_window::expr_fn::percent_rank;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit, when};
use serde::{Deserialize, Serialize};

use super::options::{TIME_UNIT, Unit};
use crate::adapter::arguments::Moment;
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Binding, Call, ObjectFunction, RelationFunction, Roles};
use crate::catalog::models::StoredModel;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{failed, invalid};
use crate::kernels::clv::customer_lifetime_value;
use crate::learning::model::predict::features;
use crate::learning::model::{Lifetime, Model};

/// How much customers are worth.
#[derive(Debug)]
pub struct CustomerLifetimeValue;

const TRANSACTIONS: &str = "transaction_model";
const VALUES: &str = "value_model";
const MONTHS: &str = "months";
const RATE: &str = "discount_rate";
const FROM: &str = "observation_end";
const WHALES: &str = "whale_share";
const DOLPHINS: &str = "dolphin_share";
const VALUE: &str = "customer_lifetime_value";
const TIER: &str = "tier";
const RANK: &str = "rank of the value";

const DOC: Doc = Doc {
    name: VALUE,
    kind: Kind::Relation,
    domain: "clv",
    summary: "Estimates the future value of each customer: the discounted value of the expected purchases.",
    description: "\
For each of the next `months`: the purchases that `transaction_model` (`bg_nbd`, `mbg_nbd`, `pareto_nbd` or `bg_bb`) expects, times the mean
value that `value_model` (`gamma_gamma`) expects for the customer. The value of month i is discounted to the end of that month: it counts 1
/ (1 + discount_rate)^i. The rate is **monthly**: 0.01 is about 12.7 % per year.

Months are calendar months: the first ends one month after `observation_end`, the day up to which `\"T\"` of the input counts. (`lifetimes`
has months of 30 days, or of 4.345 weeks.) Past purchases are not part of the value.

`tier` ranks the customers of the input: the top `whale_share` by value are `whale`, those down to `dolphin_share` are `dolphin`, the others
`minnow`. Equal values are in the same tier. Value and tier are NULL where the purchase history is impossible, or where
`expected_average_value` is NULL.

**Formula.** Σ for i = 1 … `months` of (purchases expected up to the end of month i − up to the end of month i − 1) · value of a purchase /
(1 + `discount_rate`)^i.

**Limits.** Both models extrapolate: a value for 12 months from less than a year of orders is a guess, and promotions or seasons are not
known to them. Check `clv_holdout` first. The value is revenue; multiply by a margin for profit.

**Cost.** Each row costs two evaluations of the transaction model a month, which is done in parallel; the ranking for `tier` sorts the
customers.

**Elsewhere.** `GammaGammaFitter.customer_lifetime_value` of lifetimes, and of pymc-marketing with intervals; `predict` of CLVTools, whose
discount is continuous and whose horizon may be infinite (DERT). DuckDB and PostgreSQL have nothing like it.",
    arguments: &[
        Argument::required(
            TRANSACTIONS,
            Takes::Name("model"),
            "model of when customers buy, of type `bg_nbd`, `mbg_nbd`, `pareto_nbd` or `bg_bb`",
        ),
        Argument::required(VALUES, Takes::Name("model"), "model of the value of purchases, of type `gamma_gamma`"),
        Argument::required(
            "input",
            Takes::Relation,
            "rows with the features of both models (frequency, recency, \"T\", monetary_value), from `clv_summary` in the same `time_unit`",
        ),
        Argument::required(
            FROM,
            Takes::Moment,
            "last day of observation, the one that was given to `clv_summary`; the months begin after it",
        ),
        Argument::optional(MONTHS, Takes::Integer(1, 1_200), "12", "number of calendar months to look ahead"),
        Argument::optional(
            RATE,
            Takes::Float(0.0, 10.0),
            "0.01",
            "monthly discount rate: 0.01 is 1 % a month; 0 adds up the months as they are",
        ),
        TIME_UNIT,
        Argument::optional(
            WHALES,
            Takes::Share,
            "0.1",
            "share of the customers that are whales, from the top: 0.1 is one in ten",
        ),
        Argument::optional(
            DOLPHINS,
            Takes::Share,
            "0.5",
            "share of the customers that are dolphins or whales; not below `whale_share`",
        ),
    ],
    columns: &[
        Column { name: "…", data_type: "of the input", text: "every column of the input" },
        Column { name: VALUE, data_type: "DOUBLE", text: "discounted value of the expected purchases" },
        Column { name: TIER, data_type: "VARCHAR", text: "`whale`, `dolphin` or `minnow`" },
    ],
    examples: &["CREATE TABLE histories AS SELECT * FROM clv_summary((SELECT * FROM sample_orders(rows => 3000) WHERE status = 'paid'),
  customer => customer_id, order_time => ordered_at, amount => amount, observation_end => DATE '2025-06-30');
CREATE OR REPLACE MODEL purchases WITH (type = 'bg_nbd', key = 'customer_id') AS SELECT customer_id, frequency, recency, \"T\" FROM histories;
CREATE OR REPLACE MODEL spending WITH (type = 'gamma_gamma', key = 'customer_id') AS SELECT customer_id, frequency, monetary_value FROM histories;
SELECT tier, count(*) AS customers, round(sum(customer_lifetime_value)) AS value
FROM customer_lifetime_value(purchases, spending, histories, observation_end => DATE '2025-06-30', months => 12, discount_rate => 0.01)
GROUP BY tier ORDER BY value DESC;"],
    source: "P. S. Fader, B. G. S. Hardie, K. L. Lee: RFM and CLV, Journal of Marketing Research 42 (2005)",
    ..Doc::EMPTY
};

impl ObjectFunction for CustomerLifetimeValue {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        let model = |name: &str| Ok::<_, DataFusionError>(Arc::new(Model::read(call.objects.model(call.name(name)?)?)?));
        let (transactions, values) = (model(TRANSACTIONS)?, model(VALUES)?);
        if !matches!(transactions.fitted().lifetime().map(|fitted| &fitted.model), Some(Lifetime::Transactions(_))) {
            let problem = format!(
                "is of type '{}', {TRANSACTIONS} must be bg_nbd, mbg_nbd, pareto_nbd or bg_bb",
                transactions.trained.model_type
            );
            return Err(invalid(&transactions.label, problem));
        }
        if !matches!(values.fitted().lifetime().map(|fitted| &fitted.model), Some(Lifetime::Values(_))) {
            let problem = format!("is of type '{}', but {VALUES} must be gamma_gamma", values.trained.model_type);
            return Err(invalid(&values.label, problem));
        }
        let input = call.input()?;
        transactions.check(input)?;
        values.check(input)?;
        for taken in [VALUE, TIER] {
            if input.fields().iter().any(|field| field.name() == taken) {
                return Err(invalid(DOC.name, format!("the input has a column {taken} already; leave it out")));
            }
        }
        let mut columns: Vec<FieldRef> = input.fields().iter().cloned().collect();
        columns.push(Field::new(VALUE, DataType::Float64, true).into());
        columns.push(Field::new(TIER, DataType::Utf8View, true).into());
        Ok(Arc::new(Bound { columns, transactions, values }))
    }
}

#[derive(Debug)]
struct Bound {
    columns: Vec<FieldRef>,
    transactions: Arc<Model>,
    values: Arc<Model>,
}

impl RelationFunction for Bound {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(self.columns.clone())
    }

    fn plan(&self, call_of: Call) -> Result<LogicalPlan> {
        let options = &call_of.options;
        let (whales, dolphins) = (options.float(WHALES)?, options.float(DOLPHINS)?);
        if whales > dolphins {
            return Err(invalid(DOC.name, "dolphin_share must be at least whale_share: it counts whales too"));
        }
        let months = u32::try_from(options.integer(MONTHS)?).unwrap_or(u32::MAX);
        let worth = Worth {
            name: format!("clv[{}, {}]", self.transactions.label, self.values.label),
            ends: ends(options.moment(FROM), months, Unit::read(&call_of)?)?.into_iter().map(f64::to_bits).collect(),
            rate: options.float(RATE)?.to_bits(),
            transactions: Arc::clone(&self.transactions),
            values: Arc::clone(&self.values),
        };
        let input = call_of.input()?;
        let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
        let mut arguments = features(&self.transactions, input.schema())?;
        arguments.extend(features(&self.values, input.schema())?);
        let own = |name: &str| Expr::Column(Name::new_unqualified(name));
        let valued =
            LogicalPlanBuilder::from(input).project(columns.iter().cloned().chain([worth.call(arguments).alias(VALUE)]))?;
        let rank = percent_rank().order_by(vec![own(VALUE).sort(false, false)]).build()?.alias(RANK);
        let text = |text: &str| lit(ScalarValue::Utf8View(Some(text.into())));
        let tier = when(own(VALUE).is_null(), lit(ScalarValue::Utf8View(None)))
            .when(own(RANK).lt(lit(whales)), text("whale"))
            .when(own(RANK).lt(lit(dolphins)), text("dolphin"))
            .otherwise(text("minnow"))?;
        valued.window(vec![rank])?.project(columns.into_iter().chain([own(VALUE), tier.alias(TIER)]))?.alias(DOC.name)?.build()
    }
}

/// The ends of the months that follow a day, in the unit of T.
fn ends(from: Option<&Moment>, months: u32, unit: Unit) -> Result<Vec<f64>> {
    let day = match from {
        Some(Moment::Day(day)) => Some(*day),
        Some(Moment::Instant(instant)) => match instant.cast_to(&DataType::Date32)? {
            ScalarValue::Date32(day) => day,
            _ => None,
        },
        None => None,
    };
    let epoch = NaiveDate::default();
    let start = day.and_then(|day| {
        let distance = Days::new(u64::from(day.unsigned_abs()));
        if day < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
    });
    let Some(start) = start else {
        return Err(invalid(DOC.name, format!("{FROM} is missing or out of range; write {FROM} => DATE '…'")));
    };
    let end = |month: u32| match unit {
        Unit::Months(unit) => Some(f64::from(month) / f64::from(unit)),
        Unit::Day | Unit::Week => {
            let days = (start.checked_add_months(Months::new(month))? - start).num_days() as f64;
            Some(if matches!(unit, Unit::Week) { days / 7.0 } else { days })
        }
    };
    (1..=months)
        .map(|month| end(month).ok_or_else(|| failed(DOC.name, "months goes past the last supported date; give fewer")))
        .collect()
}

/// Computes the value from rows with the features of both models. The models are sent to another process in their stored form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredWorth", into = "StoredWorth")]
pub struct Worth {
    /// With the models' labels, for EXPLAIN.
    name: String,
    transactions: Arc<Model>,
    values: Arc<Model>,
    /// The bits of the ends of the months.
    ends: Vec<u64>,
    /// The bits of the rate.
    rate: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredWorth {
    name: String,
    transactions: StoredModel,
    values: StoredModel,
    ends: Vec<u64>,
    rate: u64,
}

impl From<Worth> for StoredWorth {
    fn from(worth: Worth) -> Self {
        let (transactions, values) = (worth.transactions.stored().clone(), worth.values.stored().clone());
        Self { name: worth.name, transactions, values, ends: worth.ends, rate: worth.rate }
    }
}

impl TryFrom<StoredWorth> for Worth {
    type Error = DataFusionError;

    fn try_from(stored: StoredWorth) -> Result<Self> {
        let (transactions, values) = (Arc::new(Model::read(stored.transactions)?), Arc::new(Model::read(stored.values)?));
        Ok(Self { name: stored.name, transactions, values, ends: stored.ends, rate: stored.rate })
    }
}

impl Plain for Worth {
    const NAME: &'static str = "customer_lifetime_value_of";
}

impl InternalScalar for Worth {
    fn label(&self) -> &str {
        &self.name
    }

    fn data_type(&self) -> DataType {
        DataType::Float64
    }

    fn values(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let (of_transactions, of_values) = arguments.split_at(self.transactions.trained.features.len().min(arguments.len()));
        let average = self.values.predict(of_values, rows)?;
        let average = average.column(0).as_primitive::<Float64Type>();
        let alive = self.transactions.predict(of_transactions, rows)?;
        let alive = alive.column(0);
        let fitted = self.transactions.fitted().lifetime();
        let Some((model, places)) = fitted.and_then(|fitted| match &fitted.model {
            Lifetime::Transactions(model) => Some((model, fitted.places.as_slice())),
            Lifetime::Values(_) => None,
        }) else {
            return Err(failed(DOC.name, "the model is not a transaction model"));
        };
        let numbers = self.transactions.feature_rows(of_transactions, rows)?.numbers;
        let &[frequency, recency, age] = places else { return Err(failed(DOC.name, "the model is damaged; train it again")) };
        let ends: Vec<f64> = self.ends.iter().map(|bits| f64::from_bits(*bits)).collect();
        let rate = f64::from_bits(self.rate);
        let value = |row: usize| {
            let known = average.is_valid(row) && alive.is_valid(row);
            known.then(|| {
                let history = (numbers[frequency][row], numbers[recency][row], numbers[age][row]);
                customer_lifetime_value(model, average.value(row), &ends, rate, history)
            })
        };
        let values: Float64Array = (0..rows).map(value).collect();
        Ok(Arc::new(values))
    }
}
