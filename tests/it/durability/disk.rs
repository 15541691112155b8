//! The disk is full, or fails, at each place where a refresh writes.

use super::{Database, refresh};
use crate::support::{portrait, run, some};

/// Where it fails, how often it succeeds before that, and what the error names.
const PLACES: [(&str, u8, &str); 8] = [
    ("data::create", 0, "cannot be created"),
    // The history.
    ("data::create", 2, "cannot be created"),
    ("data::write", 0, "cannot be written"),
    ("data::write", 1, "cannot be written"),
    ("data::write", 2, "cannot be written"),
    ("data::fsync", 0, "cannot be written"),
    ("data::fsync", 1, "cannot be written"),
    ("data::sync", 0, "cannot be synced to disk"),
];

/// The disk errors: number and text.
const ERRORS: [(u8, &str); 2] = [(28, "No space left on device"), (5, "Input/output error")];

#[test]
fn nothing_is_published_when_the_disk_fails() {
    // With an intermediate file between the stages, which is created and finished first.
    let database = Database::staged(2);
    database.open().query(&refresh(1));
    let mut second = 1;
    for (place, before, problem) in some(PLACES, 3) {
        for (number, text) in some(ERRORS, 1) {
            let context = format!("{place} after {before}: {text}");
            let statement = refresh(second + 1);
            let (code, out, errors) = run(portrait()
                .arg("-d")
                .arg(database.path())
                .args(["--partitions", "1", "-c", &statement])
                .env("FAILPOINTS", format!("{place}={before}*off->return({number})")));
            assert_eq!((code, out.as_str()), (1, ""), "{context}");
            let subject = if place == "data::sync" { "data".into() } else { ".parquet".to_string() };
            for part in
                [database.data().display().to_string(), subject, problem.into(), text.into(), "nothing was published".into()]
            {
                assert!(errors.contains(&part), "{context}: no {part:?} in {errors}");
            }
            // After the error, unfinished files are gone.
            assert_eq!(database.left_over(), Vec::<String>::new(), "{context}");

            let open = database.open();
            assert_eq!(open.second(), second, "{context}: the snapshot before is as it was");
            let runs = open.runs();
            let failed = runs.last().unwrap();
            assert!(failed.starts_with(&format!("{} failed ", second + 1)), "{context}: {failed}");
            assert!(failed.contains(problem) && failed.contains(text), "{context}: {failed}");

            second += 1;
            open.query(&refresh(second));
            assert_eq!(database.left_over(), Vec::<String>::new(), "{context}");
        }
    }
    assert_eq!(database.open().published().map(|seen| (seen.second, seen.refreshes)), Some((second, second)));
}

/// Where creating a lock fails, how often it succeeds before that, and whether the refresh is published nevertheless: the lock of the
/// profile, that of the run, those of the collector before and after.
const LOCKS: [(&str, u8, bool); 6] = [
    ("locks::open", 0, false),
    ("locks::open", 1, false),
    ("locks::open", 2, false),
    ("locks::write", 0, false),
    ("locks::write", 1, false),
    ("locks::write", 3, true),
];

#[test]
fn a_lock_that_cannot_be_made_is_an_error() {
    let database = Database::new(2);
    database.open().query(&refresh(1));
    let mut second = 1;
    for (place, before, is_published) in LOCKS {
        let context = format!("{place} after {before}");
        let statement = refresh(second + 1);
        let (code, _, errors) = run(portrait()
            .arg("-d")
            .arg(database.path())
            .args(["--partitions", "1", "-c", &statement])
            .env("FAILPOINTS", format!("{place}={before}*off->return(28)")));
        assert_eq!(code, i32::from(!is_published), "{context}: {errors}");
        for part in ["cannot be locked in", "No space left on device", "; make room on the disk"] {
            assert!(errors.contains(part), "{context}: no {part:?} in {errors}");
        }
        second += i64::from(is_published);
        let open = database.open();
        assert_eq!(open.second(), second, "{context}");
        assert!(open.runs().iter().all(|run| !run.contains("running") && !run.contains("lost")), "{context}: {:?}", open.runs());
        second += 1;
        open.query(&refresh(second));
        assert_eq!(database.left_over(), Vec::<String>::new(), "{context}");
    }
}
