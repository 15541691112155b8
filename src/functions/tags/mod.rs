//! Tags (标签): aggregates that describe a customer by the customer's rows; and the rules of tags, parsed and checked.
//!
//! ```text
//! GROUP BY customer ─▶ preference, preference_share      what is chosen most, and how strongly
//!                      first_value_by, last_value_by     what came first, what holds now
//!                      single_value                      what must be one thing
//!                      purchase_cycle, trend             how often, and rising or falling
//!                      histogram                         how many rows have each value
//! ```
//! All but the last are [`GroupedFunction`](crate::adapter::aggregate::GroupedFunction)s. [`keys`] converts values of any type
//! to words or bytes with the same order; amounts are read as integers ([`amounts`](crate::adapter::amounts)), so that no
//! result depends on the order of rows, on partitions or on batches, to the last bit.

mod explain_tag;
mod histogram;
mod keys;
mod lists;
mod mece_check;
#[cfg(test)]
mod merging;
mod preference;
mod purchase_cycle;
mod rules;
mod single_value;
mod tag_coverage;
mod tag_drift;
mod time;
mod trend;
mod value_by;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("tags", "Tags: preferences, firsts and lasts, cycles and trends of customers; rules and their checks")
        .table_macro(explain_tag::ExplainTag)
        .table_macro(mece_check::MeceCheck)
        .table_macro(tag_coverage::TagCoverage)
        .table_macro(tag_drift::TagDrift)
        .aggregate(preference::Preference { share: false })
        .aggregate(preference::Preference { share: true })
        .aggregate(value_by::ValueBy { last: false })
        .aggregate(value_by::ValueBy { last: true })
        .aggregate(single_value::SingleValue)
        .aggregate(purchase_cycle::PurchaseCycle)
        .aggregate(trend::Trend)
        .aggregate(histogram::Histogram)
        .internal_aggregate::<histogram::HistogramOfBranches>()
}
