//! Algorithms over plain slices, and in [`grouping`] over Arrow arrays. They do not depend on DataFusion or SQL, so that each can be
//! read, tested and timed on its own.

pub mod adjust;
pub mod boosting;
pub mod calibration;
pub mod checked;
pub mod chinese;
pub mod cleaning;
pub mod cluster;
pub mod clv;
pub mod control;
pub mod decimal;
pub mod experiment;
pub mod feedback;
pub mod fixed_point;
pub mod glm;
pub mod grouping;
pub mod itemsets;
pub mod journey;
pub mod json;
pub mod linkage;
pub mod metrics;
pub mod outliers;
pub mod privacy;
pub mod profile;
pub mod quantiles;
pub mod random;
pub mod scheme;
pub mod score;
pub mod select;
pub mod special;
pub mod sums;
pub mod superaccumulator;
pub mod survival;
pub mod tree;
