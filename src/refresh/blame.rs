//! Finds out which part of a profile an error comes from, when a refresh fails on its data or cannot be run.
//!
//! Tags that share a source are computed in one plan, and an error of that plan (a division by zero, text that is not a number) does not
//! say which tag caused it. To find it, each query is run alone, and only after a failure: a refresh that succeeds pays nothing. Derived
//! tags and segments cannot be run alone; among those, the refresh finds the first with which it fails.

use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;

use super::columns::KEY;
use super::plan::Planned;
use crate::catalog::state_columns::valued;
use crate::error::{coded, message, sqlstate};
use crate::statement::StatementContext;

/// True for an error of a query that does not say which definition it comes from.
pub fn is_nameless(error: &DataFusionError) -> bool {
    let text = message(error);
    let tells_itself = ["profile ", "tag ", "segment "].iter().any(|kind| text.starts_with(kind));
    !tells_itself && is_of_query(error)
}

/// True for an error that a query causes: by its data, or by asking for what cannot be run, which is known only when the plan is made. Other
/// errors, such as running out of memory or a damaged file, are not caused by one definition.
pub fn is_of_query(error: &DataFusionError) -> bool {
    // Data exceptions, what is not supported, and values that are too long.
    ["22", "0A", "54"].iter().any(|class| sqlstate(error).code().starts_with(class))
}

/// The error, prefixed with the segment that it comes from, and with the segment's condition; `key` is the name of the profile's key.
pub fn of_segment(error: &DataFusionError, label: &str, key: &str, condition: impl std::fmt::Display) -> DataFusionError {
    let text = in_own_names(&message(error), key);
    let problem =
        format!("{text} in its condition {condition}; nothing was published. Correct it with CREATE OR REPLACE SEGMENT");
    coded(sqlstate(error), label, problem)
}

/// The error, prefixed with the tag over the profile that it comes from; `key` is the name of the profile's key.
pub fn of_derived(error: &DataFusionError, tag: &str, profile: &str, key: &str) -> DataFusionError {
    with_label(error, &in_own_names(&message(error), key), &format!("tag {tag}"), profile)
}

/// The error, prefixed with the profile or tag that it comes from.
pub fn named(error: &DataFusionError, label: &str, profile: &str) -> DataFusionError {
    with_label(error, &message(error), label, profile)
}

fn with_label(error: &DataFusionError, text: &str, label: &str, profile: &str) -> DataFusionError {
    let problem = format!(
        "{text}; nothing was published. Correct its query with CREATE OR REPLACE, or refresh only other tags: REFRESH PROFILE {profile} TAGS (…)"
    );
    coded(sqlstate(error), label, problem)
}

/// The text of an arithmetic error, which names an expression over the profile, with the names that its columns have for users.
fn in_own_names(text: &str, key: &str) -> String {
    // Words of errors of division and of overflow.
    if !["zero", "range"].iter().any(|arithmetic| text.contains(arithmetic)) {
        return text.to_string();
    }
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let (mut named, mut rest, mut is_quoted) = (String::new(), text, false);
    while let Some(first) = rest.chars().next() {
        let end = match is_of_name(first) {
            true => rest.find(|letter: char| !is_of_name(letter)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (part, after) = rest.split_at(end);
        is_quoted ^= part == "'";
        match valued(part) {
            Some(column) if !is_quoted => named.push_str(column),
            None if !is_quoted && part.trim_end_matches(':') == KEY => {
                named.push_str(key);
                named.push_str(&part[KEY.len()..]);
            }
            _ => named.push_str(part),
        }
        rest = after;
    }
    named
}

/// The label of the profile or tag whose own query fails over its sources, and its error: in the plan of all tags, what the error is about
/// has other names. `None` when none fails.
pub async fn of_sources(profile: &str, planned: Planned, context: &StatementContext) -> Option<(String, DataFusionError)> {
    if let Some(error) = failing(planned.profile, context).await {
        return Some((format!("profile {profile}"), error));
    }
    for tag in planned.tags.into_iter().filter(|tag| tag.needs.is_none()) {
        if let Some(error) = failing(tag.plan, context).await {
            return Some((format!("tag {}", tag.name), error));
        }
    }
    None
}

/// The error of running the query, when the query causes it.
async fn failing(query: LogicalPlan, context: &StatementContext) -> Option<DataFusionError> {
    let run = async {
        let mut rows = DataFrame::new(context.state(), query).execute_stream().await?;
        while let Some(batch) = rows.next().await {
            batch?;
        }
        Result::Ok(())
    };
    run.await.err().filter(is_of_query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_names_that_users_know() {
        for (stored, own) in [
            (
                "9 / (value:年 - key): division by zero; write NULLIF(value:年 - key, 0)",
                "9 / (年 - id): division by zero; write NULLIF(年 - id, 0)",
            ),
            ("1 % key: division by zero", "1 % id: division by zero"),
            (
                "if(value:a = 'value:key', 1, 0) / value:b: is out of the range of BIGINT",
                "if(a = 'value:key', 1, 0) / b: is out of the range of BIGINT",
            ),
            ("the key x occurs twice", "the key x occurs twice"),
        ] {
            assert_eq!(in_own_names(stored, "id"), own);
        }
    }
}
