//! Sections of one's own: how their numbers are said, compared and suppressed.

use std::path::Path;

use portraitdb::{Engine, Session};

use crate::reports::shop;
use crate::support::rows;

/// A report with a section of one's own; the text of that section.
fn section((engine, session): &(Engine, Session), folder: &Path, script: &str, options: &str) -> String {
    let own = folder.join("own");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("500_own.sql"), script).unwrap();
    rows(engine, session, &format!("COPY REPORT customer TO 'own.html' WITH (sections = 'own'{options})"));
    let page = std::fs::read_to_string(folder.join("own.html")).unwrap();
    page.split("<section id=\"500_own\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
}

#[test]
fn one_customer_is_no_customers() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path());
    let script = "-- title: Mine\n-- say: n > 0\n-- say.en: {colour} has {n:customer|customers}.\n\
                  SELECT * FROM (VALUES ('a', 1), ('b', 2), ('c', 1234)) AS t(colour, n)";
    let text = section(&shop, folder.path(), script, "");
    for sentence in ["a has 1 customer.", "b has 2 customers.", "c has 1,234 customers."] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}

#[test]
fn a_share_that_is_nearly_the_whole_is_not_said_to_be_it() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path());
    let script = "-- title: Mine\n-- percent: share\n-- say: share > 0\n-- say.en: {share} of {colour}.\n-- most: 9\n\
                  SELECT * FROM (VALUES ('a', 0.99999), ('b', 1.0), ('c', 0.00001)) AS t(colour, share)";
    let text = section(&shop, folder.path(), script, "");
    for sentence in ["> 99.9% of a.", "100% of b.", "< 0.1% of c."] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}

#[test]
fn the_strongest_rows_are_spoken_of_first() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path());
    let query = "SELECT * FROM (VALUES ('a', 3), ('b', 9), ('c', NULL), ('d', 7)) AS t(colour, n)";
    let own = |keys: &str| format!("-- title: Mine\n{keys}-- say: n > 0\n-- say.en: {{colour}} has {{n}}.\n-- most: 2\n{query}");
    let text = section(&shop, folder.path(), &own("-- strongest: n\n"), "");
    let places = ["b has 9.", "d has 7."].map(|sentence| text.find(sentence).unwrap());
    assert!(places[0] < places[1] && !text.contains("a has 3."), "{text}");
    let text = section(&shop, folder.path(), &own(""), "");
    assert!(text.contains("a has 3.") && text.contains("b has 9.") && !text.contains("d has"), "{text}");
    std::fs::write(folder.path().join("own/500_own.sql"), own("-- strongest: m\n")).unwrap();
    rows(&shop.0, &shop.1, "COPY REPORT customer TO 'own.html' WITH (sections = 'own', language = 'zh')");
    let page = std::fs::read_to_string(folder.path().join("own.html")).unwrap();
    let left = page.split("id=\"left-out\"").nth(1).unwrap();
    assert!(left.contains("Mine</b>：500_own：strongest：查询中没有列 m"), "{left}");
}

/// Which of two rows with the same names became which is not known.
#[test]
fn rows_with_the_same_names_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path());
    let script = "-- title: Mine\n-- say: n_before IS NOT NULL\n-- say.en: {colour} was {n_before}.\n-- most: 9\n\
                  SELECT colour, n + CASE WHEN $as_of > DATE '2025-06-01' THEN 10 ELSE 0 END AS n \
                  FROM (VALUES ('one', 100), ('twice', 1), ('twice', 500)) AS t(colour, n) ORDER BY n";
    let text = section(&shop, folder.path(), script, ", compare_with = DATE '2025-03-31'");
    assert!(text.contains("one was 100.") && !text.contains("twice was"), "{text}");
    assert_eq!(text.matches("class=\"up\"").count(), 1, "{text}");
}

#[test]
fn sections_know_the_smallest_group() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop(folder.path());
    let script = "-- title: Mine\nSELECT 'at least ' || $smallest AS shown";
    assert!(section(&shop, folder.path(), script, ", smallest = 17").contains("at least 17"));
    // Rare values of tags are as rare as the report says.
    let page = std::fs::read_to_string(folder.path().join("own.html")).unwrap();
    let tags = page.split("<section id=\"090_tags\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(tags.contains("&gt;= 17"), "{tags}");
}

#[test]
fn a_card_has_channels_changes_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    let member =
        "SELECT customer_id FROM profile.customer_history WHERE tag = 'spent' AND valid_to IS NOT NULL ORDER BY 1 LIMIT 1";
    let member = rows(&engine, &session, member)[0].clone();
    let answers =
        "(TIMESTAMP '2025-05-01', 'why', 'good price, call 13812345678'), (TIMESTAMP '2025-07-01', 'why', 'after the report')";
    let table = format!(
        "CREATE TABLE answers AS SELECT {member} AS customer_id, t.* FROM (VALUES {answers}) AS t(answered_at, question, answer)"
    );
    rows(&engine, &session, &table);
    rows(&engine, &session, &format!("COPY CARD customer FOR {member} TO 'card.html'"));
    let page = std::fs::read_to_string(folder.path().join("card.html")).unwrap();
    let section = |name: &str| page.split(&format!("<section id=\"{name}\"")).nth(1).unwrap().split("</section>").next().unwrap();
    assert!(section("031_timeline").contains("<td>spent</td>"), "{page}");
    assert!(section("037_answers").contains("good price, call [phone]") && !page.contains("after the report"), "{page}");
    assert!(section("045_channels").contains("<th scope=\"col\">channel</th>"), "{page}");
    assert!(
        section("030_segments").contains("<th scope=\"col\">since</th>") || section("030_segments").contains("No rows."),
        "{page}"
    );
}

/// A new rule and new orders change values for different reasons.
#[test]
fn a_report_tells_why_values_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = shop(folder.path());
    let reason = |name: &str| {
        rows(&engine, &session, "COPY REPORT customer TO 'a.html'");
        let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
        let section = page.split("<section id=\"091_changes\"").nth(1).unwrap().split("</section>").next().unwrap();
        let row = section.split(&format!("<td>{name}</td>")).nth(1).unwrap().split("</tr>").next().unwrap();
        row.split("<td>").nth(1).unwrap().split("</td>").next().unwrap().to_string()
    };
    assert_eq!(reason("favourite"), "new data");
    let rule = "CASE WHEN spent > 9000 THEN 'big' WHEN spent > 3000 THEN 'middle' ELSE 'small' END";
    rows(
        &engine,
        &session,
        &format!("CREATE OR REPLACE TAG favourite ON customer AS SELECT customer_id, {rule} FROM profile.customer"),
    );
    rows(&engine, &session, "REFRESH PROFILE customer WITH (as_of = DATE '2025-07-31')");
    assert_eq!(reason("favourite"), "new definition");
    // There are no later orders, so the next refresh changes nothing.
    rows(&engine, &session, "REFRESH PROFILE customer WITH (as_of = DATE '2025-08-31')");
    rows(&engine, &session, "COPY REPORT customer TO 'a.html'");
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert!(!page.contains("<section id=\"091_changes\"") && page.contains("What changed at the last refresh"), "{page}");
}
