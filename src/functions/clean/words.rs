//! The words and the sentiment of texts.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Float64Builder, ListBuilder, StringViewArray, StringViewBuilder, StructBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use crate::adapter::arguments::Options;
use crate::adapter::given_table::{self, Compiled};
use crate::adapter::text_function::{Gives, TextFunction, text};
use crate::docs::{Argument, Doc, Takes};
use crate::kernels::chinese::segmentation::{Dictionary, cut, is_stop_word, is_word};
use crate::kernels::chinese::sentiment::{Lexicon, shipped};

const LEXICON: Argument = Argument::optional(
    "lexicon",
    Takes::Table(&["word", "score"]),
    "",
    "your own words with scores from −1 to 1; they take precedence over the built-in lexicon",
);

const SHIPPED: Argument = Argument::optional("shipped", Takes::Flag, "true", "false: use only the words of `lexicon`");

pub static ALL: [TextFunction; 3] = [
    TextFunction::new(
        Doc {
            name: "words",
            domain: "clean",
            summary: "Splits a text into its words: a list, in order.",
            description: "\
Chinese is split by jieba: the most likely path through its dictionary of 349,000 words, and a hidden Markov model for what is not in it.
Words of other alphabets and numbers are kept whole. Spaces and punctuation are dropped. The text is used as it is: write `words(clean_text(x))` for
full-width letters, and `words(to_simplified(x))` for traditional characters, of which the dictionary has few.

`dictionary` is a table with your own words in the column `word`, or a list. These words are always kept whole, the longest at each place
first, whatever jieba would do. `stop_words => 'drop'` removes about 510 words that occur in every text (我们, 但是, the).

A text without words gives an empty list. Write `unnest(words(x))` for one row per word.

**Cost.** About 0.1 seconds of CPU per million characters. The first call loads the dictionary: 0.2 s and 35 MB.

**Elsewhere.** Python: `jieba.lcut`, which keeps spaces and punctuation; PostgreSQL: `to_tsvector` with the extension zhparser or pg_jieba, without
order; ClickHouse: `tokens`, which does not split Chinese by words.",
            arguments: &[
                text("text", "text to split, Chinese, Latin or mixed; NULL gives NULL"),
                Argument::optional("dictionary", Takes::Table(&["word"]), "", "words that are never split"),
                Argument::optional("stop_words", Takes::Choice(&["keep", "drop"]), "'keep'", "whether to keep words that occur in every text"),
            ],
            examples: &[
                "SELECT words('这支口红的颜色很适合秋天') AS words, words('这支口红的颜色很适合秋天', stop_words => 'drop') AS without_stop_words;",
                "WITH mine AS (SELECT * FROM (VALUES ('会员日')) AS given(word))
SELECT words('我在会员日买了口红', dictionary => mine) AS words;",
            ],
            source: "jieba (jieba-rs), dictionary and hidden Markov model of jieba 0.42",
            ..Doc::EMPTY
        },
        Gives::Array(|_| Ok(DataType::List(Arc::new(item()))), words),
    ),
    TextFunction::new(
        Doc {
            name: "sentiment",
            domain: "clean",
            summary: "Scores the sentiment of a text from −1 (negative) to 1 (positive), by a lexicon of Chinese and English words.",
            description: "\
The scores of the words that are in the lexicon are added up:

- a negation within the three words before it (不, 没有, 不是, not, never, n't) multiplies the score of a word by −0.74;
- a degree word there makes it stronger (极其, 最 × 1.6; 非常, 很, very × 1.3) or weaker (比较 × 0.8; 有点, slightly × 0.6);
- of two clauses with 但是, 不过, but between them, the first counts half and the second one and a half times.

A sum s gives s / √(s² + 15⁄16), as in VADER. The result is 0 if no word is known, and NULL for a text that has only spaces.
`sentiment_words` shows what was counted.

The built-in lexicon has 950 Chinese words and 30 emoji, written for reviews of products and services, and the 7,200 English words of VADER.
You can add your own words from a table with the columns `word` and `score`.

**Limits.** Words are counted, not understood: irony, comparisons (比以前好), conditions (要是好用就好了), quotations, and words whose meaning depends
on the subject (快 about a delivery and about a battery running out) are read wrongly. Test: 17,561 sentences from reviews of hotels, books
and computers that were not used to make the lexicon, each with the label of its review. 85 % have a known word, and 79 % of these get the
right sign. Use it over many texts, not to judge one.

**Cost.** About 0.5 seconds of CPU per million characters. The first call loads the dictionary of `words`: 0.2 s and 35 MB.

**Elsewhere.** Python: `vaderSentiment`, for English; SnowNLP, a classifier trained on purchases, from 0 to 1. Snowflake: `SENTIMENT`, by a language
model, which understands irony better, and costs more.",
            arguments: &[text("text", "text to score, such as a review; NULL gives NULL"), LEXICON, SHIPPED],
            examples: &[
                "SELECT review, round(sentiment(review), 2) AS sentiment
FROM (VALUES ('质量很好，非常满意'), ('不太好用'), ('价格便宜，但是质量很差'), ('Not bad at all'), ('今天星期五')) AS given(review);",
                "WITH mine AS (SELECT * FROM (VALUES ('种草', 0.8)) AS given(word, score))
SELECT round(sentiment('被种草了', lexicon => mine), 2) AS sentiment;",
            ],
            source: "C. J. Hutto, E. Gilbert: VADER, A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text (2014)",
            ..Doc::EMPTY
        },
        Gives::Array(|_| Ok(DataType::Float64), sentiments),
    ),
    TextFunction::new(
        Doc {
            name: "sentiment_words",
            domain: "clean",
            summary: "Returns the words that `sentiment` counts in a text: a list of STRUCT(word, score).",
            description: "\
In the order of the text, each with its score after negation, degree and \"but\". The list is empty if no word is known.

**Cost.** As `sentiment`: each call reads the text again.

**Elsewhere.** R: `sentimentr::extract_sentiment_terms`; Python's `vaderSentiment` returns the scores only.",
            arguments: &[text("text", "text to score, such as a review; NULL gives NULL"), LEXICON, SHIPPED],
            examples: &["SELECT sentiment_words('物流很快，但是包装不好看') AS words;"],
            ..Doc::EMPTY
        },
        Gives::Array(|_| Ok(DataType::List(Arc::new(felt_item()))), felt),
    ),
];

fn item() -> Field {
    Field::new_list_field(DataType::Utf8View, true)
}

static DICTIONARIES: Compiled<Dictionary> = Compiled::new();

fn words(texts: &StringViewArray, options: &Options) -> Result<ArrayRef> {
    let drop = options.word("stop_words")? == "drop";
    let own = options.list("dictionary").map(|rows| {
        DICTIONARIES.of(rows, |rows| Ok(Dictionary::of(given_table::texts("words", rows, "word")?.iter().flatten())))
    });
    let own = own.transpose()?;
    let mut lists = ListBuilder::new(StringViewBuilder::new()).with_field(item());
    for text in texts {
        let Some(text) = text else {
            lists.append_null();
            continue;
        };
        cut(text, own.as_deref(), |word| {
            if is_word(word) && !(drop && is_stop_word(word)) {
                lists.values().append_value(word);
            }
        });
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// Two of them for each table: with the shipped words, and alone.
static LEXICONS: [Compiled<Lexicon>; 2] = [Compiled::new(), Compiled::new()];

/// The lexicon of a call; none is the shipped one.
fn lexicon(function: &str, options: &Options) -> Result<Option<Arc<Lexicon>>> {
    let with_shipped = options.flag("shipped")?;
    let Some(rows) = options.list("lexicon") else {
        return Ok((!with_shipped).then(Arc::default));
    };
    let lexicon = LEXICONS[usize::from(with_shipped)].of(rows, |rows| {
        let (words, scores) = (given_table::texts(function, rows, "word")?, given_table::numbers(function, rows, "score")?);
        let own = Lexicon::of(words.iter().zip(&scores).filter_map(|(word, score)| Some((word?, score?.clamp(-1.0, 1.0)))));
        Ok(if with_shipped { own.with_shipped() } else { own })
    })?;
    Ok(Some(lexicon))
}

fn sentiments(texts: &StringViewArray, options: &Options) -> Result<ArrayRef> {
    let own = lexicon("sentiment", options)?;
    let lexicon = own.as_deref().unwrap_or_else(|| shipped());
    let one = |text: &str| (!text.trim().is_empty()).then(|| lexicon.sentiment(text));
    Ok(Arc::new(texts.iter().map(|text| text.and_then(one)).collect::<Float64Array>()))
}

fn felt_fields() -> Fields {
    vec![Field::new("word", DataType::Utf8View, true), Field::new("score", DataType::Float64, true)].into()
}

fn felt_item() -> Field {
    Field::new_list_field(DataType::Struct(felt_fields()), true)
}

fn felt(texts: &StringViewArray, options: &Options) -> Result<ArrayRef> {
    let own = lexicon("sentiment_words", options)?;
    let lexicon = own.as_deref().unwrap_or_else(|| shipped());
    let columns = StructBuilder::new(felt_fields(), vec![Box::new(StringViewBuilder::new()), Box::new(Float64Builder::new())]);
    let mut lists = ListBuilder::new(columns).with_field(felt_item());
    for text in texts {
        let Some(text) = text else {
            lists.append_null();
            continue;
        };
        for felt in lexicon.felt(text) {
            let columns = lists.values();
            if let Some(words) = columns.field_builder::<StringViewBuilder>(0) {
                words.append_value(&felt.word);
            }
            if let Some(scores) = columns.field_builder::<Float64Builder>(1) {
                scores.append_value(felt.score);
            }
            columns.append(true);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}
