//! From a parsed statement to its plan: the one way, for statements and for the bodies of definitions.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, Statement as LogicalStatement, cast, lit};
use datafusion::sql::parser::{CopyToSource, Statement as SqlParsed};
use futures::future::BoxFuture;
use sqlparser::ast::{Expr as SqlExpr, ShowStatementOptions, Statement as SqlStatement, visit_expressions};
use sqlparser::tokenizer::Location;

use super::asking;
use super::diagnostics::{self, place::Source};
use super::given;
use super::headings;
use super::macros;
use super::parser::parse_query;
use super::postgres;
use super::readers;
use super::rules::zones;
use super::syntax::{replaced, size};
use crate::builtins::zoned::UTC;
use crate::catalog::grants::Privilege;
use crate::error::{SqlState, coded, did_you_mean, in_sql};
use crate::functions::DETOKENIZE;
use crate::statement::StatementContext;

/// The plan of a statement, once macros stand for their queries; its columns have the names that people see.
///
/// # Errors
/// What is wrong with the statement.
pub fn plan<'a>(parsed: &'a SqlParsed, context: &'a StatementContext) -> BoxFuture<'a, Result<LogicalPlan>> {
    // As a value of one type: what awaits it, in however many layers, is compiled without looking into it.
    Box::pin(async move { plan_with_tables(parsed, context).await.map(|(plan, _)| plan) })
}

/// Refuses to turn tokens back for a role that was not granted that.
fn refuse_values_of_tokens(parsed: &SqlParsed, context: &StatementContext) -> Result<()> {
    let is_call = |expression: &SqlExpr| match expression {
        SqlExpr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            name.is_some_and(|name| name.value.eq_ignore_ascii_case(DETOKENIZE))
        }
        _ => false,
    };
    let look = |expression: &SqlExpr| if is_call(expression) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let found = match parsed {
        SqlParsed::Statement(statement) => visit_expressions(statement.as_ref(), look),
        SqlParsed::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => visit_expressions(query.as_ref(), look),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlParsed::Explain(explain) => return refuse_values_of_tokens(&explain.statement, context),
        SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => ControlFlow::Continue(()),
    };
    if found.is_continue() || context.rights()?.may_in_database(Privilege::Detokenize) {
        return Ok(());
    }
    Err(context.not_allowed(DETOKENIZE, &format!("GRANT DETOKENIZE ON DATABASE portrait TO {}", context.role())))
}

/// What SHOW TABLES lists: what people have made. The tables about the database itself are in information_schema.tables with all others.
const SHOWN_TABLES: &str = "SELECT table_catalog, table_schema, table_name, table_type, table_comment
    FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'system')";

/// Likewise, with the tables that it names.
///
/// # Errors
/// As [`plan`].
pub fn plan_with_tables<'a>(
    parsed: &'a SqlParsed,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<(LogicalPlan, Vec<TableReference>)>> {
    Box::pin(async move {
        let state = with_time_zone(context.state());
        let mut parsed = parsed.clone();
        given::write_times(&mut parsed, context.parameters());
        macros::expand(&mut parsed, &state, &context.stored_objects(), Some(context)).await?;
        let state = match readers::open(&mut parsed, &state, context).await? {
            tables if tables.is_empty() => state,
            tables => with_time_zone(context.with_files(tables).state()),
        };
        if is_show_tables(&parsed) {
            parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(parse_query(SHOWN_TABLES)?)));
        }
        refuse_values_of_tokens(&parsed, context)?;
        let shows_columns =
            matches!(&parsed, SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::ShowColumns { .. }));
        asking::answer(&mut parsed, &state, context).await?;
        let state = postgres::bind(&mut parsed, state, context)?;
        let replaced = replaced::mark(&mut parsed);
        let tables = state.resolve_table_references(&parsed)?;
        let plan = replaced::unmark(state.statement_to_plan(parsed).await?, &replaced)?;
        let plan = postgres::names_in_texts(plan, context)?;
        context.gather_if_wanted().await?;
        let plan = headings::name(if shows_columns { with_own_types(plan)? } else { described(plan)? })?;
        size::check(&plan)?;
        zones::refuse_numbers(&plan)?;
        Ok((plan, tables))
    })
}

/// Likewise of what is answered: numbers that have names show them.
///
/// # Errors
/// As [`plan`].
pub async fn plan_answered(parsed: &SqlParsed, context: &StatementContext) -> Result<LogicalPlan> {
    let plan = postgres::names_as_results(plan(parsed, context).await?, context)?;
    context.gather_if_wanted().await?;
    Ok(plan)
}

/// True for SHOW TABLES alone; what more may be said of it is refused by its name.
fn is_show_tables(parsed: &SqlParsed) -> bool {
    let SqlParsed::Statement(statement) = parsed else { return false };
    let SqlStatement::ShowTables { show_options, .. } = statement.as_ref() else { return false };
    let ShowStatementOptions { show_in, starts_with, limit, limit_from, filter_position } = show_options;
    show_in.is_none() && starts_with.is_none() && limit.is_none() && limit_from.is_none() && filter_position.is_none()
}

/// The state to plan with: TIMESTAMP WITH TIME ZONE is an instant, in UTC where no other zone is set.
pub fn with_time_zone(mut state: SessionState) -> SessionState {
    let zone = &mut state.config_mut().options_mut().execution.time_zone;
    zone.get_or_insert_with(|| UTC.into());
    state
}

/// DESCRIBE, which names the types as SQL does.
fn described(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::DescribeTable(described) = &plan else { return Ok(plan) };
    let row = |field: &FieldRef| {
        let is_nullable = if field.is_nullable() { "YES" } else { "NO" };
        vec![lit(field.name().as_str()), lit(in_sql(&field.data_type().to_string())), lit(is_nullable)]
    };
    let rows: Vec<_> = described.schema.fields().iter().map(row).collect();
    let names = described.output_schema.fields().iter().map(|field| field.name().as_str());
    if rows.is_empty() {
        let schema = Arc::clone(&described.output_schema);
        return Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema }));
    }
    let values = LogicalPlanBuilder::values(rows)?;
    let columns = values.schema().columns().into_iter().zip(names).map(|(column, name)| Expr::Column(column).alias(name));
    let columns = columns.collect::<Vec<_>>();
    values.project(columns)?.build()
}

/// SHOW COLUMNS, which names the types as DESCRIBE does: the information schema names those of PostgreSQL.
fn with_own_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let shown = plan.map_expressions(|expression| {
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
    rows_of_their_types(plan)?.with_param_values(context.parameter_values())
}

/// The same plan, in whose VALUES each parameter becomes what its column is, whatever the type of its value: INSERT takes no other.
fn rows_of_their_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let typed = plan.transform_up(|node| {
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
