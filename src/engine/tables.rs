//! Managed tables in a session: CREATE TABLE, DROP TABLE, and what is remembered of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::common::{Result, TableReference};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{CreateMemoryTable, DdlStatement, Expr, LogicalPlan};
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{ColumnOption, Ident, Statement as SqlStatement};

use super::Session;
use super::answer::Answer;
use super::schema::PUBLIC;
use crate::catalog::locks::Lock;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::catalog::tables::{self, ManagedTable, NewTable};
use crate::catalog::{Catalog, Definition, definitions};
use crate::error::{failed, invalid};
use crate::refresh::published::name_and_time;
use crate::sql::parser;
use crate::text::{timestamp, with_article};

/// A managed table as the statement sees it.
pub(super) fn open(
    catalog: &Arc<Catalog>,
    name: &str,
    when: When,
    defaults: HashMap<String, Expr>,
) -> Result<Arc<dyn TableProvider>> {
    let table = ManagedTable::open(catalog, name, when, defaults)?;
    let table = table.ok_or_else(|| match when {
        When::At(time) => {
            failed(name, format!("has no rows as of {}; it was made later, or that is too long ago", timestamp(time)))
        }
        _ => failed(name, "was dropped by another process meanwhile"),
    })?;
    Ok(Arc::new(table))
}

/// The statement that makes a table of the same columns, without rows.
pub(super) fn empty_copy(catalog: &Arc<Catalog>, state: &SessionState, definition: &Definition) -> Result<String> {
    let name = Ident::with_quote('"', &definition.name);
    if let Some(statement) = parser::parse(&definition.sql, state)?.pop()
        && let SqlParsed::Statement(statement) = statement.parsed.into_sql()?
        && let SqlStatement::CreateTable(mut table) = *statement
        && table.query.is_none()
    {
        table.or_replace = false;
        return Ok(table.to_string());
    }
    // The query of CREATE TABLE … AS would give the rows of another day.
    let columns = open(catalog, &definition.name, When::Now, HashMap::new())?.schema();
    let columns = columns.fields().iter().map(|field| {
        let of_type = field.data_type().to_string().replace('\'', "''");
        format!("arrow_cast(NULL, '{of_type}') AS {}", Ident::with_quote('"', field.name()))
    });
    Ok(format!("CREATE TABLE {name} AS SELECT {} WHERE false", columns.collect::<Vec<_>>().join(", ")))
}

/// The values of columns that an INSERT leaves out, of a table that was made with DEFAULT.
pub(super) async fn defaults(state: &SessionState, definition: &Definition) -> Result<HashMap<String, Expr>> {
    let none = Ok(HashMap::new());
    if !definition.sql.to_uppercase().contains("DEFAULT") {
        return none;
    }
    let Some(statement) = parser::parse(&definition.sql, state)?.pop() else { return none };
    let mut parsed = statement.parsed.into_sql()?;
    let SqlParsed::Statement(statement) = &mut parsed else { return none };
    let SqlStatement::CreateTable(table) = statement.as_mut() else { return none };
    let has_default = |option: &ColumnOption| matches!(option, ColumnOption::Default(_));
    if !table.columns.iter().flat_map(|column| &column.options).any(|option| has_default(&option.option)) {
        return none;
    }
    // The query has run; what it read may be gone.
    table.query = None;
    match state.statement_to_plan(parsed).await? {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) => Ok(table.column_defaults.into_iter().collect()),
        _ => none,
    }
}

impl Session {
    pub(super) fn has_database(&self) -> bool {
        self.engine.shared.options.database.is_some()
    }

    pub(super) fn is_remembered(&self, name: &TableReference) -> Result<bool> {
        let elsewhere = name.schema().is_some_and(|schema| schema != PUBLIC);
        Ok(!elsewhere && !self.public.has_temporary(name.table()) && self.engine.shared.catalog.get(name.table())?.is_some())
    }

    /// True when there is one already that IF NOT EXISTS leaves alone.
    pub(super) fn exists(&self, name: &str, kind: &str, or_replace: bool, if_not_exists: bool) -> Result<bool> {
        let advice = if self.public.has_temporary(name) {
            "DROP the temporary table first".to_string()
        } else {
            let Some(old) = self.engine.shared.catalog.get(name)?.map(|definition| definition.kind) else { return Ok(false) };
            let has_rows = old == definitions::TABLE || kind == definitions::TABLE;
            if or_replace && has_rows && old != kind {
                let word = if old == "view" { "VIEW" } else { "TABLE" };
                return Err(invalid(
                    name,
                    format!(
                        "is {}, which cannot be replaced by {}; DROP {word} {name} first",
                        with_article(&old),
                        with_article(kind)
                    ),
                ));
            }
            if or_replace {
                return Ok(false);
            }
            "write CREATE OR REPLACE, or DROP it first".to_string()
        };
        if if_not_exists { Ok(true) } else { Err(invalid(name, format!("exists already; {advice}"))) }
    }

    /// The snapshot of a table that is to be made, as the statement sees it; asked while it is planned.
    pub(super) fn replaced(&self, plan: &LogicalPlan) -> Result<Option<i64>> {
        let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(command)) = plan else { return Ok(None) };
        let newest = self.engine.shared.catalog.seen(SnapshotOf::Table, command.name.table(), When::Now)?;
        Ok(newest.map(|newest| newest.id))
    }

    /// CREATE TABLE in a database.
    pub(super) fn create_table(&self, command: CreateMemoryTable, text: String, replaced: Option<i64>) -> Result<Answer> {
        let CreateMemoryTable { name, constraints, input, if_not_exists, or_replace, .. } = command;
        let name = self.own_name(&name)?;
        if if_not_exists && or_replace {
            return Err(invalid(&name, "OR REPLACE and IF NOT EXISTS exclude each other; leave one out"));
        }
        if name_and_time(&name).1 != When::Now {
            return Err(invalid(&name, "a name does not end in @ and a number: that is how a time is written"));
        }
        if constraints.iter().next().is_some() {
            return Err(invalid(&name, "PRIMARY KEY, UNIQUE and FOREIGN KEY are not checked here; leave them out"));
        }
        if self.exists(&name, definitions::TABLE, or_replace, if_not_exists)? {
            return Ok(Answer::done(vec![]));
        }
        let catalog = Arc::clone(&self.engine.shared.catalog);
        let base = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
        let new = NewTable {
            replaced,
            if_not_exists,
            declared: matches!(input.as_ref(), LogicalPlan::EmptyRelation(_)),
            definition: Definition { name, kind: definitions::TABLE.into(), sql: text, base },
        };
        let frame = DataFrame::new(self.context.state(), Arc::unwrap_or_clone(input));
        Ok(Answer::work(&self.engine, move |running| async move {
            let task = Arc::new(frame.task_ctx());
            let plan = frame.create_physical_plan().await?;
            *running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
            tables::create(&catalog, &new, plan, task).await?;
            Ok(vec![])
        }))
    }

    /// DROP TABLE or DROP VIEW of what the database remembers.
    pub(super) async fn forget(&self, name: &TableReference, word: &str) -> Result<Answer> {
        let name = self.own_name(name)?;
        let catalog = &self.engine.shared.catalog;
        let kind = catalog.get(&name)?.map(|definition| definition.kind).unwrap_or_default();
        let own_word = if kind == "view" { "VIEW" } else { "TABLE" };
        if own_word != word {
            return Err(invalid(&name, format!("is {}; write DROP {own_word} {name}", with_article(&kind))));
        }
        self.refuse_used(&name)?;
        if kind == definitions::TABLE {
            self.refuse_viewed(&name)?;
            let _lock = self.lock_table(&name, "DROP TABLE").await?;
            // Who was waited for may have been followed by somebody who uses it.
            self.refuse_used(&name)?;
            self.refuse_viewed(&name)?;
            if !catalog.drop_table(&name)? {
                return Err(failed(&name, "was dropped by another process meanwhile"));
            }
            self.public.let_go();
            // What cannot be removed now is removed later; the table is gone.
            let _ = catalog.collect();
        } else {
            catalog.remove(&name)?;
        }
        Ok(Answer::done(vec![]))
    }

    /// Waits until nobody else writes to a table, or makes one of that name; views and external tables share its names.
    pub(super) async fn lock_table(&self, name: &str, work: &str) -> Result<Lock> {
        let state = self.context.state();
        self.engine.shared.catalog.lock(SnapshotOf::Table, name, work, state.config_options()).await
    }

    /// Refuses to drop a table that views read. Its rows would be gone for good, while an external table can be made again, and so its
    /// views live on.
    fn refuse_viewed(&self, name: &str) -> Result<()> {
        let views = self.objects(&self.context.state()).views_of_table(name)?;
        match views.as_slice() {
            [] => Ok(()),
            views => Err(invalid(name, format!("is used by {}; drop them first", views.join(", ")))),
        }
    }
}
