//! Kinds of files, by their names.

/// Kinds of files by the ends of their names.
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

/// What a compressed file has after that, and the word for it.
const COMPRESSIONS: [(&str, &str); 4] = [(".gz", "gzip"), (".zst", "zstd"), (".bz2", "bzip2"), (".xz", "xz")];

/// True when a name that no table has means a file or folder: by the name alone, so that a folder that happens to be called like a table is
/// not taken for it.
pub fn is_file(name: &str) -> bool {
    name.contains('/') || kind_of(name).is_some()
}

/// The kind of a file by the end of its name.
pub fn kind_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let plain = COMPRESSIONS.iter().find_map(|(end, _)| name.strip_suffix(end)).unwrap_or(&name);
    let kind = KINDS.iter().find(|(end, _)| plain.ends_with(end)).map(|(_, kind)| *kind)?;
    // Parquet and Excel compress inside the file.
    (!matches!(kind, "PARQUET" | "EXCEL") || plain == name).then_some(kind)
}

/// How a file of this name is written: the word of the format, and of the compression.
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

/// The word for how a file is compressed, by its name.
pub fn compression_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    COMPRESSIONS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, word)| *word)
}
