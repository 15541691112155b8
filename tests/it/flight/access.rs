//! Who may come in: passwords, tokens and TLS.

use std::time::{Duration, Instant};

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{Action, FlightDescriptor};
use prost::Message;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request};

use super::{Client, block_on, channel, codes, connect, database, one, rows, serve, status};
use crate::support::{portrait, run, skipped};

const ROLES: &str = "CREATE ROLE ada LOGIN SUPERUSER PASSWORD 'pencil'; CREATE ROLE bob LOGIN PASSWORD 'rubber'; CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO bob";

#[test]
fn who_comes_needs_a_password_and_gets_a_token() {
    let directory = database(ROLES);
    let server = serve(directory.path(), &["--token-life", "30", "--session-idle", "5"]);
    block_on(async {
        let mut client = connect(&server).await;
        assert_eq!(
            codes(&status(client.execute("SELECT 1".into(), None).await.unwrap_err())),
            (Code::Unauthenticated, "28000".into())
        );
        for (user, password) in [("ada", "pen"), ("eve", "pencil"), ("", ""), ("ada", "")] {
            assert!(client.handshake(user, password).await.is_err(), "{user}");
        }
        client.handshake("ada", "pencil").await.unwrap();
        assert!(client.token().is_some());
        assert_eq!(rows(&mut client, "SELECT current_user AS a").await, "ada");
        // The token is valid on another connection, with the same session.
        client.execute_update("CREATE TEMPORARY TABLE own AS SELECT 7 AS a".into(), None).await.unwrap();
        let mut same = connect(&server).await;
        same.set_token(client.token().unwrap().clone());
        assert_eq!(one(&mut same, "SELECT a FROM own").await, 7);
        // Another user's ticket is refused.
        let info = client.execute("SELECT a FROM own".into(), None).await.unwrap();
        let mut bob = connect(&server).await;
        bob.handshake("bob", "rubber").await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let Err(error) = bob.do_get(ticket).await else { panic!("a ticket of somebody else") };
        assert_eq!(codes(&status(error)), (Code::PermissionDenied, "42501".into()));
        assert_eq!(
            codes(&status(bob.execute_update("DROP TABLE t".into(), None).await.unwrap_err())),
            (Code::PermissionDenied, "42501".into())
        );
        // Another login on the same connection gets a token too.
        let first = bob.token().cloned();
        bob.clear_token();
        bob.handshake("bob", "rubber").await.unwrap();
        assert!(bob.token().is_some() && bob.token() != first.as_ref());
        // Name and password with a call.
        let mut basic = FlightServiceClient::new(channel(&server).await);
        let query = CommandStatementQuery { query: "SELECT current_user AS a".into(), transaction_id: None };
        let mut asked = Request::new(FlightDescriptor::new_cmd(query.as_any().encode_to_vec()));
        asked.metadata_mut().insert("authorization", "Basic YWRhOnBlbmNpbA==".parse().unwrap());
        let answered = basic.get_flight_info(asked).await.unwrap();
        assert!(answered.metadata().get("authorization").unwrap().to_str().unwrap().starts_with("Bearer "));
        // A closed session, and an idle one.
        same.inner_mut().do_action(with_token(&client, Action::new("CloseSession", ""))).await.unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while client.execute("SELECT 1".into(), None).await.is_ok() {
            assert!(Instant::now() < until);
        }
        assert_eq!(codes(&status(client.execute("SELECT 1".into(), None).await.unwrap_err())).1, "28000");
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(codes(&status(bob.execute("SELECT 1".into(), None).await.unwrap_err())).1, "28000");
        for header in ["", "Bearer", "Bearer ", "Bearer x", "Basic !!!", "Basic YQ==", "Digest x"] {
            let mut asked = Request::new(FlightDescriptor::new_cmd(CommandStatementQuery::default().as_any().encode_to_vec()));
            asked.metadata_mut().insert("authorization", header.parse().unwrap());
            let error = basic.get_flight_info(asked).await.unwrap_err();
            assert_eq!(codes(&error), (Code::Unauthenticated, "28000".into()), "{header}");
        }
    });
}

fn with_token<T>(client: &Client, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = client.token() {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

#[test]
fn other_machines_are_served_within_tls_alone() {
    let directory = database(ROLES);
    let (code, _, error) = run(portrait().arg("-d").arg(directory.path()).args(["serve", "--flight", "0.0.0.0:0"]));
    assert!(code != 0 && error.contains("there is no certificate"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("server.key"), folder.path().join("server.crt"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped("openssl is not there to make a certificate");
        return;
    }
    let server = serve(directory.path(), &["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    block_on(async {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(std::fs::read(&certificate).unwrap()))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{}", server.address)).unwrap().tls_config(tls).unwrap();
        let mut client = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
        client.handshake("ada", "pencil").await.unwrap();
        assert_eq!(rows(&mut client, "SELECT current_user AS a").await, "ada");
        // Clients on this machine may also connect without it.
        let mut client = connect(&server).await;
        client.handshake("bob", "rubber").await.unwrap();
        assert_eq!(rows(&mut client, "SELECT current_user AS a").await, "bob");
    });
}

/// With `--tls-client-ca`, a client needs a certificate of that authority, whatever it knows besides.
#[test]
fn clients_show_certificates() {
    let directory = database(ROLES);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let openssl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        command.current_dir(folder.path()).args(arguments).output().is_ok_and(|made| made.status.success())
    };
    let authority = |name: &str| {
        let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        openssl(&[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject, "-keyout", &key, "-out", &pem,
        ])
    };
    let issued = |name: &str, by: &str| {
        let (key, pem, asked) = (format!("{name}.key"), format!("{name}.pem"), format!("{name}.csr"));
        let (by_key, by_pem) = (format!("{by}.key"), format!("{by}.pem"));
        openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", &key, "-out", &asked])
            && openssl(&[
                "x509",
                "-req",
                "-in",
                &asked,
                "-CA",
                &by_pem,
                "-CAkey",
                &by_key,
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "leaf.ext",
                "-out",
                &pem,
            ])
    };
    std::fs::write(at("leaf.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let made = authority("ours")
        && authority("theirs")
        && issued("server", "ours")
        && issued("ada", "ours")
        && issued("stranger", "theirs");
    if !made {
        skipped("openssl is not there to make certificates");
        return;
    }
    let shown = |name: &str| at(name).display().to_string();
    let (certificate, key, ours) = (shown("server.pem"), shown("server.key"), shown("ours.pem"));
    let server = serve(directory.path(), &["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &ours]);
    block_on(async {
        let tls = || {
            let authority = Certificate::from_pem(std::fs::read(&ours).unwrap());
            ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost")
        };
        let identity = |name: &str| {
            let read = |end: &str| std::fs::read(at(&format!("{name}.{end}"))).unwrap();
            Identity::from_pem(read("pem"), read("key"))
        };
        let handshake = async |tls: ClientTlsConfig| {
            let endpoint = Endpoint::from_shared(format!("https://{}", server.address)).unwrap().tls_config(tls).unwrap();
            let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
            let mut client = FlightSqlServiceClient::new(channel);
            client.handshake("ada", "pencil").await.map_err(|error| error.to_string())?;
            Ok::<_, String>(rows(&mut client, "SELECT current_user AS a").await)
        };
        assert_eq!(handshake(tls().identity(identity("ada"))).await.unwrap(), "ada");
        handshake(tls()).await.unwrap_err();
        handshake(tls().identity(identity("stranger"))).await.unwrap_err();
        // Not even on this machine without TLS.
        let mut client = connect(&server).await;
        let told = client.handshake("bob", "rubber").await.unwrap_err().to_string();
        assert!(told.contains("must use TLS, with a certificate"), "{told}");
    });
}
