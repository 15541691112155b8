//! What the engine does not plan and can be said in other words that it does: the tree is changed before it is checked.
//!
//! | written | planned |
//! |---|---|
//! | `GROUP BY a, b WITH ROLLUP`, `WITH CUBE` | `GROUP BY ROLLUP (a, b)`, `CUBE (a, b)` |
//! | `FETCH FIRST n ROWS ONLY` | `LIMIT n` |
//! | `FROM t` alone | `SELECT * FROM t` |
//! | `OVER w … WINDOW w AS (…)` | `OVER (…)`, also in ORDER BY and QUALIFY, where the engine forgets the window |
//! | `LATERAL unnest(list)` | `UNNEST(list)` |
//!
//! Numbers of columns within `ROLLUP (1, 2)` and the like become the columns, as they are in a plain GROUP BY.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Fetch, Function, FunctionArg, FunctionArgExpr, GroupByExpr, GroupByWithModifier, Ident, LimitClause,
    NamedWindowDefinition, NamedWindowExpr, ObjectNamePart, OrderBy, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    SetExpr, TableFactor, Value, VisitMut, VisitorMut, WindowSpec, WindowType,
};

use crate::sql::command::normal;

/// Rewrites one query; those within it come by themselves.
pub fn query(query: &mut Query) {
    fetch_as_limit(query);
    let Query { body, order_by, .. } = query;
    if let SetExpr::Select(select) = body.as_mut() {
        named_windows(select, order_by);
    }
}

/// Rewrites one SELECT.
pub fn select(select: &mut Select) {
    if select.flavor == SelectFlavor::FromFirstNoSelect {
        select.flavor = SelectFlavor::FromFirst;
        if select.projection.is_empty() {
            select.projection.push(SelectItem::Wildcard(Default::default()));
        }
    }
    // That of a query's own SELECT went with the query, which has ORDER BY.
    named_windows(select, &mut None);
    grouping(select);
}

/// Rewrites what stands in FROM.
pub fn factor(factor: &mut TableFactor) {
    let TableFactor::Function { lateral: _, name, args, with_ordinality, alias } = factor else {
        if let TableFactor::UNNEST { array_exprs, .. } = factor {
            array_exprs.iter_mut().for_each(list_as_call);
        }
        return;
    };
    let is_unnest = matches!(name.0.as_slice(), [ObjectNamePart::Identifier(name)] if name.value.eq_ignore_ascii_case("unnest"));
    let lists = args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(list)) => Some(list.clone()),
        _ => None,
    });
    let Some(mut array_exprs) = lists.collect::<Option<Vec<Expr>>>().filter(|_| is_unnest) else { return };
    array_exprs.iter_mut().for_each(list_as_call);
    *factor = TableFactor::UNNEST {
        alias: alias.take(),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: *with_ordinality,
    };
}

/// `[a, b]` as `make_array(a, b)`: the engine looks for the columns of a list in the list's own table alone.
fn list_as_call(list: &mut Expr) {
    let Expr::Array(array) = list else { return };
    let arguments = std::mem::take(&mut array.elem).into_iter().map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value)));
    let arguments =
        sqlparser::ast::FunctionArgumentList { duplicate_treatment: None, args: arguments.collect(), clauses: vec![] };
    *list = Expr::Function(Function {
        name: vec![Ident::new("make_array")].into(),
        uses_odbc_syntax: false,
        parameters: sqlparser::ast::FunctionArguments::None,
        args: sqlparser::ast::FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    });
}

fn fetch_as_limit(query: &mut Query) {
    let Some(Fetch { with_ties: false, percent: false, quantity }) = &query.fetch else { return };
    // FETCH FIRST ROW ONLY
    let quantity = quantity.clone().unwrap_or_else(|| Expr::Value(Value::Number("1".into(), false).with_empty_span()));
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(quantity), offset: None, limit_by: vec![] });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(quantity),
        // Both: what is left of FETCH is refused.
        Some(_) => return,
    }
    query.fetch = None;
}

/// GROUP BY … WITH ROLLUP, and numbers of columns within grouping sets.
fn grouping(select: &mut Select) {
    let GroupByExpr::Expressions(expressions, modifiers) = &mut select.group_by else { return };
    let plain = |expression: &Expr| !matches!(expression, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
    if !expressions.is_empty()
        && expressions.iter().all(plain)
        && let [modifier @ (GroupByWithModifier::Rollup | GroupByWithModifier::Cube)] = modifiers.as_slice()
    {
        let sets = std::mem::take(expressions).into_iter().map(|expression| vec![expression]).collect();
        expressions.push(match modifier {
            GroupByWithModifier::Cube => Expr::Cube(sets),
            _ => Expr::Rollup(sets),
        });
        modifiers.clear();
    }
    for expression in expressions {
        let (Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets)) = expression else { continue };
        for member in sets.iter_mut().flatten() {
            let Expr::Value(value) = &*member else { continue };
            let Value::Number(number, _) = &value.value else { continue };
            let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            // Columns before a star cannot be counted.
            let before = place.and_then(|place| select.projection.get(..=place)).unwrap_or_default();
            let counted = before.iter().all(|item| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }));
            if let Some(SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. }) =
                before.last().filter(|_| counted)
            {
                *member = column.clone();
            }
        }
    }
}

/// Puts the definitions of windows where they are used.
fn named_windows(select: &mut Select, order_by: &mut Option<OrderBy>) {
    if select.named_window.is_empty() {
        return;
    }
    let mut known: Vec<(String, WindowSpec)> = vec![];
    for NamedWindowDefinition(name, definition) in &select.named_window {
        let settled = match definition {
            NamedWindowExpr::NamedWindow(other) => found(other, &known).cloned(),
            NamedWindowExpr::WindowSpec(window) => {
                let mut window = window.clone();
                settle(&mut window, &known).then_some(window)
            }
        };
        // What is not settled stays, and is refused; so is a name that two have.
        let Some(window) = settled.filter(|_| found(name, &known).is_none()) else { return };
        known.push((own(name), window));
    }
    let mut windows = Windows { known, depth: 0 };
    for item in &mut select.projection {
        let _ = item.visit(&mut windows);
    }
    let _ = select.qualify.visit(&mut windows);
    if let Some(OrderBy { kind: OrderByKind::Expressions(expressions), .. }) = order_by {
        let _ = expressions.visit(&mut windows);
    }
    select.named_window.clear();
}

fn own(name: &Ident) -> String {
    normal(name)
}

fn found<'a>(name: &Ident, known: &'a [(String, WindowSpec)]) -> Option<&'a WindowSpec> {
    let name = own(name);
    known.iter().find(|(other, _)| *other == name).map(|(_, window)| window)
}

/// `(w ORDER BY x)`: the partitions of `w`, and its order if it has one. True when nothing is left to look up.
fn settle(window: &mut WindowSpec, known: &[(String, WindowSpec)]) -> bool {
    let Some(name) = &window.window_name else { return true };
    let Some(base) = found(name, known) else { return false };
    // As in the standard: the partitions are those of the base, its order cannot be changed, and its rows not taken over.
    if !window.partition_by.is_empty()
        || (!base.order_by.is_empty() && !window.order_by.is_empty())
        || base.window_frame.is_some()
    {
        return false;
    }
    window.partition_by.clone_from(&base.partition_by);
    if window.order_by.is_empty() {
        window.order_by.clone_from(&base.order_by);
    }
    window.window_name = None;
    true
}

struct Windows {
    known: Vec<(String, WindowSpec)>,
    /// Queries within have windows of their own.
    depth: usize,
}

impl VisitorMut for Windows {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let Expr::Function(Function { over: Some(over), .. }) = expression else { return ControlFlow::Continue(()) };
        match over {
            WindowType::NamedWindow(name) => {
                if let Some(window) = found(name, &self.known) {
                    *over = WindowType::WindowSpec(window.clone());
                }
            }
            WindowType::WindowSpec(window) => {
                settle(window, &self.known);
            }
        }
        ControlFlow::Continue(())
    }
}
