//! What customers do, in time order.
//!
//! | file | what it holds |
//! |---|---|
//! | [`events`] | events as they arrive, in buckets of customers, and the events of each customer in order |
//! | [`coded`] | events as the code of what happened |
//! | [`attribution`] | which channels conversions are credited to |
//! | [`differences`] | comparison of the shares of two groups |
//! | [`paths`] | sequences of events from a start or to an end |
//! | [`sequences`] | frequent sequences |
//! | [`funnel`] | how far a customer gets along steps within a window |
//! | [`pattern`] | whether, and how often, a pattern occurs |
//! | [`sessions`] | runs of events without a long pause |
//! | [`retention`] | who comes back after how many periods |

pub mod attribution;
pub mod coded;
pub mod differences;
pub mod events;
pub mod funnel;
pub mod paths;
pub mod pattern;
pub mod retention;
pub mod sequences;
pub mod sessions;
