//! Personal data in free text, Chinese or English: e-mail addresses, phones, identity numbers, bank cards, accounts of messengers.
//!
//! What has a form is found by it: an address by its @, a mobile number by the plan of its country, an identity number by the date within, a card by
//! Luhn's check digit. Of what has none, whole numbers of eleven digits and more are found too, as they are orders, cards with a slip, or worse.
//! Digits may be full-width, in groups with a blank, a dash or a bracket between, or written in Chinese characters. Names and addresses of
//! people have no form, and are not found.

use std::borrow::Cow;

use crate::kernels::cleaning::phone::{area_of, is_local};

/// What stands in the place of personal data.
pub const MASK: &str = "***";

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Email,
    Phone,
    IdCard,
    BankCard,
    /// The name of an account of WeChat or QQ, after that word.
    Account,
    /// A number of eleven digits or more that is none of these.
    Number,
}

/// Where it stands, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    pub what: What,
}

/// The text with a mask in the place of each.
pub fn masked(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut next = 0;
    for Found { start, end, .. } in found {
        masked.push_str(&text[next..start]);
        masked.push_str(MASK);
        next = end;
    }
    masked.push_str(&text[next..]);
    Cow::Owned(masked)
}

/// Personal data of a text, in its order.
pub fn find(text: &str) -> Vec<Found> {
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    // Most texts have none.
    let may_have = |letter: char| matches!(letter, '@' | '＠') || digit(letter).is_some();
    if !letters.iter().any(|(_, letter)| may_have(*letter)) {
        return vec![];
    }
    let mut places: Vec<(usize, usize, What)> = vec![];
    emails(&letters, &mut places);
    accounts(&letters, &mut places);
    numbers(&letters, &mut places);
    places.sort_by_key(|(start, end, _)| (*start, usize::MAX - end));
    let at = |place: usize| letters.get(place).map_or(text.len(), |(at, _)| *at);
    let mut found: Vec<Found> = vec![];
    for (start, end, what) in places {
        let (start, end) = (at(start), at(end));
        match found.last_mut() {
            // An address with a number in it is one thing.
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => found.push(Found { start, end, what }),
        }
    }
    found
}

/// The class of a digit and its value; classes do not mix in one group.
fn digit(letter: char) -> Option<(Class, u8)> {
    const CHINESE: [(char, u8); 12] = [
        ('〇', 0),
        ('零', 0),
        ('一', 1),
        ('幺', 1),
        ('二', 2),
        ('三', 3),
        ('四', 4),
        ('五', 5),
        ('六', 6),
        ('七', 7),
        ('八', 8),
        ('九', 9),
    ];
    match letter {
        '0'..='9' => Some((Class::Latin, letter as u8 - b'0')),
        '０'..='９' => Some((Class::Latin, (u32::from(letter) - u32::from('０')) as u8)),
        _ => CHINESE.iter().find(|(own, _)| *own == letter).map(|(_, value)| (Class::Chinese, *value)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Latin,
    Chinese,
}

fn is_local_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '%' | '+' | '-')
}

fn emails(letters: &[(usize, char)], found: &mut Vec<(usize, usize, What)>) {
    for (place, (_, letter)) in letters.iter().enumerate() {
        if !matches!(letter, '@' | '＠') {
            continue;
        }
        let before = letters[..place].iter().rev().take_while(|(_, letter)| is_local_letter(*letter)).count();
        let after = letters[place + 1..]
            .iter()
            .take_while(|(_, letter)| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '．'))
            .count();
        let domain: String =
            letters[place + 1..place + 1 + after].iter().map(|(_, letter)| if *letter == '．' { '.' } else { *letter }).collect();
        // A sentence may end with the address.
        let domain = domain.trim_end_matches(['.', '-']);
        let ends_well = domain.rsplit_once('.').is_some_and(|(host, last)| {
            !host.is_empty() && last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        if before > 0 && ends_well {
            found.push((place - before, place + 1 + domain.len(), What::Email));
        }
    }
}

/// Words that an account's name follows.
const MESSENGERS: [&str; 9] = ["微信", "薇信", "wechat", "weixin", "whatsapp", "telegram", "qq", "vx", "wx"];
/// What may stand between.
const BETWEEN: [&str; 9] = ["号", "是", "id", "群", ":", "：", " ", "为", "="];

fn accounts(letters: &[(usize, char)], found: &mut Vec<(usize, usize, What)>) {
    let lower: Vec<char> = letters.iter().map(|(_, letter)| letter.to_ascii_lowercase()).collect();
    let begins = |place: usize, word: &str| {
        let count = word.chars().count();
        (lower.get(place..place + count).is_some_and(|part| part.iter().copied().eq(word.chars()))).then_some(count)
    };
    let mut place = 0;
    while place < lower.len() {
        let Some(label) = MESSENGERS.iter().find_map(|word| begins(place, word)) else {
            place += 1;
            continue;
        };
        let mut next = place + label;
        while let Some(count) = BETWEEN.iter().find_map(|word| begins(next, word)) {
            next += count;
        }
        let name = letters[next.min(letters.len())..]
            .iter()
            .take_while(|(_, letter)| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
            .count();
        let has_digit = lower[next..next + name].iter().any(|letter| letter.is_ascii_digit() || *letter == '_');
        if (5..=32).contains(&name) && has_digit {
            found.push((next, next + name, What::Account));
        }
        place = next.max(place + label);
    }
}

/// Digits that follow one another.
#[derive(Debug, Clone)]
struct Group {
    start: usize,
    end: usize,
    class: Class,
    digits: String,
}

/// The longest run that is looked at as one number, in groups.
const GROUPS: usize = 8;

fn numbers(letters: &[(usize, char)], found: &mut Vec<(usize, usize, What)>) {
    let mut run: Vec<Group> = vec![];
    let mut place = 0;
    while place < letters.len() {
        let Some((class, _)) = digit(letters[place].1) else {
            place += 1;
            continue;
        };
        let start = place;
        let mut digits = String::new();
        while let Some((_, value)) = letters.get(place).and_then(|(_, letter)| digit(*letter)).filter(|(own, _)| *own == class) {
            digits.push(char::from(b'0' + value));
            place += 1;
        }
        let follows = run.last().is_some_and(|last| joins(&letters[last.end..start]));
        if !follows {
            of_run(letters, &std::mem::take(&mut run), found);
        }
        run.push(Group { start, end: place, class, digits });
    }
    of_run(letters, &run, found);
}

/// Whether what stands between two groups may stand within a number.
fn joins(between: &[(usize, char)]) -> bool {
    let is_mark = |letter: char| {
        matches!(letter, ' ' | '-' | '－' | '—' | '–' | '.' | '·' | '(' | ')' | '（' | '）' | '\u{a0}' | '\u{3000}')
    };
    between.len() <= 2 && between.iter().all(|(_, letter)| is_mark(*letter))
}

/// Takes the numbers out of a run of groups, the longest first at each group.
fn of_run(letters: &[(usize, char)], run: &[Group], found: &mut Vec<(usize, usize, What)>) {
    let mut first = 0;
    while first < run.len() {
        let most = run.len().min(first + GROUPS);
        let taken = (first + 1..=most).rev().find_map(|end| {
            let what = kind(letters, &run[first..end])?;
            Some((end, what))
        });
        let Some((end, what)) = taken else {
            first += 1;
            continue;
        };
        let (mut from, mut to) = (run[first].start, run[end - 1].end);
        if matches!(what, What::IdCard) && matches!(letters.get(to), Some((_, 'x' | 'X' | 'ｘ' | 'Ｘ'))) {
            to += 1;
        }
        let is_closed = letters[from..to].iter().any(|(_, letter)| matches!(letter, ')' | '）'));
        let is_part = |letter: char| matches!(letter, '+' | '＋') || is_closed && matches!(letter, '(' | '（');
        while from > 0 && is_part(letters[from - 1].1) {
            from -= 1;
        }
        found.push((from, to, what));
        first = end;
    }
}

fn kind(letters: &[(usize, char)], groups: &[Group]) -> Option<What> {
    let (first, last) = (groups.first()?, groups.last()?);
    let digits: String = groups.iter().map(|group| group.digits.as_str()).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let is_chinese = groups.iter().any(|group| group.class == Class::Chinese);
    let before = |back: usize| first.start.checked_sub(back).and_then(|place| letters.get(place)).map(|(_, letter)| *letter);
    let is_one = lengths.len() == 1;
    let has_plus =
        matches!(before(1), Some('+' | '＋')) || matches!((before(1), before(2)), (Some('(' | '（'), Some('+' | '＋')));

    let ends_with_x = matches!(letters.get(last.end), Some((_, 'x' | 'X' | 'ｘ' | 'Ｘ')));
    let in_id_groups = is_one || lengths.first() == Some(&6) || is_chinese;
    let is_18 = digits.len() == 18 || digits.len() == 17 && ends_with_x;
    if in_id_groups
        && (is_18 && has_date(&digits[6..14])
            || digits.len() == 15 && is_one && has_area(&digits) && has_date(&format!("19{}", &digits[6..12])))
    {
        return Some(What::IdCard);
    }
    // A number after its country's code, which is 86 where nothing else is said.
    let national =
        digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86").filter(|rest| rest.len() == 11)).unwrap_or(&digits);
    let is_whole =
        is_one || is_chinese || matches!(lengths.first(), Some(2..=4)) && lengths.iter().skip(1).all(|length| *length >= 2);
    let mut signs = national.bytes();
    if is_whole && national.len() == 11 && signs.next() == Some(b'1') && matches!(signs.next(), Some(b'3'..=b'9')) {
        return Some(What::Phone);
    }
    let is_card_groups = is_one
        || lengths[..lengths.len() - 1].iter().all(|length| *length == 4) && lengths.last().is_some_and(|length| *length <= 4)
        || lengths == [4, 6, 5];
    if is_card_groups && (13..=19).contains(&digits.len()) && is_luhn(&digits) {
        return Some(What::BankCard);
    }
    let landline = |number: &str| area_of(number).is_some_and(|(code, _)| is_local(code, &number[code.len()..]));
    if let Some(number) = digits.strip_prefix('0')
        && (is_one || lengths.len() <= 3 && matches!(lengths.first(), Some(3 | 4)))
        && landline(number)
    {
        return Some(What::Phone);
    }
    if has_plus && (8..=15).contains(&digits.len()) {
        return Some(What::Phone);
    }
    if digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800")) {
        return Some(What::Phone);
    }
    let american = match lengths.as_slice() {
        [3, 3, 4] => Some(digits.as_str()),
        [1, 3, 3, 4] => digits.strip_prefix('1'),
        _ => None,
    };
    if american.is_some_and(|number| matches!(number.as_bytes(), [b'2'..=b'9', _, _, b'2'..=b'9', ..])) {
        return Some(What::Phone);
    }
    if (7..=10).contains(&digits.len())
        && lengths.len() <= 2
        && lengths.iter().all(|length| *length >= 3)
        && follows_label(letters, first.start)
    {
        return Some(What::Phone);
    }
    let is_grouped_card = is_card_groups && digits.len() >= 15;
    (digits.len() >= 11 && (is_one || is_grouped_card)).then_some(What::Number)
}

/// Words before a number that say it is one to call.
const LABELS: [&str; 12] = ["电话", "手机", "座机", "致电", "来电", "号码", "tel", "phone", "mobile", "cell", "call", "fax"];

fn follows_label(letters: &[(usize, char)], start: usize) -> bool {
    let before: String = letters[start.saturating_sub(12)..start].iter().map(|(_, letter)| letter.to_ascii_lowercase()).collect();
    LABELS.iter().any(|label| {
        before.rfind(label).is_some_and(|at| {
            before[at + label.len()..].chars().all(|letter| !letter.is_alphanumeric() || matches!(letter, '号' | '码' | '是'))
        })
    })
}

/// Year, month and day of someone who may be alive.
fn has_date(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or_default();
    (1900..2100).contains(&part(0, 4)) && (1..=12).contains(&part(4, 6)) && (1..=31).contains(&part(6, 8))
}

/// The provinces' numbers.
fn has_area(digits: &str) -> bool {
    digits.get(..2).and_then(|area| area.parse::<u32>().ok()).is_some_and(|area| (11..=83).contains(&area))
}

fn is_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            let twice = if place % 2 == 1 { value * 2 } else { value };
            if twice > 9 { twice - 9 } else { twice }
        })
        .sum();
    sum.is_multiple_of(10) && digits.bytes().any(|digit| digit != b'0')
}

#[cfg(test)]
#[path = "masked_tests.rs"]
mod tests;
