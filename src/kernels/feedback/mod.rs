//! Customer feedback: survey scores, and themes in texts.

pub mod communities;
pub mod found;
pub mod score;
pub mod texts;
pub mod themes;
