//! Collects values from another database into columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, ListArray, RecordBatch, RecordBatchOptions,
    StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, FieldRef, IntervalUnit, SchemaRef, TimeUnit};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;

use crate::error::failed;

/// The most bytes of values in a batch. Wide rows make batches with fewer rows.
const BATCH_BYTES: usize = 4 << 20;
/// Memory is reserved in pieces of this size.
const PIECE: usize = 1 << 18;

/// The values of one column. There is one variant for each type that a column of another database can have.
#[derive(Debug)]
pub enum Values {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    Text(StringViewBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List(Lists),
}

/// The values of a list column.
#[derive(Debug)]
pub struct Lists {
    field: FieldRef,
    pub items: Box<Values>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl Lists {
    /// Ends a list whose `length` items were added before.
    pub fn end(&mut self, length: usize) {
        self.lengths.push(length);
        self.valid.push(true);
    }
}

impl Values {
    /// A builder for a column type; `None` for types that no other database has.
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(..) => Self::Decimal128(Decimal128Builder::new().with_data_type(data_type.clone())),
            DataType::Decimal256(..) => Self::Decimal256(Decimal256Builder::new().with_data_type(data_type.clone())),
            DataType::Utf8View => Self::Text(StringViewBuilder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(Time64MicrosecondBuilder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::Interval(IntervalMonthDayNanoBuilder::new()),
            DataType::List(field) => {
                let items = Box::new(Self::of(field.data_type())?);
                Self::List(Lists { field: Arc::clone(field), items, lengths: vec![], valid: vec![] })
            }
            _ => return None,
        })
    }

    pub fn null(&mut self) {
        match self {
            Self::Boolean(values) => values.append_null(),
            Self::Int16(values) => values.append_null(),
            Self::Int32(values) => values.append_null(),
            Self::Int64(values) => values.append_null(),
            Self::Float32(values) => values.append_null(),
            Self::Float64(values) => values.append_null(),
            Self::Decimal128(values) => values.append_null(),
            Self::Decimal256(values) => values.append_null(),
            Self::Text(values) => values.append_null(),
            Self::Bytes(values) => values.append_null(),
            Self::Date(values) => values.append_null(),
            Self::Time(values) => values.append_null(),
            Self::Timestamp(values) => values.append_null(),
            Self::Interval(values) => values.append_null(),
            Self::List(lists) => {
                lists.lengths.push(0);
                lists.valid.push(false);
            }
        }
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Int16(values) => Arc::new(values.finish()),
            Self::Int32(values) => Arc::new(values.finish()),
            Self::Int64(values) => Arc::new(values.finish()),
            Self::Float32(values) => Arc::new(values.finish()),
            Self::Float64(values) => Arc::new(values.finish()),
            Self::Decimal128(values) => Arc::new(values.finish()),
            Self::Decimal256(values) => Arc::new(values.finish()),
            Self::Text(values) => Arc::new(values.finish()),
            Self::Bytes(values) => Arc::new(values.finish()),
            Self::Date(values) => Arc::new(values.finish()),
            Self::Time(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
            Self::Interval(values) => Arc::new(values.finish()),
            Self::List(lists) => {
                let offsets = OffsetBuffer::from_lengths(std::mem::take(&mut lists.lengths));
                let valid = NullBuffer::from(std::mem::take(&mut lists.valid));
                Arc::new(ListArray::try_new(Arc::clone(&lists.field), offsets, lists.items.finish()?, Some(valid))?)
            }
        })
    }
}

/// Rows being collected into a batch, with the memory they use.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    pub columns: Vec<Values>,
    rows: usize,
    bytes: usize,
    /// The bytes per row for values of fixed size.
    bytes_per_row: usize,
    batch_size: usize,
    memory: MemoryReservation,
}

impl Rows {
    /// An empty collection.
    ///
    /// # Errors
    /// None for the types of other databases.
    pub fn new(schema: &SchemaRef, batch_size: usize, memory: MemoryReservation) -> Result<Self> {
        let of = |field: &FieldRef| {
            Values::of(field.data_type())
                .ok_or_else(|| failed(field.name(), format!("is {}, which cannot be read", field.data_type())))
        };
        let columns = schema.fields().iter().map(of).collect::<Result<Vec<_>>>()?;
        let width = |field: &FieldRef| field.data_type().primitive_width().unwrap_or(16) + 1;
        let bytes_per_row = schema.fields().iter().map(width).sum();
        Ok(Self { schema: Arc::clone(schema), columns, rows: 0, bytes: 0, bytes_per_row, batch_size: batch_size.max(1), memory })
    }

    /// Reserves memory for a value of variable size, before it is copied.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes;
        if self.bytes > self.memory.size() {
            self.memory.try_resize(self.bytes.next_multiple_of(PIECE))?;
        }
        Ok(())
    }

    /// Ends a row whose values were added to the columns; returns true when the batch is full.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn end_row(&mut self) -> Result<bool> {
        self.rows += 1;
        self.take(self.bytes_per_row)?;
        Ok(self.rows >= self.batch_size || self.bytes >= BATCH_BYTES)
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The batch with its memory reservation, which is released when it is dropped.
    ///
    /// # Errors
    /// None if all columns have the same number of rows.
    pub fn finish(&mut self) -> Result<(RecordBatch, MemoryReservation)> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let columns = self.columns.iter_mut().map(Values::finish).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        (self.rows, self.bytes) = (0, 0);
        Ok((batch, self.memory.take()))
    }
}
