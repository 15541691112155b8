//! A value under a unique name, because the planner gives `min(CAST(a AS VARCHAR))` and `min(a)` the same name.

use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::ExprSimplifyResult;

use super::wrapper::Wrapper;

/// The name of the function, `named_apart(value, 'CAST type')`.
pub const NAME: &str = "named_apart";

/// The function. Names no longer matter when plans are simplified.
pub static NAMED_APART: Wrapper = Wrapper {
    named: |_, arguments| name_of_cast(arguments),
    simplify: |mut arguments| match arguments.is_empty() {
        true => ExprSimplifyResult::Original(arguments),
        false => ExprSimplifyResult::Simplified(arguments.swap_remove(0)),
    },
    ..Wrapper::new(NAME, 2)
};

/// The value alone, as errors show it.
pub fn value_of(expression: &Expr) -> &Expr {
    NAMED_APART.value_in(expression).unwrap_or(expression)
}

/// The name of the surrounding cast, which the planner would name like the value it casts.
fn name_of_cast(arguments: &[Expr]) -> Result<String> {
    match arguments {
        [value, Expr::Literal(ScalarValue::Utf8(Some(cast)), _)] => {
            let (word, data_type) = cast.split_once(' ').unwrap_or(("CAST", cast));
            Ok(format!("{word}({} AS {data_type})", value.schema_name()))
        }
        _ => internal_err!("{NAME} takes a value and a cast"),
    }
}
