//! GROUP BY of one or two keys against DataFusion's own aggregation: the same rows, whatever the types, partitions, batches and memory.

use portraitdb::{Engine, EngineOptions, Session};

use super::support::{About, Dice, cases, is_long, rows, session_with, some};

const KEYS: [&str; 10] = ["tiny", "small", "whole", "wide", "day", "moment", "yes", "word", "long", "code"];

const VALUES: [&str; 7] = ["whole", "price", "ratio", "day", "moment", "word", "yes"];

/// A table with NULLs in every column, sometimes many.
fn table(dice: &mut Dice, engine: &Engine, session: &Session) {
    let (count, keys) = (dice.pick(&[0, 1, 40, 400, 3000]), dice.pick(&[1, 3, 30, 1000]));
    let nulls = dice.pick(&[0, 5, 60]);
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let key = dice.below(keys) as i64 - keys as i64 / 3;
        let far = if dice.chance(3) { dice.pick(&[i64::MIN, i64::MAX]) } else { key.wrapping_mul(0x1234_5678_9abc_def1) };
        let cells = [
            format!("CAST({} AS SMALLINT)", key % 100),
            format!("CAST({} AS INT)", key * 17),
            key.to_string(),
            format!("CAST('{far}' AS BIGINT)"),
            format!("DATE '2024-01-01' + CAST({key} AS INT)"),
            format!("TIMESTAMP '2024-01-01 00:00:00' + INTERVAL '{} seconds'", key * 1001),
            (key % 2 == 0).to_string(),
            format!("'{}'", ["", "app", "网店", "store", "twelve bytes"][key.unsigned_abs() as usize % 5]),
            format!("'a text that is longer than a view, number {key}'"),
            format!("'C{key}'"),
            format!("CAST({} AS DECIMAL(12,2))", dice.below(100_000) as f64 / 100.0 - 200.0),
            // Quarters add up exactly in any order.
            format!("CAST({} AS DOUBLE)", dice.below(10_000) as f64 / 4.0 - 500.0),
        ];
        let cells: Vec<String> = cells.into_iter().map(|cell| dice.or_null(nulls, |_| cell)).collect();
        values.push(format!("({})", cells.join(", ")));
    }
    rows(engine, session, "DROP TABLE IF EXISTS t");
    rows(
        engine,
        session,
        "CREATE TABLE t (tiny SMALLINT, small INT, whole BIGINT, wide BIGINT, day DATE, moment TIMESTAMP, yes BOOLEAN, word VARCHAR, \
         long VARCHAR, code VARCHAR, price DECIMAL(12,2), ratio DOUBLE)",
    );
    for chunk in values.chunks(500) {
        rows(engine, session, &format!("INSERT INTO t VALUES {}", chunk.join(", ")));
    }
}

fn aggregate(dice: &mut Dice) -> String {
    let (any, number) = (dice.pick(&VALUES), dice.pick(&["whole", "price", "ratio", "small", "price * 10000000000000000"]));
    let call = match dice.below(13) {
        0 => "count(*)".into(),
        1 => format!("count({any})"),
        2 | 3 => format!("sum({number})"),
        4 => format!("min({any})"),
        5 => format!("max({any})"),
        6 => format!("avg({number})"),
        7 => dice.pick(&["bool_and(yes)", "bool_or(yes)"]).to_string(),
        8 => format!("{}(whole)", dice.pick(&["bit_and", "bit_or", "bit_xor"])),
        9 => format!("preference({})", dice.pick(&["word", "code"])),
        10 => format!("histogram({})", dice.pick(&["word", "yes"])),
        11 => dice
            .pick(&["sum(5)", "avg(CAST(2.5 AS DECIMAL(4,1)))", "min(3)", "max(DATE '2024-02-29')", "sum(CAST(NULL AS INT))"])
            .to_string(),
        _ => format!("preference_share({})", dice.pick(&["word", "long"])),
    };
    match dice.below(4) {
        0 => format!("{call} FILTER (WHERE {})", dice.pick(&["yes", "whole > 0", "word = 'app'", "price IS NULL"])),
        _ => call,
    }
}

fn query(dice: &mut Dice) -> String {
    let mut keys: Vec<String> = (0..dice.between(1, 2)).map(|_| dice.pick(&KEYS).to_string()).collect();
    keys.dedup();
    if dice.chance(15) {
        keys[0] = dice.pick(&["whole % 5", "upper(word)", "date_trunc('day', moment)", "coalesce(code, 'none')"]).to_string();
    }
    let aggregates: Vec<String> = match dice.below(8) {
        0 => vec![],
        1 => vec![format!("count(DISTINCT {})", dice.pick(&VALUES))],
        _ => (0..dice.pick(&[1, 2, 3, 4, 12])).map(|_| aggregate(dice)).collect(),
    };
    let condition = dice.pick(&["", " WHERE whole > 0", " WHERE yes", " WHERE false", " WHERE word <> 'app'"]);
    let having = dice.pick(&["", "", "", " HAVING count(*) > 1"]);
    let columns: Vec<String> =
        keys.iter().chain(&aggregates).enumerate().map(|(column, text)| format!("{text} AS c{column}")).collect();
    // The halves are in separate partitions, each with groups that the other does not have.
    let halves = "(SELECT * FROM t WHERE price > 300 UNION ALL SELECT * FROM t WHERE price <= 300 OR price IS NULL) AS t";
    let table = dice.pick(&["t", halves]);
    format!("SELECT {} FROM {table}{condition} GROUP BY {}{having}", columns.join(", "), keys.join(", "))
}

fn sorted(engine: &Engine, session: &Session, sql: &str) -> Vec<String> {
    let mut rows = rows(engine, session, sql);
    rows.sort();
    rows
}

fn switch(engine: &Engine, session: &Session, on: bool) {
    rows(engine, session, &format!("SET portrait.grouped_aggregation = {}", if on { "on" } else { "off" }));
}

#[test]
fn groups_are_those_of_the_engine() {
    let (mut taken, mut tried) = (0, 0);
    for seed in 0..cases(2, 24) {
        let mut dice = Dice(seed);
        let partitions = dice.pick(&[1, 2, 7]);
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        rows(&engine, &session, &format!("SET datafusion.execution.batch_size = {}", dice.pick(&[7, 100, 8192])));
        table(&mut dice, &engine, &session);
        for _ in 0..12 {
            let sql = query(&mut dice);
            let _about = About(format!("seed {seed}, {partitions} partitions: {sql}"));
            switch(&engine, &session, true);
            let ours = sorted(&engine, &session, &sql);
            taken += usize::from(rows(&engine, &session, &format!("EXPLAIN {sql}")).concat().contains("GroupedAggregateExec"));
            switch(&engine, &session, false);
            assert_eq!(ours, sorted(&engine, &session, &sql));
            tried += 1;
        }
    }
    assert!(taken > if is_long() { 100 } else { tried / 3 }, "only {taken} plans of {tried} were taken");
}

#[test]
fn groups_that_find_no_room_wait_on_disk() {
    const WORK: &str = "SELECT count(*), sum(n), sum(s), min(k), max(k) FROM (SELECT key AS k, count(*) AS n, sum(value) AS s, max(value) \
         FROM (SELECT (value * 7919) % 300007 AS key, value FROM range(900000)) GROUP BY key)";
    for key in some(["key % 1000, key", "key", "'customer number ' || key"], 1) {
        let work = WORK.replacen("key AS k", &format!("{} AS k", key.rsplit(", ").next().unwrap_or(key)), 1);
        let work = work.replace("GROUP BY key", &format!("GROUP BY {key}"));
        let _about = About(work.clone());
        let (engine, session) = session_with(EngineOptions { partitions: Some(2), ..EngineOptions::default() });
        let expected = rows(&engine, &session, &work);
        switch(&engine, &session, false);
        assert_eq!(expected, rows(&engine, &session, &work));
        for (partitions, megabytes) in some([(2, 24), (1, 16), (3, 32)], 1) {
            let options =
                EngineOptions { partitions: Some(partitions), memory_limit: Some(megabytes << 20), ..EngineOptions::default() };
            let (engine, session) = session_with(options);
            assert_eq!(rows(&engine, &session, &work), expected);
            let analyzed = rows(&engine, &session, &format!("EXPLAIN ANALYZE {work}")).concat();
            let waited = analyzed.split("rows_that_waited=").nth(1).and_then(|text| text.split([',', ']']).next());
            assert!(waited.is_some_and(|rows| rows.trim() != "0"), "{partitions} partitions, {megabytes} MB: {analyzed}");
        }
    }
}

#[test]
fn a_plan_runs_again_and_shows_its_way() {
    let (engine, session) = session_with(EngineOptions { partitions: Some(2), ..EngineOptions::default() });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.parquet");
    let copy =
        format!("COPY (SELECT value % 100 + 1 AS customer_id, value AS amount FROM range(100000)) TO '{}'", file.display());
    rows(&engine, &session, &copy);
    let work = format!("SELECT customer_id, sum(amount) AS s FROM '{}' GROUP BY customer_id", file.display());
    let plan = rows(&engine, &session, &format!("EXPLAIN {work}")).concat();
    assert!(plan.contains("GroupedAggregateExec: keys=[customer_id@0] in array 1..=100"), "{plan}");
    for (key, table) in [
        ("customer_id * 1000000007", "hash table of integers (its range is unknown)"),
        ("CAST(customer_id AS VARCHAR)", "hash table of texts, aggregates"),
    ] {
        let sql = format!("EXPLAIN SELECT count(*) FROM '{}' GROUP BY {key}", file.display());
        let plan = rows(&engine, &session, &sql).concat();
        assert!(plan.contains(table), "{plan}");
    }
    let reason = |sql: &str| {
        let plan = rows(&engine, &session, &format!("EXPLAIN {sql}")).concat();
        plan.split("NotGroupedAggregate: reason=[").nth(1).and_then(|text| text.split(']').next()).map(str::to_owned)
    };
    for (keys, aggregate, expected) in [
        ("customer_id", "sum(amount)", None),
        ("customer_id, amount % 2, amount % 3", "count(*)", Some("3 keys")),
        ("CAST(customer_id AS DOUBLE)", "count(*)", Some("a key of type Float64")),
        ("ROLLUP (customer_id)", "count(*)", Some("several sets of keys")),
        ("customer_id", "median(amount)", Some("median is not among the aggregates for it")),
        ("customer_id", "array_agg(amount ORDER BY amount)", Some("array_agg follows the order of rows")),
    ] {
        let sql = format!("SELECT {aggregate} FROM '{}' GROUP BY {keys}", file.display());
        assert_eq!(reason(&sql).as_deref(), expected, "{sql}");
    }
    switch(&engine, &session, false);
    assert_eq!(reason(&work).as_deref(), Some("portrait.grouped_aggregation is off"));
    switch(&engine, &session, true);
    // The join relies on the partitions of the result, and a recursive query runs its plan again in each round.
    let joined =
        format!("SELECT count(*), sum(a.s) FROM ({work}) AS a JOIN ({work}) AS b ON a.customer_id = b.customer_id AND a.s = b.s");
    assert_eq!(rows(&engine, &session, &joined), ["100|4999950000"]);
    let rounds = "WITH RECURSIVE r AS (SELECT 1 AS n, CAST(0 AS BIGINT) AS s UNION ALL \
         SELECT n + 1, t.s FROM r, (SELECT value % 2 AS k, count(*) AS s FROM range(10) GROUP BY value % 2) AS t WHERE n < 4 AND t.k = 1) \
         SELECT n, s FROM r ORDER BY n";
    assert_eq!(rows(&engine, &session, rounds), ["1|0", "2|5", "3|5", "4|5"]);
    let explained = rows(&engine, &session, &format!("EXPLAIN ANALYZE {work}")).concat();
    assert!(explained.contains("groups=100"), "{explained}");
}
