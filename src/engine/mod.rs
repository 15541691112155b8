//! Puts everything together: one [`Engine`] per process and database, and one [`Session`] per user.
//!
//! Interfaces use only this module. Every statement takes the same path: [`Session::parse`], then [`Session::execute`], which
//! returns an [`Answer`] that can be read batch by batch, watched and cancelled.

mod accounts;
mod answer;
mod auditing;
mod backup;
mod changing;
mod charting;
mod cursors;
mod erasing;
mod examples;
mod execution;
mod exporting;
mod gathered;
mod identities;
mod loading;
mod memory;
mod naming;
mod notes;
mod prepared;
mod remote;
mod reports;
mod rights;
pub(crate) mod schedules;
mod schema;
mod session;
mod stores;
mod suppressing;
mod transactions;
mod variables;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::Result;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{MemoryLimit, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::runtime::Runtime;

use crate::adapter::key_file::{KEY_FILE, KeyFile};
use crate::catalog::Catalog;
use crate::catalog::audit::AuditKey;
use crate::catalog::decrypting::FACTORY;
use crate::catalog::keys::Unlock;
use crate::catalog::store::DATA_URL;
use crate::docs::Doc;
use crate::encryption::MasterKeys;
use crate::encryption::spills::EncryptedSpills;
use crate::environment::Environment;
use crate::error::{failed, invalid};
use crate::language::Language;
use crate::statement::Clock;
use crate::statement::activity::Activity;
use crate::temporary::{IN_TEMPORARY, TemporaryFolder, own_only};

pub use crate::catalog::audit::{Expected as AuditRecord, Verified as VerifiedAudit};
pub use crate::catalog::backup::Saved;
pub use crate::catalog::check::{Checked, Finding};
pub use crate::sql::client::{ClientCopy, CopyFormat};
pub use crate::sql::parser::Statement;
pub use crate::sql::redacting::redacted;
pub use crate::statement::{Cancel, Progress, activity};
pub use answer::Answer;
pub use backup::restore;
pub use examples::example_results;
use memory::HalfSharedPool;
pub use prepared::{Description, Parameters, Prepared};
pub use schedules::JobLock;
pub use session::Session;
pub use transactions::TransactionStatus;
pub use writes::{Staged, stream};

/// How an engine is set up.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The database directory; without one everything is in memory.
    pub database: Option<PathBuf>,
    /// Bytes that queries may use before they spill to disk or fail; default 70 % of the machine's or container's memory.
    pub memory_limit: Option<usize>,
    /// Partitions a query works on at once; default the number of processors.
    pub partitions: Option<usize>,
    /// Rows in a batch; default 8192.
    pub batch_size: Option<usize>,
    /// The folder that relative paths start from; default the one that the process is in when the engine is opened.
    pub base: Option<PathBuf>,
    /// Who runs the statements, and so is the author of what they define; default nobody.
    pub role: Option<String>,
    /// What tables of other databases find out of the surroundings, `PGUSER`, `PGPASSWORD` and the like, and where the key file is,
    /// `PORTRAIT_PSEUDONYM_KEY_FILE`; default nothing.
    pub environment: Environment,
    /// The folder for what queries spill, and for a database in memory; default that of the system. What stands in it is seen by its
    /// owner alone, and goes with the engine.
    pub temporary: Option<PathBuf>,
    /// The master keys of an encrypted database.
    pub keys: Option<MasterKeys>,
    /// A database that is made is encrypted, with the newest of `keys` or the one that `key_id` names; one that is there already must be.
    pub encrypt: bool,
    /// The id of the master key for a database that is made; default the newest.
    pub key_id: Option<String>,
    /// The language that sessions speak until they are set another.
    pub language: Language,
}

/// The database, the threads that run queries, and their limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    /// Whether work goes to the threads for what is done at once, however busy the others are.
    is_light: bool,
}

#[derive(Debug)]
struct Shared {
    /// Where queries run.
    runtime: Option<Runtime>,
    /// Where statements are parsed, and those run that compute nothing: one sees what runs, and ends it, while all other threads compute.
    light: Option<Runtime>,
    /// Where [`Engine::block_on`] waits: signals and timers are heard also while all query threads compute.
    waiting: Option<Runtime>,
    /// Where timeouts are waited for.
    clock: Option<Runtime>,
    /// Who is connected, and what runs.
    activity: Arc<Activity>,
    environment: Arc<RuntimeEnv>,
    catalog: Arc<Catalog>,
    /// The keys of pseudonyms.
    keys: KeyFile,
    /// The folder that relative paths start from.
    base: Arc<Path>,
    options: EngineOptions,
    /// Where queries spill to; removed after everything else.
    _temporary: Option<Arc<TemporaryFolder>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        const LONG: Duration = Duration::from_secs(86_400);
        // A query that was given up may still be running; the process does not wait for it. Another thread does: to let go of threads that
        // are ending (`shutdown_background`) is a race that glibc can lose, and with stacks of this size it crashes the process then.
        for runtime in [self.runtime.take(), self.light.take(), self.waiting.take(), self.clock.take()].into_iter().flatten() {
            let end = move || runtime.shutdown_timeout(LONG);
            // Its handle is forgotten, not dropped, for the same reason.
            let ending = std::thread::Builder::new().name("portrait-end".into()).stack_size(512 << 10).spawn(end);
            std::mem::forget(ending);
        }
    }
}

/// The name of the threads that queries run on.
pub const THREAD_NAME: &str = "portrait";
/// Planning recurses over the query: with this, expressions as deep as `portrait.max_operators` allows are safe.
const STACK: usize = 128 << 20;

impl Engine {
    /// Opens a database, or one in memory.
    ///
    /// # Errors
    /// The database cannot be made, opened or read; see the message.
    pub fn open(options: EngineOptions) -> Result<Self> {
        check_clock()?;
        let temporary = temporary_folder(&options)?;
        let catalog = match (&options.database, &temporary) {
            (Some(directory), _) => Catalog::open_with(directory, unlock(&options)?)?,
            _ if options.encrypt => {
                return Err(invalid("encryption", "needs a database directory; one in memory keeps nothing on disk"));
            }
            (None, Some(temporary)) => Catalog::in_memory(Arc::clone(temporary))?,
            (None, None) => unreachable!("a database in memory has a temporary folder"),
        };
        // Without the folder nothing can be spilled: a query that needs to says that it is out of memory.
        let spilling = match &temporary {
            // What an encrypted database spills is encrypted.
            Some(temporary) if catalog.is_encrypted() => {
                DiskManagerMode::Custom(Arc::new(EncryptedSpills::new(temporary.path().to_path_buf())?))
            }
            Some(temporary) => DiskManagerMode::Directories(vec![temporary.path().to_path_buf()]),
            None => DiskManagerMode::Disabled,
        };
        let memory = match options.memory_limit {
            Some(limit) if limit < 16 << 20 => {
                return Err(invalid("memory limit", format!("must be at least 16 MB, got {limit} bytes")));
            }
            Some(limit) => limit,
            None => default_memory(),
        };
        let most_told = std::num::NonZeroUsize::MIN.saturating_add(4);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(TrackConsumersPool::new(HalfSharedPool::new(memory), most_told)))
            // Other processes add files too, so every query lists folders again.
            .with_cache_manager(CacheManagerConfig::default().with_list_files_cache_limit(0))
            .with_object_store_registry(Arc::new(stores::Stores::default()))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spilling))
            .build_arc()?;
        environment.disk_manager.temp_dir_paths().iter().for_each(|path| own_only(path));
        // The database's files by name, wherever the folder is and whatever its name.
        let files = ObjectStoreUrl::parse(DATA_URL)?;
        environment.register_object_store(files.as_ref(), Arc::clone(&catalog.data.store) as _);
        environment.register_parquet_encryption_factory(FACTORY, Arc::clone(&catalog.data.store) as _);
        // A step of a query may take a second, and what was woken from elsewhere is looked at every so many steps only, of 61 as tokio has it:
        // a statement that was cancelled would go on for a minute.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .event_interval(1)
            .global_queue_interval(4)
            .thread_name(THREAD_NAME)
            .thread_stack_size(STACK)
            .build();
        let light = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .thread_name(THREAD_NAME)
            .thread_stack_size(STACK)
            .build();
        let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let clock =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("portrait-clock").enable_time().build();
        let started = |runtime: std::io::Result<Runtime>| {
            runtime.map(Some).map_err(|error| failed("portrait", format!("cannot start threads: {error}")))
        };
        let (runtime, light) = (started(runtime)?, started(light)?);
        let (waiting, clock) = (started(waiting)?, started(clock)?);
        let base = std::path::absolute(options.base.as_deref().unwrap_or(Path::new(".")))
            .map_err(|error| failed("base folder", format!("cannot be found: {error}")))?;
        let (catalog, base) = (Arc::new(catalog), Arc::from(base));
        let (activity, _temporary) = (Arc::default(), temporary);
        let keys = KeyFile::new(options.environment.get(KEY_FILE).map(PathBuf::from));
        if let Some(path) = options.environment.get(auditing::KEY_FILE) {
            let keys = KeyFile::new(Some(path.into())).keys("audit")?;
            let (version, key) = keys.signing(b"portrait audit").ok_or_else(|| failed("audit", "the key file has no key"))?;
            catalog.audit().set_key(AuditKey { version, key });
        }
        let shared = Shared { runtime, light, waiting, clock, activity, environment, catalog, keys, base, options, _temporary };
        Ok(Self { shared: Arc::new(shared), is_light: false })
    }

    /// A new session, with its own settings, temporary tables and parameters.
    ///
    /// # Errors
    /// None in practice; kept for what sessions may need to open later.
    pub fn session(&self) -> Result<Session> {
        Session::new(self.clone())
    }

    /// The bytes that queries hold of the memory they may use, and how many they may.
    pub(crate) fn memory(&self) -> (usize, Option<usize>) {
        let pool = &self.shared.environment.memory_pool;
        let most = match pool.memory_limit() {
            MemoryLimit::Finite(most) => Some(most),
            _ => None,
        };
        (pool.reserved(), most)
    }

    /// True when the catalog of the database answers.
    pub(crate) fn is_ready(&self) -> bool {
        self.has_logins().is_ok()
    }

    /// Looks at every record of the audit log, and at how it follows the one before; `expected` is one that was noted elsewhere.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn verify_audit(&self, expected: Option<&AuditRecord>) -> Result<VerifiedAudit> {
        self.shared.catalog.audit().verify(expected)
    }

    /// Compares every file of the database with what was written, also those that nobody has read for long; looks for what is missing, and
    /// for what nothing names.
    ///
    /// # Errors
    /// The catalog or the folder of the data cannot be read at all.
    pub fn check(&self) -> Result<Checked> {
        self.shared.catalog.check()
    }

    /// Wraps the keys of an encrypted database anew, with the master key of this id or the newest: a new database key, the old one gone. Files are
    /// not written anew. Gives the id of the master key.
    ///
    /// # Errors
    /// The database is not encrypted, or a master key is missing; nothing is changed then.
    pub fn rotate_key(&self, key_id: Option<&str>) -> Result<String> {
        self.shared.catalog.rotate_key(key_id)
    }

    /// The id of the master key that the database is encrypted with; none when it is not.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn master_key(&self) -> Result<Option<String>> {
        self.shared.catalog.master_key()
    }

    /// Runs a future to its end on this thread, for interfaces that are not asynchronous.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.shared.waiting {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtimes are taken when the engine is dropped"),
        }
    }

    /// Runs work on the engine's threads. A panic there is the work's error; dropping the future gives the work up.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let mut task = AbortOnDrop(self.runtime().spawn(work));
        (&mut task.0).await.unwrap_or_else(|error| Err(panicked(error)))
    }

    /// Who is connected, and what runs.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.shared.activity
    }

    /// The same engine for work that takes its turn, or for what is done at once.
    fn with_turn(&self, takes_turn: bool) -> Self {
        Self { shared: Arc::clone(&self.shared), is_light: !takes_turn }
    }

    fn clock(&self) -> Clock {
        match &self.shared.clock {
            Some(runtime) => Clock::of(runtime),
            None => unreachable!("the runtimes are taken when the engine is dropped"),
        }
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        let runtime = if self.is_light { &self.shared.light } else { &self.shared.runtime };
        match runtime {
            Some(runtime) => runtime.handle(),
            None => unreachable!("the runtimes are taken when the engine is dropped"),
        }
    }
}

/// Fails where the engine beneath panics, or counts times that it cannot hold: nanoseconds since 1970, in 64 bits.
fn check_clock() -> Result<()> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    if since.is_ok_and(|since| i64::try_from(since.as_nanos()).is_ok()) {
        return Ok(());
    }
    Err(failed("clock", "must be between 1970 and 2262; set the clock of this machine"))
}

/// How the database is opened, as far as keys are concerned.
fn unlock(options: &EngineOptions) -> Result<Unlock> {
    match &options.keys {
        Some(keys) if options.encrypt => Ok(Unlock::Encrypting(keys.clone(), options.key_id.clone())),
        Some(keys) => Ok(Unlock::With(keys.clone())),
        None if options.encrypt => Err(invalid(
            "encryption",
            "needs a master key; name where it is with --key-file, --key-command, --kms-command or the environment variable PORTRAIT_KEY",
        )),
        None => Ok(Unlock::WithoutKeys),
    }
}

/// The folder for what goes with the engine. A database on disk can be read without one: on a full disk, say.
fn temporary_folder(options: &EngineOptions) -> Result<Option<Arc<TemporaryFolder>>> {
    let parent = options.temporary.clone().unwrap_or_else(std::env::temp_dir);
    match TemporaryFolder::make(&parent, IN_TEMPORARY) {
        Ok(made) => Ok(Some(Arc::new(made))),
        Err(_) if options.database.is_some() && options.temporary.is_none() => Ok(None),
        Err(error) => {
            let problem = format!("cannot make a folder for temporary files: {error}; is there room on the disk?");
            Err(failed(&parent.display().to_string(), problem))
        }
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The error of work that panicked.
fn panicked(error: tokio::task::JoinError) -> datafusion::error::DataFusionError {
    if error.is_cancelled() {
        return Cancel::error();
    }
    let reason = error.into_panic();
    let text = reason.downcast_ref::<String>().map(String::as_str).or_else(|| reason.downcast_ref::<&str>().copied());
    failed("query", format!("stopped by an internal error: {}", text.unwrap_or("panic without a message")))
}

/// 70 % of what the machine or the container has.
fn default_memory() -> usize {
    const LEAST: usize = 256 << 20;
    let Ok(mut system) = sysinfo::System::new() else { return LEAST };
    system.refresh_memory();
    let machine = system.total_memory();
    let total = system.cgroup_limits().map_or(machine, |limits| limits.total_memory.min(machine));
    usize::try_from(total / 10 * 7).unwrap_or(usize::MAX).max(LEAST)
}

/// The pages of all functions and statements.
pub fn pages() -> Vec<&'static Doc> {
    crate::system::pages()
}

/// The reference as files: name under `sql/reference`, and text.
pub fn reference() -> Vec<(String, String)> {
    crate::system::reference()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::plannings;

    /// A tag is planned with the profile and the tags that it needs, however many others there are.
    #[test]
    fn making_a_tag_does_not_plan_the_others() {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.session().unwrap();
        let run = |sql: &str| engine.block_on(session.sql(sql)).unwrap();
        run("CREATE PROFILE of_many_tags WITH (key = 'k') AS SELECT value AS k FROM generate_series(1, 3)");
        let made = plannings::of("of_many_tags");
        for tag in 0..30 {
            run(&format!("CREATE TAG t{tag} ON of_many_tags AS SELECT value AS k, {tag} FROM generate_series(1, 3)"));
            run(&format!("CREATE TAG u{tag} ON of_many_tags AS SELECT k, t{tag} + 1 FROM profile.of_many_tags"));
        }
        run("CREATE SEGMENT s ON of_many_tags AS u7 = 1");
        // The profile and the tag; of a derived one, that which it needs; of the segment, both.
        assert_eq!(plannings::of("of_many_tags") - made, 30 * 2 + 30 * 3 + 4);
    }
}
