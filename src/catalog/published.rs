//! Data files as a table of DataFusion.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::data::Pinned;

/// Files as a table. They are neither listed nor replaced: what a query reads is settled when it is planned, and stays until it ends.
pub struct PublishedTable {
    listing: ListingTable,
    /// Who is told apart from other tables by it: `customer, snapshot 7`.
    pub label: String,
    pins: Arc<Vec<Arc<Pinned>>>,
}

impl fmt::Debug for PublishedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishedTable({})", self.label)
    }
}

impl PublishedTable {
    /// The files that it holds.
    pub fn pins(&self) -> &[Arc<Pinned>] {
        &self.pins
    }

    /// A table over files of one schema; `sorted_by` is the column each file is in the order of.
    pub fn new(label: String, schema: SchemaRef, pins: Vec<Arc<Pinned>>, sorted_by: Option<&str>) -> Result<Self> {
        let paths = pins.iter().map(|pin| pin.path.as_path());
        let listing = listing(paths, schema, sorted_by)?;
        Ok(Self { listing, label, pins: Arc::new(pins) })
    }
}

/// A table over the files at these paths.
pub fn listing<'a>(paths: impl Iterator<Item = &'a Path>, schema: SchemaRef, sorted_by: Option<&str>) -> Result<ListingTable> {
    let urls = paths.map(|path| ListingTableUrl::parse(path.display().to_string())).collect::<Result<Vec<_>>>()?;
    let order = sorted_by.map(|name| vec![Expr::Column(Column::new_unqualified(name)).sort(true, true)]);
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_sort_order(order.into_iter().collect());
    let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
    ListingTable::try_new(config)
}

#[async_trait]
impl TableProvider for PublishedTable {
    fn schema(&self) -> SchemaRef {
        self.listing.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.listing.scan(state, projection, filters, limit).await?;
        let Some(source) = plan.downcast_ref::<DataSourceExec>() else { return Ok(plan) };
        let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>() else { return Ok(plan) };
        let mut scan = scan.clone();
        // The plan holds the files, for as long as it lives.
        let hold = |file: PartitionedFile| file.with_extension(Arc::clone(&self.pins));
        scan.file_groups = scan.file_groups.into_iter().map(|group| group.into_inner().into_iter().map(hold).collect()).collect();
        Ok(DataSourceExec::from_data_source(scan))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.listing.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.listing.statistics()
    }
}
