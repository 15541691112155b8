//! Who calls: names and passwords, tokens, and a session of the engine for each of them.
//!
//! A client that logs in gets a token, and a session with it; calls with the token are of that session, over whatever connection they
//! come. Calls without a name, where the server needs none, are of the session of their connection. A session ends when it is closed,
//! when its token expires, when it was not used for long, and when its nameless connection is gone.

use std::collections::{HashMap, HashSet};
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::metadata::MetadataMap;

use super::prepared::Kept;
use super::statements::Begun;
use super::transactions::{self, Transaction};
use super::transport::{MOST_LOGINS, Peer};
use crate::engine::activity::{self, End, Entry};
use crate::engine::{Cancel, Session, TransactionStatus};
use crate::error::{SqlState, coded, failed};
use crate::passwords::Verifier;
use crate::server::connections::{Entered, Reason, interrupted};
use crate::server::{Door, records};

/// Who was wrong waits, so that passwords are not found by trying.
const WAIT: Duration = Duration::from_millis(500);
/// Name and password as clients write them, some of them without the padding at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// So many passwords are checked at a time, each of which takes a processor for a while.
const CHECKED: usize = 2;
/// The transaction of a client that is gone is rolled back after:
const ORPHANED: Duration = Duration::from_secs(60);
/// Sessions are looked at so often.
const LOOK: Duration = Duration::from_millis(500);

type Digest = [u8; 32];

/// A session that is open.
pub struct Open {
    /// What finds it: the digest of its token.
    pub id: Digest,
    pub session: Session,
    /// Who it is; empty for nobody in particular.
    pub user: String,
    entered: Entered,
    /// The connection as those see it who watch.
    _entry: Entry,
    expires: Instant,
    used: Mutex<Instant>,
    calls: Mutex<usize>,
    /// The connections that have used it and are there still.
    peers: Mutex<HashSet<u64>>,
    /// Statements that may run at the same time, of all sessions.
    admission: Arc<Semaphore>,
    /// Statements that are begun wait for one another.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    /// Statements that were prepared, by their handles.
    pub prepared: Mutex<HashMap<u64, Arc<Kept>>>,
    /// Statements whose rows nobody has read yet.
    pub begun: Mutex<HashMap<u64, Begun>>,
    /// Statements whose rows are being read, by their tickets; and those that were cancelled before.
    pub running: Mutex<HashMap<u64, Cancel>>,
    /// The transaction that was begun by its own call, and its savepoints.
    pub transaction: Mutex<Option<Transaction>>,
    next: AtomicU64,
}

impl Open {
    /// A number that this session has not used.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that a call is being answered.
    pub fn busy(self: &Arc<Self>) -> Busy {
        let mut calls = self.calls.lock();
        *calls += 1;
        self.entered.connected.interrupt.begin();
        *self.used.lock() = Instant::now();
        Busy(Arc::clone(self))
    }

    /// Ends the session; its statements have an error then.
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

/// A call that is being answered.
pub struct Busy(pub Arc<Open>);

impl Busy {
    /// Does the work of a call unless it is to end before.
    ///
    /// # Errors
    /// Those of the work, or that it was ended.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.0.entered.connected.interrupt.ended() => Err(interrupted(reason)),
            done = work => done,
        }
    }
}

impl Busy {
    /// Waits for the turn of a statement that takes one; what is given back ends it.
    ///
    /// # Errors
    /// It was ended before.
    pub async fn admitted(&self, takes_turn: bool) -> Result<Option<OwnedSemaphorePermit>> {
        if !takes_turn {
            return Ok(None);
        }
        // It is never closed.
        self.within(async { Ok(Arc::clone(&self.0.admission).acquire_owned().await.ok()) }).await
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

/// A call of somebody who is known.
pub struct Known {
    pub open: Arc<Open>,
    /// The token, for a client that gave name and password.
    pub token: Option<String>,
}

/// All sessions.
pub struct Sessions {
    door: Arc<Door>,
    all: Mutex<HashMap<Digest, Arc<Open>>>,
    /// Passwords are compared by this: they are not kept.
    key: hmac::Key,
    checking: Semaphore,
    life: Duration,
    idle: Duration,
}

impl Sessions {
    /// No sessions yet; tokens live so long, and sessions that are not used.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(door: Arc<Door>, life: Duration, idle: Duration) -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| no_random())?;
        Ok(Self { door, all: Mutex::default(), key, checking: Semaphore::new(CHECKED), life, idle })
    }

    /// Finds out who makes a call.
    ///
    /// # Errors
    /// Nobody who may.
    pub async fn caller(self: &Arc<Self>, peer: &Arc<Peer>, headers: &MetadataMap) -> Result<Known> {
        let known = self.found(peer, headers).await.inspect_err(|error| records::refused("", peer.address, error))?;
        peer.is_known.store(true, Ordering::Relaxed);
        Ok(known)
    }

    async fn found(self: &Arc<Self>, peer: &Arc<Peer>, headers: &MetadataMap) -> Result<Known> {
        self.check_way(peer)?;
        let given = headers.get("authorization").map(|value| value.to_str().map_err(|_| wrong_header())).transpose()?;
        let Some(given) = given else {
            // The token as the older handshake of Flight has clients send it.
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
                self.by_password(peer, user, password).await
            }
            _ => Err(wrong_header()),
        }
    }

    /// The session that a ticket names, for clients that send no token with it.
    ///
    /// # Errors
    /// It has ended.
    pub fn named(&self, id: &Digest) -> Result<Arc<Open>> {
        let found = self.all.lock().get(id).cloned();
        found.ok_or_else(|| coded(SqlState::INVALID_AUTHORIZATION, "ticket", "is of a session that has ended; ask again"))
    }

    /// Logs somebody in.
    ///
    /// # Errors
    /// A wrong name or password.
    pub async fn by_password(self: &Arc<Self>, peer: &Arc<Peer>, user: &str, password: &str) -> Result<Known> {
        self.check_way(peer)?;
        let mut both = hmac::Context::with_key(&self.key);
        both.update(&(user.len() as u64).to_be_bytes());
        both.update(user.as_bytes());
        both.update(password.as_bytes());
        let digest = digest_of(both.sign().as_ref());
        let known = peer.logins.lock().get(&digest).and_then(Weak::upgrade);
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

    /// True when nobody needs a password, and everybody may do all.
    async fn check(&self, peer: &Peer, user: &str, password: &str) -> Result<bool> {
        if !self.door.engine.has_logins()? {
            return if peer.is_near || self.door.insecure { Ok(true) } else { Err(nobody()) };
        }
        let found = self.door.engine.verifier(user)?;
        let is_there = found.is_some();
        // Who is not known takes as long, and fails at the end: names cannot be found out.
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
            let problem = "is not known here, or has expired; log in again, with name and password";
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

    /// Other machines are served within TLS alone.
    ///
    /// # Errors
    /// This one is not.
    pub fn check_way(&self, peer: &Peer) -> Result<()> {
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
        let entered = match self.door.connections.enter() {
            Ok(entered) => entered,
            // Those whose clients are gone make room.
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
        let now = Instant::now();
        let open = Arc::new(Open {
            id: digest_of(token.as_bytes()),
            session,
            user: user.into(),
            entered,
            _entry: entry,
            admission: Arc::clone(&self.door.admission),
            expires: now + self.life,
            used: Mutex::new(now),
            calls: Mutex::new(0),
            peers: Mutex::new([peer.id].into()),
            turn: Arc::default(),
            prepared: Mutex::default(),
            begun: Mutex::default(),
            running: Mutex::default(),
            transaction: Mutex::default(),
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

    /// Ends the session of a client that is gone, the one that was used longest ago.
    fn end_orphan(&self) -> Option<()> {
        let mut all = self.all.lock();
        let orphans = all.values().filter(|open| open.is_orphan());
        let id = orphans.min_by_key(|open| *open.used.lock()).map(|open| open.id)?;
        let orphan = all.remove(&id)?;
        drop(all);
        orphan.end();
        Some(())
    }

    /// Notes that a connection is gone.
    pub fn gone(&self, peer: &Peer) {
        if let Some(open) = peer.nameless.lock().upgrade() {
            open.end();
        }
        for open in self.all.lock().values() {
            open.peers.lock().remove(&peer.id);
        }
    }

    /// Ends sessions whose time is over, until the server ends.
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
                    // Its end is not heard by anybody.
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
