//! Files as tables: resolves locations, selects the reader for each kind of file, and makes errors name the file.
//!
//! ```text
//! location ──▶ places ──▶ files of a kind ──▶ csv, json, parquet ──▶ a table
//!              folders: columns of names                table: shares of the work
//! ```

pub mod bytes;
pub mod casting;
pub mod csv;
mod declared;
pub mod excel;
pub mod folders;
pub mod info;
pub mod json;
pub mod kinds;
pub mod left_out;
pub mod options;
pub mod parquet;
pub mod pieces;
pub mod places;
pub mod policy;
pub mod source;
mod spellings;
pub mod table;
pub mod times;
pub mod titles;
pub mod values;
pub mod writing;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::CreateExternalTable;
use futures::future::BoxFuture;
use url::Url;

use self::csv::options::CsvOptions;
use self::excel::options::ExcelOptions;
use self::json::options::JsonOptions;
use self::kinds::kind_of;
use self::parquet::table::ParquetTable;
use self::table::FilesTable;
use crate::adapter::arguments::Options;
use crate::docs::Doc;
use crate::encryption::refuse_in_sql;
use crate::error::{invalid, message};

pub use kinds::is_file;
pub use places::is_local;

/// A kind of files.
struct Format {
    kind: &'static str,
    /// The documentation page of its function in FROM.
    doc: &'static Doc,
    /// Translates option names of other programs.
    renamed: options::Renamed,
    /// The file extensions, for messages.
    endings: &'static str,
    /// Opens a table over some files.
    open: for<'a> fn(Files<'a>) -> BoxFuture<'a, Result<Opened>>,
}

const FORMATS: [Format; 4] = [
    Format {
        kind: "CSV",
        doc: &csv::options::DOC,
        renamed: csv::options::renamed,
        endings: ".csv, .tsv or .txt",
        open: |files| {
            Box::pin(async move {
                let options = CsvOptions::read(files.given.subject, files.options, files.types().await?)?;
                csv::table::open(&files.location, files.found, options, files.given.declared).await.map(Opened::Own)
            })
        },
    },
    Format {
        kind: "JSON",
        doc: &json::options::DOC,
        renamed: json::options::renamed,
        endings: ".json, .ndjson or .jsonl",
        open: |files| {
            Box::pin(async move {
                let options = JsonOptions::read(files.given.subject, files.options, files.types().await?)?;
                json::table::open(&files.location, files.found, options, files.given.declared).await.map(Opened::Own)
            })
        },
    },
    Format {
        kind: "PARQUET",
        doc: &parquet::DOC,
        renamed: parquet::renamed,
        endings: ".parquet",
        open: |files| {
            Box::pin(async move {
                let Given { state, subject, declared, .. } = *files.given;
                // The options of Parquet are those of DataFusion's own reader.
                let engine = match files.engine {
                    Some(engine) => engine,
                    None => engine_format(state, subject, "PARQUET", &HashMap::new())?,
                };
                let table = ParquetTable::open(state, &files.location, files.found, engine, declared).await?;
                Ok(Opened::Parquet(Box::new(table)))
            })
        },
    },
    Format {
        kind: "EXCEL",
        doc: &excel::options::DOC,
        renamed: excel::options::renamed,
        endings: ".xlsx or .xlsm",
        open: |files| {
            Box::pin(async move {
                let options = ExcelOptions::read(files.given.subject, files.options, files.types().await?)?;
                let pool = &files.given.state.runtime_env().memory_pool;
                excel::table::open(&files.location, files.found, options, files.given.declared, pool).await.map(Opened::Own)
            })
        },
    },
];

/// A table over files.
enum Opened {
    Own(FilesTable),
    Parquet(Box<ParquetTable>),
}

impl Opened {
    fn schema(&self) -> SchemaRef {
        match self {
            Self::Own(table) => table.schema(),
            Self::Parquet(table) => table.schema(),
        }
    }

    /// The same, with notes about what its places have besides the files.
    fn leaving_out(self, notes: Vec<String>) -> Self {
        match self {
            Self::Own(table) => Self::Own(table.leaving_out(notes)),
            Self::Parquet(table) => Self::Parquet(Box::new(table.leaving_out(notes))),
        }
    }

    /// The table; inserted rows are written through `inserts`, if there is one.
    fn table(self, inserts: Option<Arc<ListingTable>>) -> Arc<dyn TableProvider> {
        match self {
            Self::Own(table) => Arc::new(table.inserting(inserts)),
            Self::Parquet(table) => Arc::new(table.inserting(inserts)),
        }
    }
}

/// The documentation pages of the functions in FROM that read files.
pub fn readers() -> Vec<&'static Doc> {
    FORMATS.iter().map(|format| format.doc).chain([&csv::rejects::REJECTS]).chain(&info::DOCS).collect()
}

/// Names that other programs have for the same functions, mostly DuckDB.
const ALIASES: [(&str, &str); 6] = [
    ("read_csv_auto", "read_csv"),
    ("read_json_auto", "read_json"),
    ("read_ndjson", "read_json"),
    ("read_ndjson_auto", "read_json"),
    ("parquet_scan", "read_parquet"),
    ("read_xlsx", "read_excel"),
];

/// The documentation page of the reader of that name.
pub fn reader(name: &str) -> Option<&'static Doc> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, own)| *own);
    readers().into_iter().find(|doc| doc.name.eq_ignore_ascii_case(name))
}

/// Translates option names of other programs for the reader of that page.
pub fn renamed(doc: &Doc) -> options::Renamed {
    if doc.name == csv::rejects::REJECTS.name {
        return csv::options::renamed;
    }
    let same: options::Renamed = |key, text| Ok(Some((key, text)));
    FORMATS.iter().find(|format| format.doc.name == doc.name).map_or(same, |format| format.renamed)
}

/// True for a table with a fixed list of files. It is reopened for each statement, because the files may have changed.
pub fn knows_its_files(table: &Arc<dyn TableProvider>) -> bool {
    table.downcast_ref::<FilesTable>().is_some() || table.downcast_ref::<ParquetTable>().is_some()
}

/// The table that inserted rows are written through. The outer `None` is for tables that do not read files, the inner one for files that
/// cannot be inserted into.
pub fn inserts(table: &Arc<dyn TableProvider>) -> Option<Option<Arc<ListingTable>>> {
    if let Some(table) = table.downcast_ref::<FilesTable>() {
        return Some(table.inserts.clone());
    }
    table.downcast_ref::<ParquetTable>().map(|table| table.inserts.clone())
}

/// What was detected in the files of a table, and what is left out, for DESCRIBE.
pub fn told(table: &Arc<dyn TableProvider>) -> Vec<String> {
    if let Some(table) = table.downcast_ref::<FilesTable>() {
        return table.told.iter().chain(&table.left_out).cloned().collect();
    }
    table.downcast_ref::<ParquetTable>().map(|table| table.left_out.clone()).unwrap_or_default()
}

/// True for a table of files with columns from folder names.
pub fn has_folder_columns(table: &Arc<dyn TableProvider>) -> bool {
    let own = table.downcast_ref::<FilesTable>().map(FilesTable::layout);
    own.or_else(|| table.downcast_ref::<ParquetTable>().map(ParquetTable::layout))
        .is_some_and(|layout| !layout.folders.fields.is_empty())
}

/// The table for `FROM 'location'`. The kind of file follows from the name, or from the files of a folder, which are all of one kind.
///
/// # Errors
/// There are no files, they are of several kinds, or they cannot be read.
pub async fn open(state: &SessionState, location: &str, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = match kind_of(location) {
        Some(kind) => kind,
        None => {
            let (found, _) = places::find(state, location, base, |name| kind_of(name).is_some()).await?;
            // Each kind with the first file of it.
            let mut kinds: Vec<(&str, &str)> = vec![];
            for file in &found {
                if let Some(kind) = kind_of(&file.name)
                    && !kinds.iter().any(|(known, _)| *known == kind)
                {
                    kinds.push((kind, &file.name));
                }
            }
            match kinds.as_slice() {
                [(kind, _)] => *kind,
                [] => {
                    let problem = "there is no Parquet, CSV, JSON or Excel file; the name must end in .parquet, .csv, .tsv, .txt, .json, .ndjson or .xlsx, or be a folder of such files";
                    return Err(invalid(location, problem));
                }
                [(one, first), (other, second), ..] => {
                    let problem = format!(
                        "has files of several kinds: {first} is {one}, {second} is {other}; say which are meant, by a pattern that ends in \
                         .csv or .parquet, or by read_csv('…'), read_parquet('…'), read_json('…') or read_excel('…')"
                    );
                    return Err(invalid(location, problem));
                }
            }
        }
    };
    let Some(format) = FORMATS.iter().find(|format| format.kind == kind) else {
        return Err(invalid(location, format!("{kind} cannot be read")));
    };
    read(state, format.doc, &[location.to_string()], base, &Options::read(format.doc, vec![])?).await
}

/// The table for a call of a function that reads files.
///
/// # Errors
/// A file does not exist or cannot be read, or an option is invalid.
pub async fn read(
    state: &SessionState,
    doc: &Doc,
    locations: &[String],
    base: &Path,
    options: &Options,
) -> Result<Arc<dyn TableProvider>> {
    if doc.name == csv::rejects::REJECTS.name {
        let types = declared::types(state, doc.name, options).await?;
        let options = CsvOptions::read(doc.name, options, types)?;
        let (found, notes) = places::find_all(state, locations, base, |name| kind_of(name) == Some("CSV")).await?;
        left_out::tell(state, &notes);
        return csv::table::rejects(&locations.join(", "), found, options).await.map(|table| Arc::new(table) as _);
    }
    if info::DOCS.iter().any(|own| own.name == doc.name) {
        return info::read(state, doc, locations, base).await;
    }
    let Some(format) = FORMATS.iter().find(|format| format.doc.name == doc.name) else {
        return Err(invalid(doc.name, "reads no files"));
    };
    let given = Given { state, subject: doc.name, locations, base, declared: None };
    Ok(format.of(&given, options, None).await?.table(None))
}

/// The table for `CREATE EXTERNAL TABLE`.
///
/// # Errors
/// The kind of file is not supported, a file does not exist or is invalid, or an option is invalid.
pub async fn create(state: &SessionState, command: CreateExternalTable, base: &Path) -> Result<Arc<dyn TableProvider>> {
    let kind = match command.file_type.to_uppercase().as_str() {
        "NDJSON" | "JSONL" => "JSON".to_string(),
        "TSV" => "CSV".to_string(),
        "XLSX" | "XLSM" => "EXCEL".to_string(),
        kind => kind.to_string(),
    };
    let Some(format) = FORMATS.iter().find(|format| format.kind == kind) else {
        return Err(invalid(
            &command.file_type,
            "files of this kind cannot be read; STORED AS takes PARQUET, CSV, JSON, EXCEL, SQLITE or POSTGRES",
        ));
    };
    let name = command.name.table();
    let subject = if command.name.schema().is_none() && is_file(name) { name.into() } else { format!("external table {name}") };
    // NOT NULL is checked by nobody in files, and if the optimizer relied on it, `WHERE id IS NULL` would find nothing.
    let fields = command.schema.fields().iter().map(|field| Field::clone(field).with_nullable(true)).collect::<Vec<_>>();
    let declared = (!fields.is_empty()).then(|| Schema::new(fields));
    let given = Given { state, subject: &subject, locations: &command.locations, base, declared: declared.as_ref() };
    // Sorted, because the result must not depend on the order of a hash table.
    let mut texts: Vec<(String, String)> = command.options.clone().into_iter().collect();
    texts.sort();
    let mut for_engine = HashMap::new();
    let options = match kind.as_str() {
        // These are options of DataFusion's reader.
        "PARQUET" => {
            for_engine = command.options.clone();
            Options::read(format.doc, vec![])?
        }
        _ => options::of_statement(&subject, format.doc, texts.clone(), format.renamed)?,
    };
    // Inserted rows must be written in a form that is read back like the other files.
    let is_given = |names: &[&str]| names.iter().any(|name| options.is_given(name));
    let is_written = match kind.as_str() {
        "CSV" => {
            for_engine.insert("header".into(), options.flag("header")?.to_string());
            for name in ["separator", "decimal"] {
                for_engine.extend(options.text(name).map(|sign| (name.to_string(), sign.to_string())));
            }
            let nulls = options.names("null").unwrap_or_default();
            for_engine.extend(nulls.first().map(|null| ("null".to_string(), null.clone())));
            // The writer knows one text that means NULL, and would write the others as values.
            nulls.len() < 2
                && options.integer("skip")? == 0
                && !is_given(&["encoding", "quote", "escape", "comment", "thousands", "compression"])
        }
        "JSON" => !is_given(&["path", "compression"]),
        "EXCEL" => false,
        _ => true,
    };
    let word = if kind == "JSON" { "NDJSON" } else { &kind };
    let engine = if is_written { Some(engine_format(state, &subject, word, &for_engine)?) } else { None };
    let opened = format.of(&given, &options, engine.clone()).await?;
    let schema = opened.schema();
    if let Some(missing) = command.table_partition_cols.iter().find(|column| schema.index_of(column).is_err()) {
        let problem = format!("PARTITIONED BY names {missing}, and no folder is called {missing}=…");
        return Err(invalid(&subject, problem));
    }
    let inserts = match (command.locations.as_slice(), engine) {
        ([location], Some(engine)) if is_local(location) && base.join(location).is_dir() => {
            let folder = Url::from_directory_path(base.join(location));
            let folder = folder.map_err(|()| invalid(location, "is not a path that can be written as a URL"))?;
            let config = ListingTableConfig::new(ListingTableUrl::try_new(folder, None)?);
            let config = config.with_listing_options(ListingOptions::new(engine)).with_schema(schema);
            Some(Arc::new(ListingTable::try_new(config)?))
        }
        _ => None,
    };
    Ok(opened.table(inserts))
}

/// DataFusion's format of that kind.
fn engine_format(
    state: &SessionState,
    subject: &str,
    kind: &str,
    options: &HashMap<String, String>,
) -> Result<Arc<dyn FileFormat>> {
    let Some(factory) = state.get_file_format_factory(kind) else {
        return Err(invalid(subject, format!("{kind} is not known to the engine")));
    };
    options.keys().try_for_each(|option| refuse_in_sql(option))?;
    factory.create(state, options).map_err(|error| invalid(subject, message(&error)))
}

/// What to open.
struct Given<'a> {
    state: &'a SessionState,
    /// The subject of errors.
    subject: &'a str,
    locations: &'a [String],
    base: &'a Path,
    declared: Option<&'a Schema>,
}

/// The files that were found.
struct Files<'a> {
    given: &'a Given<'a>,
    options: &'a Options,
    /// DataFusion's format for reading and writing them, if the statement determines one.
    engine: Option<Arc<dyn FileFormat>>,
    location: String,
    found: Vec<places::Found>,
}

impl Files<'_> {
    /// The columns in the `types` option.
    async fn types(&self) -> Result<Vec<(String, DataType)>> {
        declared::types(self.given.state, self.given.subject, self.options).await
    }
}

impl Format {
    /// The table of the files at some locations.
    async fn of(&self, given: &Given<'_>, options: &Options, engine: Option<Arc<dyn FileFormat>>) -> Result<Opened> {
        let is_meant = |name: &str| kind_of(name) == Some(self.kind);
        let (found, notes) = places::find_all(given.state, given.locations, given.base, is_meant).await?;
        let location = given.locations.join(", ");
        if found.is_empty() && given.declared.is_none() {
            return Err(invalid(&location, format!("there is no {} file: no name ends in {}", self.kind, self.endings)));
        }
        let opened = (self.open)(Files { given, options, engine, location, found }).await?;
        Ok(opened.leaving_out(notes))
    }
}

/// The problem in an error of the Parquet reader (`Parquet error: …`, `Parquet argument error: …`); `None` for other errors.
pub fn parquet_problem(text: &str) -> Option<String> {
    let problem = problem_within(text)?;
    Some(format!("cannot be read as Parquet: {problem}"))
}

/// The same, where only the footer of a file was read, which the reader's errors rarely say.
pub fn footer_problem(text: &str) -> Option<String> {
    let problem = problem_within(text)?;
    Some(match problem.contains("footer") {
        true => format!("cannot be read as Parquet: {problem}"),
        false => format!("cannot be read as Parquet, because of its footer: {problem}"),
    })
}

fn problem_within(text: &str) -> Option<&str> {
    let (_, error) = text.split_once("Parquet ")?;
    let (_, problem) = error.split_once("error: ")?;
    // One error may be within another.
    let problem = problem.strip_prefix("Parquet error: ").unwrap_or(problem);
    Some(match problem.contains("Corrupt footer") {
        true => {
            "it does not end as Parquet files do, so it has another format or was cut off; FROM 'file' reads it by the end of its name"
        }
        false => problem,
    })
}
