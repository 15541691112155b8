//! Backup of a database into one file, and restore.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;

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
        let (staged, saved) = self.staged_backup(archive, watch)?;
        staged.publish()?;
        Ok(saved)
    }

    /// The complete archive, not yet under its name.
    fn staged_backup(&self, archive: &Path, watch: &(dyn Fn(u64, u64) -> bool + Sync)) -> Result<(Staged, Saved)> {
        let name = archive.display().to_string();
        // The last good backup must not be replaced by one that was never verified.
        if archive.symlink_metadata().is_ok() {
            return Err(invalid(&name, "exists already; a backup replaces nothing, name another file or remove that one"));
        }
        if self.shared.catalog.has_within(archive) {
            let problem = "is in the directory of the database, with which it would be lost; name a file in another directory";
            return Err(invalid(&name, problem));
        }
        let temporary = TemporaryFolder::of_system()
            .map_err(|error| failed(&name, format!("cannot make a folder for temporary files: {error}")))?;
        let staged = Staged::beside(archive)?;
        let saved = self.shared.catalog.back_up(staged.path(), temporary.path(), watch)?;
        Ok((staged, saved))
    }

    /// Like `back_up`, on a thread where it may block; dropping the future stops it, and leaves no archive.
    pub(super) async fn save(&self, archive: &Path, running: RunningPlan) -> Result<Saved> {
        let (engine, archive) = (self.clone(), archive.to_path_buf());
        let stage = Arc::new(Mutex::new(Stage::Copying));
        let waiting = Waiting { stage: Arc::clone(&stage), archive: archive.clone() };
        let saved = self.runtime()?.spawn_blocking(move || {
            let (staged, saved) = engine.staged_backup(&archive, &|copied, all| {
                running.copy(copied, all);
                *stage.lock() == Stage::Copying
            })?;
            let mut stage = stage.lock();
            if *stage == Stage::Cancelled {
                return Err(Cancel::error());
            }
            staged.publish()?;
            *stage = Stage::Published;
            Ok(saved)
        });
        let saved = saved.await.unwrap_or_else(|error| Err(DataFusionError::External(Box::new(error))));
        *waiting.stage.lock() = Stage::Told;
        saved
    }
}

/// How far a backup is. It is decided once whether it was cancelled or is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Copying,
    /// Complete under its name, and nobody was told yet.
    Published,
    Told,
    Cancelled,
}

/// The caller that waits for a backup. If it stops waiting, the backup counts as cancelled, and no archive may be left.
struct Waiting {
    stage: Arc<Mutex<Stage>>,
    archive: PathBuf,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut stage = self.stage.lock();
        match *stage {
            Stage::Published => {
                // Nothing more can be done when it cannot be removed: the archive is complete.
                let _ = std::fs::remove_file(&self.archive);
            }
            Stage::Told => return,
            Stage::Copying | Stage::Cancelled => {}
        }
        *stage = Stage::Cancelled;
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
