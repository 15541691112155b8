//! Bars of block characters, accurate to an eighth of a column: for bar charts, and for every kind whose marks are sizes.

use super::super::number::{compact, count, percent, real};
use super::super::text::{columns, pad_left, pad_right};
use super::super::{Chart, Kind};
use super::Screen;

/// A bar's name, series, value, and the text next to it.
struct Row {
    name: String,
    series: usize,
    value: f64,
    said: String,
}

/// From one eighth to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

pub(super) fn draw(chart: &Chart, screen: Screen) -> Vec<String> {
    let rows = rows(chart);
    let named = rows.iter().map(|row| columns(&row.name)).max().unwrap_or(0).min(screen.columns / 3);
    let said = rows.iter().map(|row| columns(&row.said)).max().unwrap_or(0).min(screen.columns / 3);
    let room = screen.columns.saturating_sub(named + said + 2).max(1);
    let low = rows.iter().map(|row| row.value).fold(0.0, f64::min);
    let high = rows.iter().map(|row| row.value).fold(0.0, f64::max);
    // The width is shared between both sides of zero.
    let below = if high - low > 0.0 { count((-low / (high - low) * real(room)).round()) } else { 0 };
    let below = if low < 0.0 { below.clamp(1, room.saturating_sub(usize::from(high > 0.0)).max(1)) } else { 0 };
    let above = room - below;
    // One scale for both sides: a bar is as long as its value, whichever way it points.
    let scale = if high > 0.0 { real(above) / high } else { f64::INFINITY };
    let scale = if low < 0.0 { scale.min(real(below) / -low) } else { scale };
    let mut lines = Vec::new();
    let several = chart.drawn().len() > 1;
    for (index, row) in rows.iter().enumerate() {
        if several && index > 0 && row.series == 0 {
            lines.push(String::new());
        }
        let bar = if row.value < 0.0 {
            let bar = leftward(-row.value * scale, below);
            format!("{}{}{}", " ".repeat(below - bar.chars().count()), screen.paint(row.series, &bar), " ".repeat(above))
        } else {
            let bar = if row.value > 0.0 { rightward(row.value * scale, above) } else { String::new() };
            let rest = above - bar.chars().count();
            format!("{}{}{}", " ".repeat(below), screen.paint(row.series, &bar), " ".repeat(rest))
        };
        lines.push(format!("{} {bar} {}", pad_right(&row.name, named), pad_left(&row.said, said)));
    }
    lines
}

fn rows(chart: &Chart) -> Vec<Row> {
    if chart.kind == Kind::Sankey {
        let row = |(from, to, value): &(String, String, f64)| Row {
            name: format!("{from} → {to}"),
            series: 0,
            value: *value,
            said: compact(*value, chart.language),
        };
        return chart.links.iter().map(row).collect();
    }
    let series = chart.drawn();
    // What shares are relative to: the total, or a funnel's first stage.
    let whole = match chart.kind {
        Kind::Pie | Kind::Treemap => chart.values().sum(),
        Kind::Funnel => chart.values().next().unwrap_or_default(),
        _ => 0.0,
    };
    let mut rows = Vec::new();
    for index in 0..chart.places() {
        for (number, one) in series.iter().enumerate() {
            let place = chart.place(index);
            let name = if series.len() > 1 && !one.name.is_empty() { format!("{place} · {}", one.name) } else { place };
            let value = one.values.get(index).copied().flatten();
            let said = match value {
                None => "–".to_owned(),
                Some(value) if whole > 0.0 => {
                    format!("{} {}", compact(value, chart.language), pad_left(&percent(value / whole), 6))
                }
                Some(value) => compact(value, chart.language),
            };
            rows.push(Row { name, series: number, value: value.unwrap_or_default(), said });
        }
    }
    rows
}

/// A bar that grows to the right; a value above zero is always visible.
fn rightward(length: f64, room: usize) -> String {
    let eighths = count((length * 8.0).round()).max(usize::from(length > 0.0)).min(room * 8);
    let mut bar = "█".repeat(eighths / 8);
    if eighths % 8 > 0 {
        bar.push(EIGHTHS[eighths % 8 - 1]);
    }
    bar
}

/// A bar that grows to the left, for which there are only half blocks.
fn leftward(length: f64, room: usize) -> String {
    let halves = count((length * 2.0).round()).max(usize::from(length > 0.0)).min(room * 2);
    let half = if halves % 2 == 1 { "▐" } else { "" };
    format!("{half}{}", "█".repeat(halves / 2))
}
