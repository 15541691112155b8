//! The relation function `resolve_touched`, which `REFRESH IDENTITY` calls: resolves new records together with the stored ones that they
//! touch, and returns the persons of these.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{filter_record_batch, is_not_null, is_null};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan};
use serde::{Deserialize, Serialize};

use super::records::{Keys, column, does_not_fit, read};
use super::resolve::{CANNOT_LINK_RELATION, HARD_KEYS, MATCH_ON, MAX_SHARED, MUST_LINK_RELATION, RECORDS_KEY, hard_keys, others};
use super::resolve_identities;
use super::resolving::{Resolving, previous};
use super::touched_records::{self, hashes, rows};
use crate::adapter::offload::offload;
use crate::adapter::plain::Plain;
use crate::adapter::relation::{Call, RelationFunction, Roles, role};
use crate::adapter::step::{Reads, Step, StepContext, Streams};
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::kernels::linkage::resolve::{Identifier, Resolution, resolve};
use crate::kernels::linkage::stable::stable_ids;
use crate::kernels::linkage::touched::{NO_VALUE, Rows};

#[derive(Debug)]
pub struct ResolveTouched;

const DOC: Doc = Doc {
    name: "resolve_touched",
    kind: Kind::Relation,
    domain: "identity",
    arguments: &[
        Argument::required("input", Takes::Relation, "rows from touched_records"),
        Argument::required("previous", Takes::Relation, "their persons before: key and person_id"),
        MUST_LINK_RELATION,
        CANNOT_LINK_RELATION,
        RECORDS_KEY,
        // The hash of the key, then the identifiers.
        MATCH_ON,
        HARD_KEYS,
        MAX_SHARED,
    ],
    ..Doc::EMPTY
};

impl RelationFunction for ResolveTouched {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        resolve_identities::columns(roles)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let names: Vec<String> = call.roles.list("match_on").skip(1).map(|(_, role)| role.column.clone()).collect();
        let hard = hard_keys(&call, &names)?;
        let key = call.roles.data_type("key")?.clone();
        let input = call.input()?;
        let hashes = call.roles.list("match_on").map(|(place, _)| touched_records::column(&input, place));
        let columns: Vec<Expr> = std::iter::once(role("key")).chain(hashes).collect();
        let mut inputs = vec![rows(input, columns, &key)?];
        for name in ["previous", "must_link", "cannot_link"] {
            inputs.push(others(DOC.name, name, &call.other(name)?, &key)?);
        }
        let max_shared = usize::try_from(call.options.integer("max_shared")?).unwrap_or(usize::MAX);
        ResolveRows { names, hard, max_shared }.over(inputs, call.schema)
    }
}

/// The step that resolves new records and those that they touch.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResolveRows {
    names: Vec<String>,
    hard: Vec<bool>,
    max_shared: usize,
}

impl Plain for ResolveRows {
    const NAME: &'static str = "ResolveTouched";
}

impl Step for ResolveRows {
    fn reads(&self) -> Reads {
        Reads::AllPartitions
    }

    fn run(&self, inputs: Vec<Streams>, context: StepContext) -> Result<SendableRecordBatchStream> {
        let (names, hard, max_shared) = (self.names.clone(), self.hard.clone(), self.max_shared);
        let gather = move |_: Arc<StepContext>, memory: Arc<_>| async move {
            let mut all: Vec<Vec<RecordBatch>> = vec![];
            for streams in inputs {
                all.push(read(DOC.name, streams, &memory).await?);
            }
            Ok(all)
        };
        offload(DOC.name, context, gather, move |read, worker| {
            let rows: usize = read.iter().take(1).flatten().map(|batch| batch.num_rows() * batch.num_columns()).sum();
            let Ok(_memory) = worker.control(1).reserve(rows * 96) else {
                return Err(worker.fail(does_not_fit(DOC.name, rows * 96)));
            };
            match resolving(&read, &hard, max_shared) {
                Ok(resolving) => resolve_identities::send(worker, &names, &resolving),
                Err(error) => Err(worker.fail(error)),
            }
        })
    }
}

fn resolving(read: &[Vec<RecordBatch>], hard: &[bool], max_shared: usize) -> Result<Resolving> {
    let [touched, before, must_link, cannot_link] = read else { return internal_err!("not four inputs") };
    let (mut batches, mut shared) = (vec![], vec![]);
    for batch in touched {
        batches.push(filter_record_batch(batch, &is_not_null(batch.column(0))?)?);
        // Values that link nothing, because more records have them than are here.
        shared.push(filter_record_batch(batch, &is_null(batch.column(0))?)?);
    }
    let keys = column(&batches, 0);
    let types = keys.first().map_or(DataType::Int64, |keys| keys.data_type().clone());
    let mut keys = Keys::of(&types, &keys)?;
    let all: Vec<Rows<'_>> = batches.iter().map(hashes).collect();
    let shared: Vec<Rows<'_>> = shared.iter().map(hashes).collect();
    let mut identifiers = vec![];
    for (place, is_hard) in hard.iter().enumerate() {
        let mut numbers: HashMap<i64, u32> = HashMap::new();
        let mut number = |value: i64| {
            let next = numbers.len() as u32;
            *numbers.entry(value).or_insert(next)
        };
        let too_many = shared.iter().flat_map(|rows| rows.values[place]).filter(|value| **value != NO_VALUE);
        let too_many = too_many.map(|value| number(*value)).collect();
        let values = all.iter().flat_map(|rows| rows.values[place]).zip(&keys.rows);
        let values = values.filter(|(value, _)| **value != NO_VALUE).map(|(value, record)| (number(*value), *record)).collect();
        identifiers.push(Identifier { values, is_hard: *is_hard, blocked: vec![], too_many });
    }
    let (must_link, cannot_link) = (known_pairs(&mut keys, must_link)?, known_pairs(&mut keys, cannot_link)?);
    let mut ids = vec![None; keys.len()];
    let last = previous(&mut keys, before, &mut ids)?;
    let resolved = resolve(Resolution {
        records: keys.len(),
        identifiers: &mut identifiers,
        max_shared,
        must_link: &must_link,
        cannot_link: &cannot_link,
        pairs: &[],
    });
    let ids = stable_ids(&resolved.persons, &ids, last);
    Ok(Resolving { keys, texts: vec![], resolved, ids })
}

/// The pairs of which both records are among these.
fn known_pairs(keys: &mut Keys, batches: &[RecordBatch]) -> Result<Vec<(u32, u32)>> {
    let mut pairs = vec![];
    for batch in batches {
        let (a, b) = (keys.find(batch.column(0))?, keys.find(batch.column(1))?);
        pairs.extend(a.into_iter().zip(b).filter_map(|(a, b)| Some((a?, b?))).filter(|(a, b)| a != b));
    }
    Ok(pairs)
}
