//! The hook in FROM that plans `name(input, role => expression, option => constant)`, following the function's documentation page.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, SchemaError};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{
    self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, ObjectName, TableAlias,
    TableFactor, TableSample, TableSampleKind, TableSampleModifier,
};

use super::call::CallNode;
use super::capitals;
use super::macros::columns_in_quotes;
use super::rules::group_keys::corrected;
use super::rules::unions;
use super::stars;
use super::syntax::read_again;
use crate::adapter::arguments::{check_role, find, is_default, parameter_type, require_all};
use crate::adapter::definitions::Definitions;
use crate::adapter::relation::{Binding, FromFunction, Role, Roles};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{column_meant, in_quotes, invalid};
use crate::text::with_article;

/// Plans the relation functions in FROM and the WITH queries that are computed once, and leaves the rest to DataFusion.
#[derive(Debug)]
pub struct FromHook {
    /// Where functions look up stored objects. It is a field because DataFusion passes no session to relation planners.
    pub objects: Arc<dyn Definitions>,
}

impl RelationPlanner for FromHook {
    fn plan_relation(&self, mut relation: TableFactor, context: &mut dyn RelationPlannerContext) -> Result<RelationPlanning> {
        if let Some(marked) = read_again::unmark(&mut relation) {
            let plan = marked.plan(unions::settled(context.plan(relation)?)?.data)?;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))));
        }
        if let Some(alias) = is_asked(&mut relation) {
            // What identifies the rows is right before GROUP BY asks for it, and types are before expressions are planned.
            let plan = unions::settled(corrected(context.plan(relation)?)?.data)?.data;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
        }
        if let Some(table) = stars::table_of(&relation).cloned()
            && let TableFactor::Derived { alias, .. } = relation
        {
            let plan = stars::all_columns(Arc::new(context.plan(table)?))?;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
        }
        let name = match &relation {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => name,
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let Some(function) = single_name(name).and_then(|name| super::relation_function(&name)) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let (arguments, alias) = match relation {
            TableFactor::Table { args: Some(arguments), alias, .. } => (arguments.args, alias),
            TableFactor::Function { args, alias, .. } => (args, alias),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let plan = Reader { function, objects: self.objects.as_ref(), context }.read(arguments)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// Takes the alias of a table or query, and marks it as one that is planned for the hook itself; `None` for one with the mark, and for other
/// items of FROM.
fn is_asked(relation: &mut TableFactor) -> Option<Option<TableAlias>> {
    let (TableFactor::Derived { alias, sample, .. } | TableFactor::Table { alias, sample, args: None, .. }) = relation else {
        return None;
    };
    if sample.is_some() {
        return None;
    }
    // The planner does not look at samples, which are rewritten before.
    let mark =
        TableSample { modifier: TableSampleModifier::Sample, name: None, quantity: None, seed: None, bucket: None, offset: None };
    *sample = Some(TableSampleKind::AfterTableAlias(Box::new(mark)));
    Some(alias.take())
}

pub fn single_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|name| name.value.clone()),
        _ => None,
    }
}

struct Reader<'a> {
    function: FromFunction,
    objects: &'a dyn Definitions,
    context: &'a mut dyn RelationPlannerContext,
}

impl Reader<'_> {
    fn doc(&self) -> &'static Doc {
        self.function.doc()
    }

    /// The plan of a call. That is a call node, to be expanded once its options have values, or the expanded plan right away if the
    /// function takes no options.
    fn read(mut self, arguments: Vec<FunctionArg>) -> Result<LogicalPlan> {
        let doc = self.doc();
        let given = self.match_names(arguments)?;
        require_all(doc, &given.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;

        let (mut names, mut input, mut others, mut roles, mut options) = (vec![], None, vec![], vec![], vec![]);
        for (name, expression) in given {
            match find(doc, name)?.takes {
                Takes::Name(kind) => names.push((name, self.name(name, kind, &expression)?)),
                Takes::Relation if doc.relations().next().is_some_and(|first| first.name == name) => {
                    input = Some(self.relation(name, expression)?);
                }
                Takes::Relation => others.push((name, self.relation(name, expression)?)),
                Takes::ConditionOr(_) if is_text(&expression) => {
                    options.push((name, self.option(name, find(doc, name)?.takes, expression)?))
                }
                takes if takes.is_role() => roles.push((name, takes, expression)),
                takes => options.push((name, self.option(name, takes, expression)?)),
            }
        }
        let binding =
            Binding { doc, names: &names, input: input.as_ref().map(|input| input.schema().as_ref()), objects: self.objects };
        let function = self.function.bind(&binding)?;
        let (input, roles) = self.project(input, roles)?;
        let columns = function.columns(&roles)?;
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].iter().any(|other| other.name() == column.name()) {
                let problem = format!(
                    "the input's column \"{}\" has the name of a result column; rename it in (SELECT … AS …)",
                    column.name()
                );
                return Err(invalid(doc.name, problem));
            }
        }
        let schema = Arc::new(DFSchema::try_from_qualified_schema(doc.name, &Schema::new(columns))?);
        let call = CallNode { function, names, input, others, roles, options, schema, residual: vec![] };
        // Constant options are checked right away, so that CREATE VIEW fails for a wrong call.
        match call.expand(&SimplifyContext::default(), 1)? {
            // No options to wait for. As an ordinary plan it can share a scan with other tags of a profile.
            Some(plan) if matches!(self.function, FromFunction::Object(_)) && !takes_options(doc) => Ok(plan),
            _ => Ok(call.into_plan()),
        }
    }

    /// Matches arguments to the names on the page. Leading objects and relations may be unnamed; for functions without input, all may.
    fn match_names(&self, arguments: Vec<FunctionArg>) -> Result<Vec<(&'static str, ast::Expr)>> {
        let doc = self.doc();
        let relations = doc.relations().count();
        // On every page, objects and relations come first.
        let stands_alone = |argument: &&Argument| matches!(argument.takes, Takes::Relation | Takes::Name(_));
        let leading = doc.arguments.iter().take_while(stands_alone).count();
        let mut given: Vec<(&'static str, ast::Expr)> = vec![];
        let mut named = false;
        for (position, argument) in arguments.into_iter().enumerate() {
            let (name, expression) = split(doc, argument)?;
            let argument = match name {
                Some(name) => {
                    named = true;
                    find(doc, &name)?
                }
                None if !named && (relations == 0 || position < leading || position >= doc.arguments.len()) => {
                    match doc.arguments.get(position) {
                        Some(argument) => argument,
                        None => {
                            return Err(invalid(doc.name, one_too_many(doc, &expression)));
                        }
                    }
                }
                None => {
                    if let Some((last, whole)) = given.last()
                        && is_digits(whole)
                        && is_digits(&expression)
                    {
                        let problem = format!("the decimal sign is a point; write {last} => {whole}.{expression}");
                        return Err(invalid(doc.name, problem));
                    }
                    let next = doc.arguments.get(position).map_or("name", |argument| argument.name);
                    return Err(invalid(doc.name, format!("arguments after the input are named; write {next} => {expression}")));
                }
            };
            if given.iter().any(|(other, _)| *other == argument.name) {
                return Err(invalid(doc.name, format!("{} is given twice", argument.name)));
            }
            given.push((argument.name, expression));
        }
        Ok(given)
    }

    /// The name of an object as the catalog has it: `customer`, `"customer"` and `'customer'` mean the same.
    fn name(&self, name: &str, kind: &str, expression: &ast::Expr) -> Result<String> {
        let part = |name: &ast::Ident| self.context.normalize_ident(name.clone());
        let found = match expression {
            ast::Expr::Identifier(name) => Some(part(name)),
            ast::Expr::CompoundIdentifier(names) => Some(names.iter().map(part).collect::<Vec<_>>().join(".")),
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(name) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| {
            let problem = format!("{name} must be the name of {}, got {expression}", with_article(kind));
            invalid(self.doc().name, problem)
        })
    }

    fn relation(&mut self, name: &str, expression: ast::Expr) -> Result<LogicalPlan> {
        let factor = match expression {
            ast::Expr::Subquery(subquery) => TableFactor::Derived { lateral: false, subquery, alias: None, sample: None },
            ast::Expr::Identifier(name) => table(ObjectName::from(vec![name]), None),
            ast::Expr::CompoundIdentifier(names) => table(ObjectName::from(names), None),
            ast::Expr::Function(call) => match call.args {
                FunctionArguments::List(list) => {
                    table(call.name, Some(ast::TableFunctionArgs { args: list.args, settings: None }))
                }
                _ => table(call.name, None),
            },
            other => {
                let problem = format!("{name} must be a table name or (SELECT …), got {other}");
                return Err(invalid(self.doc().name, problem));
            }
        };
        self.context.plan(factor)
    }

    fn option(&mut self, name: &str, takes: Takes, expression: ast::Expr) -> Result<Expr> {
        let text = expression.to_string();
        let planned = self.context.sql_to_expr(expression, &DFSchema::empty()).map_err(|error| match missing_column(&error) {
            Some(_) => {
                let advice = match takes {
                    Takes::Choice(_) | Takes::Choices(_) | Takes::ConditionOr(_) | Takes::Text | Takes::Texts => in_quotes(&text),
                    _ => String::new(),
                };
                invalid(self.doc().name, format!("{name} takes a constant ({}), got {text}{advice}", takes.describe()))
            }
            None => error,
        })?;
        Ok(match planned {
            // Give parameters a type, so that a prepared statement can be described.
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let field = Field::new(name, parameter_type(takes), true);
                Expr::Placeholder(Placeholder::new_with_field(id, Some(Arc::new(field))))
            }
            planned => planned,
        })
    }

    /// Projects the input to its roles, named after the roles and in the order of the page.
    fn project(
        &mut self,
        input: Option<LogicalPlan>,
        mut given: Vec<(&'static str, Takes, ast::Expr)>,
    ) -> Result<(Option<LogicalPlan>, Roles)> {
        let doc = self.doc();
        let Some(input) = input else { return Ok((None, Roles::default())) };
        if !doc.arguments.iter().any(|argument| argument.takes.is_role()) {
            return Ok((Some(input), Roles::default()));
        }
        let place = |name: &str| doc.arguments.iter().position(|argument| argument.name == name);
        given.sort_by_key(|(name, ..)| place(name));
        let mut read = vec![];
        for (name, takes, expression) in given {
            match expression {
                ast::Expr::Array(list) if takes.is_list_of_roles() => {
                    if list.elem.is_empty() {
                        let problem = match takes {
                            Takes::Conditions => format!("{name} needs at least one condition"),
                            _ if doc.argument(name).is_some_and(|argument| argument.default.is_none()) => {
                                format!("{name} needs at least one column")
                            }
                            Takes::Metrics => format!("{name} needs at least one column"),
                            _ => format!("{name} needs at least one column; leave {name} out to have all that fit"),
                        };
                        return Err(invalid(doc.name, problem));
                    }
                    for (number, expression) in list.elem.into_iter().enumerate() {
                        read.push(self.role(name, takes, &input, expression, Some(number))?);
                    }
                }
                other if takes == Takes::Metrics => read.push(self.role(name, takes, &input, other, Some(0))?),
                other if takes.is_list_of_roles() => {
                    let problem = format!("{name} takes a {}; write {name} => [{other}]", takes.describe());
                    return Err(invalid(doc.name, problem));
                }
                other => read.push(self.role(name, takes, &input, other, None)?),
            }
        }
        for argument in doc.arguments.iter().filter(|argument| argument.takes.is_list_of_roles()) {
            if !read.iter().any(|(role, _): &(Role, Expr)| role.name == argument.name) {
                let columns = input.schema().columns();
                let used: Vec<Expr> = read.iter().map(|(_, expression)| expression.clone().unalias()).collect();
                let fields = columns.into_iter().zip(input.schema().fields());
                let unused = fields.filter(|(column, field)| {
                    is_default(argument.takes, field.data_type()) && !used.contains(&Expr::Column(column.clone()))
                });
                for (number, (column, _)) in unused.enumerate() {
                    read.push(self.planned(argument.name, argument.takes, &input, Expr::Column(column), Some(number))?);
                }
            }
        }
        // The order of the page, also for lists that were filled with the default columns.
        read.sort_by_key(|(role, _)| place(role.name));
        let (roles, columns): (Vec<Role>, Vec<Expr>) = read.into_iter().unzip();
        let projected = LogicalPlanBuilder::from(input).project(columns)?.build()?;
        Ok((Some(projected), Roles(roles)))
    }

    /// Plans the expression of a role; `number` is its index if the role takes a list.
    fn role(
        &mut self,
        name: &'static str,
        takes: Takes,
        input: &LogicalPlan,
        expression: ast::Expr,
        number: Option<usize>,
    ) -> Result<(Role, Expr)> {
        let doc = self.doc();
        let text = expression.to_string();
        // A string that is the name of a column means that column. As a constant it would put all rows into one group.
        let expression = match columns_in_quotes(expression.clone()) {
            ast::Expr::Identifier(name) if input.schema().has_column_with_unqualified_name(&name.value) => {
                ast::Expr::Identifier(name)
            }
            _ => expression,
        };
        let planned = capitals::planned(expression, |expression| self.context.sql_to_expr(expression, input.schema()));
        let planned = planned.map_err(|error| {
            let Some(column) = missing_column(&error) else { return error };
            let names: Vec<&str> = input.schema().fields().iter().map(|field| field.name().as_str()).collect();
            let suggestion = column_meant(&column.name, names.iter().copied());
            let problem =
                format!("{name} => {text}: the input has no column \"{}\"{suggestion}; it has {}", column.name, names.join(", "));
            invalid(doc.name, problem)
        })?;
        let (mut role, planned) = self.planned(name, takes, input, planned, number)?;
        if takes == Takes::Conditions {
            role.column = text;
        }
        Ok((role, planned))
    }

    fn planned(
        &self,
        name: &'static str,
        takes: Takes,
        input: &LogicalPlan,
        planned: Expr,
        number: Option<usize>,
    ) -> Result<(Role, Expr)> {
        let column = match (&planned, number) {
            (Expr::Column(column), _) => column.name.clone(),
            (_, None) => name.to_string(),
            // The name in a result, where a table qualifier would be noise.
            (other, Some(_)) if takes == Takes::Metrics => unnormalize_col(other.clone()).human_display().to_string(),
            (other, Some(_)) => other.human_display().to_string(),
        };
        let own = number.map_or_else(|| name.to_string(), |number| format!("{name} {number}"));
        let (_, field) = planned.to_field(input.schema())?;
        let field = Field::new(&own, field.data_type().clone(), field.is_nullable());
        let role = Role { name, column, field: Arc::new(field) };
        check_role(self.doc(), takes, &role)?;
        Ok((role, planned.alias(own)))
    }
}

fn is_text(expression: &ast::Expr) -> bool {
    matches!(expression, ast::Expr::Value(value) if matches!(value.value, ast::Value::SingleQuotedString(_)))
}

fn takes_options(doc: &Doc) -> bool {
    doc.arguments.iter().any(|argument| argument.takes.is_option())
}

/// Splits an argument into name and value. Dialects have three spellings for named arguments; only `=>` is accepted.
pub fn split(doc: &Doc, argument: FunctionArg) -> Result<(Option<String>, ast::Expr)> {
    let arrow =
        |name: &str, value: &ast::Expr| invalid(doc.name, format!("write {name} => {value}, with => between name and value"));
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::BinaryOp { left, op: BinaryOperator::Assignment, right })) => {
            Err(arrow(&left.to_string(), &right))
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) if matches!(left.as_ref(), ast::Expr::Identifier(name) if doc.argument(&name.value.to_lowercase()).is_some()) => {
            Err(arrow(&left.to_string(), &right))
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Ok((None, value)),
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator } => match operator {
            FunctionArgOperator::RightArrow => Ok((Some(name.value.to_lowercase()), value)),
            _ => Err(arrow(&name.to_string(), &value)),
        },
        FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), operator } => {
            match operator {
                FunctionArgOperator::RightArrow => Ok((Some(name.value.to_lowercase()), value)),
                _ => Err(arrow(&name.to_string(), &value)),
            }
        }
        other => Err(invalid(doc.name, format!("does not take {other} as an argument"))),
    }
}

/// True for one part of a number that was written with a decimal comma.
fn is_digits(expression: &ast::Expr) -> bool {
    expression.to_string().bytes().all(|digit| digit.is_ascii_digit())
}

/// The problem with an argument after the last that the function takes.
pub fn one_too_many(doc: &Doc, expression: &ast::Expr) -> String {
    match doc.arguments.len() {
        0 => format!("takes no arguments; {expression} is one too many"),
        1 => format!("takes 1 argument; {expression} is one too many"),
        count => format!("takes {count} arguments; {expression} is one too many"),
    }
}

fn table(name: ObjectName, args: Option<ast::TableFunctionArgs>) -> TableFactor {
    TableFactor::Table {
        name,
        alias: None,
        args,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
}

fn missing_column(error: &DataFusionError) -> Option<Column> {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some((**field).clone()),
            _ => None,
        },
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => missing_column(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::common::assert_batches_eq;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;
    use crate::catalog::models::StoredModel;
    use crate::error::message;
    use crate::functions::readings;

    /// A catalog in which every name is a model with two clusters and a categorical feature of 50,000 values.
    #[derive(Debug)]
    struct Models;

    const VALUES: usize = 50_000;

    impl Definitions for Models {
        fn tag_query(&self, profile: &str, _tag: &str) -> Result<String> {
            Err(invalid(profile, "no such profile"))
        }

        fn model(&self, name: &str) -> Result<StoredModel> {
            let values: Vec<String> = (0..VALUES).map(|value| format!(r#"["value {value:07}",1]"#)).collect();
            let trained = format!(
                r#"{{"type":"kprototypes","key":"id","missing":"error","options":"","rows":{VALUES},"skipped":0,"metrics":{{}},
                    "features":[{{"name":"age","kind":"number","missing":0,"statistics":{{}},"values":[]}},
                                {{"name":"note","kind":"category","missing":0,"statistics":{{}},"values":[{}]}}],
                    "body":{{"offsets":[0.0],"factors":[1.0],"gamma":1.0,"centres":[10.0,60.0],"modes":[["value 0000007"],["value 0000008"]],"sizes":[1.0,1.0]}}}}"#,
                values.join(",")
            );
            Ok(StoredModel { name: name.into(), version: 1, trained, took: 0 })
        }
    }

    fn context() -> SessionContext {
        let config = SessionConfig::new().with_batch_size(7).with_target_partitions(3);
        let builder = SessionStateBuilder::new().with_config(config).with_default_features();
        SessionContext::new_with_state(crate::sql::register_with(builder, Arc::new(Models)).build())
    }

    const PEOPLE: &str = "(SELECT value AS id, value % 70 AS age, 'value ' || lpad(CAST(value AS VARCHAR), 7, '0') AS note
                           FROM generate_series(1, 1000))";

    /// The model is neither read for each of the 143 batches, nor once for planning and once for execution.
    #[test]
    fn a_query_reads_its_model_once() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let context = context();
        let rows =
            |sql: String| runtime.block_on(async { crate::sql::sql(&context, &sql).await.unwrap().collect().await.unwrap() });
        let counted = rows(format!(
            "SELECT cluster_id, count(*) AS rows, count(*) FILTER (WHERE distance = 0) AS exact
             FROM ml_predict(of_predict, {PEOPLE}) WHERE distance >= 0 GROUP BY cluster_id ORDER BY cluster_id"
        ));
        assert_batches_eq!(
            [
                "+------------+------+-------+",
                "| cluster_id | rows | exact |",
                "+------------+------+-------+",
                "| 1          | 524  | 0     |",
                "| 2          | 476  | 0     |",
                "+------------+------+-------+",
            ],
            &counted
        );
        rows(format!("SELECT * FROM ml_evaluate(of_evaluate, {PEOPLE})"));
        rows("SELECT * FROM ml_centroids(of_centroids)".into());
        rows("SELECT * FROM ml_feature_info(of_feature_info)".into());
        for name in ["of_predict", "of_evaluate", "of_centroids", "of_feature_info"] {
            assert_eq!(readings::of(&format!("model {name}, version 1")), 1, "{name}");
        }
    }

    /// No plan shows the contents of a model, and a row is predicted once, not once per column of the prediction.
    #[test]
    fn plans_name_a_model_and_predict_once() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let context = context();
        let explained = |sql: String| {
            let batches = runtime.block_on(async { crate::sql::sql(&context, &sql).await.unwrap().collect().await.unwrap() });
            pretty_format_batches(&batches).unwrap().to_string()
        };
        let plan = explained(format!("EXPLAIN SELECT * FROM ml_predict(m, {PEOPLE})"));
        let physical = plan.split("physical_plan").nth(1).unwrap();
        assert_eq!(physical.matches("ml_predict[model m, version 1](").count(), 1, "{plan}");
        for name in ["ml_predict", "ml_evaluate"] {
            let verbose = explained(format!("EXPLAIN VERBOSE SELECT * FROM {name}(m, {PEOPLE})"));
            assert!(verbose.contains("model m, version 1") && !verbose.contains("value 0000"), "{name}");
        }
        let verbose = explained("EXPLAIN VERBOSE SELECT * FROM ml_feature_info(m)".into());
        assert!(!verbose.contains("value 0000"), "{verbose}");
    }

    #[test]
    fn models_need_a_database() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let builder = SessionStateBuilder::new().with_default_features();
        let context = SessionContext::new_with_state(crate::sql::register(builder).build());
        let error = runtime.block_on(crate::sql::sql(&context, "SELECT * FROM ml_predict(m, (SELECT 1 AS age))")).unwrap_err();
        assert!(message(&error).starts_with("m: profiles and models need a session of a database"), "{error}");
    }
}
