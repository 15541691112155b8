//! `value_or_null(value)`: the value, or NULL in the rows for which it cannot be computed.
//!
//! For the conditions and masks of a role over rows that another must not know of: an error would tell that there is such a row. The optimizer
//! must not evaluate parts of the value elsewhere, where they fail as usual. So the call only marks the value, and once the plan is
//! optimized, [`kept`] replaces it by a function of the columns that has the value in it.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::ExprSimplifyResult;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Subquery,
    Volatility, when,
};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use super::wrapper::Wrapper;
use crate::error::{SqlState, sqlstate};
use crate::walk::{PlanTree, Tree};

/// Marks a value until the plan is optimized, and keeps parts of it from being computed before it.
static MARKED: Wrapper = Wrapper {
    can_be_null: true,
    short_circuits: true,
    simplify: |mut arguments| match arguments.pop() {
        Some(value) if arguments.is_empty() && cannot_fail(&value) => ExprSimplifyResult::Simplified(value),
        value => ExprSimplifyResult::Original(arguments.into_iter().chain(value).collect()),
    },
    ..Wrapper::new("value_or_null", 1)
};

/// The value, or NULL in the rows for which it cannot be computed, whether by itself or because of a query in it that looks at the row.
///
/// # Errors
/// None in practice.
pub fn or_null(value: Expr) -> Result<Expr> {
    match value {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (Box::new(or_null(*left)?), Box::new(or_null(*right)?));
            Ok(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Not(inner) => match *inner {
            // As the optimizer knows it: an anti join.
            Expr::InSubquery(one) => or_null(Expr::InSubquery(InSubquery { negated: !one.negated, ..one })),
            Expr::Exists(one) => or_null(Expr::Exists(Exists { negated: !one.negated, ..one })),
            other => marked(Expr::Not(Box::new(other))),
        },
        Expr::Exists(one) => Ok(Expr::Exists(Exists { subquery: guarded(one.subquery)?, ..one })),
        Expr::InSubquery(one) => {
            let (known, one) = kept_in(one)?;
            // NULL NOT IN (…) is true when the query gives no rows.
            Ok(known.into_iter().fold(Expr::InSubquery(one), |one, known| known.and(one)))
        }
        value => marked(value),
    }
}

/// A value whose parts are kept from failing the statement, by themselves where a join computes them.
fn marked(value: Expr) -> Result<Expr> {
    let value = value.changed_up(|part| match part {
        Expr::ScalarSubquery(subquery) => Ok(Transformed::yes(Expr::ScalarSubquery(guarded(subquery)?))),
        Expr::Exists(one) => Ok(Transformed::yes(Expr::Exists(Exists { subquery: guarded(one.subquery)?, ..one }))),
        Expr::InSubquery(one) => Ok(Transformed::yes(match kept_in(one)? {
            (Some(known), one) => when(known, Expr::InSubquery(one)).end()?,
            (None, one) => Expr::InSubquery(one),
        })),
        part => Ok(Transformed::no(part)),
    })?;
    mark(value.data)
}

fn mark(value: Expr) -> Result<Expr> {
    if cannot_fail(&value) {
        return Ok(value);
    }
    Ok(MARKED.call(vec![value]))
}

/// `value IN (…)` with NULL for a value that cannot be computed, and for NOT IN the condition that it can.
fn kept_in(one: InSubquery) -> Result<(Option<Expr>, InSubquery)> {
    let (can_fail, value) = (!cannot_fail(&one.expr), marked(*one.expr)?);
    let known = (can_fail && one.negated).then(|| value.clone().is_not_null());
    Ok((known, InSubquery { expr: Box::new(value), subquery: guarded(one.subquery)?, negated: one.negated }))
}

/// A query whose conditions do not fail because of values of the row that it is for.
fn guarded(subquery: Subquery) -> Result<Subquery> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    let plan = Arc::unwrap_or_clone(subquery.subquery).changed_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) => node.changed_expressions(condition_on_outer),
        node => Ok(Transformed::no(node)),
    })?;
    Ok(Subquery { subquery: Arc::new(plan.data), ..subquery })
}

/// Marks the values of a condition that are computed from outer columns. Comparisons stay as they are, for the joins that are made of them.
fn condition_on_outer(condition: Expr) -> Result<Transformed<Expr>> {
    match &condition {
        Expr::BinaryExpr(BinaryExpr { op, .. }) if op.supports_propagation() || op.is_logic_operator() => {}
        Expr::Not(_) | Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Between(_) | Expr::InList(_) | Expr::Alias(_) => {}
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => return Ok(Transformed::no(condition)),
        value => {
            let is_outer = |part: &Expr| Ok(matches!(part, Expr::OuterReferenceColumn(..)));
            return if value.any_part(is_outer)? {
                mark(condition).map(Transformed::yes)
            } else {
                Ok(Transformed::no(condition))
            };
        }
    }
    condition.changed_children(condition_on_outer)
}

/// Puts a marked value into a function of its columns.
///
/// # Errors
/// The value cannot be planned.
pub fn kept(expression: Expr, schema: &DFSchema, options: &Arc<ConfigOptions>) -> Result<Transformed<Expr>> {
    let Some(value) = MARKED.value_in(&expression) else { return Ok(Transformed::no(expression)) };
    let mut columns: Vec<Column> = value.column_refs().into_iter().cloned().collect();
    columns.sort();
    if columns.is_empty() {
        return Ok(Transformed::yes(value.clone()));
    }
    let mut fields = vec![];
    for column in &columns {
        let (relation, field) = schema.qualified_field_from_column(column)?;
        fields.push((relation.cloned(), Arc::new(field.as_ref().clone().with_nullable(true))));
    }
    // A query that looks at no row has one value, which is given to the function like those of columns.
    let mut arguments: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
    let value = value.clone().changed_up(|part| {
        let Expr::ScalarSubquery(subquery) = &part else { return Ok(Transformed::no(part)) };
        let name = format!("query:{}", arguments.len());
        let data_type = subquery.subquery.schema().field(0).data_type().clone();
        fields.push((None, Arc::new(Field::new(&name, data_type, true))));
        arguments.push(part);
        Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
    })?;
    let value = value.data;
    let own = DFSchema::new_with_metadata(fields, HashMap::new())?;
    let mut properties = ExecutionProps::new();
    properties.config_options = Some(Arc::clone(options));
    let compiled = create_physical_expr(&value, &own, &properties, &PhysicalPlanningContext::default())?;
    let volatility = if value.is_volatile() { Volatility::Volatile } else { Volatility::Immutable };
    let function = Kept {
        data_type: compiled.data_type(own.as_arrow())?,
        compiled,
        columns: Arc::clone(own.inner()),
        signature: Signature::any(arguments.len(), volatility),
        value,
    };
    Ok(Transformed::yes(ScalarUDF::from(function).call(arguments)))
}

/// True for a value that can be computed for every row.
fn cannot_fail(value: &Expr) -> bool {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    match value {
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) => true,
        Expr::Alias(alias) => cannot_fail(&alias.expr),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            matches!(op, And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
                && cannot_fail(left)
                && cannot_fail(right)
        }
        Expr::Between(between) => [&between.expr, &between.low, &between.high].into_iter().all(|part| cannot_fail(part)),
        Expr::InList(list) => cannot_fail(&list.expr) && list.list.iter().all(cannot_fail),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner) => cannot_fail(inner),
        _ => false,
    }
}

/// True for an error that may come from the values of a row.
fn is_of_row(error: &DataFusionError) -> bool {
    let is_memory = matches!(error.find_root(), DataFusionError::ResourcesExhausted(_));
    !is_memory
        && !matches!(
            sqlstate(error),
            SqlState::QUERY_CANCELED
                | SqlState::OUT_OF_MEMORY
                | SqlState::DISK_FULL
                | SqlState::SERIALIZATION_FAILURE
                | SqlState::CONFIGURATION_LIMIT_EXCEEDED
                | SqlState::PROGRAM_LIMIT_EXCEEDED
                | SqlState::SYSTEM_ERROR
        )
}

/// A value as a function of its columns.
#[derive(Debug)]
struct Kept {
    value: Expr,
    compiled: Arc<dyn PhysicalExpr>,
    columns: SchemaRef,
    data_type: DataType,
    signature: Signature,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.columns == other.columns
    }
}

impl Eq for Kept {}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl Kept {
    fn values(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        self.compiled.evaluate(rows)?.into_array(rows.num_rows())
    }

    /// The values of rows, in parts: halves of rows that fail are tried by themselves.
    fn parts(&self, rows: &RecordBatch, found: &mut Vec<ArrayRef>) -> Result<()> {
        match self.values(rows) {
            Ok(values) => found.push(values),
            Err(error) if !is_of_row(&error) => return Err(error),
            Err(_) if rows.num_rows() <= 1 => found.push(new_null_array(&self.data_type, rows.num_rows())),
            Err(_) => {
                let half = rows.num_rows() / 2;
                self.parts(&rows.slice(0, half), found)?;
                self.parts(&rows.slice(half, rows.num_rows() - half), found)?;
            }
        }
        Ok(())
    }
}

impl ScalarUDFImpl for Kept {
    fn name(&self) -> &str {
        "kept_value_or_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.columns), columns, &options)?;
        let mut found = vec![];
        self.parts(&rows, &mut found)?;
        if let [all] = found.as_slice() {
            return Ok(ColumnarValue::Array(Arc::clone(all)));
        }
        let parts: Vec<&dyn Array> = found.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&parts)?))
    }
}
