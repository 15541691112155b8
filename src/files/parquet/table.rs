//! Parquet files as a table.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingTable, PartitionedFile};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::uuids::{self, ValuesAsRead};
use super::widen::{wider, with_plain_dates};
use crate::builtins::spans::has_spans;
use crate::error::{did_you_mean, failed, invalid, message, raw};
use crate::files::folders::Folders;
use crate::files::footer_problem;
use crate::files::left_out::tell;
use crate::files::places::Found;
use crate::files::spellings::alike;
use crate::files::table::Layout;
use crate::opaque::forward;
use crate::text::sql_type;

/// The number of files whose footers are read at the same time.
const AT_ONCE: usize = 16;
/// The last bytes of a file: the length of its footer, and four magic letters.
const TAIL: u64 = 8;
/// Integers up to here are exact as doubles.
const WHOLE: i64 = 1 << 53;

/// A table over Parquet files.
#[derive(Debug)]
pub struct ParquetTable {
    layout: Layout,
    store: ObjectStoreUrl,
    format: Arc<dyn FileFormat>,
    files: Vec<PartitionedFile>,
    /// How the columns of UUIDs and floats are read, if there are any.
    adapter: Option<Arc<dyn PhysicalExprAdapterFactory>>,
    /// The columns that cannot be read, each with its file: intervals whose months the reader drops, and lists of them.
    spans: Vec<(String, String)>,
    /// Notes about what its places have besides the files.
    pub left_out: Vec<String>,
    /// The table that inserted rows are written through, if it can be inserted into.
    pub inserts: Option<Arc<ListingTable>>,
}

/// A file, and what its footer says.
struct Known {
    found: Found,
    schema: SchemaRef,
    statistics: Statistics,
    /// The names of its columns of UUIDs.
    uuids: Vec<String>,
    /// The names of its columns of intervals whose months the reader drops.
    spans: Vec<String>,
}

impl ParquetTable {
    /// The same table, with notes about what its places have besides the files.
    pub fn leaving_out(self, notes: Vec<String>) -> Self {
        Self { left_out: [notes, self.left_out].concat(), ..self }
    }

    /// The same table, inserting rows through `inserts`.
    pub fn inserting(self, inserts: Option<Arc<ListingTable>>) -> Self {
        Self { inserts, ..self }
    }

    /// The columns, and where they come from.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The table of these files. Declared columns are matched to the files' columns by name; without a declaration, the table has all
    /// columns of all files.
    ///
    /// # Errors
    /// A file is not Parquet, or a column's types differ and no type can hold both.
    pub async fn open(
        state: &SessionState,
        location: &str,
        found: Vec<Found>,
        format: Arc<dyn FileFormat>,
        declared: Option<&Schema>,
    ) -> Result<Self> {
        let folders = Folders::of(location, &found, declared)?;
        let store = found.first().map_or_else(ObjectStoreUrl::local_filesystem, |file| file.url.clone());
        if let Some(other) = found.iter().find(|file| file.url != store) {
            return Err(invalid(
                &other.name,
                "is in another store than the other files of the table; make a table of each, and a view of both",
            ));
        }
        let looked = found.into_iter().map(|file| look_at(state, format.as_ref(), file));
        let known: Vec<Known> = stream::iter(looked).buffered(AT_ONCE).try_collect().await?;
        let own = match declared {
            Some(declared) => {
                check_declared(location, declared, &folders, &known)?;
                Schema::new(declared.fields().iter().filter(|field| !folders.has(field.name())).cloned().collect::<Vec<_>>())
            }
            None => Schema::new(columns(&known)?),
        };
        let together =
            |one: &str, other: &str| known.iter().any(|file| file.column(one).is_some() && file.column(other).is_some());
        let left_out = if declared.is_none() { alike(location, &own, together) } else { vec![] };
        let uuids: Vec<String> = known.iter().flat_map(|file| &file.uuids).cloned().collect();
        let has_floats = own.fields().iter().any(|field| field.data_type().is_floating());
        let is_adapted = has_floats || !uuids.is_empty();
        let adapter = is_adapted.then(|| Arc::new(ValuesAsRead { uuids }) as Arc<dyn PhysicalExprAdapterFactory>);
        let of_file = |file: &Known| file.spans.iter().map(|span| (span.clone(), file.found.name.clone())).collect::<Vec<_>>();
        let spans = known.iter().flat_map(of_file).collect();
        let sizes = known.iter().map(|file| file.found.meta.size).collect();
        let layout = Layout::new(&own, folders, sizes);
        let files = known.into_iter().enumerate().map(|(place, file)| layout.file(place, file)).collect();
        Ok(Self { layout, store, format, files, adapter, spans, left_out, inserts: None })
    }
}

/// Reads the footer of a file. A damaged file can make the reader panic, which becomes an error here.
async fn look_at(state: &SessionState, format: &dyn FileFormat, found: Found) -> Result<Known> {
    let name = found.name.clone();
    if found.meta.size == 0 {
        return Err(failed(&name, "cannot be read as Parquet: the file is empty"));
    }
    check_length(&found).await?;
    let metas = [found.meta.clone()];
    let looked = AssertUnwindSafe(async {
        let schema = format.infer_schema(state, &found.store, &metas).await?;
        let statistics = format.infer_stats(state, &found.store, Arc::clone(&schema), &metas[0]).await?;
        Ok((schema, statistics))
    });
    let (schema, statistics) = looked
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(ended(panic.as_ref())))
        .map_err(|error| failed(&name, footer_problem(&raw(&error)).unwrap_or_else(|| message(&error))))?;
    let spans = spans(state, &found, &schema).await?;
    let may_be_uuid = |field: &FieldRef| *field.data_type() == uuids::STORED;
    let uuids = match schema.fields().iter().any(may_be_uuid) {
        true => uuids::uuids(footer(state, &found).await?.as_ref()),
        false => vec![],
    };
    Ok(Known { found, schema, statistics, uuids, spans })
}

/// The error for a footer at which the reader panicked: it is damaged, or its Arrow schema has a type that the reader does not know, such as
/// Polars' integers of 128 bits.
fn ended(panic: &(dyn Any + Send)) -> DataFusionError {
    let problem = match panic.downcast_ref::<String>().filter(|told| told.ends_with("not supported")) {
        Some(told) => format!("a column has a type that cannot be read ({told}); write it as another, such as DECIMAL(38, 0)"),
        None => "the file is damaged".into(),
    };
    DataFusionError::ParquetError(Box::new(ParquetError::General(problem)))
}

/// Refuses a local file whose footer claims to be longer than the file, because the reader subtracts without looking. For a remote file
/// this would be one more request.
async fn check_length(found: &Found) -> Result<()> {
    let size = found.meta.size;
    let Some(start) = size.checked_sub(TAIL).filter(|_| found.url == ObjectStoreUrl::local_filesystem()) else { return Ok(()) };
    let tail = found.store.get_range(&found.meta.location, start..size).await.map_err(|error| failed(&found.name, error))?;
    let length = tail.get(..4).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    let is_parquet = tail.ends_with(b"PAR1") || tail.ends_with(b"PARE");
    match length {
        Some(length) if is_parquet && u64::from(length) > start => {
            Err(failed(&found.name, "cannot be read as Parquet: its footer is longer than the file"))
        }
        _ => Ok(()),
    }
}

/// The footer of a file that was read before.
async fn footer(state: &SessionState, found: &Found) -> Result<Arc<ParquetMetaData>> {
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let reader = DFParquetMetadata::new(found.store.as_ref(), &found.meta).with_file_metadata_cache(Some(cache));
    reader.fetch_metadata().await
}

/// The columns of Parquet's INTERVAL type, and of lists and structs of it. The reader drops the months, so that `1 month 2 days` would become
/// `2 days`. Files written by arrow have a stored schema which says that there are no months.
async fn spans(state: &SessionState, found: &Found, schema: &Schema) -> Result<Vec<String>> {
    let holds_spans = |field: &&FieldRef| has_spans(field.data_type());
    let spans: Vec<String> = schema.fields().iter().filter(holds_spans).map(|field| field.name().clone()).collect();
    if spans.is_empty() {
        return Ok(spans);
    }
    let metadata = footer(state, found).await?;
    let pairs = metadata.file_metadata().key_value_metadata();
    let is_of_arrow = pairs.is_some_and(|pairs| pairs.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
    Ok(if is_of_arrow { vec![] } else { spans })
}

/// The columns of all files in order of first occurrence, with types that can hold the values of all files.
fn columns(files: &[Known]) -> Result<Vec<FieldRef>> {
    // Each with the file in which it was first seen.
    let mut columns: Vec<(Field, &Known)> = vec![];
    for file in files {
        for field in file.schema.fields().iter().map(|field| file.plain(field)) {
            let Some((own, first)) = columns.iter_mut().find(|(own, _)| own.name() == field.name()) else {
                columns.push((field, file));
                continue;
            };
            let both = wider(own.data_type(), field.data_type()).filter(|both| {
                let is_exact = |file: &Known| *both != DataType::Float64 || file.fits_doubles(field.name());
                is_exact(file) && is_exact(first)
            });
            let Some(both) = both else {
                let problem = format!(
                    "{} is {} here, and {} in {}: no type holds both; declare it in CREATE EXTERNAL TABLE (…), or read the files apart \
                     and CAST",
                    field.name(),
                    sql_type(field.data_type()),
                    sql_type(own.data_type()),
                    first.found.name
                );
                return Err(invalid(&file.found.name, problem));
            };
            *own = Field::new(field.name(), both, own.is_nullable() || field.is_nullable());
        }
    }
    for (field, _) in &columns {
        let is_nanoseconds =
            |file: &&Known| file.column(field.name()).is_some_and(|(own, _)| own.data_type() == field.data_type());
        if let Some(file) = files.iter().find(|file| !file.fits_nanoseconds(field))
            && let Some(other) = files.iter().find(is_nanoseconds)
        {
            let problem = format!(
                "{} has a time beyond 1677 to 2262 here, and is in nanoseconds in {}, which only reach so far; declare TIMESTAMP(6) in \
                 CREATE EXTERNAL TABLE (…), which keeps microseconds, or read the files apart",
                field.name(),
                other.found.name
            );
            return Err(invalid(&file.found.name, problem));
        }
    }
    let is_everywhere = |field: &Field| files.iter().all(|file| file.schema.index_of(field.name()).is_ok());
    let of_table = |(field, _): (Field, _)| {
        let is_nullable = field.is_nullable() || !is_everywhere(&field);
        // A column without a value in any file, as pandas and Polars write it, is text as in other kinds of files.
        let field = if field.data_type().is_null() { field.with_data_type(DataType::Utf8View) } else { field };
        Arc::new(field.with_nullable(is_nullable))
    };
    Ok(columns.into_iter().map(of_table).collect())
}

impl Known {
    /// The field in a type that SQL has: not every function takes dictionaries, the form in which pandas and Polars write categories.
    fn plain(&self, field: &Field) -> Field {
        let data_type = match field.data_type() {
            DataType::FixedSizeBinary(_) if self.uuids.contains(field.name()) => DataType::Utf8View,
            DataType::FixedSizeBinary(_) => DataType::BinaryView,
            DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8View,
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            // A DATE as everywhere else: in milliseconds it would be written with a time of day, and to Parquet as a number.
            DataType::Date64 => DataType::Date32,
            nested if nested.is_nested() => with_plain_dates(nested),
            _ => return field.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    }

    /// A column of that name, and what the footer says of it.
    fn column(&self, name: &str) -> Option<(&Field, Option<&ColumnStatistics>)> {
        let place = self.schema.index_of(name).ok()?;
        Some((self.schema.field(place), self.statistics.column_statistics.get(place)))
    }

    /// False when the table has a column in nanoseconds, and this file is known to have times there that these cannot hold.
    fn fits_nanoseconds(&self, of_table: &Field) -> bool {
        let (DataType::Timestamp(TimeUnit::Nanosecond, _), Some((_, Some(known)))) =
            (of_table.data_type(), self.column(of_table.name()))
        else {
            return true;
        };
        let is_within = |value: &Precision<ScalarValue>| {
            let (count, nanoseconds) = match value.get_value() {
                Some(ScalarValue::TimestampSecond(Some(count), _)) => (*count, 1_000_000_000),
                Some(ScalarValue::TimestampMillisecond(Some(count), _)) => (*count, 1_000_000),
                Some(ScalarValue::TimestampMicrosecond(Some(count), _)) => (*count, 1_000),
                Some(ScalarValue::Date32(Some(days))) => (i64::from(*days), 86_400_000_000_000),
                _ => return true,
            };
            count.checked_mul(nanoseconds).is_some()
        };
        is_within(&known.min_value) && is_within(&known.max_value)
    }

    /// True unless the column may contain integers that are not exact as doubles.
    fn fits_doubles(&self, column: &str) -> bool {
        let Ok(place) = self.schema.index_of(column) else { return true };
        if !matches!(self.schema.field(place).data_type(), DataType::Int64 | DataType::UInt64) {
            return true;
        }
        let Some(known) = self.statistics.column_statistics.get(place) else { return false };
        let is_within = |value: &Precision<ScalarValue>| match value.get_value() {
            Some(ScalarValue::Int64(Some(value))) => (-WHOLE..=WHOLE).contains(value),
            Some(ScalarValue::UInt64(Some(value))) => *value <= WHOLE.unsigned_abs(),
            _ => false,
        };
        let is_empty = self.statistics.num_rows == Precision::Exact(0) || known.null_count == self.statistics.num_rows;
        is_empty || is_within(&known.min_value) && is_within(&known.max_value)
    }
}

/// Fails when a declared column is in none of the files.
fn check_declared(location: &str, declared: &Schema, folders: &Folders, files: &[Known]) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    for field in declared.fields() {
        if folders.has(field.name()) || files.iter().any(|file| file.schema.index_of(field.name()).is_ok()) {
            continue;
        }
        let names = first.schema.fields().iter().map(|field| field.name().as_str());
        let known = names.clone().collect::<Vec<_>>().join(", ");
        let suggestion = did_you_mean(field.name(), names);
        let problem = format!("column {} is declared, and no file has it{suggestion}; there is {known}", field.name());
        return Err(invalid(location, problem));
    }
    Ok(())
}

impl Layout {
    /// A file with its statistics. Columns whose type differs from the table's have none.
    fn file(&self, place: usize, known: Known) -> PartitionedFile {
        let Known { found, schema, statistics, .. } = known;
        let own = self.schema.fields().iter().take(self.width).map(|field| match schema.index_of(field.name()) {
            Ok(place) if schema.field(place).data_type() == field.data_type() => {
                let known = statistics.column_statistics.get(place).cloned().unwrap_or_default();
                // Writers count 0.0, -0.0 and each NaN apart, or estimate, so this number is no answer to count(DISTINCT …).
                ColumnStatistics { distinct_count: known.distinct_count.to_inexact(), ..known }
            }
            Ok(_) => ColumnStatistics::new_unknown(),
            Err(_) => ColumnStatistics { null_count: statistics.num_rows, ..ColumnStatistics::new_unknown() },
        });
        let values = self.folders.values(place);
        let of_folder = |value: &ScalarValue| match value.is_null() {
            true => ColumnStatistics { null_count: statistics.num_rows, ..ColumnStatistics::new_unknown() },
            false => ColumnStatistics {
                null_count: Precision::Exact(0),
                max_value: Precision::Exact(value.clone()),
                min_value: Precision::Exact(value.clone()),
                ..ColumnStatistics::new_unknown()
            },
        };
        let column_statistics = own.chain(values.iter().map(of_folder)).collect();
        let statistics =
            Statistics { num_rows: statistics.num_rows, total_byte_size: statistics.total_byte_size, column_statistics };
        let mut file = PartitionedFile::new_from_meta(found.meta);
        file.partition_values = values.to_vec();
        // Set directly, because `with_statistics` would claim that folder values are never NULL.
        file.statistics = Some(Arc::new(statistics));
        file
    }
}

impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.layout.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let decided = |filter: &&Expr| match self.layout.folders.decide(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(decided).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let of_files = self.files.iter().filter_map(|file| file.statistics.as_deref());
        Statistics::try_merge_iter(of_files, &self.layout.schema).ok()
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl ParquetTable {
    /// Rejects a column that cannot be read where a query reads it; the others of its file can be read without it.
    fn refuse_spans(&self, projection: Option<&Vec<usize>>) -> Result<()> {
        for (span, file) in &self.spans {
            let Ok(place) = self.layout.schema.index_of(span) else { continue };
            if projection.is_some_and(|read| !read.contains(&place)) {
                continue;
            }
            let problem = format!(
                "{span} holds INTERVALs, whose months cannot be read from Parquet; leave it out, SELECT * EXCEPT ({span}), or write it as \
                 text, CAST({span} AS VARCHAR), or as days or seconds"
            );
            return Err(invalid(file, problem));
        }
        Ok(())
    }

    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            tell(state, &self.left_out);
            self.refuse_spans(projection)?;
            let layout = &self.layout;
            let is_read = layout.folders.matching(state, filters)?;
            let decides_rows = filters.iter().any(|filter| !layout.folders.decide(filter));
            let mut files = vec![];
            let mut rows = 0_usize;
            for (file, _) in self.files.iter().zip(is_read).filter(|(_, is_read)| *is_read) {
                // The files so far have enough rows for the limit.
                if limit.is_some_and(|limit| rows >= limit) && !decides_rows {
                    break;
                }
                rows = rows
                    .saturating_add(file.statistics.as_ref().and_then(|known| known.num_rows.get_value().copied()).unwrap_or(0));
                files.push(file.clone());
            }
            if files.is_empty() {
                let schema = match projection {
                    Some(projection) => Arc::new(layout.schema.project(projection)?),
                    None => Arc::clone(&layout.schema),
                };
                return Ok(Arc::new(EmptyExec::new(schema)) as Arc<dyn ExecutionPlan>);
            }
            let known = Statistics::try_merge_iter(files.iter().filter_map(|file| file.statistics.as_deref()), &layout.schema)?;
            let groups = FileGroup::new(files).split_files(state.config().target_partitions().max(1));
            let fields = layout.schema.fields();
            let own: SchemaRef = Arc::new(Schema::new(fields.iter().take(layout.width).cloned().collect::<Vec<_>>()));
            let table = TableSchema::builder(own)
                .with_table_partition_cols(fields.iter().skip(layout.width).cloned().collect::<Vec<_>>())
                .build();
            let scan = FileScanConfigBuilder::new(self.store.clone(), self.format.file_source(table))
                .with_file_groups(groups)
                .with_statistics(known)
                .with_projection_indices(projection.cloned())?
                .with_limit(limit)
                .with_expr_adapter(self.adapter.clone())
                .build();
            self.format.create_physical_plan(state, scan).await
        })
    }
}
