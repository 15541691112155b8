//! The options of CSV files.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use encoding_rs::Encoding;

use super::columns::Reading;
use super::records::Short;
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::files::policy::Policy;
use crate::files::values::Numbers;

/// The arguments of functions that read CSV.
pub const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "location",
        Takes::Value("string"),
        "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
    ),
    Argument::optional(
        "separator",
        Takes::Text,
        "",
        "the character between fields; default: the one of `,` `;` tab and `|` that divides the first rows evenly",
    ),
    Argument::optional("quote", Takes::Text, "'\"'", "the character around fields; '' for none"),
    Argument::optional("escape", Takes::Text, "", "the character before a quote within quotes, if quotes are not doubled there"),
    Argument::optional("comment", Takes::Text, "", "lines that begin with this character are skipped: '#'; default: none"),
    Argument::optional(
        "header",
        Takes::Flag,
        "true",
        "whether the first line has the names; if not, they are column1, column2, …",
    ),
    Argument::optional(
        "skip",
        Takes::Integer(0, 1_000_000),
        "0",
        "lines before the header that are skipped: 2 for a title and an empty line above it",
    ),
    Argument::optional(
        "encoding",
        Takes::Text,
        "",
        "gb18030 (also gbk), big5, shift_jis, euc-kr, windows-1252, latin1, utf-16le …",
    ),
    Argument::optional("null", Takes::Names, "", "texts that mean NULL, such as ['N/A', '-']"),
    Argument::optional("decimal", Takes::Text, "'.'", "the decimal sign: ',' reads 12,5 as 12.5"),
    Argument::optional(
        "thousands",
        Takes::Text,
        "",
        "the sign between groups of three digits: ',' reads 1,234 as 1234; default: none, and such values are text",
    ),
    Argument::optional(
        "currency",
        Takes::Flag,
        "false",
        "whether currency signs and codes around numbers are ignored: `1.234,56 €`",
    ),
    Argument::optional("percent", Takes::Flag, "false", "whether 12% is the number 0.12"),
    Argument::optional("parentheses", Takes::Flag, "false", "whether (300) is the number -300"),
    Argument::optional(
        "types",
        Takes::Text,
        "",
        "types of columns, instead of guessed ones: 'card VARCHAR, amount DECIMAL(12, 2)'. Names with capitals or spaces need double quotes",
    ),
    Argument::optional(
        "all_text",
        Takes::Flag,
        "false",
        "whether all columns that `types` does not name are text, as they stand in the file",
    ),
    Argument::optional(
        "sample",
        Takes::Choice(&["spread", "all"]),
        "'spread'",
        "whether types of files above 16 MB are guessed from pieces of them, or from all rows, which reads them a second time",
    ),
    Argument::optional(
        "ragged",
        Takes::Choice(&["error", "skip", "pad"]),
        "'error'",
        "what to do with a row that has a different number of fields: an error, leave it out and count it, or fill missing fields with NULL",
    ),
    Argument::optional(
        "misfits",
        Takes::Choice(&["error", "skip", "null"]),
        "'error'",
        "what to do with a value that does not fit its column: an error, leave its row out and count it, or read it as NULL and count it; `csv_rejects` lists them",
    ),
    Argument::optional(
        "compression",
        Takes::Choice(&["auto", "none", "gzip", "zstd", "bzip2", "xz"]),
        "'auto'",
        "how files are compressed; by default as their names end: orders.csv.gz is gzip",
    ),
];

/// All options, for `read_csv` and for `CREATE EXTERNAL TABLE … OPTIONS (…)`.
pub const DOC: Doc = Doc {
    name: "read_csv",
    kind: Kind::Relation,
    domain: "files",
    summary: "Reads CSV files. Options say what the files do not say themselves: encoding, decimal sign, types.",
    syntax: "read_csv('location' [, option => constant, …])",
    description: "\
A location is a file, a folder, a pattern or a URL. `FROM 'location'` is the same without options. Names end in `.csv`, `.tsv` or `.txt`, which
`.gz`, `.zst`, `.bz2` or `.xz` may follow. `DESCRIBE read_csv(…)` shows the types.

**Columns** are found by the names in the header, in whatever order each file has them. The table has the columns of all files, with NULL
where a file lacks one; names that differ from file to file in capital letters only are the same column. A name that occurs twice gets a number (`amount`, `amount_1`).
In queries, `userid` without quotes also finds `UserID`, unless there is a `userid`, too.

**Types** are guessed from all rows if the files have up to 16 MB together, otherwise from pieces spread over them: BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP
(with its zone if every time has the same offset, in UTC if they differ). A column is text if one of its values would look different when written
again: a leading zero or `+`, a whole number of more than 15 digits, anything unusual. So `1.234,56` and `31.12.2025` are text: the options `decimal`
and `thousands` read such numbers, and `parse_date(…, order => 'dmy')` reads such dates. Each value is checked while it is read: one that
does not fit the guess is an error that names file, line, column and value, and never a wrong number.

`NaN`, `inf` and `Infinity` are text too, because programs also write `NaN` for what is missing: `null => ['NaN']` reads it as NULL,
`types => 'x DOUBLE'` as the number.

**Quotes** are read as in RFC 4180, and may contain line ends. An empty field is NULL; empty quotes are an empty text.

**Encoding** is UTF-8, or UTF-16 by its byte order mark. Other encodings must be named; the error of a file in neither of them proposes one.

**Cost.** A file is divided among threads and read once; the pieces for guessing types are read before. Only columns that the query needs
are converted. Memory does not grow with the file. CSV is read again for each query: `CREATE TABLE … AS` or COPY to Parquet once, if you ask
more than one question.

**Elsewhere.** `read_csv` of DuckDB (`delim`, `nullstr`, `decimal_separator`, `ignore_errors`, `null_padding`, `all_varchar`, `sample_size`)
also guesses types, from a sample, and fails later or skips rows; `COPY … FROM` of PostgreSQL needs a table with types; `read_csv` of pandas
(`sep`, `na_values`, `thousands`, `dtype`, `on_bad_lines`) reads 007 as 7 unless an option says otherwise.
Names that DuckDB and pandas have for an option are understood, such as `delim`, `sep`, `nullstr`, `decimal_separator` and `all_varchar`.",
    arguments: ARGUMENTS,
    examples: &[
        "SELECT * FROM read_csv('data/orders_gbk.csv', encoding => 'gbk', null => ['-'], types => 'card VARCHAR');",
        "-- A till that writes numbers as people do.
COPY (SELECT unnest(['# till 7', 'name;amount;share;back', 'Li;1.234,50;12%;', 'Wu;¥99,00;7%;(300)', 'He;N/A;;']) AS line)
TO 'till.csv' OPTIONS (header false, separator '|');
SELECT * FROM read_csv('till.csv', separator => ';', comment => '#', decimal => ',', thousands => '.', currency => true, percent => true,
  parentheses => true, null => ['N/A']);",
        "-- A title above the header, codes with zeros, a row that is too short, a word among numbers.
COPY (SELECT unnest(['Report of June', 'id,city,amount', '007,Xi''an,12.5', '8,Wuhan', '9,Hefei,many']) AS line)
TO 'june.csv' OPTIONS (header false, separator '|');
SELECT * FROM read_csv('june.csv', skip => 1, types => 'id VARCHAR, amount DOUBLE', ragged => 'pad', misfits => 'null', sample => 'all');",
        "-- A comment, no header, other quotes, everything as text, a compressed file.
COPY (SELECT unnest(['# till 8', '1,''a, b''', '2,''it~''s''']) AS line) TO 'plain.txt.gz' OPTIONS (header false, separator '|');
SELECT * FROM read_csv('plain.txt.gz', header => false, comment => '#', quote => '''', escape => '~', all_text => true, compression => 'gzip');",
    ],
    ..Doc::EMPTY
};

/// The options of a CSV table.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// `None` to detect it.
    pub separator: Option<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    pub header: bool,
    /// Whether the header is said, and not just the default.
    pub header_is_said: bool,
    pub skip: usize,
    pub encoding: Option<&'static Encoding>,
    pub reading: Reading,
    pub types: Vec<(String, DataType)>,
    pub all_text: bool,
    pub samples_all: bool,
    pub ragged: Policy,
    pub misfits: Policy,
    /// `None` to take it from the file's name.
    pub compression: Option<&'static str>,
}

impl CsvOptions {
    /// Reads the options of a call, or of a statement about `subject`. `types` is the parsed value of the `types` option.
    ///
    /// # Errors
    /// An option has an invalid value.
    pub fn read(subject: &str, options: &Options, types: Vec<(String, DataType)>) -> Result<Self> {
        let sign = |name: &str| match options.text(name) {
            None | Some("") => Ok(None),
            Some(text) => match one_character(text) {
                Some(byte) => Ok(Some(byte)),
                None => Err(invalid(subject, format!("{name} must be one ASCII character, got '{text}'"))),
            },
        };
        let encoding = match options.text("encoding") {
            None | Some("") => None,
            Some(label) => Some(encoding(label).ok_or_else(|| {
                let known = "utf-8, utf-16le, utf-16be, gb18030, gbk, big5, shift_jis, euc-jp, euc-kr, windows-1252, latin1";
                invalid(subject, format!("encoding '{label}' is not known; it may be {known} and others of the WHATWG's list"))
            })?),
        };
        let numbers = Numbers {
            decimal: sign("decimal")?.filter(|sign| *sign != b'.'),
            thousands: sign("thousands")?,
            currency: options.flag("currency")?,
            percent: options.flag("percent")?,
            parentheses: options.flag("parentheses")?,
        };
        if numbers.thousands.is_some() && numbers.thousands == numbers.decimal.or(Some(b'.')) {
            return Err(invalid(subject, "decimal and thousands must be different signs; give both"));
        }
        let null = options.names("null").unwrap_or_default().to_vec();
        let read = Self {
            separator: sign("separator")?,
            quote: if options.text("quote").is_some() { sign("quote")? } else { Some(b'"') },
            escape: sign("escape")?,
            comment: sign("comment")?,
            header: options.flag("header")?,
            header_is_said: options.is_given("header"),
            skip: usize::try_from(options.integer("skip")?).unwrap_or(0),
            encoding,
            reading: Reading { null, numbers },
            types,
            all_text: options.flag("all_text")?,
            samples_all: options.word("sample")? == "all",
            ragged: Policy::of(options.word("ragged")?),
            misfits: Policy::of(options.word("misfits")?),
            compression: Some(options.word("compression")?).filter(|word| *word != "auto"),
        };
        let signs = [
            ("separator", read.separator),
            ("quote", read.quote),
            ("comment", read.comment),
            ("decimal", read.reading.numbers.decimal),
        ];
        for (place, (name, sign)) in signs.iter().enumerate() {
            if let Some((other, _)) = signs[..place].iter().find(|(_, other)| sign.is_some() && other == sign) {
                return Err(invalid(subject, format!("{other} and {name} must be different characters")));
            }
        }
        Ok(read)
    }

    /// What to do with rows that have too few fields.
    pub fn short(&self) -> Short {
        if self.ragged == Policy::Null { Short::Padded } else { Short::Ragged }
    }
}

/// One ASCII character, also as programs write those that nobody can type: `\t`, `tab`, `\x01`, and `\001`, which separates fields in Hive.
pub fn one_character(text: &str) -> Option<u8> {
    let byte = match text.as_bytes() {
        [byte] => *byte,
        b"\\t" | b"tab" => b'\t',
        [b'\\', b'x', digits @ ..] if digits.len() == 2 => u8::from_str_radix(text.get(2..)?, 16).ok()?,
        [b'\\', digits @ ..] if digits.len() == 3 => u8::from_str_radix(text.get(1..)?, 8).ok()?,
        _ => return None,
    };
    byte.is_ascii().then_some(byte)
}

/// An encoding by its WHATWG label, or by a name that database tools use.
pub fn encoding(label: &str) -> Option<&'static Encoding> {
    let plain = label.trim().to_lowercase().replace('_', "-");
    let label = match plain.as_str() {
        "utf8" => "utf-8",
        "cp936" | "ms936" | "gb2312" => "gbk",
        "cp950" => "big5",
        "cp932" | "shift-jis" | "sjis" => "shift_jis",
        "ansi" | "cp1252" | "windows1252" => "windows-1252",
        "utf16" | "utf-16" => "utf-16le",
        other => other,
    };
    // `latin-1` and `iso8859-1` have further hyphens, or fewer.
    Encoding::for_label(label.as_bytes()).or_else(|| Encoding::for_label(label.replace('-', "").as_bytes()))
}

/// The name here, and the value, for an option of another program.
///
/// # Errors
/// There is no equivalent; the message says what to write.
pub fn renamed(key: &str, text: String) -> Result<Option<(&str, String)>, &'static str> {
    let is_true = text.eq_ignore_ascii_case("true");
    Ok(Some(match key {
        "delimiter" | "delim" | "sep" | "field_delimiter" => ("separator", text),
        "quotechar" | "quote_char" => ("quote", text),
        "escapechar" | "escape_char" => ("escape", text),
        "comment_char" | "comment_prefix" => ("comment", text),
        "has_header" => ("header", text),
        "skip_rows" | "skiprows" | "skip_lines" => ("skip", text),
        "charset" => ("encoding", text),
        "nullstr" | "null_value" | "null_values" | "null_string" | "na_values" | "nulls" => ("null", text),
        "decimal_separator" => ("decimal", text),
        "thousands_separator" => ("thousands", text),
        "dtype" | "dtypes" | "column_types" => ("types", text),
        "all_varchar" => ("all_text", text),
        "sample_size" if text == "-1" => ("sample", "all".into()),
        "sample_size" | "schema_infer_max_rec" | "infer_schema_length" => {
            return Err("types are guessed from all of the file with sample 'all'");
        }
        "on_bad_lines" => ("ragged", text),
        // As DuckDB calls it.
        "truncated_rows" | "null_padding" if is_true => ("ragged", "pad".into()),
        "truncated_rows" | "null_padding" | "ignore_errors" if text.eq_ignore_ascii_case("false") => return Ok(None),
        "ignore_errors" => return Err("ragged 'skip' and misfits 'skip' leave out and count what cannot be read"),
        // Always so.
        "newlines_in_values" | "auto_detect" | "union_by_name" | "hive_partitioning" if is_true => return Ok(None),
        "newline" | "new_line" | "lineterminator" | "parallel" => return Ok(None),
        "auto_detect" => return Err("what is given is not detected; all_text true reads all columns as text"),
        "union_by_name" => return Err("columns of several files are always bound by name"),
        "hive_partitioning" => return Err("columns of folders are left out by SELECT * EXCLUDE (…)"),
        "null_regex" => return Err("null takes the texts that mean NULL, as null => ['N/A', '-'] or OPTIONS ('null' 'N/A, -')"),
        "dateformat" | "date_format" | "parse_dates" | "dayfirst" | "date_order" => {
            return Err("dates are read in the query: parse_date(column, order => 'dmy'), or to_date(column, 'DD.MM.YYYY')");
        }
        "timestampformat" | "timestamp_format" => {
            return Err("times are read in the query: strptime(column, '%d.%m.%Y %H:%M')");
        }
        "usecols" | "include_columns" => return Err("name the columns after SELECT; others are not converted"),
        "columns" | "names" => {
            return Err("names come from the header, or header false and AS t(a, b) name the columns; types gives their types");
        }
        "filename" => return Err("file_info('…') lists the files"),
        "nrows" | "n_rows" | "max_rows" => return Err("write LIMIT"),
        "store_rejects" => return Err("csv_rejects('…') shows the rows that are left out"),
        key => (key, text),
    }))
}
