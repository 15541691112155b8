//! The columns and constraints of a table after ALTER TABLE, and what must be true of its rows.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::unparser::expr_to_sql;
use sqlparser::ast::{AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, GeneratedAs, Ident};

use super::definition::has_name;
use crate::catalog::objects::Object;
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::objects::referring::object_name;
use crate::objects::{numbering, table};
use crate::sql::command::normal;
use crate::sql::syntax::constraints::{self, Constraint, Rule};
use crate::sql::syntax::numbered::{self, Numbered, next_of};
use crate::statement::StatementContext;
use crate::text::{identifier, sql_type};

/// A column of the table after the change.
pub(super) struct Column {
    pub(super) name: String,
    /// Its values, as SQL over the current table.
    pub(super) values: String,
    /// Its type, as declared.
    pub(super) declared: String,
    /// True where a statement has declared it, and not a query.
    pub(super) is_written: bool,
    /// Its current type; `None` when the type changes.
    pub(super) data_type: Option<DataType>,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    /// How it numbers its rows.
    pub(super) numbered: Option<Numbered>,
    /// True for a column whose counter is still to be made.
    pub(super) is_to_count: bool,
}

impl Column {
    /// True for a type that only a query can give, because SQL has no name for it.
    pub(super) fn is_nameless(&self) -> bool {
        !self.is_written && self.data_type.as_ref().is_some_and(|own| !has_name(own))
    }

    pub(super) fn definition(&self) -> String {
        let not_null = if self.not_null { " NOT NULL" } else { "" };
        let default = self.default.as_ref().map_or_else(String::new, |value| format!(" DEFAULT {value}"));
        let identity = match &self.numbered {
            Some(Numbered { identity: Some(is_always), counting, .. }) => {
                let word = if *is_always { "ALWAYS" } else { "BY DEFAULT" };
                format!(" GENERATED {word} AS IDENTITY ({})", numbered::options_of(counting))
            }
            _ => String::new(),
        };
        format!("{} {}{not_null}{default}{identity}", identifier(&self.name), self.declared)
    }

    /// Gives its counter this name.
    pub(super) fn count_with(&mut self, sequence: &str) {
        let next = next_of(sequence).to_string();
        // A new column has the next number in every row.
        if self.default.as_ref() == Some(&self.values) {
            self.values.clone_from(&next);
        }
        self.default = Some(next);
        self.is_to_count = false;
        if let Some(numbered) = &mut self.numbered {
            numbered.sequence = sequence.to_string();
        }
    }
}

/// The current columns of a table.
pub(super) fn columns(table: &dyn TableProvider, object: Option<&Object>, context: &StatementContext) -> Result<Vec<Column>> {
    let written = match object {
        Some(object) => table::written_columns(object, context)?,
        None => vec![],
    };
    let schema = table.schema();
    let column = |field: &Arc<Field>| {
        let written = written.iter().find(|column| normal(&column.name) == *field.name());
        let default = match written.and_then(written_default) {
            None => table.get_column_default(field.name()).map(|value| expr_to_sql(value).map(|value| value.to_string())),
            written => written.map(Ok),
        };
        Ok(Column {
            name: field.name().clone(),
            values: identifier(field.name()),
            declared: written.map_or_else(|| sql_type(field.data_type()), |column| column.data_type.to_string()),
            is_written: written.is_some(),
            data_type: Some(field.data_type().clone()),
            not_null: !field.is_nullable(),
            default: default.transpose()?,
            numbered: match written.map(numbered::numbered).transpose()?.flatten() {
                Some(own) if numbering::is_shared(&own.sequence, context)? => None,
                own => own,
            },
            is_to_count: false,
        })
    };
    schema.fields().iter().map(column).collect()
}

pub(super) fn written_default(column: &ColumnDef) -> Option<String> {
    column.options.iter().find_map(|option| match &option.option {
        ColumnOption::Default(value) => Some(value.to_string()),
        _ => None,
    })
}

/// A query that must return no rows, and the error for the value when it does.
pub(super) type Check = (String, Box<dyn Fn(&str) -> DataFusionError + Send + Sync>);

/// The columns after all operations; each operation applies to the result of the one before.
pub(super) fn changed(
    name: &str,
    from: &str,
    mut columns: Vec<Column>,
    constraints: &mut Vec<Constraint>,
    operations: &[AlterTableOperation],
) -> Result<(Vec<Column>, Vec<Check>)> {
    let mut checks: Vec<Check> = vec![];
    for operation in operations {
        match operation {
            AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
                let new = normal(&column_def.name);
                if columns.iter().any(|column| column.name == new) {
                    if *if_not_exists {
                        continue;
                    }
                    return Err(coded(SqlState::DUPLICATE_COLUMN, name, format!("has a column {new} already")));
                }
                let default = written_default(column_def);
                let numbered = numbered::numbered(column_def)?;
                columns.push(Column {
                    is_to_count: numbered.is_some(),
                    numbered,
                    values: default.clone().unwrap_or_else(|| "NULL".into()),
                    name: new,
                    declared: column_def.data_type.to_string(),
                    is_written: true,
                    data_type: None,
                    not_null: column_def.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull)),
                    default,
                });
            }
            AlterTableOperation::DropColumn { column_names, if_exists, .. } => {
                for dropped in column_names {
                    match place(name, &columns, dropped) {
                        Ok(_) if columns.len() == 1 => {
                            return Err(invalid(name, "its last column cannot be dropped; DROP TABLE drops all of it"));
                        }
                        Ok(place) => {
                            let gone = columns.remove(place).name;
                            // As in PostgreSQL, constraints that name the column are dropped with it.
                            constraints.retain(|constraint| !names(name, constraint, &gone));
                        }
                        Err(_) if *if_exists => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                let place = place(name, &columns, old_column_name)?;
                let new = normal(new_column_name);
                if columns.iter().any(|column| column.name == new) {
                    return Err(coded(SqlState::DUPLICATE_COLUMN, name, format!("has a column {new} already")));
                }
                let old = std::mem::replace(&mut columns[place].name, new.clone());
                constraints.iter_mut().for_each(|constraint| renamed(name, constraint, &old, &new));
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let place = place(name, &columns, column_name)?;
                refuse_null_in_key(name, &columns[place].name, op, constraints)?;
                alter_column(name, from, &mut columns[place], op, &mut checks)?;
            }
            AlterTableOperation::AddConstraint { constraint, .. } => {
                let own = name.rsplit('.').next().unwrap_or(name);
                let Some(new) = constraints::added(own, constraint, constraints) else {
                    return Err(coded(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        name,
                        format!("{constraint} is not checked here; leave it out"),
                    ));
                };
                if let Rule::PrimaryKey(key) = &new.rule {
                    columns.iter_mut().filter(|column| key.contains(&column.name)).for_each(|column| column.not_null = true);
                }
                constraints::add(name, constraints, new)?;
            }
            AlterTableOperation::DropConstraint { if_exists, name: dropped, .. } => {
                match constraint(name, constraints, dropped) {
                    Ok(place) => drop(constraints.remove(place)),
                    Err(_) if *if_exists => {}
                    Err(error) => return Err(error),
                }
            }
            AlterTableOperation::RenameConstraint { old_name, new_name } => {
                let place = constraint(name, constraints, old_name)?;
                let mut renamed = constraints.remove(place);
                renamed.name = normal(new_name);
                constraints::add(name, constraints, renamed)?;
            }
            other => {
                let problem = format!(
                    "{other} is not supported; supported are ADD, DROP, RENAME and ALTER COLUMN, ADD, DROP and RENAME CONSTRAINT, and RENAME TO on its own"
                );
                return Err(coded(SqlState::FEATURE_NOT_SUPPORTED, name, problem));
            }
        }
    }
    Ok((columns, checks))
}

/// True for a constraint that speaks of a column of the table.
fn names(table: &str, constraint: &Constraint, column: &String) -> bool {
    let refers = match &constraint.rule {
        Rule::Foreign(own) => object_name(&own.table) == table && own.referred.contains(column),
        Rule::PrimaryKey(_) | Rule::Unique { .. } | Rule::Check(_) => false,
    };
    refers || constraint.rule.columns().contains(column)
}

/// Names a column of the table anew in one of its constraints.
fn renamed(table: &str, constraint: &mut Constraint, old: &str, new: &str) {
    constraint.rule.renamed(old, new);
    if let Rule::Foreign(own) = &mut constraint.rule
        && object_name(&own.table) == table
    {
        own.referred.iter_mut().filter(|name| *name == old).for_each(|name| *name = new.to_string());
    }
}

fn alter_column(name: &str, from: &str, column: &mut Column, op: &AlterColumnOperation, checks: &mut Vec<Check>) -> Result<()> {
    match op {
        AlterColumnOperation::SetNotNull => column.not_null = true,
        AlterColumnOperation::DropNotNull => column.not_null = false,
        AlterColumnOperation::SetDefault { value } => (column.default, column.numbered) = (Some(value.to_string()), None),
        AlterColumnOperation::DropDefault => (column.default, column.numbered) = (None, None),
        AlterColumnOperation::SetDataType { data_type, using, .. } => {
            let declared = data_type.to_string();
            match using {
                Some(using) => column.values = using.to_string(),
                None => {
                    let (table, now, before) = (name.to_string(), declared.clone(), column.declared.clone());
                    let (values, of) = (column.values.clone(), column.name.clone());
                    let back = format!("CAST(TRY_CAST({values} AS {now}) AS {before})");
                    // Sorted, so that the same value is reported on every run.
                    let lossy = format!(
                        "SELECT CAST({values} AS VARCHAR) FROM {from} WHERE {back} IS DISTINCT FROM {values} ORDER BY 1 LIMIT 1"
                    );
                    let wrong = move |value: &str| {
                        let problem = format!(
                            "column {of} cannot become {now}: {value} would change; use USING to say how the values are converted"
                        );
                        coded(SqlState::INVALID_TEXT_REPRESENTATION, &table, problem)
                    };
                    checks.push((lossy, Box::new(wrong)));
                    column.values = format!("CAST({values} AS {declared})");
                }
            }
            (column.declared, column.data_type) = (declared, None);
        }
        AlterColumnOperation::AddGenerated { generated_as, sequence_options } => {
            if let Some(default) = &column.default {
                let problem = format!("column {} has the default {default}; DROP DEFAULT first", column.name);
                return Err(coded(SqlState::SYNTAX_ERROR, name, problem));
            }
            let counting = {
                let largest = match &column.data_type {
                    Some(DataType::Int16) => i16::MAX.into(),
                    Some(DataType::Int32) => i32::MAX.into(),
                    _ => i64::MAX,
                };
                numbered::counting(sequence_options.as_deref().unwrap_or_default(), &column.name, largest)?
            };
            let identity = Some(*generated_as == Some(GeneratedAs::Always));
            let sequence = format!("{name}_{}_seq", column.name);
            column.default = Some(next_of(&sequence).to_string());
            column.numbered = Some(Numbered { sequence, counting, identity, is_serial: false });
            (column.is_to_count, column.not_null) = (true, true);
        }
    }
    Ok(())
}

/// The place of a constraint of that name.
fn constraint(table: &str, constraints: &[Constraint], name: &Ident) -> Result<usize> {
    let wanted = normal(name);
    constraints.iter().position(|constraint| constraint.name == wanted).ok_or_else(|| {
        let suggestion = did_you_mean(&wanted, constraints.iter().map(|constraint| constraint.name.as_str()));
        let problem = format!("has no constraint {wanted}{suggestion}; information_schema.table_constraints lists them");
        coded(SqlState::UNDEFINED_OBJECT, table, problem)
    })
}

/// A column of a primary key is NOT NULL as long as it is in the key.
fn refuse_null_in_key(table: &str, column: &str, op: &AlterColumnOperation, constraints: &[Constraint]) -> Result<()> {
    let is_key =
        |constraint: &&Constraint| matches!(&constraint.rule, Rule::PrimaryKey(key) if key.iter().any(|own| own == column));
    match constraints.iter().find(is_key) {
        Some(key) if matches!(op, AlterColumnOperation::DropNotNull) => {
            let problem = format!("column {column} is in the primary key; DROP CONSTRAINT {} first", identifier(&key.name));
            Err(coded(SqlState::INVALID_TABLE_DEFINITION, table, problem))
        }
        _ => Ok(()),
    }
}

fn place(table: &str, columns: &[Column], name: &Ident) -> Result<usize> {
    let wanted = normal(name);
    columns.iter().position(|column| column.name == wanted).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let suggestion = did_you_mean(&wanted, names.iter().copied());
        let problem = format!("has no column {wanted}{suggestion}; it has {}", names.join(", "));
        coded(SqlState::UNDEFINED_COLUMN, table, problem)
    })
}
