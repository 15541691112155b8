//! What each of four roles may do: a table of statements, with what comes of each for each role.

use tokio_postgres::Client;

use super::{block_on, code, config, connect, database, serve};

const ROLES: [&str; 4] = ["chief", "olga", "rita", "stan"];

/// Olga owns everything; rita was granted some of it.
const SCENE: &str = "CREATE ROLE chief LOGIN SUPERUSER PASSWORD 'of chief'; CREATE ROLE olga LOGIN PASSWORD 'of olga';
    CREATE ROLE rita LOGIN PASSWORD 'of rita'; CREATE ROLE stan LOGIN PASSWORD 'of stan'; CREATE ROLE nobody;
    GRANT CREATE ON DATABASE portrait TO olga; GRANT CREATE ON SCHEMA public TO olga; SET ROLE olga;
    CREATE TABLE t AS SELECT value AS id, 'name ' || value AS name, value * 10 AS pay FROM generate_series(1, 20);
    CREATE TABLE hidden AS SELECT 1 AS a, DATE '2025-01-01' AS day; CREATE TABLE written AS SELECT 1 AS a;
    CREATE TABLE changed AS SELECT 1 AS a; CREATE CHECK known ON changed AS a > 0;
    CREATE TABLE dated AS SELECT DATE '2025-01-01' AS day; CREATE TABLE checked AS SELECT 1 AS a;
    CREATE CHECK positive ON checked AS a > 0; CREATE SCHEMA shop; CREATE SCHEMA vault; CREATE TABLE shop.items AS SELECT 1 AS a;
    CREATE TABLE shop.costs AS SELECT 1 AS a; CREATE TABLE vault.gold AS SELECT 1 AS a;
    CREATE VIEW v AS SELECT id, name FROM t WHERE id > 10; CREATE VIEW hidden_view AS SELECT id FROM t;
    CREATE VIEW through AS SELECT * FROM hidden; CREATE SEQUENCE counter; CREATE SEQUENCE hidden_counter;
    CREATE PROFILE customer WITH (key = 'id') AS SELECT id, name FROM t; CREATE TAG spend ON customer AS SELECT id, pay FROM t;
    CREATE TAG unused ON customer AS SELECT id, 1 FROM t; CREATE SEGMENT rich ON customer AS spend > 100;
    CREATE SEGMENT poor ON customer AS spend < 50; CREATE PROFILE internal WITH (key = 'id') AS SELECT id FROM t;
    REFRESH PROFILE customer; REFRESH PROFILE internal; CREATE FUNCTION rows_of(n BIGINT) AS SELECT id FROM t WHERE id <= $n;
    CREATE FUNCTION hidden_rows() AS SELECT a FROM hidden; CREATE SCHEDULE nightly WITH (every = INTERVAL '1 day') AS SELECT 1;
    GRANT SELECT ON t TO rita; GRANT SELECT ON v TO rita; GRANT SELECT ON through TO rita; GRANT INSERT ON written TO rita;
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON changed TO rita; GRANT USAGE ON SCHEMA shop TO rita;
    GRANT SELECT ON shop.items TO rita; GRANT USAGE ON SEQUENCE counter TO rita; GRANT SELECT, REFRESH ON PROFILE customer TO rita;
    GRANT SELECT ON SEGMENT rich TO rita; GRANT USAGE ON FUNCTION rows_of TO rita";

/// What comes of a statement, in a letter of the table.
async fn outcome(client: &Client, sql: &str) -> char {
    let done =
        if sql.ends_with("TO STDOUT") { client.copy_out(sql).await.map(drop) } else { client.simple_query(sql).await.map(drop) };
    let Err(error) = done else { return '+' };
    match code(&error).code() {
        "42501" => '-',
        "42P01" | "42704" | "42883" => '0',
        _ => '?',
    }
}

#[test]
fn each_role_may_do_what_the_table_says() {
    let (directory, files) = (database(SCENE), tempfile::tempdir().unwrap());
    let folder = files.path().display().to_string();
    std::fs::write(files.path().join("rows.csv"), "a\n1\n").unwrap();
    let server = serve(directory.path(), &["--files", &folder]);
    let lines = include_str!("rights.txt").lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<(&str, &str)> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let mut wrong = vec![];
    block_on(async {
        let mut clients = vec![];
        for role in ROLES {
            clients.push((role, connect(config(&server, role).password(format!("of {role}"))).await.unwrap()));
        }
        for (expected, sql) in &lines {
            let mut letters = String::new();
            for ((role, client), letter) in clients.iter().zip(expected.chars()) {
                let sql = sql.replace("{files}", &folder).replace("{role}", role);
                let reads = ["SELECT", "TABLE", "VALUES", "WITH", "EXPLAIN", "SHOW", "DESCRIBE"];
                let is_undone = letter == '+' && !expected.ends_with('*') && !reads.iter().any(|word| sql.starts_with(word));
                if is_undone {
                    client.batch_execute("BEGIN").await.unwrap();
                }
                letters.push(outcome(client, &sql).await);
                if is_undone {
                    client.batch_execute("ROLLBACK").await.unwrap();
                }
            }
            if expected.trim_end_matches('*') != letters {
                wrong.push(format!("{letters} instead of {expected}: {sql}"));
            }
        }
    });
    assert!(lines.len() >= 200 && wrong.is_empty(), "{}", wrong.join("\n"));
}
