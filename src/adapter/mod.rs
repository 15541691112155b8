//! How a function meets DataFusion: each possible form is written once, so that a domain contains only its own code.
//!
//! | form | what it is |
//! |---|---|
//! | [`relation`] | a function in FROM that returns a plan over its input, or over an object of the database |
//! | [`table_macro`] | a function in FROM that is replaced by a query in SQL |
//! | [`aggregate`] | a function over a group of rows |
//! | [`text_function`] | a function of one string, with constant options |
//! | [`expression_macro`] | a function that is replaced by an expression in SQL |
//! | [`internal_scalar`] | a scalar function that occurs in plans only |
//! | [`step`] | a part of a plan that no SQL operator can do |
//!
//! Steps, and functions that carry their own data in plans, are [`plain`] data with a name; a domain lists them as [`kinds`].
//!
//! These forms share some parts: [`arguments`] checks arguments against the page, [`usable_rows`] counts dropped rows, [`unread`] counts strings that became NULL,
//! [`offload`] moves blocking work to separate threads, [`passing`] is a plan node that a rule puts between others, [`keys`]
//! turns values into numbers, [`given_table`] reads a table passed as an argument of an ordinary function, [`once`] is a part
//! of a plan that several places read, [`in_chunks`] are accumulators that GROUP BY takes apart, [`macro_input`] tells a macro about its input.

pub mod aggregate;
pub mod amounts;
pub mod arguments;
pub mod conditions;
pub mod definitions;
pub mod expression_macro;
pub mod given_table;
pub mod in_chunks;
pub mod internal_scalar;
pub mod key_file;
pub mod keys;
pub mod kinds;
pub mod macro_input;
pub mod offload;
pub mod once;
pub mod passing;
pub mod plain;
pub mod privacy_budget;
pub mod relation;
pub mod step;
pub mod table_macro;
pub mod text_function;
pub mod unread;
pub mod usable_rows;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::{AggregateUDF, AggregateUDFImpl, ScalarUDF, Signature, Volatility};

use crate::docs::Doc;
use expression_macro::ExpressionMacro;
use internal_scalar::InternalScalar;
use kinds::{Internal, StepKind};
use plain::Plain;
use relation::{FromFunction, ObjectFunction, RelationFunction};
use step::Step;
use table_macro::TableMacro;
use text_function::TextFunction;

/// The steps that functions of all domains use.
pub fn steps() -> Vec<StepKind> {
    vec![StepKind::of::<usable_rows::UsableRows>()]
}

/// The signature of functions that check their arguments themselves.
pub fn any_arguments() -> &'static Signature {
    static ANY: LazyLock<Signature> = LazyLock::new(|| Signature::variadic_any(Volatility::Immutable));
    &ANY
}

/// An ordinary function with its page.
pub trait ScalarFunction: Send + Sync {
    /// Its page.
    fn doc(&self) -> &'static Doc;
    /// The function as DataFusion calls it.
    fn udf(&self) -> ScalarUDF;
}

/// A function over a group of rows, with its page; [`aggregate`] is the way to write one.
pub trait AggregateFunction: Send + Sync {
    /// Its page.
    fn doc(&self) -> &'static Doc;
    /// The function as DataFusion calls it.
    fn udf(&self) -> AggregateUDF;
}

/// The functions of one domain.
#[derive(Default)]
pub struct FunctionSet {
    pub name: &'static str,
    pub title: &'static str,
    pub relations: Vec<FromFunction>,
    /// Relation functions that are called only by the queries of macros; they have no page.
    pub internal_relations: Vec<FromFunction>,
    pub macros: Vec<Arc<dyn TableMacro>>,
    pub scalars: Vec<Arc<dyn ScalarFunction>>,
    pub aggregates: Vec<Arc<dyn AggregateFunction>>,
    pub expressions: Vec<&'static ExpressionMacro>,
    /// Pages of the domain that do not describe a function.
    pub pages: Vec<&'static Doc>,
    pub steps: Vec<StepKind>,
    pub internal_scalars: Vec<Internal<ScalarUDF>>,
    pub internal_aggregates: Vec<Internal<AggregateUDF>>,
}

impl FunctionSet {
    pub fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, ..Self::default() }
    }

    pub fn relation(mut self, function: impl RelationFunction + 'static) -> Self {
        self.relations.push(FromFunction::Relation(Arc::new(function)));
        self
    }

    pub fn internal_relation(mut self, function: impl RelationFunction + 'static) -> Self {
        self.internal_relations.push(FromFunction::Relation(Arc::new(function)));
        self
    }

    pub fn object_function(mut self, function: impl ObjectFunction + 'static) -> Self {
        self.relations.push(FromFunction::Object(Arc::new(function)));
        self
    }

    pub fn table_macro(mut self, function: impl TableMacro + 'static) -> Self {
        self.macros.push(Arc::new(function));
        self
    }

    pub fn scalar(mut self, function: impl ScalarFunction + 'static) -> Self {
        self.scalars.push(Arc::new(function));
        self
    }

    /// Adds functions of one string.
    pub fn texts(mut self, functions: &'static [TextFunction]) -> Self {
        let listed = functions.iter().map(|function| Arc::new(text_function::Listed(function)) as Arc<dyn ScalarFunction>);
        self.scalars.extend(listed);
        self
    }

    pub fn aggregate(mut self, function: impl AggregateFunction + 'static) -> Self {
        self.aggregates.push(Arc::new(function));
        self
    }

    /// Adds functions that stand for expressions.
    pub fn expressions(mut self, functions: &'static [ExpressionMacro]) -> Self {
        self.expressions.extend(functions);
        self
    }

    /// Adds a step that occurs in plans.
    pub fn step<S: Step>(mut self) -> Self {
        self.steps.push(StepKind::of::<S>());
        self
    }

    /// Adds a scalar function that occurs in plans and is never called by name.
    pub fn internal_scalar<P: InternalScalar>(mut self) -> Self {
        self.internal_scalars.push(Internal::scalar::<P>());
        self
    }

    /// Adds an aggregate that occurs in plans and is never called by name.
    pub fn internal_aggregate<P: AggregateUDFImpl + Plain>(mut self) -> Self {
        self.internal_aggregates.push(Internal::aggregate::<P>());
        self
    }

    /// Adds a page that does not describe a function.
    pub fn page(mut self, doc: &'static Doc) -> Self {
        self.pages.push(doc);
        self
    }

    /// The pages of the domain, in the order of its list.
    pub fn docs(&self) -> Vec<&'static Doc> {
        let relations = self.relations.iter().map(|function| function.doc());
        let relations = relations.chain(self.macros.iter().map(|function| function.doc()));
        let scalars = self.scalars.iter().map(|function| function.doc());
        let aggregates = self.aggregates.iter().map(|function| function.doc());
        let expressions = self.expressions.iter().map(|function| &function.doc);
        relations.chain(scalars).chain(aggregates).chain(expressions).chain(self.pages.iter().copied()).collect()
    }
}
