//! The tag library in `sql/tags/`: every tag and segment is compared with plain SQL, now and as of earlier days, and the scripts run as
//! shipped.

use std::path::Path;

use portraitdb::{Engine, Session};

use crate::support::{from_environment, portrait, rows, run, session};

/// The day that `expected.sql` is written for.
const TODAY: &str = "2025-06-30";
const EARLIER: &str = "2024-12-31";
const PARTITIONS: [usize; 3] = [1, 2, 7];

/// A quarter of the shop of `shop.sql`, kept in memory; `PORTRAIT_TEST_CUSTOMERS=1000000` makes it larger, for a release build.
fn shop() -> String {
    let customers = from_environment("PORTRAIT_TEST_CUSTOMERS", 500);
    let (orders, lines) = (10 * customers, 25 * customers);
    format!(
        "CREATE TABLE customers AS SELECT * FROM sample_customers(rows => {customers});
         CREATE TABLE orders AS SELECT * FROM sample_orders(rows => {orders});
         CREATE TABLE order_items AS SELECT * FROM sample_order_items(rows => {lines});
         CREATE TABLE events AS SELECT * FROM sample_events(rows => {lines});"
    )
}

fn script(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Tag values as text have times in ISO 8601; a cast writes them as PostgreSQL does.
const VALUE: &str = r"regexp_replace(value, '^(\d{4}-\d{2}-\d{2})T(\d{2}:)', '\1 \2')";

/// Creates the tables `tags_<when>` and `members_<when>` with the expected values as of a day.
fn expect(engine: &Engine, session: &Session, day: &str, when: &str) {
    rows(engine, session, &script("tests/it/tag_library/expected.sql").replace(TODAY, day));
    // A tag without an expected table fails here.
    let tags = rows(engine, session, "SELECT name FROM system.tags ORDER BY name");
    let tags = tags.iter().map(|tag| {
        format!("SELECT customer_id, '{tag}' AS tag, CAST(value AS VARCHAR) AS value FROM expected_{tag} WHERE value IS NOT NULL")
    });
    let tags = tags.collect::<Vec<_>>().join(" UNION ALL ");
    rows(engine, session, &format!("CREATE TABLE tags_{when} AS {tags}"));
    let segments = rows(engine, session, "SELECT name FROM system.segments ORDER BY name");
    let segments =
        segments.iter().map(|name| format!("SELECT customer_id, '{name}' AS segment FROM \"expected segment {name}\""));
    let segments = segments.collect::<Vec<_>>().join(" UNION ALL ");
    rows(engine, session, &format!("CREATE TABLE members_{when} AS {segments}"));
}

/// Both must have the same rows equally often; the first twenty differences are shown, with both counts.
fn compare(engine: &Engine, session: &Session, expected: &str, found: &str, about: &str) {
    let columns = if expected.starts_with("tags") { "customer_id, tag, value" } else { "customer_id, segment" };
    let [in_expected, in_found] = ["expected", "found"].map(|side| format!("count(*) FILTER (WHERE side = '{side}')"));
    let differences = format!(
        "SELECT {columns}, {in_expected} AS expected, {in_found} AS found
         FROM (SELECT *, 'expected' AS side FROM {expected} UNION ALL SELECT *, 'found' AS side FROM ({found}))
         GROUP BY {columns} HAVING {in_expected} <> {in_found} ORDER BY 2, 1 LIMIT 20"
    );
    assert_eq!(rows(engine, session, &differences), Vec::<String>::new(), "{about}");
}

#[test]
fn every_tag_and_segment_is_what_plain_sql_says() {
    let (engine, session) = session();
    let sql = |text: &str| rows(&engine, &session, text);
    sql("SET datafusion.execution.target_partitions = 1");
    sql(&shop());
    sql(&script("sql/tags/library.sql"));
    sql(&script("sql/tags/segments.sql"));
    expect(&engine, &session, TODAY, "now");
    expect(&engine, &session, EARLIER, "earlier");
    // Two empty sides would prove nothing.
    let number = sql("SELECT count(*) FROM system.tags");
    assert_eq!(number, ["26"]);
    assert_eq!(sql("SELECT count(DISTINCT tag) FROM tags_now"), number);
    assert_eq!(sql("SELECT count(DISTINCT tag) FROM tags_earlier"), number);
    assert_eq!(sql("SELECT count(DISTINCT segment) FROM members_now"), ["5"]);

    let segments = sql("SELECT name FROM system.segments ORDER BY name");
    let members = |as_of: &str| {
        let each = segments.iter().map(|name| format!("SELECT customer_id, '{name}' AS segment FROM segment.\"{name}\"{as_of}"));
        each.collect::<Vec<_>>().join(" UNION ALL ")
    };
    let then = format!(" FOR SYSTEM_TIME AS OF DATE '{EARLIER}'");
    for partitions in PARTITIONS {
        sql(&format!("SET datafusion.execution.target_partitions = {partitions}"));
        sql(&format!("REFRESH PROFILE customer WITH (as_of = DATE '{EARLIER}', rewind = true)"));
        sql(&format!("REFRESH PROFILE customer WITH (as_of = DATE '{TODAY}')"));
        let compare = |expected: &str, found: &str, what: &str| {
            let about = format!("{what}, {partitions} partitions");
            compare(&engine, &session, expected, found, &about);
        };
        let tags = |as_of: &str| format!("SELECT customer_id, tag, {VALUE} AS value FROM profile.customer_tags{as_of}");
        compare("tags_now", &tags(""), "tags");
        compare("tags_earlier", &tags(&then), "tags as they were");
        let moment = format!("TIMESTAMP '{EARLIER} 23:59:59.999999'");
        let history = format!(
            "SELECT customer_id, tag, {VALUE} AS value FROM profile.customer_history
             WHERE valid_from <= {moment} AND (valid_to IS NULL OR valid_to > {moment})"
        );
        compare("tags_earlier", &history, "history");
        let open = format!("SELECT customer_id, tag, {VALUE} AS value FROM profile.customer_history WHERE valid_to IS NULL");
        compare("tags_now", &open, "open values of the history");
        compare("members_now", &members(""), "segments");
        compare("members_earlier", &members(&then), "segments as they were");
    }
}

/// As a user runs them: all scripts on a new database, then library and refresh again on the same one.
#[test]
fn the_scripts_run_as_they_are_and_again() {
    let folder = tempfile::tempdir().unwrap();
    // A tenth of the shop.
    let shop = folder.path().join("shop.sql");
    std::fs::write(&shop, script("sql/shop.sql").replace("000)", "00)")).unwrap();
    let shop = shop.display().to_string();
    let run_files = |files: &[&str]| {
        let mut command = portrait();
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("-d").arg(folder.path().join("crm")).args(["-f", "csv", "run"]);
        let (code, out, errors) = run(command.args(files));
        assert_eq!(code, 0, "{errors}");
        out
    };
    let [library, segments] = ["sql/tags/library.sql", "sql/tags/segments.sql"];
    let [refresh, overview] = ["sql/tags/refresh.sql", "sql/tags/overview.sql"];
    let out = run_files(&[shop.as_str(), library, segments, refresh, overview]);
    for part in ["basic,location,region,rule,大区,200,100.0", "churn_warning", "高价值流失预警", "entered,"] {
        assert!(out.contains(part), "no {part} in\n{out}");
    }
    run_files(&[library, refresh]);
}

/// The values of tags in `library.zh.sql`, and the comments of audiences in `segments.zh.sql`, with those of the English scripts.
const IN_CHINESE: [(&str, &str); 52] = [
    ("女", "female"),
    ("男", "male"),
    ("18 岁以下", "under 18"),
    ("65 岁以上", "over 65"),
    ("华北", "north"),
    ("东北", "northeast"),
    ("华东", "east"),
    ("华中", "central"),
    ("华南", "south"),
    ("西南", "southwest"),
    ("西北", "northwest"),
    ("港澳台", "hong kong, macao, taiwan"),
    ("海外", "abroad"),
    ("决策者", "decision maker"),
    ("影响者", "influencer"),
    ("使用者", "user"),
    ("高", "high"),
    ("中", "middle"),
    ("低", "low"),
    ("上午", "morning"),
    ("下午", "afternoon"),
    ("晚上", "evening"),
    ("深夜", "night"),
    ("头部", "top"),
    ("中上", "upper"),
    ("中下", "lower"),
    ("鲸鱼", "whale"),
    ("海豚", "dolphin"),
    ("小鱼", "minnow"),
    ("多次", "repeated"),
    ("一次", "once"),
    ("无", "none"),
    ("投诉", "complaint"),
    ("取消订单", "cancelled order"),
    ("退款", "refund"),
    ("退货", "returned goods"),
    ("放弃结账", "abandoned checkout"),
    ("潜在客户", "prospect"),
    ("新客", "new"),
    ("活跃", "active"),
    ("流失风险", "at risk"),
    ("已流失", "lost"),
    ("预警", "warning"),
    ("沉默", "silent"),
    ("下滑", "falling"),
    ("高价值有流失风险", "high value at risk"),
    ("无预警", "no warning"),
    ("高价值客户有流失风险", "high value at risk"),
    ("年轻妈妈", "young mother"),
    ("科技爱好者", "tech enthusiast"),
    ("价格敏感型", "price sensitive"),
    ("品质优先型", "quality first"),
];

/// The scripts with Chinese values have the rules of the others.
#[test]
fn the_library_in_chinese_has_the_same_rules() {
    let statements = |path: &str| {
        let script = script(path);
        let lines = script.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    for name in ["library", "segments"] {
        let mut chinese = statements(&format!("sql/tags/{name}.zh.sql")).replace(", labels => 'zh'", "");
        for (value, english) in IN_CHINESE {
            chinese = chinese.replace(&format!("'{value}'"), &format!("'{english}'"));
        }
        let english = statements(&format!("sql/tags/{name}.sql"));
        let differing = english.lines().zip(chinese.lines()).find(|(one, other)| one != other);
        assert!(english == chinese, "{name}: {differing:?}");
    }
}
