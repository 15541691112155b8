//! Steps and functions by name, so that what a plan holds of ours can be sent as a name and bytes, and made again from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use crate::adapter::FunctionSet;
use crate::adapter::kinds::{Internal, StepKind};
use crate::adapter::step::AnyStep;
use crate::builtins;
use crate::error::invalid;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Step,
    Scalar,
    Aggregate,
}

/// What identifies a step or a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

/// How a function of a name is made.
#[derive(Debug)]
enum Maker<F: 'static> {
    /// It is called by users, and is always this.
    Called(Arc<F>),
    /// From its bytes.
    Internal(&'static Internal<F>),
}

/// Every step and function of ours.
#[derive(Debug, Default)]
pub struct Registry {
    steps: BTreeMap<&'static str, StepKind>,
    scalars: BTreeMap<&'static str, Maker<ScalarUDF>>,
    aggregates: BTreeMap<&'static str, Maker<AggregateUDF>>,
    /// All that was listed, in its order: what it is, and its name.
    listed: Vec<(Sort, &'static str)>,
}

impl Registry {
    /// What the domains list, and steps of other rooms.
    pub fn new(domains: &'static [FunctionSet], others: impl IntoIterator<Item = StepKind>) -> Self {
        let mut registry = Self::default();
        let steps = domains.iter().flat_map(|domain| &domain.steps).copied();
        for step in steps.chain(others) {
            registry.listed.push((Sort::Step, step.name));
            registry.steps.insert(step.name, step);
        }
        // They stand for functions and operators of the engine, which need no example.
        for (name, function) in builtins::scalars() {
            registry.scalars.insert(name, Maker::Called(Arc::new(function)));
        }
        for (name, function) in builtins::aggregates() {
            registry.aggregates.insert(name, Maker::Called(Arc::new(function)));
        }
        for domain in domains {
            for function in &domain.scalars {
                let maker = Maker::Called(Arc::new(function.udf()));
                registry.add_scalar(function.doc().name, maker);
            }
            for internal in &domain.internal_scalars {
                registry.add_scalar(internal.name, Maker::Internal(internal));
            }
            for function in &domain.aggregates {
                let maker = Maker::Called(Arc::new(function.udf()));
                registry.add_aggregate(function.doc().name, maker);
            }
            for internal in &domain.internal_aggregates {
                registry.add_aggregate(internal.name, Maker::Internal(internal));
            }
        }
        registry
    }

    fn add_scalar(&mut self, name: &'static str, maker: Maker<ScalarUDF>) {
        self.listed.push((Sort::Scalar, name));
        self.scalars.insert(name, maker);
    }

    fn add_aggregate(&mut self, name: &'static str, maker: Maker<AggregateUDF>) {
        self.listed.push((Sort::Aggregate, name));
        self.aggregates.insert(name, maker);
    }

    /// All there is, in the order of the lists.
    pub fn listed(&self) -> &[(Sort, &'static str)] {
        &self.listed
    }

    /// What identifies a step.
    ///
    /// # Errors
    /// It is not registered, or holds a value that has no form in bytes.
    pub fn encode_step(&self, step: &dyn AnyStep) -> Result<Encoded> {
        match self.steps.get(step.name()) {
            Some(_) => Ok(Encoded { name: step.name(), bytes: step.encode()? }),
            None => Err(unknown("step", step.name())),
        }
    }

    /// The step that was encoded.
    ///
    /// # Errors
    /// There is none of that name, or the bytes are not its own.
    pub fn decode_step(&self, name: &str, bytes: &[u8]) -> Result<Arc<dyn AnyStep>> {
        (self.steps.get(name).ok_or_else(|| unknown("step", name))?.decode)(bytes)
    }

    /// What identifies a scalar function; `None` when it is not ours.
    ///
    /// # Errors
    /// It holds a value that has no form in bytes.
    pub fn encode_scalar(&self, function: &ScalarUDF) -> Result<Option<Encoded>> {
        encode(&self.scalars, function)
    }

    /// The scalar function that was encoded.
    ///
    /// # Errors
    /// There is none of that name, or the bytes are not its own.
    pub fn decode_scalar(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        decode(&self.scalars, name, bytes)
    }

    /// What identifies an aggregate; `None` when it is not ours.
    ///
    /// # Errors
    /// It holds a value that has no form in bytes.
    pub fn encode_aggregate(&self, function: &AggregateUDF) -> Result<Option<Encoded>> {
        encode(&self.aggregates, function)
    }

    /// The aggregate that was encoded.
    ///
    /// # Errors
    /// There is none of that name, or the bytes are not its own.
    pub fn decode_aggregate(&self, name: &str, bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        decode(&self.aggregates, name, bytes)
    }
}

fn encode<F: PartialEq>(makers: &BTreeMap<&'static str, Maker<F>>, function: &F) -> Result<Option<Encoded>> {
    let called = makers.iter().find(|(_, maker)| matches!(maker, Maker::Called(called) if **called == *function));
    if let Some((name, _)) = called {
        return Ok(Some(Encoded { name, bytes: vec![] }));
    }
    for (name, maker) in makers {
        if let Maker::Internal(internal) = maker
            && let Some(bytes) = (internal.encode)(function)
        {
            return Ok(Some(Encoded { name, bytes: bytes? }));
        }
    }
    Ok(None)
}

fn decode<F>(makers: &BTreeMap<&'static str, Maker<F>>, name: &str, bytes: &[u8]) -> Result<Arc<F>> {
    match makers.get(name) {
        Some(Maker::Called(called)) if bytes.is_empty() => Ok(Arc::clone(called)),
        Some(Maker::Called(_)) => Err(invalid(name, "has no data of its own, got some; the plan was made by another version")),
        Some(Maker::Internal(internal)) => Ok(Arc::new((internal.decode)(bytes)?)),
        None => Err(unknown("function", name)),
    }
}

fn unknown(what: &str, name: &str) -> DataFusionError {
    invalid(name, format!("no {what} of that name is registered; the plan was made by another version"))
}
