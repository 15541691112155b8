//! `coalesce(day, '2025-01-31')`: a string beside a date, a time, an interval or a boolean is read as one, as in PostgreSQL.
//!
//! DataFusion's own `coalesce` refuses such arguments. It also writes an argument twice, `CASE WHEN a IS NOT NULL THEN a ELSE b END`, so
//! that one that is drawn at random would be drawn twice. It does everything else.

use datafusion::arrow::compute::is_not_null;
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::functions::core::coalesce::CoalesceFunc;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl};

use super::of_engine::of_engine;

pub const NAME: &str = "coalesce";

pub fn udf() -> ScalarUDF {
    ScalarUDF::from(Coalesce { engine: CoalesceFunc::new() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Coalesce {
    engine: CoalesceFunc,
}

impl ScalarUDFImpl for Coalesce {
    of_engine!(signature, return_field_from_args, documentation);

    fn name(&self) -> &str {
        NAME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of coalesce comes with its field")
    }

    fn simplify(&self, arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let is_drawn_twice = arguments.split_last().is_some_and(|(_, twice)| twice.iter().any(Expr::is_volatile));
        if is_drawn_twice { Ok(ExprSimplifyResult::Original(arguments)) } else { self.engine.simplify(arguments, context) }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut values = arguments.args.iter().map(|argument| argument.to_array(arguments.number_rows));
        let Some(first) = values.next() else { return internal_err!("coalesce takes at least one argument") };
        let found =
            values.try_fold(first?, |found, next| Ok::<_, DataFusionError>(zip(&is_not_null(&found)?, &found, &next?)?))?;
        Ok(ColumnarValue::Array(found))
    }

    fn conditional_arguments<'a>(&self, arguments: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.engine.conditional_arguments(arguments)
    }

    fn short_circuits(&self) -> bool {
        self.engine.short_circuits()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let mut values = types.iter().filter(|data_type| !data_type.is_string() && !data_type.is_null());
        match values.next() {
            Some(first)
                if is_read_from_text(first) && types.iter().any(DataType::is_string) && values.all(|other| other == first) =>
            {
                Ok(vec![first.clone(); types.len()])
            }
            // The engine does not find out the type of NULL beside bytes.
            Some(first) if is_bytes(first) && !types.iter().any(DataType::is_string) && values.all(|other| other == first) => {
                Ok(vec![first.clone(); types.len()])
            }
            _ => self.engine.coerce_types(types),
        }
    }
}

fn is_read_from_text(data_type: &DataType) -> bool {
    data_type.is_temporal() || matches!(data_type, DataType::Boolean)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}
