//! The relation function `attribution`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use serde::{Deserialize, Serialize};

use super::by_customer::{ByCustomer, Reading, Run, Work};
use super::coded::{account, values};
use super::options::{CUSTOMER, EVENT_TIME, INPUT, TIE_BREAK, events, has_ties, is_true, length, own};
use crate::adapter::keys::Interner;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{invalid, unusable};
use crate::kernels::control::Stop;
use crate::kernels::journey::attribution::{
    Credit, Credits, Given, MOST_CHANNELS, Model, NONE, PARTS, REVENUE_PARTS, Rules, Touch, rounded,
};
use crate::kernels::journey::events::Event;

#[derive(Debug)]
pub struct Attribution;

const CHANNEL: &str = "channel";
const CONVERSION: &str = "conversion";
const REVENUE: &str = "revenue";
const MODELS: &[&str] = &["first", "last", "linear", "position", "time_decay", "markov", "shapley"];
/// Decimals of credited conversions.
const DIGITS: i8 = 6;

const DOC: Doc = Doc {
    name: "attribution",
    kind: Kind::Relation,
    domain: "journey",
    summary: "Attributes conversions and revenue to channels, with seven models.",
    description: "\
One row per model and channel. Each event with a `channel` is a touch; each event where `conversion` is true is a conversion. An event that
is both counts first as the touch, then as the conversion. A conversion is credited to the customer's touches since the previous conversion,
within `lookback`; conversions without a touch are in a row whose `channel` is NULL.

| model | credit for a conversion after the touches a, b, b, c |
|---|---|
| `first` | all to a |
| `last` | all to c |
| `linear` | equal for each touch: a 1/4, b 1/2, c 1/4 |
| `position` | 40 % to the first touch, 40 % to the last, the rest equally to those between: a 0.4, b 0.2, c 0.4; with two touches, half each |
| `time_decay` | to each touch in proportion to 2 to the power of −age / `half_life`, where age is counted back from the conversion |
| `markov` | see below |
| `shapley` | equal for each distinct channel: a 1/3, b 1/3, c 1/3 |

`markov`: customers move from channel to channel until they convert or leave. The probability of each move is its share in all journeys,
including those without a conversion. The removal effect of a channel is the share of conversions that would be lost if every customer who
reaches it left; conversions and revenue are divided in proportion to the removal effects. They are solved exactly, not simulated. Touches
that are older than `lookback` at the conversion form a journey without a conversion.

`shapley`: the Shapley value of the game in which a set of channels is worth the conversions whose touches are all in the set. In this game
every channel of a conversion gets the same share, so the value is exact for any number of channels.

Credits are divided to the last digit by the largest remainder, so conversions and revenue add up exactly to the actual totals in every
model. A `revenue` of NULL counts as 0; DOUBLE is rounded to six decimals. Touches and conversions at the same time are ordered by channel,
touches first, unless `tie_break` orders them. Rows whose customer or time is NULL are dropped and counted.

Models divide credit, they do not measure effect: a channel that is shown to those who would buy anyway gets credit in all of them. Only an
experiment (`experiment_result`) tells what a channel adds.

**Cost.** The events are read once; touches and conversions are sorted customer by customer, in parallel, and are written to disk if memory
is short. `markov` keeps a count for each pair of channels and solves one system of equations for each channel: hundreds of channels are fine,
thousands of campaigns are slow.

**Elsewhere.** `heuristic_models` and `markov_model` of ChannelAttribution (R and Python), which draws journeys at random (`nsim_start`), so
results vary; Google Analytics has last click and a data-driven model of its own. Databases have none: `last` and `first` are a window
function, the rest is programming.",
    arguments: &[
        INPUT,
        CUSTOMER,
        EVENT_TIME,
        Argument::required(CHANNEL, Takes::Column, "channel of a touch; NULL for events that are not touches; any type"),
        Argument::required(
            CONVERSION,
            Takes::Condition,
            "condition for the events that are conversions, such as a payment; NULL counts as false",
        ),
        Argument::optional(
            REVENUE,
            Takes::Number,
            "",
            "revenue of a conversion, in any currency; NULL counts as 0, and other events are not looked at",
        ),
        Argument::optional("model", Takes::Choices(MODELS), "'last'", "one model, or several as a list"),
        Argument::optional(
            "lookback",
            Takes::Interval,
            "",
            "how long before a conversion a touch counts, limit included; in days or smaller units",
        ),
        Argument::optional(
            "half_life",
            Takes::Interval,
            "INTERVAL '7 days'",
            "for `time_decay`: time in which a touch loses half its weight; in days or smaller units",
        ),
        TIE_BREAK,
    ],
    columns: &[
        Column { name: "model", data_type: "VARCHAR", text: "the model" },
        Column {
            name: "(channel)",
            data_type: "as the role",
            text: "the channel, under the column's own name; NULL for conversions without a touch",
        },
        Column { name: "touches", data_type: "BIGINT", text: "number of its touches, in all journeys" },
        Column { name: "conversions", data_type: "DECIMAL(38, 6)", text: "conversions credited to the channel" },
        Column { name: "share", data_type: "DOUBLE", text: "share of all conversions; NULL if there are none" },
        Column {
            name: "revenue",
            data_type: "DECIMAL(38, scale)",
            text: "revenue credited to the channel, with the scale of the role; NULL without `revenue`",
        },
        Column {
            name: "removal_effect",
            data_type: "DOUBLE",
            text: "for `markov`: share of conversions that would be lost without the channel",
        },
    ],
    examples: &["SELECT model, channel, touches, conversions, round(share, 3) AS share
FROM attribution((SELECT * FROM sample_events(rows => 20000)), customer => customer_id, event_time => event_time,
  channel => CASE WHEN event IN ('search', 'view') THEN channel END, conversion => event = 'pay',
  model => ['last', 'markov'], lookback => INTERVAL '30 days')
ORDER BY model, channel;"],
    source: "Anderl et al. 2016 for removal effects; Shapley 1953",
    ..Doc::EMPTY
};

impl RelationFunction for Attribution {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType, nullable: bool| Arc::new(Field::new(name, data_type, nullable));
        let revenue = roles.get(REVENUE).map_or(DataType::Null, |revenue| revenue.field.data_type().clone());
        Ok(vec![
            field("model", DataType::Utf8, false),
            own(roles.required(CHANNEL)?, true),
            field("touches", DataType::Int64, false),
            field("conversions", DataType::Decimal128(DECIMAL128_MAX_PRECISION, DIGITS), false),
            field("share", DataType::Float64, true),
            field("revenue", revenue_type(&revenue), true),
            field("removal_effect", DataType::Float64, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let model = |name: &str| match name {
            "first" => Model::First,
            "linear" => Model::Linear,
            "position" => Model::Position,
            "time_decay" => Model::TimeDecay,
            "markov" => Model::Markov,
            "shapley" => Model::Shapley,
            _ => Model::Last,
        };
        let given: Vec<String> = call.options.names("model").map_or_else(|| vec!["last".into()], <[String]>::to_vec);
        // Each model once, in the order of the function's page.
        let names: Vec<String> =
            MODELS.iter().filter(|name| given.iter().any(|given| given == *name)).map(|name| (*name).to_string()).collect();
        let half_life = match length(&call, "half_life")? {
            Some(length) => length,
            None => 7 * 86_400 * super::options::per_second(&call.roles)?,
        };
        if half_life <= 0 {
            return Err(invalid(DOC.name, "half_life must be above 0; write INTERVAL '7 days'"));
        }
        let has_revenue = call.roles.get(REVENUE).is_some();
        let work = Crediting {
            rules: Rules {
                models: names.iter().map(|name| model(name)).collect(),
                lookback: length(&call, "lookback")?,
                half_life,
            },
            names,
            has_ties: has_ties(&call),
            has_revenue,
        };
        let mut columns: Vec<Expr> = [CUSTOMER.name, EVENT_TIME.name].map(role).into();
        columns.extend(work.has_ties.then(|| role(TIE_BREAK.name)));
        columns.extend([role(CHANNEL), role(CONVERSION)]);
        columns.extend(has_revenue.then(|| role(REVENUE)));
        let rows = LogicalPlanBuilder::from(events(&call)?).project(columns)?.build()?;
        ByCustomer::new(work).over([rows], call.schema)
    }
}

/// Revenue as a decimal: decimals keep their scale, integers get none, floats get six decimals.
fn revenue_type(data_type: &DataType) -> DataType {
    let scale = match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        data_type if data_type.is_floating() => DIGITS,
        _ => 0,
    };
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Crediting {
    rules: Rules,
    names: Vec<String>,
    has_ties: bool,
    has_revenue: bool,
}

impl Plain for Crediting {
    const NAME: &'static str = "Attribution";
}

/// Touches and conversions.
pub struct Touches {
    place: usize,
    has_revenue: bool,
    channels: Interner,
}

impl Reading for Touches {
    type Detail = Touch;

    fn details(&mut self, batch: &RecordBatch, details: &mut Vec<Option<Touch>>) -> Result<()> {
        let channel = batch.column(self.place);
        let codes = self.channels.intern(channel)?;
        let converts = is_true(batch.column(self.place + 1).as_boolean());
        let revenue = if self.has_revenue { Some(amounts(batch.column(self.place + 2))?) } else { None };
        let nulls = channel.logical_nulls();
        for (row, code) in codes.iter().enumerate() {
            let is_touch = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let converts = converts.value(row);
            let revenue = match &revenue {
                Some(amounts) if converts && amounts.is_valid(row) => {
                    i64::try_from(amounts.value(row)).map_err(|_| too_large())?
                }
                _ => 0,
            };
            let channel = if is_touch { *code as u32 } else { NONE };
            details.push((is_touch || converts).then_some(Touch { channel, converts, revenue }));
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.channels.size()
    }

    fn codes(self) -> Result<Option<ArrayRef>> {
        self.channels.finish().map(Some)
    }
}

fn amounts(column: &ArrayRef) -> Result<Decimal128Array> {
    let checked = CastOptions { safe: false, ..CastOptions::default() };
    let amounts = cast_with_options(column, &revenue_type(column.data_type()), &checked).map_err(|_| too_large())?;
    Ok(amounts.as_primitive::<Decimal128Type>().clone())
}

fn too_large() -> DataFusionError {
    unusable(
        DOC.name,
        "revenue holds a number that is not finite, or too large to be divided; leave such rows out with WHERE, or give it fewer digits",
    )
}

impl Work for Crediting {
    const FUNCTION: &'static str = DOC.name;

    type Reading = Touches;
    type State = Credits;

    fn has_ties(&self) -> bool {
        self.has_ties
    }

    fn reading(&self, schema: &Schema) -> Result<Touches> {
        let place = 2 + usize::from(self.has_ties);
        Ok(Touches { place, has_revenue: self.has_revenue, channels: Interner::new(schema.field(place).data_type())? })
    }

    fn state(&self) -> Credits {
        Credits::new(self.rules.models.len())
    }

    fn visit(&self, credits: &mut Credits, _customer: u64, events: &[Event<Touch>], _run: &Run<'_>) -> Result<(), Stop> {
        credits.add(events, &self.rules);
        Ok(())
    }

    fn hand_on(&self, credits: &mut Credits, run: &Run<'_>) -> Result<(), Stop> {
        account(run, credits.bytes(), &mut credits.reserved)
    }

    fn finish(&self, states: Vec<Credits>, run: &Run<'_>) -> Result<(), Stop> {
        let mut all = Credits::new(self.rules.models.len());
        states.into_iter().for_each(|state| all.join(state));
        let mut channels: Vec<u32> = all.touches.keys().copied().collect();
        channels.sort_unstable();
        if channels.len() > MOST_CHANNELS && self.rules.models.contains(&Model::Markov) {
            let problem =
                format!("markov takes {MOST_CHANNELS} channels at most, got {}; put the rare ones together", channels.len());
            return Err(run.worker.fail(unusable(DOC.name, problem)));
        }
        let _solving =
            run.control.reserve(if self.rules.models.contains(&Model::Markov) { 24 * channels.len().pow(2) } else { 0 })?;
        let mut rows = Rows::default();
        for (place, (model, name)) in self.rules.models.iter().zip(&self.names).enumerate() {
            let given = all.of_model(place, *model, &channels, run.control)?.filter(|_| !all.is_too_large);
            let Some(given) = given else { return Err(run.worker.fail(too_large())) };
            rows.add(name, &all, &channels, given);
        }
        run.worker.send(rows.columns(self.has_revenue, run))
    }
}

#[derive(Debug, Default)]
struct Rows {
    models: Vec<String>,
    channels: Vec<Option<u32>>,
    touches: Vec<i64>,
    conversions: Vec<i128>,
    shares: Vec<Option<f64>>,
    revenues: Vec<i128>,
    effects: Vec<Option<f64>>,
}

impl Rows {
    fn add(&mut self, model: &str, all: &Credits, channels: &[u32], mut given: Vec<Given>) {
        let mut channels: Vec<Option<u32>> = channels.iter().copied().map(Some).collect();
        if all.untouched.conversions > 0 {
            channels.push(None);
            given.push((all.untouched, None));
        }
        let of = |part: fn(&Credit) -> i128| given.iter().map(|(credit, _)| part(credit)).collect::<Vec<_>>();
        let conversions = rounded(&of(|credit| credit.conversions), PARTS / 10_i128.pow(DIGITS as u32));
        let total: i128 = conversions.iter().sum();
        self.shares.extend(conversions.iter().map(|own| (total > 0).then(|| *own as f64 / total as f64)));
        self.conversions.extend(conversions);
        self.revenues.extend(rounded(&of(|credit| credit.revenue), REVENUE_PARTS));
        self.models.extend(channels.iter().map(|_| model.to_string()));
        self.touches
            .extend(channels.iter().map(|channel| channel.and_then(|channel| all.touches.get(&channel).copied()).unwrap_or(0)));
        self.channels.extend(channels);
        self.effects.extend(given.into_iter().map(|(_, effect)| effect));
    }

    fn columns(self, has_revenue: bool, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let schema = run.worker.schema();
        let decimals = |values: Decimal128Array, place: usize| -> Result<ArrayRef> {
            Ok(Arc::new(values.with_data_type(schema.field(place).data_type().clone())))
        };
        Ok(vec![
            Arc::new(StringArray::from(self.models)),
            values(run, self.channels.into_iter(), schema.field(1).data_type())?,
            Arc::new(Int64Array::from(self.touches)),
            decimals(Decimal128Array::from(self.conversions), 3)?,
            Arc::new(Float64Array::from(self.shares)),
            decimals(self.revenues.into_iter().map(|revenue| has_revenue.then_some(revenue)).collect(), 5)?,
            Arc::new(Float64Array::from(self.effects)),
        ])
    }
}
