//! The status line: what a statement that takes longer than a second has read so far.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portraitdb::{Answer, Progress, Session};

/// A line on stderr about a statement that takes longer than a second.
pub(super) struct Watch {
    began: Instant,
    bar: ProgressBar,
}

impl Watch {
    pub(super) fn new(began: Instant) -> Self {
        let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { began, bar }
    }

    pub(super) fn show(&self, answer: &Answer, session: &Session) {
        let elapsed = self.began.elapsed();
        if elapsed >= Duration::from_secs(1) {
            let memory = session.context().runtime_env().memory_pool.reserved();
            self.bar.set_message(line(&answer.progress(), memory, elapsed));
            self.bar.tick();
        }
    }

    /// Since the statement began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The line: rows and bytes read, memory, current activity, time.
fn line(progress: &Progress, memory: usize, elapsed: Duration) -> String {
    let rows = HumanCount(progress.rows as u64);
    let bytes = if progress.bytes == 0 { String::new() } else { format!(" and {}", HumanBytes(progress.bytes as u64)) };
    let made: String = progress.made.iter().map(|(name, count)| format!(", {} {name}", HumanCount(*count as u64))).collect();
    let status = if progress.status.is_empty() { String::new() } else { format!(", {}", progress.status) };
    let read = format!("{rows} rows{bytes} read{made}{status}");
    // A backup copies, and reads no rows.
    let is_reading = progress.rows > 0 || progress.bytes > 0 || status.is_empty();
    let done = if is_reading { read.as_str() } else { progress.status.as_str() };
    let memory = if memory == 0 { String::new() } else { format!(", {} of memory", HumanBytes(memory as u64)) };
    let step = if progress.step.is_empty() { String::new() } else { format!("{}: ", progress.step) };
    format!("{step}{done}{memory}, {:.1} s", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done() {
        let progress = Progress { rows: 1_234, bytes: 2_048, step: "sorting".into(), ..Progress::default() };
        let text = line(&progress, 3 << 20, Duration::from_millis(1_500));
        assert_eq!(text, "sorting: 1,234 rows and 2.00 KiB read, 3.00 MiB of memory, 1.5 s");
        let progress = Progress { status: "12 MB of 51 MB copied".into(), ..Progress::default() };
        assert_eq!(line(&progress, 0, Duration::from_millis(1_500)), "12 MB of 51 MB copied, 1.5 s");
    }
}
