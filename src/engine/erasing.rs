//! ERASE SUBJECT and REFRESH RETENTION: remove rows from every stored snapshot.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use sqlparser::ast::{Expr, Value};
use tokio::task::{JoinError, JoinSet};

use super::exporting;
use super::naming::own_name;
use crate::adapter::arguments::Options;
use crate::catalog::data::DataFile;
use crate::catalog::erasure::{ErasedObject, NewErasure};
use crate::catalog::objects::Object;
use crate::catalog::rewriting::{Rewritten, Rule, without_texts_of};
use crate::catalog::runs::now;
use crate::catalog::snapshots::{Part, SnapshotOf};
use crate::docs::Doc;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::learning::model::erased::{learned_values, without_values};
use crate::objects::definition::constant_or_parameter;
use crate::objects::subject::{self, Held};
use crate::objects::{outdated, protection, referring, retaining};
use crate::settings::PortraitSettings;
use crate::sql::erasing::{Erasing, Subjects};
use crate::sql::redacting::{strings, without_literals};
use crate::sql::statement::erasing::ERASE;
use crate::statement::StatementContext;
use crate::text::grouped;

/// What is left for people to do after every erasure of a person.
const ELSEWHERE: &str = "those made before still hold the rows: delete them, or restore an archive, run the statement there and save it again; system.audit tells what was exported, and by whom";

/// Runs a statement about personal data; returns notes for the user.
///
/// # Errors
/// The statement is wrong or fails; nothing has changed then.
pub(super) async fn run(statement: &Erasing, context: &StatementContext) -> Result<Vec<String>> {
    needs_database(statement.tag(), context)?;
    match statement {
        Erasing::Erase(subjects, options) => erase(subjects, options, context).await,
        Erasing::Export(subjects, file, options) => {
            exporting::export(subjects, file.as_deref().unwrap_or_default(), options, context).await
        }
        Erasing::Retain(table, rule) => {
            let object = table_named(&own_name(table, context)?, context)?;
            let rule = rule.as_ref().map(|(length, column)| (length, column.as_deref()));
            retaining::retain(&object, rule, context)
        }
        Erasing::Refresh(table) => {
            let table = table.as_ref().map(|table| table_named(&own_name(table, context)?, context)).transpose()?;
            refresh_retention(table.as_ref(), context).await
        }
    }
}

/// Refuses statements that need a database when none is open.
pub(super) fn needs_database(label: &str, context: &StatementContext) -> Result<()> {
    if context.catalog().is_durable() {
        return Ok(());
    }
    Err(invalid(label, "is about what a database keeps, but no database is open; open one with -d"))
}

fn table_named(name: &str, context: &StatementContext) -> Result<Object> {
    let objects = context.objects()?;
    let tables = || objects.iter().filter(|object| object.kind == "table");
    if let Some(object) = tables().find(|object| object.name == name) {
        return Ok(object.clone());
    }
    let suggestion = did_you_mean(name, tables().map(|object| object.name.as_str()));
    let problem = format!("is not a table with rows of its own{suggestion}; SHOW TABLES lists them");
    Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, name, problem), name))
}

/// The options of a statement, checked against its page.
pub(super) fn options(label: &str, doc: &'static Doc, given: &[(String, Expr)], context: &StatementContext) -> Result<Options> {
    let mut values = vec![];
    for (name, value) in given {
        let Some(argument) = doc.argument(name) else {
            let names: Vec<&str> = doc.arguments.iter().map(|argument| argument.name).collect();
            let suggestion = did_you_mean(name, names.iter().copied());
            return Err(invalid(label, format!("no such option: {name}{suggestion}; there is {}", names.join(", "))));
        };
        values.push((argument.name, constant_or_parameter(label, name, value, context.parameters())?));
    }
    Options::read_for(label, doc, values)
}

/// The keys in a statement: constants, or parameters of the session.
pub(super) fn keys(label: &str, subjects: &Subjects, context: &StatementContext) -> Result<Vec<ScalarValue>> {
    let key = |key: &Expr| {
        let given = constant_or_parameter(label, "SUBJECT", key, context.parameters());
        // The error must not repeat the value, which is personal data.
        given.map_err(|error| match key {
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => error,
            _ => invalid(label, "a key is a constant: a text in quotes or a whole number"),
        })
    };
    let keys = subjects.keys.iter().map(key).collect::<Result<Vec<_>>>()?;
    match keys.iter().any(ScalarValue::is_null) {
        true => Err(invalid(label, "a key cannot be NULL")),
        false => Ok(keys),
    }
}

async fn erase(subjects: &Subjects, given: &[(String, Expr)], context: &StatementContext) -> Result<Vec<String>> {
    let label = "ERASE SUBJECT";
    let options = options(label, &ERASE, given, context)?;
    let reason = options.text("reason").unwrap_or_default().trim().to_string();
    if reason.is_empty() {
        return Err(invalid(label, "reason is missing; write WITH (reason = '…'); it is kept in the receipt"));
    }
    let keys = keys(label, subjects, context)?;
    let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let catalog = context.catalog();
    let lock = catalog.lock_all(label, context.session().config_options()).await?;
    // Renewed only after the lock is held: earlier writes are visible, and none can follow.
    let context = &context.renewed();
    let subject = subject::of(subjects, keys, &options, context).await?;
    if subject.keys.without(&reason).is_some() {
        return Err(invalid(label, "the reason contains the key, which must not be in the receipt; give another"));
    }
    let (rewritten, untold) = rewritten_files(&subject.held, "the key", context).await?;
    referring::verify_erasure(&of_tables(&rewritten), true, context).await?;
    let mut others = subject.left;
    others.extend(untold);
    others.push(ErasedObject::left("archives of BACKUP DATABASE, files of COPY and EXPORT", "to do", ELSEWHERE));
    let without_keys = |text: &str| subject.keys.without(text);
    let all: Vec<&Rewritten> = rewritten.iter().collect();
    let learned: BTreeSet<String> = catalog.trained()?.iter().flat_map(|model| learned_values(model)).collect();
    let theirs = only_theirs(&all, &learned, context)?;
    // What a profile has comes from definitions, such as the labels of a tag, or from tables.
    let of_tables: Vec<&Rewritten> = rewritten.iter().filter(|file| file.of == SnapshotOf::Table).collect();
    let mut written: BTreeSet<String> = catalog.definitions()?.iter().flat_map(|sql| strings(sql)).collect();
    written.retain(|text| text.chars().count() >= SHORTEST);
    let written = only_theirs(&of_tables, &written, context)?;
    let has_values = |sql: &str| !written.is_empty() && strings(sql).iter().any(|text| written.contains(text));
    let without_values = |model: &str| if theirs.is_empty() { None } else { without_values(model, &theirs) };
    let erasure = catalog.erase(NewErasure {
        kind: "subject",
        object: &subject.label,
        subjects: count,
        role: context.role(),
        reason: &reason,
        rewritten,
        others,
        without_keys: &without_keys,
        has_values: &has_values,
        without_literals: &without_literals,
        without_values: &without_values,
        applied: vec![],
    })?;
    let is_finished = finish(context).await;
    drop(lock);
    // If files left by killed processes cannot be removed now, they are removed later.
    let _ = catalog.collect();
    told(erasure, is_finished, context)
}

/// Rewrites the files with the rows, several at a time; also returns the tables with earlier files in which the rows cannot be identified.
async fn rewritten_files(held: &[Held], what: &str, context: &StatementContext) -> Result<(Vec<Rewritten>, Vec<ErasedObject>)> {
    let (catalog, options) = (context.catalog(), context.session().config_options());
    let memory = MemoryConsumer::new("erasing").register(&context.session().runtime_env().memory_pool);
    let most = options.execution.target_partitions.max(1);
    let (mut all, mut untold, mut tasks) = (vec![], vec![], JoinSet::new());
    for held in held {
        let mut without = 0;
        for (part, file) in catalog.files_of(held.of, &held.object.name)? {
            if file.rows > 0 && !held.is_told_in(&catalog.data.pin(&file)?.schema) {
                without += 1;
                continue;
            }
            if tasks.len() >= most
                && let Some(ended) = tasks.join_next().await
            {
                all.extend(written(ended)?);
            }
            let (catalog, memory, rules) = (Arc::clone(catalog), memory.new_empty(), held.rules.clone());
            let (of, name) = (held.of, held.object.name.clone());
            tasks.spawn(async move { catalog.without_rows((of, &name), (part, &file), &rules, &memory).await });
        }
        if without > 0 {
            let note = format!(
                "{without} files of earlier states have no column that is known to hold {what}: name the one they have, or make the table anew"
            );
            untold.push(ErasedObject::left(held.object.label(), "to do", note));
        }
    }
    while let Some(ended) = tasks.join_next().await {
        all.extend(written(ended)?);
    }
    Ok((all, untold))
}

/// The rewritten files of tables, old and new.
fn of_tables(rewritten: &[Rewritten]) -> Vec<(&str, &str, &DataFile)> {
    let of_table = |file: &&Rewritten| file.of == SnapshotOf::Table;
    rewritten.iter().filter(of_table).map(|file| (file.name.as_str(), file.old.name.as_str(), &file.new.file)).collect()
}

fn written(ended: std::result::Result<Result<Option<Rewritten>>, JoinError>) -> Result<Option<Rewritten>> {
    ended.unwrap_or_else(|error| Err(DataFusionError::External(Box::new(error))))
}

/// The fewest letters of a text in a definition that can be personal data.
const SHORTEST: usize = 2;

/// Those of some known strings that occurred only in the erased rows.
fn only_theirs(rewritten: &[&Rewritten], known: &BTreeSet<String>, context: &StatementContext) -> Result<BTreeSet<String>> {
    let catalog = context.catalog();
    let mut theirs: BTreeSet<String> = BTreeSet::new();
    let mut others: BTreeSet<String> = BTreeSet::new();
    for of in rewritten.iter().map(|file| (file.of, file.name.as_str())).collect::<HashSet<_>>() {
        let own = || rewritten.iter().filter(|file| (file.of, file.name.as_str()) == of);
        let texts = own().flat_map(|file| &file.texts).filter(|(_, text)| known.contains(text)).cloned();
        let all: BTreeSet<(String, String)> = texts.collect();
        let mut only = all.clone();
        if !only.is_empty() {
            for (_, file) in catalog.files_of(of.0, of.1)?.into_iter().filter(|(part, _)| *part == Part::Rows) {
                let new = own().find(|rewritten| rewritten.old.name == file.name).map(|rewritten| &rewritten.new.file);
                let pin = catalog.data.pin(new.unwrap_or(&file))?;
                without_texts_of(&pin, &mut only)?;
            }
        }
        others.extend(all.difference(&only).map(|(_, text)| text.clone()));
        theirs.extend(only.into_iter().map(|(_, text)| text));
    }
    Ok(theirs.difference(&others).cloned().collect())
}

/// Removes the traces of erased rows, waiting up to `lock_timeout` for statements that still read them; false when they take longer.
async fn finish(context: &StatementContext) -> bool {
    let catalog = context.catalog();
    let seconds = PortraitSettings::of(context.session().config_options()).lock_timeout;
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut is_first = true;
    loop {
        // Views loaded by sessions may hold old files.
        context.tables().let_go();
        context.activity().let_go();
        if catalog.finish_erasures(is_first).unwrap_or(false) {
            return true;
        }
        is_first = false;
        if began.elapsed() >= limit {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The receipt, as sentences.
fn told(erasure: i64, is_finished: bool, context: &StatementContext) -> Result<Vec<String>> {
    let mut notes = vec![];
    let (mut rows, mut objects) = (0, 0);
    for receipt in context.catalog().receipts(Some(erasure))? {
        match receipt.state.as_str() {
            "erased" => {
                rows += if receipt.files > 0 { receipt.rows } else { 0 };
                objects += i64::from(receipt.files > 0);
            }
            state => notes.push(format!("{state}: {}: {}", receipt.object, receipt.note)),
        }
    }
    let count = |number: i64| grouped(number.unsigned_abs());
    notes.insert(
        0,
        format!(
            "erasure {erasure}: {} rows of {} objects, earlier states included; SELECT * FROM system.erased_objects WHERE erasure = {erasure}",
            count(rows),
            count(objects)
        ),
    );
    if !is_finished {
        notes.push(
            "other statements are still reading what was erased; its files are removed when they have ended, and system.erasures then says when"
                .into(),
        );
    }
    Ok(notes)
}

/// Applies retention rules: of one table, or of all tables that the role owns.
async fn refresh_retention(table: Option<&Object>, context: &StatementContext) -> Result<Vec<String>> {
    let label = "REFRESH RETENTION";
    let catalog = context.catalog();
    if let Some(table) = table {
        context.check_owns(table)?;
        if !catalog.retentions()?.iter().any(|rule| rule.object == table.id) {
            let problem = format!("has no retention rule; RETAIN {} FOR INTERVAL '…' sets one", table.name);
            return Err(invalid(&table.label(), problem));
        }
    }
    let lock = catalog.lock_all(label, context.session().config_options()).await?;
    let context = &context.renewed();
    let (objects, rights, now) = (context.all_objects()?, context.rights()?, now());
    let mut notes = vec![];
    let mut is_finished = true;
    let mut failed = None;
    for rule in catalog.retentions()? {
        let Some(object) = objects.iter().find(|object| object.id == rule.object) else { continue };
        // The rows of the rules before are gone by now.
        let context = &context.renewed();
        let is_other = table.is_some_and(|table| table.id != object.id);
        // A role that does not see all rows must not learn how many are erased.
        if is_other || !rights.owns(object) || protection::covers(object, context)? {
            continue;
        }
        let Some(at) = rule.bound(now) else { continue };
        if !retaining::has_column(object, &rule.column, context)? {
            notes.push(format!(
                "{}: column {} no longer exists, so its rule has no effect; RETAIN the table by another column",
                object.label(),
                rule.column
            ));
            continue;
        }
        let held = outdated::rows(object, &Rule::Before { column: rule.column.clone(), at }, context)?;
        let Some((own, others)) = held.split_first() else { continue };
        let (mut rewritten, mut untold) = rewritten_files(std::slice::from_ref(own), "the time", context).await?;
        let (further, more) = rewritten_files(others, "the key", context).await?;
        rewritten.extend(further);
        untold.extend(more);
        // Rows that others refer to without saying what becomes of them stay, and do not hold up the rules of other tables.
        if let Err(error) = referring::verify_erasure(&of_tables(&rewritten), false, context).await {
            failed.get_or_insert(error);
            continue;
        }
        let removed = |table: &Object| {
            let files = rewritten.iter().filter(|file| file.name == table.name);
            files.map(|file| file.rows).sum::<i64>().unsigned_abs()
        };
        notes.push(format!(
            "{}: {} rows older than {} by {} were deleted",
            object.label(),
            grouped(removed(object)),
            rule.length(),
            rule.column
        ));
        for Held { object: other, .. } in others.iter().filter(|held| removed(&held.object) > 0) {
            if rights.owns(other) && !protection::covers(other, context)? {
                notes.push(format!("{}: {} rows that refer to these were deleted", other.label(), grouped(removed(other))));
            }
        }
        if rewritten.is_empty() {
            catalog.note_retention(rule.object)?;
            continue;
        }
        catalog.erase(NewErasure {
            kind: "retention",
            object: &object.label(),
            subjects: 0,
            role: context.role(),
            reason: &format!("older than {}", rule.length()),
            rewritten,
            others: untold,
            without_keys: &|_| None,
            has_values: &|_| false,
            without_literals: &|_| None,
            without_values: &|_| None,
            applied: vec![rule.object],
        })?;
        is_finished = finish(context).await;
    }
    drop(lock);
    if let Some(error) = failed {
        return Err(error);
    }
    if notes.is_empty() {
        notes.push("no table has a retention rule; RETAIN table FOR INTERVAL '…' sets one".into());
    }
    if !is_finished {
        notes.push("other statements are still reading what was deleted; its files are removed when they have ended".into());
    }
    Ok(notes)
}
