//! Earlier results, which the shell can show again: the latest ones, up to a total size.

use std::collections::VecDeque;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

/// The most results that are kept.
const MOST_RESULTS: usize = 20;
/// The most bytes that all of them take.
const MOST_BYTES: usize = 64 << 20;

/// One result.
#[derive(Debug, Clone)]
pub(super) struct KeptResult {
    pub(super) number: usize,
    /// The statement it answers.
    pub(super) statement: String,
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: usize,
    bytes: usize,
}

/// The results, each with its number from the first one of the shell.
#[derive(Debug, Default)]
pub(super) struct Kept {
    results: VecDeque<KeptResult>,
    last: usize,
}

impl Kept {
    /// All kept results, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &KeptResult> {
        self.results.iter()
    }

    /// The result with that number; without a number, the latest.
    pub(super) fn get(&self, number: Option<usize>) -> Option<&KeptResult> {
        match number {
            Some(number) => self.results.iter().find(|result| result.number == number),
            None => self.results.back(),
        }
    }

    /// Keeps a result; older ones make room for it.
    pub(super) fn add(&mut self, keeping: Keeping) {
        self.last += 1;
        let Keeping { statement, schema, batches: Some(batches), rows, bytes } = keeping else { return };
        self.results.push_back(KeptResult { number: self.last, statement, schema, batches, rows, bytes });
        while self.results.len() > MOST_RESULTS || self.results.iter().map(|result| result.bytes).sum::<usize>() > MOST_BYTES {
            self.results.pop_front();
        }
    }
}

/// A result that is being read. One that turns out too large is not kept.
#[derive(Debug)]
pub(super) struct Keeping {
    statement: String,
    schema: SchemaRef,
    batches: Option<Vec<RecordBatch>>,
    rows: usize,
    bytes: usize,
}

impl Keeping {
    pub(super) fn new(statement: &str, schema: SchemaRef) -> Self {
        Self { statement: statement.to_string(), schema, batches: Some(vec![]), rows: 0, bytes: 0 }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes = self.bytes.saturating_add(batch.get_array_memory_size());
        match &mut self.batches {
            Some(batches) if self.bytes <= MOST_BYTES => batches.push(batch.clone()),
            batches => *batches = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::Int64Array;

    use super::*;

    fn keep(kept: &mut Kept, rows: usize) {
        let batch = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![7; rows])) as _)]).unwrap();
        let mut keeping = Keeping::new("SELECT", batch.schema());
        keeping.add(&batch);
        kept.add(keeping);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut kept = Kept::default();
        assert!(kept.get(None).is_none());
        (0..MOST_RESULTS + 3).for_each(|_| keep(&mut kept, 1));
        assert_eq!(kept.all().map(|result| result.number).collect::<Vec<_>>(), (4..=MOST_RESULTS + 3).collect::<Vec<_>>());
        assert!(kept.get(Some(3)).is_none() && kept.get(Some(4)).is_some());
        // Each takes half of the room, so the latest two stay.
        (0..3).for_each(|_| keep(&mut kept, MOST_BYTES / 8 / 2 - 100));
        assert_eq!(kept.all().count(), 2);
        keep(&mut kept, MOST_BYTES / 8 + 1);
        assert_eq!(kept.all().count(), 2, "too large by itself");
        assert_eq!(kept.get(None).map(|result| result.number), Some(MOST_RESULTS + 6));
    }
}
