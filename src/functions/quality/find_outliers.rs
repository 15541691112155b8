//! The table macro `find_outliers`.

use datafusion::common::Result;
use sqlparser::ast::Expr;

use super::input::{INPUT, one_or_list};
use super::outlier_bounds::{METHODS, OUTLIER_BOUNDS, standard_factor};
use crate::adapter::definitions::Definitions;
use crate::adapter::macro_input::{Known, question, required};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{as_sql, literal};

/// Finds rows whose value lies out of bounds.
#[derive(Debug)]
pub struct FindOutliers;

const VALUE: &str = "value";
const PER: &str = "per";
const METHOD: &str = "method";
const FACTOR: &str = "factor";
const LOWER: &str = "lower";
const UPPER: &str = "upper";
const MIN_ROWS: &str = "min_rows";
const RANGE: &str = "range";

/// The methods of [`outlier_bounds`](super::outlier_bounds), and `range`, whose bounds are given in the call.
const WORDS: [&str; 5] = [METHODS[0], METHODS[1], METHODS[2], METHODS[3], RANGE];

/// The columns after those of the input.
const ADDED: [&str; 3] = ["lower_bound", "upper_bound", "outlier_reason"];

const NUMBER: Takes = Takes::Float(f64::NEG_INFINITY, f64::INFINITY);

const DOC: Doc = Doc {
    name: "find_outliers",
    kind: Kind::Relation,
    domain: "quality",
    summary: "Returns the rows whose value is outside the bounds, with the bounds and the reason.",
    description: "\
| method | lower bound | upper bound | `factor` |
|---|---|---|---|
| `iqr` | Q1 − factor · (Q3 − Q1) | Q3 + factor · (Q3 − Q1) | 1.5 |
| `zscore` | mean − factor · standard deviation | mean + factor · standard deviation | 3 |
| `mad` | median − factor · 1.4826 · MAD | median + factor · 1.4826 · MAD | 3.5 |
| `multiple_of_mean` | none | factor · mean | 10 |
| `range` | `lower` | `upper` | |

A value is an outlier if it is below the lower or above the upper bound; with `multiple_of_mean` also if it equals the bound. Quartiles and
medians are exact, and interpolated between two values; the standard deviation is that of the population; MAD is the median of the distances
from the median. With `per`, every group has its own bounds. Bounds are computed from the finite values: NULL is never an outlier, NaN and
infinite values always are.

`zscore` and `multiple_of_mean` are influenced by the very outliers they look for: among fewer than 10 values, none can be ten times the
mean. `iqr` and `mad` are not. If more than half of the values are equal, MAD is 0 and every other value is an outlier. Groups with fewer
than `min_rows` values have no bounds.

**Which method.** `mad` or `iqr` for amounts and ages, `range` where the possible values are known, `zscore` only for values that are about
normal. For amounts with a long tail, test `ln(amount)`.

**Cost.** The input is read twice, except with `range`. A group keeps its values in memory, 8 bytes per value.

**Elsewhere.** scipy: `stats.zscore`, `stats.median_abs_deviation(scale='normal')`; R: `boxplot.stats`, whose hinges differ a little from
quartiles; for several columns together, scikit-learn's `IsolationForest`.",
    arguments: &[
        INPUT,
        Argument::required(VALUE, Takes::Number, "number to test; NULL is never an outlier"),
        Argument::optional(PER, Takes::Column, "", "groups with their own bounds: an expression, or a list of them"),
        Argument::optional(METHOD, Takes::Choice(&WORDS), "'iqr'", "how the bounds are computed"),
        Argument::optional(FACTOR, Takes::Float(0.0, f64::INFINITY), "", "distance of the bounds from the centre; see the table"),
        Argument::optional(LOWER, NUMBER, "", "for `range`: the lower bound"),
        Argument::optional(UPPER, NUMBER, "", "for `range`: the upper bound"),
        Argument::optional(MIN_ROWS, Takes::Integer(1, i64::MAX), "1", "groups with fewer values have no bounds"),
    ],
    columns: &[
        Column { name: "(input)", data_type: "of the input", text: "the columns of the input" },
        Column { name: ADDED[0], data_type: "DOUBLE", text: "lower bound; NULL if there is none" },
        Column { name: ADDED[1], data_type: "DOUBLE", text: "upper bound; NULL if there is none" },
        Column { name: ADDED[2], data_type: "VARCHAR", text: "the bound that is crossed, and how it was computed" },
    ],
    examples: &["SELECT order_id, channel, amount, round(upper_bound, 2) AS upper_bound, outlier_reason
FROM find_outliers(sample_orders(rows => 2000), value => amount, method => 'multiple_of_mean', per => channel)
ORDER BY order_id LIMIT 5;", "SELECT count(*) AS outliers, min(age) AS youngest, max(age) AS oldest, round(min(upper_bound), 1) AS upper_bound
FROM find_outliers(sample_customers(rows => 1000), value => age, method => 'mad');"],
    source: "J. W. Tukey, Exploratory Data Analysis (1977); B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers (1993)",
    ..Doc::EMPTY
};

impl TableMacro for FindOutliers {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn asks(&self, call: &MacroCall, _: &dyn Definitions) -> Result<Option<String>> {
        let mut asked = vec![required(call, VALUE)?];
        asked.extend(one_or_list(call, PER)?);
        Ok(Some(question(&call.relation(INPUT.name)?, &asked)))
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let input = call.relation(INPUT.name)?;
        let (value, per) = (required(&call, VALUE)?, one_or_list(&call, PER)?);
        let known = Known::of(&call, 1 + per.len());
        known.check(&call, VALUE, Takes::Number, 0, value)?;
        known.check_free(&call, &ADDED)?;
        let method = call.options.word(METHOD)?;
        let value = format!("CAST({} AS DOUBLE)", as_sql(value));
        if method == RANGE {
            return range(&call, &value, &per);
        }
        if let Some(other) = [LOWER, UPPER].into_iter().find(|option| call.options.is_given(option)) {
            return Err(invalid(
                DOC.name,
                format!("{other} is only for method => '{RANGE}'; the bounds of '{method}' come from the values"),
            ));
        }
        let factor = match call.options.is_given(FACTOR) {
            true => call.options.float(FACTOR)?,
            false => standard_factor(method),
        };
        let groups: Vec<String> = (0..per.len()).map(|number| format!("\"group {number}\"")).collect();
        let (keys, by, join) = match per.as_slice() {
            [] => (String::new(), String::new(), "CROSS JOIN".to_string()),
            per => {
                let keys = per.iter().zip(&groups).map(|(key, name)| format!("{} AS {name}, ", as_sql(*key))).collect();
                (
                    keys,
                    format!(" GROUP BY {}", per.iter().map(|key| as_sql(*key)).collect::<Vec<_>>().join(", ")),
                    "JOIN".to_string(),
                )
            }
        };
        let on = match per.as_slice() {
            [] => String::new(),
            per => {
                let equal = per.iter().zip(&groups).map(|(key, name)| format!("{} IS NOT DISTINCT FROM {name}", as_sql(*key)));
                format!(" ON {}", equal.collect::<Vec<_>>().join(" AND "))
            }
        };
        let bounds = format!(
            "(SELECT {keys}{OUTLIER_BOUNDS}({value}, {}, {factor:?}) AS \"bounds of the group\", \
                count({value}) AS \"values of the group\" FROM {input}{by})",
            literal(method)
        );
        // The struct is split below the join, so that each row carries only two numbers.
        let names: String = groups.iter().map(|name| format!("{name}, ")).collect();
        let enough = call.options.integer(MIN_ROWS)?;
        let bound =
            |part: &str| format!("CASE WHEN \"values of the group\" >= {enough} THEN \"bounds of the group\"['{part}'] END");
        let bounds = format!(
            "(SELECT {names}{} AS lower_bound, {} AS upper_bound FROM {bounds} AS \"groups\") AS \"bounds\"",
            bound("lower"),
            bound("upper")
        );
        let (below, above, reach) = reasons(method, factor);
        Ok(format!(
            "SELECT {alias}.*, lower_bound, upper_bound, {} AS outlier_reason FROM {input} {join} {bounds}{on} WHERE {}",
            reason(&value, &below, &above, reach),
            is_outlier(&value, reach),
            alias = input.alias,
        ))
    }
}

/// The bounds given in a call, which hold for all rows.
fn range(call: &MacroCall, value: &str, per: &[&Expr]) -> Result<String> {
    let input = call.relation(INPUT.name)?;
    if !per.is_empty() {
        return Err(invalid(DOC.name, "the bounds of method => 'range' are those of all rows; leave per out"));
    }
    if call.options.is_given(FACTOR) {
        return Err(invalid(DOC.name, "factor cannot be used with method => 'range'; give lower and upper"));
    }
    let bound = |option| call.options.is_given(option).then(|| call.options.float(option)).transpose();
    let (lower, upper) = (bound(LOWER)?, bound(UPPER)?);
    match (lower, upper) {
        (None, None) => return Err(invalid(DOC.name, "method => 'range' needs lower, upper or both")),
        (Some(lower), Some(upper)) if lower > upper => {
            return Err(invalid(DOC.name, format!("lower must not be above upper, got {lower} and {upper}")));
        }
        _ => {}
    }
    let text = |bound: Option<f64>| {
        bound.map_or_else(|| "CAST(NULL AS DOUBLE)".to_string(), |bound| format!("CAST({bound:?} AS DOUBLE)"))
    };
    Ok(format!(
        "SELECT {alias}.*, lower_bound, upper_bound, {} AS outlier_reason \
         FROM {input} CROSS JOIN (SELECT {} AS lower_bound, {} AS upper_bound) AS \"bounds\" WHERE {}",
        reason(value, "below the range", "above the range", ">"),
        text(lower),
        text(upper),
        is_outlier(value, ">"),
        alias = input.alias,
    ))
}

/// The words for values below and above the bounds, and the comparison with the upper bound.
fn reasons(method: &str, factor: f64) -> (String, String, &'static str) {
    match method {
        "zscore" => (format!("below mean - {factor} * stddev"), format!("above mean + {factor} * stddev"), ">"),
        "mad" => (format!("below median - {factor} * 1.4826 * MAD"), format!("above median + {factor} * 1.4826 * MAD"), ">"),
        "multiple_of_mean" => (String::new(), format!("at least {factor} * mean"), ">="),
        _ => (format!("below Q1 - {factor} * IQR"), format!("above Q3 + {factor} * IQR"), ">"),
    }
}

/// In DataFusion, NaN is greater than everything else and equal to itself.
fn is_outlier(value: &str, reach: &str) -> String {
    format!("({value} < lower_bound OR {value} {reach} upper_bound OR isnan({value}) OR abs({value}) = CAST('inf' AS DOUBLE))")
}

fn reason(value: &str, below: &str, above: &str, reach: &str) -> String {
    format!(
        "CASE WHEN isnan({value}) THEN 'not a number' WHEN abs({value}) = CAST('inf' AS DOUBLE) THEN 'infinite' \
           WHEN {value} {reach} upper_bound THEN {} ELSE {} END",
        literal(above),
        literal(below)
    )
}
