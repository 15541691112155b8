//! REFRESH IDENTITY: runs the statements of a refresh in one transaction of a separate session, with the rights of the owner.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::catalog::MemTable;
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;

use super::commands::uncovered;
use super::schema::CATALOG;
use super::{Engine, Parameters, Session};
use crate::catalog::tables::ManagedTable;
use crate::error::{coded, invalid, message_without_place, sqlstate};
use crate::objects::definition::Definition;
use crate::objects::identity::{self, Files, Reading, ScriptOfAdded};
use crate::objects::lifecycle::{find, missing};
use crate::sql::command::Refresh;
use crate::statement::StatementContext;
use crate::text::grouped;

/// Refreshes an identity; returns notes for the user.
///
/// # Errors
/// There is no such identity or no database, or its query fails; nothing has changed then.
pub(super) async fn refresh(engine: &Engine, statement: &Refresh, context: &StatementContext) -> Result<Vec<String>> {
    let label = format!("REFRESH IDENTITY {}", statement.target.name);
    if !statement.options.is_empty() || statement.tags.is_some() {
        return Err(invalid(&label, "takes no options; the options of the identity are in its definition"));
    }
    let Some(object) = find(context, &statement.target)? else { return Err(missing(context, &statement.target)?) };
    if !context.catalog().is_durable() {
        return Err(invalid(&label, "keeps ids from one refresh to the next, and so needs a database; open one with -d"));
    }
    let definition = Definition::read(object.clone(), context.session())?;
    let session = engine.session()?.with_role(&object.owner).with_base(Path::new(&object.base));
    // An object created before there were roles has no owner; it runs with full rights.
    let mut session = if object.owner.is_empty() { session } else { session.with_rights_of_role() };
    if let Some(places) = context.places() {
        session = session.with_places(places.into());
    }
    // The sources are read with the rights of the owner, and as the owner sees them: numbers and errors reveal them.
    let owns = context.rights()?.owns(&object);
    session.sql("BEGIN").await?;
    let reported = |error: DataFusionError| match owns {
        true => coded(sqlstate(&error), &object.label(), message_without_place(&error)),
        false => uncovered(&object.label(), error),
    };
    let refreshing = Refreshing { session: &session, definition: &definition, at: context.now() };
    let (script, kept, told) = refreshing.prepare().await.map_err(reported)?;
    // Dropping the session on an error rolls its transaction back. Errors are reported without a place, as the user did not write these
    // statements.
    let found = refreshing.run(&script).await.map_err(reported)?;
    if let Some((reading, known)) = kept {
        refreshing.keep(reading, &known).await.map_err(reported)?;
    }
    session.sql("COMMIT").await?;
    if !owns {
        return Ok(vec![format!("{}: refreshed", object.label())]);
    }
    let count = |column: usize| {
        let batch = found.iter().find(|batch| batch.num_rows() > 0)?;
        u64::try_from(batch.column(column).as_primitive::<Int64Type>().value(0)).ok()
    };
    let count = |column: usize| grouped(count(column).unwrap_or_default());
    let text = format!("{} records of {} persons; {} merged, {} split", count(0), count(1), count(2), count(3));
    let told = match told {
        Told::Nothing => None,
        Told::All(reason) => Some(reason),
        Told::Added(rows) => {
            Some(format!("only {} records were resolved again, those that {} new rows touch", count(4), grouped(rows)))
        }
    };
    Ok([Some(text), told].into_iter().flatten().map(|text| format!("{}: {text}", object.label())).collect())
}

/// What a refresh tells about which records it has resolved.
enum Told {
    Nothing,
    /// All of them, for a reason.
    All(String),
    /// Those that this many new rows touch.
    Added(u64),
}

/// What a refresh runs.
enum Script {
    Statements(Vec<String>),
    OfAdded(ScriptOfAdded),
}

/// A refresh in its transaction.
struct Refreshing<'a> {
    session: &'a Session,
    definition: &'a Definition,
    at: i64,
}

impl Refreshing<'_> {
    /// The statements of the refresh, and if the next refresh may need to know, what they read and what the last one has read.
    async fn prepare(&self) -> Result<(Script, Option<(Reading, Files)>, Told)> {
        let known = self.known_files().await?;
        let context = self.session.statement(Parameters::default());
        let read = |context: StatementContext| async move { identity::reading(self.definition, self.at, &context).await };
        let reading = match context.settled(read).await? {
            Ok(reading) => reading,
            Err(reason) => {
                let told = if known.is_empty() || reason.is_empty() { Told::Nothing } else { Told::All(reason) };
                return Ok((Script::Statements(identity::script(self.definition, self.at, false)?), None, told));
            }
        };
        let mut told = Told::Nothing;
        if !known.is_empty() {
            match self.added(&reading, &known, &context).await? {
                Ok(rows) => {
                    let script = match rows {
                        0 => Script::Statements(identity::script_of_none(self.definition, self.at)),
                        _ => Script::OfAdded(identity::script_of_added(self.definition, self.at)?),
                    };
                    return Ok((script, Some((reading, known)), Told::Added(rows)));
                }
                Err(reason) => told = Told::All(reason),
            }
        }
        Ok((Script::Statements(identity::script(self.definition, self.at, true)?), Some((reading, known)), told))
    }

    /// Runs the statements, and returns the rows of the last one.
    async fn run(&self, script: &Script) -> Result<Vec<RecordBatch>> {
        match script {
            Script::Statements(statements) => self.run_all(statements).await,
            Script::OfAdded(ScriptOfAdded { first, take, taken, taken_none, last }) => {
                self.run_all(first).await?;
                let rows = self.session.sql(take).await?;
                match rows.first().map(RecordBatch::schema) {
                    Some(schema) => {
                        let rows = MemTable::try_new(schema, vec![rows])?;
                        self.session.statement(Parameters::default()).tables().add_temporary(taken.clone(), Arc::new(rows));
                    }
                    None => {
                        self.session.sql(taken_none).await?;
                    }
                }
                self.run_all(last).await
            }
        }
    }

    async fn run_all(&self, statements: &[String]) -> Result<Vec<RecordBatch>> {
        let mut rows = vec![];
        for statement in statements {
            rows = self.session.sql(statement).await?;
        }
        Ok(rows)
    }

    /// Reads the rows that were added into a temporary table, and counts them; or says why all must be read.
    async fn added(
        &self,
        reading: &Reading,
        known: &Files,
        context: &StatementContext,
    ) -> Result<std::result::Result<u64, String>> {
        let own = self.own_files(context).await?;
        if let Some((table, _)) = own.iter().find(|(table, files)| known.get(*table) != Some(files)) {
            return Ok(Err(format!("all records were resolved again: {table} has changed")));
        }
        let plan = match reading.since(known)? {
            Ok(plan) => plan,
            Err(reason) => return Ok(Err(reason)),
        };
        let schema = Arc::clone(plan.schema().inner());
        let batches = DataFrame::new(context.state(), plan).collect().await?;
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let table = MemTable::try_new(schema, vec![batches])?;
        context.tables().add_temporary(identity::added_table(self.definition), Arc::new(table));
        Ok(Ok(rows))
    }

    /// The files of the identity's own tables; none for a table that the owner sees only in part.
    async fn own_files(&self, context: &StatementContext) -> Result<Files> {
        let mut all = Files::new();
        let state = context.state();
        let catalog = state.catalog_list().catalog(CATALOG);
        let schema = catalog.and_then(|catalog| catalog.schema(identity::SCHEMA));
        for end in identity::OWN {
            let name = format!("{}{end}", self.definition.object.name);
            let table = match &schema {
                Some(schema) => schema.table(&name).await?,
                None => None,
            };
            let managed = table.as_ref().and_then(|table| table.downcast_ref::<ManagedTable>());
            let files = managed.map(|table| table.files().map(|(file, _)| file.to_string()).collect()).unwrap_or_default();
            all.insert(format!("{}.{name}", identity::SCHEMA), files);
        }
        Ok(all)
    }

    /// The files that the last refresh has read; none if it has not told.
    async fn known_files(&self) -> Result<Files> {
        let columns = self.session.table_columns(vec![identity::table_of_files(self.definition)]).await?;
        if columns.iter().all(|columns| columns.fields().is_empty()) {
            return Ok(Files::new());
        }
        let mut files = Files::new();
        for batch in self.session.sql(&identity::read_files(self.definition)).await? {
            let texts = |place: usize| cast(batch.column(place), &DataType::Utf8);
            let (sources, names) = (texts(0)?, texts(1)?);
            for (source, name) in sources.as_string::<i32>().iter().zip(names.as_string::<i32>()) {
                let files = files.entry(source.unwrap_or_default().to_string()).or_default();
                files.insert(name.unwrap_or_default().to_string());
            }
        }
        Ok(files)
    }

    /// Remembers which files were read and written, if they are not those of the last refresh.
    async fn keep(&self, reading: Reading, known: &Files) -> Result<()> {
        let mut files = reading.files;
        files.extend(self.own_files(&self.session.statement(Parameters::default())).await?);
        if files != *known {
            self.run_all(&identity::keep_files(self.definition, &files, known.is_empty())).await?;
        }
        Ok(())
    }
}
