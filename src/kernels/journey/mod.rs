//! What customers do, in the order of time.
//!
//! | file | what it holds |
//! |---|---|
//! | [`events`] | events as they arrive, in buckets of customers, and the events of each customer in order |
//! | [`coded`] | events as the code of what happened |
//! | [`attribution`] | which channels conversions are owed to |
//! | [`differences`] | shares of two groups, compared |
//! | [`paths`] | what customers do after one another |
//! | [`sequences`] | frequent sequences |
//! | [`funnel`] | how far a customer comes along steps within a window |
//! | [`pattern`] | whether, and how often, a pattern occurs |
//! | [`sessions`] | runs of events without a long pause |
//! | [`retention`] | who comes back how many periods later |

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
