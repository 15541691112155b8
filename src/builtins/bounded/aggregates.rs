//! Aggregates whose result is as large as all their rows. The memory of the result is taken from the pool, like that of the state.
//!
//! `array_agg(a) OVER (ORDER BY b)` returns a longer list in every row: for 100,000 rows, five billion elements.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::expr::{AggregateFunctionParams, WindowFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity};
use datafusion::physical_expr::PhysicalSortExpr;

use crate::builtins::of_engine::of_engine;
use crate::error::{SqlState, coded};

/// The aggregates that collect their rows.
pub const GATHERING: [&str; 2] = ["array_agg", "string_agg"];

/// An aggregate of the engine that takes its results from the memory pool.
pub fn counted(engine: Arc<AggregateUDF>, memory: &Arc<dyn MemoryPool>) -> AggregateUDF {
    AggregateUDF::new_from_impl(Counted { engine, memory: Arc::clone(memory) })
}

struct Counted {
    engine: Arc<AggregateUDF>,
    memory: Arc<dyn MemoryPool>,
}

impl Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.engine == other.engine
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.engine.hash(state);
    }
}

impl Counted {
    /// `string_agg` sorts its rows itself, but also declares that they must arrive sorted: two of them with different orders
    /// would be rejected.
    fn sorts_itself(&self) -> bool {
        self.name() == "string_agg"
    }

    fn gathering(&self, accumulator: Box<dyn Accumulator>) -> Box<dyn Accumulator> {
        let reservation = MemoryConsumer::new(self.name()).register(&self.memory);
        Box::new(Gathering { function: self.name().to_string(), accumulator, reservation })
    }
}

impl AggregateUDFImpl for Counted {
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
        supports_within_group_clause,
        documentation
    );

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engine.inner().schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engine.inner().human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.engine.inner().window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engine.inner().display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.engine.inner().window_function_display_name(params)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        // An aggregate is reversed so that it can use the sort of another one. With DISTINCT, the engine's array_agg sorts its values
        // itself, and would return them in the opposite order.
        let own_order: Vec<_>;
        let args = if args.is_distinct && args.is_reversed {
            own_order = args.order_bys.iter().map(PhysicalSortExpr::reverse).collect();
            AccumulatorArgs { order_bys: &own_order, ..args }
        } else {
            args
        };
        Ok(self.gathering(self.engine.inner().accumulator(args)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.engine.inner().state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.engine.inner().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.engine.inner().create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(self.gathering(self.engine.inner().create_sliding_accumulator(args)?))
    }

    fn with_beneficial_ordering(self: Arc<Self>, is_beneficial: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        if self.sorts_itself() {
            return Ok(Some(self));
        }
        let engine = Arc::clone(self.engine.inner()).with_beneficial_ordering(is_beneficial)?;
        let memory = Arc::clone(&self.memory);
        Ok(engine.map(|engine| {
            let engine = Arc::new(AggregateUDF::new_from_shared_impl(engine));
            Arc::new(Self { engine, memory }) as Arc<dyn AggregateUDFImpl>
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.sorts_itself() {
            true => AggregateOrderSensitivity::Beneficial,
            false => self.engine.inner().order_sensitivity(),
        }
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.engine.inner().simplify()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        if self.sorts_itself() {
            return ReversedUDAF::NotSupported;
        }
        match self.engine.inner().reverse_expr() {
            ReversedUDAF::Reversed(function) => ReversedUDAF::Reversed(Arc::new(counted(function, &self.memory))),
            other => other,
        }
    }

    fn is_descending(&self) -> Option<bool> {
        self.engine.inner().is_descending()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engine.inner().set_monotonicity(data_type)
    }
}

#[derive(Debug)]
struct Gathering {
    function: String,
    accumulator: Box<dyn Accumulator>,
    reservation: MemoryReservation,
}

impl Gathering {
    /// Takes memory from the pool; `size` is what comes to what is taken.
    fn take(&mut self, size: usize) -> Result<()> {
        if self.reservation.try_grow(size).is_ok() {
            return Ok(());
        }
        let taken = self.reservation.size().saturating_add(size) >> 20;
        let problem = format!(
            "out of memory: its results take more than {taken} MB, and the memory limit leaves less; gather fewer rows \
             (with OVER, a frame of few ROWS), or raise --memory-limit"
        );
        Err(coded(SqlState::OUT_OF_MEMORY, &self.function, problem))
    }

    /// Lets the accumulator grow. A text that outgrows its memory is copied into twice as much, which the engine counts only afterwards.
    fn growing(&mut self, grow: impl FnOnce(&mut dyn Accumulator) -> Result<()>) -> Result<()> {
        /// A text below this size is not counted beforehand.
        const LARGE: usize = 4 << 20;
        let copied = if self.function == "string_agg" { self.accumulator.size() } else { 0 };
        if copied < LARGE {
            return grow(self.accumulator.as_mut());
        }
        self.take(copied)?;
        let grown = grow(self.accumulator.as_mut());
        self.reservation.shrink(copied);
        grown
    }
}

impl Accumulator for Gathering {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.growing(|accumulator| accumulator.update_batch(values))
    }

    /// Memory of results stays taken: a window asks again for every row, and holds the results of all.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        /// A result below this size is not counted, as for any other aggregate.
        const SMALL: usize = 4 << 10;
        let value = self.accumulator.evaluate()?;
        let size = value.size();
        if size > i32::MAX as usize {
            let problem = format!("a value may take 2 GB, and this one would take {} MB; gather fewer rows", size >> 20);
            return Err(coded(SqlState::OUT_OF_MEMORY, &self.function, problem));
        }
        if size > SMALL {
            self.take(size)?;
        }
        Ok(value)
    }

    fn size(&self) -> usize {
        self.accumulator.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.accumulator.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.growing(|accumulator| accumulator.merge_batch(states))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.accumulator.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.accumulator.supports_retract_batch()
    }
}
