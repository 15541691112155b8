//! Statements that change rows.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, Assignment, Delete, FromTable, Merge, MergeAction, MergeClause, MergeInsertExpr,
    MergeInsertKind, MergeUpdateExpr, OutputClause, Spanned, TableFactor, TableWithJoins, Truncate, TruncateTableTarget, Update,
    UpdateTableFromKind,
};

use super::{Checked, Walk, absent, none, refuse, refuse_at, without};

const LEAVE_OUT: &str = "leave it out";
pub(super) const GIVES_BACK: &str = "write RETURNING, which gives back the rows";
const ON_CONDITION: &str = "write WHEN … AND condition THEN";

impl Walk<'_> {
    pub(super) fn delete(&self, delete: &Delete) -> Checked {
        let Delete { delete_token, optimizer_hints, tables, from, using, selection, returning, output, order_by, limit } = delete;
        none(optimizer_hints, "/*+ … */", "hints are not read; leave it out")?;
        let several = "rows of one table are deleted; write DELETE FROM name USING other WHERE …";
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
        let [table] = from.as_slice() else { return refuse_at(delete_token.0.span, "DELETE of several tables", several) };
        self.table_with_joins(table)?;
        self.target(&table.relation, "DELETE")?;
        // MySQL's form: DELETE o FROM orders AS o JOIN …
        match tables.as_slice() {
            [] => {}
            [named] if is_named(&table.relation, &named.to_string()) => {}
            [named, ..] => return refuse_at(named.span(), "DELETE of several tables", several),
        }
        using.iter().flatten().try_for_each(|table| self.table_with_joins(table))?;
        returning.iter().flatten().try_for_each(|item| self.select_item(item))?;
        absent(output, "OUTPUT", GIVES_BACK)?;
        self.sort_expressions(order_by)?;
        limit.as_ref().map_or(Ok(()), |limit| self.expression(limit))?;
        selection.as_ref().map_or(Ok(()), |condition| self.expression(condition))
    }

    pub(super) fn update(&self, update: &Update) -> Checked {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        none(optimizer_hints, "/*+ … */", "hints are not read; leave it out")?;
        self.table_with_joins(table)?;
        self.target(&table.relation, "UPDATE")?;
        self.assignments(assignments)?;
        if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) = from {
            from.iter().try_for_each(|table| self.table_with_joins(table))?;
        }
        returning.iter().flatten().try_for_each(|item| self.select_item(item))?;
        absent(output, "OUTPUT", GIVES_BACK)?;
        absent(or, "OR", LEAVE_OUT)?;
        self.sort_expressions(order_by)?;
        limit.as_ref().map_or(Ok(()), |limit| self.expression(limit))?;
        selection.as_ref().map_or(Ok(()), |condition| self.expression(condition))
    }

    fn assignments(&self, assignments: &[Assignment]) -> Checked {
        assignments.iter().try_for_each(|Assignment { target: _, value }| self.expression(value))
    }

    pub(super) fn merge(&self, merge: &Merge) -> Checked {
        let Merge { merge_token: _, optimizer_hints, into: _, table, source, on, clauses, output } = merge;
        none(optimizer_hints, "/*+ … */", "hints are not read; leave it out")?;
        for table in [table, source] {
            self.table_with_joins(&TableWithJoins { relation: table.clone(), joins: vec![] })?;
        }
        self.target(table, "MERGE")?;
        self.expression(on)?;
        for MergeClause { when_token: _, clause_kind: _, predicate, action } in clauses {
            predicate.as_ref().map_or(Ok(()), |predicate| self.expression(predicate))?;
            match action {
                MergeAction::Delete { delete_token: _ } => {}
                MergeAction::Update(MergeUpdateExpr { update_token: _, assignments, update_predicate, delete_predicate }) => {
                    self.assignments(assignments)?;
                    absent(update_predicate, "UPDATE … WHERE", ON_CONDITION)?;
                    absent(delete_predicate, "DELETE WHERE", ON_CONDITION)?;
                }
                MergeAction::Insert(insert) => {
                    let MergeInsertExpr { insert_token: _, columns: _, kind_token: _, kind, insert_predicate } = insert;
                    absent(insert_predicate, "INSERT … WHERE", ON_CONDITION)?;
                    match kind {
                        MergeInsertKind::Values(values) => self.values(values)?,
                        MergeInsertKind::Row => return refuse("INSERT ROW", "write INSERT (columns) VALUES (values)"),
                    }
                }
            }
        }
        match output {
            None => Ok(()),
            Some(OutputClause::Returning { returning_token: _, select_items }) => {
                select_items.iter().try_for_each(|item| self.select_item(item))
            }
            Some(OutputClause::Output { .. }) => refuse("OUTPUT", GIVES_BACK),
        }
    }

    pub(super) fn truncate(&self, truncate: &Truncate) -> Checked {
        let Truncate { table_names, partitions, table: _, if_exists, identity: _, cascade: _, on_cluster } = truncate;
        absent(partitions, "PARTITION", "write DELETE FROM name WHERE …")?;
        without(*if_exists, "IF EXISTS", LEAVE_OUT)?;
        absent(on_cluster, "ON CLUSTER", LEAVE_OUT)?;
        table_names.iter().try_for_each(|TruncateTableTarget { name, only: _, has_asterisk: _ }| self.name(name))
    }

    pub(super) fn alter(&self, alter: &AlterTable) -> Checked {
        // The operations themselves are checked where they are executed.
        // A table has no children, so that ONLY says nothing.
        let AlterTable { name, if_exists: _, only: _, operations, location, on_cluster, table_type, end_token: _ } = alter;
        self.name(name)?;
        absent(location, "SET LOCATION", LEAVE_OUT)?;
        absent(on_cluster, "ON CLUSTER", LEAVE_OUT)?;
        absent(table_type, "a type of table", "write ALTER TABLE")?;
        for operation in operations {
            match operation {
                AlterTableOperation::AddColumn { column_keyword: _, if_not_exists: _, column_def, column_position } => {
                    absent(
                        column_position,
                        "FIRST and AFTER",
                        "a new column is the last one; select the columns in the order that you want",
                    )?;
                    self.columns(std::slice::from_ref(column_def), &[])?;
                }
                AlterTableOperation::DropColumn { has_column_keyword: _, column_names: _, if_exists: _, drop_behavior } => {
                    absent(drop_behavior, "CASCADE", "change what uses it first; the error of DROP without it names that")?;
                }
                AlterTableOperation::AddConstraint { constraint, not_valid } => {
                    without(*not_valid, "NOT VALID", "the rows that are there are checked too; leave it out")?;
                    self.table_constraint(constraint)?;
                }
                AlterTableOperation::DropConstraint { if_exists: _, name: _, drop_behavior } => {
                    absent(
                        drop_behavior,
                        "CASCADE",
                        "first drop the foreign keys that need it, with DROP CONSTRAINT, and leave it out",
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that the statement writes to a single table.
    fn target(&self, table: &TableFactor, statement: &str) -> Checked {
        match table {
            TableFactor::Table { args: None, version: None, .. } => Ok(()),
            other => {
                refuse_at(other.span(), &format!("{statement} of something that is not a table"), "write the name of a table")
            }
        }
    }
}

/// True for the name by which a statement refers to a table.
fn is_named(table: &TableFactor, named: &str) -> bool {
    match table {
        TableFactor::Table { alias: Some(alias), .. } => alias.name.to_string() == named,
        TableFactor::Table { name, .. } => name.to_string() == named,
        _ => false,
    }
}
