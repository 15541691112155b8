//! The types that clients are told where a string or a count stands for another type, and settings that end statements.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{block_on, code, config, connect, database, serve};

/// The types of the columns of a query.
async fn told(client: &Client, query: &str) -> Vec<Type> {
    let statement = client.prepare(query).await.unwrap();
    statement.columns().iter().map(|column| column.type_().clone()).collect()
}

#[test]
fn json_is_json_and_lengths_are_numbers() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS id, '{\"a\": [1, 2]}' AS doc");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let query = "SELECT json_build_object('id', id), to_jsonb(id), doc -> 'a', doc ->> 'a', (SELECT to_json(1)), array_agg(to_json(id)),
                CASE WHEN id = 1 THEN json_build_array(id) END, CAST(to_json(id) AS TEXT)
            FROM t GROUP BY id, doc";
        let expected = [Type::JSON, Type::JSONB, Type::JSON, Type::TEXT, Type::JSON, Type::JSON_ARRAY, Type::JSON, Type::TEXT];
        assert_eq!(told(&client, query).await, expected);
        let query = "SELECT array_length([1, 2], 1), cardinality([1, 2, 3]), array_position([5, 6], 6), count(*) FROM t";
        assert_eq!(told(&client, query).await, [Type::INT8, Type::INT8, Type::INT8, Type::INT8]);
        let row = client.query_one(query, &[]).await.unwrap();
        assert_eq!((0..4).map(|place| row.get::<_, i64>(place)).collect::<Vec<_>>(), [2, 3, 2, 1]);
    });
}

/// REFRESH and CREATE of a definition take values, as texts unless their client declares another type.
#[test]
fn commands_have_parameters() {
    let directory = database("CREATE PROFILE p WITH (key = 'id') AS SELECT value AS id FROM range(10)");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let refresh = client.prepare("REFRESH PROFILE p WITH (as_of = $1)").await.unwrap();
        assert_eq!(refresh.params(), [Type::TEXT]);
        client.execute(&refresh, &[&"2025-06-30"]).await.unwrap();
        let create = client.prepare_typed("CREATE SEGMENT some ON p AS id > $1", &[Type::INT8]).await.unwrap();
        client.execute(&create, &[&6_i64]).await.unwrap();
        client.batch_execute("REFRESH SEGMENT some").await.unwrap();
        assert_eq!(client.query_one("SELECT count(*) FROM segment.some", &[]).await.unwrap().get::<_, i64>(0), 3);
        // What a definition calls its own takes no value.
        let tag = "CREATE TAG large ON p WITH (high = 7) AS SELECT id, $as_of > now() FROM profile.p WHERE id > $high";
        assert!(client.prepare(tag).await.unwrap().params().is_empty());
        let tag = client.prepare("CREATE TAG high ON p AS SELECT id, id > $high FROM profile.p").await.unwrap();
        let error = client.execute(&tag, &[]).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("give it in WITH (high"), "{error:?}");
    });
}

/// JSON and UUIDs are strings here; clients are told their types, in columns and in parameters.
#[test]
fn columns_of_json_and_uuids_are_told() {
    let directory = database("CREATE TABLE t (id INT PRIMARY KEY, a JSON, b JSONB, c UUID)");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        client.batch_execute("CREATE VIEW v AS SELECT c, b FROM t WHERE id > 0; CREATE TEMP TABLE own (b JSONB)").await.unwrap();
        let all = [Type::INT4, Type::JSON, Type::JSONB, Type::UUID];
        let insert = client.prepare("INSERT INTO t VALUES ($1, $2, $3, $4) RETURNING *").await.unwrap();
        assert_eq!(insert.params(), all);
        let types: Vec<_> = insert.columns().iter().map(|column| column.type_().clone()).collect();
        assert_eq!(types, all);
        let taken = |query: &'static str| {
            let client = &client;
            async move { client.prepare(query).await.unwrap().params().to_vec() }
        };
        assert_eq!(taken("UPDATE t SET b = $1 WHERE c = $2").await, [Type::JSONB, Type::UUID]);
        assert_eq!(taken("SELECT 1 FROM t WHERE c IN ($1, $2) OR c = ANY($3)").await, [Type::UUID, Type::UUID, Type::UUID_ARRAY]);
        assert_eq!(
            taken("SELECT $1::jsonb, $2::uuid, $3::json, $4::uuid[]").await,
            [Type::JSONB, Type::UUID, Type::JSON, Type::UUID_ARRAY]
        );
        assert_eq!(told(&client, "SELECT b, c, a FROM t").await, [Type::JSONB, Type::UUID, Type::JSON]);
        assert_eq!(told(&client, "SELECT * FROM v").await, [Type::UUID, Type::JSONB]);
        assert_eq!(told(&client, "SELECT b FROM own").await, [Type::JSONB]);
        let query = "SELECT x.b, y.c, coalesce(x.a, y.a), max(x.c), '{}'::jsonb, gen_random_uuid(), x.b || 'x', x.b::text
            FROM t x JOIN t y ON x.id = y.id GROUP BY x.b, y.c, x.a, y.a";
        let expected = [Type::JSONB, Type::UUID, Type::JSON, Type::TEXT, Type::JSONB, Type::UUID, Type::JSONB, Type::TEXT];
        assert_eq!(told(&client, query).await, expected);
    });
}

#[test]
fn types_that_planning_changes_are_told_before() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS qty, CAST(2 AS DECIMAL(10, 2)) AS amount, DATE '2025-01-31' AS day");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let query = "SELECT CASE WHEN qty > 1 THEN qty ELSE 0.5 END, day + INTERVAL '1 hour', day + INTERVAL '1 day' FROM t";
        assert_eq!(told(&client, query).await, [Type::FLOAT8, Type::TIMESTAMP, Type::DATE]);
        let row = client.query_one(query, &[]).await.unwrap();
        assert_eq!(row.get::<_, f64>(0).to_bits(), 0.5_f64.to_bits());
        let rows = client.query("SELECT 1 AS a UNION ALL SELECT 1.5 ORDER BY a", &[]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, f64>(0).to_bits()).collect::<Vec<_>>(), [1.0, 1.5].map(f64::to_bits));
        // Also where a parameter has its value later.
        let rows = client.query("SELECT 1 AS a UNION ALL SELECT 1.5 WHERE $1 > 0 ORDER BY a", &[&1_i64]).await.unwrap();
        assert_eq!(rows[1].get::<_, f64>(0).to_bits(), 1.5_f64.to_bits());
    });
}

#[test]
fn explain_in_json_is_one_value() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS id");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        let query = "EXPLAIN (FORMAT JSON) SELECT id FROM t WHERE id > 0";
        let statement = client.prepare(query).await.unwrap();
        let columns: Vec<(&str, &Type)> = statement.columns().iter().map(|column| (column.name(), column.type_())).collect();
        assert_eq!(columns, [("QUERY PLAN", &Type::JSON)]);
        let answer = client.simple_query(query).await.unwrap();
        let plans: Vec<&str> = answer
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            })
            .collect();
        assert_eq!(plans.len(), 1);
        let plan: serde_json::Value = serde_json::from_str(plans[0]).unwrap();
        assert!(plan[0]["Plan"]["Node Type"].is_string(), "{plan}");
    });
}

#[test]
fn a_statement_that_waits_ends_at_its_timeout() {
    let directory = database("CREATE TABLE t AS SELECT 1 AS id");
    let server = serve(directory.path(), &[]);
    block_on(async {
        let client = connect(&config(&server, "ada")).await.unwrap();
        client.simple_query("SET statement_timeout = '300ms'").await.unwrap();
        for query in ["SELECT pg_sleep(60)", "SELECT id, pg_sleep(60) FROM t"] {
            let began = Instant::now();
            let error = client.simple_query(query).await.unwrap_err();
            assert_eq!(code(&error), &SqlState::QUERY_CANCELED);
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        }
        client.simple_query("RESET statement_timeout; SELECT pg_sleep(0.01)").await.unwrap();
    });
}

#[test]
fn a_role_is_set_as_any_setting() {
    let directory = database(
        "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'of the boss'; CREATE ROLE reader; CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO reader",
    );
    let server = serve(directory.path(), &[]);
    block_on(async {
        let mut config = config(&server, "boss");
        config.password("of the boss");
        let client = connect(&config).await.unwrap();
        for set in ["SET ROLE reader", "SET role TO 'reader'", "SET role = reader", "SET SESSION ROLE 'reader'"] {
            client.simple_query(set).await.unwrap();
            let role: String = client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0);
            assert_eq!(role, "reader", "{set}");
            client.simple_query("SET role TO 'none'").await.unwrap();
            let role: String = client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0);
            assert_eq!(role, "boss", "{set}");
        }
    });
}
