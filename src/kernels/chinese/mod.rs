//! Chinese texts: scripts, pinyin, words, addresses and industries.

mod address_names;
pub mod addresses;
#[cfg(test)]
mod addresses_tests;
pub mod conversion;
pub mod divisions;
pub mod industries;
pub mod keywords;
pub mod pinyin;
pub mod segmentation;
pub mod sentiment;
mod sentiment_rules;
