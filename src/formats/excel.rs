//! Excel workbooks with one sheet.

use std::io::{self, Write};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::util::display::ArrayFormatter;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use unicode_width::UnicodeWidthStr;

use super::cells::format_options;
use super::nested::{self, is_bytes, is_nested};
use super::{Sink, into_io, no_text};

/// The most rows of a sheet, including the header; columns; and characters of a cell.
const ROWS: u32 = 1_048_576;
const COLUMNS: usize = 16_384;
const LETTERS: usize = 32_767;
/// The largest integer that Excel keeps: it computes with doubles and shows 15 digits.
const WHOLE: i64 = 999_999_999_999_999;
/// The most decimals that a column always shows. A sum or average has more, most of them zeros.
const DECIMALS: u8 = 6;
/// The largest power of ten that a double holds exactly.
const POWERS: i32 = 22;
/// 1 March 1900 in days since 1970: before that, Excel's calendar differs.
const FIRST_DAY: i64 = -25_508;
/// Excel's day 0 in days since 1970.
const DAY_0: f64 = -25_569.0;
const MICROSECONDS: f64 = 86_400_000_000.0;

pub struct ExcelWriter<'a> {
    sink: Sink<'a>,
    book: Workbook,
    kinds: Vec<Kind>,
    row: u32,
}

/// How the values of a column are written.
enum Kind {
    Whole,
    Double,
    /// A number with so many decimals, from a decimal of that type.
    Decimal(Format, DataType),
    Boolean,
    Date(Format),
    Time(Format),
    Text,
}

impl<'a> ExcelWriter<'a> {
    /// Writes the column names.
    pub fn new(sink: Sink<'a>, schema: &SchemaRef) -> io::Result<Self> {
        if schema.fields().len() > COLUMNS {
            return Err(io::Error::other(format!(
                "a sheet has {COLUMNS} columns at most, and there are {}",
                schema.fields().len()
            )));
        }
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().map_err(io::Error::other)?;
        let bold = Format::new().set_bold();
        sheet.set_freeze_panes(1, 0).map_err(io::Error::other)?;
        for (column, field) in (0..).zip(schema.fields()) {
            let width = field.name().width().clamp(8, 60) + 3;
            sheet
                .set_column_width(column, width.max(if field.data_type().is_temporal() { 20 } else { 10 }) as f64)
                .map_err(io::Error::other)?;
        }
        for (column, field) in (0..).zip(schema.fields()) {
            sheet.write_string_with_format(0, column, field.name(), &bold).map_err(io::Error::other)?;
        }
        let kinds = schema.fields().iter().map(|field| Kind::of(field.data_type())).collect();
        Ok(Self { sink, book, kinds, row: 1 })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        if rows > ROWS - self.row {
            return Err(io::Error::other(format!("a sheet has {ROWS} rows at most, and there are more; write CSV or Parquet")));
        }
        let options = format_options();
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(into_io)?;
        let plain = batch.columns().iter().zip(&self.kinds).map(|(column, kind)| match kind.plain() {
            // Converted by its digits: 0.1 as REAL is 0.1, not 0.10000000149011612.
            Some(DataType::Float64) if *column.data_type() == DataType::Float32 => {
                cast(&cast(column, &DataType::Utf8)?, &DataType::Float64)
            }
            Some(data_type) => cast(column, &data_type),
            None => Ok(column.clone()),
        });
        let plain = plain.collect::<Result<Vec<_>, _>>().map_err(into_io)?;
        let nulls: Vec<_> = plain.iter().map(|column| column.logical_nulls()).collect();
        let sheet = self.book.worksheet_from_index(0).map_err(io::Error::other)?;
        for row in 0..batch.num_rows() {
            for ((number, array), (kind, formatter)) in (0..).zip(&plain).zip(self.kinds.iter().zip(&formatters)) {
                if nulls[usize::from(number)].as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    continue;
                }
                if kind.write(sheet, (self.row, number), array.as_ref(), row).map_err(io::Error::other)? {
                    continue;
                }
                let text = if is_nested(array.data_type()) {
                    let mut text = String::new();
                    nested::write(array, row, &options, &mut text).map(|()| text)
                } else if is_bytes(array.data_type()) {
                    formatter.value(row).try_to_string().map(|text| format!("\\x{text}"))
                } else {
                    formatter.value(row).try_to_string()
                };
                let text = text.map_err(|error| no_text(batch, usize::from(number), &error))?;
                if text.encode_utf16().count() > LETTERS {
                    let name = batch.schema().field(usize::from(number)).name().clone();
                    return Err(io::Error::other(format!(
                        "a cell has {LETTERS} letters at most, and {name} has a text with more; write CSV or Parquet"
                    )));
                }
                sheet.write_string(self.row, number, text).map_err(io::Error::other)?;
            }
            self.row += 1;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        let bytes = self.book.save_to_buffer().map_err(io::Error::other)?;
        self.sink.write_all(&bytes)?;
        self.sink.flush()
    }
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        let format = |text: &str| Format::new().set_num_format(text);
        match data_type {
            DataType::UInt64 => Self::Decimal(format("0"), DataType::Decimal128(20, 0)),
            other if other.is_integer() => Self::Whole,
            other if other.is_floating() => Self::Double,
            DataType::Decimal128(_, scale) if *scale >= 0 => {
                let shown = match usize::from(scale.unsigned_abs()) {
                    0 => "0".to_string(),
                    scale if scale <= usize::from(DECIMALS) => format!("0.{}", "0".repeat(scale)),
                    _ => "General".to_string(),
                };
                Self::Decimal(format(&shown), data_type.clone())
            }
            DataType::Boolean => Self::Boolean,
            DataType::Date32 | DataType::Date64 => Self::Date(format("yyyy-mm-dd")),
            // Excel has no time zones, so an instant is written as text with its zone.
            DataType::Timestamp(_, None) => Self::Time(format("yyyy-mm-dd hh:mm:ss")),
            _ => Self::Text,
        }
    }

    /// The common type for values written in this way.
    fn plain(&self) -> Option<DataType> {
        match self {
            Self::Whole => Some(DataType::Int64),
            Self::Double => Some(DataType::Float64),
            Self::Date(_) => Some(DataType::Date32),
            Self::Time(_) => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
            Self::Decimal(_, data_type) => Some(data_type.clone()),
            Self::Boolean | Self::Text => None,
        }
    }

    /// Writes a value; false if it must be written as text.
    fn write(
        &self,
        sheet: &mut Worksheet,
        (row, column): (u32, u16),
        array: &dyn Array,
        place: usize,
    ) -> Result<bool, XlsxError> {
        match self {
            Self::Whole => {
                let value = array.as_primitive::<Int64Type>().value(place);
                if !(-WHOLE..=WHOLE).contains(&value) {
                    return Ok(false);
                }
                sheet.write_number(row, column, value as f64)?;
            }
            Self::Double => {
                let value = array.as_primitive::<Float64Type>().value(place);
                if !value.is_finite() {
                    return Ok(false);
                }
                sheet.write_number(row, column, value)?;
            }
            Self::Decimal(format, _) => {
                let array = array.as_primitive::<Decimal128Type>();
                let scale = if let DataType::Decimal128(_, scale) = array.data_type() { i32::from(*scale) } else { 0 };
                let Some(number) = number(array.value(place), scale) else { return Ok(false) };
                sheet.write_number_with_format(row, column, number, format)?;
            }
            Self::Boolean => {
                sheet.write_boolean(row, column, array.as_boolean().value(place))?;
            }
            Self::Date(format) => {
                let day = i64::from(array.as_primitive::<Date32Type>().value(place));
                if !(FIRST_DAY..2_932_897).contains(&day) {
                    return Ok(false);
                }
                sheet.write_number_with_format(row, column, day as f64 - DAY_0, format)?;
            }
            Self::Time(format) => {
                let time = array.as_primitive::<TimestampMicrosecondType>().value(place);
                let day = time as f64 / MICROSECONDS;
                if !((FIRST_DAY as f64)..2_932_897.0).contains(&day) {
                    return Ok(false);
                }
                sheet.write_number_with_format(row, column, day - DAY_0, format)?;
            }
            Self::Text => return Ok(false),
        }
        Ok(true)
    }
}

/// A decimal as a double, if Excel shows the same digits.
fn number(mut digits: i128, mut scale: i32) -> Option<f64> {
    while scale > 0 && digits % 10 == 0 {
        (digits, scale) = (digits / 10, scale - 1);
    }
    let is_kept = (-i128::from(WHOLE)..=i128::from(WHOLE)).contains(&digits) && scale <= POWERS;
    // Both are exact, so that the quotient is the nearest double.
    is_kept.then(|| digits as f64 / 10_f64.powi(scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_numbers_as_far_as_excel_keeps_them() {
        assert_eq!(number(3_750_000_000_000_000, 15), Some(3.75));
        assert_eq!(number(-1_234_500, 4), Some(-123.45));
        assert_eq!(number(0, 38), Some(0.0));
        assert_eq!(number(999_999_999_999_999, 2), Some(9_999_999_999_999.99));
        assert_eq!(number(1_000_000_000_000_001, 2), None);
        assert_eq!(number(1, 23), None);
    }
}
