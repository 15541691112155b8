//! The most characteristic words of a set of texts, by TF-IDF or TextRank.
//!
//! Only counts that can be added up are kept: how often each word occurs, and how often two words occur near each other. So parts of the
//! texts can be counted separately and in any order. Weights are computed at the end, with words in alphabetical order, so that the
//! result is the same.
//!
//! TF-IDF: the share of a word among the words, times its inverse document frequency in the corpus of jieba; the median for a
//! word that the corpus does not have. TextRank (Mihalcea, Tarau: TextRank, 2004): words are the nodes of a graph, linked by
//! how often they occur within five words of one another; a word has a high rank if words of high rank are near it.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use jieba_rs::{Jieba, KeywordExtract, KeywordExtractConfig, TfIdf};

use super::segmentation::{is_stop_word, is_word};

/// How words are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    TfIdf,
    TextRank,
}

/// The number of words in a window of TextRank.
const WINDOW: usize = 5;

const DAMPING: f64 = 0.85;

/// Assigns numbers to words.
#[derive(Debug, Default)]
pub struct Words {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
    /// The inverse document frequencies of words, cached because finding them is slow.
    idfs: Vec<Option<f64>>,
    bytes: usize,
}

impl Words {
    /// The number of a word.
    pub fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(word.into(), number);
        self.texts.push(word.into());
        self.bytes += 2 * word.len();
        number
    }

    /// The word with a number.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    fn idf(&mut self, number: u32) -> f64 {
        let place = number as usize;
        if self.idfs.len() < self.texts.len() {
            self.idfs.resize(self.texts.len(), None);
        }
        let (known, text) = (self.idfs.get_mut(place), self.texts.get(place));
        known.zip(text).map_or(0.0, |(known, text)| *known.get_or_insert_with(|| idf(text)))
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        self.bytes
            + self.idfs.capacity() * size_of::<Option<f64>>()
            + self.texts.capacity() * size_of::<Box<str>>()
            + self.numbers.capacity() * (size_of::<(Box<str>, u32)>() + 1)
    }
}

/// The counts for a set of texts.
#[derive(Debug, Default)]
pub struct Counts {
    words: HashMap<u32, u64>,
    /// How often two words occur near each other; the smaller number is first.
    pairs: HashMap<(u32, u32), u64>,
}

impl Counts {
    /// Counts the words of one text, in their order.
    pub fn add<'a>(&mut self, words: &mut Words, tokens: impl IntoIterator<Item = &'a str>, method: Method) {
        // Tokens that are not candidates still take up a place in the window.
        let mut window: Vec<Option<u32>> = vec![];
        let mut lower = String::new();
        for token in tokens {
            let token = if token.bytes().any(|byte| byte.is_ascii_uppercase()) {
                lower.clear();
                lower.extend(token.chars().flat_map(char::to_lowercase));
                lower.as_str()
            } else {
                token
            };
            let number = is_candidate(token).then(|| words.number(token));
            if let Some(number) = number {
                *self.words.entry(number).or_default() += 1;
            }
            if method == Method::TextRank {
                if let Some(number) = number {
                    for other in window.iter().flatten().filter(|other| **other != number) {
                        *self.pairs.entry((number.min(*other), number.max(*other))).or_default() += 1;
                    }
                }
                if window.len() == WINDOW - 1 {
                    window.remove(0);
                }
                window.push(number);
            }
        }
    }

    /// Adds a word counted elsewhere.
    pub fn add_word(&mut self, word: u32, count: u64) {
        *self.words.entry(word).or_default() += count;
    }

    /// Adds a pair counted elsewhere.
    pub fn add_pair(&mut self, one: u32, other: u32, count: u64) {
        *self.pairs.entry((one.min(other), one.max(other))).or_default() += count;
    }

    /// All words with their counts.
    pub fn words(&self) -> impl Iterator<Item = (u32, u64)> {
        self.words.iter().map(|(word, count)| (*word, *count))
    }

    /// All pairs with their counts.
    pub fn pairs(&self) -> impl Iterator<Item = ((u32, u32), u64)> {
        self.pairs.iter().map(|(pair, count)| (*pair, *count))
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        self.words.capacity() * (size_of::<(u32, u64)>() + 1) + self.pairs.capacity() * (size_of::<((u32, u32), u64)>() + 1)
    }

    /// The `top` words with the largest weights, in descending order; ties in alphabetical order.
    pub fn best(&self, words: &mut Words, method: Method, top: usize) -> Vec<(String, f64)> {
        let total: u64 = self.words.values().sum();
        let weigh = |(word, count): (u32, u64)| (word, count as f64 / total as f64 * words.idf(word));
        let by_idf: HashMap<u32, f64> = if method == Method::TfIdf { self.words().map(weigh).collect() } else { HashMap::new() };
        let words = &*words;
        let ordered: BTreeMap<&str, u32> = self.words().map(|(word, _)| (words.text(word), word)).collect();
        let mut weighed: Vec<(&str, f64)> = match method {
            Method::TfIdf => ordered.iter().map(|(text, word)| (*text, by_idf.get(word).copied().unwrap_or_default())).collect(),
            Method::TextRank => {
                let places: HashMap<u32, usize> = ordered.values().enumerate().map(|(place, word)| (*word, place)).collect();
                ordered.keys().copied().zip(self.ranks(&places)).collect()
            }
        };
        weighed.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        weighed.truncate(top);
        weighed.into_iter().map(|(word, weight)| (word.to_string(), weight)).collect()
    }

    /// The ranks of the words, by place; the highest is scaled to 1.
    fn ranks(&self, places: &HashMap<u32, usize>) -> Vec<f64> {
        let mut near: Vec<Vec<(usize, f64)>> = vec![vec![]; places.len()];
        for ((one, other), count) in self.pairs() {
            if let (Some(one), Some(other)) = (places.get(&one), places.get(&other)) {
                near[*one].push((*other, count as f64));
                near[*other].push((*one, count as f64));
            }
        }
        near.iter_mut().for_each(|near| near.sort_by_key(|(place, _)| *place));
        let outflow: Vec<f64> = near.iter().map(|near| near.iter().map(|(_, count)| count).sum()).collect();
        let mut ranks = vec![1.0; places.len()];
        for _ in 0..100 {
            let next: Vec<f64> = near
                .iter()
                .map(|near| {
                    let given: f64 = near.iter().map(|(other, count)| count / outflow[*other] * ranks[*other]).sum();
                    1.0 - DAMPING + DAMPING * given
                })
                .collect();
            let moved = next.iter().zip(&ranks).map(|(next, rank)| (next - rank).abs()).fold(0.0, f64::max);
            ranks = next;
            if moved < 1e-10 {
                break;
            }
        }
        let most = ranks.iter().copied().fold(0.0, f64::max);
        ranks.iter().map(|rank| rank / most).collect()
    }
}

/// True for a word that can be a keyword: at least two characters, one of which is a letter, and not a stop word.
pub fn is_candidate(word: &str) -> bool {
    word.chars().nth(1).is_some() && is_word(word) && word.chars().any(char::is_alphabetic) && !is_stop_word(word)
}

/// The inverse document frequency of a word in jieba's corpus; the median for a word that the corpus does not have.
pub fn idf(word: &str) -> f64 {
    static TABLE: LazyLock<TfIdf> = LazyLock::new(|| {
        let mut table = TfIdf::default();
        *table.config_mut() = KeywordExtractConfig::builder().set_stop_words(Default::default()).min_keyword_length(1).build();
        table
    });
    // jieba does not expose its table. The weight of a text's only word is its inverse document frequency.
    let mut only = Jieba::empty();
    only.add_word(word, Some(1), None);
    let found = TABLE.extract_keywords(&only, word, 1, vec![]);
    found.first().map_or(0.0, |keyword| keyword.weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::chinese::segmentation::cut;

    const TEXT: &str =
        "今天纽约的天气真好啊，京华大酒店的张尧经理吃了一只北京烤鸭。后天纽约的天气不好，昨天纽约的天气也不好，北京烤鸭真好吃";

    fn best(texts: &[&str], method: Method, top: usize) -> Vec<(String, f64)> {
        let (mut words, mut counts) = (Words::default(), Counts::default());
        for text in texts {
            let mut tokens = vec![];
            cut(text, None, |token| tokens.push(token));
            counts.add(&mut words, tokens, method);
        }
        counts.best(&mut words, method, top)
    }

    #[test]
    fn the_words_that_jieba_finds() {
        let found = best(&[TEXT], Method::TfIdf, 3);
        let words: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["北京烤鸭", "纽约", "天气"]);
        assert_eq!(idf("北京烤鸭"), 12.514_383_290_9);
        assert!(idf("没有人写过的词") > 10.0);
        let found = best(&[TEXT], Method::TextRank, 3);
        assert_eq!(found[0].1, 1.0);
        assert!(found.iter().any(|(word, _)| word == "纽约"), "{found:?}");
    }

    #[test]
    fn the_order_of_texts_does_not_matter() {
        let parts: Vec<&str> = TEXT.split(['，', '。']).collect();
        let turned: Vec<&str> = parts.iter().rev().copied().collect();
        for method in [Method::TfIdf, Method::TextRank] {
            assert_eq!(best(&parts, method, 100), best(&turned, method, 100));
        }
    }

    #[test]
    fn nothing_gives_nothing() {
        for method in [Method::TfIdf, Method::TextRank] {
            assert_eq!(best(&["", "，。", "的"], method, 5), vec![]);
            assert_eq!(best(&["的 the 12 烤鸭"], method, 5).len(), 1);
        }
    }
}
