//! PREPARE and EXECUTE.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, Statement as LogicalStatement};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, ObjectName, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::prepared::{Parameters, Prepared};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::sql::command::normal;
use crate::sql::parser::{self, Parsed};
use crate::sql::planning::plan;
use crate::sql::time_travel;
use crate::statement::StatementContext;

/// The name of the prepared statement that EXECUTE runs.
pub(super) fn executed(parsed: &SqlParsed) -> Option<String> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    match statement.as_ref() {
        SqlStatement::Execute { name: Some(name), .. } => Some(prepared_name(name)),
        _ => None,
    }
}

pub(super) fn prepared_name(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default()
}

/// PREPARE: the query is planned now, to report errors, and again at each EXECUTE.
pub(super) async fn prepare(
    session: &Session,
    name: &str,
    query: SqlParsed,
    text: &str,
    declared: &SqlParsed,
    context: &StatementContext,
) -> Result<Answer> {
    if session.prepared.lock().contains_key(name) {
        let problem = "is prepared already; DEALLOCATE it first, or choose another name";
        return Err(coded(SqlState::DUPLICATE_PREPARED_STATEMENT, name, problem));
    }
    let types = declared_types(declared, context).await?;
    let prepared = Box::pin(Prepared::of_sql(session.clone(), text, Parsed::Sql(Box::new(query)), types)).await?;
    session.prepared.lock().insert(name.to_string(), prepared);
    Ok(Answer::done(vec![]))
}

/// The types that PREPARE declares for `$1`, `$2` …
async fn declared_types(prepare: &SqlParsed, context: &StatementContext) -> Result<Vec<DataType>> {
    let SqlParsed::Statement(prepare) = prepare else { return Ok(vec![]) };
    let SqlStatement::Prepare { name, data_types, .. } = prepare.as_ref() else { return Ok(vec![]) };
    // The planner reads them; the query itself is described with them.
    let SqlParsed::Statement(statement) = parser::parse_composed("SELECT 1", context.session())? else { return Ok(vec![]) };
    let (name, data_types) = (name.clone(), data_types.clone());
    let typed = SqlParsed::Statement(Box::new(SqlStatement::Prepare { name, data_types, statement }));
    let LogicalPlan::Statement(LogicalStatement::Prepare(planned)) = plan(&typed, context).await? else { return Ok(vec![]) };
    Ok(planned.fields.iter().map(|field| field.data_type().clone()).collect())
}

pub(super) async fn execute_prepared(
    session: &Session,
    name: &str,
    parameters: &[Expr],
    context: &StatementContext,
) -> Result<Answer> {
    let prepared = session.prepared.lock().get(name).cloned();
    let prepared = prepared.ok_or_else(|| no_prepared(session, name))?;
    let mut values: Vec<ScalarValue> = vec![];
    for parameter in parameters {
        let value = time_travel::constant(parameter, &context.state(), context.parameters())?;
        values.push(value.ok_or_else(|| invalid("EXECUTE", format!("takes constants, got {parameter}")))?);
    }
    Box::pin(prepared.execute(Parameters::positional(values))).await
}

pub(super) fn no_prepared(session: &Session, name: &str) -> DataFusionError {
    let prepared = session.prepared.lock();
    let suggestion = did_you_mean(name, prepared.keys().map(String::as_str));
    let problem = format!("no such prepared statement{suggestion}; PREPARE {name} AS … makes one");
    coded(SqlState::UNDEFINED_PREPARED_STATEMENT, name, problem)
}
