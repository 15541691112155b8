//! Data quality (数据质量): profiles of columns, wrong values, and repairs that never change anything silently.

mod clean;
mod clean_log;
mod completeness;
mod data_profile;
mod find_outliers;
mod impute;
mod input;
mod outlier_bounds;
mod profile_step;
mod profiled;
mod rules;

use crate::adapter::FunctionSet;

pub fn functions() -> FunctionSet {
    FunctionSet::new(
        "quality",
        "Data quality: profiles of columns, outliers, rules with a log of changes, gaps and how to fill them",
    )
    .relation(data_profile::DataProfile)
    .step::<profile_step::ProfileColumns>()
    .table_macro(completeness::Completeness)
    .table_macro(find_outliers::FindOutliers)
    .table_macro(clean::Clean)
    .table_macro(clean_log::CleanLog)
    .table_macro(impute::Impute)
    .aggregate(outlier_bounds::OutlierBounds)
}
