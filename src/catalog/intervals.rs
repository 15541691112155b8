//! Intervals in data files. Parquet has no type for months, days and nanoseconds together, so a column of intervals is stored as one of
//! structs with these three, and its field says so. Tables have it as intervals: what writes and reads files converts it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, IntervalMonthDayNanoArray, StructArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Schema, SchemaRef,
};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TableProviderFilterPushDown, Volatility,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

/// The key under which a field says what its structs stand for, and the value for intervals.
const STANDS_FOR: &str = "portrait:stands_for";
const INTERVAL: &str = "interval";

/// The name of the function that makes intervals of what is stored.
pub const NAME: &str = "stored_interval";

const SPAN: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// True for the type of intervals.
pub fn is_interval(data_type: &DataType) -> bool {
    *data_type == SPAN
}

fn parts() -> Fields {
    let part = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    vec![part("months", DataType::Int32), part("days", DataType::Int32), part("nanoseconds", DataType::Int64)].into()
}

fn is_stored(field: &Field) -> bool {
    field.metadata().get(STANDS_FOR).is_some_and(|of| of == INTERVAL)
}

/// A field as files have it.
pub fn stored_field(field: &FieldRef) -> FieldRef {
    if !is_interval(field.data_type()) {
        return Arc::clone(field);
    }
    let mut metadata = field.metadata().clone();
    metadata.insert(STANDS_FOR.into(), INTERVAL.into());
    Arc::new(field.as_ref().clone().with_data_type(DataType::Struct(parts())).with_metadata(metadata))
}

fn restored_field(field: &FieldRef) -> FieldRef {
    if !is_stored(field) {
        return Arc::clone(field);
    }
    let mut metadata = field.metadata().clone();
    metadata.remove(STANDS_FOR);
    Arc::new(field.as_ref().clone().with_data_type(SPAN).with_metadata(metadata))
}

fn with_fields(schema: &SchemaRef, of: impl Fn(&FieldRef) -> FieldRef) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(of).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Columns as files have them.
pub fn stored(schema: &SchemaRef) -> SchemaRef {
    match schema.fields().iter().any(|field| is_interval(field.data_type())) {
        true => with_fields(schema, stored_field),
        false => Arc::clone(schema),
    }
}

/// Columns as tables have them.
pub fn restored(schema: &SchemaRef) -> SchemaRef {
    match schema.fields().iter().any(|field| is_stored(field)) {
        true => with_fields(schema, restored_field),
        false => Arc::clone(schema),
    }
}

fn converted(batch: RecordBatch, to: SchemaRef, convert: impl Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<RecordBatch> {
    let (from, rows) = (batch.schema(), batch.num_rows());
    if Arc::ptr_eq(&from, &to) {
        return Ok(batch);
    }
    let pairs = batch.columns().iter().zip(from.fields().iter().zip(to.fields()));
    let columns = pairs.map(|(column, (own, other))| match own.data_type() == other.data_type() {
        true => Ok(Arc::clone(column)),
        false => convert(column),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(to, columns, &options)?)
}

/// Rows as files have them.
///
/// # Errors
/// Never for rows of a table.
pub fn to_stored(batch: &RecordBatch) -> Result<RecordBatch> {
    converted(batch.clone(), stored(&batch.schema()), packed)
}

/// Rows as tables have them.
///
/// # Errors
/// Never for rows of a file that was written here.
pub fn to_restored(batch: RecordBatch) -> Result<RecordBatch> {
    let to = restored(&batch.schema());
    converted(batch, to, unpacked)
}

fn packed(values: &ArrayRef) -> Result<ArrayRef> {
    let spans = values.as_primitive::<IntervalMonthDayNanoType>();
    let months: Int32Array = spans.values().iter().map(|span| span.months).collect();
    let days: Int32Array = spans.values().iter().map(|span| span.days).collect();
    let nanoseconds: Int64Array = spans.values().iter().map(|span| span.nanoseconds).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(months), Arc::new(days), Arc::new(nanoseconds)];
    Ok(Arc::new(StructArray::try_new(parts(), columns, spans.nulls().cloned())?))
}

fn unpacked(values: &ArrayRef) -> Result<ArrayRef> {
    let Some(structs) = values.as_struct_opt().filter(|structs| structs.num_columns() == 3) else {
        return exec_err!("{NAME} takes what is stored of intervals, got {}", values.data_type());
    };
    let months = structs.column(0).as_primitive::<Int32Type>().values();
    let days = structs.column(1).as_primitive::<Int32Type>().values();
    let nanoseconds = structs.column(2).as_primitive::<Int64Type>().values();
    let spans = months.iter().zip(days.iter()).zip(nanoseconds.iter());
    let spans = spans.map(|((months, days), nanoseconds)| IntervalMonthDayNanoType::make_value(*months, *days, *nanoseconds));
    Ok(Arc::new(IntervalMonthDayNanoArray::new(spans.collect(), structs.nulls().cloned())))
}

/// The function that makes intervals of what is stored.
pub fn function() -> ScalarUDF {
    ScalarUDF::from(StoredInterval { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StoredInterval {
    signature: Signature,
}

impl ScalarUDFImpl for StoredInterval {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(SPAN)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [ColumnarValue::Array(values)] => Ok(ColumnarValue::Array(unpacked(values)?)),
            [ColumnarValue::Scalar(value)] => {
                let one = unpacked(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
            _ => exec_err!("{NAME} takes one value"),
        }
    }
}

/// A plan over files, with the columns as tables have them.
///
/// # Errors
/// Never for files that were written here.
pub fn restoring(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = plan.schema();
    if !schema.fields().iter().any(|field| is_stored(field)) {
        return Ok(plan);
    }
    let (function, options) = (Arc::new(function()), Arc::new(ConfigOptions::default()));
    let one = |(place, field): (usize, &FieldRef)| -> (Arc<dyn PhysicalExpr>, String) {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), place));
        if !is_stored(field) {
            return (column, field.name().clone());
        }
        let (function, options) = (Arc::clone(&function), Arc::clone(&options));
        let call = ScalarFunctionExpr::new(NAME, function, vec![column], restored_field(field), options);
        (Arc::new(call), field.name().clone())
    };
    let columns: Vec<_> = schema.fields().iter().enumerate().map(one).collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
}

/// Whether files can be searched for rows where the condition is true; they cannot for conditions on intervals.
pub fn pushed_down(
    filters: &[&Expr],
    schema: &SchemaRef,
    ask: impl Fn(&[&Expr]) -> Result<Vec<TableProviderFilterPushDown>>,
) -> Result<Vec<TableProviderFilterPushDown>> {
    let is_of_intervals = |filter: &Expr| {
        let columns = filter.column_refs();
        columns.iter().any(|column| schema.field_with_name(&column.name).is_ok_and(|field| is_interval(field.data_type())))
    };
    filters
        .iter()
        .map(|filter| match is_of_intervals(filter) {
            true => Ok(TableProviderFilterPushDown::Unsupported),
            false => Ok(ask(&[filter])?.pop().unwrap_or(TableProviderFilterPushDown::Unsupported)),
        })
        .collect()
}

/// A table over files with the columns as tables have them.
#[derive(Debug)]
pub struct Restored {
    files: Arc<dyn TableProvider>,
    schema: SchemaRef,
}

impl Restored {
    /// The table over these files.
    pub fn new(files: Arc<dyn TableProvider>) -> Self {
        let schema = restored(&files.schema());
        Self { files, schema }
    }
}

#[async_trait]
impl TableProvider for Restored {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.files.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        restoring(self.files.scan(state, projection, filters, limit).await?)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        pushed_down(filters, &self.schema, |filters| self.files.supports_filters_pushdown(filters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_come_back_as_they_were() {
        let spans = IntervalMonthDayNanoArray::from(vec![
            Some(IntervalMonthDayNanoType::make_value(14, -3, 1_500_000_000)),
            None,
            Some(IntervalMonthDayNanoType::make_value(i32::MIN, i32::MAX, i64::MIN)),
        ]);
        let fields = vec![Field::new("i", SPAN, true), Field::new("n", DataType::Int32, false)];
        let columns: Vec<ArrayRef> = vec![Arc::new(spans), Arc::new(Int32Array::from(vec![1, 2, 3]))];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let kept = to_stored(&batch).unwrap();
        assert!(matches!(kept.schema().field(0).data_type(), DataType::Struct(_)));
        assert_eq!(to_restored(kept).unwrap(), batch);
    }
}
