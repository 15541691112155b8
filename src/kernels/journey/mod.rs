//! What customers do, in the order of time.
//!
//! | file | what it holds |
//! |---|---|
//! | [`events`] | events as they arrive, in buckets of customers, and the events of each customer in order |
//! | [`funnel`] | how far a customer comes along steps within a window |
//! | [`sessions`] | runs of events without a long pause |
//! | [`paths`] | the way each customer takes |
//! | [`attribution`] | which channels conversions are owed to |
//! | [`retention`] | who comes back how many periods later |

pub mod attribution;
pub mod events;
pub mod funnel;
pub mod paths;
pub mod retention;
pub mod sessions;
