//! Company names: one standard spelling, and a key that different spellings share.

use super::texts::{is_han, plain};

/// Chinese legal forms, the longest first, with their standard spelling.
const CHINESE_FORMS: [(&str, &str); 17] = [
    ("股份有限责任公司", "股份有限公司"),
    ("股份有限公司", "股份有限公司"),
    ("有限责任公司", "有限公司"),
    ("责任有限公司", "有限公司"),
    ("集团有限公司", "集团有限公司"),
    ("有限公司", "有限公司"),
    ("股份公司", "股份有限公司"),
    ("合伙企业(有限合伙)", "合伙企业（有限合伙）"),
    ("合伙企业(普通合伙)", "合伙企业（普通合伙）"),
    ("有限合伙", "有限合伙"),
    ("普通合伙", "普通合伙"),
    ("合伙企业", "合伙企业"),
    ("株式会社", "株式会社"),
    ("(株)", "株式会社"),
    ("有限会社", "有限会社"),
    ("주식회사", "주식회사"),
    ("(주)", "주식회사"),
];

/// Legal forms that may precede a name.
const FORMS_BEFORE: [&str; 5] = ["(株)", "株式会社", "有限会社", "(주)", "주식회사"];

/// Legal forms in Latin letters, in lower case and without dots, with their standard spelling.
const LATIN_FORMS: [(&str, &str); 73] = [
    ("incorporated", "Inc"),
    ("inc", "Inc"),
    ("corporation", "Corp"),
    ("corp", "Corp"),
    ("company limited", "Co Ltd"),
    ("co limited", "Co Ltd"),
    ("co ltd", "Co Ltd"),
    ("coltd", "Co Ltd"),
    ("company ltd", "Co Ltd"),
    ("private limited", "Pvt Ltd"),
    ("pvt ltd", "Pvt Ltd"),
    ("pvt limited", "Pvt Ltd"),
    ("proprietary limited", "Pty Ltd"),
    ("pty ltd", "Pty Ltd"),
    ("pty limited", "Pty Ltd"),
    ("pte ltd", "Pte Ltd"),
    ("pte limited", "Pte Ltd"),
    ("sdn bhd", "Sdn Bhd"),
    ("limited liability company", "LLC"),
    ("limited liability partnership", "LLP"),
    ("public limited company", "PLC"),
    ("limited", "Ltd"),
    ("ltd", "Ltd"),
    ("llc", "LLC"),
    ("llp", "LLP"),
    ("lp", "LP"),
    ("plc", "PLC"),
    ("gmbh & co kg", "GmbH & Co KG"),
    ("gmbh und co kg", "GmbH & Co KG"),
    ("gmbh", "GmbH"),
    ("gesellschaft mit beschränkter haftung", "GmbH"),
    ("ggmbh", "gGmbH"),
    ("mbh", "mbH"),
    ("ag", "AG"),
    ("aktiengesellschaft", "AG"),
    ("ag & co kg", "AG & Co KG"),
    ("ag & co kgaa", "AG & Co KGaA"),
    ("gmbh & co kgaa", "GmbH & Co KGaA"),
    ("gmbh & co ohg", "GmbH & Co OHG"),
    ("se & co kg", "SE & Co KG"),
    ("se & co kgaa", "SE & Co KGaA"),
    ("kgaa", "KGaA"),
    ("kg", "KG"),
    ("ohg", "OHG"),
    ("ug", "UG"),
    ("ug haftungsbeschränkt", "UG"),
    ("se", "SE"),
    ("ev", "eV"),
    ("sa", "SA"),
    ("sas", "SAS"),
    ("sarl", "SARL"),
    ("s a r l", "SARL"),
    ("spa", "SpA"),
    ("srl", "Srl"),
    ("sl", "SL"),
    ("bv", "BV"),
    ("nv", "NV"),
    ("ab", "AB"),
    ("oy", "Oy"),
    ("oyj", "Oyj"),
    ("asa", "ASA"),
    ("aps", "ApS"),
    ("as", "AS"),
    ("a/s", "A/S"),
    ("aş", "AŞ"),
    ("ltda", "Ltda"),
    ("lda", "Lda"),
    ("sa de cv", "SA de CV"),
    ("sp z oo", "Sp z oo"),
    ("sro", "sro"),
    ("kft", "Kft"),
    ("kk", "KK"),
    ("company", "Co"),
];

/// Placeholders for a missing name.
const PLACEHOLDERS: [&str; 16] = [
    "无",
    "未知",
    "暂无",
    "个人",
    "空",
    "不详",
    "测试",
    "测试公司",
    "自由职业",
    "none",
    "null",
    "n/a",
    "na",
    "unknown",
    "test",
    "test company",
];

/// Places that precede a name or are in brackets within it: provinces, and the cities where most companies are.
const PLACES: [&str; 77] = [
    "内蒙古",
    "黑龙江",
    "北京",
    "上海",
    "天津",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "广西",
    "海南",
    "四川",
    "贵州",
    "云南",
    "西藏",
    "陕西",
    "甘肃",
    "青海",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
    "台湾",
    "中国",
    "广州",
    "深圳",
    "杭州",
    "南京",
    "苏州",
    "成都",
    "武汉",
    "西安",
    "郑州",
    "长沙",
    "合肥",
    "青岛",
    "济南",
    "大连",
    "沈阳",
    "宁波",
    "厦门",
    "福州",
    "无锡",
    "佛山",
    "东莞",
    "昆明",
    "哈尔滨",
    "长春",
    "石家庄",
    "太原",
    "南昌",
    "南宁",
    "贵阳",
    "兰州",
    "乌鲁木齐",
    "海口",
    "温州",
    "常州",
    "南通",
    "嘉兴",
    "绍兴",
    "珠海",
    "中山",
    "惠州",
    "烟台",
    "泉州",
];

/// Why a string is not a company name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Empty,
    /// It is a placeholder for a missing name.
    Placeholder,
    /// It is a legal form without a name.
    OnlyForm,
    /// It contains no letters.
    Signs,
}

impl Problem {
    /// The text in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Placeholder => "stands for a missing name",
            Self::OnlyForm => "only a legal form",
            Self::Signs => "no letters",
        }
    }
}

/// The parts of a company name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The name without its legal form.
    name: String,
    /// The legal form in its standard spelling, or empty.
    form: &'static str,
    is_chinese: bool,
}

impl Company {
    /// Parses a name.
    ///
    /// # Errors
    /// Why it is not a name.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let mut company = Self::once(text)?;
        // Behind a form there may be something else to be shortened, as in `株式会社上海市…`. Each time, something is.
        for _ in 0..text.len() {
            let again = Self::once(&company.text())?;
            if again.text() == company.text() {
                break;
            }
            company = again;
        }
        Ok(company)
    }

    fn once(text: &str) -> Result<Self, Problem> {
        let text = plain(text).replace(['【', '〔', '[', '{', '〈'], "(").replace(['】', '〕', ']', '}', '〉'], ")");
        let text = text.replace('㈱', "(株)");
        let text = text.trim_matches(is_around);
        if text.is_empty() {
            return Err(Problem::Empty);
        }
        if PLACEHOLDERS.contains(&text.to_lowercase().as_str()) {
            return Err(Problem::Placeholder);
        }
        if !text.chars().any(char::is_alphanumeric) {
            return Err(Problem::Signs);
        }
        let company = if text.chars().any(|letter| is_han(letter) || matches!(letter, '가'..='힣')) {
            Self::chinese(text)
        } else {
            Self::latin(text)
        };
        if company.name.chars().any(char::is_alphanumeric) { Ok(company) } else { Err(Problem::OnlyForm) }
    }

    fn chinese(text: &str) -> Self {
        let inner = if text.contains(' ') { without_blanks(text) } else { text.to_string() };
        let name = of_brackets(&without_suffixes(&inner));
        let (mut bare, mut before) = (name.as_str(), None);
        while let Some((after, form)) = FORMS_BEFORE.iter().find_map(|form| Some((bare.strip_prefix(form)?, form_of(form)))) {
            bare = after.trim_matches(is_around);
            before.get_or_insert(form);
        }
        let before = before.map(|form| (bare.strip_suffix(form).unwrap_or(bare), form));
        let after = || {
            CHINESE_FORMS.iter().find_map(|(written, form)| {
                let in_brackets =
                    name.strip_suffix(')').and_then(|name| name.strip_suffix(written)).and_then(|name| name.strip_suffix('('));
                Some((in_brackets.or_else(|| name.strip_suffix(written))?, *form))
            })
        };
        let (name, form) = before.or_else(after).unwrap_or((name.as_str(), ""));
        Self { name: name.trim_matches(is_around).to_string(), form, is_chinese: true }
    }

    fn latin(text: &str) -> Self {
        // `S.A.R.L.`, `Co., Ltd.`: dots and commas in legal forms are ignored.
        let spaced = text.replace(',', " ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let bare = |words: &[&str]| {
            words.iter().map(|word| word.replace('.', "").replace(['(', ')'], "").to_lowercase()).collect::<Vec<_>>().join(" ")
        };
        let mut found = (words.len(), "");
        for count in (1..=4.min(words.len())).rev() {
            let (_, last) = words.split_at(words.len() - count);
            let last = bare(last);
            if let Some((_, form)) = LATIN_FORMS.iter().find(|(written, _)| *written == last) {
                found = (words.len() - count, form);
                break;
            }
        }
        let (end, form) = found;
        let name = words.get(..end).unwrap_or_default().join(" ");
        let name = name.trim_end_matches([',', '.', '-', ' ']).to_string();
        Self { name, form, is_chinese: false }
    }

    /// The name in its standard spelling: brackets, spaces, places and legal form are normalised.
    pub fn text(&self) -> String {
        if self.is_chinese {
            let name = self.name.replace('(', "（").replace(')', "）");
            return format!("{name}{}", self.form);
        }
        [self.name.as_str(), self.form].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The name without its legal form.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The legal form in its standard spelling, or empty.
    pub fn form(&self) -> &'static str {
        self.form
    }

    /// A key that spellings of the same company share: no legal form, spaces or punctuation, the place first, in lower case.
    pub fn key(&self) -> String {
        let name = match in_brackets(&self.name).find(|(start, place)| *start > 0 && PLACES.contains(place)) {
            Some((start, place)) => format!("{place}{}{}", &self.name[..start], &self.name[start + place.len() + 2..]),
            None => self.name.clone(),
        };
        let plain = name.to_lowercase();
        let plain = plain.strip_prefix("the ").unwrap_or(&plain).replace('&', "and").replace(" and ", "and");
        plain.chars().filter(|letter| letter.is_alphanumeric()).collect()
    }
}

/// Signs around a name that are not part of it.
fn is_around(letter: char) -> bool {
    letter.is_whitespace() || "\"'“”‘’,，;；.。:：、_".contains(letter)
}

fn form_of(written: &str) -> &'static str {
    CHINESE_FORMS.iter().find(|(known, _)| *known == written).map_or("", |(_, form)| form)
}

/// Shortens places at the beginning: `北京市朝阳百货` becomes `北京朝阳百货`, `广东省深圳市腾讯` becomes `广东深圳腾讯`.
fn without_suffixes(name: &str) -> String {
    let (mut short, mut rest) = (String::with_capacity(name.len()), name);
    while let Some(place) = PLACES.iter().find(|place| rest.starts_with(**place)) {
        let after = &rest[place.len()..];
        let Some(after) = after.strip_prefix(['市', '省']) else { break };
        short.push_str(place);
        rest = after;
    }
    short.push_str(rest);
    short
}

/// The contents of all brackets, with the position of each opening bracket.
fn in_brackets(name: &str) -> impl Iterator<Item = (usize, &str)> {
    name.match_indices('(').filter_map(|(start, _)| {
        let inner = name.get(start + 1..)?;
        Some((start, inner.get(..inner.find(')')?)?))
    })
}

/// Shortens places in brackets: `(北京市)` becomes `(北京)`.
fn of_brackets(name: &str) -> String {
    let mut short = name.to_string();
    for (_, inner) in in_brackets(name) {
        if let Some(place) = inner.strip_suffix(['市', '省'])
            && PLACES.contains(&place)
        {
            short = short.replace(&format!("({inner})"), &format!("({place})"));
        }
    }
    short
}

/// Removes spaces unless they separate two Latin words: Chinese characters are sometimes typed with spaces between them.
fn without_blanks(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_latin = |place: Option<usize>| place.and_then(|place| letters.get(place)).is_some_and(char::is_ascii_alphanumeric);
    let stays = |place: usize| letters.get(place) != Some(&' ') || is_latin(place.checked_sub(1)) && is_latin(Some(place + 1));
    letters.iter().enumerate().filter(|(place, _)| stays(*place)).map(|(_, letter)| *letter).collect()
}
