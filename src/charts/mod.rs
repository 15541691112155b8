//! Charts as text: SVG for pages and files, characters for a terminal.
//!
//! A chart is drawn from plain numbers and names, so this module knows nothing about queries or tables. The code that runs the query
//! fills a [`Chart`] and calls [`svg()`], [`standalone_svg`], [`html`] or [`terminal()`].
//!
//! Three guarantees shape everything here:
//! - **The same data gives the same bytes.** Nothing depends on the order of a map, the clock or the machine, so a
//!   report can be compared with yesterday's by a plain diff.
//! - **Every value is exactly one mark.** A value that is not a gap becomes one element with `class="mark"` and a
//!   `<title>` that names it; nothing is pooled, sampled or silently left out. A chart too large to be read is an
//!   error that says what to do.
//! - **Readable by everyone.** Colour-blind people can distinguish the colours, which have contrast on light and dark
//!   backgrounds. Lines differ by dashes and points by shapes. Each chart has a title and a sentence for screen readers, and
//!   if there are few enough marks, they can be reached with the keyboard.
//!
//! The output has no scripts and no `style` attributes, so that a page can forbid both.

mod across;
mod axis;
mod bar;
mod check;
mod date;
mod describe;
mod error;
mod funnel;
mod heatmap;
mod histogram;
mod kind;
mod label;
mod line;
mod number;
mod page;
mod pie;
mod plot;
mod png;
mod radar;
mod sankey;
mod scatter;
mod style;
mod svg;
mod terminal;
mod text;
mod treemap;
mod words;

#[cfg(test)]
mod tests;

pub use crate::language::Language;
pub use error::ChartError;
pub use kind::Kind;
pub use page::html;
pub use png::png;
pub use style::{STYLE, hash_of};
pub use svg::{standalone_svg, svg};
pub use terminal::terminal;

/// One chart: what is drawn, and the words around it.
///
/// Which fields are used depends on [`Kind`]: a heat map's columns are the categories and its rows the series; a sankey
/// reads only `links`; pie, funnel and treemap have one series; a histogram's bins lie between the edges in
/// `x_numbers`, which are one more than the bins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// What is drawn.
    pub kind: Kind,
    /// The heading; may be empty.
    pub title: String,
    /// The name of the horizontal axis; may be empty.
    pub x_name: String,
    /// The name of the measured value; may be empty.
    pub y_name: String,
    /// The labels of the horizontal axis, in order; may be empty if `x_numbers` are given.
    pub categories: Vec<String>,
    /// The horizontal position of each point: for a scatter chart, or a line over numbers or time. Days since 1970-01-01 if
    /// `x_is_date`. For a histogram, the edges of the bins.
    pub x_numbers: Option<Vec<f64>>,
    /// Whether `x_numbers` are days since 1970-01-01 (a fraction is a time of day), or the categories are dates in order.
    pub x_is_date: bool,
    /// The measured values: each series has one per category.
    pub series: Vec<Series>,
    /// For a sankey: from, to and how much.
    pub links: Vec<(String, String, f64)>,
    /// The language of the words the chart adds.
    pub language: Language,
}

/// One line, one colour of bars, or one row of a heat map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend and the titles of its marks.
    pub name: String,
    /// One value per category; `None` is a gap.
    pub values: Vec<Option<f64>>,
    /// Gaps that a line passes over, one flag per category or none at all: the series was not measured there. Another gap ends the line.
    pub passed: Vec<bool>,
    /// Lower and upper bounds, one per category each: a shaded band around a line, a whisker on a bar.
    pub band: Option<Band>,
}

/// Lower and upper bounds, one per category each; `None` where there is none.
pub type Band = (Vec<Option<f64>>, Vec<Option<f64>>);

impl Series {
    /// True where a line goes on to the next value.
    fn passes(&self, index: usize) -> bool {
        self.passed.get(index).copied().unwrap_or_default()
    }
}

impl Chart {
    /// The number of categories, points or bins.
    fn places(&self) -> usize {
        match &self.x_numbers {
            _ if !self.categories.is_empty() => self.categories.len(),
            Some(edges) if self.kind == Kind::Histogram => edges.len().saturating_sub(1),
            Some(numbers) => numbers.len(),
            None => 0,
        }
    }

    /// The series this kind draws: all of them, or only the first.
    fn drawn(&self) -> &[Series] {
        let most = match self.kind {
            Kind::Sankey => 0,
            kind if kind.one_series() => 1,
            _ => self.series.len(),
        };
        &self.series[..most.min(self.series.len())]
    }

    /// The values drawn that are not gaps.
    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let links = if self.kind == Kind::Sankey { self.links.as_slice() } else { &[] };
        self.drawn().iter().flat_map(|series| series.values.iter().flatten().copied()).chain(links.iter().map(|link| link.2))
    }

    /// How many marks the chart has: one for each value that is not a gap.
    fn marks(&self) -> usize {
        self.values().count()
    }

    /// The smallest and largest value, bands included; (0, 0) when there is none.
    fn extent(&self) -> (f64, f64) {
        let bands = self.drawn().iter().filter_map(|series| series.band.as_ref());
        let bands = bands.flat_map(|(lower, upper)| lower.iter().chain(upper).flatten().copied());
        self.values().chain(bands).map(|value| (value, value)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
    }

    /// Whether every value is a whole number, so that an axis of counts shows no halves.
    fn whole(&self) -> bool {
        self.values().all(|value| value.fract() == 0.0)
    }

    /// The name of a position on the horizontal axis: its category, or else its number or date, or a bin's two edges.
    fn place(&self, index: usize) -> String {
        if let Some(category) = self.categories.get(index) {
            return category.clone();
        }
        let number = |index: usize| {
            let value = self.x_numbers.as_ref().and_then(|numbers| numbers.get(index)).copied().unwrap_or_default();
            if self.x_is_date { date::label(value) } else { number::exact(value) }
        };
        if self.kind == Kind::Histogram { format!("{} – {}", number(index), number(index + 1)) } else { number(index) }
    }

    /// The text shown when a mark is pointed at: its position, its series if that adds something, and its value.
    fn says(&self, series: usize, index: usize, value: f64) -> String {
        let place = self.place(index);
        let value = number::exact(value);
        match self.drawn().get(series).map(|series| series.name.as_str()) {
            None | Some("") => format!("{place}: {value}"),
            Some(name) => format!("{place} · {name}: {value}"),
        }
    }

    /// A copy without characters in its texts that XML forbids or a terminal obeys.
    fn cleaned(&self) -> Self {
        let mut chart = self.clone();
        for text in [&mut chart.title, &mut chart.x_name, &mut chart.y_name].into_iter().chain(&mut chart.categories) {
            *text = text::clean(text);
        }
        for series in &mut chart.series {
            series.name = text::clean(&series.name);
        }
        for (from, to, _) in &mut chart.links {
            *from = text::clean(from);
            *to = text::clean(to);
        }
        chart
    }
}
