//! The relation function `survey_summary`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringViewArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type, Schema};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::survey_answers::{QUESTIONS, Unpivot, answer_columns, questions};
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::superaccumulator::Superaccumulator;

#[derive(Debug)]
pub struct SurveySummary;

const DOC: Doc = Doc {
    name: "survey_summary",
    kind: Kind::Relation,
    domain: "feedback",
    summary: "Summarizes a survey: one row per question, with its answers and how often each was given.",
    description: "\
One row per question, in the order of `questions`. NULL, NaN and strings of only white space are no answers: they count as `missing`. `mean`
is the mean of the answers that are numbers, including strings that can be read as one; booleans count as 1 and 0.

`distribution` lists the most frequent answers; ties: the smaller answer first. `share` is the share of the responses. For segments, group
the rows of `survey_answers` instead. The result does not depend on the order of rows.

**Cost.** Memory grows with the number of distinct answers; what does not fit is written to disk.

**Elsewhere.** pandas: `value_counts(normalize=True)` for each column; R: `questionr::freq`; SPSS: `FREQUENCIES`.",
    arguments: &[
        Argument::required("input", Takes::Relation, "survey, one row per respondent"),
        QUESTIONS,
        Argument::optional("top", Takes::Integer(1, 10_000), "10", "number of answers in `distribution`"),
    ],
    columns: &[
        Column { name: "question_number", data_type: "BIGINT", text: "position of the question in `questions`, from 1" },
        Column { name: "question", data_type: "VARCHAR", text: "name of the question column" },
        Column { name: "responses", data_type: "BIGINT", text: "number of answers" },
        Column { name: "missing", data_type: "BIGINT", text: "rows without an answer" },
        Column { name: "distinct_answers", data_type: "BIGINT", text: "number of distinct answers" },
        Column { name: "numbers", data_type: "BIGINT", text: "number of answers that are numbers" },
        Column { name: "mean", data_type: "DOUBLE", text: "mean of the answers that are numbers" },
        Column { name: "distribution", data_type: "STRUCT(answer VARCHAR, responses BIGINT, share DOUBLE)[]", text: "the most frequent answers" },
    ],
    examples: &["SELECT question, responses, missing, mean, distribution
FROM survey_summary((SELECT * FROM (VALUES (1, 5, 'price'), (2, 4, 'price'), (3, NULL, 'service')) AS t(id, satisfaction, reason)),
  questions => [satisfaction, reason]);", "SELECT question, responses, missing, round(mean, 1) AS mean, distribution
FROM survey_summary(sample_customers(rows => 1000), questions => [gender, channel], top => 2);"],
    ..Doc::EMPTY
};

fn counted() -> Fields {
    vec![
        Field::new("answer", DataType::Utf8View, false),
        Field::new("responses", DataType::Int64, false),
        Field::new("share", DataType::Float64, false),
    ]
    .into()
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(counted()), true))
}

impl RelationFunction for SurveySummary {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        questions(DOC.name, roles)?;
        let field =
            |name: &str, data_type: DataType, nullable: bool| -> FieldRef { Arc::new(Field::new(name, data_type, nullable)) };
        let mut columns = vec![field("question_number", DataType::Int64, false), field("question", DataType::Utf8View, false)];
        columns.extend(["responses", "missing", "distinct_answers", "numbers"].map(|name| field(name, DataType::Int64, false)));
        columns.push(field("mean", DataType::Float64, true));
        columns.push(field("distribution", DataType::List(item()), false));
        Ok(columns)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let questions = questions(DOC.name, &call.roles)?;
        let top = call.options.integer("top")? as usize;
        let schema = DFSchema::try_from(Schema::new(answer_columns().to_vec()))?;
        let answers = Unpivot { questions: questions.clone(), has_key: false }.over([call.input()?], Arc::new(schema))?;
        let keys = ["question_number", "answer", "number"].map(role);
        let counted = LogicalPlanBuilder::from(answers).aggregate(keys, vec![count(lit(1_i64)).alias("rows")])?.build()?;
        Summary { questions, top }.over([counted], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    questions: Vec<String>,
    top: usize,
}

impl Plain for Summary {
    const NAME: &'static str = "SurveySummary";
}

impl Step for Summary {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let step = self.clone();
        let result = async move {
            let mut summaries: Vec<Of> = step.questions.iter().map(|_| Of::default()).collect();
            let mut taken = 0;
            while let Some(batch) = input.next().await {
                let batch = batch?;
                // Answers are kept until there are too many different ones.
                let most = 4 * step.top * step.questions.len();
                if taken < most {
                    context.memory.try_grow(2 * batch.get_array_memory_size())?;
                    taken += batch.num_rows();
                }
                let timer = context.timer();
                let _running = timer.timer();
                step.take(&mut summaries, &batch);
            }
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), step.columns(summaries)?)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

/// What is known of a question.
#[derive(Debug, Default)]
struct Of {
    responses: i64,
    missing: i64,
    numbers: i64,
    distinct: i64,
    sum: Superaccumulator,
    /// The most frequent answers, with some to spare.
    frequent: Vec<(String, i64)>,
}

impl Of {
    fn cut(&mut self, top: usize) {
        self.frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        self.frequent.truncate(top);
    }
}

impl Summary {
    fn take(&self, summaries: &mut [Of], batch: &RecordBatch) {
        let questions = batch.column(0).as_primitive::<Int64Type>().values();
        let (answers, numbers) = (batch.column(1).as_string_view(), batch.column(2).as_primitive::<Float64Type>());
        let rows = batch.column(3).as_primitive::<Int64Type>().values();
        for (row, times) in rows.iter().enumerate() {
            let Some(of) = usize::try_from(questions[row] - 1).ok().and_then(|question| summaries.get_mut(question)) else {
                continue;
            };
            if answers.is_null(row) {
                of.missing += times;
                continue;
            }
            of.responses += times;
            of.distinct += 1;
            if numbers.is_valid(row) {
                of.numbers += times;
                let mut number = Superaccumulator::default();
                number.add(numbers.value(row));
                of.sum.add_multiple(&number, i128::from(*times));
            }
            of.frequent.push((answers.value(row).to_string(), *times));
            if of.frequent.len() >= 4 * self.top {
                of.cut(self.top);
            }
        }
    }

    fn columns(&self, mut summaries: Vec<Of>) -> Result<Vec<ArrayRef>> {
        summaries.iter_mut().for_each(|of| of.cut(self.top));
        let numbers =
            |number: fn(&Of) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(summaries.iter().map(number))) };
        let mean = |of: &Of| (of.numbers > 0).then(|| of.sum.value() / of.numbers as f64);
        let all = || summaries.iter().flat_map(|of| of.frequent.iter().map(|(answer, times)| (answer, *times, of.responses)));
        let listed = StructArray::try_new(
            counted(),
            vec![
                Arc::new(StringViewArray::from_iter_values(all().map(|(answer, _, _)| answer))),
                Arc::new(Int64Array::from_iter_values(all().map(|(_, times, _)| times))),
                Arc::new(Float64Array::from_iter_values(all().map(|(_, times, responses)| times as f64 / responses as f64))),
            ],
            None,
        )?;
        let lengths = OffsetBuffer::from_lengths(summaries.iter().map(|of| of.frequent.len()));
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(1..=summaries.len() as i64)),
            Arc::new(StringViewArray::from_iter_values(&self.questions)),
            numbers(|of| of.responses),
            numbers(|of| of.missing),
            numbers(|of| of.distinct),
            numbers(|of| of.numbers),
            Arc::new(summaries.iter().map(mean).collect::<Float64Array>()),
            Arc::new(ListArray::try_new(item(), lengths, Arc::new(listed), None)?),
        ])
    }
}
