//! The rows of a section's query, next to those of the earlier report.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array, new_null_array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::common::Result;

use super::masked::{Mask, is_free, without_contacts};
use super::{Drawn, Language, Section};
use crate::charts::{Chart, ChartError, Kind, svg};
use crate::error::invalid;
use crate::formats::{Roles, Told, cells, chart};
use crate::kernels::privacy::suppression;
use crate::text::grouped;

/// Which rows hide their numbers because they have few customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The limit: rows with fewer customers are suppressed.
    pub smallest: u64,
    /// For each row, whether its numbers are hidden.
    pub rows: Vec<bool>,
}

/// The rows of a section.
#[derive(Debug, Clone)]
pub struct Answered {
    rows: RecordBatch,
    texts: Vec<Vec<String>>,
    /// The earlier rows, and for each of the current rows the place of the one with the same names, unless it is suppressed.
    before: Option<(RecordBatch, Vec<Option<u64>>)>,
    suppressed: Suppressed,
}

impl Answered {
    /// The current rows next to the earlier ones, which are matched by name.
    ///
    /// # Errors
    /// A column named by the section does not exist.
    pub fn new(section: &Section, rows: &RecordBatch, before: Option<RecordBatch>, smallest: u64) -> Result<Self> {
        let schema = rows.schema();
        let named = section.x.iter().chain(&section.y).chain(&section.series).chain(&section.count).chain(&section.percent);
        for name in named {
            if schema.field_with_name(name).is_err() {
                let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                return Err(invalid(&section.name, format!("its query has no column {name}; it has {}", names.join(", "))));
            }
        }
        let texts = cells(rows)?;
        let is_name = |field: &Field| {
            !field.data_type().is_numeric()
                || section.x.as_ref() == Some(field.name())
                || section.series.as_ref() == Some(field.name())
        };
        let names: Vec<usize> = (0..schema.fields().len()).filter(|column| is_name(schema.field(*column))).collect();
        let key =
            |row: &Vec<String>| names.iter().map(|column| row.get(*column).cloned().unwrap_or_default()).collect::<Vec<_>>();
        let before = match before.filter(|before| before.schema().fields() == schema.fields()) {
            None => None,
            Some(before) => {
                // What was hidden then stays hidden: a change would reveal it. Names that several rows have do not say which row became which.
                let hidden = suppressed(section, &before, smallest);
                let earlier: Vec<Vec<String>> = cells(&before)?.iter().map(key).collect();
                let known: HashMap<&Vec<String>, u64> =
                    earlier.iter().zip(0..).zip(hidden).filter(|(_, hidden)| !hidden).map(|(row, _)| row).collect();
                let now: Vec<Vec<String>> = texts.iter().map(key).collect();
                let (often_then, often_now) = (often(&earlier), often(&now));
                let place = |names: &Vec<String>| {
                    let is_one = !often_then.contains(names) && !often_now.contains(names);
                    known.get(names).copied().filter(|_| is_one)
                };
                let places: Vec<Option<u64>> = now.iter().map(place).collect();
                Some((before, places))
            }
        };
        let suppressed = Suppressed { smallest, rows: suppressed(section, rows, smallest) };
        let before = match before {
            Some((before, places)) => Some((covered(&before)?, places)),
            None => None,
        };
        let rows = covered(rows)?;
        Ok(Self { texts: cells(&rows)?, rows, before, suppressed })
    }

    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub fn columns(&self) -> Vec<String> {
        self.rows.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub fn suppressed(&self) -> &Suppressed {
        &self.suppressed
    }

    pub fn is_number(&self, column: usize) -> bool {
        self.rows.column(column).data_type().is_numeric()
    }

    /// The rows, with a column `column_before` for each numeric column.
    ///
    /// # Errors
    /// None in practice: the row numbers are valid.
    pub fn wide(&self) -> Result<RecordBatch> {
        let schema = self.rows.schema();
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let mut columns: Vec<ArrayRef> = self.rows.columns().to_vec();
        for (place, field) in schema.fields().iter().enumerate().filter(|(_, field)| field.data_type().is_numeric()) {
            let earlier = match &self.before {
                Some((before, places)) => take(before.column(place), &UInt64Array::from(places.clone()), None)?,
                None => new_null_array(field.data_type(), self.len()),
            };
            fields.push(Field::new(format!("{}_before", field.name()), field.data_type().clone(), true));
            columns.push(earlier);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    /// The text of a cell.
    pub fn cell(&self, section: &Section, row: usize, column: usize, language: Language) -> String {
        let array = self.rows.column(column);
        if array.is_null(row) || !is_finite(array, row) {
            return "–".into();
        }
        let schema = self.rows.schema();
        let name = schema.field(column).name();
        if array.data_type().is_numeric() && self.suppressed.rows[row] && !self.is_place(section, name) {
            let is_count = section.count.as_ref() == Some(name);
            return if is_count { format!("< {}", self.suppressed.smallest) } else { "·".into() };
        }
        let text = &self.texts[row][column];
        if !array.data_type().is_numeric() {
            return section.value(text, language).to_string();
        }
        if self.is_place(section, name) {
            return text.clone();
        }
        shown(array, row, section.is_percent(name), text)
    }

    /// True if no number of a row is NaN or infinite, so that a sentence may be made of them.
    pub fn is_finite(&self, row: usize) -> bool {
        self.rows.columns().iter().all(|column| is_finite(column, row))
    }

    /// True for numbers that identify a row and do not measure anything.
    fn is_place(&self, section: &Section, name: &str) -> bool {
        section.x.as_deref() == Some(name) || section.series.as_deref() == Some(name)
    }

    /// The relative change of a number, or the absolute change of a share; `None` if it was missing or is not shown.
    pub fn change(&self, section: &Section, row: usize, column: usize) -> Option<f64> {
        let (before, places) = self.before.as_ref()?;
        let schema = self.rows.schema();
        if self.suppressed.rows[row] || !self.is_number(column) || self.is_place(section, schema.field(column).name()) {
            return None;
        }
        let earlier = number(before.column(column), usize::try_from(places[row]?).ok()?)?;
        let now = number(self.rows.column(column), row)?;
        let is_share = section.is_percent(schema.field(column).name());
        match (now - earlier, earlier) {
            (difference, _) if difference == 0.0 || is_share => Some(difference),
            (_, 0.0) => None,
            (difference, earlier) => Some(difference / earlier.abs()),
        }
    }

    /// The picture of the chart that the section asks for, and its kind; `None` for a table. How many slices, spokes or series there are depends on the
    /// data: where they are too many or too few for the kind, bars are drawn, or a heat map.
    ///
    /// # Errors
    /// The rows cannot be drawn in this way.
    pub fn picture(&self, section: &Section, language: Language, width: u32) -> Option<Result<(Kind, String), ChartError>> {
        let Drawn::Chart(kind) = section.drawn else { return None };
        if self.len() == 0 {
            return None;
        }
        let others: &[Kind] = match kind {
            Kind::Pie | Kind::Funnel | Kind::Treemap | Kind::Radar => &[Kind::Bar, Kind::Heatmap],
            Kind::Bar | Kind::Line | Kind::Area => &[Kind::Heatmap],
            Kind::Heatmap | Kind::Sankey | Kind::Scatter | Kind::Histogram => &[],
        };
        let drawn =
            |kind: Kind| self.chart(kind, section, language).and_then(|chart| svg(&chart, width)).map(|picture| (kind, picture));
        Some(drawn(kind).or_else(|error| others.iter().find_map(|other| drawn(*other).ok()).ok_or(error)))
    }

    fn chart(&self, kind: Kind, section: &Section, language: Language) -> Result<Chart, ChartError> {
        let roles = Roles { kind, x: section.x.clone(), y: section.y.clone(), series: section.series.clone() };
        let word = |word: &str| section.word(word, language).to_string();
        let value = |value: &str| section.value(value, language).to_string();
        let told = Told {
            title: String::new(),
            language,
            word: &word,
            value: &value,
            is_percent: &|name| section.is_percent(name),
            hidden: &self.suppressed.rows,
        };
        chart(&self.rows, &roles, &told)
    }
}

/// The names that several rows have.
fn often(names: &[Vec<String>]) -> HashSet<&Vec<String>> {
    let mut seen = HashSet::new();
    names.iter().filter(|names| !seen.insert(*names)).collect()
}

/// The rows with personal data masked, for every use: tables, charts and sentences.
fn covered(rows: &RecordBatch) -> Result<RecordBatch> {
    let texts = cells(rows)?;
    let (mut fields, mut columns) = (vec![], vec![]);
    let tags = rows.schema().index_of("tag").ok();
    for (place, field) in rows.schema().fields().iter().enumerate() {
        let column = rows.column(place);
        let mask = Mask::of(field.name());
        // The values of a tag are personal data if its name says so.
        let tag = tags.filter(|_| field.name() == "value" && field.data_type().is_string());
        let is_text = column.data_type().is_string() && is_free(field.name());
        if mask.is_none() && tag.is_none() && !is_text {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
            continue;
        }
        let cover = |(row, texts): (usize, &Vec<String>)| {
            let mask = mask.or_else(|| tag.and_then(|tag| Mask::of(&texts[tag])));
            let value = &texts[place];
            column.is_valid(row).then(|| mask.map_or_else(|| without_contacts(value), |mask| mask.cover(value)))
        };
        fields.push(Field::new(field.name(), DataType::Utf8, true));
        columns.push(Arc::new(texts.iter().enumerate().map(cover).collect::<StringArray>()) as ArrayRef);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// A number of a column; `None` for NULL, and for NaN and the infinities, which divisions by zero give.
fn number(column: &ArrayRef, row: usize) -> Option<f64> {
    let column = cast(&column.slice(row, 1), &DataType::Float64).ok()?;
    let column = column.as_primitive::<Float64Type>();
    (!column.is_null(0)).then(|| column.value(0)).filter(|value| value.is_finite())
}

/// False for NaN and the infinities.
fn is_finite(column: &ArrayRef, row: usize) -> bool {
    !column.data_type().is_floating() || column.is_null(row) || number(column, row).is_some()
}

/// A number for people: groups of three digits, shares in percent, no more digits than are useful.
pub fn shown(column: &ArrayRef, row: usize, is_percent: bool, text: &str) -> String {
    if is_percent {
        return number(column, row).map_or_else(|| text.to_string(), percent);
    }
    let text = match column.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => match number(column, row) {
            Some(value) if value.abs() < 1e15 => {
                let digits = if value.fract() == 0.0 || value.abs() >= 1000.0 { 0 } else { 2 };
                format!("{value:.digits$}")
            }
            _ => return text.to_string(),
        },
        _ => text.to_string(),
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("−", digits));
    let (whole, part) = digits.split_once('.').map_or((digits, String::new()), |(whole, part)| (whole, format!(".{part}")));
    match whole.parse::<u64>() {
        Ok(whole) => format!("{sign}{}{part}", grouped(whole)),
        Err(_) => text,
    }
}

/// A share in percent with at most one decimal: `40%`, `12.5%`. Only nothing is `0%`, and only the whole is `100%`.
pub fn percent(share: f64) -> String {
    // What a division leaves over is no share.
    const NOISE: f64 = 1e-9;
    let percent = 100.0 * share;
    let text = format!("{:.1}", percent.abs());
    let text = match text.strip_suffix(".0").unwrap_or(&text) {
        "0" if percent > NOISE => "< 0.1",
        "100" if (99.0..100.0 - NOISE).contains(&percent) => "> 99.9",
        text => text,
    };
    let sign = if percent < 0.0 && text != "0" { "−" } else { "" };
    format!("{sign}{text}%")
}

/// The rows with too few customers to show, and the rows from which their numbers could be computed.
fn suppressed(section: &Section, rows: &RecordBatch, smallest: u64) -> Vec<bool> {
    let Some(counts) = section.count.as_ref().and_then(|name| rows.column_by_name(name)) else {
        return vec![false; rows.num_rows()];
    };
    let counts: Vec<f64> = (0..rows.num_rows()).map(|row| number(counts, row).unwrap_or(0.0)).collect();
    suppression::suppressed(&counts, smallest)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn only_nothing_is_nothing_and_only_the_whole_is_the_whole() {
        for (share, expected) in [
            (0.0, "0%"),
            (0.0004, "< 0.1%"),
            (0.0005, "0.1%"),
            (0.4, "40%"),
            (0.1249, "12.5%"),
            (0.9994, "99.9%"),
            (0.9996, "> 99.9%"),
            (1.0, "100%"),
            (1.0 - f64::EPSILON, "100%"),
            (1.000_4, "100%"),
            (2.5, "250%"),
            (-0.125, "−12.5%"),
            (-0.0001, "0%"),
        ] {
            assert_eq!(percent(share), expected, "{share}");
        }
    }
}
