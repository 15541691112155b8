//! Parquet files.
//!
//! DataFusion reads the files. This module decides which files there are, which columns they have together, and what their folder names
//! mean. Types that differ between files are [widened](widen) if nothing is lost; otherwise the table is rejected with the names of both
//! files.

mod damage;
pub mod sink;
pub mod table;
mod uuids;
pub mod widen;

pub use damage::damage;

use crate::docs::{Argument, Doc, Kind, Takes};

/// The documentation page of `read_parquet`.
pub static DOC: Doc = Doc {
    name: "read_parquet",
    kind: Kind::Relation,
    domain: "files",
    summary: "Reads Parquet files; the same as FROM 'location'.",
    syntax: "read_parquet('location')",
    description: "\
A location is a file, a folder, a pattern or a URL.

**Columns** are found by name. The table has the columns of all files, with NULL where a file lacks one. Names that differ in capital letters only are
different columns, and a note tells of them. If types differ, the wider one is used, as long as that loses
nothing: BIGINT for whole numbers of several widths, DOUBLE for whole numbers and doubles as long as a double holds them exactly, a DECIMAL that holds both, the finer
of two units of time. A text in one file and a number in another is an error that names both files. UUIDs are VARCHAR in their usual form, and categories are VARCHAR.

Checksums of pages are verified where files have them. COPY, INSERT, `-f` and `-o` write them.

**Cost.** Only the columns of the query are read, and only row groups and pages whose bounds can hold what WHERE asks for; folders named
`column=value` are left out by their names. Write large files sorted by what you filter on.

**Elsewhere.** `read_parquet` of DuckDB (`hive_partitioning`, `union_by_name`; both are the rule here),
`pd.read_parquet(columns=…, filters=…)`, `scan_parquet` of polars. PostgreSQL needs an extension.",
    arguments: &[Argument::required(
        "location",
        Takes::Value("string"),
        "a file, a folder, a pattern or a URL: 'june.csv', 'orders/', 'orders/2025-*.csv', 's3://shop/orders/', or a list of them: ['may.csv', 'june.csv']",
    )],
    examples: &[
        "SELECT count(*) FROM read_parquet('data/sample/orders.parquet');",
        "COPY (SELECT * FROM sample_orders(rows => 1000)) TO 'orders' STORED AS PARQUET PARTITIONED BY (channel);
SELECT channel, count(*) AS orders FROM read_parquet('orders') WHERE channel IN ('app', 'web') GROUP BY channel ORDER BY channel;",
    ],
    ..Doc::EMPTY
};

/// The name here, and the value, for an option of another program.
///
/// # Errors
/// There is no equivalent; the message says what to write.
pub fn renamed(key: &str, text: String) -> Result<Option<(&str, String)>, &'static str> {
    let is_true = text.eq_ignore_ascii_case("true");
    match key {
        // Always so.
        "union_by_name" | "hive_partitioning" if is_true => Ok(None),
        "union_by_name" => Err("columns of several files are always bound by name"),
        "hive_partitioning" => Err("columns of folders are left out by SELECT * EXCLUDE (…)"),
        "filename" => Err("file_info('…') lists the files"),
        key => Ok(Some((key, text))),
    }
}
