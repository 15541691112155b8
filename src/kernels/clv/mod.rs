//! Models of how often customers will buy and for how much, and of their lifetime value.
//!
//! | file | contents |
//! |---|---|
//! | `rows` | rows in the form that models read; equal rows are combined |
//! | `process` | the likelihoods |
//! | `number` | numbers that carry their derivatives, in which the likelihoods are written |
//! | `newton`, `fit` | maximum likelihood |
//! | `transactions` | BG/NBD, MBG/NBD, Pareto/NBD and BG/BB: who is still active, and how many purchases to expect |
//! | `values` | Gamma–Gamma: the value of a purchase; lifetime value |
//! | `gamma` | special functions |
//!
//! Literature: P. S. Fader, B. G. S. Hardie, K. L. Lee, *"Counting Your Customers" the Easy Way*, Marketing Science 24, 2005, and
//! *RFM and CLV*, JMR 42, 2005; D. C. Schmittlein, D. G. Morrison, R. Colombo, *Counting Your Customers*, Management Science 33,
//! 1987; E. P. Batislam, M. Denizel, A. Filiztekin, IJRM 24, 2007; P. S. Fader, B. G. S. Hardie, J. Shang, Marketing Science 29,
//! 2010.

mod fit;
mod gamma;
mod newton;
mod number;
mod process;
mod rows;
#[cfg(test)]
mod tests;
mod transactions;
mod values;

pub use fit::{Estimate, FitOptions};
pub use rows::{WrongRow, check_values};
pub use transactions::{Process, Transactions};
pub use values::{Values, customer_lifetime_value, fit_values};
