//! What the engine says of a statement, in the words of SQL: types by their names in SQL, the subject first, then the next step.
//!
//! The engine's texts are for its programmers: they name types of its memory, print its trees and ask for bug reports. Here they become
//! what a person can act on, wherever an error turns into text. What is not known keeps its words, without types of memory and trees.

mod casts;
mod known;
mod memory;
mod types;
mod values;

use datafusion::common::{Column, SchemaError};

pub use known::MORE_THAN_ONE_ROW;
pub use memory::exhausted;
pub use types::in_sql;

use crate::text::unmarked;

/// Columns that are listed whole.
const LISTED: usize = 16;

/// A text of the engine.
pub fn plain(text: &str) -> String {
    let text = bare(text);
    let translated = known::translated(text);
    let text =
        translated.unwrap_or_else(|| without_trees(text.split("\nThis issue was likely caused by a bug").next().unwrap_or(text)));
    in_sql(text.trim())
}

/// The text without the layers that it went through.
fn bare(text: &str) -> &str {
    let text = text.rsplit("\ncaused by\n").next().unwrap_or(text);
    let mut text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    let layers = [
        "Internal error: ",
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Schema error: ",
        "External error: ",
        "Compute error: ",
        "Cast error: ",
        "Parser error: ",
        "Invalid argument error: ",
        "Arithmetic overflow: ",
        "Not yet implemented: ",
        "This feature is not implemented: ",
    ];
    while let Some(rest) = layers.iter().find_map(|layer| text.strip_prefix(layer)) {
        text = rest.trim();
    }
    text
}

/// What is wrong with the columns of a query.
pub fn schema(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => missing(field, valid_fields),
        // Not a name that is looked for, but one that would be given.
        SchemaError::AmbiguousReference { field } if field.relation.is_some() => {
            let name = &field.name;
            format!("{name}: two columns have this name; give one another name with AS, or leave one out: * EXCLUDE ({name})")
        }
        SchemaError::AmbiguousReference { field } => {
            let name = &field.name;
            format!("{name}: more than one table has this column; write it with its table, table.{name}")
        }
        SchemaError::DuplicateQualifiedField { qualifier, name } => {
            format!("{qualifier}.{name}: two columns have this name; give one of the tables or columns another name with AS")
        }
        SchemaError::DuplicateUnqualifiedField { name } => {
            format!("{name}: two columns have this name; give one another name with AS, or leave one out: * EXCLUDE ({name})")
        }
    }
}

fn missing(field: &Column, valid: &[Column]) -> String {
    let name = field.flat_name().replace('"', "");
    let mut tables: Vec<String> = valid.iter().filter_map(|column| column.relation.as_ref().map(ToString::to_string)).collect();
    tables.sort();
    tables.dedup();
    if let Some(table) = field.relation.as_ref().map(ToString::to_string)
        && !tables.is_empty()
        && !tables.iter().any(|known| *known == table || known.ends_with(&format!(".{table}")))
    {
        let suggestion = super::did_you_mean(&table, tables.iter().map(String::as_str));
        return format!("{name}: no table in FROM is named {table}{suggestion}; there is {}", tables.join(", "));
    }
    let of_table = |column: &&Column| field.relation.is_none() || column.relation == field.relation;
    let of_one = tables.len() <= 1 || field.relation.is_some();
    let mut names: Vec<String> = vec![];
    // Columns that find the rows of UPDATE and DELETE are not the user's.
    for column in valid.iter().filter(of_table).filter(|column| !column.name.starts_with("portrait:")) {
        let shown = if of_one { as_written(&column.name) } else { column.flat_name().replace('"', "") };
        if !names.contains(&shown) {
            names.push(shown);
        }
    }
    // A name of the result, which only ORDER BY and outer queries know, and these only where it is one column's.
    match valid.iter().filter(|column| unmarked(&column.name) == Some(&field.name)).count() {
        0 => {}
        1 => {
            return format!("{name}: is only a name in the result; write the expression here, or give it another name with AS");
        }
        _ => return format!("{name}: two columns have this name; give each a name of its own with AS"),
    }
    let own: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
    let suggestion = super::column_meant(&field.name, own.iter().copied());
    // A word of PostgreSQL's, and a likely name of a column.
    if field.name == "localtime" {
        return format!("{name}: no such column; for the time of day write CAST(now() AS TIME)");
    }
    if ["ctid", "xmin", "xmax", "cmin", "cmax"].contains(&field.name.as_str()) {
        return format!("{name}: no such column; rows of tables have no places or transactions here: tell them apart by a key");
    }
    let is_of_segment = |column: &Column| column.relation.as_ref().is_some_and(|table| table.schema() == Some("segment"));
    if let [key, ..] = names.as_slice()
        && valid.iter().filter(of_table).all(is_of_segment)
    {
        let has = names.join(", ");
        return format!(
            "{name}: no such column{suggestion}; a segment has only {has}; JOIN the profile USING ({key}) adds its columns"
        );
    }
    match names.len() {
        0 => format!("{name}: no such column; no table's columns can be read here"),
        1..=LISTED => format!("{name}: no such column{suggestion}; there is {}", names.join(", ")),
        count => format!("{name}: no such column{suggestion}; there are {count}, among them {}", names[..LISTED].join(", ")),
    }
}

/// A name as a query has to write it; Portrait finds capital letters without quotes.
pub fn as_written(name: &str) -> String {
    match name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
        true => name.to_string(),
        false => format!("\"{name}\""),
    }
}

/// The text without printed trees: `Name { field: …, other: … }` becomes `Name`.
fn without_trees(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut depth = 0_usize;
    for (place, letter) in text.char_indices() {
        match letter {
            // A tree has a name before the brace and a field after it.
            '{' if depth > 0 || is_tree(text, place) => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(letter),
            _ => {}
        }
    }
    kept.replace(" )", ")").replace("  ", " ")
}

fn is_tree(text: &str, brace: usize) -> bool {
    let (before, after) = text.split_at(brace);
    let named = before.trim_end().chars().next_back().is_some_and(char::is_alphanumeric);
    let field: String = after[1..].trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    named
        && field.starts_with(|letter: char| letter.is_ascii_lowercase())
        && after[1..].trim_start()[field.len()..].starts_with(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_and_reports_are_left_out() {
        let tree = "Unsupported ast node Pivot { table: Table { name: ObjectName([]) }, alias: None } in create_relation";
        assert_eq!(plain(tree), "Unsupported ast node Pivot in create_relation");
        let report =
            "Internal error: Something broke.\nThis issue was likely caused by a bug in DataFusion's code. Please help us";
        assert_eq!(plain(report), "Something broke.");
        assert_eq!(plain("a {b} c {1: 2}"), "a {b} c {1: 2}");
    }

    #[test]
    fn calls_say_what_they_take() {
        let sum = "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' requires \
                   Decimal, but received String (DataType: Utf8).\nThis issue was likely caused by a bug in DataFusion's code. No function \
                   matches the given name and argument types 'sum(Utf8View)'. You might need to add explicit type casts.\n\tCandidate \
                   functions:\n\tsum(Decimal)\n\tsum(UInt64)\n\tsum(Duration)";
        assert_eq!(
            plain(sum),
            "sum: takes numbers or intervals, got VARCHAR; for a text write CAST(… AS DECIMAL(12, 2)), or parse_number(…)"
        );
        let upper = "Function 'upper' expects 1 arguments but received 2. No function matches the given name and argument types \
                     'upper(Int64, Int64)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tupper(String)";
        assert_eq!(plain(upper), "upper: takes 1 argument, got 2 (BIGINT, BIGINT)");
    }

    #[test]
    fn a_missing_column_names_those_there_are() {
        let column = |table: &str, name: &str| Column::new(Some(table.to_string()), name);
        let valid = vec![column("t", "id"), column("t", "age")];
        let field = Box::new(Column::from_name("agee"));
        let error = SchemaError::FieldNotFound { field, valid_fields: valid.clone() };
        assert_eq!(schema(&error), "agee: no such column; perhaps \"age\" is meant; there is id, age");
        let error = SchemaError::FieldNotFound { field: Box::new(column("u", "id")), valid_fields: valid };
        assert_eq!(schema(&error), "u.id: no table in FROM is named u; there is t");
        let valid_fields = vec![column("t", "Date"), column("t", "Net (EUR)")];
        let error = SchemaError::FieldNotFound { field: Box::new(Column::from_name("net")), valid_fields };
        assert_eq!(schema(&error), "net: no such column; perhaps \"Net (EUR)\" is meant; there is Date, \"Net (EUR)\"");
    }
}
