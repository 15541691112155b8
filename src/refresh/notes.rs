//! The messages after a refresh: what was done, and what about the data may be unexpected.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::Statement as SqlStatement;

use super::domain::Asked;
use super::plan::PROFILE_SCHEMA;
use super::recorder::Counted;
use super::refresh::{AsOf, Refresh};
use super::sources::{Sources, missing_in};
use crate::catalog::snapshots::Snapshot;
use crate::sql::parser::parse_query;
use crate::sql::planning;
use crate::text::{identifier, timestamp};

/// In microseconds: data older than this is considered to be from another time, such as a sample.
const LONG_AGO: i64 = 60 * 86_400_000_000;

/// The result of a refresh.
pub struct Done {
    pub counted: Counted,
    /// Segments with their number of members, and the values that their conditions ask for.
    pub segments: Vec<(String, i64, Vec<Asked>)>,
    /// Notes on the data that was read.
    pub notes: Vec<String>,
}

impl Done {
    /// A one-line summary.
    pub fn summary(&self, refresh: &Refresh<'_>, took: std::time::Duration) -> String {
        let (Counted { rows, entered, left, changes, .. }, seconds) = (&self.counted, took.as_secs_f64());
        let as_of = timestamp(refresh.as_of);
        if let Some(segment) = &refresh.request.segment {
            let members = self.segments.iter().find(|(name, ..)| name == segment).map_or(0, |(_, members, _)| *members);
            return format!("segment {segment} as of {as_of}: {members} of {rows} customers, {seconds:.1} s");
        }
        let profile = &refresh.request.profile;
        format!(
            "profile {profile} as of {as_of}: {rows} customers ({entered} new, {left} left), values changed: {changes}, {seconds:.1} s"
        )
    }
}

impl Refresh<'_> {
    /// Notes that explain empty segments, where a condition asks for a value that no customer has in what was just published.
    pub async fn notes_on_empty_segments(&self, done: &Done) -> Vec<String> {
        let mut notes = vec![];
        for (segment, members, asked) in &done.segments {
            let is_wanted = self.request.segment.as_ref().is_none_or(|wanted| wanted == segment);
            if *members > 0 || done.counted.rows == 0 || !is_wanted {
                continue;
            }
            let mut nobody = vec![];
            for asked in asked.iter().filter(|asked| asked.is_equality) {
                // The refresh has been published, so an error here must not fail it: there is then no note.
                if self.has(asked).await.is_ok_and(|has| !has) {
                    nobody.push(format!("{} {}", asked.column, asked.value));
                }
            }
            if !nobody.is_empty() {
                notes.push(format!("segment {segment} has 0 members: no customer has {}", nobody.join(" or ")));
            }
        }
        notes
    }

    /// True when a customer has the value in the published profile.
    async fn has(&self, asked: &Asked) -> Result<bool> {
        let context = self.context.renewed();
        let query = parse_query(&format!("SELECT * FROM {PROFILE_SCHEMA}.{}", identifier(self.definition.name())))?;
        let statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
        let plan = planning::plan(&statement, &context).await?;
        let plan = LogicalPlanBuilder::from(plan).filter(asked.holds.clone())?.limit(0, Some(1))?.build()?;
        let batches = DataFrame::new(context.state(), plan).collect().await?;
        Ok(batches.iter().any(|batch| batch.num_rows() > 0))
    }

    /// Notes on tables with a time column that has no value in some rows, which no refresh sees. They are counted only where that is cheap.
    pub async fn notes_on_missing_times(&self) -> Vec<String> {
        let (mut notes, context, profile) = (vec![], self.context.renewed(), self.definition.name());
        for (table, column) in &self.definition.body.time_columns {
            // An error here must not fail the refresh: there is then no note.
            if let Ok(Some(rows @ 1..)) = missing_in(table, column, &context).await {
                notes.push(format!("rows of {table} without {column} are left out of profile {profile}: {rows}"));
            }
        }
        notes
    }

    /// A note that the profile's clock now moves to the present although its data ended long ago: later refreshes as of an earlier day will
    /// need a rewind.
    pub async fn note_on_clock(&self, sources: &Sources, known: Option<&Snapshot>) -> Result<Option<String>> {
        let stands_there = known.is_some_and(|known| known.at > self.as_of - LONG_AGO);
        if !matches!(self.request.as_of, AsOf::Now) || stands_there {
            return Ok(None);
        }
        let newest = sources.newest(&self.definition, self.context).await?;
        Ok(newest.filter(|(time, _)| *time < self.as_of - LONG_AGO).map(|(time, column)| {
            format!(
                "the newest {column} is {}, and the clock of profile {} is now {}: a refresh as of an earlier day needs \
                 WITH (as_of = …, rewind = true) from here on",
                date(time),
                self.definition.name(),
                date(self.as_of)
            )
        }))
    }
}

/// The date of a time.
fn date(time: i64) -> String {
    timestamp(time).chars().take(10).collect()
}
