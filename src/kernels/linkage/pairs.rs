//! The pairs to compare: each pair that matches a blocking rule, once, and random pairs.

use super::dictionary::NONE;
use crate::kernels::control::{Control, Reserved, Stop};
use crate::kernels::random::Random;

/// A blocking rule: two records form a pair if the left value of one equals the right value of the other.
#[derive(Debug)]
pub struct Rule {
    /// For each record, the number of its left value, or [`NONE`].
    pub left: Vec<u32>,
    /// The right values; `None` if they are the left values.
    pub right: Option<Vec<u32>>,
}

impl Rule {
    fn right(&self) -> &[u32] {
        self.right.as_deref().unwrap_or(&self.left)
    }

    /// True if the rule brings these two records together.
    pub fn matches(&self, a: u32, b: u32) -> bool {
        self.one_way(a, b) || (self.right.is_some() && self.one_way(b, a))
    }

    fn one_way(&self, left: u32, right: u32) -> bool {
        self.left[left as usize] != NONE && self.left[left as usize] == self.right()[right as usize]
    }
}

/// The records of each value, in one array.
struct Blocks {
    starts: Vec<u32>,
    records: Vec<u32>,
}

impl Blocks {
    fn of(values: &[u32]) -> Self {
        let most = values.iter().filter(|value| **value != NONE).max().map_or(0, |value| *value as usize + 1);
        let mut starts = vec![0_u32; most + 1];
        for value in values.iter().filter(|value| **value != NONE) {
            starts[*value as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut next = starts.clone();
        let mut records = vec![0; starts.last().map_or(0, |count| *count as usize)];
        for (record, value) in (0..).zip(values) {
            if *value != NONE {
                records[next[*value as usize] as usize] = record;
                next[*value as usize] += 1;
            }
        }
        Self { starts, records }
    }

    fn records(&self, value: u32) -> &[u32] {
        match (self.starts.get(value as usize), self.starts.get(value as usize + 1)) {
            (Some(start), Some(end)) => &self.records[*start as usize..*end as usize],
            _ => &[],
        }
    }
}

/// The blocks that were left out because they are too large.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub blocks: usize,
    /// How many records they have.
    pub records: usize,
    /// The number of records of the largest.
    pub largest: usize,
}

/// Removes blocks of more than `most` records from the rules.
pub fn leave_out_large(rules: &mut [Rule], most: usize) -> LeftOut {
    let mut out = LeftOut::default();
    for rule in rules {
        let blocks = Blocks::of(rule.right());
        let is_large = |value: u32| value != NONE && blocks.records(value).len() > most;
        let large: Vec<usize> =
            blocks.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize).filter(|size| *size > most).collect();
        out.blocks += large.len();
        out.records += large.iter().sum::<usize>();
        out.largest = out.largest.max(large.into_iter().max().unwrap_or(0));
        for value in rule.left.iter_mut().chain(rule.right.iter_mut().flatten()) {
            if is_large(*value) {
                *value = NONE;
            }
        }
    }
    out
}

/// A pair with the first rule that brings it together; the smaller record is on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub left: u32,
    pub right: u32,
    pub rule: u32,
    /// The result of the comparison.
    pub pattern: u64,
}

/// The number of left records per job.
const STRIDE: usize = 1024;

/// Which pairs to form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The source of each record; two records of the same source are not paired.
    pub sources: Option<&'a [u32]>,
    /// Whether each record is new; at least one of the two must be.
    pub new: Option<&'a [bool]>,
}

impl Wanted<'_> {
    /// True if the pair is to be formed.
    pub fn is(&self, left: u32, right: u32) -> bool {
        let (left, right) = (left as usize, right as usize);
        self.new.is_none_or(|new| new[left] || new[right]) && self.sources.is_none_or(|sources| sources[left] != sources[right])
    }
}

/// Forms and compares all wanted pairs that the rules bring together, each once.
///
/// `comparer` creates each thread's state for `compare`, whose result becomes [`Pair::pattern`].
pub fn compared<'a, C: Send>(
    rules: &[Rule],
    wanted: Wanted<'_>,
    records: usize,
    control: Control<'a>,
    comparer: impl Fn() -> C + Sync,
    compare: impl Fn(&mut C, u32, u32) -> u64 + Sync,
) -> Result<(Vec<Pair>, Reserved<'a>), Stop> {
    let blocks: Vec<Blocks> = rules.iter().map(|rule| Blocks::of(rule.right())).collect();
    // A record that is not new needs only the new ones of its block.
    let only_new = |new: &[bool]| {
        let masked = |rule: &Rule| {
            let values = rule.right().iter().zip(new).map(|(value, is_new)| if *is_new { *value } else { NONE });
            Blocks::of(&values.collect::<Vec<_>>())
        };
        rules.iter().map(masked).collect::<Vec<_>>()
    };
    let new_blocks = wanted.new.map(only_new);
    let strides = records.div_ceil(STRIDE);
    let done = control.share(
        rules.len() * strides,
        || (comparer(), vec![], control.reserve(0)),
        |(comparer, found, memory): &mut (C, Vec<(usize, Vec<Pair>)>, _), job| {
            let (number, stride) = (job / strides, job % strides);
            let rule = &rules[number];
            let mut pairs: Vec<Pair> = vec![];
            for left in stride * STRIDE..((stride + 1) * STRIDE).min(records) {
                let left = left as u32;
                if left.is_multiple_of(64) {
                    control.check()?;
                }
                let value = rule.left[left as usize];
                if value == NONE {
                    continue;
                }
                let others = match (&new_blocks, wanted.new) {
                    (Some(new_blocks), Some(new)) if !new[left as usize] => &new_blocks[number],
                    _ => &blocks[number],
                };
                for right in others.records(value) {
                    let right = *right;
                    // A pair that a rule finds in both directions is kept when its smaller record is on the left.
                    let again = right < left && (rule.right.is_none() || rule.one_way(right, left));
                    if right == left
                        || again
                        || !wanted.is(left, right)
                        || rules[..number].iter().any(|rule| rule.matches(left, right))
                    {
                        continue;
                    }
                    if pairs.len() == pairs.capacity() {
                        let more = pairs.capacity().max(256);
                        if let Ok(memory) = memory {
                            memory.grow(more * size_of::<Pair>())?;
                        }
                        pairs.reserve_exact(more);
                    }
                    let pattern = compare(comparer, left, right);
                    pairs.push(Pair { left: left.min(right), right: left.max(right), rule: number as u32, pattern });
                }
            }
            found.push((job, pairs));
            Ok(())
        },
    )?;
    let (mut parts, mut memories) = (vec![], vec![]);
    for (_, found, memory) in done {
        parts.extend(found);
        memories.push(memory);
    }
    // Jobs in order, so that the result does not depend on which thread ran which.
    parts.sort_unstable_by_key(|(job, _)| *job);
    let all: usize = parts.iter().map(|(_, pairs)| pairs.len()).sum();
    let reserved = control.reserve(all * size_of::<Pair>())?;
    let mut pairs = Vec::with_capacity(all);
    for (_, part) in parts {
        pairs.extend(part);
    }
    Ok((pairs, reserved))
}

/// Draws random pairs of different records, with repetition; all pairs if there are at most `most`. The smaller record comes first, and
/// pairs are sorted.
pub fn random_pairs(records: usize, most: usize, seed: u64) -> Vec<(u32, u32)> {
    let all = records * records.saturating_sub(1) / 2;
    if all <= most {
        return (0..records as u32).flat_map(|left| (left + 1..records as u32).map(move |right| (left, right))).collect();
    }
    let mut random = Random::new(seed, &[]);
    let mut pairs: Vec<(u32, u32)> = (0..most)
        .map(|_| {
            let left = random.below(records as u64);
            let right = (left + 1 + random.below(records as u64 - 1)) % records as u64;
            (left.min(right) as u32, left.max(right) as u32)
        })
        .collect();
    // Comparing is fastest for pairs sorted by their left record.
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::control::unlimited::control;

    fn pairs(rules: &[Rule], sources: Option<&[u32]>, records: usize, workers: usize) -> Vec<(u32, u32, u32)> {
        let (pairs, _) = compared(rules, Wanted { sources, new: None }, records, control(workers), || (), |(), _, _| 0).unwrap();
        pairs.into_iter().map(|pair| (pair.rule, pair.left, pair.right)).collect()
    }

    #[test]
    fn each_pair_once_by_its_first_rule() {
        for case in 0..200 {
            let mut random = Random::new(3, &[case]);
            let records = random.below(60) as usize;
            let mut column = || -> Vec<u32> {
                (0..records).map(|_| Some(random.below(12) as u32).filter(|value| *value < 10).unwrap_or(NONE)).collect()
            };
            let mut rules = vec![
                Rule { left: column(), right: None },
                Rule { left: column(), right: Some(column()) },
                Rule { left: column(), right: None },
            ];
            leave_out_large(&mut rules, 8);
            let mut expected = vec![];
            for left in 0..records as u32 {
                for right in left + 1..records as u32 {
                    if let Some(rule) = rules.iter().position(|rule| rule.matches(left, right)) {
                        expected.push((rule as u32, left, right));
                    }
                }
            }
            expected.sort_unstable();
            for workers in [1, 3] {
                let mut found = pairs(&rules, None, records, workers);
                found.sort_unstable();
                assert_eq!(found, expected, "case {case}");
            }
        }
    }

    #[test]
    fn pairs_with_new_records_alone() {
        for case in 0..100 {
            let mut random = Random::new(4, &[case]);
            let mut column = || -> Vec<u32> { (0..50).map(|_| random.below(9) as u32).collect() };
            let rules = vec![Rule { left: column(), right: None }, Rule { left: column(), right: Some(column()) }];
            let new: Vec<bool> = (0..50).map(|_| random.below(10) == 0).collect();
            let found = |new: Option<&[bool]>| {
                let (pairs, _) = compared(&rules, Wanted { sources: None, new }, 50, control(2), || (), |(), _, _| 0).unwrap();
                let mut pairs: Vec<_> = pairs.into_iter().map(|pair| (pair.left, pair.right, pair.rule)).collect();
                pairs.sort_unstable();
                pairs
            };
            let mut expected = found(None);
            expected.retain(|(left, right, _)| new[*left as usize] || new[*right as usize]);
            assert_eq!(found(Some(&new)), expected, "case {case}");
        }
    }

    #[test]
    fn large_blocks_and_sources() {
        let mut rules = vec![Rule { left: vec![0, 0, 0, 1, 1, NONE], right: None }];
        assert_eq!(pairs(&rules, Some(&[0, 0, 1, 0, 0, 0]), 6, 1), [(0, 0, 2), (0, 1, 2)]);
        assert_eq!(leave_out_large(&mut rules, 2), LeftOut { blocks: 1, records: 3, largest: 3 });
        assert_eq!(pairs(&rules, None, 6, 1), [(0, 3, 4)]);
    }

    #[test]
    fn random_pairs_are_pairs() {
        assert_eq!(random_pairs(3, 10, 1), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(random_pairs(0, 10, 1), []);
        let drawn = random_pairs(1000, 500, 1);
        assert!(drawn.len() == 500 && drawn.iter().all(|(left, right)| left < right && *right < 1000));
        assert_eq!(drawn, random_pairs(1000, 500, 1));
    }
}
