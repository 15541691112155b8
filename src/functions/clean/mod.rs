//! Cleaning: user input in one standard form. Bad input gives NULL, and a companion function says why.

mod addresses;
mod date;
mod email;
mod id_card;
mod industries;
mod keywords;
mod name;
mod number;
mod phone;
mod pinyin;
mod standardize;
mod texts;
mod words;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("clean", "Cleaning of contact data, dates, numbers and texts")
        .texts(&phone::ALL)
        .texts(&email::ALL)
        .texts(&name::ALL)
        .texts(&id_card::ALL)
        .texts(&date::ALL)
        .texts(&number::ALL)
        .texts(&texts::ALL)
        .texts(&addresses::ALL)
        .texts(&industries::ALL)
        .texts(&pinyin::ALL)
        .texts(&standardize::ALL)
        .texts(&words::ALL)
        .aggregate(keywords::Keywords)
}
