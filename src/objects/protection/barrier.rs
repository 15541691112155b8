//! A barrier: a protected table that no part of a statement can look behind.
//!
//! A view would be no protection: the optimizer merges its conditions with those of the statement and evaluates them in any order, so that
//! `CAST(phone AS INT)` may fail on a row that the view hides, and reveal the phone number. Here the plan below the barrier is optimized
//! and run separately, and the plan above sees only a leaf: no children, no statistics, and one partition whatever the files are. Its rows
//! come in table order, in batches of equal size, so that which row comes first, and what LIMIT or a sample takes, does not depend on
//! hidden rows in between.
//!
//! A view that reads what its reader may not read stands behind a barrier too, because it shows a part of the rows of its tables. Its rows
//! may come from several partitions: what comes first tells nothing that the view does not show.
//!
//! Conditions are passed down only if they reveal nothing but their result: comparisons of an unmasked column with a constant. These are
//! the ones that allow Parquet files to be read in part.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::BatchCoalescer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, reset_plan_states};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::StreamExt;
use futures::future::BoxFuture;

use super::in_turn::in_turn;
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, failed, sqlstate};
use crate::opaque::forward;
use crate::statement::StoredState;
use crate::walk::Tree;

/// A column as the reader sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// The column of the plan below that it shows.
    pub from: String,
    /// The column of the plan below that conditions may compare, if any. It differs from `from` where the role may compare values that it
    /// is not shown.
    pub compared: Option<String>,
}

/// A table behind a barrier.
#[derive(Debug)]
pub struct Barrier {
    /// The name of the table, for messages.
    label: String,
    /// The number of the object, and of its snapshot if it has stored states.
    of: StoredState,
    /// The visible rows, with the columns that are shown and those that are only compared.
    rows: LogicalPlan,
    columns: Vec<Shown>,
    schema: SchemaRef,
    /// The plan of a view that hides what it reads; `None` for a table with masks or row policies.
    view: Option<LogicalPlan>,
}

impl Barrier {
    /// A barrier over the rows of a plan, showing these columns of it.
    ///
    /// # Errors
    /// The plan lacks a column.
    pub fn new(object: &Object, snapshot: Option<i64>, rows: LogicalPlan, columns: Vec<Shown>) -> Result<Self> {
        let shown = project(rows.clone(), &columns, None)?;
        let schema = Arc::new(shown.schema().as_arrow().clone());
        Ok(Self { label: object.name.clone(), of: (object.id, snapshot), rows, columns, schema, view: None })
    }

    /// A barrier over the rows of a view whose reader may not read what the view reads.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_view(object: &Object, rows: LogicalPlan, view: LogicalPlan) -> Result<Self> {
        let shown = |name: &String| Shown { name: name.clone(), from: name.clone(), compared: Some(name.clone()) };
        let columns = view.schema().fields().iter().map(|field| shown(field.name())).collect();
        Ok(Self { view: Some(view), ..Self::new(object, None, rows, columns)? })
    }

    /// True for a view that hides what it reads, whose tables its plan shows.
    pub fn is_view(&self) -> bool {
        self.view.is_some()
    }

    /// The plan of the view that is read, if this is one, with the columns and conditions of a scan.
    ///
    /// # Errors
    /// The view lacks a column.
    pub fn view(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<Option<LogicalPlan>> {
        let Some(view) = &self.view else { return Ok(None) };
        self.read(view.clone(), projection, filters).map(Some)
    }

    /// The rows of a plan below that fulfil conditions, with the columns at the given positions.
    fn read(&self, rows: LogicalPlan, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<LogicalPlan> {
        let mut rows = LogicalPlanBuilder::from(rows);
        for filter in filters {
            rows = rows.filter(self.below(filter)?)?;
        }
        project(rows.build()?, &self.columns, projection)
    }

    /// The number of the object.
    pub fn object(&self) -> i64 {
        self.of.0
    }

    /// The number of the snapshot, if the object has stored states.
    pub fn snapshot(&self) -> Option<i64> {
        self.of.1
    }

    /// True for a column that is masked.
    pub fn is_masked(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name && column.from != name)
    }

    /// The column of the plan below that conditions on this column compare.
    fn compared(&self, name: &str) -> Option<&str> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        let compared = column.compared.as_deref()?;
        let below = self.rows.schema().field_with_unqualified_name(compared).ok()?;
        let above = self.schema.field_with_name(name).ok()?;
        // Comparing with another type than the visible one would give other results.
        let is_same = below.data_type() == above.data_type() || (below.data_type().is_string() && above.data_type().is_string());
        is_same.then_some(compared)
    }

    /// True for a condition that cannot fail, and compares only what may be compared.
    fn is_harmless(&self, condition: &Expr) -> bool {
        use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
        let is_column = |part: &Expr| matches!(part, Expr::Column(column) if self.compared(&column.name).is_some());
        let is_constant = |part: &Expr| matches!(part, Expr::Literal(..));
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: And | Or, right }) => self.is_harmless(left) && self.is_harmless(right),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
                    && ((is_column(left) && is_constant(right)) || (is_constant(left) && is_column(right)))
            }
            Expr::Between(Between { expr, low, high, .. }) => is_column(expr) && is_constant(low) && is_constant(high),
            Expr::InList(list) => is_column(&list.expr) && list.list.iter().all(is_constant),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => is_column(inner),
            Expr::Not(inner) => self.is_harmless(inner),
            _ => false,
        }
    }

    /// Rewrites a harmless condition to the plan below.
    fn below(&self, condition: &Expr) -> Result<Expr> {
        let condition = condition.clone().changed_up(|part| {
            Ok(match part {
                Expr::Column(column) => match self.compared(&column.name) {
                    Some(compared) => Transformed::yes(Expr::Column(Column::new_unqualified(compared))),
                    None => Transformed::no(Expr::Column(column)),
                },
                other => Transformed::no(other),
            })
        })?;
        Ok(condition.data)
    }
}

/// The session state that plans the rows below; `in_order` for a single partition.
fn planning(state: &dyn Session, in_order: bool) -> Result<SessionState> {
    let own = state.as_any().downcast_ref::<SessionState>();
    let mut own = own.cloned().ok_or_else(|| failed("session", "plans of no session of this engine"))?;
    if in_order {
        own.config_mut().options_mut().execution.target_partitions = 1;
    }
    Ok(own)
}

/// Projects these columns, or those at the given positions.
fn project(rows: LogicalPlan, columns: &[Shown], places: Option<&Vec<usize>>) -> Result<LogicalPlan> {
    let shown = |column: &Shown| Expr::Column(Column::new_unqualified(&column.from)).alias(&column.name);
    let columns: Vec<Expr> = match places {
        Some(places) => places.iter().filter_map(|place| columns.get(*place)).map(shown).collect(),
        None => columns.iter().map(shown).collect(),
    };
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

impl TableProvider for Barrier {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        if self.view.is_some() { TableType::View } else { TableType::Base }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let goes_through = |filter: &&Expr| match self.is_harmless(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(goes_through).collect())
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }

    forward! {
        fn insert_into<'state>(
            &self,
            state: &'state dyn Session,
            input: Arc<dyn ExecutionPlan>,
            op: InsertOp
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::inserting
    }
}

impl Barrier {
    fn cover(&self) -> Cover {
        Cover { label: self.label.clone(), is_view: self.view.is_some() }
    }

    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let plan = self.read(self.rows.clone(), projection, filters)?;
            let (in_order, cover) = (self.view.is_none(), self.cover());
            let planning = planning(state, in_order)?;
            let mut below = planning.create_physical_plan(&plan).await.map_err(|error| cover.over(error))?;
            if in_order {
                below = in_turn(below)?;
            }
            Ok(Arc::new(BarrierExec::new(cover, below)) as _)
        })
    }

    fn inserting<'a>(
        &'a self,
        _state: &'a dyn Session,
        _input: Arc<dyn ExecutionPlan>,
        _insert_op: InsertOp,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move { Err(read_and_written(&self.label)) })
    }
}

/// Runs the plan below the barrier. It shows no children, so that nothing inspects them, pushes conditions into them or counts their rows.
struct BarrierExec {
    cover: Cover,
    below: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl BarrierExec {
    fn new(cover: Cover, below: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(below.schema()),
            Partitioning::UnknownPartitioning(below.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { cover, below, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for BarrierExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BarrierExec({})", self.cover.label)
    }
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "ProtectedExec: {}, columns=[{}]", self.cover.label, columns.join(", "))
    }
}

impl BarrierExec {
    fn schema_ref(&self) -> &SchemaRef {
        self.properties.equivalence_properties().schema()
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &str {
        "ProtectedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// For another round of WITH RECURSIVE: no walk reaches the plan below.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(self.cover.clone(), reset_plan_states(Arc::clone(&self.below))?)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (cover, schema) = (self.cover.clone(), self.schema());
        let size = context.session_config().batch_size();
        let below = self.below.execute(partition, context).map_err(|error| cover.over(error))?;
        let state = (below, BatchCoalescer::new(Arc::clone(&schema), size), false);
        let rows = futures::stream::try_unfold(state, move |(mut below, mut whole, mut is_over)| {
            let cover = cover.clone();
            async move {
                loop {
                    if let Some(batch) = whole.next_completed_batch() {
                        return Ok(Some((batch, (below, whole, is_over))));
                    }
                    if is_over {
                        return Ok(None);
                    }
                    match below.next().await {
                        Some(batch) => whole.push_batch(batch.map_err(|error| cover.over(error))?)?,
                        None => {
                            whole.finish_buffered_batch()?;
                            is_over = true;
                        }
                    }
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// The error for a statement that adds rows to a table of which it reads what is hidden from its role.
pub fn read_and_written(name: &str) -> DataFusionError {
    let problem = "cannot be written to by a statement that reads it, as it has masks or row policies for this role; leave it out of the query, or ask a role with SUPERUSER";
    coded(SqlState::INSUFFICIENT_PRIVILEGE, name, problem)
}

/// What stands in the way of errors.
#[derive(Debug, Clone)]
struct Cover {
    label: String,
    is_view: bool,
}

impl Cover {
    /// Replaces an error from below the barrier, which may reveal hidden values; only errors that say nothing about rows pass through.
    fn over(&self, error: DataFusionError) -> DataFusionError {
        let state = match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => SqlState::OUT_OF_MEMORY,
            _ => sqlstate(&error),
        };
        match state {
            // How much is missing depends on the hidden rows.
            SqlState::OUT_OF_MEMORY => {
                let problem = "its rows take more memory than there is; raise --memory-limit, or ask a role with SUPERUSER";
                coded(SqlState::OUT_OF_MEMORY, &self.label, problem)
            }
            SqlState::QUERY_CANCELED | SqlState::DISK_FULL | SqlState::SERIALIZATION_FAILURE => error,
            // The privacy budget of the role, which says nothing about rows.
            SqlState::CONFIGURATION_LIMIT_EXCEEDED => error,
            // A segment that awaits a refresh.
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if !self.is_view => error,
            _ if self.is_view => {
                let problem = "its rows cannot be read; a role with SUPERUSER sees the reason, which may reveal hidden rows";
                coded(SqlState::INTERNAL_ERROR, &self.label, problem)
            }
            _ => {
                let problem = "its rows cannot be read below its masks and row policies; a role with SUPERUSER sees why";
                coded(SqlState::INTERNAL_ERROR, &self.label, problem)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::message;

    #[test]
    fn how_much_memory_is_missing_is_not_told() {
        let cover = Cover { label: "people".into(), is_view: false };
        let error = cover.over(DataFusionError::ResourcesExhausted("a sort needs 244.1 MB more".into()));
        assert_eq!(sqlstate(&error), SqlState::OUT_OF_MEMORY);
        assert!(!message(&error).contains("244.1"), "{}", message(&error));
    }
}
