//! Functions of lists that compare intervals, and lists and structs of them, by their length: 24 hours are a day.
//!
//! The engine's functions compare the parts. These choose among the values as they are, and only their lengths say which are equal.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, new_empty_array};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::row::{Row, RowConverter, Rows, SortField};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, lit};

use super::scalar::Scalar;
use super::spans::{has_spans, lengths};

/// The function that removes values, also NULL.
pub const REMOVE_NAME: &str = "interval_list_remove";

/// The function that replaces values, also NULL.
pub const REPLACE_NAME: &str = "interval_list_replace";

/// A value that a list is made of: the argument that it is from, and its place there.
type Chosen = Vec<(usize, usize)>;

macro_rules! function {
    ($name:expr, $choose:expr) => {
        Scalar {
            name: $name,
            takes,
            gives: |types| match types {
                [list, ..] => Ok(list.clone()),
                [] => plan_err!("expected a list"),
            },
            compute: |arguments| compute(arguments, $choose),
            written: |_| None,
        }
    };
}

static DISTINCT: Scalar = function!("interval_list_distinct", |sides, row, _| distinct(sides, row));
static INTERSECT: Scalar = function!("interval_list_intersect", |sides, row, _| shared(sides, row, true));
static EXCEPT: Scalar = function!("interval_list_except", |sides, row, _| shared(sides, row, false));
static UNION: Scalar = function!("interval_list_union", |sides, row, _| distinct(sides, row));
static REMOVE: Scalar = function!(REMOVE_NAME, replaced);
static REPLACE: Scalar = function!(REPLACE_NAME, replaced);

/// The functions of this module.
pub static ALL: [&Scalar; 6] = [&DISTINCT, &INTERSECT, &EXCEPT, &UNION, &REMOVE, &REPLACE];

/// The engine's functions of lists that these stand for.
pub const REPLACED: [&str; 10] = [
    "array_distinct",
    "array_intersect",
    "array_except",
    "array_union",
    "array_remove",
    "array_remove_n",
    "array_remove_all",
    "array_replace",
    "array_replace_n",
    "array_replace_all",
];

/// The values of a list, each once.
pub fn distinct_values(list: Expr) -> Expr {
    DISTINCT.call(vec![list])
}

/// A call of one of the engine's functions, as a call of ours.
pub fn call(name: &str, mut arguments: Vec<Expr>) -> Option<Expr> {
    let (function, values) = match name {
        "array_distinct" => (&DISTINCT, 1),
        "array_intersect" => (&INTERSECT, 2),
        "array_except" => (&EXCEPT, 2),
        "array_union" => (&UNION, 2),
        "array_remove" | "array_remove_n" | "array_remove_all" => (&REMOVE, 2),
        "array_replace" | "array_replace_n" | "array_replace_all" => (&REPLACE, 3),
        _ => return None,
    };
    match name {
        "array_remove" | "array_replace" => arguments.push(lit(1_i64)),
        "array_remove_all" | "array_replace_all" => arguments.push(lit(i64::MAX)),
        _ => {}
    }
    let counted = usize::from(values == 3 || name.starts_with("array_remove"));
    (arguments.len() == values + counted).then(|| function.call(arguments))
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::List(item), ..] if has_spans(item.data_type()) => Ok(types.to_vec()),
        _ => plan_err!("expected a list of intervals"),
    }
}

/// An argument: a list, or one value, for each row.
struct Side {
    lists: Option<ListArray>,
    values: ArrayRef,
    keys: Rows,
}

impl Side {
    /// The places of a row's values.
    fn places(&self, row: usize) -> Range<usize> {
        match &self.lists {
            Some(lists) => {
                let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
                let offsets = lists.value_offsets();
                place(offsets[row])..place(offsets[row + 1])
            }
            None => row..row + 1,
        }
    }

    fn key(&self, place: usize) -> Row<'_> {
        self.keys.row(place)
    }
}

fn compute(arguments: &ScalarFunctionArgs, choose: fn(&[Side], usize, i64) -> Chosen) -> Result<ColumnarValue> {
    let rows = arguments.number_rows;
    let DataType::List(item) = arguments.return_field.data_type() else { return plan_err!("expected a list") };
    let mut sides: Vec<Side> = vec![];
    let mut counts = None;
    let mut converter = None;
    for argument in &arguments.args {
        let column = argument.to_array(rows)?;
        if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            counts = Some(numbers.clone());
            continue;
        }
        // A value is no list where the values of the lists are lists.
        let lists = match column.data_type() {
            DataType::List(of) if of.data_type() == item.data_type() => Some(column.as_list::<i32>().clone()),
            _ => None,
        };
        let values = lists.as_ref().map_or_else(|| Arc::clone(&column), |lists| Arc::clone(lists.values()));
        let lengths = lengths(&values)?;
        if converter.is_none() {
            converter = Some(RowConverter::new(vec![SortField::new(lengths.data_type().clone())])?);
        }
        let Some(converter) = &converter else { continue };
        let keys = converter.convert_columns(&[lengths])?;
        sides.push(Side { lists, values, keys });
    }
    let mut chosen: Chosen = vec![];
    let mut sizes = Vec::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    for row in 0..rows {
        let is_known = |side: &Side| side.lists.as_ref().is_none_or(|lists| lists.is_valid(row));
        let is_valid = sides.iter().all(is_known) && counts.as_ref().is_none_or(|counts| counts.is_valid(row));
        let before = chosen.len();
        if is_valid {
            chosen.extend(choose(&sides, row, counts.as_ref().map_or(0, |counts| counts.value(row))));
        }
        sizes.push(chosen.len() - before);
        valid.push(is_valid);
    }
    let columns: Vec<&dyn Array> = sides.iter().map(|side| side.values.as_ref()).collect();
    let values = if chosen.is_empty() { new_empty_array(item.data_type()) } else { interleave(&columns, &chosen)? };
    let offsets = OffsetBuffer::from_lengths(sizes);
    let lists = ListArray::try_new(Arc::clone(item), offsets, values, Some(NullBuffer::from(valid)))?;
    Ok(ColumnarValue::Array(Arc::new(lists)))
}

/// Each value of all sides once, in their order.
fn distinct(sides: &[Side], row: usize) -> Chosen {
    let mut seen = HashSet::new();
    let places = sides.iter().enumerate().flat_map(|(number, side)| side.places(row).map(move |place| (number, side, place)));
    places.filter(|(_, side, place)| seen.insert(side.key(*place))).map(|(number, _, place)| (number, place)).collect()
}

/// Each value of the first side once that the second has, or that it has not.
fn shared(sides: &[Side], row: usize, is_in: bool) -> Chosen {
    let [first, second] = sides else { return vec![] };
    let others: HashSet<Row<'_>> = second.places(row).map(|place| second.key(place)).collect();
    let kept = distinct(std::slice::from_ref(first), row).into_iter();
    kept.filter(|(_, place)| others.contains(&first.key(*place)) == is_in).collect()
}

/// The values of the first side, in which the first of those that equal the second are left out, or are the third.
fn replaced(sides: &[Side], row: usize, most: i64) -> Chosen {
    let [list, value, other @ ..] = sides else { return vec![] };
    let mut left = most;
    let mut chosen = vec![];
    for place in list.places(row) {
        if left > 0 && list.key(place) == value.key(row) {
            left -= 1;
            chosen.extend(other.first().map(|_| (2, row)));
        } else {
            chosen.push((0, place));
        }
    }
    chosen
}
