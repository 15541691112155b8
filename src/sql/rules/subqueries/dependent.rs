//! Decorrelation: evaluates a correlated subquery for many outer rows at once.
//!
//! The distinct combinations of the outer values that the subquery uses form a table, the *domain*. The domain is pushed down to where the
//! plan uses no outer values and is joined there. From there its columns come up again beside the subquery's own: filters and projections
//! read them as columns, and nodes that count or sort rows do so per combination. (T. Neumann, A. Kemper: Unnesting Arbitrary Queries, BTW
//! 2015.)

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullEquality, Result};
use datafusion::error::DataFusionError;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, ExprFunctionExt, FetchType, Filter, Join, JoinType, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, Projection, SkipType, Sort, Subquery, SubqueryAlias, Unnest, Values, Window, binary_expr, lit,
};

use crate::walk::Tree;

use super::columns::{Bound, outer_columns};

/// The domain of a subquery.
pub struct Dependent<'a> {
    /// The combinations of values, under their outer names.
    pub domain: &'a LogicalPlan,
    pub columns: &'a [Column],
    /// Makes unique column names.
    pub names: &'a Names,
}

/// Makes unique column names.
#[derive(Debug, Default)]
pub struct Names(Cell<usize>);

impl Names {
    /// Another unique name.
    pub fn next(&self, of: &str) -> String {
        let number = self.0.get() + 1;
        self.0.set(number);
        format!("__{of}_{number}")
    }
}

/// A plan whose first columns are those of the domain.
pub struct Lowered {
    pub plan: LogicalPlan,
    /// The names of the domain's columns in the plan.
    pub keys: Vec<Column>,
}

impl Dependent<'_> {
    /// The subquery over its domain; `None` when it has a part that cannot be evaluated for many rows at once.
    pub fn lower(&self, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        if !self.reads_domain(plan)? {
            let Lowered { plan: domain, keys } = self.instance()?;
            let plan = LogicalPlanBuilder::from(domain).cross_join(plan.clone())?.build()?;
            return Ok(Some(Lowered { plan, keys }));
        }
        match plan {
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) | LogicalPlan::Subquery(Subquery { subquery: input, .. }) => {
                self.over(input, |lowered| self.named_as(lowered.plan, lowered.keys, plan))
            }
            // The order of a subquery's rows matters only for LIMIT.
            LogicalPlan::Sort(Sort { input, fetch: None, .. }) => self.lower(input),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, plan),
            LogicalPlan::Distinct(Distinct::All(input)) => self.over(input, |lowered| {
                let plan = LogicalPlanBuilder::from(lowered.plan).distinct()?.build()?;
                Ok(Lowered { plan, keys: lowered.keys })
            }),
            LogicalPlan::Distinct(Distinct::On(distinct)) => self.distinct_on(distinct, plan),
            LogicalPlan::Window(window) => self.window(window, plan),
            LogicalPlan::Join(join) => self.join(join, plan),
            LogicalPlan::Union(union) => self.union(&union.inputs, plan),
            LogicalPlan::Values(values) => self.values(values, plan),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest, plan),
            _ => Ok(None),
        }
    }

    /// True when the plan uses values of the domain.
    fn reads_domain(&self, plan: &LogicalPlan) -> Result<bool> {
        Ok(outer_columns(plan)?.iter().any(|(column, _)| self.columns.contains(column)))
    }

    fn over(&self, input: &LogicalPlan, above: impl FnOnce(Lowered) -> Result<Lowered>) -> Result<Option<Lowered>> {
        self.lower(input)?.map(above).transpose()
    }

    /// The domain, with fresh column names so that several instances can be joined.
    fn instance(&self) -> Result<Lowered> {
        let keys: Vec<Column> = self.columns.iter().map(|_| Column::new_unqualified(self.names.next("outer"))).collect();
        let named = self.columns.iter().zip(&keys).map(|(column, key)| Expr::Column(column.clone()).alias(&key.name));
        let plan = LogicalPlanBuilder::from(self.domain.clone()).project(named.collect::<Vec<_>>())?.build()?;
        Ok(Lowered { plan, keys })
    }

    fn bound(&self, keys: &[Column]) -> Bound {
        Bound(self.columns.iter().cloned().zip(keys.iter().cloned()).collect())
    }

    /// The expression over the lowered input, under a new name if it has changed.
    fn own(&self, expression: &Expr, keys: &[Column]) -> Result<Expr> {
        let bound = self.bound(keys).expression(expression)?;
        Ok(if bound == *expression { bound } else { bound.unalias().alias(self.names.next("part")) })
    }

    fn own_all(&self, expressions: &[Expr], keys: &[Column]) -> Result<Vec<Expr>> {
        expressions.iter().map(|expression| self.own(expression, keys)).collect()
    }

    /// Gives the columns after the keys the names that the columns of `plan` have.
    fn named_as(&self, lowered: LogicalPlan, keys: Vec<Column>, plan: &LogicalPlan) -> Result<Lowered> {
        let columns = lowered.schema().columns();
        let own = columns.into_iter().skip(keys.len()).zip(plan.schema().iter());
        let own = own.map(|(column, (qualifier, field))| {
            if column.relation.as_ref() == qualifier && column.name == *field.name() {
                Expr::Column(column)
            } else {
                Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
            }
        });
        let projected = as_expressions(&keys).into_iter().chain(own).collect::<Vec<_>>();
        Ok(Lowered { plan: LogicalPlanBuilder::from(lowered).project(projected)?.build()?, keys })
    }

    fn projection(&self, projection: &Projection) -> Result<Option<Lowered>> {
        self.over(&projection.input, |Lowered { plan, keys }| {
            let bound = self.bound(&keys);
            let own = projection.expr.iter().zip(projection.schema.iter()).map(|(expression, (qualifier, field))| {
                let own = bound.expression(expression)?;
                // The default name would contain the outer column, but the nodes above expect the old name.
                Ok(if own == *expression { own } else { own.unalias().alias_qualified(qualifier.cloned(), field.name()) })
            });
            let projected = as_expressions(&keys).into_iter().map(Ok).chain(own).collect::<Result<Vec<_>>>()?;
            Ok(Lowered { plan: LogicalPlanBuilder::from(plan).project(projected)?.build()?, keys })
        })
    }

    fn filter(&self, filter: &Filter) -> Result<Option<Lowered>> {
        self.over(&filter.input, |Lowered { plan, keys }| {
            let predicate = self.bound(&keys).expression(&filter.predicate)?;
            Ok(Lowered { plan: LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan))?), keys })
        })
    }

    /// The first rows of each combination.
    fn limit(&self, limit: &Limit) -> Result<Option<Lowered>> {
        // A node that only renames or computes columns swaps places with the limit, so that the limit is directly above the sort.
        let beneath = |input: &Arc<LogicalPlan>| {
            LogicalPlan::Limit(Limit { skip: limit.skip.clone(), fetch: limit.fetch.clone(), input: Arc::clone(input) })
        };
        match limit.input.as_ref() {
            LogicalPlan::Projection(projection) => {
                let input = Arc::new(beneath(&projection.input));
                let expressions = projection.expr.clone();
                return self.projection(&Projection::try_new_with_schema(expressions, input, Arc::clone(&projection.schema))?);
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let input = beneath(&alias.input);
                return self.over(&input, |lowered| self.named_as(lowered.plan, lowered.keys, &limit.input));
            }
            _ => {}
        }
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
            return Ok(None);
        };
        let (input, order) = match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => (&sort.input, sort.expr.as_slice()),
            _ => (&limit.input, &[] as &[_]),
        };
        self.over(input, |Lowered { plan, keys }| {
            let bound = self.bound(&keys);
            let order = order.iter().map(|sort| Ok(sort.with_expr(bound.expression(&sort.expr)?)));
            let place = self.names.next("place");
            let order = order.collect::<Result<Vec<_>>>()?;
            let number = row_number().partition_by(as_expressions(&keys));
            let number = if order.is_empty() { number.build()? } else { number.order_by(order).build()? };
            let columns = plan.schema().columns();
            let mut numbered = LogicalPlanBuilder::from(plan).window([number.alias(&place)])?;
            let place = Expr::Column(Column::new_unqualified(place));
            if skip > 0 {
                numbered = numbered.filter(place.clone().gt(lit(skip as u64)))?;
            }
            if let Some(fetch) = fetch {
                numbered = numbered.filter(place.lt_eq(lit(skip.saturating_add(fetch) as u64)))?;
            }
            Ok(Lowered { plan: numbered.project(as_expressions(&columns))?.build()?, keys })
        })
    }

    fn aggregate(&self, aggregate: &Aggregate, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
            return Ok(None);
        }
        if aggregate.group_expr.is_empty() {
            return self.whole_aggregate(aggregate, plan);
        }
        self.over(&aggregate.input, |Lowered { plan: input, keys }| {
            let groups = as_expressions(&keys).into_iter().chain(self.own_all(&aggregate.group_expr, &keys)?);
            let aggregates = self.own_all(&aggregate.aggr_expr, &keys)?;
            let grouped = LogicalPlanBuilder::from(input).aggregate(groups.collect::<Vec<_>>(), aggregates)?.build()?;
            self.named_as(grouped, keys, plan)
        })
    }

    /// An aggregate without GROUP BY returns a row even without input rows. So the domain is left-joined with the rows, and a filter makes
    /// each aggregate count only rows that exist.
    fn whole_aggregate(&self, aggregate: &Aggregate, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        let Some(Lowered { plan: input, keys: of_input }) = self.lower(&aggregate.input)? else { return Ok(None) };
        let there = self.names.next("there");
        let columns = input.schema().columns().into_iter().map(Expr::Column).chain([lit(true).alias(&there)]);
        let input = LogicalPlanBuilder::from(input).project(columns.collect::<Vec<_>>())?.build()?;
        let Lowered { plan: domain, keys } = self.instance()?;
        let on = (keys.clone(), of_input);
        let joined = LogicalPlanBuilder::from(domain)
            .join_detailed(input, JoinType::Left, on, None, NullEquality::NullEqualsNull)?
            .build()?;
        let there = Expr::Column(Column::new_unqualified(there)).is_not_null();
        let bound = self.bound(&keys);
        let aggregates = aggregate.aggr_expr.iter().map(|expression| {
            let counted = bound.expression(expression)?.unalias().changed_up(|part| {
                Ok(match part {
                    Expr::AggregateFunction(mut function) => {
                        let filter = function.params.filter.take();
                        let both = filter.map_or_else(|| there.clone(), |filter| there.clone().and(*filter));
                        function.params.filter = Some(Box::new(both));
                        Transformed::yes(Expr::AggregateFunction(function))
                    }
                    other => Transformed::no(other),
                })
            })?;
            Ok(counted.data.alias(self.names.next("part")))
        });
        let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
        let grouped = LogicalPlanBuilder::from(joined).aggregate(as_expressions(&keys), aggregates)?.build()?;
        self.named_as(grouped, keys, plan).map(Some)
    }

    fn distinct_on(&self, distinct: &DistinctOn, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        self.over(&distinct.input, |Lowered { plan: input, keys }| {
            let bound = self.bound(&keys);
            let on = distinct.on_expr.iter().map(|expression| bound.expression(expression)).collect::<Result<Vec<_>>>()?;
            let select = self.own_all(&distinct.select_expr, &keys)?;
            let sort = distinct.sort_expr.as_ref().map(|sort| {
                // The ORDER BY of DISTINCT ON must begin with its keys.
                let first = keys.iter().map(|key| Ok(Expr::Column(key.clone()).sort(true, false)));
                first.chain(sort.iter().map(|sort| Ok(sort.with_expr(bound.expression(&sort.expr)?)))).collect::<Result<Vec<_>>>()
            });
            let with_keys = |expressions: Vec<Expr>| as_expressions(&keys).into_iter().chain(expressions).collect::<Vec<_>>();
            let chosen = DistinctOn::try_new(with_keys(on), with_keys(select), sort.transpose()?, Arc::new(input))?;
            self.named_as(LogicalPlan::Distinct(Distinct::On(chosen)), keys, plan)
        })
    }

    fn window(&self, window: &Window, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        self.over(&window.input, |Lowered { plan: input, keys }| {
            let bound = self.bound(&keys);
            let functions = window.window_expr.iter().map(|expression| {
                let of_keys = bound.expression(expression)?.unalias().changed_up(|part| {
                    Ok(match part {
                        Expr::WindowFunction(mut function) => {
                            function.params.partition_by.extend(as_expressions(&keys));
                            Transformed::yes(Expr::WindowFunction(function))
                        }
                        other => Transformed::no(other),
                    })
                })?;
                Ok(of_keys.data.alias(self.names.next("part")))
            });
            let functions = functions.collect::<Result<Vec<_>>>()?;
            self.named_as(LogicalPlanBuilder::from(input).window(functions)?.build()?, keys, plan)
        })
    }

    fn join(&self, join: &Join, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        let (left_reads, right_reads) = (self.reads_domain(&join.left)?, self.reads_domain(&join.right)?);
        let left_alone = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => !right_reads,
            JoinType::Right => false,
            _ => return Ok(None),
        };
        let right_alone = match join.join_type {
            JoinType::Inner | JoinType::Right => !left_reads,
            _ => false,
        };
        let condition = |keys: &[Column]| {
            let bound = self.bound(keys);
            let equal = join.on.iter().map(|(left, right)| {
                let (left, right) = (bound.expression(left)?, bound.expression(right)?);
                Ok(match join.null_equality {
                    NullEquality::NullEqualsNothing => left.eq(right),
                    NullEquality::NullEqualsNull => binary_expr(left, Operator::IsNotDistinctFrom, right),
                })
            });
            let filter = join.filter.iter().map(|filter| bound.expression(filter));
            let all = equal.chain(filter).collect::<Result<Vec<_>>>()?;
            Ok::<_, DataFusionError>(all.into_iter().reduce(Expr::and))
        };
        let no_keys = || (Vec::<Column>::new(), Vec::<Column>::new());
        if left_alone {
            // Each row of the left side carries its combination and is joined with the whole right side.
            return self.over(&join.left, |Lowered { plan: left, keys }| {
                let right = join.right.as_ref().clone();
                let joined = LogicalPlanBuilder::from(left).join_detailed(
                    right,
                    join.join_type,
                    no_keys(),
                    condition(&keys)?,
                    NullEquality::NullEqualsNothing,
                )?;
                self.named_as(joined.build()?, keys, plan)
            });
        }
        if right_alone {
            return self.over(&join.right, |Lowered { plan: right, keys }| {
                let left = join.left.as_ref().clone();
                let joined = LogicalPlanBuilder::from(left)
                    .join_detailed(right, join.join_type, no_keys(), condition(&keys)?, NullEquality::NullEqualsNothing)?
                    .build()?;
                let columns = join.left.schema().columns().into_iter().chain(join.right.schema().columns());
                let ordered = as_expressions(&keys).into_iter().chain(columns.map(Expr::Column)).collect::<Vec<_>>();
                self.named_as(LogicalPlanBuilder::from(joined).project(ordered)?.build()?, keys, plan)
            });
        }
        let (Some(left), Some(right)) = (self.lower(&join.left)?, self.lower(&join.right)?) else { return Ok(None) };
        let keys = if join.join_type == JoinType::Right { right.keys.clone() } else { left.keys.clone() };
        let on = (left.keys.clone(), right.keys.clone());
        let joined = LogicalPlanBuilder::from(left.plan)
            .join_detailed(right.plan, join.join_type, on, condition(&keys)?, NullEquality::NullEqualsNull)?
            .build()?;
        let own = plan.schema().columns().into_iter().map(Expr::Column);
        let ordered = as_expressions(&keys).into_iter().chain(own).collect::<Vec<_>>();
        Ok(Some(Lowered { plan: LogicalPlanBuilder::from(joined).project(ordered)?.build()?, keys }))
    }

    fn union(&self, inputs: &[Arc<LogicalPlan>], plan: &LogicalPlan) -> Result<Option<Lowered>> {
        let keys: Vec<Column> = self.columns.iter().map(|_| Column::new_unqualified(self.names.next("outer"))).collect();
        let mut all: Option<LogicalPlanBuilder> = None;
        for input in inputs {
            let Some(Lowered { plan: side, keys: own }) = self.lower(input)? else { return Ok(None) };
            let of_keys = own.iter().zip(&keys).map(|(own, key)| Expr::Column(own.clone()).alias(&key.name));
            let columns = side.schema().columns().into_iter().skip(own.len()).zip(plan.schema().iter());
            let columns = columns
                .map(|(column, (qualifier, field))| Expr::Column(column).alias_qualified(qualifier.cloned(), field.name()));
            let projected = of_keys.chain(columns).collect::<Vec<_>>();
            let side = LogicalPlanBuilder::from(side).project(projected)?.build()?;
            all = Some(match all {
                Some(others) => others.union(side)?,
                None => LogicalPlanBuilder::from(side),
            });
        }
        all.map(|all| self.named_as(all.build()?, keys, plan)).transpose()
    }

    /// Each row of VALUES, once per combination.
    fn values(&self, values: &Values, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        let Lowered { plan: domain, keys } = self.instance()?;
        let bound = self.bound(&keys);
        let mut all: Option<LogicalPlanBuilder> = None;
        for row in &values.values {
            let own = row
                .iter()
                .zip(plan.schema().fields())
                .map(|(value, field)| Ok(bound.expression(value)?.unalias().alias(field.name())));
            let projected = as_expressions(&keys).into_iter().map(Ok).chain(own).collect::<Result<Vec<_>>>()?;
            let side = LogicalPlanBuilder::from(domain.clone()).project(projected)?;
            all = Some(match all {
                Some(others) => others.union(side.build()?)?,
                None => side,
            });
        }
        all.map(|all| self.named_as(all.build()?, keys, plan)).transpose()
    }

    fn unnest(&self, unnest: &Unnest, plan: &LogicalPlan) -> Result<Option<Lowered>> {
        let once = unnest.list_type_columns.iter().all(|(_, list)| list.depth == 1);
        let columns = unnest.input.schema().fields().len();
        if !once || !unnest.struct_type_columns.is_empty() || !unnest.dependency_indices.iter().copied().eq(0..columns) {
            return Ok(None);
        }
        self.over(&unnest.input, |Lowered { plan: input, keys }| {
            let columns = input.schema().columns();
            let lists = unnest.list_type_columns.iter().filter_map(|(index, _)| columns.get(index + keys.len()).cloned());
            let options = unnest.options.clone();
            let unnested = LogicalPlanBuilder::from(input).unnest_columns_with_options(lists.collect(), options)?.build()?;
            self.named_as(unnested, keys, plan)
        })
    }
}

pub fn as_expressions(columns: &[Column]) -> Vec<Expr> {
    columns.iter().cloned().map(Expr::Column).collect()
}
