//! Files as tables: what a location means, and errors that name the file.

use std::panic::AssertUnwindSafe;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::{TableProvider, TableProviderFactory};
use datafusion::common::{Result, TableReference};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::CreateExternalTable;
use futures::FutureExt;
use url::Url;

use crate::error::{SqlState, coded, failed, invalid, message, raw};

/// Kinds of files by the ends of their names.
const KINDS: [(&str, &str); 8] = [
    (".parquet", "PARQUET"),
    (".csv", "CSV"),
    (".csv.gz", "CSV"),
    (".csv.zst", "CSV"),
    (".json", "JSON"),
    (".ndjson", "JSON"),
    (".jsonl", "JSON"),
    (".ndjson.gz", "JSON"),
];

/// True when a name that no table has means a file or folder: by the name alone, so that a folder that happens to be called like a table is
/// not taken for it.
pub fn is_file(name: &str) -> bool {
    name.contains('/') || kind_of(name).is_some()
}

fn kind_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    KINDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
}

/// The table of `FROM 'location'`: the kind of file is told by the name, or by the first file of a folder.
pub async fn open(state: &SessionState, location: &str, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = match kind_of(location) {
        Some(kind) => kind,
        None => first_file(&base.join(location)).as_deref().and_then(kind_of).ok_or_else(|| {
            invalid(location, "no Parquet, CSV or NDJSON file is there; the name must end in .parquet, .csv, .json or .ndjson, or be a folder of such files")
        })?,
    };
    let schema = Arc::new(datafusion::common::DFSchema::empty());
    let mut command = CreateExternalTable::builder(TableReference::bare(location), location, kind, schema).build();
    if kind == "CSV" {
        command.options.insert("format.has_header".into(), "true".into());
    }
    let compression = [(".gz", "gzip"), (".zst", "zstd")].into_iter().find(|(end, _)| location.to_lowercase().ends_with(end));
    if let Some((_, compression)) = compression {
        command.options.insert("format.compression".into(), compression.into());
    }
    create(state, command, base).await
}

/// The table of `CREATE EXTERNAL TABLE`.
pub async fn create(state: &SessionState, mut command: CreateExternalTable, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = command.file_type.to_uppercase();
    let kind = if matches!(kind.as_str(), "NDJSON" | "JSONL") { "JSON".to_string() } else { kind };
    let Some(factory) = state.table_factories().get(&kind) else {
        return Err(invalid(&command.file_type, "files of this kind cannot be read; STORED AS takes PARQUET, CSV or NDJSON"));
    };
    command.file_type = kind;
    let (mut places, mut locations) = (vec![], vec![]);
    for location in &command.locations {
        if location.trim().is_empty() {
            return Err(invalid("LOCATION", "names no file or folder, got ''; write '.' for the current folder"));
        }
        check(location, &command.file_type, base)?;
        places.push(resolved(location, base));
        if is_local(location) { locations.extend(as_urls(location, base)?) } else { locations.push(location.clone()) }
    }
    command.locations = locations;
    match look_at(factory.as_ref(), state, &command).await {
        Ok(table) => Ok(table),
        Err(error) => Err(name_the_file(state, &command, &places, &error).await),
    }
}

/// Reads what is needed of the files. A damaged footer can make the Parquet reader panic; here that is an error.
async fn look_at(
    factory: &dyn TableProviderFactory,
    state: &SessionState,
    command: &CreateExternalTable,
) -> Result<Arc<dyn TableProvider>> {
    let looked = AssertUnwindSafe(factory.create(state, command)).catch_unwind().await;
    looked.unwrap_or_else(|_| Err(DataFusionError::Execution("the file is damaged".into())))
}

/// A location, independent of where the program runs: relative paths start from `base`.
pub fn resolved(location: &str, base: &Path) -> String {
    let is_relative = is_local(location) && Path::new(location).is_relative();
    if is_relative { base.join(location).display().to_string() } else { location.to_string() }
}

/// A path as DataFusion takes it, which reads `*`, `?` and `[` as a pattern wherever they stand. What exists as it is written is meant as
/// it is written; only what does not exist is a pattern, and then the folders before it that do exist are none.
fn as_urls(location: &str, base: &Path) -> Result<Vec<String>> {
    let path = base.join(location);
    let found = path.metadata();
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    // Links are followed before `..` leads up, as the system does it.
    let climbs = path.components().any(|part| part == Component::ParentDir);
    let (folder, path) = match (climbs, path.strip_prefix(folder)) {
        (true, Ok(rest)) => {
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            let path = if rest.as_os_str().is_empty() { folder.clone() } else { folder.join(rest) };
            (folder, path)
        }
        _ => (folder.to_path_buf(), path.clone()),
    };
    let Some(text) = path.to_str() else {
        let problem = "stands in a folder whose name is not UTF-8, from where files cannot be read; rename the folder";
        return Err(invalid(location, problem));
    };
    if let Ok(found) = found {
        return literal(&path, text, found.is_dir()).map(|url| vec![url]);
    }
    if !folder.to_str().is_some_and(has_glob) {
        return Ok(vec![text.to_string()]);
    }
    // The pattern is matched here, against what is in the folder.
    let pattern = path.strip_prefix(&folder).map_or(text.into(), |rest| rest.to_string_lossy());
    let place = ListingTableUrl::try_new(url(&folder, true)?, None)?.with_glob(&pattern)?;
    let mut matching = vec![];
    for file in files(&folder) {
        let Some(name) = file.to_str() else { continue };
        let within = Url::from_file_path(&file).map_err(|()| invalid(name, "is no path that can be written as a URL"))?;
        if object_store::path::Path::from_url_path(within.path()).is_ok_and(|within| place.contains(&within, false)) {
            matching.push(literal(&file, name, false)?);
        }
    }
    if matching.is_empty() {
        return Err(coded(SqlState::UNDEFINED_FILE, location, format!("no file matches{}", from_there(location, base))));
    }
    Ok(matching)
}

/// A path that means itself.
fn literal(path: &Path, text: &str, is_folder: bool) -> Result<String> {
    // The end of a file's name says which files count; in a URL it may be written in another way.
    let has_plain_end = path.extension().is_none_or(|end| end.to_str().is_some_and(is_alphanumeric));
    match () {
        () if is_folder => url(path, true).map(String::from),
        () if !has_glob(text) => Ok(text.to_string()),
        () if has_plain_end => url(path, false).map(String::from),
        () => Err(invalid(text, "the end of its name must be of letters and digits when the rest has *, ? or [; rename it")),
    }
}

fn url(path: &Path, is_folder: bool) -> Result<Url> {
    let url = if is_folder { Url::from_directory_path(path) } else { Url::from_file_path(path) };
    url.map_err(|()| invalid(&path.display().to_string(), "is no path that can be written as a URL"))
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// True for a path, false for a URL.
pub fn is_local(location: &str) -> bool {
    !location.contains("://")
}

fn has_glob(location: &str) -> bool {
    location.contains(['*', '?', '['])
}

/// Local files must exist; what is remote tells when it is read.
fn check(location: &str, kind: &str, base: &Path) -> Result<()> {
    if !is_local(location) {
        return Ok(());
    }
    let place = base.join(location);
    match std::fs::metadata(&place) {
        Err(_) if has_glob(location) => Ok(()),
        // The reader passes over files without bytes, which no Parquet file is.
        Ok(_) if kind == "PARQUET" => {
            let paths = if place.is_dir() { files(&place) } else { vec![place] };
            let is_empty = |path: &&PathBuf| {
                kind_of(&path.display().to_string()) == Some(kind) && path.metadata().is_ok_and(|file| file.len() == 0)
            };
            match paths.iter().find(is_empty) {
                Some(path) => Err(invalid(&path.display().to_string(), "cannot be read as Parquet: the file is empty")),
                None => Ok(()),
            }
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(coded(SqlState::UNDEFINED_FILE, location, format!("no such file or folder{}", from_there(location, base))))
        }
        Err(error) => Err(invalid(location, error)),
    }
}

fn from_there(location: &str, base: &Path) -> String {
    if Path::new(location).is_relative() { format!(" in {}", base.display()) } else { String::new() }
}

fn first_file(location: &Path) -> Option<String> {
    files(location).into_iter().map(|path| path.display().to_string()).find(|path| kind_of(path).is_some())
}

/// The files under a folder, hidden ones left out, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !name.starts_with(['.', '_'])));
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The error about a location; for a folder, about the first file that has it.
async fn name_the_file(
    state: &SessionState,
    command: &CreateExternalTable,
    places: &[String],
    error: &DataFusionError,
) -> DataFusionError {
    if let ([place], Some(factory)) = (places, state.table_factories().get(&command.file_type))
        && Path::new(place).is_dir()
    {
        for file in files(Path::new(place)) {
            let mut single = command.clone();
            let name = file.display().to_string();
            let Ok(location) = literal(&file, &name, false) else { continue };
            single.locations = vec![location];
            single.table_partition_cols.clear();
            if let Err(error) = look_at(factory.as_ref(), state, &single).await {
                return failed(&file.display().to_string(), describe(&error));
            }
        }
    }
    failed(&places.join(", "), describe(error))
}

fn describe(error: &DataFusionError) -> String {
    parquet_problem(&raw(error)).unwrap_or_else(|| message(error))
}

/// What the Parquet reader found, when an error is its: `Parquet error: …`, `Parquet argument error: …`.
pub fn parquet_problem(text: &str) -> Option<String> {
    let (_, error) = text.split_once("Parquet ")?;
    let (_, problem) = error.split_once("error: ")?;
    Some(format!("cannot be read as Parquet: {problem}"))
}
