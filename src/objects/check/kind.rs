//! The object kind `CHECK` and its page.

use std::collections::HashMap;

use datafusion::common::Result;
use futures::future::BoxFuture;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::expectation::with_expectations;
use super::{Check, running};
use crate::catalog::checks::CheckResult;
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::invalid;
use crate::objects::definition::Definition;
use crate::objects::kind::{Kind, Uses, Values};
use crate::objects::values::{given, number, share, text, time};
use crate::sql::command::{Body, Grammar};
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE CHECK",
    summary: "Defines what must be true of a table; CHECK TABLE tests it.",
    syntax: "CREATE [OR REPLACE] CHECK [IF NOT EXISTS] name ON table
[WITH ([severity = 'error' | 'warning' | 'info'], [threshold = share], [on_failure = 'none' | 'warn' | 'stop'], [option = constant, …])]
AS condition | expectation | query",
    description: "\
After AS comes a condition over a row of the table, one of the expectations below, or a query that returns the wrong rows. As with CHECK in SQL, a
condition that is NULL is not a failure: write `not_null(a)`, or `a IS NOT NULL AND …`, if a value is required.

| expectation | a row fails when | dimension |
|---|---|---|
| `not_null(a, …)` | one of them is NULL | completeness |
| `in_range(a, least, most)` | the value is outside | validity |
| `in_set(a, value, …)` | the value is none of these, which may also be a list | validity |
| `matches(a, 'pattern')` | the string does not match the regular expression | validity |
| a condition, a query | the condition is false; the query returns the row | validity |
| `unique(a, …)` | another row has the same values | uniqueness |
| `foreign_key(a, table, column)` | the value is not in that column of the other table | consistency |

| expectation of the table as a whole | fails when | dimension |
|---|---|---|
| `fresh_within(time, INTERVAL '2 days')` | the newest time is older, more than 14 hours in the future, or there is none; a date means its midnight | timeliness |
| `row_count_near_last(0.2)` | there are 20 % more or fewer rows than last time | consistency |
| `distribution_near_last(a, 0.2)` | the population stability index against last time is above 0.2 | consistency |

`in_range` and `in_set` do not compare strings with numbers or dates: convert the column first, `in_range(TRY_CAST(age AS INT), 0, 120)`.

A check passes if the share of failing rows is at most `threshold`. A REFRESH of a profile that reads the table first runs the checks that have `on_failure`:
`'stop'` refuses the refresh if the check fails or cannot be computed, `'warn'` gives a note. With `'stop'`, last time means
when the check passed last; CREATE OR REPLACE CHECK begins anew. Results are kept in `system.checks` (the last one, with examples), `system.check_results` (the last
thousand of each check) and `system.table_scores`. Examples show the columns of `key` and those that the check names, masked: the first letter of strings, some
digits of long numbers. `distribution_near_last` keeps the deciles of a number, or the fifty most frequent values of a string, in the catalog.

A check reads with the rights of its owner, and what its owner sees of a table with masks and row policies, whoever runs it. Its results are visible to its owner; others who run it see
whether it passed, unless masks or row policies apply to them. A REFRESH that `'stop'` refuses says which check failed. Drop the checks of a table before the table.

**Cost.** Creating one runs nothing. CHECK TABLE reads the table; expectations about a table as a whole cost an aggregation.

**Elsewhere.** Great Expectations (`expect_column_values_to_be_between`), dbt tests, Deequ and Soda have the same list outside the database.
A CHECK constraint in PostgreSQL and DuckDB refuses the row instead of counting it.",
    arguments: &[
        Argument::optional(
            "severity",
            Takes::Choice(&["error", "warning", "info"]),
            "'error'",
            "how bad a failure is; it is shown, and your own rules can use it",
        ),
        Argument::optional("threshold", Takes::Float(0.0, 1.0), "0", "the share of rows that may fail"),
        Argument::optional(
            "on_failure",
            Takes::Choice(&["none", "warn", "stop"]),
            "'none'",
            "what a REFRESH of a profile over the table does",
        ),
        Argument::optional(
            "dimension",
            Takes::Choice(&["completeness", "validity", "uniqueness", "consistency", "timeliness"]),
            "",
            "which part of the table's score it counts for; default as in the tables above",
        ),
        Argument::optional("key", Takes::Names, "", "columns that an example shows to find the row by"),
        Argument::optional("examples", Takes::Integer(0, 100), "5", "how many examples are kept"),
        Argument::optional("comment", Takes::Text, "", "what it is"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE VIEW shoppers AS SELECT * FROM sample_customers(rows => 1000);
CREATE CHECK age_is_possible ON shoppers WITH (threshold = 0.01, key = 'customer_id') AS in_range(age, 0, 120);
CREATE CHECK one_row_per_customer ON shoppers AS unique(customer_id);
CREATE CHECK gender_is_known ON shoppers WITH (severity = 'warning', threshold = 0.2) AS gender IS NOT NULL;
CHECK TABLE shoppers;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct CheckKind;

impl Grammar for CheckKind {
    fn word(&self) -> &'static str {
        "check"
    }

    fn is_on_table(&self) -> bool {
        true
    }

    fn body(&self, parser: &mut Parser<'_>) -> Result<Body, ParserError> {
        let is_query = match &parser.peek_token().token {
            Token::Word(word) => matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES),
            Token::LParen => matches!(&parser.peek_nth_token(1).token, Token::Word(word) if word.keyword == Keyword::SELECT),
            _ => false,
        };
        if is_query {
            return parser.parse_query().map(Body::Query);
        }
        parser.parse_expr().map(|condition| Body::Condition(Box::new(condition)))
    }
}

const COLUMNS: [Column; 19] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "table", data_type: "VARCHAR", text: "the table that it applies to" },
    Column { name: "expectation", data_type: "VARCHAR", text: "what must be true" },
    Column {
        name: "dimension",
        data_type: "VARCHAR",
        text: "`completeness`, `validity`, `uniqueness`, `consistency` or `timeliness`",
    },
    Column { name: "severity", data_type: "VARCHAR", text: "`error`, `warning` or `info`" },
    Column { name: "threshold", data_type: "DOUBLE", text: "the share of rows that are allowed to fail" },
    Column { name: "on_failure", data_type: "VARCHAR", text: "what a REFRESH does: `none`, `warn` or `stop`" },
    Column {
        name: "status",
        data_type: "VARCHAR",
        text: "result of the last check: `passed`, `failed` or `error`; NULL before the first",
    },
    Column { name: "checked_at", data_type: "TIMESTAMP", text: "when that was, in UTC" },
    Column { name: "rows", data_type: "BIGINT", text: "number of rows of the table at that time" },
    Column { name: "failed", data_type: "BIGINT", text: "rows that failed" },
    Column { name: "passed_share", data_type: "DOUBLE", text: "share of the rows that passed" },
    Column { name: "message", data_type: "VARCHAR", text: "what was found" },
    Column { name: "examples", data_type: "VARCHAR", text: "rows that failed, one per line, with masked values" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "its description, from the definition" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created this version" },
];

impl Kind for CheckKind {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let mut uses = match &definition.body {
            Body::Query(query) => Uses::of(query),
            Body::Condition(condition) => Uses::of(condition),
            Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => Uses::default(),
        };
        if let Ok(check) = Check::of(definition.clone()) {
            uses.tables.push(check.table_parts);
            uses.tables.extend(check.expectation.other_table());
        }
        uses
    }

    fn is_named_in(&self, _object: &Object, _uses: &Uses) -> bool {
        false
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let check = Check::of(Definition::read(object.clone(), context.session())?)?;
            let temporary = match check.table_parts.as_slice() {
                [name] => context.tables().temporary(name).is_some(),
                _ => false,
            };
            if temporary && context.catalog().is_durable() {
                let problem = format!("a check that is remembered cannot be on the temporary table {}", check.table);
                return Err(invalid(&object.label(), problem));
            }
            let inside = context.entering(&object.label(), &object.owner)?.reading_as(&object.owner);
            running::try_out(&check, &inside).await.map_err(with_expectations)?;
            Ok(vec![])
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let check = Check::of(definition.clone())?;
        Ok(vec![
            ("table".into(), check.table.clone()),
            ("expectation".into(), check.expectation.text(&definition.body)),
            ("dimension".into(), check.dimension.into()),
            ("severity".into(), check.severity.into()),
            ("threshold".into(), check.threshold.to_string()),
        ])
    }

    fn system_table(&self) -> &'static str {
        "checks"
    }

    fn listed(&self) -> &'static str {
        "The checks of tables, with the last result of each."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let checks = definitions.iter().map(|definition| Check::of(definition.clone())).collect::<Result<Vec<_>>>()?;
        let last: HashMap<i64, CheckResult> =
            context.catalog().last_check_results()?.into_iter().map(|result| (result.object, result)).collect();
        let (rights, language) = (context.rights()?, context.language());
        // What a check found reveals rows as its owner sees them.
        let found: Vec<Option<&CheckResult>> = definitions
            .iter()
            .map(|Definition { object, .. }| {
                last.get(&object.id).filter(|result| result.version == object.version && rights.owns(object))
            })
            .collect();
        let of = |get: fn(&Check) -> &str| text(checks.iter().map(move |check| given(get(check))));
        let seen =
            |get: fn(&CheckResult) -> &str| text(found.iter().map(move |result| result.and_then(|result| given(get(result)))));
        Ok(vec![
            of(|check| &check.definition.object.name),
            of(|check| &check.table),
            text(checks.iter().map(|check| Some(check.expectation.text(&check.definition.body)))),
            of(|check| check.dimension),
            of(|check| check.severity),
            share(checks.iter().map(|check| Some(check.threshold))),
            text(checks.iter().map(|check| check.definition.options.word("on_failure").ok().map(str::to_string))),
            seen(|result| &result.status),
            time(found.iter().map(|result| result.map(|result| result.at))),
            number(found.iter().map(|result| result.and_then(|result| result.rows))),
            number(found.iter().map(|result| result.and_then(|result| result.failed))),
            share(found.iter().map(|result| result.and_then(|result| result.passed_share))),
            text(found.iter().map(|result| result.and_then(|result| given(&language.message(&result.message))))),
            seen(|result| &result.examples),
            number(checks.iter().map(|check| Some(check.definition.object.version))),
            of(|check| check.definition.comment()),
            of(|check| check.definition.text("owner")),
            of(|check| &check.definition.object.created_at),
            of(|check| &check.definition.object.sql),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, \"table\", expectation, severity, status, failed, message FROM system.checks ORDER BY \"table\", name"
    }
}
