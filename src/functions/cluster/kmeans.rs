//! The relation function `kmeans`.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column as ColumnName, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::Step;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::control::Stop;
use crate::learning::clustering::kmeans::{How, INIT, MAX_ITER, N_CLUSTERS, N_INIT, RANDOM_STATE, TOL, cluster};
use crate::learning::clustering::{SCALE, cluster_columns, count, scale, scale_spilled, tell_empty};
use crate::learning::features::{
    Compute, Computing, FEATURES, Feature, FeatureSpec, Gather, KEY, MISSING, Rows, Scaled, WEIGHT, key_column,
};

#[derive(Debug)]
pub struct KMeans;

const CENTROIDS: Argument = Argument::optional(
    "centroids",
    Takes::Relation,
    "",
    "start from these centres instead: one row per cluster, one column per feature with the same name, not scaled",
);

const DOC: Doc = Doc {
    name: "kmeans",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Groups similar rows: k-means clustering.",
    description: "\
Each row is assigned to the nearest of `n_clusters` centres, and each centre moves to the mean of its rows, until nothing changes. The sum
of squared distances, the *inertia*, falls with each step. `cluster_id` counts from 1, the largest cluster first (by weight; ties: the
smaller centre first).

**Features** are integers, decimals and floats, read as DOUBLE. Naming a date or text column is an error: convert it to a number. By
default, all number columns except the key and the weight are features. If a number column is only an identifier or a code, exclude it by
giving `features`.

**Reproducible.** The result depends only on the rows and `random_state`, and is identical to the last bit for any order of rows,
partitions, batches and threads. Sums are exact; starts are drawn by the keys of the rows. Ties go to the first centre. A cluster that loses
its last row gets the row farthest from its centre. With fewer distinct points than clusters, the last clusters have no rows; a note says
so.

**Starts.** The first start is greedy k-means++ over all rows. The other starts begin with the result of the best of 24 complete runs on a
sample of about 2,000 rows (8 runs with more than 20 clusters). This costs less than a start over a million rows, and gives a better result.

**Cost.** The features are kept in memory, 8 bytes per value, with the keys and about 30 bytes per row. Bounds avoid most distance
computations after the first steps. Features beyond the memory limit go to a temporary file that each step reads again, with the same result
(not with `scale => 'robust'` or `missing => 'mean'`); EXPLAIN ANALYZE shows `spilled_bytes`.

**Elsewhere.** `KMeans` of scikit-learn, with the same names; there you scale first (`StandardScaler`), labels count from 0 in no order, and
the result can differ between numbers of threads. R's `kmeans` uses the algorithm of Hartigan and Wong and one random start unless `nstart`
is given. MADlib has `kmeanspp`, BigQuery `model_type = 'KMEANS'`, Spark `KMeans`. DuckDB and PostgreSQL have none.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer"),
        CENTROIDS,
        KEY,
        N_CLUSTERS,
        FEATURES,
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
        Column { name: "(key)", data_type: "of the key", text: "key of the row, under the column's own name" },
        Column { name: "cluster_id", data_type: "INT", text: "cluster of the row, from 1; the largest cluster first" },
        Column { name: "distance", data_type: "DOUBLE", text: "Euclidean distance to the centre, on scaled features" },
    ],
    examples: &[
        "SELECT cluster_id, count(*) AS customers, round(avg(distance), 3) AS distance
FROM kmeans((SELECT customer_id, recency_days, frequency, monetary
             FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
  key => customer_id, n_clusters => 4, random_state => 7)
GROUP BY cluster_id ORDER BY cluster_id;",
        "SELECT cluster_id, count(*) AS points
FROM kmeans((SELECT * FROM (VALUES (1, 1.0, 1.0), (2, 1.5, 2.0), (3, 9.0, 8.0), (4, 8.5, 9.0)) AS t(id, x, y)),
  key => id, n_clusters => 2, features => [x, y], scale => 'none',
  centroids => (SELECT * FROM (VALUES (0.0, 0.0), (10.0, 10.0)) AS c(x, y)))
GROUP BY cluster_id ORDER BY cluster_id;",
    ],
    source: "S. P. Lloyd: Least Squares Quantization in PCM (1982); D. Arthur, S. Vassilvitskii: k-means++ (2007); P. S. Bradley, U. M. Fayyad: Refining Initial Points for K-Means Clustering (1998); names, and the rules for tol and for empty clusters, follow scikit-learn.",
    ..Doc::EMPTY
};

impl RelationFunction for KMeans {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        clustered(roles)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let (mut wanted, input) = FeatureSpec::read(&call, None)?;
        wanted.may_spill = true;
        let how = How::read(&call.options, count(&call.options, N_CLUSTERS.name)?)?;
        let centroids = call.others.iter().find(|(name, _)| *name == CENTROIDS.name);
        let inputs = match centroids {
            Some((_, centroids)) => vec![input, doubles(call.doc, centroids, &wanted.features)?],
            None => vec![input],
        };
        Gather::new(wanted, Label(how)).over(inputs, call.schema)
    }
}

/// The columns of a clustering: key, cluster, distance.
pub fn clustered(roles: &Roles) -> Result<Vec<FieldRef>> {
    let column = |name: &str, data_type: DataType| FieldRef::from(Field::new(name, data_type, false));
    Ok(vec![key_column(roles)?, column("cluster_id", DataType::Int32), column("distance", DataType::Float64)])
}

/// The columns of a relation that have the features' names, as DOUBLE.
fn doubles(doc: &Doc, relation: &LogicalPlan, features: &[Feature]) -> Result<LogicalPlan> {
    let columns = features.iter().map(|feature| {
        let found = relation.schema().iter().find(|(_, field)| *field.name() == feature.name);
        match found {
            Some((qualifier, field)) if field.data_type().is_numeric() => {
                let column = Expr::Column(ColumnName::from((qualifier, field)));
                Ok(cast(column, DataType::Float64).alias(&feature.name))
            }
            Some((_, field)) => {
                Err(invalid(doc.name, format!("centroids: {} must be a number, got {}", feature.name, field.data_type())))
            }
            None => Err(invalid(doc.name, format!("centroids must have a column {}, as it is a feature", feature.name))),
        }
    });
    LogicalPlanBuilder::from(relation.clone()).project(columns.collect::<Result<Vec<_>>>()?)?.build()
}

/// The initial centres given in a call, scaled as the rows are.
fn given(how: &How, scaled: &Scaled, running: &Computing<'_>) -> Result<Option<Vec<f64>>, Stop> {
    let Some(given) = running.given else { return Ok(None) };
    if given.len() != how.n_clusters {
        return Err(running.refuse(format!("centroids has {} rows, but n_clusters is {}", given.len(), how.n_clusters)));
    }
    let centre =
        |centre: &Vec<f64>| centre.iter().enumerate().map(|(column, value)| scaled.scale(column, *value)).collect::<Vec<_>>();
    Ok(Some(given.iter().flat_map(centre).collect()))
}

/// Assigns each row to its cluster.
#[derive(Debug, Serialize, Deserialize)]
pub struct Label(How);

impl Plain for Label {
    const NAME: &'static str = "KMeans";
}

impl Compute for Label {
    fn compute(&self, mut rows: Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let how = &self.0;
        let assigned = match rows.spilled.take() {
            None => {
                let scaled = scale(&mut rows, how.search.scaling, running)?;
                cluster(&rows.numbers, &rows, how.n_clusters, &how.search, given(how, &scaled, running)?, running)?.assigned
            }
            Some(mut spilled) => {
                let scaled = scale_spilled(&mut spilled, how.search.scaling, running)?;
                cluster(&spilled, &rows, how.n_clusters, &how.search, given(how, &scaled, running)?, running)?.assigned
            }
        };
        tell_empty(&assigned.labels, &assigned.squared_distances, how.n_clusters, running);
        running
            .send_by_key(&rows.keys, |range| cluster_columns(&assigned.labels[range.clone()], &assigned.squared_distances[range]))
    }
}
