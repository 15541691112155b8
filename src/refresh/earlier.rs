//! The earlier snapshots that a refresh builds on, and whether its time allows that.

use datafusion::common::Result;

use super::refresh::Refresh;
use crate::catalog::snapshots::{Snapshot, SnapshotOf, When};
use crate::error::invalid;
use crate::text::timestamp;

/// The earlier snapshots that a refresh builds on.
pub struct Earlier {
    /// The newest one, which the new snapshot replaces for readers.
    pub newest: Option<Snapshot>,
    /// The last one at or before the time of the refresh: tags that are not recomputed keep its values. In a rewind it is older than the
    /// newest, as later data was not known at that time.
    pub known: Option<Snapshot>,
    /// The last one before the time of the refresh, which the refresh compares with to find changes. In a rewind it is older than the
    /// newest.
    pub base: Option<Snapshot>,
}

impl Earlier {
    /// Looks up the earlier snapshots of the profile.
    ///
    /// # Errors
    /// The refresh is of an earlier time than the last one and does not say `rewind`, or its time is not after the oldest snapshot that is
    /// kept.
    pub fn of(refresh: &Refresh<'_>) -> Result<Self> {
        let name = refresh.definition.name();
        let newest = refresh.catalog.snapshot(SnapshotOf::Profile, name, When::Now)?;
        if let Some(newest) = &newest
            && newest.at > refresh.as_of
            && !refresh.request.rewind
        {
            let problem = format!(
                "as_of {} is before the last refresh, as of {}; give a later time, or WITH (as_of = …, rewind = true) to withdraw the later refreshes",
                timestamp(refresh.as_of),
                timestamp(newest.at)
            );
            return Err(invalid(&format!("profile {name}"), problem));
        }
        let base = refresh.catalog.snapshot(SnapshotOf::Profile, name, When::Before(refresh.as_of))?;
        if base.is_none() && newest.is_some() && refresh.catalog.was_published_before(name, refresh.as_of)? {
            let problem = format!(
                "as_of {} is not after the oldest snapshot that is kept, so that the history before it cannot be continued; give a later time, \
                 or DROP PROFILE and begin anew (keep_snapshots is {})",
                timestamp(refresh.as_of),
                refresh.definition.body.keep_snapshots
            );
            return Err(invalid(&format!("profile {name}"), problem));
        }
        let known = refresh.catalog.snapshot(SnapshotOf::Profile, name, When::At(refresh.as_of))?;
        Ok(Self { newest, known, base })
    }
}
