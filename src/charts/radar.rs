//! Values on spokes around a centre, one outline for each series; a gap opens the outline.

use std::f64::consts::TAU;

use maud::{Markup, html};

use super::Chart;
use super::axis::Axis;
use super::label::{SIZE, Swatch, fitted, label, legend};
use super::line::path;
use super::number::{px, real};
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::{elide_pixels, pixels};

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let (legend, legend_height) = legend(&chart.series, Swatch::Line, room.top, room.width);
    let places = chart.places();
    let widest = (0..places).map(|index| pixels(&chart.place(index), SIZE)).fold(30.0, f64::max);
    let side = widest.min(room.width * 0.26);
    let radius = ((room.width - 2.0 * (MARGIN + side + 8.0)) / 2.0).clamp(50.0, 170.0);
    let (x, y) = (room.width / 2.0, room.top + legend_height + 30.0 + radius);
    let (low, high) = chart.extent();
    let axis = Axis::new(low.min(0.0), high.max(0.0), 4, chart.whole());
    let at = |index: usize, radius: f64| {
        let turn = real(index) / real(places) * TAU;
        (x + turn.sin() * radius, y - turn.cos() * radius)
    };
    let point = |index: usize, value: f64| at(index, axis.at(value, 0.0, radius));
    let ring = |value: f64| format!("{}z", path(&(0..places).map(|index| point(index, value)).collect::<Vec<_>>()));
    let body = html! {
        (legend)
        @for &tick in &axis.ticks { path class="grid" d=(ring(tick)) {} }
        @for index in 0..places {
            @let (end_x, end_y) = at(index, radius);
            line class="grid" x1=(px(x)) y1=(px(y)) x2=(px(end_x)) y2=(px(end_y)) {}
            (name(&chart.place(index), (end_x - x, end_y - y), (x, y), side))
        }
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(look(number)) {
                @let outlines = outlines(&series.values);
                @for outline in &outlines {
                    @let whole = outline.len() == places;
                    @let line = path(&outline.iter().map(|&(index, value)| point(index, value)).collect::<Vec<_>>());
                    @let line = if whole { format!("{line}z") } else { line };
                    @if whole { path class="fill pale" d=(line) {} }
                    path class="run" d=(line) {}
                }
                @for (index, value) in series.values.iter().enumerate() {
                    @if let Some(value) = *value {
                        @let (mark_x, mark_y) = point(index, value);
                        circle class="mark" tabindex=[room.focus] cx=(px(mark_x)) cy=(px(mark_y)) r="3" {
                            title { (chart.says(number, index, value)) }
                        }
                    }
                }
            }
        }
        @for (&tick, text) in axis.ticks.iter().zip(&axis.labels(chart.language)) {
            (label(x - 4.0, y - axis.at(tick, 0.0, radius) + 4.0, "label muted end halo", text, text))
        }
    };
    Drawing { body, height: y + radius + 26.0 + MARGIN / 2.0 }
}

/// The name of a spoke just outside its end: centred above and below, otherwise beside it.
fn name(text: &str, (across, down): (f64, f64), (x, y): (f64, f64), side: f64) -> Markup {
    let length = across.hypot(down).max(1.0);
    let (out_x, out_y) = (x + across + across / length * 8.0, y + down + down / length * 13.0 + 4.0);
    if across.abs() < length * 0.1 {
        fitted(out_x, out_y, "middle", text, side * 2.0)
    } else {
        label(out_x, out_y, if across < 0.0 { "end" } else { "" }, &elide_pixels(text, side, SIZE), text)
    }
}

/// The stretches between gaps; one that reaches the last spoke is joined to the one that starts at the first.
fn outlines(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let start = values.iter().position(Option::is_none).unwrap_or(0);
    let mut outlines: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for step in 0..values.len() {
        let index = (start + step) % values.len();
        match (values[index], outlines.last_mut()) {
            (Some(value), Some(outline)) => outline.push((index, value)),
            _ => outlines.push(Vec::new()),
        }
    }
    outlines.retain(|outline| !outline.is_empty());
    outlines
}
