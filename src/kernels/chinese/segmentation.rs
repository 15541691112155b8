//! Splits texts into words, by jieba's dictionary and hidden Markov model.
//!
//! Words of the user's dictionary are split off first, the longest at each position; jieba splits the text between them. So the user's
//! words are always kept whole, whatever their frequency, and jieba's dictionary need not be rebuilt.

use std::collections::HashMap;
use std::sync::LazyLock;

use jieba_rs::Jieba;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Words that are never split.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// By first character, the longest first.
    words: HashMap<char, Vec<Box<str>>>,
}

impl Dictionary {
    /// Creates a dictionary; blank words are ignored.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut dictionary = Self::default();
        for word in words.into_iter().map(str::trim) {
            if let Some(first) = word.chars().next() {
                dictionary.words.entry(first).or_default().push(word.into());
            }
        }
        for words in dictionary.words.values_mut() {
            words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            words.dedup();
        }
        dictionary
    }

    /// The longest word at a position of the text. A Latin word must not be part of a longer one: AI is not in MAIN.
    fn longest(&self, text: &str, place: usize) -> Option<&str> {
        let rest = &text[place..];
        let words = self.words.get(&rest.chars().next()?)?;
        let is_latin = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        let stands_alone = |word: &str, after: &str| {
            let joined_before = is_latin(word.chars().next()) && is_latin(text[..place].chars().next_back());
            let joined_after = is_latin(word.chars().next_back()) && is_latin(after.chars().next());
            !joined_before && !joined_after
        };
        words.iter().map(AsRef::as_ref).find(|word| rest.strip_prefix(word).is_some_and(|after| stands_alone(word, after)))
    }
}

/// Whether jieba knows the word.
pub fn is_known(word: &str) -> bool {
    JIEBA.has_word(word)
}

/// Passes the tokens of a text to `give`, in order, including punctuation and spaces.
pub fn cut<'a>(text: &'a str, own: Option<&Dictionary>, mut give: impl FnMut(&'a str)) {
    let Some(own) = own else { return cut_piece(text, &mut give) };
    let mut taken: Vec<(usize, usize)> = vec![];
    let mut place = 0;
    while let Some(letter) = text[place..].chars().next() {
        match own.longest(text, place) {
            Some(word) => {
                taken.push((place, place + word.len()));
                place += word.len();
            }
            None => place += letter.len_utf8(),
        }
    }
    let mut place = 0;
    for (start, end) in taken {
        cut_piece(&text[place..start], &mut give);
        give(&text[start..end]);
        place = end;
    }
    cut_piece(&text[place..], &mut give);
}

/// The tokens of a text without words of the user. Jieba knows Chinese and ASCII, and splits the words of other alphabets into their
/// letters; they are taken from the text before it sees them: Müller, Привет.
fn cut_piece<'a>(piece: &'a str, give: &mut impl FnMut(&'a str)) {
    let mut rest = piece;
    while let Some(at) = rest.find(is_of_another_alphabet) {
        let start = rest[..at].trim_end_matches(|letter: char| letter.is_ascii_alphanumeric()).len();
        let is_in_word = |letter: char| letter.is_ascii_alphanumeric() || is_of_another_alphabet(letter) || is_mark(letter);
        let end = rest[at..].find(|letter| !is_in_word(letter)).map_or(rest.len(), |length| at + length);
        by_jieba(&rest[..start], give);
        give(&rest[start..end]);
        rest = &rest[end..];
    }
    by_jieba(rest, give);
}

fn by_jieba<'a>(text: &'a str, give: &mut impl FnMut(&'a str)) {
    if !text.is_empty() {
        JIEBA.cut(text, true).iter().for_each(|token| give(token.word));
    }
}

/// Letters and digits that are neither Chinese nor ASCII.
fn is_of_another_alphabet(letter: char) -> bool {
    let is_han = matches!(letter, '々' | '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    !letter.is_ascii() && letter.is_alphanumeric() && !is_han
}

/// Marks within words: accents of their own, vowels and tones of Arabic, Hebrew, Thai and the scripts of India.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// True if a token is a word: it contains a letter or digit.
pub fn is_word(token: &str) -> bool {
    token.chars().any(char::is_alphanumeric)
}

static STOP_WORDS: LazyLock<std::collections::HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../../data/dictionaries/stop_words.txt").lines().collect());

/// True for words that occur in every text: 我们, the.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word)
        || (word.bytes().any(|byte| byte.is_ascii_uppercase()) && STOP_WORDS.contains(word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, own: &[&str]) -> Vec<String> {
        let own = Dictionary::of(own.iter().copied());
        let mut words = vec![];
        cut(text, Some(&own), |word| words.push(word.to_string()));
        words
    }

    #[test]
    fn own_words_stay_whole() {
        assert_eq!(words("我在会员日种草了口红", &[]).join("/"), "我/在/会员/日/种草/了/口红");
        assert_eq!(words("我在会员日种草了口红", &["会员日", "种草", " "]).join("/"), "我/在/会员日/种草/了/口红");
        assert_eq!(words("MAIN AI", &["AI"]).join("/"), "MAIN/ /AI");
        assert_eq!(words("种草AIGC", &["种草", "种草AI"]).join("/"), "种草/AIGC");
        assert_eq!(words("AI AIGC", &["AI", "AI A"]).join("/"), "AI/ /AIGC");
        assert_eq!(words("", &["a"]).len(), 0);
        assert!(is_known("我们") && !is_known("种草了"));
        assert!(is_stop_word("我们") && is_stop_word("The") && !is_stop_word("口红"));
        assert!(is_word("a") && !is_word("，"));
    }
}
