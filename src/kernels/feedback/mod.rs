//! Customer feedback: survey scores, and themes of texts.

pub mod communities;
pub mod found;
pub mod score;
pub mod texts;
pub mod themes;
