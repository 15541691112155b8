//! What the rows of a table must satisfy: PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY.
//!
//! A constraint can be written beside its column or after all columns, with a name or without. All are written in the second form, with the
//! name that PostgreSQL would give them, so that a definition always says the same in the same words:
//!
//! | written | rewritten to |
//! |---|---|
//! | `id INT PRIMARY KEY` | `id INT NOT NULL, CONSTRAINT t_pkey PRIMARY KEY (id)` |
//! | `code TEXT UNIQUE` | `code TEXT, CONSTRAINT t_code_key UNIQUE (code)` |
//! | `age INT CHECK (age > 0)` | `age INT, CONSTRAINT t_age_check CHECK (age > 0)` |
//! | `city INT REFERENCES c` | `city INT, CONSTRAINT t_city_fkey FOREIGN KEY (city) REFERENCES c(id)` |
//! | `note JSON` | `note VARCHAR, CONSTRAINT t_note_check CHECK (json_valid(note))` |
//! | `note JSONB` | `note VARCHAR, CONSTRAINT t_note_check CHECK (json_valid(note) IS NOT FALSE)` |
//!
//! There are no types for JSON and UUID: their columns are strings of which every one is valid. Clients of PostgreSQL are told the type; so
//! the two kinds of JSON have conditions that differ, though they mean the same.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CheckConstraint, ColumnDef, ColumnOption, ColumnOptionDef, CreateTable, DataType, Expr,
    FunctionArg, FunctionArgExpr, FunctionArguments, Ident, IndexColumn, NullsDistinctOption, ObjectName, Statement,
    TableConstraint, Value,
};
use sqlparser::parser::Parser;

use super::foreign::Foreign;
use crate::error::{SqlState, coded};
use crate::sql::command::normal;
use crate::sql::dialect::PortraitDialect;
use crate::text::identifier;
use crate::walk::{Walk, WalkMut};

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub name: String,
    pub rule: Rule,
}

/// What a constraint says.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    PrimaryKey(Vec<String>),
    Unique { columns: Vec<String>, nulls_are_equal: bool },
    Check(Box<Expr>),
    Foreign(Foreign),
}

impl fmt::Display for Rule {
    /// As `pg_get_constraintdef` shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |columns: &[String]| columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
        match self {
            Self::PrimaryKey(columns) => write!(f, "PRIMARY KEY ({})", listed(columns)),
            Self::Unique { columns, nulls_are_equal: false } => write!(f, "UNIQUE ({})", listed(columns)),
            Self::Unique { columns, nulls_are_equal: true } => write!(f, "UNIQUE NULLS NOT DISTINCT ({})", listed(columns)),
            Self::Check(condition) => write!(f, "CHECK ({condition})"),
            Self::Foreign(foreign) => write!(f, "{foreign}"),
        }
    }
}

impl fmt::Display for Constraint {
    /// As it stands in CREATE TABLE.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CONSTRAINT {} {}", identifier(&self.name), self.rule)
    }
}

impl Rule {
    /// The columns of a key of the table; none for a condition, and for a key of another table.
    pub fn key(&self) -> &[String] {
        match self {
            Self::PrimaryKey(columns) | Self::Unique { columns, .. } => columns,
            Self::Check(_) | Self::Foreign(_) => &[],
        }
    }

    /// The columns that it speaks of.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Self::PrimaryKey(columns) | Self::Unique { columns, .. } => columns.clone(),
            Self::Check(condition) => named_in(condition).into_iter().collect(),
            Self::Foreign(foreign) => foreign.columns.clone(),
        }
    }

    /// The same rule for a table one of whose columns has another name.
    pub fn renamed(&mut self, old: &str, new: &str) {
        match self {
            Self::PrimaryKey(columns) | Self::Unique { columns, .. } | Self::Foreign(Foreign { columns, .. }) => {
                columns.iter_mut().filter(|name| name.as_str() == old).for_each(|name| *name = new.to_string());
            }
            Self::Check(condition) => {
                let _: ControlFlow<()> = condition.as_mut().each_expression_mut(|expression| {
                    match expression {
                        Expr::Identifier(name) if normal(name) == old => *name = Ident::with_quote('"', new),
                        Expr::CompoundIdentifier(names) => {
                            if let Some(name) = names.last_mut().filter(|name| normal(name) == old) {
                                *name = Ident::with_quote('"', new);
                            }
                        }
                        _ => {}
                    }
                    ControlFlow::Continue(())
                });
            }
        }
    }
}

/// Rewrites the constraints of CREATE TABLE.
pub fn table(table: &mut CreateTable) {
    let mut all = vec![];
    for column in &mut table.columns {
        take(column, &mut all);
    }
    all.append(&mut table.constraints);
    let mut taken = BTreeSet::new();
    for constraint in &mut all {
        name(constraint, &last(&table.name), &mut taken);
    }
    for column in all.iter().filter(|constraint| matches!(constraint, TableConstraint::PrimaryKey(_))).flat_map(key) {
        let found = table.columns.iter_mut().find(|own| normal(&own.name) == column);
        if let Some(own) = found.filter(|own| !is_not_null(own)) {
            own.options.retain(|option| !matches!(option.option, ColumnOption::Null));
            own.options.insert(0, ColumnOptionDef { name: None, option: ColumnOption::NotNull });
        }
    }
    table.constraints = all;
}

/// Rewrites the constraints beside the columns that ALTER TABLE adds, as constraints that it adds.
pub fn altered(alter: &mut AlterTable) {
    let operations = std::mem::take(&mut alter.operations);
    for mut operation in operations {
        let mut all = vec![];
        if let AlterTableOperation::AddColumn { column_def, .. } = &mut operation {
            take(column_def, &mut all);
        }
        alter.operations.push(operation);
        let added = all.into_iter().map(|constraint| AlterTableOperation::AddConstraint { constraint, not_valid: false });
        alter.operations.extend(added);
    }
}

/// The constraints of a rewritten CREATE TABLE.
///
/// # Errors
/// Two primary keys, two constraints of one name, or a column that the table does not have.
pub fn of(table: &CreateTable) -> Result<Vec<Constraint>> {
    let mut all: Vec<Constraint> = vec![];
    for written in &table.constraints {
        if let Some(constraint) = constraint(written) {
            add(&last(&table.name), &mut all, constraint)?;
        }
    }
    Ok(all)
}

/// The constraints of a temporary table, whose texts the session keeps.
///
/// # Errors
/// None for the texts of constraints.
pub fn read(table: &str, texts: &[String]) -> Result<Vec<Constraint>> {
    if texts.is_empty() {
        return Ok(vec![]);
    }
    let whole = format!("CREATE TABLE {} (portrait BIGINT, {})", identifier(table), texts.join(", "));
    let parsed = Parser::new(&PortraitDialect).try_with_sql(&whole).and_then(|mut parser| parser.parse_statement());
    match parsed.map_err(|error| DataFusionError::SQL(Box::new(error), None))? {
        Statement::CreateTable(table) => of(&table),
        _ => Ok(vec![]),
    }
}

/// Adds a constraint to those of a table.
///
/// # Errors
/// As [`of`].
pub fn add(table: &str, all: &mut Vec<Constraint>, new: Constraint) -> Result<()> {
    if all.iter().any(|other| other.name == new.name) {
        let problem = format!("has a constraint {} already; give the new one another name", identifier(&new.name));
        return Err(coded(SqlState::DUPLICATE_OBJECT, table, problem));
    }
    let is_primary = |constraint: &Constraint| matches!(constraint.rule, Rule::PrimaryKey(_));
    if is_primary(&new) && all.iter().any(is_primary) {
        let problem = "has a PRIMARY KEY already, and can have one; write UNIQUE for another key";
        return Err(coded(SqlState::INVALID_TABLE_DEFINITION, table, problem));
    }
    let key = new.rule.key();
    if let Some(twice) = key.iter().enumerate().find_map(|(place, name)| key[..place].contains(name).then_some(name)) {
        let problem = format!("the key {} names column {} twice; name it once", new.name, identifier(twice));
        return Err(coded(SqlState::DUPLICATE_COLUMN, table, problem));
    }
    all.push(new);
    Ok(())
}

/// A constraint that ALTER TABLE adds, with a name that the others do not have.
pub fn added(table: &str, written: &TableConstraint, others: &[Constraint]) -> Option<Constraint> {
    let mut written = written.clone();
    let mut taken = others.iter().map(|other| other.name.clone()).collect();
    name(&mut written, table, &mut taken);
    constraint(&written)
}

/// Removes the constraints of CREATE TABLE, which DataFusion is not to know.
pub fn remove(parsed: &mut SqlParsed) {
    match parsed {
        SqlParsed::Explain(explain) => remove(&mut explain.statement),
        SqlParsed::Statement(statement) => match statement.as_mut() {
            Statement::CreateTable(table) => table.constraints.clear(),
            Statement::Explain { statement, .. } => {
                if let Statement::CreateTable(table) = statement.as_mut() {
                    table.constraints.clear();
                }
            }
            _ => {}
        },
        SqlParsed::CopyTo(_) | SqlParsed::CreateExternalTable(_) | SqlParsed::Reset(_) => {}
    }
}

/// The constraint that is written, with its name; `None` for those that are refused.
fn constraint(written: &TableConstraint) -> Option<Constraint> {
    let (name, rule) = match written {
        TableConstraint::PrimaryKey(own) => (&own.name, Rule::PrimaryKey(key(written))),
        TableConstraint::Unique(own) => {
            let nulls_are_equal = own.nulls_distinct == NullsDistinctOption::NotDistinct;
            (&own.name, Rule::Unique { columns: key(written), nulls_are_equal })
        }
        TableConstraint::Check(own) => (&own.name, Rule::Check(own.expr.clone())),
        TableConstraint::ForeignKey(own) => (&own.name, Rule::Foreign(Foreign::of(own))),
        TableConstraint::Index(_)
        | TableConstraint::FulltextOrSpatial(_)
        | TableConstraint::PrimaryKeyUsingIndex(_)
        | TableConstraint::UniqueUsingIndex(_) => return None,
    };
    Some(Constraint { name: name.as_ref().map_or_else(String::new, normal), rule })
}

/// What a UUID looks like, as PostgreSQL shows it.
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

impl Constraint {
    /// The column whose strings it makes values of a type of PostgreSQL, with the name of that type.
    pub fn told(&self) -> Option<(String, &'static str)> {
        let Rule::Check(condition) = &self.rule else { return None };
        let (call, is_binary) = match condition.as_ref() {
            Expr::IsNotFalse(call) => (call.as_ref(), true),
            call => (call, false),
        };
        let Expr::Function(call) = call else { return None };
        let FunctionArguments::List(arguments) = &call.args else { return None };
        let value = |place: usize| match arguments.args.get(place) {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) => Some(value),
            _ => None,
        };
        let Some(Expr::Identifier(column)) = value(0) else { return None };
        let name = call.name.to_string();
        let of = match (name.as_str(), arguments.args.len(), is_binary) {
            ("json_valid", 1, false) => "json",
            ("json_valid", 1, true) => "jsonb",
            ("regexp_like", 2, false) => match value(1) {
                Some(Expr::Value(pattern)) if pattern.value == Value::SingleQuotedString(UUID.into()) => "uuid",
                _ => return None,
            },
            _ => return None,
        };
        Some((normal(column), of))
    }
}

/// The condition that checks strings of a type that does not exist here, such as JSON.
fn valid(data_type: &DataType, column: &Ident) -> Option<Expr> {
    let column = identifier(&normal(column));
    let condition = match data_type {
        DataType::JSON => format!("json_valid({column})"),
        DataType::JSONB => format!("json_valid({column}) IS NOT FALSE"),
        DataType::Uuid => format!("regexp_like({column}, '{UUID}')"),
        _ => return None,
    };
    Parser::new(&PortraitDialect).try_with_sql(&condition).and_then(|mut parser| parser.parse_expr()).ok()
}

/// Takes the constraints beside a column.
fn take(column: &mut ColumnDef, all: &mut Vec<TableConstraint>) {
    if let Some(condition) = valid(&column.data_type, &column.name) {
        column.data_type = DataType::Varchar(None);
        all.push(TableConstraint::Check(CheckConstraint { name: None, expr: Box::new(condition), enforced: None }));
    }
    let own = || vec![IndexColumn::from(column.name.clone())];
    let mut kept = vec![];
    for ColumnOptionDef { name, option } in std::mem::take(&mut column.options) {
        match option {
            ColumnOption::PrimaryKey(mut constraint) => {
                (constraint.name, constraint.columns) = (name.or(constraint.name), own());
                all.push(TableConstraint::PrimaryKey(constraint));
            }
            ColumnOption::Unique(mut constraint) => {
                (constraint.name, constraint.columns) = (name.or(constraint.name), own());
                all.push(TableConstraint::Unique(constraint));
            }
            ColumnOption::ForeignKey(mut constraint) => {
                (constraint.name, constraint.columns) = (name.or(constraint.name), vec![column.name.clone()]);
                all.push(TableConstraint::ForeignKey(constraint));
            }
            ColumnOption::Check(CheckConstraint { name: inner, expr, enforced }) => {
                all.push(TableConstraint::Check(CheckConstraint { name: name.or(inner), expr, enforced }));
            }
            option => kept.push(ColumnOptionDef { name, option }),
        }
    }
    column.options = kept;
}

/// Gives a constraint without a name the one that PostgreSQL would give it.
fn name(constraint: &mut TableConstraint, table: &str, taken: &mut BTreeSet<String>) {
    let columns = key(constraint);
    let (own, usual) = match constraint {
        TableConstraint::PrimaryKey(own) => (&mut own.name, format!("{table}_pkey")),
        TableConstraint::Unique(own) => (&mut own.name, format!("{table}_{}_key", columns.join("_"))),
        TableConstraint::Check(own) => {
            let mut of = named_in(&own.expr).into_iter();
            let usual = match (of.next(), of.next()) {
                (Some(column), None) => format!("{table}_{column}_check"),
                _ => format!("{table}_check"),
            };
            (&mut own.name, usual)
        }
        TableConstraint::ForeignKey(own) => {
            let columns: Vec<String> = own.columns.iter().map(normal).collect();
            (&mut own.name, format!("{table}_{}_fkey", columns.join("_")))
        }
        TableConstraint::Index(_)
        | TableConstraint::FulltextOrSpatial(_)
        | TableConstraint::PrimaryKeyUsingIndex(_)
        | TableConstraint::UniqueUsingIndex(_) => return,
    };
    let name = own.as_ref().map(normal).unwrap_or_else(|| {
        let numbered = (1_u32..).map(|number| format!("{usual}{number}"));
        std::iter::once(usual.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
    });
    taken.insert(name.clone());
    *own = Some(Ident::with_quote('"', name));
}

/// The columns of a key.
fn key(constraint: &TableConstraint) -> Vec<String> {
    let columns = match constraint {
        TableConstraint::PrimaryKey(own) => &own.columns,
        TableConstraint::Unique(own) => &own.columns,
        TableConstraint::Check(_)
        | TableConstraint::ForeignKey(_)
        | TableConstraint::Index(_)
        | TableConstraint::FulltextOrSpatial(_)
        | TableConstraint::PrimaryKeyUsingIndex(_)
        | TableConstraint::UniqueUsingIndex(_) => return vec![],
    };
    columns.iter().filter_map(plain).collect()
}

/// The column of a part of a key; `None` for an expression.
pub fn plain(part: &IndexColumn) -> Option<String> {
    match &part.column.expr {
        Expr::Identifier(name) => Some(normal(name)),
        _ => None,
    }
}

/// The names of columns in a condition.
fn named_in(condition: &Expr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let _: ControlFlow<()> = condition.each_expression(|expression| {
        match expression {
            Expr::Identifier(name) => {
                names.insert(normal(name));
            }
            Expr::CompoundIdentifier(parts) => names.extend(parts.last().map(normal)),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    names
}

fn is_not_null(column: &ColumnDef) -> bool {
    column.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull))
}

fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(normal).unwrap_or_default()
}
