//! Limits the nesting of type names in strings, as in `arrow_cast(a, 'List(Int64)')`: arrow's parser for them recurses without a limit.

use datafusion::common::Result;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use crate::error::invalid;

/// The deepest nesting of types.
const DEEPEST: usize = 50;

/// Rejects a call of `arrow_cast` or a similar function with a type that is nested too deeply.
///
/// # Errors
/// Names the function and the limit.
pub fn check(expression: &Expr) -> Result<()> {
    let Expr::Function(call) = expression else { return Ok(()) };
    let name = call.name.to_string().to_lowercase();
    let (true, FunctionArguments::List(list)) = (name.starts_with("arrow_") || name.starts_with("try_arrow"), &call.args) else {
        return Ok(());
    };
    for argument in &list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else { continue };
        let Value::SingleQuotedString(text) = &value.value else { continue };
        if text.bytes().filter(|letter| *letter == b'(').count() > DEEPEST {
            return Err(invalid(&name, format!("types can be nested at most {DEEPEST} deep; write a simpler type")));
        }
    }
    Ok(())
}
