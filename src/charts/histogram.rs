//! Counts between edges: bars that touch, each as wide as its bin.

use maud::html;

use super::Chart;
use super::across::Across;
use super::number::px;
use super::plot::Plot;
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};

pub(super) fn draw(chart: &Chart, room: Room) -> Drawing {
    let plot = Plot::new(chart, room, room.top);
    let across = Across::new(chart, plot.width());
    let half = plot.width() / 2.0 / super::number::real(chart.places().max(1));
    // Without edges the bins have the same width.
    let edges = |index: usize| match &across {
        Across::Places(_) => (across.x(chart, &plot, index) - half, across.x(chart, &plot, index) + half),
        _ => (across.x(chart, &plot, index), across.x(chart, &plot, index + 1)),
    };
    let (labels, labels_height) = across.labels(chart, &plot);
    let (name, name_height) = plot.x_name(chart, plot.bottom + labels_height);
    let body = html! {
        (plot.scale(chart))
        @for series in chart.drawn() {
            g class=(look(0)) {
                @for (index, value) in series.values.iter().enumerate() {
                    @if let Some(value) = *value {
                        @let (left, right) = edges(index);
                        @let (base, end) = (plot.base(), plot.y(value));
                        rect class="mark" tabindex=[room.focus] x=(px(left)) y=(px(base.min(end)))
                            width=(px((right - left - 1.0).max((right - left) * 0.7))) height=(px((base - end).abs())) {
                            title { (chart.says(0, index, value)) }
                        }
                    }
                }
            }
        }
        (labels) (name)
    };
    Drawing { body, height: plot.bottom + labels_height + name_height + MARGIN / 2.0 }
}
