//! Who may look into a database: its owner alone, unless the owner says otherwise.
//!
//! Rows of customers stand in its files, so a new database is made with the rights 0600 for files and 0700 for folders, whatever the umask
//! is. What is made later takes the rights of `catalog.sqlite`, as SQLite does with the files beside it: an owner who gives a group
//! rights to what is there (`chmod -R g+rX crm`) gives them to all that will be. Files that root makes belong to the owner as well.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// The rights of the files of a database.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    #[cfg(unix)]
    files: u32,
    /// User and group.
    #[cfg(unix)]
    owner: Option<(u32, u32)>,
}

impl Access {
    /// Those of a new database.
    pub const OWN: Self = Self {
        #[cfg(unix)]
        files: 0o600,
        #[cfg(unix)]
        owner: None,
    };

    /// Those of the database whose catalog this is.
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

    /// Makes a new file, or opens one that is there when `options` say so.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, self.files);
        let file = options.open(path)?;
        #[cfg(unix)]
        self.settle(path, &file.metadata()?, self.files);
        Ok(file)
    }

    /// Makes a folder unless it is there, and brings its name to disk: what is written into it later, and acknowledged, would be gone
    /// with the name when the power goes.
    ///
    /// # Errors
    /// It cannot be made.
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

    /// Who may read a file may look into its folder.
    #[cfg(unix)]
    fn folders(self) -> u32 {
        self.files | (self.files & 0o444) >> 2
    }

    /// The umask takes away what the owner has given, and root is not the owner. What cannot be given is not: fewer may read it then.
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

/// Makes the folders that are missing on the way to a path, as far as that is possible, and brings their names to disk.
pub fn make_way(path: &Path) {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) else { return };
    make_way(parent);
    // What cannot be made is said by whoever makes the last.
    if std::fs::create_dir(parent).is_ok() {
        let _ = sync_name(parent);
    }
}

/// Brings the name of a new folder to disk.
fn sync_name(path: &Path) -> io::Result<()> {
    // A folder that may be entered but not read cannot be brought to disk by us; nor can any on systems that open no folders.
    match path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }).map(File::open) {
        Some(Ok(parent)) if cfg!(unix) => parent.sync_all(),
        _ => Ok(()),
    }
}
