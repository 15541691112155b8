//! Files as tables: what a location means, and errors that name the file.

pub mod bytes;
pub mod csv;
pub mod folders;
pub mod json;
pub mod options;
pub mod places;
pub mod policy;
pub mod source;
pub mod table;
pub mod values;

use std::panic::AssertUnwindSafe;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::catalog::{TableProvider, TableProviderFactory};
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{CreateExternalTable, DdlStatement, LogicalPlan};
use futures::FutureExt;
use url::Url;

use self::csv::options::CsvOptions;
use self::json::options::JsonOptions;
use self::table::FilesTable;
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::error::{SqlState, coded, failed, invalid, message, raw};

/// Kinds of files by the ends of their names.
const KINDS: [(&str, &str); 7] = [
    (".parquet", "PARQUET"),
    (".csv", "CSV"),
    (".tsv", "CSV"),
    (".txt", "CSV"),
    (".json", "JSON"),
    (".ndjson", "JSON"),
    (".jsonl", "JSON"),
];

/// What a compressed file has after that, and the word for it.
const COMPRESSIONS: [(&str, &str); 4] = [(".gz", "gzip"), (".zst", "zstd"), (".bz2", "bzip2"), (".xz", "xz")];

/// True when a name that no table has means a file or folder: by the name alone, so that a folder that happens to be called like a table is
/// not taken for it.
pub fn is_file(name: &str) -> bool {
    name.contains('/') || kind_of(name).is_some()
}

fn kind_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let plain = COMPRESSIONS.iter().find_map(|(end, _)| name.strip_suffix(end)).unwrap_or(&name);
    let kind = KINDS.iter().find(|(end, _)| plain.ends_with(end)).map(|(_, kind)| *kind)?;
    // What Parquet compresses stands inside the file.
    (kind != "PARQUET" || plain == name).then_some(kind)
}

/// The word for how a file is compressed, by its name.
fn compression_of(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    COMPRESSIONS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, word)| *word)
}

/// The table of `FROM 'location'`: the kind of file is told by the name, or by the first file of a folder.
pub async fn open(state: &SessionState, location: &str, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = match kind_of(location) {
        Some(kind) => kind,
        None => {
            let found = places::find(state, location, base, |name| kind_of(name).is_some()).await?;
            found.first().and_then(|file| kind_of(&file.name)).ok_or_else(|| {
                let problem = "no Parquet, CSV or JSON file is there; the name must end in .parquet, .csv, .tsv, .txt, .json or .ndjson, or be a \
                               folder of such files";
                invalid(location, problem)
            })?
        }
    };
    if let Some(format) = FORMATS.iter().find(|format| format.kind == kind) {
        return read(state, format.doc, location, base, &Options::read(format.doc, vec![])?).await;
    }
    let schema = Arc::new(DFSchema::empty());
    let command = CreateExternalTable::builder(TableReference::bare(location), location, kind, schema).build();
    create(state, command, base).await
}

/// True for a table that knows its files: it is opened again for each statement, as there may be others by then.
pub fn knows_its_files(table: &Arc<dyn TableProvider>) -> bool {
    table.downcast_ref::<FilesTable>().is_some()
}

/// A kind of files that we read ourselves.
struct Format {
    kind: &'static str,
    /// The page of its function in FROM.
    doc: &'static Doc,
    /// What its options are called elsewhere.
    renamed: options::Renamed,
    /// What the names of its files end in, as a message says it.
    endings: &'static str,
}

const FORMATS: [Format; 2] = [
    Format { kind: "CSV", doc: &csv::options::DOC, renamed: csv::options::renamed, endings: ".csv, .tsv or .txt" },
    Format { kind: "JSON", doc: &json::options::DOC, renamed: json::options::renamed, endings: ".json, .ndjson or .jsonl" },
];

/// The pages of the functions in FROM that read files.
pub fn readers() -> Vec<&'static Doc> {
    FORMATS.iter().map(|format| format.doc).collect()
}

/// Likewise, by name.
pub fn reader(name: &str) -> Option<&'static Doc> {
    readers().into_iter().find(|doc| doc.name.eq_ignore_ascii_case(name))
}

/// The table of a call of such a function.
///
/// # Errors
/// A file is not there or cannot be read, or an option does not fit.
pub async fn read(
    state: &SessionState,
    doc: &Doc,
    location: &str,
    base: &Path,
    options: &Options,
) -> Result<Arc<dyn TableProvider>> {
    let Some(format) = FORMATS.iter().find(|format| format.doc.name == doc.name) else {
        return Err(invalid(doc.name, "reads no files"));
    };
    format.open(state, doc.name, &[location.to_string()], base, options, None).await.map(|table| Arc::new(table) as _)
}

impl Format {
    /// The table of the files at some locations.
    async fn open(
        &self,
        state: &SessionState,
        subject: &str,
        locations: &[String],
        base: &Path,
        options: &Options,
        declared: Option<&Schema>,
    ) -> Result<FilesTable> {
        let types = match options.text("types") {
            Some(text) => columns_of(state, subject, text).await?,
            None => vec![],
        };
        let mut found = vec![];
        for location in locations {
            found.extend(places::find(state, location, base, |name| kind_of(name) == Some(self.kind)).await?);
        }
        let location = locations.join(", ");
        if found.is_empty() && declared.is_none() {
            return Err(invalid(&location, format!("no {} file is there: none whose name ends in {}", self.kind, self.endings)));
        }
        match self.kind {
            "CSV" => csv::table::open(&location, found, CsvOptions::read(subject, options, types)?, declared).await,
            _ => json::table::open(&location, found, JsonOptions::read(options, types)?, declared).await,
        }
    }
}

/// Columns as SQL declares them: `card VARCHAR, amount DECIMAL(12, 2)`.
async fn columns_of(state: &SessionState, subject: &str, text: &str) -> Result<Vec<(String, DataType)>> {
    let wrong = || {
        invalid(
            subject,
            format!("types must be columns with their types, as 'card VARCHAR, amount DECIMAL(12, 2)', got '{text}'"),
        )
    };
    let statement = format!("CREATE EXTERNAL TABLE columns ({text}) STORED AS CSV LOCATION 'columns'");
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(&statement, &dialect).map_err(|_| wrong())?;
    match state.statement_to_plan(statement).await.map_err(|_| wrong())? {
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => {
            let fields = command.schema.fields().iter();
            Ok(fields.map(|field| (field.name().clone(), field.data_type().clone())).collect())
        }
        _ => Err(wrong()),
    }
}

/// The table of `CREATE EXTERNAL TABLE`.
pub async fn create(state: &SessionState, mut command: CreateExternalTable, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = command.file_type.to_uppercase();
    let kind = if matches!(kind.as_str(), "NDJSON" | "JSONL") { "JSON".to_string() } else { kind };
    if let Some(format) = FORMATS.iter().find(|format| format.kind == kind) {
        return create_own(format, state, command, base).await;
    }
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
        let is_pattern = is_local(location) && places::is_pattern(location, base);
        if is_pattern {
            let counts = |name: &str| kind_of(name) == Some(command.file_type.as_str());
            for file in places::find(state, location, base, counts).await? {
                let path = base.join(&file.name);
                locations.push(literal(&path, &path.display().to_string(), false)?);
            }
        } else if is_local(location) {
            locations.push(as_url(location, base)?);
        } else {
            locations.push(location.clone());
        }
    }
    command.locations = locations;
    match look_at(factory.as_ref(), state, &command).await {
        Ok(table) => Ok(table),
        Err(error) => Err(name_the_file(state, &command, &places, &error).await),
    }
}

/// A table of files that we read ourselves, with a way to add rows.
async fn create_own(
    format: &Format,
    state: &SessionState,
    mut command: CreateExternalTable,
    base: &Path,
) -> Result<Arc<dyn TableProvider>> {
    let name = command.name.table().to_string();
    let subject = if command.name.schema().is_none() && is_file(&name) { name } else { format!("external table {name}") };
    let mut given: Vec<(String, String)> = command.options.drain().collect();
    // What an option says must not depend on the order of a hash table.
    given.sort();
    let declared = (!command.schema.fields().is_empty()).then(|| Schema::clone(command.schema.inner()));
    let options = options::of_statement(&subject, format.doc, given, format.renamed)?;
    let mut table = format.open(state, &subject, &command.locations, base, &options, declared.as_ref()).await?;
    if let Some(missing) = command.table_partition_cols.iter().find(|column| table.schema().index_of(column).is_err()) {
        let problem = format!("PARTITIONED BY names {missing}, and no folder is called {missing}=…");
        return Err(invalid(&subject, problem));
    }
    let [location] = command.locations.as_slice() else { return Ok(Arc::new(table)) };
    let place = base.join(location);
    if is_local(location) && place.is_dir() {
        if format.kind == "CSV" {
            command.options.insert("format.has_header".into(), "true".into());
        }
        command.file_type = format.kind.into();
        command.schema = Arc::new(DFSchema::try_from(table.schema().as_ref().clone())?);
        command.locations = vec![as_url(location, base)?];
        if let Some(factory) = state.table_factories().get(format.kind) {
            table.writes = Some(look_at(factory.as_ref(), state, &command).await?);
        }
    }
    Ok(Arc::new(table))
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

/// A path as DataFusion takes it, which reads `*`, `?` and `[` as a pattern wherever they stand: what exists is meant as it is written.
fn as_url(location: &str, base: &Path) -> Result<String> {
    let path = base.join(location);
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    // Links are followed before `..` leads up, as the system does it.
    let climbs = path.components().any(|part| part == Component::ParentDir);
    let path = match (climbs, path.strip_prefix(folder)) {
        (true, Ok(rest)) => {
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            if rest.as_os_str().is_empty() { folder } else { folder.join(rest) }
        }
        _ => path.clone(),
    };
    let Some(text) = path.to_str() else {
        let problem = "stands in a folder whose name is not UTF-8, from where files cannot be read; rename the folder";
        return Err(invalid(location, problem));
    };
    literal(&path, text, path.is_dir())
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
        Err(_) if places::is_pattern(location, base) => Ok(()),
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
