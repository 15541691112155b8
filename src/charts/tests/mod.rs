//! The guarantees of every chart, checked on charts of every kind.

mod anything;
mod limits;
mod marks;
mod style;
mod terminal;
mod words;
mod xml;

use super::*;

/// A series whose gaps are written as not-a-number.
fn series(name: &str, values: &[f64]) -> Series {
    let values = values.iter().map(|&value| (!value.is_nan()).then_some(value)).collect();
    Series { name: name.to_owned(), values, ..Series::default() }
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// A small chart of the kind, with something that is not a gap.
fn example(kind: Kind) -> Chart {
    let chart = Chart {
        kind,
        title: "Revenue".to_owned(),
        x_name: "month".to_owned(),
        y_name: "CNY".to_owned(),
        categories: words("January,February,March,April"),
        series: vec![series("shop", &[1234.5, 20.0, f64::NAN, 7.0]), series("app", &[3.0, f64::NAN, 0.0, 9.0])],
        ..Chart::default()
    };
    match kind {
        Kind::Scatter => Chart { x_numbers: Some(vec![1.0, 2.5, 2.5, -4.0]), categories: Vec::new(), ..chart },
        Kind::Histogram => Chart {
            x_numbers: Some(vec![0.0, 1.0, 2.0, 4.0, 8.0]),
            categories: Vec::new(),
            series: vec![series("orders", &[3.0, 0.0, 5.0, 1.0])],
            ..chart
        },
        Kind::Sankey => Chart {
            links: [("a", "b", 3.0), ("a", "c", 1.0), ("b", "c", 2.0)].map(|(a, b, n)| (a.to_owned(), b.to_owned(), n)).to_vec(),
            ..chart
        },
        kind if kind.is_of_shares() => Chart { series: chart.series[..1].to_vec(), ..chart },
        _ => chart,
    }
}

/// How many marks a picture has.
fn count(picture: &str) -> usize {
    picture.matches(r#"class="mark""#).count()
}
