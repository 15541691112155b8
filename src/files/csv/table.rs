//! CSV files as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::physical_plan::ExecutionPlan;

use super::detect::{Detected, detect};
use super::infer;
use super::options::CsvOptions;
use super::scan::{CsvExec, CsvFile, CsvTableParts, Part};
use super::split;
use super::values::{Guess, Numbers, Seen, class};
use crate::error::{did_you_mean, invalid};
use crate::files::bytes::Source;
use crate::files::compression_of;
use crate::files::places::Found;

/// Files smaller than this are not divided.
const SMALLEST_PART: u64 = 4 << 20;
/// What stands for NULL in the name of a folder.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// CSV files as a table.
#[derive(Debug)]
pub struct CsvTable {
    parts: Arc<CsvTableParts>,
    /// Writes what is inserted, where the table can be written to.
    pub writes: Option<Arc<dyn TableProvider>>,
}

impl CsvTable {
    /// The table of these files. Declared columns are bound to the files' by their names; without any, all columns of all files are there.
    ///
    /// # Errors
    /// A file cannot be read, or lacks what is declared.
    pub async fn open(location: &str, found: Vec<Found>, options: CsvOptions, declared: Option<&Schema>) -> Result<Self> {
        let folders = folder_columns(location, &found, declared)?;
        let mut detected = vec![];
        for (place, file) in found.into_iter().enumerate() {
            let compression = compression(&file.name, options.compression);
            let source = Source { store: file.store, meta: file.meta, name: file.name, compression, encoding: None };
            if let Some(file) = detect(source, &options).await? {
                detected.push((place, file));
            }
        }
        if detected.is_empty() && declared.is_none() {
            return Err(invalid(location, "holds nothing, not even a line with names of columns"));
        }
        let files: Vec<Detected> = detected.iter().map(|(_, file)| file.clone()).collect();
        let is_folder = |name: &str| folders.iter().any(|(field, _)| field.name() == name);
        let (own, is_declared) = match declared {
            Some(declared) => {
                let own = declared.fields().iter().filter(|field| !is_folder(field.name())).map(|field| field.as_ref().clone());
                let own = Schema::new(own.collect::<Vec<_>>());
                check_declared(location, &own, &files, options.header)?;
                let width = own.fields().len();
                (own, vec![true; width])
            }
            None => {
                let own = infer::schema(&files, &options).await?;
                if let Some((name, _)) = options.types.iter().find(|(name, _)| own.index_of(name).is_err()) {
                    let names = own.fields().iter().map(|field| field.name().as_str());
                    let known = names.clone().collect::<Vec<_>>().join(", ");
                    let suggestion = did_you_mean(name, names);
                    return Err(invalid(
                        location,
                        format!("types names {name}, and there is no such column{suggestion}; it has {known}"),
                    ));
                }
                let is_said = |field: &Arc<Field>| options.all_text || options.types.iter().any(|(name, _)| name == field.name());
                let said = own.fields().iter().map(is_said).collect();
                // The name of a folder says the same as a column of the file, which it then stands for.
                (own, said)
            }
        };
        let (mut fields, mut kept_declared) = (vec![], vec![]);
        for (field, is_declared) in own.fields().iter().zip(is_declared) {
            if !is_folder(field.name()) {
                fields.push(Arc::clone(field));
                kept_declared.push(is_declared);
            }
        }
        let width = fields.len();
        fields.extend(folders.iter().map(|(field, _)| Arc::new(field.clone())));
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let by_place = declared.is_some() && !options.header;
        let files = detected.into_iter().map(|(place, detected)| {
            let of_name = |name: &String| schema.index_of(name).ok().filter(|column| *column < width);
            let columns = match by_place {
                true => (0..detected.names.len()).map(|column| (column < width).then_some(column)).collect(),
                false => detected.names.iter().map(of_name).collect(),
            };
            let partition = folders.iter().map(|(_, values)| values[place].clone()).collect();
            CsvFile { detected, columns, partition }
        });
        let parts = CsvTableParts { files: files.collect(), schema, width, options, declared: kept_declared };
        Ok(Self { parts: Arc::new(parts), writes: None })
    }
}

/// Fails when a declared column is in none of the headers.
fn check_declared(location: &str, declared: &Schema, files: &[Detected], header: bool) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    if !header {
        let width = declared.fields().len();
        return match files.iter().find(|file| file.names.len() != width) {
            Some(file) => {
                let problem =
                    format!("{width} columns are declared, and the file has {} and no header to bind them by", file.names.len());
                Err(invalid(&file.source.name, problem))
            }
            None => Ok(()),
        };
    }
    for field in declared.fields() {
        if files.iter().any(|file| file.names.contains(field.name())) {
            continue;
        }
        let names = files[0].names.iter().map(String::as_str);
        let known = names.clone().collect::<Vec<_>>().join(", ");
        let suggestion = did_you_mean(field.name(), names);
        let problem = format!(
            "column {} is declared, and no header has it{suggestion}; there is {known}. To bind columns by their place: \
             OPTIONS ('header' 'false', 'skip' '1')",
            field.name()
        );
        return Err(invalid(location, problem));
    }
    Ok(())
}

/// The columns that the names of folders give, with the value of each file.
fn folder_columns(location: &str, found: &[Found], declared: Option<&Schema>) -> Result<Vec<(Field, Vec<ScalarValue>)>> {
    let Some(first) = found.first() else { return Ok(vec![]) };
    let keys = |file: &Found| file.folders.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let expected = keys(first);
    if let Some(other) = found.iter().find(|file| keys(file) != expected) {
        let problem = format!(
            "its folders give the columns {}, and those of {} give {}: they must agree",
            shown(&keys(other)),
            first.name,
            shown(&expected)
        );
        return Err(invalid(&other.name, problem));
    }
    let columns = expected.iter().enumerate().map(|(place, key)| {
        let texts: Vec<&str> = found.iter().map(|file| file.folders[place].1.as_str()).collect();
        let mut seen = Seen::default();
        let of_values = texts.iter().filter(|text| **text != NULL_FOLDER && !text.is_empty());
        of_values.for_each(|text| seen.add(class(text.as_bytes(), &Numbers::default())));
        let declared = declared.and_then(|declared| declared.field_with_name(key).ok()).map(Field::data_type);
        let data_type = declared.cloned().unwrap_or_else(|| match seen.guess() {
            Guess::Integer => DataType::Int64,
            Guess::Date => DataType::Date32,
            _ => DataType::Utf8View,
        });
        let values = texts.iter().map(|text| match *text {
            NULL_FOLDER => ScalarValue::try_from(&data_type),
            text => ScalarValue::Utf8(Some(text.to_string())).cast_to(&data_type).map_err(|_| {
                invalid(location, format!("the folder {key}={text} gives no {}", crate::text::sql_type(&data_type)))
            }),
        });
        Ok((Field::new(key, data_type.clone(), true), values.collect::<Result<Vec<_>>>()?))
    });
    columns.collect()
}

fn shown(keys: &[String]) -> String {
    if keys.is_empty() { "none".into() } else { keys.join(", ") }
}

/// How a file is compressed: as it is said, or as its name ends.
fn compression(name: &str, said: Option<&'static str>) -> FileCompressionType {
    match said.or_else(|| compression_of(name)) {
        Some("gzip") => FileCompressionType::GZIP,
        Some("zstd") => FileCompressionType::ZSTD,
        Some("bzip2") => FileCompressionType::BZIP2,
        Some("xz") => FileCompressionType::XZ,
        _ => FileCompressionType::UNCOMPRESSED,
    }
}

#[async_trait]
impl TableProvider for CsvTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.parts.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.parts.schema.fields().len()).collect());
        let partitions = state.config().target_partitions().max(1);
        // What is read up to a limit is read from the beginning.
        let partitions = if limit.is_some() { 1 } else { partitions };
        let total: u64 = self.parts.files.iter().map(|file| file.detected.source.meta.size).sum();
        let share = total.div_ceil(partitions as u64).max(SMALLEST_PART);
        let mut groups: Vec<Vec<Part>> = vec![vec![]; partitions];
        let mut sizes = vec![0_u64; partitions];
        for (file, of_file) in self.parts.files.iter().enumerate() {
            let size = of_file.detected.source.meta.size;
            let count = usize::try_from(size.div_ceil(share)).unwrap_or(1);
            let starts = split::starts(&of_file.detected, count).await?;
            let ends = starts.iter().skip(1).copied().chain([size]);
            for (start, end) in starts.iter().copied().zip(ends) {
                // To who has least so far, in the order of the files: the same each time.
                let least = (0..partitions).min_by_key(|group| sizes[*group]).unwrap_or(0);
                groups[least].push(Part { file, range: start..end });
                sizes[least] += end - start;
            }
        }
        groups.retain(|group| !group.is_empty());
        Ok(Arc::new(CsvExec::new(Arc::clone(&self.parts), groups, projection, limit)?))
    }

    async fn insert_into(
        &self,
        state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        insert_op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match &self.writes {
            Some(table) => table.insert_into(state, input, insert_op).await,
            None => Err(invalid("INSERT", "only a table that was made with CREATE EXTERNAL TABLE takes rows")),
        }
    }
}
