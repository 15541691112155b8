//! Columns and types that the option `types` declares: `card VARCHAR, amount DECIMAL(12, 2)`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::adapter::arguments::Options;
use crate::error::{invalid, message};

/// The columns in the `types` option.
///
/// # Errors
/// They cannot be parsed, or a type is not known.
pub async fn types(state: &SessionState, subject: &str, options: &Options) -> Result<Vec<(String, DataType)>> {
    let Some(text) = options.text("types") else { return Ok(vec![]) };
    let wrong = || {
        invalid(
            subject,
            format!("types must be columns with their types, as 'card VARCHAR, \"Net amount\" DECIMAL(12, 2)', got '{text}'"),
        )
    };
    let columns = with_angle_brackets(text).ok_or_else(wrong)?;
    let statement = format!("CREATE EXTERNAL TABLE columns ({columns}) STORED AS CSV LOCATION 'columns'");
    // TIMESTAMP WITH TIME ZONE is an instant; it uses UTC if the session has no time zone.
    let mut state = state.clone();
    state.config_mut().options_mut().execution.time_zone.get_or_insert_with(|| "UTC".into());
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(&statement, &dialect).map_err(|_| wrong())?;
    let planned = state.statement_to_plan(statement).await;
    match planned.map_err(|error| invalid(subject, format!("types: {}", message(&error))))? {
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => {
            let fields = command.schema.fields().iter();
            Ok(fields.map(|field| (field.name().clone(), field.data_type().clone())).collect())
        }
        _ => Err(wrong()),
    }
}

/// Writes `STRUCT(a INT)` and `STRUCT("a": INT)`, as DuckDB and DESCRIBE do, in the form that the parser takes, `STRUCT<a INT>`. `None` for
/// what is no SQL.
fn with_angle_brackets(text: &str) -> Option<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).with_unescape(false).tokenize().ok()?;
    // For each open bracket, whether it is of a struct.
    let mut open = vec![];
    let mut is_struct = false;
    let mut written = String::new();
    for token in tokens {
        match &token {
            Token::LParen => {
                written.push(if is_struct { '<' } else { '(' });
                open.push(is_struct);
            }
            // A blank, so that two of them are no shift.
            Token::RParen if open.pop() == Some(true) => written.push_str("> "),
            Token::Colon if open.last() == Some(&true) => {}
            other => written.push_str(&other.to_string()),
        }
        is_struct = match &token {
            Token::Whitespace(_) => is_struct,
            Token::Word(word) => word.keyword == Keyword::STRUCT && word.quote_style.is_none(),
            _ => false,
        };
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_written_in_brackets_that_the_parser_takes() {
        for (text, written) in [
            ("a INT, b DECIMAL(12, 2)", "a INT, b DECIMAL(12, 2)"),
            ("s STRUCT(a INT)", "s STRUCT<a INT> "),
            ("s struct (\"a b\": INT, l VARCHAR[])[]", "s struct <\"a b\" INT, l VARCHAR[]> []"),
            ("s STRUCT(a STRUCT(b DECIMAL(3, 1)))", "s STRUCT<a STRUCT<b DECIMAL(3, 1)> > "),
            ("s STRUCT<a INT>", "s STRUCT<a INT>"),
            ("\"STRUCT\" VARCHAR(3)", "\"STRUCT\" VARCHAR(3)"),
        ] {
            assert_eq!(with_angle_brackets(text).as_deref(), Some(written), "{text}");
        }
    }
}
