//! The values of rows that a stored model holds, and how those of an erased person leave it.
//!
//! A model keeps no rows. For a categorical feature it keeps the distinct values in ascending order, which predictions search; types of
//! models repeat some of them, as modes or as names of coefficients; and a classifier keeps the two values of its target. A value that only
//! the erased person had is replaced by a placeholder that sorts to the same position: the value before it, followed by a suffix. All else
//! in a stored model is a name or a number, and stays as it is, even where it reads like an erased value.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::stored::{StoredForm, Trained};
use crate::learning::features::Kind;
use crate::learning::supervised::target::{Classes, Target};

/// The end of a placeholder. No other value sorts between a text and the same text followed by this.
const ERASED: &str = "\0***";

/// The values that a stored model holds.
pub fn learned_values(text: &str) -> BTreeSet<String> {
    let Ok(trained) = Trained::read("model", text) else { return BTreeSet::new() };
    let classes = classes(&StoredForm { label: "model", trained: &trained, text });
    let mut values: BTreeSet<String> = classes.into_iter().flat_map(|classes| [classes.negative, classes.positive]).collect();
    values.extend(trained.features.into_iter().flat_map(|feature| feature.values).map(|(value, _)| value));
    values
}

/// The classes of a target of text.
fn classes(stored: &StoredForm<'_>) -> Option<Classes> {
    #[derive(Deserialize)]
    struct Body {
        target: Target,
    }
    let body: Body = stored.body().ok()?;
    body.target.classes.filter(|classes| classes.data_type().is_string())
}

/// The stored model with placeholders for these values, and how many of them it held; `None` when it held none.
pub fn without_values(text: &str, values: &BTreeSet<String>) -> Option<(String, i64)> {
    let mut trained = Trained::read("model", text).ok()?;
    let stored = StoredForm { label: "model", trained: &trained, text };
    let (classes, mut body) = (classes(&stored), stored.body::<Value>().ok()?);
    let mut found = BTreeSet::new();
    // The new names, by feature and value.
    let mut renamed = BTreeMap::new();
    for feature in &mut trained.features {
        let mut before = String::new();
        for (value, _) in &mut feature.values {
            // An earlier placeholder repeats the value before it, which may now be erased too.
            if values.contains(value) || value.ends_with(ERASED) {
                let own = std::mem::replace(value, format!("{before}{ERASED}"));
                found.extend(values.get(&own));
                renamed.insert((feature.name.clone(), own), value.clone());
            }
            before.clone_from(value);
        }
    }
    for (member, value) in classes.iter().flat_map(|classes| [("negative", &classes.negative), ("positive", &classes.positive)]) {
        if let Some(value) = values.get(value) {
            body["target"]["classes"][member] = ERASED.into();
            found.insert(value);
        }
    }
    let rename = |feature: &str, value: &mut Value| {
        let new = value.as_str().and_then(|own| renamed.get(&(feature.to_string(), own.to_string())));
        new.is_some_and(|new| {
            *value = new.as_str().into();
            true
        })
    };
    // Cluster models: the most frequent values of each cluster.
    for modes in members(&mut body, "/modes") {
        for (feature, mode) in trained.of_kind(Kind::Category).zip(members(modes, "")) {
            rename(&feature.name, mode);
        }
    }
    // Cox models: the feature and value of each coefficient.
    for named in members(&mut body, "/named") {
        if let Some([Value::String(feature), value]) = named.as_array_mut().map(Vec::as_mut_slice) {
            rename(feature, value);
        }
    }
    // Linear models: the same, and a name made of both.
    for weight in members(&mut body, "/learner/linear/weights") {
        if let Some(feature) = weight["feature"].as_str().map(str::to_string)
            && weight.get_mut("category").is_some_and(|category| rename(&feature, category))
        {
            weight["name"] = format!("{feature} = {}", weight["category"].as_str().unwrap_or_default()).into();
        }
    }
    trained.notes.retain(|note| !renamed.keys().any(|(feature, value)| note.contains(&format!("{feature} = {value}"))));
    let count = i64::try_from(found.len()).ok().filter(|count| *count > 0)?;
    Some((trained.to_text(&body).ok()?, count))
}

/// The members of the list at a place.
fn members<'a>(value: &'a mut Value, place: &str) -> impl Iterator<Item = &'a mut Value> {
    value.pointer_mut(place).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn feature(name: &str, values: &Value) -> Value {
        json!({ "name": name, "kind": "category", "missing": 0, "statistics": {}, "values": values })
    }

    fn weight(name: &str, feature: &str, category: &str) -> Value {
        json!({ "name": name, "feature": feature, "category": category, "value": 0.5 })
    }

    fn stored(body: &Value) -> String {
        let cities = json!([["Ann", 1], ["Bob", 1], ["Cai", 7], ["city", 2]]);
        json!({
            "type": "any", "key": "city", "missing": "error", "options": "", "rows": 11, "skipped": 0, "metrics": { "rows": 0.1 },
            "features": [feature("city", &cities), feature("name", &json!([["Bob", 11]]))],
            "notes": ["city = Bob: all rows there belong to one class", "city is too good"],
            "body": body,
        })
        .to_string()
    }

    fn without(text: &str, values: &[&str]) -> (Value, i64) {
        let values = values.iter().map(|value| (*value).to_string()).collect();
        let (clean, count) = without_values(text, &values).unwrap();
        (serde_json::from_str(&clean).unwrap(), count)
    }

    #[test]
    fn values_get_names_that_sort_to_the_same_place() {
        let body = json!({ "modes": [["Bob", "Bob"], ["Cai", "Bob"]], "named": [["city", "Bob"], ["age", null]], "x": 0.1 });
        let (clean, count) = without(&stored(&body), &["Ann", "Bob"]);
        assert_eq!(count, 2);
        let text = clean.to_string();
        assert!(!text.contains("Ann") && !text.contains("Bob"), "{text}");
        let values: Vec<&str> =
            clean["features"][0]["values"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
        assert!(values.is_sorted() && values[2] == "Cai", "{values:?}");
        // Each feature has its own order.
        let in_name = &clean["features"][1]["values"][0][0];
        assert_eq!(clean["body"]["modes"], json!([[values[1], in_name], ["Cai", in_name]]));
        assert_eq!(clean["body"]["named"], json!([["city", values[1]], ["age", null]]));
        assert_eq!(clean["notes"], json!(["city is too good"]));
        assert_eq!(without_values(&stored(&body), &["Bo".to_string()].into()), None);
        // A later erasure also takes the value that an earlier placeholder repeats.
        let (first, _) = without(&stored(&body), &["Bob"]);
        let (second, count) = without(&first.to_string(), &["Ann"]);
        assert_eq!((count, &second["features"]), (1, &clean["features"]));
        assert!(!second.to_string().contains("Ann"), "{second}");
    }

    #[test]
    fn names_and_numbers_stay() {
        let body = json!({ "values": { "estimate": "0.1" }, "city": ["city"] });
        let (clean, count) = without(&stored(&body), &["city", "values", "0.1", "category"]);
        assert_eq!((count, &clean["features"][0]["values"][3][0]), (1, &json!("Cai\0***")));
        assert_eq!((&clean["key"], &clean["features"][0]["name"]), (&json!("city"), &json!("city")));
        assert_eq!((&clean["body"], &clean["metrics"]), (&body, &json!({ "rows": 0.1 })));
        assert_eq!(learned_values(&stored(&body)), ["Ann", "Bob", "Cai", "city"].map(String::from).into());
    }

    #[test]
    fn coefficients_and_classes_are_renamed() {
        let classes = json!({ "negative": "Bob", "positive": "no", "data_type": "Utf8" });
        let body = json!({
            "target": { "column": "city", "classes": classes },
            "learner": { "linear": { "weights": [{ "name": "intercept", "value": 1.5 }, weight("city = Bob", "city", "Bob")] } },
        });
        let (clean, count) = without(&stored(&body), &["Bob"]);
        assert_eq!(count, 1);
        assert_eq!(clean["body"]["target"]["classes"], json!({ "negative": "\0***", "positive": "no", "data_type": "Utf8" }));
        let weights = &clean["body"]["learner"]["linear"]["weights"];
        assert_eq!((&weights[0]["name"], &weights[1]), (&json!("intercept"), &weight("city = Ann\0***", "city", "Ann\0***")));
        assert!(learned_values(&stored(&body)).contains("no"));
    }
}
