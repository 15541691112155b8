//! What a refresh reads, set side by side by the key.
//!
//! Every input is a plan of key and columns. They are merged by the key rather than joined: each input has its key once, all are
//! put into its order, and one pass over all of them takes one batch of each in memory, where a join of thirty inputs would keep
//! twenty-nine in hash tables. The merge is full and outer for two inputs, which *lead*: a row appears for every customer of the
//! profile, and for every one of the state before, as the values of those who left must close. What other inputs have of
//! nobody in either is passed over.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};

use super::align::Align;
use super::columns::{self, KEY, PRESENT, WAS_THERE, column};
use super::combine::{KeyedQuery, combine_with_profile};
use super::plan::PlannedTag;
use super::published::state_table;
use super::recorder::{DroppedTag, TagToRecord};
use super::stages::{of_promised_types, scan};
use crate::catalog::data::Pinned;
use crate::catalog::snapshots::{ColumnRole, Snapshot};
use crate::catalog::view::View;

/// The inputs of a refresh.
pub struct Inputs<'a> {
    view: &'a View,
    profile: &'a str,
    inputs: Vec<Input>,
    /// The files of earlier snapshots that are read.
    pub pins: Vec<Arc<Pinned>>,
}

struct Input {
    plan: LogicalPlan,
    /// What it is, in EXPLAIN.
    label: String,
    /// Whether all of its keys appear.
    leads: bool,
}

impl<'a> Inputs<'a> {
    /// The profile's own query, and the tags that are computed of their sources.
    ///
    /// # Errors
    /// A fault of the program.
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

    /// The values that are not computed anew, with the versions that gave them.
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

    /// The state before: values, beginnings and versions of tags, and members of segments. Gives the tags that are no more.
    ///
    /// # Errors
    /// The files of the snapshot are damaged.
    pub fn add_state_before(&mut self, base: &Snapshot, tags: &[TagToRecord]) -> Result<Vec<DroppedTag>> {
        let mut dropped = vec![];
        let mut selected = vec![column(KEY), lit(true).alias(WAS_THERE)];
        for before in base.columns.iter().filter(|column| column.has_history()) {
            let multiple = before.role == ColumnRole::Tags;
            let now = tags.iter().find(|tag| tag.name == before.name);
            let mut own = before.name.clone();
            if now.is_none_or(|now| now.multiple != multiple) {
                // Also a tag that now has several values where it had one, or the other way: the old values close.
                own = format!("{own}:before");
                dropped.push(DroppedTag { tag: before.name.clone(), column: own.clone(), multiple });
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

    /// The plan of all of them, with the files that it reads.
    ///
    /// # Errors
    /// A fault of the program.
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
