//! The relation function `kprototypes`.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use super::kmeans::clustered;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::learning::clustering::kmeans::{INIT_RUNS, N_CLUSTERS, RANDOM_STATE};
use crate::learning::clustering::kprototypes::{GAMMA, How, MOST_PASSES, fit};
use crate::learning::clustering::{SCALE, cluster_columns, tell_empty};
use crate::learning::features::{Compute, Computing, FeatureSpec, Gather, KEY, MISSING, MIXED_FEATURES, Rows, WEIGHT};

#[derive(Debug)]
pub struct KPrototypes;

const DOC: Doc = Doc {
    name: "kprototypes",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Groups similar rows by numbers and categories: k-prototypes clustering, or k-modes with categories only.",
    description: "\
The prototype of a cluster is the mean of its numbers and the most frequent value of each category (ties: the first in their order). The
cost of a row is its squared distance to the mean plus `gamma` for each category that differs; rows go to the cluster where they cost least.
After that, single rows are moved as long as the total cost falls. Up to 20,000 rows, one prototype at a time is then moved elsewhere, until
4 `n_clusters` such attempts in a row bring no improvement. `cluster_id` counts from 1, the cluster with most rows first.

**Features** are numbers, read as DOUBLE and scaled, and categories: text and booleans. A number that is only a code, such as a region code,
becomes a category with `CAST(… AS VARCHAR)`. By default, every column of these types except the key and the weight is a feature.

**Reproducible**: as in `kmeans`.

**Formula.** The cost of a row x in a cluster with means m and modes c is Σ (x − m)² over the scaled numbers + `gamma` · (number of
categories where x ≠ c). A larger `gamma` makes the groups purer in their categories and wider in their numbers.

**Cost.** Rows, clusters and features multiply in each pass. All rows are in memory: 8 bytes per number, 4 per category, and the key. Single
rows are moved one after another, so this takes longer than `kmeans` on numbers alone, and above 20,000 rows the search stops at a first
good result.

**Elsewhere.** `KPrototypes` and `KModes` of Python's kmodes; `kproto` of R's clustMixType (its `lambda` is `gamma`), `daisy` and `pam` for
Gower's distance. scikit-learn, DuckDB and PostgreSQL have nothing for mixed columns; encoding categories as 0 and 1 for `kmeans` gives a
category with many values more weight.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer"),
        KEY,
        N_CLUSTERS,
        MIXED_FEATURES,
        GAMMA,
        SCALE,
        INIT_RUNS,
        MOST_PASSES,
        RANDOM_STATE,
        WEIGHT,
        MISSING,
    ],
    columns: &[
        Column { name: "(key)", data_type: "of the key", text: "key of the row, under the column's own name" },
        Column { name: "cluster_id", data_type: "INT", text: "cluster of the row, from 1; the largest cluster first" },
        Column { name: "distance", data_type: "DOUBLE", text: "square root of the cost of the row" },
    ],
    examples: &["SELECT cluster_id, count(*) AS customers
FROM kprototypes((SELECT customer_id, age, city_tier, gender FROM sample_customers(rows => 500) WHERE age BETWEEN 1 AND 110),
  key => customer_id, n_clusters => 3, random_state => 7, missing => 'mean')
GROUP BY cluster_id ORDER BY cluster_id;"],
    source: "Z. Huang: Clustering Large Data Sets with Mixed Numeric and Categorical Values (1997); J. A. Hartigan, M. A. Wong: A K-Means Clustering Algorithm (1979), moves of single rows; P. Fränti: Efficiency of Random Swap Clustering (2018); gamma follows the Python package kmodes.",
    ..Doc::EMPTY
};

impl RelationFunction for KPrototypes {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        clustered(roles)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = FeatureSpec::read(&call, None)?;
        Gather::new(wanted, Label(How::read(&call.options)?)).over([input], call.schema)
    }
}

/// Assigns each row to its cluster.
#[derive(Debug, Serialize, Deserialize)]
pub struct Label(How);

impl Plain for Label {
    const NAME: &'static str = "KPrototypes";
}

impl Compute for Label {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let fitted = fit(&mut rows, &self.0, running)?;
        let assignment = &fitted.fit.assignment;
        tell_empty(&assignment.labels, &assignment.distances, self.0.n_clusters, running);
        running.send_by_key(&rows.keys, |range| cluster_columns(&assignment.labels[range.clone()], &assignment.distances[range]))
    }
}
