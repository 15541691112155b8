//! What a kind of object has to say; one line in [`KINDS`](super::KINDS) registers it.
//!
//! Making, replacing, dropping, listing, describing and dumping are the same for all kinds, and stand in [`lifecycle`](super::lifecycle) and
//! its neighbours once. A kind adds what is its own: its grammar, its options, what an object of it names, whether it is right, and
//! what it says of itself.

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

/// What a column of a table about objects holds, in the order of the kind's columns.
pub type Values = Vec<ArrayRef>;

/// A kind of object.
pub trait Kind: Grammar {
    /// The page of its CREATE statement. Its arguments are the options after WITH.
    fn doc(&self) -> &'static Doc;

    /// The kinds whose objects share one space of names with its own: tables and views.
    fn namespace(&self) -> &'static [&'static str] {
        &[]
    }

    /// What an object names.
    fn uses(&self, definition: &Definition) -> Uses;

    /// True when what another object names is this one.
    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool;

    /// Reasons why an object cannot have its name.
    ///
    /// # Errors
    /// The name is taken, or is none that this kind can have.
    fn check_name(&self, _new: &Object, _context: &StatementContext) -> Result<()> {
        Ok(())
    }

    /// What is wrong with dropping or describing something of this name that is no object.
    fn explain_missing(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// Checks an object that `context` shows as it would be; gives what the user should know.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>>;

    /// Makes the object; most are only remembered. Gives what the user should know.
    ///
    /// # Errors
    /// What is wrong with it; nothing is remembered then.
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

    /// True when the same statement run again makes nothing new: what was made is all in its text.
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

    /// What DESCRIBE says of an object beside what it says of all: properties and their values.
    ///
    /// # Errors
    /// The database cannot be read.
    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>>;

    /// What DESCRIBE says of what it has published.
    ///
    /// # Errors
    /// The database cannot be read.
    fn describe_published(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    /// A page with further options of an object: those of the type of a model.
    fn more_options(&self, _definition: &Definition) -> Option<&'static Doc> {
        None
    }

    /// The table of the schema `system` that lists the objects of this kind.
    fn system_table(&self) -> &'static str;

    /// What that table lists, in one sentence.
    fn listed(&self) -> &'static str;

    /// The columns of that table.
    fn columns(&self) -> &'static [Column];

    /// The values of these columns.
    ///
    /// # Errors
    /// The database cannot be read.
    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values>;

    /// The query that SHOW stands for.
    fn shown(&self) -> &'static str;

    /// The relation that an object is, of a kind that makes relations in the schema `public`.
    ///
    /// # Errors
    /// It is of another kind; or what is wrong with it.
    fn open<'a>(
        &'a self,
        object: &'a Object,
        _when: When,
        _context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move { Err(failed(&object.label(), "is not a table")) })
    }

    /// The statement that makes the object again, without its rows; `written` is the one that made it, with files by their whole paths.
    ///
    /// # Errors
    /// The database cannot be read.
    fn dump(&self, _definition: &Definition, written: Written, _context: &StatementContext) -> Result<String> {
        Ok(written.to_string())
    }
}

/// The error of an object whose kind this program does not know.
pub fn unknown_kind(object: &Object) -> DataFusionError {
    let problem = format!("is of the kind \"{}\", which this program does not know; upgrade portrait", object.kind);
    failed(&object.name, problem)
}
