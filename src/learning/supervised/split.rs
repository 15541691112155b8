//! Splits rows into training and holdout, and into folds for cross-validation. Rows with the same key always stay together, except in a
//! split by time.

use super::table::Table;
use crate::kernels::random::mix;

/// How the held-out rows are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// At random, with the same shares of the classes.
    Random,
    /// The latest rows, whatever their keys.
    Time,
    /// No holdout.
    None,
}

/// Splits into training rows and held-out rows, which are about `share` of all.
pub fn holdout(table: &Table, split: Split, share: f64, is_class: bool, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let is_held: Vec<bool> = match split {
        Split::None => vec![false; table.len()],
        Split::Random => {
            let lots = lots(table, is_class, seed);
            let mut is_held = vec![false; table.len()];
            for stratum in lots {
                let wanted = (stratum.rows.len() as f64 * share).round() as usize;
                let mut taken = 0;
                for group in stratum.each() {
                    if taken >= wanted {
                        break;
                    }
                    group.iter().for_each(|row| is_held[*row as usize] = true);
                    taken += group.len();
                }
            }
            is_held
        }
        Split::Time => {
            let times = table.times.as_deref().unwrap_or_default();
            let mut sorted = times.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            let first = sorted.len() - (sorted.len() as f64 * share).round() as usize;
            // Rows with the same time stay together. If all times are equal, nothing is held out.
            match sorted.get(first) {
                Some(cut) if *cut > sorted[0] => times.iter().map(|time| time >= cut).collect(),
                _ => vec![false; table.len()],
            }
        }
    };
    (0..table.len() as u32).partition(|row| !is_held[*row as usize])
}

/// The fold of each row, numbered from 0.
pub fn folds(table: &Table, number: usize, is_class: bool, seed: u64) -> Vec<usize> {
    let mut fold_of = vec![0; table.len()];
    let lots = lots(table, is_class, mix(seed ^ 0x666f_6c64));
    for (next, group) in lots.iter().flat_map(Groups::each).enumerate() {
        group.iter().for_each(|row| fold_of[*row as usize] = next % number);
    }
    fold_of
}

/// Rows in groups.
#[derive(Default)]
struct Groups {
    rows: Vec<u32>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Groups {
    fn each(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.rows[start..*end])
    }
}

/// The rows of each key, in random order of the keys, in two strata: keys without the positive class, and keys with it.
fn lots(table: &Table, is_class: bool, seed: u64) -> [Groups; 2] {
    // The lot and the row as one integer: these are sorted fast. Different keys have different lots.
    let lot = |(row, group): (u128, &u64)| u128::from(mix(group ^ mix(seed))) << 32 | row;
    let mut sorted: Vec<u128> = (0..).zip(&table.groups).map(lot).collect();
    sorted.sort_unstable();
    let mut strata = [Groups::default(), Groups::default()];
    for rows in sorted.chunk_by(|one, next| one >> 32 == next >> 32) {
        let rows = || rows.iter().map(|lot| *lot as u32);
        let is_positive = is_class && rows().any(|row| table.target[row as usize] > 0.5);
        let stratum = &mut strata[usize::from(is_positive)];
        stratum.rows.extend(rows());
        stratum.ends.push(stratum.rows.len());
    }
    strata
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(groups: Vec<u64>, target: Vec<f64>) -> Table {
        let times = Some((0..target.len()).map(|row| (row / 3) as f64).collect());
        Table { groups, target, times, ..Table::default() }
    }

    #[test]
    fn shares_of_the_classes_stay_and_keys_stay_together() {
        // 100 customers with two rows each; one in five has the positive class.
        let groups: Vec<u64> = (0..200).map(|row| mix(row / 2)).collect();
        let target: Vec<f64> = (0..200).map(|row| f64::from(u8::from(row / 2 % 5 == 0))).collect();
        let table = table(groups.clone(), target.clone());
        let (train, held) = holdout(&table, Split::Random, 0.3, true, 7);
        assert_eq!((train.len(), held.len()), (140, 60));
        assert_eq!(held.iter().filter(|row| target[**row as usize] > 0.5).count(), 12);
        let is_held = |group: u64| held.iter().any(|row| groups[*row as usize] == group);
        assert!(train.iter().all(|row| !is_held(groups[*row as usize])));
        assert_ne!(holdout(&table, Split::Random, 0.3, true, 8).1, held);

        let folds = folds(&table, 5, true, 7);
        for fold in 0..5 {
            let rows: Vec<usize> = (0..200).filter(|row| folds[*row] == fold).collect();
            assert_eq!((rows.len(), rows.iter().filter(|row| target[**row] > 0.5).count()), (40, 8));
        }
        assert!((0..100).all(|customer| folds[2 * customer] == folds[2 * customer + 1]));
    }

    #[test]
    fn the_latest_are_held_out_and_times_stay_together() {
        // Ten customers, each with an early, a later and a late row: their keys do not matter.
        let table = table((0..30).map(|row| row % 10).collect(), vec![0.0; 30]);
        let (train, held) = holdout(&table, Split::Time, 0.25, false, 0);
        // 7.5 rows would be held out; each time has three rows.
        assert_eq!((train.len(), held), (21, (21..30).collect::<Vec<u32>>()));
        let one_time = Table { times: Some(vec![1.0; 30]), ..table };
        assert_eq!(holdout(&one_time, Split::Time, 0.25, false, 0).1.len(), 0);
    }
}
