//! The table macro `golden_records`.

use std::fmt::Write;

use datafusion::common::Result;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro, calls};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid, one_of};
use crate::text::{as_sql, identifier, trimmed};

#[derive(Debug)]
pub struct GoldenRecords;

const RULES: [&str; 5] = ["most_recent", "oldest", "most_frequent", "longest", "source_priority"];

const DOC: Doc = Doc {
    name: "golden_records",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Makes one record per person: each field by a declared rule, with the record that the value comes from (survivorship).",
    description: "\
| rule | which value survives |
|---|---|
| `most_recent(field, time)` | the value with the latest time |
| `oldest(field, time)` | the value with the earliest time |
| `most_frequent(field)` | the value that most records have; ties: the smallest |
| `longest(field)` | the longest string, without the white space around it |
| `source_priority(field, source, 'crm', 'shop')` | the value from the first source in the list; sources not listed come last |

NULL and blank values never survive if the person has another value. If values tie, the value of the smallest record is used, so the result
does not depend on the order of the rows. For each field, the column `<field>_source` holds the record that the value comes from.

**Cost.** One pass; memory grows with the number of persons times rules.

**Elsewhere.** Survivorship of MDM tools such as Informatica and Talend; in SQL, one `max_by(field, time)` for each field, without the
source.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per record, with its person"),
        Argument::required("person", Takes::Value("column"), "person of the record, from `resolve_identities`"),
        Argument::required("record", Takes::Value("column"), "key of the record"),
        Argument::required("rules", Takes::Calls("list of rules"), "`[most_recent(phone, registered_at), longest(name)]`"),
    ],
    columns: &[
        Column { name: "(person)", data_type: "as given", text: "the person; each person has one row" },
        Column { name: "records", data_type: "BIGINT", text: "number of rows of the person" },
        Column { name: "(rules)", data_type: "as the field", text: "for each rule, under the name of its field: the value that survives; NULL if there is none" },
        Column { name: "(rules)_source", data_type: "as the record", text: "for each rule, under the name of its field and `_source`: the record that the value comes from" },
    ],
    examples: &["SELECT person_id, records, name, name_source, phone, phone_source
FROM golden_records((SELECT * FROM (VALUES (1, 10, '李明', '111', DATE '2024-01-01'), (1, 11, '李', '222', DATE '2025-01-01'), (2, 12, '王芳', NULL, DATE '2025-02-01'))
                     AS t(person_id, customer_id, name, phone, registered_at)),
  person => person_id, record => customer_id, rules => [longest(name), most_recent(phone, registered_at)])
ORDER BY person_id;", "WITH customers AS (SELECT *, clean_phone(phone) AS number FROM sample_customers(rows => 1000)),
  persons AS (SELECT * FROM resolve_identities(customers, key => customer_id, match_on => [number]))
SELECT person_id, records, name, email, email_source
FROM golden_records((SELECT * FROM customers JOIN persons USING (customer_id)),
  person => person_id, record => customer_id, rules => [longest(name), most_recent(email, registered_at)])
WHERE records > 1 ORDER BY person_id LIMIT 3;"],
    ..Doc::EMPTY
};

/// A parsed rule: the field, and what its values are ordered by.
struct Rule {
    field: Expr,
    name: String,
    order: String,
    /// A further column that the ordering reads.
    extra: Option<String>,
}

impl TableMacro for GoldenRecords {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let required =
            |name: &str| call.expression(name).ok_or_else(|| invalid(DOC.name, format!("{name} is missing; write {name} => …")));
        let (person, record) = (required("person")?, required("record")?);
        let input = call.relation("input")?;
        let written = calls(required("rules")?);
        let mut rules: Vec<Rule> = vec![];
        for (number, rule) in written.iter().enumerate() {
            let rule = read(rule, number, &as_sql(person))?;
            if rules.iter().any(|known| known.name == rule.name) {
                return Err(invalid(DOC.name, format!("rules: {} has more than one rule", rule.name)));
            }
            rules.push(rule);
        }
        if rules.is_empty() {
            return Err(invalid(DOC.name, "rules: needs at least one; write rules => [most_recent(phone, registered_at)]"));
        }
        let person_name = column_name(person).unwrap_or_else(|| "person".into());
        let (mut read, mut chosen, mut answer) = (String::new(), String::new(), String::new());
        for (number, rule) in rules.iter().enumerate() {
            let field = as_sql(&rule.field);
            let text = trimmed(&format!("CAST({field} AS VARCHAR)"));
            let _ = write!(read, ", CASE WHEN {text} <> '' THEN {field} END AS field_{number}");
            if let Some(extra) = &rule.extra {
                let _ = write!(read, ", {extra} AS order_{number}");
            }
            // Missing values are sorted last rather than dropped, so that each value stays with its record.
            let order = format!("ORDER BY field_{number} IS NULL, {}, record_of_row, field_{number}", rule.order);
            let over = format!("OVER (PARTITION BY person_of_row {order})");
            let _ = write!(
                chosen,
                ", first_value(field_{number}) {over} AS value_{number}, \
                   first_value(CASE WHEN field_{number} IS NOT NULL THEN record_of_row END) {over} AS source_{number}"
            );
            let _ = write!(
                answer,
                ", first_value(value_{number}) AS {}, first_value(source_{number}) AS {}",
                identifier(&rule.name),
                identifier(&format!("{}_source", rule.name))
            );
        }
        Ok(format!(
            "SELECT person_of_row AS {}, count(*) AS records{answer} \
             FROM (SELECT person_of_row{chosen} \
               FROM (SELECT {} AS person_of_row, {} AS record_of_row{read} FROM {input}) AS rows_of_persons \
               WHERE person_of_row IS NOT NULL) AS values_of_persons \
             GROUP BY person_of_row",
            identifier(&person_name),
            as_sql(person),
            as_sql(record),
        ))
    }
}

/// The name of a column, in lower case unless it is quoted.
fn column_name(expression: &Expr) -> Option<String> {
    let name = match expression {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        _ => return None,
    };
    Some(if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() })
}

fn read(written: &Expr, number: usize, person: &str) -> Result<Rule> {
    let wrong = |problem: String| invalid(DOC.name, format!("rules: {written}: {problem}"));
    let Expr::Function(call) = written else {
        return Err(wrong(format!("is not a rule; write {}, each with its field in brackets", one_of(RULES))));
    };
    let name = call.name.to_string().to_lowercase();
    let mut arguments = vec![];
    if let FunctionArguments::List(list) = &call.args {
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => arguments.push(expression),
                other => return Err(wrong(format!("takes columns and values, got {other}"))),
            }
        }
    }
    let Some((field, rest)) = arguments.split_first() else { return Err(wrong("needs a field".into())) };
    let Some(field_name) = column_name(field) else {
        return Err(wrong(format!("the field must be a column, got {field}; name it in the query, (SELECT … AS name)")));
    };
    let (order, extra) = match (name.as_str(), rest) {
        ("most_recent", [time]) => (format!("order_{number} DESC NULLS LAST"), Some(as_sql(*time))),
        ("oldest", [time]) => (format!("order_{number} ASC NULLS LAST"), Some(as_sql(*time))),
        ("most_recent" | "oldest", _) => {
            return Err(wrong(format!("takes a field and a time; write {name}(phone, registered_at)")));
        }
        ("most_frequent", []) => {
            let count = format!("count(*) OVER (PARTITION BY {person}, {})", as_sql(*field));
            (format!("order_{number} DESC, field_{number}"), Some(count))
        }
        ("longest", []) => (format!("char_length({}) DESC", trimmed(&format!("CAST(field_{number} AS VARCHAR)"))), None),
        ("most_frequent" | "longest", _) => return Err(wrong(format!("takes a field; write {name}(city)"))),
        ("source_priority", [source, first, others @ ..]) => {
            let mut order = format!("CASE {}", as_sql(*source));
            for (place, value) in std::iter::once(first).chain(others).enumerate() {
                let _ = write!(order, " WHEN {} THEN {place}", as_sql(*value));
            }
            let _ = write!(order, " ELSE {} END", others.len() + 1);
            (format!("order_{number}"), Some(order))
        }
        ("source_priority", _) => {
            return Err(wrong(
                "takes a field, the source, and sources; write source_priority(email, channel, 'store', 'app')".into(),
            ));
        }
        _ => {
            let problem = format!("there is no rule {name}{}; the rules are {}", did_you_mean(&name, RULES), one_of(RULES));
            return Err(wrong(problem));
        }
    };
    Ok(Rule { field: (*field).clone(), name: field_name, order, extra })
}
