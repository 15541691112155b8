//! Profiles, their tags and segments: defined in SQL, refreshed, published.
//!
//! | part | what it knows |
//! |---|---|
//! | [`definition`] | what the statements say |
//! | [`defined`] | what would be published, as the definition says |
//! | [`as_of`] | a definition as of a time |
//! | [`plan`] | a profile with its tags and segments, planned and checked as a whole |
//! | [`order`] | the order that tags are planned in |
//! | [`checks`] | what the columns of a profile may be |
//! | [`refresh`] | one plan, one pass, one commit: what is asked, what runs, what is published |
//! | [`earlier`] | the snapshots that a refresh follows |
//! | [`notes`] | what the user reads after a refresh |
//! | [`failing`] | which definition a refresh fails with |
//! | [`literals`] | texts that do not read as what they are compared with |
//! | [`sources`] | what the definitions read, and what of it comes whole |
//! | [`domain`] | the values that a column can have, and conditions that ask for others |
//! | [`selection`] | which tags are computed, and which keep their values |
//! | [`decompose`] | a query taken apart, down to its source |
//! | [`combine`] | tags over the same source, computed together |
//! | [`guard`] | expressions computed only for the rows they were written for |
//! | [`inputs`] | what a refresh reads: sources, what is kept, the state before |
//! | [`align`] | the step that puts inputs side by side by the key |
//! | [`levels`] | the order of tags over the profile itself |
//! | [`stages`] | derived tags level by level, and segments |
//! | [`changes`] | what changed since the refresh before, value by value |
//! | [`recorder`] | the rows to publish and those for the history |
//! | [`history`] | the files of values that are no more |
//! | [`columns`] | the names of the columns of all this |
//! | [`published`] | the tables that come of it, now or as they were |

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

/// The steps of a refresh.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<align::Align>()]
}
