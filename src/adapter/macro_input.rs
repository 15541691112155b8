//! What a [table macro](super::table_macro) asks about its input: its columns, and the types of the expressions in a call.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::common::Result;
use sqlparser::ast::{Expr, Ident};

use super::arguments::check_role;
use super::relation::Role;
use super::table_macro::{MacroCall, Relation};
use crate::docs::Takes;
use crate::error::invalid;
use crate::text::as_sql;

/// The query whose columns tell those of the input, and the types of expressions over it.
pub fn question(input: &Relation, expressions: &[&Expr]) -> String {
    let asked =
        expressions.iter().enumerate().map(|(number, expression)| format!(", {} AS \"asked {number}\"", as_sql(*expression)));
    format!("SELECT {}.*{} FROM {input}", input.alias, asked.collect::<String>())
}

/// The answer to a [`question`]; empty when the input reads a CTE of the query around the call, whose columns nobody knows yet.
#[derive(Debug, Default)]
pub struct Known {
    columns: Vec<FieldRef>,
    asked: Vec<FieldRef>,
}

impl Known {
    /// What the columns say of a question about this many expressions.
    pub fn of(call: &MacroCall, expressions: usize) -> Self {
        let Some(schema) = &call.columns else { return Self::default() };
        let mut columns: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        let asked = columns.split_off(columns.len().saturating_sub(expressions));
        Self { columns, asked }
    }

    /// The field of an expression.
    pub fn asked(&self, number: usize) -> Option<&FieldRef> {
        self.asked.get(number)
    }

    /// A column of the input.
    pub fn column(&self, name: &str) -> Option<&FieldRef> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// The names of the input's columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name().as_str())
    }

    /// False when nothing is known of the input.
    pub fn is_known(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Checks the type of an expression that plays a role.
    pub fn check(&self, call: &MacroCall, role: &'static str, takes: Takes, number: usize, expression: &Expr) -> Result<()> {
        let Some(field) = self.asked(number) else { return Ok(()) };
        let field = Arc::new(Field::new(role, field.data_type().clone(), true));
        check_role(call.doc, takes, &Role { name: role, column: name_of(expression), field })
    }

    /// Fails when the input has a column with the name of one that the result adds.
    pub fn check_free(&self, call: &MacroCall, added: &[&str]) -> Result<()> {
        match added.iter().find(|name| self.column(name).is_some()) {
            None => Ok(()),
            Some(name) => {
                let problem =
                    format!("the input's column \"{name}\" has the name of a result column; rename it in (SELECT … AS …)");
                Err(invalid(call.doc.name, problem))
            }
        }
    }
}

/// The name of a column as the catalog knows it; `None` of other expressions.
pub fn column_name(expression: &Expr) -> Option<String> {
    let name = match expression {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        _ => return None,
    };
    Some(plain(name))
}

/// A name without quotes; without any, in lower case.
pub fn plain(name: &Ident) -> String {
    if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() }
}

/// What an expression is called in errors and results.
pub fn name_of(expression: &Expr) -> String {
    column_name(expression).unwrap_or_else(|| as_sql(expression))
}

/// The expression of a required argument.
pub fn required<'a>(call: &'a MacroCall, argument: &str) -> Result<&'a Expr> {
    call.expression(argument).ok_or_else(|| invalid(call.doc.name, format!("{argument} is missing; write {argument} => …")))
}
