//! `SELECT set_config('name', 'value', false)`: sets a setting as SET does, before the query runs.
//!
//! The call is replaced by the value that the setting has then. Where a query reads rows, the call stays, and only tells a value that is set
//! already.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, SelectItem, SetExpr,
    Statement as SqlStatement, Value,
};

use super::Session;
use super::prepared::Parameters;
use super::transactions::TransactionStatus;
use crate::sql::command::normal;
use crate::sql::parser::Parsed;
use crate::walk::WalkMut;

const NAME: &str = "set_config";

/// Sets what a query without FROM asks for.
///
/// # Errors
/// As SET.
pub(super) fn set(session: &Session, parsed: &mut Parsed, parameters: &Parameters) -> Result<()> {
    let Parsed::Sql(parsed) = parsed else { return Ok(()) };
    let SqlParsed::Statement(statement) = parsed.as_mut() else { return Ok(()) };
    let SqlStatement::Query(query) = statement.as_mut() else { return Ok(()) };
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    if !select.from.is_empty() || select.selection.is_some() || session.transaction_status() == TransactionStatus::Failed {
        return Ok(());
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(Expr::Function(call)) = item
            && is_named(call)
        {
            *item = SelectItem::ExprWithAlias { expr: Expr::Function(call.clone()), alias: Ident::new(NAME) };
        }
        let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else { continue };
        let done = expression.each_expression_mut(|part| {
            if let Expr::Function(call) = part
                && is_named(call)
            {
                match set_by(session, call, parameters) {
                    Ok(Some(value)) => *part = value,
                    Ok(None) => {}
                    Err(error) => return ControlFlow::Break(error),
                }
            }
            ControlFlow::<DataFusionError>::Continue(())
        });
        if let ControlFlow::Break(error) = done {
            return Err(error);
        }
    }
    Ok(())
}

fn is_named(call: &Function) -> bool {
    call.name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| normal(name) == NAME)
}

/// Sets what one call asks for; its value, or `None` for a call that is left as it is.
fn set_by(session: &Session, call: &Function, parameters: &Parameters) -> Result<Option<Expr>> {
    let FunctionArguments::List(list) = &call.args else { return Ok(None) };
    let constant = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => constant(argument, parameters),
        _ => None,
    };
    let given: Option<Vec<Option<String>>> = list.args.iter().map(constant).collect();
    let Some([Some(name), value, is_local]) = given.as_deref() else { return Ok(None) };
    let name = name.to_lowercase();
    // These are set by statements that check and record what is set.
    if name.starts_with("portrait.") || name.starts_with("datafusion.") {
        return Ok(None);
    }
    let is_local = is_local.as_deref().is_some_and(|word| matches!(word.to_lowercase().as_str(), "true" | "t" | "on" | "1"));
    // Outside of a transaction, what is local ends at once.
    let stays = !is_local || session.set_local(&name);
    if stays {
        session.set(&name, value.as_deref())?;
    }
    let told = if stays { session.value_of(&name) } else { value.clone() };
    let told = Expr::value(told.map_or(Value::Null, Value::SingleQuotedString));
    let data_type = SqlType::Varchar(None);
    Ok(Some(Expr::Cast { kind: CastKind::Cast, expr: Box::new(told), data_type, array: false, format: None }))
}

/// A constant as text, `Some(None)` for NULL; `None` for other expressions.
fn constant(expression: &Expr, parameters: &Parameters) -> Option<Option<String>> {
    match expression {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => constant(inner, parameters),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => Some(Some(text.clone())),
            Value::Boolean(flag) => Some(Some(flag.to_string())),
            Value::Null => Some(None),
            Value::Placeholder(name) => match parameters.value(name.trim_start_matches('$'))?.cast_to(&DataType::Utf8).ok()? {
                ScalarValue::Utf8(text) => Some(text),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
