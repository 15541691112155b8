//! Expression macros: functions under the names that people bring with them, each of which stands for an expression that there is already.
//!
//! `ifnull(a, b)` is `coalesce(a, b)`, and `count_if(c)` is `count(*) FILTER (WHERE c)`. A macro is put in the place of its call before the
//! statement is planned, so that it costs nothing, reaches the scan as its expression does, and works wherever that works: over windows too.
//! What stands for it is SQL with `$1`, `$2` for the arguments, or code where the form depends on what is given.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use crate::docs::{Argument, Doc, Kind};

/// A function that stands for an expression, or one of SQL's own whose page stands here.
#[derive(Debug)]
pub struct ExpressionMacro {
    /// Its page.
    pub doc: Doc,
    /// What stands for a call.
    pub meaning: Meaning,
}

/// SQL with `$1`, `$2`, and what stands in their places.
pub type Written = (String, Vec<Expr>);

/// What stands for a call.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// Expressions, one for each number of arguments: `$1` is the first.
    Sql(&'static [(usize, &'static str)]),
    /// Worked out from the arguments; `None` leaves the call as it is.
    Code(fn(&[Expr]) -> Result<Option<Written>>),
    /// The call itself: the function is one of [`builtins`](crate) or the engine's.
    Itself,
}

impl ExpressionMacro {
    /// A function of rows.
    pub const fn scalar(name: &'static str, domain: &'static str, summary: &'static str, meaning: Meaning) -> Self {
        Self { doc: Doc { name, kind: Kind::Scalar, domain, summary, ..Doc::EMPTY }, meaning }
    }

    /// A function over a group of rows.
    pub const fn aggregate(name: &'static str, domain: &'static str, summary: &'static str, meaning: Meaning) -> Self {
        Self { doc: Doc { name, kind: Kind::Aggregate, domain, summary, ..Doc::EMPTY }, meaning }
    }

    /// The same with its arguments and an example.
    pub const fn page(mut self, arguments: &'static [Argument], example: &'static [&'static str]) -> Self {
        self.doc.arguments = arguments;
        self.doc.examples = example;
        self
    }

    /// The same with more to say.
    pub const fn says(mut self, description: &'static str) -> Self {
        self.doc.description = description;
        self
    }
}
