//! Segments (人群): how audiences overlap, and who came and went.

mod co_occurrence;
mod segment_diff;
mod segment_overlap;

use super::FunctionSet;

pub(super) fn functions() -> FunctionSet {
    FunctionSet::new("segment", "Segments: overlap and change")
        .table_macro(segment_overlap::SegmentOverlap)
        .table_macro(segment_diff::SegmentDiff)
        .aggregate(co_occurrence::CoOccurrence)
}
