//! Health, readiness and metrics of the server, for its operators.
//!
//! | path | response |
//! |---|---|
//! | `/health` | 200 as long as the process answers |
//! | `/ready` | 200 when statements can run; 503 while the database does not answer, and once the server is being stopped |
//! | `/metrics` | counts and durations, for Prometheus: as OpenMetrics, or in its older format |
//!
//! Labels have few distinct values: never a name, text or value of a user.

use std::fmt::Error;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Door;
use super::statistics::{BOUNDS, Measured, Statistics};

/// The state of a server, as served over HTTP.
#[derive(Clone)]
pub struct Seen {
    door: Arc<Door>,
    statistics: Arc<Statistics>,
    stopping: watch::Receiver<bool>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").finish_non_exhaustive()
    }
}

impl Seen {
    pub fn new(door: Arc<Door>, statistics: Arc<Statistics>, stopping: watch::Receiver<bool>) -> Self {
        Self { door, statistics, stopping }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, seen: Arc<Seen>) {
    let (ready, metrics) = (Arc::clone(&seen), seen);
    let router = Router::new()
        .route("/health", get(async || (StatusCode::OK, "ok\n")))
        .route("/ready", get(async move || self::ready(&ready)))
        .route("/metrics", get(async move |headers: HeaderMap| self::metrics(&metrics, &headers)));
    // Ends with the runtime.
    let _ = axum::serve(listener, router).await;
}

fn ready(seen: &Seen) -> Response {
    if seen.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is being stopped\n").into_response();
    }
    if !seen.door.engine.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response();
    }
    (StatusCode::OK, "ready\n").into_response()
}

/// OpenMetrics for clients that accept it, as Prometheus does; otherwise the older format, which everything reads.
fn metrics(seen: &Arc<Seen>, headers: &HeaderMap) -> Response {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Seen::clone(seen)));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => {
            let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
            let (kind, text) = match accepted.contains("application/openmetrics-text") {
                true => ("application/openmetrics-text; version=1.0.0; charset=utf-8", text),
                false => ("text/plain; version=0.0.4; charset=utf-8", older(&text)),
            };
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The same numbers in the older format: counters have the name of their values, and there are no units and no end marker.
fn older(text: &str) -> String {
    let counters: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut lines = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                lines.push_str(&format!("# {what} {name}_total {rest}"));
            }
            _ => lines.push_str(line),
        }
        lines.push('\n');
    }
    lines
}

/// Durations of statements.
struct Durations(Measured);

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        let Measured { count, time, within } = self.0;
        let beyond = count.saturating_sub(within.iter().sum());
        let buckets: Vec<(f64, u64)> =
            BOUNDS.into_iter().chain([f64::INFINITY]).zip(within.into_iter().chain([beyond])).collect();
        encoder.encode_histogram::<NoLabelSet>(time.as_secs_f64(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// A counter.
struct Count(u64);

impl EncodeMetric for Count {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        encoder.encode_counter::<NoLabelSet, u64, u64>(&self.0, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

struct Level(i64);

impl EncodeMetric for Level {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        encoder.encode_gauge(&self.0)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

struct Seconds(f64);

impl EncodeMetric for Seconds {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        encoder.encode_gauge(&self.0)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

fn level(number: usize) -> Level {
    Level(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let (engine, statistics) = (&self.door.engine, &self.statistics);
        let (activity, statements) = (engine.activity(), statistics.statements());

        let text = "Finished statements, by kind and outcome";
        let mut family = encoder.encode_descriptor("portrait_statements", text, None, MetricType::Counter)?;
        for (kind, outcome, measured) in &statements {
            let labels = [("kind", *kind), ("outcome", *outcome)];
            Count(measured.count).encode(family.encode_family(&labels)?)?;
        }
        let text = "The duration of statements, until their last row was read";
        let mut family =
            encoder.encode_descriptor("portrait_statement_duration", text, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (kind, outcome, measured) in &statements {
            let labels = [("kind", *kind), ("outcome", *outcome)];
            Durations(*measured).encode(family.encode_family(&labels)?)?;
        }
        let family = encoder.encode_descriptor("portrait_statements_running", "Running statements", None, MetricType::Gauge)?;
        level(activity.queries().len()).encode(family)?;

        let mut family = encoder.encode_descriptor("portrait_errors", "Errors, by their SQLSTATE", None, MetricType::Counter)?;
        for (code, count) in statistics.errors() {
            Count(count).encode(family.encode_family(&[("sqlstate", code)])?)?;
        }

        let refreshes = statements.iter().filter(|(kind, ..)| *kind == "refresh");
        let mut family =
            encoder.encode_descriptor("portrait_refreshes", "Refreshes of profiles, by outcome", None, MetricType::Counter)?;
        for (_, outcome, measured) in refreshes {
            Count(measured.count).encode(family.encode_family(&[("outcome", *outcome)])?)?;
        }

        let (reserved, most) = engine.memory();
        let text = "Memory used by running statements";
        let family = encoder.encode_descriptor("portrait_memory_reserved", text, Some(&Unit::Bytes), MetricType::Gauge)?;
        level(reserved).encode(family)?;
        if let Some(most) = most {
            let text = "Memory limit of all statements";
            let family = encoder.encode_descriptor("portrait_memory_limit", text, Some(&Unit::Bytes), MetricType::Gauge)?;
            level(most).encode(family)?;
        }

        let connections = activity.connections();
        let text = "Connections of PostgreSQL's clients, and sessions of Flight SQL";
        let mut family = encoder.encode_descriptor("portrait_connections", text, None, MetricType::Gauge)?;
        for door in ["postgresql", "flight"] {
            let count = connections.iter().filter(|connection| connection.door == door).count();
            level(count).encode(family.encode_family(&[("door", door)])?)?;
        }

        // If it cannot be read, the server is not ready, which is reported separately.
        if let Ok(Some(lag)) = engine.schedule_lag() {
            let text = "The delay of the schedule that is furthest behind";
            let family = encoder.encode_descriptor("portrait_schedule_lag", text, Some(&Unit::Seconds), MetricType::Gauge)?;
            Seconds(lag as f64 / 1e6).encode(family)?;
        }
        let family = encoder.encode_descriptor("portrait_ready", "1 when statements can run", None, MetricType::Gauge)?;
        let is_ready = !self.is_stopping() && self.door.engine.is_ready();
        Level(i64::from(is_ready)).encode(family)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        let mut family = encoder.encode_descriptor("portrait_build", "The version of the program", None, MetricType::Gauge)?;
        Level(1).encode(family.encode_family(&version)?)
    }
}

#[cfg(test)]
mod tests {
    use super::older;

    #[test]
    fn the_older_format_has_the_same_numbers() {
        let text = "# HELP a_b Things.\n# TYPE a_b counter\n# UNIT a_b x\na_b_total{k=\"v\"} 3\n# HELP g Level.\n# TYPE g gauge\ng 1\n# EOF\n";
        let expected =
            "# HELP a_b_total Things.\n# TYPE a_b_total counter\na_b_total{k=\"v\"} 3\n# HELP g Level.\n# TYPE g gauge\ng 1\n";
        assert_eq!(older(text), expected);
    }
}
