//! What customers say: scores of surveys, and themes of texts.

pub mod communities;
pub mod found;
pub mod score;
pub mod texts;
pub mod themes;
