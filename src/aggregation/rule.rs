//! The optimizer rule that selects aggregations for this module.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, AggregateMode, AggregateOutputMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode, Statistics};
use datafusion::scalar::ScalarValue;

use super::exec::{GroupedAggregateExec, Work};
use super::inputs::Inputs;
use super::partial::measured;
use crate::adapter::aggregate::is_ours;
use crate::adapter::passing::{Passing, PassingExec};
use crate::kernels::grouping::{Range, takes, takes_range};
use crate::settings::PortraitSettings;
use crate::walk::Tree;

/// Replaces DataFusion's aggregations by [`GroupedAggregateExec`] where it can do them.
///
/// It must run before the rules that repartition for parent nodes, because the output of the new node has no known partitioning.
#[derive(Debug)]
pub struct AggregateByGroups;

impl PhysicalOptimizerRule for AggregateByGroups {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !PortraitSettings::of(options).grouped_aggregation {
            return Ok(plan);
        }
        plan.changed_up(|plan| {
            let grouped = plan.downcast_ref::<AggregateExec>().map(grouped).transpose()?.flatten();
            Ok(grouped.map_or_else(|| Transformed::no(plan), |grouped| Transformed::yes(Arc::new(grouped) as _)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "aggregate_by_groups"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The replacement for an aggregation, if there is one; `last` is the node that returns the results.
fn grouped(last: &AggregateExec) -> Result<Option<GroupedAggregateExec>> {
    if last.mode().output_mode() != AggregateOutputMode::Final {
        return Ok(None);
    }
    let first = match last.mode().input_mode() {
        AggregateInputMode::Raw => last,
        AggregateInputMode::Partial => match last.input().downcast_ref::<AggregateExec>() {
            Some(partial) if *partial.mode() == AggregateMode::Partial => partial,
            _ => return Ok(None),
        },
    };
    if obstacle(last, first)?.is_some() {
        return Ok(None);
    }
    let input = Arc::clone(first.input());
    let keys: Vec<Arc<dyn PhysicalExpr>> = first.group_expr().expr().iter().map(|(key, _)| Arc::clone(key)).collect();
    let schema = input.schema();
    let types = key_types(first)?;
    // Without statistics there is no range; the keys then go into a hash table.
    let statistics = StatisticsContext::new().compute(input.as_ref(), &StatisticsArgs::new()).ok();
    let ranges = keys.iter().zip(&types).map(|(key, data_type)| match takes_range(data_type) {
        true => range_of(key, statistics.as_deref()).map_or_else(|reason| (None, Some(reason)), |range| (Some(range), None)),
        false => (None, None),
    });
    let (ranges, without_array): (Vec<Option<Range>>, Vec<Option<String>>) = ranges.unzip();
    let measured = first.aggr_expr().iter().map(|aggregate| measured(aggregate, &schema)).collect::<Result<Vec<_>>>()?;
    let mut inputs = Inputs::default();
    let arguments =
        first.aggr_expr().iter().map(|aggregate| aggregate.expressions().iter().map(|each| inputs.place(each)).collect());
    let arguments = arguments.collect();
    let filters = first.filter_expr().iter().map(|filter| filter.as_ref().map(|filter| inputs.place(filter))).collect();
    let work = Work {
        keys,
        key_types: types.into_iter().zip(ranges).collect(),
        without_array,
        aggregates: first.aggr_expr().to_vec(),
        measured,
        inputs,
        arguments,
        filters,
        schema: last.schema(),
    };
    Ok(Some(GroupedAggregateExec::new(work, input)))
}

fn key_types(first: &AggregateExec) -> Result<Vec<DataType>> {
    let schema = first.input().schema();
    first.group_expr().expr().iter().map(|(key, _)| key.data_type(&schema)).collect()
}

/// Why [`GroupedAggregateExec`] cannot do an aggregation, as EXPLAIN says it; `first` is the node that reads the rows.
fn obstacle(last: &AggregateExec, first: &AggregateExec) -> Result<Option<String>> {
    let group = first.group_expr();
    let text = match group.expr().len() {
        0 => "no keys".into(),
        _ if !group.is_single() => "several sets of keys".into(),
        keys if keys > 2 => format!("{keys} keys"),
        _ if first.limit_options().is_some() || last.limit_options().is_some() => "a limit of groups".into(),
        _ if *first.input_order_mode() != InputOrderMode::Linear => "the rows are sorted by a key".into(),
        _ if first.input().properties().boundedness.is_unbounded() => "the rows have no end".into(),
        _ => {
            let types = key_types(first)?;
            match types.iter().find(|data_type| !takes(data_type)) {
                Some(data_type) => format!("a key of type {data_type}"),
                None if group.expr().iter().any(|(key, _)| is_volatile(key)) => "a key that differs between calls".into(),
                None => return Ok(first.aggr_expr().iter().find_map(|aggregate| obstacle_of(aggregate))),
            }
        }
    };
    Ok(Some(text))
}

/// The same for an aggregate: it must be ours, or have a state of a fixed size per group, whatever the rows.
fn obstacle_of(aggregate: &AggregateFunctionExpr) -> Option<String> {
    const FIXED: [&str; 12] = [
        "count",
        "sum",
        "min",
        "max",
        "avg",
        "bool_and",
        "bool_or",
        "bit_and",
        "bit_or",
        "bit_xor",
        "rfm_measures",
        "rfm_measures_of_orders",
    ];
    let name = aggregate.fun().name();
    if aggregate.is_distinct() {
        Some(format!("{name} of distinct values"))
    } else if !aggregate.order_bys().is_empty() || aggregate.order_sensitivity() != AggregateOrderSensitivity::Insensitive {
        Some(format!("{name} follows the order of rows"))
    } else if !FIXED.contains(&name) && !is_ours(aggregate.fun()) {
        Some(format!("{name} is not among the aggregates for it"))
    } else if !aggregate.groups_accumulator_supported() {
        Some(format!("{name} takes one group at a time"))
    } else {
        None
    }
}

/// Puts a node above each GROUP BY that is left to DataFusion, so that EXPLAIN says why. It must run when plans change no more.
#[derive(Debug)]
pub struct ReasonsOfAggregations;

impl PhysicalOptimizerRule for ReasonsOfAggregations {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let is_on = PortraitSettings::of(options).grouped_aggregation;
        plan.changed_up(|plan| {
            let Some(last) = plan.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(plan)) };
            if last.mode().output_mode() != AggregateOutputMode::Final || last.group_expr().expr().is_empty() {
                return Ok(Transformed::no(plan));
            }
            let reason = match reading(last) {
                _ if !is_on => Some("portrait.grouped_aggregation is off".into()),
                Some(first) => obstacle(last, first)?,
                None => None,
            };
            Ok(match reason {
                Some(reason) => Transformed::yes(PassingExec::over(plan, LeftToEngine { reason })),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "reasons_of_aggregations"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The node of an aggregation that reads the rows; between the two, rows are only distributed.
fn reading(last: &AggregateExec) -> Option<&AggregateExec> {
    if last.mode().input_mode() == AggregateInputMode::Raw {
        return Some(last);
    }
    let mut below = last.input();
    loop {
        if let Some(first) = below.downcast_ref::<AggregateExec>() {
            return Some(first);
        }
        below = match below.children().as_slice() {
            [only] => *only,
            _ => return None,
        };
    }
}

#[derive(Debug)]
struct LeftToEngine {
    reason: String,
}

impl Passing for LeftToEngine {
    fn name(&self) -> &'static str {
        "NotGroupedAggregate"
    }

    fn describe(&self) -> String {
        format!("{}: reason=[{}]", self.name(), self.reason)
    }
}

/// The range of an integer key, if statistics know it and an array over it is not too large for the number of rows; otherwise the reason.
fn range_of(key: &Arc<dyn PhysicalExpr>, statistics: Option<&Statistics>) -> Result<Range, String> {
    /// The slots that are allowed for any input: 256 kB.
    const ALWAYS: u64 = 1 << 16;
    /// The most slots: 512 MB.
    const MOST: u64 = 1 << 27;
    let known = || {
        let column = statistics?.column_statistics.get(key.downcast_ref::<Column>()?.index())?;
        let rows = statistics?.num_rows.get_value().copied().unwrap_or(0) as u64;
        Some((integer(&column.min_value)?, integer(&column.max_value)?, rows))
    };
    let (least, greatest, rows) = known().ok_or("its range is unknown")?;
    let slots = greatest.checked_sub(least).and_then(|slots| slots.checked_add(1)).and_then(|slots| u64::try_from(slots).ok());
    match slots {
        Some(slots) if slots <= ALWAYS.max(rows.saturating_mul(4)).min(MOST) => Ok(Range { least, greatest }),
        _ => Err(format!("{least}..={greatest} is too wide for {rows} rows")),
    }
}

fn integer(value: &Precision<ScalarValue>) -> Option<i64> {
    use ScalarValue::{Date32, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    match value.get_value()? {
        Int8(value) => value.map(i64::from),
        Int16(value) => value.map(i64::from),
        Int32(value) | Date32(value) => value.map(i64::from),
        Int64(value) => *value,
        UInt8(value) => value.map(i64::from),
        UInt16(value) => value.map(i64::from),
        UInt32(value) => value.map(i64::from),
        UInt64(value) => value.and_then(|value| i64::try_from(value).ok()),
        _ => None,
    }
}
