//! What is still to be sent about runs that have ended: an outbox.
//!
//! A notice is stored in the transaction that records the end of its run, so that no crash can come between the two. A process that sends
//! notices *takes* one in a transaction of its own, for as long as sending may take; if that process dies, the time passes, and any process on
//! the database takes it again. So a notice is sent at least once, and two processes do not send it at the same time; its `delivery` tells a
//! receiver which notices are the same. A notice that was not accepted is tried again after a while, up to [`ATTEMPTS`] times.
//!
//! A receiver gets at most one notice per [`RATE`] about the failures of a schedule, and one about its successes. Of those that wait meanwhile,
//! the latest is sent, and tells how many it replaces.

use datafusion::common::Result;
use rusqlite::params;

use super::Catalog;
use super::keys::Link;
use super::liveness::HOST;

/// The part of the catalog schema for notices.
pub const MIGRATION: &str = "
    -- Notices about runs that have ended. Sending one may last until `taken_until`.
    CREATE TABLE notices (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        schedule    INTEGER NOT NULL,
        name        TEXT NOT NULL,
        run         INTEGER NOT NULL,
        about       TEXT NOT NULL,
        receiver    TEXT NOT NULL,
        address     TEXT NOT NULL,
        body        TEXT NOT NULL,
        delivery    TEXT NOT NULL,
        status      TEXT NOT NULL DEFAULT 'waiting',
        made_at     INTEGER NOT NULL,
        due_at      INTEGER NOT NULL,
        taken_until INTEGER,
        ended_at    INTEGER,
        attempts    INTEGER NOT NULL DEFAULT 0,
        suppressed  INTEGER NOT NULL DEFAULT 0,
        host        TEXT NOT NULL DEFAULT '',
        problem     TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX notices_waiting ON notices (due_at) WHERE status = 'waiting';
    ";

/// The minimum interval between two notices of one status about one schedule to one receiver, in microseconds.
pub const RATE: i64 = 60 * SECOND;
/// How often sending a notice to a URL is attempted.
pub const ATTEMPTS: i64 = 10;
const SECOND: i64 = 1_000_000;
/// The wait after the first failed attempt, which triples, and the longest one.
const FIRST_WAIT: i64 = 2 * SECOND;
const LONGEST_WAIT: i64 = 3600 * SECOND;
/// How many notices that were sent, replaced or given up are kept.
const KEEP: i64 = 1000;

/// Who gets a notice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Receiver {
    Url(String),
    /// The command of the process that sends it.
    Command,
}

impl Receiver {
    fn word(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Command => "command",
        }
    }
}

/// A notice to be stored with the end of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    pub receiver: Receiver,
    pub body: String,
}

/// A notice that this process is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub id: i64,
    /// The name of the schedule, and the status of its run.
    pub name: String,
    pub about: String,
    pub receiver: Receiver,
    pub body: String,
    pub delivery: String,
    /// How many notices it replaces.
    pub suppressed: i64,
    /// This attempt, from 1.
    pub attempt: i64,
}

/// A notice, as it is listed.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: i64,
    pub schedule: i64,
    pub name: String,
    pub run: i64,
    /// The status of the run.
    pub about: String,
    pub receiver: String,
    pub address: String,
    /// `waiting`, `sent`, `replaced` by a later one, or `given up`.
    pub status: String,
    pub made_at: i64,
    pub due_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub attempts: i64,
    pub suppressed: i64,
    pub host: String,
    pub problem: String,
}

/// Which notices a process sends.
#[derive(Debug, Clone, Copy)]
pub struct Taking {
    pub at: i64,
    /// How many at most.
    pub most: usize,
    /// Whether it has commands for failures and for successes.
    pub on_failure: bool,
    pub on_success: bool,
    /// The longest time that sending to a URL, and running a command, takes.
    pub limits: (i64, i64),
    /// False for a process that ends, and sends what waits for the end of its minute at once.
    pub is_limited: bool,
}

/// Stores a notice about a run, in the transaction that ends it.
pub fn put(connection: &Link<'_>, schedule: i64, run: i64, about: &str, at: i64, notice: &NewNotice) -> rusqlite::Result<()> {
    let name: String = connection.query_row("SELECT name FROM runs WHERE id = ?1", [run], |row| row.get(0))?;
    connection.execute(
        "INSERT INTO notices (schedule, name, run, about, receiver, address, body, delivery, made_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, '', '', ?6, ?7, ?7)",
        params![schedule, name, run, about, notice.receiver.word(), uuid::Uuid::new_v4().to_string(), at],
    )?;
    // Their encryption is bound to the id.
    let id = connection.last_insert_rowid();
    let address = match &notice.receiver {
        Receiver::Url(url) => connection.seal("notices.address", id, url)?,
        Receiver::Command => String::new(),
    };
    let body = connection.seal("notices.body", id, &notice.body)?;
    connection.execute("UPDATE notices SET address = ?2, body = ?3 WHERE id = ?1", params![id, address, body])?;
    Ok(())
}

/// The wait after this many attempts.
fn wait(attempts: i64) -> i64 {
    let factor = u32::try_from(attempts - 1).ok().and_then(|power| 3_i64.checked_pow(power)).unwrap_or(i64::MAX);
    FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT)
}

impl Catalog {
    /// Takes the notices that are to be sent now.
    ///
    /// # Errors
    /// The catalog cannot be read or written.
    pub fn take_notices(&self, taking: Taking) -> Result<Vec<Taken>> {
        const WAITING: &str = "SELECT id, schedule, name, about, receiver, address, made_at FROM notices
             WHERE status = 'waiting' AND due_at <= ?1 AND coalesce(taken_until, 0) <= ?1 ORDER BY id DESC";
        // Most looks find nothing, and need not write.
        if !self.read(|connection| connection.prepare_cached(WAITING)?.exists([taking.at]))? {
            return Ok(vec![]);
        }
        self.write(|connection| {
            type Waiting = (i64, i64, String, String, String, String, i64);
            let waiting: Vec<Waiting> = connection
                .prepare_cached(WAITING)?
                .query_map([taking.at], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let (mut taken, mut seen): (Vec<Taken>, Vec<(i64, String, Receiver)>) = (vec![], vec![]);
            for (id, schedule, name, about, word, address, made_at) in waiting {
                let receiver = match word.as_str() {
                    "url" => Receiver::Url(connection.open("notices.address", id, address)?),
                    _ => Receiver::Command,
                };
                let has_command = if about == "succeeded" { taking.on_success } else { taking.on_failure };
                if taken.len() >= taking.most || receiver == Receiver::Command && !has_command {
                    continue;
                }
                // The latest comes first; what came before it is replaced by it.
                let key = (schedule, about.clone(), receiver.clone());
                if seen.contains(&key) {
                    continue;
                }
                let same = self.same(connection, schedule, &about, &receiver)?;
                // One that was not accepted has its minute too; then a later one takes its place.
                let is_tried_again = |own: &Same| own.status == "waiting" && own.attempts > 0 && own.id < id;
                if taking.is_limited && taking.at - made_at < RATE && same.iter().any(is_tried_again) {
                    continue;
                }
                seen.push(key);
                let is_being_sent = |own: &Same| own.status == "waiting" && own.taken_until.is_some_and(|until| until > taking.at);
                let is_early = |own: &Same| {
                    taking.is_limited && own.status == "sent" && own.ended_at.is_some_and(|ended| taking.at - ended < RATE)
                };
                if same.iter().any(|own| is_being_sent(own) || is_early(own)) {
                    continue;
                }
                let replaced: Vec<&Same> = same.iter().filter(|own| own.status == "waiting" && own.id < id).collect();
                for own in &replaced {
                    let replace = "UPDATE notices SET status = 'replaced', ended_at = ?2 WHERE id = ?1";
                    connection.execute(replace, params![own.id, taking.at])?;
                }
                let more = replaced.iter().map(|own| own.suppressed + 1).sum::<i64>();
                let (to_url, by_command) = taking.limits;
                let limit = if receiver == Receiver::Command { by_command } else { to_url };
                let (attempt, suppressed, delivery, body): (i64, i64, String, String) = connection.query_row(
                    "UPDATE notices SET attempts = attempts + 1, suppressed = suppressed + ?2, taken_until = ?3, host = ?4 WHERE id = ?1
                     RETURNING attempts, suppressed, delivery, body",
                    params![id, more, taking.at.saturating_add(limit), *HOST],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )?;
                let body = connection.open("notices.body", id, body)?;
                taken.push(Taken { id, name, about, receiver, body, delivery, suppressed, attempt });
            }
            Ok(taken)
        })
    }

    /// The other notices of the same status about the same schedule to the same receiver.
    fn same(&self, connection: &Link<'_>, schedule: i64, about: &str, receiver: &Receiver) -> rusqlite::Result<Vec<Same>> {
        const SAME: &str = "SELECT id, status, taken_until, ended_at, suppressed, attempts, address FROM notices
             WHERE schedule = ?1 AND about = ?2 AND receiver = ?3 ORDER BY id DESC LIMIT 10000";
        let all: Vec<(Same, String)> = connection
            .prepare_cached(SAME)?
            .query_map(params![schedule, about, receiver.word()], |row| {
                let (id, status, taken_until, ended_at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((Same { id, status, taken_until, ended_at, suppressed: row.get(4)?, attempts: row.get(5)? }, row.get(6)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut same = vec![];
        for (own, address) in all {
            let is_it = match receiver {
                Receiver::Url(url) => connection.open("notices.address", own.id, address)? == *url,
                Receiver::Command => true,
            };
            if is_it {
                same.push(own);
            }
        }
        Ok(same)
    }

    /// Records what became of a notice. One that was not accepted waits for its next attempt, or is given up.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn end_notice(&self, taken: &Taken, at: i64, problem: Option<&str>) -> Result<()> {
        self.write(|connection| {
            let attempts = if taken.receiver == Receiver::Command { 1 } else { ATTEMPTS };
            let status = match problem {
                None => "sent",
                Some(_) if taken.attempt < attempts => "waiting",
                Some(_) => "given up",
            };
            let ended_at = (status != "waiting").then_some(at);
            connection.execute(
                "UPDATE notices SET status = ?2, ended_at = ?3, due_at = ?4, problem = ?5, taken_until = NULL
                 WHERE id = ?1 AND status = 'waiting'",
                params![
                    taken.id,
                    status,
                    ended_at,
                    at.saturating_add(if status == "waiting" { wait(taken.attempt) } else { 0 }),
                    connection.seal("notices.problem", taken.id, problem.unwrap_or_default())?
                ],
            )?;
            // The latest that ended are kept, and those by which the rate is limited.
            connection.execute(
                "DELETE FROM notices WHERE status <> 'waiting' AND ended_at < ?2
                    AND id <= (SELECT id FROM notices WHERE status <> 'waiting' ORDER BY id DESC LIMIT 1 OFFSET ?1)",
                params![KEEP, at - RATE],
            )?;
            Ok(())
        })
    }

    /// The notices, from the first to the last.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn notices(&self) -> Result<Vec<Notice>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT id, schedule, name, run, about, receiver, address, status, made_at, due_at, ended_at, attempts, suppressed, host, problem
                 FROM notices ORDER BY id",
            )?;
            let all = query.query_and_then([], |row| {
                let (id, status): (i64, String) = (row.get(0)?, row.get(7)?);
                let is_waiting = status == "waiting";
                Ok(Notice {
                    id,
                    schedule: row.get(1)?,
                    name: row.get(2)?,
                    run: row.get(3)?,
                    about: row.get(4)?,
                    receiver: row.get(5)?,
                    address: connection.open("notices.address", id, row.get(6)?)?,
                    status,
                    made_at: row.get(8)?,
                    due_at: row.get::<_, Option<i64>>(9)?.filter(|_| is_waiting),
                    ended_at: row.get(10)?,
                    attempts: row.get(11)?,
                    suppressed: row.get(12)?,
                    host: row.get(13)?,
                    problem: connection.open("notices.problem", id, row.get(14)?)?,
                })
            })?;
            all.collect()
        })
    }

    /// The time of the next notice that waits, if one does.
    ///
    /// # Errors
    /// The catalog cannot be read.
    #[cfg(test)]
    pub fn next_notice(&self) -> Result<Option<i64>> {
        self.read(|connection| {
            let next = "SELECT min(due_at) FROM notices WHERE status = 'waiting'";
            connection.query_row(next, [], |row| row.get(0))
        })
    }
}

/// A notice like the one that is looked at.
struct Same {
    id: i64,
    status: String,
    taken_until: Option<i64>,
    ended_at: Option<i64>,
    suppressed: i64,
    attempts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_all(catalog: &Catalog, about: &str, runs: &[i64], at: i64) {
        let notice = |run: i64| NewNotice { receiver: Receiver::Url("http://localhost".into()), body: run.to_string() };
        catalog
            .write(|connection| {
                for run in runs {
                    let begun = "INSERT INTO runs (id, kind, name, as_of, process, status, started_at) VALUES (?1, 'schedule', 's', 0, 0, ?2, 0)
                         ON CONFLICT DO NOTHING";
                    connection.execute(begun, params![run, about])?;
                    put(connection, 1, *run, about, at, &notice(*run))?;
                }
                Ok(())
            })
            .unwrap();
    }

    fn taking(at: i64, most: usize) -> Taking {
        Taking { at, most, on_failure: false, on_success: false, limits: (20 * SECOND, 70 * SECOND), is_limited: true }
    }

    fn bodies(taken: &[Taken]) -> Vec<(&str, i64, i64)> {
        taken.iter().map(|taken| (taken.body.as_str(), taken.suppressed, taken.attempt)).collect()
    }

    #[test]
    fn one_notice_a_minute_and_the_last_one_always() {
        let catalog = Catalog::for_test().unwrap();
        put_all(&catalog, "failed", &[1], 0);
        assert!(catalog.take_notices(taking(0, 0)).unwrap().is_empty());
        let first = catalog.take_notices(taking(0, 9)).unwrap();
        assert_eq!(bodies(&first), [("1", 0, 1)]);
        // Another process does not send it as well, nor a later one meanwhile.
        put_all(&catalog, "failed", &[2, 3], 0);
        assert!(catalog.take_notices(taking(SECOND, 9)).unwrap().is_empty());
        catalog.end_notice(&first[0], SECOND, None).unwrap();
        // Successes and failures are limited separately.
        put_all(&catalog, "succeeded", &[4], 0);
        let success = catalog.take_notices(taking(9 * SECOND, 9)).unwrap();
        assert_eq!(bodies(&success), [("4", 0, 1)]);
        let later = catalog.take_notices(taking(SECOND + RATE, 9)).unwrap();
        // The success was not said to be sent in time, so it is sent again.
        assert_eq!(bodies(&later), [("4", 0, 2), ("3", 1, 1)]);
        later.iter().for_each(|taken| catalog.end_notice(taken, SECOND + RATE, None).unwrap());
        assert!(catalog.take_notices(taking(10 * RATE, 9)).unwrap().is_empty());
        // At the end nothing waits any longer.
        put_all(&catalog, "failed", &[5], 10 * RATE);
        let last = catalog.take_notices(taking(10 * RATE, 9)).unwrap();
        catalog.end_notice(&last[0], 10 * RATE, None).unwrap();
        put_all(&catalog, "failed", &[6], 10 * RATE);
        let ending = Taking { is_limited: false, ..taking(10 * RATE + 1, 9) };
        assert_eq!(bodies(&catalog.take_notices(ending).unwrap()), [("6", 0, 1)]);
        let statuses: Vec<String> = catalog.notices().unwrap().into_iter().map(|notice| notice.status).collect();
        assert_eq!(statuses, ["sent", "replaced", "sent", "sent", "sent", "waiting"]);
    }

    #[test]
    fn what_is_not_accepted_is_tried_again_and_given_up() {
        let catalog = Catalog::for_test().unwrap();
        put_all(&catalog, "failed", &[1], 0);
        let mut attempts = 0;
        while let Some(at) = catalog.next_notice().unwrap() {
            let taken = catalog.take_notices(taking(at, 9)).unwrap();
            attempts += 1;
            assert_eq!(bodies(&taken), [("1", 0, attempts)]);
            assert!(catalog.take_notices(taking(at, 9)).unwrap().is_empty());
            catalog.end_notice(&taken[0], at, Some("it answered 500")).unwrap();
        }
        assert_eq!(attempts, ATTEMPTS);
        let given_up = catalog.notices().unwrap().remove(0);
        assert_eq!((given_up.status.as_str(), given_up.problem.as_str()), ("given up", "it answered 500"));
    }

    /// A command is that of the process, so only a process with one takes its notice.
    #[test]
    fn a_command_is_run_by_whoever_has_one() {
        let catalog = Catalog::for_test().unwrap();
        put_all(&catalog, "failed", &[1], 0);
        let command = NewNotice { receiver: Receiver::Command, body: "2".into() };
        catalog.write(|connection| put(connection, 1, 1, "failed", 0, &command)).unwrap();
        assert_eq!(bodies(&catalog.take_notices(taking(0, 9)).unwrap()), [("1", 0, 1)]);
        let with_command = Taking { on_failure: true, ..taking(0, 9) };
        let taken = catalog.take_notices(with_command).unwrap();
        assert_eq!(bodies(&taken), [("2", 0, 1)]);
        catalog.end_notice(&taken[0], 1, Some("ended with 1")).unwrap();
        assert_eq!(catalog.notices().unwrap()[1].status, "given up");
    }
}
