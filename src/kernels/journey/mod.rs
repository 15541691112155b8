//! What customers do, in the order of time.
//!
//! | file | what it holds |
//! |---|---|
//! | [`events`] | events as they arrive, in buckets of customers, and the events of each customer in order |
//! | [`funnel`] | how far a customer comes along steps within a window |
//! | [`sessions`] | runs of events without a long pause |
//! | [`retention`] | who comes back how many periods later |

pub mod events;
pub mod funnel;
pub mod retention;
pub mod sessions;
