//! Durations and events, counted per group.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, partition, take, take_record_batch,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, lit};
use futures::StreamExt;

use crate::adapter::relation::{Call, Roles, role};
use crate::adapter::usable_rows::usable_rows;
use crate::docs::{Argument, Column, Takes};
use crate::error::{invalid, unusable};
use crate::kernels::survival::At;

pub const INPUT: Argument = Argument::required("input", Takes::Relation, "one row per customer, machine, contract …");
pub const DURATION: Argument = Argument::required(
    "duration",
    Takes::Number,
    "how long the row was observed: until the event, or until observation ended; 0 or more",
);
pub const EVENT: Argument = Argument::required(
    "event",
    Takes::Column,
    "whether the event happened at the end of the duration: a boolean, or a number where 0 is false. False means censored: no event up to the end of observation",
);
pub const STRATA: &str = "strata";
pub const PER_COLUMN: Column =
    Column { name: "(per)", data_type: "as the role", text: "the group, under the column's own name; only with `per`" };

/// Fails when the event is neither a boolean nor a number.
pub fn check(function: &str, roles: &Roles) -> Result<()> {
    let event = roles.data_type(EVENT.name)?;
    if *event == DataType::Boolean || event.is_numeric() || event.is_null() {
        return Ok(());
    }
    Err(invalid(
        function,
        "event must be a boolean, or a number of which 0 is false; write a condition: event => status = 'left'",
    ))
}

/// The column of the group in the result, if there are groups.
pub fn per_column(roles: &Roles) -> Option<FieldRef> {
    let per = roles.get("per")?;
    Some(Arc::new(Field::new(&per.column, per.field.data_type().clone(), true)))
}

/// Rows of (per …, strata …, duration, event, rows): counts for the given groups.
pub fn counts(call: &Call) -> Result<LogicalPlan> {
    let mut columns: Vec<_> = ["per", STRATA].into_iter().filter(|name| call.roles.get(name).is_some()).map(role).collect();
    columns.push(cast(role(DURATION.name), DataType::Float64).alias(DURATION.name));
    columns.push(cast(role(EVENT.name), DataType::Boolean).alias(EVENT.name));
    let rows = LogicalPlanBuilder::from(call.input()?).project(columns.clone())?.build()?;
    let keys: Vec<_> = rows.schema().fields().iter().map(|field| role(field.name())).collect();
    let usable = LogicalPlanBuilder::from(usable_rows(rows)?);
    usable.aggregate(keys, vec![count(lit(1_i64)).alias("rows")])?.build()
}

/// The counts in the order of their groups and durations.
pub struct Counts {
    batch: RecordBatch,
    /// How many columns the groups have.
    groups: usize,
}

impl Counts {
    /// Reads the counts; they are in `memory` as long as they are used.
    pub async fn collect(mut input: SendableRecordBatchStream, function: &str, memory: &MemoryReservation) -> Result<Self> {
        let schema: SchemaRef = input.schema();
        let mut batches = vec![];
        while let Some(batch) = input.next().await {
            let batch = batch?;
            // Memory for the batches, for all rows as one batch, and for the sorted rows.
            memory.try_grow(3 * batch.get_array_memory_size() + 16 * batch.num_rows())?;
            batches.push(batch);
        }
        let whole = concat_batches(&schema, &batches)?;
        drop(batches);
        let groups = schema.fields().len() - 3;
        let keys: Vec<SortColumn> = whole.columns()[..groups + 2]
            .iter()
            .map(|values| SortColumn { values: Arc::clone(values), options: Some(SortOptions::default()) })
            .collect();
        let order: UInt32Array = lexsort_to_indices(&keys, None)?;
        let batch = take_record_batch(&whole, &order)?;
        let counts = Self { batch, groups };
        if counts.durations().first().is_some_and(|least| *least < 0.0)
            || counts.durations().iter().any(|duration| *duration < 0.0)
        {
            return Err(unusable(function, "duration must be 0 or more; leave out rows that end before they begin"));
        }
        Ok(counts)
    }

    fn durations(&self) -> &[f64] {
        self.batch.column(self.groups).as_primitive::<Float64Type>().values()
    }

    /// The rows of each group by the first columns, as ranges.
    fn ranges(&self, columns: usize) -> Result<Vec<std::ops::Range<usize>>> {
        if self.batch.num_rows() == 0 {
            return Ok(vec![]);
        }
        if columns == 0 {
            return Ok(std::iter::once(0..self.batch.num_rows()).collect());
        }
        Ok(partition(&self.batch.columns()[..columns])?.ranges())
    }

    /// The groups: the rows that name them, if there is a group column, and what happened at each duration.
    pub fn groups(&self) -> Result<Vec<(usize, Vec<At>)>> {
        let ranges = self.ranges(self.groups.min(1))?;
        Ok(ranges.into_iter().map(|range| (range.start, self.merged(range))).collect())
    }

    /// The strata: what happened at each duration in each group, in the order of the groups.
    pub fn strata(&self) -> Result<Vec<Vec<Vec<At>>>> {
        let groups = self.ranges(1)?;
        if self.groups < 2 {
            return Ok(vec![groups.into_iter().map(|range| self.merged(range)).collect()]);
        }
        // Sorted by stratum, and within each stratum by group.
        let keys = [1, 0].map(|place: usize| SortColumn { values: Arc::clone(self.batch.column(place)), options: None });
        let order = lexsort_to_indices(&keys, None)?;
        let group_of: Vec<usize> =
            groups.iter().enumerate().flat_map(|(group, range)| range.clone().map(move |_| group)).collect();
        let by_stratum = take_record_batch(&self.batch, &order)?;
        let mut strata = vec![];
        for range in partition(&by_stratum.columns()[1..2])?.ranges() {
            let mut rows: Vec<usize> = order.values()[range].iter().map(|row| *row as usize).collect();
            rows.sort_unstable();
            let mut stratum = vec![vec![]; groups.len()];
            for row in rows {
                self.add(&mut stratum[group_of[row]], row);
            }
            strata.push(stratum);
        }
        Ok(strata)
    }

    fn merged(&self, rows: std::ops::Range<usize>) -> Vec<At> {
        // With several strata, the durations are not in order.
        let mut places: Vec<usize> = rows.collect();
        if self.groups > 1 {
            places.sort_by(|one, other| self.durations()[*one].total_cmp(&self.durations()[*other]));
        }
        let mut merged = vec![];
        for row in places {
            self.add(&mut merged, row);
        }
        merged
    }

    fn add(&self, to: &mut Vec<At>, row: usize) {
        let duration = self.durations()[row];
        let rows = self.batch.column(self.groups + 2).as_primitive::<Int64Type>().value(row).unsigned_abs();
        let happened = self.batch.column(self.groups + 1).as_boolean().value(row);
        if to.last().is_none_or(|at| at.duration != duration) {
            to.push(At { duration, events: 0, censored: 0 });
        }
        if let Some(at) = to.last_mut() {
            if happened {
                at.events += rows;
            } else {
                at.censored += rows;
            }
        }
    }

    /// The values of the first group column at these rows.
    pub fn per(&self, rows: &[usize]) -> Result<ArrayRef> {
        let rows: UInt32Array = rows.iter().map(|row| Some(*row as u32)).collect();
        Ok(take(self.batch.column(0), &rows, None)?)
    }
}
