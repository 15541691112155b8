//! How an error is written: subject, rule, value, next step; and its SQLSTATE.
//!
//! Inside the crate every error is a [`DataFusionError`]; these helpers give the text its form, as in
//! ``association_rules: min_support must be in (0, 1], got 1.5``. An error of ours travels through DataFusion as an external
//! [`Problem`], which keeps the code that clients of a server decide by; [`sqlstate`] finds it again, and gives DataFusion's own errors theirs.

mod wording;

pub use wording::in_sql;

use std::fmt::{self, Display};
use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::language::Language;
use crate::text::without_marks;

/// A code of the SQL standard (ISO/IEC 9075, with PostgreSQL's classes) that tells programs what kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlState(&'static str);

impl SqlState {
    /// No error.
    pub const SUCCESS: Self = Self("00000");
    /// A message that the protocol does not have, or not there.
    pub const PROTOCOL_VIOLATION: Self = Self("08P01");
    /// What the engine cannot do.
    pub const FEATURE_NOT_SUPPORTED: Self = Self("0A000");
    /// More rows than one where there may be one.
    pub const CARDINALITY_VIOLATION: Self = Self("21000");
    /// A value of a kind that is not further told apart.
    pub const DATA_EXCEPTION: Self = Self("22000");
    /// A number too large for its type.
    pub const NUMERIC_VALUE_OUT_OF_RANGE: Self = Self("22003");
    /// A text that is no date or time.
    pub const INVALID_DATETIME_FORMAT: Self = Self("22007");
    /// A date or time that does not exist, or is out of range.
    pub const DATETIME_FIELD_OVERFLOW: Self = Self("22008");
    /// Division by zero.
    pub const DIVISION_BY_ZERO: Self = Self("22012");
    /// Bytes that are no text.
    pub const CHARACTER_NOT_IN_REPERTOIRE: Self = Self("22021");
    /// The square root of a negative number.
    pub const INVALID_ARGUMENT_FOR_POWER_FUNCTION: Self = Self("2201F");
    /// A regular expression that is not valid.
    pub const INVALID_REGULAR_EXPRESSION: Self = Self("2201B");
    /// A negative LIMIT.
    pub const INVALID_ROW_COUNT_IN_LIMIT: Self = Self("2201W");
    /// A negative OFFSET.
    pub const INVALID_ROW_COUNT_IN_OFFSET: Self = Self("2201X");
    /// An argument, option or setting that is out of its bounds.
    pub const INVALID_PARAMETER_VALUE: Self = Self("22023");
    /// A string that does not read as the type it is cast to.
    pub const INVALID_TEXT_REPRESENTATION: Self = Self("22P02");
    /// Bytes that are no value of their type.
    pub const INVALID_BINARY_REPRESENTATION: Self = Self("22P03");
    /// A row of a file is not made as the others are.
    pub const BAD_COPY_FILE_FORMAT: Self = Self("22P04");
    /// NULL where a column is NOT NULL.
    pub const NOT_NULL_VIOLATION: Self = Self("23502");
    /// Rows are not as a check says.
    pub const CHECK_VIOLATION: Self = Self("23514");
    /// A transaction is going on.
    pub const ACTIVE_SQL_TRANSACTION: Self = Self("25001");
    /// A change within a transaction that only reads.
    pub const READ_ONLY_SQL_TRANSACTION: Self = Self("25006");
    /// No transaction is going on.
    pub const NO_ACTIVE_SQL_TRANSACTION: Self = Self("25P01");
    /// A statement of the transaction has failed.
    pub const IN_FAILED_SQL_TRANSACTION: Self = Self("25P02");
    /// A client that was idle in a transaction for too long.
    pub const IDLE_IN_TRANSACTION_SESSION_TIMEOUT: Self = Self("25P03");
    /// A role that may not come in.
    pub const INVALID_AUTHORIZATION: Self = Self("28000");
    /// A wrong password.
    pub const INVALID_PASSWORD: Self = Self("28P01");
    /// Something else uses it.
    pub const DEPENDENT_OBJECTS_STILL_EXIST: Self = Self("2BP01");
    /// No cursor, or portal, of that name.
    pub const INVALID_CURSOR_NAME: Self = Self("34000");
    /// A membership of a role that cannot be.
    pub const INVALID_GRANT_OPERATION: Self = Self("0LP01");
    /// No schema of that name.
    pub const INVALID_SCHEMA_NAME: Self = Self("3F000");
    /// No savepoint of that name.
    pub const INVALID_SAVEPOINT: Self = Self("3B001");
    /// No such database.
    pub const INVALID_CATALOG_NAME: Self = Self("3D000");
    /// Another statement was quicker; the same statement may succeed when it is run again.
    pub const SERIALIZATION_FAILURE: Self = Self("40001");
    /// The role may not do this.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self("42501");
    /// Text that is no SQL.
    pub const SYNTAX_ERROR: Self = Self("42601");
    /// A name that two columns have.
    pub const AMBIGUOUS_COLUMN: Self = Self("42702");
    /// A column twice.
    pub const DUPLICATE_COLUMN: Self = Self("42701");
    /// No such column.
    pub const UNDEFINED_COLUMN: Self = Self("42703");
    /// No such object: profile, tag, segment, model, setting …
    pub const UNDEFINED_OBJECT: Self = Self("42704");
    /// An object of that name exists.
    pub const DUPLICATE_OBJECT: Self = Self("42710");
    /// A column that is neither grouped nor aggregated, or an aggregate where none may be.
    pub const GROUPING_ERROR: Self = Self("42803");
    /// A type that does not fit.
    pub const DATATYPE_MISMATCH: Self = Self("42804");
    /// No such function, or not with these arguments.
    pub const UNDEFINED_FUNCTION: Self = Self("42883");
    /// No such table or view.
    pub const UNDEFINED_TABLE: Self = Self("42P01");
    /// A parameter without a value.
    pub const UNDEFINED_PARAMETER: Self = Self("42P02");
    /// A cursor of that name exists.
    pub const DUPLICATE_CURSOR: Self = Self("42P03");
    /// A prepared statement of that name exists.
    pub const DUPLICATE_PREPARED_STATEMENT: Self = Self("42P05");
    /// A table or view of that name exists.
    pub const DUPLICATE_TABLE: Self = Self("42P07");
    /// ORDER BY or GROUP BY names a column by a number that there is not.
    pub const INVALID_COLUMN_REFERENCE: Self = Self("42P10");
    /// A definition that is wrong in itself.
    pub const INVALID_OBJECT_DEFINITION: Self = Self("42P17");
    /// A statement that is wrong in a way that is not further told apart.
    pub const INVALID_STATEMENT: Self = Self("42000");
    /// No prepared statement of that name.
    pub const UNDEFINED_PREPARED_STATEMENT: Self = Self("26000");
    /// The disk is full.
    pub const DISK_FULL: Self = Self("53100");
    /// The memory limit is reached.
    pub const OUT_OF_MEMORY: Self = Self("53200");
    /// Something that is not made for it.
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self("55000");
    /// As many connections as there may be.
    pub const TOO_MANY_CONNECTIONS: Self = Self("53300");
    /// What an administrator allows is used up.
    pub const CONFIGURATION_LIMIT_EXCEEDED: Self = Self("53400");
    /// Larger or more than it may be.
    pub const PROGRAM_LIMIT_EXCEEDED: Self = Self("54000");
    /// Somebody else is writing to it.
    pub const LOCK_NOT_AVAILABLE: Self = Self("55P03");
    /// Cancelled by the user, or after the time that was set.
    pub const QUERY_CANCELED: Self = Self("57014");
    /// A setting that a session cannot change.
    pub const CANT_CHANGE_RUNTIME_PARAM: Self = Self("55P02");
    /// The server is being stopped.
    pub const ADMIN_SHUTDOWN: Self = Self("57P01");
    /// A client that was idle for too long.
    pub const IDLE_SESSION_TIMEOUT: Self = Self("57P05");
    /// The system failed.
    pub const SYSTEM_ERROR: Self = Self("58000");
    /// A file or network could not be read or written.
    pub const IO_ERROR: Self = Self("58030");
    /// No such file or folder.
    pub const UNDEFINED_FILE: Self = Self("58P01");
    /// An error in the program.
    pub const INTERNAL_ERROR: Self = Self("XX000");
    /// A file that is not what was written.
    pub const DATA_CORRUPTED: Self = Self("XX001");

    /// What it says, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::FEATURE_NOT_SUPPORTED => "the engine cannot do this",
            Self::NUMERIC_VALUE_OUT_OF_RANGE => "a number is too large for its type",
            Self::DIVISION_BY_ZERO => "division by zero",
            Self::INVALID_DATETIME_FORMAT | Self::DATETIME_FIELD_OVERFLOW => "a text is not a date or time that exists",
            Self::INVALID_PARAMETER_VALUE => "an argument, option or value is out of range",
            Self::INVALID_TEXT_REPRESENTATION => "a text cannot be converted to the type it is cast to",
            Self::PROGRAM_LIMIT_EXCEEDED | Self::CONFIGURATION_LIMIT_EXCEEDED => "a limit is reached",
            Self::BAD_COPY_FILE_FORMAT => "a row of a file does not have the form of the others",
            Self::NOT_NULL_VIOLATION => "a NULL in a column that does not allow it",
            Self::CHECK_VIOLATION => "rows do not satisfy a check",
            Self::SERIALIZATION_FAILURE => "another statement changed the same data first",
            Self::SYNTAX_ERROR => "a text is not valid SQL",
            Self::UNDEFINED_COLUMN => "a column does not exist",
            Self::UNDEFINED_OBJECT => "an object does not exist",
            Self::OBJECT_NOT_IN_PREREQUISITE_STATE => "an object is not in the state that this needs",
            Self::UNDEFINED_TABLE => "a table or view does not exist",
            Self::UNDEFINED_FUNCTION => "a function does not exist, or does not take these arguments",
            Self::DATATYPE_MISMATCH => "a type does not fit",
            Self::INVALID_OBJECT_DEFINITION | Self::INVALID_STATEMENT | Self::GROUPING_ERROR | Self::INVALID_COLUMN_REFERENCE => {
                "a definition is wrong"
            }
            Self::INVALID_ROW_COUNT_IN_LIMIT | Self::INVALID_ROW_COUNT_IN_OFFSET => {
                "an argument, option or value is out of range"
            }
            Self::DISK_FULL => "the disk is full",
            Self::OUT_OF_MEMORY => "the memory limit is reached",
            Self::LOCK_NOT_AVAILABLE => "another statement is writing to it",
            Self::QUERY_CANCELED => "was cancelled, or took longer than it may",
            Self::IO_ERROR | Self::SYSTEM_ERROR => "the system failed, or something is not there",
            Self::UNDEFINED_FILE => "a file does not exist",
            Self::DATA_CORRUPTED => "a file is not what was written",
            Self::INTERNAL_ERROR => "an error in the program",
            _ => "something is wrong with the data",
        }
    }

    /// The five letters.
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An error of ours.
#[derive(Debug)]
pub struct Problem {
    state: SqlState,
    subject: String,
    kept: Kept,
    text: String,
    /// Where in the statement that is.
    place: Option<Place>,
}

/// Where in a script something is, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The letter of the line.
    pub column: u64,
    /// The line as it is shown, with a caret below the place.
    pub excerpt: String,
}

/// What may be kept of an error in the database, where no value of a row may be.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// The meaning of its code.
    Code,
    /// What is wrong, without any value: a text of the program.
    Rule(&'static str),
    /// All of it: it speaks of files and of the system.
    Whole,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.place {
            Some(place) => write!(f, "\n{}", place.excerpt),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// An error with its code: `subject` is the function, statement, object, file or setting it is about.
pub fn coded(state: SqlState, subject: &str, problem: impl Display) -> DataFusionError {
    // What is wrong with a file or a disk has seen no row.
    let of_files = [SqlState::DATA_CORRUPTED, SqlState::DISK_FULL, SqlState::IO_ERROR, SqlState::UNDEFINED_FILE];
    let kept = if of_files.contains(&state) { Kept::Whole } else { Kept::Code };
    problem_of(state, subject, kept, problem)
}

/// An error of the system beneath, whose text has seen no row: a file that is damaged, a disk that is full.
pub fn of_system(subject: &str, problem: impl Display) -> DataFusionError {
    problem_of(SqlState::SYSTEM_ERROR, subject, Kept::Whole, problem)
}

/// An error in the rows that were read: `problem` shows the values, and `rule` says what is wrong with them where values must not be kept.
pub fn in_rows(state: SqlState, subject: &str, rule: &'static str, problem: impl Display) -> DataFusionError {
    problem_of(state, subject, Kept::Rule(rule), problem)
}

fn problem_of(state: SqlState, subject: &str, kept: Kept, problem: impl Display) -> DataFusionError {
    let text = format!("{subject}: {problem}");
    DataFusionError::External(Box::new(Problem { state, subject: subject.to_string(), kept, text, place: None }))
}

/// The same error with the place in the statement that it is about; the first place that is given stays.
pub fn placed(error: DataFusionError, place: Place) -> DataFusionError {
    let problem = match found(&error) {
        Some(Problem { place: Some(_), .. }) => return error,
        Some(Problem { state, subject, kept, text, place: None }) => {
            Problem { state: *state, subject: subject.clone(), kept: *kept, text: text.clone(), place: Some(place) }
        }
        None => {
            let text = message(&error);
            let subject = text.split_once(": ").map_or("", |(subject, _)| subject).to_string();
            Problem { state: sqlstate(&error), subject, kept: Kept::Code, text, place: Some(place) }
        }
    };
    DataFusionError::External(Box::new(problem))
}

/// The same error with its message in another language, as far as the catalogue knows it; its code and its place stay.
pub fn in_language(error: DataFusionError, language: Language) -> DataFusionError {
    if language == Language::En {
        return error;
    }
    let problem = match innermost(&error) {
        Innermost::Own(Problem { state, subject, kept, text, place }) => {
            let text = language.message(&in_sql(text)).into_owned();
            Problem { state: *state, subject: subject.clone(), kept: *kept, text, place: place.clone() }
        }
        _ => {
            let text = language.message(&message(&error)).into_owned();
            Problem { state: sqlstate(&error), subject: String::new(), kept: Kept::Code, text, place: None }
        }
    };
    DataFusionError::External(Box::new(problem))
}

/// True for an error with a place.
pub fn has_place(error: &DataFusionError) -> bool {
    place(error).is_some()
}

/// Where in the statement the error is, as far as that is known.
pub fn place(error: &DataFusionError) -> Option<&Place> {
    found(error).and_then(|problem| problem.place.as_ref())
}

/// An error in what the user wrote.
pub fn invalid(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::INVALID_PARAMETER_VALUE, subject, problem)
}

/// An error met while running.
pub fn failed(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::SYSTEM_ERROR, subject, problem)
}

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

/// An error as it may be kept: its code, which of these objects it is about, and what is wrong. Its words are the
/// program's own and its names are those of objects: no value of a row is in it, whatever the message shows to whoever runs the statement.
pub fn without_values(error: &DataFusionError, objects: &[String]) -> String {
    let state = sqlstate(error);
    let problem = found(error);
    let subject = problem.map_or("", |problem| problem.subject.as_str());
    let about: Vec<&str> = match objects.iter().find(|object| *object == subject) {
        Some(object) => vec![object],
        // One of several, as far as could be told.
        None => objects.iter().map(String::as_str).filter(|object| subject.contains(object)).collect(),
    };
    let about = if about.is_empty() { objects.first().map_or(String::new(), String::clone) } else { about.join(", ") };
    let rule = match problem.map_or(Kept::Code, |problem| problem.kept) {
        Kept::Whole => return problem.map_or_else(|| message(error), |problem| problem.text.clone()),
        Kept::Rule(rule) => rule,
        Kept::Code => state.meaning(),
    };
    format!("{about}: {rule} (SQLSTATE {state}); run it again to see the values, which are not kept")
}

/// An error of a function about another one that is computed by the same means.
pub fn renamed(error: DataFusionError, from: &str, to: &str) -> DataFusionError {
    match found(&error) {
        Some(Problem { state, subject, kept, text, place }) if subject == from => {
            let problem = text.strip_prefix(from).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
            let renamed = problem_of(*state, to, *kept, problem);
            match place {
                Some(place) => placed(renamed, place.clone()),
                None => renamed,
            }
        }
        _ => error,
    }
}

/// The same error with advice at the end of its message.
pub fn advised(error: &DataFusionError, advice: &str) -> DataFusionError {
    let (kept, place) = found(error).map_or((Kept::Code, None), |problem| (problem.kept, problem.place.clone()));
    let text = message_without_place(error);
    let subject = text.split_once(": ").map_or("", |(subject, _)| subject).to_string();
    let text = format!("{text}; {advice}");
    DataFusionError::External(Box::new(Problem { state: sqlstate(error), subject, kept, text, place }))
}

/// The error of ours that is within an error.
fn found(error: &DataFusionError) -> Option<&Problem> {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => found(inner),
        DataFusionError::Shared(inner) => found(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(found),
        DataFusionError::External(inner) => inner.downcast_ref::<Problem>().or_else(|| found(inner.downcast_ref()?)),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => inner.downcast_ref::<Problem>().or_else(|| found(inner.downcast_ref()?)),
            _ => None,
        },
        _ => None,
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

/// The error of who needs what another statement or process holds: `subject` is what is held.
pub fn not_available(subject: &str, problem: impl Display) -> DataFusionError {
    coded(SqlState::LOCK_NOT_AVAILABLE, subject, problem)
}

/// `; perhaps "x" is meant` for the candidate nearest to `word`, or nothing when none is near.
///
/// Near means at most one edit for every three letters, and one letter in common, so that `rmf` finds `rfm` and `orders` finds nothing
/// among functions.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |name| format!("; perhaps \"{name}\" is meant"))
}

/// The candidate nearest to `word`, if one is near; of two, the first in the alphabet.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = length.div_ceil(3).min(length.saturating_sub(1));
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// `"a", "b" or "c"`.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The error of ours beneath one of the layers, which say less: a reader of files names neither the file nor what is wrong with it.
pub fn own(error: &DataFusionError) -> Option<&Problem> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(problem) = error.downcast_ref::<Problem>() {
            return Some(problem);
        }
        cause = error.source();
    }
    None
}

/// What a person reads: the innermost message, without DataFusion's layers around it, in the words of SQL.
pub fn message(error: &DataFusionError) -> String {
    let text = match innermost(error) {
        Innermost::Own(problem) => in_sql(&problem.to_string()),
        Innermost::Schema(error) => wording::schema(error),
        Innermost::Several(errors) => errors.iter().map(message).collect::<Vec<_>>().join("\n"),
        Innermost::Text(text) => wording::plain(&text),
    };
    without_marks(&text)
}

/// What a person reads who sees the place elsewhere: the message without the line and its caret.
pub fn message_without_place(error: &DataFusionError) -> String {
    match found(error) {
        Some(problem) => in_sql(&problem.text),
        None => message(error),
    }
}

/// The innermost message as the engine has it, to be looked at by the program.
pub fn raw(error: &DataFusionError) -> String {
    match innermost(error) {
        Innermost::Own(problem) => problem.to_string(),
        Innermost::Schema(_) => error.strip_backtrace(),
        Innermost::Several(errors) => errors.iter().map(raw).collect::<Vec<_>>().join("\n"),
        Innermost::Text(text) => text,
    }
}

/// What is within the layers of an error.
enum Innermost<'a> {
    Own(&'a Problem),
    Schema(&'a SchemaError),
    Several(&'a [DataFusionError]),
    Text(String),
}

fn innermost(error: &DataFusionError) -> Innermost<'_> {
    if let DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) | DataFusionError::ArrowError(..) = error
        && let Some(problem) = own(error)
    {
        return Innermost::Own(problem);
    }
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => innermost(inner),
        DataFusionError::Shared(inner) => innermost(inner),
        DataFusionError::Collection(errors) => Innermost::Several(errors),
        DataFusionError::SchemaError(error, _) => Innermost::Schema(error),
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Configuration(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Internal(text) => Innermost::Text(text.clone()),
        DataFusionError::ResourcesExhausted(text) => Innermost::Text(format!("out of memory: {text}")),
        DataFusionError::External(inner) => of_external(inner.as_ref()),
        DataFusionError::SQL(inner, _) => {
            Innermost::Text(format!("syntax: {}", inner.to_string().trim_start_matches("sql parser error: ")))
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => of_external(inner.as_ref()),
            other => Innermost::Text(other.to_string()),
        },
        other => Innermost::Text(other.strip_backtrace()),
    }
}

fn of_external<'a>(inner: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Innermost<'a> {
    if let Some(problem) = inner.downcast_ref::<Problem>() {
        return Innermost::Own(problem);
    }
    inner.downcast_ref::<DataFusionError>().map_or_else(|| Innermost::Text(inner.to_string()), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_on_its_way() {
        let lock = || coded(SqlState::LOCK_NOT_AVAILABLE, "profile customer", "is being refreshed");
        let wrapped = DataFusionError::Context("refresh".into(), Box::new(DataFusionError::External(Box::new(lock()))));
        assert_eq!((sqlstate(&wrapped).code(), message(&wrapped).as_str()), ("55P03", "profile customer: is being refreshed"));
        let arrow = ArrowError::ExternalError(Box::new(lock()));
        assert_eq!(sqlstate(&DataFusionError::ArrowError(Box::new(arrow), None)), SqlState::LOCK_NOT_AVAILABLE);
        let full = DataFusionError::IoError(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(sqlstate(&full), SqlState::DISK_FULL);
    }

    #[test]
    fn an_error_can_be_about_another_function() {
        let shared = coded(SqlState::DATA_EXCEPTION, "rfm", "is too large");
        let renamed = renamed(DataFusionError::External(Box::new(shared)), "rfm", "rfm_bins");
        assert_eq!((message(&renamed).as_str(), sqlstate(&renamed)), ("rfm_bins: is too large", SqlState::DATA_EXCEPTION));
    }

    #[test]
    fn what_is_kept_of_an_error_has_no_values() {
        let objects = ["profile p".to_string(), "tag a".into(), "tag b".into()];
        let cast = DataFusionError::ArrowError(Box::new(ArrowError::CastError("Cannot cast string 'x13800138000'".into())), None);
        let ends = "(SQLSTATE 22P02); run it again to see the values, which are not kept";
        let reads = "a text cannot be converted to the type it is cast to";
        assert_eq!(without_values(&cast, &objects), format!("profile p: {reads} {ends}"));
        let named = coded(SqlState::INVALID_TEXT_REPRESENTATION, "tag b", "Cannot cast string 'x13800138000'");
        assert_eq!(without_values(&named, &objects), format!("tag b: {reads} {ends}"));
        let several = coded(SqlState::INVALID_TEXT_REPRESENTATION, "one of tag a, tag b", "'x13800138000'");
        assert_eq!(without_values(&several, &objects), format!("tag a, tag b: {reads} {ends}"));
        let of_a_value = coded(SqlState::INVALID_TEXT_REPRESENTATION, "13800138000", "'x13800138000'");
        assert_eq!(without_values(&of_a_value, &objects), format!("profile p: {reads} {ends}"));
        let double = in_rows(SqlState::DATA_EXCEPTION, "tag a", "a customer has two values", "13800138000 has two values");
        let wrapped = DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(double))), None);
        assert!(without_values(&wrapped, &objects).starts_with("tag a: a customer has two values (SQLSTATE 22000)"));
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(did_you_mean("rmf", ["rfm", "kmeans"]), "; perhaps \"rfm\" is meant");
        assert_eq!(did_you_mean("bims", ["method", "bins"]), "; perhaps \"bins\" is meant");
        assert_eq!(did_you_mean("orders", ["rfm", "kmeans"]), "");
    }

    #[test]
    fn lists_choices() {
        assert_eq!(one_of(["a"]), "'a'");
        assert_eq!(one_of(["a", "b", "c"]), "'a', 'b' or 'c'");
    }
}
