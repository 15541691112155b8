//! The options of JSON files.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::files::policy::Policy;

/// All options, for `read_json` and for `CREATE EXTERNAL TABLE … OPTIONS (…)`.
pub static DOC: Doc = Doc {
    name: "read_json",
    kind: Kind::Relation,
    domain: "files",
    summary: "Reads JSON files: an object on each line, objects one after the other, or a list of objects.",
    syntax: "read_json('location' [, option => constant, …])",
    description: "\
A location is a file, a folder or a pattern, as for `FROM 'location'`, which is this function without options. Names may end in `.json`, `.ndjson`,
`.jsonl`, and in `.gz`, `.zst`, `.bz2` or `.xz` after that.

**Rows** are the objects: of a list `[{…}, {…}]`, on a line each (NDJSON), or one after the other over several lines; a file may also hold one object. Files that
are not compressed are divided among threads; where objects are not on lines, they are passed over once before.

**Columns** are the names in all objects, in the order in which they first occur; NULL where an object lacks one. Objects within objects are STRUCT,
lists are lists; an object with more than 500 different names is a MAP.

**Types** are taken from all rows of files up to 16 MB together, and from pieces spread over larger ones: BIGINT, DOUBLE, BOOLEAN, VARCHAR, DATE and TIMESTAMP
where all texts of a column are such. Whole numbers beyond 64 bits, and numbers with digits that a double would not keep, are DECIMAL and so exact. Where kinds of
values meet (a number here, a text or an object there) the column is VARCHAR, with the JSON of what is no text. What is in quotes is never guessed to be a
number. Each value is checked while it is read: one that does not fit, or a name that was not seen, is an error that names file, line, path and value. Values of
columns that a query does not read are checked to be JSON, not for their types.",
    arguments: &[
        Argument::required("location", Takes::Value("string"), "a file, a folder, a pattern or a URL"),
        Argument::optional("types", Takes::Text, "", "types of columns that are not to be guessed, as 'card VARCHAR, amount DECIMAL(12, 2)'"),
        Argument::optional("sample", Takes::Choice(&["spread", "all"]), "'spread'", "whether types are taken from pieces of large files or from all rows"),
        Argument::optional("misfits", Takes::Choice(&["error", "skip", "null"]), "'error'", "values that do not fit their type, and names that were not seen: an error, the row left out, or NULL; the last two are counted in a note"),
        Argument::optional("compression", Takes::Choice(&["auto", "none", "gzip", "zstd", "bzip2", "xz"]), "'auto'", "how files are compressed; by default as their names end"),
    ],
    examples: &["SELECT member, address['city'], array_to_string(tags, '、') FROM read_json('data/members.json', types => 'visits DECIMAL(9, 2)');"],
    ..Doc::EMPTY
};

/// The options of a JSON table.
#[derive(Debug, Clone)]
pub struct JsonOptions {
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
    pub fn read(options: &Options, types: Vec<(String, DataType)>) -> Result<Self> {
        Ok(Self {
            types,
            samples_all: options.word("sample")? == "all",
            misfits: Policy::of(options.word("misfits")?),
            compression: Some(options.word("compression")?).filter(|word| *word != "auto"),
        })
    }
}

/// The name here, and the value, for an option of another program.
///
/// # Errors
/// There is no equivalent; the message says what to write.
pub fn renamed(key: &str, text: String) -> Result<Option<(&str, String)>, &'static str> {
    Ok(Some(match key {
        // Detected from the file.
        "newline_delimited" => return Ok(None),
        "schema_infer_max_rec" => return Err("types are taken from all of the file with OPTIONS ('sample' 'all')"),
        key => (key, text),
    }))
}
