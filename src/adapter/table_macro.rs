//! Table macros: functions in FROM that are replaced by a query written in SQL.
//!
//! A [relation function](super::relation) returns a plan; a macro returns the text of a query, which replaces the call before
//! DataFusion looks up tables. The query may itself use relation functions and macros. So a macro is right for what SQL can
//! express, once the question is known: the rules of a tag, a profile by its name.
//!
//! Arguments are matched against the macro's [`Doc`], by position or by name. What is accepted depends on what the argument
//! [takes](crate::docs::Takes): a *name* (`customer`, `"customer"` and `'customer'` are the same), a *query* (`(SELECT …)`),
//! an *option* (a constant, checked like those of relation functions), a *relation* (a table, a call or a query), or an
//! *expression*, kept as it was parsed.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use sqlparser::ast::{Expr, Ident, ObjectNamePart, Query};

use super::arguments::Options;
use super::definitions::Definitions;
use crate::docs::Doc;
use crate::error::{invalid, raw};
use crate::text::{as_sql, without_marks};

/// A function in FROM that is replaced by a query.
pub trait TableMacro: Debug + Send + Sync {
    /// Its page, from which its arguments are read; its kind is [`Kind::Relation`](crate::docs::Kind::Relation), because users
    /// need not distinguish the two.
    fn doc(&self) -> &'static Doc;

    /// A query whose columns [`expand`](Self::expand) needs to know. It is planned, not run; the answer is [`MacroCall::columns`].
    ///
    /// # Errors
    /// What is wrong with the call.
    fn asks(&self, _call: &MacroCall, _definitions: &dyn Definitions) -> Result<Option<String>> {
        Ok(None)
    }

    /// The query that replaces the call.
    ///
    /// # Errors
    /// What is wrong with the call.
    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String>;
}

/// The value given for an argument.
#[derive(Debug, Clone)]
pub enum Given {
    /// The name of an object, as stored in the catalog.
    Name(String),
    /// A query.
    Query(Box<Query>),
    /// Anything else, as it was parsed.
    Expression(Box<Expr>),
}

/// A relation that a call was given, as SQL.
#[derive(Debug, Clone)]
pub struct Relation {
    /// What is written in FROM: a name, a call or a query in parentheses.
    sql: String,
    /// The qualifier of its columns: the table's own name if it has one.
    pub alias: String,
}

impl fmt::Display for Relation {
    /// As it is written in FROM.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} AS {}", self.sql, self.alias)
    }
}

/// The elements of a list of [calls](crate::docs::Takes::Calls), with names as written; a single expression is a list of one.
pub fn calls(list: &Expr) -> Vec<Expr> {
    let mut elements = match list {
        Expr::Array(list) => list.elem.clone(),
        other => vec![other.clone()],
    };
    for element in &mut elements {
        if let Expr::Function(call) = element
            && let [ObjectNamePart::Identifier(name)] = call.name.0.as_mut_slice()
        {
            *name = Ident::new(without_marks(&name.value));
        }
    }
    elements
}

/// A call of a macro, its arguments checked against the page.
#[derive(Debug, Clone)]
pub struct MacroCall {
    /// The macro's page.
    pub doc: &'static Doc,
    /// The given values, by the names of the arguments, without the options.
    pub given: Vec<(&'static str, Given)>,
    /// The options given, checked, and the defaults of the others.
    pub options: Options,
    /// The columns of the query that the macro [asked](TableMacro::asks) about; `None` if it did not ask, or if the query
    /// cannot be planned alone because it reads a CTE of the query around the call.
    pub columns: Option<SchemaRef>,
    /// Why that query cannot be planned alone.
    pub problem: Option<Arc<DataFusionError>>,
}

impl MacroCall {
    /// The table that the query which the macro asked about reads, if that is why it cannot be planned alone. It may be a CTE of the query
    /// around the call.
    pub fn missing_table(&self) -> Option<String> {
        let text = raw(self.problem.as_deref()?);
        let (_, name) = text.strip_prefix("table '")?.strip_suffix("' not found")?.split_once('.')?;
        Some(name.strip_prefix("public.").unwrap_or(name).to_string())
    }

    fn get(&self, argument: &str) -> Option<&Given> {
        self.given.iter().find(|(name, _)| *name == argument).map(|(_, given)| given)
    }

    /// The name given for an argument that takes one.
    pub fn name(&self, argument: &str) -> Option<&str> {
        match self.get(argument)? {
            Given::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The name given for an argument that takes one, or an error that it is missing.
    pub fn required_name(&self, argument: &str) -> Result<&str> {
        self.name(argument).ok_or_else(|| invalid(self.doc.name, format!("{argument} is missing; write {argument} => …")))
    }

    /// The query given to an argument that takes one.
    pub fn query(&self, argument: &str) -> Option<&Query> {
        match self.get(argument)? {
            Given::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The relation given to an argument that takes one.
    ///
    /// # Errors
    /// There is none.
    pub fn relation(&self, argument: &str) -> Result<Relation> {
        let expression =
            self.expression(argument).ok_or_else(|| invalid(self.doc.name, format!("needs a relation for {argument}")))?;
        let sql = match expression {
            // On separate lines, because it may end with a comment.
            Expr::Subquery(query) => format!("(\n{}\n)", as_sql(query)),
            other => as_sql(other),
        };
        let name = match expression {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        let alias = name.map_or_else(|| argument.to_string(), |name| as_sql(&Expr::Identifier(name.clone())));
        Ok(Relation { sql, alias })
    }

    /// The expression given to an argument that takes one.
    pub fn expression(&self, argument: &str) -> Option<&Expr> {
        match self.get(argument)? {
            Given::Expression(expression) => Some(expression),
            _ => None,
        }
    }
}
