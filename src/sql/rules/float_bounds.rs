//! Bounds of floats in Parquet files. They leave NaN out, but NaN is the greatest number in comparisons and orders here: a part of a file
//! whose greatest number is 3 may have a row with `x > 5`, and a file whose bounds are both 5 need not have 5 in every row.
//!
//! DataFusion takes the bounds for those of all rows. Here, no scan compares floats with them.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Result, Statistics};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::{case, lit};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use crate::walk::Tree;

/// Runs after all conditions have been pushed down, also those of joins and sorts.
#[derive(Debug)]
pub struct BoundsWithoutNan;

impl PhysicalOptimizerRule for BoundsWithoutNan {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let scan = plan.downcast_ref::<DataSourceExec>();
            let Some((config, source)) = scan.and_then(DataSourceExec::downcast_to_file_source::<ParquetSource>) else {
                return Ok(Transformed::no(plan));
            };
            let schema = config.file_source.table_schema().table_schema();
            if !schema.fields().iter().any(|field| field.data_type().is_floating()) {
                return Ok(Transformed::no(plan));
            }
            let mut config = config.clone();
            for group in &mut config.file_groups {
                for file in 0..group.len() {
                    if let Some(statistics) = &mut group[file].statistics {
                        forget_bounds(Arc::make_mut(statistics), schema);
                    }
                }
            }
            let predicate = match source.filter() {
                Some(predicate) => {
                    let conditions = split_conjunction(&predicate).into_iter().map(|condition| unbounded(condition, schema));
                    conjunction(conditions.collect::<Result<Vec<_>>>()?)
                }
                // Without a condition, the reader does not ask how values of a file are read, and NaN and zero would keep their sign.
                None => lit(true),
            };
            config.file_source = Arc::new(source.with_predicate(predicate));
            Ok(Transformed::yes(DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "bounds_without_nan"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn forget_bounds(statistics: &mut Statistics, schema: &Schema) {
    for (column, field) in statistics.column_statistics.iter_mut().zip(schema.fields()) {
        if field.data_type().is_floating() {
            (column.min_value, column.max_value) = (Precision::Absent, Precision::Absent);
        }
    }
}

/// A condition on floats in a form that holds for the same rows, but is not compared with bounds: CASE is not.
fn unbounded(condition: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let is_float = |name: &str| schema.field_with_name(name).is_ok_and(|field| field.data_type().is_floating());
    if !collect_columns(condition).iter().any(|column| is_float(column.name())) {
        return Ok(Arc::clone(condition));
    }
    case(None, vec![(Arc::clone(condition), lit(true))], None)
}
