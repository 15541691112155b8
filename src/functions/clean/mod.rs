//! Cleaning: what people type, brought to one form. Bad input gives NULL, and a sister function says why.

mod phone;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("clean", "Cleaning of contact data, dates, numbers and texts").texts(&phone::ALL)
}
