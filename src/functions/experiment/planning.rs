//! The scalar functions `sample_size`, `experiment_power` and `minimum_detectable_effect`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::adapter::ScalarFunction;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{did_you_mean, in_sql, invalid, one_of};
use crate::kernels::experiment::Alternative;
use crate::kernels::experiment::power::{Measure, Plan};

const BASELINE: Argument = Argument::required(
    "baseline",
    Takes::Value("number"),
    "share of the control group, from 0 to 1; not needed for a mean, where it can be NULL",
);
const MDE: Argument = Argument::required(
    "mde",
    Takes::Value("number"),
    "minimum detectable effect: treatment minus control, in the unit of the metric",
);
const ROWS: Argument = Argument::required(
    "rows",
    Takes::Value("number"),
    "number of rows of the control group; the treatment has `ratio` times as many",
);
const STD_DEV: Argument = Argument::optional(
    "std_dev",
    Takes::Value("number"),
    "NULL",
    "standard deviation of a row, for a mean; NULL: the metric is a share",
);
const CONFIDENCE: Argument = Argument::optional(
    "confidence",
    Takes::Value("number"),
    "0.95",
    "1 minus the significance level: 0.95 finds an effect by chance in one test of twenty",
);
const POWER: Argument = Argument::optional(
    "power",
    Takes::Value("number"),
    "0.8",
    "probability of finding an effect of that size if there is one, from 0 to 1",
);
const RATIO: Argument = Argument::optional(
    "ratio",
    Takes::Value("number"),
    "1",
    "rows of the treatment per row of the control: 1 for equal groups, which need the fewest rows in all",
);
const ALTERNATIVE: Argument =
    Argument::optional("alternative", Takes::Value("string"), "'two_sided'", "'two_sided', 'greater' or 'less'; a constant");

const SOURCE: &str = "J. Cohen: Statistical Power Analysis for the Behavioral Sciences (1988)";

/// A question about the size of an experiment.
#[derive(Debug)]
pub struct Planning(Doc, Question);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    Rows,
    Power,
    Effect,
}

pub const SAMPLE_SIZE: Planning = Planning(
    Doc {
        name: "sample_size",
        kind: Kind::Scalar,
        domain: "experiment",
        summary: "Returns how many rows the control group of an experiment needs to find an effect.",
        description: "\
The treatment needs `ratio` times as many. Shares are compared with the normal distribution of 2 asin √p (Cohen's h), means with Student's t
test and one standard deviation for both groups, exactly (noncentral t); the result is rounded up. The same as `NormalIndPower` and
`TTestIndPower` of statsmodels.

NULL if no number of rows is enough: an effect of 0, an effect on the side that `alternative` does not test, a share that would be outside 0
to 1, more than 10¹⁵ rows. With several treatments, divide `1 - confidence` by their number. A covariate that reduces the variance by the
share v (`variance_reduction` of `experiment_result`) reduces the rows to `(1 - v)` of that number.

**Formula.** For shares n = (1 + 1/ratio) · ((z(1 − α/2) + z(power)) / h)², with h = 2 asin √(p + mde) − 2 asin √p; for means the smallest n
for which the noncentral t distribution gives `power`.

**Cost.** A formula per row; means are found by a search of a few steps.

**Elsewhere.** `NormalIndPower` and `TTestIndPower` of statsmodels; `pwr.2p.test` and `pwr.t.test` of R's pwr. R's own `power.prop.test`
uses the variances of both shares instead of asin, so it differs by a few rows.",
        arguments: &[BASELINE, MDE, STD_DEV, CONFIDENCE, POWER, RATIO, ALTERNATIVE],
        examples: &[
            "SELECT sample_size(0.10, mde => 0.01) AS of_share, sample_size(NULL, mde => 5, std_dev => 80, power => 0.9) AS of_mean;",
            "SELECT mde, sample_size(0.10, mde) AS rows_per_group FROM (VALUES (0.005), (0.01), (0.02)) AS t(mde);",
        ],
        source: SOURCE,
        ..Doc::EMPTY
    },
    Question::Rows,
);

pub const EXPERIMENT_POWER: Planning = Planning(
    Doc {
        name: "experiment_power",
        kind: Kind::Scalar,
        domain: "experiment",
        summary: "Returns the probability that an experiment with this many rows finds an effect.",
        description: "\
The tests are those of `sample_size`. NULL if the effect would take a share outside 0 to 1.

Use it before an experiment, with the effect that would matter. The power of an effect that was just observed says no more than its p-value.

**Cost.** A formula per row.

**Elsewhere.** `.power(…)` of `NormalIndPower` and `TTestIndPower` in statsmodels; `pwr.2p2n.test` and `power.t.test` in R.",
        arguments: &[BASELINE, MDE, ROWS, STD_DEV, CONFIDENCE, RATIO, ALTERNATIVE],
        examples: &[
            "SELECT round(experiment_power(0.10, mde => 0.01, rows => 14000), 4) AS of_share, round(experiment_power(NULL, 5, 4000, std_dev => 80), 4) AS of_mean;",
        ],
        source: SOURCE,
        ..Doc::EMPTY
    },
    Question::Power,
);

pub const DETECTABLE: Planning = Planning(
    Doc {
        name: "minimum_detectable_effect",
        kind: Kind::Scalar,
        domain: "experiment",
        summary: "Returns the smallest effect that an experiment with this many rows finds with a given probability.",
        description: "\
The tests are those of `sample_size`. The effect is positive, except with `alternative => 'less'`, where it is negative. NULL if no effect is found with that probability.

**Cost.** A search of a few steps per row.

**Elsewhere.** `.solve_power(effect_size=None, …)` in statsmodels and `pwr.2p.test(h = NULL, …)` in R give Cohen's h or d; here the effect
has the unit of the metric.",
        arguments: &[BASELINE, ROWS, STD_DEV, CONFIDENCE, POWER, RATIO, ALTERNATIVE],
        examples: &[
            "SELECT round(minimum_detectable_effect(0.10, rows => 14745), 5) AS of_share, round(minimum_detectable_effect(NULL, 4000, std_dev => 80), 4) AS of_mean;",
        ],
        source: SOURCE,
        ..Doc::EMPTY
    },
    Question::Effect,
);

impl ScalarFunction for Planning {
    fn doc(&self) -> &'static Doc {
        match self.1 {
            Question::Rows => &SAMPLE_SIZE.0,
            Question::Power => &EXPERIMENT_POWER.0,
            Question::Effect => &DETECTABLE.0,
        }
    }

    fn udf(&self) -> ScalarUDF {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        ScalarUDF::from(Planned { question: self.1, signature: Signature::one_of(any, Volatility::Immutable) })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Planned {
    question: Question,
    signature: Signature,
}

impl Planned {
    fn doc(&self) -> &'static Doc {
        match self.question {
            Question::Rows => &SAMPLE_SIZE.0,
            Question::Power => &EXPERIMENT_POWER.0,
            Question::Effect => &DETECTABLE.0,
        }
    }

    fn alternative(&self, given: Option<&ColumnarValue>) -> Result<Option<Alternative>> {
        let name = self.doc().name;
        match given {
            None => Ok(Some(Alternative::TwoSided)),
            Some(ColumnarValue::Array(_)) => Err(invalid(name, "alternative must be a constant")),
            Some(ColumnarValue::Scalar(value)) => {
                let Some(text) = value.try_as_str().flatten() else { return Ok(None) };
                match Alternative::NAMES.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                    Some(word) => Ok(Some(Alternative::named(word))),
                    None => {
                        let suggestion = did_you_mean(text, Alternative::NAMES.iter().copied());
                        let choices = one_of(Alternative::NAMES.iter().copied());
                        Err(invalid(name, format!("alternative must be {choices}, got '{text}'{suggestion}")))
                    }
                }
            }
        }
    }

    /// The answer for one row's numbers, found by the arguments' names.
    fn answer(&self, number: &dyn Fn(&str) -> Option<f64>, alternative: Alternative) -> Result<Option<f64>> {
        let name = self.doc().name;
        let (Some(confidence), Some(ratio)) = (number("confidence"), number("ratio")) else { return Ok(None) };
        let open = |argument: &str, value: f64| {
            if value > 0.0 && value < 1.0 {
                Ok(value)
            } else {
                Err(invalid(name, format!("{argument} must be above 0 and below 1, got {value}")))
            }
        };
        let plan = Plan { confidence: open("confidence", confidence)?, alternative, ratio };
        if !(ratio > 0.0 && ratio.is_finite()) {
            return Err(invalid(name, format!("ratio must be above 0, got {ratio}")));
        }
        let measure = match number("std_dev") {
            Some(deviation) if deviation > 0.0 && deviation.is_finite() => Measure::Mean(deviation),
            Some(deviation) => return Err(invalid(name, format!("std_dev must be above 0, got {deviation}"))),
            None => match number("baseline") {
                Some(baseline) if (0.0..=1.0).contains(&baseline) => Measure::Rate(baseline),
                Some(baseline) => {
                    let problem = format!("baseline must be a share from 0 to 1, got {baseline}; for a mean, give std_dev too");
                    return Err(invalid(name, problem));
                }
                None => return Ok(None),
            },
        };
        let effect = || number("mde").and_then(|mde| measure.effect(mde));
        let rows = || match number("rows") {
            Some(rows) if rows >= 2.0 => Ok(Some(rows)),
            Some(rows) => Err(invalid(name, format!("rows must be at least 2, got {rows}"))),
            None => Ok(None),
        };
        Ok(match self.question {
            Question::Rows => {
                let Some(power) = number("power") else { return Ok(None) };
                let power = open("power", power)?;
                effect().and_then(|effect| plan.rows(measure, effect, power)).map(|rows| (rows - 1e-9 * rows).ceil().max(2.0))
            }
            Question::Power => match (effect(), rows()?) {
                (Some(effect), Some(rows)) => Some(plan.power(measure, effect, rows)).filter(|power| power.is_finite()),
                _ => None,
            },
            Question::Effect => match (number("power"), rows()?) {
                (Some(power), Some(rows)) => plan.difference(measure, rows, open("power", power)?),
                _ => None,
            },
        })
    }
}

impl ScalarUDFImpl for Planned {
    fn name(&self) -> &str {
        self.doc().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let doc = self.doc();
        let least = doc.arguments.iter().filter(|argument| argument.default.is_none()).count();
        if !(least..=doc.arguments.len()).contains(&types.len()) {
            let problem =
                format!("takes {least} to {} arguments, got {}; write {}", doc.arguments.len(), types.len(), doc.syntax());
            return Err(invalid(doc.name, problem));
        }
        for (argument, data_type) in doc.arguments.iter().zip(types) {
            let is_text = argument.name == ALTERNATIVE.name;
            if !data_type.is_null() && !(if is_text { data_type.is_string() } else { data_type.is_numeric() }) {
                let wanted = if is_text { "a string" } else { "a number" };
                return Err(invalid(
                    doc.name,
                    format!("{} must be {wanted}, got {}", argument.name, in_sql(&data_type.to_string())),
                ));
            }
        }
        Ok(if self.question == Question::Rows { DataType::Int64 } else { DataType::Float64 })
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let doc = self.doc();
        let last = doc.arguments.len() - 1;
        let is_constant = given.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { given.number_rows };
        let alternative = self.alternative(given.args.get(last))?;
        let column = |value: &ColumnarValue| -> Result<ArrayRef> { Ok(cast(&value.to_array(rows)?, &DataType::Float64)?) };
        let columns = given.args.iter().take(last).map(column).collect::<Result<Vec<_>>>()?;
        let default = |name: &str| doc.argument(name).and_then(|argument| argument.default).and_then(|text| text.parse().ok());
        let answers = (0..rows).map(|row| {
            let number =
                |name: &str| match doc.arguments.iter().position(|argument| argument.name == name).and_then(|at| columns.get(at))
                {
                    Some(column) => {
                        let column = column.as_primitive::<Float64Type>();
                        (!column.is_null(row)).then(|| column.value(row))
                    }
                    None => default(name),
                };
            match alternative {
                Some(alternative) => self.answer(&number, alternative),
                None => Ok(None),
            }
        });
        let answers = answers.collect::<Result<Vec<Option<f64>>>>()?;
        let array: ArrayRef = match self.question {
            Question::Rows => Arc::new(answers.into_iter().map(|rows| rows.map(|rows| rows as i64)).collect::<Int64Array>()),
            _ => Arc::new(answers.into_iter().collect::<Float64Array>()),
        };
        Ok(if is_constant { ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?) } else { ColumnarValue::Array(array) })
    }
}
