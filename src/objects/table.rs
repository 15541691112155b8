//! `TABLE`: stored rows that statements write.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::{DdlStatement, Expr, LogicalPlan};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{ColumnDef, ColumnOption, CreateTable, Query, Statement as SqlStatement};

use super::broken::check_users;
use super::constraining;
use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::{NewObject, unless_moved};
use super::numbering;
use super::protection::{FirstError, class, notes_on_copy, refuse_replacing};
use super::referring::{self, Before};
use super::relation;
use super::schema::quoted;
use super::sequence;
use super::subject::sources::sources;
use crate::catalog::objects::{Moved, Object, REFERENCES};
use crate::catalog::sequences::counter_of;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::catalog::stamp::Stamp;
use crate::catalog::tables::{self, Constraints, ForeignKey, ManagedTable, NewTable, Recheck};
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, failed};
use crate::sql::command::{Body, Grammar, normal};
use crate::sql::inserting;
use crate::sql::parser::take_if_not_exists;
use crate::sql::planning::{bind_parameters, plan};
use crate::sql::references::counters_in;
use crate::sql::statement::STATEMENT;
use crate::sql::syntax::constraints::{self, Constraint, Rule};
use crate::sql::syntax::numbered::NEXT;
use crate::sql::written::Written;
use crate::statement::RunningPlan;
use crate::statement::StatementContext;
use crate::text::{identifier, literal, timestamp};

static DOC: Doc = Doc {
    name: "CREATE TABLE",
    summary: "Creates a table with its own rows, from a query or empty. A database keeps it.",
    syntax: "CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name AS query
CREATE [OR REPLACE] [TEMPORARY] TABLE [IF NOT EXISTS] name (column type [NOT NULL] [DEFAULT value], …)
CREATE … TABLE … name (column type [PRIMARY KEY | UNIQUE | CHECK (condition)], …, [CONSTRAINT name] PRIMARY KEY (column, …) | UNIQUE [NULLS NOT DISTINCT] (column, …) | CHECK (condition))
CREATE … TABLE … name (column type [REFERENCES table [(column)] …], …, [CONSTRAINT name] FOREIGN KEY (column, …) REFERENCES table [(column, …)] [MATCH {SIMPLE | FULL}] [ON DELETE action] [ON UPDATE action] [DEFERRABLE [INITIALLY DEFERRED]])
CREATE … TABLE … name (column {SERIAL | BIGSERIAL | SMALLSERIAL}, …)
CREATE … TABLE … name (column type GENERATED {ALWAYS | BY DEFAULT} AS IDENTITY [(INCREMENT BY n START WITH n)], …)",
    description: "\
When the statement succeeds, its rows appear in the database for every reader at once. A statement that fails or is killed changes
nothing. Without a database, or with TEMPORARY, the rows are in memory; only this session sees them (after SET ROLE, only a role that has
the rights of the one that made the table), and they are gone when it ends; `TEMPORARY … ON COMMIT DROP` drops the table, and ON COMMIT
DELETE ROWS empties it, at the end of each transaction.

INSERT INTO adds rows, UPDATE, DELETE and MERGE INTO change them, ALTER TABLE changes its columns. OR REPLACE is refused if someone else has
written to the table since it was read. Rows have no order without ORDER BY.

SERIAL and IDENTITY columns number the rows: an INSERT that does not name the column gives each row the next number. Sessions that write at the
same time get different numbers, and none is given twice, even if its transaction is rolled back; so there may be gaps. Values may be given
instead, unless it is GENERATED ALWAYS; the counter does not notice them. `INSERT INTO name (…) OVERRIDING SYSTEM VALUE VALUES (…)` takes
them there too, and with OVERRIDING USER VALUE the counter gives all numbers of IDENTITY columns.
`pg_get_serial_sequence('name', 'column')` names the counter, and `nextval`, `currval` and `setval` work on it.

PRIMARY KEY, UNIQUE, NOT NULL and CHECK hold after every statement that writes rows: INSERT, UPDATE, MERGE, COPY and the query of CREATE TABLE. A
statement with a row that they forbid fails, and changes nothing. As in PostgreSQL, two rows may have NULL in a UNIQUE column, unless it says NULLS NOT
DISTINCT; a CHECK that is NULL is no failure. A key is compared at the end of the statement, so that `SET id = id + 1` works.

FOREIGN KEY, or REFERENCES beside a column, says that each row has the key of a row of another table, or of the same one: its PRIMARY KEY, or the columns of a
UNIQUE. Both columns have the same type, or both are whole numbers, decimals or strings. A row with a NULL in the columns refers to nothing; with MATCH FULL it
has NULL in all of them. ON DELETE and ON UPDATE say what happens to rows whose counterpart is deleted or gets another key: NO ACTION and RESTRICT refuse the change, CASCADE deletes the rows too or gives them the new key,
SET NULL and SET DEFAULT change their columns. These changes appear together with the statement's own. A foreign key is compared at the end of each statement; with DEFERRABLE INITIALLY DEFERRED, or after SET CONSTRAINTS … DEFERRED, at COMMIT. A table
that others refer to cannot be emptied with TRUNCATE, and dropped only with CASCADE. Tables in memory refer to
each other, and are compared at the end of each statement. A
`CREATE CHECK … AS foreign_key(column, table, column)` finds rows without a counterpart where a foreign key would refuse them.

Columns of the types JSON, JSONB and UUID are strings, and a CHECK refuses those that are not valid: JSON keeps its text as it was written, and UUIDs are in lower case, as `uuid()` and `'…'::uuid` return them. PostgreSQL clients see these types.

`FROM name FOR SYSTEM_TIME AS OF TIMESTAMP '2025-06-30 12:00:00'` (in UTC) reads the table as it was then, also if it had other
columns. The last 100 states are kept, until DROP TABLE.

**Cost.** The rows are written as compressed Parquet files. A query that reads the result of a slow query many times should read a table;
one that filters a file is fast without. With a key, each statement that adds rows reads the parts of the key column that may hold the new values: nothing if keys grow, as those
of SERIAL do, and the whole column if they are random.

**Elsewhere.** As in PostgreSQL. There, a date can also refer to a timestamp, RESTRICT refuses in the middle of a statement, and other sessions can write to
a table while a statement refers to it.
SYSTEM_TIME is that of SQL:2011 and of MariaDB; Snowflake says `AT (TIMESTAMP => …)`.",
    examples: &[
        "CREATE TABLE members (id BIGINT PRIMARY KEY, card VARCHAR UNIQUE, points INT DEFAULT 0 CHECK (points >= 0));
INSERT INTO members VALUES (1, 'A17', 20), (2, 'B03', 0);",
        "CREATE TABLE recent AS SELECT * FROM sample_orders(rows => 1000) WHERE ordered_at >= DATE '2025-01-01';",
    ],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Table;

impl Grammar for Table {
    fn word(&self) -> &'static str {
        "table"
    }

    fn is_of_sql(&self) -> bool {
        true
    }
}

impl Kind for Table {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn namespace(&self) -> &'static [&'static str] {
        &relation::NAMES
    }

    /// A table holds rows; the query that produced them is no longer needed. Its foreign keys need other tables, its defaults sequences.
    fn uses(&self, definition: &Definition) -> Uses {
        let text = &definition.object.sql;
        let (refers, counts) = (text.contains(REFERENCES), text.contains(NEXT));
        let Some(table) = Some(()).filter(|()| refers || counts).and_then(|()| create_table(definition)) else {
            return Uses::default();
        };
        let constraints = constraints::of(&table).unwrap_or_default();
        let others = referring::foreign(&constraints).map(|(_, foreign)| foreign.table.clone());
        let tables = others.filter(|table| referring::object_name(table) != definition.object.name).collect();
        let defaults = table.columns.iter().flat_map(|column| &column.options).filter_map(|option| match &option.option {
            ColumnOption::Default(value) => Some(value),
            _ => None,
        });
        Uses { tables, sequences: defaults.flat_map(counters_in).collect(), ..Uses::default() }
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        relation::is_named_in(object, uses)
    }

    fn is_text_alone(&self) -> bool {
        false
    }

    fn check_name(&self, new: &Object, _context: &StatementContext) -> Result<()> {
        relation::check_name(new)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let columns = self.open(object, When::Now, context).await?.schema();
            // What refers to a table that changes may follow it.
            let objects = context.all_objects()?;
            let own = objects.iter().find(|other| other.is_same(object)).unwrap_or(object);
            referring::check(&object.label(), &object.name, &columns, &written_constraints(own, context)?, context).await?;
            Ok(vec![])
        })
    }

    fn make<'a>(
        &'a self,
        new: &'a NewObject,
        context: &'a StatementContext,
        running: &'a RunningPlan,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let refers = new.object.sql.to_uppercase().contains(REFERENCES.trim());
            let is_part = refers || new.existing.is_some() && referring::is_part(&new.object.name, context)?;
            together(is_part, context, |context| async move { make(new, &context, running).await }).await
        })
    }

    fn open<'a>(
        &'a self,
        object: &'a Object,
        when: When,
        context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            let defaults = defaults(object, context).await?;
            open(object, when, defaults, context).await
        })
    }

    fn remove<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let options = context.session().config_options();
            let _lock = context.catalog().lock(SnapshotOf::Table, &object.name, "DROP TABLE", options).await?;
            let mut sequences = numbering::sequences(object, context)?;
            let owned = sequence::owned(&object.name, context)?;
            context.catalog().drop_table(&object.name, Some(context.view().stamp()?))?;
            for (object, _) in &owned {
                context.catalog().remove_object(object, None)?;
                sequences.extend(counter_of(object).map(str::to_string));
            }
            context.catalog().drop_sequences(&sequences)?;
            context.tables().let_go();
            // What cannot be removed now is removed later; the table is gone.
            let _ = context.catalog().collect();
            Ok(())
        })
    }

    fn describe(&self, _definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![])
    }

    fn system_table(&self) -> &'static str {
        "tables"
    }

    fn listed(&self) -> &'static str {
        "The tables whose rows are stored in the database."
    }

    fn columns(&self) -> &'static [Column] {
        &relation::COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        Ok(relation::values(definitions))
    }

    fn shown(&self) -> &'static str {
        "SELECT name, created_at FROM system.tables ORDER BY name"
    }

    /// The statement that creates a table with the same columns, without rows.
    fn dump(&self, definition: &Definition, mut written: Written, context: &StatementContext) -> Result<String> {
        let name = &definition.object.name;
        if create_table(definition).is_some_and(|table| !table.columns.is_empty()) {
            written.without_query();
            return Ok(written.to_string());
        }
        // The query of CREATE TABLE … AS might return different rows now.
        let columns = opened(name, When::Now, HashMap::new(), context)?.schema();
        let columns = columns.fields().iter().map(|field| {
            let of_type = literal(&field.data_type().to_string());
            format!("arrow_cast(NULL, {of_type}) AS {}", identifier(field.name()))
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        Ok(format!("CREATE TABLE {} AS SELECT {columns} WHERE false", quoted(name, context)))
    }
}

/// The statement that created a table.
fn create_table(definition: &Definition) -> Option<CreateTable> {
    let Body::Sql(parsed) = &definition.body else { return None };
    let SqlParsed::Statement(statement) = parsed.as_ref() else { return None };
    match statement.as_ref() {
        SqlStatement::CreateTable(table) => Some(table.clone()),
        _ => None,
    }
}

/// The statement that creates a table without those of its foreign keys that refer to these tables, and the statements that add them; `None` for a
/// table without such.
///
/// # Errors
/// The definition cannot be read.
pub fn without_foreign_to(
    definition: &Definition,
    tables: &BTreeSet<String>,
    context: &StatementContext,
) -> Result<(Option<String>, Vec<String>)> {
    let own = &definition.object.name;
    let constraints = written_constraints(&definition.object, context)?;
    let is_later = |constraint: &&Constraint| match &constraint.rule {
        Rule::Foreign(foreign) => {
            let other = referring::object_name(&foreign.table);
            other != *own && tables.contains(&other)
        }
        Rule::PrimaryKey(_) | Rule::Unique { .. } | Rule::Check(_) => false,
    };
    let (later, now): (Vec<&Constraint>, Vec<&Constraint>) = constraints.iter().partition(is_later);
    if later.is_empty() {
        return Ok((None, vec![]));
    }
    let columns = create_table(definition).map(|table| table.columns).unwrap_or_default();
    let parts = columns.iter().map(ToString::to_string).chain(now.into_iter().map(ToString::to_string));
    let (name, parts) = (quoted(own, context), parts.collect::<Vec<_>>().join(", "));
    let added = later.into_iter().map(|constraint| format!("ALTER TABLE {name} ADD {constraint};\n"));
    Ok((Some(format!("CREATE TABLE {name} ({parts})")), added.collect()))
}

/// The query that has made the rows of a table, if one did and its columns were not changed since.
pub fn made_from(definition: &Definition) -> Option<Box<Query>> {
    create_table(definition).and_then(|table| table.query)
}

/// The columns that the statement names, in order; none where the query alone names them.
pub fn named_columns(definition: &Definition) -> Vec<String> {
    let columns = create_table(definition).map(|table| table.columns).unwrap_or_default();
    columns.iter().map(|column| normal(&column.name)).collect()
}

/// The names of the columns of a table, in order.
///
/// # Errors
/// Its state cannot be read.
pub fn column_names(object: &Object, context: &StatementContext) -> Result<Vec<String>> {
    let columns = opened(&object.name, When::Now, HashMap::new(), context)?.schema();
    Ok(columns.fields().iter().map(|field| field.name().clone()).collect())
}

/// True for a version that ALTER TABLE has made, rather than a statement that made the table anew.
pub fn is_altered(definition: &Definition) -> bool {
    let is_made = |table: CreateTable| table.or_replace || table.query.is_some();
    definition.object.version > 1 && !create_table(definition).is_none_or(is_made)
}

/// A table as the statement sees it, with its constraints; `defaults` are the values of columns that an INSERT omits.
async fn open(
    object: &Object,
    when: When,
    defaults: HashMap<String, Expr>,
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    if let Some(table) = context.relation_in_progress(&object.name) {
        return Ok(table);
    }
    let table = opened(&object.name, when, defaults, context)?;
    if when != When::Now {
        return Ok(Arc::new(table));
    }
    let constraints = constraining::of_object(object, &table.schema(), context).await;
    Ok(Arc::new(table.with_constraints(constraints, (object.id, object.version))))
}

fn opened(name: &str, when: When, defaults: HashMap<String, Expr>, context: &StatementContext) -> Result<ManagedTable> {
    let table = ManagedTable::open(context.view(), name, when, defaults)?;
    table.ok_or_else(|| match when {
        When::At(time) => {
            let problem = format!(
                "no version as of {}; the table was created later, or that version has expired (the last 100 are kept)",
                timestamp(time)
            );
            coded(SqlState::UNDEFINED_TABLE, name, problem)
        }
        _ => failed(name, "was dropped by another process in the meantime"),
    })
}

/// The values of columns that an INSERT omits, for a table with DEFAULT.
async fn defaults(object: &Object, context: &StatementContext) -> Result<HashMap<String, Expr>> {
    let none = Ok(HashMap::new());
    if !object.sql.to_uppercase().contains("DEFAULT") {
        return none;
    }
    let definition = Definition::read(object.clone(), context.session())?;
    let Some(mut table) = create_table(&definition) else { return none };
    let has_default = |option: &ColumnOption| matches!(option, ColumnOption::Default(_));
    if !table.columns.iter().flat_map(|column| &column.options).any(|option| has_default(&option.option)) {
        return none;
    }
    // The query has already run, and what it read may no longer exist.
    table.query = None;
    table.constraints.clear();
    let numbered = numbering::of(&table.columns)?;
    let parsed = SqlParsed::Statement(Box::new(SqlStatement::CreateTable(table)));
    match context.entering(&object.name, &object.owner)?.state().statement_to_plan(parsed).await? {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) => {
            Ok(inserting::with_identities(table.column_defaults, &numbered).into_iter().collect())
        }
        _ => none,
    }
}

/// What uses a table that is being replaced.
#[derive(Clone)]
struct Users {
    existing: Object,
    /// The table's new definition and columns, and the new definitions of those that refer to it.
    new: Object,
    following: Vec<Object>,
    columns: Arc<EmptyTable>,
    context: StatementContext,
}

impl Users {
    /// Checks that the new columns break nothing; returns the state of the definitions that this holds for.
    async fn check(self) -> Result<Stamp> {
        let Self { existing, new, following, columns, .. } = &self;
        let check = |context: StatementContext| async move {
            let changed = context.with_relation(&existing.name, Arc::clone(columns) as _).with_definition(new.clone());
            let changed = following.iter().fold(changed, |changed, other| changed.with_definition(other.clone()));
            check_users(existing, &context, &changed).await?;
            context.view().stamp()
        };
        self.context.settled(check).await
    }
}

/// CREATE TABLE: plans the query, checks its users, writes the rows.
async fn make(new: &NewObject, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    let name = &new.object.name;
    let Body::Sql(parsed) = &new.create.body else { return Err(failed(name, "is not made by SQL")) };
    let mut parsed = parsed.as_ref().clone();
    take_if_not_exists(&mut parsed);
    let (constraints, required) = (constraining::written(&parsed)?, constraining::required(&parsed));
    let constraints = referring::resolved(name, constraints, &[], (&declared_columns(&parsed), false), context).await?;
    let declared = numbering::declared(new, &mut parsed, &constraints, context)?;
    let new = declared.as_ref().unwrap_or(new);
    let planned = plan(&parsed, &context.making(name)).await?;
    let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(command)) = bind_parameters(planned, context)? else {
        return Err(failed(name, "is not made by this statement"));
    };
    let is_declared = matches!(command.input.as_ref(), LogicalPlan::EmptyRelation(_));
    let declared = match is_declared {
        true => Some(Arc::new(command.input.schema().as_arrow().clone())),
        // The columns of a query may be NULL, except in a primary key and where the statement says NOT NULL.
        false => constraining::with_required(&required, &constraints, command.input.schema().as_arrow()),
    };
    if let Some(existing) = &new.existing {
        refuse_replacing(existing, &command.input, context)?;
    }
    let notes = notes_on_copy(name, &command.input, context)?;
    let columns = Arc::clone(command.input.schema().inner());
    referring::check(name, name, &columns, &constraints, context).await?;
    let referred = referring::foreign(&constraints).map(|(_, own)| referring::object_name(&own.table)).collect();
    let constraints = constraining::of(name, &constraints, &columns, context).await?;
    let made = Made { declared, moved: vec![], constraints: Arc::new(constraints), referred, following: vec![] };
    running.wrote(Box::pin(write(new, Arc::unwrap_or_clone(command.input), made, context, running)).await?);
    Ok(notes)
}

/// What a new or replaced table declares.
pub struct Made {
    /// Its columns, where they declare what may be NULL.
    pub declared: Option<SchemaRef>,
    /// The columns of the replaced table that have another name now, or none.
    pub moved: Vec<Moved>,
    /// What holds for all of its rows.
    pub constraints: Arc<Constraints>,
    /// The tables that it refers to.
    pub referred: Vec<String>,
    /// The new definitions of tables that refer to it, whose foreign keys follow its change.
    pub following: Vec<Object>,
}

/// Writes the rows of a new or replaced table. Returns the number of rows.
///
/// # Errors
/// It would break something, or its rows cannot be computed or written. Then nothing is changed.
pub async fn write(
    new: &NewObject,
    rows: LogicalPlan,
    Made { declared, moved, constraints, referred, following }: Made,
    context: &StatementContext,
    running: &RunningPlan,
) -> Result<u64> {
    let name = &new.object.name;
    let replaced = context.view().snapshot(SnapshotOf::Table, name, When::Now)?.map(|newest| newest.id);
    let columns = Arc::new(EmptyTable::new(Arc::new(rows.schema().as_arrow().clone())));
    let users = new.existing.clone().map(|existing| {
        let (new, following, context) = (new.object.clone(), following.clone(), context.clone());
        Users { existing, new, following, columns, context }
    });
    let recheck = users.clone().map(|users| move || Box::pin(users.clone().check()) as BoxFuture<'static, Result<Stamp>>);
    let table = NewTable {
        replaced,
        if_not_exists: new.create.if_not_exists,
        declared,
        constraints,
        definition: new.version(),
        moved,
        classes: class::of_rows(&rows, context).await?,
        sources: sources(&rows, context)?,
        recheck: recheck.as_ref().map(|recheck| recheck as &Recheck),
    };
    // Refused before the work rather than after it.
    if let Some(users) = users {
        users.check().await?;
    }
    let known = referring::all(context)?;
    let is_part = table.constraints.refers || known.iter().any(|key| key.table == *name || key.referred == *name);
    let mut before = Before::new();
    if is_part {
        // Nobody else changes the tables that it refers to, or that refer to it, until all is compared.
        let options = context.session().config_options();
        let of = |key: &ForeignKey| [key.table.clone(), key.referred.clone()];
        let mut related: BTreeSet<String> =
            known.iter().filter(|key| key.table == *name || key.referred == *name).flat_map(of).collect();
        related.extend(referred);
        related.insert(name.clone());
        for table in &related {
            let _held = context.catalog().lock(SnapshotOf::Table, table, "CREATE TABLE", options).await?;
        }
        referring::note(&mut before, name, context).await?;
    }
    let frame = DataFrame::new(context.state(), rows);
    let (task, again) = (Arc::new(frame.task_ctx()), FirstError::of(&frame, context)?);
    let plan = frame.create_physical_plan().await?;
    running.set(&plan);
    let written = match (tables::create(context.catalog(), &table, plan, task).await, again) {
        (Err(error), Some(again)) => Err(again.instead_of(error).await),
        (made, _) => made,
    }?;
    referring::follow(&following, context).await?;
    if is_part {
        referring::verify(&before, &known, false, context).await?;
    }
    Ok(written)
}

/// Makes or replaces a table; where tables refer to each other, in a transaction of its own, so that nothing appears before all foreign keys
/// are compared.
///
/// # Errors
/// Those of `make`.
pub async fn together<W: Future<Output = Result<Vec<String>>>>(
    is_part: bool,
    context: &StatementContext,
    make: impl FnOnce(StatementContext) -> W,
) -> Result<Vec<String>> {
    if !is_part || context.catalog().is_transaction() {
        return make(context.clone()).await;
    }
    let own = context.in_transaction()?;
    if own.view().stamp()?.definitions != context.view().stamp()?.definitions {
        return Err(context.view().moved());
    }
    let made = make(own.clone()).await;
    context.tables().let_go();
    // What has changed since the transaction began is seen by another one.
    unless_moved(made.and_then(|notes| own.catalog().commit().map(|()| notes)), context)
}

/// The columns that a CREATE TABLE declares; none where its query gives them.
pub fn declared_columns(parsed: &SqlParsed) -> Vec<String> {
    let SqlParsed::Statement(statement) = parsed else { return vec![] };
    match statement.as_ref() {
        SqlStatement::CreateTable(table) if table.query.is_none() => {
            table.columns.iter().map(|column| normal(&column.name)).collect()
        }
        _ => vec![],
    }
}

/// The column definitions in the statement that created a table; empty for a table from a query alone.
///
/// # Errors
/// The definition cannot be read.
pub fn written_columns(object: &Object, context: &StatementContext) -> Result<Vec<ColumnDef>> {
    let definition = Definition::read(object.clone(), context.session())?;
    Ok(create_table(&definition).map(|table| table.columns).unwrap_or_default())
}

/// A table whose definition has other constraints.
///
/// # Errors
/// The definition cannot be read.
pub fn with_constraints(object: &Object, constraints: &[Constraint], context: &StatementContext) -> Result<Object> {
    let columns = written_columns(object, context)?;
    let parts = columns.iter().map(ToString::to_string).chain(constraints.iter().map(ToString::to_string));
    let sql = format!("CREATE TABLE {} ({})", quoted(&object.name, context), parts.collect::<Vec<_>>().join(", "));
    Ok(Object { sql, version: object.version + 1, ..object.clone() })
}

/// The constraints in the statement that created a table.
///
/// # Errors
/// The definition cannot be read.
pub fn written_constraints(object: &Object, context: &StatementContext) -> Result<Vec<Constraint>> {
    if object.kind != "table" || !object.sql.contains("CONSTRAINT") {
        return Ok(vec![]);
    }
    let definition = Definition::read(object.clone(), context.session())?;
    create_table(&definition).map_or_else(|| Ok(vec![]), |table| constraints::of(&table))
}
