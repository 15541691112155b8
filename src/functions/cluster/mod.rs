//! Clustering (聚类): groups found in the rows, how many there should be, how good they are, and what sets each apart.

mod choose_clusters;
mod cluster_profile;
mod cluster_validity;
mod explain_segments;
mod kmeans;
mod kprototypes;

use crate::adapter::FunctionSet;
use crate::learning::clustering::validity::Validity;
use crate::learning::features::Gather;

pub fn functions() -> FunctionSet {
    FunctionSet::new("cluster", "Clustering: groups found, counted, measured and explained")
        .relation(kmeans::KMeans)
        .relation(kprototypes::KPrototypes)
        .relation(choose_clusters::ChooseClusters)
        .relation(cluster_validity::ClusterValidity)
        .relation(cluster_profile::ClusterProfile)
        .relation(explain_segments::ExplainSegments)
        .step::<Gather<kmeans::Label>>()
        .step::<Gather<kprototypes::Label>>()
        .step::<Gather<choose_clusters::Choose>>()
        .step::<Gather<Validity>>()
        .step::<Gather<cluster_profile::Describe>>()
        .step::<Gather<explain_segments::Explain>>()
}
