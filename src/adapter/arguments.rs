//! The one place that checks arguments and writes the errors about them.

mod check;
mod moment;
mod options;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;

use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::text::first_part;

pub use moment::{Moment, in_zone};
pub use options::Options;

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
        let suggestion = match alike(name, &names()) {
            Some(meant) => did_you_mean(meant, [meant]),
            None => did_you_mean(name, names()),
        };
        let known = names().collect::<Vec<_>>().join(", ");
        invalid(doc.name, format!("unknown argument \"{name}\"{suggestion}; it takes {known}"))
    })
}

/// Names that other programs, or other functions, have for the same thing.
const ALIKE: [&[&str]; 18] = [
    &["pre", "covariate", "cuped", "baseline"],
    &["group", "variant", "arm", "treatment"],
    &["metric", "outcome", "measure"],
    &["customer", "customer_id", "user", "user_id", "client", "person", "key", "id"],
    &["order_time", "event_time", "ordered_at", "date", "time", "timestamp"],
    &["amount", "monetary", "revenue", "sales", "price", "value"],
    &["per", "by", "group_by", "partition_by", "segment", "group", "groups"],
    &["n_clusters", "clusters", "k"],
    &["max_recommendations", "top", "top_n", "n", "limit"],
    &["min_support", "support", "minsup"],
    &["min_confidence", "confidence", "minconf"],
    &["max_len", "max_length", "maxlen"],
    &["random_state", "seed"],
    &["basket", "order", "order_id", "transaction", "invoice", "customer", "customer_id", "user", "user_id"],
    &["item", "product", "product_id", "sku"],
    &["max_iter", "n_iter", "iterations", "max_iterations"],
    &["features", "columns", "predictors", "covariates"],
    &["as_of", "today", "reference_date", "snapshot_date", "analysis_date"],
];

/// The first of these names that means the same as `name`.
fn alike<'a>(name: &str, names: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'a str> {
    let name = name.to_lowercase();
    ALIKE.iter().filter(|like| like.contains(&name.as_str())).find_map(|like| names.clone().find(|known| like.contains(known)))
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

/// How a column becomes a time, and a number: spreadsheets write both in ways that CAST does not read.
const MAKE_TIME: &str =
    "; convert it with CAST(… AS DATE), to_timestamp(…) or parse_date(…), with order => 'dmy' for days such as 31.12.2025";
const MAKE_TIME_OF_NUMBER: &str =
    "; convert it with parse_date(…) for days such as 20251231, or to_timestamp(…) for seconds since 1970";
const MAKE_NUMBER: &str =
    "; convert it with CAST(… AS DECIMAL(12, 2)), or parse_number(…), with decimal => ',' for numbers such as 1.234,56";

/// Checks the type of a role's expression.
pub fn check_role(doc: &Doc, takes: Takes, role: &Role) -> Result<()> {
    let data_type = role.field.data_type();
    let (fits, wanted, advice) = match takes {
        Takes::Time => {
            let advice = if data_type.is_numeric() { MAKE_TIME_OF_NUMBER } else { MAKE_TIME };
            (is_time(data_type), "a DATE or TIMESTAMP", advice)
        }
        Takes::Number => (data_type.is_numeric(), "a number", MAKE_NUMBER),
        Takes::Condition | Takes::Conditions | Takes::ConditionOr(_) => {
            (*data_type == DataType::Boolean, "a condition", "; write one that is true or false, such as event = 'buy'")
        }
        Takes::Numbers => (data_type.is_numeric(), "numbers", NO_NUMBER),
        Takes::Metrics => {
            let fits = data_type.is_numeric() || *data_type == DataType::Boolean;
            (fits, "numbers or booleans", MAKE_NUMBER)
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
