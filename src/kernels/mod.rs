//! Numeric code over plain slices, shared by the domains. Knows nothing of DataFusion.

pub(crate) mod cluster;
pub(crate) mod control;
pub(crate) mod decimal;
pub(crate) mod fixed_point;
pub(crate) mod random;
pub(crate) mod select;
pub(crate) mod tree;
