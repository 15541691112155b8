//! The sentence that describes a picture to those who cannot see it.

use super::number::exact;
use super::{Chart, Kind, Language};

/// What the chart shows: its kind, how much data, and the smallest and largest value with their places.
pub(super) fn sentence(chart: &Chart) -> String {
    let kind = chart.language.kind(chart.kind);
    let names = match (chart.y_name.as_str(), chart.x_name.as_str(), chart.language) {
        ("", "", _) => String::new(),
        (y, "", Language::En) => format!(" of {y}"),
        ("", x, Language::En) => format!(" by {x}"),
        (y, x, Language::En) => format!(" of {y} by {x}"),
        (y, "", Language::Zh) => format!("（{y}）"),
        ("", x, Language::Zh) => format!("（按{x}）"),
        (y, x, Language::Zh) => format!("（按{x}的{y}）"),
    };
    let all = found(chart);
    let smallest = all.iter().reduce(|best, one| if one.0 < best.0 { one } else { best });
    let largest = all.iter().reduce(|best, one| if one.0 > best.0 { one } else { best });
    let (Some(smallest), Some(largest)) = (smallest, largest) else {
        return match chart.language {
            Language::En => format!("{kind}{names}: no data."),
            Language::Zh => format!("{kind}{names}：暂无数据。"),
        };
    };
    let count = all.len();
    let series = chart.drawn().len();
    let gaps = chart.drawn().iter().flat_map(|series| &series.values).filter(|value| value.is_none()).count();
    let (low, low_place, high, high_place) = (exact(smallest.0), &smallest.1, exact(largest.0), &largest.1);
    match chart.language {
        Language::En => {
            let values = if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
            let within = if series > 1 { format!(" in {series} series") } else { String::new() };
            let gaps = match gaps {
                0 => String::new(),
                1 => "; 1 gap".to_owned(),
                gaps => format!("; {gaps} gaps"),
            };
            if count == 1 {
                format!("{kind}{names}: {values}, {low} ({low_place}){gaps}.")
            } else {
                format!("{kind}{names}: {values}{within}, from {low} ({low_place}) to {high} ({high_place}){gaps}.")
            }
        }
        Language::Zh => {
            let within = if series > 1 { format!("{series} 个系列，") } else { String::new() };
            let gaps = if gaps > 0 { format!("，缺 {gaps} 个值") } else { String::new() };
            if count == 1 {
                format!("{kind}{names}：1 个值，{low}（{low_place}）{gaps}。")
            } else {
                format!("{kind}{names}：{within}{count} 个值，最小 {low}（{low_place}），最大 {high}（{high_place}）{gaps}。")
            }
        }
    }
}

/// Every value with the name of its place.
fn found(chart: &Chart) -> Vec<(f64, String)> {
    if chart.kind == Kind::Sankey {
        return chart.links.iter().map(|(from, to, value)| (*value, format!("{from} → {to}"))).collect();
    }
    let mut all = Vec::new();
    for series in chart.drawn() {
        for (index, value) in series.values.iter().enumerate() {
            if let Some(value) = value {
                let place = chart.place(index);
                let several = chart.drawn().len() > 1 && !series.name.is_empty();
                all.push((*value, if several { format!("{place} · {}", series.name) } else { place }));
            }
        }
    }
    all
}
