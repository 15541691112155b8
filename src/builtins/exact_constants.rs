//! Arithmetic over the numbers of a statement: computed as decimals, so that `0.1 + 0.2` is 0.3, as in PostgreSQL. The result is the DOUBLE
//! that is nearest to the exact one.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator, lit};

/// The most characters of a number that is computed with. A longer one has its digits far from the point.
const LONGEST: usize = 36;

/// `digits` divided by 10 to the power of `places`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    places: u32,
}

/// The result for two numbers of the statement of which at least one has a point or an exponent; `None` for anything else, and for a
/// quotient that has no last digit.
pub fn computed(operator: Operator, left: &Expr, right: &Expr) -> Option<Expr> {
    if !is_float(left) && !is_float(right) {
        return None;
    }
    let result = of_two(operator, number(left)?, number(right)?)?;
    format!("{}e-{}", result.digits, result.places).parse::<f64>().ok().map(lit)
}

fn is_float(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(ScalarValue::Float64(Some(_)), _) => true,
        Expr::Negative(number) => is_float(number),
        _ => false,
    }
}

fn number(expression: &Expr) -> Option<Decimal> {
    let text = match expression {
        Expr::Literal(ScalarValue::Float64(Some(number)), _) => number.to_string(),
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => number.to_string(),
        Expr::Literal(ScalarValue::UInt64(Some(number)), _) => number.to_string(),
        Expr::Negative(inner) => {
            let inner = number(inner)?;
            return Some(Decimal { digits: inner.digits.checked_neg()?, ..inner });
        }
        _ => return None,
    };
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{places}").parse().ok().filter(|_| text.len() <= LONGEST)?;
    Some(Decimal { digits, places: u32::try_from(places.len()).ok()? })
}

fn ten_to(places: u32) -> Option<i128> {
    10_i128.checked_pow(places)
}

fn of_two(operator: Operator, left: Decimal, right: Decimal) -> Option<Decimal> {
    let places = left.places.max(right.places);
    let aligned = |number: Decimal| number.digits.checked_mul(ten_to(places - number.places)?);
    let digits = match operator {
        Operator::Plus => aligned(left)?.checked_add(aligned(right)?)?,
        Operator::Minus => aligned(left)?.checked_sub(aligned(right)?)?,
        Operator::Modulo => aligned(left)?.checked_rem(aligned(right)?)?,
        Operator::Multiply => {
            return Some(Decimal { digits: left.digits.checked_mul(right.digits)?, places: left.places + right.places });
        }
        Operator::Divide => return quotient(aligned(left)?, aligned(right)?),
        _ => return None,
    };
    Some(Decimal { digits, places })
}

/// The quotient if it has a last digit: the divisor, without what it shares with the dividend, has no other factors than 2 and 5.
fn quotient(dividend: i128, divisor: i128) -> Option<Decimal> {
    if divisor == 0 {
        return None;
    }
    let shared = greatest_shared(dividend.unsigned_abs(), divisor.unsigned_abs());
    let shared = i128::try_from(shared).ok()?;
    let (dividend, divisor) = (dividend / shared, divisor / shared);
    let places = (0..LONGEST as u32).find(|places| ten_to(*places).is_some_and(|power| power % divisor == 0))?;
    Some(Decimal { digits: dividend.checked_mul(ten_to(places)? / divisor)?, places })
}

fn greatest_shared(left: u128, right: u128) -> u128 {
    if right == 0 { left } else { greatest_shared(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(operator: Operator, left: &Expr, right: &Expr) -> Option<f64> {
        match computed(operator, left, right)? {
            Expr::Literal(ScalarValue::Float64(number), _) => number,
            _ => None,
        }
    }

    #[test]
    fn numbers_of_the_statement_are_decimals() {
        assert_eq!(result(Operator::Plus, &lit(0.1), &lit(0.2)), Some(0.3));
        assert_eq!(result(Operator::Minus, &lit(0.3), &lit(0.1)), Some(0.2));
        assert_eq!(result(Operator::Multiply, &lit(1.1), &lit(1.1)), Some(1.21));
        assert_eq!(result(Operator::Multiply, &lit(3_i64), &lit(0.1)), Some(0.3));
        assert_eq!(result(Operator::Divide, &lit(0.3), &lit(0.1)), Some(3.0));
        assert_eq!(result(Operator::Divide, &lit(0.7), &lit(-0.8)), Some(-0.875));
        assert_eq!(result(Operator::Modulo, &lit(1.1), &lit(0.1)), Some(0.0));
        assert_eq!(result(Operator::Modulo, &lit(-7.5), &lit(2_i64)), Some(-1.5));
        assert_eq!(result(Operator::Plus, &Expr::Negative(Box::new(lit(0.1))), &lit(0.3)), Some(0.2));
    }

    #[test]
    fn other_operands_and_results_are_left_alone() {
        assert_eq!(result(Operator::Plus, &lit(1_i64), &lit(2_i64)), None);
        assert_eq!(result(Operator::Divide, &lit(1.0), &lit(3.0)), None);
        assert_eq!(result(Operator::Divide, &lit(1.5), &lit(0_i64)), None);
        assert_eq!(result(Operator::Multiply, &lit(1e300), &lit(0.1)), None);
        assert_eq!(result(Operator::Plus, &lit(f64::NAN), &lit(0.1)), None);
        assert_eq!(result(Operator::Plus, &lit("0.1"), &lit(0.2)), None);
    }
}
