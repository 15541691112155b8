//! The short way to the plan of a query for the rows with a given value: `SELECT columns FROM table WHERE column = value`.
//!
//! Applications send such queries by the thousand, for one customer at a time. Each reads a page of a file, which takes less time than the
//! optimizer takes to find that there is nothing to improve. So plans of exactly this shape, over our own files, are made without it.
//! All others go the usual way, as does everything that a policy or mask has added to.
//!
//! A prepared query of this shape is [kept](Kept): its values come with each execution, which then only finds the rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, TableScan, TableScanBuilder, lit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::catalog::data::DataFile;
use crate::catalog::finding;
use crate::catalog::published::PublishedTable;
use crate::catalog::tables::ManagedTable;
use crate::statement::{AuditReads, Read, StatementContext};

/// A plan of this shape.
struct Lookup<'a> {
    scan: &'a TableScan,
    /// For each column of the result, its place in the table.
    columns: Vec<usize>,
    conditions: Vec<Condition>,
}

/// A column, by its place in the table, that must have a value.
struct Condition {
    column: usize,
    given: Given,
    /// The type that the query casts the value to.
    cast: Option<DataType>,
}

enum Given {
    Value(ScalarValue),
    /// The value of a parameter, by its name without the `$`.
    Parameter(String),
}

impl Condition {
    /// The value as one of the column's type, if it is the same there.
    fn value<'a>(&'a self, to: &DataType, parameter: impl Fn(&str) -> Option<&'a ScalarValue>) -> Option<ScalarValue> {
        let value = match &self.given {
            Given::Value(value) => value,
            Given::Parameter(name) => parameter(name)?,
        };
        match &self.cast {
            Some(cast) => fitting(&fitting(value, cast)?, to),
            None => fitting(value, to),
        }
    }
}

/// The physical plan of a query of this shape; `None` for any other query.
///
/// # Errors
/// A file is damaged, or the read cannot be recorded.
pub async fn plan(query: &LogicalPlan, state: &SessionState) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(lookup) = Lookup::of(query).filter(|lookup| !lookup.conditions.is_empty()) else {
        return Ok(None);
    };
    let (read, scanned) = lookup.read()?;
    let Lookup { scan, columns, conditions } = lookup;
    let (table, schema) = (source_as_provider(&scan.source)?, scan.source.schema());
    let value = |condition: &Condition| {
        let value = condition.value(schema.field(condition.column).data_type(), |_| None)?;
        Some((condition.column, value))
    };
    let Some(conditions) = conditions.iter().map(value).collect::<Option<Vec<_>>>() else { return Ok(None) };
    if let Some(AuditReads(context)) = state.config_options().extensions.get::<AuditReads>() {
        context.audit_reads(&scanned).await?;
    }

    let name = |column: usize| schema.field(column).name();
    let equals =
        |(column, value): &(usize, ScalarValue)| Expr::Column(Column::new_unqualified(name(*column))).eq(lit(value.clone()));
    let filters: Vec<Expr> = conditions.iter().map(equals).collect();
    let rows = table.scan(state, Some(&read), &filters, None).await?;

    let place = |column: usize| read.binary_search(&column).unwrap_or_default();
    let own = |column: usize| Arc::new(expressions::Column::new(name(column), place(column))) as Arc<dyn PhysicalExpr>;
    let equals = |(column, value): (usize, ScalarValue)| -> Arc<dyn PhysicalExpr> {
        let value = Arc::new(expressions::Literal::new(value));
        Arc::new(expressions::BinaryExpr::new(own(column), Operator::Eq, value))
    };
    let both = |one, other| Arc::new(expressions::BinaryExpr::new(one, Operator::And, other)) as _;
    let Some(condition) = conditions.into_iter().map(equals).reduce(both) else { return Ok(None) };
    let found = Arc::new(FilterExec::try_new(condition, rows)?);
    // The scan skips row groups and pages without the value.
    let found = FilterPushdown::new().optimize(found, state.config_options())?;
    let named = columns.iter().zip(query.schema().fields()).map(|(column, field)| (own(*column), field.name().clone()));
    Ok(Some(Arc::new(ProjectionExec::try_new(named.collect::<Vec<_>>(), found)?)))
}

impl<'a> Lookup<'a> {
    /// The shape of a plan, from the table up.
    fn of(plan: &'a LogicalPlan) -> Option<Self> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let table = source_as_provider(&scan.source).ok()?;
                let is_own = table.downcast_ref::<ManagedTable>().is_some() || table.downcast_ref::<PublishedTable>().is_some();
                let columns = match &scan.projection {
                    Some(columns) => columns.clone(),
                    None => (0..scan.source.schema().fields().len()).collect(),
                };
                let is_whole = scan.filters.is_empty() && scan.fetch.is_none();
                (is_own && is_whole).then_some(Self { scan, columns, conditions: vec![] })
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::Filter(filter) => {
                let mut below = Self::of(&filter.input)?;
                for condition in split_conjunction(&filter.predicate) {
                    let (column, (given, cast)) = equality(condition)?;
                    let column = below.columns[filter.input.schema().maybe_index_of_column(column)?];
                    below.conditions.push(Condition { column, given, cast });
                }
                Some(below)
            }
            LogicalPlan::Projection(projection) => {
                let below = Self::of(&projection.input)?;
                let input = projection.input.schema();
                let place = |expression: &Expr| {
                    let column = input.maybe_index_of_column(plain(expression)?)?;
                    Some(below.columns[column])
                };
                let columns = projection.expr.iter().map(place).collect::<Option<Vec<_>>>()?;
                // A field that the projection says more about than the table does is left to the usual way.
                let (fields, own) = (projection.schema.fields(), below.scan.source.schema());
                let is_same = fields.iter().zip(&columns).all(|(field, place)| field.metadata() == own.field(*place).metadata());
                is_same.then_some(Self { columns, ..below })
            }
            _ => None,
        }
    }

    /// The columns of the table that are read, in ascending order, and the scan that reads only these, as after optimizing.
    fn read(&self) -> Result<(Vec<usize>, LogicalPlan)> {
        let tested = self.conditions.iter().map(|condition| condition.column);
        let read: BTreeSet<usize> = self.columns.iter().copied().chain(tested).collect();
        let read: Vec<usize> = read.into_iter().collect();
        let scanned = TableScanBuilder::from(self.scan.clone()).with_projection(Some(read.clone())).build()?;
        Ok((read, LogicalPlan::TableScan(scanned)))
    }
}

/// A prepared query of this shape. It holds for the state of the database and for the role and settings that it was planned with.
pub struct Kept {
    /// The files of the table.
    files: Vec<DataFile>,
    /// Their columns.
    stored: SchemaRef,
    /// The columns of the result.
    schema: SchemaRef,
    /// For each of them, its place in the files.
    columns: Vec<usize>,
    conditions: Vec<Condition>,
    /// What each execution records in the audit log.
    reads: Vec<Read>,
}

impl Kept {
    /// The query of this plan, whose parameters have no values yet; `None` for a plan of another shape.
    ///
    /// # Errors
    /// What it reads cannot be found out.
    pub async fn of(query: &LogicalPlan, context: &StatementContext) -> Result<Option<Self>> {
        let Some(lookup) = Lookup::of(query).filter(|lookup| !lookup.conditions.is_empty()) else { return Ok(None) };
        let table = source_as_provider(&lookup.scan.source)?;
        let pins = match (table.downcast_ref::<PublishedTable>(), table.downcast_ref::<ManagedTable>()) {
            (Some(table), _) => table.pins(),
            (None, Some(table)) => table.pins(),
            (None, None) => return Ok(None),
        };
        let stored = lookup.scan.source.schema();
        let names: BTreeSet<&String> = stored.fields().iter().map(|field| field.name()).collect();
        if names.len() < stored.fields().len() || pins.iter().any(|pin| pin.schema.fields() != stored.fields()) {
            return Ok(None);
        }
        let schema = Arc::clone(query.schema().inner());
        let of_types = schema.fields().iter().zip(&lookup.columns);
        let mut of_types = of_types.map(|(field, place)| field.data_type() == stored.field(*place).data_type());
        if !of_types.all(|is_same| is_same) {
            return Ok(None);
        }
        let reads = context.reads_of(&lookup.read()?.1).await?;
        let files = pins.iter().map(|pin| pin.file.clone()).collect();
        let Lookup { scan: _, columns, conditions } = lookup;
        Ok(Some(Self { files, stored, schema, columns, conditions, reads }))
    }

    /// True when a parameter, by its name without the `$`, is the value of a condition.
    pub fn takes(&self, parameter: &str) -> bool {
        let names = |condition: &Condition| matches!(&condition.given, Given::Parameter(name) if name == parameter);
        self.conditions.iter().any(names)
    }

    /// The columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows for these values of the parameters; `None` when they are better found the usual way.
    ///
    /// # Errors
    /// A file is damaged or gone, or the read cannot be recorded.
    pub fn find<'a>(
        &'a self,
        parameter: impl Fn(&str) -> Option<&'a ScalarValue>,
        context: &StatementContext,
    ) -> Result<Option<Vec<RecordBatch>>> {
        let value = |condition: &'a Condition| {
            let value = condition.value(self.stored.field(condition.column).data_type(), &parameter)?;
            Some((condition.column, value))
        };
        let Some(conditions) = self.conditions.iter().map(value).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let data = &context.catalog().data;
        let pins = self.files.iter().map(|file| data.pin(file)).collect::<Result<Vec<_>>>()?;
        let cache = context.session().runtime_env().cache_manager.get_file_metadata_cache();
        let found = finding::find(&pins, (&self.schema, &self.columns), &conditions, cache.as_ref())?;
        if found.is_some() && !self.reads.is_empty() {
            context.audit_read(self.reads.clone())?;
        }
        Ok(found)
    }
}

/// The column that an expression is, under whatever name.
fn plain(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain(&alias.expr),
        _ => None,
    }
}

/// A column, and what it must be equal to.
fn equality(condition: &Expr) -> Option<(&Column, (Given, Option<DataType>))> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), given) | (given, Expr::Column(column)) => Some((column, constant(given)?)),
        _ => None,
    }
}

/// A value or a parameter, and the type that it is cast to.
fn constant(given: &Expr) -> Option<(Given, Option<DataType>)> {
    match given {
        Expr::Literal(value, _) => Some((Given::Value(value.clone()), None)),
        Expr::Placeholder(parameter) => Some((Given::Parameter(parameter.id.trim_start_matches('$').into()), None)),
        Expr::Cast(cast) => match (constant(&cast.expr)?, cast.field.data_type()) {
            // As clients declare their parameters.
            ((given, None), to) if to.is_integer() || *to == DataType::Date32 => Some((given, Some(to.clone()))),
            _ => None,
        },
        _ => None,
    }
}

/// A value as one of the column's type, where it is the same value there: whole numbers, texts and dates.
fn fitting(value: &ScalarValue, to: &DataType) -> Option<ScalarValue> {
    let from = value.data_type();
    let is_comparable = from.is_integer() && to.is_integer()
        || from.is_string() && to.is_string()
        || matches!((&from, to), (DataType::Date32, DataType::Date32));
    if value.is_null() || !is_comparable {
        return None;
    }
    let fitting = value.cast_to(to).ok()?;
    (fitting.cast_to(&from).ok()? == *value).then_some(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_meaning_in_the_type_of_the_column() {
        let same = |value: ScalarValue, to: &DataType| fitting(&value, to);
        assert_eq!(same(ScalarValue::Int64(Some(7)), &DataType::Int32), Some(ScalarValue::Int32(Some(7))));
        assert_eq!(same(ScalarValue::Int64(Some(1 << 40)), &DataType::Int32), None);
        assert_eq!(same(ScalarValue::Int32(Some(-1)), &DataType::UInt64), None);
        assert_eq!(same(ScalarValue::from("a"), &DataType::Utf8View), Some(ScalarValue::Utf8View(Some("a".into()))));
        assert_eq!(same(ScalarValue::Int64(None), &DataType::Int64), None);
        assert_eq!(same(ScalarValue::from("7"), &DataType::Int64), None);
        assert_eq!(same(ScalarValue::Float64(Some(0.0)), &DataType::Float64), None);
        assert_eq!(same(ScalarValue::Date32(Some(3)), &DataType::Date32), Some(ScalarValue::Date32(Some(3))));
    }
}
