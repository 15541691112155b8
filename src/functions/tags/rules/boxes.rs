//! Joins cells into boxes: for each operand a set of places, so that a finding is one condition.
//!
//! Greedy and deterministic: operand by operand, the last one first, boxes that differ only in this operand are joined if
//! their places are neighbours, until nothing more can be joined. The boxes have no cell in common; they may not be the fewest
//! possible.

use std::collections::HashMap;

use super::axis::{Axis, Place};

/// A box: a set of places of each axis, and how many cells it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellBox {
    /// The places on each axis, ascending.
    pub sets: Vec<Vec<u32>>,
    /// The product of the numbers of places.
    pub cells: u64,
}

/// Sets of places by number, each kept once.
#[derive(Default)]
struct Sets {
    sets: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, u32>,
}

impl Sets {
    fn number(&mut self, set: Vec<u32>) -> u32 {
        let next = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        let sets = &mut self.sets;
        *self.numbers.entry(set).or_insert_with_key(|set| {
            sets.push(set.clone());
            next
        })
    }

    fn get(&self, number: u32) -> &[u32] {
        self.sets.get(number as usize).map_or(&[], Vec::as_slice)
    }
}

/// Joins cells, each given by its places on the axes, one cell after the other.
pub fn join(axes: &[Axis], cells: &[u32]) -> Vec<CellBox> {
    if axes.is_empty() {
        return vec![CellBox { sets: vec![], cells: 1 }];
    }
    let mut sets = Sets::default();
    let mut boxes: Vec<Vec<u32>> =
        cells.chunks(axes.len()).map(|cell| cell.iter().map(|place| sets.number(vec![*place])).collect()).collect();
    loop {
        let before = boxes.len();
        for (dimension, axis) in axes.iter().enumerate().rev() {
            boxes = join_along(boxes, dimension, axis, &mut sets);
        }
        if boxes.len() == before {
            break;
        }
    }
    let mut boxes: Vec<CellBox> = boxes
        .into_iter()
        .map(|numbers| {
            let sets: Vec<Vec<u32>> = numbers.into_iter().map(|number| sets.get(number).to_vec()).collect();
            let cells = sets.iter().map(|set| set.len() as u64).product();
            CellBox { sets, cells }
        })
        .collect();
    boxes.sort();
    boxes
}

fn join_along(boxes: Vec<Vec<u32>>, dimension: usize, axis: &Axis, sets: &mut Sets) -> Vec<Vec<u32>> {
    let mut groups: HashMap<Vec<u32>, Vec<u32>> = HashMap::new();
    for mut one in boxes {
        let Some(place) = one.get_mut(dimension) else { continue };
        let set = std::mem::replace(place, 0);
        groups.entry(one).or_default().push(set);
    }
    let mut joined = vec![];
    for (mut others, numbers) in groups {
        let found = if numbers.len() == 1 {
            numbers
        } else {
            let parts = numbers.iter().map(|number| sets.get(*number).to_vec()).collect();
            join_sets(parts, axis).into_iter().map(|set| sets.number(set)).collect()
        };
        for number in found {
            if let Some(place) = others.get_mut(dimension) {
                *place = number;
            }
            joined.push(others.clone());
        }
    }
    joined
}

/// On an ordered axis joins neighbours, on a set any places; NULL is joined only if that completes the axis.
fn join_sets(mut parts: Vec<Vec<u32>>, axis: &Axis) -> Vec<Vec<u32>> {
    let null = (axis.places.last() == Some(&Place::Null)).then(|| (axis.places.len() - 1) as u32);
    parts.sort();
    let mut joined: Vec<Vec<u32>> = vec![];
    for part in parts {
        let is_null = part.first().copied() == null;
        match joined.last_mut() {
            Some(last) if !is_null && (!axis.is_ordered || last.last().map(|last| last + 1) == part.first().copied()) => {
                last.extend(part);
                last.sort_unstable();
            }
            _ => joined.push(part),
        }
    }
    let all: usize = joined.iter().map(Vec::len).sum();
    if all == axis.places.len() {
        return vec![joined.concat()];
    }
    joined
}
