//! A definition as of a time: `$as_of` and its own constants get their values, and no source gives rows of a later time.
//!
//! A profile names the time columns of its sources, `time_columns = 'orders.ordered_at'`. Wherever one of its definitions reads
//! such a table, `FROM orders` becomes `FROM (SELECT * FROM orders WHERE ordered_at <= $as_of) AS orders`; views that read
//! such a table are opened and treated likewise. What is computed so can use nothing later, however it is written.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    CastKind, DataType, Expr, Ident, Query, Statement as SqlStatement, TableAlias, TableFactor, TimezoneInfo, Value, Visit,
    VisitMut, VisitorMut,
};

use super::definition::AS_OF;
use crate::error::invalid;
use crate::sql::command::normal;
use crate::sql::parser;
use crate::sql::parser::{Parsed, parse_query};
use crate::sql::references::tables_in;
use crate::statement::StatementContext;
use crate::text::timestamp;

/// What definitions are read with.
pub struct Pin<'a> {
    pub context: &'a StatementContext,
    /// Table and column.
    pub time_columns: &'a [(String, String)],
    /// Microseconds since 1970.
    pub as_of: i64,
}

impl Pin<'_> {
    /// Pins a part of a definition in its place.
    ///
    /// # Errors
    /// A CTE has the name of a table with a time column, or a view goes in circles.
    pub fn pin(&self, subject: &str, part: &mut (impl VisitMut + Visit), parameters: &BTreeMap<String, Expr>) -> Result<()> {
        self.pin_within(subject, part, parameters, &[])
    }

    fn pin_within(
        &self,
        subject: &str,
        part: &mut (impl VisitMut + Visit),
        parameters: &BTreeMap<String, Expr>,
        views: &[String],
    ) -> Result<()> {
        let mut pinning = Pinning { pin: self, subject, parameters, views };
        match part.visit(&mut pinning) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// `TIMESTAMP '…'`
    fn moment(&self) -> Expr {
        let text = timestamp(self.as_of);
        Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Value(Value::SingleQuotedString(text).into())),
            data_type: DataType::Timestamp(None, TimezoneInfo::None),
            array: false,
            format: None,
        }
    }

    /// The query of a view that reads, itself or through others, a table with a time column.
    fn timed_view(&self, name: &str, views: &[String]) -> Result<Option<Box<Query>>> {
        let objects = self.context.objects()?;
        let Some(definition) = objects.iter().find(|object| object.kind == "view" && object.name == name) else {
            return Ok(None);
        };
        if views.iter().any(|view| view == name) {
            return Err(invalid(name, "the view refers to itself"));
        }
        let statement = parser::parse(&definition.sql, self.context.session(), &[])?.pop();
        let Some(Parsed::Sql(parsed)) = statement.map(|statement| statement.parsed) else { return Ok(None) };
        let SqlParsed::Statement(statement) = *parsed else { return Ok(None) };
        let SqlStatement::CreateView(view) = *statement else { return Ok(None) };
        let mut views = views.to_vec();
        views.push(name.to_string());
        let is_timed = |table: &Vec<String>| -> Result<bool> {
            let Some(table) = own_table(table) else { return Ok(false) };
            Ok(self.time_column(table).is_some() || self.timed_view(table, &views)?.is_some())
        };
        let mut timed = false;
        for table in tables_in(&view.query) {
            timed = timed || is_timed(&table)?;
        }
        if !timed || !view.columns.is_empty() {
            return Ok(None);
        }
        let mut query = view.query;
        self.pin_within(name, query.as_mut(), &BTreeMap::new(), &views)?;
        Ok(Some(query))
    }

    fn time_column(&self, table: &str) -> Option<&str> {
        self.time_columns.iter().find(|(timed, _)| timed == table).map(|(_, column)| column.as_str())
    }
}

/// The name of a table in the schema where tables without a schema are looked for.
fn own_table(parts: &[String]) -> Option<&str> {
    match parts {
        [name] => Some(name),
        [schema, name] if schema == "public" => Some(name),
        [_, schema, name] if schema == "public" => Some(name),
        _ => None,
    }
}

struct Pinning<'a> {
    pin: &'a Pin<'a>,
    subject: &'a str,
    parameters: &'a BTreeMap<String, Expr>,
    views: &'a [String],
}

impl Pinning<'_> {
    fn pin_table(&self, factor: &mut TableFactor) -> Result<()> {
        let TableFactor::Table { name, alias, args: None, version: None, .. } = factor else { return Ok(()) };
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
        let Some(table) = own_table(&parts) else { return Ok(()) };
        let query = match self.pin.time_column(table) {
            Some(column) => {
                let column = Ident::with_quote('"', column);
                let query = format!("SELECT * FROM {name} WHERE {column} <= {}", self.pin.moment());
                Some(parse_query(&query, self.pin.context.session())?)
            }
            None => self.pin.timed_view(table, self.views)?,
        };
        let Some(query) = query else { return Ok(()) };
        let alias = alias.take().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', table),
            columns: vec![],
            at: None,
        });
        *factor = TableFactor::Derived { lateral: false, subquery: query, alias: Some(alias), sample: None };
        Ok(())
    }
}

impl VisitorMut for Pinning<'_> {
    type Break = DataFusionError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<DataFusionError> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = normal(&cte.alias.name);
            if self.pin.time_column(&name).is_some() {
                let problem = format!("the CTE \"{name}\" has the name of a table with a time column; name it otherwise");
                return ControlFlow::Break(invalid(self.subject, problem));
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<DataFusionError> {
        match self.pin_table(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<DataFusionError> {
        if let Expr::Value(value) = expression
            && let Value::Placeholder(name) = &value.value
        {
            let name = name.trim_start_matches('$');
            if name == AS_OF {
                *expression = self.pin.moment();
            } else if let Some(constant) = self.parameters.get(name) {
                *expression = constant.clone();
            }
        }
        ControlFlow::Continue(())
    }
}
