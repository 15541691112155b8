//! JSON within JSON: `json_build_object('people', json_agg(name))` has a list, not a string with one. JSON is a string here, so that only the
//! spelling of an argument shows it: a call that makes JSON, `a -> 'x'`, a cast to JSON, or a subquery of these. Such an argument becomes a
//! struct with one field, whose name tells that its value is written as it is.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, SelectItem,
    SetExpr, Value,
};

use crate::builtins::json::AS_IT_IS;
use crate::sql::syntax::arrows::ARROW;
use crate::sql::syntax::call_of;

/// The functions that write values as JSON. Their results are JSON too.
const WRITE: [&str; 18] = [
    "json_agg",
    "json_array",
    "json_arrayagg",
    "json_build_array",
    "json_build_object",
    "json_group_array",
    "json_group_object",
    "json_object",
    "json_object_agg",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "object_agg",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// Others whose results are JSON.
const GIVE: [&str; 15] = [
    "array_to_json",
    "json",
    "json_changed",
    "json_extract",
    "json_insert",
    "json_merge_patch",
    "json_query",
    "json_remove",
    "json_replace",
    "json_set",
    "json_strip_nulls",
    "jsonb_insert",
    "jsonb_set",
    "jsonb_strip_nulls",
    "parse_json",
];

fn name_of(call: &Function) -> Option<String> {
    match call.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] if name.quote_style.is_none() => Some(name.value.to_lowercase()),
        _ => None,
    }
}

/// Marks the arguments of a function that writes JSON.
pub fn mark(call: &mut Function) {
    if !name_of(call).is_some_and(|name| WRITE.contains(&name.as_str())) {
        return;
    }
    let FunctionArguments::List(list) = &mut call.args else { return };
    for argument in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument
            && is_json(value)
        {
            let name = Expr::value(Value::SingleQuotedString(AS_IT_IS.into()));
            *value = call_of("named_struct", vec![name, value.clone()]);
        }
    }
}

/// True for an expression whose value is JSON as its spelling shows; JSON in a column is a string like others.
pub fn is_json(value: &Expr) -> bool {
    match value {
        Expr::Nested(inner) => is_json(inner),
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::JSON | DataType::JSONB),
        Expr::TypedString(typed) => matches!(typed.data_type, DataType::JSON | DataType::JSONB),
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::HashArrow, .. } => true,
        Expr::BinaryOp { op: BinaryOperator::Custom(name), .. } => name == ARROW,
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.as_slice() {
                [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] => is_json(item),
                _ => false,
            },
            _ => false,
        },
        Expr::Function(call) => match (name_of(call).as_deref(), &call.args) {
            (Some("coalesce"), FunctionArguments::List(list)) => match list.args.first() {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) => is_json(first),
                _ => false,
            },
            (Some(name), _) => WRITE.contains(&name) || GIVE.contains(&name),
            (None, _) => false,
        },
        _ => false,
    }
}
