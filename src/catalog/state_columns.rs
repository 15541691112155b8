//! The columns of a profile's state: the file with one row per customer that a refresh publishes.
//!
//! An attribute or tag may have any name, so that each kind of column has a prefix of its own, and the colon is forbidden in names
//! (a tag `since:x` would be taken for the beginning of `x`). Whoever reads or writes a state takes the names from here.

/// The key. It has no prefix, as it is the one column of its kind.
pub const KEY: &str = "key";

/// The value of an attribute or tag.
pub fn value(name: &str) -> String {
    format!("value:{name}")
}

/// Since when a tag has its value.
pub fn since(name: &str) -> String {
    format!("since:{name}")
}

/// The version of the tag's definition that gave its value.
pub fn version(name: &str) -> String {
    format!("version:{name}")
}

/// Since when a customer is in a segment; NULL outside it.
pub fn segment(name: &str) -> String {
    format!("segment:{name}")
}
