//! Named objects of a database: making, replacing and dropping them, and what functions ask about them.

pub mod answers;
pub mod models;
pub mod objects;
