//! Large CSV files return the rows that were written, however they are divided among threads.

use std::fmt::Write;

use portraitdb::EngineOptions;

use crate::support::{Dice, portrait, rows, run, session_with, some};

/// Rows of text with everything that quotes can contain, and the sum of their numbers.
fn written(seed: u64, count: usize) -> (String, i64, usize) {
    let mut dice = Dice(seed);
    let (mut text, mut sum, mut letters) = (String::from("id,remark,amount\n"), 0, 0);
    for row in 0..count {
        let amount = i64::try_from(dice.below(1000)).unwrap() - 500;
        let remark: String = (0..dice.below(60)).map(|_| ['a', ',', '"', '\n', '甲', ' '][dice.below(6)]).collect();
        (sum, letters) = (sum + amount, letters + remark.chars().count());
        writeln!(text, "{row},\"{}\",{amount}", remark.replace('"', "\"\"")).unwrap();
    }
    (text, sum, letters)
}

#[test]
fn rows_do_not_depend_on_how_a_file_is_divided() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.csv");
    let count = 400_000;
    let (text, sum, letters) = written(7, count);
    // Large enough for several parts.
    assert!(text.len() > 16 << 20, "{}", text.len());
    std::fs::write(&path, text).unwrap();
    for partitions in some([3, 1, 2, 5], 1) {
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        let sql = format!("SELECT count(*), count(DISTINCT id), sum(amount), sum(length(remark)) FROM '{}'", path.display());
        assert_eq!(rows(&engine, &session, &sql), [format!("{count}|{count}|{sum}|{letters}")], "{partitions} partitions");
        let sql = format!("SELECT count(*) FROM '{}'", path.display());
        assert_eq!(rows(&engine, &session, &sql), [count.to_string()], "{partitions} partitions");
    }
}

/// A folder given by name alone is read with the options of the call.
#[test]
fn a_folder_of_another_encoding_is_read_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("latin")).unwrap();
    std::fs::write(folder.path().join("latin/a.csv"), b"name;n\nM\xFCller;1\n").unwrap();
    let sql = "SELECT * FROM read_csv('latin', encoding => 'windows-1252')";
    let (code, out, errors) = run(portrait().current_dir(folder.path()).args(["-f", "csv", "-c", sql]));
    assert_eq!((code, out.as_str()), (0, "name,n\nMüller,1\n"), "{errors}");
    std::fs::write(folder.path().join("latin/a.csv"), "a,b\n1,2\n").unwrap();
    for sql in ["DESCRIBE 'latin'", "SHOW COLUMNS FROM 'latin'", "SHOW COLUMNS FROM 'latin/a.csv'"] {
        let (code, out, errors) = run(portrait().current_dir(folder.path()).args(["-f", "csv", "-c", sql]));
        assert_eq!(
            (code, out.as_str()),
            (0, "column_name,data_type,is_nullable\na,BIGINT,YES\nb,BIGINT,YES\n"),
            "{sql}: {errors}"
        );
    }
}
