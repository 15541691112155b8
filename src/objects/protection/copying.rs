//! What a copy of protected rows lacks: row policies, and masks on columns, stay with the table that they are on.

use std::borrow::Cow;
use std::collections::BTreeSet;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use futures::future::BoxFuture;

use super::barrier::Barrier;
use super::class;
use super::lineage::marked;
use super::rule::{Rule, rules};
use super::scans::Names;
use crate::catalog::objects::Object;
use crate::refresh::plan::Computed;
use crate::sql::protection::Covers;
use crate::statement::StatementContext;
use crate::walk::PlanTree;

/// A note when rows are copied into a table without row policies and masks of its own, from tables that have them.
///
/// # Errors
/// The rules cannot be read.
pub fn notes_on_copy(name: &str, rows: &LogicalPlan, context: &StatementContext) -> Result<Vec<String>> {
    let (objects, rules) = (context.all_objects()?, rules_of_tables(context)?);
    let has_rules = |object: &Object| rules.iter().any(|rule| rule.is_on(object));
    if objects.iter().any(|object| object.kind == "table" && object.name == name && has_rules(object)) {
        return Ok(vec![]);
    }
    let sources = protected(rows, &rules, context)?;
    if sources.is_empty() {
        return Ok(vec![]);
    }
    Ok(vec![format!(
        "table {name}: the row policies and masks of {sources} do not apply to this copy; before others may read it, create its own, or let them read a view instead"
    )])
}

/// Notes on a profile, or a tag of it, that is computed from tables with row policies and masks, without any of its own; and on a tag
/// whose values tell something of columns with a class, and are hidden like these.
///
/// # Errors
/// The rules or classes cannot be read.
pub fn notes_on_profile<'a>(
    part: &'a Object,
    profile: &'a Object,
    computed: &'a Computed,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<Vec<String>>> {
    Box::pin(async move {
        let (mut notes, rules) = (vec![], rules_of_tables(context)?);
        let of_part = match part.kind.as_str() {
            "tag" => computed.tags.iter().find(|(tag, _)| *tag == part.name).map(|(_, plan)| plan),
            _ => Some(&computed.own),
        };
        if let Some(plan) = of_part.filter(|_| !rules.iter().any(|rule| rule.is_on(profile))) {
            let sources = protected(plan, &rules, context)?;
            if !sources.is_empty() {
                let (label, name) = (part.label(), &profile.name);
                notes.push(format!(
                    "{label}: the row policies and masks of {sources} do not apply to what a refresh stores; before others may read it, create its own ON profile.{name}"
                ));
            }
        }
        if part.kind != "tag" || context.all_objects()?.iter().all(|object| object.classes.is_empty()) {
            return Ok(notes);
        }
        let classes = class::of_computed(profile, computed, context).await?.remove(&part.name).unwrap_or_default();
        let told: Vec<&str> = classes.iter().filter_map(|class| marked(class)).collect();
        if !told.is_empty() {
            let (label, tag, name, told) = (part.label(), &part.name, &profile.name, told.join(", "));
            notes.push(format!(
                "{label}: its values reveal something about columns of the class {told}, so roles with a mask on it see NULL unless they may FILTER; if all may see them: ALTER PROFILE {name} ALTER COLUMN {tag} SET CLASS 'none'"
            ));
        }
        Ok(notes)
    })
}

/// A note when columns with personal data, or rows of tables with row policies and masks, are written to a file.
///
/// # Errors
/// The rules or classes cannot be read.
pub fn notes_on_export<'a>(
    file: &'a str,
    rows: &'a LogicalPlan,
    context: &'a StatementContext,
) -> BoxFuture<'a, Result<Vec<String>>> {
    Box::pin(async move {
        let sources = protected(rows, &rules_of_tables(context)?, context)?;
        let columns = class::of_rows(rows, context).await?;
        let columns: Vec<String> = columns.iter().map(|(column, classes)| format!("{column} ({classes})")).collect();
        let columns = columns.join(", ");
        let what = match (columns.is_empty(), sources.is_empty()) {
            (true, true) => return Ok(vec![]),
            (false, true) => format!("the columns {columns}"),
            (true, false) => format!("rows of {sources}"),
            (false, false) => format!("the columns {columns} and rows of {sources}"),
        };
        let role = context.role();
        Ok(vec![format!("{file}: has {what} as {role} sees them; masks, row policies and ERASE SUBJECT do not apply to files")])
    })
}

/// The row policies, and the masks on columns of tables.
fn rules_of_tables(context: &StatementContext) -> Result<Vec<Rule>> {
    let all = rules(context)?.into_iter().collect::<Result<Vec<Rule>>>()?;
    Ok(all.into_iter().filter(|rule| !matches!(rule.covers, Covers::Class(_))).collect())
}

/// The names of the tables with some of these rules that a plan reads, as far as the role sees them.
fn protected(rows: &LogicalPlan, rules: &[Rule], context: &StatementContext) -> Result<String> {
    if rules.is_empty() {
        return Ok(String::new());
    }
    let (objects, rights) = (context.all_objects()?, context.rights()?);
    let mut read = vec![];
    sources(rows, &Names::new(&objects, context), &mut read)?;
    let has_rules = |object: &Object| rules.iter().any(|rule| rule.is_on(object));
    let protected = read.into_iter().filter(|object| rights.sees(object) && has_rules(object));
    let protected: BTreeSet<&str> = protected.map(|object| object.name.as_str()).collect();
    Ok(protected.into_iter().collect::<Vec<_>>().join(", "))
}

/// The objects that a plan reads, also through views.
pub(super) fn sources<'a>(plan: &LogicalPlan, names: &Names<'a, '_>, found: &mut Vec<&'a Object>) -> Result<()> {
    plan.each_plan(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let read = names.scanned(scan).map(|scanned| scanned.object);
            found.extend(read.or_else(|| names.named(&scan.table_name, &["view"])));
            let provider = source_as_provider(&scan.source)?;
            let inner = match provider.downcast_ref::<Barrier>() {
                Some(barrier) => barrier.view(None, &[])?,
                None => provider.get_logical_plan().map(Cow::into_owned),
            };
            if let Some(inner) = inner {
                sources(&inner, names, found)?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
