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
    summary: "Tells which records are one person: those that share a phone, an e-mail, an id card, with guards.",
    description: "\
Records that carry the same value of an identifier are one person, and so are records that a chain of such values joins. Clean the values first, in the query: `13800138000` and
`+86 138 0013 8000` are different values here. NULL and blank values join nobody. A key may have several rows, with a phone each, say.

**Guards.** A value joins nobody when
- it is among `blocked_values`, or more than `max_shared` records carry it: the phone of a shop, a test address;
- its records, with those that were joined to them before, have different values of one of the `hard_keys`, or are listed in `cannot_link`. Identifiers
  count in the order of `match_on`, values of one identifier by their smallest keys. So a phone that two id cards share joins neither with anybody.

`identity_links` takes the same arguments and lists what joined whom, and which values joined nobody.

**Stable ids.** Without `previous`, persons are numbered from 1 by their smallest keys. With it, a person keeps the id that most of its records had;
of two persons that had one id, the one with more of its records keeps it. Others get numbers above all in `previous`: leave the rows of records that are gone in it, and no id ever gets
another meaning. `identity_changes` tells merges and splits between two answers.

**Same answer.** It depends on the rows alone, and of a person on no more than the records that a chain of shared values reaches.

**Cost.** One pass; the rows are kept in memory, some 100 bytes for each value.",
    arguments: &[
        Argument::required("input", Takes::Relation, "one row for each record, or several"),
        Argument::optional(
            "previous",
            Takes::Relation,
            "",
            "an answer of before, or any relation whose first columns are key and person_id: persons keep their ids",
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
        Column { name: "(key)", data_type: "as the role", text: "each record once, under the column's own name" },
        Column { name: "person_id", data_type: "BIGINT", text: "the person" },
        Column { name: "records", data_type: "BIGINT", text: "how many records the person has" },
        Column {
            name: "evidence",
            data_type: "VARCHAR",
            text: "the identifiers that join this record to others, `phone, email`; `must_link` and `pairs` among them; NULL when none does",
        },
    ],
    examples: &["SELECT customer_id, person_id, records, evidence
FROM resolve_identities((SELECT * FROM (VALUES (1, '+8613800138000', NULL, 'a'), (2, '+8613800138000', 'li@example.com', NULL), (3, NULL, 'li@example.com', 'b'),
                          (4, NULL, 'wang@example.com', NULL)) AS t(customer_id, phone, email, id_card)),
  key => customer_id, match_on => [id_card, phone, email], hard_keys => 'id_card')
ORDER BY customer_id;"],
    ..Doc::EMPTY
};

impl RelationFunction for ResolveIdentities {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn columns(&self, roles: &Roles) -> Result<Vec<FieldRef>> {
        let key = roles.required("key")?;
        Ok(vec![
            field(&key.column, key.field.data_type().clone(), false),
            field("person_id", DataType::Int64, false),
            field("records", DataType::Int64, false),
            field("evidence", DataType::Utf8, true),
        ])
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        plan(call, Gives::Persons)
    }
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
