//! Random statements of somebody who sees a part.

use crate::support::Dice;

const TABLES: [&str; 12] = [
    "people",
    "people",
    "people",
    "orders",
    "by_city",
    "bought",
    "profile.customer",
    "profile.customer_tags",
    "profile.customer_history",
    "segment.big",
    "profile.customer FOR SYSTEM_TIME AS OF DATE '2025-06-02'",
    "people FOR SYSTEM_TIME AS OF DATE '2999-01-01'",
];

/// The columns of each, by position.
const COLUMNS: [&[&str]; 12] = [
    &["id", "name", "phone", "city", "score", "email"],
    &["id", "phone", "score"],
    &["phone", "email", "score"],
    &["order_id", "id", "day", "amount"],
    &["city", "n", "phone", "score"],
    &["id", "name", "phone", "day", "amount"],
    &["id", "name", "phone", "city", "spent", "contact"],
    &["id", "tag", "value"],
    &["id", "tag", "value", "valid_from", "valid_to"],
    &["id", "since"],
    &["id", "name", "phone", "city", "spent"],
    &["id", "phone", "city"],
];

fn expression(dice: &mut Dice, columns: &[&str], depth: usize) -> String {
    let column = dice.pick(columns);
    if depth == 0 {
        return column.into();
    }
    let part = |dice: &mut Dice| expression(dice, columns, depth - 1);
    match dice.below(24) {
        0 => column.into(),
        1 => format!("CAST({} AS BIGINT)", part(dice)),
        2 => format!("100 / ({} - {})", part(dice), dice.below(4)),
        3 => format!("concat({}, '-', {})", part(dice), part(dice)),
        4 => format!("length(CAST({} AS VARCHAR))", part(dice)),
        5 => format!("upper(CAST({} AS VARCHAR))", part(dice)),
        6 => format!("coalesce(CAST({} AS VARCHAR), 'none')", part(dice)),
        7 => format!("TRY_CAST({} AS INT)", part(dice)),
        8 => format!("md5(CAST({} AS VARCHAR))", part(dice)),
        9 => format!("CASE WHEN {} IS NULL THEN 1 ELSE 1 / 0 END", part(dice)),
        10 => format!("CAST({} AS DATE)", part(dice)),
        11 => format!("substr(CAST({} AS VARCHAR), {}, 3)", part(dice), dice.below(5)),
        12 => format!("{} + 9223372036854775807", part(dice)),
        13 => format!("mask_phone(CAST({} AS VARCHAR))", part(dice)),
        14 => format!("sum({column}) OVER (PARTITION BY {} ORDER BY {})", dice.pick(columns), columns.join(", ")),
        15 => format!("lag({column}) OVER (ORDER BY {})", columns.join(", ")),
        16 => format!("(SELECT max({}) FROM people)", dice.pick(&["id", "phone", "score", "city"])),
        17 => format!("(SELECT count(*) FROM people AS p WHERE CAST(p.phone AS VARCHAR) = CAST({column} AS VARCHAR))"),
        18 => format!("{} IN (SELECT id FROM orders)", part(dice)),
        19 => format!("repeat('x', CAST({} AS INT))", part(dice)),
        20 => format!("CAST({} AS DECIMAL(4, 2))", part(dice)),
        21 => format!("regexp_replace(CAST({} AS VARCHAR), '[0-9]', '#')", part(dice)),
        22 => format!("to_date(CAST({} AS VARCHAR), '%Y')", part(dice)),
        _ => format!("sqrt(CAST({} AS DOUBLE))", part(dice)),
    }
}

fn condition(dice: &mut Dice, columns: &[&str]) -> String {
    let (column, depth) = (dice.pick(columns), dice.below(3));
    match dice.below(10) {
        0 => format!("{column} = {}", dice.pick(&["'13800138000'", "0", "'hidden'", "'***'", "1"])),
        1 => format!("{column} IS NOT NULL"),
        2 => format!("CAST({} AS VARCHAR) LIKE '{}%'", expression(dice, columns, depth), dice.pick(&["1", "s", "*", "n"])),
        3 => format!("{} > {}", expression(dice, columns, depth), dice.below(9)),
        4 => format!("1 / ({column} - {}) > 0", dice.below(3)),
        5 => format!("{column} IN (SELECT {} FROM people)", dice.pick(&["id", "phone", "city"])),
        6 => format!("{column} BETWEEN {} AND {}", dice.below(3), dice.below(90)),
        7 => format!("EXISTS (SELECT 1 FROM orders AS o WHERE o.id = {column})"),
        8 => format!("{column} > ALL(SELECT {} FROM people)", dice.pick(&["id", "score"])),
        _ => format!("NOT ({column} < {} OR {column} = 7)", dice.below(5)),
    }
}

/// A random statement on what a role sees in part.
pub fn query(dice: &mut Dice) -> String {
    let place = dice.below(TABLES.len());
    let (table, columns) = (TABLES[place], COLUMNS[place]);
    let filter = if dice.chance(60) { format!(" WHERE {}", condition(dice, columns)) } else { String::new() };
    let depth = dice.below(3);
    match dice.below(19) {
        0 => format!("SELECT count(*) FROM {table}{filter}"),
        1 => {
            let (value, by) = (expression(dice, columns, depth), dice.pick(columns));
            let aggregate = dice.pick(&["min", "max", "count", "sum", "avg", "median", "count(DISTINCT"]);
            let close = if aggregate.contains('(') { "))" } else { ")" };
            let open = if aggregate.contains('(') { " " } else { "(" };
            format!("SELECT {by}, {aggregate}{open}{value}{close} FROM {table}{filter} GROUP BY {by}")
        }
        // Without ORDER BY: hidden data must not decide which rows come first.
        2 if !["customer_", "bought", "by_city"].iter().any(|name| table.contains(name)) => {
            format!("SELECT {} FROM {table}{filter} LIMIT {}", dice.pick(columns), dice.below(5))
        }
        3 => format!("SELECT count({}) FROM {table} USING SAMPLE 100%", dice.pick(columns)),
        4 => format!("EXPLAIN SELECT {} FROM {table}{filter}", expression(dice, columns, depth)),
        5 => format!(
            "SELECT a.{0}, b.id FROM {table} a JOIN people b ON CAST(a.{0} AS VARCHAR) = CAST(b.{1} AS VARCHAR)",
            columns[0],
            dice.pick(&["id", "phone", "name"])
        )
        .replacen(" FROM profile.customer FOR SYSTEM_TIME AS OF DATE '2025-06-02' a", " FROM profile.customer a", 1)
        .replacen(" FROM people FOR SYSTEM_TIME AS OF DATE '2999-01-01' a", " FROM people a", 1),
        6 => format!("SELECT {}, row_number() OVER (ORDER BY {}) FROM {table}{filter}", columns[0], columns.join(", ")),
        7 => dice
            .pick(&[
                "SELECT * FROM data_profile(people)",
                "SELECT * FROM find_personal_data(people)",
                "SELECT * FROM k_anonymity(people, quasi_identifiers => ['city', 'score'])",
                "SELECT * FROM rfm(orders, customer => id, time => day, amount => amount, as_of => DATE '2025-12-31')",
                "SELECT * FROM tag_coverage(customer)",
                "SELECT * FROM segment_overlap(customer)",
                "SELECT * FROM explain_tag(customer, 'contact', 3)",
                "SELECT * FROM explain_tag(customer, 'contact', 0)",
                "SUMMARIZE people",
                "CHECK TABLE people",
                "SELECT name, status, failed FROM system.checks",
                "DESCRIBE people",
                "DESCRIBE PROFILE customer",
                "SHOW PROFILES",
                "SHOW TAGS",
                "SHOW SEGMENTS",
                "SELECT name, rows_used, rows_skipped, metrics FROM system.models",
                "SELECT * FROM ml_centroids(groups)",
                "SELECT * FROM ml_feature_info(groups)",
                "SELECT * FROM ml_training_info(groups)",
                "REFRESH IDENTITY person",
                "SELECT * FROM data_profile(orders)",
                "SELECT * FROM data_profile(profile.customer)",
                "SUMMARIZE profile.customer",
                "SELECT * FROM find_rules(people, target => city)",
                "SELECT * FROM frequent_itemsets(orders, basket => day, item => amount, min_support => 0.01)",
                "SELECT * FROM l_diversity(people, quasi_identifiers => ['city'], sensitive => 'phone')",
                "SELECT * FROM anonymize(people, k => 3, quasi_identifiers => ['score', 'city'])",
                "SELECT * FROM tag_drift(customer)",
                "SELECT * FROM rfm_bins(orders, customer => id, order_time => day, amount => amount, as_of => DATE '2025-12-31')",
                "SELECT * FROM ml_predict(groups, (SELECT 1 AS k, length(phone) AS l FROM by_city WHERE false))",
                "SELECT to_json(p) FROM people AS p",
                "SELECT * FROM people PIVOT (count(*) FOR city IN ('north', 'hidden'))",
                "SELECT * FROM (SELECT id, phone, email FROM people) UNPIVOT (v FOR k IN (phone, email))",
                "TABLE people",
                "SELECT min(day), max(day), min(id), max(id), count(amount), count(*) FROM orders",
                "SELECT histogram(score), mode(name), approx_distinct(phone) FROM people",
            ])
            .into(),
        8 => format!(
            "SELECT * FROM {}",
            dice.pick(&[
                "system.files",
                "(SELECT kind, name, as_of, rows, changes, message FROM system.runs)",
                "system.masks",
                "system.row_policies",
                "system.column_classes",
                "(SELECT relname, reltuples, relpages FROM pg_class WHERE relname IN ('people', 'orders', 'customer'))",
                "(SELECT name, customers FROM system.profiles)",
                "(SELECT name, customers, coverage FROM system.tags)",
                "pg_stats",
            ])
        ),
        9 => dice
            .pick(&[
                "UPDATE people SET score = 1 / id",
                "DELETE FROM people WHERE 1 / id > 0",
                "DELETE FROM people WHERE city = 'nowhere'",
                "MERGE INTO people USING orders ON people.id = orders.id WHEN MATCHED THEN DELETE",
                "EXPLAIN UPDATE people SET score = 1",
                "EXPLAIN ANALYZE DELETE FROM people",
                "UPDATE people SET score = 1 / id RETURNING id",
                "INSERT INTO people (id) VALUES (0) ON CONFLICT (id) DO NOTHING",
                "INSERT INTO people SELECT * FROM people WHERE id = 0",
                "TRUNCATE people",
            ])
            .into(),
        10 => {
            let operator = dice.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
            format!(
                "SELECT {} FROM {table}{filter} {operator} SELECT {} FROM people",
                dice.pick(columns),
                dice.pick(&["id", "phone"])
            )
        }
        11 => format!(
            "SELECT a.id, l.x FROM people AS a, LATERAL (SELECT {} AS x FROM orders AS o WHERE o.id = a.id) AS l",
            dice.pick(&["1 / a.id", "max(o.amount)", "count(*)", "a.phone"])
        ),
        12 => format!("EXPLAIN ANALYZE SELECT {} FROM {table}{filter}", expression(dice, columns, depth)),
        13 => {
            let (value, by) = (expression(dice, columns, depth), dice.pick(columns));
            format!("SELECT {by}, {value}, count(*) FROM {table}{filter} GROUP BY {} (1, 2)", dice.pick(&["ROLLUP", "CUBE"]))
        }
        14 => {
            let number = dice.next();
            format!(
                "CREATE TEMPORARY TABLE seen{number} AS SELECT {} AS a FROM {table}{filter}",
                expression(dice, columns, depth)
            )
        }
        15 => format!("SELECT count(*) FILTER (WHERE {}) FROM {table}{filter}", condition(dice, columns)),
        16 => format!(
            "SELECT {} FROM {table}{filter} ORDER BY {} LIMIT {} OFFSET {}",
            expression(dice, columns, depth),
            columns.join(", "),
            dice.below(5),
            dice.below(4)
        ),
        _ => {
            let values: Vec<String> = (0..dice.between(1, 3)).map(|_| expression(dice, columns, depth)).collect();
            let order = if dice.chance(30) { format!(" ORDER BY {}", dice.pick(columns)) } else { String::new() };
            format!("SELECT {} FROM {table}{filter}{order}", values.join(", "))
        }
    }
}

/// A row without the times in it, which differ from run to run.
pub fn without_times(row: &str) -> String {
    let (mut kept, mut rest) = (String::new(), row);
    while let Some((before, after)) = rest.split_once("metrics=[") {
        kept.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    kept + rest
}
