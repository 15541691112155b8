//! `SEQUENCE`: a counter of its own, from which any table, session and statement draws numbers.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::{MemTable, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::{NewObject, remember};
use super::relation;
use super::schema::{parts, quoted};
use super::values::{given, number, text, yes};
use crate::catalog::objects::Object;
use crate::catalog::sequences::{self, Sequence as Counter, counter_of, counting_of};
use crate::catalog::snapshots::When;
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, failed};
use crate::opaque::forward;
use crate::postgres_catalog::name_parts;
use crate::sql::command::{Body, Grammar, normal};
use crate::sql::sequence::{self, SequenceOptions, WORD};
use crate::sql::statement::STATEMENT;
use crate::sql::written::Written;
use crate::statement::{RunningPlan, StatementContext, meant, names_counter};
use crate::text::{identifier, literal};

static DOC: Doc = Doc {
    name: "CREATE SEQUENCE",
    summary: "Creates a sequence: a counter that gives each number once.",
    syntax: "CREATE [TEMPORARY] SEQUENCE [IF NOT EXISTS] name [AS SMALLINT | INTEGER | BIGINT] [INCREMENT [BY] n]
[MINVALUE n | NO MINVALUE] [MAXVALUE n | NO MAXVALUE] [START [WITH] n] [CACHE n] [[NO] CYCLE] [OWNED BY table.column | NONE]
ALTER SEQUENCE [IF EXISTS] name [RESTART [[WITH] n]] [options as above] | OWNER TO role | RENAME TO name | SET SCHEMA name
DROP SEQUENCE [IF EXISTS] name, …",
    description: "\
`nextval('name')` gives the next number, `currval('name')` the one that it gave this session last, and `setval('name', n)` sets it. A column with
`DEFAULT nextval('name')` gets its numbers from it, and several tables may share one. No number is given twice, whichever sessions and processes ask, and
whatever is rolled back or killed; so there may be gaps. At its bound nextval fails, unless the sequence says CYCLE.

`SELECT * FROM name` shows its state, and `system.sequences` and `pg_sequences` list all of them. Columns with SERIAL or IDENTITY have a sequence of their own
under the name that `pg_get_serial_sequence` gives; ALTER SEQUENCE changes that, too. A sequence with OWNED BY is dropped with its column. One that a
DEFAULT or a view uses cannot be dropped or renamed.

`GRANT USAGE ON SEQUENCE name TO role` lets a role call nextval and currval, SELECT lets it read the sequence, UPDATE also call setval.

**Cost.** A statement with many rows draws their numbers together; `nextval` by itself writes to the catalog each time.

**Elsewhere.** As in PostgreSQL. CACHE is accepted: numbers are drawn for a batch of rows at a time.",
    examples: &["CREATE SEQUENCE invoice_number START WITH 1000 INCREMENT BY 10;
CREATE TABLE invoices (number BIGINT DEFAULT nextval('invoice_number'), amount DECIMAL(10, 2));
INSERT INTO invoices (amount) VALUES (19.9), (5);
SELECT * FROM invoices;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Sequence;

impl Grammar for Sequence {
    fn word(&self) -> &'static str {
        WORD
    }

    /// Its statements are parsed in a file of their own, as their options are no list in parentheses.
    fn is_of_sql(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 12] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "data_type", data_type: "VARCHAR", text: "the type whose numbers it gives" },
    Column { name: "start_value", data_type: "BIGINT", text: "the number that it begins with" },
    Column { name: "increment_by", data_type: "BIGINT", text: "the step from one number to the next" },
    Column { name: "min_value", data_type: "BIGINT", text: "its smallest number" },
    Column { name: "max_value", data_type: "BIGINT", text: "its largest number" },
    Column { name: "cycles", data_type: "BOOLEAN", text: "whether it starts again when it has reached its end" },
    Column { name: "last_value", data_type: "BIGINT", text: "the number that it gave last" },
    Column { name: "owned_by", data_type: "VARCHAR", text: "the table and column that it is dropped with" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
];

impl Kind for Sequence {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn namespace(&self) -> &'static [&'static str] {
        &relation::NAMES
    }

    /// The column that owns it does not hold it: the sequence is dropped with that.
    fn uses(&self, _definition: &Definition) -> Uses {
        Uses::default()
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        let is_it = |written: &String| {
            let parts = name_parts(written).unwrap_or_default();
            meant(&parts, &["public".into()]).contains(&object.name)
        };
        uses.sequences.iter().any(is_it) || relation::is_named_in(object, uses)
    }

    fn is_text_alone(&self) -> bool {
        false
    }

    fn check_name(&self, new: &Object, context: &StatementContext) -> Result<()> {
        relation::check_name(new)?;
        // Those of columns are named by their tables.
        if context.all_objects()?.iter().any(|object| object.kind == "table" && names_counter(object, &new.name)) {
            let problem = "exists already, as the counter of a column; choose another name";
            return Err(coded(SqlState::DUPLICATE_TABLE, &new.name, problem));
        }
        Ok(())
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move { options(object, context).map(|_| vec![]) })
    }

    fn make<'a>(
        &'a self,
        new: &'a NewObject,
        context: &'a StatementContext,
        _running: &'a RunningPlan,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let Body::Sequence(body) = &new.create.body else { return Err(failed(&new.object.name, "is not a sequence")) };
            let counting = sequence::counting(&body.options, &new.object.label())?;
            let owner = match body.options.owner.as_ref().and_then(Option::as_ref) {
                Some(owner) => Some(owned_by(owner, &new.object, context)?),
                None => None,
            };
            let objects = context.all_objects()?;
            let is_named = |name: &str| objects.iter().any(|object| names_counter(object, name));
            let counter = context.catalog().make_sequence(&sequences::unused_name(), counting, |_| false, is_named)?;
            let (_, _, data_type) = sequence::range(body.options.data_type.as_ref(), &new.object.label())?;
            let options = counting.written(data_type);
            let sql = definition(&new.object.name, &options, owner.as_ref(), &counter, context);
            let object = Object { sql, ..new.object.clone() };
            let new = NewObject { object, existing: new.existing.clone(), create: new.create.clone() };
            remember(&Self, &new, context).await
        })
    }

    fn remove<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            context.catalog().remove_object(object, Some(context.view().stamp()?))?;
            let counter = counter_of(object).map(str::to_string);
            context.catalog().drop_sequences(&counter.into_iter().collect::<Vec<_>>())?;
            context.tables().let_go();
            Ok(())
        })
    }

    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        let State { counter, data_type, owner } = state(&definition.object, context)?;
        let counting = counter.counting;
        Ok(vec![
            ("data_type".into(), data_type.into()),
            ("start_value".into(), counting.first.to_string()),
            ("increment_by".into(), counting.step.to_string()),
            ("min_value".into(), counting.least.to_string()),
            ("max_value".into(), counting.most.to_string()),
            ("cycles".into(), counting.cycles.to_string()),
            ("last_value".into(), counter.last().map(|last| last.to_string()).unwrap_or_default()),
            ("owned_by".into(), owner.map(|owner| owner.to_string()).unwrap_or_default()),
        ])
    }

    fn system_table(&self) -> &'static str {
        "sequences"
    }

    fn listed(&self) -> &'static str {
        "The sequences made with CREATE SEQUENCE."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let states = definitions.iter().map(|definition| state(&definition.object, context)).collect::<Result<Vec<_>>>()?;
        let of = |get: fn(&Object) -> &str| text(definitions.iter().map(move |definition| given(get(&definition.object))));
        let counted = |get: fn(&Counter) -> Option<i64>| number(states.iter().map(move |state| get(&state.counter)));
        Ok(vec![
            of(|object| &object.name),
            text(states.iter().map(|state| given(state.data_type))),
            counted(|counter| Some(counter.counting.first)),
            counted(|counter| Some(counter.counting.step)),
            counted(|counter| Some(counter.counting.least)),
            counted(|counter| Some(counter.counting.most)),
            yes(states.iter().map(|state| state.counter.counting.cycles)),
            counted(Counter::last),
            text(states.iter().map(|state| state.owner.as_ref().map(ToString::to_string))),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|object| &object.author),
            of(|object| &object.created_at),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, start_value, increment_by, last_value FROM system.sequences ORDER BY name"
    }

    fn open<'a>(
        &'a self,
        object: &'a Object,
        when: When,
        context: &'a StatementContext,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Box::pin(async move {
            relation::only_now(object, when)?;
            Ok(Arc::new(StateTable { object: object.clone(), context: context.clone(), schema: state_schema() }) as _)
        })
    }

    /// As it counts now, which statements may have changed since. It begins anew, as tables do without their rows, and the column that owns
    /// it comes later.
    fn dump(&self, definition: &Definition, _written: Written, context: &StatementContext) -> Result<String> {
        let State { counter, data_type, .. } = state(&definition.object, context)?;
        let options = counter.counting.written(data_type);
        Ok(format!("CREATE SEQUENCE {} {options}", quoted(&definition.object.name, context)))
    }
}

/// The table and column that a sequence is dropped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The name of the table's object.
    pub table: String,
    pub column: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// A sequence as it is now.
pub struct State {
    pub counter: Counter,
    pub data_type: &'static str,
    pub owner: Option<Owner>,
}

/// The state of a sequence.
///
/// # Errors
/// Its definition or its counter cannot be read.
pub fn state(object: &Object, context: &StatementContext) -> Result<State> {
    let options = options(object, context)?;
    let (_, _, data_type) = sequence::range(options.data_type.as_ref(), &object.label())?;
    let name = counter_of(object).unwrap_or_default();
    let lost = || failed(&object.label(), "has lost its counter");
    let mut counter = context.catalog().sequence(name)?.ok_or_else(lost)?;
    counter.counting = counting_of(object).ok_or_else(lost)?;
    Ok(State { counter, data_type, owner: owner(&options, context) })
}

/// The options in the definition of a sequence.
///
/// # Errors
/// It cannot be read.
pub fn options(object: &Object, context: &StatementContext) -> Result<SequenceOptions> {
    let definition = Definition::read(object.clone(), context.session())?;
    match definition.body {
        Body::Sequence(body) => Ok(body.options),
        _ => Err(failed(&object.label(), "its definition makes no sequence")),
    }
}

/// The column that owns a sequence, as its definition names it, if that is still there.
fn owner(options: &SequenceOptions, context: &StatementContext) -> Option<Owner> {
    let written = options.owner.as_ref()?.as_ref()?;
    let names: Vec<String> = written.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let (column, table) = names.split_last()?;
    let table = meant(table, &["public".into()]).pop()?;
    let objects = context.all_objects().ok()?;
    let is_there = objects.iter().any(|object| object.kind == "table" && object.name == table);
    is_there.then(|| Owner { table, column: column.clone() })
}

/// The statement that the database remembers of a sequence.
pub fn definition(name: &str, options: &str, owner: Option<&Owner>, counter: &str, context: &StatementContext) -> String {
    let owner = owner.map_or_else(String::new, |Owner { table, column }| {
        format!(" OWNED BY {}.{}", in_schema(table, context), identifier(column))
    });
    format!("CREATE SEQUENCE {}{owner} {options}{}{}", in_schema(name, context), sequences::COUNTER, literal(counter))
}

/// The name of a relation in a definition, which is read without a search path.
fn in_schema(name: &str, context: &StatementContext) -> String {
    match parts(name, context) {
        (Some(schema), own) => format!("{}.{}", identifier(schema), identifier(own)),
        (None, own) => identifier(own),
    }
}

/// The table and column after OWNED BY.
///
/// # Errors
/// There is no such column, or the sequence could not be dropped with it.
pub fn owned_by(written: &sqlparser::ast::ObjectName, sequence: &Object, context: &StatementContext) -> Result<Owner> {
    let names: Vec<String> = written.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
    let Some((column, table)) = names.split_last().filter(|(_, table)| !table.is_empty()) else {
        let problem = format!("OWNED BY takes a column with its table, table.column, or NONE, got {written}");
        return Err(coded(SqlState::SYNTAX_ERROR, &sequence.label(), problem));
    };
    let objects = context.objects()?;
    let tables = meant(table, &context.path());
    let found = tables.iter().find_map(|name| objects.iter().find(|own| own.kind == "table" && own.name == *name));
    let Some(found) = found else {
        let error = coded(SqlState::UNDEFINED_TABLE, &table.join("."), "no such table; SHOW TABLES lists them");
        return Err(context.unseen(error, &table.join(".")));
    };
    let columns = super::table::column_names(found, context)?;
    if !columns.contains(column) {
        let problem = format!("{} has no such column; there is {}", found.name, columns.join(", "));
        return Err(coded(SqlState::UNDEFINED_COLUMN, column, problem));
    }
    let schema = |name: &str| parts(name, context).0.map(str::to_string);
    if found.owner != sequence.owner || schema(&found.name) != schema(&sequence.name) {
        let problem = format!("must have the owner and the schema of {}, to be owned by its column", found.name);
        return Err(coded(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, &sequence.label(), problem));
    }
    Ok(Owner { table: found.name.clone(), column: column.clone() })
}

/// The sequences that a table owns, with the columns that they belong to.
///
/// # Errors
/// The catalog cannot be read.
pub fn owned(table: &str, context: &StatementContext) -> Result<Vec<(Object, Owner)>> {
    let mut all = vec![];
    for object in context.all_objects()?.iter().filter(|object| object.kind == WORD) {
        // One whose definition cannot be read stays.
        let Ok(options) = options(object, context) else { continue };
        if let Some(owner) = owner(&options, context).filter(|owner| owner.table == table) {
            all.push((object.clone(), owner));
        }
    }
    Ok(all)
}

/// The sequence of that name, in the schemas where the statement looks for names.
///
/// # Errors
/// The catalog cannot be read.
pub fn named(written: &str, context: &StatementContext) -> Result<Option<Object>> {
    let Some(parts) = name_parts(written) else { return Ok(None) };
    let objects = context.all_objects()?;
    let names = meant(&parts, &context.path());
    Ok(names.iter().find_map(|name| objects.iter().find(|own| own.kind == WORD && own.name == *name).cloned()))
}

/// The columns of `SELECT * FROM sequence`.
pub fn state_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("last_value", DataType::Int64, false),
        Field::new("log_cnt", DataType::Int64, false),
        Field::new("is_called", DataType::Boolean, false),
    ]))
}

/// The state of a sequence as a table of one row, read when the table is.
#[derive(Debug)]
struct StateTable {
    object: Object,
    context: StatementContext,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for StateTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl StateTable {
    fn planned<'a>(
        &'a self,
        session: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let counter = state(&self.object, &self.context)?.counter;
            state_of(&counter)?.scan(session, projection, filters, limit).await
        })
    }
}

/// The state of a counter as a table of one row.
fn state_of(counter: &Counter) -> Result<MemTable> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![counter.last])),
        // Nothing is logged ahead.
        Arc::new(Int64Array::from(vec![0])),
        Arc::new(BooleanArray::from(vec![counter.is_given])),
    ];
    let batch = RecordBatch::try_new(state_schema(), columns)?;
    MemTable::try_new(state_schema(), vec![vec![batch]])
}

/// The state of a temporary sequence as a table; `None` for another name.
///
/// # Errors
/// None.
pub fn state_in_session(name: &str, context: &StatementContext) -> Result<Option<Arc<dyn TableProvider>>> {
    let state = context.tables().with_sequence(name, |counter| state_of(counter)).transpose()?;
    Ok(state.map(|table| Arc::new(table) as _))
}
