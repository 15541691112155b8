//! Criterion benchmarks for `benches/sql/<domain>/*.sql`: in each file, all statements except the last are set-up, and the last one is timed.
//!
//! `cargo bench` runs all, `cargo bench -- rfm` those whose name contains `rfm`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what is wrong")]

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
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

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = sql
}
criterion_main!(benches);
