//! The server's replies other than rows.

use datafusion::arrow::datatypes::Schema;
use datafusion::error::DataFusionError;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, NoData, ParameterDescription, RowDescription};
use pgwire::messages::response::{CommandComplete, ErrorResponse, NoticeResponse};
use pgwire::messages::startup::ParameterStatus;

use super::values::Format;
use crate::error::{Place, SqlState, Violated, message_without_place, place, sqlstate, violated};
use crate::postgres_types::seen;

/// The description of the columns of a result.
pub fn columns(schema: &Schema, formats: &[Format]) -> PgWireBackendMessage {
    let described = schema.fields().iter().zip(formats).map(|(field, format)| {
        let seen = seen(field);
        FieldDescription::new(field.name().clone(), 0, 0, seen.oid(), seen.length(), seen.modifier, format.code())
    });
    PgWireBackendMessage::RowDescription(RowDescription::new(described.collect()))
}

/// The reply for a statement without columns.
pub fn no_columns() -> PgWireBackendMessage {
    PgWireBackendMessage::NoData(NoData::new())
}

/// The types of parameters.
pub fn parameters(types: Vec<u32>) -> PgWireBackendMessage {
    PgWireBackendMessage::ParameterDescription(ParameterDescription::new(types))
}

/// The completion of a statement.
pub fn complete(tag: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::CommandComplete(CommandComplete::new(tag.to_string()))
}

/// The command tag in PostgreSQL's form, with the row count.
pub fn tag(words: &str, rows: u64) -> String {
    match words {
        "INSERT" => format!("INSERT 0 {rows}"),
        // For CREATE TABLE AS, PostgreSQL reports the number of rows in the new table.
        "CREATE TABLE AS" => format!("SELECT {rows}"),
        "SELECT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" | "FETCH" | "MOVE" => format!("{words} {rows}"),
        "START" => "START TRANSACTION".into(),
        "TRUNCATE" => "TRUNCATE TABLE".into(),
        other => other.to_string(),
    }
}

/// An error; with `is_fatal`, it ends the connection. `sql` is the text that the client sent, in which positions are counted.
pub fn error(error: &DataFusionError, is_fatal: bool, sql: &str) -> PgWireBackendMessage {
    let severity = if is_fatal { "FATAL" } else { "ERROR" };
    let mut fields = fields(severity, sqlstate(error), &message_without_place(error));
    if let Some(position) = place(error).and_then(|place| position(sql, place)) {
        fields.push((b'P', position.to_string()));
    }
    if let Some(Violated { table, column, constraint }) = violated(error) {
        let (schema, table) = table.rsplit_once('.').unwrap_or(("public", table));
        let given = [(b's', Some(schema)), (b't', Some(table)), (b'c', column.as_deref()), (b'n', constraint.as_deref())];
        fields.extend(given.into_iter().filter_map(|(code, name)| Some((code, name?.to_string()))));
    }
    PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
}

/// The character position of a place in the text, counted from 1.
fn position(sql: &str, place: &Place) -> Option<u64> {
    let before = sql.split('\n').take(usize::try_from(place.line).ok()?.checked_sub(1)?);
    let letters: u64 = before.map(|line| line.chars().count() as u64 + 1).sum();
    let position = letters + place.column;
    (position <= sql.chars().count() as u64 + 1).then_some(position)
}

/// A notice for the user.
pub fn notice(text: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields("NOTICE", SqlState::SUCCESS, text)))
}

/// A warning for the user, with its code.
pub fn warning(state: SqlState, text: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields("WARNING", state, text)))
}

fn fields(severity: &str, state: SqlState, text: &str) -> Vec<(u8, String)> {
    // A zero byte would end the text.
    let text = text.replace('\0', "\\0");
    vec![(b'S', severity.into()), (b'V', severity.into()), (b'C', state.code().into()), (b'M', text)]
}

/// The value of a reported setting.
pub fn setting(name: &str, value: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.into(), value.into()))
}
