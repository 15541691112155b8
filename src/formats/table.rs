//! Tables for people: aligned columns, whatever the width of the letters.
//!
//! A table wider than the screen is folded: long texts are broken into lines within their column. If the table would not be readable that way,
//! each row becomes a block with one line per column.

use datafusion::arrow::datatypes::SchemaRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cells::visible;

/// How a table is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStyle {
    /// The most rows to show, 0 for all.
    pub most: usize,
    /// The width of the screen; `None` never folds.
    pub width: Option<usize>,
    /// When each row becomes a block.
    pub blocks: Blocks,
}

/// When each row becomes a block with one line per column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blocks {
    /// Never: one line per row, however wide.
    Never,
    /// Always.
    Always,
    /// When the table is wider than the screen even with its long texts broken.
    #[default]
    WhenWide,
}

/// The least width of a narrowed column of long texts.
const NARROWEST: usize = 20;
/// The most lines that a row of narrowed columns may take; taller ones read better as blocks.
const TALLEST: usize = 8;
/// The least width of the values in blocks: on a narrower screen they run over its edge.
const LEAST_VALUE: usize = 16;

/// A table, laid out by its first rows.
pub struct Table {
    names: Vec<String>,
    right: Vec<bool>,
    form: Form,
}

enum Form {
    /// The widths of columns, and whether longer texts are broken.
    Lines { widths: Vec<usize>, is_broken: bool },
    /// The width of the names, and that of the values if it is limited.
    Blocks { names: usize, values: Option<usize>, row: usize },
}

impl Table {
    /// Chooses the layout from `rows`.
    pub fn new(schema: &SchemaRef, rows: &[Vec<String>], style: TableStyle) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| visible(field.name())).collect();
        let right: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let widths: Vec<usize> = (0..names.len())
            .map(|column| {
                rows.iter().map(|row| display_width(&row[column])).chain([display_width(&names[column])]).max().unwrap_or(0)
            })
            .collect();
        let blocks = || Form::Blocks {
            names: names.iter().map(|name| display_width(name)).max().unwrap_or(0),
            values: style.width.map(|screen| {
                let taken = names.iter().map(|name| display_width(name)).max().unwrap_or(0) + 3;
                screen.saturating_sub(taken).max(LEAST_VALUE)
            }),
            row: 0,
        };
        let lines = |widths: Vec<usize>, is_broken: bool| Form::Lines { widths, is_broken };
        let form = match (style.blocks, style.width) {
            (Blocks::Always, _) => blocks(),
            (Blocks::Never, _) | (_, None) => lines(widths, false),
            (Blocks::WhenWide, Some(screen)) if taken(&widths) <= screen => lines(widths, true),
            (Blocks::WhenWide, Some(screen)) => match narrowed(&widths, &right, screen) {
                Some(narrow) if rows.iter().all(|row| height(row, &narrow, &right) <= TALLEST) => lines(narrow, true),
                _ => blocks(),
            },
        };
        Self { names, right, form }
    }

    /// The lines above the rows.
    pub fn head(&self) -> String {
        match &self.form {
            Form::Lines { widths, .. } => {
                let line: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
                format!("{}{}\n", self.line(&self.names, widths, false), line.join("+"))
            }
            Form::Blocks { .. } => String::new(),
        }
    }

    /// One row, of one line or more.
    pub fn row(&mut self, cells: &[String]) -> String {
        if let Form::Blocks { row, .. } = &mut self.form {
            *row += 1;
        }
        match &self.form {
            Form::Lines { widths, is_broken } => self.line(cells, widths, *is_broken),
            Form::Blocks { names, values, row } => self.block(cells, *names, *values, *row),
        }
    }

    fn line(&self, cells: &[String], widths: &[usize], is_broken: bool) -> String {
        let lines: Vec<Vec<String>> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| match is_broken && !self.right[column] {
                true => wrapped(cell, widths[column]),
                false => cell.split('\n').map(String::from).collect(),
            })
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        let mut text = String::new();
        for line in 0..height {
            let pad = |(column, lines): (usize, &Vec<String>)| {
                let cell = lines.get(line).map(String::as_str).unwrap_or_default();
                let space = " ".repeat(widths[column].saturating_sub(cell.width()));
                if self.right[column] { format!(" {space}{cell} ") } else { format!(" {cell}{space} ") }
            };
            let parts: Vec<String> = lines.iter().enumerate().map(pad).collect();
            text.push_str(parts.join("|").trim_end());
            text.push('\n');
        }
        text
    }

    fn block(&self, cells: &[String], names: usize, values: Option<usize>, row: usize) -> String {
        let title = format!("-[ row {row} ]");
        let mut text = format!("{title}{}\n", "-".repeat((names + 10).saturating_sub(title.len())));
        for (name, cell) in self.names.iter().zip(cells) {
            let lines = match values {
                Some(width) => wrapped(cell, width),
                None => cell.split('\n').map(String::from).collect(),
            };
            // A name of several lines is next to the lines of its value.
            let mut heads = name.split('\n');
            let mut lines = lines.into_iter();
            loop {
                let (head, line) = (heads.next(), lines.next());
                if head.is_none() && line.is_none() {
                    break;
                }
                let (head, line) = (head.unwrap_or_default(), line.unwrap_or_default());
                let space = " ".repeat(names.saturating_sub(head.width()));
                text.push_str(format!("{head}{space} | {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }
}

/// The width of a table with these column widths: each column has a space on both sides and a line to the next.
fn taken(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + 3).sum::<usize>().saturating_sub(1)
}

/// Widths that make the table fit: the widest text columns are narrowed to the same width.
fn narrowed(widths: &[usize], right: &[bool], screen: usize) -> Option<Vec<usize>> {
    let narrow = |most: usize| -> Vec<usize> {
        widths.iter().zip(right).map(|(width, right)| if *right { *width } else { (*width).min(most) }).collect()
    };
    if taken(&narrow(NARROWEST)) > screen {
        return None;
    }
    let most = (NARROWEST..=screen).rev().find(|most| taken(&narrow(*most)) <= screen)?;
    Some(narrow(most))
}

/// The lines of a row.
fn height(row: &[String], widths: &[usize], right: &[bool]) -> usize {
    let broken = |column: usize| if right[column] { 1 } else { wrapped(&row[column], widths[column]).len() };
    let written = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(0);
    // A text with many lines of its own, such as a plan, is not broken further.
    (0..row.len()).map(broken).max().unwrap_or(0).saturating_sub(written.saturating_sub(1))
}

/// The width of a text's widest line.
pub fn display_width(text: &str) -> usize {
    text.split('\n').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// A text in lines of at most `most` columns, broken between words where possible. If the text begins with spaces, all of its lines are
/// indented by as many.
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let most = most.max(2);
    let mut lines = vec![];
    for line in text.split('\n') {
        if line.width() <= most {
            lines.push(line.to_string());
            continue;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let indent = " ".repeat(if indent * 2 < most { indent } else { 0 });
        let mut rest = line.to_string();
        while rest.width() > most {
            let end = end_of_line(&rest, most);
            let next = rest[end..].trim_start_matches(' ');
            let next = format!("{indent}{next}");
            rest.truncate(end);
            lines.push(rest.trim_end_matches(' ').to_string());
            rest = next;
        }
        lines.push(rest);
    }
    lines
}

/// Where to break a line that is too wide: after the last space that fits, or between wide characters, or else anywhere.
fn end_of_line(line: &str, most: usize) -> usize {
    let (mut used, mut fits, mut between) = (0, 0, 0);
    let start = line.len() - line.trim_start_matches(' ').len();
    for (place, letter) in line.char_indices() {
        let wide = letter.width().unwrap_or(0);
        if used + wide > most && place > 0 {
            if letter == ' ' {
                between = place;
            }
            break;
        }
        used += wide;
        fits = place + letter.len_utf8();
        if place >= start && (letter == ' ' || wide == 2 || matches!(letter, ',' | ';' | '/' | '|')) {
            between = fits;
        }
    }
    // A word longer than half a line is broken at the end of the line.
    let is_short = line[..between].width() * 2 < most;
    if between == 0 || between <= start || is_short { fits } else { between }
}

#[cfg(test)]
mod tests {
    use super::super::cells::cells;
    use super::*;
    use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    fn shown(batch: &RecordBatch, style: TableStyle) -> String {
        let rows = cells(batch).unwrap();
        let mut table = Table::new(&batch.schema(), &rows, style);
        let text: String = rows.iter().map(|row| table.row(row)).collect();
        format!("{}{text}", table.head())
    }

    #[test]
    fn chinese_letters_take_two_columns() {
        let batch = RecordBatch::try_from_iter([
            ("segment", Arc::new(StringArray::from(vec!["重要价值客户", "new\ttab"])) as _),
            ("客户数", Arc::new(Int64Array::from(vec![Some(7), None])) as _),
        ])
        .unwrap();
        assert_eq!(
            shown(&batch, TableStyle::default()),
            " segment      | 客户数\n--------------+--------\n 重要价值客户 |      7\n new\\ttab     |   NULL\n"
        );
        assert_eq!(
            shown(&batch, TableStyle { blocks: Blocks::Always, ..TableStyle::default() }),
            "-[ row 1 ]-------\nsegment | 重要价值客户\n客户数  | 7\n-[ row 2 ]-------\nsegment | new\\ttab\n客户数  | NULL\n"
        );
    }

    #[test]
    fn what_is_wider_than_the_screen_is_folded() {
        let long = "one customer who buys every month and has done so for years";
        let batch = RecordBatch::try_from_iter([
            ("text", Arc::new(StringArray::from(vec![long])) as _),
            ("n", Arc::new(Int64Array::from(vec![1])) as _),
        ])
        .unwrap();
        let at = |width: usize| shown(&batch, TableStyle { width: Some(width), ..TableStyle::default() });
        assert_eq!(at(80).lines().count(), 3);
        assert_eq!(
            at(40),
            " text                               | n\n------------------------------------+---\n one customer who buys every month  | 1\n and has done so for years          |\n"
        );
        assert!(at(20).starts_with("-[ row 1 ]"), "{}", at(20));
        for width in 24..100 {
            assert!(at(width).lines().all(|line| line.width() <= width), "{width}:\n{}", at(width));
        }
        let never = TableStyle { width: Some(20), blocks: Blocks::Never, most: 0 };
        assert!(shown(&batch, never).contains(long));
    }

    #[test]
    fn lines_are_broken_between_words_and_wide_letters() {
        assert_eq!(wrapped("a b c", 3), ["a b", "c"]);
        assert_eq!(wrapped("客户画像分析", 5), ["客户", "画像", "分析"]);
        assert_eq!(wrapped("  indented by two spaces", 14), ["  indented by", "  two spaces"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("", 4), [""]);
        for width in 0..30 {
            let text = "重要 value, 客户/customers: \u{1f468}\u{200d}\u{1f469} and\nmore";
            let lines = wrapped(text, width);
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }
}
