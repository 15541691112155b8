//! The tables that a part of a statement reads, however its planning finds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use parking_lot::Mutex;

/// The tables found so far, by name. Cheap to clone; clones share the same map.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    found: Arc<Mutex<BTreeMap<String, Source>>>,
}

/// A table that is read.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Its timestamp and date columns. Empty for a view, whose tables are recorded themselves.
    pub times: Vec<String>,
    /// Those of them that are dates.
    pub days: Vec<String>,
    /// Each path of views that leads to it. An empty path means that it is read directly.
    pub through: Vec<Vec<String>>,
}

impl Reads {
    /// Records a table, with the definitions that lead to it.
    pub fn note(&self, name: &str, schema: &Schema, is_view: bool, through: &[String]) {
        let mut found = self.found.lock();
        let source = found.entry(name.to_string()).or_default();
        if source.times.is_empty() && !is_view {
            // Times before days, which are more often those of something else, such as a birthday.
            let times = schema.fields().iter().filter(|field| is_time(field.data_type()));
            let (stamps, days): (Vec<&Arc<Field>>, Vec<&Arc<Field>>) = times.partition(|field| !is_day(field.data_type()));
            source.times = stamps.iter().chain(&days).map(|field| field.name().clone()).collect();
            source.days = days.iter().map(|field| field.name().clone()).collect();
        }
        if !source.through.iter().any(|other| other == through) {
            source.through.push(through.to_vec());
        }
    }

    /// The tables found so far.
    pub fn sources(&self) -> BTreeMap<String, Source> {
        self.found.lock().clone()
    }
}

fn is_day(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_day(values),
        other => matches!(other, DataType::Date32 | DataType::Date64),
    }
}

fn is_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_time(values),
        other => matches!(other, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)),
    }
}
