//! Rows as a chart: chooses how each column is drawn.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, kernels::aggregate};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};

use crate::charts::{Chart, ChartError, Kind, Language, Series, terminal};

use super::cells;

/// The roles of columns in a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    pub kind: Kind,
    /// The column of the horizontal axis: names, dates or numbers. In a sankey, the source.
    pub x: Option<String>,
    /// The measured columns, one series each.
    pub y: Vec<String>,
    /// The column whose values are the series. In a sankey, the target.
    pub series: Option<String>,
}

/// How many series one chart can show.
const MOST_SERIES: usize = 8;
/// From this many names on, series are not drawn as bars next to one another.
const MANY: usize = 40;
/// The most bins of a histogram whose rows are counted here.
const MOST_BINS: usize = 60;

/// True for dates and times.
fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// The requested roles; those not requested are chosen to suit the columns.
///
/// # Errors
/// A column does not exist or is not numeric, or no column can be drawn.
pub fn roles(
    batch: &RecordBatch,
    kind: Option<Kind>,
    x: Option<String>,
    y: Vec<String>,
    series: Option<String>,
) -> Result<Roles, String> {
    let schema = batch.schema();
    let field = |name: &str| {
        let names = || schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
        schema.field_with_name(name).map_err(|_| format!("no column {name}; there is {}", names()))
    };
    for name in x.iter().chain(&series) {
        field(name)?;
    }
    for name in &y {
        let data_type = field(name)?.data_type();
        if !data_type.is_numeric() && *data_type != DataType::Null {
            return Err(format!("y must be a column of numbers, {name} is of type {data_type}"));
        }
    }
    let free = |name: &String| Some(name) != x.as_ref() && Some(name) != series.as_ref() && !y.contains(name);
    let columns: Vec<_> = schema.fields().iter().filter(|field| free(field.name())).collect();
    let first =
        |is: &dyn Fn(&DataType) -> bool| columns.iter().find(|field| is(field.data_type())).map(|field| field.name().clone());
    let numbers: Vec<String> =
        columns.iter().filter(|field| field.data_type().is_numeric()).map(|field| field.name().clone()).collect();
    let texts: Vec<String> = columns
        .iter()
        .filter(|field| !field.data_type().is_numeric() && !is_time(field.data_type()))
        .map(|field| field.name().clone())
        .collect();
    if kind == Some(Kind::Histogram) && x.is_none() {
        return distribution(if y.is_empty() { numbers } else { y }, series);
    }
    let is_scatter = kind == Some(Kind::Scatter);
    let is_of_shares = kind.is_some_and(Kind::is_of_shares);
    let names = if is_scatter { &numbers } else { &texts };
    let mut x = x.or_else(|| first(&is_time)).or_else(|| names.first().cloned());
    let mut y = y;
    // Only numbers, and the first is different in each row: a year, a bin, a number of sessions.
    if x.is_none() && y.is_empty() && kind.is_some() && !is_scatter && numbers.len() >= 2 && is_key(batch, &numbers[0]) {
        x = Some(numbers[0].clone());
    }
    if y.is_empty() {
        let most = if is_scatter || is_of_shares { 1 } else { MOST_SERIES };
        let free = numbers.iter().filter(|name| Some(*name) != x.as_ref()).cloned();
        let (keys, measures): (Vec<String>, Vec<String>) = free.partition(|name| names_rows(name));
        // A key measures nothing, but a few rows are named by it.
        if let (None, None, Some(key), false) = (&x, kind, keys.first(), measures.is_empty())
            && batch.num_rows() <= MANY
            && is_key(batch, key)
        {
            x = Some(key.clone());
        }
        y = if measures.is_empty() { keys } else { measures };
        y.truncate(most);
        // Only numbers: the distribution of one, or the relation of two.
        if x.is_none() && y.len() >= 2 && kind.is_none() {
            x = Some(y.remove(0));
            y.truncate(1);
            return Ok(Roles { kind: Kind::Scatter, x, y, series });
        }
    }
    // The only number runs across, so a name was meant to.
    if y.is_empty() && is_scatter && !texts.is_empty() && x.as_ref().is_some_and(|x| numbers.contains(x)) {
        return Err("a scatter chart needs numbers across: the first column must be a number or a date".into());
    }
    if y.is_empty() {
        return Err("no column of numbers is left to draw; name it with Y, or count in the query".into());
    }
    // A text with a value for nearly each row names points, not series.
    let can_be_series = |name: &String| !is_scatter || distinct(batch, name) <= MOST_SERIES;
    let other = texts.iter().find(|name| Some(*name) != x.as_ref() && can_be_series(name)).cloned();
    let series = series.or(if y.len() == 1 && !is_of_shares { other } else { None });
    let x_is_time = x.as_ref().is_some_and(|x| field(x).is_ok_and(|field| is_time(field.data_type())));
    let kind = kind.unwrap_or(match (&x, &series) {
        (None, _) => Kind::Histogram,
        (Some(_), _) if x_is_time => Kind::Line,
        (Some(x), Some(series)) if distinct(batch, x) * distinct(batch, series) > MANY => Kind::Heatmap,
        _ => Kind::Bar,
    });
    Ok(Roles { kind, x, y, series })
}

/// The roles of a histogram that counts the values of a column.
fn distribution(y: Vec<String>, series: Option<String>) -> Result<Roles, String> {
    if let Some(series) = series {
        return Err(format!("a histogram has no series, got {series}: draw one chart for each of its values, or a line chart"));
    }
    match y.len() {
        0 => Err("a histogram counts the values of a column of numbers, and there is none".into()),
        1 => Ok(Roles { kind: Kind::Histogram, x: None, y, series: None }),
        _ => Err(format!(
            "a histogram counts the values of one column of numbers, got {}; name it with Y, or draw bars of what is counted already",
            y.join(", ")
        )),
    }
}

/// True for the names of columns of keys, such as `customer_id`.
fn names_rows(column: &str) -> bool {
    let lower = column.to_lowercase();
    lower == "id" || lower.ends_with("_id") || lower.ends_with("编号")
}

/// True when a column has another value in each row.
fn is_key(batch: &RecordBatch, column: &str) -> bool {
    distinct(batch, column) == batch.num_rows()
}

fn distinct(batch: &RecordBatch, column: &str) -> usize {
    let Some(column) = batch.column_by_name(column) else { return 0 };
    texts(column).into_iter().collect::<HashSet<_>>().len()
}

/// Further properties of a chart.
pub struct Told<'a> {
    pub title: String,
    pub language: Language,
    /// Translates the name of a column.
    pub word: &'a dyn Fn(&str) -> String,
    /// Translates a value.
    pub value: &'a dyn Fn(&str) -> String,
    /// Whether a column is a share, which is drawn in percent.
    pub is_percent: &'a dyn Fn(&str) -> bool,
    /// Rows whose numbers are not shown.
    pub hidden: &'a [bool],
}

/// The chart of some rows.
///
/// # Errors
/// Two rows have the same place, or there is no number.
pub fn chart(batch: &RecordBatch, roles: &Roles, told: &Told<'_>) -> Result<Chart, ChartError> {
    let y_name = match roles.y.as_slice() {
        [one] if (told.is_percent)(one) => format!("{} (%)", named(one, told)),
        [one] => named(one, told),
        names if names.iter().all(|name| (told.is_percent)(name)) => "%".into(),
        _ => String::new(),
    };
    let mut chart = Chart {
        kind: roles.kind,
        title: told.title.clone(),
        x_name: roles.x.as_ref().map(|name| named(name, told)).unwrap_or_default(),
        y_name,
        language: told.language,
        ..Chart::default()
    };
    let measured: Vec<(String, Vec<Option<f64>>)> = roles
        .y
        .iter()
        .map(|name| {
            let mut values = numbers(batch, name);
            let factor = if (told.is_percent)(name) { 100.0 } else { 1.0 };
            for (row, value) in values.iter_mut().enumerate() {
                *value = value.filter(|_| !told.hidden.get(row).is_some_and(|hidden| *hidden)).map(|value| value * factor);
            }
            (named(name, told), values)
        })
        .collect();
    match roles.kind {
        Kind::Sankey => flows(&mut chart, batch, roles, told, &measured)?,
        Kind::Histogram if roles.x.is_none() => counted(&mut chart, &measured)?,
        Kind::Scatter => points(&mut chart, batch, roles, told, &measured)?,
        _ => placed(&mut chart, batch, roles, told, &measured)?,
    }
    Ok(chart)
}

/// A measured column: its name, and a value for each row.
type Measured = [(String, Vec<Option<f64>>)];

/// The words for the values of a column.
fn words(batch: &RecordBatch, column: Option<&String>, told: &Told<'_>) -> Option<Vec<String>> {
    let column = batch.column_by_name(column?)?;
    Some(texts(column).iter().map(|text| (told.value)(text)).collect())
}

fn flows(chart: &mut Chart, batch: &RecordBatch, roles: &Roles, told: &Told<'_>, measured: &Measured) -> Result<(), ChartError> {
    let (from, to) = (words(batch, roles.x.as_ref(), told), words(batch, roles.series.as_ref(), told));
    let (Some(from), Some(to), Some((_, values))) = (from, to, measured.first()) else {
        return Err(ChartError::new("a sankey needs X for where from, SERIES for where to, and Y for how much"));
    };
    let links = from.into_iter().zip(to).zip(values).filter_map(|((from, to), value)| Some((from, to, (*value)?)));
    chart.links = links.collect();
    Ok(())
}

/// The distribution of one column of numbers.
fn counted(chart: &mut Chart, measured: &Measured) -> Result<(), ChartError> {
    let values: Vec<f64> = measured.first().map(|(_, values)| values.iter().flatten().copied().collect()).unwrap_or_default();
    let rows = if chart.language == Language::Zh { "行数" } else { "rows" };
    chart.x_name = std::mem::replace(&mut chart.y_name, rows.into());
    // No bin holds an infinite value.
    if let Some(value) = values.iter().find(|value| value.is_infinite()) {
        let place = &chart.x_name;
        return Err(ChartError::new(format!("{place} is {value}, which cannot be drawn: use NULL for a gap, or filter it out")));
    }
    bins(chart, &values);
    Ok(())
}

fn points(chart: &mut Chart, batch: &RecordBatch, roles: &Roles, told: &Told<'_>, measured: &Measured) -> Result<(), ChartError> {
    let column = roles.x.as_ref().and_then(|name| Some((name, batch.column_by_name(name)?)));
    let x: Vec<Option<f64>> = match column {
        Some((_, column)) if is_time(column.data_type()) => {
            chart.x_is_date = true;
            let days = days(column).unwrap_or_default();
            days.into_iter().enumerate().map(|(row, day)| (!column.is_null(row)).then_some(day)).collect()
        }
        Some((name, column)) if column.data_type().is_numeric() || *column.data_type() == DataType::Null => numbers(batch, name),
        _ => {
            let problem = "a scatter chart needs numbers across: the first column must be a number or a date";
            return Err(ChartError::new(problem));
        }
    };
    let own = words(batch, roles.series.as_ref(), told);
    let rows: Vec<usize> = (0..x.len()).filter(|row| x[*row].is_some()).collect();
    chart.x_numbers = Some(rows.iter().filter_map(|row| x[*row]).collect());
    let name = |row: usize| own.as_ref().map_or("", |own| own[row].as_str());
    let mut names: Vec<&str> = vec![];
    for row in &rows {
        if !names.contains(&name(*row)) {
            names.push(name(*row));
        }
    }
    for (measured_name, values) in measured {
        for called in &names {
            let name_of_both = match (measured.len(), *called) {
                (1, called) => called.to_string(),
                (_, "") => measured_name.clone(),
                (_, called) => format!("{called}, {measured_name}"),
            };
            let values = rows.iter().map(|row| values[*row].filter(|_| name(*row) == *called)).collect();
            chart.series.push(Series { name: name_of_both, values, ..Series::default() });
        }
    }
    Ok(())
}

/// Values at names, dates or integers: names keep the order of the rows, dates and integers are sorted.
fn placed(chart: &mut Chart, batch: &RecordBatch, roles: &Roles, told: &Told<'_>, measured: &Measured) -> Result<(), ChartError> {
    let x = roles.x.as_ref().and_then(|name| batch.column_by_name(name));
    let labels: Vec<String> = x.map_or_else(|| (1..=batch.num_rows()).map(|row| row.to_string()).collect(), texts);
    let mut known: HashSet<&str> = HashSet::new();
    let mut places: Vec<usize> = (0..labels.len()).filter(|row| known.insert(&labels[*row])).collect();
    let days = x.filter(|column| is_time(column.data_type())).and_then(days);
    let is_dated = days.is_some() && x.is_some_and(|column| column.null_count() == 0);
    let along = days.clone().or_else(|| x.filter(|column| column.data_type().is_numeric()).map(floats));
    if let Some(along) = &along {
        places.sort_by(|a, b| along[*a].total_cmp(&along[*b]));
    }
    let order: HashMap<&str, usize> = places.iter().enumerate().map(|(place, row)| (labels[*row].as_str(), place)).collect();
    match days {
        // A row without a date has no place on an axis of time, but one beside the dates.
        Some(days) if is_dated && matches!(roles.kind, Kind::Line | Kind::Area) => {
            chart.x_numbers = Some(places.iter().map(|row| days[*row]).collect());
            chart.x_is_date = true;
        }
        _ => {
            chart.categories = places.iter().map(|row| (told.value)(&labels[*row])).collect();
            chart.x_is_date = is_dated;
        }
    }
    let own = words(batch, roles.series.as_ref(), told);
    let mut series: Vec<Series> = vec![];
    for (name, values) in measured {
        for (row, value) in values.iter().enumerate() {
            let called = match &own {
                Some(own) if measured.len() == 1 => own[row].clone(),
                Some(own) => format!("{}, {name}", own[row]),
                None => name.clone(),
            };
            let at = series.iter().position(|series| series.name == called).unwrap_or_else(|| {
                let (values, passed) = (vec![None; places.len()], vec![true; places.len()]);
                series.push(Series { name: called.clone(), values, passed, band: None });
                series.len() - 1
            });
            let Some(place) = order.get(labels[row].as_str()) else { continue };
            // Without a row the series was not measured there; NULL is a gap.
            series[at].passed[*place] = false;
            let cell = &mut series[at].values[*place];
            if cell.is_some() && value.is_some() {
                let problem = if roles.kind.is_of_shares() {
                    format!("two rows belong to {}: sum them up in the query", labels[row])
                } else {
                    format!("two rows belong to {}: add SERIES, or sum them up in the query", labels[row])
                };
                return Err(ChartError::new(problem));
            }
            *cell = cell.or(*value);
        }
    }
    chart.series = series;
    Ok(())
}

fn named(column: &str, told: &Told<'_>) -> String {
    let own = (told.word)(column);
    if own == column { column.replace('_', " ") } else { own }
}

/// The values of a column as text, as in tables; NULL stays NULL.
fn texts(column: &ArrayRef) -> Vec<String> {
    let named = RecordBatch::try_from_iter([("x", column.clone())]).ok().and_then(|batch| cells(&batch).ok());
    let texts = named.map(|rows| rows.into_iter().map(|mut row| row.pop().unwrap_or_default()).collect()).unwrap_or_default();
    let midnight = |texts: Vec<String>| match column.data_type() {
        // Dates that are stored as timestamps.
        DataType::Timestamp(..) if texts.iter().all(|text| text.is_empty() || text.ends_with(" 00:00:00")) => {
            texts.into_iter().map(|text| text.trim_end_matches(" 00:00:00").to_string()).collect()
        }
        _ => texts,
    };
    midnight(texts).into_iter().enumerate().map(|(row, text)| if column.is_null(row) { "NULL".into() } else { text }).collect()
}

/// The numbers of a column; `None` for NULL.
pub fn numbers(batch: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    let Some(column) = batch.column_by_name(column).and_then(|column| cast(column, &DataType::Float64).ok()) else {
        return vec![None; batch.num_rows()];
    };
    column.as_primitive::<Float64Type>().iter().map(|value| value.filter(|value| !value.is_nan())).collect()
}

fn floats(column: &ArrayRef) -> Vec<f64> {
    let Ok(column) = cast(column, &DataType::Float64) else { return vec![0.0; column.len()] };
    column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::INFINITY)).collect()
}

/// Days since 1970, in the time zone of the column; the time of day is the fraction. NULL comes after all.
fn days(column: &ArrayRef) -> Option<Vec<f64>> {
    const MICROSECONDS: f64 = 86_400e6;
    let zone = match column.data_type() {
        DataType::Timestamp(_, Some(zone)) => zone.parse::<Tz>().ok(),
        _ => None,
    };
    let shown = |time: i64| {
        let local = |zone: Tz| Some(zone.from_utc_datetime(&DateTime::from_timestamp_micros(time)?.naive_utc()).naive_local());
        zone.and_then(local).map_or(time, |local| local.and_utc().timestamp_micros())
    };
    let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    let times = cast(&times, &DataType::Int64).ok()?;
    let times = times.as_primitive::<Int64Type>();
    aggregate::min(times)?;
    Some(times.iter().map(|time| time.map_or(f64::INFINITY, |time| shown(time) as f64 / MICROSECONDS)).collect())
}

/// Counts values in bins with round edges; about twice as many bins as Sturges' rule gives.
fn bins(chart: &mut Chart, values: &[f64]) {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let (least, most) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(*value), most.max(*value)));
    if values.is_empty() {
        return;
    }
    let wanted = (2.0 * (1.0 + (values.len() as f64).log2())).ceil().min(MOST_BINS as f64);
    let raw = ((most - least) / wanted).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(raw.log10().floor());
    let mut width = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= raw).unwrap_or(raw);
    if most <= least {
        width = if least == 0.0 { 1.0 } else { least.abs() };
    }
    // Between whole numbers, bins would be empty.
    if values.iter().all(|value| value.fract() == 0.0) {
        width = width.max(1.0);
        if width == 2.5 {
            width = 5.0;
        }
    }
    let first = (least / width).floor();
    let count = ((most / width).floor() - first) as usize + 1;
    let count = count.min(2 * MOST_BINS);
    let mut counts = vec![0_u64; count];
    for value in &values {
        let bin = ((value / width).floor() - first) as usize;
        counts[bin.min(count - 1)] += 1;
    }
    chart.x_numbers = Some((0..=count).map(|edge| (first + edge as f64) * width).collect());
    chart.series = vec![Series { values: counts.iter().map(|count| Some(*count as f64)).collect(), ..Series::default() }];
}

/// A chart requested in the shell: a kind and columns; whatever is not given is chosen.
#[derive(Debug, Clone, Default)]
pub struct ChartRequest {
    /// `bar`, `line`, `heatmap` …
    pub kind: Option<String>,
    /// The column of the horizontal axis.
    pub x: Option<String>,
    /// The measured columns.
    pub y: Vec<String>,
    /// The column whose values are the series.
    pub series: Option<String>,
}

/// Rows as a chart of characters, no wider than `columns`.
///
/// # Errors
/// There is no such kind or column, or the rows cannot be drawn in this way; the text says what to do.
pub fn draw_in_terminal(
    rows: &RecordBatch,
    asked: ChartRequest,
    columns: usize,
    colour: bool,
    language: Language,
) -> Result<String, String> {
    let kind = asked.kind.map(|kind| kind.parse::<Kind>().map_err(|error| error.to_string())).transpose()?;
    let roles = roles(rows, kind, asked.x, asked.y, asked.series)?;
    let told = Told {
        title: String::new(),
        language,
        word: &|word| word.to_string(),
        value: &|value| value.to_string(),
        is_percent: &|_| false,
        hidden: &[],
    };
    let chart = chart(rows, &roles, &told).map_err(|error| error.to_string())?;
    terminal(&chart, columns, colour).map_err(|error| error.to_string())
}
