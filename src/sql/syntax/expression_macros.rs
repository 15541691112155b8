//! Replaces calls of [expression macros](crate::adapter::expression_macro) by the expressions they stand for.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::functions::regex::compile_regex;
use datafusion::logical_expr::Volatility;
use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, ObjectNamePart, OrderByExpr, Value, VisitorMut,
};

use crate::adapter::expression_macro::{ExpressionMacro, Meaning};
use crate::docs::{Argument, Kind};
use crate::error::{SqlState, coded, invalid};
use crate::functions;
use crate::sql::parser::parse_expression;
use crate::walk::{Walk, WalkMut};

static MACROS: LazyLock<HashMap<&'static str, &'static ExpressionMacro>> = LazyLock::new(|| {
    let all = functions::all().iter().flat_map(|set| &set.expressions);
    all.filter(|function| !matches!(function.meaning, Meaning::Itself)).map(|function| (function.doc.name, *function)).collect()
});

fn macro_of(function: &Function) -> Option<&'static ExpressionMacro> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => MACROS.get(name.value.to_lowercase().as_str()).copied(),
        _ => None,
    }
}

/// The most copies of an argument. `$1 - $1 % $2` has two of its first argument, so ten such calls within one another have 2¹⁰.
const MOST_COPIES: usize = 256;

/// How many copies of the current expression there are, as calls around it write their arguments out several times.
#[derive(Default)]
pub struct Copies {
    /// For each expression around the current one, outermost first.
    around: Vec<usize>,
}

impl Copies {
    /// Enters an expression, and expands it if it is the call of a macro. Nested calls are visited later and expanded then.
    ///
    /// # Errors
    /// The call is wrong, or would be written out too often.
    pub fn expand(&mut self, expression: &mut Expr, state: &SessionState) -> Result<()> {
        let mut copies = self.around.last().copied().unwrap_or(1);
        while let Expr::Function(function) = expression
            && let Some(own) = macro_of(function)
            && let Some((meaning, times)) = meaning(own, function, state)?
        {
            copies *= times;
            if copies > MOST_COPIES {
                let name = own.doc.name;
                let problem = format!(
                    "calls that contain one another would be written out more than {MOST_COPIES} times; compute the inner ones \
                     in a subquery first"
                );
                return Err(invalid(name, problem));
            }
            *expression = meaning;
        }
        self.around.push(copies);
        Ok(())
    }

    /// Leaves an expression.
    pub fn leave(&mut self) {
        self.around.pop();
    }
}

fn wrong(own: &ExpressionMacro, problem: impl std::fmt::Display) -> datafusion::error::DataFusionError {
    coded(SqlState::UNDEFINED_FUNCTION, own.doc.name, format!("{problem}; it is written {}", own.doc.syntax()))
}

/// What a call stands for, and the most times that it contains one of its arguments; `None` to leave the call alone.
fn meaning(own: &ExpressionMacro, call: &Function, state: &SessionState) -> Result<Option<(Expr, usize)>> {
    // Left alone; it is rejected by name later.
    if !matches!(call.parameters, FunctionArguments::None) {
        return Ok(None);
    }
    let (mut arguments, mut clauses, mut distinct) = (vec![], vec![], None);
    if let FunctionArguments::List(FunctionArgumentList { args, clauses: given, duplicate_treatment }) = &call.args {
        for argument in args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => arguments.push(value.clone()),
                other => return Err(wrong(own, format!("{other} is not an argument that it takes"))),
            }
        }
        clauses.clone_from(given);
        distinct = *duplicate_treatment;
    }
    // `mode() WITHIN GROUP (ORDER BY x)` means `mode(x)`; for other functions, such as those that join strings, it gives an order.
    let mut within_group = call.within_group.clone();
    if ["mode", "percentile_disc"].contains(&own.doc.name)
        && let Some(order) = within_group.pop()
    {
        if order.options.asc == Some(false) {
            return Err(wrong(own, "DESC in WITHIN GROUP is not supported; take 1 minus the share"));
        }
        arguments.push(order.expr);
    }
    let given = arguments.clone();
    let (sql, arguments) = match own.meaning {
        Meaning::Itself => return Ok(None),
        Meaning::Code(code) => match code(&arguments)? {
            Some(form) => form,
            None => return Ok(None),
        },
        Meaning::Sql(forms) => {
            let Some((_, sql)) = forms.iter().find(|(count, _)| *count == arguments.len()) else {
                return Err(wrong(
                    own,
                    match arguments.len() {
                        1 => "it does not take 1 argument".to_string(),
                        count => format!("it does not take {count} arguments"),
                    },
                ));
            };
            (sql.to_string(), arguments)
        }
    };
    let times: Vec<usize> = (1..=arguments.len()).map(|place| sql.matches(&format!("${place}")).count()).collect();
    once_only(own, &arguments, &times, state)?;
    valid_pattern(own, &given)?;
    // FILTER, OVER and the like apply to the aggregates in the expansion.
    let has_clauses = !clauses.is_empty() || distinct == Some(DuplicateTreatment::Distinct);
    let mut carry = None;
    if has_clauses || call.filter.is_some() || call.over.is_some() || !within_group.is_empty() {
        if own.doc.kind == Kind::Scalar {
            let name = own.doc.name;
            return Err(wrong(
                own,
                format!("{name} gives one value for each row, and takes no FILTER, OVER, DISTINCT or ORDER BY"),
            ));
        }
        carry = Some(Carry { call, clauses: &clauses, within_group: &within_group, distinct });
    }
    let expanded = written_out(&sql, &arguments, carry)?;
    Ok(Some((Expr::Nested(Box::new(expanded)), times.into_iter().max().unwrap_or(1).max(1))))
}

/// Rejects volatile arguments that would be written out several times: each copy would have another value.
fn once_only(own: &ExpressionMacro, arguments: &[Expr], times: &[usize], state: &SessionState) -> Result<()> {
    for (argument, _) in arguments.iter().zip(times).filter(|(_, times)| **times > 1) {
        let volatile = argument.each_expression(|part| match part {
            Expr::Function(call) => {
                let name = call.name.to_string().to_lowercase();
                let changes = |volatility: Volatility| volatility == Volatility::Volatile;
                match state.scalar_functions().get(&name) {
                    Some(function) if changes(function.signature().volatility) => ControlFlow::Break(name),
                    _ => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        });
        if let ControlFlow::Break(name) = volatile {
            return Err(wrong(own, format!("{name}() would be computed several times; compute it in a subquery first")));
        }
    }
    Ok(())
}

/// Rejects a constant pattern that is no regular expression by the function's own name: what is evaluated has another.
fn valid_pattern(own: &ExpressionMacro, arguments: &[Expr]) -> Result<()> {
    let is_regular = |argument: &Argument| argument.name == "pattern" && argument.text.starts_with("regular expression");
    let Some(place) = own.doc.arguments.iter().position(is_regular) else { return Ok(()) };
    if let Some(Expr::Value(value)) = arguments.get(place)
        && let Value::SingleQuotedString(pattern) = &value.value
        && compile_regex(pattern, None).is_err()
    {
        let rule = "close every bracket, and write \\ before a character to be taken literally";
        return Err(invalid(own.doc.name, format!("pattern is not a valid regular expression, got '{pattern}'; {rule}")));
    }
    Ok(())
}

/// Replaces `$1`, `$2` … in the SQL by arguments.
///
/// # Errors
/// None as long as the built-in SQL is valid.
pub fn with(sql: &str, arguments: &[Expr]) -> Result<Expr> {
    written_out(sql, arguments, None)
}

fn written_out(sql: &str, arguments: &[Expr], carry: Option<Carry<'_>>) -> Result<Expr> {
    let mut expression = parse_expression(sql)?;
    let _ = expression.walk_mut(&mut Arguments { arguments, carry });
    Ok(expression)
}

struct Arguments<'a> {
    arguments: &'a [Expr],
    carry: Option<Carry<'a>>,
}

impl VisitorMut for Arguments<'_> {
    type Break = ();

    // Children are visited before their parent, so the inserted arguments are not visited again: an aggregate among them, as in
    // `ratio_to_report(sum(a)) OVER ()`, keeps its own clauses.
    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = &*expression
            && let Value::Placeholder(name) = &value.value
            && let Some(argument) = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok())
            && let Some(argument) = argument.checked_sub(1).and_then(|place| self.arguments.get(place))
        {
            *expression = match argument {
                Expr::Identifier(_)
                | Expr::CompoundIdentifier(_)
                | Expr::Value(_)
                | Expr::Function(_)
                | Expr::Lambda(_)
                | Expr::Nested(_) => argument.clone(),
                other => Expr::Nested(Box::new(other.clone())),
            };
        } else if let Expr::Function(function) = expression
            && let Some(carry) = &self.carry
        {
            carry.give(function);
        }
        ControlFlow::Continue(())
    }
}

/// Gives the aggregates of an expansion the clauses that followed the call.
struct Carry<'a> {
    call: &'a Function,
    clauses: &'a [FunctionArgumentClause],
    within_group: &'a [OrderByExpr],
    distinct: Option<DuplicateTreatment>,
}

/// The aggregates that occur in expansions.
const AGGREGATES: [&str; 24] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "string_agg",
    "array_agg",
    "first_value",
    "last_value",
    "bool_and",
    "bool_or",
    "median",
    "percentile_cont",
    "approx_percentile_cont",
    "approx_distinct",
    "stddev",
    "stddev_pop",
    "var",
    "var_pop",
    "any_value",
    "most_frequent",
    "moments",
    "percentile_of_values",
    "multiplied",
];

impl Carry<'_> {
    fn give(&self, function: &mut Function) {
        if !AGGREGATES.contains(&function.name.to_string().as_str()) {
            return;
        }
        function.over.clone_from(&self.call.over);
        function.filter = match (function.filter.take(), &self.call.filter) {
            (Some(own), Some(given)) => Some(Box::new(Expr::BinaryOp {
                left: Box::new(Expr::Nested(own)),
                op: BinaryOperator::And,
                right: Box::new(Expr::Nested(given.clone())),
            })),
            (own, given) => own.or_else(|| given.clone()),
        };
        if let FunctionArguments::List(list) = &mut function.args {
            let mut clauses = self.clauses.to_vec();
            // DISTINCT values are ordered in the form in which they are joined, as strings.
            if self.distinct == Some(DuplicateTreatment::Distinct)
                && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(joined @ Expr::Cast { expr: value, .. }))) =
                    list.args.first()
            {
                for clause in &mut clauses {
                    let FunctionArgumentClause::OrderBy(order) = clause else { continue };
                    order.iter_mut().filter(|sort| sort.expr == **value).for_each(|sort| sort.expr = joined.clone());
                }
            }
            if !self.within_group.is_empty() {
                clauses.push(FunctionArgumentClause::OrderBy(self.within_group.to_vec()));
            }
            list.clauses.extend(clauses);
            if self.distinct.is_some() {
                list.duplicate_treatment = self.distinct;
            }
        }
    }
}
