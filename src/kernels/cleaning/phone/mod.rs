//! Telephone numbers as people write them, brought to the form of ITU-T E.164.
//!
//! Accepted: digits of any script and width, with separators, labels (`电话：`), a `+` or the prefix dialled for it, trunk
//! prefixes, Chinese carrier prefixes, extensions (dropped), and numbers damaged by spreadsheets (`13800138000.0`,
//! `1.3800138E+10`).

mod argentina;
mod china;
mod countries;

pub use china::{area_of, is_local};
pub use countries::{COUNTRIES, Country, Kind};

use super::texts::{ascii_digit, is_dash};
use countries::{CANADA, OTHER_CODES, begins};

/// The most digits in a number, including its calling code.
const MOST_DIGITS: usize = 15;

/// A parsed telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// The calling code, without `+`.
    pub code: &'static str,
    /// The country, as two letters of ISO 3166-1.
    pub country: &'static str,
    /// The number within the country, without its trunk prefix.
    pub national: String,
    /// The kind of number.
    pub kind: Kind,
    /// The digits after `ext.`, `转` and the like.
    pub extension: Option<String>,
}

impl Phone {
    /// The area code of a Chinese landline, without its 0.
    pub fn area(&self) -> Option<&'static str> {
        let is_landline = self.country == "CN" && self.kind == Kind::Landline;
        is_landline.then(|| area_of(&self.national)).flatten().map(|(area, _)| area)
    }

    /// The place that the number itself reveals: the city of a Chinese landline, otherwise the country.
    pub fn region(&self) -> &'static str {
        match self.country {
            "CN" if self.kind == Kind::Landline => area_of(&self.national).map_or("CN", |(_, city)| city),
            country => country,
        }
    }
}

/// Why a string is not a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is no number.
    Empty,
    /// Digits were replaced by `*`.
    Masked,
    /// It contains letters.
    Letters,
    /// A spreadsheet has converted it to scientific notation, so the last digits are lost.
    DigitsLost,
    /// Several numbers in one text.
    Several,
    /// A short service number such as 10086.
    Short,
    /// A landline number without its area code.
    NoArea,
    /// The area code does not exist.
    UnknownArea,
    /// The calling code does not exist.
    UnknownCode,
    /// Nothing is known of the country where it is dialled, and it has no calling code.
    UnknownCountry,
    /// It has fewer digits than any number.
    TooFew,
    /// It has more digits than any number.
    TooMany,
    /// It does not fit the country's numbering plan.
    NotInPlan,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Masked => "masked",
            Self::Letters => "letters in the number",
            Self::DigitsLost => "digits lost in scientific notation",
            Self::Several => "several numbers",
            Self::Short => "short number of a service",
            Self::NoArea => "no area code",
            Self::UnknownArea => "unknown area code",
            Self::UnknownCode => "unknown calling code",
            Self::UnknownCountry => "unknown country",
            Self::TooFew => "too few digits",
            Self::TooMany => "too many digits",
            Self::NotInPlan => "not a number of the country",
        }
    }
}

/// The numbering plan of a country, given as two letters of ISO 3166-1.
pub fn country(iso: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.iso.eq_ignore_ascii_case(iso.trim()))
}

/// Parses a number as dialled in a country.
///
/// # Errors
/// Why the text is not a number.
pub fn read(text: &str, home: &'static Country) -> Result<Phone, Problem> {
    let Written { digits, is_international, extension } = Written::of(text)?;
    let phone = if is_international { international(&digits) } else { national(&digits, home) };
    match phone {
        Ok(phone) => Ok(Phone { extension, ..phone }),
        Err(_) if is_several(text, home) => Err(Problem::Several),
        Err(problem) => through_a_switchboard(text, home).ok_or(problem),
    }
}

/// Parses a number with its calling code, as dialled in a country about which nothing is known.
///
/// # Errors
/// Why the text is not a number.
pub fn read_abroad(text: &str) -> Result<Phone, Problem> {
    let Written { digits, is_international, extension } = Written::of(text)?;
    let with_code = if is_international { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    let phone = international(with_code.ok_or(Problem::UnknownCountry)?)?;
    Ok(Phone { extension, ..phone })
}

/// A landline with its extension after a dash: `0755-88888888-123`. Only if the whole is not a number.
fn through_a_switchboard(text: &str, home: &'static Country) -> Option<Phone> {
    let (number, extension) = text.trim().rsplit_once(|letter| letter == '-' || is_dash(letter))?;
    let extension: String = extension.trim().chars().map(ascii_digit).collect();
    let is_extension = (1..=6).contains(&extension.len()) && extension.bytes().all(|digit| digit.is_ascii_digit());
    let phone = read(number, home).ok().filter(|phone| is_extension && phone.kind == Kind::Landline)?;
    phone.extension.is_none().then_some(Phone { extension: Some(extension), ..phone })
}

/// True if the text lists several numbers, with a list separator between them.
fn is_several(text: &str, home: &'static Country) -> bool {
    let parts = || text.split(['/', '\\', '、', ',', '，', ';', '；', '|', '\n', '或']);
    let is_number = |part: &str| {
        Written::of(part)
            .and_then(|part| if part.is_international { international(&part.digits) } else { national(&part.digits, home) })
    };
    parts().count() > 1 && parts().filter(|part| is_number(part).is_ok()).count() > 1
}

/// A text reduced to digits.
struct Written {
    digits: String,
    is_international: bool,
    extension: Option<String>,
}

/// Words before a number that are not part of it.
const LABELS: [&str; 22] = [
    "联系电话",
    "联系方式",
    "手机号码",
    "手机号",
    "电话号码",
    "手机",
    "电话",
    "座机",
    "传真",
    "telephone",
    "mobile",
    "phone",
    "tel",
    "fax",
    "cell",
    "mob",
    "whatsapp",
    "wechat",
    "微信号",
    "微信",
    "m:",
    "t:",
];

/// Words after a number that are not part of it.
const NOTES: [&str; 4] = ["微信同号", "微信同步", "同微信", "微信"];

/// Words that introduce an extension.
const EXTENSIONS: [&str; 9] = ["转分机", "分机", "转", "extension", "ext.", "ext", ";ext=", "#", "x"];

impl Written {
    fn of(text: &str) -> Result<Self, Problem> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return Ok(Self { digits: text.into(), is_international: false, extension: None });
        }
        let folded: String = text.chars().filter_map(folded).collect::<String>().trim().to_lowercase();
        if folded.is_empty() {
            return Err(Problem::Empty);
        }
        if folded.contains('*') {
            return Err(Problem::Masked);
        }
        let mut rest = folded.as_str();
        while let Some(after) = LABELS.iter().find_map(|label| rest.strip_prefix(label)) {
            rest = after.trim_start_matches([':', '.', ' ', '号', '(', ')']);
        }
        if let Some(digits) = of_a_spreadsheet(rest) {
            return digits.map(|digits| Self { digits, is_international: false, extension: None });
        }
        let rest = without_notes(rest);
        let rest = NOTES.iter().find_map(|note| rest.trim_end().strip_suffix(note)).unwrap_or(&rest);
        let (rest, extension) = without_extension(rest);
        let mut digits = String::with_capacity(rest.len());
        let mut is_international = false;
        for letter in rest.chars() {
            match letter {
                '0'..='9' => digits.push(letter),
                '+' if digits.is_empty() && !is_international => is_international = true,
                // Separators within a number or between the items of a list.
                ' ' | '-' | '.' | '/' | '\\' | '(' | ')' | '[' | ']' | '·' | '_' | ',' | ';' | '、' | '|' | '~' | '\'' | '"' => {
                }
                _ => return Err(Problem::Letters),
            }
        }
        if digits.is_empty() {
            return Err(Problem::Empty);
        }
        // In `+44 (0)20 …`, the trunk prefix is only for domestic callers. In Italy (39), the 0 belongs to the number.
        if is_international && rest.contains("(0)") {
            let shown = rest.split("(0)").next().map_or(0, |before| before.bytes().filter(u8::is_ascii_digit).count());
            if shown > 0 && !digits.starts_with("39") {
                digits.remove(shown);
            }
        }
        Ok(Self { digits, is_international, extension })
    }
}

/// A character in plain form; `None` for invisible characters.
fn folded(letter: char) -> Option<char> {
    match ascii_digit(letter) {
        '＋' | '﹢' => Some('+'),
        'ー' => Some('-'),
        dash if is_dash(dash) => Some('-'),
        '（' | '【' | '〔' => Some('('),
        '）' | '】' | '〕' => Some(')'),
        '．' | '。' | '•' | '・' => Some('.'),
        '／' => Some('/'),
        '：' => Some(':'),
        '＃' => Some('#'),
        '＊' | '×' | '✱' => Some('*'),
        '，' => Some(','),
        '；' => Some(';'),
        '｜' => Some('|'),
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(u32::from(letter) - 0xfee0),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}' => None,
        letter if letter.is_whitespace() => Some(' '),
        letter if letter.is_control() => None,
        letter => Some(letter),
    }
}

/// Restores a number that a spreadsheet has treated as a quantity: `13800138000.0`, `1.3800138E+10`. `None` if the text has another form.
fn of_a_spreadsheet(text: &str) -> Option<Result<String, Problem>> {
    if let Some((whole, fraction)) = text.split_once('.')
        && whole.len() >= 7
        && !fraction.is_empty()
        && fraction.len() <= 2
        && fraction.bytes().all(|digit| digit == b'0')
        && whole.bytes().all(|digit| digit.is_ascii_digit())
    {
        return Some(Ok(whole.into()));
    }
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: usize = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() != 1 || !is_digits(whole) || !is_digits(fraction) || exponent > MOST_DIGITS {
        return None;
    }
    // A narrow column shows five decimals, so a mantissa with at most five may have lost digits.
    let is_whole = fraction.len() >= exponent || fraction.len() > 5;
    if !is_whole || fraction.get(exponent..).is_some_and(|rest| rest.bytes().any(|digit| digit != b'0')) {
        return Some(Err(Problem::DigitsLost));
    }
    let mut digits = format!("{whole}{fraction}");
    while digits.len() < exponent + 1 {
        digits.push('0');
    }
    digits.truncate(exponent + 1);
    Some(Ok(digits))
}

/// Removes notes in brackets that contain no digits, such as `(微信同号)`.
fn without_notes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let Some((note, after)) = after.split_once(')') else { break };
        plain.push_str(before);
        if note.chars().any(|letter| letter.is_ascii_digit() || letter == '+') {
            plain.push_str(&rest[before.len()..before.len() + note.len() + 2]);
        }
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn without_extension(text: &str) -> (&str, Option<String>) {
    for word in EXTENSIONS {
        if let Some((number, extension)) = text.split_once(word) {
            let digits: String = extension.chars().filter(char::is_ascii_digit).collect();
            let is_plain = extension.chars().all(|letter| letter.is_ascii_digit() || " .:-()号".contains(letter));
            if number.bytes().filter(u8::is_ascii_digit).count() >= 6 && is_plain && digits.len() <= 8 {
                return (number, (!digits.is_empty()).then_some(digits));
            }
        }
    }
    (text, None)
}

/// Parses a number that begins with its calling code.
fn international(digits: &str) -> Result<Phone, Problem> {
    if digits.len() > MOST_DIGITS + 1 {
        return Err(Problem::TooMany);
    }
    let mut problem = Problem::UnknownCode;
    for country in COUNTRIES.iter().filter(|country| country.iso != "CA") {
        let Some(number) = digits.strip_prefix(country.code) else { continue };
        match within(number, country).or_else(|wrong| without_trunk(number, country).unwrap_or(Err(wrong))) {
            Ok(phone) => return Ok(phone),
            Err(wrong) => problem = wrong,
        }
    }
    if let Some((code, country)) = OTHER_CODES.iter().find(|(code, _)| digits.starts_with(code)) {
        let national = digits.get(code.len()..).unwrap_or_default();
        return match national.len() {
            0..4 => Err(Problem::TooFew),
            length if length + code.len() > MOST_DIGITS => Err(Problem::TooMany),
            _ => Ok(Phone { code, country, national: national.into(), kind: Kind::Unknown, extension: None }),
        };
    }
    Err(problem)
}

/// Parses a number as dialled within a country.
fn national(digits: &str, home: &'static Country) -> Result<Phone, Problem> {
    let problem = match within(digits, home) {
        Ok(phone) => return Ok(phone),
        // What is wrong with the number after the prefix, if it is only too long with it.
        Err(Problem::TooMany) => {
            home.trunk.iter().find_map(|trunk| within(digits.strip_prefix(trunk)?, home).err()).unwrap_or(Problem::TooMany)
        }
        Err(problem) => problem,
    };
    if let Some(abroad) = home.abroad.iter().find_map(|prefix| digits.strip_prefix(prefix))
        && let Ok(phone) = international(abroad)
    {
        return Ok(phone);
    }
    if let Some(phone) = without_trunk(digits, home)
        && let Ok(phone) = phone
    {
        return Ok(phone);
    }
    if let Some(number) = digits.strip_prefix(home.code)
        && let Ok(phone) = within(number, home).or_else(|wrong| without_trunk(number, home).unwrap_or(Err(wrong)))
    {
        return Ok(phone);
    }
    if home.iso == "CN" {
        // Old records include the prefix of a cheaper long-distance carrier.
        let carrier = ["17951", "17911", "17909", "17901", "17900", "12593", "11808", "10193"];
        if let Some(number) = carrier.iter().find_map(|prefix| digits.strip_prefix(prefix)) {
            return national(number, home);
        }
        return Err(chinese_problem(digits));
    }
    Err(match digits.len() {
        0..=5 => Problem::TooFew,
        _ => problem,
    })
}

fn chinese_problem(digits: &str) -> Problem {
    let is_service = matches!(digits.as_bytes(), [b'1', _, _] | [b'1', b'0' | b'1' | b'2', ..] | [b'9', b'5' | b'6', ..]);
    let (zero, rest) = match digits.strip_prefix('0') {
        Some(rest) => (true, rest),
        None => (false, digits),
    };
    match digits.len() {
        0..=6 if is_service => Problem::Short,
        0..=6 => Problem::TooFew,
        7 | 8 if !zero && matches!(digits.as_bytes().first(), Some(b'2'..=b'9')) => Problem::NoArea,
        _ if zero && !rest.starts_with('1') && area_of(rest).is_none() => Problem::UnknownArea,
        12.. => Problem::TooMany,
        _ if digits.starts_with('1') && digits.len() < 11 => Problem::TooFew,
        _ => Problem::NotInPlan,
    }
}

/// Removes the trunk prefix and parses the rest; `None` if there is no such prefix, or if the rest is not a number.
fn without_trunk(digits: &str, country: &'static Country) -> Option<Result<Phone, Problem>> {
    country.trunk.iter().find_map(|trunk| {
        let phone = within(digits.strip_prefix(trunk)?, country);
        phone.is_ok().then_some(phone)
    })
}

/// Parses a number of a country's numbering plan, without its trunk prefix.
fn within(number: &str, country: &'static Country) -> Result<Phone, Problem> {
    let restored = if country.iso == "AR" { argentina::without_15(number) } else { None };
    let number = restored.as_deref().unwrap_or(number);
    let rule = country.rules.iter().find(|rule| {
        let (least, most) = rule.digits;
        (least..=most).contains(&number.len()) && begins(number, rule.begins)
    });
    let kind = match rule {
        Some(rule) => rule.kind,
        None if country.iso == "CN" => match area_of(number) {
            Some((area, _)) if is_local(area, number.get(area.len()..).unwrap_or_default()) => Kind::Landline,
            _ if number.len() < 7 => return Err(Problem::TooFew),
            _ => return Err(Problem::NotInPlan),
        },
        None => {
            let least = country.rules.iter().map(|rule| rule.digits.0).min().unwrap_or(0);
            let most = country.rules.iter().map(|rule| rule.digits.1).max().unwrap_or(MOST_DIGITS);
            return Err(match number.len() {
                digits if digits < least => Problem::TooFew,
                digits if digits > most => Problem::TooMany,
                _ => Problem::NotInPlan,
            });
        }
    };
    let is_canadian = country.code == "1" && CANADA.contains(&number.get(..3).unwrap_or_default());
    let iso = match country.iso {
        "US" if is_canadian => "CA",
        "CA" if !is_canadian && kind != Kind::TollFree => "US",
        iso => iso,
    };
    Ok(Phone { code: country.code, country: iso, national: number.into(), kind, extension: None })
}
