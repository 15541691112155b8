//! Runs statements for a person or a script: results go to the chosen output, progress and notes to stderr, and Ctrl-C cancels.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use indicatif::{HumanBytes, HumanCount};
use portraitdb::{
    Answer, Blocks, Engine, Format, Language, Lost, ResultWriter, Session, Staged, Statement, TableStyle, message, stream,
    without_passwords,
};

use super::kept::{Keeping, Kept, KeptResult};
use super::language;
use super::progress::Watch;
use super::screen::{self, Pager, Pages};
use super::script::{Script, line_of};
use super::signals::Listening;

/// Why a run ended early.
#[derive(Debug)]
pub(super) enum Failure {
    Error(String),
    Interrupted,
    BrokenPipe,
    /// Everything has been reported; the program ends with this code.
    Ended(u8),
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

/// Records a finished statement: its line, its answer, and the time it took.
pub(super) type Log = fn(u64, &Answer, Duration);

/// Limits that end a script early.
struct Until {
    listening: Listening,
    deadline: Option<tokio::time::Instant>,
}

impl Until {
    async fn over(&self) -> Failure {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.listening.interrupted() => Failure::Interrupted,
            () = late => Failure::Ended(TIMED_OUT),
        }
    }
}

/// The exit code of a script that took too long, as for the program `timeout`.
pub(super) const TIMED_OUT: u8 = 124;

/// Where results go.
enum Place {
    Screen,
    /// A pipe or device, which gets results as they are produced.
    Stream(Opened),
    /// A file that appears at the end, with the handle to write to.
    File {
        staged: Staged,
        opened: Opened,
    },
}

/// The stream to write to.
struct Opened {
    file: File,
    /// Its name, as it was given.
    name: String,
    /// The format that its name implies.
    format: Option<Format>,
    results: usize,
}

/// A session with its input and outputs.
pub(super) struct Console {
    pub(super) engine: Engine,
    pub(super) session: Session,
    pub(super) timing: bool,
    /// When rows are shown as blocks on a terminal.
    pub(super) blocks: Blocks,
    /// Whether what is longer than the screen goes through a pager.
    pub(super) is_paged: bool,
    /// Earlier results, in the shell.
    pub(super) kept: Option<Kept>,
    /// Called after each statement, for a log.
    pub(super) log: Option<Log>,
    /// When scripts are cancelled.
    pub(super) deadline: Option<tokio::time::Instant>,
    format: Format,
    place: Place,
}

impl Console {
    /// Without a format, the name of the output decides.
    pub(super) fn new(engine: Engine, session: Session, format: Option<Format>, output: Option<&Path>) -> Result<Self, Failure> {
        let mut console = Self {
            engine,
            session,
            timing: false,
            blocks: Blocks::default(),
            is_paged: false,
            kept: None,
            log: None,
            deadline: None,
            format: format.unwrap_or(Format::Table),
            place: Place::Screen,
        };
        console.write_to(output)?;
        if let (Some(format), Some(opened)) = (format, console.opened()) {
            opened.format = Some(format);
        }
        if matches!(console.place, Place::Screen) {
            is_text(console.format, "--format")?;
        }
        Ok(console)
    }

    fn opened(&mut self) -> Option<&mut Opened> {
        match &mut self.place {
            Place::Screen => None,
            Place::Stream(opened) | Place::File { opened, .. } => Some(opened),
        }
    }

    /// The error of writing where results go; a file is named.
    fn unwritten(&mut self, error: io::Error) -> Failure {
        match (Failure::from(error), self.opened()) {
            (Failure::Error(error), Some(Opened { name, .. })) => Failure::Error(format!("{name}: cannot be written: {error}")),
            (failure, _) => failure,
        }
    }

    /// The format of the results that follow now.
    pub(super) fn format(&self) -> Format {
        match &self.place {
            Place::Screen => self.format,
            Place::Stream(opened) | Place::File { opened, .. } => opened.format.unwrap_or(self.format),
        }
    }

    /// Sets the format of the following results: of the current output file, or of the screen.
    pub(super) fn set_format(&mut self, format: Format) -> Result<(), Failure> {
        if let Some(opened) = self.opened() {
            opened.format = Some(format);
            return Ok(());
        }
        is_text(format, "\\format")?;
        self.format = format;
        Ok(())
    }

    /// Sends the following results to a file, or back to the screen. The previous file is finished.
    pub(super) fn write_to(&mut self, path: Option<&Path>) -> Result<(), Failure> {
        self.publish()?;
        if let Some(path) = path {
            let (format, name) = (Format::of_name(path), path.display().to_string());
            if let Some(file) = stream(path)? {
                self.place = Place::Stream(Opened { file, name, format, results: 0 });
                return Ok(());
            }
            if let Some(ending) = compression(path) {
                let path = path.display();
                return Err(Failure::Error(format!(
                    "{path}: results are written as they are, not compressed; leave out .{ending}, or write COPY (query) TO '{path}'"
                )));
            }
            if format.is_none() && self.format == Format::Table {
                refuse_other_kinds(path)?;
            }
            let staged = Staged::beside(path)?;
            let file = File::create(staged.path()).map_err(|error| Failure::Error(format!("{}: {error}", path.display())))?;
            self.place = Place::File { staged, opened: Opened { file, name, format, results: 0 } };
        }
        Ok(())
    }

    /// Writes a text to where results go.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.place {
            Place::Screen => io::stdout().write_all(text.as_bytes())?,
            Place::Stream(opened) | Place::File { opened, .. } => opened.file.write_all(text.as_bytes())?,
        }
        Ok(())
    }

    /// To be called when everything has succeeded: the output file appears.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.publish()
    }

    fn publish(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.place, Place::Screen) {
            Place::Screen | Place::Stream(_) => Ok(()),
            Place::File { staged, .. } => Ok(staged.publish()?),
        }
    }

    /// Runs a script up to its first error, which names file, line and statement.
    pub(super) fn run(&mut self, script: &Script) -> Result<(), Failure> {
        self.run_with(script, |_| Ok(()))
    }

    /// The language of the session.
    pub(super) fn language(&self) -> Language {
        self.session.language()
    }

    /// Reports an error in the language of the session, which a statement may have set; the program then ends.
    pub(super) fn said(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Error(text) => {
                eprintln!("{}", language::line(self.session.language(), "error", &text));
                Failure::Ended(1)
            }
            other => other,
        }
    }

    /// The same, calling `before` before every statement.
    pub(super) fn run_with(
        &mut self,
        script: &Script,
        before: impl Fn(&Statement) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let until = Until { listening: Listening::new(), deadline: self.deadline };
        let parsed = self.engine.block_on(async {
            tokio::select! {
                parsed = self.session.parse(&script.sql) => Ok(parsed),
                failure = until.over() => Err(failure),
            }
        })?;
        let statements = parsed.map_err(|error| {
            let problem = message(&error);
            script.locate(line_of(&problem), &problem, None)
        })?;
        for statement in statements {
            before(&statement)?;
            let (line, text) = (statement.line, statement.text.clone());
            self.run_statement(statement, &until).map_err(|failure| match failure {
                Failure::Error(problem) => script.locate(line, &problem, Some(&text)),
                other => other,
            })?;
        }
        Ok(())
    }

    /// Shows a text on the screen, through the pager when it is longer.
    pub(super) fn show(&self, text: &str) -> Result<(), Failure> {
        let (mut sink, pager) = self.screen();
        let written = sink.write_all(text.as_bytes()).and_then(|()| sink.flush());
        drop(sink);
        match written {
            Err(_) if pager.is_some_and(|pager| pager.is_left()) => Ok(()),
            written => Ok(written?),
        }
    }

    /// The screen, possibly through the pager.
    fn screen(&self) -> (Box<dyn Write + Send>, Option<Pager>) {
        match screen::size().filter(|_| self.is_paged) {
            Some(size) => {
                let (pages, pager) = Pages::new(size);
                (Box::new(BufWriter::new(pages)), Some(pager))
            }
            None => (Box::new(BufWriter::new(io::stdout())), None),
        }
    }

    /// The layout of tables where results go.
    fn style(&self) -> TableStyle {
        match (&self.place, screen::size()) {
            (Place::Screen, Some((width, _))) => {
                TableStyle { most: self.session.settings().max_rows_shown, width: Some(width), blocks: self.blocks }
            }
            _ => TableStyle {
                blocks: if self.blocks == Blocks::Always { self.blocks } else { Blocks::Never },
                ..TableStyle::default()
            },
        }
    }

    /// Begins a result where results go.
    fn writer(&mut self, schema: SchemaRef) -> Result<(ResultWriter<'static>, Option<Pager>), Failure> {
        let (format, style) = (self.format(), self.style());
        let (sink, pager): (Box<dyn Write + Send>, Option<Pager>) = match self.opened() {
            None => self.screen(),
            Some(opened) => {
                opened.results += 1;
                if opened.results > 1 && matches!(format, Format::Parquet | Format::Excel) {
                    return Err(Failure::Error(
                        "a Parquet or Excel file holds one result; use one query, or COPY each to its own file".into(),
                    ));
                }
                (Box::new(BufWriter::new(opened.file.try_clone()?)), None)
            }
        };
        let writer = ResultWriter::new(format, sink, schema, style).map_err(|error| self.unwritten(error))?;
        Ok((writer, pager))
    }

    /// Shows an earlier result where results go.
    pub(super) fn show_again(&mut self, result: &KeptResult) -> Result<(), Failure> {
        let (mut writer, pager) = self.writer(Arc::clone(&result.schema))?;
        let written = result.batches.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish());
        match written {
            Err(_) if pager.is_some_and(|pager| pager.is_left()) => Ok(()),
            written => Ok(written?),
        }
    }

    fn run_statement(&mut self, statement: Statement, until: &Until) -> Result<(), Failure> {
        let began = Instant::now();
        let (line, text) = (statement.line, without_passwords(&statement.text));
        let engine = self.engine.clone();
        engine.block_on(async {
            let watch = Watch::new(began);
            let mut answer = tokio::select! {
                answer = self.session.execute(statement) => answer?,
                failure = until.over() => return Err(failure),
            };
            let taken = match self.write_answer(&mut answer, &text, &watch, until).await {
                Ok(taken) => taken,
                Err(failure) => {
                    watch.clear();
                    end(answer).await;
                    // A partial result is not a result. The shell continues, and would otherwise publish it with the next one.
                    if matches!(&self.place, Place::File { opened, .. } if opened.results > 0) {
                        self.place = Place::Screen;
                    }
                    return Err(failure);
                }
            };
            watch.clear();
            match self.log {
                Some(log) => log(line, &answer, taken),
                None => {
                    answer.notes().iter().for_each(|note| eprintln!("{}", language::line(self.session.language(), "note", note)))
                }
            }
            if self.timing {
                eprintln!("{}", timing(&answer, taken));
            }
            Ok(())
        })
    }

    /// Writes the rows; returns the time until the last row had arrived.
    async fn write_answer(&mut self, answer: &mut Answer, text: &str, watch: &Watch, until: &Until) -> Result<Duration, Failure> {
        let schema = Arc::clone(answer.schema());
        let has_columns = !schema.fields().is_empty();
        let mut keeping = self.kept.is_some().then(|| Keeping::new(text, Arc::clone(&schema))).filter(|_| has_columns);
        let mut lost = Lost::new(self.format());
        let (mut writer, pager) = match has_columns {
            true => self.writer(schema).map(|(writer, pager)| (Some(writer), pager))?,
            false => (None, None),
        };
        let is_read = || pager.as_ref().is_some_and(Pager::is_open);
        let is_left = || pager.as_ref().is_some_and(Pager::is_left);
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            let batch = tokio::select! {
                batch = answer.next() => batch,
                failure = until.over() => return Err(failure),
                _ = tick.tick() => {
                    if !is_read() {
                        watch.show(answer, &self.session);
                    }
                    continue;
                }
            };
            let Some(batch) = batch else { break };
            let batch = batch?;
            if let Some(keeping) = &mut keeping {
                keeping.add(&batch);
            }
            if let Some(writer) = writer.as_mut().filter(|_| !is_left()) {
                watch.clear();
                lost.look_at(&batch);
                match writer.write(&batch) {
                    // Nobody wants the rest of a query, but a statement that changes something runs to its end.
                    Err(_) if is_left() && answer.tag() == "SELECT" => {
                        answer.canceller().cancel();
                        keeping = None;
                        break;
                    }
                    Err(_) if is_left() => {}
                    written => written.map_err(|error| self.unwritten(error))?,
                }
            }
        }
        watch.clear();
        let taken = watch.elapsed();
        match writer.map(ResultWriter::finish) {
            Some(Err(error)) if !is_left() => return Err(self.unwritten(error)),
            _ => {}
        }
        if let (Some(kept), Some(keeping)) = (&mut self.kept, keeping) {
            kept.add(keeping);
        }
        if self.log.is_none() {
            lost.notes().iter().for_each(|note| eprintln!("{}", language::line(self.session.language(), "note", note)));
        }
        Ok(taken)
    }
}

/// The output of `\timing`.
fn timing(answer: &Answer, taken: Duration) -> String {
    let (progress, seconds) = (answer.progress(), taken.as_secs_f64());
    let rows = |count: u64| format!("{} row{}", HumanCount(count), if count == 1 { "" } else { "s" });
    let (read, bytes) = (progress.rows as u64, progress.bytes as u64);
    let of_files = if bytes > 0 { format!(" of {}", HumanBytes(bytes)) } else { String::new() };
    let read_text = if read > 0 { format!(", {} read{of_files}", rows(read)) } else { String::new() };
    let rate = (answer.rows().max(read) as f64 / seconds.max(1e-6)) as u64;
    format!("{seconds:.3} s, {}{read_text}, {}/s", rows(answer.rows()), rows(rate))
}

/// A terminal shows texts.
fn is_text(format: Format, subject: &str) -> Result<(), Failure> {
    let name = match format {
        Format::Parquet => "parquet",
        Format::Excel => "excel",
        _ => return Ok(()),
    };
    match screen::size() {
        None => Ok(()),
        Some(_) => Err(Failure::Error(format!("{subject} {name}: writes bytes, not text; add an output file"))),
    }
}

/// The extension of a compressed file.
fn compression(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ["gz", "zst", "bz2", "xz"].into_iter().find(|known| *known == ending)
}

/// Refuses a file whose extension promises something else than text, when no format is given: it would hold a table of text.
fn refuse_other_kinds(path: &Path) -> Result<(), Failure> {
    const OTHERS: [&str; 20] = [
        "arrow", "avro", "db", "docx", "duckdb", "feather", "htm", "html", "ods", "orc", "pdf", "png", "sqlite", "svg", "tar",
        "xls", "xlsb", "xlsm", "xml", "zip",
    ];
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).unwrap_or_default();
    if !OTHERS.contains(&ending.as_str()) {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::Error(match ending.as_str() {
        "arrow" => format!("{path}: results are not written as .arrow files; write COPY (query) TO '{path}'"),
        _ => format!(
            "{path}: results are not written as .{ending} files; end the name in .csv, .json, .xlsx or .parquet, or give a format"
        ),
    }))
}

/// Ends a cancelled statement, and waits until it is done: a refresh records how it ended.
async fn end(mut answer: Answer) {
    answer.canceller().cancel();
    let ended = async { while answer.next().await.is_some() {} };
    // Work that does not stop ends with the process.
    let _ = tokio::time::timeout(Duration::from_secs(3), ended).await;
}
