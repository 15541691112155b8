//! Transactions of a session: statements between BEGIN and COMMIT take effect together or not at all, and read one state of the database.
//!
//! The [catalog](crate::catalog::transaction) manages changes of stored objects; temporary tables are restored on a rollback. What cannot
//! be undone is refused within a transaction: a refresh, which takes long and writes its own log; training; ALTER SYSTEM, which changes
//! the audit log; and adding files to an external table with INSERT.
//!
//! Statements that a client sends together share a transaction, too, which BEGIN turns into one that lasts until COMMIT.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{Ident, Set, Statement as SqlStatement, TransactionAccessMode, TransactionMode};

use super::Session;
use super::answer::Answer;
use super::execution::tag_of;
use super::prepared::Parameters;
use crate::catalog::Catalog;
use crate::error::{SqlState, coded, in_language};
use crate::objects::referring;
use crate::postgres_settings::Given;
use crate::sql::changing::within;
use crate::sql::command::{Command, normal};
use crate::sql::parser::Parsed;
use crate::sql::schedule::Action;
use crate::statement::{SavedTables, TransactionLocks};

/// The transaction state of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Each statement is its own transaction.
    #[default]
    Idle,
    /// Statements belong together until COMMIT or ROLLBACK.
    Active,
    /// One of them has failed: only ROLLBACK is accepted.
    Failed,
}

/// The setting by which transactions only read, unless they say otherwise.
const READS_ONLY: &str = "default_transaction_read_only";

/// The notes of COMMIT and ROLLBACK without BEGIN.
const NOTHING_TO_COMMIT: &str = "there is no transaction to commit";
const NOTHING_TO_ROLL_BACK: &str = "there is no transaction to roll back";

/// A transaction in progress.
pub(super) struct Transaction {
    /// The catalog that its statements see; `None` in memory, where no object can be changed.
    catalog: Option<Arc<Catalog>>,
    /// The temporary tables at its start.
    tables: SavedTables,
    /// The cursors WITH HOLD at its start.
    cursors: HashSet<String>,
    savepoints: Vec<Savepoint>,
    has_failed: bool,
    /// True for one of statements that are sent together, as long as no BEGIN has come.
    is_shared: bool,
    reads_only: bool,
    /// The settings of the session at its start.
    given: Given,
    /// Settings changed by SET LOCAL.
    local: Vec<String>,
    _locks: TransactionLocks,
}

impl Session {
    /// The transaction status of the session.
    pub fn transaction_status(&self) -> TransactionStatus {
        match self.transaction.lock().as_ref() {
            None => TransactionStatus::Idle,
            Some(transaction) if transaction.has_failed => TransactionStatus::Failed,
            Some(_) => TransactionStatus::Active,
        }
    }

    /// True when statements may run, and see nothing but what was committed, now or when their transaction began.
    pub(super) fn sees_what_is_committed(&self) -> bool {
        self.transaction.lock().as_ref().is_none_or(|transaction| {
            !transaction.has_failed && transaction.catalog.as_ref().is_some_and(|catalog| !catalog.has_own_changes())
        })
    }

    /// Records that a statement has failed: its transaction can no longer be committed.
    pub fn statement_failed(&self) {
        if let Some(transaction) = self.transaction.lock().as_mut() {
            transaction.has_failed = true;
        }
    }

    /// Begins the transaction that statements share which are sent together, unless there is a transaction already. In memory there is none,
    /// because it would refuse to create anything.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn share_transaction(&self) -> Result<()> {
        if self.transaction.lock().is_some() || !self.engine.shared.catalog.is_durable() {
            return Ok(());
        }
        let session = self.clone();
        let begun = self.engine.run(async move {
            begin(&session, &[]).await?;
            if let Some(transaction) = session.transaction.lock().as_mut() {
                transaction.is_shared = true;
            }
            Ok(())
        });
        begun.await.map_err(|error| in_language(error, self.language()))
    }

    /// Ends the transaction of statements sent together: what they did takes effect, or is undone. A transaction of BEGIN continues.
    ///
    /// # Errors
    /// The changes are in conflict with others; then nothing takes effect.
    pub async fn end_shared(&self, takes_effect: bool) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let session = self.clone();
        let ended = self.engine.run(async move {
            match takes_effect {
                true => commit(&session, false).await.map(drop),
                false => roll_back(&session).await.map(drop),
            }
        });
        ended.await.map_err(|error| in_language(error, self.language()))
    }

    /// True within a transaction of statements sent together.
    fn is_shared(&self) -> bool {
        self.transaction.lock().as_ref().is_some_and(|transaction| transaction.is_shared)
    }

    /// The error for what cannot be undone; `problem` tells why it is refused between BEGIN and COMMIT.
    pub(super) fn not_undone(&self, tag: &str, problem: &str) -> DataFusionError {
        let together = "cannot be undone, and statements that are sent together are one transaction; send it by itself";
        coded(SqlState::ACTIVE_SQL_TRANSACTION, tag, if self.is_shared() { together } else { problem })
    }

    /// Records that a setting is restored at the end of the transaction; false when there is none.
    pub(super) fn set_local(&self, name: &str) -> bool {
        match self.transaction.lock().as_mut() {
            Some(transaction) => {
                transaction.local.push(name.into());
                true
            }
            None => false,
        }
    }

    /// The catalog that statements see now.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        let transaction = self.transaction.lock();
        let own = transaction.as_ref().and_then(|transaction| transaction.catalog.clone());
        own.unwrap_or_else(|| Arc::clone(&self.engine.shared.catalog))
    }
}

/// Handles transaction statements; `None` for other statements, which may then run.
///
/// # Errors
/// The transaction has failed, or the statement cannot be part of one.
pub(super) async fn control(session: &Session, parsed: &Parsed) -> Result<Option<Answer>> {
    if let Parsed::Sql(parsed) = parsed
        && let SqlParsed::Statement(statement) = parsed.as_ref()
    {
        match statement.as_ref() {
            SqlStatement::StartTransaction { modes, .. } => return begin(session, modes).await.map(Some),
            SqlStatement::Set(Set::SetTransaction { modes, session: false, .. }) => {
                if let (Some(transaction), Some(reads_only)) = (session.transaction.lock().as_mut(), access(modes)) {
                    transaction.reads_only = reads_only;
                }
                return Ok(Some(Answer::done(vec![])));
            }
            // Every transaction reads one state, whatever level is requested.
            SqlStatement::Set(Set::SetTransaction { modes, session: true, .. }) => {
                if let Some(reads_only) = access(modes) {
                    session.set(READS_ONLY, Some(if reads_only { "on" } else { "off" }))?;
                }
                return Ok(Some(Answer::done(vec![])));
            }
            SqlStatement::Commit { chain, .. } => return commit(session, *chain).await.map(Some),
            SqlStatement::Rollback { chain, savepoint: None } => {
                let rolled_back = roll_back(session).await?;
                if *chain {
                    begin(session, &[]).await?;
                }
                return Ok(Some(rolled_back));
            }
            SqlStatement::Rollback { savepoint: Some(name), .. } => return roll_back_to(session, name).await.map(Some),
            SqlStatement::Savepoint { name } if session.transaction_status() != TransactionStatus::Failed => {
                return savepoint(session, name).await.map(Some);
            }
            SqlStatement::ReleaseSavepoint { name } if session.transaction_status() != TransactionStatus::Failed => {
                return release(session, name).map(Some);
            }
            _ => {}
        }
    }
    match session.transaction_status() {
        TransactionStatus::Failed => {
            let problem = "has failed: nothing is done until ROLLBACK, or ROLLBACK TO a savepoint";
            Err(coded(SqlState::IN_FAILED_SQL_TRANSACTION, "transaction", problem))
        }
        TransactionStatus::Active => refuse(session, parsed).map(|()| None),
        TransactionStatus::Idle => refuse_change(session, parsed).map(|()| None),
    }
}

/// True for statements that change the database or temporary tables.
fn changes(parsed: &Parsed) -> bool {
    match parsed {
        Parsed::Command(command) => {
            !matches!(command, Command::Show(_) | Command::Describe(_) | Command::ExplainRefresh(_) | Command::Client(_))
        }
        Parsed::Sql(parsed) => match parsed.as_ref() {
            SqlParsed::Statement(statement) => match statement.as_ref() {
                SqlStatement::Query(query) => within::changing(query).is_some() || within::changes(parsed),
                SqlStatement::Insert(_)
                | SqlStatement::Update(_)
                | SqlStatement::Delete(_)
                | SqlStatement::Merge(_)
                | SqlStatement::Truncate(_)
                | SqlStatement::CreateTable(_)
                | SqlStatement::CreateIndex(_)
                | SqlStatement::CreateView(_)
                | SqlStatement::CreateSchema { .. }
                | SqlStatement::Drop { .. }
                | SqlStatement::AlterTable(_) => true,
                _ => false,
            },
            SqlParsed::CreateExternalTable(_) => true,
            SqlParsed::CopyTo(_) | SqlParsed::Explain(_) | SqlParsed::Reset(_) => false,
        },
    }
}

/// True for a statement that shares a transaction with those sent together with it: it changes something, and can be undone.
pub(super) fn shares(parsed: &Parsed) -> bool {
    changes(parsed) && !matches!(parsed, Parsed::Command(command) if is_never_undone(command))
}

/// True for a command that cannot be undone in any database.
fn is_never_undone(command: &Command) -> bool {
    match command {
        Command::Refresh(_) | Command::BackUp(_) | Command::Check(_) | Command::Erasing(_) | Command::AlterSystem(_) => true,
        Command::Schedule(command) => matches!(command.action, Action::Run | Action::Pause | Action::Resume),
        Command::Create(create) => create.target.grammar.word() == "model",
        _ => false,
    }
}

/// Refuses a change where transactions only read.
fn refuse_change(session: &Session, parsed: &Parsed) -> Result<()> {
    let of_transaction = session.transaction.lock().as_ref().map(|transaction| transaction.reads_only);
    let reads_only = of_transaction.unwrap_or_else(|| session.is_on(READS_ONLY));
    session.tables.set_reads_only(reads_only);
    if reads_only && changes(parsed) {
        let problem = "cannot be part of a read-only transaction; BEGIN READ WRITE";
        return Err(coded(SqlState::READ_ONLY_SQL_TRANSACTION, &tag_of(parsed), problem));
    }
    Ok(())
}

/// Refuses what cannot be undone.
fn refuse(session: &Session, parsed: &Parsed) -> Result<()> {
    refuse_change(session, parsed)?;
    match parsed {
        Parsed::Command(command) => check(session, command),
        Parsed::Sql(_) => Ok(()),
    }
}

/// Refuses a command that cannot be undone.
///
/// # Errors
/// It cannot be part of the current transaction.
pub(super) fn check(session: &Session, command: &Command) -> Result<()> {
    if session.transaction_status() == TransactionStatus::Idle {
        return Ok(());
    }
    let is_durable = session.engine.shared.catalog.is_durable();
    let is_of_objects = matches!(
        command,
        Command::Schedule(_)
            | Command::Create(_)
            | Command::Drop(..)
            | Command::Comment(_)
            | Command::Grant(_)
            | Command::AlterExperiment(_)
            | Command::AlterTag(_)
            | Command::SetClass(_)
            | Command::Sequence(_)
            | Command::SetSchema(_)
    );
    if !is_never_undone(command) && (is_durable || !is_of_objects) {
        return Ok(());
    }
    let problem = match is_durable {
        true => "cannot be part of a transaction; COMMIT first",
        false => "cannot be part of a transaction in memory; COMMIT first, or open a database with -d",
    };
    Err(session.not_undone(&command.tag(), problem))
}

/// Whether the modes make a transaction read-only; `None` when they do not say.
fn access(modes: &[TransactionMode]) -> Option<bool> {
    modes.iter().rev().find_map(|mode| match mode {
        TransactionMode::AccessMode(mode) => Some(*mode == TransactionAccessMode::ReadOnly),
        TransactionMode::IsolationLevel(_) => None,
    })
}

async fn begin(session: &Session, modes: &[TransactionMode]) -> Result<Answer> {
    if let Some(transaction) = session.transaction.lock().as_mut() {
        if !std::mem::take(&mut transaction.is_shared) {
            return Ok(Answer::done(vec!["there is a transaction already; it continues".into()]));
        }
        transaction.reads_only = access(modes).unwrap_or(transaction.reads_only);
        return Ok(Answer::done(vec![]));
    }
    let shared = &session.engine.shared.catalog;
    let catalog = if shared.is_durable() { Some(shared.begin()?) } else { None };
    let tables = session.tables.saved().await;
    let reads_only = access(modes).unwrap_or_else(|| session.is_on(READS_ONLY));
    let transaction = Transaction {
        catalog,
        tables,
        cursors: session.cursors.lock().keys().cloned().collect(),
        savepoints: vec![],
        has_failed: false,
        is_shared: false,
        reads_only,
        given: session.given(),
        local: vec![],
        _locks: session.tables.transaction_locks(),
    };
    *session.transaction.lock() = Some(transaction);
    session.tables.let_go();
    Ok(Answer::done(vec![]))
}

/// SET CONSTRAINTS: whether foreign keys are compared at COMMIT. Those that are not any more are compared at once.
///
/// # Errors
/// There is no foreign key of a name, or it is not DEFERRABLE; or one does not hold.
pub(super) async fn set_constraints(session: &Session, names: &[String], are_late: bool) -> Result<Answer> {
    let context = session.statement(Parameters::default());
    let keys = referring::all(&context)?;
    for name in names {
        match keys.iter().find(|key| key.name == *name) {
            None => {
                let problem = "there is no foreign key of this name; information_schema.referential_constraints lists them";
                return Err(coded(SqlState::UNDEFINED_OBJECT, name, problem));
            }
            Some(key) if !key.is_deferrable => {
                let problem = "constraint is not deferrable; make it DEFERRABLE, or leave it out";
                return Err(coded(SqlState::WRONG_OBJECT_TYPE, name, problem));
            }
            Some(_) => {}
        }
    }
    if session.transaction_status() == TransactionStatus::Idle {
        let note = "SET CONSTRAINTS has an effect only within a transaction";
        return Ok(Answer::done(if names.is_empty() { vec![] } else { vec![note.into()] }));
    }
    context.catalog().set_late(names, are_late);
    if !are_late {
        referring::verify_late(false, &context).await?;
        context.catalog().forget_late();
    }
    Ok(Answer::done(vec![]))
}

async fn commit(session: &Session, chain: bool) -> Result<Answer> {
    session.close_cursors();
    let verified = match session.transaction_status() {
        TransactionStatus::Active => referring::verify_late(true, &session.statement(Parameters::default())).await,
        TransactionStatus::Idle | TransactionStatus::Failed => Ok(()),
    };
    let ended = session.transaction.lock().take();
    let answer = match ended {
        None => Answer::done(vec![NOTHING_TO_COMMIT.into()]),
        Some(failed) if failed.has_failed => {
            session.put_back(failed.given)?;
            session.tables.restore(failed.tables).await;
            Answer::done(vec![]).tagged("ROLLBACK".into())
        }
        Some(transaction) => {
            session.tables.let_go();
            let mut given = session.given();
            for name in &transaction.local {
                match transaction.given.values.get(name) {
                    Some(before) => drop(given.values.insert(name.clone(), before.clone())),
                    None => drop(given.values.remove(name)),
                }
            }
            session.put_back(given)?;
            let committed = verified.and_then(|()| transaction.catalog.as_ref().map_or(Ok(()), |catalog| catalog.commit()));
            if let Err(error) = committed {
                session.tables.restore(transaction.tables).await;
                return Err(error);
            }
            session.tables.committed().await;
            Answer::done(if transaction.is_shared { vec![NOTHING_TO_COMMIT.into()] } else { vec![] })
        }
    };
    if chain {
        begin(session, &[]).await?;
    }
    Ok(answer)
}

async fn roll_back(session: &Session) -> Result<Answer> {
    session.close_cursors();
    let ended = session.transaction.lock().take();
    match ended {
        None => Ok(Answer::done(vec![NOTHING_TO_ROLL_BACK.into()])),
        Some(transaction) => {
            // Those that it declared go with it, WITH HOLD or not.
            session.cursors.lock().retain(|name, _| transaction.cursors.contains(name));
            session.put_back(transaction.given)?;
            session.tables.restore(transaction.tables).await;
            Ok(Answer::done(if transaction.is_shared { vec![NOTHING_TO_ROLL_BACK.into()] } else { vec![] }))
        }
    }
}

fn none(word: &str) -> DataFusionError {
    coded(SqlState::NO_ACTIVE_SQL_TRANSACTION, word, "can only be used within a transaction; BEGIN starts one")
}

/// A savepoint, with what there was of the session at that time.
struct Savepoint {
    name: String,
    tables: SavedTables,
    cursors: HashSet<String>,
}

/// The transaction of a BEGIN, which alone has savepoints.
fn begun(transaction: &mut Option<Transaction>) -> Option<&mut Transaction> {
    transaction.as_mut().filter(|transaction| !transaction.is_shared)
}

async fn savepoint(session: &Session, name: &Ident) -> Result<Answer> {
    let name = normal(name);
    let tables = session.tables.saved().await;
    let mut transaction = session.transaction.lock();
    let transaction = begun(&mut transaction).ok_or_else(|| none("SAVEPOINT"))?;
    if let Some(catalog) = &transaction.catalog {
        catalog.savepoint(&name)?;
    }
    let cursors = session.cursors.lock().keys().cloned().collect();
    transaction.savepoints.push(Savepoint { name, tables, cursors });
    Ok(Answer::done(vec![]))
}

async fn roll_back_to(session: &Session, name: &Ident) -> Result<Answer> {
    let name = normal(name);
    let tables = {
        let mut transaction = session.transaction.lock();
        let transaction = begun(&mut transaction).ok_or_else(|| none("ROLLBACK TO"))?;
        let place = transaction.savepoints.iter().rposition(|own| own.name == name).ok_or_else(|| no_savepoint(&name))?;
        if let Some(catalog) = &transaction.catalog {
            catalog.roll_back_to(&name)?;
        }
        transaction.savepoints.truncate(place + 1);
        transaction.has_failed = false;
        let savepoint = &transaction.savepoints[place];
        // Those that were declared since go.
        session.cursors.lock().retain(|name, _| savepoint.cursors.contains(name));
        savepoint.tables.clone()
    };
    session.tables.restore(tables).await;
    Ok(Answer::done(vec![]))
}

fn release(session: &Session, name: &Ident) -> Result<Answer> {
    let name = normal(name);
    let mut transaction = session.transaction.lock();
    let transaction = begun(&mut transaction).ok_or_else(|| none("RELEASE"))?;
    let place = transaction.savepoints.iter().rposition(|own| own.name == name).ok_or_else(|| no_savepoint(&name))?;
    if let Some(catalog) = &transaction.catalog {
        catalog.release(&name)?;
    }
    transaction.savepoints.truncate(place);
    Ok(Answer::done(vec![]))
}

fn no_savepoint(name: &str) -> DataFusionError {
    coded(SqlState::INVALID_SAVEPOINT, name, "no such savepoint; SAVEPOINT makes one")
}
