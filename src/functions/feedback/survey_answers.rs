//! The relation function `survey_answers`, and the step that turns columns into rows.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Reads, Step, StepContext, Streams, only_stream};
use crate::adapter::usable_rows::usable_by_first;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;

pub const QUESTIONS: Argument = Argument::optional(
    "questions",
    Takes::Features,
    "",
    "the question columns; default: all columns of numbers, strings, booleans, dates and times except the key",
);
const KEY: &str = "key";

#[derive(Debug)]
pub struct SurveyAnswers;

const DOC: Doc = Doc {
    name: "survey_answers",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Turns the columns of a survey into rows: one row per respondent and question.",
    description: "\
A table with one column per question becomes a table with the columns key, question and answer, which you can group, filter and join for any
survey. A question without an answer also has a row, and its answer is NULL: NULL, NaN and strings of only white space are no answers.

`number` is the answer as a number: numbers as they are, strings that can be read as a number (`'4'`), 1 and 0 for booleans, NULL for
everything else. Integers in DOUBLE columns are written without a fraction, `4`.

Rows without a key are dropped and counted. Nothing is kept in memory.

**Cost.** One pass; a row of the result per respondent and question.

**Elsewhere.** DuckDB and Snowflake: `UNPIVOT`, for columns of one type; pandas: `melt`; R: `tidyr::pivot_longer`.",
    arguments: &[
        Argument::required("input", Takes::Relation, "survey, one row per respondent"),
        Argument::required(KEY, Takes::Column, "key of the respondent; any type"),
        QUESTIONS,
    ],
    columns: &[
        Column { name: "(key)", data_type: "as the role", text: "key of the respondent, under its own name" },
        Column { name: "question_number", data_type: "BIGINT", text: "position of the question in `questions`, from 1" },
        Column { name: "question", data_type: "VARCHAR", text: "name of the question column" },
        Column { name: "answer", data_type: "VARCHAR", text: "the answer; NULL if there is none" },
        Column { name: "number", data_type: "DOUBLE", text: "the answer as a number, if it is one" },
    ],
    examples: &["SELECT * FROM survey_answers((SELECT * FROM (VALUES (1, 9, 'fast', true), (2, 4, ' ', NULL)) AS t(id, recommend, why, again)),
  key => id, questions => [recommend, why, again]) ORDER BY id, question_number;", "SELECT question, answer, count(*) AS customers
FROM survey_answers(sample_customers(rows => 1000), key => customer_id, questions => [gender, channel])
GROUP BY question, answer ORDER BY question, answer;"],
    ..Doc::EMPTY
};

/// The names of the questions.
///
/// # Errors
/// There are none.
pub fn questions(function: &str, roles: &Roles) -> Result<Vec<String>> {
    let questions: Vec<String> = roles.list(QUESTIONS.name).map(|(_, role)| role.column.clone()).collect();
    if questions.is_empty() {
        return Err(invalid(
            function,
            "the input has no column besides the key that can be a question; name some: questions => [a, b]",
        ));
    }
    Ok(questions)
}

impl RelationFunction for SurveyAnswers {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        questions(DOC.name, roles)?;
        let key = roles.required(KEY)?;
        let key = key.field.as_ref().clone().with_name(&key.column).with_nullable(false);
        let mut columns: Vec<FieldRef> = vec![Arc::new(key)];
        columns.extend(answer_columns());
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let unpivot = Unpivot { questions: questions(DOC.name, &call.roles)?, has_key: true };
        unpivot.over([usable_by_first(call.input()?, 1)?], call.schema)
    }
}

/// The columns that describe an answer.
pub fn answer_columns() -> [FieldRef; 4] {
    let field = |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
    [
        field("question_number", DataType::Int64, false),
        field("question", DataType::Utf8View, false),
        field("answer", DataType::Utf8View, true),
        field("number", DataType::Float64, true),
    ]
}

/// Turns the columns of its input into rows. If there is a key, it is the first column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unpivot {
    pub questions: Vec<String>,
    pub has_key: bool,
}

impl Plain for Unpivot {
    const NAME: &'static str = "SurveyAnswers";
}

impl Step for Unpivot {
    fn reads(&self) -> Reads {
        Reads::EachPartition
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (step, schema) = (self.clone(), Arc::clone(&context.schema));
        let input = only_stream(inputs)?;
        let of_questions = input.map_ok(move |batch| {
            let (step, schema) = (step.clone(), Arc::clone(&schema));
            let batches = (0..step.questions.len())
                .map(move |question| Ok(RecordBatch::try_new(Arc::clone(&schema), step.columns(&batch, question)?)?));
            futures::stream::iter(batches)
        });
        let of_questions = of_questions.try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(context.schema, of_questions)))
    }
}

impl Unpivot {
    fn columns(&self, batch: &RecordBatch, question: usize) -> Result<Vec<ArrayRef>> {
        let rows = batch.num_rows();
        let column = batch.column(usize::from(self.has_key) + question);
        let (answers, numbers) = answers(column)?;
        let mut columns: Vec<ArrayRef> = self.has_key.then(|| Arc::clone(batch.column(0))).into_iter().collect();
        columns.push(Arc::new(Int64Array::from(vec![question as i64 + 1; rows])));
        columns.push(Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(&self.questions[question], rows))));
        columns.push(answers);
        columns.push(numbers);
        Ok(columns)
    }
}

/// A column's answers as texts and as numbers.
fn answers(column: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    let texts = cast(column, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let data_type = if let DataType::Dictionary(_, values) = column.data_type() { values.as_ref() } else { column.data_type() };
    if !data_type.is_numeric() {
        let is_boolean = *data_type == DataType::Boolean;
        let answers: StringViewArray = texts.iter().map(|text| text.filter(|text| !text.trim().is_empty())).collect();
        let number = |text: &str| match (is_boolean, text) {
            (true, _) => Some(f64::from(u8::from(text == "true"))),
            _ => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        };
        let numbers: Float64Array = answers.iter().map(|text| text.and_then(number)).collect();
        return Ok((Arc::new(answers), Arc::new(numbers)));
    }
    let numbers = cast(column, &DataType::Float64)?;
    let numbers: Float64Array =
        numbers.as_primitive::<Float64Type>().iter().map(|number| number.filter(|number| !number.is_nan())).collect();
    let is_floating = data_type.is_floating();
    let written = texts.iter().zip(&numbers).map(|(text, number)| {
        let text = number.and(text)?;
        Some(if is_floating { text.strip_suffix(".0").unwrap_or(text) } else { text })
    });
    let answers: StringViewArray = written.collect();
    Ok((Arc::new(answers), Arc::new(numbers)))
}
