//! Collects rows in memory: numbers in a matrix, categories as codes, keys unchanged.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_empty_array};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::Count;
use futures::StreamExt;

use super::exact::Exact;
use super::keys::{Hasher, duplicate};
use super::spec::{Beside, Feature, FeatureSpec, Kind, Missing};
use super::spill::{Spilled, Spilling};
use crate::adapter::offload::side_by_side;
use crate::adapter::step::{StepContext, Streams};
use crate::adapter::usable_rows::rows_without;
use crate::error::{failed, unusable};
use crate::kernels::cluster::{Matrix, Source};
use crate::kernels::superaccumulator::Superaccumulator;
use crate::text::megabytes;

/// The rows that were read, in the order of arrival, which is the same in every part.
pub struct Rows {
    /// The keys, batch after batch; empty without a key.
    pub keys: Vec<ArrayRef>,
    /// A hash of each row's key; without a key, the row number.
    pub identity: Vec<u64>,
    /// The number features, one column per feature. Missing values have been replaced by the mean, unless they are kept as NaN.
    pub numbers: Matrix,
    /// Features whose values are kept unconverted, in the order of the features.
    pub exact: Vec<Exact>,
    /// The rows of `numbers`, if they were spilled to disk because they did not fit into memory.
    pub spilled: Option<Spilled>,
    /// The categorical features.
    pub categories: Vec<Category>,
    pub weights: Option<Vec<f64>>,
    /// Additional number columns, by their roles.
    pub beside: Vec<(String, Vec<f64>)>,
    /// The group of each row.
    pub label: Option<Category>,
    /// How often each feature was missing, in the order of the features.
    pub missing: Vec<usize>,
    /// For each number feature, the value that replaced missing ones, in the order of the features.
    pub filled: Vec<Option<Filled>>,
    /// For each feature, whether some of its missing values were infinite or NaN.
    pub beyond: Vec<bool>,
    /// The number of dropped rows.
    pub skipped: usize,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.identity.len()
    }

    /// An additional number column by its role, if it was given.
    pub fn beside(&self, role: &str) -> Option<&[f64]> {
        self.beside.iter().find(|(name, _)| name == role).map(|(_, column)| column.as_slice())
    }
}

/// The replacement for a missing number.
#[derive(Debug, Clone, Copy)]
pub enum Filled {
    Number(f64),
    /// The replacement in a feature whose values are kept unconverted.
    Exact(i128),
}

/// A column with few distinct values.
pub struct Category {
    /// The values in ascending order.
    pub values: ArrayRef,
    /// The value of each row, as a position in the list of values.
    pub codes: Vec<u32>,
}

/// The code of a missing value. Unless it is kept, it is replaced by the most frequent value in the end.
const NO_CODE: u32 = u32::MAX;

/// Bytes per row reserved for working on rows whose numbers are on disk.
const FOR_WORK: usize = 16;

/// Larger numbers might overflow when they are squared and summed.
pub const LARGEST: f64 = 1e100;

/// The largest weight, so that sums of weighted squares are finite.
const LARGEST_WEIGHT: f64 = 1e90;

/// Reads all streams in parallel.
///
/// # Errors
/// A row lacks its key or a feature, a key occurs twice, or a weight is negative; or the memory limit is reached.
pub async fn gather(
    wanted: &Arc<FeatureSpec>,
    streams: Streams,
    context: &StepContext,
    memory: &Arc<MemoryReservation>,
) -> Result<Rows> {
    let schema = match streams.first() {
        Some(stream) => stream.schema(),
        None => return internal_err!("no input"),
    };
    let skipped = wanted.features.iter().map(|feature| context.left_out(rows_without(&feature.name)));
    let layout = Layout::new(wanted, &schema);
    let label_type = layout.label.map(|label| schema.field(label).data_type().clone());
    let key_type = layout.key.map(|key| schema.field(key).data_type().clone());
    let gathered = Mutex::new(Gathered::new(wanted, &schema, &layout, label_type.as_ref())?);
    let gathering = Arc::new(Gathering {
        wanted: Arc::clone(wanted),
        hasher: key_type.as_ref().map(Hasher::new).transpose()?,
        skipped: skipped.collect(),
        layout,
        memory: Arc::clone(memory),
        disk: Arc::clone(&context.disk),
        written: context.counter("spilled_bytes"),
        gathered,
    });
    let timer = context.timer();
    let tasks = streams.into_iter().map(|mut stream| {
        let (gathering, timer) = (Arc::clone(&gathering), timer.clone());
        async move {
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                let _running = timer.timer();
                gathering.add(&batch)?;
            }
            Ok(())
        }
    });
    side_by_side(tasks).await?;
    let _running = timer.timer();
    match Arc::try_unwrap(gathering) {
        Ok(gathering) => gathering.finish(),
        Err(_) => internal_err!("a stream is still being read"),
    }
}

/// The positions of the columns in a batch.
struct Layout {
    key: Option<usize>,
    features: usize,
    weight: Option<usize>,
    /// The position of the first additional column.
    beside: usize,
    label: Option<usize>,
    /// The number features that are read as doubles; in `exact`, those whose values are kept unconverted.
    numbers: Vec<usize>,
    exact: Vec<usize>,
}

impl Layout {
    fn new(wanted: &FeatureSpec, schema: &Schema) -> Self {
        let key = (!wanted.key.is_empty()).then_some(0);
        let features = usize::from(key.is_some());
        let after = features + wanted.features.len();
        let is_double = |place: &usize| schema.field(features + place).data_type() == &DataType::Float64;
        let (numbers, exact) = wanted.of_kind(Kind::Number).map(|(place, _)| place).partition(is_double);
        let label = wanted.label.is_some().then(|| schema.fields().len() - 1);
        let weight = wanted.has_weight.then_some(after);
        Self { key, features, weight, beside: after + usize::from(wanted.has_weight), label, numbers, exact }
    }
}

struct Gathering {
    wanted: Arc<FeatureSpec>,
    layout: Layout,
    hasher: Option<Hasher>,
    skipped: Vec<Count>,
    memory: Arc<MemoryReservation>,
    disk: Arc<DiskManager>,
    written: Count,
    gathered: Mutex<Gathered>,
}

struct Gathered {
    keys: Vec<ArrayRef>,
    identity: Vec<u64>,
    numbers: Matrix,
    exact: Vec<Exact>,
    spilling: Option<Spilling>,
    categories: Vec<Codes>,
    weights: Vec<f64>,
    beside: Vec<Vec<f64>>,
    label: Option<Codes>,
    missing: Vec<usize>,
    beyond: Vec<bool>,
    skipped: usize,
}

impl Gathered {
    fn new(wanted: &FeatureSpec, schema: &Schema, layout: &Layout, label_type: Option<&DataType>) -> Result<Self> {
        let exact = layout.exact.iter().map(|place| Exact::new(*place, schema.field(layout.features + place).data_type()));
        let categories = wanted.of_kind(Kind::Category).map(|_| Codes::new(&Kind::Category.read_as()));
        Ok(Self {
            keys: vec![],
            identity: vec![],
            numbers: Matrix::new(layout.numbers.len()),
            exact: exact.collect(),
            spilling: None,
            categories: categories.collect::<Result<_>>()?,
            weights: vec![],
            beside: vec![vec![]; wanted.beside.len()],
            label: label_type.map(Codes::new).transpose()?,
            missing: vec![0; wanted.features.len()],
            beyond: vec![false; wanted.features.len()],
            skipped: 0,
        })
    }
}

impl Gathering {
    fn error(&self, batch: &RecordBatch, row: usize, problem: &str) -> DataFusionError {
        let text = match self.layout.key {
            Some(key) => match ScalarValue::try_from_array(batch.column(key), row) {
                Ok(value) => format!("the row of {} {value} {problem}", self.wanted.key),
                Err(error) => return error,
            },
            None => format!("a row {problem}"),
        };
        unusable(&self.wanted.function, text)
    }

    fn add(&self, batch: &RecordBatch) -> Result<()> {
        self.check(batch)?;
        let missing = self.missing(batch)?;
        match (self.wanted.missing, &missing) {
            (Missing::Skip, Some(missing)) => {
                let mut whole = vec![true; batch.num_rows()];
                for (counter, rows) in self.skipped.iter().zip(missing) {
                    counter.add(rows.len());
                    rows.iter().for_each(|row| whole[*row] = false);
                }
                let left = filter_record_batch(batch, &BooleanArray::from(whole))?;
                self.push(&left, None, batch.num_rows() - left.num_rows())
            }
            (_, missing) => self.push(batch, missing.as_ref(), 0),
        }
    }

    /// Checks that keys, labels, additional columns and weights are present and valid.
    fn check(&self, batch: &RecordBatch) -> Result<()> {
        if let Some(key) = self.layout.key
            && batch.column(key).logical_null_count() > 0
        {
            return Err(unusable(
                &self.wanted.function,
                format!("a row has no {}; leave it out with WHERE … IS NOT NULL", self.wanted.key),
            ));
        }
        if let Some(label) = self.layout.label
            && let Some(gaps) = batch.column(label).logical_nulls()
            && let Some(row) = (0..batch.num_rows()).find(|row| gaps.is_null(*row))
        {
            let name = self.wanted.label.as_deref().unwrap_or_default();
            return Err(self.error(batch, row, &format!("has no {name}; leave such rows out with WHERE {name} IS NOT NULL")));
        }
        for (place, Beside { column: name, .. }) in self.wanted.beside.iter().enumerate() {
            let column = batch.column(self.layout.beside + place).as_primitive::<Float64Type>();
            let is_bad = |row: &usize| column.is_null(*row) || !(-LARGEST..=LARGEST).contains(&column.value(*row));
            if let Some(row) = (0..batch.num_rows()).find(is_bad) {
                let problem = match column.value(row) {
                    value if column.is_valid(row) && value.is_finite() => {
                        format!("has the {name} {value:e}, too large to be squared")
                    }
                    _ => {
                        let value = ScalarValue::try_from_array(column, row)?;
                        format!("has the {name} {value}; leave such rows out with WHERE")
                    }
                };
                return Err(self.error(batch, row, &problem));
            }
        }
        if let Some(weight) = self.layout.weight {
            let weights = batch.column(weight).as_primitive::<Float64Type>();
            let is_bad = |row: &usize| weights.is_null(*row) || !(0.0..=LARGEST_WEIGHT).contains(&weights.value(*row));
            if let Some(row) = (0..batch.num_rows()).find(is_bad) {
                let problem = match weights.value(row) {
                    value if weights.is_valid(row) && value > LARGEST_WEIGHT => {
                        format!("has the weight {value:e}; weights must be at most {LARGEST_WEIGHT:e}")
                    }
                    _ => {
                        let value = ScalarValue::try_from_array(weights, row)?;
                        format!("has the weight {value}; weights must be 0 or more")
                    }
                };
                return Err(self.error(batch, row, &problem));
            }
        }
        Ok(())
    }

    /// The rows in which each feature is missing, by feature; `None` if all values are present.
    ///
    /// # Errors
    /// A value is missing and `missing` is `'error'`, or a number is too large.
    fn missing(&self, batch: &RecordBatch) -> Result<Option<Vec<Vec<usize>>>> {
        let mut all: Option<Vec<Vec<usize>>> = None;
        for (place, feature) in self.wanted.features.iter().enumerate() {
            let rows = self.missing_rows(batch, place, feature)?;
            if let Some(row) = rows.first() {
                if self.wanted.missing == Missing::Error {
                    let value = ScalarValue::try_from_array(batch.column(self.layout.features + place), *row)?;
                    let problem = format!(
                        "has the {} {value}; leave such rows out with WHERE, or give missing => 'mean' or 'skip'",
                        feature.name
                    );
                    return Err(self.error(batch, *row, &problem));
                }
                all.get_or_insert_with(|| vec![vec![]; self.wanted.features.len()])[place] = rows;
            }
        }
        Ok(all)
    }

    fn missing_rows(&self, batch: &RecordBatch, place: usize, feature: &Feature) -> Result<Vec<usize>> {
        let column = batch.column(self.layout.features + place);
        if feature.kind == Kind::Category || self.layout.exact.contains(&place) {
            return Ok(if column.null_count() == 0 {
                vec![]
            } else {
                (0..column.len()).filter(|row| column.is_null(*row)).collect()
            });
        }
        let numbers = column.as_primitive::<Float64Type>();
        let is_fine = |value: &f64| value.abs() <= LARGEST;
        if numbers.null_count() == 0 && numbers.values().iter().all(is_fine) {
            return Ok(vec![]);
        }
        let mut missing = vec![];
        for (row, value) in numbers.values().iter().enumerate() {
            if numbers.is_null(row) || !value.is_finite() {
                missing.push(row);
            } else if !is_fine(value) {
                let name = &feature.name;
                return Err(self.error(batch, row, &format!("has the {name} {value:e}, too large to be squared")));
            }
        }
        Ok(missing)
    }

    fn push(&self, batch: &RecordBatch, missing: Option<&Vec<Vec<usize>>>, skipped: usize) -> Result<()> {
        let numbers = self.layout.numbers.iter().map(|place| {
            let values = batch.column(self.layout.features + place).as_primitive::<Float64Type>().values();
            match missing.map(|missing| missing[*place].as_slice()) {
                None | Some([]) => Cow::Borrowed(&values[..]),
                Some(rows) => {
                    let mut values = values.to_vec();
                    rows.iter().for_each(|row| values[*row] = f64::NAN);
                    Cow::Owned(values)
                }
            }
        });
        let numbers: Vec<Cow<'_, [f64]>> = numbers.collect();
        let numbers: Vec<&[f64]> = numbers.iter().map(Cow::as_ref).collect();
        let identity = match (&self.hasher, self.layout.key) {
            (Some(hasher), Some(key)) => Some(hasher.hashes(batch.column(key))?),
            _ => None,
        };
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered = &mut *gathered;
        self.take_memory(gathered, batch, numbers.len())?;
        if let Some(key) = self.layout.key {
            gathered.keys.push(Arc::clone(batch.column(key)));
        }
        let before = gathered.identity.len() as u64;
        match identity {
            Some(identity) => gathered.identity.extend(identity),
            None => gathered.identity.extend((before..).take(batch.num_rows())),
        }
        match &mut gathered.spilling {
            Some(spilling) => spilling.push(&numbers)?,
            None => gathered.numbers.push(&numbers),
        }
        for exact in &mut gathered.exact {
            exact.add(batch.column(self.layout.features + exact.feature))?;
        }
        for (codes, (place, _)) in gathered.categories.iter_mut().zip(self.wanted.of_kind(Kind::Category)) {
            codes.add(batch.column(self.layout.features + place))?;
        }
        if let (Some(codes), Some(label)) = (&mut gathered.label, self.layout.label) {
            codes.add(batch.column(label))?;
        }
        if let Some(weight) = self.layout.weight {
            gathered.weights.extend(batch.column(weight).as_primitive::<Float64Type>().values());
        }
        for (place, beside) in gathered.beside.iter_mut().enumerate() {
            beside.extend(batch.column(self.layout.beside + place).as_primitive::<Float64Type>().values());
        }
        for (place, rows) in missing.into_iter().flatten().enumerate() {
            gathered.missing[place] += rows.len();
            gathered.beyond[place] |= rows.len() > batch.column(self.layout.features + place).logical_null_count();
        }
        gathered.skipped += skipped;
        Ok(())
    }

    /// Reserves memory for a batch. If there is not enough for its numbers, these and all earlier ones are spilled to disk.
    fn take_memory(&self, gathered: &mut Gathered, batch: &RecordBatch, numbers: usize) -> Result<()> {
        let rows = batch.num_rows();
        let key = self.layout.key.map_or(0, |key| batch.column(key).get_array_memory_size());
        let exact = self.layout.exact.len();
        let beside = key + rows * 8 * (batch.num_columns() - self.layout.features - numbers + exact + 2);
        if gathered.spilling.is_none() {
            if self.memory.try_grow(beside + rows * 8 * numbers).is_ok() {
                return Ok(());
            }
            if !self.wanted.may_spill || numbers == 0 {
                return Err(self.too_large(gathered.identity.len()));
            }
            let before = std::mem::replace(&mut gathered.numbers, Matrix::new(numbers));
            gathered.spilling = Some(Spilling::begin(&self.wanted.function, &before, &self.disk, self.written.clone())?);
            self.memory.shrink(8 * numbers * before.rows());
            self.memory.try_grow(FOR_WORK * before.rows()).map_err(|_| self.too_large(gathered.identity.len()))?;
        }
        self.memory.try_grow(beside + rows * FOR_WORK).map_err(|_| self.too_large(gathered.identity.len()))
    }

    fn too_large(&self, rows: usize) -> DataFusionError {
        too_large(&self.wanted, &self.memory, rows)
    }

    fn finish(self) -> Result<Rows> {
        let wanted = self.wanted;
        let mut gathered = self.gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        if gathered.identity.is_empty() {
            if gathered.skipped > 0 {
                let problem = format!(
                    "none of the {} rows has a value in every feature; leave out features that are mostly NULL, or give missing => 'mean'",
                    gathered.skipped
                );
                return Err(unusable(&wanted.function, problem));
            }
            return Err(unusable(&wanted.function, "the input has no rows that can be used"));
        }
        if !wanted.may_repeat {
            let sorting = 8 * gathered.identity.len();
            self.memory.try_grow(sorting).map_err(|_| too_large(&wanted, &self.memory, gathered.identity.len()))?;
            let twice = duplicate(&gathered.keys, &gathered.identity)?;
            self.memory.shrink(sorting);
            if let Some(key) = twice {
                let problem = format!("{} {key} occurs more than once; give one row per key", wanted.key);
                return Err(unusable(&wanted.function, problem));
            }
        }
        let is_kept = wanted.missing == Missing::Keep;
        let mut filled = vec![None; wanted.features.len()];
        for (column, place) in self.layout.numbers.iter().enumerate() {
            if gathered.missing[*place] > 0 && gathered.spilling.is_none() && !is_kept {
                let mean = mean(gathered.numbers.column(column)).ok_or_else(|| all_missing(&wanted, &wanted.features[*place]))?;
                gathered.numbers.fill(column, mean);
                filled[*place] = Some(Filled::Number(mean));
            }
        }
        for exact in &mut gathered.exact {
            if gathered.missing[exact.feature] > 0 {
                let mean = exact.fill().ok_or_else(|| all_missing(&wanted, &wanted.features[exact.feature]))?;
                filled[exact.feature] = Some(Filled::Exact(mean));
            }
        }
        let mut categories = vec![];
        for (codes, (_, feature)) in gathered.categories.into_iter().zip(wanted.of_kind(Kind::Category)) {
            categories.push(codes.finish(is_kept)?.ok_or_else(|| all_missing(&wanted, feature))?);
        }
        let spilled = gathered.spilling.map(Spilling::finish).transpose()?;
        if let Some(spilled) = &spilled {
            if gathered.missing.iter().any(|missing| *missing > 0) {
                let problem = "a feature is missing in some rows, and missing => 'mean' needs all in memory; raise --memory-limit, or use 'skip'";
                return Err(failed(&wanted.function, problem));
            }
            self.memory.shrink(FOR_WORK * spilled.rows());
        }
        let label = gathered.label.map(|codes| codes.finish(false).map(Option::unwrap_or_default)).transpose()?;
        Ok(Rows {
            keys: gathered.keys,
            identity: gathered.identity,
            numbers: gathered.numbers,
            exact: gathered.exact,
            spilled,
            categories,
            weights: wanted.has_weight.then_some(gathered.weights),
            beside: wanted.beside.iter().map(|beside| beside.role.clone()).zip(gathered.beside).collect(),
            label,
            missing: gathered.missing,
            filled,
            beyond: gathered.beyond,
            skipped: gathered.skipped,
        })
    }
}

impl Default for Category {
    fn default() -> Self {
        Self { values: new_empty_array(&DataType::Utf8), codes: vec![] }
    }
}

fn all_missing(wanted: &FeatureSpec, feature: &Feature) -> DataFusionError {
    unusable(&wanted.function, format!("{} has no value in any row; remove it from the features", feature.name))
}

fn too_large(wanted: &FeatureSpec, memory: &MemoryReservation, rows: usize) -> DataFusionError {
    let (function, held) = (&wanted.function, megabytes(memory.size()));
    DataFusionError::ResourcesExhausted(format!(
        "{function}: the features of {rows} rows take {held}, and more would exceed the memory limit; raise --memory-limit, or sample the input"
    ))
}

/// The mean of the numbers that are present; it does not depend on their order.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (Superaccumulator::default(), 0.0);
    for value in values.filter(|value| !value.is_nan()) {
        sum.add(value);
        count += 1.0;
    }
    (count > 0.0).then(|| sum.value() / count)
}

/// Assigns codes to the values of a column, in the order of arrival.
struct Codes {
    converter: RowConverter,
    numbers: HashMap<Box<[u8]>, u32>,
    codes: Vec<u32>,
}

impl Codes {
    fn new(data_type: &DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        Ok(Self { converter, numbers: HashMap::new(), codes: vec![] })
    }

    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let rows = self.converter.convert_columns(&[Arc::clone(values)])?;
        // The values that were looked up last: a column of two values needs no others. No value is encoded as no byte.
        let mut recent: [(&[u8], u32); 2] = [(&[], NO_CODE); 2];
        for (row, value) in rows.iter().enumerate() {
            let data = value.data();
            let code = if values.is_null(row) {
                NO_CODE
            } else if let Some((_, code)) = recent.iter().find(|(known, _)| *known == data) {
                *code
            } else {
                let next = self.numbers.len() as u32;
                let code = match self.numbers.get(data) {
                    Some(code) => *code,
                    None => *self.numbers.entry(data.into()).or_insert(next),
                };
                recent = [(data, code), recent[0]];
                code
            };
            self.codes.push(code);
        }
        Ok(())
    }

    /// Replaces the codes by positions in sorted order. A missing value becomes the most frequent one (ties: the first), unless it is
    /// kept.
    fn finish(mut self, is_kept: bool) -> Result<Option<Category>> {
        let mut values: Vec<(Box<[u8]>, u32)> = self.numbers.into_iter().collect();
        values.sort_unstable();
        let mut places = vec![0_u32; values.len()];
        let mut counts = vec![0_usize; values.len()];
        for (place, (_, number)) in values.iter().enumerate() {
            places[*number as usize] = place as u32;
        }
        for code in self.codes.iter_mut().filter(|code| **code != NO_CODE) {
            *code = places[*code as usize];
            counts[*code as usize] += 1;
        }
        let Some(most) = (0..counts.len()).rev().max_by_key(|place| counts[*place]) else { return Ok(None) };
        if !is_kept {
            self.codes.iter_mut().filter(|code| **code == NO_CODE).for_each(|code| *code = most as u32);
        }
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(values.iter().map(|(value, _)| parser.parse(value)))?;
        Ok(columns.into_iter().next().map(|values| Category { values, codes: self.codes }))
    }
}
