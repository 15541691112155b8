//! Files of any format as a DataFusion table.
//!
//! A format says where a file may be divided, and makes the plan node that reads parts of files ([`Rows`]). This module has what all
//! formats share: columns from folder names, conditions on these columns that exclude files, and the distribution of the work.

use crate::opaque::forward;
use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, new_null_array};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::ListingTable;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::folders::Folders;
use super::left_out::tell;

/// Files smaller than this are not divided.
const SMALLEST_PART: u64 = 4 << 20;

/// How the files of a table are read.
#[async_trait]
pub trait Rows: Debug + Send + Sync + 'static {
    /// The positions where about `parts` parts of a file begin, each at the start of a row.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn starts(&self, file: usize, parts: usize) -> Result<Vec<u64>>;

    /// The plan node that reads.
    fn plan(self: Arc<Self>, scan: Scan) -> Arc<dyn ExecutionPlan>;
}

/// What a scan reads.
#[derive(Debug)]
pub struct Scan {
    pub layout: Arc<Layout>,
    /// The parts, by partition.
    pub parts: Vec<Vec<Part>>,
    /// The indexes of the projected columns, and their schema.
    pub projection: Vec<usize>,
    pub schema: SchemaRef,
    pub limit: Option<usize>,
}

/// A part of a file.
#[derive(Debug, Clone)]
pub struct Part {
    pub file: usize,
    pub range: Range<u64>,
}

/// The columns of a table over files, and where their values come from.
#[derive(Debug)]
pub struct Layout {
    /// The columns of the files, then those of the folders.
    pub schema: SchemaRef,
    /// The number of columns that come from the files.
    pub width: usize,
    pub folders: Folders,
    /// The size of each file in bytes.
    pub sizes: Vec<u64>,
}

impl Layout {
    /// The columns of files and folders. A folder column replaces a file's column of the same name.
    pub fn new(own: &Schema, folders: Folders, sizes: Vec<u64>) -> Self {
        let own = own.fields().iter().filter(|field| !folders.has(field.name())).cloned();
        let mut fields: Vec<Arc<Field>> = own.collect();
        let width = fields.len();
        fields.extend(folders.fields.iter().cloned().map(Arc::new));
        Self { schema: Arc::new(Schema::new(fields)), width, folders, sizes }
    }

    /// The index of a file's column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.schema.index_of(name).ok().filter(|column| *column < self.width)
    }
}

impl Scan {
    /// The details that EXPLAIN shows.
    pub fn describe(&self) -> String {
        let mut files: Vec<usize> = self.parts.iter().flatten().map(|part| part.file).collect();
        files.sort_unstable();
        files.dedup();
        let limit = self.limit.map(|limit| format!(", limit={limit}")).unwrap_or_default();
        format!("files={} of {}{limit}", files.len(), self.layout.sizes.len())
    }

    /// A batch of rows from a file. Columns that the file does not have are NULL.
    ///
    /// # Errors
    /// The columns differ in length or type from the schema.
    pub fn batch(&self, file: usize, read: &HashMap<usize, ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let folders: &[ScalarValue] = self.layout.folders.values(file);
        let columns = self.projection.iter().zip(self.schema.fields()).map(|(column, field)| {
            match (read.get(column), column.checked_sub(self.layout.width).and_then(|folder| folders.get(folder))) {
                (Some(array), _) => Ok(Arc::clone(array)),
                (None, Some(folder)) => folder.to_array_of_size(rows),
                (None, None) => Ok(new_null_array(field.data_type(), rows)),
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect::<Result<_>>()?, &options)?)
    }
}

/// A table over files.
#[derive(Debug)]
pub struct FilesTable {
    layout: Arc<Layout>,
    rows: Arc<dyn Rows>,
    /// What was detected in the files, and how to override it.
    pub told: Option<String>,
    /// Notes about what its places have besides the files.
    pub left_out: Vec<String>,
    /// The table that inserted rows are written through, if it can be inserted into.
    pub inserts: Option<Arc<ListingTable>>,
}

impl FilesTable {
    /// The same table, with the text that DESCRIBE shows about its files.
    pub fn telling(self, told: Option<String>) -> Self {
        Self { told, ..self }
    }

    /// The same table, with notes about what its places have besides the files.
    pub fn leaving_out(self, notes: Vec<String>) -> Self {
        Self { left_out: [notes, self.left_out].concat(), ..self }
    }

    /// The same table, inserting rows through `inserts`.
    pub fn inserting(self, inserts: Option<Arc<ListingTable>>) -> Self {
        Self { inserts, ..self }
    }

    /// The columns, and where they come from.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn new(layout: Layout, rows: Arc<dyn Rows>) -> Self {
        Self { layout: Arc::new(layout), rows, told: None, left_out: vec![], inserts: None }
    }
}

impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.layout.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let decided = |filter: &&Expr| match self.layout.folders.decide(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(decided).collect())
    }

    forward! {
        fn scan<'state, 'columns, 'filters>(
            &self,
            state: &'state dyn Session,
            projection: Option<&'columns Vec<usize>>,
            filters: &'filters [Expr],
            limit: Option<usize>
        ) -> Result<Arc<dyn ExecutionPlan>> = Self::planned
    }
}

impl FilesTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            tell(state, &self.left_out);
            let layout = &self.layout;
            let projection = projection.cloned().unwrap_or_else(|| (0..layout.schema.fields().len()).collect());
            let is_read = layout.folders.matching(state, filters)?;
            let files = || (0..layout.sizes.len()).filter(|file| is_read.get(*file) != Some(&false));
            // A scan with a limit reads from the beginning, so that it stops early.
            let partitions = if limit.is_some() { 1 } else { state.config().target_partitions().max(1) };
            let total: u64 = files().map(|file| layout.sizes[file]).sum();
            let share = total.div_ceil(partitions as u64).max(SMALLEST_PART);
            let mut groups: Vec<Vec<Part>> = vec![vec![]; partitions];
            let mut taken = vec![0_u64; partitions];
            for file in files() {
                let size = layout.sizes[file];
                let count = usize::try_from(size.div_ceil(share)).unwrap_or(1);
                let starts = self.rows.starts(file, count).await?;
                let ends = starts.iter().skip(1).copied().chain([size]);
                for (start, end) in starts.iter().copied().zip(ends) {
                    // To the partition with the fewest bytes so far, in file order, so that the result is deterministic.
                    let least = (0..partitions).min_by_key(|group| taken[*group]).unwrap_or(0);
                    groups[least].push(Part { file, range: start..end });
                    taken[least] += end.saturating_sub(start);
                }
            }
            groups.retain(|group| !group.is_empty());
            let schema = Arc::new(layout.schema.project(&projection)?);
            Ok(Arc::clone(&self.rows).plan(Scan { layout: Arc::clone(layout), parts: groups, projection, schema, limit }))
        })
    }
}
