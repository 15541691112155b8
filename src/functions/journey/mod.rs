//! What customers do: sessions, funnels, retention.
//!
//! ```text
//! events ─▶ usable rows ─▶ the events of each customer, in order ─▶ a kernel's scan ─▶ rows
//!           (counted)      (by_customer: spills, in parallel)       (kernels::journey)
//! ```

mod attribution;
mod by_customer;
mod funnel;
mod journey_edges;
mod journey_paths;
mod options;
mod paths;
mod retention;
mod sessionize;
mod window_funnel;
mod window_funnel_customers;

use crate::adapter::FunctionSet;
use by_customer::ByCustomer;

pub fn functions() -> FunctionSet {
    FunctionSet::new("journey", "What customers do, in the order of time")
        .relation(window_funnel::WindowFunnel)
        .relation(window_funnel_customers::WindowFunnelCustomers)
        .relation(attribution::Attribution)
        .relation(journey_paths::JourneyPaths)
        .relation(journey_edges::JourneyEdges)
        .step::<ByCustomer<attribution::Dealing>>()
        .step::<ByCustomer<paths::Walks>>()
        .relation(sessionize::Sessionize)
        .relation(retention::Retention)
        .step::<ByCustomer<sessionize::Sessions>>()
        .step::<ByCustomer<retention::Grid>>()
        .step::<ByCustomer<window_funnel::Steps<funnel::Ungrouped>>>()
        .step::<ByCustomer<window_funnel::Steps<funnel::ByGroup>>>()
        .step::<ByCustomer<window_funnel_customers::Deepest<funnel::Ungrouped>>>()
        .step::<ByCustomer<window_funnel_customers::Deepest<funnel::ByGroup>>>()
}
