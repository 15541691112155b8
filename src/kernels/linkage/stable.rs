//! Stable ids: an id stays with the person that has most of its records.
//!
//! If several persons have records of an id, the one with the most keeps it (ties: the one with the smallest record). If a person could
//! keep several ids, it keeps the one with the most records (ties: the smallest). All other persons get new ids, above every id ever
//! used.

use std::cmp::Reverse;
use std::collections::HashSet;

/// Assigns ids to persons. `persons` holds the smallest record of each record's person, `before` the previous id of each record, if any,
/// and `last` the highest id ever used. Returns an id per record.
pub fn stable_ids(persons: &[u32], before: &[Option<i64>], last: i64) -> Vec<i64> {
    let mut held: Vec<(i64, u32)> = persons.iter().zip(before).filter_map(|(person, id)| Some(((*id)?, *person))).collect();
    held.sort_unstable();
    let mut claims: Vec<(Reverse<usize>, i64, u32)> =
        held.chunk_by(|a, b| a == b).map(|same| (Reverse(same.len()), same[0].0, same[0].1)).collect();
    claims.sort_unstable();
    let mut ids: Vec<Option<i64>> = vec![None; persons.len()];
    let mut given = HashSet::new();
    for (_, id, person) in claims {
        if ids[person as usize].is_none() && !given.contains(&id) {
            ids[person as usize] = Some(id);
            given.insert(id);
        }
    }
    let mut next = last;
    persons
        .iter()
        .map(|person| {
            *ids[*person as usize].get_or_insert_with(|| {
                next = next.saturating_add(1);
                next
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_part_keeps_the_id() {
        // 1 is split into {0} and {1, 2}; 2 and 3 merge; {5} is new.
        let persons = [0, 1, 1, 3, 3, 5];
        let before = [Some(1), Some(1), Some(1), Some(2), Some(3), None];
        assert_eq!(stable_ids(&persons, &before, 9), [10, 1, 1, 2, 2, 11]);
        assert_eq!(stable_ids(&[0, 0, 2], &[None, None, None], 0), [1, 1, 2]);
    }
}
