//! A table with row identity: its columns, and in addition the number of the file and of the row in it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileScanConfigBuilder;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use parquet::arrow::RowNumber;

use crate::catalog::data::Pinned;
use crate::catalog::decrypting::format;
use crate::catalog::intervals;
use crate::catalog::published::in_groups;
use crate::catalog::store::DATA_URL;

/// The column with the file number. The colon keeps the name apart from those of ordinary columns.
pub const FILE: &str = "portrait:file";
/// The column with the row number within the file.
pub const ROW: &str = "portrait:row";

/// The files of a table, as rows with their identity.
#[derive(Debug)]
pub struct Identified {
    columns: TableSchema,
    /// The columns, where intervals are intervals.
    schema: SchemaRef,
    pins: Arc<Vec<Arc<Pinned>>>,
    told: Vec<(String, &'static str)>,
}

impl Identified {
    /// A table over these files, with these columns; `told` are those of strings that are values of a type of PostgreSQL, with its name.
    pub fn new(columns: &SchemaRef, pins: Vec<Arc<Pinned>>, told: Vec<(String, &'static str)>) -> Self {
        let row = Field::new(ROW, DataType::Int64, false).with_extension_type(RowNumber);
        let columns = TableSchema::builder(intervals::stored(columns))
            .with_table_partition_cols(vec![Arc::new(Field::new(FILE, DataType::Int64, false)) as FieldRef])
            .with_virtual_columns(vec![Arc::new(row) as FieldRef])
            .build();
        let schema = intervals::restored(columns.table_schema());
        Self { columns, schema, pins: Arc::new(pins), told }
    }

    /// The columns of strings that are values of a type of PostgreSQL, with its name.
    pub fn told(&self) -> &[(String, &'static str)] {
        &self.told
    }
}

#[async_trait]
impl TableProvider for Identified {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let file = |(number, pin): (i64, &Arc<Pinned>)| {
            let mut file = PartitionedFile::new(pin.name.as_str(), pin.bytes);
            file.partition_values = vec![ScalarValue::Int64(Some(number))];
            // The plan keeps the files locked as long as it lives.
            file.with_extension(Arc::clone(&self.pins))
        };
        let files: Vec<PartitionedFile> = (0..).zip(self.pins.iter()).map(file).collect();
        let format = format(self.pins.first().is_some_and(|pin| pin.is_encrypted()));
        let source = format.file_source(self.columns.clone());
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::parse(DATA_URL)?, source)
            .with_file_groups(in_groups(&files, state.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .build();
        intervals::restoring(format.create_physical_plan(state, scan).await?)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The optimizer pushes conditions into the scan later, once it has the plan.
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }
}
