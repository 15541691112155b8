//! `system.tables`, `system.profiles`, `system.tags` …: the objects of one kind.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::SystemTable;
use crate::docs::Column;
use crate::objects::kind::Kind;
use crate::objects::lifecycle::definitions;
use crate::statement::StatementContext;

/// The table of a kind.
#[derive(Debug)]
pub struct Objects(pub &'static dyn Kind);

impl SystemTable for Objects {
    fn name(&self) -> &'static str {
        self.0.system_table()
    }

    fn summary(&self) -> &'static str {
        self.0.listed()
    }

    fn columns(&self) -> &'static [Column] {
        self.0.columns()
    }

    fn values(&self, context: &StatementContext) -> Result<Vec<ArrayRef>> {
        self.0.values(&definitions(self.0, context)?, context)
    }
}
