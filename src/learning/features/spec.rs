//! The columns that are needed, and what to do with rows that lack one.

use std::fmt;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use crate::adapter::plain::untold;
use crate::adapter::relation::{Call, Role, Roles};
use crate::docs::{Argument, Doc, Takes};
use crate::error::invalid;

pub const KEY: Argument = Argument::required("key", Takes::Column, "key of the row: a customer; must be unique");
/// The key where rows are customers at several times.
pub const KEY_OF_ROWS: Argument =
    Argument::required("key", Takes::Column, "key of the row: a customer, who may have several rows, one for each time");
pub const OWN_KEY: Argument =
    Argument::optional("key", Takes::Column, "", "key of the row, not used as a feature; must be unique");
pub const FEATURES: Argument = Argument::optional(
    "features",
    Takes::Numbers,
    "",
    "columns used to compare rows; default: every number column except the others named here",
);
pub const MIXED_FEATURES: Argument = Argument::optional(
    "features",
    Takes::Columns,
    "",
    "columns used to compare rows; default: every column of numbers, text or booleans except the others named here",
);
pub const ORDERED_FEATURES: Argument = Argument::optional(
    "features",
    Takes::Ordered,
    "",
    "columns used to compare rows; default: every column of numbers, text or booleans except the others named here; dates and times only if they are listed",
);
pub const ALL_FEATURES: Argument = Argument::optional(
    "features",
    Takes::Features,
    "",
    "columns to learn from; default: every column of numbers, text, booleans, dates or times except the others named here; dates and times are counted in days",
);
pub const WEIGHT: Argument = Argument::optional("weight", Takes::Number, "", "weight of the row, 0 or more; default 1");
pub const MISSING: Argument = Argument::optional(
    "missing",
    Takes::Choice(&["error", "mean", "skip"]),
    "'error'",
    "what to do with a row whose feature is NULL, NaN or infinite: end the query with an error, use the feature's mean (for a category, its most frequent value), or drop and count the row",
);

const OR_KEPT: Takes = Takes::Choice(&["error", "mean", "skip", "keep"]);
const OR_KEPT_TEXT: &str = "a row whose feature is NULL, NaN or infinite ends the query, gets the feature's mean (of a category the most frequent value), is left out and counted, or keeps its gap, from which the model learns too";
/// The same for models that can learn from missing values.
pub const MISSING_OR_KEPT: Argument = Argument::optional("missing", OR_KEPT, "'error'", OR_KEPT_TEXT);
/// The same for models that learn from missing values by default.
pub const MISSING_KEPT: Argument = Argument::optional("missing", OR_KEPT, "'keep'", OR_KEPT_TEXT);

/// The type of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Number,
    Category,
}

impl Kind {
    /// Text and booleans have no meaningful order. Dates and times can be features only where their order counts.
    fn of(data_type: &DataType) -> Self {
        if data_type.is_numeric() || exact_type(data_type).is_some() { Self::Number } else { Self::Category }
    }

    /// The type that it is converted to when it is read.
    pub fn read_as(self) -> DataType {
        match self {
            Self::Number => DataType::Float64,
            Self::Category => DataType::Utf8,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "number",
            Self::Category => "category",
        })
    }
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feature {
    pub name: String,
    pub kind: Kind,
    /// Whether the number was a date or time: it is then in days since 1970.
    pub is_time: bool,
}

/// What to do with a row that lacks a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    Error,
    Mean,
    Skip,
    /// The gap is kept: numbers become NaN, categories the largest possible code.
    Keep,
}

impl Missing {
    /// The word in SQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Mean => "mean",
            Self::Skip => "skip",
            Self::Keep => "keep",
        }
    }

    pub fn of(word: &str) -> Self {
        match word {
            "mean" => Self::Mean,
            "skip" => Self::Skip,
            "keep" => Self::Keep,
            _ => Self::Error,
        }
    }
}

/// An additional number column, which is not a feature.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Beside {
    /// Its role in the function, such as `time`.
    pub role: String,
    /// Its name in the input.
    pub column: String,
}

/// The columns of the input, in this order: the key, the features, the weight, the additional columns and the label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// Used in errors.
    #[serde(with = "untold")]
    pub function: String,
    /// The name of the key column; empty if there is none.
    pub key: String,
    pub features: Vec<Feature>,
    pub has_weight: bool,
    /// Additional number columns, which every row must have: the target of a regression, the time of a row.
    pub beside: Vec<Beside>,
    /// Whether a key may occur more than once.
    pub may_repeat: bool,
    /// The name of the column with the class of each row.
    pub label: Option<String>,
    pub missing: Missing,
    /// Whether the function can work with numbers that are on disk.
    pub may_spill: bool,
    /// Whether dates, times and numbers with more digits than a double are kept unconverted.
    pub exact: bool,
}

/// The type in which a column is read if its values must be compared exactly; `None` if a double can represent them.
pub fn exact_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Int64 | DataType::UInt64 | DataType::Date32 | DataType::Timestamp(_, _) => data_type.clone(),
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Decimal256(_, scale) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale),
        _ => return None,
    })
}

impl FeatureSpec {
    /// Reads the roles of a call: `key`, `features`, `weight`, and the role called `label`.
    ///
    /// # Errors
    /// There are no features, or one is given twice.
    pub fn read(call: &Call, label: Option<&str>) -> Result<(Self, LogicalPlan)> {
        Self::read_as(call, label, &[], false)
    }

    /// As [`read`](Self::read), with the roles `beside` as additional number columns, and keys that may repeat.
    pub fn read_beside(call: &Call, label: Option<&str>, beside: &[&str]) -> Result<(Self, LogicalPlan)> {
        let (wanted, input) = Self::read_as(call, label, beside, false)?;
        Ok((Self { may_repeat: true, ..wanted }, input))
    }

    /// As [`read`](Self::read), with values that can be compared exactly.
    pub fn read_exact(call: &Call, label: Option<&str>) -> Result<(Self, LogicalPlan)> {
        Self::read_as(call, label, &[], true)
    }

    fn read_as(call: &Call, label: Option<&str>, beside: &[&str], exact: bool) -> Result<(Self, LogicalPlan)> {
        let key = call.roles.get(KEY.name);
        let label = label.and_then(|label| call.roles.get(label));
        let beside: Vec<&Role> = beside.iter().filter_map(|name| call.roles.get(name)).collect();
        let wanted = Self {
            function: call.doc.name.to_string(),
            key: key.map_or_else(String::new, |key| key.column.clone()),
            features: features(call.doc, &call.roles)?,
            has_weight: call.roles.get(WEIGHT.name).is_some(),
            beside: beside.iter().map(|role| Beside { role: role.name.to_string(), column: role.column.clone() }).collect(),
            may_repeat: false,
            label: label.map(|label| label.column.clone()),
            may_spill: false,
            exact,
            missing: Missing::of(if call.doc.argument(MISSING.name).is_some() {
                call.options.word(MISSING.name)?
            } else {
                "error"
            }),
        };
        let column = |role: &Role| Expr::Column(Column::new_unqualified(role.field.name()));
        let mut columns: Vec<Expr> = key.map(column).into_iter().collect();
        for ((_, role), feature) in call.roles.list(FEATURES.name).zip(&wanted.features) {
            let exact = exact_type(role.field.data_type()).filter(|_| exact && feature.kind == Kind::Number);
            columns.push(cast(column(role), exact.unwrap_or_else(|| feature.kind.read_as())).alias(role.field.name()));
        }
        columns.extend(call.roles.get(WEIGHT.name).map(|role| cast(column(role), DataType::Float64).alias(WEIGHT.name)));
        columns.extend(beside.iter().map(|role| cast(column(role), DataType::Float64).alias(role.name)));
        columns.extend(label.map(column));
        let input = LogicalPlanBuilder::from(call.input()?).project(columns)?.build()?;
        Ok((wanted, input))
    }

    /// The name of the column to predict: either the label or the additional number column `target`.
    pub fn target(&self) -> &str {
        let beside = || self.beside.iter().find(|beside| beside.role == "target").map(|beside| beside.column.as_str());
        self.label.as_deref().or_else(beside).unwrap_or_default()
    }

    /// The features of one kind, with their positions among all.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (usize, &Feature)> {
        self.features.iter().enumerate().filter(move |(_, feature)| feature.kind == kind)
    }
}

fn features(doc: &Doc, roles: &Roles) -> Result<Vec<Feature>> {
    let mut features: Vec<Feature> = vec![];
    for (_, role) in roles.list(FEATURES.name) {
        if features.iter().any(|other| other.name == role.column) {
            return Err(invalid(doc.name, format!("features contains \"{}\" twice", role.column)));
        }
        features.push(Feature { name: role.column.clone(), kind: Kind::of(role.field.data_type()), is_time: false });
    }
    if features.is_empty() {
        let problem =
            "the input has no column that can be a feature; give features => […] with numbers computed from its columns";
        return Err(invalid(doc.name, problem));
    }
    Ok(features)
}

/// The key column of a result.
///
/// # Errors
/// The call has no key.
pub fn key_column(roles: &Roles) -> Result<FieldRef> {
    let key = roles.required(KEY.name)?;
    Ok(Field::new(&key.column, key.field.data_type().clone(), false).into())
}
