//! The sentiment of a string, from −1 to 1, by a lexicon.
//!
//! The scores of the words in the lexicon are added up. A negation within the three words before one multiplies its score by
//! −0.74; a degree word just before one makes it stronger or weaker; of two clauses with "but" between them, the first counts
//! half and the second one and a half times. A sum s gives s / √(s² + 15⁄16). These are the rules of VADER (Hutto, Gilbert:
//! VADER, 2014), on a scale from −1 to 1, for Chinese and English words.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::segmentation::{Dictionary, cut, is_known};
use super::sentiment_rules::{degree, is_break, is_but, is_end, is_negation};

static SHIPPED: LazyLock<Lexicon> = LazyLock::new(|| {
    let files = [
        include_str!("../../../data/dictionaries/sentiment_zh.txt"),
        include_str!("../../../data/dictionaries/sentiment_en.txt"),
    ];
    let lines = files.iter().flat_map(|file| file.lines());
    Lexicon::of(lines.filter_map(|line| line.split_once('\t')).filter_map(|(word, score)| Some((word, score.parse().ok()?))))
});

/// The lexicon that comes with the program.
pub fn shipped() -> &'static Lexicon {
    &SHIPPED
}

/// Words with their sentiment scores.
#[derive(Debug, Default)]
pub struct Lexicon {
    scores: HashMap<Box<str>, f64>,
    /// Words that jieba would not split off by itself.
    phrases: Dictionary,
}

/// A word of a text, with its contribution to the sentiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Felt {
    pub word: String,
    pub score: f64,
}

impl Lexicon {
    /// Creates a lexicon from words and scores; if a word is given twice, the greater score counts.
    pub fn of<'a>(words: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let mut scores: HashMap<Box<str>, f64> = HashMap::new();
        for (word, score) in words {
            let word = word.trim().to_lowercase();
            if !word.is_empty() && score.is_finite() {
                let kept = scores.entry(word.into()).or_insert(score);
                *kept = kept.max(score);
            }
        }
        let is_cut = |word: &str| is_known(word) || word.chars().all(|letter| letter.is_ascii_alphanumeric());
        let phrases = Dictionary::of(scores.keys().map(AsRef::as_ref).filter(|word| !is_cut(word)));
        Self { scores, phrases }
    }

    /// Adds the words of the shipped lexicon that this one does not have.
    pub fn with_shipped(mut self) -> Self {
        for (word, score) in &SHIPPED.scores {
            self.scores.entry(word.clone()).or_insert(*score);
        }
        Self::of(self.scores.iter().map(|(word, score)| (word.as_ref(), *score)))
    }

    fn score(&self, word: &str) -> Option<f64> {
        self.scores.get(word).copied()
    }

    /// The words of a text that have a sentiment, with negation, degree and "but" applied to their scores.
    pub fn felt(&self, text: &str) -> Vec<Felt> {
        let text = text.to_lowercase();
        let mut tokens: Vec<&str> = vec![];
        cut(&text, Some(&self.phrases), |token| tokens.push(token));
        let tokens = joined(&text, &self.split(&tokens));
        let mut felt: Vec<Felt> = vec![];
        // The first of `felt` that belongs to the current sentence or the clause after the last "but".
        let mut before_but = 0;
        // The tokens since the last punctuation mark or word with a sentiment.
        let mut context: Vec<&str> = vec![];
        for (place, token) in tokens.iter().enumerate() {
            if is_break(token) {
                context.clear();
                if is_end(token) {
                    before_but = felt.len();
                }
                continue;
            }
            if token.chars().all(char::is_whitespace) {
                continue;
            }
            if is_but(token) {
                felt[before_but..].iter_mut().for_each(|felt| felt.score *= 0.5);
                before_but = felt.len();
                felt.push(Felt { word: String::new(), score: 0.0 });
                context.clear();
                continue;
            }
            let next = tokens.get(place + 1).copied().unwrap_or_default();
            // 好 before a word with a sentiment is a degree word: 好失望.
            let is_degree = *token == "好" && self.score(next).is_some();
            match self.score(token).filter(|_| !is_degree && degree(token).is_none()) {
                Some(score) => {
                    felt.push(Felt { word: (*token).to_string(), score: score * weight(&context, token) });
                    // A negation applies only to the next word with a sentiment: 不好看又贵.
                    context.clear();
                }
                None => context.push(token),
            }
        }
        // Clauses after "but" count one and a half times. An empty word marks the place of each "but".
        let mut after_but = false;
        for felt in &mut felt {
            if felt.word.is_empty() {
                after_but = true;
            } else if after_but {
                felt.score *= 1.5;
            }
        }
        felt.retain(|felt| !felt.word.is_empty());
        felt
    }

    /// The sentiment from −1 to 1; 0 if the text has no known word.
    pub fn sentiment(&self, text: &str) -> f64 {
        self.feeling(text).unwrap_or(0.0)
    }

    /// The sentiment from −1 to 1; `None` if the text has no known word.
    pub fn feeling(&self, text: &str) -> Option<f64> {
        let felt = self.felt(text);
        // Words that cancel each other out may add up to −0; adding 0 gives 0.
        let sum = felt.iter().map(|felt| felt.score).sum::<f64>() + 0.0;
        (!felt.is_empty()).then(|| sum / (sum * sum + 15.0 / 16.0).sqrt())
    }

    /// True if the lexicon has the word, or if the word changes the sentiment of others.
    pub fn has(&self, word: &str) -> bool {
        self.score(word).is_some() || degree(word).is_some() || is_negation(word) || is_but(word)
    }

    /// Splits an unknown word into a degree word or negation and a known word, 很好, also behind what jieba took for the beginning of a
    /// word that it does not know: 店 真 坑.
    fn split<'a>(&self, tokens: &[&'a str]) -> Vec<&'a str> {
        let mut split = Vec::with_capacity(tokens.len());
        for token in tokens.iter().copied() {
            let known =
                self.score(token).is_some() || degree(token).is_some() || is_negation(token) || is_but(token) || token.is_ascii();
            if known {
                split.push(token);
                continue;
            }
            let begins = if is_known(token) { 1 } else { token.chars().count() };
            let found = token.char_indices().take(begins).find_map(|(begin, _)| {
                let (before, word) = token.split_at(begin);
                self.strengthened(word).map(|(head, tail)| [before, head, tail])
            });
            match found {
                Some(parts) => split.extend(parts.into_iter().filter(|part| !part.is_empty())),
                None => split.push(token),
            }
        }
        split
    }

    /// A word as a degree word or negation and a known word.
    fn strengthened<'a>(&self, word: &'a str) -> Option<(&'a str, &'a str)> {
        let ends: Vec<usize> = word.char_indices().skip(1).map(|(end, _)| end).collect();
        let mut parts = ends.into_iter().rev().map(|end| word.split_at(end));
        parts.find(|(head, tail)| (degree(head).is_some() || *head == "好" || is_negation(head)) && self.score(tail).is_some())
    }
}

/// Joins words that were split at an apostrophe: don't.
fn joined<'a>(text: &'a str, tokens: &[&'a str]) -> Vec<&'a str> {
    let place = |token: &str| token.as_ptr() as usize - text.as_ptr() as usize;
    let mut joined: Vec<&str> = Vec::with_capacity(tokens.len());
    let mut next = 0;
    while let Some(token) = tokens.get(next) {
        if let Some([apostrophe @ ("'" | "’"), rest]) = tokens.get(next + 1..next + 3)
            && place(apostrophe) == place(token) + token.len()
            && place(rest) == place(apostrophe) + apostrophe.len()
            && token.bytes().all(|byte| byte.is_ascii_alphabetic())
            && matches!(*rest, "t" | "s" | "re" | "ve" | "ll" | "d" | "m")
        {
            joined.push(&text[place(token)..place(rest) + rest.len()]);
            next += 3;
        } else {
            joined.push(token);
            next += 1;
        }
    }
    joined
}

/// The factor that the words before one apply to its score.
fn weight(context: &[&str], token: &str) -> f64 {
    let near = &context[context.len().saturating_sub(3)..];
    let mut weight = 1.0;
    for (distance, word) in near.iter().rev().enumerate() {
        // 好 is in the context only if it is a degree word.
        if let Some(more) = degree(word).or((*word == "好").then_some(0.3)) {
            // The effect decreases with the distance.
            weight *= 1.0 + more * [1.0, 0.95, 0.9][distance];
        }
    }
    // What could not be better is very good, and what could not be worse very bad.
    let is_could = |word: &str| matches!(word, "could" | "couldn't" | "couldn’t" | "can't" | "can’t" | "cannot");
    let is_comparison = near.contains(&"more") || matches!(token, "better" | "happier" | "nicer" | "easier" | "worse");
    if is_comparison && context.iter().any(|word| is_could(word)) && near.iter().any(|word| is_negation(word)) {
        return weight * 1.3;
    }
    // `Not only good` is good.
    let turns = near
        .iter()
        .zip(near.iter().skip(1).copied().chain(std::iter::once("")))
        .filter(|(word, next)| is_negation(word) && !matches!(*next, "only" | "just" | "merely" | "simply"))
        .count();
    if turns % 2 == 1 { weight * -0.74 } else { weight }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(text: &str) -> i32 {
        let score = shipped().sentiment(text);
        assert!((-1.0..=1.0).contains(&score));
        if score > 0.05 {
            1
        } else if score < -0.05 {
            -1
        } else {
            0
        }
    }

    #[test]
    fn texts_feel_as_they_should() {
        let cases = [
            (1, "质量很好，物流快，非常满意"),
            (1, "东西不错，下次还会再来"),
            (1, "性价比高，推荐购买"),
            (1, "没有任何问题，好用"),
            (-1, "这家店真坑"),
            (1, "客服态度好，耐心解答"),
            (1, "虽然有点贵，但是质量非常好"),
            (1, "I love this product, it is great!"),
            (1, "not bad at all"),
            (1, "not only good but cheap"),
            (1, "It couldn't be better"),
            (1, "I could not be more satisfied"),
            (-1, "it couldn't be worse"),
            (-1, "味道不怎么样"),
            (1, "👍👍"),
            (1, "这家餐厅环境优雅，菜品美味"),
            (1, "不差"),
            (-1, "质量太差了，用了一天就坏了"),
            (-1, "不好用，后悔购买"),
            (-1, "非常失望，客服态度恶劣"),
            (-1, "好失望"),
            (-1, "不推荐，味道难闻"),
            (-1, "不是很满意"),
            (-1, "一点都不好"),
            (-1, "价格便宜，但是质量很差，垃圾"),
            (-1, "物流太慢，等了半个月"),
            (-1, "This is terrible, I hate it"),
            (-1, "I don't like it"),
            (-1, "It isn't good"),
            (-1, "退款！骗子"),
            (0, "今天星期五"),
            (0, "The order has three items"),
            (0, ""),
        ];
        let wrong: Vec<String> = cases
            .iter()
            .filter(|(expected, text)| sign(text) != *expected)
            .map(|(expected, text)| format!("{expected} {} {text} {:?}", shipped().sentiment(text), shipped().felt(text)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn degree_and_negation_weigh() {
        let score = |text| shipped().sentiment(text);
        assert!(score("非常满意") > score("满意") && score("满意") > score("有点满意"));
        assert!(score("不满意") < 0.0);
        assert!(score("不太好") > score("非常不好"), "{} {}", score("不太好"), score("非常不好"));
    }

    #[test]
    fn a_lexicon_of_ones_own() {
        let own = Lexicon::of([("种草", 0.9), ("拼单", -0.2), ("拼单", -0.5)]);
        assert!(own.sentiment("被种草了") > 0.5);
        assert_eq!(own.felt("拼单"), [Felt { word: "拼单".into(), score: -0.2 }]);
        assert_eq!(own.sentiment("非常满意"), 0.0);
        assert!(own.with_shipped().sentiment("非常满意") > 0.5);
    }
}
