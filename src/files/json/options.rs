//! The options of JSON files.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::files::policy::Policy;

/// All options, for `read_json` and for `CREATE EXTERNAL TABLE … OPTIONS (…)`.
pub static DOC: Doc = Doc {
    name: "read_json",
    kind: Kind::Relation,
    domain: "files",
    summary: "Reads JSON files: an object on each line, objects one after the other, or a list of objects.",
    syntax: "read_json('location' [, option => constant, …])",
    description: "\
A location is a file, a folder, a pattern or a URL. `FROM 'location'` is the same without options. Names end in `.json`, `.ndjson` or
`.jsonl`, which `.gz`, `.zst`, `.bz2` or `.xz` may follow.

**Rows** are the objects: those in a list `[{…}, {…}]`, one on each line (NDJSON), or one after the other over several lines. A file may also contain a single object. Files that
are not compressed are divided among threads; if there is not one object on each line, the file is read once before, to find where objects begin.

**Columns** are the names in all objects, in the order in which they first occur, with NULL where an object lacks one. Objects within objects become STRUCT, and
lists become lists. An object with more than 500 different names becomes a MAP. Names that differ in capital letters only are different columns, and a note tells of
them if no object seems to have both.

**Types** are guessed from all rows if the files have up to 16 MB together, otherwise from pieces spread over them: BIGINT, DOUBLE, BOOLEAN, VARCHAR; DATE or
TIMESTAMP if every text of a column is one. Whole numbers beyond 64 bits, and numbers with more digits than a DOUBLE keeps, are DECIMAL, which is exact. A column with
several kinds of values (numbers and texts, texts and objects) is VARCHAR; what is not a text is written there as JSON. A text in quotes is never read as a number.
Each value is checked while it is read: one that does not fit its type, or a name that was not seen before, is an error that gives file, line, path and value.
Columns that a query does not read are only checked to be JSON.

**Cost.** Read once, after the pieces from which types are guessed; fields that the query does not need are skipped. Memory does not grow
with the file.

**Elsewhere.** `read_json` of DuckDB (`columns`, `sample_size`, `ignore_errors`, `maximum_object_size`), with dates found in the same way;
PostgreSQL reads a `jsonb` column and picks values by `->>`; pandas `read_json(lines=True)` and `json_normalize` need all of it in memory.",
    arguments: &[
        Argument::required(
            "location",
            Takes::Value("string"),
            "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
        ),
        Argument::optional(
            "path",
            Takes::Text,
            "",
            "the names, separated by dots, that lead to the list of rows in a file of one object: 'data.items' for {\"data\": {\"items\": [{…}]}}",
        ),
        Argument::optional(
            "types",
            Takes::Text,
            "",
            "types of columns, instead of guessed ones: 'card VARCHAR, amount DECIMAL(12, 2)'",
        ),
        Argument::optional(
            "sample",
            Takes::Choice(&["spread", "all"]),
            "'spread'",
            "whether types are guessed from pieces of large files or from all rows",
        ),
        Argument::optional(
            "misfits",
            Takes::Choice(&["error", "skip", "null"]),
            "'error'",
            "what to do with values that do not fit their type, and with names that were not seen before: an error, leave the row out, or read NULL; a note counts the last two",
        ),
        Argument::optional(
            "compression",
            Takes::Choice(&["auto", "none", "gzip", "zstd", "bzip2", "xz"]),
            "'auto'",
            "how files are compressed; by default as their names end: visits.ndjson.zst is zstd",
        ),
    ],
    examples: &[
        "SELECT member, address['city'], array_to_string(tags, '、') FROM read_json('data/members.json', types => 'visits DECIMAL(9, 2)');",
        "COPY (SELECT * FROM (VALUES (1, '12.50'), (2, 'later'), (3, NULL)) AS t(id, paid)) TO 'paid.ndjson.gz';
SELECT * FROM read_json('paid.ndjson.gz', types => 'paid DECIMAL(9, 2)', misfits => 'null', sample => 'all', compression => 'gzip') ORDER BY id;",
        "COPY (SELECT [{'id': 1, 'paid': 12.5}, {'id': 2, 'paid': 8.0}] AS orders, 2 AS total) TO 'answer.ndjson';
SELECT * FROM read_json('answer.ndjson', path => 'orders') ORDER BY id;",
    ],
    ..Doc::EMPTY
};

/// The options of a JSON table.
#[derive(Debug, Clone)]
pub struct JsonOptions {
    /// The names that lead to the list of objects.
    pub path: Vec<String>,
    pub types: Vec<(String, DataType)>,
    pub samples_all: bool,
    pub misfits: Policy,
    /// `None` to take it from the file's name.
    pub compression: Option<&'static str>,
}

impl JsonOptions {
    /// Reads the options of a call or a statement. `types` is the parsed value of the `types` option.
    ///
    /// # Errors
    /// An option has an invalid value.
    pub fn read(subject: &str, options: &Options, types: Vec<(String, DataType)>) -> Result<Self> {
        let path = options.text("path").filter(|path| !path.is_empty());
        Ok(Self {
            path: path.map(|path| names(subject, path)).transpose()?.unwrap_or_default(),
            types,
            samples_all: options.word("sample")? == "all",
            misfits: Policy::of(options.word("misfits")?),
            compression: Some(options.word("compression")?).filter(|word| *word != "auto"),
        })
    }
}

/// The names in `data.items`, also when it is written as a JSON path: `$.data.items[*]`.
fn names(subject: &str, path: &str) -> Result<Vec<String>> {
    let plain = path.strip_prefix("$.").unwrap_or(path);
    let names: Vec<String> = plain.strip_suffix("[*]").unwrap_or(plain).split('.').map(String::from).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(['[', ']', '*', '$'])) {
        return Err(invalid(subject, format!("path must be names separated by dots, such as 'data.items', got '{path}'")));
    }
    Ok(names)
}

/// The name here, and the value, for an option of another program.
///
/// # Errors
/// There is no equivalent; the message says what to write.
pub fn renamed(key: &str, text: String) -> Result<Option<(&str, String)>, &'static str> {
    let is_true = text.eq_ignore_ascii_case("true");
    Ok(Some(match key {
        // Detected from the file.
        "newline_delimited" | "lines" | "format" | "records" => return Ok(None),
        // Always so.
        "auto_detect" | "union_by_name" | "hive_partitioning" if is_true => return Ok(None),
        "maximum_object_size" => return Ok(None),
        "record_path" | "json_path" => ("path", text),
        "dtype" | "dtypes" | "column_types" => ("types", text),
        "columns" => return Err("types gives the types of columns, as 'card VARCHAR'"),
        "sample_size" if text == "-1" => ("sample", "all".into()),
        "sample_size" | "schema_infer_max_rec" | "infer_schema_length" => {
            return Err("types are taken from all of the file with sample 'all'");
        }
        "ignore_errors" if is_true => return Err("misfits 'skip' leaves out and counts what does not fit"),
        "ignore_errors" => return Ok(None),
        "union_by_name" => return Err("columns of several files are always bound by name"),
        "hive_partitioning" => return Err("columns of folders are left out by SELECT * EXCLUDE (…)"),
        "dateformat" | "date_format" | "timestampformat" | "timestamp_format" => {
            return Err("read the column as text and write parse_date(…) or to_timestamp(…) with its form");
        }
        "filename" => return Err("file_info('…') lists the files"),
        key => (key, text),
    }))
}
