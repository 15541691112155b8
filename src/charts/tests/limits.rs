//! What cannot be drawn is refused with a reason and advice.

use super::*;

fn error(chart: &Chart) -> String {
    let message = svg(chart, 600).unwrap_err().to_string();
    assert_eq!(terminal(chart, 80, false).unwrap_err().to_string(), message, "the terminal refuses the same");
    assert_eq!(html(chart).unwrap_err().to_string(), message, "and so does the page");
    message
}

fn many(kind: Kind, places: u32, rows: usize) -> Chart {
    Chart {
        kind,
        categories: (0..places).map(|place| format!("c{place}")).collect(),
        series: (0..rows).map(|row| series(&format!("s{row}"), &(0..places).map(f64::from).collect::<Vec<_>>())).collect(),
        ..Chart::default()
    }
}

#[test]
fn what_is_no_number_is_named() {
    for (value, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::Sankey) {
            let mut chart = example(kind);
            chart.series[0].values[1] = Some(value);
            let place = chart.place(1);
            let name = chart.series[0].name.clone();
            assert_eq!(
                error(&chart),
                format!("series '{name}' at '{place}' is {shown}, which cannot be drawn: use NULL for a gap, or filter it out")
            );
        }
        let mut chart = example(Kind::Sankey);
        chart.links[1].2 = value;
        assert!(error(&chart).starts_with(&format!("the link 'a' to 'c' is {shown}, ")));
        let mut chart = example(Kind::Scatter);
        chart.x_numbers = Some(vec![1.0, value, 2.0, 3.0]);
        assert!(error(&chart).starts_with(&format!("x ('month') at place 2 is {shown}, ")));
    }
    let mut chart = example(Kind::Bar);
    chart.series[0].values[0] = Some(1.5e300);
    assert_eq!(error(&chart), "series 'shop' at 'January' is 1.5e300, which is beyond 1e300 and cannot be drawn");
}

#[test]
fn shares_are_not_negative() {
    for kind in [Kind::Pie, Kind::Funnel, Kind::Treemap] {
        let mut chart = example(kind);
        chart.series[0].values[1] = Some(-20.0);
        assert_eq!(error(&chart), format!("a {kind} chart shows shares, but 'February' is -20: use bars"));
    }
    let mut chart = example(Kind::Sankey);
    chart.links[0].2 = -1.0;
    assert_eq!(error(&chart), "a sankey chart shows shares, but 'a' to 'b' is -1: use bars");
}

#[test]
fn more_marks_than_can_be_read_are_refused() {
    assert_eq!(error(&many(Kind::Bar, 10_000, 1)), "a bar chart has at most 400 bars, got 10000: add LIMIT");
    assert_eq!(
        error(&many(Kind::Pie, 13, 1)),
        "a pie chart has at most 12 slices, got 13: keep the largest with ORDER BY and LIMIT, or use a treemap or bars"
    );
    assert_eq!(
        error(&many(Kind::Line, 10_000, 3)),
        "a line chart has at most 20000 points, got 30000: aggregate, or take a sample"
    );
    assert_eq!(
        error(&many(Kind::Line, 3, 9)),
        "a line chart has at most 8 series, got 9: keep the most important, or draw a heat map"
    );
    assert_eq!(
        error(&many(Kind::Area, 3, 9)),
        "an area chart has at most 8 series, got 9: keep the most important, or draw a heat map"
    );
    assert_eq!(
        error(&many(Kind::Heatmap, 121, 1)),
        "a heat map has at most 120 columns, got 121: use coarser groups, or add LIMIT"
    );
    assert_eq!(error(&many(Kind::Radar, 2, 1)), "a radar chart needs at least 3 categories, got 2: use bars");
    assert_eq!(error(&many(Kind::Radar, 25, 1)), "a radar chart has at most 24 spokes, got 25: use bars");
    assert_eq!(error(&many(Kind::Funnel, 31, 1)), "a funnel has at most 30 stages, got 31: add LIMIT");
    assert_eq!(count(&svg(&many(Kind::Pie, 12, 1), 360).unwrap()), 12);
    assert_eq!(count(&svg(&many(Kind::Bar, 400, 1), 360).unwrap()), 400);
    assert_eq!(count(&svg(&many(Kind::Heatmap, 120, 200), 360).unwrap()), 24_000);
    assert_eq!(count(&svg(&many(Kind::Line, 10_000, 2), 360).unwrap()), 20_000);
}

#[test]
fn parts_must_fit_together() {
    let mut chart = example(Kind::Line);
    chart.series[1].values.pop();
    assert_eq!(error(&chart), "series 'app' must have one value for each of the 4 places, got 3");
    let mut chart = example(Kind::Histogram);
    chart.categories = words("a,b,c");
    assert_eq!(error(&chart), "a histogram chart with 3 bins needs 4 x numbers, got 5");
    let mut chart = example(Kind::Histogram);
    chart.x_numbers = Some(vec![0.0, 2.0, 1.0, 3.0, 4.0]);
    assert_eq!(error(&chart), "the edges of a histogram's bins must rise, got 2 before 1");
    let mut chart = example(Kind::Histogram);
    chart.series.push(series("more", &[1.0; 4]));
    assert_eq!(error(&chart), "a histogram has one series, got 2: draw one chart for each, or a line chart");
    for (kind, noun) in [(Kind::Pie, "a pie chart"), (Kind::Funnel, "a funnel"), (Kind::Treemap, "a treemap")] {
        let message = format!("{noun} has one series, got 2: draw one chart for each, or use bars");
        assert_eq!(error(&many(kind, 3, 2)), message);
    }
    let chart = Chart { x_numbers: None, categories: words("a,b,c,d"), ..example(Kind::Scatter) };
    assert!(error(&chart).starts_with("a scatter chart needs numbers across"));
    let mut chart = example(Kind::Line);
    chart.series[0].band = Some((vec![Some(1.0)], vec![Some(2.0)]));
    assert_eq!(error(&chart), "series 'shop' must have one value for each of the 4 places, got 1");
    let chart = Chart { x_numbers: Some(vec![1e9, 0.0, 0.0, 0.0]), x_is_date: true, ..example(Kind::Line) };
    assert_eq!(error(&chart), "x ('month') at place 1 is 1,000,000,000 days from 1970, too far to draw");
}

/// Each row has its mark; shares of a total of zero are not shown.
#[test]
fn zeros_have_no_shares() {
    for kind in [Kind::Pie, Kind::Treemap] {
        let mut chart = example(kind);
        chart.series[0].values = vec![Some(0.0); 4];
        let picture = svg(&chart, 600).unwrap();
        assert_eq!(count(&picture), 4, "{kind}");
        assert!(picture.contains("class=\"gap\"") && !picture.contains("0%"), "{kind}: {picture}");
    }
}

#[test]
fn small_shares_are_not_nothing() {
    let mut chart = example(Kind::Pie);
    chart.series[0].values = vec![Some(100_000.0), Some(1.0), Some(0.0), None];
    let picture = svg(&chart, 600).unwrap();
    assert!(picture.contains("&gt; 99.9%") && picture.contains("&lt; 0.1%") && picture.contains(">0%"), "{picture}");
}

#[test]
fn flows_that_go_round_are_refused() {
    let mut chart = example(Kind::Sankey);
    chart.links.push(("c".to_owned(), "a".to_owned(), 1.0));
    let message = svg(&chart, 600).unwrap_err().to_string();
    assert!(message.starts_with("a sankey chart flows one way, but there is a circle through '"), "{message}");
    chart.links = vec![("a".to_owned(), "a".to_owned(), 1.0)];
    assert!(svg(&chart, 600).unwrap_err().to_string().contains("a circle through 'a'"));
    // What the circle flows into is not part of it.
    chart.links.push(("a".to_owned(), "b".to_owned(), 2.0));
    assert!(svg(&chart, 600).unwrap_err().to_string().contains("a circle through 'a'"));
}

#[test]
fn kinds_have_names() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(format!(" {} ", kind.name().to_uppercase()).parse(), Ok(kind));
    }
    assert_eq!(
        "donut".parse::<Kind>().unwrap_err().to_string(),
        "chart: kind must be one of bar, line, area, pie, radar, heatmap, funnel, sankey, scatter, histogram, treemap, got 'donut'"
    );
}

#[test]
fn nothing_to_draw_is_said_in_a_frame() {
    for kind in Kind::ALL {
        let nothing = Chart { kind, title: "Nothing".to_owned(), ..Chart::default() };
        let mut gaps = example(kind);
        gaps.links.clear();
        gaps.series.iter_mut().for_each(|series| series.values.fill(None));
        for chart in [nothing, gaps] {
            let picture = svg(&chart, 360).unwrap();
            assert_eq!(count(&picture), 0, "{kind}");
            assert!(picture.contains(">no data</text>") && picture.contains(": no data.</desc>"), "{kind}");
            assert_eq!(xml::check(&picture), Ok(()));
            assert!(terminal(&chart, 40, false).unwrap().ends_with("(no data)\n"), "{kind}");
            let chinese = Chart { language: Language::Zh, ..chart };
            assert!(svg(&chinese, 360).unwrap().contains(">暂无数据</text>"), "{kind}");
        }
    }
}
