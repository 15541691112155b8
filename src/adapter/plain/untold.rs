//! `#[serde(with = "untold")]`: a field that is not shown by EXPLAIN.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nothing to a reader, the value to a machine.
pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { serializer.serialize_none() } else { value.serialize(serializer) }
}

/// The value.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}
