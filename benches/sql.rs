//! Criterion benchmarks for `benches/sql/<domain>/*.sql`: in each file, all statements except the last are set-up, and the last one is timed.
//!
//! `cargo bench` runs all, `cargo bench -- rfm` those whose name contains `rfm`, and `cargo bench -- limit` compares GROUP BY with plain loops.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what is wrong")]

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use portraitdb::{Engine, EngineOptions};

fn sql(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/sql");
    for domain in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&domain).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(&root).unwrap().with_extension("").display().to_string();
            let script = std::fs::read_to_string(&file).unwrap();
            let engine = Engine::open(EngineOptions::default()).unwrap();
            let session = engine.session().unwrap();
            let mut statements = engine.block_on(session.parse(&script)).unwrap();
            let timed = statements.pop().unwrap().text;
            for statement in statements {
                engine.block_on(async { session.execute(statement).await.unwrap().collect().await.unwrap() });
            }
            criterion.bench_function(&name, |bencher| bencher.iter(|| engine.block_on(session.sql(&timed)).unwrap()));
        }
    }
}

/// GROUP BY of rows in memory, in one thread, beside the least that it could cost: a loop over the same arrays that adds to an array of
/// measures, and one that only reads them.
fn limit(criterion: &mut Criterion) {
    const ROWS: usize = 5_000_000;
    const CUSTOMERS: usize = 1_000_003;
    let engine = Engine::open(EngineOptions { partitions: Some(1), ..EngineOptions::default() }).unwrap();
    let session = engine.session().unwrap();
    let run = |sql: &str| engine.block_on(session.sql(sql)).unwrap();
    run(&format!(
        "CREATE TABLE orders AS SELECT value * 7919 % {CUSTOMERS} AS customer, value % 86400 AS moment, value % 100000 AS amount FROM range({ROWS})"
    ));
    let rows = run("SELECT customer, moment, amount FROM orders");
    let columns: Vec<[&[i64]; 3]> = rows
        .iter()
        .map(|batch| [0, 1, 2].map(|column: usize| &batch.column(column).as_primitive::<Int64Type>().values()[..]))
        .collect();
    let mut group = criterion.benchmark_group("limit");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("group_by", |bencher| {
        bencher.iter(|| run("SELECT sum(n), max(s), max(m) FROM (SELECT count(*) AS n, sum(amount) AS s, max(moment) AS m FROM orders GROUP BY customer)"));
    });
    group.bench_function("rfm", |bencher| {
        bencher.iter(|| {
            run("SELECT count(*), sum(recency_score) FROM rfm((SELECT customer, to_timestamp(moment) AS moment, amount FROM orders), customer => customer, \
                 order_time => moment, amount => amount)")
        });
    });
    group.bench_function("plain_loop", |bencher| {
        bencher.iter(|| {
            let mut measures = vec![(0_u64, 0_i128, i64::MIN); CUSTOMERS];
            for [customers, moments, amounts] in &columns {
                for ((customer, moment), amount) in customers.iter().zip(*moments).zip(*amounts) {
                    let (orders, sum, last) = &mut measures[*customer as usize];
                    *orders += 1;
                    *sum += i128::from(*amount);
                    *last = (*last).max(*moment);
                }
            }
            measures.iter().map(|(orders, sum, last)| i128::from(*orders) ^ sum ^ i128::from(*last)).max()
        });
    });
    group.bench_function("reading", |bencher| {
        bencher.iter(|| {
            columns.iter().flatten().map(|values| values.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value))).max()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = sql, limit
}
criterion_main!(benches);
