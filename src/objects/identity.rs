//! `IDENTITY`: which records belong to one person, found again with each REFRESH, with stable ids.
//!
//! The results are ordinary tables in the schema `identity`. They keep the meaning of ids when the definition changes, and profiles, tags
//! and views read them. A refresh writes them in one transaction, with the statements of [`script`].

mod added;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::values::{given, number, text};
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{invalid, renamed};
use crate::refresh::as_of::settle;
use crate::sql::command::Grammar;
use crate::sql::parser::parse_composed;
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;
use crate::text::{as_sql, identifier, literal, timestamp};

pub use added::{Files, OWN, Reading, reading};

/// The schema for the results of identities.
pub const SCHEMA: &str = "identity";

static DOC: Doc = Doc {
    name: "CREATE IDENTITY",
    summary: "Defines which records belong to one person; REFRESH IDENTITY finds the persons and gives them permanent ids.",
    syntax: "CREATE [OR REPLACE] IDENTITY [IF NOT EXISTS] name
WITH (key = 'column', [match_on = 'column, …'], [hard_keys = 'column, …'], [max_shared = 10], [blocked_values = 'value, …'], [pairs = 'table'],
      [comment = '…'], [owner = '…'])
AS query",
    description: "\
The query returns the records of one source, or of several with UNION ALL, with their cleaned identifiers. `resolve_identities` explains
how records become persons; the options are the same. `pairs` names a table or view of pairs, as `match_pairs` returns them.

`REFRESH IDENTITY name` needs a database (`-d`), runs with the rights of the owner, and writes these tables in one transaction:

| table | contents |
|---|---|
| `identity.<name>` | one row per record: the key, `person_id`, `records` (their number for this person), `evidence` |
| `identity.<name>_ledger` | one row per merge, split, move and loss, with its time, the persons and the evidence; and one row per refresh |
| `identity.<name>_must_link`, `identity.<name>_cannot_link` | empty at first: pairs of keys `a`, `b` that people have decided on. Every later refresh respects them |
| `identity.<name>_values`, `identity.<name>_sources` | what the next refresh needs to resolve only new records: hashes of the values, and which files were read |

**Ids.** A person keeps its id as long as most of its records stay together. An id is never given to another person. To undo a wrong merge, put the pair into
`_cannot_link` and refresh: one part keeps the id, the other gets a new one, and the ledger records `split`.

These are ordinary tables: read them, join them, make a profile over them, read them as of an earlier time. DROP IDENTITY keeps them, so a new
identity with the same name continues with the same ids.

**New records.** If rows were only added to the tables since the last refresh, a refresh resolves the new records and those that they touch,
through shared values from record to record; all others stay as they are, and the result is that of a refresh of all records. It
resolves all records, and says why, if
- rows were changed or removed, the definition or a view that it reads has changed, people have decided on other pairs, or more than a
  quarter of the rows are new;
- the query does more than choose columns and rows of tables of this database (with UNION ALL), uses `$as_of` or `now()`, or reads what is
  masked for the owner; or there are `pairs`.

**Cost.** Creating it computes nothing. A refresh of all records costs `resolve_identities` over them. A refresh of new records computes
their values alone, reads the hashes of all values, and rewrites the files of the persons that change.

**Elsewhere.** Identity graphs of customer data platforms (Segment, Adobe) do this as a service; `splink` and `dedupe` in Python find pairs
and clusters, but keep no ids from run to run.",
    arguments: &[
        Argument::required("key", Takes::Text, "the column of the query that identifies a record"),
        Argument::optional("match_on", Takes::Names, "", "the identifiers, the most trusted first; default all other columns"),
        Argument::optional("hard_keys", Takes::Names, "", "identifiers that a person has only one of"),
        Argument::optional(
            "max_shared",
            Takes::Integer(1, i64::MAX),
            "10",
            "a value that is shared by more records than this joins no records",
        ),
        Argument::optional("blocked_values", Takes::Names, "", "values that join no records"),
        Argument::optional("pairs", Takes::Text, "", "a table or view of pairs, which are joined after all values"),
        Argument::optional("comment", Takes::Text, "", "what it is"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE OR REPLACE IDENTITY shopper WITH (key = 'customer_id', match_on = 'phone, email_and_name', max_shared = 5) AS
SELECT customer_id, clean_phone(phone) AS phone, lower(email) || ' ' || name AS email_and_name FROM sample_customers(rows => 500);
SELECT name, key, match_on FROM system.identities;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Identity;

impl Grammar for Identity {
    fn word(&self) -> &'static str {
        "identity"
    }

    fn plural(&self) -> String {
        "identities".into()
    }

    fn is_refreshed(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 10] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "key", data_type: "VARCHAR", text: "the column that identifies a record" },
    Column { name: "match_on", data_type: "VARCHAR", text: "the identifiers; NULL for all other columns" },
    Column { name: "hard_keys", data_type: "VARCHAR", text: "identifiers that a person has only one of" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "its description, from the definition" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created this version" },
];

impl Kind for Identity {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let mut uses = definition.query().map(Uses::of).unwrap_or_default();
        uses.tables.extend(definition.options.text("pairs").map(parts));
        uses
    }

    /// Its tables are ordinary tables, with dependencies of their own.
    fn is_named_in(&self, _object: &Object, _uses: &Uses) -> bool {
        false
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            let inside = context.entering(&object.label(), &object.owner)?;
            let parsed = parse_composed(&format!("SELECT * FROM {}", call(&definition, context.now(), &[])?), context.session())?;
            plan(&parsed, &inside).await.map_err(|error| named(error, object)).map(|_| vec![])
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let mut properties = vec![("key".to_string(), definition.required("key")?)];
        for name in ["match_on", "hard_keys"] {
            properties.extend(listed(definition, name).map(|names| (name.to_string(), names)));
        }
        properties.push(("max_shared".into(), definition.options.integer("max_shared")?.to_string()));
        properties.push(("table".into(), format!("{SCHEMA}.{}", definition.object.name)));
        Ok(properties)
    }

    fn system_table(&self) -> &'static str {
        "identities"
    }

    fn listed(&self) -> &'static str {
        "The identities: which records are one person."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let of = |get: fn(&Definition) -> &str| text(definitions.iter().map(move |definition| given(get(definition))));
        let names = |option: &'static str| text(definitions.iter().map(move |definition| listed(definition, option)));
        Ok(vec![
            of(|definition| &definition.object.name),
            of(|definition| definition.text("key")),
            names("match_on"),
            names("hard_keys"),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|definition| definition.comment()),
            of(|definition| definition.text("owner")),
            of(|definition| &definition.object.author),
            of(|definition| &definition.object.created_at),
            of(|definition| &definition.object.sql),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, key, match_on, hard_keys, comment FROM system.identities ORDER BY name"
    }
}

fn listed(definition: &Definition, option: &str) -> Option<String> {
    definition.options.names(option).map(|names| names.join(", "))
}

/// The parts of a name such as `shop.pairs`.
fn parts(name: &str) -> Vec<String> {
    name.split('.').map(|part| part.trim().trim_matches('"').to_string()).collect()
}

/// An error of the function, with the object as its subject.
fn named(error: DataFusionError, object: &Object) -> DataFusionError {
    renamed(error, "resolve_identities", &object.label())
}

/// The query of the records, with its constants, and `$as_of` for the time `now`.
fn records(definition: &Definition, now: i64) -> Result<String> {
    let mut query = Box::new(definition.query()?.clone());
    settle(query.as_mut(), now, &definition.constants(None)?);
    Ok(as_sql(query.as_ref()))
}

/// The call of `resolve_identities` for a definition; `others` are further relations to pass.
fn call(definition: &Definition, now: i64, others: &[(&str, String)]) -> Result<String> {
    let mut text = format!("resolve_identities(({})", records(definition, now)?);
    for (name, relation) in others {
        text.push_str(&format!(", {name} => ({relation})"));
    }
    if let Some(pairs) = definition.options.text("pairs") {
        let name: Vec<String> = parts(pairs).iter().map(|part| identifier(part)).collect();
        text.push_str(&format!(", pairs => (SELECT * FROM {})", name.join(".")));
    }
    text.push_str(&arguments(definition, &["match_on", "hard_keys", "blocked_values", "max_shared"])?);
    text.push(')');
    Ok(text)
}

/// The key and these options of a definition, as arguments of a call.
fn arguments(definition: &Definition, wanted: &[&str]) -> Result<String> {
    let list =
        |names: &[String], written: fn(&str) -> String| names.iter().map(|name| written(name)).collect::<Vec<_>>().join(", ");
    let mut text = format!(", key => {}", identifier(&definition.required("key")?));
    let options = [("match_on", identifier as fn(&str) -> String), ("hard_keys", literal), ("blocked_values", literal)];
    for (option, written) in options.into_iter().filter(|(option, _)| wanted.contains(option)) {
        let Some(names) = definition.options.names(option) else { continue };
        if !names.is_empty() {
            text.push_str(&format!(", {option} => [{}]", list(names, written)));
        } else if option == "match_on" {
            let problem = "match_on names no column; leave it out to use all columns";
            return Err(invalid(&definition.object.label(), problem));
        }
    }
    if wanted.contains(&"max_shared") {
        text.push_str(&format!(", max_shared => {}", definition.options.integer("max_shared")?));
    }
    Ok(text)
}

/// The tables of an identity, as statements write their names.
struct Tables {
    persons: String,
    ledger: String,
    values: String,
    sources: String,
    together: String,
    apart: String,
    /// Temporary tables: the new persons, and what is known about the refresh.
    next: String,
    refreshed: String,
}

impl Tables {
    fn of(definition: &Definition) -> Self {
        let name = &definition.object.name;
        let table = |end: &str| format!("{SCHEMA}.{}", identifier(&format!("{name}{end}")));
        Self {
            persons: table(""),
            ledger: table("_ledger"),
            values: table("_values"),
            sources: table("_sources"),
            together: table("_must_link"),
            apart: table("_cannot_link"),
            next: identifier(&format!("next {name}")),
            refreshed: identifier(&format!("refreshed {name}")),
        }
    }

    /// The persons of a relation, with the highest id ever used, which the ledger has.
    fn previous(&self, persons: &str, key: &str) -> String {
        format!("SELECT {key}, person_id FROM {persons} UNION ALL SELECT NULL, max(to_person_id) FROM {}", self.ledger)
    }

    /// Writes to the ledger what has changed between two relations.
    fn note_changes(&self, before: &str, key: &str, now: &str) -> String {
        let Self { ledger, next, .. } = self;
        format!(
            "INSERT INTO {ledger} SELECT {now}, change, from_person_id, to_person_id, changed.records, example_key, evidence \
             FROM identity_changes((SELECT * FROM {before}), (SELECT * FROM {next}), key => {key}) AS changed \
             LEFT JOIN {next} AS found ON found.{key} = changed.example_key \
             WHERE change IN ('merged', 'split', 'moved', 'lost person')"
        )
    }

    /// Writes to the ledger that a refresh was made, which has found these persons; `records` is an expression.
    fn note_refresh(&self, found: &str, records: &str, now: &str) -> [String; 2] {
        let Self { ledger, refreshed, .. } = self;
        // In two steps, because an owner for whom the evidence is masked may add rows to the ledger, but not by a statement that reads it.
        [
            format!(
                "CREATE OR REPLACE TEMPORARY TABLE {refreshed} AS SELECT \
                   greatest((SELECT max(person_id) FROM {found}), (SELECT max(to_person_id) FROM {ledger})) AS highest_id, \
                   {records} AS records"
            ),
            format!("INSERT INTO {ledger} SELECT {now}, 'refreshed', NULL, highest_id, records, NULL, NULL FROM {refreshed}"),
        ]
    }

    /// Counts what a refresh has found: records, persons, merged, split, and records that were resolved, which is an expression.
    fn count(&self, resolved: &str, now: &str) -> String {
        let Self { persons, ledger, .. } = self;
        // A person of three records has three rows: dividing is cheaper than telling a million ids apart.
        format!(
            "SELECT CAST(coalesce(sum(sized), 0) AS BIGINT), CAST(coalesce(sum(sized / size), 0) AS BIGINT), \
               (SELECT count(*) FROM {ledger} WHERE refreshed_at = {now} AND change = 'merged'), \
               (SELECT count(*) FROM {ledger} WHERE refreshed_at = {now} AND change = 'split'), {resolved} \
             FROM (SELECT records AS size, count(*) AS sized FROM {persons} GROUP BY records) AS sizes"
        )
    }
}

/// A time as statements write it.
fn written(at: i64) -> String {
    format!("CAST({} AS TIMESTAMP)", literal(&timestamp(at)))
}

/// The call that replaces the values of records by hashes.
fn hashed(definition: &Definition, rows: &str) -> Result<String> {
    Ok(format!("identity_values(({rows}){})", arguments(definition, &["match_on", "blocked_values"])?))
}

/// The statements of a refresh of all records at a time, in microseconds since 1970. They belong in one transaction; the last one returns
/// counts of what was found. `keeps_values` is for an identity whose next refresh may be one of new records alone.
///
/// # Errors
/// The definition is incomplete.
pub fn script(definition: &Definition, at: i64, keeps_values: bool) -> Result<Vec<String>> {
    let now = written(at);
    let tables = Tables::of(definition);
    let Tables { persons, ledger, values, together, apart, next, .. } = &tables;
    let key = identifier(&definition.required("key")?);
    let records = records(definition, at)?;
    let found = call(
        definition,
        at,
        &[
            ("previous", tables.previous(persons, &key)),
            ("must_link", format!("SELECT a, b FROM {together}")),
            ("cannot_link", format!("SELECT a, b FROM {apart}")),
        ],
    )?;
    let empty_pairs = format!("SELECT {key} AS a, {key} AS b FROM ({records}) AS records WHERE false");
    let [told, refreshed] = tables.note_refresh(next, &counted(next), &now);
    let mut statements = vec![
        format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"),
        format!("CREATE TABLE IF NOT EXISTS {persons} AS SELECT * FROM {} WHERE false", call(definition, at, &[])?),
        format!("CREATE TABLE IF NOT EXISTS {together} AS {empty_pairs}"),
        format!("CREATE TABLE IF NOT EXISTS {apart} AS {empty_pairs}"),
        format!(
            "CREATE TABLE IF NOT EXISTS {ledger} AS SELECT {now} AS refreshed_at, change, from_person_id, to_person_id, records, \
               example_key, CAST(NULL AS VARCHAR) AS evidence \
             FROM identity_changes((SELECT * FROM {persons}), (SELECT * FROM {persons}), key => {key}) WHERE false"
        ),
        format!("CREATE OR REPLACE TEMPORARY TABLE {next} AS SELECT * FROM {found}"),
        tables.note_changes(persons, &key, &now),
        told,
        refreshed,
        format!("CREATE OR REPLACE TABLE {persons} AS SELECT * FROM {next}"),
    ];
    if keeps_values {
        statements.push(format!("CREATE OR REPLACE TABLE {values} AS SELECT * FROM {}", hashed(definition, &records)?));
    }
    statements.push(tables.count(&counted(next), &now));
    Ok(statements)
}

/// The temporary table of the rows that the query gives now and did not give before.
pub fn added_table(definition: &Definition) -> String {
    format!("added {}", definition.object.name)
}

/// The statements of a refresh of new records, which are in [`added_table`], and those that they touch; as [`script`] otherwise.
pub struct ScriptOfAdded {
    pub first: Vec<String>,
    /// Takes the records that are resolved out of the persons.
    pub take: String,
    /// The temporary table for the rows that it gives.
    pub taken: String,
    /// Makes this table, if there are none.
    pub taken_none: String,
    pub last: Vec<String>,
}

/// Writes them.
///
/// # Errors
/// The definition is incomplete.
pub fn script_of_added(definition: &Definition, at: i64) -> Result<ScriptOfAdded> {
    let now = written(at);
    let tables = Tables::of(definition);
    let Tables { persons, values, together, apart, next, .. } = &tables;
    let key = identifier(&definition.required("key")?);
    let name = |word: &str| identifier(&format!("{word} {}", definition.object.name));
    let (added, fresh, touched, before) = (identifier(&added_table(definition)), name("fresh"), name("touched"), name("before"));
    // The columns of what was hashed are the identifiers already.
    let found = format!(
        "touched_records((SELECT * FROM {fresh}), stored => (SELECT * FROM {values}), must_link => (SELECT a, b FROM {together}){})",
        arguments(definition, &["max_shared"])?
    );
    // Whoever has shortened the ledger has not lowered the ids that are given.
    let resolved = format!(
        "resolve_touched((SELECT * FROM {touched}), previous => ({} UNION ALL SELECT NULL, max(person_id) FROM {persons}), \
           must_link => (SELECT a, b FROM {together}), cannot_link => (SELECT a, b FROM {apart}){})",
        tables.previous(&before, &key),
        arguments(definition, &["hard_keys", "max_shared"])?
    );
    let [told, refreshed] = tables.note_refresh(next, &format!("{} + {}", counted(persons), counted(next)), &now);
    Ok(ScriptOfAdded {
        first: vec![
            format!(
                "CREATE OR REPLACE TEMPORARY TABLE {fresh} AS SELECT * FROM {}",
                hashed(definition, &format!("SELECT * FROM {added}"))?
            ),
            format!("CREATE OR REPLACE TEMPORARY TABLE {touched} AS SELECT * FROM {found}"),
        ],
        take: format!("DELETE FROM {persons} WHERE {key} IN (SELECT {key} FROM {touched}) RETURNING {key}, person_id"),
        taken: format!("before {}", definition.object.name),
        taken_none: format!("CREATE OR REPLACE TEMPORARY TABLE {before} AS SELECT {key}, person_id FROM {persons} WHERE false"),
        last: vec![
            format!("CREATE OR REPLACE TEMPORARY TABLE {next} AS SELECT * FROM {resolved}"),
            tables.note_changes(&before, &key, &now),
            told,
            refreshed,
            format!("INSERT INTO {persons} SELECT * FROM {next}"),
            format!("INSERT INTO {values} SELECT * FROM {fresh}"),
            tables.count(&counted(next), &now),
        ],
    })
}

/// The statements of a refresh that has nothing to resolve, because no row is new; as [`script`] otherwise.
pub fn script_of_none(definition: &Definition, at: i64) -> Vec<String> {
    let now = written(at);
    let tables = Tables::of(definition);
    let [told, refreshed] = tables.note_refresh(&tables.persons, &counted(&tables.persons), &now);
    vec![told, refreshed, tables.count("CAST(0 AS BIGINT)", &now)]
}

/// The number of rows of a table, as an expression.
fn counted(table: &str) -> String {
    format!("(SELECT count(*) FROM {table})")
}

/// Asks for the files that the last refresh has read.
pub fn read_files(definition: &Definition) -> String {
    format!("SELECT source, file FROM {}", Tables::of(definition).sources)
}

/// The schema and the name of the table of these files.
pub fn table_of_files(definition: &Definition) -> (String, String) {
    (SCHEMA.into(), format!("{}_sources", definition.object.name))
}

/// The statements that remember the files that a refresh has read; `is_first` if none were remembered before.
pub fn keep_files(definition: &Definition, files: &Files, is_first: bool) -> Vec<String> {
    let rows = files.iter().flat_map(|(source, files)| files.iter().map(move |file| (source, file)));
    let rows: Vec<String> = rows.map(|(source, file)| format!("({}, {})", literal(source), literal(file))).collect();
    let sources = Tables::of(definition).sources;
    let make = is_first.then(|| format!("CREATE TABLE IF NOT EXISTS {sources} (source VARCHAR, file VARCHAR)"));
    let write = [format!("DELETE FROM {sources}"), format!("INSERT INTO {sources} VALUES {}", rows.join(", "))];
    make.into_iter().chain(write).collect()
}
