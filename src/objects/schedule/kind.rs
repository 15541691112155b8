//! The object kind `SCHEDULE`.

use datafusion::common::Result;
use futures::future::BoxFuture;
use sqlparser::parser::{Parser, ParserError};

use super::Schedule;
use super::page::DOC;
use crate::catalog::grants::Privilege;
use crate::catalog::objects::Object;
use crate::catalog::schedules::State;
use crate::docs::{Column, Doc};
use crate::error::{SqlState, coded, did_you_mean};
use crate::objects::definition::Definition;
use crate::objects::kind::{Kind, Uses, Values};
use crate::objects::lifecycle::{NewObject, definitions, remember};
use crate::objects::values::{given, number, share, text, time};
use crate::sql::command::{Body, Grammar};
use crate::sql::places::refuse_own_read;
use crate::sql::schedule::{Script, script};
use crate::sql::written::Written;
use crate::statement::{RunningPlan, StatementContext};
use crate::text::{identifier, timestamp};

/// The kind.
#[derive(Debug)]
pub struct ScheduleKind;

impl Grammar for ScheduleKind {
    fn word(&self) -> &'static str {
        "schedule"
    }

    fn keeps_parameters(&self) -> bool {
        true
    }

    fn body(&self, parser: &mut Parser<'_>) -> Result<Body, ParserError> {
        script(parser).map(Body::Script)
    }
}

const COLUMNS: [Column; 23] = [
    Column { name: "name", data_type: "VARCHAR", text: "its name" },
    Column { name: "state", data_type: "VARCHAR", text: "`active`, `running` or `paused`" },
    Column { name: "cron", data_type: "VARCHAR", text: "its times, as a cron expression" },
    Column { name: "every", data_type: "DOUBLE", text: "the interval between runs, in seconds, if it has no cron expression" },
    Column { name: "timezone", data_type: "VARCHAR", text: "the time zone of the cron expression" },
    Column { name: "depends_on", data_type: "VARCHAR", text: "the schedules that must have succeeded" },
    Column { name: "next_run", data_type: "TIMESTAMP", text: "when it runs next, in UTC; NULL while it is paused" },
    Column {
        name: "lag",
        data_type: "DOUBLE",
        text: "how late its oldest time not yet started is, in seconds; 0 if it is on time",
    },
    Column { name: "last_run", data_type: "TIMESTAMP", text: "when its last attempt began, in UTC" },
    Column { name: "last_status", data_type: "VARCHAR", text: "how that attempt ended" },
    Column { name: "last_success", data_type: "TIMESTAMP", text: "the scheduled time of the last successful run, in UTC" },
    Column { name: "attempts", data_type: "BIGINT", text: "number of attempts so far for the current time" },
    Column { name: "on_missed", data_type: "VARCHAR", text: "what happens with missed times" },
    Column { name: "retries", data_type: "BIGINT", text: "how many times a failed attempt is repeated" },
    Column { name: "timeout", data_type: "DOUBLE", text: "the longest time that an attempt may take, in seconds" },
    Column { name: "script", data_type: "VARCHAR", text: "the file that it runs, or its statements" },
    Column { name: "owner", data_type: "VARCHAR", text: "the role that it runs as" },
    Column { name: "version", data_type: "BIGINT", text: "the version of its definition" },
    Column { name: "author", data_type: "VARCHAR", text: "the author of this version" },
    Column { name: "created_at", data_type: "VARCHAR", text: "when this version was created, in UTC" },
    Column { name: "comment", data_type: "VARCHAR", text: "what it is for" },
    Column { name: "problem", data_type: "VARCHAR", text: "error of its last attempt" },
    Column { name: "definition", data_type: "VARCHAR", text: "the statement that created it" },
];

/// The schedule of a definition, and its state.
fn with_state(definition: &Definition, context: &StatementContext) -> Result<(Schedule, State)> {
    let schedule = Schedule::of(definition)?;
    let states = context.catalog().schedule_states()?;
    let state = states.into_iter().find(|state| state.object == schedule.id);
    Ok((schedule, state.unwrap_or_default()))
}

/// When it runs next.
fn next_run(schedule: &Schedule, state: &State, now: i64) -> Option<i64> {
    if state.is_paused {
        return None;
    }
    state.retry_at.map(|at| at.max(now)).or_else(|| schedule.next(now))
}

/// Microseconds since its first time that has not been run.
fn lag(schedule: &Schedule, state: &State, now: i64) -> Option<i64> {
    if state.is_paused {
        return None;
    }
    let first = schedule.next(state.settled.unwrap_or(schedule.made_at));
    Some(first.map_or(0, |first| (now - first).max(0)))
}

/// The lag of the schedule that is furthest behind, in microseconds; `None` when no schedule is active.
///
/// # Errors
/// The catalog cannot be read.
pub fn longest_lag(context: &StatementContext) -> Result<Option<i64>> {
    let states = context.catalog().schedule_states()?;
    let mut longest = None;
    for definition in definitions(&ScheduleKind, context)? {
        let schedule = Schedule::of(&definition)?;
        let state = states.iter().find(|state| state.object == schedule.id).cloned().unwrap_or_default();
        longest = longest.max(lag(&schedule, &state, context.now()));
    }
    Ok(longest)
}

fn state_word(state: &State) -> &'static str {
    match state {
        State { running: Some(_), .. } => "running",
        State { is_paused: true, .. } => "paused",
        _ => "active",
    }
}

impl Kind for ScheduleKind {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn uses(&self, definition: &Definition) -> Uses {
        let schedules = definition.options.names("depends_on").unwrap_or_default().to_vec();
        Uses { schedules, ..Uses::default() }
    }

    fn is_named_in(&self, object: &Object, uses: &Uses) -> bool {
        uses.schedules.contains(&object.name)
    }

    fn check<'a>(&'a self, object: &'a Object, context: &'a StatementContext) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let definition = Definition::read(object.clone(), context.session())?;
            let schedule = Schedule::of(&definition)?;
            if let Script::File(file) = &schedule.script {
                context.check_files(Privilege::Read, file)?;
                crate::files::places::check(file, &schedule.base, context.places())?;
                refuse_own_read(file, context)?;
            }
            if (schedule.on_failure.is_some() || schedule.on_success.is_some()) && !context.rights()?.is_superuser() {
                let problem = "only roles with SUPERUSER may set on_failure and on_success: the server itself opens these URLs";
                return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &object.label(), problem));
            }
            schedule.check_script(context.session())?;
            check_dependencies(object, &schedule, context)?;
            Ok(vec![])
        })
    }

    fn make<'a>(
        &'a self,
        new: &'a NewObject,
        context: &'a StatementContext,
        _running: &'a RunningPlan,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let notes = remember(&Self, new, context).await?;
            trust(&new.object.name, context)?;
            Ok(notes)
        })
    }

    fn describe(&self, definition: &Definition, context: &StatementContext) -> Result<Vec<(String, String)>> {
        let (schedule, state) = with_state(definition, context)?;
        let shown = |time: Option<i64>| time.map(timestamp).unwrap_or_default();
        let script = match &schedule.script {
            Script::File(file) => file.clone(),
            Script::Text(text) => text.text.trim().to_string(),
        };
        let next: Vec<String> = match state.is_paused {
            true => vec![],
            false => std::iter::successors(next_run(&schedule, &state, context.now()), |time| schedule.next(*time))
                .take(3)
                .map(timestamp)
                .collect(),
        };
        let said = [
            ("state", state_word(&state).to_string()),
            ("cron", definition.text("cron").to_string()),
            ("timezone", if definition.text("cron").is_empty() { "" } else { zone(definition) }.to_string()),
            ("every", schedule.times.strip_prefix("every ").map_or_else(String::new, seconds)),
            ("depends_on", schedule.depends_on.join(", ")),
            ("next runs", next.join(", ")),
            ("last_success", shown(state.last_success)),
            ("script", script),
        ];
        Ok(said.map(|(property, value)| (property.to_string(), value)).to_vec())
    }

    fn system_table(&self) -> &'static str {
        "schedules"
    }

    fn listed(&self) -> &'static str {
        "The schedules, with their last and their next run."
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn values(&self, definitions: &[Definition], context: &StatementContext) -> Result<Values> {
        let states = context.catalog().schedule_states()?;
        let of_state = |id: i64| states.iter().find(|state| state.object == id).cloned().unwrap_or_default();
        let all =
            definitions.iter().map(|definition| Ok((definition, Schedule::of(definition)?, of_state(definition.object.id))));
        let all: Vec<(&Definition, Schedule, State)> = all.collect::<Result<_>>()?;
        let latest = context.catalog().latest_runs()?;
        let run_of = |id: i64| latest.iter().find(|run| run.schedule == id);
        let in_seconds = |micros: i64| micros as f64 / 1e6;
        Ok(vec![
            text(all.iter().map(|(_, schedule, _)| Some(schedule.name.clone()))),
            text(all.iter().map(|(_, _, state)| Some(state_word(state).to_string()))),
            text(all.iter().map(|(definition, ..)| given(definition.text("cron")))),
            share(all.iter().map(|(_, schedule, _)| {
                schedule.times.strip_prefix("every ").and_then(|every| every.parse().ok()).map(in_seconds)
            })),
            text(all.iter().map(|(definition, ..)| given(definition.text("cron")).map(|_| zone(definition).to_string()))),
            text(all.iter().map(|(_, schedule, _)| given(&schedule.depends_on.join(", ")))),
            time(all.iter().map(|(_, schedule, state)| next_run(schedule, state, context.now()))),
            share(all.iter().map(|(_, schedule, state)| lag(schedule, state, context.now()).map(in_seconds))),
            time(all.iter().map(|(_, schedule, _)| run_of(schedule.id).map(|run| run.started_at))),
            text(all.iter().map(|(_, schedule, _)| run_of(schedule.id).map(|run| run.status.clone()))),
            time(all.iter().map(|(_, _, state)| state.last_success)),
            number(all.iter().map(|(_, _, state)| state.attempt.as_ref().map(|attempt| attempt.number))),
            text(all.iter().map(|(definition, ..)| definition.options.word("on_missed").ok().map(str::to_string))),
            number(all.iter().map(|(_, schedule, _)| Some(schedule.retries))),
            share(all.iter().map(|(_, schedule, _)| schedule.timeout.map(in_seconds))),
            text(all.iter().map(|(_, schedule, _)| match &schedule.script {
                Script::File(file) => Some(file.clone()),
                Script::Text(text) => Some(text.text.trim().to_string()),
            })),
            text(all.iter().map(|(_, schedule, _)| given(&schedule.owner))),
            number(all.iter().map(|(_, schedule, _)| Some(schedule.version))),
            text(all.iter().map(|(definition, ..)| given(&definition.object.author))),
            text(all.iter().map(|(definition, ..)| Some(definition.object.created_at.clone()))),
            text(all.iter().map(|(definition, ..)| given(definition.comment()))),
            text(all.iter().map(|(_, schedule, _)| run_of(schedule.id).and_then(|run| given(&run.message)))),
            text(all.iter().map(|(definition, ..)| Some(definition.object.sql.clone()))),
        ])
    }

    fn shown(&self) -> &'static str {
        "SELECT name, state, coalesce(cron, 'every ' || CAST(CAST(every AS BIGINT) AS VARCHAR) || ' s', 'after ' || depends_on) AS times, timezone, next_run, last_run,
            last_status, comment FROM system.schedules ORDER BY name"
    }

    /// With the absolute path of the file, and paused if it is.
    fn dump(&self, definition: &Definition, _written: Written, context: &StatementContext) -> Result<String> {
        let (schedule, state) = with_state(definition, context)?;
        let script = schedule.file().map(|file| Script::File(file.display().to_string()));
        let mut sql = super::altering::written(definition, context, None, script)?;
        if state.is_paused {
            sql.push_str(&format!(";\nPAUSE SCHEDULE {}", identifier(&schedule.name)));
        }
        Ok(sql)
    }
}

/// Records that the newest version of a schedule may read and write all files, if its author may.
///
/// # Errors
/// The catalog cannot be written.
pub fn trust(name: &str, context: &StatementContext) -> Result<()> {
    if context.places().is_some() || context.catalog().is_transaction() {
        return Ok(());
    }
    context.catalog().trust_schedule(name)
}

fn zone(definition: &Definition) -> &str {
    definition.options.text("timezone").unwrap_or("UTC")
}

fn seconds(microseconds: &str) -> String {
    microseconds.parse::<i64>().map_or_else(|_| String::new(), |length| format!("{} s", length / 1_000_000))
}

/// Refuses dependencies on schedules that do not exist, and cycles.
fn check_dependencies(object: &Object, schedule: &Schedule, context: &StatementContext) -> Result<()> {
    let label = object.label();
    let objects = context.objects()?;
    let others: Vec<&Object> = objects.iter().filter(|other| other.kind == "schedule").collect();
    let named = |name: &str| others.iter().copied().find(|other| other.name == *name);
    let mut path = vec![(schedule.name.clone(), schedule.depends_on.clone())];
    let mut seen: Vec<String> = vec![];
    while let Some((name, waits_for)) = path.last_mut() {
        let Some(next) = waits_for.pop() else {
            seen.push(std::mem::take(name));
            path.pop();
            continue;
        };
        if let Some(place) = path.iter().position(|(name, _)| *name == next) {
            let circle: Vec<&str> = path[place..].iter().map(|(name, _)| name.as_str()).chain([next.as_str()]).collect();
            let problem = format!("depends_on leads back to itself: {}", circle.join(" → "));
            return Err(coded(SqlState::INVALID_OBJECT_DEFINITION, &label, problem));
        }
        if seen.contains(&next) {
            continue;
        }
        let Some(other) = named(&next) else {
            let suggestion = did_you_mean(&next, others.iter().map(|other| other.name.as_str()));
            let problem = format!("depends_on: no such schedule {next}{suggestion}; CREATE SCHEDULE {next} first");
            return Err(coded(SqlState::UNDEFINED_OBJECT, &label, problem));
        };
        let definition = Definition::read(other.clone(), context.session())?;
        path.push((next, definition.options.names("depends_on").unwrap_or_default().to_vec()));
    }
    Ok(())
}
