//! Profiles, their tags and segments: defined in SQL, refreshed, remembered.
//!
//! | part | what it knows |
//! |---|---|
//! | [`definition`] | what the statements say |
//! | [`pin`] | a definition as of a time |
//! | [`plan`] | a profile with its tags and segments, planned and checked as a whole |
//! | [`combine`] | tags over the same source, computed together |
//! | [`align`] | the step that puts sources side by side by the key |
//! | [`changes`] | what changed since the refresh before |
//! | [`refresh`] | one plan, one pass, one commit |
//! | [`stages`] | derived tags in their order, in stages where they look at others' rows |
//! | [`published`] | the tables that come of it, now or as they were |
//! | [`objects`] | making and dropping |
//! | [`answers`] | what the functions ask that explain and compare |

mod align;
pub(crate) mod answers;
mod changes;
mod combine;
pub(crate) mod definition;
pub(crate) mod models;
pub(crate) mod objects;
mod options;
mod pin;
pub(crate) mod plan;
pub(crate) mod published;
pub(crate) mod refresh;
mod stages;
