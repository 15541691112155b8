//! CSV files as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;

use super::detect::{Detected, detect};
use super::header;
use super::infer;
use super::options::CsvOptions;
use super::rejects::RejectsTable;
use super::scan::{CsvFile, CsvRows};
use super::split;
use crate::error::{as_written, column_meant, did_you_mean, invalid};
use crate::files::bytes::Source;
use crate::files::folders::Folders;
use crate::files::pieces::TextScan;
use crate::files::places::Found;
use crate::files::source::SourceExec;
use crate::files::spellings::{spell_alike, spell_options};
use crate::files::table::{FilesTable, Layout, Rows, Scan};
use crate::text::grouped;

/// The table of these files. Declared columns are matched to the files' columns by name; without a declaration, the table has all columns
/// of all files.
///
/// # Errors
/// A file cannot be read, or lacks a declared column.
pub async fn open(location: &str, found: Vec<Found>, options: CsvOptions, declared: Option<&Schema>) -> Result<FilesTable> {
    let (layout, rows, told) = look_at(location, found, options, declared).await?;
    Ok(FilesTable::new(layout, Arc::new(rows)).telling(told))
}

/// The table of the files' rejected rows.
///
/// # Errors
/// A file cannot be read.
pub async fn rejects(location: &str, found: Vec<Found>, options: CsvOptions) -> Result<RejectsTable> {
    let (layout, rows, _) = look_at(location, found, options, None).await?;
    Ok(RejectsTable::new(Arc::new(rows), Arc::new(layout)))
}

/// The columns of the files, how to read them, and what was detected.
async fn look_at(
    location: &str,
    found: Vec<Found>,
    mut options: CsvOptions,
    declared: Option<&Schema>,
) -> Result<(Layout, CsvRows, Option<String>)> {
    let folders = Folders::of(location, &found, declared)?;
    let (mut places, mut files): (Vec<usize>, Vec<Detected>) = (vec![], vec![]);
    for (place, file) in found.into_iter().enumerate() {
        if let Some(file) = detect(Source::of(file, options.compression), &options).await? {
            places.push(place);
            files.push(file);
        }
    }
    if files.is_empty() && declared.is_none() {
        return Err(invalid(location, "holds nothing, not even a line with names of columns"));
    }
    let mut spelled: Vec<&mut Vec<String>> = files.iter_mut().map(|file| &mut file.names).collect();
    spell_alike(&mut spelled, declared);
    spell_options(&mut options.types, files.iter().flat_map(|file| &file.names));
    let (mut from, mut repeated) = (None, None);
    let own = match declared {
        Some(declared) => {
            let own = declared.fields().iter().filter(|field| !folders.has(field.name())).cloned();
            let own = Schema::new(own.collect::<Vec<_>>());
            check_declared(location, &own, &files, options.header)?;
            own
        }
        None => {
            let (own, sample) = infer::schema(&files, &options).await?;
            check_types(location, &options, &own)?;
            let rows = if sample.is_all {
                format!("all rows, {}", grouped(sample.rows as u64))
            } else {
                format!("{} rows spread over them, and checked when they are read", grouped(sample.rows as u64))
            };
            from = Some(rows);
            repeated = header::repeated(location, sample.headers, &own);
            own
        }
    };
    let sizes = files.iter().map(|file| file.source.meta.size).collect();
    let layout = Layout::new(&own, folders.of_files(&places), sizes);
    let is_said =
        |field: &Arc<Field>| declared.is_some() || options.all_text || options.types.iter().any(|(name, _)| name == field.name());
    let is_declared = layout.schema.fields().iter().take(layout.width).map(is_said).collect();
    let told = files.first().map(|first| {
        let told = told(&seen(first, options.header), from.as_deref());
        format!("{}: {told}", first.source.name)
    });
    let first = files.first().filter(|_| declared.is_none() && !options.header_is_said);
    let note = first.and_then(|file| header::note(file, &layout.schema, &options.reading.numbers, options.skip)).or(repeated);
    let by_place = declared.is_some() && !options.header;
    let files = files.into_iter().map(|detected| {
        let columns = match by_place {
            true => (0..detected.names.len()).map(|column| (column < layout.width).then_some(column)).collect(),
            false => detected.names.iter().map(|name| layout.column(name)).collect(),
        };
        CsvFile { detected, columns }
    });
    let rows = CsvRows { files: files.collect(), options, is_declared, note };
    Ok((layout, rows, told))
}

/// What was detected, and how to override it.
fn told(seen: &str, types_from: Option<&str>) -> String {
    match types_from {
        Some(rows) => format!(
            "{seen}; types from {rows}. To say otherwise: FROM read_csv('…', separator => …, encoding => …, header => …, types => …)"
        ),
        None => format!("{seen}. To say otherwise: FROM read_csv('…', separator => …, encoding => …, header => …, types => …)"),
    }
}

/// A description of what was detected in a file.
fn seen(file: &Detected, header: bool) -> String {
    let separator = match file.dialect.separator {
        b'\t' => "a tab".to_string(),
        byte => format!("'{}'", byte as char),
    };
    let encoding = file.source.encoding.map_or("utf-8".to_string(), |encoding| encoding.name().to_lowercase());
    let names = if header { "names in the first line" } else { "no line of names" };
    format!("separated by {separator}, {encoding}, {names}")
}

/// Fails when `types` names a column that does not exist.
fn check_types(location: &str, options: &CsvOptions, own: &Schema) -> Result<()> {
    let Some((name, _)) = options.types.iter().find(|(name, _)| own.index_of(name).is_err()) else { return Ok(()) };
    let names = own.fields().iter().map(|field| field.name().as_str());
    let known = names.clone().map(as_written).collect::<Vec<_>>().join(", ");
    let suggestion = column_meant(name, names);
    Err(invalid(location, format!("types names {name}, and there is no such column{suggestion}; it has {known}")))
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

#[async_trait]
impl Rows for CsvRows {
    async fn starts(&self, file: usize, parts: usize) -> Result<Vec<u64>> {
        split::starts(&self.files[file].detected, parts).await
    }

    fn plan(self: Arc<Self>, scan: Scan) -> Arc<dyn ExecutionPlan> {
        SourceExec::reading(TextScan { files: self, scan: Arc::new(scan) })
    }
}
