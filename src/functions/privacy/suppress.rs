//! Hides the numbers of groups with few persons: COPY with the option `suppress_below`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{SortColumn, SortOptions, cast, concat_batches, lexsort_to_indices, nullif};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::row::{Row, RowConverter, SortField};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::error::{did_you_mean, invalid};
use crate::kernels::privacy::suppression::suppressed_in;

/// The subject of errors.
const LABEL: &str = "COPY";

/// The plan's groups, with NULL in place of the numbers of groups with fewer than `smallest` persons. `by` names the column that counts
/// persons; without it, the query's count is used.
///
/// # Errors
/// The plan has no groups, or no such column.
pub fn suppress_below(plan: LogicalPlan, smallest: u64, by: Option<&str>) -> Result<LogicalPlan> {
    // Below ORDER BY and LIMIT, because neither may reveal how large a hidden number is.
    if is_ordered(&plan) {
        let mut inputs = plan.inputs().into_iter().cloned();
        let Some(input) = inputs.next() else { return Err(no_groups()) };
        return plan.with_new_exprs(plan.expressions(), vec![suppress_below(input, smallest, by)?]);
    }
    let names: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    let origins = (0..names.len()).map(|column| origin(&plan, column)).collect::<Result<Vec<_>>>()?;
    let of = |wanted: Origin| origins.iter().enumerate().filter(move |(_, origin)| **origin == wanted).map(|(place, _)| place);
    let count = match by {
        Some(by) => match names.iter().position(|name| name == by) {
            Some(place) if origins[place] != Origin::Key && plan.schema().field(place).data_type().is_numeric() => place,
            Some(_) => {
                return Err(invalid(
                    LABEL,
                    format!("suppress_by names {by}, which is not a count; name a column that counts persons"),
                ));
            }
            None => {
                let suggestion = did_you_mean(by, names.iter().map(String::as_str));
                let problem = format!("suppress_by: the query has no column {by}{suggestion}; it has {}", names.join(", "));
                return Err(invalid(LABEL, problem));
            }
        },
        None => match of(Origin::Count).collect::<Vec<_>>().as_slice() {
            [only] => *only,
            several => {
                let found = if several.is_empty() { "no column counts" } else { "several columns count" };
                let problem = format!(
                    "suppress_below: {found} the persons of a group; name one with OPTIONS (suppress_by 'column'); the query has {}",
                    names.join(", ")
                );
                return Err(invalid(LABEL, problem));
            }
        },
    };
    let hidden: Vec<usize> = (0..names.len()).filter(|place| origins[*place] != Origin::Key).collect();
    let keys = of(Origin::Key).collect();
    let schema = plan.schema();
    let fields = schema.iter().enumerate().map(|(place, (qualifier, field))| {
        let may_be_null = field.is_nullable() || hidden.contains(&place);
        (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(may_be_null)))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), schema.metadata().clone())?;
    SuppressSmallGroups { smallest, count, keys, hidden }.over([plan], Arc::new(schema))
}

fn no_groups() -> datafusion::error::DataFusionError {
    invalid(LABEL, "suppress_below is for groups of persons; write a query with GROUP BY in COPY itself")
}

/// True for ORDER BY and LIMIT, and for a projection above one of them.
fn is_ordered(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => true,
        LogicalPlan::Projection(projection) => is_ordered(&projection.input),
        _ => false,
    }
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A grouping expression.
    Key,
    /// The rows of a group.
    Count,
    /// Anything else, which may reveal something about persons.
    Other,
}

fn origin(plan: &LogicalPlan, column: usize) -> Result<Origin> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let Some(expression) = projection.expr.get(column) else { return Err(no_groups()) };
            let below = |name| origin(&projection.input, projection.input.schema().index_of_column(name)?);
            match expression.clone().unalias_nested().data {
                Expr::Column(name) => below(&name),
                other => {
                    // Built only from grouping expressions and constants.
                    let mut of_keys = !other.is_volatile();
                    for name in other.column_refs() {
                        of_keys &= below(name)? == Origin::Key;
                    }
                    // Whether the query has groups shows in what its columns are computed from.
                    origin(&projection.input, 0).map(|_| if of_keys { Origin::Key } else { Origin::Other })
                }
            }
        }
        LogicalPlan::Filter(filter) => origin(&filter.input, column),
        LogicalPlan::Sort(sort) => origin(&sort.input, column),
        LogicalPlan::Limit(limit) => origin(&limit.input, column),
        LogicalPlan::SubqueryAlias(alias) => origin(&alias.input, column),
        LogicalPlan::Distinct(Distinct::All(input)) => origin(input, column),
        LogicalPlan::Window(window) if column < window.input.schema().fields().len() => origin(&window.input, column),
        LogicalPlan::Window(_) => Ok(Origin::Other),
        LogicalPlan::Aggregate(aggregate) => {
            if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
                let problem = "suppress_below does not support GROUPING SETS, ROLLUP or CUBE, because totals reveal what is hidden; write a separate query for each";
                return Err(invalid(LABEL, problem));
            }
            let Some(place) = column.checked_sub(aggregate.group_expr.len()) else { return Ok(Origin::Key) };
            let function = aggregate.aggr_expr.get(place).map(|function| function.clone().unalias_nested().data);
            Ok(match function {
                Some(Expr::AggregateFunction(call)) if call.func.name() == "count" && call.params.filter.is_none() => {
                    Origin::Count
                }
                _ => Origin::Other,
            })
        }
        _ => Err(no_groups()),
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuppressSmallGroups {
    smallest: u64,
    /// The column that counts persons.
    count: usize,
    keys: Vec<usize>,
    /// The columns that become NULL in a suppressed group.
    hidden: Vec<usize>,
}

impl Plain for SuppressSmallGroups {
    const NAME: &'static str = "SuppressSmallGroups";
}

impl Step for SuppressSmallGroups {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema, step) = (only_stream(inputs)?, Arc::clone(&context.schema), self.clone());
        let result = async move {
            let mut batches = vec![];
            while let Some(batch) = input.next().await {
                let batch = batch?;
                // Memory for the batches, and for all rows as one batch.
                context.memory.try_grow(2 * batch.get_array_memory_size() + 32 * batch.num_rows())?;
                batches.push(batch);
            }
            let rows = concat_batches(&input.schema(), &batches)?;
            drop(batches);
            let (columns, suppressed) = step.suppress(&rows, &context.memory)?;
            if suppressed > 0 {
                context.notes().tell(format!(
                    "{suppressed} of {} groups are suppressed, so that no group of fewer than {} persons can be read",
                    rows.num_rows(),
                    step.smallest
                ));
            }
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), columns)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

impl SuppressSmallGroups {
    /// The columns of the groups, and how many groups are suppressed.
    fn suppress(&self, rows: &RecordBatch, memory: &MemoryReservation) -> Result<(Vec<ArrayRef>, usize)> {
        let counts = cast(rows.column(self.count), &DataType::Float64)?;
        let counts = counts.as_primitive::<Float64Type>();
        let count = |row: usize| if counts.is_null(row) { 0.0 } else { counts.value(row) };
        // Sorted by the grouping columns, so that among equally small groups always the same one is chosen.
        let keys: Vec<SortColumn> = self
            .keys
            .iter()
            .map(|key| SortColumn { values: Arc::clone(rows.column(*key)), options: Some(SortOptions::default()) })
            .collect();
        let order: Vec<usize> = match keys.is_empty() {
            true => (0..rows.num_rows()).collect(),
            false => lexsort_to_indices(&keys, None)?.values().iter().map(|row| *row as usize).collect(),
        };
        let ordered: Vec<f64> = order.iter().map(|row| count(*row)).collect();
        let mut hides = vec![false; rows.num_rows()];
        let is_small = |count: &f64| *count > 0.0 && *count < self.smallest as f64;
        if ordered.iter().any(is_small) {
            let lines = self.lines(rows, &order, memory)?;
            for (row, hidden) in order.iter().zip(suppressed_in(&ordered, &lines, self.smallest)) {
                hides[*row] = hidden;
            }
        }
        let suppressed = hides.iter().filter(|hidden| **hidden).count();
        let hides = BooleanArray::from(hides);
        let columns = rows.columns().iter().enumerate().map(|(place, values)| {
            if self.hidden.contains(&place) { Ok(nullif(values, &hides)?) } else { Ok(Arc::clone(values)) }
        });
        Ok((columns.collect::<Result<_>>()?, suppressed))
    }

    /// The places, in order, of the groups that have a total of their own: those with the same values in some of the grouping columns. Another
    /// query may give that total.
    fn lines(&self, rows: &RecordBatch, order: &[usize], memory: &MemoryReservation) -> Result<Vec<Vec<usize>>> {
        let mut lines = vec![];
        let fields = |columns: &[ArrayRef]| columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        for kept in some_of(&self.keys) {
            let columns: Vec<ArrayRef> = kept.iter().map(|key| Arc::clone(rows.column(*key))).collect();
            let values = RowConverter::new(fields(&columns))?.convert_columns(&columns)?;
            memory.try_grow(16 * rows.num_rows())?;
            let mut of: BTreeMap<Row<'_>, Vec<usize>> = BTreeMap::new();
            for (place, row) in order.iter().enumerate() {
                of.entry(values.row(*row)).or_default().push(place);
            }
            lines.extend(of.into_values().filter(|line| line.len() > 1));
        }
        Ok(lines)
    }
}

/// Most grouping columns of which all selections are looked at.
const MOST_KEYS: usize = 5;

/// Selections of the grouping columns: all of them, or of many columns each one, and all but each one.
fn some_of(keys: &[usize]) -> Vec<Vec<usize>> {
    if keys.len() > MOST_KEYS {
        let without = |one: &usize| keys.iter().filter(|key| *key != one).copied().collect();
        return keys.iter().map(|key| vec![*key]).chain(keys.iter().map(without)).collect();
    }
    let chosen = |mask: usize| (0..keys.len()).filter(|place| (mask >> place) & 1 == 1).map(|place| keys[place]).collect();
    (1..(1 << keys.len())).map(chosen).collect()
}
