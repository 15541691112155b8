//! Bytes that are no protocol, and clients on other machines: the server answers safely or not at all.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::{Server, block_on, config, connect, database, serve};
use crate::support::{portrait, run, skipped};

/// The response to these bytes until the server ends the connection or is silent for half a second.
fn told(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = vec![];
    let mut part = [0; 4096];
    while let Ok(count) = stream.read(&mut part) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&part[..count]);
    }
    answer
}

fn startup(user: &str) -> Vec<u8> {
    let text = format!("user\0{user}\0database\0portrait\0\0");
    let length = i32::try_from(text.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &196_608_i32.to_be_bytes(), text.as_bytes()].concat()
}

#[test]
fn bytes_that_are_no_protocol_harm_nobody() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &["--max-message", "1MB"]);
    let contains = |answer: &[u8], text: &str| answer.windows(text.len()).any(|part| part == text.as_bytes());
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\x04", b"\xff\xff\xff\xff", b"\x16\x03\x01", b"\0\0\x20\0\0\x03\0\0user"]
    {
        assert!(told(&server, bytes).is_empty());
    }
    // A message of 1 GiB is refused by its length, without allocating memory.
    let large = [startup("ada"), b"Q\x3f\xff\xff\xff".to_vec()].concat();
    assert!(contains(&told(&server, &large), "08P01"));
    for message in
        [&b"B\0\0\0\x06\0\0"[..], b"Q\0\0\0\x06\xff\0", b"?\0\0\0\x04", b"Q\0\0\0\x03", b"D\0\0\0\x06X\0", b"p\0\0\0\x05\0"]
    {
        let answer = told(&server, &[startup("ada"), message.to_vec()].concat());
        assert!(contains(&answer, "08P01") || contains(&answer, "22021"), "{message:?}: {answer:?}");
    }
    // Many connections that never authenticate do not block others.
    let waiting: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        assert_eq!(client.query_one("SELECT 1", &[]).await.unwrap().get::<_, i64>(0), 1);
    });
    drop(waiting);
}

#[test]
fn what_was_sent_before_tls_does_not_count_within_it() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let (certificate, key) = (directory.path().join("server.crt"), directory.path().join("server.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skipped("openssl is not installed, and makes the certificate of this test");
    }
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let server = serve(directory.path(), &["--tls-cert", &certificate, "--tls-key", &key]);
    let request = [&8_i32.to_be_bytes()[..], &80_877_103_i32.to_be_bytes()].concat();
    assert_eq!(told(&server, &request), b"S");
    assert!(told(&server, &[request, startup("ada")].concat()).is_empty());
    // A broken certificate keeps the server from starting.
    std::fs::write(directory.path().join("broken.crt"), "nothing").unwrap();
    let mut command = portrait();
    command.arg("-d").arg(directory.path()).args(["serve", "--listen", "127.0.0.1:0", "--tls-key", &key, "--tls-cert"]);
    let (code, _, error) = run(command.arg(directory.path().join("broken.crt")));
    assert!(code == 1 && error.contains("contains no certificate in PEM"), "{error}");
}

#[test]
fn other_machines_are_served_safely_or_not_at_all() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let (code, _, error) = run(portrait().arg("-d").arg(directory.path()).args(["serve", "--listen", "0.0.0.0:0"]));
    assert!(code == 1 && error.contains("there is no certificate") && error.contains("--insecure"), "{error}");
}
