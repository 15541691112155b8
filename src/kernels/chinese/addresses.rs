//! Parses Chinese addresses into province, city, district and the rest.
//!
//! From the beginning of the address, names of divisions are read one after another, each below the one before: 广东 深圳市 南山区. All readings
//! are tried. The one whose names cover the most characters wins; ties go to current names, full names and coarser levels. Missing levels
//! are filled in from the deepest name if they are unambiguous: there is one 昆山市, but 鼓楼区 is in four cities.

use super::address_names::{after_fillers, after_label, ends_full, ends_short, ends_short_of_district, is_name_of, is_separator};
use super::conversion::to_simplified;
use super::divisions::{Divisions, Level, Sense, divisions};

/// A parsed address.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub province: Option<&'static str>,
    pub city: Option<&'static str>,
    pub district: Option<&'static str>,
    /// Everything except the names of divisions.
    pub rest: String,
    /// The first problem of the address, if any.
    pub problem: Option<Problem>,
}

/// A problem of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is empty.
    Blank,
    /// It names no division.
    NoDivision,
    /// Its divisions could be in several places.
    Ambiguous,
    /// The district is not in the city or province before it.
    NotInside,
    /// It ends with the province or city.
    NoDistrict,
    /// A division has been renamed or merged into another.
    Former,
    /// Nothing follows the divisions.
    NoDetail,
}

impl Problem {
    /// Every problem with its name in SQL.
    pub const WORDS: [(Self, &'static str); 7] = [
        (Self::Blank, "blank"),
        (Self::NoDivision, "no division"),
        (Self::Ambiguous, "ambiguous division"),
        (Self::NotInside, "district not in city"),
        (Self::NoDistrict, "no district"),
        (Self::Former, "former division"),
        (Self::NoDetail, "no detail"),
    ];

    /// The name in SQL.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(problem, _)| *problem == self).map_or("", |(_, word)| word)
    }
}

/// Parses an address whose characters are already normalised.
pub fn parse(address: &str) -> Address {
    let address = address.trim();
    if address.is_empty() {
        return Address { problem: Some(Problem::Blank), ..Address::default() };
    }
    // The address may be in traditional characters.
    let simplified = to_simplified(address);
    let texts = [address, &simplified];
    let texts = if simplified == address { &texts[..1] } else { &texts[..] };
    // The names of some divisions are the same in both: 北京市 in 北京市朝陽區. So the better reading counts, not the first.
    let best = |find: fn(&str) -> Option<(Score, Address)>| {
        let found = texts.iter().filter_map(|text| find(text)).reduce(|one, other| if other.0 > one.0 { other } else { one });
        found.map(|(_, address)| address)
    };
    best(at_start).or_else(|| best(later)).unwrap_or_else(|| Address {
        rest: address.to_string(),
        problem: Some(Problem::NoDivision),
        ..Address::default()
    })
}

/// Parses an address that begins with a division.
fn at_start(address: &str) -> Option<(Score, Address)> {
    let start = address.len() - after_label(address).len();
    let mut search = Search::of(address);
    search.walk(&Reading::at(start), false);
    (!search.best.is_empty()).then(|| (search.score, search.answer("")))
}

/// The most characters that may come before the first division.
const LETTERS_BEFORE: usize = 40;

/// Parses an address that follows something else, such as a name or number. Its first division must then be the full name of a province
/// or city.
fn later(address: &str) -> Option<(Score, Address)> {
    let start = address.len() - after_label(address).len();
    let mut search = Search::of(address);
    for (place, _) in address[start..].char_indices().skip(1).take(LETTERS_BEFORE) {
        search.walk(&Reading::at(start + place), true);
        if !search.best.is_empty() {
            return Some((search.score, search.answer(&address[start..start + place])));
        }
    }
    None
}

/// Areas of provinces that are no divisions, and may stand before one; the longest are first.
const AREAS: [(&str, &[&str]); 3] = [
    ("香港特别行政区", &["九龙", "新界", "香港岛", "港岛"]),
    (
        "新疆维吾尔自治区",
        &[
            "生产建设兵团第一师",
            "生产建设兵团第二师",
            "生产建设兵团第三师",
            "生产建设兵团第四师",
            "生产建设兵团第五师",
            "生产建设兵团第六师",
            "生产建设兵团第七师",
            "生产建设兵团第八师",
            "生产建设兵团第九师",
            "生产建设兵团第十师",
            "生产建设兵团第十一师",
            "生产建设兵团第十二师",
            "生产建设兵团第十三师",
            "生产建设兵团第十四师",
            "生产建设兵团",
        ],
    ),
    ("河北省", &["雄安新区"]),
];

/// A partial reading of an address.
#[derive(Debug, Clone, Default)]
struct Reading<'a> {
    /// The number of bytes read.
    read: usize,
    /// The names read; `senses` are the possible meanings of the last one.
    names: Vec<&'a str>,
    senses: Vec<Sense>,
    score: Score,
}

/// Higher is better, compared in this order: characters of names, of current names, of full names, then coarser levels, so that 海南 is the
/// province.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    letters: usize,
    of_today: usize,
    full: usize,
    coarse: usize,
}

impl Reading<'_> {
    fn at(place: usize) -> Self {
        Self { read: place, ..Self::default() }
    }
}

struct Search<'a> {
    china: &'a Divisions,
    text: &'a str,
    /// The best readings so far; several if names are ambiguous.
    best: Vec<Reading<'a>>,
    score: Score,
}

impl<'a> Search<'a> {
    fn of(text: &'a str) -> Self {
        Self { china: divisions(), text, best: vec![], score: Score::default() }
    }

    /// Tries all names that can follow a reading, depth first; `only_full` restricts the first name to full names of provinces and
    /// cities.
    fn walk(&mut self, reading: &Reading<'a>, only_full: bool) {
        let text = self.after_areas(after_fillers(&self.text[reading.read..], !reading.names.is_empty()), reading);
        let china = self.china;
        for (name, senses) in china.begins(text) {
            let after = &text[name.len()..];
            let inside = |sense: &&Sense| {
                if only_full && reading.names.is_empty() && (sense.is_short || sense.level == Level::District) {
                    return false;
                }
                self.is_inside(sense, reading) && self.ends(sense, name, after, reading)
            };
            // Senses of the same kind continue together; the names that follow decide between them.
            let inside: Vec<Sense> = senses.iter().filter(inside).copied().collect();
            for level in [Level::Province, Level::City, Level::District] {
                for (former, short) in [(false, false), (false, true), (true, false), (true, true)] {
                    let same =
                        |sense: &Sense| sense.level == level && sense.former.is_some() == former && sense.is_short == short;
                    let senses: Vec<Sense> = inside.iter().copied().filter(same).collect();
                    if senses.is_empty() {
                        continue;
                    }
                    let letters = name.chars().count();
                    let mut next = reading.clone();
                    next.read = self.text.len() - after.len();
                    next.names.push(&text[..name.len()]);
                    next.senses = senses;
                    next.score.letters += letters;
                    next.score.of_today += if former { 0 } else { letters };
                    next.score.full += if short { 0 } else { letters };
                    next.score.coarse += Level::District as usize - level as usize;
                    self.walk(&next, only_full);
                }
            }
            // A repeated name: 北京市北京市, 上海上海市, 杭州市杭州市.
            let again: Vec<Sense> = senses.iter().filter(|sense| self.repeats(sense, reading)).copied().collect();
            if !again.is_empty() && self.ends(&again[0], name, after, reading) {
                let mut next = reading.clone();
                next.read = self.text.len() - after.len();
                next.names.push(&text[..name.len()]);
                next.score.letters += name.chars().count();
                next.senses = reading.senses.clone();
                self.walk(&next, only_full);
            }
        }
        if !reading.names.is_empty() && reading.score >= self.score {
            if reading.score > self.score {
                self.best.clear();
                self.score = reading.score;
            }
            self.best.push(reading.clone());
        }
    }

    /// A text without the area before a district that is no division itself: 香港 九龙 油尖旺区.
    fn after_areas(&self, text: &'a str, reading: &Reading<'a>) -> &'a str {
        let places = &self.china.places;
        let areas = reading.senses.iter().find_map(|sense| {
            AREAS.iter().find(|(province, _)| *province == places[sense.place].name).map(|(_, areas)| (sense.place, *areas))
        });
        let Some((province, areas)) = areas else { return text };
        let after = areas.iter().find_map(|area| text.strip_prefix(area)).map(|after| after_fillers(after, true));
        let is_of_province = |after: &&str| {
            self.china.begins(after).any(|(_, senses)| {
                senses.iter().any(|sense| sense.place != province && self.china.chain(sense.place)[0] == Some(province))
            })
        };
        after.filter(is_of_province).unwrap_or(text)
    }

    /// True if a name repeats the last one.
    fn repeats(&self, sense: &Sense, reading: &Reading<'_>) -> bool {
        let level = self.china.places[sense.place].level;
        reading.names.len() < 3
            && level != Level::District
            && sense.level == level
            && sense.former.is_none()
            && !reading.senses.is_empty()
            && reading.senses.iter().all(|before| before.place == sense.place && before.level == sense.level)
    }

    /// True if a name ends here and is not part of a longer one, as 南京 in 南京路. A short name adds nothing to the same name before it, so
    /// it must end more clearly: 北京市北京大学 names a university.
    fn ends(&self, sense: &Sense, name: &str, after: &str, reading: &Reading<'_>) -> bool {
        if !sense.is_short || (name.chars().count() > 2 && name.ends_with(['县', '市', '区', '州', '旗', '省'])) {
            return ends_full(name, after);
        }
        if sense.level == Level::District {
            return ends_short_of_district(after);
        }
        let has_division_after = || {
            self.china.begins(after_fillers(after, true)).any(|(_, senses)| {
                senses.iter().any(|next| {
                    next.level > sense.level
                        && self.china.chain(next.place)[self.china.places[sense.place].level as usize] == Some(sense.place)
                })
            })
        };
        let is_repeated = reading.names.last().is_some_and(|last| last.starts_with(name));
        let ends = if is_repeated { after.chars().next().is_none_or(is_separator) } else { ends_short(after) };
        ends || has_division_after()
    }

    /// True if the division can follow what was read, as a part of it now or formerly.
    fn is_inside(&self, sense: &Sense, reading: &Reading<'_>) -> bool {
        if reading.senses.is_empty() {
            // An address cannot begin with the short name of a district: 南山 may be anything. Nor with names such as 南区 and 桃园,
            // which mean Hong Kong or Taiwan only after it.
            let is_beyond = self.china.is_beyond_the_mainland(sense.place);
            return match sense.level {
                Level::Province => true,
                Level::City => !(sense.is_short && is_beyond),
                Level::District => !(sense.is_short || is_beyond),
            };
        }
        let chain = self.china.chain(sense.place);
        reading.senses.iter().any(|above| {
            if above.level >= sense.level {
                return false;
            }
            let by_today = chain[self.china.places[above.place].level as usize] == Some(above.place)
                && self.china.places[above.place].level <= above.level
                && sense.place != above.place;
            let by_name = sense.former.is_some_and(|former| {
                let name = reading.names.last().copied().unwrap_or_default();
                match above.level {
                    Level::Province => former.province == self.china.places[above.place].name,
                    _ => former.city.is_some_and(|city| is_name_of(name, city)),
                }
            });
            by_today || by_name
        })
    }

    fn answer(mut self, before: &str) -> Address {
        let read = self.best.iter().map(|reading| reading.read).max().unwrap_or_default();
        self.best.retain(|reading| reading.read == read);
        let places: Vec<[Option<usize>; 3]> =
            self.best.iter().flat_map(|reading| &reading.senses).map(|sense| self.china.chain(sense.place)).collect();
        let name_of = |place: Option<usize>| place.map(|place| self.china.places[place].name);
        // The names that all readings agree on.
        let common = |level: usize| {
            let first = name_of(places.first()?[level])?;
            places.iter().all(|chain| name_of(chain[level]) == Some(first)).then_some(first)
        };
        let (province, mut city, district) = (common(0), common(1), common(2));
        let first = places.first().copied().unwrap_or_default();
        let is_municipality = first[0].is_some_and(|province| self.china.is_municipality(province));
        if is_municipality && province.is_some() {
            city = province;
        }
        let rest = after_fillers(&self.text[read..], true);
        let (before, after) = (before.trim_end_matches(is_separator), rest.trim_end_matches(is_separator));
        let between = if before.is_empty() || after.is_empty() { "" } else { " " };
        let is_ambiguous = places.iter().any(|chain| *chain != first);
        let has_city = first[1].is_some_and(|city| {
            // Some cities have no districts, so none can be missing.
            let code = self.china.places[city].code;
            self.china.places.iter().any(|place| place.code / 100 == code / 100 && place.code != code)
        });
        let is_former = self.best.iter().all(|reading| reading.senses.iter().all(|sense| sense.former.is_some()));
        let problem = if is_ambiguous {
            Some(Problem::Ambiguous)
        } else if self.names_another(rest, &first) {
            Some(Problem::NotInside)
        } else if district.is_none()
            && (has_city || first[1].is_none())
            && !matches!(province, Some("香港特别行政区" | "澳门特别行政区"))
        {
            Some(Problem::NoDistrict)
        } else if is_former {
            Some(Problem::Former)
        } else if after.is_empty() {
            Some(Problem::NoDetail)
        } else {
            None
        };
        Address { province, city, district, rest: format!("{before}{between}{after}"), problem }
    }

    /// True if the full name of a city or district from elsewhere follows.
    fn names_another(&self, rest: &str, chain: &[Option<usize>; 3]) -> bool {
        let is_another =
            |sense: &Sense| sense.level != Level::Province && !sense.is_short && !self.china.is_beyond_the_mainland(sense.place);
        chain[2].is_none()
            && self.china.begins(rest).any(|(name, senses)| senses.iter().any(is_another) && ends_full(name, &rest[name.len()..]))
    }
}
