//! The rejected rows of CSV files, with the reasons.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Int64Builder, RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use super::columns::Texts;
use super::options::{ARGUMENTS, DOC};
use super::records::{Problem, Records, Shape};
use super::scan::CsvRows;
use crate::docs::Doc;
use crate::error::{SqlState, coded};
use crate::files::bytes::{LONGEST_ROW, PIECE, Pieces};
use crate::files::source::{Reader, Source, SourceContext, SourceExec};
use crate::files::table::Layout;
use crate::text::sql_type;

/// The documentation page of `csv_rejects`.
pub static REJECTS: Doc = Doc {
    name: "csv_rejects",
    summary: "Lists the rows of CSV files that `read_csv` with `ragged => 'skip', misfits => 'skip'` leaves out, with the reasons.",
    syntax: "csv_rejects('location' [, option => constant, …])",
    description: "\
It takes the options of `read_csv`. With the same options, every row is either in the result of `read_csv` or here. A row with several values that do not fit is
here once for each of them.

| column | |
|---|---|
| file VARCHAR | the file |
| line BIGINT | the line in which the row begins, from 1 |
| column_name VARCHAR | the column of a value that does not fit; NULL where the number of fields differs |
| value VARCHAR | that value |
| reason VARCHAR | what is wrong |
| row VARCHAR | the row as it stands in the file |

**Cost.** The files are read one more time than by `read_csv`, and in the same way; the result has one row per fault.

**Elsewhere.** DuckDB keeps `reject_errors` when `store_rejects` is given to `read_csv`; pandas has a function for `on_bad_lines`, without
the reason; PostgreSQL 17 has `ON_ERROR ignore` and a count.",
    arguments: ARGUMENTS,
    examples: &[
        "SELECT line, column_name, value, reason FROM csv_rejects('data/orders_gbk.csv', encoding => 'gbk', types => 'card BIGINT, 金额 BIGINT');",
        "COPY (SELECT unnest(['id,city,amount', '7,Xi''an,12.5', '8,Wuhan', '9,Hefei,many']) AS line) TO 'june.csv' OPTIONS (header false, separator '|');
SELECT line, column_name, value, reason, row FROM csv_rejects('june.csv', types => 'amount DOUBLE') ORDER BY line;",
    ],
    ..DOC
};

/// The table of rejected rows.
#[derive(Debug)]
pub struct RejectsTable {
    rows: Arc<CsvRows>,
    layout: Arc<Layout>,
    schema: SchemaRef,
}

impl RejectsTable {
    pub fn new(rows: Arc<CsvRows>, layout: Arc<Layout>) -> Self {
        let text = |name: &str| Field::new(name, DataType::Utf8View, true);
        let line = Field::new("line", DataType::Int64, false);
        let fields = vec![text("file"), line, text("column_name"), text("value"), text("reason"), text("row")];
        Self { rows, layout, schema: Arc::new(Schema::new(fields)) }
    }
}

#[async_trait]
impl TableProvider for RejectsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (rows, layout, schema) = (Arc::clone(&self.rows), Arc::clone(&self.layout), Arc::clone(&self.schema));
        let all = SourceExec::reading(RejectsScan { rows, layout, schema });
        let Some(projection) = projection else { return Ok(all) };
        let columns = projection.iter().map(|column| {
            let name = self.schema.field(*column).name();
            (Arc::new(datafusion::physical_expr::expressions::Column::new(name, *column)) as _, name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), all)?))
    }
}

/// Reads the files one after the other in one partition, because lines are counted.
#[derive(Debug)]
struct RejectsScan {
    rows: Arc<CsvRows>,
    layout: Arc<Layout>,
    schema: SchemaRef,
}

impl Source for RejectsScan {
    type Reader = RejectsReader;

    fn name(&self) -> &'static str {
        "CsvRejectsExec"
    }

    fn describe(&self) -> String {
        format!("files={}", self.rows.files.len())
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn partitions(&self) -> usize {
        1
    }

    fn reader(&self, context: SourceContext) -> Result<RejectsReader> {
        Ok(RejectsReader {
            rows: Arc::clone(&self.rows),
            layout: Arc::clone(&self.layout),
            schema: Arc::clone(&self.schema),
            files: (0..self.rows.files.len()).collect(),
            batch_size: context.batch_size,
            memory: context.memory,
            open: None,
        })
    }
}

struct RejectsReader {
    rows: Arc<CsvRows>,
    layout: Arc<Layout>,
    schema: SchemaRef,
    files: VecDeque<usize>,
    batch_size: usize,
    memory: MemoryReservation,
    open: Option<Open>,
}

/// The file that is being read.
struct Open {
    file: usize,
    pieces: Pieces,
    /// The number of current bytes that are used.
    used: usize,
    /// The number of bytes to read next.
    size: usize,
    /// The line in which the unused bytes begin.
    line: usize,
}

/// A rejected row.
struct Rejected {
    /// The row's position in the current bytes, and the column, for sorting.
    place: (usize, usize),
    column: Option<String>,
    value: Option<String>,
    reason: String,
    row: String,
}

impl Reader for RejectsReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.files.pop_front() {
                    Some(file) => {
                        let detected = &self.rows.files[file].detected;
                        let source = &detected.source;
                        let line = source.line(detected.body, detected.dialect.line_end).await?;
                        let pieces = source.pieces(detected.body, source.meta.size).await?;
                        Open { file, pieces, used: 0, size: PIECE, line }
                    }
                    None => return Ok(None),
                },
            };
            if open.used >= open.pieces.bytes().len() {
                if open.pieces.is_last() {
                    continue;
                }
                self.memory.try_resize(open.size * 3)?;
                open.pieces.next(open.used, open.size).await?;
                open.used = 0;
            }
            let rows = Arc::clone(&self.rows);
            let file = &rows.files[open.file];
            let dialect = &file.detected.dialect;
            let bytes = open.pieces.bytes().slice(open.used..);
            let shape = Shape { kept: vec![true; file.columns.len()], short: rows.options.short() };
            let mut records = Records::default();
            let stop = records.read(dialect, &shape, &bytes, open.pieces.is_last(), self.batch_size);
            if stop.consumed == 0 && !bytes.is_empty() {
                if open.pieces.is_last() || open.size >= LONGEST_ROW {
                    let problem =
                        format!("line {}: a quote is not closed, so that everything after it would be one value", open.line);
                    return Err(coded(SqlState::BAD_COPY_FILE_FORMAT, &file.detected.source.name, problem));
                }
                open.size *= 4;
                self.memory.try_resize(open.size * 3)?;
                open.pieces.next(open.used, open.size).await?;
                open.used = 0;
                self.open = Some(open);
                continue;
            }
            let rejected = self.rejected(open.file, &bytes[..stop.consumed], &records)?;
            let batch = self.batch(&file.detected.source.name, &bytes, dialect.line_end, open.line, &rejected)?;
            open.used += stop.consumed;
            open.line += lines(&bytes[..stop.consumed], dialect.line_end);
            self.open = Some(open);
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
    }
}

impl RejectsReader {
    /// The rejected rows, in the order of the file.
    fn rejected(&self, file: usize, bytes: &[u8], records: &Records) -> Result<Vec<Rejected>> {
        let file = &self.rows.files[file];
        let options = &self.rows.options;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_string();
        let mut rejected = vec![];
        for ragged in &records.ragged {
            let reason = match ragged.problem {
                Problem::Fields(found) => format!("{found} fields, and the header has {}", file.columns.len()),
                Problem::AfterQuote(column) => {
                    let name = file.detected.names.get(column).map_or("a field", String::as_str);
                    format!("{name} goes on after its closing quote")
                }
            };
            let place = (ragged.range.start, 0);
            rejected.push(Rejected { place, column: None, value: None, reason, row: text(&bytes[ragged.range.clone()]) });
        }
        // The positions of all rows, valid or rejected.
        let mut begins: Vec<usize> = records.starts.iter().map(|start| *start as usize).collect();
        begins.extend(records.ragged.iter().map(|ragged| ragged.range.start));
        begins.sort_unstable();
        for (slot, column) in file.columns.iter().enumerate() {
            let Some(column) = *column else { continue };
            let field = self.layout.schema.field(column);
            let texts =
                Texts { bytes, fields: &records.fields, width: file.columns.len(), place: slot, dialect: &file.detected.dialect };
            let mut misfits = vec![];
            let is_guessed = self.rows.is_declared.get(column) != Some(&true);
            options.reading.array(&texts, field.data_type(), is_guessed, &mut misfits)?;
            for misfit in misfits {
                let start = records.starts.get(misfit.row).map_or(0, |start| *start as usize);
                let next = begins.partition_point(|begin| *begin <= start);
                let row = &bytes[start..begins.get(next).copied().unwrap_or(bytes.len())];
                rejected.push(Rejected {
                    place: (start, slot),
                    column: Some(field.name().clone()),
                    value: Some(misfit.text),
                    reason: format!("is not a {}", sql_type(field.data_type())),
                    row: text(row),
                });
            }
        }
        rejected.sort_by_key(|rejected| rejected.place);
        Ok(rejected)
    }

    fn batch(&self, file: &str, bytes: &[u8], line_end: u8, first: usize, rejected: &[Rejected]) -> Result<RecordBatch> {
        let mut line = Int64Builder::new();
        let mut texts: [StringViewBuilder; 5] = std::array::from_fn(|_| StringViewBuilder::new());
        let (mut counted, mut number) = (0, first);
        for Rejected { place: (start, _), column, value, reason, row } in rejected {
            number += lines(&bytes[counted..*start], line_end);
            counted = *start;
            line.append_value(i64::try_from(number).unwrap_or(i64::MAX));
            let values = [Some(file), column.as_deref(), value.as_deref(), Some(reason), Some(row)];
            texts.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        }
        let [mut file, mut column, mut value, mut reason, mut row] = texts;
        let arrays = vec![
            Arc::new(file.finish()) as _,
            Arc::new(line.finish()) as _,
            Arc::new(column.finish()) as _,
            Arc::new(value.finish()) as _,
            Arc::new(reason.finish()) as _,
            Arc::new(row.finish()) as _,
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }
}

fn lines(bytes: &[u8], line_end: u8) -> usize {
    bytes.iter().filter(|byte| **byte == line_end).count()
}
