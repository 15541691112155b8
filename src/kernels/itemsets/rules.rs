//! Derives association rules from itemsets.
//!
//! Sets are processed by length, shortest first. For every set and choice of consequents, a cell keeps the highest confidence
//! among that rule and all rules with the same consequents and fewer antecedents. It is the maximum of the rule's own confidence
//! and of the cells of the sets with one antecedent fewer, which are already computed. So the improvement of every rule (R. J.
//! Bayardo, R. Agrawal, D. Gunopulos: Constraint-Based Rule Mining in Large, Dense Databases, 2000) is known without visiting
//! all of its subsets.

use std::collections::HashMap;

use super::itemsets::Itemsets;
use super::metrics::Counts;
use crate::kernels::control::{Control, Reserved, Stop};

/// Which rules are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub min_confidence: f64,
    pub min_lift: f64,
    pub max_consequent_len: usize,
    /// By item code: whether the item may be an antecedent; `None` allows all items.
    pub antecedents: Option<Vec<bool>>,
    /// By item code: whether the item may be a consequent; `None` allows all items.
    pub consequents: Option<Vec<bool>>,
}

/// A rule: an itemset split into antecedents and consequents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Index of the itemset.
    pub set: u32,
    /// Bit mask of the items that are consequents; the first item is the lowest bit.
    pub consequents: u64,
    pub counts: Counts,
    /// The highest confidence of a rule with the same consequents and fewer antecedents, including the rule with none.
    pub general_confidence: f64,
    pub p_value: f64,
}

impl Rule {
    /// By how much its confidence exceeds that of every more general rule (Bayardo, Agrawal, Gunopulos 2000).
    pub fn improvement(&self) -> f64 {
        self.counts.confidence() - self.general_confidence
    }
}

/// Itemsets per job.
const PORTION: usize = 4096;
/// Length of the longest itemset that can become a rule: its consequents are a bit mask in a `u64`.
const LONGEST: usize = 63;

/// Returns all wanted rules, ordered by the length of their itemset and then by its items, with the memory reserved for them.
///
/// For every itemset, `sets` must also hold each subset that can be the antecedents or the consequents of a rule; no set may
/// occur twice.
pub fn derive<'a>(
    sets: &Itemsets,
    baskets: u32,
    wanted: &Wanted,
    control: Control<'a>,
) -> Result<(Vec<Rule>, Reserved<'a>), Stop> {
    let _index = control.reserve(sets.len() * 2 * size_of::<(&[u32], u32)>())?;
    let mut order: Vec<u32> = (0..sets.len() as u32).collect();
    order.sort_unstable_by_key(|set| (sets.get(*set as usize).len(), sets.get(*set as usize)));
    control.check()?;
    let index: HashMap<&[u32], u32> = (0..).zip(0..sets.len()).map(|(name, set)| (sets.get(set), name)).collect();
    let longest = order.last().map_or(0, |set| sets.get(*set as usize).len());
    if longest > LONGEST {
        return Err(Stop::TooMany);
    }
    // For every set and choice of consequents: the highest confidence among the rule and its generalisations.
    let width = |length: usize| choices(length, wanted.max_consequent_len);
    let mut starts = vec![0_usize; sets.len()];
    let mut cells = 0_usize;
    for set in &order {
        starts[*set as usize] = cells;
        cells = cells.saturating_add(width(sets.get(*set as usize).len()));
    }
    let _confidences = control.reserve(cells.saturating_mul(2 * size_of::<f64>()))?;
    let mut confidences: Vec<f64> = Vec::with_capacity(cells);
    let mut rules: Vec<Rule> = vec![];
    let mut rules_memory = control.reserve(0)?;
    let mut from = 0;
    for length in 1..=longest {
        let to = from + order[from..].partition_point(|set| sets.get(*set as usize).len() <= length);
        let level = &order[from..to];
        let maker = Maker { sets, baskets, wanted, index: &index, starts: &starts, confidences: &confidences };
        let made = control.share(level.len().div_ceil(PORTION), Vec::new, |made: &mut Vec<Made>, portion| {
            let first = portion * PORTION;
            let mut part = Made { portion, confidences: vec![], rules: vec![] };
            for set in &level[first..level.len().min(first + PORTION)] {
                maker.add(*set, &mut part);
            }
            made.push(part);
            Ok(())
        })?;
        let mut made: Vec<Made> = made.into_iter().flatten().collect();
        made.sort_unstable_by_key(|part| part.portion);
        for part in made {
            confidences.extend(part.confidences);
            rules_memory.at_least(2 * size_of::<Rule>() * (rules.len() + part.rules.len()))?;
            rules.extend(part.rules);
        }
        from = to;
    }
    Ok((rules, rules_memory))
}

struct Made {
    portion: usize,
    confidences: Vec<f64>,
    rules: Vec<Rule>,
}

struct Maker<'a> {
    sets: &'a Itemsets,
    baskets: u32,
    wanted: &'a Wanted,
    index: &'a HashMap<&'a [u32], u32>,
    starts: &'a [usize],
    confidences: &'a [f64],
}

impl Maker<'_> {
    /// Adds the wanted rules of a set, and one cell per choice of consequents.
    fn add(&self, set: u32, made: &mut Made) {
        let items = self.sets.get(set as usize);
        let both = self.sets.counts[set as usize];
        let all = (1_u64 << items.len()) - 1;
        // For each item, the set without it.
        let mut part = Vec::with_capacity(items.len());
        let without: Vec<Option<u32>> =
            (0..items.len()).map(|left_out| self.find(items, all & !(1 << left_out), &mut part)).collect();
        for size in 1..=self.wanted.max_consequent_len.min(items.len()) {
            for consequents in subsets(items.len(), size) {
                let (confidence, rule) = self.split(set, items, both, consequents, &without, &mut part);
                made.confidences.push(confidence);
                made.rules.extend(rule);
            }
        }
    }

    /// The rule of a set with these consequents if it is wanted, and the highest confidence among it and its generalisations.
    fn split(
        &self,
        set: u32,
        items: &[u32],
        both: u32,
        consequents: u64,
        without: &[Option<u32>],
        part: &mut Vec<u32>,
    ) -> (f64, Option<Rule>) {
        let antecedents = ((1_u64 << items.len()) - 1) & !consequents;
        let allowed = |items_allowed: &Option<Vec<bool>>, chosen: u64| {
            items_allowed.as_ref().is_none_or(|allowed| bits(chosen).all(|bit| allowed[items[bit] as usize]))
        };
        if !allowed(&self.wanted.consequents, consequents) || !allowed(&self.wanted.antecedents, antecedents) {
            // NaN marks a choice that is not allowed; `f64::max` ignores it.
            return (f64::NAN, None);
        }
        if antecedents == 0 {
            return (f64::from(both) / f64::from(self.baskets), None);
        }
        let single = |chosen: u64| without[chosen.trailing_zeros() as usize];
        let set_of_antecedents =
            if consequents.count_ones() == 1 { single(consequents) } else { self.find(items, antecedents, part) };
        let set_of_consequents =
            if antecedents.count_ones() == 1 { single(antecedents) } else { self.find(items, consequents, part) };
        let (Some(antecedent_set), Some(consequent_set)) = (set_of_antecedents, set_of_consequents) else {
            debug_assert!(false, "a subset of a frequent itemset is missing");
            return (f64::NAN, None);
        };
        let count = |set: u32| self.sets.counts[set as usize];
        let counts =
            Counts { baskets: self.baskets, antecedents: count(antecedent_set), consequents: count(consequent_set), both };
        // Rules with one antecedent fewer; each of their cells already covers its own generalisations.
        let mut general = 0.0_f64;
        for bit in bits(antecedents) {
            if let Some(smaller) = without[bit] {
                let place = place(squeeze(consequents, bit), items.len() - 1);
                general = general.max(self.confidences[self.starts[smaller as usize] + place]);
            }
        }
        let confidence = counts.confidence();
        let is_wanted = confidence >= self.wanted.min_confidence && counts.lift() >= self.wanted.min_lift;
        let rule = is_wanted.then(|| Rule { set, consequents, counts, general_confidence: general, p_value: counts.p_value() });
        (general.max(confidence), rule)
    }

    fn find(&self, items: &[u32], chosen: u64, part: &mut Vec<u32>) -> Option<u32> {
        part.clear();
        part.extend(bits(chosen).map(|bit| items[bit]));
        self.index.get(part.as_slice()).copied()
    }
}

/// The positions of the bits that are set, ascending.
pub fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        (mask != 0).then(|| {
            mask &= mask - 1;
            bit
        })
    })
}

/// The subsets of one size, as bit masks in ascending order.
fn subsets(length: usize, size: usize) -> impl Iterator<Item = u64> {
    let first = (1_u64 << size) - 1;
    std::iter::successors(Some(first), |subset| {
        // The next higher number with the same number of bits set (Gosper's hack).
        let lowest = subset & subset.wrapping_neg();
        let ripple = subset + lowest;
        Some(ripple | (((subset ^ ripple) >> 2) / lowest))
    })
    .take_while(move |subset| *subset < 1 << length)
}

/// Removes the position of one item from a mask: higher bits move down by one.
fn squeeze(mask: u64, position: usize) -> u64 {
    let below = (1 << position) - 1;
    (mask & below) | ((mask >> 1) & !below)
}

/// Index of a choice of consequents among all choices for a set of `length` items, ordered by size and then by mask.
///
/// Within a size this is the combinatorial number system: the sum of C(bit, k) over the k-th bits set.
fn place(mask: u64, length: usize) -> usize {
    let size = mask.count_ones() as usize;
    let smaller: usize = (1..size).map(|size| choose(length, size)).sum();
    smaller + bits(mask).enumerate().map(|(index, bit)| choose(bit, index + 1)).sum::<usize>()
}

/// Number of choices of up to `most` consequents from a set of `length` items.
fn choices(length: usize, most: usize) -> usize {
    (1..=most.min(length)).fold(0, |sum: usize, size| sum.saturating_add(choose(length, size)))
}

fn choose(n: usize, k: usize) -> usize {
    if k > n {
        return 0;
    }
    (0..k).fold(1_usize, |all, step| all.saturating_mul(n - step) / (step + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_their_places() {
        for length in 1..8 {
            let mut expected = 0;
            for size in 1..=length {
                for subset in subsets(length, size) {
                    assert_eq!(subset.count_ones() as usize, size);
                    assert_eq!(place(subset, length), expected);
                    expected += 1;
                }
            }
            assert_eq!(expected, choices(length, length));
        }
        assert_eq!((squeeze(0b1011, 2), squeeze(0b1101, 1), squeeze(0b110, 0)), (0b111, 0b111, 0b11));
    }
}
