//! Record linkage: which records belong to one person.
//!
//! | file | what it holds |
//! |---|---|
//! | [`components`] | connected components of pairs |
//! | [`bridges`] | edges whose removal splits a component |
//! | [`dictionary`] | assigns numbers to values |
//! | [`resolve`] | records linked by shared values, with guards |
//! | [`touched`] | which records new ones touch |
//! | [`stable`] | ids that persons keep from one run to the next |
//! | [`comparison`] | how similar two values are, in levels |
//! | [`pairs`] | the pairs to compare: blocking, and random pairs |
//! | [`fellegi_sunter`] | the weight of a pair's levels: m, u, prior |

pub mod bridges;
pub mod comparison;
pub mod components;
pub mod dictionary;
pub mod fellegi_sunter;
pub mod pairs;
pub mod resolve;
pub mod stable;
pub mod touched;
