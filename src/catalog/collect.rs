//! The collector: removes data files that no snapshot refers to and no process holds.
//!
//! Only file locks coordinate writers, readers and the collector, so each pair must be safe in any interleaving:
//!
//! - *A writer, and a collector that finds its file.* The name is new, and only the writer knows it until the file is published. The
//!   writer locks the file when it creates it, and unlocks it when the commit that refers to it has returned. A collector that gets the
//!   lock has one of two files: a published one, or one whose writer gave up or was killed. To tell which, it reads the catalog again under
//!   the lock. What it read before is too old: the file may have been published and unlocked since.
//! - *A file that is created but not locked yet.* The collector may lock it first. So a writer that has locked its file checks that it
//!   still exists, and otherwise creates another one with another name.
//! - *A reader, and a collector that removes its file.* A reader looks up a snapshot and then locks its files; in between, the snapshot may
//!   be withdrawn. There are three cases. The reader locks first: the collector leaves the file. The collector has removed the file: the
//!   reader finds no file at the path, and looks up the snapshot again. The collector has deleted the file from the catalog but not yet
//!   from disk: the reader reads it, and a later collector removes it.
//! - *A writer that keeps files of an earlier snapshot.* It holds the lock of its object, so no other process withdraws that snapshot.
//!   If one did, publishing would fail: its transaction checks that the snapshot is the expected one, and that the catalog knows each file.
//! - *Two collectors.* They would be safe, but do the work twice; so only one works at a time, and the others return.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;

use datafusion::common::Result;
use fail::fail_point;

use super::Catalog;

impl Catalog {
    /// Removes files that no snapshot refers to and no process holds: those of withdrawn snapshots, and those left by killed processes.
    /// Does nothing when another collector is running.
    ///
    /// # Errors
    /// The catalog or the folder cannot be read.
    pub fn collect(&self) -> Result<()> {
        // A transaction sees an old state, which lacks what others have published since.
        if self.is_transaction() {
            return Ok(());
        }
        let Some(_collecting) = self.data.locks.for_collecting()? else { return Ok(()) };
        let forgotten = self.forget_files(|name| self.is_free(name))?;
        fail_point!("collect::forgotten");
        // Safe to remove: names are never reused, and no snapshot can refer to a file that the catalog does not know.
        forgotten.iter().for_each(|name| self.remove(name));
        let names = self.data.names()?;
        let known: HashSet<String> = self.known_files()?.into_iter().collect();
        fail_point!("collect::listed");
        let unknown = names.into_iter().filter(|name| !known.contains(name));
        let held: Vec<(String, Abandoned)> = unknown.filter_map(|name| self.hold(&name).map(|held| (name, held))).collect();
        if !held.is_empty() {
            // Read again while they are held: this includes files published meanwhile, and the rest can no longer be published.
            let known: HashSet<String> = self.known_files()?.into_iter().collect();
            let unknown = held.into_iter().filter(|(name, _)| !known.contains(name));
            unknown.for_each(|(name, held)| {
                held.remove();
                self.data.store.forget(&name);
            });
        }
        if self.data.locks.has_dead_runs()? {
            self.settle_runs()?;
        }
        self.data.locks.sweep()?;
        // Finishes erasures whose files were still being read when they ran.
        self.finish_erasures(false).map(|_| ())
    }

    /// Removes the old version of a file that was rewritten for an erasure; false while some process holds it.
    pub(super) fn remove_erased(&self, name: &str) -> bool {
        self.remove(name);
        self.data.place(name).is_ok_and(|path| path.try_exists().is_ok_and(|exists| !exists))
    }

    /// The files that no snapshot refers to and no process holds, and the directory entries that are not data files.
    ///
    /// # Errors
    /// The catalog or the folder cannot be read.
    pub fn orphans(&self) -> Result<Vec<String>> {
        let names = self.data.names()?;
        let known: HashSet<String> = self.named_files()?.into_iter().collect();
        let held: Vec<(String, Abandoned)> = names
            .into_iter()
            .filter(|name| !known.contains(name))
            .filter_map(|name| self.hold(&name).map(|held| (name, held)))
            .collect();
        // Read again while they are held, as in [`Self::collect`].
        let known: HashSet<String> = self.named_files()?.into_iter().collect();
        let mut orphans: Vec<String> = held.into_iter().map(|(name, _)| name).filter(|name| !known.contains(name)).collect();
        orphans.extend(self.data.foreign()?);
        orphans.sort();
        Ok(orphans)
    }

    /// Removes a file that was deleted from the catalog, unless some process holds it.
    fn remove(&self, name: &str) {
        if let Some(held) = self.hold(name) {
            held.remove();
            self.data.store.forget(name);
        }
    }

    /// Locks a file exclusively. `None` when another process holds it, when it does not exist, or when the name is not that of a data file:
    /// such a path is never touched.
    fn hold(&self, name: &str) -> Option<Abandoned> {
        let path = self.data.place(name).ok()?;
        if !path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let file = File::open(&path).ok()?;
        file.try_lock().ok().map(|()| Abandoned { path, file })
    }

    /// True when no process holds the file.
    fn is_free(&self, name: &str) -> bool {
        self.hold(name).is_some() || self.data.place(name).is_ok_and(|path| path.try_exists().is_ok_and(|exists| !exists))
    }
}

/// A file that only the collector holds.
struct Abandoned {
    path: PathBuf,
    file: File,
}

impl Abandoned {
    fn remove(self) {
        // If this fails, the next collector finds the file again.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use datafusion::arrow::array::{Int64Array, RecordBatch};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::super::data::{Pinned, Written};
    use super::super::snapshots::{NewSnapshot, Part, SnapshotOf, When};
    use super::*;

    fn written(catalog: &Catalog) -> Written {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
        let mut writer = catalog.data.create(&schema, None).unwrap();
        writer.write(&RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1]))]).unwrap()).unwrap();
        writer.finish().unwrap()
    }

    fn publish(catalog: &Catalog, name: &str, written: Written, keep: usize) {
        let of = SnapshotOf::Table;
        let expected = catalog.snapshot(of, name, When::Now).unwrap().map(|newest| newest.id);
        let new = vec![(Part::Rows, written.file.clone())];
        let new = NewSnapshot { of, name, at: 1, rows: 1, expected, columns: vec![], new, kept: vec![], keep };
        catalog.publish(&new, None).unwrap();
        written.let_go();
    }

    /// Runs `act` once when this thread reaches a failpoint. Failpoints are global to the process, so other tests' threads must pass
    /// through.
    fn once_at(place: &str, act: impl Fn() + Send + Sync + 'static) -> Arc<AtomicBool> {
        let (own, done) = (thread::current().id(), Arc::new(AtomicBool::new(false)));
        let was_there = Arc::clone(&done);
        fail::cfg_callback(place, move || {
            if thread::current().id() == own && !done.swap(true, Ordering::SeqCst) {
                act();
            }
        })
        .unwrap();
        was_there
    }

    fn files(catalog: &Catalog) -> Vec<String> {
        catalog.data.names().unwrap()
    }

    #[test]
    fn a_file_is_collected_when_nothing_names_it_and_nobody_holds_it() {
        let catalog = Catalog::for_test().unwrap();
        let first = written(&catalog);
        catalog.collect().unwrap();
        publish(&catalog, "t", first, 1);
        catalog.collect().unwrap();
        assert_eq!(files(&catalog).len(), 1);
        let old = catalog.snapshot(SnapshotOf::Table, "t", When::Now).unwrap().unwrap();
        let reader = catalog.data.pin(&old.files[0].1).unwrap();
        publish(&catalog, "t", written(&catalog), 1);
        catalog.collect().unwrap();
        assert_eq!(files(&catalog).len(), 2, "it is read");
        drop(reader);
        // Like a file left by a killed process.
        let left = format!("{}.parquet", uuid::Uuid::new_v4());
        std::fs::write(catalog.data.place(&left).unwrap(), "PAR1").unwrap();
        let collecting = catalog.data.locks.for_collecting().unwrap();
        catalog.collect().unwrap();
        assert_eq!(files(&catalog).len(), 3, "another one collects");
        drop(collecting);
        catalog.collect().unwrap();
        assert_eq!(files(&catalog).len(), 1);
    }

    /// Statements that read it meanwhile report the damage when they reach it.
    #[test]
    fn a_file_that_is_checked_can_be_read() {
        let catalog = Catalog::for_test().unwrap();
        publish(&catalog, "t", written(&catalog), 1);
        let file = catalog.snapshot(SnapshotOf::Table, "t", When::Now).unwrap().unwrap().files[0].1.clone();
        let reader = catalog.data.pin(&file).unwrap();
        assert!(catalog.check().unwrap().findings.is_empty());
        let path = catalog.data.place(&file.name).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(catalog.check().unwrap().findings[0].state, "damaged");
        assert!(catalog.data.store.known(&file.name).is_some());
        drop(reader);
    }

    #[test]
    fn a_file_that_is_made_while_another_collects_is_there() {
        let catalog = Arc::new(Catalog::for_test().unwrap());
        let collecting = Arc::clone(&catalog);
        let was_there = once_at("data::made", move || {
            assert_eq!(files(&collecting).len(), 1);
            collecting.collect().unwrap();
            assert!(files(&collecting).is_empty(), "it was not held yet");
        });
        let written = written(&catalog);
        fail::remove("data::made");
        assert!(was_there.load(Ordering::SeqCst));
        assert_eq!(files(&catalog), std::slice::from_ref(&written.file.name));
        publish(&catalog, "t", written, 1);
    }

    /// Another process publishes just before the collector gets to the file that it did not know.
    #[test]
    fn a_file_that_is_published_while_another_collects_is_there() {
        let catalog = Arc::new(Catalog::for_test().unwrap());
        let (publishing, waiting) = (Arc::clone(&catalog), Mutex::new(Some(written(&catalog))));
        let was_there = once_at("collect::listed", move || {
            publish(&publishing, "t", waiting.lock().unwrap().take().unwrap(), 1);
        });
        catalog.collect().unwrap();
        fail::remove("collect::listed");
        assert!(was_there.load(Ordering::SeqCst));
        let snapshot = catalog.snapshot(SnapshotOf::Table, "t", When::Now).unwrap().unwrap();
        catalog.data.pin(&snapshot.files[0].1).unwrap();
    }

    /// A reader that locks a file between the steps of the collector keeps it.
    #[test]
    fn a_file_that_is_held_while_another_collects_is_there() {
        let catalog = Arc::new(Catalog::for_test().unwrap());
        publish(&catalog, "t", written(&catalog), 1);
        let old = catalog.snapshot(SnapshotOf::Table, "t", When::Now).unwrap().unwrap();
        publish(&catalog, "t", written(&catalog), 1);
        let held = Arc::new(Mutex::<Option<Arc<Pinned>>>::default());
        let (reading, reader) = (Arc::clone(&catalog), Arc::clone(&held));
        let was_there = once_at("collect::forgotten", move || {
            *reader.lock().unwrap() = Some(reading.data.pin(&old.files[0].1).unwrap());
        });
        catalog.collect().unwrap();
        fail::remove("collect::forgotten");
        assert!(was_there.load(Ordering::SeqCst));
        assert!(held.lock().unwrap().as_ref().unwrap().path.exists());
        assert_eq!(catalog.known_files().unwrap().len(), 1);
        held.lock().unwrap().take();
        catalog.collect().unwrap();
        assert_eq!(files(&catalog).len(), 1);
    }

    /// The files a writer relied on are gone: publishing fails and changes nothing.
    #[test]
    fn a_kept_file_that_was_collected_is_a_conflict() {
        let catalog = Catalog::for_test().unwrap();
        let (of, name, new) = (SnapshotOf::Table, "t", written(&catalog));
        let kept = vec![super::super::data::DataFile { name: "gone.parquet".into(), ..new.file.clone() }];
        let files = vec![(Part::Rows, new.file.clone())];
        let new = NewSnapshot { of, name, at: 1, rows: 2, expected: None, columns: vec![], new: files, kept, keep: 1 };
        let error = catalog.publish(&new, None).unwrap_err().to_string();
        assert!(error.contains("t: was changed by another process in the meantime; nothing was published"), "{error}");
        assert!(catalog.snapshot(of, name, When::Now).unwrap().is_none());
    }
}
