//! Finds the themes of texts: those of the dictionary, and groups of the remaining words.

use std::collections::HashMap;

use super::communities::Together;
use super::texts::{OWN, Texts, ThemeWords};
use super::themes::Asked;
use crate::kernels::control::Stop;

/// The most words to group; the most frequent ones are.
pub const GROUPED: usize = 400;
/// The most words of a theme to show.
const SHOWN: usize = 10;

/// A theme, with the words that are shown for it.
#[derive(Debug)]
pub(super) struct Theme {
    pub(super) name: String,
    pub(super) from_dictionary: bool,
    pub(super) words: Vec<String>,
}

/// The themes of each word, by position.
pub(super) type ThemesOf = HashMap<u32, Vec<usize>>;

/// The themes, and the themes of each word.
pub(super) fn found(
    texts: &mut Texts,
    own: &ThemeWords,
    asked: Asked,
    check: &dyn Fn() -> Result<(), Stop>,
) -> Result<(Vec<Theme>, ThemesOf), Stop> {
    let vocabulary: Vec<String> = std::mem::take(&mut texts.vocabulary)
        .values()
        .into_iter()
        .map(|word| String::from_utf8_lossy(&word).into_owned())
        .collect();
    let singular = singulars(&vocabulary);
    for word in &mut texts.words {
        if *word & OWN == 0 {
            *word = singular[*word as usize];
        }
    }
    // The number of texts with each word.
    let (mut of_word, mut of_own) = (vec![0u64; vocabulary.len()], vec![0u64; own.words.len()]);
    let mut words: Vec<u32> = vec![];
    for place in 0..texts.texts.len() {
        distinct(texts, place, &mut words);
        for word in &words {
            let counts = if word & OWN == 0 { &mut of_word } else { &mut of_own };
            counts[(word & !OWN) as usize] += 1;
        }
    }
    check()?;
    let all = texts.texts.len() as u64;
    let mut grouped: Vec<u32> = (0..vocabulary.len() as u32)
        .filter(|word| of_word[*word as usize] >= asked.min_texts && of_word[*word as usize] * 2 <= all)
        .collect();
    let by_count = |one: &u32, other: &u32| {
        let key = |word: &u32| (of_word[*word as usize], &vocabulary[*word as usize]);
        key(other).0.cmp(&key(one).0).then_with(|| key(one).1.cmp(key(other).1))
    };
    grouped.sort_unstable_by(by_count);
    grouped.truncate(GROUPED);
    let places: HashMap<u32, usize> = grouped.iter().enumerate().map(|(place, word)| (*word, place)).collect();
    let mut together = Together::new(if asked.most == 0 { 0 } else { grouped.len() });
    together.texts = all;
    if asked.most > 0 {
        for place in 0..texts.texts.len() {
            distinct(texts, place, &mut words);
            let mut at: Vec<usize> = words.iter().filter_map(|word| places.get(word).copied()).collect();
            at.sort_unstable();
            together.add(&at);
        }
    }
    check()?;
    let groups = together.groups(asked.resolution);
    // The largest groups are kept: those in the most texts.
    let mut group_of: HashMap<u32, usize> = HashMap::new();
    for (group, members) in groups.iter().enumerate() {
        group_of.extend(members.iter().map(|place| (grouped[*place], group)));
    }
    let mut sizes = vec![0u64; groups.len()];
    for place in 0..texts.texts.len() {
        distinct(texts, place, &mut words);
        let mut named: Vec<usize> = words.iter().filter_map(|word| group_of.get(word).copied()).collect();
        named.sort_unstable();
        named.dedup();
        named.iter().for_each(|group| sizes[*group] += 1);
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|group| (std::cmp::Reverse(sizes[*group]), *group));
    order.truncate(asked.most);
    let mut themes: Vec<Theme> =
        own.names.iter().map(|name| Theme { name: name.clone(), from_dictionary: true, words: vec![] }).collect();
    let mut themes_of: ThemesOf = HashMap::new();
    let mut own_words: Vec<u32> = (0..own.words.len() as u32).filter(|word| of_own[*word as usize] > 0).collect();
    own_words.sort_by_key(|word| (std::cmp::Reverse(of_own[*word as usize]), *word));
    for word in own_words {
        for theme in &own.themes[word as usize] {
            themes_of.entry(OWN | word).or_default().push(*theme as usize);
            let shown = &mut themes[*theme as usize].words;
            if shown.len() < SHOWN {
                shown.push(own.words[word as usize].clone());
            }
        }
    }
    for group in order {
        let words: Vec<String> = groups[group].iter().map(|place| vocabulary[grouped[*place] as usize].clone()).collect();
        for place in &groups[group] {
            themes_of.entry(grouped[*place]).or_default().push(themes.len());
        }
        let name = words.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        themes.push(Theme { name, from_dictionary: false, words: words.into_iter().take(SHOWN).collect() });
    }
    Ok((themes, themes_of))
}

/// The distinct words of a text.
fn distinct(texts: &Texts, place: usize, words: &mut Vec<u32>) {
    words.clear();
    texts.clauses_of(place).for_each(|(_, of_clause)| words.extend(of_clause));
    words.sort_unstable();
    words.dedup();
}

/// Maps each English word to its singular, if that occurs in the texts; all other words to themselves.
pub(super) fn singulars(vocabulary: &[String]) -> Vec<u32> {
    let numbers: HashMap<&str, u32> =
        vocabulary.iter().enumerate().map(|(number, word)| (word.as_str(), number as u32)).collect();
    let singular = |word: &str| -> Option<u32> {
        let stem =
            word.strip_suffix('s').filter(|stem| stem.len() > 2 && word.is_ascii() && !stem.ends_with(['s', 'u', '\'']))?;
        let mut forms = vec![stem.to_string()];
        if let Some(stem) = stem.strip_suffix("ie") {
            forms.push(format!("{stem}y"));
        }
        if let Some(stem) = stem.strip_suffix('e') {
            forms.push(stem.to_string());
        }
        forms.iter().find_map(|form| numbers.get(form.as_str()).copied())
    };
    vocabulary.iter().enumerate().map(|(number, word)| singular(word).unwrap_or(number as u32)).collect()
}
