//! The file with the keys of pseudonyms. Its path comes from the process environment, never from SQL, and it is passed to functions in
//! the session's settings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use zeroize::Zeroizing;

use crate::error::failed;
use crate::kernels::privacy::pseudonyms::Keys;
use crate::settings::carried;

/// The environment variable that names the file.
pub const KEY_FILE: &str = "PORTRAIT_PSEUDONYM_KEY_FILE";

/// The key file of an engine. It is read when a function needs a key, and again when it has changed. Clones are cheap and share the keys
/// that were read.
#[derive(Clone, Default)]
pub struct KeyFile {
    path: Option<Arc<Path>>,
    read: Arc<Mutex<Option<Read>>>,
}

/// The version of a file that was read: its modification time and length.
type Seen = (Option<SystemTime>, u64);

/// The keys, and the version of the file that they were read from.
type Read = (Seen, Arc<Keys>);

// Never shows the keys.
impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

// Makes it a setting that functions are called with.
carried!(KeyFile, "key_file");

impl KeyFile {
    /// The file at this path; without a path there are no keys.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path: path.map(Arc::from), read: Arc::default() }
    }

    /// The key file of a call.
    pub fn of(config: &ConfigOptions) -> Self {
        config.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// The keys, with `function` named in errors.
    ///
    /// # Errors
    /// There is no file, it cannot be read, others may read it, or its contents are not keys.
    pub fn keys(&self, function: &str) -> Result<Arc<Keys>> {
        let Some(path) = self.path.as_deref() else {
            let problem = format!(
                "there is no key; write `v1:` and 32 random bytes in base64 (openssl rand -base64 32) into a file that only you may read, \
                 and start the program with {KEY_FILE}=<its path>"
            );
            return Err(failed(function, problem));
        };
        let cannot = |problem: String| failed(function, format!("the key file {} {problem}", path.display()));
        let unreadable = |error: std::io::Error| cannot(format!("cannot be read: {error}; see {KEY_FILE}"));
        let found = std::fs::metadata(path).map_err(unreadable)?;
        check_rights(&found).map_err(&cannot)?;
        let seen = (found.modified().ok(), found.len());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, keys)) = read.as_ref()
            && *before == seen
        {
            return Ok(Arc::clone(keys));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let keys = Keys::read(&text).map_err(|wrong| {
            let line = if wrong.line == 0 { String::new() } else { format!(" in line {}", wrong.line) };
            cannot(format!("is invalid{line}: {}; write `v1:` and 32 random bytes in base64", wrong.problem))
        })?;
        let keys = Arc::new(keys);
        *read = Some((seen, Arc::clone(&keys)));
        Ok(keys)
    }
}

/// Rejects a file that others may read.
#[cfg(unix)]
fn check_rights(file: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::MetadataExt::mode(file) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("can be read by others (mode {mode:o}); run chmod 600 on it")),
    }
}

#[cfg(not(unix))]
fn check_rights(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}
