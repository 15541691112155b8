//! Removes an erased person from texts in the catalog: messages of runs, comments, results of checks, definitions, and what models have
//! learned.

use std::collections::BTreeMap;

use datafusion::common::Result;
use rusqlite::Row;

use super::Catalog;
use super::erasure::ErasedObject;
use super::keys::{Link, Text};

/// The texts of the catalog: table, column, and what the receipt calls them.
const TEXTS: [(&str, &str, &str); 10] = [
    ("runs", "message", "messages of runs"),
    ("runs", "statement", "statements of runs"),
    ("notices", "body", "notices about runs"),
    ("notices", "problem", "notices about runs"),
    ("comments", "comment", "comments"),
    ("check_results", "message", "results of checks"),
    ("check_results", "examples", "results of checks"),
    ("check_results", "detail", "results of checks"),
    ("drifts", "distribution", "the drift of tags"),
    ("erasures", "reason", "reasons of erasures"),
];

/// Removes keys from logged texts and definitions, and values from trained models. Reports what cannot be changed automatically as left to
/// do.
pub fn clean(
    transaction: &Link<'_>,
    without_keys: &dyn Fn(&str) -> Option<String>,
    has_values: &dyn Fn(&str) -> bool,
    without_literals: &dyn Fn(&str) -> Option<String>,
    without_values: &dyn Fn(&str) -> Option<(String, i64)>,
) -> rusqlite::Result<Vec<ErasedObject>> {
    let mut cleaned: BTreeMap<&str, i64> = BTreeMap::new();
    for (table, column, called) in TEXTS {
        for text in transaction.texts(table, column)? {
            let Some(clean) = without_keys(&text.text) else { continue };
            transaction.put_text(table, column, &text, &clean)?;
            *cleaned.entry(called).or_default() += 1;
        }
    }
    let left = clean_definitions(transaction, without_keys, has_values, without_literals, &mut cleaned)?;
    let models = clean_models(transaction, without_values)?;
    let erased = |object: &str, rows: i64, note: &str| ErasedObject {
        object: object.into(),
        state: "erased",
        rows,
        files: 0,
        note: note.into(),
    };
    let cleaned = cleaned.into_iter().map(|(object, rows)| erased(object, rows, "the key is no longer there"));
    let mut objects: Vec<ErasedObject> = cleaned.collect();
    if models > 0 {
        objects.push(erased("models", models, "values that occurred only for this person got another name"));
    }
    objects.extend(left);
    Ok(objects)
}

/// Earlier versions of definitions are only displayed, and so is the query that created a table's first rows. Literals next to a key in
/// them may be personal data too, so all literals are removed. The newest versions of other objects are in use and cannot be changed.
fn clean_definitions(
    transaction: &Link<'_>,
    without_keys: &dyn Fn(&str) -> Option<String>,
    has_values: &dyn Fn(&str) -> bool,
    without_literals: &dyn Fn(&str) -> Option<String>,
    cleaned: &mut BTreeMap<&str, i64>,
) -> rusqlite::Result<Vec<ErasedObject>> {
    const VERSIONS: &str = "SELECT v.rowid, v.version = o.version, o.kind || ' ' || o.name
         FROM versions v JOIN objects o ON o.id = v.object ORDER BY o.id, v.version";
    let version = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let versions: Vec<(i64, bool, String)> =
        transaction.prepare_cached(VERSIONS)?.query_map([], version)?.collect::<rusqlite::Result<_>>()?;
    let texts: BTreeMap<i64, Text> = transaction.texts("versions", "sql")?.into_iter().map(|text| (text.number, text)).collect();
    let mut left = vec![];
    for (version, is_newest, label) in versions {
        let Some(text) = texts.get(&version) else { continue };
        let sql = &text.text;
        let has_keys = without_keys(sql).is_some();
        if !has_keys && !has_values(sql) {
            continue;
        }
        // Defaults of columns are in use as well.
        let is_used = is_newest && (!label.starts_with("table ") || sql.to_uppercase().contains("DEFAULT"));
        match without_literals(sql).filter(|_| !is_used) {
            Some(clean) => {
                transaction.put_text("versions", "sql", text, &clean)?;
                *cleaned.entry("definitions of tables, earlier versions of others").or_default() += 1;
            }
            None => {
                let note = match has_keys {
                    true => "its definition contains the key: create it again without that, then run the statement again",
                    false => {
                        "its definition contains a text that no other row had: if it is of this person, create it again without that"
                    }
                };
                left.push(ErasedObject::left(label, "to do", note));
            }
        }
    }
    Ok(left)
}

/// Replaces values that models have learned; returns how many.
fn clean_models(transaction: &Link<'_>, without_values: &dyn Fn(&str) -> Option<(String, i64)>) -> rusqlite::Result<i64> {
    let mut count = 0;
    for model in transaction.texts("models", "trained")? {
        if let Some((clean, changed)) = without_values(&model.text) {
            transaction.put_text("models", "trained", &model, &clean)?;
            count += changed;
        }
    }
    Ok(count)
}

impl Catalog {
    /// All versions of all definitions.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn definitions(&self) -> Result<Vec<String>> {
        self.read(|connection| Ok(connection.texts("versions", "sql")?.into_iter().map(|version| version.text).collect()))
    }

    /// All versions of all models, in their stored form.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn trained(&self) -> Result<Vec<String>> {
        self.read(|connection| Ok(connection.texts("models", "trained")?.into_iter().map(|model| model.text).collect()))
    }
}
