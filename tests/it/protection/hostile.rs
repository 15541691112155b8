//! Statements of somebody who wants to know what is hidden. Each way to ask is a case of its own, and gives the same in two databases that
//! differ only in what is hidden: rows, errors and notes.

use super::World;
use crate::support::some;

/// What fails for a hidden row or a masked value, is decided by one, counts them, or is made from them.
const STATEMENTS: [&str; 174] = [
    // Values that fail.
    "SELECT 1 / id FROM people",
    "SELECT id FROM people WHERE 1 / id > 0",
    "SELECT CAST(phone AS INT) FROM people",
    "SELECT CAST(name AS INT) FROM people",
    "SELECT CAST(score AS TINYINT) FROM people",
    "SELECT exp(score) FROM people",
    "SELECT sum(id) FROM people",
    "SELECT id + 9223372036854775000 FROM people",
    "SELECT count(*) FILTER (WHERE 1 / id > 0) FROM people",
    "SELECT sum(CASE WHEN city = 'hidden' THEN 1 / 0 ELSE 0 END) FROM people",
    "SELECT id FROM people WHERE CASE WHEN city = 'hidden' THEN 1 / 0 = 1 ELSE true END",
    "SELECT CASE WHEN phone LIKE '138%' THEN 1 / 0 ELSE 1 END FROM people",
    "SELECT to_date(phone, '%Y') FROM people",
    "SELECT value::INT FROM profile.customer_tags WHERE tag = 'contact'",
    "SELECT value::INT FROM profile.customer_history WHERE tag = 'phone'",
    "SELECT repeat('x', id::INT) FROM people",
    "SELECT make_date(id::INT, 1, 1) FROM people",
    "SELECT DATE '2025-01-01' + id::INT FROM people",
    "SELECT (SELECT id FROM people WHERE id = 0)",
    "SELECT (SELECT id FROM people)",
    "SELECT people.id, x FROM people, LATERAL (SELECT 1 / people.id AS x) AS y",
    "SELECT generate_series FROM generate_series(1, (SELECT max(id) FROM people))",
    // Values that are compared.
    "SELECT id FROM people WHERE phone = '13800138000'",
    "SELECT id FROM people WHERE phone ~ '^138'",
    "SELECT id FROM people WHERE phone SIMILAR TO '138%'",
    "SELECT id FROM people WHERE length(phone) = 11",
    "SELECT id FROM people WHERE md5(phone) < '8'",
    "SELECT phone FROM people INTERSECT SELECT '13800138000'",
    "SELECT phone FROM people EXCEPT ALL SELECT '***'",
    "SELECT id FROM people NATURAL JOIN (SELECT '13800138000' AS phone) AS x",
    "SELECT id, (SELECT count(*) FROM people AS b WHERE b.phone = a.phone) FROM people AS a",
    "SELECT 0 = ANY(SELECT id FROM people)",
    "SELECT 9223372036854775807 NOT IN (SELECT id FROM people)",
    "SELECT EXISTS (SELECT 1 FROM people WHERE id IS NULL)",
    "SELECT 5 > ALL(SELECT id FROM people WHERE city = 'hidden')",
    "SELECT rank() OVER (ORDER BY phone), id FROM people",
    "SELECT id FROM people QUALIFY row_number() OVER (PARTITION BY phone ORDER BY id) = 1",
    "SELECT DISTINCT ON (phone) phone, city FROM people ORDER BY phone, city",
    "SELECT * FROM people PIVOT (count(*) FOR phone IN ('***', '13800138000'))",
    "SELECT count(*) FROM people GROUP BY ROLLUP (city, phone)",
    "SELECT phone, count(*) FROM people GROUP BY 1 HAVING count(*) > 1",
    // Which rows, in what order.
    "SELECT id FROM people LIMIT 1 OFFSET 5",
    // Of several files.
    "SELECT id FROM journal LIMIT 5",
    "SELECT id FROM journal LIMIT 5 OFFSET 255",
    "SELECT row_number() OVER (), id FROM journal",
    "SELECT id FROM people FETCH FIRST 3 ROWS ONLY",
    "SELECT id FROM people TABLESAMPLE BERNOULLI (50) REPEATABLE (1)",
    "SELECT id FROM people TABLESAMPLE SYSTEM (50) REPEATABLE (1)",
    "SELECT count(*) FROM people TABLESAMPLE (5 ROWS)",
    "SELECT id FROM people USING SAMPLE 50% (bernoulli, 42)",
    "SELECT row_number() OVER (), id FROM people",
    "SELECT lag(id) OVER (), id FROM people",
    "SELECT first_value(id) FROM people",
    "SELECT array_agg(id) FROM people",
    "WITH RECURSIVE r AS (SELECT id FROM people WHERE id = 1 UNION ALL SELECT r.id + 2 FROM r JOIN people AS p ON p.id = r.id + 2) SELECT count(*) FROM r",
    "WITH RECURSIVE r AS (SELECT id, 1 AS n FROM people WHERE id = 1 UNION ALL SELECT p.id, r.n + 1 FROM r JOIN people AS p ON p.id = r.id + 1 WHERE r.n < 9) SELECT * FROM r",
    "PIVOT people ON city USING count(*)",
    "SELECT * FROM unnest((SELECT array_agg(phone) FROM people))",
    "SELECT COLUMNS('p.*') FROM people",
    "SELECT (p).phone FROM people AS p",
    "SELECT phone, city, count(*) FROM people GROUP BY ROLLUP (phone, city)",
    // Plans and their numbers.
    "EXPLAIN SELECT * FROM people WHERE score > 3",
    "EXPLAIN VERBOSE SELECT id FROM people WHERE phone = 'x'",
    "EXPLAIN FORMAT TREE SELECT id FROM people JOIN orders USING (id)",
    "EXPLAIN SELECT count(*), min(id), max(phone) FROM people",
    "EXPLAIN SELECT min(day), max(day), count(*) FROM orders",
    "EXPLAIN SELECT * FROM profile.customer WHERE phone = 'x'",
    "EXPLAIN UPDATE people SET score = 1",
    // Statistics.
    "SELECT approx_distinct(phone), approx_distinct(id) FROM people",
    "SELECT approx_percentile_cont(score, 0.5) FROM people",
    "SELECT string_agg(phone, ',' ORDER BY id) FROM people",
    "SELECT corr(score, id), regr_slope(score, id), stddev(score) FROM people",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FROM people",
    "SELECT bit_xor(id), bool_and(id > 0), min(phone), max(email) FROM people",
    "SELECT * FROM data_profile(people)",
    "SELECT * FROM data_profile(profile.customer)",
    "SELECT * FROM find_personal_data(people)",
    "SUMMARIZE people",
    "SELECT * FROM k_anonymity(people, quasi_identifiers => ['phone', 'city'])",
    "SELECT * FROM l_diversity(people, quasi_identifiers => ['city'], sensitive => 'phone')",
    "SELECT * FROM t_closeness(people, quasi_identifiers => ['city'], sensitive => 'score')",
    "SELECT * FROM anonymize(people, k => 5, quasi_identifiers => ['score'])",
    "SELECT * FROM kmeans((SELECT id, score, length(phone) AS l FROM people), key => id, n_clusters => 2)",
    "SELECT * FROM frequent_itemsets(people, basket => city, item => phone, min_support => 0.1)",
    "SELECT * FROM purchase_interval(orders, customer => id, order_time => day)",
    "SELECT * FROM noisy_count(people, person => id, epsilon => 0.5)",
    "SELECT * FROM tag_coverage(customer)",
    "SELECT * FROM explain_tag(customer, 'contact', 5)",
    "SELECT * FROM explain_match(people, 1, 2)",
    "SELECT * FROM mece_check(customer, 'contact')",
    "SELECT * FROM ml_centroids(groups)",
    "SELECT * FROM ml_training_info(groups)",
    // What the database tells of itself.
    "SELECT name, rows_used, rows_skipped, metrics FROM system.models",
    "SELECT relname, reltuples, relpages FROM pg_class WHERE relname IN ('people', 'orders', 'customer', 'shown')",
    "SELECT n_live_tup, n_dead_tup FROM pg_stat_user_tables",
    "SELECT pg_relation_size('people'), pg_total_relation_size('people'), pg_table_size('people')",
    "SELECT pg_database_size('portrait')",
    "SELECT sequencename, last_value FROM pg_sequences",
    "SELECT * FROM pg_stats",
    "SELECT conname, contype FROM pg_constraint",
    "SELECT * FROM information_schema.sequences",
    "SELECT pg_get_serial_sequence('numbered', 'number')",
    "SELECT pg_get_viewdef('by_city'::regclass)",
    "SELECT count(*) FROM system.files",
    "SELECT count(*) FROM system.audit",
    "SELECT kind, name, as_of, status, customers, changes, rows, message, error FROM system.runs",
    "SELECT name, customers FROM system.segments",
    "SELECT * FROM system.check_results",
    "SELECT * FROM system.privacy_budgets",
    "CHECK TABLE people",
    "SHOW CREATE TABLE people",
    "DESCRIBE SEGMENT big",
    "DESCRIBE TAG contact ON customer",
    "DESCRIBE IDENTITY person",
    // Other states.
    "SELECT * FROM people FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01 00:00:00'",
    "SELECT count(*) FROM profile.customer FOR SYSTEM_TIME AS OF DATE '2025-06-15'",
    "SELECT tag, count(*), count(value), min(value) FROM profile.customer_history GROUP BY tag",
    "SELECT count(*) FROM segment.big FOR SYSTEM_TIME AS OF DATE '2025-06-15'",
    // Changes, and copies of what is seen.
    "UPDATE people SET phone = phone WHERE phone = '13800138000' RETURNING id",
    "DELETE FROM people WHERE id IS NULL RETURNING *",
    "MERGE INTO people USING (SELECT 0 AS k) AS s ON people.id = s.k WHEN MATCHED THEN DELETE",
    "INSERT INTO people VALUES (0, 'n', 'x', 'hidden', 1, 'e') ON CONFLICT (id) DO NOTHING",
    "TRUNCATE people",
    "EXPORT SUBJECT 5 FROM PROFILE customer",
    "REFRESH IDENTITY person",
    "PREPARE asked AS SELECT 1 / (id - $1) FROM people",
    "EXECUTE asked(0)",
    "CREATE TEMPORARY TABLE seen AS SELECT * FROM people",
    "UPDATE seen SET phone = 'x' WHERE phone <> '***' RETURNING *",
    "SELECT * FROM data_profile(seen)",
    "DROP TABLE seen",
    // Of models, and of what the statement itself takes.
    "SELECT name, seconds FROM system.models",
    "DESCRIBE MODEL groups",
    "SELECT role, memory FROM system.queries",
    // Customers of a profile that are hidden.
    "SELECT * FROM segment_diff(big, since => DATE '2025-06-02')",
    "SELECT * FROM training_set(customer, (SELECT id, TIMESTAMP '2025-06-15 00:00:00' AS t, 1 AS y FROM (VALUES (5001), (5)) AS v(id)))",
    "SELECT * FROM explain_tag(customer, 'spent', 5001)",
    "SELECT * FROM tag_drift(customer)",
    "SELECT name, filled, coverage, drift FROM system.tags",
    "SELECT count(*) FROM profile.customer_history WHERE id >= 5000",
    "SELECT * FROM profile.customer_history WHERE value = 'hidden'",
    "SELECT * FROM explain_segments((SELECT id, city, spent FROM profile.customer), label => city)",
    "SELECT * FROM choose_clusters((SELECT id, spent FROM profile.customer), key => id, max_clusters => 3)",
    // One value after the other.
    "SELECT v.id FROM (VALUES (0), (1), (-1), (9223372036854775807), (5001)) AS v(id) WHERE v.id IN (SELECT id FROM people)",
    "SELECT v.id FROM (VALUES (0), (5001), (NULL)) AS v(id) WHERE v.id NOT IN (SELECT id FROM people)",
    "SELECT v.id, EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = v.id) FROM (VALUES (1), (55)) AS v(id)",
    "SELECT count(p.id) FROM (VALUES (0), (5001)) AS v(id) LEFT JOIN people AS p ON p.id IS NOT DISTINCT FROM v.id",
    "SELECT id FROM people WHERE 1 / (SELECT count(*) FROM people AS q WHERE q.city = 'hidden' AND q.id = people.id) > 0",
    "SELECT count(*) FROM people NATURAL FULL JOIN orders",
    "SELECT * FROM generate_series(1, (SELECT max(id) FROM people) / 30)",
    "SELECT max(id) FILTER (WHERE city = 'hidden'), count(*) FILTER (WHERE phone <> '***') FROM people",
    "SELECT * FROM people ORDER BY score FETCH FIRST 1 ROW WITH TIES",
    "SELECT row_to_json(p), p FROM people AS p",
    // Other types and windows.
    "SELECT CAST(phone AS BYTEA) FROM people",
    "SELECT CAST(phone AS INTERVAL) FROM people",
    "SELECT CAST(score AS DECIMAL(3, 2)) FROM people",
    "SELECT id << 62 FROM people",
    "SELECT sum(id * 1000000000000000000) FROM people",
    "SELECT avg(1e308 * score) FROM people",
    "SELECT sum(score) OVER (ORDER BY id RANGE BETWEEN 3 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) FROM people",
    "SELECT nth_value(phone, 3) OVER (ORDER BY id GROUPS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM people",
    "SELECT listagg(phone, ','), mode() WITHIN GROUP (ORDER BY phone) FROM people",
    // What is below.
    "SELECT ctid FROM people",
    "SELECT \"mask 2\" FROM people",
    "SELECT * FROM \"rows below protection\"",
    // More functions in FROM.
    "SELECT * FROM identity_links(people, key => id, match_on => ['phone'])",
    "SELECT * FROM association_rules(people, basket => city, item => name, min_support => 0.1)",
    "SELECT * FROM completeness(people, key_fields => ['phone', 'email', 'score'])",
    "SELECT * FROM impute(people, target => city, from => ['name'])",
    "SELECT * FROM nps_result(people, score => score)",
    "SELECT * FROM clv_summary(orders, customer => id, order_time => day, amount => amount)",
    "DECLARE fetched CURSOR WITH HOLD FOR SELECT 1 / id FROM people ORDER BY id",
    "FETCH 5 FROM fetched",
    "CLOSE fetched",
];

#[test]
fn whoever_asks_for_what_is_hidden_learns_nothing() {
    let worlds = [World::new(11), World::new(12)];
    for role in ["mia", "tom"] {
        for world in &worlds {
            world.rows(&format!("SET ROLE {role}"));
        }
        for sql in some(STATEMENTS, 40) {
            let [one, other] = [&worlds[0], &worlds[1]].map(|world| world.told(sql));
            assert_eq!(one, other, "{role}: {sql}");
        }
        for world in &worlds {
            world.rows("DEALLOCATE ALL");
            world.rows("RESET ROLE");
        }
    }
}

impl World {
    /// The rows in the order of their texts, or the error; and the notes.
    pub(super) fn told(&self, sql: &str) -> (Result<Vec<String>, String>, Vec<String>) {
        let mut rows = self.answer(sql);
        if let Ok(rows) = &mut rows {
            rows.retain(|row| !row.starts_with("created_at|"));
            rows.sort();
        }
        (rows, self.notes(sql))
    }

    /// The notes of a query; a change is not repeated for them.
    fn notes(&self, sql: &str) -> Vec<String> {
        if !sql.starts_with("SELECT") {
            return vec![];
        }
        let notes = self.engine.block_on(async {
            let statement = self.session.parse(sql).await?.pop();
            let Some(statement) = statement else { return Ok(vec![]) };
            let mut answer = self.session.execute(statement).await?;
            while answer.next_batch().await?.is_some() {}
            Ok::<_, datafusion::error::DataFusionError>(answer.notes())
        });
        notes.unwrap_or_default()
    }
}
