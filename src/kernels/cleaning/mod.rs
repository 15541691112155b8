//! What people type, brought to one form: telephone numbers, addresses, names, dates, numbers, identity cards.
//!
//! Each reader takes a text and gives what it means, or why it means nothing. None guesses: where a text can be read in two ways, an option
//! decides, or there is no answer.

pub mod company;
pub mod date;
pub mod email;
pub mod id_card;
pub mod name;
pub mod number;
pub mod phone;
pub mod texts;
pub mod vocabulary;
