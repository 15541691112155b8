//! Normalised text: one form per character, single spaces, no invisible characters.
//!
//! The text is normalised (Unicode Standard Annex 15) and invisible characters are removed. It is then normalised again, because these
//! may have separated letters from accents, and spaces are reduced. Applying it twice changes nothing more.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// The normalisation form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Unicode NFKC: full-width characters, ligatures, circled numbers and squared units become plain characters.
    Nfkc,
    /// Unicode NFC: only letters and their accents are combined.
    Nfc,
    /// NFC, and full-width letters, digits and punctuation become ASCII; half-width kana are kept.
    Halfwidth,
}

/// The conversion of letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Keep,
    Lower,
    Upper,
}

/// How a string is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaning {
    pub form: Form,
    pub case: Case,
    /// Whether to keep line breaks, with at most one between two non-empty lines.
    pub keep_lines: bool,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self { form: Form::Nfkc, case: Case::Keep, keep_lines: false }
    }
}

impl Cleaning {
    /// Cleans a text.
    pub fn clean(&self, text: &str) -> String {
        if text.is_ascii() {
            // ASCII, which most texts are, needs no normalisation.
            return self.spaced(&self.cased(&without_controls(text)));
        }
        let mut normal = self.normal(text);
        if self.case != Case::Keep {
            // A letter in another case may have another normal form.
            normal = self.normal(&self.cased(&normal));
        }
        // Removing characters may bring together letters and marks that compose or change places, and the characters around a joiner may
        // then differ. Repeated until nothing changes.
        let mut cleaned = self.normal(&without_invisible(&normal));
        while cleaned.contains(is_conditional) {
            let again = self.normal(&without_invisible(&cleaned));
            if again == cleaned {
                break;
            }
            cleaned = again;
        }
        self.spaced(&cleaned)
    }

    fn cased<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.case {
            Case::Keep => Cow::Borrowed(text),
            Case::Lower => Cow::Owned(text.to_lowercase()),
            Case::Upper => Cow::Owned(text.to_uppercase()),
        }
    }

    fn normal(&self, text: &str) -> String {
        match self.form {
            Form::Nfkc => ComposingNormalizerBorrowed::new_nfkc().normalize(text).into_owned(),
            Form::Nfc => ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned(),
            Form::Halfwidth => ComposingNormalizerBorrowed::new_nfc().normalize(&halfwidth(text)).into_owned(),
        }
    }

    /// Reduces white space to single spaces, with none at the ends; if lines are kept, white space with a line break becomes a line
    /// break.
    fn spaced(&self, text: &str) -> String {
        let mut spaced = String::with_capacity(text.len());
        let mut gap = None;
        for letter in text.chars() {
            if letter.is_whitespace() {
                let is_break =
                    self.keep_lines && matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
                gap = Some(if is_break || gap == Some('\n') { '\n' } else { ' ' });
                continue;
            }
            if let Some(gap) = gap.take().filter(|_| !spaced.is_empty()) {
                spaced.push(gap);
            }
            spaced.push(letter);
        }
        spaced
    }
}

/// The form from which all parsers of this module start: NFKC, single spaces, no invisible characters.
pub fn plain(text: &str) -> String {
    Cleaning::default().clean(text)
}

/// The same, with the decimal digits of other scripts converted to ASCII.
pub fn plain_with_digits(text: &str) -> String {
    let text = plain(text);
    if text.is_ascii() { text } else { text.chars().map(ascii_digit).collect() }
}

/// The zeros of scripts with ten consecutive digits: full width, Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil,
/// Telugu, Kannada, Malayalam, Thai, Lao, Tibetan, Burmese, Khmer, Mongolian.
const ZEROS: [u32; 18] = [
    0xff10, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0,
    0x1810,
];

/// Converts a decimal digit of these scripts to ASCII; all other characters are returned unchanged.
pub fn ascii_digit(letter: char) -> char {
    let code = u32::from(letter);
    let zero = if letter.is_ascii() { None } else { ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)) };
    zero.and_then(|zero| char::from_digit(code - zero, 10)).unwrap_or(letter)
}

/// True for the dashes and minus signs that people type for `-`.
pub fn is_dash(letter: char) -> bool {
    matches!(letter, '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹣' | '－')
}

/// True for Chinese characters.
pub fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇' | '々')
}

/// True for characters that are invisible, at least in some positions.
pub fn is_unseen(letter: char) -> bool {
    is_invisible(letter) || is_conditional(letter)
}

/// Converts full-width letters, digits and punctuation to ASCII, and the full-width space to a space.
pub fn halfwidth(text: &str) -> String {
    text.chars().map(half).collect()
}

fn half(letter: char) -> char {
    match letter {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '￠' => '¢',
        '￡' => '£',
        '￢' => '¬',
        '￥' => '¥',
        '￦' => '₩',
        _ => letter,
    }
}

fn without_controls(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || letter.is_whitespace()).collect()
}

/// Removes invisible characters: controls, zero-width characters, direction marks, fillers, tags. Joiners and variation selectors are
/// kept where a script or an emoji needs them.
fn without_invisible(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.chars().filter(|letter| !is_invisible(*letter)).peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let keep = !is_conditional(letter)
            || match letter {
                '\u{200c}' | '\u{200d}' => letters.peek().is_some_and(|next| is_joined(before, *next)),
                _ => is_picture(before) || (before.is_ascii() && letters.peek() == Some(&'\u{20e3}')),
            };
        if keep {
            kept.push(letter);
            // A modifier does not change what it follows: the next joiner still belongs to the emoji before.
            if !matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') {
                before = letter;
            }
        }
    }
    kept
}

/// Joiners and variation selectors, which are kept only where they have an effect.
fn is_conditional(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

fn is_invisible(letter: char) -> bool {
    (letter.is_control() && !letter.is_whitespace())
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// True if a joiner between these two has an effect: in Arabic and Indic scripts, and between the parts of an emoji.
fn is_joined(before: char, next: char) -> bool {
    let shaped = |letter: char| matches!(u32::from(letter), 0x600..=0x8ff | 0x900..=0xdff | 0xe80..=0x109f | 0x1780..=0x17ff | 0x1800..=0x18af);
    (shaped(before) && shaped(next)) || (is_picture(before) && is_picture(next))
}

fn is_picture(letter: char) -> bool {
    matches!(u32::from(letter), 0xa9 | 0xae | 0x203c | 0x2049 | 0x2122 | 0x2139 | 0x2190..=0x2bff | 0x3030 | 0x303d | 0x3297 | 0x3299 | 0x1f000..=0x1faff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        Cleaning::default().clean(text)
    }

    #[test]
    fn one_form_single_spaces_nothing_invisible() {
        for (text, expected) in [
            ("", ""),
            ("  a  b\t\r\nc ", "a b c"),
            ("ＡＢＣ１２３　①㎡㈱", "ABC123 1m2(株)"),
            ("a\u{200b}b\u{feff}c\u{0}d\u{202e}", "abcd"),
            ("e\u{200b}\u{301}", "é"),
            ("ｶﾞ", "ガ"),
            ("ﬁne", "fine"),
            ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("张\u{200d}三", "张三"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("\u{3000}\u{a0}", ""),
            ("a\u{85}b\u{2028}c", "a b c"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
        let lines = Cleaning { keep_lines: true, ..Cleaning::default() };
        assert_eq!(lines.clean(" a \r\n\r\n b\n"), "a\nb");
        let half = Cleaning { form: Form::Halfwidth, case: Case::Lower, ..Cleaning::default() };
        assert_eq!(half.clean("ＡＢ①ｶ￥"), "ab①ｶ¥");
    }

    #[test]
    fn done_twice_it_gives_what_it_gave_once() {
        let odd = [
            'a',
            'E',
            '\u{301}',
            '\u{200b}',
            '\u{200d}',
            '\u{fe0f}',
            '👨',
            '\u{1f3fb}',
            ' ',
            '\u{3000}',
            '\n',
            '￥',
            '①',
            '\u{a8}',
            'ﾞ',
            'ｶ',
            'İ',
            'ß',
            '漢',
            '\u{ad}',
            '가',
            '\u{1100}',
            '\u{1161}',
            '\u{115f}',
            '\u{0}',
            'ﷺ',
            '\u{915}',
            '\u{94d}',
            '\u{20e3}',
            '1',
        ];
        let mut state = 7u64;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..6 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(odd[(state >> 33) as usize % odd.len()]);
            }
            for form in [Form::Nfkc, Form::Nfc, Form::Halfwidth] {
                for case in [Case::Keep, Case::Lower, Case::Upper] {
                    let cleaning = Cleaning { form, case, keep_lines: state & 1 == 0 };
                    let once = cleaning.clean(&text);
                    assert_eq!(cleaning.clean(&once), once, "{text:?} {cleaning:?}");
                }
            }
        }
    }
}
