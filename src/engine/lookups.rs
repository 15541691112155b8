//! Prepared lookups: queries for the rows of one table with given values, which applications execute by the thousand.
//!
//! ```text
//! execution ─▶ is all as it was when it was planned? ─▶ find the rows, on a thread for quick tasks
//!                       └─▶ plan again ─▶ is it a lookup still? ─▶ no: as any other query
//! ```
//! A plan is kept as long as nothing has changed that it depends on: the state of the database, which any process may change; the role, its
//! settings and its temporary tables. Whether the role may read the table, and through which masks and policies, is part of that state.
//! Whatever goes wrong is left to the usual way, which reports it.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::sql::parser::Statement as SqlParsed;
use parking_lot::Mutex;
use sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, Statement as SqlStatement, TableFactor};
use sqlparser::tokenizer::Location;

use super::answer::Answer;
use super::describing::description_plan;
use super::prepared::{Parameters, Prepared};
use super::{Session, execution};
use crate::catalog::stamp::Stamp;
use crate::error::sqlstate;
use crate::objects::constraining::InTexts;
use crate::objects::schema;
use crate::sql::lookups::Kept;
use crate::sql::parser::Parsed;
use crate::sql::redacting::audited;
use crate::sql::references::tables_in;
use crate::sql::{given, postgres};
use crate::statement::StatementContext;
use crate::statement::activity::Outcome;
use crate::walk::Walk;

/// A prepared query that may be a lookup.
pub(super) struct Lookup {
    /// The name of its table, without the schema.
    table: String,
    planned: Mutex<Option<Arc<Planned>>>,
}

/// A plan, with what it depends on.
struct Planned {
    stamp: Stamp,
    session: Known,
    /// The settings, without functions: a lookup calls none.
    state: Arc<SessionState>,
    /// `None` for a query that is not a lookup at present.
    kept: Option<Kept>,
    /// The columns as they are reported to clients.
    told: Schema,
}

/// What of a session a plan depends on.
#[derive(Clone)]
struct Known {
    /// The same as long as nothing is set.
    options: Arc<ConfigOptions>,
    role: Arc<str>,
    /// The number of changes of temporary tables.
    tables: u64,
}

impl Known {
    fn of(session: &Session) -> Self {
        let (options, role) = session.options_of_role();
        Self { options, role, tables: session.tables.changes() }
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.options, &other.options) && self.role == other.role && self.tables == other.tables
    }
}

/// The rows that were found, with their columns, and the plan that told how.
type Found = (SchemaRef, Vec<RecordBatch>, Arc<Planned>);

impl Lookup {
    /// The lookup that a statement may be: a query of one table, which compares columns with constants, and depends on nothing else.
    pub(super) fn of(parsed: &Parsed) -> Option<Self> {
        let SqlParsed::Statement(statement) = parsed.sql()? else { return None };
        let SqlStatement::Query(query) = statement.as_ref() else { return None };
        let is_plain = query.as_ref().each_expression(|part| match part {
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::Nested(_)
            | Expr::Cast { .. }
            | Expr::BinaryOp { op: BinaryOperator::Eq | BinaryOperator::And, .. } => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        });
        let tables = tables_in(query.as_ref());
        match tables.as_slice() {
            [table] if is_plain.is_continue() && reads_one_table(query) => {
                Some(Self { table: table.last()?.clone(), planned: Mutex::default() })
            }
            _ => None,
        }
    }

    /// The answer of an execution; `None` when it must be executed as any other query.
    ///
    /// # Errors
    /// The statement was cancelled, or timed out.
    pub(super) async fn answer(self: &Arc<Self>, prepared: &Prepared, parameters: &Parameters) -> Result<Option<Answer>> {
        let session = &prepared.session;
        // Changes of a transaction make a state of their own, and a server elsewhere has its own plans.
        if session.remote.is_some() || !session.sees_what_is_committed() {
            return Ok(None);
        }
        let now = Known::of(session);
        let planned = self.planned.lock().clone().filter(|planned| planned.session.is_same(&now));
        let state = planned.as_ref().map(|planned| Arc::clone(&planned.state));
        let context = match state {
            Some(state) => session.statement_over(state, Parameters::default()),
            None => session.statement(Parameters::default()),
        };
        let tag = execution::tag_of(&prepared.parsed);
        let (pool, cancel) = (Arc::clone(&context.session().runtime_env().memory_pool), context.cancel().clone());
        let (activity, text) = (&session.engine.shared.activity, Arc::clone(&prepared.text));
        let mut begun = activity.begin(session.connection().cloned(), context.role(), Arc::clone(&text), cancel, pool);
        begun.tag.clone_from(&tag);
        context.audit_as(&tag, move || audited(&text));
        begun.audited = Some(context.clone());
        let work = {
            let (lookup, prepared, context) = (Arc::clone(self), prepared.clone(), context.clone());
            let parameters = parameters.clone();
            async move { lookup.found(&prepared, now, planned, &parameters, &context).await }
        };
        let engine = session.engine.with_turn(false);
        let found = tokio::select! {
            biased;
            error = context.ended() => {
                begun.end(Outcome::Failed(sqlstate(&error).code()));
                return Err(session.explain(&prepared.text, Location { line: 1, column: 1 })(error, false));
            }
            found = engine.run(work) => found,
        };
        let Ok(Some((schema, rows, planned))) = found else {
            begun.forget();
            return Ok(None);
        };
        let mut answer = Answer::of(schema, rows);
        answer.tell(&planned.told);
        Ok(Some(answer.tagged(tag).noted(begun).in_language(session.language())))
    }

    /// The rows; `None` when they are not found by a lookup.
    async fn found(
        &self,
        prepared: &Prepared,
        now: Known,
        planned: Option<Arc<Planned>>,
        parameters: &Parameters,
        context: &StatementContext,
    ) -> Result<Option<Found>> {
        let stamp = context.catalog().newest_stamp()?;
        let planned = match planned.filter(|planned| planned.stamp == stamp) {
            Some(planned) => planned,
            None => {
                let planned = Arc::new(Box::pin(self.plan(prepared, now)).await?);
                *self.planned.lock() = Some(Arc::clone(&planned));
                planned
            }
        };
        let Some(kept) = &planned.kept else { return Ok(None) };
        let parameter = |name: &str| -> Option<&ScalarValue> { parameters.value(name) };
        let Some(rows) = kept.find(parameter, context)? else { return Ok(None) };
        Ok(Some((Arc::clone(kept.schema()), rows, Arc::clone(&planned))))
    }

    /// Plans the query over the newest state of the database.
    async fn plan(&self, prepared: &Prepared, now: Known) -> Result<Planned> {
        let session = &prepared.session;
        let planning = |context: StatementContext| async move {
            let plan = description_plan(&prepared.parsed, &context).await?;
            let (mut kept, mut told) = (None, Schema::empty());
            if let Some(plan) = &plan
                && self.names_a_table(&context)?
            {
                kept = Kept::of(plan, &context).await?;
                told = postgres::columns(plan, &InTexts(&context));
            }
            // Each parameter must be the value of a condition, so that nothing else depends on it.
            let takes_all = |kept: &Kept| {
                let names = prepared.parsed.sql().map(given::parameters).unwrap_or_default();
                names.iter().all(|name| kept.takes(name))
            };
            Ok((context.view().stamp()?, kept.filter(takes_all), told))
        };
        let (stamp, kept, told) = session.statement(Parameters::default()).settled(planning).await?;
        let state = {
            let state = session.context.state_ref();
            let state = state.read();
            let (config, environment) = (state.config().clone(), Arc::clone(state.runtime_env()));
            SessionStateBuilder::new().with_config(config).with_runtime_env(environment).build()
        };
        Ok(Planned { stamp, session: now, state: Arc::new(state), kept, told })
    }

    /// True when its table is none of a session, and no view, whose text may depend on the time or on the session.
    fn names_a_table(&self, context: &StatementContext) -> Result<bool> {
        let is_it = |name: &str| schema::parts(name, context).1 == self.table;
        let objects = context.all_objects()?;
        let is_view = objects.iter().any(|object| object.kind == "view" && is_it(&object.name));
        Ok(!is_view && !context.tables().temporary_names().iter().any(|name| is_it(name)))
    }
}

/// True for `SELECT … FROM table WHERE …` over the newest state of the table.
fn reads_one_table(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let [from] = select.from.as_slice() else { return false };
    let is_named = matches!(
        &from.relation,
        TableFactor::Table {
            name: _,
            alias: _,
            args: None,
            with_hints: _,
            version: None,
            with_ordinality: false,
            partitions: _,
            json_path: None,
            sample: None,
            index_hints: _,
        }
    );
    is_named && from.joins.is_empty() && query.with.is_none()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;

    use super::*;
    use crate::engine::{Engine, EngineOptions};

    /// The values of an execution, as text.
    fn text(engine: &Engine, prepared: &Prepared, key: i64) -> String {
        let parameters = Parameters::positional([ScalarValue::Int64(Some(key))]);
        let rows = engine.block_on(async { prepared.execute(parameters).await?.collect().await });
        match rows {
            Ok(rows) => pretty_format_batches(&rows).unwrap().to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn is_kept(prepared: &Prepared) -> bool {
        prepared.lookup.as_ref().is_some_and(|lookup| lookup.planned.lock().as_ref().is_some_and(|known| known.kept.is_some()))
    }

    #[test]
    fn a_kept_lookup_sees_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Engine::open(EngineOptions { database: Some(folder.path().into()), ..EngineOptions::default() }).unwrap();
        let (engine, elsewhere) = (open(), open());
        let session = engine.session().unwrap();
        let run = |sql: &str| drop(engine.block_on(session.sql(sql)).unwrap());
        let other = elsewhere.session().unwrap();
        let run_elsewhere = |sql: &str| drop(elsewhere.block_on(other.sql(sql)).unwrap());
        run("CREATE TABLE t AS SELECT value AS id, 'a' || value AS name FROM generate_series(1, 10000)");
        run("CREATE ROLE ada LOGIN");
        run("GRANT SELECT ON t TO ada");
        run("GRANT CREATE ON SCHEMA public TO ada");
        let session = engine.session().unwrap().with_role("ada").with_rights_of_role();
        let prepare = |sql: &str| {
            let statement = engine.block_on(session.parse(sql)).unwrap().remove(0);
            engine.block_on(session.prepare(statement)).unwrap()
        };
        let prepared = prepare("SELECT name FROM t WHERE id = $1");
        let name = |key: i64| text(&engine, &prepared, key);
        assert!(name(7).contains("| a7 ") && name(10_001).lines().count() < 5 && is_kept(&prepared));
        assert!(name(7).contains("| a7 "));
        // Rows, from here and from another process.
        run("UPDATE t SET name = 'b7' WHERE id = 7");
        assert!(name(7).contains("| b7 ") && is_kept(&prepared));
        run_elsewhere("DELETE FROM t WHERE id = 7");
        assert!(!name(7).contains('7') && is_kept(&prepared));
        run_elsewhere("INSERT INTO t VALUES (7, 'c7')");
        assert!(name(7).contains("| c7 "));
        // Rules about what the role sees.
        run("CREATE MASK hide ON t (name) USING 'hidden'");
        assert!(name(8).contains("hidden") && !is_kept(&prepared));
        run("DROP MASK hide");
        assert!(name(8).contains("| a8 ") && is_kept(&prepared));
        run_elsewhere("REVOKE SELECT ON t FROM ada");
        assert!(name(8).contains("nothing of that name"), "{}", name(8));
        run_elsewhere("GRANT SELECT ON t TO ada");
        assert!(name(8).contains("| a8 "));
        // Settings of the session.
        engine.block_on(session.sql("SET search_path TO nowhere")).unwrap();
        assert!(!name(8).contains("| a8 "));
        engine.block_on(session.sql("RESET search_path")).unwrap();
        assert!(name(8).contains("| a8 ") && is_kept(&prepared));
        // A transaction sees its own state.
        engine.block_on(session.sql("BEGIN")).unwrap();
        run_elsewhere("DELETE FROM t WHERE id = 9");
        engine.block_on(session.sql("SELECT count(*) FROM t")).unwrap();
        run_elsewhere("DELETE FROM t WHERE id = 10");
        assert!(name(10).contains("| a10 ") && is_kept(&prepared));
        engine.block_on(session.sql("CREATE VIEW mine AS SELECT 1 AS a")).unwrap();
        assert!(name(10).contains("| a10 "));
        engine.block_on(session.sql("ROLLBACK")).unwrap();
        assert!(!name(10).contains("| a10 ") && !name(9).contains("| a9 "));
        // What a view says may depend on the time.
        run("CREATE VIEW v AS SELECT id, name FROM t");
        run("GRANT SELECT ON v TO ada");
        let through_view = prepare("SELECT name FROM v WHERE id = $1");
        assert!(text(&engine, &through_view, 8).contains("| a8 ") && !is_kept(&through_view));
    }
}
