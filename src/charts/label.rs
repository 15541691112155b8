//! Words in the drawing: labels that keep their full text when shortened, the legend, and the shapes of points.

use maud::{Markup, html};

use super::Series;
use super::number::px;
use super::style::look;
use super::svg::MARGIN;
use super::text::{elide_pixels, pixels};

/// The size of ordinary labels, as in the style sheet.
pub(super) const SIZE: f64 = 11.0;

/// The height of a line of the legend.
const LINE: f64 = 18.0;

/// A label at a position; if its text is shortened, pointing at it shows the whole text.
pub(super) fn label(x: f64, y: f64, class: &str, shown: &str, whole: &str) -> Markup {
    html! {
        text class=(class) x=(px(x)) y=(px(y)) {
            (shown)
            @if shown != whole { title { (whole) } }
        }
    }
}

/// A label shortened to a width in pixels.
pub(super) fn fitted(x: f64, y: f64, class: &str, text: &str, room: f64) -> Markup {
    label(x, y, class, &elide_pixels(text, room, SIZE), text)
}

/// How a series is shown in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swatch {
    /// A filled square.
    Square,
    /// A piece of its line.
    Line,
    /// Its point.
    Point,
}

/// The names of the series, in lines as they fit, and how high they are. A single series needs no legend.
pub(super) fn legend(series: &[Series], swatch: Swatch, top: f64, width: f64) -> (Markup, f64) {
    if series.len() < 2 {
        return (Markup::default(), 0.0);
    }
    let key = if swatch == Swatch::Line { 28.0 } else { 16.0 };
    let most = width - 2.0 * MARGIN;
    let (mut x, mut y) = (MARGIN, top);
    let mut places = Vec::with_capacity(series.len());
    for one in series {
        let shown = elide_pixels(&one.name, (most - key).min(220.0), SIZE);
        let needed = key + pixels(&shown, SIZE);
        if x > MARGIN && x + needed > MARGIN + most {
            x = MARGIN;
            y += LINE;
        }
        places.push((x, y, shown));
        x += needed + 16.0;
    }
    let markup = html! {
        g class="legend" {
            @for (index, ((x, y, shown), one)) in places.iter().zip(series).enumerate() {
                g class=(look(index)) {
                    @match swatch {
                        Swatch::Square => rect class="fill" x=(px(*x)) y=(px(y + 3.0)) width="10" height="10" rx="2" {},
                        Swatch::Line => path class="run" d=(format!("M{} {}h22", px(*x), px(y + 8.0))) {},
                        Swatch::Point => path class="fill" d=(shape(index, x + 5.0, y + 8.0, 4.5)) {},
                    }
                    (label(x + key, y + 12.0, "", shown, &one.name))
                }
            }
        }
    };
    (markup, y + LINE - top + 4.0)
}

/// The outline of a point: each series has a shape of its own, so that colour is never the only difference.
pub(super) fn shape(series: usize, x: f64, y: f64, size: f64) -> String {
    let corners: &[(f64, f64)] = match series % 8 {
        0 => {
            let (left, size, twice) = (px(x - size), px(size), px(2.0 * size));
            return format!("M{left} {}a{size} {size} 0 1 0 {twice} 0a{size} {size} 0 1 0 -{twice} 0z", px(y));
        }
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.1), (1.05, 0.8), (-1.05, 0.8)],
        3 => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        4 => &[(0.0, 1.1), (1.05, -0.8), (-1.05, -0.8)],
        5 => &[
            (-0.35, -1.1),
            (0.35, -1.1),
            (0.35, -0.35),
            (1.1, -0.35),
            (1.1, 0.35),
            (0.35, 0.35),
            (0.35, 1.1),
            (-0.35, 1.1),
            (-0.35, 0.35),
            (-1.1, 0.35),
            (-1.1, -0.35),
            (-0.35, -0.35),
        ],
        6 => &[(0.0, -1.15), (1.1, -0.35), (0.7, 0.95), (-0.7, 0.95), (-1.1, -0.35)],
        _ => &[(-1.1, -0.6), (1.1, -0.6), (1.1, 0.6), (-1.1, 0.6)],
    };
    let points: Vec<String> =
        corners.iter().map(|(across, down)| format!("{} {}", px(x + across * size), px(y + down * size))).collect();
    format!("M{}z", points.join("L"))
}
