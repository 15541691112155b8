//! Replaces calls of [macros](crate::adapter::table_macro) by their queries.
//!
//! This happens when each statement is planned, not when the script is parsed, because a macro may use objects that an earlier statement
//! has created. Calls are replaced one at a time, outermost first, as the query of an outer call may contain the inner ones.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::sql::parser::Statement as Parsed;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlparser::ast::{
    CastKind, Expr, FunctionArg, Ident, Query, Statement as SqlStatement, TableAlias, TableFactor, Value, ValueWithSpan,
    VisitorMut,
};

use super::command::Parameter;
use super::planning::with_time_zone;
use super::{call, parser, readers, relation, stars};
use crate::adapter::FunctionSet;
use crate::adapter::arguments::{Options, find, require_all};
use crate::adapter::definitions::{Definitions, StoredFunction};
use crate::adapter::table_macro::{Given, MacroCall, TableMacro};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::files;
use crate::functions;
use crate::statement::StatementContext;
use crate::text::literal;
use crate::walk::WalkMut;

/// How deeply macros may lead to one another. Without a limit, a tag over itself would never end.
const DEEPEST: usize = 16;
/// How many calls one statement may expand to. Depth alone is no bound: if each of 16 functions calls the previous one twice, that makes
/// 2¹⁶ calls.
const MOST_CALLS: usize = 1_000;

/// Replaces every call of a macro in a statement by a subquery. A macro's own lookups may read files if there is a `context`.
///
/// # Errors
/// A call is wrong.
pub async fn expand(
    parsed: &mut Parsed,
    state: &SessionState,
    definitions: &Arc<dyn Definitions>,
    context: Option<&StatementContext>,
) -> Result<()> {
    let macros = functions::all().iter().flat_map(|set| set.macros.iter().cloned()).collect();
    Expansion { state, macros, context, definitions: Arc::clone(definitions), calls: AtomicUsize::new(0) }
        .statement(parsed, 0)
        .await
}

/// A call in FROM that is replaced by a query.
#[derive(Debug, Clone)]
enum Callee {
    Macro(Arc<dyn TableMacro>),
    Stored(StoredFunction),
}

impl Callee {
    fn name(&self) -> &str {
        match self {
            Self::Macro(table_macro) => table_macro.doc().name,
            Self::Stored(stored) => &stored.name,
        }
    }
}

struct Expansion<'a> {
    state: &'a SessionState,
    macros: Vec<Arc<dyn TableMacro>>,
    context: Option<&'a StatementContext>,
    definitions: Arc<dyn Definitions>,
    /// The number of calls so far.
    calls: AtomicUsize,
}

impl Expansion<'_> {
    /// Boxed because it is recursive: a query contains other queries.
    fn statement<'b>(&'b self, parsed: &'b mut Parsed, depth: usize) -> BoxFuture<'b, Result<()>> {
        async move {
            loop {
                let mut first = First { expansion: self, put: None };
                let (callee, arguments) = match parser::visit(parsed, &mut first) {
                    ControlFlow::Continue(()) => return Ok(()),
                    ControlFlow::Break(found) => found?,
                };
                if depth >= DEEPEST {
                    let problem = format!("is a query that refers back to itself, {DEEPEST} queries deep");
                    return Err(invalid(callee.name(), problem));
                }
                if self.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
                    let problem = format!(
                        "the statement expands to more than {MOST_CALLS} calls, each of them a query; make tables of some"
                    );
                    return Err(invalid(callee.name(), problem));
                }
                let query = match callee {
                    Callee::Macro(table_macro) => self.call(table_macro.as_ref(), arguments, depth).await?,
                    Callee::Stored(stored) => self.call_stored(stored, arguments, depth).await?,
                };
                let mut first = First { expansion: self, put: Some(query) };
                let _ = parser::visit(parsed, &mut first);
            }
        }
        .boxed()
    }

    /// The query of a stored function, with its parameters replaced by the arguments of a call.
    async fn call_stored(&self, stored: StoredFunction, arguments: Vec<FunctionArg>, depth: usize) -> Result<Box<Query>> {
        let mut values = BTreeMap::new();
        let name = stored.name.clone();
        let known = || stored.parameters.iter().map(|parameter| parameter.name.as_str());
        let takes = match stored.parameters.len() {
            0 => "takes no arguments".to_string(),
            _ => format!("takes {}", known().collect::<Vec<_>>().join(", ")),
        };
        for (place, argument) in arguments.into_iter().enumerate() {
            let (named, value) = relation::split(&Doc::EMPTY, argument)?;
            let parameter = match &named {
                Some(named) => stored.parameters.iter().find(|parameter| parameter.name == *named).ok_or_else(|| {
                    let suggestion = did_you_mean(named, known());
                    coded(SqlState::UNDEFINED_FUNCTION, &name, format!("unknown argument \"{named}\"{suggestion}; it {takes}"))
                })?,
                None => stored
                    .parameters
                    .get(place)
                    .ok_or_else(|| coded(SqlState::UNDEFINED_FUNCTION, &name, format!("{takes}; {value} is one too many")))?,
            };
            let value = self.constant(&name, &parameter.name, &value)?;
            if values.insert(parameter.name.clone(), value).is_some() {
                return Err(invalid(&name, format!("{} is given twice", parameter.name)));
            }
        }
        for parameter in &stored.parameters {
            match (&parameter.default, values.contains_key(&parameter.name)) {
                (_, true) => {}
                (Some(default), false) => drop(values.insert(parameter.name.clone(), default.clone())),
                (None, false) => {
                    let problem =
                        format!("{} is missing; write {} => … ({})", parameter.name, parameter.name, parameter.data_type);
                    return Err(coded(SqlState::UNDEFINED_FUNCTION, &name, problem));
                }
            }
        }
        let query = with_arguments(stored, &values);
        let mut parsed = Parsed::Statement(Box::new(SqlStatement::Query(query)));
        self.statement(&mut parsed, depth + 1).await?;
        as_query(&name, parsed)
    }

    /// An argument of a stored function must be a constant or a parameter of the statement.
    fn constant(&self, function: &str, name: &str, value: &Expr) -> Result<Expr> {
        let wrong = || invalid(function, format!("{name} takes a constant, got {value}"));
        if is_parameter(value) {
            return Ok(value.clone());
        }
        let planned = self.state.create_logical_expr(&value.to_string(), &DFSchema::empty()).map_err(|_| wrong())?;
        let context = SimplifyContext::builder().with_current_time().build();
        call::constant(&planned, &context)?.ok_or_else(wrong)?;
        Ok(value.clone())
    }

    async fn call(&self, table_macro: &dyn TableMacro, arguments: Vec<FunctionArg>, depth: usize) -> Result<Box<Query>> {
        let mut call = self.read(table_macro.doc(), arguments)?;
        if let Some(question) = table_macro.asks(&call, self.definitions.as_ref())? {
            let mut question = parser::parse_composed(&question, self.state)?;
            self.statement(&mut question, depth + 1).await?;
            let files = match self.context {
                Some(context) => readers::open(&mut question, self.state, context).await?,
                None => vec![],
            };
            let plan = match self.context.filter(|_| !files.is_empty()) {
                Some(context) => stars::plan(question, &with_time_zone(context.with_files(files).state())).await,
                None => stars::plan(question, self.state).await,
            };
            // An error in the query is reported when the query is planned at its place, or by the macro.
            match plan {
                Ok(plan) => call.columns = Some(Arc::clone(plan.schema().inner())),
                Err(problem) => call.problem = Some(Arc::new(problem)),
            }
        }
        let text = table_macro.expand(call, self.definitions.as_ref())?;
        let mut parsed = parser::parse_composed(&text, self.state)?;
        self.statement(&mut parsed, depth + 1).await?;
        as_query(table_macro.doc().name, parsed)
    }

    /// Matches the arguments to the ones on the documentation page. An unnamed argument becomes the first one on the page that is still
    /// free and accepts such a value; options must be named.
    fn read(&self, doc: &'static Doc, arguments: Vec<FunctionArg>) -> Result<MacroCall> {
        let (mut given, mut options, mut names): (Vec<_>, Vec<_>, Vec<&'static str>) = (vec![], vec![], vec![]);
        let mut named = false;
        for argument in arguments {
            let (name, expression) = relation::split(doc, argument)?;
            let argument = match name {
                Some(name) => {
                    named = true;
                    find(doc, &name)?
                }
                None => {
                    let free = |argument: &&Argument| {
                        stands_alone(argument) && accepts(argument.takes, &expression) && !names.contains(&argument.name)
                    };
                    let place = doc.arguments.iter().find(free).filter(|_| !named);
                    place.ok_or_else(|| without_place(doc, &names, named, &expression))?
                }
            };
            if names.contains(&argument.name) {
                return Err(invalid(doc.name, format!("{} is given twice", argument.name)));
            }
            names.push(argument.name);
            if argument.takes.is_option() {
                options.push((argument.name, self.option(doc, argument, &expression)?));
            } else {
                given.push((argument.name, self.given(doc, argument, expression)?));
            }
        }
        require_all(doc, &names)?;
        Ok(MacroCall { doc, given, options: Options::read(doc, options)?, columns: None, problem: None })
    }

    fn given(&self, doc: &Doc, argument: &Argument, expression: Expr) -> Result<Given> {
        let wrong = |expression: &Expr| {
            let wanted = match argument.takes {
                Takes::Name(kind) => format!("the name of a {kind}"),
                Takes::Relation => "a table name or (SELECT …)".to_string(),
                _ => "a query in parentheses, (SELECT …)".to_string(),
            };
            invalid(doc.name, format!("{} must be {wanted}, got {expression}", argument.name))
        };
        match argument.takes {
            Takes::Name(_) => name_of(self.state, &expression).map(Given::Name).ok_or_else(|| wrong(&expression)),
            Takes::Query => match expression {
                Expr::Subquery(query) => Ok(Given::Query(query)),
                other => Err(wrong(&other)),
            },
            Takes::Relation if !accepts(argument.takes, &expression) => Err(wrong(&expression)),
            takes if takes.is_role() => Ok(Given::Expression(Box::new(columns_in_quotes(expression)))),
            _ => Ok(Given::Expression(Box::new(expression))),
        }
    }

    fn option(&self, doc: &Doc, argument: &Argument, expression: &Expr) -> Result<ScalarValue> {
        let text = expression.to_string();
        let no_constant =
            || invalid(doc.name, format!("{} takes a constant ({}), got {text}", argument.name, argument.takes.describe()));
        let planned = self.state.create_logical_expr(&text, &DFSchema::empty()).map_err(|_| no_constant())?;
        let context = SimplifyContext::builder().with_current_time().build();
        call::constant(&planned, &context)?.ok_or_else(no_constant)
    }
}

/// True for arguments that may be given without their name.
fn stands_alone(argument: &Argument) -> bool {
    match argument.takes {
        Takes::Query | Takes::Name(_) | Takes::Relation => true,
        Takes::Value(_) => argument.default.is_none(),
        _ => false,
    }
}

/// What other programs call the functions in FROM.
const ELSEWHERE: [(&[&str], &str); 12] = [
    (&["apriori", "eclat", "fpgrowth", "fp_growth", "fpmax", "arules", "market_basket"], "association_rules"),
    (&["recommendation", "recommendations", "recommender", "cross_sell", "next_best_offer"], "recommend"),
    (&["funnel", "funnels", "windowfunnel"], "window_funnel"),
    (&["cohort", "cohorts", "cohort_analysis", "cohort_retention"], "retention"),
    (&["session", "sessions", "sessionise"], "sessionize"),
    (&["ab_test", "abtest", "t_test", "ttest", "experiment"], "experiment_result"),
    (&["silhouette", "elbow"], "choose_clusters"),
    (&["prefixspan", "sequential_patterns"], "frequent_sequences"),
    (&["kaplan_meier", "kaplanmeier", "survival"], "survival_curve"),
    (&["dedupe", "deduplicate", "record_linkage", "entity_resolution"], "resolve_identities"),
    (&["clv", "ltv", "lifetime_value"], "customer_lifetime_value"),
    (&["nps", "net_promoter_score"], "nps_result"),
];

fn accepts(takes: Takes, expression: &Expr) -> bool {
    match takes {
        Takes::Query => matches!(expression, Expr::Subquery(_)),
        Takes::Name(_) => !matches!(expression, Expr::Subquery(_)),
        Takes::Relation => match expression {
            Expr::Subquery(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) => true,
            Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_)),
            _ => false,
        },
        _ => true,
    }
}

fn begins_with_query(doc: &Doc) -> bool {
    doc.arguments.first().is_some_and(|first| matches!(first.takes, Takes::Query))
}

fn without_place(doc: &Doc, names: &[&str], named: bool, expression: &Expr) -> DataFusionError {
    let free: Vec<&str> = doc.arguments.iter().map(|argument| argument.name).filter(|name| !names.contains(name)).collect();
    invalid(
        doc.name,
        match free.as_slice() {
            [] => relation::one_too_many(doc, expression),
            _ if named => format!("arguments after a named one are named; write name => {expression}"),
            _ if names.is_empty() && begins_with_query(doc) && !accepts(Takes::Query, expression) => {
                format!("takes a query; write {}((SELECT * FROM {expression}))", doc.name)
            }
            free => {
                let free = free.join(", ");
                // `tag_drift(customer, spending)` asks for one of the rows.
                let one = match (&expression, doc.columns.iter().any(|column| column.name == "tag")) {
                    (Expr::Identifier(tag), true) => format!("; for one tag, write WHERE tag = {}", literal(&tag.value)),
                    _ => String::new(),
                };
                format!("{expression} is an argument without a name; write name => {expression}, with a name from: {free}{one}")
            }
        },
    )
}

/// A name in the form that the catalog uses.
fn name_of(state: &SessionState, expression: &Expr) -> Option<String> {
    let lower = state.config_options().sql_parser.enable_ident_normalization;
    let part = |name: &Ident| match name.quote_style {
        None if lower => name.value.to_lowercase(),
        _ => name.value.clone(),
    };
    match expression {
        Expr::Identifier(name) => Some(part(name)),
        Expr::CompoundIdentifier(names) => Some(names.iter().map(part).collect::<Vec<_>>().join(".")),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn as_query(name: &str, parsed: Parsed) -> Result<Box<Query>> {
    let wrong = |other: String| invalid(name, format!("stands for a query, not for {other}"));
    match parsed {
        Parsed::Statement(statement) => match *statement {
            SqlStatement::Query(query) => Ok(query),
            other => Err(wrong(other.to_string())),
        },
        other => Err(wrong(other.to_string())),
    }
}

/// True for a parameter of the statement, also in the casts of functions that pass theirs on.
fn is_parameter(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        Expr::Cast { expr, .. } => is_parameter(expr),
        _ => false,
    }
}

/// The query of a stored function with its parameters replaced by values.
pub fn with_arguments(stored: StoredFunction, values: &BTreeMap<String, Expr>) -> Box<Query> {
    struct Put<'a> {
        parameters: &'a [Parameter],
        values: &'a BTreeMap<String, Expr>,
    }
    impl VisitorMut for Put<'_> {
        type Break = ();
        // Children are visited before their parent, so an argument that is itself a parameter is not replaced again.
        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            let Expr::Value(value) = &*expression else { return ControlFlow::Continue(()) };
            let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
            let name = name.trim_start_matches('$');
            let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
            let Some((parameter, given)) = parameter.zip(self.values.get(name)) else { return ControlFlow::Continue(()) };
            *expression = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(given.clone()),
                data_type: parameter.data_type.clone(),
                array: false,
                format: None,
            };
            ControlFlow::Continue(())
        }
    }
    let mut query = stored.query;
    let _ = query.walk_mut(&mut Put { parameters: &stored.parameters, values });
    query
}

/// Finds the first call to be replaced: returns the call, or puts a query in its place.
struct First<'a, 'b> {
    expansion: &'a Expansion<'b>,
    put: Option<Box<Query>>,
}

impl First<'_, '_> {
    /// What a call in FROM refers to; `None` for functions that are planned as they are.
    fn callee(&self, name: &str) -> Result<Option<Callee>> {
        let is_it = |table_macro: &&Arc<dyn TableMacro>| table_macro.doc().name.eq_ignore_ascii_case(name);
        if let Some(table_macro) = self.expansion.macros.iter().find(is_it) {
            return Ok(Some(Callee::Macro(Arc::clone(table_macro))));
        }
        // Names that no user writes: a function as a refresh sees it.
        if let Some(stored) = self.expansion.definitions.function_as_known(name)? {
            return Ok(Some(Callee::Stored(stored)));
        }
        let name = name.to_lowercase();
        if super::relation_function(&name).is_some()
            || files::reader(&name).is_some()
            || self.expansion.state.table_functions().contains_key(&name)
        {
            return Ok(None);
        }
        if let Some(stored) = self.expansion.definitions.function(&name)? {
            return Ok(Some(Callee::Stored(stored)));
        }
        if self.expansion.state.aggregate_functions().contains_key(&name) {
            let problem = format!("is an aggregate, which stands after SELECT; write SELECT {name}(…) FROM …");
            return Err(coded(SqlState::WRONG_OBJECT_TYPE, &name, problem));
        }
        let known = functions::all().iter().flat_map(FunctionSet::docs).filter(|doc| doc.kind == Kind::Relation);
        let mut known: Vec<String> = known.map(|doc| doc.name.to_string()).collect();
        known.extend(files::readers().iter().map(|doc| doc.name.to_string()));
        known.extend(self.expansion.state.table_functions().keys().cloned());
        known.extend(self.expansion.definitions.functions()?);
        let elsewhere = ELSEWHERE.iter().find(|(names, _)| names.contains(&name.as_str()));
        let suggestion = match elsewhere {
            Some((_, ours)) => did_you_mean(ours, [*ours]),
            None => did_you_mean(&name, known.iter().map(String::as_str)),
        };
        let problem = format!("no such function in FROM{suggestion}; \\df or system.functions lists them");
        Err(coded(SqlState::UNDEFINED_FUNCTION, &name, problem))
    }
}

impl VisitorMut for First<'_, '_> {
    type Break = Result<(Callee, Vec<FunctionArg>)>;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let (name, arguments, alias, sample) = match factor {
            TableFactor::Table { name, args: Some(arguments), alias, sample, .. } => {
                (name, &arguments.args, alias, sample.clone())
            }
            TableFactor::Function { name, args, alias, .. } => (name, &*args, alias, None),
            _ => return ControlFlow::Continue(()),
        };
        let Some(name) = relation::single_name(name) else { return ControlFlow::Continue(()) };
        let callee = match self.callee(&name) {
            Ok(Some(callee)) => callee,
            Ok(None) => return ControlFlow::Continue(()),
            Err(error) => return ControlFlow::Break(Err(error)),
        };
        let arguments = arguments.clone();
        if let Some(subquery) = self.put.take() {
            let own = || TableAlias { explicit: true, name: Ident::new(callee.name()), columns: vec![], at: None };
            let alias = Some(alias.take().unwrap_or_else(own));
            *factor = TableFactor::Derived { lateral: false, subquery, alias, sample };
        }
        ControlFlow::Break(Ok((callee, arguments)))
    }
}

/// Turns a quoted column name, alone or in a list, into a column: `'phone'` means `"phone"`, since a constant string would say nothing
/// about a row.
pub fn columns_in_quotes(expression: Expr) -> Expr {
    match expression {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) => {
            Expr::Identifier(Ident::with_quote('"', name))
        }
        Expr::Array(mut list) => {
            list.elem = list.elem.into_iter().map(columns_in_quotes).collect();
            Expr::Array(list)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;
    use datafusion::sql::parser::DFParser;

    use super::*;
    use crate::adapter::definitions::NoDefinitions;
    use crate::error::message;

    #[derive(Debug)]
    struct Greeting;

    const DOC: Doc = Doc {
        name: "greeting",
        kind: Kind::Relation,
        arguments: &[
            Argument::optional("words", Takes::Query, "", ""),
            Argument::optional("whom", Takes::Name("customer"), "", ""),
            Argument::optional("times", Takes::Integer(1, 9), "1", ""),
            Argument::optional("when", Takes::Value("condition"), "", ""),
        ],
        ..Doc::EMPTY
    };

    impl TableMacro for Greeting {
        fn doc(&self) -> &'static Doc {
            &DOC
        }

        fn asks(&self, call: &MacroCall, _definitions: &dyn Definitions) -> Result<Option<String>> {
            Ok(call.query("words").map(ToString::to_string))
        }

        fn expand(&self, call: MacroCall, _definitions: &dyn Definitions) -> Result<String> {
            let columns = call.columns.as_ref().map_or(0, |columns| columns.fields().len());
            let whom = call.name("whom").unwrap_or_default();
            let when = call.expression("when").map(ToString::to_string).unwrap_or_default();
            Ok(format!(
                "SELECT '{whom}' AS whom, {} AS times, {columns} AS columns, '{when}' AS at",
                call.options.integer("times")?
            ))
        }
    }

    fn expanded(sql: &str) -> Result<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let state = SessionContext::new().state();
        let mut parsed = DFParser::parse_sql(sql)?.pop_front().unwrap();
        let expansion = Expansion {
            context: None,
            state: &state,
            macros: vec![Arc::new(Greeting)],
            definitions: Arc::new(NoDefinitions),
            calls: AtomicUsize::new(0),
        };
        runtime.block_on(expansion.statement(&mut parsed, 0))?;
        Ok(parsed.to_string())
    }

    #[test]
    fn a_call_becomes_its_query() {
        for call in ["greeting(World)", "greeting('world')", "greeting(whom => \"world\")"] {
            let query = "(SELECT 'world' AS whom, 1 AS times, 0 AS columns, '' AS \"at\") AS greeting";
            assert_eq!(expanded(&format!("SELECT * FROM {call}")).unwrap(), format!("SELECT * FROM {query}"));
        }
        let sql = "SELECT * FROM t JOIN greeting((SELECT 1, 2), times => 1 + 1, when => a < 3) AS g USING (x)";
        let query = "(SELECT '' AS whom, 2 AS times, 2 AS columns, 'a < 3' AS \"at\") AS g";
        assert_eq!(expanded(sql).unwrap(), format!("SELECT * FROM t JOIN {query} USING(x)"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (call, problem) in [
            ("a, b", "b is an argument without a name; write name => b, with a name from: words, times, when"),
            (
                "(SELECT 1), (SELECT 2)",
                "(SELECT 2) is an argument without a name; write name => (SELECT 2), with a name from: whom, times, when",
            ),
            ("who => a", "unknown argument \"who\"; perhaps \"whom\" is meant; it takes words, whom, times, when"),
            ("a, whom => b", "whom is given twice"),
            ("(SELECT 1), a, times => 1, when => b, c", "takes 4 arguments; c is one too many"),
            ("times => a", "times takes a constant (integer, 1 to 9), got a"),
            ("times => 10", "times must be from 1 to 9, got 10"),
            ("words => a", "words must be a query in parentheses, (SELECT …), got a"),
            ("1 + 1", "whom must be the name of a customer, got 1 + 1"),
            ("times => 2, a", "arguments after a named one are named; write name => a"),
        ] {
            let error = expanded(&format!("SELECT * FROM greeting({call})")).unwrap_err();
            let text = message(&error);
            assert!(text.starts_with(&format!("greeting: {problem}")) || text == problem, "{text}\n{problem}");
        }
    }

    #[test]
    fn a_parameter_of_the_statement_may_have_the_name_of_one_of_the_function() {
        let day = Parameter { name: "day".into(), data_type: sqlparser::ast::DataType::Date, default: None };
        let query = parser::parse_query("SELECT $day").unwrap();
        let stored = StoredFunction { name: "f".into(), parameters: vec![day], query };
        let given = Expr::value(Value::Placeholder("$day".into()));
        let query = with_arguments(stored, &BTreeMap::from([("day".to_string(), given)]));
        assert_eq!(query.to_string(), "SELECT CAST($day AS DATE)");
    }

    #[derive(Debug)]
    struct Tags;

    impl Definitions for Tags {
        fn tag_query(&self, profile: &str, tag: &str) -> Result<String> {
            match (profile, tag) {
                ("customer", "age_band") => {
                    Ok("SELECT k, CASE WHEN a < 1 THEN '\\' END FROM (SELECT 1 AS k, 2 AS a) -- by age".into())
                }
                ("customer", "itself") => {
                    Ok("SELECT rules, CASE WHEN customers > 1 THEN 'x' END FROM mece_check(customer, itself)".into())
                }
                _ => Err(invalid(tag, format!("no such tag of {profile}"))),
            }
        }
    }

    #[test]
    fn a_macro_asks_about_the_objects_of_the_database() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let objects: Arc<dyn Definitions> = Arc::new(Tags);
        let builder = SessionStateBuilder::new().with_default_features();
        let context = SessionContext::new_with_state(crate::sql::register_with(builder, Arc::clone(&objects)).build());
        let rows = |arguments: &str| {
            let sql = format!("SELECT * FROM mece_check({arguments})");
            runtime
                .block_on(async { crate::sql::sql_with(&context, &sql, &objects).await?.count().await })
                .map_err(|error| message(&error))
        };
        assert_eq!(rows("customer, age_band"), Ok(2));
        assert_eq!(rows("Customer, 'age_band', domain => a < 1, examples => 1"), Ok(1));
        assert_eq!(rows("customer, age"), Err("age: no such tag of customer".to_string()));
        let circle = "mece_check: is a query that refers back to itself, 16 queries deep";
        assert_eq!(rows("customer, itself"), Err(circle.to_string()));
        runtime.block_on(async { context.sql("SET datafusion.sql_parser.dialect = 'mysql'").await?.collect().await }).unwrap();
        assert_eq!(rows("(SELECT k, CASE WHEN a = 'x\\\\' THEN '\\'\\'' END FROM (SELECT 1 AS k, 'y' AS a) AS t)"), Ok(2));
    }

    #[test]
    fn profiles_need_a_database() {
        let error = NoDefinitions.tag_query("customer", "age_band").unwrap_err();
        assert!(message(&error).starts_with("customer: profiles need a session of a database"));
    }
}
