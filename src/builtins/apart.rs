//! Which of some rows, one after the other, have keys that no row before them has: those that INSERT … ON CONFLICT DO NOTHING adds to a
//! table with several keys.
//!
//! A row that is left out counts for none that follow, so that the keys cannot be looked at one by one.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

/// The name of the function. Each of its arguments is a key, as a struct of the columns of the key.
pub const NAME: &str = "apart_by_keys";

/// The function.
pub fn udwf() -> WindowUDF {
    WindowUDF::new_from_impl(Apart { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Apart {
    signature: Signature,
}

impl WindowUDFImpl for Apart {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Taking))
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(arguments.name(), DataType::Boolean, false)))
    }
}

/// Takes row after row, unless one of its keys is taken.
#[derive(Debug)]
struct Taking;

/// The keys of all rows; none where a column is NULL, which equals no key.
fn keys(values: &ArrayRef) -> Result<Vec<Option<OwnedRow>>> {
    let Some(columns) = values.as_struct_opt() else { return internal_err!("{NAME} takes structs") };
    let fields = columns.columns().iter().map(|column| SortField::new(column.data_type().clone()));
    let rows = RowConverter::new(fields.collect())?.convert_columns(columns.columns())?;
    let is_whole = |place: usize| columns.columns().iter().all(|column| column.is_valid(place));
    Ok((0..columns.len()).map(|place| is_whole(place).then(|| rows.row(place).owned())).collect())
}

impl PartitionEvaluator for Taking {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let all = values.iter().map(keys).collect::<Result<Vec<_>>>()?;
        let mut taken: Vec<HashSet<&OwnedRow>> = all.iter().map(|_| HashSet::new()).collect();
        let mut apart = Vec::with_capacity(rows);
        for place in 0..rows {
            let own: Vec<Option<&OwnedRow>> = all.iter().map(|keys| keys[place].as_ref()).collect();
            let is_taken = own.iter().zip(&taken).any(|(key, taken)| key.is_some_and(|key| taken.contains(key)));
            if !is_taken {
                for (key, taken) in own.into_iter().zip(&mut taken) {
                    taken.extend(key);
                }
            }
            apart.push(!is_taken);
        }
        Ok(Arc::new(BooleanArray::from(apart)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StructArray};
    use datafusion::arrow::datatypes::Fields;

    use super::*;

    fn key(values: Vec<Option<i64>>) -> ArrayRef {
        let fields = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
        Arc::new(StructArray::new(fields, vec![Arc::new(Int64Array::from(values))], None))
    }

    #[test]
    fn a_row_that_is_left_out_takes_no_keys() {
        let a = key(vec![Some(1), Some(1), Some(2), None, None]);
        let b = key(vec![Some(1), Some(2), Some(2), Some(3), None]);
        let apart = Taking.evaluate_all(&[a, b], 5).unwrap();
        assert_eq!(apart.as_boolean(), &BooleanArray::from(vec![true, false, true, true, true]));
    }
}
