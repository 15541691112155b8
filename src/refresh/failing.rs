//! Which definition a refresh fails on: a data error names the tag or segment that caused it.
//!
//! Tags that are computed together fail together, so the culprit is found by running parts of the refresh again.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use futures::StreamExt;

use super::blame;
use super::refresh::{FilesBetween, Prepared, Refresh};
use crate::statement::RunningPlan;

/// A part that is computed over the profile itself.
enum OverProfile {
    Tag(String),
    Segment(String),
}

impl Refresh<'_> {
    /// Adds the tag, segment or profile whose query caused an error to the error.
    pub async fn named(&self, error: DataFusionError) -> DataFusionError {
        if !blame::is_nameless(&error) {
            return error;
        }
        let Ok(planned) = self.plan().await else { return error };
        let (name, key) = (self.definition.name(), &self.definition.body.key);
        let derived = planned.tags.iter().filter(|tag| tag.needs.is_some()).map(|tag| OverProfile::Tag(tag.name.clone()));
        let parts: Vec<OverProfile> =
            derived.chain(planned.segments.iter().map(|segment| OverProfile::Segment(segment.name.clone()))).collect();
        if let Some((label, own)) = blame::of_sources(name, planned, self.context).await {
            return blame::named(&own, &label, name);
        }
        match self.first_failing(&parts).await.and_then(|place| parts.get(place)) {
            Some(OverProfile::Tag(tag)) => blame::of_derived(&error, tag, name, key),
            Some(OverProfile::Segment(segment)) => {
                let own = self.definition.segments.iter().find(|(own, _)| own.object.name == *segment);
                match own {
                    Some((own, condition)) => blame::of_segment(&error, &own.object.label(), key, condition),
                    None => error,
                }
            }
            None => blame::named(&error, &format!("profile {name}"), name),
        }
    }

    /// The position of the first part with which the refresh fails, by binary search: a part depends only on parts before it, so a failing
    /// prefix keeps failing when it grows. `None` when the refresh fails without any part, or there are none.
    async fn first_failing(&self, parts: &[OverProfile]) -> Option<usize> {
        if parts.is_empty() || self.fails_with(&[]).await {
            return None;
        }
        let (mut succeeds, mut fails) = (0, parts.len());
        while succeeds + 1 < fails {
            let middle = succeeds.midpoint(fails);
            if self.fails_with(&parts[..middle]).await { fails = middle } else { succeeds = middle }
        }
        Some(fails - 1)
    }

    /// True when the refresh fails with only these derived tags and segments.
    async fn fails_with(&self, parts: &[OverProfile]) -> bool {
        let run = async {
            let Prepared { inputs, mut stages, .. } = self.prepare().await?;
            let is_tag = |name: &str| parts.iter().any(|part| matches!(part, OverProfile::Tag(tag) if tag == name));
            let is_segment =
                |name: &str| parts.iter().any(|part| matches!(part, OverProfile::Segment(segment) if segment == name));
            for level in &mut stages.levels {
                level.of_all_rows.retain(|tag| is_tag(&tag.name));
                level.of_own_row.retain(|tag| is_tag(&tag.name));
            }
            stages.segments.retain(|(name, _)| is_segment(name));
            let mut files = FilesBetween { refresh: self, running: &RunningPlan::default(), newest: None };
            let plan = stages.plan(inputs, &mut files).await?;
            let mut rows = DataFrame::new(self.context.state(), plan).execute_stream().await?;
            while let Some(batch) = rows.next().await {
                batch?;
            }
            Result::Ok(())
        };
        run.await.is_err_and(|error| blame::is_of_query(&error))
    }
}
