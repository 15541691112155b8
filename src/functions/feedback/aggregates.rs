//! The aggregates `nps` and `csat`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};

use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::{SqlState, in_rows, invalid};
use crate::kernels::feedback::score::Measure;

const NPS: Doc = Doc {
    name: "nps",
    kind: Kind::Aggregate,
    domain: "feedback",
    summary: "Returns the Net Promoter Score of a group, −100 to 100: 100 × (share of promoters (9, 10) − share of detractors (0 to 6)).",
    description: "\
Answers are integers from 0 to 10, in any number type. NULL means no answer; a group without answers gives NULL. Any other number is an
error, because a code such as 99 for \"no answer\" would count as a promoter. Exclude it:
`nps(score) FILTER (WHERE score BETWEEN 0 AND 10)`, or write `nps(nullif(score, 99))`. `nps_result` counts such numbers separately, and
returns intervals and changes.

**Cost.** One pass; counts are kept per group.

**Limits.** With few answers the score jumps: 30 answers leave about ±27 points. `nps_result` returns the interval.

**Elsewhere.** There is no such function in PostgreSQL, DuckDB or pandas; there it is `100 * avg(CASE WHEN score >= 9 THEN 1 WHEN score <= 6
THEN -1 ELSE 0 END)`, where a missing answer must be left out first.",
    arguments: &[Argument::required("score", Takes::Value("number"), "answer, from 0 to 10")],
    examples: &["SELECT city, nps(score) AS nps, count(score) AS responses
FROM (VALUES ('a', 10), ('a', 9), ('a', 8), ('a', 2), ('b', 6), ('b', 7), ('b', NULL)) AS given(city, score)
GROUP BY city ORDER BY city;", "SELECT channel, round(nps(score), 1) AS nps, count(score) AS responses
FROM (SELECT channel, nullif(order_id * 7 % 12, 11) AS score FROM sample_orders(rows => 2000)) GROUP BY channel ORDER BY channel;"],
    source: "F. F. Reichheld: The One Number You Need to Grow, Harvard Business Review (2003)",
    ..Doc::EMPTY
};

const CSAT: Doc = Doc {
    name: "csat",
    kind: Kind::Aggregate,
    domain: "feedback",
    summary: "Returns the share of satisfied answers in a group, 0 to 1: 4 and 5 on a scale from 1 to 5.",
    description: "\
Answers are integers from 1 to `scale`, in any number type. NULL means no answer; a group without answers gives NULL. Any other number is an
error: exclude it, `csat(score) FILTER (WHERE score BETWEEN 1 AND 5)`. `csat_result` counts such numbers separately, and returns intervals
and changes.

**Cost.** One pass; counts are kept per group.

**Elsewhere.** In plain SQL it is `avg(CASE WHEN score >= 4 THEN 1.0 ELSE 0 END)`, which counts codes such as 99 as satisfied and missing
answers as not. Some teams write it in percent: multiply by 100.",
    arguments: &[
        Argument::required("score", Takes::Value("number"), "answer, from 1 to `scale`"),
        Argument::optional("satisfied", Takes::Integer(1, 100), "4", "smallest answer that counts as satisfied"),
        Argument::optional("scale", Takes::Integer(2, 100), "5", "largest answer of the scale"),
    ],
    examples: &["SELECT round(csat(score), 3) AS csat, csat(score * 2, satisfied => 9, scale => 10) AS very_satisfied
FROM (VALUES (5), (5), (4), (3), (1), (NULL)) AS given(score);"],
    ..Doc::EMPTY
};

#[derive(Debug, Clone)]
pub struct Nps;

#[derive(Debug, Clone)]
pub struct Csat;

fn check(doc: &Doc, arguments: &[DataType]) -> Result<DataType> {
    let score = &arguments[0];
    if score.is_numeric() || score.is_null() {
        return Ok(DataType::Float64);
    }
    Err(invalid(doc.name, format!("score must be a number, got {score}; convert it with CAST")))
}

/// Integers, so that the order of rows does not matter.
fn state() -> Vec<(&'static str, DataType)> {
    vec![("answers", DataType::Int64), ("sum", DataType::Int64)]
}

/// The options of CSAT: the smallest answer that counts as satisfied, which must be on the scale.
pub fn csat(function: &str, satisfied: i64, scale: i64) -> Result<Measure> {
    if satisfied > scale {
        return Err(invalid(function, format!("satisfied must be at most scale ({scale}), got {satisfied}")));
    }
    Ok(Measure::Csat { satisfied, scale })
}

impl GroupedFunction for Nps {
    fn doc(&self) -> &'static Doc {
        &NPS
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check(&NPS, arguments)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(state())
    }

    fn start(&self, _arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        Ok(Box::new(Groups { function: NPS.name, measure: Measure::Nps, groups: vec![] }))
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

impl GroupedFunction for Csat {
    fn doc(&self) -> &'static Doc {
        &CSAT
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        check(&CSAT, arguments)
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(state())
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        self.start_with(arguments, &[])
    }

    fn start_with(&self, arguments: &[DataType], constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
        let mut given = vec![];
        for (place, argument) in CSAT.arguments.iter().enumerate().take(arguments.len()).skip(1) {
            match constants.get(place) {
                Some(Some(value)) => given.push((argument.name, value.clone())),
                _ => return Err(invalid(CSAT.name, format!("{} must be a constant", argument.name))),
            }
        }
        let options = Options::read(&CSAT, given)?;
        let measure = csat(CSAT.name, options.integer("satisfied")?, options.integer("scale")?)?;
        Ok(Box::new(Groups { function: CSAT.name, measure, groups: vec![] }))
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Groups {
    function: &'static str,
    measure: Measure,
    /// The number of answers, and the sum of their contributions.
    groups: Vec<(i64, i64)>,
}

impl Grouped for Groups {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self { groups: vec![], ..*self })
    }

    fn grow(&mut self, total: usize) {
        self.groups.resize(total, (0, 0));
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let answers = cast(&arguments[0], &DataType::Float64)?;
        let answers = answers.as_primitive::<Float64Type>();
        for (row, group) in groups.iter().enumerate() {
            if answers.is_null(row) {
                continue;
            }
            let answer = answers.value(row);
            let value = (answer.fract() == 0.0).then(|| self.measure.value(answer as i64)).flatten();
            let Some(value) = value else {
                let (least, most) = self.measure.range();
                let rule = "score must be a whole number on the scale";
                let problem = format!(
                    "score must be a whole number from {least} to {most}, got {answer}; leave others out: FILTER (WHERE score BETWEEN {least} AND {most})"
                );
                return Err(in_rows(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, self.function, rule, problem));
            };
            let kept = &mut self.groups[*group];
            *kept = (kept.0 + 1, kept.1 + value);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let [answers, sums] = [0, 1].map(|column: usize| states[column].as_primitive::<Int64Type>().values());
        for ((group, answers), sum) in groups.iter().zip(answers).zip(sums) {
            let kept = &mut self.groups[*group];
            *kept = (kept.0 + answers, kept.1 + sum);
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let score = |(answers, sum): &(i64, i64)| (*answers > 0).then(|| *sum as f64 * self.measure.scale() / *answers as f64);
        Ok(Arc::new(self.groups[..first].iter().map(score).collect::<Float64Array>()))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let groups = &self.groups[..first];
        let column =
            |part: fn(&(i64, i64)) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(groups.iter().map(part))) };
        Ok(vec![column(|group| group.0), column(|group| group.1)])
    }

    fn forget(&mut self, first: usize) {
        if first == self.groups.len() {
            self.groups = vec![];
        } else {
            self.groups.drain(..first);
        }
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<(i64, i64)>()
    }
}
