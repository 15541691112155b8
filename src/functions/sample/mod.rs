//! A sample shop to try things on: seeded tables that look real, of any size, the same on every machine.
//!
//! [`shop`] generates customers, orders, lines and events with integers only; each file here converts one kind into rows. The
//! data come in blocks of 100 customers with 1,000 orders, 2,500 lines and 2,500 events, generated independently of one
//! another, so that any partitioning gives the same rows and tables of matching sizes fit together.
//!
//! The data contains planted patterns: customer groups with different tastes, customers who leave, products bought together, a
//! funnel from view to payment, and dirty data: persons registered twice, ages of 200, guest orders, negative quantities,
//! gaps. [`truth`] holds the correct values.

mod catalogue;
mod customers;
mod events;
mod order_items;
mod orders;
mod shop;
mod table;
mod tastes;
mod truth;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("sample", "Sample data: a shop of any size")
        .relation(table::SampleTable::<customers::Customers>::new())
        .relation(table::SampleTable::<orders::Orders>::new())
        .relation(table::SampleTable::<order_items::OrderItems>::new())
        .relation(table::SampleTable::<events::Events>::new())
        .relation(table::SampleTable::<truth::Truths>::new())
}
