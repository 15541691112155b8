//! MERGE: what happens to a row depends on whether the source has a matching row.

use datafusion::common::Result;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, CaseWhen, Expr, Ident, Join, JoinConstraint, JoinOperator, Merge, MergeAction, MergeClause,
    MergeClauseKind, MergeInsertExpr, MergeInsertKind, ObjectName, OutputClause, SelectItem, TableFactor, TableWithJoins, Value,
    WildcardAdditionalOptions,
};

use super::parts::{self, Parts, aliased, column};
use super::{Change, Known, NOTHING, STAYS, alias, assigned, boolean, identity, is_default, last, needed, targeted};
use crate::catalog::tables::ROW;
use crate::error::{SqlState, coded, invalid};
use crate::sql::command::normal;

/// A marker column of the source; it is NULL where an outer join found no source row.
const SOURCE: &str = "portrait:source";

/// The items of MERGE's RETURNING clause.
pub fn returned(merge: &Merge) -> Option<Vec<SelectItem>> {
    match &merge.output {
        Some(OutputClause::Returning { select_items, .. }) => Some(select_items.clone()),
        _ => None,
    }
}

pub fn merge(merge: &Merge, known: &Known<'_>) -> Result<Change> {
    let Merge { table, source, on, clauses, .. } = merge;
    let mut table = table.clone();
    let own = targeted(&mut table)?;
    let clauses = clauses.iter().map(|clause| Clause::of(clause, &own, known)).collect::<Result<Vec<_>>>()?;
    let happens = |clause: &Clause| clause.condition.clone();
    let first_of = |value: &dyn Fn(&Clause) -> Expr| Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: clauses
            .iter()
            .map(|clause| CaseWhen { condition: clause.condition.clone(), result: value(clause) })
            .collect(),
        else_result: None,
    };
    let mut items = identity();
    items.push(aliased(first_of(&|clause| boolean(clause.stays)), STAYS));
    for (place, name) in known.columns.iter().enumerate() {
        let value = |clause: &Clause| clause.values.get(place).cloned().unwrap_or_else(|| Expr::value(Value::Null));
        items.push(aliased(first_of(&value), name));
    }
    items.extend(needed(&own, known));
    // A row to which nothing is done is left out, also where a later clause would apply.
    let any = match clauses.iter().any(|clause| clause.is_nothing) {
        true => Some(first_of(&|clause| boolean(!clause.is_nothing))),
        false => clauses.iter().map(happens).reduce(|one, other| joined(one, BinaryOperator::Or, other)),
    };
    let has = |kind: MergeClauseKind| merge.clauses.iter().any(|clause| clause.clause_kind == kind);
    let adds = has(MergeClauseKind::NotMatched) || has(MergeClauseKind::NotMatchedByTarget);
    let on = JoinConstraint::On(on.as_ref().clone());
    let join_operator = match (adds, has(MergeClauseKind::NotMatchedBySource)) {
        (true, true) => JoinOperator::FullOuter(on),
        (true, false) => JoinOperator::RightOuter(on),
        (false, true) => JoinOperator::LeftOuter(on),
        (false, false) => JoinOperator::Inner(on),
    };
    let joins = vec![Join { relation: marked(source)?, global: false, join_operator }];
    let parts = Parts { items, from: vec![TableWithJoins { relation: table, joins }], selection: any, ..Parts::default() };
    Ok(Change { query: parts.query()?, may_repeat: false })
}

/// The source, with the marker column added.
fn marked(source: &TableFactor) -> Result<TableFactor> {
    let alias = match source {
        TableFactor::Derived { alias, .. } => alias.clone().map(|alias| alias.name),
        table => alias(table),
    };
    let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    let from = vec![TableWithJoins { relation: source.clone(), joins: vec![] }];
    let parts = Parts { items: vec![all, aliased(boolean(true), SOURCE)], from, ..Parts::default() };
    let subquery = Box::new(parts.query()?);
    Ok(TableFactor::Derived { lateral: false, subquery, alias: alias.map(parts::table_alias), sample: None })
}

/// A WHEN clause: which rows it applies to, and what happens to them.
struct Clause {
    condition: Expr,
    /// True for DO NOTHING.
    is_nothing: bool,
    /// False for rows that are only deleted.
    stays: bool,
    /// The values of all columns: the new ones, or those of the deleted row.
    values: Vec<Expr>,
}

impl Clause {
    fn of(clause: &MergeClause, own: &Ident, known: &Known<'_>) -> Result<Self> {
        let MergeClause { when_token: _, clause_kind, predicate, action } = clause;
        let in_target = || is_there(ROW, true);
        let in_source = || is_there(SOURCE, true);
        let is_matched = match clause_kind {
            MergeClauseKind::Matched => joined(in_target(), BinaryOperator::And, in_source()),
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => is_there(ROW, false),
            MergeClauseKind::NotMatchedBySource => is_there(SOURCE, false),
        };
        let condition = match predicate {
            Some(predicate) => joined(is_matched, BinaryOperator::And, Expr::Nested(Box::new(predicate.clone()))),
            None => is_matched,
        };
        if is_nothing(action) {
            return Ok(Self { condition, is_nothing: true, stays: false, values: vec![] });
        }
        // The parser has checked which actions are allowed in which kind of clause.
        let (stays, values) = match action {
            MergeAction::Insert(insert) => (true, inserted(insert, own, known)?),
            MergeAction::Update(update) => (true, assigned(own, &update.assignments, known)?),
            MergeAction::Delete { .. } => (false, assigned(own, &[], known)?),
        };
        Ok(Self { condition, is_nothing: false, stays, values })
    }
}

/// True for DO NOTHING, which is written as a change of a column that no table has.
fn is_nothing(action: &MergeAction) -> bool {
    let is_named = |name: &ObjectName| last(name).is_some_and(|name| name.value == NOTHING);
    match action {
        MergeAction::Insert(insert) => insert.columns.iter().any(is_named),
        MergeAction::Update(update) => {
            let mut targets = update.assignments.iter().map(|assignment| &assignment.target);
            targets.any(|target| matches!(target, AssignmentTarget::ColumnName(name) if is_named(name)))
        }
        MergeAction::Delete { .. } => false,
    }
}

/// The values of all columns of an inserted row.
fn inserted(insert: &MergeInsertExpr, own: &Ident, known: &Known<'_>) -> Result<Vec<Expr>> {
    let of = normal(own);
    let MergeInsertKind::Values(values) = &insert.kind else {
        return Err(invalid("INSERT ROW", "is not supported; write INSERT (columns) VALUES (values)"));
    };
    let [row] = values.rows.as_slice() else {
        return Err(coded(SqlState::SYNTAX_ERROR, "MERGE", "INSERT takes one row of values"));
    };
    let places = match insert.columns.as_slice() {
        [] => (0..known.columns.len()).collect(),
        columns => {
            let place = |name| last(name).map_or_else(|| Err(invalid(&of, "is not a column")), |name| known.place(&of, &name));
            columns.iter().map(place).collect::<Result<Vec<_>>>()?
        }
    };
    if places.len() != row.len() {
        let problem = format!("INSERT has {} columns and {} values", places.len(), row.len());
        return Err(coded(SqlState::SYNTAX_ERROR, &of, problem));
    }
    let mut all: Vec<Expr> = known.columns.iter().map(|name| known.default(name)).collect();
    let mut given = vec![];
    for (place, value) in places.into_iter().zip(row.iter()) {
        if given.contains(&place) {
            return Err(coded(SqlState::DUPLICATE_COLUMN, &of, format!("column {} is named twice", known.columns[place])));
        }
        given.push(place);
        if !is_default(value) {
            known.check_given(known.columns[place])?;
            all[place] = value.clone();
        }
    }
    Ok(all)
}

fn is_there(name: &str, there: bool) -> Expr {
    let column = Box::new(column(name));
    if there { Expr::IsNotNull(column) } else { Expr::IsNull(column) }
}

fn joined(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}
