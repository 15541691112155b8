//! What users call, a folder a domain.
//!
//! A domain lists its functions in its `mod.rs`, one line each; [`all`] lists the domains. Each function stands in a file
//! with its [`Doc`]; registration, `system.functions`, help, completion and the reference are derived from these lists.

pub(crate) mod aggregate;
pub(crate) mod amounts;
pub(crate) mod arguments;
mod basket;
pub(crate) mod beside;
mod clustering;
mod conditions;
pub(crate) mod definitions;
mod features;
pub(crate) mod model;
pub(crate) mod relation;
mod rfm;
mod sample;
mod segment;
pub(crate) mod step;
pub(crate) mod table_macro;
mod tags;
pub(crate) mod usable_rows;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use crate::docs::Doc;
use relation::RelationFunction;
use table_macro::TableMacro;

/// An ordinary function with its page.
pub(crate) trait ScalarFunction: Send + Sync {
    /// Its page.
    fn doc(&self) -> &'static Doc;
    /// What DataFusion calls.
    fn udf(&self) -> ScalarUDF;
}

/// A function over a group of rows, with its page; [`aggregate`] is the way to write one.
pub(crate) trait AggregateFunction: Send + Sync {
    /// Its page.
    fn doc(&self) -> &'static Doc;
    /// What DataFusion calls.
    fn udf(&self) -> AggregateUDF;
}

/// The functions of one domain.
#[derive(Default)]
pub(crate) struct FunctionSet {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) relations: Vec<Arc<dyn RelationFunction>>,
    pub(crate) macros: Vec<Arc<dyn TableMacro>>,
    pub(crate) scalars: Vec<Arc<dyn ScalarFunction>>,
    pub(crate) aggregates: Vec<Arc<dyn AggregateFunction>>,
}

impl FunctionSet {
    fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, ..Self::default() }
    }

    fn relation(mut self, function: impl RelationFunction + 'static) -> Self {
        self.relations.push(Arc::new(function));
        self
    }

    fn table_macro(mut self, function: impl TableMacro + 'static) -> Self {
        self.macros.push(Arc::new(function));
        self
    }

    fn scalar(mut self, function: impl ScalarFunction + 'static) -> Self {
        self.scalars.push(Arc::new(function));
        self
    }

    fn aggregate(mut self, function: impl AggregateFunction + 'static) -> Self {
        self.aggregates.push(Arc::new(function));
        self
    }

    /// The pages of the domain, in the order of its list.
    pub(crate) fn docs(&self) -> Vec<&'static Doc> {
        let relations = self.relations.iter().map(|function| function.doc());
        let relations = relations.chain(self.macros.iter().map(|function| function.doc()));
        let scalars = self.scalars.iter().map(|function| function.doc());
        let aggregates = self.aggregates.iter().map(|function| function.doc());
        relations.chain(scalars).chain(aggregates).collect()
    }
}

/// Every domain.
pub(crate) fn all() -> Vec<FunctionSet> {
    vec![rfm::functions(), basket::functions(), tags::functions(), segment::functions(), model::functions(), sample::functions()]
}

/// The page of a function; an empty one when there is none of that name.
pub(crate) fn page(name: &str) -> &'static Doc {
    all().iter().flat_map(FunctionSet::docs).find(|doc| doc.name == name).unwrap_or(&Doc::EMPTY)
}
