//! Suppression of small cells: counts of so few persons that they reveal something about each of them.

use std::iter::once;

/// Decides which counts to hide: those above 0 and below `smallest`, and the next smallest ones (ties: the first) as long as a total tells too
/// much: it gives a single hidden count away, and the sum of several.
pub fn suppressed(counts: &[f64], smallest: u64) -> Vec<bool> {
    suppressed_in(counts, &[], smallest)
}

/// The same for counts that have other totals too: each of the `lines` has the places of counts with a total of their own, such as those of
/// a region in a table of regions and ages.
pub fn suppressed_in(counts: &[f64], lines: &[Vec<usize>], smallest: u64) -> Vec<bool> {
    let mut hidden: Vec<bool> = counts.iter().map(|count| *count > 0.0 && *count < smallest as f64).collect();
    let all: Vec<usize> = (0..counts.len()).collect();
    loop {
        let mut is_done = true;
        for line in lines.iter().chain(once(&all)) {
            while let Some(next) = next(counts, &hidden, line, smallest) {
                hidden[next] = true;
                is_done = false;
            }
        }
        if is_done {
            return hidden;
        }
    }
}

/// The count to hide so that the total of a line tells less; `None` if it tells little enough, or there is none.
fn next(counts: &[f64], hidden: &[bool], line: &[usize], smallest: u64) -> Option<usize> {
    let (gone, seen): (Vec<usize>, Vec<usize>) = line.iter().partition(|place| hidden[**place]);
    let sum: f64 = gone.iter().map(|place| counts[*place]).sum();
    if gone.is_empty() || gone.len() > 1 && sum >= smallest as f64 {
        return None;
    }
    seen.into_iter().filter(|place| counts[*place] > 0.0).min_by(|one, other| counts[*one].total_cmp(&counts[*other]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_cell_alone_takes_another_with_it() {
        for (counts, expected) in [
            (vec![10.0, 3.0, 2.0], vec![false, true, true]),
            (vec![10.0, 3.0, 7.0, 7.0], vec![false, true, true, false]),
            (vec![0.0, 3.0, 9.0], vec![false, true, true]),
            (vec![3.0, 0.0], vec![true, false]),
            (vec![5.0, 6.0], vec![false, false]),
            (vec![], vec![]),
            // Two, and a total that reveals three persons.
            (vec![10.0, 1.0, 2.0, 8.0], vec![false, true, true, true]),
        ] {
            assert_eq!(suppressed(&counts, 5), expected, "{counts:?}");
        }
    }

    #[test]
    fn no_total_of_a_table_gives_a_cell_away() {
        // Two rows of three, with the totals of rows and columns.
        let lines = [vec![0, 1, 2], vec![3, 4, 5], vec![0, 3], vec![1, 4], vec![2, 5]];
        let hidden = suppressed_in(&[10.0, 2.0, 12.0, 11.0, 20.0, 30.0], &lines, 5);
        assert_eq!(hidden, [true, true, false, true, true, false]);
        assert_eq!(suppressed_in(&[10.0, 12.0, 11.0, 20.0], &[vec![0, 1], vec![2, 3]], 5), [false; 4]);
    }
}
