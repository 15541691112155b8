//! `json_merge_patch(json, patch)`: changes JSON as RFC 7396 says. Members of the patch replace those of the value, null removes one, and
//! objects are merged in turn.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ColumnarValue;

use super::quote;
use super::reading::parsed;
use crate::builtins::dates::{arrays, is_text};
use crate::builtins::scalar::Scalar;
use crate::kernels::json::{Json, Kind};

const NAME: &str = "json_merge_patch";

/// Objects within objects that are merged; what lies deeper replaces.
const DEEPEST: usize = 100;

pub static PATCH: Scalar = Scalar {
    name: NAME,
    takes: |types| match types {
        [_, _, ..] if types.iter().all(is_text) => Ok(vec![DataType::Utf8; types.len()]),
        _ => plan_err!("json_merge_patch takes two or more JSON strings, got {types:?}"),
    },
    gives: |_| Ok(DataType::Utf8),
    compute: |arguments| {
        let texts = arrays(arguments)?;
        let texts = texts.iter().map(|array| cast(array, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<&StringArray> = texts.iter().map(|array| array.as_string::<i32>()).collect();
        let merged = (0..arguments.number_rows).map(|row| {
            let values = columns.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
            let Some(values) = values.collect::<Option<Vec<&str>>>() else { return Ok(None) };
            let Some((first, patches)) = values.split_first() else { return Ok(None) };
            parsed(NAME, first)?;
            let mut so_far = (*first).to_string();
            for patch in patches {
                let mut text = String::new();
                merge(Json::parse(&so_far), parsed(NAME, patch)?, 0, &mut text);
                so_far = text;
            }
            Ok(Some(so_far))
        });
        Ok(ColumnarValue::Array(Arc::new(merged.collect::<Result<StringArray>>()?)))
    },
    written: |_| None,
};

fn merge(value: Option<Json<'_>>, patch: Json<'_>, depth: usize, text: &mut String) {
    if patch.kind() != Kind::Object || depth > DEEPEST {
        text.push_str(patch.source());
        return;
    }
    let own = value.map(members).unwrap_or_default();
    let new = members(patch);
    let mut between = "";
    text.push('{');
    let mut put = |name: &str, old: Option<Json<'_>>, part: Json<'_>, is_new: bool, text: &mut String| {
        text.push_str(between);
        between = ",";
        quote(name, text);
        text.push(':');
        if is_new { merge(old, part, depth + 1, text) } else { text.push_str(part.source()) }
    };
    for (name, part) in &own {
        match new.iter().find(|(other, _)| other == name) {
            None => put(name, None, *part, false, text),
            Some((_, changed)) if changed.kind() == Kind::Null => {}
            Some((_, changed)) => put(name, Some(*part), *changed, true, text),
        }
    }
    for (name, part) in &new {
        let is_known = own.iter().any(|(other, _)| other == name);
        if !is_known && part.kind() != Kind::Null {
            put(name, None, *part, true, text);
        }
    }
    text.push('}');
}

/// The members of an object; of equal names, the last one counts.
fn members(json: Json<'_>) -> Vec<(Cow<'_, str>, Json<'_>)> {
    let mut members: Vec<(Cow<'_, str>, Json<'_>)> = vec![];
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for (name, part) in json.members() {
        match places.get(&name) {
            Some(place) => members[*place].1 = part,
            None => {
                places.insert(name.clone(), members.len());
                members.push((name, part));
            }
        }
    }
    members
}
