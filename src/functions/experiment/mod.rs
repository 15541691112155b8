//! Controlled experiments: group assignment, evaluation, uplift by tag, and sample sizes.
//!
//! ```text
//! input ─▶ usable rows ─▶ exact sums per (segment, group) ─▶ comparison of each group with the control
//!          (counted)      (aggregate: merges, in parallel)   (experiment_result: a step over the sums)
//! ```

mod assign;
mod assignments;
mod cells;
mod decision;
mod differences;
mod effects;
mod moments;
mod p_adjust;
mod periods;
mod planning;
mod prepared;
mod result;
mod tag_uplift;
mod uplift_curve;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new("experiment", "Experiments: groups, effects and their certainty")
        .texts(&assign::ALL)
        .relation(result::ExperimentResult)
        .table_macro(assignments::ExperimentAssignments)
        .table_macro(assignments::ExperimentOutcomes)
        .relation(tag_uplift::TagUplift)
        .relation(uplift_curve::UpliftCurve)
        .relation(differences::DifferenceInDifferences)
        .scalar(p_adjust::PAdjust)
        .scalar(planning::SAMPLE_SIZE)
        .scalar(planning::EXPERIMENT_POWER)
        .scalar(planning::DETECTABLE)
        .step::<effects::Compare>()
        .step::<tag_uplift::CompareTags>()
        .step::<uplift_curve::Curves>()
        .step::<differences::Gains>()
        .internal_scalar::<periods::PeriodOf>()
        .internal_scalar::<periods::SumOf>()
        .internal_aggregate::<moments::ExperimentMoments>()
}
