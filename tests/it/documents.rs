//! Pages are complete and correct, and their examples run.

use std::collections::{BTreeMap, HashSet};

use portraitdb::{Doc, Engine, EngineOptions, Kind, Takes, example_results, message, pages, reference};

use crate::support::is_long;

#[test]
fn names_are_unique_and_pages_complete() {
    let mut names = HashSet::new();
    for doc in pages() {
        assert!(names.insert(doc.name), "{} has two pages", doc.name);
        assert!(doc.summary.ends_with('.') && !doc.domain.is_empty(), "{}", doc.name);
        let is_function = matches!(doc.kind, Kind::Relation | Kind::Scalar | Kind::Aggregate);
        let well_formed = doc.name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        assert_eq!(well_formed, is_function || doc.kind == Kind::Model, "{}", doc.name);
        if is_function {
            assert!(!doc.arguments.is_empty() && !doc.examples.is_empty(), "{}", doc.name);
        }
        // The columns of file readers depend on the files.
        if doc.kind == Kind::Relation && doc.domain != "files" {
            assert!(!doc.columns.is_empty(), "{}", doc.name);
        }
        let names = doc.arguments.iter().filter(|argument| matches!(argument.takes, Takes::Name(_))).count();
        for (position, argument) in doc.arguments.iter().enumerate() {
            assert!(!argument.text.is_empty(), "{} {}", doc.name, argument.name);
            assert!(
                argument.takes != Takes::Relation || position < names + doc.relations().count(),
                "{}: relations come first, after names",
                doc.name
            );
        }
    }
}

/// A table on a page begins with its headings and the line below them, and all its rows have the same number of cells.
#[test]
fn tables_of_pages_are_whole() {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    for (name, page) in reference() {
        let (mut table, mut is_code): (Vec<&str>, bool) = (vec![], false);
        for line in page.lines().chain([""]) {
            is_code ^= line.starts_with("```");
            if line.starts_with('|') && !is_code {
                table.push(line);
                continue;
            }
            if let Some(headings) = table.first() {
                assert!(table.len() > 2 && table[1].trim_matches(['|', '-', ':']).is_empty(), "{name}: {headings}");
                assert!(table.iter().all(|row| cells(row) == cells(headings)), "{name}: {table:#?}");
            }
            table.clear();
        }
    }
}

/// Each page says what other systems have instead, or names the page that says it. Pages of functions in FROM and of models also tell costs.
#[test]
fn pages_compare_and_tell_costs() {
    const SYSTEMS: [&str; 8] = ["DuckDB", "PostgreSQL", "MySQL", "Snowflake", "BigQuery", "Spark", "Oracle", "SQL Server"];
    let compares = |doc: &Doc| {
        let text = [doc.summary, doc.description].concat();
        text.contains("**Elsewhere.**") || text.contains("See `") || SYSTEMS.iter().any(|system| text.contains(system))
    };
    let silent: Vec<&str> = pages().into_iter().filter(|doc| !compares(doc)).map(|doc| doc.name).collect();
    assert!(silent.is_empty(), "add **Elsewhere.** to the pages of {silent:?}");
    let costs = |doc: &Doc| !matches!(doc.kind, Kind::Relation | Kind::Model) || doc.description.contains("**Cost");
    let silent: Vec<&str> = pages().into_iter().filter(|doc| !costs(doc)).map(|doc| doc.name).collect();
    assert!(silent.is_empty(), "add **Cost.** to the pages of {silent:?}");
}

/// Each function has its own file in `tests/sql/<domain>`, which mentions the function's name.
#[test]
fn every_function_has_its_slt() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    for doc in pages().into_iter().filter(|doc| matches!(doc.kind, Kind::Relation | Kind::Scalar | Kind::Aggregate)) {
        let name = doc.name;
        let path = root.join(doc.domain).join(name).with_extension("slt");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text.contains(&format!("{name}(")), "{} is missing: write what {name} answers and refuses", path.display());
    }
}

/// Every example runs, and its result is the one on the page.
#[test]
fn examples_answer_what_their_pages_show() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    // In an ordinary run only the pages of some names.
    let chosen = |page: &str| is_long() || page.len().is_multiple_of(4);
    let found = example_results(root, chosen).unwrap_or_else(|error| panic!("{}", message(&error)));
    let text = std::fs::read_to_string(root.join("src/docs/results.json")).unwrap();
    let shown: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    assert!(shown.len() > 200, "{}", shown.len());
    for (example, result) in &found {
        let shown = shown.get(*example).map_or("", String::as_str);
        assert!(result == shown, "run `cargo run -- docs --examples`\n{example}\n{result}\ninstead of\n{shown}");
    }
    assert!(found.len() * 8 > shown.len(), "{} of {}", found.len(), shown.len());
    assert!(!is_long() || found.len() == shown.len(), "run `cargo run -- docs --examples`");
}

#[test]
fn the_reference_is_up_to_date() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/reference");
    for (name, text) in reference() {
        let path = folder.join(name);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is stale; run `cargo run -- docs`", path.display());
    }
}

const RULES: &str = "(SELECT ['paid'] AS antecedents, ['paid'] AS consequents, 0.5 AS confidence, 1 AS lift, 0.1 AS support)";

/// A rule of `clean`.
const RULE: &str = "rules => [{column: amount, condition: amount < 0, action: 'null'}]";

/// The columns of `sample_orders`.
const ORDERS: [&str; 8] = ["order_id", "customer_id", "ordered_at", "status", "channel", "payment", "discount", "amount"];

const TAG: &str = "(SELECT customer_id, CASE WHEN amount < 10 THEN 'low' END FROM sample_orders(rows => 10))";

/// The column of `sample_orders` that plays a role.
fn column_for(role: &str) -> &'static str {
    match role {
        "basket" => "order_id",
        "item" | "cluster" | "label" | "rules" | "text" => "status",
        "key" => "order_id",
        "target" => "channel",
        "from" => "status",
        _ => "customer_id",
    }
}

/// The columns on a page are the actual columns.
#[test]
fn results_have_the_columns_of_their_page() {
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let session = engine.session().unwrap();
    for doc in pages().into_iter().filter(|doc| doc.kind == Kind::Relation && doc.domain != "files") {
        // Functions that need an object first are tested where that object is created.
        if doc.arguments.iter().any(|argument| argument.default.is_none() && matches!(argument.takes, Takes::Name(_))) {
            continue;
        }
        let arguments: Vec<String> = doc
            .arguments
            .iter()
            .filter(|argument| argument.default.is_none())
            .map(|argument| match argument.takes {
                Takes::Relation if argument.name == "rules" => RULES.to_string(),
                Takes::Relation => "(SELECT * FROM sample_orders(rows => 10))".to_string(),
                Takes::Query => TAG.to_string(),
                Takes::Column => format!("{} => {}", argument.name, column_for(argument.name)),
                Takes::Time => format!("{} => ordered_at", argument.name),
                Takes::Number => format!("{} => amount", argument.name),
                Takes::Columns | Takes::Features => format!("{} => [channel, payment]", argument.name),
                Takes::Value("list of rules") => RULE.to_string(),
                Takes::Value("list of conditions") => format!("{} => [l.status = r.status]", argument.name),
                Takes::Value("column") => format!("{} => {}", argument.name, column_for(argument.name)),
                Takes::Value("date or timestamp column") => format!("{} => ordered_at", argument.name),
                Takes::Moment => format!("{} => DATE '2025-06-30'", argument.name),
                Takes::Value("key") => format!("{} => 1", argument.name),
                Takes::Calls("list of comparisons") => format!("{} => [channel]", argument.name),
                Takes::Calls(_) => format!("{} => [longest(status)]", argument.name),
                Takes::Integer(least, _) => format!("{} => {least}", argument.name),
                Takes::Float(least, _) => format!("{} => {least}", argument.name),
                Takes::Condition => format!("{} => status = 'paid'", argument.name),
                Takes::Metrics => format!("{} => amount", argument.name),
                Takes::Text => format!("{} => 'paid'", argument.name),
                Takes::Conditions => format!("{} => [status = 'paid', status = 'refunded']", argument.name),
                Takes::Interval => format!("{} => INTERVAL '1 day'", argument.name),
                Takes::Choice(words) | Takes::ConditionOr(words) => format!("{} => '{}'", argument.name, words[0]),
                other => panic!("{}: no sample value for {other:?}", doc.name),
            })
            .collect();
        // One of two named arguments is required.
        let either = if doc.argument("min_support").is_some_and(|argument| !matches!(argument.takes, Takes::Integer(..))) {
            ", min_support => 0.5"
        } else if doc.arguments.iter().any(|argument| argument.takes == Takes::Query && argument.default.is_some()) {
            TAG
        } else if doc.argument("person").is_some_and(|argument| argument.default.is_some()) {
            ", person => customer_id"
        } else if doc.argument("amount").is_some_and(|argument| argument.default.is_some()) {
            ", amount => amount"
        } else if doc.argument("time").is_some_and(|argument| argument.default.is_some() && argument.takes == Takes::Time) {
            // Columns that only exist with these arguments.
            ", per => status, time => ordered_at"
        } else {
            ""
        };
        let sql = format!("SELECT * FROM {}({}{either})", doc.name, arguments.join(", "));
        let statement = engine.block_on(session.parse(&sql)).unwrap().remove(0);
        let plan = engine.block_on(session.plan(statement)).unwrap();
        let names: Vec<&str> = plan.schema().fields().iter().map(|field| field.name().as_str()).collect();
        // "(customer)" stands for the name of that role's column, or nothing if the role is not given. "(input)" stands for all columns of the input.
        let promised = doc.columns.iter().flat_map(|column| {
            let Some((role, rest)) = column.name.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
                return vec![column.name.to_string()];
            };
            match doc.argument(role).unwrap() {
                input if input.takes == Takes::Relation => ORDERS.map(ToString::to_string).to_vec(),
                role if role.default.is_none() => vec![format!("{}{rest}", column_for(role.name))],
                role if either.contains(&format!(", {} => ", role.name)) => vec!["status".to_string()],
                _ => vec![],
            }
        });
        let promised: Vec<String> = promised.collect();
        assert_eq!(names, promised, "{}", doc.name);
    }
}
