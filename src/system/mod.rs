//! The schema `system`: tables about the program and the database, one file per table, each with its columns described.

mod audit;
mod checks;
mod column_classes;
mod comments;
mod connections;
mod dialects;
mod erasures;
mod files;
mod functions;
mod grants;
mod notices;
mod objects;
mod pages;
pub mod postgres;
mod privacy_budgets;
mod queries;
mod reference;
mod retention;
mod runs;
mod setting_pages;
mod settings;
mod statements;
mod tasks;
mod versions;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use futures::future::BoxFuture;

use crate::docs::{Column, Doc};
use crate::language::Language;
use crate::objects::{KINDS, profile_tables};
use crate::sql::statement;
use crate::statement::StatementContext;

pub use comments::rows as comment_rows;
pub use reference::reference;
pub use tasks::{by_task, tasks};

/// A table about the program or the database.
trait SystemTable: Debug + Send + Sync {
    /// Its name in the schema `system`.
    fn name(&self) -> &'static str;

    /// A one-sentence description of what it lists.
    fn summary(&self) -> &'static str;

    /// Its columns.
    fn columns(&self) -> &'static [Column];

    /// The values of the columns, in the same order.
    ///
    /// # Errors
    /// The database cannot be read.
    fn values<'a>(&'a self, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<ArrayRef>>>;
}

/// Every table of the schema; those of object kinds come after the others.
fn tables() -> Vec<Box<dyn SystemTable>> {
    let mut tables: Vec<Box<dyn SystemTable>> = vec![
        Box::new(audit::Audit),
        Box::new(checks::CheckResults),
        Box::new(checks::TableScores),
        Box::new(column_classes::ColumnClasses),
        Box::new(comments::Comments),
        Box::new(erasures::Erasures),
        Box::new(erasures::ErasedObjects),
        Box::new(files::Files),
        Box::new(functions::Functions),
        Box::new(runs::Runs),
        Box::new(notices::Notices),
        Box::new(grants::Grants),
        Box::new(connections::Connections),
        Box::new(privacy_budgets::PrivacyBudgets),
        Box::new(queries::Queries),
        Box::new(retention::Retentions),
        Box::new(settings::Settings),
        Box::new(statements::Statements),
        Box::new(versions::Versions),
    ];
    tables.extend(KINDS.into_iter().map(|kind| Box::new(objects::Objects(kind)) as _));
    tables
}

/// The schema as a statement sees it.
#[derive(Debug)]
pub struct SystemSchema {
    pub context: StatementContext,
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        tables().iter().map(|table| table.name().to_string()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = tables().into_iter().find(|table| table.name() == name) else { return Ok(None) };
        let schema = schema_of(table.columns());
        let batch = RecordBatch::try_new(Arc::clone(&schema), table.values(&self.context).await?)?;
        Ok(Some(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        tables().iter().any(|table| table.name() == name)
    }
}

/// A schema with these columns.
pub fn schema_of(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| {
        let data_type = match column.data_type {
            "BIGINT" => DataType::Int64,
            "DOUBLE" => DataType::Float64,
            "BOOLEAN" => DataType::Boolean,
            "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        };
        Field::new(column.name, data_type, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// The pages of all statements: first those that create objects, then the others.
pub fn statement_pages() -> Vec<&'static Doc> {
    KINDS.into_iter().map(|kind| kind.doc()).chain(statement::docs()).collect()
}

/// All pages: functions by domain, file readers, statements, tables, settings.
pub fn pages() -> Vec<&'static Doc> {
    let functions = crate::functions::all().iter().flat_map(|set| set.docs());
    let tables = profile_tables::DOCS.iter().chain(pages::TABLE_PAGES.iter());
    functions
        .chain(crate::files::readers())
        .chain(statement_pages())
        .chain(tables)
        .chain(setting_pages::SETTING_PAGES.iter())
        .collect()
}

/// The section about PostgreSQL's schemas.
const OF_POSTGRES: &str = "
# The catalog of PostgreSQL

Clients of PostgreSQL find its catalog: every table of `pg_catalog` and `information_schema` that PostgreSQL 16 has, with its columns. Tables
about things that do not exist here (triggers, publications …) have no rows. A name without a schema is looked for
in `public`, then in `pg_catalog`: `SELECT * FROM pg_class`.

- An object has the number 16384 + 16 × its number in the database; what belongs to it (the tables `_tags` and `_history` of a profile, the
  index and the constraint of its key) has one of the next 15 numbers. The numbers of functions, roles and tables of the session are computed from their names.
- The key of a profile and of a segment is a primary key: `profile.member` has the constraint `member_pkey`. It tells clients
  which column identifies a row; it enforces nothing.
- Comments of profiles, tags, segments and functions are in `pg_description`, and in `table_comment` and `column_comment` of the information
  schema. Types there are PostgreSQL's; `sql_type` has Portrait's.
- `'orders'::regclass` is shown as a name and compared as a number.
- `xmin`, `ctid` and `tableoid` can be read from the tables of `pg_catalog`; `*` does not include them.
- Functions may be called with their schema, `pg_catalog.version()`.

## Where values differ

| expression | here | in PostgreSQL |
|---|---|---|
| `1`, and `qty + 1` of an `integer` | `bigint` | `integer` |
| `1.5` | `double precision`; `numeric` in an operation with a `numeric` | `numeric` |
| `round(1.5)`, `trunc`, `ceil` | the type of the number | `numeric` |
| `avg` of integers; `stddev`, `variance` | `double precision` | `numeric` |
| `sum` of `bigint` | `bigint`, and an error beyond its range | `numeric` |
| `extract`, `date_part` | `integer`; `double precision` for seconds and the epoch | `numeric`, `double precision` |
| `date + INTERVAL '1 day'` | `date`, if the interval has no hours | `timestamp` |
| `varchar(3)`, `char(3)` | any string | three characters |

For a type that a client insists on, write the cast: `CAST(avg(qty) AS NUMERIC(20, 6))`, `sum(CAST(id AS NUMERIC(38, 0)))`.

## Functions

| function | meaning |
|---|---|
";

/// The page of the schema: every table with its columns and an example.
fn markdown(language: Language) -> String {
    use std::fmt::Write;
    let about = language.text("Tables of the schema `system`, about the program and the database.");
    let mut page = format!("# {}\n\n{about}\n", language.text("System tables"));
    page.push('\n');
    for doc in pages::TABLE_PAGES.iter() {
        let place = doc.name.replace('.', "");
        let _ = writeln!(page, "- [`{}`](#{place}){}{}", doc.name, language.colon(), language.text(doc.summary));
    }
    for doc in pages::TABLE_PAGES.iter() {
        let _ = write!(page, "\n{}", doc.markdown(language));
    }
    // What the catalog of PostgreSQL contains is only described in English.
    if language == Language::Zh {
        page.push_str("\n[PostgreSQL系统目录及其函数（英文）](../system.md#the-catalog-of-postgresql)\n");
        return page;
    }
    page.push_str(OF_POSTGRES);
    for function in crate::builtins::postgres::all() {
        let _ = writeln!(page, "| `{}` | {} |", function.syntax, function.text.replace('|', "\\|"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_columns_described() {
        let tables = tables();
        for (place, table) in tables.iter().enumerate() {
            assert!(tables[..place].iter().all(|other| other.name() != table.name()), "{}", table.name());
            assert!(table.summary().ends_with('.') && table.columns().iter().all(|column| !column.text.is_empty()));
            assert!(schema_of(table.columns()).fields().len() == table.columns().len());
            assert!(pages::TABLE_PAGES.iter().any(|page| page.name.ends_with(&format!(".{}", table.name()))), "{}", table.name());
        }
    }
}
