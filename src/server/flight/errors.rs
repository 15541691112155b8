//! Errors in gRPC form: the status code that ADBC expects, the same text as for PostgreSQL's clients, and the SQLSTATE, which is at the end
//! of the text, in the header `sqlstate`, and in the details.
//!
//! Sources: ADBC 1.1, "Error Handling"; `google/rpc/error_details.proto`.

use std::collections::HashMap;

use arrow_flight::sql::Any;
use bytes::Bytes;
use datafusion::error::DataFusionError;
use prost::Message;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::error::{SqlState, coded, message, sqlstate};

/// The longest text in bytes, as encoded in the header: clients accept 8 KiB of headers altogether.
const LONGEST: usize = 2000;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// The status of an error.
pub fn status(error: &DataFusionError) -> Status {
    let state = sqlstate(error);
    let code = code_of(state);
    let text = shortened(&format!("{} (SQLSTATE {})", message(error), state.code()));
    let info = ErrorInfo {
        reason: state.code().into(),
        domain: "portrait".into(),
        metadata: [("sqlstate".to_string(), state.code().to_string())].into(),
    };
    let info = Any { type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(), value: info.encode_to_vec().into() };
    let details = Details { code: code as i32, message: text.clone(), details: vec![info] };
    let mut headers = MetadataMap::new();
    headers.insert("sqlstate", MetadataValue::from_static(state.code()));
    Status::with_details_and_metadata(code, text, Bytes::from(details.encode_to_vec()), headers)
}

/// The status for invalid messages of a client.
pub fn violation(problem: impl std::fmt::Display) -> Status {
    status(&coded(SqlState::PROTOCOL_VIOLATION, "Flight SQL", problem))
}

/// The status for unsupported requests.
pub fn unsupported(what: &str, advice: &str) -> Status {
    status(&coded(SqlState::FEATURE_NOT_SUPPORTED, what, advice))
}

/// As much of a text as fits in the headers.
fn shortened(text: &str) -> String {
    let mut room = LONGEST;
    for (place, letter) in text.char_indices() {
        // All characters except printable ASCII are encoded as %xx.
        let plain = (' '..='~').contains(&letter) && letter != '%';
        let taken = if plain { 1 } else { 3 * letter.len_utf8() };
        match room.checked_sub(taken) {
            Some(left) => room = left,
            None => return format!("{} …", &text[..place]),
        }
    }
    text.to_string()
}

/// The gRPC code, which drivers map to ADBC's.
fn code_of(state: SqlState) -> Code {
    let code = state.code();
    match code {
        "42P01" | "42P02" | "42703" | "42704" | "42883" | "26000" | "34000" | "3B001" | "3D000" | "58P01" => Code::NotFound,
        "42P07" | "42710" | "42701" | "42P03" | "42P05" => Code::AlreadyExists,
        "42501" => Code::PermissionDenied,
        "40001" | "55P03" => Code::Aborted,
        "57014" => Code::Cancelled,
        "57P01" => Code::Unavailable,
        "0A000" => Code::Unimplemented,
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "21" | "22" | "23" | "42" => Code::InvalidArgument,
            "25" | "2B" | "55" => Code::FailedPrecondition,
            "28" => Code::Unauthenticated,
            "53" | "54" => Code::ResourceExhausted,
            _ => Code::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_code_text_and_sqlstate() {
        let found = status(&coded(SqlState::UNDEFINED_TABLE, "orders", "no such table"));
        assert_eq!(found.code(), Code::NotFound);
        assert_eq!(found.message(), "orders: no such table (SQLSTATE 42P01)");
        let details = Details::decode(found.details()).unwrap();
        let info = ErrorInfo::decode(&*details.details[0].value).unwrap();
        assert_eq!((details.message.as_str(), info.reason.as_str()), (found.message(), "42P01"));
        assert_eq!(found.metadata().get("sqlstate").unwrap(), "42P01");
    }

    #[test]
    fn long_errors_fit_into_headers() {
        let found = status(&coded(SqlState::DATA_EXCEPTION, "值", "客户".repeat(5000)));
        assert!(found.message().ends_with(" …") && found.message().len() < 700);
        assert_eq!(shortened(&"a".repeat(LONGEST)).len(), LONGEST);
    }
}
