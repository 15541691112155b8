//! What a retention rule removes: the rows before a time, and what foreign keys say about the rows that refer to these, as for DELETE.
//!
//! With ON DELETE CASCADE these rows go too, in every state that is kept, and with SET NULL they stay without the key. A key of which a row
//! stays in the newest state is not followed: earlier states of the row may be outdated while the row itself is not. Where another key refers
//! to the rows, [`referring::verify_erasure`] refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::Result;

use super::referring;
use super::subject::Held;
use crate::catalog::key_sets::KeySet;
use crate::catalog::objects::Object;
use crate::catalog::rewriting::Rule;
use crate::catalog::snapshots::SnapshotOf;
use crate::catalog::tables::Action;
use crate::statement::StatementContext;

/// The tables with rows that a rule on a table removes or changes, with the table itself first.
///
/// # Errors
/// A file is damaged.
pub fn rows(table: &Object, rule: &Rule, context: &StatementContext) -> Result<Vec<Held>> {
    let (objects, keys) = (context.all_objects()?, referring::all(context)?);
    let stored = |name: &str| objects.iter().find(|object| object.kind == "table" && object.name == name);
    // The rules that follow from foreign keys, by their place.
    let mut followed: BTreeMap<usize, (usize, Rule)> = BTreeMap::new();
    let rules_of = |name: &str, followed: &BTreeMap<usize, (usize, Rule)>| -> Vec<Rule> {
        let own = (name == table.name).then(|| rule.clone());
        let further = followed.iter().filter(|(place, _)| keys.get(**place).is_some_and(|key| key.table == name));
        own.into_iter().chain(further.map(|(_, (_, rule))| rule.clone())).collect()
    };
    loop {
        let mut has_more = false;
        for (place, key) in keys.iter().enumerate() {
            let empties = match key.on_delete {
                Action::Cascade => false,
                Action::SetNull if referring::empties(key, context)? => true,
                // As with DELETE, a column that may not be NULL keeps the row that it refers to.
                Action::SetNull | Action::NoAction | Action::Restrict | Action::SetDefault => continue,
            };
            let is_stored = stored(&key.table).is_some() && context.tables().temporary(&key.table).is_none();
            let removing: Vec<Rule> = rules_of(&key.referred, &followed).into_iter().filter(Rule::removes).collect();
            if !is_stored || removing.is_empty() {
                continue;
            }
            let Some(gone) = gone(&key.referred, &key.referred_columns, &removing, context)? else { continue };
            let count = gone.size();
            if count > followed.get(&place).map_or(0, |(known, _)| *known) {
                has_more = true;
                let rule = Rule::Refers { columns: key.columns.clone(), keys: Arc::new(gone), empties };
                followed.insert(place, (count, rule));
            }
        }
        if !has_more {
            break;
        }
    }
    let others = keys.iter().map(|key| key.table.as_str()).filter(|name| *name != table.name);
    let others: BTreeSet<&str> = others.collect();
    let held = |object: &Object| {
        let rules = rules_of(&object.name, &followed);
        (!rules.is_empty()).then(|| Held { of: SnapshotOf::Table, object: object.clone(), rules, is_by_name: false })
    };
    Ok(std::iter::once(table).chain(others.into_iter().filter_map(stored)).filter_map(held).collect())
}

/// The keys of the rows that rules remove from a table, apart from those of rows that stay.
fn gone(table: &str, columns: &[String], rules: &[Rule], context: &StatementContext) -> Result<Option<KeySet>> {
    let catalog = context.catalog();
    let all = catalog.files_of(SnapshotOf::Table, table)?;
    let all = all.iter().map(|(_, file)| catalog.data.pin(file)).collect::<Result<Vec<_>>>()?;
    KeySet::gone(&all, &catalog.files_now(table)?, columns, rules)
}
