//! Tables of a PostgreSQL server, which the test starts itself: types, conditions, one snapshot for all parts, passwords, TLS, cancelling.

use std::fs::Permissions;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{Dice, cases, is_long, portrait, rows, run, session, session_with, skipped, try_rows};

const PASSWORD: &str = "open:se\\same";

/// A server on a free port, which ends with the test.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    has_tls: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Where the server's programs are.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())?;
    // The programs look for their libraries next to their real location.
    found.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// A program of the server, as a user who may run it: it refuses to run as root.
fn as_server(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

/// Makes the certificate of a server that only this test trusts.
fn certificate(folder: &Path) -> bool {
    let made = Command::new("sh")
        .current_dir(folder)
        .arg("-c")
        .arg(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2 2>/dev/null &&
             openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost 2>/dev/null &&
             printf 'subjectAltName=DNS:localhost' > names &&
             openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2 -out server.crt 2>/dev/null &&
             openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other-ca -days 2 2>/dev/null &&
             chmod 600 server.key",
        )
        .status();
    made.is_ok_and(|status| status.success())
}

fn start() -> Option<Server> {
    let Some(programs) = programs() else {
        skipped("PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql); its tables are not tested");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
    std::fs::write(place.join("password"), PASSWORD).unwrap();
    let has_tls = certificate(place);
    if is_root() {
        let owned = Command::new("chown").args(["-R", "postgres"]).arg(place).status();
        if !owned.is_ok_and(|status| status.success()) {
            skipped("the tests run as root, and there is no user postgres to run the server; its tables are not tested");
            return None;
        }
    }
    let data = place.join("data");
    let made = as_server(&programs.join("initdb"))
        .args(["-U", "boss", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .arg(format!("--pwfile={}", place.join("password").display()))
        .current_dir(place)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = as_server(&programs.join("postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(place).args([
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=localhost",
    ]);
    if has_tls {
        let file = |name: &str| place.join(name).display().to_string();
        command.args(["-c", "ssl=on", "-c", &format!("ssl_cert_file={}", file("server.crt"))]);
        command.args(["-c", &format!("ssl_key_file={}", file("server.key"))]);
    } else {
        skipped("openssl is not installed; TLS to PostgreSQL is not tested");
    }
    let log = std::fs::File::create(place.join("log")).unwrap();
    let child = command.current_dir(place).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let server = Server { child, port, folder, has_tls };
    let began = Instant::now();
    while server.try_psql("postgres", "SELECT 1").is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            std::fs::read_to_string(server.folder.path().join("log")).unwrap()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    // The file with the password, as libpq reads it.
    let line = format!("*:{port}:*:boss:{}\n", PASSWORD.replace('\\', "\\\\").replace(':', "\\:"));
    std::fs::write(server.passwords(), line).unwrap();
    std::fs::set_permissions(server.passwords(), Permissions::from_mode(0o600)).unwrap();
    Some(server)
}

impl Server {
    fn passwords(&self) -> PathBuf {
        self.folder.path().join("passwords")
    }

    fn location(&self) -> String {
        format!("postgresql://boss@localhost:{}/postgres", self.port)
    }

    fn table(&self, name: &str, options: &str) -> String {
        format!(
            "CREATE OR REPLACE EXTERNAL TABLE {name} STORED AS POSTGRES OPTIONS ({options}, 'credentials' '{}') LOCATION '{}'",
            self.passwords().display(),
            self.location()
        )
    }

    fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut child = Command::new("psql")
            .args([
                "-h",
                "localhost",
                "-p",
                &self.port.to_string(),
                "-U",
                "boss",
                "-d",
                database,
                "-qAtX",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn psql(&self, sql: &str) -> String {
        self.try_psql("postgres", sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }
}

#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn tables_of_postgres() {
    let Some(server) = start() else { return };
    types(&server);
    what_does_not_fit(&server);
    conditions(&server);
    one_state(&server);
    passwords(&server);
    encryption(&server);
    cancelling(&server);
}

fn types(server: &Server) {
    server.psql(
        "CREATE SCHEMA sales; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
         CREATE TABLE sales.\"All\" (a int2, b int4, c int8, d numeric(12, 2), e numeric, f float4, g float8, h bool, i text, j varchar(10),
             k char(4), l date, m timestamp, n timestamptz, o time, p interval, q uuid, r json, s jsonb, t bytea, u int[], v text[], w mood,
             x positive, y numeric(50, 3), z timestamptz[], aa numeric(5, -2));
         INSERT INTO sales.\"All\" VALUES (1, 2, 9223372036854775807, 1234.5, -3.14, 1.5, 2.5, true, 'it''s 客户', 'v', 'ab', '2025-06-30',
             '2025-06-30 10:11:12.123456', '2025-06-30 10:00:00+08', '23:59:59.5', '1 year 2 days 03:04:05',
             '0f0e0d0c-0b0a-0908-0706-050403020100', '{\"a\": 1}', '{\"b\":1}', '\\x00ff', '{1,NULL,3}', '{a,\"b c\"}', 'ok', 5,
             12345678901234567890123456789012345678901234.567, '{2025-01-01 00:00:00+00}', 12300);
         INSERT INTO sales.\"All\" (a) VALUES (2);",
    );
    let (engine, session) = session();
    rows(&engine, &session, &server.table("every", "'table' 'sales.\"All\"'"));
    let found = rows(&engine, &session, "SELECT * FROM every ORDER BY a");
    assert_eq!(
        found[0],
        "1|2|9223372036854775807|1234.50|-3.1400000000|1.5|2.5|true|it's 客户|v|ab|2025-06-30|2025-06-30T10:11:12.123456|\
         2025-06-30T02:00:00Z|23:59:59.500|12 mons 2 days 3 hours 4 mins 5.000000000 secs|0f0e0d0c-0b0a-0908-0706-050403020100|\
         {\"a\": 1}|{\"b\": 1}|00ff|[1, NULL, 3]|[a, b c]|ok|5|12345678901234567890123456789012345678901234.567|[2025-01-01T00:00:00Z]|12300"
    );
    assert_eq!(found[1], format!("2{}", "|NULL".repeat(26)));
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM every"), ["2"]);
    rows(&engine, &session, &server.table("query", "'query' 'SELECT a, count(*) AS n FROM sales.\"All\" GROUP BY a -- all\n;'"));
    assert_eq!(rows(&engine, &session, "SELECT * FROM query ORDER BY a DESC LIMIT 1"), ["2|1"]);
    let error = try_rows(&engine, &session, "INSERT INTO query VALUES (1, 2)").unwrap_err();
    assert!(error.contains("takes no rows"), "{error}");
}

fn what_does_not_fit(server: &Server) {
    server.psql(
        "CREATE TABLE places (id int, place point, host inet); INSERT INTO places VALUES (1, '(1,2)', '10.0.0.1/8'), (2, NULL, NULL); CREATE TABLE odd (d date, n numeric, m numeric(5, 1), t time, a int[]);
         INSERT INTO odd VALUES ('infinity', 'NaN', 'NaN', '24:00', '{{1,2},{3,4}}'), ('2025-01-01', 0.12345678901, 1, '00:00', '{}');",
    );
    let (engine, session) = session();
    // Other types are read as their texts.
    rows(&engine, &session, &server.table("places", "'table' 'places'"));
    assert_eq!(rows(&engine, &session, "SELECT * FROM places ORDER BY id"), ["1|(1,2)|10.0.0.1/8", "2|NULL|NULL"]);
    for condition in
        ["host = '10.0.0.1/8'", "place LIKE '(1%'", "host > '10' AND place IS NOT NULL", "host IN ('10.0.0.1/8', 'x')"]
    {
        assert_eq!(rows(&engine, &session, &format!("SELECT id FROM places WHERE {condition}")), ["1"], "{condition}");
    }
    assert_eq!(rows(&engine, &session, "SELECT id FROM places WHERE place IS NULL"), ["2"]);
    let error = try_rows(&engine, &session, &server.table("none", "'table' 'nowhere'")).unwrap_err();
    assert!(error.contains("has no table or view nowhere"), "{error}");
    rows(&engine, &session, &server.table("odd", "'table' 'odd'"));
    for (sql, said) in [
        ("SELECT d FROM odd", "column d has infinity, which does not fit DATE"),
        ("SELECT m FROM odd", "column m has NaN, which does not fit DECIMAL(5, 1)"),
        ("SELECT n FROM odd WHERE n < 1", "column n has a number of more than 10 digits after the point"),
        ("SELECT t FROM odd", "column t has 24:00"),
        ("SELECT a FROM odd", "column a has an array of 2 dimensions"),
    ] {
        let error = try_rows(&engine, &session, sql).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    rows(&engine, &session, &server.table("failing", "'query' 'SELECT 1 / (i - 2) AS x FROM generate_series(1, 3) i'"));
    let error = try_rows(&engine, &session, "SELECT * FROM failing").unwrap_err();
    assert!(error.contains("query: division by zero"), "{error}");
    // Queries cannot write there, whatever functions they call.
    server.psql("CREATE SEQUENCE numbers");
    rows(&engine, &session, &server.table("writing", "'query' 'SELECT nextval(''numbers'') AS x LIMIT 1'"));
    let error = try_rows(&engine, &session, "SELECT * FROM writing").unwrap_err();
    assert!(error.contains("read-only transaction"), "{error}");
}

fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.chance(40) {
        let (left, right) = (condition(dice, depth - 1), condition(dice, depth - 1));
        return match dice.below(3) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            _ => format!("NOT {left}"),
        };
    }
    let sign = dice.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match dice.below(10) {
        0 => format!("n {sign} {}", dice.pick(&["0", "-5", "7"])),
        1 => format!("t {sign} '{}'", dice.pick(&["", "a", "B", "ä", "客户", "a''b", "_"])),
        2 => format!("r {sign} {}", dice.pick(&["0.0", "-0.0", "1.5", "1e300", "-2.25"])),
        3 => format!("d {sign} DATE '{}'", dice.pick(&["2025-01-01", "1969-12-31"])),
        4 => format!("m {sign} TIMESTAMP '{}'", dice.pick(&["2025-01-01 00:00:00", "2024-12-31 23:59:59.5"])),
        5 => format!("z {sign} TIMESTAMP '2025-01-01 00:00:00'"),
        6 => format!("c {sign} {}", dice.pick(&["0", "1.25", "99.99"])),
        7 => format!("t LIKE '{}'", dice.pick(&["a%", "A%", "%b", "客_", "_", "a_b", "", "%"])),
        8 => format!("f {sign} '{}'", dice.pick(&["a", "a ", "A"])),
        _ => dice
            .pick(&[
                "t IS NULL",
                "r IS NOT NULL",
                "b",
                "NOT b",
                "n IN (1, 7, -5)",
                "t NOT IN ('a', 'B')",
                "n BETWEEN -5 AND 7",
                "u = '0f0e0d0c-0b0a-0908-0706-050403020100'",
                "u > '1'",
                "x = 'a'",
            ])
            .to_string(),
    }
}

fn conditions(server: &Server) {
    server.psql(
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (id int PRIMARY KEY, n int8, t text, r float8, d date, m timestamp, z timestamptz, c numeric(10, 2), b bool, f char(3), u uuid,
             x text COLLATE loose)",
    );
    let (mut dice, mut values) = (Dice(11), vec![]);
    for id in 0..300 {
        let n = dice.or_null(10, |dice| dice.pick(&["0", "-5", "7", "1"]).into());
        let t =
            dice.or_null(10, |dice| format!("'{}'", dice.pick(&["", "a", "A", "b", "B", "ab", "a''b", "ä", "客户", "_", "a b"])));
        let r = dice
            .or_null(10, |dice| dice.pick(&["0.0", "'-0.0'", "1.5", "-2.25", "1e300", "'NaN'", "'-NaN'", "'Infinity'"]).into());
        let d = dice.or_null(10, |dice| dice.pick(&["'2025-01-01'", "'1969-12-31'", "'2025-01-02'"]).into());
        let m = dice.or_null(10, |dice| dice.pick(&["'2025-01-01'", "'2024-12-31 23:59:59.5'"]).into());
        let z = dice.or_null(10, |dice| dice.pick(&["'2025-01-01 00:00:00+00'", "'2025-01-01 00:00:00+08'"]).into());
        let c = dice.or_null(10, |dice| dice.pick(&["0", "1.25", "99.99"]).into());
        let b = dice.or_null(10, |dice| dice.pick(&["true", "false"]).into());
        let f = dice.or_null(10, |dice| dice.pick(&["'a'", "'A'", "'abc'"]).into());
        let u = dice.or_null(10, |dice| {
            dice.pick(&["'0f0e0d0c-0b0a-0908-0706-050403020100'", "'00000000-0000-0000-0000-000000000000'"]).into()
        });
        let x = dice.or_null(10, |dice| dice.pick(&["'a'", "'A'", "'b'"]).into());
        values.push(format!("({id}, {n}, {t}, {r}, {d}, {m}, {z}, {c}, {b}, {f}, {u}, {x})"));
    }
    server.psql(&format!("INSERT INTO t VALUES {}", values.join(", ")));
    let (engine, session) = session();
    rows(&engine, &session, &server.table("t", "'table' 't'"));
    rows(&engine, &session, "CREATE TABLE copy AS SELECT * FROM t");
    let mut pushed: u64 = 0;
    for case in 0..cases(20, 120) {
        let condition = condition(&mut Dice(case), 2);
        let of = |table: &str| rows(&engine, &session, &format!("SELECT id FROM {table} WHERE {condition} ORDER BY id"));
        assert_eq!(of("t"), of("copy"), "{condition}");
        let plan = rows(&engine, &session, &format!("EXPLAIN SELECT id FROM t WHERE {condition}")).join("\n");
        pushed += u64::from(plan.contains(" WHERE "));
    }
    assert!(pushed > if is_long() { 40 } else { 6 }, "{pushed} conditions went to PostgreSQL");
    let plan =
        rows(&engine, &session, "EXPLAIN SELECT id FROM t WHERE t = 'a' AND x = 'a' AND f = 'a' AND t > 'b' LIMIT 3").join("\n");
    let sql =
        "sql=SELECT \"id\", \"f\" FROM public.t WHERE \"t\" = 'a' AND \"x\" COLLATE \"C\" = 'a' AND \"t\" COLLATE \"C\" > 'b'";
    let sql_of =
        |plan: &str| plan.contains("\"x\" COLLATE \"C\" = 'a'") && plan.contains("\"t\" = 'a'") && !plan.contains("\"f\" =");
    assert!(plan.contains(sql) || sql_of(&plan), "{plan}");
}

fn with_partitions(partitions: usize) -> (Engine, Session) {
    session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() })
}

fn one_state(server: &Server) {
    server.psql("CREATE TABLE big AS SELECT i AS k, 0 AS w, repeat('x', 300) AS v FROM generate_series(1, 60000) i; ANALYZE big");
    let (engine, session) = with_partitions(2);
    rows(&engine, &session, &server.table("big", "'table' 'big'"));
    let plan = rows(&engine, &session, "EXPLAIN SELECT sum(w) FROM big").join("\n");
    assert!(plan.contains("parts=2") && plan.contains("WHERE ctid < "), "{plan}");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Every update moves every row to another page.
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                server.psql("UPDATE big SET w = w + 1; VACUUM big");
                written += 1;
            }
            written
        });
        for _ in 0..8 {
            assert_eq!(rows(&engine, &session, "SELECT count(*), max(w) - min(w), sum(k) FROM big"), ["60000|0|1800030000"]);
        }
        done.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
}

fn passwords(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    let file = folder.path().join("passwords");
    std::fs::copy(server.passwords(), &file).unwrap();
    let program = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = portrait();
        command.current_dir(folder.path()).env_remove("PGPASSWORD").env("HOME", folder.path()).arg("-d").arg(&database);
        run(command.args(arguments).envs(environment.iter().copied()))
    };
    let create = |options: &str, location: &str| {
        format!("CREATE OR REPLACE EXTERNAL TABLE t STORED AS POSTGRES OPTIONS ('table' 't'{options}) LOCATION '{location}'")
    };
    let (location, anybody) = (server.location(), format!("postgresql://localhost:{}/postgres", server.port));
    let with_file = create(", 'credentials' 'passwords'", &anybody);
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let (code, _, error) = program(&["-c", &with_file], &[]);
    assert!(code == 1 && error.contains("others can read it (mode 640)"), "{error}");
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(program(&["-c", &with_file], &[]).0, 0, "the user comes from the file, too");
    let (_, dump, _) = program(&["dump"], &[]);
    assert!(dump.contains(&format!("'credentials' '{}'", file.display())), "{dump}");
    let (code, _, error) = program(&["-c", &create("", &location)], &[("PGPASSWORD", "wrong")]);
    assert!(code == 1 && error.contains("password authentication failed"), "{error}");
    assert_eq!(program(&["-c", &create("", &location)], &[("PGPASSWORD", PASSWORD)]).0, 0);
    assert_eq!(program(&["-c", "SELECT count(*) FROM t"], &[("PGPASSFILE", "passwords")]).0, 0);
    let (code, _, error) = program(&["-c", "SELECT count(*) FROM t"], &[]);
    assert!(code == 1 && error.contains("asks for a password; set PGPASSWORD"), "{error}");
    for statement in [
        create("", &format!("postgresql://boss:hunter2@localhost:{}/postgres", server.port)),
        create(", 'password' 'hunter2'", &location),
        create("", &format!("{location}?password=hunter2")),
    ] {
        let script = folder.path().join("script.sql");
        std::fs::write(&script, &statement).unwrap();
        for arguments in [["-c", statement.as_str()], ["run", "script.sql"]] {
            let (code, out, error) = program(&arguments, &[]);
            assert!(code == 1 && !out.contains("hunter2") && !error.contains("hunter2"), "{error}");
        }
    }
    let (_, plan, _) = program(&["-c", "EXPLAIN SELECT * FROM t"], &[("PGPASSWORD", PASSWORD)]);
    let (_, dump, _) = program(&["dump"], &[("PGPASSWORD", PASSWORD)]);
    assert!(plan.contains("PostgresExec") && !plan.contains(PASSWORD) && !dump.contains(PASSWORD), "{plan}{dump}");
}

fn encryption(server: &Server) {
    if !server.has_tls {
        return;
    }
    let program = |location: &str, trusted: Option<&Path>| {
        let sql = format!(
            "CREATE EXTERNAL TABLE s STORED AS POSTGRES OPTIONS ('query' 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()') LOCATION '{location}';
             SELECT ssl FROM s"
        );
        let mut command = portrait();
        command.env("PGPASSWORD", PASSWORD).env_remove("PGSSLMODE").args(["-f", "csv", "-c", &sql]);
        if let Some(trusted) = trusted {
            command.env("SSL_CERT_FILE", trusted);
        }
        run(&mut command)
    };
    let authority = server.folder.path().join("ca.pem");
    let (code, out, error) = program(&format!("{}?sslmode=verify-full", server.location()), Some(&authority));
    assert_eq!((code, out.as_str()), (0, "ssl\ntrue\n"), "{error}");
    // No one else trusts that certificate.
    let (code, _, error) = program(&format!("{}?sslmode=verify-full", server.location()), None);
    assert!(code == 1 && error.contains("certificate"), "{error}");
    // The certificate is for localhost, not for its IP address.
    let by_number = format!("postgresql://boss@127.0.0.1:{}/postgres?sslmode=verify-full", server.port);
    let (code, _, error) = program(&by_number, Some(&authority));
    assert!(code == 1 && error.contains("certificate"), "{error}");
    // A file of root certificates replaces those of the system, and only verify-full checks the name.
    let other = server.folder.path().join("other.pem");
    let host = |name: &str| format!("postgresql://boss@{name}:{}/postgres", server.port);
    for (name, mode, roots, is_taken) in [
        ("localhost", "verify-full", &authority, true),
        ("127.0.0.1", "verify-full", &authority, false),
        ("127.0.0.1", "verify-ca", &authority, true),
        ("localhost", "verify-ca", &other, false),
        ("127.0.0.1", "require", &authority, true),
        ("localhost", "require", &other, false),
    ] {
        let location = format!("{}?sslmode={mode}&sslrootcert={}", host(name), roots.display());
        let (code, out, error) = program(&location, None);
        assert_eq!((code, out == "ssl\ntrue\n"), (i32::from(!is_taken), is_taken), "{name} {mode}: {out}{error}");
        assert!(is_taken || error.contains("certificate"), "{error}");
    }
    let (code, _, error) = program(&format!("{}?sslmode=verify-ca&sslrootcert=/nowhere.pem", host("localhost")), None);
    assert!(code == 1 && error.contains("/nowhere.pem: holds the root certificates"), "{error}");
    // Without one, require only encrypts, and so does prefer, the default for this machine.
    assert_eq!(program(&format!("{}?sslmode=require", server.location()), None).1, "ssl\ntrue\n");
    assert_eq!(program(&server.location(), None).1, "ssl\ntrue\n");
    assert_eq!(program(&format!("{}?sslmode=disable", server.location()), None).1, "ssl\nfalse\n");
}

fn cancelling(server: &Server) {
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portrait' AND state = 'active'";
    let waits_for = |count: &str| {
        let began = Instant::now();
        while server.psql(sleeping).trim() != count {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", server.psql(sleeping));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    waits_for("0");
    let create =
        server.table("slow", "'query' 'SELECT i, pg_sleep(0.01)::text AS s FROM generate_series(1, 100000) i ORDER BY 2'");
    // By our own timeout.
    let (engine, session) = session();
    rows(&engine, &session, &create);
    rows(&engine, &session, "SET portrait.statement_timeout = 1");
    assert!(try_rows(&engine, &session, "SELECT count(*) FROM slow").is_err());
    waits_for("0");
    // By Ctrl-C.
    let child = portrait().args(["-c", &create, "-c", "SELECT count(*) FROM slow"]).stderr(Stdio::piped()).spawn().unwrap();
    waits_for("1");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    waits_for("0");
}
