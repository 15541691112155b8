//! The time until something happens: until customers leave, come back or pay.
//!
//! ```text
//! input ─▶ usable rows ─▶ counts per (group, duration, event) ─▶ curve or test over the groups
//!          (counted)      (aggregate: spills, in parallel)       (survival: a step over the counts)
//! ```

mod input;
mod log_rank;
mod survival_curve;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("survival", "How long until something happens")
        .relation(survival_curve::SurvivalCurve)
        .relation(log_rank::LogRank)
        .step::<survival_curve::Curves>()
        .step::<log_rank::Test>()
}
