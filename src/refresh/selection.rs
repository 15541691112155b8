//! Which tags a refresh computes, and which keep their values.

use std::collections::BTreeSet;

use datafusion::common::Result;

use super::plan::PlannedTag;
use super::recorder::TagToRecord;
use crate::catalog::snapshots::{ColumnRole, Snapshot};
use crate::error::{did_you_mean, invalid};

/// The tags of a profile, split into computed and kept.
pub struct Selection {
    pub computed: Vec<PlannedTag>,
    /// With the version and time of the kept values.
    pub kept: Vec<TagToRecord>,
}

impl Selection {
    /// Selects all tags, or those in `asked` and those that need them. A tag that the snapshot `known` does not have is always computed.
    ///
    /// In `tags`, each tag comes after those it needs.
    ///
    /// # Errors
    /// There is no tag of a name in `asked`.
    pub fn of(profile: &str, tags: Vec<PlannedTag>, asked: Option<&[String]>, known: Option<&Snapshot>) -> Result<Self> {
        let Some(asked) = asked else { return Ok(Self { computed: tags, kept: vec![] }) };
        for name in asked {
            if !tags.iter().any(|tag| tag.name == *name) {
                let suggestion = did_you_mean(name, tags.iter().map(|tag| tag.name.as_str()));
                return Err(invalid(&format!("profile {profile}"), format!("has no tag {name}{suggestion}")));
            }
        }
        let mut chosen: BTreeSet<String> = asked.iter().cloned().collect();
        let (mut computed, mut kept) = (vec![], vec![]);
        for tag in tags {
            let role = if tag.multiple { ColumnRole::Tags } else { ColumnRole::Tag };
            let before = known.and_then(|known| known.columns_of(role).find(|column| column.name == tag.name));
            let needs_chosen = tag.needs.iter().flatten().any(|need| chosen.contains(need));
            match before {
                Some(before) if !chosen.contains(&tag.name) && !needs_chosen => kept.push(TagToRecord {
                    name: tag.name,
                    version: before.version,
                    multiple: tag.multiple,
                    computed_at: before.computed_at,
                }),
                _ => {
                    chosen.insert(tag.name.clone());
                    computed.push(tag);
                }
            }
        }
        Ok(Self { computed, kept })
    }
}
