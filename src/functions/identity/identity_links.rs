//! The relation function `identity_links`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::resolve::{
    BLOCKED_VALUES, CANNOT_LINK_RELATION, Gives, HARD_KEYS, MATCH_ON, MAX_SHARED, MUST_LINK_RELATION, PAIRS, RECORDS_KEY, plan,
};
use super::resolving::Resolving;
use crate::adapter::offload::Worker;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::kernels::control::Stop;
use crate::kernels::linkage::resolve::Outcome;

#[derive(Debug)]
pub struct IdentityLinks;

pub const DOC: Doc = Doc {
    name: "identity_links",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Lists the values that records share, and what came of each: linked, blocked, carried by too many, in conflict.",
    description: "\
Records that carry the same value of an identifier are one person, and so are records that a chain of such values joins. Clean the values first, in the query: `13800138000` and
`+86 138 0013 8000` are different values here. NULL and blank values join nobody. A key may have several rows, with a phone each, say.

**Guards.** A value joins nobody when
- it is among `blocked_values`, or more than `max_shared` records carry it: the phone of a shop, a test address;
- its records, with those that were joined to them before, have different values of one of the `hard_keys`, or are listed in `cannot_link`. Identifiers
  count in the order of `match_on`, values of one identifier by their smallest keys. So a phone that two id cards share joins neither with anybody.

`identity_links` takes the same arguments and lists what joined whom, and which values joined nobody.

**Same answer.** It depends on the rows alone, and of a person on no more than the records that a chain of shared values reaches.

**Cost.** One pass; the rows are kept in memory, some 100 bytes for each value.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row for each record, or several"),
        MUST_LINK_RELATION,
        CANNOT_LINK_RELATION,
        PAIRS,
        RECORDS_KEY,
        MATCH_ON,
        HARD_KEYS,
        MAX_SHARED,
        BLOCKED_VALUES,
    ],
    columns: &[
        Column { name: "identifier", data_type: "VARCHAR", text: "`phone`, say; `must_link` or `pairs` for such a pair in conflict" },
        Column { name: "value", data_type: "VARCHAR", text: "the value" },
        Column { name: "records", data_type: "BIGINT", text: "how many records carry it" },
        Column {
            name: "outcome",
            data_type: "VARCHAR",
            text: "`linked`; or joined nobody: `blocked`, `too many records`, `conflict` (of hard keys or with cannot_link)",
        },
        Column { name: "example_keys", data_type: "VARCHAR[]", text: "the smallest keys, five at most" },
    ],
    examples: &["SELECT identifier, value, records, outcome
FROM identity_links((SELECT * FROM (VALUES (1, 'shop'), (2, 'shop'), (3, 'shop'), (4, 'mine'), (5, 'mine')) AS t(customer_id, phone)),
  key => customer_id, match_on => [phone], max_shared => 2)
ORDER BY value;"],
    ..Doc::EMPTY
};

impl RelationFunction for IdentityLinks {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, _: &Roles) -> Result<Vec<FieldRef>> {
        Ok(vec![
            field("identifier", DataType::Utf8, false),
            field("value", DataType::Utf8, true),
            field("records", DataType::Int64, false),
            field("outcome", DataType::Utf8, false),
            field("example_keys", DataType::new_list(DataType::Utf8, true), false),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Links)
    }
}

fn field(name: &str, data_type: DataType, nullable: bool) -> FieldRef {
    FieldRef::from(Field::new(name, data_type, nullable))
}

/// One row for each value that several records carry.
pub fn send(worker: &Worker, names: &[String], resolving: &Resolving) -> Result<(), Stop> {
    let keys = match cast(&resolving.keys.values, &DataType::Utf8) {
        Ok(keys) => keys,
        Err(error) => return Err(worker.fail(error.into())),
    };
    let keys = keys.as_string::<i32>();
    let resolved = &resolving.resolved;
    let links = resolved.links.iter().map(|link| {
        let outcome = match link.outcome {
            Outcome::Linked => "linked",
            Outcome::Blocked => "blocked",
            Outcome::TooMany => "too many records",
            Outcome::Conflict => "conflict",
        };
        (names[link.identifier].as_str(), Some(resolving.texts[link.identifier].text(link.value)), &link.records[..], outcome)
    });
    let contradictions = resolved.contradictions.iter().map(|pair| ("must_link", None, &pair[..], "conflict"));
    let pairs = resolved.refused.iter().map(|pair| ("pairs", None, &pair[..], "conflict"));
    let rows: Vec<(&str, Option<String>, &[u32], &str)> = links.chain(pairs).chain(contradictions).collect();
    for rows in rows.chunks(worker.batch_size) {
        let mut examples = ListBuilder::new(StringBuilder::new());
        for (_, _, records, _) in rows {
            for record in records.iter().take(5) {
                examples.values().append_value(keys.value(*record as usize));
            }
            examples.append(true);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(rows.iter().map(|row| row.1.clone()).collect::<StringArray>()),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2.len() as i64))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3))),
            Arc::new(examples.finish()),
        ];
        worker.send(Ok(columns))?;
    }
    Ok(())
}
