//! Pinyin: the pronunciation of Chinese characters in Latin letters.
//!
//! The text is split into words. A character gets its most common reading, unless the word (重庆 is chong qing) or, in a name, the surname
//! (单 is shan) decides otherwise. Tables list such words and surnames; all other characters use their own readings.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyin;

use super::conversion::to_simplified;
use super::segmentation::{Dictionary, cut, is_known};

static PHRASES: LazyLock<Sounds> = LazyLock::new(|| Sounds::read(include_str!("../../../data/dictionaries/pinyin_phrases.txt")));
static SURNAMES: LazyLock<Sounds> =
    LazyLock::new(|| Sounds::read(include_str!("../../../data/dictionaries/pinyin_surnames.txt")));

/// Phrases that jieba would not split off by itself.
static OWN_WORDS: LazyLock<Dictionary> = LazyLock::new(|| {
    let words = PHRASES.words.values().flatten().map(|(word, _)| *word);
    Dictionary::of(words.filter(|word| word.chars().nth(1).is_some() && !is_known(word)))
});

/// How tones are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// `chong qing`
    None,
    /// `chong2 qing4`
    Number,
    /// `chóng qìng`
    Mark,
}

/// How pinyin is formatted.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    pub tone: Tone,
    /// The separator between syllables, and between syllables and other text.
    pub separator: &'a str,
    /// Only the first letter of each syllable.
    pub initials: bool,
    /// Whether the text is a person's name, which begins with a surname.
    pub is_name: bool,
}

struct Sounds {
    /// By first character, the longest word first, with its syllables.
    words: HashMap<char, Vec<(&'static str, Vec<&'static str>)>>,
}

impl Sounds {
    fn read(text: &'static str) -> Self {
        let mut words: HashMap<char, Vec<(&'static str, Vec<&'static str>)>> = HashMap::new();
        for (word, sounds) in text.lines().filter_map(|line| line.split_once('\t')) {
            if let Some(first) = word.chars().next() {
                words.entry(first).or_default().push((word, sounds.split(' ').collect()));
            }
        }
        words.values_mut().for_each(|words| words.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b))));
        Self { words }
    }

    fn longest(&self, text: &str) -> Option<&(&'static str, Vec<&'static str>)> {
        let words = self.words.get(&text.chars().next()?)?;
        words.iter().find(|(word, _)| text.starts_with(word))
    }
}

/// Writes a text in pinyin. Everything that is not Chinese is kept, between separators.
pub fn write(text: &str, style: Style<'_>) -> String {
    let mut written = Written { text: String::with_capacity(text.len() * 2), style, after_other: false };
    // The tables contain simplified characters.
    let text = to_simplified(text);
    let mut rest = text.as_str();
    if style.is_name {
        let start = rest.trim_start();
        // A word like 单独 does not begin with a surname, but in a name every beginning is one.
        if let Some((surname, sounds)) = SURNAMES.longest(start) {
            sounds.iter().for_each(|sound| written.syllable(sound));
            rest = &start[surname.len()..];
        }
    }
    if style.is_name {
        // Words have no influence on the characters of a given name: 张重庆.
        rest.chars().for_each(|letter| written.letter(letter));
    } else {
        cut(rest, Some(&OWN_WORDS), |word| written.word(word));
    }
    written.text.truncate(written.text.trim_end().len());
    written.text
}

/// `zho1ng` as `zhong1`; the neutral tone is 5.
fn with_number(sound: &str) -> String {
    let mut letters: String =
        sound.chars().filter(|letter| !letter.is_ascii_digit()).map(|letter| if letter == 'ü' { 'v' } else { letter }).collect();
    letters.push(sound.chars().find(char::is_ascii_digit).unwrap_or('5'));
    letters
}

struct Written<'a> {
    text: String,
    style: Style<'a>,
    after_other: bool,
}

impl Written<'_> {
    fn word(&mut self, word: &str) {
        let mut rest = word;
        while let Some(letter) = rest.chars().next() {
            if let Some((phrase, sounds)) = PHRASES.longest(rest) {
                sounds.iter().for_each(|sound| self.syllable(sound));
                rest = &rest[phrase.len()..];
            } else {
                self.letter(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }

    fn letter(&mut self, letter: char) {
        let usual = PHRASES.words.get(&letter).and_then(|words| words.iter().find(|(word, _)| word.len() == letter.len_utf8()));
        if let Some((_, sounds)) = usual {
            sounds.iter().for_each(|sound| self.syllable(sound));
            return;
        }
        match letter.to_pinyin() {
            Some(sound) => self.syllable(&with_number(sound.with_tone_num())),
            None => self.other(letter),
        }
    }

    /// Appends a syllable that ends with the number of its tone.
    fn syllable(&mut self, sound: &str) {
        let (letters, tone) = sound.split_at(sound.len() - 1);
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.text.push_str(self.style.separator);
        }
        self.after_other = false;
        if self.style.initials {
            self.text.extend(letters.chars().next());
            return;
        }
        match self.style.tone {
            Tone::None => self.text.push_str(letters),
            Tone::Number => self.text.extend([letters, tone]),
            Tone::Mark => self.text.push_str(&marked(letters, tone)),
        }
    }

    fn other(&mut self, letter: char) {
        if !self.after_other && !self.text.is_empty() && !letter.is_whitespace() && !self.text.ends_with(char::is_whitespace) {
            self.text.push_str(self.style.separator);
        }
        self.after_other = true;
        self.text.push(letter);
    }
}

/// Adds the tone mark: on a or e, on the o of ou, or else on the last vowel.
fn marked(letters: &str, tone: &str) -> String {
    let Some(tone) = tone.parse::<usize>().ok().filter(|tone| (1..=4).contains(tone)) else {
        return letters.replace('v', "ü");
    };
    let place = letters.find(['a', 'e']).or_else(|| letters.find("ou")).or_else(|| letters.rfind(['i', 'o', 'u', 'v']));
    const MARKS: [(char, [char; 4]); 6] = [
        ('a', ['ā', 'á', 'ǎ', 'à']),
        ('e', ['ē', 'é', 'ě', 'è']),
        ('i', ['ī', 'í', 'ǐ', 'ì']),
        ('o', ['ō', 'ó', 'ǒ', 'ò']),
        ('u', ['ū', 'ú', 'ǔ', 'ù']),
        ('v', ['ǖ', 'ǘ', 'ǚ', 'ǜ']),
    ];
    let mark = |(index, letter): (usize, char)| {
        let marks = MARKS.iter().find(|(vowel, _)| *vowel == letter).filter(|_| Some(index) == place);
        marks.map_or(if letter == 'v' { 'ü' } else { letter }, |(_, marks)| marks[tone - 1])
    };
    letters.char_indices().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        write(text, Style { tone: Tone::None, separator: " ", initials: false, is_name: false })
    }

    fn name(text: &str) -> String {
        write(text, Style { tone: Tone::None, separator: " ", initials: false, is_name: true })
    }

    #[test]
    fn words_and_surnames_decide() {
        for (text, expected) in [
            ("重庆", "chong qing"),
            ("重庆市长安区", "chong qing shi chang an qu"),
            ("重要", "zhong yao"),
            ("银行行长", "yin hang hang zhang"),
            ("自行车", "zi xing che"),
            ("音乐", "yin yue"),
            ("快乐", "kuai le"),
            ("女儿", "nv er"),
            ("张三", "zhang san"),
            ("吕布", "lv bu"),
            ("iPhone手机15", "iPhone shou ji 15"),
            ("北京 上海", "bei jing shang hai"),
            ("你好，世界", "ni hao ， shi jie"),
            ("", ""),
            ("abc", "abc"),
            ("長沙銀行", "chang sha yin hang"),
            ("重", "zhong"),
            ("长", "chang"),
            ("行", "xing"),
            ("会", "hui"),
            ("的", "de"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
        for (text, expected) in [
            ("单雄信", "shan xiong xin"),
            ("曾国藩", "zeng guo fan"),
            ("解缙", "xie jin"),
            ("欧阳修", "ou yang xiu"),
            ("尉迟恭", "yu chi gong"),
            ("张重庆", "zhang zhong qing"),
            ("王长江", "wang chang jiang"),
            ("任我行", "ren wo xing"),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }

    #[test]
    fn tones_and_initials() {
        let style = Style { tone: Tone::Mark, separator: "", initials: false, is_name: false };
        assert_eq!(write("重庆绿色旅游", style), "chóngqìnglǜsèlǚyóu");
        assert_eq!(write("什么", style), "shénme");
        assert_eq!(write("优秀", style), "yōuxiù");
        let style = Style { tone: Tone::Number, separator: "-", ..style };
        assert_eq!(write("中国", style), "zhong1-guo2");
        let style = Style { initials: true, separator: "", ..style };
        assert_eq!(write("重庆银行", style), "cqyh");
    }
}
