//! Damaged files: an error that names the file, never a result.

use std::path::Path;

use super::{Database, WHOLE, refresh, second_as_sql};

/// The file of rows or history written as of a given second.
fn file(database: &Database, part: &str, second: i64) -> std::path::PathBuf {
    let catalog = rusqlite::Connection::open(database.path().join("catalog.sqlite")).unwrap();
    let name: String = catalog
        .query_row(
            "SELECT f.name FROM files f JOIN snapshot_files n ON n.file = f.id JOIN snapshots s ON s.id = n.snapshot
             WHERE f.part = ?1 AND s.at = (1735689600 + ?2) * 1000000 ORDER BY f.id DESC LIMIT 1",
            rusqlite::params![part, second],
            |row| row.get(0),
        )
        .unwrap();
    database.data().join(name)
}

fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - 7]).unwrap();
}

fn empty(path: &Path) {
    std::fs::write(path, []).unwrap();
}

/// One flipped bit in a page: the same length, and still apparently Parquet.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

/// The damage to a file, and the error about it.
type Damage = (fn(&Path), &'static str);

const DAMAGES: [Damage; 4] = [
    (truncate, "is damaged: it has"),
    (empty, "is damaged: it has 0 bytes"),
    (flip, "is damaged: its checksum is not the one that was written"),
    (remove, "it is missing"),
];

#[test]
fn damaged_files_are_named_and_never_answered_from() {
    let database = Database::new(5);
    let open = database.open();
    (1..=3).for_each(|second| drop(open.query(&refresh(second))));
    drop(open);
    for (damage, problem) in DAMAGES {
        for (part, second) in [("rows", 3), ("rows", 2), ("history", 3), ("history", 2)] {
            let path = file(&database, part, second);
            let whole = std::fs::read(&path).unwrap();
            damage(&path);
            let context = format!("{part} of {second}: {problem}");
            let fails = |sql: &str| {
                let error = database.open().error(sql);
                assert!(error.contains(&path.display().to_string()) && error.contains(problem), "{context}: {error}\n{sql}");
            };
            // Rows and members belong to one snapshot; closed values belong to all later ones.
            let as_of = second_as_sql(second);
            let tables: &[&str] = match part {
                "rows" => &["profile.customer", "profile.customer_tags", "profile.customer_history", "segment.evens"],
                _ => &["profile.customer_history"],
            };
            for table in tables {
                fails(&format!("SELECT count(*) FROM {table} FOR SYSTEM_TIME AS OF {as_of}"));
                fails(&format!("SELECT * FROM {table} FOR SYSTEM_TIME AS OF {as_of} LIMIT 1"));
            }
            // Everything else still works: the lists, the other snapshots.
            let open = database.open();
            assert_eq!(open.query("SELECT name, customers FROM system.profiles"), ["customer|103"], "{context}");
            assert_eq!(open.query("SHOW TAGS").len(), 3, "{context}");
            assert_eq!(open.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'profile'").len(), 3);
            let other = if second == 3 { 2 } else { 3 };
            let query = format!(
                "SELECT count(*), min(token), max(token) FROM profile.customer FOR SYSTEM_TIME AS OF {}",
                second_as_sql(other)
            );
            assert_eq!(open.query(&query), [format!("{}|{other}|{other}", 100 + other)], "{context}");
            if part == "history" {
                assert_eq!(open.query("SELECT max(token) FROM profile.customer"), ["3"], "{context}");
            }
            std::fs::write(&path, whole).unwrap();
            assert_eq!(database.open().second(), 3);
        }
    }
}

/// If the files that a refresh starts from are damaged, it fails and publishes nothing; a refresh as of the same time repairs them.
#[test]
fn a_refresh_over_damage_says_so() {
    for (damage, problem) in DAMAGES {
        let database = Database::new(5);
        let open = database.open();
        (1..=2).for_each(|second| drop(open.query(&refresh(second))));
        let path = file(&database, "rows", 2);
        damage(&path);
        let open = database.open();
        let error = open.error(&refresh(3));
        assert!(error.contains(&path.display().to_string()) && error.contains(problem), "{error}");
        let runs = open.runs();
        assert!(runs[2].starts_with("3 failed ") && runs[2].contains(problem), "{runs:?}");
        assert_eq!(open.query("SELECT customers FROM system.profiles"), ["102"]);
        assert!(open.error(WHOLE).contains(problem));

        open.query(&refresh(2));
        assert_eq!(open.published().map(|seen| (seen.second, seen.refreshes)), Some((2, 2)), "{problem}");
        open.query(&refresh(3));
        assert_eq!(open.published().map(|seen| (seen.second, seen.refreshes)), Some((3, 3)), "{problem}");
        assert_eq!(database.left_over(), Vec::<String>::new(), "{problem}");
    }
}
