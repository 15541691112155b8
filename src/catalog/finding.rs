//! Finds the rows of data files that have given values, and reads only the pages that can have them.
//!
//! ```text
//! least and greatest values of row groups ─▶ of their pages ─▶ the pages of the columns with conditions ─▶ rows of the other columns
//! ```
//! What a file says of its pages is read once and kept, as far as the limit for such metadata allows.

use std::any::Any;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar};
use datafusion::arrow::compute::and;
use datafusion::arrow::compute::kernels::cmp::{eq, gt_eq, lt_eq};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{HashMap, Result, ScalarValue, internal_datafusion_err};
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadata, FileMetadataCache};
use object_store::ObjectMeta;
use object_store::path::Path as Location;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection, RowSelectionPolicy,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;

use super::data::{Parts, Pinned};

/// The most rows that are looked through: more are found faster by all processors.
const MOST_ROWS: usize = 65_536;
/// The most bytes of pages that are read.
const MOST_BYTES: usize = 8 << 20;
/// Rows in a batch.
const BATCH: usize = 8192;

/// The rows in which columns, given by their places, have these values of their own types; `None` when too much would have to be read.
/// `schema` describes the columns of the result, which stand at the places `columns` in the files.
///
/// # Errors
/// A file is damaged, or has other columns.
pub fn find(
    files: &[Arc<Pinned>],
    (schema, columns): (&SchemaRef, &[usize]),
    conditions: &[(usize, ScalarValue)],
    cache: &FileMetadataCache,
) -> Result<Option<Vec<RecordBatch>>> {
    let tested: BTreeSet<usize> = conditions.iter().map(|(column, _)| *column).collect();
    let others: BTreeSet<usize> = columns.iter().copied().filter(|column| !tested.contains(column)).collect();
    let (tested, others) = (Vec::from_iter(tested), Vec::from_iter(others));
    let (mut rows, mut bytes, mut found) = (0_usize, 0_usize, vec![]);
    for file in files {
        let metadata = metadata(file, cache)?;
        let read = ProjectionMask::roots(metadata.parquet_schema(), tested.iter().chain(&others).copied());
        let places = Places::of(&metadata, conditions, &read)?;
        (rows, bytes) = (rows.saturating_add(places.rows()), bytes.saturating_add(places.bytes));
        if rows > MOST_ROWS || bytes > MOST_BYTES {
            return Ok(None);
        }
        if !places.ranges.is_empty() {
            found.push((file, metadata, places));
        }
    }
    let mut batches = vec![];
    for (file, metadata, places) in found {
        for read in places.read(file, metadata, (&tested, &others), conditions)? {
            let rows = read.num_rows();
            let column = |column: &usize| match conditions.iter().find(|(of, _)| of == column) {
                // All of its values are this one.
                Some((_, value)) => value.to_array_of_size(rows),
                None => Ok(Arc::clone(read.column(place(&others, *column)?))),
            };
            let columns = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
            batches.push(RecordBatch::try_new(Arc::clone(schema), columns)?);
        }
    }
    Ok(Some(batches))
}

/// Where a column stands among those that are read.
fn place(read: &[usize], column: usize) -> Result<usize> {
    read.binary_search(&column).map_err(|_| internal_datafusion_err!("column {column} is not read"))
}

/// The rows of a file that can have the values.
struct Places {
    /// The row groups that are read.
    groups: Vec<usize>,
    /// Ranges of rows, counted over these row groups.
    ranges: Vec<Range<usize>>,
    /// The number of rows in these row groups.
    total: usize,
    /// The bytes of the pages with these rows.
    bytes: usize,
}

impl Places {
    fn of(metadata: &ArrowReaderMetadata, conditions: &[(usize, ScalarValue)], read: &ProjectionMask) -> Result<Self> {
        let (file, schema, described) = (metadata.metadata(), metadata.schema(), metadata.parquet_schema());
        let groups = file.row_groups();
        let mut may = vec![true; groups.len()];
        let mut tested = vec![];
        for (column, value) in conditions {
            let converter = StatisticsConverter::try_new(schema.field(*column).name(), schema, described)?;
            let (least, greatest) = (converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?);
            narrow(&mut may, &least, &greatest, value)?;
            tested.push((converter, value));
        }
        let mut places = Self { groups: vec![], ranges: vec![], total: 0, bytes: 0 };
        for (number, group) in groups.iter().enumerate().filter(|(number, _)| may[*number]) {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            let indexes = file.column_index().zip(file.offset_index());
            let mut ranges: Vec<Range<usize>> = std::iter::once(0..rows).collect();
            for (converter, value) in &tested {
                let Some((index, offsets)) = indexes else { break };
                let Some(own) = converter.parquet_column_index().and_then(|column| offsets[number].get(column)) else { break };
                let pages = pages(own, rows);
                let mut may = vec![true; pages.len()];
                let least = converter.data_page_mins(index, offsets, [&number])?;
                let greatest = converter.data_page_maxes(index, offsets, [&number])?;
                narrow(&mut may, &least, &greatest, value)?;
                let nulls = converter.data_page_null_counts(index, offsets, [&number])?;
                let is_null = |page: usize| nulls.is_valid(page) && nulls.value(page) >= pages[page].len() as u64;
                let kept = pages.iter().enumerate().filter(|(page, _)| may[*page] && !is_null(*page));
                ranges = common(&ranges, kept.map(|(_, rows)| rows.clone()));
            }
            if ranges.is_empty() {
                continue;
            }
            for column in (0..group.num_columns()).filter(|column| read.leaf_included(*column)) {
                places.bytes += match indexes.and_then(|(_, offsets)| offsets[number].get(column)) {
                    Some(own) => {
                        let sizes =
                            own.page_locations().iter().map(|page| usize::try_from(page.compressed_page_size).unwrap_or(0));
                        let is_read = |rows: &Range<usize>| !common(&ranges, [rows.clone()].into_iter()).is_empty();
                        pages(own, rows).iter().zip(sizes).filter(|(rows, _)| is_read(rows)).map(|(_, size)| size).sum()
                    }
                    None => usize::try_from(group.column(column).compressed_size()).unwrap_or(usize::MAX),
                };
            }
            let before = places.total;
            places.ranges.extend(ranges.into_iter().map(|rows| rows.start + before..rows.end + before));
            places.groups.push(number);
            places.total += rows;
        }
        Ok(places)
    }

    fn rows(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    /// The rows that have the values, without the columns that are tested.
    fn read(
        self,
        file: &Arc<Pinned>,
        metadata: ArrowReaderMetadata,
        (tested, others): (&[usize], &[usize]),
        conditions: &[(usize, ScalarValue)],
    ) -> Result<Vec<RecordBatch>> {
        let columns = |places: &[usize]| ProjectionMask::roots(metadata.parquet_schema(), places.iter().copied());
        let (tests, rest) = (columns(tested), columns(others));
        let value = |(column, value): &(usize, ScalarValue)| Ok((place(tested, *column)?, value.to_scalar()?));
        let values = conditions.iter().map(value).collect::<Result<Vec<(usize, Scalar<ArrayRef>)>>>()?;
        let has_values = move |rows: RecordBatch| -> std::result::Result<BooleanArray, ArrowError> {
            let mut all = BooleanArray::from(vec![true; rows.num_rows()]);
            for (column, value) in &values {
                all = and(&all, &eq(rows.column(*column), value)?)?;
            }
            Ok(all)
        };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(Parts(Arc::clone(file)), metadata)
            .with_batch_size(BATCH)
            .with_row_groups(self.groups)
            .with_row_selection(RowSelection::from_consecutive_ranges(self.ranges.into_iter(), self.total))
            // A mask would unpack the pages between those that are selected.
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_row_filter(RowFilter::new(vec![Box::new(ArrowPredicateFn::new(tests, has_values))]))
            .with_projection(rest)
            .build()?;
        Ok(reader.collect::<std::result::Result<_, ArrowError>>()?)
    }
}

/// Excludes places whose least or greatest value shows that they do not have this one.
fn narrow(may: &mut [bool], least: &ArrayRef, greatest: &ArrayRef, value: &ScalarValue) -> Result<()> {
    let value = value.to_scalar()?;
    let (not_above, not_below) = (lt_eq(least, &value)?, gt_eq(greatest, &value)?);
    if not_above.len() != may.len() || not_below.len() != may.len() {
        return Err(internal_datafusion_err!("{} statistics for {} places", not_above.len(), may.len()));
    }
    for (place, may) in may.iter_mut().enumerate() {
        let can = |known: &BooleanArray| known.is_null(place) || known.value(place);
        *may &= can(&not_above) && can(&not_below);
    }
    Ok(())
}

/// The number of rows in each page of a column, for a row group with this many rows.
fn pages(offsets: &OffsetIndexMetaData, rows: usize) -> Vec<Range<usize>> {
    let first = |row: i64| usize::try_from(row).unwrap_or(0);
    let starts = offsets.page_locations().iter().map(|page| first(page.first_row_index));
    let ends = starts.clone().skip(1).chain([rows]);
    starts.zip(ends).map(|(start, end)| start..end.max(start)).collect()
}

/// What two lists of ascending ranges have in common.
fn common(ranges: &[Range<usize>], others: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = vec![];
    let mut first = 0;
    for other in others {
        while ranges.get(first).is_some_and(|range| range.end <= other.start) {
            first += 1;
        }
        for range in ranges[first..].iter().take_while(|range| range.start < other.end) {
            let both = range.start.max(other.start)..range.end.min(other.end);
            match found.last_mut() {
                Some(last) if last.end == both.start => last.end = both.end,
                _ if both.is_empty() => {}
                _ => found.push(both),
            }
        }
    }
    found
}

/// What a file says of its row groups and pages, as it is kept.
struct Kept(ArrowReaderMetadata);

impl FileMetadata for Kept {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn memory_size(&self) -> usize {
        self.0.metadata().memory_size()
    }

    fn extra_info(&self) -> HashMap<String, String> {
        HashMap::new()
    }
}

fn metadata(file: &Arc<Pinned>, cache: &FileMetadataCache) -> Result<ArrowReaderMetadata> {
    // Not the name under which DataFusion keeps its own, without what is known of encrypted files.
    let location = Location::from(format!("pages/{}", file.name));
    if let Some(known) = cache.get(&location)
        && let Some(Kept(metadata)) = known.file_metadata.as_any().downcast_ref()
    {
        return Ok(metadata.clone());
    }
    let options = file.reading()?.with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&Parts(Arc::clone(file)), options)?;
    // Names of data files are never used again, and a file that was touched since is compared with what was written.
    let last_modified = chrono::DateTime::UNIX_EPOCH;
    let described = ObjectMeta { location: location.clone(), last_modified, size: file.bytes, e_tag: None, version: None };
    cache.put(&location, CachedFileMetadataEntry::new(described, Arc::new(Kept(metadata.clone()))));
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringViewArray};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::cache::cache_manager::CacheManager;

    use super::*;
    use crate::catalog::Catalog;

    /// A file of 10,000 rows: a key in ascending order with each number twice, a text, and a number that is mostly NULL.
    fn file(catalog: &Catalog) -> Arc<Pinned> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("key", DataType::Int64, true),
            Field::new("text", DataType::Utf8View, true),
            Field::new("rare", DataType::Int64, true),
        ]));
        let numbers = 0..10_000_i64;
        let key = Int64Array::from_iter_values(numbers.clone().map(|row| row / 2));
        let text = StringViewArray::from_iter_values(numbers.clone().map(|row| format!("text {}", row % 7)));
        let rare = Int64Array::from_iter(numbers.map(|row| (row == 9_999).then_some(5)));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(key), Arc::new(text), Arc::new(rare)]).unwrap();
        let mut writer = catalog.data.create(&schema, None).unwrap();
        writer.write(&rows).unwrap();
        let written = writer.finish().unwrap();
        let pin = catalog.data.pin(&written.file).unwrap();
        written.let_go();
        pin
    }

    #[test]
    fn rows_are_found_by_the_pages_that_can_have_them() {
        let catalog = Catalog::for_test().unwrap();
        let files = [file(&catalog), file(&catalog)];
        let cache = CacheManager::try_new(&Default::default()).unwrap().get_file_metadata_cache();
        let number = |value: i64| ScalarValue::Int64(Some(value));
        let text = |value: &str| ScalarValue::Utf8View(Some(value.into()));
        let columns = [1, 0, 1];
        let schema = Arc::new(files[0].schema.project(&columns).unwrap());
        let find =
            |conditions: &[(usize, ScalarValue)]| find(&files, (&schema, &columns), conditions, cache.as_ref()).unwrap().unwrap();
        let rows = |conditions: &[(usize, ScalarValue)]| find(conditions).iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!(rows(&[(0, number(2_100))]), 4);
        assert_eq!(rows(&[(0, number(2_100)), (1, text("text 0"))]), 2);
        assert_eq!(rows(&[(0, number(2_100)), (1, text("text 4"))]), 0);
        assert_eq!(rows(&[(0, number(2_100)), (0, number(2_101))]), 0);
        assert_eq!((rows(&[(0, number(5_000))]), rows(&[(2, number(5))]), rows(&[(2, number(6))])), (0, 2, 0));
        assert_eq!(rows(&[(1, text("text 1"))]), 2 * 1429);
        let found = find(&[(0, number(4_999)), (2, number(5))]);
        let expected = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringViewArray::from(vec!["text 3"])),
                Arc::new(Int64Array::from(vec![4_999])),
                Arc::new(StringViewArray::from(vec!["text 3"])),
            ],
        );
        assert_eq!(found, vec![expected.unwrap(); 2]);
        // One page of each column, and of the rare number the last.
        let known = metadata(&files[0], cache.as_ref()).unwrap();
        let read = ProjectionMask::all();
        let places = |conditions: &[(usize, ScalarValue)]| Places::of(&known, conditions, &read).unwrap();
        assert_eq!(shown(&places(&[(0, number(2_100))]).ranges), "[4096..8192]");
        assert_eq!(shown(&places(&[(2, number(5))]).ranges), "[8192..10000]");
        assert!(places(&[(0, number(100)), (2, number(5))]).ranges.is_empty());
    }

    fn shown(ranges: &[Range<usize>]) -> String {
        format!("{ranges:?}")
    }

    #[test]
    fn ranges_have_in_common_what_both_have() {
        let one = |range: Range<usize>| std::iter::once(range).collect::<Vec<_>>();
        let both = |first: &[Range<usize>], second: &[Range<usize>]| shown(&common(first, second.iter().cloned()));
        assert_eq!(both(&[0..10, 20..30], &[5..25, 28..40]), "[5..10, 20..25, 28..30]");
        assert_eq!(both(&one(0..10), &[0..4, 4..8]), "[0..8]");
        assert_eq!(both(&[0..4, 8..9], &one(4..8)), "[]");
    }
}
