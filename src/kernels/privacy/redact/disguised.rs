//! E-mail addresses written so that programs do not read them: `zhang (at) qq [dot] com`, `zhang AT qq DOT com`, `zhang艾特qq点com`.
//!
//! What stands for a sign is replaced by it. Brackets are clear; words are not: "meet at noon", "look at amazon dot com". So a word counts
//! only where capitals among small letters, or the name before it, show that an address is meant.

use std::ops::Range;

use super::{Letter, at, texts};

/// Replaces what stands for `@` and for the dots of an address.
pub(super) fn disguised(letters: &mut Vec<Letter>) {
    if letters.iter().any(|letter| matches!(letter.plain, '(' | '[' | '{' | '<' | '@')) {
        replace(letters, in_brackets(letters));
    }
    if letters.iter().any(|letter| matches!(letter.plain, '@' | 'a' | 'A' | '艾')) {
        replace(letters, in_words(letters));
    }
}

/// A sign, and the letters that stand for it.
type Sign = (Range<usize>, char);

/// Puts signs in the place of letters; they are in the order of the text.
fn replace(letters: &mut Vec<Letter>, signs: Vec<Sign>) {
    for (range, plain) in signs.into_iter().rev() {
        if let Some((first, last)) = letters.get(range.clone()).and_then(|own| own.first().zip(own.last())) {
            let sign = Letter { plain, start: first.start, end: last.end };
            letters.splice(range, [sign]);
        }
    }
}

/// `(at)`, `[ dot ]`, and a `@` between blanks. Blanks around them belong to the sign; one before a bare `@` only begins a name:
/// hello @user.
fn in_brackets(letters: &[Letter]) -> Vec<Sign> {
    let (mut found, mut place, mut done) = (vec![], 0, 0);
    while place < letters.len() {
        let sign = match at(letters, place) {
            '(' => bracketed(letters, place, ')'),
            '[' => bracketed(letters, place, ']'),
            '{' => bracketed(letters, place, '}'),
            '<' => bracketed(letters, place, '>'),
            '@' if before(letters, place) < place && after(letters, place + 1) > place + 1 => Some((place + 1, '@')),
            _ => None,
        };
        let Some((end, sign)) = sign else {
            place += 1;
            continue;
        };
        // The blank between two signs belongs to the first.
        let start = before(letters, place).max(done);
        done = after(letters, end);
        place = done;
        found.push((start..done, sign));
    }
    found
}

/// The end and the sign of a word in brackets.
fn bracketed(letters: &[Letter], open: usize, close: char) -> Option<(usize, char)> {
    let start = after(letters, open + 1);
    let (sign, length) = word(letters, start)?;
    let end = after(letters, start + length);
    (at(letters, end) == close).then_some((end + 1, sign))
}

/// The sign that a word here stands for, and the length of the word.
fn word(letters: &[Letter], place: usize) -> Option<(char, usize)> {
    const WORDS: [(&str, char); 4] = [("at", '@'), ("dot", '.'), ("艾特", '@'), ("点", '.')];
    let is_there = |word: &str| word.chars().enumerate().all(|(back, of)| at(letters, place + back).eq_ignore_ascii_case(&of));
    WORDS.iter().find(|(word, _)| is_there(word)).map(|(word, sign)| (*sign, word.chars().count()))
}

/// The same for a word between blanks; a Chinese one needs none.
fn word_apart(letters: &[Letter], place: usize, of: char) -> Option<Range<usize>> {
    let start = after(letters, place);
    let (_, length) = word(letters, start).filter(|(sign, _)| *sign == of)?;
    let end = after(letters, start + length);
    let is_apart = start > place && end > start + length;
    (is_apart || !at(letters, start).is_ascii()).then_some(place..end)
}

/// Where up to two blanks before a place begin.
fn before(letters: &[Letter], place: usize) -> usize {
    place - letters[..place].iter().rev().take(2).take_while(|letter| letter.plain == ' ').count()
}

/// Where up to two blanks at a place end.
fn after(letters: &[Letter], place: usize) -> usize {
    place + letters.iter().skip(place).take(2).take_while(|letter| letter.plain == ' ').count()
}

/// `zhang AT qq DOT com`, and the words for dots after a sign: `zhang@qq dot com`.
fn in_words(letters: &[Letter]) -> Vec<Sign> {
    let (mut found, mut place, mut done): (Vec<Sign>, _, _) = (vec![], 0, 0);
    while place < letters.len() {
        let sign = match at(letters, place) {
            '@' => Some(place..place + 1),
            ' ' | '艾' => word_apart(letters, place, '@'),
            _ => None,
        };
        let signs = sign.and_then(|sign| address(letters, &sign, done));
        place += 1;
        if let Some(signs) = signs {
            done = signs.last().map_or(place, |(range, _)| range.end);
            place = place.max(done);
            found.extend(signs);
        }
    }
    found
}

/// The signs of the address around one for `@`, from `least` on, if it is clear that this is one.
fn address(letters: &[Letter], sign: &Range<usize>, least: usize) -> Option<Vec<Sign>> {
    let is_of_name = |letter: &&Letter| letter.plain.is_ascii_alphanumeric() || "._%+-".contains(letter.plain);
    let is_of_host = |letter: &&Letter| letter.plain.is_ascii_alphanumeric() || ".-".contains(letter.plain);
    let name_before = |end: usize| end - letters[least..end].iter().rev().take_while(is_of_name).count();
    let (mut start, mut end) = (name_before(sign.start), sign.end);
    if start == sign.start {
        return None;
    }
    let own = start..sign.start;
    let mut after_sign = vec![];
    loop {
        let length = letters[end..].iter().take_while(is_of_host).count();
        if length == 0 {
            return None;
        }
        end += length;
        match word_apart(letters, end, '.').filter(|dot| at(letters, dot.end).is_ascii_alphanumeric()) {
            Some(dot) => {
                end = dot.end;
                after_sign.push((dot, '.'));
            }
            None => break,
        }
    }
    // `zhang dot san at …`
    let mut before_sign = vec![];
    while let Some(dot) = dot_before(letters, start).filter(|dot| dot.start > least && name_before(dot.start) < dot.start) {
        start = name_before(dot.start);
        before_sign.insert(0, (dot, '.'));
    }
    let (name, host) = (texts(letters, own), texts(letters, sign.end..end));
    let written = texts(letters, sign.clone());
    let is_clear = match written.trim() {
        "@" => true,
        "AT" if name.contains(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit()) => {
            !after_sign.is_empty() || has_known_end(&host)
        }
        word if word.is_ascii() => {
            let is_one = !before_sign.is_empty() || is_clear_name(&name) || is_for_mail(&host) || is_announced(letters, start);
            !after_sign.is_empty() && is_one
        }
        _ => !after_sign.is_empty() || host.contains('.'),
    };
    if !is_clear || after_sign.is_empty() && before_sign.is_empty() && written == "@" {
        return None;
    }
    before_sign.push((sign.clone(), '@'));
    before_sign.extend(after_sign);
    Some(before_sign)
}

/// The word for a dot between blanks that ends here.
fn dot_before(letters: &[Letter], end: usize) -> Option<Range<usize>> {
    let word_end = before(letters, end);
    let start = before(letters, word_end.checked_sub("dot".len())?);
    word_apart(letters, start, '.').filter(|dot| dot.end == end)
}

/// A name that is no word of a sentence: `zhang.san`, `zhang_san`, `zhang88`.
fn is_clear_name(name: &str) -> bool {
    let name = name.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let has_number =
        || name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && name.contains(|letter: char| letter.is_ascii_digit());
    name.contains(['.', '_']) || has_number()
}

/// True for a host that is known for mail alone.
fn is_for_mail(host: &str) -> bool {
    const HOSTS: [&str; 6] = ["gmail", "hotmail", "outlook", "foxmail", "icloud", "protonmail"];
    let first = host.split([' ', '.']).next().unwrap_or_default();
    HOSTS.iter().any(|known| first.eq_ignore_ascii_case(known))
}

/// True for a host with an end that no sentence has by a missing blank after its full stop.
fn has_known_end(host: &str) -> bool {
    const ENDS: [&str; 24] = [
        "com", "net", "org", "edu", "gov", "cn", "io", "co", "info", "biz", "uk", "de", "fr", "es", "nl", "eu", "jp", "kr", "hk",
        "tw", "sg", "ca", "au", "ru",
    ];
    host.trim_end_matches(['.', '-'])
        .rsplit_once('.')
        .is_some_and(|(_, end)| ENDS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// True after `e-mail:`, `my mail is`, `邮箱是`.
fn is_announced(letters: &[Letter], start: usize) -> bool {
    let text = texts(letters, start.saturating_sub(16)..start).to_lowercase();
    let text = text.trim_end();
    let said = [":", " is", "是", "为"].iter().find_map(|end| text.strip_suffix(end));
    said.is_some_and(|said| ["mail", "邮箱", "邮件"].iter().any(|word| said.trim_end().ends_with(word)))
}
