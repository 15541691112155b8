//! Record linkage: which records belong to one person.
//!
//! | file | what it holds |
//! |---|---|
//! | [`components`] | connected components of pairs |
//! | [`bridges`] | edges that alone hold a component together |
//! | [`dictionary`] | numbers for values |
//! | [`resolve`] | records linked by shared values, with guards |
//! | [`stable`] | ids that stay with their persons from one run to the next |
//! | [`comparison`] | how similar two values are, in levels |
//! | [`pairs`] | the pairs to compare: blocking, and random pairs |
//! | [`fellegi_sunter`] | what the levels say about a pair: m, u, weights |

pub mod bridges;
pub mod comparison;
pub mod components;
pub mod dictionary;
pub mod fellegi_sunter;
pub mod pairs;
pub mod resolve;
pub mod stable;
