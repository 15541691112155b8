//! The relation function `attribution`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, UInt32Array, new_empty_array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading, Run, Work};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true, length, own, per_second};
use crate::adapter::keys::Interner;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::failed;
use crate::kernels::control::Stop;
use crate::kernels::journey::attribution::{CONVERSION, Credit, Credits, MOST_CHANNELS, Model, NO_CHANNEL, Touch};
use crate::kernels::journey::events::Event;

#[derive(Debug)]
pub struct Attribution;

const CHANNEL: &str = "channel";
const CONVERSION_EVENT: &str = "conversion";
const REVENUE: &str = "revenue";
/// Digits after the point of a revenue that is no decimal.
const SCALE: i8 = 6;

const DOC: Doc = Doc {
    name: "attribution",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Which channels conversions and their revenue are owed to.",
    description: "\
One row per channel, the most credited first, and one whose channel is NULL for conversions that no touch came before. A conversion is owed to the touches of its customer since the
conversion before, at most `lookback` earlier. A touch is an event with a channel, the conversion itself too if it has one: write `CASE WHEN … THEN channel END` for those that have not.

| model | who is credited |
|---|---|
| `first`, `last` | the first touch, the last |
| `linear` | all touches alike |
| `position` | 40 % the first, 40 % the last, 20 % those between; half and half of two |
| `time_decay` | half as much for every `half_life` that a touch came earlier |
| `markov` | in the shares in which conversions would be lost without the channel, in a chain where the next touch depends on the last alone; touches that led to no conversion count too |
| `shapley` | the Shapley value of the game in which a set of channels wins the conversions that needed no other: each channel of a conversion alike, however often it was touched |

`conversions` and `revenue` of all rows add up to those of the input: credits are dealt out to the last digit of the revenue, or the sixth after the point for integers and floats, and to
10⁻¹² of a conversion, what is left over to those who were cut the most. Events of one customer and time are touches before conversions, unless `tie_break` orders them.

Rows whose customer or time is NULL are left out and counted. A conversion whose revenue is NULL counts with 0.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        Argument::required(CHANNEL, Takes::Column, "the channel of a touch; NULL of an event that is none; any type"),
        Argument::required(CONVERSION_EVENT, Takes::Condition, "the events that are conversions"),
        Argument::optional(REVENUE, Takes::Number, "", "what a conversion brought"),
        Argument::optional(
            "model",
            Takes::Choice(&["first", "last", "linear", "position", "time_decay", "markov", "shapley"]),
            "'last'",
            "how credit is dealt out",
        ),
        Argument::optional("lookback", Takes::Interval, "", "how long before a conversion a touch counts, of days or less; default for ever"),
        Argument::optional("half_life", Takes::Interval, "INTERVAL '7 days'", "of `time_decay`"),
        TIE_BREAK,
    ],
    columns: &[
        Column { name: "channel", data_type: "as the role", text: "the channel; NULL for conversions without a touch" },
        Column { name: "touches", data_type: "BIGINT", text: "its touches on the way to conversions" },
        Column { name: "conversions", data_type: "DOUBLE", text: "conversions it is credited with" },
        Column { name: "share", data_type: "DOUBLE", text: "their share in all conversions" },
        Column { name: "revenue", data_type: "DECIMAL", text: "revenue it is credited with; NULL without `revenue`" },
        Column { name: "removal_effect", data_type: "DOUBLE", text: "with `markov`: the share of conversions that would be lost without the channel" },
    ],
    examples: &["SELECT channel, touches, round(conversions, 1) AS conversions, round(share, 3) AS share, round(removal_effect, 3) AS removal_effect
FROM attribution((SELECT *, CASE WHEN event <> 'pay' THEN channel END AS touched FROM sample_events(rows => 5000)),
  customer => customer_id, event_time => event_time, channel => touched, conversion => event = 'pay', model => 'markov', lookback => INTERVAL '30 days')
ORDER BY conversions DESC;"],
    source: "E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann: Mapping the customer journey (2016); K. Zhao, S. H. Mahboobi, S. R. Bagheri: Shapley Value Methods for Attribution Modeling in Online Advertising (2018)",
    ..Doc::EMPTY
};

fn scale(roles: &Roles) -> i8 {
    match roles.get(REVENUE).map(|role| role.field.data_type().clone()) {
        Some(
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale),
        ) => scale,
        _ => SCALE,
    }
}

impl RelationFunction for Attribution {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        let channel = own(roles.required(CHANNEL)?, true);
        Ok(vec![
            Arc::new(channel.as_ref().clone().with_name(CHANNEL)),
            field("touches", DataType::Int64, false),
            field("conversions", DataType::Float64, false),
            field("share", DataType::Float64, true),
            field("revenue", DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale(roles)), true),
            field("removal_effect", DataType::Float64, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let half_life = length(&call, "half_life")?.unwrap_or(7 * 86_400 * per_second(&call.roles)?);
        let model = match call.options.word("model")? {
            "first" => Model::First,
            "linear" => Model::Linear,
            "position" => Model::Position,
            "time_decay" => Model::TimeDecay { half_life },
            "markov" => Model::Markov,
            "shapley" => Model::Shapley,
            _ => Model::Last,
        };
        let scale = scale(&call.roles);
        let has_revenue = call.roles.get(REVENUE).is_some();
        let work = Dealing { model, lookback: length(&call, "lookback")?, scale, has_ties: has_ties(&call), has_revenue };
        let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
        columns.extend(work.has_ties.then(|| role(TIE_BREAK.name)));
        columns.extend([CHANNEL, CONVERSION_EVENT].map(role));
        columns.extend(
            has_revenue.then(|| cast(role(REVENUE), DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)).alias(REVENUE)),
        );
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        ByCustomer::new(work).over([rows], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dealing {
    model: Model,
    lookback: Option<i64>,
    scale: i8,
    has_ties: bool,
    has_revenue: bool,
}

impl Plain for Dealing {
    const NAME: &'static str = "Attribution";
}

pub struct Touches {
    first: usize,
    has_revenue: bool,
    channels: Interner,
}

impl Reading for Touches {
    type Detail = Touch;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Touch>>) -> Result<()> {
        let channel = batch.column(self.first);
        let codes = self.channels.intern(channel)?;
        let nulls = channel.logical_nulls();
        let converts = is_true(batch.column(self.first + 1).as_boolean());
        let revenue = self.has_revenue.then(|| batch.column(self.first + 2).as_primitive::<Decimal128Type>());
        details.extend(codes.iter().enumerate().map(|(row, code)| {
            let is_none = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            let converts = converts.value(row);
            let revenue = revenue.filter(|revenue| converts && revenue.is_valid(row)).map_or(0, |revenue| revenue.value(row));
            let channel = if is_none { NO_CHANNEL } else { *code as u32 };
            (converts || !is_none).then_some(Touch { converts, channel, revenue })
        }));
        Ok(())
    }

    fn size(&self) -> usize {
        self.channels.size()
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.channels.finish().map(Some)
    }
}

impl Work for Dealing {
    const FUNCTION: &'static str = DOC.name;

    type Reading = Touches;
    type State = Credits;

    fn has_ties(&self) -> bool {
        self.has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<Touches> {
        let first = 2 + usize::from(self.has_ties);
        Ok(Touches { first, has_revenue: self.has_revenue, channels: Interner::new(schema.field(first).data_type())? })
    }

    fn state(&self) -> Credits {
        Credits::default()
    }

    fn visit(&self, credits: &mut Credits, _customer: u64, events: &[Event<Touch>], run: &Run<'_>) -> Result<(), Stop> {
        credits.add(events, self.model, self.lookback).map_err(|stop| self.explain(stop, run))
    }

    fn finish(&self, states: Vec<Credits>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all = Credits::default();
        let settle = || {
            states.into_iter().try_for_each(|state| all.join(state))?;
            all.settle()
        };
        let effects = settle().map_err(|stop| self.explain(stop, run))?;
        run.worker.send(self.columns(&all.channels, &effects, run))
    }
}

impl Dealing {
    fn explain(&self, stop: Stop, run: &Run<'_>) -> Stop {
        match stop {
            Stop::TooLarge => run.worker.fail(failed(DOC.name, "the revenue is too large to be dealt out; divide it by a constant")),
            Stop::TooMany => run.worker.fail(failed(
                DOC.name,
                format!("there are more than {MOST_CHANNELS} channels, too many for the model markov; group them, or use another model"),
            )),
            stop => stop,
        }
    }

    fn columns(&self, channels: &HashMap<u32, Credit>, effects: &HashMap<u32, f64>, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let mut rows: Vec<(u32, Credit)> = channels.iter().map(|(channel, credit)| (*channel, *credit)).collect();
        // NO_CHANNEL is the greatest code, and comes after others of as much.
        rows.sort_unstable_by_key(|(channel, credit)| (std::cmp::Reverse((credit.conversions, credit.revenue)), *channel));
        let all: i128 = rows.iter().map(|(_, credit)| credit.conversions).sum();
        let places: UInt32Array = rows.iter().map(|(channel, _)| (*channel != NO_CHANNEL).then_some(*channel)).collect();
        let field = run.worker.schema().field(0);
        let values = run.codes.map_or_else(|| new_empty_array(field.data_type()), Arc::clone);
        let number =
            |of: &dyn Fn(&(u32, Credit)) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Float64Array>()) };
        let revenue: Decimal128Array = rows.iter().map(|(_, credit)| self.has_revenue.then_some(credit.revenue)).collect();
        Ok(vec![
            take(&values, &places, None)?,
            Arc::new(rows.iter().map(|(_, credit)| Some(credit.touches)).collect::<Int64Array>()),
            number(&|(_, credit)| Some(credit.conversions as f64 / CONVERSION as f64)),
            number(&|(_, credit)| (all > 0).then(|| credit.conversions as f64 / all as f64)),
            Arc::new(revenue.with_precision_and_scale(DECIMAL128_MAX_PRECISION, self.scale)?),
            number(&|(channel, _)| effects.get(channel).copied()),
        ])
    }
}
