//! Computes tags over the same source together.
//!
//! Each tag is a query of its own, and a profile has dozens over the same few tables: running them one by one would cost one scan and one
//! aggregation per tag. So the queries are decomposed ([`super::decompose`]), and those with equal sources and keys share one scan and one
//! aggregation:
//!
//! ```text
//! SELECT customer_id, CASE WHEN sum(amount) > 500 … FROM orders GROUP BY customer_id      Projection: key, tag a, tag b
//! SELECT customer_id, count(*) FROM orders WHERE status = 'paid' GROUP BY customer_id  ⇒    Aggregate: customer_id, [sum(amount),
//!                                                                                             count(*) FILTER (WHERE status = 'paid')]
//!                                                                                             orders
//! ```
//!
//! **Which queries can share**: their sources are equal (equal plans, so the same snapshot of the same table), and either both aggregate by
//! the same expression, or neither aggregates and their keys are equal. Queries without an aggregation are reduced to one row per key by an
//! aggregation added here: either min and max, which detects a customer with two values, or a list of all distinct values. These two kinds
//! are never mixed in one group.
//!
//! **What becomes of conditions**: those that all members have stay below the aggregation, where they reach the scan. Any other condition
//! applies to one member only, and becomes a FILTER on the aggregate calls of that member. A group may then have no row of the member, so
//! its values are NULL unless at least one row met the condition. In a query without an aggregation, the condition becomes a CASE around
//! the value.
//!
//! **What must not be moved**: a WHERE protects the expressions above it: after `WHERE visits <> 0`, `amount / visits` cannot fail. A FILTER
//! does not protect them, as arguments are computed for all rows. So expressions that can fail are guarded ([`super::guard`]). Volatile
//! expressions (such as `random()`) and subqueries are not moved; they stay part of the source.
//!
//! **The profile's own query** decides who is in the profile, so a tag may share its rows only when the tag has every condition of the
//! profile: then no row that the tag needs is filtered out. The profile's HAVING remains a filter on rows.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::expr_fn::{array_agg, count, max, min};
use datafusion::functions_nested::expr_fn::{array_sort, make_array};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::utils::COUNT_STAR_EXPANSION;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit, try_cast, when,
};

use super::columns::{KEY, column, second};
use super::decompose::{QueryParts, decompose, substitute};
use super::guard::{all_of, can_fail, guarded, only_when};

/// A query that gives a key and values, to be combined with others.
#[derive(Debug, Clone)]
pub struct KeyedQuery {
    pub plan: LogicalPlan,
    /// The names of its values, in the order of the plan's columns after the key.
    pub names: Vec<String>,
    /// The tag may have several values per key: they become a list.
    pub multiple: bool,
}

struct Member {
    query: KeyedQuery,
    parts: QueryParts,
}

/// Queries that share a source and a key.
struct Group {
    /// In the group with the profile's own query, that query is the first.
    members: Vec<Member>,
    has_profile: bool,
}

/// Combines the profile's own query and the tags. The first plan is the profile's own query with the tags that share its rows; the others
/// hold the remaining tags. Each plan has the key, then one column per value. In all but the first, each key occurs once; in the first, as
/// often as the profile's query gives it.
///
/// # Errors
/// Internal errors only: the combined plan cannot be built.
pub fn combine_with_profile(profile: KeyedQuery, tags: Vec<KeyedQuery>, key_type: &DataType) -> Result<Vec<LogicalPlan>> {
    let parts = decompose(&profile.plan)?;
    combine_into(vec![Group { members: vec![Member { query: profile, parts }], has_profile: true }], tags, key_type)
}

/// Combines tags without the profile's own query.
///
/// # Errors
/// Internal errors only: the combined plan cannot be built.
pub fn combine(tags: Vec<KeyedQuery>, key_type: &DataType) -> Result<Vec<LogicalPlan>> {
    combine_into(vec![], tags, key_type)
}

fn combine_into(mut groups: Vec<Group>, tags: Vec<KeyedQuery>, key_type: &DataType) -> Result<Vec<LogicalPlan>> {
    for query in tags {
        let parts = decompose(&query.plan)?;
        let member = Member { query, parts };
        match groups.iter_mut().find(|group| group.can_take(&member)) {
            Some(group) => group.members.push(member),
            None => groups.push(Group { members: vec![member], has_profile: false }),
        }
    }
    groups.into_iter().map(|group| group.plan(key_type)).collect()
}

impl Group {
    fn can_take(&self, new: &Member) -> bool {
        let Some(Member { query, parts }) = self.members.first() else { return false };
        let same_rows = match (&parts.aggregation, &new.parts.aggregation) {
            (Some(one), Some(other)) => one.by == other.by,
            (None, None) => parts.key == new.parts.key && query.multiple == new.query.multiple,
            _ => false,
        };
        let keeps_all_rows = !self.has_profile || parts.conditions.iter().all(|one| new.parts.conditions.contains(one));
        same_rows && keeps_all_rows && parts.source == new.parts.source
    }

    fn plan(self, key_type: &DataType) -> Result<LogicalPlan> {
        let Some(Member { parts: first, .. }) = self.members.first() else { return internal_err!("a group of no tags") };
        // Conditions that all members share reach the scan. Every member of the profile's group has the profile's conditions.
        let schema = first.source.schema();
        let mut common: Vec<Expr> = vec![];
        for condition in &first.conditions {
            let place_in = |member: &Member| member.parts.conditions.iter().position(|other| other == condition);
            let in_all = self.members.iter().all(|member| place_in(member).is_some());
            // A condition that can fail is protected by those before it. It is safe here when, for some member, all conditions before it in
            // that member's query are already applied.
            let is_safe_as_in = |member: &Member| {
                place_in(member)
                    .is_some_and(|place| member.parts.conditions[..place].iter().all(|before| common.contains(before)))
            };
            let is_common = in_all && (!can_fail(condition, schema) || self.members.iter().any(is_safe_as_in));
            if is_common {
                common.push(condition.clone());
            }
        }
        let mut source = LogicalPlanBuilder::from(first.source.clone());
        if let Some(predicate) = all_of(common.clone(), schema)? {
            source = source.filter(predicate)?;
        }
        match first.aggregation.is_some() {
            true => self.aggregated(source, &common, key_type),
            false => self.rows(source, &common, key_type),
        }
    }

    /// One aggregation for all members; equal calls are computed once.
    fn aggregated(self, source: LogicalPlanBuilder, common: &[Expr], key_type: &DataType) -> Result<LogicalPlan> {
        let schema = source.schema().clone();
        let mut calls: Vec<Expr> = vec![];
        let mut call = |expression: Expr| -> Expr {
            let place = calls.iter().position(|other| *other == expression).unwrap_or_else(|| {
                calls.push(expression);
                calls.len() - 1
            });
            column(&call_name(place))
        };
        let mut by = None;
        let mut members_of_profile = vec![];
        let mut values = vec![];
        for (index, Member { query, parts }) in self.members.into_iter().enumerate() {
            let own = own_condition(&parts, common, &schema)?;
            let Some(aggregation) = parts.aggregation else { return internal_err!("rows among aggregations") };
            let mut replacements = vec![];
            for (name, expression) in aggregation.calls {
                let expression = match &own {
                    Some(condition) => filtered(expression.unalias(), condition, &schema)?,
                    None => expression.unalias(),
                };
                replacements.push((name, call(expression)));
            }
            let mut conditions = vec![];
            if let Some(own) = own {
                conditions.push(call(count(Expr::Literal(COUNT_STAR_EXPANSION, None)).filter(own).build()?).gt(lit(0_i64)));
            }
            if let Expr::Column(key) = &parts.key {
                replacements.push((key.clone(), column(KEY)));
            }
            for having in parts.having {
                conditions.push(substitute(having, &replacements)?);
            }
            if self.has_profile && index == 0 {
                members_of_profile = std::mem::take(&mut conditions);
            }
            for (name, value) in query.names.iter().zip(parts.values) {
                values.push((name.clone(), query.multiple, conditions.clone(), substitute(value, &replacements)?));
            }
            by = Some(aggregation.by);
        }
        let by = by.into_iter().map(|by| by.alias(KEY));
        let calls = calls.into_iter().enumerate().map(|(place, call)| call.alias(call_name(place)));
        let mut plan = source.aggregate(by, calls.collect::<Vec<_>>())?;
        if let Some(predicate) = all_of(members_of_profile, plan.schema())? {
            plan = plan.filter(predicate)?;
        }
        let mut projected = vec![as_key(column(KEY), key_type, self.has_profile, plan.schema())?.alias(KEY)];
        for (name, multiple, conditions, value) in values {
            let value = only_when(all_of(conditions, plan.schema())?, value, plan.schema())?;
            projected.push(if multiple { list_of(value)? } else { value }.alias(name));
        }
        plan.project(projected)?.build()
    }

    /// The values of all members in one projection, aggregated to one row per key unless the group has the profile's own query.
    fn rows(self, source: LogicalPlanBuilder, common: &[Expr], key_type: &DataType) -> Result<LogicalPlan> {
        let mut projected = vec![];
        let mut names = vec![];
        for Member { query, parts } in self.members {
            let own = own_condition(&parts, common, source.schema())?;
            if projected.is_empty() {
                projected.push(as_key(parts.key, key_type, self.has_profile, source.schema())?.alias(KEY));
            }
            for (name, value) in query.names.iter().zip(parts.values) {
                projected.push(only_when(own.clone(), value, source.schema())?.alias(name));
                names.push((name.clone(), query.multiple));
            }
        }
        let plan = source.project(projected)?;
        if self.has_profile {
            return plan.build();
        }
        let mut calls = vec![];
        let mut values = vec![column(KEY)];
        for (name, multiple) in names {
            let value = column(&name);
            if multiple {
                // The two zeros of floats are one value, and DISTINCT within a call compares bits.
                let data_type = plan.schema().field_with_unqualified_name(&name)?.data_type();
                let value = if data_type.is_floating() { value + lit(ScalarValue::new_zero(data_type)?) } else { value };
                let call = array_agg(value.clone()).distinct().filter(value.is_not_null()).build()?;
                calls.push(call.alias(&name));
                values.push(array_sort(column(&name), lit("ASC"), lit("NULLS LAST")).alias(name));
            } else {
                let (least, most) = (format!("least:{name}"), format!("most:{name}"));
                calls.push(min(value.clone()).alias(&least));
                calls.push(max(value).alias(&most));
                values.push(column(&least).alias(&name));
                values.push(when(column(&least).not_eq(column(&most)), column(&most)).end()?.alias(second(&name)));
            }
        }
        plan.aggregate(vec![column(KEY)], calls)?.project(values)?.build()
    }
}

fn call_name(place: usize) -> String {
    format!("call {place}")
}

/// The conditions of a member beyond the common ones.
fn own_condition(parts: &QueryParts, common: &[Expr], schema: &DFSchema) -> Result<Option<Expr>> {
    all_of(parts.conditions.iter().filter(|condition| !common.contains(condition)).cloned(), schema)
}

/// The key of a query in the type of the profile's key. A number too large for that is the key of no customer, except in the profile's own
/// query, where it is an error.
fn as_key(key: Expr, key_type: &DataType, is_own: bool, schema: &DFSchema) -> Result<Expr> {
    Ok(match key.get_type(schema)? {
        DataType::UInt64 if !is_own => try_cast(key, key_type.clone()),
        _ => cast(key, key_type.clone()),
    })
}

/// A list of the one value, for a tag with `multiple`; NULL when the value is NULL.
pub fn list_of(value: Expr) -> Result<Expr> {
    when(value.clone().is_not_null(), make_array(vec![value])).end()
}

/// An aggregate call over only the rows that meet a condition; its expressions are guarded so that they cannot fail on the others.
fn filtered(call: Expr, condition: &Expr, schema: &DFSchema) -> Result<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, mut params }) = call else {
        return internal_err!("an aggregate call was expected, got {call}");
    };
    let guarded = |expression: Expr| guarded(expression, condition, schema);
    params.args = params.args.into_iter().map(guarded).collect::<Result<_>>()?;
    for sort in &mut params.order_by {
        sort.expr = guarded(std::mem::take(&mut sort.expr))?;
    }
    let filter = match params.filter {
        Some(filter) => condition.clone().and(guarded(*filter)?),
        None => condition.clone(),
    };
    let params = AggregateFunctionParams { filter: Some(Box::new(filter)), ..params };
    Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
}

/// A NULL of this type, for a column that the plan lacks.
pub fn null_of(data_type: &DataType) -> Result<Expr> {
    Ok(lit(ScalarValue::try_from(data_type)?))
}
