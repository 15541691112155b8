//! The constraints of tables.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CheckConstraint, ConstraintCharacteristics, ConstraintReferenceMatchKind, Expr, ForeignKeyConstraint, Ident, IndexColumn,
    IndexOption, IndexType, OrderByExpr, OrderByOptions, PrimaryKeyConstraint, Spanned, TableConstraint, UniqueConstraint,
};
use sqlparser::tokenizer::Span;

use super::{Checked, Walk, absent, none, refuse, refuse_at};
use crate::sql::syntax::constraints::plain;
use crate::walk::Walk as _;

const LEAVE_OUT: &str = "leave it out";
const NOT_ENFORCED: &str = "a constraint that is not checked says nothing; leave it out";
const NAMED_BEFORE: &str = "write CONSTRAINT name before the key";

impl Walk<'_> {
    pub(super) fn table_constraint(&self, constraint: &TableConstraint) -> Checked {
        let span = constraint.span();
        match constraint {
            TableConstraint::Unique(UniqueConstraint {
                name: _,
                index_name,
                index_type_display: _,
                index_type,
                columns,
                index_options,
                characteristics,
                nulls_distinct: _,
            }) => key((index_name, index_type, index_options), columns, characteristics.as_ref(), span),
            TableConstraint::PrimaryKey(PrimaryKeyConstraint {
                name: _,
                index_name,
                index_type,
                columns,
                index_options,
                characteristics,
            }) => key((index_name, index_type, index_options), columns, characteristics.as_ref(), span),
            TableConstraint::ForeignKey(ForeignKeyConstraint {
                name: _,
                index_name,
                columns: _,
                foreign_table,
                referred_columns: _,
                on_delete: _,
                on_update: _,
                match_kind,
                characteristics,
            }) => {
                absent(index_name, "the name of an index", NAMED_BEFORE)?;
                if *match_kind == Some(ConstraintReferenceMatchKind::Partial) {
                    return refuse_at(span, "MATCH PARTIAL", "write MATCH SIMPLE or MATCH FULL");
                }
                if characteristics.as_ref().is_some_and(|own| own.enforced == Some(false)) {
                    return refuse("NOT ENFORCED", NOT_ENFORCED);
                }
                self.name(foreign_table)
            }
            TableConstraint::Check(CheckConstraint { name: _, expr, enforced }) => {
                if *enforced == Some(false) {
                    return refuse("NOT ENFORCED", NOT_ENFORCED);
                }
                let is_query = |expression: &Expr| match expression {
                    Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                };
                if expr.each_expression(is_query).is_break() {
                    return refuse_at(
                        span,
                        "a query in CHECK",
                        "it reads the columns of its row; CREATE CHECK tests whole tables",
                    );
                }
                self.expression(expr)
            }
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {
                refuse("INDEX", "tables are read without indexes; leave it out")
            }
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
                refuse("USING INDEX", "there are no indexes; write the columns: PRIMARY KEY (id)")
            }
        }
    }
}

/// Checks a PRIMARY KEY or UNIQUE.
fn key(
    (name, kind, options): (&Option<Ident>, &Option<IndexType>, &[IndexOption]),
    columns: &[IndexColumn],
    characteristics: Option<&ConstraintCharacteristics>,
    span: Span,
) -> Checked {
    const NO_INDEX: &str = "a key has no index here; leave it out";
    absent(name, "the name of an index", NAMED_BEFORE)?;
    absent(kind, "USING", NO_INDEX)?;
    none(options, "an option of an index", NO_INDEX)?;
    for column in columns {
        let IndexColumn { column: OrderByExpr { expr, options, with_fill }, operator_class } = column;
        let OrderByOptions { asc, nulls_first } = options;
        if plain(column).is_none() {
            return refuse_at(span, &expr.to_string(), "a key consists of columns; keep the value in a column of its own");
        }
        absent(asc, "ASC and DESC", LEAVE_OUT)?;
        absent(nulls_first, "NULLS FIRST and LAST", LEAVE_OUT)?;
        absent(with_fill, "WITH FILL", LEAVE_OUT)?;
        absent(operator_class, "an operator class", LEAVE_OUT)?;
    }
    if let Some(ConstraintCharacteristics { deferrable, initially, enforced }) = characteristics {
        const AT_END: &str = "a key is checked at the end of each statement; leave it out";
        if *deferrable == Some(true) || initially.is_some_and(|when| when == sqlparser::ast::DeferrableInitial::Deferred) {
            return refuse_at(span, "DEFERRABLE", AT_END);
        }
        if *enforced == Some(false) {
            return refuse("NOT ENFORCED", NOT_ENFORCED);
        }
    }
    Ok(())
}
