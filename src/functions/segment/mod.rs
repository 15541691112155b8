//! Segments (人群): groups found by clustering, how audiences overlap, and who came and went.

mod choose_clusters;
mod cluster_profile;
mod cluster_validity;
mod co_occurrence;
mod explain_segments;
mod kmeans;
mod kprototypes;
mod segment_diff;
mod segment_overlap;

use super::FunctionSet;

pub(super) fn functions() -> FunctionSet {
    FunctionSet::new("segment", "Segments: found by clustering, explained, overlap and change")
        .relation(kmeans::KMeans)
        .relation(kprototypes::KPrototypes)
        .relation(choose_clusters::ChooseClusters)
        .relation(cluster_validity::ClusterValidity)
        .relation(cluster_profile::ClusterProfile)
        .relation(explain_segments::ExplainSegments)
        .table_macro(segment_overlap::SegmentOverlap)
        .table_macro(segment_diff::SegmentDiff)
        .aggregate(co_occurrence::CoOccurrence)
}
