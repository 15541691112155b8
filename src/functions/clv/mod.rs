//! Lifetime value: how often customers buy, how long they stay, and how much they are worth.
//!
//! ```text
//! orders ─▶ usable rows ─▶ purchases of a period (customer, period) ─▶ one row per customer
//!           (counted)       (aggregate: spills, in parallel)            (aggregate)
//! ```
//! `options` reads the orders for both summaries; the models over their columns are types of [`model`](crate::learning::model).

mod customer_lifetime_value;
mod exact_total;
mod holdout;
mod new_customer_purchases;
mod next_purchase;
mod options;
mod summary;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("clv", "Lifetime value: summaries of customers, purchase cycles")
        .relation(summary::ClvSummary)
        .relation(holdout::ClvHoldout)
        .object_function(customer_lifetime_value::CustomerLifetimeValue)
        .object_function(new_customer_purchases::NewCustomerPurchases)
        .table_macro(next_purchase::NextPurchase)
        .internal_scalar::<customer_lifetime_value::Worth>()
        .internal_aggregate::<exact_total::ExactTotal>()
}
