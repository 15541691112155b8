//! Writes Parquet files whose pages have checksums. DataFusion encodes the rows on several threads; the checksums are added on the way to
//! the store.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::file_format::parquet::ParquetSink;
use datafusion::datasource::file_format::write::demux::DemuxedStreamReceiver;
use datafusion::datasource::physical_plan::{FileSink, FileSinkConfig};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::future::try_join_all;
use futures::stream::BoxStream;
use futures::{FutureExt, TryFutureExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, UploadPart,
};

use crate::formats::Checksums;
use crate::walk::Tree;

/// The bytes of a part that is uploaded: stores want parts of one length, of five megabytes or more.
const PART: usize = 10 << 20;

/// Gives the pages of Parquet files that a plan writes their checksums.
#[derive(Debug)]
pub struct ChecksumsOfPages;

impl PhysicalOptimizerRule for ChecksumsOfPages {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.changed_up(|plan| {
            let Some(writing) = plan.downcast_ref::<DataSinkExec>() else { return Ok(Transformed::no(plan)) };
            let Some(config) = parquet(writing).map(|sink| sink.config().clone()) else { return Ok(Transformed::no(plan)) };
            let sink = Arc::new(CheckedSink { writing: writing.clone(), config });
            let checked = DataSinkExec::new(Arc::clone(writing.input()), sink, writing.sort_order().clone());
            Ok(Transformed::yes(Arc::new(checked) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &str {
        "checksums_of_pages"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn parquet(writing: &DataSinkExec) -> Option<&ParquetSink> {
    writing.sink().downcast_ref()
}

/// The Parquet sink of a plan, writing through [`CheckedStore`].
#[derive(Debug)]
struct CheckedSink {
    /// The plan node with the sink, which cannot be taken out of it.
    writing: DataSinkExec,
    config: FileSinkConfig,
}

impl DisplayAs for CheckedSink {
    fn fmt_as(&self, style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.writing.sink().fmt_as(style, f)
    }
}

#[async_trait]
impl DataSink for CheckedSink {
    fn schema(&self) -> &SchemaRef {
        self.writing.sink().schema()
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.writing.sink().metrics()
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        FileSink::write_all(self, data, context).await
    }
}

#[async_trait]
impl FileSink for CheckedSink {
    fn config(&self) -> &FileSinkConfig {
        &self.config
    }

    async fn spawn_writer_tasks_and_join(
        &self,
        context: &Arc<TaskContext>,
        divided: SpawnedTask<Result<()>>,
        files: DemuxedStreamReceiver,
        store: Arc<dyn ObjectStore>,
    ) -> Result<u64> {
        let Some(sink) = parquet(&self.writing) else { return internal_err!("this sink writes Parquet") };
        sink.spawn_writer_tasks_and_join(context, divided, files, Arc::new(CheckedStore(store))).await
    }
}

/// A store that gives Parquet files checksums as they are written.
#[derive(Debug)]
struct CheckedStore(Arc<dyn ObjectStore>);

impl Display for CheckedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

type Stored<T> = object_store::Result<T>;

/// The error of a file that cannot be followed.
fn unfit(error: std::io::Error) -> Error {
    Error::Generic { store: "Parquet", source: Box::new(error) }
}

#[async_trait]
impl ObjectStore for CheckedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Stored<PutResult> {
        let (mut checksums, mut out) = (Checksums::default(), Vec::with_capacity(payload.content_length()));
        payload.iter().for_each(|bytes| checksums.take(bytes, &mut out));
        checksums.finish(&mut out).map_err(unfit)?;
        self.0.put_opts(location, out.into(), options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Stored<Box<dyn MultipartUpload>> {
        let upload = self.0.put_multipart_opts(location, options).await?;
        Ok(Box::new(CheckedUpload { upload, checksums: Checksums::default(), waiting: vec![] }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Stored<GetResult> {
        self.0.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Stored<Path>>) -> BoxStream<'static, Stored<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Stored<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Stored<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Stored<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// A file that is uploaded in parts.
#[derive(Debug)]
struct CheckedUpload {
    upload: Box<dyn MultipartUpload>,
    checksums: Checksums,
    /// Bytes that are not uploaded yet.
    waiting: Vec<u8>,
}

#[async_trait]
impl MultipartUpload for CheckedUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        payload.iter().for_each(|bytes| self.checksums.take(bytes, &mut self.waiting));
        let mut parts = vec![];
        while self.waiting.len() >= PART {
            let rest = self.waiting.split_off(PART);
            let part = std::mem::replace(&mut self.waiting, rest);
            parts.push(self.upload.put_part(part.into()));
        }
        try_join_all(parts).map_ok(|_| ()).boxed()
    }

    async fn complete(&mut self) -> Stored<PutResult> {
        self.checksums.finish(&mut self.waiting).map_err(unfit)?;
        for part in std::mem::take(&mut self.waiting).chunks(PART) {
            self.upload.put_part(part.to_vec().into()).await?;
        }
        self.upload.complete().await
    }

    async fn abort(&mut self) -> Stored<()> {
        self.upload.abort().await
    }
}
