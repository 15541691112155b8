//! Definitions: the statement that created an object, parsed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Expr, Interval, ObjectName, Query, Statement as SqlStatement, UnaryOperator, Value, ValueWithSpan};

use super::kind::{Kind, unknown_kind};
use super::other_names::ours;
use super::{GRAMMARS, kind_of};
use crate::adapter::arguments::Options;
use crate::catalog::objects::Object;
use crate::docs::{Argument, Doc, Takes};
use crate::error::{SqlState, coded, did_you_mean, in_quotes, invalid, nearest};
use crate::refresh::definition::AS_OF;
use crate::sql::command::{Body, Command, Create, Parameter, normal};
use crate::sql::parser::{self, Parsed};
use crate::sql::protection::Protection;
use crate::sql::references::{parameters_in, resolve_files};

/// The contents of a definition, of any kind.
#[derive(Debug, Clone)]
pub struct Definition {
    pub object: Object,
    pub kind: &'static dyn Kind,
    /// The options of its kind.
    pub options: Options,
    /// Options that its kind does not have, as written, among them those of a model's type.
    pub others: Vec<(String, Expr)>,
    /// The parameters in parentheses after its name.
    pub parameters: Vec<Parameter>,
    pub body: Body,
    /// The table after ON.
    pub table: Option<ObjectName>,
    /// What it protects, for kinds that protect.
    pub protection: Option<Protection>,
}

impl Definition {
    /// Parses the statement that created an object.
    ///
    /// # Errors
    /// It does not create an object of this kind, or an option is wrong.
    pub fn read(object: Object, session: &SessionState) -> Result<Self> {
        let kind = kind_of(&object.kind).ok_or_else(|| unknown_kind(&object))?;
        let unreadable = || invalid(&object.name, format!("its definition cannot be read: {}", object.sql));
        let statement = parser::parse_definition(&object.sql, session, &GRAMMARS)?.pop().ok_or_else(unreadable)?;
        let create = match statement.parsed {
            Parsed::Command(Command::Create(create)) if create.target.grammar.word() == kind.word() => *create,
            Parsed::Sql(mut parsed) if kind.is_of_sql() => {
                if let SqlParsed::Statement(statement) = parsed.as_mut()
                    && let SqlStatement::CreateView(view) = statement.as_mut()
                {
                    resolve_files(view.query.as_mut(), Path::new(&object.base));
                }
                let (options, others, body) = (Options::read(kind.doc(), vec![])?, vec![], Body::Sql(parsed));
                return Ok(Self { object, kind, options, others, parameters: vec![], body, table: None, protection: None });
            }
            Parsed::Command(_) | Parsed::Sql(_) => return Err(unreadable()),
        };
        Self::of(object, kind, create)
    }

    /// Builds a definition from a parsed CREATE statement.
    fn of(object: Object, kind: &'static dyn Kind, create: Create) -> Result<Self> {
        let label = object.label();
        let mut body = create.body;
        let base = Path::new(&object.base);
        match &mut body {
            Body::Query(query) => resolve_files(query.as_mut(), base),
            Body::Condition(condition) => resolve_files(condition.as_mut(), base),
            Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => {}
        }
        let (mut given, mut others, mut names) = (vec![], vec![], vec![]);
        for (name, value) in create.options {
            if names.contains(&name) {
                return Err(invalid(&label, format!("{name} is given twice")));
            }
            match kind.doc().argument(&name) {
                // A single name may be written without quotes.
                Some(Argument { name: own, takes: Takes::Names, .. }) if let Expr::Identifier(only) = &value => {
                    given.push((*own, ScalarValue::Utf8(Some(normal(only)))));
                }
                // A date may be written as `DATE '…'`.
                Some(Argument { name: own, takes: Takes::Moment, .. }) if let Expr::TypedString(written) = &value => {
                    given.push((*own, constant(&label, &name, &Expr::Value(written.value.clone()))?));
                }
                Some(argument) => given.push((argument.name, constant(&label, &name, &value)?)),
                None => others.push((name.clone(), value)),
            }
            names.push(name);
        }
        let options = Options::read_for(&label, kind.doc(), given)?;
        let Create { parameters, table, protection, .. } = create;
        Ok(Self { object, kind, options, others, parameters, body, table, protection })
    }

    /// The query of the definition.
    ///
    /// # Errors
    /// Its body is not a query.
    pub fn query(&self) -> Result<&Query> {
        match &self.body {
            Body::Query(query) => Ok(query),
            _ => Err(invalid(&self.object.label(), "its definition is not a query")),
        }
    }

    /// A string option, or an empty string.
    pub fn text(&self, option: &str) -> &str {
        self.options.text(option).unwrap_or_default()
    }

    /// Its description: from COMMENT ON, unless a later version of the definition has one.
    pub fn comment(&self) -> &str {
        let own = self.text("comment");
        match self.object.comments.get("") {
            Some(said) if own.is_empty() || self.object.version <= said.version => &said.text,
            _ => own,
        }
    }

    /// A string option that must be given.
    ///
    /// # Errors
    /// It is not given.
    pub fn required(&self, option: &str) -> Result<String> {
        let given = self.options.text(option).filter(|text| !text.trim().is_empty());
        given.map(str::to_string).ok_or_else(|| {
            let text = self.kind.doc().argument(option).map_or("", |argument| argument.text);
            let problem = format!("{option} is missing; write WITH ({option} = '…', …) before AS: {text}");
            invalid(&self.object.label(), problem)
        })
    }

    /// Its constants, written `$name` in the body and given a value in WITH. Every option that neither its kind nor the page `known` has
    /// must be one of these.
    ///
    /// # Errors
    /// An unknown option, or a `$name` without a value.
    pub fn constants(&self, known: Option<&'static Doc>) -> Result<BTreeMap<String, Expr>> {
        let label = self.object.label();
        let used = match &self.body {
            Body::Query(query) => parameters_in(query),
            Body::Condition(condition) => parameters_in(condition),
            Body::Sql(_) | Body::Script(_) | Body::Sequence(_) => vec![],
        };
        let is_parameter = |name: &String| self.parameters.iter().any(|parameter| parameter.name == *name);
        let own_options = || self.kind.doc().arguments.iter().chain(known.iter().flat_map(|doc| doc.arguments));
        let mut constants = BTreeMap::new();
        for (name, value) in &self.others {
            if known.is_some_and(|doc| {
                doc.argument(name).is_some_and(|argument| argument.takes.is_option() || argument.takes.is_role())
            }) {
                continue;
            }
            if !used.contains(name) || name == AS_OF {
                let is_given_here = |takes: Takes| takes.is_option() || takes.is_role();
                let options = own_options().filter(|argument| is_given_here(argument.takes)).map(|argument| argument.name);
                let word = ours(name, options.clone()).unwrap_or(name);
                let suggestion = did_you_mean(word, options.clone().chain(used.iter().map(String::as_str)));
                // `WITH (silver = 500)` and `$silber` after AS: one of the two is misspelt.
                let has_value = |used: &str| {
                    used == AS_OF || self.others.iter().any(|(given, _)| given == used) || is_parameter(&used.to_string())
                };
                let without_value = used.iter().map(String::as_str).filter(|used| !has_value(used));
                if !options.clone().any(|option| nearest(word, [option]).is_some())
                    && let Some(near) = nearest(name, without_value)
                {
                    let problem =
                        format!("{name} has a value in WITH, but after AS stands ${near}; write the same name in both places");
                    return Err(invalid(&label, problem));
                }
                // Some options, such as the key of a model, are on both pages.
                let mut told: Vec<&str> = vec![];
                options.for_each(|name| {
                    if !told.contains(&name) {
                        told.push(name)
                    }
                });
                let options = told.join(", ");
                let kind = self.kind.word();
                let of = known.map_or_else(String::new, |doc| format!(" of a {kind} of type '{}'", doc.name));
                let problem = format!(
                    "no such option{of}: {name}{suggestion}; it takes {options}, and constants that are used as ${name} after AS"
                );
                return Err(invalid(&label, problem));
            }
            if !is_constant(value) {
                let quotes = in_quotes(&value.to_string());
                return Err(invalid(&label, format!("{name} takes a constant, got {value}{quotes}")));
            }
            constants.insert(name.clone(), value.clone());
        }
        let has_value = |name: &&String| *name == AS_OF || constants.contains_key(*name) || is_parameter(name);
        if let Some(missing) = used.iter().find(|name| !has_value(name)) {
            let problem = format!("${missing} has no value; give it in WITH ({missing} = …), or with --set {missing}=…");
            return Err(coded(SqlState::UNDEFINED_PARAMETER, &label, problem));
        }
        Ok(constants)
    }
}

/// The value of a literal.
///
/// # Errors
/// It is not a constant.
pub fn constant(label: &str, name: &str, value: &Expr) -> Result<ScalarValue> {
    let wrong = || {
        let quotes = in_quotes(&value.to_string());
        invalid(label, format!("{name} takes a constant, got {value}{quotes}"))
    };
    let number = |text: &str| match text.parse::<i64>() {
        Ok(whole) => Ok(ScalarValue::Int64(Some(whole))),
        Err(_) => text.parse::<f64>().map(|number| ScalarValue::Float64(Some(number))).map_err(|_| wrong()),
    };
    match value {
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Value::Number(text, _) => number(text),
            Value::SingleQuotedString(text) => Ok(ScalarValue::Utf8(Some(text.clone()))),
            Value::Boolean(truth) => Ok(ScalarValue::Boolean(Some(*truth))),
            Value::Null => Ok(ScalarValue::Null),
            _ => Err(wrong()),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) => number(&format!("-{text}")),
            _ => Err(wrong()),
        },
        Expr::Interval(Interval { value: length, leading_field, .. }) => {
            let ScalarValue::Utf8(Some(length)) = constant(label, name, length)?.cast_to(&DataType::Utf8)? else {
                return Err(wrong());
            };
            let unit = leading_field.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
            let length = ScalarValue::Utf8(Some(format!("{length}{unit}")));
            length.cast_to(&DataType::Interval(IntervalUnit::MonthDayNano)).map_err(|_| wrong())
        }
        Expr::Array(list) => {
            let element = |element: &Expr| match element {
                Expr::Identifier(column) => Ok(ScalarValue::Utf8(Some(normal(column)))),
                other => constant(label, name, other),
            };
            let elements = list.elem.iter().map(element).collect::<Result<Vec<_>>>()?;
            let data_type = elements.first().map_or(DataType::Utf8, ScalarValue::data_type);
            if elements.iter().any(|element| element.data_type() != data_type) {
                return Err(invalid(label, format!("{name}: the elements of a list are of one type, got {value}")));
            }
            Ok(ScalarValue::List(ScalarValue::new_list(&elements, &data_type, true)))
        }
        _ => Err(wrong()),
    }
}

/// The value of a literal, or of a parameter in its place.
///
/// # Errors
/// It is neither, or the parameter has no value.
pub fn constant_or_parameter(
    label: &str,
    name: &str,
    value: &Expr,
    parameters: &HashMap<String, ScalarValue>,
) -> Result<ScalarValue> {
    let Expr::Value(ValueWithSpan { value: Value::Placeholder(parameter), .. }) = value else {
        return constant(label, name, value);
    };
    let Some(given) = parameters.get(parameter.trim_start_matches('$')) else {
        let problem = format!("{parameter} has no value; give it with --set");
        return Err(coded(SqlState::UNDEFINED_PARAMETER, label, problem));
    };
    // As literals have them.
    match given.data_type() {
        own if own.is_string() => given.cast_to(&DataType::Utf8),
        own if own.is_integer() => given.cast_to(&DataType::Int64),
        _ => Ok(given.clone()),
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
