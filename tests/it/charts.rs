//! Charts of what is seldom: rows without a date, times in a zone, infinite numbers, counts.

use crate::support::{rows, session_with, try_rows};
use portraitdb::{Engine, EngineOptions, Session};

/// A session in an empty folder.
fn drawing() -> (tempfile::TempDir, Engine, Session) {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = session_with(EngineOptions { base: Some(folder.path().into()), ..EngineOptions::default() });
    (folder, engine, session)
}

/// The titles of the marks of a chart.
fn marks((folder, engine, session): &(tempfile::TempDir, Engine, Session), query: &str, options: &str) -> Vec<String> {
    rows(engine, session, &format!("COPY ({query}) TO 'a.svg'{options}"));
    let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
    let marks = picture.split("class=\"mark\"").skip(1);
    marks.map(|mark| mark.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0.to_string()).collect()
}

#[test]
fn rows_without_a_date_are_drawn_beside_the_dates() {
    let drawing = drawing();
    let query =
        "SELECT * FROM (VALUES (DATE '2025-02-01', 3), (NULL, 2), (DATE '2025-01-01', 1), (DATE '1960-01-01', 4)) AS t(day, n)";
    for kind in ["line", "area", "bar", "heatmap"] {
        let found = marks(&drawing, query, &format!(" (CHART {kind})"));
        assert_eq!(found, ["1960-01-01 · n: 4", "2025-01-01 · n: 1", "2025-02-01 · n: 3", "NULL · n: 2"], "{kind}");
    }
}

/// Keys are names of rows, and no measure.
#[test]
fn keys_are_not_measured() {
    let drawing = drawing();
    let top = "SELECT value AS customer_id, value * 10 AS total FROM generate_series(1, 3)";
    assert_eq!(marks(&drawing, top, ""), ["1 · total: 10", "2 · total: 20", "3 · total: 30"]);
    // Many rows are a distribution.
    let all = "SELECT value AS order_id, value % 3 AS pieces FROM generate_series(1, 90)";
    assert_eq!(marks(&drawing, all, ""), ["0 – 1: 30", "1 – 2: 30", "2 – 3: 30"]);
    let days = "SELECT DATE '2025-01-01' + value AS day, value AS order_id, value AS amount FROM generate_series(1, 2)";
    assert_eq!(marks(&drawing, days, ""), ["2025-01-02 · amount: 1", "2025-01-03 · amount: 2"]);
    // A key alone is drawn all the same.
    assert_eq!(marks(&drawing, "SELECT 'a' AS name, 7 AS id", ""), ["a · id: 7"]);
}

#[test]
fn times_are_those_of_their_zone() {
    let drawing = drawing();
    let (_, engine, session) = &drawing;
    rows(engine, session, "SET TIME ZONE 'Asia/Shanghai'");
    let query =
        "SELECT TIMESTAMPTZ '2025-01-01 00:00:00+08' + value * INTERVAL '1 day' AS at, value AS n FROM generate_series(0, 1)";
    assert_eq!(marks(&drawing, query, " (CHART line)"), ["2025-01-01 · n: 0", "2025-01-02 · n: 1"]);
}

#[test]
fn bars_of_dates_stand_in_a_row() {
    let drawing = drawing();
    let query = "SELECT DATE '2025-01-01' + value AS day, value AS n FROM generate_series(1, 40)";
    assert_eq!(marks(&drawing, query, " (CHART bar)").len(), 40);
    let picture = std::fs::read_to_string(drawing.0.path().join("a.svg")).unwrap();
    // A label at each n-th date; lying bars have one each.
    assert!(picture.contains("class=\"across\"") && picture.matches("2025-").count() < 60, "{picture}");
}

/// The lines of a chart: how many pieces there are.
fn pieces(drawing: &(tempfile::TempDir, Engine, Session), query: &str) -> usize {
    marks(drawing, query, " (CHART line)");
    let picture = std::fs::read_to_string(drawing.0.path().join("a.svg")).unwrap();
    picture.matches("class=\"run\"").count()
}

/// Two customers who are seen on other days have a line each; a day without a value ends it.
#[test]
fn lines_go_on_over_days_that_others_have() {
    let drawing = drawing();
    let days = "SELECT DATE '2025-01-01' + CAST(value AS INT) AS day, CASE WHEN value <> 9 THEN value END AS n, 'c' || value % 2 AS customer
                FROM generate_series(1, 20)";
    // Two of them are in the legend.
    assert_eq!(pieces(&drawing, &days.replace("value <> 9", "true")), 4);
    assert_eq!(pieces(&drawing, days), 5);
}

#[test]
fn an_axis_of_days_has_no_hours() {
    let drawing = drawing();
    for count in [1, 2, 3, 7] {
        let query = format!("SELECT DATE '2025-01-01' + CAST(value AS INT) AS day, value AS n FROM generate_series(1, {count})");
        assert_eq!(marks(&drawing, &query, " (CHART line)").len(), count);
        let picture = std::fs::read_to_string(drawing.0.path().join("a.svg")).unwrap();
        assert!(picture.contains(">2025-01-02<") && !picture.contains(":00<"), "{picture}");
    }
}

#[test]
fn whole_numbers_are_counted_in_bins_of_whole_numbers() {
    let drawing = drawing();
    let found = marks(&drawing, "SELECT value % 5 AS v FROM generate_series(1, 100)", "");
    assert_eq!(found, ["0 – 1: 20", "1 – 2: 20", "2 – 3: 20", "3 – 4: 20", "4 – 5: 20"]);
    let found = marks(&drawing, "SELECT (value % 5) / 2.0 AS v FROM generate_series(1, 100)", "");
    assert!(found.len() > 5, "{found:?}");
}

#[test]
fn infinite_numbers_are_named_and_not_left_out() {
    let drawing = drawing();
    let (_, engine, session) = &drawing;
    for (query, kind) in [
        (
            "SELECT CASE WHEN value = 3 THEN CAST('Infinity' AS DOUBLE) ELSE value END AS v FROM generate_series(1, 9)",
            "histogram",
        ),
        (
            "SELECT CASE WHEN value = 3 THEN CAST('-Infinity' AS DOUBLE) ELSE value END AS v, value AS n FROM generate_series(1, 9)",
            "scatter",
        ),
        (
            "SELECT value AS n, CASE WHEN value = 3 THEN CAST('Infinity' AS DOUBLE) ELSE value END AS v FROM generate_series(1, 9)",
            "line",
        ),
    ] {
        let error = try_rows(engine, session, &format!("COPY ({query}) TO 'a.svg' (CHART {kind})")).unwrap_err();
        assert!(error.contains("inf, which cannot be drawn: use NULL for a gap, or filter it out"), "{kind}: {error}");
    }
}
