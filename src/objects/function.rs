//! `FUNCTION`: a query with parameters, called in FROM.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType as ArrowType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::{DataType, Expr, Query, Statement as SqlStatement, Value};

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::values::{given, number, text};
use crate::adapter::definitions::StoredFunction;
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, advised, coded, invalid, message_without_place};
use crate::functions;
use crate::refresh::literals::coerced;
use crate::sql::command::{Grammar, Parameter};
use crate::sql::macros;
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;

static DOC: Doc = Doc {
    name: "CREATE FUNCTION",
    summary: "Gives a query with parameters a name, to be called in FROM.",
    syntax: "CREATE [OR REPLACE] FUNCTION [IF NOT EXISTS] name([parameter type [DEFAULT constant], …])
[WITH ([comment = '…'], [owner = '…'])]
AS query",
    description: "\
A parameter is written `$name` in the query. A call gives it a constant, by position or by name: `name(1)`, `name(parameter => 1)`. A parameter with a
DEFAULT may be left out. The query is planned when the function is created, and again at each call, as if it were written there: filters
and projections reach its tables.

A function may call other functions. It cannot have the name of a built-in function. A function that a view, profile, tag or other function calls
cannot be dropped, and a replacement that would break one of them is refused. `system.functions` lists it with all others, and `DESCRIBE FUNCTION`
shows its definition.

**Cost.** Nothing is stored; a call costs what its query costs.

**Elsewhere.** A table macro in DuckDB (`CREATE MACRO … AS TABLE`), where a parameter has no `$` and no type; in PostgreSQL
`CREATE FUNCTION … RETURNS TABLE … LANGUAGE sql`.",
    arguments: &[
        Argument::optional("comment", Takes::Text, "", "what it is"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE FUNCTION best_customers(most BIGINT DEFAULT 10, since DATE DEFAULT DATE '2020-01-01') AS
SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 1000)
WHERE status = 'paid' AND ordered_at >= $since
GROUP BY customer_id ORDER BY revenue DESC, customer_id LIMIT $most;
SELECT * FROM best_customers(3, since => DATE '2025-01-01');"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct Function;

impl Grammar for Function {
    fn word(&self) -> &'static str {
        "function"
    }

    fn takes_parameters(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 8] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "parameters", data_type: "VARCHAR", text: "its parameters with their types and defaults" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "its description, from the definition" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created this version" },
];

impl Kind for Function {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        definition.query().map(Uses::of).unwrap_or_default()
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.functions.contains(&object.name)
    }

    fn check_name(&self, new: &Object, context: &StatementContext) -> Result<()> {
        let built_in = !functions::page(&new.name).name.is_empty() || context.session().table_functions().contains_key(&new.name);
        if built_in {
            let problem = "a function of this name is part of Portrait; choose another name";
            return Err(coded(SqlState::DUPLICATE_OBJECT, &new.label(), problem));
        }
        if new.name != new.name.to_lowercase() {
            return Err(invalid(&new.label(), "the name of a function must be in lower case, because calls ignore case"));
        }
        Ok(())
    }

    fn explain_missing(&self, name: &str) -> Option<&'static str> {
        let built_in = !functions::page(name).name.is_empty();
        built_in.then_some("is part of Portrait, not made by CREATE FUNCTION; \\h shows its page")
    }

    /// Plans the query with a value for every parameter: its default, or a sample value of its type.
    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            definition.constants(None)?;
            let inside = context.entering(&format!("{}()", object.name), &object.owner)?;
            let stored = stored(&definition)?;
            let mut values = BTreeMap::new();
            for parameter in &stored.parameters {
                let value = match &parameter.default {
                    Some(default) => default.clone(),
                    None => any_of(&parameter.data_type, &object.label(), context)?,
                };
                values.insert(parameter.name.clone(), value);
            }
            let query = macros::with_arguments(stored, &values);
            let parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(query)));
            let planned = plan(&parsed, &inside).await.map_err(|error| without_sign(error, values.keys()))?;
            coerced(planned, &object.label(), &inside)?;
            Ok(vec![])
        })
    }

    fn describe(&self, definition: &Definition, _context: &StatementContext) -> Result<Vec<(String, String)>> {
        Ok(vec![("parameters".into(), parameters(definition))])
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], _context: &StatementContext) -> Result<Values> {
        let of = |get: fn(&Definition) -> &str| text(definitions.iter().map(move |definition| given(get(definition))));
        Ok(vec![
            of(|definition| &definition.object.name),
            text(definitions.iter().map(|definition| Some(parameters(definition)))),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|definition| definition.comment()),
            of(|definition| definition.text("owner")),
            of(|definition| &definition.object.author),
            of(|definition| &definition.object.created_at),
            of(|definition| &definition.object.sql),
        ])
    }

    /// `system.functions` is already the table of all functions.
    fn system_table(&self) -> &'static str {
        "stored_functions"
    }

    fn listed(&self) -> &'static str {
        "The functions made with CREATE FUNCTION."
    }

    fn shown(&self) -> &'static str {
        "SELECT name, kind, domain, summary FROM system.functions ORDER BY name"
    }
}

/// The error for a query with an argument without its `$`, which then looks like a column.
fn without_sign<'a>(error: DataFusionError, mut names: impl Iterator<Item = &'a String>) -> DataFusionError {
    // The place that the planner knows is kept.
    if let DataFusionError::Diagnostic(diagnostic, inner) = error {
        return DataFusionError::Diagnostic(diagnostic, Box::new(without_sign(*inner, names)));
    }
    let said = message_without_place(&error);
    let is_meant =
        |name: &&String| said.ends_with(&format!(", got {name}")) || said.starts_with(&format!("{name}: no such column"));
    match names.find(is_meant) {
        Some(name) => advised(&error, &format!("write ${name} for the argument of the function")),
        None => error,
    }
}

/// The parameters, as declared.
pub fn parameters(definition: &Definition) -> String {
    let one = |parameter: &Parameter| match &parameter.default {
        Some(default) => format!("{} {} DEFAULT {default}", parameter.name, parameter.data_type),
        None => format!("{} {}", parameter.name, parameter.data_type),
    };
    definition.parameters.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The definition for the expansion of calls.
///
/// # Errors
/// The definition is not a query.
pub fn stored(definition: &Definition) -> Result<StoredFunction> {
    let query: &Query = definition.query()?;
    Ok(StoredFunction {
        name: definition.object.name.clone(),
        parameters: definition.parameters.clone(),
        query: Box::new(query.clone()),
    })
}

/// A sample value of a type, to plan with.
fn any_of(data_type: &DataType, label: &str, context: &StatementContext) -> Result<Expr> {
    let typed = format!("CAST(NULL AS {data_type})");
    let planned = context.session().create_logical_expr(&typed, &datafusion::common::DFSchema::empty());
    let planned = planned.map_err(|_| invalid(label, format!("{data_type} is not a valid parameter type")))?;
    let (_, field) = datafusion::logical_expr::ExprSchemable::to_field(&planned, &datafusion::common::DFSchema::empty())?;
    let plain = match field.data_type() {
        numeric if numeric.is_numeric() => Value::Number("1".into(), false),
        ArrowType::Boolean => Value::Boolean(true),
        ArrowType::Date32 | ArrowType::Date64 | ArrowType::Timestamp(..) => Value::SingleQuotedString("2000-01-01".into()),
        ArrowType::Interval(_) => Value::SingleQuotedString("1 day".into()),
        _ => Value::SingleQuotedString(String::new()),
    };
    Ok(Expr::Value(plain.into()))
}
