//! Characters in their plain form: what every reader begins with.

use icu_normalizer::ComposingNormalizerBorrowed;

/// A text in Unicode's form NFKC, without characters that are not seen, its blanks single spaces and none at its ends.
///
/// NFKC makes `Ａ` an `A`, `①` a `1` and `㎡` an `m2`. Blanks of every script and line breaks are blanks; zero-width characters, marks of the direction of writing and
/// control characters are dropped.
pub fn plain(text: &str) -> String {
    if text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        return text.into();
    }
    let normalizer = ComposingNormalizerBorrowed::new_nfkc();
    let visible: String = text.chars().filter(|letter| !is_unseen(*letter)).collect();
    let normal = normalizer.normalize(&visible);
    let mut plain = String::with_capacity(normal.len());
    for word in normal.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().filter(|letter| !is_unseen(*letter)));
    }
    plain
}

/// True for characters that leave no mark: of control (blanks apart), of zero width, of the direction of writing.
pub fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
        || letter.is_control() && !letter.is_whitespace()
}

/// True for Chinese characters.
pub fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇' | '々')
}
