//! Compares intervals by their length wherever SQL compares: in conditions, joins, GROUP BY, ORDER BY, and for min and max.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::expr::{
    AggregateFunction, Between, Case, InList, InSubquery, ScalarFunction, Sort, WindowFunction,
};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, GroupingSet, LogicalPlan, LogicalPlanBuilder, Projection, Subquery,
    Window, lit, when,
};

use super::{compares, input_schema, keeping_names};
use crate::builtins::packed_spans::{packed, unpacked};
use crate::builtins::span_lists::{self, distinct_values};
use crate::builtins::spans::{decoded, encoded, has_spans, length_of};
use crate::walk::{PlanTree, Tree};

/// Replaces intervals that are compared by their lengths.
pub fn compare_by_length(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.changed_up_with_subqueries(|plan| {
        let plan = match plan {
            LogicalPlan::Distinct(Distinct::All(input)) if has_intervals(input.schema()) => {
                let all =
                    input.schema().iter().map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field)))).collect();
                LogicalPlan::Aggregate(Aggregate::try_new(input, all, vec![])?)
            }
            other => other,
        };
        match plan {
            LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate),
            LogicalPlan::Window(window) => of_window(window),
            LogicalPlan::Sort(mut sort) => {
                let schema = sort.input.schema().clone();
                let mut changed = false;
                for key in &mut sort.expr {
                    changed |= by_length(&mut key.expr, &schema)?;
                    let compared = key.expr.clone().changed_up(|part| compared(part, &schema))?;
                    changed |= compared.transformed;
                    key.expr = compared.data;
                }
                let sort = LogicalPlan::Sort(sort);
                Ok(if changed { Transformed::yes(sort) } else { Transformed::no(sort) })
            }
            LogicalPlan::Distinct(Distinct::On(mut distinct)) => {
                let schema = distinct.input.schema().clone();
                let mut changed = false;
                for key in &mut distinct.on_expr {
                    changed |= by_length(key, &schema)?;
                }
                if let Some(sorts) = &mut distinct.sort_expr {
                    changed |= by_lengths(sorts, &schema)?;
                }
                let rest = of_expressions(LogicalPlan::Distinct(Distinct::On(distinct)))?;
                Ok(Transformed { transformed: changed || rest.transformed, ..rest })
            }
            LogicalPlan::Join(mut join) => {
                let mut changed = false;
                for (left, right) in &mut join.on {
                    changed |= by_length(left, join.left.schema())?;
                    changed |= by_length(right, join.right.schema())?;
                }
                let rest = of_expressions(LogicalPlan::Join(join))?;
                Ok(Transformed { transformed: changed || rest.transformed, ..rest })
            }
            other => of_expressions(other),
        }
    })?;
    if !rewritten.transformed {
        return Ok(rewritten.data);
    }
    // A decoded interval may be nullable where the original was not, so the nodes above need their schemas recomputed.
    rewritten.data.changed_up_with_subqueries(|plan| Ok(Transformed::yes(plan.recompute_schema()?))).data()
}

fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_))
}

fn has_intervals(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|field| has_spans(field.data_type()))
}

/// A value of this type, which has intervals, as one that sorts by their lengths and from which [`restored`] has the value back.
fn code_of(value: Expr, data_type: &DataType) -> Expr {
    if is_interval(data_type) { encoded(value) } else { packed(value) }
}

fn restored(code: Expr, data_type: &DataType) -> Result<Expr> {
    if is_interval(data_type) { Ok(decoded(code)) } else { unpacked(code, data_type) }
}

/// Replaces an interval, and each in a list or a struct, by its length; returns whether there was one.
fn by_length(expression: &mut Expr, schema: &DFSchema) -> Result<bool> {
    if !has_spans(&expression.get_type(schema)?) {
        return Ok(false);
    }
    *expression = length_of(std::mem::take(expression));
    Ok(true)
}

fn of_expressions(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = input_schema(&plan)?;
    keeping_names(plan, |expression| expression.changed_up(|part| compared(part, &schema)))
}

/// Replaces a comparison of intervals by one of their lengths.
fn compared(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let has_span = |part: &Expr| part.get_type(schema).is_ok_and(|data_type| has_spans(&data_type));
    let are_spans = |left: &Expr, right: &Expr| match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => is_interval(&left) || is_interval(&right) || has_spans(&left) && has_spans(&right),
        _ => false,
    };
    let length = |part: Box<Expr>| Box::new(length_of(*part));
    Ok(match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) && are_spans(&left, &right) => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: length(left), op, right: length(right) }))
        }
        Expr::Between(Between { expr, negated, low, high }) if has_span(&expr) => {
            Transformed::yes(Expr::Between(Between { expr: length(expr), negated, low: length(low), high: length(high) }))
        }
        Expr::InList(InList { expr, list, negated }) if has_span(&expr) => {
            let list = list.into_iter().map(length_of).collect();
            Transformed::yes(Expr::InList(InList { expr: length(expr), list, negated }))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) if has_span(&expr) => {
            let Subquery { subquery, outer_ref_columns, spans } = subquery;
            let value = Expr::Column(Column::from(subquery.schema().qualified_field(0)));
            let lengths = LogicalPlanBuilder::from(subquery.as_ref().clone()).project([length_of(value)])?.build()?;
            let subquery = Subquery { subquery: lengths.into(), outer_ref_columns, spans };
            Transformed::yes(Expr::InSubquery(InSubquery { expr: length(expr), subquery, negated }))
        }
        Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) if has_span(&base) => {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (length(when), then)).collect();
            Transformed::yes(Expr::Case(Case { expr: Some(length(base)), when_then_expr, else_expr }))
        }
        // The name is checked first because it is cheap: the type of a call needs the types of everything below it.
        Expr::ScalarFunction(mut call)
            if ["nullif", "greatest", "least"].contains(&call.name()) && call.args.first().is_some_and(has_span) =>
        {
            match (call.name(), call.args.as_slice()) {
                ("nullif", [left, right]) if are_spans(left, right) => {
                    let equal = length_of(left.clone()).eq(length_of(right.clone()));
                    Transformed::yes(when(equal.is_not_true(), left.clone()).end()?)
                }
                ("greatest" | "least", [first, others @ ..]) => {
                    let of = first.get_type(schema)?;
                    let is_other = |other: &Expr| other.get_type(schema).is_ok_and(|other| other != of);
                    if others.iter().any(is_other) {
                        return Ok(Transformed::no(Expr::ScalarFunction(call)));
                    }
                    call.args = call.args.into_iter().map(|argument| code_of(argument, &of)).collect();
                    Transformed::yes(restored(Expr::ScalarFunction(call), &of)?)
                }
                _ => Transformed::no(Expr::ScalarFunction(call)),
            }
        }
        Expr::ScalarFunction(call) if OF_LISTS.contains(&call.name()) && call.args.first().is_some_and(has_span) => {
            of_list(call, schema)
        }
        Expr::ScalarFunction(call) if span_lists::REPLACED.contains(&call.name()) && call.args.first().is_some_and(has_span) => {
            chosen(call, schema)
        }
        other => Transformed::no(other),
    })
}

/// Functions that compare the values of a list.
const OF_LISTS: [&str; 8] =
    ["array_has", "array_has_all", "array_has_any", "array_position", "array_positions", "array_sort", "array_min", "array_max"];

/// A function of a list that compares its values by their lengths.
fn of_list(mut call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let has_span = |part: &Expr| part.get_type(schema).is_ok_and(|data_type| has_spans(&data_type));
    if ["array_sort", "array_min", "array_max"].contains(&call.name()) {
        let Some(list) = call.args.first_mut() else { return Transformed::no(Expr::ScalarFunction(call)) };
        // Only intervals themselves can be read from their codes.
        if !list.get_type(schema).is_ok_and(|list| matches!(list, DataType::List(item) if is_interval(item.data_type()))) {
            return Transformed::no(Expr::ScalarFunction(call));
        }
        *list = encoded(std::mem::take(list));
        return Transformed::yes(decoded(Expr::ScalarFunction(call)));
    }
    if !call.args.get(1).is_some_and(has_span) {
        return Transformed::no(Expr::ScalarFunction(call));
    }
    for side in call.args.iter_mut().take(2) {
        *side = length_of(std::mem::take(side));
    }
    Transformed::yes(Expr::ScalarFunction(call))
}

/// A function that chooses values of a list, with values that are compared by their lengths.
fn chosen(call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let is_of_spans = |part: &Expr| match part.get_type(schema) {
        Ok(DataType::List(item)) => has_spans(item.data_type()),
        Ok(other) => other.is_integer() || has_spans(&other),
        Err(_) => false,
    };
    let is_list = call.args.first().is_some_and(|list| matches!(list.get_type(schema), Ok(DataType::List(_))));
    let ours = is_list && call.args.iter().all(is_of_spans);
    match ours.then(|| span_lists::call(call.name(), call.args.clone())).flatten() {
        Some(ours) => Transformed::yes(ours),
        None => Transformed::no(Expr::ScalarFunction(call)),
    }
}

/// What was changed in an aggregate or window function.
enum Found {
    /// Nothing.
    Nothing,
    /// It now reads lengths, and its result needs no decoding.
    Changed,
    /// It now returns the code of a value of this type, which must be restored.
    Encoded(DataType),
    /// It returns a list, in which intervals of one length are still to become one.
    Listed,
}

impl Found {
    /// What its result becomes above it.
    fn shown(self) -> Option<Decoder> {
        match self {
            Self::Nothing | Self::Changed => None,
            Self::Encoded(of) => Some(Decoder::Restored(of)),
            Self::Listed => Some(Decoder::Distinct),
        }
    }

    fn is_changed(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Replaces the argument of an aggregate or window function by its length or code where needed.
fn of_arguments(name: &str, distinct: bool, arguments: &mut [Expr], schema: &DFSchema) -> Result<Found> {
    let [argument] = arguments else { return Ok(Found::Nothing) };
    let data_type = argument.get_type(schema)?;
    if !has_spans(&data_type) {
        return Ok(Found::Nothing);
    }
    match name {
        "min" | "max" => {
            *argument = code_of(std::mem::take(argument), &data_type);
            Ok(Found::Encoded(data_type))
        }
        "count" if distinct => {
            *argument = length_of(std::mem::take(argument));
            Ok(Found::Changed)
        }
        "approx_distinct" if is_interval(&data_type) => {
            *argument = length_of(std::mem::take(argument));
            Ok(Found::Changed)
        }
        "array_agg" if distinct => Ok(Found::Listed),
        _ => Ok(Found::Nothing),
    }
}

/// Replaces the argument of `array_agg(DISTINCT i ORDER BY i)` and its order, which are to be the same, by codes, if it is an interval.
fn encoded_list(arguments: &mut [Expr], orders: &mut [Sort], schema: &DFSchema) -> Result<bool> {
    let [argument] = arguments else { return Ok(false) };
    if !is_interval(&argument.get_type(schema)?) {
        return Ok(false);
    }
    for order in orders.iter_mut().filter(|order| order.expr == *argument) {
        order.expr = encoded(std::mem::take(&mut order.expr));
    }
    *argument = encoded(std::mem::take(argument));
    Ok(true)
}

fn by_lengths(orders: &mut [Sort], schema: &DFSchema) -> Result<bool> {
    let mut changed = false;
    for order in orders {
        changed |= by_length(&mut order.expr, schema)?;
    }
    Ok(changed)
}

/// The expression below its alias.
fn unaliased(expression: &mut Expr) -> &mut Expr {
    match expression {
        Expr::Alias(alias) => unaliased(&mut alias.expr),
        other => other,
    }
}

/// What makes values of codes again.
#[derive(Clone)]
enum Decoder {
    /// Values of this type.
    Restored(DataType),
    /// A list in which each length stands once.
    Distinct,
    /// The same, of the codes of intervals.
    DistinctCodes,
}

impl Decoder {
    fn of(&self, value: Expr) -> Result<Expr> {
        Ok(match self {
            Self::Restored(data_type) => restored(value, data_type)?,
            Self::Distinct => distinct_values(value),
            Self::DistinctCodes => distinct_values(decoded(value)),
        })
    }
}

/// Groups by the length of intervals, and of those in lists. For each group, the smallest code is shown.
fn of_aggregate(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema().clone();
    let Transformed { data: plan, transformed, .. } = of_expressions(LogicalPlan::Aggregate(aggregate))?;
    let LogicalPlan::Aggregate(mut aggregate) = plan else { return Ok(Transformed::no(plan)) };
    let shown = aggregate.schema.clone();
    let mut decode: Vec<Option<Decoder>> = vec![None; shown.fields().len()];
    let first = shown.fields().len() - aggregate.aggr_expr.len();
    let mut changed = false;
    for (place, function) in aggregate.aggr_expr.iter_mut().enumerate() {
        if let Expr::AggregateFunction(AggregateFunction { func, params }) = unaliased(function) {
            if func.name() == "array_agg" && params.distinct && encoded_list(&mut params.args, &mut params.order_by, &schema)? {
                changed = true;
                decode[first + place] = Some(Decoder::DistinctCodes);
                continue;
            }
            changed |= by_lengths(&mut params.order_by, &schema)?;
            let found = of_arguments(func.name(), params.distinct, &mut params.args, &schema)?;
            changed |= found.is_changed();
            decode[first + place] = found.shown();
        }
    }
    let mut groups = vec![];
    for set in &mut aggregate.group_expr {
        let keys: Vec<&mut Expr> = match set {
            Expr::GroupingSet(GroupingSet::Rollup(keys) | GroupingSet::Cube(keys)) => keys.iter_mut().collect(),
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => sets.iter_mut().flatten().collect(),
            key => vec![key],
        };
        for key in keys {
            let value = unaliased(key).clone();
            if by_length(unaliased(key), &schema)? {
                groups.push(value);
            }
        }
    }
    if !changed && groups.is_empty() {
        let plan = LogicalPlan::Aggregate(aggregate);
        return Ok(if transformed { Transformed::yes(plan) } else { Transformed::no(plan) });
    }
    // The positions of interval keys among the group columns. Group columns are in the order of the keys, without duplicates.
    let keys: Vec<usize> = (0..first).filter(|place| has_spans(shown.field(*place).data_type())).collect();
    let mut aggregates = aggregate.aggr_expr;
    let mut distinct: Vec<Expr> = vec![];
    groups.into_iter().for_each(|group| {
        if !distinct.contains(&group) {
            distinct.push(group)
        }
    });
    let shown_by = aggregates.len();
    for group in distinct {
        let of = group.get_type(&schema)?;
        aggregates.push(min(code_of(group, &of)));
    }
    let rewritten = Aggregate::try_new(aggregate.input, aggregate.group_expr, aggregates)?;
    let own = rewritten.schema.clone();
    let column = |place: usize| Expr::Column(Column::from(own.qualified_field(place)));
    let mut columns = Vec::with_capacity(decode.len());
    for (place, (qualifier, field)) in shown.iter().enumerate() {
        let value = if let Some(key) = keys.iter().position(|key| *key == place) {
            let code = column(first + shown_by + key);
            match field.is_nullable() {
                // NULL where the key is rolled up.
                true => when(column(place).is_not_null(), restored(code, field.data_type())?).end()?,
                // `min` of values that are never NULL is never NULL, but the engine does not know that; coalesce makes it non-nullable.
                false => {
                    let least = ScalarValue::new_default(&code.get_type(&own)?)?;
                    restored(coalesce(vec![code, lit(least)]), field.data_type())?
                }
            }
        } else {
            match &decode[place] {
                Some(decode) => decode.of(column(place))?,
                None => column(place),
            }
        };
        columns.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    let plan = LogicalPlan::Aggregate(rewritten);
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, plan.into())?)))
}

fn of_window(window: Window) -> Result<Transformed<LogicalPlan>> {
    let schema = window.input.schema().clone();
    let Transformed { data: plan, transformed, .. } = of_expressions(LogicalPlan::Window(window))?;
    let LogicalPlan::Window(mut window) = plan else { return Ok(Transformed::no(plan)) };
    let shown = window.schema.clone();
    let first = schema.fields().len();
    let mut decode: Vec<Option<Decoder>> = vec![None; shown.fields().len()];
    let mut changed = false;
    for (place, function) in window.window_expr.iter_mut().enumerate() {
        if let Expr::WindowFunction(function) = unaliased(function) {
            let WindowFunction { fun, params } = function.as_mut();
            for key in &mut params.partition_by {
                changed |= by_length(key, &schema)?;
            }
            changed |= by_lengths(&mut params.order_by, &schema)?;
            let found = of_arguments(fun.name(), params.distinct, &mut params.args, &schema)?;
            changed |= found.is_changed();
            decode[first + place] = found.shown();
        }
    }
    if !changed {
        let plan = LogicalPlan::Window(window);
        return Ok(if transformed { Transformed::yes(plan) } else { Transformed::no(plan) });
    }
    let rewritten = Window::try_new(window.window_expr, window.input)?;
    let own = rewritten.schema.clone();
    let columns = shown.iter().enumerate().map(|(place, (qualifier, field))| {
        let value = Expr::Column(Column::from(own.qualified_field(place)));
        let value = match &decode[place] {
            Some(decode) => decode.of(value)?,
            None => value,
        };
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let columns = columns.collect::<Result<_>>()?;
    let plan = LogicalPlan::Window(rewritten);
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, plan.into())?)))
}
