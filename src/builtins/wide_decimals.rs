//! `sum` and `avg` of decimals with more than 28 digits, added in 256 bits.
//!
//! A sum has ten digits more than its values, which 10¹⁰ rows cannot exceed. From 29 digits on, that is more than the 38
//! digits of a 128-bit decimal, and the engine, which adds in 128 bits, wraps. Here such columns are widened first, and the
//! result is converted back to the type that it has in the engine, or is an error.
//!
//! The engine cuts the mean of decimals off after its last place. Here it is computed with one place more, and rounded.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::average::Avg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Coercion, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, TypeSignature,
    TypeSignatureClass,
};

use super::mean_interval::{self, MeanInterval};
use super::moments;
use super::of_engine::of_engine;
use super::spans::INTERVAL;
use crate::error::{SqlState, coded, invalid};
use crate::kernels::sums::moments::Moment;

/// `avg` under the engine's name.
pub fn avg() -> AggregateUDF {
    let engine = Avg::new();
    let mut signature = engine.signature().clone();
    if let TypeSignature::OneOf(kinds) = &mut signature.type_signature {
        kinds.push(TypeSignature::Coercible(vec![Coercion::new_exact(TypeSignatureClass::Interval)]));
    }
    AggregateUDF::from(WideAvg { engine, signature })
}

/// Intervals are averaged by [`mean_interval`], floats by [`moments`], all else by the engine.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WideAvg {
    engine: Avg,
    signature: Signature,
}

impl AggregateUDFImpl for WideAvg {
    of_engine!(name, aliases);

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if let [DataType::Interval(_)] = types { Ok(INTERVAL) } else { self.engine.return_type(types) }
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if *arguments.return_type() == INTERVAL {
            return Ok(mean_interval::state_fields(arguments.name));
        }
        if *arguments.return_type() == DataType::Float64 {
            return Ok(moments::state_fields(Moment::Mean, &arguments));
        }
        match arguments.input_fields.iter().any(|field| is_wide(field.data_type())) {
            true => state_fields(&self.engine, &arguments, widened),
            false => self.engine.state_fields(arguments),
        }
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if *arguments.return_type() == INTERVAL {
            return mean_of_intervals(&arguments);
        }
        if *arguments.return_type() == DataType::Float64 {
            return moments::accumulator(Moment::Mean, &arguments);
        }
        match widening(arguments.expr_fields) {
            Some(widened) => Wide::new(&self.engine, arguments, widened)?.finer().accumulator(&self.engine, false),
            None => self.engine.accumulator(arguments),
        }
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if *arguments.return_type() == INTERVAL {
            return mean_of_intervals(&arguments);
        }
        if *arguments.return_type() == DataType::Float64 {
            return moments::accumulator(Moment::Mean, &arguments);
        }
        match widening(arguments.expr_fields) {
            Some(widened) => Wide::new(&self.engine, arguments, widened)?.finer().accumulator(&self.engine, true),
            None => self.engine.create_sliding_accumulator(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        match arguments.return_type() {
            DataType::Float64 => !arguments.is_distinct,
            other => *other != INTERVAL && self.engine.groups_accumulator_supported(arguments),
        }
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if *arguments.return_type() == DataType::Float64 {
            return Ok(moments::groups_accumulator(Moment::Mean));
        }
        match widening(arguments.expr_fields) {
            Some(widened) => Wide::new(&self.engine, arguments, widened)?.finer().groups_accumulator(&self.engine),
            None => self.engine.create_groups_accumulator(arguments),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.engine.reverse_expr()
    }
}

/// What becomes of the decimals that are averaged; `None` if there are none.
fn widening(arguments: &[FieldRef]) -> Option<Widened> {
    if arguments.iter().any(|field| is_wide(field.data_type())) {
        return Some(widened);
    }
    let is_decimal = |field: &FieldRef| matches!(field.data_type(), DataType::Decimal128(..) | DataType::Decimal256(..));
    arguments.iter().any(is_decimal).then_some(DataType::clone as Widened)
}

fn mean_of_intervals(arguments: &AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
    if arguments.is_distinct {
        return Err(invalid("avg", "takes no DISTINCT with intervals; write avg(i) … FROM (SELECT DISTINCT i …)"));
    }
    Ok(Box::new(MeanInterval::default()))
}

/// True for decimals whose sums could exceed the engine's type.
pub fn is_wide(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(29.., _))
}

/// The same decimals in 256 bits.
pub fn widened(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal128(precision, scale) => DataType::Decimal256(*precision, *scale),
        other => other.clone(),
    }
}

/// What a type becomes before the engine sees it.
pub type Widened = fn(&DataType) -> DataType;

/// The engine's function over wider columns.
pub struct Wide<'a> {
    arguments: Vec<FieldRef>,
    result: FieldRef,
    given: AccumulatorArgs<'a>,
}

impl<'a> Wide<'a> {
    pub fn new(engine: &dyn AggregateUDFImpl, given: AccumulatorArgs<'a>, widened: Widened) -> Result<Self> {
        let arguments: Vec<FieldRef> = given
            .expr_fields
            .iter()
            .map(|field| Arc::new(field.as_ref().clone().with_data_type(widened(field.data_type()))))
            .collect();
        let types: Vec<DataType> = arguments.iter().map(|field| field.data_type().clone()).collect();
        let result = Field::new(given.return_field.name(), engine.return_type(&types)?, true).into();
        Ok(Self { arguments, result, given })
    }

    /// Has a result with one place more, which is rounded.
    fn finer(mut self) -> Self {
        let finer = match self.result.data_type() {
            DataType::Decimal128(digits, places) if *digits < DECIMAL128_MAX_PRECISION => {
                DataType::Decimal128(digits + 1, places + 1)
            }
            DataType::Decimal256(digits, places) if *digits < DECIMAL256_MAX_PRECISION => {
                DataType::Decimal256(digits + 1, places + 1)
            }
            _ => return self,
        };
        self.result = Field::new(self.result.name(), finer, true).into();
        self
    }

    fn arguments(&self) -> AccumulatorArgs<'_> {
        AccumulatorArgs {
            return_field: Arc::clone(&self.result),
            expr_fields: &self.arguments,
            schema: self.given.schema,
            ignore_nulls: self.given.ignore_nulls,
            order_bys: self.given.order_bys,
            is_reversed: self.given.is_reversed,
            name: self.given.name,
            is_distinct: self.given.is_distinct,
            exprs: self.given.exprs,
        }
    }

    fn narrowing(&self) -> Narrowing {
        let argument = self.arguments.first().map_or(DataType::Null, |field| field.data_type().clone());
        Narrowing { name: self.given.name.to_string(), argument, result: self.given.return_field.data_type().clone() }
    }

    pub fn accumulator(self, engine: &dyn AggregateUDFImpl, sliding: bool) -> Result<Box<dyn Accumulator>> {
        let wide = match sliding {
            true => engine.create_sliding_accumulator(self.arguments())?,
            false => engine.accumulator(self.arguments())?,
        };
        Ok(Box::new(One { wide, narrowing: self.narrowing() }))
    }

    pub fn groups_accumulator(self, engine: &dyn AggregateUDFImpl) -> Result<Box<dyn GroupsAccumulator>> {
        let wide = engine.create_groups_accumulator(self.arguments())?;
        Ok(Box::new(Groups { wide, narrowing: self.narrowing() }))
    }
}

/// The states of the function over wider columns.
pub fn state_fields(engine: &dyn AggregateUDFImpl, given: &StateFieldsArgs<'_>, widened: Widened) -> Result<Vec<FieldRef>> {
    let arguments: Vec<FieldRef> = given
        .input_fields
        .iter()
        .map(|field| Arc::new(field.as_ref().clone().with_data_type(widened(field.data_type()))))
        .collect();
    let types: Vec<DataType> = arguments.iter().map(|field| field.data_type().clone()).collect();
    engine.state_fields(StateFieldsArgs {
        name: given.name,
        input_fields: &arguments,
        return_field: Field::new(given.return_field.name(), engine.return_type(&types)?, true).into(),
        ordering_fields: given.ordering_fields,
        is_distinct: given.is_distinct,
    })
}

#[derive(Debug)]
struct Narrowing {
    /// The call as it is written.
    name: String,
    argument: DataType,
    result: DataType,
}

impl Narrowing {
    fn widen(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        values.iter().map(|values| Ok(cast(values, &self.argument)?)).collect()
    }

    fn narrow(&self, results: &ArrayRef) -> Result<ArrayRef> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(results, &self.result, &options).map_err(|_| {
            let problem = "the result has more than 38 digits; cast to fewer digits, or to DOUBLE";
            coded(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, &self.name, problem)
        })
    }
}

#[derive(Debug)]
struct One {
    wide: Box<dyn Accumulator>,
    narrowing: Narrowing,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.wide.update_batch(&self.narrowing.widen(values)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.wide.retract_batch(&self.narrowing.widen(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.wide.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.wide.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.wide.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.narrowing.narrow(&self.wide.evaluate()?.to_array()?)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.wide.size()
    }
}

struct Groups {
    wide: Box<dyn GroupsAccumulator>,
    narrowing: Narrowing,
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.wide.update_batch(&self.narrowing.widen(values)?, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.wide.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.narrowing.narrow(&self.wide.evaluate(emit)?)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.wide.state(emit)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.wide.convert_to_state(&self.narrowing.widen(values)?, filter)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.wide.size()
    }
}
