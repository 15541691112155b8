//! The tables of `system` about profiles, tags, segments and runs, and what DESCRIBE says.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionState;

use crate::catalog::Catalog;
use crate::catalog::objects::ObjectKind;
use crate::catalog::snapshots::{ColumnRole, Snapshot, SnapshotOf, When};
use crate::learning::model::Trained;
use crate::refresh::definition::{Definition, Says};
use crate::refresh::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use crate::text::timestamp;

/// A column in the making.
struct Column {
    name: &'static str,
    values: ArrayRef,
}

fn text(name: &'static str, values: impl Iterator<Item = Option<String>>) -> Column {
    Column { name, values: Arc::new(values.collect::<StringArray>()) }
}

fn number(name: &'static str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Column { name, values: Arc::new(values.collect::<Int64Array>()) }
}

fn share(name: &'static str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Column { name, values: Arc::new(values.collect::<Float64Array>()) }
}

fn time(name: &'static str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Column { name, values: Arc::new(values.collect::<TimestampMicrosecondArray>()) }
}

fn table(columns: Vec<Column>) -> Result<Arc<dyn TableProvider>> {
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(column.name, column.values.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = columns.into_iter().map(|column| column.values).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// Text, or NULL when there is none.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}

/// A definition with the newest snapshot of its profile.
struct Known {
    definition: Definition,
    snapshot: Option<Arc<Snapshot>>,
}

impl Known {
    fn all(catalog: &Catalog, state: &SessionState, kind: ObjectKind) -> Result<Vec<Self>> {
        let objects = catalog.objects()?.into_iter().filter(|object| object.kind == kind);
        let known = objects.map(|object| {
            let snapshot = catalog.seen(SnapshotOf::Profile, &object.profile, When::Now)?;
            Ok(Self { definition: Definition::read(object, state)?, snapshot })
        });
        known.collect()
    }

    /// Members that have a value, or are in the segment, and the `as_of` when that was computed.
    fn filled(&self) -> Option<(i64, i64)> {
        let roles: &[ColumnRole] = match self.definition.object.kind {
            ObjectKind::Profile => &[ColumnRole::Key],
            ObjectKind::Tag => &[ColumnRole::Tag, ColumnRole::Tags],
            ObjectKind::Segment => &[ColumnRole::Segment],
            ObjectKind::Model => &[],
        };
        let is_own = |name: &str| self.definition.object.kind == ObjectKind::Profile || name == self.definition.object.name;
        let columns = self.snapshot.iter().flat_map(|snapshot| &snapshot.columns);
        let mut own = columns.filter(|column| roles.contains(&column.role) && is_own(&column.name));
        own.next().map(|column| (column.filled, column.computed_at))
    }

    fn customers(&self) -> Option<i64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.rows)
    }

    /// The share of the customers that have a value.
    fn coverage(&self) -> Option<f64> {
        let (filled, customers) = (self.filled()?.0, self.customers()?);
        (customers > 0).then(|| filled as f64 / customers as f64)
    }
}

/// What all kinds have, in columns.
fn common(known: &[Known]) -> Vec<Column> {
    let of = |get: fn(&Definition) -> String| known.iter().map(move |known| given(&get(&known.definition)));
    vec![
        number("version", known.iter().map(|known| Some(known.definition.object.version))),
        text("comment", of(|definition| definition.comment.clone())),
        text("owner", of(|definition| definition.owner.clone())),
        text("author", of(|definition| definition.object.author.clone())),
        text("created_at", of(|definition| definition.object.created_at.clone())),
        time("last_refresh", known.iter().map(|known| known.filled().map(|(_, at)| at))),
        text("definition", of(|definition| definition.object.sql.clone())),
    ]
}

/// `system.profiles`
pub fn profiles(catalog: &Catalog, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let known = Known::all(catalog, state, ObjectKind::Profile)?;
    let key = |known: &Known| match &known.definition.says {
        Says::Profile(says) => Some(says.key.clone()),
        _ => None,
    };
    let mut columns = vec![
        text("name", known.iter().map(|known| Some(known.definition.object.name.clone()))),
        text("key", known.iter().map(key)),
        number("customers", known.iter().map(Known::customers)),
        text("refreshed_at", known.iter().map(|known| known.snapshot.as_ref().map(|snapshot| snapshot.committed_at.clone()))),
    ];
    columns.extend(common(&known));
    table(columns)
}

/// `system.tags`
pub fn tags(catalog: &Catalog, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let known = Known::all(catalog, state, ObjectKind::Tag)?;
    let says = |known: &Known| match &known.definition.says {
        Says::Tag(says) => says.clone(),
        _ => unreachable!("a tag says what a tag says"),
    };
    let level = |level: usize| known.iter().map(move |known| says(known).path.split('/').nth(level).and_then(given));
    let mut columns = vec![
        text("profile", known.iter().map(|known| Some(known.definition.object.profile.clone()))),
        text("name", known.iter().map(|known| Some(known.definition.object.name.clone()))),
        text("path", known.iter().map(|known| given(&says(known).path))),
        text("level1", level(0)),
        text("level2", level(1)),
        text("type", known.iter().map(|known| Some(says(known).tag_type))),
        number("filled", known.iter().map(|known| known.filled().map(|(filled, _)| filled))),
        share("coverage", known.iter().map(Known::coverage)),
    ];
    columns.extend(common(&known));
    table(columns)
}

/// `system.segments`
pub fn segments(catalog: &Catalog, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let known = Known::all(catalog, state, ObjectKind::Segment)?;
    let condition = |known: &Known| match &known.definition.says {
        Says::Segment(condition) => Some(condition.to_string()),
        _ => None,
    };
    let mut columns = vec![
        text("profile", known.iter().map(|known| Some(known.definition.object.profile.clone()))),
        text("name", known.iter().map(|known| Some(known.definition.object.name.clone()))),
        text("condition", known.iter().map(condition)),
        number("customers", known.iter().map(|known| known.filled().map(|(filled, _)| filled))),
        share("coverage", known.iter().map(Known::coverage)),
    ];
    columns.extend(common(&known));
    table(columns)
}

/// `system.models`: the newest version of each.
pub fn models(catalog: &Catalog, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let known = Known::all(catalog, state, ObjectKind::Model)?;
    let stored = catalog.models()?;
    let trained: Vec<Option<Trained>> = known
        .iter()
        .map(|known| {
            let name = &known.definition.object.name;
            stored.iter().find(|model| model.name == *name).map(|model| Trained::read(name, &model.trained)).transpose()
        })
        .collect::<Result<_>>()?;
    let of = |get: fn(&Trained) -> String| trained.iter().map(move |trained| trained.as_ref().map(get));
    let count = |get: fn(&Trained) -> u64| trained.iter().map(move |trained| trained.as_ref().map(|trained| get(trained) as i64));
    let took = known.iter().map(|known| {
        let model = stored.iter().find(|model| model.name == known.definition.object.name);
        model.map(|model| model.took as f64 / 1e6)
    });
    let own = |get: fn(&Definition) -> String| known.iter().map(move |known| given(&get(&known.definition)));
    table(vec![
        text("name", own(|definition| definition.object.name.clone())),
        text("type", of(|trained| trained.model_type.clone())),
        number("version", known.iter().map(|known| Some(known.definition.object.version))),
        text("key", of(|trained| trained.key.clone())),
        text("features", of(features)),
        text("options", of(|trained| trained.options.clone())),
        number("rows_used", count(|trained| trained.rows)),
        number("rows_skipped", count(|trained| trained.skipped)),
        text("metrics", of(metrics)),
        share("seconds", took),
        text("trained_at", own(|definition| definition.object.created_at.clone())),
        text("comment", own(|definition| definition.comment.clone())),
        text("owner", own(|definition| definition.owner.clone())),
        text("author", own(|definition| definition.object.author.clone())),
        text("definition", own(|definition| definition.object.sql.clone())),
        text("model", of(Trained::to_text)),
    ])
}

fn features(trained: &Trained) -> String {
    trained.features.iter().map(|feature| feature.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn metrics(trained: &Trained) -> String {
    trained.metrics.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// `system.comments`: what definitions say of the tables and columns that they publish; `information_schema` shows it.
pub fn comments(catalog: &Catalog, state: &SessionState) -> Result<Arc<dyn TableProvider>> {
    let mut rows: Vec<[Option<String>; 4]> = vec![];
    let mut add = |schema: &str, table: String, column: Option<&str>, comment: &str| {
        if !comment.is_empty() {
            rows.push([Some(schema.to_string()), Some(table), column.map(str::to_string), Some(comment.to_string())]);
        }
    };
    for kind in [ObjectKind::Profile, ObjectKind::Tag, ObjectKind::Segment] {
        for known in Known::all(catalog, state, kind)? {
            let Definition { object, comment, .. } = &known.definition;
            match kind {
                ObjectKind::Profile => {
                    add(PROFILE_SCHEMA, object.name.clone(), None, comment);
                    if !comment.is_empty() {
                        add(
                            PROFILE_SCHEMA,
                            format!("{}_tags", object.name),
                            None,
                            &format!("{comment}: one row a value of a tag"),
                        );
                        add(PROFILE_SCHEMA, format!("{}_history", object.name), None, &format!("{comment}: values over time"));
                    }
                }
                ObjectKind::Tag => add(PROFILE_SCHEMA, object.profile.clone(), Some(&object.name), comment),
                ObjectKind::Segment => add(SEGMENT_SCHEMA, object.name.clone(), None, comment),
                ObjectKind::Model => {}
            }
        }
    }
    let column = |index: usize| rows.iter().map(move |row| row[index].clone());
    table(vec![
        text("table_schema", column(0)),
        text("table_name", column(1)),
        text("column_name", column(2)),
        text("comment", column(3)),
    ])
}

/// `system.versions`: every version there was.
pub fn versions(catalog: &Catalog) -> Result<Arc<dyn TableProvider>> {
    let versions = catalog.versions()?;
    let all = || versions.iter();
    table(vec![
        text("kind", all().map(|object| Some(object.kind.word().to_string()))),
        text("profile", all().map(|object| Some(object.profile.clone()))),
        text("name", all().map(|object| Some(object.name.clone()))),
        number("version", all().map(|object| Some(object.version))),
        text("author", all().map(|object| given(&object.author))),
        text("created_at", all().map(|object| Some(object.created_at.clone()))),
        text("definition", all().map(|object| Some(object.sql.clone()))),
    ])
}

/// `system.runs`
pub fn runs(catalog: &Catalog) -> Result<Arc<dyn TableProvider>> {
    let runs = catalog.runs()?;
    let all = || runs.iter();
    table(vec![
        number("run", all().map(|run| Some(run.id))),
        text("kind", all().map(|run| Some(run.kind.clone()))),
        text("name", all().map(|run| Some(run.name.clone()))),
        time("as_of", all().map(|run| Some(run.as_of))),
        text("status", all().map(|run| Some(run.status.clone()))),
        time("started_at", all().map(|run| Some(run.started_at))),
        time("heartbeat_at", all().map(|run| run.heartbeat_at)),
        time("finished_at", all().map(|run| run.finished_at)),
        number("customers", all().map(|run| run.rows)),
        number("changes", all().map(|run| run.changes)),
        text("message", all().map(|run| given(&run.message))),
    ])
}

/// What DESCRIBE says of an object: properties and their values.
pub fn describe(catalog: &Catalog, definition: Definition) -> Result<Vec<(String, String)>> {
    let snapshot = catalog.seen(SnapshotOf::Profile, &definition.object.profile, When::Now)?;
    let known = Known { definition, snapshot };
    let Definition { object, comment, owner, parameters, says } = &known.definition;
    let mut properties = vec![("kind".to_string(), object.kind.word().to_string()), ("name".into(), object.name.clone())];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            properties.push((name.to_string(), value));
        }
    };
    match says {
        Says::Profile(says) => {
            add("key", says.key.clone());
            let times: Vec<String> = says.time_columns.iter().map(|(table, column)| format!("{table}.{column}")).collect();
            add("time_columns", times.join(", "));
            add("keep_snapshots", says.keep_snapshots.to_string());
        }
        Says::Tag(says) => {
            add("profile", object.profile.clone());
            add("path", says.path.clone());
            add("type", says.tag_type.clone());
            add("multiple", says.multiple.to_string());
        }
        Says::Segment(condition) => {
            add("profile", object.profile.clone());
            add("condition", condition.to_string());
        }
        Says::Model(says) => {
            add("type", says.model_type.clone());
            if let Some(model) = catalog.model(&object.name)? {
                let trained = Trained::read(&object.name, &model.trained)?;
                add("key", trained.key.clone());
                add("features", features(&trained));
                add("options", trained.options.clone());
                add("missing", trained.missing.word().to_string());
                add("rows_used", trained.rows.to_string());
                add("rows_skipped", trained.skipped.to_string());
                for (name, value) in &trained.metrics {
                    add(name, value.clone());
                }
                add("seconds", format!("{:.3}", model.took as f64 / 1e6));
            }
        }
    }
    for name in known.definition.models() {
        let version =
            catalog.model(&name)?.map_or_else(|| "which is not there".to_string(), |model| format!("version {}", model.version));
        add("applies", format!("model {name}, {version}"));
    }
    for (name, value) in parameters {
        add(&format!("${name}"), value.to_string());
    }
    add("version", object.version.to_string());
    add("author", object.author.clone());
    add("created_at", object.created_at.clone());
    add("comment", comment.clone());
    add("owner", owner.clone());
    if let Some((filled, at)) = known.filled() {
        add("last_refresh", timestamp(at));
        add("customers", filled.to_string());
    }
    if let Some(coverage) = known.coverage() {
        add("coverage", format!("{:.1} %", coverage * 100.0));
    }
    if object.kind == ObjectKind::Profile
        && let Some(snapshot) = &known.snapshot
    {
        let names = |roles: &[ColumnRole]| {
            let columns = snapshot.columns.iter().filter(|column| roles.contains(&column.role));
            columns.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        add("attributes", names(&[ColumnRole::Attribute]));
        add("tags", names(&[ColumnRole::Tag, ColumnRole::Tags]));
        add("segments", names(&[ColumnRole::Segment]));
    }
    add("definition", object.sql.clone());
    Ok(properties)
}
