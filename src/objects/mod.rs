//! The named objects of a database: what each kind is, and the lifecycle that all share.
//!
//! | part | what it does |
//! |---|---|
//! | [`kind`] | what every kind of object must provide |
//! | [`definition`] | the statement that created an object, with its options checked against the kind's page |
//! | [`lifecycle`] | creating, replacing, dropping, finding and describing objects of any kind |
//! | [`altering`], [`commenting`] | ALTER TABLE, COMMENT ON |
//! | [`granting`] | GRANT, REVOKE, and ownership |
//! | [`protection`] | classes of columns, masks and row policies, and what a reader sees of a table |
//! | [`dump`] | all definitions as a script |
//! | [`stored`] | what functions ask about objects |
//! | [`uses`] | which other objects an object names, and so depends on |
//! | [`referring`] | foreign keys: which tables refer to which, and whether they hold |
//! | [`refreshing`] | what a REFRESH statement asks for |
//! | [`sequencing`] | ALTER and DROP SEQUENCE |
//! | [`subject`] | where the data of one person is stored |
//! | [`drift`] | how far the values of tags that apply models have moved |
//! | [`retaining`] | how long rows of tables are kept |
//!
//! Each kind has its own file: [`role`], [`schema`], [`sequence`], [`table`], [`external_table`], [`view`], [`profile`], [`tag`], [`segment`], [`model`],
//! [`identity`], [`experiment`], [`function`], [`check`], [`schedule`].

pub mod altering;
mod broken;
pub mod check;
pub mod commenting;
pub mod constraining;
pub mod definition;
pub mod drift;
pub mod dump;
mod dump_rights;
pub mod experiment;
mod external_table;
mod function;
pub mod granting;
pub mod identity;
mod improvement;
pub mod kind;
pub mod lifecycle;
mod measured;
mod model;
pub mod numbering;
mod other_names;
pub mod outdated;
pub mod profile;
pub mod profile_tables;
pub mod protection;
pub mod referring;
pub mod refreshing;
mod relation;
mod restating;
pub mod retaining;
pub mod role;
pub mod schedule;
pub mod schema;
mod segment;
pub mod sequence;
pub mod sequencing;
pub mod stored;
pub mod subject;
mod table;
mod tag;
pub mod uses;
pub mod validation;
pub mod values;
mod view;

use std::sync::LazyLock;

use crate::sql::command::Grammar;
use kind::Kind;

/// Every kind of object, in the order in which a dump creates them.
pub const KINDS: [&dyn Kind; 18] = [
    &role::RoleKind,
    &schema::Schema,
    &sequence::Sequence,
    &external_table::ExternalTable,
    &table::Table,
    &view::View,
    &profile::Profile,
    &function::Function,
    &model::Model,
    &identity::Identity,
    &tag::Tag,
    &segment::Segment,
    &experiment::ExperimentKind,
    &protection::Mask,
    &protection::RowPolicy,
    &protection::Consent,
    &check::CheckKind,
    &schedule::ScheduleKind,
];

/// Their grammars, for parsing.
pub static GRAMMARS: LazyLock<Vec<&'static dyn Grammar>> =
    LazyLock::new(|| KINDS.into_iter().map(|kind| kind as &dyn Grammar).collect());

/// The kind with this keyword.
pub fn kind_of(word: &str) -> Option<&'static dyn Kind> {
    KINDS.into_iter().find(|kind| kind.word() == word)
}
