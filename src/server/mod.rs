//! The server: interfaces through which other programs use the database, with one session per connection.
//!
//! The interfaces have their own threads, so they answer even while all threads of the engine are busy.

mod connections;
mod flight;
mod http;
mod postgres;
mod records;
mod statistics;
mod tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::engine::{Engine, Session};
use crate::error::{SqlState, coded, failed, invalid};
use connections::Connections;
use tls::Tls;
pub use tls::TlsFiles;

/// Options for a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The addresses with ports for PostgreSQL's protocol; port 0 selects a free one.
    pub listen: Vec<String>,
    /// The addresses for Arrow Flight SQL, or `unix:` and the path of a socket, which only the server's user can open.
    pub flight: Vec<String>,
    /// The addresses of `/health`, `/ready` and `/metrics`, which contain no values of the database.
    pub http: Vec<String>,
    /// The directory for a Unix socket, which is named `.s.PGSQL.<port>`.
    pub socket_folder: Option<PathBuf>,
    /// The certificate; without one, connections are unencrypted.
    pub tls: Option<TlsFiles>,
    /// The directories and URLs whose files statements may read and write; none by default.
    pub files: Vec<String>,
    /// Accepts unencrypted connections, and those without a password, from other machines, too.
    pub insecure: bool,
    /// The maximum number of connections.
    pub max_connections: usize,
    /// The maximum size of a client's message in bytes.
    pub largest_message: usize,
    /// The lifetime of a Flight SQL login's token.
    pub token_life: Duration,
    /// How long an unused Flight SQL session lives.
    pub session_idle: Duration,
    /// How long running statements may continue when the server is stopped.
    pub grace: Duration,
    /// The number of statements that run at the same time; others wait.
    pub max_queries: usize,
    /// A file to which a line is appended for every connection and every statement.
    pub audit_log: Option<PathBuf>,
    /// Statements that take longer than this are logged.
    pub slow: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: vec!["127.0.0.1:5432".into()],
            flight: vec![],
            http: vec![],
            socket_folder: None,
            tls: None,
            files: vec![],
            insecure: false,
            max_connections: 200,
            largest_message: 64 << 20,
            token_life: Duration::from_secs(86_400),
            session_idle: Duration::from_secs(3600),
            grace: Duration::from_secs(30),
            max_queries: default_queries(),
            audit_log: None,
            slow: Duration::from_secs(1),
        }
    }
}

/// What all connections share.
pub struct Door {
    engine: Engine,
    connections: Arc<Connections>,
    tls: Option<Tls>,
    /// Clients must show a certificate: over TCP, also those on this machine connect within TLS.
    needs_certificates: bool,
    insecure: bool,
    largest_message: usize,
    places: Arc<[String]>,
    /// Limits the statements that run at the same time.
    admission: Arc<Semaphore>,
    /// Limits those of a role, with the number that it allows; only for roles that have such a limit.
    of_roles: Mutex<HashMap<String, (usize, Arc<Semaphore>)>>,
}

/// What a connection waits for before it runs a statement.
#[derive(Debug, Clone)]
pub struct Admission {
    of_all: Arc<Semaphore>,
    /// Shared by the connections of one role.
    of_role: Option<Arc<Semaphore>>,
}

/// The turn of a running statement, which ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_role: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// Waits for a turn.
    pub async fn turn(&self) -> Option<Turn> {
        // That of the role first: while a role waits for itself it takes no turn from others. The semaphores are never closed.
        let of_role = match &self.of_role {
            Some(turns) => Some(Arc::clone(turns).acquire_owned().await.ok()?),
            None => None,
        };
        let of_all = Arc::clone(&self.of_all).acquire_owned().await.ok()?;
        Some(Turn { _of_all: of_all, _of_role: of_role })
    }
}

impl Door {
    /// Refuses a role that has reached its connection limit.
    ///
    /// # Errors
    /// It has; or the catalog cannot be read.
    fn check_room_for(&self, role: &str) -> Result<()> {
        let Some(most) = self.engine.connection_limit(role)? else { return Ok(()) };
        let connections = self.engine.activity().connections();
        if connections.iter().filter(|connection| connection.role == role).count() < most {
            return Ok(());
        }
        let problem = format!("is connected {most} times, as often as its CONNECTION LIMIT allows; close a connection");
        Err(coded(SqlState::TOO_MANY_CONNECTIONS, role, problem))
    }

    /// What the statements of a role's session wait for.
    fn admission_of(&self, role: &str, session: &Session) -> Admission {
        let of_all = Arc::clone(&self.admission);
        let Some(most) = session.limits().queries else { return Admission { of_all, of_role: None } };
        let mut of_roles = self.of_roles.lock();
        // A changed limit applies to new connections.
        let known = of_roles.get(role).filter(|(limit, _)| *limit == most).map(|(_, turns)| Arc::clone(turns));
        let of_role = known.unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(most));
            of_roles.insert(role.to_string(), (most, Arc::clone(&turns)));
            turns
        });
        Admission { of_all, of_role: Some(of_role) }
    }
}

/// The default number of concurrent statements: enough to keep every processor busy, and few enough that each has sufficient memory.
pub fn default_queries() -> usize {
    4 * std::thread::available_parallelism().map_or(4, usize::from).max(4)
}

/// A running server. Dropping it stops it without grace.
pub struct Server {
    runtime: Option<Runtime>,
    door: Arc<Door>,
    addresses: Vec<SocketAddr>,
    flight: Vec<SocketAddr>,
    flight_sockets: Vec<PathBuf>,
    http: Vec<SocketAddr>,
    sockets: Vec<PathBuf>,
    stopping: watch::Sender<bool>,
    grace: Duration,
}

impl Server {
    /// Starts the server.
    ///
    /// # Errors
    /// An address that cannot be used, a broken certificate, or a configuration that is not safe.
    pub fn start(engine: Engine, options: &ServerOptions) -> Result<Self> {
        let tls = options.tls.as_ref().map(Tls::read).transpose()?;
        let all = |option: &str, addresses: &[String]| -> Result<Vec<SocketAddr>> {
            let found = addresses.iter().map(|address| resolved(option, address)).collect::<Result<Vec<_>>>()?;
            Ok(found.into_iter().flatten().collect())
        };
        let (sockets, by_address): (Vec<String>, Vec<String>) =
            options.flight.iter().cloned().partition(|address| address.starts_with(UNIX));
        let (addresses, flight) = (all("--listen", &options.listen)?, all("--flight", &by_address)?);
        let http = all("--http", &options.http)?;
        for address in addresses.iter().chain(&flight).filter(|address| !address.ip().is_loopback()) {
            refuse_unsafe(*address, &engine, tls.is_some(), options.insecure)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("portrait-door")
            .enable_all()
            .build()
            .map_err(|error| failed("server", format!("cannot start threads: {error}")))?;
        let connections = Arc::new(Connections::new(options.max_connections));
        let (insecure, largest_message) = (options.insecure, options.largest_message);
        let needs_certificates = options.tls.as_ref().is_some_and(|files| files.client_authorities.is_some());
        let places = options.files.clone().into();
        let audit = options.audit_log.as_deref().map(records::Audit::open).transpose()?;
        let statistics = Arc::new(statistics::Statistics::default());
        engine.activity().listen(Arc::clone(&statistics) as _);
        engine.activity().listen(Arc::new(records::Records { slow: options.slow, audit }));
        let admission = Arc::new(Semaphore::new(options.max_queries));
        let of_roles = Mutex::default();
        let door = Arc::new(Door {
            engine,
            connections,
            tls,
            needs_certificates,
            insecure,
            largest_message,
            places,
            admission,
            of_roles,
        });
        let (stopping, _) = watch::channel(false);
        let (addresses_of_flight, addresses_of_http, sockets_of_flight) = (flight, http, sockets);
        let (flight, flight_sockets, http, sockets, grace) = (vec![], vec![], vec![], vec![], options.grace);
        let mut server = Self { runtime: None, door, addresses: vec![], flight, flight_sockets, http, sockets, stopping, grace };
        for address in addresses {
            server.listen(&runtime, address)?;
        }
        if let Some(folder) = &options.socket_folder {
            server.listen_here(&runtime, folder)?;
        }
        server.open_flight(&runtime, &addresses_of_flight, &sockets_of_flight, options)?;
        server.open_http(&runtime, &addresses_of_http, statistics)?;
        if [server.addresses.len(), server.flight.len(), server.sockets.len(), server.flight_sockets.len()] == [0; 4] {
            return Err(invalid("server", "has nowhere to listen; give --listen 127.0.0.1:5432"));
        }
        server.runtime = Some(runtime);
        Ok(server)
    }

    /// The addresses for PostgreSQL's protocol.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses for Flight SQL.
    pub fn flight_addresses(&self) -> &[SocketAddr] {
        &self.flight
    }

    /// The Unix sockets for Flight SQL.
    pub fn flight_sockets(&self) -> &[PathBuf] {
        &self.flight_sockets
    }

    /// True when connections can use TLS.
    pub fn has_tls(&self) -> bool {
        self.door.tls.is_some()
    }

    /// The addresses of health and metrics.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http
    }

    /// The Unix sockets for PostgreSQL's protocol.
    pub fn sockets(&self) -> &[PathBuf] {
        &self.sockets
    }

    /// The number of connected clients.
    pub fn connections(&self) -> usize {
        self.door.connections.count()
    }

    /// Accepts no new connections, lets running statements continue for the grace period, then ends them.
    pub fn stop(mut self) {
        const LOOK: Duration = Duration::from_millis(20);
        self.stopping.send_replace(true);
        let until = std::time::Instant::now() + self.grace;
        self.door.connections.end_idle();
        while self.connections() > 0 && std::time::Instant::now() < until {
            std::thread::sleep(LOOK);
            self.door.connections.end_idle();
        }
        self.door.connections.end_all();
        let last = std::time::Instant::now() + Duration::from_secs(1);
        while self.connections() > 0 && std::time::Instant::now() < last {
            std::thread::sleep(LOOK);
        }
        self.close();
    }

    fn close(&mut self) {
        for socket in self.sockets.drain(..).chain(self.flight_sockets.drain(..)) {
            // A socket that is already gone needs no removal.
            let _ = std::fs::remove_file(socket);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }

    /// Starts listening for Flight SQL.
    fn open_flight(
        &mut self,
        runtime: &Runtime,
        addresses: &[SocketAddr],
        sockets: &[String],
        options: &ServerOptions,
    ) -> Result<()> {
        if addresses.is_empty() && sockets.is_empty() {
            return Ok(());
        }
        let mut listeners = vec![];
        for address in addresses {
            let (listener, address) = bound(runtime, *address)?;
            listeners.push(flight::Listener::Tcp(listener));
            self.flight.push(address);
        }
        for socket in sockets {
            let path = PathBuf::from(socket.trim_start_matches(UNIX));
            #[cfg(unix)]
            listeners.push(socket_at(runtime, &path).map(flight::Listener::Socket)?);
            #[cfg(not(unix))]
            return Err(invalid(
                "server",
                format!("this system has no Unix sockets, got {socket}; give --flight 127.0.0.1:50051"),
            ));
            #[cfg(unix)]
            self.flight_sockets.push(path);
        }
        let settings = flight::Settings {
            token_life: options.token_life,
            session_idle: options.session_idle,
            max_connections: options.max_connections,
        };
        flight::serve(runtime, listeners, &self.door, &settings, &self.stopping)
    }

    /// Starts serving health and metrics.
    fn open_http(&mut self, runtime: &Runtime, addresses: &[SocketAddr], statistics: Arc<statistics::Statistics>) -> Result<()> {
        let seen = Arc::new(http::Seen::new(Arc::clone(&self.door), statistics, self.stopping.subscribe()));
        for address in addresses {
            let (listener, address) = bound(runtime, *address)?;
            self.http.push(address);
            runtime.spawn(http::serve(listener, Arc::clone(&seen)));
        }
        Ok(())
    }

    fn listen(&mut self, runtime: &Runtime, address: SocketAddr) -> Result<()> {
        let (listener, address) = bound(runtime, address)?;
        self.addresses.push(address);
        let (door, mut stopping) = (Arc::clone(&self.door), self.stopping.subscribe());
        runtime.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, _)) => drop(Handle::current().spawn(postgres::over_tcp(stream, Arc::clone(&door)))),
                    // Too many open files: some will be closed.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(())
    }

    #[cfg(unix)]
    fn listen_here(&mut self, runtime: &Runtime, folder: &std::path::Path) -> Result<()> {
        let port = self.addresses.first().map_or(5432, SocketAddr::port);
        let path = folder.join(format!(".s.PGSQL.{port}"));
        let listener = socket_at(runtime, &path)?;
        self.sockets.push(path);
        let (door, mut stopping) = (Arc::clone(&self.door), self.stopping.subscribe());
        runtime.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, _)) => drop(Handle::current().spawn(postgres::over_socket(stream, Arc::clone(&door)))),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(())
    }

    #[cfg(not(unix))]
    fn listen_here(&mut self, _: &Runtime, _: &std::path::Path) -> Result<()> {
        Err(invalid("server", "this system has no Unix sockets; give --listen 127.0.0.1:5432"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        self.door.connections.end_all();
        self.close();
    }
}

/// Listens on an address; returns the actual one, for port 0.
fn bound(runtime: &Runtime, address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let cannot = |error: std::io::Error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; is another server there? choose another port",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 are reserved for the administrator",
            _ => "",
        };
        failed(&address.to_string(), format!("cannot listen there: {error}{advice}"))
    };
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

/// The prefix of an address that is a socket path.
const UNIX: &str = "unix:";

/// Listens on a socket that only the server's user can open.
#[cfg(unix)]
fn socket_at(runtime: &Runtime, path: &std::path::Path) -> Result<tokio::net::UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    let shown = path.display().to_string();
    let cannot = |error: std::io::Error| failed(&shown, format!("cannot listen there: {error}"));
    // A socket left by a killed server does not accept connections.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(failed(&shown, "is another server's socket"));
    }
    match path.symlink_metadata() {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(cannot)?,
        Ok(_) => return Err(failed(&shown, "exists and is not a socket; choose another place")),
        Err(_) => {}
    }
    let listener = {
        let _entered = runtime.enter();
        tokio::net::UnixListener::bind(path).map_err(cannot)?
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(cannot)?;
    Ok(listener)
}

fn resolved(option: &str, address: &str) -> Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs;

    // A port alone means this machine.
    let whole = if address.contains(':') { address.to_string() } else { format!("127.0.0.1:{address}") };
    let found = whole.to_socket_addrs().map_err(|error| {
        invalid(option, format!("must be an address and a port, such as 127.0.0.1:5432, got '{address}': {error}"))
    })?;
    // `localhost` has two addresses, of which one is enough.
    Ok(found.take(1).collect())
}

/// Refuses to listen for other machines without TLS and passwords.
fn refuse_unsafe(address: SocketAddr, engine: &Engine, has_tls: bool, insecure: bool) -> Result<()> {
    if insecure {
        return Ok(());
    }
    let refuse =
        |problem: &str| Err::<(), DataFusionError>(coded(SqlState::INVALID_AUTHORIZATION, &address.to_string(), problem));
    match (has_tls, engine.has_logins()?) {
        (true, true) => Ok(()),
        (false, _) => refuse(
            "can be reached from other machines, but there is no certificate; give --tls-cert and --tls-key, listen on 127.0.0.1, or add --insecure",
        ),
        (true, false) => refuse(
            "can be reached from other machines, but no role has a password; CREATE ROLE name LOGIN PASSWORD '…' first, listen on 127.0.0.1, or add --insecure",
        ),
    }
}
