//! Comparisons and blocking rules as they are written in a call.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::Result;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, UnaryOperator, Value, Visitor,
    VisitorMut,
};

use super::spec::{Blocking, Named, Spec};
use crate::adapter::table_macro::calls;
use crate::error::{did_you_mean, invalid, one_of};
use crate::kernels::linkage::comparison::{Comparison, Measure};
use crate::text::as_sql;
use crate::walk::{Walk, WalkMut};

/// The parsed lists: a [`Spec`], and the columns that it refers to by position.
pub struct Reading {
    pub spec: Spec,
    /// A column for each comparison.
    pub columns: Vec<Expr>,
    /// The columns of the rules.
    pub blocks: Vec<Expr>,
}

/// Reads both lists.
pub fn read(function: &str, comparisons: &Expr, blocking: &Expr) -> Result<Reading> {
    let mut reading = Reading { spec: Spec { comparisons: vec![], rules: vec![] }, columns: vec![], blocks: vec![] };
    for written in &calls(comparisons) {
        let (column, comparison) = read_comparison(function, written)?;
        let name = as_sql(written);
        if reading.spec.comparisons.iter().any(|known| known.name == name) {
            return Err(invalid(function, format!("comparisons: {name} is listed twice")));
        }
        reading.spec.comparisons.push(Named { name, comparison });
        reading.columns.push(column);
    }
    if reading.columns.is_empty() {
        return Err(invalid(function, "comparisons: needs at least one; write comparisons => [jaro_winkler(name), exact(city)]"));
    }
    let compared: Vec<BTreeSet<String>> = reading.columns.iter().map(names).collect();
    for rule in elements(blocking) {
        let mut blocking = Blocking { left: vec![], right: vec![], decides: vec![] };
        let mut read = BTreeSet::new();
        for condition in conjuncts(rule) {
            let (left, right) = equality(function, condition)?;
            read.extend(names(&left));
            read.extend(names(&right));
            blocking.left.push(place(&mut reading.blocks, left));
            blocking.right.push(place(&mut reading.blocks, right));
        }
        blocking.decides = compared.iter().map(|names| names.iter().any(|name| read.contains(name))).collect();
        reading.spec.rules.push(blocking);
    }
    if reading.spec.rules.is_empty() {
        return Err(invalid(
            function,
            "blocking: needs at least one rule; write blocking => [l.email = r.email, l.surname = r.surname AND l.city = r.city]",
        ));
    }
    Ok(reading)
}

/// The elements of a list; one expression is a list of one.
fn elements(list: &Expr) -> &[Expr] {
    match list {
        Expr::Array(list) => &list.elem,
        other => std::slice::from_ref(other),
    }
}

fn place(columns: &mut Vec<Expr>, column: Expr) -> usize {
    columns.iter().position(|known| *known == column).unwrap_or_else(|| {
        columns.push(column);
        columns.len() - 1
    })
}

fn conjuncts(rule: &Expr) -> Vec<&Expr> {
    match rule {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        Expr::Nested(inner) => conjuncts(inner),
        Expr::Tuple(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The two sides of a condition, each without `l` and `r`.
fn equality(function: &str, condition: &Expr) -> Result<(Expr, Expr)> {
    let wrong = |problem: &str| {
        let form = "write l.city = r.city, several with AND, or city alone for the same";
        Err(invalid(function, format!("blocking: {condition}: {problem}; {form}")))
    };
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let (sides, others) = (sides(left), sides(right));
            let flipped = match (sides.as_slice(), others.as_slice()) {
                (["l"], ["r"]) => false,
                (["r"], ["l"]) => true,
                _ => return wrong("must compare l with r, each on its own side"),
            };
            let (left, right) = (without_side(left), without_side(right));
            Ok(if flipped { (right, left) } else { (left, right) })
        }
        Expr::BinaryOp { op, .. } if !is_arithmetic(op) => wrong("is not an equality, so records cannot be looked up by it"),
        _ => match sides(condition).as_slice() {
            [] => Ok((condition.clone(), condition.clone())),
            _ => wrong("is not an equality, so records cannot be looked up by it"),
        },
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
    )
}

/// Whether the expression mentions `l` and `r`.
fn sides(expression: &Expr) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    each(expression, |part| {
        if let Expr::CompoundIdentifier(names) = part
            && let Some(side) = names.first().and_then(side)
        {
            found.insert(side);
        }
    });
    found.into_iter().collect()
}

fn side(name: &Ident) -> Option<&'static str> {
    match name.value.as_str() {
        "l" | "L" => Some("l"),
        "r" | "R" => Some("r"),
        _ => None,
    }
}

fn without_side(expression: &Expr) -> Expr {
    struct Without;
    impl VisitorMut for Without {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if let Expr::CompoundIdentifier(names) = expression
                && names.len() == 2
                && names.first().and_then(side).is_some()
                && let Some(column) = names.pop()
            {
                *expression = Expr::Identifier(column);
            }
            ControlFlow::Continue(())
        }
    }
    let mut expression = expression.clone();
    let _ = expression.walk_mut(&mut Without);
    expression
}

/// The names of columns in an expression.
pub fn names(expression: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let name = |name: &Ident| if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    each(expression, |part| match part {
        Expr::Identifier(column) => drop(found.insert(name(column))),
        Expr::CompoundIdentifier(names) => found.extend(names.last().map(name)),
        _ => {}
    });
    found
}

fn each(expression: &Expr, then: impl FnMut(&Expr)) {
    struct Each<F>(F);
    impl<F: FnMut(&Expr)> Visitor for Each<F> {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            (self.0)(expression);
            ControlFlow::Continue(())
        }
    }
    let _ = expression.walk(&mut Each(then));
}

/// A comparison: `jaro_winkler(name, 0.92, 0.8, term_frequency => true)`, or a column that is compared exactly.
fn read_comparison(function: &str, written: &Expr) -> Result<(Expr, Comparison)> {
    let exact = || Comparison { measure: Measure::Exact, thresholds: vec![], term_frequency: false };
    let Expr::Function(call) = written else { return Ok((written.clone(), exact())) };
    let name = call.name.to_string().to_lowercase();
    let written = &written.to_string();
    let Some(measure) = Measure::ALL.into_iter().find(|measure| measure.name() == name) else {
        let known = || Measure::ALL.into_iter().map(Measure::name);
        let problem = format!(
            "comparisons: {name} is unknown{}; use {}, or a column to compare exactly",
            did_you_mean(&name, known()),
            one_of(known())
        );
        return Err(invalid(function, problem));
    };
    let (mut column, mut thresholds, mut term_frequency) = (None, vec![], false);
    for argument in arguments(call) {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) if column.is_none() => column = Some(expression.clone()),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => thresholds.push(threshold(function, written, expression)?),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. }
                if name.value.eq_ignore_ascii_case("term_frequency") =>
            {
                term_frequency = flag(value).ok_or_else(|| {
                    invalid(function, format!("comparisons: {written}: term_frequency is true or false, got {value}"))
                })?;
            }
            other => {
                let problem =
                    format!("comparisons: {written}: takes a column, thresholds and term_frequency => true, got {other}");
                return Err(invalid(function, problem));
            }
        }
    }
    let Some(column) = column else {
        return Err(invalid(function, format!("comparisons: {written}: needs a column; write {name}(column)")));
    };
    if thresholds.is_empty() {
        thresholds = measure.default_thresholds().to_vec();
    }
    check(function, written, measure, &thresholds)?;
    if term_frequency && measure.is_of_numbers() {
        return Err(invalid(function, format!("comparisons: {written}: term_frequency is of texts, not of numbers")));
    }
    Ok((column, Comparison { measure, thresholds, term_frequency }))
}

fn arguments(call: &Function) -> &[FunctionArg] {
    match &call.args {
        FunctionArguments::List(list) => &list.args,
        _ => &[],
    }
}

fn flag(value: &Expr) -> Option<bool> {
    match value {
        Expr::Value(value) => match value.value {
            Value::Boolean(flag) => Some(flag),
            _ => None,
        },
        _ => None,
    }
}

fn threshold(function: &str, written: &str, expression: &Expr) -> Result<f64> {
    let number = match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, .. } => Some(-1.0),
        _ => None,
    };
    let number = number.filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| invalid(function, format!("comparisons: {written}: thresholds are numbers, got {expression}")))
}

fn check(function: &str, written: &str, measure: Measure, thresholds: &[f64]) -> Result<()> {
    let wrong = |problem: &str| Err(invalid(function, format!("comparisons: {written}: {problem}")));
    if measure == Measure::Exact && !thresholds.is_empty() {
        return wrong("takes no thresholds, as values are equal or not");
    }
    if thresholds.len() > 10 {
        return wrong("takes at most 10 thresholds");
    }
    if measure.is_similarity() {
        if thresholds.iter().any(|threshold| *threshold <= 0.0 || *threshold >= 1.0) {
            return wrong("thresholds are similarities between 0 and 1");
        }
        if !thresholds.is_sorted_by(|a, b| a > b) {
            return wrong("thresholds must be descending, the strictest first");
        }
        return Ok(());
    }
    if thresholds.iter().any(|threshold| *threshold <= 0.0) {
        return wrong("thresholds are distances above 0");
    }
    if matches!(measure, Measure::Levenshtein | Measure::DamerauLevenshtein)
        && thresholds.iter().any(|threshold| threshold.fract() != 0.0)
    {
        return wrong("thresholds are whole numbers of edits");
    }
    if !thresholds.is_sorted_by(|a, b| a < b) {
        return wrong("thresholds must be ascending, the strictest first");
    }
    Ok(())
}
