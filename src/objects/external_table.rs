//! `EXTERNAL TABLE`: files by a name.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::relation;
use crate::catalog::objects::Object;
use crate::catalog::snapshots::When;
use crate::databases;
use crate::docs::{Column, Doc};
use crate::error::failed;
use crate::files;
use crate::sql::command::Grammar;
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE EXTERNAL TABLE",
    summary: "Gives files a name. The files stay where they are; a database remembers the name.",
    syntax: "CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name [(column type, …)]
STORED AS PARQUET | CSV | JSON | EXCEL
[PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]
LOCATION 'place'",
    description: "\
`place` is a file, a folder (all its files of that kind), a pattern with `*`, `?` or `[…]` (a file that is called so is that file), or a URL: `s3://`, `gs://`, `az://`, `https://`, with
credentials from the usual environment variables (`AWS_ACCESS_KEY_ID`, `GOOGLE_APPLICATION_CREDENTIALS`,
`AZURE_STORAGE_ACCOUNT_NAME` …). Folders such as `year=2025/` become columns. Relative paths start from the current directory and are
remembered whole. The options of CSV are those of `read_csv`, as `OPTIONS ('separator' ';', 'encoding' 'gb18030')`; declared columns are bound by
the names in the header. What does not exist or cannot be read is an error that names it. Without a name: `FROM 'orders.parquet'`.",
    examples: &["CREATE EXTERNAL TABLE customers STORED AS PARQUET LOCATION 'data/sample/customers.parquet';"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct ExternalTable;

impl Grammar for ExternalTable {
    fn word(&self) -> &'static str {
        "external table"
    }

    fn is_of_sql(&self) -> bool {
        true
    }
}

impl Kind for ExternalTable {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn namespace(&self) -> &'static [&'static str] {
        &relation::NAMESPACE
    }

    fn uses(&self, _definition: &Definition) -> Uses {
        Uses::default()
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        relation::is_named_in(object, uses)
    }

    fn check_name(&self, new: &Object, _context: &StatementContext) -> Result<()> {
        relation::check_name(new)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move { self.open(object, When::Now, context).await.map(|_| vec![]) })
    }

    fn open<'a>(
        &'a self,
        object: &'a Object,
        when: When,
        context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            relation::only_now(object, when)?;
            let definition = Definition::read(object.clone(), context.session())?;
            // Planning looks at the table's own name, too.
            let state = context.entering(&object.name)?.state();
            match state.statement_to_plan(relation::statement(&definition)?.clone()).await? {
                LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => {
                    let base = Path::new(&object.base);
                    if databases::is_kind(&command.file_type) {
                        return databases::create(&state, &command, base).await;
                    }
                    files::create(&state, *command, base).await
                }
                _ => Err(failed(&object.name, format!("its definition makes no external table: {}", object.sql))),
            }
        })
    }

    fn dump(&self, definition: &Definition, mut written: Written, _context: &StatementContext) -> Result<String> {
        let resolve = |place: &str| files::places::resolved(place, Path::new(&definition.object.base));
        written.relocate(resolve);
        written.relocate_option(databases::CREDENTIALS, resolve);
        Ok(written.to_string())
    }

    fn describe(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    fn system_table(&self) -> &'static str {
        "external_tables"
    }

    fn listed(&self) -> &'static str {
        "The external tables that the database remembers."
    }

    fn columns(&self) -> &'static [Column] {
        &relation::COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        Ok(relation::values(definitions))
    }

    fn shown(&self) -> &'static str {
        "SELECT name, definition FROM system.external_tables ORDER BY name"
    }
}
