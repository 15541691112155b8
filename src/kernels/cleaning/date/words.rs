//! The tokens of a date.

/// A mark after a number in Chinese, Japanese or Korean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Year,
    Month,
    Day,
}

/// A token of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A number with its digit count.
    Number { value: i64, digits: usize },
    /// `年`, `月`, `日`.
    Mark(Mark),
    /// A name of a month, weekday or era.
    Name(String),
}

impl Word {
    pub fn number(&self) -> Option<i64> {
        self.number_and_digits().map(|(number, _)| number)
    }

    pub fn number_and_digits(&self) -> Option<(i64, usize)> {
        match self {
            Self::Number { value, digits } => Some((*value, *digits)),
            _ => None,
        }
    }

    /// The month with this name, from 1.
    pub fn month(&self) -> Option<i64> {
        match self {
            Self::Name(name) => month(name),
            _ => None,
        }
    }

    pub fn is_weekday(&self) -> bool {
        matches!(self, Self::Name(name) if is_weekday(name))
    }
}

/// Names of months in English, German, French, Spanish, Italian, Portuguese and Dutch. Abbreviations of at least three letters are
/// accepted if they are unambiguous.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "janvier", "enero", "gennaio", "janeiro", "januari", "jänner"],
    &["february", "februar", "février", "fevrier", "febrero", "febbraio", "fevereiro", "februari"],
    &["march", "märz", "maerz", "mars", "marzo", "março", "marco", "maart", "mrz"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "maio", "mei"],
    &["june", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "août", "aout", "agosto", "augustus"],
    &["september", "septembre", "septiembre", "settembre", "setembro", "sept"],
    &["october", "oktober", "octobre", "octubre", "ottobre", "outubro"],
    &["november", "novembre", "noviembre", "novembro"],
    &["december", "dezember", "décembre", "decembre", "diciembre", "dicembre", "dezembro"],
];

fn month(name: &str) -> Option<i64> {
    if name.chars().count() < 3 {
        return None;
    }
    let of = |fits: &dyn Fn(&str) -> bool| {
        let mut found = (1..).zip(MONTHS).filter(|(_, names)| names.iter().any(|known| fits(known))).map(|(month, _)| month);
        found.next().filter(|_| found.next().is_none())
    };
    of(&|known| known == name).or_else(|| of(&|known| known.starts_with(name)))
}

/// The text without a label and its colon: `生日：1990-1-5`.
pub fn after_label(text: &str) -> &str {
    const LABELS: [&str; 10] =
        ["生日", "出生", "出生日期", "出生年月", "出生年月日", "日期", "时间", "date", "date of birth", "dob"];
    match text.split_once(':') {
        Some((label, date)) if LABELS.contains(&label.trim_end()) => date.trim_start(),
        _ => text,
    }
}

/// What stands before the number of a weekday.
const WEEK: [&str; 5] = ["星期", "周", "週", "礼拜", "禮拜"];

/// The length of a weekday at the beginning of a text: `星期五`, `(五)`, `金曜日`, `금요일`.
fn weekday(text: &str) -> Option<usize> {
    if let Some(word) = WEEK.iter().find(|word| text.starts_with(**word)) {
        // The character after it is the number of the weekday, not a part of the date.
        return Some(word.len() + text.get(word.len()..)?.chars().next().map_or(0, char::len_utf8));
    }
    let mut letters = text.chars();
    let (first, rest) = (letters.next()?, letters.as_str());
    if let Some(word) = ["曜日", "요일"].iter().find(|word| rest.starts_with(**word)) {
        return Some(first.len_utf8() + word.len());
    }
    let day = letters.next().filter(|day| "一二三四五六日天月火水木金土월화수목금토일".contains(*day))?;
    (first == '(' && letters.as_str().starts_with(')')).then(|| day.len_utf8() + 2)
}

fn is_weekday(name: &str) -> bool {
    const LATIN: [&str; 25] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "montag",
        "dienstag",
        "mittwoch",
        "donnerstag",
        "freitag",
        "samstag",
        "sonnabend",
        "sonntag",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
        "tues",
        "wednes",
        "thurs",
    ];
    WEEK.iter().any(|day| name.starts_with(day))
        || LATIN.iter().any(|day| name.chars().count() >= 2 && day.starts_with(name)) && month(name).is_none()
}

/// The first and the last year of an era.
pub fn era(name: &str) -> Option<(i64, i64)> {
    Some(match name {
        "民国" | "民國" | "中华民国" | "中華民國" => (1912, 2911),
        "令和" | "r" => (2019, 2218),
        "平成" | "h" => (1989, 2019),
        "昭和" | "s" => (1926, 1989),
        "大正" | "t" => (1912, 1926),
        "明治" | "m" => (1868, 1912),
        _ => return None,
    })
}

/// Splits a string into tokens; `None` if it contains a character that cannot be part of a date.
pub fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = vec![];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let end = |is_in: fn(char) -> bool| rest.find(|letter: char| !is_in(letter)).unwrap_or(rest.len());
        let length = if letter.is_ascii_digit() {
            let end = end(|letter| letter.is_ascii_digit());
            let (digits, after) = rest.split_at(end);
            words.push(Word::Number { value: digits.parse().ok()?, digits: digits.len() });
            // 1st, 2nd, 3rd, 4th, 1er.
            let ordinal = ["st", "nd", "rd", "th", "er", "º"]
                .iter()
                .find(|word| after.strip_prefix(**word).is_some_and(|after| !after.starts_with(char::is_alphabetic)));
            end + ordinal.map_or(0, |word| word.len())
        } else if let Some(length) = weekday(rest) {
            words.push(Word::Name(WEEK[0].into()));
            length
        } else if let Some((value, digits, length)) = chinese_number(rest) {
            words.push(Word::Number { value, digits });
            length
        } else if let Some(mark) = mark(letter) {
            words.push(Word::Mark(mark));
            letter.len_utf8()
        } else if let Some(era) = ["公元", "西元"].iter().find(|era| rest.starts_with(**era)) {
            // The common era.
            era.len()
        } else if letter == '元' {
            words.push(Word::Number { value: 1, digits: 1 });
            letter.len_utf8()
        } else if letter.is_alphabetic() {
            let era = ["中华民国", "中華民國", "民国", "民國", "令和", "平成", "昭和", "大正", "明治"]
                .iter()
                .find(|era| rest.starts_with(**era));
            let length = match era {
                Some(era) => era.len(),
                None => end(|letter| letter.is_alphabetic() && !super::super::texts::is_han(letter)),
            };
            let name = rest.get(..length).filter(|name| !name.is_empty())?;
            if !["of", "de", "the", "den", "le", "el", "del"].contains(&name) {
                words.push(Word::Name(name.into()));
            }
            length
        } else if " -/.,，、_()'".contains(letter) {
            letter.len_utf8()
        } else {
            return None;
        };
        rest = rest.get(length..)?;
    }
    Some(words)
}

fn mark(letter: char) -> Option<Mark> {
    match letter {
        '年' | '년' => Some(Mark::Year),
        '月' | '월' => Some(Mark::Month),
        '日' | '号' | '號' | '일' => Some(Mark::Day),
        _ => None,
    }
}

/// Parses `二〇二四` (digits), `三十一` or `一百一十四` (up to 999) at the beginning of a text; returns the value, digit count and number of
/// bytes.
fn chinese_number(text: &str) -> Option<(i64, usize, usize)> {
    let digit =
        |letter: char| "〇零一二三四五六七八九".chars().position(|known| known == letter).map(|place| place.saturating_sub(1));
    let (mut value, mut digits, mut bytes) = (0i64, 0usize, 0usize);
    let (mut hundreds, mut tens) = (None, None);
    for letter in text.chars() {
        if let Some(digit) = digit(letter) {
            value = value.checked_mul(10)?.checked_add(i64::try_from(digit).ok()?)?;
            digits += 1;
        } else if letter == '百' && hundreds.is_none() && tens.is_none() && digits == 1 {
            hundreds = Some(value);
            (value, digits) = (0, 0);
        } else if letter == '十' && tens.is_none() && digits <= 1 {
            tens = Some(if digits == 0 { 1 } else { value });
            (value, digits) = (0, 0);
        } else {
            break;
        }
        bytes += letter.len_utf8();
    }
    match (hundreds, tens) {
        (None, Some(tens)) if digits <= 1 => Some((tens * 10 + value, 2, bytes)),
        (None, None) if digits > 0 => Some((value, digits, bytes)),
        (Some(hundreds), Some(tens)) if digits <= 1 => Some((hundreds * 100 + tens * 10 + value, 3, bytes)),
        // 一百 and 一百零四.
        (Some(hundreds), None) if digits == 0 || digits == 2 && value < 10 => Some((hundreds * 100 + value, 3, bytes)),
        _ => None,
    }
}

/// The eight digits of a date before a time in the basic form of ISO 8601: `20240105t123045z`, `20240105 1230`.
pub fn before_basic_time(text: &str) -> Option<&str> {
    let (date, time) = text.split_at_checked(8)?;
    let time = time.strip_prefix(['t', ' '])?;
    let is_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    let end = time.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(time.len());
    let (clock, zone) = time.split_at(end);
    let part = |place: usize| clock.get(place..place + 2).and_then(|part| part.parse::<u32>().ok());
    let is_clock = matches!(clock.len(), 4 | 6) && part(0)? < 24 && part(2)? < 60;
    let zone = zone.strip_prefix('.').map_or(zone, |rest| rest.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    let offset = || zone.strip_prefix(['+', '-']).is_some_and(|offset| is_digits(&offset.replace(':', "")));
    (is_digits(date) && is_clock && (zone.is_empty() || zone == "z" || offset())).then_some(date)
}

/// True if the hour, minute and second in a text, as far as they are written, are a time of day.
fn is_time_of_day(text: &str) -> bool {
    let mut rest = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let mut is_last_hour = false;
    for most in [24, 59, 60] {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let Ok(number) = digits.parse::<u32>() else { break };
        // 24:00 is the end of the day.
        if number > most || is_last_hour && number > 0 {
            return false;
        }
        is_last_hour |= most == 24 && number == 24;
        let Some(next) = after.strip_prefix([':', '时', '時', '点', '點', '分']) else { break };
        rest = next;
    }
    true
}

/// Removes the time of day, the time zone and the words around them; `None` if there is no such time of day.
pub fn without_time(text: &str) -> Option<String> {
    let mut text = text.to_string();
    // From the hour on: `t12:30`, ` 12:30:45.5 +08:00`, `下午3点20分`.
    let clock = ["上午", "下午", "凌晨", "中午", "晚上", "早上", "am ", "pm "];
    if let Some(place) = clock.iter().filter_map(|word| text.find(word)).min() {
        let time = text.split_off(place);
        // The words of a Chinese time are before it, `am` and `pm` after it.
        if !time.starts_with(|letter: char| letter.is_ascii()) && !is_time_of_day(&time) {
            return None;
        }
    }
    // `2024:01:05 12:30:45`, as cameras write it.
    let is_of_camera = |text: &str| {
        let form = |(place, letter): (usize, char)| if matches!(place, 4 | 7) { letter == ':' } else { letter.is_ascii_digit() };
        text.char_indices().take(10).filter(|pair| form(*pair)).count() == 10
    };
    if is_of_camera(&text) {
        text.replace_range(4..5, "-");
        text.replace_range(7..8, "-");
    }
    if let Some(colon) = text.find(':') {
        let before = text.get(..colon).unwrap_or_default();
        let hour = before.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let is_time = before.len() > hour.len() && before.len() - hour.len() <= 2;
        // `05/jan/2024:12:30:45 +0800`, as web servers write it.
        let is_of_server = before.len() - hour.len() == 4 && hour.contains(char::is_alphabetic);
        let mut hour = hour.len();
        // In `2024-01-05t12:30`, the t belongs to the time; the t of august does not.
        if is_time
            && before.get(..hour).is_some_and(|rest| {
                rest.ends_with('t') && rest.trim_end_matches('t').ends_with(|letter: char| letter.is_ascii_digit())
            })
        {
            hour -= 1;
        }
        if is_time {
            // A year may follow the time: `fri jan 5 12:30:45 utc 2024`.
            let after = text.get(colon..).unwrap_or_default();
            let year = after
                .rsplit(' ')
                .next()
                .filter(|word| word.len() == 4 && word.bytes().all(|digit| digit.is_ascii_digit()) && after.contains(' '));
            let year = year.map(|year| format!(" {year}")).unwrap_or_default();
            if !is_time_of_day(&text.split_off(hour)) {
                return None;
            }
            // A date with a time zone: `2024-01-05+08:00`.
            if text.ends_with('+') {
                text.pop();
            }
            text.push_str(&year);
        } else if is_of_server && !is_time_of_day(&text.split_off(colon)) {
            return None;
        }
    }
    for hour in ["时", "点", "點", "時"] {
        if let Some(place) = text.find(hour) {
            let before = text.get(..place).unwrap_or_default();
            let hour = before
                .trim_end_matches(|letter: char| letter.is_ascii_digit() || "〇零一二三四五六七八九十".contains(letter))
                .len();
            if !is_time_of_day(&text.split_off(hour)) {
                return None;
            }
        }
    }
    let text = text.trim_end_matches([' ', ',']);
    match text.strip_suffix('z') {
        Some(date) if date.ends_with(|letter: char| letter.is_ascii_digit()) => Some(date.into()),
        _ => Some(text.into()),
    }
}
