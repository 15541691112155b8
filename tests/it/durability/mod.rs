//! The guarantees of a refresh: however it ends, readers see one complete snapshot, acknowledged data stays, and nothing is
//! left behind.
//!
//! The profile is built so that a snapshot shows whether it is complete. It is refreshed as of the seconds of 2025 (1735689600 is the
//! start of that year): the values of each customer as of second `n`, and the number of customers, follow from `n` alone. [`WHOLE`]
//! reads everything that a refresh publishes in one statement; [`Seen::check`] compares all of it with the second that it shows.

mod cancel;
#[cfg(unix)]
mod child;
mod damage;
mod disk;
#[cfg(unix)]
mod kills;
#[cfg(target_os = "linux")]
mod power;
mod processes;
mod repeat;
#[cfg(unix)]
mod writers;

use std::collections::BTreeSet;
use std::path::PathBuf;

use portraitdb::{Engine, EngineOptions, Session};
use tempfile::TempDir;

use crate::support::{rows, session_with, try_rows};

/// The initial contents of a database. `token` is the second itself for all customers; `parity` changes at every refresh for all
/// customers; `pair` has a value that stays and one that changes.
const DEFINITIONS: &str = "
CREATE VIEW people AS SELECT value AS id FROM generate_series(1, 150);
CREATE PROFILE customer WITH (key = 'id', keep_snapshots = $keep) AS
  SELECT id FROM people WHERE id <= 100 + CAST(date_part('epoch', $as_of) AS BIGINT) % 20;
CREATE TAG token ON customer AS SELECT id, CAST(date_part('epoch', $as_of) AS BIGINT) - 1735689600 FROM people;
CREATE TAG pair ON customer WITH (multiple = true) AS
  SELECT id, unnest([-1, CAST(date_part('epoch', $as_of) AS BIGINT) - 1735689600]) FROM people;
CREATE TAG parity ON customer WITH (type = 'derived') AS SELECT id, (id + token) % 2 FROM profile.customer;
CREATE SEGMENT evens ON customer AS parity = 0;
";

/// A tag that reads more than the customer's own row: its refresh writes an intermediate file.
const STAGED: &str =
    "CREATE TAG most ON customer WITH (type = 'ranking') AS SELECT id, max(token) OVER () FROM profile.customer;";

/// Everything that a refresh publishes, in one statement. The history of a token is a chain: each but the first begins where
/// the one before ends.
const WHOLE: &str = "
SELECT p.*, t.*, h.*, s.*, y.* FROM
 (SELECT count(*), min(token), max(token), min(list_max(pair)), max(list_max(pair)), count(parity) FROM profile.customer) p
 CROSS JOIN (SELECT count(*) AS t1, count(DISTINCT tag) AS t2, min(value) FILTER (WHERE tag = 'token') AS t3,
   max(value) FILTER (WHERE tag = 'token') AS t4 FROM profile.customer_tags) t
 CROSS JOIN (SELECT count(*) FILTER (WHERE valid_to IS NULL) AS h1,
   CAST(date_part('epoch', min(valid_from) FILTER (WHERE valid_to IS NULL AND tag = 'token')) AS BIGINT) - 1735689600 AS h2,
   CAST(date_part('epoch', max(valid_from) FILTER (WHERE valid_to IS NULL AND tag = 'token')) AS BIGINT) - 1735689600 AS h3,
   count(*) FILTER (WHERE id = 1 AND tag = 'token') AS h4,
   sum(CAST(date_part('epoch', valid_from) AS BIGINT) - 1735689600) FILTER (WHERE id = 1 AND tag = 'token') AS h5,
   coalesce(sum(CAST(date_part('epoch', valid_to) AS BIGINT) - 1735689600) FILTER (WHERE id = 1 AND tag = 'token'), 0) AS h6,
   CAST(date_part('epoch', min(valid_from)) AS BIGINT) - 1735689600 AS h7 FROM profile.customer_history) h
 CROSS JOIN (SELECT count(*) AS s1, CAST(date_part('epoch', min(since)) AS BIGINT) - 1735689600 AS s2,
   CAST(date_part('epoch', max(since)) AS BIGINT) - 1735689600 AS s3 FROM segment.evens) s
 CROSS JOIN (SELECT customers AS y1, CAST(date_part('epoch', last_refresh) AS BIGINT) - 1735689600 AS y2 FROM system.profiles) y";

/// The message of a run whose process was killed.
const LOST: &str = "the process ended without reporting; most likely it was killed";

/// A complete snapshot, as read by [`WHOLE`].
struct Seen {
    /// The second of its refresh.
    second: i64,
    /// The number of refreshes in its history.
    refreshes: i64,
}

impl Seen {
    /// Reads a row of [`WHOLE`]; panics if it is not exactly one complete snapshot.
    fn check(row: &str) -> Self {
        let cells: Vec<i64> = row.split('|').map(|cell| cell.parse().unwrap_or_else(|_| panic!("{row}"))).collect();
        let [customers, _, second, ..] = cells[..] else { panic!("{row}") };
        let (tags, refreshes, sum_from, first) = (cells[7], cells[13], cells[14], cells[16]);
        let values = customers * (tags + 1);
        let evens = (1..=customers).filter(|id| (id + second) % 2 == 0).count() as i64;
        let profile = [100 + second % 20, second, second, second, second, customers];
        let expected = [
            &profile[..],
            &[values, tags, second, second],
            &[values, second, second, refreshes, sum_from, sum_from - first, first],
            &[evens, second, second],
            &[customers, second],
        ];
        assert_eq!(cells, expected.concat(), "not one whole snapshot: as of second {second}");
        Self { second, refreshes }
    }
}

/// A database with the profile, not refreshed yet.
struct Database {
    folder: TempDir,
}

/// A database, opened.
struct Open {
    engine: Engine,
    session: Session,
}

impl Open {
    fn query(&self, sql: &str) -> Vec<String> {
        rows(&self.engine, &self.session, sql)
    }

    fn error(&self, sql: &str) -> String {
        match try_rows(&self.engine, &self.session, sql) {
            Ok(rows) => panic!("an answer, not an error: {rows:?}\n{sql}"),
            Err(error) => error,
        }
    }

    /// The published snapshot; `None` if there is none.
    fn published(&self) -> Option<Seen> {
        match try_rows(&self.engine, &self.session, WHOLE) {
            Ok(rows) => Some(Seen::check(&rows[0])),
            Err(error) if error.contains("has not been refreshed yet") => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Its second; 0 if there is none.
    fn second(&self) -> i64 {
        self.published().map_or(0, |seen| seen.second)
    }

    /// Runs as `second status message`, oldest first.
    fn runs(&self) -> Vec<String> {
        self.query(
            "SELECT concat_ws(' ', CAST(date_part('epoch', as_of) AS BIGINT) - 1735689600, status, message) FROM system.runs ORDER BY run",
        )
    }
}

impl Database {
    fn new(keep: usize) -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        database.open().query(&DEFINITIONS.replace("$keep", &keep.to_string()));
        database
    }

    /// The same, with a tag that makes a refresh write an intermediate file.
    fn staged(keep: usize) -> Self {
        let database = Self::new(keep);
        database.open().query(STAGED);
        database
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("crm")
    }

    /// Opens it like a process that has read nothing of it yet.
    fn open(&self) -> Open {
        let options = EngineOptions { database: Some(self.path()), partitions: Some(1), ..EngineOptions::default() };
        let (engine, session) = session_with(options);
        Open { engine, session }
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Files that no snapshot names, in the folder or in the catalog, and locks that were not released. Checks that every file named by a
    /// snapshot exists.
    fn left_over(&self) -> Vec<String> {
        let catalog = rusqlite::Connection::open(self.path().join("catalog.sqlite")).unwrap();
        let mut query = catalog.prepare("SELECT name, bytes, id IN (SELECT file FROM snapshot_files) FROM files").unwrap();
        let known = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let known: Vec<(String, i64, bool)> = known.collect::<Result<_, _>>().unwrap();
        let names = |folder: PathBuf| {
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>()
        };
        let mut left = names(self.data());
        left.extend(names(self.path().join("locks")));
        for (name, bytes, named) in known {
            if named {
                assert_eq!(i64::try_from(self.data().join(&name).metadata().unwrap().len()), Ok(bytes), "{name}");
                left.remove(&name);
            } else {
                left.insert(name);
            }
        }
        left.into_iter().collect()
    }
}

/// A time as SQL.
fn second_as_sql(second: i64) -> String {
    format!("TIMESTAMP '2025-01-01 {:02}:{:02}:{:02}'", second / 3600, second / 60 % 60, second % 60)
}

fn refresh(second: i64) -> String {
    format!("REFRESH PROFILE customer WITH (as_of = {});", second_as_sql(second))
}

/// A refresh, and a line with its second once it is acknowledged.
fn acknowledged(second: i64) -> String {
    format!("{} SELECT max(token) AS refreshed FROM profile.customer;", refresh(second))
}
