//! Folders that go with the process: what queries spill, databases in memory, files in the making.
//!
//! They hold rows of customers, so only their owner may look into them (0700), and none stays behind. A folder is removed when it is let
//! go, and at the latest when the process ends, also by a signal ([`remove_all`]). What a killed process leaves is removed by the next one
//! that makes a folder in the same place.
//!
//! Which processes live is known by a lock of the operating system, as for the locks of the catalog: a file in the folder that its owner has locked,
//! which ends with the process however it ends. A folder without that file is one that is just being made or was just emptied; only an
//! empty one is taken away then, so that its maker, who finds it gone, makes another.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// The file in a folder that its owner has locked.
const LOCK: &str = ".lock";
/// How often a folder is emptied that somebody is still writing to.
const ATTEMPTS: usize = 1000;

/// The folders of this process.
static FOLDERS: Mutex<Folders> = Mutex::new(Folders { paths: Vec::new(), is_ending: false });

struct Folders {
    /// Those that are there now.
    paths: Vec<PathBuf>,
    /// The process ends, and makes no more.
    is_ending: bool,
}

impl Folders {
    /// Made and remembered in one step: between the two, a process that ends would leave the folder.
    fn make(&mut self, path: &Path) -> io::Result<()> {
        if self.is_ending {
            return Err(io::Error::other("the program ends"));
        }
        private_folder(path)?;
        self.paths.push(path.into());
        Ok(())
    }
}

/// A folder of this process, gone when dropped.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    /// Locked where the file system has locks; where it has none, nobody sweeps either.
    lock: File,
}

/// What tells our folders in a place from everything else there.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    begin: &'static str,
    end: &'static str,
}

/// In the system's folder for temporary files: `portrait-812-0`.
pub const IN_TEMPORARY: Names = Names { begin: "portrait-", end: "" };
/// The name of an unfinished file: `.portrait-812-0.partial`. Readers of a folder skip names that begin with a dot.
pub const BESIDE: Names = Names { begin: ".portrait-", end: ".partial" };

impl Names {
    fn fresh(self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{}{}-{number}{}", self.begin, std::process::id(), self.end)
    }

    /// True for names as [`Self::fresh`] gives them, in any process.
    pub fn is_one(self, name: &str) -> bool {
        let middle = name.strip_prefix(self.begin).and_then(|rest| rest.strip_suffix(self.end));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        middle.and_then(|middle| middle.split_once('-')).is_some_and(|(process, number)| is_number(process) && is_number(number))
    }
}

/// True for a file in a folder of some process: what a statement spills there has rows as they are stored.
pub fn holds(path: &Path) -> bool {
    path.ancestors().skip(1).any(|folder| {
        let name = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        (IN_TEMPORARY.is_one(&name) || BESIDE.is_one(&name)) && folder.join(LOCK).exists()
    })
}

impl TemporaryFolder {
    /// Makes a folder in `parent`, and removes those that killed processes of this user left there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(parent: &Path, names: Names) -> io::Result<Self> {
        let made = loop {
            let path = parent.join(names.fresh());
            let made = FOLDERS.lock().make(&path);
            match made {
                Ok(()) => {}
                // A process of the same number, killed or in another container, had as many.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            match locked(&path) {
                Ok(Some(lock)) => break Self { path, lock },
                Ok(None) => forget(&path),
                Err(error) => {
                    empty_and_remove(&path);
                    forget(&path);
                    return Err(error);
                }
            }
        };
        made.sweep(parent, names);
        Ok(made)
    }

    /// A folder in the system's place for temporary files.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn of_system() -> io::Result<Self> {
        Self::make(&std::env::temp_dir(), IN_TEMPORARY)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        private_folder(&path)?;
        Ok(path)
    }

    /// Removes what is in it; false when nothing was.
    pub fn empty(&self) -> bool {
        remove_contents(&self.path)
    }

    /// Removes what killed processes left. What cannot be removed is left to the next one.
    fn sweep(&self, parent: &Path, names: Names) {
        let (Ok(entries), Ok(own)) = (std::fs::read_dir(parent), self.path.symlink_metadata()) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_candidate = entry.file_name().to_str().is_some_and(|name| names.is_one(name)) && path != self.path;
            // The folder of another user is that user's business, and may hold anything; a link leads anywhere.
            if is_candidate && path.symlink_metadata().is_ok_and(|found| found.is_dir() && is_of_same_owner(&found, &own)) {
                sweep(&path);
            }
        }
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        empty_and_remove(&self.path);
        forget(&self.path);
        let _ = self.lock.unlock();
    }
}

/// Removes all folders of this process. To be called when it ends, after which whatever still runs finds no place to write to.
pub fn remove_all() {
    let folders = {
        let mut folders = FOLDERS.lock();
        folders.is_ending = true;
        folders.paths.clone()
    };
    folders.iter().for_each(|path| empty_and_remove(path));
}

/// Makes a folder that somebody else has made in one of ours its owner's alone.
pub fn own_only(path: &Path) {
    #[cfg(unix)]
    {
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        // What it stands in is closed to others anyway.
        let _ = std::fs::set_permissions(path, rights);
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn forget(path: &Path) {
    FOLDERS.lock().paths.retain(|other| other != path);
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The lock of a folder that was just made; `None` when somebody took it for one that was left.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let place = path.join(LOCK);
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = match options.create_new(true).write(true).open(&place) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // There may be no locks on this file system.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(place.try_exists()?.then_some(lock)),
    }
}

/// Removes a folder that nobody has locked.
fn sweep(path: &Path) {
    match OpenOptions::new().write(true).open(path.join(LOCK)) {
        Ok(lock) => {
            if lock.try_lock().is_ok() {
                empty_and_remove(path);
                let _ = lock.unlock();
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let _ = std::fs::remove_dir(path);
        }
        Err(_) => {}
    }
}

/// Removes a folder; its lock last, so that what is cut short is found again. Tasks that have not ended yet may be adding files.
fn empty_and_remove(path: &Path) {
    for _ in 0..ATTEMPTS {
        if remove_contents(path) {
            continue;
        }
        let _ = std::fs::remove_file(path.join(LOCK));
        match std::fs::remove_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}

/// Removes what is in a folder, but its lock; false when nothing was.
fn remove_contents(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let mut found = false;
    for entry in entries.flatten().filter(|entry| entry.file_name() != LOCK) {
        found = true;
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
    found
}

#[cfg(unix)]
fn is_of_same_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn is_of_same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            parent.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_goes_with_its_owner() {
        let parent = tempfile::tempdir().unwrap();
        let folder = TemporaryFolder::make(parent.path(), IN_TEMPORARY).unwrap();
        std::fs::create_dir(folder.path().join("spill")).unwrap();
        std::fs::write(folder.path().join("spill/rows"), "13800138000").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        drop(folder);
        assert!(names(parent.path()).is_empty());
        assert!(FOLDERS.lock().paths.iter().all(|path| !path.starts_with(parent.path())));
    }

    /// What a killed process left goes; what a living one has, what others have put there, and links stay.
    #[test]
    fn what_was_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let living = TemporaryFolder::make(parent.path(), IN_TEMPORARY).unwrap();
        std::fs::write(living.path().join("rows"), "1").unwrap();
        for name in ["portrait-1-0", "portrait-2-0", "portrait-demo", "other-1-0", ".portrait-1-0.partial"] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
            std::fs::write(parent.path().join(name).join(LOCK), "").unwrap();
            std::fs::write(parent.path().join(name).join("rows"), "1").unwrap();
        }
        // Just being made, and one that somebody put a file into.
        std::fs::create_dir(parent.path().join("portrait-3-0")).unwrap();
        std::fs::create_dir(parent.path().join("portrait-4-0")).unwrap();
        std::fs::write(parent.path().join("portrait-4-0/mine"), "1").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(parent.path().join("other-1-0"), parent.path().join("portrait-5-0")).unwrap();
        drop(TemporaryFolder::make(parent.path(), IN_TEMPORARY).unwrap());
        let mut left = vec![".portrait-1-0.partial".to_string(), "other-1-0".into(), "portrait-4-0".into()];
        left.extend(cfg!(unix).then(|| "portrait-5-0".to_string()));
        left.extend([living.path().file_name().unwrap().to_str().unwrap().to_string(), "portrait-demo".into()]);
        left.sort();
        assert_eq!(names(parent.path()), left);
        assert!(living.path().join("rows").exists() && parent.path().join("other-1-0/rows").exists());
        drop(TemporaryFolder::make(parent.path(), BESIDE).unwrap());
        assert!(!parent.path().join(".portrait-1-0.partial").exists());
    }

    /// Folders that are made and swept as fast as threads can are never taken from their owners.
    #[test]
    fn a_sweep_takes_nothing_from_the_living() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let folder = TemporaryFolder::make(parent.path(), BESIDE).unwrap();
                        let file = folder.path().join("rows");
                        std::fs::write(&file, "1").unwrap();
                        assert_eq!(std::fs::read_to_string(&file).unwrap(), "1");
                    }
                });
            }
        });
        assert!(names(parent.path()).is_empty());
    }
}
