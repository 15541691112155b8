//! The merged columns of `JOIN … USING (id)`.
//!
//! An unqualified `id` is a column of both sides. DataFusion resolves it when two tables have it, but not in WHERE, nor when three tables
//! have it. In those cases it is replaced by the column of one table, since all have the same value.
//!
//! For `RIGHT JOIN … USING (id)` and `FULL JOIN … USING (id)`, an unqualified `id` is the right side's column for a right join, and the
//! column of whichever side has the row for a full join. DataFusion takes the left side's, which is NULL for rows that exist only on the
//! right. The name is replaced by what it means, `b.id` or `coalesce(a.id, b.id)`, in all expressions of the SELECT, and a later join
//! using the column is compared with that value.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{
    ExceptSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, ReplaceSelectElement,
    ReplaceSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableWithJoins, VisitorMut,
    WildcardAdditionalOptions,
};

use super::joins::name_of;
use crate::error::{SqlState, coded};
use crate::sql::command::normal;
use crate::sql::parser::parse_expression;
use crate::walk::WalkMut;

/// A column that joins merge by USING.
struct Merged {
    name: Ident,
    /// The qualified columns; its value is the first of them that is not NULL.
    of: Vec<(Ident, Ident)>,
    /// True when DataFusion would take another column.
    differs: bool,
    /// True when a further join uses it; DataFusion then does not treat it as a merged column.
    is_compared: bool,
}

impl Merged {
    fn value(&self) -> Result<Expr> {
        let columns: Vec<String> = self.of.iter().map(|(table, column)| format!("{table}.{column}")).collect();
        match columns.as_slice() {
            [one] => parse_expression(one),
            several => parse_expression(&format!("coalesce({})", several.join(", "))),
        }
    }
}

/// Rewrites the SELECTs of a query, but not those of its subqueries.
///
/// # Errors
/// It cannot be determined what the columns of a join refer to.
pub fn rewrite(query: &mut Query) -> Result<()> {
    let Query { body, order_by, .. } = query;
    let mut outer = match body.as_mut() {
        SetExpr::Select(select) => self::select(select)?,
        body => {
            within(body)?;
            return Ok(());
        }
    };
    let SetExpr::Select(select) = body.as_ref() else { return Ok(()) };
    // In ORDER BY, a name refers to a column of the result first.
    let is_result = |name: &Ident| {
        select.projection.iter().any(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => normal(alias) == normal(name),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().is_some_and(|last| normal(last) == normal(name))
            }
            SelectItem::Wildcard(_) => true,
            _ => false,
        })
    };
    outer.merged.retain(|merged| !is_result(&merged.name));
    broken(order_by.walk_mut(&mut outer))
}

/// The columns that the joins of a SELECT merge, each with what it stands for.
pub fn merged(select: &Select) -> Vec<(String, Expr)> {
    let mut merged = vec![];
    for table in &select.from {
        let mut table = table.clone();
        let is_using = |join: &mut Join| matches!(constraint(&mut join.join_operator), Some(JoinConstraint::Using(_)));
        if !table.joins.iter_mut().any(is_using) {
            continue;
        }
        merged.extend(of_plain_joins(&table));
        merged.extend(of_joins(&mut table).unwrap_or_default());
    }
    merged.iter().filter_map(|merged| Some((normal(&merged.name), merged.value().ok()?))).collect()
}

/// True if a name in a SELECT, but not in its subqueries, could be one of these columns of an outer query.
pub fn outer_names(select: &Select, merged: &[(String, Expr)]) -> bool {
    let mut found = Outer { merged, known: &HashSet::new(), depth: 0, is_found: false, puts: false };
    let _ = select.clone().walk_mut(&mut found);
    found.is_found
}

/// Replaces names of merged columns of an outer query by what they stand for, except those that FROM has: `known`.
pub fn put_outer(select: &mut Select, merged: &[(String, Expr)], known: &HashSet<String>) {
    let mut outer = Outer { merged, known, depth: 0, is_found: false, puts: true };
    let _ = select.walk_mut(&mut outer);
}

struct Outer<'a> {
    merged: &'a [(String, Expr)],
    known: &'a HashSet<String>,
    depth: usize,
    is_found: bool,
    puts: bool,
}

impl VisitorMut for Outer<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = expression
            && let name = normal(name)
            && !self.known.contains(&name)
            && let Some((_, value)) = self.merged.iter().find(|(merged, _)| *merged == name)
        {
            self.is_found = true;
            if self.puts {
                *expression = value.clone();
            }
        }
        ControlFlow::Continue(())
    }
}

fn within(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            within(left)?;
            within(right)
        }
        SetExpr::Select(select) => self::select(select).map(|_| ()),
        _ => Ok(()),
    }
}

/// Rewrites a SELECT; returns the merged columns, for ORDER BY.
fn select(select: &mut Select) -> Result<Names> {
    let mut merged = vec![];
    for table in &mut select.from {
        merged.extend(of_joins(table)?.into_iter().filter(|merged| merged.differs));
    }
    compare_from_the_third(select)?;
    let plain: Vec<Merged> = select.from.iter().flat_map(of_plain_joins).collect();
    let (several, two) = plain.into_iter().partition(|merged| merged.is_compared);
    merged.extend(several);
    if let Some(condition) = &mut select.selection {
        broken(condition.walk_mut(&mut Names { merged: two, depth: 0 }))?;
    }
    let mut names = Names { merged, depth: 0 };
    if names.merged.is_empty() {
        return Ok(names);
    }
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                if let Some(merged) = names.find(name) {
                    *item = SelectItem::ExprWithAlias { expr: merged.value()?, alias: merged.name.clone() };
                }
            }
            SelectItem::Wildcard(options) => {
                let mut items = options.opt_replace.take().map(|replace| replace.items).unwrap_or_default();
                for merged in names.merged.iter().filter(|merged| merged.differs) {
                    if merged.is_compared {
                        let problem = format!(
                            "several joins use {}, one of them RIGHT or FULL, so * is ambiguous; name the columns",
                            merged.name
                        );
                        return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "*", problem));
                    }
                    if !items.iter().any(|item| normal(&item.column_name) == normal(&merged.name)) {
                        let (expr, column_name) = (merged.value()?, merged.name.clone());
                        items.push(Box::new(ReplaceSelectElement { expr, column_name, as_keyword: true }));
                    }
                }
                options.opt_replace = (!items.is_empty()).then_some(ReplaceSelectItem { items });
            }
            _ => {}
        }
    }
    // The rewritten join conditions already name their tables.
    let from = std::mem::take(&mut select.from);
    let visited = broken(select.walk_mut(&mut names));
    select.from = from;
    for table in &mut select.from {
        for join in &mut table.joins {
            if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
                broken(condition.walk_mut(&mut names))?;
            }
        }
    }
    visited.map(|()| names)
}

/// True when all joins are inner or left joins.
fn is_plain(table: &TableWithJoins) -> bool {
    let is_plain = |join: &Join| {
        matches!(
            join.join_operator,
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::Left(_) | JoinOperator::LeftOuter(_)
        )
    };
    table.joins.iter().all(is_plain)
}

/// Rewrites the third and later joins using the same column, for which DataFusion does not find the column meant: they are compared with
/// the first table's column. `*` then leaves out the joined table's copy.
fn compare_from_the_third(select: &mut Select) -> Result<()> {
    let mut left_out: Vec<(Ident, Vec<Ident>)> = vec![];
    for table in &mut select.from {
        let known = of_plain_joins(table);
        let mut joins_by: Vec<(String, usize)> = vec![];
        for join in &mut table.joins {
            let Some(JoinConstraint::Using(columns)) = constraint(&mut join.join_operator) else { continue };
            let columns: Vec<Ident> = columns.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect();
            let mut is_third = false;
            for column in &columns {
                match joins_by.iter_mut().find(|(name, _)| *name == normal(column)) {
                    Some((_, joins)) => {
                        *joins += 1;
                        is_third |= *joins > 2;
                    }
                    None => joins_by.push((normal(column), 1)),
                }
            }
            let firsts: Option<Vec<Expr>> = columns
                .iter()
                .map(|column| known.iter().find(|merged| normal(&merged.name) == normal(column))?.value().ok())
                .collect();
            let (true, Some(firsts), Ok(own)) = (is_third, firsts, name_of(&join.relation)) else { continue };
            let compared = columns.iter().zip(firsts).map(|(column, first)| format!("{first} = {own}.{column}"));
            let condition = parse_expression(&compared.collect::<Vec<_>>().join(" AND "))?;
            if let Some(constraint) = constraint(&mut join.join_operator) {
                *constraint = JoinConstraint::On(condition);
            }
            left_out.push((own, columns));
        }
    }
    if left_out.is_empty() {
        return Ok(());
    }
    // Replaces `*` by each table's columns, without those that an earlier table has already shown.
    let is_plain =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options == WildcardAdditionalOptions::default());
    for place in (0..select.projection.len()).rev().filter(|place| is_plain(&select.projection[*place])).collect::<Vec<_>>() {
        let mut items = vec![];
        for table in &mut select.from {
            items.push(every(&name_of(&table.relation)?, &[]));
            for join in &mut table.joins {
                let own = name_of(&join.relation)?;
                let compared = left_out.iter().find(|(name, _)| normal(name) == normal(&own)).map(|(_, columns)| columns.clone());
                let merged = match constraint(&mut join.join_operator) {
                    Some(JoinConstraint::Using(columns)) => {
                        columns.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect()
                    }
                    _ => compared.unwrap_or_default(),
                };
                items.push(every(&own, &merged));
            }
        }
        select.projection.splice(place..=place, items);
    }
    Ok(())
}

/// `table.* EXCEPT (columns)`.
fn every(table: &Ident, without: &[Ident]) -> SelectItem {
    let mut options = WildcardAdditionalOptions::default();
    if let [first, others @ ..] = without {
        options.opt_except = Some(ExceptSelectItem { first_element: first.clone(), additional_elements: others.to_vec() });
    }
    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![table.clone()])), options)
}

/// The merged columns of inner and left joins, as far as it can be determined which table has them.
fn of_plain_joins(table: &TableWithJoins) -> Vec<Merged> {
    let mut merged: Vec<Merged> = vec![];
    if !is_plain(table) {
        return merged;
    }
    for (place, join) in table.joins.iter().enumerate() {
        let (JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)) = &join.join_operator
        else {
            continue;
        };
        let JoinConstraint::Using(columns) = constraint else { continue };
        let is_inner = matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_));
        for column in columns.iter().filter_map(|name| name.0.last()?.as_ident()) {
            if let Some(known) = merged.iter_mut().find(|merged| normal(&merged.name) == normal(column)) {
                known.is_compared = true;
                continue;
            }
            let of = match (place, is_inner) {
                (0, _) => name_of(&table.relation),
                (_, true) => name_of(&join.relation),
                (_, false) => continue,
            };
            if let Ok(of) = of {
                let (name, of) = (column.clone(), vec![(of, column.clone())]);
                merged.push(Merged { name, of, differs: false, is_compared: false });
            }
        }
    }
    merged
}

/// The merged columns of a table's joins; rewrites the conditions of joins that use a merged value.
fn of_joins(table: &mut TableWithJoins) -> Result<Vec<Merged>> {
    let mut merged: Vec<Merged> = vec![];
    if is_plain(table) {
        return Ok(merged);
    }
    // The columns of NATURAL joins are looked up first; the query then comes here again.
    let is_natural = |join: &mut Join| matches!(constraint(&mut join.join_operator), Some(JoinConstraint::Natural));
    if table.joins.iter_mut().any(is_natural) {
        return Ok(merged);
    }
    let first = &table.relation;
    for (place, join) in table.joins.iter_mut().enumerate() {
        let (keeps_left, keeps_right) = match &join.join_operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (false, true),
            JoinOperator::FullOuter(_) => (true, true),
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (true, false),
            _ => continue,
        };
        let relation = &join.relation;
        let Some(constraint) = constraint(&mut join.join_operator) else { continue };
        let columns = match constraint {
            JoinConstraint::Using(columns) => columns.clone(),
            _ => continue,
        };
        let columns: Vec<Ident> = columns.iter().filter_map(|name| name.0.last()?.as_ident().cloned()).collect();
        if place > 0 && keeps_right && !columns.iter().all(|column| is_known(&merged, column)) {
            let problem = "it cannot be determined which table on the left its columns belong to; write ON a.column = b.column";
            return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, "RIGHT or FULL JOIN … USING", problem));
        }
        let right = name_of(relation)?;
        let mut conditions = vec![];
        for column in columns {
            if !is_known(&merged, &column) {
                if place > 0 {
                    continue;
                }
                merged.push(Merged {
                    of: vec![(name_of(first)?, column.clone())],
                    name: column.clone(),
                    differs: false,
                    is_compared: false,
                });
            }
            let Some(own) = merged.iter_mut().find(|merged| normal(&merged.name) == normal(&column)) else { continue };
            conditions.push(format!("{} = {right}.{column}", own.value()?));
            own.is_compared |= place > 0;
            if keeps_right {
                if !keeps_left {
                    own.of.clear();
                }
                own.of.push((right.clone(), column));
                own.differs = true;
            }
        }
        if place > 0 && merged.iter().any(|merged| merged.differs) && !conditions.is_empty() {
            *constraint = JoinConstraint::On(parse_expression(&conditions.join(" AND "))?);
        }
    }
    Ok(merged)
}

fn is_known(merged: &[Merged], column: &Ident) -> bool {
    merged.iter().any(|merged| normal(&merged.name) == normal(column))
}

/// The condition of a join.
pub fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// Replaces merged columns by their values, except in subqueries, which have names of their own.
struct Names {
    merged: Vec<Merged>,
    depth: usize,
}

impl Names {
    fn find(&self, name: &Ident) -> Option<&Merged> {
        self.merged.iter().find(|merged| normal(&merged.name) == normal(name))
    }
}

impl VisitorMut for Names {
    type Break = DataFusionError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth == 0
            && let Expr::Identifier(name) = expression
            && let Some(merged) = self.find(name)
        {
            match merged.value() {
                Ok(value) => *expression = value,
                Err(error) => return ControlFlow::Break(error),
            }
        }
        ControlFlow::Continue(())
    }
}

fn broken(visited: ControlFlow<DataFusionError>) -> Result<()> {
    match visited {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}
