//! Runs `tests/sql/**/*.slt`, each with several partitions and batch sizes: the same answers every time.
//!
//! `cargo test --test slt` runs all, `cargo test --test slt -- rfm` those whose path contains `rfm`, and
//! `cargo test --test slt -- --complete rfm` writes the answers of today into them, to be read before they are committed.

#![expect(clippy::unwrap_used, reason = "a test stops at what is wrong")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use portraitdb::{Engine, EngineOptions, Session, message};
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Runner, default_column_validator, default_normalizer, default_validator,
};

/// Partitions and rows in a batch.
const SETTINGS: [(usize, usize); 6] = [(2, 8192), (1, 8192), (7, 8192), (1, 3), (2, 3), (7, 3)];

struct Database {
    /// Kept: its threads run the session's queries.
    _engine: Engine,
    session: Session,
}

#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let batches = self.session.sql(sql).await.map_err(|error| Failure(message(&error)))?;
        let Some(first) = batches.first() else { return Ok(DBOutput::StatementComplete(0)) };
        let types = first.schema().fields().iter().map(|field| column_type(field.data_type())).collect();
        let rows = batches.iter().flat_map(rows).collect();
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "portrait"
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        number if number.is_integer() => DefaultColumnType::Integer,
        number if number.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    let cell = |text: String| if text.is_empty() { "(empty)".to_string() } else { text };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(column.value(row).to_string())).collect()).collect()
}

fn open(partitions: usize, batch_size: usize) -> Database {
    let options = EngineOptions { partitions: Some(partitions), batch_size: Some(batch_size), ..EngineOptions::default() };
    let engine = Engine::open(options).unwrap();
    let session = engine.session().unwrap();
    Database { _engine: engine, session }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "slt"))
        .collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let complete = arguments.iter().any(|argument| argument == "--complete");
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut run, mut failed) = (0, 0);
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql")) {
        let name = file.display().to_string();
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        if complete {
            let mut runner = Runner::new(|| async { Ok(open(2, 8192)) });
            runtime
                .block_on(runner.update_test_file(&file, " ", default_validator, default_normalizer, default_column_validator))
                .unwrap();
            println!("written: {name}");
            continue;
        }
        for (partitions, batch_size) in SETTINGS {
            run += 1;
            let mut runner = Runner::new(move || async move { Ok(open(partitions, batch_size)) });
            runner.with_column_validator(sqllogictest::strict_column_validator);
            if let Err(error) = runtime.block_on(runner.run_file_async(&file)) {
                failed += 1;
                println!("FAILED with {partitions} partitions, batches of {batch_size}: {error}");
            }
        }
    }
    println!("slt: {run} runs, {failed} failed");
    if failed == 0 && (run > 0 || complete) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
