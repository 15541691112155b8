//! What customers say: scores of surveys, themes of texts, and what must not be quoted of them.

pub mod communities;
pub mod found;
pub mod masked;
pub mod score;
pub mod texts;
pub mod themes;
