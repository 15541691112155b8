//! Flows between nodes, from left to right: a node is one column to the right of the last node that flows into it, and its height is the flow
//! through it.
//!
//! Within a column nodes are ordered by the positions of their neighbours (the barycentre heuristic of Sugiyama, Tagawa and Toda,
//! 1981), in a few passes in both directions, so that few flows cross.

use maud::html;

use super::label::{SIZE, label};
use super::number::{compact, exact, px, real};
use super::style::look;
use super::svg::{Drawing, MARGIN, Room};
use super::text::{elide_pixels, pixels};
use super::{Chart, ChartError};

const NODE: f64 = 12.0;
const GAP: f64 = 10.0;

#[derive(Debug)]
struct Node {
    name: String,
    column: usize,
    through: f64,
    y: f64,
    height: f64,
}

#[derive(Debug)]
struct Link {
    from: usize,
    to: usize,
    value: f64,
    /// Its upper edges at both ends, and how thick it is.
    from_y: f64,
    to_y: f64,
    thick: f64,
}

pub(super) fn draw(chart: &Chart, room: Room) -> Result<Drawing, ChartError> {
    let (mut nodes, mut links) = graph(chart)?;
    let columns = order(&nodes, &links);
    let top = room.top + 8.0;
    let deepest = columns.iter().map(Vec::len).max().unwrap_or(1);
    let height = room.height().max(real(deepest) * 24.0);
    place(&mut nodes, &mut links, &columns, top, height);
    let step = (room.width - 2.0 * MARGIN - NODE) / real(columns.len().saturating_sub(1).max(1));
    let x = |node: usize| MARGIN + step * real(nodes[node].column);
    let body = html! {
        @for link in &links {
            g class=(look(link.from)) {
                g class="tint" {
                    path class="mark" tabindex=[room.focus] d=(ribbon(link, x(link.from) + NODE, x(link.to))) {
                        title { (nodes[link.from].name) " → " (nodes[link.to].name) ": " (exact(link.value)) }
                    }
                }
            }
        }
        @for (index, node) in nodes.iter().enumerate() {
            g class=(look(index)) {
                rect class="fill node" x=(px(x(index))) y=(px(node.y)) width=(px(NODE)) height=(px(node.height.max(1.0))) {
                    title { (node.name) ": " (exact(node.through)) }
                }
            }
            @let last = node.column + 1 == columns.len();
            @let whole = format!("{} {}", node.name, compact(node.through, chart.language));
            @let room = step - NODE - 12.0;
            @let shown = if pixels(&whole, SIZE) <= room { whole.clone() } else { elide_pixels(&node.name, room, SIZE) };
            @let at = if last { x(index) - 5.0 } else { x(index) + NODE + 5.0 };
            (label(at, node.y + node.height / 2.0 + 4.0, if last { "halo end" } else { "halo" }, &shown, &whole))
        }
    };
    Ok(Drawing { body, height: top + height + MARGIN })
}

/// Nodes in the order they are first named, each in its column, and the links between them.
fn graph(chart: &Chart) -> Result<(Vec<Node>, Vec<Link>), ChartError> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut find = |name: &str| {
        nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            nodes.push(Node { name: name.to_owned(), column: 0, through: 0.0, y: 0.0, height: 0.0 });
            nodes.len() - 1
        })
    };
    let links: Vec<Link> = chart
        .links
        .iter()
        .map(|(from, to, value)| Link { from: find(from), to: find(to), value: *value, from_y: 0.0, to_y: 0.0, thick: 0.0 })
        .collect();
    // The longest path to a node has fewer links than there are nodes, unless there is a cycle.
    for round in 0..=nodes.len() {
        let mut has_moved = false;
        for link in &links {
            if nodes[link.to].column <= nodes[link.from].column {
                nodes[link.to].column = nodes[link.from].column + 1;
                has_moved = true;
            }
        }
        if !has_moved {
            break;
        }
        // The node that moved last may only follow the circle.
        if round == nodes.len()
            && let Some(node) = (0..nodes.len()).find(|&node| returns(node, &links))
        {
            return Err(ChartError::new(format!(
                "a sankey chart flows one way, but there is a circle through '{}': number the steps, as in '1 home', '2 search'",
                nodes[node].name
            )));
        }
    }
    for (index, node) in nodes.iter_mut().enumerate() {
        let sum = |end: fn(&Link) -> usize| links.iter().filter(|link| end(link) == index).map(|link| link.value).sum::<f64>();
        node.through = sum(|link| link.to).max(sum(|link| link.from));
    }
    Ok((nodes, links))
}

/// Whether a node can be reached from itself.
fn returns(node: usize, links: &[Link]) -> bool {
    let mut reached = vec![node];
    let mut next = 0;
    while let Some(&from) = reached.get(next) {
        for link in links.iter().filter(|link| link.from == from) {
            if link.to == node {
                return true;
            }
            if !reached.contains(&link.to) {
                reached.push(link.to);
            }
        }
        next += 1;
    }
    false
}

/// The nodes of each column from top to bottom.
fn order(nodes: &[Node], links: &[Link]) -> Vec<Vec<usize>> {
    let last = nodes.iter().map(|node| node.column).max().unwrap_or(0);
    let mut columns: Vec<Vec<usize>> =
        (0..=last).map(|column| (0..nodes.len()).filter(|&node| nodes[node].column == column).collect()).collect();
    let mut rank = vec![0.0; nodes.len()];
    for round in 0..6 {
        for column in &columns {
            for (index, &node) in column.iter().enumerate() {
                rank[node] = (real(index) + 0.5) / real(column.len());
            }
        }
        let forth = round % 2 == 0;
        let mut wanted = rank.clone();
        for (node, wanted) in wanted.iter_mut().enumerate() {
            let (mut sum, mut weight) = (0.0, 0.0);
            for link in links {
                let (here, there) = if forth { (link.to, link.from) } else { (link.from, link.to) };
                if here == node {
                    sum += rank[there] * link.value;
                    weight += link.value;
                }
            }
            if weight > 0.0 {
                *wanted = sum / weight;
            }
        }
        for column in &mut columns {
            column.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
        }
    }
    columns
}

/// Gives nodes and links their heights: one scale for all, set by the fullest column.
fn place(nodes: &mut [Node], links: &mut [Link], columns: &[Vec<usize>], top: f64, height: f64) {
    let scale = columns
        .iter()
        .map(|column| {
            let sum: f64 = column.iter().map(|&node| nodes[node].through).sum();
            let free = (height - GAP * real(column.len().saturating_sub(1))).max(1.0);
            if sum > 0.0 { free / sum } else { f64::INFINITY }
        })
        .fold(f64::INFINITY, f64::min);
    let scaled = |value: f64| if scale.is_finite() { value * scale } else { 0.0 };
    for column in columns {
        let used: f64 = column.iter().map(|&node| scaled(nodes[node].through)).sum();
        let gap = ((height - used) / real(column.len())).min(40.0);
        let mut y = top + (height - used - gap * real(column.len().saturating_sub(1))) / 2.0;
        for &node in column {
            nodes[node].y = y;
            nodes[node].height = scaled(nodes[node].through);
            y += nodes[node].height + gap;
        }
    }
    // At each end, links are in the order of the nodes they lead to, so they do not cross right away.
    for outwards in [true, false] {
        let mut order: Vec<usize> = (0..links.len()).collect();
        order.sort_by(|&a, &b| {
            let far = |link: &Link| nodes[if outwards { link.to } else { link.from }].y;
            far(&links[a]).total_cmp(&far(&links[b]))
        });
        let mut used = vec![0.0; nodes.len()];
        for index in order {
            let link = &mut links[index];
            link.thick = scaled(link.value);
            let node = if outwards { link.from } else { link.to };
            let y = nodes[node].y + used[node];
            if outwards {
                link.from_y = y;
            } else {
                link.to_y = y;
            }
            used[node] += link.thick;
        }
    }
}

/// A band between two nodes, horizontal at both ends.
fn ribbon(link: &Link, left: f64, right: f64) -> String {
    let middle = px(f64::midpoint(left, right));
    let (from, to) = (link.from_y, link.to_y);
    let (left, right) = (px(left), px(right));
    let (lower_from, lower_to) = (px(from + link.thick), px(to + link.thick));
    let (from, to) = (px(from), px(to));
    format!(
        "M{left} {from}C{middle} {from} {middle} {to} {right} {to}V{lower_to}C{middle} {lower_to} {middle} {lower_from} {left} {lower_from}z"
    )
}
