//! The options of a table of another database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use datafusion::common::Result;

use super::{Asked, CREDENTIALS};
use crate::error::{did_you_mean, invalid};

/// The parsed OPTIONS.
#[derive(Debug)]
pub struct DatabaseOptions {
    pub relation: Asked,
    /// The file with the password, as an absolute path.
    pub credentials: Option<PathBuf>,
}

impl DatabaseOptions {
    /// Reads the options. Error messages never show their values, because somebody may have written a password there.
    ///
    /// # Errors
    /// An option is unknown, or there is not exactly one of `table` and `query`.
    pub fn read(subject: &str, kind: &str, given: &HashMap<String, String>, base: &Path) -> Result<Self> {
        let known: &[&str] =
            if kind.eq_ignore_ascii_case("SQLITE") { &["table", "query"] } else { &["table", "query", CREDENTIALS] };
        let mut keys: Vec<&String> = given.keys().collect();
        // Sorted, because errors must not depend on the order of a hash table.
        keys.sort();
        for key in keys {
            let plain = plain(key);
            if known.contains(&plain.as_str()) {
                continue;
            }
            let problem = match plain.as_str() {
                "password" | "user" | "username" => format!(
                    "{plain} is not an option, as dumps and system tables would show it; set PGUSER and PGPASSWORD, or name a file \
                     with OPTIONS ('credentials' 'FILE')"
                ),
                _ => {
                    let suggestion = did_you_mean(&plain, known.iter().copied());
                    format!("{plain} is not an option{suggestion}; tables of {kind} take {}", known.join(", "))
                }
            };
            return Err(invalid(subject, problem));
        }
        let value = |name: &str| given.iter().find(|(key, _)| plain(key) == name).map(|(_, value)| value.trim().to_string());
        let relation = match (value("table"), value("query")) {
            (Some(table), None) if !table.is_empty() => Asked::Table(table),
            // The query will be put in parentheses, so its final semicolon is removed.
            (None, Some(query)) if !query.is_empty() => {
                Asked::Query(query.trim_end_matches(|letter: char| letter == ';' || letter.is_whitespace()).to_string())
            }
            _ => {
                let problem = format!(
                    "must say what is read: OPTIONS ('table' 'NAME') or OPTIONS ('query' 'SELECT …') in the SQL of {kind}"
                );
                return Err(invalid(subject, problem));
            }
        };
        Ok(Self { relation, credentials: value(CREDENTIALS).map(|file| base.join(file)) })
    }
}

/// The key as it was written; DataFusion adds the prefix `format.`.
fn plain(key: &str) -> String {
    key.strip_prefix("format.").unwrap_or(key).to_lowercase()
}
