//! The program: arguments, formats, exit codes, scripts.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{portrait, run};

#[test]
fn formats() {
    let sql =
        "SELECT '王芳, \"a\"' AS name, 12.50::decimal(6,2) AS amount, NULL::int AS age, TIMESTAMP '2025-06-30 12:00:00' AS at";
    for (format, expected) in [
        (
            "table",
            " name      | amount |  age | at\n-----------+--------+------+---------------------\n 王芳, \"a\" |  12.50 | NULL | 2025-06-30 12:00:00\n(1 row)\n",
        ),
        ("csv", "name,amount,age,at\n\"王芳, \"\"a\"\"\",12.50,,2025-06-30 12:00:00\n"),
        ("json", "[{\"name\":\"王芳, \\\"a\\\"\",\"amount\":12.50,\"age\":null,\"at\":\"2025-06-30T12:00:00\"}]\n"),
        ("ndjson", "{\"name\":\"王芳, \\\"a\\\"\",\"amount\":12.50,\"age\":null,\"at\":\"2025-06-30T12:00:00\"}\n"),
        ("markdown", "| name | amount | age | at |\n|---|---:|---:|---|\n| 王芳, \"a\" | 12.50 | NULL | 2025-06-30 12:00:00 |\n"),
    ] {
        let (code, out, errors) = run(portrait().args(["--format", format, "-c", sql]));
        assert_eq!((code, out.as_str(), errors.as_str()), (0, expected, ""), "{format}");
    }
    let (_, out, _) = run(portrait().args(["-f", "csv", "-c", "SELECT 1 AS a WHERE false"]));
    assert_eq!(out, "a\n");
    let (_, out, _) = run(portrait().args(["-f", "json", "-c", "SELECT 1 AS a WHERE false"]));
    assert_eq!(out, "[]\n");
}

#[test]
fn output_appears_only_on_success() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |arguments: &[&str]| run(portrait().current_dir(folder.path()).args(arguments));
    let (code, out, errors) =
        in_folder(&["-o", "out.parquet", "-f", "parquet", "-c", "SELECT value AS v FROM generate_series(1, 1000)"]);
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", ""));
    let (_, out, errors) = in_folder(&["-f", "csv", "-c", "SELECT sum(v) AS s FROM 'out.parquet'"]);
    assert_eq!(out, "s\n500500\n", "{errors}");
    let (code, _, _) = in_folder(&[
        "-o",
        "failed.csv",
        "-f",
        "csv",
        "-c",
        "SELECT 1 AS a; SELECT 1 / (value - 90000) FROM generate_series(1, 100000)",
    ]);
    assert_eq!(code, 1);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["out.parquet"]);
}

/// Pandas does not support lists of string views, which is how strings are stored in memory here.
#[test]
fn parquet_files_hold_plain_strings_at_every_depth() {
    let folder = tempfile::tempdir().unwrap();
    let query = "SELECT v AS text, arrow_cast(v, 'BinaryView') AS bytes, [v, NULL] AS list, [[v]] AS lists,
                   named_struct('a', v, 'b', [named_struct('c', v)]) AS nested, MAP {v: [v]} AS map, v IS NULL AS other,
                   arrow_cast(v, 'Dictionary(Int32, Utf8View)') AS dictionary
                 FROM (SELECT arrow_cast(column1, 'Utf8View') AS v FROM (VALUES ('a text of more than twelve bytes'), ('短'), (NULL)) AS t)
                 WHERE v IS NOT NULL";
    let sql = format!(
        "COPY ({query}) TO 'copy.parquet'; COPY (SELECT list, text FROM ({query})) TO 'folder/' STORED AS PARQUET PARTITIONED BY (text);
         COPY ({query}) TO 'table/' STORED AS PARQUET;
         CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'table/'; CREATE VIEW q AS {query}; INSERT INTO t SELECT * FROM q"
    );
    let (code, _, errors) = run(portrait().current_dir(folder.path()).args(["-c", &sql]));
    assert_eq!((code, errors.as_str()), (0, ""));
    let output = ["-o", "output.parquet", "-f", "parquet", "-c", query];
    assert_eq!(run(portrait().current_dir(folder.path()).args(output)).0, 0);

    let mut folders = vec![folder.path().to_path_buf()];
    let mut files = 0;
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let schema = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().schema().clone();
            let columns = format!("{schema:?}");
            assert!(columns.contains("Utf8") && !columns.contains("View"), "{}: {columns}", path.display());
            files += 1;
        }
    }
    assert_eq!(files, 6);
    // The file has the requested format.
    let compared = format!("SELECT count(*) AS n FROM (({query}) EXCEPT (SELECT * FROM 'output.parquet'))");
    let (_, out, errors) = run(portrait().current_dir(folder.path()).args(["-f", "csv", "-c", &compared]));
    assert_eq!(out, "n\n0\n", "{errors}");
}

#[test]
fn scripts_stop_at_the_first_error_and_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("脚本.sql");
    std::fs::write(&script, "-- a script\nCREATE TABLE t AS\n  SELECT $n AS a, $city AS city;\n\nSELECT a + 1 AS b, city FROM t;\nSELECT nothing\nFROM t;\nSELECT 'never';\n").unwrap();
    let (code, out, errors) = run(portrait().arg("run").arg(&script).args(["--set", "n=41", "--set", "city=上海", "-f", "csv"]));
    assert_eq!((code, out.as_str()), (1, "b,city\n42,上海\n"));
    assert!(
        errors.starts_with(&format!("error: {}:6: ", script.display())) && errors.contains("  | SELECT nothing\n  | FROM t"),
        "{errors}"
    );
    let (code, _, errors) = run(portrait().arg("run").arg(&script));
    assert!(code == 1 && errors.contains(":2: $") && errors.contains("the parameter has no value"), "{errors}");
    let (code, _, errors) = run(portrait().args(["run", "no/such.sql"]));
    assert!(code == 1 && errors.contains("no/such.sql: no such file"), "{errors}");
    // A syntax error is found before anything runs.
    std::fs::write(&script, "SELECT 1;\nSELEC 2;").unwrap();
    let (code, out, errors) = run(portrait().arg("run").arg(&script));
    assert!(code == 1 && out.is_empty() && errors.contains("LINE 2: SELEC 2;"), "{errors}");
}

#[test]
fn exit_codes() {
    assert_eq!(run(portrait().args(["-c", "SELECT 1"])).0, 0);
    assert_eq!(run(portrait().args(["-c", "SELECT x"])).0, 1);
    assert_eq!(run(portrait().args(["--no-such-option"])).0, 2);
    assert_eq!(run(portrait().args(["--set", "novalue", "-c", "SELECT 1"])).0, 2);
    assert_eq!(run(portrait().args(["--memory-limit", "much", "-c", "SELECT 1"])).0, 2);
    let (code, out, _) = run(portrait().args(["--help"]));
    assert!(code == 0 && out.contains("Exit codes: 0 success, 1 a statement failed, 2 wrong arguments, 75 locked, 124 timed out, 130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP."));
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_utf8_is_an_error() {
    let argument = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"--command=SELECT '\xff'".to_vec());
    let (code, _, errors) = run(portrait().arg(argument));
    assert!(code == 2 && errors.contains("UTF-8") && !errors.contains("panicked"), "{code} {errors}");
}

#[test]
fn statements_come_from_a_pipe_and_a_broken_pipe_is_success() {
    let mut child = portrait().args(["-f", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 1 AS a; SELECT 2 AS b;").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "a\n1\nb\n2\n");

    for format in ["csv", "json", "table", "markdown"] {
        let mut child = portrait()
            .args(["-f", format, "-c", "SELECT value FROM generate_series(1, 100000000)"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut some = [0; 100];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn ctrl_c_stops_a_query() {
    interrupt(
        "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE (a.value * b.value) % 7 = 3",
    );
    // 60 items, each in half of 400 baskets: far too many closed sets to wait for.
    interrupt(
        "SET portrait.max_itemsets = 1000000000000000; SELECT count(*) FROM frequent_itemsets((SELECT basket.value AS b, item.value AS i
           FROM generate_series(1, 400) basket, generate_series(1, 60) item WHERE random() * (basket.value + item.value) < 0.5 * (basket.value + item.value)),
           basket => b, item => i, min_count => 2, target => 'closed')",
    );
}

#[test]
fn ctrl_c_stops_a_clustering() {
    interrupt(
        "SELECT count(*) FROM kmeans((SELECT value AS id, random() AS a, random() AS b FROM generate_series(1, 100000)), key => id, n_clusters => 300, n_init => 1000, tol => 0)",
    );
}

fn interrupt(endless: &str) {
    let child = portrait().args(["-c", endless]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn unusable_rows_are_told() {
    let (_, _, notes) = run(portrait().args([
        "-c",
        "SELECT count(*) FROM rfm((SELECT * FROM (VALUES (1, 5), (NULL, 6), (2, NULL), (NULL, NULL)) AS t(k, v)), customer => k, order_time => DATE '2025-01-01', amount => v)",
    ]));
    assert_eq!(notes, "note: 1 row without amount was left out\nnote: 2 rows without customer were left out\n");
    let (_, _, notes) = run(portrait().args([
        "-c",
        "SELECT count(*) FROM frequent_itemsets((SELECT * FROM (VALUES (1, 5), (1, 6), (2, 5), (3, NULL)) AS t(k, v)), basket => k, item => v, min_count => 1, max_basket_size => 1)",
    ]));
    assert_eq!(notes, "note: 1 basket of more than max_basket_size items was left out\nnote: 1 row without item was left out\n");
}

#[test]
fn the_demo_shows_segments_and_rules() {
    let (code, out, errors) = run(portrait().arg("demo"));
    assert_eq!(code, 0, "{errors}");
    for part in [
        "sql/rfm/levels.sql",
        "Champions",
        "重要价值客户",
        "top 20 %",
        "repurchase_rate",
        "(not yet a customer)",
        "sql/basket/top_rules.sql",
        "because_of",
        "钢化膜",
    ] {
        assert!(out.contains(part), "no {part}");
    }
}

/// The recipes give the same results on the sample files and on the functions that made the files.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn recipes_run_on_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipes = ["rfm", "basket"].into_iter().flat_map(|domain| std::fs::read_dir(root.join("sql").join(domain)).unwrap());
    let mut recipes: Vec<_> = recipes.map(|recipe| recipe.unwrap().path()).collect();
    recipes.sort();
    assert!(recipes.len() >= 11);
    // These scripts belong together, in this order.
    let tags = ["check_rules", "library", "segments", "refresh", "overview"].map(|name| root.join("sql/tags").join(name));
    recipes.extend(tags.map(|path| path.with_extension("sql")));
    let quality = ["inspect", "rules", "filled"].map(|name| root.join("sql/clean").join(name));
    recipes.extend(quality.map(|path| path.with_extension("sql")));
    recipes.push(root.join("sql/privacy/handout.sql"));
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files.sql");
    let tables = ["customers", "orders", "order_items", "events"]
        .map(|name| format!("CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION 'data/sample/{name}.parquet';\n"));
    std::fs::write(&files, tables.concat()).unwrap();
    let from = |shop: &std::path::Path| run(portrait().current_dir(root).args(["-f", "csv", "run"]).arg(shop).args(&recipes));
    let (made, read) = (from(&root.join("sql/shop.sql")), from(&files));
    assert_eq!((made.0, &made.1), (0, &read.1), "{} {}", made.2, read.2);
}
