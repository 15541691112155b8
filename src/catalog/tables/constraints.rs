//! What holds for all rows of a table, and how a statement's rows are compared with it before they are published.
//!
//! A condition is tested on each new row. The keys of new rows are collected as the rows are written; before they are published, they are
//! looked for among the keys of the rows that stay. Of the stored files only the columns of keys are read, and of these only the row
//! groups whose least and greatest values leave room for one of the new keys: a key that grows with each row reads none.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::unary;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExpr;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::Lost;
use crate::catalog::data::{Parts, Pinned};
use crate::error::{SqlState, Violated, coded, in_rows, violating};
use crate::text::{identifier, written_name};

/// Up to this many first values of new keys are compared with a row group one by one; of more, the least and the greatest.
const FEW: usize = 4096;
/// What an entry of a hash set takes beside its bytes.
pub(super) const ENTRY: usize = 48;

/// What holds for all rows of a table.
#[derive(Debug, Clone, Default)]
pub struct Constraints {
    pub keys: Vec<Key>,
    pub checks: Vec<Check>,
    /// Foreign keys with MATCH FULL: a row has all their columns or none.
    pub full: Vec<Key>,
    /// Whether rows refer to those of tables, with which they are compared when they are written.
    pub refers: bool,
    /// Which rows are tested.
    pub rows: Rows,
    /// The columns of strings that are values of a type of PostgreSQL, with its name.
    pub told: Vec<(String, &'static str)>,
}

/// The rows that are compared with constraints, as errors speak of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rows {
    /// Those that a statement adds.
    #[default]
    New,
    /// Those of a table to which ALTER TABLE gives the constraints.
    Present,
}

/// Columns that no two rows have the same values in.
#[derive(Debug, Clone)]
pub struct Key {
    pub name: String,
    /// The places of its columns.
    pub columns: Vec<usize>,
    /// Whether two rows with NULL in it may be there.
    pub nulls_are_equal: bool,
}

/// A condition that is false for no row.
#[derive(Debug, Clone)]
pub struct Check {
    pub name: String,
    /// As SQL.
    pub text: String,
    pub condition: Arc<dyn PhysicalExpr>,
}

/// The rows that a statement adds to a table, as far as the table's constraints speak of them.
#[derive(Debug)]
pub struct Added {
    constraints: Arc<Constraints>,
    table: String,
    columns: SchemaRef,
    keys: Vec<Keys>,
    memory: MemoryReservation,
}

/// The new keys of one constraint.
#[derive(Debug)]
struct Keys {
    converter: RowConverter,
    new: HashSet<Box<[u8]>>,
    /// For comparing the first column with the bounds of row groups; none for types whose bounds are not in the order of rows.
    first: Option<First>,
}

#[derive(Debug)]
pub(super) struct First {
    converter: RowConverter,
    /// All values, or the least and the greatest.
    values: BTreeSet<OwnedRow>,
    is_range: bool,
}

impl First {
    /// No values yet; `None` for types whose bounds are not in the order of rows.
    pub(super) fn of(data_type: &DataType) -> Result<Option<Self>> {
        let is_ordered = data_type.is_integer()
            || data_type.is_string()
            || matches!(
                data_type,
                DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..) | DataType::Time64(_) | DataType::Boolean
            );
        if !is_ordered {
            return Ok(None);
        }
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        Ok(Some(Self { converter, values: BTreeSet::new(), is_range: false }))
    }

    /// Adds values.
    pub(super) fn add(&mut self, values: &ArrayRef) -> Result<()> {
        for row in &self.converter.convert_columns(std::slice::from_ref(values))? {
            self.values.insert(row.owned());
            let is_more = self.values.len() > if self.is_range { 2 } else { FEW };
            if is_more && let (Some(least), Some(most)) = (self.values.pop_first(), self.values.pop_last()) {
                self.values = BTreeSet::from([least, most]);
                self.is_range = true;
            }
        }
        Ok(())
    }

    /// Whether each row group can have one of the values, by its bounds.
    pub(super) fn within(&self, least: &ArrayRef, most: &ArrayRef) -> Result<Vec<bool>> {
        let of = |bounds: &ArrayRef| self.converter.convert_columns(std::slice::from_ref(bounds));
        let (low, high) = (of(least)?, of(most)?);
        let may = |group: usize| {
            if least.is_null(group) || most.is_null(group) {
                return true;
            }
            let (low, high) = (low.row(group).owned(), high.row(group).owned());
            if self.is_range {
                self.values.first().is_some_and(|first| *first <= high) && self.values.last().is_some_and(|last| *last >= low)
            } else {
                low <= high && self.values.range(low..=high).next().is_some()
            }
        };
        Ok((0..least.len()).map(may).collect())
    }
}

impl Added {
    /// No rows yet.
    ///
    /// # Errors
    /// The type of a column of a key cannot be compared.
    pub fn new(constraints: &Arc<Constraints>, table: &str, columns: &SchemaRef, memory: MemoryReservation) -> Result<Self> {
        let keys = |key: &Key| {
            let types = key.columns.iter().map(|place| columns.field(*place).data_type());
            let converter = RowConverter::new(types.cloned().map(SortField::new).collect())?;
            let first = match key.columns.first() {
                // A key with NULLs that are equal is also looked for where the bounds say nothing.
                Some(place) if !key.nulls_are_equal => First::of(columns.field(*place).data_type())?,
                _ => None,
            };
            Ok(Keys { converter, new: HashSet::new(), first })
        };
        let keys = constraints.keys.iter().map(keys).collect::<Result<Vec<_>>>()?;
        Ok(Self { constraints: Arc::clone(constraints), table: table.into(), columns: Arc::clone(columns), keys, memory })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// A NULL where a column allows none, a row that is not as a condition says, a key that is given twice, or memory runs out.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.refuse_nulls(batch)?;
        for check in &self.constraints.checks {
            self.test(check, batch)?;
        }
        for key in &self.constraints.full {
            self.refuse_parts(key, batch)?;
        }
        let constraints = Arc::clone(&self.constraints);
        for (key, keys) in constraints.keys.iter().zip(&mut self.keys) {
            let columns: Vec<ArrayRef> = key.columns.iter().map(|place| plain(batch.column(*place))).collect();
            let rows = keys.converter.convert_columns(&columns)?;
            for (place, row) in rows.iter().enumerate() {
                if !key.nulls_are_equal && has_null(&columns, place) {
                    continue;
                }
                let bytes = row.as_ref();
                if keys.new.contains(bytes) {
                    let what = match constraints.rows {
                        Rows::New => "is given twice",
                        Rows::Present => "is in two rows of the table",
                    };
                    return Err(twice(&self.table, &self.columns, key, &columns, place, what));
                }
                self.memory.try_grow(bytes.len() + ENTRY)?;
                keys.new.insert(bytes.into());
            }
            if let (Some(first), Some(values)) = (&mut keys.first, columns.first()) {
                first.add(values)?;
            }
        }
        Ok(())
    }

    fn test(&self, check: &Check, batch: &RecordBatch) -> Result<()> {
        let result = check.condition.evaluate(batch)?.into_array(batch.num_rows())?;
        let is_false = |value: Option<bool>| value == Some(false);
        // A condition that is NULL everywhere has no booleans.
        if !result.as_boolean_opt().is_some_and(|holds| holds.iter().any(is_false)) {
            return Ok(());
        }
        let (named, text) = (identifier(&check.name), &check.text);
        let problem = match self.constraints.rows {
            Rows::New => format!("a new row violates check constraint {named}: CHECK ({text}); nothing was written"),
            Rows::Present => format!(
                "a row of the table violates check constraint {named}: CHECK ({text}); nothing was changed; SELECT * FROM {} WHERE NOT \
                 ({text}) shows such rows",
                written_name(&self.table)
            ),
        };
        Err(of_constraint(coded(SqlState::CHECK_VIOLATION, &self.table, problem), &self.table, &check.name))
    }

    /// Fails when a row has some of the columns of a key and not the others.
    fn refuse_parts(&self, key: &Key, batch: &RecordBatch) -> Result<()> {
        let columns: Vec<ArrayRef> = key.columns.iter().map(|place| Arc::clone(batch.column(*place))).collect();
        let nulls = |row: usize| columns.iter().filter(|column| column.is_null(row)).count();
        if !(0..batch.num_rows()).any(|row| nulls(row) > 0 && nulls(row) < columns.len()) {
            return Ok(());
        }
        let problem = format!(
            "insert or update violates foreign key constraint \"{}\": MATCH FULL does not allow mixing of null and nonnull key values; nothing was written",
            key.name
        );
        Err(of_constraint(coded(SqlState::FOREIGN_KEY_VIOLATION, &self.table, problem), &self.table, &key.name))
    }

    /// Fails when a column that allows no NULL has one.
    fn refuse_nulls(&self, batch: &RecordBatch) -> Result<()> {
        for (field, column) in self.columns.fields().iter().zip(batch.columns()) {
            if field.is_nullable() || column.logical_null_count() == 0 {
                continue;
            }
            let name = field.name();
            let problem = match self.constraints.rows {
                Rows::New => format!("column {name} is NOT NULL, but a row has no value for it; nothing was written"),
                Rows::Present => {
                    format!("column {name} is NOT NULL, but a row of the table has no value for it; nothing was changed")
                }
            };
            let violated = Violated { table: self.table.clone(), column: Some(name.clone()), constraint: None };
            return Err(violating(coded(SqlState::NOT_NULL_VIOLATION, &self.table, problem), violated));
        }
        Ok(())
    }

    /// Fails if rows with these columns have one of the new keys.
    ///
    /// # Errors
    /// The first such key.
    pub fn compare(&self, batch: &RecordBatch) -> Result<()> {
        for (key, keys) in self.constraints.keys.iter().zip(&self.keys) {
            let columns: Vec<ArrayRef> = key.columns.iter().map(|place| Arc::clone(batch.column(*place))).collect();
            self.look_for(key, keys, &columns)?;
        }
        Ok(())
    }

    fn look_for(&self, key: &Key, keys: &Keys, columns: &[ArrayRef]) -> Result<()> {
        if keys.new.is_empty() {
            return Ok(());
        }
        let columns: Vec<ArrayRef> = columns.iter().map(plain).collect();
        let rows = keys.converter.convert_columns(&columns)?;
        match rows.iter().position(|row| keys.new.contains(row.as_ref())) {
            Some(place) => Err(twice(&self.table, &self.columns, key, &columns, place, "exists already")),
            None => Ok(()),
        }
    }

    /// Fails if a row of these files has one of the new keys, unless it is lost.
    ///
    /// # Errors
    /// The first such key; or a file is damaged.
    pub async fn compare_files(&self, files: &[Arc<Pinned>], lost: Option<&Lost>) -> Result<()> {
        for (key, keys) in self.constraints.keys.iter().zip(&self.keys) {
            if keys.new.is_empty() {
                continue;
            }
            for (number, file) in files.iter().enumerate() {
                self.compare_file(key, keys, (number, file), lost)?;
                // A point at which the statement can be cancelled.
                tokio::task::consume_budget().await;
            }
        }
        Ok(())
    }

    fn compare_file(&self, key: &Key, keys: &Keys, (number, file): (usize, &Arc<Pinned>), lost: Option<&Lost>) -> Result<()> {
        let parts = Parts(Arc::clone(file));
        let metadata = ArrowReaderMetadata::load(&parts, file.reading()?)?;
        let groups = metadata.metadata().row_groups();
        let may = self.groups(key, keys, &metadata)?;
        let mut places = key.columns.clone();
        places.sort_unstable();
        let mut begin = 0;
        for (group, may) in may.into_iter().enumerate() {
            let rows = groups.get(group).map_or(0, |group| usize::try_from(group.num_rows()).unwrap_or(0));
            let mut first = begin;
            begin += rows;
            if !may {
                continue;
            }
            let reading = ParquetRecordBatchReaderBuilder::new_with_metadata(parts.clone(), metadata.clone());
            let columns = ProjectionMask::roots(reading.parquet_schema(), places.iter().copied());
            for batch in reading.with_projection(columns).with_row_groups(vec![group]).build()? {
                let batch = batch?;
                let staying = match lost {
                    Some(lost) => lost.staying(number, first, &batch)?,
                    None => batch.clone(),
                };
                first += batch.num_rows();
                let own = |place: &usize| places.binary_search(place).ok().map(|place| Arc::clone(staying.column(place)));
                self.look_for(key, keys, &key.columns.iter().filter_map(own).collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }

    /// Whether each row group of a file can have one of the new keys.
    fn groups(&self, key: &Key, keys: &Keys, metadata: &ArrowReaderMetadata) -> Result<Vec<bool>> {
        let groups = metadata.metadata().row_groups();
        let all = || Ok(vec![true; groups.len()]);
        let (Some(first), Some(place)) = (&keys.first, key.columns.first()) else { return all() };
        let field = self.columns.field(*place);
        let Ok(bounds) = StatisticsConverter::try_new(field.name(), metadata.schema(), metadata.parquet_schema()) else {
            return all();
        };
        let (least, most) = (bounds.row_group_mins(groups)?, bounds.row_group_maxes(groups)?);
        if least.data_type() != field.data_type() || most.data_type() != field.data_type() {
            return all();
        }
        first.within(&least, &most)
    }
}

/// The values of a column as keys compare them: zero has no sign, and there is one NaN.
pub(super) fn plain(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => {
            let plain = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
            Arc::new(unary::<Float64Type, _, Float64Type>(column.as_primitive(), plain))
        }
        DataType::Float32 => {
            let plain = |value: f32| if value.is_nan() { f32::NAN } else { value + 0.0 };
            Arc::new(unary::<Float32Type, _, Float32Type>(column.as_primitive(), plain))
        }
        _ => Arc::clone(column),
    }
}

/// True for a row with a NULL in one of these columns.
pub(super) fn has_null(columns: &[ArrayRef], row: usize) -> bool {
    columns.iter().any(|column| column.is_null(row))
}

/// The error for a key that two rows have. Its values are those of a row that the statement gives: the other row has the same.
fn twice(table: &str, schema: &SchemaRef, key: &Key, columns: &[ArrayRef], row: usize, what: impl Display) -> DataFusionError {
    let names: Vec<String> = key.columns.iter().map(|place| identifier(schema.field(*place).name())).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.is_null(row) {
            true => "null".into(),
            false => array_value_to_string(column, row).unwrap_or_default(),
        })
        .collect();
    let problem = format!(
        "duplicate key value violates unique constraint \"{}\": key ({})=({}) {what}; nothing was written",
        key.name,
        names.join(", "),
        values.join(", ")
    );
    let error = in_rows(SqlState::UNIQUE_VIOLATION, table, "two rows have the same key", problem);
    of_constraint(error, table, &key.name)
}

fn of_constraint(error: DataFusionError, table: &str, constraint: &str) -> DataFusionError {
    violating(error, Violated { table: table.into(), column: None, constraint: Some(constraint.into()) })
}
