//! Strings: parts, similarity, and formatted values, under the names of other systems.

mod compiled;
mod found;
mod likeness;
mod parts;
mod patterns;
mod split;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("texts", "Texts under the names of other dialects")
        .expressions(&parts::ALL)
        .expressions(&patterns::ALL)
        .expressions(&likeness::ALL)
        .scalar(found::RegexpExtractAll)
        .scalar(split::RegexpSplitToArray)
}
