//! Suppression of small cells: counts of so few persons that they reveal something about each of them.

/// Decides which counts to hide: those above 0 and below `smallest`. If that is a single one, it could be derived from the total, so the
/// next smallest count is hidden too (ties: the first).
pub fn suppressed(counts: &[f64], smallest: u64) -> Vec<bool> {
    let mut hidden: Vec<bool> = counts.iter().map(|count| *count > 0.0 && *count < smallest as f64).collect();
    if hidden.iter().filter(|hidden| **hidden).count() == 1 {
        let others = counts.iter().enumerate().filter(|(place, count)| !hidden[*place] && **count > 0.0);
        if let Some((next, _)) = others.min_by(|(_, one), (_, other)| one.total_cmp(other)) {
            hidden[next] = true;
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::suppressed;

    #[test]
    fn a_small_cell_alone_takes_another_with_it() {
        for (counts, expected) in [
            (vec![10.0, 3.0, 2.0], vec![false, true, true]),
            (vec![10.0, 3.0, 7.0, 7.0], vec![false, true, true, false]),
            (vec![0.0, 3.0, 9.0], vec![false, true, true]),
            (vec![3.0, 0.0], vec![true, false]),
            (vec![5.0, 6.0], vec![false, false]),
            (vec![], vec![]),
        ] {
            assert_eq!(suppressed(&counts, 5), expected, "{counts:?}");
        }
    }
}
