//! Which stored records new ones touch: those that share a value with them, those that share a value with these, and so on.
//!
//! Records outside belong to the same persons as before, because a person depends only on the records that a chain of shared values
//! reaches ([`super::resolve`]). Values are compared by their hashes, so that each row is a few integers.

use std::collections::{HashMap, HashSet};

/// Rows of records: the hash of each row's key, and for each identifier the hash of its value.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    pub records: &'a [i64],
    /// By identifier; [`NO_VALUE`] links nothing.
    pub values: Vec<&'a [i64]>,
}

/// Stands for a missing value.
pub const NO_VALUE: i64 = 0;

/// What new rows touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The stored rows, as (chunk, row), in ascending order.
    pub rows: Vec<(usize, usize)>,
    /// For each identifier the values that more records have than may share one, in ascending order. Not all of these records are touched.
    pub too_many: Vec<Vec<i64>>,
}

impl Rows<'_> {
    fn columns(&self) -> impl Iterator<Item = &[i64]> {
        std::iter::once(self.records).chain(self.values.iter().copied())
    }
}

/// Finds the stored rows that belong with new ones. `linked` are pairs of records that are one person, whatever they share.
pub fn touched(stored: &[Rows<'_>], new: &[Rows<'_>], linked: &[(i64, i64)], max_shared: usize) -> Touched {
    let identifiers = new.first().map_or(0, |rows| rows.values.len());
    let mut search = Search::new(identifiers + 1, linked);
    for rows in new {
        for (place, column) in rows.columns().enumerate() {
            column.iter().for_each(|value| search.want(place, *value));
        }
    }
    let mut found = Touched { rows: vec![], too_many: vec![vec![]; identifiers] };
    let mut taken = HashSet::new();
    while search.wanted.iter().any(|wanted| !wanted.is_empty()) {
        let carriers = search.carriers(stored);
        for (place, carriers) in carriers.into_iter().enumerate() {
            for (value, rows) in carriers {
                // All rows of a record belong together.
                if place > 0 && records(stored, &rows) > max_shared {
                    found.too_many[place - 1].push(value);
                    continue;
                }
                for (chunk, row) in rows {
                    if taken.insert((chunk, row)) {
                        for (place, column) in stored[chunk].columns().enumerate() {
                            search.want(place, column[row]);
                        }
                    }
                }
            }
        }
    }
    found.rows = taken.into_iter().collect();
    found.rows.sort_unstable();
    found.too_many.iter_mut().for_each(|values| values.sort_unstable());
    found
}

/// How many records these rows belong to.
fn records(stored: &[Rows<'_>], rows: &[(usize, usize)]) -> usize {
    let mut records: Vec<i64> = rows.iter().map(|(chunk, row)| stored[*chunk].records[*row]).collect();
    records.sort_unstable();
    records.dedup();
    records.len()
}

/// The rows that have a value, by value.
type Carriers = HashMap<i64, Vec<(usize, usize)>>;

/// The values to look for, by column; the first column are the keys of the records.
struct Search {
    /// Those of the next pass over all rows.
    wanted: Vec<Vec<i64>>,
    /// All so far.
    known: Vec<HashSet<i64>>,
    partners: HashMap<i64, Vec<i64>>,
}

impl Search {
    fn new(columns: usize, linked: &[(i64, i64)]) -> Self {
        let mut partners: HashMap<i64, Vec<i64>> = HashMap::new();
        for (a, b) in linked {
            partners.entry(*a).or_default().push(*b);
            partners.entry(*b).or_default().push(*a);
        }
        Self { wanted: vec![vec![]; columns], known: vec![HashSet::new(); columns], partners }
    }

    fn want(&mut self, place: usize, value: i64) {
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            if value != NO_VALUE && self.known[place].insert(value) {
                self.wanted[place].push(value);
                if place == 0 {
                    waiting.extend(self.partners.get(&value).into_iter().flatten());
                }
            }
        }
    }

    /// The rows that have the values wanted so far, found in one pass.
    fn carriers(&mut self, stored: &[Rows<'_>]) -> Vec<Carriers> {
        let mut all = vec![];
        for (place, wanted) in self.wanted.iter_mut().enumerate() {
            let mut carriers: Carriers = wanted.drain(..).map(|value| (value, vec![])).collect();
            if !carriers.is_empty() {
                let filter = Filter::of(carriers.keys());
                for (chunk, rows) in stored.iter().enumerate() {
                    let column = rows.columns().nth(place).unwrap_or_default();
                    for (row, value) in column.iter().enumerate() {
                        if filter.may_have(*value)
                            && let Some(rows) = carriers.get_mut(value)
                        {
                            rows.push((chunk, row));
                        }
                    }
                }
            }
            all.push(carriers);
        }
        all
    }
}

/// One bit for each value, so that most rows are skipped without a look into a map. Values are hashes, whose bits are all alike.
struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    fn of<'a>(values: impl ExactSizeIterator<Item = &'a i64>) -> Self {
        // Sixteen bits for each value.
        let mut bits = vec![0; (values.len() / 4).next_power_of_two().max(64)];
        for value in values {
            let (place, bit) = Self::place(bits.len(), *value);
            bits[place] |= bit;
        }
        Self { bits }
    }

    fn place(length: usize, value: i64) -> (usize, u64) {
        let value = value.cast_unsigned();
        ((value >> 6) as usize & (length - 1), 1 << (value & 63))
    }

    fn may_have(&self, value: i64) -> bool {
        let (place, bit) = Self::place(self.bits.len(), value);
        self.bits[place] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::linkage::resolve::{Identifier, Resolution, Resolved, resolve};
    use crate::kernels::random::Random;

    /// Rows of a record and its values of two identifiers, and what is known about the records.
    struct Case {
        rows: Vec<[u32; 3]>,
        linked: Vec<(u32, u32)>,
        apart: Vec<(u32, u32)>,
        max_shared: usize,
        is_hard: bool,
    }

    impl Case {
        fn random(number: u64) -> Self {
            let mut random = Random::new(5, &[number]);
            let records = 2 + random.below(30);
            let values = 1 + random.below(30);
            let rows = 0..records + random.below(6);
            let rows = rows.map(|row| {
                let record = if row < records { row } else { random.below(records) } as u32;
                [record, random.below(values) as u32, random.below(values) as u32]
            });
            let rows = rows.collect();
            let pairs = |random: &mut Random| {
                (0..random.below(3)).map(|_| (random.below(records) as u32, random.below(records) as u32)).collect()
            };
            let (linked, apart) = (pairs(&mut random), pairs(&mut random));
            Self { rows, linked, apart, max_shared: 1 + random.below(4) as usize, is_hard: random.below(2) == 0 }
        }

        /// The persons of these rows, of which values in `too_many` link nothing.
        fn resolved(&self, rows: &[[u32; 3]], too_many: &[Vec<i64>]) -> Resolved {
            let mut identifiers: Vec<Identifier> = (0..2)
                .map(|place| Identifier {
                    values: rows.iter().filter(|row| row[place + 1] > 0).map(|row| (row[place + 1], row[0])).collect(),
                    is_hard: self.is_hard && place == 0,
                    blocked: vec![],
                    too_many: too_many.get(place).into_iter().flatten().map(|value| *value as u32).collect(),
                })
                .collect();
            let records: HashSet<u32> = rows.iter().map(|row| row[0]).collect();
            let known = |pairs: &[(u32, u32)]| -> Vec<(u32, u32)> {
                pairs.iter().copied().filter(|(a, b)| records.contains(a) && records.contains(b)).collect()
            };
            resolve(Resolution {
                records: 40,
                identifiers: &mut identifiers,
                max_shared: self.max_shared,
                must_link: &known(&self.linked),
                cannot_link: &known(&self.apart),
                pairs: &[],
            })
        }
    }

    /// Resolving only what new rows touch gives the persons that resolving all rows gives.
    #[test]
    fn as_all_resolved_again() {
        for number in 0..3000 {
            let case = Case::random(number);
            let old = case.rows.len() * 3 / 4;
            let hashes = |rows: &[[u32; 3]]| -> [Vec<i64>; 3] {
                // The key 0 is a key; the value 0 is none.
                [0, 1, 2].map(|place| rows.iter().map(|row| i64::from(row[place] + u32::from(place == 0))).collect())
            };
            let (stored, new) = (hashes(&case.rows[..old]), hashes(&case.rows[old..]));
            let linked: Vec<(i64, i64)> = case.linked.iter().map(|(a, b)| (i64::from(a + 1), i64::from(b + 1))).collect();
            let found = touched(&Rows::shared(&stored), &Rows::shared(&new), &linked, case.max_shared);
            let mut part: Vec<[u32; 3]> = found.rows.iter().map(|(_, row)| case.rows[*row]).collect();
            part.extend(&case.rows[old..]);
            let (all, again) = (case.resolved(&case.rows, &[]), case.resolved(&part, &found.too_many));
            let before = case.resolved(&case.rows[..old], &[]);
            let touched: HashSet<u32> = part.iter().map(|row| row[0]).collect();
            for record in case.rows.iter().map(|row| row[0]) {
                let from = if touched.contains(&record) { &again } else { &before };
                let record = record as usize;
                assert_eq!(from.persons[record], all.persons[record], "case {number}, record {record}");
                assert_eq!(from.evidence[record], all.evidence[record], "case {number}, record {record}");
            }
        }
    }

    impl<'a> Rows<'a> {
        fn shared([records, a, b]: &'a [Vec<i64>; 3]) -> [Self; 1] {
            [Self { records, values: vec![a, b] }]
        }
    }

    #[test]
    fn what_many_share_is_not_followed() {
        let (records, shop): (Vec<i64>, Vec<i64>) = ((1..=1000).collect(), vec![7; 1000]);
        let stored = [Rows { records: &records, values: vec![&shop] }];
        let new = [Rows { records: &[2000], values: vec![&[7]] }];
        assert_eq!(touched(&stored, &new, &[], 10), Touched { rows: vec![], too_many: vec![vec![7]] });
        assert_eq!(touched(&stored, &new, &[(2000, 5)], 10).rows, [(0, 4)]);
        assert_eq!(touched(&stored, &new, &[], 1000).rows.len(), 1000);
    }
}
