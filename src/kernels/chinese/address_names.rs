//! Recognises where the names of divisions begin and end in an address.

/// True if a name means this division: both 巢湖 and 巢湖市 are names of 巢湖市.
pub fn is_name_of(name: &str, full: &str) -> bool {
    name == full || full.strip_prefix(name).is_some_and(|kind| matches!(kind, "市" | "地区" | "盟" | "州"))
}

pub fn is_separator(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, ',' | '，' | '、' | '-' | '－' | '—' | '/' | '|' | '·' | '.' | ';' | '；' | ':' | '：' | '>' | '_')
}

/// Strips a label such as 地址：, a postcode, and the country.
pub fn after_label(address: &str) -> &str {
    let mut text = address.trim_start_matches(is_separator);
    if let Some((label, after)) = text.split_once([':', '：'])
        && label.chars().count() <= 6
        && label.ends_with(['址', '地'])
    {
        text = after.trim_start_matches(is_separator);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 6 {
        text = text[6..].trim_start_matches(is_separator);
    }
    for country in ["中华人民共和国", "中國", "中国"] {
        if let Some(after) = text.strip_prefix(country) {
            return after.trim_start_matches(is_separator);
        }
    }
    text
}

/// Strips separators and, if `inside`, words that take the place of a city.
pub fn after_fillers(text: &str, inside: bool) -> &str {
    let mut text = text.trim_start_matches(is_separator);
    if inside {
        for filler in ["市辖区", "省直辖县级行政区划", "省直辖县级行政单位", "自治区直辖县级行政区划", "省直辖行政单位", "直辖县"]
        {
            if let Some(after) = text.strip_prefix(filler) {
                text = after.trim_start_matches(is_separator);
            }
        }
    }
    text
}

/// True if a full name ends here: 南京市 does not in 南京市场.
pub fn ends_full(name: &str, after: &str) -> bool {
    !(name.ends_with('市') && after.starts_with('场')
        || name.ends_with('省') && after.starts_with("道")
        || name.ends_with('县') && after.starts_with('道'))
}

/// Words that make a longer name of the short name of a city or province.
const PARTS: [&str; 34] = [
    "路",
    "街",
    "道",
    "大道",
    "巷",
    "弄",
    "里",
    "胡同",
    "桥",
    "大桥",
    "站",
    "村",
    "镇",
    "乡",
    "区",
    "县",
    "市",
    "省",
    "州",
    "盟",
    "旗",
    "庄",
    "屯",
    "湾",
    "广场",
    "公园",
    "花园",
    "小区",
    "银行",
    "酒店",
    "宾馆",
    "饭店",
    "人民路",
    "高速",
];

/// Further words that make a longer name of the short name of a district.
const WITHIN_A_DISTRICT: [&str; 34] = [
    "山",
    "湖",
    "河",
    "江",
    "海",
    "寺",
    "庙",
    "塔",
    "城",
    "门",
    "大学",
    "学校",
    "学院",
    "中学",
    "小学",
    "医院",
    "大厦",
    "公司",
    "集团",
    "商场",
    "机场",
    "港",
    "码头",
    "口",
    "场",
    "厂",
    "店",
    "馆",
    "院",
    "苑",
    "园",
    "楼",
    "国道",
    "文化广场",
];

/// True if the short name of a district ends here: 南山 does not in 南山公园.
pub fn ends_short_of_district(after: &str) -> bool {
    !WITHIN_A_DISTRICT.iter().any(|part| after.starts_with(part)) && ends_short(after)
}

/// True if a short name ends here: 南京 does not in 南京路, 南京东路 and 南京南站.
pub fn ends_short(after: &str) -> bool {
    let part = |text: &str| PARTS.iter().any(|part| text.starts_with(part));
    let turned = after.trim_start_matches(['东', '西', '南', '北', '中', '一', '二', '三', '四', '五']);
    let is_turned = || ["路", "街", "道", "大道", "大街", "环路", "环线", "站"].iter().any(|part| turned.starts_with(part));
    let is_part = part(after) || (turned.len() < after.len() && is_turned());
    !is_part
}
