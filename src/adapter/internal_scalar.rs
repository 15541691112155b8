//! Scalar functions that occur in plans and are never called by name: plain data, with the values that it gives for rows.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::any_arguments;
use super::plain::Plain;

/// A scalar function that occurs in plans only.
pub trait InternalScalar: Plain + Eq + Hash {
    /// Its name in EXPLAIN.
    fn label(&self) -> &str {
        Self::NAME
    }

    /// The type of its values.
    fn data_type(&self) -> DataType;

    /// The column of its values.
    fn field(&self) -> FieldRef {
        Arc::new(Field::new(self.label(), self.data_type(), true))
    }

    /// Its values for rows of arguments.
    ///
    /// # Errors
    /// An argument is not one that it can have.
    fn values(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef>;

    /// The function of these arguments.
    fn call(self, arguments: Vec<Expr>) -> Expr {
        ScalarUDF::from(InPlan(self)).call(arguments)
    }
}

/// The function as DataFusion calls it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct InPlan<F>(pub F);

impl<F: InternalScalar> ScalarUDFImpl for InPlan<F> {
    fn name(&self) -> &str {
        self.0.label()
    }

    fn signature(&self) -> &Signature {
        any_arguments()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.0.data_type())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(self.0.field())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = arguments.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
        self.0.values(&arrays, rows).map(ColumnarValue::Array)
    }
}
