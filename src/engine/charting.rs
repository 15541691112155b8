//! COPY … TO an image file: the rows of a query as a chart.

use datafusion::common::Result;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as SqlParsed};
use sqlparser::ast::{Statement as SqlStatement, Value};

use super::gathered;
use super::writes::Staged;
use crate::adapter::once::SharedParts;
use crate::charts::{Kind, Language, html, png, standalone_svg};
use crate::error::{did_you_mean, failed, invalid};
use crate::files::places;
use crate::formats::{Told, chart, roles};
use crate::settings::PortraitSettings;
use crate::sql::parser;
use crate::sql::places::refuse_own_written;
use crate::statement::{RunningPlan, StatementContext};

/// A chart of more rows would not be readable.
const MOST_ROWS: usize = 20_000;

const OPTIONS: [&str; 7] = ["chart", "x", "y", "series", "title", "width", "language"];

/// The requested chart.
#[derive(Debug, Default)]
struct Asked {
    kind: Option<Kind>,
    x: Option<String>,
    y: Vec<String>,
    series: Option<String>,
    title: String,
    width: Option<u32>,
    language: Language,
}

impl Asked {
    fn read(options: &[(String, Value)], target: &str, language: Language) -> Result<Self> {
        let mut asked = Self { language, ..Self::default() };
        for (name, value) in options {
            let value = match value {
                Value::SingleQuotedString(text) => text.trim().to_string(),
                other => other.to_string(),
            };
            match name.trim_start_matches("format.") {
                "chart" => asked.kind = Some(value.parse::<Kind>().map_err(|error| invalid(target, error.to_string()))?),
                "x" => asked.x = Some(value),
                "y" => asked.y = value.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect(),
                "series" => asked.series = Some(value),
                "title" => asked.title = value,
                "width" => {
                    let width = value.parse().ok().filter(|width| (240..=4096).contains(width));
                    asked.width =
                        Some(width.ok_or_else(|| invalid(target, format!("width must be from 240 to 4096, got {value}")))?);
                }
                "language" => {
                    asked.language = Language::named(&value)
                        .ok_or_else(|| invalid(target, format!("language must be en or zh, got {value}")))?;
                }
                other => {
                    let suggestion = did_you_mean(other, OPTIONS);
                    let problem = format!("no such option of a chart: {other}{suggestion}; there is {}", OPTIONS.join(", "));
                    return Err(invalid(target, problem));
                }
            }
        }
        Ok(asked)
    }
}

/// Draws the chart; returns notes for the user.
///
/// # Errors
/// An option is wrong, the rows cannot be drawn this way, or the file cannot be written.
pub(super) async fn write(copy: CopyToStatement, context: &StatementContext, running: &RunningPlan) -> Result<Vec<String>> {
    let target = copy.target.as_str();
    places::check(target, context.base(), context.places())?;
    refuse_own_written(target, context)?;
    let asked = Asked::read(&copy.options, target, PortraitSettings::of(context.session().config_options()).language)?;
    let query = match copy.source {
        CopyToSource::Query(query) => SqlParsed::Statement(Box::new(SqlStatement::Query(query))),
        CopyToSource::Relation(name) => parser::parse_composed(&format!("SELECT * FROM {name}"), context.session())?,
    };
    let (rows, notes) = gathered::rows(&query, target, MOST_ROWS, context, running, &SharedParts::default()).await?;
    let wrong = |problem: String| invalid(target, problem);
    let roles = roles(&rows, asked.kind, asked.x, asked.y, asked.series).map_err(wrong)?;
    let told = Told {
        title: asked.title,
        language: asked.language,
        word: &|word| word.to_string(),
        value: &|value| value.to_string(),
        is_percent: &|_| false,
        hidden: &[],
    };
    let drawn = chart(&rows, &roles, &told).map_err(|error| wrong(error.to_string()))?;
    let width = asked.width.unwrap_or(860);
    let ending = target.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let bytes = match ending.as_str() {
        "png" => png(&drawn, width),
        "html" => html(&drawn).map(String::into_bytes),
        _ => standalone_svg(&drawn, width).map(String::into_bytes),
    };
    let bytes = bytes.map_err(|error| wrong(error.to_string()))?;
    let staged = Staged::beside(&context.base().join(target))?;
    std::fs::write(staged.path(), bytes).map_err(|error| failed(target, format!("cannot be written: {error}")))?;
    staged.publish()?;
    Ok(notes)
}
