//! An exact `median` of decimals. For an even number of values it is the mean of the middle two, which needs one more digit. The engine
//! truncates that digit: it returns 1.01 as the median of 1.01 and 1.02, and this function 1.015.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::functions_aggregate::median::Median as Engine;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator};

use super::of_engine::of_engine;
use super::wide_decimals::{Wide, state_fields};

/// `median` under the engine's name.
pub fn median() -> AggregateUDF {
    AggregateUDF::from(Median { engine: Engine::new() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Median {
    engine: Engine,
}

/// The same decimals with one more digit.
fn with_a_digit(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(precision + 1, scale + 1)
        }
        DataType::Decimal128(precision @ ..38, scale) => DataType::Decimal128(precision + 1, scale + 1),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision @ ..76, scale) => {
            DataType::Decimal256(precision + 1, scale + 1)
        }
        other => other.clone(),
    }
}

impl AggregateUDFImpl for Median {
    of_engine!(name, signature);

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(&types.iter().map(with_a_digit).collect::<Vec<_>>())
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        state_fields(&self.engine, &arguments, with_a_digit)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match arguments.expr_fields.iter().any(|field| field.data_type().is_decimal()) {
            true => Wide::new(&self.engine, arguments, with_a_digit)?.accumulator(&self.engine, false),
            false => self.engine.accumulator(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        self.engine.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match arguments.expr_fields.iter().any(|field| field.data_type().is_decimal()) {
            true => Wide::new(&self.engine, arguments, with_a_digit)?.groups_accumulator(&self.engine),
            false => self.engine.create_groups_accumulator(arguments),
        }
    }
}
