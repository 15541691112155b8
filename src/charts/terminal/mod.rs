//! Charts in characters, for a shell: bars of block characters, lines and points of braille dots, heat maps of shades.
//!
//! Every line fits the columns given, Chinese counted as two. Without colour nothing is lost: several lines become several
//! small charts with one scale, and values below zero carry a minus sign.

mod bars;
mod braille;
mod dots;
mod shades;

use super::{Chart, ChartError, Kind, check, text};

/// In fewer columns nothing could be read.
const NARROWEST: usize = 20;

/// The chart as lines of text, each ending in a line break and none wider than `columns`; `colour` allows ANSI colours.
///
/// # Errors
/// As for [`super::svg()`], and when there are too few columns.
pub fn terminal(chart: &Chart, columns: usize, colour: bool) -> Result<String, ChartError> {
    check::check(chart)?;
    if columns < NARROWEST {
        return Err(ChartError::new(format!("a chart needs at least {NARROWEST} columns, got {columns}: widen the terminal")));
    }
    let chart = chart.cleaned();
    let screen = Screen { columns: columns.min(500), colour };
    let mut lines = Vec::new();
    if !chart.title.trim().is_empty() {
        lines.push(text::elide_columns(chart.title.trim(), screen.columns));
    }
    if chart.marks() == 0 {
        lines.push(format!("({})", chart.language.no_data()));
    } else {
        lines.extend(match chart.kind {
            Kind::Line | Kind::Area | Kind::Scatter => dots::draw(&chart, screen),
            Kind::Heatmap => shades::draw(&chart, screen)?,
            _ => bars::draw(&chart, screen),
        });
    }
    Ok(lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect())
}

/// The available size, and whether there are colours.
#[derive(Debug, Clone, Copy)]
struct Screen {
    columns: usize,
    colour: bool,
}

/// The nearest of the terminal's 256 colours for each colour of the palette.
const COLOURS: [u8; 8] = [32, 166, 36, 169, 172, 74, 142, 245];

impl Screen {
    /// The text in a series' colour.
    fn paint(self, series: usize, text: &str) -> String {
        self.paint_in(COLOURS[series % COLOURS.len()], text)
    }

    fn paint_in(self, code: u8, text: &str) -> String {
        let seen = text.trim_end();
        if !self.colour || seen.trim().is_empty() {
            return text.to_owned();
        }
        // Spaces stay outside, so that those at the end of a line can be cut off.
        format!("\u{1b}[38;5;{code}m{seen}\u{1b}[0m{}", &text[seen.len()..])
    }
}
