//! The target to predict: one of two classes, a number, or a count.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use serde::{Deserialize, Serialize};

use crate::adapter::arguments::Options;
use crate::docs::{Argument, Takes};
use crate::error::unusable;
use crate::kernels::control::Stop;
use crate::learning::features::{Category, Computing, Rows};

pub const TARGET_CLASS: Argument = Argument::required("target", Takes::Column, "column to predict, with two values");
pub const TARGET_NUMBER: Argument = Argument::required("target", Takes::Number, "number column to predict");
pub const POSITIVE: Argument = Argument::optional(
    "positive",
    Takes::Text,
    "",
    "value of the target whose probability is predicted; default: the larger of the two values: `true`, `1`, `yes`",
);

pub const EXPOSURE: Argument = Argument::optional(
    "exposure",
    Takes::Number,
    "",
    "for how long, or over how much, the count of a row was observed: days, contacts, square metres; above 0. The model then predicts the count for one of these",
);

/// The kind of target that a type of model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The probability of one of two classes.
    Class,
    /// A number.
    Number,
    /// A count of events, 0 or more.
    Count,
}

/// The target of a model, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The name of the column.
    pub column: String,
    /// For a class: its two values.
    pub classes: Option<Classes>,
    /// The column with the exposure of a count; rates are predicted if there is one.
    #[serde(default)]
    pub exposure: Option<String>,
}

/// The two values of a target, as strings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    pub negative: String,
    pub positive: String,
    /// The type of the column in the training rows.
    data_type: DataType,
}

impl Classes {
    /// The type in which classes are returned.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Builds a column of classes.
    ///
    /// # Errors
    /// None in practice: the values came from a column of that type.
    pub fn column(&self, are_positive: impl Iterator<Item = bool>) -> Result<ArrayRef> {
        let texts = are_positive.map(|is_positive| if is_positive { &self.positive } else { &self.negative });
        Ok(cast(&StringArray::from_iter_values(texts), &self.data_type)?)
    }
}

impl Target {
    /// The target of training rows, and its value in each row: for classes, 1 for the positive class and 0 for the other.
    pub fn of(
        task: Task,
        column: &str,
        rows: &Rows,
        options: &Options,
        running: &Computing<'_>,
    ) -> Result<(Self, Vec<f64>), Stop> {
        let (classes, values) = match (task, &rows.label) {
            (Task::Class, Some(label)) => {
                let (classes, values) = classes(column, label, options, running)?;
                (Some(classes), values)
            }
            (_, _) => (None, rows.beside(TARGET_NUMBER.name).unwrap_or_default().to_vec()),
        };
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        if task == Task::Count && least < 0.0 {
            return Err(running.refuse(format!("target {column} has the value {least}; a count is 0 or more")));
        }
        let exposure =
            running.wanted.beside.iter().find(|beside| beside.role == EXPOSURE.name).map(|beside| beside.column.clone());
        let shortest = rows.beside(EXPOSURE.name).unwrap_or_default().iter().copied().fold(f64::INFINITY, f64::min);
        if let Some(exposure) = exposure.as_ref().filter(|_| shortest <= 0.0) {
            return Err(running.refuse(format!("exposure {exposure} has the value {shortest}; an exposure is above 0")));
        }
        if classes.is_none() && exposure.is_none() && values.iter().all(|value| *value == values[0]) {
            let value = values[0];
            return Err(running.refuse(format!("target {column} is {value} in every row; there is nothing to learn")));
        }
        Ok((Self { column: column.to_string(), classes, exposure }, values))
    }
}

/// The most values of a target that an error lists.
const LISTED: usize = 5;

fn classes(column: &str, label: &Category, options: &Options, running: &Computing<'_>) -> Result<(Classes, Vec<f64>), Stop> {
    let data_type = match label.values.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    let texts = cast(&label.values, &DataType::Utf8).map_err(|error| running.worker.fail(error.into()))?;
    let texts: Vec<&str> = texts.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
    let listed = || {
        let more = if texts.len() > LISTED { ", …" } else { "" };
        texts.iter().take(LISTED).map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ") + more
    };
    let [first, second] = texts.as_slice() else {
        let problem = match texts.len() {
            0 | 1 => format!("target {column} has one value only ({}); two are needed to tell apart", listed()),
            many => format!(
                "target {column} has {many} values ({}), but only two classes are supported; reduce them to two: SELECT …, {column} = {} AS …",
                listed(),
                listed().split(", ").next().unwrap_or_default()
            ),
        };
        return Err(running.refuse(problem));
    };
    let positive = match options.text(POSITIVE.name) {
        None => 1,
        Some(given) if given == *first => 0,
        Some(given) if given == *second => 1,
        Some(given) => {
            return Err(running.refuse(format!("positive is '{given}', but the values of target {column} are {}", listed())));
        }
    };
    let (negative, positive_text) = if positive == 1 { (first, second) } else { (second, first) };
    let values = label.codes.iter().map(|code| f64::from(u8::from(*code == positive))).collect();
    Ok((Classes { negative: (*negative).to_string(), positive: (*positive_text).to_string(), data_type }, values))
}

/// The values of the target in rows other than the training rows: for classes, 1 for the positive class and 0 for the other; NaN if
/// missing.
///
/// # Errors
/// The column has a value that did not occur in training, or its type cannot be converted.
pub fn outcomes(label: &str, target: &Target, column: &ArrayRef) -> Result<Vec<f64>> {
    let Some(classes) = &target.classes else {
        let numbers = cast(column, &DataType::Float64)?;
        let numbers = numbers.as_primitive::<Float64Type>();
        return Ok(numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect());
    };
    let typed = cast(column, &classes.data_type)?;
    let (texts, given) = (cast(&typed, &DataType::Utf8)?, cast(column, &DataType::Utf8)?);
    let (texts, given) = (texts.as_string::<i32>(), given.as_string::<i32>());
    let outcome = |(text, given): (Option<&str>, Option<&str>)| match text.or(given) {
        None => Ok(f64::NAN),
        Some(text) if text == classes.positive => Ok(1.0),
        Some(text) if text == classes.negative => Ok(0.0),
        // A value that the type of the training rows cannot represent is shown as it was given.
        Some(text) => {
            let (column, negative, positive) = (&target.column, &classes.negative, &classes.positive);
            Err(unusable(label, format!("{column} is '{text}' in a row, and was '{negative}' or '{positive}' in training")))
        }
    };
    texts.iter().zip(given).map(outcome).collect()
}
