//! Rows that refer to rows of a person by a foreign key.
//!
//! A column that refers to a key of the person holds that key. Other columns refer to rows of the person by other keys: the lines of an order to
//! the order. Both kinds of rows are the person's, except in a table that has a key of persons of its own: there, a row belongs to that person,
//! whoever it refers to. Where the foreign key says ON DELETE SET NULL, rows stay without the reference.

use std::collections::BTreeSet;

use datafusion::common::{Result, ScalarValue};

use super::reading::Reader;
use super::{Domain, columns_of, of_table};
use crate::catalog::objects::Object;
use crate::catalog::rewriting::{Rule, rows_of};
use crate::catalog::snapshots::SnapshotOf;
use crate::catalog::tables::Action;
use crate::objects::referring;
use crate::sql::lineage::Origin;
use crate::statement::StatementContext;

/// A column that refers to another.
#[derive(Debug)]
pub struct Reference {
    pub from: Origin,
    pub to: Origin,
    /// True for ON DELETE SET NULL.
    empties: bool,
    /// True for a foreign key of one column.
    is_alone: bool,
    /// The columns of the table that refers.
    columns: BTreeSet<String>,
}

/// The foreign keys of all stored tables.
///
/// # Errors
/// The database cannot be read.
pub fn all(objects: &[Object], context: &StatementContext) -> Result<Vec<Reference>> {
    let mut all = vec![];
    for key in referring::all(context)?.iter() {
        let table = objects.iter().find(|object| object.kind == "table" && object.name == key.table);
        let Some(table) = table.filter(|_| context.tables().temporary(&key.table).is_none()) else { continue };
        let empties = referring::empties(key, context)?;
        // Which value stands instead is not known, or it may not be NULL: what refers to the person is then refused, as by DELETE.
        if key.on_delete == Action::SetDefault || key.on_delete == Action::SetNull && !empties {
            continue;
        }
        let columns = columns_of(table, context)?;
        all.extend(key.columns.iter().zip(&key.referred_columns).map(|(from, to)| Reference {
            from: (key.table.clone(), from.clone()),
            to: (key.referred.clone(), to.clone()),
            empties,
            is_alone: key.columns.len() == 1,
            columns: columns.clone(),
        }));
    }
    Ok(all)
}

impl Domain {
    /// Adds the columns that refer to columns of the domain, and those that these refer to.
    pub(super) fn add_referring(&mut self, reader: &Reader) {
        let references = &reader.references;
        for reference in references {
            if self.columns.contains(&reference.from) {
                self.columns.insert(reference.to.clone());
            }
        }
        let mut found = vec![];
        for reference in references.iter().filter(|reference| self.columns.contains(&reference.to)) {
            let Reference { from, columns, .. } = reference;
            let is_own = |column: &Origin| column.0 == from.0 && !self.referring.contains(column);
            let has_own = self.columns.iter().any(|column| *column != *from && is_own(column)) || has_persons(from, reader);
            let named: Vec<Origin> = self.names.intersection(columns).map(|name| (from.0.clone(), name.clone())).collect();
            let is_named = named.contains(from);
            found.push((reference, has_own || !named.is_empty() && !is_named, named));
        }
        for (reference, is_of_others, named) in found {
            let from = &reference.from;
            if self.columns.contains(from) {
                continue;
            }
            if reference.empties {
                self.emptied.insert((from.clone(), is_of_others));
            } else if !is_of_others {
                for column in named.into_iter().chain([from.clone()]) {
                    self.referring.insert(column.clone());
                    self.columns.insert(column);
                }
            }
        }
    }
}

/// True for a column that refers from a table in which another column is the key of a profile or an identity.
fn has_persons(from: &Origin, reader: &Reader) -> bool {
    let mut keys = reader.profiles.iter().chain(&reader.identities).flat_map(|read| &read.key);
    keys.any(|key| key.0 == from.0 && key.1 != from.1)
}

/// Other keys by which rows refer to rows of the person, until there are no more; rows of the tables in `keep` stay.
///
/// # Errors
/// A file is damaged.
pub fn beyond(
    domains: &[Domain],
    reader: &Reader,
    keep: &[String],
    objects: &[Object],
    context: &StatementContext,
) -> Result<Vec<Domain>> {
    let table = |name: &str| objects.iter().find(|object| object.kind == "table" && object.name == name);
    let (mut places, mut further): (Vec<usize>, Vec<Domain>) = (vec![], vec![]);
    loop {
        let mut has_more = false;
        for (place, Reference { from, to, empties, is_alone, .. }) in reader.references.iter().enumerate() {
            let stays = !is_alone || keep.contains(&to.0) || keep.contains(&from.0);
            if stays || domains.iter().any(|domain| domain.columns.contains(to)) {
                continue;
            }
            let (Some(one), Some(other)) = (table(&from.0), table(&to.0)) else { continue };
            let values = keys_of(other, &to.1, (domains, &further), context)?;
            let known = places.iter().position(|known| *known == place);
            if values.len() <= known.and_then(|known| further.get(known)).map_or(0, |known| known.values.len()) {
                continue;
            }
            has_more = true;
            if let Some(known) = known {
                further[known].values = values;
                continue;
            }
            let is_of_others = has_persons(from, reader) || of_table(one, domains, context)?.0.iter().any(Rule::removes);
            let mut domain = Domain { values, ..Domain::default() };
            if *empties {
                domain.emptied.insert((from.clone(), is_of_others));
            } else if !is_of_others {
                domain.columns.insert(from.clone());
            }
            places.push(place);
            further.push(domain);
        }
        if !has_more {
            return Ok(further);
        }
    }
}

/// The values of a column in the rows of the person, in every state that is kept.
fn keys_of(
    table: &Object,
    column: &str,
    (domains, further): (&[Domain], &[Domain]),
    context: &StatementContext,
) -> Result<Vec<ScalarValue>> {
    let mut rules = of_table(table, domains, context)?.0;
    rules.extend(of_table(table, further, context)?.0);
    rules.retain(Rule::removes);
    let (mut known, mut found) = (BTreeSet::new(), vec![]);
    if rules.is_empty() {
        return Ok(found);
    }
    let catalog = context.catalog();
    for (_, file) in catalog.files_of(SnapshotOf::Table, &table.name)? {
        for batch in rows_of(catalog.data.pin(&file)?.as_ref(), &rules)? {
            let Some(keys) = batch.column_by_name(column) else { continue };
            for row in 0..batch.num_rows() {
                let key = ScalarValue::try_from_array(keys, row)?;
                if !key.is_null() && known.insert(key.to_string()) {
                    found.push(key);
                }
            }
        }
    }
    Ok(found)
}
