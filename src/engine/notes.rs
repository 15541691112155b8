//! The notes of a plan's steps for the user: which rows were left out, and what to know about the result.
//!
//! A relation that a query reads twice, as in `recommend(x, association_rules(x, …))`, has rows left out twice. Where two steps work on the
//! same rows of the same source, what they left out is counted once.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};

use crate::adapter::step::{LeftOut, left_out, told};

/// Operators that do not change rows.
const PASS_ON: [&str; 6] =
    ["ProjectionExec", "RepartitionExec", "CoalescePartitionsExec", "CoalesceBatchesExec", "CooperativeExec", "UsableRows"];

/// The notes of a plan that has finished.
pub fn notes_of(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let (mut notes, mut counts) = (vec![], BTreeMap::new());
    add(plan, &mut notes, &mut counts);
    let mut totals: BTreeMap<String, (usize, LeftOut)> = BTreeMap::new();
    for ((counter, _), (count, what)) in counts {
        totals.entry(counter).or_insert((0, what)).0 += count;
    }
    notes.extend(totals.into_values().map(|(count, what)| what.told(count)));
    notes
}

/// Counts by counter and source.
type Counts = BTreeMap<(String, String), (usize, LeftOut)>;

fn add(plan: &Arc<dyn ExecutionPlan>, notes: &mut Vec<String>, counts: &mut Counts) {
    if let Some(metrics) = plan.metrics() {
        for note in told(&metrics) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let mut own = BTreeMap::new();
        left_out(&metrics, &mut own);
        if !own.is_empty() {
            let source = source(plan);
            for (counter, (count, what)) in own {
                let known = counts.entry((counter, source.clone())).or_insert((0, what));
                known.0 = known.0.max(count);
            }
        }
    }
    plan.children().into_iter().for_each(|child| add(child, notes, counts));
}

/// Identifies the rows that a step works on, independent of the columns it uses.
fn source(plan: &Arc<dyn ExecutionPlan>) -> String {
    let mut text = String::new();
    describe(plan, &mut text);
    text
}

fn describe(plan: &Arc<dyn ExecutionPlan>, text: &mut String) {
    let line = displayable(plan.as_ref()).one_line().to_string();
    if !PASS_ON.iter().any(|name| line.starts_with(name)) {
        let (before, after) = line.split_once("projection=[").unwrap_or((&line, ""));
        let after = after.split_once(']').map_or("", |(_, after)| after);
        let _ = writeln!(text, "{before}{after}");
    }
    // Tables in memory are displayed alike, so add the addresses of their columns.
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(memory) = source.data_source().downcast_ref::<MemorySourceConfig>()
    {
        let columns = memory.partitions().iter().flatten().filter_map(|batch| batch.columns().first());
        columns.for_each(|column| {
            let _ = writeln!(text, "{:p}", Arc::as_ptr(column));
        });
    }
    plan.children().into_iter().for_each(|child| describe(child, text));
}
