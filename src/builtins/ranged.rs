//! A function whose range is of the type of its values.
//!
//! DataFusion asks each function of a sort key for the range of its values. Most answer with a range of NULLs, which the functions and
//! comparisons around them refuse: `abs(length(name))` and `length(name) > 3` then have no known order, not even right after they were
//! sorted by.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

/// The function as it is, with a range of this type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ranged {
    function: Arc<ScalarUDF>,
    data_type: DataType,
}

/// Gives the function of a call a range; false if it has one, or the expression is no call.
pub fn give_range(expression: &mut Expr, data_type: &DataType) -> bool {
    let Expr::ScalarFunction(ScalarFunction { func, .. }) = expression else { return false };
    if func.inner().downcast_ref::<Ranged>().is_some() {
        return false;
    }
    *func = Arc::new(ScalarUDF::from(Ranged { function: Arc::clone(func), data_type: data_type.clone() }));
    true
}

/// The function itself.
#[cfg(test)]
pub fn without_range(function: &ScalarUDF) -> &ScalarUDF {
    match function.inner().downcast_ref::<Ranged>() {
        Some(ranged) => &ranged.function,
        None => function,
    }
}

impl Ranged {
    fn inner(&self) -> &dyn ScalarUDFImpl {
        self.function.inner().as_ref()
    }
}

impl ScalarUDFImpl for Ranged {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        self.function.schema_name(arguments)
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner().coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.function.return_field_from_args(arguments)
    }

    fn is_strict(&self) -> bool {
        self.inner().is_strict()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.invoke_with_args(arguments)
    }

    fn simplify(&self, arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.function.simplify(arguments, context)
    }

    fn short_circuits(&self) -> bool {
        self.function.short_circuits()
    }

    fn conditional_arguments<'a>(&self, arguments: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.function.conditional_arguments(arguments)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        match self.function.evaluate_bounds(inputs) {
            Ok(range) if range.data_type() == self.data_type => Ok(range),
            _ => Interval::make_unbounded(&self.data_type),
        }
    }

    fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        self.function.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(self.function.output_ordering(inputs).unwrap_or(SortProperties::Unordered))
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.function.preserves_lex_ordering(inputs)
    }
}
