//! The table macro `mece_check`.
//!
//! From the data: every condition becomes a boolean column of one query over the tag's own FROM, WHERE and GROUP BY, and
//! customers are grouped by which of them are true. From the rules: [`rules`](super::rules), during planning; its findings are
//! rows of VALUES.

use std::collections::BTreeSet;
use std::fmt::Write;

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::rules::{Analysis, Condition, Domain, Finding, NotUnderstood, Operands, Problem, Rules, analyse, conjuncts, used_by};
use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::{SqlState, coded, invalid};
use crate::text::{as_sql, literal};

#[derive(Debug)]
pub struct MeceCheck;

/// The most findings of the analysis that are listed one by one.
const MOST_FINDINGS: usize = 1000;

const DOC: Doc = Doc {
    name: "mece_check",
    kind: Kind::Relation,
    domain: "tags",
    summary: "Finds gaps and overlaps in the rules of a tag; no rows mean that the rules are mutually exclusive and collectively exhaustive (MECE).",
    syntax: "mece_check((SELECT key, CASE WHEN … THEN … END FROM …), [domain => condition], [examples => …])
mece_check(profile, tag, [domain => condition], [examples => …])",
    description: "\
The rules are the WHEN conditions of the CASE in the query's second column. `CASE x WHEN v` is read as `x = v`; a CASE inside ELSE continues
the list with its own rules; parentheses and casts around it make no difference. The rules are checked in two ways; each finding is one row:

- `source` is `data`: every condition is evaluated for every customer, even where CASE would have stopped earlier, in one pass over the
  query's rows. A customer that no rule matches is in a gap. A customer that several rules match is in an overlap, and CASE takes the first
  rule.
- `source` is `rules`: every possible value is checked, without reading data. An operand is a column or an expression such as `sum(amount)`,
  identified by its text. The constants that it is compared with split its values into ranges and single values; a *cell* is one of them for
  each operand. NULL is a separate value, because it matches no comparison: rules over `age` have a gap where `age IS NULL`, unless the
  column cannot be NULL, WHERE excludes it or a rule covers it.

Known facts limit the cells: the types of the columns (no integer lies between 25 and 26, no day between two consecutive dates, no
DECIMAL(10, 2) between 9.99 and 10), that `count(*)` of a group is at least 1, the conditions of WHERE and HAVING, and `domain`. Expressions
are assumed to vary independently: a cell shown for `a` and `a + 1` may be impossible, but no possible cell is missing.

| finding | meaning |
|---|---|
| `gap` | no rule matches, and there is no ELSE (`ELSE NULL` counts as none) |
| `else` | no rule matches and ELSE gives the value: exhaustive, but perhaps not intended |
| `overlap` | several rules match, so the order of the rules decides |
| `ladder` | several rules match, and each of them covers, for every possible value, everything that the rules before it cover and more (`amount >= 500`, then `amount >= 200`); usually intended. In the reverse order the later rule never decides, which is an `overlap` |
| `not understood` | from the rules: this condition cannot be analysed (LIKE, two columns compared, `now()`), so there is no analysis without data |
| `too many cells` | from the rules: more than 1,000,000 cells, or too many rules to test in each cell, so there is no analysis without data |

An empty result means: mutually exclusive and collectively exhaustive, on the data and for every possible value. Only `else` and `ladder`
rows mean: the rules are MECE thanks to ELSE and to the order of the rules; `WHERE finding NOT IN ('else', 'ladder')` keeps only real
faults. Rules that cannot be analysed never count as a ladder. Of the findings from the rules, the 1,000 largest are shown; the rest are
summed up in one row without a condition. Customers are counted by distinct keys. The rules of a tag, with `profile` and `tag`, are
for the owner of the profile.

**Cost.** `data` costs one run of the tag's query, with a row per customer in memory only as a combination of true rules. `rules` costs no
reading: cells times rules, at most 1,000,000 cells.

**Elsewhere.** SQL databases do not look at the branches of a CASE. Tools for decision tables (DMN) report gaps and overlaps of their
tables, by the same division into ranges.",
    arguments: &[
        Argument::optional(
            "query",
            Takes::Query,
            "",
            "query that contains the rules: (SELECT key, CASE WHEN … THEN … END FROM …)",
        ),
        Argument::optional("profile", Takes::Name("profile"), "", "instead of a query: profile that the tag belongs to"),
        Argument::optional("tag", Takes::Name("tag"), "", "tag whose query is checked"),
        Argument::optional(
            "domain",
            Takes::Value("condition"),
            "",
            "which values are possible, for the analysis without data: `age BETWEEN 0 AND 120 AND score IN (1, 2, 3)`",
        ),
        Argument::optional(
            "examples",
            Takes::Integer(1, 100),
            "5",
            "number of example keys shown for each finding from the data",
        ),
    ],
    columns: &[
        Column {
            name: "finding",
            data_type: "VARCHAR",
            text: "`gap`, `else`, `overlap`, `ladder`, `not understood` or `too many cells`",
        },
        Column { name: "source", data_type: "VARCHAR", text: "`data` or `rules`" },
        Column { name: "rules", data_type: "VARCHAR", text: "the rules that match, in the form `1: value, 2: value`; NULL in a gap" },
        Column { name: "condition", data_type: "VARCHAR", text: "for `rules`: where the finding applies, as a SQL condition; NULL for `data`" },
        Column { name: "customers", data_type: "BIGINT", text: "for `data`: number of customers; NULL for `rules`" },
        Column {
            name: "cells",
            data_type: "BIGINT",
            text: "for `rules`: number of cells that the condition covers; NULL for `data`",
        },
        Column { name: "example_keys", data_type: "VARCHAR[]", text: "for `data`: the smallest keys; NULL for `rules`" },
    ],
    examples: &["SELECT finding, source, rules, condition, customers, cells
FROM mece_check((
  SELECT customer_id, CASE WHEN count(*) >= 3 THEN 'loyal' WHEN count(*) BETWEEN 1 AND 3 THEN 'new' END AS loyalty
  FROM sample_orders(rows => 500) GROUP BY customer_id))
ORDER BY source;"],
    source: "completeness and hit policies of decision tables: Decision Model and Notation (DMN), Object Management Group.",
};

impl TableMacro for MeceCheck {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _definitions: &dyn Definitions) -> Result<Option<String>> {
        let Some(reading) = Reading::of(call)? else { return Ok(None) };
        let Some(conditions) = reading.understood() else { return Ok(None) };
        let used = used_by(&conditions);
        let operands = used.iter().filter_map(|number| {
            let operand = reading.operands.list.get(*number)?;
            Some((operand.expression.clone(), format!("operand_{number}_of_rules")))
        });
        Ok((!used.is_empty()).then(|| reading.rules.without_key(operands)))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        if let Some(reading) = Reading::of(&call)? {
            if call.name("profile").or(call.name("tag")).is_some() {
                return Err(invalid(DOC.name, "takes a query, or a profile and a tag; not both"));
            }
            let analysis = reading
                .understood()
                .map(|conditions| analyse(&reading.operands, &domains(&call, &reading), &conditions, &reading.limits));
            let steps = analysis.as_ref().and_then(|analysis| analysis.as_ref().ok()).map(|analysis| &analysis.steps);
            let mut text = from_data(&reading.rules, steps, call.options.integer("examples")?);
            if let Some(findings) = from_rules(&reading, analysis) {
                let _ = write!(text, " UNION ALL {findings}");
            }
            return Ok(text);
        }
        if call.name("profile").or(call.name("tag")).is_none() {
            return Err(invalid(
                DOC.name,
                "needs a query or a profile and a tag; write mece_check((SELECT key, CASE … END FROM …)) or mece_check(profile, tag)",
            ));
        }
        let (profile, tag) = (call.required_name("profile")?, call.required_name("tag")?);
        let query = definitions.tag_query(profile, tag)?;
        if definitions.hides_rules(profile, tag)? {
            let problem = format!(
                "the rules of tag {tag} are shown to the owner of profile {profile}; check a query of your own, mece_check((SELECT key, CASE … END FROM …)), or ask the owner"
            );
            return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, DOC.name, problem));
        }
        let query = query.trim().trim_end_matches(';');
        let domain = call.expression("domain").map(|domain| format!(", domain => {}", as_sql(domain))).unwrap_or_default();
        let examples = call.options.integer("examples")?;
        // On lines of its own, because it may end with a comment.
        Ok(format!("SELECT * FROM {}((\n{query}\n), examples => {examples}{domain})", DOC.name))
    }
}

/// The rules of a call, their conditions, and the limits on the operands.
struct Reading {
    rules: Rules,
    operands: Operands,
    conditions: Vec<Result<Condition, NotUnderstood>>,
    limits: Vec<Condition>,
}

impl Reading {
    fn of(call: &MacroCall) -> Result<Option<Self>> {
        let Some(query) = call.query("query") else { return Ok(None) };
        let rules = Rules::read(DOC.name, query)?;
        let mut operands = Operands::new(rules.only_table());
        let conditions: Vec<_> = rules.rules.iter().map(|rule| operands.read(&rule.condition)).collect();
        // A condition of WHERE that is not understood is simply no limit.
        let limits = rules.restrictions().into_iter().filter_map(|condition| operands.read(condition).ok()).collect();
        let mut reading = Self { rules, operands, conditions, limits };
        if let Some(domain) = call.expression("domain") {
            reading.limit(domain)?;
        }
        Ok(Some(reading))
    }

    fn understood(&self) -> Option<Vec<Condition>> {
        self.conditions.iter().map(|condition| condition.clone().ok()).collect()
    }

    fn limit(&mut self, domain: &Expr) -> Result<()> {
        let mut parts = vec![];
        conjuncts(domain, &mut parts);
        for part in parts {
            let condition = self.operands.read(part).map_err(|NotUnderstood(text)| {
                let form = "compare with constants, or write BETWEEN, IN or IS NOT NULL";
                invalid(DOC.name, format!("domain: {text} is not understood; {form}"))
            })?;
            let Some(conditions) = self.understood() else { continue };
            let used = used_by(&conditions);
            let strange = used_by(std::slice::from_ref(&condition)).into_iter().find(|number| !used.contains(number));
            let name = |number: &usize| self.operands.list.get(*number).map(|operand| operand.expression.to_string());
            if let Some(strange) = strange.as_ref().and_then(name) {
                let known: Vec<String> = used.iter().filter_map(name).collect();
                let suggestion = crate::error::did_you_mean(&strange, known.iter().map(String::as_str));
                let problem = format!("domain: no rule tests {strange}{suggestion}; they test {}", known.join(", "));
                return Err(invalid(DOC.name, problem));
            }
            self.limits.push(condition);
        }
        Ok(())
    }
}

fn label(rules: &Rules, number: usize) -> String {
    let value = rules.rules.get(number).map(super::rules::Rule::label).unwrap_or_default();
    format!("{}: {value}", number + 1)
}

/// The name for a customer or cell that no rule matches.
fn unmatched(rules: &Rules) -> &'static str {
    if rules.otherwise.is_some() { "else" } else { "gap" }
}

/// Rules in one number, whose bits tell which of them match; all of these are positive BIGINTs.
const RULES_PER_NUMBER: usize = 62;

/// One pass over the customers, except those that exactly one rule matches.
///
/// Customers are grouped by numbers, which cost much less than the names of the rules; the names are made once per finding.
fn from_data(rules: &Rules, steps: Option<&BTreeSet<(usize, usize)>>, examples: i64) -> String {
    let conditions = rules.rules.iter().enumerate();
    let source = rules.with_key(conditions.map(|(number, rule)| (rule.condition.clone(), format!("rule_{number}_matches"))));
    let (mut columns, mut labels, mut bits) = (String::new(), String::new(), String::new());
    for number in 0..rules.rules.len() {
        let (place, bit) = (number / RULES_PER_NUMBER, 1_i64 << (number % RULES_PER_NUMBER));
        let _ = write!(columns, ", r{number}");
        let _ = write!(labels, ", CASE WHEN r{number} THEN {} END", literal(&label(rules, number)));
        let _ = write!(bits, "(matching_{place} & {bit}) <> 0, ");
    }
    let all: Vec<usize> = (0..rules.rules.len()).collect();
    let sum = |rules: &[usize], term: fn(usize) -> i64| {
        let terms = rules.iter().map(|number| format!("CASE WHEN r{number} THEN {} ELSE 0 END", term(number % RULES_PER_NUMBER)));
        format!("({})", terms.collect::<Vec<_>>().join(" + "))
    };
    let parts = all.chunks(RULES_PER_NUMBER);
    let numbers: String =
        parts.clone().enumerate().map(|(place, part)| format!(", {} AS matching_{place}", sum(part, |bit| 1 << bit))).collect();
    let names = (0..parts.len()).map(|place| format!("matching_{place}")).collect::<Vec<_>>().join(", ");
    let matching = parts.map(|part| sum(part, |_| 1)).collect::<Vec<_>>().join(" + ");
    let unmatched = unmatched(rules);
    // In a ladder, any two rules that match are a step of it.
    let others = (0..rules.rules.len()).flat_map(|later| (0..later).map(move |former| (former, later)));
    let others: Vec<String> = match steps {
        Some(steps) if !steps.is_empty() => {
            others.filter(|pair| !steps.contains(pair)).map(|(former, later)| format!("r{former} AND r{later}")).collect()
        }
        _ => vec!["true".into()],
    };
    let is_ladder = if others.is_empty() { "true".into() } else { format!("NOT ({})", others.join(" OR ")) };
    format!(
        "SELECT CASE WHEN claimed_by = '' THEN '{unmatched}' WHEN is_ladder THEN 'ladder' ELSE 'overlap' END AS finding, 'data' AS source, \
           nullif(claimed_by, '') AS rules, CAST(NULL AS VARCHAR) AS condition, customers, CAST(NULL AS BIGINT) AS cells, example_keys \
         FROM (SELECT concat_ws(', '{labels}) AS claimed_by, {is_ladder} AS is_ladder, customers, example_keys \
           FROM (SELECT {bits}count(*), \
               array_agg(CAST(customer AS VARCHAR) ORDER BY place) FILTER (WHERE place <= {examples}) \
             FROM (SELECT customer, {names}, row_number() OVER (PARTITION BY {names} ORDER BY customer) AS place \
               FROM (SELECT customer{numbers} FROM (\n{source}\n) AS customers(customer{columns}) WHERE {matching} <> 1) \
               GROUP BY customer, {names}) \
             GROUP BY {names}) AS findings({flags}, customers, example_keys))",
        flags = columns.trim_start_matches(", "),
    )
}

/// The findings of the analysis as rows; `None` if there are none.
fn from_rules(reading: &Reading, analysis: Option<Result<Analysis, Problem>>) -> Option<String> {
    let mut rows: Vec<String> = vec![];
    let text = |value: Option<&str>| value.map_or_else(|| "NULL".to_string(), literal);
    let mut row = |finding: &str, rules: Option<&str>, condition: Option<&str>, cells: Option<u64>| {
        let cells = cells.map_or_else(|| "NULL".to_string(), |cells| cells.min(i64::MAX as u64).to_string());
        rows.push(format!("({}, {}, {}, {cells})", literal(finding), text(rules), text(condition)));
    };
    match analysis {
        None => {
            for (number, condition) in reading.conditions.iter().enumerate() {
                if let Err(NotUnderstood(condition)) = condition {
                    row("not understood", Some(&label(&reading.rules, number)), Some(condition), None);
                }
            }
        }
        Some(Err(Problem::NotUnderstood(condition))) => row("not understood", None, Some(&condition), None),
        Some(Err(Problem::TooManyCells(cells))) => row("too many cells", None, None, Some(cells)),
        Some(Ok(mut analysis)) => {
            let mut findings = std::mem::take(&mut analysis.findings);
            let kind = |finding: &Finding| match finding.rules.as_slice() {
                [] => unmatched(&reading.rules),
                rules if analysis.is_ladder(rules) => "ladder",
                _ => "overlap",
            };
            if findings.len() > MOST_FINDINGS {
                findings.sort_by_key(|finding| std::cmp::Reverse(finding.cells));
            }
            let others = findings.split_off(findings.len().min(MOST_FINDINGS));
            for finding in &findings {
                let labels: Vec<String> = finding.rules.iter().map(|number| label(&reading.rules, *number)).collect();
                let labels = (!labels.is_empty()).then(|| labels.join(", "));
                row(kind(finding), labels.as_deref(), Some(&finding.condition), Some(finding.cells));
            }
            for summed in [unmatched(&reading.rules), "overlap", "ladder"] {
                let cells: u64 = others.iter().filter(|finding| kind(finding) == summed).map(|finding| finding.cells).sum();
                if cells > 0 {
                    row(summed, None, None, Some(cells));
                }
            }
        }
    }
    (!rows.is_empty()).then(|| {
        format!(
            "SELECT finding, 'rules', CAST(rules AS VARCHAR), CAST(condition AS VARCHAR), CAST(NULL AS BIGINT), CAST(cells AS BIGINT), NULL \
             FROM (VALUES {}) AS findings(finding, rules, condition, cells)",
            rows.join(", ")
        )
    })
}

/// What is known about each operand, from the types of columns and from what functions guarantee.
fn domains(call: &MacroCall, reading: &Reading) -> Vec<Domain> {
    let is_grouped = reading.rules.is_grouped();
    let operands = reading.operands.list.iter().enumerate();
    operands
        .map(|(number, operand)| {
            let field =
                call.columns.as_ref().and_then(|columns| columns.field_with_name(&format!("operand_{number}_of_rules")).ok());
            let domain = field.map_or(Domain::ANY, |field| Domain::of(field.data_type(), field.is_nullable()));
            domain.narrowed(&operand.expression, is_grouped)
        })
        .collect()
}
