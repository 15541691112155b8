//! The relation function `cluster_validity`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int32Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::cluster::Scaling;
use crate::kernels::cluster::indices::Indices;
use crate::kernels::control::Stop;
use crate::learning::clustering::kmeans::RANDOM_STATE;
use crate::learning::clustering::validity::{INDICES, Measured, index_columns, mean_silhouettes};
use crate::learning::clustering::{SCALE, scale, scaling};
use crate::learning::features::{Compute, Computing, FEATURES, Gather, KEY, MISSING, Rows, Wanted};

#[derive(Debug)]
pub struct ClusterValidity;

pub const CLUSTER: Argument =
    Argument::required("cluster", Takes::Column, "which cluster a row is in; a number, a text, anything");

const DOC: Doc = Doc {
    name: "cluster_validity",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Says how well groups of rows are kept apart by their features, wherever the groups come from.",
    description: "\
One row with the indices of `choose_clusters`, of groups that are there already: clusters of another tool, the levels of RFM, segments. Centres are the
means of the groups.",
    arguments: &[
        Argument::required("input", Takes::Relation, "a row each customer"),
        KEY,
        CLUSTER,
        FEATURES,
        SCALE,
        RANDOM_STATE,
        MISSING,
    ],
    columns: &[
        Column { name: "clusters", data_type: "INT", text: "how many" },
        Column { name: "rows", data_type: "BIGINT", text: "of all" },
        Column { name: "inertia", data_type: "DOUBLE", text: "of scaled features" },
        Column { name: "silhouette", data_type: "DOUBLE", text: "mean" },
        Column { name: "davies_bouldin", data_type: "DOUBLE", text: "index" },
        Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "index" },
        Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest cluster" },
    ],
    examples: &["SELECT clusters, rows, round(silhouette, 4) AS silhouette
FROM cluster_validity((SELECT customer_id, segment, recency_days, frequency, monetary
                       FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
  key => customer_id, cluster => segment);"],
    source: "as in choose_clusters",
    ..Doc::EMPTY
};

impl RelationFunction for ClusterValidity {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let column = |name: &str, data_type: DataType| FieldRef::from(Field::new(name, data_type, true));
        let mut columns = vec![column("clusters", DataType::Int32), column("rows", DataType::Int64)];
        columns.extend(INDICES.map(|(name, data_type)| column(name, data_type)));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = Wanted::read(&call, Some(CLUSTER.name))?;
        let random_state = call.options.integer(RANDOM_STATE.name)?.unsigned_abs();
        let compute = Judge { scaling: scaling(&call.options)?, random_state };
        Gather::new(wanted, compute).over([input], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Judge {
    #[serde(rename = "scale")]
    scaling: Scaling,
    random_state: u64,
}

impl Plain for Judge {
    const NAME: &'static str = "ClusterValidity";
}

impl Compute for Judge {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let control = running.worker.control(running.worker.threads);
        scale(&mut rows, self.scaling, running)?;
        let label = rows.label.take().unwrap_or_default();
        let clusters = label.values.len();
        let indices =
            Indices::new(&rows.numbers, &label.codes, None, clusters, None, control).map_err(|stop| running.stopped(stop))?;
        let silhouettes = mean_silhouettes(&rows, &[&label.codes], self.random_state, running)?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![clusters as i32])), Arc::new(Int64Array::from(vec![rows.len() as i64]))];
        columns.extend(index_columns(&[Measured { indices, labels: vec![] }], &silhouettes));
        running.worker.send(Ok(columns))
    }
}
