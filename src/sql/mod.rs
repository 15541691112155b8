//! Our additions to SQL: from text to statements and plans, and relation functions in FROM.

pub mod alter_system;
mod asking;
pub mod call;
mod capitals;
pub mod changing;
pub mod client;
pub mod command;
pub mod diagnostics;
mod dialect;
pub mod erasing;
pub mod experiment;
pub mod given;
pub mod granting;
pub mod headings;
pub mod inserting;
pub mod lineage;
pub mod lookups;
pub mod macros;
pub mod moving;
pub mod parser;
pub mod places;
pub mod planning;
pub mod postgres;
pub mod protection;
mod question_marks;
mod readers;
pub mod redacting;
pub mod references;
mod relation;
pub mod renaming;
mod rules;
pub mod schedule;
pub mod sequence;
pub mod settled;
mod stars;
pub mod statement;
pub mod syntax;
pub mod tag;
pub mod time_travel;
pub mod told;
mod types;
pub mod written;

pub use rules::failing::or_null;

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Optimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::future::BoxFuture;

use crate::adapter::definitions::{self, Definitions};
use crate::adapter::once::OncePlanner;
use crate::adapter::relation::FromFunction;
use crate::adapter::step::StepPlanner;
use crate::builtins;
use crate::docs::Doc;
use crate::error::invalid;
use crate::functions;
use crate::opaque::forward;
use crate::settings::PortraitSettings;
use crate::statement::AuditReads;

/// The function in FROM of that name, if it makes a plan.
pub fn relation_function(name: &str) -> Option<FromFunction> {
    let functions = functions::all().iter().flat_map(|set| set.relations.iter().chain(&set.internal_relations));
    functions.into_iter().find(|function| function.doc().name.eq_ignore_ascii_case(name)).cloned()
}

/// The documentation page of the function in FROM of that name: one that makes a plan, or a macro.
pub fn page_in_from(name: &str) -> Option<&'static Doc> {
    let macros = functions::all().iter().flat_map(|set| &set.macros).map(|function| function.doc());
    let relation = relation_function(name).map(|function| function.doc());
    relation.or_else(|| macros.into_iter().find(|doc| doc.name.eq_ignore_ascii_case(name)))
}

/// The planners of our plan nodes, for use in a query planner of your own.
pub fn extension_planners() -> Vec<Arc<dyn ExtensionPlanner + Send + Sync>> {
    vec![Arc::new(StepPlanner), Arc::new(call::CallPlanner), Arc::new(OncePlanner)]
}

/// Adds every function and setting to a session that is being built. The crate's documentation has an example.
///
/// A query planner that is already set is kept; add [`extension_planners`] to it.
pub fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    register_with(builder, Arc::new(definitions::NoDefinitions))
}

/// Like [`register`], with objects that functions in FROM can look up.
pub fn register_with(mut builder: SessionStateBuilder, objects: Arc<dyn Definitions>) -> SessionStateBuilder {
    let settings = &mut builder.config().get_or_insert_default().options_mut().extensions;
    if settings.get::<PortraitSettings>().is_none() {
        settings.insert(PortraitSettings::default());
    }
    for set in functions::all() {
        let scalars = set.scalars.iter().map(|function| Arc::new(function.udf()));
        builder.scalar_functions().get_or_insert_default().extend(scalars);
        let aggregates = set.aggregates.iter().map(|function| Arc::new(function.udf()));
        builder.aggregate_functions().get_or_insert_default().extend(aggregates);
    }
    builder = builder.with_type_planner(Arc::new(types::NamedTypes));
    builder.relation_planners().get_or_insert_default().push(Arc::new(relation::FromHook { objects }));
    // Calls are expanded before all other rules, so that the expanded plan is optimised together with the query.
    let optimizer = builder.optimizer().get_or_insert_with(Optimizer::new);
    optimizer.rules.insert(0, Arc::new(call::ExpandCalls));
    builder = rules::register(builtins::register(builder));
    if builder.query_planner().is_none() {
        builder = builder.with_query_planner(Arc::new(PortraitPlanner));
    }
    builder
}

/// Plans one query on a session that [`register`] was called for. It is like `SessionContext::sql`, and also accepts a table name as the
/// input of a relation function.
///
/// # Errors
/// Same as `SessionContext::sql`. Also an error when `sql` is not exactly one statement.
pub async fn sql(context: &SessionContext, sql: &str) -> Result<DataFrame> {
    sql_with(context, sql, &(Arc::new(definitions::NoDefinitions) as _)).await
}

/// Like [`sql`](fn@sql), with objects that macros can look up.
pub async fn sql_with(context: &SessionContext, sql: &str, objects: &Arc<dyn Definitions>) -> Result<DataFrame> {
    let state = planning::with_time_zone(context.state());
    let mut statements = parser::parse(sql, &state, &[])?;
    match (statements.pop(), statements.len()) {
        (Some(statement), 0) => {
            let mut parsed = statement.parsed.into_sql()?;
            macros::expand(&mut parsed, &state, objects, None).await?;
            syntax::read_again::mark(&mut parsed)?;
            let plan = headings::name(stars::plan(parsed, &state).await?)?;
            rules::zones::refuse_numbers(&plan)?;
            context.execute_logical_plan(plan).await
        }
        (_, others) => Err(invalid("sql", format!("takes one statement, got {}", if others == 0 { 0 } else { others + 1 }))),
    }
}

/// Gives the functions in FROM of a state the objects that they can look up.
pub fn bind(state: &mut SessionState, objects: Arc<dyn Definitions>) {
    // The newest planner is asked first, so the one from `register` is never reached. Registering a planner cannot fail here.
    let _ = state.register_relation_planner(Arc::new(relation::FromHook { objects }));
}

#[derive(Debug)]
struct PortraitPlanner;

impl QueryPlanner for PortraitPlanner {
    forward! {
        fn create_physical_plan<'plan, 'session>(
            &self,
            plan: &'plan LogicalPlan,
            session: &'session dyn Session
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl PortraitPlanner {
    fn planned<'a>(&'a self, plan: &'a LogicalPlan, session: &'a dyn Session) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            // Reads are recorded in the audit log before they happen.
            if let Some(AuditReads(context)) = session.config_options().extensions.get::<AuditReads>() {
                context.audit_reads(plan).await?;
            }
            DefaultPhysicalPlanner::with_extension_planners(extension_planners()).create_physical_plan(plan, session).await
        })
    }
}
