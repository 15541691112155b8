//! Locks: which object is being written, by this process or another.
//!
//! A statement that writes to a profile or table holds its lock from start to end, so that a second writer waits or fails before it starts
//! working rather than after. Nothing else waits: other objects have their own locks, readers need none, and publishing is one short
//! transaction that checks that nothing was published in between.
//!
//! A lock is a file in the database's `locks` directory, on which its holder has an operating system lock. That lock is released when the
//! process ends, however it ends; so a file that is not locked was left by a killed process. The file's content names the holder, for the
//! error message of those who do not get the lock; no decision depends on it.
//!
//! The file exists only while it is locked: its holder removes it, then unlocks it. A process that had opened it before gets the lock of a
//! file that is no longer at the path, while the next process creates and locks a new file there. So a lock counts only if the locked file
//! is the one at the path. To find out, the process writes to the locked file and reads what is at the path. Whoever removes a file must
//! hold its lock, so the file of a lock that is held stays where it is.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

use super::Catalog;
use super::access::Access;
use super::data::{Identity, fault};
use super::runs::now;
use super::snapshots::SnapshotOf;
use super::unwritable::{of_lock, of_path};
use crate::error::{SqlState, coded, not_available, sqlstate};
use crate::settings::PortraitSettings;
use crate::text::timestamp;

/// The longest pause between two attempts to take a lock that another process holds.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// The wait even when `lock_timeout` is 0: a collector may briefly hold a lock that a killed process left, which can take a while on a busy
/// machine.
const AT_ONCE: Duration = Duration::from_millis(200);
/// A process locks and fills the file that it has created at once; after this time, it was killed before it could.
const LEFT: Duration = Duration::from_mins(1);
/// The suffix of lock files.
const END: &str = ".lock";
/// The prefix of the lock names of runs.
const RUN: &str = "run-";
/// The name of the collector's lock.
const COLLECTOR: &str = "collector";
/// The name of the lock of an erasure.
const ERASER: &str = "erasing";

/// The directory of the locks.
#[derive(Debug)]
pub struct Locks {
    folder: PathBuf,
    access: Access,
}

/// A lock, released when dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // In this order, see the module documentation. If removing fails, the file is found unlocked and removed by the collector.
        let _ = std::fs::remove_file(&self.path);
        // Unlocked explicitly, not just closed: a child process that is being started may briefly have a copy of the descriptor, which
        // would keep the lock.
        let _ = self.file.unlock();
    }
}

/// The holder of a lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    /// What is locked, such as `profile customer`.
    object: String,
    /// What the holder is doing, such as `REFRESH`.
    work: String,
    process: u32,
    /// Microseconds since 1970.
    since: i64,
    /// A unique token: distinguishes this file from any other.
    token: String,
}

impl Holder {
    fn new(object: &str, work: &str) -> Self {
        let (process, since, token) = (std::process::id(), now(), uuid::Uuid::new_v4().to_string());
        Self { object: object.into(), work: work.into(), process, since, token }
    }
}

impl Locks {
    pub fn new(folder: PathBuf, access: Access) -> Self {
        Self { folder, access }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{END}"))
    }

    /// Takes the lock of that name; `None` when it is held.
    fn take(&self, name: &str, holder: &Holder) -> Result<Option<Lock>> {
        let folder = self.folder.parent().unwrap_or(&self.folder);
        take(&self.path(name), holder, self.access).map_err(|error| of_lock(&holder.object, folder, &error))
    }

    /// The holder of the lock of that name, if its file can be read.
    fn holder(&self, name: &str) -> Option<Holder> {
        serde_json::from_slice(&std::fs::read(self.path(name)).ok()?).ok()
    }

    /// Takes the collector's lock; `None` when another collector is running.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn for_collecting(&self) -> Result<Option<Lock>> {
        self.take(COLLECTOR, &Holder::new("database", "collecting files"))
    }

    /// Takes the lock of an erasure; `None` when another erasure is running.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn for_erasing(&self, work: &str) -> Result<Option<Lock>> {
        self.take(ERASER, &Holder::new("database", work))
    }

    /// True while an erasure is running and nothing else may write.
    pub fn is_erasing(&self) -> bool {
        self.is_held(ERASER)
    }

    /// True while any process holds the lock of an object.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn others_write(&self) -> Result<bool> {
        let is_object =
            |name: &str| [SnapshotOf::Profile, SnapshotOf::Table].iter().any(|of| name.starts_with(&format!("{}-", of.word())));
        Ok(self.names()?.iter().any(|name| is_object(name) && self.is_held(name)))
    }

    /// Takes the lock of a job; `None` when another process is running it.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn for_job(&self, job: &str) -> Result<Option<Lock>> {
        let name = format!("job-{}", &blake3::hash(job.as_bytes()).to_hex()[..32]);
        let (began, holder) = (Instant::now(), Holder::new(&format!("job {job}"), "RUN"));
        loop {
            match self.take(&name, &holder)? {
                // The collector may hold it for a moment to remove what a killed process left.
                None if began.elapsed() < AT_ONCE => std::thread::sleep(LONGEST_PAUSE),
                taken => return Ok(taken),
            }
        }
    }

    /// Takes a lock for the lifetime of a run, under a fresh name that is never used again; returns both.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn for_run(&self, object: &str, work: &str) -> Result<(Lock, String)> {
        let holder = Holder::new(object, work);
        let name = format!("{RUN}{}", holder.token);
        match self.take(&name, &holder)? {
            Some(lock) => Ok((lock, name)),
            None => Err(not_available(object, "the lock of its run is held by another process; run it again")),
        }
    }

    /// True while a process holds the lock of that name; for a run, until it ends or its process dies.
    pub fn is_held(&self, name: &str) -> bool {
        let file = match File::open(self.path(name)) {
            Ok(file) => file,
            // If the file cannot be opened for another reason, assume that the lock is held.
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        // A shared lock, so that two processes that check at once do not take each other for the holder.
        let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        let _ = file.unlock();
        held
    }

    /// Removes the lock files that killed processes left of runs, except those in `going_on`. The caller is in a write transaction, so that
    /// no run begins meanwhile; as names are never reused, nobody can want a removed one.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn forget_runs(&self, going_on: &[String]) -> Result<()> {
        for name in self.names()?.iter().filter(|name| name.starts_with(RUN) && !going_on.contains(name)) {
            // May fail for a run that ends right now and removes its own file.
            let _ = std::fs::remove_file(self.path(name));
        }
        Ok(())
    }

    /// True when a killed process left the lock file of a run.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn has_dead_runs(&self) -> Result<bool> {
        Ok(self.names()?.iter().any(|name| name.starts_with(RUN) && !self.is_held(name)))
    }

    /// Removes the lock files that killed processes left of objects. Meanwhile, others see such a lock as held for a moment.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sweep(&self) -> Result<()> {
        // An empty file that is new belongs to a process that is about to lock it.
        let is_old = |file: &Metadata| file.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT));
        let is_marked = |name: &&String| self.path(name).metadata().is_ok_and(|file| file.len() > 0 || is_old(&file));
        let is_of_object = |name: &&String| !name.starts_with(RUN) && *name != COLLECTOR && *name != ERASER;
        for name in self.names()?.iter().filter(is_of_object).filter(is_marked) {
            drop(self.take(name, &Holder::new("database", "collecting files"))?);
        }
        Ok(())
    }

    /// Replaces a lock file by an unlocked one, as a killed process would leave it.
    #[cfg(test)]
    pub fn abandon(&self, name: &str) {
        let path = self.path(name);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(path, "").unwrap();
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = || -> io::Result<Vec<String>> {
            let entries = std::fs::read_dir(&self.folder)?;
            entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        let names = entries().map_err(|error| of_path(&self.folder, "cannot be read", &error))?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(END).map(str::to_string)).collect())
    }
}

fn take(path: &Path, holder: &Holder, access: Access) -> io::Result<Option<Lock>> {
    let text = serde_json::to_vec(holder)?;
    loop {
        fault("locks::open")?;
        let mut file = access.open(OpenOptions::new().create(true).truncate(false).write(true), path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match is_in_place(&mut file, path, &text) {
            Ok(true) => return Ok(Some(Lock { path: path.to_path_buf(), file })),
            // The previous holder removed the file between open and lock; try again.
            Ok(false) => file.unlock()?,
            Err(error) => {
                // Whoever removes a file must hold its lock, which counts for the file at the path only.
                if is_at(&file, path) {
                    let _ = std::fs::remove_file(path);
                }
                let _ = file.unlock();
                return Err(error);
            }
        }
    }
}

/// True when the file at a path is this open one.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(found)) = (file.metadata(), path.metadata()) else { return false };
    Identity::of(&own) == Identity::of(&found)
}

/// True when the locked file is the one at its path: writes the text to the file and compares it with the path's content.
fn is_in_place(file: &mut File, path: &Path, text: &[u8]) -> io::Result<bool> {
    fault("locks::write")?;
    file.set_len(0)?;
    file.write_all(text)?;
    match std::fs::read(path) {
        Ok(found) => Ok(found == text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Catalog {
    /// Waits for the lock of an object, up to the setting `lock_timeout`, without blocking a thread. `work` is shown to others that want
    /// the lock.
    ///
    /// Within a transaction the lock is held until it ends, and `None` is returned.
    ///
    /// # Errors
    /// Another statement or process holds the lock, or an erasure is running.
    pub async fn lock(&self, of: SnapshotOf, name: &str, work: &str, options: &ConfigOptions) -> Result<Option<Lock>> {
        let object = format!("{} {name}", of.word());
        let file = file_name(of, name);
        if self.holds_lock(&file) {
            return Ok(None);
        }
        let seconds = PortraitSettings::of(options).lock_timeout;
        let (began, limit) = (Instant::now(), Duration::from_secs(seconds).max(AT_ONCE));
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(lock) = self.data.locks.take(&file, &Holder::new(&object, work))? {
                if !self.data.locks.is_erasing() {
                    return Ok(self.hold_lock(file, lock));
                }
                drop(lock);
                // This statement has read data that is being erased, or is about to, and would write it again.
                let problem = "data of a person is being erased, and until that is done nothing else can be written; run the statement again later";
                return Err(coded(SqlState::SERIALIZATION_FAILURE, &object, problem));
            }
            let Some(left) = limit.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(held(&object, self.data.locks.holder(&file), seconds));
            };
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes the lock of an object that is only read, if it is free by a moment from now: nothing that was found in it then changes before
    /// this statement is done.
    ///
    /// # Errors
    /// An erasure is running, or the lock file cannot be created.
    pub async fn lock_soon(&self, of: SnapshotOf, name: &str, work: &str) -> Result<Option<Lock>> {
        let mut options = ConfigOptions::default();
        options.extensions.insert(PortraitSettings { lock_timeout: 0, ..PortraitSettings::default() });
        match self.lock(of, name, work, &options).await {
            Err(error) if sqlstate(&error) == SqlState::LOCK_NOT_AVAILABLE => Ok(None),
            locked => locked,
        }
    }
}

/// The lock name of an object: of fixed length whatever the name, and distinct even on case-insensitive file systems.
fn file_name(of: SnapshotOf, name: &str) -> String {
    format!("{}-{}", of.word(), &blake3::hash(name.as_bytes()).to_hex()[..32])
}

fn held(object: &str, holder: Option<Holder>, seconds: u64) -> DataFusionError {
    let who = match holder {
        Some(Holder { work, process, since, .. }) => {
            let whose = if process == std::process::id() { "this process" } else { "another process" };
            format!("{work} has been writing to it since {}, in {whose} (process {process})", timestamp(since))
        }
        None => "another statement is writing to it".to_string(),
    };
    let waited = if seconds == 0 { String::new() } else { format!("; waited {seconds} s") };
    let longer = seconds.saturating_mul(6).max(60);
    let advice = format!("run this again when it is done, or wait longer with SET portrait.lock_timeout = {longer}");
    not_available(object, format!("{who}{waited}; {advice}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn locks() -> (tempfile::TempDir, Locks) {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::new(folder.path().to_path_buf(), Access::OWN);
        (folder, locks)
    }

    fn files(locks: &Locks) -> usize {
        locks.folder.read_dir().unwrap().count()
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let (_folder, locks) = locks();
        let holder = Holder::new("profile a", "REFRESH");
        let first = locks.take("a", &holder).unwrap().unwrap();
        assert!(locks.take("a", &Holder::new("profile a", "DROP")).unwrap().is_none());
        assert_eq!(locks.holder("a").unwrap().work, "REFRESH");
        assert!(locks.take("b", &holder).unwrap().is_some());
        drop(first);
        assert_eq!(files(&locks), 0);
        assert!(locks.take("a", &holder).unwrap().is_some());
    }

    /// Threads that take and release a lock as fast as they can never hold it at the same time, although its file is created and removed
    /// each time.
    #[test]
    fn a_lock_that_is_taken_in_turns_is_held_by_one() {
        let (_folder, locks) = locks();
        let (inside, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while taken.load(Ordering::SeqCst) < 2000 {
                        if let Some(lock) = locks.take("a", &Holder::new("a", "a")).unwrap() {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            taken.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(lock);
                        }
                        locks.sweep().unwrap();
                    }
                });
            }
        });
        assert_eq!(files(&locks), 0);
    }

    /// A file left by a killed process is no lock, and is removed.
    #[test]
    fn a_file_that_nobody_locks_is_no_lock() {
        let (_folder, locks) = locks();
        for name in ["table-a", "run-a", "run-b"] {
            std::fs::write(locks.path(name), "{\"object\":").unwrap();
        }
        assert!(!locks.is_held("run-a") && !locks.is_held("run-c"));
        drop(locks.take("table-a", &Holder::new("table a", "INSERT")).unwrap().unwrap());
        std::fs::write(locks.path("table-b"), "{").unwrap();
        locks.sweep().unwrap();
        assert_eq!(files(&locks), 2, "those of runs stay");
        // Empty files: one that was just created, and one whose process was killed right after that.
        let [new, old] = ["table-c", "table-d"].map(|name| File::create(locks.path(name)).unwrap());
        old.set_modified(std::time::SystemTime::now() - 2 * LEFT).unwrap();
        locks.sweep().unwrap();
        assert!(locks.path("table-c").exists() && !locks.path("table-d").exists());
        new.set_modified(std::time::SystemTime::now() - 2 * LEFT).unwrap();
        locks.sweep().unwrap();
        locks.forget_runs(&["run-b".into()]).unwrap();
        assert_eq!(locks.names().unwrap(), ["run-b"]);
        let (run, name) = locks.for_run("profile a", "REFRESH").unwrap();
        assert!(locks.is_held(&name) && locks.is_held(&name));
        drop(run);
        assert!(!locks.is_held(&name));
    }

    #[test]
    fn who_waits_too_long_is_told_of_whom() {
        let catalog = Catalog::for_test().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut options = ConfigOptions::default();
        options.extensions.insert(PortraitSettings { lock_timeout: 0, ..Default::default() });
        runtime.block_on(async {
            let lock = |work: &'static str| catalog.lock(SnapshotOf::Table, "订单", work, &options);
            let first = lock("INSERT").await.unwrap();
            let error = lock("DROP TABLE").await.unwrap_err().to_string();
            for part in ["table 订单: INSERT has been writing to it since 2", "this process (process ", "portrait.lock_timeout"]
            {
                assert!(error.contains(part), "{error}");
            }
            drop(first);
            lock("DROP TABLE").await.unwrap();
        });
    }
}
