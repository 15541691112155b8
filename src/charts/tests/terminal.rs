//! Charts in characters: never wider than the terminal, and nothing lost without colour.

use super::*;

fn plain(text: &str) -> String {
    let mut result = String::new();
    for (index, part) in text.split('\u{1b}').enumerate() {
        result.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    result
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for kind in Kind::ALL {
        for columns in [20, 33, 80, 200] {
            let mut chart = example(kind);
            chart.title = "各城市客户数与营业收入按月份统计的一览图表（二〇二四年）".to_owned();
            chart.categories.iter_mut().for_each(|category| *category = format!("客户{category}画像"));
            for colour in [false, true] {
                let text = match terminal(&chart, columns, colour) {
                    Ok(text) => plain(&text),
                    Err(error) => {
                        assert!(kind == Kind::Heatmap && error.to_string().contains("widen it"), "{kind} {columns}: {error}");
                        continue;
                    }
                };
                for line in text.lines() {
                    assert!(text::columns(line) <= columns, "{kind} at {columns}: {line}");
                    assert_eq!(line.trim_end(), line, "{kind} at {columns}");
                }
            }
        }
    }
}

#[test]
fn colour_only_adds_colour() {
    for kind in [Kind::Bar, Kind::Pie, Kind::Heatmap, Kind::Histogram, Kind::Sankey] {
        let (grey, colourful) = (terminal(&example(kind), 80, false).unwrap(), terminal(&example(kind), 80, true).unwrap());
        assert!(!grey.contains('\u{1b}') && colourful.contains("\u{1b}[38;5;"), "{kind}");
        let trimmed: String = plain(&colourful).lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
        assert_eq!(trimmed, grey, "{kind}");
    }
}

#[test]
fn bars_are_as_long_as_their_values() {
    let chart = Chart { categories: words("上海,北京,b"), series: vec![series("", &[40.0, 20.0, 10.0])], ..Chart::default() };
    assert_eq!(
        terminal(&chart, 30, false).unwrap(),
        "上海 ██████████████████████ 40\n北京 ███████████            20\nb    █████▌                 10\n"
    );
    let chart = Chart { categories: words("a,b,c"), series: vec![series("", &[4.0, -4.0, f64::NAN])], ..Chart::default() };
    let text = terminal(&chart, 24, false).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].matches('█').count(), lines[1].matches('█').count());
    assert!(lines[1].ends_with("-4") && lines[2].ends_with('–'), "{text}");
}

#[test]
fn several_lines_without_colour_stand_one_above_the_other() {
    let text = terminal(&example(Kind::Line), 60, false).unwrap();
    assert!(text.contains("\nshop\n") && text.contains("\napp\n"), "{text}");
    assert!(text.contains(|one: char| ('\u{2801}'..='\u{28ff}').contains(&one)));
    assert!(text.trim_end().ends_with("April") && text.contains("January"));
    let colourful = plain(&terminal(&example(Kind::Line), 60, true).unwrap());
    assert!(colourful.contains("━ shop  ━ app"));
}

#[test]
fn heat_maps_show_what_is_below_zero_without_colour() {
    let chart = Chart {
        kind: Kind::Heatmap,
        categories: (0..10).map(|column| format!("{column}")).collect(),
        series: vec![series("行", &[-1.0, 1.0, 0.0, f64::NAN, 0.5, 0.5, 0.5, 0.5, -0.5, 0.1])],
        ..Chart::default()
    };
    let text = terminal(&chart, 36, false).unwrap();
    let row = text.lines().find(|line| line.starts_with('行')).unwrap();
    assert_eq!(row, "行 -█  █  ·     ▒  ▒  ▒  ▒ -▒  ░");
    assert_eq!(
        terminal(&chart, 25, false).unwrap_err().to_string(),
        "a heat map of 10 columns needs a terminal at least 33 wide, got 25: widen it, or draw it as SVG"
    );
    assert_eq!(
        terminal(&chart, 19, false).unwrap_err().to_string(),
        "a chart needs at least 20 columns, got 19: widen the terminal"
    );
}
