//! Words: escaped, in the reader's language, as long as there is room, and whole in the titles.

use super::*;

#[test]
fn text_is_escaped_and_holds_nothing_xml_forbids() {
    let nasty = "<script>alert(\"1\")</script> & \u{0}\u{1b}[31m\u{7}\u{202e}\u{ffff}\tend";
    for kind in Kind::ALL {
        let mut chart = example(kind);
        chart.title = nasty.to_owned();
        chart.x_name = nasty.to_owned();
        chart.y_name = nasty.to_owned();
        for name in chart.categories.iter_mut().chain(chart.series.iter_mut().map(|series| &mut series.name)) {
            *name = format!("{nasty} {name}");
        }
        for link in &mut chart.links {
            link.0 = format!("{nasty} {}", link.0);
            link.1 = format!("{nasty} {}", link.1);
        }
        let picture = svg(&chart, 600).unwrap();
        assert_eq!(xml::check(&picture), Ok(()), "{kind}");
        let page = html(&chart).unwrap();
        for text in [&picture, &page] {
            assert!(
                !text.contains("<script") && text.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; "),
                "{kind}"
            );
            assert!(!text.contains(['\u{0}', '\u{1b}', '\u{7}', '\u{202e}', '\u{ffff}']), "{kind}");
        }
        let shown = terminal(&chart, 200, false).unwrap();
        assert!(!shown.contains(|one: char| one.is_control() && one != '\n'), "{kind}: {shown:?}");
    }
}

#[test]
fn every_picture_is_described() {
    let picture = svg(&example(Kind::Bar), 600).unwrap();
    let root = picture.split_once('>').unwrap().0;
    assert!(root.contains("role=\"img\""));
    let ids = root.split_once("aria-labelledby=\"").unwrap().1.split_once('"').unwrap().0;
    let (title, description) = ids.split_once(' ').unwrap();
    assert!(picture.contains(&format!("<title id=\"{title}\">Revenue</title>")));
    assert!(picture.contains(&format!(
        "<desc id=\"{description}\">Bar chart of CNY by month: 6 values in 2 series, from 0 (March · app) to 1,234.5 (January · shop); 2 gaps.</desc>"
    )));
    let chinese = svg(&Chart { language: Language::Zh, ..example(Kind::Funnel) }, 600).unwrap();
    assert!(chinese.contains("漏斗图（按month的CNY）：3 个值，最小 7（April），最大 1,234.5（January），缺 1 个值。"));
    let untitled = svg(&Chart { title: " ".to_owned(), ..example(Kind::Pie) }, 600).unwrap();
    assert!(untitled.contains(">Pie chart</title>"));
}

#[test]
fn different_charts_on_a_page_have_different_ids() {
    let id = |chart: &Chart| svg(chart, 600).unwrap().split_once("aria-labelledby=\"").unwrap().1[..22].to_owned();
    assert_ne!(id(&example(Kind::Bar)), id(&example(Kind::Line)));
    assert_ne!(id(&example(Kind::Bar)), id(&Chart { title: "Costs".to_owned(), ..example(Kind::Bar) }));
}

#[test]
fn titles_show_numbers_in_full() {
    let cases = [
        (0.0, "0"),
        (-0.0, "0"),
        (1_234_567.891, "1,234,567.89"),
        (-9_876.5, "-9,876.5"),
        (999.999, "1,000"),
        (123_456_789_012.0, "123,456,789,012"),
        (0.123_456, "0.1235"),
        (0.000_123_4, "0.0001234"),
        (1e300, "1e300"),
        (-2.5e-9, "-2.5e-9"),
    ];
    for (value, text) in cases {
        assert_eq!(number::exact(value), text);
    }
}

#[test]
fn short_numbers_have_units() {
    let cases = [
        (12.0, "12", "12"),
        (1_234.5, "1,235", "1,235"),
        (9_999.6, "10K", "1万"),
        (12_345.0, "12.3K", "1.23万"),
        (999_990.0, "1M", "100万"),
        (1_234_567.0, "1.23M", "123万"),
        (-123_456_789.0, "-123M", "-1.23亿"),
        (98_000_000.0, "98M", "9,800万"),
        (5e12, "5T", "5万亿"),
        (1e20, "1e20", "1e20"),
        (0.083_33, "0.0833", "0.0833"),
    ];
    for (value, english, chinese) in cases {
        assert_eq!(number::compact(value, Language::En), english);
        assert_eq!(number::compact(value, Language::Zh), chinese);
    }
}

#[test]
fn axes_have_round_ticks_with_one_unit() {
    let labels = |low, high, whole, language| axis::Axis::new(low, high, 5, whole).labels(language);
    assert_eq!(labels(0.0, 9.3, false, Language::En), ["0", "2", "4", "6", "8", "10"]);
    assert_eq!(labels(0.0, 1.1, false, Language::En), ["0", "0.25", "0.50", "0.75", "1.00", "1.25"]);
    assert_eq!(labels(0.0, 2.0, true, Language::En), ["0", "1", "2"]);
    assert_eq!(labels(0.0, 12.0, true, Language::En), ["0", "5", "10", "15"]);
    assert_eq!(labels(-0.3, 0.3, false, Language::En), ["-0.4", "-0.2", "0", "0.2", "0.4"]);
    assert_eq!(labels(0.0, 1_300_000.0, false, Language::En), ["0", "0.5M", "1.0M", "1.5M"]);
    assert_eq!(labels(0.0, 1_300_000.0, false, Language::Zh), ["0", "50万", "100万", "150万"]);
    assert_eq!(labels(0.0, 480_000_000.0, false, Language::Zh), ["0", "1亿", "2亿", "3亿", "4亿", "5亿"]);
    assert_eq!(labels(1_000_000.0, 1_000_010.0, false, Language::En)[1], "1,000,002");
    assert_eq!(labels(0.0, 1e300, false, Language::En)[1], "2e299");
}

#[test]
fn chinese_counts_double_and_is_elided_by_width() {
    assert_eq!(text::columns("客户a"), 5);
    assert!((text::pixels("客户a", 10.0) - 25.5).abs() < 1e-9);
    assert_eq!(text::elide_columns("客户画像分析", 7), "客户画…");
    assert_eq!(text::elide_columns("客户画像分析", 8), "客户画…");
    assert_eq!(text::elide_columns("客户画像分析", 12), "客户画像分析");
    assert_eq!(text::pad_right("客户", 6), "客户  ");
    assert_eq!(text::elide_pixels("客户画像分析", 40.0, 10.0), "客户画…");
    assert_eq!(text::wrap("one two three four", 60.0, 10.0, 2), ["one two", "three four"]);
    assert_eq!(text::wrap("客户画像客户画像", 40.0, 10.0, 3), ["客户画像", "客户画像"]);
}

#[test]
fn long_labels_are_shortened_and_kept_whole_in_titles() {
    let long = "乌鲁木齐市天山区一个名字很长很长的门店，长到没有地方可以写下";
    for kind in [Kind::Bar, Kind::Line, Kind::Pie, Kind::Radar, Kind::Heatmap, Kind::Funnel, Kind::Treemap] {
        let mut chart = example(kind);
        chart.categories[0] = long.to_owned();
        let picture = svg(&chart, 360).unwrap();
        assert!(picture.contains(&format!("{long}</title>")) || picture.contains(&format!("<title>{long}")), "{kind}");
        assert!(!picture.contains(&format!(">{long}</text>")), "{kind}");
    }
}

#[test]
fn bars_lie_down_when_labels_are_long_or_many() {
    let lying = |chart: &Chart| {
        let picture = svg(chart, 600).unwrap();
        let heights: Vec<&str> = picture
            .split("class=\"mark\"")
            .skip(1)
            .map(|rest| rest.split_once(" height=\"").unwrap().1.split_once('"').unwrap().0)
            .collect();
        heights.windows(2).all(|pair| pair[0] == pair[1])
    };
    let chart = |places: u32, word: &str, dates| Chart {
        categories: (0..places).map(|place| format!("{word}{place}")).collect(),
        series: vec![series("", &(1..=places).map(f64::from).collect::<Vec<_>>())],
        x_is_date: dates,
        ..Chart::default()
    };
    assert!(!lying(&chart(12, "c", false)));
    assert!(lying(&chart(13, "c", false)));
    assert!(lying(&chart(5, "a long name of a category ", false)));
    assert!(!lying(&chart(60, "2024-01-", true)), "dates stay in a row, with every n-th label");
}
