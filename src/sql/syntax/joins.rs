//! Joins that are rewritten as others: SEMI and ANTI JOIN without LEFT, CROSS and OUTER APPLY, STRAIGHT_JOIN, and ASOF JOIN.
//!
//! `a ASOF JOIN b ON a.key = b.key AND a.at >= b.at` joins each row of `a` with the newest row of `b` that is not newer than it. Each row
//! of `b` gets the time of the next one, `lead(at) OVER (PARTITION BY key ORDER BY at)`, and is valid until then: `a.at >= b.at AND a.at <
//! next`. That is an ordinary join with equal keys. Among rows of `b` with the same time only the last has a non-empty range; which one
//! comes last is not defined.

use std::ops::ControlFlow;

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem,
    TableAlias, TableFactor,
};

use super::rewritten::binary;
use crate::error::invalid;
use crate::sql::parser::{parse_expression, parse_query};
use crate::walk::Walk;

/// Rewrites the joins of a SELECT.
///
/// # Errors
/// The condition of an ASOF JOIN does not consist of keys and one inequality.
pub fn rewrite(select: &mut Select) -> Result<()> {
    let mut hidden = vec![];
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        plain(join);
        as_of(join, &mut hidden)?;
    }
    hide(&mut select.projection, &hidden);
    Ok(())
}

/// Leaves these columns out where `*` stands for all.
pub fn hide(items: &mut [SelectItem], hidden: &[Ident]) {
    if hidden.is_empty() {
        return;
    }
    for item in items {
        let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { continue };
        let names = hidden.iter().cloned().map(|name| ObjectName::from(vec![name]));
        let excluded = match options.opt_exclude.take() {
            None => vec![],
            Some(ExcludeSelectItem::Single(name)) => vec![name],
            Some(ExcludeSelectItem::Multiple(names)) => names,
        };
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded.into_iter().chain(names).collect()));
    }
}

fn plain(join: &mut Join) {
    let always = || JoinConstraint::On(Expr::value(sqlparser::ast::Value::Boolean(true)));
    join.join_operator = match &join.join_operator {
        JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint.clone()),
        JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint.clone()),
        JoinOperator::StraightJoin(JoinConstraint::None) => JoinOperator::CrossJoin(JoinConstraint::None),
        JoinOperator::StraightJoin(constraint) => JoinOperator::Inner(constraint.clone()),
        JoinOperator::CrossApply | JoinOperator::OuterApply => {
            if let TableFactor::Derived { lateral, .. } = &mut join.relation {
                *lateral = true;
            }
            match join.join_operator {
                JoinOperator::CrossApply => JoinOperator::Inner(always()),
                _ => JoinOperator::Left(always()),
            }
        }
        other => other.clone(),
    };
}

/// Collects the terms of a conjunction.
fn conjuncts<'a>(condition: &'a Expr, parts: &mut Vec<&'a Expr>) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, parts);
            conjuncts(right, parts);
        }
        Expr::Nested(inner) => conjuncts(inner, parts),
        other => parts.push(other),
    }
}

const WRITTEN: &str = "write ASOF JOIN b ON a.key = b.key AND a.at >= b.at";

/// Whether an expression reads the right side of the join. It must read one side only.
fn is_of(expression: &Expr, right: &Ident) -> Result<bool> {
    let mut sides = vec![];
    let _ = expression.each_expression(|part| {
        match part {
            Expr::CompoundIdentifier(names) => sides.push(names.first().is_some_and(|first| same(first, right))),
            Expr::Identifier(_) => sides.push(false),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    let plain = expression.each_expression(|part| match part {
        Expr::Identifier(name) => ControlFlow::Break(name.clone()),
        _ => ControlFlow::Continue(()),
    });
    if let ControlFlow::Break(name) = plain {
        return Err(invalid("ASOF JOIN", format!("{name} may belong to either side; name its table, as in {right}.{name}")));
    }
    if sides.iter().any(|side| *side) && !sides.iter().all(|side| *side) {
        return Err(invalid(
            "ASOF JOIN",
            format!("{expression} reads both sides; compare a value of one with a value of the other"),
        ));
    }
    Ok(sides.first().copied().unwrap_or(false))
}

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

fn as_of(join: &mut Join, hidden: &mut Vec<Ident>) -> Result<()> {
    // The token pass before parsing turns `ASOF JOIN … ON` into a GLOBAL JOIN, which marks it.
    let is_marked = std::mem::take(&mut join.global);
    let (condition, is_left) = match &join.join_operator {
        JoinOperator::AsOf { match_condition, constraint: JoinConstraint::None } => (match_condition.clone(), false),
        JoinOperator::AsOf { match_condition, constraint: JoinConstraint::On(keys) } => {
            let (keys, order) = (Expr::Nested(Box::new(keys.clone())), Expr::Nested(Box::new(match_condition.clone())));
            (binary(keys, &BinaryOperator::And, order), false)
        }
        JoinOperator::Join(JoinConstraint::On(condition)) | JoinOperator::Inner(JoinConstraint::On(condition)) if is_marked => {
            (condition.clone(), false)
        }
        JoinOperator::Left(JoinConstraint::On(condition)) | JoinOperator::LeftOuter(JoinConstraint::On(condition))
            if is_marked =>
        {
            (condition.clone(), true)
        }
        JoinOperator::AsOf { .. } => return Err(invalid("ASOF JOIN", format!("its keys are compared with ON; {WRITTEN}"))),
        _ if is_marked => return Err(invalid("ASOF JOIN", format!("it is an inner or LEFT join with ON; {WRITTEN}"))),
        _ => return Ok(()),
    };
    let right = name_of(&join.relation)?;
    let mut parts = vec![];
    conjuncts(&condition, &mut parts);
    let (mut keys, mut order) = (vec![], None);
    for part in parts {
        let Expr::BinaryOp { left, op, right: other } = part else {
            return Err(invalid("ASOF JOIN", format!("{part} compares no two values; {WRITTEN}")));
        };
        let turned = match (is_of(left, &right)?, is_of(other, &right)?) {
            (false, true) => false,
            (true, false) => true,
            _ => return Err(invalid("ASOF JOIN", format!("{part} does not compare the two sides; {WRITTEN}"))),
        };
        let (of_left, of_right) = if turned { (other, left) } else { (left, other) };
        let op = match (op, turned) {
            (BinaryOperator::Gt, true) => BinaryOperator::Lt,
            (BinaryOperator::GtEq, true) => BinaryOperator::LtEq,
            (BinaryOperator::Lt, true) => BinaryOperator::Gt,
            (BinaryOperator::LtEq, true) => BinaryOperator::GtEq,
            (other, _) => other.clone(),
        };
        match op {
            BinaryOperator::Eq => keys.push(of_right.to_string()),
            BinaryOperator::Gt | BinaryOperator::GtEq | BinaryOperator::Lt | BinaryOperator::LtEq if order.is_none() => {
                order = Some((of_left.to_string(), op, of_right.to_string()));
            }
            _ => return Err(invalid("ASOF JOIN", format!("{part}: it takes = for keys and one of >=, >, <=, <; {WRITTEN}"))),
        }
    }
    let Some((of_left, op, of_right)) = order else {
        return Err(invalid("ASOF JOIN", format!("no condition has >=, >, <= or <; {WRITTEN}")));
    };
    let next = Ident::with_quote('"', format!("next of {} {}", right.value, hidden.len() + 1));
    let partition = if keys.is_empty() { String::new() } else { format!("PARTITION BY {} ", keys.join(", ")) };
    let (direction, until) = match op {
        BinaryOperator::GtEq => ("ASC NULLS LAST", "<"),
        BinaryOperator::Gt => ("ASC NULLS LAST", "<="),
        BinaryOperator::LtEq => ("DESC NULLS LAST", ">"),
        _ => ("DESC NULLS LAST", ">="),
    };
    let relation = &join.relation;
    let source = parse_query(&format!(
        "SELECT {right}.*, lead({of_right}) OVER ({partition}ORDER BY {of_right} {direction}) AS {next} FROM {relation}"
    ))?;
    join.relation = TableFactor::Derived {
        lateral: false,
        subquery: source,
        alias: Some(TableAlias { explicit: true, name: right.clone(), columns: vec![], at: None }),
        sample: None,
    };
    let until = parse_expression(&format!("({right}.{next} IS NULL OR {of_left} {until} {right}.{next})"))?;
    let condition = JoinConstraint::On(binary(Expr::Nested(Box::new(condition)), &BinaryOperator::And, until));
    join.join_operator = if is_left { JoinOperator::Left(condition) } else { JoinOperator::Inner(condition) };
    hidden.push(next);
    Ok(())
}

/// The name that qualifies the columns of a relation.
pub fn name_of(relation: &TableFactor) -> Result<Ident> {
    let alias = match relation {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } | TableFactor::Function { alias, .. } => {
            alias.as_ref()
        }
        _ => None,
    };
    let own = match relation {
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    };
    match alias.map(|alias| alias.name.clone()).or(own) {
        Some(name) => Ok(name),
        None => Err(invalid("FROM", format!("give {relation} a name: … AS name"))),
    }
}
