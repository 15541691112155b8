//! Stages that narrow: centred bars, joined by tapering shapes, each with its value and its share of the first.

use maud::html;

use super::Chart;
use super::label::{SIZE, fitted, label};
use super::number::{compact, exact, percent, px, real};
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::pixels;

const THICK: f64 = 26.0;
const ROW: f64 = 38.0;

struct Stage {
    place: String,
    value: f64,
    /// Its share of the first stage, unless that is zero.
    share: Option<f64>,
    y: f64,
    half: f64,
}

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let values = chart.drawn().iter().flat_map(|series| series.values.iter().enumerate());
    let values: Vec<(usize, f64)> = values.filter_map(|(index, value)| value.map(|value| (index, value))).collect();
    let first = values.first().map_or(0.0, |first| first.1);
    let largest = values.iter().map(|value| value.1).fold(0.0, f64::max);
    let named = values.iter().map(|&(index, _)| pixels(&chart.place(index), SIZE)).fold(20.0, f64::max).min(room.width * 0.3);
    let beside = |value: f64, share: Option<f64>| {
        let value = compact(value, chart.language);
        share.map_or(value.clone(), |share| format!("{value} · {}", percent(share)))
    };
    let share = |value: f64| (first > 0.0).then(|| value / first);
    let said = values.iter().map(|&(_, value)| pixels(&beside(value, share(value)), SIZE)).fold(40.0, f64::max);
    let (left, right) = (MARGIN + named + 10.0, room.width - MARGIN - said - 10.0);
    let (middle, half) = (f64::midpoint(left, right), (right - left).max(40.0) / 2.0);
    let mut y = room.top + 6.0;
    let mut stages = Vec::new();
    for &(index, value) in &values {
        let half = if largest > 0.0 { half * value / largest } else { 0.0 };
        stages.push(Stage { place: chart.place(index), value, share: share(value), y, half });
        y += ROW;
    }
    let body = html! {
        g class=(look(0)) {
            @for pair in stages.windows(2) {
                @let (above, below) = (&pair[0], &pair[1]);
                path class="fill pale" d=(format!("M{} {}H{}L{} {}H{}z",
                    px(middle - above.half), px(above.y + THICK), px(middle + above.half),
                    px(middle + below.half), px(below.y), px(middle - below.half))) {}
            }
            @for stage in &stages {
                rect class="mark" tabindex=[room.focus] x=(px(middle - stage.half)) y=(px(stage.y)) width=(px(2.0 * stage.half)) height=(px(THICK)) {
                    title {
                        (stage.place) ": " (exact(stage.value))
                        @if let Some(share) = stage.share { " (" (percent(share)) ")" }
                    }
                }
            }
        }
        @for stage in &stages {
            @let text = beside(stage.value, stage.share);
            (fitted(left - 10.0, stage.y + THICK / 2.0 + 4.0, "end", &stage.place, named))
            (label(right + 10.0, stage.y + THICK / 2.0 + 4.0, "", &text, &text))
        }
    };
    Drawing { body, height: room.top + 6.0 + ROW * real(stages.len()) + MARGIN / 2.0 }
}
