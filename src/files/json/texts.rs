//! Texts of JSON as lists, structs and maps, as COPY writes such values to CSV and Excel.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, StringArray};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::arrow::error::ArrowError;

use super::decode::{Found, Members};
use super::tokens::Cursor;

/// The name under which a text is decoded as the member of an object.
const MEMBER: &str = "value";

/// The values of texts; NULL for a text that is not such a value, or has a part that does not fit.
///
/// # Errors
/// JSON cannot be read as the type, or a text has a name that is not valid.
pub fn nested(texts: &StringArray, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let fields = Fields::from(vec![Field::new(MEMBER, data_type.clone(), true)]);
    let (mut members, mut found) = (Members::new(&fields, None)?, Found::new(false, false));
    for (row, text) in texts.iter().enumerate() {
        found.row = row;
        let value = text.filter(|text| is_one_value(text)).unwrap_or("null");
        let object = format!("{{\"{MEMBER}\":{value}}}");
        let added = members.add(&mut Cursor::new(object.as_bytes()), &mut found);
        added.map_err(|wrong| ArrowError::CastError(wrong.problem.into()))?;
    }
    let arrays = members.finish(&mut found)?;
    let mut are_misfits = vec![false; texts.len()];
    found.misfits.iter().for_each(|misfit| are_misfits[misfit.row] = true);
    match arrays.first() {
        Some((_, array)) => nullif(array, &BooleanArray::from(are_misfits)),
        None => Err(ArrowError::CastError(data_type.to_string())),
    }
}

fn is_one_value(text: &str) -> bool {
    let mut cursor = Cursor::new(text.as_bytes());
    cursor.skip().is_ok() && cursor.peek().is_none()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn a_text_is_a_value_as_a_whole_or_not_at_all() {
        let numbers = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
        let texts = StringArray::from(vec![
            Some("[1, null, 3]"),
            None,
            Some("[]"),
            Some("[1, \"x\"]"),
            Some("1,2"),
            Some("[1] [2]"),
            Some("[1"),
        ]);
        let lists = nested(&texts, &numbers).unwrap();
        let nulls: Vec<bool> = (0..lists.len()).map(|row| lists.is_null(row)).collect();
        assert_eq!(nulls, [false, true, false, true, true, true, true]);
        let first = lists.as_list::<i32>().value(0);
        assert_eq!(first.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    }
}
