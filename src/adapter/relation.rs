//! Relation functions: what one is, and how a call reaches it.
//!
//! A relation function is planned in two steps. While the query is planned, the hook in [`mod@crate::sql`] reads the
//! arguments against the function's [`Doc`] and leaves a call node with the columns of its result. When the query is
//! optimised, parameters are bound and constants folded; the call is then replaced by what [`RelationFunction::plan`]
//! returns: ordinary filters, aggregates and joins over the input, so that spilling and pushdown come free, and
//! [steps](super::step) for the core that SQL has no operator for.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::arguments::Options;
pub use super::arguments::{Role, Roles};
use super::definitions::Definitions;
use crate::docs::Doc;
use crate::error::invalid;

/// A function in FROM: `name(input, role => expression, option => constant)`.
pub trait RelationFunction: Debug + Send + Sync {
    /// Its page, from which its arguments are read.
    fn doc(&self) -> &'static Doc;

    /// The columns of the result. They may depend only on the types of the roles: options can be parameters, whose values come later.
    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>>;

    /// The plan of a call, with all options known. Its schema must be [`Call::schema`].
    fn plan(&self, call: Call) -> Result<LogicalPlan>;
}

/// A function in FROM that works with an object of the database, named in the call: `ml_predict(model, input)`.
///
/// Its columns depend on the object, so the object must be read before planning. This happens here, once per call: the
/// function that [`bind`](Self::bind) returns holds the object in memory, and is planned like any other relation function.
pub trait ObjectFunction: Debug + Send + Sync {
    /// Its page, from which its arguments are read.
    fn doc(&self) -> &'static Doc;

    /// The relation function for this call, with the object it names.
    ///
    /// # Errors
    /// There is no such object, or it does not fit the input.
    fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>>;
}

/// The names that a call gives, and the objects to look them up in.
#[derive(Debug)]
pub struct Binding<'a> {
    /// The function's page.
    pub doc: &'static Doc,
    /// The names given, by argument.
    pub names: &'a [(&'static str, String)],
    /// The columns of the input, if the call has one.
    pub input: Option<&'a DFSchema>,
    /// The objects of the database.
    pub objects: &'a dyn Definitions,
}

impl Binding<'_> {
    /// The name given for an argument that the page requires.
    pub fn name(&self, argument: &str) -> Result<&str> {
        let found = self.names.iter().find(|(name, _)| *name == argument);
        found.map(|(_, name)| name.as_str()).ok_or_else(|| invalid(self.doc.name, format!("needs a name for {argument}")))
    }

    /// The columns of the input, for a function whose page has one.
    pub fn input(&self) -> Result<&DFSchema> {
        self.input.ok_or_else(|| invalid(self.doc.name, "needs an input relation"))
    }
}

/// A function in FROM that returns a plan.
#[derive(Debug, Clone)]
pub enum FromFunction {
    /// Planned directly.
    Relation(Arc<dyn RelationFunction>),
    /// Planned after it is bound to the object it names.
    Object(Arc<dyn ObjectFunction>),
}

impl FromFunction {
    /// Its page.
    pub fn doc(&self) -> &'static Doc {
        match self {
            Self::Relation(function) => function.doc(),
            Self::Object(function) => function.doc(),
        }
    }

    /// The relation function to plan; an object function is first bound to its object.
    ///
    /// # Errors
    /// Those of [`ObjectFunction::bind`].
    pub fn bind(&self, call: &Binding<'_>) -> Result<Arc<dyn RelationFunction>> {
        match self {
            Self::Relation(function) => Ok(Arc::clone(function)),
            Self::Object(function) => function.bind(call),
        }
    }
}

/// A call whose options are known.
#[derive(Debug)]
pub struct Call {
    /// The function's page.
    pub doc: &'static Doc,
    /// The input, projected to the roles: column `i` is role `i` and has its name, with a number if it is in a list. If the
    /// page has no roles, the input as it is.
    pub input: Option<LogicalPlan>,
    /// The other relations, by the names of their arguments.
    pub others: Vec<(&'static str, LogicalPlan)>,
    /// The roles given.
    pub roles: Roles,
    /// The options: the given ones, checked, and the defaults of the others.
    pub options: Options,
    /// The result, qualified by the function's name.
    pub schema: DFSchemaRef,
    /// How many partitions the session uses.
    pub target_partitions: usize,
}

impl Call {
    /// The projected input of a function whose page asks for one.
    pub fn input(&self) -> Result<LogicalPlan> {
        self.input.clone().ok_or_else(|| invalid(self.doc.name, "needs an input relation"))
    }

    /// Another relation that the page requires.
    pub fn other(&self, name: &str) -> Result<LogicalPlan> {
        let found = self.others.iter().find(|(other, _)| *other == name);
        found.map(|(_, plan)| plan.clone()).ok_or_else(|| invalid(self.doc.name, format!("needs the relation {name}")))
    }

    /// The plan of a function that generates its rows.
    pub fn scan(&self, provider: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
        // DataFusion treats two scans with the same name as the same table: a scalar subquery over the other would get its rows.
        let name = TableReference::bare(format!("{}({})", self.doc.name, self.options));
        LogicalPlanBuilder::scan(name, provider_as_source(provider), None)?.alias(self.doc.name)?.build()
    }
}

/// A column of the projected input by its role.
pub fn role(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
