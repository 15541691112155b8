//! The constraints of tables, as PostgreSQL's catalog shows them.

use crate::catalog::tables::Action;
use crate::postgres_catalog::{Part, RelationColumn, RelationConstraint, RelationForeign, RelationRule, part_oid};
use crate::sql::syntax::constraints::{Constraint, Rule};
use crate::sql::syntax::foreign::Foreign;

/// The constraints of a relation with these columns. Those beside the primary key get their numbers later.
pub fn of(written: Vec<Constraint>, oid: i64, columns: &[RelationColumn]) -> Vec<RelationConstraint> {
    let place = |name: &String| {
        let place = columns.iter().position(|column| column.name == *name)?;
        i64::try_from(place + 1).ok()
    };
    let one = |Constraint { name, rule }: Constraint| {
        let columns = rule.columns().iter().filter_map(place).collect();
        let rule = match rule {
            Rule::PrimaryKey(_) => RelationRule::PrimaryKey,
            Rule::Unique { nulls_are_equal, .. } => RelationRule::Unique { nulls_are_equal },
            Rule::Check(condition) => RelationRule::Check(condition.to_string()),
            Rule::Foreign(own) => RelationRule::Foreign(foreign(own)),
        };
        let (oid, index) = (part_oid(oid, Part::Key), part_oid(oid, Part::Index));
        RelationConstraint { oid, index, name, rule, columns }
    };
    // What makes strings values of a type is that type.
    written.into_iter().filter(|constraint| constraint.told().is_none()).map(one).collect()
}

fn foreign(own: Foreign) -> RelationForeign {
    let letter = |action: Action| match action {
        Action::NoAction => "a",
        Action::Restrict => "r",
        Action::Cascade => "c",
        Action::SetNull => "n",
        Action::SetDefault => "d",
    };
    let rest = own.rest();
    let (schema, table) = match own.table.as_slice() {
        [.., schema, table] => (schema.clone(), table.clone()),
        [table] => ("public".to_string(), table.clone()),
        [] => (String::new(), String::new()),
    };
    RelationForeign {
        schema,
        table,
        columns: own.referred,
        on_update: letter(own.on_update),
        on_delete: letter(own.on_delete),
        is_full: own.is_full,
        is_deferrable: own.is_deferrable,
        is_deferred: own.is_deferred,
        rest,
    }
}

/// The key of a table that a profile or a segment publishes with one row per customer.
pub fn key(table: &str, column: String) -> Vec<Constraint> {
    vec![Constraint { name: format!("{table}_pkey"), rule: Rule::PrimaryKey(vec![column]) }]
}
