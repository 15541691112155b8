//! Finds personal data in free text by its form, and replaces it.
//!
//! The text is first reduced to plain characters: full-width digits and letters become ASCII, and invisible characters are skipped. What
//! is found is reported by its position in the original text. Digits are read as groups, with spaces and dashes between them; starting
//! from each group, the longest run of groups that forms a known number is taken. Identity cards (ISO/IEC 7064) and bank cards (Luhn) are
//! recognised by their check digits, and so are international bank account numbers (ISO 13616).

mod disguised;
pub mod iban;
mod labelled;

use std::ops::Range;

use self::disguised::disguised;
use self::iban::ibans;
use self::labelled::{accounts, passports};
use super::masks::is_card;
use crate::kernels::cleaning::email::Email;
use crate::kernels::cleaning::id_card::IdCard;
use crate::kernels::cleaning::phone::{self, Country, Kind};
use crate::kernels::cleaning::texts::{ascii_digit, halfwidth, is_dash, is_unseen};

/// The kinds of personal data that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A telephone number, except companies' 400 and 800 hotlines.
    Phone,
    /// An e-mail address.
    Email,
    /// The number of a Chinese identity card, a US social security number, or the number of a passport or travel permit after the word
    /// for it.
    IdCard,
    /// A bank card number.
    BankCard,
    /// An international bank account number.
    Iban,
    /// A Chinese number plate.
    Plate,
    /// An IPv4 address.
    Ip,
    /// A WeChat or QQ account, recognised by the word before it.
    Account,
    /// A number of at least eleven digits that is none of these, or one grouped like a card number: an order number, a card number with a
    /// typing error.
    Number,
}

impl Class {
    /// All classes that can be asked for, each with its name in SQL and its English and Chinese placeholders.
    pub const ALL: [(Self, &'static str, &'static str, &'static str); 8] = [
        (Self::Phone, "phone", "[phone]", "【手机】"),
        (Self::Email, "email", "[email]", "【邮箱】"),
        (Self::IdCard, "id_card", "[id card]", "【身份证】"),
        (Self::BankCard, "bank_card", "[bank card]", "【银行卡】"),
        (Self::Iban, "iban", "[iban]", "【银行账号】"),
        (Self::Plate, "plate", "[plate]", "【车牌】"),
        (Self::Ip, "ip", "[ip]", "【IP】"),
        (Self::Account, "account", "[account]", "【账号】"),
    ];

    /// The classes that are hidden in texts quoted to others.
    const QUOTED: [Self; 9] =
        [Self::Phone, Self::Email, Self::IdCard, Self::BankCard, Self::Iban, Self::Plate, Self::Ip, Self::Account, Self::Number];

    /// The names in SQL.
    pub const WORDS: [&'static str; 8] = ["phone", "email", "id_card", "bank_card", "iban", "plate", "ip", "account"];

    /// The class with a name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, ..)| *name == word).map(|(class, ..)| *class)
    }

    /// The placeholder for this class.
    pub fn mark(self, in_chinese: bool) -> &'static str {
        let found = Self::ALL.iter().find(|(class, ..)| *class == self);
        found.map_or("***", |(_, _, english, chinese)| if in_chinese { chinese } else { english })
    }
}

/// Personal data that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bytes in the text.
    pub place: Range<usize>,
    pub class: Class,
}

/// A plain character, with the bytes it comes from.
#[derive(Debug, Clone, Copy)]
struct Letter {
    plain: char,
    start: usize,
    end: usize,
}

/// Appends the text to `to`, with everything found of these classes replaced by `mark`. Returns whether anything was replaced.
pub fn redact(text: &str, classes: &[Class], mark: impl Fn(Class) -> String, to: &mut String) -> bool {
    let mut done = 0;
    for found in find(text, classes) {
        to.push_str(&text[done..found.place.start]);
        to.push_str(&mark(found.class));
        done = found.place.end;
    }
    to.push_str(&text[done..]);
    done > 0
}

/// Prepares a text for being quoted to others: everything found, and any other long number, becomes three stars.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    redact(text, &Class::QUOTED, |_| "***".into(), &mut quoted);
    quoted
}

/// Finds personal data of these classes, in the order of the text and without overlaps.
pub fn find(text: &str, classes: &[Class]) -> Vec<Found> {
    let wants = |class: Class| classes.contains(&class);
    let letters = letters(text);
    let mut found: Vec<(Range<usize>, Class)> = vec![];
    // Earlier finds take precedence over later ones that overlap them.
    let mut add = |range: Range<usize>, class: Class| {
        if !found.iter().any(|(other, _)| range.start < other.end && other.start < range.end) {
            found.push((range, class));
        }
    };
    // Every class is searched for, even if it is not wanted, so that it takes its characters: digits within an e-mail address are not a
    // telephone number.
    emails(&letters).into_iter().for_each(|range| add(range, Class::Email));
    addresses(&letters).into_iter().for_each(|range| add(range, Class::Ip));
    social_security(&letters).into_iter().for_each(|range| add(range, Class::IdCard));
    passports(&letters).into_iter().for_each(|range| add(range, Class::IdCard));
    ibans(&letters).into_iter().for_each(|range| add(range, Class::Iban));
    numbers(&letters).into_iter().for_each(|(range, class)| add(range, class));
    plates(&letters).into_iter().for_each(|range| add(range, Class::Plate));
    accounts(&letters).into_iter().for_each(|range| add(range, Class::Account));
    if wants(Class::Number) {
        long_numbers(&letters).into_iter().for_each(|range| add(range, Class::Number));
    }
    found.retain(|(_, class)| wants(*class));
    found.sort_unstable_by_key(|(range, _)| range.start);
    let place = |range: Range<usize>| {
        let inside = letters.get(range).unwrap_or_default();
        Some(inside.first()?.start..inside.last()?.end)
    };
    found.into_iter().filter_map(|(range, class)| Some(Found { place: place(range)?, class })).collect()
}

fn letters(text: &str) -> Vec<Letter> {
    let plain = |letter: char| match letter {
        dash if is_dash(dash) => '-',
        letter if letter.is_ascii() => letter,
        letter if letter.is_whitespace() => ' ',
        letter => {
            let digit = ascii_digit(letter);
            if digit == letter { halfwidth(letter.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(letter) } else { digit }
        }
    };
    let mut letters: Vec<Letter> = text
        .char_indices()
        .filter(|(_, letter)| letter.is_ascii() || !is_unseen(*letter))
        .map(|(start, letter)| Letter { plain: plain(letter), start, end: start + letter.len_utf8() })
        .collect();
    spelt(&mut letters);
    disguised(&mut letters);
    letters
}

/// Seven or more Chinese numerals in a row are read as digits, 一三八〇〇一三八〇〇〇, and so are those among digits that make eleven:
/// 138零零138000.
fn spelt(letters: &mut [Letter]) {
    const NUMERALS: [&str; 10] = ["〇零", "一幺壹", "二贰貳", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖"];
    let numeral = |letter: &Letter| {
        let of = (!letter.plain.is_ascii()).then(|| NUMERALS.iter().zip('0'..).find(|(forms, _)| forms.contains(letter.plain)));
        of.flatten().map(|(_, digit)| digit)
    };
    let is_digit = |letter: &Letter| letter.plain.is_ascii_digit() || numeral(letter).is_some();
    for row in letters.chunk_by_mut(|one, next| is_digit(one) == is_digit(next)) {
        // One may belong to the next word: 138零零138000一起.
        let length = if row.len() == 12 && row.last().is_some_and(|last| numeral(last).is_some()) { 11 } else { row.len() };
        let (row, are_one) = (&mut row[..length], length == 11);
        for part in row.chunk_by_mut(|one, next| are_one || numeral(one).is_some() == numeral(next).is_some()) {
            if part.len() >= 7 {
                part.iter_mut().for_each(|letter| letter.plain = numeral(letter).unwrap_or(letter.plain));
            }
        }
    }
}

fn at(letters: &[Letter], place: usize) -> char {
    letters.get(place).map_or('\0', |letter| letter.plain)
}

fn texts(letters: &[Letter], range: Range<usize>) -> String {
    letters.get(range).unwrap_or_default().iter().map(|letter| letter.plain).collect()
}

fn emails(letters: &[Letter]) -> Vec<Range<usize>> {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "._%+-'".contains(letter);
    let is_of_domain = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
    let mut found = vec![];
    let signs = letters.iter().enumerate().filter(|(_, letter)| letter.plain == '@').map(|(place, _)| place);
    for sign in signs {
        let before = letters[..sign].iter().rev().take_while(|letter| is_of_name(letter.plain)).count();
        let after = letters[sign + 1..].iter().take_while(|letter| is_of_domain(letter.plain)).count();
        let (mut start, mut end) = (sign - before, sign + 1 + after);
        while start < sign && !at(letters, start).is_ascii_alphanumeric() && at(letters, start) != '_' {
            start += 1;
        }
        // Leaves out what ends a sentence, or joins a word that follows without a space.
        while end > sign + 1 && !at(letters, end - 1).is_ascii_alphanumeric() {
            end -= 1;
        }
        if Email::read(&texts(letters, start..end)).is_ok() {
            found.push(start..end);
        }
    }
    found
}

/// IPv4 addresses: four numbers up to 255.
fn addresses(letters: &[Letter]) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut place = 0;
    while place < letters.len() {
        let is_of = |letter: char| letter.is_ascii_digit() || letter == '.';
        let length = letters[place..].iter().take_while(|letter| is_of(letter.plain)).count();
        if length == 0 {
            place += 1;
            continue;
        }
        let text = texts(letters, place..place + length);
        let text = text.trim_end_matches('.');
        let parts: Vec<&str> = text.split('.').collect();
        let is_part = |part: &&str| part.len() <= 3 && part.parse::<u8>().is_ok() && (part.len() == 1 || !part.starts_with('0'));
        if parts.len() == 4 && parts.iter().all(is_part) {
            found.push(place..place + text.len());
        }
        place += length;
    }
    found
}

/// US social security numbers, which have no check digit: in groups, 123-45-6789, and of those that are given out.
fn social_security(letters: &[Letter]) -> Vec<Range<usize>> {
    let is_part =
        |letter: Option<&Letter>| letter.is_some_and(|letter| letter.plain.is_ascii_alphanumeric() || letter.plain == '-');
    let is_one = |place: usize| {
        let end = place + SOCIAL_SECURITY.len();
        let Some(own) = letters.get(place..end) else { return false };
        let fits =
            |(letter, form): (&Letter, char)| if form == '-' { letter.plain == '-' } else { letter.plain.is_ascii_digit() };
        if !own.iter().zip(SOCIAL_SECURITY.chars()).all(fits) {
            return false;
        }
        let text = texts(letters, place..end);
        let is_given =
            !["000", "666", "9"].iter().any(|area| text.starts_with(area)) && &text[4..6] != "00" && !text.ends_with("0000");
        is_given && !is_part(letters.get(end)) && (place == 0 || !is_part(letters.get(place - 1)))
    };
    (0..letters.len()).filter(|place| is_one(*place)).map(|place| place..place + SOCIAL_SECURITY.len()).collect()
}

const SOCIAL_SECURITY: &str = "000-00-0000";

/// A run of digits.
#[derive(Debug)]
struct Group {
    range: Range<usize>,
    digits: String,
    /// The characters between it and the previous group, if these can join the two; otherwise empty.
    joint: String,
}

/// Telephone, identity card and bank card numbers.
fn numbers(letters: &[Letter]) -> Vec<(Range<usize>, Class)> {
    let groups = groups(letters);
    let mut found = vec![];
    let mut first = 0;
    while first < groups.len() {
        // The last group that may belong to the same number.
        let mut last = first;
        while last + 1 < groups.len() && last - first < 7 && !groups[last + 1].joint.is_empty() {
            last += 1;
        }
        last = last.max(first + singles(letters, &groups, first).saturating_sub(1));
        let hit = (first..=last).rev().find_map(|last| {
            let start = groups[first].range.start;
            let follows_number = found.last().is_some_and(|(before, _): &(Range<usize>, Class)| before.end + 1 == start);
            let (range, class) = number(letters, &groups[first..=last], follows_number)?;
            Some((last, range, class))
        });
        match hit {
            Some((last, range, class)) => {
                found.push((range, class));
                first = last + 1;
            }
            None => first += 1,
        }
    }
    found
}

/// The number of groups in a row of single digits that begins here, 1 3 8 0 0 1 3 8 0 0 0, if it has the length of a telephone or identity
/// card number.
fn singles(letters: &[Letter], groups: &[Group], first: usize) -> usize {
    if first > 0 && !groups[first].joint.is_empty() {
        return 0;
    }
    let rest = groups[first..].iter().enumerate();
    let row = rest.take_while(|(place, group)| group.digits.len() == 1 && (*place == 0 || !group.joint.is_empty())).count();
    let ends = groups.get(first + row).is_none_or(|next| next.joint.is_empty());
    let has_length = match row {
        17 => end_of_x(letters, &groups[first..first + row]).is_some(),
        _ => matches!(row, 11 | 13 | 18),
    };
    if ends && has_length { row } else { 0 }
}

/// Long numbers of any kind.
fn long_numbers(letters: &[Letter]) -> Vec<Range<usize>> {
    let groups = groups(letters);
    let mut found = vec![];
    let mut first = 0;
    while first < groups.len() {
        let lengths: Vec<usize> = groups[first..].iter().take(5).map(|group| group.digits.len()).collect();
        let joined = groups[first..].iter().skip(1).take(4).take_while(|group| matches!(group.joint.as_str(), " " | "-")).count();
        let is_long = |count: usize| match lengths.get(..count) {
            Some([digits]) => *digits >= 11,
            Some(lengths) => is_card_in_groups(lengths) && lengths.iter().sum::<usize>() >= 15,
            None => false,
        };
        match (1..=joined + 1).rev().find(|count| is_long(*count)) {
            Some(count) => {
                found.push(groups[first].range.start..groups[first + count - 1].range.end);
                first += count;
            }
            None => first += 1,
        }
    }
    found
}

fn groups(letters: &[Letter]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    let mut place = 0;
    while place < letters.len() {
        let length = letters[place..].iter().take_while(|letter| letter.plain.is_ascii_digit()).count();
        if length == 0 {
            place += 1;
            continue;
        }
        let range = place..place + length;
        let joint = match groups.last() {
            Some(before) if place - before.range.end <= 3 => {
                let between = texts(letters, before.range.end..place);
                // Punctuation within a number: one sign, possibly with spaces, or brackets around an area code.
                let is_joint = between.chars().all(|letter| " -_~·.()/".contains(letter))
                    && between.chars().filter(|letter| *letter != ' ').count() <= 2;
                if is_joint { between } else { String::new() }
            }
            _ => String::new(),
        };
        groups.push(Group { digits: texts(letters, range.clone()), range, joint });
        place += length;
    }
    groups
}

/// Recognises the number that a run of groups forms.
fn number(letters: &[Letter], groups: &[Group], follows_number: bool) -> Option<(Range<usize>, Class)> {
    let (first, last) = (groups.first()?, groups.last()?);
    let digits: String = groups.iter().map(|group| group.digits.as_str()).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let (start, end) = (first.range.start, last.range.end);
    let joints: String = groups.iter().skip(1).map(|group| group.joint.as_str()).collect();
    // Digits before a dash are part of the number, except those of another number: 13812345678-13912345678.
    let is_tail = !follows_number
        && start.checked_sub(2).is_some_and(|before| at(letters, before).is_ascii_digit() && at(letters, before + 1) == '-');
    let is_plain = !joints.contains(['(', ')', '/']);
    // A letter right after the digits means that they are part of a word, except the X of an identity card.
    let is_word = |letter: char| letter.is_ascii_alphabetic();
    if digits.len() == 17
        && is_plain
        && let Some(end) = end_of_x(letters, groups)
        && IdCard::read(&format!("{digits}X")).is_ok()
    {
        return Some((start..end, Class::IdCard));
    }
    if is_word(at(letters, end)) {
        return None;
    }
    let is_id = match digits.len() {
        18 => is_plain,
        15 => groups.len() == 1,
        _ => false,
    };
    if is_id && IdCard::read(&digits).is_ok() {
        return Some((start..end, Class::IdCard));
    }
    if is_plain && is_card_in_groups(&lengths) && is_card(&digits) {
        return Some((start..end, Class::BankCard));
    }
    telephone(letters, groups, &digits, &joints, is_tail).map(|range| (range, Class::Phone))
}

/// Where the X after these groups ends, if there is one; a space may stand before it where one stands between all digits.
fn end_of_x(letters: &[Letter], groups: &[Group]) -> Option<usize> {
    let end = groups.last()?.range.end;
    let is_apart = groups.len() == 17 && at(letters, end) == ' ';
    let place = end + usize::from(is_apart);
    (matches!(at(letters, place), 'x' | 'X') && !at(letters, place + 1).is_ascii_alphanumeric()).then_some(place + 1)
}

/// True for a single group, or for groups of the lengths used on cards.
fn is_card_in_groups(lengths: &[usize]) -> bool {
    match lengths {
        [_] | [4, 6, 4 | 5] => true,
        [whole @ .., last] => whole.len() >= 2 && whole.iter().all(|length| *length == 4) && *last <= 4,
        [] => false,
    }
}

fn telephone(letters: &[Letter], groups: &[Group], digits: &str, joints: &str, is_tail: bool) -> Option<Range<usize>> {
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let (start, end) = (groups.first()?.range.start, groups.last()?.range.end);
    if digits.len() > 16 || joints.contains('/') {
        return None;
    }
    let before = |back: usize| start.checked_sub(back).map_or('\0', |place| at(letters, place));
    let bracket = usize::from(before(1) == '(');
    let has_plus = before(1 + bracket) == '+' || bracket == 0 && before(1) == '+';
    let home: &'static Country = phone::country("CN")?;
    let read = |text: &str, home| phone::read(text, home).ok().filter(|found| found.extension.is_none());
    let found = if has_plus {
        read(&format!("+{digits}"), home).map(|_| ())
    } else if is_tail {
        None
    } else if let Some(found) = read(digits, home).filter(|found| found.country == "CN") {
        match found.kind {
            Kind::Mobile => Some(()),
            // Landlines need their area code. A number that begins with 0 and is written like a landline could be something else, but
            // rarely is.
            Kind::Landline => {
                let zero = digits.starts_with('0') || digits.starts_with("86");
                (zero && !joints.contains('.')).then_some(())
            }
            _ => None,
        }
    } else if digits.starts_with("00") {
        read(digits, home).map(|_| ())
    } else {
        None
    };
    let found = found.or_else(|| {
        // As written in North America.
        let is_hotline = digits.starts_with("400") || digits.starts_with("800");
        let shown = matches!(lengths.as_slice(), [3, 3, 4] | [1, 3, 3, 4]) && !joints.is_empty() && !is_hotline;
        let american = phone::country("US")?;
        (shown && !is_tail).then(|| read(digits, american).map(|_| ())).flatten()
    });
    let found = found.or_else(|| {
        // A number without its area code, recognised by the word before it.
        let fits = (7..=10).contains(&digits.len()) && lengths.len() <= 2 && lengths.iter().all(|length| *length >= 3);
        (fits && !is_tail && follows_label(letters, start - bracket)).then_some(())
    });
    found?;
    let mut begin = start - bracket;
    let closes = || letters.get(start..end).unwrap_or_default().iter().any(|letter| letter.plain == ')');
    if bracket == 1 && !closes() {
        begin = start;
    }
    if begin > 0 && at(letters, begin - 1) == '+' {
        begin -= 1;
        begin -= usize::from(begin > 0 && at(letters, begin - 1) == '(' && closes());
    }
    Some(begin..end + extension(letters, end))
}

/// True if the word before a number says that it is a telephone number: 电话：62345678, tel. 555-0199.
fn follows_label(letters: &[Letter], start: usize) -> bool {
    const LABELS: [&str; 9] = ["电话", "手机", "座机", "致电", "来电", "tel", "phone", "mobile", "fax"];
    let before = texts(letters, start.saturating_sub(12)..start).to_lowercase();
    let is_between = |letter: char| !letter.is_alphanumeric() || matches!(letter, '号' | '码' | '是');
    LABELS.iter().any(|label| before.rfind(label).is_some_and(|at| before[at + label.len()..].chars().all(is_between)))
}

/// The number of characters that an extension after a number takes.
fn extension(letters: &[Letter], end: usize) -> usize {
    let blanks = letters[end..].iter().take(2).take_while(|letter| matches!(letter.plain, ' ' | ',')).count();
    let rest = texts(letters, end + blanks..letters.len().min(end + blanks + 12)).to_lowercase();
    let Some(word) = ["转", "分机", "ext.", "ext", "x", "#", "-"].into_iter().find(|word| rest.starts_with(word)) else {
        return 0;
    };
    let after: Vec<char> = rest.chars().skip(word.chars().count()).collect();
    let mark = after.iter().take_while(|letter| matches!(letter, ' ' | ':' | '.')).count();
    let digits = after[mark..].iter().take_while(|letter| letter.is_ascii_digit()).count();
    // After a dash a date may follow, or another number: 13812345678-2025.06.18.
    let next = |further: usize| after.get(mark + digits + further).copied().unwrap_or(' ');
    let goes_on = "-/:年月日".contains(next(0)) || next(0).is_ascii_alphanumeric() || next(0) == '.' && next(1).is_ascii_digit();
    if word == "-" && (blanks + mark > 0 || digits > 5 || goes_on) {
        return 0;
    }
    if (1..=6).contains(&digits) { blanks + word.chars().count() + mark + digits } else { 0 }
}

/// Number plates: province, letter, and five or six characters of which at least two are digits: 京A·12345, 粤B D12345.
fn plates(letters: &[Letter]) -> Vec<Range<usize>> {
    const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
    let mut found = vec![];
    for (start, letter) in letters.iter().enumerate() {
        if !PROVINCES.contains(letter.plain) || !at(letters, start + 1).is_ascii_alphabetic() {
            continue;
        }
        let mark = usize::from(matches!(at(letters, start + 2), '·' | '•' | '.' | ' ' | '-' | '・'));
        let from = start + 2 + mark;
        let count = letters.get(from..).unwrap_or_default().iter().take(8);
        let count = count.take_while(|letter| letter.plain.is_ascii_alphanumeric()).count();
        let special = matches!(at(letters, from + count), '学' | '警' | '挂' | '港' | '澳' | '领' | '使');
        let fits = matches!(count, 5 | 6) || count == 4 && special;
        let digits = letters.get(from..from + count).unwrap_or_default().iter();
        if fits && digits.filter(|letter| letter.plain.is_ascii_digit()).count() >= 2 {
            found.push(start..from + count + usize::from(count < 6 && special));
        }
    }
    found
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
