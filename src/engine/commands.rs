//! Statements over named objects: what each does in a session.

use std::sync::{Arc, PoisonError};

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::displayable;
use sqlparser::ast::{Expr, Value};

use super::Session;
use super::answer::Answer;
use crate::catalog::objects::ObjectKind;
use crate::catalog::runs::now;
use crate::catalog::statement::settled;
use crate::error::{did_you_mean, invalid};
use crate::objects::models;
use crate::objects::objects::Objects;
use crate::refresh::definition::Definition;
use crate::refresh::refresh;
use crate::refresh::refresh::{AsOf, Wanted};
use crate::sql::command::{Command, Refresh};
use crate::sql::time_travel::moment;
use crate::text::timestamp;

/// A day, in microseconds: clocks and zones differ by at most that.
const DAY: i64 = 86_400_000_000;

impl Session {
    pub(super) fn objects<'a>(&'a self, state: &'a SessionState) -> Objects<'a> {
        Objects { state, catalog: &self.engine.shared.catalog }
    }

    /// Runs a statement over a named object.
    pub(super) async fn command(&self, command: Command, text: &str) -> Result<Answer> {
        let state = self.context.state();
        let objects = self.objects(&state);
        match command {
            Command::Create(create) if create.kind == ObjectKind::Model => {
                let parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (catalog, text) = (Arc::clone(&self.engine.shared.catalog), text.to_string());
                Ok(Answer::work(&self.engine, move |running| async move {
                    Box::pin(models::create(&state, &catalog, *create, &text, &parameters, &running)).await
                }))
            }
            Command::Create(create) => {
                let parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner).clone();
                objects.create(*create, text, &parameters).await.map(Answer::done)
            }
            Command::Drop { kind, name, profile, if_exists } => {
                match objects.find(kind, &name, profile.as_deref())? {
                    Some(object) => objects.drop(&object).await?,
                    None if if_exists => {}
                    None => return Err(objects.missing(kind, &name)?),
                }
                Ok(Answer::done(vec![]))
            }
            Command::Show(kind) => {
                let query = match kind {
                    ObjectKind::Profile => {
                        "SELECT name, key, version, customers, last_refresh, comment FROM system.profiles ORDER BY name"
                    }
                    ObjectKind::Tag => {
                        "SELECT profile, name, path, type, version, coverage, last_refresh, comment FROM system.tags ORDER BY profile, path, name"
                    }
                    ObjectKind::Segment => {
                        "SELECT profile, name, condition, version, customers, last_refresh, comment FROM system.segments ORDER BY profile, name"
                    }
                    ObjectKind::Model => {
                        "SELECT name, type, version, rows_used, metrics, trained_at, comment FROM system.models ORDER BY name"
                    }
                };
                let frame = settled(|| self.context.sql(query)).await?;
                self.start(frame, None).await
            }
            Command::Describe { kind, name, profile } => {
                let Some(object) = objects.find(kind, &name, profile.as_deref())? else {
                    return Err(objects.missing(kind, &name)?);
                };
                let definition = Definition::read(object, &state)?;
                let properties = crate::system::inventory::describe(&self.engine.shared.catalog, definition)?;
                let batch = pairs(["property", "value"], &properties)?;
                self.start(self.context.read_batch(batch)?, None).await
            }
            Command::Refresh(refresh) => {
                let wanted = self.wanted(&objects, &refresh, &state)?;
                let catalog = Arc::clone(&self.engine.shared.catalog);
                Ok(Answer::work(&self.engine, move |running| async move {
                    Box::pin(refresh::refresh(&state, &catalog, wanted, &running)).await
                }))
            }
            Command::ExplainRefresh(refresh) => {
                let wanted = self.wanted(&objects, &refresh, &state)?;
                let plans = settled(|| refresh::explain(&state, &self.engine.shared.catalog, &wanted)).await?;
                let mut rows = vec![];
                for (stage, plan) in plans.iter().enumerate() {
                    let stage = if plans.len() > 1 { format!(" of stage {}", stage + 1) } else { String::new() };
                    let optimised = state.optimize(plan)?;
                    let physical = state.query_planner().create_physical_plan(&optimised, &state).await?;
                    rows.push((format!("logical_plan{stage}"), optimised.display_indent().to_string()));
                    rows.push((format!("physical_plan{stage}"), displayable(physical.as_ref()).indent(false).to_string()));
                }
                self.start(self.context.read_batch(pairs(["plan_type", "plan"], &rows)?)?, None).await
            }
        }
    }

    /// What a REFRESH asks for.
    fn wanted(&self, objects: &Objects<'_>, refresh: &Refresh, state: &SessionState) -> Result<Wanted> {
        let subject = format!("REFRESH {} {}", refresh.kind.word().to_uppercase(), refresh.name);
        let (mut as_of, mut rewind) = (None, false);
        for (name, value) in &refresh.options {
            match (name.as_str(), value) {
                ("as_of", value) => {
                    let parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    as_of = Some(moment(&subject, "as_of", value, state, &parameters)?);
                }
                ("rewind", Expr::Value(value)) if matches!(value.value, Value::Boolean(_)) => {
                    rewind = matches!(value.value, Value::Boolean(true));
                }
                ("rewind", value) => return Err(invalid(&subject, format!("rewind takes true or false, got {value}"))),
                (other, _) => {
                    let suggestion = did_you_mean(other, ["as_of", "rewind"]);
                    return Err(invalid(&subject, format!("no such option: {other}{suggestion}; there is as_of, rewind")));
                }
            }
        }
        if let Some(as_of) = as_of
            && as_of > now().saturating_add(2 * DAY)
        {
            return Err(invalid(&subject, format!("as_of {} lies in the future; nothing is known of it", timestamp(as_of))));
        }
        if refresh.kind != ObjectKind::Segment {
            let profile = refresh.name.clone();
            let as_of = as_of.map_or(AsOf::Now, AsOf::At);
            return Ok(Wanted { profile, tags: refresh.tags.clone(), as_of, rewind });
        }
        let Some(segment) = objects.find(ObjectKind::Segment, &refresh.name, None)? else {
            return Err(objects.missing(ObjectKind::Segment, &refresh.name)?);
        };
        // The tags stay as they are, and so does their time.
        let as_of = as_of.map_or(AsOf::LastRefresh, AsOf::At);
        Ok(Wanted { profile: segment.profile, tags: Some(vec![]), as_of, rewind })
    }
}

/// Pairs of texts as rows.
fn pairs(columns: [&str; 2], pairs: &[(String, String)]) -> Result<RecordBatch> {
    let schema = Schema::new(columns.map(|column| Field::new(column, DataType::Utf8, false)).to_vec());
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(name, _)| name)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(_, value)| value)));
    Ok(RecordBatch::try_new(Arc::new(schema), vec![names, values])?)
}
