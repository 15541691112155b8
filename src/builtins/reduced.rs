//! `list_reduce(list, (sum, value) -> …, start)`: a list reduced to one value, step by step, from its first value to its last.
//!
//! All rows go forward together: the lambda is evaluated once for the first values of all lists, once for the second, and so on. A list
//! that has come to its end takes no further part, so that the work is that of the number of values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array, new_null_array};
use datafusion::arrow::compute::{cast, interleave, take, take_arrays};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF, HigherOrderUDFImpl,
    LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use crate::error::{SqlState, coded, in_rows};

const NAME: &str = "list_reduce";

/// The most digits of a decimal in 128 bits.
const MOST_DIGITS: u8 = 38;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reduce {
    signature: HigherOrderSignature,
    aliases: Vec<String>,
}

pub fn udf() -> HigherOrderUDF {
    HigherOrderUDF::new_from_impl(Reduce {
        signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        aliases: vec!["array_reduce".into(), "reduce".into()],
    })
}

/// The list, the lambda, and the value to start with, which stands before the lambda or after it.
struct Given<V, L> {
    list: V,
    lambda: L,
    start: Option<V>,
}

fn given<V: Clone, L: Clone>(arguments: &[ValueOrLambda<V, L>]) -> Result<Given<V, L>> {
    use ValueOrLambda::{Lambda, Value};
    let (list, lambda, start) = match arguments {
        [Value(list), Lambda(lambda)] => (list, lambda, None),
        [Value(list), Lambda(lambda), Value(start)] | [Value(list), Value(start), Lambda(lambda)] => (list, lambda, Some(start)),
        _ => return Err(wrong()),
    };
    Ok(Given { list: list.clone(), lambda: lambda.clone(), start: start.cloned() })
}

fn wrong() -> datafusion::error::DataFusionError {
    let problem =
        "takes a list, a lambda and perhaps a value to start with; write list_reduce(list, (sum, value) -> sum + value, 0)";
    coded(SqlState::UNDEFINED_FUNCTION, NAME, problem)
}

/// The type in which results are carried from step to step. A decimal has room, so that it does not grow with each step.
fn carried(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal128(_, scale) => DataType::Decimal128(MOST_DIGITS, *scale),
        other => other.clone(),
    }
}

/// The digits after the point of a decimal.
fn places(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}

fn element(list: &DataType) -> Result<DataType> {
    match list {
        DataType::List(field) => Ok(field.data_type().clone()),
        _ => Err(wrong()),
    }
}

impl HigherOrderUDFImpl for Reduce {
    fn name(&self) -> &str {
        NAME
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list, rest @ ..] = types else { return Err(wrong()) };
        let list = match list {
            DataType::List(field)
            | DataType::ListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::LargeList(field) => DataType::List(Arc::clone(field)),
            DataType::Null => DataType::new_list(DataType::Null, true),
            _ => return Err(wrong()),
        };
        Ok(std::iter::once(list).chain(rest.iter().cloned()).collect())
    }

    fn lambda_parameters(
        &self,
        step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let Given { list, lambda, start } = given(fields)?;
        let element = element(list.data_type())?;
        let most = start.iter().map(|start| places(start.data_type())).chain([places(&element)]).max();
        if lambda.as_ref().is_some_and(|result| Some(places(result.data_type())) > most) {
            let problem = "the result has more digits after the point than the values, and would get more with each step; CAST it in the lambda, \
                           as in (all, x) -> CAST(all * x AS DOUBLE)";
            return Err(coded(SqlState::DATATYPE_MISMATCH, NAME, problem));
        }
        let first = start.map_or_else(|| element.clone(), |start| start.data_type().clone());
        let so_far = lambda.as_ref().map_or(first, |result| carried(result.data_type()));
        let field = |data_type: DataType| Arc::new(Field::new("", data_type, true));
        let parameters = vec![field(so_far), field(element), field(DataType::Int64)];
        // The result may have another type than the first value. Two rounds find the type that stays.
        Ok(match (step, lambda) {
            (0 | 1, None) | (1, Some(_)) => LambdaParametersProgress::Partial(vec![Some(parameters)]),
            (0 | 2.., _) => LambdaParametersProgress::Complete(vec![parameters]),
        })
    }

    fn return_field_from_args(&self, arguments: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let Given { lambda, .. } = given(arguments.arg_fields)?;
        Ok(Arc::new(Field::new("", carried(lambda.data_type()), true)))
    }

    fn invoke_with_args(&self, arguments: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let Given { list, lambda, start } = given(&arguments.args)?;
        let lists = list.to_array(arguments.number_rows)?;
        let start = start.map(|start| start.to_array(arguments.number_rows)).transpose()?;
        reduced(&lists, &lambda, start.as_ref(), arguments.return_type()).map(ColumnarValue::Array)
    }
}

/// What the lists are reduced to.
fn reduced(lists: &ArrayRef, lambda: &LambdaArgument, start: Option<&ArrayRef>, result: &DataType) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let values = lists.values();
    // Where the values of a row begin and end; nothing for a NULL.
    let place = |offset: i32| u64::try_from(offset).unwrap_or_default();
    let range = |row: usize| (place(lists.value_offsets()[row]), place(lists.value_offsets()[row + 1]));
    // The results: parts of them in order of the steps after which their rows ended, and for each row its place in them.
    let mut parts: Vec<ArrayRef> = vec![new_null_array(result, 1)];
    let mut places = vec![(0, 0); lists.len()];
    let mut open: Vec<(usize, u64, u64)> = vec![];
    for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
        let (from, to) = range(row);
        if start.is_none() && from == to {
            let rule = "needs a value to start with, if a list is empty";
            let problem = "a list is empty, and there is no value to start with; write list_reduce(list, lambda, 0)";
            return Err(in_rows(SqlState::INVALID_PARAMETER_VALUE, NAME, rule, problem));
        }
        open.push((row, from, to));
    }
    let chosen = |from: &ArrayRef, indexes: Vec<u64>| take(from, &UInt64Array::from(indexes), None);
    let first = match start {
        Some(start) => chosen(start, open.iter().map(|(row, _, _)| *row as u64).collect())?,
        None => {
            let first = chosen(values, open.iter().map(|(_, from, _)| *from).collect())?;
            open.iter_mut().for_each(|(_, from, _)| *from += 1);
            first
        }
    };
    let mut so_far = cast(&first, result)?;
    let mut step = i64::from(start.is_none());
    while !open.is_empty() {
        // Those that are at their end stay where they are.
        let mut going: Vec<u64> = vec![];
        for (place, (row, from, to)) in open.iter().enumerate() {
            if from == to {
                places[*row] = (parts.len(), place);
            } else {
                going.push(place as u64);
            }
        }
        let next = chosen(&so_far, going)?;
        parts.push(so_far);
        open.retain(|(_, from, to)| from < to);
        if open.is_empty() {
            break;
        }
        step += 1;
        let value = chosen(values, open.iter().map(|(_, from, _)| *from).collect())?;
        let rows = UInt64Array::from(open.iter().map(|(row, _, _)| *row as u64).collect::<Vec<_>>());
        let number: ArrayRef = Arc::new(Int64Array::from(vec![step; open.len()]));
        let (next, value, number) = (|| Ok(Arc::clone(&next)), || Ok(Arc::clone(&value)), || Ok(Arc::clone(&number)));
        let evaluated = lambda.evaluate(&[&next, &value, &number], |captured| Ok(take_arrays(captured, &rows, None)?))?;
        so_far = cast(&evaluated.into_array(open.len())?, result)?;
        open.iter_mut().for_each(|(_, from, _)| *from += 1);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(interleave(&parts, &places)?)
}
