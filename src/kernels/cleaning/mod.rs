//! Parsing and standardising user input: telephone numbers, e-mail addresses, names, dates, numbers, identity cards.
//!
//! Each parser takes a string and returns its meaning, or the reason why it has none. None of them guesses: if a string is ambiguous, an
//! option decides, or there is no result.

pub mod company;
pub mod date;
pub mod email;
pub mod id_card;
pub mod name;
pub mod number;
pub mod phone;
pub mod texts;
pub mod vocabulary;
