//! The tables that the definitions of a profile read, and which of them are read whole, including rows later than the refresh.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, Expr, LogicalPlan, Operator};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Query, Statement as SqlStatement};

use super::columns::MOMENT;
use super::definition::{AS_OF, ProfileDefinition};
use super::published::name_and_time;
use crate::error::did_you_mean;
use crate::sql::lineage::{Origin, origins};
use crate::sql::parser::parse_query;
use crate::sql::planning;
use crate::sql::references::is_called_with;
use crate::statement::{Reads, StatementContext};
use crate::text::{identifier, literal};
use crate::walk::{PlanTree, Tree};

/// The tables that all definitions of a profile read.
#[derive(Debug, Default)]
pub struct Sources {
    /// Names of tables and views.
    names: BTreeSet<String>,
    /// Tables with time columns that are read whole, with these columns and the definitions that read them.
    whole: BTreeMap<String, (Vec<String>, Vec<String>)>,
    /// The time columns of those tables that a definition reads.
    read: BTreeSet<Origin>,
    /// Their dates that a definition does not read, such as birthdays: they do not tell how new the data is.
    unread_days: BTreeSet<Origin>,
    /// The definitions that read the clock, each with the function that does.
    clocks: BTreeMap<String, &'static str>,
}

/// The functions that read the clock.
const CLOCKS: [&str; 3] = ["now", "current_date", "current_time"];

impl Sources {
    /// Adds what one definition reads. `by` is its label, `plan` its query with the value of `$as_of`.
    pub fn add(
        &mut self,
        by: &str,
        reads: &Reads,
        query: &Query,
        plan: &LogicalPlan,
        time_columns: &[(String, String)],
        context: &StatementContext,
    ) -> Result<()> {
        let sources = reads.sources();
        self.names.extend(sources.keys().cloned());
        self.clocks.extend(clock_in(plan)?.map(|clock| (by.to_string(), clock)));
        // A query that passes the time to a table function leaves the limit to that function.
        if is_called_with(query, AS_OF) {
            return Ok(());
        }
        let is_timed = |name: &str| time_columns.iter().any(|(table, _)| table == name);
        let (bounded, mut read) = (bounded(plan)?, None);
        for (name, source) in sources {
            // A view with a time column already limits the tables beneath it.
            let is_whole = source.through.iter().any(|path| !path.iter().any(|view| is_timed(view)));
            let is_bounded = source.times.iter().any(|time| bounded.contains(&(name.clone(), time.clone())));
            if source.times.is_empty() || is_timed(&name) || !is_whole || is_bounded {
                continue;
            }
            // An error here must not refuse the definition: the note then names all columns.
            let read: &BTreeSet<Origin> = read.get_or_insert_with(|| columns_read(plan, context).unwrap_or_default());
            let of_table = |time: &String| (name.clone(), time.clone());
            let (own, others): (Vec<String>, Vec<String>) =
                source.times.into_iter().partition(|time| read.contains(&of_table(time)));
            self.read.extend(own.iter().map(of_table));
            self.unread_days.extend(others.iter().filter(|time| source.days.contains(time)).map(of_table));
            // Of several times those that the query reads; all of them when it reads none.
            let named = if own.is_empty() { others } else { own };
            let (times, readers) = self.whole.entry(name).or_default();
            for time in named {
                if !times.contains(&time) {
                    times.push(time);
                }
            }
            if !readers.iter().any(|reader| reader == by) {
                readers.push(by.to_string());
            }
        }
        Ok(())
    }

    /// Notes on the tables that are read whole, by this definition or by any.
    pub fn notes(&self, profile: &str, by: Option<&str>) -> Vec<String> {
        let note = |(table, (times, readers)): (&String, &(Vec<String>, Vec<String>))| {
            let readers: Vec<&str> =
                readers.iter().map(String::as_str).filter(|reader| by.is_none_or(|by| by == *reader)).collect();
            if readers.is_empty() {
                return None;
            }
            let all: Vec<String> = times.iter().map(|time| format!("{table}.{time}")).collect();
            let (are, it) = if all.len() == 1 { ("is a time", "it") } else { ("are times", "one of them") };
            // A file has no name that can be listed there; a table in a schema has.
            let advice = match table.contains('/') {
                true => "create a table for the file with CREATE EXTERNAL TABLE, and list that".to_string(),
                false => format!("list {it} there"),
            };
            let first = times.first().map_or("", String::as_str);
            Some(format!(
                "{} {are} and not in time_columns of profile {profile}: rows after as_of are seen by {}; {advice}, or write \
                 WHERE {first} <= $as_of; a date such as a birthday needs neither",
                all.join(" and "),
                readers.join(", ")
            ))
        };
        self.whole.iter().filter_map(note).collect()
    }

    /// Notes on definitions that read the clock, this one or all: it does not go back to the time of a refresh.
    pub fn notes_on_clocks(&self, by: Option<&str>) -> Vec<String> {
        let own = self.clocks.iter().filter(|(reader, _)| by.is_none_or(|by| by == reader.as_str()));
        own.map(|(reader, clock)| {
            format!(
                "{reader} reads the clock, with {clock}: a refresh as of an earlier day gets today's answer; write $as_of instead"
            )
        })
        .collect()
    }

    /// Notes on time columns of tables that no definition reads: they limit nothing, after the last reader was dropped or because of a typo.
    pub fn notes_on_unread(&self, definition: &ProfileDefinition) -> Vec<String> {
        let unread = definition.body.time_columns.iter().filter(|(table, _)| !self.names.contains(table));
        let note = |(table, column): &(String, String)| {
            let suggestion = did_you_mean(table, self.names.iter().map(String::as_str));
            let read = match self.names.is_empty() {
                true => "they read no table".to_string(),
                false => format!("they read {}", self.names.iter().cloned().collect::<Vec<_>>().join(", ")),
            };
            format!(
                "profile {}: time_columns names {table}.{column}, and neither its query nor a tag reads {table}{suggestion}; {read}; leave the \
                 entry out, or correct it with CREATE OR REPLACE PROFILE",
                definition.name()
            )
        };
        unread.map(note).collect()
    }

    /// The newest time in the data, with its table and column: over the time columns, or over the tables read whole when there are none.
    ///
    /// # Errors
    /// A table cannot be read.
    pub async fn newest(&self, definition: &ProfileDefinition, context: &StatementContext) -> Result<Option<(i64, String)>> {
        let timed = definition.body.time_columns.clone();
        let whole = self.whole.iter().flat_map(|(table, (times, _))| times.iter().map(|time| (table.clone(), time.clone())));
        let whole = whole.filter(|time| self.read.contains(time) || !self.unread_days.contains(time));
        let all = if timed.is_empty() { whole.collect() } else { timed };
        let mut newest: Option<(i64, String)> = None;
        for (table, column) in all {
            let time = newest_of(&table, &column, context).await?;
            if let Some(time) = time.filter(|time| newest.as_ref().is_none_or(|(other, _)| time > other)) {
                newest = Some((time, format!("{table}.{column}")));
            }
        }
        Ok(newest)
    }
}

/// The columns of tables that a query reads: those that the optimizer leaves in its scans.
fn columns_read(plan: &LogicalPlan, context: &StatementContext) -> Result<BTreeSet<Origin>> {
    let mut found = BTreeSet::new();
    context.session().optimize(plan)?.each_plan(|plan| {
        if let LogicalPlan::TableScan(scan) = plan {
            for place in 0..scan.projected_schema.fields().len() {
                let origins = origins(plan, place).into_iter();
                found.extend(origins.map(|(table, column)| (name_and_time(&table).0.to_string(), column)));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The number of rows that have no value in a column; `None` where statistics do not tell it, and so all rows would have to be read.
///
/// # Errors
/// The table cannot be opened.
pub async fn missing_in(table: &str, column: &str, context: &StatementContext) -> Result<Option<i64>> {
    let frame = asked(&format!("count(*) - count({})", identifier(column)), table, context).await?;
    let plan = frame.clone().create_physical_plan().await?;
    if plan.any_part(|node| Ok(node.children().is_empty() && !node.is::<PlaceholderRowExec>()))? {
        return Ok(None);
    }
    match answer(frame).await? {
        Some(ScalarValue::Int64(count)) => Ok(count),
        _ => Ok(None),
    }
}

/// The query of one value over a table.
async fn asked(value: &str, table: &str, context: &StatementContext) -> Result<DataFrame> {
    // A file is named by a quoted string.
    let from = if table.contains('/') { literal(table) } else { identifier(table) };
    let query = parse_query(&format!("SELECT {value} FROM {from}"))?;
    let statement = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
    Ok(DataFrame::new(context.state(), planning::plan(&statement, context).await?))
}

async fn answer(frame: DataFrame) -> Result<Option<ScalarValue>> {
    let batches = frame.collect().await?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    first.map(|batch| ScalarValue::try_from_array(batch.column(0), 0)).transpose()
}

/// The greatest time in a column, in microseconds since 1970.
async fn newest_of(table: &str, column: &str, context: &StatementContext) -> Result<Option<i64>> {
    let greatest = answer(asked(&format!("max({})", identifier(column)), table, context).await?).await?;
    let Some(greatest) = greatest else { return Ok(None) };
    match greatest.cast_to(&MOMENT).map_err(|error: DataFusionError| error.context(format!("{table}.{column}")))? {
        ScalarValue::TimestampMicrosecond(time, _) => Ok(time),
        _ => Ok(None),
    }
}

/// The function with which a query reads the clock, if it does.
fn clock_in(plan: &LogicalPlan) -> Result<Option<&'static str>> {
    let mut found = None;
    plan.each_plan(|plan| {
        for expression in plan.expressions() {
            expression.each_part(|part| {
                if let Expr::ScalarFunction(call) = part {
                    found = found.or(CLOCKS.iter().copied().find(|clock| *clock == call.func.name()));
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The columns of tables that a condition of the query bounds from above by a constant, as in `ordered_at <= $as_of`.
fn bounded(plan: &LogicalPlan) -> Result<BTreeSet<Origin>> {
    let mut found = BTreeSet::new();
    plan.each_plan(|plan| {
        if let LogicalPlan::Filter(filter) = plan {
            for condition in split_conjunction(&filter.predicate) {
                let (less, more) = match condition {
                    Expr::BinaryExpr(BinaryExpr { left, op: Operator::Lt | Operator::LtEq, right }) => (left, right),
                    Expr::BinaryExpr(BinaryExpr { left, op: Operator::Gt | Operator::GtEq, right }) => (right, left),
                    Expr::Between(Between { expr, negated: false, high, .. }) => (expr, high),
                    _ => continue,
                };
                let columns = less.column_refs();
                if let [column] = columns.into_iter().collect::<Vec<_>>().as_slice()
                    && more.column_refs().is_empty()
                    && let Some(place) = filter.input.schema().maybe_index_of_column(column)
                {
                    let origins = origins(&filter.input, place).into_iter();
                    found.extend(origins.map(|(table, column)| (name_and_time(&table).0.to_string(), column)));
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
