//! The kind of a file, by its name.

/// Kinds of files by file extension.
const KINDS: [(&str, &str); 9] = [
    (".parquet", "PARQUET"),
    (".csv", "CSV"),
    (".tsv", "CSV"),
    (".txt", "CSV"),
    (".json", "JSON"),
    (".ndjson", "JSON"),
    (".jsonl", "JSON"),
    (".xlsx", "EXCEL"),
    (".xlsm", "EXCEL"),
];

/// Extensions of compressed files, with the name of the compression.
const COMPRESSIONS: [(&str, &str); 4] = [(".gz", "gzip"), (".zst", "zstd"), (".bz2", "bzip2"), (".xz", "xz")];

const UTF_32: &str = "is UTF-32, which is not read; convert it: iconv -f utf-32 -t utf-8";
const WEB_PAGE: &str = "is a web page, as a download gives that failed or needs a login; download the file again";

/// How files of other kinds begin, and what is wrong with one that is read as text.
const OTHERS: [(&[u8], &str); 13] = [
    (b"\x1F\x8B\x08", "is compressed by gzip; write compression => 'gzip', or let its name end in .gz"),
    (b"\x28\xB5\x2F\xFD", "is compressed by zstd; write compression => 'zstd', or let its name end in .zst"),
    (b"\xFD7zXZ\x00", "is compressed by xz; write compression => 'xz', or let its name end in .xz"),
    (b"BZh91AY&SY", "is compressed by bzip2; write compression => 'bzip2', or let its name end in .bz2"),
    (b"PAR1\x15", "is a Parquet file; read it by read_parquet('…'), or let its name end in .parquet"),
    (b"PK\x03\x04", "is an Excel workbook or a ZIP archive; read a workbook by read_excel('…'), unpack an archive first"),
    (b"\xD0\xCF\x11\xE0", "is an old Excel workbook (.xls); save it as .xlsx or .csv"),
    (b"\xFF\xFE\x00\x00", UTF_32),
    (b"\x00\x00\xFE\xFF", UTF_32),
    (b"<!DOCTYPE html", WEB_PAGE),
    (b"<!doctype html", WEB_PAGE),
    (b"<html", WEB_PAGE),
    (b"SQLite format 3\x00", "is an SQLite database; read its tables by CREATE EXTERNAL TABLE … STORED AS SQLITE"),
];

/// File extensions that are not read by themselves, and what to do.
const NOT_READ: [(&[&str], &str); 6] = [
    (&[".xls", ".xlsb", ".ods", ".numbers", ".et"], "of workbooks .xlsx and .xlsm are read; save it as .xlsx or .csv"),
    (&[".zip", ".rar", ".7z", ".tar", ".tgz"], "archives are not read; unpack it first"),
    (&[".db", ".sqlite", ".sqlite3"], "the tables of an SQLite database are read by CREATE EXTERNAL TABLE … STORED AS SQLITE"),
    (&[".pq", ".parq"], "read_parquet('…') reads a file of any name as Parquet"),
    (&[".dat", ".data", ".tab", ".psv", ".log", ".out"], "read_csv('…') reads a file of any name as CSV"),
    (&[".avro", ".orc", ".arrow", ".feather", ".duckdb"], "files of this kind are not read; save it as Parquet"),
];

/// What to do with a file whose extension is known and not read by itself.
pub fn not_read(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    NOT_READ.iter().find(|(ends, _)| ends.iter().any(|end| name.ends_with(end))).map(|(_, advice)| *advice)
}

/// What is wrong with a file of text that begins with these bytes, if it is of another kind.
pub fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    OTHERS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, problem)| *problem)
}

/// True when a name in place of a table means a file or folder. Only the name counts, so that a folder that happens to have the name of a
/// table is not mistaken for it.
pub fn is_file(name: &str) -> bool {
    name.contains('/') || kind_of(name).is_some()
}

/// The kind of a file by its extension.
pub fn kind_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let plain = COMPRESSIONS.iter().find_map(|(end, _)| name.strip_suffix(end)).unwrap_or(&name);
    let kind = KINDS.iter().find(|(end, _)| plain.ends_with(end)).map(|(_, kind)| *kind)?;
    // Parquet and Excel files are compressed internally.
    (!matches!(kind, "PARQUET" | "EXCEL") || plain == name).then_some(kind)
}

/// How a file of this name is written: the format, and the compression if any.
pub fn written_as(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let compression = compression_of(name);
    let name = name.to_lowercase();
    let plain = COMPRESSIONS.iter().find_map(|(end, _)| name.strip_suffix(end)).unwrap_or(&name);
    let (end, _) = KINDS.iter().find(|(end, _)| plain.ends_with(end))?;
    match end.trim_start_matches('.') {
        "txt" => Some(("csv", compression)),
        "xlsm" => None,
        word @ ("parquet" | "xlsx") => compression.is_none().then_some((word, None)),
        word => Some((word, compression)),
    }
}

/// The compression of a file, by its extension.
pub fn compression_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    COMPRESSIONS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, word)| *word)
}
