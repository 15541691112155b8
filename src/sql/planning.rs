//! From a parsed statement to its plan: the one way, for statements and for the bodies of definitions.

use datafusion::common::{Result, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, Statement as LogicalStatement};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::tokenizer::Location;

use super::diagnostics::{self, place::Source};
use super::headings;
use super::macros;
use super::readers;
use super::rules::zones;
use super::syntax::size;
use crate::error::{SqlState, coded, did_you_mean};
use crate::statement::StatementContext;

/// The plan of a statement, once macros stand for their queries.
///
/// # Errors
/// What is wrong with the statement.
pub async fn plan(parsed: &SqlParsed, context: &StatementContext) -> Result<LogicalPlan> {
    plan_with_tables(parsed, context).await.map(|(plan, _)| plan)
}

/// Likewise, with the tables that it names.
///
/// # Errors
/// As [`plan`].
pub async fn plan_with_tables(parsed: &SqlParsed, context: &StatementContext) -> Result<(LogicalPlan, Vec<TableReference>)> {
    let state = context.state();
    let mut parsed = parsed.clone();
    macros::expand(&mut parsed, &state, &context.stored_objects()).await?;
    let state = match readers::open(&mut parsed, &state, context).await? {
        tables if tables.is_empty() => state,
        tables => context.with_files(tables).state(),
    };
    let tables = state.resolve_table_references(&parsed)?;
    let plan = state.statement_to_plan(parsed).await?;
    size::check(&plan)?;
    zones::refuse_numbers(&plan)?;
    Ok((plan, tables))
}

/// Likewise of what is answered or stored: its columns have names in SQL.
///
/// # Errors
/// As [`plan`].
pub async fn plan_with_headings(parsed: &SqlParsed, context: &StatementContext) -> Result<LogicalPlan> {
    headings::name(plan(parsed, context).await?)
}

/// An error of a statement, with the place in its text, whose first letter is at `first` in the script; `started` when it comes with rows.
pub fn explained(error: DataFusionError, text: &str, first: Location, state: &SessionState, started: bool) -> DataFusionError {
    diagnostics::planning::error(error, Source::new(text, first), state, started)
}

/// Puts the statement's parameters in the place of `$name`.
///
/// # Errors
/// A parameter without a value.
pub fn bind_parameters(plan: LogicalPlan, context: &StatementContext) -> Result<LogicalPlan> {
    if matches!(plan, LogicalPlan::Statement(LogicalStatement::Prepare(_))) {
        return Ok(plan);
    }
    let names = plan.get_parameter_names()?;
    if names.is_empty() {
        return Ok(plan);
    }
    let given = context.parameters();
    for name in &names {
        let own = name.trim_start_matches('$');
        if !given.contains_key(own) {
            let suggestion = did_you_mean(own, given.keys().map(String::as_str));
            let problem = format!("the parameter has no value{suggestion}; give it with --set {own}=…");
            return Err(coded(SqlState::UNDEFINED_PARAMETER, name, problem));
        }
    }
    plan.with_param_values(context.parameter_values())
}
