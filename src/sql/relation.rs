//! The hook at FROM: reads `name(input, role => expression, option => constant)` against the function's page.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, SchemaError};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{
    self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, ObjectName, TableFactor,
};

use super::call::CallNode;
use crate::adapter::arguments::{check_role, find, is_default, parameter_type, require_all};
use crate::adapter::relation::{RelationFunction, Role, Roles};
use crate::docs::{Doc, Takes};
use crate::error::{did_you_mean, invalid};

/// Plans the relation functions in FROM; leaves everything else to DataFusion.
#[derive(Debug)]
pub struct FromHook;

impl RelationPlanner for FromHook {
    fn plan_relation(&self, relation: TableFactor, context: &mut dyn RelationPlannerContext) -> Result<RelationPlanning> {
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
        let call = Reader { function, context }.read(arguments)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(call.into_plan(), alias))))
    }
}

pub fn single_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|name| name.value.clone()),
        _ => None,
    }
}

struct Reader<'a> {
    function: Arc<dyn RelationFunction>,
    context: &'a mut dyn RelationPlannerContext,
}

impl Reader<'_> {
    fn doc(&self) -> &'static Doc {
        self.function.doc()
    }

    fn read(mut self, arguments: Vec<FunctionArg>) -> Result<CallNode> {
        let doc = self.doc();
        let given = self.match_names(arguments)?;
        let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        require_all(doc, &names)?;

        let (mut input, mut others, mut roles, mut options) = (None, vec![], vec![], vec![]);
        for (name, expression) in given {
            match find(doc, name)?.takes {
                Takes::Relation if doc.arguments.first().is_some_and(|first| first.name == name) => {
                    input = Some(self.relation(name, expression)?);
                }
                Takes::Relation => others.push((name, self.relation(name, expression)?)),
                takes if takes.is_role() => roles.push((name, takes, expression)),
                takes => options.push((name, self.option(name, takes, expression)?)),
            }
        }
        let (input, roles) = self.project(input, roles)?;
        let columns = self.function.columns(&roles)?;
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
        let call = CallNode { function: self.function, input, others, roles, options, schema, residual: vec![] };
        // What is constant is checked at once, so that a view over a wrong call is refused when it is made.
        call.expand(&SimplifyContext::default(), 1)?;
        Ok(call)
    }

    /// The arguments by their names on the page: relations may stand without, and for functions without input all may.
    fn match_names(&self, arguments: Vec<FunctionArg>) -> Result<Vec<(&'static str, ast::Expr)>> {
        let doc = self.doc();
        let relations = doc.relations().count();
        let mut given: Vec<(&'static str, ast::Expr)> = vec![];
        let mut named = false;
        for (position, argument) in arguments.into_iter().enumerate() {
            let (name, expression) = split(doc, argument)?;
            let argument = match name {
                Some(name) => {
                    named = true;
                    find(doc, &name)?
                }
                None if !named && (relations == 0 || position < relations) => match doc.arguments.get(position) {
                    Some(argument) => argument,
                    None => {
                        return Err(invalid(
                            doc.name,
                            format!("takes {} arguments; {expression} is one too many", doc.arguments.len()),
                        ));
                    }
                },
                None => {
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
            Some(_) => invalid(self.doc().name, format!("{name} takes a constant ({}), got {text}", takes.describe())),
            None => error,
        })?;
        Ok(match planned {
            // A type for parameters, so that a prepared statement can be described.
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let field = Field::new(name, parameter_type(takes), true);
                Expr::Placeholder(Placeholder::new_with_field(id, Some(Arc::new(field))))
            }
            planned => planned,
        })
    }

    /// Projects the input to its roles, in the page's order, under the roles' names.
    fn project(
        &mut self,
        input: Option<LogicalPlan>,
        mut given: Vec<(&'static str, Takes, ast::Expr)>,
    ) -> Result<(Option<LogicalPlan>, Roles)> {
        let doc = self.doc();
        let Some(input) = input else { return Ok((None, Roles::default())) };
        let place = |name: &str| doc.arguments.iter().position(|argument| argument.name == name);
        given.sort_by_key(|(name, ..)| place(name));
        let mut read = vec![];
        for (name, takes, expression) in given {
            match expression {
                ast::Expr::Array(list) if takes.is_list_of_roles() => {
                    if list.elem.is_empty() {
                        let problem = format!("{name} needs at least one column; leave {name} out to have all that fit");
                        return Err(invalid(doc.name, problem));
                    }
                    for (number, expression) in list.elem.into_iter().enumerate() {
                        read.push(self.role(name, takes, &input, expression, Some(number))?);
                    }
                }
                other if takes.is_list_of_roles() => {
                    let problem = format!("{name} takes a list of columns; write {name} => [{other}]");
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
        // In the page's order also where a list was not given.
        read.sort_by_key(|(role, _)| place(role.name));
        let (roles, columns): (Vec<Role>, Vec<Expr>) = read.into_iter().unzip();
        let projected = LogicalPlanBuilder::from(input).project(columns)?.build()?;
        Ok((Some(projected), Roles(roles)))
    }

    /// Plans the expression of a role, the `number`th of its list if it is one.
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
        let planned = self.context.sql_to_expr(expression, input.schema()).map_err(|error| {
            let Some(column) = missing_column(&error) else { return error };
            let names: Vec<&str> = input.schema().fields().iter().map(|field| field.name().as_str()).collect();
            let suggestion = did_you_mean(&column.name, names.iter().copied());
            let problem =
                format!("{name} => {text}: the input has no column \"{}\"{suggestion}; it has {}", column.name, names.join(", "));
            invalid(doc.name, problem)
        })?;
        self.planned(name, takes, input, planned, number)
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

/// Name and value; dialects spell named arguments in three ways.
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
