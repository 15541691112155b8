//! What one partition knows of each group.
//!
//! Counts, sums, means, minimums and maximums of integers, decimals and times lie side by side in [`Rows`]. Each other aggregate has its
//! accumulator.

use std::ops::Range;
use std::sync::Arc;
use std::{iter, mem};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;

use super::exec::Work;
use crate::adapter::in_chunks::{Chunked, chunked, is_chunked};
use crate::error::invalid;
use crate::kernels::grouping::rows::{Kind, Measure, Rows};
use crate::kernels::grouping::words;

/// Decimals of so many digits are integers of 64 bits.
const DIGITS_OF_WORD: u8 = 18;

/// What is measured of an aggregate that [`Rows`] can hold; `None` for others.
pub fn kind_of(aggregate: &AggregateFunctionExpr, input: &Schema) -> Result<Option<Kind>> {
    let arguments: Vec<DataType> =
        aggregate.expressions().iter().map(|argument| argument.data_type(input)).collect::<Result<_>>()?;
    let states = aggregate.state_fields()?;
    let states: Vec<&DataType> = states.iter().map(|field| field.data_type()).collect();
    let is_word = |data_type: &DataType| words::holds(data_type) && !matches!(data_type, DataType::UInt64 | DataType::Boolean);
    let is_ordered_word = |data_type: &DataType| match data_type {
        DataType::Decimal128(digits, _) => *digits <= DIGITS_OF_WORD,
        other => is_word(other),
    };
    // The states say whether a function is the common one of its name: `sum` of DOUBLE, for example, has another.
    Ok(match (aggregate.fun().name(), arguments.as_slice(), states.as_slice()) {
        ("count", [_], [DataType::Int64]) => Some(Kind::Count),
        ("sum", [DataType::Decimal128(..)], [DataType::Decimal128(..)]) => Some(Kind::Sum),
        ("sum", [value], [DataType::Decimal128(..)]) if value.is_integer() && is_word(value) => Some(Kind::Sum),
        ("avg", [DataType::Decimal128(..)], [DataType::UInt64, DataType::Decimal128(..)]) => Some(Kind::Mean),
        ("min", [value], [state]) if value == *state && is_ordered_word(value) => Some(Kind::Least),
        ("max", [value], [state]) if value == *state && is_ordered_word(value) => Some(Kind::Greatest),
        _ => None,
    })
}

/// Whether a count counts rows, as `count(*)` does, not the values of an expression.
fn counts_rows(count: &AggregateFunctionExpr) -> bool {
    let arguments = count.expressions();
    arguments.first().and_then(|argument| argument.downcast_ref::<Literal>()).is_some_and(|literal| !literal.value().is_null())
}

/// The aggregates of a partition.
pub struct Partial {
    rows: Rows,
    aggregates: Vec<Aggregate>,
    indices: Vec<usize>,
}

enum Aggregate {
    InRows { kind: Kind, measure: Measure },
    Alone(Box<dyn GroupsAccumulator>),
}

impl Partial {
    pub fn new(work: &Work) -> Result<Self> {
        let mut rows = Rows::default();
        let aggregates = work.aggregates.iter().zip(&work.kinds).map(|(aggregate, kind)| {
            let measure = kind.and_then(|kind| Some((kind, rows.measure(kind)?)));
            Ok(match measure {
                Some((kind, measure)) => Aggregate::InRows { kind, measure },
                None => Aggregate::Alone(aggregate.create_groups_accumulator()?),
            })
        });
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        Ok(Self { rows, aggregates, indices: vec![] })
    }

    /// Prepares accumulators for groups of which they see no row, because the rows are in other partitions.
    ///
    /// DataFusion's own accumulators assume that each group has a value until they meet a NULL or a FILTER. So they are given an empty
    /// batch with a FILTER.
    pub fn expect_unseen_groups(&mut self, work: &Work, batch: &RecordBatch) -> Result<()> {
        let nothing = batch.slice(0, 0);
        let filter = BooleanArray::from(Vec::<bool>::new());
        for (place, aggregate) in self.aggregates.iter_mut().enumerate() {
            if let Aggregate::Alone(accumulator) = aggregate {
                accumulator.update_batch(&work.arguments(place, &nothing)?, &[], Some(&filter), 0)?;
            }
        }
        Ok(())
    }

    /// Adds the rows of a batch to their groups; there are `total` groups.
    pub fn update(&mut self, work: &Work, batch: &RecordBatch, groups: &[u32], total: usize) -> Result<()> {
        if self.aggregates.iter().any(|aggregate| matches!(aggregate, Aggregate::Alone(_))) {
            self.indices.clear();
            self.indices.extend(groups.iter().map(|group| *group as usize));
        }
        let mut shared = vec![];
        for (place, aggregate) in self.aggregates.iter_mut().enumerate() {
            let filter = work.filter(place, batch)?;
            match aggregate {
                Aggregate::Alone(accumulator) => {
                    let arguments = work.arguments(place, batch)?;
                    accumulator.update_batch(&arguments, &self.indices, filter.as_ref().map(AsArray::as_boolean), total)?;
                }
                Aggregate::InRows { kind, measure } => {
                    let every_row = *kind == Kind::Count && counts_rows(&work.aggregates[place]);
                    let values = if every_row { None } else { work.arguments(place, batch)?.into_iter().next() };
                    let nulls = values.as_ref().and_then(|values| values.logical_nulls());
                    let input = Input::of(*measure, *kind, values.as_ref())?;
                    Shared::add_to(&mut shared, input, nulls.as_ref(), filter.as_ref());
                }
            }
        }
        if shared.is_empty() {
            return Ok(());
        }
        self.rows.grow(total);
        let block = self.rows.block();
        for start in (0..groups.len()).step_by(block) {
            let groups = &groups[start..groups.len().min(start + block)];
            // Compared without a branch per row: a customer with nearly all rows, or rows in the order of their groups.
            let is_one = groups.iter().fold(0, |differences, group| differences | (group ^ groups[0])) == 0;
            shared.iter().for_each(|shared| shared.add(&mut self.rows, start, groups, is_one));
        }
        Ok(())
    }

    /// Bytes in use now, and at most until the end: what most accumulators hold is copied into columns then.
    pub fn size(&self) -> usize {
        let alone = self.aggregates.iter().map(|aggregate| match aggregate {
            Aggregate::InRows { .. } => 0,
            Aggregate::Alone(accumulator) if is_chunked(accumulator.as_ref()) => accumulator.size(),
            Aggregate::Alone(accumulator) => 2 * accumulator.size(),
        });
        self.rows.size() + alone.sum::<usize>()
    }

    /// What is known when all rows are read. `is_only` says that no other partition knows more.
    pub fn known(self, is_only: bool) -> Result<Known> {
        let aggregates = self.aggregates.into_iter().map(|aggregate| {
            Ok(match aggregate {
                Aggregate::InRows { kind, measure } => Columns::InRows { kind, measure },
                Aggregate::Alone(accumulator) if is_chunked(accumulator.as_ref()) => Columns::InChunks(accumulator),
                Aggregate::Alone(mut accumulator) if is_only => Columns::Result(accumulator.evaluate(EmitTo::All)?),
                Aggregate::Alone(mut accumulator) => Columns::States(accumulator.state(EmitTo::All)?),
            })
        });
        Ok(Known { aggregates: aggregates.collect::<Result<_>>()?, rows: self.rows })
    }
}

/// What a partition that has been read knows of each group: nothing of groups found after its last row, and nothing at all without rows.
#[derive(Default)]
pub struct Known {
    rows: Rows,
    aggregates: Vec<Columns>,
}

/// The columns of an aggregate.
enum Columns {
    /// They are made of the rows.
    InRows {
        kind: Kind,
        measure: Measure,
    },
    /// They are made of one chunk of groups at a time.
    InChunks(Box<dyn GroupsAccumulator>),
    /// Such a chunk.
    Chunk(Box<dyn Chunked>),
    States(Vec<ArrayRef>),
    /// There is one partition, whose states need not be merged.
    Result(ArrayRef),
}

impl Known {
    /// Bytes in use.
    pub fn size(&self) -> usize {
        let columns = self.aggregates.iter().map(|columns| match columns {
            Columns::InRows { .. } => 0,
            Columns::InChunks(accumulator) => accumulator.size(),
            Columns::Chunk(chunk) => chunk.size(),
            Columns::States(states) => states.iter().map(|state| state.get_array_memory_size()).sum(),
            Columns::Result(result) => result.get_array_memory_size(),
        });
        self.rows.size() + columns.sum::<usize>()
    }

    /// Takes out what is known of a range of groups, which are numbered from 0 there. Ranges are those of the chunks of
    /// [`Chunks`](crate::kernels::grouping::chunks::Chunks), so that their memory becomes free one after another.
    pub fn take(&mut self, groups: &Range<usize>) -> Result<Self> {
        let aggregates = self.aggregates.iter_mut().map(|columns| {
            Ok(match columns {
                Columns::InRows { kind, measure } => Columns::InRows { kind: *kind, measure: *measure },
                Columns::InChunks(accumulator) => match chunked(accumulator.as_mut()) {
                    Some(chunked) => Columns::Chunk(chunked.take_chunk(groups)?),
                    None => return internal_err!("chunks cannot be taken any more"),
                },
                Columns::Chunk(_) => return internal_err!("a chunk is taken as a whole"),
                Columns::States(states) => Columns::States(states.iter().map(|state| known_slice(state, groups)).collect()),
                Columns::Result(result) => Columns::Result(known_slice(result, groups)),
            })
        });
        Ok(Self { aggregates: aggregates.collect::<Result<_>>()?, rows: self.rows.take(groups) })
    }

    /// The results of the aggregate at this place, if they are final.
    pub fn result(&self, place: usize) -> Option<ArrayRef> {
        match self.aggregates.get(place)? {
            Columns::Result(result) => Some(Arc::clone(result)),
            Columns::InRows { .. } | Columns::InChunks(_) | Columns::Chunk(_) | Columns::States(_) => None,
        }
    }

    /// Whether the aggregate at this place is a chunk, or nothing is known of it.
    pub fn may_be_absorbed(&self, place: usize) -> bool {
        matches!(self.aggregates.get(place), None | Some(Columns::Chunk(_)))
    }

    /// The chunk of the aggregate at this place, which nobody asks for a second time.
    pub fn chunk(&mut self, place: usize) -> Option<Box<dyn Chunked>> {
        match mem::replace(self.aggregates.get_mut(place)?, Columns::States(vec![])) {
            Columns::Chunk(chunk) => Some(chunk),
            Columns::InRows { .. } | Columns::InChunks(_) | Columns::States(_) | Columns::Result(_) => None,
        }
    }

    /// The states of the aggregate at this place, of those of the groups that are known; none of what is in rows.
    pub fn states(&mut self, place: usize) -> Result<Vec<ArrayRef>> {
        match self.aggregates.get_mut(place) {
            None | Some(Columns::InRows { .. }) => Ok(vec![]),
            Some(Columns::InChunks(accumulator)) => accumulator.state(EmitTo::All),
            Some(Columns::Chunk(chunk)) => chunk.state(EmitTo::All),
            Some(Columns::States(states)) => Ok(states.clone()),
            Some(Columns::Result(_)) => internal_err!("final results have no states"),
        }
    }
}

/// What all partitions know of groups in their rows.
pub struct Merged {
    rows: Rows,
    /// What is in the rows of each aggregate.
    measures: Vec<Option<(Kind, Measure)>>,
}

impl Merged {
    /// Takes the rows of the partitions, which know at most `total` groups.
    pub fn of(partitions: &mut [Known], total: usize) -> Self {
        let in_rows = |columns: &Columns| match columns {
            Columns::InRows { kind, measure } => Some((*kind, *measure)),
            Columns::InChunks(_) | Columns::Chunk(_) | Columns::States(_) | Columns::Result(_) => None,
        };
        let aggregates = partitions.iter().map(|known| &known.aggregates).find(|aggregates| !aggregates.is_empty());
        let measures = aggregates.map(|aggregates| aggregates.iter().map(in_rows).collect()).unwrap_or_default();
        let rows = partitions.iter_mut().map(|known| mem::take(&mut known.rows)).filter(|rows| rows.len() > 0);
        let mut rows = rows.reduce(|mut first, other| {
            first.absorb(other);
            first
        });
        rows.iter_mut().for_each(|rows| rows.grow(total));
        Self { rows: rows.unwrap_or_default(), measures }
    }

    /// The results of the aggregate at this place, if it is in the rows.
    pub fn result(&self, place: usize, aggregate: &AggregateFunctionExpr) -> Result<Option<ArrayRef>> {
        let Some(Some((kind, measure))) = self.measures.get(place) else { return Ok(None) };
        let states = states(&self.rows, *kind, *measure, aggregate)?;
        // The state of a sum of integers is wider than its result, and a mean has two states.
        if let [state] = states.as_slice()
            && state.data_type() == aggregate.field().data_type()
        {
            return Ok(Some(Arc::clone(state)));
        }
        let groups: Vec<usize> = (0..self.rows.len()).collect();
        let mut accumulator = aggregate.create_groups_accumulator()?;
        accumulator.merge_batch(&states, &groups, groups.len())?;
        accumulator.evaluate(EmitTo::All).map(Some)
    }
}

fn known_slice(column: &ArrayRef, groups: &Range<usize>) -> ArrayRef {
    let end = groups.end.min(column.len());
    let start = groups.start.min(end);
    column.slice(start, end - start)
}

/// What the accumulators of an aggregate would have as their states.
fn states(rows: &Rows, kind: Kind, measure: Measure, aggregate: &AggregateFunctionExpr) -> Result<Vec<ArrayRef>> {
    let fields = aggregate.state_fields()?;
    let type_of_last = fields.last().map_or(&DataType::Null, |field| field.data_type());
    let met = || Some(rows.met(measure));
    let sums = || Decimal128Array::new(rows.sums(measure).into(), met()).with_data_type(type_of_last.clone());
    Ok(match kind {
        Kind::Count => {
            vec![Arc::new(Int64Array::from_iter_values(rows.counts(measure).into_iter().map(|count| count as i64)))]
        }
        Kind::Sum => vec![Arc::new(sums())],
        Kind::Mean => vec![Arc::new(UInt64Array::new(rows.counts(measure).into(), met())), Arc::new(sums())],
        Kind::Least | Kind::Greatest => vec![extremes(type_of_last, rows.extremes(measure), met())?],
    })
}

/// The column of least or greatest values.
fn extremes(data_type: &DataType, words: Vec<u64>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    if matches!(data_type, DataType::Decimal128(..)) {
        let values = words.into_iter().map(|word| i128::from(word as i64)).collect::<Vec<_>>();
        return Ok(Arc::new(Decimal128Array::new(values.into(), nulls).with_data_type(data_type.clone())));
    }
    Ok(words::array(data_type, words, nulls)?)
}

/// The words of decimals that have few digits.
///
/// # Errors
/// A value has more digits than its type, which a file may hold and Arrow does not check.
fn words_of_decimals(column: &Decimal128Array) -> Result<ScalarBuffer<u64>> {
    let fits = |value: i128| i128::from(value as i64) == value;
    // What stands in the place of a NULL does not matter.
    let is_wrong = |row: usize| !fits(column.value(row)) && column.is_valid(row);
    if !column.values().iter().fold(true, |all, value| all & fits(*value)) && (0..column.len()).any(is_wrong) {
        return Err(invalid("GROUP BY", format!("a value has more digits than its type {} allows", column.data_type())));
    }
    Ok(column.values().iter().map(|value| *value as u64).collect())
}

/// The values that a batch has for a measure.
struct Input {
    measure: Measure,
    kind: Kind,
    values: Values,
}

enum Values {
    /// Rows are counted, whatever their values.
    Rows,
    Narrow(ScalarBuffer<u64>),
    Wide(ScalarBuffer<i128>),
}

impl Input {
    fn of(measure: Measure, kind: Kind, values: Option<&ArrayRef>) -> Result<Self> {
        let Some(values) = values.filter(|_| kind != Kind::Count) else {
            return Ok(Self { measure, kind, values: Values::Rows });
        };
        let values = match values.data_type() {
            DataType::Decimal128(..) if matches!(kind, Kind::Least | Kind::Greatest) => {
                Values::Narrow(words_of_decimals(values.as_primitive::<Decimal128Type>())?)
            }
            DataType::Decimal128(..) => Values::Wide(values.as_primitive::<Decimal128Type>().values().clone()),
            _ => Values::Narrow(words::words(values)?),
        };
        Ok(Self { measure, kind, values })
    }

    fn sum(&self, rows: &mut Rows, groups: &[u32], is_one: bool, values: impl Iterator<Item = i128>) {
        match groups {
            [first, ..] if is_one => rows.sum(self.measure, iter::once((*first, values.fold(0, i128::wrapping_add)))),
            _ => rows.sum(self.measure, groups.iter().copied().zip(values)),
        }
    }

    fn narrow(&self, rows: &mut Rows, groups: &[u32], is_one: bool, values: &[u64]) {
        let values = || values.iter().map(|value| *value as i64);
        let best = match (self.kind, is_one) {
            (Kind::Count | Kind::Sum | Kind::Mean, _) => return self.sum(rows, groups, is_one, values().map(i128::from)),
            (Kind::Least, true) => values().min(),
            (Kind::Greatest, true) => values().max(),
            (Kind::Least | Kind::Greatest, false) => None,
        };
        match best.zip(groups.first()) {
            Some((best, group)) => rows.extreme(self.measure, iter::once((*group, best))),
            None => rows.extreme(self.measure, groups.iter().copied().zip(values())),
        }
    }
}

/// Inputs of which the same rows count: each row changes the first word of its group once, for all of them.
struct Shared {
    /// Which rows count: those that have a value and pass the FILTER; `None` for all.
    counted: Option<BooleanBuffer>,
    counts: Vec<Measure>,
    /// The measures that are not counts.
    met: Vec<Measure>,
    inputs: Vec<Input>,
}

impl Shared {
    /// Adds an input to those of which the same rows count.
    fn add_to(all: &mut Vec<Self>, input: Input, nulls: Option<&NullBuffer>, filter: Option<&ArrayRef>) {
        let passing = filter.map(|filter| {
            let filter = filter.as_boolean();
            NullBuffer::new(filter.nulls().map_or_else(|| filter.values().clone(), |nulls| filter.values() & nulls.inner()))
        });
        let counted = NullBuffer::union(nulls, passing.as_ref());
        let counted = counted.filter(|counted| counted.null_count() > 0).map(NullBuffer::into_inner);
        let place = all.iter().position(|shared| shared.counted == counted).unwrap_or_else(|| {
            all.push(Self { counted, counts: vec![], met: vec![], inputs: vec![] });
            all.len() - 1
        });
        let shared = &mut all[place];
        if input.kind == Kind::Count {
            shared.counts.push(input.measure)
        } else {
            shared.met.push(input.measure)
        }
        shared.inputs.push(input);
    }

    /// Adds the rows from `start` on, of which these are the groups, `is_one` if they are all the same.
    fn add(&self, rows: &mut Rows, start: usize, groups: &[u32], is_one: bool) {
        let Some(counted) = &self.counted else {
            let range = start..start + groups.len();
            self.count(rows, groups, is_one);
            for input in &self.inputs {
                match &input.values {
                    Values::Rows => {}
                    Values::Wide(values) => input.sum(rows, groups, is_one, values[range.clone()].iter().copied()),
                    Values::Narrow(values) => input.narrow(rows, groups, is_one, &values[range.clone()]),
                }
            }
            return;
        };
        let counted: Vec<usize> = counted.slice(start, groups.len()).set_indices().collect();
        let groups: Vec<u32> = counted.iter().map(|row| groups[*row]).collect();
        self.count(rows, &groups, is_one);
        for input in &self.inputs {
            match &input.values {
                Values::Rows => {}
                Values::Wide(values) => input.sum(rows, &groups, is_one, counted.iter().map(|row| values[start + row])),
                Values::Narrow(values) => {
                    let values: Vec<u64> = counted.iter().map(|row| values[start + row]).collect();
                    input.narrow(rows, &groups, is_one, &values);
                }
            }
        }
    }

    /// Counts rows of these groups for all inputs.
    fn count(&self, rows: &mut Rows, groups: &[u32], is_one: bool) {
        let mut count = |count: Option<Measure>, met: &[Measure]| match groups {
            [group, ..] if is_one => rows.count_one(count, met, *group, groups.len() as u64),
            _ => rows.count(count, met, groups),
        };
        count(self.counts.first().copied(), &self.met);
        self.counts.iter().skip(1).for_each(|other| count(Some(*other), &[]));
    }
}
