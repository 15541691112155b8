//! Adds, subtracts and multiplies integers, with a check for overflow.
//!
//! A branch per row would prevent vectorisation. So every row is computed with wrapping arithmetic, and overflows are collected
//! in one word, which is checked once per batch.

/// A column, or a single value for all rows.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    Column(&'a [i64]),
    Value(i64),
}

impl Operand<'_> {
    /// The value of a row.
    pub fn at(&self, row: usize) -> i64 {
        match self {
            Self::Column(values) => values[row],
            Self::Value(value) => *value,
        }
    }
}

/// The operation on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
}

impl Operation {
    /// The result for two numbers; `None` if it overflows.
    pub fn of(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
        }
    }

    /// The results for two operands of `rows` rows; `None` if any row overflows, even a row that is NULL.
    pub fn of_columns(self, left: Operand<'_>, right: Operand<'_>, rows: usize) -> Option<Vec<i64>> {
        match self {
            // Overflow: both numbers have the same sign, and the sum has the other sign.
            Self::Add => compute(left, right, rows, |left, right| {
                let sum = left.wrapping_add(right);
                (sum, ((left ^ sum) & (right ^ sum)) >> 63)
            }),
            Self::Subtract => compute(left, right, rows, |left, right| {
                let difference = left.wrapping_sub(right);
                (difference, ((left ^ right) & (left ^ difference)) >> 63)
            }),
            // Overflow: the upper half of the product is not the sign extension of the lower half.
            Self::Multiply => compute(left, right, rows, |left, right| {
                let product = i128::from(left) * i128::from(right);
                let (lower, upper) = (product as i64, (product >> 64) as i64);
                (lower, upper ^ (lower >> 63))
            }),
        }
    }
}

/// Applies `operation`, which returns a result and a word that is zero if the result is right.
fn compute(left: Operand<'_>, right: Operand<'_>, rows: usize, operation: impl Fn(i64, i64) -> (i64, i64)) -> Option<Vec<i64>> {
    let mut wrong = 0;
    let mut gathered = |left, right| {
        let (result, overflow) = operation(left, right);
        wrong |= overflow;
        result
    };
    let results = match (left, right) {
        (Operand::Column(left), Operand::Column(right)) => {
            left.iter().zip(right).map(|(left, right)| gathered(*left, *right)).collect()
        }
        (Operand::Column(left), Operand::Value(right)) => left.iter().map(|left| gathered(*left, right)).collect(),
        (Operand::Value(left), Operand::Column(right)) => right.iter().map(|right| gathered(left, *right)).collect(),
        (Operand::Value(left), Operand::Value(right)) => vec![gathered(left, right); rows],
    };
    (wrong == 0).then_some(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_found_and_nothing_else() {
        let edges =
            [i64::MIN, i64::MIN + 1, -(1 << 32), -3_037_000_500, -2, -1, 0, 1, 2, 3_037_000_499, 1 << 32, i64::MAX - 1, i64::MAX];
        for operation in [Operation::Add, Operation::Subtract, Operation::Multiply] {
            for left in edges {
                for right in edges {
                    let expected = operation.of(left, right).map(|result| vec![result]);
                    let (left, right) = ([left], [right]);
                    let (column, value) = (Operand::Column(&left), Operand::Value(left[0]));
                    for left in [column, value] {
                        for right in [Operand::Column(&right), Operand::Value(right[0])] {
                            assert_eq!(operation.of_columns(left, right, 1), expected, "{operation:?} {left:?} {right:?}");
                        }
                    }
                }
            }
        }
        let (mut left, right) = (vec![1; 1000], vec![2; 1000]);
        assert_eq!(Operation::Add.of_columns(Operand::Column(&left), Operand::Column(&right), 1000), Some(vec![3; 1000]));
        left[700] = i64::MAX;
        assert_eq!(Operation::Add.of_columns(Operand::Column(&left), Operand::Column(&right), 1000), None);
    }
}
