//! Values as they are, under another meaning: the value of a cast, which the engine does not look into, and texts whose type is reported to
//! clients as JSON.

use datafusion::common::plan_err;
use datafusion::logical_expr::Expr;

use super::scalar::Scalar;

/// A function that gives its value as it is.
const fn itself(name: &'static str) -> Scalar {
    Scalar {
        name,
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
    }
}

static AS_CAST: Scalar = itself("value_of_cast");
/// The names of the functions whose texts are JSON, and JSON as jsonb.
pub const TOLD_JSON: &str = "told_json";
pub const TOLD_JSONB: &str = "told_jsonb";
static AS_JSON: Scalar = itself(TOLD_JSON);
static AS_JSONB: Scalar = itself(TOLD_JSONB);

/// The functions of this module.
pub static ALL: [&Scalar; 3] = [&AS_CAST, &AS_JSON, &AS_JSONB];

/// The value of this cast.
pub fn as_cast(cast: Expr) -> Expr {
    AS_CAST.call(vec![cast])
}
