//! Lineage: which columns of a plan carry the classes of the columns that it reads.
//!
//! A column carries the classes of all columns that its values are computed from: itself, parts of it, texts it is concatenated into, its
//! minimum and maximum. It carries none where the values are no longer recognisable: comparisons, counts, lengths, and functions that mask
//! or pseudonymise. Where it is not known which columns its values come from, it carries the classes of everything that the plan reads
//! there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, DFSchema, JoinType, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{
    Case, Distinct, DistinctOn, Expr, LogicalPlan, RecursiveQuery, TableScan, UserDefinedLogicalNode,
};
use futures::future::BoxFuture;

use super::class;
use super::scans::{self, Names, Scanned};
use crate::catalog::state_columns;
use crate::objects::definition::Definition;
use crate::refresh::plan::PROFILE_SCHEMA;
use crate::sql::call::CallNode;
use crate::statement::StatementContext;
use crate::walk::Tree;

/// The classes of a column.
pub type Classes = BTreeSet<String>;

/// Functions whose results do not reveal their arguments.
const COVERING: [&str; 22] = [
    "count",
    "approx_distinct",
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "mask_name",
    "mask_phone",
    "mask_email",
    "mask_id_card",
    "mask_address",
    "mask_card",
    "redact",
    "generalize",
    "pseudonymize",
    "tokenize",
    "is_valid_phone",
    "row_number",
    "rank",
    "dense_rank",
    "ntile",
];

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
                        JoinType::LeftSemi | JoinType::LeftAnti => of(0),
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
        let (mut found, mut queries) = (Classes::new(), vec![]);
        carried(expression, &mut |part| match part {
            Expr::Column(column) => found.extend(of_column(column, inputs)),
            Expr::OuterReferenceColumn(_, column) => found.extend(of_column(column, outer)),
            Expr::ScalarSubquery(query) => queries.push(query.subquery.clone()),
            _ => {}
        })?;
        let around = [outer, inputs].concat();
        for query in &queries {
            found.extend(self.of(query, &around).await?.into_iter().flatten());
        }
        Ok(found)
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

/// The classes of a column, looked for in the innermost plan first.
fn of_column(column: &Column, plans: &[Columns<'_>]) -> Classes {
    let found = plans.iter().rev().find_map(|(schema, classes)| classes.get(schema.maybe_index_of_column(column)?).cloned());
    found.unwrap_or_else(|| all(plans))
}

/// Visits the parts of an expression that its value reveals.
fn carried(expression: &Expr, found: &mut dyn FnMut(&Expr)) -> Result<()> {
    let mut parts: Vec<&Expr> = vec![];
    match expression {
        // Booleans and counts.
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Not(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::Exists(_) => {}
        // Comparisons, AND and OR.
        Expr::BinaryExpr(binary) if binary.op.is_logic_operator() || binary.op.supports_propagation() => {}
        Expr::ScalarFunction(ScalarFunction { func, .. }) if COVERING.contains(&func.name()) => {}
        Expr::AggregateFunction(AggregateFunction { func, .. }) if COVERING.contains(&func.name()) => {}
        Expr::WindowFunction(function) if COVERING.contains(&function.fun.name()) => {}
        // FILTER, ORDER BY and PARTITION BY decide which rows are used, but their values are not revealed.
        Expr::AggregateFunction(AggregateFunction { params, .. }) => parts.extend(&params.args),
        Expr::WindowFunction(function) => {
            let WindowFunction { params, .. } = function.as_ref();
            parts.extend(&params.args);
        }
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            parts.extend(when_then_expr.iter().map(|(_, then)| then.as_ref()));
            parts.extend(else_expr.as_deref());
        }
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_) => found(expression),
        other => {
            other.each_child(|part| {
                carried(part, found)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
    }
    parts.into_iter().try_for_each(|part| carried(part, found))
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
