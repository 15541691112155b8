//! Converts rows to records, identifiers and pairs for the kernel, and its result to ids.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, is_not_null};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, internal_err};
use serde::{Deserialize, Serialize};

use super::records::{Keys, Texts, column};
use super::resolve::Counters;
use crate::kernels::linkage::dictionary::NONE;
use crate::kernels::linkage::resolve::{Identifier, Resolution, Resolved, resolve};
use crate::kernels::linkage::stable::stable_ids;

/// An additional relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    MustLink,
    CannotLink,
    Pairs,
    Previous,
}

/// The result for the records.
pub struct Resolving {
    pub keys: Keys,
    /// The values of each identifier.
    pub texts: Vec<Texts>,
    pub resolved: Resolved,
    /// The person of each record.
    pub ids: Vec<i64>,
}

/// Resolves the rows of the first input with those of the others.
pub fn resolving(
    read: &[Vec<RecordBatch>],
    names: &[String],
    hard: &[bool],
    blocked: &[String],
    given: &[Given],
    max_shared: usize,
    counters: &Counters,
) -> Result<Resolving> {
    let Some((input, others)) = read.split_first() else { return internal_err!("no input") };
    let mut batches = vec![];
    for batch in input {
        let known = is_not_null(batch.column(0))?;
        counters.without_key.add(known.len() - known.true_count());
        batches.push(filter_record_batch(batch, &known)?);
    }
    let keys = column(&batches, 0);
    let types = keys.first().map_or(DataType::Int64, |keys| keys.data_type().clone());
    let mut keys = Keys::of(&types, &keys)?;
    let (mut texts, mut identifiers) = (vec![], vec![]);
    for (number, is_hard) in hard.iter().enumerate().take(names.len()) {
        let mut own = Texts::default();
        let numbers = own.numbers(&column(&batches, number + 1))?;
        let (_, places) = own.dictionary.sorted();
        // Numbered in the order of the values, so that the order of the rows does not matter.
        let values = numbers.iter().zip(&keys.rows).filter(|(value, _)| **value != NONE);
        let values = values.map(|(value, record)| (places[*value as usize], *record)).collect();
        let blocked = blocked.iter().filter_map(|value| own.dictionary.find(value.as_bytes()));
        let blocked = blocked.map(|number| places[number as usize]).collect();
        identifiers.push(Identifier { values, is_hard: *is_hard, blocked, too_many: vec![] });
        texts.push(own);
    }
    let (mut must_link, mut cannot_link, mut pairs) = (vec![], vec![], vec![]);
    let (mut before, mut last) = (vec![None; keys.len()], 0);
    for (given, batches) in given.iter().zip(others) {
        match given {
            Given::MustLink => must_link = known_pairs(&mut keys, batches, counters)?,
            Given::CannotLink => cannot_link = known_pairs(&mut keys, batches, counters)?,
            Given::Pairs => {
                pairs = known_pairs(&mut keys, batches, counters)?;
            }
            Given::Previous => last = previous(&mut keys, batches, &mut before)?,
        }
    }
    let resolution = Resolution {
        records: keys.len(),
        identifiers: &mut identifiers,
        max_shared,
        must_link: &ends(&must_link),
        cannot_link: &ends(&cannot_link),
        pairs: &by_weight(pairs),
    };
    let mut resolved = resolve(resolution);
    let ids = stable_ids(&resolved.persons, &before, last);
    // The kernel's numbers are positions among the values.
    let orders: Vec<Vec<u32>> = texts.iter().map(|texts| texts.dictionary.sorted().0).collect();
    for link in &mut resolved.links {
        link.value = orders[link.identifier][link.value as usize];
    }
    Ok(Resolving { keys, texts, resolved, ids })
}

/// Pairs of records with their weights; pairs with an unknown key are counted.
fn known_pairs(keys: &mut Keys, batches: &[RecordBatch], counters: &Counters) -> Result<Vec<(u32, u32, f64)>> {
    let mut pairs = vec![];
    for batch in batches {
        let (a, b) = (keys.find(batch.column(0))?, keys.find(batch.column(1))?);
        let weights = batch.columns().get(2).map(|column| column.as_primitive::<Float64Type>());
        for (row, ends) in a.into_iter().zip(b).enumerate() {
            let weight = weights.filter(|weights| weights.is_valid(row)).map_or(0.0, |weights| weights.value(row));
            match ends {
                (Some(a), Some(b)) if a != b => pairs.push((a.min(b), a.max(b), weight)),
                (Some(_), Some(_)) => {}
                _ => counters.unknown.add(1),
            }
        }
    }
    Ok(pairs)
}

fn ends(pairs: &[(u32, u32, f64)]) -> Vec<(u32, u32)> {
    pairs.iter().map(|(a, b, _)| (*a, *b)).collect()
}

/// The highest weight first.
fn by_weight(mut pairs: Vec<(u32, u32, f64)>) -> Vec<(u32, u32)> {
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    ends(&pairs)
}

/// Fills in the ids that records had before (the smallest of several), and returns the highest id ever used.
pub fn previous(keys: &mut Keys, batches: &[RecordBatch], before: &mut [Option<i64>]) -> Result<i64> {
    let mut last = 0;
    let mut known: HashMap<u32, i64> = HashMap::new();
    for batch in batches {
        let records = keys.find(batch.column(0))?;
        let ids: &ArrayRef = batch.column(1);
        let ids = ids.as_primitive::<Int64Type>();
        for (row, record) in records.into_iter().enumerate().filter(|(row, _)| ids.is_valid(*row)) {
            let id = ids.value(row);
            last = last.max(id);
            if let Some(record) = record {
                known.entry(record).and_modify(|known| *known = id.min(*known)).or_insert(id);
            }
        }
    }
    for (record, id) in known {
        before[record as usize] = Some(id);
    }
    Ok(last)
}
