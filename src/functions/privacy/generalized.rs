//! Generalises the values of quasi-identifiers until a table is k-anonymous: the step of `anonymize` and `anonymization_loss`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Column as Name, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast as cast_to};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::classes::{Combinations, INPUT, QUASI_IDENTIFIERS, counted, names};
use crate::adapter::arguments::is_time;
use crate::adapter::offload::offload;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{LeftOut, Step, StepContext, Streams};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, failed, invalid};
use crate::kernels::privacy::bands::Units;
use crate::kernels::privacy::generalization::{Chosen, Levels, MOST_NODES, Wanted, nodes, search};
use crate::kernels::privacy::hierarchy::{Hierarchy, Values};

pub const K: Argument = Argument::required("k", Takes::Integer(1, i64::MAX), "minimum number of rows in a class, for example 5");
pub const SUPPRESS_AT_MOST: Argument = Argument::optional(
    "suppress_at_most",
    Takes::Float(0.0, 1.0),
    "0.05",
    "maximum share of rows that may be dropped, so that a few rare rows do not make all others coarse",
);
pub const HIERARCHIES: Argument = Argument::optional(
    "hierarchies",
    Takes::Relation,
    "",
    "your own levels: a relation with the column's name, a value as text, and its text at each further level",
);

pub const ARGUMENTS: &[Argument] = &[INPUT, HIERARCHIES, QUASI_IDENTIFIERS, K, SUPPRESS_AT_MOST];

/// The relation function that `anonymize` calls.
#[derive(Debug)]
pub struct GeneralizedValues;

const VALUES: Doc =
    Doc { name: "generalized_values_of", kind: Kind::Relation, domain: "privacy", arguments: ARGUMENTS, ..Doc::EMPTY };

impl RelationFunction for GeneralizedValues {
    fn doc(&self) -> &'static Doc {
        &VALUES
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let quasi: Vec<_> = roles.list(QUASI_IDENTIFIERS.name).collect();
        let values = quasi.iter().enumerate().map(|(number, (_, role))| {
            FieldRef::new(Field::new(format!("value {number}"), role.field.data_type().clone(), true))
        });
        let texts =
            (0..quasi.len()).map(|number| FieldRef::new(Field::new(format!("general {number}"), DataType::Utf8View, true)));
        Ok(values.chain(texts).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, "anonymize", false)
    }
}

/// The relation function `anonymization_loss`.
#[derive(Debug)]
pub struct AnonymizationLoss;

const LOSS: Doc = Doc {
    name: "anonymization_loss",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Shows what `anonymize` does with the same arguments and what it costs: the level per column, dropped rows, discernibility, class size.",
    description: "\
One row per quasi-identifier, in their order. `level` 0 keeps the original values; `generalization` describes what the level does.
`column_loss` is the mean loss of the column's values over the remaining rows: for a value in a group of g of the column's m values, (g − 1)
/ (m − 1).

The other columns are the same in every row. `loss` is the mean over all cells, where a dropped row loses everything. `discernibility` is Σ
size² over the remaining classes, plus the number of rows of the table for each dropped row: the number of rows that a row cannot be
distinguished from, summed over all rows. Lower is better for both.

**Cost.** That of `anonymize`: the search is run again. Look at the loss first, then write the table.

**Elsewhere.** ARX shows the same measures (loss, discernibility) for each node of its lattice; sdcMicro has `dUtility` for numbers.",
    arguments: ARGUMENTS,
    columns: &[
        Column { name: "column_name", data_type: "VARCHAR", text: "the quasi-identifier" },
        Column { name: "level", data_type: "BIGINT", text: "level of the column" },
        Column { name: "levels", data_type: "BIGINT", text: "number of levels above 0" },
        Column {
            name: "generalization",
            data_type: "VARCHAR",
            text: "what the level does: `bands of 10`, `month`, `first 3 characters`, `any`",
        },
        Column { name: "column_loss", data_type: "DOUBLE", text: "loss of the column's remaining values, 0 to 1" },
        Column { name: "rows", data_type: "BIGINT", text: "rows of the input" },
        Column { name: "suppressed_rows", data_type: "BIGINT", text: "rows dropped" },
        Column { name: "classes", data_type: "BIGINT", text: "classes that remain" },
        Column { name: "average_class_size", data_type: "DOUBLE", text: "mean number of rows per class" },
        Column { name: "discernibility", data_type: "DOUBLE", text: "see above" },
        Column { name: "loss", data_type: "DOUBLE", text: "loss over all cells, 0 to 1" },
    ],
    examples: &["SELECT column_name, level, generalization, suppressed_rows, classes, round(loss, 3) AS loss
FROM anonymization_loss(sample_customers(rows => 500), quasi_identifiers => [age, gender, city], k => 5);"],
    source: "V. S. Iyengar: Transforming Data to Satisfy Privacy Constraints (2002); R. J. Bayardo, R. Agrawal: Data Privacy through Optimal k-Anonymization (2005)",
    ..Doc::EMPTY
};

impl RelationFunction for AnonymizationLoss {
    fn doc(&self) -> &'static Doc {
        &LOSS
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |column: &Column| {
            let data_type = match column.data_type {
                "BIGINT" => DataType::Int64,
                "DOUBLE" => DataType::Float64,
                _ => DataType::Utf8View,
            };
            FieldRef::new(Field::new(column.name, data_type, true))
        };
        Ok(LOSS.columns.iter().map(field).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, LOSS.name, true)
    }
}

fn plan(call: Call, function: &'static str, loss: bool) -> Result<LogicalPlan> {
    let mut inputs = vec![counted(&call)?];
    if call.others.iter().any(|(name, _)| *name == HIERARCHIES.name) {
        let given = call.other(HIERARCHIES.name)?;
        let columns = given.schema().columns();
        if columns.len() < 3 {
            let problem = format!(
                "hierarchies must have three columns or more: the name of the column, a value, its text at each further level; got {}",
                columns.len()
            );
            return Err(invalid(function, problem));
        }
        let texts = columns.into_iter().enumerate().map(|(place, column): (usize, Name)| {
            cast_to(Expr::Column(column), DataType::Utf8View).alias(format!("text {place}"))
        });
        inputs.push(LogicalPlanBuilder::from(given).project(texts.collect::<Vec<_>>())?.build()?);
    }
    let step = Generalize {
        names: names(&call.roles),
        k: call.options.integer(K.name)?.unsigned_abs(),
        suppress_at_most: call.options.float(SUPPRESS_AT_MOST.name)?,
        loss,
    };
    step.over(inputs, call.schema)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Generalize {
    names: Vec<String>,
    k: u64,
    suppress_at_most: f64,
    /// Returns what is lost, not the values.
    loss: bool,
}

impl Plain for Generalize {
    const NAME: &'static str = "Generalize";
}

/// The data for the search.
struct Gathered {
    combinations: Combinations,
    hierarchies: Vec<Hierarchy>,
    /// For each column, the value of every combination.
    values: Vec<Vec<u32>>,
    context: Arc<StepContext>,
}

impl Step for Generalize {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (step, own) = (self.clone(), self.clone());
        let gather = move |context: Arc<StepContext>, memory: Arc<MemoryReservation>| async move {
            let mut inputs = inputs.into_iter().map(|streams| streams.into_iter().next());
            let Some(counted) = inputs.next().flatten() else { return Err(failed(step.function(), "has no input")) };
            let given = match inputs.next().flatten() {
                Some(stream) => step.given(stream, &memory).await?,
                None => HashMap::new(),
            };
            let combinations = Combinations::collect(counted, &context).await?;
            // Memory for positions, groups of levels, and a node of the lattice.
            memory.try_grow(combinations.len() * step.names.len() * 64)?;
            let (mut hierarchies, mut values) = (vec![], vec![]);
            for (place, name) in step.names.iter().enumerate() {
                let (places, count) = combinations.places(place)?;
                hierarchies.push(hierarchy(combinations.column(place), &places, count, given.get(name))?);
                values.push(places);
            }
            Ok(Gathered { combinations, hierarchies, values, context })
        };
        offload(self.function(), context, gather, move |gathered: Gathered, worker| {
            let Gathered { combinations, hierarchies, values, context } = gathered;
            let levels: Vec<Levels> = hierarchies.iter().map(|hierarchy| hierarchy.levels.clone()).collect();
            let count = nodes(&levels);
            if count > MOST_NODES {
                let problem = format!(
                    "there are {count} ways to combine the levels of the quasi-identifiers, at most {MOST_NODES} can be searched; name fewer columns, or give hierarchies with fewer levels"
                );
                return Err(worker.fail(failed(own.function(), problem)));
            }
            worker.control(1).check()?;
            context.memory.try_grow(count * (40 + 8 * levels.len())).map_err(|error| worker.fail(error))?;
            let rows = combinations.rows();
            let all: u64 = rows.iter().sum();
            let wanted = Wanted { k: own.k, suppressed: (own.suppress_at_most * all as f64) as u64 };
            let chosen = search(&levels, &values, &rows, wanted, || worker.control(1).check())?;
            let Some(chosen) = chosen else {
                let rows = if all == 1 { "row" } else { "rows" };
                let problem = format!(
                    "the input has {all} {rows}, so that no class can have {}; lower k, or raise suppress_at_most",
                    own.k
                );
                return Err(worker.fail(failed(own.function(), problem)));
            };
            if own.loss {
                return worker.send(Ok(own.costs(&hierarchies, &values, &rows, &chosen)));
            }
            own.tell(&context, &hierarchies, &chosen, all);
            worker.send(shown(&combinations, &hierarchies, &values, &chosen))
        })
    }
}

/// For each column, its values as text at the given levels.
type Given = HashMap<String, HashMap<String, Vec<Option<String>>>>;

impl Generalize {
    fn function(&self) -> &'static str {
        if self.loss { LOSS.name } else { "anonymize" }
    }

    /// Reads the given levels.
    async fn given(&self, mut stream: SendableRecordBatchStream, memory: &MemoryReservation) -> Result<Given> {
        let mut given: Given = HashMap::new();
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            memory.try_grow(3 * batch.get_array_memory_size())?;
            let columns: Vec<&StringViewArray> = batch.columns().iter().map(|column| column.as_string_view()).collect();
            let [column_names, values, levels @ ..] = columns.as_slice() else { continue };
            for row in 0..batch.num_rows() {
                let text = |column: &StringViewArray| column.is_valid(row).then(|| column.value(row).to_string());
                let (Some(name), Some(value)) = (text(column_names), text(values)) else { continue };
                if !self.names.contains(&name) {
                    let suggestion = did_you_mean(&name, self.names.iter().map(String::as_str));
                    let known = self.names.join(", ");
                    let problem = format!("hierarchies: \"{name}\" is not a quasi-identifier{suggestion}; these are {known}");
                    return Err(failed(self.function(), problem));
                }
                let texts: Vec<Option<String>> = levels.iter().map(|level| text(level)).collect();
                let of_column = given.entry(name.clone()).or_default();
                if of_column.get(&value).is_some_and(|before| *before != texts) {
                    let problem = format!("hierarchies: a value of \"{name}\" has two different rows; keep one for each value");
                    return Err(failed(self.function(), problem));
                }
                of_column.insert(value, texts);
            }
        }
        Ok(given)
    }

    /// Notes what was done.
    fn tell(&self, context: &StepContext, hierarchies: &[Hierarchy], chosen: &Chosen, all: u64) {
        let of_columns: Vec<String> = self
            .names
            .iter()
            .zip(hierarchies)
            .zip(&chosen.levels)
            .map(|((name, hierarchy), level)| format!("{name}: {}", hierarchy.names.get(*level).map_or("", String::as_str)))
            .collect();
        let size = (all - chosen.suppressed).checked_div(chosen.classes).unwrap_or(0);
        context.notes().tell(format!(
            "anonymize: {}; {} classes of {size} rows on average, loss {:.3}, discernibility {}",
            of_columns.join(", "),
            chosen.classes,
            chosen.loss,
            chosen.discernibility
        ));
        let suppressed = LeftOut {
            counter: "rows_suppressed".into(),
            one: format!("row in a class of fewer than {}", self.k),
            many: format!("rows in classes of fewer than {}", self.k),
        };
        context.left_out(suppressed).add(chosen.suppressed as usize);
    }

    fn costs(&self, hierarchies: &[Hierarchy], values: &[Vec<u32>], rows: &[u64], chosen: &Chosen) -> Vec<ArrayRef> {
        let all: u64 = rows.iter().sum();
        let staying = all - chosen.suppressed;
        let columns = self.names.len();
        let of_column = |place: usize| {
            let (hierarchy, values) = (&hierarchies[place], &values[place]);
            let groups = &hierarchy.levels.groups[chosen.levels[place]];
            let mut sizes: HashMap<u32, u64> = HashMap::new();
            groups.iter().for_each(|group| *sizes.entry(*group).or_default() += 1);
            let others = groups.len().max(2) as u64 - 1;
            let lost: u64 = values
                .iter()
                .zip(rows)
                .zip(&chosen.kept)
                .filter(|(_, kept)| **kept)
                .map(|((value, rows), _)| (sizes[&groups[*value as usize]] - 1) * rows)
                .sum();
            (staying > 0).then(|| lost as f64 / others as f64 / staying as f64)
        };
        let whole = |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![value as i64; columns])) };
        let real = |value: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![value; columns])) };
        let names = chosen.levels.iter().zip(hierarchies).map(|(level, hierarchy)| hierarchy.names.get(*level).cloned());
        vec![
            Arc::new(self.names.iter().map(Some).collect::<StringViewArray>()),
            Arc::new(chosen.levels.iter().map(|level| Some(*level as i64)).collect::<Int64Array>()),
            Arc::new(hierarchies.iter().map(|hierarchy| Some(hierarchy.names.len() as i64 - 1)).collect::<Int64Array>()),
            Arc::new(names.collect::<StringViewArray>()),
            Arc::new((0..columns).map(of_column).collect::<Float64Array>()),
            whole(all),
            whole(chosen.suppressed),
            whole(chosen.classes),
            real((chosen.classes > 0).then(|| staying as f64 / chosen.classes as f64)),
            real(Some(chosen.discernibility as f64)),
            real(Some(chosen.loss)),
        ]
    }
}

/// The combinations that are kept, with their values as text.
fn shown(combinations: &Combinations, hierarchies: &[Hierarchy], values: &[Vec<u32>], chosen: &Chosen) -> Result<Vec<ArrayRef>> {
    let kept: Vec<u32> = chosen.kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(row, _)| row as u32).collect();
    let rows = UInt32Array::from(kept.clone());
    let mut columns = vec![];
    for place in 0..hierarchies.len() {
        columns.push(take(combinations.column(place), &rows, None)?);
    }
    for ((hierarchy, level), values) in hierarchies.iter().zip(&chosen.levels).zip(values) {
        let text = |row: &u32| hierarchy.text(*level, values[*row as usize]);
        columns.push(Arc::new(kept.iter().map(text).collect::<StringViewArray>()));
    }
    Ok(columns)
}

/// The levels of a column, given the positions of its values.
fn hierarchy(
    column: &ArrayRef,
    places: &[u32],
    count: usize,
    given: Option<&HashMap<String, Vec<Option<String>>>>,
) -> Result<Hierarchy> {
    let mut first = vec![0_u32; count];
    for (row, place) in places.iter().enumerate().rev() {
        if let Some(first) = first.get_mut(*place as usize) {
            *first = row as u32;
        }
    }
    let distinct = take(column, &UInt32Array::from(first), None)?;
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(&distinct, &options)?;
    let texts: Vec<Option<String>> =
        (0..distinct.len()).map(|row| distinct.is_valid(row).then(|| formatter.value(row).to_string())).collect();
    if let Some(given) = given {
        let given: Vec<Option<Vec<Option<String>>>> =
            texts.iter().map(|text| text.as_ref().and_then(|text| given.get(text).cloned())).collect();
        return Ok(Hierarchy::given(&given, texts));
    }
    let values = match column.data_type() {
        DataType::Dictionary(_, _) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Values::Texts(texts.clone()),
        number if number.is_numeric() => numbers(&distinct)?,
        time if is_time(time) => {
            let days = cast(&distinct, &DataType::Date32)?;
            Values::Days(days.as_primitive::<Date32Type>().iter().collect())
        }
        _ => Values::Others,
    };
    Ok(Hierarchy::of(&values, texts))
}

fn numbers(values: &ArrayRef) -> Result<Values> {
    let written: Vec<Option<Units>> = if values.data_type().is_floating() {
        let values = cast(values, &DataType::Float64)?;
        values.as_primitive::<Float64Type>().iter().map(|number| Units::read(&number?.to_string())).collect()
    } else {
        let values = cast(values, &DataType::Utf8View)?;
        values.as_string_view().iter().map(|text| Units::read(text?)).collect()
    };
    let scale = written.iter().flatten().map(|number| number.scale).max().unwrap_or(0);
    let units = written.iter().map(|number| number.and_then(|number| number.at(scale))).collect();
    Ok(Values::Numbers { units, scale, whole: values.data_type().is_integer() })
}
