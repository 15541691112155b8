//! Sheets as a table.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::Count;
use object_store::ObjectStoreExt;

use super::cells::{GivenUp, panicked, read};
use super::columns::{Body, Misfit, Seen};
use super::options::{ExcelOptions, cell_name};
use crate::adapter::step::Notes;
use crate::error::{SqlState, coded, did_you_mean, failed, invalid};
use crate::files::folders::Folders;
use crate::files::places::Found;
use crate::files::policy::{Policy, emptied, skipped};
use crate::files::source::{Reader, Source, SourceContext, SourceExec};
use crate::files::spellings::{spell_alike, spell_options};
use crate::files::table::{FilesTable, Layout, Part, Rows, Scan};
use crate::files::titles::title;
use crate::text::{grouped, sql_type, written_name};

/// The sheets of a table, with all their rows in memory.
#[derive(Debug)]
pub struct ExcelRows {
    files: Vec<ExcelFile>,
    /// What to tell about them.
    notes: Vec<String>,
    /// Reserves memory for as long as the rows are kept.
    _memory: MemoryReservation,
}

#[derive(Debug)]
struct ExcelFile {
    /// The arrays, by column of the table.
    arrays: HashMap<usize, ArrayRef>,
    rows: usize,
    /// Whether each row is kept; empty when all rows are.
    fits: Vec<bool>,
    emptied: usize,
}

/// The table of the sheets in these files.
///
/// # Errors
/// A file is not a workbook or has no such sheet, or a cell does not fit its column.
pub async fn open(
    location: &str,
    found: Vec<Found>,
    options: ExcelOptions,
    declared: Option<&Schema>,
    pool: &Arc<dyn MemoryPool>,
) -> Result<FilesTable> {
    let folders = Folders::of(location, &found, declared)?;
    let memory = MemoryConsumer::new("read_excel").register(pool);
    let options = Arc::new(options);
    let (mut names, mut bodies) = (vec![], vec![]);
    for file in found {
        bodies.push(body(&file, &options, &memory).await?);
        names.push(file.name);
    }
    let mut spelled: Vec<&mut Vec<String>> = bodies.iter_mut().map(|body| &mut body.names).collect();
    spell_alike(&mut spelled, declared);
    // The columns of all files, by name.
    let mut seen: Vec<(String, Seen)> = vec![];
    for (file, body) in names.iter().zip(&bodies) {
        for (column, name) in body.names.iter().enumerate() {
            let place = seen.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
                seen.push((name.clone(), Seen::default()));
                seen.len() - 1
            });
            body.look(file, column, options.misfits != Policy::Error, &mut seen[place].1)?;
        }
    }
    let known = || seen.iter().map(|(name, _)| name.as_str());
    let unknown = |name: &str| format!("{}; it has {}", did_you_mean(name, known()), known().collect::<Vec<_>>().join(", "));
    let own = match declared {
        Some(declared) => {
            let own: Vec<Arc<Field>> = declared.fields().iter().filter(|field| !folders.has(field.name())).cloned().collect();
            if let Some(field) = own.iter().find(|field| !known().any(|name| name == field.name())) {
                let problem = format!("column {} is declared, and no header has it{}", field.name(), unknown(field.name()));
                return Err(invalid(location, problem));
            }
            Schema::new(own)
        }
        None => {
            let mut types = options.types.clone();
            spell_options(&mut types, seen.iter().map(|(name, _)| name));
            if let Some((name, _)) = types.iter().find(|(name, _)| !known().any(|own| own == name)) {
                let problem = format!("types names {name}, and there is no such column{}", unknown(name));
                return Err(invalid(location, problem));
            }
            let said = |name: &str| types.iter().find(|(own, _)| own == name).map(|(_, data_type)| data_type.clone());
            let fields = seen.iter().map(|(name, seen)| Field::new(name, said(name).unwrap_or_else(|| seen.data_type()), true));
            Schema::new(fields.collect::<Vec<_>>())
        }
    };
    let sizes = bodies.iter().map(|body| body.rows() as u64).collect();
    let layout = Layout::new(&own, folders, sizes);
    let mut files = vec![];
    for (file, body) in names.iter().zip(&bodies) {
        let (mut arrays, mut misfits) = (HashMap::new(), vec![]);
        for (column, name) in body.names.iter().enumerate() {
            let Some(place) = layout.column(name) else { continue };
            let data_type = layout.schema.field(place).data_type();
            let before = misfits.len();
            let array = body.array(column, data_type, &mut misfits).map_err(|error| invalid(file, format!("{name}: {error}")))?;
            if let Some(Misfit { cell, text, .. }) = misfits.get(before).filter(|_| options.misfits == Policy::Error) {
                let problem = format!(
                    "{cell}: {name} is {}, but {text} is not; declare another type ({} VARCHAR), or see misfits => 'skip' or 'null'",
                    sql_type(data_type),
                    written_name(name)
                );
                return Err(coded(SqlState::INVALID_TEXT_REPRESENTATION, file, problem));
            }
            memory.try_grow(array.get_array_memory_size())?;
            arrays.insert(place, array);
        }
        let (mut fits, mut emptied) = (vec![], 0);
        match options.misfits {
            Policy::Skip if !misfits.is_empty() => {
                fits.resize(body.rows(), true);
                misfits.iter().for_each(|misfit| fits[misfit.row] = false);
            }
            _ => emptied = misfits.len(),
        }
        files.push(ExcelFile { arrays, rows: body.rows(), fits, emptied });
    }
    let told = names.first().zip(bodies.first()).map(|(file, body)| {
        let rows = grouped(body.rows() as u64);
        format!(
            "{file}: sheet {}, {rows} rows. To say otherwise: FROM read_excel('…', sheet => …, range => …, types => …)",
            body.sheet
        )
    });
    let first = names.first().zip(bodies.first()).filter(|_| declared.is_none());
    let title = first.and_then(|(file, body)| {
        let (title, below) = (title(&body.names)?, cell_name((body.first()?, options.range.first.1)));
        let sheet = &body.sheet;
        Some(format!(
            "{file}: the first row of {sheet} is taken for names, and has only '{title}'; if it is a title, begin below it with range => '{below}'"
        ))
    });
    let merged = names.iter().zip(&bodies).find_map(|(file, body)| {
        let (sheet, range) = (&body.sheet, body.merged.as_ref()?);
        Some(format!(
            "{file}: {sheet} has cells merged over several rows, such as {range}; only the first of the rows has their value, the others have NULL"
        ))
    });
    let unread = names.iter().zip(&bodies).find_map(|(file, body)| {
        let (sheet, other, others) = (&body.sheet, body.others.first()?, body.others.join(", "));
        Some(format!("{file}: {sheet} is read, and not {others}; sheet => '{other}' reads another sheet"))
    });
    let notes = title.into_iter().chain(merged).chain(unread).collect();
    Ok(FilesTable::new(layout, Arc::new(ExcelRows { files, notes, _memory: memory })).telling(told))
}

/// Reads the sheet of a file, on a thread for blocking work.
async fn body(file: &Found, options: &Arc<ExcelOptions>, memory: &MemoryReservation) -> Result<Body> {
    let name = file.name.clone();
    let size = usize::try_from(file.meta.size).unwrap_or(usize::MAX);
    memory.try_grow(size)?;
    let bytes = async { file.store.get(&file.meta.location).await?.bytes().await };
    let bytes = bytes.await.map_err(|error| failed(&name, format!("cannot be read: {error}")))?;
    let given_up = GivenUp(Arc::default());
    let (seen, options, own): (Arc<AtomicBool>, _, _) = (Arc::clone(&given_up.0), Arc::clone(options), memory.new_empty());
    let work = tokio::task::spawn_blocking(move || {
        let sheet = read(&name, bytes, &options, &own, &seen)?;
        Body::of(&name, sheet, &options).map(|body| (body, own))
    });
    let (body, own) = work.await.unwrap_or_else(|_| Err(panicked(&file.name)))?;
    memory.try_grow(own.size())?;
    Ok(body)
}

#[async_trait]
impl Rows for ExcelRows {
    async fn starts(&self, _file: usize, _parts: usize) -> Result<Vec<u64>> {
        Ok(vec![0])
    }

    fn plan(self: Arc<Self>, scan: Scan) -> Arc<dyn ExecutionPlan> {
        SourceExec::reading(ExcelScan { rows: self, scan: Arc::new(scan) })
    }
}

/// Scans the rows in memory.
#[derive(Debug)]
struct ExcelScan {
    rows: Arc<ExcelRows>,
    scan: Arc<Scan>,
}

impl Source for ExcelScan {
    type Reader = ExcelReader;

    fn name(&self) -> &'static str {
        "ExcelExec"
    }

    fn describe(&self) -> String {
        self.scan.describe()
    }

    fn schema(&self) -> &SchemaRef {
        &self.scan.schema
    }

    fn partitions(&self) -> usize {
        self.scan.parts.len()
    }

    fn reader(&self, context: SourceContext) -> Result<ExcelReader> {
        if context.partition == 0 {
            let notes = Notes::of(&context.metrics);
            self.rows.notes.iter().for_each(|note| notes.tell(note.clone()));
        }
        Ok(ExcelReader {
            rows: Arc::clone(&self.rows),
            scan: Arc::clone(&self.scan),
            parts: self.scan.parts.get(context.partition).cloned().unwrap_or_default().into(),
            at: 0,
            left: self.scan.limit.unwrap_or(usize::MAX),
            batch_size: context.batch_size,
            skipped: skipped().count(&context.metrics, context.partition),
            emptied: emptied().count(&context.metrics, context.partition),
        })
    }
}

struct ExcelReader {
    rows: Arc<ExcelRows>,
    scan: Arc<Scan>,
    parts: VecDeque<Part>,
    /// The number of rows of the first part that were read.
    at: usize,
    left: usize,
    batch_size: usize,
    skipped: Count,
    emptied: Count,
}

impl Reader for ExcelReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.left > 0 {
            let Some(part) = self.parts.front() else { break };
            let file = &self.rows.files[part.file];
            let rows = self.batch_size.min(file.rows - self.at).min(self.left);
            if rows == 0 {
                self.emptied.add(file.emptied);
                self.at = 0;
                self.parts.pop_front();
                continue;
            }
            let slice = |(column, array): (&usize, &ArrayRef)| (*column, array.slice(self.at, rows));
            let batch = self.scan.batch(part.file, &file.arrays.iter().map(slice).collect(), rows)?;
            let fits = file.fits.get(self.at..self.at + rows).map(<[bool]>::to_vec);
            self.at += rows;
            let batch = match fits {
                Some(fits) => {
                    self.skipped.add(fits.iter().filter(|fits| !**fits).count());
                    filter_record_batch(&batch, &BooleanArray::from(fits))?
                }
                None => batch,
            };
            if batch.num_rows() > 0 {
                self.left -= batch.num_rows();
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}
