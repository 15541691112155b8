//! Foreign keys: whose rows the rows of a table refer to, and how what a statement has changed is compared with both tables.
//!
//! A statement that changes a table at one side of a foreign key is a transaction of its own. Before it commits, the files that its tables
//! have gained and lost tell which keys are new in the table that refers and which are gone from the other. The new ones are looked for in
//! the other table, and the gone ones in the table that refers. Of stored files only the columns of keys are read, and of these only the row
//! groups whose least and greatest values leave room for one of the keys.
//!
//! What was found may be changed by others before the transaction commits. So the commit requires that the files with the keys that were
//! found are still there, and that the files in which a key was not found are all.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::constraints::{ENTRY, First, has_null, plain};
use crate::catalog::Catalog;
use crate::catalog::data::{Parts, Pinned};
use crate::catalog::requirement::Requirement;
use crate::catalog::snapshots::{Part, SnapshotOf, When};
use crate::error::{SqlState, Violated, failed, in_rows, violating};
use crate::text::{identifier, written_name};

/// What becomes of the rows that refer to a row which goes, or gets another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::enum_variant_names, reason = "NO ACTION is what SQL calls it")]
pub enum Action {
    /// They must be gone at the end of the statement, or of the transaction.
    #[default]
    NoAction,
    /// They must be gone at the end of the statement.
    Restrict,
    /// They go too, or get the other key.
    Cascade,
    SetNull,
    SetDefault,
}

impl Action {
    /// True for one that changes the rows that refer.
    pub fn changes_rows(self) -> bool {
        match self {
            Self::NoAction | Self::Restrict => false,
            Self::Cascade | Self::SetNull | Self::SetDefault => true,
        }
    }
}

/// A foreign key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: String,
    /// The table that refers, and its columns.
    pub table: String,
    pub columns: Vec<String>,
    /// The table that is referred to, and its columns.
    pub referred: String,
    pub referred_columns: Vec<String>,
    pub on_delete: Action,
    pub on_update: Action,
    pub is_deferrable: bool,
    /// Whether it is checked at COMMIT, unless SET CONSTRAINTS says otherwise.
    pub is_deferred: bool,
}

impl ForeignKey {
    /// True when both say the same of the same columns.
    pub fn compares_as(&self, other: &Self) -> bool {
        (&self.table, &self.columns) == (&other.table, &other.columns)
            && (&self.referred, &self.referred_columns) == (&other.referred, &other.referred_columns)
    }
}

/// The rows of a table at some time.
#[derive(Debug, Clone)]
pub enum Contents {
    /// Those of a stored table.
    Files(Vec<Arc<Pinned>>),
    /// Those of a temporary table, with its columns.
    Batches(SchemaRef, Vec<RecordBatch>),
}

/// Some of the rows of a table.
enum Pieces<'a> {
    Files(Vec<&'a Arc<Pinned>>),
    Batches(&'a [RecordBatch]),
}

impl Contents {
    fn schema(&self) -> Option<SchemaRef> {
        match self {
            Self::Files(files) => files.first().map(|file| Arc::clone(&file.schema)),
            Self::Batches(schema, _) => Some(Arc::clone(schema)),
        }
    }

    fn all(&self) -> Pieces<'_> {
        match self {
            Self::Files(files) => Pieces::Files(files.iter().collect()),
            Self::Batches(_, batches) => Pieces::Batches(batches),
        }
    }

    /// The rows that may not be in others.
    fn without(&self, others: &Self) -> Pieces<'_> {
        match (self, others) {
            (Self::Files(files), Self::Files(others)) => {
                let others: HashSet<&str> = others.iter().map(|file| file.name.as_str()).collect();
                Pieces::Files(files.iter().filter(|file| !others.contains(file.name.as_str())).collect())
            }
            (own, _) => own.all(),
        }
    }

    /// The names of the files.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Files(files) => files.iter().map(|file| file.name.clone()).collect(),
            Self::Batches(..) => vec![],
        }
    }
}

/// The columns of a key, batch by batch.
type Columns<'a> = Box<dyn Iterator<Item = Result<Vec<ArrayRef>>> + Send + 'a>;

impl Pieces<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Files(files) => files.len(),
            Self::Batches(batches) => batches.len(),
        }
    }

    /// Some columns of one of them; with first values of keys, of the row groups that can have one of them.
    fn read<'a>(&'a self, number: usize, names: &'a [String], first: Option<(&'a First, &'a DataType)>) -> Result<Columns<'a>> {
        Ok(match self {
            Self::Files(files) => match files.get(number) {
                Some(file) => Box::new(reading(file, names, first)?),
                None => Box::new(std::iter::empty()),
            },
            Self::Batches(batches) => {
                let of = |batch: &RecordBatch| {
                    let own = |name: &String| batch.column_by_name(name).map(Arc::clone);
                    names.iter().filter_map(own).collect::<Vec<_>>()
                };
                Box::new(batches.get(number).map(of).map(Ok).into_iter())
            }
        })
    }
}

/// A table before and after a change.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    pub before: &'a Contents,
    pub now: &'a Contents,
}

impl<'a> Side<'a> {
    fn gained(self) -> Pieces<'a> {
        self.now.without(self.before)
    }

    fn lost(self) -> Pieces<'a> {
        self.before.without(self.now)
    }
}

impl Catalog {
    /// The files of a table as it is now; none when it is not there.
    ///
    /// # Errors
    /// A file is damaged.
    pub fn files_now(&self, table: &str) -> Result<Vec<Arc<Pinned>>> {
        let Some(newest) = self.snapshot(SnapshotOf::Table, table, When::Now)? else { return Ok(vec![]) };
        newest.part(Part::Rows).iter().map(|file| self.data.pin(file)).collect()
    }
}

/// The type in which values of two columns are compared; `None` for columns that cannot be.
pub fn compared_as(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Decimal256, Float64, Int64, Map, Union, Utf8};
    // The digits before the point, and those after it.
    let digits = |data_type: &DataType| match data_type {
        Decimal128(precision, scale) | Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), i16::from(*scale)))
        }
        other if other.is_integer() => Some((20, 0)),
        _ => None,
    };
    match (one, other) {
        (Map(..) | Union(..), _) => None,
        (one, other) if one == other => Some(one.clone()),
        (one, other) if one.is_string() && other.is_string() => Some(Utf8),
        (one, other) if one.is_floating() && other.is_floating() => Some(Float64),
        (one, other) if one.is_signed_integer() && other.is_signed_integer() => Some(Int64),
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(other_unit, Some(_))) if unit == other_unit => Some(one.clone()),
        (one, other) => {
            let ((before, after), (other_before, other_after)) = (digits(one)?, digits(other)?);
            let scale = after.max(other_after);
            let precision = before.max(other_before) + scale;
            let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
            match precision {
                ..=38 => Some(Decimal128(precision, scale)),
                39..=76 => Some(Decimal256(precision, scale)),
                _ => None,
            }
        }
    }
}

/// Keys to be looked for in files.
struct Keys {
    types: Vec<DataType>,
    converter: RowConverter,
    all: HashSet<Box<[u8]>>,
    memory: MemoryReservation,
}

impl Keys {
    fn new(types: &[DataType], memory: &MemoryReservation) -> Result<Self> {
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        Ok(Self { types: types.to_vec(), converter, all: HashSet::new(), memory: memory.new_empty() })
    }

    /// The keys of rows, each with whether it has no NULL: one with a NULL refers to nothing.
    fn rows(&self, columns: &[ArrayRef]) -> Result<(Rows, Vec<bool>)> {
        let columns = columns.iter().zip(&self.types).map(|(column, data_type)| {
            let column = if column.data_type() == data_type { Arc::clone(column) } else { cast(column, data_type)? };
            Ok(plain(&column))
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let rows = columns.first().map_or(0, |column| column.len());
        let are_whole = (0..rows).map(|row| !has_null(&columns, row)).collect();
        Ok((self.converter.convert_columns(&columns)?, are_whole))
    }

    /// Does something with each key without NULLs.
    fn each(&self, columns: &[ArrayRef], mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (rows, are_whole) = self.rows(columns)?;
        for (row, is_whole) in rows.iter().zip(are_whole) {
            if is_whole {
                work(row.as_ref())?;
            }
        }
        Ok(())
    }

    /// Adds the keys of rows.
    async fn add(&mut self, pieces: &Pieces<'_>, names: &[String]) -> Result<()> {
        for number in 0..pieces.count() {
            for columns in pieces.read(number, names, None)? {
                let (rows, are_whole) = self.rows(&columns?)?;
                for (row, _) in rows.iter().zip(are_whole).filter(|(_, is_whole)| *is_whole) {
                    if !self.all.contains(row.as_ref()) {
                        self.memory.try_grow(row.as_ref().len() + ENTRY)?;
                        self.all.insert(row.as_ref().into());
                    }
                }
            }
            // A point at which the statement can be cancelled.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Removes the keys of rows.
    async fn remove(&mut self, pieces: &Pieces<'_>, names: &[String]) -> Result<()> {
        for number in 0..pieces.count() {
            if self.all.is_empty() {
                break;
            }
            let mut gone = vec![];
            for columns in pieces.read(number, names, None)? {
                self.each(&columns?, |key| {
                    if self.all.contains(key) {
                        gone.push(Box::<[u8]>::from(key));
                    }
                    Ok(())
                })?;
            }
            for key in &gone {
                self.all.remove(key);
            }
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Those of the keys that are in rows, and the names of the files that have one.
    async fn found(&self, contents: &Contents, names: &[String]) -> Result<(HashSet<Box<[u8]>>, Vec<String>)> {
        let (mut found, mut with_one) = (HashSet::new(), vec![]);
        let (first, pieces) = (self.first()?, contents.all());
        for number in 0..pieces.count() {
            if found.len() == self.all.len() {
                break;
            }
            let mut has_one = false;
            for columns in pieces.read(number, names, first.as_ref().zip(self.types.first()))? {
                self.each(&columns?, |key| {
                    if self.all.contains(key) {
                        has_one = true;
                        found.insert(key.into());
                    }
                    Ok(())
                })?;
            }
            if has_one && let Pieces::Files(files) = &pieces {
                with_one.extend(files.get(number).map(|file| file.name.clone()));
            }
            tokio::task::consume_budget().await;
        }
        Ok((found, with_one))
    }

    /// The first values of the keys, for comparing them with the bounds of row groups.
    fn first(&self) -> Result<Option<First>> {
        let Some(data_type) = self.types.first() else { return Ok(None) };
        let Some(mut first) = First::of(data_type)? else { return Ok(None) };
        let parser = self.converter.parser();
        let values = self.converter.convert_rows(self.all.iter().map(|key| parser.parse(key)))?;
        if let Some(values) = values.first() {
            first.add(values)?;
        }
        Ok(Some(first))
    }

    /// The least of some keys, as messages show it.
    fn shown(&self, keys: &HashSet<Box<[u8]>>) -> Result<String> {
        let parser = self.converter.parser();
        let values = self.converter.convert_rows(keys.iter().min().map(|key| parser.parse(key)))?;
        let shown = values.iter().map(|values| array_value_to_string(values, 0).unwrap_or_default());
        Ok(shown.collect::<Vec<_>>().join(", "))
    }
}

/// The values of some columns of a file, batch by batch; with first values of keys, of the row groups that can have one of them.
fn reading(
    file: &Arc<Pinned>,
    names: &[String],
    first: Option<(&First, &DataType)>,
) -> Result<impl Iterator<Item = Result<Vec<ArrayRef>>>> {
    let parts = Parts(Arc::clone(file));
    let metadata = ArrowReaderMetadata::load(&parts, file.reading()?)?;
    let groups = match (first, names.first()) {
        (Some((first, data_type)), Some(name)) => groups(first, data_type, name, &metadata)?,
        _ => (0..metadata.metadata().num_row_groups()).collect(),
    };
    let place =
        |name: &String| file.schema.index_of(name).map_err(|_| failed(name, format!("file {} has no such column", file.name)));
    let places = names.iter().map(place).collect::<Result<Vec<usize>>>()?;
    let reading = ParquetRecordBatchReaderBuilder::new_with_metadata(parts, metadata);
    let columns = ProjectionMask::roots(reading.parquet_schema(), places);
    let names = names.to_vec();
    Ok(reading.with_projection(columns).with_row_groups(groups).build()?.map(move |batch| {
        let batch = batch?;
        let own = |name: &String| batch.column_by_name(name).map(Arc::clone);
        Ok(names.iter().filter_map(own).collect())
    }))
}

/// The row groups whose bounds leave room for one of the first values.
fn groups(first: &First, data_type: &DataType, name: &str, metadata: &ArrowReaderMetadata) -> Result<Vec<usize>> {
    let groups = metadata.metadata().row_groups();
    let all = || Ok((0..groups.len()).collect());
    let Ok(bounds) = StatisticsConverter::try_new(name, metadata.schema(), metadata.parquet_schema()) else { return all() };
    let (least, most) = (bounds.row_group_mins(groups)?, bounds.row_group_maxes(groups)?);
    let as_compared = |bounds: &ArrayRef| match bounds.data_type() {
        own if own == data_type => Some(Arc::clone(bounds)),
        own if own.is_integer() && data_type.is_integer() || own.is_string() && data_type.is_string() => {
            cast(bounds, data_type).ok()
        }
        _ => None,
    };
    let (Some(least), Some(most)) = (as_compared(&least), as_compared(&most)) else { return all() };
    Ok(first.within(&least, &most)?.into_iter().enumerate().filter_map(|(group, may)| may.then_some(group)).collect())
}

/// Which sides of a foreign key are compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// The keys that are new in the table that refers.
    pub new: bool,
    /// The keys that are gone from the other.
    pub gone: bool,
    /// All keys of the table that refers count as new: the foreign key was not there before.
    pub all: bool,
}

/// Compares a change of one or both tables of a foreign key with them; returns what must still be so when it is committed.
///
/// # Errors
/// A row refers to a key that is not there; or a file is damaged, or memory runs out.
pub async fn compare(
    key: &ForeignKey,
    compared: Compared,
    own: Side<'_>,
    other: Side<'_>,
    memory: &MemoryReservation,
) -> Result<Vec<Requirement>> {
    let schema = |side: Side<'_>| side.now.schema().or_else(|| side.before.schema());
    // Where a table is not there, its rows refer to nothing.
    let (Some(own_schema), Some(other_schema)) = (schema(own), schema(other)) else { return Ok(vec![]) };
    let types = types(key, &own_schema, &other_schema)?;
    let mut required = vec![];
    if compared.new {
        let mut new = Keys::new(&types, memory)?;
        if compared.all {
            new.add(&own.now.all(), &key.columns).await?;
        } else {
            new.add(&own.gained(), &key.columns).await?;
            new.remove(&own.lost(), &key.columns).await?;
        }
        if !new.all.is_empty() {
            let (found, files) = new.found(other.now, &key.referred_columns).await?;
            new.all.retain(|own| !found.contains(own));
            if !new.all.is_empty() {
                return Err(missing(key, &new.shown(&new.all)?));
            }
            required.push(Requirement::Keeps { table: key.referred.clone(), files });
        }
    }
    if compared.gone {
        let mut gone = Keys::new(&types, memory)?;
        gone.add(&other.lost(), &key.referred_columns).await?;
        gone.remove(&other.gained(), &key.referred_columns).await?;
        if !gone.all.is_empty() {
            let (found, _) = gone.found(own.now, &key.columns).await?;
            required.push(Requirement::Only { table: key.table.clone(), files: own.now.names() });
            gone.all = found;
        }
        if !gone.all.is_empty() {
            // It may be in a row that was there before.
            let (found, files) = gone.found(other.now, &key.referred_columns).await?;
            gone.all.retain(|own| !found.contains(own));
            if !gone.all.is_empty() {
                return Err(referred(key, &gone.shown(&gone.all)?));
            }
            required.push(Requirement::Keeps { table: key.referred.clone(), files });
        }
    }
    Ok(required)
}

/// The types in which the columns of a foreign key are compared.
fn types(key: &ForeignKey, own: &Schema, other: &Schema) -> Result<Vec<DataType>> {
    let field = |schema: &Schema, name: &str| schema.field_with_name(name).cloned();
    let of = |(column, referred): (&String, &String)| {
        let (column, referred) = (field(own, column)?, field(other, referred)?);
        compared_as(column.data_type(), referred.data_type())
            .ok_or_else(|| failed(&key.table, format!("foreign key {} compares columns of other types", key.name)))
    };
    key.columns.iter().zip(&key.referred_columns).map(of).collect()
}

fn listed(columns: &[String]) -> String {
    columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ")
}

/// The error for a row that refers to a key which is not there.
fn missing(key: &ForeignKey, values: &str) -> DataFusionError {
    let ForeignKey { name, table, columns, referred, .. } = key;
    let problem = format!(
        "insert or update violates foreign key constraint \"{name}\": key ({})=({values}) is not present in table {}; nothing was written",
        listed(columns),
        written_name(referred)
    );
    violation(key, in_rows(SqlState::FOREIGN_KEY_VIOLATION, table, "a row refers to a key that is not there", problem))
}

/// The error for a key that goes while a row refers to it.
fn referred(key: &ForeignKey, values: &str) -> DataFusionError {
    let ForeignKey { name, table, referred, referred_columns, .. } = key;
    let table = written_name(table);
    let problem = format!(
        "update or delete violates foreign key constraint \"{name}\" on table {table}: key ({})=({values}) is still referenced from table {table}; nothing was changed",
        listed(referred_columns)
    );
    violation(key, in_rows(SqlState::FOREIGN_KEY_VIOLATION, referred, "a row refers to a key that would go", problem))
}

/// As in PostgreSQL, the table is the one that has the constraint.
fn violation(key: &ForeignKey, error: DataFusionError) -> DataFusionError {
    violating(error, Violated { table: key.table.clone(), column: None, constraint: Some(key.name.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_types_are_compared_where_none_of_their_values_changes() {
        use DataType::{Date32, Decimal128, Float32, Float64, Int32, Int64, UInt64, Utf8, Utf8View};
        assert_eq!(compared_as(&Int32, &Int64), Some(Int64));
        assert_eq!(compared_as(&UInt64, &Int32), Some(Decimal128(20, 0)));
        assert_eq!(compared_as(&Decimal128(10, 2), &Int32), Some(Decimal128(22, 2)));
        assert_eq!(compared_as(&Utf8View, &Utf8), Some(Utf8));
        assert_eq!(compared_as(&Float32, &Float64), Some(Float64));
        assert_eq!(compared_as(&Date32, &Date32), Some(Date32));
        assert_eq!((compared_as(&Utf8, &Int64), compared_as(&Date32, &Int64), compared_as(&Float64, &Int64)), (None, None, None));
    }
}
