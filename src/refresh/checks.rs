//! Checks on the columns of a profile: their names, the types of key and values, and what conditions compare.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ExprSchema, Result};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan};
use sqlparser::ast::{BinaryOperator, Expr as SqlExpr, Value, Visit, Visitor};

use super::definition::ProfileDefinition;
use crate::error::{did_you_mean, invalid};
use crate::sql::references::names_in;
use crate::text::sql_type;
use crate::walk::{Tree, Walk};

/// Checks that column names clash neither with one another nor with the internal columns of a profile, whose names contain a colon.
pub fn check_names(definition: &ProfileDefinition, columns: &[Field]) -> Result<()> {
    let tags = definition.tags.iter().map(|(tag, _)| (format!("tag {}", tag.object.name), &tag.object.name));
    let subject = format!("profile {}", definition.name());
    let mut seen: HashMap<&str, String> = HashMap::new();
    let own = columns.iter().map(|field| (subject.clone(), field.name()));
    for (subject, name) in own.chain(tags) {
        if name.contains(':') {
            return Err(invalid(&subject, format!("the name of a profile's column must not contain a colon, got \"{name}\"")));
        }
        if seen.insert(name, subject.clone()).is_some() {
            let problem =
                format!("\"{name}\" is already the name of an attribute of profile {}; choose another name", definition.name());
            return Err(invalid(&subject, problem));
        }
    }
    if definition.name().contains(':') {
        return Err(invalid(&subject, format!("a name must not contain a colon, got \"{}\"", definition.name())));
    }
    for (segment, _) in &definition.segments {
        if segment.object.name.contains(':') {
            let name = &segment.object.name;
            return Err(invalid(&format!("segment {name}"), format!("a name must not contain a colon, got \"{name}\"")));
        }
    }
    Ok(())
}

/// Checks that the names in `history` are attributes.
pub fn check_history(definition: &ProfileDefinition, attributes: &[Field]) -> Result<()> {
    let names = || attributes.iter().map(|attribute| attribute.name().as_str());
    let kept = attributes.iter().filter(|attribute| definition.body.history.contains(attribute.name()));
    if let Some(other) = kept.into_iter().find(|attribute| value_type(attribute.data_type()).is_none()) {
        let (name, data_type) = (other.name(), sql_type(other.data_type()));
        let problem = format!(
            "history names {name}, which is {data_type}; history can be kept of strings, numbers, booleans, dates and times"
        );
        return Err(invalid(&format!("profile {}", definition.name()), problem));
    }
    let missing = definition.body.history.iter().find(|name| !names().any(|other| other == name.as_str()));
    let Some(missing) = missing else { return Ok(()) };
    let problem = match definition.tags.iter().any(|(tag, _)| tag.object.name == *missing) {
        true => format!("history names {missing}, which is a tag: all tags have a history; leave it out"),
        false => {
            let suggestion = did_you_mean(missing, names());
            let known = names().collect::<Vec<_>>().join(", ");
            format!("history names {missing}, which is not an attribute{suggestion}; the attributes are {known}")
        }
    };
    Err(invalid(&format!("profile {}", definition.name()), problem))
}

/// The type in which keys of this type are stored: BIGINT for integers, text for text; `None` when it cannot be a key.
pub fn key_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => key_type(values),
        data_type if data_type.is_integer() => Some(DataType::Int64),
        data_type if data_type.is_string() => Some(DataType::Utf8View),
        _ => None,
    }
}

/// The type in which values of this type are computed; `None` when it cannot be a value.
pub fn value_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::Null => Some(DataType::Utf8),
        DataType::Boolean | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(data_type.clone()),
        data_type if data_type.is_string() || data_type.is_numeric() => Some(data_type.clone()),
        _ => None,
    }
}

/// A text column that a condition implicitly casts to another type, and that type.
pub fn text_as_other(plan: &LogicalPlan, condition: &SqlExpr) -> Option<(String, DataType)> {
    let said = cast_in(condition);
    let [input] = plan.inputs()[..] else { return None };
    let mut found = None;
    for expression in plan.expressions() {
        let _ = expression.each_part(|part| {
            if let Expr::Cast(Cast { expr, field }) = part
                && let Expr::Column(column) = expr.as_ref()
                && (field.data_type().is_numeric() || field.data_type().is_temporal() || *field.data_type() == DataType::Boolean)
                && input.schema().data_type(column).is_ok_and(DataType::is_string)
                && !said.contains(&column.name)
            {
                found = Some((column.name.clone(), field.data_type().clone()));
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    found
}

/// The columns that the condition casts explicitly.
fn cast_in(condition: &SqlExpr) -> Vec<String> {
    struct Casts(Vec<String>);
    impl Visitor for Casts {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &SqlExpr) -> ControlFlow<()> {
            if let SqlExpr::Cast { expr, .. } = expression {
                self.0.extend(names_in(expr.as_ref()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut casts = Casts(vec![]);
    let _ = condition.walk(&mut casts);
    casts.0
}

/// The first comparison with NULL, which is never true: nothing equals NULL, not even NULL itself.
pub fn compared_with_null(part: &impl Visit) -> Option<String> {
    struct Comparisons;
    impl Visitor for Comparisons {
        type Break = String;
        fn pre_visit_expr(&mut self, expression: &SqlExpr) -> ControlFlow<String> {
            use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
            match expression {
                SqlExpr::BinaryOp { left, op: Eq | NotEq | Lt | LtEq | Gt | GtEq, right } if is_null(left) || is_null(right) => {
                    ControlFlow::Break(expression.to_string())
                }
                SqlExpr::InList { list, negated: true, .. } if list.iter().any(is_null) => {
                    ControlFlow::Break(expression.to_string())
                }
                SqlExpr::Case { operand: Some(operand), conditions, .. }
                    if conditions.iter().any(|when| is_null(&when.condition)) =>
                {
                    ControlFlow::Break(format!("CASE {operand} WHEN NULL"))
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match part.walk(&mut Comparisons) {
        ControlFlow::Break(found) => Some(found),
        ControlFlow::Continue(()) => None,
    }
}

/// True for NULL as it is written, also in parentheses or a cast.
pub fn is_null(expression: &SqlExpr) -> bool {
    match expression {
        SqlExpr::Nested(inner) | SqlExpr::Cast { expr: inner, .. } => is_null(inner),
        SqlExpr::Value(value) => matches!(value.value, Value::Null),
        _ => false,
    }
}
