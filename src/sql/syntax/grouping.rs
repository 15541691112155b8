//! Limits the number of grouping sets before they are expanded.
//!
//! `CUBE (a, b, …)` with n columns stands for 2ⁿ grouping sets, and several items of one GROUP BY multiply. The planner expands them all.

use datafusion::common::Result;
use sqlparser::ast::{Expr, GroupByExpr, GroupByWithModifier};

use crate::error::invalid;

/// The most grouping sets of one GROUP BY.
const MOST_SETS: u64 = 4_096;

/// Rejects a GROUP BY that stands for too many grouping sets.
///
/// # Errors
/// States their number and the limit.
pub fn check(group_by: &GroupByExpr) -> Result<()> {
    let (items, modifiers) = match group_by {
        GroupByExpr::All(modifiers) => (&[] as &[Expr], modifiers),
        GroupByExpr::Expressions(items, modifiers) => (items.as_slice(), modifiers),
    };
    let of_modifier = |modifier: &GroupByWithModifier| match modifier {
        GroupByWithModifier::Cube => power(items.len()),
        GroupByWithModifier::Rollup => items.len() as u64 + 1,
        GroupByWithModifier::GroupingSets(sets) => number(sets),
        GroupByWithModifier::Totals => 1,
    };
    let sets = items.iter().map(number).chain(modifiers.iter().map(of_modifier)).fold(1, u64::saturating_mul);
    if sets > MOST_SETS {
        let number = if sets == u64::MAX { "more than 2^64".to_string() } else { sets.to_string() };
        let problem = format!(
            "may stand for {MOST_SETS} groupings, and this one stands for {number}; name those you need in GROUPING SETS"
        );
        return Err(invalid("GROUP BY", problem));
    }
    Ok(())
}

fn number(item: &Expr) -> u64 {
    match item {
        Expr::Cube(columns) => power(columns.len()),
        Expr::Rollup(columns) => columns.len() as u64 + 1,
        Expr::GroupingSets(sets) => sets.len().max(1) as u64,
        _ => 1,
    }
}

fn power(columns: usize) -> u64 {
    u32::try_from(columns).ok().and_then(|columns| 2_u64.checked_pow(columns)).unwrap_or(u64::MAX)
}
