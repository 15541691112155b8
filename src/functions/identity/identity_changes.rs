//! The table macro `identity_changes`.

use datafusion::common::Result;

use crate::adapter::definitions::Definitions;
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::as_sql;

#[derive(Debug)]
pub struct IdentityChanges;

const DOC: Doc = Doc {
    name: "identity_changes",
    kind: Kind::Relation,
    domain: "identity",
    summary: "Shows how persons changed from one result to the next: merges, splits, new and lost records.",
    description: "\
Both relations have one row per record with its person, as returned by `resolve_identities`. The later result must be computed with the
earlier one as `previous`, so that ids are kept. The result has one row per change:

| change | meaning |
|---|---|
| `merged` | all remaining records of `from_person_id` now belong to `to_person_id`, together with others; the former id is no longer used |
| `split` | records of `from_person_id` are now a separate person, with the new id `to_person_id` |
| `moved` | records went from one person to another, and both persons still exist |
| `new person`, `new record` | records that did not exist before: as a new person, or in an existing one |
| `lost record`, `lost person` | records that no longer exist: some of a person, or all |

Insert the result into a table after each run, with the time: that table is the history of the identities.

**Cost.** A join of the two results by key.

**Elsewhere.** Customer data platforms such as Segment and Amperity show merges of profiles in their logs.",
    arguments: &[
        Argument::required("before", Takes::Relation, "earlier result, one row per record"),
        Argument::required("after", Takes::Relation, "later result, computed with the earlier one as `previous`"),
        Argument::required("key", Takes::Value("column"), "key of the record; the same column name in both"),
        Argument::optional("person", Takes::Value("column"), "", "person of the record; the same column name in both; default: person_id"),
    ],
    columns: &[
        Column { name: "change", data_type: "VARCHAR", text: "what happened" },
        Column { name: "from_person_id", data_type: "as the person", text: "former person of the records; NULL for new records" },
        Column { name: "to_person_id", data_type: "as the person", text: "present person of the records; NULL for lost records" },
        Column { name: "records", data_type: "BIGINT", text: "number of records" },
        Column { name: "example_key", data_type: "as the key", text: "smallest key among the records" },
    ],
    examples: &["SELECT change, from_person_id, to_person_id, records
FROM identity_changes((SELECT * FROM (VALUES (1, 1), (2, 1), (3, 2), (4, 3)) AS b(customer_id, person_id)),
                      (SELECT * FROM (VALUES (1, 1), (2, 4), (3, 3), (4, 3), (5, 1)) AS a(customer_id, person_id)), key => customer_id)
ORDER BY change;", "WITH records AS (SELECT customer_id, clean_phone(phone) AS phone, clean_email(email) AS email FROM sample_customers(rows => 300)),
  before AS (SELECT * FROM resolve_identities(records, key => customer_id, match_on => [phone])),
  after AS (SELECT * FROM resolve_identities(records, previous => before, key => customer_id, match_on => [phone, email]))
SELECT change, count(*) AS changes, sum(records) AS records
FROM identity_changes(before, after, key => customer_id) GROUP BY change ORDER BY change;"],
    ..Doc::EMPTY
};

impl TableMacro for IdentityChanges {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn expand(&self, call: MacroCall, _: &dyn Definitions) -> Result<String> {
        let (before, after) = (call.relation("before")?.to_string(), call.relation("after")?.to_string());
        let Some(key) = call.expression("key").map(as_sql) else {
            return Err(invalid(DOC.name, "key is missing; write key => customer_id"));
        };
        let person = call.expression("person").map_or_else(|| "person_id".into(), as_sql);
        let records = |query: &str, letter: &str| {
            format!(
                "(SELECT DISTINCT {key} AS k, {person} AS p FROM {query} WHERE {key} IS NOT NULL AND {person} IS NOT NULL) AS {letter}"
            )
        };
        let persons = |query: &str| format!("(SELECT DISTINCT {person} AS p FROM {query} WHERE {person} IS NOT NULL)");
        Ok(format!(
            "SELECT CASE WHEN flows.f IS NULL AND was.p IS NULL THEN 'new person' WHEN flows.f IS NULL THEN 'new record' \
                WHEN flows.t IS NULL AND stays.p IS NULL THEN 'lost person' WHEN flows.t IS NULL THEN 'lost record' \
                WHEN was.p IS NULL THEN 'split' WHEN stays.p IS NULL THEN 'merged' ELSE 'moved' END AS change, \
              flows.f AS from_person_id, flows.t AS to_person_id, flows.records AS records, flows.example AS example_key \
             FROM (SELECT b.p AS f, a.p AS t, count(*) AS records, min(coalesce(b.k, a.k)) AS example \
               FROM {} FULL JOIN {} ON b.k = a.k GROUP BY b.p, a.p) AS flows \
             LEFT JOIN {} AS was ON flows.t = was.p LEFT JOIN {} AS stays ON flows.f = stays.p \
             WHERE flows.f IS DISTINCT FROM flows.t",
            records(&before, "b"),
            records(&after, "a"),
            persons(&before),
            persons(&after)
        ))
    }
}
