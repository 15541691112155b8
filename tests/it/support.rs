//! Shared by the tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use portraitdb::{Engine, EngineOptions, Session, message};

/// An engine and a session in memory.
pub fn session() -> (Engine, Session) {
    session_with(EngineOptions::default())
}

pub fn session_with(options: EngineOptions) -> (Engine, Session) {
    let engine = Engine::open(options).unwrap();
    let session = engine.session().unwrap();
    (engine, session)
}

/// The rows of the last statement, cells joined by `|`.
pub fn rows(engine: &Engine, session: &Session, sql: &str) -> Vec<String> {
    try_rows(engine, session, sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

/// The same, or the text of the error.
pub fn try_rows(engine: &Engine, session: &Session, sql: &str) -> Result<Vec<String>, String> {
    let batches = engine.block_on(session.sql(sql)).map_err(|error| message(&error))?;
    Ok(batches.iter().flat_map(lines).collect())
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

/// The program.
pub fn portrait() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portrait"));
    // The locale may have another language.
    command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    command
}

/// Runs the program: exit code, standard output, standard error.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs the program, and ends it after a minute or when it has taken more than `most` megabytes: exit code, standard error, peak memory in
/// megabytes where the system tells it, and time.
pub fn watched(command: &mut Command, most: u64) -> (Option<i32>, String, u64, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("said");
    let file = std::fs::File::create(&output).unwrap();
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let told = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        let kilobytes: u64 = told.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        peak = peak.max(kilobytes / 1024);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        if began.elapsed() > Duration::from_secs(60) || peak > most {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (ended.code(), std::fs::read_to_string(output).unwrap(), peak, began.elapsed())
}

/// The folder of real data next to the repository; `None` with a visible message.
pub fn shared_data(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(file);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("{} is not there; this test holds answers against published figures", path.display()));
    None
}

/// Prints a message that the test harness does not capture.
pub fn skipped(reason: &str) {
    let line = format!("\n*** SKIPPED: {reason} ***\n\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// What is in a folder, to write copies of it: a database that several tests begin with is made once.
pub struct Copies(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Copies {
    pub fn of(folder: &Path) -> Self {
        let (mut found, mut waiting) = (vec![], vec![folder.to_path_buf()]);
        while let Some(next) = waiting.pop() {
            for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
                let path = entry.path();
                let bytes = path.is_file().then(|| std::fs::read(&path).unwrap());
                found.push((path.strip_prefix(folder).unwrap().to_path_buf(), bytes));
                if path.is_dir() {
                    waiting.push(path);
                }
            }
        }
        Self(found)
    }

    /// Writes a copy; the folder must not be there yet.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        for (path, bytes) in &self.0 {
            match bytes {
                Some(bytes) => std::fs::write(folder.join(path), bytes).unwrap(),
                None => std::fs::create_dir(folder.join(path)).unwrap(),
            }
        }
    }
}

/// Random numbers from a seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// One of them, if there are any.
    pub fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())) }
    }

    pub fn or_null(&mut self, percent: usize, value: impl FnOnce(&mut Self) -> String) -> String {
        if self.chance(percent) { "NULL".into() } else { value(self) }
    }
}

/// Whether the long tests run too: `cargo test -- --include-ignored`.
pub fn is_long() -> bool {
    std::env::args().any(|argument| argument == "--include-ignored" || argument == "--ignored")
}

/// The number of random cases to run: `PORTRAIT_TEST_CASES`, or that of an ordinary or of a long run.
pub fn cases(ordinary: u64, long: u64) -> u64 {
    from_environment("PORTRAIT_TEST_CASES", if is_long() { long } else { ordinary })
}

/// All of them in a long run, and `ordinary` of them, from everywhere in the list, in an ordinary one.
pub fn some<T>(all: impl IntoIterator<Item = T>, ordinary: usize) -> Vec<T> {
    let all: Vec<T> = all.into_iter().collect();
    let apart = if is_long() { 1 } else { all.len().div_ceil(ordinary) };
    all.into_iter().step_by(apart.max(1)).collect()
}

/// A number from the environment.
pub fn from_environment(name: &str, ordinary: u64) -> u64 {
    std::env::var(name).map_or(ordinary, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, got {text}")))
}

/// A message that is printed if a test fails while this lives.
pub struct About(pub String);

impl Drop for About {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}
