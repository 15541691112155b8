//! Normalised text, and the two scripts of Chinese.

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
            summary: "Cleans a text: one width, single spaces, no invisible characters.",
            description: "\
1. **Form.** `'nfkc'` (Unicode Standard Annex 15) unifies characters that look the same: full-width letters, digits and signs become ASCII,
half-width kana become full-width, ligatures, circled numbers and squared units are written out (`①` becomes `1`, `㎡` `m2`, `㈱` `(株)`).
`'halfwidth'` changes only full-width letters, digits, signs and spaces, and keeps `①`: use it for names. `'nfc'` only combines letters with
their accents.
2. **Invisible characters** are dropped: control characters, zero-width spaces, byte-order marks, soft hyphens, direction marks, fillers,
tags. Joiners are kept between the letters of Arabic and Indian scripts and between the parts of one emoji.
3. **Spaces** of every kind become one space, and those at the ends are dropped. Line breaks count as spaces, unless `keep_lines` is true.

A text that has only spaces gives `''`; write `nullif(clean_text(x), '')` to make it NULL. Cleaning a cleaned text again changes nothing.

**Cost.** About 1 second of CPU per million short texts, such as names and titles; it grows with the length of the texts.

**Elsewhere.** PostgreSQL: `normalize(text, NFKC)`; Python: `unicodedata.normalize`, `ftfy.fix_text`; DuckDB: `nfc_normalize`. None of them collapses
spaces or removes invisible characters, except `ftfy`.",
            arguments: &[
                text("text", "text as typed; NULL gives NULL"),
                Argument::optional("form", Takes::Choice(&["nfkc", "halfwidth", "nfc"]), "'nfkc'", "which characters are unified"),
                Argument::optional("letter_case", Takes::Choice(&["keep", "lower", "upper"]), "'keep'", "what to do with upper and lower case"),
                Argument::optional("keep_lines", Takes::Flag, "false", "keep line breaks, one between two lines"),
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
            summary: "Converts full-width letters, digits, signs and spaces to ASCII.",
            description: "\
U+FF01 to U+FF5E become `!` to `~`, U+3000 a space, and `￥￡￠￢￦` the signs of normal width. Everything else stays, also kana, `①` and spaces
at the ends: `clean_text` does more.

**Cost.** About 0.3 seconds of CPU per million short texts: a third of `clean_text`.

**Elsewhere.** Oracle: `to_single_byte`; Excel: `ASC`; Python: `jaconv.z2h`.",
            arguments: &[text("text", "text to convert; NULL gives NULL")],
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
            summary: "Converts Chinese text to simplified characters.",
            description: "\
Uses the tables of OpenCC, longest phrase first: 乾燥 becomes 干燥, 乾隆 stays 乾隆. Text that is already simplified, and every other script, stays
as it is. Words are not replaced: 軟體 becomes 软体, not 软件. Characters whose simplified form exists in hardly any font stay. Kanji in Japanese
text are converted too, so separate the languages first.

**Cost.** About 0.1 seconds of CPU per million characters; the tables are part of the program.

**Elsewhere.** Python: `opencc.OpenCC('t2s').convert`; ICU: the transform `Traditional-Simplified`, character by character.",
            arguments: &[text("text", "text to convert; NULL gives NULL")],
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
            summary: "Converts Chinese text to traditional characters.",
            description: "\
Uses the tables of OpenCC (its own standard, `s2t`, neither Taiwan's nor Hong Kong's), longest phrase first: 发展 becomes 發展, 理发 理髮. Where no
phrase decides, a character becomes its most frequent counterpart, so names can come out wrong (范 may be 范 or 範).

**Cost.** About 0.2 seconds of CPU per million characters; the tables are part of the program.

**Elsewhere.** Python: `opencc.OpenCC('s2t').convert`; ICU: the transform `Simplified-Traditional`, character by character.",
            arguments: &[text("text", "text to convert; NULL gives NULL")],
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
