//! The table macro `explain_tag`.
//!
//! The conditions of the tag's CASE and the values they compare become columns of one query over the tag's own FROM, WHERE and
//! GROUP BY, for one customer; each rule is then a row.

use std::fmt::Write;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Value};

use super::rules::Rules;
use crate::adapter::definitions::{Definitions, column};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{in_quotes, invalid};
use crate::text::{as_sql, literal, sql_type};

/// Says which rule gave a customer its tag.
#[derive(Debug)]
pub struct ExplainTag;

const DOC: Doc = Doc {
    name: "explain_tag",
    kind: Kind::Relation,
    domain: "tags",
    summary: "Explains why a customer has its value of a tag: each rule with the customer's own values, and the rule that decided.",
    description: "\
One row per rule, in order. `decided` is true for the first rule that holds; this rule gives the value. ELSE is the last row. `compared`
shows the columns and expressions of the condition with this customer's values; the thresholds are in `condition`. If the tag's query has
several rows for the customer, each of them has its rules and its decision. A tag whose value is not a CASE has one row, with its
expression as the condition. If no customer has the key, or the tag's query has no row for the customer, there is one row without a rule,
and its condition says so. A role that does not own the profile sees the value, and one row that says so in the place of the rules.

`value`, `since` and `version` are what is published: the value, the time of the refresh that first gave it, and the version of the tag's
definition at that time. They are NULL if the customer has no value. If the tag was replaced after the last refresh, the rules shown are the
new ones and the published value is the old one. The rules read the sources as they are now, up to the time of the last
refresh: where rows have changed since, they may give another value than the published one.

**Cost.** The tag's query runs once, for this customer only: where its tables can be filtered by the key, that is a fraction of a refresh.
The condition of each rule is evaluated, also after the one that decided.

**Elsewhere.** Other databases keep the value of a CASE and not the reason: one evaluates the branches by hand. Decision tables in DMN
engines log the rule that fired in the same way.",
    arguments: &[
        Argument::required("profile", Takes::Name("profile"), "profile of the customer; it must have been refreshed"),
        Argument::required("tag", Takes::Name("tag"), "tag of this profile whose value is to be explained"),
        Argument::required(
            "key",
            Takes::Value("constant"),
            "key of the customer, as a constant of the type of the profile's key",
        ),
    ],
    columns: &[
        Column { name: "rule", data_type: "BIGINT", text: "number of the rule, from 1; NULL where there is nothing to explain" },
        Column {
            name: "condition",
            data_type: "VARCHAR",
            text: "the rule's condition, with its thresholds; `ELSE` for the last",
        },
        Column { name: "compared", data_type: "VARCHAR", text: "what it compares, with this customer's values" },
        Column { name: "holds", data_type: "BOOLEAN", text: "whether it holds; NULL when a value is missing" },
        Column { name: "gives", data_type: "VARCHAR", text: "the value that the rule gives" },
        Column { name: "decided", data_type: "BOOLEAN", text: "true for the rule that decided the value" },
        Column { name: "value", data_type: "VARCHAR", text: "the published value" },
        Column { name: "since", data_type: "TIMESTAMP", text: "time of the refresh that first gave the value" },
        Column { name: "version", data_type: "BIGINT", text: "version of the tag that gave it" },
    ],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 100);
CREATE OR REPLACE TAG age_band ON shopper AS SELECT customer_id, CASE WHEN age < 26 THEN 'young' WHEN age < 60 THEN 'middle' ELSE 'old' END FROM sample_customers(rows => 100);
REFRESH PROFILE shopper;
SELECT rule, condition, compared, decided FROM explain_tag(shopper, age_band, key => 5) ORDER BY rule;"],
    source: "the first-hit policy of decision tables: Decision Model and Notation (DMN), Object Management Group.",
    ..Doc::EMPTY
};

impl TableMacro for ExplainTag {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, definitions: &dyn Definitions) -> Result<Option<String>> {
        // The columns tell whether the tag has one value or several.
        let published = definitions.published(call.required_name("profile")?, None)?;
        Ok(Some(format!("SELECT * FROM {}", published.table)))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let (profile, tag) = (call.required_name("profile")?, call.required_name("tag")?);
        let query = definitions.tag_query(profile, tag)?;
        let published = definitions.published(profile, None)?;
        let key = call.expression("key").map(as_sql).unwrap_or_default();
        if let Some(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) = call.expression("key") {
            let advice = in_quotes(&key);
            return Err(invalid("explain_tag", format!("key takes a constant, got {key}{advice}")));
        }
        let key_name = published.columns.iter().find(|column| column.role == ColumnRole::Key).map(|column| column.name.as_str());
        let key_type = call.columns.as_ref().and_then(|columns| columns.field_with_name(column::KEY).ok());
        if let (Some(given), Some(name), Some(field)) = (call.expression("key"), key_name, key_type)
            && !may_be(given, field.data_type())
        {
            let data_type = sql_type(field.data_type());
            return Err(invalid(
                "explain_tag",
                format!("key takes {name} of profile {profile}, which is {data_type}, got {key}"),
            ));
        }
        let known = published.columns.iter().any(|column| column.name == tag);
        let (value, since, version) = (column::value(tag), column::since(tag), column::version(tag));
        let is_list = call.columns.as_ref().is_some_and(|columns| {
            let field = columns.field_with_name(&format!("value:{tag}"));
            field.is_ok_and(|field| matches!(field.data_type(), DataType::List(_)))
        });
        let state = match (known, is_list) {
            (false, _) => format!(
                "SELECT CAST(NULL AS VARCHAR) AS value, CAST(NULL AS TIMESTAMP) AS since, CAST(NULL AS BIGINT) AS version, true AS has \
                 FROM {} WHERE {} = {key}",
                published.table,
                column::KEY
            ),
            (true, false) => format!(
                "SELECT CAST({value} AS VARCHAR) AS value, {since} AS since, {version} AS version, true AS has FROM {} WHERE {} = {key}",
                published.table,
                column::KEY
            ),
            (true, true) => format!(
                "SELECT array_to_string({value}, ', ') AS value, array_max({since}) AS since, array_max({version}) AS version, true AS has \
                 FROM {} WHERE {} = {key}",
                published.table,
                column::KEY
            ),
        };
        let language = definitions.settings().language;
        let said = |text: String| literal(&language.message(&text));
        let unknown = said(format!("no customer of profile {profile} has the key {key}"));
        if definitions.hides_rules(profile, tag)? {
            let hidden = said(format!("the rules of tag {tag} are shown to the owner of profile {profile}"));
            return Ok(format!(
                "SELECT CAST(NULL AS BIGINT) AS rule, CASE WHEN state.has THEN {hidden} ELSE {unknown} END AS condition, \
                   CAST(NULL AS VARCHAR) AS compared, CAST(NULL AS BOOLEAN) AS holds, CAST(NULL AS VARCHAR) AS gives, \
                   state.value IS NOT NULL AS decided, state.value, state.since, state.version \
                 FROM (SELECT 1 AS one) AS always LEFT JOIN ({state}) AS state ON true"
            ));
        }
        let rules = rows(&query, &key)?;
        let without_row = said(format!("the query of tag {tag} has no row for this customer, so there is no value"));
        Ok(format!(
            "SELECT rules.rule, \
               coalesce(rules.condition, CASE WHEN state.has THEN {without_row} ELSE {unknown} END) AS condition, \
               rules.compared, rules.holds, rules.gives, \
               coalesce(rules.holds AND rules.rule = min(CASE WHEN rules.holds THEN rules.rule END) OVER (PARTITION BY rules.of_row), false) AS decided, \
               state.value, state.since, state.version \
             FROM (SELECT 1 AS one) AS always LEFT JOIN ({state}) AS state ON true LEFT JOIN ({rules}) AS rules ON state.has"
        ))
    }
}

/// True unless the constant can never be a key of this type. Comparing with a constant of another type would convert the keys of all
/// customers, and fail on those that cannot be converted.
fn may_be(key: &Expr, key_type: &DataType) -> bool {
    match key {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => !key_type.is_integer() || text.parse::<i64>().is_ok(),
            Value::Number(..) | Value::Boolean(_) => !key_type.is_string(),
            _ => true,
        },
        Expr::UnaryOp { expr, .. } => may_be(expr, key_type),
        Expr::TypedString(_) | Expr::Interval(_) => false,
        _ => true,
    }
}

/// A row for each rule: its number, its condition, the values it compares, whether it holds, its result.
fn rows(query: &str, key: &str) -> Result<String> {
    let parsed = parse(query)?;
    let Ok(rules) = Rules::read("explain_tag", &parsed) else { return Ok(without_rules(&parsed, query, key)) };
    let mut items: Vec<(Expr, String)> = vec![];
    let mut structs = vec![];
    let count = rules.rules.len();
    for (number, rule) in rules.rules.iter().enumerate() {
        items.push((rule.condition.clone(), format!("holds_{number}")));
        items.push((rule.value.clone(), format!("gives_{number}")));
        let mut compared = String::new();
        for operand in operands(&rule.condition) {
            let text = operand.to_string();
            let place = items.iter().position(|(other, _)| *other == operand).unwrap_or_else(|| {
                items.push((operand.clone(), format!("operand_{}", items.len())));
                items.len() - 1
            });
            let name = &items[place].1;
            let _ = write!(compared, ", {} || coalesce({}, 'NULL')", literal(&format!("{text} = ")), shown(name));
        }
        structs.push(one_row(
            number + 1,
            &rule.condition.to_string(),
            &compared,
            &format!("holds_{number}"),
            &format!("gives_{number}"),
        ));
    }
    let gives = match &rules.otherwise {
        Some(otherwise) => {
            items.push((otherwise.clone(), "otherwise".into()));
            "otherwise"
        }
        None => "NULL",
    };
    structs.push(one_row(count + 1, "ELSE", "", "true", gives));
    let names: String = items.iter().map(|(_, name)| format!(", {name}")).collect();
    Ok(unnested(&rules.with_key(items), &names, &structs, key))
}

/// A value as text. A mean of amounts has six decimals or more; zeros after the second are left out.
fn shown(name: &str) -> String {
    format!(
        "CASE WHEN starts_with(arrow_typeof({name}), 'Decimal') THEN regexp_replace(CAST({name} AS VARCHAR), '([.]\\d\\d\\d*?)0+$', '\\1') \
         ELSE CAST({name} AS VARCHAR) END"
    )
}

/// A tag whose value is an expression, or one of several expressions.
fn without_rules(parsed: &Query, query: &str, key: &str) -> String {
    let mut values = vec![];
    values_of(&parsed.body, &mut values);
    // `SELECT *` does not say which column is the value.
    let value = if values.is_empty() { query.to_string() } else { values.join(", ") };
    format!(
        "SELECT CAST(1 AS BIGINT) AS rule, {} AS condition, CAST(NULL AS VARCHAR) AS compared, true AS holds, CAST(value AS VARCHAR) AS gives, \
         CAST(NULL AS BIGINT) AS of_row FROM ({query}) AS tag(customer, value) WHERE customer = {key}",
        literal(&value)
    )
}

/// The expressions of the value in every SELECT of a UNION, without duplicates.
fn values_of(body: &SetExpr, found: &mut Vec<String>) {
    match body {
        SetExpr::Select(select) => {
            let value = select.projection.get(1).map(|item| match item {
                SelectItem::ExprWithAlias { expr, .. } => expr.to_string(),
                other => other.to_string(),
            });
            found.extend(value.filter(|value| !found.contains(value)));
        }
        SetExpr::Query(query) => values_of(&query.body, found),
        SetExpr::SetOperation { left, right, .. } => {
            values_of(left, found);
            values_of(right, found);
        }
        _ => {}
    }
}

fn one_row(rule: usize, condition: &str, compared: &str, holds: &str, gives: &str) -> String {
    let compared = if compared.is_empty() { "CAST(NULL AS VARCHAR)".to_string() } else { format!("concat_ws(', '{compared})") };
    format!(
        "named_struct('rule', CAST({rule} AS BIGINT), 'condition', {}, 'compared', {compared}, 'holds', CAST({holds} AS BOOLEAN), \
         'gives', CAST({gives} AS VARCHAR))",
        literal(condition)
    )
}

/// A row for each struct and row of the one customer; `of_row` tells which of these rows it is about.
fn unnested(source: &str, names: &str, structs: &[String], key: &str) -> String {
    let fields = ["rule", "condition", "compared", "holds", "gives"].map(|field| format!("one['{field}'] AS {field}")).join(", ");
    format!(
        "SELECT {fields}, of_row FROM (SELECT unnest(make_array({})) AS one, of_row \
         FROM (SELECT *, row_number() OVER () AS of_row FROM ({source}) AS source(customer{names}) WHERE customer = {key}))",
        structs.join(", ")
    )
}

/// What a condition compares: columns, calls and sums, without constants and duplicates.
fn operands(condition: &Expr) -> Vec<Expr> {
    let mut found = vec![];
    collect(condition, &mut found);
    found
}

fn collect(expression: &Expr, found: &mut Vec<Expr>) {
    match expression {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => {}
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => collect(inner, found),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner) => {
            collect(inner, found);
        }
        Expr::BinaryOp { left, right, op } if op.to_string().chars().all(|letter| !"+-*/%".contains(letter)) => {
            collect(left, found);
            collect(right, found);
        }
        Expr::Between { expr, low, high, .. } => [expr, low, high].into_iter().for_each(|part| collect(part, found)),
        Expr::InList { expr, list, .. } => {
            collect(expr, found);
            list.iter().for_each(|part| collect(part, found));
        }
        Expr::Like { expr, .. } | Expr::ILike { expr, .. } => collect(expr, found),
        // A constant written as a cast, such as the time of the refresh.
        Expr::Cast { expr, .. } if matches!(expr.as_ref(), Expr::Value(_)) => {}
        Expr::BinaryOp { left, right, .. } if is_constant(left) && is_constant(right) => {}
        other if found.contains(other) => {}
        other => found.push(other.clone()),
    }
}

fn is_constant(expression: &Expr) -> bool {
    let mut found = vec![];
    collect(expression, &mut found);
    found.is_empty()
}

fn parse(query: &str) -> Result<Box<Query>> {
    let parsed = sqlparser::parser::Parser::new(&sqlparser::dialect::GenericDialect {}).try_with_sql(query);
    parsed.and_then(|mut parser| parser.parse_query()).map_err(|error| invalid("explain_tag", error))
}
