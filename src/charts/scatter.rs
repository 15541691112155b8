//! Points in the plane: numbers or dates across, values up, a shape for each series.

use maud::html;

use super::Chart;
use super::across::Across;
use super::label::{Swatch, legend, shape};
use super::number::exact;
use super::plot::Plot;
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};

/// Beyond this number, points are smaller and translucent.
const MANY: usize = 300;

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let (legend, legend_height) = legend(&chart.series, Swatch::Point, room.top, room.width);
    let mut plot = Plot::new(chart, room, room.top + legend_height);
    // Room so that points at the edge are not cut off.
    plot.left += 4.0;
    plot.right -= 4.0;
    let across = Across::new(chart, plot.width());
    let many = chart.marks() > MANY;
    let size = if many { 2.5 } else { 4.0 };
    let (labels, labels_height) = across.labels(chart, &plot);
    let (name, name_height) = plot.x_name(chart, plot.bottom + labels_height);
    let body = html! {
        (legend) (plot.scale(chart)) (labels) (name)
        @for (number, series) in chart.series.iter().enumerate() {
            g class=(if many { format!("{} many", look(number)) } else { look(number) }) {
                @for (index, value) in series.values.iter().enumerate() {
                    @if let Some(value) = *value {
                        path class="mark" tabindex=[room.focus] d=(shape(number, across.x(chart, &plot, index), plot.y(value), size)) {
                            title { (says(chart, number, index, value)) }
                        }
                    }
                }
            }
        }
    };
    Drawing { body, height: plot.bottom + labels_height + name_height + MARGIN / 2.0 }
}

/// A point has two numbers and, where the chart has categories, a name as well.
fn says(chart: &Chart, series: usize, index: usize, value: f64) -> String {
    let x = chart.x_numbers.as_ref().and_then(|numbers| numbers.get(index)).copied().unwrap_or_default();
    let x = if chart.x_is_date { super::date::label(x) } else { exact(x) };
    let said = chart.says(series, index, value);
    if chart.categories.is_empty() || chart.categories.get(index) == Some(&x) { said } else { format!("{said} ({x})") }
}
