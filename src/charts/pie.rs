//! Shares of a whole. Each slice has its name and share beside it, so that no reader has to match colours with a legend.

use std::f64::consts::TAU;

use maud::html;

use super::Chart;
use super::label::{SIZE, fitted, label};
use super::number::{exact, percent, px, real};
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::pixels;

/// The height of a name with its share under it.
const LINE: f64 = 28.0;

struct Slice {
    index: usize,
    value: f64,
    share: f64,
    /// Where it starts and ends, in turns from the top, clockwise.
    from: f64,
    to: f64,
    /// The middle of its label.
    y: f64,
}

impl Slice {
    fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to) * TAU
    }

    fn right(&self) -> bool {
        f64::midpoint(self.from, self.to) < 0.5
    }
}

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let mut slices = slices(chart);
    let widest = slices.iter().map(|slice| pixels(&chart.place(slice.index), SIZE)).fold(44.0, f64::max);
    let side = widest.min(room.width * 0.24).min(190.0);
    let tallest = [true, false].map(|right| slices.iter().filter(|slice| slice.right() == right).count());
    let needed = real(tallest[0].max(tallest[1])) * LINE;
    let radius = ((room.width - 2.0 * (MARGIN + side + 22.0)) / 2.0).clamp(40.0, 150.0);
    let height = needed.max(2.0 * radius + 28.0);
    let (x, y) = (room.width / 2.0, room.top + 8.0 + height / 2.0);
    for right in [true, false] {
        let half: Vec<&mut Slice> = slices.iter_mut().filter(|slice| slice.right() == right).collect();
        spread(half, y, radius, height);
    }
    let at = |turn: f64, radius: f64| (x + (turn * TAU).sin() * radius, y - (turn * TAU).cos() * radius);
    // Nothing can be divided: the outline of a pie, with the values in place of shares.
    let is_nothing = slices.iter().all(|slice| slice.value == 0.0);
    let said = |slice: &Slice| if is_nothing { exact(slice.value) } else { percent(slice.share) };
    let body = html! {
        @if is_nothing { circle class="gap" cx=(px(x)) cy=(px(y)) r=(px(radius)) {} }
        @for slice in &slices {
            @let place = chart.place(slice.index);
            g class=(format!("{} slice", look(slice.index))) {
                path class="mark" tabindex=[room.focus] d=(outline(slice, (x, y), radius, at)) {
                    title { (place) ": " (exact(slice.value)) @if !is_nothing { " (" (percent(slice.share)) ")" } }
                }
                @let side_of = if slice.right() { 1.0 } else { -1.0 };
                @let edge = at(slice.middle() / TAU, radius + 2.0);
                @let text_x = x + side_of * (radius + 22.0);
                path class="leader" d=(format!("M{} {}L{} {}h{}", px(edge.0), px(edge.1), px(text_x - side_of * 10.0), px(slice.y), px(side_of * 6.0))) {}
                @let class = if slice.right() { "" } else { "end" };
                (fitted(text_x, slice.y - 2.0, class, &place, side))
                (label(text_x, slice.y + 11.0, &format!("muted {class}"), &said(slice), &said(slice)))
            }
        }
    };
    Drawing { body, height: y + height / 2.0 + MARGIN }
}

fn slices(chart: &Chart) -> Vec<Slice> {
    let total: f64 = chart.values().sum();
    let values = chart.drawn().iter().flat_map(|series| series.values.iter().enumerate());
    let mut from = 0.0;
    let mut slices = Vec::new();
    for (index, value) in values.filter_map(|(index, value)| value.map(|value| (index, value))) {
        let share = if total > 0.0 { value / total } else { 0.0 };
        slices.push(Slice { index, value, share, from, to: from + share, y: 0.0 });
        from += share;
    }
    slices
}

/// Moves labels apart until none overlaps the next, and back up from the lower edge.
fn spread(mut half: Vec<&mut Slice>, y: f64, radius: f64, height: f64) {
    for slice in &mut half {
        slice.y = y - slice.middle().cos() * (radius + 8.0);
    }
    half.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut least = y - height / 2.0 + LINE / 2.0;
    for slice in &mut half {
        slice.y = slice.y.max(least);
        least = slice.y + LINE;
    }
    let mut most = y + height / 2.0 - LINE / 2.0;
    for slice in half.iter_mut().rev() {
        slice.y = slice.y.min(most);
        most = slice.y - LINE;
    }
}

/// A wedge; the whole pie is two half circles, since an arc back to its start would vanish.
fn outline(slice: &Slice, centre: (f64, f64), radius: f64, at: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let r = px(radius);
    if slice.share > 0.999_999 {
        let twice = px(2.0 * radius);
        return format!("M{} {}a{r} {r} 0 1 1 {twice} 0a{r} {r} 0 1 1 -{twice} 0z", px(centre.0 - radius), px(centre.1));
    }
    let (start, end) = (at(slice.from, radius), at(slice.to, radius));
    let large = u8::from(slice.share > 0.5);
    let (x, y) = (px(centre.0), px(centre.1));
    format!("M{x} {y}L{} {}A{r} {r} 0 {large} 1 {} {}z", px(start.0), px(start.1), px(end.0), px(end.1))
}
