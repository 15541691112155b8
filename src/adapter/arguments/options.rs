//! The options of a call.

use std::collections::BTreeMap;
use std::fmt;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::{Result, ScalarValue};

use super::check::check_option;
use super::{Moment, find};
use crate::docs::{Doc, Kind};
use crate::error::invalid;
use crate::kernels::decimal::Decimal;

/// The value of an option after checking.
#[derive(Debug, Clone)]
pub enum Value {
    Integer(i64),
    Float(f64),
    Floats(Vec<f64>),
    List(ArrayRef),
    Word(&'static str),
    Moment(Moment),
    Interval(IntervalMonthDayNano),
    Cuts(Vec<Decimal>),
    Text(String),
    Flag(bool),
    Names(Vec<String>),
}

/// The options of a call: the given values, and the defaults on the page.
#[derive(Debug, Clone)]
pub struct Options {
    doc: &'static Doc,
    given: BTreeMap<&'static str, Value>,
    written: Vec<(&'static str, ScalarValue)>,
    is_of_a_row: bool,
}

impl fmt::Display for Options {
    /// The given values, in the order of the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.given.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            match value {
                Value::Integer(value) => write!(f, "{name} => {value}")?,
                Value::Word(value) => write!(f, "{name} => '{value}'")?,
                value => write!(f, "{name} => {value:?}")?,
            }
        }
        Ok(())
    }
}

impl Options {
    /// Checks every given value against the page. NULL means the default.
    pub fn read(doc: &'static Doc, given: Vec<(&'static str, ScalarValue)>) -> Result<Self> {
        Self::read_for(doc.name, doc, given)
    }

    /// The same, with `subject` at the start of error messages.
    pub fn read_for(subject: &str, doc: &'static Doc, given: Vec<(&'static str, ScalarValue)>) -> Result<Self> {
        let mut options = Self { doc, given: BTreeMap::new(), written: vec![], is_of_a_row: false };
        for (name, value) in given {
            let argument = find(doc, name)?;
            if options.written.iter().any(|(other, _)| *other == name) {
                return Err(invalid(subject, format!("{} is given twice", argument.name)));
            }
            if value.is_null() {
                if argument.default.is_none() && doc.kind == Kind::Relation {
                    return Err(invalid(subject, format!("{name} has no default; give it")));
                }
                continue;
            }
            options.given.insert(argument.name, check_option(subject, argument, &value)?);
            options.written.push((argument.name, value));
        }
        Ok(options)
    }

    /// The same, with a value that comes from a column.
    pub fn of_a_row(self) -> Self {
        Self { is_of_a_row: true, ..self }
    }

    /// True if a value comes from a column: a value of which nothing is known is then bad input rather than a wrong call.
    pub fn is_of_a_row(&self) -> bool {
        self.is_of_a_row
    }

    /// The given values, from which the same options can be [read](Self::read) again.
    pub fn written(&self) -> &[(&'static str, ScalarValue)] {
        &self.written
    }

    /// True when the call gives this option.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// An integer, given or by default.
    pub fn integer(&self, name: &str) -> Result<i64> {
        match self.given.get(name) {
            Some(Value::Integer(value)) => Ok(*value),
            _ => self.default_text(name)?.parse().map_err(|_| self.no_default(name)),
        }
    }

    /// A float, given or by default.
    pub fn float(&self, name: &str) -> Result<f64> {
        match self.given.get(name) {
            Some(Value::Float(value)) => Ok(*value),
            _ => self.default_text(name)?.parse().map_err(|_| self.no_default(name)),
        }
    }

    /// A list of numbers, when given.
    pub fn floats(&self, name: &str) -> Option<&[f64]> {
        match self.given.get(name) {
            Some(Value::Floats(values)) => Some(values),
            _ => None,
        }
    }

    /// A list of values, when given, in the type they were written in.
    pub fn list(&self, name: &str) -> Option<&ArrayRef> {
        match self.given.get(name) {
            Some(Value::List(values)) => Some(values),
            _ => None,
        }
    }

    /// One of the page's choices, given or by default.
    pub fn word(&self, name: &str) -> Result<&'static str> {
        match self.given.get(name) {
            Some(Value::Word(word)) => Ok(word),
            _ => Ok(self.default_text(name)?.trim_matches('\'')),
        }
    }

    /// A string, when given.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A boolean, given or by default.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.given.get(name) {
            Some(Value::Flag(flag)) => Ok(*flag),
            _ => Ok(self.default_text(name)? == "true"),
        }
    }

    /// Names of columns, several choices, or strings, when given.
    pub fn names(&self, name: &str) -> Option<&[String]> {
        match self.given.get(name) {
            Some(Value::Names(names)) => Some(names),
            _ => None,
        }
    }

    /// A point in time, when given.
    pub fn moment(&self, name: &str) -> Option<&Moment> {
        match self.given.get(name) {
            Some(Value::Moment(moment)) => Some(moment),
            _ => None,
        }
    }

    /// An interval, when given.
    pub fn interval(&self, name: &str) -> Option<IntervalMonthDayNano> {
        match self.given.get(name) {
            Some(Value::Interval(interval)) => Some(*interval),
            _ => None,
        }
    }

    /// Cut points in strictly ascending order, when given.
    pub fn cuts(&self, name: &str) -> Option<&[Decimal]> {
        match self.given.get(name) {
            Some(Value::Cuts(cuts)) => Some(cuts),
            _ => None,
        }
    }

    fn default_text(&self, name: &str) -> Result<&'static str> {
        find(self.doc, name)?.default.ok_or_else(|| self.no_default(name))
    }

    fn no_default(&self, name: &str) -> datafusion::error::DataFusionError {
        invalid(self.doc.name, format!("{name} has no default; give it"))
    }
}
