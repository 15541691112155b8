//! How results are written: for the shell, files and whatever else answers a statement.

mod plain;
mod table;

use std::io::{self, Write};
use std::sync::Arc;

use clap::ValueEnum;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited};
use datafusion::arrow::json::{Writer as JsonWriter, WriterBuilder};
use datafusion::arrow::util::display::ArrayFormatter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::text::grouped;
use plain::plain_batch;
pub use plain::{plain_schema, plain_type};
pub use table::cells;
use table::{Table, format_options, visible};

/// The formats there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// Comma-separated, with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
    /// A Markdown table.
    Markdown,
    /// A Parquet file.
    Parquet,
}

type Sink<'a> = Box<dyn Write + Send + 'a>;

/// Rows that decide the widths of a table's columns.
const ROWS_FOR_WIDTHS: usize = 1000;

/// Writes one result.
pub struct ResultWriter<'a> {
    kind: Kind<'a>,
    schema: SchemaRef,
}

enum Kind<'a> {
    Table { sink: Sink<'a>, waiting: Vec<Vec<String>>, table: Option<Table>, most: usize, rows: usize },
    Csv(Box<csv::Writer<Sink<'a>>>),
    Json(JsonWriter<Sink<'a>, JsonArray>),
    Ndjson(JsonWriter<Sink<'a>, LineDelimited>),
    Markdown(Sink<'a>),
    Parquet(Box<ArrowWriter<Sink<'a>>>, SchemaRef),
}

impl<'a> ResultWriter<'a> {
    /// `most`: rows of a table that are shown, 0 for all.
    pub fn new(format: Format, mut sink: Sink<'a>, schema: SchemaRef, most: usize) -> io::Result<Self> {
        let kind = match format {
            Format::Table => Kind::Table { sink, waiting: vec![], table: None, most, rows: 0 },
            Format::Csv => {
                // The writer names the columns with its first batch; a result may have none.
                let names = schema.fields().iter().map(|field| quoted(field.name())).collect::<Vec<_>>().join(",");
                writeln!(sink, "{names}")?;
                let builder = csv::WriterBuilder::new().with_header(false);
                Kind::Csv(Box::new(builder.with_timestamp_format("%Y-%m-%d %H:%M:%S%.f".into()).build(sink)))
            }
            Format::Json => Kind::Json(WriterBuilder::new().with_explicit_nulls(true).build(sink)),
            Format::Ndjson => Kind::Ndjson(WriterBuilder::new().with_explicit_nulls(true).build(sink)),
            Format::Markdown => {
                let names: Vec<String> = schema.fields().iter().map(|field| escaped(&visible(field.name()))).collect();
                let lines: Vec<&str> =
                    schema.fields().iter().map(|field| if field.data_type().is_numeric() { "---:" } else { "---" }).collect();
                writeln!(sink, "| {} |\n|{}|", names.join(" | "), lines.join("|"))?;
                Kind::Markdown(sink)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
                let plain = plain_schema(&schema);
                let writer = ArrowWriter::try_new(sink, Arc::clone(&plain), Some(properties)).map_err(io::Error::other)?;
                Kind::Parquet(Box::new(writer), plain)
            }
        };
        Ok(Self { kind, schema })
    }

    /// Writes some rows.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.kind {
            Kind::Csv(writer) => flat(batch).and_then(|batch| writer.write(&batch)).map_err(into_io),
            Kind::Json(writer) => writer.write(batch).map_err(into_io),
            Kind::Ndjson(writer) => writer.write(batch).map_err(into_io),
            Kind::Parquet(writer, plain) => writer.write(&plain_batch(batch, plain).map_err(into_io)?).map_err(io::Error::other),
            Kind::Markdown(sink) => {
                for row in cells(batch).map_err(into_io)? {
                    let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                    writeln!(sink, "| {} |", cells.join(" | "))?;
                }
                Ok(())
            }
            Kind::Table { sink, waiting, table, most, rows } => {
                let wanted = if *most == 0 { usize::MAX } else { most.saturating_sub(*rows) };
                *rows += batch.num_rows();
                let shown = cells(&batch.slice(0, batch.num_rows().min(wanted))).map_err(into_io)?;
                match table {
                    Some(table) => shown.iter().try_for_each(|row| sink.write_all(table.row(row).as_bytes())),
                    None => {
                        waiting.extend(shown);
                        if waiting.len() >= ROWS_FOR_WIDTHS { start(sink, waiting, table, &self.schema) } else { Ok(()) }
                    }
                }
            }
        }
    }

    /// Writes what is left.
    pub fn finish(self) -> io::Result<()> {
        match self.kind {
            Kind::Csv(writer) => writer.into_inner().flush(),
            Kind::Json(mut writer) => {
                writer.finish().map_err(into_io)?;
                let mut sink = writer.into_inner();
                writeln!(sink)?;
                sink.flush()
            }
            Kind::Ndjson(mut writer) => {
                writer.finish().map_err(into_io)?;
                writer.into_inner().flush()
            }
            Kind::Parquet(writer, _) => writer.close().map(|_| ()).map_err(io::Error::other),
            Kind::Markdown(mut sink) => sink.flush(),
            Kind::Table { mut sink, mut waiting, mut table, most, rows } => {
                if table.is_none() {
                    start(&mut sink, &mut waiting, &mut table, &self.schema)?;
                }
                let s = if rows == 1 { "" } else { "s" };
                if most > 0 && rows > most {
                    writeln!(
                        sink,
                        "({} rows, the first {most} shown; SET portrait.max_rows_shown = 0 shows all)",
                        grouped(rows as u64)
                    )?;
                } else {
                    writeln!(sink, "({} row{s})", grouped(rows as u64))?;
                }
                sink.flush()
            }
        }
    }
}

fn start(sink: &mut Sink<'_>, waiting: &mut Vec<Vec<String>>, table: &mut Option<Table>, schema: &SchemaRef) -> io::Result<()> {
    let made = Table::new(schema, waiting);
    sink.write_all(made.head().as_bytes())?;
    for row in waiting.drain(..) {
        sink.write_all(made.row(&row).as_bytes())?;
    }
    *table = Some(made);
    Ok(())
}

/// CSV has no lists and no spans of time: they are written as on the screen, `[a, b]` and `2 days 3 hours`.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut columns) = (vec![], vec![]);
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if !field.data_type().is_nested() && !matches!(field.data_type(), DataType::Duration(_)) {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
            continue;
        }
        let options = format_options();
        let formatter = ArrayFormatter::try_new(column, &options)?;
        let texts = (0..column.len())
            .map(|row| column.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose())
            .collect::<Result<StringArray, ArrowError>>()?;
        fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
        columns.push(Arc::new(texts) as ArrayRef);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The error beneath Arrow's, so that a broken pipe is known as one.
fn into_io(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => {
            let is_pipe = other.to_string().contains("Broken pipe");
            if is_pipe { io::Error::from(io::ErrorKind::BrokenPipe) } else { io::Error::other(other) }
        }
    }
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_string() }
}

fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', "<br>")
}
