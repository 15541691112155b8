//! The table macros `experiment_assignments` and `experiment_outcomes`.

use datafusion::common::Result;

use crate::adapter::definitions::{Definitions, ExperimentDefinition, column};
use crate::adapter::table_macro::{MacroCall, TableMacro};
use crate::catalog::snapshots::ColumnRole;
use crate::docs::{Argument, Column, Doc, Kind, Takes};
use crate::error::invalid;
use crate::text::{as_sql, identifier, literal, timestamp};

/// Lists who is in which group of an experiment.
#[derive(Debug)]
pub struct ExperimentAssignments;

/// Lists what was measured for each person.
#[derive(Debug)]
pub struct ExperimentOutcomes;

const EXPERIMENT: Argument =
    Argument::required("experiment", Takes::Name("experiment"), "experiment made with CREATE EXPERIMENT");
const KEY: Column = Column { name: "key", data_type: "the key's", text: "key of the customer" };
const VARIANT: Column = Column { name: "variant", data_type: "VARCHAR", text: "group of the customer" };

const ASSIGNMENTS: Doc = Doc {
    name: "experiment_assignments",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Lists who takes part in an experiment, and in which group.",
    description: "\
One row per customer in a group: the members of the experiment's segment, or of its profile, as published at its start, each with the group
that `assign` gives for the experiment's salt, groups and shares. If the start is in the future, the last refresh is used. Customers who
join the segment later do not take part; those who leave it stay. The refresh must still be kept (`keep_snapshots` of the profile). CREATE
TABLE AS keeps the groups permanently.

**Cost.** One scan of the published profile and a hash per member; the groups are not stored, they are computed again each time.

**Elsewhere.** Experiment platforms log each assignment when a customer sees the page, and analyse the log. Here the list is known in
advance, so it can be sent to a mailing tool before the start.",
    arguments: &[EXPERIMENT],
    columns: &[KEY, VARIANT, Column { name: "since", data_type: "TIMESTAMP", text: "start of the experiment, in UTC" }],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 500);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-05-31');
CREATE OR REPLACE EXPERIMENT coupon ON shopper WITH (start = '2025-06-01', groups = ['holdout', 'coupon', 'gift'], shares = [0.2, 0.4, 0.4]) AS
SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 2000) WHERE ordered_at >= DATE '2025-06-01' GROUP BY customer_id;
SELECT variant, count(*) AS customers, min(since) AS since FROM experiment_assignments(coupon) GROUP BY variant ORDER BY variant;"],
    source: "as in assign.",
    ..Doc::EMPTY
};

const OUTCOMES: Doc = Doc {
    name: "experiment_outcomes",
    kind: Kind::Relation,
    domain: "experiment",
    summary: "Returns what an experiment measured: the exposed customers with their groups and metrics.",
    description: "\
One row per row of the experiment's query whose customer takes part (`experiment_assignments`), with the metrics: the input of
`experiment_result`. The query runs now, with the rights of the current role. It should return one row per customer; count them if in
doubt.

Customers in a group for whom the query has no row are missing here, and with them their zeros: a query of orders measures buyers only.
Write it from the profile with a LEFT JOIN and `coalesce(…, 0)` to measure everybody who was assigned.

**Cost.** The experiment's query, joined to its groups by key.

**Elsewhere.** A join of the assignment log to a table of metrics, written by hand.",
    arguments: &[EXPERIMENT],
    columns: &[KEY, VARIANT, Column { name: "(metrics)", data_type: "of the query", text: "the measured columns, under their own names" }],
    examples: &["CREATE OR REPLACE PROFILE shopper WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 500);
REFRESH PROFILE shopper WITH (as_of = DATE '2025-05-31');
CREATE OR REPLACE EXPERIMENT coupon ON shopper WITH (start = '2025-06-01') AS
SELECT customer_id, sum(amount) AS revenue FROM sample_orders(rows => 2000) WHERE ordered_at >= DATE '2025-06-01' GROUP BY customer_id;
SELECT variant, count(*) AS customers, avg(revenue) AS revenue FROM experiment_outcomes(coupon) GROUP BY variant ORDER BY variant;"],
    source: "intention to treat: R. Kohavi, D. Tang, Y. Xu: Trustworthy Online Controlled Experiments (2020).",
    ..Doc::EMPTY
};

/// Who is in which group, as SQL.
fn assigned(function: &str, experiment: &ExperimentDefinition, definitions: &dyn Definitions) -> Result<String> {
    let published = definitions.published(&experiment.profile, Some(experiment.known_at))?;
    let members = match &experiment.segment {
        None => String::new(),
        Some(segment) => {
            let is_it =
                |own: &crate::catalog::snapshots::PublishedColumn| own.role == ColumnRole::Segment && own.name == *segment;
            if !published.columns.iter().any(is_it) {
                let known = timestamp(published.at);
                let problem = format!("segment {segment} is not part of the refresh as of {known}; it was made later");
                return Err(published.lacks(invalid(function, problem)));
            }
            format!(" WHERE {} IS NOT NULL", column::segment(segment))
        }
    };
    let shares: Vec<String> = experiment.shares.iter().map(|share| format!("{share:?}")).collect();
    let groups: Vec<String> = experiment.groups.iter().map(|group| literal(group)).collect();
    Ok(format!(
        "(SELECT key, variant FROM (SELECT {key} AS key, assign({key}, salt => {salt}, shares => [{shares}], labels => [{groups}]) AS variant \
           FROM {table}{members}) WHERE variant IS NOT NULL)",
        key = column::KEY,
        salt = literal(&experiment.salt),
        shares = shares.join(", "),
        groups = groups.join(", "),
        table = published.table,
    ))
}

impl TableMacro for ExperimentAssignments {
    fn doc(&self) -> &'static Doc {
        &ASSIGNMENTS
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let experiment = definitions.experiment(call.required_name(EXPERIMENT.name)?)?;
        let assigned = assigned(ASSIGNMENTS.name, &experiment, definitions)?;
        let since = literal(&timestamp(experiment.start));
        // In microseconds, which cover more years than the nanoseconds of a constant.
        Ok(format!(
            "SELECT key, variant, arrow_cast({since}, 'Timestamp(Microsecond, None)') AS since FROM {assigned} AS assigned"
        ))
    }
}

impl TableMacro for ExperimentOutcomes {
    fn doc(&self) -> &'static Doc {
        &OUTCOMES
    }

    fn asks(&self, call: &MacroCall, definitions: &dyn Definitions) -> Result<Option<String>> {
        let experiment = definitions.experiment(call.required_name(EXPERIMENT.name)?)?;
        Ok(Some(as_sql(experiment.query.as_ref())))
    }

    fn expand(&self, call: MacroCall, definitions: &dyn Definitions) -> Result<String> {
        let name = call.required_name(EXPERIMENT.name)?;
        let experiment = definitions.experiment(name)?;
        let assigned = assigned(OUTCOMES.name, &experiment, definitions)?;
        let names: Vec<&str> =
            call.columns.iter().flat_map(|columns| columns.fields().iter().map(|field| field.name().as_str())).collect();
        let [key, rest @ ..] = names.as_slice() else {
            return Err(invalid(
                OUTCOMES.name,
                format!("the query of experiment {name} cannot be planned; run it on its own to see why"),
            ));
        };
        let metrics: Vec<String> = match &experiment.metrics {
            Some(metrics) => metrics.iter().map(|metric| format!("outcomes.{}", identifier(metric))).collect(),
            None => rest.iter().map(|metric| format!("outcomes.{}", identifier(metric))).collect(),
        };
        Ok(format!(
            "SELECT assigned.key, assigned.variant, {metrics} FROM {assigned} AS assigned JOIN (\n{query}\n) AS outcomes ON assigned.key = outcomes.{key}",
            metrics = metrics.join(", "),
            query = as_sql(experiment.query.as_ref()),
            key = identifier(key),
        ))
    }
}
