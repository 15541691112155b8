//! Converts rows of (basket, item) into packed runs of codes.
//!
//! Every partition has its own dictionary of items, so that partitions do not wait for one another; at the end the
//! dictionaries are merged in the order of the items' values. Integers are used directly as basket keys; other types are
//! numbered.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;

use crate::adapter::keys::{Interner, KeyValues, Keys, bits, integers, merge_keys, sorted};
use crate::adapter::offload::side_by_side;
use crate::adapter::step::{StepContext, Streams};
use crate::kernels::itemsets::baskets::{ItemMaps, NO_ITEM};
use crate::kernels::itemsets::runs::{Block, Key, Packer};

/// All rows, packed.
pub struct Collected {
    /// The distinct items in ascending order; an item's code is its place here.
    pub items: ArrayRef,
    pub maps: ItemMaps,
    /// The values of `per` by group number, in ascending order.
    pub groups: Option<ArrayRef>,
    /// What the baskets' keys stand for.
    pub baskets: KeyValues,
    pub blocks: Vec<Block>,
}

impl Collected {
    /// The codes of the given values; a value that is no item has none.
    pub fn codes(&self, values: &ArrayRef) -> Result<Vec<Option<u32>>> {
        places(&self.items, values)
    }

    /// For each item, whether it is among these values.
    pub fn flags(&self, values: &ArrayRef) -> Result<Vec<bool>> {
        let mut flags = vec![false; self.items.len()];
        for code in self.codes(values)?.into_iter().flatten() {
            flags[code as usize] = true;
        }
        Ok(flags)
    }

    /// Excludes items from everything that follows; their baskets still count.
    pub fn exclude(&mut self, is_excluded: impl Fn(usize) -> bool) {
        for code in self.maps.0.iter_mut().flatten() {
            if *code != NO_ITEM && is_excluded(*code as usize) {
                *code = NO_ITEM;
            }
        }
    }
}

/// The positions of the values among the known ones, which are distinct and in ascending order.
pub fn places(known: &ArrayRef, values: &ArrayRef) -> Result<Vec<Option<u32>>> {
    let compare = make_comparator(known, values, SortOptions::default())?;
    let place = |value: usize| {
        let (mut low, mut high) = (0, known.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if compare(middle, value).is_lt() { low = middle + 1 } else { high = middle }
        }
        (low < known.len() && compare(low, value).is_eq()).then_some(low as u32)
    };
    Ok((0..values.len()).map(place).collect())
}

/// Reads columns basket, item and (when there are three) group; every partition on a thread of its own.
pub async fn collect(streams: Streams, context: &StepContext, memory: &Arc<MemoryReservation>) -> Result<Collected> {
    let timer = context.timer();
    let tasks = streams.into_iter().enumerate().map(|(source, stream)| {
        let (timer, memory) = (timer.clone(), Arc::clone(memory));
        async move { Reader::read(source, stream, &timer, &memory).await }
    });
    let readers = side_by_side(tasks).await?;
    let _running = timer.timer();
    merge(readers, memory)
}

struct Reader {
    packer: Packer,
    baskets: Keys,
    items: Codes,
    groups: Option<Interner>,
    reserved: usize,
}

impl Reader {
    async fn read(
        source: usize,
        mut stream: SendableRecordBatchStream,
        timer: &datafusion::physical_plan::metrics::Time,
        memory: &MemoryReservation,
    ) -> Result<Self> {
        let schema = stream.schema();
        let field = |index: usize| schema.field(index).data_type();
        let mut reader = Self {
            packer: Packer::new(source),
            baskets: Keys::new(field(0))?,
            items: if field(1).is_integer() {
                Codes::Integers(IntegerCodes::default(), field(1).clone())
            } else {
                Codes::Listed(Interner::new(field(1))?)
            },
            groups: (schema.fields().len() > 2).then(|| Interner::new(field(2))).transpose()?,
            reserved: 0,
        };
        let (mut keys, mut codes) = (vec![], vec![]);
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let _running = timer.timer();
            reader.add(&batch, &mut keys, &mut codes, memory)?;
        }
        Ok(reader)
    }

    fn add(&mut self, batch: &RecordBatch, keys: &mut Vec<u64>, codes: &mut Vec<u32>, memory: &MemoryReservation) -> Result<()> {
        // An upper bound for a row; corrected once the real size is known.
        const ROW: usize = 48;
        let most = batch.num_rows() * ROW;
        memory.try_grow(most)?;
        self.baskets.keys(batch.column(0), keys)?;
        self.items.codes(batch.column(1), codes)?;
        if let Some(basket) = keys.first() {
            self.packer.begin(Key { group: 0, basket: *basket });
        }
        match &mut self.groups {
            None => {
                for (basket, item) in keys.iter().zip(codes.iter()) {
                    self.packer.push(Key { group: 0, basket: *basket }, *item);
                }
            }
            Some(groups) => {
                let groups = groups.intern(batch.column(2))?;
                for ((basket, item), group) in keys.iter().zip(codes.iter()).zip(groups) {
                    self.packer.push(Key { group: *group as u32, basket: *basket }, *item);
                }
            }
        }
        let size = self.packer.size() + self.baskets.size() + self.items.size() + self.groups.as_ref().map_or(0, Interner::size);
        let before = self.reserved + most;
        self.reserved = size;
        if size > before {
            memory.try_grow(size - before)
        } else {
            memory.shrink(before - size);
            Ok(())
        }
    }
}

/// Assigns item codes from this partition's own dictionary.
enum Codes {
    Integers(IntegerCodes, DataType),
    Listed(Interner),
}

impl Codes {
    fn codes(&mut self, column: &ArrayRef, codes: &mut Vec<u32>) -> Result<()> {
        codes.clear();
        match self {
            Self::Integers(known, _) => known.codes(bits(column)?.values(), codes),
            Self::Listed(interner) => codes.extend(interner.intern(column)?.iter().map(|number| *number as u32)),
        }
        Ok(())
    }

    fn size(&self) -> usize {
        match self {
            Self::Integers(known, _) => known.size(),
            Self::Listed(interner) => interner.size(),
        }
    }

    fn finish(self) -> Result<ArrayRef> {
        match self {
            Self::Integers(known, data_type) => integers(known.values.into_iter(), &data_type),
            Self::Listed(interner) => interner.finish(),
        }
    }
}

/// Integers are kept in a plain table while they lie close together, and in a hash table otherwise.
#[derive(Default)]
struct IntegerCodes {
    values: Vec<i64>,
    /// The integer at the start of `table`.
    base: i64,
    table: Vec<u32>,
    others: HashMap<i64, u32>,
}

/// The longest table.
const SPAN: i128 = 1 << 22;

impl IntegerCodes {
    fn codes(&mut self, column: &[i64], codes: &mut Vec<u32>) {
        self.make_room(column);
        for value in column {
            let place = value.wrapping_sub(self.base) as u64;
            match self.table.get_mut(place as usize) {
                Some(code) => {
                    if *code == NO_ITEM {
                        *code = self.values.len() as u32;
                        self.values.push(*value);
                    }
                    codes.push(*code);
                }
                None => {
                    let values = &mut self.values;
                    let code = *self.others.entry(*value).or_insert_with(|| {
                        values.push(*value);
                        (values.len() - 1) as u32
                    });
                    codes.push(code);
                }
            }
        }
    }

    /// Extends the table to cover all values of the column, unless it would become too long.
    fn make_room(&mut self, column: &[i64]) {
        let (Some(least), Some(most)) = (column.iter().min(), column.iter().max()) else { return };
        let (mut least, mut end) = (i128::from(*least), i128::from(*most) + 1);
        if !self.table.is_empty() {
            least = least.min(i128::from(self.base));
            end = end.max(i128::from(self.base) + self.table.len() as i128);
        }
        let length = end - least;
        if length == self.table.len() as i128 || length > SPAN || !self.others.is_empty() {
            return;
        }
        let mut table = vec![NO_ITEM; length as usize];
        let from = (i128::from(self.base) - least) as usize;
        if !self.table.is_empty() {
            table[from..from + self.table.len()].copy_from_slice(&self.table);
        }
        (self.base, self.table) = (least as i64, table);
    }

    fn size(&self) -> usize {
        8 * self.values.capacity() + 4 * self.table.capacity() + 24 * self.others.capacity()
    }
}

/// One dictionary of all partitions.
fn merge(readers: Vec<Reader>, memory: &MemoryReservation) -> Result<Collected> {
    let (mut packers, mut baskets, mut items, mut groups) = (vec![], vec![], vec![], vec![]);
    for reader in readers {
        packers.push(reader.packer);
        baskets.push(reader.baskets);
        items.push(reader.items.finish()?);
        groups.extend(reader.groups.map(Interner::finish).transpose()?);
    }
    let (items, item_maps) = sorted(&items)?;
    let (groups, group_maps) = match groups.is_empty() {
        true => (None, vec![]),
        false => {
            let (groups, maps) = sorted(&groups)?;
            (Some(groups), maps)
        }
    };
    let (baskets, basket_maps) = merge_keys(baskets, memory)?;
    let mut blocks = vec![];
    for (source, packer) in packers.into_iter().enumerate() {
        let (groups, baskets) = (group_maps.get(source), basket_maps.get(source).and_then(Option::as_ref));
        for block in packer.finish() {
            if groups.is_none() && baskets.is_none() {
                blocks.push(block);
                continue;
            }
            blocks.extend(block.rekeyed(|key| Key {
                group: groups.map_or(key.group, |groups| groups[key.group as usize]),
                basket: baskets.map_or(key.basket, |baskets| baskets[key.basket as usize]),
            }));
        }
    }
    Ok(Collected { items, maps: ItemMaps(item_maps), groups, baskets, blocks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_codes_are_stable_near_and_far() {
        let mut known = IntegerCodes::default();
        let mut codes = vec![];
        let columns: [&[i64]; 5] = [&[5, 7, 5], &[-3, 7], &[i64::MAX, i64::MIN, 5], &[1 << 40, -3, 6, 1 << 40], &[i64::MAX, 6]];
        let mut all = vec![];
        for column in columns {
            codes.clear();
            known.codes(column, &mut codes);
            all.extend(column.iter().copied().zip(codes.iter().copied()));
        }
        for (value, code) in all {
            assert_eq!(known.values[code as usize], value);
        }
        assert_eq!(known.values.len(), 7);
    }
}
