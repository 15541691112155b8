//! Heat maps of shaded cells, with the value beside the shade where columns are wide enough, and a minus sign before the
//! shade of what is below zero where they are not.

use super::super::heatmap::{Levels, STEPS};
use super::super::number::compact;
use super::super::text::{columns, pad_left, pad_right};
use super::super::{Chart, ChartError};
use super::Screen;

/// A shade for each step of the heat map.
const SHADES: [char; STEPS + 1] = ['·', '░', '░', '▒', '▒', '▓', '█'];
const ABOVE: [u8; STEPS + 1] = [245, 153, 110, 74, 32, 26, 25];
const BELOW: [u8; STEPS + 1] = [245, 223, 216, 209, 172, 166, 130];

pub(super) fn draw(chart: &Chart, screen: Screen) -> Result<Vec<String>, ChartError> {
    let levels = Levels::new(chart);
    let places = chart.places();
    let named = chart.series.iter().map(|series| columns(&series.name)).max().unwrap_or(0).min(screen.columns / 4);
    let room = screen.columns.saturating_sub(named + 1);
    let narrowest = if levels.both() { 3 } else { 2 };
    let valued = chart.values().map(|value| columns(&compact(value, chart.language))).max().unwrap_or(0) + 3;
    let wide = (room / places.max(1)).min(valued.max(8));
    if wide < narrowest {
        return Err(ChartError::new(format!(
            "a heat map of {places} columns needs a terminal at least {} wide, got {}: widen it, or draw it as SVG",
            named + 1 + places * narrowest,
            screen.columns
        )));
    }
    let mut lines = Vec::new();
    let heads: String = (0..places).map(|index| pad_left(&chart.place(index), wide - 1) + " ").collect();
    lines.push(format!("{} {heads}", " ".repeat(named)));
    for series in &chart.series {
        let mut line = pad_right(&series.name, named) + " ";
        for value in &series.values {
            line.push_str(&match value {
                Some(value) => cell(levels, *value, wide, wide >= valued, chart, screen),
                None => " ".repeat(wide),
            });
        }
        lines.push(line);
    }
    let mut key = pad_left("", named) + " ";
    let (low, high) = levels.key().first().zip(levels.key().last()).map(|(low, high)| (low.2, high.2)).unwrap_or_default();
    key.push_str(&compact(low, chart.language));
    key.push(' ');
    for (step, below, _) in levels.key() {
        key.push_str(&shade(step, below, 1, screen));
    }
    key.push(' ');
    key.push_str(&compact(high, chart.language));
    let plain = named + 3 + levels.key().len() + columns(&compact(low, chart.language)) + columns(&compact(high, chart.language));
    if plain <= screen.columns {
        lines.push(key);
    }
    Ok(lines)
}

fn cell(levels: Levels, value: f64, wide: usize, valued: bool, chart: &Chart, screen: Screen) -> String {
    let (step, below) = levels.step(value);
    if valued {
        return format!("{} {} ", shade(step, below, 1, screen), pad_left(&compact(value, chart.language), wide - 3));
    }
    let sign = if !levels.both() {
        ""
    } else if below {
        "-"
    } else {
        " "
    };
    format!("{sign}{} ", shade(step, below, wide - 1 - sign.len(), screen))
}

fn shade(step: usize, below: bool, times: usize, screen: Screen) -> String {
    let colours = if below { BELOW } else { ABOVE };
    screen.paint_in(colours[step], &String::from(SHADES[step]).repeat(times))
}
