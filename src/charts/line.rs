//! Lines and areas: a path for each run between gaps, and a point for each value.
//!
//! If there are many points, they are invisible until pointed at. So the line stays a line, and every value can still be read.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::across::Across;
use super::label::{Swatch, legend};
use super::number::{px, real};
use super::plot::Plot;
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::{Chart, Kind};

/// Points are shown when they are at least this far apart, in pixels.
const APART: f64 = 14.0;

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let (legend, legend_height) = legend(&chart.series, Swatch::Line, room.top, room.width);
    let plot = Plot::new(chart, room, room.top + legend_height);
    let across = Across::new(chart, plot.width());
    let order = order(chart);
    let seen = plot.width() / real(chart.places().max(1)) >= APART;
    let (labels, labels_height) = across.labels(chart, &plot);
    let (name, name_height) = plot.x_name(chart, plot.bottom + labels_height);
    let x = |index: usize| across.x(chart, &plot, index);
    let body = html! {
        (legend) (plot.scale(chart)) (labels) (name)
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(look(number)) {
                @if let Some((lower, upper)) = &series.band { (band(&order, lower, upper, x, &plot)) }
                @for run in runs(&order, &series.values, |index| series.passes(index)) {
                    @let points: Vec<(f64, f64)> = run.iter().map(|&(index, value)| (x(index), plot.y(value))).collect();
                    @if chart.kind == Kind::Area { path class="fill pale" d=(area(&points, plot.base())) {} }
                    path class="run" d=(path(&points)) {}
                }
            }
        }
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(if seen { look(number) } else { format!("{} ghost", look(number)) }) {
                @for (index, value) in series.values.iter().enumerate() {
                    @if let Some(value) = *value {
                        circle class="mark" tabindex=[room.focus] cx=(px(x(index))) cy=(px(plot.y(value))) r=(if seen { "3" } else { "4" }) {
                            title { (chart.says(number, index, value)) }
                        }
                    }
                }
            }
        }
    };
    Drawing { body, height: plot.bottom + labels_height + name_height + MARGIN / 2.0 }
}

/// The points from left to right: a line that went back would cross itself.
fn order(chart: &Chart) -> Vec<usize> {
    let mut order: Vec<usize> = (0..chart.places()).collect();
    if let Some(numbers) = &chart.x_numbers {
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    }
    order
}

/// The stretches without gaps, other than those that are passed over, each with at least one value.
fn runs(order: &[usize], values: &[Option<f64>], is_passed: impl Fn(usize) -> bool) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for &index in order {
        match (values[index], runs.last_mut()) {
            (Some(value), Some(run)) => run.push((index, value)),
            (None, _) if is_passed(index) => {}
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A line through points. A single one becomes a line of no length, whose round ends make it a dot.
pub(super) fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(text, "{}{} {}", if index == 0 { 'M' } else { 'L' }, px(*x), px(*y));
    }
    if points.len() == 1 {
        text.push_str("h0");
    }
    text
}

fn area(points: &[(f64, f64)], base: f64) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let line = path(points);
    format!("{line}L{} {}L{} {}z", px(last.0), px(base), px(first.0), px(base))
}

/// The band between two bounds, wherever both are known.
fn band(order: &[usize], lower: &[Option<f64>], upper: &[Option<f64>], x: impl Fn(usize) -> f64, plot: &Plot) -> Markup {
    let both: Vec<Option<f64>> = lower.iter().zip(upper).map(|(lower, upper)| lower.and(*upper)).collect();
    html! {
        @for run in runs(order, &both, |_| false) {
            @let above = run.iter().map(|&(index, value)| (x(index), plot.y(value)));
            @let below = run.iter().rev().filter_map(|&(index, _)| lower[index].map(|value| (x(index), plot.y(value))));
            path class="fill pale band" d=(format!("{}z", path(&above.chain(below).collect::<Vec<_>>()))) {}
        }
    }
}
