//! The capabilities and types of the server, which drivers request first.
//!
//! Source: Arrow's `FlightSql.proto`, `SqlInfo` and `CommandGetXdbcTypeInfo`.

use std::collections::HashMap;

use arrow_flight::sql::SqlInfo as Info;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType as Type, XdbcDatetimeSubcode as Subcode};
use datafusion::arrow::ARROW_VERSION;
use datafusion::common::Result;

use super::metadata::of_builder;

/// PostgreSQL's clients limit the length of names; here there is no limit, which is reported as 0.
const NO_BOUND: i64 = 0;

const NUMERIC: [&str; 27] = [
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEILING", "COS", "COT", "DEGREES", "EXP", "FLOOR", "LN", "LOG", "LOG10", "MOD",
    "PI", "POWER", "RADIANS", "RANDOM", "ROUND", "SIGN", "SIN", "SQRT", "TAN", "TRUNC", "GREATEST", "LEAST",
];
const TEXT: [&str; 24] = [
    "ASCII",
    "BTRIM",
    "CHAR_LENGTH",
    "CHR",
    "CONCAT",
    "INITCAP",
    "LEFT",
    "LENGTH",
    "LOWER",
    "LPAD",
    "LTRIM",
    "OCTET_LENGTH",
    "POSITION",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "RPAD",
    "RTRIM",
    "SPLIT_PART",
    "STRPOS",
    "SUBSTRING",
    "TRIM",
    "UPPER",
];
const SYSTEM: [&str; 6] = ["CURRENT_DATABASE", "CURRENT_SCHEMA", "CURRENT_USER", "COALESCE", "NULLIF", "VERSION"];
const TIMES: [&str; 12] = [
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "DATE_BIN",
    "DATE_DIFF",
    "DATE_PART",
    "DATE_TRUNC",
    "EXTRACT",
    "NOW",
    "TO_CHAR",
    "TO_DATE",
    "TO_TIMESTAMP",
];
/// Keywords of statements that other databases do not have.
const KEYWORDS: [&str; 12] =
    ["PROFILE", "TAG", "SEGMENT", "MODEL", "REFRESH", "QUALIFY", "PIVOT", "UNPIVOT", "SUMMARIZE", "ASOF", "SAMPLE", "EXPLAIN"];

/// The capabilities of the server.
///
/// # Errors
/// None in practice.
pub fn infos() -> Result<SqlInfoData> {
    let mut all = SqlInfoDataBuilder::new();
    let version = env!("CARGO_PKG_VERSION");
    all.append(Info::FlightSqlServerName, "Portrait");
    all.append(Info::FlightSqlServerVersion, version);
    all.append(Info::FlightSqlServerArrowVersion, ARROW_VERSION);
    all.append(Info::FlightSqlServerReadOnly, false);
    all.append(Info::FlightSqlServerSql, true);
    all.append(Info::FlightSqlServerSubstrait, false);
    // Transactions with savepoints.
    all.append(Info::FlightSqlServerTransaction, 2_i32);
    all.append(Info::FlightSqlServerCancel, true);
    all.append(Info::FlightSqlServerBulkIngestion, true);
    all.append(Info::FlightSqlServerIngestTransactionsSupported, true);
    // There is no limit by default.
    all.append(Info::FlightSqlServerStatementTimeout, 0_i32);
    all.append(Info::FlightSqlServerTransactionTimeout, 0_i32);
    all.append(Info::SqlDdlCatalog, false);
    all.append(Info::SqlDdlSchema, true);
    all.append(Info::SqlDdlTable, true);
    // Unquoted names are lowercased; quoted names keep their case.
    all.append(Info::SqlIdentifierCase, 3_i32);
    all.append(Info::SqlIdentifierQuoteChar, "\"");
    all.append(Info::SqlQuotedIdentifierCase, 0_i32);
    all.append(Info::SqlAllTablesAreSelectable, true);
    // NULL sorts above all values.
    all.append(Info::SqlNullOrdering, 0_i32);
    all.append(Info::SqlKeywords, &KEYWORDS[..]);
    all.append(Info::SqlNumericFunctions, &NUMERIC[..]);
    all.append(Info::SqlStringFunctions, &TEXT[..]);
    all.append(Info::SqlSystemFunctions, &SYSTEM[..]);
    all.append(Info::SqlDatetimeFunctions, &TIMES[..]);
    all.append(Info::SqlSearchStringEscape, "\\");
    all.append(Info::SqlExtraNameCharacters, "");
    all.append(Info::SqlSupportsColumnAliasing, true);
    all.append(Info::SqlNullPlusNullIsNull, true);
    all.append(Info::SqlSupportsConvert, conversions());
    all.append(Info::SqlSupportsTableCorrelationNames, true);
    all.append(Info::SqlSupportsDifferentTableCorrelationNames, false);
    all.append(Info::SqlSupportsExpressionsInOrderBy, true);
    all.append(Info::SqlSupportsOrderByUnrelated, true);
    all.append(Info::SqlSupportedGroupBy, 0b11_i32);
    all.append(Info::SqlSupportsLikeEscapeClause, true);
    all.append(Info::SqlSupportsNonNullableColumns, true);
    all.append(Info::SqlSupportedGrammar, 0b111_i32);
    // ANSI-92: entry level and intermediate.
    all.append(526_u32, 0b011_i32);
    // Defaults, checks, and keys that refer to others.
    all.append(Info::SqlSupportsIntegrityEnhancementFacility, true);
    all.append(Info::SqlOuterJoinsSupportLevel, 2_i32);
    all.append(Info::SqlSchemaTerm, "schema");
    all.append(Info::SqlProcedureTerm, "function");
    all.append(Info::SqlCatalogTerm, "database");
    all.append(Info::SqlCatalogAtStart, true);
    all.append(Info::SqlSchemasSupportedActions, 0_i32);
    all.append(Info::SqlCatalogsSupportedActions, 0_i32);
    all.append(Info::SqlSupportedPositionedCommands, 0_i32);
    all.append(Info::SqlSelectForUpdateSupported, false);
    all.append(Info::SqlStoredProceduresSupported, false);
    all.append(Info::SqlSupportedSubqueries, 0b1111_i32);
    all.append(Info::SqlCorrelatedSubqueriesSupported, true);
    all.append(Info::SqlSupportedUnions, 0b11_i32);
    for bound in [
        Info::SqlMaxBinaryLiteralLength,
        Info::SqlMaxCharLiteralLength,
        Info::SqlMaxColumnNameLength,
        Info::SqlMaxColumnsInGroupBy,
        Info::SqlMaxColumnsInIndex,
        Info::SqlMaxColumnsInOrderBy,
        Info::SqlMaxColumnsInSelect,
        Info::SqlMaxColumnsInTable,
        Info::SqlMaxConnections,
        Info::SqlMaxCursorNameLength,
        Info::SqlMaxIndexLength,
        Info::SqlDbSchemaNameLength,
        Info::SqlMaxProcedureNameLength,
        Info::SqlMaxCatalogNameLength,
        Info::SqlMaxRowSize,
        Info::SqlMaxStatementLength,
        Info::SqlMaxStatements,
        Info::SqlMaxTableNameLength,
        Info::SqlMaxTablesInSelect,
        Info::SqlMaxUsernameLength,
    ] {
        all.append(bound, NO_BOUND);
    }
    all.append(Info::SqlMaxRowSizeIncludesBlobs, true);
    // A transaction reads the state it began with: repeatable read.
    all.append(Info::SqlDefaultTransactionIsolation, 3_i32);
    all.append(Info::SqlTransactionsSupported, true);
    all.append(Info::SqlSupportedTransactionsIsolationLevels, 0b01000_i32);
    all.append(Info::SqlDataDefinitionCausesTransactionCommit, false);
    all.append(Info::SqlDataDefinitionsInTransactionsIgnored, false);
    // Forward only.
    all.append(Info::SqlSupportedResultSetTypes, 0b10_i32);
    all.append(Info::SqlSupportedConcurrenciesForResultSetUnspecified, 0_i32);
    all.append(Info::SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10_i32);
    all.append(Info::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0_i32);
    all.append(Info::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0_i32);
    all.append(Info::SqlBatchUpdatesSupported, true);
    all.append(Info::SqlSavepointsSupported, true);
    all.append(Info::SqlNamedParametersSupported, true);
    all.append(Info::SqlLocatorsUpdateCopy, true);
    all.append(Info::SqlStoredFunctionsUsingCallSyntaxSupported, false);
    all.build().map_err(of_builder)
}

/// The type conversions that CAST supports, by the numbers of `SqlSupportsConvert`.
fn conversions() -> HashMap<i32, Vec<i32>> {
    let numbers = [0, 5, 6, 7, 12, 13, 15, 18];
    let texts = [3, 11, 19];
    let times = [4, 16];
    let all = [&numbers[..], &texts[..], &times[..], &[2, 17]].concat();
    let mut found = HashMap::new();
    for from in numbers {
        found.insert(from, [&numbers[..], &texts[..], &[2]].concat());
    }
    for from in texts {
        found.insert(from, all.clone());
    }
    for from in times {
        found.insert(from, [&times[..], &texts[..]].concat());
    }
    found.insert(2, [&numbers[..], &texts[..], &[2]].concat());
    found
}

/// The types of columns.
///
/// # Errors
/// None in practice.
pub fn types() -> Result<XdbcTypeInfoData> {
    let mut all = XdbcTypeInfoDataBuilder::new();
    let number = |name: &str, data_type: Type, size: i32, is_exact: bool| XdbcTypeInfo {
        type_name: name.into(),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        unsigned_attribute: Some(false),
        fixed_prec_scale: false,
        auto_increment: Some(false),
        minimum_scale: is_exact.then_some(0),
        maximum_scale: is_exact.then_some(0),
        num_prec_radix: Some(if is_exact { 10 } else { 2 }),
        ..XdbcTypeInfo::default()
    };
    all.append(number("TINYINT", Type::XdbcTinyint, 3, true));
    all.append(number("SMALLINT", Type::XdbcSmallint, 5, true));
    all.append(number("INTEGER", Type::XdbcInteger, 10, true));
    all.append(number("BIGINT", Type::XdbcBigint, 19, true));
    for name in ["DECIMAL", "NUMERIC"] {
        let data_type = if name == "DECIMAL" { Type::XdbcDecimal } else { Type::XdbcNumeric };
        let create_params = Some(vec!["precision".into(), "scale".into()]);
        all.append(XdbcTypeInfo { create_params, maximum_scale: Some(76), ..number(name, data_type, 76, true) });
    }
    all.append(number("REAL", Type::XdbcReal, 24, false));
    all.append(number("FLOAT", Type::XdbcFloat, 53, false));
    all.append(number("DOUBLE PRECISION", Type::XdbcDouble, 53, false));
    let quoted = |name: &str, prefix: &str, data_type: Type, size: i32, is_text: bool| XdbcTypeInfo {
        type_name: name.into(),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        literal_prefix: Some(prefix.into()),
        literal_suffix: Some("'".into()),
        nullable: Nullable::NullabilityNullable,
        case_sensitive: is_text,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    };
    all.append(XdbcTypeInfo {
        literal_prefix: None,
        literal_suffix: None,
        searchable: Searchable::Basic,
        ..quoted("BOOLEAN", "", Type::XdbcBit, 1, false)
    });
    all.append(quoted("VARCHAR", "'", Type::XdbcVarchar, i32::MAX, true));
    all.append(quoted("CHAR", "'", Type::XdbcChar, i32::MAX, true));
    all.append(quoted("TEXT", "'", Type::XdbcLongvarchar, i32::MAX, true));
    all.append(XdbcTypeInfo { searchable: Searchable::Basic, ..quoted("BYTEA", "X'", Type::XdbcVarbinary, i32::MAX, false) });
    let time = |name: &str, prefix: &str, data_type: Type, size: i32, subcode: Subcode| XdbcTypeInfo {
        datetime_subcode: Some(subcode),
        sql_data_type: Type::XdbcDatetime,
        ..quoted(name, prefix, data_type, size, false)
    };
    all.append(time("DATE", "DATE '", Type::XdbcDate, 10, Subcode::XdbcSubcodeYear));
    all.append(time("TIME", "TIME '", Type::XdbcTime, 18, Subcode::XdbcSubcodeTime));
    all.append(time("TIMESTAMP", "TIMESTAMP '", Type::XdbcTimestamp, 29, Subcode::XdbcSubcodeTimestamp));
    let zoned = Subcode::XdbcSubcodeTimestampWithTimezone;
    all.append(time("TIMESTAMP WITH TIME ZONE", "TIMESTAMP '", Type::XdbcTimestamp, 35, zoned));
    all.append(XdbcTypeInfo {
        sql_data_type: Type::XdbcInterval,
        ..time("INTERVAL", "INTERVAL '", Type::XdbcInterval, 49, Subcode::XdbcSubcodeIntervalDayToSecond)
    });
    all.build().map_err(of_builder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::UInt32Type;

    /// All numbers in the protocol except those of Substrait, which is not supported.
    #[test]
    fn nothing_that_drivers_ask_for_is_missing() {
        let found = infos().unwrap().record_batch([]).unwrap();
        let numbers = found.column(0).as_primitive::<UInt32Type>().values().to_vec();
        for expected in (0..=5).chain(8..=11).chain([100, 101]).chain(500..=576) {
            assert!(numbers.contains(&expected), "{expected}");
        }
        assert!(types().unwrap().record_batch(None).unwrap().num_rows() > 15);
    }
}
