//! Which tags a refresh computes, and which keep their values.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;

use super::columns;
use super::plan::PlannedTag;
use super::recorder::{TagToRecord, is_same_type, stored};
use crate::catalog::snapshots::{ColumnRole, Snapshot};
use crate::error::{SqlState, coded, did_you_mean};

/// The tags of a profile, split into computed and kept.
pub struct Selection {
    pub computed: Vec<PlannedTag>,
    /// With the version and time of the kept values.
    pub kept: Vec<TagToRecord>,
}

impl Selection {
    /// Selects all tags, or those in `asked` and those that need them. In `tags`, each tag comes after those it needs.
    ///
    /// `known` is the snapshot whose values are kept, and `published` are its columns. A tag that it does not have, or has with values of
    /// another type, is always computed.
    ///
    /// # Errors
    /// There is no tag of a name in `asked`.
    pub fn of(
        profile: &str,
        tags: Vec<PlannedTag>,
        asked: Option<&[String]>,
        known: Option<&Snapshot>,
        published: Option<&Schema>,
    ) -> Result<Self> {
        let Some(asked) = asked else { return Ok(Self { computed: tags, kept: vec![] }) };
        for name in asked {
            if !tags.iter().any(|tag| tag.name == *name) {
                let suggestion = did_you_mean(name, tags.iter().map(|tag| tag.name.as_str()));
                let problem = format!("has no tag {name}{suggestion}");
                return Err(coded(SqlState::UNDEFINED_OBJECT, &format!("profile {profile}"), problem));
            }
        }
        let mut chosen: BTreeSet<String> = asked.iter().cloned().collect();
        let (mut computed, mut kept) = (vec![], vec![]);
        for tag in tags {
            let role = if tag.multiple { ColumnRole::Tags } else { ColumnRole::Tag };
            let before = known.and_then(|known| known.columns_of(role).find(|column| column.name == tag.name));
            let before = before.filter(|_| published.is_none_or(|published| has_type_of(published, &tag)));
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

/// True unless the published values of a tag are of another type than those that its definition gives now.
fn has_type_of(published: &Schema, tag: &PlannedTag) -> bool {
    let Ok(field) = published.field_with_name(&columns::value(&tag.name)) else { return true };
    let before = match field.data_type() {
        DataType::List(item) if tag.multiple => item.data_type(),
        own => own,
    };
    is_same_type(before, &stored(tag.plan.schema().field(1).data_type()))
}
