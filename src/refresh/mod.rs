//! Profiles, their tags and segments: definition, refresh and publication.
//!
//! | module | contents |
//! |---|---|
//! | [`definition`] | the content of the CREATE statements |
//! | [`defined`] | what would be published, according to the definition |
//! | [`as_of`] | a definition as of a time |
//! | [`plan`] | a profile with its tags and segments, planned and checked as a whole |
//! | [`order`] | the order in which tags are planned |
//! | [`checks`] | checks on the columns of a profile |
//! | [`refresh`] | a refresh from request to publication: one plan, one pass, one commit |
//! | [`earlier`] | the earlier snapshots that a refresh builds on |
//! | [`notes`] | the messages after a refresh |
//! | [`failing`] | which definition a refresh fails on |
//! | [`literals`] | string literals that cannot be converted to what they are compared with |
//! | [`sources`] | the tables that the definitions read, and which of them are not limited to the time of the refresh |
//! | [`domain`] | the values that a column can have, and conditions that ask for others |
//! | [`selection`] | which tags are computed, and which keep their values |
//! | [`decompose`] | takes a query apart, down to its source |
//! | [`combine`] | computes tags over the same source together |
//! | [`guard`] | computes expressions only for the rows they were written for |
//! | [`inputs`] | the inputs of a refresh: sources, kept values, the previous state |
//! | [`align`] | the step that aligns inputs by the key |
//! | [`levels`] | the order of tags over the profile itself |
//! | [`stages`] | derived tags level by level, and segments |
//! | [`changes`] | the changes since the previous refresh, value by value |
//! | [`recorder`] | the rows to publish and the rows for the history |
//! | [`history`] | the files of closed values |
//! | [`columns`] | the column names of all of the above |
//! | [`published`] | the published tables, current or earlier |

pub mod align;
pub mod as_of;
mod blame;
mod changes;
mod checks;
mod columns;
mod combine;
mod decompose;
pub mod defined;
pub mod definition;
mod domain;
mod earlier;
mod failing;
mod guard;
mod history;
mod inputs;
mod levels;
pub mod literals;
mod notes;
pub mod order;
pub mod plan;
#[cfg(test)]
pub mod plannings;
pub mod published;
mod recorder;
#[expect(clippy::module_inception, reason = "what the room does")]
pub mod refresh;
mod selection;
mod sources;
mod stages;

use crate::adapter::kinds::StepKind;

/// The execution steps that a refresh adds.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<align::Align>()]
}
