//! The names that a part of a statement refers to: tables, columns, models, functions, parameters and files.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, Value, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use super::command::normal;
use crate::docs::{Argument, Doc, Takes};
use crate::files;
use crate::functions;
use crate::sql::syntax::numbered::counter_named;
use crate::walk::{Walk, WalkMut};

/// The names of the parameters `$name`, without the sign. Repeated names are repeated.
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
    let _ = part.walk(&mut found);
    found.0
}

/// True when the second column of a query is a CASE: that of a tag defined by rules.
pub fn value_is_case(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    select.projection.get(1).is_some_and(|item| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            matches!(expression, Expr::Case { .. })
        }
        _ => false,
    })
}

/// Makes relative file paths absolute, starting from `base`.
pub fn resolve_files(part: &mut impl VisitMut, base: &Path) {
    struct Resolve<'a>(&'a Path);
    impl VisitorMut for Resolve<'_> {
        type Break = ();
        fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            let (name, arguments) = match factor {
                TableFactor::Table { name: ObjectName(parts), args: None, .. } => {
                    if let [part] = parts.as_mut_slice()
                        && let Some(Ident { value, quote_style: Some('\''), .. }) = part.as_ident()
                        && let Some(place) = self.place(value)
                    {
                        *parts = ObjectName::from(vec![Ident::with_quote('\'', place)]).0;
                    }
                    return ControlFlow::Continue(());
                }
                TableFactor::Table { name, args: Some(arguments), .. } => (name, &mut arguments.args),
                TableFactor::Function { name, args, .. } => (name, args),
                _ => return ControlFlow::Continue(()),
            };
            // For `read_csv('orders.csv')` the first argument is the location; for functions such as `summarize('orders.csv')` it is any
            // relation argument.
            let is_reader = files::reader(&name.to_string()).is_some();
            for (number, argument) in arguments.iter_mut().enumerate() {
                let (named, value) = match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => (None, value),
                    FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. } => {
                        (Some(name.value.as_str()), value)
                    }
                    FunctionArg::ExprNamed {
                        name: Expr::Identifier(name),
                        arg: FunctionArgExpr::Expr(Expr::Value(value)),
                        ..
                    } => (Some(name.value.as_str()), value),
                    _ => continue,
                };
                let is_place =
                    if is_reader { number == 0 && named.is_none() } else { takes_relation(&name.to_string(), number, named) };
                if let Value::SingleQuotedString(text) = &mut value.value
                    && is_place
                    && let Some(place) = self.place(text)
                {
                    *text = place;
                }
            }
            ControlFlow::Continue(())
        }
    }

    impl Resolve<'_> {
        /// The absolute form of a relative path; `None` for an absolute path or a URL.
        fn place(&self, path: &str) -> Option<String> {
            let is_relative = !path.contains("://") && Path::new(path).is_relative();
            is_relative.then(|| self.0.join(path).display().to_string())
        }
    }
    let _ = part.walk_mut(&mut Resolve(base));
}

/// The condition of a join.
fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator as Operator;
    match operator {
        Operator::Join(constraint)
        | Operator::Inner(constraint)
        | Operator::Left(constraint)
        | Operator::LeftOuter(constraint)
        | Operator::Right(constraint)
        | Operator::RightOuter(constraint)
        | Operator::FullOuter(constraint)
        | Operator::Semi(constraint)
        | Operator::LeftSemi(constraint)
        | Operator::RightSemi(constraint)
        | Operator::Anti(constraint)
        | Operator::LeftAnti(constraint)
        | Operator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
}

/// All names that may refer to columns.
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
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            let operators = select.from.iter().flat_map(|from| &from.joins).map(|join| &join.join_operator);
            for constraint in operators.filter_map(constraint) {
                if let JoinConstraint::Using(columns) = constraint {
                    self.0.extend(columns.iter().filter_map(|column| column.0.last()?.as_ident().map(normal)));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(vec![]);
    let _ = part.walk(&mut names);
    names.0
}

/// The tables that are read, each as the parts of its name. Inputs of functions in FROM are included; names of CTEs are not.
pub fn tables_in(part: &impl Visit) -> Vec<Vec<String>> {
    struct Tables {
        scopes: Scopes,
        found: Vec<Vec<String>>,
    }
    impl Visitor for Tables {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            self.scopes.enter(query);
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            self.scopes.leave();
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
                if !matches!(parts.as_slice(), [name] if self.scopes.has(name)) {
                    self.found.push(parts);
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut tables = Tables { scopes: Scopes::default(), found: vec![] };
    let _ = part.walk(&mut tables);
    tables.found
}

/// The CTE names visible at each point of a visit. Without RECURSIVE, a CTE sees only those before it: in `WITH orders AS (SELECT * FROM
/// orders) …` the inner name is that of the table.
#[derive(Default)]
struct Scopes {
    /// The scopes of CTE bodies that are not visited yet, keyed by the address of the body. The tree does not change during the visit, so
    /// addresses are stable.
    bodies: HashMap<*const Query, Option<Rc<Scope>>>,
    open: Vec<Option<Rc<Scope>>>,
}

/// A CTE name added to an outer scope.
struct Scope {
    name: String,
    around: Option<Rc<Self>>,
}

impl Scopes {
    fn enter(&mut self, query: &Query) {
        let own = self.bodies.remove(&std::ptr::from_ref(query));
        let mut scope = own.unwrap_or_else(|| self.open.last().cloned().flatten());
        if let Some(with) = &query.with {
            let mut bodies = vec![];
            for cte in &with.cte_tables {
                bodies.push((std::ptr::from_ref(cte.query.as_ref()), scope.clone()));
                scope = Some(Rc::new(Scope { name: normal(&cte.alias.name), around: scope }));
            }
            for (body, before) in bodies {
                self.bodies.insert(body, if with.recursive { scope.clone() } else { before });
            }
        }
        self.open.push(scope);
    }

    fn leave(&mut self) {
        self.open.pop();
    }

    fn has(&self, name: &str) -> bool {
        let innermost = self.open.last().and_then(Option::as_deref);
        std::iter::successors(innermost, |scope| scope.around.as_deref()).any(|scope| scope.name == name)
    }
}

impl Drop for Scope {
    /// Drops the outer scopes in a loop: thousands of names would otherwise overflow the stack by recursion.
    fn drop(&mut self) {
        let mut around = self.around.take();
        while let Some(mut scope) = around.and_then(Rc::into_inner) {
            around = scope.around.take();
        }
    }
}

/// The tables that are read with all their columns, by `SELECT *`, `name.*` or NATURAL JOIN. Each is given as the parts of its name.
pub fn tables_read_whole(part: &impl Visit) -> Vec<Vec<String>> {
    struct Whole(Vec<Vec<String>>);
    impl Whole {
        fn select(&mut self, select: &Select) {
            let mut tables = vec![];
            for from in &select.from {
                named(&from.relation, &mut tables);
                from.joins.iter().for_each(|join| named(&join.relation, &mut tables));
            }
            let operators = select.from.iter().flat_map(|from| &from.joins).map(|join| &join.join_operator);
            let is_natural = operators.filter_map(constraint).any(|constraint| *constraint == JoinConstraint::Natural);
            let all = is_natural
                || select.projection.is_empty()
                || select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
            let qualifiers: Vec<String> = select
                .projection
                .iter()
                .filter_map(|item| match item {
                    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                        name.0.last().and_then(|part| part.as_ident()).map(normal)
                    }
                    _ => None,
                })
                .collect();
            let read = tables.into_iter().filter(|(_, alias)| all || qualifiers.contains(alias));
            self.0.extend(read.map(|(name, _)| name));
        }
    }
    impl Visitor for Whole {
        type Break = ();
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            self.select(select);
            ControlFlow::Continue(())
        }
    }
    let mut whole = Whole(vec![]);
    let _ = part.walk(&mut whole);
    whole.0
}

/// The tables that are directly in FROM, with the names that qualify their columns.
fn named(factor: &TableFactor, tables: &mut Vec<(Vec<String>, String)>) {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
            let own = parts.last().cloned().unwrap_or_default();
            tables.push((parts, alias.as_ref().map_or(own, |alias| normal(&alias.name))));
        }
        TableFactor::NestedJoin { table_with_joins, .. } => {
            named(&table_with_joins.relation, tables);
            table_with_joins.joins.iter().for_each(|join| named(&join.relation, tables));
        }
        _ => {}
    }
}

/// The functions in FROM, with their arguments.
pub fn calls_in(part: &impl Visit) -> Vec<(String, Vec<FunctionArg>)> {
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
    let _ = part.walk(&mut calls);
    calls.0
}

/// The counters and sequences that functions are passed by name, as written.
pub fn counters_in(part: &impl Visit) -> Vec<String> {
    struct Counters(Vec<String>);
    impl Visitor for Counters {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            self.0.extend(counter_named(expression));
            ControlFlow::Continue(())
        }
    }
    let mut found = Counters(vec![]);
    let _ = part.walk(&mut found);
    found.0
}

/// True when a function in FROM gets `$parameter` as the argument of the same name, as in `rfm(orders, …, as_of => $as_of)`.
pub fn is_called_with(part: &impl Visit, parameter: &str) -> bool {
    calls_in(part).iter().flat_map(|(_, arguments)| arguments).any(|argument| {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. }) = argument else { return false };
        let FunctionArgExpr::Expr(Expr::Value(value)) = arg else { return false };
        let Value::Placeholder(given) = &value.value else { return false };
        name_of(argument).is_some_and(|name| name == parameter) && given.trim_start_matches('$') == parameter
    })
}

/// The name of a named argument, in lower case.
pub fn name_of(argument: &FunctionArg) -> Option<String> {
    match argument {
        FunctionArg::Named { name, .. } | FunctionArg::ExprNamed { name: Expr::Identifier(name), .. } => {
            Some(name.value.to_lowercase())
        }
        _ => None,
    }
}

/// The names of the functions in FROM.
pub fn functions_in(part: &impl Visit) -> Vec<String> {
    calls_in(part).into_iter().map(|(name, _)| name).collect()
}

/// The objects that are passed to a function in FROM by name.
#[derive(Debug, Clone)]
pub struct NamedObjects {
    /// The documentation page of the function.
    pub doc: &'static Doc,
    /// Kinds and names of the objects: `ml_predict(groups, …)` names the model `groups`.
    pub objects: Vec<(&'static str, String)>,
}

impl NamedObjects {
    /// The name of the object of a kind, if there is one.
    pub fn of_kind(&self, kind: &str) -> Option<&str> {
        self.objects.iter().find(|(own, _)| *own == kind).map(|(_, name)| name.as_str())
    }
}

/// The objects that functions in FROM are passed by name.
pub fn objects_in(part: &impl Visit) -> Vec<NamedObjects> {
    let mut found = vec![];
    for (function, arguments) in calls_in(part) {
        let doc = functions::page(&function);
        let (mut objects, mut given): (Vec<_>, Vec<&str>) = (vec![], vec![]);
        for argument in &arguments {
            let (name, value) = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (None, value),
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (Some(name), value),
                FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                    (Some(name), value)
                }
                _ => continue,
            };
            let object = object_name(value);
            // An unnamed argument is the first one on the page that is free and accepts such a value, as when the function is called.
            let fits = |argument: &&Argument| match name {
                Some(name) => argument.name.eq_ignore_ascii_case(&name.value),
                None => {
                    !given.contains(&argument.name)
                        && match argument.takes {
                            Takes::Name(_) => object.is_some(),
                            Takes::Relation | Takes::Query => matches!(value, Expr::Subquery(_)),
                            _ => true,
                        }
                }
            };
            let Some(argument) = doc.arguments.iter().find(fits) else { continue };
            given.push(argument.name);
            if let (Takes::Name(kind), Some(object)) = (argument.takes, object) {
                objects.push((kind, object));
            }
        }
        if !objects.is_empty() {
            found.push(NamedObjects { doc, objects });
        }
    }
    found
}

/// An object's name in an argument.
fn object_name(value: &Expr) -> Option<String> {
    match value {
        Expr::Identifier(name) => Some(normal(name)),
        Expr::CompoundIdentifier(names) => Some(names.iter().map(normal).collect::<Vec<_>>().join(".")),
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) => Some(name.clone()),
        _ => None,
    }
}

/// True when the argument of a function in FROM, given by position or by name, is a relation.
pub fn takes_relation(function: &str, place: usize, name: Option<&str>) -> bool {
    let doc = functions::page(&function.to_lowercase());
    let argument = match name {
        Some(name) => doc.arguments.iter().find(|argument| argument.name.eq_ignore_ascii_case(name)),
        None => doc.arguments.get(place),
    };
    argument.is_some_and(|argument| argument.takes == Takes::Relation)
}
