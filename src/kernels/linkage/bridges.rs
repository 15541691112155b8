//! Bridges: edges whose removal splits a component. In a graph of records, a bridge between two larger parts is a link that
//! may be wrong.
//!
//! R. E. Tarjan: A Note on Finding the Bridges of a Graph (1974). Time and memory grow with nodes and edges; no recursion.

/// An edge whose removal would split its component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bridge {
    /// The smaller of the two nodes.
    pub a: u32,
    pub b: u32,
    /// The smallest node of the component.
    pub component: u32,
    /// The number of nodes on the side of `a` and of `b`.
    pub side_a: u32,
    pub side_b: u32,
}

/// The adjacency lists of all nodes: for each edge its other end and its number.
struct Neighbours {
    starts: Vec<u32>,
    ends: Vec<(u32, u32)>,
}

impl Neighbours {
    fn of(nodes: usize, edges: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; nodes + 1];
        for (a, b) in edges {
            starts[*a as usize + 1] += 1;
            starts[*b as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut ends = vec![(0, 0); 2 * edges.len()];
        for (number, (a, b)) in (0..).zip(edges) {
            for (from, to) in [(a, b), (b, a)] {
                ends[next[*from as usize] as usize] = (*to, number);
                next[*from as usize] += 1;
            }
        }
        Self { starts, ends }
    }
}

/// A node on the current path of the depth-first search.
struct Visit {
    node: u32,
    /// The edge by which the search arrived.
    by: u32,
    next: u32,
}

/// Finds all bridges, sorted by their ends. Parallel edges between two nodes are not bridges.
pub fn bridges(nodes: usize, edges: &[(u32, u32)]) -> Vec<Bridge> {
    const UNSEEN: u32 = u32::MAX;
    let neighbours = Neighbours::of(nodes, edges);
    // When each node was first visited, and the earliest node that it or a descendant has an edge to.
    let (mut seen, mut low, mut sizes) = (vec![UNSEEN; nodes], vec![0; nodes], vec![1_u32; nodes]);
    let mut time = 0;
    let mut found = vec![];
    for first in 0..nodes as u32 {
        if seen[first as usize] != UNSEEN {
            continue;
        }
        let begin = found.len();
        let mut way = vec![Visit { node: first, by: UNSEEN, next: neighbours.starts[first as usize] }];
        (seen[first as usize], low[first as usize]) = (time, time);
        time += 1;
        while let Some(visit) = way.last_mut() {
            let node = visit.node as usize;
            if visit.next < neighbours.starts[node + 1] {
                let (to, edge) = neighbours.ends[visit.next as usize];
                visit.next += 1;
                if edge == visit.by {
                    continue;
                }
                if seen[to as usize] == UNSEEN {
                    (seen[to as usize], low[to as usize]) = (time, time);
                    time += 1;
                    way.push(Visit { node: to, by: edge, next: neighbours.starts[to as usize] });
                } else {
                    low[node] = low[node].min(seen[to as usize]);
                }
                continue;
            }
            way.pop();
            if let Some(before) = way.last() {
                let before = before.node as usize;
                sizes[before] += sizes[node];
                low[before] = low[before].min(low[node]);
                if low[node] > seen[before] {
                    let (from, to) = (before as u32, node as u32);
                    found.push(Bridge { a: from, b: to, component: first, side_a: 0, side_b: sizes[node] });
                }
            }
        }
        for bridge in &mut found[begin..] {
            bridge.side_a = sizes[first as usize] - bridge.side_b;
            if bridge.a > bridge.b {
                (bridge.a, bridge.b) = (bridge.b, bridge.a);
                (bridge.side_a, bridge.side_b) = (bridge.side_b, bridge.side_a);
            }
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::linkage::components::Components;
    use crate::kernels::random::Random;

    /// Compared with removing each edge in turn.
    #[test]
    fn as_edges_taken_away() {
        for case in 0..300 {
            let mut random = Random::new(9, &[case]);
            let nodes = 1 + random.below(12) as u32;
            let edges: Vec<(u32, u32)> = (0..random.below(16))
                .map(|_| (random.below(u64::from(nodes)) as u32, random.below(u64::from(nodes)) as u32))
                .collect();
            let labels = |without: usize| {
                let mut components = Components::new(nodes as usize);
                for (number, (a, b)) in edges.iter().enumerate() {
                    if number != without {
                        components.join(*a, *b);
                    }
                }
                components.labels()
            };
            let whole = labels(usize::MAX);
            let mut expected = vec![];
            for (number, (a, b)) in edges.iter().enumerate() {
                let (a, b) = (*a.min(b), *a.max(b));
                let parts = labels(number);
                let size = |of: u32| parts.iter().filter(|label| **label == parts[of as usize]).count() as u32;
                if parts[a as usize] != parts[b as usize] {
                    expected.push(Bridge { a, b, component: whole[a as usize], side_a: size(a), side_b: size(b) });
                }
            }
            expected.sort_unstable();
            assert_eq!(bridges(nodes as usize, &edges), expected, "case {case}");
        }
    }
}
