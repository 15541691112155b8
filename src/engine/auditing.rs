//! The audit log's view of statements: which are recorded, and which columns their plans read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;

use super::execution::tag_of;
use super::schema::PUBLIC;
use crate::catalog::audit::Event;
use crate::catalog::objects::Object;
use crate::catalog::published::PublishedTable;
use crate::catalog::state_columns::{KEY, value};
use crate::catalog::tables::ManagedTable;
use crate::error::{SqlState, coded};
use crate::objects::definition::Definition;
use crate::objects::protection::barrier::Barrier;
use crate::objects::protection::class;
use crate::objects::protection::reading::BELOW;
use crate::objects::schema::member;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::refresh::published::{STATE_OF, name_and_time};
use crate::sql::command::Command;
use crate::sql::parser::Parsed;
use crate::statement::{Read, StatementContext};

/// The environment variable with the path of the file that holds the audit key.
pub(super) const KEY_FILE: &str = "PORTRAIT_AUDIT_KEY_FILE";

/// Records the start of a statement that is recorded whatever it reads.
///
/// # Errors
/// It cannot be recorded.
pub(super) fn begin(parsed: &Parsed, context: &StatementContext) -> Result<()> {
    let export = match parsed {
        Parsed::Command(Command::Report(report)) => Some(report.target.as_str()),
        Parsed::Command(Command::BackUp(archive)) => Some(archive.as_str()),
        Parsed::Sql(parsed) => match parsed.as_ref() {
            SqlParsed::CopyTo(copy) => Some(copy.target.as_str()),
            _ => None,
        },
        Parsed::Command(Command::SetClass(set)) => return context.audit(Event::Policy, &set.table.to_string()),
        Parsed::Command(_) => None,
    };
    if let Some(target) = export {
        return context.audit(Event::Export, target);
    }
    event_of(&tag_of(parsed)).map_or(Ok(()), |event| context.audit(event, ""))
}

/// The event for a command tag.
fn event_of(tag: &str) -> Option<Event> {
    let words: Vec<&str> = tag.split(' ').collect();
    Some(match words.as_slice() {
        ["GRANT" | "REVOKE", ..] => Event::Grant,
        ["CREATE" | "ALTER" | "DROP", "ROLE" | "USER"] => Event::Role,
        ["CREATE" | "ALTER" | "DROP", "MASK" | "POLICY" | "CONSENT"] | [_, "ROW", "POLICY"] | ["RETAIN", ..] | [.., "CLASS"] => {
            Event::Policy
        }
        ["ERASE", ..] => Event::Erase,
        ["EXPORT", ..] => Event::Export,
        _ => return None,
    })
}

/// ALTER SYSTEM SET portrait.audit: sets the events recorded from now on.
///
/// # Errors
/// The role may not, or the change cannot be recorded.
pub(super) fn set(events: &str, context: &StatementContext) -> Result<()> {
    if !context.rights()?.is_superuser() {
        let problem = format!("the role {} may not change what is recorded; ask a role with SUPERUSER", context.role());
        return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, "portrait.audit", problem));
    }
    context.audit_setting(events)
}

/// The columns with a class that a plan reads.
///
/// # Errors
/// The catalog cannot be read.
pub(super) fn reads<'a>(context: &'a StatementContext, plan: &'a LogicalPlan) -> BoxFuture<'a, Result<Vec<Read>>> {
    Box::pin(async move {
        let objects = context.all_objects()?;
        if objects.iter().all(|object| object.classes.is_empty()) {
            return Ok(vec![]);
        }
        let mut reads = vec![];
        for (object, columns) in scanned(plan, &objects, context)? {
            let classes = classes(object, columns.is_behind, context).await?;
            let mut read = Read { object: label(object), columns: BTreeMap::new(), masked: BTreeSet::new() };
            for (column, class) in classes.iter() {
                let Some(is_masked) = columns.is_read(column, object, context) else { continue };
                read.columns.insert(column.clone(), class.clone());
                if is_masked {
                    read.masked.insert(column.clone());
                }
            }
            if !read.columns.is_empty() {
                reads.push(read);
            }
        }
        Ok(reads)
    })
}

/// The classes of the columns of an object. For a profile, and for a view `is_behind` a barrier (whose tables a plan does not show), they
/// are derived from the object's own plan, and cached while nothing changes.
async fn classes(object: &Object, is_behind: bool, context: &StatementContext) -> Result<Arc<BTreeMap<String, String>>> {
    let follows = object.kind == "profile" || (object.kind == "view" && is_behind);
    let stamp = context.view().stamp()?;
    if let Some(known) = context.tables().classes(stamp, object.id).filter(|_| follows) {
        return Ok(known);
    }
    let mut of = class::said(object);
    if follows {
        // If the derivation fails, the classes that were set are used.
        of = Box::pin(class::of(object, context)).await.unwrap_or(of);
    }
    of.values_mut().for_each(class::settle);
    of.retain(|_, classes| !classes.is_empty());
    let named = |classes: BTreeSet<String>| classes.into_iter().collect::<Vec<_>>().join(" ");
    let classes: BTreeMap<String, String> = of.into_iter().map(|(column, classes)| (column, named(classes))).collect();
    let classes = Arc::new(classes);
    if follows {
        context.tables().keep_classes(stamp, object.id, &classes);
    }
    Ok(classes)
}

/// The name of an object as used in statements.
fn label(object: &Object) -> String {
    match object.kind.as_str() {
        "profile" => format!("{PROFILE_SCHEMA}.{}", object.name),
        _ => object.name.clone(),
    }
}

/// The columns of a scanned table that are read, and whether each is masked.
#[derive(Default)]
struct Columns {
    read: BTreeMap<String, bool>,
    /// True when they are read through a barrier.
    is_behind: bool,
}

impl Columns {
    fn add(&mut self, column: &str, is_masked: bool) {
        let masked = self.read.entry(column.to_string()).or_insert(true);
        *masked &= is_masked;
    }

    /// Whether a column of an object is masked, if it is read.
    fn is_read(&self, column: &str, object: &Object, context: &StatementContext) -> Option<bool> {
        if object.kind != "profile" {
            return self.read.get(column).copied();
        }
        // The state of a profile has other column names, and its history has the values of all tags in one column.
        let key = || {
            let masked = *self.read.get(KEY)?;
            let definition = Definition::read(object.clone(), context.session()).ok()?;
            (definition.options.text("key") == Some(column)).then_some(masked)
        };
        let found = [self.read.get(&value(column)).copied(), self.read.get("value").copied(), key()];
        found.into_iter().flatten().reduce(|all, masked| all && masked)
    }
}

/// The objects that a plan scans, with the columns read of each.
fn scanned<'a>(plan: &LogicalPlan, objects: &'a [Object], context: &StatementContext) -> Result<Vec<(&'a Object, Columns)>> {
    let names = Names { context, path: context.path(), objects };
    let mut read: BTreeMap<i64, (&Object, Columns)> = BTreeMap::new();
    let mut is_below = false;
    plan.apply_with_subqueries(|node| {
        match node {
            // Reads below a barrier were recorded as they appear above it.
            LogicalPlan::TableScan(scan) if scan.table_name.table() == BELOW => is_below = true,
            LogicalPlan::SubqueryAlias(alias) if alias.alias.table() == BELOW => is_below = true,
            LogicalPlan::TableScan(scan) => {
                if let Some(object) = names.scanned(scan) {
                    let columns = &mut read.entry(object.id).or_insert_with(|| (object, Columns::default())).1;
                    add_columns(scan, columns);
                }
            }
            // The columns of a view have their own classes.
            LogicalPlan::SubqueryAlias(alias) => {
                if let Some(object) = names.named(&alias.alias, &["view"]) {
                    let columns = &mut read.entry(object.id).or_insert_with(|| (object, Columns::default())).1;
                    alias.schema.fields().iter().for_each(|field| columns.add(field.name(), false));
                }
            }
            _ => {}
        }
        Ok(if is_below { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(if is_below { vec![] } else { read.into_values().collect() })
}

/// Adds the columns that a scan returns or filters on.
fn add_columns(scan: &TableScan, columns: &mut Columns) {
    let schema = scan.source.schema();
    let mut read: BTreeSet<&str> = match &scan.projection {
        Some(places) => places.iter().filter_map(|place| Some(schema.fields().get(*place)?.name().as_str())).collect(),
        None => schema.fields().iter().map(|field| field.name().as_str()).collect(),
    };
    read.extend(scan.filters.iter().flat_map(|filter| filter.column_refs()).map(|column| column.name.as_str()));
    let provider = source_as_provider(&scan.source).ok();
    let barrier = provider.as_ref().and_then(|provider| provider.downcast_ref::<Barrier>());
    columns.is_behind |= barrier.is_some();
    read.into_iter().for_each(|column| columns.add(column, barrier.is_some_and(|barrier| barrier.is_masked(column))));
}

/// Resolves names in a plan to objects.
struct Names<'a, 'b> {
    context: &'b StatementContext,
    path: Vec<String>,
    objects: &'a [Object],
}

impl<'a> Names<'a, '_> {
    /// The object that a scan reads, by its provider or by the name in the plan.
    fn scanned(&self, scan: &TableScan) -> Option<&'a Object> {
        let provider = source_as_provider(&scan.source).ok()?;
        if let Some(table) = provider.downcast_ref::<ManagedTable>() {
            return self.object(table.name(), &["table"]);
        }
        if let Some(table) = provider.downcast_ref::<PublishedTable>() {
            return self.object(table.label.rsplit_once(", snapshot ")?.0, &["profile"]);
        }
        if let Some(barrier) = provider.downcast_ref::<Barrier>() {
            let is_state = scan.table_name.table().strip_suffix(STATE_OF) == Some(barrier.label());
            let kinds: &[&str] = if is_state { &["profile"] } else { &["table", "external table", "view"] };
            return self.object(barrier.label(), kinds);
        }
        // A temporary table hides an object of the same name.
        if self.context.tables().temporary(scan.table_name.table()).is_some_and(|own| Arc::ptr_eq(&own, &provider)) {
            return None;
        }
        self.named(&scan.table_name, &["table", "external table"])
    }

    fn object(&self, name: &str, kinds: &[&str]) -> Option<&'a Object> {
        self.objects.iter().find(|object| object.name == name && kinds.contains(&object.kind.as_str()))
    }

    /// The object of one of these kinds that a name in a plan refers to.
    fn named(&self, name: &TableReference, kinds: &[&str]) -> Option<&'a Object> {
        let (own, _) = name_and_time(name.table());
        let of_schema = |schema: &str| match schema {
            PUBLIC => self.object(own, kinds),
            schema => self.object(&member(schema, own), kinds),
        };
        match name.schema() {
            // A schema of the search path, or a schema in which a refresh sees tables up to a time.
            Some(schema) => of_schema(schema).or_else(|| self.object(own, kinds)),
            // Definitions look names up in `public`; a table below a horizon has its full object name.
            None => self.path.iter().find_map(|schema| of_schema(schema)).or_else(|| self.object(own, kinds)),
        }
    }
}
