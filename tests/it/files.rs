//! Damaged files are reported and end neither session nor program; written files are read back unchanged.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parquet::data_type::DoubleType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::support::{About, Dice, cases, portrait, rows, run, session, watched};

/// A table with a column of each type that files can hold.
const TABLE: &str = "SELECT value AS id, 'Kunde ' || value AS name, CASE WHEN value % 7 = 0 THEN NULL ELSE '会员,\"' || value % 5 END AS kind, \
     value * 1.25 AS share, CAST(value AS DECIMAL(12, 2)) AS amount, value % 2 = 0 AS paid, \
     DATE '2025-01-01' + CAST(value % 300 AS INT) AS day, TIMESTAMP '2025-05-01 10:00:00' + value * INTERVAL '1 minute' AS at, \
     [value, value + 1] AS list FROM generate_series(1, 500) t(value)";
/// The formats, by file extension.
const FORMATS: [&str; 6] = ["parquet", "csv", "ndjson", "json", "xlsx", "csv.gz"];
/// The most memory, in megabytes: the limit of the pool, 256, and as much beside it.
const MEMORY: u64 = 512;
/// How long reading a damaged file may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Writes the table in a format.
fn written(folder: &Path, format: &str) -> Vec<u8> {
    let path = folder.join(format!("sound.{format}"));
    let (engine, session) = session();
    rows(&engine, &session, &format!("COPY ({TABLE}) TO '{}'", path.display()));
    fs::read(path).unwrap()
}

/// Bytes with one to four mistakes.
fn damaged(sound: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..dice.between(1, 4) {
        if bytes.is_empty() {
            break;
        }
        // The end of a Parquet file or an archive contains the positions of everything else.
        let at = if dice.chance(40) { bytes.len() - 1 - dice.below(bytes.len().min(600)) } else { dice.below(bytes.len()) };
        let length = dice.between(1, 64).min(bytes.len() - at);
        match dice.below(7) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.pick(&[0, 0xFF, 0x7F, b'"', b'\n', b'{', b'[', b',']),
            2 => drop(bytes.drain(at..at + length)),
            3 => bytes.truncate(at),
            4 => {
                let copy = bytes[at..at + length].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => bytes[at..at + length].fill(0xFF),
            _ => {
                let value = dice.next().to_le_bytes();
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
        }
    }
    bytes
}

#[test]
fn damaged_files_are_told_and_end_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sound: Vec<Vec<u8>> = FORMATS.iter().map(|format| written(folder.path(), format)).collect();
    for case in 0..cases(8, 48) {
        let mut dice = Dice(case);
        let place = usize::try_from(case).unwrap() % FORMATS.len();
        let path = folder.path().join(format!("damaged.{}", FORMATS[place]));
        fs::write(&path, damaged(&sound[place], &mut dice)).unwrap();
        let _about = About(format!("case {case}, {}", FORMATS[place]));
        let sql = format!("SELECT * FROM '{}'", path.display());
        let mut command = portrait();
        command.env_remove("RUST_BACKTRACE").args(["--memory-limit", "256MB", "-f", "csv", "-o", "/dev/null", "-c", &sql]);
        let (code, told, peak, took) = watched(&mut command, 2 * MEMORY);
        assert!(code == Some(0) || code == Some(1), "code {code:?}: {told}");
        assert!(peak <= MEMORY, "{peak} MB");
        assert!(!told.contains("panicked") && !told.contains("Internal error"), "{told}");
        let first = told.lines().next().unwrap_or_default();
        assert!(
            code == Some(0)
                || first.starts_with("error: ")
                    && (first.contains("damaged.") || first.contains("a value that cannot be written as text")),
            "the file is not named: {told}"
        );
        assert!(took < LONGEST, "{took:?}");
    }
}

/// `SELECT *` of thousands of columns has a way of its own through planning, which gives all of them in their order.
#[test]
fn a_file_of_thousands_of_columns_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session();
    for width in [300, 3000] {
        let line = |row: usize| (0..width).map(|column| (column + row).to_string()).collect::<Vec<_>>().join(",");
        let names = (0..width).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
        let path = folder.path().join(format!("{width}.csv"));
        fs::write(&path, format!("{names}\n{}\n{}\n", line(1), line(0))).unwrap();
        let file = format!("'{}'", path.display());
        let whole = rows(&engine, &session, &format!("SELECT * FROM {file} WHERE c1 > 0 ORDER BY c0 LIMIT 1"));
        assert!(whole[0].starts_with("0|1|2|3|") && whole[0].ends_with(&format!("|{}", width - 1)), "{}", whole[0]);
        let within = rows(&engine, &session, &format!("SELECT c0 + c299 FROM (SELECT * FROM {file}) t ORDER BY c5 DESC"));
        assert_eq!(within, ["301", "299"]);
        rows(&engine, &session, &format!("CREATE OR REPLACE TABLE wide AS SELECT * FROM {file}"));
        assert_eq!(rows(&engine, &session, "SELECT c0, c299 FROM wide ORDER BY 1 DESC"), ["1|300", "0|299"]);
    }
}

/// Each page has a checksum, however the file is written, and an error names the column that differs from it.
#[test]
fn a_page_that_was_changed_is_told_with_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let query = "SELECT value AS id, value * 7 AS amount FROM generate_series(1, 30000) t(value)";
    let (engine, session) = session();
    rows(&engine, &session, &format!("COPY ({query}) TO '{}'", at("copied.parquet")));
    let (code, _, told) = run(portrait().args(["-f", "parquet", "-o", &at("shown.parquet"), "-c", query]));
    assert_eq!(code, 0, "{told}");
    for file in ["copied.parquet", "shown.parquet"].map(at) {
        let sizes = rows(&engine, &session, &format!("SELECT compressed_bytes FROM file_columns('{file}')"));
        let first: usize = sizes[0].parse().unwrap();
        let sound = fs::read(&file).unwrap();
        for place in [first / 3, first / 2, first + 2000] {
            let mut bytes = sound.clone();
            bytes[place] ^= 0x10;
            fs::write(&file, bytes).unwrap();
            let (code, _, told) = run(portrait().args(["-c", &format!("SELECT sum(id), sum(amount) FROM '{file}'")]));
            let column = if place < first { "id" } else { "amount" };
            let expected = format!("error: {file}: cannot be read as Parquet: column {column}, row group 1: ");
            assert!(code == 1 && told.starts_with(&expected), "{code}: {told}");
        }
    }
}

/// A value of a type, as SQL.
fn value(kind: &str, dice: &mut Dice) -> String {
    dice.or_null(15, |dice| match kind {
        "BIGINT" => (i64::try_from(dice.below(1 << 40)).unwrap() - (1 << 39)).to_string(),
        "DOUBLE" => format!("{}e{}", dice.below(1 << 30), dice.between(0, 20)),
        "DECIMAL(18, 4)" => format!("{}.{:04}", dice.below(1 << 30), dice.below(10_000)),
        "BOOLEAN" => dice.pick(&["true", "false"]).into(),
        "DATE" => format!("DATE '2{:03}-{:02}-{:02}'", dice.below(1000), dice.between(1, 12), dice.between(1, 28)),
        "TIMESTAMP" => {
            format!(
                "TIMESTAMP '2025-{:02}-{:02} {:02}:{:02}:{:02}.{:03}'",
                dice.between(1, 12),
                dice.between(1, 28),
                dice.below(24),
                dice.below(60),
                dice.below(60),
                dice.below(1000)
            )
        }
        _ => {
            let letters = ["a", "会", ",", "\"", " ", ";", "''", "é", "0", "-", "{", "\\", "|", "\t"];
            format!("'{}'", (0..dice.below(12)).map(|_| dice.pick(&letters)).collect::<String>())
        }
    })
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = ["BIGINT", "DOUBLE", "DECIMAL(18, 4)", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR"];
    let (engine, session) = session();
    for case in 0..cases(4, 20) {
        let mut dice = Dice(case);
        let columns: Vec<&str> = (0..dice.between(1, 6)).map(|_| dice.pick(&kinds)).collect();
        let rows_of = (0..dice.between(1, 40)).map(|row| {
            let values: Vec<String> = columns.iter().map(|kind| format!("CAST({} AS {kind})", value(kind, &mut dice))).collect();
            format!("({row}, {})", values.join(", "))
        });
        let values: Vec<String> = rows_of.collect();
        let names: Vec<String> = (0..columns.len()).map(|column| format!("c{column}")).collect();
        let table = format!("SELECT * FROM (VALUES {}) t(id, {})", values.join(", "), names.join(", "));
        let types: Vec<String> = names.iter().zip(&columns).map(|(name, kind)| format!("{name} {kind}")).collect();
        let types = format!("id BIGINT, {}", types.join(", "));
        for (format, reader) in
            [("parquet", ""), ("csv", "read_csv"), ("tsv.gz", "read_csv"), ("json", "read_json"), ("ndjson", "read_json")]
        {
            let path = folder.path().join(format!("{case}.{format}"));
            let path = path.display();
            let _about = About(format!("case {case}, {format}: {table}"));
            rows(&engine, &session, &format!("COPY ({table}) TO '{path}'"));
            let read = match reader {
                "" => format!("SELECT * FROM '{path}'"),
                reader => format!("SELECT * FROM {reader}('{path}', types => '{types}')"),
            };
            for (one, other) in [(&table, &read), (&read, &table)] {
                let differing = rows(&engine, &session, &format!("{one} EXCEPT ALL {other}"));
                assert_eq!(differing, Vec::<String>::new());
            }
        }
    }
}

#[test]
fn a_hidden_sheet_is_read_by_its_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, is_hidden) in [("notes", true), ("orders", false)] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        sheet.set_hidden(is_hidden).set_active(!is_hidden);
        sheet.write_string(0, 0, "of").unwrap().write_string(1, 0, name).unwrap();
    }
    book.save(&path).unwrap();
    let (engine, session) = session();
    let path = path.display();
    assert_eq!(rows(&engine, &session, &format!("SELECT * FROM '{path}'")), ["orders"]);
    assert_eq!(rows(&engine, &session, &format!("SELECT * FROM read_excel('{path}', sheet => 'notes')")), ["notes"]);
}

/// The number of distinct values that a Parquet file notes is an estimate, or counts zeros and NaNs by their bits.
#[test]
fn distinct_values_are_counted_and_not_taken_from_notes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noted.parquet");
    let schema = Arc::new(parse_message_type("message noted { required double f; }").unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(fs::File::create(&path).unwrap(), schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values = [0.0, -0.0, f64::NAN, 1.5];
    column.typed::<DoubleType>().write_batch_with_statistics(&values, None, None, None, None, Some(4)).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    let (engine, session) = session();
    let sql = format!("SELECT count(DISTINCT f), count(*) FROM '{}'", path.display());
    assert_eq!(rows(&engine, &session, &sql), ["3|4"]);
}
