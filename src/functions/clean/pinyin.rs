//! Pinyin.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::chinese::pinyin::{Style, Tone, write};

pub static ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: "pinyin",
        domain: "clean",
        summary: "Converts Chinese text to pinyin.",
        description: "\
The text is split into words as by `words`. A character gets its most common reading, unless its word is one of 1,550 words with characters
of several readings (重庆 `chong qing`, 银行 `yin hang`, 会计 `kuai ji`). With `name => true` the beginning is read as a surname, and words do not
decide about the rest: 单雄信 is `shan xiong xin`; 欧阳 and about 70 other two-character surnames are known.

ü is written `v` (`lv`), with tone marks `ü`. Simplified and traditional characters are read; text that is not Chinese stays, set apart by
the separator.

**Limits.** Weighted by frequency, 99.7 % of all words of jieba get the same reading as from pypinyin, which lists 47,000 words. Readings
that depend on the sentence (得, 着, 地, 还) get the most common one. Tones are those of the dictionary, without tone sandhi: 你好 is `ni3 hao3`.
A person may read the own name differently.

**Cost.** About 0.2 seconds of CPU per million characters. The first call loads the dictionary of `words`: 0.2 s and 35 MB.

**Elsewhere.** Python: `pypinyin.lazy_pinyin`; Java: pinyin4j; PostgreSQL and DuckDB have none.",
        arguments: &[
            text("text", "Chinese text; other characters stay as they are; NULL gives NULL"),
            Argument::optional("tone", Takes::Choice(&["none", "number", "mark"]), "'none'", "`chong`, `chong2` or `chóng`"),
            Argument::optional("separator", Takes::Text, "' '", "separator between syllables"),
            Argument::optional("letters", Takes::Choice(&["all", "initials"]), "'all'", "whole syllables, or only their first letters"),
            Argument::optional("name", Takes::Flag, "false", "the text is the name of a person"),
        ],
        examples: &["SELECT pinyin('重庆银行') AS plain, pinyin('重庆银行', tone => 'mark') AS marked, pinyin('重庆银行', letters => 'initials', separator => '') AS initials,
  pinyin('单雄信', name => true) AS name;",
            "SELECT name, pinyin(name, name => true) AS pinyin FROM sample_customers(rows => 4) ORDER BY customer_id;"],
        source: "sounds of characters from pinyin-data (crate pinyin); GB/T 28039-2011 for names",
        ..Doc::EMPTY
    },
    Gives::Text(|options| {
        let tone = match options.word("tone")? {
            "number" => Tone::Number,
            "mark" => Tone::Mark,
            _ => Tone::None,
        };
        let separator = options.text("separator").unwrap_or(" ").to_string();
        let (initials, is_name) = (options.word("letters")? == "initials", options.flag("name")?);
        Ok(Box::new(move |text, pinyin| {
            pinyin.push_str(&write(text, Style { tone, separator: &separator, initials, is_name }));
            true
        }))
    }),
)];
