//! A definition as of a time: replaces `$as_of` and the definition's own constants by their values.
//!
//! That no source returns later rows is ensured where tables are resolved: see [`Horizon`](crate::statement::Horizon). A query that becomes
//! part of another one, which has no such horizon, instead names its tables in a schema that applies it:
//! `"known:customer@1751327999999999".orders`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    Query, TableAlias, TableFactor, TimezoneInfo, Value, VisitMut, VisitorMut,
};

use super::definition::AS_OF;
use super::plan::{PROFILE_SCHEMA, SEGMENT_SCHEMA};
use super::published::name_and_time;
use crate::builtins::zoned::{UTC, UTC_TIME};
use crate::catalog::snapshots::When;
use crate::sql::renaming::rename_tables;
use crate::sql::time_travel::name_at;
use crate::text::timestamp;
use crate::walk::WalkMut;

/// The prefix of schemas whose tables are as a refresh of a profile sees them, and of functions that read such tables.
const KNOWN: &str = "known:";
/// Between the profile and time, and the name of a function.
const FUNCTION: &str = "/";

/// Renames the tables of a query, and the functions in FROM that `is_stored` knows, so that they resolve as in a refresh of this profile as
/// of this time.
pub fn known(query: &mut Query, profile: &str, as_of: i64, is_stored: &dyn Fn(&str) -> bool) {
    struct Functions<'a> {
        at: String,
        is_stored: &'a dyn Fn(&str) -> bool,
    }
    impl VisitorMut for Functions<'_> {
        type Break = ();
        fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            let (TableFactor::Table { name, args: Some(_), alias, .. } | TableFactor::Function { name, alias, .. }) = factor
            else {
                return ControlFlow::Continue(());
            };
            let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
            let own = part.as_ident().map(|own| own.value.to_lowercase());
            let Some(own) = own.filter(|own| (self.is_stored)(own)) else { return ControlFlow::Continue(()) };
            *name = ObjectName::from(vec![Ident::with_quote('"', format!("{KNOWN}{}{FUNCTION}{own}", self.at))]);
            alias.get_or_insert_with(|| TableAlias {
                explicit: true,
                name: Ident::with_quote('"', own),
                columns: vec![],
                at: None,
            });
            ControlFlow::Continue(())
        }
    }
    let _ = query.walk_mut(&mut Functions { at: name_at(profile, as_of), is_stored });
    let name = |parts: &[&str]| ObjectName::from(parts.iter().map(|part| Ident::with_quote('"', *part)).collect::<Vec<_>>());
    let schema = format!("{KNOWN}{}", name_at(profile, as_of));
    rename_tables(query, &|parts| match parts {
        [table] => Some(name(&[&schema, table])),
        [.., public, table] if public == "public" => Some(name(&[&schema, table])),
        [.., published, table] if [PROFILE_SCHEMA, SEGMENT_SCHEMA].contains(&published.as_str()) => {
            let (own, when) = name_and_time(table);
            let time = match when {
                When::At(time) => time.min(as_of),
                _ => as_of,
            };
            Some(name(&[published, &name_at(own, time)]))
        }
        // A table of another schema is looked up as one object, by both parts of its name.
        [.., own, table] if !["system", "information_schema"].contains(&own.as_str()) => {
            Some(name(&[&schema, &format!("{own}.{table}")]))
        }
        _ => None,
    });
}

/// The profile and time in a schema name that [`known`] made.
pub fn known_schema(name: &str) -> Option<(&str, i64)> {
    match name_and_time(name.strip_prefix(KNOWN)?) {
        (profile, When::At(time)) => Some((profile, time)),
        _ => None,
    }
}

/// The profile, the time and the function in the name of a function that [`known`] made.
pub fn known_function(name: &str) -> Option<(&str, i64, &str)> {
    let (schema, own) = name.rsplit_once(FUNCTION)?;
    known_schema(schema).map(|(profile, time)| (profile, time, own))
}

/// Replaces `$as_of` by a time, in microseconds since 1970, and the names of constants by their values.
pub fn settle(part: &mut impl VisitMut, as_of: i64, constants: &BTreeMap<String, Expr>) {
    struct Settle<'a> {
        as_of: i64,
        constants: &'a BTreeMap<String, Expr>,
        /// How many table function calls in FROM enclose the current expression.
        calls: usize,
    }
    impl VisitorMut for Settle<'_> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            self.calls += usize::from(is_call(factor));
            ControlFlow::Continue(())
        }
        fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            self.calls -= usize::from(is_call(factor));
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if let Expr::Value(value) = expression
                && let Value::Placeholder(name) = &value.value
            {
                let name = name.trim_start_matches('$');
                if name == AS_OF {
                    *expression = if self.calls > 0 { instant(self.as_of) } else { moment(self.as_of) };
                } else if let Some(constant) = self.constants.get(name) {
                    *expression = constant.clone();
                }
            }
            ControlFlow::Continue(())
        }
    }
    let _ = part.walk_mut(&mut Settle { as_of, constants, calls: 0 });
}

fn is_call(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::Table { args: Some(_), .. } | TableFactor::Function { .. })
}

/// `utc_time(TIMESTAMP '…')`: a timestamp without a time zone, like those of tables, which still counts as UTC when it is compared with one
/// that has a zone.
fn moment(time: i64) -> Expr {
    let literal = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(text(timestamp(time))),
        data_type: DataType::Timestamp(None, TimezoneInfo::None),
        array: false,
        format: None,
    };
    call(UTC_TIME, [literal])
}

/// The time as a timestamp with its zone. Options of table functions are plain values, which carry the zone in their type only.
fn instant(time: i64) -> Expr {
    call("arrow_cast", [text(timestamp(time)), text(format!("Timestamp(Microsecond, Some(\"{UTC}\"))"))])
}

fn text(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}

fn call<const N: usize>(name: &str, arguments: [Expr; N]) -> Expr {
    let args = arguments.map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).into();
    let arguments = FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
