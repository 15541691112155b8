//! Error messages: every wrong statement of a file is rejected with its position, in terms of SQL.

use portraitdb::{EngineOptions, message};

use crate::support::session_with;

const WRONG: &str = include_str!("wrong.sql");
const TABLE: &str = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 10.5), (2, 'b', 20.5), (3, 'a', 3.0)) v(id, g, x)";

/// Every statement of the file with its error; each line of the file is a statement.
fn said() -> Vec<(&'static str, String)> {
    let (engine, session) = session_with(EngineOptions::default());
    engine.block_on(session.sql(TABLE)).unwrap();
    let statements = WRONG.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
    let run = |sql| engine.block_on(session.sql(sql)).map(|_| String::from("no error"));
    statements.map(|sql| (sql, run(sql).unwrap_or_else(|error| message(&error)))).collect()
}

#[test]
fn wrong_statements_are_told_with_their_place() {
    let said = said();
    assert!(said.len() >= 400, "{}", said.len());
    let foreign = [
        "Utf8",
        "Int64",
        "Int32",
        "Float64",
        "Date32",
        "Boolean(",
        "Timestamp(",
        "Decimal128",
        "Internal error",
        "bug in",
        "DataFusion",
        "Schema error",
        "during planning",
        "Some(",
        "None,",
        "Ident {",
        "span:",
        "ast node",
        "sqlparser",
        "logical expression",
        "Cast error",
        "Parser error",
        "Arrow error",
        "Optimizer rule",
        "Invalid argument error",
        "Compute error",
        "Assertion failed",
        "usize",
    ];
    let mut wrong = vec![];
    for (sql, text) in &said {
        let first = text.lines().next().unwrap_or_default();
        let rules = [
            (text.contains("\nLINE 1: ") && text.trim_end().ends_with('^'), "a place"),
            (!foreign.iter().any(|word| text.split("\nLINE").next().unwrap_or_default().contains(word)), "words of SQL"),
            (first.contains(": "), "a subject"),
            (text.lines().count() == 3, "one line, and the place"),
        ];
        wrong.extend(rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| format!("{rule} is missing: {sql}\n{text}\n")));
    }
    assert!(wrong.is_empty(), "{} messages\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_same_is_said_each_time() {
    assert_eq!(said(), said());
}
