//! The relation function `resolve_identities`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
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
use crate::kernels::linkage::resolve::{MUST_LINK, PAIR, Resolved};

#[derive(Debug)]
pub struct ResolveIdentities;

pub const DOC: Doc = Doc {
    name: "resolve_identities",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Finds which records are one person: those that share a phone, an e-mail or an id card, with guards against wrong links.",
    description: "\
Records with the same value of an identifier are one person, and so are records connected by a chain of such values. Clean the values first,
in the query: `13800138000` and `+86 138 0013 8000` are different values here. NULL and blank values link nothing. A key can have several
rows, for example one per phone.

**Guards.** A value links nothing if
- it is one of `blocked_values`, or more than `max_shared` records have it: the phone of a shop, a test address;
- its records, with those already linked to them, have different values of one of the `hard_keys`, or are listed in `cannot_link`.
  Identifiers are processed in the order of `match_on`, values of one identifier by their smallest keys. A phone shared by two id cards
  links neither of them to anyone.

`identity_links` takes the same arguments and lists the values that linked records, and the values that linked nothing.

**Stable ids.** Without `previous`, persons are numbered from 1 by their smallest keys. With it, a person keeps the id that most of its
records had; if two persons had the same id, the one with more of its records keeps it. Other persons get numbers above all those in
`previous`. Keep the rows of deleted records in `previous`, and no id ever gets another meaning. `identity_changes` shows merges and splits
between two results.

**Reproducible.** The result depends only on the rows; a person depends only on the records that a chain of shared values reaches.

**Cost.** One pass; the rows are kept in memory, about 100 bytes per value.

**Limits.** Only equal values link. For names and addresses with typing errors, find pairs with `match_pairs` and pass them as `pairs`.

**Elsewhere.** Segment, mParticle and other customer data platforms call this deterministic identity resolution; Splink and Zingg match by
probability, as `match_pairs`.",
    arguments: &[
        Argument::required("input", Takes::Relation, "records; a record can have several rows"),
        Argument::optional(
            "previous",
            Takes::Relation,
            "",
            "an earlier result, or any relation whose first columns are key and person_id: persons keep their ids",
        ),
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
        Column { name: "(key)", data_type: "as the role", text: "key of the record, under the column's own name; each record has one row" },
        Column { name: "person_id", data_type: "BIGINT", text: "id of the person" },
        Column { name: "records", data_type: "BIGINT", text: "number of records of the person" },
        Column {
            name: "evidence",
            data_type: "VARCHAR",
            text: "identifiers that link this record to others, `phone, email`, and also `must_link` and `pairs`; NULL if there is none",
        },
    ],
    examples: &["SELECT customer_id, person_id, records, evidence
FROM resolve_identities((SELECT * FROM (VALUES (1, '+8613800138000', NULL, 'a'), (2, '+8613800138000', 'li@example.com', NULL), (3, NULL, 'li@example.com', 'b'),
                          (4, NULL, 'wang@example.com', NULL)) AS t(customer_id, phone, email, id_card)),
  key => customer_id, match_on => [id_card, phone, email], hard_keys => 'id_card')
ORDER BY customer_id;", "SELECT records, count(DISTINCT person_id) AS persons
FROM resolve_identities((SELECT customer_id, clean_phone(phone) AS phone, clean_email(email) AS email FROM sample_customers(rows => 1000)),
  key => customer_id, match_on => [phone, email])
GROUP BY records ORDER BY records;"],
    ..Doc::EMPTY
};

impl RelationFunction for ResolveIdentities {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        columns(roles)
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Persons)
    }
}

/// The columns of the result.
pub fn columns(roles: &Roles) -> Result<Vec<FieldRef>> {
    let key = roles.required("key")?;
    Ok(vec![
        field(&key.column, key.field.data_type().clone(), false),
        field("person_id", DataType::Int64, false),
        field("records", DataType::Int64, false),
        field("evidence", DataType::Utf8, true),
    ])
}

fn field(name: &str, data_type: DataType, nullable: bool) -> FieldRef {
    FieldRef::from(Field::new(name, data_type, nullable))
}

/// One row for each record.
pub fn send(worker: &Worker, names: &[String], resolving: &Resolving) -> Result<(), Stop> {
    let Resolved { persons, evidence, .. } = &resolving.resolved;
    let mut sizes = vec![0_i64; persons.len()];
    for person in persons {
        sizes[*person as usize] += 1;
    }
    let told = |bits: u64| -> Option<String> {
        let own = names.iter().enumerate().filter(|(number, _)| bits & (1 << number) != 0).map(|(_, name)| name.as_str());
        let pair = (bits & PAIR != 0).then_some("pairs");
        let must = (bits & MUST_LINK != 0).then_some("must_link");
        let all: Vec<&str> = own.chain(pair).chain(must).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    for start in (0..persons.len()).step_by(worker.batch_size) {
        let rows = start..(start + worker.batch_size).min(persons.len());
        let columns: Vec<ArrayRef> = vec![
            resolving.keys.values.slice(start, rows.len()),
            Arc::new(Int64Array::from(resolving.ids[rows.clone()].to_vec())),
            Arc::new(persons[rows.clone()].iter().map(|person| Some(sizes[*person as usize])).collect::<Int64Array>()),
            Arc::new(evidence[rows].iter().map(|bits| told(*bits)).collect::<StringArray>()),
        ];
        worker.send(Ok(columns))?;
    }
    Ok(())
}
