//! Tests of the search, against counting every itemset.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::kernels::control::unlimited::control;
use crate::kernels::itemsets::baskets::{Baskets, ItemMaps, gather};
use crate::kernels::itemsets::curve::{Curve, small};
use crate::kernels::itemsets::database::{Selection, Threshold};
use crate::kernels::itemsets::itemsets::{Itemsets, Portions};
use crate::kernels::itemsets::runs::{Key, Packer};
use crate::kernels::random::Random;

type Found = BTreeMap<Vec<u32>, u32>;

const ITEMS: u32 = 10;

fn packed(rows: &[u32]) -> Vec<Baskets> {
    let mut packer = Packer::new(0);
    for (basket, row) in (0..).zip(rows) {
        for item in (0..ITEMS).filter(|item| row >> item & 1 == 1) {
            packer.push(Key { group: 0, basket }, item);
        }
    }
    gather(packer.finish(), false, &ItemMaps::default(), control(1)).unwrap()
}

fn mine(
    rows: &[u32],
    min_count: u32,
    make_goal: &dyn Fn(&Database<'_>) -> Goal,
    first: Option<&[bool]>,
    workers: usize,
) -> Found {
    let (groups, maps) = (packed(rows), ItemMaps::default());
    let threshold = Threshold::Count(min_count.into());
    let selection = Selection { items: ITEMS as usize, threshold, max_basket_size: 99, first };
    let control = control(workers);
    let mut database = Database::count(&groups[0], &maps, selection, control).unwrap();
    let goal = make_goal(&database);
    let keep_places = goal.target != Target::Frequent || goal.consequents.is_some();
    database.fill(&groups[0], &maps, selection, keep_places, control).unwrap();
    let found = Mutex::new(Found::new());
    let left = AtomicU64::new(u64::MAX);
    let sinks = search(&database, &goal, control, || {
        Portions::new(&database, goal.target, goal.max_len, &left, 7, |sets: Itemsets| {
            let mut found = found.lock().unwrap();
            for set in 0..sets.len() {
                assert!(sets.get(set).is_sorted());
                assert_eq!(found.insert(sets.get(set).to_vec(), sets.counts[set]), None, "{:?} twice", sets.get(set));
            }
            Ok(())
        })
    });
    sinks.unwrap().into_iter().for_each(|sink| sink.finish().unwrap());
    let found = found.into_inner().unwrap();
    if goal.target != Target::Maximal {
        let curve = Curve::count(&database, &goal, 1 << 20, control).unwrap();
        for count in min_count..min_count + 5 {
            let expected = found.values().filter(|found| **found >= count).count();
            assert_eq!(curve.at(count), Some(expected as u64));
        }
        let few = Curve::count(&database, &goal, 5, control).unwrap();
        let at_least = |count: u32| found.values().filter(|found| **found >= count).count() as u64;
        // Antecedents wanted at a low threshold may not be wanted at a higher one that no consequent reaches.
        let is_constrained = goal.consequents.is_some();
        assert!(is_constrained || few.at(few.known_from) == Some(at_least(few.known_from)));
        assert!(
            is_constrained || at_least(few.known_from) <= 5 && (few.known_from == min_count || at_least(few.known_from - 1) > 5)
        );
        assert!(is_constrained || few.least().is_none_or(|(count, sets)| sets == at_least(count)));
    }
    if goal.target == Target::Frequent && goal.consequents.is_none() && goal.max_len == usize::MAX {
        let counts = [min_count, min_count + 2];
        for (count, small) in counts.iter().zip(small(&database, &counts, control).unwrap()) {
            let sets_of = |length: usize| found.iter().filter(|(set, found)| set.len() == length && *found >= count).count();
            assert_eq!((small.items, small.pairs), (sets_of(1) as u64, sets_of(2) as u64), "{rows:?} {count}");
            assert!(found.values().filter(|found| *found >= count).count() as f64 <= small.itemsets_at_most);
        }
    }
    found
}

/// Applies the definition: counts every set of items over all rows.
fn all(rows: &[u32], min_count: u32) -> BTreeMap<u32, u32> {
    let count = |set: u32| rows.iter().filter(|row| **row & set == set).count() as u32;
    (1..1 << ITEMS).map(|set| (set, count(set))).filter(|(_, count)| *count >= min_count).collect()
}

fn named(sets: impl Iterator<Item = (u32, u32)>) -> Found {
    sets.map(|(set, count)| ((0..ITEMS).filter(|item| set >> item & 1 == 1).collect(), count)).collect()
}

fn each_case(mut check: impl FnMut(&[u32], u32, usize)) {
    let mut random = Random::new(11, &[]);
    for case in 0..150 {
        // From sparse to dense, with items that are in every row or always occur together.
        let density = 100 + 120 * (case % 7);
        let size = random.between(1, 40) as usize;
        let mut row = || {
            let row: u32 = (0..ITEMS).map(|item| u32::from(random.per_mille(density)) << item).sum();
            let twins = (row & 1) << 1;
            let row = if case % 3 == 0 { (row & !2) | twins } else { row };
            (if case % 5 == 0 { row | 0b1_0000 } else { row }).max(1)
        };
        let rows: Vec<u32> = (0..size).map(|_| row()).collect();
        check(&rows, 1 + (case % 4) as u32, 1 + case as usize % 3);
    }
}

#[test]
fn every_target_is_as_defined() {
    each_case(|rows, min_count, workers| {
        let all = all(rows, min_count);
        let is_subset = |set: u32, other: u32| set != other && set & other == set;
        for max_len in [1, 2, 3, usize::MAX] {
            let short = |set: &u32| set.count_ones() as usize <= max_len;
            let goal = |target| move |_: &Database<'_>| Goal::all(target, max_len);
            let frequent = all.iter().filter(|(set, _)| short(set)).map(|(set, count)| (*set, *count));
            assert_eq!(mine(rows, min_count, &goal(Target::Frequent), None, workers), named(frequent));
            let closed = all
                .iter()
                .filter(|(set, count)| short(set) && !all.iter().any(|(other, more)| is_subset(**set, *other) && more == *count));
            let closed = named(closed.map(|(set, count)| (*set, *count)));
            assert_eq!(mine(rows, min_count, &goal(Target::Closed), None, workers), closed, "{rows:?} {min_count}");
            let maximal = all.iter().filter(|(set, _)| short(set) && !all.keys().any(|other| is_subset(**set, *other)));
            let maximal = named(maximal.map(|(set, count)| (*set, *count)));
            assert_eq!(mine(rows, min_count, &goal(Target::Maximal), None, workers), maximal, "{rows:?} {min_count}");
        }
    });
}

#[test]
fn constraints_leave_out_only_what_no_rule_needs() {
    let (mut needed, mut left_out) = (0, 0);
    each_case(|rows, min_count, workers| {
        let all = all(rows, min_count);
        let (consequents, antecedents, most) = (0b10_0100_0001_u32, 0b01_1011_1010_u32, 1);
        for (max_len, with_antecedents) in [(2, false), (3, true), (usize::MAX, false), (usize::MAX, true)] {
            let goal = |database: &Database<'_>| {
                let by_rank = |mask: u32| database.items.iter().map(|item| mask >> item.code & 1 == 1).collect::<Vec<bool>>();
                let scarce = by_rank(!antecedents);
                Goal {
                    consequents: Some(by_rank(consequents)),
                    scarce: with_antecedents.then_some((scarce, most)),
                    ..Goal::all(Target::Frequent, max_len)
                }
            };
            let first: Vec<bool> = (0..ITEMS).map(|item| consequents >> item & 1 == 1).collect();
            let found = mine(rows, min_count, &goal, Some(&first), workers);
            let every = named(all.iter().map(|(set, count)| (*set, *count)));
            for (set, count) in &found {
                assert_eq!(every.get(set), Some(count), "{set:?}");
            }
            // The sets that make up the rules with one consequent must all be found.
            for set in all.keys().filter(|set| set.count_ones() as usize <= max_len && set.count_ones() > 1) {
                for consequent in (0..ITEMS).map(|item| 1 << item).filter(|item| set & item != 0 && consequents & item != 0) {
                    let rest = set & !consequent;
                    if with_antecedents && rest & !antecedents != 0 {
                        continue;
                    }
                    for part in [*set, rest, consequent] {
                        assert!(named([(part, 0)].into_iter()).keys().all(|part| found.contains_key(part)), "{rows:?} {part:b}");
                        needed += 1;
                    }
                }
            }
            left_out += all.len() - found.len();
        }
    });
    assert!(needed > 10_000 && left_out > 10_000, "{needed} {left_out}");
}
