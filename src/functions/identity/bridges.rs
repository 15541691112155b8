//! The relation function `bridges`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::edges::{A, B, Finds, INPUT, node_type, plan};
use super::records::{Keys, column};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};
use crate::kernels::linkage::bridges::{Bridge, bridges};

#[derive(Debug)]
pub struct Bridges;

pub const DOC: Doc = Doc {
    name: "bridges",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Finds the edges that alone hold a component together: links between persons that you should check.",
    description: "\
If a bridge is removed, its component falls into two parts. In a graph of linked records, a bridge between two larger parts often joins two
different persons: check those with the largest smaller side first, `ORDER BY least(side_a, side_b) DESC`, and put the pair into
`cannot_link` if it is wrong. An edge that occurs twice, for example by a phone and an e-mail, is not a bridge.

Edges without `a` or `b` are dropped and counted. One pass; the edges are kept in memory.

**Cost.** Time grows with the number of edges; memory too.

**Elsewhere.** networkx: `bridges`; igraph: `bridges`.",
    arguments: &[INPUT, A, B],
    columns: &[
        Column { name: "a", data_type: "as the roles", text: "the smaller end" },
        Column { name: "b", data_type: "as the roles", text: "the larger end" },
        Column { name: "component", data_type: "as the roles", text: "the smallest node of the component" },
        Column { name: "side_a", data_type: "BIGINT", text: "nodes on the side of a" },
        Column { name: "side_b", data_type: "BIGINT", text: "nodes on the side of b" },
    ],
    examples: &["SELECT a, b, side_a, side_b
FROM bridges((SELECT * FROM (VALUES (1, 2), (2, 3), (3, 1), (3, 7), (7, 8), (8, 9), (9, 7)) AS e(l, r)), a => l, b => r);"],
    source: "R. E. Tarjan: A Note on Finding the Bridges of a Graph (1974)",
    ..Doc::EMPTY
};

impl RelationFunction for Bridges {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let node = node_type(DOC.name, roles)?;
        let nodes = ["a", "b", "component"].map(|name| FieldRef::from(Field::new(name, node.clone(), false)));
        let sides = ["side_a", "side_b"].map(|name| FieldRef::from(Field::new(name, DataType::Int64, false)));
        Ok(nodes.into_iter().chain(sides).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Finds::Bridges)
    }
}

/// The bridges, each with its ends, its component and the sizes of both sides.
pub fn find(edges: &[RecordBatch], node: &DataType) -> Result<Vec<ArrayRef>> {
    let (a, b) = (column(edges, 0), column(edges, 1));
    let keys = Keys::of(a.first().map_or(node, |a| a.data_type()), &[a.as_slice(), &b].concat())?;
    let (from, to) = keys.rows.split_at(keys.rows.len() / 2);
    let edges: Vec<(u32, u32)> = from.iter().copied().zip(to.iter().copied()).collect();
    let found = bridges(keys.len(), &edges);
    let ends = |end: fn(&Bridge) -> u32| -> Result<ArrayRef> {
        let numbers: Vec<u32> = found.iter().map(end).collect();
        Ok(cast(&keys.take(&numbers)?, node)?)
    };
    let sides = |side: fn(&Bridge) -> u32| -> ArrayRef {
        Arc::new(found.iter().map(|bridge| Some(i64::from(side(bridge)))).collect::<Int64Array>())
    };
    Ok(vec![
        ends(|bridge| bridge.a)?,
        ends(|bridge| bridge.b)?,
        ends(|bridge| bridge.component)?,
        sides(|bridge| bridge.side_a),
        sides(|bridge| bridge.side_b),
    ])
}
