//! The files that a statement names: those in which the database keeps its own contents are not read and not written by name.
//!
//! A data file has all rows, without masks and row policies, and the catalog has the definitions and the secrets of roles. Writing to one of
//! them would destroy the database. What statements spill has such rows, too.

use std::ops::ControlFlow;
use std::path::Path;

use datafusion::common::Result;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, ObjectNamePart, TableFactor, Value, ValueWithSpan, Visit, Visitor};

use super::relation::single_name;
use crate::error::{SqlState, coded};
use crate::files::{self, places};
use crate::statement::StatementContext;
use crate::temporary;
use crate::walk::Walk;

/// Refuses a location that a role wants to read, if it leads to a file of the database. Roles with SUPERUSER see everything anyway.
///
/// # Errors
/// It leads there, possibly through links or `..`, or cannot be listed.
pub fn refuse_own_read(location: &str, context: &StatementContext) -> Result<()> {
    // Inside a definition, these are the rights of its owner.
    if context.rights()?.is_superuser() {
        return Ok(());
    }
    let own = places::leading_to(location, context.base(), |path| is_own(path, context))?;
    let problem = "is a file of the database itself, whose tables and views roles read; name another file";
    own.map_or(Ok(()), |file| Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &file, problem)))
}

/// Refuses a location that is written, if it leads to a file of the database, whoever writes.
///
/// # Errors
/// It leads there, possibly through links or `..`.
pub fn refuse_own_written(location: &str, context: &StatementContext) -> Result<()> {
    if !places::leads_to(location, context.base(), |path| is_own(path, context)) {
        return Ok(());
    }
    let problem = "is a file of the database itself, which only the database writes; name another place";
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, location, problem))
}

/// True for a file of the database, or of what statements spill.
fn is_own(path: &Path, context: &StatementContext) -> bool {
    context.catalog().keeps(path) || temporary::holds(path)
}

/// Refuses a new definition that names files outside the folders that statements may use here. Once it is there it reads what it names: whoever
/// opens the folder may have made it.
///
/// # Errors
/// It names one.
pub fn check_named(part: &impl Visit, context: &StatementContext) -> Result<()> {
    if context.places().is_none() {
        return Ok(());
    }
    let mut named = Named::default();
    let _ = part.walk(&mut named);
    let is_place = |name: &str| files::is_file(name) || context.base().join(name).is_dir();
    let tables = named.tables.iter().filter(|name| is_place(name));
    tables.chain(&named.locations).try_for_each(|location| places::check(location, context.base(), context.places()))
}

/// What a part of a statement names in FROM.
#[derive(Default)]
struct Named {
    /// Tables, which may be files or folders.
    tables: Vec<String>,
    /// What functions such as `read_csv` read.
    locations: Vec<String>,
}

impl Visitor for Named {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, arguments) = match factor {
            TableFactor::Table { name, args: Some(arguments), .. } => (name, &arguments.args),
            TableFactor::Function { name, args, .. } => (name, args),
            TableFactor::Table { name, args: None, .. } => {
                if let [ObjectNamePart::Identifier(name)] = name.0.as_slice() {
                    self.tables.push(name.value.clone());
                }
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        let is_reader = single_name(name).is_some_and(|name| files::reader(&name).is_some());
        let found = if is_reader { &mut self.locations } else { &mut self.tables };
        for argument in arguments {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument else { continue };
            let _ = value.each_expression(|part| {
                if let Expr::Value(ValueWithSpan { value, .. }) = part
                    && let Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) = value
                {
                    found.push(text.clone());
                }
                ControlFlow::<()>::Continue(())
            });
        }
        ControlFlow::Continue(())
    }
}
