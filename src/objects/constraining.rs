//! The constraints of a table, from its definition to what is tested on rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{DmlStatement, LogicalPlan, TableScan};
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ColumnDef, ColumnOption, Statement as SqlStatement};

use super::referring;
use super::table::{declared_columns, written_constraints};
use crate::catalog::objects::Object;
use crate::catalog::tables::{Check, Constraints, Key};
use crate::error::{SqlState, coded, did_you_mean, failed, invalid};
use crate::sql::command::normal;
use crate::sql::parser;
use crate::sql::planning::plan;
use crate::sql::postgres::Told;
use crate::sql::syntax::constraints::{self, Constraint, Rule};
use crate::sql::told;
use crate::statement::{Reads, StatementContext};
use crate::text::identifier;

/// The name of the table that conditions are planned over, which nobody else can use.
const ROW: &str = "portrait:row";

/// The constraints that a CREATE TABLE declares.
///
/// # Errors
/// They contradict each other.
pub fn written(parsed: &SqlParsed) -> Result<Vec<Constraint>> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(vec![]) };
    match statement.as_ref() {
        SqlStatement::CreateTable(table) => constraints::of(table),
        _ => Ok(vec![]),
    }
}

/// The columns that a CREATE TABLE declares to be NOT NULL.
pub fn required(parsed: &SqlParsed) -> Vec<String> {
    let SqlParsed::Statement(statement) = parsed else { return vec![] };
    let SqlStatement::CreateTable(table) = statement.as_ref() else { return vec![] };
    let is_required = |column: &&ColumnDef| column.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull));
    table.columns.iter().filter(is_required).map(|column| normal(&column.name)).collect()
}

/// The constraints that a stored table declares.
///
/// # Errors
/// Its definition cannot be read.
pub fn declared(object: &Object, context: &StatementContext) -> Result<Vec<Constraint>> {
    written_constraints(object, context)
}

/// The constraints that a temporary table declares.
///
/// # Errors
/// None for a table that CREATE TABLE has made.
pub fn declared_in_session(table: &str, context: &StatementContext) -> Result<Vec<Constraint>> {
    constraints::read(table, &context.tables().constraints(table))
}

/// The PostgreSQL types that are reported to clients for the columns of tables in a statement.
pub struct InTexts<'a>(pub &'a StatementContext);

impl InTexts<'_> {
    /// That of a column of a table.
    pub fn of_table(&self, table: &Arc<dyn TableProvider>, column: &str) -> Option<&'static str> {
        told::of_table(table, self.0).into_iter().find(|(own, _)| own == column).map(|(_, of)| of)
    }
}

impl Told for InTexts<'_> {
    fn of_scan(&self, scan: &TableScan, column: &str) -> Option<&'static str> {
        self.of_table(&source_as_provider(&scan.source).ok()?, column)
    }

    fn of_target(&self, written: &DmlStatement, column: &str) -> Option<&'static str> {
        let table = source_as_provider(&written.target).ok()?;
        if let Some(told) = self.of_table(&table, column) {
            return Some(told);
        }
        // A statement that changes rows has them beside their places, and names the table.
        let name = written.table_name.table();
        let declared = match self.0.tables().temporary(name) {
            Some(_) => declared_in_session(name, self.0),
            None => {
                let objects = self.0.objects().ok()?;
                let object = objects.iter().find(|object| object.kind == "table" && object.name == name)?;
                declared(object, self.0)
            }
        };
        let told = declared.ok()?.iter().filter_map(Constraint::told).find(|(own, _)| own == column);
        told.map(|(_, of)| of)
    }
}

/// The constraints of a new temporary table with these columns, with the tables that its foreign keys refer to.
///
/// # Errors
/// A foreign key refers to nothing, or to what is not of the session.
pub async fn resolved_in_session(
    table: &str,
    parsed: &SqlParsed,
    columns: &SchemaRef,
    context: &StatementContext,
) -> Result<Vec<Constraint>> {
    let names = declared_columns(parsed);
    let constraints = referring::resolved(table, written(parsed)?, &[], (&names, true), context).await?;
    referring::check(table, table, columns, &constraints, context).await?;
    Ok(constraints)
}

/// What is tested on the rows of a stored table.
///
/// # Errors
/// A condition can no longer be computed.
pub async fn of_object(object: &Object, columns: &SchemaRef, context: &StatementContext) -> Result<Arc<Constraints>> {
    let written = written_constraints(object, context)?;
    if written.is_empty() {
        return Ok(Arc::default());
    }
    let own = context.entering(&object.name, &object.owner)?;
    Ok(Arc::new(of(&object.name, &written, columns, &own).await?))
}

/// What is tested on the rows of a temporary table.
///
/// # Errors
/// A condition can no longer be computed.
pub async fn of_session(table: &str, columns: &SchemaRef, context: &StatementContext) -> Result<Arc<Constraints>> {
    let written = declared_in_session(table, context)?;
    Ok(Arc::new(of(table, &written, columns, context).await?))
}

/// What is tested on the rows of a table with these columns.
///
/// # Errors
/// A constraint names a column that the table does not have, or a condition cannot be computed.
pub async fn of(table: &str, written: &[Constraint], columns: &SchemaRef, context: &StatementContext) -> Result<Constraints> {
    let told = written.iter().filter_map(Constraint::told).collect();
    let mut all = Constraints { told, ..Constraints::default() };
    for Constraint { name, rule } in written {
        match rule {
            Rule::PrimaryKey(key) => all.keys.push(self::key(table, name, key, false, columns)?),
            Rule::Unique { columns: key, nulls_are_equal } => {
                all.keys.push(self::key(table, name, key, *nulls_are_equal, columns)?);
            }
            Rule::Check(condition) => {
                let text = condition.to_string();
                let condition = planned(table, name, &text, columns, context).await?;
                all.checks.push(Check { name: name.clone(), text, condition });
            }
            Rule::Foreign(foreign) => {
                let own = key(table, name, &foreign.columns, false, columns)?;
                all.refers = true;
                if foreign.is_full && own.columns.len() > 1 {
                    all.full.push(own);
                }
            }
        }
    }
    Ok(all)
}

/// The columns of a query where only these and those of a primary key may not be NULL; `None` where all may.
pub fn with_required(required: &[String], written: &[Constraint], columns: &Schema) -> Option<SchemaRef> {
    let key = written.iter().find_map(|constraint| match &constraint.rule {
        Rule::PrimaryKey(key) => Some(key.as_slice()),
        Rule::Unique { .. } | Rule::Check(_) | Rule::Foreign(_) => None,
    });
    if required.is_empty() && key.is_none() {
        return None;
    }
    let may_be_null = |name: &String| !required.contains(name) && !key.is_some_and(|key| key.contains(name));
    let fields = columns.fields().iter().map(|field| Field::clone(field).with_nullable(may_be_null(field.name())));
    Some(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

fn key(table: &str, name: &str, key: &[String], nulls_are_equal: bool, columns: &SchemaRef) -> Result<Key> {
    let place = |column: &String| {
        let place = columns.index_of(column).map_err(|_| {
            let names = columns.fields().iter().map(|field| field.name().as_str());
            let suggestion = did_you_mean(column, names);
            let problem =
                format!("the key {} names column {column}, which the table does not have{suggestion}", identifier(name));
            coded(SqlState::UNDEFINED_COLUMN, table, problem)
        })?;
        let data_type = columns.field(place).data_type();
        match data_type {
            DataType::Map(..) | DataType::Union(..) => {
                let problem = format!("column {column} has the type {data_type}, which cannot be part of a key; leave it out");
                Err(invalid(table, problem))
            }
            _ => Ok(place),
        }
    };
    Ok(Key { name: name.into(), columns: key.iter().map(place).collect::<Result<_>>()?, nulls_are_equal })
}

/// The condition of a CHECK, computed over rows with these columns.
async fn planned(
    table: &str,
    name: &str,
    text: &str,
    columns: &SchemaRef,
    context: &StatementContext,
) -> Result<Arc<dyn datafusion::physical_expr::PhysicalExpr>> {
    let fields = columns.fields().iter().map(|field| Field::clone(field).with_nullable(true));
    let row = EmptyTable::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    // The row is no table that the statement reads.
    let context = context.with_files(vec![(ROW.into(), Arc::new(row))]).noting(&Reads::default());
    // The name without its schema, as conditions may write it before a column.
    let own = table.rsplit('.').next().unwrap_or(table);
    let query = format!("SELECT ({text}) AS holds FROM \"{ROW}\" AS {}", identifier(own));
    let planned = plan(&parser::parse_composed(&query, context.session())?, &context).await?;
    let state = context.state();
    let LogicalPlan::Projection(projection) = state.analyzer().execute_and_check(planned, state.config_options(), |_, _| {})?
    else {
        let problem = format!("constraint {} is not a condition over a row; CREATE CHECK tests whole tables", identifier(name));
        return Err(invalid(table, problem));
    };
    let [condition] = projection.expr.as_slice() else { return Err(failed(table, "a CHECK has one condition")) };
    let is_row = match projection.input.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => matches!(alias.input.as_ref(), LogicalPlan::TableScan(_)),
        _ => false,
    };
    if !is_row {
        return Err(invalid(table, "a CHECK reads the columns of its row alone"));
    }
    let schema = projection.input.schema();
    let condition = state.create_physical_expr(condition.clone().unalias(), schema)?;
    match condition.data_type(schema.as_arrow())? {
        DataType::Boolean | DataType::Null => Ok(condition),
        other => {
            let problem = format!("constraint {} must be a condition, got a value of the type {other}", identifier(name));
            Err(coded(SqlState::DATATYPE_MISMATCH, table, problem))
        }
    }
}
