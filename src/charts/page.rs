//! One chart as a page of its own, which loads nothing and runs nothing.
//!
//! The page's policy allows exactly one style sheet, by its hash. Below the picture is a collapsed table of the same data, for readers who
//! want the numbers and for screen readers.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::number::exact;
use super::style::{STYLE, hash_of};
use super::{Chart, ChartError, Kind, svg};

/// The width of the picture that a desk and paper show.
const WIDE: u32 = 860;
/// The width of the picture that a phone shows: shrinking the wide one would make its text unreadable.
const NARROW: u32 = 358;

/// A larger table would make the page slow to open.
const ROWS: usize = 2_000;

/// A self-contained page with the chart and, collapsed, its data.
///
/// # Errors
/// As for [`svg()`].
pub fn html(chart: &Chart) -> Result<String, ChartError> {
    let (wide, narrow) = (svg(chart, WIDE)?, svg(chart, NARROW)?);
    let chart = chart.cleaned();
    let title = if chart.title.trim().is_empty() { chart.language.kind(chart.kind) } else { chart.title.as_str() };
    let policy = format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'", hash_of(STYLE));
    let rows = if chart.kind == Kind::Sankey { chart.links.len() } else { chart.places() };
    let page = html! {
        (DOCTYPE)
        html lang=(chart.language.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body class="chart-page" {
                main {
                    figure class="wide" { (PreEscaped(wide)) }
                    figure class="narrow" { (PreEscaped(narrow)) }
                    @if (1..=ROWS).contains(&rows) {
                        details { summary { (chart.language.data()) } div class="table" { (table(&chart)) } }
                    }
                }
            }
        }
    };
    Ok(page.into_string() + "\n")
}

fn table(chart: &Chart) -> Markup {
    if chart.kind == Kind::Sankey {
        return html! {
            table {
                thead { tr { @for name in chart.language.flow() { th scope="col" { (name) } } } }
                tbody {
                    @for (from, to, value) in &chart.links { tr { th scope="row" { (from) } th { (to) } td { (exact(*value)) } } }
                }
            }
        };
    }
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (chart.x_name) }
                    @for series in chart.drawn() {
                        th scope="col" { @if series.name.is_empty() { (chart.y_name) } @else { (series.name) } }
                    }
                }
            }
            tbody {
                @for index in 0..chart.places() {
                    tr {
                        th scope="row" { (chart.place(index)) }
                        @for series in chart.drawn() {
                            td { @if let Some(value) = series.values.get(index).copied().flatten() { (exact(value)) } }
                        }
                    }
                }
            }
        }
    }
}
