//! Checks and rewrites of a statement before it is planned, on its tokens and its syntax tree.

pub mod arrows;
mod asked_keys;
pub mod by_name;
pub mod casts;
pub mod chains;
mod close_operators;
pub mod column_names;
pub mod comprehensions;
pub mod conflicts;
pub mod constraints;
pub mod copies;
pub mod creating;
pub mod earlier_names;
pub mod effort;
pub mod elsewhere;
pub mod exclusions;
pub mod explaining;
pub mod expression_macros;
pub mod foreign;
pub mod forward_names;
pub mod grouping;
pub mod identities;
mod inner_joins;
pub mod joins;
pub mod json;
pub mod merged_columns;
pub mod named_arguments;
mod named_at;
pub mod names;
pub mod nesting;
pub mod numbered;
mod outer_recursion;
pub mod pivots;
pub mod postgres;
pub mod quantified;
pub mod read_again;
pub mod recursion;
pub mod replaced;
pub mod rewritten;
pub mod rows_in_queries;
pub mod shorthands;
pub mod size;
pub mod sorted_names;
pub mod spellings;
pub mod star_columns;
pub mod supported;
pub mod table_queries;
pub mod tokens;
pub mod type_names;
pub mod unnamed_subqueries;
pub mod unnested;
pub mod whole_rows;

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName};

/// A call of a function with these arguments.
fn call_of(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
    let list = FunctionArgumentList { duplicate_treatment: None, args: arguments.collect(), clauses: vec![] };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
