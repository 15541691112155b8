//! The request of a REFRESH statement.

use datafusion::common::{Result, ScalarValue};

use super::definition::constant_or_parameter;
use super::lifecycle::{find, missing, profiles};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Takes};
use crate::error::{did_you_mean, invalid};
use crate::refresh::plan::no_profile;
use crate::refresh::refresh::{AsOf, RefreshRequest};
use crate::sql::command::Refresh;
use crate::sql::time_travel::moment;
use crate::statement::StatementContext;
use crate::text::timestamp;

/// A day in microseconds; clocks and time zones differ by at most that.
const DAY: i64 = 86_400_000_000;

/// The options of REFRESH.
static OPTIONS: Doc = Doc {
    name: "REFRESH",
    arguments: &[
        Argument::optional("as_of", Takes::Moment, "", "the time that the profile is computed for; default now"),
        Argument::optional("rewind", Takes::Flag, "false", "whether what came after that time is withdrawn"),
    ],
    ..Doc::EMPTY
};

/// Reads the request of a REFRESH statement.
///
/// # Errors
/// There is no such object, or an option is wrong.
pub fn requested(refresh: &Refresh, context: &StatementContext) -> Result<RefreshRequest> {
    let target = &refresh.target;
    let subject = format!("REFRESH {} {}", target.grammar.word().to_uppercase(), target.name);
    let mut given: Vec<(&'static str, ScalarValue)> = vec![];
    for (name, value) in &refresh.options {
        let Some(argument) = OPTIONS.argument(name) else {
            let suggestion = did_you_mean(name, OPTIONS.arguments.iter().map(|argument| argument.name));
            return Err(invalid(&subject, format!("no such option: {name}{suggestion}; there is as_of, rewind")));
        };
        let value = match argument.takes {
            Takes::Moment => {
                let time = moment(&subject, name, value, &context.state(), context.parameters())?;
                ScalarValue::TimestampMicrosecond(Some(time), None)
            }
            _ => constant_or_parameter(&subject, name, value, context.parameters())?,
        };
        given.push((argument.name, value));
    }
    let options = Options::read_for(&subject, &OPTIONS, given)?;
    let as_of = options.moment("as_of").and_then(crate::adapter::arguments::Moment::last_microsecond);
    let rewind = options.flag("rewind")?;
    if let Some(as_of) = as_of
        && as_of > context.now().saturating_add(2 * DAY)
    {
        return Err(invalid(&subject, format!("as_of {} lies in the future; its data is not known yet", timestamp(as_of))));
    }
    if !target.grammar.is_of_profile() {
        // Here, as an error of the refresh itself tells a role that does not own the profile nothing.
        if !profiles(&context.all_objects()?).any(|profile| profile == target.name) {
            return Err(context.unseen(no_profile(&target.name, profiles(&context.objects()?)), &target.name));
        }
        let as_of = as_of.map_or(AsOf::Now, AsOf::At);
        return Ok(RefreshRequest { profile: target.name.clone(), tags: refresh.tags.clone(), segment: None, as_of, rewind });
    }
    let Some(segment) = find(context, target)? else { return Err(missing(context, target)?) };
    // Tags keep their values, and so their time.
    let as_of = as_of.map_or(AsOf::LastRefresh, AsOf::At);
    Ok(RefreshRequest { profile: segment.profile, tags: Some(vec![]), segment: Some(segment.name), as_of, rewind })
}
