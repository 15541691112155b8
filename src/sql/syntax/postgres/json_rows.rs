//! `jsonb_to_recordset(json) AS t(a INT, b TEXT)` and its relatives, whose columns and types are written after the call:
//!
//! | written | rewritten to |
//! |---|---|
//! | `json_to_record(json) AS t(a INT)` | `(SELECT CAST(json_extract_string(item, '$."a"') AS INT) AS a FROM (SELECT json AS item) AS items) AS t` |
//! | `json_to_recordset(json) AS t(a INT)` | the same `FROM UNNEST(json_query_array(json)) AS items(item)` |

use datafusion::common::Result;
use sqlparser::ast::{FunctionArg, FunctionArgExpr, TableAlias, TableAliasColumnDef, TableFactor};

use super::sources::names_column;
use crate::sql::command::normal;
use crate::sql::parser::parse_query;
use crate::text::as_sql;

/// The subquery for such a call; `None` for any other.
///
/// # Errors
/// None for parsed statements.
pub fn in_from(own: &str, arguments: &[FunctionArg], alias: Option<&TableAlias>) -> Result<Option<TableFactor>> {
    let is_set = match own {
        "json_to_record" | "jsonb_to_record" => false,
        "json_to_recordset" | "jsonb_to_recordset" => true,
        _ => return Ok(None),
    };
    let ([FunctionArg::Unnamed(FunctionArgExpr::Expr(json))], Some(alias)) = (arguments, alias) else { return Ok(None) };
    let column = |column: &TableAliasColumnDef| {
        let TableAliasColumnDef { name, data_type } = column;
        let key = normal(name);
        let data_type = data_type.as_ref().filter(|_| !key.contains(['"', '\'']))?;
        Some(format!("CAST(json_extract_string(__item, '$.\"{key}\"') AS {data_type}) AS {name}"))
    };
    let Some(columns) = alias.columns.iter().map(column).collect::<Option<Vec<_>>>().filter(|columns| !columns.is_empty()) else {
        return Ok(None);
    };
    let (columns, given) = (columns.join(", "), as_sql(json));
    let items = match is_set {
        true => format!("UNNEST(json_query_array({given})) AS __items(__item)"),
        false => format!("(SELECT {given} AS __item) AS __items"),
    };
    Ok(Some(TableFactor::Derived {
        lateral: names_column(json),
        subquery: parse_query(&format!("SELECT {columns} FROM {items}"))?,
        alias: Some(TableAlias { columns: vec![], ..alias.clone() }),
        sample: None,
    }))
}
