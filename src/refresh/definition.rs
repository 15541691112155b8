//! The definition of a profile, its tags and its segments, as plain data.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, Query};

use crate::catalog::objects::Object;

/// The parameter that stands for the time of a refresh, written `$as_of`.
pub const AS_OF: &str = "as_of";

/// An object of a profile, with its own constants.
#[derive(Debug, Clone)]
pub struct Definition {
    pub object: Object,
    /// Its constants, written `$name` in its body.
    pub parameters: BTreeMap<String, Expr>,
}

/// `CREATE PROFILE`
#[derive(Debug, Clone)]
pub struct ProfileBody {
    pub key: String,
    /// Tables and their time columns: rows later than the time of a refresh are not read.
    pub time_columns: Vec<(String, String)>,
    pub keep_snapshots: usize,
    /// Attributes whose changes are kept in the history.
    pub history: Vec<String>,
    pub query: Box<Query>,
}

/// `CREATE TAG`
#[derive(Debug, Clone)]
pub struct TagBody {
    pub multiple: bool,
    pub query: Box<Query>,
}

/// A profile with its tags and segments, in the order of creation.
#[derive(Debug, Clone)]
pub struct ProfileDefinition {
    pub own: Definition,
    pub body: ProfileBody,
    pub tags: Vec<(Definition, TagBody)>,
    pub segments: Vec<(Definition, Expr)>,
}

impl ProfileDefinition {
    /// The name of the profile.
    pub fn name(&self) -> &str {
        &self.own.object.name
    }
}
