//! What becomes of what does not fit.

use crate::adapter::step::LeftOut;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Error,
    Skip,
    /// Of a value: it is NULL. Of a row: what is missing is NULL.
    Null,
}

impl Policy {
    /// By the word of an option.
    pub fn of(word: &str) -> Self {
        match word {
            "skip" => Self::Skip,
            "pad" | "null" => Self::Null,
            _ => Self::Error,
        }
    }
}

/// Rows that are left out.
pub fn skipped() -> LeftOut {
    LeftOut { counter: "rows_skipped".into(), one: "row that does not fit".into(), many: "rows that do not fit".into() }
}

/// Values that are NULL as they do not fit.
pub fn emptied() -> LeftOut {
    LeftOut { counter: "values_emptied".into(), one: "value that does not fit".into(), many: "values that do not fit".into() }
}
