//! What one partition knows of each group.
//!
//! Counts, sums, means, minimums and maximums of integers, decimals and times lie side by side in [`Rows`]. Each other aggregate has its
//! accumulator.

use std::borrow::Cow;
use std::iter::once;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;

use super::exec::Work;
use super::inputs::{DIGITS_OF_WORD, Integers, Values};
use crate::adapter::in_chunks::{Chunked, chunked, is_chunked};
use crate::error::invalid;
use crate::kernels::grouping::rows::{Kind, Measure, Rows, Step};
use crate::kernels::grouping::words;

/// What is measured of an aggregate whose states [`Rows`] can hold, one measure per state; nothing of others.
pub fn measured(aggregate: &AggregateFunctionExpr, input: &Schema) -> Result<Vec<Kind>> {
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
        ("count", [_], [DataType::Int64]) => vec![Kind::Count],
        ("sum", [DataType::Decimal128(..)], [DataType::Decimal128(..)]) => vec![Kind::Sum],
        ("sum", [value], [DataType::Decimal128(..)]) if value.is_integer() && is_word(value) => vec![Kind::Sum],
        ("avg", [DataType::Decimal128(..)], [DataType::UInt64, DataType::Decimal128(..)]) => vec![Kind::Count, Kind::Sum],
        ("min", [value], [state]) if value == *state && is_ordered_word(value) => vec![Kind::Least],
        ("max", [value], [state]) if value == *state && is_ordered_word(value) => vec![Kind::Greatest],
        _ => vec![],
    })
}

/// Whether an aggregate counts rows, as `count(*)` does, not the values of an expression.
fn counts_rows(aggregate: &AggregateFunctionExpr) -> bool {
    let arguments = aggregate.expressions();
    let literal = arguments.first().and_then(|argument| argument.downcast_ref::<Literal>());
    aggregate.fun().name() == "count" && literal.is_some_and(|literal| !literal.value().is_null())
}

/// The aggregates of a partition.
pub struct Partial {
    rows: Rows,
    /// What is in the rows. Aggregates share what is the same, such as a sum and the sum of a mean.
    parts: Vec<Part>,
    aggregates: Vec<Aggregate>,
    indices: Vec<usize>,
}

enum Aggregate {
    InRows(Vec<Measure>),
    Alone(Box<dyn GroupsAccumulator>),
}

/// A measure in the rows, of the values of an argument that pass a FILTER; `None` for all rows.
#[derive(PartialEq)]
struct Part {
    kind: Kind,
    argument: Option<usize>,
    filter: Option<usize>,
}

impl Partial {
    pub fn new(work: &Work) -> Result<Self> {
        let mut own = Self { rows: Rows::default(), parts: vec![], aggregates: vec![], indices: vec![] };
        for (place, aggregate) in work.aggregates.iter().enumerate() {
            let argument = work.arguments[place].first().copied().filter(|_| !counts_rows(aggregate));
            let filter = work.filters[place];
            let measures = work.measured[place].iter().map(|kind| own.measure(Part { kind: *kind, argument, filter }));
            let measures = measures.collect::<Option<Vec<_>>>().filter(|measures| !measures.is_empty());
            own.aggregates.push(match measures {
                Some(measures) => Aggregate::InRows(measures),
                None => Aggregate::Alone(aggregate.create_groups_accumulator()?),
            });
        }
        Ok(own)
    }

    /// The measure of this part, a new one if there is none; `None` if the rows have no room for it.
    fn measure(&mut self, part: Part) -> Option<Measure> {
        if let Some(known) = self.parts.iter().position(|known| *known == part) {
            return self.rows.measures().nth(known);
        }
        let measure = self.rows.measure(part.kind)?;
        self.parts.push(part);
        Some(measure)
    }

    /// Prepares accumulators for groups that have no row here, because their rows are in other partitions.
    ///
    /// DataFusion's own accumulators assume that each group has a value until they meet a NULL or a FILTER. So they are given an empty
    /// batch with a FILTER.
    pub fn expect_unseen_groups(&mut self, work: &Work, batch: &RecordBatch) -> Result<()> {
        let nothing = batch.slice(0, 0);
        let mut inputs = work.inputs.of(&nothing);
        let filter = BooleanArray::from(Vec::<bool>::new());
        for (aggregate, arguments) in self.aggregates.iter_mut().zip(&work.arguments) {
            if let Aggregate::Alone(accumulator) = aggregate {
                let arguments = arguments.iter().map(|place| inputs.array(*place)).collect::<Result<Vec<_>>>()?;
                accumulator.update_batch(&arguments, &[], Some(&filter), 0)?;
            }
        }
        Ok(())
    }

    /// Adds the rows of a batch to their groups; there are `total` groups.
    pub fn update(&mut self, work: &Work, batch: &RecordBatch, groups: &[u32], total: usize) -> Result<()> {
        let mut inputs = work.inputs.of(batch);
        self.update_alone(work, &mut inputs, groups, total)?;
        let mut shared = vec![];
        let mut magnitude = 0;
        for (part, measure) in self.parts.iter().zip(self.rows.measures()) {
            let argument = part.argument.filter(|_| part.kind != Kind::Count);
            let values = argument.map(|argument| inputs.integers(argument)).transpose()?;
            if let (Kind::Sum, Some(argument)) = (part.kind, argument) {
                magnitude = inputs.magnitude(argument)?.max(magnitude);
            }
            Shared::of(&mut shared, part.counted(&mut inputs)?).measures.push((measure, part.kind, values));
        }
        if shared.is_empty() {
            return Ok(());
        }
        self.rows.expect(groups.len(), magnitude);
        self.rows.grow(total);
        let mut selections: Vec<_> = shared.into_iter().map(|shared| shared.selected(&self.rows, groups)).collect();
        let block = self.rows.block();
        for start in (0..groups.len()).step_by(block) {
            let groups = &groups[start..groups.len().min(start + block)];
            // Compared without a branch per row: a customer with nearly all rows, or rows in the order of their groups.
            let is_one = groups.iter().fold(0, |differences, group| differences | (group ^ groups[0])) == 0;
            selections.iter_mut().try_for_each(|selected| selected.add_until(start + groups.len(), &mut self.rows, is_one))?;
        }
        Ok(())
    }

    /// The same for the aggregates that have accumulators of their own.
    fn update_alone(&mut self, work: &Work, inputs: &mut Values<'_>, groups: &[u32], total: usize) -> Result<()> {
        self.indices.clear();
        for (place, aggregate) in self.aggregates.iter_mut().enumerate() {
            let Aggregate::Alone(accumulator) = aggregate else { continue };
            if self.indices.is_empty() {
                self.indices.extend(groups.iter().map(|group| *group as usize));
            }
            let arguments = work.arguments[place].iter().map(|place| inputs.array(*place)).collect::<Result<Vec<_>>>()?;
            let filter = work.filters[place].map(|filter| inputs.array(filter)).transpose()?;
            accumulator.update_batch(&arguments, &self.indices, filter.as_ref().map(AsArray::as_boolean), total)?;
        }
        Ok(())
    }

    /// Bytes in use now, and at most until the end: what most accumulators hold is copied into columns then.
    pub fn size(&self) -> usize {
        let alone = self.aggregates.iter().map(|aggregate| match aggregate {
            Aggregate::InRows(_) => 0,
            Aggregate::Alone(accumulator) if is_chunked(accumulator.as_ref()) => accumulator.size(),
            Aggregate::Alone(accumulator) => 2 * accumulator.size(),
        });
        self.rows.size() + alone.sum::<usize>()
    }

    /// What is known when all rows are read. `is_only` says that no other partition knows more.
    pub fn known(self, is_only: bool) -> Result<Known> {
        let aggregates = self.aggregates.into_iter().map(|aggregate| {
            Ok(match aggregate {
                Aggregate::InRows(measures) => Columns::InRows(measures),
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
    InRows(Vec<Measure>),
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
            Columns::InRows(_) => 0,
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
                Columns::InRows(measures) => Columns::InRows(measures.clone()),
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
            Columns::InRows(_) | Columns::InChunks(_) | Columns::Chunk(_) | Columns::States(_) => None,
        }
    }

    /// Whether the aggregate at this place is a chunk, or nothing is known of it.
    pub fn may_be_absorbed(&self, place: usize) -> bool {
        matches!(self.aggregates.get(place), None | Some(Columns::Chunk(_)))
    }

    /// The chunk of the aggregate at this place; it is taken only once.
    pub fn chunk(&mut self, place: usize) -> Option<Box<dyn Chunked>> {
        match mem::replace(self.aggregates.get_mut(place)?, Columns::States(vec![])) {
            Columns::Chunk(chunk) => Some(chunk),
            Columns::InRows(_) | Columns::InChunks(_) | Columns::States(_) | Columns::Result(_) => None,
        }
    }

    /// The states of the aggregate at this place, of those of the groups that are known; none of what is in rows.
    pub fn states(&mut self, place: usize) -> Result<Vec<ArrayRef>> {
        match self.aggregates.get_mut(place) {
            None | Some(Columns::InRows(_)) => Ok(vec![]),
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
    measures: Vec<Option<Vec<Measure>>>,
}

impl Merged {
    /// Takes the rows of the partitions, which know at most `total` groups.
    pub fn of(partitions: &mut [Known], total: usize) -> Self {
        let in_rows = |columns: &Columns| match columns {
            Columns::InRows(measures) => Some(measures.clone()),
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
        let Some(Some(measures)) = self.measures.get(place) else { return Ok(None) };
        let fields = aggregate.state_fields()?;
        let states = measures.iter().zip(fields).map(|(measure, field)| state(&self.rows, *measure, field.data_type()));
        let states = states.collect::<Result<Vec<_>>>()?;
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

/// A state, as the accumulator of the aggregate would have it.
fn state(rows: &Rows, measure: Measure, data_type: &DataType) -> Result<ArrayRef> {
    let met = || Some(rows.met(measure));
    let decimals = |values: Vec<i128>| Arc::new(Decimal128Array::new(values.into(), met()).with_data_type(data_type.clone()));
    Ok(match (rows.kind(measure), data_type) {
        // That of a mean, which is NULL of nothing; 0 would be a divisor.
        (Kind::Count, DataType::UInt64) => {
            let counts = rows.counts(measure);
            let counted = counts.iter().map(|count| *count > 0).collect();
            Arc::new(UInt64Array::new(counts.into(), Some(counted)))
        }
        (Kind::Count, _) => Arc::new(Int64Array::from_iter_values(rows.counts(measure).into_iter().map(|count| count as i64))),
        (Kind::Sum, _) => decimals(rows.sums(measure)),
        (Kind::Least | Kind::Greatest, DataType::Decimal128(..)) => {
            decimals(rows.extremes(measure).into_iter().map(|word| i128::from(word as i64)).collect())
        }
        (Kind::Least | Kind::Greatest, _) => words::array(data_type, rows.extremes(measure), met())?,
    })
}

impl Part {
    /// Which rows have a value that passes the FILTER; `None` for all.
    fn counted(&self, inputs: &mut Values<'_>) -> Result<Option<BooleanBuffer>> {
        let passing = self.filter.map(|filter| inputs.passing(filter)).transpose()?.map(NullBuffer::new);
        let valued = self.argument.map(|argument| inputs.valued(argument)).transpose()?.flatten();
        let counted = NullBuffer::union(valued.as_ref(), passing.as_ref());
        Ok(counted.filter(|counted| counted.null_count() > 0).map(NullBuffer::into_inner))
    }
}

/// Measures for which the same rows of a batch count.
struct Shared {
    /// Which rows count; `None` for all.
    counted: Option<BooleanBuffer>,
    /// The values of those that are not counts.
    measures: Vec<(Measure, Kind, Option<Integers>)>,
}

impl Shared {
    /// Those for which these rows count.
    fn of(all: &mut Vec<Self>, counted: Option<BooleanBuffer>) -> &mut Self {
        let place = all.iter().position(|shared| shared.counted == counted).unwrap_or_else(|| {
            all.push(Self { counted, measures: vec![] });
            all.len() - 1
        });
        &mut all[place]
    }

    /// The groups and values of the rows that count.
    fn selected<'a>(self, rows: &Rows, groups: &'a [u32]) -> Selected<'a> {
        let measures_where = |wanted: fn(Kind) -> bool| {
            self.measures.iter().filter(|(_, kind, _)| wanted(*kind)).map(|(measure, ..)| *measure).collect::<Vec<_>>()
        };
        let steps = rows.steps(&measures_where(|kind| kind == Kind::Count), &measures_where(|kind| kind != Kind::Count));
        let values = self.measures.into_iter().filter_map(|(measure, kind, values)| Some((measure, kind, values?)));
        let Some(counted) = self.counted else {
            return Selected { rows: None, groups: groups.into(), steps, values: values.collect(), done: 0 };
        };
        let rows: Vec<u32> = counted.set_indices_u32().collect();
        let groups = rows.iter().map(|row| groups[*row as usize]).collect();
        let values = values.map(|(measure, kind, values)| (measure, kind, values.of_rows(&rows))).collect();
        Selected { rows: Some(rows), groups, steps, values, done: 0 }
    }
}

/// The rows of a batch that count for some measures.
struct Selected<'a> {
    /// Their numbers; `None` if they are all rows.
    rows: Option<Vec<u32>>,
    groups: Cow<'a, [u32]>,
    steps: Vec<Step>,
    values: Vec<(Measure, Kind, Integers)>,
    /// How many of them have been added.
    done: usize,
}

impl Selected<'_> {
    /// Adds the next rows, those before the row `end` of the batch. `is_one` says that they are of one group.
    fn add_until(&mut self, end: usize, rows: &mut Rows, is_one: bool) -> Result<()> {
        let more = match &self.rows {
            None => end - self.done,
            Some(numbers) => numbers[self.done..].partition_point(|row| (*row as usize) < end),
        };
        let range = self.done..self.done + more;
        self.done = range.end;
        let groups = &self.groups[range.clone()];
        let Some(first) = groups.first().copied() else { return Ok(()) };
        if is_one {
            rows.step_one(&self.steps, first, groups.len());
        } else {
            rows.step(&self.steps, groups);
        }
        for (measure, kind, values) in &self.values {
            match values {
                Integers::Narrow(words) => {
                    let values = words[range.clone()].iter().map(|word| *word as i64);
                    match kind {
                        Kind::Count | Kind::Sum if is_one => {
                            rows.sum(*measure, once((first, values.map(i128::from).sum::<i128>())))
                        }
                        Kind::Count | Kind::Sum => rows.sum(*measure, groups.iter().copied().zip(values)),
                        Kind::Least if is_one => rows.extreme(*measure, values.min().map(|least| (first, least)).into_iter()),
                        Kind::Greatest if is_one => rows.extreme(*measure, values.max().map(|most| (first, most)).into_iter()),
                        Kind::Least | Kind::Greatest => rows.extreme(*measure, groups.iter().copied().zip(values)),
                    }
                }
                Integers::Wide(values) if *kind == Kind::Sum => {
                    let values = values[range.clone()].iter().copied();
                    match is_one {
                        true => rows.sum(*measure, once((first, values.fold(0, i128::wrapping_add)))),
                        false => rows.sum(*measure, groups.iter().copied().zip(values)),
                    }
                }
                Integers::Wide(_) => {
                    return Err(invalid("GROUP BY", "a value has more digits than the type of its column allows"));
                }
            }
        }
        Ok(())
    }
}
