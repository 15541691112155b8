//! Metadata of files: `file_info('location')` has one row per file, `file_columns('location')` one per file and column.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionState;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::footer_problem;
use super::kinds::kind_of;
use super::left_out;
use super::places::{self, Found};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{failed, invalid};
use crate::text::sql_type;

/// The last bytes of a Parquet file: the length of its footer, and four magic letters.
const TAIL: u64 = 8;

/// The documentation pages of these functions.
pub static DOCS: [Doc; 2] = [
    Doc {
        name: "file_info",
        kind: Kind::Relation,
        domain: "files",
        summary: "Lists files: kind, size, age, and for Parquet what their footers say.",
        syntax: "file_info('location')",
        description: "\
One row per file, in the order of their names. Only Parquet files tell how many rows, row groups and columns they have, and which program wrote them; these are NULL for other files. No rows are read.

**Cost.** The location is listed, and the footer of each Parquet file is read: a few kilobytes each, also over the network.

**Elsewhere.** `parquet_file_metadata` and `glob` of DuckDB, `pq.read_metadata` of pyarrow.",
        arguments: &[Argument::required(
            "location",
            Takes::Value("string"),
            "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
        )],
        columns: &[
            Column { name: "file", data_type: "VARCHAR", text: "its name, as written in SQL" },
            Column { name: "kind", data_type: "VARCHAR", text: "`PARQUET`, `CSV`, `JSON`, …" },
            Column { name: "bytes", data_type: "BIGINT", text: "its size" },
            Column { name: "modified_at", data_type: "TIMESTAMP", text: "when it was last written, in UTC" },
            Column { name: "rows", data_type: "BIGINT", text: "its rows" },
            Column { name: "row_groups", data_type: "BIGINT", text: "its row groups" },
            Column { name: "columns", data_type: "BIGINT", text: "its columns" },
            Column { name: "created_by", data_type: "VARCHAR", text: "the program that wrote it" },
        ],
        examples: &["SELECT file, kind, rows, row_groups, columns FROM file_info('data/sample') ORDER BY file;"],
        ..Doc::EMPTY
    },
    Doc {
        name: "file_columns",
        kind: Kind::Relation,
        domain: "files",
        summary: "Lists the columns of files, and for Parquet their sizes, NULLs and bounds.",
        syntax: "file_columns('location')",
        description: "\
One row per file and column. Sizes, NULLs and bounds come from the footers of Parquet files; they are NULL for other files. Bounds are texts. They are NULL if a row group has none; those of long texts may be shortened, so that they lie below or above every value. No rows are read, except those from which types are guessed.

**Cost.** As `file_info`; of other kinds of files, the pieces from which types are guessed are read.

**Elsewhere.** `parquet_schema` and `parquet_metadata` of DuckDB; `sniff_csv` for CSV; `DESCRIBE FROM 'file'` gives names and types only, as
here.",
        arguments: &[Argument::required(
            "location",
            Takes::Value("string"),
            "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
        )],
        columns: &[
            Column { name: "file", data_type: "VARCHAR", text: "its name, as written in SQL" },
            Column { name: "column", data_type: "VARCHAR", text: "the name of the column" },
            Column { name: "type", data_type: "VARCHAR", text: "its type" },
            Column { name: "nulls", data_type: "BIGINT", text: "how many values are NULL" },
            Column { name: "min", data_type: "VARCHAR", text: "the smallest value" },
            Column { name: "max", data_type: "VARCHAR", text: "the greatest value" },
            Column { name: "compressed_bytes", data_type: "BIGINT", text: "bytes in the file" },
            Column { name: "uncompressed_bytes", data_type: "BIGINT", text: "bytes before compression" },
        ],
        examples: &["SELECT \"column\", type, nulls, min, max FROM file_columns('data/sample/orders.parquet');"],
        ..Doc::EMPTY
    },
];

/// The rows of a call.
///
/// # Errors
/// There are no files, or a file is not of the kind that its name says.
pub async fn read(state: &SessionState, doc: &Doc, locations: &[String], base: &Path) -> Result<Arc<dyn TableProvider>> {
    let (found, notes) = places::find_all(state, locations, base, |name| kind_of(name).is_some()).await?;
    left_out::tell(state, &notes);
    if found.is_empty() {
        return Err(invalid(&locations.join(", "), "there is no file of a known kind: Parquet, CSV, JSON, Excel"));
    }
    let arrays = if doc.name == "file_info" { files(&found).await? } else { columns(state, &found, base).await? };
    let field = |column: &Column| {
        let data_type = match column.data_type {
            "BIGINT" => DataType::Int64,
            "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        };
        Field::new(column.name, data_type, true)
    };
    let schema = Arc::new(Schema::new(doc.columns.iter().map(field).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

fn kind(file: &Found) -> Option<&'static str> {
    kind_of(&file.name)
}

async fn files(found: &[Found]) -> Result<Vec<ArrayRef>> {
    let mut footers = vec![];
    for file in found {
        footers.push(if kind(file) == Some("PARQUET") { Some(footer(file).await?) } else { None });
    }
    let of = |get: fn(&ParquetMetaData) -> i64| -> ArrayRef {
        Arc::new(footers.iter().map(|footer| footer.as_ref().map(get)).collect::<Int64Array>())
    };
    let bytes = found.iter().map(|file| i64::try_from(file.meta.size).ok());
    let modified = found.iter().map(|file| Some(file.meta.last_modified.timestamp_micros()));
    let programs = footers.iter().map(|footer| footer.as_ref().and_then(|footer| footer.file_metadata().created_by()));
    Ok(vec![
        Arc::new(found.iter().map(|file| Some(file.name.as_str())).collect::<StringArray>()),
        Arc::new(found.iter().map(kind).collect::<StringArray>()),
        Arc::new(bytes.collect::<Int64Array>()),
        Arc::new(modified.collect::<TimestampMicrosecondArray>()),
        of(|footer| footer.file_metadata().num_rows()),
        of(|footer| i64::try_from(footer.num_row_groups()).unwrap_or(i64::MAX)),
        of(|footer| i64::try_from(footer.file_metadata().schema().get_fields().len()).unwrap_or(i64::MAX)),
        Arc::new(programs.collect::<StringArray>()),
    ])
}

/// A row of `file_columns`.
struct OfColumn {
    file: String,
    column: String,
    data_type: String,
    nulls: Option<i64>,
    bounds: [Option<String>; 2],
    bytes: [Option<i64>; 2],
}

async fn columns(state: &SessionState, found: &[Found], base: &Path) -> Result<Vec<ArrayRef>> {
    let mut rows: Vec<OfColumn> = vec![];
    for file in found {
        if kind(file) == Some("PARQUET") {
            of_parquet(file, &footer(file).await?, &mut rows)?;
            continue;
        }
        // Boxed because `open` may call this function again.
        let table = Box::pin(super::open(state, &file.name, base)).await?;
        rows.extend(table.schema().fields().iter().map(|field| OfColumn {
            file: file.name.clone(),
            column: field.name().clone(),
            data_type: sql_type(field.data_type()),
            nulls: None,
            bounds: [None, None],
            bytes: [None, None],
        }));
    }
    let text = |get: fn(&OfColumn) -> Option<&String>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<StringArray>()) };
    let number = |get: fn(&OfColumn) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<Int64Array>()) };
    Ok(vec![
        text(|row| Some(&row.file)),
        text(|row| Some(&row.column)),
        text(|row| Some(&row.data_type)),
        number(|row| row.nulls),
        text(|row| row.bounds[0].as_ref()),
        text(|row| row.bounds[1].as_ref()),
        number(|row| row.bytes[0]),
        number(|row| row.bytes[1]),
    ])
}

fn of_parquet(file: &Found, footer: &ParquetMetaData, rows: &mut Vec<OfColumn>) -> Result<()> {
    let described = footer.file_metadata().schema_descr();
    let schema = parquet_to_arrow_schema(described, footer.file_metadata().key_value_metadata())?;
    for (place, field) in schema.fields().iter().enumerate() {
        // A nested column has several leaf columns, whose sizes are added up.
        let leaves = (0..described.num_columns()).filter(|leaf| described.get_column_root_idx(*leaf) == place);
        let leaves: Vec<usize> = leaves.collect();
        let sum = |get: &dyn Fn(usize, usize) -> i64| {
            let groups = 0..footer.num_row_groups();
            groups
                .flat_map(|group| leaves.iter().map(move |leaf| (group, *leaf)))
                .map(|(group, leaf)| get(group, leaf))
                .sum::<i64>()
        };
        let groups = footer.row_groups();
        let bytes = [
            Some(sum(&|group, leaf| groups[group].column(leaf).compressed_size())),
            Some(sum(&|group, leaf| groups[group].column(leaf).uncompressed_size())),
        ];
        let (mut nulls, mut bounds) = (None, [None, None]);
        if !field.data_type().is_nested() {
            let converter = StatisticsConverter::try_new(field.name(), &schema, described)?;
            let counts = converter.row_group_null_counts(groups)?;
            let known = counts.null_count() == 0;
            nulls = known.then(|| counts.iter().flatten().sum::<u64>()).and_then(|nulls| i64::try_from(nulls).ok());
            // A row group with only NULLs has no bounds and needs none.
            let needs = |group: usize| !(known && i64::try_from(counts.value(group)) == Ok(groups[group].num_rows()));
            bounds = [
                bound(&converter.row_group_mins(groups)?, &needs, std::cmp::Ordering::Less)?,
                bound(&converter.row_group_maxes(groups)?, &needs, std::cmp::Ordering::Greater)?,
            ];
        }
        rows.push(OfColumn {
            file: file.name.clone(),
            column: field.name().clone(),
            data_type: sql_type(field.data_type()),
            nulls,
            bounds,
            bytes,
        });
    }
    Ok(())
}

/// The smallest or largest bound of all row groups that need one.
fn bound(bounds: &ArrayRef, needs: &dyn Fn(usize) -> bool, wanted: std::cmp::Ordering) -> Result<Option<String>> {
    let mut best: Option<ScalarValue> = None;
    for group in (0..bounds.len()).filter(|group| needs(*group)) {
        if bounds.is_null(group) {
            return Ok(None);
        }
        let value = ScalarValue::try_from_array(bounds, group)?;
        if best.as_ref().is_none_or(|best| value.partial_cmp(best) == Some(wanted)) {
            best = Some(value);
        }
    }
    let is_time = matches!(bounds.data_type(), DataType::Timestamp(..));
    let text = best.map(|best| best.cast_to(&DataType::Utf8)).transpose();
    // Binary values cannot be shown as text.
    let text = text.ok().flatten().and_then(|text| text.try_as_str().flatten().map(String::from));
    // Timestamps have a space instead of T, as elsewhere.
    Ok(text.map(|text| if is_time { text.replacen('T', " ", 1) } else { text }))
}

/// Reads the footer of a Parquet file.
async fn footer(file: &Found) -> Result<ParquetMetaData> {
    let broken = |problem: &str| failed(&file.name, format!("cannot be read as Parquet: {problem}"));
    let size = file.meta.size;
    let part = |from: u64| async move {
        file.store.get_range(&file.meta.location, from..size).await.map_err(|error| failed(&file.name, error))
    };
    let Some(start) = size.checked_sub(TAIL) else { return Err(broken("it is too short")) };
    let tail = part(start).await?;
    let length = tail.get(..4).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    let length = length.filter(|_| tail.ends_with(b"PAR1")).ok_or_else(|| broken("it does not end as Parquet files do"))?;
    let Some(start) = start.checked_sub(u64::from(length)) else { return Err(broken("its footer is longer than the file")) };
    let bytes = part(start).await?;
    let bytes = &bytes[..bytes.len().saturating_sub(8)];
    // A damaged footer can make the decoder panic, which becomes an error here.
    let decoded = std::panic::catch_unwind(AssertUnwindSafe(|| ParquetMetaDataReader::decode_metadata(bytes)));
    match decoded {
        Ok(decoded) => decoded.map_err(|error| {
            let problem = error.to_string();
            let of_footer = || format!("cannot be read as Parquet, because of its footer: {problem}");
            failed(&file.name, footer_problem(&problem).unwrap_or_else(of_footer))
        }),
        Err(_) => Err(broken("the file is damaged")),
    }
}
