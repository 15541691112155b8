//! Renames the tables that a query reads, and WITH queries that have the name of another one.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, TableAlias, TableFactor, VisitMut, VisitorMut, With,
};

use super::command::normal;
use crate::docs::Takes;
use crate::functions;
use crate::walk::WalkMut;

/// Renames the tables of a query to what `rename` returns for the parts of their names. Their old names become aliases. CTE names are not
/// tables; a table name that is an argument of a function in FROM is.
pub fn rename_tables(query: &mut Query, rename: &dyn Fn(&[String]) -> Option<ObjectName>) {
    let _ = query.walk_mut(&mut Renaming::new(rename, Apart::None));
}

/// Gives a CTE that has the name of one around it another name, as DataFusion refuses it; the name becomes an alias where the CTE is read.
pub fn name_apart(part: &mut impl VisitMut) {
    let _ = part.walk_mut(&mut naming_apart());
}

/// The visitor of [`name_apart`].
pub fn naming_apart() -> impl VisitorMut<Break = ()> {
    Renaming::new(&|_| None, Apart::Inner)
}

/// Writes the schema `public` before the tables that a definition names alone, if `is_table` knows them, and gives its CTEs names that
/// tell `definition`. A definition is put into the queries of others, where a CTE or a schema of the search path may have a table of the
/// same name.
pub fn name_public(query: &mut Query, definition: &str, is_table: &dyn Fn(&str) -> bool) {
    let rename = |parts: &[String]| match parts {
        [table] if is_table(table) => Some(ObjectName::from(["public", table].map(|part| Ident::with_quote('"', part)).to_vec())),
        _ => None,
    };
    let _ = query.walk_mut(&mut Renaming::new(&rename, Apart::All(definition)));
}

/// Which CTEs get other names.
enum Apart<'a> {
    None,
    /// Those that have the name of a CTE around them.
    Inner,
    /// All those of the definition of this name.
    All(&'a str),
}

/// A CTE that is visible at a point of the visit.
struct Cte {
    name: String,
    /// Its name after the visit.
    becomes: Option<String>,
}

struct Renaming<'a> {
    rename: &'a dyn Fn(&[String]) -> Option<ObjectName>,
    apart: Apart<'a>,
    /// The CTEs visible at the current point of the visit, outer ones first.
    ctes: Vec<Cte>,
    /// For each enclosing query: its WITH clause, taken out while the body is visited, and the number of CTEs visible outside of it.
    aside: Vec<(Option<With>, usize)>,
}

impl<'a> Renaming<'a> {
    fn new(rename: &'a dyn Fn(&[String]) -> Option<ObjectName>, apart: Apart<'a>) -> Self {
        Self { rename, apart, ctes: vec![], aside: vec![] }
    }

    fn renamed(&self, name: &ObjectName) -> Option<(ObjectName, Ident)> {
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(normal)).collect();
        let own = parts.last()?;
        let alias = Ident::with_quote('"', own);
        if parts.len() == 1
            && let Some(cte) = self.ctes.iter().rfind(|cte| cte.name == *own)
        {
            let becomes = cte.becomes.as_ref()?;
            return Some((ObjectName::from(vec![Ident::with_quote('"', becomes)]), alias));
        }
        Some(((self.rename)(&parts)?, alias))
    }

    /// The name that a CTE gets; `outer` is the number of CTEs around its WITH clause.
    fn name_of_cte(&self, name: &str, outer: usize) -> Option<String> {
        let (around, beside) = self.ctes.split_at(outer);
        // A name that WITH gives twice is an error, so both become the same.
        if let Some(same) = beside.iter().find(|cte| cte.name == name) {
            return same.becomes.clone();
        }
        let base = match self.apart {
            Apart::Inner if around.iter().any(|cte| cte.name == name) => name.to_string(),
            Apart::All(definition) => format!("{name} of {definition}"),
            Apart::None | Apart::Inner => return None,
        };
        let is_taken = |new: &String| self.ctes.iter().any(|cte| cte.name == *new || cte.becomes.as_ref() == Some(new));
        let numbered = (2..).map(|number| format!("{base} {number}"));
        std::iter::once(base.clone()).chain(numbered).find(|new| new != name && !is_taken(new))
    }

    fn argument(&self, argument: &mut FunctionArgExpr) {
        let FunctionArgExpr::Expr(expression) = argument else { return };
        let name = match expression {
            Expr::Identifier(name) => ObjectName::from(vec![name.clone()]),
            Expr::CompoundIdentifier(names) => ObjectName::from(names.clone()),
            _ => return,
        };
        let Some((renamed, _)) = self.renamed(&name) else { return };
        *expression = Expr::CompoundIdentifier(renamed.0.iter().filter_map(|part| part.as_ident().cloned()).collect());
    }

    /// The tables among the arguments of a function.
    fn arguments(&self, function: &ObjectName, arguments: &mut [FunctionArg]) {
        let Some(name) = function.0.last().and_then(|part| part.as_ident()) else { return };
        let page = functions::page(&name.value.to_lowercase());
        for (place, argument) in arguments.iter_mut().enumerate() {
            let takes = |name: &str| page.argument(name).is_some_and(|argument| argument.takes == Takes::Relation);
            match argument {
                FunctionArg::Named { name, arg, .. } if takes(&name.value.to_lowercase()) => self.argument(arg),
                FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } if takes(&name.value.to_lowercase()) => {
                    self.argument(arg);
                }
                FunctionArg::Unnamed(arg) if page.arguments.get(place).is_some_and(|own| own.takes == Takes::Relation) => {
                    self.argument(arg);
                }
                _ => {}
            }
        }
    }
}

impl VisitorMut for Renaming<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let seen = self.ctes.len();
        let mut with = query.with.take();
        if let Some(With { recursive, cte_tables, .. }) = &mut with {
            for cte in cte_tables {
                let name = normal(&cte.alias.name);
                let becomes = self.name_of_cte(&name, seen);
                if let Some(becomes) = &becomes {
                    cte.alias.name = Ident::with_quote('"', becomes);
                }
                let own = Cte { name, becomes };
                // A CTE sees the CTEs before it, and itself if it is recursive.
                if *recursive {
                    self.ctes.push(own);
                    let _ = cte.query.walk_mut(self);
                } else {
                    let _ = cte.query.walk_mut(self);
                    self.ctes.push(own);
                }
            }
        }
        self.aside.push((with, seen));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some((with, seen)) = self.aside.pop() {
            query.with = with;
            self.ctes.truncate(seen);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                if let Some((renamed, own)) = self.renamed(name) {
                    *name = renamed;
                    alias.get_or_insert_with(|| TableAlias { explicit: true, name: own, columns: vec![], at: None });
                }
            }
            TableFactor::Table { name, args: Some(arguments), .. } => self.arguments(name, &mut arguments.args),
            TableFactor::Function { name, args, .. } => self.arguments(name, args),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parser::parse_query;

    #[test]
    fn inner_ctes_get_names_of_their_own() {
        let apart = |sql: &str| {
            let mut query = parse_query(sql).unwrap();
            name_apart(query.as_mut());
            query.to_string()
        };
        let inner = "WITH a AS (SELECT 1 AS k), b AS (WITH a AS (SELECT * FROM a) SELECT a.k FROM a JOIN a AS x ON true) SELECT * FROM a, b";
        let expected = "WITH a AS (SELECT 1 AS k), b AS (WITH \"a 2\" AS (SELECT * FROM a) \
                        SELECT a.k FROM \"a 2\" AS \"a\" JOIN \"a 2\" AS x ON true) SELECT * FROM a, b";
        assert_eq!(apart(inner), expected);
        let beside = "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS x, (WITH a AS (SELECT 2) SELECT * FROM a) AS y";
        assert_eq!(apart(beside), beside);
    }

    #[test]
    fn tables_are_renamed_and_ctes_are_not() {
        let renamed = |sql: &str| {
            let mut query = parse_query(sql).unwrap();
            rename_tables(&mut query, &|parts| {
                let [name] = parts else { return None };
                Some(ObjectName::from(["k", name].map(|part| Ident::with_quote('"', part)).to_vec()))
            });
            query.to_string()
        };
        assert_eq!(renamed("SELECT * FROM o JOIN s.p ON true"), r#"SELECT * FROM "k"."o" AS "o" JOIN s.p ON true"#);
        let shadowed = "WITH o AS (SELECT * FROM o), q AS (SELECT * FROM o) SELECT * FROM o, (SELECT * FROM q AS x, r AS y)";
        let expected = "WITH o AS (SELECT * FROM \"k\".\"o\" AS \"o\"), q AS (SELECT * FROM o) \
                        SELECT * FROM o, (SELECT * FROM q AS x, \"k\".\"r\" AS y)";
        assert_eq!(renamed(shadowed), expected);
        let inner = "SELECT * FROM (WITH o AS (SELECT 1) SELECT * FROM o) JOIN o ON EXISTS (SELECT 1 FROM o)";
        let expected = "SELECT * FROM (WITH o AS (SELECT 1) SELECT * FROM o) JOIN \"k\".\"o\" AS \"o\" \
                        ON EXISTS (SELECT 1 FROM \"k\".\"o\" AS \"o\")";
        assert_eq!(renamed(inner), expected);
        let function = "SELECT * FROM ml_predict(m, o), frequent_itemsets(o, basket => b, item => i)";
        let expected = r#"SELECT * FROM ml_predict(m, "k"."o"), frequent_itemsets("k"."o", basket => b, item => i)"#;
        assert_eq!(renamed(function), expected);
    }
}
