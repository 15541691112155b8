//! Reports in a browser: what a reader sees on a phone and at a desk, in the light, in the dark and on paper.
//!
//! `PORTRAIT_GOLDEN=write cargo test --test it browser` accepts what the screenshots show. Look at them first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};

use crate::reports::shop;
use crate::support::{rows, session, shared_data, skipped};

/// A page that measures another one, in a frame: a browser's window is never as narrow as a phone.
const LOOK: &str = include_str!("look.html");

/// A4 within the margins of a browser, at 96 dots an inch.
const PAPER: u32 = 718;

/// The width and height of the squares whose mean brightness is compared.
const SQUARE: u32 = 16;

/// Needs a browser; says so if there is none.
fn browser() -> Option<&'static str> {
    let is_there = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(is_there);
    if found.is_none() {
        skipped("no chromium is installed; reports are not looked at in a browser");
    }
    found
}

/// Runs a browser on a page; what it writes, and that it logged no error.
fn shown(browser: &str, folder: &Path, page: &Path, is_dark: bool, more: &[String]) -> String {
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]);
    command.args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000"]);
    if is_dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    command.arg(format!("--user-data-dir={}", folder.join("browser").display())).args(more);
    let output = command.arg(format!("file://{}", page.display())).stdin(Stdio::null()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("CONSOLE") && !log.contains("Content Security Policy"), "{log}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A page in a frame, with what is folded opened or not.
fn framed(folder: &Path, page: &str, width: u32, height: u32, is_open: bool) -> PathBuf {
    let frame = folder.join("look.html");
    let text = LOOK.replace("PAGE", page).replace("WIDTH", &width.to_string()).replace("HEIGHT", &height.to_string());
    let text = text.replace("OPEN", &is_open.to_string());
    std::fs::write(&frame, text).unwrap();
    frame
}

/// What [`LOOK`] finds.
fn look(browser: &str, folder: &Path, page: &str, width: u32, is_dark: bool, is_open: bool) -> HashMap<String, String> {
    let frame = framed(folder, page, width, 2000, is_open);
    let document = shown(browser, folder, &frame, is_dark, &["--dump-dom".into()]);
    let found = document.split_once("<pre id=\"found\">").unwrap().1.split("</pre>").next().unwrap();
    assert!(!found.is_empty(), "{document}");
    found
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Looks at a page with light and dark colours, on a phone, at a desk and on paper.
fn look_everywhere(browser: &str, folder: &Path, page: &str) {
    let written = std::fs::read_to_string(folder.join(page)).unwrap();
    // The page as it is printed: the policy allows no other style, and is taken out.
    let (before, policy) = written.split_once("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let printed = format!("{before}{}", policy.split_once('>').unwrap().1).replace("@media print", "@media all");
    std::fs::write(folder.join("printed.html"), printed.replace("@media screen", "@media not all")).unwrap();
    let marks = written.matches("class=\"mark\"").count().to_string();
    let queries = written.matches("class=\"query\"").count().to_string();
    let screens = [(390, false), (390, true), (1440, false), (1440, true)].map(|(width, is_dark)| (page, width, is_dark));
    for (page, width, is_dark) in screens.into_iter().chain([("printed.html", PAPER, false)]) {
        let found = look(browser, folder, page, width, is_dark, page != "printed.html");
        let told = format!("{page} at {width} px, dark: {is_dark}: {found:?}");
        assert_eq!((found["marks"].as_str(), found["queries"].as_str()), (marks.as_str(), queries.as_str()), "{told}");
        assert_eq!(found["requests"], "0", "{told}");
        assert_eq!((found["wide"].as_str(), found["pale"].as_str()), ("", ""), "{told}");
        assert_eq!(found["ground"].parse::<f64>().unwrap() < 0.5, is_dark, "{told}");
        if page == "printed.html" {
            assert_eq!((found["cut"].as_str(), found["split"].as_str()), ("", ""), "{told}");
        }
    }
    let paper = folder.join("report.pdf");
    shown(browser, folder, &folder.join(page), false, &[format!("--print-to-pdf={}", paper.display())]);
    assert!(std::fs::read(paper).unwrap().starts_with(b"%PDF"));
}

#[test]
fn a_report_is_readable_on_every_screen_and_on_paper() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (engine, session) = shop(folder);
    for language in ["zh", "en"] {
        let page = format!("{language}.html");
        let options = format!("language = '{language}', compare_with = DATE '2025-03-31'");
        rows(&engine, &session, &format!("COPY REPORT customer TO '{page}' WITH ({options})"));
        look_everywhere(browser, folder, &page);
    }
}

/// A shop as it is: 38 countries, most of them with few customers, and four thousand products.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn a_report_of_a_real_shop_is_readable_too() {
    let Some(browser) = browser() else { return };
    let Some(file) = shared_data("online_retail/online_retail.parquet") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (engine, session) = session();
    let session = session.with_base(folder);
    let lines = format!(
        "CREATE TABLE lines AS SELECT CAST(\"CustomerID\" AS BIGINT) AS customer_id, \"InvoiceNo\" AS order_id, \"InvoiceDate\" AS ordered_at,
           \"Description\" AS product, \"Country\" AS country, \"Quantity\" AS quantity,
           CAST(\"Quantity\" AS DECIMAL(12, 0)) * CAST(\"UnitPrice\" AS DECIMAL(12, 3)) AS amount
         FROM '{}' WHERE \"UnitPrice\" > 0",
        file.display()
    );
    for statement in [
        lines.as_str(),
        "CREATE TABLE orders AS SELECT order_id, min(customer_id) AS customer_id, min(ordered_at) AS ordered_at,
           CAST(sum(amount) AS DECIMAL(12, 2)) AS amount, CASE WHEN order_id LIKE 'C%' THEN 'cancelled' ELSE 'paid' END AS status
         FROM lines GROUP BY order_id",
        "CREATE TABLE order_items AS SELECT order_id, product, quantity FROM lines WHERE order_id NOT LIKE 'C%'",
        "CREATE PROFILE customer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS
         SELECT customer_id, min(country) AS region FROM lines WHERE customer_id IS NOT NULL GROUP BY customer_id",
        "CREATE TAG bought ON customer AS SELECT customer_id, count(*) FROM orders WHERE status = 'paid' AND customer_id IS NOT NULL GROUP BY customer_id",
        "CREATE SEGMENT regulars ON customer AS bought >= 10",
        "CREATE SEGMENT one_timers ON customer AS bought = 1",
        "CREATE SEGMENT abroad ON customer AS region <> 'United Kingdom'",
        "REFRESH PROFILE customer WITH (as_of = DATE '2011-09-30')",
        "REFRESH PROFILE customer WITH (as_of = DATE '2011-12-09')",
        "COPY REPORT customer TO 'retail.html' WITH (compare_with = DATE '2011-09-30')",
    ] {
        rows(&engine, &session, statement);
    }
    look_everywhere(browser, folder, "retail.html");
    let page = std::fs::read_to_string(folder.join("retail.html")).unwrap();
    for part in ["of the customers are in one region, United Kingdom", "other regions", "offer them together"] {
        assert!(page.contains(part), "no {part}");
    }
}

#[test]
fn every_kind_of_chart_has_as_many_marks_as_rows() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (engine, session) = session();
    let session = session.with_base(folder);
    let shares = "SELECT * FROM (VALUES ('上海', 5), ('north', 4), ('south', 3), ('west', 2), ('east', 1)) AS t(place, n)";
    let grid = "SELECT DATE '2025-01-01' + CAST(m AS INT) AS day, 'm' || m AS measure, 'p' || p AS place, 10 * p + m AS n
                FROM generate_series(1, 4) AS a(p) CROSS JOIN generate_series(1, 6) AS b(m)";
    let flows = "SELECT * FROM (VALUES ('search', 'cart', 30), ('ads', 'cart', 20), ('cart', 'paid', 35), ('cart', 'left', 15)) AS t(came, went, n)";
    for (kind, query, options, expected) in [
        ("bar", shares, "", 5),
        ("line", grid, ", x day, y n, series place", 24),
        ("area", grid, ", x day, y n, series place", 24),
        ("pie", shares, "", 5),
        ("radar", grid, ", x measure, y n, series place", 24),
        ("heatmap", grid, ", x measure, y n, series place", 24),
        ("funnel", shares, "", 5),
        ("sankey", flows, ", x came, series went, y n", 4),
        ("scatter", "SELECT value AS x, value * value AS y FROM generate_series(1, 30)", "", 30),
        // Six bins of ten rows.
        ("histogram", "SELECT value / 10 AS v FROM generate_series(0, 59)", "", 6),
        ("treemap", shares, "", 5),
    ] {
        let page = format!("{kind}.html");
        rows(&engine, &session, &format!("COPY ({query}) TO '{page}' (CHART {kind}{options})"));
        for (width, is_dark) in [(390, false), (1440, true)] {
            let found = look(browser, folder, &page, width, is_dark, true);
            let told = format!("{page} at {width} px: {found:?}");
            // There are two pictures, and one of them is seen.
            let (seen, both) = (expected.to_string(), (2 * expected).to_string());
            assert_eq!((found["marks"].as_str(), found["seen"].as_str()), (both.as_str(), seen.as_str()), "{told}");
            assert_eq!((found["requests"].as_str(), found["wide"].as_str(), found["cut"].as_str()), ("0", "", ""), "{told}");
        }
    }
}

/// Needs the font too that the screenshots were made with.
#[test]
fn a_report_looks_as_it_did() {
    let Some(browser) = browser() else { return };
    let fonts = Command::new("fc-list").output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if !fonts.is_ok_and(|fonts| fonts.contains("Noto Sans CJK")) {
        skipped("fonts-noto-cjk is not installed; screenshots of reports are not compared");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (engine, session) = shop(folder);
    rows(&engine, &session, "COPY REPORT customer TO 'a.html' WITH (language = 'zh')");
    for (name, width, is_dark) in [("phone", 390, false), ("dark", 1440, true)] {
        let height: u32 = look(browser, folder, "a.html", width, is_dark, false)["height"].parse().unwrap();
        let picture = folder.join("a.png");
        let frame = framed(folder, "a.html", width, height, false);
        let more = [format!("--screenshot={}", picture.display()), format!("--window-size={},{height}", width.max(500))];
        shown(browser, folder, &frame, is_dark, &more);
        let now = squares(&Pixmap::decode_png(&std::fs::read(&picture).unwrap()).unwrap(), width);
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/golden/{name}.png"));
        if std::env::var("PORTRAIT_GOLDEN").is_ok_and(|what| what == "write") {
            std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
            std::fs::write(&golden, now.encode_png().unwrap()).unwrap();
            continue;
        }
        let then = Pixmap::decode_png(&std::fs::read(&golden).unwrap()).unwrap();
        let grown = f64::from(now.height().abs_diff(then.height())) / f64::from(then.height());
        let pairs = now.pixels().iter().zip(then.pixels());
        let differ = pairs.filter(|(now, then)| now.red().abs_diff(then.red()) > 40).count();
        let share = differ as f64 / then.pixels().len() as f64;
        assert!(now.width() == then.width() && grown < 0.03 && share < 0.1, "{name}: height {grown:.3}, differs {share:.3}");
    }
}

/// The picture's left part of that width, in squares of their mean brightness.
fn squares(picture: &Pixmap, width: u32) -> Pixmap {
    let (across, down) = (width / SQUARE, picture.height() / SQUARE);
    let mut small = Pixmap::new(across, down).unwrap();
    for y in 0..down {
        for x in 0..across {
            let points = (0..SQUARE).flat_map(|dy| (0..SQUARE).map(move |dx| (x * SQUARE + dx, y * SQUARE + dy)));
            let light: u32 = points
                .filter_map(|(x, y)| picture.pixel(x, y))
                .map(|point| (u32::from(point.red()) + u32::from(point.green()) + u32::from(point.blue())) / 3)
                .sum();
            let mean = u8::try_from(light / (SQUARE * SQUARE)).unwrap();
            small.pixels_mut()[(y * across + x) as usize] = PremultipliedColorU8::from_rgba(mean, mean, mean, 255).unwrap();
        }
    }
    small
}
