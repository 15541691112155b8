//! Lineage: which columns of a plan carry the classes of the columns that it reads.
//!
//! A column carries the classes of all columns that its values are computed from: itself, parts of it, texts it is concatenated into, its
//! minimum and maximum. It carries none where the values are no longer recognisable: comparisons, counts, lengths, and functions that mask
//! or pseudonymise. Table functions produce columns of their own; one with the name of an input column is treated as that column.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{Case, Expr, LogicalPlan, TableScan};
use futures::future::BoxFuture;

use super::class;
use crate::objects::relation::NAMESPACE;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::published::{ENDS, name_and_time};
use crate::statement::StatementContext;

/// The classes of a column.
pub type Classes = BTreeSet<String>;

/// Functions whose results do not reveal their arguments.
const COVERING: [&str; 22] = [
    "count",
    "approx_distinct",
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "mask_name",
    "mask_phone",
    "mask_email",
    "mask_id_card",
    "mask_address",
    "mask_card",
    "redact",
    "generalize",
    "pseudonymize",
    "tokenize",
    "is_valid_phone",
    "row_number",
    "rank",
    "dense_rank",
    "ntile",
];

/// The classes of columns of tables that are being planned, by schema and table name.
pub type Known = HashMap<(String, String), BTreeMap<String, Classes>>;

/// The classes of each column of a plan, in order.
///
/// # Errors
/// The database cannot be read.
pub fn classes_of<'a>(
    plan: &'a LogicalPlan,
    known: &'a Known,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<Vec<Classes>>> {
    Box::pin(async move {
        let mut inputs = vec![];
        for input in plan.inputs() {
            inputs.push((input.schema().as_ref(), classes_of(input, known, context).await?));
        }
        let columns = plan.schema().fields().len();
        Ok(match plan {
            LogicalPlan::TableScan(scan) => scanned(scan, known, context).await?,
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => {
                let expressions = plan.expressions();
                let own = Inputs { inputs, known, context };
                let mut all = vec![];
                for expression in &expressions {
                    all.push(own.of(expression).await?);
                }
                // Grouping sets add a column and have fewer expressions than columns.
                if all.len() != columns { by_name(plan.schema(), &own.inputs) } else { all }
            }
            LogicalPlan::Window(_) => {
                let expressions = plan.expressions();
                let own = Inputs { inputs, known, context };
                let mut all = own.inputs.first().map(|(_, classes)| classes.clone()).unwrap_or_default();
                for expression in &expressions {
                    all.push(own.of(expression).await?);
                }
                if all.len() != columns { by_name(plan.schema(), &own.inputs) } else { all }
            }
            LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_) => {
                let mut all = vec![Classes::new(); columns];
                for (_, classes) in inputs {
                    all.iter_mut().zip(classes).for_each(|(own, more)| own.extend(more));
                }
                all
            }
            LogicalPlan::Join(_) => {
                let all: Vec<Classes> = inputs.iter().flat_map(|(_, classes)| classes.iter().cloned()).collect();
                if all.len() == columns { all } else { by_name(plan.schema(), &inputs) }
            }
            _ => match inputs.as_slice() {
                [(schema, classes)] if schema.fields().len() == columns && !matches!(plan, LogicalPlan::Extension(_)) => {
                    classes.clone()
                }
                inputs => by_name(plan.schema(), inputs),
            },
        })
    })
}

/// The classes of columns, by the input columns of the same name.
fn by_name(schema: &DFSchema, inputs: &[(&DFSchema, Vec<Classes>)]) -> Vec<Classes> {
    let of = |name: &str| {
        let mut all = Classes::new();
        for (schema, classes) in inputs {
            for (field, own) in schema.fields().iter().zip(classes) {
                if field.name() == name {
                    all.extend(own.iter().cloned());
                }
            }
        }
        all
    };
    schema.fields().iter().map(|field| of(field.name())).collect()
}

/// The inputs of expressions.
struct Inputs<'a> {
    inputs: Vec<(&'a DFSchema, Vec<Classes>)>,
    known: &'a Known,
    context: &'a StatementContext,
}

impl Inputs<'_> {
    fn of_column(&self, column: &Column) -> Classes {
        let found = self.inputs.iter().find_map(|(schema, classes)| {
            let place = schema.maybe_index_of_column(column)?;
            classes.get(place).cloned()
        });
        found.unwrap_or_default()
    }

    /// The classes that the value of an expression carries.
    async fn of(&self, expression: &Expr) -> Result<Classes> {
        let (mut columns, mut queries) = (vec![], vec![]);
        carried(expression, &mut |part| match part {
            Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => columns.push(column.clone()),
            Expr::ScalarSubquery(query) => queries.push(query.subquery.clone()),
            _ => {}
        })?;
        let mut all: Classes = columns.iter().flat_map(|column| self.of_column(column)).collect();
        for query in &queries {
            all.extend(classes_of(query, self.known, self.context).await?.into_iter().flatten());
        }
        Ok(all)
    }
}

/// Visits the parts of an expression that its value reveals.
fn carried(expression: &Expr, found: &mut dyn FnMut(&Expr)) -> Result<()> {
    let mut parts: Vec<&Expr> = vec![];
    match expression {
        // Booleans and counts.
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Not(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::InSubquery(_)
        | Expr::Exists(_) => {}
        // Comparisons, AND and OR.
        Expr::BinaryExpr(binary) if binary.op.is_logic_operator() || binary.op.supports_propagation() => {}
        Expr::ScalarFunction(ScalarFunction { func, .. }) if COVERING.contains(&func.name()) => {}
        Expr::AggregateFunction(AggregateFunction { func, .. }) if COVERING.contains(&func.name()) => {}
        Expr::WindowFunction(function) if COVERING.contains(&function.fun.name()) => {}
        // FILTER, ORDER BY and PARTITION BY decide which rows are used, but their values are not revealed.
        Expr::AggregateFunction(AggregateFunction { params, .. }) => parts.extend(&params.args),
        Expr::WindowFunction(function) => {
            let WindowFunction { params, .. } = function.as_ref();
            parts.extend(&params.args);
        }
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            parts.extend(when_then_expr.iter().map(|(_, then)| then.as_ref()));
            parts.extend(else_expr.as_deref());
        }
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_) => found(expression),
        other => {
            other.apply_children(|part| {
                carried(part, found)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
    }
    parts.into_iter().try_for_each(|part| carried(part, found))
}

/// The classes of the columns of a table scan.
async fn scanned(scan: &TableScan, known: &Known, context: &StatementContext) -> Result<Vec<Classes>> {
    let (schema, table) = (scan.table_name.schema().unwrap_or("public"), scan.table_name.table());
    let columns = scan.projected_schema.fields();
    let pick = |of: &BTreeMap<String, Classes>| -> Vec<Classes> {
        columns.iter().map(|field| of.get(field.name()).cloned().unwrap_or_default()).collect()
    };
    if let Some(own) = known.get(&(schema.to_string(), table.to_string())) {
        return Ok(pick(own));
    }
    let own = name_and_time(table).0;
    let objects = context.all_objects()?;
    if schema == PROFILE_SCHEMA {
        let profile = objects.iter().find(|object| {
            object.kind == "profile" && ENDS.iter().any(|end| own.strip_suffix(end).is_some_and(|name| name == object.name))
        });
        let Some(profile) = profile else { return Ok(vec![Classes::new(); columns.len()]) };
        return Ok(pick(&class::of_published(&class::of(profile, context).await?)));
    }
    let name = if schema == "public" { own.to_string() } else { crate::objects::schema::member(schema, own) };
    let object = objects.iter().find(|object| object.name == name && NAMESPACE.contains(&object.kind.as_str()));
    let mut all = match object {
        Some(object) => pick(&class::said(object)),
        None => vec![Classes::new(); columns.len()],
    };
    if let Ok(provider) = source_as_provider(&scan.source)
        && let Some(plan) = provider.get_logical_plan()
    {
        let below = classes_of(&plan, known, context).await?;
        let below: BTreeMap<String, Classes> =
            plan.schema().fields().iter().map(|field| field.name().clone()).zip(below).collect();
        all.iter_mut().zip(pick(&below)).for_each(|(own, more)| own.extend(more));
    }
    // A column that was set to `none` carries no class.
    all.iter_mut().for_each(class::settle);
    Ok(all)
}
