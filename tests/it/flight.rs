//! Arrow Flight SQL, through Arrow's own client and message by message.

mod access;
mod garbage;
mod ingesting;
mod keys;
mod notes;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, CommandPreparedStatementQuery,
    CommandStatementQuery, EndTransaction, ProstMessageExt, SqlInfo,
};
use arrow_flight::{Action, FlightDescriptor, FlightInfo};
use datafusion::arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::support::{portrait, run};

/// A separate server, which ends with the test.
struct Server {
    process: Child,
    address: SocketAddr,
    http: Option<SocketAddr>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(database: &Path, more: &[&str]) -> Server {
    let mut command = portrait();
    command.arg("-d").arg(database).args(["serve", "--flight", "127.0.0.1:0"]).args(more);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = |scheme: &str| {
        let line = lines.next().unwrap().unwrap();
        let address = line.strip_prefix("ready: ").and_then(|rest| rest.strip_prefix(scheme));
        address.unwrap_or_else(|| panic!("{line}")).trim_end_matches("/metrics").parse().unwrap()
    };
    let address = next(if more.contains(&"--tls-cert") { "grpc+tls://" } else { "grpc://" });
    let http = more.contains(&"--http").then(|| next("http://"));
    Server { process, address, http }
}

fn database(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (code, _, error) = run(portrait().arg("-d").arg(directory.path()).args(["-c", script]));
    assert_eq!(code, 0, "{error}");
    directory
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

type Client = FlightSqlServiceClient<Channel>;

async fn channel(server: &Server) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

async fn connect(server: &Server) -> Client {
    FlightSqlServiceClient::new(channel(server).await)
}

/// The rows that were announced, read to the end.
async fn read(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, arrow_flight::error::FlightError> {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let schema = info.try_decode_schema().unwrap();
    let batches: Vec<RecordBatch> =
        client.do_get(ticket).await.map_err(Status::from).unwrap_or_else(|error| panic!("{error}")).try_collect().await?;
    for batch in &batches {
        assert_eq!(batch.schema().fields(), schema.fields(), "what is told is what comes");
    }
    Ok(batches)
}

async fn rows(client: &mut Client, sql: &str) -> String {
    let info = client.execute(sql.into(), None).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    shown(&read(client, info).await.unwrap())
}

/// The cells of all rows, joined by `|`, the rows by `;`.
fn shown(batches: &[RecordBatch]) -> String {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let rows = text.lines().skip(3).filter(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join("|")).collect::<Vec<_>>().join(";")
}

async fn one(client: &mut Client, sql: &str) -> i64 {
    rows(client, sql).await.parse().unwrap()
}

/// The status of an error.
fn status(error: impl Into<Status>) -> Status {
    error.into()
}

/// The code of gRPC and the SQLSTATE.
fn codes(error: &Status) -> (Code, String) {
    let state = error.metadata().get("sqlstate").map(|state| state.to_str().unwrap().to_string());
    let state = state.unwrap_or_else(|| panic!("{error:?}"));
    assert!(error.message().ends_with(&format!("(SQLSTATE {state})")), "{error}");
    (error.code(), state)
}

const ROWS: &str = "CREATE TABLE t AS SELECT value AS id, 'name ' || value AS name, CAST(value AS DECIMAL(12, 2)) / 4 AS price
    FROM generate_series(1, 5000)";

#[test]
fn rows_come_as_they_are_told() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 5000);
        let info = client
            .execute("SELECT id, price, arrow_cast('a', 'Dictionary(Int32, Utf8)') AS d, 'v' AS v FROM t".into(), None)
            .await
            .unwrap();
        let schema = info.clone().try_decode_schema().unwrap();
        let types: Vec<DataType> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!((&types[0], &types[2], &types[3]), (&DataType::Int64, &DataType::Utf8, &DataType::Utf8));
        assert!(matches!(types[1], DataType::Decimal128(..)), "{types:?}");
        let batches = read(&mut client, info).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5000);
        // A ticket can be used again.
        let info = client.execute("SELECT max(id) AS id FROM t".into(), None).await.unwrap();
        for _ in 0..2 {
            assert_eq!(shown(&read(&mut client, info.clone()).await.unwrap()), "5000");
        }
        assert_eq!(rows(&mut client, "SHOW search_path").await, "\"$user\", public");
        assert_eq!(rows(&mut client, "SELECT id FROM t WHERE false").await, "");
    });
}

#[test]
fn what_has_no_rows_runs_at_once_and_counts() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        client.execute("CREATE TABLE made (a BIGINT)".into(), None).await.unwrap();
        client.execute("INSERT INTO made VALUES (1), (2)".into(), None).await.unwrap();
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM made").await, 2);
        assert_eq!(client.execute_update("UPDATE made SET a = a + 1".into(), None).await.unwrap(), 2);
        assert_eq!(
            client.execute_update("INSERT INTO made VALUES (7); DELETE FROM made WHERE a = 7".into(), None).await.unwrap(),
            1
        );
        assert_eq!(client.execute_update("DROP TABLE made".into(), None).await.unwrap(), 0);
        // A session sees its own tables and settings, another one does not.
        client
            .execute_update("CREATE TEMPORARY TABLE own AS SELECT 1 AS a; SET TIME ZONE 'Asia/Shanghai'".into(), None)
            .await
            .unwrap();
        assert_eq!(rows(&mut client, "SELECT a FROM own").await, "1");
        assert_eq!(rows(&mut client, "SHOW TimeZone").await, "Asia/Shanghai");
        let mut other = connect(&server).await;
        assert_eq!(
            codes(&status(other.execute("SELECT * FROM own".into(), None).await.unwrap_err())),
            (Code::NotFound, "42P01".into())
        );
    });
}

#[test]
fn errors_have_codes() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        for (sql, code, state) in [
            ("SELECT * FROM nowhere", Code::NotFound, "42P01"),
            ("SELECT\n  nope FROM t", Code::NotFound, "42703"),
            ("SELECT 1 +", Code::InvalidArgument, "42601"),
            ("", Code::InvalidArgument, "42601"),
            ("SELECT 1; SELECT 2", Code::InvalidArgument, "42601"),
            ("CREATE TABLE t AS SELECT 1 AS a", Code::AlreadyExists, "42P07"),
            ("SELECT ? + $1", Code::InvalidArgument, "42601"),
            ("COPY t FROM STDIN", Code::Unimplemented, "0A000"),
            ("SELECT * FROM 'other.csv'", Code::PermissionDenied, "42501"),
        ] {
            let error = status(client.execute(sql.into(), None).await.unwrap_err());
            assert_eq!(codes(&error), (code, state.into()), "{sql}: {error}");
        }
        // A table created together with the rows.
        let info = client.execute("SELECT 1 / (id - 4000) AS a FROM t".into(), None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let failed = match client.do_get(ticket).await {
            Ok(stream) => stream.try_collect::<Vec<_>>().await.map(drop).map_err(Status::from),
            Err(error) => Err(Status::from(error)),
        };
        assert_eq!(codes(&failed.unwrap_err()), (Code::InvalidArgument, "22012".into()));
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 5000);
    });
}

#[test]
fn prepared_statements_take_rows_of_values() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        let mut query = client.prepare("SELECT id, name FROM t WHERE id = ? OR name = ? ORDER BY id".into(), None).await.unwrap();
        assert_eq!(query.dataset_schema().unwrap().fields().len(), 2);
        let wanted: Vec<DataType> =
            query.parameter_schema().unwrap().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(wanted, [DataType::Int64, DataType::Utf8]);
        // A query for each row of values in turn.
        let values = |ids: Vec<i64>, names: Vec<Option<&str>>| {
            let (ids, names): (ArrayRef, ArrayRef) = (Arc::new(Int64Array::from(ids)), Arc::new(StringArray::from(names)));
            RecordBatch::try_from_iter_with_nullable([("1", ids, true), ("2", names, true)]).unwrap()
        };
        query.set_parameters(values(vec![3, 1], vec![Some("name 4"), None])).unwrap();
        let info = query.execute().await.unwrap();
        assert_eq!(shown(&read(&mut client, info.clone()).await.unwrap()), "3|name 3;4|name 4;1|name 1");
        // They are gone now; before, there were some.
        let Err(error) = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await else { panic!("the rows came twice") };
        assert_eq!(codes(&status(error)).1, "55000");
        query.close().await.unwrap();

        client.execute_update("CREATE TABLE made (a BIGINT, b TEXT)".into(), None).await.unwrap();
        let mut insert = client.prepare("INSERT INTO made VALUES ($1, $2)".into(), None).await.unwrap();
        assert!(insert.dataset_schema().unwrap().fields().is_empty());
        insert.set_parameters(values(vec![1, 2, 3], vec![Some("x"), None, Some("上海")])).unwrap();
        assert_eq!(insert.execute_update().await.unwrap(), 3);
        assert_eq!(rows(&mut client, "SELECT a, b FROM made ORDER BY a").await, "1|x;2|;3|上海");
        // All or none.
        let mut failing = client.prepare("INSERT INTO made SELECT 10 / $1, $2".into(), None).await.unwrap();
        failing.set_parameters(values(vec![1, 0], vec![None, None])).unwrap();
        let error = status(failing.execute_update().await.unwrap_err());
        assert_eq!(codes(&error).1, "22012");
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM made").await, 3);
        // Rows returned by a change.
        let mut returning = client.prepare("INSERT INTO made VALUES ($1, $2) RETURNING a, b".into(), None).await.unwrap();
        returning.set_parameters(values(vec![7, 8], vec![Some("x"), None])).unwrap();
        let info = returning.execute().await.unwrap();
        assert_eq!(shown(&read(&mut client, info).await.unwrap()), "7|x;8|");
        assert_eq!(rows(&mut client, "DELETE FROM made WHERE a > 6 RETURNING a").await.len(), 3);
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM made").await, 3);
        // Without parameters, and with too many.
        let mut plain = client.prepare("DELETE FROM made WHERE a = 1".into(), None).await.unwrap();
        assert_eq!(plain.execute_update().await.unwrap(), 1);
        let mut none = client.prepare("SELECT 1 AS a".into(), None).await.unwrap();
        none.set_parameters(values(vec![1], vec![None])).unwrap();
        assert_eq!(codes(&status(none.execute().await.unwrap_err())).1, "42P02");
        // A closed one.
        let gone = CommandPreparedStatementQuery { prepared_statement_handle: vec![0; 8].into() };
        let asked = FlightDescriptor::new_cmd(gone.as_any().encode_to_vec());
        let error = client.inner_mut().get_flight_info(asked).await.unwrap_err();
        assert_eq!(codes(&error), (Code::NotFound, "26000".into()));
    });
}

/// Statements that no plan describes: REFRESH, CREATE of a definition, COPY REPORT. What is the definition's own gets no value.
#[test]
fn commands_take_rows_of_values() {
    let directory = database(
        "CREATE PROFILE p WITH (key = 'id') AS SELECT value AS id FROM range(10);
        CREATE TAG large ON p WITH (high = 7) AS SELECT id, true FROM profile.p WHERE id >= $high;",
    );
    let server = serve(directory.path(), &["--files", directory.path().to_str().unwrap()]);
    let texts = |rows: &[&[&str]]| {
        let columns = (0..rows[0].len()).map(|place| {
            let values: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row[place])));
            (place.to_string(), values)
        });
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let page = directory.path().join("page.html").display().to_string();
    block_on(async {
        let mut client = connect(&server).await;
        for (sql, names, values) in [
            ("REFRESH PROFILE p WITH (as_of = $at)".into(), &["at"][..], &[&["2025-06-30"][..], &["2025-07-31"]][..]),
            (
                "CREATE OR REPLACE TAG small ON p WITH (high = 7) AS SELECT id, $as_of > now() FROM profile.p WHERE id < $high"
                    .into(),
                &[],
                &[],
            ),
            (
                "CREATE SEGMENT some ON p AS id > CAST($least AS BIGINT) AND id <> CAST($1 AS BIGINT)".into(),
                &["1", "least"],
                &[&["9", "6"]],
            ),
            ("REFRESH SEGMENT some".into(), &[], &[]),
            (
                format!("COPY REPORT p TO '{page}' WITH (title = $title, compare_with = $at)"),
                &["at", "title"],
                &[&["2025-06-30", "Ten & more"]],
            ),
        ] {
            let mut statement = client.prepare(sql.clone(), None).await.unwrap();
            let wanted: Vec<String> =
                statement.parameter_schema().unwrap().fields().iter().map(|field| field.name().clone()).collect();
            assert_eq!(wanted, names, "{sql}");
            // With and without values that are bound, a statement without parameters runs once.
            statement
                .set_parameters(if names.is_empty() { RecordBatch::new_empty(Arc::new(Schema::empty())) } else { texts(values) })
                .unwrap();
            statement.execute_update().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            statement.close().await.unwrap();
        }
        assert_eq!(
            rows(&mut client, "SELECT DISTINCT CAST(as_of AS DATE) AS d FROM system.runs ORDER BY d").await,
            "2025-06-30;2025-07-31"
        );
        assert_eq!(rows(&mut client, "SELECT id FROM segment.some ORDER BY id").await, "7;8");
        assert!(rows(&mut client, "DESCRIBE SEGMENT some").await.contains("id <> CAST('9' AS BIGINT)"));
        assert!(std::fs::read_to_string(&page).unwrap().contains("Ten &amp; more"));
        let mut missing = client.prepare("REFRESH PROFILE p WITH (as_of = $at)".into(), None).await.unwrap();
        assert_eq!(codes(&status(missing.execute_update().await.unwrap_err())).1, "22023");
    });
}

/// `$1 + 1` is described as an integer as long as nothing is known of `$1`; the values tell.
#[test]
fn values_declare_the_types_of_parameters() {
    let directory = database(
        "CREATE TABLE t AS SELECT CAST(1 AS INT) AS i, CAST(3.50 AS DECIMAL(10, 2)) AS d, '7' AS s UNION ALL SELECT 9, 0, '8'",
    );
    let server = serve(directory.path(), &[]);
    let decimal: ArrayRef = Arc::new(Decimal128Array::from(vec![150, 275]).with_precision_and_scale(3, 2).unwrap());
    let float: ArrayRef = Arc::new(Float64Array::from(vec![1.5, 2.25]));
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_704_070_923_000_456, 0]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1, 7]));
    block_on(async {
        let mut client = connect(&server).await;
        for (sql, value, expected) in [
            ("SELECT $1 + 1 AS a", &decimal, "2.50;3.75"),
            ("SELECT $1 + 1 AS a", &float, "2.5;3.25"),
            ("SELECT $1 + 1 AS a", &text, "2;3"),
            ("SELECT 9 / $1 AS a", &float, "6.0;4.0"),
            ("SELECT $1 AS a", &decimal, "1.50;2.75"),
            ("SELECT $1 AS a", &time, "2024-01-01T01:02:03.000456;1970-01-01T00:00:00"),
            ("SELECT coalesce($1, i) AS a FROM t WHERE i = 1", &float, "1.5;2.25"),
            ("SELECT [1, $1] AS a", &float, "[1.0, 1.5];[1.0, 2.25]"),
            ("SELECT i FROM t WHERE i < $1", &decimal, "1;1"),
            ("SELECT s FROM t WHERE s = $1", &whole, "7"),
            ("SELECT $1::int AS a", &float, "2;2"),
        ] {
            let mut query = client.prepare(sql.into(), None).await.unwrap();
            query.set_parameters(RecordBatch::try_from_iter([("1", Arc::clone(value))]).unwrap()).unwrap();
            let info = query.execute().await.unwrap();
            assert_eq!(shown(&read(&mut client, info).await.unwrap()), expected, "{sql}");
            query.close().await.unwrap();
        }
    });
}

#[test]
fn transactions_are_seen_when_they_are_committed() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let (mut client, mut other) = (connect(&server).await, connect(&server).await);
        let count = "SELECT count(*) AS n FROM t";
        let id = client.begin_transaction().await.unwrap();
        client.execute_update("INSERT INTO t VALUES (2)".into(), Some(id.clone())).await.unwrap();
        assert_eq!(one(&mut other, count).await, 1);
        // A statement outside the transaction would be rolled back with it.
        assert_eq!(codes(&status(client.execute_update("DELETE FROM t".into(), None).await.unwrap_err())).1, "25001");
        assert_eq!(codes(&status(client.begin_transaction().await.unwrap_err())), (Code::FailedPrecondition, "25001".into()));
        let info = client.execute(count.into(), Some(id.clone())).await.unwrap();
        assert_eq!(shown(&read(&mut client, info).await.unwrap()), "2");
        client.end_transaction(id.clone(), EndTransaction::Commit).await.unwrap();
        assert_eq!(one(&mut other, count).await, 2);
        assert_eq!(codes(&status(client.end_transaction(id, EndTransaction::Commit).await.unwrap_err())).1, "25P01");

        let id = client.begin_transaction().await.unwrap();
        client.execute_update("DELETE FROM t".into(), Some(id.clone())).await.unwrap();
        client.end_transaction(id, EndTransaction::Rollback).await.unwrap();
        assert_eq!(one(&mut client, count).await, 2);

        // A failed transaction is not committed, and the error says so.
        let id = client.begin_transaction().await.unwrap();
        client.execute_update("DELETE FROM t".into(), Some(id.clone())).await.unwrap();
        client.execute("SELECT * FROM nowhere".into(), Some(id.clone())).await.unwrap_err();
        assert_eq!(codes(&status(client.execute(count.into(), Some(id.clone())).await.unwrap_err())).1, "25P02");
        assert_eq!(codes(&status(client.end_transaction(id, EndTransaction::Commit).await.unwrap_err())).1, "25P02");
        assert_eq!(one(&mut client, count).await, 2);

        // A disconnected client leaves nothing behind.
        let id = other.begin_transaction().await.unwrap();
        other.execute_update("DELETE FROM t".into(), Some(id)).await.unwrap();
        drop(other);
        let until = Instant::now() + Duration::from_secs(20);
        while client.execute_update("INSERT INTO t VALUES (3)".into(), None).await.is_err() {
            assert!(Instant::now() < until, "the transaction of a client that is gone goes on");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(one(&mut client, count).await, 3);
    });
}

#[test]
fn what_there_is_is_told() {
    let directory = database(
        "CREATE TABLE t AS SELECT 1 AS a, CAST(1.5 AS DECIMAL(12, 2)) AS price; CREATE VIEW v AS SELECT a FROM t; CREATE SCHEMA sales;
         CREATE TABLE sales.orders AS SELECT 1 AS id; CREATE PROFILE customer WITH (key = 'id') AS SELECT 1 AS id; REFRESH PROFILE customer",
    );
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        let info = client.get_catalogs().await.unwrap();
        assert_eq!(shown(&read(&mut client, info).await.unwrap()), "portrait");
        let asked = CommandGetDbSchemas { catalog: Some("portrait".into()), db_schema_filter_pattern: Some("s%s".into()) };
        let info = client.get_db_schemas(asked).await.unwrap();
        assert_eq!(shown(&read(&mut client, info).await.unwrap()), "portrait|sales");
        let tables = |schema: &str, table: &str, types: &[&str], include_schema: bool| CommandGetTables {
            catalog: None,
            db_schema_filter_pattern: Some(schema.into()),
            table_name_filter_pattern: Some(table.into()),
            table_types: types.iter().map(ToString::to_string).collect(),
            include_schema,
        };
        for (asked, expected) in [
            (tables("public", "%", &[], false), "portrait|public|t|TABLE;portrait|public|v|VIEW"),
            (tables("%", "ord_rs", &["TABLE"], false), "portrait|sales|orders|TABLE"),
            (tables("public", "%", &["VIEW"], false), "portrait|public|v|VIEW"),
            (CommandGetTables { catalog: Some("other".into()), ..tables("%", "%", &[], false) }, ""),
        ] {
            let info = client.get_tables(asked).await.unwrap();
            assert_eq!(shown(&read(&mut client, info).await.unwrap()), expected);
        }
        let info = client.get_tables(tables("public", "t", &[], true)).await.unwrap();
        let found = read(&mut client, info).await.unwrap();
        let bytes = found[0].column(4).as_binary::<i32>().value(0).to_vec();
        let schema = Schema::try_from(arrow_flight::IpcMessage(bytes.into())).unwrap();
        assert_eq!((schema.field(1).name().as_str(), schema.field(1).data_type()), ("price", &DataType::Decimal128(12, 2)));
        assert_eq!(schema.field(1).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "numeric");
        let key = CommandGetPrimaryKeys { catalog: None, db_schema: Some("profile".into()), table: "customer".into() };
        let info = client.get_primary_keys(key).await.unwrap();
        assert!(shown(&read(&mut client, info).await.unwrap()).starts_with("portrait|profile|customer|id|1|"));
        let info = client.get_table_types().await.unwrap();
        assert_eq!(shown(&read(&mut client, info).await.unwrap()), "TABLE;VIEW");
        let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerName]).await.unwrap();
        assert!(shown(&read(&mut client, info).await.unwrap()).contains("Portrait"));
        let info = client.get_sql_info(vec![]).await.unwrap();
        assert!(read(&mut client, info).await.unwrap()[0].num_rows() > 80);
        let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(12) }).await.unwrap();
        assert!(shown(&read(&mut client, info).await.unwrap()).starts_with("VARCHAR|12|"));
        // Only the schema, without running the query.
        let query = CommandStatementQuery { query: "SELECT a, price FROM t".into(), transaction_id: None };
        let asked = FlightDescriptor::new_cmd(query.as_any().encode_to_vec());
        let found = client.inner_mut().get_schema(asked).await.unwrap().into_inner();
        assert_eq!(Schema::try_from(found).unwrap().fields().len(), 2);
    });
}

#[test]
fn a_statement_is_cancelled() {
    let directory = database(ROWS);
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut client = connect(&server).await;
        let long = "SELECT count(*) AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
        let info = client.execute(long.into(), None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut other = client.inner().clone();
        let asked = arrow_flight::CancelFlightInfoRequest { info: Some(info.clone()) };
        let cancelling = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut answered =
                other.do_action(Action::new("CancelFlightInfo", asked.encode_to_vec())).await.unwrap().into_inner();
            arrow_flight::CancelFlightInfoResult::decode(answered.message().await.unwrap().unwrap().body).unwrap().status
        };
        let began = Instant::now();
        let reading =
            async { client.do_get(ticket).await.map_err(Status::from)?.try_collect::<Vec<_>>().await.map_err(Status::from) };
        let (read, cancelled) = tokio::join!(reading, cancelling);
        assert_eq!((codes(&read.unwrap_err()), cancelled), ((Code::Cancelled, "57014".into()), 1));
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 5000);
    });
}

#[test]
fn rows_come_before_the_last_is_there_and_stop_with_their_reader() {
    let directory = database("SELECT 1");
    let server = serve(directory.path(), &["--http", "127.0.0.1:0"]);
    block_on(async {
        let mut client = connect(&server).await;
        let info = client
            .execute("SELECT value AS a, repeat('x', 200) AS b FROM generate_series(1, 1000000000)".into(), None)
            .await
            .unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = client.do_get(ticket).await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        assert_eq!(first.column(0).as_primitive::<Int64Type>().value(0), 1);
        // A slow reader slows down the statement, which uses little memory.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(resident(&server) < 600 << 20, "{} bytes", resident(&server));
        assert!(get(&server, "/metrics").contains("portrait_connections{door=\"flight\"} 1"));
        drop(stream);
        let until = Instant::now() + Duration::from_secs(10);
        while !get(&server, "/metrics").contains("portrait_statements_running 0") {
            assert!(Instant::now() < until, "a statement whose reader is gone goes on");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(one(&mut client, "SELECT 1 AS a").await, 1);
    });
}

/// The server's memory in bytes.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) << 10
}

/// A page of the server, with its status.
fn get(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.http.unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_stop_lets_statements_end() {
    let directory = database(ROWS);
    let mut server = serve(directory.path(), &["--grace", "1"]);
    block_on(async {
        let mut client = connect(&server).await;
        assert_eq!(one(&mut client, "SELECT count(*) AS n FROM t").await, 5000);
        let began = Instant::now();
        let stopped = std::process::Command::new("kill").args(["-TERM", &server.process.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        assert!(server.process.wait().unwrap().success());
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(client.execute("SELECT 1".into(), None).await.is_err());
    });
}
