//! Long chains of `+` and `-`, or of `*`, `/` and `%`, over numbers: one call with many arguments.
//!
//! The engine nests a chain as deep as it is long, and computes the type of each part again at each operator above it, in each
//! of its rules: a chain of a thousand operators is visited millions of times. As one call it has no depth, and its types are
//! computed from left to right, once per request. The result is the same as that of the separate operators.

use std::sync::Arc;

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::PlannerResult;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TypeSignature, Volatility, lit,
};
use datafusion::physical_expr_common::datum::apply;

use super::scalar::{excerpt, short_name, shown_name};
use super::{arithmetic, division, one_nan};

/// Its first argument is a string with one letter per operator; the others are the operands.
pub const NAME: &str = "chain_of_operators";

/// Up to this many operators stay nested, because the engine's optimisations know short chains.
const SHORT: usize = 16;

pub fn udf() -> ScalarUDF {
    ScalarUDF::from(Chain { signature: Signature::new(TypeSignature::UserDefined, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Chain {
    signature: Signature,
}

/// Which operators can be in the same chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Sum,
    Product,
}

fn rank(operator: Operator) -> Option<Rank> {
    match operator {
        Operator::Plus | Operator::Minus => Some(Rank::Sum),
        Operator::Multiply | Operator::Divide | Operator::Modulo => Some(Rank::Product),
        _ => None,
    }
}

fn letter(operator: Operator) -> char {
    match operator {
        Operator::Plus => '+',
        Operator::Minus => '-',
        Operator::Multiply => '*',
        Operator::Divide => '/',
        _ => '%',
    }
}

fn operator(letter: char) -> Option<Operator> {
    [Operator::Plus, Operator::Minus, Operator::Multiply, Operator::Divide, Operator::Modulo]
        .into_iter()
        .find(|operator| self::letter(*operator) == letter)
}

/// The operators of a call, and its other arguments.
fn parts(arguments: &[Expr]) -> Option<(&str, &[Expr])> {
    match arguments.split_first() {
        Some((Expr::Literal(ScalarValue::Utf8(Some(operators)), _), rest)) => Some((operators, rest)),
        _ => None,
    }
}

fn rank_of(expression: &Expr) -> Option<Rank> {
    match expression {
        Expr::BinaryExpr(BinaryExpr { op, .. }) => rank(*op),
        Expr::ScalarFunction(call) if is_chain(expression) => {
            parts(&call.args).and_then(|(operators, _)| operators.chars().next()).and_then(operator).and_then(rank)
        }
        _ => None,
    }
}

/// True for a call of the function.
pub fn is_chain(expression: &Expr) -> bool {
    matches!(expression, Expr::ScalarFunction(call) if call.func.name() == NAME)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Float32 | DataType::Float64 | DataType::Decimal128(..))
}

/// `left operator right` as a chain if it is a long one over numbers; otherwise the two sides again.
pub fn lengthened(operator: Operator, left: Expr, right: Expr, schema: &DFSchema) -> PlannerResult<(Expr, Expr)> {
    let own = rank(operator);
    let numeric = |side: &Expr| side.get_type(schema).is_ok_and(|data_type| is_number(&data_type));
    if own.is_none() || rank_of(&left) != own || !numeric(&right) {
        return PlannerResult::Original((left, right));
    }
    match left {
        Expr::ScalarFunction(mut call) => {
            let Some((operators, _)) = parts(&call.args) else {
                return PlannerResult::Original((Expr::ScalarFunction(call), right));
            };
            let operators = format!("{operators}{}", letter(operator));
            call.args[0] = lit(operators);
            call.args.push(right);
            PlannerResult::Planned(Expr::ScalarFunction(call))
        }
        left => {
            let mut terms = vec![];
            let mut part = &left;
            while let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part
                && rank(*op) == own
            {
                terms.push((*op, right.as_ref()));
                part = left;
            }
            if terms.len() < SHORT || !numeric(part) || !terms.iter().all(|(_, term)| numeric(term)) {
                return PlannerResult::Original((left, right));
            }
            terms.reverse();
            let operators: String = terms.iter().map(|(operator, _)| letter(*operator)).chain([letter(operator)]).collect();
            let arguments = [lit(operators), part.clone()].into_iter();
            let arguments = arguments.chain(terms.iter().map(|(_, term)| (*term).clone())).chain([right]);
            PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(udf()), arguments.collect())))
        }
    }
}

/// One operator: the type that its sides are converted to, and the type of its result.
struct Step {
    left: DataType,
    right: DataType,
    result: DataType,
}

fn step(operator: Operator, left: &DataType, right: &DataType) -> Result<Step> {
    if let Some([left, right, result]) = arithmetic::whole_types(operator, left, right) {
        return Ok(Step { left, right, result });
    }
    let (left, right) = BinaryTypeCoercer::new(left, &operator, right).get_input_types()?;
    let result = match operator {
        Operator::Divide | Operator::Modulo => division::result_type(operator, &left, &right)?,
        _ => arithmetic::result_type(operator, &left, &right)?,
    };
    Ok(Step { left, right, result })
}

fn steps(operators: &str, terms: &[FieldRef]) -> Result<Vec<(Operator, Step)>> {
    let Some((first, rest)) = terms.split_first() else { return plan_err!("{NAME} takes operators and numbers") };
    if rest.len() != operators.chars().count() {
        return plan_err!("{NAME} takes one number more than operators");
    }
    let mut type_so_far = first.data_type().clone();
    let mut steps = Vec::with_capacity(rest.len());
    for (letter, term) in operators.chars().zip(rest) {
        let Some(operator) = operator(letter) else { return plan_err!("{NAME} has no operator {letter}") };
        let step = step(operator, &type_so_far, term.data_type())?;
        type_so_far = step.result.clone();
        steps.push((operator, step));
    }
    Ok(steps)
}

fn written(operators: &str, terms: impl IntoIterator<Item = String>) -> String {
    let mut letters = operators.chars();
    let mut text = String::new();
    for term in terms {
        if !text.is_empty() {
            text.push(' ');
            text.extend(letters.next());
            text.push(' ');
        }
        text.push_str(&term);
    }
    text
}

/// A chain as SQL, with its terms as they print themselves.
fn shown(arguments: &[Expr], name: impl Fn(&Expr) -> String) -> Result<String> {
    let Some((operators, terms)) = parts(arguments) else { return plan_err!("{NAME} takes operators and numbers") };
    let own = operators.chars().next().and_then(operator).and_then(rank);
    let in_brackets = |term: &Expr| match rank_of(term) {
        Some(Rank::Product) => own == Some(Rank::Product),
        Some(Rank::Sum) => true,
        None => matches!(term, Expr::BinaryExpr(_)),
    };
    Ok(written(operators, terms.iter().map(|term| if in_brackets(term) { format!("({})", name(term)) } else { name(term) })))
}

impl ScalarUDFImpl for Chain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Each step coerces its two sides.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("the type of {NAME} depends on its operators")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let Some(Some(ScalarValue::Utf8(Some(operators)))) = arguments.scalar_arguments.first() else {
            return plan_err!("{NAME} takes operators, as a constant, and numbers");
        };
        let terms = &arguments.arg_fields[1..];
        let steps = steps(operators, terms)?;
        let Some((_, last)) = steps.last() else { return plan_err!("{NAME} takes operators and numbers") };
        let names = terms.iter().zip(&arguments.scalar_arguments[1..]).map(|(field, value)| match value {
            Some(value) => value.to_string(),
            None => shown_name(field),
        });
        let nullable = terms.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(excerpt(written(operators, names)), last.result.clone(), nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(operators)))) = arguments.args.first() else {
            return exec_err!("{NAME} takes operators, as a constant, and numbers");
        };
        let steps = steps(operators, &arguments.arg_fields[1..])?;
        let mut so_far = arguments.args[1].clone();
        let terms = arguments.args[2..].iter().zip(&arguments.arg_fields[2..]);
        for ((operator, step), (term, field)) in steps.into_iter().zip(terms) {
            let left = so_far.cast_to(&step.left, None)?;
            let right = term.cast_to(&step.right, None)?;
            let result = Arc::new(Field::new(arguments.return_field.name(), step.result, true));
            so_far = match arithmetic::exactly(operator, [&left, &right], arguments.number_rows, &result)? {
                Some(exact) => exact,
                None => match operator {
                    Operator::Plus => apply(&left, &right, numeric::add_wrapping)?,
                    Operator::Minus => apply(&left, &right, numeric::sub_wrapping)?,
                    Operator::Multiply => apply(&left, &right, numeric::mul_wrapping)?,
                    Operator::Divide | Operator::Modulo => {
                        let divisor = matches!(term, ColumnarValue::Array(_)).then(|| shown_name(field));
                        let divided =
                            division::compute(operator, [&left, &right], arguments.number_rows, &result, divisor.as_deref())?;
                        one_nan::without_sign(divided)
                    }
                    other => return exec_err!("{NAME} has no operator {other}"),
                },
            };
        }
        Ok(one_nan::without_sign(so_far))
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(short_name(shown(arguments, |term| term.schema_name().to_string())?))
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        shown(arguments, ToString::to_string)
    }
}
