//! Who is connected, and what runs: for those who watch, and those who end it.
//!
//! One value an engine. A connection stands in it from when it is let in, a statement from when it is taken until its last row is gone.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::execution::memory_pool::MemoryPool;
use parking_lot::Mutex;

use super::{Cancel, RunningPlan, SessionTables, StatementContext};

/// What is to end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The statement that it runs.
    Statement,
    /// The connection itself.
    Connection,
}

/// A connection to a server.
pub struct Connection {
    /// Its number: what clients call the process of their backend.
    pub pid: i32,
    /// The door that it came by: `postgresql`, `flight`.
    pub door: &'static str,
    /// Who opened it.
    pub role: String,
    /// Where its client is; `None` for a socket of this machine.
    pub client: Option<SocketAddr>,
    pub is_encrypted: bool,
    /// Microseconds since 1970.
    pub since: i64,
    /// What the client calls itself.
    application: Mutex<String>,
    end: Box<dyn Fn(End) + Send + Sync>,
}

impl Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("pid", &self.pid).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Connection {
    /// One that begins now; `end` ends it, or what it runs.
    pub fn new(
        (pid, door): (i32, &'static str),
        role: &str,
        client: Option<SocketAddr>,
        is_encrypted: bool,
        end: impl Fn(End) + Send + Sync + 'static,
    ) -> Self {
        let (role, application, end) = (role.to_string(), Mutex::default(), Box::new(end));
        Self { pid, door, role, client, is_encrypted, since: crate::catalog::runs::now(), application, end }
    }

    /// What the client calls itself.
    pub fn application(&self) -> String {
        self.application.lock().clone()
    }

    /// Notes what the client calls itself.
    pub fn set_application(&self, name: &str) {
        name.clone_into(&mut self.application.lock());
    }

    /// Ends it, or what it runs.
    pub fn end(&self, what: End) {
        (self.end)(what);
    }
}

/// A statement that runs.
#[derive(Debug)]
pub struct Query {
    /// Its number, of this process.
    pub id: i64,
    /// The connection that it runs for.
    pub connection: Option<Arc<Connection>>,
    /// Who runs it.
    pub role: String,
    pub text: Arc<str>,
    /// Microseconds since 1970.
    pub began: i64,
    since: Instant,
    pub cancel: Cancel,
    /// What it does now.
    plan: Mutex<RunningPlan>,
    pool: Arc<dyn MemoryPool>,
    rows: AtomicU64,
}

impl Query {
    /// It runs this plan from now on.
    pub fn show(&self, plan: RunningPlan) {
        *self.plan.lock() = plan;
    }

    /// What it does now.
    pub fn plan(&self) -> RunningPlan {
        self.plan.lock().clone()
    }

    /// Bytes that its session holds.
    pub fn memory(&self) -> usize {
        self.pool.reserved()
    }

    /// How long it has taken so far.
    pub fn took(&self) -> Duration {
        self.since.elapsed()
    }

    /// Notes rows that it gave.
    pub fn gave(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// Rows that it gave so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// How a statement ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    Succeeded,
    /// The SQLSTATE of its error.
    Failed(&'static str),
    /// Nobody took its last rows.
    GivenUp,
}

/// Hears of statements that ended, `tag` being the words that say what was done, and of who comes and goes.
pub trait Listener: Debug + Send + Sync {
    fn ended(&self, query: &Query, tag: &str, outcome: &Outcome);

    fn connected(&self, _connection: &Connection) {}

    fn disconnected(&self, _connection: &Connection) {}
}

/// Who is connected, and what runs.
#[derive(Debug, Default)]
pub struct Activity {
    next: AtomicI64,
    connections: Mutex<BTreeMap<i32, Arc<Connection>>>,
    queries: Mutex<BTreeMap<i64, Arc<Query>>>,
    listeners: Mutex<Vec<Arc<dyn Listener>>>,
    /// The tables of sessions.
    sessions: Mutex<Vec<Weak<SessionTables>>>,
}

impl Activity {
    /// The connections, by their numbers.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.connections.lock().values().cloned().collect()
    }

    /// The statements that run, the oldest first.
    pub fn queries(&self) -> Vec<Arc<Query>> {
        self.queries.lock().values().cloned().collect()
    }

    /// Notes the tables of a session.
    pub fn know(&self, tables: &Arc<SessionTables>) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(tables));
    }

    /// Lets all sessions let go of what they have loaded, and of the files that it holds.
    pub fn let_go(&self) {
        let sessions = self.sessions.lock().clone();
        sessions.iter().filter_map(Weak::upgrade).for_each(|session| session.let_go());
    }

    /// From now on tells whoever listens.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.listeners.lock().push(listener);
    }

    /// Notes a connection, until what is given back is dropped.
    pub fn connect(self: &Arc<Self>, connection: Connection) -> Entry {
        let connection = Arc::new(connection);
        self.connections.lock().insert(connection.pid, Arc::clone(&connection));
        self.listeners.lock().clone().iter().for_each(|listener| listener.connected(&connection));
        Entry { activity: Arc::clone(self), connection }
    }

    /// Notes a statement that is taken now, until what is given back is dropped.
    pub fn begin(
        self: &Arc<Self>,
        connection: Option<Arc<Connection>>,
        role: &str,
        text: Arc<str>,
        cancel: Cancel,
        pool: Arc<dyn MemoryPool>,
    ) -> Begun {
        let query = Arc::new(Query {
            id: self.next.fetch_add(1, Ordering::Relaxed) + 1,
            connection,
            role: role.to_string(),
            text,
            began: crate::catalog::runs::now(),
            since: Instant::now(),
            cancel,
            plan: Mutex::default(),
            pool,
            rows: AtomicU64::new(0),
        });
        self.queries.lock().insert(query.id, Arc::clone(&query));
        Begun {
            activity: Arc::clone(self),
            query,
            tag: String::new(),
            outcome: Outcome::GivenUp,
            audited: None,
            is_forgotten: false,
        }
    }
}

/// A connection that is noted.
#[derive(Debug)]
pub struct Entry {
    activity: Arc<Activity>,
    pub connection: Arc<Connection>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.activity.connections.lock().remove(&self.connection.pid);
        self.activity.listeners.lock().clone().iter().for_each(|listener| listener.disconnected(&self.connection));
    }
}

/// A statement that is noted; when this is dropped it has ended.
#[derive(Debug)]
pub struct Begun {
    activity: Arc<Activity>,
    pub query: Arc<Query>,
    pub tag: String,
    pub outcome: Outcome,
    /// The statement, whose end is recorded where anything else of it was.
    pub audited: Option<StatementContext>,
    is_forgotten: bool,
}

impl Begun {
    /// It has ended.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// It was no statement of its own: nobody hears of its end.
    pub fn forget(&mut self) {
        self.is_forgotten = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.activity.queries.lock().remove(&self.query.id);
        if self.is_forgotten {
            return;
        }
        if let Some(audited) = &self.audited {
            audited.audit_end(&self.outcome, self.query.rows());
        }
        let listeners = self.activity.listeners.lock().clone();
        listeners.iter().for_each(|listener| listener.ended(&self.query, &self.tag, &self.outcome));
    }
}
