//! Which part of a profile an error comes from, when the rows of a refresh do not let themselves be computed.
//!
//! Tags that share a source are computed in one plan, and an error that it ends with (a division by zero, text that is no number) says
//! nothing of the tag. It is found by computing each query alone, after the failure and only then: a refresh that succeeds pays nothing. What
//! reads the profile itself cannot be computed alone; of those the refresh finds the first with which it fails.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;

use super::plan::Planned;
use crate::error::{coded, message, sqlstate};
use crate::statement::StatementContext;

/// True for an error of the data that does not say which definition it comes from.
pub fn is_nameless(error: &DataFusionError) -> bool {
    let text = message(error);
    let tells_itself = ["profile ", "tag ", "segment "].iter().any(|kind| text.starts_with(kind));
    // Class 22 of SQL: data exceptions. Others, such as no memory or a damaged file, are nobody's own.
    !tells_itself && is_of_data(error)
}

/// True for an error of the values that were computed with.
pub fn is_of_data(error: &DataFusionError) -> bool {
    sqlstate(error).code().starts_with("22")
}

/// The error with the segment in front that it comes from, and its condition.
pub fn of_segment(error: &DataFusionError, label: &str, condition: impl std::fmt::Display) -> DataFusionError {
    let text = message(error);
    let problem =
        format!("{text} in its condition {condition}; nothing was published. Correct it with CREATE OR REPLACE SEGMENT");
    coded(sqlstate(error), label, problem)
}

/// The error with the profile or tag in front that it comes from.
pub fn named(error: &DataFusionError, label: &str, profile: &str) -> DataFusionError {
    let text = message(error);
    let problem = format!(
        "{text}; nothing was published. Correct its query with CREATE OR REPLACE, or refresh others alone: REFRESH PROFILE {profile} TAGS (…)"
    );
    coded(sqlstate(error), label, problem)
}

/// The label of what cannot be computed of its own sources, the profile or a tag; `None` when all of these can.
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

/// True when a query cannot be computed.
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
