//! Values of a column as 64-bit keys, so that kernels can distinguish customers, baskets and items without knowing their types.
//!
//! Integers are used as they are. Values of other types are numbered, in each partition separately so that partitions do not
//! wait for one another; at the end the numberings are merged.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array, make_comparator, new_empty_array};
use datafusion::arrow::compute::{SortOptions, cast, concat, sort_to_indices, take};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt64Type};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

/// Flipping this bit makes unsigned order equal to signed order.
const SIGN: u64 = 1 << 63;

/// What the keys stand for, the same for all partitions.
pub enum KeyValues {
    /// The key is the number itself.
    Integers(DataType),
    /// The key is a position in this list.
    Listed(ArrayRef),
}

impl KeyValues {
    /// The values of these keys.
    pub fn values(&self, keys: &[u64]) -> Result<ArrayRef> {
        match self {
            Self::Integers(data_type) => integers(keys.iter().map(|key| (key ^ SIGN) as i64), data_type),
            Self::Listed(values) => {
                let places: UInt32Array = keys.iter().map(|key| *key as u32).collect();
                Ok(take(values, &places, None)?)
            }
        }
    }
}

/// Numbers the values of a column.
pub struct Interner {
    values: Box<dyn GroupValues>,
    numbers: Vec<usize>,
    data_type: DataType,
}

impl Interner {
    pub fn new(data_type: &DataType) -> Result<Self> {
        let schema = Arc::new(Schema::new(vec![Field::new("value", data_type.clone(), true)]));
        let values = new_group_values(schema, &GroupOrdering::None)?;
        Ok(Self { values, numbers: vec![], data_type: data_type.clone() })
    }

    pub fn intern(&mut self, column: &ArrayRef) -> Result<&[usize]> {
        self.values.intern(&[Arc::clone(column)], &mut self.numbers)?;
        Ok(&self.numbers)
    }

    pub fn size(&self) -> usize {
        self.values.size()
    }

    pub fn finish(mut self) -> Result<ArrayRef> {
        if self.values.is_empty() {
            return Ok(new_empty_array(&self.data_type));
        }
        let mut columns = self.values.emit(EmitTo::All)?;
        Ok(columns.pop().unwrap_or_else(|| new_empty_array(&self.data_type)))
    }
}

/// Makes keys from the values of a column, for one partition.
pub enum Keys {
    Integers(DataType),
    Listed(Interner),
}

impl Keys {
    pub fn new(data_type: &DataType) -> Result<Self> {
        if data_type.is_integer() { Ok(Self::Integers(data_type.clone())) } else { Ok(Self::Listed(Interner::new(data_type)?)) }
    }

    pub fn keys(&mut self, column: &ArrayRef, keys: &mut Vec<u64>) -> Result<()> {
        keys.clear();
        match self {
            Self::Integers(_) => keys.extend(bits(column)?.values().iter().map(|value| *value as u64 ^ SIGN)),
            Self::Listed(interner) => keys.extend(interner.intern(column)?.iter().map(|number| *number as u64)),
        }
        Ok(())
    }

    pub fn size(&self) -> usize {
        match self {
            Self::Integers(_) => 0,
            Self::Listed(interner) => interner.size(),
        }
    }
}

/// Integers of any width as 64 bits.
pub fn bits(column: &ArrayRef) -> Result<Int64Array> {
    Ok(match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().unary(|value| value as i64),
        _ => cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    })
}

pub fn integers(values: impl Iterator<Item = i64>, data_type: &DataType) -> Result<ArrayRef> {
    let values = Int64Array::from_iter_values(values);
    Ok(match data_type {
        DataType::UInt64 => Arc::new(values.unary::<_, UInt64Type>(|value| value as u64)),
        _ => cast(&values, data_type)?,
    })
}

/// The distinct values of all lists in ascending order, and for each list the positions of its values.
pub fn sorted(lists: &[ArrayRef]) -> Result<(ArrayRef, Vec<Vec<u32>>)> {
    let lists_of: Vec<&dyn Array> = lists.iter().map(AsRef::as_ref).collect();
    let all = concat(&lists_of)?;
    let compare = make_comparator(&all, &all, SortOptions::default())?;
    let order = if all.data_type().is_nested() {
        // `sort_to_indices` knows no structs and maps.
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        order.sort_by(|one, other| compare(*one as usize, *other as usize));
        order
    } else {
        sort_to_indices(&all, None, None)?.values().to_vec()
    };
    let (mut places, mut distinct) = (vec![0_u32; all.len()], vec![]);
    for index in order {
        if distinct.last().is_none_or(|last: &u32| compare(*last as usize, index as usize).is_ne()) {
            distinct.push(index);
        }
        places[index as usize] = distinct.len() as u32 - 1;
    }
    let values = take(&all, &UInt32Array::from(distinct), None)?;
    let mut rest = places.as_slice();
    let maps = lists.iter().map(|list| {
        let (map, after) = rest.split_at(list.len());
        rest = after;
        map.to_vec()
    });
    Ok((values, maps.collect()))
}

/// One numbering for the values of all partitions, and what each old number becomes; the first partition keeps its own numbers.
pub fn merge_keys(all: Vec<Keys>, memory: &MemoryReservation) -> Result<(KeyValues, Vec<Option<Vec<u64>>>)> {
    let mut interners = vec![];
    for keys in all {
        match keys {
            Keys::Integers(data_type) => return Ok((KeyValues::Integers(data_type), vec![])),
            Keys::Listed(interner) => interners.push(interner),
        }
    }
    let mut interners = interners.into_iter();
    let Some(mut first) = interners.next() else { return Ok((KeyValues::Integers(DataType::Int64), vec![])) };
    let mut maps = vec![None];
    for other in interners {
        let before = first.size();
        memory.try_grow(other.size())?;
        let values = other.finish()?;
        maps.push(Some(first.intern(&values)?.iter().map(|number| *number as u64).collect()));
        memory.try_grow(first.size().saturating_sub(before))?;
    }
    Ok((KeyValues::Listed(first.finish()?), maps))
}
