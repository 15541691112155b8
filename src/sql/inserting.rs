//! INSERT, planned as in PostgreSQL, and CREATE TABLE with columns and a query.
//!
//! DataFusion reads every VALUES within such a statement as rows of its table, also one in FROM, whose columns are others. So a query
//! that is not VALUES alone is planned by itself, and its columns are cast to those of the table. Columns that an INSERT does not name get
//! their defaults: those after the last value, those with the word DEFAULT, and all with DEFAULT VALUES.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{
    Column, DFSchema, Result, ScalarValue, SchemaError, TableReference, plan_err, unqualified_field_not_found,
};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{
    Cast, CreateMemoryTable, DdlStatement, DmlStatement, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, WriteOp, lit,
};
use datafusion::sql::parser::Statement as SqlParsed;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::unparser::expr_to_sql;
use sqlparser::ast::{
    ColumnDef, CreateTable, Expr as SqlExpr, Ident, Insert, ObjectName, Query, SetExpr, Statement as SqlStatement, TableObject,
    Value, Values,
};

use super::changing::is_default;
use super::command::normal;
use super::parser::parse_query;
use super::stars;
use super::syntax::identities::{Overriding, default_word, take_overriding};
use super::syntax::numbered::{ALWAYS, BY_DEFAULT, NEXT, Numbered};
use crate::builtins::decimals;
use crate::error::{SqlState, coded, raw};
use crate::walk::Tree;

/// Plans a statement; an INSERT in the way described above.
///
/// # Errors
/// The statement is wrong.
pub async fn plan(mut parsed: SqlParsed, state: &SessionState) -> Result<LogicalPlan> {
    named_once(&parsed)?;
    let overriding = take_overriding(&mut parsed);
    if overriding == Some(Overriding::User) {
        parsed = with_own_numbers(parsed, state).await?;
    }
    let given = inserting(&parsed).filter(|_| overriding.is_none()).map(|(insert, _)| Given::of(insert));
    let planned = planned(parsed, overriding, state).await?;
    if let (Some(given), LogicalPlan::Dml(insert)) = (given, &planned) {
        given.check(insert)?;
    }
    match planned {
        LogicalPlan::Dml(mut insert) => {
            insert.input = Arc::new(with_nulls(Arc::unwrap_or_clone(insert.input))?);
            Ok(LogicalPlan::Dml(insert))
        }
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(mut made)) => {
            made.input = Arc::new(with_nulls(Arc::unwrap_or_clone(made.input))?);
            Ok(LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)))
        }
        other => Ok(other),
    }
}

/// Rows whose VALUES may have NULLs in every column. The planner declares them as the table does; a NULL that is not allowed is found where the
/// rows are written, which names the column.
fn with_nulls(rows: LogicalPlan) -> Result<LogicalPlan> {
    match rows {
        LogicalPlan::Values(mut values) => {
            let fields = values.schema.iter().map(|(table, field)| {
                let nullable = Field::clone(field).with_nullable(true);
                (table.cloned(), Arc::new(nullable))
            });
            let schema = DFSchema::new_with_metadata(fields.collect(), values.schema.metadata().clone())?;
            values.schema = Arc::new(schema);
            Ok(LogicalPlan::Values(values))
        }
        LogicalPlan::Projection(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            rows.changed_children(|rows| with_nulls(rows).map(Transformed::yes))?.data.recompute_schema()
        }
        other => Ok(other),
    }
}

/// Checks that INSERT and CREATE TABLE name no column twice.
fn named_once(parsed: &SqlParsed) -> Result<()> {
    let (names, problem): (Vec<String>, _) = match parsed {
        SqlParsed::CreateExternalTable(table) => (declared(&table.columns), DECLARED_TWICE),
        SqlParsed::Statement(statement) => match statement.as_ref() {
            SqlStatement::CreateTable(table) => (declared(&table.columns), DECLARED_TWICE),
            SqlStatement::Insert(insert) => {
                (insert.columns.iter().map(column).collect(), "this column is named twice; leave one out")
            }
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(coded(SqlState::DUPLICATE_COLUMN, name, problem)),
        None => Ok(()),
    }
}

const DECLARED_TWICE: &str = "two columns have this name; give one another name";

fn declared(columns: &[ColumnDef]) -> Vec<String> {
    columns.iter().map(|column| normal(&column.name)).collect()
}

/// The columns that an INSERT gives values, other than the word DEFAULT.
enum Given {
    /// Those at these places.
    At(Vec<usize>),
    Named(Vec<String>),
}

impl Given {
    fn of(insert: &Insert) -> Self {
        let rows = insert.source.as_deref().map(|query| values(query));
        let gives = |place: usize| match &rows {
            None => false,
            Some(None) => true,
            Some(Some(values)) => values.rows.iter().any(|row| row.content.get(place).is_some_and(|value| !is_default(value))),
        };
        match (insert.columns.as_slice(), &rows) {
            // A query is looked at where it is planned.
            ([], None | Some(None)) => Self::At(vec![]),
            ([], Some(Some(values))) => {
                let width = values.rows.first().map_or(0, |row| row.content.len());
                Self::At((0..width).filter(|place| gives(*place)).collect())
            }
            (columns, _) => {
                let named = columns.iter().enumerate().filter(|(place, _)| gives(*place));
                Self::Named(named.map(|(_, name)| column(name)).collect())
            }
        }
    }

    /// Refuses values for a column whose values only its counter gives.
    fn check(&self, insert: &DmlStatement) -> Result<()> {
        let Ok(table) = source_as_provider(&insert.target) else { return Ok(()) };
        for (place, field) in table.schema().fields().iter().enumerate() {
            let is_given = match self {
                Self::At(places) => places.contains(&place),
                Self::Named(names) => names.contains(field.name()),
            };
            if is_given && table.get_column_default(field.name()).is_some_and(is_always) {
                return Err(given_always(field.name()));
            }
        }
        Ok(())
    }
}

/// The error for a value for a column whose values only its counter gives.
pub fn given_always(column: &str) -> DataFusionError {
    let problem = "is GENERATED ALWAYS AS IDENTITY and takes no values; leave the column out, or write DEFAULT";
    coded(SqlState::GENERATED_ALWAYS, column, problem)
}

/// Which values an IDENTITY column takes, by its default: [`ALWAYS`] those of its counter, or [`BY_DEFAULT`].
fn identity_of(default: &Expr) -> Option<&str> {
    match default {
        Expr::ScalarFunction(call) if call.func.name() == NEXT => match call.args.get(1)? {
            Expr::Literal(value, _) => value.try_as_str().flatten(),
            _ => None,
        },
        _ => None,
    }
}

/// For the default of an IDENTITY column, whether only its counter gives its values.
pub fn identity_is_always(default: &Expr) -> Option<bool> {
    identity_of(default).map(|kind| kind == ALWAYS)
}

/// True for the default of a column whose values only its counter gives.
fn is_always(default: &Expr) -> bool {
    identity_is_always(default) == Some(true)
}

/// The defaults of columns, where those of IDENTITY columns say which values they take.
pub fn with_identities(defaults: Vec<(String, Expr)>, numbered: &[(String, Numbered)]) -> Vec<(String, Expr)> {
    let of = |(column, value): (String, Expr)| {
        let own = numbered.iter().find(|(name, _)| *name == column);
        match own.and_then(|(_, own)| own.identity) {
            Some(is_always) => (column, identity(value, is_always)),
            None => (column, value),
        }
    };
    defaults.into_iter().map(of).collect()
}

fn identity(default: Expr, is_always: bool) -> Expr {
    match default {
        Expr::ScalarFunction(mut call) if call.func.name() == NEXT && call.args.len() == 1 => {
            call.args.push(lit(if is_always { ALWAYS } else { BY_DEFAULT }));
            Expr::ScalarFunction(call)
        }
        other => other,
    }
}

/// An INSERT with VALUES, in which IDENTITY columns have the word DEFAULT, whatever is given.
async fn with_own_numbers(mut parsed: SqlParsed, state: &SessionState) -> Result<SqlParsed> {
    let Some((_, name)) = inserting(&parsed) else { return Ok(parsed) };
    let Some(target) = Target::of(name, state).await? else { return Ok(parsed) };
    if let SqlParsed::Statement(statement) = &mut parsed
        && let SqlStatement::Insert(insert) = statement.as_mut()
    {
        let columns = match insert.columns.as_slice() {
            [] => target.columns(),
            columns => columns.iter().map(column).collect(),
        };
        if let Some(SetExpr::Values(values)) = insert.source.as_mut().map(|query| query.body.as_mut()) {
            for row in &mut values.rows {
                let of_counter = |(_, column): &(&mut SqlExpr, &String)| target.is_identity(column);
                row.content.iter_mut().zip(&columns).filter(of_counter).for_each(|(value, _)| *value = default_word());
            }
        }
    }
    Ok(parsed)
}

async fn planned(parsed: SqlParsed, overriding: Option<Overriding>, state: &SessionState) -> Result<LogicalPlan> {
    if let Some((table, query)) = declaring(&parsed) {
        return of_declared(table, query, state).await;
    }
    let Some((insert, name)) = inserting(&parsed) else { return stars::plan(parsed, state).await };
    match &insert.source {
        Some(query) if values(query).is_none() => match Target::of(name, state).await? {
            Some(target) => of_query(insert, query, target, overriding, state).await,
            // The planner says that there is no such table.
            None => state.statement_to_plan(parsed).await,
        },
        Some(query) if !has_default(query) => {
            if !insert.columns.is_empty() {
                return state.statement_to_plan(parsed).await;
            }
            // The table is looked up here only if its columns are more than the values.
            match state.statement_to_plan(parsed.clone()).await {
                Err(error) if raw(&error).contains("Inconsistent data length across values list") => {
                    let completed = completed(&parsed, state).await?;
                    completed.map_or_else(|| Err(error), Ok)
                }
                planned => planned,
            }
        }
        _ => match completed(&parsed, state).await? {
            Some(planned) => Ok(planned),
            None => state.statement_to_plan(parsed).await,
        },
    }
}

/// The INSERT of a statement, with the name of its table.
fn inserting(parsed: &SqlParsed) -> Option<(&Insert, &ObjectName)> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return None };
    match &insert.table {
        TableObject::TableName(name) => Some((insert, name)),
        _ => None,
    }
}

/// The CREATE TABLE of a statement that declares columns, with its query, unless that is VALUES alone.
fn declaring(parsed: &SqlParsed) -> Option<(&CreateTable, &Query)> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let SqlStatement::CreateTable(table) = statement.as_ref() else { return None };
    let query = table.query.as_deref()?;
    (!table.columns.is_empty() && values(query).is_none()).then_some((table, query))
}

/// The rows of a query that is VALUES alone.
fn values(query: &Query) -> Option<&Values> {
    match query.body.as_ref() {
        SetExpr::Values(values) => Some(values),
        _ => None,
    }
}

/// True for VALUES with the word DEFAULT.
fn has_default(query: &Query) -> bool {
    let rows = values(query).into_iter().flat_map(|values| &values.rows);
    rows.flat_map(|row| &row.content).any(is_default)
}

/// The table of an INSERT.
struct Target {
    name: TableReference,
    table: Arc<dyn TableProvider>,
}

impl Target {
    async fn of(name: &ObjectName, state: &SessionState) -> Result<Option<Self>> {
        let normalizes = state.config_options().sql_parser.enable_ident_normalization;
        let name = object_name_to_table_reference(name.clone(), normalizes)?;
        let Ok(schema) = state.schema_for_ref(name.clone()) else { return Ok(None) };
        let table = schema.table(name.table()).await?;
        Ok(table.map(|table| Self { name, table }))
    }

    fn columns(&self) -> Vec<String> {
        self.table.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn is_identity(&self, column: &str) -> bool {
        self.table.get_column_default(column).is_some_and(|default| identity_of(default).is_some())
    }

    /// The default of a column, as it is written; NULL for a column without one.
    fn default(&self, column: &str) -> Result<SqlExpr> {
        match self.table.get_column_default(column) {
            Some(default) => expr_to_sql(default),
            None => Ok(SqlExpr::value(Value::Null)),
        }
    }
}

/// Plans INSERT with VALUES, in which defaults are written out; `None` if there is nothing to complete.
async fn completed(parsed: &SqlParsed, state: &SessionState) -> Result<Option<LogicalPlan>> {
    let Some((insert, name)) = inserting(parsed) else { return Ok(None) };
    let Some(target) = Target::of(name, state).await? else { return Ok(None) };
    let mut insert = insert.clone();
    let all = target.columns();
    let mut query = match insert.source.take() {
        Some(query) => query,
        None => {
            let mut query = parse_query("VALUES (DEFAULT)")?;
            if let SetExpr::Values(values) = query.body.as_mut() {
                let default = values.rows.first().and_then(|row| row.content.first()).cloned();
                values.rows.iter_mut().for_each(|row| row.content = default.iter().cycle().take(all.len()).cloned().collect());
            }
            query
        }
    };
    let SetExpr::Values(values) = query.body.as_mut() else { return Ok(None) };
    let Some(width) = values.rows.first().map(|row| row.content.len()) else { return Ok(None) };
    let is_even = values.rows.iter().all(|row| row.content.len() == width);
    if insert.columns.is_empty() && is_even && width < all.len() {
        let named = all.iter().take(width).map(|name| ObjectName::from(vec![Ident::with_quote('"', name.as_str())]));
        insert.columns = named.collect();
    }
    let columns = match insert.columns.as_slice() {
        [] => all,
        columns => columns.iter().map(column).collect(),
    };
    for row in &mut values.rows {
        for (value, column) in row.content.iter_mut().zip(&columns) {
            if is_default(value) {
                *value = target.default(column)?;
            }
        }
    }
    insert.source = Some(query);
    let statement = SqlStatement::Insert(insert);
    state.statement_to_plan(SqlParsed::Statement(Box::new(statement))).await.map(Some)
}

fn column(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default()
}

/// Plans INSERT of the rows of a query.
async fn of_query(
    insert: &Insert,
    query: &Query,
    target: Target,
    overriding: Option<Overriding>,
    state: &SessionState,
) -> Result<LogicalPlan> {
    let query = SqlStatement::Query(Box::new(query.clone()));
    let rows = stars::plan(SqlParsed::Statement(Box::new(query)), state).await?;
    let (fields, given) = (target.table.schema().fields().clone(), rows.schema().fields().len());
    // For each column of the table, the place of its value in the query.
    let mut places: Vec<Option<usize>> = vec![None; fields.len()];
    for (place, name) in insert.columns.iter().map(column).enumerate() {
        let Some(found) = fields.iter().position(|field| *field.name() == name) else {
            return Err(unqualified_field_not_found(&name, &DFSchema::try_from(target.table.schema())?));
        };
        if places[found].replace(place).is_some() {
            let twice = SchemaError::DuplicateUnqualifiedField { name };
            return Err(DataFusionError::SchemaError(Box::new(twice), Box::new(None)));
        }
    }
    let takes = if insert.columns.is_empty() { given.min(fields.len()) } else { insert.columns.len() };
    if given != takes {
        return plan_err!("Column count doesn't match insert query!");
    }
    if insert.columns.is_empty() {
        places.iter_mut().enumerate().take(given).for_each(|(place, own)| *own = Some(place));
    }
    let columns = rows.schema().columns();
    let mut items = vec![];
    for (field, place) in fields.iter().zip(&places) {
        if place.is_some() && overriding.is_none() && target.table.get_column_default(field.name()).is_some_and(is_always) {
            return Err(given_always(field.name()));
        }
        let place = place.filter(|_| overriding != Some(Overriding::User) || !target.is_identity(field.name()));
        let value = match place.and_then(|place| columns.get(place).map(|column| (place, column))) {
            Some((place, column)) => {
                let written = decimals::selected(&rows, place).filter(|_| field.data_type().is_decimal());
                let value = written.cloned().unwrap_or_else(|| Expr::Column(column.clone()));
                as_column(value, field, rows.schema())?
            }
            None => {
                let default = target.table.get_column_default(field.name()).cloned();
                default.unwrap_or_else(|| lit(ScalarValue::Null)).cast_to(field.data_type(), &DFSchema::empty())?
            }
        };
        items.push(value.alias(field.name()));
    }
    let rows = LogicalPlanBuilder::from(rows).project(items)?.build()?;
    let op = WriteOp::Insert(if insert.overwrite { InsertOp::Overwrite } else { InsertOp::Append });
    Ok(LogicalPlan::Dml(DmlStatement::new(target.name, provider_as_source(target.table), op, Arc::new(rows))))
}

/// A value with the type of its column. The cast stands also where the types seem to be equal: the rules over plans may still give the value
/// another type, as that of a date plus hours.
fn as_column(value: Expr, field: &FieldRef, schema: &DFSchema) -> Result<Expr> {
    match value.clone().cast_to(field.data_type(), schema)? {
        same if same == value => Ok(Expr::Cast(Cast::new(Box::new(value), field.data_type().clone()))),
        cast => Ok(cast),
    }
}

/// Plans CREATE TABLE with declared columns and the rows of a query.
async fn of_declared(table: &CreateTable, query: &Query, state: &SessionState) -> Result<LogicalPlan> {
    let declared = SqlStatement::CreateTable(CreateTable { query: None, ..table.clone() });
    let planned = state.statement_to_plan(SqlParsed::Statement(Box::new(declared))).await?;
    let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) = planned else { return Ok(planned) };
    let query = SqlStatement::Query(Box::new(query.clone()));
    let rows = stars::plan(SqlParsed::Statement(Box::new(query)), state).await?;
    let (fields, columns) = (made.input.schema().fields(), rows.schema().columns());
    if fields.len() != columns.len() {
        return plan_err!("Mismatch: {} columns specified, but result has {} columns", fields.len(), columns.len());
    }
    let typed =
        |(field, column): (&FieldRef, Column)| Ok(as_column(Expr::Column(column), field, rows.schema())?.alias(field.name()));
    let items = fields.iter().zip(columns).map(typed).collect::<Result<Vec<_>>>()?;
    let input = Arc::new(LogicalPlanBuilder::from(rows.clone()).project(items)?.build()?);
    Ok(LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(CreateMemoryTable { input, ..made })))
}
