//! Named arguments of scalar and aggregate functions: `clean_phone(phone, country => 'US')` becomes `clean_phone(phone, 'US')`.
//!
//! This applies only to functions that have a documentation page here. An omitted argument between others gets its default from the page.
//! A table argument becomes a scalar subquery over it (see [`given_table`](crate::adapter::given_table)).

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, ObjectNamePart,
};

use twox_hash::XxHash64;

use crate::adapter::arguments::find;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::functions;
use crate::sql::parser::parse_expression;
use crate::sql::relation::split;
use crate::text::identifier;

static PAGES: LazyLock<HashMap<&'static str, &'static Doc>> = LazyLock::new(|| {
    let pages = functions::all().iter().flat_map(functions_of_values);
    pages.map(|doc| (doc.name, doc)).collect()
});

fn functions_of_values(set: &'static crate::adapter::FunctionSet) -> impl Iterator<Item = &'static Doc> {
    set.docs().into_iter().filter(|doc| matches!(doc.kind, Kind::Scalar | Kind::Aggregate))
}

fn page_of(function: &Function) -> Option<&'static Doc> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => PAGES.get(name.value.to_lowercase().as_str()).copied(),
        _ => None,
    }
}

/// Puts the arguments of a call in the order of the page, and replaces tables by subqueries.
///
/// # Errors
/// A name that is not on the page, an argument given twice, or a missing one.
pub fn place(expression: &mut Expr) -> Result<()> {
    let Expr::Function(function) = expression else { return Ok(()) };
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    let Some(doc) = page_of(function).filter(|_| !list.args.is_empty()) else { return Ok(()) };
    let is_named = list.args.iter().any(|argument| !matches!(argument, FunctionArg::Unnamed(_)));
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    if let Some(meant) = list.args.iter().find(|argument| is_meant_as_named(argument, doc)) {
        // Fails with an error that says how to write it.
        split(doc, meant.clone())?;
    }
    if is_named {
        place_named(doc, list)?;
    }
    let takes_table = |argument: &Argument| matches!(argument.takes, Takes::Table(_));
    if !doc.arguments.iter().any(takes_table) {
        return Ok(());
    }
    if let Some(missing) = doc.arguments.iter().skip(list.args.len()).find(|argument| argument.default.is_none()) {
        return Err(invalid(doc.name, format!("{} is missing; write {}", missing.name, doc.syntax())));
    }
    let call = format!("{}({list})", doc.name);
    for (argument, given) in doc.arguments.iter().zip(&mut list.args) {
        if let (Takes::Table(columns), FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = (argument.takes, given)
            && let Some(rows) = rows_of(value, columns, &call)
        {
            *value = parse_expression(&rows)?;
        }
    }
    Ok(())
}

/// True for `country = 'US'` where `country` is an option: it is a misspelt named argument, not a comparison.
fn is_meant_as_named(argument: &FunctionArg, doc: &Doc) -> bool {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, .. })) => match left.as_ref() {
            Expr::Identifier(name) => doc.argument(&name.value.to_lowercase()).is_some_and(|argument| argument.takes.is_option()),
            _ => false,
        },
        _ => false,
    }
}

/// The rows of a table as a scalar subquery; `None` when the argument is a list rather than a table.
///
/// Common subexpression elimination would compute a shared subquery once as a column, which holds the whole list in every row. So the
/// subqueries of different calls use different table names; equal calls are still equal as a whole.
fn rows_of(value: &Expr, columns: &[&str], call: &str) -> Option<String> {
    let table = match value {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => value.to_string(),
        Expr::Subquery(query) => format!("({query})"),
        _ => return None,
    };
    let row = match columns {
        [only] => identifier(only),
        columns => {
            let fields: Vec<String> = columns.iter().map(|column| format!("'{column}', {}", identifier(column))).collect();
            format!("named_struct({})", fields.join(", "))
        }
    };
    Some(format!("(SELECT array_agg({row}) FROM {table} AS given_{:x})", XxHash64::oneshot(0, call.as_bytes())))
}

fn too_many(doc: &Doc) -> String {
    match doc.arguments.len() {
        1 => format!("takes 1 argument; write {}", doc.syntax()),
        count => format!("takes {count} arguments; write {}", doc.syntax()),
    }
}

fn place_named(doc: &'static Doc, list: &mut FunctionArgumentList) -> Result<()> {
    let mut places: Vec<Option<Expr>> = vec![None; doc.arguments.len()];
    let mut named = false;
    for (position, argument) in std::mem::take(&mut list.args).into_iter().enumerate() {
        let (name, value) = split(doc, argument)?;
        let place = match &name {
            None if named => {
                return Err(invalid(doc.name, format!("{value} comes after named arguments; name it too: {}", doc.syntax())));
            }
            None if position < places.len() => position,
            None => return Err(invalid(doc.name, too_many(doc))),
            Some(name) => {
                named = true;
                let wanted = find(doc, name)?.name;
                doc.arguments.iter().position(|argument| argument.name == wanted).unwrap_or_default()
            }
        };
        let given = doc.arguments.get(place).map_or("", |argument| argument.name);
        match places.get_mut(place) {
            Some(free @ None) => *free = Some(value),
            _ => return Err(invalid(doc.name, format!("{given} is given twice"))),
        }
    }
    let last = places.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    for (argument, given) in doc.arguments.iter().zip(places).take(last) {
        let value = match (given, argument.default) {
            (Some(value), _) => value,
            (None, None) => return Err(invalid(doc.name, format!("{} is missing; write {}", argument.name, doc.syntax()))),
            (None, Some("")) => parse_expression("NULL")?,
            (None, Some(default)) => parse_expression(default)?,
        };
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(value)));
    }
    Ok(())
}
