//! Lineage: which columns of a plan carry the classes of the columns that it reads.
//!
//! A column carries the classes of all columns that its values are computed from: itself, parts of it, texts it is concatenated into, its
//! minimum and maximum. Where the values decide it, in a comparison or the condition of a CASE, it carries marks of their classes
//! ([`mark`]): it tells something of them, and as many comparisons as one likes tell all. It carries nothing where the values are counted
//! or measured, or passed through functions that mask or pseudonymise. Where it is not known which columns its values come from, it
//! carries the classes of everything that the plan reads there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, split_conjunction};
use datafusion::logical_expr::{
    Distinct, DistinctOn, Expr, Join, LogicalPlan, RecursiveQuery, TableScan, UserDefinedLogicalNode,
};
use futures::future::BoxFuture;

use super::class;
use super::revealed::{Way, is_match, visit};
use super::scans::{self, Names, Scanned};
use crate::catalog::state_columns;
use crate::catalog::stored_classes::UNKNOWN;
use crate::objects::definition::Definition;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::sql::call::CallNode;
use crate::statement::StatementContext;

/// The classes of a column.
pub type Classes = BTreeSet<String>;

/// The columns of functions in FROM that hold words of the function, by function. Other texts may hold what was given to it.
const OWN_WORDS: [(&str, &[&str]); 7] = [
    ("attribution", &["model"]),
    ("experiment_result", &["metric", "test", "verdict", "decision"]),
    ("ml_explain", &["feature"]),
    // The values of the target that the model was trained with.
    ("ml_predict", &["class"]),
    ("rfm", &["rfm_score", "segment"]),
    ("rfm_bins", &["measure", "lower", "upper"]),
    ("window_funnel", &["condition"]),
];

/// What stands before a class in the mark of a column that tells something of values of this class, and does not contain them.
const FROM: &str = "from:";

/// The mark of a class: `from:phone`.
pub fn mark(class: &str) -> String {
    match class == UNKNOWN || marked(class).is_some() {
        true => class.to_string(),
        false => format!("{FROM}{class}"),
    }
}

/// The class about which a mark reveals something; `None` for anything else.
pub fn marked(class: &str) -> Option<&str> {
    class.strip_prefix(FROM)
}

/// True for a column with values of a class, or that tells something of them.
pub fn tells(classes: &Classes, class: &str) -> bool {
    classes.contains(class) || classes.contains(&mark(class))
}

/// The classes of columns of tables that are being planned, by schema and table name. Those of recursive queries have no schema.
pub type Known = HashMap<(String, String), BTreeMap<String, Classes>>;

/// The columns of a plan with their classes.
type Columns<'a> = (&'a DFSchema, Vec<Classes>);

/// The classes of each column of a plan, in order.
///
/// # Errors
/// The database cannot be read.
pub async fn classes_of(plan: &LogicalPlan, known: &Known, context: &StatementContext) -> Result<Vec<Classes>> {
    Lineage { known, context }.of(plan, &[]).await
}

/// The marks of the columns that decide which rows a plan has: in its WHERE and HAVING, apart from columns that are matched with each
/// other, and from whether there is a value.
///
/// # Errors
/// The database cannot be read.
pub async fn marks_of_rows(plan: &LogicalPlan, known: &Known, context: &StatementContext) -> Result<Classes> {
    Lineage { known, context }.of_rows(plan, &[]).await
}

/// Where columns get their classes.
#[derive(Clone, Copy)]
struct Lineage<'a> {
    known: &'a Known,
    context: &'a StatementContext,
}

impl Lineage<'_> {
    /// The classes of a plan's columns; `outer` are the plans around it that it may refer to, outermost first.
    fn of<'a>(&'a self, plan: &'a LogicalPlan, outer: &'a [Columns<'a>]) -> BoxFuture<'a, Result<Vec<Classes>>> {
        Box::pin(async move {
            let mut inputs: Vec<Columns<'a>> = vec![];
            if !matches!(plan, LogicalPlan::RecursiveQuery(_)) {
                for input in plan.inputs() {
                    // A lateral part of a join may refer to the parts before it.
                    let before = if matches!(plan, LogicalPlan::Join(_)) { inputs.as_slice() } else { &[] };
                    let around = [outer, before].concat();
                    inputs.push((input.schema().as_ref(), self.of(input, &around).await?));
                }
            }
            let columns = plan.schema().fields().len();
            let nothing = || vec![Classes::new(); columns];
            let everything = |inputs: &[Columns<'_>]| vec![all(inputs); columns];
            let first = |inputs: &[Columns<'_>]| inputs.first().map(|(_, classes)| classes.clone()).unwrap_or_default();
            // Every kind of plan is named, so that a new one does not compile until somebody decides what its columns carry.
            let found = match plan {
                LogicalPlan::Filter(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::Repartition(_)
                | LogicalPlan::Subquery(_)
                | LogicalPlan::Distinct(Distinct::All(_)) => first(&inputs),
                LogicalPlan::TableScan(scan) => self.scanned(scan).await?,
                LogicalPlan::Projection(projection) => self.each(&projection.expr, &inputs, outer).await?,
                LogicalPlan::Distinct(Distinct::On(DistinctOn { select_expr, .. })) => {
                    self.each(select_expr, &inputs, outer).await?
                }
                LogicalPlan::Aggregate(aggregate) => {
                    let mut found = self.each(grouping_set_to_exprlist(&aggregate.group_expr)?, &inputs, outer).await?;
                    if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
                        // The number of the set.
                        found.push(Classes::new());
                    }
                    found.extend(self.each(&aggregate.aggr_expr, &inputs, outer).await?);
                    found
                }
                LogicalPlan::Window(window) => {
                    let own = self.each(&window.window_expr, &inputs, outer).await?;
                    first(&inputs).into_iter().chain(own).collect()
                }
                LogicalPlan::Join(join) => {
                    let of = |place: usize| inputs.get(place).map(|(_, classes)| classes.clone()).unwrap_or_default();
                    match join.join_type {
                        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => [of(0), of(1)].concat(),
                        JoinType::LeftSemi => intersected(join, of(0), &of(1)),
                        JoinType::LeftAnti => of(0),
                        JoinType::RightSemi | JoinType::RightAnti => of(1),
                        // A mark says whether there is a row.
                        JoinType::LeftMark => [of(0), vec![Classes::new()]].concat(),
                        JoinType::RightMark => [of(1), vec![Classes::new()]].concat(),
                    }
                }
                LogicalPlan::Union(_) => {
                    let mut found = nothing();
                    inputs.iter().for_each(|(_, classes)| add(&mut found, classes));
                    found
                }
                LogicalPlan::RecursiveQuery(query) => self.recursive(query, outer).await?,
                LogicalPlan::SubqueryAlias(alias) => {
                    let mut found = first(&inputs);
                    // What is said of the columns of a view, which stands here as its plan.
                    let objects = self.context.all_objects()?;
                    if let Some(view) = Names::new(&objects, self.context).named(&alias.alias, &["view"]) {
                        let said = class::said(view);
                        for (field, own) in alias.schema.fields().iter().zip(&mut found) {
                            own.extend(
                                said.get(field.name()).into_iter().flatten().filter(|class| *class != class::NONE).cloned(),
                            );
                        }
                    }
                    found
                }
                LogicalPlan::Values(values) => {
                    let mut found = nothing();
                    for row in &values.values {
                        add(&mut found, &self.each(row, &inputs, outer).await?);
                    }
                    found
                }
                LogicalPlan::Unnest(unnest) => {
                    let input = first(&inputs);
                    unnest.dependency_indices.iter().map(|place| input.get(*place).cloned().unwrap_or_default()).collect()
                }
                LogicalPlan::Extension(extension) => returned(extension.node.as_ref(), &inputs),
                LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) => nothing(),
                LogicalPlan::Statement(_)
                | LogicalPlan::Explain(_)
                | LogicalPlan::Analyze(_)
                | LogicalPlan::Dml(_)
                | LogicalPlan::Ddl(_)
                | LogicalPlan::Copy(_) => everything(&inputs),
            };
            Ok(if found.len() == columns { found } else { everything(&inputs) })
        })
    }

    /// The classes of a query that reads its own rows.
    async fn recursive(&self, query: &RecursiveQuery, outer: &[Columns<'_>]) -> Result<Vec<Classes>> {
        let mut found = self.of(&query.static_term, outer).await?;
        loop {
            let names = query.schema.fields().iter().map(|field| field.name().clone());
            let mut known = self.known.clone();
            known.insert((String::new(), query.name.clone()), names.zip(found.iter().cloned()).collect());
            let before = found.clone();
            add(&mut found, &Lineage { known: &known, context: self.context }.of(&query.recursive_term, outer).await?);
            if found == before {
                return Ok(found);
            }
        }
    }

    /// The classes of each of some expressions.
    async fn each<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expr>,
        inputs: &[Columns<'_>],
        outer: &[Columns<'_>],
    ) -> Result<Vec<Classes>> {
        let mut found = vec![];
        for expression in expressions {
            found.push(self.value(expression, inputs, outer).await?);
        }
        Ok(found)
    }

    /// The classes that the value of an expression carries.
    async fn value(&self, expression: &Expr, inputs: &[Columns<'_>], outer: &[Columns<'_>]) -> Result<Classes> {
        self.parts(expression, Way::Carried, inputs, outer).await
    }

    /// The classes of the parts of an expression that it carries, with marks of those that decide it.
    async fn parts(&self, expression: &Expr, way: Way, inputs: &[Columns<'_>], outer: &[Columns<'_>]) -> Result<Classes> {
        let (mut found, mut queries, mut tested) = (Classes::new(), vec![], vec![]);
        let taken = |classes: Classes, way: Way| match way {
            Way::Carried => classes,
            Way::Compared => classes.iter().map(|class| mark(class)).collect(),
        };
        visit(expression, way, &mut |part, way| match part {
            Expr::Column(column) => found.extend(taken(of_column(column, inputs), way)),
            Expr::OuterReferenceColumn(_, column) => found.extend(taken(of_column(column, outer), way)),
            Expr::ScalarSubquery(query) => queries.push((query.subquery.clone(), way)),
            Expr::InSubquery(query) => queries.push((query.subquery.subquery.clone(), way)),
            Expr::SetComparison(query) => queries.push((query.subquery.subquery.clone(), way)),
            Expr::Exists(query) => tested.push(query.subquery.subquery.clone()),
            _ => {}
        })?;
        let around = [outer, inputs].concat();
        for (query, way) in &queries {
            found.extend(taken(self.of(query, &around).await?.into_iter().flatten().collect(), *way));
        }
        for query in queries.iter().map(|(query, _)| query).chain(&tested) {
            found.extend(self.of_rows(query, &around).await?);
        }
        // Who has the values needs no mark that they tell something of themselves.
        let whole = found.clone();
        found.retain(|class| marked(class).is_none_or(|of| !whole.contains(of)));
        Ok(found)
    }

    /// See [`marks_of_rows`].
    fn of_rows<'a>(&'a self, plan: &'a LogicalPlan, outer: &'a [Columns<'a>]) -> BoxFuture<'a, Result<Classes>> {
        Box::pin(async move {
            let mut found = Classes::new();
            for input in plan.inputs() {
                found.extend(self.of_rows(input, outer).await?);
            }
            if let LogicalPlan::Filter(filter) = plan {
                let inputs = [(filter.input.schema().as_ref(), self.of(&filter.input, outer).await?)];
                for condition in split_conjunction(&filter.predicate).into_iter().filter(|condition| !is_match(condition)) {
                    found.extend(self.parts(condition, Way::Compared, &inputs, outer).await?);
                }
            }
            Ok(found)
        })
    }

    /// The classes of the columns of a table scan.
    async fn scanned(&self, scan: &TableScan) -> Result<Vec<Classes>> {
        let columns = scan.projected_schema.fields();
        let pick = |of: &BTreeMap<String, Classes>| -> Vec<Classes> {
            columns.iter().map(|field| of.get(field.name()).cloned().unwrap_or_default()).collect()
        };
        let (schema, table) = (scan.table_name.schema().unwrap_or("public"), scan.table_name.table());
        let provider = source_as_provider(&scan.source)?;
        let is_own_rows = provider.downcast_ref::<CteWorkTable>().is_some();
        let name = (if is_own_rows { String::new() } else { schema.to_string() }, table.to_string());
        if let Some(own) = self.known.get(&name) {
            return Ok(pick(own));
        }
        let objects = self.context.all_objects()?;
        if let Some(scanned) = Names::new(&objects, self.context).scanned(scan) {
            return self.stored(scanned, scan).await;
        }
        if let Some(table) = scans::temporary(scan, self.context) {
            let held = self.context.tables().held(&table);
            return Ok(pick(&held.into_iter().map(|(column, classes)| (column, class::split(&classes))).collect()));
        }
        match provider.get_logical_plan() {
            Some(plan) => {
                let found = self.of(&plan, &[]).await?;
                Ok(pick(&plan.schema().fields().iter().map(|field| field.name().clone()).zip(found).collect()))
            }
            None => Ok(vec![Classes::new(); columns.len()]),
        }
    }

    /// The classes of the columns that are read of an object.
    async fn stored(&self, Scanned { object, snapshot }: Scanned<'_>, scan: &TableScan) -> Result<Vec<Classes>> {
        let columns = scan.projected_schema.fields();
        if object.kind == "view" {
            let own = class::of(object, self.context).await?;
            return Ok(columns.iter().map(|field| own.get(field.name()).cloned().unwrap_or_default()).collect());
        }
        if object.kind != "profile" {
            let stored = class::stored(object, snapshot, self.context).await?;
            return Ok(columns.iter().map(|field| stored.of(field.name())).collect());
        }
        let stored = match self.known.get(&(PROFILE_SCHEMA.to_string(), object.name.clone())) {
            // It reads an earlier state of itself.
            Some(own) => class::written_down(object, own.clone(), snapshot, self.context)?,
            None => match class::stored(object, snapshot, self.context).await {
                Ok(stored) => stored,
                // What its definition cannot tell.
                Err(_) => class::written_down(object, BTreeMap::new(), snapshot, self.context)?,
            },
        };
        let definition = Definition::read(object.clone(), self.context.session())?;
        let of = |field: &Field| match field.name().as_str() {
            state_columns::KEY => stored.of(definition.options.text("key").unwrap_or_default()),
            // The history has the values of all tags in one column.
            "value" => stored.all(),
            name => state_columns::valued(name).map(|name| stored.of(name)).unwrap_or_default(),
        };
        Ok(columns.iter().map(|field| of(field)).collect())
    }
}

/// All classes of some columns.
fn all(columns: &[Columns<'_>]) -> Classes {
    columns.iter().flat_map(|(_, classes)| classes.iter().flatten().cloned()).collect()
}

/// Adds further classes to those of the same columns.
fn add(found: &mut [Classes], more: &[Classes]) {
    found.iter_mut().zip(more).for_each(|(own, more)| own.extend(more.iter().cloned()));
}

/// The classes of what a semi join keeps. That of INTERSECT compares all columns by position, and NULL equals NULL: each value that it keeps
/// is one of both sides.
fn intersected(join: &Join, mut own: Vec<Classes>, other: &[Classes]) -> Vec<Classes> {
    if join.null_equality == NullEquality::NullEqualsNull && join.on.len() == own.len() && own.len() == other.len() {
        add(&mut own, other);
    }
    own
}

/// The classes of a column, looked for in the innermost plan first.
fn of_column(column: &Column, plans: &[Columns<'_>]) -> Classes {
    let found = plans.iter().rev().find_map(|(schema, classes)| classes.get(schema.maybe_index_of_column(column)?).cloned());
    found.unwrap_or_else(|| all(plans))
}

/// The classes of the columns that a node of ours returns: a call of a function in FROM, or a step of its plan. A column with the name of a
/// role, or of a column of an input, has its values. A text may be made of anything that was given to the function.
fn returned(node: &dyn UserDefinedLogicalNode, inputs: &[Columns<'_>]) -> Vec<Classes> {
    // A node that passes its rows on.
    if let [(schema, classes)] = inputs
        && *schema == node.schema().as_ref()
    {
        return classes.clone();
    }
    let call = node.as_any().downcast_ref::<CallNode>();
    let own_words = OWN_WORDS.iter().filter(|(function, _)| *function == node.name()).flat_map(|(_, columns)| *columns);
    let own_words: Vec<&str> = own_words.copied().collect();
    let of = |field: &Field| -> Classes {
        let name = field.name().as_str();
        if own_words.contains(&name) {
            return Classes::new();
        }
        let (mut found, mut is_given) = (Classes::new(), false);
        // The first input has the roles in order, under their own names.
        for (place, role) in call.iter().flat_map(|call| &call.roles.0).enumerate().filter(|(_, role)| role.column == *name) {
            let of_role = inputs.first().and_then(|(_, classes)| classes.get(place));
            is_given |= of_role.is_some() && role.field.data_type() == field.data_type();
            found.extend(of_role.into_iter().flatten().cloned());
        }
        for (schema, classes) in inputs {
            for (own, classes) in schema.fields().iter().zip(classes).filter(|(own, _)| own.name() == name) {
                is_given |= own.data_type() == field.data_type();
                found.extend(classes.iter().cloned());
            }
        }
        let documented = call.and_then(|call| call.doc().columns.iter().find(|column| column.name == name));
        // A type in capitals is the function's own, such as BIGINT; others are `as the role` and the like.
        let is_of_function =
            documented.is_some_and(|column| column.data_type.starts_with(|letter: char| letter.is_ascii_uppercase()));
        let holds = leaves(field.data_type());
        let is_text = holds.iter().any(|leaf| is_text(leaf));
        if is_text && (is_of_function || !is_given) {
            found.extend(all(inputs));
        } else if !is_of_function && !is_given {
            for (schema, classes) in inputs {
                for (own, classes) in schema.fields().iter().zip(classes) {
                    if leaves(own.data_type()).iter().any(|leaf| holds.contains(leaf)) {
                        found.extend(classes.iter().cloned());
                    }
                }
            }
        }
        found
    };
    node.schema().fields().iter().map(|field| of(field)).collect()
}

/// The types of the values in a type.
fn leaves(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => leaves(item.data_type()),
        DataType::Struct(fields) => fields.iter().flat_map(|field| leaves(field.data_type())).collect(),
        DataType::Dictionary(_, values) => leaves(values),
        other => vec![other],
    }
}

fn is_text(data_type: &DataType) -> bool {
    data_type.is_string() || matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}
