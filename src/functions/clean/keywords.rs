//! The aggregate `keywords`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Float64Builder, ListBuilder, StringViewBuilder, StructBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use crate::adapter::aggregate::{Grouped, GroupedFunction};
use crate::adapter::arguments::Options;
use crate::docs::{Argument, Doc, Kind, Takes};
use crate::error::invalid;
use crate::kernels::chinese::keywords::{Counts, Method, Words};
use crate::kernels::chinese::segmentation::cut;

const DOC: Doc = Doc {
    name: "keywords",
    kind: Kind::Aggregate,
    domain: "clean",
    summary: "Returns the most characteristic words of the texts of a group, with weights: a list of STRUCT(word, weight).",
    description: "\
Texts are split as by `words`. One-letter words, numbers and about 510 words that occur in every text are ignored, and words are
lower-cased. To use your own words, pass `words(text, dictionary => …)` instead of a text: lists of words are used as they are.

- `'tf_idf'`: the share of a word among the words of the group, times its inverse document frequency in the corpus of jieba (for a word that
  the corpus does not have, such as English words, the median, 12.0). The weights of all words of a group add up to the mean inverse
  document frequency.
- `'text_rank'`: words are linked by how often they occur within five words of each other, and have a high rank if words of high rank are
  near (damping 0.85). The best word has weight 1.

Highest weights first; ties in alphabetical order. The result does not depend on the order of rows. NULL for a group without a text.

All words of a group are kept until its result, with `text_rank` also their pairs: 30 bytes or more for each, counted towards the memory
limit. The first call loads the dictionary and, for `tf_idf`, the corpus: 0.2 s and 35 MB each.

**Cost.** One pass over the texts, each split once.

**Elsewhere.** Python: `jieba.analyse.extract_tags` and `textrank`, of one text per call; scikit-learn: `TfidfVectorizer`, whose inverse document
frequency comes from the rows given; R: `bind_tf_idf` of tidytext.",
    arguments: &[
        Argument::required("text", Takes::Value("string or list of words"), "text of the row, or its list of words; rows with NULL are left out"),
        Argument::optional("top", Takes::Integer(1, 10_000), "10", "maximum number of words in the result, the best first"),
        Argument::optional("method", Takes::Choice(&["tf_idf", "text_rank"]), "'tf_idf'", "how words are weighted"),
    ],
    examples: &["SELECT topic, keywords(review, top => 2) AS keywords
FROM (VALUES ('a', '口红颜色很好看，口红不掉色'), ('a', '这支口红的颜色适合秋天'), ('b', '快递太慢，等了一周'), ('b', '快递小哥态度很好')) AS given(topic, review)
GROUP BY topic ORDER BY topic;"],
    source: "G. Salton, C. Buckley: Term-weighting approaches in automatic text retrieval (1988); R. Mihalcea, P. Tarau: TextRank (2004); jieba's corpus",
    ..Doc::EMPTY
};

#[derive(Debug, Clone)]
pub struct Keywords;

impl GroupedFunction for Keywords {
    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn result(&self, arguments: &[DataType]) -> Result<DataType> {
        let is_text = |data_type: &DataType| data_type.is_string() || data_type.is_null();
        match &arguments[0] {
            DataType::List(item) | DataType::LargeList(item) if is_text(item.data_type()) => {}
            text if is_text(text) => {}
            other => {
                return Err(invalid(
                    DOC.name,
                    format!("text must be a text or a list of words, got {other}; convert it with CAST(… AS VARCHAR)"),
                ));
            }
        }
        Ok(DataType::List(Arc::new(item())))
    }

    fn state(&self, _arguments: &[DataType]) -> Result<Vec<(&'static str, DataType)>> {
        Ok(vec![("counts", DataType::Binary)])
    }

    fn start(&self, arguments: &[DataType]) -> Result<Box<dyn Grouped>> {
        self.start_with(arguments, &[])
    }

    fn start_with(&self, arguments: &[DataType], constants: &[Option<ScalarValue>]) -> Result<Box<dyn Grouped>> {
        let mut given = vec![];
        for (place, argument) in DOC.arguments.iter().enumerate().take(arguments.len()).skip(1) {
            match constants.get(place) {
                Some(Some(value)) => given.push((argument.name, value.clone())),
                _ => return Err(invalid(DOC.name, format!("{} must be a constant", argument.name))),
            }
        }
        let options = Options::read(&DOC, given)?;
        let top = usize::try_from(options.integer("top")?).unwrap_or(usize::MAX);
        let method = if options.word("method")? == "text_rank" { Method::TextRank } else { Method::TfIdf };
        Ok(Box::new(Groups { top, method, words: Words::default(), groups: vec![], bytes: 0 }))
    }

    fn counts_repeats(&self) -> bool {
        true
    }
}

fn fields() -> Fields {
    vec![Field::new("word", DataType::Utf8View, true), Field::new("weight", DataType::Float64, true)].into()
}

fn item() -> Field {
    Field::new_list_field(DataType::Struct(fields()), true)
}

#[derive(Debug)]
struct Groups {
    top: usize,
    method: Method,
    words: Words,
    /// None for a group without a string.
    groups: Vec<Option<Counts>>,
    /// Of the counts of all groups.
    bytes: usize,
}

/// The counts of a group as they travel: words with counts, and pairs of their places with counts.
type Written = (Vec<(String, u64)>, Vec<(u32, u32, u64)>);

impl Groups {
    fn add<'a>(&mut self, group: usize, tokens: impl IntoIterator<Item = &'a str>) {
        let counts = self.groups[group].get_or_insert_default();
        let before = counts.size();
        counts.add(&mut self.words, tokens, self.method);
        self.bytes += counts.size() - before;
    }

    fn write(&self, counts: &Counts) -> Result<Vec<u8>> {
        let mut words: Vec<(u32, u64)> = counts.words().collect();
        words.sort_unstable();
        let place = |word: u32| words.binary_search_by_key(&word, |(word, _)| *word).unwrap_or_default() as u32;
        let pairs = counts.pairs().map(|((one, other), count)| (place(one), place(other), count)).collect();
        let texts = words.iter().map(|(word, count)| (self.words.text(*word).to_string(), *count)).collect();
        let written: Written = (texts, pairs);
        postcard::to_stdvec(&written).map_err(|error| internal_datafusion_err!("keywords: {error}"))
    }
}

impl Grouped for Groups {
    fn fresh(&self) -> Box<dyn Grouped> {
        Box::new(Self { words: Words::default(), groups: vec![], bytes: 0, ..*self })
    }

    fn grow(&mut self, total: usize) {
        self.groups.resize_with(total, || None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let texts = &arguments[0];
        if let DataType::List(_) | DataType::LargeList(_) = texts.data_type() {
            let lists = cast(texts, &DataType::new_list(DataType::Utf8View, true))?;
            for (list, group) in lists.as_list::<i32>().iter().zip(groups) {
                let Some(list) = list else { continue };
                self.add(*group, list.as_string_view().iter().flatten());
            }
            return Ok(());
        }
        let texts = cast(texts, &DataType::Utf8View)?;
        let mut tokens = vec![];
        for (text, group) in texts.as_string_view().iter().zip(groups) {
            let Some(text) = text else { continue };
            tokens.clear();
            cut(text, None, |token| tokens.push(token));
            self.add(*group, tokens.iter().copied());
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        for (state, group) in states[0].as_binary::<i32>().iter().zip(groups) {
            let Some(state) = state else { continue };
            let (words, pairs): Written =
                postcard::from_bytes(state).map_err(|error| internal_datafusion_err!("keywords: {error}"))?;
            let numbers: Vec<u32> = words.iter().map(|(word, _)| self.words.number(word)).collect();
            let counts = self.groups[*group].get_or_insert_default();
            let before = counts.size();
            numbers.iter().zip(&words).for_each(|(number, (_, count))| counts.add_word(*number, *count));
            for (one, other, count) in pairs {
                if let (Some(one), Some(other)) = (numbers.get(one as usize), numbers.get(other as usize)) {
                    counts.add_pair(*one, *other, count);
                }
            }
            self.bytes += counts.size() - before;
        }
        Ok(())
    }

    fn results(&mut self, first: usize) -> Result<ArrayRef> {
        let columns = StructBuilder::new(fields(), vec![Box::new(StringViewBuilder::new()), Box::new(Float64Builder::new())]);
        let mut lists = ListBuilder::new(columns).with_field(item());
        for counts in &self.groups[..first] {
            let Some(counts) = counts else {
                lists.append_null();
                continue;
            };
            for (word, weight) in counts.best(&mut self.words, self.method, self.top) {
                let columns = lists.values();
                if let Some(words) = columns.field_builder::<StringViewBuilder>(0) {
                    words.append_value(&word);
                }
                if let Some(weights) = columns.field_builder::<Float64Builder>(1) {
                    weights.append_value(weight);
                }
                columns.append(true);
            }
            lists.append(true);
        }
        Ok(Arc::new(lists.finish()))
    }

    fn states(&mut self, first: usize) -> Result<Vec<ArrayRef>> {
        let mut states = BinaryBuilder::new();
        for counts in &self.groups[..first] {
            match counts {
                Some(counts) => states.append_value(self.write(counts)?),
                None => states.append_null(),
            }
        }
        Ok(vec![Arc::new(states.finish())])
    }

    fn forget(&mut self, first: usize) {
        for counts in self.groups.drain(..first).flatten() {
            self.bytes -= counts.size();
        }
        if self.groups.is_empty() {
            self.words = Words::default();
            self.groups = vec![];
        }
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn size(&self) -> usize {
        self.words.size() + self.bytes + self.groups.capacity() * size_of::<Option<Counts>>()
    }
}
