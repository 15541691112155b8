//! From a parsed statement to its plan, for both statements and the bodies of definitions.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, Statement as LogicalStatement, cast, lit};
use datafusion::sql::parser::{CopyToSource, Statement as SqlParsed};
use futures::future::BoxFuture;
use sqlparser::ast::{DescribeAlias, Expr as SqlExpr, ShowStatementOptions, Statement as SqlStatement};
use sqlparser::tokenizer::Location;

use super::asking;
use super::capitals;
use super::diagnostics::{self, place::Source};
use super::given;
use super::headings;
use super::macros;
use super::parser::parse_query;
use super::postgres;
use super::readers;
use super::rules::{json_operators, zones};
use super::settled;
use super::syntax::{constraints, read_again, recursion, replaced, size};
use crate::builtins::zoned::UTC;
use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, did_you_mean, in_sql};
use crate::functions::DETOKENIZE;
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree, Walk};

/// Plans a statement: expands its macros, and gives its columns the names that users expect.
///
/// # Errors
/// The statement is wrong.
pub fn plan<'a>(parsed: &'a SqlParsed, context: &'a StatementContext) -> BoxFuture<'a, Result<LogicalPlan>> {
    // Boxed to give the future one type: otherwise the compiler would look through all its layers at every place that awaits it.
    Box::pin(async move { plan_with_tables(parsed, context).await.map(|(plan, _)| plan) })
}

/// Breaks at a call of a function of tokens, with its name.
fn until_tokens(expression: &SqlExpr, names: &[&'static str]) -> ControlFlow<&'static str> {
    let SqlExpr::Function(function) = expression else { return ControlFlow::Continue(()) };
    let Some(called) = function.name.0.last().and_then(|part| part.as_ident()) else { return ControlFlow::Continue(()) };
    match names.iter().find(|name| called.value.eq_ignore_ascii_case(name)) {
        Some(name) => ControlFlow::Break(name),
        None => ControlFlow::Continue(()),
    }
}

/// Checks that a role may call the functions of tokens that a condition calls.
///
/// # Errors
/// The role may not.
pub fn refuse_tokens_in(condition: &SqlExpr, context: &StatementContext) -> Result<()> {
    refuse_tokens(context, |names| condition.each_expression(|expression| until_tokens(expression, names)))
}

/// Checks that a role may call the functions of tokens that the statement calls.
fn refuse_tokens_of(parsed: &SqlParsed, context: &StatementContext) -> Result<()> {
    let call = |names: &[&'static str]| match parsed {
        SqlParsed::Statement(statement) => statement.as_ref().each_expression(|expression| until_tokens(expression, names)),
        SqlParsed::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => query.as_ref().each_expression(|expression| until_tokens(expression, names)),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlParsed::Explain(_) | SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => ControlFlow::Continue(()),
    };
    match parsed {
        SqlParsed::Explain(explain) => refuse_tokens_of(&explain.statement, context),
        _ => refuse_tokens(context, call),
    }
}

/// `detokenize` always needs the privilege. The functions that make tokens need it while a mask shows such tokens: a role could try
/// values until their tokens are equal.
fn refuse_tokens(context: &StatementContext, call: impl Fn(&[&'static str]) -> ControlFlow<&'static str>) -> Result<()> {
    const TOKENS: [&str; 3] = [DETOKENIZE, "pseudonymize", "tokenize"];
    if call(&TOKENS).is_continue() || context.rights()?.may_in_database(Privilege::Detokenize) {
        return Ok(());
    }
    let shows_tokens = |mask: &Object| TOKENS.iter().any(|name| mask.sql.to_lowercase().contains(name));
    let are_shown = context.all_objects()?.iter().any(|object| object.kind == "mask" && shows_tokens(object));
    match call(if are_shown { &TOKENS } else { &TOKENS[..1] }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => {
            Err(context.not_allowed(name, &format!("GRANT DETOKENIZE ON DATABASE portrait TO {}", context.role())))
        }
    }
}

/// What SHOW TABLES lists: user tables only. The system tables are listed in information_schema.tables.
const SHOWN_TABLES: &str = "SELECT table_catalog, table_schema, table_name, table_type, table_comment
    FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'system')";

/// Like [`plan`], and also returns the tables that the statement names.
///
/// # Errors
/// Same as [`plan`].
pub fn plan_with_tables<'a>(
    parsed: &'a SqlParsed,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<(LogicalPlan, Vec<TableReference>)>> {
    Box::pin(async move {
        let state = with_time_zone(context.state());
        let written = parsed;
        let mut parsed = parsed.clone();
        constraints::remove(&mut parsed);
        given::write_times(&mut parsed, context.parameters());
        macros::expand(&mut parsed, &state, &context.stored_objects(), Some(context)).await?;
        let (reading, state) = match readers::open(&mut parsed, &state, context).await? {
            tables if tables.is_empty() => (context.clone(), state),
            tables => {
                let reading = context.with_files(tables);
                let state = with_time_zone(reading.state());
                (reading, state)
            }
        };
        if is_show_tables(&parsed) {
            parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(parse_query(SHOWN_TABLES)?)));
        }
        refuse_tokens_of(&parsed, context)?;
        let shows_columns =
            matches!(&parsed, SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::ShowColumns { .. }));
        asking::answer(&mut parsed, &state, context).await?;
        let describes_query = take_described(&mut parsed);
        let state = postgres::bind(&mut parsed, state, context)?;
        read_again::mark(&mut parsed)?;
        let replaced = replaced::mark(&mut parsed);
        let tables = state.resolve_table_references(&parsed)?;
        let view = described_view(&parsed, &tables, &state).await?;
        let plan = replaced::unmark(capitals::plan(parsed, &state, &reading).await?, &replaced)?;
        let plan = json_operators::settle(postgres::bind_defaults(plan, context)?, context)?;
        let plan = postgres::names_in_texts(plan, context)?;
        context.gather_if_wanted().await?;
        let plan = headings::name(match plan {
            plan if shows_columns => with_own_types(plan)?,
            LogicalPlan::DescribeTable(described) => description(&view.unwrap_or(described.schema))?,
            plan if describes_query => {
                let named = headings::name(plan.clone())?;
                description(&settled::columns(named.schema().as_arrow(), &plan, &state, |_| false))?
            }
            plan => plan,
        })?;
        size::check(&plan)?;
        recursion::check(&plan)?;
        zones::refuse_numbers(&plan)?;
        context.note_meanings(|| written.to_string(), &plan)?;
        Ok((plan, tables))
    })
}

/// Like [`plan`], for a statement whose result is returned to the client: `reg…` numbers are shown as names.
///
/// # Errors
/// Same as [`plan`].
pub async fn plan_answered(parsed: &SqlParsed, context: &StatementContext) -> Result<LogicalPlan> {
    let plan = postgres::names_as_results(plan(parsed, context).await?, context)?;
    context.gather_if_wanted().await?;
    Ok(plan)
}

/// True for SHOW TABLES without options; options are rejected with an error that names them.
fn is_show_tables(parsed: &SqlParsed) -> bool {
    let SqlParsed::Statement(statement) = parsed else { return false };
    let SqlStatement::ShowTables { show_options, .. } = statement.as_ref() else { return false };
    let ShowStatementOptions { show_in, starts_with, limit, limit_from, filter_position } = show_options;
    show_in.is_none() && starts_with.is_none() && limit.is_none() && limit_from.is_none() && filter_position.is_none()
}

/// The state for planning: without a time zone setting, TIMESTAMP WITH TIME ZONE uses UTC.
pub fn with_time_zone(mut state: SessionState) -> SessionState {
    let zone = &mut state.config_mut().options_mut().execution.time_zone;
    zone.get_or_insert_with(|| UTC.into());
    state
}

/// What a plan runs in: the settings of a state without its functions, whose lists are long to copy. A plan holds those that it calls.
pub fn task(state: &SessionState) -> TaskContext {
    let (scalar, higher, aggregate, window) = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
    let (session, config) = (state.session_id().to_string(), state.config().clone());
    TaskContext::new(None, session, config, scalar, higher, aggregate, window, Arc::clone(state.runtime_env()))
}

/// Puts the query in the place of `DESCRIBE query`; false for other statements.
fn take_described(parsed: &mut SqlParsed) -> bool {
    let SqlParsed::Statement(statement) = &*parsed else { return false };
    let SqlStatement::Explain { describe_alias: DescribeAlias::Describe | DescribeAlias::Desc, statement: of, .. } =
        statement.as_ref()
    else {
        return false;
    };
    if !matches!(of.as_ref(), SqlStatement::Query(_)) {
        return false;
    }
    let query = of.clone();
    *parsed = SqlParsed::Statement(query);
    true
}

/// The columns of the view that DESCRIBE names.
async fn described_view(parsed: &SqlParsed, tables: &[TableReference], state: &SessionState) -> Result<Option<SchemaRef>> {
    let (SqlParsed::Statement(statement), [name]) = (parsed, tables) else { return Ok(None) };
    if !matches!(statement.as_ref(), SqlStatement::ExplainTable { .. }) {
        return Ok(None);
    }
    // Of a schema that is not there, the planner tells.
    let Ok(schema) = state.schema_for_ref(name.clone()) else { return Ok(None) };
    let table = schema.table(name.table()).await?;
    Ok(table.map(|table| settled::of_table(table.as_ref(), state)))
}

/// The result of DESCRIBE, with SQL type names.
fn description(columns: &Schema) -> Result<LogicalPlan> {
    let names = LogicalPlan::describe_schema();
    let row = |field: &FieldRef| {
        let is_nullable = if field.is_nullable() { "YES" } else { "NO" };
        vec![lit(headings::of_column(field.name())), lit(in_sql(&field.data_type().to_string())), lit(is_nullable)]
    };
    let rows: Vec<_> = columns.fields().iter().map(row).collect();
    if rows.is_empty() {
        let schema = Arc::new(DFSchema::try_from(names)?);
        return Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema }));
    }
    let values = LogicalPlanBuilder::values(rows)?;
    let names = names.fields().iter().map(|field| field.name().as_str());
    let columns = values.schema().columns().into_iter().zip(names).map(|(column, name)| Expr::Column(column).alias(name));
    let columns = columns.collect::<Vec<_>>();
    values.project(columns)?.build()
}

/// The result of SHOW COLUMNS, with the same type names as DESCRIBE; the information schema has PostgreSQL's names.
fn with_own_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let shown = plan.changed_expressions(|expression| {
        Ok(match expression {
            Expr::Column(column) if column.name == "data_type" => {
                let own = Column { name: "sql_type".into(), ..column.clone() };
                Transformed::yes(Expr::Column(own).alias_qualified(column.relation, column.name))
            }
            other => Transformed::no(other),
        })
    })?;
    let places = Expr::Column(Column::new_unqualified("ordinal_position")).sort(true, false);
    LogicalPlanBuilder::from(shown.data.recompute_schema()?).sort([places])?.build()
}

/// Adds the place in the text to an error. `first` is the position of the text in its script; `started` is true for an error that comes
/// while rows are computed.
pub fn explained(error: DataFusionError, text: &str, first: Location, state: &SessionState, started: bool) -> DataFusionError {
    diagnostics::planning::error(error, Source::new(text, first), state, started)
}

/// Replaces `$name` by the values of the statement's parameters.
///
/// # Errors
/// A parameter has no value.
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
    rows_of_their_types(plan)?.with_param_values(context.parameter_values())
}

/// Casts each parameter in VALUES to the type of its column, whatever type its value has, because INSERT accepts only that type.
fn rows_of_their_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let typed = plan.changed_up(|node| {
        let LogicalPlan::Values(mut values) = node else { return Ok(Transformed::no(node)) };
        for row in &mut values.values {
            for (expression, field) in row.iter_mut().zip(values.schema.fields()) {
                if matches!(expression, Expr::Placeholder(_)) {
                    let placeholder = std::mem::replace(expression, lit(ScalarValue::Null));
                    *expression = cast(placeholder, field.data_type().clone());
                }
            }
        }
        Ok(Transformed::yes(LogicalPlan::Values(values)))
    })?;
    Ok(typed.data)
}
