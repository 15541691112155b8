//! Statements that use PostgreSQL's catalog: binds its functions, and shows `reg…` numbers as names.
//!
//! A `regclass`, `regtype` and the like is an integer marked with its kind. In results and in casts to text, it appears as the name it
//! stands for.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::format::ExplainFormat;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_nested::expr_fn::array_to_string;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, DmlStatement, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, TableScan, lit,
};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    ArrayElemTypeDef, DataType as SqlType, Expr as SqlExpr, Function, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor,
    VisitorMut,
};

use super::command::normal;
use super::parser::visit;
use super::rules;
use crate::builtins::as_cast::{TOLD_JSON, TOLD_JSONB};
use crate::builtins::json::operators::{CONCAT_NAME, DELETE_NAME};
use crate::builtins::postgres::{self, Bound, Needs, PostgresFunction, REG_NAME};
use crate::postgres_types::MARK;
use crate::statement::StatementContext;
use crate::walk::{PlanTree, Tree};

/// The schemas that PostgreSQL defines.
pub const PG_CATALOG: &str = "pg_catalog";
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// Suffix for the name of a table in these schemas, to get it with its hidden system columns.
pub const WITH_SYSTEM_COLUMNS: &str = " with system columns";

/// The system columns of PostgreSQL, which `SELECT *` does not show.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Binds the PostgreSQL functions that a statement calls to the session and the database.
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

/// Binds the PostgreSQL functions in the defaults of columns, which a statement that writes calls without naming them.
///
/// # Errors
/// None of its own.
pub fn bind_defaults(plan: LogicalPlan, context: &StatementContext) -> Result<LogicalPlan> {
    let LogicalPlan::Dml(mut insert) = plan else { return Ok(plan) };
    let mut bound = None;
    let rows = Arc::unwrap_or_clone(insert.input).changed_up(|node| {
        node.changed_expressions(|expression| {
            expression.changed_up(|part| {
                let Expr::ScalarFunction(mut call) = part else { return Ok(Transformed::no(part)) };
                let function = postgres::unbound_of(&call.func).filter(|function| function.needs != Needs::Nothing);
                let Some(function) = function else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
                if function.needs == Needs::Catalog {
                    context.postgres().want();
                }
                let bound = bound.get_or_insert_with(|| bound_to(context));
                call.func = Arc::new(postgres::bound(function, bound.clone()));
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            })
        })
    })?;
    insert.input = Arc::new(rows.data);
    Ok(LogicalPlan::Dml(insert))
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

/// Replaces PostgreSQL's tables by their variants with system columns.
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

/// True for a plan that reads PostgreSQL's tables, or calls functions that need the session or the database.
///
/// # Errors
/// Never for a valid plan.
pub fn asks_catalog(plan: &LogicalPlan) -> Result<bool> {
    let mut asks = false;
    plan.each_plan(|plan| {
        if let LogicalPlan::TableScan(scan) = plan {
            asks |= scan.table_name.schema().is_some_and(|schema| [PG_CATALOG, INFORMATION_SCHEMA].contains(&schema));
            asks |= scan.table_name.table().starts_with("pg_");
        }
        plan.each_expression(|expression| {
            expression.each_part(|part| {
                if let Expr::ScalarFunction(call) = part {
                    asks |= postgres::named(call.name()).is_some_and(|function| function.needs != Needs::Nothing);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(asks)
}

/// The kind of a `reg…` number, such as `regclass`; `None` for other columns.
fn reg_kind(field: &Field) -> Option<&str> {
    let mark = field.metadata().get(MARK).map(String::as_str)?;
    let is_kind = ["regclass", "regtype", "regproc", "regnamespace", "regrole"].contains(&mark);
    (is_kind && *field.data_type() == DataType::Int64).then_some(mark)
}

/// Plans `oid[]`, `uuid[]`, `json[]` and `jsonb[]`, types that are reported to clients.
pub fn told_lists(sql_type: &SqlType) -> Option<FieldRef> {
    told_list(sql_type).map(|name| {
        let item = if name == "oid" { DataType::Int64 } else { DataType::Utf8 };
        let list = DataType::List(Arc::new(Field::new_list_field(item, true)));
        Arc::new(with_mark(&Field::new("", list, true), name))
    })
}

/// The type of the items in a list type that is reported to clients.
pub fn told_list(sql_type: &SqlType) -> Option<&'static str> {
    let SqlType::Array(ArrayElemTypeDef::SquareBracket(item, None)) = sql_type else { return None };
    match item.as_ref() {
        SqlType::Uuid => Some("uuid"),
        SqlType::JSON => Some("json"),
        SqlType::JSONB => Some("jsonb"),
        SqlType::Custom(name, modifiers) => {
            let last = name.0.last().and_then(ObjectNamePart::as_ident).map(normal);
            (modifiers.is_empty() && last.as_deref() == Some("oid")).then_some("oid")
        }
        _ => None,
    }
}

const JSON: &str = "json";

/// The mark of `jsonb`.
pub const JSONB: &str = "jsonb";

/// The column of EXPLAIN in PostgreSQL.
const QUERY_PLAN: &str = "QUERY PLAN";

/// True for `EXPLAIN (FORMAT JSON)`, whose answer is one value.
pub fn is_plan_in_json(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Explain(explain) if explain.explain_format == ExplainFormat::PostgresJSON)
}

/// The physical plan of `EXPLAIN (FORMAT JSON)` with the one column that clients of PostgreSQL read.
///
/// # Errors
/// Never for the plan of an EXPLAIN.
pub fn answer_alone(explain: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let value = col("plan", &explain.schema())?;
    Ok(Arc::new(ProjectionExec::try_new(vec![(value, QUERY_PLAN.to_string())], explain)?))
}

/// The PostgreSQL types that clients see for columns of stored tables whose values are strings here.
pub trait Told {
    /// That of a column that a scan reads.
    fn of_scan(&self, scan: &TableScan, column: &str) -> Option<&'static str>;

    /// That of a column of a table that a statement writes to.
    fn of_target(&self, table: &DmlStatement, column: &str) -> Option<&'static str>;
}

/// The columns of a plan's rows, each with the PostgreSQL type that is reported to clients.
pub fn columns(plan: &LogicalPlan, told: &dyn Told) -> Schema {
    marked(plan.schema().as_arrow(), plan, told)
}

/// These columns of a plan's rows, each with the PostgreSQL type that is reported to clients.
pub fn marked(columns: &Schema, plan: &LogicalPlan, told: &dyn Told) -> Schema {
    if is_plan_in_json(plan) {
        let json = Field::new(QUERY_PLAN, DataType::Utf8, false).with_metadata([(MARK.to_string(), JSON.to_string())].into());
        return Schema::new(vec![json]);
    }
    let one = |(place, field): (usize, &FieldRef)| match mark(plan, place, told) {
        Some(mark) => with_mark(field, mark),
        None => Field::new(field.name(), field.data_type().clone(), field.is_nullable()),
    };
    Schema::new(columns.fields().iter().enumerate().map(one).collect::<Vec<_>>())
}

/// A field of a type of PostgreSQL.
pub fn with_mark(field: &Field, mark: impl Into<String>) -> Field {
    field.clone().with_metadata([(MARK.to_string(), mark.into())].into())
}

/// The mark of a column. DataFusion drops that of a value on its way through `array_agg` and CASE, and keeps it in a cast to another type.
fn mark(plan: &LogicalPlan, place: usize, told: &dyn Told) -> Option<String> {
    match plan {
        LogicalPlan::Projection(projection) => mark_of(projection.expr.get(place)?, &projection.input, told),
        LogicalPlan::Aggregate(aggregate) => {
            mark_of(aggregate.group_expr.iter().chain(&aggregate.aggr_expr).nth(place)?, &aggregate.input, told)
        }
        LogicalPlan::Window(window) if place >= window.input.schema().fields().len() => in_schema(plan, place),
        LogicalPlan::Distinct(Distinct::On(distinct)) => mark_of(distinct.select_expr.get(place)?, &distinct.input, told),
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match join.join_type {
                JoinType::RightSemi | JoinType::RightAnti => mark(&join.right, place, told),
                JoinType::LeftMark | JoinType::RightMark => in_schema(plan, place),
                _ if place < left => mark(&join.left, place, told),
                _ => mark(&join.right, place - left, told),
            }
        }
        LogicalPlan::TableScan(scan) => {
            let own = scan.projected_schema.fields().get(place).and_then(|field| told.of_scan(scan, field.name()));
            own.map(str::to_string).or_else(|| in_schema(plan, place))
        }
        LogicalPlan::RecursiveQuery(query) => mark(&query.static_term, place, told),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_))
        | LogicalPlan::Window(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Union(_) => mark(plan.inputs().first()?, place, told),
        _ => in_schema(plan, place),
    }
}

fn in_schema(plan: &LogicalPlan, place: usize) -> Option<String> {
    plan.schema().fields().get(place)?.metadata().get(MARK).cloned()
}

/// The PostgreSQL type that is reported to clients for what a function gives: JSON, and lengths and places of lists, which are not `numeric`.
pub fn type_of_call(name: &str) -> Option<&'static str> {
    Some(match name {
        "to_json" | "row_to_json" | "json_build_object" | "json_build_array" | "json_extract" | "json_extract_list"
        | "parse_json" | "try_parse_json" | "json_in" | TOLD_JSON => JSON,
        "to_jsonb" | "jsonb_build_object" | "jsonb_build_array" | "jsonb_in" | CONCAT_NAME | DELETE_NAME | TOLD_JSONB => JSONB,
        "uuid" | "uuid_in" => "uuid",
        "array_length" | "array_ndims" | "array_position" | "cardinality" => "int8",
        _ => return None,
    })
}

/// The mark of an expression over the rows of a plan.
pub fn mark_of(expression: &Expr, input: &LogicalPlan, told: &dyn Told) -> Option<String> {
    match expression {
        Expr::Alias(alias) => mark_of(&alias.expr, input, told),
        Expr::Column(column) => mark(input, input.schema().maybe_index_of_column(column)?, told),
        Expr::ScalarSubquery(query) => mark(&query.subquery, 0, told),
        Expr::Case(case) => case.when_then_expr.iter().find_map(|(_, then)| mark_of(then, input, told)),
        Expr::AggregateFunction(call) if call.func.name() == "array_agg" => mark_of(call.params.args.first()?, input, told),
        Expr::ScalarFunction(call) if call.name() == "coalesce" => call.args.iter().find_map(|value| mark_of(value, input, told)),
        // What is read from jsonb, or has been changed in it, is jsonb as well.
        Expr::ScalarFunction(call) if ["json_extract", "json_extract_list", "json_changed"].contains(&call.name()) => {
            let of = call.args.first().and_then(|json| mark_of(json, input, told)).filter(|mark| mark == JSON || mark == JSONB);
            let written = call.args.get(3).is_some_and(|name| name.to_string().contains("jsonb"));
            of.or_else(|| Some(if written { JSONB } else { JSON }.to_string()))
        }
        // Such a call has no mark in the plan: it is a string there, and may be given to functions of strings.
        Expr::ScalarFunction(call) if let Some(name) = type_of_call(call.name()) => Some(name.to_string()),
        // `attname::text` is text, while `$1::oid[]` is marked by its type.
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => field.metadata().get(MARK).cloned(),
        _ => expression.to_field(input.schema().as_ref()).ok()?.1.metadata().get(MARK).cloned(),
    }
}

/// A PostgreSQL vector such as `int2vector` as text: `1 2`.
fn vector_in_text(operand: &Expr, schema: &DFSchema) -> Option<Expr> {
    let (_, field) = operand.to_field(schema).ok()?;
    let mark = field.metadata().get(MARK)?;
    (mark.ends_with("vector") && matches!(field.data_type(), DataType::List(_)))
        .then(|| array_to_string(operand.clone(), lit(" ")))
}

/// A call that returns the name of a `reg…` number.
fn name_of(kind: &str, number: Expr, context: &StatementContext) -> Option<Expr> {
    context.postgres().want();
    let function = postgres::bound(postgres::named(REG_NAME)?, bound_to(context));
    Some(function.call(vec![lit(kind), number]))
}

/// Replaces `reg…` numbers by their names where they are cast to text or concatenated with it.
///
/// # Errors
/// None of its own.
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

/// Replaces `reg…` numbers by their names in the result columns of a query.
///
/// # Errors
/// None of its own.
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
            let shown = reg_kind(field).and_then(|kind| name_of(kind, Expr::Column(column.clone()), context));
            // With its qualifier, which distinguishes columns of the same name.
            match shown {
                Some(shown) => shown.alias_qualified(column.relation, column.name),
                None => Expr::Column(column),
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
