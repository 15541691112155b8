//! Names of columns that differ from file to file in capital letters only.

use std::collections::{BTreeSet, HashMap};

use datafusion::arrow::datatypes::{FieldRef, Schema};

/// Gives a column one name in all files when their headers differ in capital letters only: the declared name, or that of the first file.
/// A file that has both spellings keeps both.
pub fn spell_alike(files: &mut [&mut Vec<String>], declared: Option<&Schema>) {
    let declared = declared.into_iter().flat_map(|declared| declared.fields().iter()).map(|field| field.name().clone());
    let used: Vec<String> = declared.filter(|name| files.iter().any(|names| names.contains(name))).collect();
    // The spellings of each name.
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    for name in used {
        known.entry(name.to_lowercase()).or_default().push(name);
    }
    for names in files {
        let mut spellings: HashMap<String, usize> = HashMap::new();
        for name in names.iter() {
            *spellings.entry(name.to_lowercase()).or_default() += 1;
        }
        for name in names.iter_mut() {
            let plain = name.to_lowercase();
            let is_only = spellings.get(&plain) == Some(&1);
            let known = known.entry(plain).or_default();
            if known.contains(name) {
                continue;
            }
            match known.as_slice() {
                [one] if is_only => name.clone_from(one),
                _ => known.push(name.clone()),
            }
        }
    }
}

/// Gives the columns that an option names the capitals that the columns have, as queries do: a name stays if there is such a column, or
/// more than one that differs in capital letters only.
pub fn spell_options<'a, T>(named: &mut [(String, T)], columns: impl Iterator<Item = &'a String>) {
    let columns: Vec<&String> = columns.collect();
    for (name, _) in named {
        let plain = name.to_lowercase();
        let alike: BTreeSet<&String> = columns.iter().copied().filter(|column| column.to_lowercase() == plain).collect();
        if let (Some(column), 1) = (alike.first(), alike.len()) {
            name.clone_from(column);
        }
    }
}

/// Notes about columns whose names differ in capital letters only, unless they are known to occur `together`: they are probably the same.
/// Formats that are not read through a header keep them apart.
pub fn alike(location: &str, columns: &Schema, together: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut notes = vec![];
    for (place, one) in columns.fields().iter().enumerate() {
        let same = |other: &&FieldRef| other.name().to_lowercase() == one.name().to_lowercase();
        let Some(other) = columns.fields().iter().skip(place + 1).find(same) else { continue };
        let (one, other) = (one.name(), other.name());
        if !together(one, other) {
            notes.push(format!(
                "{location}: {one} and {other} differ in capital letters only, and are two columns; coalesce(\"{one}\", \"{other}\") takes \
                 them together"
            ));
        }
    }
    notes
}
