//! Audiences (人群): how segments overlap, and who entered and left them.

mod co_occurrence;
mod segment_diff;
mod segment_overlap;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("audience", "Audiences: overlap and change of segments")
        .table_macro(segment_overlap::SegmentOverlap)
        .table_macro(segment_diff::SegmentDiff)
        .aggregate(co_occurrence::CoOccurrence)
}
