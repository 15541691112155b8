//! Industries by GB/T 4754-2017: found by code, name or common words.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::kernels::cleaning::vocabulary::{Vocabulary, folded};

static STANDARD: LazyLock<Industries> = LazyLock::new(|| {
    Industries::read(
        include_str!("../../../data/dictionaries/industries.txt"),
        include_str!("../../../data/dictionaries/industry_synonyms.txt"),
    )
});

/// All industries of the standard.
pub fn industries() -> &'static Industries {
    &STANDARD
}

/// The level of an industry: 20 sections, 97 divisions, 473 groups, 1,381 classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Section,
    Division,
    Group,
    Class,
}

impl Level {
    /// The levels with their names, from the coarsest.
    pub const WORDS: [(Self, &'static str); 4] =
        [(Self::Section, "section"), (Self::Division, "division"), (Self::Group, "group"), (Self::Class, "class")];
}

/// One industry.
#[derive(Debug)]
pub struct Industry {
    /// A letter, or two to four digits.
    pub code: &'static str,
    pub name: &'static str,
    pub level: Level,
    above: Option<usize>,
}

/// The industry that a text means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    pub industry: usize,
    /// 1 for a code, name or synonym; less for a similar text.
    pub similarity: f64,
}

/// All industries, in the order of the standard.
#[derive(Debug)]
pub struct Industries {
    pub all: Vec<Industry>,
    codes: HashMap<&'static str, usize>,
    vocabulary: Vocabulary,
}

/// Endings without a meaning of their own: 软件行业, 餐饮类.
const ENDINGS: [&str; 14] =
    ["行业", "产业", "领域", "业务", "企业", "公司", "服务业", "相关服务", "服务", "制造业", "业", "类", "相关", "方面"];

impl Industries {
    fn read(table: &'static str, synonyms: &'static str) -> Self {
        let mut all: Vec<Industry> = vec![];
        let mut codes = HashMap::new();
        let mut section = None;
        for (code, name) in table.lines().filter_map(|line| line.split_once('\t')) {
            let level = match code.len() {
                1 => Level::Section,
                2 => Level::Division,
                3 => Level::Group,
                _ => Level::Class,
            };
            let above = match level {
                Level::Section => None,
                Level::Division => section,
                _ => codes.get(&code[..code.len() - 1]).copied(),
            };
            if level == Level::Section {
                section = Some(all.len());
            }
            codes.insert(code, all.len());
            all.push(Industry { code, name, level, above });
        }
        let mut vocabulary = Vocabulary::default();
        // A group with a single class has the same name as it, and a section may have the name of its only division. The coarser one is
        // meant, so it is added first.
        for (place, industry) in all.iter().enumerate() {
            vocabulary.add(folded(industry.name), place);
        }
        for (synonym, code) in synonyms.lines().filter_map(|line| line.split_once('\t')) {
            if let Some(place) = codes.get(code) {
                vocabulary.add(folded(synonym), *place);
            }
        }
        Self { all, codes, vocabulary }
    }

    /// The industry with a code, with or without the letter of its section: `I6510`, `6510`, `65`, `I`.
    pub fn by_code(&self, code: &str) -> Option<usize> {
        let code = code.trim().to_ascii_uppercase();
        let letter = code.chars().next().filter(char::is_ascii_uppercase);
        let digits = if letter.is_some() { code.get(1..)? } else { code.as_str() };
        if digits.is_empty() {
            return self.codes.get(code.as_str()).copied();
        }
        let found = self.codes.get(digits).copied()?;
        // A letter and a code that contradict each other match nothing.
        let section = self.at_level(found, Level::Section)?;
        letter.is_none_or(|letter| self.all[section].code.starts_with(letter)).then_some(found)
    }

    /// Finds the industry that a text means: by code, name or synonym, by a part of the text that is one of these, or else by similarity.
    pub fn find(&self, text: &str, least: f64) -> Option<Found> {
        if let Some(industry) = self.by_code(text) {
            return Some(Found { industry, similarity: 1.0 });
        }
        let word = folded(text);
        if let Some(industry) = self.known(&word) {
            return Some(Found { industry, similarity: 1.0 });
        }
        // Such as 互联网/电商 or IT（软件）: the first known part counts.
        let mut parts = text.split(|letter: char| !letter.is_alphanumeric()).map(folded).filter(|part| !part.is_empty());
        if let Some(industry) = parts.find_map(|part| self.known(&part)) {
            return Some(Found { industry, similarity: 1.0 });
        }
        let nearest = self.vocabulary.nearest(&word, least.max(f64::MIN_POSITIVE))?;
        let (first, others) = nearest.meanings.split_first()?;
        let industry = others.iter().try_fold(*first, |one, other| self.common(one, *other))?;
        Some(Found { industry, similarity: nearest.similarity })
    }

    fn known(&self, word: &str) -> Option<usize> {
        let shorter = |word: &str| ENDINGS.iter().find_map(|ending| word.strip_suffix(ending)).map(str::to_string);
        self.vocabulary.meaning(word).or_else(|| {
            let mut stem = word.to_string();
            while let Some(next) = shorter(&stem).filter(|stem| !stem.is_empty()) {
                for candidate in [next.clone(), format!("{next}业"), format!("{next}服务")] {
                    if let Some(found) = self.vocabulary.meaning(&candidate) {
                        return Some(found);
                    }
                }
                stem = next;
            }
            self.vocabulary.meaning(&format!("{word}业"))
        })
    }

    /// The industry at a coarser level that contains this one; `None` if this one is coarser itself.
    pub fn at_level(&self, industry: usize, level: Level) -> Option<usize> {
        let mut place = industry;
        while self.all[place].level > level {
            place = self.all[place].above?;
        }
        (self.all[place].level == level).then_some(place)
    }

    /// The finest industry that contains both.
    fn common(&self, one: usize, other: usize) -> Option<usize> {
        Level::WORDS.iter().rev().find_map(|(level, _)| {
            let (one, other) = (self.at_level(one, *level)?, self.at_level(other, *level)?);
            (one == other).then_some(one)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        let standard = industries();
        standard.find(text, 0.88).map_or("-", |found| standard.all[found.industry].code)
    }

    #[test]
    fn the_table_is_whole() {
        let all = &industries().all;
        let count = |level| all.iter().filter(|industry| industry.level == level).count();
        assert_eq!(Level::WORDS.map(|(level, _)| count(level)), [20, 97, 473, 1381]);
        assert!(all.iter().all(|industry| industry.above.is_some() || industry.level == Level::Section));
        // Every name and every code finds an industry with that name.
        for industry in all {
            let found = industries().find(industry.name, 1.0).unwrap();
            assert_eq!(folded(all[found.industry].name), folded(industry.name));
            assert_eq!(all[industries().by_code(industry.code).unwrap()].code, industry.code);
        }
    }

    #[test]
    fn what_people_call_industries() {
        for (text, expected) in [
            ("互联网", "64"),
            ("互联网行业", "64"),
            ("IT", "I"),
            ("ＩＴ／互联网", "I"),
            ("IT/互联网", "I"),
            ("电商", "5292"),
            ("餐饮", "62"),
            ("餐饮业", "62"),
            ("教培", "839"),
            ("教育行业", "P"),
            ("软件开发", "651"),
            ("应用软件开发", "6513"),
            ("I6510", "-"),
            ("I651", "651"),
            ("6513", "6513"),
            ("C6513", "-"),
            ("c", "C"),
            ("批发/零售", "F"),
            ("批发和零售业", "F"),
            ("制造业", "C"),
            ("其他制造业", "41"),
            ("房地产", "K"),
            ("金融", "J"),
            ("银行业", "66"),
            ("软件开法", "651"),
            ("汽车制造", "36"),
            ("医疗", "Q"),
            ("政府机关", "S"),
            ("不知道", "-"),
            ("", "-"),
            ("其他", "-"),
            ("asdf", "-"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn levels_lead_up() {
        let standard = industries();
        let class = standard.by_code("6513").unwrap();
        let codes = Level::WORDS.map(|(level, _)| standard.at_level(class, level).map(|place| standard.all[place].code));
        assert_eq!(codes, [Some("I"), Some("65"), Some("651"), Some("6513")]);
        assert_eq!(standard.at_level(standard.by_code("65").unwrap(), Level::Class), None);
    }
}
