//! Pages of profiles: what they show, and what they hide. What a browser makes of them is in [`browser`](crate::browser).

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{Copies, Dice, cases, rows, session, session_with, some, try_rows};

const SHOP: &str = "
CREATE VIEW orders AS SELECT * FROM sample_orders(rows => 6000);
CREATE VIEW order_items AS SELECT * FROM sample_order_items(rows => 12000);
CREATE VIEW events AS SELECT * FROM sample_events(rows => 5000);
CREATE PROFILE customer WITH (key = 'customer_id', time_columns = 'orders.ordered_at') AS
  SELECT customer_id, name, phone, gender, province AS region FROM sample_customers(rows => 600);
CREATE TAG spent ON customer AS SELECT customer_id, sum(amount) FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id;
CREATE TAG favourite ON customer AS SELECT customer_id, CASE WHEN spent > 20000 THEN 'big' WHEN spent > 3000 THEN 'middle' ELSE 'small' END FROM profile.customer;
CREATE TAG mobile ON customer AS SELECT customer_id, phone FROM sample_customers(rows => 600);
CREATE SEGMENT big ON customer AS favourite = 'big';
CREATE SEGMENT 小客户 ON customer AS favourite = 'small';
REFRESH PROFILE customer WITH (as_of = DATE '2025-03-31');
REFRESH PROFILE customer WITH (as_of = DATE '2025-06-30')";

fn options(folder: &Path, partitions: usize) -> EngineOptions {
    EngineOptions { base: Some(folder.into()), partitions: Some(partitions), ..EngineOptions::default() }
}

fn make_shop(engine: &Engine, session: &Session) {
    for statement in SHOP.split(";\n") {
        rows(engine, session, statement);
    }
}

/// The shop, with its two refreshes; made once, on disk, and copied into the folder.
pub fn shop(folder: &Path) -> (Engine, Session) {
    static SHOPS: LazyLock<Copies> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("crm");
        let (engine, session) = session_with(EngineOptions { database: Some(database.clone()), ..options(folder.path(), 2) });
        make_shop(&engine, &session);
        drop((engine, session));
        Copies::of(&database)
    });
    let database = folder.join("crm");
    SHOPS.write(&database);
    session_with(EngineOptions { database: Some(database), ..options(folder, 2) })
}

/// The parts between two texts, for each occurrence.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split_once(to)).map(|(found, _)| found).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The texts of the cells of a row.
fn cells_of(row: &str) -> Vec<&str> {
    row.split("<td").skip(1).filter_map(|cell| cell.split_once('>')?.1.strip_suffix("</td>")).collect()
}

/// Whether a cell of a page, which is written for people, is a value of a query. What is masked or suppressed may be any value.
fn is_same(shown: &str, found: &str) -> bool {
    let number = |text: &str| text.replace(',', "").replace('−', "-").parse::<f64>().ok();
    let shown = shown.trim();
    if shown == "–" {
        return found == "NULL" || found == "NaN";
    }
    if shown == "·" || shown.starts_with("< ") || shown.starts_with("> ") || shown.contains('*') {
        return true;
    }
    match (shown.strip_suffix('%').and_then(number), number(shown), number(found)) {
        (Some(percent), _, Some(share)) => (percent / 100.0 - share).abs() < 0.00051,
        (None, Some(shown), Some(value)) => (shown - value).abs() < if value.abs() >= 1000.0 { 0.51 } else { 0.0051 },
        _ => shown == found,
    }
}

#[test]
fn a_report_is_the_same_bytes_and_loads_nothing() {
    let mut pages = vec![];
    for partitions in [1, 7] {
        let folder = tempfile::tempdir().unwrap();
        let (engine, session) = session_with(options(folder.path(), partitions));
        make_shop(&engine, &session);
        for file in some(["a.html", "b.html"], 1) {
            rows(&engine, &session, &format!("COPY REPORT customer TO '{file}' WITH (compare_with = DATE '2025-03-31')"));
            // Only the time of the refresh differs from run to run.
            let page = std::fs::read_to_string(folder.path().join(file)).unwrap();
            let refreshed = between(&page, "(UTC), refreshed ", ".</p>")[0].to_string();
            pages.push(page.replace(&refreshed, "then"));
        }
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let page = &pages[0];
    for loads in ["<script", "<link", "<img", "url(", "@import", " style=", " src="] {
        assert!(!page.contains(loads), "{loads}");
    }
    let places = between(page, "http", "\"");
    assert!(places.iter().all(|place| *place == "://www.w3.org/2000/svg" || place.starts_with("-equiv")), "{places:?}");
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.len() < 3_000_000);
    // More provinces than a pie has slices are bars.
    let regions = page.split("<section id=\"020_region\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(!page.contains("has at most") && regions.contains("<figure>") && regions.contains("Bar chart"), "{regions}");
}

#[test]
fn the_queries_of_a_report_give_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    rows(&engine, &session, "COPY REPORT customer TO 'a.html'");
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    let mut looked_at = 0;
    for section in page.split("<section id=\"").skip(1).filter(|section| section.contains("class=\"query\"")) {
        let (name, _) = section.split_once('"').unwrap();
        let query = unescaped(between(section, "<pre><code>", "</code></pre>")[0]);
        let found = rows(&engine, &session, &query);
        // A table row for each row of the query, or one row of figures.
        let shown = section.matches("<tr>").count().saturating_sub(1);
        let is_figures = section.contains("<dl class=\"figures\">");
        assert_eq!(if is_figures { 1 } else { shown }, found.len().min(200), "{name}: {query}");
        // Each number of the page is that of the query.
        let cells = match is_figures {
            true => vec![between(section, "<dd class=\"mark\">", "</dd>")],
            false => between(section, "<tbody>", "</tbody>")
                .first()
                .map_or_else(Vec::new, |table| between(table, "<tr>", "</tr>").into_iter().map(cells_of).collect()),
        };
        for (shown, found) in cells.iter().zip(&found) {
            for (shown, found) in shown.iter().zip(found.split('|')) {
                assert!(is_same(&unescaped(shown), found), "{name}: {shown} is shown, {found} is found");
            }
        }
        looked_at += 1;
    }
    assert!(looked_at > 8, "{looked_at} sections");
    let customers = between(&page, "<dt>customers</dt><dd class=\"mark\">", "</dd>")[0].trim().to_string();
    assert_eq!(customers, rows(&engine, &session, "SELECT count(*) FROM profile.customer")[0]);
}

#[test]
fn sections_compute_what_they_have_in_common_once() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    std::fs::create_dir(folder.path().join("own")).unwrap();
    for (name, query) in
        [("500_a", "SELECT random() AS drawn"), ("501_b", "SELECT random() AS drawn"), ("502_c", "SELECT random() + 0 AS drawn")]
    {
        let section = format!(
            "-- title: {name}\n-- title.zh: {name}\nWITH r AS MATERIALIZED ({query}) SELECT CAST(drawn AS TEXT) AS drawn FROM r"
        );
        std::fs::write(folder.path().join(format!("own/{name}.sql")), section).unwrap();
    }
    rows(&engine, &session, "COPY REPORT customer TO 'a.html' WITH (sections = 'own')");
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    let drawn = |name: &str| {
        let section = page.split(&format!("<section id=\"{name}\"")).nth(1).unwrap();
        between(section, "<td>", "</td>")[0].to_string()
    };
    assert_eq!(drawn("500_a"), drawn("501_b"));
    assert_ne!(drawn("500_a"), drawn("502_c"));
}

#[test]
fn small_groups_are_suppressed_and_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    let own = "-- title: Regions\n-- title.zh: 地区\n-- chart: bar\n-- x: region\n-- y: customers\n-- count: customers\n\
               -- say: customers > 0\n-- say.en: {region} has {customers}.\n-- most: 100\n\
               SELECT * FROM (VALUES ('large', 500), ('middle', 90), ('tiny', 3)) AS t(region, customers)";
    std::fs::create_dir(folder.path().join("own")).unwrap();
    std::fs::write(folder.path().join("own/020_region.sql"), own).unwrap();
    rows(&engine, &session, "COPY REPORT customer TO 'a.html' WITH (sections = 'own')");
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    let section = page.split("<section id=\"020_region\"").nth(1).unwrap().split("</section>").next().unwrap();
    // The smallest group, and the next one, because otherwise the smallest could be computed from the total.
    assert_eq!(section.matches("&lt; 5").count(), 2, "{section}");
    assert!(section.contains("500") && !section.contains(">90<") && !section.contains(">3<"));
    assert_eq!(section.matches("class=\"mark\"").count(), 1);
    assert!(section.contains("large has 500.") && !section.contains("tiny has") && !section.contains("middle has"));
    // Nor does the distribution of a tag show what few customers have.
    let phone = "SELECT phone FROM profile.customer WHERE phone IS NOT NULL GROUP BY phone ORDER BY count(*) DESC, phone LIMIT 1";
    assert!(!page.contains(&rows(&engine, &session, phone)[0]));
    let member = rows(
        &engine,
        &session,
        "SELECT customer_id, name, phone FROM profile.customer WHERE name IS NOT NULL AND phone IS NOT NULL ORDER BY 1 LIMIT 1",
    );
    let parts: Vec<&str> = member[0].split('|').collect();
    rows(&engine, &session, &format!("COPY CARD customer FOR {} TO 'card.html'", parts[0]));
    let card = std::fs::read_to_string(folder.path().join("card.html")).unwrap();
    assert!(!card.contains(parts[1]) && !card.contains(parts[2]), "{} is on the card", parts[1]);
    assert!(card.contains(&parts[1].chars().next().unwrap().to_string()));
}

#[test]
fn what_is_wrong_with_a_report_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let wrong = |statement: &str, expected: &str| {
        let error = try_rows(&engine, &session, statement).unwrap_err();
        assert!(error.contains(expected), "{statement}: {error}");
    };
    wrong("COPY REPORT custome TO 'a.html'", "perhaps \"customer\" is meant");
    wrong("COPY REPORT customer TO 'a.pdf'", "whose name ends in .html; got 'a.pdf'");
    wrong("COPY REPORT customer TO 'a.html' WITH (langage = 'zh')", "no such option: langage; perhaps \"language\" is meant");
    wrong("COPY REPORT customer TO 'a.html' WITH (language = 'fr')", "language");
    wrong("COPY REPORT customer TO 'a.html' WITH (smallest = 0)", "smallest");
    wrong("COPY REPORT customer TO 'a.html' WITH (as_of = DATE '2020-01-01')", "has no refresh as of 2020-01-01");
    wrong("COPY REPORT customer TO 'a.html' WITH (compare_with = DATE '2026-01-01')", "leads to the same refresh");
    wrong(
        "COPY REPORT customer TO 'a.html' WITH (as_of = DATE '2025-03-31', compare_with = DATE '2025-06-30')",
        "after that of the report",
    );
    wrong("COPY REPORT customer TO 'a.html' WITH (sections = 'nowhere')", "cannot be read");
    wrong("COPY REPORT customer TO 'nowhere/a.html'", "does not exist");
    wrong("COPY CARD customer FOR 'abc' TO 'a.html'", "'abc' is of another type than the key \"customer_id\"");
    wrong("COPY nothing TO 'a.svg'", "nothing: no such table");
    wrong("COPY CARD customer FOR 999999 TO 'a.html'", "there is no member 999999");
    std::fs::write(own.join("500_own.sql"), "-- title: A\n-- chart: cake\nSELECT 1 AS a").unwrap();
    wrong("COPY REPORT customer TO 'a.html' WITH (sections = 'own')", "500_own.sql:2: ");
    assert!(!folder.path().join("a.html").exists());
    // A report only reads.
    for statement in ["COPY orders TO 'written.csv'", "CREATE TABLE written AS SELECT 1 AS a", "DELETE FROM orders"] {
        std::fs::write(own.join("500_own.sql"), format!("-- title: Mine\n{statement}")).unwrap();
        rows(&engine, &session, "COPY REPORT customer TO 'b.html' WITH (sections = 'own')");
        let page = std::fs::read_to_string(folder.path().join("b.html")).unwrap();
        assert!(page.contains("<b>Mine</b>: ") && page.contains("is not a query"), "{statement}");
        assert!(!folder.path().join("written.csv").exists());
    }
    // If a query fails, its section is left out, and the page says why.
    std::fs::write(own.join("500_own.sql"), "-- title: Mine\nSELECT no_such_column FROM $members").unwrap();
    rows(&engine, &session, "COPY REPORT customer TO 'a.html' WITH (sections = 'own')");
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert!(page.contains("<b>Mine</b>: ") && page.contains("no_such_column: no such column"));
}

#[test]
fn charts_are_pictures_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    let by_month =
        "SELECT CAST(date_trunc('month', ordered_at) AS DATE) AS month, status, count(*) AS orders FROM orders GROUP BY 1, 2";
    let count = rows(&engine, &session, by_month).len();
    for (options, marks) in [
        ("", count),
        (" (CHART line, X month, Y orders, SERIES status, TITLE '订单')", count),
        (" (CHART 'heatmap', X month, Y 'orders', SERIES status)", count),
    ] {
        rows(&engine, &session, &format!("COPY ({by_month}) TO 'a.svg'{options}"));
        let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
        assert_eq!(picture.matches("class=\"mark\"").count(), marks, "{options}");
        rows(&engine, &session, &format!("COPY ({by_month}) TO 'b.svg'{options}"));
        assert_eq!(picture, std::fs::read_to_string(folder.path().join("b.svg")).unwrap());
    }
    // A scatter chart has numbers or dates across; a text with few values is its series.
    let points = "SELECT CASE WHEN value % 2 = 0 THEN 'a' ELSE 'b' END AS kind, DATE '2025-01-01' + value AS day, value AS x, value * value AS y FROM generate_series(1, 9)";
    rows(&engine, &session, &format!("CREATE TABLE points AS {points}"));
    for (query, options, marks) in [
        ("SELECT kind, x, y FROM points", "", 9),
        ("SELECT 'p' || x AS name, x, y FROM points", "", 9),
        ("SELECT day, y FROM points", "", 9),
        ("SELECT x, y, x + 1 AS z FROM points", ", X x, Y (y, z)", 18),
    ] {
        rows(&engine, &session, &format!("COPY ({query}) TO 'a.svg' (CHART scatter{options})"));
        let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
        assert_eq!(picture.matches("class=\"mark\"").count(), marks, "{query}");
    }
    // A histogram counts the values of one column, and does not draw rows as bins.
    for (query, options, bins) in [
        ("SELECT 'p' || x AS name, x FROM points", "", true),
        ("SELECT kind, x FROM points", "", true),
        ("SELECT x, y FROM points", ", Y y", true),
        ("SELECT x, y FROM points", "", false),
    ] {
        let drawn = try_rows(&engine, &session, &format!("COPY ({query}) TO 'a.svg' (CHART histogram{options})"));
        assert_eq!(drawn.is_ok(), bins, "{query}: {drawn:?}");
        let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
        assert!(!bins || picture.contains("Histogram of rows"), "{query}");
    }
    // With numbers only, the first is across where it differs in each row.
    for kind in ["bar", "line", "pie"] {
        rows(&engine, &session, &format!("COPY (SELECT 2000 + x AS year, y FROM points) TO 'a.svg' (CHART {kind})"));
        let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
        assert_eq!(picture.matches("class=\"mark\"").count(), 9, "{kind}");
        assert!(picture.contains("of y by year"), "{kind}");
    }
    // A chart of shares has one series, and a second text is none.
    for kind in ["pie", "funnel", "treemap"] {
        let query = "SELECT 'p' || x AS name, kind, y, x FROM points";
        rows(&engine, &session, &format!("COPY ({query}) TO 'a.svg' (CHART {kind})"));
        let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
        assert_eq!(picture.matches("class=\"mark\"").count(), 9, "{kind}");
        let refused = try_rows(&engine, &session, &format!("COPY ({query}) TO 'a.svg' (CHART {kind}, SERIES kind)"));
        assert!(refused.unwrap_err().to_string().contains("has one series, got 2"), "{kind}");
    }
    rows(&engine, &session, "COPY (SELECT amount FROM orders) TO 'amounts.html' (TITLE 'Amounts')");
    let page = std::fs::read_to_string(folder.path().join("amounts.html")).unwrap();
    let counted: f64 = between(&page, "<td>", "</td>").iter().map(|cell| cell.replace(',', "").parse::<f64>().unwrap()).sum();
    assert_eq!(format!("{counted}"), rows(&engine, &session, "SELECT count(amount) FROM orders")[0]);
    match try_rows(&engine, &session, "COPY (SELECT status, count(*) AS n FROM orders GROUP BY 1) TO 'a.png'") {
        Ok(_) => assert!(std::fs::read(folder.path().join("a.png")).unwrap().starts_with(b"\x89PNG")),
        Err(error) => assert!(error.contains("has no fonts"), "{error}"),
    }
    for (statement, expected) in [
        (format!("COPY ({by_month}) TO 'c.svg' (CHART 'cake')"), "kind must be one of"),
        (format!("COPY ({by_month}) TO 'c.svg' (CHART bar, Y nothing)"), "no column nothing; there is month, status, orders"),
        (format!("COPY ({by_month}) TO 'c.svg' (CHART bar, Y status)"), "y must be a column of numbers"),
        (format!("COPY ({by_month}) TO 'c.svg' (CHART bar, SERIEN status)"), "perhaps \"series\" is meant"),
        (format!("COPY ({by_month}) TO 'c.svg' (CHART bar, WIDTH 7)"), "width must be from 240 to 4096, got 7"),
        ("COPY (SELECT status, order_id FROM orders) TO 'c.svg' (CHART bar)".into(), "two rows belong to"),
        ("COPY (SELECT status FROM orders) TO 'c.svg'".into(), "no column of numbers is left"),
        ("COPY (SELECT kind, y FROM points) TO 'c.svg' (CHART scatter, X kind)".into(), "needs numbers across"),
        ("COPY (SELECT kind, y FROM points) TO 'c.svg' (CHART scatter)".into(), "needs numbers across"),
        ("COPY (SELECT day FROM points) TO 'c.svg' (CHART scatter)".into(), "no column of numbers is left"),
        ("COPY (SELECT * FROM generate_series(1, 30000)) TO 'c.svg'".into(), "more than 20000 rows"),
    ] {
        let error = try_rows(&engine, &session, &statement).unwrap_err();
        assert!(error.contains(expected), "{statement}: {error}");
    }
    assert!(!folder.path().join("c.svg").exists());
}

/// Data with a known truth: the members of a segment then and now, and the spending of members and others.
#[test]
fn no_sentence_says_what_its_numbers_do_not() {
    const EVERYBODY: usize = 1500;
    for case in 0..cases(1, 6) {
        let mut dice = Dice(case);
        let drawn = |dice: &mut Dice| if dice.chance(30) { dice.below(90) } else { dice.below(EVERYBODY) };
        let (then, now) = (drawn(&mut dice), drawn(&mut dice));
        // In half of the cases, a change that could also be random.
        let now = if dice.chance(50) { (then + dice.below(30)).min(EVERYBODY) } else { now };
        let (own, others) = (dice.between(1, 400), dice.between(1, 100));
        let (engine, session) = session();
        let folder = tempfile::tempdir().unwrap();
        let session = session.with_base(folder.path());
        let sql = |statement: &str| rows(&engine, &session, statement);
        let member =
            |count: usize| format!("SELECT value AS id, value <= {count} AS is_member FROM generate_series(1, {EVERYBODY})");
        sql(&format!("CREATE TABLE state AS {}", member(then)));
        sql("CREATE PROFILE p WITH (key = 'id') AS SELECT id FROM state");
        sql("CREATE TAG is_member ON p AS SELECT id, is_member FROM state");
        sql("CREATE SEGMENT planted ON p AS is_member");
        sql("REFRESH PROFILE p WITH (as_of = DATE '2025-05-31')");
        sql(&format!("CREATE OR REPLACE TABLE state AS {}", member(now)));
        sql("REFRESH PROFILE p WITH (as_of = DATE '2025-06-30')");
        sql(&format!(
            "CREATE TABLE orders AS SELECT value AS customer_id, TIMESTAMP '2025-06-01 10:00:00' AS ordered_at, 'paid' AS status,
             CAST(CASE WHEN value <= {now} THEN {own} ELSE {others} END AS DECIMAL(12, 2)) AS amount FROM generate_series(1, {EVERYBODY})"
        ));
        sql("COPY REPORT p TO 'p.html' WITH (compare_with = DATE '2025-05-31')");
        let page = std::fs::read_to_string(folder.path().join("p.html")).unwrap();
        let told = format!("case {case}: {then} then, {now} now, each {own}, the others {others}");
        let conclusions = page.split("id=\"conclusions\"").nth(1).unwrap().split("</section>").next().unwrap().to_string();
        let says = |text: &str| conclusions.contains(text);
        // With fewer than five members, there is no sentence at all.
        let is_shown = now >= 5;
        let (before, after) = (then as f64, now as f64);
        let beyond_chance = (after - before).abs() > 2.0 * (after + before).sqrt();
        // With fewer than five members then, a comparison would tell how many.
        let compares = is_shown && then >= 5;
        assert_eq!(says("planted has grown from"), compares && now > then && beyond_chance, "{told}: {conclusions}");
        assert_eq!(says("planted has shrunk from"), compares && now < then && beyond_chance, "{told}: {conclusions}");
        assert_eq!(says("which may be chance"), compares && now != then && !beyond_chance, "{told}: {conclusions}");
        assert_eq!(says("too few to act on"), is_shown && now < 50, "{told}: {conclusions}");
        let customers = after / EVERYBODY as f64;
        let sales = after * own as f64 / (after * own as f64 + (EVERYBODY as f64 - after) * others as f64);
        let brings = now >= 50 && sales >= 1.5 * customers && sales >= 0.1;
        let percent = |share: f64| format!("{:.1}%", 100.0 * share).replace(".0%", "%");
        let sentence = format!(
            "planted: {} of the customers brought {} of the sales of the last year to known customers.",
            percent(customers),
            percent(sales)
        );
        assert_eq!(says("of the sales of the last year"), brings, "{told}: {conclusions}");
        assert!(!brings || says(&sentence), "{told}: {sentence} is not in {conclusions}");
    }
}

/// Orders that make plain sentences false: the page says what is odd about them instead.
#[test]
fn odd_orders_are_told_and_not_taken_for_good_news() {
    // 400 orders of 300 customers, 9 hours apart or at once.
    let orders = |at: &str, hours: u8, amount: &str, more: &str| {
        format!(
            "CREATE TABLE orders AS SELECT value % 300 AS customer_id, TIMESTAMP '{at}' + value * INTERVAL '{hours} hours' AS ordered_at, \
             'paid' AS status, CAST({amount} AS DECIMAL(12, 2)) AS amount{more} FROM generate_series(1, 400)"
        )
    };
    for (orders, said, unsaid) in [
        (orders("2025-01-01", 9, "value", ""), "Give them a personal contact", "a few large amounts decide"),
        (
            orders("2025-01-01", 9, "CASE WHEN value = 77 THEN 9000000 ELSE value END", ""),
            "a few large amounts decide",
            "personal contact",
        ),
        (orders("2020-01-01", 9, "value", ""), "No customer has a paid order in the last twelve months", "personal contact"),
        (orders("2020-01-01", 9, "value", ""), "but half of them have not bought for", "early access"),
        (orders("2025-01-01", 9, "-value", ""), "add up to less than nothing", "of the sales to known customers."),
        (
            orders("2025-01-01", 9, "value", ", CASE WHEN value % 2 = 0 THEN 'CNY' ELSE 'USD' END AS currency"),
            "Orders are in several currencies, CNY and others",
            "a few large amounts decide",
        ),
        // Sales of nobody known, of others and of no time are in no number, and the page says so.
        (
            orders("2025-01-01", 9, "value", "").replace("value % 300 AS", "CASE WHEN value > 299 THEN value % 300 END AS"),
            "that name no customer: 299.",
            "not in the profile",
        ),
        (
            orders("2025-01-01", 9, "value", "")
                .replace("value % 300 AS", "CASE WHEN value > 289 THEN 1000 + value ELSE value END AS"),
            "of customers who are not in the profile: 111.",
            "name no customer",
        ),
        (
            orders("2025-01-01", 9, "value", "")
                .replace("TIMESTAMP", "CASE WHEN value % 4 > 0 THEN TIMESTAMP")
                .replace(" AS ordered_at", " END AS ordered_at"),
            "Paid orders without a time: 100.",
            "not in the profile",
        ),
        (orders("2025-01-01", 9, "value", ""), "Give them a personal contact", "leave them out"),
        // The lines of one order are no second purchase.
        (orders("2025-06-01", 0, "10", ""), "bought twice or more", "base to build on"),
        // New customers bring little yet, and are no reason to save.
        (orders("2025-06-01", 0, "value", ""), "are in one region", "New: "),
    ] {
        let (engine, session) = session();
        let folder = tempfile::tempdir().unwrap();
        let session = session.with_base(folder.path());
        for statement in [
            orders.as_str(),
            "CREATE PROFILE p WITH (key = 'id') AS SELECT value AS id, 'north' AS region FROM generate_series(1, 400)",
            "REFRESH PROFILE p WITH (as_of = DATE '2025-06-30')",
            "COPY REPORT p TO 'p.html'",
        ] {
            rows(&engine, &session, statement);
        }
        let page = std::fs::read_to_string(folder.path().join("p.html")).unwrap();
        let conclusions = page.split("id=\"conclusions\"").nth(1).unwrap().split("</section>").next().unwrap();
        assert!(conclusions.contains(said) && !conclusions.contains(unsaid), "{orders}: {conclusions}");
    }
}

#[test]
fn the_command_line_writes_pages_and_draws() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_portrait")).current_dir(folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    std::fs::write(folder.path().join("shop.sql"), SHOP).unwrap();
    assert_eq!(run(&["-d", "crm", "run", "shop.sql"]).0, Some(0));
    let (code, _, told) = run(&[
        "-d",
        "crm",
        "report",
        "customer",
        "-o",
        "a.html",
        "--compare-with",
        "2025-03-31",
        "--language",
        "zh",
        "--title",
        "会员's",
    ]);
    assert!(code == Some(0) && told.contains("sections"), "{told}");
    // Why sections are not there is said here too, in the language of the session; their titles are those of the page.
    assert!(
        told.contains("there is no orders.currency, customer.age_band; sections left out because of this: 币种, 年龄分布\n"),
        "{told}"
    );
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert!(page.contains("<title>会员's</title>") && page.contains("数据截至 2025-06-30"));
    let key = run(&["-d", "crm", "-f", "csv", "-c", "SELECT min(customer_id) AS k FROM profile.customer"])
        .1
        .lines()
        .nth(1)
        .unwrap()
        .to_string();
    assert_eq!(run(&["-d", "crm", "card", "customer", &key, "-o", "card.html"]).0, Some(0));
    // Notes of queries are in the language of the page, and so are reasons.
    std::fs::create_dir(folder.path().join("own")).unwrap();
    let script = "-- title: Mine\nSELECT segment FROM rfm((SELECT customer_id, CASE WHEN amount > 100 THEN ordered_at END AS day, amount FROM orders),
                  customer => customer_id, order_time => day, amount => amount)";
    std::fs::write(folder.path().join("own/500_own.sql"), script).unwrap();
    std::fs::write(folder.path().join("own/501_other.sql"), "-- title: Other\nSELECT segment FROM $members").unwrap();
    let (code, _, told) = run(&["-d", "crm", "report", "customer", "-o", "own.html", "--sections", "own", "--language", "zh"]);
    let page = std::fs::read_to_string(folder.path().join("own.html")).unwrap();
    let own = page.split("<section id=\"500_own\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(code == Some(0) && own.contains("class=\"note\"") && own.contains("剔除"), "{told}{own}");
    assert!(page.contains("<b>Other</b>：segment：没有该列"), "{told}{page}");
    for (arguments, expected) in [
        (vec!["-d", "crm", "report", "customer"], "name the page with -o"),
        (vec!["report", "customer", "-o", "b.html"], "report: needs a database"),
        (vec!["-d", "crm", "report", "nobody", "-o", "b.html"], "nobody: no such profile"),
        (vec!["-d", "crm", "card", "customer", "-5", "-o", "b.html"], ""),
    ] {
        let (code, _, told) = run(&arguments);
        assert!(code != Some(0) && told.contains(expected), "{arguments:?}: {code:?} {told}");
    }
    let (code, drawn, told) = run(&["-c", "SELECT '上海' AS city, 3 AS n UNION ALL SELECT '北京市', 6 ORDER BY n;\n\\chart bar"]);
    assert!(code == Some(0) && drawn.lines().filter(|line| line.contains('█')).count() == 2, "{drawn}{told}");
    let (code, _, told) = run(&["-c", "SELECT 1 AS n;\n\\chart cake"]);
    assert!(code == Some(1) && told.contains("\\chart: chart: kind must be one of"), "{told}");
}
