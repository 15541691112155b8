//! The interface of a kind of object; one line in [`KINDS`](super::KINDS) registers a kind.
//!
//! Creating, replacing, dropping, listing, describing and dumping are the same for all kinds, and are implemented once, in
//! [`lifecycle`](super::lifecycle) and its neighbours. A kind adds what is specific to it: its grammar, its options, its dependencies, its
//! validation, and its properties for DESCRIBE.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind_of;
use super::lifecycle::NewObject;
pub use super::uses::Uses;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::docs::{Column, Doc};
use crate::error::failed;
use crate::sql::command::Grammar;
use crate::sql::written::Written;
use crate::statement::RunningPlan;
use crate::statement::StatementContext;

/// The columns of a system table about objects, in the order of the kind's columns.
pub type Values = Vec<ArrayRef>;

/// A kind of object.
pub trait Kind: Grammar {
    /// The page of its CREATE statement. Its arguments are the options after WITH.
    fn doc(&self) -> &'static Doc;

    /// The kinds that share one namespace with this one, itself included; only kinds that make relations have one.
    fn namespace(&self) -> &'static [&'static str] {
        &[]
    }

    /// What an object of this kind refers to.
    fn uses(&self, definition: &Definition) -> Uses;

    /// True when `uses` refers to this object.
    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool;

    /// Refuses a name for a new object.
    ///
    /// # Errors
    /// The name is taken, or this kind cannot have it.
    fn check_name(&self, _new: &Object, _context: &StatementContext) -> Result<()> {
        Ok(())
    }

    /// An explanation why something of this name, which is not an object, cannot be dropped or described.
    fn explain_missing(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// Checks a new object, which `context` shows as if it existed; returns notes for the user.
    ///
    /// # Errors
    /// The object is wrong.
    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>>;

    /// Creates the object; most kinds only store the definition. Returns notes for the user.
    ///
    /// # Errors
    /// The object is wrong; nothing is stored then.
    fn make<'a>(
        &'a self,
        new: &'a NewObject,
        context: &'a StatementContext,
        _running: &'a RunningPlan,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let kind = kind_of(self.word()).ok_or_else(|| unknown_kind(&new.object))?;
            super::lifecycle::remember(kind, new, context).await
        })
    }

    /// True when running the same statement again has no effect, because the statement fully determines the object.
    fn is_text_alone(&self) -> bool {
        true
    }

    /// Drops an object that nothing uses.
    ///
    /// # Errors
    /// The catalog cannot be written to.
    fn remove<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { context.catalog().remove_object(object, Some(context.view().stamp()?)) })
    }

    /// The properties that DESCRIBE shows in addition to those of all kinds.
    ///
    /// # Errors
    /// The database cannot be read.
    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>>;

    /// The properties of what it has published, for DESCRIBE.
    ///
    /// # Errors
    /// The database cannot be read.
    fn describe_published(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    /// A page with further options of an object: for a model, that of its type.
    fn more_options(&self, _definition: &Definition) -> Option<&'static Doc> {
        None
    }

    /// The table of the schema `system` that lists the objects of this kind.
    fn system_table(&self) -> &'static str;

    /// A one-sentence description of that table.
    fn listed(&self) -> &'static str;

    /// The columns of that table.
    fn columns(&self) -> &'static [Column];

    /// The values of these columns.
    ///
    /// # Errors
    /// The database cannot be read.
    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values>;

    /// The query that SHOW runs.
    fn shown(&self) -> &'static str;

    /// The relation that an object is, for kinds that make relations in the schema `public`.
    ///
    /// # Errors
    /// The kind makes no relations, or the object cannot be opened.
    fn open<'a>(
        &'a self,
        object: &'a Object,
        _when: When,
        _context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move { Err(failed(&object.label(), "is not a table")) })
    }

    /// The statement that creates the object again, without its rows; `written` is the original statement with absolute file paths.
    ///
    /// # Errors
    /// The database cannot be read.
    fn dump(&self, _definition: &Definition, written: Written, _context: &StatementContext) -> Result<String> {
        Ok(written.to_string())
    }
}

/// The error for an object of a kind that this program does not know.
pub fn unknown_kind(object: &Object) -> DataFusionError {
    let problem = format!("is of the kind \"{}\", which this program does not know; upgrade portrait", object.kind);
    failed(&object.name, problem)
}
