//! The analysis without data, rule by rule.

use arrow::datatypes::DataType;
use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::analysis::{Analysis, Problem, analyse};
use super::condition::{NotUnderstood, Operands};
use super::read::Rules;
use super::value::Domain;
use crate::error::message;

fn read(query: &str) -> Result<Rules, String> {
    let statement = Parser::parse_sql(&GenericDialect {}, query).unwrap().remove(0);
    let Statement::Query(query) = statement else { panic!("no query") };
    assert!(matches!(query.body.as_ref(), SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. }));
    Rules::read("check", &query).map_err(|error| message(&error))
}

fn analysis_of(query: &str, domain: Domain) -> Result<Analysis, Problem> {
    let rules = read(query).unwrap();
    let mut operands = Operands::new(rules.only_table());
    let conditions: Vec<_> = rules.rules.iter().map(|rule| operands.read(&rule.condition).unwrap()).collect();
    let limits: Vec<_> = rules.restrictions().into_iter().filter_map(|limit| operands.read(limit).ok()).collect();
    let domains: Vec<Domain> =
        operands.list.iter().map(|operand| domain.narrowed(&operand.expression, rules.is_grouped())).collect();
    analyse(&operands, &domains, &conditions, &limits)
}

/// Findings as `rules: condition`, with the rules' numbers from 1; a gap has none.
fn findings_in(query: &str, domain: Domain) -> Vec<String> {
    let found = analysis_of(query, domain).unwrap().findings;
    let show = |rules: &[usize]| rules.iter().map(|rule| (rule + 1).to_string()).collect::<Vec<_>>().join("+");
    found.iter().map(|finding| format!("{}: {}", show(&finding.rules), finding.condition)).collect()
}

fn findings(conditions: &[&str], limit: &str) -> Vec<String> {
    findings_in(&query(conditions, limit), Domain::ANY)
}

fn query(conditions: &[&str], limit: &str) -> String {
    let whens: Vec<String> = conditions.iter().map(|condition| format!("WHEN {condition} THEN 'x'")).collect();
    let limit = if limit.is_empty() { String::new() } else { format!(" WHERE {limit}") };
    format!("SELECT k, CASE {} END FROM t{limit}", whens.join(" "))
}

const NONE: [&str; 0] = [];

#[test]
fn ranges_of_a_real_number() {
    assert_eq!(findings(&["a < 1", "a > 1", "a IS NULL"], ""), [": a = 1"]);
    assert_eq!(findings(&["a <= 1", "a >= 1", "a IS NULL"], ""), ["1+2: a = 1"]);
    assert_eq!(findings(&["a < 1", "a >= 1", "a IS NULL"], ""), NONE);
    assert_eq!(findings(&["1 > a", "2 <= a"], ""), [": a >= 1 AND a < 2", ": a IS NULL"]);
    assert_eq!(
        findings(&["a BETWEEN 1 AND 3", "a BETWEEN 2 AND 4"], "a IS NOT NULL"),
        [": a < 1", ": a > 4", "1+2: a BETWEEN 2 AND 3"]
    );
    assert_eq!(findings(&["a NOT BETWEEN 1 AND 3"], ""), [": a BETWEEN 1 AND 3", ": a IS NULL"]);
    assert_eq!(findings(&["a <> 1"], "a IS NOT NULL"), [": a = 1"]);
    // Never true: the lower end is above the upper one.
    assert_eq!(findings(&["a BETWEEN 3 AND 1", "a IS NULL"], ""), [": a IS NOT NULL"]);
}

#[test]
fn numbers_are_exact() {
    assert_eq!(findings(&["a < 0.1", "a >= 1e-1"], "a IS NOT NULL"), NONE);
    assert_eq!(findings(&["a < 1.50", "a > 1.5"], "a IS NOT NULL"), [": a = 1.50"]);
    assert_eq!(findings(&["a <= -2.5E1", "a >= -(25)"], "a IS NOT NULL"), ["1+2: a = -25"]);
    assert_eq!(
        findings(&["a < 0.30000000000000004", "a >= 0.3"], "a IS NOT NULL"),
        ["1+2: a >= 0.3 AND a < 0.30000000000000004"]
    );
}

#[test]
fn whole_numbers_have_nothing_between() {
    let whole = |conditions: &[&str], limit| findings_in(&query(conditions, limit), Domain::WHOLE);
    assert_eq!(whole(&["a <= 25", "a >= 26", "a IS NULL"], ""), NONE);
    assert_eq!(whole(&["a < 25", "a > 30"], "a IS NOT NULL"), [": a BETWEEN 25 AND 30"]);
    assert_eq!(whole(&["a < 25", "a > 26.5"], "a IS NOT NULL"), [": a BETWEEN 25 AND 26"]);
    assert_eq!(whole(&["a = 2.5"], "a IN (2, 3)"), [": TRUE"]);
    assert_eq!(whole(&["a > 5"], ""), [": a <= 5", ": a IS NULL"]);
}

#[test]
fn an_operand_in_a_list_has_its_values() {
    assert_eq!(findings(&["a <= 2", "a >= 3"], "a IN (1, 2, 3)"), NONE);
    assert_eq!(findings(&["a < 2", "a > 2"], "a IN (1, 2, 3)"), [": a = 2"]);
    assert_eq!(findings(&["a < 2", "a > 2"], "a = 1 OR a = 3"), NONE);
    // Conditions of WHERE on other columns do not matter, nor those that are not understood.
    assert_eq!(findings(&["a < 2"], "b > 3 AND c LIKE 'x' AND a IS NOT NULL"), [": a >= 2"]);
    assert_eq!(findings(&["a < 2 AND b < 2", "a >= 2"], "a < b"), findings(&["a < 2 AND b < 2", "a >= 2"], ""));
    // A limit over several operands.
    assert_eq!(findings(&["a = 1", "b = 1"], "a IN (1, 2) AND b IN (1, 2) AND (a = 1 OR b = 1)"), ["1+2: a = 1 AND b = 1"]);
}

#[test]
fn null_matches_no_comparison() {
    assert_eq!(findings(&["a = 1", "NOT a = 1"], ""), [": a IS NULL"]);
    assert_eq!(findings(&["a = 1", "(a = 1) IS NOT TRUE"], ""), NONE);
    assert_eq!(findings(&["(a = 1) IS UNKNOWN", "a = 1 IS FALSE"], ""), [": a = 1"]);
    assert_eq!(findings(&["a NOT IN (1, NULL)"], "a IS NOT NULL"), [": TRUE"]);
    assert_eq!(findings(&["a IN (1, NULL)"], "a IS NOT NULL"), [": a < 1", ": a > 1"]);
    assert_eq!(findings(&["a = NULL", "NULL"], ""), [": TRUE"]);
    assert_eq!(findings(&["a IS DISTINCT FROM 1", "a = 1"], ""), NONE);
    assert_eq!(findings(&["a IS NOT DISTINCT FROM NULL", "a IS NOT NULL"], ""), NONE);
    // Unknown OR true is true; unknown AND false is false.
    assert_eq!(findings(&["a = 1 OR b = 1", "NOT (a = 1 OR b = 1)"], "b = 1"), NONE);
    assert_eq!(findings(&["a = 1 AND b = 1", "NOT (a = 1 AND b = 1)"], "b = 2"), NONE);
}

#[test]
fn texts_are_sets_or_ranges() {
    assert_eq!(findings(&["c = 'a'", "c IN ('b', 'c')"], ""), [": c NOT IN ('a', 'b', 'c')", ": c IS NULL"]);
    assert_eq!(findings(&["c IN ('a', 'b')", "c <> 'a'"], "c IS NOT NULL"), ["1+2: c = 'b'"]);
    assert_eq!(findings(&["c < 'b'", "c > 'b'"], "c IS NOT NULL"), [": c = 'b'"]);
    assert_eq!(findings(&["城市 = '北''京'"], "城市 IN ('北''京', '上海')"), [": 城市 = '上海'"]);
}

#[test]
fn dates_are_days() {
    let date = Domain::of(&DataType::Date32, false);
    let day = |conditions: &[&str]| findings_in(&query(conditions, ""), date);
    assert_eq!(day(&["d <= '2024-12-31'", "d >= DATE '2025-01-01'"]), NONE);
    assert_eq!(
        day(&["d <= '2024-12-31'", "d >= CAST('2025-01-03' AS DATE)"]),
        [": d BETWEEN DATE '2025-01-01' AND DATE '2025-01-02'"]
    );
    assert_eq!(
        findings(&["d < DATE '2025-01-01'", "d >= '2025-01-01 00:00:01'"], "d IS NOT NULL"),
        [": d >= DATE '2025-01-01' AND d < TIMESTAMP '2025-01-01 00:00:01'"]
    );
    assert_eq!(findings(&["d <= DATE '9999-12-31'"], "d IS NOT NULL"), [": d > DATE '9999-12-31'"]);
}

#[test]
fn truth_values() {
    assert_eq!(findings(&["a", "NOT a"], ""), [": a IS NULL"]);
    assert_eq!(findings(&["a = TRUE", "a IS NOT TRUE"], ""), NONE);
    assert_eq!(findings(&["TRUE", "a"], ""), ["1+2: a = TRUE"]);
    assert_eq!(
        findings_in("SELECT k, CASE TRUE WHEN a < 1 THEN 'x' WHEN a >= 1 THEN 'y' END FROM t", Domain::ANY),
        [": a IS NULL"]
    );
}

#[test]
fn one_operand_however_it_is_written() {
    assert_eq!(findings(&["Age < 1", "AGE >= 1", "\"age\" IS NULL"], ""), NONE);
    assert_eq!(findings(&["t.age < 1", "(age) >= 1", "T.Age IS NULL"], ""), NONE);
    assert_eq!(findings(&["a+1 < 1", "a + 1 >= 1", "(a  +1) IS NULL"], ""), NONE);
    // A different operand.
    assert_eq!(findings(&["\"Age\" < 1", "age >= 1"], "age IS NOT NULL").len(), 3);
    let joined =
        "SELECT k, CASE WHEN a.x < 1 THEN 'x' WHEN b.x >= 1 THEN 'y' END FROM a JOIN b ON a.k = b.k WHERE a.x > 0 AND b.x > 0";
    assert_eq!(findings_in(joined, Domain::ANY), [": a.x >= 1 AND b.x > 0 AND b.x < 1", "1+2: a.x > 0 AND a.x < 1 AND b.x >= 1"]);
}

#[test]
fn counts_of_groups() {
    let query = |having: &str| {
        format!("SELECT k, CASE WHEN count(*) >= 3 THEN 'x' WHEN COUNT(*) = 2 THEN 'y' END FROM t GROUP BY k{having}")
    };
    assert_eq!(findings_in(&query(""), Domain::ANY), [": count(*) = 1"]);
    assert_eq!(findings_in(&query(" HAVING count( * ) > 1"), Domain::ANY), NONE);
    let column = "SELECT k, CASE WHEN count(b) >= 1 THEN 'x' END FROM t GROUP BY k";
    assert_eq!(findings_in(column, Domain::ANY), [": count(b) = 0"]);
}

const SEGMENTS: [(&str, [(u8, u8); 3]); 10] = [
    ("Champions", [(5, 5), (5, 5), (5, 5)]),
    ("Potential Loyalist", [(3, 5), (3, 5), (2, 5)]),
    ("Loyal Customers", [(2, 4), (2, 4), (2, 4)]),
    ("Promising", [(3, 4), (1, 3), (3, 5)]),
    ("New Customers", [(4, 5), (1, 3), (1, 5)]),
    ("Can''t Lose Them", [(1, 2), (3, 4), (4, 5)]),
    ("At Risk", [(1, 2), (2, 5), (4, 5)]),
    ("Need Attention", [(1, 3), (3, 5), (3, 5)]),
    ("About To Sleep", [(2, 3), (1, 3), (1, 4)]),
    ("Lost", [(1, 1), (1, 5), (1, 5)]),
];

/// The segments published with R's package rfm: 10 of the 125 cells belong to none, 58 to several, up to five at once.
#[test]
fn the_published_segments() {
    let range = |name: &str, (low, high): (u8, u8)| format!("{name} BETWEEN {low} AND {high}");
    let rules = SEGMENTS.iter().map(|(segment, [r, f, m])| {
        format!("WHEN {} AND {} AND {} THEN '{segment}'", range("r", *r), range("f", *f), range("m", *m))
    });
    let rules = rules.collect::<Vec<_>>().join(" ");
    let scores = "IN (1, 2, 3, 4, 5)";
    let by_list = format!("SELECT k, CASE {rules} END FROM t WHERE r {scores} AND f {scores} AND m {scores}");
    let by_type =
        format!("SELECT k, CASE {rules} END FROM t WHERE r >= 1 AND r <= 5 AND f BETWEEN 1 AND 5 AND m BETWEEN 1 AND 5");
    for (query, domain) in [(by_list, Domain::ANY), (by_type, Domain::WHOLE)] {
        let analysis = analysis_of(&query, domain).unwrap();
        assert_eq!(analysis.cells, 125);
        assert_eq!(analysis.claimed(|rules| rules == 0), 10);
        assert_eq!(analysis.claimed(|rules| rules > 1), 58);
        assert_eq!(analysis.findings.iter().map(|finding| finding.rules.len()).max(), Some(5));
        let gaps: Vec<&str> = analysis
            .findings
            .iter()
            .filter(|finding| finding.rules.is_empty())
            .map(|finding| finding.condition.as_str())
            .collect();
        assert_eq!(
            gaps,
            [
                "r = 2 AND f = 1 AND m = 5",
                "r = 2 AND f = 4 AND m = 1",
                "r = 2 AND f = 5 AND m BETWEEN 1 AND 2",
                "r BETWEEN 3 AND 5 AND f BETWEEN 4 AND 5 AND m = 1"
            ]
        );
    }
}

#[test]
fn too_many_cells_are_counted_not_looked_at() {
    let list = (1..=60).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let condition = ["a", "b", "c", "d"].map(|name| format!("{name} IN ({list})")).join(" AND ");
    assert_eq!(analysis_of(&query(&[&condition], ""), Domain::ANY), Err(Problem::TooManyCells(122_u64.pow(4))));
    let terms = (0..20_000)
        .map(|number| format!("a = {number}"))
        .collect::<Vec<_>>()
        .chunks(100)
        .map(|terms| format!("({})", terms.join(" OR ")))
        .collect::<Vec<_>>();
    let list = format!("a IN ({})", (0..20_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", "));
    assert_eq!(
        analysis_of(&query(&terms.iter().map(String::as_str).collect::<Vec<_>>(), ""), Domain::ANY),
        Err(Problem::TooManyCells(40_002))
    );
    assert_eq!(findings_in(&query(&[&list], "a BETWEEN 0 AND 20000"), Domain::WHOLE), [": a = 20000"]);
    // Limits on the values limit the cells.
    assert_eq!(findings(&[&condition], "a = 1 AND b = 1 AND c IN (1, 100) AND d = 1"), [": c = 100"]);
}

#[test]
fn what_is_not_understood_is_named() {
    let mut operands = Operands::new(None);
    for condition in
        ["a LIKE 'x%'", "a < b", "a > now()", "a IN (b, 1)", "EXISTS (SELECT 1)", "(SELECT 1) = 1", "a BETWEEN 1 AND b"]
    {
        let expression = Parser::new(&GenericDialect {}).try_with_sql(condition).unwrap().parse_expr().unwrap();
        assert!(matches!(operands.read(&expression), Err(NotUnderstood(_))), "{condition}");
    }
    let mixed = analysis_of(&query(&["a < 'x'", "a = 1"], ""), Domain::ANY);
    assert_eq!(mixed, Err(Problem::NotUnderstood("a compared with 'x'".into())));
}

#[test]
fn other_questions_of_the_same_rows() {
    let rules = read("WITH c AS (SELECT 1) (SELECT a AS k, CASE WHEN x > 1 THEN 'y' END v FROM c WHERE x > 0 GROUP BY k, 2 HAVING x > 0 ORDER BY v)").unwrap();
    let conditions = rules.rules.iter().map(|rule| (rule.condition.clone(), "rule".to_string()));
    assert_eq!(
        rules.with_key(conditions),
        "WITH c AS (SELECT 1) SELECT a AS k, x > 1 AS rule FROM c WHERE x > 0 GROUP BY a, x > 1 HAVING x > 0"
    );
    let latest = read("SELECT DISTINCT ON (k) k, CASE WHEN x > 1 THEN 'y' END FROM c ORDER BY k, t DESC").unwrap();
    assert_eq!(latest.without_key([]), "SELECT DISTINCT ON (k) FROM c ORDER BY k, t DESC");
    assert!(read("SELECT k, CASE WHEN a THEN 1 ELSE NULL END FROM t").unwrap().otherwise.is_none());
    assert!(read("SELECT k, CAST((CASE WHEN a THEN 1 ELSE 2 END) AS INT) FROM t").unwrap().otherwise.is_some());
    assert!(read("SELECT k, v FROM t").unwrap_err().starts_with("check: the query has v as its second column instead of a CASE"));
}
