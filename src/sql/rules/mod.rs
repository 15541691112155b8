//! Our rules for logical and physical plans. They cover cases in which DataFusion would return a wrong answer, fail, or not be
//! cancellable.

mod beside_decimals;
mod bits;
mod bounded;
mod days;
mod drawn;
mod excluded_rows;
pub mod failing;
mod filtered_arguments;
mod filtered_statistics;
mod float_bounds;
mod float_extremes;
mod frames;
pub mod group_keys;
mod grouping_sets;
pub mod json_operators;
mod kept_orders;
mod lateral_lists;
mod lazy;
mod lengths;
mod lossy_casts;
mod missing_sorts;
mod multisets;
mod nan_groups;
mod nans;
mod nested_order;
mod null_keys;
mod offsets;
mod operators;
mod outer_constants;
mod parts_of_bytes;
mod parts_of_texts;
mod parts_of_times;
mod predicates;
mod protecting;
mod ranges;
mod repeated_orders;
mod rounding;
mod rounds;
mod same_names;
mod single_rows;
mod subqueries;
mod texts_as_lists;
mod texts_as_values;
pub mod unions;
mod unnest_room;
mod untyped_nulls;
mod whole_frames;
mod whole_numbers;
mod whole_orders;
mod wide_constants;
mod window_texts;
mod yielding;
mod zeros;
pub mod zones;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::expr_rewriter::{NamePreserver, SavedName};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::{Analyzer, Optimizer, OptimizerRule};

use crate::adapter::once::ComputeOnce;
use crate::aggregation::{AggregateByGroups, ReasonsOfAggregations};
use crate::files::parquet::sink::ChecksumsOfPages;
use crate::walk::{PlanTree, Tree};

/// Adds the rules to a session that is being built.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let analyzer = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    analyzer.insert(0, Arc::new(zones::CompareTimes));
    analyzer.insert(0, Arc::new(beside_decimals::TypesBesideDecimals));
    analyzer.insert(0, Arc::new(subqueries::SubqueriesAnywhere));
    analyzer.insert(0, Arc::new(rounding::KnownPlaces));
    analyzer.insert(0, Arc::new(days::HoursOfDays));
    analyzer.insert(0, Arc::new(untyped_nulls::PartsOfNull));
    analyzer.insert(0, Arc::new(lateral_lists::ListsOfTheLeftSide));
    analyzer.insert(0, Arc::new(multisets::CountedRows));
    analyzer.insert(0, Arc::new(texts_as_lists::TextsAsLists));
    analyzer.push(Arc::new(operators::ExactOperators));
    analyzer.push(Arc::new(whole_numbers::NearestWholeNumbers));
    analyzer.push(Arc::new(float_extremes::ExtremesOfFloats));
    analyzer.push(Arc::new(zeros::OneZero));
    analyzer.push(Arc::new(nans::OneNanOfConstants));
    analyzer.push(Arc::new(lossy_casts::LossyCasts));
    analyzer.push(Arc::new(lazy::LazyConditions));
    analyzer.push(Arc::new(drawn::DrawnOnce));
    analyzer.push(Arc::new(nested_order::OrderOfNested));
    analyzer.push(Arc::new(repeated_orders::OrderedOnce));
    analyzer.push(Arc::new(filtered_arguments::FilterBeforeArguments));
    analyzer.push(Arc::new(grouping_sets::UnknownKeys));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(texts_as_values::TextsAsValues));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(parts_of_texts::PartsOfTexts));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(parts_of_times::PartsOfTimes));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(parts_of_bytes::PartsOfBytes));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::ScaledIntervals));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::UnknownTexts));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(zones::TimesInZones));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::LongChains));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::PlacesOfDecimals));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::NumbersBesideDecimals));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(operators::ExactConstants));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(bits::BitsOfIntegers));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(untyped_nulls::BytesBesideNull));
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(json_operators::JsonOperators));
    let optimizer = &mut builder.optimizer().get_or_insert_with(Optimizer::new).rules;
    let sinking = predicates::SinkPredicates::default();
    if let Some(engines) = optimizer.iter_mut().find(|rule| rule.name() == sinking.name()) {
        *engines = Arc::new(sinking);
    }
    let keys = null_keys::KeysOfOneKind::default();
    if let Some(engines) = optimizer.iter_mut().find(|rule| rule.name() == keys.name()) {
        *engines = Arc::new(keys);
    }
    let distinct = group_keys::DistinctRows::default();
    if let Some(engines) = optimizer.iter_mut().find(|rule| rule.name() == distinct.name()) {
        *engines = Arc::new(distinct);
    }
    for asking in group_keys::ASKING {
        if let Some(place) = optimizer.iter().position(|rule| rule.name() == asking) {
            optimizer.insert(place, Arc::new(group_keys::KeysOfGroups));
        }
    }
    optimizer.push(Arc::new(nans::OneNan));
    optimizer.push(Arc::new(failing::KeptValues));
    optimizer.push(Arc::new(ranges::RangesOfSortKeys));
    let bounded = bounded::CallBounded::of(builder.scalar_functions().get_or_insert_default());
    let analyzer = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    analyzer.push(Arc::new(bounded));
    // The functions that it brings in hold others, which no further rule looks into.
    analyzer.push(Arc::new(excluded_rows::ExcludedRows));
    let mut physical = builder.physical_optimizers().take().unwrap_or_default();
    filtered_statistics::guard(&mut physical.rules);
    // After all sorts are placed, and before their filters are pushed down.
    let pushed = physical.rules.iter().rposition(|rule| rule.name().starts_with("FilterPushdown"));
    let pushed = pushed.unwrap_or(physical.rules.len());
    physical.rules.insert(pushed, Arc::new(kept_orders::KeptOrders));
    physical.rules.insert(pushed, Arc::new(whole_orders::WholeOrders));
    physical.rules.insert(pushed, Arc::new(missing_sorts::MissingSorts));
    // Before partitions are distributed for the nodes that read them.
    let divided = physical.rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap_or(0);
    physical.rules.insert(divided, Arc::new(AggregateByGroups));
    physical.rules.insert(divided, Arc::new(single_rows::SingleRowsFirst));
    if let Some(first) = physical.rules.iter().position(|rule| rule.name() == nan_groups::AFTER) {
        physical.rules.insert(first + 1, Arc::new(nan_groups::WholeFloatGroups));
    }
    physical.rules.insert(0, Arc::new(outer_constants::UnknownConstants));
    physical.rules.insert(0, Arc::new(offsets::OrderOfOffsets));
    *builder.physical_optimizers() = Some(same_names::guard(physical));
    builder
        .with_physical_optimizer_rule(Arc::new(float_bounds::BoundsWithoutNan))
        .with_physical_optimizer_rule(Arc::new(protecting::ProtectingConditions))
        .with_physical_optimizer_rule(Arc::new(whole_frames::WholeFrames))
        .with_physical_optimizer_rule(Arc::new(window_texts::TextsOfWindows))
        .with_physical_optimizer_rule(Arc::new(unnest_room::TakeUnnestRoom))
        .with_physical_optimizer_rule(Arc::new(yielding::YieldAfterJoins))
        .with_physical_optimizer_rule(Arc::new(rounds::CountedRounds))
        .with_physical_optimizer_rule(Arc::new(wide_constants::NarrowBatches))
        .with_physical_optimizer_rule(Arc::new(ReasonsOfAggregations))
        .with_physical_optimizer_rule(Arc::new(ChecksumsOfPages))
        .with_physical_optimizer_rule(Arc::new(ComputeOnce))
}

/// Rewrites every part of every expression of a plan, innermost first.
pub fn each_expression(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    plan.changed_up_with_subqueries(|plan| {
        if plan.each_expression(|_| Ok(TreeNodeRecursion::Stop))? != TreeNodeRecursion::Stop {
            return Ok(Transformed::no(plan));
        }
        let schema = input_schema(&plan)?;
        keeping_names(plan, |expression| expression.changed_up(|part| rewrite(part, &schema)))
    })
}

/// True for comparison operators such as `=` and `<`.
fn compares(operator: Operator) -> bool {
    operator.supports_propagation() || matches!(operator, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

/// The columns that the expressions of a node read.
fn input_schema(plan: &LogicalPlan) -> Result<DFSchemaRef> {
    let inputs = plan.inputs();
    if let [only] = inputs.as_slice() {
        return Ok(Arc::clone(only.schema()));
    }
    let mut schema = merge_schema(&inputs);
    if let LogicalPlan::TableScan(scan) = plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    Ok(Arc::new(schema))
}

/// Gives an expression the name that it had before it was rewritten.
fn renamed(rewritten: Transformed<Expr>, name: impl FnOnce() -> SavedName) -> Transformed<Expr> {
    if rewritten.transformed { rewritten.update_data(|expression| name().restore(expression)) } else { rewritten }
}

/// Rewrites the expressions of a node and keeps the names of its columns.
fn keeping_names(plan: LogicalPlan, rewrite: impl Fn(Expr) -> Result<Transformed<Expr>>) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    let named = |expression: Expr| -> Result<Transformed<Expr>> {
        match expression {
            // Cheaper to copy than its name is to write, and most stay as they are.
            short @ (Expr::Column(_) | Expr::Literal(..)) => {
                let before = short.clone();
                Ok(renamed(rewrite(short)?, || names.save(&before)))
            }
            long => {
                let name = names.save(&long);
                Ok(renamed(rewrite(long)?, || name))
            }
        }
    };
    let rewritten = plan.changed_expressions(|expression| match expression {
        // Grouping sets have no name, and their keys name the columns.
        sets @ Expr::GroupingSet(_) => sets.changed_children(named),
        other => named(other),
    })?;
    // The types of the columns may have changed.
    if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
}
