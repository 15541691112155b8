//! Shares of a whole as rectangles, kept as square as they can be.
//!
//! The layout is the squarified treemap of Bruls, Huizing and van Wijk (2000): rectangles are placed in rows along the
//! shorter side, and a row is closed when one more would make its worst rectangle narrower.

use maud::html;

use super::Chart;
use super::label::{SIZE, label};
use super::number::{compact, exact, percent, px};
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::{elide_pixels, pixels};

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rectangle {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let values = chart.drawn().iter().flat_map(|series| series.values.iter().enumerate());
    let mut values: Vec<(usize, f64)> = values.filter_map(|(index, value)| value.map(|value| (index, value))).collect();
    values.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = values.iter().map(|value| value.1).sum();
    let shares: Vec<f64> = values.iter().map(|value| if total > 0.0 { value.1 / total } else { 0.0 }).collect();
    let whole = Rectangle { x: MARGIN, y: room.top + 6.0, width: room.width - 2.0 * MARGIN, height: room.height() };
    let words = chart.language.nothing();
    let body = html! {
        @if total == 0.0 {
            rect class="gap" x=(px(whole.x)) y=(px(whole.y)) width=(px(whole.width)) height=(px(whole.height)) {}
            (label(whole.x + whole.width / 2.0, whole.y + whole.height / 2.0 + 5.0, "word muted middle", words, words))
        }
        g class=(look(0)) {
            g class="tint" {
                @for ((&(index, value), share), place) in values.iter().zip(&shares).zip(squarified(&shares, whole)) {
                    @let name = chart.place(index);
                    rect class="mark" tabindex=[room.focus] x=(px(place.x + 1.0)) y=(px(place.y + 1.0))
                        width=(px((place.width - 2.0).max(0.0))) height=(px((place.height - 2.0).max(0.0))) rx="2" {
                        title { (name) ": " (exact(value)) @if total > 0.0 { " (" (percent(*share)) ")" } }
                    }
                    @if place.width >= 30.0 && place.height >= 18.0 {
                        @let shown = elide_pixels(&name, place.width - 12.0, SIZE);
                        // One or two letters would not help.
                        @if shown == name || shown.chars().count() > 4 { (label(place.x + 6.0, place.y + 15.0, "label", &shown, &name)) }
                        @let text = compact(value, chart.language);
                        @if place.height >= 34.0 && pixels(&text, SIZE) <= place.width - 12.0 {
                            (label(place.x + 6.0, place.y + 29.0, "label muted", &text, &text))
                        }
                    }
                }
            }
        }
    };
    Drawing { body, height: whole.y + whole.height + MARGIN }
}

/// A rectangle for each share, largest first; shares of 0 get an empty rectangle in the last corner.
fn squarified(shares: &[f64], whole: Rectangle) -> Vec<Rectangle> {
    let area = whole.width * whole.height;
    let areas: Vec<f64> = shares.iter().map(|share| share * area).collect();
    let mut placed = Vec::with_capacity(areas.len());
    let mut rest = whole;
    let mut start = 0;
    while start < areas.len() {
        let side = rest.width.min(rest.height);
        let mut end = start + 1;
        while end < areas.len() && worst(&areas[start..=end], side) <= worst(&areas[start..end], side) {
            end += 1;
        }
        let row = &areas[start..end];
        let thick = if side > 0.0 { row.iter().sum::<f64>() / side } else { 0.0 };
        let mut along = 0.0;
        for area in row {
            let length = if thick > 0.0 { area / thick } else { 0.0 };
            placed.push(if rest.width >= rest.height {
                Rectangle { x: rest.x, y: rest.y + along, width: thick, height: length }
            } else {
                Rectangle { x: rest.x + along, y: rest.y, width: length, height: thick }
            });
            along += length;
        }
        if rest.width >= rest.height {
            rest.x += thick;
            rest.width = (rest.width - thick).max(0.0);
        } else {
            rest.y += thick;
            rest.height = (rest.height - thick).max(0.0);
        }
        start = end;
    }
    placed
}

/// The largest aspect ratio in a row.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let (least, most) = row.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), &area| (least.min(area), most.max(area)));
    if sum <= 0.0 || least <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    (side * side * most / (sum * sum)).max(sum * sum / (side * side * least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_cover_the_whole_and_keep_their_shares() {
        let whole = Rectangle { x: 0.0, y: 0.0, width: 600.0, height: 400.0 };
        let shares = [0.25, 0.25, 1.0 / 6.0, 0.125, 1.0 / 12.0, 1.0 / 12.0, 1.0 / 24.0, 0.0];
        let places = squarified(&shares, whole);
        for (share, place) in shares.iter().zip(&places) {
            assert!((place.width * place.height - share * 240_000.0).abs() < 1e-6, "{place:?}");
            assert!(place.x + place.width <= 600.0 + 1e-9 && place.y + place.height <= 400.0 + 1e-9, "{place:?}");
        }
        assert!(places[..7].iter().all(|place| place.width / place.height < 4.0 && place.height / place.width < 4.0));
        assert_eq!(places.len(), 8);
    }
}
