//! The relation function `cluster_validity`.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::learning::clustering::kmeans::RANDOM_STATE;
use crate::learning::clustering::validity::Validity;
use crate::learning::clustering::{SCALE, scaling};
use crate::learning::features::{FEATURES, FeatureSpec, Gather, KEY, MISSING};

#[derive(Debug)]
pub struct ClusterValidity;

pub const CLUSTER: Argument =
    Argument::required("cluster", Takes::Column, "group of the row: a number, a string or any other type");

const DOC: Doc = Doc {
    name: "cluster_validity",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Measures how well groups of rows are separated by their features, whatever made the groups.",
    description: "\
One row with the indices of `choose_clusters`, for existing groups: clusters from another tool, RFM segments, audiences. Centres are the
means of the groups.

**Reading it.** A silhouette near 0, or below, means that the rows of a group are as near to another group as to their own: RFM segments are
cut by rules, so theirs is usually low, which is no fault of the rules. Above 0.5 the groups are plainly apart. Compare only values over the
same features and `scale`.

**Cost.** One pass over the features, which are kept in memory; the silhouette needs the distances of all pairs, of a sample of 16,384 rows
if there are more.

**Elsewhere.** `silhouette_score`, `davies_bouldin_score` and `calinski_harabasz_score` of scikit-learn; `cluster.stats` of R's fpc.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer"),
        KEY,
        CLUSTER,
        FEATURES,
        SCALE,
        RANDOM_STATE,
        MISSING,
    ],
    columns: &[
        Column { name: "clusters", data_type: "INT", text: "number of groups" },
        Column { name: "rows", data_type: "BIGINT", text: "number of rows" },
        Column { name: "inertia", data_type: "DOUBLE", text: "sum of squared distances to the centres, on scaled features" },
        Column { name: "silhouette", data_type: "DOUBLE", text: "mean silhouette" },
        Column { name: "davies_bouldin", data_type: "DOUBLE", text: "Davies-Bouldin index" },
        Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "Calinski-Harabasz index" },
        Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest group" },
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
        Ok(Validity::columns())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = FeatureSpec::read(&call, Some(CLUSTER.name))?;
        let random_state = call.options.integer(RANDOM_STATE.name)?.unsigned_abs();
        let compute = Validity { scaling: scaling(&call.options)?, random_state };
        Gather::new(wanted, compute).over([input], call.schema)
    }
}
