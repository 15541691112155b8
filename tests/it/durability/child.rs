//! A process that works on the database, reports its progress, and runs until it is stopped.

use std::io::{BufRead, BufReader, Read};
use std::process::{self, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Database;
use crate::support::portrait;

/// A process that runs a script. Rows that are a single number are its reports; after the script it waits, so that it never ends
/// by itself before it is killed, however slow the machine is.
pub struct Child {
    process: process::Child,
    lines: BufReader<ChildStdout>,
    pub heard: Vec<i64>,
}

/// How a process ended.
pub struct Ended {
    pub status: process::ExitStatus,
    /// Its output, including unread reports.
    pub heard: Vec<i64>,
    pub errors: String,
}

impl Child {
    /// Starts a script, and waits until the process has opened the database and begins.
    pub fn start(database: &Database, script: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let file = database.folder.path().join(format!("script{}.sql", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&file, format!("SELECT 0 AS ready;\n{script}")).unwrap();
        let mut command = portrait();
        command.arg("-d").arg(database.path()).args(["--partitions", "1", "-f", "csv", "run"]).arg(file).arg("-");
        prepare(&mut command);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let mut child = Self { process, lines, heard: vec![] };
        if child.hear() != Some(0) {
            panic!("{}", child.end().errors);
        }
        child.heard.clear();
        child
    }

    /// The next number that it reports; `None` at its end.
    pub fn hear(&mut self) -> Option<i64> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Ok(number) = line.trim().parse() {
                self.heard.push(number);
                return Some(number);
            }
        }
    }

    /// Sends a signal by its name.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Kills it.
    pub fn kill(mut self) -> Ended {
        self.process.kill().unwrap();
        self.end()
    }

    /// Lets it end after its script, and waits for that.
    pub fn end(mut self) -> Ended {
        drop(self.process.stdin.take());
        while self.hear().is_some() {}
        let status = self.process.wait().unwrap();
        let mut errors = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let errors = errors.lines().filter(|line| line.starts_with("error")).collect();
        Ended { status, heard: self.heard, errors }
    }
}
