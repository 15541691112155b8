//! Statements that ask PostgreSQL's catalog: which of its functions they call, and how numbers with names are shown.
//!
//! Numbers such as `regclass` are whole numbers that say of which kind they are. As a result, or cast to text, they are the names.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_nested::expr_fn::array_to_string;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr as SqlExpr, Function, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor, VisitorMut};

use super::command::normal;
use super::parser::visit;
use super::rules;
use crate::builtins::postgres::{self, Bound, Needs, PostgresFunction, REG_NAME};
use crate::postgres_types::MARK;
use crate::statement::StatementContext;

/// The schemas of PostgreSQL.
pub const PG_CATALOG: &str = "pg_catalog";
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// The end of the name of a table of these schemas with the columns that it has without showing them.
pub const WITH_SYSTEM_COLUMNS: &str = " with system columns";

/// Columns that a table has without showing them.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A statement's state in which functions of PostgreSQL know the database.
///
/// # Errors
/// The database cannot be read.
pub fn bind(parsed: &mut SqlParsed, mut state: SessionState, context: &StatementContext) -> Result<SessionState> {
    let mut found = Found::default();
    let _ = visit(parsed, &mut found);
    if found.names_system_column {
        let _ = visit(parsed, &mut WithSystemColumns);
    }
    if found.functions.is_empty() {
        return Ok(state);
    }
    let bound = bound_to(context);
    for function in found.functions.into_iter().filter(|function| function.needs != Needs::Nothing) {
        if function.needs == Needs::Catalog {
            context.postgres().want();
        }
        state.register_udf(Arc::new(postgres::bound(function, bound.clone())))?;
    }
    Ok(state)
}

fn bound_to(context: &StatementContext) -> Bound {
    Bound { session: Arc::new(context.postgres_session()), gathered: Arc::clone(context.postgres()) }
}

#[derive(Default)]
struct Found {
    functions: Vec<&'static PostgresFunction>,
    names_system_column: bool,
}

impl VisitorMut for Found {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut SqlExpr) -> ControlFlow<()> {
        match expression {
            SqlExpr::Function(Function { name, .. }) => {
                if let [ObjectNamePart::Identifier(name)] = name.0.as_slice()
                    && let Some(function) = postgres::named(&normal(name))
                {
                    self.functions.push(function);
                }
            }
            SqlExpr::Identifier(name) => self.names_system_column |= is_system_column(name),
            SqlExpr::CompoundIdentifier(names) => self.names_system_column |= names.last().is_some_and(is_system_column),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_system_column(name: &Ident) -> bool {
    SYSTEM_COLUMNS.contains(&normal(name).as_str())
}

/// Reads the tables of PostgreSQL with all their columns.
struct WithSystemColumns;

impl VisitorMut for WithSystemColumns {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else { return ControlFlow::Continue(()) };
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
        let table = match parts.as_slice() {
            [table] if table.starts_with("pg_") => table,
            [.., schema, table] if schema == PG_CATALOG => table,
            _ => return ControlFlow::Continue(()),
        };
        let own = TableAlias { explicit: true, name: Ident::new(table.as_str()), columns: vec![], at: None };
        let whole = Ident::with_quote('"', format!("{table}{WITH_SYSTEM_COLUMNS}"));
        *name = ObjectName::from(vec![Ident::new(PG_CATALOG), whole]);
        alias.get_or_insert(own);
        ControlFlow::Continue(())
    }
}

/// True for a plan that reads tables of PostgreSQL, or calls functions that know the session or the database.
///
/// # Errors
/// None for plans.
pub fn asks_catalog(plan: &LogicalPlan) -> Result<bool> {
    let mut asks = false;
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::TableScan(scan) = plan {
            asks |= scan.table_name.schema().is_some_and(|schema| [PG_CATALOG, INFORMATION_SCHEMA].contains(&schema));
            asks |= scan.table_name.table().starts_with("pg_");
        }
        plan.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part {
                    asks |= postgres::named(call.name()).is_some_and(|function| function.needs != Needs::Nothing);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(asks)
}

/// The kind of a number that has a name.
fn reg_kind(field: &Field) -> Option<&str> {
    let mark = field.metadata().get(MARK).map(String::as_str)?;
    let is_kind = ["regclass", "regtype", "regproc", "regnamespace"].contains(&mark);
    (is_kind && *field.data_type() == DataType::Int64).then_some(mark)
}

/// A vector of PostgreSQL in text: `1 2`.
fn vector_in_text(operand: &Expr, schema: &DFSchema) -> Option<Expr> {
    let (_, field) = operand.to_field(schema).ok()?;
    let mark = field.metadata().get(MARK)?;
    (mark.ends_with("vector") && matches!(field.data_type(), DataType::List(_)))
        .then(|| array_to_string(operand.clone(), lit(" ")))
}

/// The call that gives the name of a number.
fn name_of(kind: &str, number: Expr, context: &StatementContext) -> Option<Expr> {
    context.postgres().want();
    let function = postgres::bound(postgres::named(REG_NAME)?, bound_to(context));
    Some(function.call(vec![lit(kind), number]))
}

/// The same plan, in which a number with a name that is cast to text, or joined to one, is the name.
///
/// # Errors
/// None that the plan has not had.
pub fn names_in_texts(plan: LogicalPlan, context: &StatementContext) -> Result<LogicalPlan> {
    let named = |operand: &Expr, schema: &DFSchema| -> Option<Expr> {
        let (_, field) = operand.to_field(schema).ok()?;
        name_of(reg_kind(&field)?, operand.clone(), context)
    };
    let rewritten = rules::each_expression(plan, |expression, schema| {
        Ok(match &expression {
            Expr::Cast(Cast { expr, field }) if field.data_type().is_string() => {
                let text = named(expr, schema).or_else(|| vector_in_text(expr, schema));
                text.map_or_else(|| Transformed::no(expression), Transformed::yes)
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let (first, second) = (named(left, schema), named(right, schema));
                if first.is_none() && second.is_none() {
                    return Ok(Transformed::no(expression));
                }
                let [left, right] = [(first, left), (second, right)]
                    .map(|(name, operand)| Box::new(name.unwrap_or_else(|| operand.as_ref().clone())));
                Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }))
            }
            _ => Transformed::no(expression),
        })
    })?;
    Ok(rewritten.data)
}

/// The same query, whose columns of numbers with names show the names.
///
/// # Errors
/// None that the plan has not had.
pub fn names_as_results(plan: LogicalPlan, context: &StatementContext) -> Result<LogicalPlan> {
    if matches!(plan, LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Statement(_) | LogicalPlan::Copy(_)) {
        return Ok(plan);
    }
    let schema = plan.schema();
    if schema.fields().iter().all(|field| reg_kind(field).is_none()) {
        return Ok(plan);
    }
    let columns: Vec<Expr> = schema
        .columns()
        .into_iter()
        .zip(schema.fields().iter())
        .map(|(column, field)| {
            let name = column.name.clone();
            let shown = reg_kind(field).and_then(|kind| name_of(kind, Expr::Column(column.clone()), context));
            shown.map_or(Expr::Column(column), |shown| shown.alias(name))
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
