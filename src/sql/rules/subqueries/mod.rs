//! Subqueries anywhere in a query, which may use any column of the outer query: `SELECT a IN (SELECT …)`, `CASE WHEN EXISTS (SELECT …)`,
//! `(SELECT max(w) FROM u WHERE u.w < t.v)`, LATERAL.
//!
//! DataFusion evaluates uncorrelated subqueries, conditions of WHERE, and aggregates correlated by equality. It ignores a NULL among the
//! values of IN when the condition is part of another expression. The subqueries that it does well are left to it. Any other is evaluated
//! for all outer rows at once ([`dependent`]) and joined to them, and a value computed from the joined columns replaces it:
//!
//! | subquery | what is joined | value |
//! |---|---|---|
//! | `(SELECT …)` | its one row | its column; more than one row is an error |
//! | `EXISTS` | a row if there is any | whether the row exists |
//! | `x IN` | the number of rows and of non-NULL values, and the matching value | true, NULL or false |
//!
//! The outer rows are then read twice. They are computed only once if computing them again could give other rows.

mod columns;
mod dependent;
mod engine;
mod missing;
mod rows;
mod sorts;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, NullEquality, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::functions_aggregate::expr_fn::{count, first_value};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Sort, Subquery, lit, not, when};
use datafusion::optimizer::AnalyzerRule;

use crate::adapter::once::once;
use crate::builtins::only_row;
use crate::sql::syntax::size;
use crate::walk::{PlanTree, Tree};
use columns::{outer_columns, subquery_of};
use dependent::{Dependent, Lowered, Names, as_expressions};

/// Runs before type coercion, so that the comparisons it creates are coerced like any other.
#[derive(Debug)]
pub struct SubqueriesAnywhere;

impl AnalyzerRule for SubqueriesAnywhere {
    fn name(&self) -> &'static str {
        "subqueries_anywhere"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let names = Names::default();
        let computed = missing::marked(rows::as_queries(plan)?)?.changed_up_with_subqueries(|plan| match plan {
            LogicalPlan::Join(join) => of_join(join, &names),
            LogicalPlan::Sort(sort) => of_sort(sort, &names),
            other => of_node(other, &names),
        })?;
        Ok(computed.data)
    }
}

/// A join whose right side uses columns of its left side, or whose condition contains subqueries.
fn of_join(join: Join, names: &Names) -> Result<Transformed<LogicalPlan>> {
    if let Some(plan) = lateral(&join, names)? {
        return Ok(Transformed::yes(plan));
    }
    // For an inner join, the condition can be moved to a filter above it.
    if join.join_type == JoinType::Inner
        && let Some(filter) = &join.filter
        && engine::has_subquery(filter)
    {
        let filter = filter.clone();
        let plan = LogicalPlan::Join(Join { filter: None, ..join });
        return of_node(LogicalPlanBuilder::from(plan).filter(filter)?.build()?, names);
    }
    if let Some(plan) = outer(&join, names)? {
        return Ok(Transformed::yes(plan));
    }
    Ok(Transformed::no(LogicalPlan::Join(join)))
}

/// An outer join with subqueries in its condition. Each part of the condition whose columns are all of one side is computed for the rows of
/// that side; a part with columns of both sides is left to the engine.
fn outer(join: &Join, names: &Names) -> Result<Option<LogicalPlan>> {
    let Some(filter) = join.filter.as_ref().filter(|filter| engine::has_subquery(filter)) else { return Ok(None) };
    if !matches!(join.join_type, JoinType::Left | JoinType::Right | JoinType::Full) {
        return Ok(None);
    }
    let node = LogicalPlan::Join(join.clone());
    let inputs = [&join.left, &join.right];
    let mut sides: [Option<Around<'_>>; 2] = [None, None];
    let mut conditions = vec![];
    for condition in split_conjunction_owned(filter.clone()) {
        if !engine::has_subquery(&condition) {
            conditions.push(condition);
            continue;
        }
        let used = used_from(&node, &condition)?;
        let is_of = |input: &&LogicalPlan| used.iter().all(|column| input.schema().has_column(column));
        let Some(place) = inputs.iter().position(|input| is_of(&input.as_ref())) else { return Ok(None) };
        size::check(inputs[place])?;
        let side = sides[place].get_or_insert_with(|| {
            let rows = read_twice(inputs[place]);
            Around { plan: rows.clone(), rows, is_joined: false, names }
        });
        conditions.push(side.without_subqueries(condition, &node)?);
    }
    if !sides.iter().flatten().any(|side| side.is_joined) {
        return Ok(None);
    }
    let [left, right] = sides;
    let computed = |side: Option<Around<'_>>, input| side.map_or_else(|| Arc::clone(input), |side| Arc::new(side.plan));
    let Join { on, join_type, join_constraint, null_equality, null_aware, .. } = join.clone();
    let (left, right) = (computed(left, &join.left), computed(right, &join.right));
    let condition = conjunction(conditions);
    let joined = Join::try_new(left, right, on, condition, join_type, join_constraint, null_equality, null_aware)?;
    let own = as_expressions(&join.schema.columns());
    LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(own)?.build().map(Some)
}

/// The columns of `rows` that an expression uses, by itself and in its subqueries.
fn used_from(rows: &LogicalPlan, expression: &Expr) -> Result<Vec<Column>> {
    let mut used: Vec<Column> = expression.column_refs().into_iter().cloned().collect();
    expression.each_part(|part| {
        if let Some(subquery) = subquery_of(part) {
            used.extend(taken_from(rows, &subquery.subquery)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(used)
}

fn lateral(join: &Join, names: &Names) -> Result<Option<LogicalPlan>> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Ok(None);
    }
    let columns = taken_from(&join.left, &join.right)?;
    if columns.is_empty() {
        return Ok(None);
    }
    // With several LATERALs in a row, each plan contains those before it twice, so the plan grows exponentially.
    size::check(&join.left)?;
    let left = read_twice(&join.left);
    let domain = domain(&left, &columns)?;
    let dependent = Dependent { domain: &domain, columns: &columns, names };
    let Some(Lowered { plan: right, keys }) = dependent.lower(&join.right)? else { return Ok(None) };
    let equal = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let condition = conjunction(equal.chain(join.filter.clone()));
    let own = as_expressions(&join.schema.columns());
    let joined = LogicalPlanBuilder::from(left).join_detailed(
        right,
        join.join_type,
        (columns, keys),
        condition,
        NullEquality::NullEqualsNull,
    )?;
    joined.project(own)?.build().map(Some)
}

/// A sort whose subqueries may use columns that are not selected.
fn of_sort(sort: Sort, names: &Names) -> Result<Transformed<LogicalPlan>> {
    let own = sort.input.schema().columns();
    let sort = sorts::with_columns(sort)?;
    let has_more = sort.input.schema().fields().len() > own.len();
    let sorted = of_node(LogicalPlan::Sort(sort), names)?;
    if has_more {
        return LogicalPlanBuilder::from(sorted.data).project(as_expressions(&own))?.build().map(Transformed::yes);
    }
    Ok(sorted)
}

/// A node whose expressions contain subqueries.
fn of_node(plan: LogicalPlan, names: &Names) -> Result<Transformed<LogicalPlan>> {
    let mut asks = false;
    plan.each_expression(|expression| {
        asks |= engine::has_subquery(expression);
        Ok(TreeNodeRecursion::Continue)
    })?;
    let inputs = plan.inputs();
    let (&[input], true) = (inputs.as_slice(), asks) else { return Ok(Transformed::no(plan)) };
    let mut takes_columns = false;
    plan.each_expression(|expression| {
        expression.each_part(|part| {
            if let Some(subquery) = subquery_of(part) {
                takes_columns |= !taken_from(input, &subquery.subquery)?.is_empty();
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    size::check(input)?;
    let rows = if takes_columns { read_twice(input) } else { input.clone() };
    let mut around = Around { plan: rows.clone(), rows, is_joined: false, names };
    let own = plan.schema().columns();
    let rewritten = match &plan {
        LogicalPlan::Filter(filter) => {
            let conditions = split_conjunction_owned(filter.predicate.clone()).into_iter().map(|condition| {
                if engine::computes_condition(&condition, input)? {
                    Ok(condition)
                } else {
                    around.without_subqueries(condition, &plan)
                }
            });
            conditions.collect::<Result<Vec<_>>>().map(|conditions| conjunction(conditions).into_iter().collect::<Vec<_>>())?
        }
        _ => {
            let preserver = NamePreserver::new(&plan);
            let rewritten = plan.expressions().into_iter().map(|expression| {
                let name = preserver.save(&expression);
                Ok(name.restore(around.without_subqueries(expression, &plan)?))
            });
            rewritten.collect::<Result<Vec<_>>>()?
        }
    };
    if !around.is_joined {
        return Ok(Transformed::no(plan));
    }
    let passes_on = around.plan.schema().fields().len() != input.schema().fields().len();
    let computed = plan.with_new_exprs(rewritten, vec![around.plan])?.recompute_schema()?;
    // A filter, for example, passes all columns on, including those that were joined; they are removed here.
    if passes_on && computed.schema().fields().len() != own.len() {
        return LogicalPlanBuilder::from(computed).project(as_expressions(&own))?.build().map(Transformed::yes);
    }
    Ok(Transformed::yes(computed))
}

/// The outer rows, and what was joined to them.
struct Around<'a> {
    /// The outer rows alone, from which domains are built.
    rows: LogicalPlan,
    /// The outer rows with what was joined.
    plan: LogicalPlan,
    is_joined: bool,
    names: &'a Names,
}

impl Around<'_> {
    /// The expression with its subqueries replaced by columns.
    fn without_subqueries(&mut self, expression: Expr, node: &LogicalPlan) -> Result<Expr> {
        let rewritten = expression.changed_up(|part| {
            let Some(subquery) = subquery_of(&part) else { return Ok(Transformed::no(part)) };
            if matches!(part, Expr::ScalarSubquery(_)) && engine::computes_value(subquery, node)? {
                return Ok(Transformed::no(part));
            }
            let value = match &part {
                Expr::ScalarSubquery(subquery) => self.value(subquery)?,
                Expr::Exists(Exists { subquery, negated }) => {
                    self.exists(subquery)?.map(|found| if *negated { not(found) } else { found })
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    self.is_in(expr, subquery)?.map(|found| if *negated { not(found) } else { found })
                }
                _ => None,
            };
            Ok(value.map_or_else(|| Transformed::no(part), Transformed::yes))
        })?;
        Ok(rewritten.data)
    }

    /// The subquery evaluated for all outer rows, and the outer columns it uses.
    fn lowered(&self, plan: &LogicalPlan) -> Result<Option<(Lowered, Vec<Column>)>> {
        let columns = taken_from(&self.rows, plan)?;
        if columns.is_empty() {
            return Ok(Some((Lowered { plan: plan.clone(), keys: vec![] }, columns)));
        }
        let domain = domain(&self.rows, &columns)?;
        let lowered = Dependent { domain: &domain, columns: &columns, names: self.names }.lower(plan)?;
        Ok(lowered.map(|lowered| (lowered, columns)))
    }

    /// Joins the result by these columns; without columns it is a single row, which is joined to every outer row.
    fn join(&mut self, columns: Vec<Column>, right: LogicalPlan, keys: Vec<Column>) -> Result<()> {
        let left = LogicalPlanBuilder::from(self.plan.clone());
        let joined = if keys.is_empty() {
            left.cross_join(right)?
        } else {
            left.join_detailed(right, JoinType::Left, (columns, keys), None, NullEquality::NullEqualsNull)?
        };
        self.plan = joined.build()?;
        self.is_joined = true;
        Ok(())
    }

    fn value(&mut self, subquery: &Subquery) -> Result<Option<Expr>> {
        let Some((Lowered { plan, keys }, columns)) = self.lowered(&subquery.subquery)? else { return Ok(None) };
        if keys.is_empty() {
            return Ok(None);
        }
        let Some(own) = plan.schema().columns().into_iter().nth(keys.len()) else { return Ok(None) };
        let value = self.names.next("value");
        let named = |expression: Expr| as_expressions(&keys).into_iter().chain([expression.alias(&value)]).collect::<Vec<_>>();
        let one = if has_one_row(&subquery.subquery) {
            LogicalPlanBuilder::from(plan).project(named(Expr::Column(own)))?
        } else {
            let (first, rows) = (self.names.next("first"), self.names.next("rows"));
            let aggregates = [first_value(Expr::Column(own), vec![]).alias(&first), count(lit(1)).alias(&rows)];
            let [first, rows] = [first, rows].map(|name| Expr::Column(Column::new_unqualified(name)));
            let only = only_row::of(first, rows);
            LogicalPlanBuilder::from(plan).aggregate(as_expressions(&keys), aggregates)?.project(named(only))?
        };
        self.join(columns, one.build()?, keys)?;
        Ok(Some(Expr::Column(Column::new_unqualified(value))))
    }

    fn exists(&mut self, subquery: &Subquery) -> Result<Option<Expr>> {
        let Some((Lowered { plan, keys }, columns)) = self.lowered(&subquery.subquery)? else { return Ok(None) };
        let found = self.names.next("found");
        let there = if keys.is_empty() {
            let rows = self.names.next("rows");
            let counted =
                LogicalPlanBuilder::from(plan).limit(0, Some(1))?.aggregate(Vec::<Expr>::new(), [count(lit(1)).alias(&rows)])?;
            let some = when(Expr::Column(Column::new_unqualified(rows)).gt(lit(0_i64)), lit(true)).end()?;
            counted.project([some.alias(&found)])?
        } else {
            let distinct = LogicalPlanBuilder::from(plan).project(as_expressions(&keys))?.distinct()?;
            distinct.project(as_expressions(&keys).into_iter().chain([lit(true).alias(&found)]).collect::<Vec<_>>())?
        };
        self.join(columns, there.build()?, keys)?;
        Ok(Some(Expr::Column(Column::new_unqualified(found)).is_not_null()))
    }

    fn is_in(&mut self, searched: &Expr, subquery: &Subquery) -> Result<Option<Expr>> {
        let Some((Lowered { plan, keys }, columns)) = self.lowered(&subquery.subquery)? else { return Ok(None) };
        let Some(own) = plan.schema().columns().into_iter().nth(keys.len()) else { return Ok(None) };
        // A column, because the value is used both as a join key and in the CASE below.
        let searched = self.column(searched)?;
        let plan = read_twice(&plan);

        let [value, rows, values] = ["value", "rows", "values"].map(|of| Column::new_unqualified(self.names.next(of)));
        let counts = [count(lit(1)).alias(&rows.name), count(Expr::Column(own.clone())).alias(&values.name)];
        let counted = LogicalPlanBuilder::from(plan.clone()).aggregate(as_expressions(&keys), counts)?.build()?;
        self.join(columns.clone(), counted, keys.clone())?;

        let again: Vec<Column> = keys.iter().map(|_| Column::new_unqualified(self.names.next("outer"))).collect();
        let renamed = keys.iter().zip(&again).map(|(key, again)| Expr::Column(key.clone()).alias(&again.name));
        let found = LogicalPlanBuilder::from(plan)
            .filter(Expr::Column(own.clone()).is_not_null())?
            .project(renamed.chain([Expr::Column(own).alias(&value.name)]).collect::<Vec<_>>())?
            .distinct()?
            .build()?;
        let on = (
            columns.into_iter().chain([searched.clone()]).collect::<Vec<_>>(),
            again.into_iter().chain([value.clone()]).collect::<Vec<_>>(),
        );
        // NULL equals NULL in this join, but no value of `found` is NULL, so a NULL on the left matches nothing.
        self.plan = LogicalPlanBuilder::from(self.plan.clone())
            .join_detailed(found, JoinType::Left, on, None, NullEquality::NullEqualsNull)?
            .build()?;

        let [value, rows, values, searched] = [value, rows, values, searched].map(Expr::Column);
        let unknown = || lit(ScalarValue::Boolean(None));
        let is_empty = rows.clone().is_null().or(rows.clone().eq(lit(0_i64)));
        let found = when(is_empty, lit(false))
            .when(searched.is_null(), unknown())
            .when(value.is_not_null(), lit(true))
            .when(values.lt(rows), unknown())
            .otherwise(lit(false))?;
        Ok(Some(found))
    }

    /// A column of the outer rows that holds the value of the expression.
    fn column(&mut self, expression: &Expr) -> Result<Column> {
        if let Expr::Column(column) = expression {
            return Ok(column.clone());
        }
        let column = Column::new_unqualified(self.names.next("searched"));
        let columns = as_expressions(&self.plan.schema().columns()).into_iter();
        let columns = columns.chain([expression.clone().unalias().alias(&column.name)]).collect::<Vec<_>>();
        self.plan = LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?;
        Ok(column)
    }
}

/// The columns of `rows` that a subquery uses.
fn taken_from(rows: &LogicalPlan, subquery: &LogicalPlan) -> Result<Vec<Column>> {
    let columns = outer_columns(subquery)?.into_iter().map(|(column, _)| column);
    Ok(columns.filter(|column| rows.schema().has_column(column)).collect())
}

/// The distinct combinations of values that a subquery uses.
fn domain(rows: &LogicalPlan, columns: &[Column]) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(rows.clone()).project(as_expressions(columns))?.distinct()?.build()
}

/// A plan that can be read twice. It is computed once and shared, unless it is cheap and returns the same rows each time.
fn read_twice(plan: &LogicalPlan) -> LogicalPlan {
    if is_plain(plan) { plan.clone() } else { once(plan.clone()) }
}

fn is_plain(plan: &LogicalPlan) -> bool {
    let beneath = match plan {
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().into_iter().all(is_plain)
        }
        _ => false,
    };
    beneath && !plan.expressions().iter().any(|expression| expression.is_volatile() || engine::has_subquery(expression))
}

/// True for a plan that returns at most one row.
fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Limit(limit) => {
            matches!(limit.fetch.as_deref(), Some(Expr::Literal(ScalarValue::Int64(Some(0 | 1)), _))) || has_one_row(&limit.input)
        }
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_) => plan.inputs().into_iter().all(has_one_row),
        _ => false,
    }
}
