//! Translates conditions into the SQL of another database.
//!
//! A condition is pushed down only if it means the same there for every value, or if it lets through at least the rows that it should;
//! then the engine filters the rows again. Conditions that mean something else, such as a comparison under a collation in which different
//! strings are equal, stay here.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown};

/// The most values of an IN list that are written into a statement.
const LONGEST_LIST: usize = 1000;

/// A condition in the other database's SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub sql: String,
    /// True when it lets through exactly the right rows, false when it may be more.
    pub is_exact: bool,
}

impl Condition {
    pub fn exact(sql: String) -> Self {
        Self { sql, is_exact: true }
    }
}

/// How a database writes conditions on the columns of a relation.
pub trait Dialect {
    /// The comparison of a column with a value, by one of `=`, `<>`, `<`, `<=`, `>`, `>=`.
    fn compare(&self, column: &str, operator: Operator, value: &ScalarValue) -> Option<Condition>;

    /// LIKE on a string column, with a pattern that has no escapes.
    fn like(&self, column: &str, pattern: &str) -> Option<Condition>;

    /// The column's name in SQL, if the column exists.
    fn name(&self, column: &str) -> Option<String>;

    /// True for a boolean column.
    fn is_boolean(&self, column: &str) -> bool;
}

/// Whether a filter is pushed down to the other database.
pub fn pushdown(filter: &Expr, dialect: &dyn Dialect) -> TableProviderFilterPushDown {
    match condition(filter, dialect) {
        Some(Condition { is_exact: true, .. }) => TableProviderFilterPushDown::Exact,
        Some(_) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    }
}

/// The filters that are pushed down, to be combined with AND.
pub fn all(filters: &[Expr], dialect: &dyn Dialect) -> Vec<String> {
    filters.iter().filter_map(|filter| condition(filter, dialect)).map(|condition| condition.sql).collect()
}

fn condition(filter: &Expr, dialect: &dyn Dialect) -> Option<Condition> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            // If both sides let through at least the right rows, so does the combination.
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

/// The negation of a condition that lets through too many rows would let through too few, so only exact ones can be negated.
fn negated(condition: &Condition) -> Option<Condition> {
    condition.is_exact.then(|| Condition::exact(format!("(NOT {})", condition.sql)))
}

fn named(expression: &Expr, dialect: &dyn Dialect) -> Option<String> {
    match expression {
        Expr::Column(column) => dialect.name(&column.name),
        _ => None,
    }
}

/// The operator in SQL, which is the same in both databases.
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

/// A number as a literal, if comparing with it means the same everywhere. The engine distinguishes -0 from 0, other databases do not.
pub fn number(value: f64) -> Option<String> {
    (value.is_finite() && value != 0.0).then(|| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    /// Test columns: `n` numeric, `t` a timestamp whose comparisons are inexact, `b` boolean.
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
