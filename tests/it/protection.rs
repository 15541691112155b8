//! What masks and row policies hide stays hidden: two databases that differ only in hidden data give the same results.

mod asked;
mod hostile;
mod typed;

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{About, Dice, cases, from_environment, is_long, rows, try_rows};

/// A database that looks the same to a role for every seed: only the hidden rows, their positions and the masked values differ.
struct World {
    engine: Engine,
    session: Session,
    folder: tempfile::TempDir,
}

const VISIBLE: u64 = 60;

impl World {
    fn new(hidden: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Some(folder.path().join("db"));
        let engine = Engine::open(EngineOptions { database, partitions: Some(2), ..EngineOptions::default() }).unwrap();
        let session = engine.session().unwrap();
        let world = Self { engine, session, folder };
        let mut dice = Dice(hidden);
        let mut people = vec![];
        for id in 1..=VISIBLE {
            // Hidden rows are mixed with visible ones.
            for _ in 0..dice.below(3) {
                let phone = dice.pick(&["'x'", "'13800138000'", "NULL", "'0'", "''"]);
                let (id, score) =
                    (dice.pick(&["0", "1", "NULL", "9223372036854775807", "-1"]), dice.pick(&["0.0", "1e308", "NULL", "-5"]));
                people.push(format!(
                    "({id}, 'secret{}', {phone}, 'hidden', {score}, '{}@h.cn')",
                    dice.below(999),
                    dice.below(99)
                ));
            }
            let (city, score) = (["north", "south"][usize::try_from(id % 2).unwrap()], id % 7);
            let name = format!("n{}", id % 11);
            let (phone, email) = (format!("138{:08}", dice.below(99_999_999)), format!("{}@v.cn", dice.below(9999)));
            people.push(format!("({id}, '{name}', '{phone}', '{city}', {score}, '{email}')"));
        }
        // Hidden customers of the profile.
        let gone: Vec<u64> = (5000..5000 + dice.below(20) as u64).collect();
        for id in &gone {
            let (phone, score) = (dice.below(99_999_999), dice.below(50));
            people.push(format!("({id}, 'secret{}', '139{phone:08}', 'hidden', {score}, 'g{id}@h.cn')", dice.below(999)));
        }
        let of_gone: Vec<String> =
            gone.iter().map(|id| format!("({id}, {id}, DATE '2025-02-03', {}.5)", dice.below(90))).collect();
        let seen: Vec<String> = (1..=VISIBLE)
            .flat_map(|id| {
                let seen = format!("({id}, {id}, DATE '2025-01-01' + CAST({} AS INT), {}.5)", id % 40, id % 9);
                let hidden = format!("({}, 0, DATE '1999-01-01', {})", 1000 + id, dice.pick(&["0.0", "1e9", "NULL"]));
                if dice.chance(40) { vec![hidden, seen] } else { vec![seen] }
            })
            .collect();
        let orders = [of_gone, seen].concat();
        // The role sees this table only through a view.
        let vault: Vec<String> = (1..=VISIBLE)
            .flat_map(|id| {
                let seen = format!("({id}, 'n{}', '{}')", id % 11, id % 7);
                let hidden =
                    format!("({}, 'hidden', {})", dice.pick(&["0", "1", "-1"]), dice.pick(&["'x'", "'0'", "NULL", "''"]));
                if dice.chance(40) { vec![hidden, seen] } else { vec![seen] }
            })
            .collect();
        for sql in [
            &format!(
                "CREATE TABLE people AS SELECT CAST(id AS BIGINT) AS id, name, phone, city, CAST(score AS DOUBLE) AS score, email FROM (VALUES {}) AS v(id, name, phone, city, score, email)",
                people.join(", ")
            ),
            &format!("CREATE TABLE orders AS SELECT * FROM (VALUES {}) AS v(order_id, id, day, amount)", orders.join(", ")),
            &format!("CREATE TABLE vault AS SELECT * FROM (VALUES {}) AS v(id, name, code)", vault.join(", ")),
            "CREATE TABLE numbered (number BIGINT GENERATED ALWAYS AS IDENTITY, city VARCHAR)",
            "INSERT INTO numbered (city) SELECT city FROM people WHERE city = 'hidden'",
            "CREATE VIEW shown AS SELECT id, name, code FROM vault WHERE name <> 'hidden'",
            "CREATE VIEW by_city AS SELECT city, count(*) AS n, max(phone) AS phone, avg(score) AS score FROM people GROUP BY city",
            "CREATE VIEW bought AS SELECT p.id, p.name, p.phone, o.day, o.amount FROM people p JOIN orders o USING (id)",
            "CREATE PROFILE customer WITH (key = 'id', history = 'phone, city') AS SELECT id, name, phone, city FROM people WHERE id BETWEEN 2 AND 6000",
            "CREATE TAG spent ON customer AS SELECT id, sum(amount) FROM orders GROUP BY id",
            "CREATE TAG contact ON customer AS SELECT id, phone || ' ' || email FROM people WHERE id BETWEEN 2 AND 6000",
            "CREATE SEGMENT big ON customer AS spent > 4",
            "REFRESH PROFILE customer WITH (as_of = DATE '2025-06-01')",
            "UPDATE people SET phone = concat(phone, '0') WHERE id % 3 = 0",
            "REFRESH PROFILE customer WITH (as_of = DATE '2025-07-01')",
            "ALTER TABLE people ALTER COLUMN phone SET CLASS 'phone'",
            "ALTER TABLE people ALTER COLUMN email SET CLASS 'email'",
            "CREATE MODEL groups WITH (type = 'kmeans', key = 'k', n_clusters = 2) AS SELECT row_number() OVER () AS k, coalesce(length(phone), 0) AS l FROM people",
            "CREATE IDENTITY person WITH (key = 'id') AS SELECT id, name, phone FROM people WHERE id BETWEEN 2 AND 60",
            "CREATE CHECK single ON people AS unique(id)",
            "CREATE CHECK small ON people AS score < 1e300",
            "CREATE ROLE mia",
            "CREATE ROLE tom",
            "GRANT USAGE ON MODEL groups TO mia, tom",
            "GRANT REFRESH ON IDENTITY person TO mia, tom",
            "GRANT SELECT ON people, orders, numbered, by_city, bought, shown TO mia, tom",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON people TO mia",
            "GRANT SELECT ON PROFILE customer TO mia, tom",
            "GRANT SELECT ON SEGMENT big TO mia, tom",
            "CREATE MASK phones ON CLASS phone USING '***'",
            "CREATE MASK emails ON CLASS email USING (NULL)",
            "CREATE ROW POLICY cities ON people USING (city <> 'hidden') FOR mia",
            "CREATE ROW POLICY north ON people USING (city = 'north') FOR tom",
            "CREATE ROW POLICY bought ON orders USING (id IN (SELECT id FROM people WHERE city <> 'hidden') AND id <> 0) FOR mia, tom",
            "CREATE ROW POLICY numbers ON numbered USING (city <> 'hidden') FOR mia, tom",
            "CREATE ROW POLICY customers ON profile.customer USING (city <> 'hidden') FOR mia",
            "CREATE ROW POLICY north_customers ON profile.customer USING (city = 'north') FOR tom",
        ] {
            world.rows(sql);
        }
        for sql in typed::tables(&mut dice) {
            world.rows(&sql);
        }
        world
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.engine, &self.session, sql)
    }

    fn answer(&self, sql: &str) -> Result<Vec<String>, String> {
        try_rows(&self.engine, &self.session, sql)
    }
}

/// `PORTRAIT_TEST_CASES=5000 PORTRAIT_TEST_SEED=8 cargo test --test it protection` runs more cases, and others.
#[test]
fn two_databases_that_differ_in_what_is_hidden_answer_alike() {
    let seed = from_environment("PORTRAIT_TEST_SEED", 7);
    let worlds = [World::new(seed), World::new(seed + 1)];
    let hidden = |world: &World| world.rows("SELECT * FROM people");
    assert_ne!(hidden(&worlds[0]), hidden(&worlds[1]));
    let mut dice = Dice(seed);
    let (mut answered, mut failed, mut differences) = (0, 0, vec![]);
    for role in ["mia", "tom"] {
        for world in &worlds {
            world.rows(&format!("SET ROLE {role}"));
        }
        assert!(worlds[0].rows("SELECT DISTINCT phone FROM people") == ["***"], "{role}");
        for _ in 0..cases(8, 60) {
            let sql = if dice.chance(50) { asked::query(&mut dice) } else { typed::query(&mut dice) };
            let _about = About(format!("{role}: {sql}"));
            let [one, other] = [&worlds[0], &worlds[1]].map(|world| world.told(&sql));
            match &one.0 {
                Ok(_) => answered += 1,
                Err(_) => failed += 1,
            }
            // Which of several rows that fail is the first depends on the threads, where queries run beside each other.
            let is_free = ["INTERSECT", "EXCEPT", "LATERAL", "(SELECT"];
            let is_free = is_free.iter().any(|part| sql.contains(part));
            let sorted = |(answer, notes): (Result<Vec<String>, String>, Vec<String>)| {
                let answer = answer.map_err(|error| if is_free { String::new() } else { error });
                (answer.map(|rows| rows.iter().map(|row| asked::without_times(row)).collect::<Vec<_>>()), notes)
            };
            let (one, other) = (sorted(one), sorted(other));
            if one != other {
                differences.push(format!("{role}: {sql}\n{one:?}\n{other:?}"));
            }
        }
        for world in &worlds {
            world.rows("RESET ROLE");
        }
    }
    assert!(differences.is_empty(), "PORTRAIT_TEST_SEED={seed}, {} differ:\n{}", differences.len(), differences.join("\n\n"));
    assert!(answered > failed / 2 && failed > if is_long() { 20 } else { 0 }, "{answered} answers, {failed} errors");
}

/// Statements on a view whose table the role may not read give the same results, whatever the view leaves out.
#[test]
fn a_view_hides_what_it_leaves_out() {
    let worlds = [World::new(5), World::new(6)];
    for world in &worlds {
        world.rows("SET ROLE mia");
    }
    for sql in [
        "SELECT sum(CAST(code AS INT)) FROM shown",
        "SELECT id FROM shown WHERE CAST(code AS INT) > 3",
        "SELECT count(*) FROM shown WHERE 100 / id > 1 AND CAST(name AS DATE) IS NULL",
        "SELECT code, count(*) FROM shown GROUP BY code",
        "SELECT a.id FROM shown a JOIN people b ON CAST(a.code AS BIGINT) = b.id",
        "SELECT id FROM shown WHERE id IN (SELECT CAST(code AS INT) FROM shown)",
        "EXPLAIN SELECT count(*) FROM shown WHERE code = 'x'",
        "SELECT (SELECT max(CAST(code AS INT)) FROM shown)",
    ] {
        let [one, other] = [&worlds[0], &worlds[1]].map(|world| {
            world.answer(sql).map(|mut rows| {
                rows.sort();
                rows
            })
        });
        assert_eq!(one, other, "{sql}");
    }
}

/// Row policies and masks do not go with copied rows; a note says so.
#[test]
fn a_copy_of_protected_rows_is_told() {
    let world = World::new(4);
    let notes = |sql: &str| {
        world.engine.block_on(async {
            let statement = world.session.parse(sql).await.unwrap().pop().unwrap();
            let mut answer = world.session.execute(statement).await.unwrap();
            while answer.next_batch().await.unwrap().is_some() {}
            answer.notes()
        })
    };
    let told = notes("CREATE TABLE copied AS SELECT id FROM people");
    assert!(told.iter().any(|note| note.contains("row policies and masks of people do not apply to this copy")), "{told:?}");
    // Nothing protects a file.
    let file = world.folder.path().join("away.csv").display().to_string();
    let copied = |query: &str| notes(&format!("COPY ({query}) TO '{file}'")).join("\n");
    let told = copied("SELECT id, phone AS mobile, upper(email) AS mail FROM people");
    assert!(told.contains(": has the columns mail (email), mobile (phone) and rows of people as "), "{told}");
    let told = copied("SELECT count(*) AS n FROM orders");
    assert!(told.contains(": has rows of orders as "), "{told}");
    assert_eq!(copied("SELECT name FROM vault"), "");
}

/// If the reader may not read a view's tables, a plan shows the view as one step, without their names, conditions and counts.
#[test]
fn plans_do_not_show_what_a_view_hides() {
    let world = World::new(4);
    let plan = || world.rows("EXPLAIN ANALYZE SELECT id FROM shown WHERE code = '1'").join("\n");
    assert!(plan().contains("hidden"), "{}", plan());
    world.rows("SET ROLE mia");
    let plan = plan();
    assert!(plan.contains("ProtectedExec: shown, columns=[id]"), "{plan}");
    assert!(!plan.contains("vault") && !plan.contains("hidden") && !plan.contains("output_rows"), "{plan}");
}

/// What a role may do with a table that it sees only in part: the SQLSTATE, or that it ran.
#[test]
fn each_role_may_do_what_it_may() {
    let world = World::new(3);
    for sql in [
        "CREATE ROLE ann",
        "GRANT CREATE ON DATABASE portrait TO ann",
        "GRANT CREATE ON SCHEMA public TO ann",
        "ALTER TABLE people OWNER TO ann",
        "CREATE ROW POLICY of_ann ON people USING (city = 'south') FOR ann",
        "CREATE ROLE eve",
        "GRANT INSERT ON people TO tom",
    ] {
        world.rows(sql);
    }
    // For each statement, the result for mia (may read and change rows), tom (may read and insert), ann (the owner) and eve (no privileges).
    const MATRIX: [(&str, [&str; 4]); 26] = [
        ("SELECT count(*) FROM people", ["60", "30", "30", "denied"]),
        ("SELECT DISTINCT phone FROM people", ["***", "***", "***", "denied"]),
        ("SELECT count(*) FROM by_city", ["2", "1", "denied", "denied"]),
        ("SELECT DISTINCT phone FROM by_city", ["***", "***", "denied", "denied"]),
        ("SELECT count(*) FROM people FOR SYSTEM_TIME AS OF DATE '2999-01-01'", ["60", "30", "30", "denied"]),
        ("SELECT count(*) FROM profile.customer", ["59", "30", "denied", "denied"]),
        ("INSERT INTO people VALUES (500, 'x', '1', 'hidden', 1, 'e')", ["ran", "ran", "ran", "denied"]),
        ("INSERT INTO people SELECT * FROM people", ["denied", "denied", "denied", "denied"]),
        ("UPDATE people SET score = 0", ["denied", "denied", "denied", "denied"]),
        ("DELETE FROM people", ["denied", "denied", "denied", "denied"]),
        (
            "MERGE INTO people USING orders ON people.id = orders.id WHEN MATCHED THEN DELETE",
            ["denied", "denied", "denied", "denied"],
        ),
        ("TRUNCATE people", ["denied", "denied", "denied", "denied"]),
        ("CREATE OR REPLACE TABLE people AS SELECT * FROM people", ["denied", "denied", "denied", "denied"]),
        ("ALTER TABLE people ADD COLUMN extra INT", ["denied", "denied", "denied", "denied"]),
        ("ALTER TABLE people ALTER COLUMN phone TYPE BIGINT", ["denied", "denied", "denied", "denied"]),
        ("ALTER TABLE people ALTER COLUMN phone DROP CLASS", ["denied", "denied", "denied", "denied"]),
        ("ALTER TABLE people ALTER COLUMN phone SET CLASS 'phone'", ["denied", "denied", "denied", "denied"]),
        ("DROP MASK phones", ["denied", "denied", "denied", "denied"]),
        ("DROP ROW POLICY cities", ["denied", "denied", "denied", "denied"]),
        ("CREATE OR REPLACE ROW POLICY cities ON people USING (true) FOR mia", ["denied", "denied", "denied", "denied"]),
        ("CREATE MASK own ON CLASS phone USING value", ["denied", "denied", "denied", "denied"]),
        ("CREATE ROW POLICY more ON people USING (true)", ["denied", "denied", "denied", "denied"]),
        ("CREATE MASK bare ON people (phone) USING value", ["denied", "denied", "denied", "denied"]),
        ("GRANT FILTER ON people TO ann", ["denied", "denied", "denied", "denied"]),
        ("REFRESH PROFILE customer", ["denied", "denied", "denied", "denied"]),
        ("SELECT count(*) FROM system.files", ["0", "0", "0", "0"]),
    ];
    for (sql, expected) in MATRIX {
        for (role, expected) in ["mia", "tom", "ann", "eve"].into_iter().zip(expected) {
            world.rows(&format!("SET ROLE {role}"));
            let got = match world.answer(sql) {
                Ok(rows) if rows.is_empty() || sql.starts_with("INSERT") => "ran".to_string(),
                Ok(rows) => rows.join(","),
                Err(error)
                    if [
                        "permission denied",
                        "nothing of that name",
                        "may add rows",
                        "cannot be written",
                        "must be its owner",
                        "SUPERUSER",
                    ]
                    .iter()
                    .any(|words| error.contains(words)) =>
                {
                    "denied".into()
                }
                Err(error) => error,
            };
            assert_eq!(got, expected, "{role}: {sql}");
            world.rows("RESET ROLE");
            world.rows("DELETE FROM people WHERE id = 500");
        }
    }
}

/// In an earlier state a column keeps its class, whatever happens to it later; a column that had none may contain anything.
#[test]
fn earlier_states_of_a_table_stay_masked() {
    let world = World::new(5);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(20));
    world.rows("CREATE TABLE h AS SELECT id, phone, email, score FROM people WHERE city <> 'hidden'; GRANT SELECT ON h TO mia");
    pause();
    let then = world.rows("SELECT CAST(now() AS TIMESTAMP)").remove(0);
    pause();
    for sql in [
        "ALTER TABLE h RENAME COLUMN phone TO mobile",
        "ALTER TABLE h DROP COLUMN email",
        // Another column gets the name of the classified one.
        "ALTER TABLE h RENAME COLUMN score TO phone",
    ] {
        world.rows(sql);
    }
    let of_past = format!("FROM h FOR SYSTEM_TIME AS OF TIMESTAMP '{then}'");
    world.rows(&format!("CREATE TABLE past AS SELECT * {of_past}"));
    let classes = "SELECT \"column\", class FROM system.column_classes WHERE \"table\" = 'past' ORDER BY 1";
    assert_eq!(world.rows(classes), ["email|email", "phone|phone", "score|unknown"]);
    assert_ne!(world.rows(&format!("SELECT DISTINCT phone {of_past}")), ["***"]);
    world.rows("SET ROLE mia");
    assert_eq!(world.rows("SELECT DISTINCT mobile FROM h"), ["***"]);
    assert_eq!(world.rows(&format!("SELECT DISTINCT phone, email, score {of_past}")), ["***|NULL|NULL"]);
    // Only the owner sees a definition.
    let described = world.rows("DESCRIBE SEGMENT big").join("\n");
    assert!(described.contains("kind|segment") && !described.contains("spent > 4"), "{described}");
    world.rows("RESET ROLE");
    assert!(world.rows("DESCRIBE SEGMENT big").join("\n").contains("spent > 4"));
    // A mask names the column of today, which had another name then.
    world.rows("CREATE TABLE g AS SELECT 1 AS id, '13800138000' AS tel, 'x' AS note; GRANT SELECT ON g TO mia");
    pause();
    let then = world.rows("SELECT CAST(now() AS TIMESTAMP)").remove(0);
    pause();
    world.rows("ALTER TABLE g RENAME COLUMN tel TO mobile; CREATE MASK mobiles ON g (mobile) USING '***'; SET ROLE mia");
    assert_eq!(world.rows("SELECT mobile, note FROM g"), ["***|x"]);
    assert_eq!(world.rows(&format!("SELECT tel, note FROM g FOR SYSTEM_TIME AS OF TIMESTAMP '{then}'")), ["NULL|x"]);
}

/// A row policy shows nothing of an earlier state in which a column that it names was another one.
#[test]
fn row_policies_do_not_read_another_column_of_the_same_name() {
    let world = World::new(5);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(20));
    world.rows("CREATE TABLE places AS SELECT id, city, name FROM people; GRANT SELECT ON places TO mia");
    pause();
    let then = world.rows("SELECT CAST(now() AS TIMESTAMP)").remove(0);
    pause();
    for sql in [
        "ALTER TABLE places DROP COLUMN city",
        "ALTER TABLE places RENAME COLUMN name TO city",
        "CREATE ROW POLICY known ON places USING (city NOT LIKE 'secret%') FOR mia",
        "SET ROLE mia",
    ] {
        world.rows(sql);
    }
    let of_past = format!("SELECT count(*) FROM places FOR SYSTEM_TIME AS OF TIMESTAMP '{then}'");
    assert_eq!(world.rows("SELECT count(*) FROM places"), ["60"]);
    assert_eq!(world.rows(&of_past), ["0"]);
    // Another policy names a column that is the same.
    world.rows("RESET ROLE; CREATE ROW POLICY two ON places USING (id BETWEEN 5 AND 6) FOR mia; SET ROLE mia");
    assert_eq!(world.rows(&of_past), ["2"]);
}

/// The owner of a table can replace it by other rows, but not by the masked values that are all he sees of it.
#[test]
fn masked_values_do_not_replace_real_ones() {
    let world = World::new(5);
    for sql in [
        "CREATE ROLE ann",
        "GRANT CREATE ON DATABASE portrait TO ann",
        "GRANT CREATE ON SCHEMA public TO ann",
        "CREATE TABLE own AS SELECT id, phone FROM people",
        "ALTER TABLE own OWNER TO ann",
        "SET ROLE ann",
        "CREATE VIEW of_own AS SELECT * FROM own",
    ] {
        world.rows(sql);
    }
    for from in ["own", "of_own", "(SELECT id, phone FROM own UNION ALL SELECT 1, '1')"] {
        let told = world.answer(&format!("CREATE OR REPLACE TABLE own AS SELECT * FROM {from} AS old")).unwrap_err();
        assert!(told.contains("may add rows to it but not change what is hidden"), "{from}: {told}");
    }
    world.rows("CREATE OR REPLACE TABLE own AS SELECT CAST(1 AS BIGINT) AS id, '1' AS phone");
    assert_eq!(world.rows("SELECT count(*) FROM own"), ["1"]);
}

/// The owner of an identity over a masked column refreshes it again and again, and sees its evidence masked.
#[test]
fn an_identity_over_masked_columns_is_refreshed_by_its_owner() {
    let world = World::new(5);
    for sql in [
        "CREATE ROLE ann",
        "GRANT CREATE ON DATABASE portrait TO ann",
        "GRANT CREATE ON SCHEMA public TO ann",
        "GRANT SELECT ON people TO ann",
        "CREATE ROW POLICY few ON people USING (id BETWEEN 1 AND 4 AND city <> 'hidden') FOR ann",
        "SET ROLE ann",
        "CREATE IDENTITY known WITH (key = 'id', match_on = 'phone', max_shared = 100) AS SELECT id, phone FROM people",
        "REFRESH IDENTITY known",
        "REFRESH IDENTITY known",
    ] {
        world.rows(sql);
    }
    // All see the same masked phone, so that they are one person.
    let persons = world.rows("SELECT id, person_id, evidence FROM identity.known ORDER BY id");
    assert_eq!(persons.len(), 4);
    assert!(persons.iter().all(|row| row.contains("|1|") && row.contains("***")), "{persons:?}");
    let refreshed = "SELECT to_person_id, records FROM identity.known_ledger WHERE change = 'refreshed'";
    assert_eq!(world.rows(refreshed), ["1|4", "1|4"]);
}

/// A role that may read and write files by name reads none of the database itself, in whatever way it names them, and nobody writes to one.
#[test]
fn files_of_the_database_are_not_read_or_written_by_name() {
    let world = World::new(7);
    let place = world.folder.path().join("db");
    let data = place.join("data").read_dir().unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let shown = |path: &std::path::Path| path.display().to_string();
    let mut files = vec![
        format!("'{}/data/{data}'", shown(&place)),
        format!("'{}/data/*.parquet'", shown(&place)),
        format!("'{}/locks/../data/{data}'", shown(&place)),
        format!("'{}/**/*.parquet'", shown(world.folder.path())),
        format!("read_parquet('{}/data/{data}')", shown(&place)),
        format!("read_parquet('{}/data')", shown(&place)),
        format!("read_csv('{}/catalog.sqlite')", shown(&place)),
    ];
    // What a statement of some process spills.
    let spills = world.folder.path().join("portrait-812-0");
    std::fs::create_dir_all(spills.join("datafusion-x")).unwrap();
    std::fs::write(spills.join(".lock"), "").unwrap();
    std::fs::write(spills.join("datafusion-x/.tmpx"), "13800138000\n").unwrap();
    files.push(format!("read_csv('{}/datafusion-x/.tmpx', encoding => 'latin1')", shown(&spills)));
    #[cfg(unix)]
    {
        let link = world.folder.path().join("link");
        std::os::unix::fs::symlink(place.join("data"), &link).unwrap();
        files.push(format!("'{}/{data}'", shown(&link)));
    }
    for sql in [
        "CREATE ROLE cy",
        "GRANT READ, WRITE ON FILES TO cy",
        "GRANT CREATE ON DATABASE portrait TO cy",
        "GRANT CREATE ON SCHEMA public TO cy",
        "SET ROLE cy",
    ] {
        world.rows(sql);
    }
    let refused = "is a file of the database itself";
    for file in &files {
        let told = world.answer(&format!("SELECT count(*) FROM {file}")).unwrap_err();
        assert!(told.contains(refused), "{file}: {told}");
    }
    let catalog = shown(&place.join("catalog.sqlite"));
    for sql in [
        format!("CREATE EXTERNAL TABLE e STORED AS PARQUET LOCATION '{}/data/'", shown(&place)),
        format!("CREATE EXTERNAL TABLE e STORED AS SQLITE OPTIONS ('table' 'versions') LOCATION '{catalog}'"),
        format!("CREATE VIEW e AS SELECT * FROM {}", files[0]),
        format!("COPY (SELECT 1 AS a) TO '{catalog}' STORED AS CSV"),
        format!("COPY (SELECT 1 AS a) TO '{}/data/{data}'", shown(&place)),
    ] {
        let told = world.answer(&sql).unwrap_err();
        assert!(told.contains(refused), "{sql}: {told}");
    }
    // Other files beside the database are read and written.
    let other = shown(&place.join("other.csv"));
    world.rows(&format!("COPY (SELECT 7 AS a) TO '{other}'"));
    assert_eq!(world.rows(&format!("SELECT a FROM '{other}'")), ["7"]);
    world.rows("RESET ROLE");
    world.rows(&format!("SELECT count(*) FROM {}", files[0]));
    for sql in
        [format!("COPY (SELECT 1 AS a) TO '{catalog}' STORED AS CSV"), format!("BACKUP DATABASE TO '{}/data/x'", shown(&place))]
    {
        let told = world.answer(&sql).unwrap_err();
        assert!(told.contains(refused), "{sql}: {told}");
    }
}

/// A definition reads files with the rights of its owner, so nobody reads one through a view that could not read it by name.
#[test]
fn a_view_reads_no_file_that_its_owner_may_not() {
    let world = World::new(8);
    let file = world.folder.path().join("away.csv").display().to_string();
    for sql in [
        format!("COPY (SELECT 7 AS a) TO '{file}'"),
        format!("CREATE VIEW given AS SELECT * FROM '{file}'"),
        "CREATE ROLE cy".to_string(),
        "GRANT CREATE ON SCHEMA public TO cy".to_string(),
        "GRANT SELECT ON given TO cy".to_string(),
        "SET ROLE cy".to_string(),
    ] {
        world.rows(&sql);
    }
    // Of a role with more rights it is read.
    assert_eq!(world.rows("SELECT a FROM given"), ["7"]);
    for query in [format!("SELECT * FROM '{file}'"), format!("SELECT * FROM read_csv('{file}')")] {
        for sql in [query.clone(), format!("CREATE VIEW own AS {query}"), format!("CREATE TABLE own AS {query}")] {
            let told = world.answer(&sql).unwrap_err();
            assert!(told.contains("permission denied to cy; ask for: GRANT READ ON FILES TO cy"), "{sql}: {told}");
        }
    }
    world.rows("RESET ROLE; GRANT READ ON FILES TO cy; SET ROLE cy");
    world.rows(&format!("CREATE VIEW own AS SELECT * FROM '{file}'"));
    assert_eq!(world.rows("SELECT a FROM own"), ["7"]);
    // Whoever loses the right loses it here, too.
    world.rows("RESET ROLE; REVOKE READ ON FILES FROM cy; GRANT SELECT ON own TO mia; SET ROLE mia");
    let told = world.answer("SELECT a FROM own").unwrap_err();
    assert!(!told.contains("away.csv"), "{told}");
}
