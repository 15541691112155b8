//! Client connections, and a way to interrupt what each of them runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use crate::engine::Cancel;
use crate::error::{SqlState, coded};

/// Why a statement is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its client asked to cancel it.
    Asked,
    /// Its client has disconnected.
    Gone,
    /// The server is being stopped, or someone with the right to do so ended the connection.
    Ended,
}

/// What a connection is doing, as seen by those who may interrupt it.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    is_running: bool,
    reason: Option<Reason>,
}

/// Interrupts what a connection runs, from elsewhere.
#[derive(Debug)]
pub struct Interrupt(watch::Sender<Work>);

impl Interrupt {
    fn new() -> Self {
        Self(watch::Sender::new(Work::default()))
    }

    /// Begins a statement: earlier cancel requests do not apply to it, but the end of the connection does.
    pub fn begin(&self) {
        self.0.send_modify(|work| {
            let lasting = work.reason.filter(|reason| *reason != Reason::Asked);
            *work = Work { is_running: true, reason: lasting };
        });
    }

    /// Ends a statement.
    pub fn finish(&self) {
        self.0.send_modify(|work| work.is_running = false);
    }

    /// True when nothing is running.
    fn is_idle(&self) -> bool {
        !self.0.borrow().is_running
    }

    /// Interrupts the current statement, or the connection.
    pub fn end(&self, reason: Reason) {
        self.0.send_if_modified(|work| {
            let matters = work.is_running || reason != Reason::Asked;
            if matters && work.reason.is_none_or(|before| before == Reason::Asked) {
                work.reason = Some(reason);
            }
            matters
        });
    }

    /// Waits until the statement is interrupted.
    pub async fn ended(&self) -> Reason {
        let mut receiver = self.0.subscribe();
        match receiver.wait_for(|work| work.reason.is_some()).await {
            Ok(work) => work.reason.unwrap_or(Reason::Ended),
            // The sender lives as long as `self`.
            Err(_) => Reason::Ended,
        }
    }

    /// Waits until the connection is interrupted.
    pub async fn closed(&self) -> Reason {
        let mut receiver = self.0.subscribe();
        let is_lasting = |work: &Work| work.reason.is_some_and(|reason| reason != Reason::Asked);
        match receiver.wait_for(is_lasting).await {
            Ok(work) => work.reason.unwrap_or(Reason::Ended),
            Err(_) => Reason::Ended,
        }
    }
}

/// The error of an interrupted statement.
pub fn interrupted(reason: Reason) -> DataFusionError {
    match reason {
        Reason::Asked | Reason::Gone => Cancel::error(),
        Reason::Ended => {
            coded(SqlState::ADMIN_SHUTDOWN, "server", "is being stopped, or this connection was ended; connect again")
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connected {
    /// Its number, which clients call the process id of their backend.
    pub pid: i32,
    /// Needed to cancel its statements.
    secret: i32,
    pub interrupt: Arc<Interrupt>,
}

/// All connections.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    next: AtomicI32,
    all: Mutex<BTreeMap<i32, Arc<Connected>>>,
}

impl Connections {
    pub fn new(most: usize) -> Self {
        Self { most, next: AtomicI32::new(1), all: Mutex::default() }
    }

    /// Registers a connection.
    ///
    /// # Errors
    /// There are already as many as allowed, or the system provides no random numbers.
    pub fn enter(self: &Arc<Self>) -> Result<Entered, DataFusionError> {
        let mut secret = [0; 4];
        let random = SystemRandom::new().fill(&mut secret);
        random.map_err(|_| coded(SqlState::SYSTEM_ERROR, "server", "the system provides no random numbers"))?;
        let pid = self.next.fetch_add(1, Ordering::Relaxed);
        let connected = Arc::new(Connected { pid, secret: i32::from_be_bytes(secret), interrupt: Arc::new(Interrupt::new()) });
        let mut all = self.all.lock();
        if all.len() >= self.most {
            let problem =
                format!("has {} connections, as many as --max-connections allows; close one, or try again later", self.most);
            return Err(coded(SqlState::TOO_MANY_CONNECTIONS, "server", problem));
        }
        all.insert(pid, Arc::clone(&connected));
        Ok(Entered { connections: Arc::clone(self), connected })
    }

    /// Cancels the statement of a connection, if the secret is right.
    pub fn cancel(&self, pid: i32, secret: i32) {
        let found = self.all.lock().get(&pid).cloned();
        if let Some(connected) = found.filter(|connected| connected.secret == secret) {
            connected.interrupt.end(Reason::Asked);
        }
    }

    /// Ends the connections that run nothing.
    pub fn end_idle(&self) {
        let all: Vec<_> = self.all.lock().values().cloned().collect();
        all.iter().filter(|connected| connected.interrupt.is_idle()).for_each(|connected| connected.interrupt.end(Reason::Ended));
    }

    /// Ends all connections.
    pub fn end_all(&self) {
        self.all.lock().values().for_each(|connected| connected.interrupt.end(Reason::Ended));
    }

    /// The number of connections.
    pub fn count(&self) -> usize {
        self.all.lock().len()
    }
}

/// A registered connection, until dropped.
#[derive(Debug)]
pub struct Entered {
    connections: Arc<Connections>,
    pub connected: Arc<Connected>,
}

impl Entered {
    /// The secret that the client needs to cancel its statements.
    pub fn secret(&self) -> i32 {
        self.connected.secret
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.all.lock().remove(&self.connected.pid);
    }
}
