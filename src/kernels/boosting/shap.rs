//! Computes the contribution of each feature to a tree's prediction.
//!
//! S. Lundberg, G. Erion, S.-I. Lee: Consistent Individualized Feature Attribution for Tree Ensembles (2018), algorithm 2:
//! Shapley values, where a test of an unknown feature follows both branches, weighted by their training rows.

use super::tree::Tree;

#[derive(Debug, Clone, Copy)]
struct Step {
    feature: Option<usize>,
    /// The share of rows that reach the node if the feature is unknown.
    zero: f64,
    /// 1 if the row itself reaches the node, otherwise 0.
    one: f64,
    weight: f64,
}

/// Adds the Shapley values of a row in this tree to `added`, which has one entry per feature.
pub fn add(tree: &Tree, row: &[u8], added: &mut [f64]) {
    if !tree.is_leaf(0) {
        walk(tree, row, added, 0, vec![], Step { feature: None, zero: 1.0, one: 1.0, weight: 0.0 });
    }
}

fn walk(tree: &Tree, row: &[u8], added: &mut [f64], node: usize, mut path: Vec<Step>, step: Step) {
    extend(&mut path, step);
    if tree.is_leaf(node) {
        for at in 1..path.len() {
            let Step { feature, zero, one, .. } = path[at];
            if let Some(feature) = feature {
                added[feature] += unwound(&path, at) * (one - zero) * tree.value[node];
            }
        }
        return;
    }
    let feature = tree.feature[node] as usize;
    let (mut zero, mut one) = (1.0, 1.0);
    // A feature that was already tested on the path is undone and merged with this test, so that it counts once.
    if let Some(at) = path.iter().position(|step| step.feature == Some(feature)) {
        (zero, one) = (path[at].zero, path[at].one);
        unwind(&mut path, at);
    }
    let hot = tree.next(node, row);
    let left = tree.left[node] as usize;
    let share = |child: usize| tree.rows[child] as f64 / tree.rows[node] as f64;
    for child in [left, left + 1] {
        let one = if child == hot { one } else { 0.0 };
        let step = Step { feature: Some(feature), zero: zero * share(child), one, weight: 0.0 };
        walk(tree, row, added, child, path.clone(), step);
    }
}

/// Appends a step. The weight at index i becomes the summed weight of all subsets with i of the path's features known.
fn extend(path: &mut Vec<Step>, step: Step) {
    let length = path.len();
    path.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let count = (length + 1) as f64;
    for at in (0..length).rev() {
        path[at + 1].weight += step.one * path[at].weight * (at + 1) as f64 / count;
        path[at].weight = step.zero * path[at].weight * (length - at) as f64 / count;
    }
}

/// Removes a step, which undoes its [`extend`].
fn unwind(path: &mut Vec<Step>, out: usize) {
    let last = path.len() - 1;
    let count = path.len() as f64;
    let Step { zero, one, .. } = path[out];
    let mut next = path[last].weight;
    for at in (0..last).rev() {
        if one == 0.0 {
            path[at].weight = path[at].weight * count / (zero * (last - at) as f64);
        } else {
            let weight = path[at].weight;
            path[at].weight = next * count / ((at + 1) as f64 * one);
            next = weight - path[at].weight * zero * (last - at) as f64 / count;
        }
    }
    for at in out..last {
        let following = path[at + 1];
        path[at] = Step { weight: path[at].weight, ..following };
    }
    path.pop();
}

/// The sum of the path's weights with one step removed.
fn unwound(path: &[Step], out: usize) -> f64 {
    let last = path.len() - 1;
    let count = path.len() as f64;
    let Step { zero, one, .. } = path[out];
    let (mut next, mut total) = (path[last].weight, 0.0);
    for at in (0..last).rev() {
        if one == 0.0 {
            total += path[at].weight * count / (zero * (last - at) as f64);
        } else {
            let weight = next * count / ((at + 1) as f64 * one);
            total += weight;
            next = path[at].weight - weight * zero * (last - at) as f64 / count;
        }
    }
    total
}
