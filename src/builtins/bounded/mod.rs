//! Functions whose results may be far larger than their arguments: `repeat('x', 1000000000)` is 30 bytes of SQL and one gigabyte.
//!
//! DataFusion builds such a value at once, whatever the memory limit is, and beyond 2 GB in one batch it aborts the process. Here the
//! engine's functions are wrapped by functions of the same name, which first compute from the arguments how large the results can become
//! ([`sizes`]). A value larger than `portrait.max_value_bytes` is rejected before it is built. A batch that may become large is computed
//! in slices, and its memory is taken from the pool for as long as the rows live ([`room`]). The same happens during planning, when
//! functions of constants are computed.

mod aggregates;
mod concatenation;
mod given;
mod room;
mod sizes;

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExpressionPlacement, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, StructFieldMapping,
};

use crate::error::{SqlState, coded};
use crate::settings::PortraitSettings;
use crate::walk::Tree;
use concatenation::concatenation;
use given::Given;
use room::Room;
use sizes::Growth;

pub use given::{bytes_of, elements_of};

/// Replaces the engine's functions by the bounded ones.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let memory = builder.runtime_env().as_ref().map(|environment| Arc::clone(&environment.memory_pool));
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.push(concatenation());
    for function in functions {
        if let Some(bounded) = bounded(function, memory.as_ref()) {
            *function = bounded;
        }
    }
    if let Some(memory) = memory {
        for function in builder.aggregate_functions().get_or_insert_default() {
            if aggregates::GATHERING.contains(&function.name()) {
                *function = Arc::new(aggregates::counted(Arc::clone(function), &memory));
            }
        }
    }
    builder
}

/// `||`, which the engine has no function for.
pub const CONCATENATION: &str = "||";

/// The function of `||`, for code that rebuilds a plan from bytes.
pub fn concatenated() -> ScalarUDF {
    let function = concatenation();
    bounded(&function, None).unwrap_or(function).as_ref().clone()
}

/// The bounded version of an engine function, unless it cannot grow or is bounded already.
fn bounded(function: &Arc<ScalarUDF>, memory: Option<&Arc<dyn MemoryPool>>) -> Option<Arc<ScalarUDF>> {
    let growth = sizes::of(function.name()).filter(|_| !is_bounded(function))?;
    let bounded = Bounded { function: Arc::clone(function), growth, memory: memory.cloned() };
    Some(Arc::new(ScalarUDF::new_from_impl(bounded)))
}

/// True for a function that wraps one of the engine's.
pub fn is_bounded(function: &ScalarUDF) -> bool {
    function.inner().is::<Bounded>()
}

/// A function of the engine, and how its results grow.
struct Bounded {
    function: Arc<ScalarUDF>,
    growth: Growth,
    /// The memory pool of the session.
    memory: Option<Arc<dyn MemoryPool>>,
}

impl Debug for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.function.fmt(f)
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Bounded {}

impl std::hash::Hash for Bounded {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

/// Sizes up to this are not counted.
const SMALL: u64 = 1 << 20;
/// How much of a large batch is computed at once.
const SLICE: u64 = 16 << 20;

impl Bounded {
    fn invoke(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let given = Given { arguments: &args.args, rows };
        let sizes = match self.growth {
            Growth::Together if given.total_bytes() <= SMALL => return self.function.invoke_with_args(args),
            Growth::Together => given.all_bytes()?,
            Growth::Sizes(sizes) => sizes(self.name(), &given)?,
        };
        let all = sizes.iter().copied().fold(0, u64::saturating_add);
        if all <= SMALL {
            return self.function.invoke_with_args(args);
        }
        let most = PortraitSettings::of(&args.config_options).max_value_bytes;
        let mut room = Room::of(self.name(), self.memory.as_ref(), rows);
        if constant {
            self.check(all, most)?;
            room.take(all)?;
            return self.function.invoke_with_args(args);
        }
        if all <= SLICE {
            room.take(all)?;
            return self.function.invoke_with_args(args);
        }
        let mut pieces: Vec<ArrayRef> = vec![];
        let (mut start, mut made) = (0, 0_u64);
        while start < rows {
            let (mut end, mut bytes) = (start, 0_u64);
            while end < rows && (end == start || bytes.saturating_add(sizes[end]) <= SLICE) {
                self.check(sizes[end], most)?;
                bytes = bytes.saturating_add(sizes[end]);
                end += 1;
            }
            room.take(made.saturating_add(bytes))?;
            let piece = self.function.invoke_with_args(slice(&args, start, end - start))?.into_array(end - start)?;
            made = made.saturating_add(piece.get_array_memory_size() as u64);
            room.take(made)?;
            pieces.push(piece);
            start = end;
        }
        room.keep(pieces, made)
    }

    fn check(&self, bytes: u64, most: u64) -> Result<()> {
        if bytes <= most {
            return Ok(());
        }
        let problem = format!(
            "a value may take {most} bytes, and this one up to {bytes}; make it shorter, or raise portrait.max_value_bytes"
        );
        Err(coded(SqlState::PROGRAM_LIMIT_EXCEEDED, self.name(), problem))
    }
}

/// The same call for some of its rows.
fn slice(args: &ScalarFunctionArgs, start: usize, rows: usize) -> ScalarFunctionArgs {
    let part = |argument: &ColumnarValue| match argument {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, rows)),
        ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
    };
    ScalarFunctionArgs { args: args.args.iter().map(part).collect(), number_rows: rows, ..args.clone() }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.function.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let function = Arc::new(self.function.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(Self { function, growth: self.growth, memory: self.memory.clone() }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.invoke(args)
    }

    /// The engine may replace the call by calls of its own functions, which must be bounded too.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let simplified = match self.function.simplify(args, context)? {
            ExprSimplifyResult::Simplified(simplified) => simplified,
            same @ ExprSimplifyResult::Original(_) => return Ok(same),
        };
        let exchanged = simplified.changed_up(|part| match part {
            Expr::ScalarFunction(call) => match bounded(&call.func, self.memory.as_ref()) {
                Some(bounded) => Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(bounded, call.args)))),
                None => Ok(Transformed::no(Expr::ScalarFunction(call))),
            },
            other => Ok(Transformed::no(other)),
        });
        Ok(ExprSimplifyResult::Simplified(exchanged?.data))
    }

    fn is_strict(&self) -> bool {
        self.function.inner().is_strict()
    }

    fn short_circuits(&self) -> bool {
        self.function.short_circuits()
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.function.conditional_arguments(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.function.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.function.preserves_lex_ordering(inputs)
    }

    fn strictly_order_preserving(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.function.inner().strictly_order_preserving(inputs)
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        self.function.inner().preimage(args, literal, context)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.function.inner().evaluate_bounds(inputs)
    }

    fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        self.function.inner().propagate_constraints(interval, inputs)
    }

    fn struct_field_mapping(&self, literals: &[Option<ScalarValue>]) -> Option<StructFieldMapping> {
        self.function.inner().struct_field_mapping(literals)
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.function.inner().placement(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}
