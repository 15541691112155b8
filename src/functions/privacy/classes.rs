//! Rows counted by their quasi-identifiers, and by a sensitive column.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, partition, take, take_record_batch,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Column, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use crate::adapter::relation::{Call, Roles};
use crate::adapter::step::{StepContext, Streams, only_stream};
use crate::docs::{Argument, Column as PageColumn, Takes};

pub const INPUT: Argument = Argument::required(
    "input",
    Takes::Relation,
    "one row per person; rows of one person count as different persons otherwise, and k is too high",
);
pub const QUASI_IDENTIFIERS: Argument = Argument::required(
    "quasi_identifiers",
    Takes::Features,
    "columns that together may identify a person, because others know them too: age, sex, postcode",
);
pub const SENSITIVE: Argument = Argument::required(
    "sensitive",
    Takes::Column,
    "column that nobody should learn about a person: an illness, an income; any type, NULL is a value",
);

/// The plan of (quasi-identifiers …, sensitive, rows): how often each combination occurs.
pub fn counted(call: &Call) -> Result<LogicalPlan> {
    let input = call.input()?;
    let columns = input.schema().columns();
    let mut keys: Vec<Expr> = call
        .roles
        .list(QUASI_IDENTIFIERS.name)
        .filter_map(|(place, _)| columns.get(place))
        .map(|column: &Column| Expr::Column(column.clone()))
        .collect();
    if let Some(place) = call.roles.0.iter().position(|role| role.name == SENSITIVE.name) {
        keys.extend(columns.get(place).map(|column| Expr::Column(column.clone())));
    }
    LogicalPlanBuilder::from(input).aggregate(keys, vec![count(lit(1_i64)).alias("rows of the combination")])?.build()
}

/// The names of the quasi-identifiers, as the input has them.
pub fn names(roles: &Roles) -> Vec<String> {
    roles.list(QUASI_IDENTIFIERS.name).map(|(_, role)| role.column.clone()).collect()
}

/// The columns of a page. Only those that count rows and classes are never NULL; `other` is the type of the columns that are not numbers.
pub fn fields(columns: &[PageColumn], other: &DataType) -> Vec<FieldRef> {
    let field = |column: &PageColumn| {
        let data_type = match column.data_type {
            "BIGINT" => DataType::Int64,
            "DOUBLE" => DataType::Float64,
            _ => other.clone(),
        };
        FieldRef::new(Field::new(column.name, data_type, !matches!(column.name, "rows" | "classes")))
    };
    columns.iter().map(field).collect()
}

/// An integer as a column with one row.
pub fn whole(value: Option<u64>) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value.map(|value| value as i64)]))
}

/// Runs a step over combinations that returns a single row.
pub fn one_row(
    inputs: Vec<Streams>,
    context: StepContext,
    shown: impl FnOnce(&Combinations) -> Result<Vec<ArrayRef>> + Send + 'static,
) -> Result<SendableRecordBatchStream> {
    let (input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
    let result = async move {
        let combinations = Combinations::collect(input, &context).await?;
        let timer = context.timer();
        let _running = timer.timer();
        Ok(RecordBatch::try_new(Arc::clone(&context.schema), shown(&combinations)?)?)
    };
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
}

/// The combinations in ascending order.
pub struct Combinations {
    batch: RecordBatch,
}

impl Combinations {
    /// Reads the combinations, and sorts them by their columns.
    pub async fn collect(mut input: SendableRecordBatchStream, context: &StepContext) -> Result<Self> {
        let schema = input.schema();
        let mut batches = vec![];
        while let Some(batch) = input.next().await {
            let batch = batch?;
            // Memory for the batches, for all rows as one batch, and for the sorted rows.
            context.memory.try_grow(3 * batch.get_array_memory_size() + 16 * batch.num_rows())?;
            batches.push(batch);
        }
        let whole = concat_batches(&schema, &batches)?;
        drop(batches);
        let keys = schema.fields().len() - 1;
        if keys == 0 || whole.num_rows() == 0 {
            return Ok(Self { batch: whole });
        }
        let sorted: Vec<SortColumn> = whole.columns()[..keys]
            .iter()
            .map(|values| SortColumn { values: Arc::clone(values), options: Some(SortOptions::default()) })
            .collect();
        let order = lexsort_to_indices(&sorted, None)?;
        Ok(Self { batch: take_record_batch(&whole, &order)? })
    }

    /// The number of combinations.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// How many rows each has.
    pub fn rows(&self) -> Vec<u64> {
        let rows = self.batch.column(self.batch.num_columns() - 1).as_primitive::<Int64Type>();
        rows.values().iter().map(|rows| rows.unsigned_abs()).collect()
    }

    /// A column.
    pub fn column(&self, place: usize) -> &ArrayRef {
        self.batch.column(place)
    }

    /// Ranges of combinations that agree in the given number of leading columns.
    pub fn classes(&self, columns: usize) -> Result<Vec<Range<usize>>> {
        if self.len() == 0 {
            return Ok(vec![]);
        }
        Ok(partition(&self.batch.columns()[..columns])?.ranges())
    }

    /// The position of every combination's value among the sorted values of a column, and the number of these values.
    pub fn places(&self, column: usize) -> Result<(Vec<u32>, usize)> {
        let values = self.column(column);
        if values.is_empty() {
            return Ok((vec![], 0));
        }
        let sorted = SortColumn { values: Arc::clone(values), options: Some(SortOptions::default()) };
        let order = lexsort_to_indices(&[sorted], None)?;
        let ordered = take(values, &order, None)?;
        let ranges = partition(&[ordered])?.ranges();
        let mut places = vec![0; values.len()];
        for (place, range) in ranges.iter().enumerate() {
            for row in &order.values()[range.clone()] {
                places[*row as usize] = place as u32;
            }
        }
        Ok((places, ranges.len()))
    }

    /// A combination as text: `age = 25, city = Berlin`.
    pub fn shown(&self, row: usize, names: &[String]) -> Result<String> {
        let options = FormatOptions::default().with_null("NULL");
        let shown = names
            .iter()
            .zip(self.batch.columns())
            .map(|(name, values)| Ok(format!("{name} = {}", ArrayFormatter::try_new(values, &options)?.value(row))));
        Ok(shown.collect::<Result<Vec<_>>>()?.join(", "))
    }
}
