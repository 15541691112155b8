//! Backup of a database into one file, and restore.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::Result;
use datafusion::error::DataFusionError;

use super::{Engine, Staged};
use crate::catalog::backup::{self, Saved};
use crate::encryption::MasterKeys;
use crate::error::{failed, invalid};
use crate::statement::{Cancel, RunningPlan};
use crate::temporary::TemporaryFolder;

impl Engine {
    /// Saves the database in one file, `archive`, which appears complete at the end; others may read and write meanwhile. `watch` is called
    /// with the bytes copied and the total, and cancels by returning false.
    ///
    /// # Errors
    /// The file exists, a file of the database is damaged, or the archive cannot be written.
    pub fn back_up(&self, archive: &Path, watch: &(dyn Fn(u64, u64) -> bool + Sync)) -> Result<Saved> {
        let name = archive.display().to_string();
        // The last good backup must not be replaced by one that was never verified.
        if archive.symlink_metadata().is_ok() {
            return Err(invalid(&name, "exists already; a backup replaces nothing, name another file or remove that one"));
        }
        let temporary = TemporaryFolder::of_system()
            .map_err(|error| failed(&name, format!("cannot make a folder for temporary files: {error}")))?;
        let staged = Staged::beside(archive)?;
        let saved = self.shared.catalog.back_up(staged.path(), temporary.path(), watch)?;
        staged.publish()?;
        if !watch(saved.bytes, saved.bytes) {
            // Cancelled at the last moment: the user is told so, and there must be no archive.
            std::fs::remove_file(archive).map_err(|error| failed(&name, format!("cannot be removed: {error}")))?;
            return Err(Cancel::error());
        }
        Ok(saved)
    }

    /// Like `back_up`, on a thread where it may block; dropping the future stops it.
    pub(super) async fn save(&self, archive: &Path, running: RunningPlan) -> Result<Saved> {
        let (engine, archive, stopped) = (self.clone(), archive.to_path_buf(), Arc::new(AtomicBool::new(false)));
        let _guard = StopOnDrop(Arc::clone(&stopped));
        let watch = move |copied, all| {
            running.copy(copied, all);
            !stopped.load(Ordering::Relaxed)
        };
        let saved = self.runtime().spawn_blocking(move || engine.back_up(&archive, &watch));
        saved.await.unwrap_or_else(|error| Err(DataFusionError::External(Box::new(error))))
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Creates a database from an archive that [`Engine::back_up`] made, in `directory`, which must not exist or must be empty. Every checksum
/// is verified, and the directory appears when it is complete.
///
/// # Errors
/// The file is not an archive, is damaged, or its contents do not match its list; then nothing is created.
pub fn restore(archive: &Path, directory: &Path, watch: &(dyn Fn(u64, u64) -> bool + Sync)) -> Result<Saved> {
    backup::restore(archive, directory, None, watch)
}

/// Like [`restore`], and encrypts the new database, whose archive is of one that is not encrypted, with the master key of this id or the
/// newest. It appears when all of it is encrypted.
///
/// # Errors
/// As [`restore`], or there is no suitable master key, or the database is encrypted already.
pub fn restore_encrypted(
    archive: &Path,
    directory: &Path,
    keys: &MasterKeys,
    key_id: Option<&str>,
    watch: &(dyn Fn(u64, u64) -> bool + Sync),
) -> Result<Saved> {
    backup::restore(archive, directory, Some((keys, key_id)), watch)
}
