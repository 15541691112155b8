//! Lines, areas and points of braille dots, with a scale on the left and the ends of the horizontal axis below.
//!
//! In colour, all series share one canvas. Without colour they could not be distinguished there, so each has its own canvas with its name
//! above and the same scale.

use super::super::axis::Axis;
use super::super::number::{count, real};
use super::super::text::{columns, elide_columns, pad_left};
use super::super::{Chart, Kind};
use super::Screen;
use super::braille::Canvas;

struct Layout {
    axis: Axis,
    labels: Vec<String>,
    margin: usize,
    wide: usize,
    high: usize,
    /// The horizontal position of each point, from 0 to 1.
    shares: Vec<f64>,
    order: Vec<usize>,
}

pub(super) fn draw(chart: &Chart, screen: Screen) -> Vec<String> {
    let together = screen.colour || chart.series.len() < 2;
    let high = if together { 12 } else { 6 };
    let layout = layout(chart, screen, high);
    let mut lines = Vec::new();
    if together {
        if chart.series.len() > 1 {
            lines.extend(legend(chart, screen));
        }
        lines.extend(panel(chart, screen, &layout, &(0..chart.series.len()).collect::<Vec<_>>()));
    } else {
        for (number, series) in chart.series.iter().enumerate() {
            lines.push(elide_columns(&series.name, screen.columns));
            lines.extend(panel(chart, screen, &layout, &[number]));
        }
    }
    lines.push(ends(chart, &layout, screen));
    lines
}

fn layout(chart: &Chart, screen: Screen, high: usize) -> Layout {
    let (low, top) = chart.extent();
    let low = if chart.kind == Kind::Area || low >= 0.0 && low <= 0.6 * top { low.min(0.0) } else { low };
    let top = if chart.kind == Kind::Area { top.max(0.0) } else { top };
    let axis = Axis::new(low, top, high / 3, chart.whole());
    let labels = axis.labels(chart.language);
    let margin = labels.iter().map(|label| columns(label)).max().unwrap_or(0).min(screen.columns / 3);
    let places = chart.places();
    let numbers: Vec<f64> = chart.x_numbers.clone().unwrap_or_else(|| (0..places).map(real).collect());
    let extent = numbers.iter().map(|&number| (number, number)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (from, to) = extent.unwrap_or_default();
    let shares: Vec<f64> = numbers.iter().map(|number| if to > from { (number - from) / (to - from) } else { 0.5 }).collect();
    let mut order: Vec<usize> = (0..places).collect();
    order.sort_by(|&a, &b| shares[a].total_cmp(&shares[b]));
    Layout { axis, labels, margin, wide: screen.columns.saturating_sub(margin + 2).max(1), high, shares, order }
}

/// The series drawn on one canvas, with the scale at its left.
fn panel(chart: &Chart, screen: Screen, layout: &Layout, numbers: &[usize]) -> Vec<String> {
    let mut canvas = Canvas::new(layout.wide, layout.high);
    let (right, bottom) = (real(layout.wide * 2 - 1), real(layout.high * 4 - 1));
    let down = |value: f64| count(layout.axis.at(value, bottom, 0.0).round());
    for &number in numbers {
        let mut before = None;
        for &index in &layout.order {
            let Some(value) = chart.series[number].values[index] else {
                before = before.filter(|_| chart.series[number].passes(index));
                continue;
            };
            let here = (count((layout.shares[index] * right).round()), down(value));
            match before {
                Some(before) if chart.kind != Kind::Scatter => canvas.line(before, here, number),
                _ => canvas.dot(here.0, here.1, number),
            }
            if chart.kind == Kind::Area {
                fill(&mut canvas, before.unwrap_or(here), here, down(0.0), number);
            }
            before = Some(here);
        }
    }
    let ticks: Vec<(usize, &String)> = layout.axis.ticks.iter().map(|&tick| down(tick) / 4).zip(&layout.labels).collect();
    let row = |(index, line): (usize, String)| {
        let tick = ticks.iter().find(|tick| tick.0 == index);
        let text = tick.map_or("", |tick| tick.1.as_str());
        format!("{} {}{line}", pad_left(text, layout.margin), if tick.is_some() { '┤' } else { '│' })
    };
    canvas.lines(screen).into_iter().enumerate().map(row).collect()
}

/// Fills the columns between two points down, or up, to zero.
fn fill(canvas: &mut Canvas, from: (usize, usize), to: (usize, usize), base: usize, series: usize) {
    let across = real(to.0.saturating_sub(from.0)).max(1.0);
    for x in from.0..=to.0 {
        let share = if to.0 > from.0 { real(x - from.0) / across } else { 1.0 };
        let y = count((real(from.1) * (1.0 - share) + real(to.1) * share).round());
        canvas.line((x, base), (x, y), series);
    }
}

/// The names of the series in their colours, as many to a line as fit.
fn legend(chart: &Chart, screen: Screen) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (number, series) in chart.series.iter().enumerate() {
        let name = elide_columns(&series.name, screen.columns.saturating_sub(4));
        let needed = columns(&name) + 4;
        if used > 0 && used + needed > screen.columns {
            lines.push(String::new());
            used = 0;
        }
        used += needed;
        if let Some(line) = lines.last_mut() {
            line.push_str(&screen.paint(number, "━"));
            line.push(' ');
            line.push_str(&name);
            line.push_str("  ");
        }
    }
    lines
}

/// The first and last place under the canvas.
fn ends(chart: &Chart, layout: &Layout, screen: Screen) -> String {
    let (Some(&first), Some(&last)) = (layout.order.first(), layout.order.last()) else { return String::new() };
    let name = |index: usize| {
        let numbers = chart.x_numbers.is_some() && chart.kind == Kind::Scatter;
        if numbers { Chart { categories: Vec::new(), ..chart.clone() }.place(index) } else { chart.place(index) }
    };
    let room = screen.columns - layout.margin - 2;
    let first_name = elide_columns(&name(first), room / 2);
    if first == last {
        return format!("{}{first_name}", " ".repeat(layout.margin + 2));
    }
    let rest = room - columns(&first_name);
    format!("{}{first_name}{}", " ".repeat(layout.margin + 2), pad_left(&name(last), rest.min(room)))
}
