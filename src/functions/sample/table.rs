//! Turns blocks of the shop into a table: options, partitions, batches.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;

use super::shop::Shop;
use crate::adapter::relation::{Call, RelationFunction, Roles};
use crate::docs::{Argument, Doc, Takes};

/// One kind of rows of the shop.
pub trait Rows: Send + Sync + 'static {
    const DOC: Doc;
    /// Rows in a block.
    const IN_BLOCK: u64;
    fn fields() -> Vec<FieldRef>;
    fn columns(shop: Shop, block: u64) -> Result<Vec<ArrayRef>>;
}

const MOST: i64 = 1_000_000_000_000;

/// The arguments of all sample tables; only the default of `rows` differs.
pub const fn arguments(rows: &'static str) -> [Argument; 2] {
    [
        Argument::optional("rows", Takes::Integer(0, MOST), rows, "number of rows to make, from the first"),
        Argument::optional(
            "seed",
            Takes::Integer(0, i64::MAX),
            "42",
            "seed of the random numbers; another one gives another shop, so use one for all tables",
        ),
    ]
}

/// The part that all four pages share.
pub const TOGETHER: &str = "\
The rows depend only on `seed` and their position: they are the same on every machine and with any partitioning, and a smaller table is the
beginning of a larger one. 100 customers go with 1,000 orders, 2,500 order items and 2,500 events: `sample_customers(rows => n)` fits
`sample_orders(rows => 10 n)`, `sample_order_items(rows => 25 n)` and `sample_events(rows => 25 n)`. The shop opens on 2023-07-01; the last
day is 2025-06-30.

**Cost.** Rows are made as they are read, in parallel and without files, and memory does not grow with `rows`.

**Elsewhere.** TPC-H and TPC-DS have generators of fixed schemas (`CALL dbgen(sf => 1)` in DuckDB); Python: Faker for single columns. Neither
plants customers with habits, so segments, churn and repeated purchases cannot be found in them.";

/// The relation function of one kind of rows.
pub struct SampleTable<T>(PhantomData<T>);

impl<T> SampleTable<T> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Rows> Debug for SampleTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::DOC.name)
    }
}

impl<T: Rows> RelationFunction for SampleTable<T> {
    fn doc(&self) -> &'static Doc {
        &T::DOC
    }

    fn columns(&self, _roles: &Roles) -> Result<Vec<FieldRef>> {
        Ok(T::fields())
    }

    fn plan(&self, call: Call) -> Result<LogicalPlan> {
        let rows = call.options.integer("rows")?.unsigned_abs();
        let shop = Shop { seed: call.options.integer("seed")?.unsigned_abs() };
        let schema: SchemaRef = Arc::new(Schema::new(T::fields()));
        let blocks = rows.div_ceil(T::IN_BLOCK);
        let partitions = blocks.clamp(1, call.target_partitions.max(1) as u64);
        let partitions = (0..partitions)
            .map(|partition| {
                let blocks = blocks * partition / partitions..blocks * (partition + 1) / partitions;
                let part = Part::<T> { shop, blocks, rows, schema: Arc::clone(&schema), kind: PhantomData };
                Arc::new(part) as Arc<dyn PartitionStream>
            })
            .collect();
        call.scan(Arc::new(StreamingTable::try_new(schema, partitions)?))
    }
}

/// The blocks of one partition.
struct Part<T> {
    shop: Shop,
    blocks: std::ops::Range<u64>,
    /// Rows of the whole table; its last block may be incomplete.
    rows: u64,
    schema: SchemaRef,
    kind: PhantomData<T>,
}

impl<T> Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} blocks {:?}", self.shop, self.blocks)
    }
}

impl<T: Rows> PartitionStream for Part<T> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (shop, rows, schema) = (self.shop, self.rows, Arc::clone(&self.schema));
        let batches = self.blocks.clone().map(move |block| {
            let batch = RecordBatch::try_new(Arc::clone(&schema), T::columns(shop, block)?)?;
            let left = (rows - block * T::IN_BLOCK).min(T::IN_BLOCK);
            Ok(batch.slice(0, left as usize))
        });
        // Making a batch takes long, so a cancelled query ends before the next one.
        let batches = futures::stream::iter(batches).then(|batch| async {
            tokio::task::yield_now().await;
            batch
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}
