//! The options that all models with a target have.

use datafusion::common::{Result, ScalarValue};
use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::measures::METRICS;
use super::split::Split;
use super::table::TIME_ROLE;
use super::target::Task;
use crate::adapter::arguments::{Options, find};
use crate::docs::{Argument, Doc, Takes};
use crate::error::invalid;

pub const TIME: Argument = Argument::optional(
    TIME_ROLE,
    Takes::Time,
    "",
    "time when the target of a row was known; `split = 'time'` holds out the latest rows",
);
pub const SPLIT: Argument = Argument::optional(
    "split",
    Takes::Choice(&["random", "time", "none"]),
    "'random'",
    "how rows are held out: at random, with the same shares of the classes and rows of the same key together; the latest by `time`, whatever their keys; or none",
);
pub const HOLDOUT: Argument = Argument::optional("holdout", Takes::Float(0.01, 0.9), "0.2", "share of the rows that is held out");
pub const FOLDS: Argument = Argument::optional(
    "folds",
    Takes::Integer(0, 100),
    "0",
    "number of folds for cross-validation of the training rows, with the same shares of the classes; 0 for none",
);
pub const SEARCH: Argument = Argument::optional(
    "search",
    Takes::Text,
    "",
    "options to try in all combinations, at most 200: `'max_leaves IN (15, 31) AND learning_rate IN (0.05, 0.1)'`; the combination with the best `metric` over the folds (5 by default) is used",
);
pub const METRIC: Argument = Argument::optional(
    "metric",
    Takes::Choice(&METRICS),
    "'default'",
    "measure used by `search`; default: `log_loss` for classes, `rmse` for numbers, `poisson_deviance` for counts",
);
pub const CLASS_WEIGHT: Argument = Argument::optional(
    "class_weight",
    Takes::Choice(&["none", "balanced"]),
    "'none'",
    "`balanced` weights the rows so that both classes count the same; unless calibrated, probabilities are then those of a population that is half and half",
);
pub const THRESHOLD: Argument =
    Argument::optional("threshold", Takes::Float(0.0, 1.0), "0.5", "probability from which the positive class is predicted");
pub const CALIBRATION: Argument = Argument::optional(
    "calibration",
    Takes::Choice(&["none", "sigmoid", "isotonic"]),
    "'none'",
    "corrects probabilities by the results of the folds: with Platt's sigmoid, or with an ascending step function (isotonic)",
);
pub const PERMUTATIONS: Argument = Argument::optional(
    "permutations",
    Takes::Integer(0, 100),
    "3",
    "how often each feature is shuffled among the held-out rows to measure its importance; 0 for not at all",
);
pub const RANDOM_STATE: Argument =
    Argument::optional("random_state", Takes::Integer(0, i64::MAX), "0", "seed; same seed, same model");

/// How probabilities are calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calibrated {
    Not,
    Sigmoid,
    Isotonic,
}

/// The values of these options.
#[derive(Debug, Clone)]
pub struct Plan {
    pub split: Split,
    pub holdout: f64,
    pub folds: usize,
    pub is_balanced: bool,
    pub threshold: f64,
    pub calibration: Calibrated,
    pub permutations: usize,
    pub random_state: u64,
    metric: &'static str,
    search: Vec<(String, Vec<Expr>)>,
}

/// A combination of options to try.
#[derive(Debug)]
pub struct Candidate {
    /// The changed options as text: `max_leaves = 15, learning_rate = 0.1`.
    pub written: String,
    pub options: Options,
}

/// The most candidates that a search may have.
const MOST_CANDIDATES: usize = 200;

impl Plan {
    pub fn read(doc: &'static Doc, options: &Options) -> Result<Self> {
        let has = |argument: &Argument| doc.argument(argument.name).is_some();
        let whole =
            |argument: &Argument| Ok::<_, datafusion::error::DataFusionError>(options.integer(argument.name)?.unsigned_abs());
        let search = options.text(SEARCH.name).map(|text| read_search(doc, text)).transpose()?.unwrap_or_default();
        let folds = whole(&FOLDS)? as usize;
        if folds == 1 {
            return Err(invalid(doc.name, "folds is 1; give 2 or more, or 0 for no cross-validation"));
        }
        Ok(Self {
            split: match options.word(SPLIT.name)? {
                "time" => Split::Time,
                "none" => Split::None,
                _ => Split::Random,
            },
            holdout: options.float(HOLDOUT.name)?,
            folds: if folds == 0 && !search.is_empty() { 5 } else { folds },
            is_balanced: has(&CLASS_WEIGHT) && options.word(CLASS_WEIGHT.name)? == "balanced",
            threshold: if has(&THRESHOLD) { options.float(THRESHOLD.name)? } else { 0.5 },
            calibration: match if has(&CALIBRATION) { options.word(CALIBRATION.name)? } else { "none" } {
                "sigmoid" => Calibrated::Sigmoid,
                "isotonic" => Calibrated::Isotonic,
                _ => Calibrated::Not,
            },
            permutations: whole(&PERMUTATIONS)? as usize,
            random_state: whole(&RANDOM_STATE)?,
            metric: options.word(METRIC.name)?,
            search,
        })
    }

    /// The measure by which candidates are compared, and whether higher is better.
    pub fn metric(&self, task: Task) -> (&'static str, bool) {
        let metric = match (self.metric, task) {
            ("default", Task::Class) => "log_loss",
            ("default", Task::Number) => "rmse",
            ("default", Task::Count) => "poisson_deviance",
            (given, _) => given,
        };
        (metric, !["log_loss", "brier", "rmse", "mae", "poisson_deviance"].contains(&metric))
    }

    /// All combinations of the options to try. Without a search, there is one candidate: the options as given.
    ///
    /// # Errors
    /// An option does not accept a value, or there are too many combinations.
    pub fn candidates(&self, doc: &'static Doc, options: &Options) -> Result<Vec<Candidate>> {
        let mut combinations: Vec<Vec<(&'static str, ScalarValue)>> = vec![vec![]];
        for (name, values) in &self.search {
            let argument = find(doc, name)?;
            let values = values.iter().map(|value| scalar(doc, name, value)).collect::<Result<Vec<_>>>()?;
            if combinations.len() * values.len() > MOST_CANDIDATES {
                return Err(invalid(
                    doc.name,
                    format!("search asks for more than {MOST_CANDIDATES} combinations; give fewer values"),
                ));
            }
            let extended = combinations.iter().flat_map(|combination| {
                values.iter().map(|value| combination.iter().cloned().chain([(argument.name, value.clone())]).collect())
            });
            combinations = extended.collect();
        }
        let candidate = |changed: Vec<(&'static str, ScalarValue)>| {
            let kept = options.written().iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
            let given = kept.cloned().chain(changed.iter().cloned()).collect();
            let written = changed.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
            Ok(Candidate { written, options: Options::read(doc, given)? })
        };
        combinations.into_iter().map(candidate).collect()
    }
}

/// Parses `a IN (1, 2) AND b IN (0.1)`.
fn read_search(doc: &'static Doc, text: &str) -> Result<Vec<(String, Vec<Expr>)>> {
    let wrong = |what: String| {
        invalid(doc.name, format!("search must be like 'max_leaves IN (15, 31) AND learning_rate IN (0.05, 0.1)': {what}"))
    };
    let expression = Parser::new(&GenericDialect {}).try_with_sql(text).and_then(|mut parser| parser.parse_expr());
    let expression = expression.map_err(|error| {
        let said = error.to_string();
        let said = said.trim_start_matches("sql parser error: ");
        // The place is that in the value of the option, which nobody counts.
        wrong(said.split_once(" at Line: ").map_or(said, |(said, _)| said).to_string())
    })?;
    let (mut open, mut found) = (vec![expression], vec![]);
    while let Some(expression) = open.pop() {
        match expression {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([*right, *left]),
            Expr::Nested(inner) => open.push(*inner),
            Expr::InList { expr, list, negated: false } => {
                let Expr::Identifier(name) = expr.as_ref() else { return Err(wrong(format!("{expr} is not an option"))) };
                if NEVER_SEARCHED.contains(&name.value.as_str()) {
                    return Err(wrong(format!("{name} is the same for all candidates")));
                }
                found.push((name.value.clone(), list));
            }
            other => return Err(wrong(format!("{other} is not a list of values"))),
        }
    }
    Ok(found)
}

/// Options that decide which rows candidates are compared on, or how, and therefore must be the same for all.
const NEVER_SEARCHED: [&str; 9] =
    ["split", "holdout", "folds", "search", "metric", "random_state", "positive", "missing", "permutations"];

fn scalar(doc: &'static Doc, name: &str, value: &Expr) -> Result<ScalarValue> {
    let text = value.to_string();
    let unquoted = text.trim_matches('\'');
    if unquoted.len() < text.len() {
        return Ok(ScalarValue::Utf8(Some(unquoted.to_string())));
    }
    let number = text.parse::<i64>().map(|whole| ScalarValue::Int64(Some(whole)));
    let number = number.or_else(|_| text.parse::<f64>().map(|number| ScalarValue::Float64(Some(number))));
    number.or_else(|_| text.parse::<bool>().map(|flag| ScalarValue::Boolean(Some(flag)))).map_err(|_| {
        invalid(doc.name, format!("search gives {name} the value {text}; a value is a number, a word in quotes, true or false"))
    })
}
