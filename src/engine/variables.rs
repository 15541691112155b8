//! PostgreSQL's settings in a session: SET, RESET and SHOW, and their side effects.
//!
//! They are stored next to the engine's own settings, where functions and tables that show settings find them.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{LogicalPlan, SetVariable, Statement as LogicalStatement};
use futures::FutureExt;

use super::Session;
use super::answer::Answer;
use super::prepared::Parameters;
use super::transactions::TransactionStatus;
use crate::calendar;
use crate::error::{SqlState, coded, failed, invalid};
use crate::objects::role;
use crate::postgres_settings::{Given, checked, milliseconds, setting, told};

/// The settings whose changes are reported to clients, as PostgreSQL does.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "search_path",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

impl Session {
    fn options<T>(&self, read: impl FnOnce(&ConfigOptions) -> T) -> T {
        let state = self.context.state_ref();
        let state = state.read();
        read(state.config_options())
    }

    /// True when the role is a superuser.
    fn is_superuser(&self) -> bool {
        let role = self.current_role();
        let mut known = self.superuser.lock();
        match &*known {
            // Asked after every statement, and as in PostgreSQL the same until the role changes.
            Some((of, is)) if *of == role => *is,
            _ => {
                let context = self.statement(Parameters::default());
                let is = context.rights().is_ok_and(|rights| rights.is_superuser());
                *known = Some((role, is));
                is
            }
        }
    }

    /// The settings of the session.
    pub(super) fn given(&self) -> Given {
        self.options(crate::postgres_settings::given)
    }

    /// The value of a setting, by its name in small letters.
    pub(super) fn value_of(&self, name: &str) -> Option<String> {
        self.options(|options| crate::postgres_settings::value(name, options, &self.login))
    }

    /// True when a setting, by its name in small letters, is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.options(|options| options.extensions.get::<Given>()?.values.get(name).map(|value| value == "on")).unwrap_or(false)
    }

    /// How long its client may be idle, and the setting that says so; `None` for as long as it likes.
    pub fn idle_limit(&self) -> Option<(&'static str, Duration)> {
        let name = match self.transaction_status() {
            TransactionStatus::Idle => "idle_session_timeout",
            TransactionStatus::Active | TransactionStatus::Failed => "idle_in_transaction_session_timeout",
        };
        let limit = self.options(|options| milliseconds(name, options)).filter(|limit| *limit > 0)?;
        Some((name, Duration::from_millis(limit)))
    }

    /// The time zone in which instants are displayed.
    pub fn time_zone(&self) -> Tz {
        let zone = self.options(|options| options.execution.time_zone.clone());
        let utc = || "+00:00".parse().unwrap_or_else(|_| unreachable!("UTC is a zone"));
        zone.and_then(|zone| zone.parse().ok()).unwrap_or_else(utc)
    }

    /// What the values of settings follow from: the same options, and the same role, as long as none is set.
    pub fn options_of_role(&self) -> (Arc<ConfigOptions>, Arc<str>) {
        let state = self.context.state_ref();
        let options = Arc::clone(state.read().config().options());
        (options, self.current_role())
    }

    /// The settings that are reported to clients of a server, with their current values.
    pub fn reported(&self) -> Vec<(String, String)> {
        let value = |name: &str| match name {
            "is_superuser" => Some(if self.is_superuser() { "on".into() } else { "off".into() }),
            name => self.options(|options| told(name, options, &self.login)),
        };
        REPORTED.iter().filter_map(|name| Some(((*name).to_string(), value(name)?))).collect()
    }

    /// Sets a setting together with the value that RESET restores: for what a client requests when it connects.
    ///
    /// # Errors
    /// An unknown setting, or a value that it does not accept.
    pub fn set_default(&self, name: &str, value: &str) -> Result<()> {
        let lower = name.to_lowercase();
        self.set(&lower, Some(value))?;
        if let Some(kept) = self.given().values.get(&lower) {
            self.defaults.lock().values.insert(lower, kept.clone());
        }
        Ok(())
    }

    /// Sets a setting; `None` resets it to its default.
    ///
    /// # Errors
    /// As [`Self::set_default`].
    pub(super) fn set(&self, name: &str, value: Option<&str>) -> Result<()> {
        let default = self.defaults.lock().values.get(name).cloned();
        let kept = match value {
            Some(value) => Some(self.changed(name, value)?),
            None if setting(name).is_none() && !name.contains('.') => return checked(name, "").map(|_| ()),
            None => default,
        };
        self.take_effect(name, kept.as_deref())?;
        let mut given = self.given();
        match kept {
            Some(kept) => drop(given.values.insert(name.into(), kept)),
            None => drop(given.values.remove(name)),
        }
        self.keep(given);
        Ok(())
    }

    /// A value in the form in which it is stored.
    fn changed(&self, name: &str, value: &str) -> Result<String> {
        match name {
            "timezone" => zone_of(value).map(|(kept, _)| kept),
            "role" | "session_authorization" => {
                if value.eq_ignore_ascii_case("none") {
                    return Ok("none".into());
                }
                // Depends on the role that opened the session, whatever the current role is.
                let context = self.as_login().statement(Parameters::default());
                if value != &*self.login && (role::known(value, &context)?.is_none() || !context.rights()?.is_member(value)) {
                    let problem = format!(
                        "cannot become {value}: {} is not a member of that role; GRANT {value} TO {}",
                        self.login, self.login
                    );
                    return Err(coded(SqlState::INSUFFICIENT_PRIVILEGE, &self.login, problem));
                }
                Ok(value.to_string())
            }
            name => checked(name, value),
        }
    }

    /// Applies the side effects of a setting.
    fn take_effect(&self, name: &str, value: Option<&str>) -> Result<()> {
        match name {
            "application_name" => {
                if let Some(connection) = self.connection() {
                    connection.set_application(value.unwrap_or_default());
                }
                Ok(())
            }
            "timezone" => {
                let zone = value.map(zone_of).transpose()?.map_or_else(|| "+00:00".to_string(), |(_, zone)| zone);
                // Set as a statement, so that DataFusion updates its time functions, which keep their own copy of the zone.
                let set = SetVariable { variable: "datafusion.execution.time_zone".into(), value: zone };
                let plan = LogicalPlan::Statement(LogicalStatement::SetVariable(set));
                let done = self.context.execute_logical_plan(plan).now_or_never();
                done.unwrap_or_else(|| Err(failed("TimeZone", "could not be set at once"))).map(|_| ())
            }
            "role" | "session_authorization" => {
                let role = value.filter(|role| !role.eq_ignore_ascii_case("none") && **role != *self.login);
                *self.role.lock() = role.map(Into::into);
                self.tables.let_go();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Stores the settings.
    pub(super) fn keep(&self, given: Given) {
        let state = self.context.state_ref();
        state.write().config_mut().options_mut().extensions.insert(given);
    }

    /// Restores earlier settings.
    ///
    /// # Errors
    /// None in practice: the values were accepted before.
    pub(super) fn put_back(&self, given: Given) -> Result<()> {
        for name in ["timezone", "search_path", "role", "session_authorization"] {
            let before = given.values.get(name);
            if before != self.given().values.get(name) {
                self.take_effect(name, before.map(String::as_str))?;
            }
        }
        self.keep(given);
        Ok(())
    }

    /// Resets every setting: PostgreSQL's, Portrait's and the engine's.
    ///
    /// # Errors
    /// None in practice.
    pub(super) fn reset_all(&self) -> Result<()> {
        {
            let state = self.context.state_ref();
            *state.write().config_mut().options_mut() = self.first_options.as_ref().clone();
        }
        let defaults = self.defaults.lock().clone();
        for name in ["timezone", "search_path", "role", "session_authorization"] {
            self.take_effect(name, defaults.values.get(name).map(String::as_str))?;
        }
        self.keep(defaults);
        Ok(())
    }

    /// The column in which SHOW answers.
    pub(super) fn column_of_setting(name: &str) -> SchemaRef {
        let named = setting(name).map_or(name, |setting| setting.name);
        Arc::new(Schema::new(vec![Field::new(named, DataType::Utf8, false)]))
    }

    /// The answer of SHOW: one row, in a column with the setting's name.
    pub(super) fn show(&self, name: &str) -> Result<Answer> {
        let value = match name {
            "is_superuser" => Some(if self.is_superuser() { "on".to_string() } else { "off".into() }),
            name => self.options(|options| told(name, options, &self.login)),
        };
        let value = value.ok_or_else(|| invalid(name, "is not set in this session"))?;
        let schema = Self::column_of_setting(name);
        let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
        Ok(Answer::of(Arc::clone(&schema), vec![RecordBatch::try_new(schema, vec![column])?]))
    }
}

/// A time zone as shown to the user, and as DataFusion takes it. An offset given as text counts west of Greenwich, as in POSIX and so in
/// PostgreSQL: `+08` is eight hours behind; `SET TIME ZONE 8` and `<+08:00>` count east.
fn zone_of(value: &str) -> Result<(String, String)> {
    let wrong = || invalid("TimeZone", format!("must be a zone, such as Asia/Shanghai or UTC, got '{value}'"));
    let text = value.trim();
    let known = |zone: &str| zone.parse::<Tz>().is_ok();
    if let Some(offset) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(offset, _)| offset) {
        return if known(offset) { Ok((text.to_string(), offset.to_string())) } else { Err(wrong()) };
    }
    let upper = text.to_uppercase();
    if matches!(upper.as_str(), "UTC" | "GMT" | "Z" | "ZULU" | "UCT") {
        return Ok((upper, "+00:00".into()));
    }
    let posix = upper.strip_prefix("GMT").or_else(|| upper.strip_prefix("UTC")).unwrap_or(&upper);
    if let Some(offset) = posix.strip_prefix(['+', '-']) {
        let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
        let (hours, minutes): (u32, u32) = (hours.parse().map_err(|_| wrong())?, minutes.parse().map_err(|_| wrong())?);
        if hours > 15 || minutes > 59 {
            return Err(wrong());
        }
        let sign = if posix.starts_with('+') { '-' } else { '+' };
        return Ok((text.to_string(), format!("{sign}{hours:02}:{minutes:02}")));
    }
    let name = calendar::zone_name(text).ok_or_else(wrong)?;
    Ok((name.clone(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_postgresql() {
        let zone = |value: &str| zone_of(value).map(|(_, zone)| zone).ok();
        for (value, expected) in [
            ("Asia/Shanghai", "Asia/Shanghai"),
            ("utc", "+00:00"),
            ("+08", "-08:00"),
            ("GMT-08:00", "+08:00"),
            ("UTC+5:30", "-05:30"),
            ("<+08:00>", "+08:00"),
        ] {
            assert_eq!(zone(value).as_deref(), Some(expected), "{value}");
        }
        assert_eq!((zone("Nowhere/City"), zone("+99"), zone("")), (None, None, None));
    }
}
