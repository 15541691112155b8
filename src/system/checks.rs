//! `system.check_results` and `system.table_scores`

use std::collections::BTreeMap;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use futures::future::BoxFuture;

use super::SystemTable;
use crate::catalog::checks::CheckResult;
use crate::catalog::objects::Object;
use crate::docs::Column;
use crate::objects::check::messages;
use crate::objects::values::{given, number, share, text, time};
use crate::statement::StatementContext;

/// The results of checks.
#[derive(Debug)]
pub struct CheckResults;

const RESULTS: [Column; 12] = [
    Column { name: "check", data_type: "VARCHAR", text: "its name" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "table", data_type: "VARCHAR", text: "the table that it checks" },
    Column { name: "checked_at", data_type: "TIMESTAMP", text: "when it ran, in UTC; the same for all checks that ran together" },
    Column {
        name: "dimension",
        data_type: "VARCHAR",
        text: "`completeness`, `validity`, `uniqueness`, `consistency` or `timeliness`",
    },
    Column { name: "severity", data_type: "VARCHAR", text: "`error`, `warning` or `info`" },
    Column { name: "status", data_type: "VARCHAR", text: "`passed`, `failed`, or `error` when it could not be computed" },
    Column { name: "rows", data_type: "BIGINT", text: "rows of the table" },
    Column { name: "failed", data_type: "BIGINT", text: "rows that failed" },
    Column {
        name: "passed_share",
        data_type: "DOUBLE",
        text: "share of the rows that passed; 1 or 0 for a check of the table as a whole",
    },
    Column { name: "message", data_type: "VARCHAR", text: "the result in words" },
    Column { name: "examples", data_type: "VARCHAR", text: "rows that failed, one per line, with masked values" },
];

/// The results of the role's own checks. Those of others would reveal rows that it may not see.
fn results(context: &StatementContext) -> Result<Vec<CheckResult>> {
    let (objects, rights) = (context.objects()?, context.rights()?);
    let is_own =
        |object: &Object, result: &CheckResult| object.kind == "check" && object.id == result.object && rights.owns(object);
    let is_seen = |result: &CheckResult| objects.iter().any(|object| is_own(object, result));
    Ok(context.catalog().check_results()?.into_iter().filter(is_seen).collect())
}

impl SystemTable for CheckResults {
    fn name(&self) -> &'static str {
        "check_results"
    }

    fn summary(&self) -> &'static str {
        "The results of the checks of tables; the last 1,000 results of each check are kept."
    }

    fn columns(&self) -> &'static [Column] {
        &RESULTS
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let results = results(context)?;
            let of = |get: fn(&CheckResult) -> &str| text(results.iter().map(move |result| given(get(result))));
            Ok(vec![
                of(|result| &result.name),
                number(results.iter().map(|result| Some(result.version))),
                of(|result| &result.table),
                time(results.iter().map(|result| Some(result.at))),
                of(|result| &result.dimension),
                of(|result| &result.severity),
                of(|result| &result.status),
                number(results.iter().map(|result| result.rows)),
                number(results.iter().map(|result| result.failed)),
                share(results.iter().map(|result| result.passed_share)),
                messages(&results, context.language()),
                of(|result| &result.examples),
            ])
        })
    }
}

/// The quality scores of tables.
#[derive(Debug)]
pub struct TableScores;

const SCORES: [Column; 9] = [
    Column { name: "table", data_type: "VARCHAR", text: "the table" },
    Column { name: "checked_at", data_type: "TIMESTAMP", text: "when its checks ran, in UTC" },
    Column {
        name: "completeness",
        data_type: "DOUBLE",
        text: "mean share of the rows that passed its completeness checks; NULL if there are none",
    },
    Column { name: "validity", data_type: "DOUBLE", text: "the same for validity checks" },
    Column { name: "uniqueness", data_type: "DOUBLE", text: "the same for uniqueness checks" },
    Column { name: "consistency", data_type: "DOUBLE", text: "the same for consistency checks" },
    Column { name: "timeliness", data_type: "DOUBLE", text: "the same for timeliness checks" },
    Column { name: "score", data_type: "DOUBLE", text: "mean of the dimensions that have checks" },
    Column { name: "failed_checks", data_type: "BIGINT", text: "checks that failed, or could not be computed" },
];

const DIMENSIONS: [&str; 5] = ["completeness", "validity", "uniqueness", "consistency", "timeliness"];

/// All checks of a table that ran together.
#[derive(Default)]
struct Look {
    /// Sum and number of the shares, by dimension.
    shares: [(f64, u32); 5],
    failed: i64,
}

impl Look {
    fn of(&self, dimension: usize) -> Option<f64> {
        let (sum, count) = self.shares.get(dimension)?;
        (*count > 0).then(|| sum / f64::from(*count))
    }

    fn score(&self) -> Option<f64> {
        let known: Vec<f64> = (0..DIMENSIONS.len()).filter_map(|dimension| self.of(dimension)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

impl SystemTable for TableScores {
    fn name(&self) -> &'static str {
        "table_scores"
    }

    fn summary(&self) -> &'static str {
        "The quality score of each table, each time that its checks ran."
    }

    fn columns(&self) -> &'static [Column] {
        &SCORES
    }

    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>> {
        Box::pin(async move {
            let mut looks: BTreeMap<(String, i64), Look> = BTreeMap::new();
            for result in results(context)? {
                let look = looks.entry((result.table, result.at)).or_default();
                let dimension = DIMENSIONS.iter().position(|dimension| *dimension == result.dimension);
                let sum = dimension.and_then(|dimension| look.shares.get_mut(dimension));
                if let (Some((sum, count)), Some(share)) = (sum, result.passed_share) {
                    *sum += share;
                    *count += 1;
                }
                look.failed += i64::from(result.status != "passed");
            }
            let mut values =
                vec![text(looks.keys().map(|(table, _)| Some(table.clone()))), time(looks.keys().map(|(_, at)| Some(*at)))];
            values.extend((0..DIMENSIONS.len()).map(|dimension| share(looks.values().map(move |look| look.of(dimension)))));
            values.push(share(looks.values().map(Look::score)));
            values.push(number(looks.values().map(|look| Some(look.failed))));
            Ok(values)
        })
    }
}
