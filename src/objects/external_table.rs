//! `EXTERNAL TABLE`: a name for files.

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
use crate::databases::{self, Surroundings};
use crate::docs::{Column, Doc};
use crate::error::failed;
use crate::files;
use crate::sql::command::Grammar;
use crate::sql::planning::with_time_zone;
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE EXTERNAL TABLE",
    summary: "Gives a name to files, or to a table of another database. The data stays where it is; a database remembers the name.",
    syntax: "CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name [(column type, …)]
STORED AS PARQUET | CSV | JSON | EXCEL
[PARTITIONED BY (column, …)] [OPTIONS ('key' 'value', …)]
LOCATION 'place'

CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name
STORED AS SQLITE | POSTGRES
OPTIONS ('table' 'name' | 'query' 'SELECT …' [, 'credentials' 'file'])
LOCATION 'file' | 'postgresql://[user@]host[:port]/database'",
    description: "\
`place` is a file, a folder (all its files of that kind), a pattern with `*`, `?` or `[…]` (unless a file has exactly this name), or a URL: `s3://`, `gs://`, `az://`, `https://`, with
credentials from the usual environment variables (`AWS_ACCESS_KEY_ID`, `GOOGLE_APPLICATION_CREDENTIALS`,
`AZURE_STORAGE_ACCOUNT_NAME` …). Folders such as `year=2025/` become columns. Relative paths start from the current directory and are
stored as absolute paths. The options of CSV are those of `read_csv`: `OPTIONS ('separator' ';', 'encoding' 'gb18030')`. Declared columns are matched by
the names in the header; NOT NULL is not checked. A file that does not exist or cannot be read is an error that names it. You can also read files without a table: `FROM 'orders.parquet'`.

**Tables of other databases** are read only. Their columns come from a table or view of the other database, or from a query in its own SQL.
Portrait sends the needed columns, LIMIT and conditions with the same meaning there as SQL, which EXPLAIN shows: comparisons with constants, IN,
BETWEEN, IS NULL, LIKE, AND, OR, NOT. Large tables are read in parallel parts that all see one state. Two tables of one statement may be read at slightly different times.

*SQLite*: the file is opened for reading while others write, and never created. SQLite can store any value in any column; here a column has its declared
type, and a value that does not fit is an error with column, rowid and value. Types: integers (INT), DOUBLE, DECIMAL(p, s), BOOLEAN as 0 and 1,
DATE, TIME and DATETIME or TIMESTAMP from ISO strings (converted to UTC if they have an offset), BLOB, strings. The type of a column without a declaration is taken from
its first 1,000 values. `'query' 'SELECT CAST(x AS TEXT) AS x FROM t'` reads a column as another type.

*PostgreSQL*: a table is named as in SQL, `sales.orders`, or `\"Orders\"` in double quotes. Supported types are booleans, integers, floats, `numeric` (without
precision as DECIMAL(38, 10)), strings, enums, `uuid` and `json` as strings, `bytea`, dates, times, intervals, `timestamptz` as instants, and arrays of these. Other
types are read as their texts; infinite dates and NaN in a `numeric` are errors. Statements there run in read-only transactions and end with
the statement here: by Ctrl-C, by `portrait.statement_timeout`, or when the program ends.

Parts that LOCATION leaves out come from `PGHOST`, `PGPORT`, `PGUSER`, `PGDATABASE`. Passwords are never written in LOCATION or OPTIONS. They come from `PGPASSWORD`, from
`PGPASSFILE` or `~/.pgpass`, or from a file in the same form (one `host:port:database:user:password` per line) named by `'credentials'`, which only its owner may
read (mode 600). `?sslmode=` or `PGSSLMODE` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`, with the same meaning as in libpq. The default is `verify-full`, and `prefer` for this
machine. `prefer` and `require` encrypt without checking who answers (`prefer` only if possible). `verify-ca` requires a certificate from an issuer in the file named by `?sslrootcert=`
or `PGSSLROOTCERT`, or in `~/.postgresql/root.crt`; `require` does the same if such a file exists. `verify-full` also checks the host name. Without such a file,
both `verify-ca` and `verify-full` use the issuers that the system trusts, or the file in `SSL_CERT_FILE`, and check the host name.

**Cost.** Creating one reads what is needed to know the columns. Each query reads the files again, for Parquet only the columns and row
groups that it needs; a table of another database is asked again each time.

**Elsewhere.** The syntax is Hive's and DataFusion's. In DuckDB you write a view over `read_parquet(…)`, or ATTACH for SQLite and
PostgreSQL; in PostgreSQL a foreign table.",
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
        &relation::NAMES
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
            // Its own name is allowed while it is planned, as planning looks that up, too.
            let state = with_time_zone(context.entering(&object.name, &object.owner)?.state());
            match state.statement_to_plan(relation::statement(&definition)?.clone()).await? {
                LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => {
                    let base = Path::new(&object.base);
                    if databases::is_kind(&command.file_type) {
                        let surroundings = Surroundings { environment: context.environment(), role: context.role(), base };
                        return databases::create(&state, &command, &surroundings).await;
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
        "The external tables of the database."
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
