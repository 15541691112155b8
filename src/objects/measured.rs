//! What a profile and its parts have published, for lists and DESCRIBE.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::definition::Definition;
use super::protection::covers;
use super::values::{given, number, text, time};
use crate::catalog::snapshots::{ColumnRole, Snapshot, SnapshotOf, When};
use crate::docs::Column;
use crate::statement::StatementContext;

/// A definition with the newest snapshot of its profile.
pub struct Measured<'a> {
    pub definition: &'a Definition,
    pub snapshot: Option<Arc<Snapshot>>,
    roles: &'static [ColumnRole],
    /// True when masks or row policies apply to the reader; counts are then hidden.
    is_covered: bool,
}

impl<'a> Measured<'a> {
    /// `roles` are the roles of the columns that objects of this kind publish.
    pub fn new(definition: &'a Definition, roles: &'static [ColumnRole], context: &StatementContext) -> Result<Self> {
        let snapshot = context.view().snapshot(SnapshotOf::Profile, &definition.object.profile, When::Now)?;
        let objects = context.all_objects()?;
        let profile = objects.iter().find(|object| object.kind == "profile" && object.name == definition.object.profile);
        let is_covered = profile.map_or(Ok(false), |profile| covers(profile, context))?;
        Ok(Self { definition, snapshot, roles, is_covered })
    }

    /// The same for each definition.
    pub fn all(definitions: &'a [Definition], roles: &'static [ColumnRole], context: &StatementContext) -> Result<Vec<Self>> {
        definitions.iter().map(|definition| Self::new(definition, roles, context)).collect()
    }

    /// The number of members that have a value, or are in the segment.
    pub fn filled(&self) -> Option<i64> {
        self.column().map(|(filled, _)| filled).filter(|_| !self.is_covered)
    }

    /// The `as_of` of the refresh that computed it.
    pub fn computed_at(&self) -> Option<i64> {
        self.column().map(|(_, at)| at)
    }

    /// True when a newer refresh of the profile did not compute it.
    pub fn is_outdated(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| self.computed_at().is_none_or(|at| at < snapshot.at))
    }

    fn column(&self) -> Option<(i64, i64)> {
        let object = &self.definition.object;
        let is_own = |name: &str| object.kind == "profile" || name == object.name;
        let columns = self.snapshot.iter().flat_map(|snapshot| &snapshot.columns);
        let mut own = columns.filter(|column| self.roles.contains(&column.role) && is_own(&column.name));
        own.next().map(|column| (column.filled, column.computed_at))
    }

    /// The number of members of its profile.
    pub fn customers(&self) -> Option<i64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.rows).filter(|_| !self.is_covered)
    }

    /// The share of members that have a value.
    pub fn coverage(&self) -> Option<f64> {
        let (filled, customers) = (self.filled()?, self.customers()?);
        (customers > 0).then(|| filled as f64 / customers as f64)
    }

    /// The properties that DESCRIBE shows.
    pub fn describe(&self) -> Vec<(String, String)> {
        let mut properties = vec![];
        properties.extend(self.computed_at().map(|at| ("last_refresh".to_string(), crate::text::timestamp(at))));
        properties.extend(self.filled().map(|filled| ("customers".to_string(), filled.to_string())));
        if let Some(coverage) = self.coverage() {
            properties.push(("coverage".into(), format!("{:.1} %", coverage * 100.0)));
        }
        properties
    }
}

/// The last columns in lists of profiles, tags and segments.
pub const COMMON: [Column; 7] = [
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "its description, from the definition" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "last_refresh", data_type: "TIMESTAMP", text: "`as_of` of the last refresh that computed it" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created this version" },
];

/// The columns of a kind, followed by the common ones.
pub const fn with_common<const OWN: usize, const ALL: usize>(own: [Column; OWN]) -> [Column; ALL] {
    assert!(OWN + COMMON.len() == ALL, "the columns of a kind and those that all have");
    let mut all = [COMMON[0]; ALL];
    let mut place = 0;
    while place < ALL {
        all[place] = if place < OWN { own[place] } else { COMMON[place - OWN] };
        place += 1;
    }
    all
}

/// The values of the common columns.
pub fn common(measured: &[Measured<'_>]) -> Vec<ArrayRef> {
    let of = |get: fn(&Definition) -> &str| measured.iter().map(move |measured| given(get(measured.definition)));
    vec![
        number(measured.iter().map(|measured| Some(measured.definition.object.version))),
        text(of(|definition| definition.comment())),
        text(of(|definition| definition.text("owner"))),
        text(of(|definition| &definition.object.author)),
        text(of(|definition| &definition.object.created_at)),
        time(measured.iter().map(Measured::computed_at)),
        text(of(|definition| &definition.object.sql)),
    ]
}
