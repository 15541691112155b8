//! The number of rows of each class for each value of a feature.

/// The class counts of each value that occurs, ascending by value.
#[derive(Debug)]
pub struct Histogram {
    classes: usize,
    values: Vec<u32>,
    /// Values × classes.
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts the (value, class) pairs of the rows; values are below `values`. Uses a table, or sorts the rows if they are fewer
    /// than the possible values.
    pub fn new(rows: impl ExactSizeIterator<Item = (u32, u32)>, values: usize, classes: usize) -> Self {
        let mut histogram = Self { classes, values: vec![], counts: vec![] };
        if rows.len() < values {
            let mut rows: Vec<(u32, u32)> = rows.collect();
            rows.sort_unstable();
            for same in rows.chunk_by(|a, b| a.0 == b.0) {
                let mut counts = vec![0; classes];
                same.iter().for_each(|(_, class)| counts[*class as usize] += 1);
                histogram.push(same[0].0, &counts);
            }
        } else {
            let mut table = vec![0; values * classes];
            rows.for_each(|(value, class)| table[value as usize * classes + class as usize] += 1);
            for (value, counts) in (0..).zip(table.chunks_exact(classes)) {
                if counts.iter().any(|count| *count > 0) {
                    histogram.push(value, counts);
                }
            }
        }
        histogram
    }

    fn push(&mut self, value: u32, counts: &[u64]) {
        self.values.push(value);
        self.counts.extend_from_slice(counts);
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value at a place among the values that occur.
    pub fn value(&self, place: usize) -> u32 {
        self.values[place]
    }

    /// Number of rows of each class with the value at a place.
    pub fn counts(&self, place: usize) -> &[u64] {
        &self.counts[place * self.classes..][..self.classes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_same_in_both_ways() {
        let rows = [(4, 1), (0, 0), (4, 0), (4, 1), (2, 1)];
        for values in [5, 500] {
            let histogram = Histogram::new(rows.into_iter(), values, 2);
            assert_eq!((histogram.values.as_slice(), histogram.len()), ([0, 2, 4].as_slice(), 3));
            assert_eq!((histogram.value(2), histogram.counts(2), histogram.counts(1)), (4, [1, 2].as_slice(), [0, 1].as_slice()));
        }
    }
}
