//! Rewrites constructs that DataFusion does not plan into ones that it does. This happens before the syntax tree is checked for
//! unsupported clauses.
//!
//! | written | rewritten to |
//! |---|---|
//! | `GROUP BY a, b WITH ROLLUP`, `WITH CUBE` | `GROUP BY ROLLUP (a, b)`, `CUBE (a, b)` |
//! | `GROUP BY ()` | `GROUP BY GROUPING SETS (())` |
//! | `SELECT DISTINCT v + 1 … ORDER BY v + 1` | `ORDER BY 1` |
//! | `SELECT DISTINCT ON (a, b) … ORDER BY b, a` | `DISTINCT ON (b, a)` |
//! | `FETCH FIRST n ROWS ONLY` | `LIMIT n` |
//! | `FROM t` alone | `SELECT * FROM t` |
//! | `OVER w … WINDOW w AS (…)` | `OVER (…)`, also in ORDER BY and QUALIFY, where DataFusion does not find the window |
//! | `LATERAL unnest(list)` | `UNNEST(list)` |
//! | `(a, b) = (c, d)`, `<`, `IN ((1, 2), (3, 4))` … | `a = c AND b = d` … |
//! | `(a, b) IS NULL`, `(a, b) IS NOT NULL` | `a IS NULL AND b IS NULL`, `a IS NOT NULL AND b IS NOT NULL` |
//! | `(a, b) IN (SELECT x, y FROM …)` | `EXISTS (SELECT 1 FROM (SELECT x, y FROM …) WHERE a = x AND b = y)`, see [`rows_in_queries`] |
//! | `a > ANY (SELECT …)`, `a = ALL (SELECT …)` | a comparison with the smallest or largest value, see [`quantified`] |
//! | `code LIKE '50!%' ESCAPE '!'` | `code LIKE '50\\%'` |
//!
//! Column numbers in `ROLLUP (1, 2)` and the like are replaced by the columns, as in a plain GROUP BY.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Fetch, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    GroupByWithModifier, Ident, LimitClause, NamedWindowDefinition, NamedWindowExpr, ObjectNamePart, OrderBy, OrderByKind, Query,
    Select, SelectFlavor, SelectItem, SetExpr, TableFactor, UnaryOperator, Value, ValueWithSpan, VisitorMut, WindowSpec,
    WindowType,
};

use super::{call_of, exclusions, outer_recursion, quantified, rows_in_queries};
use crate::sql::command::normal;
use crate::walk::WalkMut;

/// Rewrites one query; its subqueries are visited separately.
pub fn query(query: &mut Query) {
    outer_recursion::carry(query);
    fetch_as_limit(query);
    let Query { body, order_by, .. } = query;
    if let SetExpr::Select(select) = body.as_mut() {
        named_windows(select, order_by);
        order_of_distinct(select, order_by);
        distinct_as_ordered(select, order_by.as_ref());
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
    // The named windows of a query's own SELECT were handled in `query`, together with ORDER BY.
    named_windows(select, &mut None);
    grouping(select);
    rows_in_queries::select(select);
}

/// Rewrites one expression; its children are visited separately.
pub fn expression(expression: &mut Expr) {
    rows_in_queries::expression(expression);
    let rewritten = rows(expression).or_else(|| nulls_of_row(expression)).or_else(|| quantified::in_other_words(expression));
    if let Some(compared) = rewritten {
        *expression = Expr::Nested(Box::new(compared));
    }
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expression else { return };
    let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|value| &value.value) else { return };
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(pattern), .. }) = pattern.as_mut() else { return };
    let mut letters = escape.chars();
    let (escape, None) = (letters.next(), letters.next()) else { return };
    if let Some(escaped) = with_backslashes(pattern, escape) {
        *pattern = escaped;
        *escape_char = None;
    }
}

/// Rewrites a comparison of rows, value by value.
fn rows(expression: &Expr) -> Option<Expr> {
    match expression {
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = of_one_width(left, right)?;
            match op {
                BinaryOperator::Eq => Some(of_each(left, right, &BinaryOperator::Eq, &BinaryOperator::And)),
                BinaryOperator::NotEq => Some(of_each(left, right, &BinaryOperator::NotEq, &BinaryOperator::Or)),
                BinaryOperator::Lt | BinaryOperator::LtEq => in_order(left, right, &BinaryOperator::Lt, op),
                BinaryOperator::Gt | BinaryOperator::GtEq => in_order(left, right, &BinaryOperator::Gt, op),
                _ => None,
            }
        }
        Expr::InList { expr, list, negated } => {
            let equal = |item: &Expr| {
                let (left, right) = of_one_width(expr, item)?;
                Some(Expr::Nested(Box::new(of_each(left, right, &BinaryOperator::Eq, &BinaryOperator::And))))
            };
            let any = list.iter().map(equal).collect::<Option<Vec<_>>>()?;
            let any = any.into_iter().reduce(|left, right| binary(left, &BinaryOperator::Or, right))?;
            Some(if *negated {
                Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(any))) }
            } else {
                any
            })
        }
        _ => None,
    }
}

/// `(a, b) IS NULL` where all are NULL, and `(a, b) IS NOT NULL` where none is: the planner would take the row for a struct, which is no NULL.
fn nulls_of_row(expression: &Expr) -> Option<Expr> {
    let (mut row, is_null) = match expression {
        Expr::IsNull(row) => (row.as_ref(), true),
        Expr::IsNotNull(row) => (row.as_ref(), false),
        _ => return None,
    };
    while let Expr::Nested(within) = row {
        row = within.as_ref();
    }
    let Expr::Tuple(values) = row else { return None };
    let each = values.iter().map(|value| {
        let value = Box::new(operand(value));
        if is_null { Expr::IsNull(value) } else { Expr::IsNotNull(value) }
    });
    each.reduce(|first, second| binary(first, &BinaryOperator::And, second))
}

fn of_one_width<'a>(left: &'a Expr, right: &'a Expr) -> Option<(&'a [Expr], &'a [Expr])> {
    match (left, right) {
        (Expr::Tuple(left), Expr::Tuple(right)) if left.len() == right.len() => Some((left, right)),
        _ => None,
    }
}

pub(super) fn of_each(left: &[Expr], right: &[Expr], compare: &BinaryOperator, join: &BinaryOperator) -> Expr {
    let pairs = left.iter().zip(right).map(|(left, right)| binary(operand(left), compare, operand(right)));
    pairs.reduce(|first, second| binary(first, join, second)).unwrap_or(Expr::Tuple(vec![]))
}

/// Lexicographic comparison: the first values that differ decide. `last` is the operator for the last pair.
fn in_order(left: &[Expr], right: &[Expr], strict: &BinaryOperator, last: &BinaryOperator) -> Option<Expr> {
    let mut pairs = left.iter().zip(right).rev();
    let of_last = pairs.next().map(|(left, right)| binary(operand(left), last, operand(right)))?;
    Some(pairs.fold(of_last, |rest, (left, right)| {
        let equal = binary(operand(left), &BinaryOperator::Eq, operand(right));
        let goes_on = Expr::Nested(Box::new(binary(equal, &BinaryOperator::And, Expr::Nested(Box::new(rest)))));
        binary(binary(operand(left), strict, operand(right)), &BinaryOperator::Or, goes_on)
    }))
}

fn operand(value: &Expr) -> Expr {
    match value {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Function(_) | Expr::Nested(_) => value.clone(),
        other => Expr::Nested(Box::new(other.clone())),
    }
}

/// Two expressions combined by an operator.
pub fn binary(left: Expr, op: &BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
}

/// The pattern with a backslash as its escape character in place of `escape`; `None` when the pattern ends with `escape`. Without an
/// escape character, a backslash is an ordinary character.
fn with_backslashes(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut escaped = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            escaped.extend(['\\', letters.next()?]);
        } else if letter == '\\' {
            escaped.push_str("\\\\");
        } else {
            escaped.push(letter);
        }
    }
    Some(escaped)
}

/// Rewrites an item of FROM.
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

/// `[a, b]` as `make_array(a, b)`: inside a list literal, DataFusion does not find the columns of other tables.
fn list_as_call(list: &mut Expr) {
    let Expr::Array(array) = list else { return };
    *list = call_of("make_array", std::mem::take(&mut array.elem));
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
        // With both LIMIT and FETCH, FETCH is left in place and rejected later.
        Some(_) => return,
    }
    query.fetch = None;
}

/// Writes the values of DISTINCT ON in the order of ORDER BY, in which the engine expects them.
fn distinct_as_ordered(select: &mut Select, order: Option<&OrderBy>) {
    let Some(Distinct::On(values)) = &mut select.distinct else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(sorts), .. }) = order else { return };
    let first: Vec<&Expr> = sorts.iter().take(values.len()).map(|sort| &sort.expr).collect();
    let is_turned = first.len() == values.len()
        && first.iter().all(|sort| values.contains(sort))
        && values.iter().all(|value| first.contains(&value));
    if is_turned {
        *values = first.into_iter().cloned().collect();
    }
}

/// `SELECT DISTINCT v + 1 … ORDER BY v + 1` as `ORDER BY 1`: DataFusion would look for `v` among the result columns.
fn order_of_distinct(select: &Select, order_by: &mut Option<OrderBy>) {
    let (Some(Distinct::Distinct), Some(OrderBy { kind: OrderByKind::Expressions(order), .. })) = (&select.distinct, order_by)
    else {
        return;
    };
    for sort in order {
        if matches!(sort.expr, Expr::Identifier(_) | Expr::Value(_)) {
            continue;
        }
        // Positions after a star are unknown.
        let counted = select.projection.iter().map_while(|item| match item {
            SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => Some(expression),
            _ => None,
        });
        if let Some(place) = counted.into_iter().position(|expression| *expression == sort.expr) {
            sort.expr = Expr::Value(Value::Number((place + 1).to_string(), false).with_empty_span());
        }
    }
}

/// Rewrites GROUP BY … WITH ROLLUP, `GROUP BY ()`, and column numbers within grouping sets.
fn grouping(select: &mut Select) {
    let group_by = &mut select.group_by;
    let GroupByExpr::Expressions(expressions, modifiers) = &mut *group_by else { return };
    // `()` is one group of all rows, which exists even without rows.
    let is_all = |expression: &Expr| matches!(expression, Expr::Tuple(members) if members.is_empty());
    if expressions.iter().any(is_all) {
        expressions.retain(|expression| !is_all(expression));
        if expressions.is_empty() {
            expressions.push(Expr::GroupingSets(vec![vec![]]));
        }
    }
    expressions.iter_mut().for_each(flatten);
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
    // Columns that go together: ROLLUP ((a, b), c).
    let joins =
        |expression: &Expr| matches!(expression, Expr::Rollup(sets) | Expr::Cube(sets) if sets.iter().any(|set| set.len() > 1));
    let multiplies = expressions.len() > 1 && !expressions.iter().all(plain);
    if modifiers.is_empty() && (multiplies || expressions.iter().any(joins)) && super::grouping::check(group_by).is_ok() {
        multiply(group_by);
    }
    let GroupByExpr::Expressions(expressions, _) = group_by else { return };
    for expression in expressions {
        let (Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets)) = expression else { continue };
        for member in sets.iter_mut().flatten() {
            let Expr::Value(value) = &*member else { continue };
            let Value::Number(number, _) = &value.value else { continue };
            let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            // Positions after a star are unknown.
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

/// `GROUP BY a, ROLLUP (b)` as `GROUP BY GROUPING SETS ((a), (a, b))`. DataFusion adds functionally dependent columns to keys next to a
/// ROLLUP: if `a` determines `b`, then `b` would be in every set.
fn multiply(group_by: &mut GroupByExpr) {
    let GroupByExpr::Expressions(expressions, _) = group_by else { return };
    let Some(factors) = expressions.iter().map(sets_of).collect::<Option<Vec<_>>>() else { return };
    let product = factors.into_iter().fold(vec![vec![]], |product: Vec<Vec<Expr>>, factor| {
        product.iter().flat_map(|set| factor.iter().map(move |more| [set.as_slice(), more.as_slice()].concat())).collect()
    });
    *expressions = vec![Expr::GroupingSets(product)];
}

/// `GROUPING SETS (ROLLUP (a, b), (c))` as `GROUPING SETS ((a, b), (a), (), (c))`.
fn flatten(expression: &mut Expr) {
    let Expr::GroupingSets(sets) = expression else { return };
    let of = |set: Vec<Expr>| {
        let nested = if let [Expr::Function(call)] = set.as_slice() { sets_of_call(call) } else { None };
        nested.unwrap_or_else(|| vec![set])
    };
    *sets = std::mem::take(sets).into_iter().flat_map(of).collect();
}

/// The grouping sets of ROLLUP or CUBE where the parser reads a function of that name; `None` for other functions.
fn sets_of_call(call: &Function) -> Option<Vec<Vec<Expr>>> {
    /// As many keys as [`super::grouping`] allows in one CUBE.
    const MOST_KEYS: usize = 12;
    let FunctionArguments::List(list) = &call.args else { return None };
    let member = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(members))) => Some(members.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(member)) => Some(vec![member.clone()]),
        _ => None,
    };
    let members = list.args.iter().map(member).collect::<Option<Vec<_>>>().filter(|members| members.len() <= MOST_KEYS)?;
    match call.name.to_string().to_lowercase().as_str() {
        "rollup" => sets_of(&Expr::Rollup(members)),
        "cube" => sets_of(&Expr::Cube(members)),
        _ => None,
    }
}

/// The grouping sets of one item of GROUP BY; `None` for nested ones.
fn sets_of(expression: &Expr) -> Option<Vec<Vec<Expr>>> {
    let joined = |members: &[&Vec<Expr>]| members.iter().flat_map(|member| member.iter().cloned()).collect::<Vec<_>>();
    let sets = match expression {
        Expr::GroupingSets(sets) => sets.clone(),
        Expr::Rollup(members) => {
            let members: Vec<_> = members.iter().collect();
            (0..=members.len()).rev().map(|count| joined(&members[..count])).collect()
        }
        Expr::Cube(members) => (0..1_usize << members.len())
            .rev()
            .map(|chosen| {
                let taken = members.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, member)| member);
                joined(&taken.collect::<Vec<_>>())
            })
            .collect(),
        Expr::Tuple(members) => vec![members.clone()],
        other => vec![vec![other.clone()]],
    };
    let nests = |member: &Expr| matches!(member, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
    (!sets.iter().flatten().any(nests)).then_some(sets)
}

/// Replaces references to named windows by their definitions.
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
        // A definition that cannot be resolved, or a duplicate name, is left in place and rejected later.
        let Some(window) = settled.filter(|_| found(name, &known).is_none()) else { return };
        known.push((own(name), window));
    }
    let mut windows = Windows { known, depth: 0 };
    for item in &mut select.projection {
        let _ = item.walk_mut(&mut windows);
    }
    let _ = select.qualify.walk_mut(&mut windows);
    if let Some(OrderBy { kind: OrderByKind::Expressions(expressions), .. }) = order_by {
        let _ = expressions.walk_mut(&mut windows);
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

/// Resolves `(w ORDER BY x)`: takes the partitions of `w`, and its order if it has one. Returns true when nothing is left to resolve.
fn settle(window: &mut WindowSpec, known: &[(String, WindowSpec)]) -> bool {
    let Some(name) = &window.window_name else { return true };
    let Some(base) = found(name, known) else { return false };
    // As in the SQL standard: the partitions come from the base window, whose order cannot be overridden and which must not have a frame.
    if !window.partition_by.iter().all(exclusions::is_mark)
        || (!base.order_by.is_empty() && !window.order_by.is_empty())
        || base.window_frame.is_some()
    {
        return false;
    }
    window.partition_by.extend(base.partition_by.iter().cloned());
    if window.order_by.is_empty() {
        window.order_by.clone_from(&base.order_by);
    }
    window.window_name = None;
    true
}

struct Windows {
    known: Vec<(String, WindowSpec)>,
    /// The number of enclosing subqueries, which have windows of their own.
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

    // Children are visited before their parent, so a window that names itself in its definition is not replaced forever.
    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
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
