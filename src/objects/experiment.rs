//! `EXPERIMENT`: who is in which group, what is measured, and what was decided.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::sql::parser::Statement as SqlParsed;
use futures::future::BoxFuture;
use sqlparser::ast::Statement as SqlStatement;

use super::definition::Definition;
use super::kind::{Kind, Uses, Values};
use super::lifecycle::{find, missing};
use super::profile;
use super::restating::with_options;
use super::uses::ProfileUse;
use super::values::{given, number, text, time};
use crate::adapter::arguments::Moment;
use crate::adapter::definitions::ExperimentDefinition;
use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::docs::{Argument, Column, Doc, Takes};
use crate::error::{SqlState, coded, did_you_mean, invalid};
use crate::refresh::literals::coerced;
use crate::sql::command::{Grammar, Target, normal};
use crate::sql::planning::plan;
use crate::sql::statement::STATEMENT;
use crate::statement::StatementContext;
use crate::text::timestamp;

static DOC: Doc = Doc {
    name: "CREATE EXPERIMENT",
    summary: "Defines an experiment: who is in which group since when, what is measured, and what was decided.",
    syntax: "CREATE [OR REPLACE] EXPERIMENT [IF NOT EXISTS] name ON profile
WITH (start = 'date or time', [end = '…'], [segment = '…'], [groups = ['…', …]], [shares = [share, …]], [control = '…'], [salt = '…'],
  [metrics = ['…', …]], [comment = '…'], [owner = '…'])
AS query
ALTER EXPERIMENT name SET DECISION 'text' | RESET DECISION",
    description: "\
The customers are the members of the segment, or of the whole profile, as published by the last refresh up to `start` (a DATE means the end of that day). `experiment_assignments(name)` returns the group of each customer, by
`assign` with the experiment's salt, groups and shares. It is computed, not stored, and always the same. If the shares add up to less than 1, the rest of the customers stay out of the experiment. A group that gets nothing
is a holdout.

The query defines what is measured: its first column is the key, every other column is a metric, with one row per exposed customer. It is planned now and runs when the experiment is read: `experiment_outcomes(name)` returns each
customer with group and metrics, for `experiment_result`. Customers without a row were not exposed. A customer who bought nothing and should count as 0 needs a row with 0.

`ALTER EXPERIMENT … SET DECISION` records what was decided, when and by whom. It makes a new version of the definition, so dumps and backups contain it, and `system.versions` keeps the earlier ones.
Groups, shares and salt cannot change after the experiment has begun, because customers would move between groups. Create another experiment instead.

**Cost.** Nothing is computed until `experiment_assignments` or `experiment_outcomes` is read, and groups are never stored.

**Elsewhere.** GrowthBook, Statsig and Eppo keep the same facts (hypothesis, groups, metrics, decision) in a service, and run SQL in your
warehouse.",
    arguments: &[
        Argument::required("start", Takes::Moment, "when it begins"),
        Argument::optional("end", Takes::Moment, "", "when it ends"),
        Argument::optional("segment", Takes::Text, "", "the segment whose members take part; default the whole profile"),
        Argument::optional("groups", Takes::Texts, "", "the names of the groups; default control and treatment"),
        Argument::optional("shares", Takes::Shares, "", "the share of each group; default equal shares"),
        Argument::optional("control", Takes::Text, "", "the group that others are compared with; default the first"),
        Argument::optional(
            "salt",
            Takes::Text,
            "",
            "text that the assignment depends on, together with the key; default the experiment's name",
        ),
        Argument::optional("metrics", Takes::Texts, "", "the columns of the query that are measured; default all but the first"),
        Argument::optional("decision", Takes::Text, "", "what was decided, as ALTER EXPERIMENT writes it"),
        Argument::optional("decided_by", Takes::Text, "", "who decided, as ALTER EXPERIMENT writes it"),
        Argument::optional("decided_at", Takes::Text, "", "when, in UTC, as ALTER EXPERIMENT writes it"),
        Argument::optional("comment", Takes::Text, "", "what it is for"),
        Argument::optional("owner", Takes::Text, "", "the person responsible"),
    ],
    examples: &["CREATE PROFILE member WITH (key = 'customer_id') AS SELECT customer_id, age FROM sample_customers(rows => 200);
CREATE SEGMENT young ON member AS age < 40;
REFRESH PROFILE member WITH (as_of = DATE '2025-05-31');
CREATE EXPERIMENT free_delivery ON member WITH (segment = 'young', start = '2025-06-01', end = '2025-06-30') AS
SELECT customer_id, sum(amount) AS revenue, count(*) AS orders FROM sample_orders(rows => 2000) WHERE ordered_at >= DATE '2025-06-01' GROUP BY customer_id;
SELECT variant, count(*) AS customers FROM experiment_assignments(free_delivery) GROUP BY variant ORDER BY variant;
ALTER EXPERIMENT free_delivery SET DECISION 'ship it';
SELECT name, segment, decision FROM system.experiments;"],
    ..STATEMENT
};

/// The kind.
#[derive(Debug)]
pub struct ExperimentKind;

impl Grammar for ExperimentKind {
    fn word(&self) -> &'static str {
        "experiment"
    }

    fn is_on_table(&self) -> bool {
        true
    }
}

const COLUMNS: [Column; 19] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "profile", data_type: "VARCHAR", text: "the profile that it is on" },
    Column { name: "segment", data_type: "VARCHAR", text: "the segment whose members take part; NULL for the whole profile" },
    Column { name: "state", data_type: "VARCHAR", text: "`planned`, `running`, `ended` or `decided`" },
    Column { name: "groups", data_type: "VARCHAR", text: "its groups with their shares" },
    Column { name: "control", data_type: "VARCHAR", text: "the group that others are compared with" },
    Column { name: "salt", data_type: "VARCHAR", text: "text that the assignment depends on, together with the key" },
    Column { name: "start_time", data_type: "TIMESTAMP", text: "when it begins, in UTC" },
    Column { name: "end_time", data_type: "TIMESTAMP", text: "when it ends (the end of its last day or second), in UTC" },
    Column { name: "metrics", data_type: "VARCHAR", text: "the columns that are measured; NULL for all of the query" },
    Column { name: "decision", data_type: "VARCHAR", text: "what was decided" },
    Column { name: "decided_by", data_type: "VARCHAR", text: "the role that decided; NULL where there are no roles" },
    Column { name: "decided_at", data_type: "VARCHAR", text: "when, in UTC" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "comment", data_type: "VARCHAR", text: "what it is for" },
    Column { name: "owner", data_type: "VARCHAR", text: "the person responsible" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created it" },
];

/// Reads a definition.
///
/// # Errors
/// The definition is wrong.
pub fn read(definition: &Definition) -> Result<ExperimentDefinition> {
    definition.constants(None)?;
    let (label, options) = (definition.object.label(), &definition.options);
    let profile = definition.table.as_ref().and_then(|name| name.0.last()?.as_ident().map(normal)).unwrap_or_default();
    let moment = |name: &str| -> Result<Option<i64>> {
        let Some(moment) = options.moment(name) else { return Ok(None) };
        moment.last_microsecond().map(Some).ok_or_else(|| invalid(&label, format!("{name} is out of range")))
    };
    let Some(known_at) = moment("start")? else {
        return Err(invalid(&label, "start is missing; write WITH (start = '2025-06-01', …) before AS"));
    };
    let start = match options.moment("start") {
        // A DATE as the start means its midnight, unlike for the customers known by then.
        Some(Moment::Day(day)) => i64::from(*day) * 86_400_000_000,
        _ => known_at,
    };
    let end = moment("end")?;
    if end.is_some_and(|end| end < start) {
        return Err(invalid(&label, "end must not lie before start"));
    }
    let groups: Vec<String> = match options.names("groups") {
        Some(groups) => groups.to_vec(),
        None => ["control", "treatment"].map(String::from).to_vec(),
    };
    let problem = |problem: String| Err(invalid(&label, problem));
    if groups.len() < 2 || groups.iter().any(|group| group.trim().is_empty()) {
        return problem("groups must be two names or more, none of them blank".into());
    }
    if let Some(twice) = groups.iter().enumerate().find(|(place, group)| groups[..*place].contains(group)) {
        return problem(format!("groups names {} twice", twice.1));
    }
    let shares = match options.floats("shares") {
        Some(shares) => shares.to_vec(),
        None => vec![1.0 / groups.len() as f64; groups.len()],
    };
    if shares.len() != groups.len() {
        return problem(format!("shares must be as many as groups, got {} for {}", shares.len(), groups.len()));
    }
    let sum: f64 = shares.iter().sum();
    if sum > 1.0 + 1e-9 {
        return problem(format!("shares must add up to at most 1, got {sum}"));
    }
    let control = options.text("control").map_or_else(|| groups[0].clone(), str::to_string);
    if !groups.contains(&control) {
        let suggestion = did_you_mean(&control, groups.iter().map(String::as_str));
        return problem(format!("control must be one of the groups {}, got '{control}'{suggestion}", groups.join(", ")));
    }
    Ok(ExperimentDefinition {
        profile,
        segment: given(definition.text("segment")),
        groups,
        shares,
        control,
        salt: options.text("salt").map_or_else(|| definition.object.name.clone(), str::to_string),
        start,
        known_at,
        end,
        metrics: options.names("metrics").map(<[String]>::to_vec),
        query: Box::new(definition.query()?.clone()),
    })
}

/// The properties that must not change while an experiment runs.
fn assignment(read: &ExperimentDefinition) -> (&str, &Option<String>, &[String], &[f64], &str, i64) {
    (&read.profile, &read.segment, &read.groups, &read.shares, &read.salt, read.start)
}

fn state(definition: &Definition, read: &ExperimentDefinition, now: i64) -> &'static str {
    if !definition.text("decision").is_empty() {
        return "decided";
    }
    match read.end {
        _ if now < read.start => "planned",
        Some(end) if now > end => "ended",
        _ => "running",
    }
}

fn groups(read: &ExperimentDefinition) -> String {
    let one = |(group, share): (&String, &f64)| format!("{group} {share}");
    read.groups.iter().zip(&read.shares).map(one).collect::<Vec<_>>().join(", ")
}

impl Kind for ExperimentKind {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let mut uses = definition.query().map(Uses::of).unwrap_or_default();
        let profile = definition.table.as_ref().and_then(|name| name.0.last()?.as_ident().map(normal)).unwrap_or_default();
        uses.profiles.push(ProfileUse { profile, columns: Some(std::collections::BTreeSet::new()) });
        uses.segments.extend(given(definition.text("segment")));
        uses
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.experiments.contains(&object.name)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            let read = read(&definition)?;
            let inside = context.entering(&object.label(), &object.owner)?;
            let whole = profile::whole(&read.profile, context)?;
            inside.check_may(Privilege::Select, &whole.own.object)?;
            if let Some(segment) = &read.segment {
                let own = || whole.segments.iter().map(|(part, _)| part.object.name.as_str());
                if !own().any(|name| name == segment) {
                    let suggestion = did_you_mean(segment, own());
                    let problem =
                        format!("profile {} has no segment {segment}{suggestion}; SHOW SEGMENTS lists them", read.profile);
                    return Err(coded(SqlState::UNDEFINED_OBJECT, &object.label(), problem));
                }
            }
            check_begun(object, &read, context)?;
            let parsed = SqlParsed::Statement(Box::new(SqlStatement::Query(read.query.clone())));
            let planned = coerced(plan(&parsed, &inside).await?, &object.label(), &inside)?;
            check_columns(object, &read, planned.schema().inner())?;
            Ok(vec![])
        })
    }

    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        let read = read(definition)?;
        let mut told = vec![("profile".to_string(), read.profile.clone())];
        told.extend(read.segment.clone().map(|segment| ("segment".to_string(), segment)));
        told.extend([
            ("state".to_string(), state(definition, &read, context.now()).to_string()),
            ("groups".to_string(), groups(&read)),
            ("control".to_string(), read.control.clone()),
            ("salt".to_string(), read.salt.clone()),
            ("start".to_string(), timestamp(read.start)),
        ]);
        told.extend(read.end.map(|end| ("end".to_string(), timestamp(end))));
        told.extend(read.metrics.as_ref().map(|metrics| ("metrics".to_string(), metrics.join(", "))));
        for option in ["decision", "decided_by", "decided_at"] {
            told.extend(given(definition.text(option)).map(|text| (option.to_string(), text)));
        }
        Ok(told)
    }

    fn system_table(&self) -> &'static str {
        "experiments"
    }

    fn listed(&self) -> &'static str {
        "Experiments: who takes part, what is measured, what was decided."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let experiments = definitions.iter().map(read).collect::<Result<Vec<_>>>()?;
        let of = |get: fn(&Definition) -> &str| text(definitions.iter().map(move |definition| given(get(definition))));
        let said = |get: fn(&ExperimentDefinition) -> Option<String>| text(experiments.iter().map(get));
        let states = definitions.iter().zip(&experiments).map(|(definition, read)| state(definition, read, context.now()));
        Ok(vec![
            of(|definition| &definition.object.name),
            said(|read| given(&read.profile)),
            said(|read| read.segment.clone()),
            text(states.map(|state| Some(state.to_string()))),
            said(|read| Some(groups(read))),
            said(|read| given(&read.control)),
            said(|read| given(&read.salt)),
            time(experiments.iter().map(|read| Some(read.start))),
            time(experiments.iter().map(|read| read.end)),
            said(|read| read.metrics.as_ref().map(|metrics| metrics.join(", "))),
            of(|definition| definition.text("decision")),
            of(|definition| definition.text("decided_by")),
            of(|definition| definition.text("decided_at")),
            number(definitions.iter().map(|definition| Some(definition.object.version))),
            of(|definition| definition.comment()),
            of(|definition| definition.text("owner")),
            of(|definition| &definition.object.author),
            of(|definition| &definition.object.created_at),
            of(|definition| &definition.object.sql),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, profile, segment, state, groups, start_time, end_time, decision FROM system.experiments ORDER BY start_time, name"
    }
}

/// Refuses changes that would move customers between groups.
fn check_begun(object: &Object, new: &ExperimentDefinition, context: &StatementContext) -> Result<()> {
    let before = context.view().objects()?.iter().find(|own| own.kind == object.kind && own.name == object.name).cloned();
    let Some(before) = before.filter(|before| before.id == object.id) else { return Ok(()) };
    let Ok(old) = Definition::read(before, context.session()).and_then(|definition| read(&definition)) else { return Ok(()) };
    if assignment(&old) == assignment(new) || context.now() < old.start {
        return Ok(());
    }
    let problem = "has begun; profile, segment, groups, shares, salt and start stay as they are, as customers would change groups; make another experiment";
    Err(invalid(&object.label(), problem))
}

/// Checks the metrics among the query's columns.
fn check_columns(object: &Object, read: &ExperimentDefinition, columns: &SchemaRef) -> Result<()> {
    let names: Vec<&str> = columns.fields().iter().skip(1).map(|field| field.name().as_str()).collect();
    if names.is_empty() {
        return Err(invalid(&object.label(), "its query gives the key only; add a column for each metric"));
    }
    for metric in read.metrics.iter().flatten() {
        if !names.contains(&metric.as_str()) {
            let suggestion = did_you_mean(metric, names.iter().copied());
            let problem = format!("metrics names {metric}{suggestion}; the query gives {}", names.join(", "));
            return Err(invalid(&object.label(), problem));
        }
    }
    let own = ["key", "variant"];
    match names.iter().find(|name| own.contains(name)) {
        Some(taken) => Err(invalid(&object.label(), format!("a metric cannot be called {taken}; give it another name with AS"))),
        None => Ok(()),
    }
}

/// Records a decision, or withdraws it.
///
/// # Errors
/// There is no such experiment, or the role does not own it.
pub async fn decide(name: &str, decision: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    context.settled(|context| async move { decided(name, decision, &context) }).await
}

fn decided(name: &str, decision: Option<&str>, context: &StatementContext) -> Result<Vec<String>> {
    let target = Target { grammar: &ExperimentKind, name: name.to_string(), profile: None };
    let Some(existing) = find(context, &target)? else { return Err(missing(context, &target)?) };
    context.check_owns(&existing)?;
    if decision.is_some_and(|decision| decision.trim().is_empty()) {
        return Err(invalid(&existing.label(), "a decision must not be empty; RESET DECISION withdraws it"));
    }
    let said = decision.map(|decision| {
        [("decision", decision.to_string()), ("decided_by", context.role().to_string()), ("decided_at", timestamp(context.now()))]
    });
    with_options(&existing, &["decision", "decided_by", "decided_at"], said.as_ref().map_or(&[][..], |said| &said[..]), context)?;
    Ok(vec![])
}
