//! The codes that tell programs what kind of error it is.

use std::fmt::{self, Display};

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
    /// A counter that has given its last number.
    pub const SEQUENCE_GENERATOR_LIMIT_EXCEEDED: Self = Self("2200H");
    /// A text that is no date or time.
    pub const INVALID_DATETIME_FORMAT: Self = Self("22007");
    /// A date or time that does not exist, or is out of range.
    pub const DATETIME_FIELD_OVERFLOW: Self = Self("22008");
    /// Division by zero.
    pub const DIVISION_BY_ZERO: Self = Self("22012");
    /// Bytes that are no text.
    pub const CHARACTER_NOT_IN_REPERTOIRE: Self = Self("22021");
    /// A part of a text or of bytes that cannot be.
    pub const SUBSTRING_ERROR: Self = Self("22011");
    /// A place that a list, or bytes, do not have.
    pub const ARRAY_SUBSCRIPT_ERROR: Self = Self("2202E");
    /// A letter that the encoding does not have.
    pub const UNTRANSLATABLE_CHARACTER: Self = Self("22P05");
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
    /// A row refers to one that is not there.
    pub const FOREIGN_KEY_VIOLATION: Self = Self("23503");
    /// A value of a key that another row has.
    pub const UNIQUE_VIOLATION: Self = Self("23505");
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
    /// A value for a column whose values only its counter gives.
    pub const GENERATED_ALWAYS: Self = Self("428C9");
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
    /// A foreign key that refers to no key.
    pub const INVALID_FOREIGN_KEY: Self = Self("42830");
    /// A column that is neither grouped nor aggregated, or an aggregate where none may be.
    pub const GROUPING_ERROR: Self = Self("42803");
    /// An object of another kind than the statement is about.
    pub const WRONG_OBJECT_TYPE: Self = Self("42809");
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
    /// A table that cannot be as it is defined, as with two primary keys.
    pub const INVALID_TABLE_DEFINITION: Self = Self("42P16");
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
            Self::PROGRAM_LIMIT_EXCEEDED | Self::CONFIGURATION_LIMIT_EXCEEDED | Self::SEQUENCE_GENERATOR_LIMIT_EXCEEDED => {
                "a limit is reached"
            }
            Self::BAD_COPY_FILE_FORMAT => "a row of a file does not have the form of the others",
            Self::NOT_NULL_VIOLATION => "a NULL in a column that does not allow it",
            Self::UNIQUE_VIOLATION => "two rows have the same key",
            Self::FOREIGN_KEY_VIOLATION => "a row refers to one that is not there",
            Self::CHECK_VIOLATION => "rows do not satisfy a check",
            Self::SERIALIZATION_FAILURE => "another statement changed the same data first",
            Self::SYNTAX_ERROR => "a text is not valid SQL",
            Self::UNDEFINED_COLUMN => "a column does not exist",
            Self::UNDEFINED_OBJECT => "an object does not exist",
            Self::OBJECT_NOT_IN_PREREQUISITE_STATE => "an object is not in the state that this needs",
            Self::UNDEFINED_TABLE => "a table or view does not exist",
            Self::UNDEFINED_FUNCTION => "a function does not exist, or does not take these arguments",
            Self::DATATYPE_MISMATCH => "a type does not fit",
            Self::INVALID_OBJECT_DEFINITION
            | Self::INVALID_FOREIGN_KEY
            | Self::INVALID_TABLE_DEFINITION
            | Self::INVALID_STATEMENT
            | Self::GROUPING_ERROR
            | Self::INVALID_COLUMN_REFERENCE => "a definition is wrong",
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
