//! RFM: who bought recently, often and for a large amount.
//!
//! ```text
//! input ─▶ roles, dates in range ─▶ usable rows ─▶ aggregate by customer ─▶ scores over all customers ─▶ segment
//!          (reach the scan)         (counted)       (measures: spills,       (score: order statistics,    (scheme)
//!                                                    in parallel)            no sort)
//! ```
//! [`score`](crate::kernels::score) and [`scheme`](crate::kernels::scheme) are plain algorithms; `options` reads the call for both relation functions.
//!
//! Literature: A. M. Hughes, Strategic Database Marketing (1994), for the method; the segment grid of `standard` is the
//! one in common use since Putler (R against the mean of F and M), completed so that it covers every cell.

mod bins;
mod customers;
mod measures;
mod options;
#[expect(clippy::module_inception, reason = "the function is named as its domain")]
mod rfm;
mod schemes;
mod segment;
mod step;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("rfm", "RFM: recency, frequency, monetary value")
        .relation(rfm::Rfm)
        .relation(bins::RfmBins)
        .relation(schemes::RfmScheme)
        .scalar(segment::RfmSegment)
        .step::<step::ScoreCustomers>()
        .step::<step::ScoreBins>()
        .internal_aggregate::<measures::Measures>()
}
