//! The kinds of steps and functions that plans hold, as a domain lists them.
//!
//! A function that users call is found by the name of its page, and is the same everywhere. Others are made while a query is planned, with
//! data of their own: they are [plain data](super::plain), as all steps are, and each has a line in its domain's
//! [`FunctionSet`](super::FunctionSet).

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, AggregateUDFImpl, ScalarUDF, ScalarUDFImpl};

use super::plain::Plain;
use super::step::{AnyStep, Step};

/// A kind of step.
#[derive(Debug, Clone, Copy)]
pub struct StepKind {
    /// [`Plain::NAME`].
    pub name: &'static str,
    /// The step of these bytes.
    pub decode: fn(&[u8]) -> Result<Arc<dyn AnyStep>>,
}

impl StepKind {
    pub fn of<S: Step>() -> Self {
        Self { name: S::NAME, decode: |bytes| Ok(Arc::new(S::decode(bytes)?)) }
    }
}

/// A kind of function that plans hold and nobody calls by its name.
#[derive(Debug)]
pub struct Internal<F> {
    /// [`Plain::NAME`].
    pub name: &'static str,
    /// The bytes of a function of this kind; `None` of any other.
    pub encode: fn(&F) -> Option<Result<Vec<u8>>>,
    /// The function of these bytes.
    pub decode: fn(&[u8]) -> Result<F>,
}

impl Internal<ScalarUDF> {
    pub fn scalar<P: ScalarUDFImpl + Plain>() -> Self {
        Self {
            name: P::NAME,
            encode: |function| function.inner().downcast_ref::<P>().map(Plain::encode),
            decode: |bytes| Ok(ScalarUDF::from(P::decode(bytes)?)),
        }
    }
}

impl Internal<AggregateUDF> {
    pub fn aggregate<P: AggregateUDFImpl + Plain>() -> Self {
        Self {
            name: P::NAME,
            encode: |function| function.inner().downcast_ref::<P>().map(Plain::encode),
            decode: |bytes| Ok(AggregateUDF::from(P::decode(bytes)?)),
        }
    }
}
