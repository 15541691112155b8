//! Master keys: where they come from, and how they wrap the key of a database.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use zeroize::Zeroizing;

use super::{KEY_BYTES, Secret};
use crate::error::{SqlState, coded, failed, invalid};

/// Letters of a key id.
const LONGEST_ID: usize = 64;
/// Bytes of a key file, or of what a command prints.
const MOST_BYTES: usize = 1 << 20;
/// Binds a wrapped key to this use, so that nothing else encrypted with the same master key passes for one.
const ABOUT: &[u8] = b"portrait database key";

/// Where the master keys of an encrypted database come from. They wrap the key of the database and stand nowhere in it.
///
/// Keys are lines `key-id:key`, the key as 32 bytes in base64; the last one wraps what is wrapped anew, the others open what was wrapped
/// before they were replaced. Empty lines and lines that begin with `#` are skipped.
#[derive(Clone)]
pub struct MasterKeys(Arc<Source>);

enum Source {
    File(PathBuf),
    Text(String, Zeroizing<String>),
    Command(String),
    Service(String),
}

/// Shows where keys come from, never a key.
impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys({self})")
    }
}

impl fmt::Display for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Text(name, _) => f.write_str(name),
            Source::Command(_) => f.write_str("the key command"),
            Source::Service(_) => f.write_str("the key service command"),
        }
    }
}

impl MasterKeys {
    /// A file that its owner alone may read (0600).
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Source::File(path.into())))
    }

    /// The value of an environment variable, say; `name` is how errors call it.
    pub fn given(name: &str, keys: impl Into<String>) -> Self {
        Self(Arc::new(Source::Text(name.into(), Zeroizing::new(keys.into()))))
    }

    /// A command of the shell that prints the keys.
    pub fn of_command(command: impl Into<String>) -> Self {
        Self(Arc::new(Source::Command(command.into())))
    }

    /// A command of the shell that asks a key service (KMS), so that the master key never leaves it: called with the words `wrap KEY-ID` or
    /// `unwrap KEY-ID`, it reads a key in base64, or what it has given for one, and prints the other.
    pub fn of_service(command: impl Into<String>) -> Self {
        Self(Arc::new(Source::Service(command.into())))
    }

    /// The id of the key that wraps what is wrapped anew: the one that is asked for, or the last.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub(crate) fn newest(&self, asked: Option<&str>) -> Result<String> {
        if let Some(id) = asked {
            check_id(&self.to_string(), id)?;
        }
        if let Source::Service(_) = &*self.0 {
            let problem = "has keys whose names only it knows; name one with --key-id";
            return asked.map(String::from).ok_or_else(|| invalid(&self.to_string(), problem));
        }
        let keys = self.keys()?;
        match asked {
            Some(id) if keys.iter().any(|(own, _)| own == id) => Ok(id.into()),
            Some(id) => Err(invalid(&self.to_string(), format!("has no key {id}; it has {}", names(&keys)))),
            None => keys.last().map(|(id, _)| id.clone()).ok_or_else(|| self.none()),
        }
    }

    /// Wraps the key of a database.
    ///
    /// # Errors
    /// There is no such master key; the command fails.
    pub(crate) fn wrap(&self, id: &str, secret: &Secret) -> Result<String> {
        if let Source::Service(command) = &*self.0 {
            let key = Zeroizing::new(BASE64.encode(secret.bytes()));
            let wrapped = self.run(command, &["wrap", id], key.as_bytes())?;
            let wrapped = wrapped.trim();
            if wrapped.is_empty() || wrapped.contains(key.as_str()) {
                return Err(failed(&self.to_string(), "printed nothing, or the key unwrapped; it must print the wrapped key"));
            }
            return Ok(wrapped.into());
        }
        let keys = self.keys()?;
        let Some((_, master)) = keys.iter().find(|(own, _)| own == id) else { return Err(self.lacks(id, &keys)) };
        Ok(BASE64.encode(master.seal(ABOUT, secret.bytes())?))
    }

    /// Unwraps the key of a database.
    ///
    /// # Errors
    /// There is no such master key, or it is another than the one that wrapped it; the command fails.
    pub(crate) fn unwrap(&self, id: &str, wrapped: &str) -> Result<Secret> {
        let is_other = || {
            let problem = format!(
                "key {id} is not the one that the database was encrypted with; look for the key of this id where you keep copies of keys"
            );
            coded(SqlState::INVALID_AUTHORIZATION, &self.to_string(), problem)
        };
        if let Source::Service(command) = &*self.0 {
            let key = self.run(command, &["unwrap", id], wrapped.as_bytes())?;
            return decoded(key.trim()).ok_or_else(is_other);
        }
        let keys = self.keys()?;
        let Some((_, master)) = keys.iter().find(|(own, _)| own == id) else { return Err(self.lacks(id, &keys)) };
        let opened = BASE64.decode(wrapped).ok().and_then(|wrapped| master.open(ABOUT, &wrapped));
        opened.and_then(|bytes| Secret::of(&bytes)).ok_or_else(is_other)
    }

    fn none(&self) -> DataFusionError {
        invalid(&self.to_string(), "has no key; portrait generate-key makes one")
    }

    fn lacks(&self, id: &str, keys: &[(String, Secret)]) -> DataFusionError {
        let problem = format!(
            "has no key {id}, which the database is encrypted with; it has {}; add the line of {id}, or name where it is",
            names(keys)
        );
        coded(SqlState::INVALID_AUTHORIZATION, &self.to_string(), problem)
    }

    /// The keys with their ids, in the order of their lines.
    fn keys(&self) -> Result<Vec<(String, Secret)>> {
        let text = match &*self.0 {
            Source::File(path) => read(path)?,
            Source::Text(_, text) => text.clone(),
            Source::Command(command) => self.run(command, &[], &[])?,
            Source::Service(_) => Zeroizing::new(String::new()),
        };
        let subject = self.to_string();
        let mut keys: Vec<(String, Secret)> = vec![];
        for (number, line) in (1..).zip(text.lines()) {
            let number: usize = number;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // What stands there may be a key, and is never shown.
            let Some((id, key)) = line.split_once(':') else {
                return Err(invalid(&subject, format!("line {number} must be key-id:key, the key as 32 bytes in base64")));
            };
            check_id(&format!("{subject}, line {number}"), id.trim())?;
            let Some(key) = decoded(key.trim()) else {
                return Err(invalid(&subject, format!("line {number}: the key must be 32 bytes in base64")));
            };
            if keys.iter().any(|(own, _)| own == id.trim()) {
                return Err(invalid(&subject, format!("line {number}: the key id {} appears twice", id.trim())));
            }
            keys.push((id.trim().into(), key));
        }
        if keys.is_empty() { Err(self.none()) } else { Ok(keys) }
    }

    /// What a command prints; what it says on its error stream is seen by whoever runs the program.
    fn run(&self, command: &str, words: &[&str], input: &[u8]) -> Result<Zeroizing<String>> {
        let subject = self.to_string();
        let fail = |problem: String| failed(&subject, problem);
        let script = if words.is_empty() { command.to_string() } else { format!("{command} \"$@\"") };
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg("sh")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| fail(format!("cannot be run: {error}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing may be gone by now.
            let _ = stdin.write_all(input);
        }
        let output = child.wait_with_output().map_err(|error| fail(format!("cannot be run: {error}")))?;
        let printed = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(fail(format!("failed ({}); run it by hand to see why", output.status)));
        }
        text(&subject, printed)
    }
}

/// The ids of keys, for messages.
fn names(keys: &[(String, Secret)]) -> String {
    keys.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
}

fn decoded(text: &str) -> Option<Secret> {
    let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    Secret::of(&bytes)
}

fn text(subject: &str, mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>> {
    if bytes.len() > MOST_BYTES {
        return Err(invalid(subject, "is too long for keys"));
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    text.map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        invalid(subject, "is not text in UTF-8")
    })
}

fn check_id(subject: &str, id: &str) -> Result<()> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(is_letter) {
        return Ok(());
    }
    Err(invalid(subject, format!("a key id has 1 to {LONGEST_ID} letters, digits, -, _ and .")))
}

fn read(path: &Path) -> Result<Zeroizing<String>> {
    let subject = path.display().to_string();
    let fail = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let problem = "no such key file; portrait generate-key --key-file makes one, for a new database";
            coded(SqlState::UNDEFINED_FILE, &subject, problem)
        }
        _ => failed(&subject, format!("cannot be read: {error}")),
    };
    let mut file = std::fs::File::open(path).map_err(fail)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(fail)?.permissions());
        if mode & 0o077 != 0 {
            let problem = format!(
                "holds keys, but others than its owner can read or write it ({:04o}); run chmod 600 on it",
                mode & 0o7777
            );
            return Err(coded(SqlState::INVALID_AUTHORIZATION, &subject, problem));
        }
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    std::io::Read::read_to_end(&mut std::io::Read::take(&mut file, MOST_BYTES as u64 + 1), &mut bytes).map_err(fail)?;
    text(&subject, bytes)
}

/// A new master key as the line of a key file.
///
/// # Errors
/// The id is none; the system gives no random numbers.
pub fn key_line(id: &str) -> Result<Zeroizing<String>> {
    check_id("key id", id)?;
    let secret = Secret::random()?;
    let mut line = Zeroizing::new(String::with_capacity(id.len() + 2 + KEY_BYTES * 2));
    line.push_str(id);
    line.push(':');
    line.push_str(&Zeroizing::new(BASE64.encode(secret.bytes())));
    line.push('\n');
    Ok(line)
}

/// Adds a new master key to a key file, which is made when it is not there, for its owner alone.
///
/// # Errors
/// The file has a key of that id, is no key file, or cannot be written.
pub fn made_key(path: &Path, id: &str) -> Result<()> {
    let subject = path.display().to_string();
    let line = key_line(id)?;
    let mut ends_in_line = true;
    if path.exists() {
        let keys = MasterKeys::in_file(path).keys();
        if keys.as_ref().is_ok_and(|keys| keys.iter().any(|(own, _)| own == id)) {
            return Err(invalid(&subject, format!("has a key {id} already; choose another key id")));
        }
        let text = read(path)?;
        // One with comments alone is none that keys are missing from.
        if text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
            keys?;
        }
        ends_in_line = text.is_empty() || text.ends_with('\n');
    }
    let fail = |error: std::io::Error| failed(&subject, format!("cannot be written: {error}"));
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.append(true).create(true).open(path).map_err(fail)?;
    if !ends_in_line {
        file.write_all(b"\n").map_err(fail)?;
    }
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::message;

    fn problem<T>(result: Result<T>) -> String {
        match result {
            Ok(_) => panic!("succeeded"),
            Err(error) => message(&error),
        }
    }

    #[test]
    fn keys_wrap_and_unwrap_by_their_ids() {
        let (old, new) = (key_line("old").unwrap(), key_line("new").unwrap());
        let keys = MasterKeys::given("PORTRAIT_KEY", format!("# keys\n\n{}{}", *old, *new));
        assert_eq!(keys.newest(None).unwrap(), "new");
        assert_eq!(keys.newest(Some("old")).unwrap(), "old");
        let secret = Secret::random().unwrap();
        let wrapped = keys.wrap("old", &secret).unwrap();
        assert_eq!(keys.unwrap("old", &wrapped).unwrap(), secret);
        assert!(problem(keys.unwrap("new", &wrapped)).contains("PORTRAIT_KEY: key new is not the one"));
        let lacking = MasterKeys::given("PORTRAIT_KEY", new.as_str());
        assert!(
            problem(lacking.unwrap("old", &wrapped)).contains("has no key old, which the database is encrypted with; it has new")
        );
        assert_eq!(format!("{keys:?}"), "MasterKeys(PORTRAIT_KEY)");
    }

    #[test]
    fn what_is_no_key_is_never_shown() {
        for (text, expected) in [
            ("", "has no key"),
            ("c2VjcmV0\n", "line 1 must be key-id:key"),
            ("k:c2VjcmV0", "line 1: the key must be 32 bytes in base64"),
            ("k!:c2VjcmV0", "a key id has 1 to 64 letters"),
        ] {
            let told = problem(MasterKeys::given("PORTRAIT_KEY", text).newest(None));
            assert!(told.contains(expected) && !told.contains("c2VjcmV0"), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_and_commands() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.keys");
        assert!(problem(MasterKeys::in_file(&path).newest(None)).contains("no such key file"));
        made_key(&path, "a").unwrap();
        made_key(&path, "b").unwrap();
        assert!(problem(made_key(&path, "a")).contains("has a key a already"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let keys = MasterKeys::in_file(&path);
        assert_eq!(keys.newest(None).unwrap(), "b");
        let secret = Secret::random().unwrap();
        let wrapped = keys.wrap("a", &secret).unwrap();
        let printed = MasterKeys::of_command(format!("cat '{}'", path.display()));
        assert_eq!(printed.unwrap("a", &wrapped).unwrap(), secret);
        assert!(problem(MasterKeys::of_command("exit 3").newest(None)).contains("the key command: failed (exit status: 3)"));
        // A service that wraps by turning letters.
        let service = MasterKeys::of_service("sh -c 'test \"$2\" = k && tr a-zA-Z b-zaB-ZA' sh");
        assert!(problem(service.newest(None)).contains("--key-id"));
        assert!(service.wrap("k", &secret).is_ok());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(problem(keys.newest(None)).contains("(0640); run chmod 600 on it"));
    }
}
