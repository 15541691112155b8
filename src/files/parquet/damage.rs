//! Finds the column of a Parquet file that cannot be read: errors of the reader name neither file nor column.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::Result;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

/// How long all files are searched. An error may not come much later because of it.
const LONGEST: Duration = Duration::from_secs(3);

/// The first of these files on this machine with a page that cannot be read, and what is wrong; `None` when there is none, or the search
/// would take long.
pub fn damage(files: &[String]) -> Option<(&str, String)> {
    let until = Instant::now() + LONGEST;
    files.iter().find_map(|file| Some((file.as_str(), of_file(Path::new(file), until)?)))
}

fn of_file(file: &Path, until: Instant) -> Option<String> {
    let opened = File::open(file).ok()?;
    let reader = caught(|| SerializedFileReader::new(opened)).ok()?;
    for group in 0..reader.num_row_groups() {
        let pages = caught(|| reader.get_row_group(group)).ok()?;
        for column in 0..pages.num_columns() {
            if Instant::now() > until {
                return None;
            }
            if let Err(problem) = caught(|| read(pages.as_ref(), column)) {
                let name = reader.metadata().row_group(group).column(column).column_path().string();
                return Some(format!("cannot be read as Parquet: column {name}, row group {}: {problem}", group + 1));
            }
        }
    }
    // Every page can be read, and so a value in one of them cannot be.
    let columns = reader.metadata().file_metadata().schema_descr().root_schema().get_fields();
    columns.iter().enumerate().find_map(|(place, column)| {
        let problem = caught(|| decode(file, place, until)).err()?;
        Some(format!("cannot be read as Parquet: column {}: {problem}", column.name()))
    })
}

/// Decodes a column, until time is over.
fn decode(file: &Path, column: usize, until: Instant) -> Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?;
    let only = ProjectionMask::roots(builder.parquet_schema(), [column]);
    for batch in builder.with_projection(only).build()? {
        batch?;
        if Instant::now() > until {
            break;
        }
    }
    Ok(())
}

/// Reads the pages of a column, which verifies their checksums.
fn read(pages: &dyn RowGroupReader, column: usize) -> Result<()> {
    let mut pages = pages.get_column_page_reader(column)?;
    while pages.get_next_page()?.is_some() {}
    Ok(())
}

/// The result, or what is wrong. Damaged files can make the reader panic.
fn caught<T>(read: impl FnOnce() -> Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| {
            let text = error.to_string();
            // One error may be within another.
            text.rsplit_once("Parquet error: ")
                .or(text.split_once("error: "))
                .map_or(text.clone(), |(_, problem)| problem.to_string())
        }),
        Err(_) => Err("it is damaged".into()),
    }
}
