//! Random statements by a grammar: functions of every type over each other, in every place of a statement. In the templates, `{n}`, `{s}`,
//! `{d}` and `{b}` stand for a number, a text, a day and a condition, `{cn}`, `{cs}` and `{cd}` for a column of that type, `{i}` for a small
//! number, `{t}` for the table, `{w}` for its WHERE, `{a}` for an aggregate and `{all}` for all columns.

use crate::support::Dice;

struct Table {
    name: &'static str,
    numbers: &'static [&'static str],
    texts: &'static [&'static str],
    days: &'static [&'static str],
}

const fn table(
    name: &'static str,
    numbers: &'static [&'static str],
    texts: &'static [&'static str],
    days: &'static [&'static str],
) -> Table {
    Table { name, numbers, texts, days }
}

const TABLES: [Table; 16] = [
    table("people", &["id", "score"], &["name", "phone", "city", "email"], &[]),
    table("people", &["id"], &["phone"], &[]),
    table("people FOR SYSTEM_TIME AS OF DATE '2999-01-01'", &["id", "score"], &["phone", "city"], &[]),
    table("orders", &["order_id", "id", "amount"], &[], &["day"]),
    table("orders FOR SYSTEM_TIME AS OF DATE '2999-01-01'", &["id", "amount"], &[], &["day"]),
    table("journal", &["id", "d"], &["tag", "k", "phone"], &[]),
    table("journal", &["id"], &["phone"], &[]),
    table("accounts", &["id"], &["phone", "k"], &[]),
    table("visits", &["cid", "id"], &["note"], &[]),
    table("shown", &["id"], &["name", "code"], &[]),
    table("by_city", &["n", "score"], &["city", "phone"], &[]),
    table("bought", &["id", "amount"], &["name", "phone"], &["day"]),
    table("profile.customer", &["id", "spent"], &["name", "phone", "city", "contact"], &[]),
    table("profile.customer FOR SYSTEM_TIME AS OF DATE '2025-06-02'", &["id", "spent"], &["phone", "city"], &[]),
    table("profile.customer_history", &["id"], &["tag", "value"], &["valid_from"]),
    table("segment.big", &["id"], &[], &["since"]),
];

const NUMBERS: [&str; 33] = [
    "{cn}",
    "({n} + {n})",
    "({n} - {n})",
    "({n} * {n})",
    "({n} / {n})",
    "({n} % {n})",
    "CAST({s} AS INT)",
    "CAST({s} AS DECIMAL(6, 2))",
    "CAST({n} AS TINYINT)",
    "CAST({n} AS DECIMAL(4, 2))",
    "TRY_CAST({s} AS INT)",
    "length({s})",
    "sqrt({n})",
    "ln({n})",
    "exp({n})",
    "power({n}, {i})",
    "CASE WHEN {b} THEN {n} ELSE {n} END",
    "coalesce({n}, {n})",
    "nullif({n}, {n})",
    "year({d})",
    "round({n}, {i})",
    "({n} + 9223372036854775807)",
    "edit_distance({s}, {s})",
    "parse_number({s})",
    "to_number({s})",
    "(SELECT count(*) FROM people AS q WHERE q.id = {cn})",
    "(SELECT max(id) FROM journal)",
    "position({s} IN {s})",
    "width_bucket({n}, 0, {n}, 5)",
    "div0({n}, {n})",
    "mod({n}, {n})",
    "factorial(CAST({n} AS BIGINT))",
    "ascii({s})",
];

const TEXTS: [&str; 30] = [
    "{cs}",
    "({s} || {s})",
    "upper({s})",
    "substr({s}, {i}, 3)",
    "CAST({n} AS VARCHAR)",
    "md5({s})",
    "mask_phone({s})",
    "mask_name({s})",
    "redact({s})",
    "CAST(generalize({n}, 3) AS VARCHAR)",
    "regexp_replace({s}, '[0-9]+', '#')",
    "split_part({s}, '1', {i})",
    "repeat({s}, CAST({n} AS INT))",
    "lpad({s}, 12, '*')",
    "CASE WHEN {b} THEN {s} ELSE CAST(1 / 0 AS VARCHAR) END",
    "coalesce({s}, {s})",
    "format('%s-%d', {s}, {i})",
    "to_char({d}, 'YYYY-MM')",
    "json_extract_string({s}, '$.a')",
    "json_value({s}, '$.b')",
    "clean_phone({s})",
    "pinyin({s})",
    "chr(CAST({n} AS INT))",
    "concat_ws('-', {s}, {n})",
    "(SELECT min(phone) FROM people)",
    "(SELECT min(phone) FROM accounts WHERE accounts.id = {cn})",
    "regexp_extract({s}, '([0-9]+)')",
    "overlay({s} PLACING 'z' FROM 1 FOR 2)",
    "reverse({s})",
    "translate({s}, '123', 'abc')",
];

const DAYS: [&str; 9] = [
    "{cd}",
    "({d} + CAST({n} AS INT))",
    "CAST({s} AS DATE)",
    "try_to_date({s})",
    "make_date(CAST({n} AS INT), 1, 1)",
    "to_date({s}, '%Y')",
    "add_months({d}, CAST({n} AS INT))",
    "last_day({d})",
    "CAST(date_trunc('month', {d}) AS DATE)",
];

const CONDITIONS: [&str; 19] = [
    "{n} < {n}",
    "{n} = {n}",
    "{s} = {s}",
    "{s} LIKE '138%'",
    "{s} ~ '^[0-9]'",
    "{n} BETWEEN {n} AND {n}",
    "{n} IN (1, 2, {n})",
    "{s} IS NULL",
    "NOT ({b})",
    "({b} AND {b})",
    "({b} OR {b})",
    "{n} IN (SELECT id FROM journal)",
    "{n} NOT IN (SELECT id FROM people)",
    "EXISTS (SELECT 1 FROM orders AS o WHERE o.id = {cn})",
    "{n} > ALL(SELECT id FROM accounts)",
    "{d} > {d}",
    "1 / ({n}) > 0",
    "json_valid({s})",
    "{s} IN (SELECT phone FROM accounts)",
];

const AGGREGATES: [&str; 18] = [
    "count(*)",
    "sum({n})",
    "avg({n})",
    "min({s})",
    "max({n})",
    "count(DISTINCT {s})",
    "median({n})",
    "approx_distinct({s})",
    "string_agg({s}, ',' ORDER BY {all}, {s})",
    "count(*) FILTER (WHERE {b})",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY {n})",
    "histogram({n})",
    "bool_and({b})",
    "max({d})",
    "mad({n})",
    "entropy({s})",
    "outlier_bounds({n})",
    "min({n}) FILTER (WHERE {b})",
];

const STATEMENTS: [&str; 42] = [
    "SELECT {n}, {s} FROM {t}{w}",
    "SELECT {s} FROM {t}{w}",
    "SELECT {d}, {b} FROM {t}{w}",
    "SELECT count(*) FROM {t}{w}",
    "SELECT {a}, {a} FROM {t}{w}",
    "SELECT {cn}, {a} FROM {t}{w} GROUP BY {1}",
    "SELECT {s} AS g, {a} FROM {t}{w} GROUP BY ALL HAVING count(*) > {i}",
    "SELECT {n} AS a, {s} AS b, {a} FROM {t}{w} GROUP BY ROLLUP (1, 2)",
    "SELECT {n} AS a, {s} AS b, {a} FROM {t}{w} GROUP BY CUBE (1, 2)",
    "SELECT {n} AS a, {s} AS b, {a} FROM {t}{w} GROUP BY GROUPING SETS ((1), (2), ())",
    "SELECT row_number() OVER (PARTITION BY {s} ORDER BY {all}), {n} FROM {t}{w}",
    "SELECT sum({n}) OVER (ORDER BY {all} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {t}{w}",
    "SELECT lag({s}) OVER (ORDER BY {all}), rank() OVER (ORDER BY {n}) FROM {t}{w}",
    "SELECT first_value({n}) OVER (PARTITION BY {s} ORDER BY {all}) FROM {t}{w} QUALIFY row_number() OVER (ORDER BY {all}) < {i}",
    "SELECT {all} FROM {t}{w} ORDER BY {n}, {all} LIMIT {i} OFFSET {i}",
    "SELECT {all} FROM {t}{w} ORDER BY {s} DESC, {all} LIMIT {i}",
    "SELECT DISTINCT {s}, {n} FROM {t}{w}",
    "EXPLAIN SELECT {n}, {s} FROM {t}{w}",
    "EXPLAIN VERBOSE SELECT {a} FROM {t}{w}",
    "EXPLAIN FORMAT TREE SELECT {s} FROM {t}{w}",
    "EXPLAIN ANALYZE SELECT {n} FROM {t}{w}",
    "SELECT x.g, count(*) FROM (SELECT {s} AS g FROM {t}) AS x JOIN (SELECT CAST(id AS VARCHAR) AS h FROM journal) AS y ON x.g = y.h GROUP BY x.g",
    "SELECT x.g, count(*) FROM (SELECT {n} AS g FROM {t}{w}) AS x FULL JOIN (SELECT id AS h FROM people) AS y ON x.g = y.h GROUP BY x.g",
    "SELECT {s} FROM {t}{w} UNION SELECT phone FROM people",
    "SELECT {s} FROM {t}{w} INTERSECT ALL SELECT phone FROM journal",
    "SELECT {n} FROM {t}{w} EXCEPT SELECT id FROM people",
    "SELECT a.id, l.x FROM people AS a, LATERAL (SELECT sum(o.amount) / (a.score - {i}) AS x FROM orders AS o WHERE o.id = a.id) AS l",
    "WITH q AS (SELECT {n} AS a, {s} AS b FROM {t}{w}) SELECT a, count(*), min(b) FROM q GROUP BY a",
    "SELECT * FROM (SELECT {n} AS a, {cs} AS b, {n} AS c FROM {t}) PIVOT (max(c) FOR b IN ('north', '***', 'hidden', 'seen'))",
    "SELECT unnest(string_split({s}, '1')) FROM {t}{w}",
    "SELECT unnest(generate_series(1, CAST({n} AS BIGINT) % 9)) FROM {t}{w}",
    "SELECT count(*) FROM {t} USING SAMPLE 50% (bernoulli, {i})",
    "CREATE TEMPORARY TABLE seen{number} AS SELECT {n} AS a, {s} AS b FROM {t}{w}",
    "SELECT * FROM find_outliers((SELECT {n} AS v, {s} AS g FROM {t}{w}), value => v, per => g)",
    "SELECT * FROM data_profile((SELECT {n} AS a, {s} AS b FROM {t}{w}))",
    "SELECT * FROM k_anonymity((SELECT {s} AS a, {n} AS b FROM {t}{w}), quasi_identifiers => ['a', 'b'])",
    "SELECT * FROM frequent_itemsets((SELECT {n} AS a, {s} AS b FROM {t}{w}), basket => a, item => b, min_support => 0.05)",
    "SELECT * FROM connected_components((SELECT {s} AS a, {s} AS b FROM {t}{w}), a => a, b => b)",
    "SELECT * FROM kmeans((SELECT {cn} AS k, {n} AS x FROM {t}{w}), key => k, n_clusters => 2)",
    "INSERT INTO accounts VALUES ({i}, '13{i}', 'seen')",
    "INSERT INTO visits SELECT 1, {cn}, {s} FROM {t}{w}",
    "DELETE FROM accounts WHERE {i} = id",
];

/// Statements that make tables of several files, with hidden rows in between, and keys that others refer to.
pub fn tables(dice: &mut Dice) -> Vec<String> {
    let (factor, hidden) = (dice.between(3, 99), dice.between(50, 200));
    let journal = "CASE WHEN i % 7 = 0 THEN 'hidden' ELSE 'seen' END AS k, CASE WHEN i % 7 = 0 THEN 0 ELSE i END AS d";
    [
        format!(
            "CREATE TABLE journal AS SELECT i AS id, 'p' || i AS tag, {journal}, '138' || (i * {factor}) AS phone
             FROM generate_series(1, 300) AS g(i) WHERE i % 7 <> 0 OR i % 2 = {}",
            dice.below(2)
        ),
        format!("INSERT INTO journal SELECT 7 * i, 'zz', 'hidden', -i, 'x' FROM generate_series(1, {hidden}) AS g(i)"),
        format!(
            "INSERT INTO journal SELECT i, 'p' || i, 'seen', i, '139' || (i * {factor}) FROM generate_series(1001, 1100) AS g(i)"
        ),
        "CREATE TABLE accounts (id BIGINT PRIMARY KEY, phone VARCHAR UNIQUE, k VARCHAR)".into(),
        format!(
            "INSERT INTO accounts SELECT id, '13' || (id * {factor}), CASE WHEN id > 50 THEN 'hidden' ELSE 'seen' END
             FROM generate_series(1, {}) AS g(id)",
            dice.between(60, 99)
        ),
        "CREATE TABLE visits (cid BIGINT, id BIGINT REFERENCES accounts, note VARCHAR)".into(),
        format!("INSERT INTO visits SELECT id, id, 'c' FROM accounts WHERE id % {} = 0 OR id < 20", dice.between(2, 5)),
        "ALTER TABLE journal ALTER COLUMN phone SET CLASS 'phone'".into(),
        "ALTER TABLE accounts ALTER COLUMN phone SET CLASS 'phone'".into(),
        "GRANT SELECT ON journal, accounts, visits TO mia, tom".into(),
        "GRANT INSERT, DELETE ON accounts, visits TO mia".into(),
        "CREATE ROW POLICY journal ON journal USING (k = 'seen') FOR mia, tom".into(),
        "CREATE ROW POLICY accounts ON accounts USING (k = 'seen') FOR mia, tom".into(),
        "CREATE ROW POLICY visits ON visits USING (cid < 20) FOR mia, tom".into(),
    ]
    .into()
}

/// A random statement on what a role sees in part.
pub fn query(dice: &mut Dice) -> String {
    let table = dice.below(TABLES.len());
    let (statement, depth) = (dice.pick(&STATEMENTS), dice.below(4));
    let mut columns = [TABLES[table].numbers, TABLES[table].texts, TABLES[table].days].concat();
    columns.dedup();
    filled(dice, &TABLES[table], statement, depth, &columns.join(", "))
}

fn filled(dice: &mut Dice, table: &Table, template: &str, depth: usize, all: &str) -> String {
    let (mut text, mut rest, mut first) = (String::new(), template, String::new());
    while let Some((before, after)) = rest.split_once('{') {
        let Some((what, after)) = after.split_once('}') else { break };
        text.push_str(before);
        rest = after;
        let column =
            |dice: &mut Dice, columns: &[&str], instead: &str| dice.of(columns).map_or(instead, |name| *name).to_string();
        let (numbers, texts, days) = (table.numbers, table.texts, table.days);
        let own = match what {
            "cn" => column(dice, numbers, "7"),
            "cs" => column(dice, texts, "'north'"),
            "cd" => column(dice, days, "DATE '2025-02-03'"),
            "n" if depth == 0 => match dice.below(3) {
                0 => format!("{}", dice.below(50)),
                _ => column(dice, numbers, "7"),
            },
            "s" if depth == 0 => column(dice, texts, "'13800138000'"),
            "d" if depth == 0 => column(dice, days, "DATE '2025-02-03'"),
            "b" if depth == 0 => format!("{} > {}", column(dice, numbers, "7"), dice.below(9)),
            "n" => deeper(dice, table, &NUMBERS, depth, all),
            "s" => deeper(dice, table, &TEXTS, depth, all),
            "d" => deeper(dice, table, &DAYS, depth, all),
            "b" => deeper(dice, table, &CONDITIONS, depth, all),
            "a" => deeper(dice, table, &AGGREGATES, depth + 1, all),
            "w" if dice.chance(55) => format!(" WHERE {}", deeper(dice, table, &CONDITIONS, depth + 1, all)),
            "w" => String::new(),
            "i" => dice.below(9).to_string(),
            "t" => table.name.into(),
            "all" => all.into(),
            "number" => dice.next().to_string(),
            // What stood in the first place of the template.
            "1" => first.clone(),
            other => panic!("{other} in {template}"),
        };
        if first.is_empty() {
            first.clone_from(&own);
        }
        text.push_str(&own);
    }
    text.push_str(rest);
    text
}

fn deeper(dice: &mut Dice, table: &Table, templates: &[&str], depth: usize, all: &str) -> String {
    let template = dice.pick(templates);
    filled(dice, table, template, depth.saturating_sub(1), all)
}
