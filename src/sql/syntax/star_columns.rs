//! Expands `* ILIKE 'a%'`, `* RENAME (a AS b)`, `COLUMNS('pattern')` and `COLUMNS(* EXCLUDE (a))`, the calls also in WHERE, GROUP BY, HAVING,
//! QUALIFY and ORDER BY, once the columns of FROM are known.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::common::{Column, Result};
use datafusion::functions::regex::compile_regex;
use sqlparser::ast::{
    Array, BinaryOperator, ExceptSelectItem, ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Ident, IdentWithAlias, LambdaFunction, ObjectName, OrderBy, OrderByExpr, OrderByKind, RenameSelectItem, Select,
    SelectItem, SelectItemQualifiedWildcardKind, UnaryOperator, Value, VisitorMut, WildcardAdditionalOptions,
};

use super::rewritten::binary;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::sql::command::normal;
use crate::text::marked;
use crate::walk::{Walk, WalkMut};

const COLUMNS: &str = "COLUMNS";

/// True for an item whose columns depend on the columns of FROM.
pub fn asks(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_ilike.is_some() || options.opt_rename.is_some()
        }
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => has_columns(expression),
        SelectItem::ExprWithAliases { .. } => false,
    }
}

/// True for a SELECT whose items, groups or conditions depend on the columns of FROM.
pub fn asks_in(select: &Select) -> bool {
    let conditions = [&select.selection, &select.having, &select.qualify];
    let groups = match &select.group_by {
        GroupByExpr::Expressions(groups, _) => groups.as_slice(),
        GroupByExpr::All(_) => &[],
    };
    select.projection.iter().any(asks) || conditions.into_iter().flatten().any(has_columns) || groups.iter().any(has_columns)
}

/// True for an order that depends on the columns of FROM.
pub fn asks_in_order(order: &OrderBy) -> bool {
    match &order.kind {
        OrderByKind::Expressions(keys) => keys.iter().any(|key| has_columns(&key.expr)),
        OrderByKind::All(_) => false,
    }
}

/// True for `a, t.*` over several tables: only the columns of FROM tell whether `a` is also a column of `t` and so repeated.
pub fn is_unclear(select: &Select) -> bool {
    let has_several = select.from.len() > 1 || select.from.iter().any(|table| !table.joins.is_empty());
    let has = |is: fn(&SelectItem) -> bool| select.projection.iter().any(is);
    has_several && has(is_of_table) && has(|item| name_alone(item).is_some())
}

fn is_of_table(item: &SelectItem) -> bool {
    matches!(item, SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), _))
}

fn name_alone(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name),
        _ => None,
    }
}

/// True for an expression with a call of `COLUMNS`.
pub fn has_columns(expression: &Expr) -> bool {
    expression
        .each_expression(|part| match part {
            Expr::Function(call) if is_columns(call) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .is_break()
}

/// True for a call of `COLUMNS`.
pub fn is_columns(call: &Function) -> bool {
    call.name.to_string().eq_ignore_ascii_case(COLUMNS)
}

/// Replaces such items by columns.
///
/// # Errors
/// An item matches no column, or names one that does not exist.
pub fn expand(select: &mut Select, columns: &[Column]) -> Result<()> {
    let mut items = vec![];
    let is_unclear = is_unclear(select);
    for item in std::mem::take(&mut select.projection) {
        let stands_for_several = asks(&item) || is_unclear && is_of_table(&item);
        if !stands_for_several {
            items.push(item);
            continue;
        }
        match item {
            SelectItem::Wildcard(options) => items.extend(of_star(&options, columns)?),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                items.extend(of_star(&options, &of_table(columns, &table)?)?);
            }
            SelectItem::UnnamedExpr(expression) => items.extend(of_call(&expression, None, columns)?),
            SelectItem::ExprWithAlias { expr, alias } => items.extend(of_call(&expr, Some(&alias), columns)?),
            other => items.push(other),
        }
    }
    if is_unclear {
        hide_repeated(&mut items);
    }
    // Duplicate names, as in `min(COLUMNS(*)), max(COLUMNS(*))`, are made unique.
    let mut counts: HashMap<String, usize> = HashMap::new();
    for item in &items {
        if let SelectItem::ExprWithAlias { alias, .. } = item {
            *counts.entry(alias.value.clone()).or_default() += 1;
        }
    }
    for (number, item) in items.iter_mut().enumerate() {
        if let SelectItem::ExprWithAlias { alias, .. } = item
            && counts.get(&alias.value).is_some_and(|count| *count > 1)
        {
            *alias = quoted(&marked(&alias.value, number));
        }
    }
    select.projection = items;
    // A condition must hold for each of the columns.
    for condition in [&mut select.selection, &mut select.having, &mut select.qualify] {
        if let Some(own) = condition.take_if(|condition| has_columns(condition)) {
            let each = each_of(&own, columns)?.into_iter().map(|part| Expr::Nested(Box::new(part)));
            *condition = each.reduce(|left, right| binary(left, &BinaryOperator::And, right));
        }
    }
    if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
        for group in std::mem::take(groups) {
            if has_columns(&group) { groups.extend(each_of(&group, columns)?) } else { groups.push(group) }
        }
    }
    Ok(())
}

/// Replaces a key of an order by one for each of the columns.
///
/// # Errors
/// A call matches no column, or names one that does not exist.
pub fn expand_order(order: &mut OrderBy, columns: &[Column]) -> Result<()> {
    let OrderByKind::Expressions(keys) = &mut order.kind else { return Ok(()) };
    for key in std::mem::take(keys) {
        match has_columns(&key.expr) {
            true => keys.extend(each_of(&key.expr, columns)?.into_iter().map(|expr| OrderByExpr { expr, ..key.clone() })),
            false => keys.push(key),
        }
    }
    Ok(())
}

/// The expression for each of the columns that its call of `COLUMNS` stands for.
fn each_of(expression: &Expr, columns: &[Column]) -> Result<Vec<Expr>> {
    let items = of_call(expression, None, columns)?.into_iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    Ok(items.collect())
}

/// Renames an unqualified column if the same column is also in the list.
fn hide_repeated(items: &mut [SelectItem]) {
    let of_tables = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(normal),
        _ => None,
    };
    let of_tables: HashSet<String> = items.iter().filter_map(of_tables).collect();
    for (place, item) in items.iter_mut().enumerate() {
        if let Some(name) = name_alone(item).cloned()
            && of_tables.contains(&normal(&name))
        {
            let alias = quoted(&marked(&normal(&name), place));
            *item = SelectItem::ExprWithAlias { expr: Expr::Identifier(name), alias };
        }
    }
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

fn read(column: &Column) -> Expr {
    match &column.relation {
        None => Expr::Identifier(quoted(&column.name)),
        Some(table) => {
            let parts = [table.catalog(), table.schema(), Some(table.table()), Some(column.name.as_str())];
            Expr::CompoundIdentifier(parts.into_iter().flatten().map(quoted).collect())
        }
    }
}

fn of_table(columns: &[Column], table: &ObjectName) -> Result<Vec<Column>> {
    let name = table.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default();
    let is_of = |column: &&Column| column.relation.as_ref().is_some_and(|of| of.table() == name);
    let own: Vec<Column> = columns.iter().filter(is_of).cloned().collect();
    match own.as_slice() {
        [] => Err(coded(SqlState::UNDEFINED_TABLE, &format!("{table}.*"), "no table in FROM has this name")),
        _ => Ok(own),
    }
}

fn names_of(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn check_known(what: &str, name: &str, columns: &[Column]) -> Result<()> {
    if columns.iter().any(|column| column.name == name) {
        return Ok(());
    }
    let suggestion = did_you_mean(name, columns.iter().map(|column| column.name.as_str()));
    let problem = format!("no such column; {what} takes columns of the star{suggestion}; there is {}", names_of(columns));
    Err(coded(SqlState::UNDEFINED_COLUMN, name, problem))
}

/// The columns of a star after EXCLUDE and REPLACE, each with its expression.
fn kept(options: &WildcardAdditionalOptions, columns: &[Column]) -> Result<Vec<(String, Expr)>> {
    let of_name = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default();
    let mut left_out: Vec<String> = match &options.opt_exclude {
        None => vec![],
        Some(ExcludeSelectItem::Single(name)) => vec![of_name(name)],
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(of_name).collect(),
    };
    if let Some(ExceptSelectItem { first_element, additional_elements }) = &options.opt_except {
        left_out.extend(std::iter::once(first_element).chain(additional_elements).map(normal));
    }
    for name in &left_out {
        check_known("EXCLUDE", name, columns)?;
    }
    let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
    let replaced: HashMap<String, &Expr> = replaced.map(|item| (normal(&item.column_name), &item.expr)).collect();
    for name in replaced.keys() {
        check_known("REPLACE", name, columns)?;
    }
    let kept = columns.iter().filter(|column| !left_out.contains(&column.name));
    Ok(kept
        .map(|column| (column.name.clone(), replaced.get(&column.name).map_or_else(|| read(column), |value| (*value).clone())))
        .collect())
}

fn of_star(options: &WildcardAdditionalOptions, columns: &[Column]) -> Result<Vec<SelectItem>> {
    let mut kept = kept(options, columns)?;
    if let Some(ilike) = &options.opt_ilike {
        kept.retain(|(name, _)| is_like(&ilike.pattern.to_lowercase(), &name.to_lowercase()));
        if kept.is_empty() {
            let problem = format!("no column matches; there is {}", names_of(columns));
            return Err(coded(SqlState::UNDEFINED_COLUMN, &format!("* ILIKE '{}'", ilike.pattern), problem));
        }
    }
    let renamed: HashMap<String, &Ident> = match &options.opt_rename {
        None => HashMap::new(),
        Some(RenameSelectItem::Single(IdentWithAlias { ident, alias })) => HashMap::from([(normal(ident), alias)]),
        Some(RenameSelectItem::Multiple(names)) => names.iter().map(|name| (normal(&name.ident), &name.alias)).collect(),
    };
    for name in renamed.keys() {
        check_known("RENAME", name, columns)?;
    }
    let item = |(name, expr): (String, Expr)| match renamed.get(&name) {
        Some(alias) => SelectItem::ExprWithAlias { expr, alias: (*alias).clone() },
        None if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => SelectItem::UnnamedExpr(expr),
        None => SelectItem::ExprWithAlias { expr, alias: quoted(&name) },
    };
    Ok(kept.into_iter().map(item).collect())
}

/// Matches a name against a LIKE pattern: `%` is any string, `_` any character, `\` the escape.
fn is_like(pattern: &str, name: &str) -> bool {
    let letters: Vec<char> = name.chars().collect();
    // Dynamic programming: `takes[n]` says whether the pattern so far matches the first `n` characters.
    let mut takes = vec![false; letters.len() + 1];
    takes[0] = true;
    let mut pattern = pattern.chars();
    while let Some(letter) = pattern.next() {
        if letter == '%' {
            let first = takes.iter().position(|taken| *taken).unwrap_or(takes.len());
            takes.iter_mut().skip(first).for_each(|taken| *taken = true);
            continue;
        }
        let any = letter == '_';
        let letter = if letter == '\\' { pattern.next().unwrap_or(letter) } else { letter };
        for place in (0..letters.len()).rev() {
            takes[place + 1] = takes[place] && (any || letters[place] == letter);
        }
        takes[0] = false;
    }
    takes.last().copied().unwrap_or(false)
}

/// One item for each column that `COLUMNS(…)` stands for.
fn of_call(expression: &Expr, alias: Option<&Ident>, columns: &[Column]) -> Result<Vec<SelectItem>> {
    let mut calls: Vec<Function> = vec![];
    let _ = expression.each_expression(|part| {
        if let Expr::Function(call) = part
            && is_columns(call)
        {
            calls.push(call.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    let Some(first) = calls.first() else { return Ok(vec![]) };
    if let Some(other) = calls.iter().find(|call| call.args != first.args) {
        return Err(invalid(COLUMNS, format!("the calls in one expression mean the same columns, got {first} and {other}")));
    }
    let mut items = vec![];
    for (name, column) in meant(first, columns)? {
        let mut value = expression.clone();
        let _ = value.walk_mut(&mut Put(&column));
        items.push(SelectItem::ExprWithAlias { expr: value, alias: alias.cloned().unwrap_or_else(|| quoted(&name)) });
    }
    Ok(items)
}

/// The names of the columns that a call of `COLUMNS` stands for.
///
/// # Errors
/// It stands for none, or replaces one by an expression.
pub fn names_meant(call: &Function, columns: &[Column]) -> Result<Vec<String>> {
    let plain = |(name, column): (String, Expr)| match column {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Ok(name),
        other => Err(invalid(COLUMNS, format!("takes columns as they are here, got {other} for {name}"))),
    };
    meant(call, columns)?.into_iter().map(plain).collect()
}

fn meant(call: &Function, columns: &[Column]) -> Result<Vec<(String, Expr)>> {
    let wrong = || {
        let problem = format!(
            "takes a pattern, COLUMNS('^amount'), names, COLUMNS(['a', 'b']), a star, COLUMNS(* EXCLUDE (a)), or a condition on the name, COLUMNS(name -> name LIKE 'a%'); got {call}"
        );
        invalid(COLUMNS, problem)
    };
    let FunctionArguments::List(list) = &call.args else { return Err(wrong()) };
    let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else { return Err(wrong()) };
    let all = || columns.iter().map(|column| (column.name.clone(), read(column)));
    let meant: Vec<(String, Expr)> = match argument {
        FunctionArgExpr::Wildcard => all().collect(),
        FunctionArgExpr::WildcardWithOptions(options) if options.opt_rename.is_none() && options.opt_ilike.is_none() => {
            kept(options, columns)?
        }
        FunctionArgExpr::QualifiedWildcard(table) => {
            of_table(columns, table)?.iter().map(|column| (column.name.clone(), read(column))).collect()
        }
        FunctionArgExpr::Expr(Expr::Value(pattern)) => {
            let Value::SingleQuotedString(pattern) = &pattern.value else { return Err(wrong()) };
            let compiled = compile_regex(pattern, None)
                .map_err(|_| invalid(COLUMNS, format!("'{pattern}' is not a valid regular expression")))?;
            all().filter(|(name, _)| compiled.is_match(name)).collect()
        }
        FunctionArgExpr::Expr(Expr::Array(Array { elem, .. })) => {
            let mut named = vec![];
            for name in elem {
                let Expr::Value(name) = name else { return Err(wrong()) };
                let Value::SingleQuotedString(name) = &name.value else { return Err(wrong()) };
                check_known(COLUMNS, name, columns)?;
                named.extend(all().filter(|(own, _)| own == name));
            }
            named
        }
        FunctionArgExpr::Expr(Expr::Lambda(LambdaFunction { params, body, syntax: _ })) => {
            let [parameter] = &**params else { return Err(wrong()) };
            let mut chosen = vec![];
            for (name, column) in all() {
                if (Named { parameter: &normal(&parameter.name), name: &name }).holds(body).ok_or_else(wrong)? {
                    chosen.push((name, column));
                }
            }
            chosen
        }
        _ => return Err(wrong()),
    };
    if meant.is_empty() {
        let problem = format!("no column is selected; there is {}", names_of(columns));
        return Err(coded(SqlState::UNDEFINED_COLUMN, &call.to_string(), problem));
    }
    Ok(meant)
}

/// The name of a column, in a lambda that chooses columns.
struct Named<'a> {
    parameter: &'a str,
    name: &'a str,
}

impl Named<'_> {
    /// Whether a condition on the name is true; `None` for a condition of another form.
    fn holds(&self, condition: &Expr) -> Option<bool> {
        match condition {
            Expr::Nested(inner) => self.holds(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.holds(expr).map(|holds| !holds),
            Expr::BinaryOp { left, op, right } => match op {
                BinaryOperator::And => Some(self.holds(left)? && self.holds(right)?),
                BinaryOperator::Or => Some(self.holds(left)? || self.holds(right)?),
                BinaryOperator::Eq => Some(self.text(left)? == self.text(right)?),
                BinaryOperator::NotEq => Some(self.text(left)? != self.text(right)?),
                BinaryOperator::PGRegexMatch => self.matches(left, right),
                BinaryOperator::PGRegexNotMatch => self.matches(left, right).map(|matches| !matches),
                _ => None,
            },
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                Some(is_like(&self.text(pattern)?, &self.text(expr)?) != *negated)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                Some(is_like(&self.text(pattern)?.to_lowercase(), &self.text(expr)?.to_lowercase()) != *negated)
            }
            Expr::InList { expr, list, negated } => {
                let own = self.text(expr)?;
                let others = list.iter().map(|other| self.text(other)).collect::<Option<Vec<_>>>()?;
                Some(others.contains(&own) != *negated)
            }
            Expr::Function(call) => match (name_of(call).as_str(), self.arguments(call)?.as_slice()) {
                ("starts_with", [text, part]) => Some(text.starts_with(part)),
                ("ends_with", [text, part]) => Some(text.ends_with(part)),
                ("contains", [text, part]) => Some(text.contains(part)),
                ("regexp_matches" | "regexp_like", [text, pattern]) => {
                    compile_regex(pattern, None).ok().map(|pattern| pattern.is_match(text))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn matches(&self, text: &Expr, pattern: &Expr) -> Option<bool> {
        let (text, pattern) = (self.text(text)?, self.text(pattern)?);
        compile_regex(&pattern, None).ok().map(|pattern| pattern.is_match(&text))
    }

    fn text(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Nested(inner) => self.text(inner),
            Expr::Identifier(name) if normal(name) == self.parameter => Some(self.name.to_string()),
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            Expr::Function(call) => match (name_of(call).as_str(), self.arguments(call)?.as_slice()) {
                ("lower", [text]) => Some(text.to_lowercase()),
                ("upper", [text]) => Some(text.to_uppercase()),
                _ => None,
            },
            _ => None,
        }
    }

    fn arguments(&self, call: &Function) -> Option<Vec<String>> {
        let FunctionArguments::List(list) = &call.args else { return None };
        let text = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(text)) => self.text(text),
            _ => None,
        };
        list.args.iter().map(text).collect()
    }
}

fn name_of(call: &Function) -> String {
    call.name.to_string().to_lowercase()
}

struct Put<'a>(&'a Expr);

impl VisitorMut for Put<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(call) = expression
            && is_columns(call)
        {
            *expression = self.0.clone();
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn names_are_taken_as_by_like() {
        for (pattern, name, is) in [
            ("a%", "amount", true),
            ("%o_n%", "amount", true),
            ("%o_t%", "amount", false),
            ("%ou_t", "amount", true),
            ("%", "", true),
            ("a", "ab", false),
            ("%a%b", "xaxb", true),
            ("金%", "金额", true),
            ("a\\_b", "axb", false),
            ("a\\_b", "a_b", true),
        ] {
            assert_eq!(is_like(pattern, name), is, "{pattern} {name}");
        }
    }
}
