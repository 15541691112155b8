//! Sequences of customer events in time.
//!
//! | file | what it holds |
//! |---|---|
//! | [`events`] | collects events in buckets of customers, and returns the events of each customer in order |
//! | [`coded`] | events represented by the code of what happened |
//! | [`attribution`] | which channels conversions are credited to |
//! | [`differences`] | statistical comparison of the shares of two groups |
//! | [`paths`] | sequences of events from a start or to an end |
//! | [`sequences`] | frequent sequences |
//! | [`funnel`] | how many steps of a funnel a customer completes within a window |
//! | [`pattern`] | whether, and how often, a pattern of events matches |
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
