//! `#[serde(with = "untold")]`: a field that EXPLAIN does not show.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serializes nothing for human-readable formats, and the value for all others.
pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { serializer.serialize_none() } else { value.serialize(serializer) }
}

/// Deserializes the value.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}
