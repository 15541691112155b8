//! The inputs of a refresh, aligned by the key.
//!
//! Every input is a plan of a key and columns, with unique keys and sorted by key. The inputs are merged by key rather than joined: one
//! pass over all of them holds one batch of each in memory, where joins of thirty inputs would keep twenty-nine in hash tables. Two inputs
//! *lead*: the profile, and the previous state, as the values of customers who left must close. There is a row for every key of these two;
//! rows of other inputs with another key are skipped.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};

use super::align::Align;
use super::columns::{self, KEY, PRESENT, WAS_THERE, column};
use super::combine::{KeyedQuery, combine_with_profile};
use super::plan::PlannedTag;
use super::published::state_table;
use super::recorder::{DroppedTag, TagToRecord, is_same_type, stored};
use super::stages::{of_promised_types, scan};
use crate::catalog::data::Pinned;
use crate::catalog::snapshots::{ColumnRole, Snapshot};
use crate::catalog::view::View;

/// The inputs of a refresh.
pub struct Inputs<'a> {
    view: &'a View,
    profile: &'a str,
    inputs: Vec<Input>,
    /// The files of earlier snapshots that are read, locked against deletion.
    pub pins: Vec<Arc<Pinned>>,
}

/// The customers and attributes that a snapshot has, in place of the profile's own query, with the files that are read. `None` when the
/// snapshot lacks an attribute, or has it with another type.
///
/// # Errors
/// The files of the snapshot are damaged.
pub fn published_customers(
    view: &View,
    profile: &str,
    known: &Snapshot,
    attributes: &[Field],
) -> Result<Option<(LogicalPlan, Vec<Arc<Pinned>>)>> {
    let table = state_table(view, profile, known)?;
    let schema = table.schema();
    let mut selected = vec![column(KEY)];
    for attribute in attributes {
        let value = columns::value(attribute.name());
        let is_published = known.columns_of(ColumnRole::Attribute).any(|column| column.name == *attribute.name());
        let is_same =
            schema.field_with_name(&value).is_ok_and(|field| is_same_type(field.data_type(), &stored(attribute.data_type())));
        if !is_published || !is_same {
            return Ok(None);
        }
        selected.push(column(&value));
    }
    let pins = table.pins().to_vec();
    let plan = LogicalPlanBuilder::from(scan("customers", Arc::new(table))?).project(selected)?.build()?;
    Ok(Some((plan, pins)))
}

struct Input {
    plan: LogicalPlan,
    /// Its label in EXPLAIN.
    label: String,
    /// Whether every one of its keys appears in the result.
    leads: bool,
}

impl<'a> Inputs<'a> {
    /// The inputs that come from sources: the profile's own query, and the tags that do not read the profile.
    ///
    /// # Errors
    /// Internal errors only.
    pub fn of_sources(
        view: &'a View,
        profile: &'a str,
        own: LogicalPlan,
        attributes: &[Field],
        tags: &[PlannedTag],
        key_type: &DataType,
    ) -> Result<Self> {
        let names = attributes.iter().map(|field| columns::value(field.name())).collect();
        let own = KeyedQuery { plan: own, names, multiple: false };
        let tags = tags.iter().map(|tag| KeyedQuery {
            plan: tag.plan.clone(),
            names: vec![columns::value(&tag.name)],
            multiple: tag.multiple,
        });
        let plans = combine_with_profile(own, tags.collect(), key_type)?;
        let inputs = plans.into_iter().enumerate().map(|(index, plan)| match index {
            0 => Input { plan, label: profile.to_string(), leads: true },
            _ => Input { plan, label: format!("tags {index}"), leads: false },
        });
        Ok(Self { view, profile, inputs: inputs.collect(), pins: vec![] })
    }

    /// Adds the values that are not recomputed, with the versions that produced them.
    ///
    /// # Errors
    /// The files of the snapshot are damaged.
    pub fn add_kept(&mut self, known: &Snapshot, kept: &[TagToRecord]) -> Result<()> {
        let mut selected = vec![column(KEY)];
        for tag in kept {
            selected.push(column(&columns::value(&tag.name)));
            selected.push(column(&columns::version(&tag.name)).alias(columns::kept_version(&tag.name)));
        }
        let plan = self.state("kept", known)?.project(selected)?.build()?;
        self.inputs.push(Input { plan, label: "kept".into(), leads: false });
        Ok(())
    }

    /// Adds the previous state: the values, starts and versions of tags, and segment members. Returns the tags that no longer exist.
    ///
    /// # Errors
    /// The files of the snapshot are damaged.
    pub fn add_state_before(&mut self, base: &Snapshot, tags: &[TagToRecord]) -> Result<Vec<DroppedTag>> {
        let mut dropped = vec![];
        let mut selected = vec![column(KEY), lit(true).alias(WAS_THERE)];
        for before in base.columns.iter().filter(|column| column.has_history()) {
            let mut own = before.name.clone();
            if !tags.iter().any(|tag| tag.name == before.name) {
                own = format!("{own}:before");
                dropped.push(DroppedTag { tag: before.name.clone(), column: own.clone() });
            }
            selected.push(column(&columns::value(&before.name)).alias(columns::was(&own)));
            selected.push(column(&columns::since(&before.name)).alias(columns::since(&own)));
            selected.push(column(&columns::version(&before.name)).alias(columns::version(&own)));
        }
        for segment in base.columns_of(ColumnRole::Segment) {
            selected.push(column(&columns::segment(&segment.name)).alias(columns::was_in(&segment.name)));
        }
        let plan = self.state("before", base)?.project(selected)?.build()?;
        self.inputs.push(Input { plan, label: "state before".into(), leads: true });
        Ok(dropped)
    }

    fn state(&mut self, name: &str, snapshot: &Snapshot) -> Result<LogicalPlanBuilder> {
        let table = state_table(self.view, self.profile, snapshot)?;
        self.pins.extend_from_slice(table.pins());
        Ok(LogicalPlanBuilder::from(scan(name, Arc::new(table))?))
    }

    /// The plan that aligns all inputs, with the files that it reads.
    ///
    /// # Errors
    /// Internal errors only.
    pub fn aligned(self, key: &str) -> Result<(LogicalPlan, Vec<Arc<Pinned>>)> {
        let align = Align {
            profile: self.profile.into(),
            key: key.into(),
            inputs: self.inputs.iter().map(|input| input.label.clone()).collect(),
            leads: self.inputs.iter().map(|input| input.leads).collect(),
        };
        let inputs = self.inputs.into_iter().map(|input| of_promised_types(input.plan)).collect::<Result<_>>()?;
        let plan = align.plan(PRESENT, inputs)?;
        Ok((plan, self.pins))
    }
}
