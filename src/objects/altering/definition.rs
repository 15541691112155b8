//! The definition of an altered table, and the query of its rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{DdlStatement, Expr, LogicalPlan};

use super::columns::{Check, Column};
use crate::error::{SqlState, coded, failed, invalid, message};
use crate::objects::schema::quoted;
use crate::sql::parser;
use crate::sql::planning::plan;
use crate::sql::syntax::constraints::Constraint;
use crate::sql::syntax::numbered::OF_COUNTERS;
use crate::statement::StatementContext;
use crate::text::{identifier, literal};
use crate::walk::{PlanTree, Tree};

/// The statement that creates a table with these columns, and its schema. `kept` is true for a table stored in a database.
pub(super) async fn definition(
    name: &str,
    columns: &[Column],
    constraints: &[Constraint],
    kept: bool,
    context: &StatementContext,
) -> Result<(String, SchemaRef)> {
    // Types without an SQL name occur only in tables made from queries. They are kept, and the definition names them with `arrow_cast`.
    let has_names = !columns.iter().any(Column::is_nameless);
    let part = |column: &Column| match column.is_nameless() {
        true => format!("{} BIGINT", identifier(&column.name)),
        false => column.definition(),
    };
    let parts: Vec<String> = columns.iter().map(part).chain(constraints.iter().map(ToString::to_string)).collect();
    let text = format!("CREATE TABLE {} ({})", quoted(name, context), parts.join(", "));
    let made = plan(&parser::parse_composed(&text, context.session())?, &context.making(name)).await?;
    let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) = made else {
        return Err(failed(name, "is not made by its definition"));
    };
    let declared = made.input.schema().as_arrow();
    if has_names {
        // A time with a zone keeps the zone that it has, whatever that of the session.
        let fields = columns.iter().zip(declared.fields()).map(|(column, field)| match &column.data_type {
            Some(own @ DataType::Timestamp(_, Some(_))) => Field::clone(field).with_data_type(own.clone()),
            _ => Field::clone(field),
        });
        return Ok((text, Arc::new(Schema::new(fields.collect::<Vec<_>>()))));
    }
    if let Some(constraint) = constraints.first() {
        let problem = format!(
            "has types that SQL has no name for, and so it can have no constraint {}; CAST those columns to others first",
            identifier(&constraint.name)
        );
        return Err(invalid(name, problem));
    }
    if let Some(column) = columns.iter().find(|column| column.default.is_some() || kept && column.not_null) {
        let problem = format!(
            "has types that SQL has no name for, and so column {} can have no DEFAULT or NOT NULL; leave those out",
            column.name
        );
        return Err(invalid(name, problem));
    }
    let fields = columns.iter().zip(declared.fields()).map(|(column, field)| {
        let own = column.data_type.clone().unwrap_or_else(|| field.data_type().clone());
        Field::new(&column.name, own, !column.not_null)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let values = schema
        .fields()
        .iter()
        .map(|field| format!("arrow_cast(NULL, {}) AS {}", literal(&field.data_type().to_string()), identifier(field.name())));
    let values = values.collect::<Vec<_>>().join(", ");
    Ok((format!("CREATE TABLE {} AS SELECT {values} WHERE false", quoted(name, context)), schema))
}

/// True for types whose SQL name maps back to the same type.
pub(super) fn has_name(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond | TimeUnit::Microsecond, None) => true,
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => true,
        DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Date32 | DataType::Boolean | DataType::Float32 => true,
        DataType::Time64(TimeUnit::Nanosecond) | DataType::Float64 => true,
        DataType::Interval(IntervalUnit::MonthDayNano) => true,
        other => other.is_integer() || other.is_string(),
    }
}

/// The query of the rows of the altered table.
pub(super) fn rows(from: &str, columns: &[Column], declared: &SchemaRef) -> String {
    let values = columns.iter().zip(declared.fields()).map(|(column, field)| {
        let of_type = literal(&field.data_type().to_string());
        format!("arrow_cast({}, {of_type}) AS {}", column.values, identifier(&column.name))
    });
    format!("SELECT {} FROM {from}", values.collect::<Vec<_>>().join(", "))
}

/// Fails for a default that cannot be cast to its column's type.
pub(super) async fn check_defaults(name: &str, columns: &[Column], context: &StatementContext) -> Result<()> {
    for column in columns {
        // The number of a counter always fits, and is given once.
        let Some(default) = column.default.as_ref().filter(|_| column.numbered.is_none()) else { continue };
        let value = format!("SELECT CAST({default} AS {})", column.declared);
        let value = async {
            let planned = plan(&parser::parse_composed(&value, context.session())?, context).await?;
            // A counter gives each number once, so trying the default would lose one.
            if counts(&planned)? {
                return Ok(vec![]);
            }
            DataFrame::new(context.state(), planned).collect().await
        };
        if let Err(error) = value.await {
            let problem = format!("the default of column {} does not fit: {}; SET DEFAULT another", column.name, message(&error));
            return Err(coded(SqlState::DATATYPE_MISMATCH, name, problem));
        }
    }
    Ok(())
}

/// True for a query that asks a counter.
pub(super) fn counts(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.each_plan(|node| {
        node.each_expression(|expression| {
            let is_call = |part: &Expr| Ok(matches!(part, Expr::ScalarFunction(call) if OF_COUNTERS.contains(&call.name())));
            found |= expression.any_part(is_call)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

pub(super) async fn check(name: &str, checks: &[Check], context: &StatementContext) -> Result<()> {
    for (question, wrong) in checks {
        let planned = plan(&parser::parse_composed(question, context.session())?, context).await.map_err(|error| {
            invalid(name, format!("the types do not fit: {}; write USING with what the values become", message(&error)))
        })?;
        let answer = DataFrame::new(context.state(), planned).collect().await?;
        if let Some(batch) = answer.iter().find(|batch| batch.num_rows() > 0) {
            let value = array_value_to_string(batch.column(0), 0)?;
            return Err(wrong(&value));
        }
    }
    Ok(())
}
