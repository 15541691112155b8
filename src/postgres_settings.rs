//! The settings of PostgreSQL that its clients ask, with the values that they have here.
//!
//! `pg_settings`, `current_setting` and SHOW tell them. Those that mean something here tell what is set: the time zone, timeouts.

use std::collections::BTreeMap;

use datafusion::common::Result;
use datafusion::config::{ConfigExtension, ConfigOptions, ExtensionOptions};

use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::settings::{PortraitSettings, carried};

/// A setting.
#[derive(Debug)]
pub struct PostgresSetting {
    pub name: &'static str,
    /// Its value when nothing else is set.
    pub value: &'static str,
    pub unit: Option<&'static str>,
    /// Who may change it: `user`, `superuser`; `sighup` and `postmaster` when the server starts; `internal` nobody.
    pub context: &'static str,
    /// `bool`, `integer`, `string`, `enum`
    pub kind: &'static str,
    pub text: &'static str,
}

const fn of(
    name: &'static str,
    value: &'static str,
    unit: Option<&'static str>,
    context: &'static str,
    kind: &'static str,
    text: &'static str,
) -> PostgresSetting {
    PostgresSetting { name, value, unit, context, kind, text }
}

/// Every setting, by name.
pub static SETTINGS: [PostgresSetting; 75] = [
    of("application_name", "", None, "user", "string", "The name that a client gives itself."),
    of("array_nulls", "on", None, "user", "bool", "NULL within the text of an array is NULL."),
    of("backslash_quote", "safe_encoding", None, "user", "enum", "How a quote may be written within a text."),
    of("block_size", "8192", None, "internal", "integer", "The bytes of a block."),
    of("bytea_output", "hex", None, "user", "enum", "How bytes are written as text."),
    of("check_function_bodies", "on", None, "user", "bool", "Whether the body of a function is checked when it is made."),
    of("client_encoding", "UTF8", None, "user", "string", "The encoding of texts between client and server."),
    of("client_min_messages", "notice", None, "user", "enum", "The least important messages that a client is sent."),
    of("cluster_name", "", None, "postmaster", "string", "The name of the server."),
    of("constraint_exclusion", "partition", None, "user", "enum", "Whether conditions rule out tables that are not read."),
    of("data_checksums", "on", None, "internal", "bool", "Whether files have checksums."),
    of("DateStyle", "ISO, MDY", None, "user", "string", "How dates are written."),
    of("default_table_access_method", "heap", None, "user", "string", "How tables are kept."),
    of("default_tablespace", "", None, "user", "string", "Where tables are kept."),
    of("default_text_search_config", "pg_catalog.simple", None, "user", "string", "The configuration of text search."),
    of("default_transaction_deferrable", "off", None, "user", "bool", "Whether transactions may wait."),
    of("default_transaction_isolation", "read committed", None, "user", "enum", "The isolation of transactions."),
    of("default_transaction_read_only", "off", None, "user", "bool", "Whether transactions only read."),
    of("enable_hashjoin", "on", None, "user", "bool", "Whether the planner may join by a hash table."),
    of("enable_mergejoin", "on", None, "user", "bool", "Whether the planner may join sorted rows."),
    of("enable_nestloop", "on", None, "user", "bool", "Whether the planner may compare each row with each other."),
    of("enable_seqscan", "on", None, "user", "bool", "Whether the planner may read whole tables."),
    of("escape_string_warning", "on", None, "user", "bool", "Whether backslashes in texts are warned of."),
    of("extra_float_digits", "1", None, "user", "integer", "The digits that floats are written with."),
    of("from_collapse_limit", "8", None, "user", "integer", "The most tables of subqueries that are planned together."),
    of("geqo", "on", None, "user", "bool", "Whether joins of many tables are planned by chance."),
    of(
        "idle_in_transaction_session_timeout",
        "0",
        Some("ms"),
        "user",
        "integer",
        "Milliseconds after which an idle transaction ends.",
    ),
    of("idle_session_timeout", "0", Some("ms"), "user", "integer", "Milliseconds after which an idle session ends."),
    of("in_hot_standby", "off", None, "internal", "bool", "Whether the server only reads."),
    of("integer_datetimes", "on", None, "internal", "bool", "Times are whole numbers."),
    of("IntervalStyle", "postgres", None, "user", "enum", "How intervals are written."),
    of("is_superuser", "on", None, "internal", "bool", "Whether the role may do everything."),
    of("jit", "off", None, "user", "bool", "Whether queries are compiled."),
    of("join_collapse_limit", "8", None, "user", "integer", "The most joins that are planned together."),
    of("lc_collate", "C.UTF-8", None, "internal", "string", "The order of texts."),
    of("lc_ctype", "C.UTF-8", None, "internal", "string", "What letters there are."),
    of("lc_messages", "C.UTF-8", None, "superuser", "string", "The language of messages."),
    of("lc_monetary", "C.UTF-8", None, "user", "string", "How amounts of money are written."),
    of("lc_numeric", "C.UTF-8", None, "user", "string", "How numbers are written."),
    of("lc_time", "C.UTF-8", None, "user", "string", "How times are written."),
    of("lock_timeout", "0", Some("ms"), "user", "integer", "Milliseconds that a statement waits for a lock."),
    of("maintenance_work_mem", "65536", Some("kB"), "user", "integer", "Kilobytes that maintenance may take."),
    of("max_connections", "100", None, "postmaster", "integer", "The most sessions at once."),
    of("max_identifier_length", "63", None, "internal", "integer", "The longest name, in bytes."),
    of("max_index_keys", "32", None, "internal", "integer", "The most columns of an index."),
    of("max_prepared_transactions", "0", None, "postmaster", "integer", "The most prepared transactions."),
    of("password_encryption", "scram-sha-256", None, "user", "enum", "How passwords are kept."),
    of("plan_cache_mode", "auto", None, "user", "enum", "Whether plans are kept."),
    of("quote_all_identifiers", "off", None, "user", "bool", "Whether all names are written in quotes."),
    of("role", "none", None, "user", "string", "The role that was chosen."),
    of("row_security", "on", None, "user", "bool", "Whether policies on rows hold."),
    of("search_path", "\"$user\", public", None, "user", "string", "The schemas where names without a schema are looked for."),
    of("segment_size", "131072", None, "internal", "integer", "The blocks of a file."),
    of("server_encoding", "UTF8", None, "internal", "string", "The encoding of texts in the database."),
    of("server_version", "16.6", None, "internal", "string", "The version of PostgreSQL that clients may expect."),
    of("server_version_num", "160006", None, "internal", "integer", "The same as a number."),
    of("session_authorization", "", None, "user", "string", "Who opened the session."),
    of("session_replication_role", "origin", None, "superuser", "enum", "What triggers are run."),
    of("ssl", "off", None, "sighup", "bool", "Whether connections may be encrypted."),
    of("standard_conforming_strings", "on", None, "user", "bool", "A backslash in a text is a letter like others."),
    of("statement_timeout", "0", Some("ms"), "user", "integer", "Milliseconds after which a statement is cancelled."),
    of("superuser_reserved_connections", "3", None, "postmaster", "integer", "Sessions that are kept free."),
    of("synchronous_commit", "on", None, "user", "enum", "Whether changes are on the disk when they are confirmed."),
    of("temp_tablespaces", "", None, "user", "string", "Where temporary tables are kept."),
    of("TimeZone", "UTC", None, "user", "string", "The time zone of the session."),
    of("timezone_abbreviations", "Default", None, "user", "string", "The short names of time zones."),
    of("track_activities", "on", None, "superuser", "bool", "Whether running statements are listed."),
    of("transaction_deferrable", "off", None, "user", "bool", "Whether the transaction may wait."),
    of("transaction_isolation", "read committed", None, "user", "enum", "The isolation of the transaction."),
    of("transaction_read_only", "off", None, "user", "bool", "Whether the transaction only reads."),
    of("transaction_timeout", "0", Some("ms"), "user", "integer", "Milliseconds after which a transaction ends."),
    of("wal_level", "replica", None, "postmaster", "enum", "What is written to the log."),
    of("work_mem", "4096", Some("kB"), "user", "integer", "Kilobytes that an operator may take."),
    of("xmlbinary", "base64", None, "user", "enum", "How bytes are written in XML."),
    of("xmloption", "content", None, "user", "enum", "What an XML value is."),
];

/// What a session has set, by the names in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub values: BTreeMap<String, String>,
}

// SHOW ALL lists the settings of Portrait and of the engine; these are shown one by one and in `pg_settings`.
carried!(Given, "postgres", |key| format!("write SET {key} = value"));

/// A setting by its name, whatever its case.
pub fn setting(name: &str) -> Option<&'static PostgresSetting> {
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

/// What a session has set.
pub fn given(options: &ConfigOptions) -> Given {
    options.extensions.get::<Given>().cloned().unwrap_or_default()
}

/// Milliseconds that a setting of time says, when the session has set it.
pub fn milliseconds(name: &str, options: &ConfigOptions) -> Option<u64> {
    options.extensions.get::<Given>()?.values.get(name)?.parse().ok()
}

/// A value as it is kept, when a session may set it so.
///
/// # Errors
/// There is no such setting, it is not for sessions to set, or it does not take the value.
pub fn checked(name: &str, value: &str) -> Result<String> {
    // Names with a dot are the client's own.
    if name.contains('.') {
        return Ok(value.to_string());
    }
    let Some(setting) = setting(name) else {
        let own = format!("{}.{name}", PortraitSettings::PREFIX);
        let suggestion = match PortraitSettings::default().entries().iter().any(|entry| entry.key == own) {
            true => did_you_mean(&own, [own.as_str()]),
            false => did_you_mean(name, SETTINGS.iter().map(|setting| setting.name)),
        };
        return Err(coded(SqlState::UNDEFINED_OBJECT, name, format!("no such setting{suggestion}; pg_settings lists them")));
    };
    let wrong = |takes: &str| Err(invalid(setting.name, format!("must be {takes}, got '{value}'")));
    if !matches!(setting.context, "user" | "superuser") {
        let problem = "cannot be changed by a session";
        return Err(coded(SqlState::CANT_CHANGE_RUNTIME_PARAM, setting.name, problem));
    }
    let lower = value.trim().to_lowercase();
    match setting.name {
        "client_encoding" => match lower.replace(|letter: char| !letter.is_alphanumeric(), "").as_str() {
            "utf8" | "unicode" => Ok("UTF8".into()),
            _ => wrong("UTF8, the encoding of all texts here"),
        },
        "DateStyle"
            if lower.split([',', ' ']).all(|word| matches!(word.trim(), "" | "iso" | "mdy" | "dmy" | "ymd" | "us" | "euro")) =>
        {
            let order = ["dmy", "ymd"].into_iter().find(|order| lower.contains(order)).unwrap_or("mdy");
            Ok(format!("ISO, {}", order.to_uppercase()))
        }
        "DateStyle" => wrong("ISO, in which dates are written here"),
        "IntervalStyle" if lower != "postgres" => wrong("postgres, in which intervals are written here"),
        "bytea_output" if lower != "hex" => wrong("hex, in which bytes are written here"),
        "standard_conforming_strings" if !matches!(lower.as_str(), "on" | "true" | "1" | "yes") => {
            wrong("on: a backslash in a string is an ordinary character")
        }
        "transaction_isolation" | "default_transaction_isolation" if lower == "serializable" => {
            wrong("repeatable read or less: a transaction reads one state of the database")
        }
        "transaction_timeout" if lower != "0" => wrong("0: statement_timeout limits each statement, a transaction has no limit"),
        _ => match setting.kind {
            "bool" => match lower.as_str() {
                "on" | "true" | "t" | "yes" | "y" | "1" => Ok("on".into()),
                "off" | "false" | "f" | "no" | "n" | "0" => Ok("off".into()),
                _ => wrong("on or off"),
            },
            "integer" => match amount(&lower, setting.unit) {
                Some(amount) => Ok(amount.to_string()),
                None if setting.unit == Some("ms") => wrong("a time, such as 500, '2s' or '5min'"),
                None => wrong("a whole number"),
            },
            _ => Ok(value.to_string()),
        },
    }
}

/// Units of times and sizes, the largest first, each with how many of the smallest it is.
const TIMES: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
const SIZES: [(&str, i64); 4] = [("TB", 1 << 30), ("GB", 1 << 20), ("MB", 1 << 10), ("kB", 1)];

fn units(unit: Option<&str>) -> &'static [(&'static str, i64)] {
    match unit {
        Some("ms") => &TIMES,
        Some("kB") => &SIZES,
        _ => &[],
    }
}

/// A number with a unit, in the smallest one.
fn amount(text: &str, unit: Option<&str>) -> Option<i64> {
    let end = text.trim_start_matches('-').find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let end = end.map_or(text.len(), |end| end + (text.len() - text.trim_start_matches('-').len()));
    let (digits, given) = text.split_at(end);
    let times = match given.trim() {
        "" => 1,
        given => units(unit).iter().find(|(name, _)| name.eq_ignore_ascii_case(given))?.1,
    };
    match digits.parse::<i64>() {
        Ok(number) => number.checked_mul(times),
        Err(_) => {
            digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| (number * times as f64).round() as i64)
        }
    }
}

/// A number as it is shown: in the largest unit that it has a whole number of.
fn shown(value: &str, unit: Option<&str>) -> String {
    let Ok(number) = value.parse::<i64>() else { return value.to_string() };
    let whole = units(unit).iter().find(|(_, times)| number != 0 && number % times == 0);
    whole.map_or_else(|| value.to_string(), |(name, times)| format!("{}{name}", number / times))
}

/// The value of a setting as SHOW tells it: with its unit.
pub fn told(name: &str, options: &ConfigOptions, role: &str) -> Option<String> {
    let value = value(name, options, role)?;
    Some(shown(&value, setting(name).and_then(|setting| setting.unit)))
}

/// The value of a setting, whatever the case of its name; of Portrait and of the engine as well.
pub fn value(name: &str, options: &ConfigOptions, role: &str) -> Option<String> {
    let lower = name.to_lowercase();
    if let Some(given) = options.extensions.get::<Given>().and_then(|given| given.values.get(&lower)) {
        return Some(given.clone());
    }
    let milliseconds = |seconds: u64| (seconds * 1000).to_string();
    Some(match lower.as_str() {
        "timezone" => zone(options),
        "statement_timeout" => milliseconds(PortraitSettings::of(options).statement_timeout),
        "lock_timeout" => milliseconds(PortraitSettings::of(options).lock_timeout),
        "session_authorization" => role.to_string(),
        _ => match SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(&lower)) {
            Some(setting) => setting.value.to_string(),
            None => options.entries().into_iter().find(|entry| entry.key == lower)?.value.unwrap_or_default(),
        },
    })
}

/// The schemas that a `search_path` names, without those that are searched anyway.
pub fn schemas(path: &str) -> Vec<String> {
    let names = path.split(',').map(str::trim);
    let names = names.map(|name| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_lowercase(),
    });
    names.filter(|name| !name.is_empty() && name != "$user" && name != "pg_catalog").collect()
}

/// The time zone of the session, as PostgreSQL names it.
fn zone(options: &ConfigOptions) -> String {
    match options.execution.time_zone.as_deref() {
        None | Some("+00:00") => "UTC".into(),
        Some(zone) => zone.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_schemas() {
        assert_eq!(schemas("\"$user\", public"), ["public"]);
        assert_eq!(schemas("Sales, public"), ["sales", "public"]);
        assert_eq!(schemas("\"My \"\"S\"\"\""), ["My \"S\""]);
        assert!(schemas("").is_empty());
    }

    #[test]
    fn values_are_kept_as_they_are_told() {
        let mut options = ConfigOptions::default();
        let mut given = Given::default();
        for (name, value, expected) in [
            ("statement_timeout", "2s", "2s"),
            ("lock_timeout", "90000", "90s"),
            ("work_mem", "64MB", "64MB"),
            ("DateStyle", "ISO, DMY", "ISO, DMY"),
            ("jit", "true", "on"),
            ("application_name", "my tool", "my tool"),
            ("myapp.user", "7", "7"),
        ] {
            given.values.insert(name.to_lowercase(), checked(name, value).unwrap());
            options.extensions.insert(given.clone());
            assert_eq!(told(name, &options, "").as_deref(), Some(expected), "{name}");
        }
        assert_eq!(milliseconds("statement_timeout", &options), Some(2000));
        for (name, value) in [
            ("statement_timeout", "soon"),
            ("jit", "perhaps"),
            ("client_encoding", "LATIN1"),
            ("DateStyle", "German"),
            ("server_version", "17"),
            ("nothing", "1"),
        ] {
            assert!(checked(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn settings_are_in_order_and_told() {
        assert!(SETTINGS.windows(2).all(|two| two[0].name.to_lowercase() < two[1].name.to_lowercase()));
        let mut options = ConfigOptions::default();
        options.extensions.insert(PortraitSettings { statement_timeout: 2, ..PortraitSettings::default() });
        let value = |name: &str| value(name, &options, "mia");
        assert_eq!(value("timezone"), Some("UTC".into()));
        assert_eq!(value("Statement_Timeout"), Some("2000".into()));
        assert_eq!(value("session_authorization"), Some("mia".into()));
        assert_eq!(value("portrait.max_itemsets"), Some("2000000".into()));
        assert_eq!(value("server_version_num"), Some("160006".into()));
        assert_eq!(value("nothing"), None);
    }
}
