//! Parses the rules of a query of (key, value), and builds other queries over the same rows.

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, Value,
};

use crate::error::invalid;
use crate::text::as_sql;

/// `WHEN condition THEN value`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The condition; `CASE x WHEN v` is read as `x = v`.
    pub condition: Expr,
    /// The result.
    pub value: Expr,
}

impl Rule {
    /// The value for display: the text itself, or the expression.
    pub fn label(&self) -> String {
        match &self.value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => text.clone(),
                other => other.to_string(),
            },
            other => other.to_string(),
        }
    }
}

/// A query of (key, value) whose value is a CASE.
#[derive(Debug, Clone)]
pub struct Rules {
    query: Query,
    /// The first column as it is written, with its alias.
    key: SelectItem,
    /// The second column's expression and its alias, which GROUP BY may name.
    value: (Expr, Option<Ident>),
    /// The rules in order; a CASE in ELSE continues with its own.
    pub rules: Vec<Rule>,
    /// The result of ELSE; `None` also for `ELSE NULL`.
    pub otherwise: Option<Expr>,
}

impl Rules {
    /// Reads a query; `subject` is the function that was called.
    ///
    /// # Errors
    /// The query is not a single SELECT of two columns, or its second column is no CASE.
    pub fn read(subject: &str, query: &Query) -> Result<Self> {
        let form = "SELECT key, CASE WHEN … THEN … END FROM …";
        let mut query = query.clone();
        let wrong = |what: &str| Err(invalid(subject, format!("the query {what}; the rules are read from {form}")));
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return wrong("has LIMIT, so not every customer would be checked");
        }
        let Some(select) = select_of(&mut query) else { return wrong("is not a single SELECT") };
        let takes_first = matches!(select.distinct, Some(Distinct::On(_)));
        let (key, value) = match select.projection.as_slice() {
            [key @ (SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }), SelectItem::UnnamedExpr(value)] => {
                (key.clone(), (value.clone(), None))
            }
            [
                key @ (SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }),
                SelectItem::ExprWithAlias { expr, alias },
            ] => (key.clone(), (expr.clone(), Some(alias.clone()))),
            [SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }, _] | [_] => {
                return wrong("must name two columns, key and value");
            }
            columns => return wrong(&format!("has {} columns instead of two, key and value", columns.len())),
        };
        if !takes_first {
            // The order of rows does not matter for the rules, and may name a column that other queries do not have.
            query.order_by = None;
        }
        let (rules, otherwise) = rules_of(&value.0);
        if rules.is_empty() {
            return wrong(&format!("has {} as its second column instead of a CASE", value.0));
        }
        Ok(Self { query, key, value, rules, otherwise })
    }

    /// A query for the key and other items over the same rows: same WITH, FROM, WHERE, GROUP BY and HAVING.
    pub fn with_key(&self, items: impl IntoIterator<Item = (Expr, String)>) -> String {
        self.query_of(std::iter::once(self.key.clone()).chain(items.into_iter().map(named)))
    }

    /// A query for other items over the same rows, without the key.
    pub fn without_key(&self, items: impl IntoIterator<Item = (Expr, String)>) -> String {
        self.query_of(items.into_iter().map(named))
    }

    fn query_of(&self, items: impl Iterator<Item = SelectItem>) -> String {
        let mut query = self.query.clone();
        if let Some(select) = select_of(&mut query) {
            self.spell_out_groups(select);
            select.projection = items.collect();
        }
        as_sql(&query)
    }

    /// Replaces positions and aliases in GROUP BY, because the SELECT list is another one now.
    fn spell_out_groups(&self, select: &mut Select) {
        let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return };
        let (key, alias) = match &self.key {
            SelectItem::ExprWithAlias { expr, alias } => (Some(expr), Some(alias)),
            SelectItem::UnnamedExpr(expr) => (Some(expr), None),
            _ => (None, None),
        };
        let is = |group: &Expr, place: &str, alias: Option<&Ident>| match group {
            Expr::Value(value) => matches!(&value.value, Value::Number(number, _) if number == place),
            Expr::Identifier(name) => alias.is_some_and(|alias| alias == name),
            _ => false,
        };
        let conditions = || self.rules.iter().map(|rule| rule.condition.clone());
        *groups = std::mem::take(groups)
            .into_iter()
            .flat_map(|group| {
                if is(&group, "1", alias) {
                    key.into_iter().cloned().collect()
                } else if is(&group, "2", self.value.1.as_ref()) || group == self.value.0 {
                    conditions().collect()
                } else {
                    vec![group]
                }
            })
            .collect();
    }

    fn select(&self) -> Option<&Select> {
        match self.query.body.as_ref() {
            SetExpr::Select(select) => Some(select),
            _ => None,
        }
    }

    /// The conditions of WHERE and HAVING, which hold for every row, split at AND.
    pub fn restrictions(&self) -> Vec<&Expr> {
        let mut found = vec![];
        if let Some(select) = self.select() {
            select.selection.iter().chain(&select.having).for_each(|condition| conjuncts(condition, &mut found));
        }
        found
    }

    /// True if rows are grouped: then a group has at least one row.
    pub fn is_grouped(&self) -> bool {
        self.select().is_some_and(|select| match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(groups, modifiers) => !groups.is_empty() && modifiers.is_empty(),
        })
    }

    /// The name that may stand before a column, if there is only one table: then `c.age` is `age`.
    pub fn only_table(&self) -> Option<String> {
        match self.select()?.from.as_slice() {
            [only] if only.joins.is_empty() => match &only.relation {
                TableFactor::Table { alias: Some(alias), .. }
                | TableFactor::Derived { alias: Some(alias), .. }
                | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.value.clone()),
                TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                    name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.clone())
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Splits a condition at AND.
pub fn conjuncts<'a>(condition: &'a Expr, found: &mut Vec<&'a Expr>) {
    match condition {
        Expr::Nested(inner) => conjuncts(inner, found),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        other => found.push(other),
    }
}

fn named((expr, alias): (Expr, String)) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: Ident::new(alias) }
}

/// The SELECT, if the query is a single one, possibly in parentheses.
fn select_of(query: &mut Query) -> Option<&mut Select> {
    while let SetExpr::Query(inner) = query.body.as_mut() {
        if query.with.is_some() && inner.with.is_some() || inner.limit_clause.is_some() || inner.fetch.is_some() {
            return None;
        }
        let with = query.with.take().or_else(|| inner.with.take());
        let body = std::mem::replace(
            &mut inner.body,
            Box::new(SetExpr::Values(sqlparser::ast::Values { explicit_row: false, value_keyword: false, rows: vec![] })),
        );
        query.with = with;
        query.body = body;
    }
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The rules of a CASE, ignoring parentheses and casts around it.
fn rules_of(value: &Expr) -> (Vec<Rule>, Option<Expr>) {
    let mut rules = vec![];
    let mut otherwise = Some(value.clone());
    while let Some(Expr::Case { operand, conditions, else_result, .. }) = otherwise.as_ref().map(without_casts) {
        let condition = |when: &Expr| match operand {
            Some(operand) => {
                Expr::BinaryOp { left: in_parentheses(operand), op: BinaryOperator::Eq, right: in_parentheses(when) }
            }
            None => when.clone(),
        };
        rules.extend(conditions.iter().map(|when| Rule { condition: condition(&when.condition), value: when.result.clone() }));
        otherwise = else_result.as_ref().map(|other| other.as_ref().clone());
    }
    let is_null = |value: &Expr| matches!(without_casts(value), Expr::Value(value) if value.value == Value::Null);
    (rules, otherwise.filter(|value| !is_null(value)))
}

fn without_casts(value: &Expr) -> &Expr {
    match value {
        Expr::Nested(inner) => without_casts(inner),
        Expr::Cast { expr, .. } => without_casts(expr),
        other => other,
    }
}

/// In parentheses where needed, because a comparison binds more tightly than the operators allowed in a simple CASE.
fn in_parentheses(expression: &Expr) -> Box<Expr> {
    let stands_alone = matches!(
        expression,
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::Function(_)
            | Expr::Cast { .. }
            | Expr::Nested(_)
            | Expr::TypedString(_)
    );
    let expression = Box::new(expression.clone());
    if stands_alone { expression } else { Box::new(Expr::Nested(expression)) }
}
