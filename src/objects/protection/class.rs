//! The classes of columns with personal data: set with ALTER … SET CLASS, or derived from other columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::future::BoxFuture;

use super::lineage::{self, Classes, Known, marked};
use crate::catalog::objects::Object;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::catalog::stored_classes::{ColumnClasses, MOVED, StoredClass, UNKNOWN};
use crate::catalog::tables::ManagedTable;
use crate::error::{SqlState, coded, did_you_mean, failed, invalid, message};
use crate::objects::lifecycle::{all_users, unless_moved};
use crate::objects::relation::NAMESPACE;
use crate::objects::{kind_of, profile};
use crate::refresh::plan::{Computed, PROFILE_SCHEMA, Planner};
use crate::statement::StatementContext;
use crate::walk::PlanTree;

/// The classes that `find_personal_data` suggests; users may define others.
pub const KNOWN: [&str; 10] =
    ["name", "phone", "email", "id_card", "bank_card", "address", "birth_date", "account", "free_text", "key"];
/// The class of a column that is not personal data, although it is computed from some.
pub const NONE: &str = "none";

/// Sets the class of a column of a table, view, external table or profile; `None` removes it.
///
/// # Errors
/// There is no such object or column, the role does not own it, or the class is not a word.
pub async fn set(parts: &[String], column: &str, class: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    context.settled(|context| async move { set_now(parts, column, class, &context).await }).await
}

async fn set_now(parts: &[String], column: &str, class: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    let object = super::rule::object_named(parts, context)?;
    context.check_owns(&object)?;
    if object.classes.contains_key(column) {
        // Changing or removing a class would remove masks on that class.
        super::changing::refuse_changes(&object, context)?;
    }
    let schema = columns_of(&object, context).await?;
    check_column(&object, column, &schema)?;
    let mut notes = vec![];
    if let Some(class) = class {
        let all: Vec<&str> = class.split(',').collect();
        let is_wrong =
            |class: &&str| class.is_empty() || class.contains(char::is_whitespace) || (*class == NONE && all.len() > 1);
        if all.iter().any(is_wrong) {
            let problem = format!("takes a word, such as phone, or several with commas between them, got '{class}'");
            return Err(invalid("class", problem));
        }
        for class in all.into_iter().filter(|class| !KNOWN.contains(class) && *class != NONE && marked(class).is_none()) {
            let suggestion = did_you_mean(class, KNOWN.iter().copied());
            notes.push(format!("class {class} is one of your own{suggestion}; masks ON CLASS {class} cover its columns"));
        }
    }
    let stored = match class {
        Some(class) => in_profiles(&object, column, class, context).await?,
        None => vec![],
    };
    let stamp = context.view().stamp()?;
    unless_moved(context.catalog().put_class(&object, column, class, stored, Some(stamp)), context)?;
    context.tables().let_go();
    Ok(notes)
}

/// The classes of the profiles whose columns come from a column, once it has this class. What they have stored may come from it as well,
/// and its definition may change before the next refresh.
async fn in_profiles(
    object: &Object,
    column: &str,
    class: &str,
    context: &StatementContext,
) -> Result<Vec<(Object, ColumnClasses)>> {
    let mut changed = object.clone();
    changed.classes.insert(column.into(), class.into());
    let names: BTreeSet<String> =
        all_users(object, context)?.into_iter().chain([object.clone()]).map(|user| user.profile).collect();
    let context = context.with_definition(changed);
    let mut found = vec![];
    for profile in context.all_objects()?.iter().filter(|object| object.kind == "profile" && names.contains(&object.name)) {
        // A definition that cannot be planned cannot be refreshed or read either.
        if let Ok(classes) = all_of(profile, &context).await {
            found.push((profile.clone(), classes));
        }
    }
    Ok(found)
}

/// Fails for a column that does not exist.
///
/// # Errors
/// With the names of the existing columns.
pub fn check_column(object: &Object, column: &str, schema: &Schema) -> Result<()> {
    if schema.column_with_name(column).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let suggestion = did_you_mean(column, names.iter().copied());
    let problem = format!("{} has no such column{suggestion}; it has {}", object.label(), names.join(", "));
    Err(coded(SqlState::UNDEFINED_COLUMN, column, problem))
}

/// The columns of a table, view, external table or profile, without masks.
///
/// # Errors
/// It cannot be opened.
pub fn columns_of<'a>(object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Schema>> {
    Box::pin(async move {
        let context = context.reading_as("");
        if object.kind == "profile" {
            let state = context.state();
            let schema = state.catalog_list().catalog("portrait").and_then(|catalog| catalog.schema(PROFILE_SCHEMA));
            let table = match schema {
                Some(schema) => schema.table(&object.name).await?,
                None => None,
            };
            let table = table.ok_or_else(|| failed(&object.label(), "cannot be opened"))?;
            return Ok(table.schema().as_ref().clone());
        }
        let Some(kind) = kind_of(&object.kind) else { return Err(crate::objects::kind::unknown_kind(object)) };
        Ok(kind.open(object, When::Now, &context).await?.schema().as_ref().clone())
    })
}

/// True for objects whose columns can have classes.
pub fn has_columns(object: &Object) -> bool {
    object.kind == "profile" || NAMESPACE.contains(&object.kind.as_str())
}

/// The classes that were set for the columns of an object.
pub fn said(object: &Object) -> BTreeMap<String, Classes> {
    object.classes.iter().map(|(column, class)| (column.clone(), split(class))).collect()
}

/// The classes in the text that is stored for a column: several for a column of a table that was made from columns of several classes.
pub fn split(classes: &str) -> Classes {
    classes.split(',').map(str::to_string).collect()
}

/// A column that was set to `none` has no class, whatever it is computed from.
pub fn settle(classes: &mut Classes) {
    if classes.contains(NONE) {
        classes.clear();
    }
}

/// The classes of the columns of an object: those that were set, and those derived from the columns they are computed from.
///
/// # Errors
/// The derivation fails.
pub async fn of(object: &Object, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let mut all = all_of(object, context).await?;
    all.retain(|_, classes| !classes.is_empty());
    Ok(all)
}

/// The same, with the columns of views and profiles that have no class.
fn all_of<'a>(object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<BTreeMap<String, Classes>>> {
    Box::pin(async move {
        let derived = match object.kind.as_str() {
            "profile" => of_profile(object, context).await.map_err(|error| unclear(object, &error))?,
            "view" => of_view(object, context).await.map_err(|error| unclear(object, &error))?,
            _ => BTreeMap::new(),
        };
        Ok(with_said(object, derived))
    })
}

/// A class that was set takes precedence over a derived one.
fn with_said(object: &Object, mut derived: BTreeMap<String, Classes>) -> BTreeMap<String, Classes> {
    derived.extend(said(object));
    derived.values_mut().for_each(settle);
    derived
}

fn unclear(object: &Object, error: &DataFusionError) -> DataFusionError {
    let problem = format!("cannot tell which of its columns hold personal data: {}", message(error));
    failed(&object.label(), problem)
}

/// The classes of what is stored of an object, which are not only those that its columns have now.
#[derive(Debug)]
pub struct Stored {
    /// The classes that columns have now, as far as they are known.
    now: BTreeMap<String, Classes>,
    /// The columns that exist now, where those of the stored state may be others.
    columns: Option<BTreeSet<String>>,
    before: Vec<StoredClass>,
    snapshot: i64,
}

impl Stored {
    /// The classes of a column of the state.
    pub fn of(&self, column: &str) -> Classes {
        self.classes(column, self.snapshot)
    }

    /// The classes of the values that a column had in this state and in all before.
    pub fn ever(&self, column: &str) -> Classes {
        self.classes(column, i64::MIN)
    }

    /// The classes of a column for masks that name their column: a column that no longer exists under its name may be that of a mask.
    pub fn of_named(&self, column: &str) -> Classes {
        self.unless_moved(column, self.of(column))
    }

    /// The same for the values that a column had in this state and in all before.
    pub fn ever_of_named(&self, column: &str) -> Classes {
        self.unless_moved(column, self.ever(column))
    }

    fn unless_moved(&self, column: &str, mut found: Classes) -> Classes {
        if self.columns.as_ref().is_some_and(|columns| !columns.contains(column)) {
            found.insert(UNKNOWN.into());
        }
        found
    }

    /// The classes of all values of all columns.
    pub fn all(&self) -> Classes {
        self.names().into_iter().flat_map(|name| self.ever(name)).collect()
    }

    /// The names of all columns that anything is known about.
    pub fn names(&self) -> BTreeSet<&str> {
        self.now.keys().chain(self.before.iter().map(|before| &before.column)).map(String::as_str).collect()
    }

    /// True where states had columns whose names are not known.
    pub fn has_others(&self) -> bool {
        self.before.iter().any(|before| before.column.is_empty())
    }

    fn classes(&self, column: &str, since: i64) -> Classes {
        let mut found = self.now.get(column).cloned().unwrap_or_default();
        let mut is_known = !found.is_empty() || self.columns.as_ref().is_none_or(|columns| columns.contains(column));
        for before in self.before.iter().filter(|before| before.column == column && before.until >= since) {
            is_known = true;
            found.extend(split(&before.class).into_iter().filter(|class| !class.is_empty() && class != MOVED));
        }
        if !is_known {
            found.insert(UNKNOWN.into());
        }
        found
    }
}

/// The classes of a stored state of an object, or of the object as it is where it has no states.
///
/// # Errors
/// They cannot be derived, or the catalog cannot be read.
pub async fn stored(object: &Object, snapshot: Option<i64>, context: &StatementContext) -> Result<Stored> {
    if object.kind == "profile" {
        return written_down(object, all_of(object, context).await?, snapshot, context);
    }
    // A view has the classes of the tables that it reads, and here those that were set on itself.
    let now = with_said(object, BTreeMap::new());
    let newest = context.view().snapshot(SnapshotOf::Table, &object.name, When::Now)?;
    let earlier = snapshot.filter(|snapshot| newest.is_some_and(|newest| newest.id != *snapshot));
    let Some(snapshot) = earlier.filter(|_| object.kind == "table") else {
        return Ok(Stored { now, columns: None, before: vec![], snapshot: i64::MAX });
    };
    let table = ManagedTable::open(context.view(), &object.name, When::Now, HashMap::new())?;
    let columns =
        table.iter().flat_map(|table| table.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>());
    let before = context.catalog().stored_classes(object.id)?;
    Ok(Stored { now, columns: Some(columns.collect()), before, snapshot })
}

/// The columns of an earlier state of a table that were renamed or dropped since: one of the same name now is another column.
///
/// # Errors
/// The catalog cannot be read.
pub fn moved(object: &Object, snapshot: Option<i64>, context: &StatementContext) -> Result<BTreeSet<String>> {
    let Some(snapshot) = snapshot.filter(|_| object.kind == "table") else { return Ok(BTreeSet::new()) };
    let is_moved = |before: &StoredClass| before.until >= snapshot && [MOVED, UNKNOWN].contains(&before.class.as_str());
    let before = context.catalog().stored_classes(object.id)?;
    Ok(before.into_iter().filter(is_moved).map(|before| before.column).collect())
}

/// The classes of a stored state of a profile, with those that its columns have `now`, as far as they are known.
///
/// # Errors
/// The catalog cannot be read.
pub fn written_down(
    object: &Object,
    now: BTreeMap<String, Classes>,
    snapshot: Option<i64>,
    context: &StatementContext,
) -> Result<Stored> {
    let (now, before) = (with_said(object, now), context.catalog().stored_classes(object.id)?);
    let columns = Some(now.keys().cloned().collect());
    Ok(Stored { now, columns, before, snapshot: snapshot.unwrap_or(i64::MAX) })
}

/// The classes of the columns of a profile that is computed from these plans, also of those that have none.
///
/// # Errors
/// The database cannot be read.
pub fn of_computed<'a>(
    profile: &'a Object,
    computed: &'a Computed,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<ColumnClasses>> {
    Box::pin(async move { Ok(with_said(profile, derived(&profile.name, computed, context).await?)) })
}

async fn derived(profile: &str, computed: &Computed, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let own = (PROFILE_SCHEMA.to_string(), profile.to_string());
    let mut known = Known::new();
    let names = computed.own.schema().fields().iter().map(|field| field.name().clone());
    let classes = lineage::classes_of(&computed.own, &known, context).await?;
    known.insert(own.clone(), names.zip(classes).collect());
    // In dependency order.
    for (tag, plan) in &computed.tags {
        let classes = lineage::classes_of(plan, &known, context).await?;
        let mut of_value = classes.into_iter().nth(1).unwrap_or_default();
        // Who has a value at all tells what its query selects by.
        of_value.extend(lineage::marks_of_rows(plan, &known, context).await?);
        if let Some(columns) = known.get_mut(&own) {
            columns.insert(tag.clone(), of_value);
        }
    }
    Ok(known.remove(&own).unwrap_or_default())
}

/// The classes of a profile's columns, from the plans of its query and tags.
async fn of_profile(object: &Object, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let context = context.reading_as("").entering(&format!("classes of {}", object.label()), "")?;
    let whole = profile::whole(&object.name, &context)?;
    let planned = Planner { context: &context, as_of: context.now() }.plan(&whole).await?;
    derived(&object.name, &planned.computed(), &context).await
}

async fn of_view(object: &Object, context: &StatementContext) -> Result<BTreeMap<String, Classes>> {
    let context = context.reading_as("");
    let Some(kind) = kind_of(&object.kind) else { return Ok(BTreeMap::new()) };
    let view = kind.open(object, When::Now, &context).await?;
    let Some(plan) = view.get_logical_plan() else { return Ok(BTreeMap::new()) };
    let classes = lineage::classes_of(&plan, &Known::new(), &context).await?;
    Ok(plan.schema().fields().iter().map(|field| field.name().clone()).zip(classes).collect())
}

/// Gives the columns of a table the classes of the values that a statement writes to them, with a note for each column that has a new one.
/// `itself` is the name by which the plan reads the rows of the table. A column that was set to `none` stays as it is.
///
/// # Errors
/// The classes cannot be derived or stored; then nothing may be written.
pub fn carry<'a>(
    name: &'a str,
    itself: &'a str,
    rows: &'a LogicalPlan,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<Vec<String>>> {
    Box::pin(async move {
        if !reads(rows)? {
            return Ok(vec![]);
        }
        let is_temporary = context.tables().temporary(name).is_some();
        let objects = context.all_objects()?;
        let is_it = |object: &&Object| object.name == name && ["table", "external table"].contains(&object.kind.as_str());
        let mut object = objects.iter().find(is_it).cloned();
        let mut said = match &object {
            Some(object) if !is_temporary => object.classes.clone(),
            _ => context.tables().held(name),
        };
        let mut own: BTreeMap<String, Classes> = said.iter().map(|(column, class)| (column.clone(), split(class))).collect();
        own.values_mut().for_each(settle);
        let known = Known::from([(("public".to_string(), itself.to_string()), own)]);
        let classes = lineage::classes_of(rows, &known, context).await?;
        let mut notes = vec![];
        for (field, written) in rows.schema().fields().iter().zip(classes) {
            let column = field.name();
            let before = said.get(column).map(|class| split(class)).unwrap_or_default();
            if before.contains(NONE) || written.is_subset(&before) {
                continue;
            }
            let class = before.union(&written).cloned().collect::<Vec<_>>().join(",");
            if let Some(object) = object.as_mut().filter(|_| !is_temporary) {
                let stored = in_profiles(object, column, &class, context).await?;
                let before = context.catalog().newest_stamp()?;
                context.catalog().put_class(object, column, Some(&class), stored, None)?;
                context.view().follow_own_change(before)?;
                context.tables().let_go();
                object.classes.insert(column.clone(), class.clone());
                notes
                    .push(format!("{}: column {column} has the class {class} now, like the values that it gets", object.label()));
            }
            said.insert(column.clone(), class);
        }
        if is_temporary {
            context.tables().set_held(name, said);
        }
        Ok(notes)
    })
}

/// True for a plan that reads anything. Values that are written in a statement have no classes.
fn reads(plan: &LogicalPlan) -> Result<bool> {
    let mut reads = false;
    plan.each_plan(|node| {
        reads |= matches!(node, LogicalPlan::TableScan(_) | LogicalPlan::Extension(_));
        Ok(if reads { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(reads)
}

/// The classes of the columns of a table created from a plan, as they are stored.
///
/// # Errors
/// The database cannot be read.
pub fn of_rows<'a>(plan: &'a LogicalPlan, context: &'a StatementContext) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
    Box::pin(async move {
        let classes = lineage::classes_of(plan, &Known::new(), context).await?;
        let joined = classes.into_iter().map(|classes| classes.into_iter().collect::<Vec<_>>().join(","));
        let named = plan.schema().fields().iter().map(|field| field.name().clone()).zip(joined);
        Ok(named.filter(|(_, classes)| !classes.is_empty()).collect())
    })
}
