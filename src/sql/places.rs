//! The files that a statement names: those in which the database keeps its own contents are not read and not written by name.
//!
//! A data file has all rows, without masks and row policies, and the catalog has the definitions and the secrets of roles. Writing to one of
//! them would destroy the database.

use datafusion::common::Result;

use crate::error::{SqlState, coded};
use crate::files::places;
use crate::statement::StatementContext;

/// Refuses a location that a role wants to read, if it leads to a file of the database. Roles with SUPERUSER see everything anyway.
///
/// # Errors
/// It leads there, possibly through links or `..`, or cannot be listed.
pub fn refuse_own_read(location: &str, context: &StatementContext) -> Result<()> {
    // Inside a definition, these are the rights of its owner.
    if context.rights()?.is_superuser() {
        return Ok(());
    }
    let own = places::leading_to(location, context.base(), |path| context.catalog().keeps(path))?;
    let problem = "is a file of the database itself, whose tables and views roles read; name another file";
    own.map_or(Ok(()), |file| Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &file, problem)))
}

/// Refuses a location that is written, if it leads to a file of the database, whoever writes.
///
/// # Errors
/// It leads there, possibly through links or `..`.
pub fn refuse_own_written(location: &str, context: &StatementContext) -> Result<()> {
    if !places::leads_to(location, context.base(), |path| context.catalog().keeps(path)) {
        return Ok(());
    }
    let problem = "is a file of the database itself, which only the database writes; name another place";
    Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, location, problem))
}
