//! Finds out which part of a profile an error comes from, when a refresh fails on its data.
//!
//! Tags that share a source are computed in one plan, and an error of that plan (a division by zero, text that is not a number) does not
//! say which tag caused it. To find it, each query is run alone, and only after a failure: a refresh that succeeds pays nothing. Derived
//! tags and segments cannot be run alone; among those, the refresh finds the first with which it fails.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;

use super::plan::Planned;
use crate::error::{coded, message, sqlstate};
use crate::statement::StatementContext;

/// True for a data error that does not say which definition it comes from.
pub fn is_nameless(error: &DataFusionError) -> bool {
    let text = message(error);
    let tells_itself = ["profile ", "tag ", "segment "].iter().any(|kind| text.starts_with(kind));
    // SQLSTATE class 22: data exceptions. Other errors, such as running out of memory or a damaged file, are not caused by one definition.
    !tells_itself && is_of_data(error)
}

/// True for an error caused by the data.
pub fn is_of_data(error: &DataFusionError) -> bool {
    sqlstate(error).code().starts_with("22")
}

/// The error, prefixed with the segment that it comes from, and with the segment's condition.
pub fn of_segment(error: &DataFusionError, label: &str, condition: impl std::fmt::Display) -> DataFusionError {
    let text = message(error);
    let problem =
        format!("{text} in its condition {condition}; nothing was published. Correct it with CREATE OR REPLACE SEGMENT");
    coded(sqlstate(error), label, problem)
}

/// The error, prefixed with the profile or tag that it comes from.
pub fn named(error: &DataFusionError, label: &str, profile: &str) -> DataFusionError {
    let text = message(error);
    let problem = format!(
        "{text}; nothing was published. Correct its query with CREATE OR REPLACE, or refresh others alone: REFRESH PROFILE {profile} TAGS (…)"
    );
    coded(sqlstate(error), label, problem)
}

/// The label of the profile or tag whose own query fails over its sources; `None` when none does.
pub async fn of_sources(profile: &str, planned: Planned, context: &StatementContext) -> Option<String> {
    if fails(planned.profile, context).await {
        return Some(format!("profile {profile}"));
    }
    for tag in planned.tags.into_iter().filter(|tag| tag.needs.is_none()) {
        if fails(tag.plan, context).await {
            return Some(format!("tag {}", tag.name));
        }
    }
    None
}

/// True when running the query fails on its data.
async fn fails(query: LogicalPlan, context: &StatementContext) -> bool {
    let run = async {
        let mut rows = DataFrame::new(context.state(), query).execute_stream().await?;
        while let Some(batch) = rows.next().await {
            batch?;
        }
        Result::Ok(())
    };
    run.await.is_err_and(|error| is_of_data(&error))
}
