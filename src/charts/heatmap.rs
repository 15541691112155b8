//! A grid of cells: categories across, series down, and a colour of seven for each value.
//!
//! Values of one sign go from pale to strong. With both signs, blue is above zero and orange below, equally strong for
//! equal distance, so that zero is where the colour turns.

use maud::html;

use super::Chart;
use super::across::slanted;
use super::label::{SIZE, fitted, label};
use super::number::{compact, count, px, real};
use super::svg::{Drawing, MARGIN, Room};
use super::text::pixels;

/// How values become colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    low: f64,
    high: f64,
}

/// Steps of colour on each side.
pub(super) const STEPS: usize = 6;

impl Levels {
    pub(super) fn new(chart: &Chart) -> Self {
        let (low, high) = chart.extent();
        let bound = high.max(-low);
        if low < 0.0 {
            Self { low: -bound, high: bound }
        } else {
            // A narrow range far from zero would be one colour if the scale started at zero.
            Self { low: if low <= high / 2.0 { 0.0 } else { low }, high }
        }
    }

    /// Whether colours go both ways from zero.
    pub(super) fn both(self) -> bool {
        self.low < 0.0
    }

    /// The step of a value, zero to six, and whether it is below zero.
    pub(super) fn step(self, value: f64) -> (usize, bool) {
        let low = self.low.max(0.0);
        let range = self.high - low;
        if range <= 0.0 {
            return (usize::from(self.high > 0.0) * STEPS / 2, false);
        }
        let share = (value.abs() - low) / range;
        let step = if value == 0.0 { 0 } else { count((share * real(STEPS)).ceil()).clamp(1, STEPS) };
        (step, value < 0.0)
    }

    /// The values at which the steps end, lowest first, for the key: each with its step and sign.
    pub(super) fn key(self) -> Vec<(usize, bool, f64)> {
        let low = self.low.max(0.0);
        let at = |step: usize| low + (self.high - low) * real(step) / real(STEPS);
        let above = (0..=STEPS).filter(|&step| step > 0 || low == 0.0).map(|step| (step, false, at(step)));
        let below = (1..=STEPS).rev().map(|step| (step, true, -at(step)));
        if self.both() { below.chain(above).collect() } else { above.collect() }
    }
}

/// The class of a step's colour.
fn class((step, below): (usize, bool)) -> String {
    if below && step > 0 { format!("n{step}") } else { format!("h{step}") }
}

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let levels = Levels::new(chart);
    let places = chart.places();
    let named = chart.series.iter().map(|series| pixels(&series.name, SIZE)).fold(0.0, f64::max).min(room.width * 0.28);
    let left = MARGIN + named + 8.0;
    let right = room.width - MARGIN;
    let wide = (right - left) / real(places.max(1));
    let tall = if chart.series.len() > 40 { 16.0 } else { 26.0 };
    let gap = if wide < 8.0 { 0.0 } else { 1.0 };
    let top = room.top + if chart.y_name.is_empty() { 8.0 } else { 22.0 };
    let bottom = top + tall * real(chart.series.len());
    let columns: Vec<(f64, String)> = (0..places).map(|index| (left + wide * (real(index) + 0.5), chart.place(index))).collect();
    let (labels, labels_height) = slanted(&columns, wide, bottom);
    let key = levels.key();
    let key_top = bottom + labels_height + if chart.x_name.is_empty() { 8.0 } else { 26.0 };
    let key_wide = ((right - left) / real(key.len())).min(30.0);
    // All values or none: some of them would look like a choice.
    let widest = chart.values().map(|value| pixels(&compact(value, chart.language), SIZE)).fold(0.0, f64::max);
    let valued = tall > 20.0 && widest + 4.0 <= wide;
    let body = html! {
        @if !chart.y_name.is_empty() { (fitted(MARGIN, top - 9.0, "muted", &chart.y_name, right - MARGIN)) }
        @for (number, series) in chart.series.iter().enumerate() {
            @let y = top + tall * real(number);
            (fitted(left - 6.0, y + tall / 2.0 + 4.0, "end", &series.name, named))
            @for (index, value) in series.values.iter().enumerate() {
                @let x = left + wide * real(index);
                @if let Some(value) = *value {
                    g class=(class(levels.step(value))) {
                        rect class="mark" tabindex=[room.focus] x=(px(x)) y=(px(y)) width=(px(wide - gap)) height=(px(tall - gap)) {
                            title { (chart.says(number, index, value)) }
                        }
                        @if valued {
                            @let text = compact(value, chart.language);
                            (label(x + wide / 2.0, y + tall / 2.0 + 3.5, "label middle", &text, &text))
                        }
                    }
                } @else {
                    rect class="gap" x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px((wide - gap - 2.0).max(0.0))) height=(px(tall - gap - 2.0)) {}
                }
            }
        }
        (labels)
        @if !chart.x_name.is_empty() {
            (fitted(f64::midpoint(left, right), bottom + labels_height + 13.0, "muted middle", &chart.x_name, right - left))
        }
        @for (index, &(step, below, _)) in key.iter().enumerate() {
            g class=(class((step, below))) {
                rect class="fill" x=(px(left + key_wide * real(index))) y=(px(key_top)) width=(px(key_wide)) height="10" {}
            }
        }
        @let (least, most) = (compact(levels.low, chart.language), compact(levels.high, chart.language));
        (label(left, key_top + 23.0, "muted", &least, &least))
        (label(left + key_wide * real(key.len()), key_top + 23.0, "muted end", &most, &most))
    };
    Drawing { body, height: key_top + 34.0 }
}
