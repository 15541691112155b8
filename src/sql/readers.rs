//! Files in FROM that need options or are folders: calls `read_csv('location', option => constant, …)`, and quoted folders, `FROM
//! 'orders'`.
//!
//! The columns of a file are known only after opening it, which is asynchronous, and DataFusion's planner cannot wait for that. So files
//! are opened before the statement is planned, and each call is replaced by a name.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as SqlParsed;
use sqlparser::ast::{
    BinaryOperator, DescribeAlias, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, ShowStatementIn,
    ShowStatementOptions, Statement as SqlStatement, TableAlias, TableFactor, UnaryOperator, Value, ValueWithSpan, VisitorMut,
};

use super::parser::visit;
use super::places::refuse_own_read;
use super::relation::single_name;
use crate::adapter::arguments::Options;
use crate::catalog::grants::Privilege;
use crate::docs::Doc;
use crate::error::{SqlState, coded, in_quotes, invalid};
use crate::files::{self, options::of_call};
use crate::statement::StatementContext;

/// Opens the files of all calls and replaces the calls by names; returns the tables by name.
///
/// # Errors
/// A call is wrong, or its files cannot be read.
pub async fn open(
    parsed: &mut SqlParsed,
    state: &SessionState,
    context: &StatementContext,
) -> Result<Vec<(String, Arc<dyn TableProvider>)>> {
    let mut calls = Calls { found: vec![], quoted: vec![], parameters: context.parameters() };
    calls.quoted.extend(described(parsed, |name| files::is_file(name) || context.base().join(name).is_dir()));
    if let ControlFlow::Break(error) = visit(parsed, &mut calls) {
        return Err(error);
    }
    let mut tables: Vec<(String, Arc<dyn TableProvider>)> = vec![];
    calls.quoted.retain(|name| !files::is_file(name) && context.base().join(name).is_dir());
    calls.quoted.dedup();
    // A definition of a role with SUPERUSER, or of whoever opens the folder, may read files from elsewhere.
    let is_free = context.inside().is_some() && context.rights()?.is_superuser();
    let allowed = if is_free { None } else { context.places() };
    let check = |location: &str| {
        context.check_files(Privilege::Read, location)?;
        files::places::check(location, context.base(), allowed)?;
        refuse_own_read(location, context)
    };
    for name in calls.quoted {
        let is_table = || state.schema_for_ref(TableReference::bare(name.as_str())).is_ok_and(|schema| schema.table_exist(&name));
        if !tables.iter().any(|(own, _)| *own == name) && !is_table() {
            check(&name)?;
            let table = files::open(state, &name, context.base()).await?;
            tables.push((name, table));
        }
    }
    for Call { name, doc, locations, options } in calls.found {
        if tables.iter().any(|(own, _)| *own == name) {
            continue;
        }
        let options = Options::read(doc, options)?;
        locations.iter().try_for_each(|location| check(location))?;
        tables.push((name, files::read(state, doc, &locations, context.base(), &options).await?));
    }
    Ok(tables)
}

/// The quoted file or folder in DESCRIBE or SHOW COLUMNS. SHOW COLUMNS of it becomes DESCRIBE, because the information schema has no
/// columns of files.
fn described(parsed: &mut SqlParsed, is_place: impl Fn(&str) -> bool) -> Option<String> {
    let SqlParsed::Statement(statement) = parsed else { return None };
    let table_name = match statement.as_ref() {
        SqlStatement::ExplainTable { table_name, .. } => table_name.clone(),
        // Conditions on the columns are left to the planner, which refuses them.
        SqlStatement::ShowColumns {
            show_options:
                ShowStatementOptions {
                    show_in: Some(ShowStatementIn { parent_type: None, parent_name: Some(name), .. }),
                    starts_with: None,
                    limit: None,
                    limit_from: None,
                    filter_position: None,
                },
            ..
        } => name.clone(),
        _ => return None,
    };
    let name = match table_name.0.as_slice() {
        [ObjectNamePart::Identifier(Ident { value, quote_style: Some('\''), .. })] if is_place(value) => value.clone(),
        _ => return None,
    };
    if matches!(statement.as_ref(), SqlStatement::ShowColumns { .. }) {
        **statement = SqlStatement::ExplainTable {
            describe_alias: DescribeAlias::Describe,
            hive_format: None,
            has_table_keyword: false,
            table_name,
        };
    }
    Some(name)
}

/// A call that reads files.
struct Call {
    /// The name that replaces it.
    name: String,
    doc: &'static Doc,
    locations: Vec<String>,
    options: Vec<(&'static str, ScalarValue)>,
}

struct Calls<'a> {
    found: Vec<Call>,
    /// Quoted names in place of a table. Such a name is a folder if there is no table of that name.
    quoted: Vec<String>,
    parameters: &'a HashMap<String, ScalarValue>,
}

impl VisitorMut for Calls<'_> {
    type Break = datafusion::error::DataFusionError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let text = factor.to_string();
        let (name, arguments, alias) = match factor {
            TableFactor::Table { name, args: Some(arguments), alias, .. } => (&*name, &arguments.args, alias),
            TableFactor::Function { name, args, alias, .. } => (&*name, &*args, alias),
            TableFactor::Table { name, args: None, .. } => {
                if let [ObjectNamePart::Identifier(Ident { value, quote_style: Some('\''), .. })] = name.0.as_slice() {
                    self.quoted.push(value.clone());
                }
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        let Some(doc) = single_name(name).and_then(|name| files::reader(&name)) else {
            // A reader opens its location with its own options; to other functions a quoted folder is a table.
            for argument in arguments {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(ValueWithSpan { value, .. }))) = argument
                    && let Value::SingleQuotedString(text) = value
                {
                    self.quoted.push(text.clone());
                }
            }
            return ControlFlow::Continue(());
        };
        match self.call(doc, arguments, text) {
            Ok(call) => {
                // Without an alias, the table gets the name of the function.
                let alias = alias.take().unwrap_or_else(|| TableAlias {
                    explicit: true,
                    name: Ident::new(doc.name),
                    columns: vec![],
                    at: None,
                });
                let name = ObjectName::from(vec![Ident::with_quote('"', &call.name)]);
                *factor = TableFactor::Table {
                    name,
                    alias: Some(alias),
                    args: None,
                    with_hints: vec![],
                    version: None,
                    with_ordinality: false,
                    partitions: vec![],
                    json_path: None,
                    sample: None,
                    index_hints: vec![],
                };
                self.found.push(call);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// A text, or the texts of a list.
fn texts(value: &ScalarValue) -> Vec<String> {
    match value {
        ScalarValue::List(list) => {
            let items = list.values().as_string_opt::<i32>();
            items.into_iter().flatten().flatten().map(str::to_string).collect()
        }
        text => text.try_as_str().flatten().map(str::to_string).into_iter().collect(),
    }
}

impl Calls<'_> {
    fn call(&self, doc: &'static Doc, arguments: &[FunctionArg], text: String) -> Result<Call> {
        let (mut locations, mut options) = (vec![], vec![]);
        for argument in arguments {
            match argument {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator: _ } => {
                    let (key, value) = (name.value.to_lowercase(), self.value(doc, value)?);
                    of_call(doc, &key, value, files::renamed(doc), &mut options)?;
                }
                // As DuckDB writes it.
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }))
                    if matches!(left.as_ref(), Expr::Identifier(_)) =>
                {
                    let (key, value) = (left.to_string().to_lowercase(), self.value(doc, right)?);
                    of_call(doc, &key, value, files::renamed(doc), &mut options)?;
                }
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) if locations.is_empty() => {
                    locations = texts(&self.value(doc, value)?);
                    if locations.is_empty() {
                        let problem = format!(
                            "the location is a string, of a file, a folder or a pattern such as 'orders/*.csv', or a list of such strings; got {value}"
                        );
                        return Err(invalid(doc.name, problem));
                    }
                }
                other => {
                    let problem = format!("takes a location and option => constant, got {other}");
                    return Err(coded(SqlState::SYNTAX_ERROR, doc.name, problem));
                }
            }
        }
        match locations.is_empty() {
            false => Ok(Call { name: text, doc, locations, options }),
            true => Err(invalid(doc.name, format!("the location comes first: {}('orders.csv')", doc.name))),
        }
    }

    /// The value of a constant or a parameter.
    fn value(&self, doc: &Doc, written: &Expr) -> Result<ScalarValue> {
        let wrong = || {
            let advice = in_quotes(&written.to_string());
            invalid(
                doc.name,
                format!("takes constants: strings, numbers, true, false and lists of strings, got {written}{advice}"),
            )
        };
        match written {
            Expr::Value(ValueWithSpan { value, .. }) => match value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Ok(ScalarValue::Utf8(Some(text.clone()))),
                Value::Boolean(flag) => Ok(ScalarValue::Boolean(Some(*flag))),
                Value::Number(number, _) => number.parse().map(|number| ScalarValue::Int64(Some(number))).map_err(|_| wrong()),
                Value::Null => Ok(ScalarValue::Null),
                Value::Placeholder(name) => {
                    let own = name.trim_start_matches('$');
                    self.parameters.get(own).cloned().ok_or_else(|| {
                        let problem = format!("the parameter has no value; give it with --set {own}=…");
                        coded(SqlState::UNDEFINED_PARAMETER, name, problem)
                    })
                }
                _ => Err(wrong()),
            },
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match self.value(doc, expr)? {
                ScalarValue::Int64(Some(number)) => Ok(ScalarValue::Int64(Some(-number))),
                _ => Err(wrong()),
            },
            Expr::Array(array) => {
                let values = array.elem.iter().map(|value| self.value(doc, value)).collect::<Result<Vec<_>>>()?;
                if values.iter().any(|value| value.try_as_str().flatten().is_none()) {
                    return Err(wrong());
                }
                let list = ScalarValue::new_list_nullable(&values, &DataType::Utf8);
                Ok(ScalarValue::List(list))
            }
            // Columns with their types, as DuckDB writes them.
            Expr::Dictionary(fields) if !fields.is_empty() => {
                let columns = fields.iter().map(|field| match self.value(doc, &field.value)? {
                    ScalarValue::Utf8(Some(data_type)) => Ok(format!("{} {data_type}", Ident::with_quote('"', &field.key.value))),
                    _ => Err(wrong()),
                });
                Ok(ScalarValue::Utf8(Some(columns.collect::<Result<Vec<_>>>()?.join(", "))))
            }
            Expr::Nested(inner) => self.value(doc, inner),
            _ => Err(wrong()),
        }
    }
}
