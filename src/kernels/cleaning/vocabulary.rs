//! Known words, and the known word nearest to an unknown one.
//!
//! Words are compared ignoring width, case, spaces and punctuation. Similarity is Jaro-Winkler, from 0 to 1. Words with too few common
//! letters to be similar enough are skipped without a comparison.

use std::collections::HashMap;

use super::texts::{Case, Cleaning};

/// Reduces a word to lower-case letters and digits of one width.
pub fn folded(word: &str) -> String {
    let even = Cleaning { case: Case::Lower, ..Cleaning::default() }.clean(word);
    even.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Words with their meanings, which are numbers chosen by the caller.
#[derive(Debug, Default)]
pub struct Vocabulary {
    exact: HashMap<String, usize>,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Word {
    text: String,
    letters: usize,
    /// One bit per character; several characters share a bit.
    marks: u64,
    meaning: usize,
}

/// The distinct meanings of the most similar words, in ascending order, and their similarity.
#[derive(Debug, PartialEq)]
pub struct Nearest {
    pub meanings: Vec<usize>,
    pub similarity: f64,
}

impl Vocabulary {
    /// Adds a folded word; if it is already there, the first meaning is kept.
    pub fn add(&mut self, word: String, meaning: usize) {
        if word.is_empty() || self.exact.contains_key(&word) {
            return;
        }
        let marks = word.chars().fold(0, |marks, letter| marks | mark(letter));
        self.words.push(Word { letters: word.chars().count(), text: word.clone(), marks, meaning });
        self.exact.insert(word, meaning);
    }

    /// The meaning of a folded word.
    pub fn meaning(&self, word: &str) -> Option<usize> {
        self.exact.get(word).copied()
    }

    /// The meanings of the words that are most similar to a folded word, with a similarity of at least `least`.
    pub fn nearest(&self, word: &str, least: f64) -> Option<Nearest> {
        let letters = word.chars().count();
        if letters == 0 {
            return None;
        }
        let mut nearest: Option<Nearest> = None;
        for known in &self.words {
            let floor = nearest.as_ref().map_or(least, |nearest| nearest.similarity);
            let common = word.chars().filter(|letter| known.marks & mark(*letter) != 0).count().min(known.letters);
            if most_similar(common, letters, known.letters) < floor {
                continue;
            }
            let similarity = strsim::jaro_winkler(word, &known.text);
            if similarity < floor {
                continue;
            }
            match &mut nearest {
                Some(nearest) if nearest.similarity == similarity => nearest.meanings.push(known.meaning),
                _ => nearest = Some(Nearest { meanings: vec![known.meaning], similarity }),
            }
        }
        if let Some(nearest) = &mut nearest {
            nearest.meanings.sort_unstable();
            nearest.meanings.dedup();
        }
        nearest
    }
}

fn mark(letter: char) -> u64 {
    1 << (u32::from(letter).wrapping_mul(0x9e37_79b1) >> 26)
}

/// An upper bound for the similarity of words with these lengths and this many common characters: it assumes that they are in order, and
/// at the beginning.
fn most_similar(common: usize, a: usize, b: usize) -> f64 {
    if common == 0 {
        return 0.0;
    }
    let common = common as f64;
    let jaro = (common / a as f64 + common / b as f64 + 1.0) / 3.0;
    // Winkler's bonus for up to four equal leading characters.
    jaro + 0.4 * (1.0 - jaro) + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_the_nearest_of_them() {
        let mut words = Vocabulary::default();
        for (meaning, word) in ["采购决策者", "决策层", "财务负责人", "财务主管"].iter().enumerate() {
            words.add(folded(word), meaning);
        }
        assert_eq!(words.meaning(&folded(" 采购 决策者！")), Some(0));
        assert_eq!(words.nearest("采购决策人", 0.8).map(|nearest| nearest.meanings), Some(vec![0]));
        assert_eq!(words.nearest("完全不同", 0.8), None);
        assert_eq!(words.nearest("", 0.0), None);
        words.add("财务主任".into(), 9);
        let tie = words.nearest("财务主", 0.8);
        assert_eq!(tie.map(|nearest| nearest.meanings), Some(vec![3, 9]));
    }

    #[test]
    fn passing_over_loses_nothing() {
        let texts = ["互联网零售", "互联网批发", "零售", "aab", "abb", "ba", "bbbb", "汽车零售", "车"];
        let mut words = Vocabulary::default();
        for (meaning, text) in texts.iter().enumerate() {
            words.add((*text).to_string(), meaning);
        }
        for text in ["互联网售", "ab", "bb", "汽车", "零", "baba"] {
            let best = texts.iter().map(|other| strsim::jaro_winkler(text, other)).fold(0.0, f64::max);
            let found = words.nearest(text, 0.01).map_or(0.0, |nearest| nearest.similarity);
            assert_eq!(found, best, "{text}");
        }
    }
}
