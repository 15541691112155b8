//! Tags: what is known of each customer, and by which rules.

mod mece_check;
mod rules;

use super::FunctionSet;

pub(super) fn functions() -> FunctionSet {
    FunctionSet::new("tags", "Tags: rules and their checks").table_macro(mece_check::MeceCheck)
}
