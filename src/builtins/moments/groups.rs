//! Many groups.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, UInt64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::{Rows, merge, states};
use crate::kernels::sums::moments::{Moment, Moments};

#[derive(Debug)]
pub struct Groups(pub Moments);

impl Groups {
    fn emitted(&self, emit: EmitTo) -> usize {
        match emit {
            EmitTo::All => self.0.groups(),
            EmitTo::First(first) => first,
        }
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.0.grow(total);
        let rows = Rows::of(self.0.moment(), values, filter)?;
        match rows.plain() {
            Some(numbers) => self.0.add_each(groups, numbers),
            None => rows.each(|row, first, second| self.0.add(groups[row], first, second)),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.grow(total);
        merge(&mut self.0, states, |row| groups[row])
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let first = self.emitted(emit);
        let results: ArrayRef = match self.0.moment() {
            Moment::Count => Arc::new(UInt64Array::from_iter_values((0..first).map(|group| self.0.rows(group).unsigned_abs()))),
            _ => Arc::new(Float64Array::from_iter((0..first).map(|group| self.0.value(group)))),
        };
        self.0.forget(first);
        Ok(results)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let first = self.emitted(emit);
        let columns = states(&self.0, first);
        self.0.forget(first);
        Ok(columns)
    }

    /// Each row becomes a group of its own.
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut each = Self(Moments::new(self.0.moment()));
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
