//! What of a statement is recorded in the [audit log](crate::catalog::audit).
//!
//! ```text
//! begin ─▶ an export, a grant …: its record      reads, before a plan runs: a record for each table with columns of a class
//!      ─▶ refused as the role may not: its record          ─▶ … the end of a statement with records: rows and outcome
//! ```
//! Plans are looked at where they become physical, among the settings that they are planned with: whatever plans a query, a report or a
//! refresh, its reads are seen. A record is on disk before the first row is there. The end is not waited for: what a statement read is known
//! without it.

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

/// What a plan reads of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The name of the table.
    pub object: String,
    /// Its columns that are read and have a class, with that.
    pub columns: BTreeMap<String, String>,
    /// Those of them that are seen through a mask.
    pub masked: BTreeSet<String>,
}

/// Finds what a plan reads of columns that have a class.
pub type FindReads = for<'a> fn(&'a StatementContext, &'a LogicalPlan) -> BoxFuture<'a, Result<Vec<Read>>>;

/// What is known of a statement for its records. Cheap to clone; clones are of one statement.
#[derive(Clone, Default)]
pub struct Audited(Arc<Mutex<Known>>);

impl fmt::Debug for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audited").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    /// The words that say what it does.
    tag: String,
    /// Its text without the values in it, made when it is wanted.
    text: Option<Box<dyn Fn() -> String + Send>>,
    /// Its records.
    numbers: Vec<u64>,
    /// The columns that are recorded: of which table, and which.
    seen: BTreeSet<(String, String)>,
}

impl StatementContext {
    /// Notes what the statement is; `text` gives it without the values that are written in it.
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

    /// Records that the statement does this, to or with an object, before it is done.
    ///
    /// # Errors
    /// It cannot be recorded, and so must not be done.
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

    /// Records that other events are recorded from now on.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub fn audit_setting(&self, events: &str) -> Result<()> {
        let mut known = self.whole.audited.0.lock();
        let entry = Entry { outcome: events.to_string(), ..self.entry(Event::Setting, &known) };
        known.numbers.extend(self.catalog().audit().append(&[entry], true)?);
        Ok(())
    }

    /// Records what a plan reads, before it runs: each column of a table once.
    ///
    /// # Errors
    /// It cannot be recorded, and so must not be read.
    pub async fn audit_reads(&self, plan: &LogicalPlan) -> Result<()> {
        // An explanation runs nothing.
        if matches!(plan, LogicalPlan::Explain(_)) {
            return Ok(());
        }
        let reads = (self.whole.origin.find_reads)(self, plan).await?;
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

    /// Records how the statement ended, when anything of it was recorded, or when it was refused.
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
            // Nobody waits for it any more who could be told.
            let _ = log.append(&entries, is_denied);
        }
    }
}

/// Among the settings that a plan is made with, so that what it reads is recorded.
#[derive(Debug, Clone)]
pub struct AuditReads(pub StatementContext);

carried!(AuditReads, "audit_reads");
