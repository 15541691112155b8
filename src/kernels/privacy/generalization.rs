//! The search for the least generalisation that makes a table k-anonymous: full-domain, over the lattice of levels.
//!
//! Every column has levels, from its own values to one group with all of them; a node of the lattice is one level per column.
//! A node is valid if few enough rows are in classes smaller than k, which are suppressed. Loss is that of V. S. Iyengar
//! (2002): for a value in a group of g of m values (g − 1)/(m − 1), for a suppressed row 1 in each column; the mean over all
//! cells.
//!
//! Without suppression, the loss of a node is a sum over its columns. It is cheap to compute and a lower bound of the true
//! loss. Nodes are tried in the order of this bound; the search ends at the first node whose bound is not below the best loss
//! found. An invalid node rules out every node below it, because merging classes never makes them smaller (K. LeFevre et al.:
//! Incognito, 2005).

use std::collections::HashMap;

/// A column: how its values are grouped at each level.
#[derive(Debug, Clone)]
pub struct Levels {
    /// For each level, the group of each value; at level 0, each value is its own group.
    pub groups: Vec<Vec<u32>>,
}

impl Levels {
    /// The loss of each value at a level.
    fn losses(&self, level: usize) -> Vec<f64> {
        let Some(groups) = self.groups.get(level) else { return vec![] };
        let mut sizes: HashMap<u32, u64> = HashMap::new();
        for group in groups {
            *sizes.entry(*group).or_default() += 1;
        }
        let others = (groups.len().max(2) - 1) as f64;
        groups.iter().map(|group| (sizes.get(group).copied().unwrap_or(1) - 1) as f64 / others).collect()
    }
}

/// What the generalised table must fulfil.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The least number of rows in a class.
    pub k: u64,
    /// The most rows that may be suppressed.
    pub suppressed: u64,
}

/// The generalisation that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The level of each column.
    pub levels: Vec<usize>,
    /// Whether each combination of values is kept.
    pub kept: Vec<bool>,
    /// The number of suppressed rows.
    pub suppressed: u64,
    /// The number of classes that are kept.
    pub classes: u64,
    /// Σ size² over the kept classes, plus the number of all rows for each suppressed row (R. J. Bayardo, R. Agrawal: 2005).
    pub discernibility: u128,
    /// The mean loss per cell, from 0 to 1.
    pub loss: f64,
}

/// The most nodes of a lattice.
pub const MOST_NODES: usize = 1_000_000;

/// The number of nodes in the lattice.
pub fn nodes(columns: &[Levels]) -> usize {
    columns.iter().fold(1, |nodes: usize, column| nodes.saturating_mul(column.groups.len()))
}

/// Finds the generalisation with the least loss; `None` if not even the coarsest is valid.
///
/// `values` holds, for each column, the value of each combination; `rows` holds the number of rows of each combination. Ties go to the
/// node that is tried first: the one with the lower bound, then with the lower levels. `check` is called before each node is evaluated;
/// its error ends the search.
///
/// # Errors
/// That of `check`.
pub fn search<E>(
    columns: &[Levels],
    values: &[Vec<u32>],
    rows: &[u64],
    wanted: Wanted,
    mut check: impl FnMut() -> Result<(), E>,
) -> Result<Option<Chosen>, E> {
    let all: u64 = rows.iter().sum();
    let cells = all as f64 * columns.len().max(1) as f64;
    // The loss of each level if nothing is suppressed.
    let of_levels: Vec<Vec<f64>> = columns
        .iter()
        .zip(values)
        .map(|(column, values)| {
            let of_level = |level| {
                let losses = column.losses(level);
                let weighted =
                    values.iter().zip(rows).map(|(value, rows)| losses.get(*value as usize).unwrap_or(&1.0) * *rows as f64);
                weighted.sum::<f64>() / cells
            };
            (0..column.groups.len()).map(of_level).collect()
        })
        .collect();
    let mut lattice: Vec<(f64, Vec<usize>)> = vec![(0.0, vec![])];
    for levels in &of_levels {
        let grown = lattice.iter().flat_map(|(bound, node)| {
            levels.iter().enumerate().map(move |(level, loss)| {
                let mut node = node.clone();
                node.push(level);
                (bound + loss, node)
            })
        });
        lattice = grown.collect();
    }
    lattice.sort_by(|(one, node), (other, with)| one.total_cmp(other).then_with(|| node.cmp(with)));
    let mut best: Option<Chosen> = None;
    let mut failed: Vec<Vec<usize>> = vec![];
    for (bound, node) in lattice {
        if best.as_ref().is_some_and(|best| bound >= best.loss) {
            break;
        }
        let is_below = |above: &Vec<usize>| node.iter().zip(above).all(|(own, above)| own <= above);
        if failed.iter().any(is_below) {
            continue;
        }
        check()?;
        match evaluate(columns, values, rows, wanted, node) {
            Ok(chosen) => {
                if best.as_ref().is_none_or(|best| chosen.loss < best.loss) {
                    best = Some(chosen);
                }
            }
            Err(node) => {
                // Only the highest invalid nodes are kept: they rule out everything below the others too.
                failed.retain(|other| !other.iter().zip(&node).all(|(other, own)| other <= own));
                failed.push(node);
            }
        }
    }
    Ok(best)
}

/// Evaluates a node; an invalid node is returned as the error.
fn evaluate(
    columns: &[Levels],
    values: &[Vec<u32>],
    rows: &[u64],
    wanted: Wanted,
    node: Vec<usize>,
) -> Result<Chosen, Vec<usize>> {
    let classes = classes(columns, values, rows.len(), &node);
    let mut sizes = vec![0_u64; classes.iter().copied().max().map_or(0, |most| most as usize + 1)];
    for (class, rows) in classes.iter().zip(rows) {
        if let Some(size) = sizes.get_mut(*class as usize) {
            *size += rows;
        }
    }
    let suppressed: u64 = sizes.iter().filter(|size| **size < wanted.k).sum();
    if suppressed > wanted.suppressed {
        return Err(node);
    }
    let kept: Vec<bool> = classes.iter().map(|class| sizes.get(*class as usize).is_some_and(|size| *size >= wanted.k)).collect();
    let losses: Vec<Vec<f64>> = columns.iter().zip(&node).map(|(column, level)| column.losses(*level)).collect();
    let mut lost = suppressed as f64 * columns.len() as f64;
    for (losses, values) in losses.iter().zip(values) {
        for ((value, rows), kept) in values.iter().zip(rows).zip(&kept) {
            if *kept {
                lost += losses.get(*value as usize).unwrap_or(&1.0) * *rows as f64;
            }
        }
    }
    let all: u64 = rows.iter().sum();
    let large = sizes.iter().filter(|size| **size >= wanted.k);
    let squares: u128 = large.clone().map(|size| u128::from(*size) * u128::from(*size)).sum();
    Ok(Chosen {
        levels: node,
        kept,
        suppressed,
        classes: large.count() as u64,
        discernibility: squares + u128::from(suppressed) * u128::from(all),
        loss: lost / (all.max(1) as f64 * columns.len().max(1) as f64),
    })
}

/// The class of each combination at a node, numbered from 0.
fn classes(columns: &[Levels], values: &[Vec<u32>], combinations: usize, node: &[usize]) -> Vec<u32> {
    let mut classes = vec![0_u32; combinations];
    let mut known: HashMap<(u32, u32), u32> = HashMap::new();
    for ((column, values), level) in columns.iter().zip(values).zip(node) {
        let Some(groups) = column.groups.get(*level) else { continue };
        known.clear();
        for (class, value) in classes.iter_mut().zip(values) {
            let next = known.len() as u32;
            let group = groups.get(*value as usize).copied().unwrap_or(0);
            *class = *known.entry((*class, group)).or_insert(next);
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::kernels::random::Random;

    fn halving(values: u32) -> Levels {
        let mut groups = vec![(0..values).collect::<Vec<u32>>()];
        let mut width = 2;
        while width < values * 2 {
            groups.push((0..values).map(|value| value / width).collect());
            width *= 2;
        }
        Levels { groups }
    }

    fn found(columns: &[Levels], values: &[Vec<u32>], rows: &[u64], wanted: Wanted) -> Option<Chosen> {
        search(columns, values, rows, wanted, || Ok::<(), Infallible>(())).unwrap()
    }

    #[test]
    fn the_best_of_all_nodes_is_found() {
        let mut random = Random::new(11, &[]);
        for round in 0..300 {
            let count = 1 + random.below(3) as usize;
            let columns: Vec<Levels> = (0..count).map(|_| halving(1 + random.below(9) as u32)).collect();
            let combinations = 1 + random.below(30) as usize;
            let values: Vec<Vec<u32>> = columns
                .iter()
                .map(|column| (0..combinations).map(|_| random.below(column.groups[0].len() as u64) as u32).collect())
                .collect();
            let rows: Vec<u64> = (0..combinations).map(|_| 1 + random.below(4)).collect();
            let all: u64 = rows.iter().sum();
            let wanted = Wanted { k: 1 + random.below(6), suppressed: random.below(all / 3 + 1) };
            let mut best: Option<Chosen> = None;
            let mut node = vec![0; count];
            'nodes: loop {
                if let Ok(chosen) = evaluate(&columns, &values, &rows, wanted, node.clone())
                    && best.as_ref().is_none_or(|best| chosen.loss < best.loss)
                {
                    best = Some(chosen);
                }
                for place in 0..count {
                    node[place] += 1;
                    if node[place] < columns[place].groups.len() {
                        continue 'nodes;
                    }
                    node[place] = 0;
                }
                break;
            }
            let own = found(&columns, &values, &rows, wanted);
            assert_eq!(own.as_ref().map(|own| own.suppressed <= wanted.suppressed), best.as_ref().map(|_| true), "{round}");
            if let (Some(own), Some(best)) = (own, best) {
                assert!((own.loss - best.loss).abs() < 1e-12, "{round}: {own:?} {best:?}");
            }
        }
    }

    #[test]
    fn too_few_rows_have_no_answer() {
        assert_eq!(found(&[halving(2)], &[vec![0, 1]], &[1, 1], Wanted { k: 3, suppressed: 0 }), None);
        let all = found(&[halving(2)], &[vec![0, 1]], &[1, 1], Wanted { k: 3, suppressed: 2 }).unwrap();
        assert_eq!((all.levels, all.suppressed, all.loss, all.discernibility), (vec![0], 2, 1.0, 4));
    }
}
