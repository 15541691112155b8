//! What to do with rows and values that do not fit.

use crate::adapter::step::{EMPTIED, LeftOut};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Error,
    Skip,
    /// A value becomes NULL; in a row, missing values become NULL.
    Null,
}

impl Policy {
    /// Parses the value of an option.
    pub fn of(word: &str) -> Self {
        match word {
            "skip" => Self::Skip,
            "pad" | "null" => Self::Null,
            _ => Self::Error,
        }
    }
}

/// The counter of skipped rows.
pub fn skipped() -> LeftOut {
    LeftOut {
        counter: "rows_skipped".into(),
        one: "row of a file that does not fit".into(),
        many: "rows of files that do not fit".into(),
    }
}

/// The counter of values that were set to NULL because they do not fit.
pub fn emptied() -> LeftOut {
    LeftOut {
        counter: EMPTIED.into(),
        one: "value of a file that does not fit its column".into(),
        many: "values of files that do not fit their columns".into(),
    }
}
