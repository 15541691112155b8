//! Aggregates of the values of each list: `list_sum([1, 2])`, `list_stddev([1, 2])`.
//!
//! Each list is a group of the aggregate, so that results, their types and errors are those of `sum(x)` and `stddev(x)` over rows.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::all_default_aggregate_functions;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{AggregateUDF, ColumnarValue, EmitTo, ScalarFunctionArgs};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;

use crate::builtins::dates::arrays;
use crate::builtins::scalar::Scalar;

/// The aggregates of the engine, and ours where they replace them.
static AGGREGATES: LazyLock<HashMap<String, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let engine = all_default_aggregate_functions().into_iter().map(|function| (function.name().to_string(), function));
    let own = crate::builtins::aggregates().map(|(name, function)| (name.to_string(), Arc::new(function)));
    engine.chain(own).collect()
});

fn aggregate(name: &str) -> Result<&'static Arc<AggregateUDF>> {
    AGGREGATES.get(name).ok_or_else(|| DataFusionError::NotImplemented(name.to_string()))
}

macro_rules! of_values {
    ($name:literal, $aggregate:literal) => {
        Scalar {
            name: $name,
            takes: |types| takes($aggregate, types),
            gives: |types| gives($aggregate, types),
            compute: |arguments| compute($aggregate, arguments),
            written: |_| None,
        }
    };
}

static SUM: Scalar = of_values!("sum_of", "sum");
static AVG: Scalar = of_values!("avg_of", "avg");
static MEDIAN: Scalar = of_values!("median_of", "median");
static STDDEV: Scalar = of_values!("stddev_of", "stddev");
static STDDEV_POP: Scalar = of_values!("stddev_pop_of", "stddev_pop");
static VARIANCE: Scalar = of_values!("variance_of", "var");
static VAR_POP: Scalar = of_values!("var_pop_of", "var_pop");
static BOOL_AND: Scalar = of_values!("bool_and_of", "bool_and");
static BOOL_OR: Scalar = of_values!("bool_or_of", "bool_or");
static BIT_AND: Scalar = of_values!("bit_and_of", "bit_and");
static BIT_OR: Scalar = of_values!("bit_or_of", "bit_or");
static BIT_XOR: Scalar = of_values!("bit_xor_of", "bit_xor");

/// The functions of this module.
pub static ALL: [&Scalar; 12] =
    [&SUM, &AVG, &MEDIAN, &STDDEV, &STDDEV_POP, &VARIANCE, &VAR_POP, &BOOL_AND, &BOOL_OR, &BIT_AND, &BIT_OR, &BIT_XOR];

fn takes(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let item = match types {
        [DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)] => item.data_type().clone(),
        [DataType::Null] => DataType::Null,
        _ => return plan_err!("{name} of a list takes one list, got {types:?}"),
    };
    let item = match item {
        // A list without values.
        DataType::Null if name.starts_with("bool") => DataType::Boolean,
        DataType::Null => DataType::Int64,
        other => other,
    };
    let field = Arc::new(Field::new_list_field(item, true));
    let fields = fields_with_udf(&[field], aggregate(name)?.as_ref())?;
    Ok(fields.iter().map(|field| DataType::new_list(field.data_type().clone(), true)).collect())
}

fn gives(name: &str, types: &[DataType]) -> Result<DataType> {
    let [DataType::List(item)] = types else { return plan_err!("{name} of a list takes one list, got {types:?}") };
    Ok(aggregate(name)?.return_field(&[Arc::clone(item)])?.data_type().clone())
}

fn compute(name: &str, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let lists = arrays(arguments)?.swap_remove(0);
    let lists = lists.as_list::<i32>();
    let (mut places, mut groups) = (vec![], vec![]);
    for (row, bounds) in lists.value_offsets().windows(2).enumerate() {
        if lists.is_valid(row) {
            let within = u64::try_from(bounds[0]).unwrap_or(0)..u64::try_from(bounds[1]).unwrap_or(0);
            groups.extend(within.clone().map(|_| row));
            places.extend(within);
        }
    }
    let values = take(lists.values(), &UInt64Array::from(places), None)?;
    let schema = Arc::new(Schema::new(vec![Field::new(name, lists.value_type(), true)]));
    let column = Arc::new(Column::new(name, 0));
    let aggregate = AggregateExprBuilder::new(Arc::clone(aggregate(name)?), vec![column]).schema(schema).alias(name).build()?;
    let result: ArrayRef = if lists.is_empty() {
        new_empty_array(arguments.return_field.data_type())
    } else if aggregate.groups_accumulator_supported() {
        let mut states = aggregate.create_groups_accumulator()?;
        states.update_batch(&[values], &groups, None, lists.len())?;
        states.evaluate(EmitTo::All)?
    } else {
        let mut start = 0;
        let results = (0..lists.len()).map(|row| {
            let count = groups[start..].iter().take_while(|group| **group == row).count();
            let mut state = aggregate.create_accumulator()?;
            state.update_batch(&[values.slice(start, count)])?;
            start += count;
            state.evaluate()
        });
        ScalarValue::iter_to_array(results.collect::<Result<Vec<_>>>()?)?
    };
    Ok(ColumnarValue::Array(result))
}
