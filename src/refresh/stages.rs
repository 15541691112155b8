//! The stages of a refresh: derived tags one after another, and where they need rows written before.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, when};

use super::align::{Align, PRESENT};
use super::changes::{Recorder, names};
use super::combine::{KEY, Piece, combine, null_of, over_rows_of, substitute};
use super::plan::{PlannedTag, own_table};
use crate::catalog::data::{Pinned, Written};
use crate::catalog::published::listing;
use crate::catalog::snapshots::Snapshot;
use crate::error::invalid;

/// The plan of a refresh, a stage at a time. A new stage begins with tags that look at more of the profile than their own row: what is
/// there so far is written to a file for them.
pub struct Stages {
    pub profile: String,
    pub key: String,
    pub key_type: DataType,
    pub plan: LogicalPlan,
    pub derived: Vec<PlannedTag>,
    pub segments: Vec<(String, LogicalPlan)>,
    /// Tags of the stage that begins when the file is written.
    pub waiting: Vec<PlannedTag>,
    pub recorder: Recorder,
    pub newest: Option<Snapshot>,
    pub base: Option<Snapshot>,
    /// The files of both that are read.
    pub pins: Vec<Arc<Pinned>>,
}

pub enum Stage {
    /// To be written to a file first.
    Between(LogicalPlan),
    /// To be published.
    Last(LogicalPlan),
}

impl Stages {
    /// The next plan; `written` holds the rows of the one before.
    pub fn next(&mut self, written: Option<&Written>) -> Result<Stage> {
        if !self.waiting.is_empty() {
            self.begin_stage(written)?;
        }
        while !self.derived.is_empty() {
            let tag = self.derived.remove(0);
            match over_rows_of(&tag.plan, &self.profile, &self.key)? {
                Some((filters, values)) => self.add_column(&names::value(&tag.name), tag.multiple, filters, values)?,
                None => {
                    // Those that follow and need none of these go along.
                    let mut waiting: Vec<PlannedTag> = vec![tag];
                    let (along, later) = self.derived.drain(..).partition(|tag| {
                        let needs = |name: &String| !waiting.iter().any(|other| other.name == *name);
                        matches!(over_rows_of(&tag.plan, &self.profile, &self.key), Ok(None))
                            && tag.needs.iter().flatten().all(needs)
                    });
                    let along: Vec<PlannedTag> = along;
                    self.derived = later;
                    // Tags that need one another stay in different stages.
                    for tag in along {
                        let apart = tag
                            .needs
                            .iter()
                            .flatten()
                            .any(|need| waiting.iter().chain(&self.derived).any(|other| other.name == *need));
                        if apart {
                            self.derived.push(tag);
                        } else {
                            waiting.push(tag);
                        }
                    }
                    self.waiting = waiting;
                    return Ok(Stage::Between(sorted(self.plan.clone())?));
                }
            }
        }
        for (name, plan) in std::mem::take(&mut self.segments) {
            match over_rows_of(&plan, &self.profile, &self.key)? {
                Some((filters, values)) => self.add_column(&names::segment(&name), false, filters, values)?,
                None => {
                    return Err(invalid(&format!("segment {name}"), "a segment is a condition over the columns of one customer"));
                }
            }
        }
        Ok(Stage::Last(sorted(self.plan.clone())?))
    }

    /// Adds what is computed of a customer's own row.
    fn add_column(&mut self, name: &str, multiple: bool, filters: Vec<Expr>, values: Vec<Expr>) -> Result<()> {
        let Some(value) = values.into_iter().next() else { return Ok(()) };
        let value = self.over_plan(value)?;
        let filters = filters.into_iter().map(|filter| self.over_plan(filter)).collect::<Result<Vec<_>>>()?;
        let value = match conjunction(filters) {
            Some(condition) => when(condition, value).end()?,
            None => value,
        };
        let value = if multiple {
            when(value.clone().is_not_null(), datafusion::functions_nested::expr_fn::make_array(vec![value])).end()?
        } else {
            value
        };
        let mut columns: Vec<Expr> = self.plan.schema().columns().into_iter().map(Expr::Column).collect();
        columns.push(value.alias(name));
        self.plan = LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?;
        Ok(())
    }

    /// An expression over the profile as one over the plan.
    fn over_plan(&self, expression: Expr) -> Result<Expr> {
        let mut replacements = vec![];
        for used in expression.column_refs() {
            let name = if used.name == self.key { KEY.to_string() } else { names::value(&used.name) };
            replacements.push((used.clone(), column(&name)));
        }
        substitute(expression, &replacements)
    }

    /// The file that was written takes the place of the plan, and of the profile in the tags that waited for it.
    fn begin_stage(&mut self, written: Option<&Written>) -> Result<()> {
        let schema: SchemaRef =
            Arc::new(Schema::new(self.plan.schema().fields().iter().map(|field| field.as_ref().clone()).collect::<Vec<Field>>()));
        let table: Arc<dyn TableProvider> = match written {
            Some(written) => Arc::new(listing(std::iter::once(written.path()), schema, Some(KEY))?),
            None => Arc::new(EmptyTable::new(schema)),
        };
        let so_far = scan("so_far", table)?;
        let mut pieces = vec![];
        for tag in std::mem::take(&mut self.waiting) {
            let plan = self.over_file(tag.plan, &so_far)?;
            pieces.push(Piece { plan, names: vec![names::value(&tag.name)], multiple: tag.multiple });
        }
        // The first piece of a combination is the profile; here it has no columns of its own.
        let keys = LogicalPlanBuilder::from(so_far.clone()).project(vec![column(KEY)])?.build()?;
        pieces.insert(0, Piece { plan: keys, names: vec![], multiple: false });
        let groups = combine(pieces, &self.key_type)?;
        let labels = std::iter::once("so far".to_string()).chain((1..groups.len()).map(|index| format!("tags {index}")));
        let inputs = std::iter::once(so_far).chain(groups.into_iter().skip(1).map(|group| group.plan)).collect::<Vec<_>>();
        let align = Align {
            profile: self.profile.clone(),
            key: self.key.clone(),
            inputs: labels.collect(),
            leads: (0..inputs.len()).map(|index| index == 0).collect(),
        };
        let plan = align.plan("stage", inputs)?;
        let columns = plan.schema().columns().into_iter().filter(|column| column.name != "stage");
        let columns: Vec<Expr> = columns.map(Expr::Column).collect();
        self.plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        Ok(())
    }

    /// A tag's plan over the file instead of the profile.
    fn over_file(&self, plan: LogicalPlan, so_far: &LogicalPlan) -> Result<LogicalPlan> {
        let own = own_table(&self.profile);
        let replaced = plan.transform_up_with_subqueries(|plan| match &plan {
            LogicalPlan::TableScan(scan)
                if scan.table_name.table() == own.table() && scan.table_name.schema() == own.schema() =>
            {
                let columns = scan.projected_schema.fields().iter().map(|field| {
                    let name = if *field.name() == self.key { KEY.to_string() } else { names::value(field.name()) };
                    // What is planned for this stage too is not there yet, and not needed.
                    let is_there = so_far.schema().has_column_with_unqualified_name(&name);
                    let value =
                        if is_there { cast(column(&name), field.data_type().clone()) } else { null_of(field.data_type())? };
                    Ok(value.alias_qualified(Some(scan.table_name.clone()), field.name()))
                });
                let columns: Vec<Expr> = columns.collect::<Result<_>>()?;
                let present = LogicalPlanBuilder::from(so_far.clone()).filter(column(PRESENT))?;
                Ok(Transformed::yes(present.project(columns)?.build()?))
            }
            _ => Ok(Transformed::no(plan)),
        });
        replaced.data()
    }
}

fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).sort(vec![column(KEY).sort(true, true)])?.build()
}

pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

pub fn scan(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.build()
}
