//! No statement exceeds its limits of memory and time.

use std::time::{Duration, Instant};

use crate::support::{self, portrait, rows, session, some, try_rows};

const LIMIT: u64 = 256;
/// Memory of the program itself, and what operators use without counting it.
const BESIDE: u64 = 576;

/// Exit code, output, peak memory in megabytes, and time.
fn watched(sql: &str) -> (Option<i32>, String, u64, Duration) {
    support::watched(portrait().args(["--memory-limit", "256MB", "-c", sql]), 4 * (LIMIT + BESIDE))
}

/// One-line statements that would build gigabytes.
#[test]
#[cfg(target_os = "linux")]
fn small_statements_take_no_large_memory() {
    let of_rows = "FROM generate_series(1, 20000) t(c)";
    let bombs = [
        "SELECT length(repeat('x', 1000000000))".to_string(),
        format!("SELECT length(repeat('x', c * 100000)) {of_rows}"),
        "SELECT length(rpad('x', 1000000000))".to_string(),
        format!("SELECT length(rpad('x', c * 500000000)) {of_rows}"),
        format!("SELECT length(lpad('x', c * 1000, 'ab')) {of_rows}"),
        format!("SELECT length(replace(repeat('a', 10000), 'a', repeat('b', c))) {of_rows}"),
        format!(
            "SELECT length(regexp_replace(repeat('a', 10000), 'a', repeat('b', 1000), 'g') || c::text) {of_rows} WHERE c < 20"
        ),
        format!("SELECT length(concat(repeat('x', 20000000), c, repeat('y', 20000000))) {of_rows}"),
        format!("SELECT length(concat_ws(repeat('x', 1000000), c, c, c, c)) {of_rows}"),
        format!("SELECT length(repeat('x', 60000000) || c::text) {of_rows}"),
        "SELECT length(a || a || a || a || a || a || a || a) FROM (SELECT repeat('x', 60000000) || now()::text AS a)".to_string(),
        format!("SELECT repeat('x', 60000000) {of_rows}"),
        format!("SELECT cardinality(range(0, c * 100000000000)) {of_rows}"),
        "SELECT cardinality(range(0, 20000000))".to_string(),
        "SELECT count(*) FROM (SELECT unnest(range(0, 20000000)))".to_string(),
        "SELECT cardinality(generate_series(TIMESTAMP '1970-01-01', TIMESTAMP '2200-01-01', INTERVAL '1 second'))".to_string(),
        "SELECT cardinality(range(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '1 month -31 days'))".to_string(),
        "SELECT cardinality(array_repeat(1, 100000000))".to_string(),
        format!("SELECT cardinality(array_repeat(array_repeat(c, 10000), 10000)) {of_rows}"),
        format!("SELECT cardinality(array_resize([c], 10000000, 1)) {of_rows}"),
        "SELECT length(array_to_string(range(0, 500000), repeat('x', 1000000)))".to_string(),
        format!("SELECT cardinality(string_to_array(repeat('a,', 1000000 + c), ',')) {of_rows}"),
        "SELECT sum(length(b)) FROM (SELECT unnest(range(0, 500000)) AS a, repeat('x', 1000000) AS b)".to_string(),
        format!("SELECT max(cardinality(a)) FROM (SELECT array_agg(c) OVER (ORDER BY c) AS a {of_rows})"),
        format!("SELECT max(length(a)) FROM (SELECT string_agg(c::text, ',') OVER (ORDER BY c) AS a {of_rows})"),
        format!("SELECT length(string_agg(repeat('x', 20000 + c), '')) {of_rows}"),
        format!("SELECT length(overlay(repeat('x', 50000000) PLACING c::text FROM 1)) {of_rows}"),
        format!("SELECT length(substr(repeat('x', 50000000), c)) {of_rows}"),
        format!("SELECT length(translate(repeat('x', 50000000), 'x', c::text)) {of_rows}"),
        "SELECT cardinality(array_concat(array_repeat(1, 3000000), [c])) FROM generate_series(1, 50) t(c)".into(),
        format!("SELECT cardinality([repeat('x', 50000000), c::text]) {of_rows}"),
        format!(
            "SELECT count(*) FROM (SELECT 1 {of_rows} GROUP BY CUBE({}))",
            (0..28).map(|column| format!("c + {column}")).collect::<Vec<_>>().join(", ")
        ),
    ];
    let mut wrong = vec![];
    for sql in some(bombs, 4) {
        let (code, said, most, took) = watched(&sql);
        let answered = code == Some(0) || (code == Some(1) && !said.contains("panicked") && !said.contains("nternal error"));
        if !answered || most > LIMIT + BESIDE || took > Duration::from_secs(60) {
            wrong.push(format!("{code:?}, {most} MB, {:.1} s: {said}{sql}", took.as_secs_f64()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Texts that would take hours to parse or overflow the stack are rejected at once, with the position.
/// Readers hold a few pieces of a file, whatever its size.
#[test]
#[cfg(target_os = "linux")]
fn files_are_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let filler = "x".repeat(300);
    let of_size = |megabytes: usize, name: &str| {
        let path = folder.path().join(name);
        let lines = megabytes * (1 << 20) / 340;
        let text: String = match name.rsplit('.').next() {
            Some("csv") => (0..lines).map(|line| format!("{line},\"{filler}\",{}\n", line % 7)).collect(),
            Some("ndjson") => {
                (0..lines).map(|line| format!("{{\"k\":{line},\"text\":\"{filler}\",\"n\":{}}}\n", line % 7)).collect()
            }
            _ => {
                let objects = (0..lines).map(|line| format!("{{\"k\":{line},\"text\":\"{filler}\",\"n\":{}}}", line % 7));
                format!("[{}]", objects.collect::<Vec<_>>().join(","))
            }
        };
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    for end in some(["json", "csv", "ndjson"], 1) {
        let format = if end == "csv" { "CSV" } else { "JSON" };
        let options = if end == "csv" { " OPTIONS ('header' 'false')" } else { "" };
        let most = |megabytes: usize| {
            let file = of_size(megabytes, &format!("{megabytes}.{end}"));
            let table = format!(
                "CREATE EXTERNAL TABLE t (k BIGINT, text VARCHAR, n BIGINT) STORED AS {format} LOCATION '{file}'{options}"
            );
            let (code, said, most, _) = watched(&format!("{table}; SELECT n, count(text), sum(k) FROM t GROUP BY n"));
            assert_eq!(code, Some(0), "{end}: {said}");
            most
        };
        let (small, large) = (most(8), most(64));
        assert!(large < small + 24, "{end}: {small} MB, {large} MB");
    }
}

#[test]
fn deep_statements_are_refused() {
    let (engine, session) = session();
    let many = 60_000;
    let parts = [
        "CAST(",
        "TRY_CAST(",
        "POSITION(",
        "ARRAY[",
        "EXTRACT(",
        "SUBSTRING(",
        "TRIM(",
        "OVERLAY(",
        "CEIL(",
        "CONVERT(",
        "(",
        "[",
        "{",
        "abs(",
        "NOT ",
        "- ",
        "+ ",
        "~ ",
        "INTERVAL ",
        "PRIOR ",
        "DISTINCT ",
        "CASE ",
        "CASE WHEN ",
        "EXISTS(",
        "a.",
        "x -> ",
        "(SELECT ",
        "1 IN (",
        "CAST(1 AS ARRAY<",
        "CAST(1 AS STRUCT<a ",
    ];
    for part in some(parts, 8) {
        for end in ["", "1", "1 1"] {
            let sql = format!("SELECT {}{end}", part.repeat(many / part.len()));
            let began = Instant::now();
            let error = try_rows(&engine, &session, &sql).unwrap_err();
            assert!(began.elapsed() < Duration::from_secs(10), "{part}");
            assert!(error.contains("line 1") && error.len() < 400, "{part}: {error}");
        }
    }
    for sql in [
        format!("{}SELECT 1", "EXPLAIN ".repeat(many)),
        format!("{}SELECT 1", "EXPLAIN ANALYZE VERBOSE ".repeat(many)),
        format!("CREATE PROFILE a WITH (key = {}", "CAST(".repeat(40)),
        format!("CREATE SEGMENT a ON b AS {}1", "NOT ".repeat(many)),
        format!("SELECT * FROM generate_series(1, 2){}", " |> WHERE true".repeat(many)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(many)),
        format!("SELECT 1 FROM t{}", ", t".repeat(many)),
        format!("SELECT 1{}", ", 1".repeat(many)),
        format!("SELECT 1 FROM t ORDER BY 1{}", ", 1".repeat(many)),
        format!("SELECT arrow_cast(1, '{}')", "List(".repeat(many)),
    ] {
        let began = Instant::now();
        let error = try_rows(&engine, &session, &sql).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10) && error.len() < 400, "{}…: {error}", &sql[..60]);
    }
    assert_eq!(rows(&engine, &session, "SELECT 'still here'"), ["still here"]);
}

/// An error within expressions that the parser tries in two ways is reported at once, and valid ones are parsed at any depth.
#[test]
fn mistakes_deep_inside_are_told_at_once() {
    let (engine, session) = session();
    for (open, close) in [
        ("CAST(", " AS INT)"),
        ("TRY_CAST(", " AS INT)"),
        ("POSITION(", " IN '1')"),
        ("ARRAY[", "]"),
        ("SUBSTRING(", " FROM 1)"),
        ("OVERLAY(", " PLACING '1' FROM 1)"),
        ("CEIL(", ")"),
        ("CONVERT(", ", INT)"),
        ("CAST(POSITION(ARRAY[", "] IN '1') AS INT)"),
    ] {
        let levels = 45 / open.matches(['(', '[']).count();
        let sql = format!("SELECT {}1 1{}", open.repeat(levels), close.repeat(levels));
        let began = Instant::now();
        let error = try_rows(&engine, &session, &sql).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10), "{open}");
        assert!(error.to_lowercase().contains("line") && error.contains("syntax"), "{open}: {error}");
    }
    let deep = format!("SELECT {}1{}", "CAST(".repeat(45), " AS INT)".repeat(45));
    assert_eq!(rows(&engine, &session, &deep), ["1"]);
    let deep = format!("SELECT * FROM {}VALUES (1){}", "(SELECT * FROM (".repeat(20), "))".repeat(20));
    assert_eq!(rows(&engine, &session, &deep), ["1"]);
    // Subqueries in expressions double the work at every level.
    let nested = |levels: usize| format!("SELECT {}1{}", "(SELECT ".repeat(levels), ")".repeat(levels));
    assert_eq!(rows(&engine, &session, &nested(8)), ["1"]);
    assert!(try_rows(&engine, &session, &nested(45)).unwrap_err().contains("more than 20000 steps"));
}

/// Thirty CTEs that each read the previous one twice would be a billion steps.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn plans_have_a_size() {
    let (engine, session) = session();
    let mut sql = String::from("WITH c0 AS (SELECT 1 AS a)");
    for level in 1..=30 {
        sql.push_str(&format!(", c{level} AS (SELECT x.a FROM c{} x, c{} y)", level - 1, level - 1));
    }
    let error = try_rows(&engine, &session, &format!("{sql} SELECT * FROM c30")).unwrap_err();
    assert!(error.contains("query: reads more than 4000 tables"), "{error}");
    let chain = |length: usize| {
        let links: String = (1..length).map(|link| format!(", c{link} AS (SELECT a + 1 AS a FROM c{})", link - 1)).collect();
        format!("WITH c0 AS (SELECT 1 AS a){links} SELECT * FROM c{}", length - 1)
    };
    assert_eq!(rows(&engine, &session, &chain(100)), ["100"]);
    let error = try_rows(&engine, &session, &chain(2_000)).unwrap_err();
    assert!(error.contains("more than 500 queries with a name"), "{error}");
    let windows = |count: usize| {
        let sums: Vec<String> = (0..count).map(|number| format!("sum(a) OVER (ORDER BY a + {number})")).collect();
        format!("SELECT {} FROM (VALUES (1)) AS t(a)", sums.join(", "))
    };
    let error = try_rows(&engine, &session, &windows(251)).unwrap_err();
    assert!(error.contains("query: has more than 250 windows"), "{error}");
    let values = format!("SELECT count(*) FROM (VALUES {}(1)) AS t(a)", "(1),".repeat(500_000));
    let error = try_rows(&engine, &session, &values).unwrap_err();
    assert!(error.contains("more than 2000000 words, signs and values in one statement"), "{error}");
    let laterals = |count: usize| {
        let laterals: String = (0..count)
            .map(|number| format!(", LATERAL (SELECT x FROM (VALUES (1)) AS u(x) WHERE u.x >= t.a) AS l{number}"))
            .collect();
        format!("SELECT count(*) FROM (VALUES (1)) AS t(a){laterals}")
    };
    assert_eq!(rows(&engine, &session, &laterals(4)), ["1"]);
    let error = try_rows(&engine, &session, &laterals(30)).unwrap_err();
    assert!(error.contains("steps"), "{error}");
    let exist: Vec<String> =
        (0..12).map(|number| format!("EXISTS (SELECT 1 FROM (VALUES (1)) AS u(x) WHERE u.x = t.a + {number})")).collect();
    let exist = format!("SELECT {} FROM (VALUES (1)) AS t(a)", exist.join(" OR "));
    assert_eq!(rows(&engine, &session, &exist), ["true"]);
    let mut failed = None;
    for level in 0..30 {
        let body = if level == 0 { "SELECT 1 AS a".into() } else { format!("SELECT x.a FROM v{0} x, v{0} y", level - 1) };
        failed = failed.or(try_rows(&engine, &session, &format!("CREATE VIEW v{level} AS {body}")).err());
    }
    assert!(failed.unwrap().contains("steps"));
}

/// The greatest depth that the setting allows is safe.
#[test]
fn the_deepest_is_safe() {
    let (engine, session) = session();
    rows(&engine, &session, "SET datafusion.sql_parser.recursion_limit = 200");
    let error = try_rows(&engine, &session, "SET datafusion.sql_parser.recursion_limit = 201").unwrap_err();
    assert!(error.contains("must be from 1 to 200, got 201"), "{error}");
    for (open, close) in [("(", ")"), ("abs(", ")"), ("CAST(", " AS INT)"), ("- ", ""), ("CASE WHEN true THEN ", " END")] {
        let sql = format!("SELECT {}1{}", open.repeat(190), close.repeat(190));
        assert!(matches!(rows(&engine, &session, &sql).as_slice(), [one] if one == "1"), "{open}");
    }
}
