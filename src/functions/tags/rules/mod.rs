//! The rules of a tag, parsed from the CASE of its query, and what can be found without reading data.
//!
//! ```text
//! query ─▶ read ─────────▶ condition ────────▶ axis ───────────────▶ analysis ───▶ boxes
//!          key, rules, ELSE  tests of operands   an operand's values,   every cell:    cells joined
//!                            against constants   cut by the constants  which match?   to conditions
//! ```
//! `SELECT customer_id, CASE WHEN age < 26 THEN '18-25' WHEN age <= 35 THEN '26-35' END FROM customers` has two rules over
//! one *operand*, `age`. Its constants split the ages into *cells* that no rule can distinguish: below 26, 26, between 26 and
//! 35, 35, above 35, and NULL. A cell that no rule matches is a *gap*, one that several rules match is an *overlap*: CASE
//! takes the first of them, so the order of the rules decides. With several operands, the cells are those of the product.
//!
//! Rules are mutually exclusive and collectively exhaustive (MECE) if there are neither gaps nor overlaps.

mod analysis;
mod axis;
mod boxes;
mod condition;
mod read;
mod value;

#[cfg(test)]
mod tests;

pub use analysis::{Analysis, Finding, Problem, analyse, used_by};
pub use condition::{Condition, NotUnderstood, Operands};
pub use read::{Rule, Rules, conjuncts};
pub use value::Domain;
