//! Statements that change the rows of a table at one side of a foreign key.
//!
//! Such a statement is a transaction of its own, or part of the session's. First its own change takes effect there. Then the rows that refer
//! to those that are gone, or have other keys, are changed as ON DELETE and ON UPDATE say: each such change is a DELETE or UPDATE of its
//! table, which can lead to others. At the end all foreign keys are compared with what has changed, and only then the transaction commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::{filter, not};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::MemTable;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::future::BoxFuture;

use super::Planned;
use crate::catalog::Catalog;
use crate::catalog::locks::Lock;
use crate::catalog::snapshots::{SnapshotOf, changed_meanwhile};
use crate::catalog::tables::{Action, ForeignKey};
use crate::engine::naming::relation;
use crate::error::{SqlState, coded};
use crate::objects::referring::{self, Before};
use crate::objects::schema::quoted;
use crate::sql::parser;
use crate::sql::planning::bind_parameters;
use crate::statement::{SavedTables, StatementContext};
use crate::text::{identifier, written_name};

/// The name of the table with the keys of the rows that are gone or have others, and of the table that refers to them.
const GONE: &str = "portrait:gone";
const REFERRING: &str = "portrait:referring";
/// How often the tables are locked anew, as others define foreign keys meanwhile.
const ATTEMPTS: usize = 10;

/// A statement and the tables that it may change.
pub struct Together {
    /// Sees the changes so far.
    pub context: StatementContext,
    /// The transaction of the statement alone; none where it is part of the session's.
    own: Option<Arc<Catalog>>,
    /// The temporary tables before a statement that changes one of them.
    saved: Option<SavedTables>,
    keys: Arc<[ForeignKey]>,
    before: Before,
    _locks: Vec<Lock>,
}

impl Together {
    /// Locks the tables of a statement that changes rows of this table, and begins its transaction; `None` where no foreign key has to do
    /// with it.
    ///
    /// # Errors
    /// Another statement holds a lock for too long, or the table cannot be emptied at once.
    pub async fn begin(name: &str, word: &str, context: &StatementContext) -> Result<Option<Self>> {
        let options = context.session().config_options();
        if context.tables().temporary(name).is_some() {
            return Self::begin_in_session(name, word, context).await;
        }
        for _ in 0..ATTEMPTS {
            let keys = referring::all(&context.renewed())?;
            let tables = tables(name, &keys);
            if tables.is_empty() {
                return Ok(None);
            }
            if word == "TRUNCATE" {
                refuse_emptying(name, &keys, context)?;
            }
            if context.catalog().is_transaction() {
                let _held = context.catalog().lock(SnapshotOf::Table, name, word, options).await?;
                let context = context.renewed();
                if word != "INSERT" {
                    referring::require_no_other(name, &context)?;
                }
                let before = Before::new();
                let mut together = Self { context, own: None, saved: None, keys, before, _locks: vec![] };
                together.note(name).await?;
                return Ok(Some(together));
            }
            let locks = lock_all(&tables, word, context, options).await?;
            let of_own = context.in_transaction()?;
            let keys = referring::all(&of_own)?;
            if self::tables(name, &keys).iter().all(|(table, changes)| tables.get(table).is_some_and(|known| known >= changes)) {
                let catalog = Arc::clone(of_own.catalog());
                let (own, before) = (Some(catalog), Before::new());
                let mut together = Self { context: of_own, own, saved: None, keys, before, _locks: locks };
                together.note(name).await?;
                return Ok(Some(together));
            }
        }
        Err(changed_meanwhile(name))
    }

    /// The same for a temporary table: no other session sees it, and what the statement does is undone where it fails.
    async fn begin_in_session(name: &str, word: &str, context: &StatementContext) -> Result<Option<Self>> {
        let keys = referring::all(&context.renewed())?;
        if tables(name, &keys).is_empty() {
            return Ok(None);
        }
        if word == "TRUNCATE" {
            refuse_emptying(name, &keys, context)?;
        }
        let (context, saved) = (context.renewed(), Some(context.tables().saved().await));
        let mut together = Self { context, own: None, saved, keys, before: Before::new(), _locks: vec![] };
        together.note(name).await?;
        Ok(Some(together))
    }

    async fn note(&mut self, table: &str) -> Result<()> {
        referring::note(&mut self.before, table, &self.context).await
    }

    /// The columns of a table whose old values are needed, as rows of other tables change with them.
    pub fn needed(&self, table: &str) -> Vec<String> {
        let all = self.keys.iter().filter(|key| key.referred == table && acts(key)).flat_map(|key| &key.referred_columns);
        all.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Changes the rows that refer to those that are gone, and those that refer to these.
    fn follow<'a>(&'a mut self, table: &'a str, gone: Gone) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let keys: Vec<ForeignKey> = self.keys.iter().filter(|key| key.referred == table && acts(key)).cloned().collect();
            for key in keys {
                let deleted = gone.part(&key, false)?;
                Box::pin(self.change(&key, key.on_delete, deleted, false)).await?;
                let moved = gone.part(&key, true)?;
                Box::pin(self.change(&key, key.on_update, moved, true)).await?;
            }
            Ok(())
        })
    }

    /// Changes the rows that refer by a foreign key to some keys that are gone, or have become others.
    async fn change(&mut self, key: &ForeignKey, action: Action, keys: Vec<RecordBatch>, has_others: bool) -> Result<()> {
        if !action.changes_rows() || keys.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(());
        }
        let table = &key.table;
        if self.own.is_none() && self.saved.is_none() {
            let options = self.context.session().config_options();
            let _held = self.context.catalog().lock(SnapshotOf::Table, table, "UPDATE", options).await?;
            referring::require_no_other(table, &self.context)?;
        }
        self.note(table).await?;
        let context = self.context.renewed();
        // As in PostgreSQL, the owner of the table changes these rows, and sees all of them.
        let context = match self.saved {
            Some(_) => context,
            None => {
                let object = relation(table, &context.as_owner(""))?.ok_or_else(|| changed_meanwhile(table))?;
                context.as_owner(&object.owner).reading_as("")
            }
        };
        let text = statement(key, action, has_others, &context);
        let parsed = parser::parse_composed(&text, context.session())?;
        let schema = keys.first().map(RecordBatch::schema).ok_or_else(|| changed_meanwhile(table))?;
        let gone = MemTable::try_new(schema, vec![keys])?;
        let context = context.with_files(vec![(GONE.into(), Arc::new(gone))]);
        let needed = self.needed(table);
        let planned = Planned::of(&parsed, table, &needed, &context).await?;
        let rows = bind_parameters(planned.rows.clone(), &context)?;
        let frame = DataFrame::new(planned.context.state(), rows);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let (_, gone) = planned.change(plan, task).await?;
        self.follow(table, gone).await
    }

    /// Changes the rows that refer to those that are gone, compares all foreign keys with what has changed, and commits.
    ///
    /// # Errors
    /// One does not hold. Then nothing is changed.
    pub async fn end(mut self, table: &str, gone: Gone) -> Result<()> {
        let followed = self.follow(table, gone).await;
        let may_be_late = self.own.is_none() && self.context.catalog().is_transaction();
        let verified = match followed {
            Ok(()) => referring::verify(&self.before, &self.keys, may_be_late, &self.context).await,
            Err(error) => Err(error),
        };
        if let (Err(_), Some(saved)) = (&verified, self.saved.take()) {
            self.context.tables().restore(saved).await;
        }
        if let Some(own) = &self.own {
            self.context.tables().let_go();
            verified?;
            return own.commit();
        }
        verified
    }
}

/// True for a foreign key whose rows change with those that they refer to.
fn acts(key: &ForeignKey) -> bool {
    key.on_delete.changes_rows() || key.on_update.changes_rows()
}

/// The tables that a change of one may change or must be compared with, itself among them, each with whether it may change; none where no foreign
/// key has to do with it.
fn tables(name: &str, keys: &[ForeignKey]) -> BTreeMap<String, bool> {
    let mut all = BTreeMap::new();
    let (mut changed, mut next) = (vec![name.to_string()], 0);
    while let Some(table) = changed.get(next).cloned() {
        next += 1;
        for key in keys {
            if key.referred == table {
                all.entry(key.table.clone()).or_insert(false);
                if acts(key) && !changed.contains(&key.table) {
                    changed.push(key.table.clone());
                }
            }
            if key.table == table {
                all.entry(key.referred.clone()).or_insert(false);
            }
        }
    }
    if !all.is_empty() {
        all.extend(changed.into_iter().map(|table| (table, true)));
    }
    all
}

/// Locks tables in an order that all statements have in common, so that no two wait for each other. One that is only compared need not be
/// free: the commit finds out if what was found in it is no longer so.
async fn lock_all(
    tables: &BTreeMap<String, bool>,
    word: &str,
    context: &StatementContext,
    options: &ConfigOptions,
) -> Result<Vec<Lock>> {
    let (catalog, mut locks) = (context.catalog(), vec![]);
    for (table, changes) in tables {
        locks.extend(match changes {
            true => catalog.lock(SnapshotOf::Table, table, word, options).await?,
            false => catalog.lock_soon(SnapshotOf::Table, table, word).await?,
        });
    }
    Ok(locks)
}

/// Refuses TRUNCATE of a table that others refer to.
fn refuse_emptying(name: &str, keys: &[ForeignKey], context: &StatementContext) -> Result<()> {
    let Some(key) = keys.iter().find(|key| key.referred == name && key.table != name) else { return Ok(()) };
    let rights = context.rights()?;
    let is_seen = context.tables().temporary(&key.table).is_some()
        || context.all_objects()?.iter().any(|object| object.name == key.table && rights.sees(object));
    let who = if is_seen { format!("table {}", written_name(&key.table)) } else { "what others have made".to_string() };
    let problem = format!(
        "cannot truncate a table referenced in a foreign key constraint: {who} references it; DELETE FROM {} compares the rows",
        written_name(name)
    );
    Err(coded(SqlState::FEATURE_NOT_SUPPORTED, name, problem))
}

/// The statement that changes the rows which refer to keys that are gone.
fn statement(key: &ForeignKey, action: Action, has_others: bool, context: &StatementContext) -> String {
    let table = quoted(&key.table, context);
    // A statement may name a row that it removes several times.
    let gone = format!("(SELECT DISTINCT * FROM \"{GONE}\") AS \"{GONE}\"");
    let places = || key.columns.iter().enumerate();
    let is_it = places().map(|(place, name)| format!("\"{REFERRING}\".{} = \"{GONE}\".old_{place}", identifier(name)));
    let is_it = is_it.collect::<Vec<_>>().join(" AND ");
    let set = |value: &dyn Fn(usize) -> String| {
        let set = places().map(|(place, name)| format!("{} = {}", identifier(name), value(place)));
        let set = set.collect::<Vec<_>>().join(", ");
        format!("UPDATE {table} AS \"{REFERRING}\" SET {set} FROM {gone} WHERE {is_it}")
    };
    match action {
        Action::Cascade if has_others => set(&|place| format!("\"{GONE}\".new_{place}")),
        Action::SetDefault => set(&|_| "DEFAULT".into()),
        Action::SetNull => set(&|_| "NULL".into()),
        Action::NoAction | Action::Restrict | Action::Cascade => {
            format!("DELETE FROM {table} AS \"{REFERRING}\" USING {gone} WHERE {is_it}")
        }
    }
}

/// The keys of rows that a statement removes, or gives other keys.
#[derive(Default)]
pub struct Gone {
    /// The columns that have values.
    pub columns: Vec<String>,
    /// The old values of removed rows.
    deleted: Vec<Vec<ArrayRef>>,
    /// The old and the new values of rows of which one has changed.
    moved: Vec<(Vec<ArrayRef>, Vec<ArrayRef>)>,
}

impl Gone {
    pub fn new(columns: Vec<String>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds rows with their old and new values, which count where they are `removed`, and of which those that `stay` have the new values.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn add(
        &mut self,
        (old, new): (&[ArrayRef], &[ArrayRef]),
        (removed, stay): (&BooleanArray, &BooleanArray),
        memory: &MemoryReservation,
    ) -> Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let taken = |columns: &[ArrayRef], rows: &BooleanArray| -> Result<Vec<ArrayRef>> {
            columns.iter().map(|column| Ok(filter(column, rows)?)).collect()
        };
        let rows = |has: &dyn Fn(usize) -> bool| (0..removed.len()).map(|row| Some(has(row))).collect::<BooleanArray>();
        let is_removed = |row: usize| removed.is_valid(row) && removed.value(row);
        let does_stay = |row: usize| stay.is_valid(row) && stay.value(row);
        let deleted = rows(&|row| is_removed(row) && !does_stay(row));
        let mut changed = vec![false; removed.len()];
        for (old, new) in old.iter().zip(new) {
            let is_other = distinct(old, new)?;
            changed.iter_mut().zip(is_other.iter()).for_each(|(all, own)| *all |= own == Some(true));
        }
        let moved = rows(&|row| is_removed(row) && does_stay(row) && changed[row]);
        for (part, of) in [(taken(old, &deleted)?, None), (taken(old, &moved)?, Some(taken(new, &moved)?))] {
            if part.first().is_none_or(|column| column.is_empty()) {
                continue;
            }
            let bytes = |columns: &[ArrayRef]| columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
            memory.try_grow(bytes(&part) + of.as_deref().map_or(0, bytes))?;
            match of {
                None => self.deleted.push(part),
                Some(of) => self.moved.push((part, of)),
            }
        }
        Ok(())
    }

    /// The keys that a foreign key refers to: those of removed rows, or with their new values those that have become others.
    fn part(&self, key: &ForeignKey, has_others: bool) -> Result<Vec<RecordBatch>> {
        let places: Vec<usize> =
            key.referred_columns.iter().filter_map(|name| self.columns.iter().position(|own| own == name)).collect();
        let own = |columns: &[ArrayRef]| places.iter().filter_map(|place| columns.get(*place).cloned()).collect::<Vec<_>>();
        let batch = |old: Vec<ArrayRef>, new: Vec<ArrayRef>| -> Result<RecordBatch> {
            let field = |word: &str, (place, column): (usize, &ArrayRef)| {
                Field::new(format!("{word}_{place}"), column.data_type().clone(), true)
            };
            let fields = old.iter().enumerate().map(|one| field("old", one));
            let fields = fields.chain(new.iter().enumerate().map(|one| field("new", one))).collect::<Vec<_>>();
            Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), old.into_iter().chain(new).collect())?)
        };
        if !has_others {
            return self.deleted.iter().map(|old| batch(own(old), vec![])).collect();
        }
        let with_others = |(old, new): &(Vec<ArrayRef>, Vec<ArrayRef>)| {
            let (old, new) = (own(old), own(new));
            // Other columns may have changed, and this key not.
            let mut is_same = vec![true; old.first().map_or(0, |column| column.len())];
            for (old, new) in old.iter().zip(&new) {
                let is_other = distinct(old, new)?;
                is_same.iter_mut().zip(is_other.iter()).for_each(|(all, own)| *all &= own != Some(true));
            }
            let is_other = not(&BooleanArray::from(is_same))?;
            let taken = |columns: Vec<ArrayRef>| -> Result<Vec<ArrayRef>> {
                columns.iter().map(|column| Ok(filter(column, &is_other)?)).collect()
            };
            batch(taken(old)?, taken(new)?)
        };
        self.moved.iter().map(with_others).collect()
    }
}
