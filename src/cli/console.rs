//! Runs statements for a person or a script: results to their place, progress and notes to stderr, Ctrl-C heard.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use datafusion::error::DataFusionError;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portraitdb::{
    Answer, Engine, Format, ResultWriter, Session, Staged, Statement, message, printable, stream, without_passwords,
};

use super::signals::Listening;

/// Why a run ended early.
#[derive(Debug)]
pub(super) enum Failure {
    Error(String),
    Interrupted,
    BrokenPipe,
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::Error(message(&error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::BrokenPipe } else { Self::Error(error.to_string()) }
    }
}

/// Statements and where they come from.
pub(super) struct Script {
    sql: String,
    file: Option<String>,
}

impl Script {
    /// From the command line or a pipe.
    pub(super) fn given(sql: String) -> Self {
        Self { sql, file: None }
    }

    /// A text that is known by a name.
    pub(super) fn named(sql: &str, name: &str) -> Self {
        Self { sql: sql.to_string(), file: Some(name.to_string()) }
    }

    /// From a file; - is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let read = if name == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
        match read {
            Ok(sql) => Ok(Self { sql: sql.trim_start_matches('\u{feff}').to_string(), file: Some(name) }),
            Err(error) => Err(Failure::Error(format!("{name}: {error}"))),
        }
    }

    fn locate(&self, line: u64, problem: &str, text: Option<&str>) -> Failure {
        let Some(file) = &self.file else { return Failure::Error(problem.to_string()) };
        let statement = text.map_or_else(String::new, |text| {
            let text = without_passwords(text);
            let first: Vec<&str> = text.lines().take(3).collect();
            let more = if text.lines().count() > 3 { "\n  | …" } else { "" };
            format!("\n  | {}{more}", first.join("\n  | "))
        });
        Failure::Error(format!("{file}:{line}: {problem}{statement}"))
    }
}

/// Where results go.
enum Place {
    Screen,
    /// A pipe or device, which takes results as they come.
    Stream {
        file: File,
        results: usize,
    },
    /// A file that appears at the end, with the handle that is written to.
    File {
        staged: Staged,
        file: File,
        results: usize,
    },
}

/// A session with its ways in and out.
pub(super) struct Console {
    pub(super) engine: Engine,
    pub(super) session: Session,
    pub(super) format: Format,
    pub(super) timing: bool,
    place: Place,
}

impl Console {
    pub(super) fn new(engine: Engine, session: Session, format: Format, output: Option<&Path>) -> Result<Self, Failure> {
        let mut console = Self { engine, session, format, timing: false, place: Place::Screen };
        console.write_to(output)?;
        if format == Format::Parquet && matches!(console.place, Place::Screen) && io::stdout().is_terminal() {
            return Err(Failure::Error("--format parquet: writes bytes, not text; add --output PATH".into()));
        }
        Ok(console)
    }

    /// Sends the results that follow to a file, or back to the screen. The file of before is finished.
    pub(super) fn write_to(&mut self, path: Option<&Path>) -> Result<(), Failure> {
        self.publish()?;
        if let Some(path) = path {
            if let Some(file) = stream(path)? {
                self.place = Place::Stream { file, results: 0 };
                return Ok(());
            }
            let staged = Staged::beside(path)?;
            let file = File::create(staged.path()).map_err(|error| Failure::Error(format!("{}: {error}", path.display())))?;
            self.place = Place::File { staged, file, results: 0 };
        }
        Ok(())
    }

    /// Writes a text where results go.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.place {
            Place::Screen => io::stdout().write_all(text.as_bytes())?,
            Place::Stream { file, .. } | Place::File { file, .. } => file.write_all(text.as_bytes())?,
        }
        Ok(())
    }

    /// To be called when everything has succeeded: the output file appears.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.publish()
    }

    fn publish(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.place, Place::Screen) {
            Place::Screen | Place::Stream { .. } => Ok(()),
            Place::File { staged, .. } => Ok(staged.publish()?),
        }
    }

    /// Runs a script up to its first error, which names file, line and statement.
    pub(super) fn run(&mut self, script: &Script) -> Result<(), Failure> {
        self.run_with(script, |_| Ok(()))
    }

    /// Likewise, calling `before` before every statement.
    pub(super) fn run_with(
        &mut self,
        script: &Script,
        before: impl Fn(&Statement) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let listening = Listening::new();
        let parsed = self.engine.block_on(async {
            tokio::select! {
                parsed = self.session.parse(&script.sql) => Ok(parsed),
                () = listening.interrupted() => Err(Failure::Interrupted),
            }
        })?;
        let statements = parsed.map_err(|error| {
            let problem = message(&error);
            script.locate(line_of(&problem), &problem, None)
        })?;
        for statement in statements {
            before(&statement)?;
            let (line, text) = (statement.line, statement.text.clone());
            self.run_statement(statement, &listening).map_err(|failure| match failure {
                Failure::Error(problem) => script.locate(line, &problem, Some(&text)),
                other => other,
            })?;
        }
        Ok(())
    }

    fn run_statement(&mut self, statement: Statement, listening: &Listening) -> Result<(), Failure> {
        let began = Instant::now();
        let Self { engine, session, format, place, timing } = self;
        engine.block_on(async {
            let watch = Watch::new(began);
            let mut answer = tokio::select! {
                answer = session.execute(statement) => answer?,
                () = listening.interrupted() => return Err(Failure::Interrupted),
            };
            if let Err(failure) = write_answer(&mut answer, session, *format, place, &watch, listening).await {
                watch.clear();
                end(answer).await;
                // What is there of the result is no result. The shell goes on, and would publish the file with the next.
                if matches!(place, Place::File { results: 1.., .. }) {
                    *place = Place::Screen;
                }
                return Err(failure);
            }
            watch.clear();
            for note in answer.notes() {
                eprintln!("note: {}", printable(&note));
            }
            if *timing {
                let progress = answer.progress();
                eprintln!(
                    "{:.3} s, {} rows and {} read",
                    began.elapsed().as_secs_f64(),
                    HumanCount(progress.rows as u64),
                    HumanBytes(progress.bytes as u64)
                );
            }
            Ok(())
        })
    }
}

/// The line that an error of a script's syntax tells: that of its excerpt, or of its text.
fn line_of(problem: &str) -> u64 {
    let mut told = ["\nLINE ", "line "].into_iter().filter_map(|mark| {
        let (_, rest) = problem.split_once(mark)?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    });
    told.next().unwrap_or(1)
}

/// Ends a statement that was given up, and waits until it has said so: a refresh writes how it ended.
async fn end(mut answer: Answer) {
    answer.canceller().cancel();
    let ended = async { while answer.next().await.is_some() {} };
    // Work that does not let go ends with the process.
    let _ = tokio::time::timeout(Duration::from_secs(3), ended).await;
}

async fn write_answer(
    answer: &mut Answer,
    session: &Session,
    format: Format,
    place: &mut Place,
    watch: &Watch,
    listening: &Listening,
) -> Result<(), Failure> {
    let has_columns = !answer.schema().fields().is_empty();
    let (sink, most): (Box<dyn Write + Send + '_>, usize) = match place {
        Place::Screen => {
            let is_terminal = io::stdout().is_terminal();
            (Box::new(BufWriter::new(io::stdout())), if is_terminal { session.settings().max_rows_shown } else { 0 })
        }
        Place::Stream { file, results } | Place::File { file, results, .. } => {
            if has_columns {
                *results += 1;
                if *results > 1 && format == Format::Parquet {
                    return Err(Failure::Error(
                        "a Parquet file holds one result; use one query, or COPY each to its file".into(),
                    ));
                }
            }
            (Box::new(BufWriter::new(file)), 0)
        }
    };
    let mut writer = match has_columns {
        true => Some(ResultWriter::new(format, sink, answer.schema().clone(), most)?),
        false => None,
    };
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        let batch = tokio::select! {
            batch = answer.next() => batch,
            () = listening.interrupted() => return Err(Failure::Interrupted),
            _ = tick.tick() => {
                watch.show(answer);
                continue;
            }
        };
        let Some(batch) = batch else { break };
        let batch = batch?;
        if let Some(writer) = &mut writer {
            watch.clear();
            writer.write(&batch)?;
        }
    }
    watch.clear();
    match writer {
        Some(writer) => Ok(writer.finish()?),
        None => Ok(()),
    }
}

/// A line on stderr about what takes longer than a second.
struct Watch {
    began: Instant,
    bar: ProgressBar,
}

impl Watch {
    fn new(began: Instant) -> Self {
        let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { began, bar }
    }

    fn show(&self, answer: &Answer) {
        let elapsed = self.began.elapsed();
        if elapsed >= Duration::from_secs(1) {
            let progress = answer.progress();
            let (rows, bytes) = (HumanCount(progress.rows as u64), HumanBytes(progress.bytes as u64));
            let made: String =
                progress.made.iter().map(|(name, count)| format!(", {} {name}", HumanCount(*count as u64))).collect();
            let status = if progress.status.is_empty() { String::new() } else { format!(", {}", progress.status) };
            self.bar.set_message(format!("{rows} rows and {bytes} read{made}{status}, {:.1} s", elapsed.as_secs_f64()));
            self.bar.tick();
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
