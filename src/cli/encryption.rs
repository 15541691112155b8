//! `portrait init`, `generate-key` and `rotate-key`: databases whose files are encrypted, and where their master keys come from.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use portraitdb::{Engine, EngineOptions, MasterKeys, key_line, made_key};

use super::console::Failure;
use super::language::SHARED;
use super::{Common, is_database};

/// The environment variable that holds keys.
const VARIABLE: &str = "PORTRAIT_KEY";

pub(super) const INIT_EXAMPLES: &str = "\
Examples:
  portrait init crm
  portrait generate-key --key-file crm.keys && portrait init crm --encrypt --key-file crm.keys

An encrypted database needs its master key whenever it is opened. It comes from a file (--key-file), a command that prints it (--key-command),
a command of a key service (--kms-command) or the environment variable PORTRAIT_KEY. Keep a copy in another place than the database: without it nothing
can be read.";

pub(super) const GENERATE_EXAMPLES: &str = "\
Examples:
  portrait generate-key --key-file crm.keys
  portrait generate-key 2026-07 --key-file crm.keys      a second key, for rotate-key
  portrait generate-key production | vault kv put secret/crm key=-

A key is one line, key-id:key, where the key is 32 bytes in base64. The last line of a file is the newest key.";

pub(super) const ROTATE_EXAMPLES: &str = "\
Example:
  portrait generate-key 2026-07 --key-file crm.keys && portrait -d crm --key-file crm.keys rotate-key

The old key must be there until it is done; backups that were made before still need it.";

/// Where master keys come from.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The file with the master keys of an encrypted database, readable only by its owner; one per line, key-id:key.
    #[arg(long, value_name = "PATH", global = true, help_heading = SHARED, env = "PORTRAIT_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// A command that prints the lines of a key file.
    #[arg(long, value_name = "COMMAND", global = true, help_heading = SHARED, env = "PORTRAIT_KEY_COMMAND", conflicts_with = "key_file")]
    key_command: Option<String>,
    /// A command of a key service: called with wrap KEY-ID or unwrap KEY-ID, it reads a key in base64 and prints it wrapped, or the reverse.
    #[arg(
        long,
        value_name = "COMMAND",
        global = true, help_heading = SHARED,
        env = "PORTRAIT_KMS_COMMAND",
        conflicts_with_all = ["key_file", "key_command"]
    )]
    kms_command: Option<String>,
}

impl Keys {
    pub(super) fn source(&self) -> Option<MasterKeys> {
        if let Some(path) = &self.key_file {
            return Some(MasterKeys::in_file(path));
        }
        if let Some(command) = &self.key_command {
            return Some(MasterKeys::of_command(command));
        }
        if let Some(command) = &self.kms_command {
            return Some(MasterKeys::of_service(command));
        }
        std::env::var(VARIABLE).ok().filter(|keys| !keys.is_empty()).map(|keys| MasterKeys::given(VARIABLE, keys))
    }
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The directory of the database [default: the directory of --database].
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Encrypt the contents of the database: its files, and the values in its catalog.
    #[arg(long)]
    encrypt: bool,
    /// The master key to encrypt with [default: the newest].
    #[arg(long, value_name = "ID", requires = "encrypt")]
    key_id: Option<String>,
}

impl Init {
    pub(super) fn run(&self, common: &Common) -> Result<(), Failure> {
        let Some(directory) = self.directory.clone().or_else(|| common.database.clone()) else {
            return Err(Failure::Error("init: name the directory, such as portrait init crm".into()));
        };
        let place = directory.display();
        if is_database(&directory) {
            return Err(Failure::Error(format!("init: there is a database in {place} already; choose another directory")));
        }
        if directory.is_dir() && directory.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::Error(format!("init: {place} is not empty; choose another directory")));
        }
        let (encrypt, key_id) = (self.encrypt, self.key_id.clone());
        let keys = common.keys.source().filter(|_| encrypt);
        let options = EngineOptions { database: Some(directory.clone()), keys, encrypt, key_id, ..common.options() };
        let engine = Engine::open(options)?;
        let how = engine.master_key()?.map(|id| format!(", encrypted with master key {id}")).unwrap_or_default();
        Ok(writeln!(std::io::stdout(), "made: a database in {place}{how}")?)
    }
}

/// Arguments of `rotate-key`.
#[derive(Debug, Args)]
pub(super) struct RotateKey {
    /// The master key to wrap with [default: the newest].
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
}

impl RotateKey {
    pub(super) fn run(&self, engine: &Engine, common: &Common) -> Result<(), Failure> {
        let place = common.database.as_deref().unwrap_or(std::path::Path::new(".")).display();
        let before = engine.master_key()?.unwrap_or_default();
        let after = engine.rotate_key(self.key_id.as_deref())?;
        Ok(writeln!(std::io::stdout(), "rotated: {place} is encrypted with master key {after}; it was with {before}")?)
    }
}

/// Arguments of `generate-key`.
#[derive(Debug, Args)]
pub(super) struct GenerateKey {
    /// The id of the key.
    #[arg(value_name = "KEY-ID", default_value = "key-1")]
    id: String,
}

impl GenerateKey {
    pub(super) fn run(&self, keys: &Keys) -> Result<(), Failure> {
        let Some(path) = &keys.key_file else {
            return Ok(std::io::stdout().write_all(key_line(&self.id)?.as_bytes())?);
        };
        made_key(path, &self.id)?;
        let path = path.display();
        Ok(writeln!(std::io::stdout(), "made: master key {} in {path}; keep a copy where the database is not", self.id)?)
    }
}
