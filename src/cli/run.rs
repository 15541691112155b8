//! `portrait run`: scripts for cron, systemd, Airflow and the like.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use portraitdb::{Answer, Engine, Language, printable};
use serde_json::{Value, json};

use super::Common;
use super::console::{Console, Failure, TIMED_OUT};
use super::language::{line, of_environment};
use super::log::LogFormat;
use super::script::Script;

pub(super) const EXAMPLES: &str = "\
Examples:
  portrait -d crm run customers.sql tags.sql --set as_of=2025-06-30
  portrait -d crm run sql/jobs/nightly.sql --lock nightly --retry 3 --timeout 2h --log-format json

With --retry the scripts run again from the first statement of the first file, in a new session, after 2 seconds, then 6, 18 and so on, each randomly shortened
by up to a half. Repeated scripts should ask about the same moment: give it with --set, or run them as a SCHEDULE.

Exit codes: 0 success, 1 a statement failed in the last attempt, 2 wrong arguments, 75 another run holds the lock, 124 an attempt took longer
than --timeout, 130 interrupted by Ctrl-C, 143 ended by SIGTERM, 129 by SIGHUP.";

/// The exit code when another holds the lock: EX_TEMPFAIL of sysexits.h, \"try again later\".
const LOCKED: u8 = 75;
/// The first wait before another attempt.
const BACKOFF: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Files with SQL statements; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Repeat all of them up to this many times when a statement fails.
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=1000))]
    retry: u32,
    /// Run only if no other run holds the lock of this name on the database; else exit at once with code 75.
    #[arg(long, value_name = "NAME")]
    lock: Option<String>,
    /// Cancel an attempt that takes longer, such as 90s, 30m or 2h; exit code 124.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// The format of statements, notes, attempts and errors on standard error: json is one object per line.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

/// Reads `90s`, `30m`, `2h`, `1d` or a number of seconds.
fn parse_time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let unit = match text[digits.len()..].trim().to_lowercase().as_str() {
        "" | "s" | "sec" | "second" | "seconds" => 1.0,
        "ms" => 0.001,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        other => return Err(format!("unknown unit {other}; use s, m, h or d")),
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number * unit < 1e9 => Ok(Duration::from_secs_f64(number * unit)),
        _ => Err("write a time such as 90s, 30m or 2h".into()),
    }
}

impl Run {
    /// True if the log is written as JSON.
    pub(super) fn is_json(&self) -> bool {
        self.log_format == LogFormat::Json
    }
}

/// Writes an event as JSON.
fn log(event: &str, more: Value) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut told = json!({ "time": now.as_secs_f64(), "event": event });
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    eprintln!("{told}");
}

/// Tells a note that is about no statement.
pub(super) fn log_note(text: &str) {
    log("note", json!({ "note": text }));
}

/// Tells an error before the first attempt.
pub(super) fn log_not_begun(problem: &str) -> Failure {
    log("failed", json!({ "attempt": 0, "error": problem, "is_last": true }));
    Failure::Ended(1)
}

fn log_interrupted(attempt: u32) -> Failure {
    log("interrupted", json!({ "attempt": attempt }));
    Failure::Ended(super::signals::code())
}

fn log_statement(line: u64, answer: &Answer, taken: Duration) {
    let more = json!({ "line": line, "statement": answer.tag(), "rows": answer.rows(), "duration": taken.as_secs_f64(), "notes": answer.notes() });
    log("statement", more);
}

/// Runs the scripts.
pub(super) fn run(engine: &Engine, asked: &Run, common: &Common) -> Result<(), Failure> {
    let is_json = asked.is_json();
    let _lock = match &asked.lock {
        None => None,
        Some(_) if common.database.is_none() => {
            return Err(Failure::Error("--lock: needs a database; add --database DIR".into()));
        }
        Some(name) => match engine.job_lock(name)? {
            Some(lock) => Some(lock),
            None => {
                match is_json {
                    true => log("locked", json!({ "lock": name })),
                    false => {
                        let text = format!("locked: another run holds the lock {}", printable(name));
                        eprintln!("{}", of_environment().message(&text));
                    }
                }
                return Err(Failure::Ended(LOCKED));
            }
        },
    };
    // A missing file is an error before anything runs. Standard input is read when its turn comes, and once.
    let read = |file: &PathBuf| if file.as_os_str() == "-" { Ok(None) } else { Script::read(file).map(Some) };
    let scripts = asked.files.iter().map(read).collect::<Result<Vec<_>, _>>();
    let mut scripts = scripts.map_err(|failure| match failure {
        Failure::Error(problem) if is_json => log_not_begun(&problem),
        failure => failure,
    })?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let began = Instant::now();
        if is_json {
            let files: Vec<String> = asked.files.iter().map(|file| file.display().to_string()).collect();
            log("started", json!({ "attempt": attempt, "files": files }));
        }
        let mut language = of_environment();
        let failure = match once(engine, &mut scripts, asked, common, &mut language) {
            Ok(()) => {
                if is_json {
                    log("succeeded", json!({ "attempt": attempt, "duration": began.elapsed().as_secs_f64() }));
                }
                return Ok(());
            }
            Err(failure) => failure,
        };
        let is_last = attempt > asked.retry;
        let (problem, code) = match failure {
            Failure::Error(problem) => (problem, 1),
            Failure::Ended(TIMED_OUT) => {
                let limit = asked.timeout.unwrap_or_default().as_secs_f64();
                (format!("timeout: took longer than {limit} s, and was cancelled"), TIMED_OUT)
            }
            // Whoever interrupts a run does not want it repeated.
            Failure::Interrupted if is_json => return Err(log_interrupted(attempt)),
            other => return Err(other),
        };
        match is_json {
            true => {
                let duration = began.elapsed().as_secs_f64();
                log("failed", json!({ "attempt": attempt, "error": problem, "duration": duration, "is_last": is_last }));
            }
            false => eprintln!("{}", line(language, "error", &problem)),
        }
        if is_last {
            return Err(Failure::Ended(code));
        }
        let wait = wait(attempt);
        match is_json {
            true => log("retry", json!({ "attempt": attempt + 1, "wait": wait.as_secs_f64() })),
            false => {
                let text =
                    format!("attempt {attempt} of {} failed; the next begins in {:.1} s", asked.retry + 1, wait.as_secs_f64());
                eprintln!("{}", language.message(&text));
            }
        }
        let listening = super::signals::Listening::new();
        engine.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(wait) => Ok(()),
                () = listening.interrupted() => Err(if is_json { log_interrupted(attempt) } else { Failure::Interrupted }),
            }
        })?;
    }
}

/// Runs the scripts once, in a session of their own. Its language, which a statement may have set, is that of its error.
fn once(
    engine: &Engine,
    scripts: &mut [Option<Script>],
    asked: &Run,
    common: &Common,
    language: &mut Language,
) -> Result<(), Failure> {
    let session = super::session(engine, common.connect.as_deref(), &common.set)?;
    let mut console = Console::new(engine.clone(), session, common.format, common.output.as_deref())?;
    console.deadline = asked.timeout.and_then(|timeout| tokio::time::Instant::now().checked_add(timeout));
    console.log = asked.is_json().then_some(log_statement);
    for (script, file) in scripts.iter_mut().zip(&asked.files) {
        let script = match script {
            Some(script) => script,
            None => script.insert(Script::read(file)?),
        };
        let ran = console.run(script);
        *language = console.language();
        ran?;
    }
    console.finish()
}

/// How long to wait after a number of attempts: three times as long each time, minus a random part.
fn wait(attempts: u32) -> Duration {
    let longest = BACKOFF.saturating_mul(3_u32.saturating_pow(attempts - 1)).min(LONGEST);
    let chance =
        f64::from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().subsec_nanos()) / 1e9;
    longest.mul_f64(1.0 - chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(parse_time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_time("1.5 h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_time("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse_time("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "soon", "-1s", "0", "5 weeks", "1e300h"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn waits_grow() {
        for (attempt, longest) in [(1, 2.0), (2, 6.0), (3, 18.0), (20, 1800.0)] {
            let waited = wait(attempt).as_secs_f64();
            assert!((longest / 2.0..=longest).contains(&waited), "{attempt}: {waited}");
        }
    }
}
