//! Aggregate functions: what a function declares, and how it is connected to DataFusion.
//!
//! A function implements [`GroupedFunction`] (its types and page) and creates a [`Grouped`]: the state of every group, as plain code.
//! Everything else is done here once: rows with a NULL argument or outside `FILTER` are removed and dictionaries are unpacked before a
//! function sees them. Without GROUP BY there is a single group. In `convert_to_state`, each row becomes its own group.
//!
//! ```text
//! rows ─▶ usable rows ─▶ update ─▶ states ──(other partitions, spill)──▶ merge ─▶ results
//! ```
//! Merging in any order gives the same result as one pass: each function keeps exact sums, sets or extremes, never rounded ones.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{cast, filter};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use super::AggregateFunction;
use super::in_chunks::{Chunked, InChunks};
use crate::docs::Doc;
use crate::error::invalid;

/// An aggregate: its page, its types, and how to create its state.
pub trait GroupedFunction: Debug + Send + Sync + 'static {
    /// Its page.
    fn doc(&self) -> &'static Doc;

    /// The type of the result, or an error about the argument types; their number has already been checked.
    fn result(&self, arguments: &[DataType]) -> Result<DataType>;

    /// The columns of a group's state, by name and type.
    fn state(&self, arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>>;

    /// Creates the state, with no groups yet.
    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>>;

    /// As [`start`](Self::start), with the values of those arguments that are constants in the call.
    fn start_with(&self, arguments: &[DataType], _constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
        self.start(arguments)
    }

    /// How many arguments a call may have: more than the page lists if the last one stands for several.
    fn most_arguments(&self) -> usize {
        self.doc().arguments.len()
    }

    /// Whether duplicate rows change the result. If so, `DISTINCT` is rejected unless DataFusion has already turned it into a GROUP BY.
    fn counts_repeats(&self) -> bool;
}

/// The state of all groups. Groups are numbered from 0.
pub trait Grouped: Any + Debug + Send + Sync + 'static {
    /// Creates an empty state of the same function, with no groups.
    fn fresh(&self) -> Box<dyn Grouped>;

    /// How many arguments, from the first, must not be NULL for a row to be used; by default all.
    fn leading(&self) -> usize {
        usize::MAX
    }

    /// Sets the number of groups, which never decreases.
    fn grow(&mut self, total: usize);

    /// Adds at least one row; none of its [leading](Self::leading) arguments is NULL. `groups` holds the group of each row.
    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()>;

    /// Merges at least one state of another table of groups; none contains a NULL.
    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()>;

    /// The results of the first `first` groups. Calling it again returns the same.
    fn results(&mut self, first: usize) -> Result<ArrayRef>;

    /// The states of the first `first` groups; may be NULL for a group without rows.
    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>>;

    /// Removes the first `first` groups; the others are renumbered from 0. Removing all of them frees the memory.
    fn forget(&mut self, first: usize);

    /// Number of groups.
    fn groups(&self) -> usize;

    /// Bytes on the heap.
    fn size(&self) -> usize;

    /// Whether chunks of groups can be taken out now, see [`Chunked`]; by default, groups are passed on as states.
    fn is_chunked(&self) -> bool {
        false
    }

    /// As [`Chunked::take_chunk`].
    fn take_chunk(&mut self, _groups: &Range<usize>) -> Result<Box<dyn Grouped>> {
        internal_err!("these groups are passed on as states")
    }

    /// As [`Chunked::absorb`].
    fn absorb(&mut self, _other: Box<dyn Grouped>) -> Result<()> {
        internal_err!("these groups are merged from states")
    }
}

impl<T: GroupedFunction + Clone> AggregateFunction for T {
    fn doc(&self) -> &'static Doc {
        GroupedFunction::doc(self)
    }

    fn udf(&self) -> AggregateUDF {
        let signature = Signature::variadic_any(Volatility::Immutable);
        AggregateUDF::from(Udf { function: Arc::new(self.clone()), signature })
    }
}

/// Whether an aggregate function is one of ours.
pub fn is_ours(function: &AggregateUDF) -> bool {
    let implementation: &dyn Any = function.inner().as_ref();
    implementation.is::<Udf>()
}

#[derive(Debug)]
struct Udf {
    function: Arc<dyn GroupedFunction>,
    signature: Signature,
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.function.doc().name == other.function.doc().name
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.doc().name.hash(state);
    }
}

impl Udf {
    fn start(&self, arguments: &AccumulatorArgs<'_>) -> Result<Box<dyn Grouped>> {
        if arguments.is_distinct && self.function.counts_repeats() {
            return Err(invalid(self.name(), "DISTINCT is not supported here; select the distinct rows first, in a subquery"));
        }
        let constant =
            |expression: &Arc<dyn PhysicalExpr>| expression.downcast_ref::<Literal>().map(|literal| literal.value().clone());
        let constants: Vec<Option<ScalarValue>> = arguments.exprs.iter().map(constant).collect();
        self.function.start_with(&types(arguments.expr_fields), &constants)
    }
}

fn types(fields: &[FieldRef]) -> Vec<DataType> {
    fields.iter().map(|field| plain(field.data_type()).clone()).collect()
}

/// The type of a dictionary's values: functions never see dictionaries.
pub fn plain(data_type: &DataType) -> &DataType {
    if let DataType::Dictionary(_, values) = data_type { plain(values) } else { data_type }
}

/// The values of a dictionary as a plain column.
pub fn plain_column(column: &ArrayRef) -> Result<ArrayRef> {
    let wanted = plain(column.data_type());
    Ok(if wanted == column.data_type() { Arc::clone(column) } else { cast(column, wanted)? })
}

impl AggregateUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.doc().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let doc = self.function.doc();
        let least = doc.arguments.iter().filter(|argument| argument.default.is_none()).count();
        let most = self.function.most_arguments();
        if !(least..=most).contains(&arguments.len()) {
            let count = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let plural = if most == 1 { "" } else { "s" };
            let problem = format!("takes {count} argument{plural}, got {}; write {}", arguments.len(), doc.syntax());
            return Err(invalid(doc.name, problem));
        }
        let arguments: Vec<DataType> = arguments.iter().map(|data_type| plain(data_type).clone()).collect();
        self.function.result(&arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let columns = self.function.state(&types(arguments.input_fields))?;
        let field = |(name, data_type)| Arc::new(Field::new(format!("{}[{name}]", arguments.name), data_type, true));
        Ok(columns.into_iter().map(field).collect())
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let mut groups = self.start(&arguments)?;
        groups.grow(1);
        Ok(Box::new(OneGroup { groups, zeros: vec![] }))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(InChunks(Box::new(ManyGroups(self.start(&arguments)?)))))
    }

    /// DataFusion calls this for window frames whose start moves. Rows would have to be removed from the state, which none of our
    /// functions can do.
    fn create_sliding_accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let advice = "begin the frame at UNBOUNDED PRECEDING, or leave ORDER BY out";
        Err(invalid(self.name(), format!("a window cannot slide over it; {advice}")))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The usable rows of a batch and their groups: those that `keep` allows and that have no NULL in the leading columns.
type Usable<'a> = (Cow<'a, [ArrayRef]>, Cow<'a, [usize]>);

fn usable<'a>(columns: &'a [ArrayRef], leading: usize, groups: &'a [usize], keep: Option<&BooleanArray>) -> Result<Usable<'a>> {
    // A row for which the condition is NULL is dropped too.
    let kept = keep.map(|keep| match keep.nulls() {
        Some(known) => NullBuffer::new(keep.values() & known.inner()),
        None => NullBuffer::new(keep.values().clone()),
    });
    let leading = columns.iter().take(leading);
    let valid = leading.fold(kept, |valid, column| NullBuffer::union(valid.as_ref(), column.logical_nulls().as_ref()));
    let Some(valid) = valid.filter(|valid| valid.null_count() > 0) else {
        return Ok((Cow::Borrowed(columns), Cow::Borrowed(groups)));
    };
    let groups = valid.valid_indices().map(|row| groups[row]).collect();
    let mask = BooleanArray::new(valid.into_inner(), None);
    let columns: Result<Vec<ArrayRef>, _> = columns.iter().map(|column| filter(column, &mask)).collect();
    Ok((Cow::Owned(columns?), Cow::Owned(groups)))
}

fn update(table: &mut dyn Grouped, columns: &[ArrayRef], groups: &[usize], keep: Option<&BooleanArray>) -> Result<()> {
    let columns: Vec<ArrayRef> = columns.iter().map(plain_column).collect::<Result<_>>()?;
    let (columns, groups) = usable(&columns, table.leading(), groups, keep)?;
    if groups.is_empty() { Ok(()) } else { table.update(&columns, &groups) }
}

fn merge(table: &mut dyn Grouped, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
    let (states, groups) = usable(states, usize::MAX, groups, None)?;
    if groups.is_empty() { Ok(()) } else { table.merge(&states, &groups) }
}

#[derive(Debug)]
struct ManyGroups(Box<dyn Grouped>);

impl ManyGroups {
    fn emitted(&self, emit: EmitTo) -> usize {
        match emit {
            EmitTo::All => self.0.groups(),
            EmitTo::First(first) => first,
        }
    }
}

impl GroupsAccumulator for ManyGroups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], keep: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.0.grow(total);
        update(self.0.as_mut(), values, groups, keep)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.grow(total);
        merge(self.0.as_mut(), values, groups)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let first = self.emitted(emit);
        let states = self.0.states(first)?;
        self.0.forget(first);
        Ok(states)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let first = self.emitted(emit);
        let results = self.0.results(first)?;
        self.0.forget(first);
        Ok(results)
    }

    fn convert_to_state(&self, values: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = self.0.fresh();
        each.grow(rows);
        update(each.as_mut(), values, &groups, keep)?;
        each.states(rows)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl Chunked for ManyGroups {
    fn is_chunked(&self) -> bool {
        self.0.is_chunked()
    }

    fn take_chunk(&mut self, groups: &Range<usize>) -> Result<Box<dyn Chunked>> {
        Ok(Box::new(Self(self.0.take_chunk(groups)?)))
    }

    fn absorb(&mut self, other: Box<dyn Chunked>) -> Result<()> {
        let other: Box<dyn Any> = other;
        let Ok(other) = other.downcast::<Self>() else { return internal_err!("a function absorbs its own chunks") };
        self.0.absorb(other.0)
    }
}

/// A single group: used without GROUP BY, and in windows, which ask for the result again and again.
#[derive(Debug)]
struct OneGroup {
    groups: Box<dyn Grouped>,
    /// The group of each row in a batch, which is always 0; kept between batches.
    zeros: Vec<usize>,
}

impl OneGroup {
    fn zeros(&mut self, rows: usize) {
        self.zeros.resize(self.zeros.len().max(rows), 0);
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values[0].len();
        self.zeros(rows);
        update(self.groups.as_mut(), values, &self.zeros[..rows], None)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states[0].len();
        self.zeros(rows);
        merge(self.groups.as_mut(), states, &self.zeros[..rows])
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.groups.states(1)?.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.groups.results(1)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.groups.size() + self.zeros.capacity() * size_of::<usize>()
    }
}

/// The groups accumulator that DataFusion would use, for tests.
#[cfg(test)]
pub fn table(function: &dyn GroupedFunction, arguments: &[DataType]) -> Box<dyn GroupsAccumulator> {
    Box::new(InChunks(Box::new(ManyGroups(function.start(arguments).unwrap()))))
}
