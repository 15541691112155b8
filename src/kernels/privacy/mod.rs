//! Personal data: masked, found in texts, replaced, generalised; and how much a table still reveals about a person.
//!
//! | file | what it holds |
//! |---|---|
//! | `masks` | a name, a telephone number, an address … masked so that it can still be compared |
//! | `redact` | personal data in free text |
//! | `columns` | which personal data a column contains, by its name and its values |
//! | `bands` | numbers and days in bands |
//! | `pseudonyms` | keys, and the tokens that are made of values with them |
//! | `tokens` | tokens that can be turned back with the key |
//! | `anonymity` | k-anonymity, l-diversity and t-closeness of counted rows |
//! | `hierarchy`, `generalization` | values generalised step by step, and the search for the best steps |
//! | `suppression` | which small cells of a table are not shown |
//! | `noise` | noise for differential privacy, with integers only |

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
