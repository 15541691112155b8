//! Record linkage: which records are of one person.
//!
//! | file | what it holds |
//! |---|---|
//! | [`components`] | connected components of pairs |
//! | [`bridges`] | edges that alone hold a component together |
//! | [`dictionary`] | numbers for values |
//! | [`resolve`] | records joined by what they share, with guards |
//! | [`stable`] | ids that stay with their persons from one run to the next |
//! | [`comparison`] | how alike two values are, in levels |
//! | [`pairs`] | the pairs that are compared: blocking, and pairs drawn at random |
//! | [`fellegi_sunter`] | what the levels say of a pair: m, u, weights |

pub mod bridges;
pub mod comparison;
pub mod components;
pub mod dictionary;
pub mod fellegi_sunter;
pub mod pairs;
pub mod resolve;
pub mod stable;
