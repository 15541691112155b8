//! Databases made by earlier versions of the program: opened, read, changed and dumped by today's version.

use std::path::{Path, PathBuf};

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{portrait, rows, run, session_with, try_rows};

const VERSIONS: [u32; 5] = [1, 2, 3, 19, 21];
/// Where the databases were made.
const MADE_IN: &str = "/srv/crm";

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/catalog/v{version}"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn version_of(database: &Path) -> i64 {
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    catalog.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// A copy that no program has opened yet, and its database; the files of its external tables are next to it.
fn copy_of(version: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(version).join("crm"), folder.path());
    let database = folder.path().join("database");
    let catalog = rusqlite::Connection::open(database.join("catalog.sqlite")).unwrap();
    let tables = match version {
        1 => &["definitions"][..],
        2 | 3 => &["definitions", "versions"],
        _ => &["versions"],
    };
    for table in tables {
        // Roles are in no folder.
        let query = format!("SELECT count(*) FROM {table} WHERE base NOT IN (?1, '')");
        let elsewhere: i64 = catalog.query_row(&query, [MADE_IN], |row| row.get(0)).unwrap();
        assert_eq!(elsewhere, 0, "version {version}, {table}");
        let moved = format!("UPDATE {table} SET base = ?1 WHERE base <> ''");
        catalog.execute(&moved, [folder.path().display().to_string()]).unwrap();
    }
    drop(catalog);
    assert_eq!(version_of(&database), i64::from(version));
    (folder, database)
}

fn open(database: &Path) -> (Engine, Session) {
    session_with(EngineOptions { database: Some(database.to_path_buf()), ..EngineOptions::default() })
}

fn ask(database: &Path, script: &Path) -> (i32, String, String) {
    run(portrait().arg("-d").arg(database).args(["-f", "csv", "run"]).arg(script))
}

/// Today's program returns the old program's results, when it opens the file first and again later.
#[test]
fn answers_stay_what_they_were() {
    for version in VERSIONS {
        let (_folder, database) = copy_of(version);
        let answers = std::fs::read_to_string(fixture(version).join("answers.csv")).unwrap();
        assert!(answers.lines().count() > 50);
        for opening in ["first", "second"] {
            let (code, out, errors) = ask(&database, &fixture(version).join("questions.sql"));
            assert_eq!(code, 0, "version {version}: {errors}");
            for (line, (today, then)) in out.lines().zip(answers.lines()).enumerate() {
                assert_eq!(today, then, "version {version}, {opening} opening, line {}", line + 1);
            }
            assert_eq!(out.lines().count(), answers.lines().count(), "version {version}, {opening} opening");
        }
        assert!(version_of(&database) >= i64::from(*VERSIONS.last().unwrap()));
    }
}

/// Several processes can be the first: one upgrades the file, and all can read it.
#[test]
fn processes_upgrade_a_database_together() {
    for version in VERSIONS {
        let (_folder, database) = copy_of(version);
        let one = || {
            let sql = "SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = 'public'";
            portrait()
                .arg("-d")
                .arg(&database)
                .args(["-f", "csv", "-c", sql])
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        };
        let programs: Vec<_> = (0..4).map(|_| one()).collect();
        for program in programs {
            let output = program.wait_with_output().unwrap();
            let expected = match version {
                1 => "n\n6\n",
                2 | 21 => "n\n5\n",
                _ => "n\n4\n",
            };
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "version {version}");
        }
    }
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let (_folder, database) = copy_of(1);
    let file = database.join("catalog.sqlite");
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 1_000_000).unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = Engine::open(EngineOptions { database: Some(database.clone()), ..EngineOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("was made by a newer Portrait (catalog version 1000000, this program knows"), "{error}");
    let (code, _, errors) = run(portrait().arg("-d").arg(&database).args(["-c", "SELECT 1"]));
    assert!(code == 1 && errors.contains("newer Portrait") && errors.contains("upgrade portrait"), "{errors}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

/// Tables and views of version 1: replaced, used by new objects, dropped.
#[test]
fn version_1_goes_on() {
    let (_folder, database) = copy_of(1);
    let (engine, session) = open(&database);
    let sql = |text: &str| rows(&engine, &session, text);
    assert_eq!(sql("SELECT count(*) FROM 订单"), ["300"]);
    assert_eq!(
        sql("SELECT count(*) FROM 分层 AS a JOIN rfm(paid, customer => customer_id, order_time => ordered_at, amount => amount,
               as_of => DATE '2025-06-30', scheme => 'eight', labels => 'zh') AS b ON a.customer_id = b.customer_id AND a.segment = b.segment"),
        sql("SELECT count(*) FROM 分层")
    );
    // Later features work with them.
    sql("CREATE TABLE kept AS SELECT * FROM \"Spending\"; INSERT INTO kept VALUES (-1, 2, 3.00);
         CREATE PROFILE customer WITH (key = 'customer_id') AS SELECT customer_id, age, city FROM customers;
         CREATE TAG spending ON customer AS SELECT customer_id, CASE WHEN \"Total\" > 10000 THEN 'high' ELSE 'low' END FROM \"Spending\"");
    sql("REFRESH PROFILE customer WITH (as_of = DATE '2025-07-05')");
    assert_eq!(
        sql("SELECT count(*) FROM profile.customer WHERE spending = 'high'"),
        sql("SELECT count(*) FROM \"Spending\" JOIN customers USING (customer_id) WHERE \"Total\" > 10000")
    );
    let error = try_rows(&engine, &session, "DROP TABLE customers").unwrap_err();
    assert!(error.contains("customers: is used by profile customer"), "{error}");
    let error = try_rows(&engine, &session, "CREATE VIEW 订单 AS SELECT 1").unwrap_err();
    assert!(error.contains("订单: exists already"), "{error}");
    sql("DROP VIEW 城市消费; DROP VIEW 分层; CREATE OR REPLACE VIEW paid AS SELECT * FROM 订单 WHERE status = 'none'");
    drop((engine, session));
    let (engine, session) = open(&database);
    assert_eq!(rows(&engine, &session, "SELECT count(*) FROM \"Spending\"; SELECT max(\"Total\") FROM kept"), ["159352.58"]);
    let names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    assert_eq!(rows(&engine, &session, names), ["Spending", "customers", "kept", "paid", "订单"]);
}

/// Profiles of version 2: described, refreshed again, rewound, dropped.
#[test]
fn version_2_goes_on() {
    let (_folder, database) = copy_of(2);
    let (engine, session) = open(&database);
    let sql = |text: &str| rows(&engine, &session, text);
    let fails = |text: &str| try_rows(&engine, &session, text).unwrap_err();
    assert_eq!(sql("SHOW PROFILES").len(), 3);
    assert_eq!(sql("SHOW TAGS").len(), 10);
    assert_eq!(sql("SHOW SEGMENTS").len(), 2);
    assert!(sql("DESCRIBE TAG level").join("\n").contains("WHEN sum(amount) >= $high THEN 'high'"));
    assert!(sql("DESCRIBE PROFILE 客户").join("\n").contains("time_columns = 'purchases.day'"));
    assert!(fails("DROP TABLE purchases").contains("purchases: is used by"));
    assert!(fails("REFRESH PROFILE 客户 WITH (as_of = DATE '2025-03-01')").contains("is before the last refresh"));

    // This program computes for that day what the old one published.
    let published = sql("SELECT * FROM profile.客户 FOR SYSTEM_TIME AS OF DATE '2025-03-31' ORDER BY id");
    sql("INSERT INTO purchases VALUES (2, DATE '2025-05-20', 2000.00, 'web', 'paid')");
    sql("REFRESH PROFILE 客户 WITH (as_of = DATE '2025-05-31')");
    assert_eq!(sql("SELECT level, spent, place FROM profile.客户 WHERE id = 2"), ["high|2050.0|1"]);
    let closed =
        "SELECT value, valid_from, valid_to FROM profile.客户_history WHERE id = 2 AND tag = 'level' ORDER BY valid_from";
    assert_eq!(
        sql(closed),
        ["little|2025-01-31T23:59:59.999999|2025-05-31T23:59:59.999999", "high|2025-05-31T23:59:59.999999|NULL"]
    );
    assert_eq!(sql("SELECT id, since FROM segment.优质 ORDER BY id").len(), 3);
    assert_eq!(sql("SELECT value, version FROM explain_tag(客户, level, 2) WHERE decided"), ["high|2"]);
    sql("REFRESH PROFILE 客户 WITH (as_of = DATE '2025-03-31', rewind = true)");
    assert_eq!(sql("SELECT * FROM profile.客户 ORDER BY id"), published);
    assert_eq!(sql(closed), ["little|2025-01-31T23:59:59.999999|NULL"]);
    // The earlier states of a table, from before the upgrade.
    assert_eq!(sql("SELECT count(*) FROM purchases FOR SYSTEM_TIME AS OF TIMESTAMP '2025-07-01 12:00:00'"), ["5"]);
    assert_eq!(sql("SELECT count(*) FROM purchases"), ["9"]);

    // A profile that was never refreshed, and one with a text key; everything can be dropped.
    assert!(fails("SELECT * FROM profile.unused").contains("has not been refreshed yet"));
    sql("REFRESH PROFILE unused; REFRESH PROFILE shop");
    assert_eq!(sql("SELECT count(*) FROM profile.unused; SELECT * FROM profile.shop ORDER BY channel")[2], "web|2315.0");
    sql("DROP SEGMENT 优质; DROP SEGMENT young");
    for tag in ["target", "place", "is_big", "favourite", "channels", "quiet_days", "spent", "level", "年龄段"] {
        sql(&format!("DROP TAG {tag} ON 客户"));
    }
    sql("DROP PROFILE 客户; DROP TAG revenue; DROP PROFILE shop; DROP PROFILE unused");
    sql("DROP VIEW big; DROP VIEW paid; DROP TABLE purchases; DROP TABLE 备注; DROP TABLE people");
    assert_eq!(sql("SELECT count(*) FROM system.versions"), ["0"]);
    let left = std::fs::read_dir(database.join("data")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(left.filter(|path| path.extension().is_some_and(|end| end == "parquet")).count(), 0);
}

/// Models of version 3: applied, retrained, applied by tags, dropped.
#[test]
fn version_3_goes_on() {
    let (_folder, database) = copy_of(3);
    let (engine, session) = open(&database);
    let sql = |text: &str| rows(&engine, &session, text);
    let fails = |text: &str| try_rows(&engine, &session, text).unwrap_err();
    assert_eq!(sql("SHOW MODELS").len(), 2);
    assert!(sql("DESCRIBE MODEL 活跃度").join("\n").contains("n_clusters = 2"));
    let predicted = "SELECT id, cluster_id FROM ml_predict(活跃度, (SELECT * FROM (VALUES (1, 1, 10), (2, 39, 8000)) AS t(id, visits, seconds))) ORDER BY id";
    assert_eq!(sql(predicted), ["1|1", "2|2"]);
    sql("REFRESH PROFILE visitor WITH (as_of = DATE '2025-07-10')");
    let tagged = "SELECT count(*), count(*) FILTER (WHERE p.分群 = m.cluster_id) FROM profile.visitor AS p JOIN ml_predict(活跃度, usable) AS m ON p.id = m.id";
    assert_eq!(sql(tagged), ["27|27"]);
    sql(
        "CREATE OR REPLACE MODEL 活跃度 WITH (type = 'kmeans', key = 'id', n_clusters = 3, random_state = 7) AS SELECT * FROM usable",
    );
    assert_eq!(sql("SELECT version, rows_used FROM system.models WHERE name = '活跃度'"), ["3|27"]);
    sql("REFRESH PROFILE visitor WITH (as_of = DATE '2025-07-11')");
    assert_eq!(sql(tagged), ["27|27"]);
    assert_eq!(sql("SELECT count(DISTINCT 分群) FROM profile.visitor"), ["3"]);
    assert_eq!(sql("SELECT count(*) FROM profile.visitor FOR SYSTEM_TIME AS OF DATE '2025-06-30'"), ["23"]);
    assert!(fails("DROP MODEL 活跃度").contains("is used by tag 分群"));
    sql("DROP SEGMENT busy_ones; DROP SEGMENT first_group; DROP TAG busy; DROP TAG 分群; DROP MODEL 活跃度");
    assert!(fails(predicted).contains("活跃度: no such model"), "{}", fails(predicted));
    sql("INSERT INTO measures (id) VALUES (300)");
    assert_eq!(sql("SELECT count(*) FROM measures"), ["29"]);
    let was = "SELECT count(*) FROM measures FOR SYSTEM_TIME AS OF TIMESTAMP";
    assert_eq!(sql(&format!("{was} '2025-07-01 12:00:00'")), ["23"]);
}

/// Constraints and counters of version 19: kept, changed, extended.
#[test]
fn version_19_goes_on() {
    let (_folder, database) = copy_of(19);
    let (engine, session) = open(&database);
    let sql = |text: &str| rows(&engine, &session, text);
    let refused = |text: &str, why: &str| {
        let error = try_rows(&engine, &session, text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused("INSERT INTO members (id) VALUES (7)", "members_pkey");
    refused("INSERT INTO members (id, points) VALUES (31, -1)", "points_not_negative");
    refused("INSERT INTO notes (body) VALUES ('{')", "notes_body_check");
    refused("INSERT INTO notes (shop) VALUES ('x')", "notes_shop_code_key");
    // What was refused has drawn numbers, as in PostgreSQL.
    assert_eq!(sql("INSERT INTO notes (shop) VALUES ('z') RETURNING id, number"), ["40|7"]);
    let changed =
        "INSERT INTO members (id, points) VALUES (7, 9) ON CONFLICT (id) DO UPDATE SET points = excluded.points RETURNING city";
    assert_eq!(sql(changed), ["上海"]);
    sql("ALTER TABLE members DROP CONSTRAINT points_not_negative");
    sql("INSERT INTO members (id, points) VALUES (31, -1)");
    assert_eq!(sql("SELECT count(*), min(points) FROM members"), ["30|-1"]);
    assert_eq!(sql("SELECT count(*) FROM members FOR SYSTEM_TIME AS OF TIMESTAMP '2025-07-01 12:00:00'"), ["30"]);
    assert_eq!(sql("SELECT has_table_privilege('mia', 'members', 'SELECT')"), ["true"]);
    sql("REFRESH PROFILE 会员");
    assert_eq!(sql("SELECT count(*) FROM profile.会员 WHERE level = 'high'"), ["6"]);
}

/// Foreign keys, sequences and rules over rows of version 21: kept, followed, changed.
#[test]
fn version_21_goes_on() {
    let (_folder, database) = copy_of(21);
    let (engine, session) = open(&database);
    let sql = |text: &str| rows(&engine, &session, text);
    let refused = |text: &str, why: &str| {
        let error = try_rows(&engine, &session, text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    sql("SET ROLE mia");
    assert_eq!(sql("SELECT count(*), min(email) FROM members"), ["7|***"]);
    sql("RESET ROLE");
    refused("INSERT INTO shop.receipts_of (member, amount) VALUES (99, 1.00)", "receipts_of_member_fkey");
    refused("INSERT INTO shop.receipts_of (member, amount) VALUES (3, -1.00)", "amount_positive");
    refused("DELETE FROM members WHERE id = 1", "members_parent_fkey");
    sql("UPDATE cities SET name = 'Köln' WHERE name = 'Bonn'; DELETE FROM cities WHERE country = 'CN'");
    assert_eq!(sql("SELECT city, count(*) FROM members GROUP BY city ORDER BY city"), ["Köln|7", "NULL|12"]);
    assert_eq!(sql("SELECT nextval('counting')"), ["51"]);
    assert_eq!(sql("INSERT INTO logged (at) VALUES (NULL) RETURNING id"), ["3"]);
    sql("DELETE FROM members WHERE id > 15; DELETE FROM members WHERE id IN (2, 5, 8, 11, 14)");
    assert_eq!(sql("SELECT count(*) FROM shop.receipts_of"), ["1"]);
    assert_eq!(sql("SELECT count(*) FROM members FOR SYSTEM_TIME AS OF TIMESTAMP '2025-07-01 12:00:00'"), ["20"]);
    sql("REFRESH PROFILE 会员");
    assert_eq!(sql("SELECT count(*) FROM profile.会员"), ["10"]);
}

/// The script of an old database's definitions recreates them in a new one: tables without rows, and models once their tables have rows.
#[test]
fn dumps_run_elsewhere() {
    for version in VERSIONS {
        let (folder, database) = copy_of(version);
        let here = |arguments: &[&str]| run(portrait().arg("-d").arg(&database).args(["-f", "csv"]).args(arguments));
        let elsewhere = |arguments: &[&str]| {
            let mut program = portrait();
            run(program.current_dir(folder.path()).args(["-d", "elsewhere", "-f", "csv"]).args(arguments))
        };
        let (code, script, errors) = here(&["dump"]);
        assert_eq!(code, 0, "{errors}");
        let models = script.find("-- model ").unwrap_or(script.len());
        for (part, rows_come) in [(&script[..models], version == 3), (&script[models..], false)] {
            std::fs::write(folder.path().join("part.sql"), part).unwrap();
            let (code, _, errors) = elsewhere(&["run", "part.sql"]);
            assert_eq!(code, 0, "version {version}: {errors}\n{part}");
            for table in ["measures", "people"].into_iter().take(if rows_come { 2 } else { 0 }) {
                let file = folder.path().join(table).with_extension("parquet").display().to_string();
                assert_eq!(here(&["-c", &format!("COPY {table} TO '{file}'")]).0, 0);
                assert_eq!(elsewhere(&["-c", &format!("INSERT INTO {table} SELECT * FROM '{file}'")]).0, 0);
            }
        }
        let same = |sql: &str, least: usize| {
            let (original, copied) = (here(&["-c", sql]), elsewhere(&["-c", sql]));
            assert!(original == copied && original.1.lines().count() > least, "version {version}: {original:?} {copied:?}");
        };
        same(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public'
               ORDER BY table_name, ordinal_position",
            10,
        );
        match version {
            1 => same("SELECT * FROM 分层 ORDER BY customer_id", 20),
            2 => same("SELECT profile, name, path, type, comment, owner FROM system.tags ORDER BY profile, name", 9),
            19 | 21 => same(
                "SELECT table_name, constraint_name, constraint_type FROM information_schema.table_constraints
                   WHERE table_schema = 'public' AND constraint_type <> 'CHECK' ORDER BY table_name, constraint_name",
                3,
            ),
            _ => same("SELECT * FROM ml_predict(bands, people) ORDER BY id", 4),
        }
    }
}
