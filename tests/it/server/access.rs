//! Who may come in, and what each role sees.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{ACCOUNTS, Server, block_on, code, config, connect, database, serve};
use crate::support::{portrait, run};

#[test]
fn passwords_are_checked_and_roles_kept_apart() {
    let directory = database(
        "CREATE ROLE chief SUPERUSER LOGIN PASSWORD 'first pass'; CREATE ROLE ada LOGIN PASSWORD 'see no log';
         CREATE ROLE idle PASSWORD 'x'; CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO ada",
    );
    let server = serve(directory.path(), &[]);
    block_on(async {
        for (user, password) in [("ada", "wrong"), ("ada", ""), ("nobody", "x"), ("idle", "x"), ("chief", "see no log")] {
            let mut config = config(&server, user);
            config.password(password);
            let error = connect(&config).await.err().unwrap();
            assert_eq!(code(&error), &SqlState::INVALID_PASSWORD, "{user}");
        }
        assert!(connect(&config(&server, "ada")).await.is_err());
        let ada = connect(config(&server, "ada").password("see no log")).await.unwrap();
        let chief = connect(config(&server, "chief").password("first pass")).await.unwrap();
        assert_eq!(ada.query_one("SELECT a FROM t", &[]).await.unwrap().get::<_, i64>(0), 1);
        ada.batch_execute("CREATE TEMPORARY TABLE mine AS SELECT 1 AS a; INSERT INTO mine VALUES (2); DROP TABLE mine")
            .await
            .unwrap();
        for sql in [
            "INSERT INTO t VALUES (2)",
            "DELETE FROM t",
            "DROP TABLE t",
            "CREATE TABLE u AS SELECT 1 AS a",
            "CREATE VIEW v AS SELECT 1 AS a",
            "CREATE ROLE other",
            "ALTER ROLE chief PASSWORD 'mine'",
            "DROP ROLE chief",
            "COPY t TO 'x.csv'",
        ] {
            let error = ada.simple_query(sql).await.unwrap_err();
            assert_eq!(code(&error), &SqlState::INSUFFICIENT_PRIVILEGE, "{sql}: {error:?}");
        }
        // Everyone may change their own password.
        ada.batch_execute("ALTER ROLE ada PASSWORD 'another'").await.unwrap();
        assert!(connect(config(&server, "ada").password("see no log")).await.is_err());
        connect(config(&server, "ada").password("another")).await.unwrap();
        chief.batch_execute("INSERT INTO t VALUES (2); DROP ROLE ada").await.unwrap();
        assert!(connect(config(&server, "ada").password("another")).await.is_err());
    });
    // The files contain neither the passwords nor the statements that set them.
    let (_, dumped, _) = run(portrait().arg("-d").arg(directory.path()).arg("dump"));
    assert!(dumped.contains("CREATE ROLE \"chief\" LOGIN SUPERUSER;") && !dumped.contains("SCRAM"), "{dumped}");
    let files = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds("first pass") && !holds("see no log"), "{}", file.display());
    }
}

#[test]
fn files_are_read_from_the_folders_that_are_named() {
    let (directory, files) = (database("CREATE TABLE t AS SELECT 1 AS a"), tempfile::tempdir().unwrap());
    std::fs::create_dir(files.path().join("open")).unwrap();
    for place in ["open/a.csv", "b.csv"] {
        std::fs::write(files.path().join(place), "a\n1\n").unwrap();
    }
    let open = files.path().join("open").display().to_string();
    let server = serve(directory.path(), &["--files", &open]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        client.simple_query(&format!("SELECT * FROM '{open}/a.csv'")).await.unwrap();
        client.simple_query(&format!("COPY t TO '{open}/c.csv'")).await.unwrap();
        client.simple_query(&format!("CREATE VIEW own AS SELECT * FROM '{open}/a.csv'")).await.unwrap();
        for sql in [
            format!("SELECT * FROM '{open}/../b.csv'"),
            format!("SELECT * FROM read_csv('{}/b.csv')", files.path().display()),
            format!("SELECT * FROM '{}/*.csv'", files.path().display()),
            format!("COPY t TO '{}/d.csv'", files.path().display()),
            format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}/b.csv'", files.path().display()),
            format!("CREATE VIEW x AS SELECT * FROM '{}/b.csv'", files.path().display()),
            format!("CREATE VIEW x AS SELECT 1 AS a WHERE 1 IN (SELECT a FROM read_csv('{}/b.csv'))", files.path().display()),
            format!("CREATE PROFILE x WITH (key = 'a') AS SELECT * FROM '{}/b.csv'", files.path().display()),
            "BACKUP DATABASE TO '/tmp/never.backup'".into(),
            "SELECT * FROM '/etc/passwd'".into(),
            "SELECT * FROM 'https://example.com/x.csv'".into(),
        ] {
            let error = client.simple_query(&sql).await.unwrap_err();
            assert_eq!(code(&error), &SqlState::INSUFFICIENT_PRIVILEGE, "{sql}: {error:?}");
        }
    });
}

async fn come_in(server: &Server, user: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = config(server, user);
    config.password(format!("of {user}")).application_name("a test");
    connect(&config).await
}

#[test]
fn a_role_sees_what_it_was_granted() {
    let directory = database(ACCOUNTS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let (admin, mia) = (come_in(&server, "admin").await.unwrap(), come_in(&server, "mia").await.unwrap());
        let names = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>();
        let all = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        assert_eq!(names(mia.query(all, &[]).await.unwrap()), ["t"]);
        assert_eq!(names(admin.query(all, &[]).await.unwrap()), ["secret", "t"]);
        // Hidden and missing objects look the same.
        let hidden = mia.query("SELECT * FROM secret", &[]).await.unwrap_err();
        let missing = mia.query("SELECT * FROM nowhere", &[]).await.unwrap_err();
        assert_eq!((code(&hidden), code(&missing)), (&SqlState::INSUFFICIENT_PRIVILEGE, &SqlState::INSUFFICIENT_PRIVILEGE));
        let text = |error: &tokio_postgres::Error| error.as_db_error().unwrap().message().to_string();
        assert_eq!(text(&hidden).replace("secret", "nowhere"), text(&missing));
        assert_eq!(code(&mia.batch_execute("DELETE FROM t").await.unwrap_err()), &SqlState::INSUFFICIENT_PRIVILEGE);
        assert_eq!(code(&mia.batch_execute("SET ROLE admin").await.unwrap_err()), &SqlState::INSUFFICIENT_PRIVILEGE);
        // Drivers prepare the statements of transactions, too.
        for statement in
            ["BEGIN", "SAVEPOINT a", "SELECT * FROM t", "ROLLBACK TO a", "RELEASE a", "COMMIT", "START TRANSACTION", "ROLLBACK"]
        {
            mia.execute(statement, &[]).await.unwrap();
        }
        // It takes effect with the next statement, also in open sessions.
        admin.batch_execute("GRANT SELECT ON secret TO mia").await.unwrap();
        assert_eq!(mia.query_one("SELECT pay FROM secret", &[]).await.unwrap().get::<_, i64>(0), 1);
        admin.batch_execute("REVOKE SELECT ON secret FROM mia; ALTER ROLE admin NOSUPERUSER").await.unwrap();
        assert!(mia.query_one("SELECT pay FROM secret", &[]).await.is_err());
        assert_eq!(code(&admin.query("SELECT * FROM t", &[]).await.unwrap_err()), &SqlState::INSUFFICIENT_PRIVILEGE);
        // Nor can a client become another role by a connection option.
        let mut config = config(&server, "mia");
        let refused = connect(config.password("of mia").options("-c role=admin")).await;
        assert!(refused.is_err());
    });
}

#[test]
fn set_role_takes_off_no_mask() {
    let directory = database(&format!(
        "{ACCOUNTS}; CREATE TABLE people AS SELECT 1 AS id, '13800138000' AS phone; CREATE ROLE readers; CREATE ROLE staff;
         GRANT readers, staff TO mia; GRANT SELECT ON people TO readers; CREATE MASK phones ON people (phone) USING '***' FOR staff"
    ));
    let server = serve(directory.path(), &[]);
    block_on(async {
        let phone = "SELECT phone FROM people";
        let mia = come_in(&server, "mia").await.unwrap();
        for role in ["mia", "readers"] {
            mia.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            assert_eq!(mia.query_one(phone, &[]).await.unwrap().get::<_, &str>(0), "***", "{role}");
        }
        // A login that sees everything sees as another role what that role sees.
        let admin = come_in(&server, "admin").await.unwrap();
        for (role, seen) in [("readers", "13800138000"), ("mia", "***")] {
            admin.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            assert_eq!(admin.query_one(phone, &[]).await.unwrap().get::<_, &str>(0), seen, "{role}");
        }
    });
}

#[test]
fn one_sees_what_runs_and_ends_it() {
    let directory = database(ACCOUNTS);
    let log = directory.path().with_extension("audit");
    let server = serve(directory.path(), &["--audit-log", log.to_str().unwrap(), "--max-queries", "1", "--log-level", "error"]);
    block_on(async {
        let (admin, mia) = (come_in(&server, "admin").await.unwrap(), come_in(&server, "mia").await.unwrap());
        let second = come_in(&server, "mia").await.unwrap();
        let _third = come_in(&server, "mia").await.unwrap();
        assert_eq!(code(&come_in(&server, "mia").await.unwrap_err()), &SqlState::TOO_MANY_CONNECTIONS);
        let long =
            "SELECT count(*) FROM t a JOIN t b ON a.id + b.id = 7 JOIN t c ON a.id + b.id + c.id = 3 AND 'of nobody' <> 'x'";
        let pid: i32 = mia.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let running = tokio::runtime::Handle::current().spawn(async move { mia.query(long, &[]).await.map(|_| ()) });
        let deadline = Instant::now() + Duration::from_secs(60);
        let row = loop {
            let rows =
                admin.query("SELECT query, text, role FROM system.queries WHERE pid = $1", &[&i64::from(pid)]).await.unwrap();
            if let Some(row) = rows.into_iter().next() {
                break row;
            }
            assert!(Instant::now() < deadline);
        };
        assert_eq!(row.get::<_, &str>(2), "mia");
        assert!(row.get::<_, &str>(1).ends_with("AND ? <> ?"), "{}", row.get::<_, &str>(1));
        // Another one waits for its turn, and gets it when the first has ended.
        let waiting = tokio::runtime::Handle::current()
            .spawn(async move { second.query_one("SELECT count(*) FROM t", &[]).await.map(|row| row.get::<_, i64>(0)) });
        let row = admin.query_one("SELECT application_name, state FROM pg_stat_activity WHERE pid = $1", &[&pid]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("a test", "active"));
        assert!(admin.query_one("SELECT pg_cancel_backend($1::int)", &[&pid]).await.unwrap().get::<_, bool>(0));
        assert_eq!(code(&running.await.unwrap().unwrap_err()), &SqlState::QUERY_CANCELED);
        assert_eq!(waiting.await.unwrap().unwrap(), 20_000);
        assert!(!admin.query_one("SELECT pg_cancel_backend(99999)", &[]).await.unwrap().get::<_, bool>(0));
        assert_eq!(code(&admin.batch_execute("CANCEL 99999").await.unwrap_err()), &SqlState::UNDEFINED_OBJECT);
        // The connection itself.
        let again = come_in(&server, "mia").await.unwrap();
        let pid: i32 = again.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        assert_eq!(code(&again.query("SELECT pg_cancel_backend(1)", &[]).await.unwrap_err()), &SqlState::INSUFFICIENT_PRIVILEGE);
        // EXPLAIN alone ends nothing.
        admin.batch_execute(&format!("EXPLAIN SELECT pg_terminate_backend({pid})")).await.unwrap();
        again.query("SELECT 1", &[]).await.unwrap();
        assert!(admin.query_one("SELECT pg_terminate_backend($1::int)", &[&pid]).await.unwrap().get::<_, bool>(0));
        assert!(again.query("SELECT 1", &[]).await.is_err());
    });
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cancelled = lines.iter().find(|line| line["sqlstate"] == "57014" || line["outcome"] == "given up").unwrap();
    assert_eq!((&cancelled["role"], &cancelled["door"]), (&"mia".into(), &"postgresql".into()));
    assert!(lines.iter().any(|line| line["event"] == "connected") && lines.iter().any(|line| line["event"] == "disconnected"));
    assert!(!log.contains("of mia") && !log.contains("of nobody"));
}
