//! Numbers of Chinese identity cards: GB 11643-1999 (18 digits), and the older form with 15 digits.
//!
//! ```text
//! 110105 19491231 002 X      province, city, county · birth · order, odd for men · check
//! 110105   491231 002        before 1999: the century is 19, and there is no check
//! 9 11 156 19900101 003 X    foreigners' permanent residence since 2023: 9, province of acceptance, nationality
//! ```
//! The check digit is by ISO 7064, MOD 11-2.

use super::date::days_of;

/// A parsed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCard {
    digits: [u8; 18],
    /// Day of birth, in days since 1970-01-01.
    pub birth: i32,
}

/// Why a string is not an identity card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// Digits were replaced by `*`.
    Masked,
    /// Neither 15 nor 18 characters.
    Length,
    /// There is a character other than a digit, or an X that is not at the end.
    Characters,
    /// A spreadsheet has rounded it, so that it ends in 000.
    DigitsLost,
    /// The first two digits are not those of a province.
    Province,
    /// The date of birth is not in the calendar.
    Birth,
    /// The check digit is wrong.
    Check,
    /// The date of birth is after the day on which the number is read.
    Future,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Masked => "masked",
            Self::Length => "neither 15 nor 18 characters",
            Self::Characters => "not digits",
            Self::DigitsLost => "last digits lost in a spreadsheet",
            Self::Province => "unknown province",
            Self::Birth => "birth is no day of the calendar",
            Self::Check => "wrong check digit",
            Self::Future => "born in the future",
        }
    }
}

/// Provinces by the first two digits.
const PROVINCES: [(u8, &str); 35] = [
    (11, "北京市"),
    (12, "天津市"),
    (13, "河北省"),
    (14, "山西省"),
    (15, "内蒙古自治区"),
    (21, "辽宁省"),
    (22, "吉林省"),
    (23, "黑龙江省"),
    (31, "上海市"),
    (32, "江苏省"),
    (33, "浙江省"),
    (34, "安徽省"),
    (35, "福建省"),
    (36, "江西省"),
    (37, "山东省"),
    (41, "河南省"),
    (42, "湖北省"),
    (43, "湖南省"),
    (44, "广东省"),
    (45, "广西壮族自治区"),
    (46, "海南省"),
    (50, "重庆市"),
    (51, "四川省"),
    (52, "贵州省"),
    (53, "云南省"),
    (54, "西藏自治区"),
    (61, "陕西省"),
    (62, "甘肃省"),
    (63, "青海省"),
    (64, "宁夏回族自治区"),
    (65, "新疆维吾尔自治区"),
    (71, "台湾省"),
    (81, "香港特别行政区"),
    (82, "澳门特别行政区"),
    (83, "台湾省"),
];

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

impl IdCard {
    /// Parses a number of 15 or 18 characters; spaces, dashes and full-width forms are accepted, and `x` as X.
    ///
    /// # Errors
    /// Why it is not a number.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let mut letters = [0u8; 18];
        let mut count = 0;
        for letter in text.chars() {
            let letter = match letter {
                '０'..='９' | 'Ｘ' | 'ｘ' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
                '＊' => '*',
                other => other,
            };
            match letter {
                '0'..='9' | 'x' | 'X' => {
                    if let Some(place) = letters.get_mut(count) {
                        *place = letter.to_ascii_uppercase() as u8;
                    }
                    count += 1;
                }
                '*' => return Err(Problem::Masked),
                '-' | '\'' | '‘' | '’' => {}
                letter if letter.is_whitespace() || super::texts::is_unseen(letter) => {}
                _ => return Err(Problem::Characters),
            }
        }
        let digits = match count {
            0 => return Err(Problem::Empty),
            15 => Self::of_fifteen(&letters)?,
            18 => letters,
            _ => return Err(Problem::Length),
        };
        if digits.iter().take(17).any(|digit| !digit.is_ascii_digit()) {
            return Err(Problem::Characters);
        }
        let card = Self { digits, birth: 0 };
        let problem = card.province().is_none().then_some(Problem::Province);
        let birth = card.born();
        let problem = problem.or_else(|| birth.is_none().then_some(Problem::Birth));
        let problem = problem.or_else(|| (digits.last() != Some(&check(&digits))).then_some(Problem::Check));
        match (problem, birth) {
            (None, Some(birth)) => Ok(Self { birth, ..card }),
            (Some(Problem::Check), _) if digits.ends_with(b"000") => Err(Problem::DigitsLost),
            (problem, _) => Err(problem.unwrap_or(Problem::Birth)),
        }
    }

    /// As [`read`](Self::read), of people born until `last`, in days since 1970-01-01.
    ///
    /// # Errors
    /// Why it is not a number.
    pub fn read_until(text: &str, last: Option<i32>) -> Result<Self, Problem> {
        let card = Self::read(text)?;
        if last.is_some_and(|last| card.birth > last) { Err(Problem::Future) } else { Ok(card) }
    }

    fn of_fifteen(letters: &[u8; 18]) -> Result<[u8; 18], Problem> {
        if letters.iter().take(15).any(|digit| !digit.is_ascii_digit()) {
            return Err(Problem::Characters);
        }
        let (place, rest) = letters.split_at(6);
        let mut digits = [0u8; 18];
        let long = place.iter().chain(b"19").chain(rest.iter().take(9));
        digits.iter_mut().zip(long).for_each(|(digit, given)| *digit = *given);
        if let Some(last) = digits.last_mut() {
            *last = 0;
        }
        let check = check(&digits);
        if let Some(last) = digits.last_mut() {
            *last = check;
        }
        Ok(digits)
    }

    fn number(&self, places: std::ops::Range<usize>) -> u32 {
        self.digits.get(places).unwrap_or_default().iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }

    fn born(&self) -> Option<i32> {
        let year = self.number(6..10);
        let day = days_of(i32::try_from(year).ok()?, self.number(10..12), self.number(12..14));
        day.filter(|_| (1800..2200).contains(&year))
    }

    /// The name of the province.
    pub fn province(&self) -> Option<&'static str> {
        let code = if self.digits.first() == Some(&b'9') { self.number(1..3) } else { self.number(0..2) };
        PROVINCES.iter().find(|(number, _)| u32::from(*number) == code).map(|(_, name)| *name)
    }

    /// True for women: the last digit before the check digit is even.
    pub fn is_female(&self) -> bool {
        self.number(16..17).is_multiple_of(2)
    }

    /// The number with 18 characters.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.digits).unwrap_or_default()
    }
}

fn check(digits: &[u8; 18]) -> u8 {
    let sum: u32 = WEIGHTS.iter().zip(digits).map(|(weight, digit)| weight * u32::from(digit - b'0')).sum();
    b"10X98765432".get(sum as usize % 11).copied().unwrap_or(b'?')
}
