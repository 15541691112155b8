//! The rules of `clean` and `clean_log`: parsed from the call, and written as one query that applies them.
//!
//! Each rule is a layer over the result of the previous one. A layer marks the rows that the rule applies to, keeps the old
//! value, and sets the new one. No row is dropped before the last layer, so that rows and log come from the same query.

use std::fmt::Write;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::input::{INPUT, one_or_list};
use crate::adapter::macro_input::{Known, column_name, plain, question, required};
use crate::adapter::table_macro::MacroCall;
use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid, one_of};
use crate::text::{as_sql, identifier, literal};

pub const RULES: Argument =
    Argument::required("rules", Takes::Value("list of rules"), "`[{name: …, column: …, condition: …, action: …}, …]`; see above");
pub const KEY: &str = "key";

/// The description of rules in the pages of both functions.
pub const ABOUT_RULES: &str = "\
A rule is written in braces, or as `rule(name => …, column => …, …)`:

| part | meaning |
|---|---|
| `name` | name of the rule in the log; default: the text of its condition |
| `action` | `'null'`, `'replace'`, `'clip'`, `'flag'` or `'drop'` |
| `column` | column that `null`, `replace` and `clip` change; for `flag` and `drop`, optionally the column they are about |
| `condition` | which rows the rule applies to: any condition over the columns, also with window functions: `amount >= 10 * avg(amount) OVER (PARTITION BY customer_id)`; not needed for `clip` |
| `value` | for `replace`: the new value, an expression over the row |
| `lower`, `upper` | for `clip`: values outside are set to these limits, or to the nearest value of the column within them; NaN is above every limit; give one or both |

`null` sets the value to NULL; `flag` changes nothing and adds an entry to the log; `drop` removes the row from the result, but not from the
log. Rules are applied in order, and each rule sees the result of the rules before it. A dropped row is not changed any more, but window
functions in later conditions still read it. A condition that is NULL does not apply. A rule that would not change the value does nothing
and is not logged. A column keeps its type.

Rules are part of the call and are not read from a table. So each condition is SQL that is checked when the query is planned, and an error
points to it. To keep the rules in one place, create a view of the call.

**Cost.** One pass: the rules become expressions of one query, and memory does not grow with the rows, except for what a window function
in a condition needs.

**Elsewhere.** In SQL a CASE for each column, without a log; R: `dplyr::mutate` with `case_when`; Great Expectations and dbt tests find
such rows and do not change them; OpenRefine keeps its steps, but not what each changed.";

/// The parts a rule may have.
const PARTS: [&str; 7] = ["name", "action", "column", "condition", "value", "lower", "upper"];

const ACTIONS: [&str; 5] = ["null", "replace", "clip", "flag", "drop"];

#[derive(Debug, PartialEq)]
enum Action {
    Null,
    Replace(String),
    Clip { lower: Option<String>, upper: Option<String> },
    Flag,
    Drop,
}

#[derive(Debug)]
struct Rule {
    name: String,
    column: Option<String>,
    condition: Option<String>,
    action: Action,
}

/// The query whose columns the rules are read against.
pub fn ask(call: &MacroCall) -> Result<String> {
    Ok(question(&call.relation(INPUT.name)?, &one_or_list(call, KEY)?))
}

/// Which rows are returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Kept,
    Dropped,
    All,
}

/// The rules of a call, checked against its input.
#[derive(Debug)]
pub struct Rules<'a> {
    call: &'a MacroCall,
    known: Known,
    rules: Vec<Rule>,
}

impl<'a> Rules<'a> {
    pub fn read(call: &'a MacroCall, added: &[&str]) -> Result<Self> {
        let known = Known::of(call, one_or_list(call, KEY)?.len());
        known.check_free(call, added)?;
        let doc = call.doc;
        let list = match required(call, RULES.name)? {
            Expr::Array(list) => list,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => {
                let problem = "rules are written in the call and not read from a table, so that each condition is checked; to keep them in one place, create a view: CREATE VIEW … AS SELECT * FROM clean(…, rules => [{column: …, condition: …, action: …}, …])";
                return Err(invalid(doc.name, problem));
            }
            _ => {
                return Err(invalid(doc.name, "rules must be a list; write rules => [{column: …, condition: …, action: …}, …]"));
            }
        };
        if list.elem.is_empty() {
            return Err(invalid(doc.name, "rules needs at least one rule"));
        }
        let mut rules: Vec<Rule> = vec![];
        for (number, rule) in list.elem.iter().enumerate() {
            let rule = Reader { doc, number: number + 1, known: &known }.read(rule)?;
            if rules.iter().any(|other| other.name == rule.name) {
                let problem =
                    format!("rule {}: another rule is called '{}' too; give it a name of its own", number + 1, rule.name);
                return Err(invalid(doc.name, problem));
            }
            rules.push(rule);
        }
        Ok(Self { call, known, rules })
    }

    /// The rows with the rules applied, and the changes of each.
    pub fn rows(&self, wanted: Wanted) -> Result<String> {
        let layers = self.layers(&[])?;
        let filter = match (wanted, self.dropped(self.rules.len())) {
            (Wanted::All, _) | (Wanted::Kept, None) => String::new(),
            (Wanted::Dropped, None) => " WHERE false".to_string(),
            (Wanted::Kept, Some(dropped)) => format!(" WHERE NOT ({dropped})"),
            (Wanted::Dropped, Some(dropped)) => format!(" WHERE {dropped}"),
        };
        let changes = self.changes();
        // In a layer of its own, because `* EXCLUDE` would also leave out input columns of the same names.
        let helpers = self.helpers().join(", ");
        Ok(format!(
            "SELECT * EXCLUDE ({helpers}) FROM (SELECT *, {changes} AS changes FROM ({layers}) AS \"cleaned\"{filter}) AS \"cleaned\""
        ))
    }

    /// One row per change.
    pub fn log(&self) -> Result<String> {
        let keys = one_or_list(self.call, KEY)?;
        let own: Vec<(String, String)> = keys
            .iter()
            .enumerate()
            .map(|(number, key)| {
                let unnamed = if number == 0 { KEY.to_string() } else { format!("{KEY}_{}", number + 1) };
                (format!("\"key {number}\""), column_name(key).unwrap_or(unnamed))
            })
            .collect();
        if let Some((_, twice)) = own
            .iter()
            .enumerate()
            .find(|(place, (_, name))| own[..*place].iter().any(|(_, other)| other == name))
            .map(|(_, key)| key)
        {
            return Err(invalid(self.call.doc.name, format!("key contains {twice} twice")));
        }
        let computed: Vec<String> =
            keys.iter().zip(&own).map(|(key, (helper, _))| format!("{} AS {helper}", as_sql(*key))).collect();
        let layers = self.layers(&computed)?;
        let helpers: String = own.iter().map(|(helper, _)| format!("{helper}, ")).collect();
        let named: String = own.iter().map(|(helper, name)| format!("{helper} AS {}, ", identifier(name))).collect();
        let parts = CHANGE.map(|part| format!("\"change\"['{part}'] AS {}", identifier(part)));
        let changes = self.changes();
        Ok(format!(
            "SELECT {named}{} FROM (SELECT {helpers}unnest({changes}) AS \"change\" FROM ({layers}) AS \"cleaned\") AS \"cleaned\"",
            parts.join(", ")
        ))
    }

    /// The query with all layers; `first` is computed from the input rows.
    fn layers(&self, first: &[String]) -> Result<String> {
        let input = self.call.relation(INPUT.name)?;
        let alias = &input.alias;
        let first: String = first.iter().map(|column| format!(", {column}")).collect();
        let mut query = format!("SELECT {alias}.*{first} FROM {input}");
        for (number, rule) in self.rules.iter().enumerate() {
            let (applies, before, after) = (helper(number, "applies"), helper(number, "before"), helper(number, "after"));
            let mut condition = rule.condition.as_ref().map_or_else(String::new, |condition| format!("({condition})"));
            let column = rule.column.as_deref().map(identifier);
            let new = self.new_value(rule)?;
            let mut and = |part: &str| {
                let _ = if condition.is_empty() { write!(condition, "{part}") } else { write!(condition, " AND {part}") };
            };
            match (&rule.action, &column) {
                (Action::Null, Some(column)) => and(&format!("{column} IS NOT NULL")),
                (Action::Replace(_), Some(column)) => and(&format!("{column} IS DISTINCT FROM {new}")),
                (Action::Clip { lower, upper }, Some(column)) => {
                    let beyond = [
                        lower.as_ref().map(|lower| format!("{column} < {lower}")),
                        upper.as_ref().map(|upper| format!("{column} > {upper}")),
                    ];
                    and(&format!("({})", beyond.into_iter().flatten().collect::<Vec<_>>().join(" OR ")));
                    and(&format!("{column} IS DISTINCT FROM {new}"));
                }
                _ => {}
            }
            if let Some(dropped) = self.dropped(number) {
                and(&format!("NOT ({dropped})"));
            }
            let before = column.as_ref().map_or_else(String::new, |column| format!(", CAST({column} AS VARCHAR) AS {before}"));
            query = format!("SELECT *, coalesce({condition}, false) AS {applies}{before} FROM (\n{query}\n) AS {alias}");
            if let (Some(column), false) = (&column, matches!(rule.action, Action::Flag | Action::Drop)) {
                let value = format!("CASE WHEN {applies} THEN {new} ELSE {column} END");
                query = format!(
                    "SELECT * REPLACE ({value} AS {column}), CAST({value} AS VARCHAR) AS {after} FROM ({query}) AS {alias}"
                );
            }
        }
        Ok(query)
    }

    /// The new value that a rule sets, in the type of the column.
    fn new_value(&self, rule: &Rule) -> Result<String> {
        let Some(name) = &rule.column else { return Ok(String::new()) };
        let column = identifier(name);
        let data_type = self.known.column(name).map(|field| field.data_type());
        if let (Action::Clip { .. }, Some(data_type)) = (&rule.action, data_type)
            && !(data_type.is_numeric() || data_type.is_temporal())
        {
            let problem = format!("clip takes a column of numbers, dates or times; {name} is {data_type}");
            return Err(invalid(self.call.doc.name, problem));
        }
        let typed = |value: &str| match data_type {
            // CAST rounds, as INSERT and UPDATE do; `arrow_cast` alone would cut.
            Some(whole) if whole.is_integer() => {
                format!("arrow_cast(CAST({value} AS BIGINT), {})", literal(&whole.to_string()))
            }
            Some(data_type) if !data_type.is_nested() => format!("arrow_cast({value}, {})", literal(&data_type.to_string())),
            _ => value.to_string(),
        };
        Ok(match &rule.action {
            Action::Null => "NULL".to_string(),
            Action::Replace(value) => typed(value),
            Action::Clip { lower, upper } => {
                let step = data_type.and_then(step);
                // A limit with more decimals than the column may be rounded beyond itself: then the next value within it.
                let within = |limit: &str, beyond: char, back: char| {
                    let value = typed(limit);
                    match &step {
                        Some(step) => {
                            typed(&format!("CASE WHEN {value} {beyond} {limit} THEN {value} {back} {step} ELSE {value} END"))
                        }
                        None => value,
                    }
                };
                let mut cases = String::new();
                if let Some(lower) = lower {
                    let _ = write!(cases, " WHEN {column} < {lower} THEN {}", within(lower, '<', '+'));
                }
                if let Some(upper) = upper {
                    let _ = write!(cases, " WHEN {column} > {upper} THEN {}", within(upper, '>', '-'));
                }
                format!("CASE{cases} ELSE {column} END")
            }
            Action::Flag | Action::Drop => String::new(),
        })
    }

    /// The condition that an earlier rule has dropped the row.
    fn dropped(&self, before: usize) -> Option<String> {
        let dropping = self.rules.iter().enumerate().take(before).filter(|(_, rule)| rule.action == Action::Drop);
        let conditions: Vec<String> = dropping.map(|(number, _)| helper(number, "applies")).collect();
        (!conditions.is_empty()).then(|| conditions.join(" OR "))
    }

    /// The columns that the layers add.
    fn helpers(&self) -> Vec<String> {
        let mut helpers = vec![];
        for (number, rule) in self.rules.iter().enumerate() {
            helpers.push(helper(number, "applies"));
            if rule.column.is_some() {
                helpers.push(helper(number, "before"));
                if !matches!(rule.action, Action::Flag | Action::Drop) {
                    helpers.push(helper(number, "after"));
                }
            }
        }
        helpers
    }

    /// The list of a row's changes.
    fn changes(&self) -> String {
        let changes = self.rules.iter().enumerate().map(|(number, rule)| {
            let none = "CAST(NULL AS VARCHAR)".to_string();
            let before = if rule.column.is_some() { helper(number, "before") } else { none.clone() };
            let (action, after) = match rule.action {
                Action::Null => ("null", helper(number, "after")),
                Action::Replace(_) => ("replace", helper(number, "after")),
                Action::Clip { .. } => ("clip", helper(number, "after")),
                // A value that is only marked stays the same; in a dropped row there is no new value.
                Action::Flag => ("flag", before.clone()),
                Action::Drop => ("drop", none.clone()),
            };
            let column = rule.column.as_ref().map_or(none, |column| format!("CAST({} AS VARCHAR)", literal(column)));
            let parts = [
                format!("CAST({} AS VARCHAR)", literal(&rule.name)),
                format!("CAST('{action}' AS VARCHAR)"),
                column,
                before,
                after,
            ];
            let parts: Vec<String> = CHANGE.iter().zip(parts).map(|(name, value)| format!("'{name}', {value}")).collect();
            format!("CASE WHEN {} THEN named_struct({}) END", helper(number, "applies"), parts.join(", "))
        });
        format!("array_compact(make_array({}))", changes.collect::<Vec<_>>().join(", "))
    }
}

/// The step from one value of a type to the next; `None` for floats and times, which need no rounding of limits.
fn step(data_type: &DataType) -> Option<String> {
    match data_type {
        whole if whole.is_integer() => Some("1".into()),
        DataType::Date32 | DataType::Date64 => Some("1".into()),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => match usize::try_from(*scale) {
            Ok(0) => Some("1".into()),
            Ok(scale) => Some(format!("0.{:0>scale$}", 1)),
            Err(_) => None,
        },
        _ => None,
    }
}

/// The fields of a change.
pub const CHANGE: [&str; 5] = ["rule", "action", "column_name", "before", "after"];

fn helper(number: usize, what: &str) -> String {
    format!("\"rule {} {what}\"", number + 1)
}

/// Reads one rule.
struct Reader<'a> {
    doc: &'static Doc,
    number: usize,
    known: &'a Known,
}

impl Reader<'_> {
    fn wrong(&self, problem: impl std::fmt::Display) -> DataFusionError {
        invalid(self.doc.name, format!("rule {}: {problem}", self.number))
    }

    fn read(&self, rule: &Expr) -> Result<Rule> {
        let parts = self.parts(rule)?;
        let part = |name: &str| parts.iter().find(|(part, _)| part == name).map(|(_, value)| value);
        let sql = |name: &str| part(name).map(as_sql);
        let action = part("action").ok_or_else(|| self.wrong(format!("action is missing; write action: {}", one_of(ACTIONS))))?;
        let action = self.action(action)?;
        let column = part("column").map(|column| self.column(column)).transpose()?;
        let condition = sql("condition");
        let changes = matches!(action, "null" | "replace" | "clip");
        if changes && column.is_none() {
            return Err(self.wrong(format!("column is missing; '{action}' needs the column to change")));
        }
        if condition.is_none() && action != "clip" {
            return Err(self.wrong("condition is missing; write condition: …"));
        }
        for (name, owner) in [("value", "replace"), ("lower", "clip"), ("upper", "clip")] {
            if part(name).is_some() && action != owner {
                return Err(self.wrong(format!("{name} is for action '{owner}', not for '{action}'")));
            }
        }
        let default_name = match (&condition, sql("lower"), sql("upper")) {
            (Some(condition), ..) => condition.clone(),
            (None, lower, upper) => {
                let bound = |bound: Option<String>, none: &str| bound.unwrap_or_else(|| none.to_string());
                format!("{} from {} to {}", column.as_deref().unwrap_or_default(), bound(lower, "-inf"), bound(upper, "inf"))
            }
        };
        let name = part("name").map(|name| self.text("name", name)).transpose()?.unwrap_or(default_name);
        let action = match action {
            "null" => Action::Null,
            "replace" => {
                Action::Replace(sql("value").ok_or_else(|| self.wrong("value is missing; 'replace' needs the new value"))?)
            }
            "clip" => match (sql("lower"), sql("upper")) {
                (None, None) => return Err(self.wrong("'clip' needs lower, upper or both")),
                (lower, upper) => {
                    let number = |limit: &Option<String>| limit.as_ref().and_then(|limit| limit.parse::<f64>().ok());
                    if let (Some(lower), Some(upper)) = (number(&lower), number(&upper))
                        && lower > upper
                    {
                        return Err(self.wrong(format!("lower must not be above upper, got {lower} and {upper}")));
                    }
                    Action::Clip { lower, upper }
                }
            },
            "flag" => Action::Flag,
            _ => Action::Drop,
        };
        Ok(Rule { name, column, condition, action })
    }

    /// Name and value of each part.
    fn parts(&self, rule: &Expr) -> Result<Vec<(String, Expr)>> {
        let form = "a rule is {name: …, column: …, condition: …, action: …}";
        let mut parts: Vec<(String, Expr)> = match rule {
            Expr::Dictionary(fields) => fields.iter().map(|field| (plain(&field.key), field.value.as_ref().clone())).collect(),
            Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("rule") => {
                let arguments: Vec<FunctionArg> = match &call.args {
                    FunctionArguments::List(list) => list.args.clone(),
                    _ => vec![],
                };
                let named = arguments.into_iter().map(|argument| match argument {
                    FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => Ok((plain(&name), value)),
                    FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                        Ok((plain(&name), value))
                    }
                    other => Err(self.wrong(format!("{other} needs a name; write name => …"))),
                });
                named.collect::<Result<_>>()?
            }
            other => return Err(self.wrong(format!("{form}, got {}", as_sql(other)))),
        };
        for (name, _) in &mut parts {
            *name = name.to_lowercase();
        }
        for (place, (name, _)) in parts.iter().enumerate() {
            if !PARTS.contains(&name.as_str()) {
                let suggestion = did_you_mean(name, PARTS);
                return Err(self.wrong(format!("unknown part \"{name}\"{suggestion}; it has {}", PARTS.join(", "))));
            }
            if parts[..place].iter().any(|(other, _)| other == name) {
                return Err(self.wrong(format!("{name} is given twice")));
            }
        }
        Ok(parts)
    }

    fn action(&self, action: &Expr) -> Result<&'static str> {
        let word = match action {
            Expr::Identifier(name) => name.value.clone(),
            Expr::Value(value) if value.value == Value::Null => "null".to_string(),
            other => self.text("action", other)?,
        };
        ACTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(&word)).ok_or_else(|| {
            let suggestion = did_you_mean(&word, ACTIONS);
            self.wrong(format!("action must be {}, got '{word}'{suggestion}", one_of(ACTIONS)))
        })
    }

    fn text(&self, part: &str, value: &Expr) -> Result<String> {
        match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => Ok(text.clone()),
                other => Err(self.wrong(format!("{part} must be a string, got {other}"))),
            },
            other => Err(self.wrong(format!("{part} must be a string, got {}", as_sql(other)))),
        }
    }

    fn column(&self, column: &Expr) -> Result<String> {
        let name = match column {
            Expr::Value(_) => self.text("column", column)?,
            other => column_name(other)
                .ok_or_else(|| self.wrong(format!("column must be a column of the input, got {}", as_sql(other))))?,
        };
        if self.known.is_known() && self.known.column(&name).is_none() {
            let suggestion = did_you_mean(&name, self.known.names());
            let known: Vec<&str> = self.known.names().collect();
            return Err(self.wrong(format!("the input has no column \"{name}\"{suggestion}; it has {}", known.join(", "))));
        }
        if let Some(DataType::Null) = self.known.column(&name).map(|field| field.data_type()) {
            return Err(self.wrong(format!("column \"{name}\" has no type; convert it with CAST")));
        }
        Ok(name)
    }
}
