//! Passwords from PGPASSWORD, or from a file in libpq's format with `host:port:database:user:password` on each line.
//!
//! They are looked up when a connection is made, and not stored.

use std::path::{Path, PathBuf};

use datafusion::common::Result;

use super::target::Target;
use crate::error::{SqlState, coded, failed};

/// The user and password for a connection.
pub struct Login {
    pub user: String,
    pub password: Option<String>,
}

/// The login for a target. A file named in the statement takes precedence over the environment.
///
/// # Errors
/// A file cannot be read, or is readable by others.
pub fn login(target: &Target) -> Result<Login> {
    if let Some(file) = &target.credentials {
        let Some(line) = find(&read(file)?, target) else {
            let problem = format!("has no line for {}; a line is host:port:database:user:password", target.label);
            return Err(coded(SqlState::UNDEFINED_OBJECT, &file.display().to_string(), problem));
        };
        return Ok(line);
    }
    let environment = &target.environment;
    let nobody = || {
        let problem = "does not say who connects; write postgresql://USER@HOST/DATABASE, or set PGUSER";
        coded(SqlState::INSUFFICIENT_PRIVILEGE, &target.label, problem)
    };
    if let Some(password) = environment.get("PGPASSWORD") {
        return Ok(Login { user: target.user.clone().ok_or_else(nobody)?, password: Some(password.to_string()) });
    }
    let file = match environment.get("PGPASSFILE") {
        Some(file) => Some(PathBuf::from(file)),
        None => environment.get("HOME").map(|home| Path::new(home).join(".pgpass")).filter(|file| file.exists()),
    };
    let found = match file {
        Some(file) => find(&read(&file)?, target),
        None => None,
    };
    match found {
        Some(login) => Ok(login),
        None => Ok(Login { user: target.user.clone().ok_or_else(nobody)?, password: None }),
    }
}

fn read(file: &Path) -> Result<String> {
    let name = file.display().to_string();
    let metadata = std::fs::metadata(file).map_err(|error| failed(&name, error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let problem = format!("holds passwords, but others can read it (mode {mode:o}); run chmod 600 on it");
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &name, problem));
        }
    }
    if !metadata.is_file() {
        return Err(failed(&name, "is not a file; passwords are read from lines host:port:database:user:password"));
    }
    // The error must not show the file's contents.
    std::fs::read_to_string(file).map_err(|error| failed(&name, format!("cannot be read: {}", error.kind())))
}

/// The first line that matches a target. If the target has no user, the line determines the user.
fn find(text: &str, target: &Target) -> Option<Login> {
    let host = if target.host.starts_with('/') { "localhost" } else { &target.host };
    let port = target.port.to_string();
    text.lines().filter(|line| !line.trim_start().starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [own_host, own_port, database, own_user, password] = fields.as_slice() else { return None };
        let is = |field: &str, value: &str| field == "*" || field == value;
        let is_user = match &target.user {
            Some(user) => is(own_user, user),
            None => own_user != "*",
        };
        let is_found = is(own_host, host) && is(own_port, &port) && is(database, &target.database) && is_user;
        let user = target.user.clone().unwrap_or_else(|| own_user.clone());
        is_found.then(|| Login { user, password: Some(password.clone()) })
    })
}

/// The fields of a line, in which a backslash escapes a colon or a backslash.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut letters) = (vec![String::new()], line.trim_end_matches('\r').chars());
    while let Some(letter) = letters.next() {
        let letter = match letter {
            // Further colons are part of the password.
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            letter => letter,
        };
        if let Some(field) = fields.last_mut() {
            field.push(letter);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::databases::Surroundings;
    use crate::environment::Environment;

    #[test]
    fn the_first_line_that_fits_counts() {
        let surroundings = Surroundings { environment: &Environment::default(), role: "", base: Path::new("/") };
        let mut target = Target::read("t", "postgresql://ann@h:5432/crm", None, &surroundings).unwrap();
        let text = "# h:5432:crm:ann:no\nh:5433:*:*:no\nh:*:crm:bob:no\n*:*:crm:ann:a\\:b\\\\c:d\n*:*:*:*:late\n";
        assert_eq!(find(text, &target).unwrap().password.as_deref(), Some("a:b\\c:d"));
        target.user = Some("eve".into());
        assert_eq!(find(text, &target).unwrap().password.as_deref(), Some("late"));
        target.user = None;
        target.credentials = Some("file".into());
        assert_eq!(find(text, &target).unwrap().user, "bob");
    }
}
