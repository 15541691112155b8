//! The value of a cast, which the engine does not look into.

use datafusion::common::plan_err;
use datafusion::logical_expr::Expr;

use super::scalar::Scalar;

static AS_CAST: Scalar = Scalar {
    name: "value_of_cast",
    takes: |types| Ok(types.to_vec()),
    gives: |types| match types {
        [data_type] => Ok(data_type.clone()),
        _ => plan_err!("expected one value"),
    },
    compute: |arguments| match arguments.args.as_slice() {
        [value] => Ok(value.clone()),
        _ => plan_err!("expected one value"),
    },
    written: |arguments| arguments.first().cloned(),
};

/// The functions of this module.
pub static ALL: [&Scalar; 1] = [&AS_CAST];

/// The value of this cast.
pub fn as_cast(cast: Expr) -> Expr {
    AS_CAST.call(vec![cast])
}
