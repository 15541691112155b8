//! DROP of several objects: a DROP of each, which take effect together or not at all. Foreign keys between tables that go, and with CASCADE those
//! of other tables that refer to them, are dropped first.

use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ObjectName, ObjectType, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::execution;
use super::missing_tables::no_such_table;
use super::naming::{object_command, own_name, relation};
use super::prepared::Parameters;
use super::transactions::TransactionStatus;
use crate::catalog::objects::Object;
use crate::error::invalid;
use crate::files::kinds::is_file;
use crate::objects::{lifecycle, referring, schema};
use crate::sql::command::{Command, Target};
use crate::sql::parser::{self, Parsed};
use crate::sql::sequence::SequenceCommand;
use crate::statement::StatementContext;
use crate::text::identifier;

/// The DROP of each object, in the order of the names; none for every other statement.
///
/// # Errors
/// The database cannot be read.
pub(super) fn parts(parsed: &Parsed, context: &StatementContext) -> Result<Vec<Parsed>> {
    match parsed {
        Parsed::Command(Command::Drop(targets, if_exists)) if targets.len() > 1 => {
            let is_same = |one: &Target, other: &Target| one.name == other.name && one.profile == other.profile;
            let mut once: Vec<&Target> = vec![];
            for target in targets {
                if !once.iter().any(|known| is_same(known, target)) {
                    once.push(target);
                }
            }
            Ok(once.into_iter().map(|target| Parsed::Command(Command::Drop(vec![target.clone()], *if_exists))).collect())
        }
        Parsed::Command(Command::Sequence(SequenceCommand::Drop { names, if_exists, cascades })) if names.len() > 1 => {
            let (if_exists, cascades) = (*if_exists, *cascades);
            let one = |name: &ObjectName| SequenceCommand::Drop { names: vec![name.clone()], if_exists, cascades };
            let once = (0..names.len()).filter(|place| !names[..*place].contains(&names[*place]));
            Ok(once.map(|place| Parsed::Command(Command::Sequence(one(&names[place])))).collect())
        }
        Parsed::Sql(parsed) => match parsed.as_ref() {
            SqlParsed::Statement(statement) => parts_of_sql(statement, context),
            _ => Ok(vec![]),
        },
        Parsed::Command(_) => Ok(vec![]),
    }
}

/// The same for kinds that sqlparser parses.
fn parts_of_sql(statement: &SqlStatement, context: &StatementContext) -> Result<Vec<Parsed>> {
    let SqlStatement::Drop { object_type, names, cascade, .. } = statement else { return Ok(vec![]) };
    let is_of_tables = *object_type == ObjectType::Table;
    if is_of_tables {
        refuse_files(names, context)?;
    }
    if names.len() < 2 && !(is_of_tables && *cascade) {
        return Ok(vec![]);
    }
    let mut parts = if is_of_tables { foreign_keys(names, *cascade, context)? } else { vec![] };
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            continue;
        }
        let mut part = statement.clone();
        if let SqlStatement::Drop { names, cascade, .. } = &mut part {
            *names = vec![name.clone()];
            *cascade = false;
        }
        parts.push(Parsed::Sql(Box::new(SqlParsed::Statement(Box::new(part)))));
    }
    Ok(parts)
}

/// Refuses the names of files: they can be read like tables, and a DROP would seem to delete them.
fn refuse_files(names: &[ObjectName], context: &StatementContext) -> Result<()> {
    let names = names.iter().filter_map(|name| own_name(name, context).ok());
    for name in names.filter(|name| is_file(name)) {
        if context.tables().temporary(&name).is_none() && relation(&name, context)?.is_none() {
            return Err(invalid(&name, "is a file, and DROP removes tables only; delete it where it is"));
        }
    }
    Ok(())
}

/// The statements that drop the foreign keys between these tables, and with CASCADE those of others that refer to them.
fn foreign_keys(names: &[ObjectName], cascade: bool, context: &StatementContext) -> Result<Vec<Parsed>> {
    let names: Vec<String> = names.iter().filter_map(|name| own_name(name, context).ok()).collect();
    let mut parts = vec![];
    for key in referring::all(context)?.iter() {
        let goes = cascade || names.contains(&key.table);
        if goes && key.table != key.referred && names.contains(&key.referred) {
            let table = schema::quoted(&key.table, context);
            let text = format!("ALTER TABLE {table} DROP CONSTRAINT {}", identifier(&key.name));
            parts.push(Parsed::Sql(Box::new(parser::parse_composed(&text, context.session())?)));
        }
    }
    Ok(parts)
}

/// Runs the parts of a DROP. In a database they are a transaction, or part of one, which fails with them. In memory, where objects have no
/// transactions, each is checked before the first one runs.
///
/// # Errors
/// One of them cannot be dropped; then nothing is.
pub(super) async fn together(session: &Session, parts: Vec<Parsed>, text: &str, context: &StatementContext) -> Result<Answer> {
    let parts = users_first(parts, context)?;
    let begins = context.catalog().is_durable() && session.transaction_status() == TransactionStatus::Idle;
    if begins {
        session.share_transaction().await?;
    } else if !parts.iter().any(drops_foreign_key) {
        check(&parts, context)?;
    }
    let mut dropped = Ok(());
    for part in parts {
        // Each sees what the ones before it have dropped.
        let context = session.statement(Parameters::default());
        dropped = match Box::pin(execution::run(session, part, text, context)).await {
            Ok(answer) => answer.collect().await.map(drop),
            Err(error) => Err(error),
        };
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

/// True for a part after which more can be dropped than before.
fn drops_foreign_key(part: &Parsed) -> bool {
    let Parsed::Sql(parsed) = part else { return false };
    matches!(parsed.as_ref(), SqlParsed::Statement(statement) if matches!(statement.as_ref(), SqlStatement::AlterTable(_)))
}

/// The parts in an order in which nothing is dropped before what uses it.
fn users_first(parts: Vec<Parsed>, context: &StatementContext) -> Result<Vec<Parsed>> {
    let mut left: Vec<(Parsed, Option<Object>, Vec<Object>)> = vec![];
    for part in parts {
        let command = match &part {
            Parsed::Command(command) => Some(command.clone()),
            Parsed::Sql(parsed) => object_command(parsed, context).ok().flatten(),
        };
        let object = match command {
            Some(Command::Drop(targets, _)) => match targets.first() {
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
            return Err(no_such_table(&name, context));
        }
    }
    Ok(())
}
