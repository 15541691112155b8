//! `VIEW`: a named query.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{Ident, ObjectName, Statement as SqlStatement};

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::relation;
use super::schema::parts;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, failed, invalid};
use crate::refresh::literals::coerced;
use crate::sql::command::{Body, Grammar};
use crate::sql::headings::check_once;
use crate::sql::parser::take_if_not_exists;
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE VIEW",
    summary: "Gives a query a name. A database remembers it.",
    syntax: "CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name AS query",
    description: "\
The query is planned when the view is created, and again each time it is used. A view cannot refer to itself.

**Cost.** Nothing is stored. The query runs at each use, as if it were written there: filters and projections reach its tables.

**Elsewhere.** As in PostgreSQL and DuckDB. There are no materialized views: CREATE TABLE AS keeps rows, and a schedule renews them.",
    examples: &["CREATE VIEW paid_orders AS SELECT * FROM sample_orders(rows => 1000) WHERE status = 'paid';"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct View;

impl Grammar for View {
    fn word(&self) -> &'static str {
        "view"
    }

    fn is_of_sql(&self) -> bool {
        true
    }
}

impl Kind for View {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn namespace(&self) -> &'static [&'static str] {
        &relation::NAMES
    }

    fn uses(&self, definition: &Definition) -> Uses {
        match &definition.body {
            Body::Sql(parsed) => match parsed.as_ref() {
                SqlParsed::Statement(statement) => Uses::of(statement.as_ref()),
                _ => Uses::default(),
            },
            _ => Uses::default(),
        }
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        relation::is_named_in(object, uses)
    }

    fn check_name(&self, new: &Object, _context: &StatementContext) -> Result<()> {
        relation::check_name(new)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            let uses = self.uses(&definition);
            if relation::is_named_in(object, &uses) {
                return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &object.name, "a view cannot refer to itself"));
            }
            let mut temporary = uses.tables.iter().filter_map(|table| match table.as_slice() {
                [name] => context.tables().temporary(name).map(|_| name),
                _ => None,
            });
            if let Some(name) = temporary.next_back().filter(|_| context.catalog().is_durable()) {
                let problem = format!("a view that is remembered cannot read the temporary table {name}");
                return Err(invalid(&object.name, problem));
            }
            let view = self.open(object, When::Now, context).await?;
            if let Some(plan) = view.get_logical_plan() {
                // Checked only on creation: earlier program versions allowed duplicate names, and such views remain readable.
                check_once(plan.schema())?;
                coerced(plan.into_owned(), &object.label(), context)?;
            }
            Ok(vec![])
        })
    }

    fn open<'a>(
        &'a self,
        object: &'a Object,
        when: When,
        context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            relation::only_now(object, when)?;
            let inside = context.entering(&object.name, &object.owner)?;
            let definition = Definition::read(object.clone(), context.session())?;
            let mut parsed = relation::statement(&definition)?.clone();
            take_if_not_exists(&mut parsed);
            match plan(&parsed, &inside).await? {
                LogicalPlan::Ddl(DdlStatement::CreateView(view)) => {
                    if let Some(name) = view.input.get_parameter_names()?.into_iter().min() {
                        return Err(invalid(&name, "a view cannot hold a parameter; write the value"));
                    }
                    Ok(Arc::new(ViewTable::new(Arc::unwrap_or_clone(view.input), view.definition)) as _)
                }
                _ => Err(failed(&object.name, format!("its definition makes no view: {}", object.sql))),
            }
        })
    }

    fn describe(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    fn system_table(&self) -> &'static str {
        "views"
    }

    fn listed(&self) -> &'static str {
        "The views of the database."
    }

    fn columns(&self) -> &'static [Column] {
        &relation::COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        Ok(relation::values(definitions))
    }

    fn shown(&self) -> &'static str {
        "SELECT name, definition FROM system.views ORDER BY name"
    }
}

/// The definition of a view under another name.
///
/// # Errors
/// The definition cannot be read.
pub fn renamed(object: &Object, name: &str, context: &StatementContext) -> Result<String> {
    let definition = Definition::read(object.clone(), context.session())?;
    let mut parsed = relation::statement(&definition)?.clone();
    if let SqlParsed::Statement(statement) = &mut parsed
        && let SqlStatement::CreateView(view) = statement.as_mut()
    {
        let (schema, own) = parts(name, context);
        view.name =
            ObjectName::from(schema.into_iter().chain([own]).map(|part| Ident::with_quote('"', part)).collect::<Vec<_>>());
        (view.or_replace, view.if_not_exists) = (false, false);
    }
    Ok(parsed.to_string())
}
