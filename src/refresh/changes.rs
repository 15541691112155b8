//! The changes since the previous refresh, value by value.
//!
//! | previous | current | rows of the history |
//! |---|---|---|
//! | – | `a` | `a` opens at the time of the refresh |
//! | `a` | `a` | none: `a` keeps its start and the tag version that produced it |
//! | `a` | `b`, or `a` under a new name | `a` closes, `b` opens |
//! | `a` | NULL, or no row for the customer | `a` closes |
//! | `a` | the customer left the profile, or the tag was dropped | `a` closes |
//! | several values | several values | each value of a tag with `multiple` opens and closes independently |
//! | `a`, or several values | the other of the two | likewise: a value that is there on both sides goes on |
//!
//! Tags with one value and with several are compared in the same way. The current and the previous values of a batch are two flat arrays
//! ([`Values`]), and for each current value the position of the same value of the same customer among the previous ones is looked up. A
//! value that is found keeps its start and version; one that is not found opens; a previous value that no current one matched closes.
//!
//! The version is kept per value rather than per tag: when a new definition gives a customer the same value as the old one, the value has
//! not changed, and the history shows which definition produced it first.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, Scalar, TimestampMicrosecondArray, UInt32Array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{and, cast, filter, is_not_null, not, nullif, take};
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use datafusion::common::{HashMap, Result, internal_datafusion_err};

/// The values of a tag in the rows of a batch, as one flat array.
pub struct Values {
    /// For a tag with one value, the column itself, with NULL where there is none; for a tag with several, the items of all lists.
    items: ArrayRef,
    lists: Option<Lists>,
}

/// Which values belong to which row, for a tag with several values.
struct Lists {
    /// The row of each value.
    rows: Vec<u32>,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
}

impl Values {
    /// Reads a column.
    ///
    /// # Errors
    /// Internal error when the column should hold lists and does not.
    pub fn of(column: &ArrayRef, multiple: bool) -> Result<Self> {
        if !multiple {
            return Ok(Self { items: with_one_zero(column), lists: None });
        }
        let list = column.as_list_opt::<i32>();
        let list = list.ok_or_else(|| internal_datafusion_err!("lists were expected, got {}", column.data_type()))?;
        // A NULL list may still span a range of items; these belong to no row.
        let (mut rows, mut places, mut lengths) = (vec![], vec![], vec![]);
        for row in 0..list.len() {
            let range = if list.is_valid(row) { list.value_offsets()[row]..list.value_offsets()[row + 1] } else { 0..0 };
            lengths.push(range.len());
            rows.extend(std::iter::repeat_n(as_u32(row), range.len()));
            places.extend(range.map(|place| u32::try_from(place).unwrap_or_default()));
        }
        let items = with_one_zero(&take(list.values(), &UInt32Array::from(places), None)?);
        let lists = Lists { rows, offsets: OffsetBuffer::from_lengths(lengths), nulls: list.nulls().cloned() };
        Ok(Self { items, lists: Some(lists) })
    }

    fn row(&self, place: usize) -> u32 {
        self.lists.as_ref().map_or_else(|| as_u32(place), |lists| lists.rows[place])
    }

    /// A column with one of `items` for each of these values, in lists where the values came from lists.
    fn column_of(&self, items: ArrayRef) -> Result<ArrayRef> {
        let Some(lists) = &self.lists else { return Ok(items) };
        let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, lists.offsets.clone(), items, lists.nulls.clone())?))
    }

    /// For each of these values, its position among the values of the same row in `others`, or NULL.
    fn find_in(&self, others: &Self) -> Result<UInt32Array> {
        match (&self.lists, &others.lists) {
            (None, None) => self.find_beside(others),
            _ => self.find_among(others),
        }
    }

    /// One value per row: the only candidate is in the same row, so whole columns are compared at once.
    fn find_beside(&self, others: &Self) -> Result<UInt32Array> {
        let (now, before) = (&self.items, &others.items);
        let same = match now.data_type() == before.data_type() {
            true => not_distinct(now, before)?,
            // The type changed with the definition: values with the same text count as equal.
            false => not_distinct(&cast(now, &DataType::Utf8View)?, &cast(before, &DataType::Utf8View)?)?,
        };
        let found = and(&same, &is_not_null(now)?)?;
        let places = UInt32Array::from_iter_values(0..as_u32(now.len()));
        Ok(nullif(&places, &not(&found)?)?.as_primitive().clone())
    }

    /// Several values per row, now or before: hashed by row and text, in time linear in the number of values.
    fn find_among(&self, others: &Self) -> Result<UInt32Array> {
        let (now, before) = (cast(&self.items, &DataType::Utf8View)?, cast(&others.items, &DataType::Utf8View)?);
        let (now, before) = (now.as_string_view(), before.as_string_view());
        let mut places: HashMap<(u32, &str), u32> = HashMap::with_capacity(before.len());
        places.extend(before.iter().enumerate().filter_map(|(place, text)| Some(((others.row(place), text?), as_u32(place)))));
        let found = now.iter().enumerate().map(|(place, text)| places.get(&(self.row(place), text?)).copied());
        Ok(found.collect())
    }
}

/// The previous values of a tag, each with its start and version.
pub struct Before {
    values: Values,
    since: ArrayRef,
    version: ArrayRef,
}

/// Values that closed: their rows in the batch, the values, and their starts and versions.
pub struct Closed {
    pub rows: Vec<u32>,
    pub values: ArrayRef,
    pub since: ArrayRef,
    pub version: ArrayRef,
}

impl Before {
    /// Reads the columns of a tag in the previous state: the values, their starts and their versions.
    ///
    /// # Errors
    /// Internal error when the columns should hold lists and do not.
    pub fn of(was: &ArrayRef, since: &ArrayRef, version: &ArrayRef, multiple: bool) -> Result<Self> {
        let [values, since, version] = [was, since, version].map(|column| Values::of(column, multiple));
        Ok(Self { values: values?, since: since?.items, version: version?.items })
    }

    /// Closes all values except those at the positions in `kept`.
    ///
    /// # Errors
    /// Internal errors only.
    pub fn closed_but(&self, kept: &UInt32Array) -> Result<Closed> {
        let mut is_kept = vec![false; self.values.items.len()];
        kept.iter().flatten().for_each(|place| is_kept[place as usize] = true);
        let is_kept = BooleanArray::from(is_kept);
        let closed = and(&is_not_null(&self.values.items)?, &not(&is_kept)?)?;
        Ok(Closed {
            rows: closed.values().set_indices().map(|place| self.values.row(place)).collect(),
            values: filter(&self.values.items, &closed)?,
            since: filter(&self.since, &closed)?,
            version: filter(&self.version, &closed)?,
        })
    }

    /// Closes all values.
    ///
    /// # Errors
    /// Internal errors only.
    pub fn all_closed(&self) -> Result<Closed> {
        self.closed_but(&UInt32Array::new_null(0))
    }
}

/// The columns of a tag in the new state, and its changes.
pub struct Compared {
    pub value: ArrayRef,
    pub since: ArrayRef,
    pub version: ArrayRef,
    pub closed: Option<Closed>,
    pub opened: usize,
}

/// Compares the current values of a tag with the previous ones. A value that opens starts at `as_of`, with the version at its position in
/// `versions`.
///
/// # Errors
/// Internal errors only.
pub fn compare(now: &Values, versions: &ArrayRef, as_of: i64, before: Option<&Before>) -> Result<Compared> {
    let items = now.items.len();
    let is_value = is_not_null(&now.items)?;
    let start = Scalar::new(TimestampMicrosecondArray::from_value(as_of, 1));
    let (since, version, closed, found) = match before {
        None => {
            let since: ArrayRef = Arc::new(TimestampMicrosecondArray::from_value(as_of, items));
            (since, Arc::clone(versions), None, 0)
        }
        Some(before) => {
            let places = now.find_in(&before.values)?;
            let is_found = is_not_null(&places)?;
            let since = zip(&is_found, &take(&before.since, &places, None)?, &start)?;
            let version = zip(&is_found, &take(&before.version, &places, None)?, versions)?;
            (since, version, Some(before.closed_but(&places)?), is_found.true_count())
        }
    };
    let no_value = not(&is_value)?;
    Ok(Compared {
        value: now.column_of(Arc::clone(&now.items))?,
        since: now.column_of(nullif(&since, &no_value)?)?,
        version: now.column_of(nullif(&version, &no_value)?)?,
        closed,
        opened: is_value.true_count() - found,
    })
}

/// One version for each of `values`, all the same.
pub fn same_version(values: &Values, version: i64) -> ArrayRef {
    Arc::new(Int64Array::from_value(version, values.items.len()))
}

/// One version for each value, read from a column of the same shape as the values.
///
/// # Errors
/// Internal error when the column should hold lists and does not.
pub fn versions_beside(column: &ArrayRef, multiple: bool) -> Result<ArrayRef> {
    Ok(Values::of(column, multiple)?.items)
}

/// The mask with NULL as false.
pub fn only_true(mask: &BooleanArray) -> BooleanArray {
    match mask.nulls() {
        Some(nulls) => BooleanArray::new(mask.values() & nulls.inner(), None),
        None => mask.clone(),
    }
}

/// The items with 0.0 in place of -0.0: they are equal, so a change from one to the other is none. Adding 0.0 leaves every other number as
/// it is.
fn with_one_zero(items: &ArrayRef) -> ArrayRef {
    match items.data_type() {
        DataType::Float64 => Arc::new(items.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| value + 0.0)),
        DataType::Float32 => Arc::new(items.as_primitive::<Float32Type>().unary::<_, Float32Type>(|value| value + 0.0)),
        _ => Arc::clone(items),
    }
}

/// Lossless: a batch has far fewer than 2³² rows.
fn as_u32(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
