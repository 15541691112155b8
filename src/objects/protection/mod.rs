//! Personal data, protected where it is read: classes of columns, masks, and row policies.
//!
//! | part | what it knows |
//! |---|---|
//! | [`class`] | which columns hold personal data: as ALTER … SET CLASS says, or as they follow from others |
//! | [`lineage`] | which columns of a plan carry the classes of the columns that it reads |
//! | [`mask`] | `CREATE MASK`: what a column shows in the place of its values |
//! | [`row_policy`] | `CREATE ROW POLICY`: which rows a role sees |
//! | [`consent`] | `CREATE CONSENT`: who agreed to what their data is used for |
//! | [`rule`], [`masking`] | a mask or row policy as it is declared; the expression of a mask |
//! | [`reading`] | what of these applies to who reads a table |
//! | [`barrier`] | a table behind which nothing of a statement gets |
//!
//! Whatever a statement names in FROM is found in one place, the schemas of its catalog, and each table passes [`seen`] there once it is known
//! that the role may read it. What has a mask or a row policy for the reader becomes a table of another kind: its rows are planned and run
//! on their own, and the statement gets what comes out of them. No expression of the statement is evaluated below, so that an error, a
//! division by zero or an estimate can tell nothing of what is hidden.
//!
//! The reader is who asks: the role of the session, through views and functions of others as well. What is computed for others to read (a
//! REFRESH) is read as the owner of the profile sees it. SUPERUSER, and who opens the folder of the database, sees everything.

pub mod barrier;
pub mod class;
mod consent;
mod lineage;
mod mask;
mod masking;
pub mod reading;
mod row_policy;
mod rule;

pub use consent::Consent;
pub use mask::Mask;
pub use reading::{covers, refuse_changes, seen, seen_state};
pub use row_policy::RowPolicy;
