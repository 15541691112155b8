//! Writes files for COPY and INSERT, with the same writers that the shell uses for results.
//!
//! DataFusion distributes the rows among files and folders, and [`ResultWriter`] writes the contents of each file. Parquet is the
//! exception: DataFusion itself encodes its columns on several threads.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{GetExt, Result, Statistics};
use datafusion::datasource::file_format::arrow::ArrowFormatFactory;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::write::ObjectWriterBuilder;
use datafusion::datasource::file_format::write::demux::DemuxedStreamReceiver;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSink, FileSinkConfig, FileSource};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use encoding_rs::{Encoding, UTF_8};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::Receiver;

use super::csv::options::{encoding, one_character};
use crate::adapter::step::Notes;
use crate::error::{did_you_mean, failed, invalid};
use crate::formats::{CsvStyle, Format, Lost, ResultWriter, TableStyle};

/// The bytes that are collected before they are written to the file.
const WAITING: usize = 1 << 20;

/// The formats written here, by the keyword for STORED AS, which is also a file extension.
const WRITTEN: [(&str, Format); 7] = [
    ("csv", Format::Csv),
    ("tsv", Format::Csv),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("jsonl", Format::Ndjson),
    ("xlsx", Format::Excel),
    ("excel", Format::Excel),
];

/// The format factories to register with DataFusion.
pub fn factories() -> Vec<Arc<dyn FileFormatFactory>> {
    let written = WRITTEN.iter().map(|(word, format)| Arc::new(Factory { word, format: *format }) as Arc<dyn FileFormatFactory>);
    written.chain([Arc::new(ArrowFiles) as Arc<dyn FileFormatFactory>]).collect()
}

/// Fails for a word after STORED AS or FORMAT that is no format; the engine would go by the name of the file.
///
/// # Errors
/// There is no such format.
pub fn check_format(word: &str) -> Result<()> {
    let mut known = WRITTEN.iter().map(|(word, _)| *word).chain(["parquet", "arrow"]);
    if known.clone().any(|known| known.eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    let suggestion = did_you_mean(word, known.by_ref());
    let problem = format!(
        "there is no format '{}'{suggestion}; there is parquet, csv, tsv, json, ndjson, excel and arrow",
        word.to_lowercase()
    );
    Err(invalid("COPY", problem))
}

/// DataFusion's own writer of Arrow files, which ignores all options.
#[derive(Debug)]
struct ArrowFiles;

impl GetExt for ArrowFiles {
    fn get_ext(&self) -> String {
        "arrow".into()
    }
}

impl FileFormatFactory for ArrowFiles {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        match options.keys().min() {
            Some(option) => {
                // DataFusion puts this before the names that a statement gives.
                let option = option.trim_start_matches("format.");
                Err(invalid("COPY", format!("ARROW takes no options, got '{option}'")))
            }
            None => ArrowFormatFactory::new().create(state, options),
        }
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        FileFormatFactory::default(&ArrowFormatFactory::new())
    }
}

/// Makes a format with the options of a statement.
#[derive(Debug)]
struct Factory {
    word: &'static str,
    format: Format,
}

impl GetExt for Factory {
    fn get_ext(&self) -> String {
        self.word.into()
    }
}

impl FileFormatFactory for Factory {
    fn create(&self, _state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        let mut options: Vec<(&String, &String)> = options.iter().collect();
        options.sort();
        let mut written = Written::new(self);
        for (key, value) in options {
            written.set(key, value)?;
        }
        if written.style.mark && written.encoding.is_some() {
            return Err(invalid("COPY", "bom is the mark of UTF-8; leave out bom, or encoding"));
        }
        Ok(Arc::new(written))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(Written::new(self))
    }
}

/// A format with its options.
#[derive(Debug, Clone)]
struct Written {
    word: &'static str,
    format: Format,
    style: CsvStyle,
    /// The encoding; `None` for UTF-8.
    encoding: Option<&'static Encoding>,
    compression: FileCompressionType,
}

impl Written {
    fn new(factory: &Factory) -> Self {
        let separator = if factory.word == "tsv" { b'\t' } else { b',' };
        let style = CsvStyle { separator, ..CsvStyle::default() };
        Self { word: factory.word, format: factory.format, style, encoding: None, compression: FileCompressionType::UNCOMPRESSED }
    }

    /// Sets an option of `OPTIONS (…)`.
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let known: &[&str] = match self.format {
            Format::Csv => &["header", "separator", "decimal", "null", "bom", "encoding", "compression"],
            Format::Excel => &[],
            _ => &["compression"],
        };
        let plain = key.to_lowercase();
        let plain = match plain.strip_prefix("format.").unwrap_or(&plain) {
            "has_header" => "header",
            "delimiter" | "delim" | "sep" => "separator",
            "decimal_separator" => "decimal",
            "null_value" | "nullstr" => "null",
            "codec" => "compression",
            "charset" => "encoding",
            plain => plain,
        };
        if !known.contains(&plain) {
            let suggestion = did_you_mean(plain, known.iter().copied());
            let takes = if known.is_empty() { "none".to_string() } else { known.join(", ") };
            return Err(invalid(
                "COPY",
                format!("{} has no option '{plain}'{suggestion}; it takes {takes}", self.word.to_uppercase()),
            ));
        }
        let wrong = |takes: &str| invalid("COPY", format!("{plain} must be {takes}, got '{value}'"));
        let flag = || match value.to_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong("true or false")),
        };
        match plain {
            "header" => self.style.header = flag()?,
            "bom" => self.style.mark = flag()?,
            "null" => self.style.null = value.to_string(),
            "encoding" => {
                // UTF-16 is read, and not written.
                let found = encoding(value).filter(|found| found.output_encoding() == *found);
                let found = found
                    .ok_or_else(|| wrong("utf-8, gb18030, gbk, big5, shift_jis, euc-jp, euc-kr, windows-1252 or the like"))?;
                self.encoding = Some(found).filter(|found| *found != UTF_8);
            }
            "separator" => {
                let found = one_character(value).filter(|byte| !b"\"\r\n".contains(byte));
                self.style.separator = found.ok_or_else(|| wrong("one ASCII character"))?;
            }
            "decimal" => {
                self.style.decimal = match value.as_bytes() {
                    [byte] if b".,".contains(byte) => *byte,
                    _ => return Err(wrong("a point or a comma")),
                }
            }
            _ => {
                self.compression = match value.to_lowercase().as_str() {
                    "none" | "uncompressed" => FileCompressionType::UNCOMPRESSED,
                    "gzip" | "gz" => FileCompressionType::GZIP,
                    "zstd" | "zst" => FileCompressionType::ZSTD,
                    "bzip2" | "bz2" => FileCompressionType::BZIP2,
                    "xz" => FileCompressionType::XZ,
                    _ => return Err(wrong("none, gzip, zstd, bzip2 or xz")),
                }
            }
        }
        Ok(())
    }

    /// Text in the encoding of the file.
    fn encoded(&self, text: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some(encoding) = self.encoding else { return Ok(text) };
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        let (bytes, _, is_lossy) = encoding.encode(&text);
        if is_lossy {
            let is_lost = |letter: &char| encoding.encode(letter.encode_utf8(&mut [0; 4])).2;
            let letter = text.chars().find(is_lost).unwrap_or_default();
            let name = encoding.name().to_lowercase();
            return Err(io::Error::other(format!("{name} has no {letter}; write utf-8 or gb18030, which have every character")));
        }
        Ok(bytes.into_owned())
    }

    fn writer(&self, sink: Waiting, schema: SchemaRef) -> io::Result<ResultWriter<'static>> {
        match self.format {
            Format::Csv => ResultWriter::csv(self.style.clone(), Box::new(sink), schema),
            format => ResultWriter::new(format, Box::new(sink), schema, TableStyle::default()),
        }
    }
}

#[async_trait]
impl FileFormat for Written {
    fn get_ext(&self) -> String {
        if self.format == Format::Excel { "xlsx".into() } else { self.word.into() }
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("{}{}", self.get_ext(), compression.get_ext()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        Some(self.compression)
    }

    async fn infer_schema(&self, _: &dyn Session, _: &Arc<dyn ObjectStore>, _: &[ObjectMeta]) -> Result<SchemaRef> {
        Err(written_only())
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        _: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&schema))
    }

    async fn create_physical_plan(&self, _: &dyn Session, _: FileScanConfig) -> Result<Arc<dyn ExecutionPlan>> {
        Err(written_only())
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        _state: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if config.insert_op != InsertOp::Append {
            return Err(invalid("INSERT", "only INSERT INTO can write to files"));
        }
        Ok(Arc::new(DataSinkExec::new(
            input,
            Arc::new(WritingSink { format: self.clone(), config, metrics: ExecutionPlanMetricsSet::new() }),
            order,
        )))
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        // DataFusion asks for it when it creates a table that is only written to.
        Arc::new(datafusion::datasource::physical_plan::JsonSource::new(schema))
    }
}

fn written_only() -> DataFusionError {
    failed("files", "are not read by the same means as they are written")
}

/// Writes rows to files.
#[derive(Debug)]
struct WritingSink {
    format: Written,
    config: FileSinkConfig,
    /// With notes for the user.
    metrics: ExecutionPlanMetricsSet,
}

impl DisplayAs for WritingSink {
    fn fmt_as(&self, _style: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WritingSink: {}", self.format.word)
    }
}

#[async_trait]
impl DataSink for WritingSink {
    fn schema(&self) -> &SchemaRef {
        self.config.output_schema()
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        FileSink::write_all(self, data, context).await
    }
}

#[async_trait]
impl FileSink for WritingSink {
    fn config(&self) -> &FileSinkConfig {
        &self.config
    }

    async fn spawn_writer_tasks_and_join(
        &self,
        _context: &Arc<TaskContext>,
        divided: SpawnedTask<Result<()>>,
        mut files: DemuxedStreamReceiver,
        store: Arc<dyn ObjectStore>,
    ) -> Result<u64> {
        let mut writing = tokio::task::JoinSet::new();
        let mut schema = Arc::clone(self.config.output_schema());
        if !self.config.keep_partition_by_columns {
            let folders: Vec<&String> = self.config.table_partition_cols.iter().map(|(name, _)| name).collect();
            let kept = (0..schema.fields().len()).filter(|column| !folders.contains(&schema.field(*column).name()));
            schema = Arc::new(schema.project(&kept.collect::<Vec<_>>())?);
        }
        let lost = Arc::new(Mutex::new(Lost::new(self.format.format)));
        while let Some((path, batches)) = files.recv().await {
            let (format, store, schema) = (self.format.clone(), Arc::clone(&store), Arc::clone(&schema));
            let lost = Arc::clone(&lost);
            writing.spawn(async move { write_file(&format, store, &path, schema, batches, &lost).await });
        }
        let mut rows = 0;
        while let Some(written) = writing.join_next().await {
            rows += written.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        }
        divided.join_unwind().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        let notes = Notes::of(&self.metrics);
        lost.lock().notes().into_iter().for_each(|note| notes.tell(note));
        Ok(rows)
    }
}

/// Writes one file while its rows arrive.
async fn write_file(
    format: &Written,
    store: Arc<dyn ObjectStore>,
    path: &Path,
    schema: SchemaRef,
    mut batches: Receiver<RecordBatch>,
    lost: &Mutex<Lost>,
) -> Result<u64> {
    let mut file = ObjectWriterBuilder::new(format.compression, path, store).build()?;
    let waiting = Waiting::default();
    let subject = path.filename().unwrap_or_default().to_string();
    let wrong = |error: io::Error| failed(&subject, format!("cannot be written: {error}"));
    let mut writer = format.writer(waiting.clone(), schema).map_err(wrong)?;
    let mut rows = 0;
    while let Some(batch) = batches.recv().await {
        rows += batch.num_rows() as u64;
        lost.lock().look_at(&batch);
        writer.write(&batch).map_err(wrong)?;
        if let Some(bytes) = waiting.take(WAITING) {
            let bytes = format.encoded(bytes).map_err(wrong)?;
            file.write_all(&bytes).await.map_err(wrong)?;
        }
    }
    writer.finish().map_err(wrong)?;
    if let Some(bytes) = waiting.take(0) {
        let bytes = format.encoded(bytes).map_err(wrong)?;
        file.write_all(&bytes).await.map_err(wrong)?;
    }
    file.shutdown().await.map_err(wrong)?;
    Ok(rows)
}

/// The bytes between a writer and its file.
#[derive(Debug, Clone, Default)]
struct Waiting(Arc<Mutex<Vec<u8>>>);

impl Waiting {
    /// Takes all bytes if there are more than `least`.
    fn take(&self, least: usize) -> Option<Vec<u8>> {
        let mut bytes = self.0.lock();
        (bytes.len() > least).then(|| std::mem::take(&mut *bytes))
    }
}

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
