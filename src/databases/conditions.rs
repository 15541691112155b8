//! Conditions in the SQL of another database.
//!
//! A condition goes there only when it means the same there for every value that can be read, or when what it lets through is at
//! least what the condition would: then the engine looks at the rows again. What means something else, such as a comparison under a
//! collation that takes two texts for one, stays here.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown};

/// The most values of one IN that are written into a statement.
const LONGEST_LIST: usize = 1000;

/// A condition in the other database's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub sql: String,
    /// True when it lets through exactly what was asked for, false when it may be more.
    pub is_exact: bool,
}

impl Condition {
    pub fn exact(sql: String) -> Self {
        Self { sql, is_exact: true }
    }
}

/// How a database writes conditions over the columns of a relation, by their names.
pub trait Dialect {
    /// The column compared with a value: one of `=`, `<>`, `<`, `<=`, `>`, `>=`.
    fn compare(&self, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition>;

    /// The text column against a pattern in which nothing is escaped.
    fn like(&self, column: &str, pattern: &str) -> Option<Condition>;

    /// The column's name in SQL, when there is such a column.
    fn name(&self, column: &str) -> Option<String>;

    /// True for a column of booleans.
    fn is_boolean(&self, column: &str) -> bool;
}

/// Whether a filter goes to the other database.
pub fn pushdown(filter: &Expr, dialect: &dyn Dialect) -> TableProviderFilterPushDown {
    match condition(filter, dialect) {
        Some(Condition { is_exact: true, .. }) => TableProviderFilterPushDown::Exact,
        Some(_) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    }
}

/// The filters that go there, joined with AND; empty without any.
pub fn all(filters: &[Expr], dialect: &dyn Dialect) -> Vec<String> {
    filters.iter().filter_map(|filter| condition(filter, dialect)).map(|condition| condition.sql).collect()
}

fn condition(filter: &Expr, dialect: &dyn Dialect) -> Option<Condition> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            // Each lets through at least what it should, and so does what they make together.
            let (left, right) = (condition(left, dialect)?, condition(right, dialect)?);
            Some(Condition { sql: format!("({} {op} {})", left.sql, right.sql), is_exact: left.is_exact && right.is_exact })
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => compare(dialect, &column.name, *op, value),
            (Expr::Literal(value, _), Expr::Column(column)) => compare(dialect, &column.name, op.swap()?, value),
            _ => None,
        },
        Expr::Not(inner) => negated(&condition(inner, dialect)?),
        Expr::IsNull(inner) => Some(Condition::exact(format!("{} IS NULL", named(inner, dialect)?))),
        Expr::IsNotNull(inner) => Some(Condition::exact(format!("{} IS NOT NULL", named(inner, dialect)?))),
        Expr::Column(column) if dialect.is_boolean(&column.name) => {
            compare(dialect, &column.name, Operator::Eq, &ScalarValue::Boolean(Some(true)))
        }
        Expr::Between(Between { expr, negated: is_negated, low, high }) => {
            let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                (expr.as_ref(), low.as_ref(), high.as_ref())
            else {
                return None;
            };
            let low = compare(dialect, &column.name, Operator::GtEq, low)?;
            let high = compare(dialect, &column.name, Operator::LtEq, high)?;
            let both = Condition { sql: format!("({} AND {})", low.sql, high.sql), is_exact: low.is_exact && high.is_exact };
            if *is_negated { negated(&both) } else { Some(both) }
        }
        Expr::InList(InList { expr, list, negated: is_negated }) if list.len() <= LONGEST_LIST => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let (mut each, mut is_exact) = (vec![], true);
            for value in list {
                let Expr::Literal(value, _) = value else { return None };
                let one = compare(dialect, &column.name, Operator::Eq, value)?;
                is_exact &= one.is_exact;
                each.push(one.sql);
            }
            let any = Condition { sql: format!("({})", each.join(" OR ")), is_exact };
            match (each.is_empty(), *is_negated) {
                (true, _) => None,
                (false, true) => negated(&any),
                (false, false) => Some(any),
            }
        }
        Expr::Like(Like { negated: is_negated, expr, pattern, escape_char: None, case_insensitive: false }) => {
            let (Expr::Column(column), Expr::Literal(pattern, _)) = (expr.as_ref(), pattern.as_ref()) else { return None };
            let pattern = pattern.try_as_str().flatten().filter(|pattern| !pattern.contains('\\'))?;
            let like = dialect.like(&column.name, pattern)?;
            if *is_negated { negated(&like) } else { Some(like) }
        }
        _ => None,
    }
}

fn compare(dialect: &dyn Dialect, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition> {
    let is_comparison =
        matches!(operator, Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    if !is_comparison || value.is_null() {
        return None;
    }
    dialect.compare(column, operator, value)
}

/// What lets through too much would, negated, let through too little.
fn negated(condition: &Condition) -> Option<Condition> {
    condition.is_exact.then(|| Condition::exact(format!("(NOT {})", condition.sql)))
}

fn named(expression: &Expr, dialect: &dyn Dialect) -> Option<String> {
    match expression {
        Expr::Column(column) => dialect.name(&column.name),
        _ => None,
    }
}

/// A comparison in SQL: both databases write the operators alike.
pub fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        _ => ">=",
    }
}

/// A number as a literal, when comparing with it means the same everywhere: the engine tells -0 from 0, and other databases do not.
pub fn number(value: f64) -> Option<String> {
    (value.is_finite() && value != 0.0).then(|| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    /// A column `n` of numbers, `t` of times that are let through too widely, `b` of booleans.
    struct Plain;

    impl Dialect for Plain {
        fn compare(&self, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition> {
            let sql = format!("{column} {} {value}", sign(operator));
            matches!(column, "n" | "t" | "b").then(|| Condition { sql, is_exact: column != "t" })
        }

        fn like(&self, column: &str, pattern: &str) -> Option<Condition> {
            Some(Condition::exact(format!("{column} LIKE {pattern}")))
        }

        fn name(&self, column: &str) -> Option<String> {
            Some(column.into())
        }

        fn is_boolean(&self, column: &str) -> bool {
            column == "b"
        }
    }

    fn written(filter: &Expr) -> Option<(String, bool)> {
        condition(filter, &Plain).map(|condition| (condition.sql, condition.is_exact))
    }

    #[test]
    fn what_is_let_through_too_widely_is_never_negated() {
        assert_eq!(written(&col("n").gt(lit(1)).or(col("t").lt(lit(2)))), Some(("(n > 1 OR t < 2)".into(), false)));
        assert_eq!(written(&Expr::Not(Box::new(col("t").lt(lit(2))))), None);
        assert_eq!(written(&col("t").not_between(lit(1), lit(2))), None);
        assert_eq!(written(&col("n").not_between(lit(1), lit(2))), Some(("(NOT (n >= 1 AND n <= 2))".into(), true)));
        assert_eq!(written(&col("n").in_list(vec![lit(1), lit(2)], true)), Some(("(NOT (n = 1 OR n = 2))".into(), true)));
    }

    #[test]
    fn what_is_not_understood_stays() {
        assert_eq!(written(&col("n").gt(col("t"))), None);
        assert_eq!(written(&col("n").eq(lit(ScalarValue::Int64(None)))), None);
        assert_eq!(written(&col("n").and(col("b"))), None);
        assert_eq!(written(&col("b")), Some(("b = true".into(), true)));
        assert_eq!(written(&col("n").like(lit("a\\%"))), None);
        assert_eq!(written(&lit(1).lt(col("n"))), Some(("n > 1".into(), true)));
        assert_eq!((number(0.0), number(-0.0), number(f64::NAN), number(1.5)), (None, None, None, Some("1.5".into())));
    }
}
