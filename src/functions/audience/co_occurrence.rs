//! `co_occurrence`: how often conditions are true, alone and in pairs, in one pass.
//!
//! Each condition is a bitmap per batch; a pair is counted by the bits set in both bitmaps, 64 rows at a time. With n
//! conditions over r rows this takes n²/2 · r/64 steps: 20 million for 50 segments over a million customers.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::adapter::AggregateFunction;
use crate::adapter::conditions::{add_lists, holds, list_of, words};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;

const DOC: Doc = Doc {
    name: "co_occurrence",
    kind: Kind::Aggregate,
    domain: "audience",
    summary: "Counts in one pass how often each condition is true, and how often each pair is true together.",
    description: "\
With n conditions the result is a list of n · n counts, row by row. Element `(i - 1) * n + j` counts the rows where conditions i and j are
both true; where i = j, the rows where condition i is true. NULL is not true. `segment_overlap` is built on it.

**Cost.** The conditions are evaluated once per row and counted as bitmaps, 64 rows at a time. A group keeps n · n numbers, so many groups
with many conditions need memory: 50 conditions are 20 KB a group. The result does not depend on the order of rows.

**Elsewhere.** `count(*) FILTER (WHERE a AND b)` gives one of the counts in DuckDB and PostgreSQL, written out for each pair. In pandas and
R the whole is the cross product of a 0/1 matrix with itself: `m.T @ m`, `crossprod(m)`.",
    arguments: &[Argument::required(
        "condition, …",
        Takes::Value("conditions"),
        "conditions over the row, one or more; a condition that is NULL counts as not true",
    )],
    examples: &[
        "SELECT co_occurrence(status = 'paid', channel = 'app', amount > 100) AS counts FROM sample_orders(rows => 1000);",
        "SELECT channel, counts[2] AS big_and_paid, counts[1] AS big, counts[4] AS paid
FROM (SELECT channel, co_occurrence(amount > 1000, status = 'paid') AS counts FROM sample_orders(rows => 10000) GROUP BY channel)
ORDER BY channel;",
    ],
    source: "the co-occurrence matrix of statistics: XᵀX of a matrix of 0 and 1.",
    ..Doc::EMPTY
};

#[derive(Debug)]
pub struct CoOccurrence;

impl AggregateFunction for CoOccurrence {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn udf(&self) -> AggregateUDF {
        AggregateUDF::from(CoOccurrenceUdf { signature: Signature::variadic_any(Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CoOccurrenceUdf {
    signature: Signature,
}

fn counts_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)))
}

impl AggregateUDFImpl for CoOccurrenceUdf {
    fn name(&self) -> &str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.iter().find(|argument| !matches!(argument, DataType::Boolean | DataType::Null)) {
            Some(other) => Err(invalid(DOC.name, format!("takes conditions, which are true or false, got {other}"))),
            None => Ok(counts_type()),
        }
    }

    fn state_fields(&self, _arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new("counts", counts_type(), true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let conditions = arguments.exprs.len();
        Ok(Box::new(Counts { conditions, counts: vec![0; conditions * conditions] }))
    }
}

#[derive(Debug)]
struct Counts {
    conditions: usize,
    /// Row by row; filled from the diagonal to the right.
    counts: Vec<i64>,
}

impl Counts {
    fn list(&self) -> ScalarValue {
        let mut whole = self.counts.clone();
        for row in 0..self.conditions {
            for column in 0..row {
                whole[row * self.conditions + column] = whole[column * self.conditions + row];
            }
        }
        list_of(whole)
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Words of 64 rows, from the first bit on, so that pairs are taken together word by word.
        let words: Vec<Vec<u64>> = values.iter().map(|condition| words(&holds(condition))).collect();
        for (row, one) in words.iter().enumerate() {
            for (column, other) in words.iter().enumerate().skip(row) {
                let both: u32 = one.iter().zip(other).map(|(one, other)| (one & other).count_ones()).sum();
                self.counts[row * self.conditions + column] += i64::from(both);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        add_lists(&mut self.counts, &states[0]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.list())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::BooleanArray;

    use super::*;

    #[test]
    fn pairs_are_counted_whatever_the_offset() {
        let one: BooleanArray = (0..1000_i32).map(|row| (row % 7 > 0).then_some(row % 3 < 1)).collect();
        let other: BooleanArray = (0..1000_i32).map(|row| Some(row % 2 < 1)).collect();
        let expected = |from: i32, to: i32| {
            let holds = |row: i32| (row % 7 > 0 && row % 3 < 1, row % 2 < 1);
            let rows = || (from..to).map(holds);
            let count = |test: fn((bool, bool)) -> bool| rows().filter(|row| test(*row)).count() as i64;
            vec![count(|row| row.0), count(|row| row.0 && row.1), 0, count(|row| row.1)]
        };
        for (from, to) in [(0_i32, 1000), (3, 999), (65, 130), (5, 5)] {
            let mut counts = Counts { conditions: 2, counts: vec![0; 4] };
            let slice = |array: &BooleanArray| Arc::new(array.slice(from as usize, (to - from) as usize)) as ArrayRef;
            let slices: Vec<ArrayRef> = vec![slice(&one), slice(&other)];
            counts.update_batch(&slices).unwrap();
            assert_eq!(counts.counts, expected(from, to), "{from}..{to}");
            let mut merged = Counts { conditions: 2, counts: vec![0; 4] };
            let state = counts.state().unwrap()[0].to_array().unwrap();
            merged.merge_batch(&[state]).unwrap();
            assert_eq!(merged.list(), counts.list());
        }
    }
}
