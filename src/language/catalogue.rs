//! The texts of the program in another language.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::template::Template;

/// Each room's texts: the English, and what it is in Chinese.
const CHINESE: &[&str] = &[
    include_str!("zh/adapter.json"),
    include_str!("zh/aggregation.json"),
    include_str!("zh/builtins.json"),
    include_str!("zh/calendar.json"),
    include_str!("zh/catalog.json"),
    include_str!("zh/charts.json"),
    include_str!("zh/cli.json"),
    include_str!("zh/databases.json"),
    include_str!("zh/distributed.json"),
    include_str!("zh/docs.json"),
    include_str!("zh/encryption.json"),
    include_str!("zh/engine.json"),
    include_str!("zh/error.json"),
    include_str!("zh/files.json"),
    include_str!("zh/formats.json"),
    include_str!("zh/functions/audience.json"),
    include_str!("zh/functions/basket.json"),
    include_str!("zh/functions/clean.json"),
    include_str!("zh/functions/cluster.json"),
    include_str!("zh/functions/clv.json"),
    include_str!("zh/functions/conditions.json"),
    include_str!("zh/functions/dates.json"),
    include_str!("zh/functions/experiment.json"),
    include_str!("zh/functions/feedback.json"),
    include_str!("zh/functions/identity.json"),
    include_str!("zh/functions/journey.json"),
    include_str!("zh/functions/json.json"),
    include_str!("zh/functions/lists.json"),
    include_str!("zh/functions/model.json"),
    include_str!("zh/functions/numbers.json"),
    include_str!("zh/functions/privacy.json"),
    include_str!("zh/functions/quality.json"),
    include_str!("zh/functions/rfm.json"),
    include_str!("zh/functions/sample.json"),
    include_str!("zh/functions/statistics.json"),
    include_str!("zh/functions/survival.json"),
    include_str!("zh/functions/tags.json"),
    include_str!("zh/functions/texts.json"),
    include_str!("zh/help.json"),
    include_str!("zh/kernels.json"),
    include_str!("zh/learning.json"),
    include_str!("zh/objects.json"),
    include_str!("zh/passwords.json"),
    include_str!("zh/postgres_settings.json"),
    include_str!("zh/refresh.json"),
    include_str!("zh/report.json"),
    include_str!("zh/scheduler.json"),
    include_str!("zh/server.json"),
    include_str!("zh/settings.json"),
    include_str!("zh/sql.json"),
    include_str!("zh/statement.json"),
    include_str!("zh/system.json"),
];

/// Single words that a message is filled with, and words of pages.
const WORDS: &[(&str, &str)] = &[
    ("required", "必需"),
    ("Source", "来源"),
    ("error", "错误"),
    ("note", "提示"),
    ("interrupted", "已中断"),
    ("Usage", "用法"),
    ("Options", "选项"),
    ("Commands", "命令"),
    ("Default", "默认"),
    ("relation", "关系"),
    ("condition", "条件"),
    ("number", "数值"),
    ("string", "字符串"),
    ("interval", "时间间隔"),
    ("query", "查询"),
    ("retention", "保留期限"),
    ("column", "列"),
    ("parameter", "参数"),
    ("setting", "设置"),
    ("option", "选项"),
    ("line", "行"),
    ("it", "它"),
    ("text", "字符串"),
    ("texts", "字符串"),
    ("numbers", "数值"),
    ("time", "时间"),
    ("times", "时间"),
    ("intervals", "时间间隔"),
    ("booleans", "布尔值"),
    ("list", "列表"),
    ("lists", "列表"),
    ("bytes", "字节"),
    ("field", "字段"),
    ("fields", "字段"),
    ("argument", "参数"),
    ("arguments", "参数"),
    ("none", "无"),
    ("failed", "失败"),
    ("cancelled", "已取消"),
    ("tab", "制表符"),
    ("date", "日期"),
    ("timestamp", "时间戳"),
    ("comment", "注释"),
    ("syntax", "语法"),
    ("subquery", "子查询"),
    ("category", "类别"),
    ("constant", "常量"),
    ("integer", "整数"),
    ("a value", "值"),
];

/// The kinds of objects, and what each is in Chinese. Messages begin with them, and list them: `tag spending, segment top`.
static KINDS: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| serde_json::from_str(include_str!("zh/kinds.json")).unwrap_or_default());

/// The texts of one language.
pub struct Catalogue {
    exact: HashMap<String, String>,
    /// Those with more words of their own come first.
    templates: Vec<Template>,
}

impl Catalogue {
    /// The Chinese one.
    pub fn chinese() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(CHINESE));
        &CATALOGUE
    }

    fn read(rooms: &[&str]) -> Self {
        let (mut exact, mut templates) = (HashMap::new(), vec![]);
        for room in rooms {
            // A test reads them all; a text of the program cannot be anything else.
            // In order, so that of two templates that fit as well, it is always the same one.
            let texts: BTreeMap<String, String> = serde_json::from_str(room).unwrap_or_default();
            templates.extend(texts.iter().filter_map(|(english, other)| Template::new(english, other)));
            exact.extend(texts);
        }
        templates.sort_by_key(|template| std::cmp::Reverse(template.weight()));
        Self { exact, templates }
    }

    /// A text that stands in the source as it is.
    pub fn exact(&self, english: &str) -> Option<&str> {
        let word = || WORDS.iter().find(|(word, _)| *word == english).map(|(_, other)| *other);
        self.exact.get(english).or_else(|| KINDS.get(english)).map(String::as_str).or_else(word)
    }

    /// A composed message; what the catalogue does not know of it stays English.
    pub fn message(&self, english: &str) -> String {
        self.known(english).unwrap_or_else(|| english.to_string())
    }

    /// A message of which the catalogue knows at least a part. What stands before a colon is its subject; what semicolons and line breaks
    /// part may come from several places.
    fn known(&self, english: &str) -> Option<String> {
        self.block(english)
            .or_else(|| self.parts(english, "\n", "\n", Self::message))
            .or_else(|| self.blocks(english))
            .or_else(|| self.parts(english, "; ", "；", Self::message))
            .or_else(|| self.parts(english, ": ", "：", Self::subject))
    }

    /// Texts of the catalogue one after the other, each of which may have semicolons of its own.
    fn blocks(&self, english: &str) -> Option<String> {
        english.rmatch_indices("; ").find_map(|(at, mark)| {
            let first = self.block(&english[..at])?;
            let rest = &english[at + mark.len()..];
            Some(match self.whole(&english[at..]) {
                Some(rest) => first + &rest,
                None => format!("{first}；{}", self.message(rest)),
            })
        })
    }

    /// A text of the catalogue, with or without a subject before it.
    fn block(&self, english: &str) -> Option<String> {
        let whole = self.weighed(english);
        if let Some((subject, problem)) = english.split_once(": ").filter(|(subject, _)| !subject.contains([';', '\n']))
            && let Some((weight, problem)) = self.weighed(problem).or_else(|| self.within(problem))
            // A text that has the subject in it says more than one that fits many problems: `there is no {}`.
            && whole.as_ref().is_none_or(|(own, _)| *own <= weight + ": ".len())
        {
            return Some(format!("{}：{problem}", self.subject(subject)));
        }
        whole.map(|(_, text)| text)
    }

    /// A problem with a subject of its own, `list: …` in `segment s: list: …`.
    fn within(&self, english: &str) -> Option<(usize, String)> {
        let (subject, problem) = english.split_once(": ").filter(|(subject, _)| !subject.contains([';', '\n']))?;
        let (weight, problem) = self.weighed(problem).or_else(|| self.within(problem))?;
        Some((weight + ": ".len(), format!("{}：{problem}", self.subject(subject))))
    }

    /// A text in two parts, of which the catalogue knows at least one.
    fn parts(&self, english: &str, mark: &str, joined: &str, of_first: fn(&Self, &str) -> String) -> Option<String> {
        let at = english.find(mark)?;
        let (first, rest) = (&english[..at], &english[at + mark.len()..]);
        let other = of_first(self, first);
        // What is added to messages, `; perhaps "a" is meant`, begins with its mark.
        if let Some(rest) = self.whole(&english[at..]) {
            return Some(other + &rest);
        }
        let known = self.known(rest);
        if other == first && known.is_none() {
            return None;
        }
        Some(format!("{other}{joined}{}", known.as_deref().unwrap_or(rest)))
    }

    /// What a message is about.
    pub fn subject(&self, english: &str) -> String {
        if let Some(text) = self.whole(english) {
            return text;
        }
        // The longest: an external table is no table.
        let kinds = KINDS.iter().map(|(word, other)| (word.as_str(), other.as_str()));
        let named = kinds.chain(WORDS.iter().copied()).filter_map(|(word, other)| {
            let name = english.strip_prefix(word)?.strip_prefix(' ')?;
            Some((word.len(), other, name))
        });
        match named.max_by_key(|(length, ..)| *length) {
            // `check positive on orders`
            Some((_, other, name)) => match name.split_once(" on ") {
                Some((name, of)) => format!("{other} {name}（{of}）"),
                None => format!("{other} {name}"),
            },
            None => english.to_string(),
        }
    }

    /// A text that is one of the catalogue from its first letter to its last.
    fn whole(&self, english: &str) -> Option<String> {
        self.weighed(english).map(|(_, text)| text)
    }

    /// The same, with the number of bytes that the catalogue has of it.
    fn weighed(&self, english: &str) -> Option<(usize, String)> {
        if let Some(text) = self.exact(english) {
            return Some((english.len(), text.to_string()));
        }
        let applied = |template: &Template| Some((template.weight(), template.apply(english, |hole| self.hole(hole))?));
        self.templates.iter().find_map(applied)
    }

    /// What fills a hole: a word, a text of the program, a list of words, or a value, which stays.
    pub fn hole(&self, english: &str) -> String {
        let word = english.strip_prefix("a ").or_else(|| english.strip_prefix("an ")).unwrap_or(english);
        if let Some(text) = self.exact(english).or_else(|| self.exact(word)) {
            return text.to_string();
        }
        // A value without a space is no text of ours.
        if !english.contains(' ') {
            return english.to_string();
        }
        if let Some(text) = self.argument(english).or_else(|| self.objects(english)) {
            return text;
        }
        match self.known(english) {
            Some(text) => text,
            None => self.words(word).unwrap_or_else(|| english.replace("' or '", "' 或 '")),
        }
    }

    /// `column, customer key, of any type`: what an argument takes, and what it means.
    fn argument(&self, english: &str) -> Option<String> {
        english.match_indices(", ").find_map(|(at, mark)| {
            // Names of columns are single words, and stay.
            let meaning = Some(&english[at + mark.len()..]).filter(|meaning| meaning.contains(' '))?;
            let meaning = self.exact(meaning).or_else(|| self.beginning(meaning))?;
            Some(format!("{}：{meaning}", self.whole(&english[..at])?))
        })
    }

    /// The first part of a text of which an error quotes no more.
    fn beginning(&self, english: &str) -> Option<&str> {
        let continues = |text: &&String| text.strip_prefix(english).is_some_and(|rest| rest.starts_with([';', ':', '.']));
        let whole = self.exact.keys().filter(continues).min()?;
        self.exact.get(whole)?.split(['；', '：', '。']).next()
    }

    /// `tag spending, segment top`
    fn objects(&self, english: &str) -> Option<String> {
        let object = |one: &str| {
            let (kind, name) = one.rsplit_once(' ')?;
            Some(format!("{} {name}", KINDS.get(kind)?))
        };
        let objects: Option<Vec<String>> = english.split(", ").map(object).collect();
        Some(objects?.join("、"))
    }

    /// `numbers, texts or times`, and lists of what is the same in every language: `DATE or TIMESTAMP`, `1 to 3`.
    fn words(&self, english: &str) -> Option<String> {
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_digit());
        if let Some((least, most)) = english.split_once(" to ").filter(|(least, most)| is_number(least) && is_number(most)) {
            return Some(format!("{least} 到 {most}"));
        }
        let pieces: Vec<&str> = english.split(" or ").collect();
        if let [most @ .., last] = pieces.as_slice()
            && !most.is_empty()
            && pieces.iter().all(|piece| is_name(piece))
        {
            let most = most.join("、");
            return Some(format!("{} 或 {last}", if most.contains('(') { most } else { most.replace(", ", "、") }));
        }
        let (most, last) = english.rsplit_once(" or ")?;
        let most: Option<Vec<&str>> = most.split(", ").map(|word| self.exact(word)).collect();
        Some(format!("{}或{}", most?.join("、"), self.exact(last)?))
    }
}

/// True for types and keywords, numbers, calls with types, and words of SQL in quotes: `DATE`, `3`, `round(DECIMAL, INTEGER)`, `'dmy', 'mdy'`.
fn is_name(text: &str) -> bool {
    let is_quoted =
        |word: &str| word.len() > 2 && word.matches('\'').count() == 2 && word.starts_with('\'') && word.ends_with('\'');
    if text.split(", ").all(is_quoted) {
        return true;
    }
    let types = text.split_once('(').map_or(text, |(_, types)| types.strip_suffix(')').unwrap_or(types));
    let is_of_name = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || matches!(letter, b',' | b' ');
    !types.is_empty() && types.bytes().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_every_translation_has_the_holes_of_its_text() {
        for room in CHINESE {
            let texts: HashMap<String, String> = serde_json::from_str(room).unwrap();
            for (english, other) in &texts {
                let has_hole = |text: &str| text.replace("{{", "").contains('{');
                if has_hole(english) && Template::new(english, english).is_some() {
                    assert!(Template::new(english, other).is_some(), "{english}\n{other}");
                }
            }
        }
    }

    #[test]
    fn messages_are_taken_apart() {
        let catalogue = Catalogue::read(&[
            r#"{"{name} is missing": "缺少 {name}", "write {how}": "请写 {how}", "there is no {kind} {name}": "没有{kind} {name}"}"#,
        ]);
        assert_eq!(catalogue.message("rfm: amount is missing"), "rfm：缺少 amount");
        assert_eq!(catalogue.message("profile p: amount is missing; write amount => x"), "画像 p：缺少 amount；请写 amount => x");
        assert_eq!(catalogue.message("p: there is no tag x"), "p：没有标签 x");
        assert_eq!(catalogue.message("segment s: rfm: write x => y"), "人群 s：rfm：请写 x => y");
        // A column may be called as one of our words is.
        assert_eq!(catalogue.message("segment is missing"), "缺少 segment");
        assert_eq!(catalogue.message("something else"), "something else");
        let catalogue = Catalogue::read(&[
            r#"{"there is no {what}": "缺少 {what}", "unset {name}: there is no such variable": "unset {name}：没有这个变量"}"#,
        ]);
        assert_eq!(catalogue.message("unset q: there is no such variable"), "unset q：没有这个变量");
        assert_eq!(catalogue.message("set q: there is no such variable"), "set q：缺少 such variable");
    }

    #[test]
    fn what_fills_a_hole_is_translated_too() {
        let catalogue = Catalogue::read(&[
            r#"{"is used by {}; drop them first": "被 {} 使用；请先 DROP 它们", "write {} => … ({})": "请写 {} => …（{}）", "customer key, of any type": "客户键，类型不限",
               "key of the row: a customer; must be unique": "行的键：一位客户；须唯一"}"#,
        ]);
        assert_eq!(catalogue.message("is used by tag a, segment b; drop them first"), "被 标签 a、人群 b 使用；请先 DROP 它们");
        assert_eq!(
            catalogue.message("is used by row policy a, mask b; drop them first"),
            "被 行级策略 a、脱敏规则 b 使用；请先 DROP 它们"
        );
        assert_eq!(
            catalogue.message("is used by a DATE or TIMESTAMP; drop them first"),
            "被 DATE 或 TIMESTAMP 使用；请先 DROP 它们"
        );
        assert_eq!(catalogue.message("is used by no one here; drop them first"), "被 no one here 使用；请先 DROP 它们");
        let said = |what: &str| catalogue.message(&format!("is used by {what}; drop them first"));
        assert_eq!(said("f(DATE, TIME) or f(TEXT)"), "被 f(DATE, TIME) 或 f(TEXT) 使用；请先 DROP 它们");
        assert_eq!(said("1 or 2 or 3"), "被 1、2 或 3 使用；请先 DROP 它们");
        assert_eq!(said("1 to 3"), "被 1 到 3 使用；请先 DROP 它们");
        assert_eq!(catalogue.hole("'dmy', 'mdy' or 'ymd'"), "'dmy'、'mdy' 或 'ymd'");
        assert_eq!(catalogue.hole("BIGINT, DECIMAL or DOUBLE"), "BIGINT、DECIMAL 或 DOUBLE");
        assert_eq!(
            catalogue.message("write key => … (column, customer key, of any type)"),
            "请写 key => …（列：客户键，类型不限）"
        );
        assert_eq!(catalogue.message("write key => … (column, key of the row)"), "请写 key => …（列：行的键）");
    }
}
