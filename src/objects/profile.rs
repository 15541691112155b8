//! `PROFILE`: who is profiled, by which key, with which attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use futures::future::BoxFuture;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::profiles;
use super::measured::{COMMON, Measured, common, with_common};
use super::protection::notes_on_profile;
use super::values::{number, text};
use super::{relation, segment, tag};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{ColumnRole, PublishedColumn, Snapshot, SnapshotOf, When};
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, coded, failed, invalid, message, sqlstate};
use crate::refresh::defined::defined;
use crate::refresh::definition::{Definition as Part, ProfileBody, ProfileDefinition};
use crate::refresh::plan::{Planner, no_profile};
use crate::refresh::published::{ENDS, Named, State, compare_keys};
use crate::sql::command::Grammar;
use crate::sql::planning::refuse_tokens_in;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE PROFILE",
    summary: "Defines who is profiled: a key and its attributes, one row per customer.",
    syntax: "CREATE [OR REPLACE] PROFILE [IF NOT EXISTS] name
WITH (key = 'column', [time_columns = 'table.column, …'], [history = 'attribute, …'], [keep_snapshots = 400], [comment = '…'], [owner = '…'], [constant = value, …])
AS query",
    description: "\
The key is a column of the query, integer or string, with each value once. The other columns are attributes. Rows without a key are left out
and counted. The definition is planned when it is created, together with all tags and segments of the profile. OR REPLACE makes a new version (unless the
text is the same), and `system.versions` keeps the old ones.

`time_columns` names the column that holds the time of a source's rows. Wherever a definition of this profile reads such a table (directly, through views,
functions or models, or as of an earlier time), it gets no row later than the time of the refresh. From other profiles and segments it
gets what was published by then, also without `time_columns`. So an answer as of a day is the answer that day would have given. Rows without a time are not read. Sources
without a time column are read completely. If a table has times and is not listed, a note names it when a tag that reads it is created, and at REFRESH, unless
the query limits it: `WHERE ordered_at <= $as_of`. `$as_of` in a query is the time of the refresh, a TIMESTAMP.

A table named in `time_columns` need not exist yet; a note reports that, with the name that may be meant. A column that the table does not have is an
error. REFRESH needs all of these tables. An entry whose table is read neither by the profile's query nor by a tag, such as after DROP TAG, has no effect; a note at REFRESH names it.

Times are in UTC. A time column with a zone is compared as an instant; one without a zone is read as UTC. If times
are stored in local time without a zone, a refresh as of now would treat the last hours as the future, or miss them. In that case, convert the column
in a view, `at AT TIME ZONE 'Asia/Shanghai'`, and name the view in `time_columns`.

Tags have a history. Attributes have one if `history` names them: `profile.<name>_history` has their values under the attribute's name with the period in which they
were valid, from the first refresh with this option. Values are stored as strings, times in ISO 8601
(`2025-01-31T10:00:00`).

Constants are written `$name` in the query and get a value in WITH. Tags and segments can have constants of their own too. A parameter of the
session (`--set name=value`) replaces `$name` when the definition is created.

The key is a column of every published table, next to other columns, so it cannot be called tag, value, since, valid_from, valid_to or
tag_version.

The last `keep_snapshots` refreshes stay readable with `FOR SYSTEM_TIME AS OF`. Drop the tags and segments of a profile before the profile.

**Cost.** Creating plans the queries and runs none; a refresh runs them. Each refresh that is kept takes disk space, which `keep_snapshots`
limits.

**Elsewhere.** Customer data platforms have the same in a user interface; in a warehouse it is a dbt model with `dbt snapshot`, or a feature
view of Feast.",
    examples: &["CREATE PROFILE member WITH (key = 'customer_id', comment = 'whoever has registered') AS
SELECT customer_id, gender, age, city FROM sample_customers(rows => 200);"],
    arguments: &[
        Argument::required("key", Takes::Text, "the column of the query that is the key"),
        Argument::optional(
            "time_columns",
            Takes::Text,
            "",
            "'table.column, …': rows of these tables later than the refresh are not read",
        ),
        Argument::optional(
            "history",
            Takes::Text,
            "",
            "'attribute, …': attributes whose changes are kept in `profile.<name>_history`, like those of tags",
        ),
        Argument::optional("keep_snapshots", Takes::Integer(1, 1_000_000), "400", "number of refreshes that stay readable"),
        Argument::optional("comment", Takes::Text, "", "a description, shown with the published tables"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Profile;

impl Grammar for Profile {
    fn word(&self) -> &'static str {
        "profile"
    }

    fn is_refreshed(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 4 + COMMON.len()] = with_common([
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "key", data_type: "VARCHAR", text: "the column that is its key" },
    Column { name: "customers", data_type: "BIGINT", text: "its members as of the last refresh" },
    Column { name: "refreshed_at", data_type: "VARCHAR", text: "when the last refresh was published, in UTC" },
]);

const ROLES: &[ColumnRole] = &[ColumnRole::Key];

/// The columns besides the key in `profile.<name>_tags`, `profile.<name>_history` and `segment.<name>`.
const BESIDE_THE_KEY: [&str; 6] = ["tag", "value", "since", "valid_from", "valid_to", "tag_version"];

impl Kind for Profile {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let mut uses = definition.query().map(Uses::of).unwrap_or_default();
        // These tables must exist, even if only tags read them.
        let timed = body(definition).map(|body| body.time_columns).unwrap_or_default();
        uses.tables.extend(timed.into_iter().map(|(table, _)| vec![table]));
        uses
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.reads_profile(&object.name)
    }

    fn check_name(&self, new: &Object, context: &StatementContext) -> Result<()> {
        relation::check_name(new)?;
        let definition = Definition::read(new.clone(), context.session())?;
        let key = definition.options.text("key").unwrap_or_default();
        if let Some(taken) = BESIDE_THE_KEY.iter().find(|taken| taken.eq_ignore_ascii_case(key)) {
            let problem = format!(
                "the key cannot be {key}: the tables that a profile publishes have a column {taken} beside it; write {key} AS another name"
            );
            return Err(invalid(&new.label(), problem));
        }
        let (name, ends) = (&new.name, &ENDS[1..]);
        let taken = |other: &&str| ends.iter().any(|end| *name == format!("{other}{end}") || **other == *format!("{name}{end}"));
        match profiles(&context.all_objects()?).find(taken) {
            Some(other) => {
                let problem = format!("the name is taken: profile {other} publishes tables of these names; choose another");
                Err(coded(SqlState::DUPLICATE_OBJECT, &new.label(), problem))
            }
            None => Ok(()),
        }
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move { check_whole(&object.name, context).await })
    }

    fn remove<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let catalog = context.catalog();
            let options = context.session().config_options();
            let _lock = catalog.lock(SnapshotOf::Profile, &object.name, "DROP PROFILE", options).await?;
            // The earlier checks still hold, or the definitions have changed and everything is checked again.
            catalog.remove_object(object, Some(context.view().stamp()?))?;
            // What cannot be removed now is removed later; the profile is gone.
            let _ = catalog.collect();
            Ok(())
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        let body = body(definition)?;
        let times: Vec<String> = body.time_columns.iter().map(|(table, column)| format!("{table}.{column}")).collect();
        Ok(vec![
            ("key".into(), body.key),
            ("time_columns".into(), times.join(", ")),
            ("history".into(), body.history.join(", ")),
            ("keep_snapshots".into(), body.keep_snapshots.to_string()),
        ])
    }

    fn describe_published(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        let measured = Measured::new(definition, ROLES, context)?;
        let mut properties = measured.describe();
        if let Some(snapshot) = &measured.snapshot {
            let names = |roles: &[ColumnRole]| {
                let columns = snapshot.columns.iter().filter(|column| roles.contains(&column.role));
                columns.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            properties.push(("attributes".into(), names(&[ColumnRole::Attribute])));
            properties.push(("tags".into(), names(&[ColumnRole::Tag, ColumnRole::Tags])));
            properties.push(("segments".into(), names(&[ColumnRole::Segment])));
        }
        Ok(properties)
    }

    fn system_table(&self) -> &'static str {
        "profiles"
    }

    fn listed(&self) -> &'static str {
        "The profiles, with the result of the last refresh."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let measured = Measured::all(definitions, ROLES, context)?;
        let published = |measured: &Measured<'_>| measured.snapshot.as_ref().map(|snapshot| snapshot.committed_at.clone());
        let mut values = vec![
            text(definitions.iter().map(|definition| Some(definition.object.name.clone()))),
            text(definitions.iter().map(|definition| definition.options.text("key").map(str::to_string))),
            number(measured.iter().map(Measured::customers)),
            text(measured.iter().map(published)),
        ];
        values.extend(common(&measured));
        Ok(values)
    }

    fn shown(&self) -> &'static str {
        "SELECT name, key, version, customers, last_refresh, comment FROM system.profiles ORDER BY name"
    }
}

/// The body of a profile's definition.
fn body(definition: &Definition) -> Result<ProfileBody> {
    let label = definition.object.label();
    let entry = |entry: &str| match entry.trim().rsplit_once('.') {
        Some((table, column)) if !table.trim().is_empty() && !column.trim().is_empty() => {
            Ok((table.trim().to_string(), column.trim().to_string()))
        }
        _ => Err(invalid(&label, format!("time_columns takes 'table.column, …', got '{entry}'"))),
    };
    let time_columns = match definition.options.text("time_columns") {
        Some(text) => text.split(',').map(entry).collect::<Result<_>>()?,
        None => vec![],
    };
    let history = definition.text("history").split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(ProfileBody {
        history: history.map(str::to_string).collect(),
        key: definition.required("key")?,
        time_columns,
        keep_snapshots: usize::try_from(definition.options.integer("keep_snapshots")?).unwrap_or(usize::MAX),
        query: Box::new(definition.query()?.clone()),
    })
}

/// A profile with its tags and segments, as the context sees them.
///
/// # Errors
/// There is no such profile, or a definition cannot be read.
pub fn whole(name: &str, context: &StatementContext) -> Result<ProfileDefinition> {
    let seen = context.objects()?;
    if !profiles(&seen).any(|other| other == name) {
        return Err(context.unseen(no_profile(name, profiles(&seen)), name));
    }
    // Its segments belong to it even if the role cannot see them.
    let objects = context.all_objects()?;
    let (mut own, mut tags, mut segments) = (None, vec![], vec![]);
    for object in objects.iter().filter(|object| object.profile == name) {
        let definition = Definition::read(object.clone(), context.session())?;
        let part = Part { object: object.clone(), parameters: definition.constants(None)? };
        match object.kind.as_str() {
            "profile" => own = Some((part, body(&definition)?)),
            "tag" => tags.push((part, tag::body(&definition)?)),
            _ => segments.push((part, segment::condition(&definition)?)),
        }
    }
    match own {
        Some((own, body)) => Ok(ProfileDefinition { own, body, tags, segments }),
        None => Err(no_profile(name, profiles(&seen))),
    }
}

/// A profile with one of its parts, and the tags that this part needs, or all of them.
fn with_part(part: &Object, needs_all: bool, context: &StatementContext) -> Result<ProfileDefinition> {
    let (profile, objects) = (&part.profile, context.all_objects()?);
    let of_profile: Vec<&Object> = objects.iter().filter(|object| object.profile == *profile).collect();
    let Some(own) = of_profile.iter().find(|object| object.kind == "profile") else {
        return Err(no_profile(profile, profiles(&objects)));
    };
    let own = Definition::read((*own).clone(), context.session())?;
    let mut needed: BTreeMap<i64, Definition> = BTreeMap::new();
    let mut waiting = vec![part];
    while let Some(object) = waiting.pop() {
        if needed.contains_key(&object.id) {
            continue;
        }
        let definition = Definition::read(object.clone(), context.session())?;
        let columns = definition.kind.uses(&definition).columns_of(profile);
        let is_read = |object: &&&Object| {
            object.kind == "tag" && (needs_all || columns.as_ref().is_none_or(|columns| columns.contains(&object.name)))
        };
        waiting.extend(of_profile.iter().filter(is_read).copied());
        needed.insert(object.id, definition);
    }
    let constants = |definition: &Definition| -> Result<Part> {
        Ok(Part { object: definition.object.clone(), parameters: definition.constants(None)? })
    };
    let (mut tags, mut segments) = (vec![], vec![]);
    // In order of creation: the map is sorted by id.
    for definition in needed.values() {
        match definition.object.kind.as_str() {
            "tag" => tags.push((constants(definition)?, tag::body(definition)?)),
            _ => segments.push((constants(definition)?, segment::condition(definition)?)),
        }
    }
    Ok(ProfileDefinition { own: constants(&own)?, body: body(&own)?, tags, segments })
}

/// Plans a tag or segment together with what it needs. The other parts of its profile are not planned; those that need this one are checked
/// separately.
///
/// # Errors
/// The part is wrong.
pub async fn check_part(part: &Object, context: &StatementContext) -> Result<Vec<String>> {
    let objects = context.all_objects()?;
    let profile = objects.iter().find(|object| object.kind == "profile" && object.name == part.profile);
    let Some(profile) = profile.filter(|_| part.kind == "segment") else { return check_planned(part, context).await };
    if context.rights()?.owns(profile) {
        return check_planned(part, context).await;
    }
    // Its author need not be allowed to read what the profile reads, as the refresh computes it for the owner of the profile.
    refuse_tokens_in(&segment::condition(&Definition::read(part.clone(), context.session())?)?, context)?;
    let inside = context.as_owner(&profile.owner).reading_as(&profile.owner);
    check_planned(part, &inside).await.map_err(|error| {
        if message(&error).starts_with(&part.label()) || sqlstate(&error) == SqlState::SERIALIZATION_FAILURE {
            return error;
        }
        let problem = "cannot be planned now, so its segments cannot be checked; ask its owner";
        coded(SqlState::INVALID_OBJECT_DEFINITION, &profile.label(), problem)
    })
}

async fn check_planned(part: &Object, context: &StatementContext) -> Result<Vec<String>> {
    let context = &context.defining();
    let definition = with_part(part, false, context)?;
    let planner = Planner { context, as_of: context.now() };
    match planner.plan(&definition).await {
        Ok(planned) => {
            let mut notes = planned.notes(&definition, Some(&part.label()));
            if part.kind == "tag" {
                notes.extend(notes_on_profile(part, &definition.own.object, &planned.computed(), context).await?);
            }
            Ok(notes)
        }
        // A misspelled tag was not planned. With all tags, the error names the one that may be meant.
        Err(error) => {
            let again = planner.plan(&with_part(part, true, context)?).await.err();
            let is_same = |again: &DataFusionError| message(again).starts_with(&part.label());
            Err(again.filter(is_same).unwrap_or(error))
        }
    }
}

/// The state that a published table is read from. Before anything is published, and while the profile's definition is being changed, it has
/// the columns of the definition and no rows.
///
/// # Errors
/// The published state cannot be read.
pub async fn state(named: &Named, context: &StatementContext) -> Result<State> {
    let name = &named.profile;
    let newest = context.view().snapshot(SnapshotOf::Profile, name, When::Now)?;
    let published = State::published(context.view(), named);
    if context.changes_profile(name) && named.when == When::Now {
        let problem = "is being changed by this statement, which cannot read its rows";
        let defined = as_defined(name, context, Arc::new(failed(&format!("profile {name}"), problem))).await;
        return defined.or(published);
    }
    if named.when == When::Now
        && let Some(segment) = named.segment()
    {
        let objects = context.all_objects()?;
        let is_it = |object: &&Object| object.kind == "segment" && object.name == segment;
        let note = objects.iter().find(is_it).and_then(|object| note_on_earlier(object, newest.as_deref()));
        context.file_notes().tell(note.as_slice());
    }
    match published {
        Err(missing) if newest.is_none_or(|newest| named.is_missing_in(&newest)) => {
            let missing = Arc::new(missing);
            // Even if the definition has other errors, this one is reported.
            as_defined(name, context, Arc::clone(&missing)).await.map_err(|_| DataFusionError::Shared(missing))
        }
        published => published,
    }
}

/// The note on a tag or segment whose published values come from an earlier version.
pub fn note_on_earlier(part: &Object, newest: Option<&Snapshot>) -> Option<String> {
    let is_it = |column: &&PublishedColumn| {
        column.name == part.name
            && match column.role {
                ColumnRole::Segment => part.kind == "segment",
                ColumnRole::Tag | ColumnRole::Tags => part.kind == "tag",
                _ => false,
            }
    };
    let was = newest?.columns.iter().find(is_it).map(|column| column.version)?;
    let (name, profile, is) = (&part.name, &part.profile, part.version);
    (was < is).then(|| match part.kind.as_str() {
        "segment" => {
            format!("segment {name} still has the members of version {was}; REFRESH SEGMENT {name} computes version {is}")
        }
        _ => format!("tag {name} still has the values of version {was}; REFRESH PROFILE {profile} computes version {is}"),
    })
}

async fn as_defined(name: &str, context: &StatementContext, missing: Arc<DataFusionError>) -> Result<State> {
    let objects = context.all_objects()?;
    let own = objects.iter().find(|object| object.kind == "profile" && object.name == *name);
    let inside = context.entering(&format!("profile {name}"), own.map_or("", |own| &own.owner))?;
    defined(&whole(name, &inside)?, &inside, missing).await
}

/// Plans a profile with all its tags and segments.
///
/// # Errors
/// Any of them is wrong.
pub async fn check_whole(name: &str, context: &StatementContext) -> Result<Vec<String>> {
    let context = &context.defining();
    let whole = whole(name, context)?;
    let planned = Planner { context, as_of: context.now() }.plan(&whole).await?;
    let mut notes: Vec<String> = compare_keys(&whole, &planned.key_type, context)?.into_iter().collect();
    notes.extend(notes_on_profile(&whole.own.object, &whole.own.object, &planned.computed(), context).await?);
    if !whole.body.time_columns.is_empty() {
        notes.extend(planned.notes(&whole, None));
        return Ok(notes);
    }
    // Which tables these are is reported with the tags that read them.
    notes.push(format!(
        "profile {name} has no time_columns: a refresh as of an earlier day reads later rows too, unless the queries use $as_of"
    ));
    notes.extend(planned.sources.notes_on_clocks(Some(&format!("profile {name}"))));
    notes.extend(planned.never.iter().map(|(_, note)| note.clone()));
    Ok(notes)
}
