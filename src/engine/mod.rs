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
mod commands;
mod configured;
mod copying;
mod cursors;
mod describing;
mod dropping;
mod erasing;
mod examples;
mod execution;
mod exporting;
mod gathered;
mod identities;
mod indexes;
mod kept;
mod loading;
mod lookups;
mod memory;
mod missing_tables;
mod naming;
mod notes;
mod prepared;
mod preparing;
mod recording;
mod remote;
mod reports;
mod rights;
pub(crate) mod schedules;
mod schema;
mod session;
mod settings;
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
use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};

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
pub use backup::{restore, restore_encrypted};
pub use examples::example_results;
use memory::HalfSharedPool;
pub use prepared::{Description, Parameters, Prepared};
pub use schedules::JobLock;
pub use session::Session;
pub use transactions::TransactionStatus;
pub use writes::{Staged, stream};

/// Options for opening an engine.
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
    /// The directory that relative paths start from; default the process's current directory when the engine is opened.
    pub base: Option<PathBuf>,
    /// The role that runs statements, and so the author of new definitions; default none.
    pub role: Option<String>,
    /// The environment variables that tables of other databases use (`PGUSER`, `PGPASSWORD` and the like), and the one with the path of the
    /// key file, `PORTRAIT_PSEUDONYM_KEY_FILE`; default none.
    pub environment: Environment,
    /// The directory for spill files, and for a database in memory; default the system's. Its contents are readable only by their owner,
    /// and removed with the engine.
    pub temporary: Option<PathBuf>,
    /// The master keys of an encrypted database.
    pub keys: Option<MasterKeys>,
    /// Whether a new database is encrypted, with the newest of `keys` or the one named by `key_id`; an existing database must then be
    /// encrypted.
    pub encrypt: bool,
    /// The id of the master key for a new database; default the newest.
    pub key_id: Option<String>,
    /// The initial language of sessions.
    pub language: Language,
    /// True for an engine that is used until the process exits: its threads end with the process, and need not be ended before.
    pub until_exit: bool,
}

/// The database, the threads that run queries, and their limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    /// Whether work runs on the threads for quick tasks, which stay responsive however busy the others are.
    is_light: bool,
}

#[derive(Debug)]
struct Shared {
    /// Where queries run; begun with the first that computes.
    runtime: Mutex<Option<Runtime>>,
    /// Where statements are parsed, and where those run that compute nothing: running statements can be listed and cancelled while all
    /// other threads compute.
    light: Option<Runtime>,
    /// Where [`Engine::block_on`] waits: signals and timers are handled even while all query threads compute.
    waiting: Option<Runtime>,
    /// Where timeouts are waited for.
    clock: Clock,
    /// Connections and running statements.
    activity: Arc<Activity>,
    environment: Arc<RuntimeEnv>,
    catalog: Arc<Catalog>,
    /// The key file for pseudonyms.
    keys: KeyFile,
    /// The directory that relative paths start from.
    base: Arc<Path>,
    options: EngineOptions,
    /// Where queries spill to; removed after everything else.
    _temporary: Option<Arc<TemporaryFolder>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        const LONG: Duration = Duration::from_secs(86_400);
        // An abandoned query may still be running, and the process must not wait for it. Another thread does: detaching from threads that
        // are ending (`shutdown_background`) can trigger a race in glibc, which with stacks of this size crashes the process.
        let runtimes = [self.runtime.get_mut().take(), self.light.take(), self.waiting.take(), self.clock.end()];
        for runtime in runtimes.into_iter().flatten() {
            if self.options.until_exit {
                std::mem::forget(runtime);
                continue;
            }
            let end = move || runtime.shutdown_timeout(LONG);
            // The join handle is forgotten rather than dropped, for the same reason.
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
    /// Opens a database on disk or in memory.
    ///
    /// # Errors
    /// The database cannot be created, opened or read; see the message.
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
        // Without the directory nothing can spill: a query that needs to fails with an out-of-memory error.
        let spilling = match &temporary {
            // An encrypted database spills encrypted files.
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
            // Other processes add files too, so directory listings must not be cached.
            .with_cache_manager(CacheManagerConfig::default().with_list_files_cache_limit(0))
            .with_object_store_registry(Arc::new(stores::Stores::default()))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spilling))
            .build_arc()?;
        environment.disk_manager.temp_dir_paths().iter().for_each(|path| own_only(path));
        // The database's files by name, independent of the directory's path.
        let files = ObjectStoreUrl::parse(DATA_URL)?;
        environment.register_object_store(files.as_ref(), Arc::clone(&catalog.data.store) as _);
        environment.register_parquet_encryption_factory(FACTORY, Arc::clone(&catalog.data.store) as _);
        let light = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .thread_name(THREAD_NAME)
            .thread_stack_size(STACK)
            .build();
        let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (light, waiting) = (Some(begun(light)?), Some(begun(waiting)?));
        let (runtime, clock) = (Mutex::default(), Clock::default());
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

    /// The bytes that queries hold, and the limit.
    pub(crate) fn memory(&self) -> (usize, Option<usize>) {
        let pool = &self.shared.environment.memory_pool;
        let most = match pool.memory_limit() {
            MemoryLimit::Finite(most) => Some(most),
            _ => None,
        };
        (pool.reserved(), most)
    }

    /// True when the catalog can be read.
    pub(crate) fn is_ready(&self) -> bool {
        self.has_logins().is_ok()
    }

    /// Verifies every record of the audit log, and that each follows the one before; `expected` is a record that was noted elsewhere.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn verify_audit(&self, expected: Option<&AuditRecord>) -> Result<VerifiedAudit> {
        self.shared.catalog.audit().verify(expected)
    }

    /// Compares every file of the database with what was written, even those not read for long, and looks for missing files and files that
    /// nothing refers to.
    ///
    /// # Errors
    /// The catalog or the data directory cannot be read at all.
    pub fn check(&self) -> Result<Checked> {
        self.shared.catalog.check()
    }

    /// Creates a new database key, wrapped by the master key of this id or by the newest, and deletes the old one. Data files are not
    /// rewritten. Returns the id of the master key.
    ///
    /// # Errors
    /// The database is not encrypted, or a master key is missing; nothing is changed then.
    pub fn rotate_key(&self, key_id: Option<&str>) -> Result<String> {
        self.shared.catalog.rotate_key(key_id)
    }

    /// The id of the master key that wraps the database key; `None` when the database is not encrypted.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn master_key(&self) -> Result<Option<String>> {
        self.shared.catalog.master_key()
    }

    /// Runs a future to completion on this thread, for synchronous interfaces.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.shared.waiting {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtimes are taken when the engine is dropped"),
        }
    }

    /// Runs work on the engine's threads. A panic there becomes an error; dropping the future cancels the work.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let mut task = AbortOnDrop(self.runtime()?.spawn(work));
        (&mut task.0).await.unwrap_or_else(|error| Err(panicked(error)))
    }

    /// Connections and running statements.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.shared.activity
    }

    /// The same engine, for heavy work that takes its turn or for quick tasks.
    fn with_turn(&self, takes_turn: bool) -> Self {
        Self { shared: Arc::clone(&self.shared), is_light: !takes_turn }
    }

    fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Where its work runs.
    fn runtime(&self) -> Result<Handle> {
        match &self.shared.light {
            Some(light) if self.is_light => return Ok(light.handle().clone()),
            _ => {}
        }
        let mut runtime = self.shared.runtime.lock();
        let running = match runtime.take() {
            Some(running) => running,
            None => query_threads()?,
        };
        Ok(runtime.insert(running).handle().clone())
    }
}

/// The threads that compute.
fn query_threads() -> Result<Runtime> {
    // A single step of a query may take a second, and by default Tokio checks for external events only every 61 steps: a cancelled
    // statement would continue for a minute.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(1)
        .global_queue_interval(4)
        .thread_name(THREAD_NAME)
        .thread_stack_size(STACK)
        .build();
    begun(runtime)
}

fn begun(runtime: std::io::Result<Runtime>) -> Result<Runtime> {
    runtime.map_err(|error| failed("portrait", format!("cannot start threads: {error}")))
}

/// Fails for clocks at which DataFusion panics or overflows: times are nanoseconds since 1970, in 64 bits.
fn check_clock() -> Result<()> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    if since.is_ok_and(|since| i64::try_from(since.as_nanos()).is_ok()) {
        return Ok(());
    }
    Err(failed("clock", "must be between 1970 and 2262; set the clock of this machine"))
}

/// Which keys the database is opened with.
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

/// The temporary directory of the engine. A database on disk can be read without one, on a full disk for example.
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

/// The error for work that panicked.
fn panicked(error: tokio::task::JoinError) -> datafusion::error::DataFusionError {
    if error.is_cancelled() {
        return Cancel::error();
    }
    let reason = error.into_panic();
    let text = reason.downcast_ref::<String>().map(String::as_str).or_else(|| reason.downcast_ref::<&str>().copied());
    failed("query", format!("stopped by an internal error: {}", text.unwrap_or("panic without a message")))
}

/// 70 % of the memory of the machine or container.
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

/// What the pages are for: each task with the names of its pages, the one to begin with first.
pub fn tasks() -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    crate::system::tasks()
}

/// The page of all tasks as Markdown.
pub fn tasks_page(language: Language) -> String {
    crate::system::by_task(language, |name| format!("`{name}`"))
}

/// The reference as files: name under `sql/reference`, and text.
pub fn reference() -> Vec<(String, String)> {
    crate::system::reference()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::plannings;

    #[test]
    fn threads_that_compute_begin_with_the_first_query() {
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let session = engine.session().unwrap();
        let have_begun = |sql: &str| {
            engine.block_on(session.sql(sql)).unwrap();
            engine.shared.runtime.lock().is_some()
        };
        assert!(!have_begun("SELECT 1"));
        assert!(have_begun("SELECT * FROM generate_series(1, 3)"));
    }

    /// Creating a tag plans only the profile and the tags that it needs, however many others there are.
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
        // Each base tag plans the profile and itself; each derived one also the tag it needs; the segment likewise.
        assert_eq!(plannings::of("of_many_tags") - made, 30 * 2 + 30 * 3 + 4);
    }
}
