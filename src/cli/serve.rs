//! `portrait serve`: the database for other programs.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portraitdb::{Engine, Server, ServerOptions, TlsFiles, default_queries};

use super::console::Failure;
use super::log::{self, LogFormat, LogLevel};
use super::parameters;
use super::schedule::{NOTICE, Schedules};
use super::signals::{self, Listening};

pub(super) const EXAMPLES: &str = "\
Examples:
  portrait -d crm serve                                  this machine only, on port 5432
  psql 'host=127.0.0.1 dbname=portrait user=ada'         … and a client
  portrait -d crm serve --listen 0.0.0.0:5432 --tls-cert server.crt --tls-key server.key
  portrait -d crm serve --flight 127.0.0.1:50051         … Arrow Flight SQL only; with --listen both
  portrait -d crm serve --http 127.0.0.1:9100            … and /health, /ready and /metrics for Prometheus

Ctrl-C or SIGTERM stops the server: it accepts no more connections, and running statements have --grace seconds to end.

Schedules of the database run here too, unless --no-schedules is given.";

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A file with these options, one per line: `listen = 0.0.0.0:5432`. The command line and the environment override it.
    #[arg(long, value_name = "FILE", env = "PORTRAIT_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Address and port for PostgreSQL clients; may be given several times. Without it and --flight, 127.0.0.1:5432.
    #[arg(long, value_name = "ADDRESS:PORT", env = "PORTRAIT_LISTEN", value_delimiter = ',')]
    listen: Vec<String>,
    /// Address and port for Arrow Flight SQL clients (ADBC, JDBC), or unix:PATH for a socket that only the user who runs
    /// the server can open, without a password; may be given several times.
    #[arg(long, value_name = "ADDRESS:PORT", env = "PORTRAIT_FLIGHT", value_delimiter = ',')]
    flight: Vec<String>,
    /// Address and port for /health, /ready and /metrics (for Prometheus). Anyone who reaches it can read counts, but no data.
    #[arg(long, value_name = "ADDRESS:PORT", env = "PORTRAIT_HTTP", value_delimiter = ',')]
    http: Vec<String>,
    /// The folder of a Unix socket, which only the user who runs the server can open.
    #[arg(long, value_name = "DIR", env = "PORTRAIT_SOCKET")]
    socket: Option<PathBuf>,
    /// The certificate of the server, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "PORTRAIT_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "PORTRAIT_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Authorities that must have issued the certificates of clients, in PEM; other clients are refused, except on Unix sockets.
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "PORTRAIT_TLS_CLIENT_CA")]
    tls_client_ca: Option<PathBuf>,
    /// A folder or URL whose files statements may read and write, with its subfolders; may be given several times. Without it
    /// statements read no files by name. Tables of the database can be read wherever their files are.
    #[arg(long, value_name = "PLACE", env = "PORTRAIT_FILES", value_delimiter = ',')]
    files: Vec<String>,
    /// Serve other machines without TLS, and without passwords if no role has one: anyone who reaches the port can read everything.
    #[arg(long, env = "PORTRAIT_INSECURE")]
    insecure: bool,
    /// The most connections at a time.
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..=100_000), env = "PORTRAIT_MAX_CONNECTIONS")]
    max_connections: u32,
    /// The largest message of a client: a statement, or the values for one.
    #[arg(long, value_name = "SIZE", default_value = "64MB", value_parser = parameters::parse_size, env = "PORTRAIT_MAX_MESSAGE")]
    max_message: usize,
    /// Seconds for which the token of a Flight SQL login is valid.
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = clap::value_parser!(u64).range(1..=31_536_000), env = "PORTRAIT_TOKEN_LIFE")]
    token_life: u64,
    /// Seconds that a session of Flight SQL lives without being used.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = clap::value_parser!(u64).range(1..=31_536_000), env = "PORTRAIT_SESSION_IDLE")]
    session_idle: u64,
    /// Seconds that running statements have to end when the server is stopped.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(0..=86_400), env = "PORTRAIT_GRACE")]
    grace: u64,
    /// The most statements that run at the same time; others wait for their turn [default: four per processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), env = "PORTRAIT_MAX_QUERIES")]
    max_queries: Option<u32>,
    /// A file that gets one line of JSON for each connection, disconnection and statement, with `?` in place of values.
    #[arg(long, value_name = "FILE", env = "PORTRAIT_AUDIT_LOG")]
    audit_log: Option<PathBuf>,
    /// The format of the log on standard error.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", env = "PORTRAIT_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is written to the log.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info", env = "PORTRAIT_LOG_LEVEL")]
    log_level: LogLevel,
    /// Statements that take at least this many milliseconds are written to the log.
    #[arg(long, value_name = "MILLISECONDS", default_value = "1000", env = "PORTRAIT_LOG_SLOW")]
    log_slow: u64,
    #[command(flatten)]
    schedules: Schedules,
    /// Leave schedules to others: other servers, or `portrait schedule`.
    #[arg(long, env = "PORTRAIT_NO_SCHEDULES")]
    no_schedules: bool,
}

/// Serves until the program is to end.
pub(super) fn run(engine: &Engine, asked: &Serve) -> Result<(), Failure> {
    let tls = asked.tls_cert.clone().zip(asked.tls_key.clone()).map(|(certificate, key)| TlsFiles {
        certificate,
        key,
        client_authorities: asked.tls_client_ca.clone(),
    });
    let grace = Duration::from_secs(asked.grace);
    let mut listen = asked.listen.clone();
    if listen.is_empty() && asked.flight.is_empty() {
        listen.push("127.0.0.1:5432".into());
    }
    let options = ServerOptions {
        listen,
        flight: asked.flight.clone(),
        http: asked.http.clone(),
        socket_folder: asked.socket.clone(),
        tls,
        files: asked.files.clone(),
        insecure: asked.insecure,
        max_connections: asked.max_connections as usize,
        largest_message: asked.max_message,
        token_life: Duration::from_secs(asked.token_life),
        session_idle: Duration::from_secs(asked.session_idle),
        grace,
        max_queries: asked.max_queries.map_or_else(default_queries, |queries| queries as usize),
        audit_log: asked.audit_log.clone(),
        slow: Duration::from_millis(asked.log_slow),
    };
    log::start(asked.log_format, asked.log_level);
    // Listen from the beginning for what asks the program to end.
    let listening = Listening::new();
    signals::give(grace + NOTICE);
    let server = Server::start(engine.clone(), &options)?;
    let scheduler = if asked.no_schedules { None } else { Some(asked.schedules.start(engine, Some(asked.files.clone()))?) };
    let mut out = std::io::stdout().lock();
    for address in server.addresses() {
        writeln!(out, "ready: postgresql://{address}/portrait")?;
    }
    let scheme = if server.has_tls() { "grpc+tls" } else { "grpc" };
    for address in server.flight_addresses() {
        writeln!(out, "ready: {scheme}://{address}")?;
    }
    for socket in server.flight_sockets() {
        writeln!(out, "ready: grpc+unix://{}", socket.display())?;
    }
    for address in server.http_addresses() {
        writeln!(out, "ready: http://{address}/metrics")?;
    }
    for socket in server.sockets() {
        writeln!(out, "ready: {}", socket.display())?;
    }
    out.flush()?;
    engine.block_on(listening.interrupted());
    eprintln!("stopping: {} connections", server.connections());
    // Both are stopped at the same time.
    if let Some(scheduler) = &scheduler {
        scheduler.begin_to_stop(grace);
    }
    server.stop();
    if let Some(scheduler) = scheduler {
        scheduler.stop(grace);
    }
    Ok(())
}
