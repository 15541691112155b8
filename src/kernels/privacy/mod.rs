//! Personal data: masking, redaction, replacement and generalisation, and how much a table still reveals about a person.
//!
//! | file | what it holds |
//! |---|---|
//! | `masks` | a name, a telephone number, an address … masked so that it can still be compared |
//! | `redact` | personal data in free text |
//! | `columns` | which personal data a column contains, judged by its name and values |
//! | `bands` | ranges of numbers and days |
//! | `pseudonyms` | keys, and the tokens derived from values with them |
//! | `tokens` | tokens that the key turns back into values |
//! | `anonymity` | k-anonymity, l-diversity and t-closeness of counted rows |
//! | `hierarchy`, `generalization` | levels of ever coarser values, and the search for the best levels |
//! | `suppression` | which small cells of a table to hide |
//! | `noise` | noise for differential privacy, in integers only |

pub mod anonymity;
pub mod bands;
pub mod columns;
pub mod generalization;
pub mod hierarchy;
pub mod masks;
pub mod noise;
pub mod pseudonyms;
pub mod redact;
pub mod suppression;
pub mod tokens;
