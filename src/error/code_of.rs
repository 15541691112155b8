//! The code of an error: that of ours, or what DataFusion, Arrow and the system say in their own ways.

use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::{Problem, SqlState, own, wording};

/// The code of an error, of ours or of DataFusion's.
pub fn sqlstate(error: &DataFusionError) -> SqlState {
    if let DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) = error
        && let Some(problem) = own(error)
    {
        return problem.state;
    }
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => sqlstate(inner),
        DataFusionError::Shared(inner) => sqlstate(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(SqlState::INTERNAL_ERROR, sqlstate),
        DataFusionError::External(inner) => of_cause(inner.as_ref()),
        DataFusionError::SQL(..) => SqlState::SYNTAX_ERROR,
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { .. } => SqlState::UNDEFINED_COLUMN,
            SchemaError::AmbiguousReference { .. } => SqlState::AMBIGUOUS_COLUMN,
            SchemaError::DuplicateQualifiedField { .. } | SchemaError::DuplicateUnqualifiedField { .. } => {
                SqlState::DUPLICATE_COLUMN
            }
        },
        DataFusionError::Plan(text) => of_plan(text),
        DataFusionError::NotImplemented(_) => SqlState::FEATURE_NOT_SUPPORTED,
        DataFusionError::Configuration(_) => SqlState::INVALID_PARAMETER_VALUE,
        DataFusionError::ResourcesExhausted(_) => SqlState::OUT_OF_MEMORY,
        DataFusionError::ArrowError(error, _) => of_arrow(error),
        DataFusionError::ParquetError(_) => SqlState::DATA_CORRUPTED,
        DataFusionError::IoError(error) => of_io(error),
        DataFusionError::ObjectStore(error) => match error.as_ref() {
            object_store::Error::NotFound { .. } => SqlState::UNDEFINED_FILE,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                SqlState::INSUFFICIENT_PRIVILEGE
            }
            _ => SqlState::IO_ERROR,
        },
        DataFusionError::Execution(text) if text == wording::MORE_THAN_ONE_ROW => SqlState::CARDINALITY_VIOLATION,
        DataFusionError::Execution(text) => of_execution(text),
        _ => SqlState::INTERNAL_ERROR,
    }
}

fn of_cause(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> SqlState {
    if let Some(problem) = cause.downcast_ref::<Problem>() {
        return problem.state;
    }
    if let Some(error) = cause.downcast_ref::<DataFusionError>() {
        return sqlstate(error);
    }
    if let Some(error) = cause.downcast_ref::<ArrowError>() {
        return of_arrow(error);
    }
    if cause.to_string().starts_with("regex parse error") {
        return SqlState::INVALID_REGULAR_EXPRESSION;
    }
    cause.downcast_ref::<io::Error>().map_or(SqlState::SYSTEM_ERROR, of_io)
}

/// DataFusion says only in words what is wrong with a plan; a test keeps these true.
fn of_plan(text: &str) -> SqlState {
    if text.starts_with("table '") && text.ends_with("' not found") {
        return SqlState::UNDEFINED_TABLE;
    }
    if text.ends_with("is not a variable which can be viewed with 'SHOW'") {
        return SqlState::UNDEFINED_OBJECT;
    }
    if text.starts_with("Invalid function") || text.contains("No function matches the given name and argument types") {
        return SqlState::UNDEFINED_FUNCTION;
    }
    let is_of_groups = text.contains("must be in GROUP BY or an aggregate function")
        || text.contains("must appear in the GROUP BY clause or be used in an aggregate function")
        || text.starts_with("Aggregate functions are not allowed in the WHERE")
        || text.starts_with("Aggregate function calls cannot be nested");
    if is_of_groups {
        return SqlState::GROUPING_ERROR;
    }
    let is_of_places = text.starts_with("Order by column out of bounds")
        || text.starts_with("Order by index starts at 1")
        || text.starts_with("Cannot find column with position ")
        || text.starts_with("For SELECT DISTINCT, ORDER BY expressions ");
    if is_of_places {
        return SqlState::INVALID_COLUMN_REFERENCE;
    }
    if text.starts_with("LIMIT must be >= 0") {
        return SqlState::INVALID_ROW_COUNT_IN_LIMIT;
    }
    if text.starts_with("OFFSET must be >=0") {
        return SqlState::INVALID_ROW_COUNT_IN_OFFSET;
    }
    if text.contains(" queries have different number of columns") {
        return SqlState::SYNTAX_ERROR;
    }
    if text.starts_with("Invalid qualifier ") {
        return SqlState::UNDEFINED_TABLE;
    }
    if text.contains("coerce") || text.contains("Cannot cast") || text.contains("Cannot infer common argument type") {
        return SqlState::DATATYPE_MISMATCH;
    }
    SqlState::INVALID_STATEMENT
}

/// The same of a running statement.
fn of_execution(text: &str) -> SqlState {
    match () {
        () if text.ends_with("' doesn't exist.") && !text.starts_with("Schema") => SqlState::UNDEFINED_TABLE,
        () if text.starts_with("Regular expression did not compile") => SqlState::INVALID_REGULAR_EXPRESSION,
        () if text.ends_with("square root of a negative number") => SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
        () if text.contains("Array overflow on abs(") => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        () if text.ends_with("has null but schema specifies non-nullable") => SqlState::NOT_NULL_VIOLATION,
        () => SqlState::DATA_EXCEPTION,
    }
}

/// The same of a cast.
fn of_cast(text: &str) -> SqlState {
    let value = text.split('\'').nth(1).unwrap_or_default().trim();
    let of_digits = |value: &str, others: &str| {
        !value.is_empty() && value.chars().all(|letter| letter.is_ascii_digit() || others.contains(letter))
    };
    let to = |types: &[&str]| types.iter().any(|name| text.contains(&format!("to value of {name}")));
    match () {
        () if text.starts_with("Can't cast value") => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        () if to(&["Int", "UInt"]) && of_digits(value.trim_start_matches(['+', '-']), "") => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        () if to(&["Date", "Timestamp"]) || text.starts_with("Error parsing timestamp") => match of_digits(value, " -/.:TZ+") {
            true => SqlState::DATETIME_FIELD_OVERFLOW,
            false => SqlState::INVALID_DATETIME_FORMAT,
        },
        () if text.starts_with("Overflow converting") => SqlState::DATETIME_FIELD_OVERFLOW,
        () => SqlState::INVALID_TEXT_REPRESENTATION,
    }
}

fn of_arrow(error: &ArrowError) -> SqlState {
    match error {
        ArrowError::ExternalError(inner) => of_cause(inner.as_ref()),
        ArrowError::DivideByZero => SqlState::DIVISION_BY_ZERO,
        ArrowError::ArithmeticOverflow(_) => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        ArrowError::CastError(text) | ArrowError::ParseError(text) => of_cast(text),
        ArrowError::ComputeError(text) => of_execution(text),
        ArrowError::MemoryError(_) => SqlState::OUT_OF_MEMORY,
        ArrowError::InvalidArgumentError(text) if text.contains("is declared as non-nullable") => SqlState::NOT_NULL_VIOLATION,
        ArrowError::InvalidArgumentError(text) if text.contains(" to store in a ") => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        ArrowError::InvalidArgumentError(_) => SqlState::INVALID_PARAMETER_VALUE,
        ArrowError::NotYetImplemented(_) => SqlState::FEATURE_NOT_SUPPORTED,
        ArrowError::IoError(_, error) => of_io(error),
        ArrowError::ParquetError(_) => SqlState::DATA_CORRUPTED,
        _ => SqlState::DATA_EXCEPTION,
    }
}

fn of_io(error: &io::Error) -> SqlState {
    match error.kind() {
        io::ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SqlState::DISK_FULL,
        io::ErrorKind::PermissionDenied => SqlState::INSUFFICIENT_PRIVILEGE,
        _ => SqlState::IO_ERROR,
    }
}
