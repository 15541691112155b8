//! The sums per group and segment, and which group is the control.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_empty_array};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::moments::read;
use crate::adapter::keys::sorted;
use crate::adapter::relation::Call;
use crate::adapter::step::{LeftOut, StepContext};
use crate::docs::{Argument, Takes};
use crate::error::{did_you_mean, invalid};
use crate::kernels::experiment::moments::Moments;
use crate::kernels::experiment::ranks::Tied;

pub const GROUP: Argument = Argument::required("group", Takes::Column, "group of the row: its label, from `assign`");
pub const CONTROL: Argument =
    Argument::required("control", Takes::Text, "label of the control group, as `group` has it; for a number, its text: '0'");

/// By segment and metric: the values, each with its group and how often it occurs.
pub type ValueCounts = BTreeMap<(usize, i64), Vec<(f64, usize, u64)>>;

/// The most groups or segments: a key column given by mistake would make every row a group of its own.
const MOST_GROUPS: usize = 100;

/// The groups of an experiment as they are named in a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Design {
    function: String,
    control: String,
    /// The groups in the order of `shares`; when empty, all groups in the data.
    groups: Vec<String>,
    /// The planned shares; when empty, equal shares.
    shares: Vec<f64>,
}

impl Design {
    /// Reads a call; `shares` and `groups` only if the function's page has them.
    pub fn of(call: &Call) -> Result<Self> {
        let function = call.doc.name;
        let text = |name: &str| call.options.text(name).map(ToString::to_string);
        let control = text(CONTROL.name).ok_or_else(|| invalid(function, "control is missing; write control => 'control'"))?;
        let groups = call.options.names("groups").map(<[String]>::to_vec).unwrap_or_default();
        let shares = call.options.floats("shares").map(<[f64]>::to_vec).unwrap_or_default();
        if !groups.is_empty() && !groups.contains(&control) {
            return Err(invalid(function, format!("groups must include the control '{control}', got {}", groups.join(", "))));
        }
        if let Some(twice) = groups.iter().enumerate().find(|(place, group)| groups[..*place].contains(group)) {
            return Err(invalid(function, format!("groups has '{}' twice", twice.1)));
        }
        if !groups.is_empty() && !shares.is_empty() && groups.len() != shares.len() {
            let problem =
                format!("shares must have one entry per group, got {} shares and {} groups", shares.len(), groups.len());
            return Err(invalid(function, problem));
        }
        Ok(Self { function: function.to_string(), control, groups, shares })
    }
}

/// One group in one segment.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// All rows.
    pub rows: u64,
    /// The sums of each metric.
    pub moments: Vec<Moments>,
}

/// The sums for each group in each segment.
#[derive(Debug)]
pub struct Cells {
    /// The distinct segments in ascending order, if there are segments.
    segments: Option<ArrayRef>,
    /// The distinct labels in ascending order.
    labels: ArrayRef,
    /// By segment and label.
    cells: BTreeMap<(usize, usize), Cell>,
    /// The groups in the order of the design, as positions among the labels: the control first, or as the call lists them. `None` for
    /// a group without rows.
    pub order: Vec<Option<usize>>,
    /// The position of the control in that order.
    pub control: usize,
    shares: Vec<f64>,
}

impl Cells {
    /// Reads rows of (segment?, group, rows, sums …).
    pub async fn collect(
        mut input: SendableRecordBatchStream,
        segmented: bool,
        design: &Design,
        context: &StepContext,
    ) -> Result<Self> {
        let first = usize::from(segmented);
        let (mut keys, mut read_cells): (Vec<Vec<ArrayRef>>, Vec<Cell>) = (vec![vec![]; first + 1], vec![]);
        while let Some(batch) = input.next().await {
            let batch = batch?;
            context.memory.try_grow(3 * batch.get_array_memory_size())?;
            for (key, column) in keys.iter_mut().zip(batch.columns()) {
                key.push(Arc::clone(column));
            }
            let rows = batch.column(first + 1).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let moments = batch.columns()[first + 2..].iter().map(|column| read(column, row)).collect();
                read_cells.push(Cell { rows: rows.value(row).unsigned_abs(), moments });
            }
        }
        let schema = input.schema();
        let whole = |place: usize| -> Result<ArrayRef> {
            let empty = new_empty_array(schema.field(place).data_type());
            let parts: Vec<&dyn Array> = std::iter::once(empty.as_ref()).chain(keys[place].iter().map(AsRef::as_ref)).collect();
            Ok(concat(&parts)?)
        };
        let (segments, of_segment) = if segmented {
            let (values, places) = sorted(&[whole(0)?])?;
            (Some(values), places.into_iter().flatten().collect())
        } else {
            (None, vec![0; read_cells.len()])
        };
        let (labels, of_label) = sorted(&[whole(first)?])?;
        let of_label: Vec<u32> = of_label.into_iter().flatten().collect();
        let mut cells = BTreeMap::new();
        for ((cell, segment), label) in read_cells.into_iter().zip(of_segment).zip(of_label) {
            cells.insert((segment as usize, label as usize), cell);
        }
        let mut made = Self { segments, labels, cells, order: vec![], control: 0, shares: vec![] };
        made.arrange(design)?;
        Ok(made)
    }

    fn arrange(&mut self, design: &Design) -> Result<()> {
        let function = design.function.as_str();
        let texts: Vec<String> =
            (0..self.labels.len()).map(|row| array_value_to_string(&self.labels, row)).collect::<Result<_, _>>()?;
        let place = |label: &String| texts.iter().position(|text| text == label);
        let given = if design.groups.is_empty() {
            if texts.len() > MOST_GROUPS {
                let problem = format!(
                    "group has {} distinct values, but at most {MOST_GROUPS} groups can be compared; give the column with the group labels",
                    texts.len()
                );
                return Err(invalid(function, problem));
            }
            let others = texts.iter().filter(|text| **text != design.control).cloned();
            std::iter::once(design.control.clone()).chain(others).collect()
        } else {
            design.groups.clone()
        };
        self.order = given.iter().map(place).collect();
        self.control = given.iter().position(|label| *label == design.control).unwrap_or(0);
        if texts.is_empty() {
            return Ok(());
        }
        if self.order.get(self.control).is_none_or(Option::is_none) {
            let suggestion = did_you_mean(&design.control, texts.iter().map(String::as_str));
            let problem = format!(
                "control must be one of the groups, got '{}'{suggestion}; the groups are {}",
                design.control,
                shown(&texts)
            );
            return Err(invalid(function, problem));
        }
        if !design.shares.is_empty() && design.shares.len() != given.len() {
            let problem = format!(
                "shares must have one entry per group, got {} shares; the groups are {}",
                design.shares.len(),
                shown(&given)
            );
            return Err(invalid(function, problem));
        }
        self.shares = if design.shares.is_empty() { vec![1.0; given.len()] } else { design.shares.clone() };
        Ok(())
    }

    /// Counts the rows of groups that the design does not have.
    pub fn tell_others(&self, context: &StepContext) {
        let counter = "rows_of_other_groups".to_string();
        let what = LeftOut { counter, one: "row of another group".into(), many: "rows of other groups".into() };
        let others = self.cells.iter().filter(|((_, label), _)| !self.order.contains(&Some(*label)));
        let others: u64 = others.map(|(_, cell)| cell.rows).sum();
        context.left_out(what).add(others as usize);
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        match &self.segments {
            Some(segments) => segments.len(),
            None => usize::from(!self.labels.is_empty()),
        }
    }

    /// The groups with rows that are compared with the control, as positions among the labels.
    pub fn treatments(&self) -> Vec<usize> {
        self.order.iter().enumerate().filter(|(place, _)| *place != self.control).filter_map(|(_, label)| *label).collect()
    }

    /// The control among the labels.
    pub fn control_label(&self) -> usize {
        self.order.get(self.control).copied().flatten().unwrap_or(0)
    }

    /// One group in one segment, if it has rows there.
    pub fn cell(&self, segment: usize, label: usize) -> Option<&Cell> {
        self.cells.get(&(segment, label))
    }

    /// The sums of a metric of all groups of the design in all segments.
    pub fn of_design(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|((_, label), _)| self.order.contains(&Some(*label))).map(|(_, cell)| cell)
    }

    /// The rows of each group in a segment, and the planned shares.
    pub fn sizes(&self, segment: usize) -> (Vec<u64>, &[f64]) {
        let rows = |label: &Option<usize>| label.and_then(|label| self.cell(segment, label)).map_or(0, |cell| cell.rows);
        (self.order.iter().map(rows).collect(), &self.shares)
    }

    /// The segments at these positions.
    pub fn segment_values(&self, places: &[usize]) -> Result<Option<ArrayRef>> {
        let Some(segments) = &self.segments else { return Ok(None) };
        Ok(Some(take(segments, &of(places), None)?))
    }

    /// A segment as text; `None` is NULL.
    pub fn segment_text(&self, place: usize) -> Result<Option<String>> {
        match &self.segments {
            Some(segments) if segments.is_valid(place) => Ok(Some(array_value_to_string(segments, place)?)),
            _ => Ok(None),
        }
    }

    /// The labels at these positions.
    pub fn label_values(&self, places: &[usize]) -> Result<ArrayRef> {
        Ok(take(&self.labels, &of(places), None)?)
    }

    /// Reads rows of (segment?, group, metric, value, rows): the values of each metric in each segment, ascending, by label.
    pub async fn values(&self, mut input: SendableRecordBatchStream, context: &StepContext) -> Result<ValueCounts> {
        let first = usize::from(self.segments.is_some());
        let mut values = ValueCounts::new();
        while let Some(batch) = input.next().await {
            let batch = batch?;
            context.memory.try_grow(2 * batch.num_rows() * size_of::<(f64, usize, u64)>())?;
            let of_segment = match &self.segments {
                Some(segments) => places(segments, batch.column(0))?,
                None => vec![0; batch.num_rows()],
            };
            let of_label = places(&self.labels, batch.column(first))?;
            let metrics = batch.column(first + 1).as_primitive::<Int64Type>();
            let numbers = batch.column(first + 2).as_primitive::<Float64Type>();
            let rows = batch.column(first + 3).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let value = (numbers.value(row), of_label[row], rows.value(row).unsigned_abs());
                values.entry((of_segment[row], metrics.value(row))).or_default().push(value);
            }
        }
        values.values_mut().for_each(|values| values.sort_by(|one, other| one.0.total_cmp(&other.0)));
        Ok(values)
    }
}

/// The values of two groups, counted, in ascending order.
pub fn tied(values: &[(f64, usize, u64)], control: usize, treatment: usize) -> Vec<Tied> {
    let mut counted: Vec<Tied> = vec![];
    let mut last = None;
    for (value, label, rows) in values {
        if *label != control && *label != treatment {
            continue;
        }
        // 0 and −0 are one value.
        if last != Some(*value) {
            counted.push(Tied { control: 0, treatment: 0 });
            last = Some(*value);
        }
        if let Some(tied) = counted.last_mut() {
            let side = if *label == control { &mut tied.control } else { &mut tied.treatment };
            *side += rows;
        }
    }
    counted
}

/// The first labels.
fn shown(labels: &[String]) -> String {
    let first: Vec<&str> = labels.iter().take(10).map(String::as_str).collect();
    let more = if labels.len() > 10 { " …" } else { "" };
    format!("{}{more}", first.join(", "))
}

fn of(places: &[usize]) -> UInt32Array {
    places.iter().map(|place| Some(*place as u32)).collect()
}

/// The positions of a column's values in a sorted list that contains them all.
fn places(list: &ArrayRef, column: &ArrayRef) -> Result<Vec<usize>> {
    let (_, maps) = sorted(&[Arc::clone(list), Arc::clone(column)])?;
    let [_, of_column] = maps.as_slice() else { return Ok(vec![]) };
    Ok(of_column.iter().map(|place| *place as usize).collect())
}
