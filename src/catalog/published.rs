//! Data files as a table of DataFusion.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::data::Pinned;
use super::decrypting::format;
use super::intervals::{self, Restored};
use super::store::{DATA_URL, damaged};
use crate::error::failed;
use crate::opaque::forward;

/// A table over fixed files. They are neither listed nor replaced: which files a query reads is decided when it is planned, and they stay
/// until it ends.
pub struct PublishedTable {
    listing: ListingTable,
    /// Its columns, where intervals are intervals.
    schema: SchemaRef,
    /// Whether the rows of each file are sorted.
    is_sorted: bool,
    /// The name of the profile or table.
    pub of: String,
    /// The id of the snapshot.
    pub snapshot: i64,
    pins: Arc<Vec<Arc<Pinned>>>,
}

impl fmt::Debug for PublishedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishedTable({})", self.label())
    }
}

impl PublishedTable {
    /// The label shown in EXPLAIN, such as `customer, snapshot 7`.
    pub fn label(&self) -> String {
        format!("{}, snapshot {}", self.of, self.snapshot)
    }

    /// The files of the table.
    pub fn pins(&self) -> &[Arc<Pinned>] {
        &self.pins
    }

    /// Checks that a scan reads all files of the table with their original sizes. With a limit, it may leave out whole files.
    fn check(&self, scan: Option<&FileScanConfig>, limit: Option<usize>) -> Result<()> {
        let mut left: HashMap<&str, &Pinned> = self.pins.iter().map(|pin| (pin.name.as_str(), pin.as_ref())).collect();
        for file in scan.iter().flat_map(|scan| &scan.file_groups).flat_map(|group| group.iter()) {
            let name = file.object_meta.location.as_ref();
            match left.remove(name) {
                Some(pin) if pin.bytes == file.object_meta.size => {}
                Some(pin) => return Err(damaged(&pin.path, "its size is not the one that was written")),
                None => {
                    return Err(failed(&self.label(), format!("reads {name}, which is not one of its files, or reads it twice")));
                }
            }
        }
        match left.values().next() {
            Some(pin) if limit.is_none() || limit > Some(0) && left.len() == self.pins.len() => {
                Err(failed(&pin.path.display().to_string(), "is missing from what is read; the rows would be incomplete"))
            }
            _ => Ok(()),
        }
    }

    /// The files in the order in which they were written, in as many groups. A listing has them in the order of their names, which are
    /// random: which rows LIMIT takes would be others in each database.
    fn in_order(&self, groups: Vec<FileGroup>) -> Vec<FileGroup> {
        let places: HashMap<&str, usize> = self.pins.iter().enumerate().map(|(place, pin)| (pin.name.as_str(), place)).collect();
        let count = groups.len();
        let mut files: Vec<PartitionedFile> = groups.into_iter().flat_map(FileGroup::into_inner).collect();
        files.sort_by_key(|file| places.get(file.object_meta.location.as_ref()).copied());
        in_groups(&files, count)
    }

    /// The table of a snapshot over files with one schema; `sorted_by` is the column that each file is sorted by.
    pub fn new((of, snapshot): (&str, i64), schema: SchemaRef, pins: Vec<Arc<Pinned>>, sorted_by: Option<&str>) -> Result<Self> {
        let is_encrypted = pins.first().is_some_and(|pin| pin.is_encrypted());
        let listing = listing(pins.iter().map(|pin| pin.name.as_str()), &schema, sorted_by, is_encrypted)?;
        Ok(Self { listing, schema, is_sorted: sorted_by.is_some(), of: of.into(), snapshot, pins: Arc::new(pins) })
    }
}

/// Files divided into at most this many groups, in their order. DataFusion would sort them by their names.
pub fn in_groups(files: &[PartitionedFile], most: usize) -> Vec<FileGroup> {
    let size = files.len().div_ceil(most.max(1)).max(1);
    files.chunks(size).map(|files| FileGroup::new(files.to_vec())).collect()
}

/// A table over a data file with these columns that no snapshot has yet.
///
/// # Errors
/// The name is no place.
pub fn unpublished(name: &str, schema: &SchemaRef, sorted_by: &str, is_encrypted: bool) -> Result<Arc<dyn TableProvider>> {
    let files = listing(std::iter::once(name), schema, Some(sorted_by), is_encrypted)?;
    Ok(Arc::new(Restored::new(Arc::new(files))))
}

/// A table over the data files of these names, with the columns as files have them.
fn listing<'a>(
    names: impl Iterator<Item = &'a str>,
    schema: &SchemaRef,
    sorted_by: Option<&str>,
    is_encrypted: bool,
) -> Result<ListingTable> {
    let urls = names.map(|name| ListingTableUrl::parse(format!("{DATA_URL}{name}"))).collect::<Result<Vec<_>>>()?;
    let order = sorted_by.map(|name| vec![Expr::Column(Column::new_unqualified(name)).sort(true, true)]);
    let options = ListingOptions::new(Arc::new(format(is_encrypted))).with_file_sort_order(order.into_iter().collect());
    let config =
        ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(intervals::stored(schema));
    ListingTable::try_new(config)
}

impl TableProvider for PublishedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
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

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        intervals::pushed_down(filters, &self.schema, |filters| self.listing.supports_filters_pushdown(filters))
    }

    fn statistics(&self) -> Option<Statistics> {
        self.listing.statistics()
    }
}

impl PublishedTable {
    fn planned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let plan = self.listing.scan(state, projection, filters, limit).await?;
            let source = plan.downcast_ref::<DataSourceExec>();
            let scan = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
            self.check(scan, limit)?;
            let Some(scan) = scan else { return intervals::restoring(plan) };
            let mut scan = scan.clone();
            if !self.is_sorted {
                scan.file_groups = self.in_order(scan.file_groups);
            }
            // The plan keeps the files locked as long as it lives.
            let hold = |file: PartitionedFile| file.with_extension(Arc::clone(&self.pins));
            scan.file_groups =
                scan.file_groups.into_iter().map(|group| group.into_inner().into_iter().map(hold).collect()).collect();
            intervals::restoring(DataSourceExec::from_data_source(scan))
        })
    }
}
