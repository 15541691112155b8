//! The one place that checks arguments and writes the errors about them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::kernels::cast_utils::{IntervalParseConfig, IntervalUnit, parse_interval_month_day_nano_config};
use datafusion::arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{Result, ScalarValue};

use super::given_table;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{did_you_mean, invalid, one_of};
use crate::kernels::decimal::Decimal;
use crate::text::first_part;

/// One role of a call: a column of the projected input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Role {
    /// The argument's name; the columns of a list share it.
    pub name: &'static str,
    /// The column's own name in the input.
    pub column: String,
    /// Type and nullability.
    pub field: FieldRef,
}

/// The roles given in a call, in the order of the columns in the projected input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Roles(pub Vec<Role>);

impl Roles {
    /// The role with that name, if given.
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|role| role.name == name)
    }

    /// The columns of a list, with their positions in the projected input.
    pub fn list(&self, name: &str) -> impl Iterator<Item = (usize, &Role)> {
        self.0.iter().enumerate().filter(move |(_, role)| role.name == name)
    }

    /// A role that the function's page requires.
    pub fn required(&self, name: &str) -> Result<&Role> {
        self.get(name).ok_or_else(|| invalid(name, "this role is required"))
    }

    /// The type of a required role.
    pub fn data_type(&self, name: &str) -> Result<&DataType> {
        Ok(self.required(name)?.field.data_type())
    }
}

/// The argument of `doc` called `name`, or an error that lists the available ones.
pub fn find(doc: &'static Doc, name: &str) -> Result<&'static Argument> {
    doc.argument(name).ok_or_else(|| {
        let names = || doc.arguments.iter().map(|argument| argument.name);
        let suggestion = match alike(name, names()) {
            Some(meant) => did_you_mean(meant, [meant]),
            None => did_you_mean(name, names()),
        };
        let known = names().collect::<Vec<_>>().join(", ");
        invalid(doc.name, format!("unknown argument \"{name}\"{suggestion}; it takes {known}"))
    })
}

/// Names that other programs, or other functions, have for the same thing.
const ALIKE: [&[&str]; 14] = [
    &["pre", "covariate", "cuped", "baseline"],
    &["group", "variant", "arm", "treatment"],
    &["metric", "outcome", "measure"],
    &["customer", "customer_id", "user", "user_id", "client", "person", "key", "id"],
    &["order_time", "event_time", "ordered_at", "date", "time", "timestamp"],
    &["amount", "monetary", "revenue", "sales", "price", "value"],
    &["per", "by", "group_by", "partition_by", "segment"],
    &["n_clusters", "clusters", "k"],
    &["random_state", "seed"],
    &["basket", "order", "order_id", "transaction", "invoice"],
    &["item", "product", "product_id", "sku"],
    &["max_iter", "n_iter", "iterations", "max_iterations"],
    &["features", "columns", "predictors", "covariates"],
    &["as_of", "today", "reference_date", "snapshot_date", "analysis_date"],
];

/// The first of these names that means the same as `name`.
fn alike<'a>(name: &str, mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let like = ALIKE.iter().find(|like| like.contains(&name.as_str()))?;
    names.find(|known| like.contains(known))
}

/// Fails if a required argument is not in `given`.
pub fn require_all(doc: &'static Doc, given: &[&str]) -> Result<()> {
    for argument in doc.arguments {
        if argument.default.is_none() && !given.contains(&argument.name) {
            let form = match argument.takes {
                Takes::Relation if doc.arguments.first().is_some_and(|first| first.name == argument.name) => {
                    "the input comes first: a table name or (SELECT …)".to_string()
                }
                takes => format!("write {} => … ({}, {})", argument.name, takes.describe(), first_part(argument.text)),
            };
            return Err(invalid(doc.name, format!("{} is missing; {form}", argument.name)));
        }
    }
    Ok(())
}

/// Checks the type of a role's expression.
pub fn check_role(doc: &Doc, takes: Takes, role: &Role) -> Result<()> {
    let data_type = role.field.data_type();
    let (fits, wanted, advice) = match takes {
        Takes::Time => {
            (is_time(data_type), "a DATE or TIMESTAMP", "; convert it with CAST(… AS DATE), to_timestamp(…) or parse_date(…)")
        }
        Takes::Number => (data_type.is_numeric(), "a number", "; convert it with CAST(… AS DECIMAL(12, 2)) or parse_number(…)"),
        Takes::Condition | Takes::Conditions | Takes::ConditionOr(_) => {
            (*data_type == DataType::Boolean, "a condition", "; write one that is true or false, such as event = 'buy'")
        }
        Takes::Numbers => (data_type.is_numeric(), "numbers", NO_NUMBER),
        Takes::Metrics => {
            let fits = data_type.is_numeric() || *data_type == DataType::Boolean;
            (fits, "numbers or booleans", "; convert it with CAST(… AS DECIMAL(12, 2)) or parse_number(…)")
        }
        Takes::Columns => (is_feature(data_type), "numbers, text or booleans", NO_NUMBER),
        Takes::Ordered | Takes::Features => {
            (is_feature(data_type) || is_time(data_type), "numbers, text, booleans, dates or times", "; convert it with CAST")
        }
        _ => (!matches!(data_type, DataType::Null), "a typed column", "; convert it with CAST"),
    };
    if fits {
        return Ok(());
    }
    let problem = format!("{} must be {wanted}, \"{}\" is {data_type}{advice}", role.name, role.column);
    Err(invalid(doc.name, problem))
}

const NO_NUMBER: &str = "; name the columns with features => […], and make a number of this one: of a date, say, the days since";

/// True for types of columns that a function reads if its columns are not named.
pub fn is_default(takes: Takes, data_type: &DataType) -> bool {
    match takes {
        Takes::Numbers => data_type.is_numeric(),
        Takes::Columns | Takes::Ordered => is_feature(data_type),
        Takes::Features => is_feature(data_type) || is_time(data_type),
        _ => false,
    }
}

/// True for dates and timestamps.
pub fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _))
}

fn is_feature(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_feature(values),
        other => other.is_numeric() || other.is_string() || matches!(other, DataType::Boolean),
    }
}

/// The type that a query parameter gets if it is passed for this option.
pub fn parameter_type(takes: Takes) -> DataType {
    match takes {
        Takes::Integer(_, _) => DataType::Int64,
        Takes::Float(_, _) | Takes::Share => DataType::Float64,
        Takes::Shares => DataType::new_list(DataType::Float64, true),
        Takes::ValuesOf(_) | Takes::Texts => DataType::new_list(DataType::Utf8, true),
        Takes::Moment => DataType::Date32,
        Takes::Interval => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        Takes::Cuts => DataType::new_list(DataType::Float64, true),
        _ => DataType::Utf8,
    }
}

/// The value of an option after checking.
#[derive(Debug, Clone)]
enum Value {
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

/// A point in time as the user wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// A calendar day, in days since 1970-01-01.
    Day(i32),
    /// An instant, as a timestamp of the unit and zone it was written in.
    Instant(ScalarValue),
}

impl Moment {
    /// Reads a value that is a date, a timestamp, or a string that can be read as one.
    pub fn of(value: &ScalarValue) -> Option<Self> {
        moment(value)
    }

    /// The last microsecond that belongs to it, since 1970: a day includes its whole day.
    pub fn last_microsecond(&self) -> Option<i64> {
        const DAY: i64 = 86_400_000_000;
        match self {
            Self::Day(day) => (i64::from(*day) + 1).checked_mul(DAY)?.checked_sub(1),
            Self::Instant(instant) => match in_zone(instant, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()? {
                ScalarValue::TimestampMicrosecond(time, _) => time,
                _ => None,
            },
        }
    }
}

/// An instant as a timestamp of another unit and time zone. An instant without a zone is the local time in the zone of that
/// type; if that type has no zone, an instant that has one is converted to UTC.
///
/// # Errors
/// It is out of the type's range, or not a timestamp.
pub fn in_zone(instant: &ScalarValue, data_type: &DataType) -> Result<ScalarValue> {
    if matches!(instant.data_type(), DataType::Timestamp(_, None)) {
        return instant.cast_to(data_type);
    }
    // Arrow's cast from a zone to no zone keeps the local time; going through UTC keeps the instant.
    let unit = match data_type {
        DataType::Timestamp(unit, _) => *unit,
        _ => TimeUnit::Microsecond,
    };
    instant.cast_to(&DataType::Timestamp(unit, Some("+00:00".into())))?.cast_to(data_type)
}

/// The options of a call: the given values, and the defaults on the page.
#[derive(Debug, Clone)]
pub struct Options {
    doc: &'static Doc,
    given: BTreeMap<&'static str, Value>,
    written: Vec<(&'static str, ScalarValue)>,
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
        let mut options = Self { doc, given: BTreeMap::new(), written: vec![] };
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

fn check_option(subject: &str, argument: &'static Argument, value: &ScalarValue) -> Result<Value> {
    let name = argument.name;
    let wrong_type = || {
        let wanted = argument.takes.describe();
        let advice = if matches!(argument.takes, Takes::Moment) { "; write a time such as DATE '2025-06-30'" } else { "" };
        invalid(subject, format!("{name} takes {wanted}, got {} of type {}{advice}", show(value), value.data_type()))
    };
    match argument.takes {
        Takes::Integer(least, most) => {
            if !value.data_type().is_integer() {
                return Err(wrong_type());
            }
            let number = match value.cast_to(&DataType::Int64) {
                Ok(ScalarValue::Int64(Some(number))) if (least..=most).contains(&number) => number,
                _ => {
                    let range = if most == i64::MAX { format!("at least {least}") } else { format!("from {least} to {most}") };
                    return Err(invalid(subject, format!("{name} must be {range}, got {}", show(value))));
                }
            };
            Ok(Value::Integer(number))
        }
        Takes::Float(least, most) => {
            let number = number(value).ok_or_else(wrong_type)?;
            if !(least..=most).contains(&number) {
                let range = if most == f64::INFINITY { format!("at least {least}") } else { format!("from {least} to {most}") };
                return Err(invalid(subject, format!("{name} must be {range}, got {number}")));
            }
            Ok(Value::Float(number))
        }
        Takes::Share => Ok(Value::Float(share(subject, name, number(value).ok_or_else(wrong_type)?)?)),
        Takes::Shares => {
            let elements = elements(value).ok_or_else(wrong_type)?;
            let numbers = (0..elements.len()).map(|index| {
                let element = ScalarValue::try_from_array(&elements, index)?;
                share(subject, name, number(&element).ok_or_else(wrong_type)?)
            });
            let numbers = numbers.collect::<Result<Vec<_>>>()?;
            if numbers.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one number")));
            }
            Ok(Value::Floats(numbers))
        }
        Takes::ValuesOf(_) => {
            let elements = elements(value).ok_or_else(wrong_type)?;
            if elements.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one value")));
            }
            if elements.null_count() > 0 {
                return Err(invalid(subject, format!("{name} must not hold NULL")));
            }
            Ok(Value::List(elements))
        }
        Takes::Choice(words) | Takes::ConditionOr(words) => {
            let text = value.try_as_str().flatten().ok_or_else(wrong_type)?;
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| {
                let suggestion = did_you_mean(text, words.iter().copied());
                let choices = one_of(words.iter().copied());
                invalid(subject, format!("{name} must be {choices}, got '{text}'{suggestion}"))
            })?;
            Ok(Value::Word(word))
        }
        Takes::Choices(words) => {
            let given = written_names(value).ok_or_else(wrong_type)?;
            let known = |text: String| {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text)).ok_or_else(|| {
                    let suggestion = did_you_mean(&text, words.iter().copied());
                    let choices = one_of(words.iter().copied());
                    invalid(subject, format!("{name} must be {choices}, got '{text}'{suggestion}"))
                })?;
                Ok((*word).to_string())
            };
            Ok(Value::Names(given.into_iter().map(known).collect::<Result<_>>()?))
        }
        Takes::Texts => Ok(Value::Names(texts(value).ok_or_else(wrong_type)?)),
        Takes::Moment => moment(value).map(Value::Moment).ok_or_else(wrong_type),
        Takes::Interval => {
            let interval = interval(value).ok_or_else(wrong_type)?;
            if interval.months < 0 || interval.days < 0 || interval.nanoseconds < 0 || interval == IntervalMonthDayNano::ZERO {
                return Err(invalid(subject, format!("{name} must be positive, got {}", show(value))));
            }
            Ok(Value::Interval(interval))
        }
        Takes::Cuts => {
            let cuts = numbers(value).ok_or_else(wrong_type)?;
            if cuts.is_empty() {
                return Err(invalid(subject, format!("{name} needs at least one number")));
            }
            if let Some(pair) = cuts.windows(2).find(|pair| pair[0] >= pair[1]) {
                let problem = format!("{name} must be in strictly ascending order, got {} before {}", pair[0], pair[1]);
                return Err(invalid(subject, problem));
            }
            Ok(Value::Cuts(cuts))
        }
        Takes::Text => {
            let text = value.try_as_str().flatten().ok_or_else(wrong_type)?;
            Ok(Value::Text(text.to_string()))
        }
        Takes::Flag => match value {
            ScalarValue::Boolean(Some(flag)) => Ok(Value::Flag(*flag)),
            _ => Err(wrong_type()),
        },
        Takes::Table(columns) => {
            let rows = elements(value).filter(|rows| given_table::has_columns(rows, columns)).ok_or_else(|| {
                let wanted = argument.takes.describe();
                invalid(subject, format!("{name} takes a {wanted}, got {}; write {name} => my_table", value.data_type()))
            })?;
            Ok(Value::List(rows))
        }
        Takes::Names => Ok(Value::Names(written_names(value).ok_or_else(wrong_type)?)),
        _ => Err(invalid(subject, format!("there is no option {name}"))),
    }
}

fn show(value: &ScalarValue) -> String {
    if let (DataType::Interval(_), Ok(ScalarValue::Utf8(Some(text)))) = (value.data_type(), value.cast_to(&DataType::Utf8)) {
        return format!("INTERVAL '{text}'");
    }
    match value.try_as_str() {
        Some(Some(text)) => format!("'{text}'"),
        _ => value.to_string(),
    }
}

fn moment(value: &ScalarValue) -> Option<Moment> {
    match value {
        ScalarValue::Date32(Some(day)) => Some(Moment::Day(*day)),
        ScalarValue::Date64(Some(_)) => match value.cast_to(&DataType::Date32).ok()? {
            ScalarValue::Date32(Some(day)) => Some(Moment::Day(day)),
            _ => None,
        },
        ScalarValue::TimestampSecond(_, _)
        | ScalarValue::TimestampMillisecond(_, _)
        | ScalarValue::TimestampMicrosecond(_, _)
        | ScalarValue::TimestampNanosecond(_, _) => Some(Moment::Instant(value.clone())),
        _ => {
            let text = value.try_as_str()??.trim();
            let as_day = ScalarValue::Utf8(Some(text.to_string())).cast_to(&DataType::Date32).ok();
            match as_day {
                Some(ScalarValue::Date32(Some(day))) if text.len() <= 10 => Some(Moment::Day(day)),
                _ => {
                    let text = ScalarValue::Utf8(Some(text.to_string()));
                    let read =
                        |zone: Option<&str>| text.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))).ok();
                    // A string with its own offset means the same in every zone.
                    let instants =
                        [read(Some("+00:00"))?, read(Some("+01:00"))?].map(|instant| instant.cast_to(&DataType::Int64).ok());
                    let instant = if instants[0] == instants[1] { read(Some("+00:00")) } else { read(None) }?;
                    (!instant.is_null()).then_some(Moment::Instant(instant))
                }
            }
        }
    }
}

fn interval(value: &ScalarValue) -> Option<IntervalMonthDayNano> {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) => Some(*interval),
        ScalarValue::IntervalYearMonth(Some(months)) => Some(IntervalMonthDayNano::new(*months, 0, 0)),
        ScalarValue::IntervalDayTime(Some(interval)) => {
            Some(IntervalMonthDayNano::new(0, interval.days, i64::from(interval.milliseconds) * 1_000_000))
        }
        _ => {
            let text = value.try_as_str()??;
            parse_interval_month_day_nano_config(text, IntervalParseConfig::new(IntervalUnit::Day)).ok()
        }
    }
}

fn elements(value: &ScalarValue) -> Option<ArrayRef> {
    match value {
        ScalarValue::List(list) => Some(list.value(0)),
        ScalarValue::LargeList(list) => Some(list.value(0)),
        ScalarValue::FixedSizeList(list) => Some(list.value(0)),
        _ => None,
    }
}

/// Names in a string, separated by commas, or in a list.
fn written_names(value: &ScalarValue) -> Option<Vec<String>> {
    match value.try_as_str() {
        Some(Some(text)) => Some(text.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()),
        _ => texts(value),
    }
}

fn texts(value: &ScalarValue) -> Option<Vec<String>> {
    let elements = elements(value)?;
    let text = |row| match ScalarValue::try_from_array(&elements, row).ok()?.try_as_str() {
        Some(Some(text)) => Some(text.to_string()),
        _ => None,
    };
    (0..elements.len()).map(text).collect()
}

fn number(value: &ScalarValue) -> Option<f64> {
    if !value.data_type().is_numeric() || value.is_null() {
        return None;
    }
    number_text(value).parse().ok()
}

fn share(subject: &str, name: &str, number: f64) -> Result<f64> {
    if number > 0.0 && number <= 1.0 {
        return Ok(number);
    }
    Err(invalid(subject, format!("{name} must be in (0, 1], got {number}")))
}

fn numbers(value: &ScalarValue) -> Option<Vec<Decimal>> {
    let elements = elements(value)?;
    (0..elements.len())
        .map(|row| {
            let element = ScalarValue::try_from_array(&Arc::clone(&elements), row).ok()?;
            let is_number = element.data_type().is_numeric() && !element.is_null();
            is_number.then(|| Decimal::parse(&number_text(&element)))?
        })
        .collect()
}

/// The shortest decimal string that parses to the same number.
fn number_text(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Float64(Some(number)) => format!("{number}"),
        ScalarValue::Float32(Some(number)) => format!("{number}"),
        other => match other.cast_to(&DataType::Utf8) {
            Ok(ScalarValue::Utf8(Some(text))) => text,
            _ => other.to_string(),
        },
    }
}
