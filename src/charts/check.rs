//! Checks what can be drawn: parts fit together, numbers are finite, and there are no more marks than a reader can distinguish.

use super::number::exact;
use super::style::LOOKS;
use super::{Chart, ChartError, Kind, date, text};
use crate::text::with_article;

/// Beyond this a sum or a difference of two values could overflow.
const LARGEST: f64 = 1e300;

/// Refuses charts that would be drawn wrongly, with the reason.
pub(super) fn check(chart: &Chart) -> Result<(), ChartError> {
    if chart.kind == Kind::Sankey {
        for (from, to, value) in &chart.links {
            let place = format!("'{}' to '{}'", text::clean(from), text::clean(to));
            number(*value, &format!("the link {place}"))?;
            negative(chart.kind, *value, &place)?;
        }
        return most(chart.kind, chart.links.len(), 200, "links", "keep the largest with ORDER BY and LIMIT");
    }
    parts(chart)?;
    across(chart)?;
    for series in chart.drawn() {
        let name = text::clean(&series.name);
        let bounds = series.band.iter().flat_map(|(lower, upper)| [lower, upper]);
        for values in std::iter::once(&series.values).chain(bounds) {
            for (index, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let place = text::clean(&chart.place(index));
                number(*value, &format!("series '{name}' at '{place}'"))?;
                if chart.kind.is_of_shares() {
                    negative(chart.kind, *value, &format!("'{place}'"))?;
                }
            }
        }
    }
    limits(chart)
}

/// Each series has one value for each place, and so have its bounds.
fn parts(chart: &Chart) -> Result<(), ChartError> {
    let places = chart.places();
    let extra = usize::from(chart.kind == Kind::Histogram);
    if let Some(numbers) = &chart.x_numbers
        && numbers.len() != places + extra
        && !(numbers.is_empty() && places == 0)
    {
        return Err(ChartError::new(format!(
            "a {} chart with {places} {} needs {} x numbers, got {}",
            chart.kind,
            if extra == 1 { "bins" } else { "places" },
            places + extra,
            numbers.len()
        )));
    }
    for series in chart.drawn() {
        let bounds = series.band.iter().flat_map(|(lower, upper)| [lower, upper]);
        if let Some(wrong) = std::iter::once(&series.values).chain(bounds).find(|values| values.len() != places) {
            return Err(ChartError::new(format!(
                "series '{}' must have one value for each of the {places} places, got {}",
                text::clean(&series.name),
                wrong.len()
            )));
        }
    }
    if chart.kind == Kind::Histogram && chart.series.len() > 1 {
        return Err(ChartError::new(format!(
            "a histogram has one series, got {}: draw one chart for each, or a line chart",
            chart.series.len()
        )));
    }
    if chart.kind.is_of_shares() && chart.series.len() > 1 {
        return Err(ChartError::new(format!(
            "{} has one series, got {}: draw one chart for each, or use bars",
            with_article(&noun(chart.kind)),
            chart.series.len()
        )));
    }
    if chart.kind == Kind::Scatter && chart.x_numbers.is_none() && chart.marks() > 0 {
        return Err(ChartError::new("a scatter chart needs numbers across: the first column must be a number or a date"));
    }
    Ok(())
}

/// What runs across is finite, and the edges of bins rise.
fn across(chart: &Chart) -> Result<(), ChartError> {
    let numbers = chart.x_numbers.as_deref().unwrap_or_default();
    let name = if chart.x_name.is_empty() { "x".to_owned() } else { format!("x ('{}')", text::clean(&chart.x_name)) };
    for (index, &value) in numbers.iter().enumerate() {
        number(value, &format!("{name} at place {}", index + 1))?;
        if chart.x_is_date && value.abs() > date::FURTHEST {
            return Err(ChartError::new(format!(
                "{name} at place {} is {} days from 1970, too far to draw",
                index + 1,
                exact(value)
            )));
        }
    }
    if chart.kind == Kind::Histogram
        && let Some(pair) = numbers.windows(2).find(|pair| pair[0] > pair[1])
    {
        let (low, high) = (exact(pair[0]), exact(pair[1]));
        return Err(ChartError::new(format!("the edges of a histogram's bins must rise, got {low} before {high}")));
    }
    Ok(())
}

fn limits(chart: &Chart) -> Result<(), ChartError> {
    let (kind, places) = (chart.kind, chart.places());
    let count = chart.drawn().len();
    let values = places * count;
    if !matches!(kind, Kind::Heatmap) && count > LOOKS {
        return Err(ChartError::new(format!(
            "{} has at most {LOOKS} series, got {count}: keep the most important, or draw a heat map",
            with_article(&noun(kind))
        )));
    }
    match kind {
        Kind::Bar => most(kind, values, 400, "bars", "add LIMIT"),
        Kind::Histogram => most(kind, values, 400, "bins", "use fewer bins"),
        Kind::Line | Kind::Area | Kind::Scatter => most(kind, values, 20_000, "points", "aggregate, or take a sample"),
        Kind::Pie => most(kind, values, 12, "slices", "keep the largest with ORDER BY and LIMIT, or use a treemap or bars"),
        Kind::Treemap => most(kind, values, 400, "rectangles", "keep the largest with ORDER BY and LIMIT"),
        Kind::Funnel => most(kind, values, 30, "stages", "add LIMIT"),
        Kind::Heatmap => {
            most(kind, places, 120, "columns", "use coarser groups, or add LIMIT")?;
            most(kind, count, 200, "rows", "use coarser groups, or add LIMIT")
        }
        Kind::Radar if places < 3 && chart.marks() > 0 => {
            Err(ChartError::new(format!("a radar chart needs at least 3 categories, got {places}: use bars")))
        }
        Kind::Radar => most(kind, places, 24, "spokes", "use bars"),
        Kind::Sankey => Ok(()),
    }
}

fn most(kind: Kind, got: usize, most: usize, what: &str, advice: &str) -> Result<(), ChartError> {
    if got <= most {
        return Ok(());
    }
    Err(ChartError::new(format!("{} has at most {most} {what}, got {got}: {advice}", with_article(&noun(kind)))))
}

fn noun(kind: Kind) -> String {
    match kind {
        Kind::Funnel | Kind::Histogram | Kind::Treemap => kind.name().to_owned(),
        Kind::Heatmap => "heat map".to_owned(),
        _ => format!("{kind} chart"),
    }
}

fn number(value: f64, place: &str) -> Result<(), ChartError> {
    if !value.is_finite() {
        return Err(ChartError::new(format!("{place} is {value}, which cannot be drawn: use NULL for a gap, or filter it out")));
    }
    if value.abs() > LARGEST {
        return Err(ChartError::new(format!("{place} is {}, which is beyond 1e300 and cannot be drawn", exact(value))));
    }
    Ok(())
}

fn negative(kind: Kind, value: f64, place: &str) -> Result<(), ChartError> {
    if value < 0.0 {
        return Err(ChartError::new(format!("a {kind} chart shows shares, but {place} is {}: use bars", exact(value))));
    }
    Ok(())
}
