//! Properties of every refresh, over random profiles: tags computed together have the same values as each alone, and tags over the profile
//! equal plain SQL, in whatever order they were created.
//!
//! `PORTRAIT_TEST_CASES=2000` runs more cases.

use std::collections::BTreeSet;

use portraitdb::{Engine, Session};

use crate::support::{About, Dice, cases, is_long, rows, session};

/// A case has its own: in one of many cases, a table that is replaced would be checked against the profiles of all cases before.
struct Database {
    engine: Engine,
    session: Session,
}

impl Database {
    fn open() -> Self {
        let (engine, session) = session();
        Self { engine, session }
    }

    fn sql(&self, sql: &str) -> Vec<String> {
        rows(&self.engine, &self.session, sql)
    }

    /// Partitions and rows per batch.
    fn set(&self, partitions: usize, batch_size: usize) {
        self.sql(&format!(
            "SET datafusion.execution.target_partitions = {partitions}; SET datafusion.execution.batch_size = {batch_size}"
        ));
    }
}

// ── Tags that share sources ─────────────────────────────────────────────────────────────────────────────────────────

/// A tag over one source: key and value.
struct Rule {
    query: String,
    multiple: bool,
}

/// A condition on rows, from a small set, so that tags share some.
fn condition(dice: &mut Dice) -> String {
    let number = dice.between(0, 3);
    dice.pick(&[
        "x > 2".to_string(),
        "x <> 0".into(),
        format!("x >= {number}"),
        "g = 'a'".into(),
        "g IS NOT NULL".into(),
        "(y < 1.5 OR g = 'b')".into(),
        format!("day >= DATE '2025-01-0{}'", 1 + number),
        "x % 2 = 1 AND y > 0".into(),
        "g IN ('a', 'c')".into(),
        "NOT (x = 1)".into(),
        DIGITS.into(),
    ])
}

/// The condition under which text is a number.
const DIGITS: &str = "w ~ '^[0-9]+$'";

/// A call of an aggregate function; `10 / x` and `CAST(w AS BIGINT)` fail unless a condition protects them.
fn call(dice: &mut Dice, x_is_not_zero: bool, w_is_number: bool) -> String {
    let mut calls = vec![
        "count(*)".to_string(),
        "sum(x)".into(),
        "max(x)".into(),
        "min(g)".into(),
        "avg(y)".into(),
        "count(DISTINCT g)".into(),
        "count(DISTINCT x)".into(),
        "max(day)".into(),
        "bool_or(x > 3)".into(),
        "preference(g)".into(),
        "preference(g, abs(x))".into(),
        "preference_share(g)".into(),
        "first_value_by(g, day)".into(),
        "last_value_by(x, day)".into(),
        "trend(day, x)".into(),
        "first_value(x ORDER BY day, x, y, g)".into(),
        "sum(x * 2 + 1)".into(),
        "sum(CAST(y AS DECIMAL(10, 2)))".into(),
        // Types that need coercion.
        "sum(CASE WHEN g = 'a' THEN CAST(y AS DECIMAL(12, 2)) ELSE 0 END)".into(),
        "max(CASE WHEN x > 2 THEN 1 ELSE 2.5 END)".into(),
        "sum(coalesce(x, CAST(0.5 AS DECIMAL(3, 1))))".into(),
    ];
    if x_is_not_zero {
        // Usually an expression that the condition protects.
        calls.extend(["sum(10 / x)", "max(100 % x)", "bool_and(10 / x > 2)"].repeat(4).into_iter().map(String::from));
    }
    if w_is_number {
        calls.extend(["sum(CAST(w AS BIGINT))", "min(CAST(w AS DECIMAL(6, 1)) + x)"].repeat(4).into_iter().map(String::from));
    }
    let call = dice.pick(&calls);
    if dice.chance(25) { format!("{call} FILTER (WHERE {})", condition(dice)) } else { call }
}

fn value_of_rows(dice: &mut Dice) -> String {
    dice.pick(&[
        "g",
        "x",
        "x + 1",
        "CASE WHEN x > 3 THEN 'high' WHEN x > 1 THEN 'middle' ELSE 'low' END",
        "CASE WHEN y > 1 THEN g END",
        "CASE WHEN g IS NULL THEN 'none' WHEN x IS NULL THEN 'unknown' END",
        "x > 2",
        "day",
        "CASE WHEN x > 2 THEN 1 ELSE 2.5 END",
        "coalesce(CAST(y AS DECIMAL(12, 2)), x)",
    ])
    .into()
}

/// The same over rows where these expressions are safe.
fn value_of_safe_rows(dice: &mut Dice, x_is_not_zero: bool, w_is_number: bool) -> String {
    match dice.below(3) {
        0 if x_is_not_zero => "10 / x".into(),
        1 if w_is_number => "CAST(w AS BIGINT) % 5".into(),
        _ => value_of_rows(dice),
    }
}

fn rule(dice: &mut Dice) -> Rule {
    let source = dice.pick(&["s", "s", "s", "t"]);
    let mut conditions: Vec<String> = (0..dice.pick(&[0, 0, 1, 1, 2])).map(|_| condition(dice)).collect();
    let is_safe = conditions.iter().any(|condition| condition == "x <> 0" || condition == "x > 2");
    let w_is_number = conditions.iter().any(|condition| condition == DIGITS);
    let given = match conditions.as_slice() {
        [] => String::new(),
        all => format!(" WHERE {}", all.join(" AND ")),
    };
    match dice.below(10) {
        // Rows without grouping, from a table with each key once.
        0 => Rule {
            query: format!("SELECT id, {} FROM c{given}", value_of_safe_rows(dice, is_safe, w_is_number)),
            multiple: false,
        },
        1 => Rule { query: format!("SELECT id, {} FROM {source}{given}", dice.pick(&["g", "x", "day"])), multiple: true },
        2 => {
            let order = dice.pick(&["day, x, y, g", "x DESC, day, y, g", "y, x, day, g"]);
            let query = format!(
                "SELECT id, {} FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY {order}) AS place FROM {source}{given}) WHERE place = 1",
                value_of_rows(dice)
            );
            Rule { query, multiple: false }
        }
        other => {
            let [one, two] = [call(dice, is_safe, w_is_number), call(dice, is_safe, w_is_number)];
            let value = match other {
                3 => format!(
                    "CASE WHEN count(*) >= 3 THEN 'many' WHEN max({}) > 2 THEN 'large' ELSE 'few' END",
                    dice.pick(&["x", "y"])
                ),
                4 => format!("CASE WHEN {one} IS NULL THEN 'nothing' WHEN ({one}) = ({one}) THEN 'something' END"),
                5 => format!("({two}) IS NOT NULL AND count(*) > 1"),
                6 => "100 / sum(x)".into(),
                _ => one,
            };
            let having = if other == 6 {
                // The condition protects the value.
                " HAVING sum(x) <> 0"
            } else if dice.chance(20) {
                " HAVING count(*) > 1"
            } else {
                ""
            };
            let query = match dice.below(5) {
                4 if conditions.is_empty() => {
                    let both = format!(
                        "SELECT id, g, x, y, w, day FROM {source} UNION ALL SELECT id, g, CAST(x + 0.5 AS DECIMAL(5, 2)), y, w, day FROM t"
                    );
                    format!("SELECT id, {value} FROM ({both}) GROUP BY id{having}")
                }
                0 => format!("SELECT o.id, {value} FROM (SELECT * FROM {source}{given}) AS o GROUP BY o.id{having}"),
                1 => {
                    let inner = format!("SELECT id, {value} AS value, count(*) AS n FROM {source}{given} GROUP BY id{having}");
                    conditions = vec![dice.pick(&["n > 1", "value IS NOT NULL", "id <> 3"]).to_string()];
                    format!("WITH sums AS ({inner}) SELECT id, value FROM sums WHERE {}", conditions[0])
                }
                2 => format!(
                    "SELECT id, value FROM (SELECT id, {value} AS value FROM {source}{given} GROUP BY id{having} ORDER BY id)"
                ),
                _ => format!("SELECT id, {value} FROM {source}{given} GROUP BY id{having}"),
            };
            Rule { query, multiple: dice.chance(8) }
        }
    }
}

/// Rows of a source: unknown and NULL keys, NULL in any column, distinct order ids.
fn source(dice: &mut Dice, name: &str, count: usize, unique: bool) -> String {
    let rows = (0..count).map(|row| {
        let id = if unique { (row + 1).to_string() } else { dice.or_null(10, |dice| dice.between(1, 9).to_string()) };
        let g = dice.or_null(20, |dice| format!("'{}'", dice.pick(&["a", "b", "c", ""])));
        let x = dice.or_null(15, |dice| dice.between(0, 5).to_string());
        let y = dice.or_null(15, |dice| format!("{}.25", dice.between(0, 3)));
        let w = dice.or_null(15, |dice| format!("'{}'", dice.pick(&["7", "12", "0", "x7", ""])));
        format!("({id}, {g}, {x}, CAST({y} AS DOUBLE), {w}, DATE '2025-01-0{}')", dice.between(1, 9))
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    format!(
        "CREATE OR REPLACE TABLE {name} (id BIGINT, g VARCHAR, x BIGINT, y DOUBLE, w VARCHAR, day DATE); INSERT INTO {name} VALUES {rows}"
    )
}

/// Columns of the same keys as one table.
fn side_by_side(columns: &[Vec<String>]) -> Vec<String> {
    let [first, others @ ..] = columns else { return vec![] };
    let mut rows = first.clone();
    for column in others {
        assert_eq!(column.len(), rows.len());
        for (row, cell) in rows.iter_mut().zip(column) {
            let (key, value) = cell.split_once('|').unwrap();
            assert_eq!(row.split('|').next(), Some(key));
            *row = format!("{row}|{value}");
        }
    }
    rows
}

/// The values of tags. Sums and averages of the numbers above are exact, whatever the order of rows.
fn values(database: &Database, profile: &str, tags: &str) -> Vec<String> {
    database.sql(&format!("SELECT id, {tags} FROM profile.{profile} ORDER BY id"))
}

#[test]
fn tags_together_are_what_each_is_alone() {
    let mut shared = 0;
    for case in 0..cases(4, 28) {
        let database = Database::open();
        let mut dice = Dice(1000 + case);
        let (small, large) = (dice.between(1, 6), dice.between(5, 40));
        database.sql(&source(&mut dice, "c", small, true));
        database.sql(&source(&mut dice, "s", large, false));
        database.sql(&source(&mut dice, "t", small, false));
        let own = dice.pick(&[
            "SELECT id FROM c",
            "SELECT id, g AS own_g FROM c",
            "SELECT id, x AS own_x FROM c WHERE x > 2",
            "SELECT id, count(*) AS own_n FROM s GROUP BY id",
            "SELECT id, count(*) AS own_n FROM s WHERE x > 2 GROUP BY id",
            "SELECT id, count(*) AS own_n FROM s WHERE g IS NOT NULL GROUP BY id HAVING count(*) > 1",
            "SELECT DISTINCT id FROM s",
            "SELECT id, 10 / x AS own_share FROM c WHERE x <> 0",
            "SELECT id, CAST(w AS BIGINT) AS own_number FROM c WHERE w ~ '^[0-9]+$'",
            "SELECT id, sum(CAST(w AS BIGINT)) AS own_sum FROM s WHERE w ~ '^[0-9]+$' GROUP BY id",
        ]);
        let rules: Vec<Rule> = (0..dice.between(3, 5)).map(|_| rule(&mut dice)).collect();
        let create = |profile: &str, tag: &str, rule: &Rule| {
            let options = if rule.multiple { "WITH (multiple = true) " } else { "" };
            database.sql(&format!("CREATE OR REPLACE TAG {tag} ON {profile} {options}AS {}", rule.query));
        };
        let all = format!("all_{case}");
        database.sql(&format!("CREATE PROFILE {all} WITH (key = 'id') AS {own}"));
        rules.iter().enumerate().for_each(|(place, rule)| create(&all, &format!("tag{place}"), rule));
        let about = || {
            let rules: Vec<String> =
                rules.iter().enumerate().map(|(place, rule)| format!("tag{place}: {}", rule.query)).collect();
            format!("case {case}\nprofile: {own}\n{}", rules.join("\n"))
        };
        let _about = About(about());
        // Each tag alone, in a profile without others.
        database.set(1, 8192);
        let one = format!("one_{case}");
        database.sql(&format!("CREATE PROFILE {one} WITH (key = 'id') AS {own}"));
        let mut alone = vec![];
        for (place, rule) in rules.iter().enumerate() {
            create(&one, "tag", rule);
            database.sql(&format!("REFRESH PROFILE {one} WITH (as_of = DATE '2025-02-01')"));
            let found = values(&database, &one, "tag");
            if !rule.multiple {
                // Each customer of the profile has the value that the query returns.
                let plain = format!(
                    "SELECT p.id, q.value FROM ({own}) AS p LEFT JOIN (SELECT * FROM ({}) AS q(id, value)) AS q ON p.id = q.id
                     WHERE p.id IS NOT NULL ORDER BY 1",
                    rule.query
                );
                assert_eq!(found, database.sql(&plain), "tag{place} alone, {}", about());
            }
            alone.push(found);
        }
        let expected = side_by_side(&alone);
        let tags: Vec<String> = (0..rules.len()).map(|place| format!("tag{place}")).collect();
        for (partitions, batch_size) in [(1, 8192), (2, 3), (7, 8192)] {
            database.set(partitions, batch_size);
            database.sql(&format!("REFRESH PROFILE {all} WITH (as_of = DATE '2025-02-01')"));
            let found = values(&database, &all, &tags.join(", "));
            assert_eq!(found, expected, "{partitions} partitions, {}", about());
        }
        if case % 5 > 0 {
            continue;
        }
        let plan = database.sql(&format!("EXPLAIN REFRESH PROFILE {all}")).join("\n");
        let sources = plan.lines().filter(|line| line.contains("AlignByKey") && line.contains("tags 1")).count();
        shared += usize::from(sources > 0 && !plan.contains(&format!("tags {}", rules.len())));
    }
    assert!(shared > 0, "no tags shared a source");
}

// ── Tags over the profile ───────────────────────────────────────────────────────────────────────────────────────────

/// A query of key and value over the profile `P`, with integer values, and the columns that it reads.
fn derived_rule(dice: &mut Dice, columns: &[String]) -> String {
    // Later columns are chosen more often, to get long chains of dependencies.
    let mut any = || columns[dice.below(columns.len()).max(dice.below(columns.len()))].clone();
    let (one, two) = (any(), any());
    let number = dice.between(0, 9);
    match dice.below(14) {
        0 => format!("SELECT id, (3 * coalesce({one}, 1) + coalesce({two}, {number})) % 97 FROM P"),
        1 => format!("SELECT id, CASE WHEN {one} > {two} THEN {number} WHEN {two} > 5 THEN {two} END FROM P"),
        2 => format!("SELECT id, {one} + 1 FROM P WHERE {two} > {number}"),
        3 => format!("SELECT id, CASE WHEN {one} = {number} THEN 1 ELSE 0 END FROM (SELECT * FROM P)"),
        4 => format!("SELECT id, rank() OVER (ORDER BY {one}, {two}) FROM P"),
        5 => format!("SELECT id, sum({one}) OVER (ORDER BY {two}, id) % 97 FROM P"),
        6 => format!("SELECT id, {one} - max({two}) OVER () FROM P"),
        7 => format!(
            "SELECT id, row_number() OVER (PARTITION BY {one} % 3 ORDER BY {two} DESC, id) FROM P WHERE {one} IS NOT NULL"
        ),
        8 => format!("SELECT id, {one} % 97 - (SELECT min({two}) FROM P) FROM P"),
        9 => format!("SELECT id, {one} FROM P WHERE {two} IN (SELECT {one} FROM P WHERE id > {number})"),
        10 => format!("SELECT a.id, count(*) FROM P AS a JOIN P AS b ON a.{one} < b.{two} GROUP BY a.id"),
        11 => format!("SELECT id, max({one}) FROM P WHERE {two} > {number} GROUP BY id"),
        12 => format!("SELECT id, CASE WHEN {one} > (SELECT avg({two}) FROM P) THEN 2 ELSE 1 END FROM P"),
        _ => format!("SELECT id, count(DISTINCT {one}) OVER () + {number} FROM P"),
    }
}

/// The query over a table.
fn over(query: &str, table: &str) -> String {
    query.replace("FROM P", &format!("FROM {table}")).replace("JOIN P", &format!("JOIN {table}"))
}

#[test]
fn tags_over_the_profile_are_what_plain_sql_says() {
    let (mut most_stages, mut lengths) = (0, BTreeSet::new());
    for case in 0..cases(4, 28) {
        let database = Database::open();
        let mut dice = Dice(case);
        let people = dice.between(0, 12);
        let values = (0..people).map(|id| {
            let [a, b] = [(); 2].map(|()| dice.or_null(15, |dice| dice.between(0, 9).to_string()));
            format!("({id}, {a}, {b})")
        });
        let values: Vec<String> = values.collect();
        database.sql("CREATE OR REPLACE TABLE people (id BIGINT, a BIGINT, b BIGINT)");
        if !values.is_empty() {
            database.sql(&format!("INSERT INTO people VALUES {}", values.join(", ")));
        }
        let profile = format!("d{case}");
        database.sql(&format!("CREATE PROFILE {profile} WITH (key = 'id') AS SELECT id, a FROM people"));
        // In the order of dependencies; they are created in another order.
        let mut columns = vec!["a".to_string(), "base".into()];
        let mut rules = vec![("base".to_string(), "SELECT id, b FROM people".to_string())];
        for place in 0..dice.between(1, 6) {
            let name = format!("t{place}");
            rules.push((name.clone(), derived_rule(&mut dice, &columns)));
            columns.push(name);
        }
        let mut order: Vec<usize> = (0..rules.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, dice.below(place + 1));
        }
        // A tag that needs one that does not exist yet is first created with another query, then replaced.
        let mut there = vec!["a".to_string()];
        let mut later = vec![];
        for place in order.iter().copied() {
            let (name, query) = &rules[place];
            let is_ready = columns[..=place].iter().all(|column| there.contains(column));
            let query = if is_ready { over(query, &format!("profile.{profile}")) } else { "SELECT id, b FROM people".into() };
            database.sql(&format!("CREATE TAG {name} ON {profile} AS {query}"));
            there.push(name.clone());
            if !is_ready {
                later.push(place);
            }
        }
        later.sort_unstable();
        for place in later {
            let (name, query) = &rules[place];
            let query = over(query, &format!("profile.{profile}"));
            database.sql(&format!("CREATE OR REPLACE TAG {name} ON {profile} AS {query}"));
        }
        // One table after another, each with one more column.
        database.sql("CREATE OR REPLACE TABLE v0 AS SELECT id, a FROM people");
        for (place, (name, query)) in rules.iter().enumerate() {
            let query = over(query, &format!("v{place}"));
            database.sql(&format!(
                "CREATE OR REPLACE TABLE v{} AS SELECT v.*, q.value AS {name} FROM v{place} AS v LEFT JOIN (SELECT * FROM ({query}) AS q(id, value)) AS q ON v.id = q.id",
                place + 1
            ));
        }
        let selected = columns.join(", ");
        let expected = database.sql(&format!("SELECT id, {selected} FROM v{} ORDER BY id", rules.len()));
        database.set(dice.pick(&[1, 2, 7]), dice.pick(&[3, 8192]));
        database.sql(&format!("REFRESH PROFILE {profile} WITH (as_of = DATE '2025-01-01')"));
        let found = database.sql(&format!("SELECT id, {selected} FROM profile.{profile} ORDER BY id"));
        assert_eq!(found, expected, "case {case}, made in the order {order:?}\n{rules:#?}");
        if case % 3 > 0 {
            continue;
        }
        // Refreshing one tag and those that depend on it leaves the others unchanged.
        let tag = dice.pick(&columns[1..]);
        database.sql(&format!("REFRESH PROFILE {profile} TAGS ({tag}) WITH (as_of = DATE '2025-01-02')"));
        let found = database.sql(&format!("SELECT id, {selected} FROM profile.{profile} ORDER BY id"));
        assert_eq!(found, expected, "case {case}, {tag} alone\n{rules:#?}");
        let stages =
            database.sql(&format!("EXPLAIN REFRESH PROFILE {profile}")).iter().filter(|row| row.starts_with("physical")).count();
        most_stages = most_stages.max(stages);
        lengths.insert(stages);
    }
    assert!(most_stages >= 3, "stages: {lengths:?}");
    assert!(!is_long() || most_stages >= 4 && lengths.contains(&1), "stages: {lengths:?}");
}
