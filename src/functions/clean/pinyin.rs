//! Pinyin.

use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::chinese::pinyin::{Style, Tone, write};

pub static ALL: [TextFunction; 1] = [TextFunction::new(
    Doc {
        name: "pinyin",
        domain: "clean",
        summary: "A Chinese text in pinyin.",
        description: "\
The text is cut into words as `words` does. A character has its most usual sound, unless its word is one of 1,550 with characters of several sounds (重庆 `chong qing`, 银行 `yin
hang`, 会计 `kuai ji`). With `name => true` the beginning is read as a surname, and no word decides about the rest: 单雄信 is `shan xiong xin`, 欧阳 and some 70 other surnames of
two characters are known.

ü is written `v` (`lv`), with marks `ü`. Simplified and traditional characters are read; what is not Chinese stays, set apart by the separator.

**Limits.** Of all words of jieba, weighted by how frequent they are, 99.7 % have the same sounds as by pypinyin, which lists 47,000 words. Sounds that depend on the sentence
(得, 着, 地, 还) have their most usual one. Tones are those of the dictionary, without sandhi: 你好 is `ni3 hao3`. How somebody reads his own name is not known.",
        arguments: &[
            text("text", "the text"),
            Argument::optional("tone", Takes::Choice(&["none", "number", "mark"]), "'none'", "`chong`, `chong2` or `chóng`"),
            Argument::optional("separator", Takes::Text, "' '", "between syllables"),
            Argument::optional("letters", Takes::Choice(&["all", "initials"]), "'all'", "whole syllables, or their first letters"),
            Argument::optional("name", Takes::Flag, "false", "the text is the name of a person"),
        ],
        examples: &["SELECT pinyin('重庆银行') AS plain, pinyin('重庆银行', tone => 'mark') AS marked, pinyin('重庆银行', letters => 'initials', separator => '') AS initials,
  pinyin('单雄信', name => true) AS name;"],
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
