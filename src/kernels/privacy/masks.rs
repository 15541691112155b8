//! Masked personal values: enough is left to compare with a known value, too little to learn it.
//!
//! Each mask first parses the value, as the function that cleans such values does. A string that is not such a value becomes three stars,
//! which do not reveal its length: it may contain anything, typed into the wrong field.

use crate::kernels::chinese::addresses::parse;
use crate::kernels::cleaning::company::Company;
use crate::kernels::cleaning::email::{self, Email};
use crate::kernels::cleaning::id_card::IdCard;
use crate::kernels::cleaning::name;
use crate::kernels::cleaning::phone::{self, Country, Kind};
use crate::kernels::cleaning::texts::{is_han, is_unseen, plain, plain_with_digits};

/// The mask of a string that cannot be parsed.
pub const HIDDEN: &str = "***";

/// The most stars for the rest of a word; below that, one per character.
const MOST_STARS: usize = 10;

/// Chinese surnames of two characters.
const LONG_SURNAMES: [&str; 60] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐", "夏侯", "轩辕", "端木", "百里",
    "呼延", "东郭", "南宫", "西门", "宇文", "长孙", "独孤", "公冶", "太史", "申屠", "钟离", "闻人", "澹台", "赫连", "濮阳",
    "淳于", "单于", "宗政", "拓跋", "鲜于", "闾丘", "司空", "亓官", "司寇", "仉督", "子车", "颛孙", "巫马", "公西", "漆雕",
    "乐正", "壤驷", "公良", "夹谷", "宰父", "谷梁", "段干", "东门", "南门", "第五", "歐陽", "司馬", "諸葛", "尉遲", "上官",
];

/// Legal forms that are not also surnames.
const PLAIN_FORMS: [&str; 12] =
    ["Inc", "Corp", "Co Ltd", "Pvt Ltd", "Pty Ltd", "Pte Ltd", "Sdn Bhd", "LLC", "LLP", "PLC", "Ltd", "GmbH"];

/// Masks a person's name: a Chinese name keeps its surname, others the first letter of each word. The name of a company also keeps its
/// legal form.
pub fn name(text: &str) -> String {
    if let Ok(company) = Company::read(text) {
        let (name, form) = (company.name(), company.form());
        if name.chars().any(is_han) && form.chars().any(is_han) {
            return format!("{}****{form}", first(name, if name.chars().count() > 2 { 2 } else { 0 }));
        }
        if PLAIN_FORMS.contains(&form) {
            return format!("{} {form}", words(name));
        }
    }
    let Ok(clean) = name::clean(text) else { return HIDDEN.into() };
    let clean = clean.split(['(', '（']).next().unwrap_or_default().trim();
    if clean.is_empty() {
        return HIDDEN.into();
    }
    if clean.contains(' ') || !clean.chars().any(is_han) {
        return words(clean);
    }
    let mut parts = clean.split('·');
    let head = parts.next().unwrap_or_default();
    let letters = head.chars().count();
    let covered = if letters == 1 && plain(text).chars().count() > 1 && !clean.contains('·') {
        // 张先生: cleaning has removed the title, and the rest of the name is unknown.
        format!("{head}*")
    } else {
        let kept = match letters {
            0 | 1 => 0,
            3.. if LONG_SURNAMES.iter().any(|surname| head.starts_with(surname)) => 2,
            _ => 1,
        };
        format!("{}{}", first(head, kept), stars(letters - kept))
    };
    parts.fold(covered, |covered, part| format!("{covered}·{}", stars(part.chars().count())))
}

/// Keeps the first letter of each word.
fn words(name: &str) -> String {
    let word = |word: &str| {
        let letters = word.chars().filter(|letter| letter.is_alphanumeric() || *letter == '*').count();
        let kept = usize::from(letters > 1);
        format!("{}{}", first(word, kept), stars(letters.max(1) - kept))
    };
    name.split(' ').filter(|part| !part.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

fn first(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

fn last(text: &str, letters: usize) -> String {
    let all = text.chars().count();
    text.chars().skip(all.saturating_sub(letters)).collect()
}

fn stars(letters: usize) -> String {
    "*".repeat(letters.min(MOST_STARS))
}

/// Masks a telephone number: `138****5678`, `010-****6666`, `+44 ******3456`.
pub fn phone(text: &str, home: &'static Country) -> String {
    let written = plain_with_digits(text);
    let Ok(found) = phone::read(text, home) else {
        return if is_covered_phone(&written) { written } else { HIDDEN.into() };
    };
    let bare = written.trim_start_matches(|letter: char| !letter.is_ascii_digit() && letter != '+');
    let has_code = bare.starts_with('+') || bare.starts_with("00") || found.code != home.code;
    let number = &found.national;
    let digits = number.len();
    let covered = match (found.country, found.kind, found.area()) {
        ("CN", Kind::Mobile, _) => format!("{}****{}", first(number, 3), last(number, 4)),
        ("CN", Kind::Landline, Some(area)) => {
            let zero = if has_code { "" } else { "0" };
            let local = digits - area.len();
            format!("{zero}{area}-{}{}", stars(local.saturating_sub(4)), last(number, 4))
        }
        // At least five digits are covered.
        _ => {
            let shown = digits.saturating_sub(5).min(4);
            format!("{}{}", stars(digits - shown), last(number, shown))
        }
    };
    let code = if has_code { format!("+{} ", found.code) } else { String::new() };
    let extension = if found.extension.is_some() { " ext. ***" } else { "" };
    format!("{code}{covered}{extension}")
}

/// True for a Chinese mobile number masked by [`phone()`], so that masking it again does not change it.
fn is_covered_phone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    bytes.len() == 11 && bytes[..3].iter().all(is_digit) && bytes[3..7] == *b"****" && bytes[7..].iter().all(is_digit)
}

/// Masks an e-mail address: the first letter and the domain are kept.
pub fn email(text: &str) -> String {
    match Email::read(text) {
        Ok(found) => {
            let kept = usize::from(found.name.chars().count() > 1);
            format!("{}***@{}", first(&found.name, kept), found.domain)
        }
        Err(email::Problem::Masked) => {
            // Masking again changes nothing.
            let text = plain(text).to_lowercase();
            let covered = text.split_once("***@").filter(|(name, _)| name.chars().count() <= 1 && !name.contains('*'));
            match covered.and_then(|(_, domain)| Email::read(&format!("a@{domain}")).ok()) {
                Some(found) => format!("{}***@{}", first(&text, usize::from(!text.starts_with('*'))), found.domain),
                None => HIDDEN.into(),
            }
        }
        Err(_) => HIDDEN.into(),
    }
}

/// Masks the number of a Chinese identity card: the first three digits and the last four characters are kept.
pub fn id_card(text: &str) -> String {
    if IdCard::read(text).is_err() {
        return HIDDEN.into();
    }
    let letters: String = plain(text).to_uppercase().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}{}{}", first(&letters, 3), "*".repeat(letters.len().saturating_sub(7)), last(&letters, 4))
}

/// Masks a Chinese address: province, city and district are kept.
pub fn address(text: &str) -> String {
    let found = parse(&plain(text));
    let city = found.city.filter(|city| found.province != Some(city));
    let places: String = [found.province, city, found.district].into_iter().flatten().collect();
    format!("{places}{HIDDEN}")
}

/// Masks a bank card number: the last four digits are kept.
pub fn card(text: &str) -> String {
    match card_digits(text) {
        Some(digits) => format!("{}{}", "*".repeat(digits.len() - 4), last(&digits, 4)),
        None => HIDDEN.into(),
    }
}

/// The digits of a bank card number; spaces, dashes and full-width forms are accepted.
fn card_digits(text: &str) -> Option<String> {
    let mut digits = String::new();
    for letter in plain_with_digits(text).chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            ' ' | '-' | '\'' => {}
            letter if is_unseen(letter) => {}
            _ => return None,
        }
    }
    is_card(&digits).then_some(digits)
}

/// True for digits that can be a bank card number: the issuer's prefix, the length, and the Luhn check digit (ISO/IEC 7812) fit.
pub fn is_card(digits: &str) -> bool {
    let number = |count: usize| digits.get(..count).and_then(|prefix| prefix.parse::<u32>().ok()).unwrap_or(0);
    let length = digits.len();
    let fits = match number(2) {
        34 | 37 => length == 15,
        30 | 36 | 38 | 39 => (14..=19).contains(&length),
        35 => (16..=19).contains(&length),
        40..=49 => matches!(length, 13 | 16 | 19),
        51..=55 => length == 16,
        22..=27 => length == 16 && (2221..=2720).contains(&number(4)),
        50 | 56..=61 | 63..=69 => (13..=19).contains(&length),
        62 => (16..=19).contains(&length),
        // Cards of Chinese banks before UnionPay.
        90..=99 => (16..=19).contains(&length),
        _ => false,
    };
    fits && luhn(digits)
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double @ 0..=9) => double,
                (_, double) => double - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits.bytes().any(|digit| digit != b'0')
}

#[cfg(test)]
#[path = "masks_tests.rs"]
mod tests;
