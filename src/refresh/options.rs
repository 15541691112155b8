//! The options of a statement, `WITH (name = constant, …)`, read one by one.

use std::collections::BTreeMap;

use datafusion::common::{Result, ScalarValue};
use sqlparser::ast::{Expr, UnaryOperator, Value, ValueWithSpan};

use super::definition::AS_OF;
use crate::error::{did_you_mean, invalid, one_of};
use crate::learning::model::model_type as model_type_of;
use crate::sql::command::normal;

/// The options that objects of some kind have.
const KNOWN: [&str; 10] =
    ["key", "time_columns", "keep_snapshots", "path", "type", "multiple", "comment", "owner", "features", "weight"];

/// The options of a statement, taken one by one.
pub struct Options<'a> {
    pub subject: &'a str,
    pub given: Vec<(String, Expr)>,
    /// The names of `$name` after AS.
    pub used: Vec<String>,
}

/// A number, text or truth value as it is written.
fn constant(subject: &str, name: &str, value: &Expr) -> Result<ScalarValue> {
    let wrong = || invalid(subject, format!("{name} takes a constant, got {value}"));
    let number = |text: &str| match text.parse::<i64>() {
        Ok(whole) => Ok(ScalarValue::Int64(Some(whole))),
        Err(_) => text.parse::<f64>().map(|number| ScalarValue::Float64(Some(number))).map_err(|_| wrong()),
    };
    match value {
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Value::Number(text, _) => number(text),
            Value::SingleQuotedString(text) => Ok(ScalarValue::Utf8(Some(text.clone()))),
            Value::Boolean(truth) => Ok(ScalarValue::Boolean(Some(*truth))),
            _ => Err(wrong()),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) => number(&format!("-{text}")),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

impl Options<'_> {
    fn take(&mut self, name: &str) -> Result<Option<Value>> {
        let Some(place) = self.given.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, expression) = self.given.remove(place);
        if self.given.iter().any(|(given, _)| given == name) {
            return Err(invalid(self.subject, format!("{name} is given twice")));
        }
        match expression {
            Expr::Value(value) => Ok(Some(value.value)),
            other => Err(invalid(self.subject, format!("{name} takes a constant, got {other}"))),
        }
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::SingleQuotedString(text)) if !(text.trim().is_empty() && name == "key") => Ok(Some(text)),
            Some(other) => Err(invalid(self.subject, format!("{name} takes a text in quotes, got {other}"))),
        }
    }

    /// `'one, two'` or `['one', 'two']`
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        let place = self.given.iter().position(|(given, value)| given == name && matches!(value, Expr::Array(_)));
        let Some(place) = place else {
            let text = self.text(name)?;
            return Ok(
                text.map(|text| text.split(',').map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect())
            );
        };
        let (_, list) = self.given.remove(place);
        let Expr::Array(list) = list else { return Ok(None) };
        let texts = list.elem.iter().map(|element| match element {
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Ok(text.clone()),
            Expr::Identifier(name) => Ok(normal(name)),
            other => Err(invalid(self.subject, format!("{name} takes names of columns, got {other}"))),
        });
        texts.collect::<Result<_>>().map(Some)
    }

    /// The options of a type of model, as they are written.
    pub fn of_model(&mut self, model_type: &str) -> Result<Vec<(String, ScalarValue)>> {
        let Some(kind) = model_type_of(model_type) else { return Ok(vec![]) };
        let known = kind.doc().arguments.iter().filter(|argument| argument.takes.is_option());
        let mut options = vec![];
        for argument in known {
            let Some(place) = self.given.iter().position(|(given, _)| given == argument.name) else { continue };
            let (name, value) = self.given.remove(place);
            if self.given.iter().any(|(given, _)| *given == name) {
                return Err(invalid(self.subject, format!("{name} is given twice")));
            }
            options.push((name, constant(self.subject, argument.name, &value)?));
        }
        let unknown = self.given.iter().find(|(name, _)| !KNOWN.contains(&name.as_str()));
        if let Some((name, _)) = unknown.filter(|(name, _)| !self.used.contains(name)) {
            let names = kind.doc().arguments.iter().filter(|argument| argument.takes.is_option()).map(|argument| argument.name);
            let suggestion = did_you_mean(name, names.clone());
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(invalid(
                self.subject,
                format!("no such option of a model of type '{model_type}': {name}{suggestion}; it takes {names}"),
            ));
        }
        Ok(options)
    }

    pub fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(flag)),
            Some(other) => Err(invalid(self.subject, format!("{name} takes true or false, got {other}"))),
        }
    }

    pub fn count(&mut self, name: &str) -> Result<Option<usize>> {
        let Some(value) = self.take(name)? else { return Ok(None) };
        let count = match &value {
            Value::Number(number, _) => number.parse().ok().filter(|count| *count > 0),
            _ => None,
        };
        count.map(Some).ok_or_else(|| invalid(self.subject, format!("{name} takes a whole number of at least 1, got {value}")))
    }

    pub fn choice(&mut self, name: &str, words: &[&str]) -> Result<Option<String>> {
        let Some(word) = self.text(name)? else { return Ok(None) };
        if words.contains(&word.as_str()) {
            return Ok(Some(word));
        }
        let suggestion = did_you_mean(&word, words.iter().copied());
        Err(invalid(self.subject, format!("{name} must be {}, got '{word}'{suggestion}", one_of(words.iter().copied()))))
    }

    /// `'orders.ordered_at, events.occurred_at'`
    pub fn time_columns(&mut self) -> Result<Vec<(String, String)>> {
        let Some(text) = self.text("time_columns")? else { return Ok(vec![]) };
        let columns = text.split(',').map(|entry| match entry.trim().rsplit_once('.') {
            Some((table, column)) if !table.trim().is_empty() && !column.trim().is_empty() => {
                Ok((table.trim().to_string(), column.trim().to_string()))
            }
            _ => Err(invalid(self.subject, format!("time_columns takes 'table.column, …', got '{entry}'"))),
        });
        columns.collect()
    }

    /// What is left are constants of the object's own, if its body uses them.
    pub fn parameters(self) -> Result<BTreeMap<String, Expr>> {
        let used = self.used;
        let mut parameters = BTreeMap::new();
        for (name, value) in self.given {
            if KNOWN.contains(&name.as_str()) {
                return Err(invalid(self.subject, format!("{name} is no option of this kind of object")));
            }
            if !used.contains(&name) || name == AS_OF {
                let suggestion = did_you_mean(&name, KNOWN.into_iter().chain(used.iter().map(String::as_str)));
                let problem =
                    format!("no such option: {name}{suggestion}; a constant of its own must be used as ${name} after AS");
                return Err(invalid(self.subject, problem));
            }
            if !is_constant(&value) {
                return Err(invalid(self.subject, format!("{name} takes a constant, got {value}")));
            }
            if parameters.insert(name.clone(), value).is_some() {
                return Err(invalid(self.subject, format!("{name} is given twice")));
            }
        }
        if let Some(missing) = used.iter().find(|name| *name != AS_OF && !parameters.contains_key(*name)) {
            let problem = format!("${missing} has no value; give it in WITH ({missing} = …), or with --set {missing}=…");
            return Err(invalid(self.subject, problem));
        }
        Ok(parameters)
    }
}

fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_constant(expr),
        Expr::TypedString { .. } | Expr::Interval(_) => true,
        Expr::Array(array) => array.elem.iter().all(is_constant),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_constant(inner),
        _ => false,
    }
}
