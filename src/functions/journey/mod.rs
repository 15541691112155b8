//! Customer journeys: sessions, funnels, retention, paths, sequences, attribution.
//!
//! ```text
//! events ─▶ usable rows ─▶ the events of each customer, in order ─▶ a kernel's scan ─▶ rows
//!           (counted)      (by_customer: spills, in parallel)       (kernels::journey)
//! ```

mod attribution;
mod by_customer;
mod coded;
mod frequent_sequences;
mod funnel;
mod journey_edges;
mod journey_paths;
mod next_event;
mod options;
mod path_difference;
mod retention;
mod sequence_match;
mod sessionize;
mod touchpoints;
mod window_funnel;
mod window_funnel_customers;

use crate::adapter::FunctionSet;
use by_customer::ByCustomer;

pub fn functions() -> FunctionSet {
    FunctionSet::new("journey", "What customers do, in the order of time")
        .relation(window_funnel::WindowFunnel)
        .relation(window_funnel_customers::WindowFunnelCustomers)
        .relation(sessionize::Sessionize)
        .relation(retention::Retention)
        .relation(next_event::NextEvent)
        .relation(journey_paths::JourneyPaths)
        .relation(journey_edges::JourneyEdges)
        .relation(path_difference::PathDifference)
        .relation(frequent_sequences::FrequentSequences)
        .relation(attribution::Attribution)
        .table_macro(touchpoints::Touchpoints)
        .aggregate(sequence_match::SequenceMatch)
        .aggregate(sequence_match::SequenceCount)
        .step::<ByCustomer<sessionize::Sessions<sessionize::ByPause>>>()
        .step::<ByCustomer<sessionize::Sessions<sessionize::ByEvent>>>()
        .step::<ByCustomer<retention::Grid<retention::EveryEvent>>>()
        .step::<ByCustomer<retention::Grid<retention::ByCondition>>>()
        .step::<ByCustomer<retention::Grid<retention::ByGroup>>>()
        .step::<ByCustomer<next_event::Follows>>()
        .step::<ByCustomer<journey_paths::Paths>>()
        .step::<ByCustomer<journey_edges::Edges>>()
        .step::<ByCustomer<path_difference::Differences>>()
        .step::<ByCustomer<frequent_sequences::Mining>>()
        .step::<ByCustomer<attribution::Crediting>>()
        .step::<ByCustomer<window_funnel::Steps<funnel::Ungrouped>>>()
        .step::<ByCustomer<window_funnel::Steps<funnel::ByGroup>>>()
        .step::<ByCustomer<window_funnel_customers::Deepest<funnel::Ungrouped>>>()
        .step::<ByCustomer<window_funnel_customers::Deepest<funnel::ByGroup>>>()
}
