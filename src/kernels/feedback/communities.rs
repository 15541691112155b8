//! Groups of words that occur together: communities of a network whose edges measure how much more often two words occur in the same text
//! than by chance.
//!
//! The association of two words is n·c₁₂ / (c₁·c₂): the number of texts with both, divided by the expected number. Pairs that may be due
//! to chance have no edge (likelihood ratio below 15.13, which chance exceeds once in 10,000 pairs). The groups maximise the sum of
//! (association − resolution) over the pairs within them. The search moves single words, then whole groups, until no move improves the
//! sum. Words are visited in order, so that the same words give the same groups.
//!
//! Literature: L. Waltman, N. J. van Eck, E. C. M. Noyons: A unified approach to mapping and clustering of bibliometric networks (2010);
//! V. D. Blondel et al.: Fast unfolding of communities in large networks (2008); T. Dunning: Accurate Methods for the Statistics of
//! Surprise and Coincidence (1993).

/// By chance, one pair in 10,000 has at least this likelihood ratio.
const SURPRISE: f64 = 15.13;

/// The number of texts that contain each word, and each pair of words.
#[derive(Debug)]
pub struct Together {
    pub texts: u64,
    words: Vec<u64>,
    /// The pair of words `a < b` is at index b(b − 1)/2 + a.
    pairs: Vec<u64>,
}

impl Together {
    /// Starts with no texts, for this many words.
    pub fn new(words: usize) -> Self {
        Self { texts: 0, words: vec![0; words], pairs: vec![0; words * words.saturating_sub(1) / 2] }
    }

    /// The bytes needed for this many words, including those of [`groups`](Self::groups).
    pub fn bytes(words: usize) -> usize {
        words * words * 3 * size_of::<f64>()
    }

    /// Counts the words of one text: distinct, and in ascending order.
    pub fn add(&mut self, words: &[usize]) {
        for (rank, word) in words.iter().enumerate() {
            self.words[*word] += 1;
            for other in &words[..rank] {
                self.pairs[word * (word - 1) / 2 + other] += 1;
            }
        }
    }

    fn association(&self, one: usize, other: usize) -> f64 {
        let both = self.pairs[one.max(other) * (one.max(other) - 1) / 2 + one.min(other)] as f64;
        let (first, second, texts) = (self.words[one] as f64, self.words[other] as f64, self.texts as f64);
        let expected = first * second / texts;
        if both <= expected || both < 2.0 {
            return 0.0;
        }
        // The likelihood ratio statistic: twice the sum of observed · ln(observed / expected) over the four cells.
        let cell = |observed: f64, expected: f64| if observed > 0.0 { observed * (observed / expected).ln() } else { 0.0 };
        let ratio = 2.0
            * (cell(both, expected)
                + cell(first - both, first - expected)
                + cell(second - both, second - expected)
                + cell(texts - first - second + both, texts - first - second + expected));
        if ratio < SURPRISE { 0.0 } else { both / expected }
    }

    /// The groups with at least two words, sorted by their first words; each is sorted.
    pub fn groups(&self, resolution: f64) -> Vec<Vec<usize>> {
        let count = self.words.len();
        let mut members: Vec<Vec<usize>> = (0..count).map(|word| vec![word]).collect();
        let mut weights: Vec<Vec<f64>> = (0..count)
            .map(|one| {
                let weight = |other| if one == other { 0.0 } else { self.association(one, other) - resolution };
                (0..count).map(weight).collect()
            })
            .collect();
        loop {
            let group = moved(&weights);
            let groups = group.iter().copied().max().map_or(0, |most| most + 1);
            if groups == members.len() {
                break;
            }
            let mut joined = vec![vec![]; groups];
            let mut between = vec![vec![0.0; groups]; groups];
            for (one, words) in members.into_iter().enumerate() {
                joined[group[one]].extend(words);
                for (other, weight) in weights[one].iter().enumerate() {
                    if group[one] != group[other] {
                        between[group[one]][group[other]] += weight;
                    }
                }
            }
            (members, weights) = (joined, between);
        }
        members.retain(|words| words.len() > 1);
        members.iter_mut().for_each(|words| words.sort_unstable());
        members.sort_by_key(|words| words.first().copied());
        members
    }
}

/// Moves one node at a time as long as that helps. Returns the group of each node, numbered in the order of their first nodes.
fn moved(weights: &[Vec<f64>]) -> Vec<usize> {
    let count = weights.len();
    let mut group: Vec<usize> = (0..count).collect();
    // More rounds than are ever needed; the limit prevents endless cycles due to rounding.
    for _ in 0..100 {
        let mut has_moved = false;
        for (node, of_node) in weights.iter().enumerate() {
            let mut gains = vec![0.0; count];
            for (other, weight) in of_node.iter().enumerate() {
                if other != node {
                    gains[group[other]] += weight;
                }
            }
            let own = group[node];
            // A node on its own gains 0, so it leaves a group in which it loses.
            let mut best = (gains[own], own);
            for (other, gain) in gains.iter().enumerate() {
                if *gain > best.0 + 1e-9 {
                    best = (*gain, other);
                }
            }
            if best.0 < -1e-9
                && let Some(empty) = (0..count).find(|empty| !group.contains(empty))
            {
                best = (0.0, empty);
            }
            if best.1 != own {
                group[node] = best.1;
                has_moved = true;
            }
        }
        if !has_moved {
            break;
        }
    }
    let mut numbers: Vec<Option<usize>> = vec![None; count];
    let mut next = 0;
    for group in &mut group {
        let number = *numbers[*group].get_or_insert_with(|| {
            next += 1;
            next - 1
        });
        *group = number;
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    #[test]
    fn planted_groups_are_found_in_any_order_of_texts() {
        let mut random = Random::new(5, &[]);
        // Six groups of seven words, and eighteen words that occur anywhere.
        let mut texts: Vec<Vec<usize>> = (0..900)
            .map(|_| {
                let group = random.below(6) as usize;
                let mut words: Vec<usize> = (0..3).map(|_| group * 7 + random.below(7) as usize).collect();
                words.extend((0..2).map(|_| 42 + random.below(18) as usize));
                words.sort_unstable();
                words.dedup();
                words
            })
            .collect();
        let groups = |texts: &[Vec<usize>]| {
            let mut together = Together::new(60);
            together.texts = texts.len() as u64;
            texts.iter().for_each(|words| together.add(words));
            together.groups(1.0)
        };
        let found = groups(&texts);
        let planted: Vec<Vec<usize>> = (0..6).map(|group| (group * 7..group * 7 + 7).collect()).collect();
        assert_eq!(found, planted);
        texts.reverse();
        assert_eq!(groups(&texts), planted);
    }

    #[test]
    fn chance_makes_no_groups() {
        let mut random = Random::new(11, &[]);
        let mut together = Together::new(80);
        together.texts = 2000;
        for _ in 0..2000 {
            let mut words: Vec<usize> = (0..5).map(|_| random.below(80) as usize).collect();
            words.sort_unstable();
            words.dedup();
            together.add(&words);
        }
        assert!(together.groups(1.0).len() <= 1, "{:?}", together.groups(1.0));
    }

    #[test]
    fn nothing_has_no_groups() {
        assert_eq!(Together::new(0).groups(1.0), Vec::<Vec<usize>>::new());
        assert_eq!(Together::new(3).groups(1.0), Vec::<Vec<usize>>::new());
    }
}
