//! `RANGE BETWEEN … AND 3 PRECEDING` over unknown or infinite values, whatever the batches.
//!
//! The frame of a NULL has all rows that are NULL, and so has that of an infinite number. The engine takes a frame that ends before its row
//! to need no rows after it, and computed such a frame from the rows that had come so far. Here it is computed once all rows are there.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use crate::walk::Tree;

/// Runs after DataFusion has chosen how windows are computed.
#[derive(Debug)]
pub struct WholeFrames;

impl PhysicalOptimizerRule for WholeFrames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|node| {
            let Some(bounded) = node.downcast_ref::<BoundedWindowAggExec>() else { return Ok(Transformed::no(node)) };
            let input = bounded.input();
            let schema = input.schema();
            // The engine sorts the rows of all that end.
            if bounded.input_order_mode != InputOrderMode::Sorted
                || !bounded.window_expr().iter().any(|window| has_peers_after(window, &schema))
            {
                return Ok(Transformed::no(node));
            }
            let divides = !bounded.partition_keys().is_empty();
            Ok(Transformed::yes(Arc::new(WindowAggExec::try_new(bounded.window_expr().to_vec(), Arc::clone(input), divides)?)))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "whole_frames"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// True for a frame that ends before its row and may still contain rows after it.
fn has_peers_after(window: &Arc<dyn WindowExpr>, schema: &Schema) -> bool {
    let frame = window.get_window_frame();
    let WindowFrameBound::Preceding(distance) = &frame.end_bound else { return false };
    let is_zero = ScalarValue::new_zero(&distance.data_type()).is_ok_and(|zero| *distance == zero);
    let [order, ..] = window.order_by() else { return false };
    let is_nullable = order.expr.nullable(schema).unwrap_or(true);
    let is_float = order.expr.data_type(schema).is_ok_and(|data_type| data_type.is_floating());
    frame.units == WindowFrameUnits::Range && !is_zero && (is_nullable || is_float)
}
