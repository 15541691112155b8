//! The status line: what a statement that takes longer than a second has read so far.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portraitdb::{Answer, Language, Progress, Session};

/// The single words that a line may have in it.
const WORDS: [(&str, &str); 12] = [
    ("sorting", "排序"),
    ("grouping", "分组"),
    ("joining", "连接"),
    ("numbering", "编号"),
    ("training", "训练"),
    ("measuring", "评估"),
    ("scaling", "标准化"),
    ("clustering", "聚类"),
    ("silhouettes", "计算轮廓系数"),
    ("customers", "位客户"),
    ("itemsets", "个项集"),
    ("s", "秒"),
];

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
            self.bar.set_message(line(&answer.progress(), memory, elapsed, session.language()));
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
fn line(progress: &Progress, memory: usize, elapsed: Duration, language: Language) -> String {
    let mut parts = vec![];
    // A backup copies, and reads no rows.
    if progress.rows > 0 || progress.bytes > 0 || progress.status.is_empty() {
        let rows = HumanCount(progress.rows as u64);
        let read = match progress.bytes {
            0 => format!("{rows} rows read"),
            bytes => format!("{rows} rows and {} read", HumanBytes(bytes as u64)),
        };
        parts.push(language.message(&read).into_owned());
        parts.extend(progress.made.iter().map(|(name, count)| format!("{} {}", HumanCount(*count as u64), said(name, language))));
    }
    if !progress.status.is_empty() {
        parts.push(said(&progress.status, language));
    }
    if memory > 0 {
        parts.push(language.message(&format!("{} of memory", HumanBytes(memory as u64))).into_owned());
    }
    parts.push(format!("{:.1} {}", elapsed.as_secs_f64(), said("s", language)));
    let step = if progress.step.is_empty() { String::new() } else { said(&progress.step, language) + language.colon() };
    step + &parts.join(if language == Language::Zh { "，" } else { ", " })
}

/// A word, or a text of a step, in the language of the session.
fn said(text: &str, language: Language) -> String {
    let word = WORDS.iter().find(|(english, _)| language == Language::Zh && *english == text);
    word.map_or_else(|| language.message(text).into_owned(), |(_, chinese)| (*chinese).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done() {
        let progress = Progress { rows: 1_234, bytes: 2_048, step: "sorting".into(), ..Progress::default() };
        let [english, chinese] = [Language::En, Language::Zh]
            .map(|language| move |progress: &Progress, memory| line(progress, memory, Duration::from_millis(1_500), language));
        assert_eq!(english(&progress, 3 << 20), "sorting: 1,234 rows and 2.00 KiB read, 3.00 MiB of memory, 1.5 s");
        assert_eq!(chinese(&progress, 3 << 20), "排序：已读取 1,234 行（2.00 KiB），内存 3.00 MiB，1.5 秒");
        let copied = Progress { status: "12 MB of 51 MB copied".into(), ..Progress::default() };
        assert_eq!(english(&copied, 0), "12 MB of 51 MB copied, 1.5 s");
        assert_eq!(chinese(&copied, 0), "已复制 12 MB，共 51 MB，1.5 秒");
        let made = [("itemsets".to_string(), 12_345)].into();
        let found = Progress { rows: 7, made, status: "fold 2 of 5".into(), ..Progress::default() };
        assert_eq!(english(&found, 0), "7 rows read, 12,345 itemsets, fold 2 of 5, 1.5 s");
        assert_eq!(chinese(&found, 0), "已读取 7 行，12,345 个项集，第 2 折，共 5 折，1.5 秒");
    }
}
