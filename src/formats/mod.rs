//! Writers of results, for the shell, files and every other output.

mod cells;
mod charting;
mod checksums;
mod csv;
mod excel;
mod json;
mod lost;
mod nested;
mod plain;
mod table;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited};
use datafusion::arrow::json::{Writer as JsonWriter, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::text::{grouped, sql_type};
pub use cells::cells;
use cells::visible;
pub use charting::{ChartRequest, Roles, Told, chart, draw_in_terminal, roles};
use checksums::Checked;
pub use checksums::Checksums;
pub use csv::CsvStyle;
use csv::CsvWriter;
use excel::ExcelWriter;
use json::for_json;
pub use lost::Lost;
pub use plain::{can_be_stored, plain_batch, plain_schema, plain_type};
use table::Table;
pub use table::{Blocks, TableStyle, display_width, wrapped};

/// All formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// Comma-separated, with a header line.
    Csv,
    /// Tab-separated, with a header line.
    Tsv,
    /// One array of objects.
    Json,
    /// One object per line.
    Ndjson,
    /// A Markdown table.
    Markdown,
    /// A Parquet file.
    Parquet,
    /// An Excel workbook with one sheet.
    #[value(alias = "xlsx")]
    Excel,
}

impl Format {
    /// True for formats whose readers find columns by name, so that names must be unique.
    fn finds_by_name(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson | Self::Parquet)
    }

    /// The format for a file's name: `.csv`, `.json`, `.ndjson` or `.jsonl`, `.md`, `.parquet`, `.xlsx`.
    pub fn of_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "md" | "markdown" => Self::Markdown,
            "parquet" => Self::Parquet,
            "xlsx" => Self::Excel,
            _ => return None,
        })
    }
}

/// The stream that results are written to.
pub type Sink<'a> = Box<dyn Write + Send + 'a>;

/// The first rows, which determine the widths of a table's columns.
const ROWS_FOR_WIDTHS: usize = 1000;

/// Writes one result.
pub struct ResultWriter<'a> {
    kind: Kind<'a>,
    schema: SchemaRef,
}

enum Kind<'a> {
    Table { sink: Sink<'a>, waiting: Vec<Vec<String>>, table: Option<Table>, style: TableStyle, rows: usize },
    Csv(Box<CsvWriter<'a>>),
    Json(JsonWriter<Sink<'a>, JsonArray>),
    Ndjson(JsonWriter<Sink<'a>, LineDelimited>),
    Markdown(Sink<'a>),
    Parquet(Box<ArrowWriter<Checked<Sink<'a>>>>, SchemaRef),
    Excel(Box<ExcelWriter<'a>>),
}

impl<'a> ResultWriter<'a> {
    /// `style` is the layout of tables.
    pub fn new(format: Format, mut sink: Sink<'a>, schema: SchemaRef, style: TableStyle) -> io::Result<Self> {
        let schema = if format.finds_by_name() { with_different_names(&schema) } else { schema };
        let kind = match format {
            Format::Table => Kind::Table { sink, waiting: vec![], table: None, style, rows: 0 },
            Format::Csv => return Self::csv(CsvStyle::default(), sink, schema),
            Format::Tsv => return Self::csv(CsvStyle { separator: b'\t', ..CsvStyle::default() }, sink, schema),
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
                if let Some(field) = plain.fields().iter().find(|field| !can_be_stored(field.data_type())) {
                    let (name, data_type) = (field.name(), sql_type(field.data_type()));
                    let problem =
                        format!("{name} has the type {data_type}, which Parquet cannot store; write CAST({name} AS VARCHAR)");
                    return Err(io::Error::other(problem));
                }
                let sink = Checked::new(sink);
                let writer = ArrowWriter::try_new(sink, Arc::clone(&plain), Some(properties)).map_err(io::Error::other)?;
                Kind::Parquet(Box::new(writer), plain)
            }
            Format::Excel => Kind::Excel(Box::new(ExcelWriter::new(sink, &schema)?)),
        };
        Ok(Self { kind, schema })
    }

    /// Writes CSV in a style.
    pub fn csv(style: CsvStyle, sink: Sink<'a>, schema: SchemaRef) -> io::Result<Self> {
        Ok(Self { kind: Kind::Csv(Box::new(CsvWriter::new(sink, &schema, style)?)), schema })
    }

    /// Writes some rows.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.kind {
            Kind::Csv(writer) => writer.write(batch),
            Kind::Excel(writer) => writer.write(batch),
            Kind::Json(writer) => writer.write(&for_json(named(batch, &self.schema)?)?).map_err(into_io),
            Kind::Ndjson(writer) => writer.write(&for_json(named(batch, &self.schema)?)?).map_err(into_io),
            Kind::Parquet(writer, plain) => writer.write(&plain_batch(batch, plain).map_err(into_io)?).map_err(io::Error::other),
            Kind::Markdown(sink) => {
                for row in cells(batch)? {
                    let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                    writeln!(sink, "| {} |", cells.join(" | "))?;
                }
                Ok(())
            }
            Kind::Table { sink, waiting, table, style, rows } => {
                let wanted = if style.most == 0 { usize::MAX } else { style.most.saturating_sub(*rows) };
                *rows += batch.num_rows();
                let shown = cells(&batch.slice(0, batch.num_rows().min(wanted)))?;
                match table {
                    Some(table) => shown.iter().try_for_each(|row| sink.write_all(table.row(row).as_bytes())),
                    None => {
                        waiting.extend(shown);
                        if waiting.len() >= ROWS_FOR_WIDTHS { start(sink, waiting, table, &self.schema, *style) } else { Ok(()) }
                    }
                }
            }
        }
    }

    /// Writes the rest.
    pub fn finish(self) -> io::Result<()> {
        match self.kind {
            Kind::Csv(writer) => writer.finish(),
            Kind::Excel(writer) => writer.finish(),
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
            Kind::Parquet(writer, _) => writer.into_inner().map_err(io::Error::other)?.finish(),
            Kind::Markdown(mut sink) => sink.flush(),
            Kind::Table { mut sink, mut waiting, mut table, style, rows } => {
                let most = style.most;
                if table.is_none() {
                    start(&mut sink, &mut waiting, &mut table, &self.schema, style)?;
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

/// Adds numbers to repeated column names: `a`, `a_1`.
fn with_different_names(schema: &SchemaRef) -> SchemaRef {
    let mut taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if taken.len() == schema.fields().len() {
        return Arc::clone(schema);
    }
    let mut seen = HashSet::new();
    let fields = schema.fields().iter().map(|field| {
        if seen.insert(field.name().clone()) {
            return Arc::clone(field);
        }
        let free = (1_usize..).map(|number| format!("{}_{number}", field.name())).find(|name| taken.insert(name.clone()));
        Arc::new(field.as_ref().clone().with_name(free.unwrap_or_default()))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The same rows with the column names of a schema.
fn named(batch: &RecordBatch, schema: &SchemaRef) -> io::Result<RecordBatch> {
    RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec()).map_err(into_io)
}

fn start(
    sink: &mut Sink<'_>,
    waiting: &mut Vec<Vec<String>>,
    table: &mut Option<Table>,
    schema: &SchemaRef,
    style: TableStyle,
) -> io::Result<()> {
    let mut made = Table::new(schema, waiting, style);
    sink.write_all(made.head().as_bytes())?;
    for row in waiting.drain(..) {
        sink.write_all(made.row(&row).as_bytes())?;
    }
    *table = Some(made);
    Ok(())
}

/// The error for a value that is invalid for its type, such as a date beyond the calendar, which a file may contain.
fn no_text(batch: &RecordBatch, column: usize, error: &ArrowError) -> io::Error {
    let schema = batch.schema();
    io::Error::other(format!("{}: a value that cannot be written as text: {error}", schema.field(column).name()))
}

/// The error inside Arrow's, so that a broken pipe is recognised.
fn into_io(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => {
            let is_pipe = other.to_string().contains("Broken pipe");
            if is_pipe { io::Error::from(io::ErrorKind::BrokenPipe) } else { io::Error::other(other) }
        }
    }
}

fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', "<br>")
}
