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
