//! What runs across a plot: categories side by side, numbers, or dates; and labels that do not collide.

use maud::{Markup, html};

use super::Chart;
use super::axis::Axis;
use super::date;
use super::label::{SIZE, label};
use super::number::{count, px, real};
use super::plot::Plot;
use super::text::{elide_pixels, pixels};

/// The longest label under a plot, in pixels.
const LONGEST: f64 = 110.0;

/// The scale across.
pub(super) enum Across {
    /// This many places of the same width.
    Places(usize),
    /// Numbers, with the labels of their ticks.
    Numbers(Axis),
    /// Days since 1970-01-01, from and to; and whether none of them has a time of day.
    Dates(f64, f64, bool),
}

impl Across {
    /// Numbers or dates where the chart has them, otherwise its categories.
    pub(super) fn new(chart: &Chart, plot_width: f64) -> Self {
        let Some(numbers) = &chart.x_numbers else { return Self::Places(chart.places()) };
        let extent = numbers.iter().map(|&number| (number, number)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (low, high) = extent.unwrap_or_default();
        if chart.x_is_date {
            let pad = if high > low { 0.0 } else { 1.0 };
            return Self::Dates(low - pad, high + pad, numbers.iter().all(|day| day.fract() == 0.0));
        }
        Self::Numbers(Axis::within(low, high, count(plot_width / 80.0).clamp(2, 10)))
    }

    /// Where the place or number lies in the plot.
    pub(super) fn x(&self, chart: &Chart, plot: &Plot, index: usize) -> f64 {
        let number = chart.x_numbers.as_ref().and_then(|numbers| numbers.get(index)).copied().unwrap_or_default();
        match self {
            Self::Places(places) => plot.left + (real(index) + 0.5) * plot.width() / real(*places),
            Self::Numbers(axis) => axis.at(number, plot.left, plot.right),
            Self::Dates(low, high, _) => plot.left + (number - low) / (high - low) * plot.width(),
        }
    }

    /// The labels under the plot and the height they take.
    pub(super) fn labels(&self, chart: &Chart, plot: &Plot) -> (Markup, f64) {
        let ticks: Vec<(f64, String)> = match self {
            Self::Places(places) => (0..*places).map(|index| (self.x(chart, plot, index), chart.place(index))).collect(),
            Self::Numbers(axis) => {
                axis.ticks.iter().map(|&tick| axis.at(tick, plot.left, plot.right)).zip(axis.labels(chart.language)).collect()
            }
            Self::Dates(low, high, are_whole) => {
                let at = |day: f64| plot.left + (day - low) / (high - low) * plot.width();
                let target = count(plot.width() / 70.0).clamp(2, 12);
                date::ticks(*low, *high, target, *are_whole).into_iter().map(|(day, text)| (at(day), text)).collect()
            }
        };
        thinned(&ticks, plot)
    }
}

/// Level labels, every n-th where all would collide, kept inside the drawing.
fn thinned(ticks: &[(f64, String)], plot: &Plot) -> (Markup, f64) {
    let slot = plot.width() / real(ticks.len().max(1));
    let room = LONGEST.min(plot.width() / 3.0);
    let widest = ticks.iter().map(|(_, text)| pixels(text, SIZE).min(room)).fold(1.0, f64::max);
    let every = count(((widest + 10.0) / slot).ceil()).max(1);
    let markup = html! {
        g class="across" {
            @for (x, text) in ticks.iter().step_by(every) {
                line class="axis" x1=(px(*x)) x2=(px(*x)) y1=(px(plot.bottom)) y2=(px(plot.bottom + 4.0)) {}
                @let shown = elide_pixels(text, room, SIZE);
                @let half = pixels(&shown, SIZE) / 2.0;
                (label(x.min(plot.right + 12.0 - half).max(half + 2.0), plot.bottom + 17.0, "middle", &shown, text))
            }
        }
    };
    (markup, 22.0)
}

/// Labels of columns, level where they fit and slanting where they do not; `columns` holds each column's middle.
pub(super) fn slanted(columns: &[(f64, String)], slot: f64, bottom: f64) -> (Markup, f64) {
    let widest = columns.iter().map(|(_, text)| pixels(text, SIZE)).fold(1.0, f64::max);
    if widest + 6.0 <= slot {
        let markup = html! {
            g class="across" { @for (x, text) in columns { (label(*x, bottom + 15.0, "middle", text, text)) } }
        };
        return (markup, 22.0);
    }
    // At 45 degrees a label needs its line height, and a little more, between it and the next.
    let every = count((15.0 / slot).ceil()).max(1);
    let room = columns.first().map_or(LONGEST, |first| (first.0 * 1.35).min(LONGEST));
    let tall = widest.min(room) * 0.71 + 16.0;
    let markup = html! {
        g class="across" {
            @for (x, text) in columns.iter().step_by(every) {
                @let shown = elide_pixels(text, room, SIZE);
                text class="end" transform=(format!("translate({} {}) rotate(-45)", px(x + 4.0), px(bottom + 12.0))) {
                    (shown)
                    @if shown != *text { title { (text) } }
                }
            }
        }
    };
    (markup, tall)
}
