//! Texts prepared for finding themes: split into clauses, with the words and the sentiment of each.
//!
//! Words are split by jieba, and in other scripts where letters end. Stop words, fillers and words with a sentiment are not used.

use std::collections::{BTreeMap, HashMap};

use crate::kernels::chinese::keywords::is_candidate;
use crate::kernels::chinese::segmentation::{Dictionary, cut};
use crate::kernels::chinese::sentiment::Lexicon;
use crate::kernels::privacy::redact::quoted;

/// English words that occur in any review, besides the stop words; sorted.
pub(super) const FILLERS: [&str; 92] = [
    "able",
    "actually",
    "ago",
    "almost",
    "already",
    "also",
    "always",
    "another",
    "anything",
    "around",
    "ask",
    "asked",
    "away",
    "back",
    "bit",
    "came",
    "come",
    "day",
    "days",
    "dear",
    "else",
    "enough",
    "even",
    "ever",
    "every",
    "everything",
    "far",
    "find",
    "first",
    "found",
    "gave",
    "get",
    "gets",
    "getting",
    "give",
    "given",
    "go",
    "goes",
    "going",
    "got",
    "hello",
    "hour",
    "hours",
    "however",
    "last",
    "lot",
    "made",
    "make",
    "makes",
    "many",
    "month",
    "months",
    "much",
    "must",
    "need",
    "needed",
    "new",
    "next",
    "one",
    "please",
    "quite",
    "rather",
    "really",
    "said",
    "say",
    "says",
    "second",
    "see",
    "seen",
    "since",
    "something",
    "still",
    "take",
    "taken",
    "tell",
    "thing",
    "things",
    "think",
    "though",
    "time",
    "times",
    "today",
    "together",
    "told",
    "took",
    "use",
    "used",
    "week",
    "weeks",
    "well",
    "years",
    "yet",
];

/// The themes of a dictionary, with their words.
#[derive(Debug, Default)]
pub struct ThemeWords {
    /// Sorted.
    pub(super) names: Vec<String>,
    pub(super) words: Vec<String>,
    /// The themes of each word; a word may have several.
    pub(super) themes: Vec<Vec<u32>>,
    numbers: HashMap<String, u32>,
    dictionary: Dictionary,
}

impl ThemeWords {
    /// Creates it from pairs of a theme and a word; pairs with a blank are ignored.
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut by_word: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (theme, word) in rows {
            let (theme, word) = (theme.trim(), word.trim().to_lowercase());
            if !theme.is_empty() && !word.is_empty() {
                by_word.entry(word).or_default().push(theme);
            }
        }
        let mut names: Vec<String> = by_word.values().flatten().map(|theme| (*theme).to_string()).collect();
        names.sort_unstable();
        names.dedup();
        let mut read = Self { dictionary: Dictionary::of(by_word.keys().map(String::as_str)), ..Self::default() };
        for (word, themes) in by_word {
            let mut themes: Vec<u32> = themes
                .into_iter()
                .filter_map(|theme| names.binary_search_by(|name| name.as_str().cmp(theme)).ok().map(|place| place as u32))
                .collect();
            themes.sort_unstable();
            themes.dedup();
            read.numbers.insert(word.clone(), read.words.len() as u32);
            read.words.push(word);
            read.themes.push(themes);
        }
        read.names = names;
        read
    }
}

/// Passes the words of a text to `give`, in order. The text must be in lower case.
pub(super) fn words_of(text: &str, own: &ThemeWords, mut give: impl FnMut(&str)) {
    let mut tokens: Vec<&str> = vec![];
    cut(text, Some(&own.dictionary), |token| tokens.push(token));
    let place = |token: &str| token.as_ptr() as usize - text.as_ptr() as usize;
    let mut next = 0;
    while let Some(token) = tokens.get(next).copied() {
        next += 1;
        let start = place(token);
        let mut end = start + token.len();
        // jieba ends a word at é and at an apostrophe; such parts are joined again.
        if !own.numbers.contains_key(token) {
            while let Some(more) = tokens.get(next)
                && joins(&text[start..end], more, tokens.get(next + 1).copied())
                && !own.numbers.contains_key(*more)
            {
                end += more.len();
                next += 1;
            }
        }
        give(&text[start..end]);
    }
}

fn joins(before: &str, token: &str, after: Option<&str>) -> bool {
    let is_letter = |letter: Option<char>| {
        letter.is_some_and(|letter| {
            letter.is_alphabetic() && !matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..)
        })
    };
    let ends_in_letter = is_letter(before.chars().next_back());
    match token {
        "'" | "’" => ends_in_letter && is_letter(after.and_then(|after| after.chars().next())),
        _ => (ends_in_letter || before.ends_with(['\'', '’'])) && is_letter(token.chars().next()),
    }
}

/// Splits a text into clauses: at punctuation, and before words for "but".
pub fn clauses(text: &str) -> Vec<&str> {
    let mut clauses = vec![];
    let mut start = 0;
    let mut places = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((place, letter)) = places.next() {
        let rest = &text[place..];
        let next = places.peek().map_or(' ', |(_, next)| *next);
        let is_mark = matches!(letter, '。' | '！' | '？' | '；' | '，' | '…' | '!' | '?' | ';' | '\n')
            || matches!(letter, '.' | ',') && !next.is_ascii_digit();
        let is_but = rest.starts_with('但') && !matches!(before, '不' | '非')
            || ["可是", "然而"].iter().any(|word| rest.starts_with(word))
            || before.is_whitespace()
                && ["but ", "however "]
                    .iter()
                    .any(|word| rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)));
        if is_mark || is_but {
            clauses.push(&text[start..place]);
            start = if is_mark { place + letter.len_utf8() } else { place };
        }
        before = letter;
    }
    clauses.push(&text[start..]);
    clauses.retain(|clause| clause.chars().any(char::is_alphanumeric));
    clauses
}

/// Assigns numbers to distinct values.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    pub(super) numbers: HashMap<Box<[u8]>, u32>,
    bytes: usize,
}

impl Numbered {
    fn number(&mut self, value: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(value.into(), number);
        self.bytes += value.len() + 48;
        number
    }

    pub(super) fn values(self) -> Vec<Box<[u8]>> {
        let mut values: Vec<(u32, Box<[u8]>)> = self.numbers.into_iter().map(|(value, number)| (number, value)).collect();
        values.sort_unstable_by_key(|(number, _)| *number);
        values.into_iter().map(|(_, value)| value).collect()
    }
}

#[derive(Debug)]
pub(super) struct Text {
    pub(super) customer: u32,
    pub(super) period: u32,
    pub(super) feeling: Option<f64>,
    /// The ends of its characters and clauses; they begin where those of the previous text end.
    letters: usize,
    clauses: usize,
}

#[derive(Debug)]
struct Clause {
    feeling: Option<f64>,
    words: usize,
}

/// This bit marks words of the theme dictionary.
pub(super) const OWN: u32 = 1 << 31;

/// Texts that have been read.
#[derive(Debug, Default)]
pub struct Texts {
    customers: Numbered,
    pub(super) periods: Numbered,
    pub(super) vocabulary: Numbered,
    letters: String,
    pub(super) texts: Vec<Text>,
    clauses: Vec<Clause>,
    pub(super) words: Vec<u32>,
}

impl Texts {
    /// Adds a text of a customer in a period; both keys are any bytes.
    pub fn add(&mut self, customer: &[u8], period: &[u8], text: &str, own: &ThemeWords, lexicon: &Lexicon) {
        // Parts of an address or an account are no theme.
        let small = quoted(text).to_lowercase();
        for clause in clauses(&small) {
            words_of(clause, own, |word| {
                if let Some(number) = own.numbers.get(word) {
                    self.words.push(OWN | number);
                } else if is_candidate(word) && !lexicon.has(word) && FILLERS.binary_search(&word).is_err() {
                    self.words.push(self.vocabulary.number(word.as_bytes()));
                }
            });
            self.clauses.push(Clause { feeling: lexicon.feeling(clause), words: self.words.len() });
        }
        self.letters.push_str(text);
        self.texts.push(Text {
            customer: self.customers.number(customer),
            period: self.periods.number(period),
            feeling: lexicon.feeling(text),
            letters: self.letters.len(),
            clauses: self.clauses.len(),
        });
    }

    /// Adds texts that were read separately.
    pub fn merge(&mut self, other: Self) {
        let (letters, clauses, words) = (self.letters.len(), self.clauses.len(), self.words.len());
        let number =
            |own: &mut Numbered, values: Vec<Box<[u8]>>| values.iter().map(|value| own.number(value)).collect::<Vec<u32>>();
        let customers = number(&mut self.customers, other.customers.values());
        let periods = number(&mut self.periods, other.periods.values());
        let vocabulary = number(&mut self.vocabulary, other.vocabulary.values());
        self.words.extend(other.words.iter().map(|word| if word & OWN == 0 { vocabulary[*word as usize] } else { *word }));
        self.clauses.extend(other.clauses.into_iter().map(|clause| Clause { words: words + clause.words, ..clause }));
        self.letters.push_str(&other.letters);
        self.texts.extend(other.texts.into_iter().map(|text| Text {
            customer: customers[text.customer as usize],
            period: periods[text.period as usize],
            letters: letters + text.letters,
            clauses: clauses + text.clauses,
            ..text
        }));
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        let numbered = self.customers.bytes + self.periods.bytes + self.vocabulary.bytes;
        numbered
            + self.letters.capacity()
            + self.texts.capacity() * size_of::<Text>()
            + self.clauses.capacity() * size_of::<Clause>()
            + self.words.capacity() * size_of::<u32>()
    }

    pub(super) fn text(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.texts[before].letters);
        &self.letters[start..self.texts[place].letters]
    }

    /// The clauses of a text: the sentiment of each, if any, and its words.
    pub(super) fn clauses_of(&self, place: usize) -> impl Iterator<Item = (Option<f64>, &[u32])> {
        let start = place.checked_sub(1).map_or(0, |before| self.texts[before].clauses);
        (start..self.texts[place].clauses).map(|clause| {
            let first = clause.checked_sub(1).map_or(0, |before| self.clauses[before].words);
            (self.clauses[clause].feeling, &self.words[first..self.clauses[clause].words])
        })
    }
}
