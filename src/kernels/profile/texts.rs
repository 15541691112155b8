//! Profiles a column of strings.

use super::frequencies::Frequencies;
use super::hash::of_bytes;
use super::sample::Sample;
use super::summary::{Summary, most_frequent};
use super::{EXACT_BYTES, EXACT_VALUES};

/// The most bytes of a string that samples keep.
const KEPT: usize = 200;

type Text = Box<[u8]>;

/// The statistics of a column.
#[derive(Debug, Clone)]
pub struct Texts {
    values: u64,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Exact(Table),
    Sketch(Box<Sketch>),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    start: usize,
    length: usize,
    rows: u64,
}

/// Exact counts in an open-addressing hash table; a slot holds the index of an entry plus 1, or 0 if it is empty.
#[derive(Debug, Clone)]
struct Table {
    slots: Vec<u32>,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Sketch {
    frequencies: Frequencies<Text>,
    sample: Sample<Text>,
    least: Text,
    most: Text,
    blank: u64,
}

impl Table {
    fn new() -> Self {
        Self { slots: vec![0; 64], entries: vec![], bytes: vec![] }
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.start + entry.length]
    }

    /// Counts rows of a string; false if the string is new and the table is full.
    #[inline]
    fn add(&mut self, text: &[u8], rows: u64) -> bool {
        let hash = of_bytes(text);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at] as usize;
            if slot == 0 {
                return self.insert(at, hash, text, rows);
            }
            let entry = &self.entries[slot - 1];
            if entry.hash == hash && self.text(entry) == text {
                self.entries[slot - 1].rows += rows;
                return true;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, at: usize, hash: u64, text: &[u8], rows: u64) -> bool {
        if self.entries.len() == EXACT_VALUES || self.bytes.len() + text.len() > EXACT_BYTES {
            return false;
        }
        self.entries.push(Entry { hash, start: self.bytes.len(), length: text.len(), rows });
        self.bytes.extend_from_slice(text);
        self.slots[at] = self.entries.len() as u32;
        if self.entries.len() * 2 > self.slots.len() {
            let mask = self.slots.len() * 2 - 1;
            self.slots = vec![0; mask + 1];
            for (number, entry) in self.entries.iter().enumerate() {
                let mut at = entry.hash as usize & mask;
                while self.slots[at] > 0 {
                    at = (at + 1) & mask;
                }
                self.slots[at] = number as u32 + 1;
            }
        }
        true
    }

    fn values(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.entries.iter().map(|entry| (self.text(entry), entry.rows))
    }
}

fn kept(text: &[u8]) -> Text {
    text[..text.len().min(KEPT)].into()
}

/// True if a string consists only of white space, in Unicode's sense.
pub fn is_blank(text: &[u8]) -> bool {
    match text.first() {
        None => true,
        // Space, tab and line breaks, and the first bytes of U+0085, U+00A0, U+2000 to U+200A and U+3000: a quick test before decoding.
        Some(b' ' | b'\t'..=b'\r' | 0xc2 | 0xe2 | 0xe3) => {
            std::str::from_utf8(text).is_ok_and(|text| text.chars().all(char::is_whitespace))
        }
        _ => false,
    }
}

impl Sketch {
    /// The strings of a table, and rows of one that did not fit into it.
    fn of(table: &Table, text: &[u8], rows: u64) -> Self {
        let (frequencies, sample) = (Frequencies::new(), Sample::new());
        let mut sketch = Self { frequencies, sample, least: text.into(), most: text.into(), blank: 0 };
        table.values().chain([(text, rows)]).for_each(|(text, rows)| sketch.add(text, rows));
        sketch
    }

    #[inline]
    fn add(&mut self, text: &[u8], rows: u64) {
        let hash = of_bytes(text);
        if self.frequencies.add_rows(hash, rows) {
            self.frequencies.remember(hash, rows, || kept(text));
        }
        if self.sample.wants(hash) {
            self.sample.add(hash, rows, || kept(text));
        }
        if text < &*self.least {
            self.least = text.into();
        } else if text > &*self.most {
            self.most = text.into();
        }
        if is_blank(text) {
            self.blank += rows;
        }
    }

    fn merge(&mut self, other: Self) {
        self.frequencies.merge(other.frequencies);
        self.sample.merge(&other.sample);
        self.blank += other.blank;
        if other.least < self.least {
            self.least = other.least;
        }
        if other.most > self.most {
            self.most = other.most;
        }
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self { values: 0, state: State::Exact(Table::new()) }
    }
}

impl Texts {
    /// Adds values.
    pub fn update<'a>(&mut self, texts: impl IntoIterator<Item = &'a [u8]>) {
        let mut texts = texts.into_iter();
        if let State::Exact(table) = &mut self.state {
            loop {
                let Some(text) = texts.next() else { return };
                self.values += 1;
                if !table.add(text, 1) {
                    self.state = State::Sketch(Box::new(Sketch::of(table, text, 1)));
                    break;
                }
            }
        }
        if let State::Sketch(sketch) = &mut self.state {
            for text in texts {
                self.values += 1;
                sketch.add(text, 1);
            }
        }
    }

    /// Merges another part of the column.
    pub fn merge(&mut self, mut other: Self) {
        if matches!(other.state, State::Sketch(_)) && matches!(self.state, State::Exact(_)) {
            std::mem::swap(self, &mut other);
        }
        self.values += other.values;
        match (&mut self.state, other.state) {
            (State::Sketch(sketch), State::Sketch(other)) => sketch.merge(*other),
            (State::Sketch(sketch), State::Exact(table)) => table.values().for_each(|(text, rows)| sketch.add(text, rows)),
            (State::Exact(own), State::Exact(table)) => {
                let mut rest = table.values();
                let Some((text, rows)) = rest.find(|(text, rows)| !own.add(text, *rows)) else { return };
                let mut sketch = Sketch::of(own, text, rows);
                rest.for_each(|(text, rows)| sketch.add(text, rows));
                self.state = State::Sketch(Box::new(sketch));
            }
            // Impossible: swapped above.
            (State::Exact(_), State::Sketch(_)) => {}
        }
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        match &self.state {
            State::Exact(table) => {
                table.slots.capacity() * 4 + table.entries.capacity() * size_of::<Entry>() + table.bytes.capacity()
            }
            State::Sketch(sketch) => {
                let texts = 3 * 1024 * KEPT + sketch.least.len() + sketch.most.len();
                size_of::<Sketch>() + sketch.frequencies.size() + sketch.sample.size() + texts
            }
        }
    }

    /// The statistics of the column, with up to `frequent` frequent values.
    pub fn summary(self, frequent: usize) -> Summary<Box<[u8]>> {
        let mut summary = Summary { values: self.values, ..Summary::default() };
        match self.state {
            State::Exact(table) => {
                let mut values: Vec<(Text, u64)> = table.values().map(|(text, rows)| (text.into(), rows)).collect();
                values.sort_unstable();
                summary.is_exact = true;
                summary.distinct = values.len() as u64;
                summary.blank = values.iter().filter(|(text, _)| is_blank(text)).map(|(_, rows)| rows).sum();
                (summary.min, summary.max) =
                    (values.first().map(|(text, _)| text.clone()), values.last().map(|(text, _)| text.clone()));
                summary.frequent = most_frequent(values.clone(), frequent);
                summary.sample = values;
            }
            State::Sketch(mut sketch) => {
                summary.distinct = sketch.frequencies.distinct().min(self.values);
                summary.blank = sketch.blank;
                (summary.min, summary.max) = (Some(sketch.least), Some(sketch.most));
                summary.frequent = most_frequent(sketch.frequencies.frequent(), frequent);
                summary.sample = sketch.sample.into_values();
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: impl Iterator<Item = String>) -> Texts {
        let texts: Vec<String> = texts.collect();
        let mut column = Texts::default();
        texts.chunks(777).for_each(|part| column.update(part.iter().map(String::as_bytes)));
        column
    }

    #[test]
    fn few_texts_are_exact() {
        let texts = ["b", "a", "", "　 ", "b", "李", "a considerably longer text", "b"];
        let summary = of(texts.iter().map(ToString::to_string)).summary(1);
        assert_eq!((summary.values, summary.distinct, summary.is_exact, summary.blank), (8, 6, true, 2));
        assert_eq!((summary.min.as_deref(), summary.max.as_deref()), (Some(&b""[..]), Some("李".as_bytes())));
        assert_eq!(summary.frequent, [(b"b"[..].into(), 3)]);
        assert_eq!(Texts::default().summary(1).min, None);
    }

    #[test]
    fn parts_in_any_order_give_one_summary() {
        for count in [16_384, 16_385, 50_000] {
            let text = |row: u64| {
                if row.is_multiple_of(50) { "of many".to_string() } else { format!("text number {}", row * 7919 % count) }
            };
            let whole = of((0..120_000).map(text)).summary(5);
            let mut parts = of((100_000..120_000).rev().map(text));
            parts.merge(of((0..3).map(text)));
            parts.merge(of((3..100_000).map(text)));
            assert_eq!(format!("{whole:?}"), format!("{:?}", parts.summary(5)));
            assert!((whole.distinct as f64 / count as f64 - 1.0).abs() < 0.04, "{} of {count}", whole.distinct);
            assert_eq!(&*whole.frequent[0].0, b"of many");
            assert!(whole.frequent[0].1.abs_diff(2_400) < 60, "{:?}", whole.frequent);
        }
    }

    #[test]
    fn a_first_text_may_be_too_long_for_the_table() {
        let long = "x".repeat(EXACT_BYTES + 1);
        let summary = of([long.clone(), "y".to_string()].into_iter()).summary(1);
        assert_eq!((summary.min.as_deref(), summary.max.as_deref()), (Some(long.as_bytes()), Some(&b"y"[..])));
    }

    #[test]
    fn many_bytes_are_not_kept() {
        let long = |row: u64| format!("{row:05000}");
        let column = of((0..3_000).map(long));
        assert!(column.size() < 2_000_000, "{}", column.size());
        let summary = column.summary(3);
        assert!(!summary.is_exact && summary.max.unwrap().len() == 5_000);
        assert_eq!(summary.sample.len(), 1024);
    }
}
