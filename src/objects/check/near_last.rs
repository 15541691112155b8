//! Checks that compare with the last result.
//!
//! The population stability index of two distributions over the same bins, with shares p (now) and q (last), is `Σ (p − q) · ln(p / q)`.
//! Below 0.1 a distribution is commonly considered unchanged, above 0.25 changed. An empty bin counts as a share of one ten-thousandth.
//!
//! Numbers are binned by the nine deciles of the first run; for strings and booleans, the fifty most frequent values of the first run have
//! their own bins. NULL has a bin, and all other values share one.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use super::running::rows;
use crate::error::{failed, invalid};
use crate::statement::StatementContext;
use crate::text::{literal, sql_type};

/// How many values of a string have their own bins.
const MOST_VALUES: usize = 50;
/// The smallest share of a bin.
const LEAST: f64 = 1e-4;

/// A distribution, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub bins: Bins,
    /// Rows per bin: NULL, each bin, all others.
    pub counts: Vec<i64>,
}

impl Distribution {
    /// Rows per bin, without the rows that are NULL.
    pub fn of_values(&self) -> &[i64] {
        self.counts.get(1..).unwrap_or_default()
    }
}

/// The bins of a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// Numeric bins, by their upper bounds.
    UpTo(Vec<f64>),
    /// One bin for each of these values.
    Values(Vec<String>),
}

impl Bins {
    /// An SQL expression for the number of a value's bin: 0 for NULL, then each bin, then all others.
    fn expression(&self, value: &str) -> String {
        let mut expression = format!("CASE WHEN ({value}) IS NULL THEN 0");
        let bins: Vec<String> = match self {
            Self::UpTo(edges) => edges.iter().map(|edge| format!("CAST(({value}) AS DOUBLE) <= {edge:?}")).collect(),
            Self::Values(values) => values.iter().map(|text| format!("CAST(({value}) AS VARCHAR) = {}", literal(text))).collect(),
        };
        for (place, condition) in bins.iter().enumerate() {
            expression.push_str(&format!(" WHEN {condition} THEN {}", place + 1));
        }
        expression.push_str(&format!(" ELSE {} END", bins.len() + 1));
        expression
    }

    fn count(&self) -> usize {
        2 + match self {
            Self::UpTo(edges) => edges.len(),
            Self::Values(values) => values.len(),
        }
    }
}

/// The distribution of a value over a table, in the bins of the last result if there is one.
///
/// # Errors
/// The value is not a number, string or boolean.
pub async fn distribution(
    label: &str,
    value: &str,
    table: &str,
    last: Option<Distribution>,
    context: &StatementContext,
) -> Result<Distribution> {
    let bins = match last {
        Some(last) => last.bins,
        None => first_bins(label, value, table, context).await?,
    };
    let sql = format!("SELECT {} AS bin, count(*) AS rows FROM {table} GROUP BY bin", bins.expression(value));
    let mut counts = vec![0i64; bins.count()];
    for batch in rows(&sql, context).await? {
        let places = cast(batch.column(0), &DataType::Int64)?;
        let found = places.as_primitive::<Int64Type>().iter().zip(batch.column(1).as_primitive::<Int64Type>());
        for (place, rows) in found {
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count += rows.unwrap_or(0);
            }
        }
    }
    Ok(Distribution { bins, counts })
}

async fn first_bins(label: &str, value: &str, table: &str, context: &StatementContext) -> Result<Bins> {
    let schema = super::running::schema(&format!("SELECT {value} AS value FROM {table}"), context).await?;
    let data_type = schema.field(0).data_type();
    check_type(label, value, data_type)?;
    if data_type.is_numeric() {
        let deciles =
            (1..=9).map(|decile| format!("percentile_cont(0.{decile}) WITHIN GROUP (ORDER BY CAST(({value}) AS DOUBLE))"));
        let sql = format!("SELECT {} FROM {table}", deciles.collect::<Vec<_>>().join(", "));
        let batches = rows(&sql, context).await?;
        let batch = batches.first().ok_or_else(|| failed(label, "gave no deciles"))?;
        let mut edges = vec![];
        for column in batch.columns() {
            let edge = cast(column, &DataType::Float64)?;
            let edge = edge.as_primitive::<Float64Type>();
            if !edge.is_empty() && edge.is_valid(0) && edges.last() != Some(&edge.value(0)) && edge.value(0).is_finite() {
                edges.push(edge.value(0));
            }
        }
        return Ok(Bins::UpTo(edges));
    }
    let sql = format!(
        "SELECT CAST(({value}) AS VARCHAR) AS value, count(*) AS rows FROM {table} WHERE ({value}) IS NOT NULL \
         GROUP BY value ORDER BY rows DESC, value LIMIT {MOST_VALUES}"
    );
    let mut values = vec![];
    for batch in rows(&sql, context).await? {
        let texts = cast(batch.column(0), &DataType::Utf8)?;
        values.extend(texts.as_string::<i32>().iter().flatten().map(str::to_string));
    }
    Ok(Bins::Values(values))
}

/// Refuses types without bins.
///
/// # Errors
/// The type is not a number, string or boolean.
pub fn check_type(label: &str, value: &str, data_type: &DataType) -> Result<()> {
    if has_bins(data_type) {
        return Ok(());
    }
    let problem = format!("distribution_near_last takes numbers, strings and booleans; {value} is {}", sql_type(data_type));
    Err(invalid(label, problem))
}

/// True for the types whose values have bins: numbers, strings and booleans.
pub fn has_bins(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::Dictionary(_, _) => true,
        other => other.is_numeric() || other.is_string(),
    }
}

/// The population stability index.
pub fn stability_index(now: &[i64], last: &[i64]) -> f64 {
    let share = |counts: &[i64], count: i64| (count as f64 / counts.iter().sum::<i64>().max(1) as f64).max(LEAST);
    now.iter()
        .zip(last)
        .filter(|(now, last)| **now > 0 || **last > 0)
        .map(|(count, before)| {
            let (p, q) = (share(now, *count), share(last, *before));
            (p - q) * libm::log(p / q)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_shares() {
        assert_eq!(stability_index(&[10, 20, 30], &[1, 2, 3]), 0.0);
        let index = stability_index(&[50, 50], &[80, 20]);
        let expected = -0.3 * (0.5f64 / 0.8).ln() + 0.3 * (0.5f64 / 0.2).ln();
        assert!((index - expected).abs() < 1e-12);
        assert!(stability_index(&[0, 100], &[100, 0]) > 10.0);
        assert_eq!(stability_index(&[], &[]), 0.0);
    }
}
