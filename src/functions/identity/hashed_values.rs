//! The relation function `identity_values`, which `REFRESH IDENTITY` calls: rows of records with hashes in place of their values, so that a
//! later refresh finds the records that new ones touch without reading the values of all others.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column as ColumnName, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use super::resolve::{BLOCKED_VALUES, MATCH_ON, RECORDS_KEY, blocked_values};
use crate::adapter::internal_scalar::InternalScalar;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::kernels::linkage::touched::NO_VALUE;

/// The column with the hash of the key.
const RECORD: &str = "record hash";

#[derive(Debug)]
pub struct IdentityValues;

const DOC: Doc = Doc {
    name: "identity_values",
    kind: Kind::Relation,
    domain: "identity",
    arguments: &[
        Argument::required("input", Takes::Relation, "records; a record can have several rows"),
        RECORDS_KEY,
        MATCH_ON,
        BLOCKED_VALUES,
    ],
    ..Doc::EMPTY
};

impl RelationFunction for IdentityValues {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let key = roles.required("key")?;
        let hash = |name: &str| FieldRef::from(Field::new(name, DataType::Int64, true));
        let mut columns = vec![FieldRef::from(Field::new(&key.column, key.field.data_type().clone(), true)), hash(RECORD)];
        columns.extend(roles.list("match_on").map(|(_, identifier)| hash(&identifier.column)));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let key = call.roles.required("key")?;
        let blocked = blocked_values(&call)?;
        let input = call.input()?;
        let mut columns = vec![role("key").alias(&key.column), ValueHash { blocked: vec![] }.of(role("key")).alias(RECORD)];
        for (place, identifier) in call.roles.list("match_on") {
            let column = Expr::Column(ColumnName::from(input.schema().qualified_field(place)));
            columns.push(ValueHash { blocked: blocked.clone() }.of(column).alias(&identifier.column));
        }
        LogicalPlanBuilder::from(input).filter(role("key").is_not_null())?.project(columns)?.alias(DOC.name)?.build()
    }
}

/// The hash of a value as a text; [`NO_VALUE`] for one that links nothing, because it is missing, blank or blocked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueHash {
    blocked: Vec<String>,
}

impl ValueHash {
    fn of(self, value: Expr) -> Expr {
        self.call(vec![cast(value, DataType::Utf8)])
    }
}

impl Plain for ValueHash {
    const NAME: &'static str = "identity_value_hash";
}

impl InternalScalar for ValueHash {
    fn data_type(&self) -> DataType {
        DataType::Int64
    }

    fn values(&self, arguments: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let values = cast_array(&arguments[0], &DataType::LargeUtf8)?;
        let hashes = values.as_string::<i64>().iter().map(|value| match value {
            Some(value) if !value.trim().is_empty() && !self.blocked.iter().any(|blocked| blocked == value) => hash(value),
            _ => NO_VALUE,
        });
        Ok(Arc::new(hashes.collect::<Int64Array>()))
    }
}

/// The hash of a text. It is stored, so that it must never change.
pub fn hash(text: &str) -> i64 {
    match XxHash64::oneshot(0, text.as_bytes()).cast_signed() {
        NO_VALUE => 1,
        hash => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_hashes_alike() {
        assert_eq!(hash("abc"), 0x44BC_2CF5_AD77_0999);
        assert_ne!(hash("13800138000"), hash("13800138001"));
        assert_ne!(hash(""), NO_VALUE);
    }
}
