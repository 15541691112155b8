//! A section, parsed from its script.

use datafusion::common::Result;

use super::Language;
use crate::charts::Kind;
use crate::error::{did_you_mean, invalid};

/// A text in the languages of a report; English if a translation is missing.
#[derive(Debug, Clone, Default)]
pub struct Text {
    en: String,
    zh: Option<String>,
}

impl Text {
    pub fn of(&self, language: Language) -> &str {
        match (language, &self.zh) {
            (Language::Zh, Some(zh)) => zh,
            _ => &self.en,
        }
    }

    fn put(&mut self, language: Language, text: &str) {
        match language {
            Language::Zh => self.zh = Some(text.into()),
            Language::En => self.en = text.into(),
        }
    }
}

/// How a section is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// As a table only.
    Table,
    /// As large figures, from one row.
    Numbers,
    Chart(Kind),
}

/// The sentence to show if a condition holds.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The condition over the columns of a row.
    pub condition: String,
    pub sentence: Text,
}

/// A section of a report.
#[derive(Debug, Clone)]
pub struct Section {
    /// The name of its file, without the ending.
    pub name: String,
    pub title: Text,
    pub text: Text,
    /// Each is `table.column`.
    pub needs: Vec<(String, String)>,
    pub when: Option<String>,
    pub is_latest: bool,
    pub drawn: Drawn,
    pub x: Option<String>,
    pub y: Vec<String>,
    pub series: Option<String>,
    pub count: Option<String>,
    pub percent: Vec<String>,
    pub rules: Vec<Rule>,
    pub most: usize,
    /// The column whose largest values are spoken of first.
    pub strongest: Option<String>,
    words: Vec<(String, String)>,
    /// The query, with placeholders.
    pub query: String,
}

const KEYS: [&str; 15] = [
    "title",
    "text",
    "needs",
    "when",
    "latest",
    "chart",
    "x",
    "y",
    "series",
    "count",
    "percent",
    "say",
    "most",
    "strongest",
    "words",
];

impl Section {
    /// Reads a script.
    ///
    /// # Errors
    /// Its description has an unknown key or value, no title, or no query follows.
    pub fn read(name: &str, script: &str) -> Result<Self> {
        let mut section = Self {
            name: name.strip_suffix(".sql").or_else(|| name.strip_suffix(".SQL")).unwrap_or(name).to_string(),
            title: Text::default(),
            text: Text::default(),
            needs: vec![],
            when: None,
            is_latest: false,
            drawn: Drawn::Table,
            x: None,
            y: vec![],
            series: None,
            count: None,
            percent: vec![],
            rules: vec![],
            most: 3,
            strongest: None,
            words: vec![],
            query: String::new(),
        };
        // Editors on Windows begin a file with a mark.
        let script = script.trim_start_matches('\u{feff}');
        let is_described = |line: &&str| line.trim_start().starts_with("--") || line.trim().is_empty();
        let head = script.lines().take_while(is_described).count();
        for (number, line) in (1..).zip(script.lines().take(head)) {
            let line = line.trim().trim_start_matches("--").trim();
            if line.is_empty() {
                continue;
            }
            section.describe(line).map_err(|problem| invalid(&format!("{name}:{number}"), problem))?;
        }
        let query: Vec<&str> = script.lines().skip(head).collect();
        section.query = query.join("\n").trim().trim_end_matches(';').trim_end().to_string();
        if section.title.en.is_empty() {
            return Err(invalid(name, "has no title; its first line is -- title: …"));
        }
        if section.query.is_empty() {
            return Err(invalid(name, "has no query below its description"));
        }
        if let Some(rule) = section.rules.iter().find(|rule| rule.sentence.en.is_empty()) {
            return Err(invalid(name, format!("says nothing where {}; add a line -- say.en: …", rule.condition)));
        }
        Ok(section)
    }

    fn describe(&mut self, line: &str) -> std::result::Result<(), String> {
        let (key, value) = line.split_once(':').ok_or("a line of a description is -- key: value, before the query")?;
        let (key, value) = (key.trim(), value.trim());
        let (word, language) = match key.split_once('.') {
            None => (key, Language::En),
            Some((word, "en")) => (word, Language::En),
            Some((word, "zh")) => (word, Language::Zh),
            Some((_, other)) => return Err(format!("{other} is not a language of reports; there is en, zh")),
        };
        let list = || value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_string);
        match (word, key.contains('.')) {
            ("title", _) => self.title.put(language, value),
            ("text", _) => self.text.put(language, value),
            ("words", true) => {
                for pair in list() {
                    let (from, to) = pair.split_once('=').ok_or_else(|| format!("words are name = word, got {pair}"))?;
                    self.words.push((from.trim().to_string(), to.trim().to_string()));
                }
            }
            ("needs", false) => {
                for need in list() {
                    let (table, column) = need.rsplit_once('.').ok_or_else(|| format!("needs {need}; write table.column"))?;
                    self.needs.push((table.to_string(), column.to_string()));
                }
            }
            ("when", false) => self.when = Some(value.into()),
            ("latest", false) => {
                self.is_latest = value.parse().map_err(|_| format!("latest must be true or false, got {value}"))?;
            }
            ("chart", false) => {
                self.drawn = match value {
                    "none" => Drawn::Table,
                    "numbers" => Drawn::Numbers,
                    kind => Drawn::Chart(kind.parse::<Kind>().map_err(|error| format!("{error}; or numbers, or none"))?),
                }
            }
            ("x", false) => self.x = Some(value.into()),
            ("y", false) => self.y = list().collect(),
            ("series", false) => self.series = Some(value.into()),
            ("count", false) => self.count = Some(value.into()),
            ("percent", false) => self.percent = list().collect(),
            ("most", false) => self.most = value.parse().map_err(|_| format!("most must be a whole number, got {value}"))?,
            ("strongest", false) => self.strongest = Some(value.into()),
            ("say", false) => self.rules.push(Rule { condition: value.into(), sentence: Text::default() }),
            ("say", true) => {
                let rule = self.rules.last_mut().ok_or("a sentence must follow its condition, -- say: …")?;
                rule.sentence.put(language, value);
            }
            _ => return Err(format!("{key} is unknown{}; there is {}", did_you_mean(word, KEYS.into_iter()), KEYS.join(", "))),
        }
        Ok(())
    }

    /// The name of a column in the report's language.
    pub fn word<'a>(&'a self, word: &'a str, language: Language) -> &'a str {
        self.own_word(word, language).or_else(|| common(word).filter(|_| language == Language::Zh)).unwrap_or(word)
    }

    /// A value in the report's language. It may be the name of something, such as a table, so the words for columns do not count.
    pub fn value<'a>(&'a self, value: &'a str, language: Language) -> &'a str {
        let of_all = || common(value).filter(|_| language == Language::Zh && VALUES.contains(&value));
        self.own_word(value, language).or_else(of_all).unwrap_or(value)
    }

    /// The word that the section gives for a name or value.
    fn own_word<'a>(&'a self, word: &str, language: Language) -> Option<&'a str> {
        let own = self.words.iter().find(|(from, _)| from == word).filter(|_| language == Language::Zh);
        own.map(|(_, to)| to.as_str())
    }

    pub fn is_percent(&self, column: &str) -> bool {
        self.percent.iter().any(|name| name == column)
    }
}

/// The words among them that are values.
const VALUES: [&str; 3] = ["not known", "female", "male"];

/// Chinese for words that many sections use.
fn common(word: &str) -> Option<&'static str> {
    Some(match word {
        "customers" => "客户数",
        "share" => "占比",
        "customer_share" => "客户占比",
        "revenue" => "销售额",
        "revenue_share" => "销售额占比",
        "median_revenue" => "消费中位数",
        "orders" => "订单数",
        "segment" | "segment_a" | "segment_b" => "人群",
        "tag" => "标签",
        "value" => "取值",
        "region" => "地区",
        "age_band" => "年龄段",
        "gender" => "性别",
        "category" => "品类",
        "coverage" => "覆盖率",
        "month" => "月份",
        "not known" => "未知",
        "female" => "女",
        "male" => "男",
        "buyers" => "购买客户",
        "buying_share" => "购买占比",
        "average_order" => "客单价",
        "repurchase_rate" => "复购率",
        "returning_buyers" => "老客",
        "returning_share" => "老客占比",
        "first_month" => "首单月",
        "months_later" => "之后第几月",
        "retention" => "留存率",
        "filled" => "有值客户",
        "distinct_values" => "取值数",
        "distribution" => "分布",
        "most_frequent" => "最常见变化",
        "antecedents" => "前项",
        "consequents" => "后项",
        "confidence" => "置信度",
        "lift" => "提升度",
        "jaccard" => "重叠度",
        "customers_both" => "共同客户",
        "preference" => "偏好指数",
        "lines" => "明细行数",
        "measure" => "指标",
        "index_of_population" => "总体指数",
        "cluster" => "聚类",
        "days_since_purchase" => "距上次购买天数",
        "revenue_each" => "人均销售额",
        "day" => "日期",
        "amount" => "金额",
        "pieces" => "件数",
        "product" => "商品",
        "because_of" => "依据",
        "rank" => "名次",
        "path" => "分类",
        "compared" => "原因",
        "since" => "起始时间",
        "condition" => "条件",
        "comment" => "说明",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read() {
        let script = "-- title: A\n-- title.zh: 甲\n-- needs: orders.amount, members.region\n-- chart: bar\n-- say: a > 1\n-- say.en: {a}\n-- words.zh: a = 一\n\nSELECT 1 AS a -- one\n;\n";
        let section = Section::read("010_a.sql", script).unwrap();
        assert_eq!((section.title.of(Language::En), section.title.of(Language::Zh)), ("A", "甲"));
        assert_eq!(section.needs, [("orders".into(), "amount".into()), ("members".into(), "region".into())]);
        assert_eq!((section.name.as_str(), section.query.as_str()), ("010_a", "SELECT 1 AS a -- one"));
        assert_eq!((section.word("a", Language::Zh), section.word("b", Language::Zh)), ("一", "b"));
        assert_eq!(section.drawn, Drawn::Chart(Kind::Bar));
    }

    #[test]
    fn values_are_not_taken_for_names_of_columns() {
        let section = Section::read("a.sql", "-- title: A\n-- words.zh: big = 大\nSELECT 1").unwrap();
        let values = ["orders", "female", "big"].map(|value| section.value(value, Language::Zh));
        assert_eq!((section.word("orders", Language::Zh), values), ("订单数", ["orders", "女", "大"]));
        assert_eq!((section.word("orders", Language::En), section.value("female", Language::En)), ("orders", "female"));
    }

    #[test]
    fn files_of_windows_are_read() {
        let section = Section::read("010_A.SQL", "\u{feff}-- title: A\r\n-- chart: bar\r\nSELECT 1\r\n").unwrap();
        assert_eq!((section.name.as_str(), section.title.of(Language::En), section.query.as_str()), ("010_A", "A", "SELECT 1"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (script, expected) in [
            ("-- titel: A\nSELECT 1", "a.sql:1: titel is unknown; perhaps \"title\" is meant"),
            ("-- title: A\n-- chart: cake\nSELECT 1", "a.sql:2:"),
            ("-- title: A\n-- say.en: x\nSELECT 1", "a.sql:2: a sentence must follow its condition"),
            ("-- title: A\n-- say: x > 1\nSELECT 1", "says nothing where x > 1"),
            ("-- title: A\n-- latest: yes\nSELECT 1", "a.sql:2: latest must be true or false, got yes"),
            ("-- title: A\n-- words.zh: a = 一, b\nSELECT 1", "a.sql:2: words are name = word, got b"),
            ("-- title: A\n-- smallest: 9\nSELECT 1", "a.sql:2: smallest is unknown"),
            ("-- title: A\n", "has no query"),
            ("SELECT 1", "has no title"),
        ] {
            let error = Section::read("a.sql", script).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
