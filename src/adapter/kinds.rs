//! The kinds of steps and functions in plans, as listed by each domain.
//!
//! A function that users call is found by the name of its page, and is the same everywhere. Other functions are created while
//! a query is planned, with their own data: they are [plain data](super::plain), like all steps, and each has a line in its
//! domain's [`FunctionSet`](super::FunctionSet).

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, AggregateUDFImpl, ScalarUDF};

use super::internal_scalar::{InPlan, InternalScalar};
use super::plain::Plain;
use super::step::{AnyStep, Step};

/// A kind of step.
#[derive(Debug, Clone, Copy)]
pub struct StepKind {
    /// [`Plain::NAME`].
    pub name: &'static str,
    /// Decodes the step from its bytes.
    pub decode: fn(&[u8]) -> Result<Arc<dyn AnyStep>>,
}

impl StepKind {
    pub fn of<S: Step>() -> Self {
        Self { name: S::NAME, decode: |bytes| Ok(Arc::new(S::decode(bytes)?)) }
    }
}

/// A kind of function that occurs in plans and is never called by name.
#[derive(Debug)]
pub struct Internal<F> {
    /// [`Plain::NAME`].
    pub name: &'static str,
    /// The bytes of a function of this kind; `None` for any other.
    pub encode: fn(&F) -> Option<Result<Vec<u8>>>,
    /// Decodes the function from its bytes.
    pub decode: fn(&[u8]) -> Result<F>,
}

impl Internal<ScalarUDF> {
    pub fn scalar<P: InternalScalar>() -> Self {
        Self {
            name: P::NAME,
            encode: |function| function.inner().downcast_ref::<InPlan<P>>().map(|InPlan(own)| own.encode()),
            decode: |bytes| Ok(ScalarUDF::from(InPlan(P::decode(bytes)?))),
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
