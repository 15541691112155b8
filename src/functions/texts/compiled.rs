//! Patterns of regular expressions, compiled once for all rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use datafusion::common::Result;

use crate::error::failed;

/// A compiled pattern. A pattern is nearly always the same on every row.
///
/// # Errors
/// The pattern is not valid.
pub fn compiled<'known, 'text, P, E>(
    function: &str,
    known: &'known mut HashMap<&'text str, P>,
    pattern: &'text str,
    compile: impl FnOnce(&str) -> Result<P, E>,
) -> Result<&'known P> {
    match known.entry(pattern) {
        Entry::Occupied(compiled) => Ok(compiled.into_mut()),
        Entry::Vacant(place) => {
            // What the engine says is the pattern alone.
            let compiled = compile(pattern).map_err(|_| {
                let rule = "close every bracket, and write \\ before a character to be taken literally";
                failed(function, format!("{pattern} is not a valid pattern; {rule}"))
            })?;
            Ok(place.insert(compiled))
        }
    }
}
