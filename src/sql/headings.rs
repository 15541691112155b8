//! Gives the columns of a result the names that users expect.
//!
//! During planning each column has a unique name: columns that would otherwise share one are [marked](super::syntax::column_names). A
//! result may have two columns of the same name, as in PostgreSQL; a table or a view may not. In a file, later duplicates are numbered
//! (`sum`, `sum_1`), because readers of files find columns by name.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::logical_expr::{CreateMemoryTable, CreateView, DdlStatement, Expr, LogicalPlan, LogicalPlanBuilder};

use crate::error::{SqlState, coded};
use crate::text::unmarked;
use crate::walk::Tree;

/// Renames the columns of a plan to the names that users expect.
///
/// # Errors
/// A table would have two columns of the same name.
pub fn name(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => {
            let input = named(made.input.as_ref().clone())?;
            check_once(input.schema())?;
            let input = input.into();
            Ok(LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(CreateMemoryTable { input, ..made })))
        }
        LogicalPlan::Ddl(DdlStatement::CreateView(made)) => {
            let input = named(made.input.as_ref().clone())?.into();
            Ok(LogicalPlan::Ddl(DdlStatement::CreateView(CreateView { input, ..made })))
        }
        LogicalPlan::Copy(mut copied) => {
            copied.input = numbered(named(copied.input.as_ref().clone())?)?.into();
            Ok(LogicalPlan::Copy(copied))
        }
        LogicalPlan::Ddl(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::DescribeTable(_) => Ok(plan),
        query => named(query),
    }
}

fn named(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let structs = fields_of_structs(&plan)?;
    let names: Vec<Option<String>> =
        schema.fields().iter().map(|field| seen(field.name()).or_else(|| field_of(field.name(), &structs))).collect();
    if names.iter().all(Option::is_none) {
        return Ok(plan);
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (field, name) in schema.fields().iter().zip(&names) {
        *counts.entry(name.as_deref().unwrap_or(field.name())).or_default() += 1;
    }
    let mut columns = vec![];
    for (number, (column, name)) in schema.columns().into_iter().zip(&names).enumerate() {
        let called = name.as_deref().unwrap_or(&column.name).to_string();
        let is_alone = counts.get(called.as_str()) == Some(&1);
        // A unique qualifier allows the same name for several columns.
        let own = (!is_alone).then(|| TableReference::bare(format!("column {number}")));
        let is_named = name.is_none() && (is_alone || column.relation.is_some());
        let column = Expr::Column(column);
        columns.push(if is_named { column } else { column.alias_qualified(own, called) });
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The name that users expect of a column.
pub fn of_column(name: &str) -> String {
    seen(name).unwrap_or_else(|| name.to_string())
}

/// The name that users expect, if it differs.
fn seen(name: &str) -> Option<String> {
    match unmarked(name) {
        Some(seen) => Some(seen.to_string()),
        None if name.starts_with("UNNEST(") && name.ends_with(')') => Some("unnest".into()),
        None => None,
    }
}

/// The columns that the planner makes of structs, `struct.field`, as `unnest(struct)` does.
fn fields_of_structs(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut found = vec![];
    plan.each_part(|part| {
        if let LogicalPlan::Unnest(unnest) = part {
            for place in &unnest.struct_type_columns {
                if let DataType::Struct(fields) = unnest.input.schema().field(*place).data_type() {
                    found.extend(fields.iter().map(|field| field.name().clone()));
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The field, of a column that is named `struct.field`.
fn field_of(name: &str, fields: &[String]) -> Option<String> {
    let ends =
        |field: &&String| name.strip_suffix(field.as_str()).is_some_and(|before| before.len() > 1 && before.ends_with('.'));
    fields.iter().filter(ends).max_by_key(|field| field.len()).cloned()
}

fn numbered(plan: LogicalPlan) -> Result<LogicalPlan> {
    let fields = plan.schema().fields();
    let mut taken: HashSet<String> = HashSet::new();
    if fields.iter().all(|field| taken.insert(field.name().clone())) {
        return Ok(plan);
    }
    let mut seen: HashSet<String> = HashSet::new();
    let mut columns = vec![];
    for column in plan.schema().columns() {
        if seen.insert(column.name.clone()) {
            columns.push(Expr::Column(column));
            continue;
        }
        let mut others = (1..).map(|number| format!("{}_{number}", column.name));
        let free = others.find(|name| taken.insert(name.clone())).unwrap_or_default();
        columns.push(Expr::Column(column).alias(free));
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Checks that no two columns have the same name.
///
/// # Errors
/// Two columns have the same name.
pub fn check_once(schema: &DFSchema) -> Result<()> {
    let mut names = HashSet::new();
    match schema.fields().iter().find(|field| !names.insert(field.name())) {
        None => Ok(()),
        Some(field) => {
            let name = field.name();
            let problem = format!(
                "there are several columns with this name; give each its own name with AS, or leave one out: * EXCLUDE ({name})"
            );
            Err(coded(SqlState::DUPLICATE_COLUMN, name, problem))
        }
    }
}
