//! What a part of a statement names: tables, columns, models, functions, parameters, files.

use std::ops::ControlFlow;
use std::path::Path;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, SelectItem, SetExpr, TableFactor, Value, ValueWithSpan, Visit,
    VisitMut, Visitor, VisitorMut,
};

use super::command::normal;
use crate::docs::{Argument, Takes};
use crate::functions;

/// The names of `$name`, without the sign, each as often as it stands there.
pub fn parameters_in(part: &impl Visit) -> Vec<String> {
    struct Parameters(Vec<String>);
    impl Visitor for Parameters {
        type Break = ();
        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
            if let Value::Placeholder(name) = &value.value {
                self.0.push(name.trim_start_matches('$').to_string());
            }
            ControlFlow::Continue(())
        }
    }
    let mut found = Parameters(vec![]);
    let _ = part.visit(&mut found);
    found.0
}

/// True when the second column of a query is a CASE: the value of a tag that is given by rules.
pub fn value_is_case(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    select.projection.get(1).is_some_and(|item| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            matches!(expression, Expr::Case { .. })
        }
        _ => false,
    })
}

/// Makes relative files start from a folder.
pub fn resolve_files(part: &mut impl VisitMut, base: &Path) {
    struct Resolve<'a>(&'a Path);
    impl VisitorMut for Resolve<'_> {
        type Break = ();
        fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name: ObjectName(parts), args: None, .. } = factor
                && let [part] = parts.as_mut_slice()
                && let Some(Ident { value, quote_style: Some('\''), .. }) = part.as_ident()
                && !value.contains("://")
                && Path::new(value).is_relative()
            {
                let place = self.0.join(value).display().to_string();
                *parts = ObjectName::from(vec![Ident::with_quote('\'', place)]).0;
            }
            ControlFlow::Continue(())
        }
    }
    let _ = part.visit(&mut Resolve(base));
}

/// The names that may be columns.
pub fn names_in(part: &impl Visit) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            match expression {
                Expr::Identifier(name) => self.0.push(normal(name)),
                Expr::CompoundIdentifier(names) => self.0.extend(names.last().map(normal)),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(vec![]);
    let _ = part.visit(&mut names);
    names.0
}

/// The tables, each as the parts of its name. The input of a function in FROM is among them.
pub fn tables_in(part: &impl Visit) -> Vec<Vec<String>> {
    struct Tables(Vec<Vec<String>>);
    impl Visitor for Tables {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                self.0.push(name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect());
            }
            ControlFlow::Continue(())
        }
    }
    let mut tables = Tables(vec![]);
    let _ = part.visit(&mut tables);
    tables.0
}

/// The functions in FROM, with their arguments.
fn calls_in(part: &impl Visit) -> Vec<(String, Vec<FunctionArg>)> {
    struct Calls(Vec<(String, Vec<FunctionArg>)>);
    impl Visitor for Calls {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let (name, arguments) = match factor {
                TableFactor::Table { name, args: Some(arguments), .. } => (name, &arguments.args),
                TableFactor::Function { name, args, .. } => (name, args),
                _ => return ControlFlow::Continue(()),
            };
            if let [part] = name.0.as_slice()
                && let Some(name) = part.as_ident()
            {
                self.0.push((name.value.to_lowercase(), arguments.clone()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut calls = Calls(vec![]);
    let _ = part.visit(&mut calls);
    calls.0
}

/// The names of the functions in FROM.
pub fn functions_in(part: &impl Visit) -> Vec<String> {
    calls_in(part).into_iter().map(|(name, _)| name).collect()
}

/// The objects of a kind that functions in FROM are given by name: `ml_predict(groups, …)` names the model `groups`.
pub fn objects_in(part: &impl Visit, kind: &str) -> Vec<String> {
    let mut found = vec![];
    for (function, arguments) in calls_in(part) {
        let doc = functions::page(&function);
        let takes_it = |argument: &Argument| matches!(argument.takes, Takes::Name(own) if own == kind);
        let Some(place) = doc.arguments.iter().position(takes_it) else { continue };
        let name = doc.arguments[place].name;
        let named = arguments.iter().find_map(|argument| match argument {
            FunctionArg::Named { name: own, arg, .. } if own.value.eq_ignore_ascii_case(name) => Some(arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(own), arg, .. } if own.value.eq_ignore_ascii_case(name) => Some(arg),
            _ => None,
        });
        let by_place = || match arguments.get(place) {
            Some(FunctionArg::Unnamed(argument)) => Some(argument),
            _ => None,
        };
        match named.or_else(by_place) {
            Some(FunctionArgExpr::Expr(Expr::Identifier(name))) => found.push(normal(name)),
            Some(FunctionArgExpr::Expr(Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }))) => {
                found.push(name.clone());
            }
            _ => {}
        }
    }
    found
}
