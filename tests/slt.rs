//! Runs `tests/sql/**/*.slt`, each with several numbers of partitions and batch sizes: the results must be the same every time.
//!
//! `cargo test --test slt` runs all, `cargo test --test slt -- rfm` those whose path contains `rfm`,
//! `cargo test --test slt -- --include-ignored` runs each with every setting, not only the first two, and
//! `cargo test --test slt -- --complete rfm` writes the current results into the files, to be reviewed before they are committed.
//!
//! Everything is in memory, unless the first line of a file is `# In a database directory.` Then the run has its own directory, so that tables
//! have earlier states and other sessions see them: `connection name` is another session of the same engine. After `control substitution on`,
//! `$__TEST_DIR__` is a folder for files, and a `$` in SQL is written `\$`. `# Many rows.` on a line of its own before the first record
//! says that small batches would take long, and `# Long.` that all of it does: an ordinary run has the first setting only, or leaves the file out.

#![expect(clippy::unwrap_used, reason = "a test stops at what is wrong")]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use portraitdb::{Engine, EngineOptions, Session, message};
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Normalizer, Runner, default_normalizer, default_validator, strict_column_validator,
};

/// Partitions and rows per batch. A normal run uses the first two.
const SETTINGS: [(usize, usize); 6] = [(2, 8192), (7, 3), (1, 8192), (1, 3), (7, 8192), (2, 3)];

/// How many files run at once.
const THREADS: usize = 2;

const IN_A_DATABASE: &str = "# In a database directory.";
const MANY_ROWS: &str = "# Many rows.";
const LONG: &str = "# Long.";

struct Connection {
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
impl AsyncDB for Connection {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let batches = self.session.sql(sql).await.map_err(|error| Failure(message(&error)))?;
        IN_ORDER.set(!is_query(sql) || orders(sql));
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

thread_local! {
    /// Whether the last statement asked for an order of its rows. Thread-local, because a validator gets no other state.
    static IN_ORDER: Cell<bool> = const { Cell::new(true) };
}

/// A query without ORDER BY guarantees no order of its rows, so they are compared as a set.
fn same_rows(normalizer: Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    let mut actual: Vec<String> = actual.iter().map(|row| normalizer(&row.join(" "))).collect();
    let mut expected: Vec<String> = expected.iter().map(normalizer).collect();
    if !IN_ORDER.get() {
        actual.sort();
        expected.sort();
    }
    actual == expected
}

/// Whether this is a query; SHOW, DESCRIBE and EXPLAIN are not, and have a fixed order.
fn is_query(sql: &str) -> bool {
    let first = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(').split_whitespace().next().unwrap_or_default();
    ["SELECT", "WITH", "VALUES", "FROM", "TABLE"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Whether there is an ORDER BY outside of all parentheses.
fn orders(sql: &str) -> bool {
    let mut depth = 0;
    let outside: String = sql
        .chars()
        .filter(|&character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth == 0
        })
        .collect();
    outside.to_uppercase().split_whitespace().collect::<Vec<_>>().windows(2).any(|words| words == ["ORDER", "BY"])
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

/// The engine of one run, with its database directory.
struct Running {
    engine: Engine,
    _database: Option<tempfile::TempDir>,
}

impl Running {
    fn start(file: &Path, partitions: usize, batch_size: usize) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let database = text.lines().next().is_some_and(|line| line == IN_A_DATABASE).then(|| tempfile::tempdir().unwrap());
        let options = EngineOptions {
            partitions: Some(partitions),
            batch_size: Some(batch_size),
            database: database.as_ref().map(|folder| folder.path().to_path_buf()),
            ..EngineOptions::default()
        };
        Self { engine: Engine::open(options).unwrap(), _database: database }
    }

    fn connect(&self) -> Result<Connection, Failure> {
        self.engine.session().map(|session| Connection { session }).map_err(|error| Failure(message(&error)))
    }
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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Writes the current results into the file.
fn complete(file: &Path) {
    let running = Running::start(file, 2, 8192);
    let mut runner = Runner::new(|| async { running.connect() });
    let update = runner.update_test_file(file, " ", default_validator, default_normalizer, strict_column_validator);
    runtime().block_on(update).unwrap();
    println!("written: {}", file.display());
}

/// True when the comments before the first record have this line.
fn is_marked(file: &Path, mark: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().take_while(|line| line.is_empty() || line.starts_with('#')).any(|line| line == mark)
}

/// Partitions and batch sizes to run the file with.
fn settings(file: &Path, every: bool) -> &'static [(usize, usize)] {
    match every {
        true => &SETTINGS,
        false if is_marked(file, MANY_ROWS) => &SETTINGS[..1],
        false => &SETTINGS[..2],
    }
}

/// Runs the file with each of the settings; returns how many failed.
fn check(file: &Path, settings: &[(usize, usize)]) -> usize {
    let failed = settings.iter().filter(|&&(partitions, batch_size)| {
        let running = Running::start(file, partitions, batch_size);
        let mut runner = Runner::new(|| async { running.connect() });
        runner.with_column_validator(strict_column_validator);
        runner.with_validator(same_rows);
        let ran = runtime().block_on(runner.run_file_async(file));
        if let Err(error) = &ran {
            println!("FAILED with {partitions} partitions, batches of {batch_size}: {error}");
        }
        ran.is_err()
    });
    failed.count()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let chosen = |file: &PathBuf| filters.is_empty() || filters.iter().any(|filter| file.display().to_string().contains(*filter));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let every = arguments.iter().any(|argument| argument == "--include-ignored");
    let (files, long): (Vec<PathBuf>, Vec<PathBuf>) =
        files(&root).into_iter().filter(chosen).partition(|file| every || !filters.is_empty() || !is_marked(file, LONG));
    if files.is_empty() {
        println!("slt: no such file");
        return ExitCode::FAILURE;
    }
    if arguments.iter().any(|argument| argument == "--complete") {
        files.iter().for_each(|file| complete(file));
        return ExitCode::SUCCESS;
    }
    let waiting = Mutex::new(files.iter());
    let done: Mutex<Vec<(Duration, usize, &PathBuf)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(file) = waiting.lock().unwrap().next() else { break };
                    let began = Instant::now();
                    let failed = check(file, settings(file, every));
                    done.lock().unwrap().push((began.elapsed(), failed, file));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
    if done.len() > 10 {
        println!("the slowest files:");
        for (took, _, file) in done.iter().take(10) {
            println!("{:6.1} s  {}", took.as_secs_f64(), file.strip_prefix(&root).unwrap_or(file).display());
        }
    }
    if !long.is_empty() {
        println!("{} long files were left out: cargo test --test slt -- --include-ignored", long.len());
    }
    // A file whose thread panicked is missing here.
    let failed: usize = done.iter().map(|(_, failed, _)| failed).sum();
    let missing = files.len() - done.len();
    println!("slt: {} runs, {failed} failed", done.iter().map(|(.., file)| settings(file, every).len()).sum::<usize>());
    if failed + missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
