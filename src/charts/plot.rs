//! The rectangle that bars, lines and points are drawn in: its edges, the scale at its left, and the names of its axes.

use maud::{Markup, html};

use super::axis::Axis;
use super::label::{SIZE, fitted, label};
use super::number::px;
use super::svg::{MARGIN, Room};
use super::text::pixels;
use super::{Chart, Kind};

/// The edges of the plot, and the axis that runs up it.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) axis: Axis,
    /// The baseline of the name above the axis.
    pub(super) name_y: f64,
}

impl Plot {
    /// A plot below `top` whose left margin holds the labels of the axis.
    pub(super) fn new(chart: &Chart, room: Room, top: f64) -> Self {
        let height = room.height();
        let (low, high) = chart.extent();
        let axis = Axis::new(low_end(chart, low, high), high_end(chart, high), if height < 260.0 { 4 } else { 6 }, chart.whole());
        let widest = axis.labels(chart.language).iter().map(|label| pixels(label, SIZE)).fold(0.0, f64::max);
        let name_y = top + 13.0;
        let top = top + if chart.y_name.is_empty() { 8.0 } else { 22.0 };
        Self { left: MARGIN + widest + 8.0, right: room.width - MARGIN - 4.0, top, bottom: top + height, axis, name_y }
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// The vertical position of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.axis.at(value, self.bottom, self.top)
    }

    /// Where bars and areas start: at zero, or at the edge nearest to it.
    pub(super) fn base(&self) -> f64 {
        self.y(0.0_f64.clamp(self.axis.low, self.axis.high))
    }

    /// The grid, the labels of the axis and its name above it.
    pub(super) fn scale(&self, chart: &Chart) -> Markup {
        let labels = self.axis.labels(chart.language);
        html! {
            @if !chart.y_name.is_empty() {
                (fitted(MARGIN, self.name_y, "muted", &chart.y_name, self.right - MARGIN))
            }
            @for (&tick, text) in self.axis.ticks.iter().zip(&labels) {
                line class=(if text == "0" { "axis" } else { "grid" }) x1=(px(self.left)) x2=(px(self.right)) y1=(px(self.y(tick))) y2=(px(self.y(tick))) {}
                (label(self.left - 6.0, self.y(tick) + 4.0, "muted end", text, text))
            }
        }
    }

    /// The name of the horizontal axis, below everything else, and the height it takes.
    pub(super) fn x_name(&self, chart: &Chart, top: f64) -> (Markup, f64) {
        if chart.x_name.is_empty() {
            return (Markup::default(), 0.0);
        }
        let middle = f64::midpoint(self.left, self.right);
        (fitted(middle, top + 13.0, "muted middle", &chart.x_name, self.width()), 18.0)
    }
}

/// Bars and areas start at zero; lines do so unless that would flatten them.
fn low_end(chart: &Chart, low: f64, high: f64) -> f64 {
    let from_zero = matches!(chart.kind, Kind::Bar | Kind::Area | Kind::Histogram);
    if low < 0.0 || !(from_zero || low <= 0.6 * high) { low } else { 0.0 }
}

fn high_end(chart: &Chart, high: f64) -> f64 {
    if matches!(chart.kind, Kind::Bar | Kind::Area | Kind::Histogram) { high.max(0.0) } else { high }
}
