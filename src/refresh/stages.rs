//! From the rows that are put together to the rows that are published: derived tags, level by level, and segments.
//!
//! What is of the customer's own row is an expression over the plan, and costs no pass. What looks at other rows reads the profile as
//! it is so far: the plan is written to a file once, and that file takes the place of the profile in the queries of the next level.
//! A file rather than the plan twice over: the sources are read once whatever the number of levels, and the queries of one level
//! see the same rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use futures::future::BoxFuture;

use super::align::Align;
use super::columns::{KEY, PRESENT, column, segment, value};
use super::combine::{KeyedQuery, combine, list_of, null_of};
use super::decompose::{RowExpression, substitute};
use super::guard::{all_of, only_when};
use super::levels::{Level, TagOf};
use super::plan::own_table;

/// The column in which the alignment of a level says that the first input has the key: all have it, so that it says nothing.
const IN_LEVEL: &str = "in_level";

/// What is computed over the profile itself.
pub struct Stages {
    pub profile: String,
    /// The key's own name.
    pub key: String,
    pub key_type: DataType,
    pub levels: Vec<Level>,
    /// Names and conditions.
    pub segments: Vec<(String, RowExpression)>,
}

/// What becomes of the plan between two levels.
pub trait Between: Send {
    /// Writes the rows of a plan, which come in the order of their key; gives them as a table that stays until this is called again.
    fn write<'a>(&'a mut self, plan: LogicalPlan) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>>;
}

impl Stages {
    /// The plan of all rows to publish, in the order of their key, over the plan of the `inputs`.
    ///
    /// Each level that looks at other rows has what is there so far written between.
    ///
    /// # Errors
    /// What goes wrong with the plans between; a fault of the program.
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

/// Queries over a profile as queries over what there is of it so far.
struct OverProfile {
    profile: String,
    key: String,
    key_type: DataType,
}

impl OverProfile {
    /// Adds what is computed of a customer's own row.
    fn with_column(&self, plan: LogicalPlan, name: &str, multiple: bool, by: RowExpression) -> Result<LogicalPlan> {
        let conditions = by.conditions.into_iter().map(|condition| self.over_plan(condition)).collect::<Result<Vec<_>>>()?;
        let value = only_when(all_of(conditions, plan.schema())?, self.over_plan(by.value)?, plan.schema())?;
        let value = if multiple { list_of(value)? } else { value };
        let columns = plan.schema().columns().into_iter().map(Expr::Column).chain([value.alias(name)]);
        let columns: Vec<Expr> = columns.collect();
        LogicalPlanBuilder::from(plan).project(columns)?.build()
    }

    /// Sets the tags of a level beside what was written.
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

    /// An expression over the profile as one over the plan.
    fn over_plan(&self, expression: Expr) -> Result<Expr> {
        let replacements = expression.column_refs().into_iter().map(|used| (used.clone(), column(&self.stored_as(&used.name))));
        let replacements: Vec<_> = replacements.collect();
        substitute(expression, &replacements)
    }

    /// A tag's plan over the file instead of the profile.
    fn over_file(&self, plan: LogicalPlan, so_far: &LogicalPlan) -> Result<LogicalPlan> {
        let own = own_table(&self.profile);
        let replaced = plan.transform_up_with_subqueries(|plan| match &plan {
            LogicalPlan::TableScan(scan)
                if scan.table_name.table() == own.table() && scan.table_name.schema() == own.schema() =>
            {
                let columns = scan.projected_schema.fields().iter().map(|field| {
                    let name = self.stored_as(field.name());
                    // A tag of this level or a later one is not there yet. The query does not need it, or it would be in a later level.
                    let is_there = so_far.schema().has_column_with_unqualified_name(&name);
                    let value =
                        if is_there { cast(column(&name), field.data_type().clone()) } else { null_of(field.data_type())? };
                    Ok(value.alias_qualified(Some(scan.table_name.clone()), field.name()))
                });
                let columns: Vec<Expr> = columns.collect::<Result<_>>()?;
                // Customers that left are among the rows so that their values can close; no query sees them.
                let present = LogicalPlanBuilder::from(so_far.clone()).filter(column(PRESENT))?;
                Ok(Transformed::yes(present.project(columns)?.build()?))
            }
            _ => Ok(Transformed::no(plan)),
        });
        replaced.data()
    }

    /// The name in the plan for a column of the profile.
    fn stored_as(&self, name: &str) -> String {
        if name == self.key { KEY.to_string() } else { value(name) }
    }
}

fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).sort(vec![column(KEY).sort(true, true)])?.build()
}

/// A plan that keeps the types it has now.
///
/// The analyser coerces expressions after their plans are made, which changes the types of some (a decimal gains a digit). A
/// step says what it gives before that; its inputs cast to what was said, and where nothing changes the optimiser removes the cast.
pub fn of_promised_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        cast(column, field.data_type().clone()).alias(field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The scan of a table.
pub fn scan(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.build()
}
