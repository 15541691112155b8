//! Expression macros: functions under names from other systems, each of which stands for an existing expression.
//!
//! `ifnull(a, b)` is `coalesce(a, b)`, and `count_if(c)` is `count(*) FILTER (WHERE c)`. A call is replaced before the
//! statement is planned. So a macro costs nothing, is pushed down to the scan like its expression, and works wherever the
//! expression works, also over windows. The replacement is SQL with `$1`, `$2` for the arguments, or code if the form depends
//! on the arguments.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::docs::{Argument, Doc, Kind};

/// A function that stands for an expression, or an SQL function whose page is here.
#[derive(Debug)]
pub struct ExpressionMacro {
    /// Its page.
    pub doc: Doc,
    /// The replacement of a call.
    pub meaning: Meaning,
}

/// SQL with `$1`, `$2`, and what replaces them.
pub type Written = (String, Vec<Expr>);

/// The replacement of a call.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// Expressions, one per number of arguments: `$1` is the first argument.
    Sql(&'static [(usize, &'static str)]),
    /// Computed from the arguments; `None` leaves the call as it is.
    Code(fn(&[Expr]) -> Result<Option<Written>>),
    /// The call itself: the function is one of [`builtins`](crate) or of the engine.
    Itself,
}

impl ExpressionMacro {
    /// A scalar function.
    pub const fn scalar(name: &'static str, domain: &'static str, summary: &'static str, meaning: Meaning) -> Self {
        Self { doc: Doc { name, kind: Kind::Scalar, domain, summary, ..Doc::EMPTY }, meaning }
    }

    /// An aggregate function.
    pub const fn aggregate(name: &'static str, domain: &'static str, summary: &'static str, meaning: Meaning) -> Self {
        Self { doc: Doc { name, kind: Kind::Aggregate, domain, summary, ..Doc::EMPTY }, meaning }
    }

    /// Adds arguments and an example.
    pub const fn page(mut self, arguments: &'static [Argument], example: &'static [&'static str]) -> Self {
        self.doc.arguments = arguments;
        self.doc.examples = example;
        self
    }

    /// Adds a remark.
    pub const fn says(mut self, description: &'static str) -> Self {
        self.doc.description = description;
        self
    }
}
