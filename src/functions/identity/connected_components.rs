//! The relation function `connected_components`.

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::edges::{A, B, Finds, INPUT, node_type, plan};
use super::records::{Keys, column};
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Column, Doc, Kind};
use crate::kernels::linkage::components::{Components, of_integers};

#[derive(Debug)]
pub struct ConnectedComponents;

pub const DOC: Doc = Doc {
    name: "connected_components",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Finds the nodes that are connected by a chain of edges: for example, turns pairs of records into persons.",
    description: "\
Two nodes are in one component if a chain of edges leads from one to the other; edges have no direction. A component is named by its
smallest node, so the result depends neither on the order of the edges nor on how often an edge occurs. To list a node that has no edge, add
an edge from the node to itself.

Edges without `a` or `b` are dropped and counted. Numbers of different types are compared as BIGINT.

**Cost.** One pass; the edges are kept in memory. Exact, without iterations: a million edges take about a third of a second.

**Elsewhere.** networkx: `connected_components`; igraph: `components`; Spark GraphFrames: `connectedComponents`; in PostgreSQL a recursive
CTE, which gets slow with long chains; MADlib: `weakly_connected_components`.",
    arguments: &[INPUT, A, B],
    columns: &[
        Column { name: "node", data_type: "as the roles", text: "the node; each node has one row" },
        Column { name: "component", data_type: "as the roles", text: "the smallest node of its component" },
    ],
    examples: &["SELECT node, component
FROM connected_components((SELECT * FROM (VALUES (1, 2), (2, 3), (8, 9)) AS e(l, r)), a => l, b => r)
ORDER BY node;", "SELECT size, count(*) AS components
FROM (SELECT component, count(*) AS size
  FROM connected_components((
    SELECT a.customer_id AS a, b.customer_id AS b FROM sample_customers(rows => 1000) AS a JOIN sample_customers(rows => 1000) AS b
    ON clean_phone(a.phone) = clean_phone(b.phone) AND a.customer_id < b.customer_id), a => a, b => b)
  GROUP BY component)
GROUP BY size ORDER BY size;"],
    source: "R. E. Tarjan, J. van Leeuwen: Worst-case Analysis of Set Union Algorithms (1984)",
    ..Doc::EMPTY
};

impl RelationFunction for ConnectedComponents {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let node = node_type(DOC.name, roles)?;
        Ok(["node", "component"].map(|name| FieldRef::from(Field::new(name, node.clone(), false))).to_vec())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Finds::Components)
    }
}

/// The nodes, and the component of each.
pub fn find(edges: &[RecordBatch], node: &DataType) -> Result<Vec<ArrayRef>> {
    let (a, b) = (column(edges, 0), column(edges, 1));
    if a.first().is_some_and(|a| *a.data_type() == DataType::Int64) {
        let integers = |columns: &[ArrayRef]| -> Vec<i64> {
            columns.iter().flat_map(|column| column.as_primitive::<Int64Type>().values().iter().copied()).collect()
        };
        let (nodes, components) = of_integers(&integers(&a), &integers(&b));
        let column = |values: Vec<i64>| cast(&Int64Array::from(values), node);
        return Ok(vec![column(nodes)?, column(components)?]);
    }
    let keys = Keys::of(a.first().map_or(node, |a| a.data_type()), &[a.as_slice(), &b].concat())?;
    let mut components = Components::new(keys.len());
    let (from, to) = keys.rows.split_at(keys.rows.len() / 2);
    for (a, b) in from.iter().zip(to) {
        components.join(*a, *b);
    }
    let components = keys.take(&components.labels())?;
    Ok(vec![cast(&keys.values, node)?, cast(&components, node)?])
}
