//! Authentication: names and passwords, tokens, and the session of each client.
//!
//! A client that logs in gets a token and a session; calls with the token belong to that session, over whatever connection they come. Calls
//! without a name, where the server allows them, belong to the session of their connection. A session ends when it is closed, when its
//! token expires, when it was idle for too long, or when its anonymous connection closes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;

use super::notes::Notes;
use super::prepared::Kept;
use super::statements::Begun;
use super::transactions::{self, Transaction};
use super::transport::{MOST_LOGINS, Peer};
use crate::engine::activity::{self, End, Entry};
use crate::engine::{Cancel, Session, TransactionStatus};
use crate::error::{SqlState, coded, failed};
use crate::passwords::Verifier;
use crate::server::connections::{Entered, Reason, interrupted};
use crate::server::{Admission, Door, Turn, records};

/// The delay after a failed login, to slow down password guessing.
const WAIT: Duration = Duration::from_millis(500);
/// Base64 as clients send it for name and password, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// How many passwords are checked at a time, as each check keeps a processor busy for a while.
const CHECKED: usize = 2;
/// How long the transaction of a disconnected client is kept before it is rolled back.
const ORPHANED: Duration = Duration::from_secs(60);
/// How often sessions are checked for expiry.
const LOOK: Duration = Duration::from_millis(500);

type Digest = [u8; 32];

/// An open session.
pub struct Open {
    /// Its key: the digest of its token.
    pub id: Digest,
    pub session: Session,
    /// The user; empty for anonymous clients.
    pub user: String,
    entered: Entered,
    /// The connection in the list of activity.
    _entry: Entry,
    expires: Instant,
    used: Mutex<Instant>,
    calls: Mutex<usize>,
    /// The open connections that have used it.
    peers: Mutex<HashSet<u64>>,
    /// Limits the statements that run at the same time, across all sessions.
    admission: Admission,
    /// The names of the options that the client has set, as it wrote them.
    pub options: Mutex<BTreeSet<String>>,
    /// Serialises the statements of the session while they begin.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    /// Prepared statements by handle.
    pub prepared: Mutex<HashMap<u64, Arc<Kept>>>,
    /// Statements whose rows have not been read yet.
    pub begun: Mutex<HashMap<u64, Begun>>,
    /// Statements whose rows are being read, by ticket number, and cancelled ones whose rows were not read.
    pub running: Mutex<HashMap<u64, Cancel>>,
    /// The transaction that was begun by a call, with its savepoints.
    pub transaction: Mutex<Option<Transaction>>,
    /// The notes of statements that the client has not taken yet.
    pub notes: Mutex<Notes>,
    next: AtomicU64,
}

impl Open {
    /// A number unique in this session.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins a call.
    pub fn busy(self: &Arc<Self>) -> Busy {
        let mut calls = self.calls.lock();
        *calls += 1;
        self.entered.connected.interrupt.begin();
        *self.used.lock() = Instant::now();
        Busy(Arc::clone(self))
    }

    /// Ends the session; its running statements fail.
    pub fn end(&self) {
        self.entered.connected.interrupt.end(Reason::Ended);
    }

    fn is_orphan(&self) -> bool {
        self.peers.lock().is_empty() && *self.calls.lock() == 0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.prepared.lock().clear();
        self.session.close();
    }
}

/// A call in progress.
pub struct Busy(pub Arc<Open>);

impl Busy {
    /// Runs the work of a call until it is interrupted.
    ///
    /// # Errors
    /// The work fails or is interrupted.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.0.entered.connected.interrupt.ended() => Err(interrupted(reason)),
            done = work => done,
        }
    }
}

impl Busy {
    /// Waits for admission of a statement that takes a turn; dropping the permit ends the turn.
    ///
    /// # Errors
    /// The call was interrupted meanwhile.
    pub async fn admitted(&self, takes_turn: bool) -> Result<Option<Turn>> {
        if !takes_turn {
            return Ok(None);
        }
        self.within(async { Ok(self.0.admission.turn().await) }).await
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut calls = self.0.calls.lock();
        *calls -= 1;
        *self.0.used.lock() = Instant::now();
        if *calls == 0 {
            self.0.entered.connected.interrupt.finish();
        }
    }
}

/// What a client logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It is answered with a new token, also where this connection has logged in before.
    Handshake,
    /// Calls that all bring name and password share a session.
    Other,
}

/// An authenticated call.
pub struct Known {
    pub open: Arc<Open>,
    /// A new token, for a client that logged in with name and password.
    pub token: Option<String>,
}

/// All sessions of the server.
pub struct Sessions {
    door: Arc<Door>,
    all: Mutex<HashMap<Digest, Arc<Open>>>,
    /// Names and passwords are recognised by an HMAC with this key, so that they need not be stored.
    key: hmac::Key,
    checking: Semaphore,
    life: Duration,
    idle: Duration,
}

impl Sessions {
    /// Without sessions; `life` is the lifetime of tokens, and `idle` that of unused sessions.
    ///
    /// # Errors
    /// The system provides no random numbers.
    pub fn new(door: Arc<Door>, life: Duration, idle: Duration) -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| no_random())?;
        Ok(Self { door, all: Mutex::default(), key, checking: Semaphore::new(CHECKED), life, idle })
    }

    /// Authenticates a call.
    ///
    /// # Errors
    /// The caller is not authenticated.
    pub async fn caller(self: &Arc<Self>, peer: &Arc<Peer>, headers: &MetadataMap, call: Call) -> Result<Known> {
        let known = self.found(peer, headers, call).await.inspect_err(|error| records::refused("", peer.address, error))?;
        peer.is_known.store(true, Ordering::Relaxed);
        Ok(known)
    }

    async fn found(self: &Arc<Self>, peer: &Arc<Peer>, headers: &MetadataMap, call: Call) -> Result<Known> {
        self.check_way(peer)?;
        let given = headers.get("authorization").map(|value| value.to_str().map_err(|_| wrong_header())).transpose()?;
        let Some(given) = given else {
            // The token as clients of Flight's older handshake send it.
            let older = headers.get_bin("auth-token-bin").and_then(|value| value.to_bytes().ok());
            if let Some(token) = older.as_deref().and_then(|token| std::str::from_utf8(token).ok()) {
                return self.by_token(peer, token);
            }
            return self.nameless(peer);
        };
        let (scheme, rest) = given.split_once(' ').ok_or_else(wrong_header)?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => self.by_token(peer, rest.trim()),
            "basic" => {
                let text = BASE64.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let text = text.ok_or_else(wrong_header)?;
                let (user, password) = text.split_once(':').ok_or_else(wrong_header)?;
                self.by_password(peer, user, password, call).await
            }
            _ => Err(wrong_header()),
        }
    }

    /// The session of a ticket, for clients that send no token with it.
    ///
    /// # Errors
    /// It has ended.
    pub fn named(&self, id: &Digest) -> Result<Arc<Open>> {
        let found = self.all.lock().get(id).cloned();
        found.ok_or_else(|| {
            coded(SqlState::INVALID_AUTHORIZATION, "ticket", "belongs to a session that has ended; request it again")
        })
    }

    /// Logs a user in.
    ///
    /// # Errors
    /// The name or password is wrong.
    pub async fn by_password(self: &Arc<Self>, peer: &Arc<Peer>, user: &str, password: &str, call: Call) -> Result<Known> {
        self.check_way(peer)?;
        let mut both = hmac::Context::with_key(&self.key);
        both.update(&(user.len() as u64).to_be_bytes());
        both.update(user.as_bytes());
        both.update(password.as_bytes());
        let digest = digest_of(both.sign().as_ref());
        let known = match call {
            Call::Handshake => None,
            Call::Other => peer.logins.lock().get(&digest).and_then(Weak::upgrade),
        };
        if let Some(open) = known.filter(|open| self.all.lock().contains_key(&open.id)) {
            return Ok(Known { open, token: None });
        }
        let is_trusted = self.check(peer, user, password).await?;
        let mut logins = peer.logins.lock();
        logins.retain(|_, open| open.strong_count() > 0);
        if logins.len() >= MOST_LOGINS {
            let problem = format!("has logged in {MOST_LOGINS} times; use the token of one login for all calls");
            return Err(coded(SqlState::TOO_MANY_CONNECTIONS, "connection", problem));
        }
        let (open, token) = self.open(peer, user, is_trusted)?;
        logins.insert(digest, Arc::downgrade(&open));
        Ok(Known { open, token: Some(token) })
    }

    /// Checks a password. True when no passwords are needed, and everyone may do everything.
    async fn check(&self, peer: &Peer, user: &str, password: &str) -> Result<bool> {
        if !self.door.engine.has_logins()? {
            return if peer.is_near || self.door.insecure { Ok(true) } else { Err(nobody()) };
        }
        let found = self.door.engine.verifier(user)?;
        let is_there = found.is_some();
        // An unknown user takes as long and fails at the end, so that names cannot be discovered.
        let verifier = found.map_or_else(|| Verifier::of_nobody(user), Ok)?;
        let given = password.to_string();
        let fits = {
            let _turn = self.checking.acquire().await.map_err(|error| failed("password", error))?;
            let checked = Handle::current().spawn_blocking(move || verifier.fits(&given)).await;
            checked.map_err(|error| failed("password", error))?
        };
        if fits && is_there {
            return Ok(false);
        }
        tokio::time::sleep(WAIT).await;
        Err(coded(SqlState::INVALID_PASSWORD, user, "password authentication failed; wrong name or password"))
    }

    fn by_token(&self, peer: &Peer, token: &str) -> Result<Known> {
        let found = self.all.lock().get(&digest_of(token.as_bytes())).cloned();
        let open = found.filter(|open| open.expires > Instant::now());
        let open = open.ok_or_else(|| {
            let problem = "is unknown here, or has expired; log in again, with name and password";
            coded(SqlState::INVALID_AUTHORIZATION, "token", problem)
        })?;
        open.peers.lock().insert(peer.id);
        Ok(Known { open, token: None })
    }

    fn nameless(self: &Arc<Self>, peer: &Arc<Peer>) -> Result<Known> {
        if self.door.engine.has_logins()? && !peer.is_owner() {
            let problem = "needs a name and a password, or the token that a login gave";
            return Err(coded(SqlState::INVALID_AUTHORIZATION, "call", problem));
        }
        if !peer.is_near && !self.door.insecure {
            return Err(nobody());
        }
        let mut own = peer.nameless.lock();
        if let Some(open) = own.upgrade().filter(|open| self.all.lock().contains_key(&open.id)) {
            return Ok(Known { open, token: None });
        }
        let (open, _) = self.open(peer, "", true)?;
        *own = Arc::downgrade(&open);
        Ok(Known { open, token: None })
    }

    /// Refuses connections from other machines without TLS, and all without TLS where clients must show certificates.
    ///
    /// # Errors
    /// This is such a connection.
    pub fn check_way(&self, peer: &Peer) -> Result<()> {
        if peer.address.is_some() && !peer.is_secure && self.door.needs_certificates {
            let problem = "must use TLS, with a certificate (grpc+tls://): this server accepts clients with certificates alone";
            return Err(coded(SqlState::INVALID_AUTHORIZATION, "connection", problem));
        }
        if peer.is_near || peer.is_secure || self.door.insecure {
            return Ok(());
        }
        let problem = "must use TLS (grpc+tls://): this server accepts no other connections from other machines";
        Err(coded(SqlState::INVALID_AUTHORIZATION, "connection", problem))
    }

    fn open(self: &Arc<Self>, peer: &Peer, user: &str, is_trusted: bool) -> Result<(Arc<Open>, String)> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| no_random())?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let session = self.door.engine.session()?;
        let session = if user.is_empty() { session } else { session.with_role(user) };
        let mut session = session.with_places(Arc::clone(&self.door.places));
        if !is_trusted {
            session = session.with_rights_of_role();
            self.door.engine.check_connect(&session)?;
        }
        session = session.with_limits(self.door.engine.limits_of(user)?);
        let entered = match self.door.connections.enter() {
            Ok(entered) => entered,
            // Make room by ending a session whose client has disconnected.
            Err(error) => {
                self.end_orphan().ok_or(error)?;
                self.door.connections.enter()?
            }
        };
        self.door.check_room_for(user)?;
        let connected = Arc::clone(&entered.connected);
        let interrupt = Arc::clone(&connected.interrupt);
        let end = move |what: End| {
            interrupt.end(match what {
                End::Statement => Reason::Asked,
                End::Connection => Reason::Ended,
            });
        };
        let connection = activity::Connection::new((connected.pid, "flight"), user, peer.address, peer.is_secure, end);
        let entry = self.door.engine.activity().connect(connection);
        let session = session.with_connection(Arc::clone(&entry.connection));
        let (now, admission) = (Instant::now(), self.door.admission_of(user, &session));
        let open = Arc::new(Open {
            id: digest_of(token.as_bytes()),
            session,
            user: user.into(),
            entered,
            _entry: entry,
            admission,
            expires: now + self.life,
            used: Mutex::new(now),
            calls: Mutex::new(0),
            peers: Mutex::new([peer.id].into()),
            options: Mutex::default(),
            turn: Arc::default(),
            prepared: Mutex::default(),
            begun: Mutex::default(),
            running: Mutex::default(),
            transaction: Mutex::default(),
            notes: Mutex::default(),
            next: AtomicU64::new(1),
        });
        self.all.lock().insert(open.id, Arc::clone(&open));
        let (sessions, id) = (Arc::clone(self), open.id);
        Handle::current().spawn(async move {
            connected.interrupt.closed().await;
            sessions.all.lock().remove(&id);
        });
        Ok((open, token))
    }

    /// Ends the least recently used session of a disconnected client.
    fn end_orphan(&self) -> Option<()> {
        let mut all = self.all.lock();
        let orphans = all.values().filter(|open| open.is_orphan());
        let id = orphans.min_by_key(|open| *open.used.lock()).map(|open| open.id)?;
        let orphan = all.remove(&id)?;
        drop(all);
        orphan.end();
        Some(())
    }

    /// Records that a connection has closed.
    pub fn gone(&self, peer: &Peer) {
        if let Some(open) = peer.nameless.lock().upgrade() {
            open.end();
        }
        for open in self.all.lock().values() {
            open.peers.lock().remove(&peer.id);
        }
    }

    /// Ends expired sessions, until the server ends.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let all: Vec<Arc<Open>> = self.all.lock().values().cloned().collect();
            for open in all {
                let now = Instant::now();
                let unused = if *open.calls.lock() > 0 { Duration::ZERO } else { now - *open.used.lock() };
                if open.expires <= now || unused >= self.idle {
                    open.end();
                } else if unused >= ORPHANED && open.is_orphan() && open.session.transaction_status() != TransactionStatus::Idle {
                    // There is no client left to report an error to.
                    let _ = transactions::roll_back(&open).await;
                }
            }
        }
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut found = [0; 32];
    found.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    found
}

fn wrong_header() -> DataFusionError {
    let problem = "must be `Bearer token`, or `Basic` with name and password in base64";
    coded(SqlState::INVALID_AUTHORIZATION, "authorization", problem)
}

fn nobody() -> DataFusionError {
    coded(SqlState::INVALID_AUTHORIZATION, "connection", "is refused: no role of this database has a password")
}

fn no_random() -> DataFusionError {
    coded(SqlState::SYSTEM_ERROR, "server", "the system provides no random numbers")
}
