//! Profiles, their tags and segments: defined in SQL, refreshed, published.
//!
//! | part | what it knows |
//! |---|---|
//! | [`definition`] | what the statements say |
//! | [`as_of`] | a definition as of a time |
//! | [`plan`] | a profile with its tags and segments, planned and checked as a whole |
//! | [`combine`] | tags over the same source, computed together |
//! | [`align`] | the step that puts sources side by side by the key |
//! | [`changes`] | what changed since the refresh before |
//! | [`refresh`] | one plan, one pass, one commit |
//! | [`stages`] | derived tags in their order, in stages where they look at others' rows |
//! | [`published`] | the tables that come of it, now or as they were |

pub mod align;
pub mod as_of;
mod changes;
mod combine;
pub mod definition;
pub mod plan;
pub mod published;
#[expect(clippy::module_inception, reason = "what the room does")]
pub mod refresh;
mod stages;

use crate::adapter::kinds::StepKind;

/// The steps of a refresh.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<align::Align>()]
}
