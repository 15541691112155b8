//! Several changes of rows that take effect together: TRUNCATE of several tables, and those in a WITH clause.

use std::sync::Arc;

use datafusion::arrow::array::UInt64Array;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{CascadeOption, Truncate, TruncateIdentityOption};

use super::{COUNT, check_kind};
use crate::catalog::Catalog;
use crate::engine::Session;
use crate::engine::answer::Answer;
use crate::engine::execution;
use crate::engine::naming::{own_name, relation};
use crate::engine::rights;
use crate::error::{SqlState, coded, invalid};
use crate::objects::constraining::InTexts;
use crate::objects::schema::quoted;
use crate::objects::{referring, sequencing};
use crate::sql::changing::within::{self, Within};
use crate::sql::changing::{self, truncated};
use crate::sql::parser::{self, Parsed};
use crate::sql::planning::{bind_parameters, plan_answered};
use crate::sql::postgres;
use crate::sql::references::tables_in;
use crate::sql::syntax::conflicts;
use crate::statement::{SavedTables, StatementContext, meant};
use crate::text::with_article;

/// What several statements do: a transaction of its own, or a part of that of the session.
struct Whole {
    context: StatementContext,
    own: Option<Arc<Catalog>>,
    saved: SavedTables,
}

impl Whole {
    async fn begin(context: &StatementContext) -> Result<Self> {
        let saved = context.tables().saved().await;
        if !context.catalog().is_durable() || context.catalog().is_transaction() {
            return Ok(Self { context: context.renewed(), own: None, saved });
        }
        let context = context.in_transaction()?;
        let own = Some(Arc::clone(context.catalog()));
        Ok(Self { context, own, saved })
    }

    /// The context of the next statement, which sees what those before it have done.
    fn next(&self) -> StatementContext {
        self.context.renewed()
    }

    /// Lets all of it take effect, or none.
    async fn end<T>(self, done: Result<T>) -> Result<T> {
        let tables = Arc::clone(self.context.tables());
        let done = match (done, &self.own) {
            (Ok(done), Some(own)) => {
                tables.let_go();
                own.commit().map(|()| done)
            }
            (done, _) => done,
        };
        if done.is_err() {
            tables.restore(self.saved).await;
        }
        done
    }
}

/// Runs a statement that consists of several changes; `None` for others.
///
/// # Errors
/// One of them fails; then nothing is changed.
pub async fn run(session: &Session, parsed: &SqlParsed, text: &str, context: &StatementContext) -> Result<Option<Answer>> {
    if let Some(truncate) = truncated(parsed) {
        return truncate_all(session, truncate, text, context).await.map(Some);
    }
    match within::split(parsed)? {
        Some(within) => change_all(session, within, text, context).await.map(Some),
        None => Ok(None),
    }
}

/// The plans of the parts of such a statement, the last one for its columns; none for others.
///
/// # Errors
/// A part is wrong.
pub async fn described(parsed: &SqlParsed, context: &StatementContext) -> Result<Vec<LogicalPlan>> {
    let Some(Within { parts, last }) = within::split(parsed)? else { return Ok(vec![]) };
    let (mut plans, mut context) = (vec![], context.clone());
    for part in parts {
        conflicts::statement(&part.statement)?;
        let statement = part.statement;
        let part_context = rights::check(&Parsed::Sql(Box::new(statement.clone())), &context)?;
        let plan = match super::described(&statement, &part_context).await? {
            Some(plan) => plan,
            None => plan_answered(&statement, &part_context).await?,
        };
        if let Some(name) = part.gives {
            let table: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(Arc::clone(plan.schema().inner()), vec![vec![]])?);
            context = context.with_files(vec![(name, table)]);
        }
        plans.push(plan);
    }
    let last_context = rights::check(&Parsed::Sql(Box::new(last.clone())), &context)?;
    plans.push(match super::described(&last, &last_context).await? {
        Some(plan) => plan,
        None => plan_answered(&last, &last_context).await?,
    });
    Ok(plans)
}

/// Runs a part of a statement.
async fn part(session: &Session, statement: SqlParsed, text: &str, context: &StatementContext) -> Result<Answer> {
    let parsed = Parsed::Sql(Box::new(statement));
    let context = rights::check(&parsed, context)?;
    Box::pin(execution::run(session, parsed, text, context)).await.map(Answer::of_part)
}

/// Runs the changes of a WITH clause, and then the query.
async fn change_all(session: &Session, within: Within, text: &str, context: &StatementContext) -> Result<Answer> {
    let Within { parts, last } = within;
    refuse_read_again(&parts, &last, context)?;
    // What a part returns is read by a table that is filled once it has run.
    let (mut tables, mut reading) = (vec![], context.clone());
    for part in &parts {
        let Some(name) = &part.gives else {
            tables.push(None);
            continue;
        };
        conflicts::statement(&part.statement)?;
        let statement = part.statement.clone();
        let part_context = rights::check(&Parsed::Sql(Box::new(statement.clone())), &reading)?;
        let Some(plan) = super::described(&statement, &part_context).await? else {
            return Err(invalid("WITH", "reads what a statement returns that returns nothing; write RETURNING"));
        };
        let table = Arc::new(MemTable::try_new(Arc::clone(plan.schema().inner()), vec![vec![]])?);
        let provider: Arc<dyn TableProvider> = Arc::clone(&table) as _;
        reading = reading.with_files(vec![(name.clone(), provider)]);
        tables.push(Some((name.clone(), table)));
    }
    // The query is planned over the rows that were there before.
    let query = match changing::target(&last).is_some() || changing::inserted(&last).is_some() {
        true => None,
        false => {
            let planned = |context: StatementContext| {
                let last = &last;
                async move { Ok((plan_answered(last, &context).await?, context)) }
            };
            Some(reading.settled(planned).await?)
        }
    };
    let whole = Whole::begin(context).await?;
    let done = async {
        let mut given: Vec<(String, Arc<dyn TableProvider>)> = vec![];
        for (change, table) in parts.into_iter().zip(tables) {
            let context = whole.next().with_files(given.clone());
            let rows = part(session, change.statement, text, &context).await?.collect().await?;
            if let Some((name, table)) = table {
                if let Some(partition) = table.batches.first() {
                    let schema = table.schema();
                    *partition.write().await =
                        rows.into_iter().map(|batch| with_types(&batch, &schema)).collect::<Result<_>>()?;
                }
                given.push((name, table));
            }
        }
        let Some((plan, context)) = query else {
            let answer = part(session, last, text, &whole.next().with_files(given)).await?;
            let (schema, told, counts) = (Arc::clone(answer.schema()), Arc::clone(answer.told()), answer.is_count());
            return Ok((schema, told, counts, answer.collect().await?));
        };
        let plan = bind_parameters(plan, &context)?;
        let told = Arc::new(postgres::columns(&plan, &InTexts(&context)));
        let frame = DataFrame::new(context.state(), plan);
        let schema = Arc::clone(frame.schema().inner());
        Ok((schema, told, false, frame.collect().await?))
    };
    let done: Result<(SchemaRef, SchemaRef, bool, Vec<RecordBatch>)> = done.await;
    let (schema, told, counts, rows) = whole.end(done).await?;
    let schema = rows.first().map_or(schema, RecordBatch::schema);
    let mut answer = Answer::of(schema, rows);
    answer.tell(&told);
    Ok(if counts { answer.counting() } else { answer })
}

/// Rows with the columns that were described.
fn with_types(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<std::result::Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Refuses a change that reads or changes a table which an earlier one has changed: it would see more than the rows from before.
fn refuse_read_again(parts: &[within::Part], last: &SqlParsed, context: &StatementContext) -> Result<()> {
    let changed = |statement: &SqlParsed| {
        let name = changing::target(statement).or_else(|| changing::inserted(statement));
        name.map(|name| own_name(name, context)).transpose()
    };
    let mut before: Vec<String> = vec![];
    let all = parts.iter().map(|part| &part.statement).chain([last]);
    for statement in all {
        let Some(own) = changed(statement)? else { break };
        if let Some(object) = relation(&own, context)?.filter(|object| object.kind != "table") {
            let problem = format!(
                "is {}, whose rows cannot be changed together with others; write a statement of its own",
                with_article(&object.kind)
            );
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, &own, problem));
        }
        let SqlParsed::Statement(written) = statement else { break };
        let read = tables_in(written.as_ref());
        let mut named = vec![own.clone()];
        for parts in &read {
            named.extend(meant(parts, &context.path()));
        }
        if let Some(again) = named.iter().find(|name| before.contains(*name)) {
            let problem =
                "is changed by an earlier part of the statement, whose changes the others do not see; write two statements";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, again, problem));
        }
        if !before.is_empty() {
            for name in &named {
                let is_table = relation(name, context)?.is_none_or(|object| object.kind == "table");
                if !is_table && context.tables().temporary(name).is_none() {
                    let problem =
                        "reads other tables, which an earlier part of the statement may have changed; write two statements";
                    return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, name, problem));
                }
            }
        }
        before.push(own);
    }
    Ok(())
}

/// TRUNCATE of several tables, with those that refer to them, or whose numbers begin anew.
async fn truncate_all(session: &Session, truncate: &Truncate, text: &str, context: &StatementContext) -> Result<Answer> {
    let restarts = truncate.identity == Some(TruncateIdentityOption::Restart);
    if restarts && context.catalog().is_transaction() {
        let problem = "with RESTART IDENTITY cannot be part of a transaction, which could not undo it; COMMIT first";
        return Err(session.not_undone("TRUNCATE", problem));
    }
    let (names, notes) = truncated_tables(truncate, context)?;
    if restarts {
        // Before any row is gone.
        for name in names.iter().filter(|name| context.tables().temporary(name).is_none()) {
            relation(name, context)?.map_or(Ok(()), |table| context.check_owns(&table))?;
        }
    }
    let keys = referring::all(context)?;
    let whole = Whole::begin(context).await?;
    let done = async {
        let mut count = 0;
        for name in &names {
            let context = whole.next();
            let table = quoted(name, &context);
            let parsed = |text: &str| parser::parse_composed(text, context.session());
            let emptying = parsed(&format!("TRUNCATE TABLE {table}"))?;
            let allowed = rights::check(&Parsed::Sql(Box::new(emptying.clone())), &context)?;
            // Of one that others refer to, the rows are compared: those that referred to them are gone already.
            let is_referred = keys.iter().any(|key| key.referred == *name && key.table != *name && names.contains(&key.table));
            let statement = if is_referred { parsed(&format!("DELETE FROM {table}"))? } else { emptying };
            let run = Box::pin(execution::run(session, Parsed::Sql(Box::new(statement)), text, allowed));
            let mut answer = run.await?.of_part();
            while answer.next_batch().await?.is_some() {}
            count += answer.rows();
        }
        Ok(count)
    };
    let done: Result<u64> = done.await;
    let count = whole.end(done).await?;
    if restarts {
        let context = context.renewed();
        names.iter().try_for_each(|name| sequencing::restart(name, &context))?;
    }
    let schema = Arc::new(Schema::new(vec![Field::new(COUNT, DataType::UInt64, false)]));
    let counted = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(UInt64Array::from(vec![count]))])?;
    let mut answer = Answer::of(schema, vec![counted]).counting();
    answer.add_notes(notes);
    Ok(answer)
}

/// The tables that a TRUNCATE empties, those that refer to others before these, with a note for each that it does not name.
fn truncated_tables(truncate: &Truncate, context: &StatementContext) -> Result<(Vec<String>, Vec<String>)> {
    let cascades = truncate.cascade == Some(CascadeOption::Cascade);
    let (mut names, mut notes): (Vec<String>, Vec<String>) = (vec![], vec![]);
    for table in &truncate.table_names {
        let name = own_name(&table.name, context)?;
        if context.tables().temporary(&name).is_none() {
            check_kind(&name, "TRUNCATE", context)?;
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let keys = referring::all(context)?;
    let mut next = 0;
    while let Some(name) = names.get(next).cloned().filter(|_| cascades) {
        next += 1;
        for key in keys.iter().filter(|key| key.referred == name) {
            if !names.contains(&key.table) {
                notes.push(format!("truncate cascades to table {}", quoted(&key.table, context)));
                names.push(key.table.clone());
            }
        }
    }
    let mut ordered: Vec<String> = vec![];
    while !names.is_empty() {
        let is_free =
            |name: &String| !keys.iter().any(|key| key.referred == *name && key.table != *name && names.contains(&key.table));
        let place = names.iter().position(is_free).unwrap_or(0);
        ordered.push(names.remove(place));
    }
    Ok((ordered, notes))
}
