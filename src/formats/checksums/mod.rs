//! Checksums of the pages of Parquet files.
//!
//! The writer of Parquet leaves them out, and readers verify those that there are. Here the bytes of a file are followed as they are
//! written: the header of each page gets the CRC-32 of the page, and the footer and the index of pages, which come last, get the places and
//! sizes that this changes. Everything else stays as it was written. Only one page at a time waits in memory.

mod thrift;

use std::io::{self, Write};

use thrift::{Fields, I32, Reader, STRUCT, Wrong, write_zigzag};

/// The letters that a Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// The bytes after the footer: its length and the letters.
const TAIL: usize = 8;

/// Adds checksums to the bytes of a Parquet file.
#[derive(Debug, Default)]
pub struct Checksums {
    phase: Phase,
    /// Bytes that are not written yet.
    waiting: Vec<u8>,
    /// The place of the first of them in the file as it comes.
    place: u64,
    /// The bytes written so far.
    written: u64,
    /// The place of each page in the file as it comes, and how many bytes longer the file is after it.
    pages: Vec<(u64, u64)>,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Start,
    Pages,
    /// The indexes and the footer, which are changed at the end.
    Tail,
    /// This is not a file that can be followed, such as an encrypted one.
    AsIs,
}

/// The next thing among the pages.
enum Next {
    /// A page: the end of the field before its checksum, the end of its header, and its length; whether it has a checksum.
    Page {
        sizes: usize,
        header: usize,
        page: usize,
        has_checksum: bool,
    },
    /// A Bloom filter of that length.
    Filter(usize),
    Tail,
}

impl Checksums {
    /// Takes bytes of a file, and adds what can be written to `out`.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.waiting.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            let rest = &self.waiting[used..];
            match self.phase {
                Phase::Start if rest.len() < MAGIC.len() => break,
                Phase::Start if rest.starts_with(MAGIC) => {
                    out.extend_from_slice(MAGIC);
                    used += MAGIC.len();
                    self.phase = Phase::Pages;
                }
                Phase::Start => self.phase = Phase::AsIs,
                Phase::AsIs => {
                    out.extend_from_slice(rest);
                    used += rest.len();
                    break;
                }
                Phase::Tail => break,
                Phase::Pages => match next(rest) {
                    Ok(Next::Page { sizes, header, page, has_checksum }) => {
                        let end = header + page;
                        let Some(whole) = rest.get(..end) else { break };
                        let start = out.len();
                        if has_checksum {
                            out.extend_from_slice(whole);
                        } else {
                            with_checksum(whole, sizes, header, out);
                        }
                        let grown = (out.len() - start - end) as u64;
                        let before = self.pages.last().map_or(0, |(_, grown)| *grown);
                        self.pages.push((self.place + used as u64, before + grown));
                        used += end;
                    }
                    Ok(Next::Filter(length)) => {
                        let Some(whole) = rest.get(..length) else { break };
                        out.extend_from_slice(whole);
                        used += length;
                    }
                    Err(Wrong::Short) => break,
                    Ok(Next::Tail) | Err(Wrong::Invalid) => self.phase = Phase::Tail,
                },
            }
        }
        self.waiting.drain(..used);
        self.place += used as u64;
        self.written += (out.len() - before) as u64;
    }

    /// Adds the rest of the file to `out`.
    ///
    /// # Errors
    /// The footer does not belong to what came before it.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.phase {
            Phase::AsIs => Ok(()),
            Phase::Start => {
                out.append(&mut self.waiting);
                Ok(())
            }
            Phase::Pages | Phase::Tail => {
                let wrong = || io::Error::other("the pages of the file cannot be given checksums: its footer does not fit them");
                let tail = std::mem::take(&mut self.waiting);
                self.tail(&tail, out).ok_or_else(wrong)
            }
        }
    }

    /// The place in the file as it is written, of a place in the file as it comes.
    fn moved(&self, place: u64) -> u64 {
        let before = self.pages.partition_point(|(page, _)| *page < place);
        place + before.checked_sub(1).map_or(0, |page| self.pages[page].1)
    }

    /// The length that a part of the file has now.
    fn length(&self, start: u64, length: u64) -> Option<u64> {
        self.moved(start.checked_add(length)?).checked_sub(self.moved(start))
    }

    /// Writes the indexes and the footer with the new places.
    fn tail(&self, tail: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let end = tail.len().checked_sub(TAIL).filter(|_| tail.ends_with(MAGIC))?;
        let length = u32::from_le_bytes(tail[end..end + 4].try_into().ok()?) as usize;
        let start = end.checked_sub(length)?;
        let (mut footer, read) = Fields::read(&tail[start..end]).ok()?;
        if read != length {
            return None;
        }
        let indexes = self.indexes(&footer);
        // The indexes as they are written, each with the chunk and the field that names its place.
        let (mut place, mut at) = (self.written, self.place);
        let mut moved = vec![];
        for index in indexes {
            let from = usize::try_from(index.place.checked_sub(self.place)?).ok()?;
            let bytes = tail.get(from..from.checked_add(index.length)?).filter(|_| index.place == at)?;
            let mut own = vec![];
            match index.is_of_places {
                true => self.places(bytes)?.write(&mut own),
                false => own.extend_from_slice(bytes),
            }
            moved.push((index.chunk, index.is_of_places, place, own.len() as u64));
            place += own.len() as u64;
            at += index.length as u64;
            out.append(&mut own);
        }
        if at != self.place + start as u64 {
            return None;
        }
        self.move_chunks(&mut footer)?;
        let mut chunks: Vec<&mut Fields> = footer.structs_mut(ROW_GROUPS).flat_map(|group| group.structs_mut(COLUMNS)).collect();
        for (chunk, is_of_places, place, length) in moved {
            let (at, of) = if is_of_places { PLACES_INDEX } else { BOUNDS_INDEX };
            let chunk = chunks.get_mut(chunk)?;
            chunk.set(at, place);
            chunk.set(of, length);
        }
        let before = out.len();
        footer.write(out);
        let length = u32::try_from(out.len() - before).ok()?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(MAGIC);
        Some(())
    }

    /// The indexes that a footer names, in the order of the file.
    fn indexes(&self, footer: &Fields) -> Vec<Index> {
        let mut indexes = vec![];
        let chunks = footer.structs(ROW_GROUPS).flat_map(|group| group.structs(COLUMNS));
        for (chunk, fields) in chunks.enumerate() {
            for (is_of_places, (at, of)) in [(true, PLACES_INDEX), (false, BOUNDS_INDEX)] {
                if let (Some(place), Some(length)) = (fields.whole(at), fields.whole(of)) {
                    indexes.push(Index { chunk, is_of_places, place, length: usize::try_from(length).unwrap_or(usize::MAX) });
                }
            }
        }
        indexes.sort_by_key(|index| index.place);
        indexes
    }

    /// An index of the places of pages, with the new ones.
    fn places(&self, bytes: &[u8]) -> Option<Fields> {
        let (mut index, read) = Fields::read(bytes).ok()?;
        for page in index.structs_mut(1) {
            let (place, length) = (page.whole(1)?, page.whole(2)?);
            page.set(2, self.length(place, length)?);
            page.set(1, self.moved(place));
        }
        (read == bytes.len()).then_some(index)
    }

    /// Gives the columns of a footer their new places and sizes.
    fn move_chunks(&self, footer: &mut Fields) -> Option<()> {
        for group in footer.structs_mut(ROW_GROUPS) {
            let mut grown = 0;
            for chunk in group.structs_mut(COLUMNS) {
                if let Some(place) = chunk.whole(2) {
                    chunk.set(2, self.moved(place));
                }
                let Some(thrift::Value::Struct(column)) = chunk.get_mut(3) else { return None };
                let size = column.whole(7)?;
                // The first page is that of the dictionary, if there is one.
                let first = [9, 11].into_iter().filter_map(|field| column.whole(field)).filter(|place| *place > 0).min()?;
                let length = self.length(first, size)?;
                let more = length.checked_sub(size)?;
                column.set(6, column.whole(6)? + more);
                column.set(7, length);
                for field in [9, 10, 11, 14] {
                    if let Some(place) = column.whole(field) {
                        column.set(field, self.moved(place));
                    }
                }
                grown += more;
            }
            for field in [2, 6] {
                if let Some(size) = group.whole(field) {
                    group.set(field, size + grown);
                }
            }
            if let Some(place) = group.whole(5) {
                group.set(5, self.moved(place));
            }
        }
        Some(())
    }
}

/// The field of a footer with its row groups, and that of a row group with its columns.
const ROW_GROUPS: i16 = 4;
const COLUMNS: i16 = 1;
/// The fields of a column with the place and length of its index of the places of pages, and of their bounds.
const PLACES_INDEX: (i16, i16) = (4, 5);
const BOUNDS_INDEX: (i16, i16) = (6, 7);

/// An index before the footer.
struct Index {
    /// The column, counted over all row groups.
    chunk: usize,
    /// Whether it has the places of pages; otherwise it has their bounds.
    is_of_places: bool,
    place: u64,
    length: usize,
}

/// What begins here. Pages and Bloom filters begin with a number; a second number follows in a page, a struct in a filter and a list in the
/// footer. An index begins with a list.
fn next(bytes: &[u8]) -> Result<Next, Wrong> {
    let mut reader = Reader::new(bytes);
    let Some((1, I32)) = reader.field(0)? else { return Ok(Next::Tail) };
    let first = reader.zigzag()?;
    let start = reader.place;
    match reader.field(1)? {
        Some((2, I32)) => {}
        Some((2, STRUCT)) => {
            let (_, header) = Fields::read(bytes)?;
            let length = usize::try_from(first).map_err(|_| Wrong::Invalid)?;
            return Ok(Next::Filter(header.checked_add(length).ok_or(Wrong::Invalid)?));
        }
        _ => return Ok(Next::Tail),
    }
    reader.place = start;
    let (mut before, mut sizes, mut length, mut has_checksum) = (1, 0, None, false);
    while let Some((id, kind)) = reader.field(before)? {
        match (id, kind) {
            (3, I32) => {
                length = usize::try_from(reader.zigzag()?).ok();
                sizes = reader.place;
            }
            // A boolean of a struct is in its type.
            (_, 1 | 2) => {}
            (_, kind) => {
                has_checksum |= id == 4;
                reader.value(kind, 0)?;
            }
        }
        before = id;
    }
    let page = length.ok_or(Wrong::Invalid)?;
    Ok(Next::Page { sizes, header: reader.place, page, has_checksum })
}

/// Adds a page with the checksum in its header, as the field after the sizes.
fn with_checksum(page: &[u8], sizes: usize, header: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&page[..sizes]);
    out.push(1 << 4 | I32);
    write_zigzag(i64::from(crc32fast::hash(&page[header..]).cast_signed()), out);
    // The next field is numbered from the one before it, unless it is the end or has a number of its own.
    let next = page[sizes];
    out.push(if next >> 4 == 0 { next } else { next - (1 << 4) });
    out.extend_from_slice(&page[sizes + 1..]);
}

/// A sink of a Parquet file, whose pages get checksums on the way.
pub struct Checked<W> {
    sink: W,
    checksums: Checksums,
    out: Vec<u8>,
}

impl<W: Write> Checked<W> {
    pub fn new(sink: W) -> Self {
        Self { sink, checksums: Checksums::default(), out: vec![] }
    }

    /// Writes the rest.
    pub fn finish(mut self) -> io::Result<()> {
        self.checksums.finish(&mut self.out)?;
        self.sink.write_all(&self.out)?;
        self.sink.flush()
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.checksums.take(bytes, &mut self.out);
        self.sink.write_all(&self.out)?;
        self.out.clear();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use datafusion::arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::Int64Type;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use parquet::basic::Compression;
    use parquet::errors::ParquetError;
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::properties::{BloomFilterPosition, WriterProperties, WriterVersion};

    use super::*;

    fn table(rows: i64) -> RecordBatch {
        let lists = (0..rows).map(|row| (row % 3 > 0).then(|| (0..row % 5).map(Some).collect::<Vec<_>>()));
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new((0..rows).collect::<Int64Array>())),
            ("kind", Arc::new((0..rows).map(|row| (row % 7 > 0).then(|| format!("kind {}", row % 11))).collect::<StringArray>())),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
            ("none", Arc::new((0..rows).map(|_| None::<&str>).collect::<StringArray>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    fn plain(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
        let mut writer = ArrowWriter::try_new(vec![], batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn checked(plain: &[u8], piece: usize) -> Vec<u8> {
        let mut written = vec![];
        let mut sink = Checked::new(&mut written);
        plain.chunks(piece).for_each(|piece| sink.write_all(piece).unwrap());
        sink.finish().unwrap();
        written
    }

    fn read(bytes: &[u8], batch: &RecordBatch) -> Result<RecordBatch, ParquetError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::copy_from_slice(bytes), options)?.build()?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&batch.schema(), &batches)?)
    }

    /// The places after the last byte of each page that has bytes.
    fn pages(bytes: &[u8]) -> Vec<usize> {
        let (mut place, mut pages) = (MAGIC.len(), vec![]);
        loop {
            match next(&bytes[place..]).unwrap() {
                Next::Page { header, page, has_checksum, .. } => {
                    assert!(has_checksum, "the page at {place}");
                    place += header + page;
                    pages.extend((page > 0).then_some(place));
                }
                Next::Filter(length) => place += length,
                Next::Tail => return pages,
            }
        }
    }

    #[test]
    fn every_page_has_a_checksum_and_the_file_is_read_as_before() {
        let of = |version, position, rows| {
            WriterProperties::builder()
                .set_writer_version(version)
                .set_compression(Compression::SNAPPY)
                .set_bloom_filter_enabled(true)
                .set_bloom_filter_position(position)
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(50)
                .set_max_row_group_row_count(Some(rows))
                .build()
        };
        let kinds = [
            of(WriterVersion::PARQUET_1_0, BloomFilterPosition::AfterRowGroup, 400),
            of(WriterVersion::PARQUET_2_0, BloomFilterPosition::End, 1 << 20),
        ];
        for (properties, rows) in kinds.into_iter().flat_map(|kind| [0, 1, 1500].map(|rows| (kind.clone(), rows))) {
            let batch = table(rows);
            let plain = plain(&batch, properties);
            let file = checked(&plain, plain.len());
            assert!([1, 7, 1000].iter().all(|piece| checked(&plain, *piece) == file), "pieces");
            assert_eq!(read(&file, &batch).unwrap(), batch);
            // What has checksums is left as it is.
            assert_eq!(checked(&file, 999), file);
            for end in pages(&file) {
                let mut damaged = file.clone();
                damaged[end - 1] ^= 4;
                let told = read(&damaged, &batch).unwrap_err().to_string();
                assert!(told.contains("CRC"), "{told}");
            }
        }
    }

    #[test]
    fn other_bytes_are_left_alone() {
        for bytes in [&b""[..], b"PA", b"PARE1234", b"member,amount\n"] {
            assert_eq!(checked(bytes, 3), bytes);
        }
        let mut sink = Checked::new(vec![]);
        sink.write_all(b"PAR1 and then something else").unwrap();
        assert!(sink.finish().is_err());
    }
}
