//! The names of SELECT columns without AS, as in PostgreSQL.
//!
//! | expression | name |
//! |---|---|
//! | `count(*)`, `round(a, 2)` | that of the function: `count`, `round` |
//! | `CAST(a AS INT)`, `t.list[1]` | that of the column: `a`, `list` |
//! | `'1'::INT`, `DATE '2025-01-01'` | PostgreSQL's name for the type: `int4`, `date` |
//! | `CASE … ELSE a END` | that of the column after ELSE, otherwise `case` |
//! | `(SELECT max(a) FROM t)` | that of its one column: `max` |
//! | `ARRAY[1, 2]`, `EXISTS (…)`, `ROW(1, 2)` | `array`, `exists`, `row` |
//! | `a + 1`, `a || b`, `'text'` | `?column?` |
//!
//! DataFusion requires unique names, and resolves a name in HAVING to a column of the result, which SQL does not. So a column keeps its
//! name only where something refers to it (an outer query, ORDER BY or GROUP BY) and nothing could mean another column by it. Everywhere
//! else the name is *marked*: invisible characters make it unique until the [plan is named](crate::sql::headings).
//!
//! Source: PostgreSQL 15, `src/backend/parser/parse_target.c`, `FigureColname`.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::sql::parser::{CopyToSource, Statement as SqlParsed};
use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, DescribeAlias, Expr, FunctionArguments, GroupByExpr, Ident, OrderBy, OrderByKind,
    Query, Select, SelectItem, SetExpr, SetQuantifier, Statement as SqlStatement, TimezoneInfo, TrimWhereField, Visit,
};

use super::postgres::is_call;
use super::sorted_names;
use super::star_columns::has_columns;
use crate::error::{SqlState, coded};
use crate::sql::command::normal;
use crate::text::marked;
use crate::walk::Walk;

/// Where a query occurs, which decides who reads the names of its columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its rows are the result of the statement.
    Result,
    /// In FROM or WITH: the outer query refers to its columns by name.
    From,
    /// A function or an object takes its columns and reports their names, as features do. A column without a good name is called by its
    /// expression.
    Taken,
    /// Nothing shows the names.
    Unseen,
}

/// Names the columns of a statement's result.
///
/// # Errors
/// Same as [`of_query`].
pub fn of_statement(parsed: &mut SqlParsed) -> Result<()> {
    match parsed {
        SqlParsed::Statement(statement) => of_sql(statement),
        SqlParsed::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => of_query(query, Place::Result),
            CopyToSource::Relation(_) => Ok(()),
        },
        SqlParsed::Explain(_) | SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => Ok(()),
    }
}

fn of_sql(statement: &mut SqlStatement) -> Result<()> {
    match statement {
        SqlStatement::Query(query) => of_query(query, Place::Result),
        SqlStatement::CreateTable(table) => table.query.as_mut().map_or(Ok(()), |query| of_query(query, Place::Result)),
        SqlStatement::CreateView(view) => of_query(&mut view.query, Place::Result),
        SqlStatement::Prepare { statement, .. }
        | SqlStatement::Explain { describe_alias: DescribeAlias::Describe | DescribeAlias::Desc, statement, .. } => {
            of_sql(statement)
        }
        _ => Ok(()),
    }
}

/// Names the columns of a query, but not those of its subqueries.
///
/// # Errors
/// ORDER BY uses a name that several different columns have.
pub fn of_query(query: &mut Query, place: Place) -> Result<()> {
    for table in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
        of_query(&mut table.query, Place::From)?;
    }
    sorted_names::tell_apart(query, place)?;
    let mut readers = Readers::default();
    if let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = &query.order_by {
        for sort in order {
            readers.read(&sort.expr);
        }
    }
    of_body(&mut query.body, &readers, place)
}

fn of_body(body: &mut SetExpr, readers: &Readers, place: Place) -> Result<()> {
    match body {
        SetExpr::Select(select) => of_select(select, readers, place),
        // A set operation has the column names of its first side. BY NAME matches the names of both sides.
        SetExpr::SetOperation { left, right, set_quantifier, .. } => {
            of_body(left, readers, place)?;
            match set_quantifier {
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                    of_body(right, readers, Place::From)
                }
                _ => Ok(()),
            }
        }
        SetExpr::Query(query) => of_query(query, place),
        _ => Ok(()),
    }
}

/// Names that the rest of a query refers to: `whole` for names that stand alone in ORDER BY or GROUP BY, `within` for all others.
#[derive(Default, Clone)]
struct Readers {
    whole: HashSet<String>,
    within: HashSet<String>,
}

impl Readers {
    /// A name alone in ORDER BY or GROUP BY means a column of the result.
    fn read(&mut self, expression: &Expr) {
        match expression {
            Expr::Identifier(name) => drop(self.whole.insert(normal(name))),
            other => self.read_within(other),
        }
    }

    fn read_within(&mut self, expression: &impl Visit) {
        let _ = expression.each_expression(|part| {
            if let Expr::Identifier(name) = part {
                self.within.insert(normal(name));
            }
            ControlFlow::<()>::Continue(())
        });
    }
}

fn of_select(select: &mut Select, readers: &Readers, place: Place) -> Result<()> {
    let mut names: Vec<Option<String>> = select.projection.iter().map(name_of).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in names.iter().flatten() {
        *counts.entry(name.clone()).or_default() += 1;
    }
    let is_twice = |name: &str| counts.get(name).is_some_and(|count| *count > 1);
    for name in readers.whole.iter().filter(|name| is_twice(name)) {
        let mut called = select.projection.iter().zip(&names).filter(|(_, called)| called.as_ref() == Some(name));
        let first = called.next().and_then(|(item, _)| expression(item));
        if called.any(|(item, _)| expression(item) != first) {
            let problem = "two columns of the result have this name; write the expression or the number of the column, or give them names of their own with AS";
            return Err(coded(SqlState::AMBIGUOUS_COLUMN, &format!("ORDER BY {name}"), problem));
        }
    }
    let mut readers = readers.clone();
    if let GroupByExpr::Expressions(keys, _) = &select.group_by {
        keys.iter().for_each(|key| readers.read(key));
    }
    select.having.iter().chain(&select.qualify).for_each(|condition| readers.read_within(condition));
    for (number, (item, name)) in select.projection.iter_mut().zip(&mut names).enumerate() {
        let Some(name) = name.take() else { continue };
        let is_read = match place {
            Place::From => true,
            Place::Taken => name != UNKNOWN,
            Place::Result | Place::Unseen => readers.whole.contains(&name),
        };
        match item {
            SelectItem::ExprWithAlias { alias, .. } if is_twice(&name) => {
                *alias = Ident::with_quote('"', marked(&name, number));
            }
            // A reader of this name must get an error that it is ambiguous.
            SelectItem::UnnamedExpr(expr) if place == Place::From && is_twice(&name) && is_column(expr) => {
                let alias = Ident::with_quote('"', marked(&name, number));
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
            SelectItem::UnnamedExpr(expr) if !is_column(expr) => {
                let given = if is_read && !is_twice(&name) && !readers.within.contains(&name) {
                    name
                } else if matches!(place, Place::Taken | Place::Unseen) {
                    continue;
                } else {
                    marked(&name, number)
                };
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', given) };
            }
            _ => {}
        }
    }
    Ok(())
}

fn expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => Some(expression),
        _ => None,
    }
}

fn is_column(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(name) => !is_call(name),
        other => matches!(other, Expr::CompoundIdentifier(_)),
    }
}

/// The name of a column; `None` for an item that stands for several columns.
fn name_of(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(normal(alias)),
        SelectItem::UnnamedExpr(expression) if stands_for_several(expression) => None,
        SelectItem::UnnamedExpr(expression) => Some(of_expression(expression)),
        _ => None,
    }
}

/// True for `COLUMNS(…)`, and for `unnest(a)`: a struct unnests to several columns, so DataFusion allows no alias for it.
fn stands_for_several(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("unnest")) || has_columns(expression)
}

/// The name of a column with this expression.
fn of_expression(expression: &Expr) -> String {
    figured(expression).map_or_else(|| UNKNOWN.into(), |(name, _)| name)
}

/// The name of a column whose expression suggests none.
const UNKNOWN: &str = "?column?";

/// How descriptive a name is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It only gives the type, or says that it is a CASE; a better name from an inner expression is preferred.
    Little,
    Enough,
}

fn figured(expression: &Expr) -> Option<(String, Says)> {
    let enough = |name: &str| Some((name.to_string(), Says::Enough));
    let called = |name: &Ident| Some((normal(name), Says::Enough));
    match expression {
        Expr::Identifier(name) => called(name),
        Expr::CompoundIdentifier(names) => called(names.last()?),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(name)) => Some(name),
                _ => None,
            });
            field.map_or_else(|| figured(root), called)
        }
        Expr::Nested(within) => figured(within),
        Expr::Collate { expr, .. } => figured(expr),
        Expr::Cast { expr, data_type, .. } => of_cast(figured(expr), data_type),
        Expr::Convert { expr, data_type: Some(data_type), .. } => of_cast(figured(expr), data_type),
        Expr::TypedString(typed) => of_cast(None, &typed.data_type),
        Expr::Interval(_) => Some(("interval".into(), Says::Little)),
        Expr::Case { else_result, .. } => match else_result.as_ref().and_then(|otherwise| figured(otherwise)) {
            Some((name, Says::Enough)) => enough(&name),
            _ => Some(("case".into(), Says::Little)),
        },
        Expr::Function(call) => match (&call.args, call.name.0.last()?.as_ident()?) {
            (FunctionArguments::Subquery(_), name) if name.value.eq_ignore_ascii_case("array") => enough("array"),
            (_, name) => called(name),
        },
        Expr::Subquery(query) => {
            let mut body = query.body.as_ref();
            while let SetExpr::SetOperation { left, .. } = body {
                body = left;
            }
            match body {
                SetExpr::Select(select) => match select.projection.as_slice() {
                    [SelectItem::ExprWithAlias { alias, .. }] => called(alias),
                    [SelectItem::UnnamedExpr(expression)] => figured(expression),
                    _ => None,
                },
                SetExpr::Values(_) => enough("column1"),
                _ => None,
            }
        }
        Expr::Exists { negated: false, .. } => enough("exists"),
        Expr::Array(_) => enough("array"),
        Expr::Tuple(_) => enough("row"),
        Expr::Struct { .. } | Expr::Dictionary(_) => enough("struct"),
        Expr::Map(_) => enough("map"),
        Expr::AtTimeZone { .. } => enough("timezone"),
        Expr::Extract { .. } => enough("extract"),
        Expr::Ceil { .. } => enough("ceil"),
        Expr::Floor { .. } => enough("floor"),
        Expr::Position { .. } => enough("position"),
        Expr::Substring { .. } => enough("substring"),
        Expr::Overlay { .. } => enough("overlay"),
        Expr::Trim { trim_where, .. } => match trim_where {
            Some(TrimWhereField::Leading) => enough("ltrim"),
            Some(TrimWhereField::Trailing) => enough("rtrim"),
            Some(TrimWhereField::Both) | None => enough("btrim"),
        },
        Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => enough("grouping"),
        _ => None,
    }
}

fn of_cast(within: Option<(String, Says)>, data_type: &DataType) -> Option<(String, Says)> {
    match within {
        Some((name, Says::Enough)) => Some((name, Says::Enough)),
        _ => Some((type_name(data_type), Says::Little)),
    }
}

/// PostgreSQL's internal name of a type; a type that PostgreSQL does not have keeps its own name.
fn type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float(_) | DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 => "float8",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Bool | DataType::Boolean => "bool",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timestamptz",
        DataType::Timestamp(..) => "timestamp",
        DataType::Time(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timetz",
        DataType::Time(..) => "time",
        DataType::Interval { .. } => "interval",
        DataType::Array(
            ArrayElemTypeDef::AngleBracket(of) | ArrayElemTypeDef::SquareBracket(of, _) | ArrayElemTypeDef::Parenthesis(of),
        ) => return type_name(of),
        other => {
            let written = other.to_string().to_lowercase();
            let end = written.find(['(', '<', ' ']).unwrap_or(written.len());
            return written[..end].to_string();
        }
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::of_expression;
    use crate::sql::parser::parse_expression;

    #[test]
    fn expressions_are_called_as_in_postgresql() {
        let calls = [
            ("count(*)", "count"),
            ("COUNT(*) FILTER (WHERE a > 1) OVER ()", "count"),
            ("\"Sum\"(a)", "Sum"),
            ("a + 1", "?column?"),
            ("-a", "?column?"),
            ("(a)", "a"),
            ("t.a", "a"),
            ("CAST(a AS INT)", "a"),
            ("CAST(count(*) AS INT)", "count"),
            ("'1'::INT", "int4"),
            ("'1'::BIGINT::TEXT", "text"),
            ("NULL::DECIMAL(10, 2)", "numeric"),
            ("(a + 1)::DOUBLE PRECISION", "float8"),
            ("'{}'::INT[]", "int4"),
            ("DATE '2025-01-01'", "date"),
            ("TIMESTAMP WITH TIME ZONE '2025-01-01'", "timestamptz"),
            ("INTERVAL '1 day'", "interval"),
            ("CASE WHEN a THEN 1 END", "case"),
            ("CASE WHEN a THEN 1 ELSE b END", "b"),
            ("CASE WHEN a THEN 1 ELSE '2'::INT END", "case"),
            ("coalesce(a, b)", "coalesce"),
            ("ARRAY[1, 2]", "array"),
            ("[1, 2]", "array"),
            ("(1, 2)", "row"),
            ("a[1]", "a"),
            ("EXISTS (SELECT 1)", "exists"),
            ("NOT EXISTS (SELECT 1)", "?column?"),
            ("(SELECT max(a) FROM t)", "max"),
            ("(SELECT 1 AS one)", "one"),
            ("(SELECT 1)", "?column?"),
            ("a IN (1)", "?column?"),
            ("a IS NULL", "?column?"),
            ("extract(year FROM a)", "extract"),
            ("trim(a)", "btrim"),
            ("trim(LEADING 'x' FROM a)", "ltrim"),
            ("substring(a FROM 1 FOR 2)", "substring"),
            ("a AT TIME ZONE 'UTC'", "timezone"),
            ("current_date", "current_date"),
        ];
        for (written, called) in calls {
            assert_eq!(of_expression(&parse_expression(written).unwrap()), called, "{written}");
        }
    }
}
