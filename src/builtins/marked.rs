//! A value with a marker, which is removed when the statement is planned.

use super::wrapper::Wrapper;

/// The name of the function, `marked_value(value, number)`.
pub const NAME: &str = "marked_value";

/// The function.
pub static MARKED: Wrapper = Wrapper::new(NAME, 2);
