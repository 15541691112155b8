//! What PostgreSQL has in every database: the columns of its tables, and its own rows for the types that are used here.
//!
//! The files contain what PostgreSQL 16 reports about itself; functions of types and operators have the same OIDs.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::postgres_catalog::cells::Cell;

/// A table of `pg_catalog` or `information_schema`.
#[derive(Debug)]
pub struct Table {
    pub schema: &'static str,
    pub name: &'static str,
    pub oid: i64,
    /// `r` table, `v` view.
    pub kind: char,
    pub columns: Vec<Column>,
}

/// A column of such a table.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    /// The name of its PostgreSQL type.
    pub type_name: &'static str,
    pub is_nullable: bool,
}

/// Columns of `information_schema` in addition to PostgreSQL's: comments, and type names as used here.
const MORE: [(&str, &str, &str); 3] =
    [("tables", "table_comment", "text"), ("columns", "column_comment", "text"), ("columns", "sql_type", "text")];

/// Every table, by schema and name.
pub static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| include_str!("data/columns.dat").lines().filter_map(table).collect());

static BY_NAME: LazyLock<HashMap<(&'static str, &'static str), &'static Table>> =
    LazyLock::new(|| TABLES.iter().map(|table| ((table.schema, table.name), table)).collect());

/// The table with this name.
pub fn named(schema: &str, name: &str) -> Option<&'static Table> {
    BY_NAME.get(&(schema, name)).copied()
}

/// Parses `schema.name oid kind column:type! …`.
fn table(line: &'static str) -> Option<Table> {
    let mut words = line.split(' ');
    let (schema, name) = words.next()?.split_once('.')?;
    let oid = words.next()?.parse().ok()?;
    let kind = words.next()?.chars().next()?;
    let mut columns: Vec<Column> = words.filter_map(column).collect();
    if schema == "information_schema" {
        let more = MORE.iter().filter(|(table, ..)| *table == name);
        columns.extend(more.map(|(_, name, type_name)| Column { name, type_name, is_nullable: true }));
    }
    Some(Table { schema, name, oid, kind, columns })
}

fn column(word: &'static str) -> Option<Column> {
    let (name, type_name) = word.split_once(':')?;
    let known = type_name.strip_suffix('!');
    Some(Column { name, type_name: known.unwrap_or(type_name), is_nullable: known.is_none() })
}

/// A row: values by column name.
pub type Row = Vec<(&'static str, Cell)>;

/// A row of one of PostgreSQL's tables, as strings from its file.
pub type Words = HashMap<&'static str, &'static str>;

/// The rows of a file whose first line has the column names.
fn lines(file: &'static str) -> Vec<Words> {
    let mut lines = file.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines.map(|line| names.iter().copied().zip(line.split('\t')).filter(|(_, word)| *word != "\\N").collect()).collect()
}

macro_rules! files {
    ($($(#[$doc:meta])* $name:ident: $file:literal;)+) => {
        $($(#[$doc])* pub static $name: LazyLock<Vec<Words>> = LazyLock::new(|| lines(include_str!($file)));)+
    };
}

files! {
    /// Access methods.
    ACCESS_METHODS: "data/pg_am.dat";
    CASTS: "data/pg_cast.dat";
    COLLATIONS: "data/pg_collation.dat";
    LANGUAGES: "data/pg_language.dat";
    OPERATORS: "data/pg_operator.dat";
    OPERATOR_CLASSES: "data/pg_opclass.dat";
    OPERATOR_FAMILIES: "data/pg_opfamily.dat";
    /// The functions of types, casts and operators.
    FUNCTIONS: "data/pg_proc.dat";
    TYPES: "data/pg_type.dat";
}

/// The SQL keywords with their categories: U unreserved, C allowed as column name, T allowed as type or function name, R reserved.
pub static KEYWORDS: LazyLock<Vec<[&'static str; 3]>> = LazyLock::new(|| {
    let of_line = |line: &'static str| {
        let mut words = line.split('\t');
        Some([words.next()?, words.next()?, words.next()?])
    };
    include_str!("data/keywords.dat").lines().filter_map(of_line).collect()
});

/// The names of time zones.
pub fn zones() -> impl Iterator<Item = &'static str> {
    include_str!("data/timezones.dat").split_whitespace()
}

/// A row of a file, with values in the types of the table's columns.
pub fn row(table: &Table, words: &Words) -> Row {
    let value = |column: &Column| Some((column.name, cell(column.type_name, words.get(column.name)?)));
    table.columns.iter().filter_map(value).collect()
}

fn cell(type_name: &str, word: &str) -> Cell {
    match type_name {
        "bool" => Cell::Bool(word == "t" || word == "true"),
        "oidvector" | "int2vector" => Cell::Ints(word.split_whitespace().filter_map(|number| number.parse().ok()).collect()),
        "oid" | "regproc" | "int2" | "int4" | "int8" => word.parse().map_or(Cell::Int(0), Cell::Int),
        _ => Cell::Text(word.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole() {
        assert_eq!(TABLES.len(), 201);
        let class = named("pg_catalog", "pg_class").unwrap();
        assert_eq!(
            (class.oid, class.columns[1].name, class.columns[1].type_name, class.columns[1].is_nullable),
            (1259, "relname", "name", false)
        );
        for (file, columns) in [(&TYPES, "pg_type"), (&CASTS, "pg_cast"), (&OPERATORS, "pg_operator"), (&FUNCTIONS, "pg_proc")] {
            let known = named("pg_catalog", columns).unwrap();
            for words in file.iter() {
                for name in words.keys() {
                    assert!(known.columns.iter().any(|column| column.name == *name), "{columns}.{name}");
                }
            }
        }
        // Every function that a type refers to exists.
        let functions: Vec<&str> = FUNCTIONS.iter().map(|function| function["oid"]).collect();
        for own in TYPES.iter() {
            for of in ["typinput", "typoutput", "typreceive", "typsend"] {
                assert!(own[of] == "0" || functions.contains(&own[of]), "{} {of}", own["typname"]);
            }
        }
        assert!(KEYWORDS.len() > 400 && zones().count() > 500);
    }
}
