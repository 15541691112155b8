//! The options of Excel files.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::files::policy::Policy;

/// All options, for `read_excel` and for `CREATE EXTERNAL TABLE … OPTIONS (…)`.
pub static DOC: Doc = Doc {
    name: "read_excel",
    kind: Kind::Relation,
    domain: "files",
    summary: "Reads a sheet of Excel workbooks (.xlsx, .xlsm).",
    syntax: "read_excel('location' [, option => constant, …])",
    description: "\
A location is a file, a folder, a pattern or a URL. `FROM 'location'` is the same without options.

**Rows** are the rows of the sheet, or of a range of it, that have at least one cell with a value. The first is the header. A column without a name there is named
after its place, such as `column3`. A header in merged cells is an error that says where the names may begin.
If there is a title above the header, `range => 'A2'` begins below it. Names that differ from file to file in capital letters only are the same column.
A note tells of other sheets with cells, which are not read.

**Types** are taken from all cells: BIGINT if all numbers of a column are whole, otherwise DOUBLE; DATE if no date has a time of day, otherwise TIMESTAMP;
BOOLEAN; INTERVAL for times of day and durations; VARCHAR for texts, and for columns with several kinds of values. A number in a cell that is formatted as text is text.
A number format of several zeros, alone or with `-`, `/`, spaces and parentheses, means an identifier: 501 formatted `00000` is the text `00501`.
`types => 'zip BIGINT'` reads the number. A cell with an empty text is NULL, because Excel does not tell it from an empty cell. A
percentage is the number that Excel computes with, 0.12 for 12%. A formula gives its last value. If that is an error (`#N/A`, `#DIV/0!`), reading it is an error that names the cell, or it is NULL if
`null` lists its text. The text of a formula that was never computed is `#NO_VALUE!`.

**Cost.** A sheet is unpacked and read as a whole, in memory: a million rows take seconds. For repeated questions, make a table of it.

**Elsewhere.** `read_xlsx` of DuckDB's excel extension (`sheet`, `range`, `header`, `all_varchar`, `ignore_errors`),
`pd.read_excel(sheet_name=…, usecols=…, dtype=…)`, `readxl::read_excel` of R. They turn cells of mixed kinds into text or NULL by the first
rows.",
    arguments: &[
        Argument::required(
            "location",
            Takes::Value("string"),
            "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
        ),
        Argument::optional("sheet", Takes::Text, "", "the name of the sheet; by default the first visible one that has cells"),
        Argument::optional("range", Takes::Text, "", "the cells to read, such as 'B3:F100', or 'B3' for everything from there"),
        Argument::optional(
            "header",
            Takes::Flag,
            "true",
            "whether the first row has the names; if not, they are column1, column2, …",
        ),
        Argument::optional("null", Takes::Names, "", "texts that mean NULL, such as ['#N/A', '-']"),
        Argument::optional(
            "types",
            Takes::Text,
            "",
            "types of columns, instead of those of the cells: 'card VARCHAR, amount DECIMAL(12, 2)'",
        ),
        Argument::optional(
            "misfits",
            Takes::Choice(&["error", "skip", "null"]),
            "'error'",
            "what to do with a cell that does not fit its column: an error, leave its row out and count it, or read it as NULL and count it",
        ),
    ],
    examples: &[
        "SELECT channel, sum(amount) FROM read_excel('data/orders.xlsx', sheet => 'Orders') GROUP BY channel ORDER BY channel;",
        "SELECT * FROM read_excel('data/orders.xlsx', sheet => 'Orders', range => 'A1:E3', types => 'amount DECIMAL(9, 2)', null => ['store']);",
        "COPY (SELECT * FROM (VALUES ('007', DATE '2025-03-08', '12%'), ('008', NULL, '-')) AS t(card, joined, share)) TO 'members.xlsx';
SELECT * FROM read_excel('members.xlsx', range => 'A2:B3', header => false, types => 'column2 TIMESTAMP', misfits => 'null');",
    ],
    ..Doc::EMPTY
};

/// The options of an Excel table.
#[derive(Debug, Clone)]
pub struct ExcelOptions {
    pub sheet: Option<String>,
    pub range: Area,
    pub header: bool,
    pub null: Vec<String>,
    pub types: Vec<(String, DataType)>,
    pub misfits: Policy,
}

/// A range of cells: rows and columns from 0, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub first: (u32, u32),
    pub last: (u32, u32),
}

impl Area {
    pub const ALL: Self = Self { first: (0, 0), last: (u32::MAX, u32::MAX) };

    pub fn has(&self, (row, column): (u32, u32)) -> bool {
        (self.first.0..=self.last.0).contains(&row) && (self.first.1..=self.last.1).contains(&column)
    }

    /// Parses `B3:F100`, or `B3` for everything from there on.
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = match text.split_once(':') {
            Some((first, last)) => (cell(first)?, cell(last)?),
            None => (cell(text)?, (u32::MAX, u32::MAX)),
        };
        (first.0 <= last.0 && first.1 <= last.1).then_some(Self { first, last })
    }
}

/// The row and column of a cell name such as `B3`.
fn cell(text: &str) -> Option<(u32, u32)> {
    let text = text.trim().replace('$', "").to_uppercase();
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (letters, number) = text.split_at(letters);
    let column =
        letters.bytes().try_fold(0_u32, |column, letter| column.checked_mul(26)?.checked_add(u32::from(letter - b'A') + 1))?;
    let row: u32 = number.parse().ok()?;
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// The name of a cell as Excel shows it.
pub fn cell_name((row, column): (u32, u32)) -> String {
    let (mut letters, mut left) = (vec![], u64::from(column) + 1);
    while left > 0 {
        left -= 1;
        letters.push(char::from(b'A' + (left % 26) as u8));
        left /= 26;
    }
    letters.reverse();
    format!("{}{}", letters.into_iter().collect::<String>(), u64::from(row) + 1)
}

impl ExcelOptions {
    /// Reads the options of a call, or of a statement about `subject`. `types` is the parsed value of the `types` option.
    ///
    /// # Errors
    /// An option has an invalid value.
    pub fn read(subject: &str, options: &Options, types: Vec<(String, DataType)>) -> Result<Self> {
        let range = match options.text("range").filter(|text| !text.is_empty()) {
            None => Area::ALL,
            Some(text) => Area::parse(text)
                .ok_or_else(|| invalid(subject, format!("range must be cells, such as 'B3:F100' or 'B3', got '{text}'")))?,
        };
        Ok(Self {
            sheet: options.text("sheet").filter(|text| !text.is_empty()).map(str::to_string),
            range,
            header: options.flag("header")?,
            null: options.names("null").unwrap_or_default().to_vec(),
            types,
            misfits: Policy::of(options.word("misfits")?),
        })
    }
}

/// The name here, and the value, for an option of another program.
///
/// # Errors
/// There is no equivalent; the message says what to write.
pub fn renamed(key: &str, text: String) -> Result<Option<(&str, String)>, &'static str> {
    Ok(Some(match key {
        "sheet_name" | "layer" => ("sheet", text),
        "has_header" => ("header", text),
        "nullstr" | "null_value" | "null_values" | "na_values" | "nulls" => ("null", text),
        "dtype" | "dtypes" | "column_types" => ("types", text),
        "skip" | "skip_rows" | "skiprows" => return Err("range 'A3' reads from the third row on"),
        "all_varchar" | "all_text" => return Err("types gives the types of columns, as 'card VARCHAR'"),
        "ignore_errors" => return Err("misfits 'null' or 'skip' counts what does not fit"),
        key => (key, text),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_names() {
        for (name, place) in [("A1", (0, 0)), ("Z9", (8, 25)), ("AA10", (9, 26)), ("XFD1048576", (1_048_575, 16_383))] {
            assert_eq!(cell(name), Some(place));
            assert_eq!(cell_name(place), name);
        }
        assert_eq!(Area::parse("b3:$F$100"), Some(Area { first: (2, 1), last: (99, 5) }));
        for wrong in ["", "3", "B", "B0", "F1:B9", "A1:", "Ä1", "AAAAAAAAAA1"] {
            assert_eq!(Area::parse(wrong), None, "{wrong}");
        }
    }
}
