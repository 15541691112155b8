//! The frame of every picture: root element, words for screen readers, heading, and the drawing itself.

use maud::{Markup, PreEscaped, html};

use super::number::px;
use super::{
    Chart, ChartError, Kind, STYLE, bar, check, describe, funnel, heatmap, histogram, label, line, pie, radar, sankey, scatter,
    text, treemap,
};

/// Room left free at the edges.
pub(super) const MARGIN: f64 = 12.0;

/// Marks can be reached with the keyboard up to this many; beyond, tabbing through would be a burden.
const FOCUSABLE: usize = 200;

/// The drawing of a kind, and its lower edge.
pub(super) struct Drawing {
    pub(super) body: Markup,
    pub(super) height: f64,
}

/// The area a kind may draw in, and whether its marks take the keyboard's focus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) width: f64,
    pub(super) top: f64,
    /// The value of `tabindex`, if marks have one.
    pub(super) focus: Option<&'static str>,
}

impl Room {
    /// A pleasant height for a drawing without one of its own: lower when wide, within bounds.
    pub(super) fn height(&self) -> f64 {
        (self.width * 0.5).clamp(220.0, 460.0)
    }
}

/// The chart as one `<svg>` element for a page that includes [`STYLE`]. Widths are brought within 240 to 4096 pixels.
///
/// # Errors
/// When the chart's parts do not fit together, a value cannot be drawn, or there are more marks than can be read.
pub fn svg(chart: &Chart, width: u32) -> Result<String, ChartError> {
    Ok(picture(chart, width, None)?.into_string())
}

/// The chart as a file of its own, with the style inside.
///
/// # Errors
/// As for [`svg`].
pub fn standalone_svg(chart: &Chart, width: u32) -> Result<String, ChartError> {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    Ok(format!("{head}{}\n", picture(chart, width, Some(STYLE))?.into_string()))
}

fn picture(chart: &Chart, width: u32, style: Option<&str>) -> Result<Markup, ChartError> {
    check::check(chart)?;
    let chart = chart.cleaned();
    let width = f64::from(width.clamp(240, 4096));
    let marks = chart.marks();
    let lines = text::wrap(&chart.title, width - 2.0 * MARGIN, 17.0, 2);
    let top = lines.iter().fold(MARGIN, |top, _| top + 22.0);
    let room = Room { width, top, focus: (marks <= FOCUSABLE).then_some("0") };
    let drawing = if marks == 0 { empty(&chart, room) } else { draw(&chart, room)? };
    let title = if chart.title.trim().is_empty() { chart.language.kind(chart.kind) } else { chart.title.as_str() };
    let description = describe::sentence(&chart);
    let name = format!("chart-{:016x}", fingerprint(&chart, width));
    let (wide, high) = (px(width), px(drawing.height.ceil()));
    Ok(html! {
        svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {wide} {high}")) width=(wide) height=(high)
            role="img" aria-labelledby=(format!("{name}-title {name}-desc")) lang=(chart.language.tag()) {
            title id=(format!("{name}-title")) { (title) }
            desc id=(format!("{name}-desc")) { (description) }
            @if let Some(style) = style { style { (PreEscaped(style)) } }
            rect class="ground" width=(wide) height=(high) {}
            @for (index, line) in (0_u32..).zip(&lines) {
                (label::label(MARGIN, MARGIN + 15.0 + 22.0 * f64::from(index), "heading", line, line))
            }
            (drawing.body)
        }
    })
}

fn draw(chart: &Chart, room: Room) -> Result<Drawing, ChartError> {
    Ok(match chart.kind {
        Kind::Bar => bar::draw(chart, room),
        Kind::Line | Kind::Area => line::draw(chart, room),
        Kind::Pie => pie::draw(chart, room),
        Kind::Radar => radar::draw(chart, room),
        Kind::Heatmap => heatmap::draw(chart, room),
        Kind::Funnel => funnel::draw(chart, room),
        Kind::Sankey => sankey::draw(chart, room)?,
        Kind::Scatter => scatter::draw(chart, room),
        Kind::Histogram => histogram::draw(chart, room),
        Kind::Treemap => treemap::draw(chart, room),
    })
}

/// A frame that says there is nothing to draw, so that a report keeps its shape.
fn empty(chart: &Chart, room: Room) -> Drawing {
    let height = 160.0;
    let words = chart.language.no_data();
    let body = html! {
        rect class="gap" x=(px(MARGIN)) y=(px(room.top)) width=(px(room.width - 2.0 * MARGIN)) height=(px(height)) {}
        (label::label(room.width / 2.0, room.top + height / 2.0 + 5.0, "word muted middle", words, words))
    };
    Drawing { body, height: room.top + height + MARGIN }
}

/// A number that differs between charts, for the ids that tie the words to the picture: several charts share a page.
/// It depends on nothing but the chart (FNV-1a), so the same chart has the same ids everywhere.
fn fingerprint(chart: &Chart, width: f64) -> u64 {
    format!("{chart:?}{width}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
