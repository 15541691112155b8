//! Names of people.

use super::texts::{is_han, plain};

/// Why a string is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// It is a title without a name.
    OnlyTitle,
    /// It is a placeholder for a missing name: `无`, `test`, `匿名`.
    Placeholder,
    /// It contains digits.
    Digits,
    /// It has no letters, or contains characters that occur in no name.
    Signs,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::OnlyTitle => "only a title",
            Self::Placeholder => "stands for a missing name",
            Self::Digits => "digits in the name",
            Self::Signs => "not a name",
        }
    }
}

/// Titles after a Chinese or Japanese name; the longest are first.
const CHINESE_TITLES: [&str; 65] = [
    "副总经理",
    "先生女士",
    "副總經理",
    "总经理",
    "董事长",
    "副经理",
    "老先生",
    "小朋友",
    "工程师",
    "總經理",
    "董事長",
    "副經理",
    "工程師",
    "ちゃん",
    "先生",
    "女士",
    "小姐",
    "太太",
    "夫人",
    "同学",
    "老师",
    "阿姨",
    "叔叔",
    "师傅",
    "女仕",
    "经理",
    "博士",
    "教授",
    "医生",
    "律师",
    "姑娘",
    "老板",
    "さん",
    "总监",
    "主任",
    "店长",
    "院长",
    "校长",
    "部长",
    "会长",
    "主管",
    "同志",
    "大夫",
    "医师",
    "护士",
    "經理",
    "總監",
    "老師",
    "師傅",
    "同學",
    "醫生",
    "醫師",
    "護士",
    "律師",
    "老闆",
    "店長",
    "院長",
    "校長",
    "部長",
    "會長",
    "女史",
    "くん",
    "總",
    "様",
    "总",
];

/// Words before a name, with a colon between them: `姓名：张三`.
const LABELS: [&str; 12] =
    ["姓名", "联系人", "聯絡人", "收货人", "收件人", "收貨人", "客户姓名", "客户", "顾客", "会员", "name", "attn"];

/// Titles before a name in Latin letters, without dots.
const TITLES_BEFORE: [&str; 30] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "sir",
    "madam",
    "madame",
    "mister",
    "herr",
    "frau",
    "mme",
    "mlle",
    "monsieur",
    "sr",
    "sra",
    "srta",
    "señor",
    "señora",
    "sig",
    "sigra",
    "dhr",
    "mevr",
    "rev",
    "hon",
    "dame",
    "lady",
];

/// Titles after a name in Latin or Korean letters, without dots.
const TITLES_AFTER: [&str; 15] =
    ["phd", "md", "mba", "esq", "dds", "msc", "bsc", "cpa", "jd", "rn", "dvm", "obe", "씨", "님", "선생님"];

/// Parts of a name that are written in lower case.
const PARTICLES: [&str; 18] =
    ["van", "von", "der", "den", "de", "la", "le", "du", "da", "di", "del", "dos", "das", "bin", "ibn", "al", "zu", "ten"];

const PLACEHOLDERS: [&str; 35] = [
    "无",
    "未知",
    "匿名",
    "测试",
    "不详",
    "空",
    "暂无",
    "无名",
    "无名氏",
    "某某",
    "某人",
    "客户",
    "顾客",
    "用户",
    "会员",
    "匿名用户",
    "测试用户",
    "散客",
    "游客",
    "test",
    "tester",
    "testing",
    "unknown",
    "anonymous",
    "none",
    "null",
    "nil",
    "na",
    "n/a",
    "no name",
    "guest",
    "customer",
    "user",
    "xxx",
    "asdf",
];

/// Cleans a name: removes titles, and corrects spaces and letter case. `*` is kept, because it stands for hidden letters.
///
/// # Errors
/// Why it is not a name.
pub fn clean(text: &str) -> Result<String, Problem> {
    let mut name = once(text)?;
    // Behind a title there may be another, as in `山田様さん` and `Smith, Mr. John`. Each time, something is removed.
    for _ in 0..text.len() {
        let again = once(&name)?;
        if again == name {
            break;
        }
        name = again;
    }
    Ok(name)
}

fn once(text: &str) -> Result<String, Problem> {
    let mut name = plain(text);
    if let Some((label, after)) = name.split_once(':')
        && LABELS.contains(&label.replace(' ', "").to_lowercase().as_str())
    {
        name = after.trim().to_string();
    }
    if name.is_empty() {
        return Err(Problem::Empty);
    }
    // The dot between the parts of a foreign name written in Chinese.
    name = name.replace(['•', '‧', '・', '･', '●', '∙', '⋅', '▪', '⸱'], "·");
    let has_han = name.chars().any(is_han);
    name = after_titles(&name).to_string();
    if has_han {
        name = name.replace(['.', '．'], "·");
        name = name.trim_matches(|letter: char| "·,，;；:：、'\"“”‘’-_/ ".contains(letter)).to_string();
        let inner = name.replace(' ', "");
        // Spaces between Chinese characters have no meaning.
        if !inner.chars().any(|letter| letter.is_ascii_alphabetic()) {
            name = inner;
        }
        // Also in brackets: `李四（女士）`.
        let in_brackets = |title: &str| name.strip_suffix(')')?.strip_suffix(title)?.strip_suffix('(');
        let without = |title: &&str| name.strip_suffix(*title).or_else(|| in_brackets(title));
        let bare = CHINESE_TITLES.iter().find_map(without).map(str::trim_end);
        match bare {
            Some("") => return Err(Problem::OnlyTitle),
            Some(bare) => name = bare.to_string(),
            None => {}
        }
    } else {
        name = latin(&name)?;
    }
    if PLACEHOLDERS.contains(&name.to_lowercase().as_str()) {
        return Err(Problem::Placeholder);
    }
    if name.chars().any(char::is_numeric) {
        return Err(Problem::Digits);
    }
    let is_of_name = |letter: char| letter.is_alphabetic() || is_mark(letter) || " ·*'’-.,()".contains(letter);
    if !name.chars().any(|letter| letter.is_alphabetic() || letter == '*') || !name.chars().all(is_of_name) {
        return Err(Problem::Signs);
    }
    Ok(name)
}

/// True for combining vowel signs and accents.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}' | '\u{64b}'..='\u{65f}' | '\u{591}'..='\u{5c7}')
}

/// A name without titles in Latin letters that are written to it: `Mr.Smith`, `Ms. 王`, `MR王`.
fn after_titles(name: &str) -> &str {
    let title = name.len() - name.trim_start_matches(|letter: char| letter.is_alphabetic() && !is_han(letter)).len();
    let (title, after) = name.split_at(title);
    let is_name =
        after.strip_prefix('.').map_or_else(|| after.trim_start().starts_with(is_han), |after| !after.trim().is_empty());
    match TITLES_BEFORE.contains(&title.to_lowercase().as_str()) && is_name {
        true => after_titles(after.strip_prefix('.').unwrap_or(after).trim_start()),
        false => name,
    }
}

fn latin(name: &str) -> Result<String, Problem> {
    let bare = |word: &str| word.replace(['.', ','], "").to_lowercase();
    let mut words: Vec<&str> = name.split(' ').collect();
    let count = words.len();
    while words.first().is_some_and(|word| TITLES_BEFORE.contains(&bare(word).as_str())) {
        words.remove(0);
    }
    while words.len() > 1 && words.last().is_some_and(|word| TITLES_AFTER.contains(&bare(word).as_str())) {
        words.pop();
    }
    if words.is_empty() && count > 0 {
        return Err(Problem::OnlyTitle);
    }
    let joined = words.join(" ");
    let joined = joined.trim_matches(|letter: char| ",;:_/\"- ".contains(letter));
    // `Smith, John`.
    let joined = match joined.split_once(',') {
        Some((family, given)) if !given.contains(',') && !given.trim().is_empty() => {
            format!("{} {}", given.trim(), family.trim())
        }
        _ => joined.to_string(),
    };
    let letters = || joined.chars().filter(|letter| letter.is_alphabetic());
    let is_shouted = letters().count() > 1 && letters().all(|letter| !letter.is_lowercase());
    let is_whispered = letters().all(|letter| !letter.is_uppercase());
    if !(is_shouted || is_whispered) {
        return Ok(joined);
    }
    let words = joined.split(' ').enumerate().map(|(place, word)| {
        // The Turkish İ becomes an i and a dot above it, which no name is typed with.
        let small = word.to_lowercase().replace("i\u{307}", "i");
        if place > 0 && PARTICLES.contains(&small.as_str()) { small } else { capitalised(&small) }
    });
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// Capitalises each part of a word: `jean-luc` becomes `Jean-Luc`, `o'brien` becomes `O'Brien`.
fn capitalised(word: &str) -> String {
    if ["ii", "iii", "iv"].contains(&word) {
        return word.to_uppercase();
    }
    let mut capital = true;
    let mut name = String::with_capacity(word.len());
    for letter in word.chars() {
        if capital {
            name.extend(letter.to_uppercase());
        } else {
            name.push(letter);
        }
        capital = matches!(letter, '-' | '\'' | '’' | '.' | '(' | '*');
    }
    name
}
