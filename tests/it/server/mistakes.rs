//! Statements with random mistakes over the wire, from several clients at once: each gets an answer, and no session gets what is another's.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{block_on, config, connect, database, serve};
use crate::mutants::{Scene, changed, mutated, scenes};
use crate::support::{Dice, cases, from_environment};

const CLIENTS: u64 = 3;
/// Statements of a client in a row, over the tables of one scene.
const STATEMENTS: u64 = 25;
const LONGEST: Duration = Duration::from_secs(10);

/// What is wrong with the answer to a statement.
async fn fault(client: &Client, sql: &str) -> Option<String> {
    let began = Instant::now();
    let answer = tokio::time::timeout(LONGEST, client.simple_query(sql)).await;
    let told = match &answer {
        Err(_) => return Some(format!("no answer after {LONGEST:?}")),
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.as_db_error().map(|error| (error.code().code().to_string(), error.message().to_string())),
    };
    let texts = ["panicked", "internal error", "Internal error", "bug in DataFusion"];
    match told {
        Some((code, text)) if code.starts_with("XX") || texts.iter().any(|part| text.contains(part)) => {
            Some(format!("{code} {text}"))
        }
        // The driver gives up on answers that it does not expect, such as those of COPY; the connection stays.
        _ if client.is_closed() && !sql.contains("terminate") => {
            Some(format!("the connection ended after {:?}", began.elapsed()))
        }
        _ => None,
    }
}

/// Rows of its own temporary table show whose session a client has.
async fn is_own(client: &Client, number: u64) -> bool {
    let Ok(rows) = client.query("SELECT client FROM pg_temp.whose", &[]).await else { return true };
    rows.iter().all(|row| row.get::<_, i64>(0) == i64::try_from(number).unwrap())
}

#[test]
fn mistakes_over_the_wire_are_answered() {
    let scenes: Vec<Scene> = scenes();
    let seeds: Vec<&Vec<String>> = scenes.iter().flat_map(|scene| &scene.seeds).collect();
    let directory = database("CREATE TABLE t AS SELECT 1 AS a");
    let server = serve(directory.path(), &["--memory-limit", "512MB"]);
    let (seed, each) = (from_environment("PORTRAIT_TEST_SEED", 13), cases(150, 600).div_ceil(CLIENTS));
    let (scenes, seeds, server) = (&scenes, &seeds, &server);
    let found: Vec<Vec<String>> = block_on(join_all((0..CLIENTS).map(async |number| {
        let (mut dice, mut wrong) = (Dice(seed + number), vec![]);
        for _ in 0..each.div_ceil(STATEMENTS) {
            let client = connect(&config(server, "ada")).await.unwrap();
            // The statements of others may change the database meanwhile, so that this one has to run again.
            let whose = format!("CREATE TEMPORARY TABLE IF NOT EXISTS whose AS SELECT {number} AS client");
            while let Err(error) = client.batch_execute(&whose).await {
                assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{error}");
            }
            let scene = &scenes[dice.below(scenes.len())];
            for sql in &scene.setup {
                let _ = client.simple_query(sql).await;
            }
            for _ in 0..STATEMENTS {
                let sql = if dice.chance(60) { changed(&mut dice, scene) } else { mutated(&mut dice, scene, seeds) };
                let _ = client.batch_execute("SET statement_timeout = 2000").await;
                if let Some(fault) = fault(&client, &sql).await {
                    wrong.push(format!("{fault}\n{sql}\n"));
                }
                if client.is_closed() {
                    break;
                }
            }
            let _ = client.batch_execute("ROLLBACK").await;
            if !is_own(&client, number).await {
                wrong.push(format!("client {number} has the table of another"));
            }
        }
        wrong
    })));
    let wrong = found.concat();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), each * CLIENTS, wrong.join("\n"));
    block_on(async { connect(&config(server, "ada")).await.unwrap().batch_execute("SELECT a FROM t").await.unwrap() });
}
