//! The settings of PostgreSQL that its clients ask, with the values that they have here.
//!
//! `pg_settings`, `current_setting` and SHOW tell them. Those that mean something here tell what is set: the time zone, timeouts.

use datafusion::common::config::ConfigOptions;

use crate::settings::PortraitSettings;

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
pub static SETTINGS: [PostgresSetting; 65] = [
    of("application_name", "", None, "user", "string", "The name that a client gives itself."),
    of("array_nulls", "on", None, "user", "bool", "NULL within the text of an array is NULL."),
    of("backslash_quote", "safe_encoding", None, "user", "enum", "How a quote may be written within a text."),
    of("block_size", "8192", None, "internal", "integer", "The bytes of a block."),
    of("bytea_output", "hex", None, "user", "enum", "How bytes are written as text."),
    of("check_function_bodies", "on", None, "user", "bool", "Whether the body of a function is checked when it is made."),
    of("client_encoding", "UTF8", None, "user", "string", "The encoding of texts between client and server."),
    of("client_min_messages", "notice", None, "user", "enum", "The least important messages that a client is sent."),
    of("cluster_name", "", None, "postmaster", "string", "The name of the server."),
    of("data_checksums", "on", None, "internal", "bool", "Whether files have checksums."),
    of("DateStyle", "ISO, MDY", None, "user", "string", "How dates are written."),
    of("default_table_access_method", "heap", None, "user", "string", "How tables are kept."),
    of("default_tablespace", "", None, "user", "string", "Where tables are kept."),
    of("default_text_search_config", "pg_catalog.simple", None, "user", "string", "The configuration of text search."),
    of("default_transaction_deferrable", "off", None, "user", "bool", "Whether transactions may wait."),
    of("default_transaction_isolation", "read committed", None, "user", "enum", "The isolation of transactions."),
    of("default_transaction_read_only", "off", None, "user", "bool", "Whether transactions only read."),
    of("escape_string_warning", "on", None, "user", "bool", "Whether backslashes in texts are warned of."),
    of("extra_float_digits", "1", None, "user", "integer", "The digits that floats are written with."),
    of("idle_in_transaction_session_timeout", "0", Some("ms"), "user", "integer", "Milliseconds after which an idle transaction ends."),
    of("idle_session_timeout", "0", Some("ms"), "user", "integer", "Milliseconds after which an idle session ends."),
    of("in_hot_standby", "off", None, "internal", "bool", "Whether the server only reads."),
    of("integer_datetimes", "on", None, "internal", "bool", "Times are whole numbers."),
    of("IntervalStyle", "postgres", None, "user", "enum", "How intervals are written."),
    of("is_superuser", "on", None, "internal", "bool", "Whether the role may do everything."),
    of("jit", "off", None, "user", "bool", "Whether queries are compiled."),
    of("lc_collate", "C.UTF-8", None, "internal", "string", "The order of texts."),
    of("lc_ctype", "C.UTF-8", None, "internal", "string", "What letters there are."),
    of("lc_messages", "C.UTF-8", None, "superuser", "string", "The language of messages."),
    of("lc_monetary", "C.UTF-8", None, "user", "string", "How amounts of money are written."),
    of("lc_numeric", "C.UTF-8", None, "user", "string", "How numbers are written."),
    of("lc_time", "C.UTF-8", None, "user", "string", "How times are written."),
    of("lock_timeout", "0", Some("ms"), "user", "integer", "Milliseconds that a statement waits for a lock."),
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
    of("wal_level", "replica", None, "postmaster", "enum", "What is written to the log."),
    of("work_mem", "4096", Some("kB"), "user", "integer", "Kilobytes that an operator may take."),
    of("xmlbinary", "base64", None, "user", "enum", "How bytes are written in XML."),
    of("xmloption", "content", None, "user", "enum", "What an XML value is."),
];

/// The value of a setting, whatever the case of its name; of Portrait and of the engine as well.
pub fn value(name: &str, options: &ConfigOptions, role: &str) -> Option<String> {
    let lower = name.to_lowercase();
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
