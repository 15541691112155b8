//! Runs checks, stores their results, and stops a REFRESH over a table that fails one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use futures::TryStreamExt;
use sqlparser::ast::{Expr, ObjectName};

use super::expectation::Expectation;
use super::near_last::{Distribution, check_type, distribution, stability_index};
use super::{Check, OnFailure, masked, parts};
use crate::catalog::checks::CheckResult;
use crate::catalog::objects::Object;
use crate::docs::Column;
use crate::error::{SqlState, coded, invalid, message};
use crate::language::Language;
use crate::objects::definition::Definition;
use crate::objects::kind::Values;
use crate::objects::kind_of;
use crate::objects::protection::hides_values;
use crate::objects::values::{given, number, share, text};
use crate::refresh::literals::coerced;
use crate::sql::parser::parse_composed;
use crate::sql::planning::plan;
use crate::statement::StatementContext;
use crate::text::{identifier, sql_type};

/// The columns that CHECK TABLE returns.
pub const COLUMNS: [Column; 10] = [
    Column { name: "check", data_type: "VARCHAR", text: "its name" },
    Column { name: "table", data_type: "VARCHAR", text: "the table" },
    Column {
        name: "dimension",
        data_type: "VARCHAR",
        text: "`completeness`, `validity`, `uniqueness`, `consistency` or `timeliness`",
    },
    Column { name: "severity", data_type: "VARCHAR", text: "`error`, `warning` or `info`" },
    Column { name: "status", data_type: "VARCHAR", text: "`passed`, `failed`, or `error` when it could not be computed" },
    Column { name: "rows", data_type: "BIGINT", text: "rows of the table" },
    Column { name: "failed", data_type: "BIGINT", text: "rows that failed" },
    Column { name: "passed_share", data_type: "DOUBLE", text: "share of the rows that passed" },
    Column { name: "message", data_type: "VARCHAR", text: "what was found" },
    Column { name: "examples", data_type: "VARCHAR", text: "rows that failed, one per line, with masked values" },
];

/// Runs all checks of the tables, and stores the results.
///
/// # Errors
/// A table does not exist or has no checks; the catalog cannot be written.
pub async fn run_tables(tables: &[ObjectName], context: &StatementContext) -> Result<Values> {
    let checks = all(context)?;
    let mut chosen: Vec<Check> = vec![];
    let sees_all = context.rights()?.is_superuser();
    for table in tables {
        let name = parts(table);
        let of_table: Vec<&Check> = checks.iter().filter(|check| is_same(&check.table_parts, &name)).collect();
        // A missing table is reported before missing checks; and what a role may not read, it may not check.
        if of_table.is_empty() || !sees_all {
            schema(&format!("SELECT * FROM {table}"), context).await?;
        }
        if of_table.is_empty() {
            let problem = format!("has no checks; write CREATE CHECK name ON {table} AS condition");
            return Err(invalid(&table.to_string(), problem));
        }
        chosen.extend(of_table.into_iter().cloned());
    }
    let (mut results, rights) = (run(&chosen, context).await?, context.rights()?);
    // The owner of a check may see more rows than the role that runs it. Then even whether it passes reveals something: who may add rows
    // could find out the hidden values by a check of unique values.
    for (result, check) in results.iter_mut().zip(&chosen).filter(|(_, check)| !rights.owns(&check.definition.object)) {
        (result.rows, result.failed, result.passed_share) = (None, None, None);
        (result.message, result.examples) = Default::default();
        if hides_values(&check.definition.object, context)? {
            result.status.clear();
        }
    }
    Ok(values(&results, context.language()))
}

/// Results as the columns of CHECK TABLE, with messages in a language.
fn values(results: &[CheckResult], language: Language) -> Values {
    let of = |get: fn(&CheckResult) -> &str| text(results.iter().map(move |result| given(get(result))));
    vec![
        of(|result| &result.name),
        of(|result| &result.table),
        of(|result| &result.dimension),
        of(|result| &result.severity),
        of(|result| &result.status),
        number(results.iter().map(|result| result.rows)),
        number(results.iter().map(|result| result.failed)),
        share(results.iter().map(|result| result.passed_share)),
        messages(results, language),
        of(|result| &result.examples),
    ]
}

/// What checks found, in a language. English is what is kept.
pub fn messages<'a>(results: impl IntoIterator<Item = &'a CheckResult>, language: Language) -> ArrayRef {
    let messages: Vec<_> = results.into_iter().map(|result| language.message(&result.message)).collect();
    text(messages.iter().map(|message| given(message)))
}

/// Runs the checks with `on_failure` of the tables that a profile reads. Returns the failures that are only warnings.
///
/// # Errors
/// A check failed that stops the refresh.
pub async fn before_refresh(profile: &str, context: &StatementContext) -> Result<Vec<String>> {
    let read = tables_of(profile, context)?;
    let is_read = |check: &Check| read.iter().any(|table| is_same(table, &check.table_parts));
    let waiting = |check: &Check| check.on_failure != OnFailure::Nothing && is_read(check);
    let checks: Vec<Check> = all(context)?.into_iter().filter(waiting).collect();
    if checks.is_empty() {
        return Ok(vec![]);
    }
    let (mut notes, rights) = (vec![], context.rights()?);
    for (check, result) in checks.iter().zip(run(&checks, context).await?) {
        if result.status == "passed" {
            continue;
        }
        let is_own = rights.owns(&check.definition.object);
        let said = if is_own { result.message } else { "its owner sees what it found".into() };
        let found = format!("check {} on {}: {said}", result.name, result.table);
        if check.on_failure == OnFailure::Stop {
            let problem = format!("is not refreshed, as {found}; see system.checks, or change on_failure of the check");
            return Err(coded(SqlState::CHECK_VIOLATION, &format!("profile {profile}"), problem));
        }
        if is_own || !hides_values(&check.definition.object, context)? {
            notes.push(found);
        }
    }
    Ok(notes)
}

/// The tables that a profile, its tags and segments read, directly or through views.
fn tables_of(profile: &str, context: &StatementContext) -> Result<Vec<Vec<String>>> {
    let objects = context.all_objects()?;
    let used = |object: &Object| -> Result<Vec<Vec<String>>> {
        let Some(kind) = kind_of(&object.kind) else { return Ok(vec![]) };
        Ok(kind.uses(&Definition::read(object.clone(), context.session())?).tables)
    };
    let mut read: Vec<Vec<String>> = vec![];
    for object in objects.iter().filter(|object| object.profile == profile) {
        read.extend(used(object)?);
    }
    let mut next = 0;
    while let Some(table) = read.get(next).cloned() {
        next += 1;
        let is_it = |object: &&Object| object.kind == "view" && is_same(&name_of(object, context), &table);
        for below in objects.iter().find(is_it).map(used).transpose()?.unwrap_or_default() {
            if !read.contains(&below) {
                read.push(below);
            }
        }
    }
    Ok(read)
}

/// The schema (if any) and name of a view.
fn name_of(object: &Object, context: &StatementContext) -> Vec<String> {
    let (schema, name) = crate::objects::schema::parts(&object.name, context);
    schema.into_iter().chain([name]).map(str::to_string).collect()
}

/// All checks, in order of creation.
fn all(context: &StatementContext) -> Result<Vec<Check>> {
    let objects = context.all_objects()?;
    let own = objects.iter().filter(|object| object.kind == "check");
    own.map(|object| Check::of(Definition::read(object.clone(), context.session())?)).collect()
}

/// True for names of the same table, with or without the schema `public`.
fn is_same(one: &[String], other: &[String]) -> bool {
    let plain = |name: &[String]| match name {
        [.., schema, name] if schema != "public" => vec![schema.clone(), name.clone()],
        [.., name] => vec![name.clone()],
        [] => vec![],
    };
    plain(one) == plain(other)
}

async fn run(checks: &[Check], context: &StatementContext) -> Result<Vec<CheckResult>> {
    let mut results = vec![];
    for check in checks {
        let object = &check.definition.object;
        // A check reads with the rights of its owner, like a view, and what its owner sees: its results are kept, whoever runs it.
        let inside = context.entering(&object.label(), &object.owner)?.reading_as(&object.owner);
        let found = tokio::select! {
            biased;
            error = context.ended() => return Err(error),
            found = look(check, &inside) => found,
        };
        let found = found.unwrap_or_else(|error| Found { status: "error", message: message(&error), ..Found::default() });
        results.push(CheckResult {
            object: object.id,
            name: object.name.clone(),
            version: object.version,
            at: context.now(),
            table: check.table.clone(),
            dimension: check.dimension.into(),
            severity: check.severity.into(),
            status: found.status.into(),
            rows: found.rows,
            failed: found.failed,
            passed_share: found.passed_share,
            message: found.message,
            examples: found.examples.join("\n"),
            detail: found.detail,
        });
    }
    context.catalog().add_check_results(&results)?;
    Ok(results)
}

/// The result of one check.
#[derive(Default)]
struct Found {
    status: &'static str,
    rows: Option<i64>,
    failed: Option<i64>,
    passed_share: Option<f64>,
    message: String,
    examples: Vec<String>,
    detail: String,
}

impl Found {
    /// The result of a check of the table as a whole.
    fn whole(passes: bool, rows: i64, message: String) -> Self {
        let status = if passes { "passed" } else { "failed" };
        Self { status, rows: Some(rows), passed_share: Some(f64::from(u8::from(passes))), message, ..Self::default() }
    }
}

async fn look(check: &Check, context: &StatementContext) -> Result<Found> {
    let object = &check.definition.object;
    // A refresh that was stopped must not pass when it is tried again, because the rows that stopped it have become the last ones.
    let last = context.catalog().last_computed(object.id, object.version, check.on_failure == OnFailure::Stop)?;
    match &check.expectation {
        Expectation::Fresh { .. } => {
            let sql = check.expectation.freshness(&check.table, context.now()).unwrap_or_default();
            let batches = rows(&sql, context).await?;
            let count = whole(&batches, 0)?.unwrap_or(0);
            let newest = batches.first().map(|batch| cast(batch.column(1), &DataType::Utf8)).transpose()?;
            let newest =
                newest.as_ref().map(|newest| newest.as_string::<i32>()).filter(|newest| newest.len() == 1 && newest.is_valid(0));
            let is = |column: usize| {
                let flags = batches.first().and_then(|batch| batch.column(column).as_any().downcast_ref::<BooleanArray>());
                flags.is_some_and(|flags| flags.len() == 1 && flags.is_valid(0) && flags.value(0))
            };
            // One wrong time, such as one of the year 2099, would hide for years that nothing new comes.
            let (is_recent, is_ahead) = (is(2), is(3));
            let message = match newest {
                Some(newest) if is_ahead => format!("the newest time is in the future: {}", newest.value(0)),
                Some(newest) => format!("the newest time is {}", newest.value(0)),
                None => "there is no time".into(),
            };
            Ok(Found::whole(is_recent && !is_ahead, count, message))
        }
        Expectation::RowCount(most) => {
            let count = whole(&rows(&format!("SELECT count(*) FROM {}", check.table), context).await?, 0)?.unwrap_or(0);
            let Some(before) = last.and_then(|last| last.rows) else {
                return Ok(Found::whole(true, count, format!("{count} rows; there is nothing to compare with yet")));
            };
            let change = (count - before) as f64 / before.max(1) as f64;
            let message = format!("{count} rows, {before} before, {:+.1} %", change * 100.0);
            Ok(Found::whole(change.abs() <= *most, count, message))
        }
        Expectation::Distribution { value, most } => {
            let before: Option<Distribution> = last.and_then(|last| serde_json::from_str(&last.detail).ok());
            let now = distribution(&object.label(), &value.to_string(), &check.table, before.clone(), context).await?;
            let count = now.counts.iter().sum();
            let detail = serde_json::to_string(&now).unwrap_or_default();
            let found = match before {
                None => Found::whole(true, count, "there is nothing to compare with yet".into()),
                Some(before) => {
                    let index = stability_index(&now.counts, &before.counts);
                    Found::whole(index <= *most, count, format!("population stability index {index:.4}, at most {most}"))
                }
            };
            Ok(Found { detail, ..found })
        }
        expectation => by_rows(check, expectation, context).await,
    }
}

/// Counts the failing rows, and collects examples.
async fn by_rows(check: &Check, expectation: &Expectation, context: &StatementContext) -> Result<Found> {
    let shown = shown(check, context).await?;
    let Some(asked) = expectation.asked(&check.table, &shown, check.examples) else { return Ok(Found::default()) };
    let batches = rows(&asked.counts, context).await?;
    let (count, failed) = (whole(&batches, 0)?.unwrap_or(0), whole(&batches, 1)?.unwrap_or(0));
    // A query may return more rows than the table has.
    let failed_share = if count > 0 { (failed as f64 / count as f64).min(1.0) } else { f64::from(u8::from(failed > 0)) };
    let passes = failed_share <= check.threshold;
    let examples = match failed {
        0 => vec![],
        _ if check.examples == 0 => vec![],
        _ => masked::examples(&rows(&asked.examples, context).await?)?,
    };
    let allowed = if check.threshold > 0.0 { format!(", at most {} %", short(check.threshold * 100.0)) } else { String::new() };
    let message = match failed {
        0 => format!("{count} rows"),
        _ => {
            let share = failed_share * 100.0;
            // 1.002 % is not `1 %, at most 1 %`.
            let says_more =
                |decimals: &usize| with_decimals(share, *decimals) != with_decimals(check.threshold * 100.0, *decimals);
            let decimals = if passes { 2 } else { (2..12).find(says_more).unwrap_or(2) };
            format!("{failed} of {count} rows fail ({} %{allowed})", with_decimals(share, decimals))
        }
    };
    // Divided anew, because 1 − 0.99 is not quite 0.01.
    let passed_share = if count > 0 { (count - failed).max(0) as f64 / count as f64 } else { 1.0 - failed_share };
    let (status, passed_share) = (if passes { "passed" } else { "failed" }, Some(passed_share));
    Ok(Found { status, rows: Some(count), failed: Some(failed), passed_share, message, examples, detail: String::new() })
}

/// The columns that an example shows: the key, and the columns that the check names.
async fn shown(check: &Check, context: &StatementContext) -> Result<Vec<String>> {
    let schema = schema(&format!("SELECT * FROM {}", check.table), context).await?;
    if let Some(missing) = check.key.iter().find(|key| schema.field_with_name(key).is_err()) {
        return Err(invalid(&check.definition.object.label(), format!("key: {} has no column {missing}", check.table)));
    }
    let names = check.expectation.names();
    let fields = schema.fields().iter().map(|field| field.name());
    let named = fields.filter(|field| names.contains(field) && !check.key.contains(field));
    Ok(check.key.iter().chain(named).map(|column| identifier(column)).collect())
}

/// Plans all queries of a check, so that a wrong one is refused at creation.
///
/// # Errors
/// The check is wrong.
pub async fn try_out(check: &Check, context: &StatementContext) -> Result<()> {
    let (label, table) = (check.definition.object.label(), &check.table);
    match &check.expectation {
        Expectation::Rows(condition, _) => {
            // A string that cannot be converted to the type of the column is wrong for every row.
            let parsed = parse_composed(&format!("SELECT {condition} AS holds FROM {table}"), context.session())?;
            let planned = coerced(plan(&parsed, context).await?, &label, context)?;
            let data_type = planned.schema().field(0).data_type();
            if !matches!(data_type, DataType::Boolean | DataType::Null) {
                let problem = format!("takes a condition, {condition} is {}; compare it with something", sql_type(data_type));
                return Err(invalid(&label, problem));
            }
            match condition.as_ref() {
                Expr::Between { expr, low, high, .. } => {
                    refuse_other_kinds(&label, expr, &[low.as_ref(), high.as_ref()], table, context).await?;
                }
                Expr::InList { expr, list, .. } => {
                    let list: Vec<&Expr> = list.iter().collect();
                    refuse_other_kinds(&label, expr, &list, table, context).await?;
                }
                _ => {}
            }
        }
        Expectation::Distribution { value, .. } => {
            let schema = schema(&format!("SELECT {value} AS value FROM {table}"), context).await?;
            check_type(&label, &value.to_string(), schema.field(0).data_type())?;
        }
        _ => {}
    }
    let shown = shown(check, context).await?;
    let mut queries = vec![];
    match check.expectation.asked(&check.table, &shown, check.examples) {
        Some(asked) => queries.extend([asked.counts, asked.examples]),
        None => queries.extend(check.expectation.freshness(&check.table, context.now())),
    }
    for query in queries {
        schema(&query, context).await?;
    }
    Ok(())
}

/// Refuses a string that is compared with a number or a time, and a time with a number: the first value that cannot be converted would
/// fail the check, and so only when it runs.
async fn refuse_other_kinds(label: &str, value: &Expr, others: &[&Expr], table: &str, context: &StatementContext) -> Result<()> {
    // `in_range` puts brackets around its arguments.
    let (value, others) = (bare(value), others.iter().map(|other| bare(other)).collect::<Vec<_>>());
    let listed = others.iter().map(ToString::to_string).collect::<Vec<_>>().join("), (");
    let schema = schema(&format!("SELECT ({value}), ({listed}) FROM {table}"), context).await?;
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    let Some((own, of_others)) = types.split_first() else { return Ok(()) };
    for (other, data_type) in others.iter().zip(of_others) {
        let converted = match (own, data_type) {
            (own, other) if is_string(own) && other.is_numeric() => {
                format!("convert it first: TRY_CAST({value} AS {}), or parse_number({value})", sql_type(other))
            }
            (own, other) if is_string(own) && is_time(other) => {
                format!("convert it first: TRY_CAST({value} AS {}), or parse_date({value})", sql_type(other))
            }
            (own, other) if is_time(own) && other.is_numeric() => "write a date such as DATE '2024-12-31'".to_string(),
            _ => continue,
        };
        let (is, are) = (sql_type(own), sql_type(data_type));
        let problem = format!("compares {value}, which is {is}, with {other}, which is {are}; {converted}");
        return Err(coded(SqlState::DATATYPE_MISMATCH, label, problem));
    }
    Ok(())
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

const fn is_string(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

const fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// The schema of a query's result.
///
/// # Errors
/// The query is wrong.
pub async fn schema(sql: &str, context: &StatementContext) -> Result<SchemaRef> {
    let parsed = parse_composed(sql, context.session())?;
    Ok(Arc::clone(plan(&parsed, context).await?.schema().inner()))
}

/// Runs a query.
///
/// # Errors
/// The query is wrong, or it fails on the data.
pub async fn rows(sql: &str, context: &StatementContext) -> Result<Vec<RecordBatch>> {
    let parsed = parse_composed(sql, context.session())?;
    let frame = DataFrame::new(context.state(), plan(&parsed, context).await?);
    frame.execute_stream().await?.try_collect().await
}

/// An integer in the first row.
fn whole(batches: &[RecordBatch], column: usize) -> Result<Option<i64>> {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let numbers = cast(batch.column(column), &DataType::Int64)?;
    Ok(numbers.as_primitive::<Int64Type>().iter().next().flatten())
}

/// A percentage with at most two decimals.
fn short(number: f64) -> String {
    with_decimals(number, 2)
}

/// A number with at most this many decimals.
fn with_decimals(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
