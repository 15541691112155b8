//! One mark for each datum, the same bytes for the same data, and pictures that are well formed.

use super::*;

#[test]
fn every_kind_has_one_mark_for_each_value_that_is_not_a_gap() {
    let expected = |kind| match kind {
        Kind::Pie | Kind::Funnel | Kind::Treemap | Kind::Sankey => 3,
        Kind::Histogram => 4,
        _ => 6,
    };
    for kind in Kind::ALL {
        for width in [240, 360, 960] {
            let picture = svg(&example(kind), width).unwrap();
            assert_eq!(count(&picture), expected(kind), "{kind} at {width}");
            // Each says what it is, and each can be reached.
            assert_eq!(picture.matches("tabindex=\"0\"").count(), expected(kind), "{kind}");
            let titled =
                picture.split("class=\"mark\"").skip(1).filter(|rest| rest.split_once('>').unwrap().1.starts_with("<title>"));
            assert_eq!(titled.count(), expected(kind), "{kind}");
        }
    }
}

#[test]
fn pictures_and_files_are_well_formed_and_keep_to_their_width() {
    for kind in Kind::ALL {
        for width in [240, 360, 960] {
            let picture = svg(&example(kind), width).unwrap();
            assert_eq!(xml::check(&picture), Ok(()), "{kind}");
            assert_eq!(xml::check(&standalone_svg(&example(kind), width).unwrap()), Ok(()), "{kind}");
            assert!(picture.starts_with(r#"<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 "#), "{picture}");
            assert!(picture.contains(&format!("viewBox=\"0 0 {width} ")), "{kind}");
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{kind}");
            assert!(!picture.contains("style="), "{kind}: a page's policy may forbid style attributes");
        }
    }
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    for kind in Kind::ALL {
        let (one, other) = (example(kind), example(kind));
        assert_eq!(svg(&one, 640).unwrap(), svg(&other, 640).unwrap(), "{kind}");
        assert_eq!(html(&one).unwrap(), html(&other).unwrap(), "{kind}");
        assert_eq!(terminal(&one, 80, true).unwrap(), terminal(&other, 80, true).unwrap(), "{kind}");
    }
}

#[test]
fn numbers_in_a_picture_have_two_decimals_at_most() {
    for kind in Kind::ALL {
        let picture = svg(&example(kind), 613).unwrap();
        for attribute in [" x=\"", " y=\"", " cx=\"", " cy=\"", " d=\"", " width=\"", " height=\""] {
            for value in picture.split(attribute).skip(1).map(|rest| rest.split_once('"').unwrap().0) {
                let longest = value.split('.').skip(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).count()).max();
                assert!(longest.unwrap_or(0) <= 2, "{kind}: {attribute}{value}");
            }
        }
    }
}

#[test]
fn lines_break_at_gaps() {
    let chart = Chart {
        kind: Kind::Line,
        categories: words("a,b,c,d,e"),
        series: vec![series("x", &[1.0, 2.0, f64::NAN, 4.0, f64::NAN])],
        ..Chart::default()
    };
    let picture = svg(&chart, 600).unwrap();
    assert_eq!(picture.matches("class=\"run\"").count(), 2);
    assert_eq!(count(&picture), 3);
    assert!(picture.contains("1 gap") || picture.contains("2 gaps"));
}

#[test]
fn lines_over_numbers_go_from_left_to_right() {
    let chart = |numbers: &[f64], values: &[f64]| Chart {
        kind: Kind::Line,
        x_numbers: Some(numbers.to_vec()),
        series: vec![series("", values)],
        ..Chart::default()
    };
    let run = |chart: Chart| {
        let picture = svg(&chart, 600).unwrap();
        picture.split_once("class=\"run\" d=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(run(chart(&[3.0, 1.0, 2.0], &[30.0, 10.0, 20.0])), run(chart(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0])));
}

#[test]
fn bars_below_zero_hang_from_the_axis() {
    let chart = Chart { categories: words("up,down"), series: vec![series("", &[5.0, -5.0])], ..Chart::default() };
    let picture = svg(&chart, 600).unwrap();
    let bars: Vec<(f64, f64)> = picture
        .split("class=\"mark\"")
        .skip(1)
        .map(|rest| {
            let number = |name: &str| rest.split_once(name).unwrap().1.split_once('"').unwrap().0.parse::<f64>().unwrap();
            (number(" y=\""), number(" height=\""))
        })
        .collect();
    assert!((bars[0].0 + bars[0].1 - bars[1].0).abs() < 0.02, "{bars:?}");
    assert!((bars[0].1 - bars[1].1).abs() < 0.02 && bars[0].1 > 10.0, "{bars:?}");
    assert!(picture.contains("<title>down: -5</title>"));
}

#[test]
fn values_of_every_size_can_be_drawn() {
    let cases: [&[f64]; 8] = [
        &[0.0; 4],
        &[1e300, -1e300, 0.0, 1.0],
        &[1e-300; 4],
        &[5e-324, 0.0, 0.0, 0.0],
        &[7.0; 4],
        &[-3.0; 4],
        &[1e15, 1e15 + 1.0, 1e15, 1e15],
        &[f64::NAN; 4],
    ];
    for values in cases {
        for kind in Kind::ALL {
            let shares = matches!(kind, Kind::Pie | Kind::Funnel | Kind::Treemap);
            if shares && values.iter().any(|&value| value < 0.0) {
                continue;
            }
            let mut chart = Chart { series: vec![series("x", values)], ..example(kind) };
            if kind == Kind::Sankey {
                let links = values.iter().zip(["a", "b", "c", "d"]).filter(|(value, _)| **value >= 0.0);
                chart.links = links.map(|(&value, from)| (from.to_owned(), "end".to_owned(), value)).collect();
            }
            let picture = svg(&chart, 480).unwrap();
            assert_eq!(count(&picture), chart.values().count(), "{kind} {values:?}");
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{kind} {values:?}");
            assert_eq!(xml::check(&picture), Ok(()));
            let text = terminal(&chart, 60, false).unwrap();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

#[test]
fn one_point_and_one_slice_are_seen() {
    let chart = |kind| Chart { kind, categories: words("only"), series: vec![series("", &[42.0])], ..Chart::default() };
    assert!(svg(&chart(Kind::Line), 400).unwrap().contains("h0\""));
    let pie = svg(&chart(Kind::Pie), 400).unwrap();
    assert!(pie.contains("only: 42 (100%)"));
    assert_eq!(pie.matches("a1").count() + pie.matches("a9").count(), 2, "two half circles: {pie}");
}

#[test]
fn bands_and_whiskers_are_drawn_but_are_no_marks() {
    let mut one = series("x", &[1.0, 2.0, 3.0]);
    one.band = Some((vec![Some(0.0), None, Some(2.0)], vec![Some(2.0), Some(3.0), Some(9.0)]));
    let chart = |kind| Chart { kind, categories: words("a,b,c"), series: vec![one.clone()], ..Chart::default() };
    let line = svg(&chart(Kind::Line), 400).unwrap();
    assert_eq!((count(&line), line.matches("pale band").count()), (3, 2));
    let bar = svg(&chart(Kind::Bar), 400).unwrap();
    assert_eq!((count(&bar), bar.matches("class=\"whisker\"").count()), (3, 2));
}

#[test]
fn marks_take_the_focus_only_while_they_are_few() {
    let chart = |many: u32| Chart {
        kind: Kind::Line,
        x_numbers: Some((0..many).map(f64::from).collect()),
        series: vec![series("", &(0..many).map(f64::from).collect::<Vec<_>>())],
        ..Chart::default()
    };
    assert_eq!(svg(&chart(200), 600).unwrap().matches("tabindex").count(), 200);
    let many = svg(&chart(201), 600).unwrap();
    assert_eq!((many.matches("tabindex").count(), count(&many)), (0, 201));
}
