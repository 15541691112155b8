//! COPY REPORT and COPY CARD: run the queries of the sections over one state of the database, and write the page as a whole.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::prelude::SessionContext;
use parking_lot::Mutex;

use super::execution::is_query;
use super::gathered;
use super::rights;
use super::writes::Staged;
use crate::adapter::arguments::{Moment, Options};
use crate::adapter::once::SharedParts;
use crate::catalog::grants::Privilege;
use crate::catalog::snapshots::{ColumnRole, Snapshot, SnapshotOf, When};
use crate::docs::{Argument, Doc, Takes};
use crate::error::{SqlState, did_you_mean, failed, invalid, message, sqlstate};
use crate::files::places;
use crate::objects::definition::constant_or_parameter;
use crate::refresh::plan::no_profile;
use crate::report::{
    Answered, CARD, Language, Left, Omitted, Page, REPORT, Said, Section, Shown, fill, may_speak, page, reasons,
};
use crate::settings::PortraitSettings;
use crate::sql::command::Report;
use crate::sql::parser::{self, Parsed};
use crate::sql::places::{refuse_own_read, refuse_own_written};
use crate::sql::planning::plan_answered;
use crate::sql::syntax::read_again;
use crate::sql::time_travel::moment;
use crate::statement::{RunningPlan, StatementContext};
use crate::text::{identifier, literal, timestamp};

static OPTIONS: Doc = Doc {
    name: "COPY REPORT",
    arguments: &[
        Argument::optional("as_of", Takes::Moment, "", "the time of the report; default the last refresh"),
        Argument::optional("compare_with", Takes::Moment, "", "an earlier time to compare with"),
        Argument::optional(
            "language",
            Takes::Choice(Language::NAMES),
            "",
            "the language of the report; default that of the session",
        ),
        Argument::optional("smallest", Takes::Integer(1, 1_000_000), "5", "groups of fewer customers are suppressed"),
        Argument::optional("sections", Takes::Text, "", "a folder with your own sections"),
        Argument::optional("title", Takes::Text, "", "the heading"),
    ],
    ..Doc::EMPTY
};

/// A section with more rows would not be readable.
const MOST_ROWS: usize = 5_000;

/// The subject of a report: one refresh of a profile.
struct Subject<'a> {
    profile: &'a str,
    snapshot: Arc<Snapshot>,
    is_latest: bool,
    /// The member that a card is about, as SQL.
    customer: Option<String>,
    /// Groups of fewer customers are suppressed.
    smallest: u64,
}

impl Subject<'_> {
    fn columns(&self, role: ColumnRole) -> Vec<String> {
        self.snapshot.columns_of(role).map(|column| column.name.clone()).collect()
    }

    fn key(&self) -> String {
        identifier(&self.columns(ColumnRole::Key).pop().unwrap_or_default())
    }

    fn as_of(&self) -> String {
        format!("TIMESTAMP '{}'", timestamp(self.snapshot.at))
    }

    /// A table of the profile as of that refresh.
    fn table(&self, schema: &str, name: &str) -> String {
        let table = format!("{schema}.{}", identifier(name));
        if self.is_latest { table } else { format!("{table} FOR SYSTEM_TIME AS OF {}", self.as_of()) }
    }

    /// A query with names substituted for `$name`.
    fn fill(&self, query: &str) -> String {
        let members = self.table("profile", self.profile);
        let of = |end: &str| self.table("profile", &format!("{}{end}", self.profile));
        let mut filled = String::with_capacity(query.len() * 2);
        let mut rest = query;
        while let Some((before, after)) = rest.split_once('$') {
            let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(after.len());
            let name = &after[..end];
            filled.push_str(before);
            match name {
                // Inside quotes, it is a string value.
                "profile" if before.ends_with('\'') => filled.push_str(&self.profile.replace('\'', "''")),
                "profile" => filled.push_str(&identifier(self.profile)),
                "key" => filled.push_str(&self.key()),
                "members" => filled.push_str(&members),
                "tags" => filled.push_str(&of("_tags")),
                "history" => filled.push_str(&format!("profile.{}", identifier(&format!("{}_history", self.profile)))),
                "as_of" => filled.push_str(&self.as_of()),
                "smallest" => filled.push_str(&self.smallest.to_string()),
                "segments" => filled.push_str(&self.segments()),
                "attributes" => {
                    let own = [ColumnRole::Key, ColumnRole::Attribute].map(|role| self.columns(role)).concat();
                    filled.push_str(&own.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", "));
                }
                "customer" if self.customer.is_some() => filled.push_str(self.customer.as_deref().unwrap_or_default()),
                "explained" if self.customer.is_some() => filled.push_str(&self.explained()),
                other => {
                    filled.push('$');
                    filled.push_str(other);
                }
            }
            rest = &after[end..];
        }
        filled.push_str(rest);
        filled
    }

    /// A query of segments, keys of their members, and since when they are.
    fn segments(&self) -> String {
        let key = self.key();
        let each = self.columns(ColumnRole::Segment);
        let each: Vec<String> = each
            .iter()
            .map(|name| format!("SELECT {} AS segment, {key}, since FROM {}", literal(name), self.table("segment", name)))
            .collect();
        match each.as_slice() {
            [] => {
                format!("(SELECT '' AS segment, {key}, now() AS since FROM {} WHERE false)", self.table("profile", self.profile))
            }
            each => format!("({})", each.join(" UNION ALL ")),
        }
    }

    /// A query of the deciding rule for each tag of the member.
    fn explained(&self) -> String {
        let customer = self.customer.as_deref().unwrap_or_default();
        let of = |tag: &String| {
            let call = format!("explain_tag({}, {}, key => {customer})", identifier(self.profile), identifier(tag));
            format!("SELECT {} AS tag, condition, compared, since FROM {call} WHERE decided", literal(tag))
        };
        let each: Vec<String> = self.columns(ColumnRole::Tag).iter().map(of).collect();
        match each.as_slice() {
            [] => "(SELECT '' AS tag, '' AS condition, '' AS compared, now() AS since WHERE false)".into(),
            each => format!("({})", each.join(" UNION ALL ")),
        }
    }
}

/// Writes the page; returns notes for the user.
///
/// # Errors
/// There is no such profile or refresh, an option is wrong, or the file cannot be written.
pub(super) async fn write(statement: &Report, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    let label = format!("COPY {} {}", if statement.key.is_some() { "CARD" } else { "REPORT" }, statement.profile);
    if !statement.target.to_lowercase().ends_with(".html") {
        return Err(invalid(&label, format!("writes a page, whose name ends in .html; got '{}'", statement.target)));
    }
    places::check(&statement.target, context.base(), context.places())?;
    refuse_own_written(&statement.target, context)?;
    let options = read_options(&label, &statement.options, context)?;
    let language = match options.is_given("language") {
        true => Language::named(options.word("language")?).unwrap_or_default(),
        false => PortraitSettings::of(context.session().config_options()).language,
    };
    let smallest = options.integer("smallest")?.unsigned_abs();
    let profile = statement.profile.as_str();
    let time = |name: &str| options.moment(name).and_then(Moment::last_microsecond);
    let newest = snapshot(profile, None, context)?;
    let now = match time("as_of") {
        Some(at) => snapshot(profile, Some(at), context)?,
        None => Arc::clone(&newest),
    };
    let customer = match &statement.key {
        None => None,
        Some(key) => Some(written(&constant_or_parameter(&label, "FOR", key, context.parameters())?)?),
    };
    let is_latest = now.id == newest.id;
    let subject = Subject { profile, snapshot: now, is_latest, customer, smallest };
    let earlier = match time("compare_with") {
        None => None,
        Some(at) => {
            let snapshot = snapshot(profile, Some(at), context)?;
            if snapshot.id == subject.snapshot.id {
                let problem = format!("compare_with leads to the same refresh, as of {}", timestamp(snapshot.at));
                return Err(invalid(&label, format!("{problem}; give a time before it")));
            }
            if snapshot.at > subject.snapshot.at {
                let (later, own) = (timestamp(snapshot.at), timestamp(subject.snapshot.at));
                let problem = format!("compare_with leads to a refresh as of {later}, after that of the report, {own}");
                return Err(invalid(&label, format!("{problem}; give a time before it")));
            }
            Some(Subject { profile, snapshot, is_latest: false, customer: subject.customer.clone(), smallest })
        }
    };
    let runner = Runner { context, running, shared: SharedParts::default(), columns: Mutex::default() };
    let shipped = if statement.key.is_some() { CARD } else { REPORT };
    let sections = sections(shipped, options.text("sections"), context)?;
    if let Some(customer) = &subject.customer {
        let query = subject.fill("SELECT count(*) > 0 FROM $members WHERE $key = $customer");
        let is_there = runner.holds(&query).await.map_err(|error| match sqlstate(&error) {
            SqlState::INVALID_TEXT_REPRESENTATION
            | SqlState::INVALID_DATETIME_FORMAT
            | SqlState::DATETIME_FIELD_OVERFLOW
            | SqlState::NUMERIC_VALUE_OUT_OF_RANGE
            | SqlState::DATATYPE_MISMATCH => {
                invalid(&label, format!("{customer} is of another type than the key {}", subject.key()))
            }
            _ => error,
        });
        if !is_there? {
            return Err(invalid(&label, format!("there is no member {customer} as of {}", timestamp(subject.snapshot.at))));
        }
    }
    let (mut notes, mut left) = (vec![], vec![]);
    let mut shown = Page {
        title: title(&subject, options.text("title"), language),
        facts: facts(&subject, earlier.as_ref(), language),
        language,
        smallest,
        is_card: subject.customer.is_some(),
        sections: vec![],
        left: vec![],
    };
    for section in sections {
        let name = section.title.of(language).to_string();
        // A card is about one customer, so small groups are not suppressed.
        let smallest = if subject.customer.is_some() { 0 } else { smallest };
        match runner.section(section, &subject, earlier.as_ref(), smallest, language).await {
            Ok(Ok(section)) => shown.sections.push(section),
            Ok(Err(omitted)) => left.push((name, omitted)),
            Err(error) => left.push((name, Omitted::Because(message(&error)))),
        }
    }
    notes.extend(reasons(&left).iter().map(|(why, names)| {
        let names = names.join(", ");
        format!("{label}: {why}; sections left out because of this: {names}")
    }));
    shown.left =
        left.into_iter().map(|(title, why)| Left { title, why: language.message(&why.to_string()).into_owned() }).collect();
    let html = page(&shown);
    let staged = Staged::beside(&context.base().join(&statement.target))?;
    std::fs::write(staged.path(), &html).map_err(|error| failed(&statement.target, format!("cannot be written: {error}")))?;
    staged.publish()?;
    let kept = shown.sections.len();
    let said: usize = shown.sections.iter().map(|section| section.said.len()).sum();
    let left = shown.left.len();
    let at = timestamp(subject.snapshot.at);
    // The summary first, and below it why the others are not there.
    notes.insert(0, format!("{label}: sections: {kept}, left out: {left}, sentences: {said}, as of {at}"));
    Ok(notes)
}

fn read_options(label: &str, given: &[(String, sqlparser::ast::Expr)], context: &StatementContext) -> Result<Options> {
    let mut values = vec![];
    for (name, value) in given {
        let Some(argument) = OPTIONS.argument(name) else {
            let names: Vec<&str> = OPTIONS.arguments.iter().map(|argument| argument.name).collect();
            let suggestion = did_you_mean(name, names.iter().copied());
            return Err(invalid(label, format!("no such option: {name}{suggestion}; there is {}", names.join(", "))));
        };
        let value = match argument.takes {
            Takes::Moment => {
                let time = moment(label, name, value, &context.state(), context.parameters())?;
                ScalarValue::TimestampMicrosecond(Some(time), None)
            }
            _ => constant_or_parameter(label, name, value, context.parameters())?,
        };
        values.push((argument.name, value));
    }
    Options::read_for(label, &OPTIONS, values)
}

/// The refresh of a profile at a time, or the last one.
fn snapshot(profile: &str, at: Option<i64>, context: &StatementContext) -> Result<Arc<Snapshot>> {
    let view = context.view();
    let found = view.snapshot(SnapshotOf::Profile, profile, at.map_or(When::Now, When::At))?;
    if let Some(found) = found {
        return Ok(found);
    }
    let objects = context.objects()?;
    if !objects.iter().any(|object| object.kind == "profile" && object.name == profile) {
        return Err(no_profile(profile, crate::objects::lifecycle::profiles(&objects)));
    }
    let problem = match at {
        None => format!("has not been refreshed yet; REFRESH PROFILE {profile} first"),
        Some(at) => format!("has no refresh as of {} or before; system.runs lists them", timestamp(at)),
    };
    Err(invalid(&format!("profile {profile}"), problem))
}

/// A constant as an SQL literal.
fn written(value: &ScalarValue) -> Result<String> {
    Ok(match value.data_type() {
        own if own.is_numeric() || own == DataType::Boolean || value.is_null() => value.to_string(),
        _ => match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(Some(text)) => literal(&text),
            other => other.to_string(),
        },
    })
}

/// The built-in sections and those in a directory, which replace built-in ones of the same name; sorted by name.
fn sections(shipped: &[(&str, &str)], folder: Option<&str>, context: &StatementContext) -> Result<Vec<Section>> {
    let mut sections = shipped.iter().map(|(name, script)| Section::read(name, script)).collect::<Result<Vec<_>>>()?;
    if let Some(folder) = folder {
        context.check_files(Privilege::Read, folder)?;
        places::check(folder, context.base(), context.places())?;
        refuse_own_read(folder, context)?;
        let place = context.base().join(folder);
        let problem = |error: std::io::Error| invalid(&place.display().to_string(), format!("cannot be read: {error}"));
        let is_script = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"));
        let entries = std::fs::read_dir(&place).map_err(problem)?.collect::<std::io::Result<Vec<_>>>().map_err(problem)?;
        for path in entries.into_iter().map(|entry| entry.path()).filter(|path| is_script(path)) {
            let script = std::fs::read_to_string(&path).map_err(problem)?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let own = Section::read(&name, &script)?;
            sections.retain(|section| section.name != own.name);
            sections.push(own);
        }
    }
    sections.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sections)
}

fn title(subject: &Subject<'_>, given: Option<&str>, language: Language) -> String {
    match (given, &subject.customer, language) {
        (Some(given), ..) => given.to_string(),
        (None, Some(customer), Language::En) => format!("{} {}", subject.profile, customer.trim_matches('\'')),
        (None, Some(customer), Language::Zh) => format!("客户画像卡：{}", customer.trim_matches('\'')),
        (None, None, Language::En) => format!("Portrait of {}", subject.profile),
        (None, None, Language::Zh) => format!("客户画像报告：{}", subject.profile),
    }
}

fn facts(subject: &Subject<'_>, earlier: Option<&Subject<'_>>, language: Language) -> Vec<String> {
    let at = |subject: &Subject<'_>| {
        timestamp(subject.snapshot.at).trim_end_matches(".999999").trim_end_matches(".000000").to_string()
    };
    // `2025-07-01T02:00:00.123Z`, to the second, as the time before it.
    let refreshed = subject.snapshot.committed_at.split('.').next().unwrap_or_default().replace('T', " ");
    let mut facts = vec![match language {
        Language::En => format!("As of {} (UTC), refreshed {refreshed}.", at(subject)),
        Language::Zh => format!("数据截至 {}（UTC），刷新于 {refreshed}。", at(subject)),
    }];
    facts.extend(earlier.map(|earlier| match language {
        Language::En => format!("Compared with {} (UTC): ▲ more, ▼ less than then.", at(earlier)),
        Language::Zh => format!("与 {}（UTC）对比：▲ 增加，▼ 减少。", at(earlier)),
    }));
    facts
}

/// Runs queries for a report.
struct Runner<'a> {
    context: &'a StatementContext,
    running: &'a RunningPlan,
    /// What several sections compute, such as the purchases of each customer.
    shared: SharedParts,
    /// For each column that a section needs, in which table, whether it exists.
    columns: Mutex<HashMap<(String, String), bool>>,
}

impl Runner<'_> {
    /// A section with its results, or the reason why it is omitted.
    async fn section(
        &self,
        section: Section,
        subject: &Subject<'_>,
        earlier: Option<&Subject<'_>>,
        smallest: u64,
        language: Language,
    ) -> Result<std::result::Result<Shown, Omitted>> {
        if section.is_latest && !subject.is_latest {
            return Ok(Err(Omitted::Because("only the last refresh shows it".into())));
        }
        if let Some(lacking) = self.lacking(&section, subject).await? {
            return Ok(Err(Omitted::Lacking(lacking)));
        }
        if let Some(when) = &section.when
            && !self.holds(&subject.fill(when)).await?
        {
            return Ok(Err(Omitted::Because("there is nothing to show".into())));
        }
        let sql = subject.fill(&section.query);
        let (rows, notes) = self.rows(&section.name, &sql).await?;
        let notes = notes.iter().map(|note| language.message(note).into_owned()).collect();
        let before = match earlier.filter(|_| !section.is_latest) {
            Some(earlier) if self.lacking(&section, earlier).await?.is_none() => {
                Some(self.rows(&section.name, &earlier.fill(&section.query)).await?.0)
            }
            _ => None,
        };
        let answered = Answered::new(&section, &rows, before, smallest)?;
        let said = self.said(&section, &answered, language)?;
        Ok(Ok(Shown { section, answered, said, sql, notes }))
    }

    /// The first column that a section needs but that does not exist.
    async fn lacking(&self, section: &Section, subject: &Subject<'_>) -> Result<Option<String>> {
        for (table, column) in &section.needs {
            let from = if table == "members" { subject.table("profile", subject.profile) } else { table.clone() };
            let wanted = (from, column.clone());
            let known = self.columns.lock().get(&wanted).copied();
            let exists = match known {
                Some(exists) => exists,
                None => self.has_column(&wanted.0, column).await,
            };
            self.columns.lock().insert(wanted, exists);
            if !exists {
                let table = if table == "members" { subject.profile } else { table };
                return Ok(Some(format!("{table}.{column}")));
            }
        }
        Ok(None)
    }

    async fn has_column(&self, from: &str, column: &str) -> bool {
        let query = format!("SELECT {} FROM {from}", identifier(column));
        match parser::parse_composed(&query, self.context.session()) {
            Ok(parsed) => plan_answered(&parsed, self.context).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Whether a query returns true.
    async fn holds(&self, query: &str) -> Result<bool> {
        let (rows, _) = self.rows("when", query).await?;
        let truth = rows.columns().first().filter(|column| !column.is_empty());
        let truth = truth.map(|column| cast(column, &DataType::Boolean)).transpose()?;
        Ok(truth.is_some_and(|truth| truth.as_boolean().iter().next().flatten() == Some(true)))
    }

    /// The rows of a query, and its notes.
    async fn rows(&self, name: &str, query: &str) -> Result<(RecordBatch, Vec<String>)> {
        let mut parsed = parser::parse_composed(query, self.context.session())?;
        read_again::share(&mut parsed);
        let parsed = Parsed::Sql(Box::new(parsed));
        // A report reads; a COPY in it would write a file.
        let not_a_query = || invalid(name, "is not a query; write one SELECT");
        if !is_query(&parsed) {
            return Err(not_a_query());
        }
        let context = rights::check(&parsed, self.context)?;
        let Parsed::Sql(parsed) = parsed else { return Err(not_a_query()) };
        gathered::rows(&parsed, name, MOST_ROWS, &context, self.running, &self.shared).await
    }

    /// The statements that the rules of a section produce.
    fn said(&self, section: &Section, answered: &Answered, language: Language) -> Result<Vec<Said>> {
        let wide = answered.wide()?;
        let state = self.context.state();
        let frame = SessionContext::new_with_state(state.clone()).read_batch(wide.clone())?;
        let schema = DFSchema::try_from(wide.schema())?;
        let mut said = vec![];
        for rule in &section.rules {
            let wrong = |problem: String| invalid(&section.name, format!("say: {}: {problem}", rule.condition));
            let condition = frame.parse_sql_expr(&rule.condition).map_err(|error| wrong(message(&error)))?;
            let condition = state.create_physical_expr(condition, &schema).map_err(|error| wrong(message(&error)))?;
            let holds = condition.evaluate(&wide)?.into_array(wide.num_rows())?;
            let holds: BooleanArray = cast(&holds, &DataType::Boolean)?.as_boolean().clone();
            let rows = (0..wide.num_rows()).filter(|row| holds.is_valid(*row) && holds.value(*row) && may_speak(answered, *row));
            for row in strongest_first(section, &wide, rows.collect())?.into_iter().take(section.most) {
                let text = fill(section, &rule.sentence, &wide, row, language).map_err(wrong)?;
                said.push(Said { text, because: rule.condition.clone() });
            }
        }
        Ok(said)
    }
}

/// Rows in the order in which a section speaks of them.
fn strongest_first(section: &Section, wide: &RecordBatch, mut rows: Vec<usize>) -> Result<Vec<usize>> {
    let Some(name) = &section.strongest else { return Ok(rows) };
    let Some(column) = wide.column_by_name(name) else {
        return Err(invalid(&section.name, format!("strongest: there is no column {name} in the query")));
    };
    let numbers = cast(column, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    rows.sort_by(|a, b| numbers.value(*b).total_cmp(&numbers.value(*a)));
    Ok(rows)
}
