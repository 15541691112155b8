//! Parses a LOCATION: the server, the database, and how to connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::common::Result;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::databases::Surroundings;
use crate::environment::Environment;
use crate::error::{invalid, one_of};

/// The default time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FORM: &str = "LOCATION must be postgresql://HOST:PORT/DATABASE";
const MODES: [(&str, Encryption); 6] = [
    ("disable", Encryption::Never),
    ("allow", Encryption::IfItCan),
    ("prefer", Encryption::IfItCan),
    ("require", Encryption::Always),
    ("verify-ca", Encryption::Issuer),
    ("verify-full", Encryption::Verified),
];

/// Whether and how a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    Never,
    /// Encrypted if the server supports it, without verification.
    IfItCan,
    /// Encrypted, without verification.
    Always,
    /// Encrypted, with a trusted certificate for any host name.
    Issuer,
    /// Encrypted, with a trusted certificate for this host name.
    Verified,
}

/// A database on a server. It holds no password; that is looked up for each connection.
#[derive(Debug, Clone)]
pub struct Target {
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: Option<String>,
    pub encryption: Encryption,
    /// The file with trusted root certificates; `None` for those of the system.
    pub roots: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// The credentials file that the statement names.
    pub credentials: Option<PathBuf>,
    /// Where passwords are looked up otherwise.
    pub environment: Environment,
    /// The name for errors and plans.
    pub label: String,
}

impl Target {
    /// Parses a LOCATION, with defaults from the environment. Error messages never show it, because somebody may have written a password
    /// there.
    ///
    /// # Errors
    /// It is not the URL of a PostgreSQL database, or contains a password.
    pub fn read(subject: &str, location: &str, credentials: Option<PathBuf>, surroundings: &Surroundings<'_>) -> Result<Self> {
        let environment = |name: &str| surroundings.environment.get(name).map(String::from);
        let url = Url::parse(location).map_err(|_| invalid(subject, FORM))?;
        if !matches!(url.scheme(), "postgresql" | "postgres") {
            return Err(invalid(subject, FORM));
        }
        let (mut host, mut mode, mut roots, mut seconds) = (None, None, None, None);
        if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
            let problem = "LOCATION must not hold a password, which dumps and system tables would show; set PGPASSWORD, write a line into \
                           ~/.pgpass, or name such a file with OPTIONS ('credentials' 'FILE')";
            return Err(invalid(subject, problem));
        }
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "host" => host = Some(value.into_owned()),
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(value.into_owned()),
                "connect_timeout" => seconds = Some(value.into_owned()),
                other => {
                    let problem = format!(
                        "LOCATION has {other}=…, which is not supported; after the ? it takes host, sslmode, sslrootcert and connect_timeout"
                    );
                    return Err(invalid(subject, problem));
                }
            }
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| invalid(subject, FORM));
        let in_url = match url.host() {
            // An IPv6 address has brackets in a URL, and only there.
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            _ => url.host_str().filter(|host| !host.is_empty()).map(decoded).transpose()?,
        };
        let host = in_url.or(host).or_else(|| environment("PGHOST")).unwrap_or_else(|| "localhost".into());
        let port = match (url.port(), environment("PGPORT")) {
            (Some(port), _) => port,
            (None, Some(port)) => port.parse().map_err(|_| invalid("PGPORT", "must be a port number"))?,
            (None, None) => 5432,
        };
        // A credentials file may determine the user.
        let role = || Some(surroundings.role.to_string()).filter(|role| !role.is_empty() && credentials.is_none());
        let in_url = Some(decoded(url.username())?).filter(|user| !user.is_empty());
        let user = in_url.or_else(|| environment("PGUSER")).or_else(role);
        let in_url = Some(decoded(url.path().trim_start_matches('/'))?).filter(|database| !database.is_empty());
        let Some(database) = in_url.or_else(|| environment("PGDATABASE")) else {
            return Err(invalid(subject, format!("{FORM}; it names no database")));
        };
        let encryption = match mode.or_else(|| environment("PGSSLMODE")) {
            Some(mode) => MODES
                .iter()
                .find(|(name, _)| *name == mode)
                .map(|(_, encryption)| *encryption)
                .ok_or_else(|| invalid(subject, format!("sslmode must be {}", one_of(MODES.iter().map(|(name, _)| *name)))))?,
            None if is_local(&host) => Encryption::IfItCan,
            None => Encryption::Verified,
        };
        let encryption = if host.starts_with('/') { Encryption::Never } else { encryption };
        let at_home = || {
            let file = environment("HOME").map(|home| Path::new(&home).join(".postgresql/root.crt"));
            file.filter(|file| file.exists())
        };
        let roots = match roots.or_else(|| environment("PGSSLROOTCERT")) {
            Some(system) if system == "system" => None,
            Some(file) => Some(surroundings.base.join(file)),
            None => at_home(),
        };
        let connect_timeout = match seconds.or_else(|| environment("PGCONNECT_TIMEOUT")) {
            None => CONNECT_TIMEOUT,
            Some(seconds) => match seconds.parse() {
                Ok(seconds @ 1..=3600) => Duration::from_secs(seconds),
                _ => return Err(invalid(subject, "connect_timeout must be seconds, from 1 to 3600")),
            },
        };
        let place = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let label = format!("postgresql://{place}:{port}/{database}");
        let environment = surroundings.environment.clone();
        Ok(Self { host, port, database, user, encryption, roots, connect_timeout, credentials, environment, label })
    }
}

/// True for this machine, so that nothing is sent over a network.
fn is_local(host: &str) -> bool {
    host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::message;

    fn read(location: &str, environment: &[(&str, &str)]) -> std::result::Result<Target, String> {
        let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let surroundings = Surroundings { environment: &environment, role: "eve", base: Path::new("/") };
        Target::read("t", location, None, &surroundings).map_err(|error| message(&error))
    }

    #[test]
    fn what_the_location_leaves_open_comes_from_the_environment() {
        let target = read("postgresql://db.example/crm", &[("PGPORT", "6432"), ("PGUSER", "ann")]).unwrap();
        assert_eq!((target.host.as_str(), target.port, target.user.as_deref()), ("db.example", 6432, Some("ann")));
        assert_eq!(target.encryption, Encryption::Verified);
        let target = read("postgresql://bob@localhost:5433/crm?connect_timeout=3", &[("PGUSER", "ann")]).unwrap();
        assert_eq!((target.port, target.user.as_deref(), target.encryption), (5433, Some("bob"), Encryption::IfItCan));
        let target = read("postgresql://%2Fvar%2Frun%2Fpostgresql/crm?sslmode=require", &[]).unwrap();
        assert_eq!((target.host.as_str(), target.encryption), ("/var/run/postgresql", Encryption::Never));
        let target = read("postgresql:///crm?host=/tmp", &[]).unwrap();
        assert_eq!((target.host.as_str(), target.database.as_str()), ("/tmp", "crm"));
        let target = read("postgresql://[::1]:5999/crm", &[]).unwrap();
        assert_eq!((target.host.as_str(), target.port, target.encryption), ("::1", 5999, Encryption::IfItCan));
        assert_eq!(target.label, "postgresql://[::1]:5999/crm");
        assert_eq!(read("postgresql://h/crm", &[]).unwrap().user.as_deref(), Some("eve"));
        assert!(read("postgresql://db.example", &[]).unwrap_err().contains("names no database"));
        let roots = |location: &str, own: &str| read(location, &[("PGSSLROOTCERT", own)]).unwrap().roots;
        assert_eq!(roots("postgresql://db.example/crm", "ca.pem"), Some("/ca.pem".into()));
        assert_eq!(roots("postgresql://db.example/crm?sslrootcert=/own.pem", "ca.pem"), Some("/own.pem".into()));
        assert_eq!(roots("postgresql://db.example/crm", "system"), None);
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for location in
            ["postgresql://bob:hunter2@h/crm", "postgresql://h/crm?password=hunter2", "postgresql://bob:hunter2@h:99999999/crm"]
        {
            let error = read(location, &[]).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(read("postgresql://bob:hunter2@h/crm", &[]).unwrap_err().contains("must not hold a password"));
    }
}
