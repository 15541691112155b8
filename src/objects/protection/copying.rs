//! What a copy of protected rows lacks: row policies, and masks on columns, stay with the table that they are on.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;

use super::rule::{Rule, rules};
use super::scans::Names;
use crate::catalog::objects::Object;
use crate::sql::protection::Covers;
use crate::statement::StatementContext;
use crate::walk::PlanTree;

/// A note when rows are copied into a table without row policies and masks of its own, from tables that have them.
///
/// # Errors
/// The rules cannot be read.
pub fn notes_on_copy(name: &str, rows: &LogicalPlan, context: &StatementContext) -> Result<Vec<String>> {
    let all = rules(context)?.into_iter().collect::<Result<Vec<Rule>>>()?;
    let own: Vec<Rule> = all.into_iter().filter(|rule| !matches!(rule.covers, Covers::Class(_))).collect();
    if own.is_empty() {
        return Ok(vec![]);
    }
    let (objects, rights) = (context.all_objects()?, context.rights()?);
    let has_rules = |object: &Object| own.iter().any(|rule| rule.is_on(object));
    if objects.iter().any(|object| object.kind == "table" && object.name == name && has_rules(object)) {
        return Ok(vec![]);
    }
    let mut read = vec![];
    sources(rows, &Names::new(&objects, context), &mut read)?;
    let protected = read.into_iter().filter(|object| rights.sees(object) && has_rules(object));
    let protected: BTreeSet<String> = protected.map(|object| object.name.clone()).collect();
    if protected.is_empty() {
        return Ok(vec![]);
    }
    let sources = protected.into_iter().collect::<Vec<_>>().join(", ");
    Ok(vec![format!(
        "table {name}: the row policies and masks of {sources} do not apply to this copy; before others may read it, create its own, or let them read a view instead"
    )])
}

/// A note when columns with personal data are written to a file, where no mask and no row policy applies. `classes` are those of the rows.
pub fn notes_on_export(target: &str, classes: &BTreeMap<String, String>) -> Vec<String> {
    if classes.is_empty() {
        return vec![];
    }
    let columns = classes.iter().map(|(column, class)| format!("{column} ({class})")).collect::<Vec<_>>().join(", ");
    vec![format!(
        "{target}: personal data in {columns}; nothing protects it in a file: leave it out, write mask_phone(…) or another mask, or keep the \
         file where only those who may read it can"
    )]
}

/// The objects that a plan reads, also through views.
fn sources<'a>(plan: &LogicalPlan, names: &Names<'a, '_>, found: &mut Vec<&'a Object>) -> Result<()> {
    plan.each_plan(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let read = names.scanned(scan).map(|scanned| scanned.object);
            found.extend(read.or_else(|| names.named(&scan.table_name, &["view"])));
            let provider = source_as_provider(&scan.source)?;
            if let Some(inner) = provider.get_logical_plan() {
                sources(&inner, names, found)?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
