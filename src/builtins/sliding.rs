//! Aggregates over windows whose start moves: `bool_or(a) OVER (ORDER BY b ROWS 2 PRECEDING)`.
//!
//! DataFusion takes the rows that leave such a window out of an aggregate's state, and refuses aggregates that cannot do that. Here, these
//! keep the rows of the window, and are computed from them for each row.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::any_value::any_value_udaf;
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::functions_aggregate::bit_and_or_xor::{bit_and_udaf, bit_or_udaf};
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};

use super::of_engine::of_engine;

/// The engine's aggregates whose state cannot forget a row, by name.
pub fn all() -> [(&'static str, AggregateUDF); 7] {
    [
        ("any_value", any_value_udaf()),
        ("approx_distinct", approx_distinct_udaf()),
        ("bit_and", bit_and_udaf()),
        ("bit_or", bit_or_udaf()),
        ("bool_and", bool_and_udaf()),
        ("bool_or", bool_or_udaf()),
        ("string_agg", string_agg_udaf()),
    ]
    .map(|(name, engine)| (name, AggregateUDF::from(Sliding { engine })))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sliding {
    engine: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Sliding {
    of_engine!(
        name,
        aliases,
        signature,
        coerce_types,
        return_type,
        return_field,
        is_nullable,
        default_value,
        supports_null_handling_clause,
        documentation
    );

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.engine.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.engine.accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Refilled::new(Arc::clone(&self.engine), &arguments)))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs<'_>) -> bool {
        self.engine.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.engine.create_groups_accumulator(arguments)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engine.order_sensitivity()
    }

    /// The reverse of one of these, where it is another function, would be the engine's.
    fn reverse_expr(&self) -> ReversedUDAF {
        match self.engine.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            ReversedUDAF::NotSupported | ReversedUDAF::Reversed(_) => ReversedUDAF::NotSupported,
        }
    }
}

/// Computes an aggregate from the rows of a window, each time anew.
#[derive(Debug)]
pub struct Refilled {
    function: Arc<AggregateUDF>,
    call: Call,
    /// The arguments, for the rows in the window.
    rows: Vec<ArrayRef>,
}

/// The call, as the engine describes it, to be kept.
#[derive(Debug)]
struct Call {
    name: String,
    return_field: FieldRef,
    schema: Schema,
    expr_fields: Vec<FieldRef>,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    order_bys: Vec<PhysicalSortExpr>,
    ignore_nulls: bool,
    is_reversed: bool,
    is_distinct: bool,
}

impl Refilled {
    pub fn new(function: Arc<AggregateUDF>, arguments: &AccumulatorArgs<'_>) -> Self {
        let call = Call {
            name: arguments.name.to_string(),
            return_field: Arc::clone(&arguments.return_field),
            schema: arguments.schema.clone(),
            expr_fields: arguments.expr_fields.to_vec(),
            exprs: arguments.exprs.to_vec(),
            order_bys: arguments.order_bys.to_vec(),
            ignore_nulls: arguments.ignore_nulls,
            is_reversed: arguments.is_reversed,
            is_distinct: arguments.is_distinct,
        };
        Self { function, call, rows: vec![] }
    }

    fn filled(&self) -> Result<Box<dyn Accumulator>> {
        let call = &self.call;
        let mut filled = self.function.accumulator(AccumulatorArgs {
            name: &call.name,
            return_field: Arc::clone(&call.return_field),
            schema: &call.schema,
            expr_fields: &call.expr_fields,
            exprs: &call.exprs,
            order_bys: &call.order_bys,
            ignore_nulls: call.ignore_nulls,
            is_reversed: call.is_reversed,
            is_distinct: call.is_distinct,
        })?;
        if !self.rows.is_empty() {
            filled.update_batch(&self.rows)?;
        }
        Ok(filled)
    }
}

impl Accumulator for Refilled {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows = match self.rows.is_empty() {
            true => values.to_vec(),
            false => {
                let joined = self.rows.iter().zip(values).map(|(rows, values)| concat(&[rows.as_ref(), values.as_ref()]));
                joined.collect::<Result<Vec<_>, _>>()?
            }
        };
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let leaving = values.first().map_or(0, |values| values.len());
        for rows in &mut self.rows {
            let leaving = leaving.min(rows.len());
            *rows = rows.slice(leaving, rows.len() - leaving);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a window has no partial states")
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.filled()?.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.filled()?.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.rows.iter().map(|rows| rows.get_array_memory_size()).sum::<usize>()
    }
}
