//! Rows in memory, and numbers for their keys and values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_empty_array};
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;

use crate::adapter::offload::side_by_side;
use crate::adapter::step::Streams;
use crate::error::failed;
use crate::kernels::linkage::dictionary::{Dictionary, NONE};
use crate::text::megabytes;

/// Reads all streams of an input.
pub async fn read(function: &'static str, streams: Streams, memory: &Arc<MemoryReservation>) -> Result<Vec<RecordBatch>> {
    let tasks = streams.into_iter().map(|mut stream| {
        let memory = Arc::clone(memory);
        async move {
            let mut batches = vec![];
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                if batch.num_rows() > 0 {
                    // Twice, because what is built from the rows takes about as much again.
                    memory.try_grow(2 * batch.get_array_memory_size()).map_err(|_| does_not_fit(function, memory.size()))?;
                    batches.push(batch);
                }
            }
            Ok(batches)
        }
    });
    let batches: Vec<RecordBatch> = side_by_side(tasks).await?.into_iter().flatten().collect();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    // Positions have 32 bits, and a row of edges takes two of them.
    if rows >= (NONE / 2) as usize {
        return Err(failed(function, format!("takes fewer than 2,147,483,647 rows, got {rows}; link parts of them")));
    }
    Ok(batches)
}

/// The error for rows that exceed the memory limit.
pub fn does_not_fit(function: &str, held: usize) -> DataFusionError {
    let held = megabytes(held);
    DataFusionError::ResourcesExhausted(format!(
        "{function}: the rows take more than the memory limit, {held} so far; raise --memory-limit, or link fewer rows"
    ))
}

/// Numbers for the values of columns of one type.
pub struct Numbering {
    converter: Option<RowConverter>,
    pub dictionary: Dictionary,
}

impl Numbering {
    pub fn new(data_type: &DataType) -> Result<Self> {
        let plain = plain(data_type);
        let converter = if plain.is_string() { None } else { Some(RowConverter::new(vec![SortField::new(plain.clone())])?) };
        Ok(Self { converter, dictionary: Dictionary::default() })
    }

    /// Calls a function with the bytes of each value, `None` for NULL. The bytes sort as the values do.
    fn each(&mut self, values: &ArrayRef, mut then: impl FnMut(&mut Dictionary, Option<&[u8]>)) -> Result<()> {
        match &mut self.converter {
            None => {
                let values = cast(values, &DataType::LargeUtf8)?;
                for value in values.as_string::<i64>() {
                    then(&mut self.dictionary, value.map(str::as_bytes));
                }
            }
            Some(converter) => {
                let values = cast(values, plain(values.data_type()))?;
                let rows = converter.convert_columns(&[Arc::clone(&values)])?;
                let nulls = values.logical_nulls();
                for row in 0..values.len() {
                    let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                    let bytes = rows.row(row);
                    then(&mut self.dictionary, (!is_null).then_some(bytes.as_ref()));
                }
            }
        }
        Ok(())
    }

    /// The numbers of values; new values get new numbers, and NULL gets [`NONE`].
    pub fn numbers(&mut self, values: &ArrayRef) -> Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(values.len());
        self.each(values, |dictionary, value| numbers.push(value.map_or(NONE, |value| dictionary.number(value))))?;
        Ok(numbers)
    }

    /// The numbers of known values.
    pub fn known(&mut self, values: &ArrayRef) -> Result<Vec<Option<u32>>> {
        let mut numbers = Vec::with_capacity(values.len());
        self.each(values, |dictionary, value| numbers.push(value.and_then(|value| dictionary.find(value))))?;
        Ok(numbers)
    }
}

/// The type of the values; for a dictionary, the type of the values it holds.
pub fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// The distinct keys of a column, numbered in ascending order.
pub struct Keys {
    numbering: Numbering,
    /// Of each number of the dictionary.
    places: Vec<u32>,
    /// The key of each row.
    pub rows: Vec<u32>,
    /// In ascending order.
    pub values: ArrayRef,
}

impl Keys {
    /// The keys of some columns one after another; none may be NULL.
    pub fn of(data_type: &DataType, columns: &[ArrayRef]) -> Result<Self> {
        let mut numbering = Numbering::new(data_type)?;
        let mut rows = Vec::with_capacity(columns.iter().map(|column| column.len()).sum());
        let mut firsts: Vec<u32> = vec![];
        for column in columns {
            for number in numbering.numbers(column)? {
                if number as usize == firsts.len() {
                    firsts.push(rows.len() as u32);
                }
                rows.push(number);
            }
        }
        let (order, places) = numbering.dictionary.sorted();
        for row in &mut rows {
            *row = places[*row as usize];
        }
        let firsts: UInt32Array = order.iter().map(|number| firsts[*number as usize]).collect();
        let all: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
        let all = if all.is_empty() { new_empty_array(data_type) } else { concat(&all)? };
        Ok(Self { numbering, places, rows, values: take(&all, &firsts, None)? })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The numbers of those keys that exist.
    pub fn find(&mut self, keys: &ArrayRef) -> Result<Vec<Option<u32>>> {
        let known = self.numbering.known(keys)?;
        Ok(known.into_iter().map(|number| number.map(|number| self.places[number as usize])).collect())
    }

    /// The keys of these numbers.
    pub fn take(&self, numbers: &[u32]) -> Result<ArrayRef> {
        Ok(take(&self.values, &UInt32Array::from(numbers.to_vec()), None)?)
    }
}

/// A column of all batches.
pub fn column(batches: &[RecordBatch], place: usize) -> Vec<ArrayRef> {
    batches.iter().map(|batch| Arc::clone(batch.column(place))).collect()
}

/// Numbers for distinct strings; NULL and blank strings have none.
#[derive(Default)]
pub struct Texts {
    pub dictionary: Dictionary,
}

impl Texts {
    /// The numbers of columns of VARCHAR.
    pub fn numbers(&mut self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        let mut numbers = vec![];
        for column in columns {
            let column = cast(column, &DataType::LargeUtf8)?;
            numbers.extend(column.as_string::<i64>().iter().map(|value| match value {
                Some(value) if !value.trim().is_empty() => self.dictionary.number(value.as_bytes()),
                _ => NONE,
            }));
        }
        Ok(numbers)
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> String {
        String::from_utf8_lossy(self.dictionary.value(number)).into_owned()
    }
}
