//! The columns of a profile's state: the file with one row per customer that a refresh publishes.
//!
//! An attribute or tag may have any name without a colon. Each kind of column has its own prefix, so that their names cannot clash (a tag
//! named `since:x` would be confused with the start of `x`). All code that reads or writes states uses these functions.

/// The key. It has no prefix, as it is the only column of its kind.
pub const KEY: &str = "key";

/// The value of an attribute or tag.
pub fn value(name: &str) -> String {
    format!("value:{name}")
}

/// The time since when a tag has its value.
pub fn since(name: &str) -> String {
    format!("since:{name}")
}

/// The version of the tag's definition that produced its value.
pub fn version(name: &str) -> String {
    format!("version:{name}")
}

/// The time since when a customer is in a segment; NULL for others.
pub fn segment(name: &str) -> String {
    format!("segment:{name}")
}

/// The attribute or tag whose value a column holds.
pub fn valued(column: &str) -> Option<&str> {
    column.strip_prefix("value:")
}
