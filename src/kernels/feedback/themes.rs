//! Themes of texts: those of a dictionary, and groups of the remaining words that occur together.
//!
//! Texts are read clause by clause, because one text may praise the colour and complain about the delivery. The sentiment of a text
//! towards a theme is the mean of the clauses that mention it, or that of the whole text if none of these has a sentiment. Nothing
//! depends on the order of texts.

use std::collections::BTreeMap;

use super::found::{Theme, ThemesOf, found};
use super::texts::{Texts, ThemeWords};
use crate::kernels::control::Stop;
use crate::kernels::privacy::redact::quoted;

/// Texts with a sentiment below this are negative; the bound is VADER's.
const NEGATIVE: f64 = -0.05;
/// The most characters of an example.
const LETTERS: usize = 120;
/// Sentiments are added up as integers in units of 2⁻⁶⁰, so that the order does not matter.
const UNIT: f64 = (1u64 << 60) as f64;

/// What to search for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The most groups of words to return, besides the dictionary's themes.
    pub most: usize,
    /// The least number of texts with a word for the word to be grouped.
    pub min_texts: u64,
    /// Higher values give smaller groups.
    pub resolution: f64,
    pub examples: usize,
}

/// A theme in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub period: Box<[u8]>,
    /// `None` for texts without a theme.
    pub theme: Option<String>,
    pub from_dictionary: bool,
    pub words: Vec<String>,
    pub texts: i64,
    pub customers: i64,
    pub share: f64,
    pub sentiment: f64,
    pub negative_share: f64,
    pub pain: f64,
    pub examples: Vec<String>,
}

/// What a text says about a theme.
#[derive(Debug, Default)]
struct Said {
    felt: f64,
    clauses: u32,
    words: Vec<u32>,
}

/// What the texts of one period say about a theme.
#[derive(Debug, Default)]
struct Tally {
    texts: i64,
    customers: i64,
    last: Option<u32>,
    negative_texts: i64,
    negative_customers: i64,
    last_negative: Option<u32>,
    feeling: i128,
    /// The best examples so far: number of words of the theme, strength of the sentiment, and place of the text.
    examples: Vec<(usize, f64, usize)>,
}

/// Finds the themes of the texts: one row per theme and period, and one per period for texts without a theme. Periods are in the order of
/// their bytes. Within a period, the theme with the most pain comes first, and texts without a theme last.
///
/// # Errors
/// The search was stopped.
pub fn themes(texts: &mut Texts, own: &ThemeWords, asked: Asked, check: &dyn Fn() -> Result<(), Stop>) -> Result<Vec<Row>, Stop> {
    let (themes, of_word) = found(texts, own, asked, check)?;
    let periods: BTreeMap<Box<[u8]>, u32> = std::mem::take(&mut texts.periods).numbers.into_iter().collect();
    let mut rows = vec![];
    let mut places: Vec<usize> = (0..texts.texts.len()).collect();
    places.sort_unstable_by_key(|place| (texts.texts[*place].period, texts.texts[*place].customer));
    for (period, number) in periods {
        check()?;
        let first = places.partition_point(|place| texts.texts[*place].period < number);
        let end = places.partition_point(|place| texts.texts[*place].period <= number);
        let mut tallies: Vec<Tally> = (0..=themes.len()).map(|_| Tally::default()).collect();
        let (mut customers, mut last) = (0i64, None);
        for place in &places[first..end] {
            let text = &texts.texts[*place];
            customers += i64::from(last != Some(text.customer));
            last = Some(text.customer);
            for (theme, said) in said(texts, *place, &of_word, themes.len()) {
                let feeling = if said.clauses > 0 { said.felt / f64::from(said.clauses) } else { text.feeling.unwrap_or(0.0) };
                tallies[theme].take(texts, *place, feeling, said.words.len(), asked.examples);
            }
        }
        let mut of_period: Vec<(usize, Row)> = tallies
            .into_iter()
            .enumerate()
            .filter(|(_, tally)| tally.texts > 0)
            .map(|(theme, tally)| (theme, tally.row(texts, period.clone(), themes.get(theme), customers)))
            .collect();
        of_period.sort_by(|(one, a), (other, b)| {
            let key = |theme: &usize| *theme == themes.len();
            key(one)
                .cmp(&key(other))
                .then(b.pain.total_cmp(&a.pain))
                .then(b.customers.cmp(&a.customers))
                .then_with(|| (&a.theme, b.from_dictionary).cmp(&(&b.theme, a.from_dictionary)))
        });
        rows.extend(of_period.into_iter().map(|(_, row)| row));
    }
    Ok(rows)
}

/// What a text says about each of its themes, by theme; a text without any counts for `none`.
fn said(texts: &Texts, place: usize, of_word: &ThemesOf, none: usize) -> BTreeMap<usize, Said> {
    let mut said: BTreeMap<usize, Said> = BTreeMap::new();
    for (feeling, words) in texts.clauses_of(place) {
        let mut named: Vec<usize> = vec![];
        for word in words {
            for theme in of_word.get(word).map(Vec::as_slice).unwrap_or_default() {
                let said = said.entry(*theme).or_default();
                if !said.words.contains(word) {
                    said.words.push(*word);
                }
                named.push(*theme);
            }
        }
        named.sort_unstable();
        named.dedup();
        for theme in named {
            if let (Some(said), Some(feeling)) = (said.get_mut(&theme), feeling) {
                said.felt += feeling;
                said.clauses += 1;
            }
        }
    }
    if said.is_empty() {
        said.insert(none, Said::default());
    }
    said
}

impl Tally {
    fn take(&mut self, texts: &Texts, place: usize, feeling: f64, words: usize, examples: usize) {
        let customer = texts.texts[place].customer;
        self.texts += 1;
        self.customers += i64::from(self.last != Some(customer));
        self.last = Some(customer);
        self.feeling += (feeling * UNIT) as i128;
        if feeling < NEGATIVE {
            self.negative_texts += 1;
            self.negative_customers += i64::from(self.last_negative != Some(customer));
            self.last_negative = Some(customer);
        }
        if self.examples.iter().any(|(_, _, other)| texts.text(*other) == texts.text(place)) {
            return;
        }
        let candidate = (words, feeling.abs(), place);
        let at = self.examples.partition_point(|kept| {
            let better = kept.0.cmp(&candidate.0).then(kept.1.total_cmp(&candidate.1));
            let (own, other) = (texts.text(kept.2), texts.text(candidate.2));
            better.then_with(|| other.len().cmp(&own.len())).then_with(|| other.cmp(own)).is_gt()
        });
        if at < examples {
            self.examples.truncate(examples - 1);
            self.examples.insert(at, candidate);
        }
    }

    fn row(self, texts: &Texts, period: Box<[u8]>, theme: Option<&Theme>, customers: i64) -> Row {
        Row {
            period,
            theme: theme.map(|theme| theme.name.clone()),
            from_dictionary: theme.is_some_and(|theme| theme.from_dictionary),
            words: theme.map(|theme| theme.words.clone()).unwrap_or_default(),
            texts: self.texts,
            customers: self.customers,
            share: self.customers as f64 / customers as f64,
            sentiment: self.feeling as f64 / UNIT / self.texts as f64,
            negative_share: self.negative_texts as f64 / self.texts as f64,
            pain: self.negative_customers as f64 / customers as f64,
            examples: self.examples.iter().map(|(_, _, place)| shown(texts.text(*place))).collect(),
        }
    }
}

/// An example as it is shown: on one line, with personal data masked, then shortened. It is masked first, because half a number would not
/// be recognised.
fn shown(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    let line = quoted(&line);
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
#[path = "themes_tests.rs"]
mod tests;
