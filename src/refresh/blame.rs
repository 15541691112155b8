//! Whose fault it is when the rows of a refresh do not let themselves be computed.
//!
//! Tags that share a source are computed in one plan, and an error that it ends with (a division by zero, text that is no number) says
//! nothing of the tag. It is found by computing each query alone, after the failure and only then: a refresh that succeeds pays nothing.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;

use super::plan::Planned;
use crate::error::{coded, message, sqlstate};
use crate::statement::StatementContext;

/// The error with the profile or tag in front that it comes from, where it is one of the data.
pub async fn named(error: DataFusionError, profile: &str, planned: Planned, context: &StatementContext) -> DataFusionError {
    let text = message(&error);
    let tells_itself = ["profile ", "tag ", "segment "].iter().any(|kind| text.starts_with(kind));
    // Class 22 of SQL: data exceptions. Others, such as no memory or a damaged file, are nobody's own.
    if tells_itself || !sqlstate(&error).code().starts_with("22") {
        return error;
    }
    let label = label(profile, planned, context).await;
    let problem = format!(
        "{text}; nothing was published. Correct its query with CREATE OR REPLACE, or refresh others alone: REFRESH PROFILE {profile} TAGS (…)"
    );
    coded(sqlstate(&error), &label, problem)
}

async fn label(profile: &str, planned: Planned, context: &StatementContext) -> String {
    if fails(planned.profile, context).await {
        return format!("profile {profile}");
    }
    let (derived, of_sources): (Vec<_>, Vec<_>) = planned.tags.into_iter().partition(|tag| tag.needs.is_some());
    for tag in of_sources {
        if fails(tag.plan, context).await {
            return format!("tag {}", tag.name);
        }
    }
    // What is left reads the profile, which is not there to be read.
    let derived = derived.iter().map(|tag| format!("tag {}", tag.name));
    let segments = planned.segments.iter().map(|segment| format!("segment {}", segment.name));
    match derived.chain(segments).collect::<Vec<_>>().as_slice() {
        [] => format!("profile {profile}"),
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    }
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
    run.await.is_err_and(|error| sqlstate(&error).code().starts_with("22"))
}
