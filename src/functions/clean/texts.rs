//! Texts made even, and the two scripts of Chinese.

use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::chinese::conversion;
use crate::kernels::cleaning::texts::{Case, Cleaning, Form, halfwidth};

pub static ALL: [TextFunction; 4] = [
    TextFunction::new(
        Doc {
            name: "clean_text",
            domain: "clean",
            summary: "A text in one form: one width, single spaces, nothing invisible.",
            description: "\
1. **Form.** `'nfkc'` (Unicode Standard Annex 15) makes one character of what looks the same: full-width letters, digits and signs become ASCII,
   half-width kana become full, ligatures, circled numbers and squared units are written out (`①` is `1`, `㎡` is `m2`, `㈱` is `(株)`). `'halfwidth'`
   changes only full-width letters, digits, signs and spaces, and keeps `①`: for names. `'nfc'` only joins letters and their accents.
2. **Invisible characters** are dropped: controls, zero-width spaces, byte-order marks, soft hyphens, marks of direction, fillers, tags. Joiners stay
   between the letters of Arabic and Indian scripts and between the parts of one emoji.
3. **Spaces** of every kind become one space, those at the ends are dropped. Line breaks are spaces too, unless `keep_lines`.

A text of nothing but spaces gives `''`; write `nullif(clean_text(x), '')` to make it NULL. A cleaned text cleaned again stays as it is.",
            arguments: &[
                text("text", "the text as it was typed"),
                Argument::optional("form", Takes::Choice(&["nfkc", "halfwidth", "nfc"]), "'nfkc'", "which characters count as one"),
                Argument::optional("letter_case", Takes::Choice(&["keep", "lower", "upper"]), "'keep'", "what happens to capitals"),
                Argument::optional("keep_lines", Takes::Flag, "false", "line breaks stay, one between two lines"),
            ],
            examples: &["SELECT clean_text('　Ｐｏｒｔｒａｉｔ　　客户　画像 ') AS clean, clean_text('１２㎡', form => 'halfwidth') AS name;"],
            source: "Unicode Standard Annex 15, Unicode Normalization Forms",
            ..Doc::EMPTY
        },
        Gives::Text(|options| {
            let cleaning = cleaning(options)?;
            Ok(Box::new(move |text, clean| {
                clean.push_str(&cleaning.clean(text));
                true
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "to_halfwidth",
            domain: "clean",
            summary: "A text whose full-width letters, digits, signs and spaces are ASCII.",
            description: "\
U+FF01 to U+FF5E become `!` to `~`, U+3000 a space, `￥￡￠￢￦` the signs of usual width. Everything else stays, also kana, `①` and spaces at the ends:
`clean_text` does more.",
            arguments: &[text("text", "the text")],
            examples: &["SELECT to_halfwidth('ＡＢＣ　１２３！') AS half;"],
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|text, half| {
                half.push_str(&halfwidth(text));
                true
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "to_simplified",
            domain: "clean",
            summary: "A Chinese text in simplified characters.",
            description: "\
By the tables of OpenCC, longest phrase first: 乾燥 is 干燥, 乾隆 stays 乾隆. Text that is simplified already, and every other script, stays as it is.
Words are not exchanged: 軟體 becomes 软体, not 软件. Characters whose simplified form hardly any font shows are left. In Japanese text kanji are converted
too: tell the languages apart before.",
            arguments: &[text("text", "the text")],
            examples: &["SELECT to_simplified('憑藉乾隆年間的頭髮') AS simplified;"],
            source: "OpenCC 1.4, dictionaries TSCharacters and TSPhrases",
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|text, simplified| {
                simplified.push_str(&conversion::to_simplified(text));
                true
            }))
        }),
    ),
    TextFunction::new(
        Doc {
            name: "to_traditional",
            domain: "clean",
            summary: "A Chinese text in traditional characters.",
            description: "\
By the tables of OpenCC (its own standard, `s2t`, neither Taiwan's nor Hong Kong's), longest phrase first: 发展 is 發展, 理发 is 理髮. Where no phrase decides,
a character takes its most frequent counterpart, so that names can come out wrong (范 may be 范 or 範).",
            arguments: &[text("text", "the text")],
            examples: &["SELECT to_traditional('发展理发业') AS traditional;"],
            source: "OpenCC 1.4, dictionaries STCharacters and STPhrases",
            ..Doc::EMPTY
        },
        Gives::Text(|_| {
            Ok(Box::new(|text, traditional| {
                traditional.push_str(&conversion::to_traditional(text));
                true
            }))
        }),
    ),
];

fn cleaning(options: &Options) -> Result<Cleaning> {
    Ok(Cleaning {
        form: match options.word("form")? {
            "halfwidth" => Form::Halfwidth,
            "nfc" => Form::Nfc,
            _ => Form::Nfkc,
        },
        case: match options.word("letter_case")? {
            "lower" => Case::Lower,
            "upper" => Case::Upper,
            _ => Case::Keep,
        },
        keep_lines: options.flag("keep_lines")?,
    })
}
