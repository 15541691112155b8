//! Connected components: nodes that are connected by a chain of edges form one component, named by the smallest of them.
//!
//! Union by the smaller number with path halving (R. E. Tarjan, J. van Leeuwen: Worst-case Analysis of Set Union Algorithms,
//! 1984). The result does not depend on the order of the edges.

/// A union-find structure.
#[derive(Debug)]
pub struct Components {
    parents: Vec<u32>,
}

impl Components {
    /// Each node is a component of its own.
    pub fn new(nodes: usize) -> Self {
        Self { parents: (0..nodes as u32).collect() }
    }

    /// The smallest node of the component of `node`.
    pub fn find(&mut self, mut node: u32) -> u32 {
        loop {
            let parent = self.parents[node as usize];
            if parent == node {
                return node;
            }
            let next = self.parents[parent as usize];
            self.parents[node as usize] = next;
            node = next;
        }
    }

    /// Joins the components of two nodes, and returns the smallest node of both.
    pub fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.find(a), self.find(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    /// The smallest node of each node's component.
    pub fn labels(mut self) -> Vec<u32> {
        // A parent is never larger than its node, so earlier entries are already final.
        for node in 0..self.parents.len() {
            self.parents[node] = self.parents[self.parents[node] as usize];
        }
        self.parents
    }
}

/// The components of a graph with edges `(a[i], b[i])`: the nodes in ascending order, and the smallest node of each one's component.
pub fn of_integers(a: &[i64], b: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let both = || a.iter().chain(b);
    let Some((least, most)) = both().min().zip(both().max()) else { return (vec![], vec![]) };
    let range = most.abs_diff(*least);
    if range / 8 <= a.len() as u64 && range < u64::from(u32::MAX) { dense(a, b, *least, range as usize) } else { sparse(a, b) }
}

/// For integers close to one another: an array indexed by their distance from the least.
fn dense(a: &[i64], b: &[i64], least: i64, range: usize) -> (Vec<i64>, Vec<i64>) {
    const UNSEEN: u32 = u32::MAX;
    let place = |value: i64| value.abs_diff(least) as usize;
    let mut components = Components { parents: vec![UNSEEN; range + 1] };
    for value in a.iter().chain(b) {
        components.parents[place(*value)] = place(*value) as u32;
    }
    for (a, b) in a.iter().zip(b) {
        components.join(place(*a) as u32, place(*b) as u32);
    }
    let (mut nodes, mut labels) = (vec![], vec![]);
    for node in 0..=range {
        let parent = components.parents[node];
        if parent != UNSEEN {
            components.parents[node] = components.parents[parent as usize];
            nodes.push(least.wrapping_add_unsigned(node as u64));
            labels.push(least.wrapping_add_unsigned(u64::from(components.parents[node])));
        }
    }
    (nodes, labels)
}

/// For all others: integers are numbered in ascending order, so the smallest number in a component is its smallest integer.
fn sparse(a: &[i64], b: &[i64]) -> (Vec<i64>, Vec<i64>) {
    let mut ends: Vec<(i64, u32)> = a.iter().chain(b).copied().zip(0..).collect();
    ends.sort_unstable();
    let mut nodes: Vec<i64> = vec![];
    let mut places = vec![0; ends.len()];
    for (value, end) in ends {
        if nodes.last() != Some(&value) {
            nodes.push(value);
        }
        places[end as usize] = nodes.len() as u32 - 1;
    }
    let mut components = Components::new(nodes.len());
    let (from, to) = places.split_at(a.len());
    for (a, b) in from.iter().zip(to) {
        components.join(*a, *b);
    }
    let labels = components.labels().into_iter().map(|node| nodes[node as usize]).collect();
    (nodes, labels)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernels::random::Random;

    /// Labels are passed along edges until nothing changes.
    fn naive(a: &[i64], b: &[i64]) -> BTreeMap<i64, i64> {
        let mut labels: BTreeMap<i64, i64> = a.iter().chain(b).map(|node| (*node, *node)).collect();
        loop {
            let before = labels.clone();
            for (a, b) in a.iter().zip(b) {
                let least = labels[a].min(labels[b]);
                labels.insert(*a, least);
                labels.insert(*b, least);
            }
            if labels == before {
                return labels;
            }
        }
    }

    #[test]
    fn as_labels_passed_along() {
        for case in 0..300 {
            let mut random = Random::new(7, &[case]);
            let (edges, range) = (random.below(40), [10, 50, 1000, i64::MAX as u64][random.below(4) as usize]);
            let low = [0, -5, i64::MIN, i64::MAX - 20][random.below(4) as usize];
            let end = |random: &mut Random| low.saturating_add_unsigned(random.below(range));
            let a: Vec<i64> = (0..edges).map(|_| end(&mut random)).collect();
            let b: Vec<i64> = (0..edges).map(|_| end(&mut random)).collect();
            let (nodes, labels) = of_integers(&a, &b);
            assert_eq!(nodes.into_iter().zip(labels).collect::<BTreeMap<_, _>>(), naive(&a, &b), "case {case}");
        }
    }

    #[test]
    fn a_long_chain() {
        let a: Vec<i64> = (0..200_000).rev().collect();
        let b: Vec<i64> = a.iter().map(|node| node + 1).collect();
        let (nodes, labels) = of_integers(&a, &b);
        assert_eq!(nodes.len(), 200_001);
        assert!(labels.iter().all(|label| *label == 0));
    }
}
