//! Function calls. Which clauses a call may have depends on the kind of function.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, NullTreatment, ObjectNamePart, Spanned, Value, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};
use sqlparser::tokenizer::Span;

use super::{Checked, Walk, refuse_at};

/// The window functions that support IGNORE NULLS.
const SKIP_NULLS: [&str; 5] = ["first_value", "last_value", "nth_value", "lag", "lead"];

/// The aggregates that would ignore DISTINCT.
const NOT_DISTINCT: [&str; 7] =
    ["approx_percentile_cont", "approx_percentile_cont_with_weight", "corr", "covar", "covar_pop", "covar_samp", "nth_value"];

/// The kind of a function, which decides what clauses a call may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Returns one value per row; takes nothing but arguments.
    Scalar,
    /// Returns one value per group or window.
    Aggregate,
    /// Returns one value per row of a window.
    Window,
    /// Not found; the error comes from planning.
    Unknown,
}

impl Walk<'_> {
    fn kind(&self, name: &str) -> Kind {
        let state = self.state;
        // The planner looks functions up in this order.
        if state.scalar_functions().contains_key(name)
            || state.higher_order_functions().contains_key(name)
            || ["unnest", "unnest_outer"].contains(&name)
        {
            Kind::Scalar
        } else if state.aggregate_functions().contains_key(name) {
            Kind::Aggregate
        } else if state.window_functions().contains_key(name) {
            Kind::Window
        } else {
            Kind::Unknown
        }
    }

    pub(super) fn function(&self, function: &Function) -> Checked {
        let Function { name, uses_odbc_syntax: _, parameters, args, filter, null_treatment, over, within_group } = function;
        self.name(name)?;
        let span = name.span();
        let [ObjectNamePart::Identifier(own)] = name.0.as_slice() else {
            return refuse_at(span, &name.to_string(), "functions do not belong to a schema; write only the name");
        };
        let lower = match own.quote_style {
            Some(_) => own.value.clone(),
            None => own.value.to_lowercase(),
        };
        match parameters {
            FunctionArguments::None => {}
            FunctionArguments::List(_) | FunctionArguments::Subquery(_) => {
                let instead = format!("all arguments stand in one pair of brackets: {name}(column, argument)");
                return refuse_at(span, &format!("{name}(…)(…)"), instead);
            }
        }
        self.query_as_arguments(name, args)?;
        let kind = self.kind(&lower);
        let only_aggregates = |clause: &str| {
            refuse_at(span, clause, format!("{name} gives one value for each row; {clause} is for aggregates such as sum(…)"))
        };
        if let FunctionArguments::List(FunctionArgumentList { duplicate_treatment, args, clauses }) = args {
            let passes_over_distinct = NOT_DISTINCT.contains(&lower.as_str()) || lower.starts_with("regr_");
            if *duplicate_treatment == Some(DuplicateTreatment::Distinct) && passes_over_distinct {
                let instead = format!("{name} takes every row; write it over (SELECT DISTINCT …)");
                return refuse_at(span, "DISTINCT", instead);
            }
            match (duplicate_treatment, kind) {
                (None | Some(DuplicateTreatment::All), _)
                | (Some(DuplicateTreatment::Distinct), Kind::Aggregate | Kind::Unknown) => {}
                (Some(DuplicateTreatment::Distinct), Kind::Scalar) => return only_aggregates("DISTINCT"),
                (Some(DuplicateTreatment::Distinct), Kind::Window) => {
                    return refuse_at(
                        span,
                        "DISTINCT",
                        format!("{name} goes through the rows of a window one by one; leave it out"),
                    );
                }
            }
            for argument in args {
                let value = match argument {
                    FunctionArg::Unnamed(value)
                    | FunctionArg::Named { name: _, arg: value, operator: _ }
                    | FunctionArg::ExprNamed { name: _, arg: value, operator: _ } => value,
                };
                if matches!(value, FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_))
                    && lower != "count"
                    && kind != Kind::Unknown
                {
                    return refuse_at(span, &format!("{name}({value})"), "only count takes a star; name the column");
                }
                if matches!(value, FunctionArgExpr::Wildcard) && *duplicate_treatment == Some(DuplicateTreatment::Distinct) {
                    return refuse_at(span, "count(DISTINCT *)", "write SELECT count(*) FROM (SELECT DISTINCT * FROM …)");
                }
                match value {
                    // `COLUMNS(* EXCLUDE …)` is expanded later.
                    FunctionArgExpr::WildcardWithOptions(options) if lower == "columns" => self.wildcard(options)?,
                    value => self.argument(value)?,
                }
            }
            for clause in clauses {
                match clause {
                    FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                        self.null_treatment(*treatment, &lower, kind, over.is_some(), span)?;
                    }
                    FunctionArgumentClause::OrderBy(expressions) => {
                        if kind == Kind::Scalar {
                            return only_aggregates("ORDER BY");
                        }
                        self.sort_expressions(expressions)?;
                        if over.is_some() {
                            let instead = format!("write the order in the window: {name}(…) OVER (ORDER BY …)");
                            return refuse_at(span, "ORDER BY", instead);
                        }
                    }
                    FunctionArgumentClause::Limit(limit) => {
                        let instead = format!("write array_slice({name}(…), 1, {limit})");
                        return refuse_at(limit.span(), "LIMIT in a call", instead);
                    }
                    FunctionArgumentClause::OnOverflow(_) => {
                        return refuse_at(span, "ON OVERFLOW", "a text of any length is given; leave it out");
                    }
                    FunctionArgumentClause::Having(_) => {
                        let instead = format!("write {name}(…) FILTER (WHERE …)");
                        return refuse_at(span, "HAVING in a call", instead);
                    }
                    FunctionArgumentClause::Separator(separator) => {
                        return refuse_at(separator.span, "SEPARATOR", format!("write string_agg(column, {separator})"));
                    }
                    FunctionArgumentClause::JsonNullClause(_) | FunctionArgumentClause::JsonReturningClause(_) => {
                        return refuse_at(span, &clause.to_string(), "leave it out");
                    }
                }
            }
        }
        if let Some(condition) = filter {
            if kind == Kind::Scalar {
                return only_aggregates("FILTER");
            }
            self.expression(condition)?;
            if kind == Kind::Window {
                let instead = format!("{name} counts every row of its window; write CASE WHEN … THEN {name}(…) OVER (…) END");
                return refuse_at(condition.span(), "FILTER", instead);
            }
        }
        if let Some(treatment) = null_treatment {
            self.null_treatment(*treatment, &lower, kind, over.is_some(), span)?;
        }
        if !within_group.is_empty() {
            if kind == Kind::Scalar {
                return only_aggregates("WITHIN GROUP");
            }
            self.sort_expressions(within_group)?;
        }
        match over {
            None => Ok(()),
            Some(_) if kind == Kind::Scalar => {
                let instead =
                    format!("{name} gives one value for each row; OVER is for aggregates and functions such as row_number()");
                refuse_at(span, "OVER", instead)
            }
            Some(WindowType::WindowSpec(window)) => self.window(window),
            Some(WindowType::NamedWindow(window)) => {
                let instead = format!("no window has that name; write WINDOW {window} AS (PARTITION BY … ORDER BY …) after FROM");
                refuse_at(window.span, &format!("OVER {window}"), instead)
            }
        }
    }

    fn null_treatment(&self, treatment: NullTreatment, name: &str, kind: Kind, over: bool, span: Span) -> Checked {
        match (treatment, kind) {
            (_, Kind::Scalar) => {
                let instead = format!("{name} gives one value for each row; it is for functions such as first_value(…)");
                refuse_at(span, &treatment.to_string(), instead)
            }
            (NullTreatment::IgnoreNulls, Kind::Window | Kind::Aggregate) if over && !SKIP_NULLS.contains(&name) => {
                let instead = format!("{} can ignore NULL; leave it out of {name}", SKIP_NULLS.join(", "));
                refuse_at(span, "IGNORE NULLS", instead)
            }
            // The planner checks whether the aggregate supports it.
            (NullTreatment::IgnoreNulls | NullTreatment::RespectNulls, _) => Ok(()),
        }
    }

    fn window(&self, window: &WindowSpec) -> Checked {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = window;
        if let Some(name) = window_name {
            let instead = format!("no window has that name; write WINDOW {name} AS (PARTITION BY … ORDER BY …) after FROM");
            return refuse_at(name.span, &format!("OVER ({name})"), instead);
        }
        self.expressions(partition_by)?;
        self.sort_expressions(order_by)?;
        let Some(WindowFrame { units, start_bound, end_bound }) = window_frame else { return Ok(()) };
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                WindowFrameBound::CurrentRow | WindowFrameBound::Preceding(None) | WindowFrameBound::Following(None) => {}
                WindowFrameBound::Preceding(Some(distance)) | WindowFrameBound::Following(Some(distance)) => {
                    check_distance(*units, distance)?;
                    self.expression(distance)?;
                }
            }
        }
        Ok(())
    }
}

/// Rejects a distance that is no number of rows, where rows are counted.
fn check_distance(units: WindowFrameUnits, distance: &Expr) -> Checked {
    let instead = match distance {
        _ if units == WindowFrameUnits::Range => return Ok(()),
        Expr::Interval(_) => format!("{units} counts; write RANGE BETWEEN {distance} PRECEDING AND CURRENT ROW"),
        Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number.parse::<u64>().is_err()) => {
            format!("{units} counts; write a whole number")
        }
        _ => return Ok(()),
    };
    refuse_at(distance.span(), &format!("{units} with the distance {distance}"), instead)
}
