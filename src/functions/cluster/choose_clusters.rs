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
use crate::kernels::cluster::indices::{Candidate, Indices, highest, recommend};
use crate::kernels::cluster::{Scaling, Statistics, statistics};
use crate::kernels::control::Stop;
use crate::learning::clustering::kmeans::{INIT, MAX_ITER, N_INIT, RANDOM_STATE, Search, TOL, cluster};
use crate::learning::clustering::validity::{INDICES, Measured, index_columns, mean_silhouettes};
use crate::learning::clustering::{SCALE, count, scale};
use crate::learning::features::{
    Compute, Computing, FEATURES, FeatureSpec, Gather, KEY, Kind as FeatureKind, MISSING, Rows, WEIGHT,
};

#[derive(Debug)]
pub struct ChooseClusters;

const MIN_CLUSTERS: Argument =
    Argument::optional("min_clusters", Takes::Integer(1, 1000), "2", "smallest number of clusters to try");
const MAX_CLUSTERS: Argument =
    Argument::optional("max_clusters", Takes::Integer(1, 1000), "10", "largest number of clusters to try");

const DOC: Doc = Doc {
    name: "choose_clusters",
    kind: Kind::Relation,
    domain: "cluster",
    summary: "Runs k-means for each number of clusters and measures how good each result is.",
    description: "\
One row per number of clusters. The **recommended** number has the highest mean silhouette among those whose smallest cluster has at least 1
% of the rows; among values within 10⁻⁹ of the highest, the fewest clusters win. A few outliers in a cluster of their own have a silhouette
near 1, but say nothing about the other rows: a note reports when such a result would have won, or when nothing is recommended for this
reason. Take the recommendation as a proposal, and look at the sizes and profiles of the neighbouring numbers too.

A feature is **skewed** when its farthest value is more than twenty times as far from the median as the quartile on that side (for the
largest of a million values of a normal distribution: 7 times; of an exponential one: 19). Money amounts usually are. A note names the
skewed features; `scale => 'log'` compares ratios instead of differences.

| column | better | definition |
|---|---|---|
| `inertia` | lower, but it always falls with more clusters | sum of squared distances to the centres |
| `silhouette` | higher, −1 to 1 | mean of (b − a) / max(a, b), where a and b are a row's mean distances to its own cluster and to the nearest other one |
| `davies_bouldin` | lower | mean over the clusters of the largest ratio of widths to distance |
| `calinski_harabasz` | higher | dispersion between clusters divided by dispersion within, each divided by its degrees of freedom |

The silhouette is exact up to 16,384 rows. Beyond that it is computed on a sample of that size, drawn by the keys and `random_state`, and
the same for all numbers of clusters. Weights count in everything except the silhouette. An index is NULL where it is not defined: with one
cluster, or with as many clusters as rows.

**Cost.** That of `kmeans` for each number from `min_clusters` to `max_clusters`, over features that are read once; and the distances
between all pairs of up to 16,384 rows, computed once for all numbers. Memory is that of `kmeans`.

**Elsewhere.** In scikit-learn a loop over `KMeans` with `silhouette_score`, `davies_bouldin_score` and `calinski_harabasz_score`; the
silhouette there needs all pairs unless `sample_size` is given. R has `NbClust` and `factoextra::fviz_nbclust`; MADlib has `kmeanspp_auto`
and `simple_silhouette`, which compares with the nearest centre instead of with all rows.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row per customer"),
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
        Column { name: "n_clusters", data_type: "INT", text: "number of clusters" },
        Column { name: "inertia", data_type: "DOUBLE", text: "sum of squared distances to the centres, on scaled features" },
        Column { name: "silhouette", data_type: "DOUBLE", text: "mean silhouette" },
        Column { name: "davies_bouldin", data_type: "DOUBLE", text: "Davies-Bouldin index" },
        Column { name: "calinski_harabasz", data_type: "DOUBLE", text: "Calinski-Harabasz index" },
        Column { name: "smallest_share", data_type: "DOUBLE", text: "share of the rows in the smallest cluster" },
        Column { name: "iterations", data_type: "INT", text: "iterations of the best start" },
        Column { name: "recommended", data_type: "BOOLEAN", text: "true for at most one number" },
    ],
    examples: &["SELECT n_clusters, round(inertia, 2) AS inertia, round(silhouette, 4) AS silhouette, recommended
FROM choose_clusters((SELECT customer_id, recency_days, frequency, monetary
                      FROM rfm(sample_orders(rows => 5000), customer => customer_id, order_time => ordered_at, amount => amount)),
  key => customer_id, max_clusters => 6, random_state => 7)
ORDER BY n_clusters;"],
    source: "P. J. Rousseeuw: Silhouettes (1987); D. L. Davies, D. W. Bouldin: A Cluster Separation Measure (1979); T. Caliński, J. Harabasz: A Dendrite Method for Cluster Analysis (1974); values match scikit-learn.",
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

/// This many times as far from the median as the quartile on that side: a value out there draws a centre to itself.
const SKEWED: f64 = 20.0;

impl Choose {
    /// Notes which features are skewed.
    fn tell_skewed(&self, rows: &Rows, running: &Computing<'_>) -> Result<(), Stop> {
        let control = running.worker.control(running.worker.threads);
        let found =
            statistics(&rows.numbers, control).map_err(|failure| running.explain(failure, rows.len(), self.max_clusters))?;
        let times = |found: &Statistics| {
            let above = (found.moments.max - found.median) / (found.upper_quartile - found.median);
            let below = (found.median - found.moments.min) / (found.median - found.lower_quartile);
            above.max(below)
        };
        let names = running.wanted.of_kind(FeatureKind::Number).map(|(_, feature)| feature.name.as_str());
        let skewed: Vec<&str> = names
            .zip(&found)
            .filter(|(_, found)| times(found) > SKEWED && times(found).is_finite())
            .map(|(name, _)| name)
            .collect();
        if !skewed.is_empty() {
            let (is, it) = if skewed.len() == 1 { ("is", "its") } else { ("are", "their") };
            running.note(format!(
                "{} {is} skewed, so that a few rows with {it} largest values may become clusters of their own; try scale => 'log'",
                skewed.join(", ")
            ));
        }
        Ok(())
    }

    /// Notes why the highest silhouette is not the recommended one.
    fn tell_passed_over(&self, highest: &Candidate, is_any: bool, running: &Computing<'_>) {
        let Candidate { clusters, silhouette, smallest_share } = highest;
        let advice = match (is_any, self.search.scaling) {
            (true, _) => "",
            (false, Scaling::Log) => "; nothing is recommended, leave such rows out with WHERE",
            (false, _) => "; nothing is recommended, try scale => 'log', or leave such rows out with WHERE",
        };
        running.note(format!(
            "{clusters} clusters have the highest silhouette, {:.3}, but the smallest of them has only {:.1} % of the rows, which are outliers rather than a group{advice}",
            silhouette.unwrap_or_default(),
            100.0 * smallest_share
        ));
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
        if self.search.scaling != Scaling::Log {
            self.tell_skewed(&rows, running)?;
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
        let tried = (self.min_clusters..=self.max_clusters).zip(&silhouettes).zip(&measured);
        let candidates: Vec<Candidate> = tried
            .map(|((clusters, silhouette), one)| Candidate {
                clusters,
                silhouette: *silhouette,
                smallest_share: one.smallest_share(),
            })
            .collect();
        let best = recommend(&candidates);
        if let Some(highest) = highest(&candidates).filter(|highest| Some(*highest) != best) {
            self.tell_passed_over(&candidates[highest], best.is_some(), running);
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(candidates.iter().map(|one| one.clusters as i32).collect::<Int32Array>())];
        columns.extend(index_columns(&measured, &silhouettes));
        columns.push(Arc::new(Int32Array::from(iterations)));
        columns.push(Arc::new((0..candidates.len()).map(|place| Some(Some(place) == best)).collect::<BooleanArray>()));
        running.worker.send(Ok(columns))
    }
}
