//! Turns cells into columns.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, DurationMillisecondArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;

use super::cells::{NO_VALUE, Sheet, Value};
use super::options::{ExcelOptions, cell_name};
use crate::error::invalid;
use crate::files::casting::cast_texts;
use crate::files::times::{Clock, DAY, time};
use crate::files::values::{any_boolean, double, integer, is_cast_faithfully};
use crate::text::timestamp;

/// Integers up to here are exact in Excel, which computes with doubles.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// The rows of a sheet below its header.
#[derive(Debug)]
pub struct Body {
    pub sheet: String,
    pub names: Vec<String>,
    /// The first range of cells below the header that are one over several rows, such as `A2:A3`.
    pub merged: Option<String>,
    /// The other sheets with cells, which are not read.
    pub others: Vec<String>,
    /// The sheet's column of each name.
    places: Vec<u32>,
    /// The sheet's row number of each row.
    rows: Vec<u32>,
    cells: Vec<((u32, u32), Value)>,
}

/// A cell that does not fit its column's type, with its row.
#[derive(Debug)]
pub struct Misfit {
    pub row: usize,
    /// The cell's name, such as `Orders!C7`.
    pub cell: String,
    pub text: String,
}

/// The kinds of values seen in a column.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    text: bool,
    boolean: bool,
    number: bool,
    fraction: bool,
    time: bool,
    of_day: bool,
    span: bool,
}

impl Body {
    /// Separates the header from the rows.
    ///
    /// # Errors
    /// Cells of the header are merged.
    pub fn of(file: &str, sheet: Sheet, options: &ExcelOptions) -> Result<Self> {
        let Sheet { name, mut cells, merged, others } = sheet;
        let is_null = |value: &Value| match value {
            Value::Text(text) | Value::Written(_, text) | Value::Failed(text) => options.null.contains(text),
            _ => false,
        };
        let header = options.header.then(|| cells.first().map(|((row, _), _)| *row)).flatten();
        if let Some(row) = header {
            let is_across = |(first, last): &&((u32, u32), (u32, u32))| {
                (first.0..=last.0).contains(&row) && first.1 < last.1 && options.range.has((row, first.1))
            };
            if let Some((first, last)) = merged.iter().find(is_across) {
                let below = cell_name((row + 1, options.range.first.1));
                let problem = format!(
                    "{name}!{}:{} is one cell merged over several columns, which have no names of their own; write range => '{below}' if the header begins below it, or header => false",
                    cell_name(*first),
                    cell_name(*last)
                );
                return Err(invalid(file, problem));
            }
        }
        // Only the first cell of such a range has its value.
        let is_down = |(first, last): &&((u32, u32), (u32, u32))| {
            first.0 < last.0
                && header.is_none_or(|row| first.0 > row)
                && cells.binary_search_by_key(first, |(place, _)| *place).is_ok()
        };
        let merged = merged.iter().find(is_down).map(|(first, last)| format!("{}:{}", cell_name(*first), cell_name(*last)));
        let mut places: Vec<u32> = cells.iter().map(|((_, column), _)| *column).collect();
        places.sort_unstable();
        places.dedup();
        let body = cells.iter().take_while(|((row, _), _)| Some(*row) == header).count();
        let named: Vec<((u32, u32), Value)> = cells.drain(..body).collect();
        let mut names: Vec<String> = vec![];
        let mut taken = HashSet::new();
        for (number, place) in places.iter().enumerate() {
            let of_header =
                named.iter().find(|((_, column), _)| column == place).map(|(_, value)| shown(value).trim().to_string());
            let name = of_header.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("column{}", number + 1));
            // Later duplicates get a number.
            let mut candidates = std::iter::once(name.clone()).chain((1..).map(|number| format!("{name}_{number}")));
            names.push(candidates.find(|name| taken.insert(name.clone())).unwrap_or(name));
        }
        cells.retain(|(_, value)| !is_null(value));
        let mut rows: Vec<u32> = cells.iter().map(|((row, _), _)| *row).collect();
        rows.dedup();
        Ok(Self { sheet: name, names, merged, others, places, rows, cells })
    }

    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The sheet's row number of the first row, from 0.
    pub fn first(&self) -> Option<u32> {
        self.rows.first().copied()
    }

    /// The cells of a column with their rows.
    fn column(&self, column: usize) -> impl Iterator<Item = (usize, &(u32, u32), &Value)> {
        let place = self.places.get(column).copied();
        let mut row = 0;
        self.cells.iter().filter(move |((_, column), _)| Some(*column) == place).map(move |(place, value)| {
            row += self.rows[row..].partition_point(|number| *number < place.0);
            (row, place, value)
        })
    }

    /// Adds the kinds of a column's cells to `seen`.
    ///
    /// # Errors
    /// A formula failed, or has no value.
    pub fn look(&self, file: &str, column: usize, is_lenient: bool, seen: &mut Seen) -> Result<()> {
        for (_, place, value) in self.column(column) {
            match value {
                Value::Text(_) | Value::Written(..) => seen.text = true,
                Value::Boolean(_) => seen.boolean = true,
                Value::Number(number) => {
                    seen.number = true;
                    seen.fraction |= number.fract() != 0.0 || number.abs() > WHOLE;
                }
                Value::Time(time) => {
                    seen.time = true;
                    seen.of_day |= time % DAY != 0;
                }
                Value::Span(_) => seen.span = true,
                Value::Failed(_) if is_lenient => {}
                Value::Failed(text) if text == NO_VALUE => {
                    let problem = format!(
                        "{}!{}: a formula without its value; open the workbook in Excel and save it, or write null => ['{NO_VALUE}'] to read it as NULL",
                        self.sheet,
                        cell_name(*place)
                    );
                    return Err(invalid(file, problem));
                }
                Value::Failed(text) => {
                    let problem = format!(
                        "{}!{}: the formula failed, with {text}; correct it, or write null => ['{text}'] to read it as NULL",
                        self.sheet,
                        cell_name(*place)
                    );
                    return Err(invalid(file, problem));
                }
            }
        }
        Ok(())
    }

    /// The array of a column. Cells that do not fit become NULL and are added to `misfits`.
    ///
    /// # Errors
    /// Strings cannot be cast to the type.
    pub fn array(&self, column: usize, data_type: &DataType, misfits: &mut Vec<Misfit>) -> Result<ArrayRef, ArrowError> {
        let rows = self.rows();
        let mut misfit = |row: usize, place: (u32, u32), value: &Value| {
            misfits.push(Misfit { row, cell: format!("{}!{}", self.sheet, cell_name(place)), text: shown(value) });
        };
        let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= WHOLE;
        Ok(match data_type {
            DataType::Boolean => {
                let read = |value: &Value| match value {
                    Value::Boolean(flag) => Some(*flag),
                    Value::Text(text) => any_boolean(text.trim().as_bytes()),
                    _ => None,
                };
                Arc::new(BooleanArray::from(self.values(column, read, misfit)))
            }
            DataType::Int64 => {
                // Excel keeps 15 digits of a number, so longer ones are in cells of text, which have all of them.
                let read = |value: &Value| match value {
                    Value::Text(text) => integer(text.trim().as_bytes()),
                    value => number(value).filter(whole).map(|number| number as i64),
                };
                Arc::new(Int64Array::from(self.values(column, read, misfit)))
            }
            DataType::Float64 => {
                let read = |value: &Value| match value {
                    Value::Text(text) => double(text.trim().as_bytes()),
                    value => number(value),
                };
                Arc::new(Float64Array::from(self.values(column, read, misfit)))
            }
            DataType::Date32 => {
                let read = |value: &Value| match value {
                    Value::Time(time) => (time % DAY == 0).then_some((time / DAY) as i32),
                    Value::Text(text) => time(text.trim().as_bytes()).filter(|time| time.of_day.is_none()).map(|time| time.day),
                    _ => None,
                };
                Arc::new(Date32Array::from(self.values(column, read, misfit)))
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                let clock = Clock::new(TimeUnit::Microsecond, None)?;
                let read = |value: &Value| match value {
                    Value::Time(time) => Some(*time),
                    Value::Text(text) => clock.read(text.trim().as_bytes()),
                    _ => None,
                };
                Arc::new(TimestampMicrosecondArray::from(self.values(column, read, misfit)))
            }
            DataType::Timestamp(unit, zone) => {
                let clock = Clock::new(*unit, zone.as_deref())?;
                let read = |value: &Value| match value {
                    Value::Time(_) | Value::Text(_) => clock.read(shown(value).trim().as_bytes()),
                    _ => None,
                };
                cast(&Int64Array::from(self.values(column, read, misfit)), data_type)?
            }
            DataType::Duration(TimeUnit::Millisecond) => {
                let read = |value: &Value| if let Value::Span(span) = value { Some(*span) } else { None };
                Arc::new(DurationMillisecondArray::from(self.values(column, read, misfit)))
            }
            other => {
                let mut texts = vec![None; rows];
                let mut places = vec![None; rows];
                for (row, place, value) in self.column(column) {
                    match value {
                        Value::Failed(_) => misfit(row, *place, value),
                        value => {
                            texts[row] = to_cast(value, other);
                            places[row] = Some((*place, value));
                        }
                    }
                }
                let texts = StringArray::from(texts);
                if matches!(other, DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8) {
                    return cast(&texts, other);
                }
                let array = cast_texts(texts, other)?;
                for (row, of_row) in places.into_iter().enumerate() {
                    if let Some((place, value)) = of_row
                        && array.is_null(row)
                    {
                        misfit(row, place, value);
                    }
                }
                array
            }
        })
    }

    /// The values of a column, row by row.
    fn values<T: Clone>(
        &self,
        column: usize,
        read: impl Fn(&Value) -> Option<T>,
        mut misfit: impl FnMut(usize, (u32, u32), &Value),
    ) -> Vec<Option<T>> {
        let mut values = vec![None; self.rows()];
        for (row, place, value) in self.column(column) {
            values[row] = read(value);
            if values[row].is_none() {
                misfit(row, *place, value);
            }
        }
        values
    }
}

impl Seen {
    /// The type that can hold all values; strings if there are several kinds.
    pub fn data_type(&self) -> DataType {
        let kinds = [self.boolean, self.number, self.time, self.span];
        if self.text || kinds.iter().filter(|seen| **seen).count() != 1 {
            return DataType::Utf8View;
        }
        match () {
            () if self.boolean => DataType::Boolean,
            () if self.fraction => DataType::Float64,
            () if self.number => DataType::Int64,
            () if self.span => DataType::Duration(TimeUnit::Millisecond),
            () if self.of_day => DataType::Timestamp(TimeUnit::Microsecond, None),
            () => DataType::Date32,
        }
    }
}

/// The number of a cell, whatever text its format shows.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) | Value::Written(number, _) => Some(*number),
        _ => None,
    }
}

/// A value as the text that is cast to a type; `None` when CAST would change it.
fn to_cast(value: &Value, data_type: &DataType) -> Option<String> {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    let text = match (value, data_type) {
        // Excel shows 15 digits; what comes after them is left from computing in doubles, as in 0.1 + 0.2.
        (Value::Number(number), Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)) if number.fract() != 0.0 => {
            format!("{number:.14e}").parse::<f64>().ok()?.to_string()
        }
        (value, _) => shown(value),
    };
    is_cast_faithfully(&text, data_type).then_some(text)
}

/// A value as text.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Written(_, text) | Value::Failed(text) => text.clone(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Time(time) if time % DAY == 0 => timestamp(*time).chars().take(10).collect(),
        Value::Time(time) => timestamp(*time).trim_end_matches('0').trim_end_matches('.').to_string(),
        Value::Span(span) => {
            let (sign, span) = if *span < 0 { ("-", -span) } else { ("", *span) };
            let (seconds, rest) = (span / 1000, span % 1000);
            let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}") };
            format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        }
    }
}
