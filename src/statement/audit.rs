//! What the [audit log](crate::catalog::audit) records of a statement.
//!
//! ```text
//! begin ─▶ an export, a grant …: one record     reads, before a plan runs: one record per table with classified columns
//!      ─▶ permission denied: one record         ─▶ … the end of a statement that has records: row count and outcome
//! ```
//! Reads are recorded where the physical plan is made, through the settings that the plan is made with. So reads are seen whether a query,
//! a report or a refresh makes the plan. A record is on disk before the first row is returned. The record of the end is not waited for,
//! because what the statement read is known without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::StatementContext;
use super::activity::Outcome;
use crate::catalog::audit::{Entry, Event};
use crate::error::SqlState;
use crate::settings::{PortraitSettings, carried};

/// What a plan reads from one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The name of the table.
    pub object: String,
    /// The classified columns that are read, with their classes.
    pub columns: BTreeMap<String, String>,
    /// The columns among them that are read through a mask.
    pub masked: BTreeSet<String>,
}

/// Finds the classified columns that a plan reads.
pub type FindReads = for<'a> fn(&'a StatementContext, &'a LogicalPlan) -> BoxFuture<'a, Result<Vec<Read>>>;

/// What the records need to know about a statement. Cheap to clone; clones share the same statement.
#[derive(Clone, Default)]
pub struct Audited(Arc<Mutex<Known>>);

impl fmt::Debug for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audited").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    /// The command tag.
    tag: String,
    /// Makes the statement's text with its values removed. It is called only when a record is written.
    text: Option<Box<dyn Fn() -> String + Send>>,
    /// The numbers of the statement's records.
    numbers: Vec<u64>,
    /// The (table, column) pairs that are already recorded.
    seen: BTreeSet<(String, String)>,
}

impl StatementContext {
    /// Sets the command tag of the statement. `text` makes its text with the values removed.
    pub fn audit_as(&self, tag: &str, text: impl Fn() -> String + Send + 'static) {
        let mut known = self.whole.audited.0.lock();
        known.tag = tag.to_string();
        known.text = Some(Box::new(text));
    }

    fn entry(&self, event: Event, known: &Known) -> Entry {
        let client = self.connection().map(|connection| {
            let place = connection.client.map_or_else(|| connection.door.to_string(), |client| client.to_string());
            [place, connection.application()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        });
        let settings = PortraitSettings::of(self.session().config_options());
        Entry {
            role: self.role().to_string(),
            login: self.login().to_string(),
            client: client.unwrap_or_default(),
            purpose: settings.purpose,
            command: known.tag.clone(),
            statement: known.text.as_ref().map(|text| text()).unwrap_or_default(),
            ..Entry::new(event)
        }
    }

    /// Records an event that concerns `object`, before it happens.
    ///
    /// # Errors
    /// The event cannot be recorded, and so must not happen.
    pub fn audit(&self, event: Event, object: &str) -> Result<()> {
        let log = self.catalog().audit();
        if !log.events()?.has(event) || !log.is_writable() && event == Event::Export {
            return Ok(());
        }
        let mut known = self.whole.audited.0.lock();
        let entry = Entry { object: object.to_string(), ..self.entry(event, &known) };
        known.numbers.extend(log.append(&[entry], true)?);
        Ok(())
    }

    /// Records that the set of recorded events changes to `events`.
    ///
    /// # Errors
    /// The change cannot be recorded.
    pub fn audit_setting(&self, events: &str) -> Result<()> {
        let mut known = self.whole.audited.0.lock();
        let entry = Entry { outcome: events.to_string(), ..self.entry(Event::Setting, &known) };
        known.numbers.extend(self.catalog().audit().append(&[entry], true)?);
        Ok(())
    }

    /// Records what a plan reads, before it runs. Each column of a table is recorded once per statement.
    ///
    /// # Errors
    /// The reads cannot be recorded, so the plan must not run.
    pub async fn audit_reads(&self, plan: &LogicalPlan) -> Result<()> {
        // EXPLAIN does not run the plan.
        if matches!(plan, LogicalPlan::Explain(_)) {
            return Ok(());
        }
        self.audit_read(self.reads_of(plan).await?)
    }

    /// What a plan reads that must be recorded.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub async fn reads_of(&self, plan: &LogicalPlan) -> Result<Vec<Read>> {
        (self.whole.origin.find_reads)(self, plan).await
    }

    /// Records what is read, before it is.
    ///
    /// # Errors
    /// As [`Self::audit_reads`].
    pub fn audit_read(&self, reads: Vec<Read>) -> Result<()> {
        let log = self.catalog().audit();
        if reads.is_empty() || !log.events()?.has(Event::Read) {
            return Ok(());
        }
        let mut known = self.whole.audited.0.lock();
        let mut entries = vec![];
        for Read { object, columns, mut masked } in reads {
            let new: BTreeMap<String, String> =
                columns.into_iter().filter(|(column, _)| known.seen.insert((object.clone(), column.clone()))).collect();
            if !new.is_empty() {
                masked.retain(|column| new.contains_key(column));
                entries.push(Entry { object, columns: new, masked, ..self.entry(Event::Read, &known) });
            }
        }
        if !entries.is_empty() {
            known.numbers.extend(log.append(&entries, true)?);
        }
        Ok(())
    }

    /// Records how the statement ended, if it has any records or was denied.
    pub fn audit_end(&self, outcome: &Outcome, rows: u64) {
        let mut known = self.whole.audited.0.lock();
        let log = self.catalog().audit();
        let word = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::GivenUp => "given up",
            Outcome::Failed(code) => code,
        };
        let is_denied = word == SqlState::INSUFFICIENT_PRIVILEGE.code();
        let mut entries = vec![];
        if is_denied && log.is_writable() && log.events().is_ok_and(|events| events.has(Event::Denied)) {
            entries.push(Entry { outcome: word.to_string(), ..self.entry(Event::Denied, &known) });
        }
        let of = std::mem::take(&mut known.numbers);
        if !of.is_empty() {
            entries.push(Entry { of, outcome: word.to_string(), rows: Some(rows), ..Entry::new(Event::End) });
        }
        if !entries.is_empty() {
            // The statement is over, so nobody is left to report a failure to.
            let _ = log.append(&entries, is_denied);
        }
    }
}

/// Part of the settings that a plan is made with, so that what the plan reads is recorded.
#[derive(Debug, Clone)]
pub struct AuditReads(pub StatementContext);

carried!(AuditReads, "audit_reads");
