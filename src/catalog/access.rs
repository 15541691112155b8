//! Who may access a database: only its owner, unless the owner decides otherwise.
//!
//! The files hold customer data, so a new database is created with mode 0600 for files and 0700 for directories, whatever the umask is.
//! Files created later take the permissions of `catalog.sqlite`, as SQLite does with the files next to it: an owner who gives a group
//! access to the existing files (`chmod -R g+rX crm`) also gives it access to all future ones. Files that root creates get the database's
//! owner as well.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// The permissions of the files of a database.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    #[cfg(unix)]
    files: u32,
    /// User and group.
    #[cfg(unix)]
    owner: Option<(u32, u32)>,
}

impl Access {
    /// The permissions of a new database.
    pub const OWN: Self = Self {
        #[cfg(unix)]
        files: 0o600,
        #[cfg(unix)]
        owner: None,
    };

    /// The permissions of the database with this catalog file.
    #[cfg(unix)]
    pub fn of(catalog: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        let found = catalog.metadata();
        found.map_or(Self::OWN, |found| Self { files: found.mode() & 0o666 | 0o600, owner: Some((found.uid(), found.gid())) })
    }

    #[cfg(not(unix))]
    pub fn of(_: &Path) -> Self {
        Self::OWN
    }

    /// Creates a new file, or opens an existing one where `options` allow it.
    ///
    /// # Errors
    /// The file cannot be created or opened.
    pub fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, self.files);
        let file = options.open(path)?;
        #[cfg(unix)]
        self.settle(path, &file.metadata()?, self.files);
        Ok(file)
    }

    /// Creates a directory unless it exists, and syncs its parent: otherwise a power loss could remove the directory's name, and with it
    /// files that were written into it and acknowledged later.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn make_folder(self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, self.folders());
        match builder.create(path) {
            Ok(()) => {
                #[cfg(unix)]
                self.settle(path, &path.metadata()?, self.folders());
                sync_name(path)
            }
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whoever may read a file may also list and enter its directory.
    #[cfg(unix)]
    fn folders(self) -> u32 {
        self.files | (self.files & 0o444) >> 2
    }

    /// Corrects the permissions and owner: the umask may have removed bits that the owner granted, and root is not the owner. Failures are
    /// ignored, as fewer users can then read the file, never more.
    #[cfg(unix)]
    fn settle(self, path: &Path, found: &std::fs::Metadata, rights: u32) {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        if let Some((user, group)) = self.owner
            && (found.uid(), found.gid()) != (user, group)
        {
            let _ = std::os::unix::fs::chown(path, Some(user), Some(group));
        }
        if found.mode() & 0o777 != rights {
            let _ = std::fs::set_permissions(path, PermissionsExt::from_mode(rights));
        }
    }
}

/// Creates the missing parent directories of a path, as far as possible, and syncs their names to disk.
pub fn make_way(path: &Path) {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) else { return };
    make_way(parent);
    // Errors are reported by whoever creates the last component.
    if std::fs::create_dir(parent).is_ok() {
        let _ = sync_name(parent);
    }
}

/// Syncs the name of a new directory to disk.
fn sync_name(path: &Path) -> io::Result<()> {
    // Not possible for a directory that may be entered but not read, nor on systems that cannot open directories as files.
    match path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }).map(File::open) {
        Some(Ok(parent)) if cfg!(unix) => parent.sync_all(),
        _ => Ok(()),
    }
}
