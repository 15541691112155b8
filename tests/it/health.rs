//! Health, readiness and metrics of a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{portrait, run};

/// A separate server, which ends with the test.
struct Server {
    process: Child,
    http: SocketAddr,
    postgres: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(database: &std::path::Path) -> Server {
    let mut command = portrait();
    command.arg("-d").arg(database).args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = |before: &str, after: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    };
    let postgres = next("ready: postgresql://", "/portrait");
    let http = next("ready: http://", "/metrics");
    Server { process, http, postgres }
}

/// The response, with its headers.
fn get(server: &Server, path: &str, accept: &str) -> String {
    let mut stream = TcpStream::connect(server.http).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn health_and_metrics_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let script = "CREATE TABLE t AS SELECT 1 AS a; CREATE SCHEDULE yearly WITH (cron = '0 0 1 1 *') AS BEGIN SELECT 1; END";
    let (code, _, error) = run(portrait().arg("-d").arg(directory.path()).args(["-c", script]));
    assert_eq!(code, 0, "{error}");
    let server = serve(directory.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server.postgres.port()).user("ada").dbname("portrait");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::runtime::Handle::current().spawn(connection);
        assert!(get(&server, "/health", "*/*").starts_with("HTTP/1.1 200 OK"));
        assert!(get(&server, "/ready", "*/*").starts_with("HTTP/1.1 200 OK"));
        assert!(get(&server, "/nothing", "*/*").starts_with("HTTP/1.1 404"));
        client.simple_query("SELECT count(*) FROM t; SELECT a FROM t; INSERT INTO t VALUES (2)").await.unwrap();
        client.simple_query("SELECT nope FROM t").await.unwrap_err();
        let told = get(&server, "/metrics", "application/openmetrics-text; version=1.0.0");
        let older = get(&server, "/metrics", "*/*");
        for (text, kind) in [(&told, "application/openmetrics-text"), (&older, "text/plain; version=0.0.4")] {
            assert!(text.to_lowercase().contains(&format!("content-type: {kind}")), "{text}");
            for expected in [
                "portrait_statements_total{kind=\"select\",outcome=\"succeeded\"} 2",
                "portrait_statements_total{kind=\"insert\",outcome=\"succeeded\"} 1",
                "portrait_statement_duration_seconds_bucket{le=\"+Inf\",kind=\"select\",outcome=\"succeeded\"} 2",
                "portrait_statement_duration_seconds_count{kind=\"select\",outcome=\"failed\"} 1",
                "portrait_errors_total{sqlstate=\"42703\"} 1",
                "portrait_connections{door=\"postgresql\"} 1",
                "portrait_statements_running 0",
                "portrait_schedule_lag_seconds 0",
                "portrait_ready 1",
            ] {
                assert!(text.contains(expected), "{expected}\n{text}");
            }
        }
        assert!(told.contains("# TYPE portrait_statements counter") && told.contains("# EOF"));
        assert!(older.contains("# TYPE portrait_statements_total counter") && !older.contains("# EOF"));
    });
}

/// Bytes that are not a request, and a request that never ends.
#[test]
fn garbage_is_no_matter() {
    let directory = tempfile::tempdir().unwrap();
    let server = serve(directory.path());
    for bytes in [
        &b"\0\xff\xfe"[..],
        b"GET",
        b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /%ff HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.http).unwrap();
        stream.write_all(bytes).unwrap();
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(server.http).unwrap();
    let _ = stream.write_all(long.as_bytes());
    assert!(get(&server, "/health", "*/*").starts_with("HTTP/1.1 200 OK"));
}
