//! Whether the process of a run that has not written its end is still at work.
//!
//! No single sign tells. A lock of the operating system ends with its process; but another machine may not see it, and somebody may remove
//! its file. A heartbeat is seen everywhere; but a suspended process has none, and its time is that of a clock, which may be set. The number
//! of a process says nothing on another machine, and is used again. So a run is dead only when two signs agree:
//!
//! | its lock | its process | its heartbeat | the run is |
//! |---|---|---|---|
//! | held | of this machine | any | alive, perhaps suspended |
//! | held | of another machine | silent | dead; locks of network file systems can stay when their machine is gone |
//! | free | of this machine, ended | any | dead, which is known at once |
//! | free | any other | regular | alive, and its lock cannot be seen from here |
//! | free | any other | silent | dead |
//!
//! So a killed process is noticed at once on its own machine, and within a minute from any other.

use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::{Connection, Row};

use super::locks::Locks;
use super::runs::now;

/// How long a run may go without a heartbeat.
const SILENCE: Duration = Duration::from_mins(1);
/// How far the clock of another machine may be ahead. A heartbeat later than that was written before the clocks were set.
const AHEAD: Duration = Duration::from_hours(1);

/// This machine, since it was started: the locks of a machine with the same name that was started again are gone.
pub static HOST: LazyLock<String> = LazyLock::new(|| {
    let name = sysinfo::System::host_name().unwrap_or_else(|_| "unknown".into());
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    match boot.trim().get(..8) {
        Some(boot) => format!("{name} ({boot})"),
        None => name,
    }
});

/// A run that has not written its end, and its signs of life.
#[derive(Debug)]
pub struct Unfinished {
    pub run: i64,
    /// True for an attempt of a schedule.
    pub is_attempt: bool,
    /// The name of its lock.
    pub lock: String,
    /// The machine of its process; empty in a run recorded by an earlier version.
    host: String,
    process: i64,
    /// The time of its last heartbeat, in microseconds since 1970.
    beat: i64,
}

/// The runs that have not written their end.
pub fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<Unfinished>> {
    let mut query = connection.prepare_cached(
        "SELECT id, schedule IS NOT NULL, lock, coalesce(host, ''), process, coalesce(heartbeat_at, 0) FROM runs WHERE status = 'running'",
    )?;
    let one = |row: &Row<'_>| {
        Ok(Unfinished {
            run: row.get(0)?,
            is_attempt: row.get(1)?,
            lock: row.get(2)?,
            host: row.get(3)?,
            process: row.get(4)?,
            beat: row.get(5)?,
        })
    };
    query.query_map([], one)?.collect()
}

impl Unfinished {
    /// True when the process of the run can no longer write its end.
    pub fn is_dead(&self, locks: &Locks) -> bool {
        let is_here = self.host == *HOST;
        match locks.is_held(&self.lock) {
            true => !is_here && self.is_silent(now(), is_here),
            false => is_here && has_ended(self.process) || self.is_silent(now(), is_here),
        }
    }

    /// True when the heartbeats have stopped. A time in the future means that the clock was set back since: a process of this machine
    /// that lives corrects it within seconds, and the clock of another may be ahead.
    fn is_silent(&self, now: i64, is_here: bool) -> bool {
        let silence = micros(SILENCE);
        let ahead = if is_here { silence } else { micros(AHEAD) };
        now.saturating_sub(self.beat) > silence || self.beat.saturating_sub(now) > ahead
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// True when this machine certainly has no living process of that number; where it does not list its processes, nothing is certain.
fn has_ended(process: i64) -> bool {
    let state = |process: &str| {
        let found = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The state follows the name of the program, which is in parentheses and may contain any.
        found.rsplit_once(") ")?.1.chars().next()
    };
    // A process that was killed stays listed, as Z or X, until its parent has asked for its end.
    state("self").is_some() && state(&process.to_string()).is_none_or(|state| matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::access::Access;

    const SECOND: i64 = 1_000_000;

    fn run(host: &str, process: u32, beat: i64, lock: &str) -> Unfinished {
        Unfinished { run: 1, is_attempt: false, lock: lock.into(), host: host.into(), process: process.into(), beat }
    }

    #[test]
    fn a_run_is_dead_when_two_signs_agree() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::new(folder.path().to_path_buf(), Access::OWN);
        let (_held, held) = locks.for_run("profile p", "REFRESH").unwrap();
        let own = std::process::id();
        let is_dead = |host: &str, seconds: i64, lock: &str| run(host, own, now() + seconds * SECOND, lock).is_dead(&locks);
        // Suspended for an hour, with the clock set back and forth meanwhile.
        assert!([-3600, -5, 0, 7200].iter().all(|seconds| !is_dead(&HOST, *seconds, &held)));
        // Its lock file was removed, and it goes on.
        assert!(!is_dead(&HOST, -5, "run-none") && is_dead(&HOST, -70, "run-none") && is_dead(&HOST, 70, "run-none"));
        // Of another machine, whose clock is half a minute or ten minutes ahead, and whose lock may be seen from here or not.
        for lock in [held.as_str(), "run-none"] {
            assert!([-50, 30, 600].iter().all(|seconds| !is_dead("elsewhere", *seconds, lock)), "{lock}");
            assert!([-70, 7200].iter().all(|seconds| is_dead("elsewhere", *seconds, lock)), "{lock}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::new(folder.path().to_path_buf(), Access::OWN);
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let id = child.id();
        let is_dead = |host: &str| run(host, id, now(), "run-none").is_dead(&locks);
        assert!(!is_dead(&HOST));
        child.kill().unwrap();
        // It stays listed until its end is asked for.
        while !is_dead(&HOST) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!is_dead("elsewhere"));
        child.wait().unwrap();
        assert!(is_dead(&HOST));
    }
}
