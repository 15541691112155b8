//! How similar two values are, in levels.
//!
//! A comparison has one level for equal values, one for each of its thresholds, and one for everything else. Levels are
//! numbered from the least similar, as in Splink: 0 is everything else, the highest is equality. In a
//! [pattern](super::fellegi_sunter), an additional lowest level stands for missing values.

use pinyin::ToPinyin;
use rapidfuzz::distance::{damerau_levenshtein, jaro, jaro_winkler, levenshtein};
use serde::{Deserialize, Serialize};

use super::dictionary::NONE;

/// A comparison of one column: the measure and its thresholds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub measure: Measure,
    /// The strictest first: descending similarities, ascending distances.
    pub thresholds: Vec<f64>,
    /// Whether equal rare values are stronger evidence than equal frequent ones.
    pub term_frequency: bool,
}

/// How similarity or distance of two values is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    Exact,
    Jaro,
    JaroWinkler,
    Levenshtein,
    DamerauLevenshtein,
    /// The days between two dates.
    DateDistance,
    /// The difference between two numbers.
    NumericDistance,
    /// Whether Chinese texts have the same pinyin, without tones; thresholds are Jaro–Winkler similarities of the pinyin.
    Pinyin,
}

impl Measure {
    pub const ALL: [Self; 8] = [
        Self::Exact,
        Self::JaroWinkler,
        Self::Jaro,
        Self::Levenshtein,
        Self::DamerauLevenshtein,
        Self::DateDistance,
        Self::NumericDistance,
        Self::Pinyin,
    ];

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Jaro => "jaro",
            Self::JaroWinkler => "jaro_winkler",
            Self::Levenshtein => "levenshtein",
            Self::DamerauLevenshtein => "damerau_levenshtein",
            Self::DateDistance => "date_distance",
            Self::NumericDistance => "numeric_distance",
            Self::Pinyin => "pinyin",
        }
    }

    /// True for a similarity between 0 and 1, false for a distance.
    pub fn is_similarity(self) -> bool {
        matches!(self, Self::Jaro | Self::JaroWinkler | Self::Pinyin)
    }

    /// True if the values are compared as numbers; dates are, as days.
    pub fn is_of_numbers(self) -> bool {
        matches!(self, Self::DateDistance | Self::NumericDistance)
    }

    /// The thresholds used if none are given.
    pub fn default_thresholds(self) -> &'static [f64] {
        match self {
            Self::Exact | Self::Pinyin => &[],
            Self::Jaro | Self::JaroWinkler => &[0.92, 0.8],
            Self::Levenshtein | Self::DamerauLevenshtein => &[1.0, 2.0],
            Self::DateDistance => &[31.0, 366.0],
            Self::NumericDistance => &[1.0],
        }
    }
}

impl Comparison {
    /// The number of levels.
    pub fn levels(&self) -> usize {
        self.thresholds.len() + 2 + usize::from(self.measure == Measure::Pinyin)
    }

    /// The label of a level in results.
    pub fn label(&self, level: usize) -> String {
        let from_best = self.levels() - 1 - level;
        let is_pinyin = self.measure == Measure::Pinyin;
        match from_best {
            0 => "equal".into(),
            1 if is_pinyin => "same pinyin".into(),
            _ if level == 0 => "all else".into(),
            _ => {
                let threshold = self.thresholds[from_best - 1 - usize::from(is_pinyin)];
                let sign = if self.measure.is_similarity() { "≥" } else { "≤" };
                format!("{} {sign} {threshold}", self.measure.name())
            }
        }
    }

    /// The level of a similarity or distance of unequal values.
    fn level(&self, measured: f64) -> usize {
        let met = |threshold: &f64| {
            if self.measure.is_similarity() { measured >= *threshold } else { measured <= *threshold }
        };
        self.thresholds.iter().position(met).map_or(0, |place| self.thresholds.len() - place)
    }
}

/// The values of a column, one per record.
#[derive(Debug)]
pub enum Values {
    /// Strings, stored once each: `texts` holds the distinct ones, and `numbers` the position for each record, [`NONE`] for NULL.
    Texts { numbers: Vec<u32>, texts: Vec<String> },
    /// Numbers; NaN is a missing value.
    Numbers(Vec<f64>),
}

impl Values {
    /// The relative frequency of each distinct string among the records with a value.
    pub fn frequencies(&self) -> Vec<f64> {
        let Self::Texts { numbers, texts } = self else { return vec![] };
        let mut counts = vec![0_u32; texts.len()];
        for number in numbers.iter().filter(|number| **number != NONE) {
            counts[*number as usize] += 1;
        }
        let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        counts.into_iter().map(|count| f64::from(count) / (all.max(1) as f64)).collect()
    }
}

/// A summary of a string's characters. Bounds on the similarity of two strings follow from it, so that most pairs need not be compared.
#[derive(Debug, Clone, Copy)]
pub struct Letters {
    length: u32,
    /// One bit per character; several characters share a bit.
    which: u64,
}

impl Letters {
    pub fn of(text: &str) -> Self {
        let mut letters = Self { length: 0, which: 0 };
        for letter in text.chars() {
            letters.length += 1;
            letters.which |= 1 << (u32::from(letter) % 64);
        }
        letters
    }

    /// A lower bound for the number of characters of this string that the other lacks.
    fn lacking(self, other: Self) -> u32 {
        (self.which & !other.which).count_ones()
    }

    /// A lower bound for the edit distance.
    fn least_distance(self, other: Self) -> u32 {
        self.length.abs_diff(other.length).max(self.lacking(other)).max(other.lacking(self))
    }

    /// An upper bound for the Jaro similarity, slightly raised for rounding errors.
    fn most_jaro(self, other: Self) -> f64 {
        let alike = (self.length - self.lacking(other)).min(other.length - other.lacking(self));
        if alike == 0 {
            return 0.0;
        }
        let alike = f64::from(alike);
        (alike / f64::from(self.length) + alike / f64::from(other.length) + 1.0) / 3.0 + 1e-9
    }

    /// An upper bound for the Jaro–Winkler similarity: above 0.7, up to four equal leading characters add to it.
    fn most_jaro_winkler(self, other: Self) -> f64 {
        let jaro = self.most_jaro(other);
        if jaro > 0.7 { jaro + 0.4 * (1.0 - jaro).max(0.0) } else { jaro }
    }
}

/// A column to compare, with what is precomputed for its strings.
#[derive(Debug)]
pub struct Compared {
    pub values: Values,
    letters: Vec<Letters>,
    /// The pinyin of each string, if that is compared.
    spoken: Vec<String>,
}

impl Compared {
    pub fn new(comparison: &Comparison, values: Values) -> Self {
        let texts: &[String] = match &values {
            Values::Texts { texts, .. } if !comparison.thresholds.is_empty() || comparison.measure == Measure::Pinyin => texts,
            _ => &[],
        };
        let spoken = if comparison.measure == Measure::Pinyin { pronounced(texts) } else { vec![] };
        let compared = if comparison.measure == Measure::Pinyin { &spoken } else { texts };
        let letters = compared.iter().map(|text| Letters::of(text)).collect();
        Self { values, letters, spoken }
    }
}

/// Compares the values of records. It caches what it precomputed for the last left value, so pairs should arrive sorted by their left
/// record.
pub struct Comparer<'a> {
    comparison: &'a Comparison,
    compared: &'a Compared,
    last: u32,
    prepared: Prepared,
}

enum Prepared {
    Nothing,
    Jaro(jaro::BatchComparator<char>),
    JaroWinkler(jaro_winkler::BatchComparator<char>),
    Levenshtein(levenshtein::BatchComparator<char>),
    Damerau(damerau_levenshtein::BatchComparator<char>),
}

/// The pinyin of each string, without tones; other characters are kept in lower case, without whitespace.
fn pronounced(texts: &[String]) -> Vec<String> {
    let spoken = |text: &String| {
        let mut spoken = String::new();
        for letter in text.chars() {
            match letter.to_pinyin() {
                Some(pinyin) => spoken.push_str(pinyin.plain()),
                None if letter.is_whitespace() => {}
                None => spoken.extend(letter.to_lowercase()),
            }
        }
        spoken
    };
    texts.iter().map(spoken).collect()
}

impl<'a> Comparer<'a> {
    pub fn new(comparison: &'a Comparison, compared: &'a Compared) -> Self {
        Self { comparison, compared, last: NONE, prepared: Prepared::Nothing }
    }

    /// The level of two records plus one; 0 if a value is missing.
    pub fn level(&mut self, left: u32, right: u32) -> usize {
        match &self.compared.values {
            Values::Numbers(numbers) => {
                let distance = (numbers[left as usize] - numbers[right as usize]).abs();
                match distance {
                    0.0 => self.comparison.levels(),
                    _ if distance.is_nan() => 0,
                    _ => 1 + self.comparison.level(distance),
                }
            }
            Values::Texts { numbers, texts } => {
                let (left, right) = (numbers[left as usize], numbers[right as usize]);
                if left == NONE || right == NONE {
                    0
                } else if left == right {
                    self.comparison.levels()
                } else {
                    1 + self.different(left, right, texts)
                }
            }
        }
    }

    /// The level of two unequal strings.
    fn different(&mut self, left: u32, right: u32, texts: &'a [String]) -> usize {
        let thresholds = &self.comparison.thresholds;
        let texts = if self.comparison.measure == Measure::Pinyin {
            let spoken = &self.compared.spoken;
            if spoken[left as usize] == spoken[right as usize] {
                return thresholds.len() + 1;
            }
            spoken
        } else {
            texts
        };
        let Some(loosest) = thresholds.last() else { return 0 };
        let (own, other) = (self.compared.letters[left as usize], self.compared.letters[right as usize]);
        let is_out_of_reach = match self.comparison.measure {
            Measure::Jaro => own.most_jaro(other) < *loosest,
            Measure::JaroWinkler | Measure::Pinyin => own.most_jaro_winkler(other) < *loosest,
            _ => f64::from(own.least_distance(other)) > *loosest,
        };
        if is_out_of_reach {
            return 0;
        }
        if self.last != left {
            self.last = left;
            let letters = texts[left as usize].chars();
            self.prepared = match self.comparison.measure {
                Measure::Jaro => Prepared::Jaro(jaro::BatchComparator::new(letters)),
                Measure::JaroWinkler | Measure::Pinyin => Prepared::JaroWinkler(jaro_winkler::BatchComparator::new(letters)),
                Measure::Levenshtein => Prepared::Levenshtein(levenshtein::BatchComparator::new(letters)),
                Measure::DamerauLevenshtein => Prepared::Damerau(damerau_levenshtein::BatchComparator::new(letters)),
                _ => Prepared::Nothing,
            };
        }
        let other = texts[right as usize].chars();
        let most = *loosest as usize;
        let measured = match &self.prepared {
            Prepared::Nothing => None,
            Prepared::Jaro(known) => known.similarity_with_args(other, &jaro::Args::default().score_cutoff(*loosest)),
            Prepared::JaroWinkler(known) => {
                known.similarity_with_args(other, &jaro_winkler::Args::default().score_cutoff(*loosest))
            }
            Prepared::Levenshtein(known) => {
                known.distance_with_args(other, &levenshtein::Args::default().score_cutoff(most)).map(|distance| distance as f64)
            }
            Prepared::Damerau(known) => known
                .distance_with_args(other, &damerau_levenshtein::Args::default().score_cutoff(most))
                .map(|distance| distance as f64),
        };
        measured.map_or(0, |measured| self.comparison.level(measured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::Random;

    fn levels(measure: Measure, thresholds: &[f64], texts: &[&str]) -> Vec<usize> {
        let comparison = Comparison { measure, thresholds: thresholds.to_vec(), term_frequency: false };
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        let (count, values) = (texts.len() as u32, Values::Texts { numbers: (0..texts.len() as u32).collect(), texts });
        let compared = Compared::new(&comparison, values);
        let mut comparer = Comparer::new(&comparison, &compared);
        (0..count).map(|right| comparer.level(0, right)).collect()
    }

    #[test]
    fn texts_are_alike_in_levels() {
        let names = ["martha", "marhta", "marthe", "peter"];
        assert_eq!(levels(Measure::JaroWinkler, &[0.95, 0.8], &names), [4, 3, 2, 1]);
        assert_eq!(levels(Measure::DamerauLevenshtein, &[1.0], &names), [3, 2, 2, 1]);
        assert_eq!(levels(Measure::Levenshtein, &[1.0, 2.0], &names), [4, 2, 3, 1]);
        assert_eq!(levels(Measure::Exact, &[], &names), [2, 1, 1, 1]);
        assert_eq!(levels(Measure::Pinyin, &[], &["张伟", "章伟", "章玮", "李四"]), [3, 2, 2, 1]);
    }

    /// Pairs skipped by the bounds have level 0 anyway.
    #[test]
    fn bounds_hold() {
        let mut random = Random::new(5, &[]);
        let mut text =
            || -> String { (0..random.below(9)).map(|_| *random.pick(&['a', 'b', 'c', 'd', '王', '李', 'é', '!'])).collect() };
        for _ in 0..20_000 {
            let (a, b) = (text(), text());
            let (own, other) = (Letters::of(&a), Letters::of(&b));
            assert!(own.most_jaro(other) >= strsim::jaro(&a, &b) || a == b, "{a} {b}");
            assert!(own.most_jaro_winkler(other) >= jaro_winkler::similarity(a.chars(), b.chars()) || a == b, "{a} {b}");
            assert!(own.least_distance(other) as usize <= damerau_levenshtein::distance(a.chars(), b.chars()), "{a} {b}");
            assert!((jaro_winkler::similarity(a.chars(), b.chars()) - strsim::jaro_winkler(&a, &b)).abs() < 1e-9, "{a} {b}");
        }
    }

    #[test]
    fn numbers_are_near_in_levels() {
        let comparison = Comparison { measure: Measure::DateDistance, thresholds: vec![1.0, 30.0], term_frequency: false };
        let values = Values::Numbers(vec![10.0, 11.0, 40.0, 41.0, f64::NAN, 10.0]);
        let compared = Compared::new(&comparison, values);
        let mut comparer = Comparer::new(&comparison, &compared);
        assert_eq!((0..6).map(|right| comparer.level(0, right)).collect::<Vec<_>>(), [4, 3, 2, 1, 0, 4]);
        let labels: Vec<String> = (0..4).map(|level| comparison.label(level)).collect();
        assert_eq!(labels, ["all else", "date_distance ≤ 30", "date_distance ≤ 1", "equal"]);
    }
}
