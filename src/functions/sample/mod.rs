//! A shop to try things on: seeded tables that look like a real one, of any size, the same on every machine.
//!
//! [`shop`] invents customers, orders, lines and events with integers only; each file here turns one kind into rows. The
//! data come in blocks of 100 customers with 1,000 orders, 2,500 lines and 2,500 events, made independently of one another,
//! so that any partitioning gives the same rows and tables of matching sizes fit together.
//!
//! Planted for later work: customer groups with their own tastes, customers who leave, products bought together, a funnel from
//! view to payment, and dirt: one person registered twice, ages of 200, guests' orders, negative quantities, gaps; [`truth`] tells
//! what is so.

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
