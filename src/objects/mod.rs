//! Named objects of a database: what each kind is, and the life that all share.
//!
//! | part | what it knows |
//! |---|---|
//! | [`kind`] | what a kind of object has to say, and the list of kinds |
//! | [`definition`] | the statement that made an object, its options read against the kind's page |
//! | [`lifecycle`] | making, replacing, dropping, finding and describing, whatever the kind |
//! | [`dump`] | all definitions as a script |
//! | [`stored`] | what functions ask about objects |
//! | [`refreshing`] | what a REFRESH statement asks for |
//!
//! A kind is a file: [`table`], [`external_table`], [`view`], [`profile`], [`tag`], [`segment`], [`model`], [`function`].

pub mod definition;
pub mod dump;
mod external_table;
mod function;
pub mod kind;
pub mod lifecycle;
mod measured;
mod model;
pub mod profile;
pub mod refreshing;
mod relation;
mod segment;
pub mod stored;
mod table;
mod tag;
pub mod values;
mod view;
