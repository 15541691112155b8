//! Removes an erased person from texts in the catalog: messages of runs, comments, results of checks, definitions, and what models have
//! learned.
//!
//! A model keeps no rows. For a categorical feature it keeps the distinct values in ascending order, which predictions search. A value that
//! only the erased person had is replaced by a placeholder that sorts to the same position.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use rusqlite::Row;
use serde_json::Value;

use super::Catalog;
use super::erasure::ErasedObject;
use super::keys::{Link, Text};

/// The text in a placeholder for an erased value.
const ERASED: &str = "***";

/// The texts of the catalog: table, column, and what the receipt calls them.
const TEXTS: [(&str, &str, &str); 6] = [
    ("runs", "message", "messages of runs"),
    ("runs", "statement", "statements of runs"),
    ("comments", "comment", "comments"),
    ("check_results", "message", "results of checks"),
    ("check_results", "examples", "results of checks"),
    ("check_results", "detail", "results of checks"),
];

/// Removes keys from logged texts and definitions, and values from trained models. Reports what cannot be changed automatically as left to
/// do.
pub fn clean(
    transaction: &Link<'_>,
    without_keys: &dyn Fn(&str) -> Option<String>,
    without_literals: &dyn Fn(&str) -> Option<String>,
    texts: &BTreeSet<String>,
) -> rusqlite::Result<Vec<ErasedObject>> {
    let mut cleaned: BTreeMap<&str, i64> = BTreeMap::new();
    for (table, column, called) in TEXTS {
        for text in transaction.texts(table, column)? {
            let Some(clean) = without_keys(&text.text) else { continue };
            transaction.put_text(table, column, &text, &clean)?;
            *cleaned.entry(called).or_default() += 1;
        }
    }
    let left = clean_definitions(transaction, without_keys, without_literals, &mut cleaned)?;
    let models = clean_models(transaction, texts)?;
    let erased = |object: &str, rows: i64, note: &str| ErasedObject {
        object: object.into(),
        state: "erased",
        rows,
        files: 0,
        note: note.into(),
    };
    let cleaned = cleaned.into_iter().map(|(object, rows)| erased(object, rows, "the key stands there no more"));
    let mut objects: Vec<ErasedObject> = cleaned.collect();
    if models > 0 {
        objects.push(erased("models", models, "values of features that nobody else has have another name"));
    }
    objects.extend(left);
    Ok(objects)
}

/// Earlier versions of definitions are only displayed, and so is the query that created a table's first rows. Literals next to a key in
/// them may be personal data too, so all literals are removed. The newest versions of other objects are in use and cannot be changed.
fn clean_definitions(
    transaction: &Link<'_>,
    without_keys: &dyn Fn(&str) -> Option<String>,
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
        let Some(text) = texts.get(&version).filter(|text| without_keys(&text.text).is_some()) else { continue };
        let sql = &text.text;
        // Defaults of columns are in use as well.
        let is_used = is_newest && (!label.starts_with("table ") || sql.to_uppercase().contains("DEFAULT"));
        match without_literals(sql).filter(|_| !is_used) {
            Some(clean) => {
                transaction.put_text("versions", "sql", text, &clean)?;
                *cleaned.entry("definitions of tables, earlier versions of others").or_default() += 1;
            }
            None => {
                let note = "its definition contains the key: create it again without that, then run the statement again";
                left.push(ErasedObject::left(label, "to do", note));
            }
        }
    }
    Ok(left)
}

/// Replaces values of features by placeholders; returns how many.
fn clean_models(transaction: &Link<'_>, texts: &BTreeSet<String>) -> rusqlite::Result<i64> {
    if texts.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    for model in transaction.texts("models", "trained")? {
        let (clean, changed) = without_values(model.text.clone(), texts);
        if changed > 0 {
            transaction.put_text("models", "trained", &model, &clean)?;
            count += changed;
        }
    }
    Ok(count)
}

/// A trained model with placeholders for the values, and how many were replaced.
fn without_values(mut trained: String, texts: &BTreeSet<String>) -> (String, i64) {
    let mut count = 0;
    // In ascending order, so that when two values are adjacent, the second placeholder builds on the first.
    for text in texts {
        let Some(written) = as_json(text).filter(|written| trained.contains(written.as_str())) else { continue };
        let Ok(read) = serde_json::from_str::<Value>(&trained) else { continue };
        let before = value_before(&read, text).unwrap_or_default();
        // No other value sorts between a text and the same text followed by this suffix.
        let Some(name) = as_json(&format!("{before}\0{ERASED}")) else { continue };
        trained = trained.replace(&written, &name);
        count += 1;
    }
    (trained, count)
}

fn as_json(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

/// The value before `text` in a list of values with their counts; an empty string when it is the first.
fn value_before(read: &Value, text: &str) -> Option<String> {
    match read {
        Value::Array(list) => {
            let value = |pair: &Value| pair.get(0).and_then(Value::as_str).map(str::to_string);
            let place = list.iter().position(|pair| pair.is_array() && value(pair).as_deref() == Some(text));
            match place {
                Some(0) => Some(String::new()),
                Some(place) => list.get(place - 1).and_then(value),
                None => list.iter().find_map(|item| value_before(item, text)),
            }
        }
        Value::Object(members) => members.values().find_map(|member| value_before(member, text)),
        _ => None,
    }
}

impl Catalog {
    /// What all versions of all models have learned, as JSON.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn learned(&self) -> Result<Vec<String>> {
        self.read(|connection| Ok(connection.texts("models", "trained")?.into_iter().map(|model| model.text).collect()))
    }
}

/// True when some model has learned this text as a value.
pub fn is_learned(learned: &[String], text: &str) -> bool {
    as_json(text).is_some_and(|written| learned.iter().any(|trained| trained.contains(&written)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_names_that_sort_to_the_same_place() {
        let trained =
            r#"{"features":[{"name":"city","values":[["Ann",1],["Bob",1],["Cai",7],["Don",2]]}],"modes":["Bob","Cai"],"x":0.1}"#;
        let texts = ["Ann", "Bob"].map(String::from).into();
        let (clean, count) = without_values(trained.to_string(), &texts);
        assert_eq!(count, 2);
        assert!(!clean.contains("Ann") && !clean.contains("Bob"), "{clean}");
        let read: Value = serde_json::from_str(&clean).unwrap();
        let values = read["features"][0]["values"].as_array().unwrap();
        let values: Vec<&str> = values.iter().map(|pair| pair[0].as_str().unwrap()).collect();
        assert!(values.is_sorted() && values[2] == "Cai", "{values:?}");
        assert_eq!(read["modes"][0].as_str(), Some(values[1]));
        assert_eq!(without_values(trained.to_string(), &["Bo".to_string()].into()).1, 0);
    }
}
