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
    summary: "Lists the values that records share and the outcome of each: linked, blocked, shared by too many records, or in conflict.",
    description: "\
Records with the same value of an identifier are one person, and so are records connected by a chain of such values. Clean the values first,
in the query: `13800138000` and `+86 138 0013 8000` are different values here. NULL and blank values link nothing. A key can have several
rows, for example one per phone.

**Guards.** A value links nothing if
- it is one of `blocked_values`, or more than `max_shared` records have it: the phone of a shop, a test address;
- its records, with those already linked to them, have different values of one of the `hard_keys`, or are listed in `cannot_link`.
  Identifiers are processed in the order of `match_on`, values of one identifier by their smallest keys. A phone shared by two id cards
  links neither of them to anyone.

`resolve_identities` takes the same arguments and returns the person of each record.

**Reproducible.** The result depends only on the rows; a person depends only on the records that a chain of shared values reaches.

**Cost.** One pass; the rows are kept in memory, about 100 bytes per value.

**Elsewhere.** Identity graphs of customer data platforms; their rules for shared values, such as a limit of profiles per phone, are
`max_shared` and `blocked_values` here.",
    arguments: &[
        Argument::required("input", Takes::Relation, "records; a record can have several rows"),
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
        Column { name: "identifier", data_type: "VARCHAR", text: "name of the identifier; `must_link` or `pairs` for such a pair in conflict" },
        Column { name: "value", data_type: "VARCHAR", text: "the value" },
        Column { name: "records", data_type: "BIGINT", text: "number of records that have the value" },
        Column {
            name: "outcome",
            data_type: "VARCHAR",
            text: "`linked`; or the reason why the value links nothing: `blocked`, `too many records`, `conflict` (of hard keys or with cannot_link)",
        },
        Column { name: "example_keys", data_type: "VARCHAR[]", text: "the smallest keys, at most five" },
    ],
    examples: &["SELECT identifier, value, records, outcome
FROM identity_links((SELECT * FROM (VALUES (1, 'shop'), (2, 'shop'), (3, 'shop'), (4, 'mine'), (5, 'mine')) AS t(customer_id, phone)),
  key => customer_id, match_on => [phone], max_shared => 2)
ORDER BY value;", "SELECT identifier, outcome, count(*) AS shared_values, sum(records) AS records
FROM identity_links((SELECT customer_id, clean_phone(phone) AS phone, clean_email(email) AS email FROM sample_customers(rows => 1000)),
  key => customer_id, match_on => [phone, email])
WHERE records > 1 GROUP BY identifier, outcome ORDER BY identifier, outcome;"],
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

/// One row for each value that several records share.
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
