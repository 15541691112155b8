//! What the formats of files do not keep.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use super::Format;

/// What is not kept of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    /// NaN and Infinity.
    Numbers,
    /// Parts of a millisecond.
    Times,
    /// Texts without letters.
    Empty,
}

/// The columns with values that a format does not keep.
#[derive(Debug)]
pub struct Lost {
    format: Format,
    columns: BTreeSet<(Loss, String)>,
}

impl Lost {
    /// None of them yet.
    pub fn new(format: Format) -> Self {
        Self { format, columns: BTreeSet::new() }
    }

    /// Looks at rows that are written.
    pub fn look_at(&mut self, batch: &RecordBatch) {
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            if let Some(loss) = of_column(self.format, column) {
                self.columns.insert((loss, field.name().clone()));
            }
        }
    }

    /// What to tell about them.
    pub fn notes(&self) -> Vec<String> {
        let note = |loss: Loss| {
            let names = self.columns.iter().filter(|(own, _)| *own == loss).map(|(_, name)| name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            if names.is_empty() {
                return None;
            }
            Some(match (loss, self.format) {
                (Loss::Empty, _) => {
                    format!("{names}: empty texts are empty cells in Excel, which are NULL when the file is read")
                }
                (Loss::Times, _) => format!("{names}: Excel keeps times to the millisecond"),
                (Loss::Numbers, Format::Json | Format::Ndjson) => {
                    format!("{names}: NaN and Infinity were written as null, because JSON has no such numbers")
                }
                (Loss::Numbers, Format::Excel) => {
                    format!("{names}: NaN and Infinity were written as texts, because Excel has no such numbers")
                }
                (Loss::Numbers, _) => {
                    format!(
                        "{names}: NaN and Infinity make such a column text when the file is read, unless types => '…' says DOUBLE"
                    )
                }
            })
        };
        [Loss::Numbers, Loss::Times, Loss::Empty].into_iter().filter_map(note).collect()
    }
}

fn is_empty(text: Option<&str>) -> bool {
    text.is_some_and(str::is_empty)
}

fn of_column(format: Format, column: &ArrayRef) -> Option<Loss> {
    let is_text = matches!(format, Format::Csv | Format::Tsv | Format::Json | Format::Ndjson | Format::Excel);
    let (loss, is_lost) = match column.data_type() {
        DataType::Float64 if is_text => {
            (Loss::Numbers, column.as_primitive::<Float64Type>().iter().flatten().any(|value| !value.is_finite()))
        }
        DataType::Float32 if is_text => {
            (Loss::Numbers, column.as_primitive::<Float32Type>().iter().flatten().any(|value| !value.is_finite()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) if format == Format::Excel => {
            (Loss::Times, column.as_primitive::<TimestampMicrosecondType>().iter().flatten().any(|time| time % 1_000 != 0))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, None) if format == Format::Excel => {
            (Loss::Times, column.as_primitive::<TimestampNanosecondType>().iter().flatten().any(|time| time % 1_000_000 != 0))
        }
        DataType::Utf8 if format == Format::Excel => (Loss::Empty, column.as_string::<i32>().iter().any(is_empty)),
        DataType::LargeUtf8 if format == Format::Excel => (Loss::Empty, column.as_string::<i64>().iter().any(is_empty)),
        DataType::Utf8View if format == Format::Excel => (Loss::Empty, column.as_string_view().iter().any(is_empty)),
        _ => return None,
    };
    is_lost.then_some(loss)
}
