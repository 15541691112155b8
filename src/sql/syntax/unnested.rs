//! Functions in FROM of other systems that give one row per element, as UNNEST of lists.
//!
//! | written | rewritten to |
//! |---|---|
//! | `json_array_elements_text(tags) AS tag` | `UNNEST(json_value_array(tags)) AS tag(value)` |
//! | `json_array_elements_text(tags) WITH ORDINALITY AS t(tag, n)` | `UNNEST(json_value_array(tags)) WITH ORDINALITY AS t(tag, n)` |
//! | `json_each(json) AS e` | `UNNEST(json_keys(json), json_query_array(json)) AS e(key, value)` |
//! | `regexp_split_to_table(text, ',') AS part` | `UNNEST(regexp_split_to_array(text, ',')) AS part(part)` |
//! | `LATERAL FLATTEN(INPUT => list) f` | `UNNEST(flattened_names(list), range(0, array_length(flattened(list))), flattened(list)) AS f(key, index, value)` |
//! | `TABLE(GENERATOR(ROWCOUNT => 5))`, with `seq4()` | `UNNEST(range(0, 5)) AS generator(seq4)`, with `seq4` |

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    TableAlias, TableAliasColumnDef, TableFactor, Value,
};

use super::arrows::ARROW;
use super::call_of;
use super::expression_macros::with;

/// A function: its name, the number of its arguments, the lists, and the names of the columns.
struct Unnested {
    name: &'static str,
    arguments: usize,
    lists: &'static [&'static str],
    /// Empty for one column that is named as the table.
    columns: &'static [&'static str],
}

const fn of(name: &'static str, arguments: usize, lists: &'static [&'static str], columns: &'static [&'static str]) -> Unnested {
    Unnested { name, arguments, lists, columns }
}

const ALL: [Unnested; 14] = [
    of("json_array_elements", 1, &["json_query_array($1)"], &["value"]),
    of("jsonb_array_elements", 1, &["json_query_array($1)"], &["value"]),
    of("json_array_elements_text", 1, &["json_value_array($1)"], &["value"]),
    of("jsonb_array_elements_text", 1, &["json_value_array($1)"], &["value"]),
    of("json_each", 1, &["json_keys($1)", "json_query_array($1)"], &["key", "value"]),
    of("jsonb_each", 1, &["json_keys($1)", "json_query_array($1)"], &["key", "value"]),
    of("json_each_text", 1, &["json_keys($1)", "json_value_array($1)"], &["key", "value"]),
    of("jsonb_each_text", 1, &["json_keys($1)", "json_value_array($1)"], &["key", "value"]),
    of("json_object_keys", 1, &["json_keys($1)"], &[]),
    of("jsonb_object_keys", 1, &["json_keys($1)"], &[]),
    of("regexp_split_to_table", 2, &["regexp_split_to_array($1, $2)"], &[]),
    of("string_to_table", 2, &["string_to_array($1, $2)"], &[]),
    of(
        "split_to_table",
        2,
        &["range(1, CAST(array_length(string_to_array($1, $2)) AS BIGINT) + 1)", "string_to_array($1, $2)"],
        &["index", "value"],
    ),
    of("generator", 1, &["range(0, $1)"], &["seq4"]),
];

/// Rewrites an item of FROM.
///
/// # Errors
/// None for parsed items.
pub fn factor(factor: &mut TableFactor) -> Result<()> {
    let (name, arguments, alias, with_ordinality) = match &*factor {
        TableFactor::Table { name, args: Some(arguments), alias, with_ordinality, .. } => {
            (name.clone(), arguments.args.clone(), alias.clone(), *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            (name.clone(), args.clone(), alias.clone(), *with_ordinality)
        }
        TableFactor::TableFunction {
            expr: Expr::Function(Function { name, args: FunctionArguments::List(list), .. }),
            alias,
        } => (name.clone(), list.args.clone(), alias.clone(), false),
        _ => return Ok(()),
    };
    let Some(own) = plain(&name) else { return Ok(()) };
    if let Some((lists, columns)) = elements(&own, &arguments)? {
        *factor = unnest(lists, &columns, alias, &own, with_ordinality);
    }
    Ok(())
}

/// `seq4()` and `seq8()` as the column of a generator.
pub fn expression(expression: &mut Expr) {
    if let Expr::Function(call) = expression
        && let Some(name) = plain(&call.name)
        && ["seq1", "seq2", "seq4", "seq8"].contains(&name.as_str())
        && matches!(&call.args, FunctionArguments::List(list) if list.args.is_empty())
    {
        *expression = Expr::Identifier(Ident::new("seq4"));
    }
}

fn plain(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] if name.quote_style.is_none() => Some(name.value.to_lowercase()),
        _ => None,
    }
}

/// The lists and the names of their columns; `None` for another function, or other arguments.
fn elements(own: &str, arguments: &[FunctionArg]) -> Result<Option<(Vec<Expr>, Vec<&'static str>)>> {
    if own == "flatten" {
        return flattened(arguments);
    }
    let Some(form) = ALL.iter().find(|form| form.name == own && form.arguments == arguments.len()) else { return Ok(None) };
    let named = (own == "generator").then_some("rowcount");
    let Some(values) = arguments.iter().map(|argument| value(argument, named)).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let lists = form.lists.iter().map(|list| with(list, &values)).collect::<Result<Vec<_>>>()?;
    Ok(Some((lists, form.columns.to_vec())))
}

/// The value of an argument without a name, or with this one.
fn value(argument: &FunctionArg, wanted: Option<&str>) -> Option<Expr> {
    match (argument, wanted) {
        (FunctionArg::Unnamed(FunctionArgExpr::Expr(value)), None) => Some(value.clone()),
        (
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. },
            Some(wanted),
        ) if name.value.eq_ignore_ascii_case(wanted) => Some(value.clone()),
        _ => None,
    }
}

/// Snowflake's FLATTEN of a list, or of JSON, whose elements are strings here; those of a list have no key.
fn flattened(arguments: &[FunctionArg]) -> Result<Option<(Vec<Expr>, Vec<&'static str>)>> {
    let input = match arguments {
        [input] => value(input, Some("input")),
        [input, path] => match (value(input, Some("input")), value(path, Some("path"))) {
            (Some(input), Some(path)) => Some(with("json_extract($1, '$.' || $2)", &[input, path])?),
            _ => None,
        },
        _ => None,
    };
    let Some(input) = input else { return Ok(None) };
    let input = std::slice::from_ref(&input);
    if is_json(&input[0]) {
        let values = "json_value_array($1)";
        let places = format!("range(0, CAST(array_length({values}) AS BIGINT))");
        let lists = vec![with("json_keys($1)", input)?, with(&places, input)?, with(values, input)?];
        return Ok(Some((lists, vec!["key", "index", "value"])));
    }
    // Whether a column is a list or JSON is known later.
    let places = "range(0, CAST(array_length(flattened($1)) AS BIGINT))";
    let lists = vec![with("flattened_names($1)", input)?, with(places, input)?, with("flattened($1)", input)?];
    Ok(Some((lists, vec!["key", "index", "value"])))
}

/// True for what is read from JSON by its form.
fn is_json(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => is_json(inner),
        Expr::JsonAccess { .. } => true,
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::HashArrow, .. } => true,
        Expr::BinaryOp { op: BinaryOperator::Custom(name), .. } => name == ARROW,
        Expr::Function(call) => plain(&call.name).is_some_and(|name| {
            name.starts_with("json_") || ["parse_json", "try_parse_json", "get_path"].contains(&name.as_str())
        }),
        Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_)),
        _ => false,
    }
}

fn unnest(lists: Vec<Expr>, columns: &[&str], alias: Option<TableAlias>, own: &str, with_ordinality: bool) -> TableFactor {
    let mut alias = alias.unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(own), columns: vec![], at: None });
    if alias.columns.is_empty() {
        let column = |name: Ident| TableAliasColumnDef { name, data_type: None };
        alias.columns = match columns {
            [] => vec![column(alias.name.clone())],
            columns => columns.iter().map(|name| column(Ident::with_quote('"', *name))).collect(),
        };
        if with_ordinality {
            alias.columns.push(column(Ident::new("ordinality")));
        }
    }
    let array_exprs = lists.into_iter().map(|list| match list {
        Expr::Array(array) => call_of("make_array", array.elem),
        list => list,
    });
    TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs: array_exprs.collect(),
        with_offset: false,
        with_offset_alias: None,
        with_ordinality,
    }
}
