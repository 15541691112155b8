//! Functions around a value that return the value: each carries something through planning, such as a mark, a name or a check.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// A function that returns its first argument, with the type of it.
#[derive(Debug)]
pub struct Wrapper {
    pub name: &'static str,
    /// How many arguments it takes: the value, and what is said about it.
    pub arity: usize,
    pub volatility: Volatility,
    /// True if the result may be NULL although the value never is.
    pub can_be_null: bool,
    /// True if no part of the value may be computed before it.
    pub short_circuits: bool,
    /// Checks the rows.
    pub check: fn(&ScalarFunctionArgs) -> Result<()>,
    /// The name of the result.
    pub named: fn(&'static str, &[Expr]) -> Result<String>,
    pub simplify: fn(Vec<Expr>) -> ExprSimplifyResult,
}

impl Wrapper {
    /// One that checks nothing and stays in the plan. To be used with `..`.
    pub const fn new(name: &'static str, arity: usize) -> Self {
        Self {
            name,
            arity,
            volatility: Volatility::Immutable,
            can_be_null: false,
            short_circuits: false,
            check: |_| Ok(()),
            named: call_name,
            simplify: ExprSimplifyResult::Original,
        }
    }

    pub fn udf(&'static self) -> ScalarUDF {
        ScalarUDF::from(Udf { wrapper: self, signature: Signature::any(self.arity, self.volatility) })
    }

    /// A call of the function.
    pub fn call(&'static self, arguments: Vec<Expr>) -> Expr {
        self.udf().call(arguments)
    }

    /// The value in a call of this function; `None` for other expressions.
    pub fn value_in<'a>(&self, expression: &'a Expr) -> Option<&'a Expr> {
        match expression {
            Expr::ScalarFunction(call) if call.func.name() == self.name => call.args.first(),
            _ => None,
        }
    }

    fn first<'a, T>(&self, arguments: &'a [T]) -> Result<&'a T> {
        match arguments {
            [value, others @ ..] if others.len() + 1 == self.arity => Ok(value),
            _ => internal_err!("{}: expected {} arguments", self.name, self.arity),
        }
    }
}

/// The name that DataFusion gives a call.
fn call_name(function: &'static str, arguments: &[Expr]) -> Result<String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
    Ok(format!("{function}({})", arguments.join(",")))
}

impl PartialEq for Wrapper {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Wrapper {}

impl Hash for Wrapper {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Udf {
    wrapper: &'static Wrapper,
    signature: Signature,
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.wrapper.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.wrapper.first(types).cloned()
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = self.wrapper.first(arguments.arg_fields)?;
        if !self.wrapper.can_be_null {
            return Ok(Arc::clone(field));
        }
        Ok(Arc::new(field.as_ref().clone().with_nullable(true)))
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        (self.wrapper.named)(self.wrapper.name, arguments)
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok((self.wrapper.simplify)(arguments))
    }

    fn short_circuits(&self) -> bool {
        self.wrapper.short_circuits
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = self.wrapper.first(&arguments.args)?;
        (self.wrapper.check)(&arguments)?;
        match self.wrapper.volatility {
            // A scalar would show that the value is constant.
            Volatility::Volatile => Ok(ColumnarValue::Array(value.to_array(arguments.number_rows)?)),
            Volatility::Immutable | Volatility::Stable => Ok(value.clone()),
        }
    }
}
