//! Conversion between simplified and traditional characters, by the longest phrase in the tables.
//!
//! Most characters have one counterpart; for others it depends on the word (发展 is 發展, 理发 is 理髮). The tables of OpenCC list those words.
//! The text is read from its beginning: the longest phrase that starts at the current position is replaced, or else the character.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;

static TO_TRADITIONAL: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../../../data/dictionaries/simplified_to_traditional.txt")));
static TO_SIMPLIFIED: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../../../data/dictionaries/traditional_to_simplified.txt")));

/// Converts a text to simplified characters, as used on the mainland.
pub fn to_simplified(text: &str) -> String {
    TO_SIMPLIFIED.convert(text)
}

/// Converts a text to traditional characters, in OpenCC's own standard, which is neither Taiwan's nor Hong Kong's.
pub fn to_traditional(text: &str) -> String {
    TO_TRADITIONAL.convert(text)
}

/// The replacements of phrases.
struct Table {
    /// By first character: its own replacement, and the phrases that begin with it.
    first: HashMap<char, Entry>,
}

#[derive(Default)]
struct Entry {
    alone: Option<&'static str>,
    /// Longer phrases with their replacements, in descending order of length, then in the order of their text.
    phrases: Vec<(&'static str, &'static str)>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut first: HashMap<char, Entry> = HashMap::new();
        for (phrase, meaning) in text.lines().filter_map(|line| line.split_once('\t')) {
            let Some(letter) = phrase.chars().next() else { continue };
            let entry = first.entry(letter).or_default();
            if phrase.len() == letter.len_utf8() {
                entry.alone = Some(meaning);
            } else {
                entry.phrases.push((phrase, meaning));
            }
        }
        for entry in first.values_mut() {
            entry.phrases.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        }
        Self { first }
    }

    fn convert(&self, text: &str) -> String {
        // Compatibility characters are replaced by their canonical form, which the tables contain.
        let is_compatible = |letter: char| matches!(letter, '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}');
        let text = if text.contains(is_compatible) {
            let canonical = |letter: char| -> Cow<'_, str> {
                let mut bytes = [0; 4];
                let letter_text = letter.encode_utf8(&mut bytes);
                if is_compatible(letter) {
                    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(letter_text).into_owned())
                } else {
                    Cow::Owned(letter_text.to_string())
                }
            };
            Cow::Owned(text.chars().map(canonical).collect::<String>())
        } else {
            Cow::Borrowed(text)
        };
        let mut converted = String::with_capacity(text.len());
        let mut rest = text.as_ref();
        while let Some(letter) = rest.chars().next() {
            let entry = if letter.is_ascii_punctuation() || letter == ' ' { None } else { self.first.get(&letter) };
            let (taken, meaning) = entry.and_then(|entry| entry.longest(rest)).unwrap_or((letter.len_utf8(), ""));
            converted.push_str(if meaning.is_empty() { &rest[..taken] } else { meaning });
            rest = &rest[taken..];
        }
        converted
    }
}

impl Entry {
    /// The number of bytes that the longest phrase takes, and its replacement.
    fn longest(&self, rest: &str) -> Option<(usize, &'static str)> {
        let mut phrases = self.phrases.as_slice();
        while let Some((phrase, _)) = phrases.first() {
            // Phrases of one length are sorted, so they can be searched by bisection.
            let length = phrase.len();
            let same = phrases.partition_point(|(phrase, _)| phrase.len() == length);
            if let Some(beginning) = rest.get(..length)
                && let Ok(place) = phrases[..same].binary_search_by(|(phrase, _)| (*phrase).cmp(beginning))
            {
                return Some((length, phrases[place].1));
            }
            phrases = &phrases[same..];
        }
        self.alone.and_then(|meaning| Some((rest.chars().next()?.len_utf8(), meaning)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_about_characters() {
        for (simplified, traditional) in [
            ("发展理发", "發展理髮"),
            ("皇后在后面", "皇后在後面"),
            ("干杯，干部，干燥", "乾杯，幹部，乾燥"),
            ("头发", "頭髮"),
            ("ABC 123", "ABC 123"),
            ("", ""),
        ] {
            assert_eq!(to_traditional(simplified), traditional);
            assert_eq!(to_simplified(traditional), simplified);
        }
        assert_eq!(to_simplified("乾隆憑藉乾燥"), "乾隆凭借干燥");
        // A compatibility character.
        assert_eq!(to_simplified("\u{f9d0}"), "类");
    }
}
