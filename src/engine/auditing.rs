//! The audit log's view of statements: which are recorded, and which columns their plans read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;

use super::execution::tag_of;
use crate::catalog::audit::Event;
use crate::catalog::objects::Object;
use crate::catalog::state_columns::{KEY, value};
use crate::error::{SqlState, coded};
use crate::objects::definition::Definition;
use crate::objects::protection::barrier::Barrier;
use crate::objects::protection::class;
use crate::objects::protection::reading::BELOW;
use crate::objects::protection::scans::{Names, Scanned};
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::sql::client::ClientCommand;
use crate::sql::command::Command;
use crate::sql::parser::Parsed;
use crate::statement::{Read, StatementContext, StoredState};
use crate::walk::PlanTree;

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
        Parsed::Command(Command::Client(ClientCommand::Copy(copy))) if copy.into.is_none() => Some("STDOUT"),
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
        for (object, snapshot, columns) in scanned(plan, &objects, context)? {
            let classes = classes(object, snapshot, columns.is_behind, context).await?;
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

/// The classes of the columns of an object, in one of its states. For a profile, and for a view `is_behind` a barrier (whose tables a plan
/// does not show), they are derived from the object's own plan, and cached while nothing changes.
async fn classes(
    object: &Object,
    snapshot: Option<i64>,
    is_behind: bool,
    context: &StatementContext,
) -> Result<Arc<BTreeMap<String, String>>> {
    let follows = object.kind == "profile" || (object.kind == "view" && is_behind);
    let (stamp, state) = (context.view().stamp()?, (object.id, snapshot));
    if let Some(known) = context.tables().classes(stamp, state).filter(|_| follows) {
        return Ok(known);
    }
    let mut of = match object.kind.as_str() {
        "view" if is_behind => Box::pin(class::of(object, context)).await.unwrap_or_else(|_| class::said(object)),
        _ => {
            // If the derivation fails, what was set and what was written down are used.
            let stored = Box::pin(class::stored(object, snapshot, context)).await;
            let stored = stored.or_else(|_| class::written_down(object, BTreeMap::new(), snapshot, context))?;
            stored.names().into_iter().map(|name| (name.to_string(), stored.of(name))).collect()
        }
    };
    of.values_mut().for_each(class::settle);
    of.retain(|_, classes| !classes.is_empty());
    let named = |classes: BTreeSet<String>| classes.into_iter().collect::<Vec<_>>().join(" ");
    let classes: BTreeMap<String, String> = of.into_iter().map(|(column, classes)| (column, named(classes))).collect();
    let classes = Arc::new(classes);
    if follows {
        context.tables().keep_classes(stamp, state, &classes);
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

/// The objects that a plan scans, with the snapshot and the columns read of each.
fn scanned<'a>(
    plan: &LogicalPlan,
    objects: &'a [Object],
    context: &StatementContext,
) -> Result<Vec<(&'a Object, Option<i64>, Columns)>> {
    let names = Names::new(objects, context);
    type Scan<'a> = (&'a Object, Option<i64>, Columns);
    let mut read: BTreeMap<StoredState, Scan<'a>> = BTreeMap::new();
    let (mut is_below, mut left) = (false, vec![plan.clone()]);
    while let Some(plan) = left.pop() {
        plan.each_plan(|node| {
            match node {
                // Reads below a barrier were recorded as they appear above it.
                LogicalPlan::TableScan(scan) if scan.table_name.table() == BELOW => is_below = true,
                LogicalPlan::SubqueryAlias(alias) if alias.alias.table() == BELOW => is_below = true,
                LogicalPlan::TableScan(scan) => {
                    if let Some(Scanned { object, snapshot }) = names.scanned(scan) {
                        let own = || (object, snapshot, Columns::default());
                        add_columns(scan, &mut read.entry((object.id, snapshot)).or_insert_with(own).2);
                    }
                    // What the view reads, with the columns that are read of it.
                    if let Some(view) = of_view(scan)? {
                        left.push(context.state().optimize(&view)?);
                    }
                }
                // The columns of a view have their own classes.
                LogicalPlan::SubqueryAlias(alias) => {
                    if let Some(object) = names.named(&alias.alias, &["view"]) {
                        let columns = &mut read.entry((object.id, None)).or_insert_with(|| (object, None, Columns::default())).2;
                        alias.schema.fields().iter().for_each(|field| columns.add(field.name(), false));
                    }
                }
                _ => {}
            }
            Ok(if is_below { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
    }
    Ok(if is_below { vec![] } else { read.into_values().collect() })
}

/// The plan of the view behind a barrier that a scan reads.
fn of_view(scan: &TableScan) -> Result<Option<LogicalPlan>> {
    let provider = source_as_provider(&scan.source)?;
    let Some(barrier) = provider.downcast_ref::<Barrier>() else { return Ok(None) };
    barrier.view(scan.projection.as_ref(), &scan.filters)
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
    columns.is_behind |= barrier.is_some_and(|barrier| !barrier.is_view());
    read.into_iter().for_each(|column| columns.add(column, barrier.is_some_and(|barrier| barrier.is_masked(column))));
}
