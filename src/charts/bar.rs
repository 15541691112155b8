//! Bars from zero. They are vertical if they are few and have short names. With many or long labels they are horizontal, because then every
//! label has a line of its own.

use maud::{Markup, html};

use super::Chart;
use super::across::Across;
use super::axis::Axis;
use super::label::{SIZE, Swatch, fitted, label, legend};
use super::number::{compact, count, px, real};
use super::plot::Plot;
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::pixels;

/// Bars are vertical up to this many categories; dates always are, because they read from left to right.
const STANDING: usize = 12;

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let places = chart.places();
    let slot = (room.width - 70.0) / real(places.max(1));
    let widest = (0..places).map(|index| pixels(&chart.place(index), SIZE)).fold(0.0, f64::max);
    let narrow = slot / real(chart.series.len().max(1)) < 4.0;
    if chart.x_is_date && !narrow || places <= STANDING && widest + 8.0 <= slot {
        standing(chart, room)
    } else {
        lying(chart, room)
    }
}

fn standing(chart: &Chart, room: Room) -> Drawing {
    let (legend, legend_height) = legend(&chart.series, Swatch::Square, room.top, room.width);
    let mut plot = Plot::new(chart, room, room.top + legend_height);
    // Dates are placed side by side like any category: a bar has a width, so a position on a time scale would be misleading.
    let across = Across::Places(chart.places());
    let slot = plot.width() / real(chart.places().max(1));
    let group = (slot * 0.76).min(72.0 * real(chart.series.len()));
    let thick = group / real(chart.series.len().max(1));
    let valued = chart.series.len() == 1 && chart.places() <= STANDING;
    // Values are written above and below the bars, where the longest would leave no room.
    let spare = if valued { 13.0 } else { 0.0 };
    plot.top += spare;
    plot.bottom += spare;
    let below = plot.bottom + if chart.extent().0 < 0.0 { spare } else { 0.0 };
    let (labels, labels_height) = across.labels(chart, &Plot { bottom: below, ..plot.clone() });
    let (name, name_height) = plot.x_name(chart, below + labels_height);
    let body = html! {
        (legend) (plot.scale(chart))
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(look(number)) {
                @for (index, value) in series.values.iter().enumerate() {
                    @let x = across.x(chart, &plot, index) - group / 2.0 + thick * real(number);
                    @if let Some(value) = *value {
                        @let (base, end) = (plot.base(), plot.y(value));
                        rect class="mark" tabindex=[room.focus] x=(px(x)) y=(px(base.min(end)))
                            width=(px((thick - 1.0).max(thick * 0.7))) height=(px((base - end).abs())) {
                            title { (chart.says(number, index, value)) }
                        }
                        @if valued {
                            @let y = if value < 0.0 { end + 12.0 } else { end - 4.0 };
                            @let text = compact(value, chart.language);
                            @if pixels(&text, SIZE) <= slot { (label(x + thick / 2.0, y, "label middle", &text, &text)) }
                        }
                    }
                    @if let Some((low, high)) = bounds(chart, number, index) {
                        (whisker(x + thick / 2.0, plot.y(low), x + thick / 2.0, plot.y(high)))
                    }
                }
            }
        }
        (labels) (name)
    };
    Drawing { body, height: below + labels_height + name_height + MARGIN / 2.0 }
}

fn lying(chart: &Chart, room: Room) -> Drawing {
    let (legend, legend_height) = legend(&chart.series, Swatch::Square, room.top, room.width);
    let places: Vec<String> = (0..chart.places()).map(|index| chart.place(index)).collect();
    let named = places.iter().map(|place| pixels(place, SIZE)).fold(0.0, f64::max).min(room.width * 0.36);
    let thick = if places.len() * chart.series.len() > 60 { 10.0 } else { 14.0 };
    let row = thick * real(chart.series.len()) + if places.len() > 60 { 4.0 } else { 8.0 };
    let valued = chart.series.len() == 1;
    let left = MARGIN + named + 8.0;
    let right = room.width - MARGIN - if valued { 52.0 } else { 8.0 };
    let (low, high) = chart.extent();
    let axis = Axis::new(low.min(0.0), high.max(0.0), count((right - left) / 80.0).clamp(2, 8), chart.whole());
    let top = room.top + legend_height + if chart.x_name.is_empty() { 8.0 } else { 22.0 };
    let bottom = top + row * real(places.len());
    let at = |value: f64| axis.at(value, left, right);
    let body = html! {
        (legend)
        @if !chart.x_name.is_empty() { (fitted(MARGIN, top - 9.0, "muted", &chart.x_name, right - MARGIN)) }
        @for (&tick, text) in axis.ticks.iter().zip(&axis.labels(chart.language)) {
            line class=(if text == "0" { "axis" } else { "grid" }) x1=(px(at(tick))) x2=(px(at(tick))) y1=(px(top)) y2=(px(bottom)) {}
            (label(at(tick), bottom + 15.0, "muted middle", text, text))
        }
        @for (index, place) in places.iter().enumerate() {
            (fitted(left - 6.0, top + row * (real(index) + 0.5) + 4.0, "end", place, named))
        }
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(look(number)) {
                @for (index, value) in series.values.iter().enumerate() {
                    @let y = top + row * (real(index) + 0.5) + thick * (real(number) - real(chart.series.len()) / 2.0);
                    @if let Some(value) = *value {
                        @let (base, end) = (at(0.0), at(value));
                        rect class="mark" tabindex=[room.focus] x=(px(base.min(end))) y=(px(y))
                            width=(px((end - base).abs())) height=(px(thick - 1.0)) {
                            title { (chart.says(number, index, value)) }
                        }
                        @if valued {
                            @let text = compact(value, chart.language);
                            (label(base.max(end) + 5.0, y + thick / 2.0 + 3.5, "label", &text, &text))
                        }
                    }
                    @if let Some((low, high)) = bounds(chart, number, index) {
                        (whisker(at(low), y + thick / 2.0, at(high), y + thick / 2.0))
                    }
                }
            }
        }
        @if !chart.y_name.is_empty() {
            (fitted(f64::midpoint(left, right), bottom + 32.0, "muted middle", &chart.y_name, right - left))
        }
    };
    Drawing { body, height: bottom + if chart.y_name.is_empty() { 24.0 } else { 42.0 } }
}

/// The bounds of one bar, where both are known.
fn bounds(chart: &Chart, series: usize, index: usize) -> Option<(f64, f64)> {
    let (lower, upper) = chart.series.get(series)?.band.as_ref()?;
    Some(((*lower.get(index)?)?, (*upper.get(index)?)?))
}

fn whisker(x1: f64, y1: f64, x2: f64, y2: f64) -> Markup {
    html! { line class="whisker" x1=(px(x1)) y1=(px(y1)) x2=(px(x2)) y2=(px(y2)) {} }
}
