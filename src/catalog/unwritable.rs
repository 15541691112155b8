//! What to do where the system lets nothing be written: a full disk, a folder without write permission.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::Path;

use datafusion::error::DataFusionError;

use crate::error::{SqlState, of_system as failed, of_system_as as coded};

/// Why nothing can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// The disk is full, or the part of it that the user may fill.
    Full,
    /// The folder, the file or the file system is not writable for the user.
    Denied,
}

impl Unwritable {
    pub fn of(error: &io::Error) -> Option<Self> {
        use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Some(Self::Full),
            PermissionDenied | ReadOnlyFilesystem => Some(Self::Denied),
            _ => None,
        }
    }

    /// Of an error that another one may have caused, as a writer of files reports it.
    fn of_cause(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Self::of(error);
            }
            cause = error.source();
        }
        None
    }

    pub fn state(self) -> SqlState {
        match self {
            Self::Full => SqlState::DISK_FULL,
            Self::Denied => SqlState::INSUFFICIENT_PRIVILEGE,
        }
    }

    /// What the user can do.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Full => "make room on the disk, or DROP what is no longer needed",
            Self::Denied => "open the database as the user who owns it, or copy its folder and open the copy",
        }
    }
}

/// The error for an object that cannot be locked, in this folder of a database, and so cannot be written.
pub fn of_lock(object: &str, folder: &Path, error: &io::Error) -> DataFusionError {
    let place = folder.display();
    let Some(why) = Unwritable::of(error) else { return failed(object, format!("cannot be locked in {place}: {error}")) };
    let next = why.next_step();
    match why {
        Unwritable::Full => coded(
            why.state(),
            object,
            format!("cannot be locked in {place}, as every change needs: the disk is full ({error}); {next}"),
        ),
        Unwritable::Denied => coded(
            why.state(),
            object,
            format!("cannot be locked in {place}, as every change needs: the folder cannot be written to ({error}); {next}"),
        ),
    }
}

/// The error for a file that could not be written; no part of it is published.
pub fn of_file(path: &str, what: &str, error: impl Error + 'static) -> DataFusionError {
    let problem = format!("{what}: {error}; nothing was published");
    told(path, Unwritable::of_cause(&error), problem)
}

/// The error for a file or folder, with the next step where there is one.
pub fn of_path(path: &Path, what: &str, error: &io::Error) -> DataFusionError {
    told(&path.display().to_string(), Unwritable::of(error), format!("{what}: {error}"))
}

fn told(subject: &str, why: Option<Unwritable>, problem: impl Display) -> DataFusionError {
    match why {
        Some(why) => coded(why.state(), subject, format!("{problem}; {}", why.next_step())),
        None => failed(subject, problem),
    }
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;
    use crate::error::sqlstate;

    #[test]
    fn a_full_disk_is_found_beneath_a_writer_of_files() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = of_file("a.parquet", "cannot be written", ParquetError::External(Box::new(full())));
        assert_eq!(sqlstate(&error), SqlState::DISK_FULL);
        assert!(error.to_string().contains("nothing was published; make room"), "{error}");
        let error = of_file("a.parquet", "cannot be written", DataFusionError::IoError(full()));
        assert_eq!(sqlstate(&error), SqlState::DISK_FULL);
        let error = of_lock("table t", Path::new("crm"), &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(sqlstate(&error), SqlState::INSUFFICIENT_PRIVILEGE);
        assert!(error.to_string().contains("table t: cannot be locked in crm, as every change needs"), "{error}");
        let other = of_lock("table t", Path::new("crm"), &io::Error::other("it fails"));
        assert_eq!(sqlstate(&other), SqlState::SYSTEM_ERROR);
    }
}
