//! Algorithms over plain slices. They know nothing of DataFusion, of SQL or of Arrow, so that each can be read, tested and timed alone.

pub mod boosting;
pub mod calibration;
pub mod checked;
pub mod chinese;
pub mod cleaning;
pub mod cluster;
pub mod clv;
pub mod control;
pub mod decimal;
pub mod feedback;
pub mod fixed_point;
pub mod glm;
pub mod itemsets;
pub mod journey;
pub mod linkage;
pub mod metrics;
pub mod outliers;
pub mod profile;
pub mod random;
pub mod scheme;
pub mod score;
pub mod select;
pub mod special;
pub mod superaccumulator;
pub mod survival;
pub mod tree;
