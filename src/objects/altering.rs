//! ALTER TABLE: changes the columns or the name of a table.
//!
//! A table with changed columns replaces the old one, in the same way as `CREATE OR REPLACE TABLE`: a change that would break users of the
//! table is refused, rows and definition change at once, and earlier states stay readable. Its definition is written anew, with all of its
//! columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{DdlStatement, Expr, LogicalPlan};
use datafusion::sql::unparser::expr_to_sql;
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, GeneratedAs, Ident, ObjectName,
    RenameTableNameKind,
};

use super::broken::check_users;
use super::constraining;
use super::kind::Kind;
use super::lifecycle::{NewObject, listed, remember, unless_moved, users, users_beyond_views};
use super::numbering;
use super::protection::class;
use super::relation::{NAMESPACE, check_name};
use super::schema::{member, parts, quoted};
use super::table::{self, Made, Table};
use super::view;
use crate::catalog::objects::{Moved, Object};
use crate::catalog::sequences::Sequence;
use crate::catalog::snapshots::{SnapshotOf, When};
use crate::catalog::tables::{Added, refuse_nulls};
use crate::error::{SqlState, coded, did_you_mean, failed, invalid, message};
use crate::sql::command::{Body, Create, Target, normal};
use crate::sql::inserting::with_identities;
use crate::sql::parser;
use crate::sql::planning::plan;
use crate::sql::syntax::constraints::{self, Constraint, Rule};
use crate::sql::syntax::numbered::{self, Numbered, OF_COUNTERS, next_of, sequence_name};
use crate::statement::{RunningPlan, StatementContext};
use crate::text::{identifier, literal, sql_type, with_article};
use crate::walk::{PlanTree, Tree};

/// A column of the table after the change.
struct Column {
    name: String,
    /// Its values, as SQL over the current table.
    values: String,
    /// Its type, as declared.
    declared: String,
    /// True where a statement has declared it, and not a query.
    is_written: bool,
    /// Its current type; `None` when the type changes.
    data_type: Option<DataType>,
    not_null: bool,
    default: Option<String>,
    /// How it numbers its rows.
    numbered: Option<Numbered>,
    /// True for a column whose counter is still to be made.
    is_to_count: bool,
}

impl Column {
    /// True for a type that only a query can give, because SQL has no name for it.
    fn is_nameless(&self) -> bool {
        !self.is_written && self.data_type.as_ref().is_some_and(|own| !has_name(own))
    }

    fn definition(&self) -> String {
        let not_null = if self.not_null { " NOT NULL" } else { "" };
        let default = self.default.as_ref().map_or_else(String::new, |value| format!(" DEFAULT {value}"));
        let identity = match &self.numbered {
            Some(Numbered { identity: Some(is_always), first, step, .. }) => {
                let word = if *is_always { "ALWAYS" } else { "BY DEFAULT" };
                format!(" GENERATED {word} AS IDENTITY (INCREMENT BY {step} START WITH {first})")
            }
            _ => String::new(),
        };
        format!("{} {}{not_null}{default}{identity}", identifier(&self.name), self.declared)
    }

    /// Gives its counter this name.
    fn count_with(&mut self, sequence: &str) {
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

/// Alters a table.
///
/// # Errors
/// There is no such table, the change is impossible, or it would break something; nothing is changed then.
pub async fn alter(statement: &AlterTable, name: &str, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    if let [AlterTableOperation::RenameTable { table_name }] = statement.operations.as_slice() {
        let (RenameTableNameKind::As(new) | RenameTableNameKind::To(new)) = table_name;
        let new = own(new)?;
        return context.settled(|context| async move { rename(name, new, statement.if_exists, &context).await }).await;
    }
    let altered = |context: StatementContext| async move {
        if let Some(table) = context.tables().temporary(name) {
            return alter_temporary(statement, name, table, &context).await;
        }
        let Some(object) = found(name, statement.if_exists, &context)? else { return Ok(vec![]) };
        context.check_owns(&object)?;
        if object.kind != "table" {
            let problem = format!("is {}; ALTER only changes columns of tables", with_article(&object.kind));
            return Err(invalid(name, problem));
        }
        // The rows are read and written again, so they must be readable without masks and row policies.
        super::protection::refuse_changes(&object, &context)?;
        alter_columns(statement, object, &context, running).await
    };
    context.settled(altered).await
}

/// The relation with this name.
fn found(name: &str, if_exists: bool, context: &StatementContext) -> Result<Option<Object>> {
    let objects = context.objects()?;
    let is_it = |object: &&Object| object.name == name && NAMESPACE.contains(&object.kind.as_str());
    match objects.iter().find(is_it) {
        None if !if_exists => {
            let names = objects.iter().filter(|object| object.kind == "table").map(|object| object.name.as_str());
            let suggestion = did_you_mean(name, names);
            let problem = format!("no such table{suggestion}; SHOW TABLES lists them");
            Err(context.unseen(coded(SqlState::UNDEFINED_TABLE, name, problem), name))
        }
        found => Ok(found.cloned()),
    }
}

fn own(name: &ObjectName) -> Result<&Ident> {
    match name.0.as_slice() {
        [name] => name.as_ident().ok_or_else(|| invalid("ALTER TABLE", format!("{name} is not a name"))),
        _ => Err(invalid(&name.to_string(), "a table stays in its schema; leave the schema out of the new name")),
    }
}

async fn alter_columns(
    statement: &AlterTable,
    object: Object,
    context: &StatementContext,
    running: &RunningPlan,
) -> Result<Vec<String>> {
    let name = object.name.clone();
    let table = Table.open(&object, When::Now, context).await?;
    let now = columns(table.as_ref(), Some(&object), context)?;
    let mut constraints = table::written_constraints(&object, context)?;
    let (mut columns, checks) = changed(&name, &quoted(&name, context), now, &mut constraints, &statement.operations)?;
    check(&name, &checks, context).await?;
    for column in columns.iter_mut().filter(|column| column.is_to_count) {
        let Some(numbered) = &column.numbered else { continue };
        let usual = sequence_name(&statement.name, &column.name, false);
        let sequence = numbering::make(numbered, &usual, context)?;
        column.count_with(&sequence);
    }
    let (definition, declared) = definition(&name, &columns, &constraints, true, context).await?;
    let tested = constraining::of(&name, &constraints, &declared, context).await?;
    check_defaults(&name, &columns, context).await?;
    let target = Target { grammar: &Table, name: name.clone(), profile: None };
    let only_words = statement.operations.iter().all(changes_no_row);
    let body = parser::parse_composed(&definition, context.session())?;
    let body = Body::Sql(Box::new(body));
    let create = Create {
        target,
        or_replace: true,
        if_not_exists: false,
        parameters: vec![],
        options: vec![],
        body,
        table: None,
        protection: None,
    };
    let base = context.base().display().to_string();
    let new = Object { version: object.version + 1, sql: definition, base, author: context.role().into(), ..object.clone() };
    let new = NewObject { object: new, existing: Some(object), create };
    if only_words {
        return remember(&Table, &new, context).await;
    }
    let rows =
        plan(&parser::parse_composed(&rows(&quoted(&name, context), &columns, &declared), context.session())?, context).await?;
    let made = Made { declared: Some(declared), moved: moved(&statement.operations), constraints: Arc::new(tested) };
    table::write(&new, rows, made, context, running).await.map(|_| vec![])
}

async fn alter_temporary(
    statement: &AlterTable,
    name: &str,
    table: Arc<dyn TableProvider>,
    context: &StatementContext,
) -> Result<Vec<String>> {
    let now = columns(table.as_ref(), None, context)?;
    let mut constraints = constraints::read(name, &context.tables().constraints(name))?;
    let (mut columns, checks) = changed(name, &quoted(name, context), now, &mut constraints, &statement.operations)?;
    check(name, &checks, context).await?;
    for column in columns.iter_mut().filter(|column| column.is_to_count) {
        let Some(Numbered { first, step, .. }) = column.numbered else { continue };
        let sequence = sequence_name(&statement.name, &column.name, true);
        column.count_with(&sequence);
        context.tables().make_counter(Sequence { name: sequence, first, step, next: first }, false);
    }
    let (definition, declared) = definition(name, &columns, &constraints, false, context).await?;
    let tested = Arc::new(constraining::of(name, &constraints, &declared, context).await?);
    check_defaults(name, &columns, context).await?;
    let changed = context.with_relation(name, Arc::new(EmptyTable::new(Arc::clone(&declared))));
    check_users(&of_session(name), context, &changed).await?;
    let rows =
        plan(&parser::parse_composed(&rows(&quoted(name, context), &columns, &declared), context.session())?, context).await?;
    let classes = class::of_rows(&rows, context).await?;
    let frame = DataFrame::new(context.state(), rows);
    let keys = MemoryConsumer::new(format!("keys of table {name}")).register(frame.task_ctx().memory_pool());
    let mut added = Added::new(&tested, name, &declared, keys)?;
    let rows = frame.collect().await?;
    let rows = rows.iter().map(|batch| {
        refuse_nulls(name, &declared, batch)?;
        added.add(batch)?;
        Ok(RecordBatch::try_new(Arc::clone(&declared), batch.columns().to_vec())?)
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let made = plan(&parser::parse_composed(&definition, context.session())?, &context.making(name)).await?;
    let defaults = match made {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => made.column_defaults,
        _ => vec![],
    };
    let numbered: Vec<_> = columns.iter().filter_map(|own| Some((own.name.clone(), own.numbered.clone()?))).collect();
    let defaults = with_identities(defaults, &numbered);
    let altered = MemTable::try_new(declared, vec![rows])?.with_column_defaults(defaults.into_iter().collect());
    context.tables().add_temporary(name.into(), Arc::new(altered));
    let mut comments = context.tables().comments(name);
    for (column, new) in moved(&statement.operations) {
        if let Some((comment, new)) = comments.remove(&column).zip(new) {
            comments.insert(new, comment);
        }
    }
    context.tables().set_comments(name, comments);
    context.tables().set_held(name, classes);
    context.tables().set_constraints(name, constraints.iter().map(ToString::to_string).collect());
    Ok(vec![])
}

/// Fails when a table of the session cannot be replaced by one with these columns, as something that reads it would break.
///
/// # Errors
/// The first object that would break, and why.
pub async fn check_replaced(name: &str, columns: SchemaRef, context: &StatementContext) -> Result<()> {
    let table = &Arc::new(EmptyTable::new(columns));
    let check = |context: StatementContext| async move {
        let changed = context.with_relation(name, Arc::clone(table) as _);
        check_users(&of_session(name), &context, &changed).await
    };
    context.settled(check).await.map(|_| ())
}

/// The columns that are renamed or dropped; their comments and classes move with them.
fn moved(operations: &[AlterTableOperation]) -> Vec<Moved> {
    let of = |operation: &AlterTableOperation| match operation {
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            vec![(normal(old_column_name), Some(normal(new_column_name)))]
        }
        AlterTableOperation::DropColumn { column_names, .. } => column_names.iter().map(|name| (normal(name), None)).collect(),
        _ => vec![],
    };
    operations.iter().flat_map(of).collect()
}

/// True for a change after which all rows are as before, and need no test.
fn changes_no_row(operation: &AlterTableOperation) -> bool {
    use AlterColumnOperation::{DropDefault, SetDefault};
    matches!(
        operation,
        AlterTableOperation::AlterColumn { op: SetDefault { .. } | DropDefault, .. }
            | AlterTableOperation::DropConstraint { .. }
            | AlterTableOperation::RenameConstraint { .. }
    )
}

/// The current columns of a table.
fn columns(table: &dyn TableProvider, object: Option<&Object>, context: &StatementContext) -> Result<Vec<Column>> {
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
            numbered: written.map(numbered::numbered).transpose()?.flatten(),
            is_to_count: false,
        })
    };
    schema.fields().iter().map(column).collect()
}

fn written_default(column: &ColumnDef) -> Option<String> {
    column.options.iter().find_map(|option| match &option.option {
        ColumnOption::Default(value) => Some(value.to_string()),
        _ => None,
    })
}

/// A query that must return no rows, and the error for the value when it does.
type Check = (String, Box<dyn Fn(&str) -> DataFusionError + Send + Sync>);

/// The columns after all operations; each operation applies to the result of the one before.
fn changed(
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
                            // As in PostgreSQL, what speaks of the column goes with it.
                            constraints.retain(|constraint| !constraint.rule.columns().contains(&gone));
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
                constraints.iter_mut().for_each(|constraint| constraint.rule.renamed(&old, &new));
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
            let (first, step) = {
                let largest = match &column.data_type {
                    Some(DataType::Int16) => i16::MAX.into(),
                    Some(DataType::Int32) => i32::MAX.into(),
                    _ => i64::MAX,
                };
                numbered::counting(sequence_options.as_deref().unwrap_or_default(), &column.name, largest)?
            };
            let first = first.unwrap_or(if step < 0 { -1 } else { 1 });
            let identity = Some(*generated_as == Some(GeneratedAs::Always));
            let sequence = format!("{name}_{}_seq", column.name);
            column.default = Some(next_of(&sequence).to_string());
            column.numbered = Some(Numbered { sequence, first, step, identity });
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

/// The statement that creates a table with these columns, and its schema. `kept` is true for a table stored in a database.
async fn definition(
    name: &str,
    columns: &[Column],
    constraints: &[Constraint],
    kept: bool,
    context: &StatementContext,
) -> Result<(String, SchemaRef)> {
    // Types without an SQL name occur only in tables made from queries. They are kept, and the definition names them with `arrow_cast`.
    let has_names = !columns.iter().any(Column::is_nameless);
    let part = |column: &Column| match column.is_nameless() {
        true => format!("{} BIGINT", identifier(&column.name)),
        false => column.definition(),
    };
    let parts: Vec<String> = columns.iter().map(part).chain(constraints.iter().map(ToString::to_string)).collect();
    let text = format!("CREATE TABLE {} ({})", quoted(name, context), parts.join(", "));
    let made = plan(&parser::parse_composed(&text, context.session())?, &context.making(name)).await?;
    let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) = made else {
        return Err(failed(name, "is not made by its definition"));
    };
    let declared = made.input.schema().as_arrow();
    if has_names {
        // A time with a zone keeps the zone that it has, whatever that of the session.
        let fields = columns.iter().zip(declared.fields()).map(|(column, field)| match &column.data_type {
            Some(own @ DataType::Timestamp(_, Some(_))) => Field::clone(field).with_data_type(own.clone()),
            _ => Field::clone(field),
        });
        return Ok((text, Arc::new(Schema::new(fields.collect::<Vec<_>>()))));
    }
    if let Some(constraint) = constraints.first() {
        let problem = format!(
            "has types that SQL has no name for, and so it can have no constraint {}; CAST those columns to others first",
            identifier(&constraint.name)
        );
        return Err(invalid(name, problem));
    }
    if let Some(column) = columns.iter().find(|column| column.default.is_some() || kept && column.not_null) {
        let problem = format!(
            "has types that SQL has no name for, and so column {} can have no DEFAULT or NOT NULL; leave those out",
            column.name
        );
        return Err(invalid(name, problem));
    }
    let fields = columns.iter().zip(declared.fields()).map(|(column, field)| {
        let own = column.data_type.clone().unwrap_or_else(|| field.data_type().clone());
        Field::new(&column.name, own, !column.not_null)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let values = schema
        .fields()
        .iter()
        .map(|field| format!("arrow_cast(NULL, {}) AS {}", literal(&field.data_type().to_string()), identifier(field.name())));
    let values = values.collect::<Vec<_>>().join(", ");
    Ok((format!("CREATE TABLE {} AS SELECT {values} WHERE false", quoted(name, context)), schema))
}

/// True for types whose SQL name maps back to the same type.
fn has_name(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond | TimeUnit::Microsecond, None) => true,
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => true,
        DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Date32 | DataType::Boolean | DataType::Float32 => true,
        DataType::Time64(TimeUnit::Nanosecond) | DataType::Float64 => true,
        other => other.is_integer() || other.is_string(),
    }
}

/// The query of the rows of the altered table.
fn rows(from: &str, columns: &[Column], declared: &SchemaRef) -> String {
    let values = columns.iter().zip(declared.fields()).map(|(column, field)| {
        let of_type = literal(&field.data_type().to_string());
        format!("arrow_cast({}, {of_type}) AS {}", column.values, identifier(&column.name))
    });
    format!("SELECT {} FROM {from}", values.collect::<Vec<_>>().join(", "))
}

/// Fails for a default that cannot be cast to its column's type.
async fn check_defaults(name: &str, columns: &[Column], context: &StatementContext) -> Result<()> {
    for column in columns {
        // The number of a counter always fits, and is given once.
        let Some(default) = column.default.as_ref().filter(|_| column.numbered.is_none()) else { continue };
        let value = format!("SELECT CAST({default} AS {})", column.declared);
        let value = async {
            let planned = plan(&parser::parse_composed(&value, context.session())?, context).await?;
            // A counter gives each number once, so trying the default would lose one.
            if counts(&planned)? {
                return Ok(vec![]);
            }
            DataFrame::new(context.state(), planned).collect().await
        };
        if let Err(error) = value.await {
            let problem = format!("the default of column {} does not fit: {}; SET DEFAULT another", column.name, message(&error));
            return Err(coded(SqlState::DATATYPE_MISMATCH, name, problem));
        }
    }
    Ok(())
}

/// True for a query that asks a counter.
fn counts(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.each_plan(|node| {
        node.each_expression(|expression| {
            let is_call = |part: &Expr| Ok(matches!(part, Expr::ScalarFunction(call) if OF_COUNTERS.contains(&call.name())));
            found |= expression.any_part(is_call)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

async fn check(name: &str, checks: &[Check], context: &StatementContext) -> Result<()> {
    for (question, wrong) in checks {
        let planned = plan(&parser::parse_composed(question, context.session())?, context).await.map_err(|error| {
            invalid(name, format!("the types do not fit: {}; write USING with what the values become", message(&error)))
        })?;
        let answer = DataFrame::new(context.state(), planned).collect().await?;
        if let Some(batch) = answer.iter().find(|batch| batch.num_rows() > 0) {
            let value = array_value_to_string(batch.column(0), 0)?;
            return Err(wrong(&value));
        }
    }
    Ok(())
}

/// A table of the session as an object without a version, to find what uses it.
pub fn of_session(name: &str) -> Object {
    Object {
        id: 0,
        kind: "table".into(),
        profile: String::new(),
        name: name.into(),
        version: 0,
        sql: String::new(),
        base: String::new(),
        author: String::new(),
        owner: String::new(),
        created_at: String::new(),
        comments: BTreeMap::new(),
        classes: BTreeMap::new(),
    }
}

/// Renames a table or view.
async fn rename(name: &str, new: &Ident, if_exists: bool, context: &StatementContext) -> Result<Vec<String>> {
    // The new name is in the same schema.
    let new = match parts(name, context) {
        (Some(schema), _) => member(schema, &normal(new)),
        _ => normal(new),
    };
    if let Some(table) = context.tables().temporary(name) {
        refuse_taken(&new, context)?;
        // A view of a session is made again as easily as its table, unless something else reads it.
        let users = users_beyond_views(&of_session(name), context)?;
        if !users.is_empty() {
            let problem = format!("is used by {}; change them first", listed(&users, context)?);
            return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
        }
        let (comments, classes) = (context.tables().comments(name), context.tables().held(name));
        let (on_commit, sources) = (context.tables().on_commit(name), context.tables().sources(name));
        let (maker, constraints) = (context.tables().maker(name), context.tables().constraints(name));
        context.tables().remove_temporary(name);
        context.tables().set_on_commit(new.clone(), on_commit);
        context.tables().set_comments(&new, comments);
        context.tables().set_held(&new, classes);
        context.tables().set_sources(&new, sources);
        context.tables().set_maker(&new, maker);
        context.tables().set_constraints(&new, constraints);
        context.tables().add_temporary(new, table);
        return Ok(vec![]);
    }
    let Some(object) = found(name, if_exists, context)? else { return Ok(vec![]) };
    context.check_owns(&object)?;
    check_name(&Object { name: new.clone(), ..object.clone() })?;
    refuse_taken(&new, context)?;
    let users = users(&object, context)?;
    if !users.is_empty() {
        let problem = format!("is used by {}; change them first", listed(&users, context)?);
        return Err(coded(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, name, problem));
    }
    let options = context.session().config_options();
    let sql = match object.kind.as_str() {
        "table" => {
            let table = Table.open(&object, When::Now, context).await?;
            let columns = columns(table.as_ref(), Some(&object), context)?;
            let constraints = table::written_constraints(&object, context)?;
            definition(&new, &columns, &constraints, true, &context.making(&new)).await?.0
        }
        "view" => view::renamed(&object, &new, context)?,
        other => {
            let problem =
                format!("is {}, which stands for files; CREATE EXTERNAL TABLE {new} and DROP this", with_article(other));
            return Err(invalid(name, problem));
        }
    };
    let renamed = Object { name: new.clone(), version: object.version + 1, sql, author: context.role().into(), ..object.clone() };
    // The locks are taken in a fixed order, so that two opposite renames cannot deadlock.
    let (first, second) = if *name < *new { (name, new.as_str()) } else { (new.as_str(), name) };
    let _first = context.catalog().lock(SnapshotOf::Table, first, "ALTER TABLE", options).await?;
    let _second = context.catalog().lock(SnapshotOf::Table, second, "ALTER TABLE", options).await?;
    let seen = Some(context.view().stamp()?);
    unless_moved(context.catalog().rename(&object, &renamed, seen), context)?;
    context.tables().let_go();
    Ok(vec![])
}

fn refuse_taken(name: &str, context: &StatementContext) -> Result<()> {
    if name.is_empty() {
        return Err(invalid("table", "a name must not be empty, got \"\""));
    }
    let objects = context.all_objects()?;
    let is_it = |object: &Object| object.name == name && NAMESPACE.contains(&object.kind.as_str());
    let is_taken = objects.iter().any(is_it) || context.tables().temporary(name).is_some();
    if is_taken {
        return Err(coded(SqlState::DUPLICATE_TABLE, name, "exists already; choose another name, or DROP it first"));
    }
    Ok(())
}
