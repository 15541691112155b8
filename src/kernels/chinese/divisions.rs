//! The administrative divisions of China: GB/T 2260 codes, names and former names.
//!
//! A code has six digits: two for the province, two for the city, two for the district or county. Municipalities (Beijing, Tianjin,
//! Shanghai, Chongqing) have districts but no cities; some county-level cities and counties belong directly to their province.

use std::collections::HashMap;
use std::sync::LazyLock;

static CHINA: LazyLock<Divisions> = LazyLock::new(|| {
    Divisions::read(
        include_str!("../../../data/dictionaries/divisions.txt"),
        include_str!("../../../data/dictionaries/division_changes.txt"),
    )
});

/// The divisions as they are today.
pub fn divisions() -> &'static Divisions {
    &CHINA
}

/// The level of a division.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Province,
    City,
    District,
}

/// A current division.
#[derive(Debug)]
pub struct Place {
    pub code: u32,
    pub name: &'static str,
    pub level: Level,
    /// The division that it is part of.
    above: Option<usize>,
}

/// A possible meaning of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    /// The level that the name has in an address.
    pub level: Level,
    /// The current division.
    pub place: usize,
    /// Whether the name omits the kind of division: 深圳, 广西.
    pub is_short: bool,
    /// For a former name: the names that were above it then.
    pub former: Option<Former>,
}

/// The former location of a division that has been renamed or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    pub province: &'static str,
    pub city: Option<&'static str>,
}

/// All divisions, and the meanings of all names.
#[derive(Debug)]
pub struct Divisions {
    pub places: Vec<Place>,
    codes: HashMap<u32, usize>,
    /// By first character: names, the longest first, with their senses.
    names: HashMap<char, Vec<(String, Vec<Sense>)>>,
}

impl Divisions {
    fn read(divisions: &'static str, changes: &'static str) -> Self {
        let mut china = Self { places: vec![], codes: HashMap::new(), names: HashMap::new() };
        let mut senses: HashMap<String, Vec<Sense>> = HashMap::new();
        // Codes are sorted, so a division comes after those it is part of.
        for (code, name) in divisions.lines().filter_map(|line| line.split_once('\t')) {
            let Ok(code) = code.parse::<u32>() else { continue };
            let level = match (code % 10_000, code % 100) {
                (0, _) => Level::Province,
                (_, 0) => Level::City,
                _ => Level::District,
            };
            let city = china.codes.get(&(code / 100 * 100)).filter(|_| level == Level::District);
            let above = city.or_else(|| china.codes.get(&(code / 10_000 * 10_000))).copied();
            let place = china.places.len();
            china.codes.insert(code, place);
            china.places.push(Place { code, name, level, above });
            let sense = |is_short| Sense { level, place, is_short, former: None };
            senses.entry(name.to_string()).or_default().push(sense(false));
            for short in short_names(name, level) {
                senses.entry(short).or_default().push(sense(true));
            }
        }
        for (path, code) in changes.lines().filter_map(|line| line.split_once('\t')) {
            let Some(place) = code.parse().ok().and_then(|code: u32| china.by_code(code)) else { continue };
            let names: Vec<&'static str> = path.split('/').collect();
            let (level, former) = match names.as_slice() {
                [province, _] => (if is_county(path) { Level::District } else { Level::City }, Former { province, city: None }),
                [province, city, _] => (Level::District, Former { province, city: Some(city) }),
                _ => continue,
            };
            let Some(name) = names.last() else { continue };
            let sense = |is_short| Sense { level, place, is_short, former: Some(former) };
            senses.entry((*name).to_string()).or_default().push(sense(false));
            if level == Level::City {
                for short in short_names(name, level) {
                    // A city that only changed its kind already has this short name.
                    let known = senses.entry(short).or_default();
                    if !known.iter().any(|other| other.place == place && other.level == level) {
                        known.push(sense(true));
                    }
                }
            }
        }
        for (name, senses) in senses {
            let Some(first) = name.chars().next() else { continue };
            china.names.entry(first).or_default().push((name, senses));
        }
        for names in china.names.values_mut() {
            names.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        }
        china
    }

    /// The division with a current code.
    pub fn by_code(&self, code: u32) -> Option<usize> {
        self.codes.get(&code).copied()
    }

    /// The names that the text begins with, the longest first, with their possible meanings.
    pub fn begins(&self, text: &str) -> impl Iterator<Item = (&str, &[Sense])> {
        let names = text.chars().next().and_then(|first| self.names.get(&first));
        let names = names.map(Vec::as_slice).unwrap_or_default();
        names
            .iter()
            .filter(move |(name, _)| text.starts_with(name.as_str()))
            .map(|(name, senses)| (name.as_str(), senses.as_slice()))
    }

    /// The division and those it is part of, indexed by level.
    pub fn chain(&self, place: usize) -> [Option<usize>; 3] {
        let mut chain = [None; 3];
        let mut next = Some(place);
        while let Some(place) = next {
            chain[self.places[place].level as usize] = Some(place);
            next = self.places[place].above;
        }
        chain
    }

    /// True in Taiwan, Hong Kong and Macau, whose divisions have codes of our own.
    pub fn is_beyond_the_mainland(&self, place: usize) -> bool {
        self.places[place].code >= 710_000
    }

    /// True if the province governs its districts directly.
    pub fn is_municipality(&self, province: usize) -> bool {
        matches!(self.places[province].code, 110_000 | 120_000 | 310_000 | 500_000)
    }
}

/// Whether the second of two names is a district or county, rather than a city: it is in municipalities, and if it ends like one.
fn is_county(path: &str) -> bool {
    let municipality = ["北京市/", "天津市/", "上海市/", "重庆市/"].iter().any(|name| path.starts_with(name));
    municipality || path.ends_with(['县', '区', '旗']) && !path.ends_with("地区") && !path.ends_with("行政区")
}

/// Names of ethnic groups in the names of autonomous divisions.
const PEOPLES: [&str; 61] = [
    "蒙古族",
    "回族",
    "藏族",
    "维吾尔族",
    "苗族",
    "彝族",
    "壮族",
    "布依族",
    "朝鲜族",
    "满族",
    "侗族",
    "瑶族",
    "白族",
    "土家族",
    "哈尼族",
    "哈萨克族",
    "傣族",
    "黎族",
    "傈僳族",
    "佤族",
    "畲族",
    "高山族",
    "拉祜族",
    "水族",
    "东乡族",
    "纳西族",
    "景颇族",
    "柯尔克孜族",
    "土族",
    "达斡尔族",
    "仫佬族",
    "羌族",
    "布朗族",
    "撒拉族",
    "毛南族",
    "仡佬族",
    "锡伯族",
    "阿昌族",
    "普米族",
    "塔吉克族",
    "怒族",
    "乌孜别克族",
    "俄罗斯族",
    "鄂温克族",
    "德昂族",
    "保安族",
    "裕固族",
    "京族",
    "塔塔尔族",
    "独龙族",
    "鄂伦春族",
    "赫哲族",
    "门巴族",
    "珞巴族",
    "基诺族",
    "各族",
    "蒙古",
    "哈萨克",
    "柯尔克孜",
    "锡伯",
    "塔吉克",
];

/// Short names: without the kind of division, and with a short kind. 延边朝鲜族自治州 is 延边州 and 延边.
fn short_names(name: &str, level: Level) -> Vec<String> {
    let mut shorts = vec![];
    let long_enough = |short: &str| short.chars().count() >= 2;
    if level == Level::Province {
        let people = ["壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "特别行政区", "省", "市"];
        if let Some(short) = people.iter().find_map(|kind| name.strip_suffix(kind)) {
            shorts.push(short.to_string());
            if name.ends_with("自治区") {
                shorts.push(format!("{short}自治区"));
                shorts.push(format!("{short}省"));
            }
        }
        return shorts;
    }
    for (kind, short_kind) in [("自治州", "州"), ("自治县", "县"), ("自治旗", "旗")] {
        let Some(mut short) = name.strip_suffix(kind) else { continue };
        while let Some(shorter) =
            PEOPLES.iter().find_map(|people| short.strip_suffix(people)).filter(|shorter| long_enough(shorter))
        {
            short = shorter;
        }
        let short = if short.chars().count() > 2 { short.strip_suffix('族').unwrap_or(short) } else { short };
        shorts.push(format!("{short}{short_kind}"));
        shorts.push(format!("{short}{kind}"));
        shorts.push(short.to_string());
        return shorts;
    }
    let kinds: &[&str] = if level == Level::City {
        &["地区", "市", "盟"]
    } else {
        &["新区", "林区", "特区", "矿区", "区", "县", "市", "旗"]
    };
    shorts.extend(kinds.iter().find_map(|kind| name.strip_suffix(kind)).filter(|short| long_enough(short)).map(str::to_string));
    shorts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names() {
        let china = divisions();
        let name = |code| china.places[china.by_code(code).unwrap()].name;
        assert_eq!(name(110_105), "朝阳区");
        assert_eq!(name(440_300), "深圳市");
        let chain = china.chain(china.by_code(429_004).unwrap());
        assert_eq!(chain.map(|place| place.map(|place| china.places[place].name)), [Some("湖北省"), None, Some("仙桃市")]);
        assert!(china.places.len() > 3200);
    }

    #[test]
    fn names_have_short_forms() {
        for (name, level, expected) in [
            ("延边朝鲜族自治州", Level::City, "延边"),
            ("东乡族自治县", Level::District, "东乡"),
            ("秀山土家族苗族自治县", Level::District, "秀山县"),
            ("巴音郭楞蒙古自治州", Level::City, "巴音郭楞"),
            ("浦东新区", Level::District, "浦东"),
            ("广西壮族自治区", Level::Province, "广西"),
            ("龙胜各族自治县", Level::District, "龙胜"),
        ] {
            assert!(short_names(name, level).contains(&expected.to_string()), "{name}: {:?}", short_names(name, level));
        }
        assert!(short_names("赵县", Level::District).is_empty());
    }
}
