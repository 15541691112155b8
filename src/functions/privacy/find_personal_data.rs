//! The relation function `find_personal_data`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::adapter::arguments::is_time;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::adapter::step::{Step, StepContext, Streams, only_stream};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::privacy::columns::{Finding, finding};
use crate::kernels::random::mix;
use crate::text::unmarked;

#[derive(Debug)]
pub struct FindPersonalData;

/// How many distinct values of a column are examined.
const LOOKED_AT: usize = 1000;
/// How many characters of a value are examined.
const LONGEST: usize = 2000;

const DOC: Doc = Doc {
    name: "find_personal_data",
    kind: Kind::Relation,
    domain: "privacy",
    summary: "Finds the columns of a table that seem to hold personal data, with the reason and the function that masks them.",
    description: "\
One row per column found, in the order of the columns. The test uses the name of the column, in English and Chinese (`mobile`, `手机号`), and
up to 1,000 of its distinct values, the same ones in any order of rows:

| class | values that count; at least half must match, or a fifth if the name matches too | `mask_with` |
|---|---|---|
| `email` | e-mail addresses | `mask_email` |
| `id_card` | Chinese identity card numbers with their check digit | `mask_id_card` |
| `bank_card` | bank card numbers with their check digit | `mask_card` |
| `phone` | Chinese mobile numbers, and other telephone numbers with separators between the digits | `mask_phone` |
| `address` | addresses with a Chinese city or district, and something after it | `mask_address` |
| `name` | nine out of ten values have two to four characters and begin with a Chinese surname; other names only by the column's name | `mask_name` |
| `free_text` | longer texts where `redact` finds something in at least one of a hundred; or by the name: `remark`, `备注` | `redact` |
| `account` | international bank account numbers (IBAN); others only by the name: `wechat`, `passport` | `pseudonymize` |
| `birth_date`, `key` | only by the name: `birthday`, `customer_id` | `generalize`, `pseudonymize` |

A person should check the proposals: a column can hold personal data without a recognisable form (a nickname in `c7`), and columns that are
harmless alone can identify a person together (see `k_anonymity`). Columns of lists and structs are judged by their names. `sample` is a
value with its mask.

**Cost.** One pass and a few hundred kilobytes a column; up to 1,000 distinct values of each are kept, and tested against the forms of all classes.

**Elsewhere.** Presidio (Microsoft), Macie (AWS) and Sensitive Data Protection (Google) scan files and tables for the same classes and more
countries, as services. DuckDB and PostgreSQL have nothing; PostgreSQL Anonymizer's `anon.detect` goes by the names of columns.",
    arguments: &[Argument::required("input", Takes::Relation, "a table, a call in FROM or (SELECT …)")],
    columns: &[
        Column { name: "column_name", data_type: "VARCHAR", text: "name of the column" },
        Column { name: "class", data_type: "VARCHAR", text: "class of personal data" },
        Column {
            name: "share",
            data_type: "DOUBLE",
            text: "share of the tested values that match; NULL if the values were not used",
        },
        Column { name: "values_looked_at", data_type: "BIGINT", text: "number of distinct values tested" },
        Column { name: "reason", data_type: "VARCHAR", text: "reason for the proposal" },
        Column { name: "mask_with", data_type: "VARCHAR", text: "function that masks such values" },
        Column { name: "sample", data_type: "VARCHAR", text: "one of the values, masked" },
    ],
    examples: &["SELECT column_name, class, share, mask_with FROM find_personal_data(sample_customers(rows => 200));"],
    source: "the classes of GB/T 35273 (personal information security) and of the functions that clean and mask them.",
    ..Doc::EMPTY
};

impl RelationFunction for FindPersonalData {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        let field = |column: &Column| {
            let data_type = match column.data_type {
                "BIGINT" => DataType::Int64,
                "DOUBLE" => DataType::Float64,
                _ => DataType::Utf8View,
            };
            FieldRef::new(Field::new(column.name, data_type, true))
        };
        Ok(DOC.columns.iter().map(field).collect())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let input = call.input()?;
        if input.schema().fields().is_empty() {
            return Err(invalid(DOC.name, "the input has no columns"));
        }
        let name = |field: &FieldRef| unmarked(field.name()).unwrap_or(field.name()).to_string();
        let columns = input.schema().fields().iter().map(name).collect();
        FindColumns { columns }.over([input], call.schema)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindColumns {
    columns: Vec<String>,
}

impl Plain for FindColumns {
    const NAME: &'static str = "FindPersonalData";
}

impl Step for FindColumns {
    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (mut input, schema) = (only_stream(inputs)?, Arc::clone(&context.schema));
        let step = self.clone();
        let result = async move {
            let mut samples: Vec<Sample> = step.columns.iter().map(|_| Sample::default()).collect();
            while let Some(batch) = input.next().await {
                let batch = batch?;
                let timer = context.timer();
                let _running = timer.timer();
                for (sample, column) in samples.iter_mut().zip(batch.columns()) {
                    sample.update(column)?;
                }
                let size: usize = samples.iter().map(|sample| sample.bytes).sum();
                if size > context.memory.size() {
                    context.memory.try_resize(size)?;
                }
            }
            let timer = context.timer();
            let _running = timer.timer();
            Ok(RecordBatch::try_new(Arc::clone(&context.schema), step.shown(&samples))?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(result))))
    }
}

/// The distinct values with the smallest hashes, and how often each occurred. They are the same in any order of the rows, and a value that
/// is kept at the end was counted from its first row on.
#[derive(Debug, Default)]
struct Sample {
    values: BTreeMap<(u64, String), u64>,
    bytes: usize,
}

impl Sample {
    fn update(&mut self, column: &ArrayRef) -> Result<()> {
        let data_type = column.data_type();
        let data_type = if let DataType::Dictionary(_, values) = data_type { values } else { data_type };
        let is_read = data_type.is_string()
            || data_type.is_integer()
            || matches!(data_type, DataType::Decimal128(_, 0))
            || is_time(data_type);
        if !is_read {
            return Ok(());
        }
        let texts = cast(column, &DataType::Utf8View)?;
        for text in texts.as_string_view().iter().flatten() {
            if text.trim().is_empty() {
                continue;
            }
            let hash = hash(text);
            let is_small = || self.values.last_key_value().is_none_or(|((last, _), _)| hash <= *last);
            if self.values.len() < LOOKED_AT || is_small() {
                let text: String = text.chars().take(LONGEST).collect();
                let length = text.len() + 96;
                let count = self.values.entry((hash, text)).or_insert(0);
                *count += 1;
                self.bytes += if *count == 1 { length } else { 0 };
                if self.values.len() > LOOKED_AT
                    && let Some(((_, text), _)) = self.values.pop_last()
                {
                    self.bytes = self.bytes.saturating_sub(text.len() + 96);
                }
            }
        }
        Ok(())
    }
}

/// FNV-1a, spread over all bits.
fn hash(text: &str) -> u64 {
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mix(hash)
}

impl FindColumns {
    fn shown(&self, samples: &[Sample]) -> Vec<ArrayRef> {
        let found: Vec<(&String, &Sample, Finding)> = self
            .columns
            .iter()
            .zip(samples)
            .filter_map(|(column, sample)| {
                let values: Vec<&str> = sample.values.keys().map(|(_, text)| text.as_str()).collect();
                let all_differ = sample.values.values().all(|count| *count == 1);
                Some((column, sample, finding(column, &values, all_differ)?))
            })
            .collect();
        type Found<'a> = (&'a String, &'a Sample, Finding);
        let text = |of: &dyn Fn(&Found<'_>) -> Option<String>| -> ArrayRef {
            Arc::new(found.iter().map(of).collect::<StringViewArray>())
        };
        // The first value that its mask does not hide completely, if there is one.
        let sample = |(_, sample, finding): &(&String, &Sample, Finding)| {
            let covered = || sample.values.keys().map(|(_, text)| finding.content.cover(text));
            covered().find(|covered| covered != "***").or_else(|| covered().next())
        };
        vec![
            text(&|(column, _, _)| Some((*column).clone())),
            text(&|(_, _, finding)| Some(finding.content.word().into())),
            Arc::new(found.iter().map(|(_, _, finding)| finding.share).collect::<Float64Array>()),
            Arc::new(found.iter().map(|(_, sample, _)| Some(sample.values.len() as i64)).collect::<Int64Array>()),
            text(&|(_, _, finding)| Some(finding.reason.clone())),
            text(&|(_, _, finding)| Some(finding.content.function().into())),
            text(&sample),
        ]
    }
}
