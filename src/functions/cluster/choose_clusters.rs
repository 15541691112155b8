//! The relation function `choose_clusters`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::cluster::indices::{Indices, recommend};
use crate::kernels::control::Stop;
use crate::learning::clustering::kmeans::{INIT, MAX_ITER, N_INIT, RANDOM_STATE, Search, TOL, cluster};
use crate::learning::clustering::validity::{INDICES, Measured, index_columns, mean_silhouettes};
use crate::learning::clustering::{SCALE, count, scale};
use crate::learning::features::{Compute, Computing, FEATURES, FeatureSpec, Gather, KEY, MISSING, Rows, WEIGHT};

#[derive(Debug)]
pub struct ChooseClusters;

const MIN_CLUSTERS: Argument = Argument::optional("min_clusters", Takes::Integer(1, 1000), "2", "the fewest clusters to try");
const MAX_CLUSTERS: Argument = Argument::optional("max_clusters", Takes::Integer(1, 1000), "10", "the most");

const DOC: Doc = Doc {
    name: "choose_clusters",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Clusters with k-means for each number of clusters, and says how good each is.",
    description: "\
One row a number of clusters. The **recommended** one has the highest mean silhouette; of those within 10⁻⁹ of it the fewest clusters. It is
a proposal: look at the sizes and profiles of its neighbours too.

| column | better | definition |
|---|---|---|
| `inertia` | less, but it always falls with more clusters | the sum of squared distances to the centres |
| `silhouette` | more, −1 to 1 | mean of (b − a) / max(a, b), of a row's mean distances a to its own cluster and b to the nearest other one |
| `davies_bouldin` | less | mean over the clusters of the largest ratio of widths to distance |
| `calinski_harabasz` | more | dispersion between over within clusters, each by its degrees of freedom |

The silhouette is exact up to 16,384 rows, beyond it is that of a sample of so many, the same for all numbers of clusters, drawn by the keys and
`random_state`. Weights count in all but the silhouette. NULL where an index is not defined: with one cluster, or as many as rows.",
    arguments: &[
        Argument::required("input", Takes::Relation, "a row each customer"),
        KEY,
        FEATURES,
        MIN_CLUSTERS,
        MAX_CLUSTERS,
        SCALE,
        INIT,
        N_INIT,
        MAX_ITER,
        TOL,
        RANDOM_STATE,
        WEIGHT,
        MISSING,
    ],
    columns: &[
        Column { name: "n_clusters", data_type: "INT", text: "how many" },
        Column { name: "inertia", data_type: "DOUBLE", text: "of scaled features" },
        Column { name: "silhouette", data_type: "DOUBLE", text: "mean" },
        Column { name: "davies_bouldin", data_type: "DOUBLE", text: "index" },
        Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "index" },
        Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest cluster" },
        Column { name: "iterations", data_type: "INT", text: "of the best start" },
        Column { name: "recommended", data_type: "BOOLEAN", text: "true for one number" },
    ],
    examples: &["SELECT n_clusters, round(inertia, 2) AS inertia, round(silhouette, 4) AS silhouette, recommended
FROM choose_clusters((SELECT customer_id, recency_days, frequency, monetary
                      FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
  key => customer_id, max_clusters => 6, random_state => 7)
ORDER BY n_clusters;"],
    source: "P. J. Rousseeuw: Silhouettes (1987); D. L. Davies, D. W. Bouldin: A Cluster Separation Measure (1979); T. Caliński, J. Harabasz: A Dendrite Method for Cluster Analysis (1974); values as scikit-learn's.",
    ..Doc::EMPTY
};

impl RelationFunction for ChooseClusters {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let column = |name: &str, data_type: DataType| FieldRef::from(Field::new(name, data_type, true));
        let mut columns = vec![column("n_clusters", DataType::Int32)];
        columns.extend(INDICES.map(|(name, data_type)| column(name, data_type)));
        columns.extend([column("iterations", DataType::Int32), column("recommended", DataType::Boolean)]);
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (wanted, input) = FeatureSpec::read(&call, None)?;
        let (least, most) = (count(&call.options, MIN_CLUSTERS.name)?, count(&call.options, MAX_CLUSTERS.name)?);
        if least > most {
            return Err(invalid(DOC.name, format!("min_clusters is {least}, above max_clusters, {most}")));
        }
        let compute = Choose { min_clusters: least, max_clusters: most, search: Search::read(&call.options)? };
        Gather::new(wanted, compute).over([input], call.schema)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Choose {
    min_clusters: usize,
    max_clusters: usize,
    search: Search,
}

impl Plain for Choose {
    const NAME: &'static str = "ChooseClusters";
}

impl Compute for Choose {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let control = running.worker.control(running.worker.threads);
        if self.max_clusters > rows.len() {
            let (most, rows) = (self.max_clusters, rows.len());
            return Err(
                running.refuse(format!("{most} clusters cannot be made of {rows} rows; give max_clusters of at most {rows}"))
            );
        }
        scale(&mut rows, self.search.scaling, running)?;
        let (mut measured, mut iterations) = (vec![], vec![]);
        for clusters in self.min_clusters..=self.max_clusters {
            let clustering = cluster(&rows.numbers, &rows, clusters, &self.search, None, running)?;
            let weights = rows.weights.as_deref();
            let indices =
                Indices::new(&rows.numbers, &clustering.assigned.labels, Some(&clustering.centres), clusters, weights, control)
                    .map_err(|stop| running.stopped(stop))?;
            iterations.push(clustering.iterations as i32);
            measured.push(Measured { indices, labels: clustering.assigned.labels });
        }
        running.show("silhouettes".into());
        let labelings: Vec<&[u32]> = measured.iter().map(|one| one.labels.as_slice()).collect();
        let silhouettes = mean_silhouettes(&rows, &labelings, self.search.random_state, running)?;
        let candidates: Vec<(usize, Option<f64>)> =
            (self.min_clusters..=self.max_clusters).zip(silhouettes.iter().copied()).collect();
        let best = recommend(&candidates);
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(candidates.iter().map(|(clusters, _)| *clusters as i32).collect::<Int32Array>())];
        columns.extend(index_columns(&measured, &silhouettes));
        columns.push(Arc::new(Int32Array::from(iterations)));
        columns.push(Arc::new((0..candidates.len()).map(|place| Some(Some(place) == best)).collect::<BooleanArray>()));
        running.worker.send(Ok(columns))
    }
}
