//! Personal data: covered, found in texts, replaced, made general, and how much of a person a table still tells.
//!
//! | file | what it holds |
//! |---|---|
//! | `masks` | a name, a telephone number, an address … covered so far that it can still be compared |
//! | `redact` | personal data in free text |
//! | `columns` | what a column holds, by its name and its values |
//! | `bands` | numbers and days in bands |
//! | `pseudonyms` | keys, and the tokens that they make of values |
//! | `tokens` | tokens that can be turned back by who has the key |
//! | `anonymity` | k-anonymity, l-diversity and t-closeness of counted rows |
//! | `hierarchy`, `generalization` | values made general step by step, and the search for the best steps |
//! | `suppression` | which small cells of a table are not shown |
//! | `noise` | noise of differential privacy, by whole numbers alone |

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
