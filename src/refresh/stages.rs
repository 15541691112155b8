//! From the aligned rows to the rows to publish: derived tags level by level, then segments.
//!
//! A tag over the customer's own row is an expression in the plan and costs no pass. A tag that looks at other rows reads the profile as
//! computed so far: the plan is written to a file once, and that file stands in for the profile in the queries of the next level. A file is
//! used, instead of running the plan twice, so that the sources are read once whatever the number of levels, and the queries of one level
//! see the same rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use futures::future::BoxFuture;

use crate::walk::PlanTree;

use super::align::Align;
use super::columns::{KEY, PRESENT, column, segment, value};
use super::combine::{KeyedQuery, combine, list_of, null_of};
use super::decompose::{RowExpression, substitute};
use super::guard::{all_of, only_when};
use super::levels::{Level, TagOf};
use super::plan::own_table;

/// The presence column of a level's alignment. The first input has every key, so it is always true and dropped again.
const IN_LEVEL: &str = "in_level";

/// The parts that are computed over the profile itself.
pub struct Stages {
    pub profile: String,
    /// The name of the key column.
    pub key: String,
    pub key_type: DataType,
    pub levels: Vec<Level>,
    /// Names and conditions.
    pub segments: Vec<(String, RowExpression)>,
}

/// How the rows between two levels are written.
pub trait Between: Send {
    /// Writes the rows of a plan, which are sorted by key, and returns them as a table that is valid until the next call.
    fn write<'a>(&'a mut self, plan: LogicalPlan) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>>;
}

impl Stages {
    /// The plan of all rows to publish, sorted by key, over the plan of the `inputs`.
    ///
    /// Before each level that looks at other rows, the rows so far are written by `between`.
    ///
    /// # Errors
    /// Writing fails, or an internal error.
    pub async fn plan(self, inputs: LogicalPlan, between: &mut dyn Between) -> Result<LogicalPlan> {
        let over = OverProfile { profile: self.profile, key: self.key, key_type: self.key_type };
        let mut plan = inputs;
        for level in self.levels {
            if !level.of_all_rows.is_empty() {
                let so_far = scan("so_far", between.write(sorted(plan)?).await?)?;
                plan = over.with_tags_of_all_rows(&so_far, level.of_all_rows)?;
            }
            for tag in level.of_own_row {
                plan = over.with_column(plan, &value(&tag.name), tag.multiple, tag.by)?;
            }
        }
        for (name, condition) in self.segments {
            plan = over.with_column(plan, &segment(&name), false, condition)?;
        }
        sorted(plan)
    }
}

/// Rewrites queries over a profile to read what has been computed of it so far.
struct OverProfile {
    profile: String,
    key: String,
    key_type: DataType,
}

impl OverProfile {
    /// Adds a column that is computed from the customer's own row.
    fn with_column(&self, plan: LogicalPlan, name: &str, multiple: bool, by: RowExpression) -> Result<LogicalPlan> {
        let conditions = by.conditions.into_iter().map(|condition| self.over_plan(condition)).collect::<Result<Vec<_>>>()?;
        let value = only_when(all_of(conditions, plan.schema())?, self.over_plan(by.value)?, plan.schema())?;
        let value = if multiple { list_of(value)? } else { value };
        let columns = plan.schema().columns().into_iter().map(Expr::Column).chain([value.alias(name)]);
        let columns: Vec<Expr> = columns.collect();
        LogicalPlanBuilder::from(plan).project(columns)?.build()
    }

    /// Adds the tags of a level that look at other rows to the rows that were written.
    fn with_tags_of_all_rows(&self, so_far: &LogicalPlan, tags: Vec<TagOf<LogicalPlan>>) -> Result<LogicalPlan> {
        let queries = tags.into_iter().map(|tag| {
            let plan = self.over_file(tag.by, so_far)?;
            Ok(KeyedQuery { plan, names: vec![value(&tag.name)], multiple: tag.multiple })
        });
        let mut inputs = vec![so_far.clone()];
        inputs.extend(combine(queries.collect::<Result<_>>()?, &self.key_type)?);
        let labels = (0..inputs.len()).map(|index| if index == 0 { "so far".to_string() } else { format!("tags {index}") });
        let align = Align {
            profile: self.profile.clone(),
            key: self.key.clone(),
            inputs: labels.collect(),
            leads: (0..inputs.len()).map(|index| index == 0).collect(),
        };
        let plan = align.plan(IN_LEVEL, inputs.into_iter().map(of_promised_types).collect::<Result<_>>()?)?;
        let columns = plan.schema().columns().into_iter().filter(|column| column.name != IN_LEVEL);
        let columns: Vec<Expr> = columns.map(Expr::Column).collect();
        LogicalPlanBuilder::from(plan).project(columns)?.build()
    }

    /// Rewrites an expression over the profile to the columns of the plan.
    fn over_plan(&self, expression: Expr) -> Result<Expr> {
        let replacements = expression.column_refs().into_iter().map(|used| (used.clone(), column(&self.stored_as(&used.name))));
        let replacements: Vec<_> = replacements.collect();
        substitute(expression, &replacements)
    }

    /// Rewrites a tag's plan to read the file instead of the profile.
    fn over_file(&self, plan: LogicalPlan, so_far: &LogicalPlan) -> Result<LogicalPlan> {
        let own = own_table(&self.profile);
        let replaced = plan.changed_up_with_subqueries(|plan| match &plan {
            LogicalPlan::TableScan(scan)
                if scan.table_name.table() == own.table() && scan.table_name.schema() == own.schema() =>
            {
                let columns = scan.projected_schema.fields().iter().map(|field| {
                    let name = self.stored_as(field.name());
                    // A tag of this or a later level is not computed yet. The query does not need it, or the tag would be in a later level.
                    let is_there = so_far.schema().has_column_with_unqualified_name(&name);
                    let value =
                        if is_there { cast(column(&name), field.data_type().clone()) } else { null_of(field.data_type())? };
                    Ok(value.alias_qualified(Some(scan.table_name.clone()), field.name()))
                });
                let columns: Vec<Expr> = columns.collect::<Result<_>>()?;
                // Customers who left are among the rows so that their values can close, but no query sees them.
                let present = LogicalPlanBuilder::from(so_far.clone()).filter(column(PRESENT))?;
                Ok(Transformed::yes(present.project(columns)?.build()?))
            }
            _ => Ok(Transformed::no(plan)),
        });
        replaced.data()
    }

    /// The name that a column of the profile has in the plan.
    fn stored_as(&self, name: &str) -> String {
        if name == self.key { KEY.to_string() } else { value(name) }
    }
}

fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).sort(vec![column(KEY).sort(true, true)])?.build()
}

/// A plan that keeps the types it has now.
///
/// The analyzer coerces expressions after their plans are built, which changes some types (a decimal gains a digit). A step declares its
/// types before that, so its inputs are cast to the declared ones; where nothing changes, the optimizer removes the cast.
pub fn of_promised_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        cast(column, field.data_type().clone()).alias(field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// A scan of a table.
pub fn scan(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.build()
}
