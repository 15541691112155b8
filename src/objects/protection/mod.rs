//! Personal data, protected where it is read: classes of columns, masks, and row policies.
//!
//! | part | what it does |
//! |---|---|
//! | [`class`] | which columns hold personal data: declared by ALTER … SET CLASS, or derived from other columns |
//! | [`lineage`] | which columns of a plan carry the classes of the columns that it reads |
//! | [`revealed`] | what the value of an expression reveals of the columns in it |
//! | [`scans`] | which object a scan in a plan reads, and which stored state |
//! | [`mask`] | `CREATE MASK`: what a column shows instead of its values |
//! | [`row_policy`] | `CREATE ROW POLICY`: which rows a role sees |
//! | [`consent`] | `CREATE CONSENT`: who agreed to which use of their data |
//! | [`rule`], [`masking`] | a mask or row policy, as declared; the expression of a mask |
//! | [`reading`] | which of these apply to the reader of a table |
//! | [`changing`] | changes of tables that a role sees only in part |
//! | [`copying`] | what copies of protected rows lack |
//! | [`segments`] | segments with conditions on what is masked for their authors |
//! | [`barrier`] | a table that no part of a statement can look behind |
//! | [`in_turn`] | partitions that are read one after the other |
//! | [`first_error`] | which of several errors a statement ends with |
//!
//! Everything that a statement names in FROM is looked up in one place, the schemas of its catalog. There, each table passes [`seen`] after
//! the role's right to read it was checked. A table with a mask or a row policy for the reader is replaced by a barrier: its rows are
//! planned and run separately, and the statement gets their result. No expression of the statement is evaluated below that, so no error (a
//! division by zero, say) and no estimate can reveal what is hidden.
//!
//! The reader is the role of the session, also inside other roles' views and functions. What is computed for others to read (a REFRESH) is
//! read as the owner of the profile sees it. SUPERUSER, and anyone who can open the database directory, sees everything.

pub mod barrier;
mod changing;
pub mod class;
mod consent;
mod copying;
mod first_error;
mod in_turn;
mod lineage;
mod mask;
mod masking;
pub mod reading;
mod revealed;
mod row_policy;
mod rule;
pub mod scans;
mod segments;

pub use barrier::read_and_written;
pub use changing::{refuse_changes, refuse_conflicts, refuse_keys, refuse_references, refuse_replacing};
pub use consent::Consent;
pub use copying::{notes_on_copy, notes_on_export, notes_on_profile};
pub use first_error::FirstError;
pub use mask::Mask;
pub use reading::{covers, hides_values, is_masked_by_others, restricts, seen, seen_state};
pub use row_policy::RowPolicy;
pub use rule::rules_for;
pub use segments::{masked_segments, refuse_segment, without_members};
