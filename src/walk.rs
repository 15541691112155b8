//! Walks over syntax trees, expressions and plans that are compiled once.
//!
//! sqlparser generates its walk anew for every type of visitor: some 8,000 functions each, which with dozens of visitors was
//! more than half of what the compiler had to translate. DataFusion's trees are walked anew for every closure. Here a walk knows
//! one type of visitor, which asks the one at hand through a table of functions.

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan};
use sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

/// A walk that reads.
pub trait Walk: Visit {
    /// Shows every part to the visitor, until it breaks off.
    fn walk<V: Visitor>(&self, visitor: &mut V) -> ControlFlow<V::Break> {
        let mut asked = Asked { visitor, end: None };
        #[expect(clippy::disallowed_methods, reason = "this is the one walk")]
        let _ = self.visit(&mut Reader(&mut asked));
        asked.end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    /// Shows every expression, the outer before the inner, until `look` breaks off.
    fn each_expression<B>(&self, look: impl FnMut(&Expr) -> ControlFlow<B>) -> ControlFlow<B> {
        struct Expressions<F>(F);

        impl<B, F: FnMut(&Expr) -> ControlFlow<B>> Visitor for Expressions<F> {
            type Break = B;

            fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<B> {
                (self.0)(expression)
            }
        }

        self.walk(&mut Expressions(look))
    }
}

impl<T: Visit> Walk for T {}

/// A walk that changes.
pub trait WalkMut: VisitMut {
    /// Hands every part to the visitor, until it breaks off.
    fn walk_mut<V: VisitorMut>(&mut self, visitor: &mut V) -> ControlFlow<V::Break> {
        let mut asked = Asked { visitor, end: None };
        #[expect(clippy::disallowed_methods, reason = "this is the one walk")]
        let _ = self.visit(&mut Writer(&mut asked));
        asked.end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    /// Hands over every expression, the inner before the outer, until `change` breaks off.
    fn each_expression_mut<B>(&mut self, change: impl FnMut(&mut Expr) -> ControlFlow<B>) -> ControlFlow<B> {
        struct Expressions<F>(F);

        impl<B, F: FnMut(&mut Expr) -> ControlFlow<B>> VisitorMut for Expressions<F> {
            type Break = B;

            fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<B> {
                (self.0)(expression)
            }
        }

        self.walk_mut(&mut Expressions(change))
    }
}

impl<T: VisitMut> WalkMut for T {}

/// The visitor at hand, with what it broke off with: the one walk cannot carry a value of any type.
struct Asked<'a, V, B> {
    visitor: &'a mut V,
    end: Option<B>,
}

impl<V, B> Asked<'_, V, B> {
    fn ask(&mut self, ask: impl FnOnce(&mut V) -> ControlFlow<B>) -> ControlFlow<()> {
        match ask(self.visitor) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(end) => {
                self.end = Some(end);
                ControlFlow::Break(())
            }
        }
    }
}

struct Reader<'a>(&'a mut dyn Reads);

struct Writer<'a>(&'a mut dyn Writes);

/// The methods of sqlparser's visitors, four times: as a trait whose methods have a place in a table, answered by any visitor,
/// and as the visitor that looks them up there.
macro_rules! methods {
    ($($method:ident: $part:ty,)*) => {
        trait Reads {
            $(fn $method(&mut self, part: &$part) -> ControlFlow<()>;)*
        }

        impl<V: Visitor> Reads for Asked<'_, V, V::Break> {
            $(fn $method(&mut self, part: &$part) -> ControlFlow<()> {
                self.ask(|visitor| visitor.$method(part))
            })*
        }

        impl Visitor for Reader<'_> {
            type Break = ();

            $(fn $method(&mut self, part: &$part) -> ControlFlow<()> {
                self.0.$method(part)
            })*
        }

        trait Writes {
            $(fn $method(&mut self, part: &mut $part) -> ControlFlow<()>;)*
        }

        impl<V: VisitorMut> Writes for Asked<'_, V, V::Break> {
            $(fn $method(&mut self, part: &mut $part) -> ControlFlow<()> {
                self.ask(|visitor| visitor.$method(part))
            })*
        }

        impl VisitorMut for Writer<'_> {
            type Break = ();

            $(fn $method(&mut self, part: &mut $part) -> ControlFlow<()> {
                self.0.$method(part)
            })*
        }
    };
}

methods! {
    pre_visit_query: Query,
    post_visit_query: Query,
    pre_visit_select: Select,
    post_visit_select: Select,
    pre_visit_relation: ObjectName,
    post_visit_relation: ObjectName,
    pre_visit_table_factor: TableFactor,
    post_visit_table_factor: TableFactor,
    pre_visit_expr: Expr,
    post_visit_expr: Expr,
    pre_visit_statement: Statement,
    post_visit_statement: Statement,
    pre_visit_value: ValueWithSpan,
    post_visit_value: ValueWithSpan,
}

/// Walks over expressions and plans of DataFusion.
#[expect(clippy::disallowed_methods, reason = "these are the walks")]
pub trait Tree: TreeNode {
    /// Shows every part, the outer before the inner.
    fn each_part<'n>(&'n self, mut look: impl FnMut(&'n Self) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.apply::<&mut dyn FnMut(&'n Self) -> Result<TreeNodeRecursion>>(&mut look)
    }

    /// Whether any part is of this kind.
    fn any_part(&self, mut is_it: impl FnMut(&Self) -> Result<bool>) -> Result<bool> {
        self.exists::<&mut dyn FnMut(&Self) -> Result<bool>>(&mut is_it)
    }

    /// Replaces the parts, the inner before the outer.
    fn changed_up(self, mut change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>> {
        self.transform_up::<&mut dyn FnMut(Self) -> Result<Transformed<Self>>>(&mut change)
    }

    /// Replaces the parts, the outer before the inner.
    fn changed_down(self, mut change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>> {
        self.transform_down::<&mut dyn FnMut(Self) -> Result<Transformed<Self>>>(&mut change)
    }

    /// Replaces the direct parts.
    fn changed_children(self, mut change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>> {
        self.map_children::<&mut dyn FnMut(Self) -> Result<Transformed<Self>>>(&mut change)
    }

    /// Shows the direct parts.
    fn each_child<'n>(&'n self, mut look: impl FnMut(&'n Self) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.apply_children::<&mut dyn FnMut(&'n Self) -> Result<TreeNodeRecursion>>(&mut look)
    }
}

impl<T: TreeNode> Tree for T {}

/// Walks over a plan with the plans within its expressions.
pub trait PlanTree: Sized {
    /// See [`LogicalPlan::apply_with_subqueries`].
    fn each_plan(&self, look: impl FnMut(&Self) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion>;

    /// See [`LogicalPlan::transform_up_with_subqueries`].
    fn changed_up_with_subqueries(self, change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>>;

    /// See [`LogicalPlan::transform_down_with_subqueries`].
    fn changed_down_with_subqueries(self, change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>>;

    /// Shows the expressions of this node alone.
    fn each_expression(&self, look: impl FnMut(&LogicalExpr) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion>;

    /// Replaces the expressions of this node alone.
    fn changed_expressions(
        self,
        change: impl FnMut(LogicalExpr) -> Result<Transformed<LogicalExpr>>,
    ) -> Result<Transformed<Self>>;
}

#[expect(clippy::disallowed_methods, reason = "these are the walks")]
impl PlanTree for LogicalPlan {
    fn each_plan(&self, mut look: impl FnMut(&Self) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.apply_with_subqueries::<&mut dyn FnMut(&Self) -> Result<TreeNodeRecursion>>(&mut look)
    }

    fn changed_up_with_subqueries(self, mut change: impl FnMut(Self) -> Result<Transformed<Self>>) -> Result<Transformed<Self>> {
        self.transform_up_with_subqueries::<&mut dyn FnMut(Self) -> Result<Transformed<Self>>>(&mut change)
    }

    fn changed_down_with_subqueries(
        self,
        mut change: impl FnMut(Self) -> Result<Transformed<Self>>,
    ) -> Result<Transformed<Self>> {
        self.transform_down_with_subqueries::<&mut dyn FnMut(Self) -> Result<Transformed<Self>>>(&mut change)
    }

    fn each_expression(&self, mut look: impl FnMut(&LogicalExpr) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        self.apply_expressions::<&mut dyn FnMut(&LogicalExpr) -> Result<TreeNodeRecursion>>(&mut look)
    }

    fn changed_expressions(
        self,
        mut change: impl FnMut(LogicalExpr) -> Result<Transformed<LogicalExpr>>,
    ) -> Result<Transformed<Self>> {
        self.map_expressions::<&mut dyn FnMut(LogicalExpr) -> Result<Transformed<LogicalExpr>>>(&mut change)
    }
}
