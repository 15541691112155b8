//! `portrait serve`, through a driver and byte by byte.

mod access;
mod mistakes;
mod rights;
mod strangers;
mod types;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::{SinkExt, TryStreamExt, pin_mut};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::support::{portrait, run, skipped};

/// A separate server, which ends with the test.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(database: &Path, more: &[&str]) -> Server {
    let mut command = portrait();
    command.arg("-d").arg(database).args(["serve", "--listen", "127.0.0.1:0"]).args(more);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("ready: postgresql://").and_then(|rest| rest.strip_suffix("/portrait"));
    let address = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    Server { process, address }
}

fn database(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (code, _, error) = run(portrait().arg("-d").arg(directory.path()).args(["-c", script]));
    assert_eq!(code, 0, "{error}");
    directory
}

fn config(server: &Server, user: &str) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.address.port()).user(user).dbname("portrait");
    config
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::runtime::Handle::current().spawn(connection);
    Ok(client)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn code(error: &tokio_postgres::Error) -> &SqlState {
    error.code().unwrap_or_else(|| panic!("{error:?}"))
}

/// Two roles, of which one may read one of two tables.
const ACCOUNTS: &str = "CREATE ROLE admin LOGIN SUPERUSER PASSWORD 'of admin'; CREATE ROLE mia LOGIN PASSWORD 'of mia' CONNECTION LIMIT 3;
    CREATE TABLE t AS SELECT value AS id FROM generate_series(1, 20000); CREATE TABLE secret AS SELECT 1 AS pay; GRANT SELECT ON t TO mia";

const ROWS: &str = "CREATE TABLE t AS SELECT value AS id, 'name ' || value AS name, CAST(value AS DECIMAL(12, 2)) / 4 AS price,
    DATE '2025-01-01' + CAST(value AS INT) AS day FROM generate_series(1, 5000)";

#[test]
fn values_come_in_both_forms() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let query = "SELECT id, name, CAST(id AS REAL) / 2, id > 2, [id, NULL], NULL, CAST(id AS SMALLINT) AS small FROM t
            WHERE id > $1 AND name LIKE $2 ORDER BY id LIMIT $3";
        let statement = client.prepare(query).await.unwrap();
        let rows = client.query(&statement, &[&1_i64, &"name %", &2_i64]).await.unwrap();
        assert_eq!(rows.len(), 2);
        let first = &rows[0];
        assert_eq!((first.get::<_, i64>(0), first.get::<_, &str>(1), first.get::<_, f32>(2)), (2, "name 2", 1.0));
        assert_eq!((first.get::<_, bool>(3), first.get::<_, Vec<Option<i64>>>(4)), (false, vec![Some(2), None]));
        assert_eq!((first.get::<_, Option<&str>>(5), first.get::<_, i16>(6)), (None, 2));
        // The same, as text.
        let messages =
            client.simple_query("SELECT price, day, [1, 2], TIMESTAMP '2025-01-01 10:00:00.50' FROM t WHERE id = 3; SELECT 1");
        let messages = messages.await.unwrap();
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|place| row.get(place).unwrap_or("NULL").to_string()).collect::<Vec<String>>())
            }
            _ => None,
        });
        assert_eq!(rows.collect::<Vec<Vec<String>>>().concat()[1..4], ["2025-01-04", "{1,2}", "2025-01-01 10:00:00.5"]);
        let done = messages.iter().filter(|message| matches!(message, SimpleQueryMessage::CommandComplete(1))).count();
        assert_eq!(done, 2);
    });
}

#[test]
fn clients_declare_types_and_are_told_them() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        // The type declared by a client counts, whatever the other operand would suggest.
        let query = "SELECT CAST(DATE '2025-01-01' + $1 AS TEXT), INTERVAL '1 day' * $1 = INTERVAL '5 days'";
        let statement = client.prepare_typed(query, &[Type::INT2]).await.unwrap();
        let row = client.query_one(&statement, &[&5_i16]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, bool>(1)), ("2025-01-06", true));
        let statement = client.prepare_typed("SELECT a FROM generate_series(1, $1) t(a)", &[Type::INT4]).await.unwrap();
        assert_eq!(client.query(&statement, &[&3_i32]).await.unwrap().len(), 3);
        // A change with RETURNING returns rows and runs once.
        let returned = client.query("INSERT INTO t (id, name) VALUES ($1, $2) RETURNING id", &[&5001_i64, &"new"]).await.unwrap();
        assert_eq!(returned[0].get::<_, i64>(0), 5001);
        assert_eq!(client.query("SELECT id FROM t WHERE id = $1", &[&5001_i64]).await.unwrap().len(), 1);
        // OIDs have their own type, also in lists; clients load types that way.
        let query = "SELECT oid, relname, (SELECT array_agg(a.atttypid) FROM pg_attribute a WHERE a.attrelid = c.oid) AS types,
                CASE WHEN relkind = 'r' THEN (SELECT array_agg(a.atttypid) FROM pg_attribute a WHERE a.attrelid = c.oid) END AS again
            FROM pg_class c WHERE oid = ANY($1::oid[]) OR oid = $2::oid";
        let statement = client.prepare(query).await.unwrap();
        assert_eq!(statement.params(), [Type::OID_ARRAY, Type::OID]);
        let told: Vec<&Type> = statement.columns().iter().map(|column| column.type_()).collect();
        assert_eq!(told, [&Type::OID, &Type::NAME, &Type::OID_ARRAY, &Type::OID_ARRAY]);
        let row = client.query_one("SELECT 't'::regclass::oid", &[]).await.unwrap();
        let own: u32 = row.get(0);
        let rows = client.query(&statement, &[&vec![own], &own]).await.unwrap();
        assert_eq!((rows.len(), rows[0].get::<_, u32>(0), rows[0].get::<_, &str>(1)), (1, own, "t"));
        assert_eq!(rows[0].get::<_, Vec<u32>>(2).len(), 4);
        // A cast to text is text.
        let statement = client.prepare("SELECT relname::text, array_agg(relname::text) FROM pg_class GROUP BY 1").await.unwrap();
        let told: Vec<&Type> = statement.columns().iter().map(|column| column.type_()).collect();
        assert_eq!(told, [&Type::TEXT, &Type::TEXT_ARRAY]);
        // The other side tells what a list has.
        let query = "SELECT id FROM t WHERE id = ANY($1) AND name <> ALL($2) AND id > ANY($3) AND $4 = ANY([day]) ORDER BY id";
        let statement = client.prepare(query).await.unwrap();
        assert_eq!(statement.params(), [Type::INT8_ARRAY, Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::DATE]);
        let statement = client.prepare("SELECT id FROM t WHERE id = ANY($1) AND name <> ALL($2) ORDER BY id").await.unwrap();
        let rows = client.query(&statement, &[&vec![2_i64, 4, 9], &vec!["name 4"]]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [2, 9]);
    });
}

#[test]
fn errors_have_codes_and_places() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        for (sql, expected, place) in [
            ("SELECT\n  nope FROM t", SqlState::UNDEFINED_COLUMN, Some(10)),
            ("SELECT * FROM nowhere", SqlState::UNDEFINED_TABLE, Some(15)),
            ("SELECT 1 +", SqlState::SYNTAX_ERROR, None),
            ("SELECT 1 / (id - 1) FROM t", SqlState::DIVISION_BY_ZERO, None),
            ("SELECT CAST('x' AS INT)", SqlState::INVALID_TEXT_REPRESENTATION, None),
        ] {
            let error = client.simple_query(sql).await.unwrap_err();
            assert_eq!(code(&error), &expected, "{sql}: {error:?}");
            if let Some(expected) = place {
                let found = match error.as_db_error().and_then(|error| error.position()) {
                    Some(tokio_postgres::error::ErrorPosition::Original(at)) => *at,
                    other => panic!("{sql}: {other:?}"),
                };
                assert_eq!(found, expected, "{sql}");
            }
        }
        let error = connect(config(&server, "ada").dbname("other")).await.err().unwrap();
        assert_eq!(code(&error), &SqlState::INVALID_CATALOG_NAME);
    });
}

#[test]
fn a_transaction_is_seen_by_others_when_it_is_committed() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE u AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let (mut one, two) = (connect(&config(&server, "a")).await.unwrap(), connect(&config(&server, "b")).await.unwrap());
        let count = async |client: &Client, table: &str| {
            client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get::<_, i64>(0)
        };
        let transaction = one.transaction().await.unwrap();
        transaction.execute("INSERT INTO t VALUES (2)", &[]).await.unwrap();
        transaction.batch_execute("CREATE TABLE made AS SELECT 1 AS a").await.unwrap();
        // Meanwhile others continue and do not see it.
        assert_eq!(two.execute("INSERT INTO u VALUES (2), (3)", &[]).await.unwrap(), 2);
        assert_eq!((count(&two, "t").await, count(&two, "u").await), (1, 3));
        assert!(two.query("SELECT * FROM made", &[]).await.is_err());
        // The transaction reads the state that it began with.
        let seen = transaction.query_one("SELECT count(*) FROM u", &[]).await.unwrap().get::<_, i64>(0);
        assert_eq!(seen, 1);
        transaction.commit().await.unwrap();
        assert_eq!((count(&two, "t").await, count(&two, "made").await), (2, 1));
        // Others cannot write to its tables until it ends.
        let transaction = one.transaction().await.unwrap();
        transaction.execute("DELETE FROM t", &[]).await.unwrap();
        two.batch_execute("SET portrait.lock_timeout = 0").await.unwrap();
        let error = two.execute("INSERT INTO t VALUES (9)", &[]).await.unwrap_err();
        assert_eq!(code(&error), &SqlState::LOCK_NOT_AVAILABLE);
        transaction.rollback().await.unwrap();
        assert_eq!(two.execute("INSERT INTO t VALUES (9)", &[]).await.unwrap(), 1);
        assert_eq!(count(&one, "t").await, 3);
    });
}

#[test]
fn several_statements_of_one_message_are_one_transaction() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "a")).await.unwrap();
        let count = async || client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get::<_, i64>(0);
        let error = client.batch_execute("INSERT INTO t VALUES (2); SELECT 1 / 0; INSERT INTO t VALUES (3)").await.unwrap_err();
        assert_eq!((code(&error), count().await), (&SqlState::DIVISION_BY_ZERO, 1));
        client.batch_execute("INSERT INTO t VALUES (2); CREATE TABLE u (b BIGINT); INSERT INTO u VALUES (1)").await.unwrap();
        assert_eq!(count().await, 2);
        // What a COMMIT among them has ended stays, and what follows is another transaction.
        client.batch_execute("INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES (4); SELECT 1 / 0").await.unwrap_err();
        assert_eq!(count().await, 3);
        client.batch_execute("BEGIN; INSERT INTO t VALUES (4); COMMIT; SELECT 1 / 0").await.unwrap_err();
        assert_eq!(count().await, 4);
        // BEGIN takes in what came before it.
        client.batch_execute("INSERT INTO t VALUES (5); BEGIN; INSERT INTO t VALUES (6)").await.unwrap();
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(count().await, 4);
        for (sql, expected) in [
            ("INSERT INTO t VALUES (5); ALTER SYSTEM SET portrait.audit = 'all'", SqlState::ACTIVE_SQL_TRANSACTION),
            ("INSERT INTO t VALUES (5); REFRESH RETENTION", SqlState::ACTIVE_SQL_TRANSACTION),
            ("INSERT INTO t VALUES (5); SAVEPOINT s", SqlState::NO_ACTIVE_SQL_TRANSACTION),
        ] {
            let error = client.batch_execute(sql).await.unwrap_err();
            assert_eq!((code(&error), count().await), (&expected, 4), "{sql}");
        }
        client.batch_execute("DECLARE c CURSOR FOR SELECT a FROM t; FETCH ALL FROM c").await.unwrap();
    });
}

#[test]
fn an_idle_transaction_ends_after_the_time_that_was_set() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let (one, two) = (connect(&config(&server, "a")).await.unwrap(), connect(&config(&server, "b")).await.unwrap());
        one.batch_execute("SET idle_in_transaction_session_timeout = '200ms'; BEGIN; DELETE FROM t").await.unwrap();
        assert_eq!(two.execute("INSERT INTO t VALUES (2)", &[]).await.unwrap(), 1);
        assert_eq!(two.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get::<_, i64>(0), 2);
        assert!(one.batch_execute("COMMIT").await.is_err());
    });
}

/// Prepared statements hold their session, and must not hold its transaction beyond the connection.
#[test]
fn a_connection_that_ends_leaves_nothing_behind() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let (one, two) = (connect(&config(&server, "a")).await.unwrap(), connect(&config(&server, "b")).await.unwrap());
        let prepared = one.prepare("SELECT count(*) FROM t").await.unwrap();
        one.batch_execute("PREPARE p AS SELECT 1; BEGIN; DELETE FROM t").await.unwrap();
        assert_eq!(one.query_one(&prepared, &[]).await.unwrap().get::<_, i64>(0), 0);
        drop((one, prepared));
        assert_eq!(two.execute("INSERT INTO t VALUES (2)", &[]).await.unwrap(), 1);
        assert_eq!(two.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get::<_, i64>(0), 2);
    });
}

#[test]
fn rows_are_copied_both_ways() {
    let directory = database("CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR, price DECIMAL(12, 2), day DATE)");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let copy = async |sql: &str, rows: &'static str| {
            let sink = client.copy_in(sql).await?;
            pin_mut!(sink);
            // In chunks that are not whole lines.
            for piece in rows.as_bytes().chunks(7) {
                sink.send(bytes::Bytes::from_static(piece)).await?;
            }
            sink.finish().await
        };
        let text = "1\t上\\t海\t1.50\t2025-01-01\n2\t\\N\t\\N\t\\N\n\\.\n";
        assert_eq!(copy("COPY t FROM STDIN", text).await.unwrap(), 2);
        let csv = "name,id\n\"a \"\"b\"\"\nc\",3\n,4\n\"\",5\n";
        assert_eq!(copy("COPY t (name, id) FROM STDIN WITH (FORMAT csv, HEADER true)", csv).await.unwrap(), 3);
        for (rows, expected) in
            [("1\n", "has 1 values"), ("x\ty\t1\t2025-01-01\n", "column id"), ("9\ty\t1\t2025-13-01\n", "row 1: column day")]
        {
            let error = copy("COPY t FROM STDIN", rows).await.unwrap_err();
            assert!(error.as_db_error().is_some_and(|error| error.message().contains(expected)), "{error:?}");
        }
        let stream = client.copy_out("COPY (SELECT * FROM t ORDER BY id) TO STDOUT WITH CSV HEADER").await.unwrap();
        let pieces: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
        let all = String::from_utf8(pieces.concat()).unwrap();
        let expected = "id,name,price,day\n1,上\t海,1.50,2025-01-01\n2,,,\n3,\"a \"\"b\"\"\nc\",,\n4,,,\n5,\"\",,\n";
        assert_eq!(all, expected);
        let stream = client.copy_out("COPY t (id, day) TO STDOUT (FORMAT binary)").await.unwrap();
        let pieces: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
        let all = pieces.concat();
        assert!(all.starts_with(b"PGCOPY\n\xff\r\n\0") && all.ends_with(&[0xff, 0xff]));
        // COPY can read its own output.
        client.batch_execute("CREATE TABLE u (id BIGINT, day DATE)").await.unwrap();
        let sink = client.copy_in("COPY u FROM STDIN (FORMAT binary)").await.unwrap();
        pin_mut!(sink);
        sink.send(bytes::Bytes::from(all)).await.unwrap();
        assert_eq!(sink.finish().await.unwrap(), 5);
        let same = client.query_one("SELECT count(*) FROM (SELECT id, day FROM t EXCEPT SELECT id, day FROM u) AS d", &[]).await;
        assert_eq!(same.unwrap().get::<_, i64>(0), 0);
        // The output is recorded as an export.
        let exports = "SELECT command, object, rows FROM system.audit WHERE event = 'export' ORDER BY number";
        let exports = client.query(exports, &[]).await.unwrap();
        let told = |row: &tokio_postgres::Row| (row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, i64>(2));
        assert_eq!(exports.iter().map(told).collect::<Vec<_>>(), vec![("COPY".to_string(), "STDOUT".to_string(), 5); 2]);
    });
}

#[test]
fn a_cursor_gives_its_rows_in_parts() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&config(&server, "ada")).await.unwrap();
        let transaction = client.transaction().await.unwrap();
        transaction.batch_execute("DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY id").await.unwrap();
        let ids = async |sql: &str| {
            let rows = transaction.query(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>()
        };
        assert_eq!(ids("FETCH FORWARD 3 FROM c").await, [1, 2, 3]);
        assert_eq!(ids("FETCH c").await, [4]);
        assert_eq!(ids("FETCH BACKWARD 2 FROM c").await, [3, 2]);
        assert_eq!(ids("FETCH LAST FROM c").await, [5000]);
        assert!(ids("FETCH NEXT FROM c").await.is_empty());
        assert_eq!(ids("FETCH ABSOLUTE 7 FROM c").await, [7]);
        // The query may have parameters.
        let declared = transaction.execute("DECLARE few CURSOR FOR SELECT id FROM t WHERE id > $1 ORDER BY id", &[&4998_i64]);
        declared.await.unwrap();
        assert_eq!(ids("FETCH ALL FROM few").await, [4999, 5000]);
        // A portal with a row limit does the same by protocol messages.
        let statement = transaction.prepare("SELECT id FROM t ORDER BY id").await.unwrap();
        let portal = transaction.bind(&statement, &[]).await.unwrap();
        let (first, second) =
            (transaction.query_portal(&portal, 2).await.unwrap(), transaction.query_portal(&portal, 0).await.unwrap());
        assert_eq!((first.len(), second.len(), second[0].get::<_, i64>(0)), (2, 4998, 3));
        transaction.commit().await.unwrap();
        let error = client.simple_query("FETCH c").await.unwrap_err();
        assert_eq!(code(&error), &SqlState::INVALID_CURSOR_NAME);
    });
}

#[test]
fn a_statement_that_is_cancelled_ends_within_a_second() {
    const LONG: &str = "SELECT sum(a.value * b.value % 7) FROM generate_series(1, 200000) AS a, generate_series(1, 200000) AS b";
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let token = client.cancel_token();
        let cancelling = tokio::runtime::Handle::current().spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let began = Instant::now();
            token.cancel_query(NoTls).await.unwrap();
            began
        });
        let error = client.simple_query(LONG).await.unwrap_err();
        let began = cancelling.await.unwrap();
        assert_eq!(code(&error), &SqlState::QUERY_CANCELED);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        // The connection continues, and others were answered in the meantime.
        assert_eq!(client.query_one("SELECT 1", &[]).await.unwrap().get::<_, i64>(0), 1);
    });
}

#[cfg(unix)]
#[test]
fn it_ends_when_it_is_asked_to_and_lets_statements_end() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let mut server = serve(directory.path(), &["--grace", "20"]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let running = client.simple_query("SELECT count(*) FROM generate_series(1, 30000) AS a, generate_series(1, 30000) AS b");
        let asked = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let asked = Command::new("kill").args(["-TERM", &server.process.id().to_string()]).status();
            assert!(asked.unwrap().success());
        };
        let (answer, ()) = tokio::join!(running, asked);
        let rows: Vec<_> = answer.unwrap().into_iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).collect();
        assert_eq!(rows.len(), 1);
    });
    let status = server.process.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn psql_talks_to_it() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    let psql = |arguments: &[&str]| {
        let mut command = Command::new("psql");
        let place = format!("host=127.0.0.1 port={} dbname=portrait user=ada", server.address.port());
        command.arg(place).args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]).args(arguments);
        command.output()
    };
    match psql(&["-c", "SELECT count(*), max(price) FROM t"]) {
        Err(_) => return skipped("psql is not installed"),
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "5000|1250.0000000000000000\n", "{output:?}"),
    }
    let file = directory.path().join("out.csv").display().to_string();
    let script = format!(
        "BEGIN; DELETE FROM t WHERE id > 3; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT;\n\\copy t TO '{file}' CSV\n\\copy t FROM '{file}' CSV\n\
         SELECT count(*) FROM t;\n\\set FETCH_COUNT 2\nSELECT id FROM t ORDER BY id;"
    );
    let script_file = directory.path().join("script.sql");
    std::fs::write(&script_file, script).unwrap();
    let output = psql(&["-q", "-f", &script_file.display().to_string()]).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "6\n1\n1\n2\n2\n3\n3\n");
}

#[test]
fn options_come_from_a_file() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let file = directory.path().with_extension("conf");
    std::fs::write(
        &file,
        format!("# of a test\nlisten = 127.0.0.1:0\nmax-connections = '1'\ndatabase = {}\n", directory.path().display()),
    )
    .unwrap();
    let mut command = portrait();
    let mut process = command.args(["serve", "--config"]).arg(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("ready: postgresql://").and_then(|rest| rest.strip_suffix("/portrait")).unwrap();
    let server = Server { process, address: address.parse().unwrap() };
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        assert_eq!(client.query_one("SELECT a FROM t", &[]).await.unwrap().get::<_, i64>(0), 1);
        assert_eq!(code(&connect(&config(&server, "ada")).await.unwrap_err()), &SqlState::TOO_MANY_CONNECTIONS);
    });
    for (text, expected) in
        [("liste = 1", "no such option: liste"), ("listen", "write name = value"), ("max-queries = none", "invalid value")]
    {
        std::fs::write(&file, text).unwrap();
        let (code, _, error) = run(portrait().args(["serve", "--config"]).arg(&file));
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_shell_talks_to_it() {
    let directory = database(ACCOUNTS);
    let server = serve(directory.path(), &["--log-level", "error"]);
    let url =
        |user: &str| format!("postgresql://{user}:of%20{user}@127.0.0.1:{}/portrait?sslmode=disable", server.address.port());
    let asked = |user: &str, sql: &str| run(portrait().args(["--connect", &url(user), "-f", "csv", "-c", sql]));
    let all =
        "SELECT id, 'n' || id AS name, CAST(id AS DECIMAL(12, 2)) AS price, [id, NULL] AS list FROM t WHERE id < 3 ORDER BY id";
    let (code, remote, error) = asked("mia", all);
    assert_eq!(code, 0, "{error}");
    drop(run(portrait().arg("-d").arg(directory.path()).args(["-c", "SELECT 1"])));
    let (_, here, _) = run(portrait().arg("-d").arg(directory.path()).args(["-f", "csv", "-c", all]));
    assert_eq!(remote, here);
    let (code, _, error) = asked("mia", "SELECT * FROM secret");
    assert_eq!(code, 1);
    assert!(error.contains("secret: there is nothing of that name that mia may use"), "{error}");
    // Statements without rows, and several in one session.
    let (code, out, error) = asked(
        "admin",
        "BEGIN; CREATE TABLE n AS SELECT 1 AS a; INSERT INTO n VALUES (2), (3); COMMIT; SELECT sum(a) AS total FROM n",
    );
    assert_eq!((code, out.lines().last()), (0, Some("6")), "{error}");
    let (code, _, error) = run(portrait().args(["connect", "postgresql://mia@127.0.0.1:1/portrait"]).stdin(Stdio::null()));
    assert_eq!(code, 1);
    assert!(error.contains("127.0.0.1"), "{error}");
}
