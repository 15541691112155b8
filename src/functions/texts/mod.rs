//! Texts: their parts, how like two are, and how values are written into them, under the names that people bring with them.

mod found;
mod likeness;
mod parts;
mod patterns;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("texts", "Texts under the names of other dialects")
        .expressions(&parts::ALL)
        .expressions(&patterns::ALL)
        .expressions(&likeness::ALL)
        .scalar(found::RegexpExtractAll)
}
