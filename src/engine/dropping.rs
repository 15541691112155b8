//! DROP of several objects: a DROP of each, which take effect together or not at all.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ObjectType, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::execution;
use super::naming::{object_command, own_name};
use super::prepared::Parameters;
use super::transactions::TransactionStatus;
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded};
use crate::objects::lifecycle;
use crate::sql::command::{Command, Target};
use crate::sql::parser::Parsed;
use crate::statement::StatementContext;

/// The DROP of each object, in the order of the names; none for every other statement.
pub(super) fn parts(parsed: &Parsed) -> Vec<Parsed> {
    match parsed {
        Parsed::Command(Command::Drop(targets, if_exists)) if targets.len() > 1 => {
            let is_same = |one: &Target, other: &Target| one.name == other.name && one.profile == other.profile;
            let mut once: Vec<&Target> = vec![];
            for target in targets {
                if !once.iter().any(|known| is_same(known, target)) {
                    once.push(target);
                }
            }
            once.into_iter().map(|target| Parsed::Command(Command::Drop(vec![target.clone()], *if_exists))).collect()
        }
        Parsed::Sql(parsed) => match parsed.as_ref() {
            SqlParsed::Statement(statement) => parts_of_sql(statement),
            _ => vec![],
        },
        Parsed::Command(_) => vec![],
    }
}

/// The same for kinds that sqlparser parses.
fn parts_of_sql(statement: &SqlStatement) -> Vec<Parsed> {
    let names = match statement {
        SqlStatement::Drop { names, .. } if names.len() > 1 => names,
        _ => return vec![],
    };
    let mut parts = vec![];
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            continue;
        }
        let mut part = statement.clone();
        if let SqlStatement::Drop { names, .. } = &mut part {
            *names = vec![name.clone()];
        }
        parts.push(Parsed::Sql(Box::new(SqlParsed::Statement(Box::new(part)))));
    }
    parts
}

/// Runs the parts of a DROP. In a database they are a transaction, unless there is one already. In memory, where objects have no
/// transactions, each is checked before the first one runs.
///
/// # Errors
/// One of them cannot be dropped; then nothing is.
pub(super) async fn together(session: &Session, parts: Vec<Parsed>, text: &str, context: &StatementContext) -> Result<Answer> {
    let parts = users_first(parts, context)?;
    let begins = context.catalog().is_durable() && session.transaction_status() == TransactionStatus::Idle;
    if begins {
        session.share_transaction().await?;
    } else {
        check(&parts, context)?;
    }
    let mut dropped = Ok(());
    for part in parts {
        // Each sees what the ones before it have dropped.
        let context = session.statement(Parameters::default());
        dropped = Box::pin(execution::run(session, part, text, context)).await.map(drop);
        if dropped.is_err() {
            break;
        }
    }
    if begins {
        let ended = session.end_shared(dropped.is_ok()).await;
        dropped?;
        ended?;
    } else {
        dropped?;
    }
    Ok(Answer::done(vec![]))
}

/// The parts in an order in which nothing is dropped before what uses it.
fn users_first(parts: Vec<Parsed>, context: &StatementContext) -> Result<Vec<Parsed>> {
    let mut left: Vec<(Parsed, Option<Object>, Vec<Object>)> = vec![];
    for part in parts {
        let object = match &part {
            Parsed::Command(Command::Drop(targets, _)) => match targets.first() {
                // Its own DROP reports what is missing or ambiguous.
                Some(target) => lifecycle::find(context, target).ok().flatten(),
                None => None,
            },
            _ => None,
        };
        let users = match &object {
            Some(object) => lifecycle::users(object, context)?,
            None => vec![],
        };
        left.push((part, object, users));
    }
    let mut ordered = vec![];
    while !left.is_empty() {
        let is_left =
            |user: &Object| left.iter().any(|(_, object, _)| object.as_ref().is_some_and(|object| object.is_same(user)));
        let next = left.iter().position(|(_, _, users)| !users.iter().any(is_left)).unwrap_or(0);
        ordered.push(left.remove(next).0);
    }
    Ok(ordered)
}

/// Checks that each part can be dropped after the ones before it.
fn check(parts: &[Parsed], context: &StatementContext) -> Result<()> {
    let mut before: Vec<Object> = vec![];
    for part in parts {
        let command = match part {
            Parsed::Command(command) => Some(command.clone()),
            Parsed::Sql(parsed) => match object_command(parsed, context)? {
                None => {
                    refuse_missing(parsed, context)?;
                    None
                }
                command => command,
            },
        };
        if let Some(Command::Drop(targets, if_exists)) = &command {
            for target in targets {
                before.extend(lifecycle::droppable(context, target, *if_exists, &before)?);
            }
        }
    }
    Ok(())
}

/// Refuses the name of a table or view that is not there.
fn refuse_missing(parsed: &SqlParsed, context: &StatementContext) -> Result<()> {
    let SqlParsed::Statement(statement) = parsed else { return Ok(()) };
    let SqlStatement::Drop { object_type: ObjectType::Table | ObjectType::View, if_exists: false, names, .. } =
        statement.as_ref()
    else {
        return Ok(());
    };
    for name in names {
        let name = own_name(name, context)?;
        if context.tables().temporary(&name).is_none() {
            return Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, &name, "no such table; SHOW TABLES lists them"), &name));
        }
    }
    Ok(())
}
