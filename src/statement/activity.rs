//! Registry of the open connections and the running statements, for monitoring and for ending them.
//!
//! There is one [`Activity`] per engine. A connection is listed from the moment it is accepted; a statement from the moment it is received
//! until its last row has been sent.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::execution::memory_pool::MemoryPool;
use parking_lot::Mutex;

use super::{Cancel, RunningPlan, SessionTables, StatementContext};
use crate::postgres_catalog::Postmaster;

/// Which part of a connection to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The statement that it is running.
    Statement,
    /// The connection itself.
    Connection,
}

/// A connection to a server.
pub struct Connection {
    /// The number that PostgreSQL clients call the process id of their backend.
    pub pid: i32,
    /// The protocol that it uses: `postgresql` or `flight`.
    pub door: &'static str,
    /// The role that opened it.
    pub role: String,
    /// The client's address; `None` for a Unix socket.
    pub client: Option<SocketAddr>,
    pub is_encrypted: bool,
    /// When it was opened, in microseconds since 1970.
    pub since: i64,
    /// The application name that the client reported.
    application: Mutex<String>,
    end: Box<dyn Fn(End) + Send + Sync>,
}

impl Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("pid", &self.pid).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection that is opened now. `end` is called to end the connection or the statement it runs.
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

    /// The application name that the client reported.
    pub fn application(&self) -> String {
        self.application.lock().clone()
    }

    /// Sets the application name that the client reports.
    pub fn set_application(&self, name: &str) {
        name.clone_into(&mut self.application.lock());
    }

    /// Ends the connection, or the statement that it runs.
    pub fn end(&self, what: End) {
        (self.end)(what);
    }
}

/// A running statement.
#[derive(Debug)]
pub struct Query {
    /// A number that is unique within this process.
    pub id: i64,
    /// The connection that runs it, if any.
    pub connection: Option<Arc<Connection>>,
    /// The role that runs it.
    pub role: String,
    pub text: Arc<str>,
    /// When it began, in microseconds since 1970.
    pub began: i64,
    since: Instant,
    pub cancel: Cancel,
    /// The plan that is running now.
    plan: Mutex<RunningPlan>,
    pool: Arc<dyn MemoryPool>,
    rows: AtomicU64,
}

impl Query {
    /// Shows `plan` as the running plan from now on.
    pub fn show(&self, plan: RunningPlan) {
        *self.plan.lock() = plan;
    }

    /// The plan that is running now.
    pub fn plan(&self) -> RunningPlan {
        self.plan.lock().clone()
    }

    /// The bytes of memory that its session has reserved.
    pub fn memory(&self) -> usize {
        self.pool.reserved()
    }

    /// The time it has taken so far.
    pub fn took(&self) -> Duration {
        self.since.elapsed()
    }

    /// Sets the number of rows returned so far.
    pub fn gave(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// The number of rows returned so far.
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
    /// The client stopped before it had read all rows.
    GivenUp,
}

/// Is notified when statements end and when connections open or close. `tag` is the command tag, such as `INSERT`.
pub trait Listener: Debug + Send + Sync {
    fn ended(&self, query: &Query, tag: &str, outcome: &Outcome);

    fn connected(&self, _connection: &Connection) {}

    fn disconnected(&self, _connection: &Connection) {}
}

/// The open connections and the running statements.
#[derive(Debug, Default)]
pub struct Activity {
    next: AtomicI64,
    connections: Mutex<BTreeMap<i32, Arc<Connection>>>,
    queries: Mutex<BTreeMap<i64, Arc<Query>>>,
    listeners: Mutex<Vec<Arc<dyn Listener>>>,
    /// The tables of each session, held weakly so that this registry does not keep a session alive.
    sessions: Mutex<Vec<Weak<SessionTables>>>,
    postmaster: Arc<Postmaster>,
}

impl Activity {
    /// What PostgreSQL's functions know about the engine.
    pub fn postmaster(&self) -> &Arc<Postmaster> {
        &self.postmaster
    }

    /// The open connections, by number.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.connections.lock().values().cloned().collect()
    }

    /// The running statements, oldest first.
    pub fn queries(&self) -> Vec<Arc<Query>> {
        self.queries.lock().values().cloned().collect()
    }

    /// Registers the tables of a session.
    pub fn know(&self, tables: &Arc<SessionTables>) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(tables));
    }

    /// Makes every session drop the definitions it has loaded, and with them the files that they keep open.
    pub fn let_go(&self) {
        let sessions = self.sessions.lock().clone();
        sessions.iter().filter_map(Weak::upgrade).for_each(|session| session.let_go());
    }

    /// Adds a listener.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        self.listeners.lock().push(listener);
    }

    /// Registers a connection until the returned [`Entry`] is dropped.
    pub fn connect(self: &Arc<Self>, connection: Connection) -> Entry {
        let connection = Arc::new(connection);
        self.connections.lock().insert(connection.pid, Arc::clone(&connection));
        self.listeners.lock().clone().iter().for_each(|listener| listener.connected(&connection));
        Entry { activity: Arc::clone(self), connection }
    }

    /// Registers a statement that begins now, until the returned [`Begun`] is dropped.
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

/// A registered connection.
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

/// A registered statement. Dropping it marks the end of the statement.
#[derive(Debug)]
pub struct Begun {
    activity: Arc<Activity>,
    pub query: Arc<Query>,
    pub tag: String,
    pub outcome: Outcome,
    /// The context of the statement, which records the end in the audit log.
    pub audited: Option<StatementContext>,
    is_forgotten: bool,
}

impl Begun {
    /// Marks the statement as ended.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Hides the end from listeners, for what turns out not to be a statement of its own.
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
        // Cloned, so that the lock is not held while listeners run.
        let listeners = self.activity.listeners.lock().clone();
        listeners.iter().for_each(|listener| listener.ended(&self.query, &self.tag, &self.outcome));
    }
}
