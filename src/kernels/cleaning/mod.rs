//! User input in one standard form: telephone numbers, addresses, names, dates, numbers, identity cards.
//!
//! Each reader takes a string and returns its meaning, or why it has none. None of them guesses: if a string can be read in
//! two ways, an option decides, or there is no result.

pub mod company;
pub mod date;
pub mod email;
pub mod id_card;
pub mod name;
pub mod number;
pub mod phone;
pub mod texts;
pub mod vocabulary;
